"""Arrange many subscribers' matches as digests: each paper once, and no topic crowds out the others. Pure.

A paper that matches several topics is listed under the one it fits best, with the highest of its ranks. Places are
given out in rounds: in each round every topic offers its best remaining paper, and if a round has more papers than
places are left, the better papers get them. A paper that says much the same as a better one is ranked lower than it
would be alone.

Sections keep the order in which the subscriber chose the topics; within a section the best paper comes first. The
letter itself is in order of rank over all sections (rendering/letter.py). In a weekly or monthly digest the most
discussed papers come first, in a section of their own, and are not repeated below.

All subscribers' matches are compared at once, as columns of numbers. Scores are whole numbers here, in units of
0.0001, so that equal scores are equal. Only the papers that are shown become objects.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import numpy as np

from paperround.domain import reasons
from paperround.domain.match_table import BatchMatches, Flags, Floats, Ints, bounds
from paperround.domain.models import (
    DISCUSSED,
    PACKED_SCORE_SIZE,
    SCORE_UNIT,
    DayFacts,
    Digest,
    PaperNote,
    Pick,
    Section,
)
from paperround.domain.preferences import is_own
from paperround.domain.reasons import ReasonKind
from paperround.domain.schedule import Issue
from paperround.matching import ranking

_MIN_DISCUSSION = 3.0  # a comment and a vote, or three votes; less is no discussion
_MIN_PAPERS = 6  # a shorter digest is read from top to bottom anyway
_COMPARED_FACTOR = 3  # compare this many times `max_papers` papers with each other
_COPY = round(ranking.COPY * SCORE_UNIT)
EXACT_UNIT = 1_000_000_000
"""This many units of `MatchScores.exact_popularity` are 1."""

_FIRST = -1  # the place of the first section, before all topics
_NO_PLACE = 1 << 30  # after all topics
_PACKED_BITS = 63

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DigestRequest:
    """What one subscriber's digest should be like."""

    issue: Issue
    order: Sequence[str]
    """The subscriber's topics as chosen; topics that are not in it come last."""
    max_papers: int
    most_discussed: int = 0
    """This many papers at most, but at most half of `max_papers`, are shown in the first section."""
    liked: Mapping[int, str] = field(default_factory=dict)
    """The titles of liked papers that others resemble, by row of the other."""
    left_out: int = 0
    notes: tuple[PaperNote, ...] = ()
    facts: DayFacts | None = None
    """These three become part of the digest as they are."""

    def digest(
        self, sections: tuple[Section, ...] = (), more: tuple[int, ...] = (), packed_scores: bytes = b""
    ) -> Digest:
        """Return a digest with these papers."""
        return Digest(
            self.issue,
            sections,
            more,
            left_out=self.left_out,
            notes=self.notes,
            facts=self.facts,
            packed_scores=packed_scores,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MatchScores:
    """What a match contributes to the rank of its paper, in columns by the number of the match."""

    relevance: Ints
    popularity: Ints
    code: Ints
    followed: Ints
    """More than 0 if the paper matches by an author or an organization that the query names."""
    exact_popularity: Ints
    """The popularity alone, in units that tell 1,000 votes from 1,001: it decides between equal ranks."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Matches that may be shown, in columns."""

    matches: BatchMatches
    """The place of a subscriber in the batch is the place of their request."""
    scores: MatchScores
    taste: Ints
    """How well the paper fits the subscriber's taste; the same in all matches of a paper."""
    discussion: Floats
    """How much the paper was discussed over the digest's period: votes gained plus twice the comments gained."""

    def select(self, rows: Flags) -> Candidates:
        """Return these rows."""
        return Candidates(self.matches.select(rows), self.scores, self.taste[rows], self.discussion[rows])


@dataclass(frozen=True, slots=True, eq=False)
class _Papers:
    """The papers of all subscribers, each paper of a subscriber once, in columns."""

    subscriber: Ints
    paper: Ints
    best: Ints
    """The candidate row of the match with the topic that the paper fits best."""
    place: Ints
    """The place of that topic in the subscriber's order."""
    start: Ints
    """Where the paper's matches begin among the sorted candidate rows."""
    matched: Ints
    """The number of its matches."""
    ranked_by: Ints
    """The number of the match that gives the paper its rank."""
    exact_popularity: Ints
    total: Ints
    """The rank before repetition among papers is considered."""

    def select(self, rows: Ints) -> _Papers:
        """Return these rows."""
        return _Papers(*(getattr(self, name)[rows] for name in self.__slots__))

    def ranked(self, repetition: Ints | int = 0) -> Ints:
        """Return the rows by subscriber, the best paper first."""
        return _sort_rows(self.subscriber, -self.total - repetition, -self.exact_popularity, self.paper)


def compose(
    requests: Sequence[DigestRequest],
    candidates: Candidates,
    names: Mapping[str, str],
    alike: ranking.Alike = ranking.nothing_alike,
) -> list[Digest | None]:
    """Compose each subscriber's digest of an issue; None for a subscriber whom nothing matched.

    Every candidate paper is either shown (`max_papers` at most) or counted in `more`; the order of a subscriber's
    candidates makes no difference. `alike` returns which papers say much the same.
    """
    matches = candidates.matches
    if not len(matches):
        return [None] * len(requests)
    places, rows = _places(requests, matches), _sort_rows(matches.subscriber, matches.paper)
    max_papers = np.array([request.max_papers for request in requests])
    papers = _best_topics(candidates, places, rows)
    repetition = _repetition(papers, max_papers, alike)
    ranked = papers.ranked(repetition)
    discussed = _discussed(requests, papers, ranked, candidates.discussion)
    shown = _select(papers.subscriber, papers.place[ranked], discussed, max_papers)
    sections = _Sections(requests, candidates, names, places, rows)
    named, scores = sections.build(papers.select(ranked[shown]), repetition[ranked[shown]], discussed[shown])
    more = _by_owner(papers.paper[ranked[~shown]].tolist(), papers.subscriber[~shown], len(requests))
    return [
        request.digest(tuple(some), tuple(counted), packed) if some or counted else None
        for request, some, counted, packed in zip(requests, named, more, scores, strict=True)
    ]


def _places(requests: Sequence[DigestRequest], matches: BatchMatches) -> Ints:
    """Return for each match the place of its topic in the subscriber's order; other topics come last, by slug."""
    topic = matches.table.topic[matches.number]
    starts = _group_starts(matches.subscriber, topic)
    slugs = map(matches.table.topics.__getitem__, topic[starts].tolist())
    runs = list(zip(matches.subscriber[starts].tolist(), slugs, strict=True))
    known = [{slug: place for place, slug in enumerate(request.order)} for request in requests]
    for subscriber, slug in sorted({run for run in runs if run[1] not in known[run[0]]}):
        known[subscriber][slug] = len(known[subscriber])
    places = np.array([known[subscriber][slug] for subscriber, slug in runs])
    return np.repeat(places, np.diff(starts, append=len(topic)))


def _best_topics(candidates: Candidates, places: Ints, rows: Ints) -> _Papers:
    """Return each paper with the topic that it fits best; `rows` are sorted by subscriber and paper.

    Of topics that it fits equally well, the one that the subscriber put first is the best. Its rank is the highest
    that it has in any of them: a word in passing does not take away what a paper has by its votes.
    """
    table, scores, match = candidates.matches.table, candidates.scores, candidates.matches.number[rows]
    subscriber = candidates.matches.subscriber  # sorting the rows leaves it the same
    starts = _group_starts(subscriber, table.paper[match])
    matched = np.diff(starts, append=len(rows))
    score = table.score[match]
    fits_best = score == np.repeat(np.maximum.reduceat(score, starts), matched)
    place = np.where(fits_best, places[rows], _NO_PLACE)
    best = np.flatnonzero(place == np.repeat(np.minimum.reduceat(place, starts), matched))
    followed = np.maximum.reduceat(scores.followed[match], starts)
    own = (scores.relevance + scores.popularity + scores.code)[match]
    total = np.maximum.reduceat(own, starts)
    ordered = own * (4 * SCORE_UNIT) + scores.relevance[match]  # of equal ranks, that of the words
    highest = np.flatnonzero(ordered == np.repeat(np.maximum.reduceat(ordered, starts), matched))
    ranked_by = match[highest[_group_starts(np.repeat(np.arange(len(starts)), matched)[highest])]]
    place, match, best = place[best], match[best], rows[best]
    total = total + candidates.taste[best] + followed
    popular = scores.exact_popularity[match]
    return _Papers(subscriber[best], table.paper[match], best, place, starts, matched, ranked_by, popular, total)


def _repetition(papers: _Papers, max_papers: Ints, alike: ranking.Alike) -> Ints:
    """Return by how much each paper is ranked lower because it says much the same as a better one."""
    repetition, ranked = np.zeros_like(papers.total), papers.ranked()
    first = ranked[_rank_in_group(papers.subscriber) < _COMPARED_FACTOR * max_papers[papers.subscriber]]
    compared = np.unique(papers.paper[first]).tolist()
    near = alike(compared)
    first = first[np.isin(papers.paper[first], [row for row in compared if near.get(row)])]
    for some in np.split(first, _group_starts(papers.subscriber[first])[1:]):
        if len(some) > 1:
            repetition[some] = np.array(ranking.repetitions(papers.paper[some].tolist(), near)) * -_COPY
    return repetition


def _discussed(requests: Sequence[DigestRequest], papers: _Papers, ranked: Ints, discussion: Floats) -> Ints:
    """Return for each paper, best first, its place among the most discussed of the digest, from 1; 0 for others."""
    places = np.zeros_like(ranked)
    for request, (start, end) in zip(requests, bounds(papers.subscriber, len(requests)), strict=True):
        most = min(request.most_discussed, request.max_papers // 2)
        if most > 0 and end - start >= _MIN_PAPERS:
            rows = ranked[start:end]
            chosen = _most_discussed(discussion[papers.best[rows]], papers.place[rows], most)
            places[start + np.array(chosen, dtype=np.int64)] = np.arange(1, len(chosen) + 1)
    return places


def _most_discussed(discussion: Floats, topics: Ints, most: int) -> list[int]:
    """Return up to `most` indexes of the most discussed papers, most discussed first.

    A topic never loses its only remaining paper to them. Of papers discussed equally, the better one comes first.
    """
    left, chosen = Counter(topics.tolist()), list[int]()
    for place in np.argsort(-discussion, kind="stable").tolist():
        if len(chosen) == most or discussion[place] < _MIN_DISCUSSION:
            break
        if left[topics[place]] > 1:
            chosen.append(place)
            left[topics[place]] -= 1
    return chosen


def _select(subscriber: Ints, topic: Ints, discussed: Ints, max_papers: Ints) -> Flags:
    """Return which papers are shown: those discussed, then every topic's best, every topic's second, and so on.

    The columns have each subscriber's papers, the best first; `topic` is the place of their best topic.
    """
    shown = discussed > 0
    left = max_papers - np.bincount(subscriber[shown], minlength=len(max_papers))
    others = np.flatnonzero(~shown)
    by_topic = others[_sort_rows(subscriber[others], topic[others])]
    turn = _rank_in_group(subscriber[by_topic], topic[by_topic])
    first = turn < left[subscriber[by_topic]]  # a topic has at most all places
    by_topic, turn = by_topic[first], turn[first]
    order = _sort_rows(subscriber[by_topic], turn, by_topic)
    by_turn = by_topic[order]
    shown[by_turn[_rank_in_group(subscriber[by_turn]) < left[subscriber[by_turn]]]] = True
    return shown


@dataclass(frozen=True, slots=True, eq=False)
class _Sections:
    """Makes the sections of digests from the papers that are shown."""

    requests: Sequence[DigestRequest]
    candidates: Candidates
    names: Mapping[str, str]
    places: Ints
    rows: Ints
    """The candidate rows, sorted by subscriber and paper."""

    def build(self, shown: _Papers, repetition: Ints, discussed: Ints) -> tuple[list[list[Section]], list[bytes]]:
        """Return each subscriber's sections, and the packed scores of the papers in them."""
        section = np.where(discussed > 0, _FIRST, shown.place)
        order = _sort_rows(shown.subscriber, section, discussed)
        shown, repetition, section = shown.select(order), repetition[order], section[order]
        picks = self._picks(shown, repetition, section == _FIRST)
        sections: list[list[Section]] = [[] for _ in self.requests]
        starts = _group_starts(shown.subscriber, section)
        topics = self._topics(shown.best[starts])
        heads = zip(shown.subscriber[starts].tolist(), section[starts].tolist(), topics, strict=True)
        for (subscriber, place, slug), some in zip(heads, _split_at(picks, starts.tolist()), strict=True):
            sections[subscriber].append(
                Section(DISCUSSED, "", some) if place == _FIRST else Section(slug, self.names.get(slug, slug), some)
            )
        return sections, self._packed_scores(shown, repetition)

    def _packed_scores(self, shown: _Papers, repetition: Ints) -> list[bytes]:
        scores, match = self.candidates.scores, shown.ranked_by
        relevance, popularity, code = scores.relevance[match], scores.popularity[match], scores.code[match]
        taste = self.candidates.taste[shown.best]
        followed = shown.total - relevance - popularity - taste - code
        parts = (relevance, popularity, taste, followed, code, repetition)
        packed = np.stack(parts, axis=1).astype("<i2").tobytes()
        return [
            packed[start * PACKED_SCORE_SIZE : end * PACKED_SCORE_SIZE]
            for start, end in bounds(shown.subscriber, len(self.requests))
        ]

    def _picks(self, shown: _Papers, repetition: Ints, first: Flags) -> list[Pick]:
        """Return the papers as they are shown; those in `first` are the most discussed."""
        known, numbers = self.candidates.matches.table.matches, self.candidates.matches.number[shown.best]
        notes, totals = self._notes(shown, first), (shown.total + repetition) / SCORE_UNIT
        columns = (shown.subscriber.tolist(), shown.paper.tolist(), numbers.tolist(), notes, totals.tolist())
        return [
            _pick(paper, known[best].why, self.requests[subscriber].liked.get(paper), note, total)
            for subscriber, paper, best, note, total in zip(*columns, strict=True)
        ]

    def _notes(self, shown: _Papers, first: Flags) -> list[tuple[str, ...]]:
        """Return the reasons that name the other topics of a paper, and all topics of the most discussed ones."""
        notes: list[tuple[str, ...]] = [()] * len(first)
        noted = np.flatnonzero(first | (shown.matched > 1))
        owners = np.repeat(noted, shown.matched[noted])
        rows = self.rows[shown.start[owners] + _rank_in_group(owners)]
        places = np.where(rows == shown.best[owners], _FIRST, self.places[rows])
        slugs = self._topics(rows[_sort_rows(owners, places)])
        topics = [(slug, self.names.get(slug, slug)) for slug in slugs]
        for paper, (best, *others) in zip(
            noted.tolist(), _split_at(topics, _group_starts(owners).tolist()), strict=True
        ):
            also = [_topic_reason(ReasonKind.ALSO_ON, *one) for one in others]
            notes[paper] = (_topic_reason(ReasonKind.ON, *best), *also) if first[paper] else tuple(also)
        return notes

    def _topics(self, rows: Ints) -> list[str]:
        """Return the slugs of the topics of candidate rows."""
        table = self.candidates.matches.table
        return [table.topics[topic] for topic in table.topic[self.candidates.matches.number[rows]].tolist()]


@lru_cache(maxsize=1 << 14)  # many subscribers get the same paper for the same reasons
def _pick(paper: int, why: tuple[str, ...], like: str | None, notes: tuple[str, ...], rank: float) -> Pick:
    liked = (reasons.write(ReasonKind.LIKE, like),) if like else ()
    return Pick(paper, (*why, *liked, *notes), rank)


@lru_cache(maxsize=1 << 12)
def _topic_reason(kind: ReasonKind, slug: str, name: str) -> str:
    """Return the reason that names a topic; a subscriber's own interest has no name and is quoted."""
    return reasons.write(kind, reasons.quote(name) if is_own(slug) else name)


# --- columns ------------------------------------------------------------------------------------------------------


def _sort_rows(*keys: Ints) -> Ints:
    """Return the rows sorted by the first key, then by the second, and so on; equal rows keep their order."""
    if not len(keys[0]):
        return np.zeros(0, dtype=np.int64)
    # NumPy sorts numbers ten times as fast as rows: pack all keys, and the row, into one number of 63 bits.
    columns = [key - key.min() for key in (*keys, np.arange(len(keys[0])))]
    widths = [int(column.max()).bit_length() for column in columns]
    if sum(widths) > _PACKED_BITS:
        return np.lexsort(keys[::-1])
    packed = columns[0]
    for column, width in zip(columns[1:], widths[1:], strict=True):
        packed = packed << width | column
    return np.sort(packed) & ((1 << widths[-1]) - 1)


def _group_starts(*keys: Ints) -> Ints:
    """Return where the groups of equal keys begin, of columns that are sorted by them."""
    changes = np.ones(len(keys[0]), dtype=np.bool_)
    changes[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(changes)


def _rank_in_group(*keys: Ints) -> Ints:
    """Return each row's position in its group of equal keys, from 0."""
    starts = _group_starts(*keys)
    return np.arange(len(keys[0])) - np.repeat(starts, np.diff(starts, append=len(keys[0])))


def _by_owner(values: Sequence[T], owners: Ints, number: int) -> list[Sequence[T]]:
    """Return each owner's values; `owners` is ascending."""
    return [values[start:end] for start, end in bounds(owners, number)]


def _split_at(values: Sequence[T], starts: Sequence[int]) -> list[tuple[T, ...]]:
    """Return the parts that begin at these places."""
    return [tuple(values[start:end]) for start, end in itertools.pairwise((*starts, len(values)))]
