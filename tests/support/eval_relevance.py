"""How well papers are ranked for interests: `make eval DATA=DIR` (docs/relevance.md has the table and its terms).

DIR holds `papers.jsonl` or `papers.jsonl.gz`, one listing a line as `paperround papers export` writes them, and
`interests.json`: {name: {"kind": "topical" | "paraphrased", "interest": text, "relevant": [arXiv id, …]}}. What is
not named as relevant counts as wrong.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from math import log, log2
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Feedback, Listing, Paper
from paperround.domain.notes import MAX_CLOSE
from paperround.domain.text import terms
from paperround.matching.background import background
from paperround.matching.expansion import ExpandedQuery, expand_query, trust_in_best
from paperround.matching.interest_feedback import add_taste, is_related, learned_scale, lift
from paperround.matching.lexical import COUNTED_PAPERS, Index, Statistics
from paperround.matching.relevance import relevance
from paperround.matching.scale import Scale, z_scale
from paperround.matching.taste import Features, Learner, PastPapers
from paperround.matching.vectors import Lookup, Vectors, pack, unpack
from paperround.matching.vocabulary import Vocabulary
from paperround.matching.words import STOP_WORDS, Words, interpret_search
from paperround.meaning import MiniLM
from paperround.rounds.collection import is_known

Numbers = NDArray[np.float32]
ANSWERS = (0, 1, 2, 5, 10, 20)
SPLITS = 3  # of the papers into past and future
DAY = 100  # papers
NEW_SITES = (60, 300)  # papers
WRITTEN_ON = (1, 8)  # the day of a new site on which an interest is written
STARTS = (0, 2_000)  # the papers, in order of time, that a new site begins with
REPLAYED_DAYS = 20
ANSWERS_TO_LETTERS = (0, 5)
CACHE = Path(".eval")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
K1, B = 1.2, 0.75  # BM25's usual constants


@dataclass(frozen=True)
class Interest:
    """What somebody wants to read, and the places of the papers that they would."""

    name: str
    kind: str
    text: str
    relevant: frozenset[int]


class Data:
    """Papers and interests, and what is worked out of them once."""

    def __init__(self, folder: Path, *, meaning: bool) -> None:
        self.papers = read_papers(folder)
        places = {paper.arxiv_id or paper.id: paper.row for paper in self.papers}
        told: dict[str, Any] = json.loads((folder / "interests.json").read_text("utf-8"))
        found = [
            Interest(name, one["kind"], one["interest"], frozenset(places[i] for i in one["relevant"] if i in places))
            for name, one in told.items()
        ]
        self.interests = [one for one in found if one.relevant]
        self.seconds: dict[str, float] = {}
        self.statistics = Statistics.of(self.papers)
        self.index = self._timed("index", lambda: Index(self.papers, self.statistics))
        self.vocabulary = Vocabulary.of(self.papers, self.statistics)
        self._known: dict[str, Numbers] = {}
        self.encoder = MiniLM() if meaning and MiniLM.installed() else None
        texts = [(f"{paper.title}. {paper.abstract or paper.summary}", paper.title) for paper in self.papers]
        self.vectors = self._embedded("vector", [text for text, _ in texts])
        self.titles = self._embedded("title", [title for _, title in texts])

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        done = work()
        self.seconds[name] = time.process_time() - began
        return done

    def _embedded(self, what: str, texts: Sequence[str]) -> Numbers | None:
        if self.encoder is None:
            return None
        name = hashlib.sha256("\n".join([self.encoder.name, *texts]).encode()).hexdigest()[:16]
        file = CACHE / f"{name}.npy"
        if not file.exists():
            print(f"embedding {len(texts)} texts, up to 40 ms each …", file=sys.stderr)  # noqa: T201
            made = self._timed(what, lambda: self.encoder.encode(texts))
            CACHE.mkdir(exist_ok=True)
            np.save(file, made)
        # As the store keeps them: in one byte a number.
        return unpack([pack(vector) for vector in np.load(file)])

    def shares(self, text: str) -> Numbers:
        """Ours by words: each paper's share of the evidence."""
        wanted = interpret_search(text)
        words = wanted if isinstance(wanted, Words) else Words(tuple(dict.fromkeys(terms(text))))
        return self.index.shares(words)

    def cosines(self, text: str) -> Numbers:
        """By meaning alone."""
        assert self.vectors is not None
        return np.asarray(self.vectors @ self.vector(text))

    def vector(self, text: str) -> Numbers:
        """The interest's vector, made once."""
        assert self.encoder is not None
        if text not in self._known:
            self._known[text] = self.encoder.encode([text])[0]
        return self._known[text]

    def ours(self, text: str, past: NDArray[Any] | None = None) -> Numbers:
        """As the program ranks; what the best papers say of an interest is taken from those of the past alone."""
        shares = self.shares(text)
        if self.vectors is None:
            return shares
        return relevance(shares, self.vectors @ self.expanded(text, past).vector)

    def expanded(self, text: str, past: NDArray[Any] | None = None) -> ExpandedQuery:
        """The vector that papers are compared with, from what the best papers of the past say of an interest."""
        if self.vectors is None:
            return ExpandedQuery(np.zeros(0, np.float32), np.zeros(0, np.float32))
        known = np.arange(len(self.papers)) if past is None else past
        trust = 1.0 if past is None else trust_in_best(len(past))
        shares, cosines = self.shares(text)[known], self.cosines(text)[known]
        return expand_query(self.vector(text), self.vectors[known], shares, cosines, trust)

    def likeness(self, past: NDArray[np.intp]) -> float:
        """The mean cosine between these papers."""
        center = np.zeros(1) if self.vectors is None or not len(past) else self.vectors[past].mean(axis=0)
        return float(center @ center)

    def with_past(self, past: NDArray[np.intp]) -> Data:
        """The same data, with the rarity of words counted in these papers as a site that has only them counts it."""
        found = copy(self)
        found.statistics = Statistics.of([self.papers[place] for place in past.tolist()], background())
        found.index = Index(self.papers, found.statistics)
        return found

    @cached_property
    def table(self) -> Vectors:
        """The vectors of all papers."""
        known = np.full(len(self.papers), self.vectors is not None)
        return Vectors(known, np.zeros((0, 0), np.float32) if self.vectors is None else self.vectors)

    def learners(self, past: NDArray[np.intp]) -> dict[str, Learner]:
        """What the program learns tastes with against these papers, and the same by words alone."""
        papers = [self.papers[place] for place in past.tolist()]
        statistics = Statistics.of(papers)

        def lookup(numbers: Numbers | None) -> Lookup | None:
            return None if numbers is None else lambda rows: Vectors(np.full(len(rows), True), numbers[list(rows)])

        pasts = {
            "TF-IDF SVM": PastPapers(papers, statistics),
            "ours": PastPapers(papers, statistics, lookup(self.vectors), lookup(self.titles)),
        }
        found = {name: Learner(one) for name, one in pasts.items()}
        found["ours"].terms = found["TF-IDF SVM"].terms  # computed once
        return found

    @cached_property
    def counts(self) -> list[Counter[str]]:
        """The words of title and abstract, for BM25."""
        return [Counter(terms(f"{paper.title} {paper.abstract}")) for paper in self.papers]

    def bm25(self, text: str) -> Numbers:
        """BM25 over title and abstract, as a yardstick."""
        lengths = np.array([sum(count.values()) for count in self.counts], dtype=np.float32)
        found = np.zeros(len(self.papers), dtype=np.float32)
        for term in dict.fromkeys(terms(text)):
            if term in STOP_WORDS:
                continue
            mentions = np.array([count[term] for count in self.counts], dtype=np.float32)
            rarity = log(1 + (len(found) - (mentions > 0).sum() + 0.5) / ((mentions > 0).sum() + 0.5))
            found += rarity * mentions * (K1 + 1) / (mentions + K1 * (1 - B + B * lengths / lengths.mean()))
        return found


