"""Matches interests in plain words with papers, by how well a paper fits compared with past papers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np

from paperround.app import App
from paperround.domain.models import Feedback, Paper, Topic
from paperround.domain.notes import may_have_close
from paperround.domain.preferences import Breadth
from paperround.matching.closeness import with_meaning
from paperround.matching.interest_feedback import add_taste
from paperround.matching.lexical import Hit
from paperround.matching.scale import Scale, least_fit, z_scale
from paperround.matching.vectors import Numbers
from paperround.matching.words import SearchExpression, Words, interpret, is_plain_words
from paperround.rounds.interest_batch import Comparison, InterestBatch
from paperround.rounds.interest_scales import Interest, InterestScales
from paperround.rounds.interest_tastes import InterestTastes, LearnedInterest, TasteSource
from paperround.rounds.meaning import Meaning
from paperround.store.feedback import InterestFollower


class Interests:
    """Matches interests with papers. There is one instance per process; it computes each interest's scales once.

    Any thread may call it at any time: rounds, sweeps and pages do. A call keeps to the past papers that it began
    with, and what it computes from them is stored with them, even if another thread renews them meanwhile.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._meaning = app.shared(Meaning)
        self._scales = InterestScales(app)
        self._tastes = InterestTastes(app, self._scales)
        self._followers: Mapping[int, InterestFollower] = {}
        self._expected: Mapping[int, InterestFollower] = {}
        self._expecting = threading.Lock()

    def prepare(self, topics: Iterable[Topic]) -> None:
        """Load the vectors of papers and of topics in plain words, and learn from their subscribers' feedback.

        Call this outside of transactions, since it may write, and before that `renew` the Collection.
        """
        plain = [topic for topic in topics if is_plain_words(topic.query)]
        if self._meaning.enabled:
            self._meaning.table()
            queries = [topic.query for topic in plain]
            vectors = {self._meaning.expand_acronyms(query): self._meaning.topic_vector(query) for query in queries}
            self._scales.prepare({text: vector for text, vector in vectors.items() if vector is not None})
        followers = self._followers = {**self._app.store.feedback.interest_followers(), **self._expected}
        self._tastes.learn([topic for topic in plain if topic.row in followers], followers)

    @contextmanager
    def expecting(self, followers: Mapping[int, InterestFollower]) -> Iterator[None]:
        """In the block, take these for the followers of interests, by topic number: they are about to be stored."""
        with self._expecting:
            self._expected = {**self._expected, **followers}
        try:
            yield
        finally:
            with self._expecting:
                remaining = self._expected.keys() - followers.keys()
                self._expected = {row: self._expected[row] for row in remaining}

    def batch(self, papers: Iterable[Paper]) -> InterestBatch:
        """Return these papers as a batch to compare interests with."""
        return self._scales.batch(papers)

    def rated_batch(self, feedback: Iterable[Feedback]) -> InterestBatch:
        """Return the papers with this feedback as a batch."""
        return self.batch(self._app.store.papers.by_rows({rating.paper for rating in feedback}).values())

    def match(self, text: str, wanted: SearchExpression, batch: InterestBatch, topic: int = 0) -> Comparison:
        """Return what a topic matches in a batch.

        `topic` is the number of a subscriber's own interest, as prepared: their feedback counts, and their breadth
        decides how many papers it takes.
        """
        learned, breadth = self._tastes.learned(topic), self._follower(topic).breadth
        if learned is not None and isinstance(wanted, Words):
            return self._match(text, wanted, batch, learned, breadth)
        if (text, breadth) not in batch.comparisons:
            batch.comparisons[text, breadth] = (
                self._match(text, wanted, batch, None, breadth)
                if isinstance(wanted, Words)
                else Comparison(batch.index.matches(wanted), {})
            )
        return batch.comparisons[text, breadth]

    def fits(self, topic: Topic, batch: InterestBatch) -> tuple[dict[int, float], float]:
        """Return how well the papers of a batch fit a topic in plain words, by number, and the least fit of a match.

        There are none for another query. The feedback and the breadth of an interest's subscriber count. Call
        `prepare` first.
        """
        if not is_plain_words(topic.query):
            return {}, 0.0
        interest = self._scales.interest(topic.query, cast("Words", interpret(topic.query)))
        fits = self._fits(interest, batch, self._tastes.learned(topic.row))
        return fits, least_fit(self._follower(topic.row).breadth.steps)

    def wants_close(self, topic: int) -> bool:
        """Return whether letters to this interest's subscriber can show close papers. Call `prepare` first."""
        follower = self._follower(topic)
        return may_have_close(follower.cadence, follower.breadth)

    def _follower(self, topic: int) -> InterestFollower:
        return self._followers.get(topic, InterestFollower())

    def _match(
        self, text: str, words: Words, batch: InterestBatch, learned: LearnedInterest | None, breadth: Breadth
    ) -> Comparison:
        """Return what reaches the threshold of plain words and of what was learned, and what comes close."""
        interest = self._scales.interest(text, words)
        scores, scale = self._scores(interest, batch, learned)
        places = np.flatnonzero(scale.above_threshold(scores, breadth.steps)).tolist()
        numbers, close = batch.index.numbers, scale.close(scores, breadth.steps)
        why = self._reasons(interest, batch, [numbers[at] for at in places])
        return Comparison(
            {row: Hit(scale.fit(float(scores[at])), why[row]) for at, row in zip(places, why, strict=True)},
            {numbers[at]: scale.fit(float(scores[at])) for at in close},
        )

    def _fits(self, interest: Interest, batch: InterestBatch, learned: LearnedInterest | None) -> dict[int, float]:
        """Return how well each paper fits an interest and what was learned, by number."""
        scores, scale = self._scores(interest, batch, learned)
        return dict(zip(batch.index.numbers, map(scale.fit, scores.tolist()), strict=True))

    def _scores(
        self, interest: Interest, batch: InterestBatch, learned: LearnedInterest | None
    ) -> tuple[Numbers, Scale]:
        """Return how far each paper stands out for an interest and what was learned, and the scale of that.

        A paper that has the only word of an interest reaches the usual threshold, as it matches the word as a query.
        """
        scores, scale = self._own_scores(interest, batch, learned)
        if len(interest.words.terms) == 1:
            scores = scale.lifted(scores, batch.index.shares(interest.words) > 0)
        return scores, scale

    def _own_scores(
        self, interest: Interest, batch: InterestBatch, learned: LearnedInterest | None
    ) -> tuple[Numbers, Scale]:
        scales = self._scales.scales(interest, learned.source.history if learned else self._scales.history())
        if learned is None:
            return scales.z_scores(interest.words, batch), z_scale(scales.threshold_reduction)
        z_scores = scales.with_liked(learned.liked_shares).z_scores(interest.words, batch)
        taste = learned.taste.z_scores(batch.features(learned.taste.learner))
        return add_taste(z_scores, taste, learned.scale, learned.lifted), learned.scale

    def score_papers(
        self,
        text: str,
        wanted: SearchExpression,
        batch: InterestBatch,
        feedback: Sequence[Feedback] = (),
        rated: InterestBatch | None = None,
    ) -> dict[int, float]:
        """Return how well papers of a batch fit, by number: above 0 to 1, with the threshold at 0.5.

        They fit as they do in the letters of a subscriber who has only this interest and gave this feedback. `rated`
        are the papers with feedback, if they were read before.
        """
        if not isinstance(wanted, Words):
            return {row: 0.5 + hit.score / 2 for row, hit in batch.index.matches(wanted).items()}
        learned = None
        if feedback:
            rated = rated or self.rated_batch(feedback)
            papers = {paper.row: paper for paper in rated.index.papers}
            source = TasteSource(text, tuple(feedback), self._scales.history())
            learned = self._tastes.learn_one(source, papers, rated, frozenset())
        fits = self._fits(self._scales.interest(text, wanted), batch, learned)
        return {row: fit for row, fit in fits.items() if fit > 0}

    def reasons(
        self, text: str, wanted: SearchExpression, batch: InterestBatch, rows: Sequence[int]
    ) -> dict[int, tuple[str, ...]]:
        """Return why the best papers of a batch fit, by number."""
        if isinstance(wanted, Words):
            return self._reasons(self._scales.interest(text, wanted), batch, rows)
        return batch.index.reasons(wanted, rows)

    def _reasons(self, interest: Interest, batch: InterestBatch, rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
        if not rows:
            return {}
        reasons, vector = batch.index.reasons(interest.words, rows), self._meaning.cached_vector(interest.text)
        if vector is None:
            return reasons
        vectors = self._meaning.cached_table().vectors(rows)
        cosines = dict(zip(np.array(rows)[vectors.known].tolist(), vectors.cosines(vector).tolist(), strict=True))
        return {row: with_meaning(why, cosines.get(row)) for row, why in reasons.items()}
