"""Subscribers' unread matches: each topic's matches by edition, read once for all its subscribers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from paperround.domain.models import DailyCounts, Match, Paper
from paperround.process.chunks import chunked
from paperround.process.lazy import LazyModule
from paperround.store.merged_papers import last_merged
from paperround.store.papers import load_daily_counts, load_rows
from paperround.store.schema import matches, topics
from paperround.store.sent_before import earlier_numbers
from paperround.store.sent_papers import Changes, changed_papers

if TYPE_CHECKING:
    import numpy as np

    from paperround.domain import match_table
else:
    np = LazyModule("numpy")  # slow to load, and few commands choose papers
    match_table = LazyModule("paperround.domain.match_table")  # loads NumPy

_CHUNK = 500
_MAX_PAPERS, _MAX_MATCHES = 20_000, 200_000  # about 150 MB; a subscriber who missed months must not exhaust memory
UNCLOSED = 2**31 - 1  # the largest value of the column
"""Stands for the edition of matches that have none yet; it sorts after all others."""
_EDITION = itemgetter(0)

Follows = Mapping[int, Sequence[tuple[int, int]]]
"""Each subscriber's topics, by number, with the last edition sent of each."""


class MatchCache:
    """A cache of matches up to an edition (all if it is None), with their papers and daily counts.

    One program uses it for a round, since the batches need mostly the same data. A closed edition gets no new
    matches, and `begin` notices merged papers. A topic whose query changes during the round is served unchanged
    until its end. It is cleared when it has more than `max_papers` papers, or too many matches.
    """

    def __init__(self, edition: int | None, max_papers: int = _MAX_PAPERS) -> None:
        self.edition, self._max_papers = edition, max_papers
        self._forget()
        self._merged = ""

    def _forget(self) -> None:
        self._after: dict[int, int] = {}
        """The edition after which a topic's matches are all cached, by topic."""
        self.table = match_table.MatchTable()
        """All cached matches."""
        self._matches: dict[int, tuple[match_table.Ints, match_table.Ints]] = {}
        """The editions of each topic's cached matches, oldest first, and their numbers in the table."""
        self._unread: dict[tuple[int, int], match_table.Ints] = {}
        """The matches of a topic after an edition, by both."""
        self._papers: dict[int, Paper] = {}
        self._earlier: dict[int, int] = {}
        """The earlier numbers of the papers in `_traced`, with the present ones."""
        self._traced: set[int] = set()
        self._daily_counts: dict[int, Sequence[DailyCounts]] = {}
        self._slugs: dict[int, str] = {}
        self._counts: dict[int, list[tuple[int, int]]] = {}
        """The number of matches of each edition after `_counted`, by topic."""
        self._counted: dict[int, int] = {}
        self._changes: Changes | None = None

    def begin(self, db: Connection) -> None:
        """Clear the cache at the start of a transaction if papers were merged or it has grown too large."""
        merged = last_merged(db)
        if merged != self._merged or len(self._papers) > self._max_papers or len(self.table) > _MAX_MATCHES:
            self._forget()
        self._merged = merged

    def count(self, db: Connection, follows: Follows) -> None:
        """Count these subscribers' possibly unread matches from the index alone; not all may fit into the batch."""
        for (after, _), followed in _missing(follows, self._counted).items():
            columns = matches.c.topic, matches.c.edition
            fresh = and_(matches.c.edition > after, matches.c.edition <= (self.edition or 0))
            self._counts |= {topic: [] for topic in followed}
            self._counted |= dict.fromkeys(followed, after)
            for chunk in chunked(followed, _CHUNK):
                query = select(*columns, func.count()).where(matches.c.topic.in_(chunk), fresh)
                for topic, edition, number in db.execute(query.group_by(*columns)):
                    self._counts[topic].append((edition, number))

    def read(self, db: Connection, follows: Follows) -> None:
        """Read these subscribers' possibly unread matches that are not cached yet."""
        for (after, until), followed in _missing(follows, self._after).items():
            self._add(db, followed, after, until)

    def _add(self, db: Connection, followed: Sequence[int], after: int, until: int) -> None:
        """Add the matches of editions after `after` up to `until`, none of which are cached yet."""
        slugs = self.slugs(db, set(followed))
        last = until if self.edition is None else min(until, self.edition)
        fresh: ColumnElement[bool] = and_(matches.c.edition > after, matches.c.edition <= last)
        if self.edition is None and until == UNCLOSED:
            fresh = or_(fresh, matches.c.edition.is_(None))
        by_topic: dict[int, list[tuple[int, Match]]] = {topic: [] for topic in followed}
        for chunk in chunked(followed, _CHUNK):
            query = select(matches.c.topic, matches.c.paper, matches.c.score, matches.c.why, matches.c.edition)
            query = query.where(matches.c.topic.in_(chunk), fresh)
            for topic, paper, score, why, edition in db.execute(query).all():
                match = Match(slugs[topic], paper, score, tuple(why))
                by_topic[topic].append((UNCLOSED if edition is None else edition, match))
        older = [match for those in by_topic.values() for match in sorted(those, key=_EDITION)]
        numbers = self.table.add([match for _, match in older])
        editions = np.array([edition for edition, _ in older], dtype=np.int64)
        start = 0
        for topic, those in by_topic.items():
            here = slice(start, start := start + len(those))
            cached = self._matches.get(topic, (numbers[:0], numbers[:0]))
            self._matches[topic] = (
                np.concatenate([editions[here], cached[0]]),
                np.concatenate([numbers[here], cached[1]]),
            )
            self._after[topic] = after

    def slugs(self, db: Connection, numbers: Set[int]) -> Mapping[int, str]:
        """Return the slugs of topics by number, including those of these topics."""
        if not self._slugs.keys() >= numbers:
            self._slugs = dict(db.execute(select(topics.c.row, topics.c.slug)).all())
        return self._slugs

    def unread_count(self, followed: Iterable[tuple[int, int]]) -> int:
        """Count the unread matches of a subscriber who follows these topics; a match of two topics counts twice."""
        return sum(
            number
            for topic, last_edition in followed
            for edition, number in self._counts.get(topic, ())
            if edition > last_edition
        )

    def unread(self, follows: Follows) -> match_table.BatchMatches:
        """Return these subscribers' unread matches."""
        return self._find(follows, self._matches_after)

    def read_since(self, edition: int, follows: Follows) -> match_table.BatchMatches:
        """Return these subscribers' matches from this edition on that an earlier digest already covered."""

        def read(topic: int, last_edition: int) -> match_table.Ints:
            matched, unread = (self._matches_after(topic, after) for after in (edition - 1, last_edition))
            return matched[: max(0, len(matched) - len(unread))]

        return self._find(follows, read)

    def _find(self, follows: Follows, find: Callable[[int, int], match_table.Ints]) -> match_table.BatchMatches:
        """Return what `find` returns for each topic and last edition of these subscribers."""
        owners, matched = [], []
        for place, followed in enumerate(follows.values()):
            for topic in followed:
                owners.append(place)
                matched.append(find(*topic))
        lengths = list(map(len, matched))
        subscriber = np.repeat(np.array(owners, dtype=np.int64), lengths)
        return match_table.BatchMatches(
            self.table, subscriber, np.concatenate([np.zeros(0, dtype=np.int64), *matched])
        )

    def _matches_after(self, topic: int, edition: int) -> match_table.Ints:
        """Return a topic's matches of later editions, the oldest first; they are looked up once."""
        if (topic, edition) not in self._unread:
            editions, numbers = self._matches[topic]
            self._unread[topic, edition] = numbers[editions.searchsorted(edition, side="right") :]
        return self._unread[topic, edition]

    def earlier_numbers(self, db: Connection, rows: set[int]) -> dict[int, int]:
        """Return at least the numbers of papers that were merged into these, with the present numbers."""
        if untraced := rows - self._traced:
            self._earlier |= earlier_numbers(db, untraced)
            self._traced |= untraced
        return self._earlier

    def papers(self, db: Connection, rows: Iterable[int]) -> Mapping[int, Paper]:
        """Return all cached papers, after adding those with these numbers."""
        if uncached := set(rows) - self._papers.keys():
            self._papers |= load_rows(db, uncached)
        return self._papers

    def daily_counts(self, db: Connection, rows: Iterable[int]) -> Mapping[int, Sequence[DailyCounts]]:
        """Return the daily counts of all papers read so far, including these; empty for a paper without any."""
        if uncached := set(rows) - self._daily_counts.keys():
            self._daily_counts |= dict.fromkeys(uncached, ())
            self._daily_counts |= load_daily_counts(db, uncached)
        return self._daily_counts

    def changes(self, db: Connection, today: date) -> Changes:
        """Return the news about papers of the past week's issues."""
        if self._changes is None:
            self._changes = changed_papers(db, today)
        return self._changes


def _missing(follows: Follows, cached: Mapping[int, int]) -> dict[tuple[int, int], list[int]]:
    """Return the topics that are not fully known, by the missing range of editions (after, until)."""
    begun: dict[int, int] = {}
    for followed in follows.values():
        for topic, last_edition in followed:
            begun[topic] = min(last_edition, begun.get(topic, UNCLOSED))
    missing: dict[tuple[int, int], list[int]] = {}
    for topic, after in begun.items():
        until = cached.get(topic, UNCLOSED)
        if after < until:
            missing.setdefault((after, until), []).append(topic)
    return missing
