"""Decides when to suppress an address, from the results of its letters. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import takewhile

from paperround.bounces.widespread import widespread_failure
from paperround.domain.models import BounceKind
from paperround.domain.refusals import BAD_DOMAIN
from paperround.domain.suppressions import BounceDecision, BounceEvidence, LetterResult, Suppression, SuppressionCause

_IN_A_ROW = 3
_SPREAD = timedelta(days=14)


def decide(evidence: BounceEvidence) -> BounceDecision:
    """Return what follows from a report: a widespread failure, or else the suppression of the address, or nothing."""
    report = evidence.report
    letters = evidence.letters_to_domain, evidence.letters_to_all
    failure = widespread_failure(report.kind, report.status, evidence.text, *letters)
    return failure or suppression_after(report, evidence.results)


def suppression_after(report: LetterResult, results: Sequence[LetterResult]) -> Suppression | None:
    """Return the suppression of an address that follows from this report, or None.

    `results` are those of the address's letters, latest first, including the reported one. One complaint or hard
    bounce suffices. Soft bounces have to be three in a row over more than 14 days; an accepted letter resets the
    count. A domain that does not exist has to be reported three times in a row. Policy bounces, which are the
    sender's fault, do not count.
    """
    if report.kind is BounceKind.COMPLAINT:
        return Suppression(SuppressionCause.COMPLAINT, "complaint")
    if report.kind is BounceKind.HARD and report.status != BAD_DOMAIN:
        return Suppression(SuppressionCause.HARD_BOUNCE, f"hard bounce {report.status or ''}".strip())
    spoken = [result for result in results if result.kind not in (BounceKind.POLICY, BounceKind.NOTHING)]
    if _run(spoken, lambda result: result.status == BAD_DOMAIN) >= _IN_A_ROW:
        return Suppression(SuppressionCause.BAD_DOMAIN, f"hard bounce {BAD_DOMAIN}, {_IN_A_ROW} in a row")
    lost = list(takewhile(lambda result: result.kind in (BounceKind.SOFT, BounceKind.HARD), spoken))
    if len(lost) >= _IN_A_ROW and lost[0].at - lost[-1].at > _SPREAD:
        return Suppression(SuppressionCause.LOST_LETTERS, f"{len(lost)} letters in a row did not get through")
    return None


def _run(results: Iterable[LetterResult], fits: Callable[[LetterResult], bool]) -> int:
    return sum(1 for _ in takewhile(fits, results))
