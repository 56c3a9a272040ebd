"""Commands for subscribers: who gets letters, about what, and when."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.libraries import learn_from
from paperround.cli.shared import (
    AsJson,
    ByEmail,
    ByTopic,
    Email,
    Limit,
    check_topic,
    opened,
    read_day,
    recording,
    recording_of,
)
from paperround.cli.subscriber_lists import export_subscribers, import_subscribers
from paperround.domain.clock import format_moment
from paperround.domain.models import SubscriberState
from paperround.domain.preferences import DEFAULTS, FORMS, LISTS, write
from paperround.domain.text import counted
from paperround.operator import console
from paperround.process.chunks import chunked

if TYPE_CHECKING:
    from paperround.app import App
    from paperround.domain.models import Subscriber
    from paperround.domain.preferences import Preferences

group = command_group("Manage subscribers and their preferences.")
# Interests are called so everywhere; they can be queries too.
_OPTIONS = {"topics": ("--topic",), "queries": ("--interest", "--query"), "follows": ("--follow",)}
"""The options of preferences whose names are not those of their fields."""
_ERASED_AT_ONCE = 100  # in one transaction, while others wait


def _register(name: str, command: Callable[..., None], example: str) -> None:
    """Add a command of another module to the group; the help lists commands in the order in which they are added."""
    group.command(name, cls=Command, epilog=example)(command)


def takes_preferences(command: Callable[..., None]) -> Callable[..., None]:
    """Add one option for each preference to a command, which receives the used ones as `given`."""

    def with_options(**arguments: Any) -> None:
        options = {name: arguments.pop(name) for name in FORMS}
        # An option that may be repeated is an empty list where it was not used; `--interest ""` is [""].
        command(given={name: value for name, value in options.items() if value not in (None, [])}, **arguments)

    own = [one for one in signature(command, eval_str=True).parameters.values() if one.name != "given"]
    parameters = [*own, *map(_option, FORMS)]
    with_options.__doc__ = command.__doc__
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    with_options.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    return with_options


def _option(name: str) -> Parameter:
    several = name in LISTS
    shown = _OPTIONS.get(name, (f"--{name.replace('_', '-')}",))
    about = FORMS[name].about + ("; repeat the option for each." if several else ".")
    option = typer.Option(*shown, help=about, metavar=shown[0].removeprefix("--").upper())
    kind = list[str] | None if several else str | None
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


@group.command("add", cls=Command, epilog="paperround subscribers add ada@lovelace.example --topic robotics")
@takes_preferences
def add_subscriber(
    email: Email,
    *,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="They have agreed; do not send a confirmation email.")
    ] = False,
    first_now: Annotated[
        bool, typer.Option("--first-now", help="Send the first letter with the next round, not at their usual time.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Let the given topics, interests and the like be the only ones."),
    ] = False,
    given: dict[str, object],
) -> None:
    """Add a subscriber, or change preferences of a known one.

    Topics, interests and other options that can be repeated are added to those of a known subscriber.
    """
    from paperround.domain.mail_domains import intended_address
    from paperround.subscribers import membership

    with opened() as app:
        before = app.store.subscribers.by_email(membership.address(email))
        chosen = before.preferences if before else DEFAULTS
        read = membership.read_patch if replace or before is None else membership.read_additions
        patch = read(app, given, chosen)
        with recording(app, "subscriber: add", "a new subscriber") as record:
            added = membership.add(app, email, patch, confirmed=confirmed, first_now=first_now)
            subscriber = membership.subscriber(app, added.email)
            record.subject = f"subscriber {subscriber.row}"
        home, doubts = app.site.base_url, _names_of_no_paper(app, cast("Collection[str]", patch.get("follows", ())))
    what = f"{added.effect.value} ({', '.join(added.fields)})" if added.fields else added.effect.value
    console.say(f"{subscriber.email}: {subscriber.state.value}, {_what_comes(subscriber)}; {what}")
    if before:
        _say_changes(chosen, subscriber.preferences, added.fields)
    if "queries" in patch:
        _say_queries(cast("Iterable[str]", patch["queries"]))
    if added.is_new and not membership.FOLLOWED & patch.keys():
        console.say("  the day's best papers; choose others with --topic, --interest or --follow")
    for doubt in doubts:
        console.warn(doubt)
    _say_what_is_missing(subscriber, home, asked=added.asked)
    if added.is_new and (meant := intended_address(added.email)):
        console.warn(f"did you mean {meant}? The domain of {added.email} looks mistyped")


def _say_changes(before: Preferences, after: Preferences, fields: Iterable[str]) -> None:
    """Print the new and the former value of each changed preference."""
    former, present = write(before), write(after)
    for name in fields:
        if name in present:
            console.say(f"  {name}: {_written(present[name])} (before: {_written(former[name])})")


def _written(value: object) -> str:
    return (", ".join(value) if isinstance(value, list) else str(value or "")) or "none"


def _names_of_no_paper(app: App, follows: Collection[str]) -> list[str]:
    """Return a warning for each followed name without a stored paper."""
    if not follows:
        return []
    from paperround.domain.followed import read_followed
    from paperround.rounds.authors import has_papers, similar_author

    sentences = []
    for followed in map(read_followed, follows):
        if not has_papers(app, followed):
            similar = similar_author(app, followed)
            meant = f"; did you mean {similar}?" if similar else "; check the spelling"
            sentences.append(f"no paper here is by {followed.name} yet{meant}")
    return sentences


def _say_queries(queries: Iterable[str]) -> None:
    """Print the given queries as they are stored, and how each is read."""
    from paperround.matching.words import is_plain, operators_in

    for query in queries:
        operators = ", ".join(operators_in(query))
        other = "read as plain words" if is_plain(query) else "finds only papers that contain it"
        read = f"read as a query because of {operators}" if operators else other
        console.say(f"  {query}: {read}")


def _say_what_is_missing(subscriber: Subscriber, home: str, *, asked: bool) -> None:
    """Explain why somebody who was added receives no letters yet, and what to do."""
    if subscriber.state is SubscriberState.UNSUBSCRIBED or subscriber.suppressed:
        reason = f"suppressed ({subscriber.suppressed[0]})" if subscriber.suppressed else "unsubscribed"
        console.warn(
            f"{subscriber.email} is {reason} and receives nothing until they confirm again; no email was sent. "
            f"They can subscribe at {home}/subscribe"
        )
    elif asked:
        console.say("an email will ask them to confirm the next time `paperround deliver` or a round runs")
    elif subscriber.state is SubscriberState.PENDING:
        console.warn(
            f"{subscriber.email} has been asked to confirm within a day, or five times this month, so no other email "
            "is queued; one that still waits goes out with the next `paperround deliver` or round. Add them again "
            "tomorrow, or with --confirmed if they have agreed"
        )


_register("import", import_subscribers, "paperround subscribers import subscribers.csv --confirmed")
_register("export", export_subscribers, "paperround subscribers export everybody.csv")

_COUNTED = ("queries", "follows")


@group.command("list", cls=Command, epilog="paperround subscribers list")
def list_subscribers(
    state: Annotated[
        SubscriberState | None,
        typer.Option(metavar="STATE", case_sensitive=False, help="Only those in this state."),
    ] = None,
    topic: ByTopic = "",
    email: ByEmail = "",
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """List subscribers, all or filtered."""
    from paperround.operator import queries
    from paperround.store.subscribers import SubscriberFilter

    with opened() as app:
        check_topic(app, topic)
        found = app.store.subscribers.find(SubscriberFilter(email, state, topic), limit=limit)
        everybody = [queries.subscriber_facts(subscriber) for subscriber in found]
    if as_json:
        console.as_json(everybody)
    else:
        columns = ("email", "state", "topics", "queries", "follows", "cadence", "at", "timezone", "next_digest_at")
        # Interests and names may be long: their number says that there are some.
        short = [{**r, "topics": ";".join(r["topics"]), **{c: len(r[c]) for c in _COUNTED}} for r in everybody]
        console.table(columns, [[r[c] for c in columns] for r in short])


@group.command("show", cls=Command, epilog="paperround subscribers show ada@lovelace.example")
def show_subscriber(
    email: Email,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show what was learned from their ratings instead: words and papers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a subscriber, and what became of today's letter."""
    from paperround.operator import queries
    from paperround.subscribers import membership

    if profile:
        _show_profile(email, as_json=as_json)
        return
    with opened() as app:
        found = membership.subscriber(app, email)
        facts = queries.subscriber_facts(found)
        reason = "" if as_json else queries.why_nothing(app, found) or "has today's letter"
    if as_json:
        console.as_json(facts)
    else:
        suppressed = facts["suppressed"]
        gone = f"{suppressed['reason']}, {format_moment(suppressed['at'])}" if suppressed else None
        shown = {**facts, "suppressed": gone, "today": reason}
        console.table(("what", "value"), [(name, _shown(value)) for name, value in shown.items()])


