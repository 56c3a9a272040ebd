"""Delivery: from a rendered letter to the relay, and from the outcome to the next step.

In reading order: `message` builds the letter, `dkim` signs it, a transport hands it over (`smtp` with its
`connection_pool` and `smtp_session`, `inbox`, `folders`, `memory`), and `retry` judges the outcome. A new transport
is one class with its own `kind` and a `send` method, added to `AnyTransport`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Protocol, get_args

from pydantic import BeforeValidator, Field

from paperround.delivery.folders import FileTransport, MaildirTransport
from paperround.delivery.inbox import InboxTransport
from paperround.delivery.memory import MemoryTransport
from paperround.delivery.smtp import SmtpTransport
from paperround.domain.models import Letter, Outcome

__all__ = [
    "AnyTransport",
    "FileTransport",
    "InboxTransport",
    "MaildirTransport",
    "MemoryTransport",
    "SmtpTransport",
    "Transport",
]


class Transport(Protocol):
    """A delivery method; a frozen pydantic model with its own settings."""

    @property
    def kind(self) -> str:
        """The value of the setting `transport.kind` that selects it."""
        ...

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Draw letters until there are no more, and report one outcome for each.

        `report` takes the outcomes of a group of letters and returns once they are stored durably. `letters` and
        `report` are called from one thread. The transport limits how many letters it draws before it reports them:
        after a crash that many may be sent twice. A transport that cannot accept any letter reports those it has
        drawn as `Stage.CONNECT` without a code, and raises TransportError; the rest stays undrawn. An error raised
        by `letters` or `report` ends sending: letters under way are finished, then it is raised again.
        """
        ...


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
