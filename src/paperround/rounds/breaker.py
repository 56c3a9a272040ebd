"""Decides, by the pattern of refusals and not their words, when they are aimed at the sender. Pure functions.

No table contains every provider's wording of account limits. But if a relay refuses all letters with the same reply,
the reason is not any single mailbox.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from paperround.domain.hosts import domain_of
from paperround.domain.models import BounceKind, Outcome
from paperround.domain.refusals import SEVERAL, Refusal, judge, wording
from paperround.store.attempts import FailedAttempt, RecentAttempts

COINCIDENCE = 1e-6
"""A series of refusals that chance would produce less often than this, for each letter, is no coincidence."""
WINDOW = timedelta(minutes=10)


def refused_by_account(recent: RecentAttempts) -> list[FailedAttempt]:
    """Return the latest run of identical refusals for several subscribers, with no accepted letter in between.

    The list is empty if there is no such series, or if it may be a coincidence. If a tenth of all letters are refused
    with this reply, because many subscribers use a provider that blocks this site, three in a row are common.
    """
    since = [refusal for refusal in recent.refusals if refusal.row > recent.last_accepted]
    run = list(takewhile(lambda refusal: _reply(refusal.outcome) == _reply(since[0].outcome), since))
    several = len({refusal.subscriber for refusal in run})
    return run if several >= SEVERAL and several >= _no_coincidence(run, recent) else []


def _no_coincidence(run: Sequence[FailedAttempt], recent: RecentAttempts) -> int:
    """Return how many subscribers have to be refused in a row, given how often the same reply came before."""
    before = sum(_reply(refusal.outcome) == _reply(run[0].outcome) for refusal in recent.refusals[len(run) :])
    if not before or not recent.accepted:
        return SEVERAL
    share = before / (before + recent.accepted)
    return max(SEVERAL, math.ceil(math.log(COINCIDENCE) / math.log(share)))


def refused_everywhere(refusals: Sequence[FailedAttempt], now: datetime) -> list[FailedAttempt]:
    """Return the policy refusals that subscribers of several domains met within minutes; else an empty list."""
    ours = [
        refusal
        for refusal in refusals
        if now - refusal.at <= WINDOW and judge(Refusal.of(refusal.outcome)).verdict.kind is BounceKind.POLICY
    ]
    subscribers, domains = {refusal.subscriber for refusal in ours}, {domain_of(refusal.email) for refusal in ours}
    return ours if min(len(subscribers), len(domains)) >= SEVERAL else []


def _reply(outcome: Outcome) -> Hashable:
    return outcome.code, outcome.enhanced, wording(outcome.text)
