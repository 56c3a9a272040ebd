"""Unsent papers: papers of letters that were given up, which the subscriber's next digest includes.

A letter is given up if it expires, if it is refused for good, or if its subscriber pauses or unsubscribes before it
is sent. After a refusal, such as by a full mailbox, the next letter may be accepted. One whose content was refused
keeps its papers, as does one to a dead address.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Text, case, cast, delete, exists, func, select, update

from paperround.domain.models import PACKED_SCORE_SIZE, DeliveryState
from paperround.store.bulk import among, gathered
from paperround.store.engine import lock_shared, upsert
from paperround.store.schema import (
    deliveries,
    digest_papers,
    digests,
    matches,
    unsent_lists,
)
from paperround.store.sent_before import earlier_numbers, present_numbers, sent_before

UNDELIVERED = (DeliveryState.EXPIRED.value, DeliveryState.FAILED.value)
"""The states of deliveries that no relay has accepted."""
GIVEN_UP = (*UNDELIVERED, DeliveryState.SUPPRESSED.value)
"""The states of deliveries whose letters are not sent."""
_NONE = "[]"
_ARRIVED = "all its papers were in an earlier letter, which the relay accepted after it had been given up"


# Compares the subscriber too, to use the primary key: an index on `digest` would double the largest table.
IN_LETTER = (digest_papers.c.subscriber == deliveries.c.subscriber) & (digest_papers.c.digest == deliveries.c.digest)


def release_papers(db: Connection, rows: Sequence[int]) -> None:
    """Make the papers of these deliveries, which were just given up, unsent, included or only counted.

    Call this in the transaction that gives the deliveries up. Each paper keeps the time since which its letter has
    waited, so that the subscriber's next letter goes before those that have waited less.
    """
    if not rows:
        return
    lock_shared(db, digest_papers)
    since = case(
        (deliveries.c.next_attempt_at < deliveries.c.created_at, deliveries.c.next_attempt_at),
        else_=deliveries.c.created_at,
    )
    given_up = among(db, deliveries.c.row, rows)
    included = select(gathered(db, digest_papers.c.paper)).where(IN_LETTER).correlate(deliveries).scalar_subquery()
    counted = case((digests.c.last_counted.is_(None), _NONE), else_=cast(digests.c.more, Text))
    lists = select(deliveries.c.subscriber, deliveries.c.digest, since, func.coalesce(included, _NONE), counted)
    lost = upsert(db, unsent_lists).from_select(
        [column.name for column in unsent_lists.c], lists.join_from(deliveries, digests).where(given_up)
    )
    written = {name: lost.excluded[name] for name in ("included", "counted")}
    db.execute(lost.on_conflict_do_update(index_elements=list(unsent_lists.primary_key), set_=written))
    letters = select(deliveries.c.digest, deliveries.c.subscriber).where(given_up, deliveries.c.digest.is_not(None))
    emptied = dict(db.execute(letters).all())
    # As lists: PostgreSQL joins two subqueries with each other first, which pairs each letter with all others.
    theirs = among(db, digest_papers.c.subscriber, emptied.values()) & among(db, digest_papers.c.digest, emptied)
    db.execute(delete(digest_papers).where(theirs))
    db.execute(update(digests).where(among(db, digests.c.row, emptied)).values(last_counted=None))


def reclaim_papers(db: Connection, rows: Sequence[int]) -> list[int]:
    """Return papers of undelivered deliveries to their letters; return the deliveries for which that was possible.

    It is not possible if a later letter has some of the papers: nobody gets a paper twice. A failed letter may still
    have its papers.
    """
    taken: list[int] = []
    lock_shared(db, digest_papers)
    query = (
        select(deliveries.c.row, deliveries.c.subscriber, deliveries.c.digest)
        .where(deliveries.c.row.in_(rows), deliveries.c.state.in_(UNDELIVERED))
        .with_for_update()
    )
    for row, subscriber, digest in db.execute(query).all():
        if digest is not None and not _has_papers(db, subscriber, digest):
            papers = _papers_of(db, digest)
            if not _take_out(db, subscriber, papers, all_or_none=True):
                continue
            _mark_sent(db, subscriber, digest, papers)
        taken.append(row)
    return taken


def _has_papers(db: Connection, subscriber: int, digest: int) -> bool:
    """Return whether papers of a digest count as sent with it."""
    here = (digest_papers.c.subscriber == subscriber) & (digest_papers.c.digest == digest)
    return bool(db.scalar(select(exists().where(here))))


def confirm_late_acceptance(db: Connection, rows: Sequence[int], waiting: Sequence[str], now: datetime) -> None:
    """Return the papers of deliveries that were given up to their letters, which a relay has accepted after all.

    A letter in one of the states `waiting` that has some of these papers is sent without them, suppressed if it has
    no others, and given up if it only counts the others. A letter that is already being sent does not change.
    """
    lock_shared(db, digest_papers)
    query = select(deliveries.c.subscriber, deliveries.c.digest).where(
        deliveries.c.row.in_(rows), deliveries.c.digest.is_not(None)
    )
    for subscriber, digest in db.execute(query).all():
        papers = _papers_of(db, digest)
        _take_out(db, subscriber, papers)  # first, since it waits for a letter that is being composed with them
        later = select(deliveries.c.row, deliveries.c.digest).where(
            deliveries.c.subscriber == subscriber, deliveries.c.state.in_(waiting), deliveries.c.digest.is_not(None)
        )
        for letter, composed in db.execute(later.with_for_update()).all():
            if not _leave_out(db, composed, papers):
                unneeded = {"state": DeliveryState.SUPPRESSED.value, "reason": _ARRIVED, "finished_at": now}
                db.execute(update(deliveries).where(deliveries.c.row == letter).values(unneeded))
                release_papers(db, [letter])
                _take_out(db, subscriber, papers)
        _mark_sent(db, subscriber, digest, papers)


def _leave_out(db: Connection, composed: int, papers: Collection[int]) -> bool:
    """Remove papers from a composed digest. Return False if it would not include any others."""
    columns = digests.c.sections, digests.c.more, digests.c.packed_scores
    sections, more, scores = db.execute(select(*columns).where(digests.c.row == composed)).one()
    left = [[topic, name, [pick for pick in picks if pick[0] not in papers]] for topic, name, picks in sections]
    left = [section for section in left if section[2]]
    others = [row for row in more if row not in papers]
    if not any(pick[0] in papers for _, _, picks in sections for pick in picks) and len(others) == len(more):
        return True
    owner = select(digests.c.subscriber).where(digests.c.row == composed).scalar_subquery()
    moved = (digest_papers.c.subscriber == owner) & (digest_papers.c.digest == composed)
    db.execute(delete(digest_papers).where(moved, digest_papers.c.paper.in_(papers)))
    content = {"sections": left, "more": others, "last_counted": max(others, default=None)}
    content["packed_scores"] = scores and _scores_left(sections, scores, papers)
    db.execute(update(digests).where(digests.c.row == composed).values(content))
    return bool(left)


def _scores_left(sections: Sequence[Any], scores: bytes, papers: Collection[int]) -> bytes:
    """Return the packed scores of the papers that are not removed."""
    rows = [pick[0] for _, _, picks in sections for pick in picks]
    starts = range(0, len(scores), PACKED_SCORE_SIZE)
    each = (scores[start : start + PACKED_SCORE_SIZE] for start in starts)
    return b"".join(score for row, score in zip(rows, each, strict=True) if row not in papers)


def unsent_papers_of(db: Connection, subscribers: Sequence[int], *, lock: bool = False) -> dict[int, list[int]]:
    """Return the unsent papers of each given subscriber who has any. A paper may occur twice.

    With `lock`, no other transaction returns these papers to their letters before this one has ended.
    """
    query = select(unsent_lists.c.subscriber, unsent_lists.c.included, unsent_lists.c.counted)
    query = query.where(among(db, unsent_lists.c.subscriber, subscribers))
    if lock:
        query = query.order_by(unsent_lists.c.subscriber, unsent_lists.c.digest).with_for_update()
    by_subscriber: dict[int, list[int]] = {}
    for subscriber, *lists in db.execute(query).all():
        by_subscriber.setdefault(subscriber, []).extend(chain.from_iterable(map(json.loads, lists)))
    now = present_numbers(db, set().union(*by_subscriber.values())) if by_subscriber else {}
    return {
        row: [now.get(paper, paper) for paper in papers] if now else papers for row, papers in by_subscriber.items()
    }


def _take_out(db: Connection, subscriber: int, papers: Collection[int], *, all_or_none: bool = False) -> bool:
    """Remove papers from a subscriber's unsent ones, and return whether it did so.

    With `all_or_none` it does so only if all are unsent, and none was sent before: as another paper that it was
    merged with since.
    """
    query = select(unsent_lists.c.digest, unsent_lists.c.included, unsent_lists.c.counted)
    mine = query.where(unsent_lists.c.subscriber == subscriber).order_by(unsent_lists.c.digest).with_for_update()
    lists = {digest: [json.loads(each) for each in both] for digest, *both in db.execute(mine).all()}
    unsent = set(chain.from_iterable(chain.from_iterable(lists.values())))
    now = present_numbers(db, unsent | set(papers))
    gone = {now.get(paper, paper) for paper in papers}
    if all_or_none and not gone <= {now.get(paper, paper) for paper in unsent}:
        return False
    if all_or_none and sent_before(db, {subscriber: min(gone, default=0)}, gone, earlier_numbers(db, gone)):
        return False
    for digest, both in lists.items():
        left = [[paper for paper in each if now.get(paper, paper) not in gone] for each in both]
        here = (unsent_lists.c.subscriber == subscriber) & (unsent_lists.c.digest == digest)
        remaining = dict(zip(("included", "counted"), map(json.dumps, left), strict=True))
        db.execute(
            update(unsent_lists).where(here).values(remaining) if any(left) else delete(unsent_lists).where(here)
        )
    return True


def first_edition(db: Connection, papers: Collection[int]) -> int | None:
    """Return the first edition with a match of one of these papers, or None if they have no match."""
    query = select(func.min(matches.c.edition)).where(among(db, matches.c.paper, papers), matches.c.edition > 0)
    first: int | None = db.scalar(query)
    return first


def waiting_since(db: Connection, subscribers: Collection[int]) -> dict[int, datetime]:
    """Return since when each subscriber with unsent papers has waited for a letter."""
    query = select(unsent_lists.c.subscriber, func.min(unsent_lists.c.since))
    waiting = (unsent_lists.c.included != _NONE) | (unsent_lists.c.counted != _NONE)
    mine = among(db, unsent_lists.c.subscriber, subscribers)
    return dict(db.execute(query.where(mine, waiting).group_by(unsent_lists.c.subscriber)).all())


def forget_unsent(db: Connection, subscriber: int, before: datetime) -> None:
    """Delete a subscriber's unsent papers whose letter was composed before a moment."""
    old = (unsent_lists.c.subscriber == subscriber) & (unsent_lists.c.since < before)
    db.execute(delete(unsent_lists).where(old))


