"""Papers: the listings of sources, merged into one paper per work, found by key, day or query."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import IntEnum
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Engine, func, select, update

from paperround.domain import identifiers, identity
from paperround.domain.merging import facts_alone, merge, merged_alone
from paperround.domain.models import DailyCounts, Facts, Listing, Paper, Picture
from paperround.domain.search_plan import DaySpan, SearchPlan
from paperround.process.chunks import chunked
from paperround.store.bulk import ManyRows, NewRows, among
from paperround.store.engine import lock_exclusively, reading, upsert, writing
from paperround.store.known_listings import (
    Candidate,
    KeyedListing,
    KnownListings,
    listing_from,
    reported,
    typed,
    with_earlier,
)
from paperround.store.merged_papers import absorb, keep_larger_counts, make_news
from paperround.store.schema import (
    ROW_KEY,
    daily_counts,
    listings,
    paper_keys,
    papers,
    pictures,
)
from paperround.store.search import SearchIndex
from paperround.store.vector_queue import expect_vectors

_CHUNK = 500
_NO_ROW = 2**62  # larger than the number of any paper
_PAPER = ("id", "title", "facts", "sources", "day", "upvotes", "first_seen", "unmatched", "archived")
_LISTING = ("paper", "source", "day", "facts", "seen_at")
_VALUES: dict[str, Any] = {name: field.get_default() for name, field in Paper.model_fields.items()}
"""The default of each field of a paper, in their order."""
_NAMES = set(_VALUES)
_STATE = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
"""What pydantic keeps of an object: https://docs.pydantic.dev/latest/api/base_model/"""
THUMBNAIL = papers.c.facts["thumbnail_url"].as_string()
"""The URL of a paper's picture, as a source gives it."""


@dataclass(slots=True)
class StoreResult:
    """The result of storing listings: the new papers, the changed papers, and the number of unchanged papers."""

    new: list[Paper] = field(default_factory=list)
    updated: list[Paper] = field(default_factory=list)
    unchanged: int = 0


class _Effect(IntEnum):
    """What listings did to a paper; of several listings, the greatest counts."""

    UNCHANGED = 0
    UPDATED = 1
    NEW = 2


class _NewPaper(NamedTuple):
    """A paper that a listing is the first of."""

    id: str
    keys: Sequence[str]
    listing: Listing


class _Effects:
    """What the listings of a batch did to papers, by number, in the order of the batch."""

    def __init__(self, inserted: Iterable[int]) -> None:
        self.by_row = dict.fromkeys(inserted, _Effect.NEW)
        self.written: set[int] = set()
        """The papers that were changed, or merged into another one, since the batch was looked up."""

    def add(self, row: int, effect: _Effect, absorbed: Sequence[int] = ()) -> None:
        """Record what a listing did to a paper, and which papers were merged into it."""
        self.by_row[row] = max(effect, self.by_row.get(row, effect))
        for lost in absorbed:
            self.by_row.pop(lost, None)

    def rows(self, effect: _Effect) -> list[int]:
        """Return the papers that had this effect."""
        return [row for row, had in self.by_row.items() if had == effect]