def _show_profile(email: str, *, as_json: bool) -> None:
    from paperround.subscribers import membership, taste

    with opened() as app:
        learned = taste.learned(app, membership.subscriber(app, email))
    if as_json:
        console.as_json(learned.as_json())
        return
    library = f" and {counted(learned.examples, 'paper')} of their library" if learned.examples else ""
    ratings = counted(len(learned.papers), "rating")
    console.say(f"{ratings}{library}, with a weight of {learned.weight:.2f} of 1")
    words = [(one.word, f"{one.weight:+.3f}", "author" if one.author else "") for one in learned.words]
    console.table(("word", "weight", ""), words)
    papers = [(one.id, one.title, f"{one.verdict:+d}", f"{degree:+.2f}") for one, degree in learned.papers]
    console.table(("id", "title", "rating", "affinity"), papers)


def _shown(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(value)
    return ", ".join(f"{name} {text}" for name, text in value.items()) if isinstance(value, dict) else value


_register("learn", learn_from, "paperround subscribers learn ada@lovelace.example library.bib")


@group.command("silent", cls=Command, epilog="paperround subscribers silent")
def list_silent(as_json: AsJson = False) -> None:
    """List who got no letter today, and why."""
    from paperround.operator import queries

    with opened() as app:
        found = [(subscriber.email, why) for subscriber, why in queries.silent(app)]
    if as_json:
        console.as_json([{"email": email, "why": why} for email, why in found])
    else:
        console.table(("email", "why"), found)


@group.command("suppressed", cls=Command, epilog="paperround subscribers suppressed")
def list_suppressed(email: ByEmail = "", limit: Limit = None, as_json: AsJson = False) -> None:
    """List the addresses that are sent nothing, since when, and why.

    For erased subscribers, only a hash of the address is kept; it is not shown.
    """
    from paperround.operator import queries

    with opened() as app:
        found = queries.suppressed_facts(app, email, limit)
    if as_json:
        console.as_json(found)
    else:
        columns = ("email", "at", "reason", "state")
        shown = [{**one, "email": one["email"] or "(erased)"} for one in found]
        console.table(columns, [[one[c] for c in columns] for one in shown])


@group.command("lift", cls=Command, epilog="paperround subscribers lift ada@lovelace.example")
def lift_suppression(email: Email) -> None:
    """Lift the suppression of an address whose mailbox works again.

    Letters that were withheld because of it are queued again. After a complaint only the owner of the address can
    lift its suppression, by confirming again.
    """
    from paperround.store.suppressions import NO_SUBSCRIBER
    from paperround.subscribers import suppressed

    with opened() as app:
        with recording(app, "subscriber: lift", NO_SUBSCRIBER) as record:
            result = suppressed.lift(app, email)
            record.subject = result.audit_subject
        known = app.store.subscribers.by_email(email)
    was = f"{result.suppressed.reason}, {format_moment(result.suppressed.at)}"
    console.say(f"{email}: no longer suppressed ({was})")
    if known:
        # The next round takes those back that are to somebody who has left or pauses.
        sent = result.requeued if known.state is SubscriberState.ACTIVE else 0
        queued = f"; {counted(sent, 'withheld letter')} queued again" if sent else ""
        console.say(f"{known.email}: {known.state.value}, {_what_comes(known)}{queued}")


@group.command("pause", cls=Command, epilog="paperround subscribers pause kenji@watanabe.example --until 2027-01-07")
def pause_subscriber(
    email: Email,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", help="Resume automatically on this day (YYYY-MM-DD).")
    ] = None,
) -> None:
    """Pause the letters to a subscriber."""
    from paperround.subscribers import membership

    with opened() as app:
        found = membership.subscriber(app, email)
        with recording_of(app, "pause", found):
            membership.pause(app, found, read_day(until) if until else None)
        _say_state(app, found)


