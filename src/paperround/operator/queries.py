"""Read-only queries for pages, commands and the API: subscribers, deliveries and statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.domain.errors import UnknownNameError
from paperround.domain.models import DISCUSSED, DeliveryState, Score, Subscriber, SubscriberState
from paperround.domain.preferences import write
from paperround.domain.reasons import read as read_reasons
from paperround.matching.words import is_plain
from paperround.rounds.source_status import read_source_status
from paperround.store.delivery_reports import LatestDelivery

_CHUNK = 500


def paper_row(app: App, paper_id: str) -> int:
    """Return the row of a paper by its public identifier, arXiv identifier or DOI; raises UnknownNameError."""
    paper = app.store.papers.by_id(paper_id)
    if paper is None:
        raise UnknownNameError(f"there is no paper {paper_id!r} here; see: paperround search WORDS")
    return paper.row


def subscriber_facts(subscriber: Subscriber) -> dict[str, Any]:
    """Return the data of a subscriber, under the names of the command line."""
    suppressed = (
        {"reason": subscriber.suppressed[0], "at": subscriber.suppressed[1]} if subscriber.suppressed else None
    )
    return {
        "email": subscriber.email,
        "state": subscriber.state.value,
        **write(subscriber.preferences),
        "interests": [text for text in subscriber.preferences.queries if is_plain(text)],
        "next_digest_at": subscriber.next_digest_at if _served(subscriber) else None,
        "consent": dict(subscriber.consent),
        "suppressed": suppressed,
    }


def suppressed_facts(app: App, email: str = "", limit: int | None = None) -> list[dict[str, Any]]:
    """Return the suppressed addresses, latest first. Those of erased subscribers are None: only hashes are stored."""
    return [
        {
            "email": suppression.email,
            "at": suppression.at,
            "reason": suppression.reason,
            "state": suppression.state.value if suppression.state else None,
        }
        for suppression in app.store.suppressions.find(email, limit=limit)
    ]


def _served(subscriber: Subscriber) -> bool:
    return subscriber.state is SubscriberState.ACTIVE and subscriber.suppressed is None


def silent(app: App) -> Iterator[tuple[Subscriber, str]]:
    """Yield each subscriber who received no email today (in their time zone), with the reason."""
    subscribers = app.store.subscribers.all()
    while chunk := list(islice(subscribers, _CHUNK)):
        latest = app.store.delivery_reports.latest_digests([subscriber.row for subscriber in chunk])
        for subscriber in chunk:
            reason = _explain_silence(subscriber, latest.get(subscriber.row), app.clock())
            if reason:
                yield subscriber, reason


def why_nothing(app: App, subscriber: Subscriber) -> str:
    """Return why this subscriber received no email today; empty when they received one."""
    latest = app.store.delivery_reports.latest_digests([subscriber.row]).get(subscriber.row)
    return _explain_silence(subscriber, latest, app.clock())


def _explain_silence(subscriber: Subscriber, latest: LatestDelivery | None, now: datetime) -> str:
    """Check in order: are they allowed to receive email, was one tried, what do they follow, was there anything to
    send, are they due?
    """
    today = now.astimezone(ZoneInfo(subscriber.schedule.timezone)).date()
    todays = latest is not None and latest.day == today
    if latest and todays and latest.state is DeliveryState.SENT:
        return ""
    if subscriber.suppressed:
        return f"the address is suppressed: {subscriber.suppressed[0]}"
    if subscriber.state is not SubscriberState.ACTIVE:
        return f"the subscriber is {subscriber.state.value}"
    if latest and todays:
        return f"the email is {latest.state.value}{': ' + latest.reason if latest.reason else ''}"
    if not subscriber.preferences.follows_anything:
        return "they follow nothing: no topic, interest, author or organization"
    if subscriber.last_issue_day == today:
        return "no new papers on their topics and interests"
    if subscriber.next_digest_at is None:
        return "their frequency is set to off"
    if subscriber.next_digest_at <= now:
        return "they are due, but no round has run yet"
    return f"their next email is due {format_moment(subscriber.next_digest_at)}"


def deliveries(
    app: App,
    *,
    state: DeliveryState | None = None,
    row: int | None = None,
    limit: int | None = None,
    offset: int = 0,
    email: str = "",
    topic: str = "",
) -> list[dict[str, Any]]:
    """Return deliveries, latest first, with the public identifiers of their papers, filtered as by `find`."""
    rows = app.store.delivery_reports.find(state=state, row=row, limit=limit, offset=offset, email=email, topic=topic)
    names = app.store.papers.ids({paper for row in rows for paper in row["paper_rows"]})
    return [
        {name: value for name, value in row.items() if name != "paper_rows"}
        | {"papers": [names[paper] for paper in row["paper_rows"] if paper in names]}
        for row in rows
    ]


def delivery(app: App, row: int) -> dict[str, Any] | None:
    """Return one delivery as in `deliveries`, with the papers' ranks taken apart, or None if it does not exist."""
    rows = deliveries(app, row=row)
    return {**rows[0], "scores": _scores(app, row)} if rows else None


def _scores(app: App, row: int) -> list[dict[str, Any]]:
    """Return for each paper of a letter, in its order, its rank, what that was made of, and the reasons."""
    digest = app.store.issues.digest_of_delivery(row)
    if digest is None:
        return []
    printed, scores = app.store.issues.printed(digest, digest.papers), digest.scores
    names = app.store.papers.ids(printed)
    return [
        {
            "paper": names[pick.paper],
            "title": printed[pick.paper].title,
            "section": "most discussed" if section.topic == DISCUSSED else section.name or section.topic,
            "rank": pick.rank,
            "parts": asdict(scores.get(pick.paper, Score())),
            "why": [str(reason) for reason in read_reasons(pick.why)],
        }
        for section in digest.sections
        for pick in section.picks
        if pick.paper in names
    ]


def stats(app: App) -> dict[str, Any]:
    """Return the numbers of papers, subscribers and deliveries, and the state of the relay."""
    now = app.clock()
    relay = app.store.relay.state(now.date())
    pause_end = relay.pause_end(now)
    return {
        "papers": app.store.papers.count(),
        "topics": len(app.store.topics.public()),
        "interests": app.store.topics.private_count(),
        "subscribers": app.store.subscribers.count(),
        "suppressed": app.store.suppressions.count(),
        "deliveries": app.store.delivery_reports.count(),
        "relay": {
            "paused_until": pause_end,
            "reason": relay.reason if pause_end else "",
            "sent_today": relay.handed_over,
        },
        "sources": {
            status.name: {
                "state": status.state,
                "note": status.note,
                "succeeded_at": status.record.succeeded_at,
                "new_at": status.record.new_at,
            }
            for status in read_source_status(app)
            if status.record
        },
    }
