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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import log, log2
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paperround.domain.models import Listing, Paper
from paperround.domain.text import terms
from paperround.matching import learning
from paperround.matching.interests import Scale, learned_scale, relevance, toward_best
from paperround.matching.lexical import Index, Statistics
from paperround.matching.vectors import pack, unpack
from paperround.matching.vocabulary import Vocabulary
from paperround.matching.words import STOP_WORDS, Words, interpret_search
from paperround.meaning import MiniLM

Numbers = NDArray[np.float32]
ANSWERS = (0, 1, 2, 5, 10, 20)
SPLITS = 3  # of the papers into past and future
DAY = 100  # papers
CACHE = Path(".eval")
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
        self.vectors = self._vectors()

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        done = work()
        self.seconds[name] = time.process_time() - began
        return done

    def _vectors(self) -> Numbers | None:
        if self.encoder is None:
            return None
        texts = [f"{paper.title}. {paper.abstract or paper.summary}" for paper in self.papers]
        name = hashlib.sha256("\n".join([self.encoder.name, *texts]).encode()).hexdigest()[:16]
        file = CACHE / f"{name}.npy"
        if not file.exists():
            print(f"embedding {len(texts)} papers, some 40 ms each …", file=sys.stderr)  # noqa: T201
            made = self._timed("vector", lambda: self.encoder.encode(texts))
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
        if self.encoder is None or self.vectors is None:
            return shares
        known = np.arange(len(self.papers)) if past is None else past
        cosines = self.cosines(text)
        moved = toward_best(self.vector(text), self.vectors[known], shares[known], cosines[known])
        return relevance(shares, self.vectors @ moved)

    @cached_property
    def rows(self) -> list[learning.Sparse]:
        """The papers' words as TF-IDF has them."""
        made = learning.TermVectors(self.statistics)
        rows = [made.of(paper) for paper in self.papers]
        self.features = len(made.names)
        return rows

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


def with_answers(data: Data) -> dict[str, dict[str, dict[str, float]]]:
    """nDCG@10 on papers of the future after so many answers on papers of the past, for each ranker.

    Three of five answers are "more" on a relevant paper, the others "less" on a wrong one that ranks high.
    """
    found: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
    for one, past, future, told, chance in _simulated(data):
        base, later = data.ours(one.text, past), set(future.tolist()) & one.relevant
        for number in ANSWERS:
            for name, scores in _learned(data, base, past, told[:number], chance).items():
                found[name, one.kind, number].append(ndcg(ranked(scores, future.tolist()), later))
    table: dict[str, dict[str, dict[str, float]]] = {}
    for (name, kind, number), values in sorted(found.items()):
        table.setdefault(name, {}).setdefault(kind, {})[str(number)] = round(float(np.mean(values)), 3)
    return table


_Simulated = tuple[Interest, NDArray[Any], NDArray[Any], list[tuple[int, int]], np.random.Generator]


