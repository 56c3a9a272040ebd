"""The command that shows a letter before it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import exit_if, given_path, opened, read_day
from paperround.domain.errors import ConfigurationError, UsageError
from paperround.domain.schedule import Cadence
from paperround.operator import console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from paperround.domain.models import Site
    from paperround.linting import LintFinding
    from paperround.operator.preview import Preview

root = command_group()


@root.command(cls=Command, epilog="paperround preview --topic robotics --theme cards --out preview/robotics --lint")
def preview(
    email: Annotated[str | None, typer.Argument(metavar="EMAIL", help="The subscriber.")] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar="SLUG", help="Preview these topics instead of a subscriber's."),
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help="The digest of this day (YYYY-MM-DD).")
    ] = None,
    cadence: Annotated[
        Cadence | None,
        typer.Option(
            metavar="CADENCE",
            case_sensitive=False,
            help="A cadence other than the subscriber's; weekly and monthly letters contain more.",
        ),
    ] = None,
    theme: Annotated[str, typer.Option(metavar="THEME", help="A theme other than the subscriber's.")] = "",
    language: Annotated[str, typer.Option(metavar="CODE", help="A language other than the subscriber's.")] = "",
    send: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Also send it to this address as a test; without anything else, send a sample letter.",
        ),
    ] = "",
    lint: Annotated[bool, typer.Option("--lint", help="List problems of the letter, and how to fix them.")] = False,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", parser=given_path, help="The folder for letter.eml, letter.html and letter.txt."),
    ] = Path("preview"),
) -> None:
    """Write a letter to files, exactly as it would be sent.

    Nothing changes, and only --send sends something.
    """
    from paperround.operator import preview, template_errors
    from paperround.process.resources import templates

    if (email and topic) or not (email or topic or send):
        raise UsageError("give either a subscriber's EMAIL or --topic SLUG")
    if not (email or topic) and day:
        raise UsageError("a sample letter has no date: --date needs a subscriber's EMAIL or --topic SLUG")
    on = read_day(day) if day else None
    with opened() as app:
        request = preview.PreviewRequest(
            email or "", tuple(map(str.lower, topic or ())), on, cadence, theme, language
        )
        try:
            shown = preview.build(app, request)
        except ConfigurationError as error:
            raise ConfigurationError(str(template_errors.explain(error, templates()))) from None
        days = preview.days(app, request, 3) if shown is None else []
        outcome = preview.send_test(app, shown, send) if shown and send else None
        test_result = preview.describe_test(app, send, outcome) if outcome else ""
        site_facts, now = app.site, app.clock()
    if shown is None:
        raise UsageError(_no_letter(on, now, days))
    if shown.origin is preview.Origin.LATEST and shown.digest:
        console.warn(f"nothing is new: this is the letter of {shown.digest.day}, in the look and language of today")
    for written in preview.write_files(shown.finished, out):
        console.say(str(written))
    if test_result:
        console.say(test_result)
    if lint:
        _print_findings(_lint(shown, site_facts, now))
    exit_if(outcome and not outcome.accepted)


def _no_letter(day: date | None, now: datetime, days: Sequence[date]) -> str:
    """Say that there is no letter of a day; `days` are those of the latest letters."""
    if day and day < now.date():
        there = f"; the latest are of {', '.join(map(str, days))}" if days else ""
        return f"there is no letter of {day}{there}"
    return (
        "there are no new papers for this letter, so nothing was written; choose another day with --date, or "
        "other papers with --topic SLUG"
    )


def _lint(shown: Preview, site: Site, now: datetime) -> list[LintFinding]:
    """Return the problems of a letter and of its theme."""
    from paperround import linting
    from paperround.linting import theme as linting_theme
    from paperround.process.resources import templates
    from paperround.rendering import language as languages

    findings = linting.lint(shown.finished.letter.message, shown.finished.rendered, site, now)
    language = languages.load(shown.subscriber.language, templates())
    of_theme = linting_theme.lint_theme(shown.subscriber.theme, language, templates())
    return linting_theme.join_findings(findings, of_theme)


def _print_findings(findings: list[LintFinding]) -> None:
    from paperround.linting import Severity

    for finding in findings:
        console.say(str(finding))
    if not findings:
        console.say("no problems")
    exit_if(any(finding.severity is Severity.ERROR for finding in findings))
