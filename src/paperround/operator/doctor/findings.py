"""What a check finds, and findings by subject and in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paperround.domain.errors import StoreError
from paperround.domain.text import counted

_SUBJECTS_NAMED = 3  # subjects in the sentence at the end


class CheckState(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_WORST_FIRST = (CheckState.ERROR, CheckState.WARNING, CheckState.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: the subject, the verdict, and the problem with its remedy."""

    check: str
    """The subject; several findings may be about the same."""
    verdict: CheckState
    what: str
    """The problem, with its remedy if that is no command."""
    command: str = ""
    """The command that solves the problem."""
    later: bool = False
    """Whether it only matters once real subscribers get letters."""
    stops: bool = False
    """Whether it holds emails back. Other errors let them leave, and make them useless or suspect."""

    @property
    def sentence(self) -> str:
        """The problem and, after "; run: ", the command."""
        return f"{self.what}; run: {self.command}" if self.command else self.what


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks have found about one subject."""

    name: str
    verdict: CheckState
    problems: tuple[Finding, ...]
    """The findings to show: the problems, or else what is well."""


def unusable(error: StoreError) -> Finding:
    """Return the only finding about a site whose database cannot be used."""
    return Finding("database", CheckState.ERROR, str(error), stops=True)


def by_subject(findings: Sequence[Finding], *, later: bool) -> list[Subject]:
    """Group the findings by subject: those about the next round, or with `later` those about going live."""
    wanted = [finding for finding in findings if finding.later is later]
    names = dict.fromkeys(finding.check for finding in wanted)
    return [_subject(name, [finding for finding in wanted if finding.check == name]) for name in names]


def _subject(name: str, about: Sequence[Finding]) -> Subject:
    worst = next(verdict for verdict in _WORST_FIRST if any(finding.verdict is verdict for finding in about))
    shown = (finding for finding in about if worst is CheckState.OK or finding.verdict is not CheckState.OK)
    return Subject(name, worst, tuple(shown))


def conclude(findings: Sequence[Finding]) -> str:
    """Summarize all findings: what to fix before emails leave, what else to fix, and the numbers of warnings."""
    errors = [finding for finding in findings if finding.verdict is CheckState.ERROR]
    stopping = [finding for finding in errors if finding.stops]
    harmful = [finding for finding in errors if not finding.stops]
    warnings = sum(finding.verdict is CheckState.WARNING and not finding.later for finding in findings)
    later = sum(finding.verdict is not CheckState.OK and finding.later for finding in findings)
    sentences = [f"No email can be sent: fix {_subjects(stopping)}." if stopping else "Nothing stops the next round."]
    if harmful:
        sentences.append(f"{'Also fix' if stopping else 'Fix'} {_subjects(harmful)}.")
    if warnings:
        sentences.append(f"{counted(warnings, 'warning', 'warnings')}.")
    if later:
        sentences.append(f"{counted(later, 'thing', 'things')} to do before you go live.")
    return " ".join(sentences)


def _subjects(errors: Sequence[Finding]) -> str:
    """Name the first subjects of errors, such as `base_url, sender and 2 more`."""
    names = list(dict.fromkeys(finding.check for finding in errors))
    shown, others = names[:_SUBJECTS_NAMED], len(names) - _SUBJECTS_NAMED
    *before, last = [*shown, f"{others} more"] if others > 0 else shown
    return f"{', '.join(before)} and {last}" if before else last