class Papers:
    """Papers and their listings; also keeps the search index up to date."""

    def __init__(self, engine: Engine, index: SearchIndex) -> None:
        self._engine = engine
        self._index = index
        self._known = KnownListings(engine)
        self._add_papers = NewRows(engine, papers, _PAPER, written=("facts",))
        self._add_listings = NewRows(engine, listings, _LISTING, written=("facts",))
        self._add_keys = ManyRows(engine, upsert(engine, paper_keys).on_conflict_do_nothing(), ("key", "paper"))

    def add(self, batch: Iterable[Listing], now: datetime, *, unmailed: bool = False) -> StoreResult:
        """Store listings in one transaction, each merged with its paper.

        New and changed papers are marked as unmatched. With `unmailed`, new papers are archived: their matches are
        never sent.
        """
        stored = StoreResult()
        with writing(self._engine) as db:
            lock_exclusively(db, listings)  # no other transaction may add a paper between lookup and insert
            new, others = _split_new(db, list(batch))
            numbers = self._insert(db, new, now, unmailed)
            effects = _Effects(numbers)
            for keyed, row in zip(others, self._known.rows_of_unchanged(db, others), strict=True):
                if row is None or row in effects.written:
                    self._add_one(db, keyed, now, effects, unmailed=unmailed)
                else:
                    effects.add(row, _Effect.UNCHANGED)
            new_rows, updated = effects.rows(_Effect.NEW), effects.rows(_Effect.UPDATED)
            present = _first_listed(numbers, new, now)
            present |= load_rows(db, {*new_rows, *updated} - present.keys())
            stored.new, stored.updated = [present[row] for row in new_rows], [present[row] for row in updated]
            stored.unchanged = len(effects.by_row) - len(present)
            self._index.add(db, stored.new)
            self._index.put(db, stored.updated)
            _keep_daily_counts(db, [*stored.new, *stored.updated], now)
            expect_vectors(db, [*stored.new, *stored.updated])
        return stored

    def _insert(self, db: Connection, new: Sequence[_NewPaper], now: datetime, unmailed: bool) -> Sequence[int]:
        """Store new papers with one listing each, in one statement for each table; return their numbers."""
        if not new:
            return []
        self._add_papers.run(
            db,
            [
                (
                    name,
                    listing.title,
                    merged_alone(listing),
                    [listing.source],
                    listing.day,
                    listing.upvotes or 0,
                    now,
                    True,
                    unmailed,
                )
                for name, _, listing in new
            ],
        )
        there = select(papers.c.id, papers.c.row).where(among(db, papers.c.id, [name for name, _, _ in new]))
        numbers = dict(db.execute(there).all())
        rows = [(numbers[name], listing.source, listing.day, reported(listing), now) for name, _, listing in new]
        self._add_listings.run(db, rows)
        self._add_keys.run(db, [{"key": key, "paper": numbers[name]} for name, keys, _ in new for key in keys])
        return [numbers[name] for name, _, _ in new]

    def _add_one(
        self, db: Connection, keyed: KeyedListing, now: datetime, effects: _Effects, *, unmailed: bool
    ) -> None:
        listing, keys = keyed
        rows = self._known_as(db, keyed)
        if not rows:
            (row,) = self._insert(db, [_NewPaper(_free_id(db, listing, keys), keys, listing)], now, unmailed)
            effects.add(row, _Effect.NEW)
            return  # no listing was stored with it when the batch was looked up
        row, *others = rows
        for other in others:
            self._index.drop(db, [other])
            absorb(db, row, other)
        changed = _keep_listing(db, row, listing, now)
        if changed or others:
            effects.written.update(rows)
            changed = _remerge(db, row, listing, unmailed=unmailed)
        effects.add(row, _Effect.UPDATED if changed or others else _Effect.UNCHANGED, others)

    @staticmethod
    def _known_as(db: Connection, keyed: KeyedListing) -> list[int]:
        """Return the papers that share a key with the listing and may be the same work, best key first."""
        listing, own_keys = keyed
        by_key = dict(
            db.execute(select(paper_keys.c.key, paper_keys.c.paper).where(paper_keys.c.key.in_(own_keys))).all()
        )
        rows = list(dict.fromkeys(by_key[key] for key in own_keys if key in by_key))
        candidates = _candidates(db, rows, with_entries=bool(listing.guid) or len(rows) > 1)
        same: list[int] = []
        for row in rows:
            keys = [key for key in own_keys if by_key.get(key) == row]
            if not candidates[row].conflicts(listing, keys) and not (
                same and candidates[row].is_apart_from(candidates[same[0]])
            ):
                same.append(row)
        return same

    def by_id(self, paper_id: str) -> Paper | None:
        """Return the paper with this public identifier, arXiv identifier or DOI, or None."""
        with reading(self._engine) as db:
            paper = next(load_papers(db, papers.c.id == paper_id), None)
            if paper:
                return paper
            row = db.scalar(select(paper_keys.c.paper).where(paper_keys.c.key.in_(_keys(paper_id))))
            return next(load_papers(db, papers.c.row == row), None) if row else None

    def rows_by_id(self, paper_ids: Collection[str]) -> dict[str, int]:
        """Return the numbers of the papers with these identifiers, each of a kind that `by_id` knows."""
        keys = {name: _keys(name) for name in paper_ids}
        with reading(self._engine) as db:
            by_key = select(paper_keys.c.key, paper_keys.c.paper).where(
                among(db, paper_keys.c.key, chain(*keys.values()))
            )
            by_name = select(papers.c.id, papers.c.row).where(among(db, papers.c.id, paper_ids))
            rows = dict(db.execute(by_key).all())
            by_identifier = {name: rows[key] for name, variants in keys.items() for key in variants if key in rows}
            return by_identifier | dict(db.execute(by_name).all())

    def rows_by_title(self, works: Sequence[Facts]) -> list[int | None]:
        """Return for each work the number of the stored paper with its title and first author, or None."""
        keys = [identity.title_keys(work.title) if work.authors else () for work in works]
        with reading(self._engine) as db:
            query = select(paper_keys.c.key, paper_keys.c.paper).where(among(db, paper_keys.c.key, set(chain(*keys))))
            rows = dict(db.execute(query).all())
            stored = load_rows(db, set(rows.values()))
        return [
            next(
                (row for key in variants if (row := rows.get(key)) and identity.is_same_work(stored[row], work)), None
            )
            for work, variants in zip(works, keys, strict=True)
        ]

    def by_rows(self, rows: Iterable[int]) -> dict[int, Paper]:
        """Return papers by number, without those that do not exist."""
        with reading(self._engine) as db:
            return load_rows(db, set(rows))

    def count_since(self, moment: datetime) -> int:
        """Count the papers first seen since a moment, without archived ones."""
        with reading(self._engine) as db:
            fresh = select(func.count()).select_from(papers).where(papers.c.first_seen > moment, ~papers.c.archived)
            return db.scalar(fresh) or 0

    def moments_since(self, moment: datetime) -> list[datetime]:
        """Return when each paper was first seen since a moment, in order, without archived ones."""
        with reading(self._engine) as db:
            fresh = select(papers.c.first_seen).where(papers.c.first_seen > moment, ~papers.c.archived)
            return list(db.scalars(fresh.order_by(papers.c.first_seen)))

    def ids(self, rows: Iterable[int]) -> dict[int, str]:
        """Map the numbers of papers, current or from before a merge, to public identifiers."""
        numbers = sorted(rows)
        with reading(self._engine) as db:
            query = select(papers.c.row, papers.c.id).where(among(db, papers.c.row, numbers))
            ids: dict[int, str] = dict(db.execute(query).all())
            absorbed = {f"{ROW_KEY}{row}": row for row in numbers if row not in ids}
            query = select(paper_keys.c.key, papers.c.id).join_from(paper_keys, papers)
            for key, name in db.execute(query.where(among(db, paper_keys.c.key, absorbed))):
                ids[absorbed[key]] = name
        return ids

    def daily_counts_of(self, rows: Iterable[int]) -> dict[int, list[DailyCounts]]:
        """Return the daily counts of these papers by number, oldest first."""
        with reading(self._engine) as db:
            return load_daily_counts(db, rows)

    def listings_of(self, row: int) -> list[Listing]:
        """Return the paper's listings."""
        with reading(self._engine) as db:
            return _listings(db, row)

    def all_listings(self, papers_at_once: int = _CHUNK) -> Iterator[Listing]:
        """Yield every listing, paper by paper; only `papers_at_once` papers are held in memory."""
        after = 0
        while True:
            with reading(self._engine) as db:
                next_rows = select(papers.c.row).where(papers.c.row > after).order_by(papers.c.row)
                rows = db.scalars(next_rows.limit(papers_at_once)).all()
                query = select(listings).where(listings.c.paper.in_(rows))
                chunk = db.execute(
                    query.order_by(listings.c.paper, listings.c.seen_at, listings.c.source, listings.c.day)
                ).all()
            if not rows:
                return
            after = rows[-1]
            yield from map(_listing, chunk)

    def matching(self, query: Any, since_row: int = 0, size: int = 1_000) -> Iterator[list[Paper]]:
        """Yield the papers that match a query, from number `since_row` on, in chunks of at most `size`."""
        while True:
            with reading(self._engine) as db:
                rows = self._index.rows(db, query, since_row, size)
                chunk = list(load_papers(db, papers.c.row.in_(rows))) if rows else []
            if not chunk:
                return
            yield chunk
            since_row = chunk[-1].row + 1

    def check(self, query: Any) -> None:
        """Run a query on the search index without reading any paper. Raises QueryError if the database rejects it."""
        with reading(self._engine) as db:
            self._index.rows(db, query, _NO_ROW, 1)

    def reindex(self, after: int, limit: int) -> int | None:
        """Index up to `limit` papers with numbers above `after` again, in one transaction.

        Returns the number of the last one, or None if there are no more.
        """
        with writing(self._engine) as db:
            lock_exclusively(db, listings)  # two programs that replace the same entries would insert one twice
            stored = list(load_papers(db, papers.c.row > after, limit=limit))
            self._index.put(db, stored)
        return stored[-1].row if stored else None

    def stored_since(self, row: int) -> Iterator[list[Paper]]:
        """Yield all papers from number `row` on, in chunks of at most 1,000."""
        while True:
            with reading(self._engine) as db:
                chunk = list(load_papers(db, papers.c.row >= row, limit=1_000))
            if not chunk:
                return
            yield chunk
            row = chunk[-1].row + 1

    def latest(self, limit: int, since: int = 0) -> list[Paper]:
        """Return the papers stored last, newest first; only those with numbers from `since` on."""
        with reading(self._engine) as db:
            return list(load_papers(db, papers.c.row >= since, order=papers.c.row.desc(), limit=limit))

    def candidates(self, plan: SearchPlan[Any], days: DaySpan | None = None) -> list[int]:
        """Return the numbers of the papers that match a search plan's queries, newest first.

        With `days`, only papers announced within them.
        """
        with reading(self._engine) as db:
            return self._index.candidates(db, plan, days)

    def indexed_texts(self, rows: Sequence[int]) -> tuple[list[int], Any]:
        """Return those of the papers that exist, in the same order, and their texts as the search index has them."""
        with reading(self._engine) as db:
            return self._index.texts(db, rows)

    def finds(self, query: Any) -> bool:
        """Return whether any paper matches a query."""
        with reading(self._engine) as db:
            return bool(self._index.rows(db, query, 0, 1))

    def newest_day(self, until: date) -> date | None:
        """Return the latest day up to `until` (inclusive) that has papers, or None."""
        with reading(self._engine) as db:
            newest: date | None = db.scalar(select(func.max(papers.c.day)).where(papers.c.day <= until))
            return newest

    def has_at_least(self, number: int) -> bool:
        """Return whether at least this many papers are stored, without counting all."""
        nth = select(papers.c.row).where(papers.c.row > 0).order_by(papers.c.row).offset(number - 1).limit(1)
        with reading(self._engine) as db:
            return db.execute(nth).first() is not None

    def count(self) -> int:
        """Count the stored papers."""
        with reading(self._engine) as db:
            return db.scalar(select(func.count()).select_from(papers)) or 0


