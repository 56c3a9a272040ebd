"""Commands for subscribers: who gets letters, about what, and when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import (
    AsJson,
    Email,
    exit_if,
    format_moment,
    given_path,
    opened,
    read_day,
    read_file,
    write_lines,
)
from paperround.operator import console

group = command_group("Who gets letters, about what, and when.")


@group.command("add", cls=Command, epilog="paperround subscribers add ada@lovelace.example --topic robotics")
def add_subscriber(
    email: Email,
    topic: Annotated[list[str], typer.Option(metavar="SLUG", help="A topic to follow; give it once for each.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="For the greeting.")] = "",
    cadence: Annotated[
        str, typer.Option(metavar="CADENCE", help="daily, weekdays, weekly, monthly or off")
    ] = "daily",
    at: Annotated[str, typer.Option(metavar="HH:MM", help="The local hour.")] = "07:00",
    timezone: Annotated[str, typer.Option(metavar="TZ", help="Such as Europe/Berlin.")] = "UTC",
    max_papers: Annotated[int, typer.Option(metavar="N", help="Papers laid out in one letter.")] = 10,
    theme: Annotated[str, typer.Option(metavar="THEME", help="The theme of their letters.")] = "paper",
    language: Annotated[str, typer.Option(metavar="CODE", help="The language of their letters.")] = "en",
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They have agreed; ask them nothing.")] = False,
    first_now: Annotated[
        bool, typer.Option("--first-now", help="The first letter with the next round, not at their hour.")
    ] = False,
) -> None:
    """Add a subscriber, or change what one follows."""
    from paperround.domain.models import SubscriberState
    from paperround.subscribers import membership

    with opened() as app:
        wished = membership.wish(
            app,
            email,
            topic,
            name=name,
            cadence=cadence,
            at=at,
            timezone=timezone,
            max_papers=max_papers,
            theme=theme,
            language=language,
        )
        membership.subscribe(app, [wished], confirmed=confirmed, first_at=app.clock() if first_now else None)
        subscriber = membership.subscriber(app, wished.email)
    console.say(
        f"{subscriber.email}: {subscriber.state.value}, next digest {format_moment(subscriber.next_digest_at)}"
    )
    if subscriber.state is SubscriberState.UNSUBSCRIBED or subscriber.suppressed:
        reason = f"suppressed ({subscriber.suppressed[0]})" if subscriber.suppressed else "unsubscribed"
        console.warn(f"{subscriber.email} is {reason} and gets nothing until they confirm anew")


@group.command("import", cls=Command, epilog="paperround subscribers import subscribers.csv --confirmed")
def import_subscribers(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=given_path, help="Separated by commas, semicolons or tabs.")
    ],
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They have agreed; ask them nothing.")] = False,
    first_now: Annotated[bool, typer.Option("--first-now", help="First letters with the next round.")] = False,
    topic: Annotated[list[str] | None, typer.Option(metavar="SLUG", help="For rows that name no topic.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add subscribers from a CSV file: ours, listmonk's or Mailchimp's."""
    from paperround.operator import site
    from paperround.subscribers import csv_file

    with opened() as app:
        result = site.import_subscribers(
            app,
            csv_file.read(read_file(file)),
            confirmed=confirmed,
            default_topics=topic or (),
            first_now=first_now,
        )
    if as_json:
        problems = list(map(str, result.problems))
        facts = {"imported": result.imported, "rejected": len(problems), "problems": problems}
        console.as_json({**facts, "warnings": result.warnings})
    else:
        console.say(f"{result.imported} subscribers imported, {len(result.problems)} rows left out")
        for note in [*result.warnings, *map(str, result.problems)]:
            console.warn(f"{file}: {note}")
    exit_if(result.problems)


@group.command("export", cls=Command, epilog="paperround subscribers export everybody.csv")
def export_subscribers(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", parser=given_path, help="Where to; stdout by default.")
    ] = None,
) -> None:
    """Write all subscribers as CSV, to a file or to stdout."""
    from paperround.subscribers import csv_file

    with opened() as app:
        public = {topic.slug for topic in app.store.topics.public()}
        text = csv_file.write(app.store.subscribers.all(), public)
    if file is None:
        sys.stdout.write(text)
    else:
        write_lines(file, [text])


@group.command("list", cls=Command, epilog="paperround subscribers list")
def list_subscribers(as_json: AsJson = False) -> None:
    """All subscribers."""
    from paperround.operator import queries

    with opened() as app:
        everybody = [queries.subscriber_facts(subscriber) for subscriber in app.store.subscribers.all()]
    if as_json:
        console.as_json(everybody)
    else:
        columns = ("email", "state", "topics", "cadence", "at", "timezone", "next_digest_at")
        console.table(columns, [[";".join(r[c]) if c == "topics" else r[c] for c in columns] for r in everybody])


@group.command("show", cls=Command, epilog="paperround subscribers show ada@lovelace.example")
def show_subscriber(email: Email, as_json: AsJson = False) -> None:
    """One subscriber, and what became of today's letter."""
    from paperround.operator import queries
    from paperround.subscribers import membership

    with opened() as app:
        facts = queries.subscriber_facts(membership.subscriber(app, email))
        reason = queries.why_nothing(app, membership.subscriber(app, email)) or "has today's letter"
    if as_json:
        console.as_json(facts)
    else:
        suppressed = facts["suppressed"]
        gone = f"{suppressed['reason']}, {format_moment(suppressed['at'])}" if suppressed else None
        shown = {**facts, "topics": ", ".join(facts["topics"]), "suppressed": gone, "today": reason}
        console.table(("what", "value"), list(shown.items()))


@group.command("silent", cls=Command, epilog="paperround subscribers silent")
def list_silent(as_json: AsJson = False) -> None:
    """Subscribers who got no letter today, and why."""
    from paperround.operator import queries

    with opened() as app:
        found = [(subscriber.email, why) for subscriber, why in queries.silent(app)]
    if as_json:
        console.as_json([{"email": email, "why": why} for email, why in found])
    else:
        console.table(("email", "why"), found)


@group.command("pause", cls=Command, epilog="paperround subscribers pause kenji@watanabe.example --until 2027-01-07")
def pause_subscriber(
    email: Email,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", help="Resume by itself on this day (YYYY-MM-DD).")
    ] = None,
) -> None:
    """Send a subscriber nothing until they resume."""
    from paperround.subscribers import membership

    with opened() as app:
        membership.pause(app, membership.subscriber(app, email), read_day(until) if until else None)


@group.command("resume", cls=Command, epilog="paperround subscribers resume kenji@watanabe.example")
def resume_subscriber(email: Email) -> None:
    """Send to a paused subscriber again."""
    from paperround.subscribers import membership

    with opened() as app:
        membership.resume(app, membership.subscriber(app, email))


@group.command("unsubscribe", cls=Command, epilog="paperround subscribers unsubscribe amara@okafor.example")
def unsubscribe(email: Email) -> None:
    """Send a subscriber nothing any more, also not what is queued."""
    from paperround.subscribers import membership

    with opened() as app:
        membership.unsubscribe(app, membership.subscriber(app, email))


@group.command("erase", cls=Command, epilog="paperround subscribers erase amara@okafor.example")
def erase_subscriber(email: Email) -> None:
    """Forget everything about a subscriber."""
    from paperround.subscribers import membership

    with opened() as app:
        membership.erase(app, membership.subscriber(app, email))
