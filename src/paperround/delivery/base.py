"""What every transport provides, and the answers of those without limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self

from paperround.domain.models import Letter, Outcome


class Transport(Protocol):
    """A delivery method; a frozen pydantic model with its own settings."""

    @property
    def kind(self) -> str:
        """The value of the setting `transport.kind` that selects it."""
        ...

    @property
    def per_day(self) -> int | None:
        """The most letters that it may be given per day (UTC); None for no limit."""
        ...

    def share_pace(self, reserve: Callable[[float], float]) -> None:
        """Share the sending rate, if it is limited, with other programs.

        `reserve` reserves seconds of the relay's time, and returns how many seconds remain until they begin.
        """
        ...

    def stop_when(self, is_stopping: Callable[[], bool]) -> None:
        """Finish sending within half a minute once `is_stopping` returns true, however slow the relay is."""
        ...

    def divided(self, number: int) -> Sequence[Transport]:
        """Return transports for up to this many processes, which together keep the limits of this one.

        There are fewer, but at least one, if further processes would not send faster.
        """
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


class UnlimitedTransport:
    """The base of transports that accept any number of letters at any rate, from one process."""

    @property
    def per_day(self) -> None:
        """There is no daily limit."""
        return None

    def share_pace(self, reserve: Callable[[float], float]) -> None:
        """Do nothing: the rate is not limited."""

    def stop_when(self, is_stopping: Callable[[], bool]) -> None:
        """Do nothing: no letter is under way for longer than a moment."""

    def divided(self, number: int) -> list[Self]:  # noqa: ARG002 - see Transport
        """Return only this transport: further processes would not send faster."""
        return [self]
