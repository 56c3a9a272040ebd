"""Finds what a source has reported before, word for word: on most mornings that is nearly all of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Text, cast, select

from paperround.domain import identity
from paperround.domain.models import Facts, Listing
from paperround.store.bulk import Prepared, among_given
from paperround.store.schema import listings, paper_keys, papers

_OWN_COLUMNS = {"source", "day"}  # of the facts of a listing
_TUPLES = [name for name, field in Facts.model_fields.items() if field.get_default() == ()]
_DEFAULTS: dict[str, Any] = {name: field.get_default() for name, field in Facts.model_fields.items()}


class Candidate(NamedTuple):
    """A paper that a listing may be of, and the entries of feeds among its listings.

    The paper itself has the identifier of only one entry, and the date and text of others.
    """

    facts: Facts
    entries: Sequence[Listing]

    def conflicts(self, listing: Listing, keys: Iterable[str]) -> bool:
        """Return whether the listing is of another work. The paper is known by these keys of the listing."""
        # A paper may have several of each.
        kinds = {key.partition(":")[0] for key in keys} & {"doi", "guid", "url"}
        facts = {kind: getattr(listing, kind) for kind in kinds}
        if identity.conflict(self.facts.model_copy(update=facts) if facts else self.facts, listing):
            return True
        return not kinds & {"doi", "guid"} and self._has_another_entry([listing])

    def is_apart_from(self, other: Candidate) -> bool:
        """Return whether two papers are different works."""
        return identity.conflict(self.facts, other.facts) or self._has_another_entry(other.entries)

    def _has_another_entry(self, entries: Iterable[Listing]) -> bool:
        return any(identity.are_two_entries(entry, other) for entry in self.entries for other in entries)


class KeyedListing(NamedTuple):
    """A listing and its keys."""

    listing: Listing
    keys: Sequence[str]


class KnownListings:
    """Looks up a batch of listings in the caller's transaction, with one statement for each table."""

    def __init__(self, engine: Engine) -> None:
        self._keys = Prepared(
            engine, select(paper_keys.c.key, paper_keys.c.paper).where(among_given(engine, paper_keys.c.key, "keys"))
        )
        self._listings = Prepared(
            engine,
            select(listings.c.paper, listings.c.source, listings.c.day, cast(listings.c.facts, Text)).where(
                among_given(engine, listings.c.paper, "rows")
            ),
        )
        self._papers = Prepared(
            engine, select(papers.c.row, cast(papers.c.facts, Text)).where(among_given(engine, papers.c.row, "rows"))
        )

    def rows_of_unchanged(self, db: Connection, batch: Sequence[KeyedListing]) -> list[int | None]:
        """Return for each listing the paper that it was stored with as it is, or None.

        None also means that the listing may belong to several papers, or adds a key to its paper.
        """
        if not batch:
            return []
        by_key: dict[str, int] = dict(self._keys.rows(db, keys={key for _, keys in batch for key in keys}))
        rows = [_only_row(by_key, keys) for _, keys in batch]
        stored = self._stored(db, rows)
        rows = [
            row if row is not None and _is_stored(stored[row], listing) else None
            for row, (listing, _) in zip(rows, batch, strict=True)
        ]
        candidates = self._candidates(db, rows, stored)
        return [
            row if row is not None and not candidates[row].conflicts(*keyed) else None
            for row, keyed in zip(rows, batch, strict=True)
        ]

    def _stored(self, db: Connection, rows: Iterable[int | None]) -> dict[int, dict[tuple[str, str], str]]:
        """Return the facts of the listings of papers as text, by paper, and by source and day."""
        stored: dict[int, dict[tuple[str, str], str]] = {row: {} for row in rows if row is not None}
        for row, source, day, facts in self._listings.rows(db, rows=list(stored)):
            stored[row][source, str(day)] = facts
        return stored

    def _candidates(
        self, db: Connection, rows: Iterable[int | None], stored: dict[int, dict[tuple[str, str], str]]
    ) -> dict[int, Candidate]:
        found = self._papers.rows(db, rows={row for row in rows if row is not None})
        return {row: Candidate(_facts(text), _entries(stored[row])) for row, text in found}


def reported(listing: Listing) -> str:
    """Return what a listing says of its paper, as JSON."""
    return listing.model_dump_json(exclude_defaults=True, exclude=_OWN_COLUMNS)


def with_earlier(before: dict[str, Any], listing: Listing) -> dict[str, Any]:
    """Return the facts to store of a listing after those that its source reported before.

    Where a paper is published is kept if it is left out later: arXiv's RSS feed has it, and its Atom feed has not.
    """
    published_in = {name: before[name] for name in ("doi", "journal") if name in before}
    return {**published_in, **json.loads(reported(listing))}


def listing_from(facts: dict[str, Any], source: str, day: date | str) -> Listing:
    """Return a listing from its stored form."""
    return Listing.model_validate({**facts, "source": source, "day": day})


def typed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored facts with the types of a model: JSON has lists for tuples, and texts for dates."""
    values = {**facts, **{name: tuple(facts.get(name) or ()) for name in _TUPLES}}
    if isinstance(published := values.get("published"), str):
        values["published"] = date.fromisoformat(published)
    return values


def _only_row(by_key: dict[str, int], keys: Sequence[str]) -> int | None:
    """Return the paper that has all of these keys, or None."""
    rows = set(map(by_key.get, keys))
    return rows.pop() if len(rows) == 1 else None


def _is_stored(stored: dict[tuple[str, str], str], listing: Listing) -> bool:
    text = stored.get((listing.source, listing.day.isoformat()))
    if text is None:
        return False
    if text == reported(listing):
        return True
    before = json.loads(text)
    return bool(before == with_earlier(before, listing))


def _facts(text: str) -> Facts:
    """Return what a paper is compared by with a listing that may be of it."""
    # With all defaults given, since pydantic takes most of its time to find each of them.
    return Facts.model_construct(**{**_DEFAULTS, **typed(json.loads(text)), "guid": None})


def _entries(stored: dict[tuple[str, str], str]) -> list[Listing]:
    read = ((source, day, json.loads(text)) for (source, day), text in stored.items() if '"guid"' in text)
    return [listing_from(facts, source, day) for source, day, facts in read if "guid" in facts]