def read_papers(folder: Path) -> list[Paper]:
    """The papers of a folder, numbered by their places."""
    file = folder / "papers.jsonl.gz"
    text = gzip.decompress(file.read_bytes()) if file.exists() else (folder / "papers.jsonl").read_bytes()
    found: dict[str, Paper] = {}
    for line in text.decode("utf-8").splitlines():
        if line.strip():
            one = Listing.model_validate_json(line)
            facts = {name: getattr(one, name) for name in type(one).model_fields if name not in {"source", "kind"}}
            name = one.arxiv_id or one.title
            place = len(found) if name not in found else found[name].row
            found[name] = Paper.model_construct(
                **facts, id=name, row=place, sources=(one.source,), first_seen=datetime.now(UTC)
            )
    return list(found.values())


# --- measures ---------------------------------------------------------------------------------------------------


def ranked(scores: Numbers, among: Iterable[int] | None = None) -> list[int]:
    """Places, the best first."""
    order = np.argsort(-scores, kind="stable").tolist()
    allowed = None if among is None else set(among)
    return order if allowed is None else [place for place in order if place in allowed]


def ndcg(order: Sequence[int], relevant: frozenset[int] | set[int], most: int = 10) -> float:
    """Normalized discounted cumulative gain of the first places."""
    gained = sum(1 / log2(place + 2) for place, paper in enumerate(order[:most]) if paper in relevant)
    return gained / sum(1 / log2(place + 2) for place in range(min(most, len(relevant))))


