"""Stores the digests of a batch: their issues, their papers, their deliveries, and when the next ones are due."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, case, func, select, update

from paperround.domain.models import (
    DayFacts,
    DeliveryState,
    Digest,
    Paper,
    PaperNote,
    Pick,
    Section,
    TopicCounts,
)
from paperround.domain.notes import write_facts, write_notes
from paperround.domain.schedule import Issue, span, span_days
from paperround.store.bulk import ManyRows, NewRows, among
from paperround.store.due import NewDelivery
from paperround.store.engine import upsert
from paperround.store.papers import load_rows
from paperround.store.schema import (
    deliveries,
    digest_papers,
    digests,
    issue_papers,
    issue_topics,
    issues,
    matches,
    subscribers,
    subscriptions,
    topics,
)
from paperround.store.topics import UNMAILED_EDITION
from paperround.store.unsent import delete_unsent, waiting_since

Numbers = Mapping[Issue, int]
"""The number of each issue in the database."""
Composed = Sequence[tuple[NewDelivery, Digest]]
_SENT = bindparam("edition", type_=subscribers.c.last_edition.type)
_SERVED = (
    update(subscribers)
    .where(subscribers.c.row == bindparam("subscriber"))
    .values(
        next_digest_at=bindparam("next_digest_at"),
        last_issue_day=bindparam("last_issue_day"),
        last_edition=case((subscribers.c.last_edition < _SENT, _SENT), else_=subscribers.c.last_edition),
    )
)
_DIGEST = (
    *("issue", "subscriber", "sections", "more", "last_counted", "left_out", "notes", "facts", "created_at"),
    "packed_scores",
)
_PAPER = ("subscriber", "paper", "digest", "place")
_DELIVERY = (
    *("subscriber", "issue", "digest", "context", "email", "message_id", "state", "reason", "attempts"),
    *("next_attempt_at", "expires_at", "created_at"),
)
_NEXT_LINE = ",\n"  # JSON has no line break in a text
_NO_CONTEXT: Mapping[str, Any] = {}


class DigestWriter:
    """Stores what was composed for due subscribers."""

    def __init__(self, engine: Engine) -> None:
        self._served = ManyRows(engine, _SERVED)
        self._digests = NewRows(engine, digests, _DIGEST, written=("sections", "more", "notes", "facts"))
        self._papers = NewRows(engine, digest_papers, _PAPER)
        self._deliveries = NewRows(engine, deliveries, _DELIVERY)

    def keep(self, db: Connection, decided: Sequence[NewDelivery], edition: int, now: datetime) -> None:
        """Store the results for the subscribers of a batch, whose rows are locked."""
        if not decided:
            return
        # Sorted, to avoid deadlocks: programs that insert the same issue wait for each other.
        numbers = {issue: _issue(db, issue) for issue in sorted({new.issue for new in decided if new.digest})}
        fresh = _not_reached_yet(db, decided, numbers)
        # All unread matches are now in a digest, included or counted: the next digest begins after this edition. No
        # subscription can be added meanwhile, since that needs the lock on the subscriber which this transaction
        # holds.
        settled = {new.due.subscriber.row for new in (*fresh, *(new for new in decided if not new.digest))}
        self._served.run(
            db,
            [
                {
                    "subscriber": new.due.subscriber.row,
                    "next_digest_at": new.next_digest_at,
                    "last_issue_day": new.issue.day,
                    "edition": edition if new.due.subscriber.row in settled else UNMAILED_EDITION,
                }
                for new in decided
            ],
        )
        added = among(db, subscriptions.c.subscriber, settled) & subscriptions.c.last_edition.is_not(None)
        db.execute(update(subscriptions).where(added).values(last_edition=None))
        _print(db, fresh, numbers)
        _freeze_counts(db, numbers)
        waited = waiting_since(db, settled)
        delete_unsent(db, settled)
        if composed := [(new, new.digest) for new in fresh if new.digest]:
            self._keep_digests(db, composed, numbers, now, waited)

    def _keep_digests(
        self, db: Connection, composed: Composed, numbers: Numbers, now: datetime, waited: Mapping[int, datetime]
    ) -> None:
        texts = _NumberTexts()
        self._digests.run(db, [_digest(new, digest, numbers[new.issue], texts, now) for new, digest in composed])
        rows = _rows(db, composed, numbers)
        laid_out = [
            (new.due.subscriber.row, paper, row, place)
            for row, (new, digest) in zip(rows, composed, strict=True)
            for place, paper in enumerate(digest.papers)
        ]
        if laid_out:  # a digest may contain only notes
            self._papers.run(db, laid_out)
        self._deliveries.run(
            db,
            [
                _delivery(new, numbers[new.issue], row, now, waited)
                for row, (new, _) in zip(rows, composed, strict=True)
            ],
        )


def _rows(db: Connection, composed: Composed, numbers: Numbers) -> list[int]:
    """Return the numbers of the digests that were just stored."""
    mine = among(db, digests.c.subscriber, [new.due.subscriber.row for new, _ in composed])
    query = select(digests.c.issue, digests.c.subscriber, digests.c.row)
    query = query.where(mine, digests.c.issue.in_(numbers.values()))
    numbered = {(issue, subscriber): row for issue, subscriber, row in db.execute(query)}
    return [numbered[numbers[new.issue], new.due.subscriber.row] for new, _ in composed]


def _digest(new: NewDelivery, digest: Digest, issue: int, texts: Mapping[int, str], now: datetime) -> tuple[Any, ...]:
    """Return the values of `_DIGEST`."""
    more = f"[{','.join(map(texts.__getitem__, digest.more))}]"
    return (
        *(issue, new.due.subscriber.row, _sections_text(digest.sections), more, max(digest.more, default=None)),
        *(digest.left_out, _notes_text(digest.notes), _facts_text(digest.facts), now, digest.packed_scores),
    )


def _delivery(
    new: NewDelivery, issue: int, digest: int, now: datetime, waited: Mapping[int, datetime]
) -> tuple[Any, ...]:
    """Return the values of `_DELIVERY`."""
    subscriber = new.due.subscriber
    # Deliveries are sent in this order: subscribers whose papers are unsent the longest come first.
    due_at = min(now, waited.get(subscriber.row, now))
    return (
        *(subscriber.row, issue, digest, _NO_CONTEXT, subscriber.email, new.message_id),
        *(DeliveryState.QUEUED.value, "", 0, due_at, new.expires_at, now),
    )


def _not_reached_yet(db: Connection, decided: Sequence[NewDelivery], numbers: Numbers) -> list[NewDelivery]:
    """Return the results whose subscriber has no digest of the issue yet, for instance after a clock change."""
    rows = [new.due.subscriber.row for new in decided if new.digest]
    query = select(digests.c.issue, digests.c.subscriber)
    query = query.where(among(db, digests.c.subscriber, rows), digests.c.issue.in_(numbers.values()))
    reached = {tuple(record) for record in db.execute(query)}
    return [new for new in decided if new.digest and (numbers[new.issue], new.due.subscriber.row) not in reached]


def _issue(db: Connection, issue: Issue) -> int:
    cadence, day = issue
    db.execute(upsert(db, issues).values(cadence=cadence.value, day=day).on_conflict_do_nothing())
    row: int = db.execute(
        select(issues.c.row).where(issues.c.cadence == cadence.value, issues.c.day == day)
    ).scalar_one()
    return row


def _print(db: Connection, decided: Sequence[NewDelivery], numbers: Numbers) -> None:
    """Store a snapshot of the papers that these issues use for the first time."""
    used: dict[int, set[int]] = {issue: set() for issue in sorted(numbers.values())}
    for new in decided:
        if new.digest:
            used[numbers[new.issue]].update(new.digest.named)
    for issue, mine in used.items():
        have = select(issue_papers.c.paper).where(
            issue_papers.c.issue == issue, among(db, issue_papers.c.paper, mine)
        )
        fresh = load_rows(db, mine - set(db.scalars(have)))
        if fresh:
            db.execute(
                upsert(db, issue_papers).on_conflict_do_nothing(),
                [{"issue": issue, "paper": row, "snapshot": _printable(p)} for row, p in fresh.items()],
            )


def _freeze_counts(db: Connection, numbers: Numbers) -> None:
    """Store each new issue's number of papers by topic and day, so that its letters always show the same chart."""
    for issue, number in sorted(numbers.items(), key=lambda pair: pair[1]):
        have = select(issue_topics.c.topic).where(issue_topics.c.issue == number).limit(1)
        if span(*issue) is None or db.scalar(have) is not None:
            continue
        counts = [
            {"issue": number, "topic": counts.slug, "name": counts.name, "papers": list(counts.papers)}
            for counts in count_by_day(db, issue)
        ]
        if counts:
            db.execute(upsert(db, issue_topics).on_conflict_do_nothing(), counts)


