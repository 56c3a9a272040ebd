"""When an address is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from paperround.bounces.suppression import decide, suppression_after
from paperround.domain.models import BounceKind
from paperround.domain.suppressions import (
    BounceEvidence,
    LetterResult,
    RecentLetter,
    SuppressionCause,
    WidespreadFailure,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY


def fates(*told: tuple[int, BounceKind | None, str | None]) -> list[LetterResult]:
    return [LetterResult(NOW - timedelta(days=days), kind, status) for days, kind, status in told]


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (fates((0, None, None)), None),
        (fates((0, HARD, "5.1.1")), "hard bounce 5.1.1"),
        (fates((0, HARD, None)), "hard bounce"),
        (fates((0, BounceKind.COMPLAINT, None)), "complaint"),
        (fates((0, HARD, "5.1.2")), None),
        (fates((0, HARD, "5.1.2"), (1, HARD, "5.1.2"), (2, HARD, "5.1.2")), "hard bounce 5.1.2, 3 in a row"),
        (fates((0, HARD, "5.1.2"), (1, None, None), (2, HARD, "5.1.2"), (3, HARD, "5.1.2")), None),
        (fates((0, SOFT, "5.2.2"), (7, SOFT, "5.2.2")), None),
        (fates((0, SOFT, "5.2.2"), (7, SOFT, "5.2.2"), (14, SOFT, "5.2.2")), None),
        (
            fates((0, SOFT, "5.2.2"), (7, SOFT, "5.2.2"), (15, SOFT, "4.4.1")),
            "3 letters in a row did not get through",
        ),
        (fates((0, SOFT, "5.2.2"), (7, None, None), (15, SOFT, "4.4.1"), (30, SOFT, "4.4.1")), None),
        (fates((0, POLICY, "5.7.1"), (1, POLICY, "5.7.1"), (20, POLICY, "5.7.1")), None),
        (fates((0, POLICY, "5.7.1"), (1, HARD, "5.1.1")), None),
    ],
)
def test_an_address_is_given_up_for_these_reasons_and_no_others(
    history: list[LetterResult], reason: str | None
) -> None:
    found = suppression_after(history[0], history)
    assert (found.reason if found else None) == reason


def test_a_late_report_about_an_older_letter_counts_as_well() -> None:
    history = fates((0, None, None), (1, HARD, "5.1.1"))
    assert suppression_after(history[1], history) == (SuppressionCause.HARD_BOUNCE, "hard bounce 5.1.1")


@pytest.mark.parametrize(
    ("dead", "decision"),
    [
        (4, (SuppressionCause.HARD_BOUNCE, "hard bounce 5.1.1")),
        (5, WidespreadFailure(everywhere=False, lifts=SuppressionCause.HARD_BOUNCE)),
    ],
)
def test_nobody_is_suppressed_for_a_failure_that_affects_most_subscribers(dead: int, decision: object) -> None:
    refused, accepted = (
        RecentLetter("post.example", HARD, "5.1.1", "gone"),
        RecentLetter("post.example", None, None, ""),
    )
    letters = [refused] * dead + [accepted] * 3
    report = LetterResult(NOW, HARD, "5.1.1")
    assert decide(BounceEvidence(report, "gone", [report], lambda: letters, lambda: letters)) == decision
