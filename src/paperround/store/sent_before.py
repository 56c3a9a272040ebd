"""The papers that each subscriber was sent before, since nobody gets a paper twice.

The papers that a digest includes are rows of `digest_papers`. Those that it only counts, about ten times as many, are
a list in the digest itself; `counted_papers` keeps the list when the digest is deleted. Lists have the numbers that
papers had when the digest was composed; a paper that was merged into another one since is found by its key
`row:NUMBER`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, String, Table, Text, cast, func, literal, select, union_all

from paperround.process.chunks import chunked
from paperround.store.bulk import among, numbers_in
from paperround.store.schema import ROW_KEY, counted_papers, digest_papers, digests, paper_keys, papers

_CHUNK = 500
COUNTED = ((digests, digests.c.row), (counted_papers, counted_papers.c.digest))
"""The tables with lists of counted papers, and their columns with the number of the digest."""


def earlier_numbers(db: Connection, rows: Iterable[int]) -> dict[int, int]:
    """Return the numbers of papers that were merged into these, with the present numbers."""
    numbers, earlier = sorted(rows), dict[int, int]()
    for chunk in chunked(numbers, _CHUNK):
        query = select(paper_keys.c.key, paper_keys.c.paper)
        query = query.where(among(db, paper_keys.c.paper, chunk), paper_keys.c.key.startswith(ROW_KEY))
        earlier |= {int(key.removeprefix(ROW_KEY)): paper for key, paper in db.execute(query)}
    return earlier


def present_numbers(db: Connection, rows: Iterable[int]) -> dict[int, int]:
    """Map each given paper that was merged to the number of the paper that it was merged into."""
    query = select(paper_keys.c.key, paper_keys.c.paper)
    records = db.execute(query.where(among(db, paper_keys.c.key, [f"{ROW_KEY}{row}" for row in rows])))
    return {int(key.removeprefix(ROW_KEY)): paper for key, paper in records}


def sent_before(
    db: Connection, unread: Mapping[int, int], papers: Collection[int], earlier: Mapping[int, int]
) -> dict[int, dict[int, int]]:
    """Return which papers digests have included or counted, with the number of the digest, by subscriber.

    `unread` has the subscribers, each with the lowest number of the papers that matter to them; `earlier` has the
    earlier numbers of the papers.
    """
    if not papers:
        return {}
    merged = {old: now for old, now in earlier.items() if now in papers}
    numbers = {paper: paper for paper in papers} | merged
    first = min(numbers)
    oldest = {subscriber: min(paper, *merged) if merged else paper for subscriber, paper in unread.items()}
    by_subscriber: dict[int, dict[int, int]] = {}
    for subscriber, digest, paper in chain(_included(db, oldest, numbers), _counted(db, oldest, first)):
        if paper in numbers:
            by_subscriber.setdefault(subscriber, {})[numbers[paper]] = digest
    return by_subscriber


def _included(db: Connection, subscribers: Iterable[int], numbers: Collection[int]) -> Iterable[tuple[int, int, int]]:
    query = select(digest_papers.c.subscriber, digest_papers.c.digest, digest_papers.c.paper)
    mine = among(db, digest_papers.c.subscriber, subscribers)
    return db.execute(query.where(mine, digest_papers.c.paper.between(min(numbers), max(numbers)))).all()


def _counted(db: Connection, oldest: Mapping[int, int], first: int) -> Iterator[tuple[int, int, int]]:
    """Yield the papers of the lists that do not end before the subscriber's oldest paper, nor before `first`."""
    lists = (
        select(table.c.subscriber, digest, table.c.last_counted, cast(table.c.more, Text)).where(
            among(db, table.c.subscriber, oldest), table.c.last_counted >= first
        )
        for table, digest in COUNTED
    )
    for subscriber, digest, last, more in db.execute(union_all(*lists)):
        if last >= oldest[subscriber]:
            yield from ((subscriber, digest, paper) for paper in json.loads(more))


def select_counted(db: Connection, table: Table, *columns: Any) -> Select[Any]:
    """Return a query with a row for each paper that the digests of a table of lists only count.

    The columns are those of the table, and those of `papers` for the paper as it is now.
    """
    joined, number = numbers_in(db, table.c.more)
    merged = paper_keys.c.key == literal(ROW_KEY) + cast(number, String)
    present = papers.c.row == func.coalesce(paper_keys.c.paper, number)
    joined = joined.outerjoin(paper_keys, merged).join(papers, present)
    return select(*columns).select_from(joined).where(table.c.last_counted.is_not(None))