def paper_from(
    row: int,
    paper_id: str,
    facts: Mapping[str, Any],
    sources: Sequence[str],
    day: date,
    first_seen: datetime,
    summaries: Mapping[str, str] | None = None,
    picture: Picture | None = None,
) -> Paper:
    """Return a Paper from its stored form without validating it again, which is ten times faster."""
    values = {**_VALUES, **typed(facts)}
    values |= {"id": paper_id, "row": row, "day": day, "sources": tuple(sources), "first_seen": first_seen}
    values |= {"summaries": summaries or {}, "picture": picture}
    return _paper(values if len(values) == len(_VALUES) else {name: values[name] for name in _VALUES})


def _paper(values: dict[str, Any]) -> Paper:
    """Return a Paper with these values, one for each field in their order, as `Paper.model_construct` would.

    It takes a tenth of the time: the values are kept as they are.
    """
    paper = Paper.__new__(Paper)
    for name, value in zip(_STATE, (values, _NAMES, None, None), strict=True):
        object.__setattr__(paper, name, value)
    return paper


def _first_listed(numbers: Sequence[int], new: Sequence[_NewPaper], now: datetime) -> dict[int, Paper]:
    """Return the papers that were just stored with one listing each, by number, as `load` would.

    Those with a thumbnail are left out, since its picture may be stored already.
    """
    return {
        row: _paper(
            {
                **_VALUES,
                **facts_alone(listing),
                "id": name,
                "row": row,
                "day": listing.day,
                "sources": (listing.source,),
                "first_seen": now.astimezone(UTC),
            }
        )
        for row, (name, _, listing) in zip(numbers, new, strict=True)
        if listing.thumbnail_url is None
    }


