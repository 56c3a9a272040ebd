"""Subscribers whose digest is due, and what is composed for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from paperround.domain.models import DailyCounts, Digest, Feedback, Paper, PaperNote, Subscriber
from paperround.domain.notes import SavedPaper
from paperround.domain.schedule import Issue, due_at

if TYPE_CHECKING:
    from paperround.domain.match_table import BatchMatches  # loads NumPy, which few commands need


class DueSubscriber(NamedTuple):
    """A subscriber whose digest is due."""

    subscriber: Subscriber
    """Without name, topics and what else choosing does not need."""
    topics: tuple[str, ...]
    """The slugs of all topics that they follow, in order."""
    feedback: tuple[Feedback, ...] = ()
    """Their ratings of earlier papers, latest first, then their examples."""
    saved: tuple[SavedPaper, ...] = ()
    """The papers they saved for later, latest first."""
    news: tuple[PaperNote, ...] = ()
    """News about papers they were sent that no letter has reported yet."""
    close: tuple[int, ...] = ()
    """The papers that came close to an interest of theirs, best first; empty if their letter may have none."""
    close_to_empty: frozenset[int] = frozenset()
    """Those of them that came close to an interest without new papers."""
    published_at: datetime | None = None
    """When the last matches that an issue of theirs has covered were published; None before the first ones."""
    composed_at: datetime | None = None
    """When the digest of their previous issue was composed; None if it had none."""

    @property
    def previous_issue_at(self) -> datetime | None:
        """When their previous issue was chosen, also one without papers for them; None before the first one.

        An issue without a digest was chosen when its last matches were published, or later, when it was due, if
        nothing new was published. The schedule may have changed since then, so a digest's own moment is better.
        """
        if self.composed_at:
            return self.composed_at
        if self.subscriber.last_issue_day is None:
            return None
        was_due = due_at(self.subscriber.schedule, self.subscriber.last_issue_day)
        return max(was_due, self.published_at) if self.published_at else was_due


class NewDelivery(NamedTuple):
    """The result of composing for one due subscriber; `digest` is None if there is nothing to send."""

    due: DueSubscriber
    issue: Issue
    next_digest_at: datetime | None
    digest: Digest | None
    message_id: str = ""
    expires_at: datetime | None = None


@dataclass(slots=True)
class DueBatch:
    """Due subscribers, locked for this transaction, and the results for them."""

    due: list[DueSubscriber]
    matches: BatchMatches
    """The matches that they have not been sent."""
    papers: Mapping[int, Paper]
    """Papers by number, including all of the subscribers' matches and feedback."""
    daily_counts: Mapping[int, Sequence[DailyCounts]] = field(default_factory=dict)
    """Daily counts by paper, including the papers of weekly and monthly subscribers."""
    decided: list[NewDelivery] = field(default_factory=list)
