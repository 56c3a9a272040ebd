"""How `paperround doctor` tells what it has found: a row for each subject, and one sentence at the end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from paperround.operator.doctor import CheckState, Finding

_MARKS = {CheckState.OK: ("✔", "green"), CheckState.WARNING: ("⚠", "yellow"), CheckState.ERROR: ("✖", "red")}
_WORST_FIRST = (CheckState.ERROR, CheckState.WARNING, CheckState.OK)
_COMMAND = "; run: "


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What stops the next round, apart from what matters when real subscribers get letters."""
    width = max((len(finding.check) for finding in findings), default=0)
    for heading, later in (("Now", False), ("Before you go live", True)):
        subjects = list(dict.fromkeys(finding.check for finding in findings if finding.later is later))
        if subjects:
            yield typer.style(heading, bold=True)
        for subject in subjects:
            yield from _row([f for f in findings if f.check == subject and f.later is later], width)
        if subjects:
            yield ""
    yield _conclusion(findings)


def _row(about: Sequence[Finding], width: int) -> Iterator[str]:
    """What is wrong with a subject, each with the command that mends it; what is well only where nothing is wrong."""
    worst = next(verdict for verdict in _WORST_FIRST if any(finding.verdict is verdict for finding in about))
    mark, color = _MARKS[worst]
    begin = f"{typer.style(mark, fg=color)} {about[0].check:{width}}  "
    for finding in about:
        if worst is not CheckState.OK and finding.verdict is CheckState.OK:
            continue
        what, _, command = finding.what.partition(_COMMAND)
        yield begin + what
        begin = " " * (width + 4)
        if command:
            yield f"{begin}→ {command}"


def _conclusion(findings: Sequence[Finding]) -> str:
    errors = sum(finding.verdict is CheckState.ERROR for finding in findings)
    warnings = sum(finding.verdict is CheckState.WARNING and not finding.later for finding in findings)
    later = sum(finding.verdict is not CheckState.OK and finding.later for finding in findings)
    first = f"{_things(errors)} marked ✖ will stop the next round" if errors else "Nothing stops the next round"
    rest = [f"{_things(warnings)} to look at"] * bool(warnings) + [f"{_things(later)} before you go live"] * bool(
        later
    )
    return "; ".join([first, *rest]) + "."


def _things(number: int) -> str:
    return "one thing" if number == 1 else f"{number} things"
