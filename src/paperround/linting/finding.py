"""Findings of the linter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The severity of a finding, most severe first."""

    ERROR = "error"
    """The email is refused, clipped or unreadable, or violates the rules of mailbox providers."""
    WARNING = "warning"
    """Some subscribers see a degraded email, or some filters trust it less."""
    NOTE = "note"
    """A possible improvement."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One problem: what and where it is, and how to fix it."""

    rule: str
    """The stable name of the rule, for example `missing-header`."""
    severity: Severity
    what: str
    where: str
    """The location, such as `header Subject`, `HTML line 12`, `text line 3` or `message`."""
    remedy: str

    @property
    def html_line(self) -> int | None:
        """The number of the HTML line concerned; None if the finding is not about the HTML."""
        number = self.where.removeprefix("HTML line ").partition(" ")[0]
        return int(number) if self.where.startswith("HTML line ") and number.isdigit() else None

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.where}: {self.what} ({self.rule})\n    {self.remedy}"


_ORDER = tuple(Severity)


def most_severe_first(findings: Iterable[LintFinding]) -> list[LintFinding]:
    """Sort findings by severity; those of the same severity keep their order."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def first_few(values: Sequence[str], most: int = 3) -> str:
    """Return the first `most` entries as text, and the number of the others."""
    shown = ", ".join(_short(text) for text in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def _short(text: str, most: int = 70) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