@group.command("resume", cls=Command, epilog="paperround subscribers resume kenji@watanabe.example")
def resume_subscriber(email: Email) -> None:
    """Resume the letters to a paused subscriber."""
    from paperround.subscribers import membership

    with opened() as app:
        found = membership.subscriber(app, email)
        with recording_of(app, "resume", found):
            membership.resume(app, found)
        _say_state(app, found)


@group.command("unsubscribe", cls=Command, epilog="paperround subscribers unsubscribe amara@okafor.example")
def unsubscribe(email: Email) -> None:
    """Unsubscribe somebody, and cancel letters that are queued."""
    from paperround.subscribers import membership

    with opened() as app:
        found = membership.subscriber(app, email)
        with recording_of(app, "unsubscribe", found):
            membership.unsubscribe(app, found)
        _say_state(app, found)


def _say_state(app: App, changed: Subscriber) -> None:
    """Print the state that a subscriber has now, and what follows from it."""
    from paperround.subscribers import membership

    now = membership.subscriber(app, changed.email)
    left = now.state is SubscriberState.UNSUBSCRIBED
    means = "no letters, not even queued ones" if left else _what_comes(now)
    console.say(f"{now.email}: {now.state.value}; {means}")


def _what_comes(subscriber: Subscriber) -> str:
    """Return when the subscriber's next digest is due, or until when they receive none."""
    if subscriber.suppressed or not subscriber.state.is_subscribed:
        return "no letters until they confirm"
    if subscriber.state is SubscriberState.PAUSED:
        return f"no letters until {subscriber.preferences.paused_until or 'they resume'}"
    return f"next digest {format_moment(subscriber.next_digest_at)}"