def measures(order: Sequence[int], relevant: frozenset[int]) -> dict[str, float]:
    """nDCG@10, average precision and recall@10."""
    hits, precisions = 0, 0.0
    for place, paper in enumerate(order, 1):
        if paper in relevant:
            hits += 1
            precisions += hits / place
    within = len(relevant.intersection(order[:10])) / min(10, len(relevant))
    return {"ndcg@10": ndcg(order, relevant), "map": precisions / len(relevant), "recall@10": within}


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure."""
    return {name: round(float(np.mean([row[name] for row in rows])), 3) for name in rows[0]} if rows else {}


def by_kind(data: Data, score: Callable[[str], Numbers]) -> dict[str, dict[str, float]]:
    """The measures of one ranker, for each kind of interest."""
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for one in data.interests:
        found[one.kind].append(measures(ranked(score(one.text)), one.relevant))
    return {kind: mean(rows) for kind, rows in sorted(found.items())}


# --- answers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Simulation:
    """A subscriber with an interest, who answers about papers of the past and gets those of the future."""

    data: Data
    interest: Interest
    past: NDArray[np.intp]
    future: NDArray[np.intp]
    learners: dict[str, Learner]
    features: Features
    """What tastes compare of all papers, as the past tells how rare words are."""
    learned: dict[tuple[int, ...], tuple[Numbers, Scale]] = field(default_factory=dict)
    """The scores and scales after answers, by the papers answered."""

    @cached_property
    def base(self) -> Numbers:
        """The relevance of all papers without answers."""
        return self.data.ours(self.interest.text, self.past)

    @cached_property
    def z_scores(self) -> Numbers:
        """The same in deviations above the past."""
        return self._z_scores(self.expanded)

    def _z_scores(self, expanded: ExpandedQuery) -> Numbers:
        meaning, past = self.data.encoder is not None, self.base[self.past]
        z_scores = Scale.of(past, meaning=meaning, likeness=self.data.likeness(self.past)).z_scores(self.base)
        return z_scores + expanded.boosts(self.data.shares(self.interest.text), self.data.table)

    @cached_property
    def expanded(self) -> ExpandedQuery:
        """The vector that papers are compared with, and how much lower the cut is."""
        return self.data.expanded(self.interest.text, self.past)

    @cached_property
    def answers(self) -> list[Feedback]:
        """Three of five are "more" on a right paper, the others "less" on a wrong one that ranks high."""
        chance = np.random.default_rng([int(self.past[0]), zlib.crc32(self.interest.name.encode())])
        right = self.interest.relevant
        good = chance.permutation([place for place in self.past.tolist() if place in right]).tolist()
        wrong = [place for place in ranked(self.base, self.past.tolist()) if place not in right][:60]
        bad = chance.permutation(wrong).tolist()
        told = list[Feedback]()
        for number in range(max(ANSWERS)):
            if number % 5 in {0, 2, 4} and good:
                told.append(Feedback(good.pop(), 1, NOW))
            elif bad:
                told.append(Feedback(bad.pop(), -1, NOW))
        return told

    @property
    def possible(self) -> bool:
        """Whether something right is in both halves."""
        return bool(self.interest.relevant & set(self.past.tolist()) and self.interest.relevant & self.later)

    @property
    def later(self) -> set[int]:
        """The papers of the future."""
        return set(self.future.tolist())

    def taste(self, name: str, told: Sequence[Feedback], new: Sequence[int] = ()) -> Numbers:
        """What the program learns from answers, in deviations above the past; `new` are no counter-examples."""
        papers = {place: self.data.papers[place] for place in range(len(self.data.papers))}
        told = self.related(told) if name == "ours" else told
        return self.learners[name].learn(told, papers, new).z_scores(self.features)

    def after(self, told: Sequence[Feedback], new: Sequence[int] = ()) -> tuple[Numbers, Scale]:
        """The scores of all papers after these answers, and the scale that the program cuts them with."""
        answered = tuple(one.paper for one in told)
        if answered not in self.learned:
            self.learned[answered] = self._after(told, new)
        return self.learned[answered]

    def _after(self, told: Sequence[Feedback], new: Sequence[int]) -> tuple[Numbers, Scale]:
        related = self.related(told)
        if not related:
            return self.z_scores, z_scale(self.expanded.threshold_reduction)
        taste = self.taste("ours", told, new)
        others = self.past[~np.isin(self.past, [one.paper for one in related])]
        liked = [one.paper for one in related if one.verdict > 0]
        expanded = self.expanded.with_liked(self.data.shares(self.interest.text)[liked])
        z_scores, reduction = self._z_scores(expanded), expanded.threshold_reduction
        scale = learned_scale((z_scores + taste)[others], len(liked), len(related) - len(liked), reduction)
        return add_taste(z_scores, taste, scale, lift(len(related), reduction)), scale

    def related(self, told: Sequence[Feedback]) -> Sequence[Feedback]:
        """The answers without those that the program takes to say nothing about the interest."""
        if self.data.encoder is None or not told:
            return told
        near = is_related(self.z_scores[[one.paper for one in told]], self.z_scores[self.past])
        return [one for one, is_near in zip(told, near.tolist(), strict=True) if is_near]


def simulations(data: Data, seed: int, past_papers: int | None = None) -> Iterator[Simulation]:
    """Each interest with each split of the papers into past and future; with so many past papers if given."""
    for split in range(SPLITS * seed, SPLITS * (seed + 1)):
        order = np.random.default_rng(split).permutation(len(data.papers))
        past, future = order[: len(order) // 2], order[len(order) // 2 :]
        if past_papers is not None:
            past = past[:past_papers]
            data = data.with_past(past)
        learners = data.learners(past)
        features = learners["ours"].features(data.papers)
        found = (Simulation(data, one, past, future, learners, features) for one in data.interests)
        yield from (one for one in found if past_papers is not None or one.possible)


Rates = dict[str, dict[str, dict[str, float]]]


def with_answers(data: Data, seed: int) -> tuple[Rates, Rates]:
    """Measure by papers of the future what so many answers on papers of the past are worth.

    Returns nDCG@10 of each ranker, and precision, recall and rightly silent days of what an interest of a
    subscriber's own takes, both by kind of interest and number of answers.
    """
    gains, counts = (
        defaultdict[tuple[str, str, int], list[float]](list),
        defaultdict[tuple[str, int], Counter[str]](Counter),
    )
    for one in simulations(data, seed):
        kind, right = one.interest.kind, one.interest.relevant & one.later
        for number in ANSWERS:
            scores, told = {"ours": one.z_scores}, one.answers[:number]
            if number:
                scores["ours"], scale = one.after(told)
                scores |= {name: one.taste(name, told) for name in one.learners if name != "ours"}
                _count_days(counts[kind, number], one.future, scale.above_threshold(scores["ours"]), right)
            for name, found in scores.items():
                gains[name, kind, number].append(ndcg(ranked(found, one.future.tolist()), right))
    orders, cuts = Rates(), Rates()
    for (name, kind, number), values in sorted(gains.items()):
        orders.setdefault(name, {}).setdefault(kind, {})[str(number)] = round(float(np.mean(values)), 3)
    for (kind, number), count in sorted(counts.items()):
        cuts.setdefault(kind, {})[str(number)] = _rates(count)
    return orders, cuts


# --- the cut ----------------------------------------------------------------------------------------------------


def at_the_cut(
    data: Data, seed: int, past_papers: int | None = None, answers: int = 0
) -> dict[str, dict[str, float]]:
    """Precision and recall of what the default cut takes day by day, and how often an empty day is silent."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in simulations(data, seed, past_papers):
        scores, scale = one.after(one.answers[:answers])
        right = one.interest.relevant & one.later
        _count_days(counts[one.interest.kind], one.future, scale.above_threshold(scores), right)
    return {kind: _rates(c) for kind, c in sorted(counts.items())}


