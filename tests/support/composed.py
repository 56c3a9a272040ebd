"""One subscriber's digest in plain Python, paper by paper: what `matching.compose` makes for all at once.

A paper that matches several topics is listed under the one it fits best, with the highest of its ranks. Places are
given out in rounds: in each round every topic offers its best remaining paper, and if a round has more papers than
places are left, the better papers get them. A paper that says much the same as a better one is ranked lower than it
would be alone.

Sections keep the order in which the subscriber chose the topics, so that a letter looks the same every morning;
within a section the best paper comes first. In a weekly or monthly digest the most discussed papers come first, in a
section of their own, and are not repeated below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter

import numpy as np

from paperround.domain.match_table import BatchMatches, Ints, MatchTable
from paperround.domain.models import DISCUSSED, SCORE_UNIT, Digest, Match, Pick, Score, Section, pack_scores
from paperround.domain.schedule import Issue
from paperround.matching import ranking
from paperround.matching.compose import EXACT_UNIT, Candidates, DigestRequest, MatchScores
from paperround.matching.compose import compose as compose_all

_MIN_DISCUSSION = 3.0  # a comment and a vote, or three votes; less is no discussion
_MIN_PAPERS = 6  # a shorter digest is read from top to bottom anyway
_COMPARED = 3  # compare this many times `max_papers` papers with each other
_FOLLOWED = 2_000  # units of a score


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match that may be shown to one subscriber.

    `paper` is the paper's row; score and popularity range from 0 to 1.
    """

    paper: int
    topic: str
    score: float
    why: tuple[str, ...] = ()
    popularity: float = 0.0
    affinity: float = 0.0
    """How well the paper fits the subscriber's taste, from −1 to 1; the same in all matches of a paper."""
    like: str = ""
    """The title of a liked paper that this one resembles; empty if it resembles none closely enough."""
    discussion: float = 0.0
    """How much the paper was discussed over the digest's period: votes gained plus twice the comments gained."""
    followed: bool = False
    """Whether the paper matches by an author or an organization that the query names."""
    code: bool = False
    """Whether the paper's code is available."""
    by_votes: bool = False
    """Whether the topic's papers are ordered by votes."""

    @property
    def ranking(self) -> Score:
        """The candidate's score before repetition among papers is considered."""
        return ranking.score(
            self.score,
            self.popularity,
            self.affinity,
            followed=self.followed,
            code=self.code,
            by_votes=self.by_votes,
        )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A paper's match with the topic that it fits best."""

    match: Candidate
    also: tuple[str, ...]
    """The other topics that the paper matches, in the subscriber's order."""
    score: Score

    @property
    def order(self) -> tuple[float, float, int]:
        """The sort key that puts the best paper first; of equal ranks the more popular one."""
        return -round(self.score.total, 4), -round(self.match.popularity, 9), self.match.paper


def compose(
    issue: Issue,
    candidates: Sequence[Candidate],
    order: Sequence[str],
    names: Mapping[str, str],
    max_papers: int,
    most_discussed: int = 0,
    alike: ranking.Alike = ranking.nothing_alike,
) -> Digest | None:
    """One subscriber's digest as the program composes it."""
    request = DigestRequest(issue, order, max_papers, most_discussed, likings(candidates))
    return compose_all([request], in_columns([candidates]), names, alike)[0]


def in_columns(everybody: Sequence[Sequence[Candidate]]) -> Candidates:
    """The candidates of several subscribers, in columns."""
    each = [one for candidates in everybody for one in candidates]
    table = MatchTable([Match(one.topic, one.paper, one.score, one.why) for one in each])
    scores = [one.ranking for one in each]

    def units(part: str) -> Ints:
        return np.array([round(getattr(score, part) * SCORE_UNIT) for score in scores], dtype=np.int64)

    owners = np.repeat(np.arange(len(everybody)), [len(candidates) for candidates in everybody])
    return Candidates(
        BatchMatches(table, owners, np.arange(len(each))),
        MatchScores(
            units("relevance"),
            units("popularity"),
            units("code"),
            np.array([_FOLLOWED * one.followed for one in each], dtype=np.int64),
            np.array([round(one.popularity * EXACT_UNIT) for one in each], dtype=np.int64),
        ),
        units("taste"),
        np.array([one.discussion for one in each], dtype=np.float64),
    )


def likings(candidates: Sequence[Candidate]) -> dict[int, str]:
    """The titles of liked papers, by the paper that resembles them."""
    return {one.paper: one.like for one in candidates if one.like}