def count_by_day(db: Connection, issue: Issue) -> tuple[TopicCounts, ...]:
    """Count the papers of each public topic on each day of the issue's span, by slug."""
    days = span_days(*issue)
    if not days:
        return ()
    query = (
        select(topics.c.slug, topics.c.name, matches.c.day, func.count())
        .join_from(topics, matches)
        .where(topics.c.private.is_(False), matches.c.day.between(days[0], days[-1]))
        .group_by(topics.c.slug, topics.c.name, matches.c.day)
    )
    counts: dict[tuple[str, str], dict[date, int]] = {}
    for slug, name, on, number in db.execute(query):
        counts.setdefault((slug, name), {})[on] = number
    return tuple(
        TopicCounts(slug, name, tuple(by_day.get(on, 0) for on in days))
        for (slug, name), by_day in sorted(counts.items())
    )


# --- JSON, most of which is the same in many digests ----------------------------------------------------------------


class _NumberTexts(dict[int, str]):
    """Numbers as texts, each of which is written once."""

    def __missing__(self, number: int) -> str:
        text = self[number] = str(number)
        return text


def _sections_text(sections: Sequence[Section]) -> str:
    """Return the JSON of sections with each on a line of its own, by which they are looked up when they are read."""
    each = [f"[{_head_text(s.topic, s.name)},[{','.join(map(_pick_text, s.picks))}]]" for s in sections]
    return f"[{_NEXT_LINE.join(each)}]"


@lru_cache(maxsize=1 << 12)
def _head_text(topic: str, name: str) -> str:
    return f"{json.dumps(topic)},{json.dumps(name)}"


@lru_cache(maxsize=1 << 14)
def _pick_text(pick: Pick) -> str:
    return json.dumps([pick.paper, pick.why, pick.rank], separators=(",", ":"))


@lru_cache(maxsize=1 << 12)
def _notes_text(notes: tuple[PaperNote, ...]) -> str | None:
    return json.dumps(write_notes(notes)) if notes else None


@lru_cache(maxsize=1 << 10)
def _facts_text(facts: DayFacts | None) -> str | None:
    return json.dumps(write_facts(facts)) if facts else None


def _printable(paper: Paper) -> dict[str, Any]:
    return paper.model_dump(mode="json", exclude_defaults=True, exclude={"row"})
