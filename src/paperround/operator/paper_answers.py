"""Answers why a subscriber's letter has a paper, or does not have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.domain.models import Match, Paper, Subscriber, Topic
from paperround.domain.preferences import is_own
from paperround.domain.reasons import read as read_reasons
from paperround.matching.leave_out import LeaveOut
from paperround.operator.preview import next_digest
from paperround.operator.queries import paper_row, why_nothing
from paperround.rendering.letter_facts import in_order
from paperround.rounds.collection import Collection
from paperround.rounds.interests import Interests
from paperround.subscribers import membership


class PaperFate(StrEnum):
    """What became of a paper for a subscriber, or will."""

    PRINTED = "printed"
    """It is in a letter that was composed for them."""
    COUNTED = "counted"
    """A letter counted it in "N more"."""
    NEXT = "next"
    """It would be in their next letter."""
    NEXT_COUNTED = "next, counted"
    """Their next letter would count it, since it has as many papers as they want."""
    LEFT_OUT = "left out"
    """They asked to leave it out."""
    WAITING = "waiting"
    """It is stored, and the next round compares or publishes it."""
    OWNED = "owned"
    """They have it already, in their library or on their reading list."""
    ARCHIVED = "archived"
    """It was imported as an older paper, of which none is sent."""
    TOO_OLD = "too old"
    """It matches, but was stored too long ago, or before their latest letter."""
    PASSED_OVER = "passed over"
    """It matches, and the choice of papers left it out."""
    NO_MATCH = "no match"


@dataclass(frozen=True, slots=True)
class ComparedTopic:
    """How a paper compares with one thing that a subscriber follows."""

    name: str
    """The name of a topic, or the words of an interest."""
    matches: bool
    fit: float | None = None
    """From 0 to 1: the score of a match, or how well the paper fits an interest in plain words; None for a query that
    does not match.
    """
    needed: float | None = None
    """The least fit of a match, for an interest in plain words."""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """Why a subscriber's letter has a paper, or does not have it."""

    subscriber: Subscriber
    paper: Paper
    fate: PaperFate
    sentence: str
    topics: tuple[ComparedTopic, ...]
    silence: str = ""
    """Why they get no letter at all at the moment; empty if they do."""

    def facts(self) -> dict[str, Any]:
        """Return the answer for JSON."""
        topics = [
            {"name": one.name, "matches": one.matches, "fit": one.fit, "needed": one.needed, "why": list(one.why)}
            for one in self.topics
        ]
        return {
            **{"email": self.subscriber.email, "paper": self.paper.id, "title": self.paper.title},
            **{"fate": self.fate.value, "answer": self.sentence, "no_letter_because": self.silence},
            "topics": topics,
        }


def why_paper(app: App, email: str, paper_id: str) -> PaperAnswer:
    """Return why a paper is, was or will be in a subscriber's letter, or why not.

    Raises UnknownNameError if there is no such subscriber or paper.
    """
    subscriber = membership.subscriber(app, email)
    row = paper_row(app, paper_id)
    paper = app.store.papers.by_rows([row])[row]
    stored = app.store.explanations.matches([row], subscriber.topics)
    fate, sentence = _fate(app, subscriber, paper, stored)
    silence = "" if fate in (PaperFate.PRINTED, PaperFate.COUNTED) else _silence(app, subscriber)
    return PaperAnswer(subscriber, paper, fate, sentence, _compared(app, subscriber, paper, stored), silence)


def _silence(app: App, subscriber: Subscriber) -> str:
    return why_nothing(app, subscriber) if subscriber.next_digest_at is None or subscriber.suppressed else ""


def _fate(app: App, subscriber: Subscriber, paper: Paper, matches: Sequence[Match]) -> tuple[PaperFate, str]:
    """Return what became of the paper, by the first condition that holds, and a sentence about it."""
    if had := app.store.explanations.had(subscriber.row, [paper.row]):
        day = had[paper.row]
        digest = app.store.issues.digest_on(subscriber.row, day)
        if digest and paper.row in digest.papers:
            return PaperFate.PRINTED, f"it is in their letter of {day}"
        return PaperFate.COUNTED, f'their letter of {day} counted it in "more" and did not print it'
    if app.store.explanations.owns(subscriber.row, paper.row):
        return PaperFate.OWNED, "they have it already, in their library or on their reading list"
    stored = app.store.explanations.state(paper.row)
    if stored.archived:
        return PaperFate.ARCHIVED, "it was imported as an older paper, and these are never sent"
    if not matches:
        if stored.unmatched:
            return PaperFate.WAITING, "it is stored, and the next round compares it with what they follow"
        return PaperFate.NO_MATCH, "it matches nothing that they follow"
    leave_out = LeaveOut()
    if entries := [one for one in subscriber.preferences.leave_out if leave_out.rows([one], [paper])]:
        return PaperFate.LEFT_OUT, f"they asked to leave out {', '.join(entries)}"
    return _in_next_letter(app, subscriber, paper)


def _in_next_letter(app: App, subscriber: Subscriber, paper: Paper) -> tuple[PaperFate, str]:
    unread, digest = next_digest(app, subscriber)
    if paper.row not in unread:
        return PaperFate.TOO_OLD, (
            f"it was stored at {format_moment(paper.first_seen)}, and their next letter begins later: after their "
            "latest letter, or a week before they followed what it matches"
        )
    if digest and paper.row in digest.papers:
        order = [pick.paper for _, pick in in_order(digest)]
        place = order.index(paper.row) + 1
        return PaperFate.NEXT, f"it would be number {place} of {len(order)} in their next letter"
    if digest and paper.row in digest.more:
        limit = subscriber.preferences.max_papers
        return PaperFate.NEXT_COUNTED, (
            f'their next letter would count it in "more": it ranks below the {limit} papers that they want at most'
        )
    return PaperFate.PASSED_OVER, "it matches, and their next letter would pass it over"


def _compared(app: App, subscriber: Subscriber, paper: Paper, matches: Sequence[Match]) -> tuple[ComparedTopic, ...]:
    """Return how the paper compares with each thing that they follow, what it matches first."""
    by_slug = {match.topic: match for match in matches}
    topics = app.store.topics.by_slugs(subscriber.topics)
    fits = _fits(app, subscriber, paper)
    compared = []
    for topic in topics:
        match = by_slug.get(topic.slug)
        fit, needed = fits.get(topic.slug, (None, None))
        why = tuple(str(reason) for reason in read_reasons(match.why)) if match else ()
        shown = round(match.score, 4) if match else fit
        compared.append(ComparedTopic(_name(topic), match is not None, shown, needed, why))
    return tuple(sorted(compared, key=lambda one: (not one.matches, -(one.fit or 0.0))))


def _name(topic: Topic) -> str:
    """Return the name of a topic, or the words of what a subscriber follows besides."""
    return (topic.about or topic.name) if is_own(topic.slug) else topic.name


def _fits(app: App, subscriber: Subscriber, paper: Paper) -> Mapping[str, tuple[float, float]]:
    """Return how well the paper fits what they follow in plain words, by slug, and the least fit of a match.

    It is compared as in a round, with the answers and the breadth of the subscriber.
    """
    app.shared(Collection).renew()
    interests, topics = app.shared(Interests), app.store.topics.by_slugs(subscriber.topics)
    interests.prepare(topics)
    batch = interests.batch([paper])
    found = {topic.slug: interests.fits(topic, batch) for topic in topics}
    return {slug: (round(fits[paper.row], 4), round(needed, 4)) for slug, (fits, needed) in found.items() if fits}
