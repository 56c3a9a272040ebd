"""When an address is given up: from what became of its letters to a reason, or none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from paperround.domain.models import BounceKind
from paperround.domain.refusals import BAD_DOMAIN

_IN_A_ROW = 3
_SPREAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one letter: when, and what came back; `kind` is None for one that nothing came back for."""

    at: datetime
    kind: BounceKind | None = None
    status: str | None = None
    """The enhanced status code, RFC 3463."""


def reason_to_suppress(report: Fate, fates: Sequence[Fate]) -> str | None:
    """Why nothing more may be sent to an address after this report; None when it may.

    `fates` are the address's letters, the latest first, the reported one among them. A complaint or a dead mailbox
    counts at once. Letters that only did not get through have to be three in a row over more than 14 days; one that
    arrived begins the count anew. What was the sender's own fault is no statement about the address at all.
    """
    if report.kind is BounceKind.COMPLAINT:
        return "complaint"
    if report.kind is BounceKind.HARD and report.status != BAD_DOMAIN:
        return f"hard bounce {report.status or ''}".strip()
    spoken = [fate for fate in fates if fate.kind not in (BounceKind.POLICY, BounceKind.NOTHING)]
    if _run(spoken, lambda fate: fate.status == BAD_DOMAIN) >= _IN_A_ROW:
        return f"hard bounce {BAD_DOMAIN}, {_IN_A_ROW} in a row"
    lost = list(takewhile(lambda fate: fate.kind in (BounceKind.SOFT, BounceKind.HARD), spoken))
    if len(lost) >= _IN_A_ROW and lost[0].at - lost[-1].at > _SPREAD:
        return f"{len(lost)} letters in a row did not get through"
    return None


def _run(fates: Iterable[Fate], fits: Callable[[Fate], bool]) -> int:
    return sum(1 for _ in takewhile(fits, fates))
