"""The matches of one subscriber, laid out as a digest: each paper once, no topic crowded out. Pure.

A paper that matches several topics stands under the one it fits best. Places are dealt in rounds: each topic
puts forward its best paper left, and where a round has more papers than places the better papers go in.
Sections keep the order in which the subscriber chose the topics, so that a letter looks the same every morning;
within a section the best paper comes first. In a weekly or monthly digest the papers that were talked about most
come before them, in a section of their own, and are not repeated below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from paperround.domain.models import DISCUSSED, Digest, Pick, Section
from paperround.matching.popularity import rank

_LEAST_DISCUSSION = 3.0  # a comment and a vote, or three votes: with less nothing was discussed
_LEAST_PAPERS = 6  # a shorter digest is read from top to bottom anyway


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match that one subscriber could be shown: `paper` is its row, score and popularity go from 0 to 1."""

    paper: int
    topic: str
    score: float
    why: tuple[str, ...] = ()
    popularity: float = 0.0
    affinity: float = 0.0
    """How much the paper is to the subscriber's taste, −1 to 1: the same in all its matches, like its popularity."""
    like: str = ""
    """The title of a paper that the subscriber wanted more of, where this one is telling like it."""
    discussion: float = 0.0
    """How much it was talked about over the digest's span: votes gained, and comments, each for two."""


_Chosen = tuple[Candidate, list[str]]


def compose(
    issue: str,
    candidates: Iterable[Candidate],
    order: Sequence[str],
    names: Mapping[str, str],
    max_papers: int,
    most_discussed: int = 0,
) -> Digest | None:
    """One subscriber's part of an issue, or None when nothing matched.

    `order` has the subscriber's topics as chosen; a topic that is not in it comes after them. Every paper among
    the candidates is either laid out (`max_papers` at most) or counted in `more`; their order makes no
    difference. Up to `most_discussed` of them, and never more than half of those laid out, come first.
    """
    places = {slug: place for place, slug in enumerate(order)}
    chosen = _best_topics(candidates, places)
    if not chosen:
        return None
    chosen.sort(key=_by_rank)
    discussed = _discussed(chosen, min(most_discussed, max_papers // 2))
    others = (match for match, _ in chosen if match.paper not in discussed)
    shown = _dealt(others, max_papers - len(discussed)) | set(discussed)
    sections: dict[str, list[Pick]] = {}
    for match, also in chosen:
        if match.paper in shown and match.paper not in discussed:
            sections.setdefault(match.topic, []).append(
                Pick(match.paper, _reasons(match, also, names), round(_rank(match), 4))
            )
    return Digest(
        issue,
        (
            *_first_section(discussed, chosen, names),
            *(
                Section(topic, names.get(topic, topic), tuple(sections[topic]))
                for topic in sorted(sections, key=lambda topic: _place(topic, places))
            ),
        ),
        tuple(match.paper for match, _ in chosen if match.paper not in shown),
    )


def _best_topics(candidates: Iterable[Candidate], places: Mapping[str, int]) -> list[_Chosen]:
    """Each paper's match with the topic it fits best, and its other topics in the subscriber's order."""
    by_paper: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_paper.setdefault(candidate.paper, []).append(candidate)
    chosen: list[_Chosen] = []
    for matches in by_paper.values():
        if len(matches) == 1:
            chosen.append((matches[0], []))
            continue
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


def _discussed(ranked: Sequence[_Chosen], most: int) -> list[int]:
    """The papers talked about most, the loudest first; a topic never loses its only paper to them."""
    if most < 1 or len(ranked) < _LEAST_PAPERS:
        return []
    left = Counter(match.topic for match, _ in ranked)
    taken: list[int] = []
    # Python's sort is stable: of equals the better paper stays in front.
    for match, _ in sorted(ranked, key=lambda chosen: -chosen[0].discussion):
        if len(taken) < most and match.discussion >= _LEAST_DISCUSSION and left[match.topic] > 1:
            taken.append(match.paper)
            left[match.topic] -= 1
    return taken


def _first_section(
    discussed: Sequence[int], chosen: Sequence[_Chosen], names: Mapping[str, str]
) -> tuple[Section, ...]:
    """What was discussed most, each paper with the topics that it is on."""
    if not discussed:
        return ()
    known = {match.paper: (match, others) for match, others in chosen}
    picks = []
    for match, others in map(known.__getitem__, discussed):
        on = f"on {_named((match.topic, *others), names)}"
        picks.append(Pick(match.paper, (*_reasons(match, (), names), on), round(_rank(match), 4)))
    return (Section(DISCUSSED, "", tuple(picks)),)


def _by_rank(chosen: _Chosen) -> tuple[float, int]:
    match, _ = chosen
    return -_rank(match), match.paper


def _rank(match: Candidate) -> float:
    return rank(match.score, match.popularity, match.affinity)


def _place(topic: str, places: Mapping[str, int]) -> tuple[int, str]:
    return places.get(topic, len(places)), topic


def _reasons(match: Candidate, others: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    like = (f"like: {match.like}",) if match.like else ()
    also = (f"also on {_named(others, names)}",) if others else ()
    return (*match.why, *like, *also)


def _named(topics: Iterable[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(topic, topic) for topic in topics)
