"""Learns how subscribers' feedback changes what fits their interests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paperround.app import App
from paperround.domain.models import Feedback, Paper, Topic
from paperround.matching.interest_feedback import Lift, is_related, learned_scale, lift
from paperround.matching.scale import Scale, z_scale
from paperround.matching.taste import Taste
from paperround.matching.vectors import Numbers
from paperround.matching.words import Words, interpret, is_plain_words
from paperround.rounds.interest_batch import InterestBatch
from paperround.rounds.interest_scales import History, InterestScales
from paperround.store.feedback import InterestFollower

_MAX_TASTES = 1_000  # tastes kept in memory: 120 MB; those with the latest feedback first


class TasteSource(NamedTuple):
    """What a taste is learned from."""

    interest: str
    feedback: tuple[Feedback, ...]
    history: History
    others: tuple[str, ...] = ()
    """The subscriber's other interests."""


@dataclass(frozen=True, slots=True)
class LearnedInterest:
    """The taste of the subscriber who follows an interest of their own."""

    source: TasteSource
    taste: Taste
    scale: Scale
    """The scale of the sums of both z-scores, of the interest and of the taste."""
    lifted: Lift
    """Which papers are lifted to the threshold."""
    liked_shares: Numbers
    """The shares of the interest's words that the liked papers have."""


class InterestTastes:
    """Learns from the feedback of each interest's subscriber once. Any thread may call it."""

    def __init__(self, app: App, scales: InterestScales) -> None:
        self._app, self._scales = app, scales
        self._learned: dict[int, LearnedInterest] = {}

    def learned(self, topic: int) -> LearnedInterest | None:
        """Return what was learned for a subscriber's own interest, by its number; None without feedback."""
        return self._learned.get(topic)

    def learn(self, topics: Sequence[Topic], followers: Mapping[int, InterestFollower]) -> None:
        """Learn from the feedback of the subscribers of these interests, unless that was done before.

        Tastes of other interests that are still followed are kept: a single new topic must not make all be learned
        again.
        """
        rated = [topic for topic in topics if followers[topic.row].feedback]
        if not rated and not self._learned:
            return  # the past papers are not needed
        rated.sort(key=lambda topic: followers[topic.row].feedback[0].at, reverse=True)
        history = self._scales.history()
        sources = {topic.row: _source(topic, followers[topic.row], history) for topic in rated[:_MAX_TASTES]}
        self._forget_outdated(sources, kept=followers.keys() - {topic.row for topic in topics})
        new = sources.keys() - self._learned.keys()
        if new:
            self._learn_new({row: sources[row] for row in new})

    def _forget_outdated(self, sources: Mapping[int, TasteSource], kept: Set[int]) -> None:
        """Forget what was learned from other sources than these, except for the interests in `kept`."""
        for row, learned in list(self._learned.items()):
            if row not in kept and learned.source != sources.get(row):
                self._learned.pop(row, None)

    def _learn_new(self, sources: Mapping[int, TasteSource]) -> None:
        rated = {rating.paper for source in sources.values() for rating in source.feedback}
        papers = self._app.store.papers.by_rows(rated)
        waiting, batch = self._app.store.topics.waiting_rows(), self._scales.batch(papers.values())
        for row, source in sources.items():
            self._learned[row] = self.learn_one(source, papers, batch, waiting)

    def learn_one(
        self, source: TasteSource, papers: Mapping[int, Paper], rated: InterestBatch, new: Set[int]
    ) -> LearnedInterest:
        """Learn from the feedback of one subscriber.

        `rated` are `papers`, indexed once for all subscribers; `new` are the rows of the papers to choose from next.
        """
        history, words = source.history, interpret(source.interest)
        assert isinstance(words, Words)
        interest = self._scales.interest(source.interest, words)
        scales = self._scales.scales(interest, history)
        z_scores = scales.z_scores(interest.words, history.batch)
        related = self._related_feedback(source, rated, z_scores)
        if not related:
            scale = z_scale(scales.threshold_reduction)
            return LearnedInterest(source, Taste(history.learner), scale, Lift(), np.zeros(0, np.float32))
        taste = history.learner.learn(related, papers, new)
        liked = [rating.paper for rating in related if rating.verdict > 0]
        liked_shares = rated.index.shares(interest.words)[np.isin(rated.index.numbers, liked)]
        scales = scales.with_liked(liked_shares)
        z_scores = scales.z_scores(interest.words, history.batch)
        # Leave out papers with feedback: the taste was learned from them.
        others = ~np.isin(history.batch.index.numbers, [rating.paper for rating in related])
        sums = z_scores + taste.z_scores(history.batch.features(history.learner))
        scale = learned_scale(sums[others], len(liked), len(related) - len(liked), scales.threshold_reduction)
        lifted = lift(len(related), scales.threshold_reduction)
        return LearnedInterest(source, taste, scale, lifted, liked_shares)

    def _related_feedback(self, source: TasteSource, rated: InterestBatch, past: Numbers) -> Sequence[Feedback]:
        """Return the feedback on papers that are relevant to an interest, given the z-scores of past papers.

        Without vectors, return all feedback: a paper may express the interest in other words.
        """
        z_scores = self._rated_z_scores(source.interest, rated, source.history)
        if z_scores is None:
            return source.feedback
        others = [self._rated_z_scores(other, rated, source.history) for other in source.others]
        related = is_related(z_scores, past, [other for other in others if other is not None])
        rows = {rated.index.numbers[at] for at in np.flatnonzero(related).tolist()}
        return [rating for rating in source.feedback if rating.paper in rows]

    def _rated_z_scores(self, query: str, rated: InterestBatch, history: History) -> Numbers | None:
        """Return the z-scores of rated papers for an interest; None if it has no vector or is not plain words."""
        if query not in rated.z_scores:
            rated.z_scores[query] = self._compute_z_scores(query, rated, history)
        return rated.z_scores[query]

    def _compute_z_scores(self, query: str, rated: InterestBatch, history: History) -> Numbers | None:
        words = interpret(query) if is_plain_words(query) else None
        if not isinstance(words, Words):
            return None
        interest = self._scales.interest(query, words)
        scales = self._scales.scales(interest, history)
        return scales.z_scores(interest.words, rated) if scales.expanded is not None else None


def _source(topic: Topic, follower: InterestFollower, history: History) -> TasteSource:
    others = tuple(query for query in follower.queries if query != topic.query)
    return TasteSource(topic.query, follower.feedback, history, others)