def delete_unsent(db: Connection, subscribers: Collection[int]) -> None:
    """Delete these subscribers' unsent papers: they are in a digest again, or no longer wanted."""
    db.execute(delete(unsent_lists).where(among(db, unsent_lists.c.subscriber, subscribers)))


def _papers_of(db: Connection, digest: int) -> dict[int, int | None]:
    """Return the papers of a digest with their places; None for a paper that is only counted."""
    sections, more = db.execute(select(digests.c.sections, digests.c.more).where(digests.c.row == digest)).one()
    laid_out = [pick[0] for _, _, picks in sections for pick in picks]
    return dict.fromkeys(more) | {paper: place for place, paper in enumerate(laid_out)}


def _mark_sent(db: Connection, subscriber: int, digest: int, papers: Mapping[int, int | None]) -> None:
    """Let the papers of a digest count as sent again; those that another digest includes stay with that one."""
    included = [
        {"subscriber": subscriber, "paper": paper, "digest": digest, "place": place}
        for paper, place in papers.items()
        if place is not None
    ]
    if included:
        db.execute(upsert(db, digest_papers).on_conflict_do_nothing(), included)
    last = max((paper for paper, place in papers.items() if place is None), default=None)
    db.execute(update(digests).where(digests.c.row == digest).values(last_counted=last))