def paper_from_snapshot(row: int, stored: Mapping[str, Any]) -> Paper:
    """Return a Paper as it was when an issue used it."""
    facts = dict(stored)
    day, first_seen = date.fromisoformat(facts.pop("day")), datetime.fromisoformat(facts.pop("first_seen"))
    picture = Picture.model_validate(printed) if (printed := facts.pop("picture", None)) else None
    paper_id, sources, summaries = facts.pop("id"), facts.pop("sources"), facts.pop("summaries", None)
    return paper_from(row, paper_id, facts, sources, day, first_seen, summaries, picture)


def load_papers(
    db: Connection, where: Any, *, order: Any = papers.c.row, limit: int | None = None, offset: int = 0
) -> Iterator[Paper]:
    """Yield the papers that meet a condition, in the order given."""
    names = ("row", "id", "facts", "sources", "day", "first_seen", "summaries")
    paper = tuple(papers.c[name] for name in names)
    picture = (pictures.c.name, pictures.c.width, pictures.c.height)
    query = (
        select(*paper, *picture)
        .outerjoin_from(papers, pictures, pictures.c.url == THUMBNAIL)
        .where(where)
        .order_by(*(order if isinstance(order, tuple) else (order,)))
        .limit(limit)
        .offset(offset or None)
    )
    for row in db.execute(query):
        yield paper_from(*row[:7], Picture(name=row.name, width=row.width, height=row.height) if row.name else None)


