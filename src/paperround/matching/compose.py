"""The matches of one reader, laid out as a digest: each paper once, no topic crowded out. Pure.

A paper that matches several topics stands under the one it fits best. Places are dealt in rounds: each topic
puts forward its best paper left, and where a round has more papers than places the better papers go in.
Sections keep the order in which the reader chose the topics, so that a letter looks the same every morning;
within a section the best paper comes first. A reader's taste moves papers in that order and drops none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from paperround.matching.trending import rank
from paperround.models import Digest, Pick, Section


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match that one reader could be shown: `paper` is its row, score and popularity go from 0 to 1."""

    paper: int
    topic: str
    score: float
    why: tuple[str, ...] = ()
    popularity: float = 0.0
    affinity: float = 0.0
    """How much the paper is to the reader's taste, −1 to 1: the same in all its matches, like its popularity."""
    like: str = ""
    """The title of a paper that the reader wanted more of, where this one is telling like it."""


_Chosen = tuple[Candidate, list[str]]


def compose(
    issue: str,
    candidates: Iterable[Candidate],
    order: Sequence[str],
    names: Mapping[str, str],
    max_papers: int,
) -> Digest | None:
    """One reader's part of an issue, or None when nothing matched.

    `order` has the reader's topics as chosen; a topic that is not in it comes after them. Every paper among
    the candidates is either laid out (`max_papers` at most) or counted in `more`; their order makes no
    difference.
    """
    places = {slug: place for place, slug in enumerate(order)}
    chosen = _best_topics(candidates, places)
    if not chosen:
        return None
    chosen.sort(key=_by_rank)
    shown = _dealt((match for match, _ in chosen), max_papers)
    sections: dict[str, list[Pick]] = {}
    for match, others in chosen:
        if match.paper in shown:
            sections.setdefault(match.topic, []).append(Pick(match.paper, _reasons(match, others, names)))
    return Digest(
        issue,
        tuple(
            Section(topic, names.get(topic, topic), tuple(sections[topic]))
            for topic in sorted(sections, key=lambda topic: _place(topic, places))
        ),
        tuple(match.paper for match, _ in chosen if match.paper not in shown),
    )


def _best_topics(candidates: Iterable[Candidate], places: Mapping[str, int]) -> list[_Chosen]:
    """Each paper's match with the topic it fits best, and its other topics in the reader's order."""
    by_paper: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_paper.setdefault(candidate.paper, []).append(candidate)
    chosen = []
    for matches in by_paper.values():
        best = min(matches, key=lambda m: (-m.score, _place(m.topic, places), m.why, -m.popularity))
        others = {match.topic for match in matches} - {best.topic}
        chosen.append((best, sorted(others, key=lambda topic: _place(topic, places))))
    return chosen


def _dealt(ranked: Iterable[Candidate], places: int) -> set[int]:
    """The papers that get a place, in round after round: every topic's best, every topic's second, …"""
    seen: Counter[str] = Counter()
    turns = []
    for match in ranked:
        seen[match.topic] += 1
        turns.append((seen[match.topic], match.paper))
    # Python's sort is stable: within a round the better paper stays in front.
    turns.sort(key=itemgetter(0))
    return {paper for _, paper in turns[: max(places, 0)]}


def _by_rank(chosen: _Chosen) -> tuple[float, int]:
    match, _ = chosen
    return -rank(match.score, match.popularity, match.affinity), match.paper


def _place(topic: str, places: Mapping[str, int]) -> tuple[int, str]:
    return places.get(topic, len(places)), topic


def _reasons(match: Candidate, others: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    like = (f"like: {match.like}",) if match.like else ()
    also = ("also on " + ", ".join(names.get(topic, topic) for topic in others),) if others else ()
    return (*match.why, *like, *also)