def compose_one(
    issue: Issue,
    candidates: Iterable[Candidate],
    order: Sequence[str],
    names: Mapping[str, str],
    max_papers: int,
    most_discussed: int = 0,
    alike: ranking.Alike = ranking.nothing_alike,
) -> Digest | None:
    """Compose one subscriber's digest of an issue; return None if nothing matched.

    `order` lists the subscriber's topics as chosen; topics that are not in it come last. Every candidate paper is
    either shown (`max_papers` at most) or counted in `more`; the order of the candidates makes no difference. Up to
    `most_discussed` papers, but at most half of `max_papers`, are shown in the first section. `alike` returns which
    papers say much the same.
    """
    places = {slug: place for place, slug in enumerate(order)}
    chosen = _spread(_best_topics(candidates, places), max_papers, alike)
    if not chosen:
        return None
    discussed = _discussed(chosen, min(most_discussed, max_papers // 2))
    others = (one.match for one in chosen if one.match.paper not in discussed)
    shown = _dealt(others, max_papers - len(discussed)) | set(discussed)
    sections: dict[str, list[Pick]] = {}
    for one in chosen:
        if one.match.paper in shown and one.match.paper not in discussed:
            sections.setdefault(one.match.topic, []).append(_pick(one, *_also(one.also, names)))
    digest = Digest(
        issue,
        (
            *_first_section(discussed, chosen, names),
            *(
                Section(topic, names.get(topic, topic), tuple(sections[topic]))
                for topic in sorted(sections, key=lambda topic: _place(topic, places))
            ),
        ),
        tuple(one.match.paper for one in chosen if one.match.paper not in shown),
    )
    scores = {one.match.paper: one.score for one in chosen}
    return replace(digest, packed_scores=pack_scores(scores[paper] for paper in digest.papers))


def _spread(chosen: list[_Chosen], max_papers: int, alike: ranking.Alike) -> list[_Chosen]:
    """Sort the papers best first, with lower scores for papers that say much the same as a better one."""
    chosen.sort(key=attrgetter("order"))
    first = chosen[: _COMPARED * max_papers]
    scores = _without_repetition([(one.match.paper, one.score) for one in first], alike)
    for place, one in enumerate(first):
        if (own := scores[one.match.paper]) is not one.score:
            chosen[place] = replace(one, score=own)
    chosen.sort(key=attrgetter("order"))
    return chosen


def _without_repetition(ranked: Sequence[tuple[int, Score]], alike: ranking.Alike) -> dict[int, Score]:
    """The scores of papers by row, lowered for each paper that says much the same as better ones."""
    near, seen, found = alike([row for row, _ in ranked]), set[int](), dict[int, Score]()
    for row, own in ranked:
        copies = min(len(seen.intersection(near.get(row, ()))), 3)
        found[row] = replace(own, repetition=-round(0.1 * copies, 4)) if copies else own
        seen.add(row)
    return found


def _best_topics(candidates: Iterable[Candidate], places: Mapping[str, int]) -> list[_Chosen]:
    """Return each paper's match with the topic it fits best, and its other topics in the subscriber's order."""
    by_paper: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_paper.setdefault(candidate.paper, []).append(candidate)
    chosen: list[_Chosen] = []
    for matches in by_paper.values():
        if len(matches) == 1:  # most papers match one topic
            chosen.append(_Chosen(matches[0], (), matches[0].ranking))
            continue
        best = min(matches, key=lambda m: (-m.score, _place(m.topic, places), m.why, -m.popularity))
        if not best.followed and any(match.followed for match in matches):
            best = replace(best, followed=True)
        followed = best.followed
        scores = (replace(match, followed=followed).ranking for match in matches)
        score = max(scores, key=lambda score: (round(score.total, 4), score.relevance))
        others = {match.topic for match in matches} - {best.topic}
        also = tuple(sorted(others, key=lambda topic: _place(topic, places)))
        chosen.append(_Chosen(best, also, score))
    return chosen


def _dealt(ranked: Iterable[Candidate], places: int) -> set[int]:
    """Return the papers that get a place: first every topic's best paper, then every topic's second, and so on."""
    seen: Counter[str] = Counter()
    turns = []
    for match in ranked:
        seen[match.topic] += 1
        turns.append((seen[match.topic], match.paper))
    # Python's sort is stable, so that within a round the better paper stays first.
    turns.sort(key=itemgetter(0))
    return {paper for _, paper in turns[: max(places, 0)]}


def _discussed(ranked: Sequence[_Chosen], most: int) -> list[int]:
    """Return up to `most` of the most discussed papers, most discussed first.

    A topic never loses its only remaining paper to them.
    """
    if most < 1 or len(ranked) < _MIN_PAPERS:
        return []
    left = Counter(one.match.topic for one in ranked)
    taken: list[int] = []
    # Python's sort is stable, so that of equals the better paper stays first.
    for match in sorted((one.match for one in ranked), key=lambda match: -match.discussion):
        if len(taken) < most and match.discussion >= _MIN_DISCUSSION and left[match.topic] > 1:
            taken.append(match.paper)
            left[match.topic] -= 1
    return taken


def _first_section(
    discussed: Sequence[int], chosen: Sequence[_Chosen], names: Mapping[str, str]
) -> tuple[Section, ...]:
    """Return the section of the most discussed papers, each with its topics; empty if there are none."""
    if not discussed:
        return ()
    known = {one.match.paper: one for one in chosen}
    picks = [
        _pick(one, f"on: {names.get(one.match.topic, one.match.topic)}", *_also(one.also, names))
        for one in map(known.get, discussed)
        if one
    ]
    return (Section(DISCUSSED, "", tuple(picks)),)


def _pick(one: _Chosen, *more: str) -> Pick:
    like = f"like: {one.match.like}" if one.match.like else ""
    why = (*one.match.why, *(reason for reason in (like, *more) if reason))
    return Pick(one.match.paper, why, round(one.score.total, 4))


def _also(topics: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [f"also on: {names.get(topic, topic)}" for topic in topics]


def _place(topic: str, places: Mapping[str, int]) -> tuple[int, str]:
    return places.get(topic, len(places)), topic
