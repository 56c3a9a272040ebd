"""Arrange many subscribers' matches as digests: each paper once, and no topic crowds out the others. Pure.

A paper that matches several topics is listed under the one it fits best. Places are given out in rounds: in each
round every topic offers its best remaining paper, and if a round has more papers than places are left, the better
papers get them. A paper that says much the same as a better one is ranked lower than it would be alone.

Sections keep the order in which the subscriber chose the topics; within a section the best paper comes first. The
letter itself is in order of rank over all sections (rendering/letter.py). In a weekly or monthly digest the most
discussed papers come first, in a section of their own, and are not repeated below.

All subscribers' matches are compared at once, as columns of numbers. Scores are whole numbers here, in units of
0.0001, so that equal scores are equal. Only the papers that are shown become objects.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np

from paperround.domain.match_table import Flags, Floats, Ints, MatchTable
from paperround.domain.models import DISCUSSED, PACKED_SCORE_SIZE, SCORE_UNIT, Digest, Pick, Section
from paperround.matching import ranking

_LEAST_DISCUSSION = 3.0  # a comment and a vote, or three votes; less is no discussion
_LEAST_PAPERS = 6  # a shorter digest is read from top to bottom anyway
_COMPARED = 3  # compare this many times `max_papers` papers with each other
_FOLLOWED, _COPY = round(ranking.FOLLOWED * SCORE_UNIT), round(ranking.COPY * SCORE_UNIT)

_FIRST = -1  # the place of the first section, before all topics

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DigestRequest:
    """What one subscriber's digest should be like."""

    issue: str
    order: Sequence[str]
    """The subscriber's topics as chosen; topics that are not in it come last."""
    max_papers: int
    most_discussed: int = 0
    """This many papers at most, but at most half of `max_papers`, are shown in the first section."""
    liked: Mapping[int, str] = field(default_factory=dict)
    """The titles of liked papers that others resemble, by row of the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Matches that may be shown, in columns: one row for each subscriber and match, in the subscribers' order."""

    table: MatchTable
    subscriber: Ints
    """The place of the subscriber's request."""
    match: Ints
    """The number of the match in `table`."""
    topic: Ints
    paper: Ints
    score: Floats
    relevance: Ints
    popularity: Ints
    code: Ints
    followed: Flags
    """Whether the paper matches by an author or an organization that the query names."""
    first_seen: Floats
    """When the paper was first stored, in seconds since 1970."""
    taste: Ints
    """How well the paper fits the subscriber's taste; the same in all matches of a paper."""
    discussion: Floats
    """How much the paper was discussed over the digest's period: votes gained plus twice the comments gained."""

    def taken(self, rows: Ints | Flags) -> Candidates:
        """Return these rows."""
        columns = {one.name: getattr(self, one.name)[rows] for one in fields(self) if one.name != "table"}
        return Candidates(self.table, **columns)


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
    followed: Flags
    total: Ints
    repetition: Ints

    def taken(self, rows: Ints) -> _Papers:
        """Return these rows."""
        return _Papers(*(getattr(self, one.name)[rows] for one in fields(self)))

    def ranked(self) -> _Papers:
        """Return the papers by subscriber, the best first."""
        return self.taken(_ordered(self.subscriber, -self.total - self.repetition, self.paper))


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
    if not len(candidates.subscriber):
        return [None] * len(requests)
    places, rows = _places(requests, candidates), _ordered(candidates.subscriber, candidates.paper)
    room = np.array([request.max_papers for request in requests])
    papers = _with_repetition(_best_topics(candidates, places, rows).ranked(), room, alike)
    first = _discussed(requests, papers, candidates.discussion)
    shown = _select(papers, first, room)
    sections = _Sections(requests, candidates, names, places, rows)
    named, scores = sections.of(papers.taken(np.flatnonzero(shown)), first[shown])
    more = _split(papers.paper[~shown], papers.subscriber[~shown], len(requests))
    return [
        Digest(request.issue, tuple(some), tuple(counted), packed_scores=packed) if some or counted else None
        for request, some, counted, packed in zip(requests, named, more, scores, strict=True)
    ]


def _places(requests: Sequence[DigestRequest], candidates: Candidates) -> Ints:
    """Return for each row the place of its topic in the subscriber's order; other topics come last, by slug."""
    starts = _starts(candidates.subscriber, candidates.topic)
    topics = (candidates.table.topics[topic] for topic in candidates.topic[starts].tolist())
    runs = list(zip(candidates.subscriber[starts].tolist(), topics, strict=True))
    known = [{slug: place for place, slug in enumerate(request.order)} for request in requests]
    for subscriber, slug in sorted({run for run in runs if run[1] not in known[run[0]]}):
        known[subscriber][slug] = len(known[subscriber])
    places = np.array([known[subscriber][slug] for subscriber, slug in runs])
    return np.repeat(places, np.diff(starts, append=len(candidates.topic)))


