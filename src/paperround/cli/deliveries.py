"""Commands for deliveries: every letter and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, ByEmail, ByTopic, Email, Limit, check_topic, exit_if, opened, recording
from paperround.domain.errors import UnknownNameError
from paperround.domain.models import DeliveryState
from paperround.operator import console

group = command_group("List letters, retry failed ones, and end a pause.")


@group.command("list", cls=Command, epilog="paperround deliveries list --state failed")
def list_deliveries(
    state: Annotated[
        DeliveryState | None, typer.Option(metavar="STATE", case_sensitive=False, help="Only those in this state.")
    ] = None,
    email: ByEmail = "",
    topic: ByTopic = "",
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """List letters with their states, the latest first."""
    from paperround.operator import queries

    with opened() as app:
        check_topic(app, topic)
        rows = queries.deliveries(app, state=state, email=email, topic=topic, limit=limit)
    if as_json:
        console.as_json(rows)
    else:
        columns = ("id", "issue", "email", "state", "at", "next_attempt_at", "reason")
        console.table(columns, [[_last_try(row) if c == "at" else row[c] for c in columns] for row in rows])


def _last_try(delivery: dict[str, Any]) -> Any:
    return delivery["attempts"][-1]["at"] if delivery["attempts"] else None


@group.command("show", cls=Command, epilog="paperround deliveries show 17")
def show_delivery(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**62, help="Its number in the list.")],
    as_json: AsJson = False,
) -> None:
    """Show one letter with its papers, what ranked them, and every attempt."""
    from paperround.operator import queries

    with opened() as app:
        delivery = queries.delivery(app, number)
    if delivery is None:
        raise UnknownNameError(f"there is no delivery {number}; see: paperround deliveries list")
    if as_json:
        console.as_json(delivery)
        return
    facts = {name: value for name, value in delivery.items() if name not in {"attempts", "papers", "scores"}}
    console.table(("what", "value"), [*facts.items(), ("papers", ", ".join(delivery["papers"]))])
    console.table(
        ("paper", "title", "section", "rank", "made of", "why"),
        [
            (
                score["paper"],
                score["title"],
                score["section"],
                score["rank"],
                _parts(score["parts"]),
                "; ".join(score["why"]),
            )
            for score in delivery["scores"]
        ],
    )
    console.table(
        ("at", "stage", "code", "text"),
        [(a["at"], a["stage"], a["code"], a["text"]) for a in delivery["attempts"]],
    )


def _parts(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+.2f}" for name, value in parts.items() if value)


@group.command("why", cls=Command, epilog="paperround deliveries why zofia@dabrowska.example 2511.07407")
def why_paper(
    email: Email,
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Its identifier here, at arXiv, or its DOI.")],
    as_json: AsJson = False,
) -> None:
    """Answer why a paper is in a subscriber's letter or not.

    Compares it with what they follow, as a round does: with their ratings, exclusions and earlier letters.
    """
    from paperround.operator import paper_answers

    with opened() as app:
        answer = paper_answers.why_paper(app, email, paper)
    if as_json:
        console.as_json(answer.facts())
        return
    console.say(f"{answer.paper.id}, {answer.paper.title}: {answer.sentence}")
    if answer.silence:
        console.say(f"{answer.subscriber.email} gets no letters now: {answer.silence}")
    console.table(
        ("follows", "matches", "fit", "needed", "why"),
        [
            (one.name, "yes" if one.matches else "no", one.fit, one.needed, "; ".join(one.why))
            for one in answer.topics
        ],
    )


@group.command("retry", cls=Command, epilog="paperround deliveries retry 17 23")
def retry_deliveries(
    numbers: Annotated[list[int], typer.Argument(metavar="ID", min=1, max=2**62, help="Their numbers in the list.")],
) -> None:
    """Queue failed, expired or deferred letters again.

    Letters that are queued for a later moment are sent now.
    """
    from paperround.operator.retries import retry_letters

    with opened() as app, recording(app, "letters queued again", f"{len(numbers)} asked for") as record:
        refused = retry_letters(app, numbers)
        done = sorted(set(numbers) - set(refused))
        record.subject = f"{len(done)} of {len(numbers)}"
    console.say(f"queued again: {', '.join(map(str, done))}" if done else "no letters were queued again")
    for number, why in sorted(refused.items()):
        console.warn(f"delivery {number} is not queued: {why}")
    exit_if(refused)


@group.command("resume", cls=Command, epilog="paperround deliveries resume")
def resume_deliveries(as_json: AsJson = False) -> None:
    """End a pause of the relay once its cause is fixed.

    The letters that waited are due now: the next round sends them.
    """
    from paperround.domain.text import counted
    from paperround.operator.retries import resume_delivery

    with opened() as app, recording(app, "delivery resumed", "") as record:
        due = resume_delivery(app)
        record.subject = counted(due, "letter", "letters")
    if as_json:
        console.as_json({"due": due})
    else:
        console.say(f"delivery resumed; {counted(due, 'waiting letter is', 'waiting letters are')} due now")
