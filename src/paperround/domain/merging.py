"""Merge several listings into one paper, and define which source is trusted for which field. Pure.

The result does not depend on the order of the listings: each field is taken from the most trusted source that states
it, and for counts that only grow the largest value is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from paperround.domain.models import Facts, Listing

# Most trusted first. arXiv is the best source for the paper itself, Hugging Face for code, discussion and votes.
_ABOUT_PAPER = ("arxiv", "biorxiv", "hf-daily", "feed", "jsonl", "page")
_COUNT_SOURCES = ("hf-daily", "page", "jsonl", "arxiv", "biorxiv", "feed")
_COUNT_FIELDS = frozenset(
    {"organization", "summary", "keywords", "code_url", "project_url", "discussion_url", "thumbnail_url"}
)
_GROWING = frozenset({"upvotes", "comments", "stars"})
_NO_FACTS = Listing.model_fields.keys() - Facts.model_fields.keys()
_EMPTY: tuple[object, ...] = (None, "", (), False)


def merge(listings: Iterable[Listing]) -> dict[str, Any]:
    """Return the facts of the paper that these listings describe."""
    listings = list(listings)
    paper = sorted(listings, key=_trust(_ABOUT_PAPER))
    counts = sorted(listings, key=_trust(_COUNT_SOURCES))
    facts = {
        name: _largest(listings, name)
        if name in _GROWING
        else _first(counts if name in _COUNT_FIELDS else paper, name)
        for name in Facts.model_fields
    }
    facts["withdrawn"] = any(listing.withdrawn for listing in listings)
    facts["published"] = min((listing.published for listing in listings if listing.published), default=None)
    return facts


def merged_alone(listing: Listing) -> str:
    """Return what `merge` gives for this listing alone, as JSON without empty fields; in a tenth of the time."""
    return listing.model_dump_json(exclude_defaults=True, include=set(facts_alone(listing)))


def facts_alone(listing: Listing) -> dict[str, Any]:
    """Return the facts that `merge` gives for this listing alone, without empty ones."""
    given = ((name, getattr(listing, name)) for name in listing.model_fields_set - _NO_FACTS)
    return {name: value for name, value in given if name in _GROWING or value not in _EMPTY}


def _trust(order: Sequence[str]) -> Any:
    def key(listing: Listing) -> tuple[object, ...]:
        kind = listing.kind or listing.source
        rank = order.index(kind) if kind in order else len(order)
        # Prefer a later version, then a later day. The other keys only make the order deterministic.
        return (
            rank,
            -(listing.version or 0),
            -listing.day.toordinal(),
            listing.source,
            listing.model_dump_json(),
        )

    return key


def _first(listings: Sequence[Listing], name: str) -> object:
    return next(
        (v for v in (getattr(x, name) for x in listings) if v not in _EMPTY), Facts.model_fields[name].default
    )


def _largest(listings: Sequence[Listing], name: str) -> int | None:
    return max((v for v in (getattr(x, name) for x in listings) if v is not None), default=None)