@group.command("new-links", cls=Command, epilog="paperround subscribers new-links amara@okafor.example")
def renew_links(email: Email) -> None:
    """Revoke a subscriber's personal links, and email them new ones.

    For somebody who has forwarded a letter. Unsubscribe links go on working.
    """
    from paperround.subscribers import membership

    with opened() as app:
        found = membership.subscriber(app, email)
        with recording_of(app, "new links", found):
            queued = membership.renew_links(app, found)
    console.say("the links in earlier emails no longer work, and a private feed is off")
    if queued:
        console.say("an email with the new link is sent the next time `paperround deliver` or a round runs")
    else:
        console.say("they have already received a link by email today; the new one comes with their next letter")


@group.command("erase", cls=Command, epilog="paperround subscribers erase amara@okafor.example")
def erase_subscribers(
    emails: Annotated[list[str], typer.Argument(metavar="EMAIL…", help="The addresses.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Erase all data of one or several subscribers.

    They are erased a hundred at a time. If one of the addresses is unknown, nobody is erased.
    """
    from paperround.subscribers import membership

    with opened() as app:
        known = [membership.subscriber(app, email) for email in emails]
        leaving = list({one.row: one for one in known}.values())
        whom = leaving[0].email if len(leaving) == 1 else f"{len(leaving)} subscribers"
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Erase all data of {whom}? This cannot be undone", abort=True, err=True)
        for some in chunked(leaving, _ERASED_AT_ONCE):
            with recording_of(app, "erase", *some):
                membership.erase(app, *some)
    console.say(f"erased {whom}")
