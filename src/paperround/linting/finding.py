"""What a rule has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, the worst first."""

    ERROR = "error"
    """The letter is refused, clipped, unreadable or against the rules of mailbox providers."""
    WARNING = "warning"
    """Some subscribers see it worse, or some filters trust it less."""
    NOTE = "note"
    """Nobody is hurt, but it could be better."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing that is wrong: where it stands, and what mends it."""

    rule: str
    """A name with hyphens that stays the same."""
    severity: Severity
    what: str
    where: str
    """`header Subject`, `HTML line 12`, `text line 3`, `message`."""
    remedy: str

    @property
    def html_line(self) -> int | None:
        """The line of the HTML that it speaks of."""
        number = self.where.removeprefix("HTML line ").partition(" ")[0]
        return int(number) if self.where.startswith("HTML line ") and number.isdigit() else None

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.where}: {self.what} ({self.rule})\n    {self.remedy}"


def some(found: Sequence[str], most: int = 3) -> str:
    """The first few of what was found, and how many more there are."""
    shown = ", ".join(_short(text) for text in found[:most])
    return shown if len(found) <= most else f"{shown} and {len(found) - most} more"


def _short(text: str, most: int = 70) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
