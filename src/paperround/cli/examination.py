"""How `paperround doctor` prints what it has found: a row for each subject, and one sentence at the end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from paperround.operator import doctor
from paperround.operator.doctor import CheckState, Finding, Subject

_MARKS = {CheckState.OK: ("✔", "green"), CheckState.WARNING: ("⚠", "yellow"), CheckState.ERROR: ("✖", "red")}


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return the lines of the report: what concerns the next round, then what matters before going live."""
    width = max((len(finding.check) for finding in findings), default=0)
    for heading, later in (("Now", False), ("Before you go live", True)):
        subjects = doctor.by_subject(findings, later=later)
        if subjects:
            yield typer.style(heading, bold=True)
        for subject in subjects:
            yield from _row(subject, width)
        if subjects:
            yield ""
    yield doctor.conclude(findings)


def _row(subject: Subject, width: int) -> Iterator[str]:
    mark, color = _MARKS[subject.verdict]
    begin = f"{typer.style(mark, fg=color)} {subject.name:{width}}  "
    for problem in subject.problems:
        yield begin + problem.what
        begin = " " * (width + 4)
        if problem.command:
            yield f"{begin}→ {problem.command}"
