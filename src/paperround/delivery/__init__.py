"""Delivery: from a rendered letter to the relay, and from what comes back to a verdict.

In reading order: `message` builds the letter, `dkim` signs it, a transport hands it over (`smtp` with its
`connection_pool` and `smtp_session`, `inbox`, `folders`, `memory`), `retry` judges the outcome.
A new transport is one class here with a `kind` of its own, one method, and its name in `AnyTransport`.
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
    """Takes letters somewhere; a frozen pydantic model that carries its own settings."""

    @property
    def kind(self) -> str:
        """The name that the setting `transport.kind` knows it by."""
        ...

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Draw letters until there are no more and report one outcome for each.

        `report` takes the outcomes of a group of letters and returns once they are durable. `letters` and
        `report` are called by one thread. How many letters may be drawn and not reported yet is the transport's
        to limit: after a crash so many may go out twice. A transport that can take no letter at all reports those
        it has drawn as `Stage.CONNECT` without a code and raises TransportError; the rest stays undrawn. An error
        out of `letters` or `report` ends the sending: letters under way are finished, then it is raised.
        """
        ...


_Transport = FileTransport | InboxTransport | MaildirTransport | MemoryTransport | SmtpTransport
_FIELDS = {name for transport in get_args(_Transport) for name in transport.model_fields}


def _own_fields(value: Any) -> Any:
    """The settings without those of other kinds, so that one variable can switch a configured site to another."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "inbox")
    kinds = {transport.model_fields["kind"].default: transport for transport in get_args(_Transport)}
    foreign = _FIELDS - set(kinds[kind].model_fields) if kind in kinds else set()
    return {"kind": kind} | {name: setting for name, setting in value.items() if name not in foreign}


AnyTransport = Annotated[_Transport, Field(discriminator="kind"), BeforeValidator(_own_fields)]