def load_rows(db: Connection, rows: Iterable[int]) -> dict[int, Paper]:
    """Return papers by number, without those that do not exist."""
    numbers = sorted(rows)
    by_row: dict[int, Paper] = {}
    for chunk in chunked(numbers, _CHUNK):
        condition = papers.c.row.in_(chunk)
        by_row |= {paper.row: paper for paper in load_papers(db, condition)}
    return by_row


def load_in_order(db: Connection, rows: Sequence[int]) -> list[Paper]:
    """Return the papers with these numbers, in this order, without those that do not exist."""
    by_row = {paper.row: paper for paper in load_papers(db, papers.c.row.in_(rows))} if rows else {}
    return [by_row[row] for row in rows if row in by_row]


def load_daily_counts(db: Connection, rows: Iterable[int]) -> dict[int, list[DailyCounts]]:
    """Return the daily counts of these papers by row, oldest first; papers without any are left out."""
    numbers = sorted(rows)
    by_paper: dict[int, list[DailyCounts]] = {}
    for chunk in chunked(numbers, _CHUNK):
        condition = daily_counts.c.paper.in_(chunk)
        for row, *counts in db.execute(
            select(daily_counts).where(condition).order_by(daily_counts.c.paper, daily_counts.c.day)
        ):
            by_paper.setdefault(row, []).append(DailyCounts(*counts))
    return by_paper


def _keep_daily_counts(db: Connection, changed: Sequence[Paper], now: datetime) -> None:
    """Store today's counts (UTC) of these papers; papers without any votes, comments or stars get no row."""
    day = now.astimezone(UTC).date()
    counted = [
        {
            "paper": paper.row,
            "day": day,
            "upvotes": paper.upvotes or 0,
            "comments": paper.comments or 0,
            "stars": paper.stars or 0,
        }
        for paper in changed
        if paper.upvotes or paper.comments or paper.stars
    ]
    if counted:
        db.execute(keep_larger_counts(upsert(db, daily_counts)), counted)


def _split_new(db: Connection, batch: Sequence[Listing]) -> tuple[list[_NewPaper], list[KeyedListing]]:
    """Return the new papers, and the listings that are not of one.

    A new paper's listing shares no key with a stored paper or another listing.
    """
    keys = [identity.keys(listing) for listing in batch]
    ids = list(map(identity.public_id, keys))
    times = Counter(chain.from_iterable(keys))
    shared = {key for key, occurrences in times.items() if occurrences > 1}
    shared |= _stored(db, paper_keys.c.key, times) | _stored(db, papers.c.id, ids)
    new: list[_NewPaper] = []
    others: list[KeyedListing] = []
    for listing, own_keys, name in zip(batch, keys, ids, strict=True):
        if shared.isdisjoint((*own_keys, name)):
            new.append(_NewPaper(name, own_keys, listing))
        else:
            others.append(KeyedListing(listing, own_keys))
    return new, others


def _stored(db: Connection, column: Column[str], values: Iterable[str]) -> set[str]:
    """Return those of the values that the column contains."""
    return set(db.scalars(select(column).where(among(db, column, values))))