def _best_topics(candidates: Candidates, places: Ints, rows: Ints) -> _Papers:
    """Return each paper with the topic that it fits best; `rows` are sorted by subscriber and paper."""
    starts = _starts(candidates.subscriber[rows], candidates.paper[rows])
    matched = np.diff(starts, append=len(rows))
    best = rows[starts]
    followed = candidates.followed[best]
    several = np.flatnonzero(matched > 1)  # most papers match one topic
    if several.size:
        inside = rows[np.repeat(matched > 1, matched)]
        group = np.repeat(several, matched[several])
        begins = np.cumsum(matched[several]) - matched[several]
        best[several] = inside[np.lexsort((places[inside], -candidates.score[inside], group))][begins]
        followed[several] = np.logical_or.reduceat(candidates.followed[inside], begins)
    parts = (candidates.relevance, candidates.popularity, candidates.taste, candidates.code)
    total = sum(part[best] for part in parts) + _FOLLOWED * followed
    subscriber, paper, place = candidates.subscriber[best], candidates.paper[best], places[best]
    return _Papers(subscriber, paper, best, place, starts, matched, followed, total, np.zeros_like(total))


def _with_repetition(papers: _Papers, room: Ints, alike: ranking.Alike) -> _Papers:
    """Rank papers lower that say much the same as a better one."""
    first = np.flatnonzero(_positions(papers.subscriber) < _COMPARED * room[papers.subscriber])
    compared = np.unique(papers.paper[first])
    near = alike(compared.tolist())
    has_copies = np.array([bool(near.get(row)) for row in compared.tolist()], dtype=np.bool_)
    first = first[has_copies[np.searchsorted(compared, papers.paper[first])]]
    for some in np.split(first, _starts(papers.subscriber[first])[1:]):
        if len(some) > 1:
            papers.repetition[some] = np.array(ranking.repetitions(papers.paper[some].tolist(), near)) * -_COPY
    return papers.ranked() if papers.repetition.any() else papers


