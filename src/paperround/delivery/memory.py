"""A transport that keeps letters in memory, for tests and for trying a configuration without sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from paperround.delivery.base import UnlimitedTransport
from paperround.domain.models import Letter, Outcome, Stage


class MemoryTransport(UnlimitedTransport, BaseModel):
    """Keeps the letters it was sent, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["memory"] = "memory"
    _letters: list[Letter] = PrivateAttr(default_factory=list)

    @property
    def letters(self) -> tuple[Letter, ...]:
        """All letters sent so far."""
        return tuple(self._letters)

    def send(self, letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
        """Accept all letters."""
        for letter in letters:
            self._letters.append(letter)
            report([Outcome(letter.delivery, Stage.FINAL, 250, "2.0.0", "kept in memory")])
