"""Delivery: from a rendered letter to the relay, and from the outcome to the next step.

In reading order: `message` builds the letter, `dkim` signs it, a transport hands it over (`smtp`, `inbox`, `folders`,
`memory`), and `retry` judges the outcome. `base` says what a transport provides. A new one is one class with its own
`kind` and a `send` method, added to `AnyTransport`.

`smtp` hands over through a `connection_pool`, which drives an `smtp_session` for each connection. The decisions of
the pool are in `letter_queue`, `connection_budget`, `failover` and `outcome_buffer`.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from paperround.delivery.base import Transport
from paperround.delivery.folders import FileTransport, MaildirTransport
from paperround.delivery.inbox import InboxTransport
from paperround.delivery.memory import MemoryTransport
from paperround.delivery.smtp import SmtpTransport

__all__ = [
    "AnyTransport",
    "FileTransport",
    "InboxTransport",
    "MaildirTransport",
    "MemoryTransport",
    "SmtpTransport",
    "Transport",
]


_Transport = FileTransport | InboxTransport | MaildirTransport | MemoryTransport | SmtpTransport
_FIELDS = {name for transport in get_args(_Transport) for name in transport.model_fields}


def _own_fields(value: Any) -> Any:
    """Drop settings of other transports, so that one variable can switch a configured site to another transport."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "inbox")
    own = next((one for one in get_args(_Transport) if one.model_fields["kind"].default == kind), None)
    foreign = _FIELDS - set(own.model_fields) if own else set()
    return {"kind": kind} | {name: setting for name, setting in value.items() if name not in foreign}


AnyTransport = Annotated[_Transport, Field(discriminator="kind"), BeforeValidator(_own_fields)]