def _keys(paper_id: str) -> list[str]:
    """Return the keys under which a paper with this public identifier, arXiv identifier or DOI may be known."""
    if arxiv := identifiers.arxiv_id(paper_id):
        return [f"id:{paper_id}", f"arxiv:{arxiv[0]}"]
    doi = identifiers.doi(paper_id)
    return [f"id:{paper_id}", *([f"doi:{doi}"] if doi else [])]


def _free_id(db: Connection, listing: Listing, keys: Sequence[str]) -> str:
    """Return a public identifier for a new paper that no other paper has."""
    name = identity.public_id(keys)
    if db.scalar(select(papers.c.row).where(papers.c.id == name)):
        # Two works with the same title: the second gets an identifier of its own.
        name = f"{name}-{hashlib.sha256(listing.model_dump_json().encode()).hexdigest()[:4]}"
    return name


def _keep_listing(db: Connection, row: int, listing: Listing, now: datetime) -> bool:
    """Store a listing, and return whether it differs from what the source reported before."""
    where = (listings.c.paper == row) & (listings.c.source == listing.source) & (listings.c.day == listing.day)
    before = db.scalar(select(listings.c.facts).where(where)) or {}
    facts = with_earlier(before, listing)
    if before == facts:
        return False
    statement = upsert(db, listings).values(
        paper=row, source=listing.source, day=listing.day, facts=facts, seen_at=now
    )
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["paper", "source", "day"],
            set_={"facts": statement.excluded.facts, "seen_at": now},
        )
    )
    return True


def _remerge(db: Connection, row: int, latest: Listing, *, unmailed: bool) -> bool:
    """Merge the paper again from its listings, and return whether anything in it changed.

    The keys of the latest listing are kept beside those of the merged paper, which has one title and one guid: a
    later listing may share only those of this one. If its source is new to an archived paper, the paper becomes news,
    unless it is for the archive too.
    """
    stored = _listings(db, row)
    facts = merge(stored)
    seen_in = list(dict.fromkeys(listing.source for listing in stored))
    day = min(listing.day for listing in stored)
    plain = _plain(facts)
    merged = Facts.model_validate(facts)
    new_keys = [{"key": key, "paper": row} for key in sorted({*identity.keys(merged), *identity.keys(latest)})]
    db.execute(upsert(db, paper_keys).on_conflict_do_nothing(), new_keys)
    state = (papers.c.facts, papers.c.sources, papers.c.day, papers.c.archived)
    before = db.execute(select(*state).where(papers.c.row == row)).one()
    if before.archived and not unmailed and latest.source not in before.sources:
        make_news(db, row)
    if tuple(before[:3]) == (plain, seen_in, day):
        return False
    db.execute(
        update(papers)
        .where(papers.c.row == row)
        .values(
            title=merged.title,
            facts=plain,
            sources=seen_in,
            day=day,
            upvotes=merged.upvotes or 0,
            unmatched=True,
        )
    )
    if before.facts.get("abstract") != plain.get("abstract"):
        db.execute(update(papers).where(papers.c.row == row).values(summaries=None))
    return True


def _candidates(db: Connection, rows: Sequence[int], *, with_entries: bool) -> dict[int, Candidate]:
    """Return these papers by number, as candidates for a listing."""
    if not rows:
        return {}
    stored = {paper.row: paper for paper in load_papers(db, papers.c.row.in_(rows))}
    entries: dict[int, list[Listing]] = {row: [] for row in stored}
    if with_entries:
        for listing in db.execute(_stored_listings(listings.c.paper.in_(rows))):
            if "guid" in listing.facts:
                entries[listing.paper].append(_listing(listing))
    return {row: Candidate(paper.model_copy(update={"guid": None}), entries[row]) for row, paper in stored.items()}


def _listings(db: Connection, row: int) -> list[Listing]:
    return list(map(_listing, db.execute(_stored_listings(listings.c.paper == row))))


def _stored_listings(where: Any) -> Any:
    query = select(listings.c.paper, listings.c.source, listings.c.day, listings.c.facts).where(where)
    return query.order_by(listings.c.seen_at, listings.c.source, listings.c.day)


def _listing(stored: Any) -> Listing:
    return listing_from(stored.facts, stored.source, stored.day)


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as JSON, without empty fields."""
    return Facts.model_construct(**facts).model_dump(mode="json", exclude_defaults=True)