def _discussed(requests: Sequence[DigestRequest], papers: _Papers, discussion: Floats) -> Ints:
    """Return for each paper its place among the most discussed of the digest, from 1; 0 if it is not among them."""
    places = np.zeros_like(papers.paper)
    bounds = np.searchsorted(papers.subscriber, np.arange(len(requests) + 1)).tolist()
    for request, start, end in zip(requests, bounds, bounds[1:], strict=False):
        most = min(request.most_discussed, request.max_papers // 2)
        if most > 0 and end - start >= _LEAST_PAPERS:
            taken = _most_discussed(discussion[papers.best[start:end]], papers.place[start:end], most)
            places[start + np.array(taken, dtype=np.int64)] = np.arange(1, len(taken) + 1)
    return places


def _most_discussed(discussion: Floats, topics: Ints, most: int) -> list[int]:
    """Return up to `most` places of the most discussed papers, most discussed first.

    A topic never loses its only remaining paper to them. Of equals the better paper comes first.
    """
    left, taken = Counter(topics.tolist()), list[int]()
    for place in np.argsort(-discussion, kind="stable").tolist():
        if len(taken) == most or discussion[place] < _LEAST_DISCUSSION:
            break
        if left[topics[place]] > 1:
            taken.append(place)
            left[topics[place]] -= 1
    return taken


def _select(papers: _Papers, discussed: Ints, room: Ints) -> Flags:
    """Return which papers are shown: those discussed, then every topic's best, every topic's second, and so on."""
    shown = discussed > 0
    left = room - np.bincount(papers.subscriber[shown], minlength=len(room))
    others = np.flatnonzero(~shown)
    by_topic = others[_ordered(papers.subscriber[others], papers.place[others])]
    rounds = np.zeros_like(papers.paper)
    rounds[by_topic] = _positions(papers.subscriber[by_topic], papers.place[by_topic])
    others = others[rounds[others] < left[papers.subscriber[others]]]  # a topic has at most all places
    others = others[_ordered(papers.subscriber[others], rounds[others])]
    subscriber = papers.subscriber[others]
    shown[others[_positions(subscriber) < left[subscriber]]] = True
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

    def of(self, shown: _Papers, discussed: Ints) -> tuple[list[list[Section]], list[bytes]]:
        """Return each subscriber's sections, and the packed scores of the papers in them."""
        section = np.where(discussed > 0, _FIRST, shown.place)
        order = _ordered(shown.subscriber, section, discussed)
        shown, section = shown.taken(order), section[order]
        picks = self._picks(shown, section == _FIRST)
        found: list[list[Section]] = [[] for _ in self.requests]
        starts = _starts(shown.subscriber, section)
        topics = self.candidates.topic[shown.best[starts]].tolist()
        heads = zip(shown.subscriber[starts].tolist(), section[starts].tolist(), topics, strict=True)
        for (subscriber, place, topic), some in zip(heads, _parts(picks, starts.tolist()), strict=True):
            slug = self.candidates.table.topics[topic]
            found[subscriber].append(
                Section(DISCUSSED, "", some) if place == _FIRST else Section(slug, self.names.get(slug, slug), some)
            )
        return found, self._packed_scores(shown)

    def _packed_scores(self, shown: _Papers) -> list[bytes]:
        known, best = self.candidates, shown.best
        parts = (
            known.relevance[best],
            known.popularity[best],
            known.taste[best],
            _FOLLOWED * shown.followed,
            known.code[best],
            shown.repetition,
        )
        packed = np.stack(parts, axis=1).astype("<i2").tobytes()
        bounds = (np.searchsorted(shown.subscriber, np.arange(len(self.requests) + 1)) * PACKED_SCORE_SIZE).tolist()
        return [packed[start:end] for start, end in itertools.pairwise(bounds)]

    def _picks(self, shown: _Papers, discussed: Flags) -> list[Pick]:
        totals = ((shown.total + shown.repetition) / SCORE_UNIT).tolist()
        papers = zip(shown.paper.tolist(), self._reasons(shown, discussed), totals, strict=True)
        return [Pick(*paper) for paper in papers]

    def _reasons(self, shown: _Papers, discussed: Flags) -> Iterator[tuple[str, ...]]:
        """Yield the reasons that are printed beside each paper."""
        columns = (shown.subscriber, shown.paper, shown.best, shown.start, shown.matched, discussed)
        matches = self.candidates.match
        for subscriber, paper, best, start, matched, most_discussed in zip(
            *(c.tolist() for c in columns), strict=True
        ):
            why = self.candidates.table.matches[matches[best]].why
            if title := self.requests[subscriber].liked.get(paper):
                why = (*why, f"like: {title}")
            also = self._also(best, start, matched) if matched > 1 else []
            if most_discussed:
                why = (*why, f"on {self._named([self.candidates.topic[best], *also])}")
            elif also:
                why = (*why, f"also on {self._named(also)}")
            yield why

    def _also(self, best: int, start: int, matched: int) -> list[int]:
        """Return the other topics that a paper matches, in the subscriber's order."""
        rows, own = self.rows[start : start + matched], int(self.candidates.topic[best])
        in_order = sorted(zip(self.places[rows].tolist(), self.candidates.topic[rows].tolist(), strict=True))
        return [topic for _, topic in in_order if topic != own]

    def _named(self, topics: Iterable[int]) -> str:
        slugs = (self.candidates.table.topics[topic] for topic in topics)
        return ", ".join(self.names.get(slug, slug) for slug in slugs)


# --- columns ------------------------------------------------------------------------------------------------------


def _ordered(*keys: Ints) -> Ints:
    """Return the rows sorted by the first key, then by the second, and so on; equal rows keep their order."""
    order = np.arange(len(keys[0]))
    for key in reversed(keys):
        # NumPy sorts integers of 16 bits in linear time.
        least = key.min(initial=0)
        small = (key - least).astype(np.min_scalar_type(key.max(initial=0) - least))
        order = order[np.argsort(small[order], kind="stable")]
    return order


def _starts(*keys: Ints) -> Ints:
    """Return where the groups of equal keys begin, of columns that are sorted by them."""
    changes = np.ones(len(keys[0]), dtype=np.bool_)
    changes[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(changes)


def _positions(*keys: Ints) -> Ints:
    """Return each row's position in its group of equal keys, from 0."""
    starts = _starts(*keys)
    return np.arange(len(keys[0])) - np.repeat(starts, np.diff(starts, append=len(keys[0])))


def _split(values: Ints, owners: Ints, number: int) -> list[list[int]]:
    """Return each owner's values; `owners` is ascending."""
    bounds, plain = np.searchsorted(owners, np.arange(number + 1)).tolist(), values.tolist()
    return [plain[start:end] for start, end in itertools.pairwise(bounds)]


def _parts(values: Sequence[T], starts: Sequence[int]) -> list[tuple[T, ...]]:
    """Return the parts that begin at these places."""
    return [tuple(values[start:end]) for start, end in itertools.pairwise((*starts, len(values)))]
