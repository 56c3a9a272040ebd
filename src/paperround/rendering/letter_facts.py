"""What one letter is rendered from, and the order of its papers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from paperround.domain.models import DISCUSSED, Digest, Links, Paper, Pick, Section, Subscriber, TopicCounts


class LetterFacts(NamedTuple):
    """What one subscriber's letter is rendered from."""

    digest: Digest
    papers: Mapping[int, Paper]
    """By row; papers of the digest that are missing here are left out of the letter."""
    subscriber: Subscriber
    links: Links
    day: date
    counts: Sequence[TopicCounts] = ()
    """The numbers for the chart of a weekly or monthly letter; without them there is no chart."""

    @property
    def named_papers(self) -> list[Paper | None]:
        """The papers that the digest names; None for those that are missing."""
        return list(map(self.papers.get, self.digest.named))


def in_order(digest: Digest) -> list[tuple[Section, Pick]]:
    """Return the papers of a digest in the order of its letter, which numbers them from 1."""
    picks = [(section, pick) for section in digest.sections for pick in section.picks]
    # Python's sort is stable: papers without ranks or of equal rank stay in the order of the digest.
    return sorted(picks, key=lambda one: (one[0].topic != DISCUSSED, -one[1].rank))