def _simulated(data: Data) -> Iterator[_Simulated]:
    """Each interest with papers of the past and of the future, and answers to the former."""
    for one in data.interests:
        for split in range(SPLITS):
            chance = np.random.default_rng([split, zlib.crc32(one.name.encode())])
            order = chance.permutation(len(data.papers))
            past, future = order[: len(order) // 2], order[len(order) // 2 :]
            told = _answers(one, data.ours(one.text, past), past.tolist(), chance)
            if told and set(future.tolist()) & one.relevant:
                yield one, past, future, told, chance


def _answers(one: Interest, base: Numbers, past: list[int], chance: np.random.Generator) -> list[tuple[int, int]]:
    good = chance.permutation([place for place in past if place in one.relevant]).tolist()
    wrong = [place for place in ranked(base, past) if place not in one.relevant][:60]
    bad = chance.permutation(wrong).tolist()
    told: list[tuple[int, int]] = []
    for number in range(max(ANSWERS)):
        if number % 5 in {0, 2, 4} and good:
            told.append((good.pop(), 1))
        elif bad:
            told.append((bad.pop(), -1))
    return told if any(verdict > 0 for _, verdict in told) else []


def _learned(
    data: Data, base: Numbers, past: NDArray[Any], told: Sequence[tuple[int, int]], chance: np.random.Generator
) -> dict[str, Numbers]:
    own = _standardized(base, base[past])
    if not told:
        return {"ours": own}
    words, both = _models(data, past, told, chance)
    return {"TF-IDF SVM": words, "ours": own + np.float32(learning.weight(len(told))) * both}


def _models(
    data: Data, past: NDArray[Any], told: Sequence[tuple[int, int]], chance: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """What is learned from answers, by words alone and with vectors, in deviations above the past.

    As in the program, half of the past is learned from and the other half measures: scores of papers that a model
    has learned from are too extreme to measure by.
    """
    answered = {place for place, _ in told}
    weak = [place for place in chance.permutation(past).tolist() if place not in answered]
    weak, others = weak[::2], weak[1::2] or past.tolist()
    places, labels = _examples(told, weak[: learning.WEAK_NEGATIVES])
    rows = data.rows
    words = learning.separate([rows[place] for place in places], labels, data.features)
    by_words = np.array([float(words[row.places] @ row.weights) for row in rows], dtype=np.float32)
    svm = _standardized(by_words, by_words[others])
    if data.vectors is None:
        return svm, svm
    places, labels = _examples(told, weak[: learning.WEAK_VECTORS])
    center = data.vectors[past].mean(axis=0)
    by_meaning = (data.vectors - center) @ learning.regress(data.vectors[places] - center, labels)[:-1]
    return svm, svm + _standardized(by_meaning, by_meaning[others])


def _standardized(scores: Numbers, past: Numbers) -> Numbers:
    """Return scores in standard deviations above the mean of past scores."""
    deviation = float(past.std())
    return (scores - np.float32(past.mean())) / np.float32(deviation if deviation > 1e-9 else 1.0)


def _examples(told: Sequence[tuple[int, int]], weak: Sequence[int]) -> tuple[list[int], list[int]]:
    return [*answered_order(told), *weak], [*(verdict for _, verdict in told), *[-1] * len(weak)]


def answered_order(told: Sequence[tuple[int, int]]) -> list[int]:
    """The papers that were answered, in order."""
    return [place for place, _ in told]


# --- the cut ----------------------------------------------------------------------------------------------------


def at_the_cut(data: Data, breadth: int = 0) -> dict[str, dict[str, float]]:
    """Precision and recall of what the default cut takes day by day, and how often an empty day is silent."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in data.interests:
        for split in range(SPLITS):
            order = np.random.default_rng(split).permutation(len(data.papers))
            past, future = order[: len(order) // 2], order[len(order) // 2 :]
            scores = data.ours(one.text, past)
            scale = Scale.of(scores[past], meaning=data.encoder is not None)
            for day in np.array_split(future, max(1, len(future) // DAY)):
                taken = set(day[scale.enough(scores[day], breadth)].tolist())
                _count(counts[one.kind], taken, set(day.tolist()) & one.relevant)
    return {kind: _rates(c) for kind, c in sorted(counts.items())}


def at_the_cut_after_answers(data: Data) -> dict[str, dict[str, dict[str, float]]]:
    """The same after so many answers, as an interest of a subscriber's own takes papers."""
    counts: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for one, past, future, told, chance in _simulated(data):
        scores = data.ours(one.text, past)
        heights = Scale.of(scores[past], meaning=data.encoder is not None).heights(scores)
        for number in ANSWERS[1:]:
            some = told[:number]
            both = heights + np.float32(learning.weight(number)) * _models(data, past, some, chance)[1]
            others = past[~np.isin(past, answered_order(some))]
            scale = learned_scale(both[others])
            for day in np.array_split(future, max(1, len(future) // DAY)):
                taken = set(day[scale.enough(both[day])].tolist())
                _count(counts[one.kind, number], taken, set(day.tolist()) & one.relevant)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (kind, number), c in sorted(counts.items()):
        found.setdefault(kind, {})[str(number)] = _rates(c)
    return found


def _count(counts: Counter[str], taken: set[int], there: set[int]) -> None:
    counts.update(right=len(taken & there), taken=len(taken), there=len(there))
    if not there:
        counts.update(empty=1, silent=int(not taken))


def _rates(c: Counter[str]) -> dict[str, float]:
    return {
        "precision": round(c["right"] / max(c["taken"], 1), 3),
        "recall": round(c["right"] / max(c["there"], 1), 3),
        "silent": round(c["silent"] / max(c["empty"], 1), 3),
    }


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
                ("corrected", data.vocabulary.correct(wrong).text),
            ):
                found[name].append(ndcg(ranked(data.ours(text)), one.relevant))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


# --- costs ------------------------------------------------------------------------------------------------------


def costs(data: Data) -> dict[str, float]:
    """Milliseconds of one core, unless the name says otherwise."""
    number = len(data.papers)
    found = {"index, a paper": 1_000 * data.seconds["index"] / number}
    if "vector" in data.seconds:
        found["vector, a paper"] = 1_000 * data.seconds["vector"] / number
    began, texts = time.process_time(), [one.text for one in data.interests]
    data._known.clear()  # making an interest's vector is part of its cost
    for text in texts:
        data.ours(text)
    found[f"an interest over {number} papers"] = 1_000 * (time.process_time() - began) / max(len(texts), 1)
    some = list(range(min(number, learning.WEAK_NEGATIVES + 20)))
    labels = [1] * 12 + [-1] * (len(some) - 12) if len(some) > 24 else [1, -1] * (len(some) // 2)
    rows = [data.rows[place] for place in some[: len(labels)]]
    began = time.process_time()
    learning.separate(rows, labels, data.features)
    found["learning from words"] = 1_000 * (time.process_time() - began)
    if data.vectors is not None:
        began = time.process_time()
        learning.regress(data.vectors[some[: len(labels)]], labels)
        found["learning from vectors"] = 1_000 * (time.process_time() - began)
    return {name: round(value, 2) for name, value in found.items()}


def evaluate(folder: Path, *, meaning: bool = True) -> dict[str, Any]:
    """Everything, as one JSON value."""
    data = Data(folder, meaning=meaning)
    rankers: dict[str, Callable[[str], Numbers]] = {"BM25": data.bm25, "ours, words alone": data.shares}
    if data.encoder:
        rankers |= {"vectors alone": data.cosines, "ours": data.ours}
    return {
        "papers": len(data.papers),
        "interests": Counter(one.kind for one in data.interests),
        "model": data.encoder.name if data.encoder else "",
        "rankers": {name: by_kind(data, score) for name, score in rankers.items()},
        "answers": with_answers(data),
        "cut": at_the_cut(data),
        "cut after answers": at_the_cut_after_answers(data),
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
    given = parser.parse_args()
    result = evaluate(given.folder, meaning=not given.words)
    print(json.dumps(result, ensure_ascii=False) if given.json else tables(result))  # noqa: T201


if __name__ == "__main__":
    main()