def _count_days(counts: Counter[str], future: NDArray[np.intp], enough: NDArray[np.bool_], right: Set[int]) -> None:
    for day in np.array_split(future, max(1, len(future) // DAY)):
        taken, there = set(day[enough[day]].tolist()), right & set(day.tolist())
        counts.update(right=len(taken & there), taken=len(taken), there=len(there))
        if not there:
            counts.update(empty=1, silent=int(not taken))


def _rates(c: Counter[str]) -> dict[str, float]:
    return {
        "precision": round(c["right"] / max(c["taken"], 1), 3),
        "recall": round(c["right"] / max(c["there"], 1), 3),
        "silent": round(c["silent"] / max(c["empty"], 1), 3),
    }


# --- days in order ----------------------------------------------------------------------------------------------


@dataclass
class Replay:
    """A subscriber of a new site, who wrote an interest on one of its days and answers what the letters bring."""

    interest: Interest
    written_on: int
    answers: int
    """How many papers are answered, from the first letter on."""
    told: list[Feedback] = field(default_factory=list)
    days: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def get_letter(self, one: Simulation, day: NDArray[np.intp], papers: int) -> None:
        """Get the letter of a day, on which the site has so many papers, and answer it."""
        scores, scale = one.after(self.told, day.tolist())
        enough = scale.above_threshold(scores)
        self.days += 1
        _count_days(self.counts, day, enough, self.interest.relevant)
        best = sorted(day[enough[day]].tolist(), key=lambda place: -scores[place])
        if len(best) < MAX_CLOSE and (best or papers < COUNTED_PAPERS):
            best += day[scale.close(scores[day])[:MAX_CLOSE]].tolist()
        for place in best[: self.answers - len(self.told)]:
            self.told.append(Feedback(place, 1 if place in self.interest.relevant else -1, NOW))


def replayed(data: Data) -> dict[str, dict[str, dict[str, float]]]:
    """What letters bring on a site that starts empty, gets a hundred papers a day, and has these in order of time."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    order = np.array(sorted(range(len(data.papers)), key=lambda place: (data.papers[place].arxiv_id or "", place)))
    kinds = sorted({one.kind for one in data.interests})
    everyone = [
        [Replay(one, day, answers) for one in data.interests for day in WRITTEN_ON for answers in ANSWERS_TO_LETTERS]
        for _ in STARTS
    ]
    for start, replays in zip(STARTS, everyone, strict=True):
        _replay(data, order[start : start + REPLAYED_DAYS * DAY], replays)
    for written_on in WRITTEN_ON:
        for answers in ANSWERS_TO_LETTERS:
            row = found.setdefault(f"written on day {written_on}, {answers} answers", {})
            for kind in kinds:
                some = [
                    one
                    for one in chain.from_iterable(everyone)
                    if (one.interest.kind, one.written_on, one.answers) == (kind, written_on, answers)
                ]
                counts = sum((one.counts for one in some), Counter[str]())
                days = sum(one.days for one in some)
                row[kind] = {"papers a week": round(7 * counts["taken"] / max(days, 1), 2), **_rates(counts)}
    return found


def _replay(data: Data, order: NDArray[np.intp], replays: Sequence[Replay]) -> None:
    """Let all of these subscribers get the letters of all days."""
    known_papers, at_hand = 0, dict[str, Simulation]()
    for number, end in enumerate(range(DAY, len(order) + 1, DAY), 1):
        if end - known_papers > min(known_papers, COUNTED_PAPERS) // 4:  # as the program renews its statistics
            known_papers, held = end, order[:end][::-1][:COUNTED_PAPERS]
            known = data.with_past(held)
            learners = known.learners(held)
            features = learners["ours"].features(data.papers)
            at_hand = {
                one.name: Simulation(known, one, held, order[end:], learners, features) for one in data.interests
            }
        for replay in replays:
            if replay.written_on <= number:
                replay.get_letter(at_hand[replay.interest.name], order[end - DAY : end], end)


# --- a site of one field ----------------------------------------------------------------------------------------


def in_one_field(data: Data, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """What the default cut takes of the papers nearest to each interest if the past has only such papers, or others.

    Half of a quarter of all papers, the nearest ones, is the future. The past is the other half, or as many papers of
    all fields.
    """
    found: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in data.interests if data.vectors is not None else ():
        assert data.vectors is not None
        center = data.vector(one.text) + data.vectors[sorted(one.relevant)].mean(axis=0)
        chance = np.random.default_rng([seed, zlib.crc32(one.name.encode())])
        near = chance.permutation(np.argsort(-(data.vectors @ center))[: len(data.papers) // 4])
        past, future = near[: len(near) // 2], near[len(near) // 2 :]
        others = np.setdiff1d(np.arange(len(data.papers)), future)
        for name, some in (("of the field", past), ("of all fields", chance.permutation(others)[: len(past)])):
            known = data.with_past(some)
            simulation = Simulation(known, one, some, future, {}, Learner(PastPapers()).features(()))
            scores, scale = simulation.after(())
            _count_days(found[name][one.kind], future, scale.above_threshold(scores), set(one.relevant))
    return {name: {kind: _rates(c) for kind, c in sorted(kinds.items())} for name, kinds in found.items()}


# --- typing mistakes --------------------------------------------------------------------------------------------


def mistyped(text: str, chance: random.Random) -> str:
    """The text with one slip in its longest word: a letter left out, doubled, another one, or two turned round."""
    words = text.split()
    at = max(range(len(words)), key=lambda place: len(words[place]))
    word = words[at]
    place = chance.randrange(1, len(word) - 1)
    left, right = word[:place], word[place:]
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    words[at] = chance.choice(
        [left + right[1:], left + letter + right, left + letter + right[1:], left + right[1] + right[0] + right[2:]]
    )
    return " ".join(words)


def with_mistakes(data: Data) -> dict[str, float]:
    """nDCG@10 of topical interests as written, with one typing mistake, and with that corrected."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for one in data.interests:
        if one.kind != "topical" or max(map(len, one.text.split())) < 4:
            continue
        for seed in range(SPLITS):
            wrong = mistyped(one.text, random.Random(f"{seed} {one.name}"))
            for name, text in (
                ("as written", one.text),
                ("one mistake", wrong),
                ("corrected", data.vocabulary.correct(wrong, is_known).text),
            ):
                found[name].append(ndcg(ranked(data.ours(text)), one.relevant))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


# --- costs ------------------------------------------------------------------------------------------------------


def costs(data: Data) -> dict[str, float]:
    """Milliseconds of one core, unless the name says otherwise."""
    number = len(data.papers)
    found = {"index, a paper": 1_000 * data.seconds["index"] / number}
    for name in ("vector", "title"):
        if name in data.seconds:
            found[f"{name}, a paper"] = 1_000 * data.seconds[name] / number
    began, texts = time.process_time(), [one.text for one in data.interests]
    data._known.clear()  # making an interest's vector is part of its cost
    for text in texts:
        data.ours(text)
    found[f"an interest over {number} papers"] = 1_000 * (time.process_time() - began) / max(len(texts), 1)
    said = [Feedback(place, 1 if place % 2 else -1, NOW) for place in range(min(number, 20))]
    for name, learner in data.learners(np.arange(number)).items():
        learner.learn(said, dict(enumerate(data.papers)), ())  # once, to fill the caches that a round shares
        began = time.process_time()
        learner.learn(said, dict(enumerate(data.papers)), ())
        found[f"learning from 20 answers, {name}"] = 1_000 * (time.process_time() - began)
    return {name: round(value, 2) for name, value in found.items()}


def evaluate(folder: Path, *, meaning: bool = True, seed: int = 0) -> dict[str, Any]:
    """Everything, as one JSON value; `seed` chooses the splits into past and future."""
    data = Data(folder, meaning=meaning)
    answers, cut_after = with_answers(data, seed)
    rankers: dict[str, Callable[[str], Numbers]] = {"BM25": data.bm25, "ours, words alone": data.shares}
    if data.encoder:
        rankers |= {"vectors alone": data.cosines, "ours": data.ours}
    return {
        "papers": len(data.papers),
        "interests": Counter(one.kind for one in data.interests),
        "model": data.encoder.name if data.encoder else "",
        "rankers": {name: by_kind(data, score) for name, score in rankers.items()},
        "answers": answers,
        "cut": at_the_cut(data, seed),
        "cut of new sites": {str(number): at_the_cut(data, seed, number) for number in NEW_SITES},
        "cut of new sites after 5 answers": {str(number): at_the_cut(data, seed, number, 5) for number in NEW_SITES},
        "cut after answers": cut_after,
        "one field": in_one_field(data, seed),
        "days in order": replayed(data),
        "mistakes": with_mistakes(data),
        "costs": costs(data),
    }


def tables(result: dict[str, Any]) -> str:
    """The same as tables of Markdown."""
    kinds = sorted(result["interests"])
    lines = [f"{result['papers']} papers, {dict(result['interests'])}, model: {result['model'] or 'none'}", ""]
    lines += _table(
        ["ranker", *(f"{kind} {name}" for kind in kinds for name in ("nDCG@10", "MAP", "recall@10"))],
        [
            [name, *(v for kind in kinds for v in row.get(kind, {}).values())]
            for name, row in result["rankers"].items()
        ],
    )
    lines += _table(
        ["nDCG@10 after so many answers", *map(str, ANSWERS)],
        [
            [f"{name}, {kind}", *(row.get(str(n), "") for n in ANSWERS)]
            for name, by in result["answers"].items()
            for kind, row in by.items()
        ],
    )
    lines += _table(
        ["at the default cut", "precision", "recall", "silent rightly"],
        [[kind, *row.values()] for kind, row in result["cut"].items()],
    )
    lines += _table(
        ["at the default cut of a new site", "past papers", "precision", "recall", "silent rightly"],
        [[kind, n, *row.values()] for n, by in result["cut of new sites"].items() for kind, row in by.items()],
    )
    lines += _table(
        ["the same after 5 answers", "past papers", "precision", "recall", "silent rightly"],
        [
            [kind, n, *row.values()]
            for n, by in result["cut of new sites after 5 answers"].items()
            for kind, row in by.items()
        ],
    )
    lines += _table(
        ["past papers, for papers of one field", "", "precision", "recall", "silent rightly"],
        [[name, kind, *row.values()] for name, by in result["one field"].items() for kind, row in by.items()],
    )
    lines += _table(
        ["days in order", "", "papers a week", "precision", "recall", "silent rightly"],
        [[name, kind, *row.values()] for name, by in result["days in order"].items() for kind, row in by.items()],
    )
    lines += _table(
        ["after so many answers: precision, recall, silent rightly", *map(str, ANSWERS[1:])],
        [
            [kind, *(", ".join(f"{v:.2f}" for v in row.get(str(n), {}).values()) for n in ANSWERS[1:])]
            for kind, row in result["cut after answers"].items()
        ],
    )
    lines += _table(["typing mistakes, topical", "nDCG@10"], [[*pair] for pair in result["mistakes"].items()])
    lines += _table(["cost", "ms"], [[*pair] for pair in result["costs"].items()])
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
        *(f"| {' | '.join(map(str, r))} |" for r in rows),
        "",
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON value in place of tables")
    parser.add_argument("--words", action="store_true", help="as without the extra `meaning`")
    parser.add_argument("--seed", type=int, default=0, help="other splits of the papers into past and future")
    given = parser.parse_args()
    result = evaluate(given.folder, meaning=not given.words, seed=given.seed)
    print(json.dumps(result, ensure_ascii=False) if given.json else tables(result))  # noqa: T201


if __name__ == "__main__":
    main()
