"""Papers that came close to an interest of a subscriber's own, which a letter with few papers ends with.

They have editions as matches do, so that each is offered for one letter only, like the matches of the same round.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select

from paperround.process.chunks import chunked
from paperround.store.bulk import among
from paperround.store.schema import close_papers
from paperround.store.sent_before import sent_before
from paperround.store.unread import UNCLOSED, Follows, MatchCache

_CHUNK = 500
_MAX_PAPERS = 9  # of a subscriber; a letter shows three of them, without near copies and what they leave out


def close_to(
    db: Connection,
    follows: Follows,
    others: Mapping[int, Collection[int]],
    empty: Mapping[int, Collection[int]],
    cache: MatchCache,
) -> dict[int, tuple[tuple[int, ...], frozenset[int]]]:
    """Return the papers that came close to interests of these subscribers, best first, by subscriber.

    With them are those that came close to the interests in `empty`, which brought no papers. They are from editions
    after the subscriber's last digest. Left out are `others`, and papers that the subscriber was sent before.
    """
    candidates, of_empty = _fits(db, follows, empty, cache.edition)
    papers = {paper for fits in candidates.values() for paper in fits}
    lowest = {subscriber: min(fits) for subscriber, fits in candidates.items()}
    sent = sent_before(db, lowest, papers, cache.earlier_numbers(db, papers))
    without = {subscriber: {*others.get(subscriber, ()), *sent.get(subscriber, ())} for subscriber in candidates}
    return {
        subscriber: _best(fits, without[subscriber], of_empty.get(subscriber, set()))
        for subscriber, fits in candidates.items()
    }


def _best(
    fits: Mapping[int, float], without: Collection[int], of_empty: Collection[int]
) -> tuple[tuple[int, ...], frozenset[int]]:
    """Return the papers that a letter may choose from, best first, and which of them are close to empty interests."""
    ranked = [row for row in _best_first(fits) if row not in without]
    best = {*ranked[:_MAX_PAPERS], *[row for row in ranked if row in of_empty][:_MAX_PAPERS]}
    return tuple([row for row in ranked if row in best]), frozenset(best.intersection(of_empty))


def _best_first(fits: Mapping[int, float]) -> list[int]:
    return sorted(fits, key=lambda row: (-fits[row], -row))


def _fits(
    db: Connection, follows: Follows, empty: Mapping[int, Collection[int]], last: int | None
) -> tuple[dict[int, dict[int, float]], dict[int, set[int]]]:
    """Return how well the close papers of unread editions, up to `last`, fit their best interest, by subscriber, and
    which of them are close to an interest in `empty`.
    """
    # An interest has one subscriber; other topics, which many follow, have no close papers.
    owners = {topic: (subscriber, after) for subscriber, topics in follows.items() for topic, after in topics}
    edition = func.coalesce(close_papers.c.edition, UNCLOSED)
    oldest = min((after for _, after in owners.values()), default=0)
    unread = edition.between(oldest + 1, UNCLOSED if last is None else last)
    query = select(close_papers.c.topic, close_papers.c.paper, close_papers.c.fit, edition).where(unread)
    by_subscriber: dict[int, dict[int, float]] = {}
    of_empty: dict[int, set[int]] = {}
    for chunk in chunked(sorted(owners), _CHUNK):
        for topic, paper, fit, number in db.execute(query.where(among(db, close_papers.c.topic, chunk))):
            subscriber, after = owners[topic]
            if number > after:
                fits = by_subscriber.setdefault(subscriber, {})
                fits[paper] = max(fit, fits.get(paper, 0.0))
                if topic in empty.get(subscriber, ()):
                    of_empty.setdefault(subscriber, set()).add(paper)
    return by_subscriber, of_empty
