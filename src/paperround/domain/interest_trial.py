"""The result of trying an interest on stored papers: the papers that fit, and what is doubtful about the interest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from paperround.domain.models import Paper
from paperround.domain.preferences import Breadth

_FEW_PAPERS = 500  # with fewer, interests select few of the papers that fit (docs/relevance.md, "On a new site")

Ratings = Mapping[int, int]
"""+1 (more like this) or −1 (less) by paper number."""


def has_few_papers(total: int) -> bool:
    """Return whether a site has so few papers that interests select few of those that fit."""
    return total < _FEW_PAPERS


class Doubt(StrEnum):
    """Why emails would hardly contain what a subscriber means by an interest."""

    NO_PAPERS = "no papers"
    """There are no papers to try it on."""
    EMPTY = "empty"
    """It has only words that papers on any subject have, such as "the"."""
    UNWANTED = "unwanted"
    """It names what the subscriber does not want, which it nevertheless looks for."""
    AUTHOR = "author"
    """It is the full name of an author."""
    LANGUAGE = "language"
    """It is in German, is compared only with papers in English, and no paper fits."""
    UNKNOWN = "unknown"
    """None of its words, or only short ones, occur in any of the papers, and no paper fits in meaning."""
    VAGUE = "vague"
    """No paper fits well enough to be emailed."""
    BROAD = "broad"
    """So many papers fit that the interest selects little."""


@dataclass(frozen=True, slots=True)
class TriedPaper:
    """A paper that fits an interest."""

    paper: Paper
    fit: float
    """How well it fits, 0 to 1."""
    selected: bool
    """Whether it fits well enough to be emailed."""
    wider: Breadth | None
    """The narrowest wider breadth with which it would fit well enough; None if there is none, or none is needed."""
    why: tuple[str, ...]
    rating: int = 0
    """The rating, +1 or −1; 0 if there is none."""


class WiderBreadth(NamedTuple):
    """A breadth that selects more papers than the one that was tried."""

    breadth: Breadth
    selected: int
    """The number of papers that it selects."""


@dataclass(frozen=True, slots=True)
class InterestTrial:
    """The result of trying an interest on the papers of the past weeks."""

    query: str
    papers: tuple[TriedPaper, ...] = ()
    """The best papers, best first."""
    suggestions: tuple[str, ...] = ()
    """Technical terms that could be added to the interest."""
    selected: int = 0
    """The number of papers that fit well enough to be emailed; of plain words, without those that were rated."""
    rated: bool = False
    """Whether papers were rated."""
    wider: WiderBreadth | None = None
    """A breadth that selects more papers; None if there is none."""
    total: int = 0
    """The number of papers compared."""
    since: date | None = None
    """The day of the oldest paper compared; None if there are none."""
    exact: bool = False
    """Whether it is a query with operators, which papers match exactly or not at all."""
    operators: tuple[str, ...] = ()
    """The operators because of which it is read as a query."""
    unwanted: str = ""
    """What it says that the subscriber does not want: the words that it nevertheless looks for."""
    author: str = ""
    """A query for the author whose name it is; empty if it is none."""
    correction: str = ""
    """The interest with its probable typing mistakes corrected; empty if it has none."""
    doubt: Doubt | None = None
    """Why emails would hardly contain what the subscriber means; None if nothing suggests that."""
