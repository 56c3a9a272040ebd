"""What paperround has learned about a subscriber's taste, in words, and how to reset it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paperround.app import App
from paperround.domain.models import Subscriber
from paperround.matching.learning import weight
from paperround.matching.suggestions import WeighedWord, strongest_words
from paperround.matching.taste import Taste
from paperround.rounds.collection import Collection
from paperround.rounds.current_tastes import CurrentTastes
from paperround.store.feedback import FeedbackEntry

_MAX_WORDS, _MAX_PAPERS = 20, 200


@dataclass(frozen=True, slots=True)
class LearnedTaste:
    """A subscriber's taste: the words and papers that move papers up and down in their emails."""

    weight: float
    """The weight of taste beside relevance, from 0 to 1."""
    words: Sequence[WeighedWord]
    """The words and authors with the greatest weights, wanted ones first."""
    papers: Sequence[tuple[FeedbackEntry, float]]
    """The papers with feedback, latest first, each with the degree to which similar papers are wanted, from −1 to 1.
    """
    examples: int = 0
    """The number of papers of their own library that were learned from in addition."""

    def as_json(self) -> dict[str, Any]:
        """Return the taste as a JSON object for other programs."""
        return {
            "weight": round(self.weight, 4),
            "examples": self.examples,
            "words": [{"word": word.word, "weight": word.weight, "author": word.author} for word in self.words],
            "papers": [
                {"id": rating.id, "title": rating.title, "verdict": rating.verdict, "affinity": round(degree, 4)}
                for rating, degree in self.papers
            ],
        }


def learned(app: App, subscriber: Subscriber) -> LearnedTaste:
    """Return what was learned from a subscriber's feedback, in relation to the newest papers."""
    taste = _learn(app, subscriber)
    feedback = app.store.feedback.latest(subscriber.row, _MAX_PAPERS)
    papers_by_row = app.store.papers.by_rows(rating.paper for rating in feedback)
    papers = [
        (rating, taste.affinity(papers_by_row[rating.paper]).degree)
        for rating in feedback
        if rating.paper in papers_by_row
    ]
    sure = weight(taste.model.rating_count) if taste.model else 0.0
    acronyms = app.shared(Collection).recent().vocabulary.long_forms.keys()
    words = strongest_words(taste, _MAX_WORDS, acronyms)
    return LearnedTaste(sure, words, papers, app.store.examples.count(subscriber.row))


def _learn(app: App, subscriber: Subscriber) -> Taste:
    """Return the taste learned from a subscriber's feedback and library."""
    feedback = app.store.feedback.ratings(subscriber.row)
    examples, papers = app.store.examples.learned_from(subscriber.row)
    papers |= app.store.papers.by_rows(rating.paper for rating in feedback)
    return app.shared(CurrentTastes).learn((*feedback, *examples), papers)


def reset(app: App, subscriber: Subscriber) -> int:
    """Delete all feedback and the library of a subscriber. Returns how many papers had feedback."""
    app.store.examples.forget(subscriber.row)
    return app.store.feedback.forget_all(subscriber.row)
