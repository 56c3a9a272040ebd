"""When refusals are not the subscribers' but the sender's: decided by how they come, whatever they say. Pure.

Providers word the limits of an account in ways that no table knows. But a relay that refuses everybody with the same
reply does not speak of anybody's mailbox.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from paperround.domain.models import BounceKind, Outcome
from paperround.domain.refusals import Refusal, judge
from paperround.store.deliveries import FailedAttempt

SEVERAL = 3
"""So many different subscribers, or domains, are no accident."""
WINDOW = timedelta(minutes=10)
# Addresses, hosts, numbers and the names of queue files differ from letter to letter.
_PARTICULAR = re.compile(r"\S*[\d@./=]\S*")


def refused_by_account(refusals: Sequence[FailedAttempt], last_accepted: int) -> list[FailedAttempt]:
    """The same refusal, met by several different subscribers in a row while nothing was accepted; else none.

    `refusals` come the latest first, and `last_accepted` is the number of the last attempt that was accepted.
    """
    since = [one for one in refusals if one.row > last_accepted]
    run = list(takewhile(lambda one: wording(one.outcome) == wording(since[0].outcome), since))
    return run if len({one.subscriber for one in run}) >= SEVERAL else []


def refused_everywhere(refusals: Sequence[FailedAttempt], now: datetime) -> list[FailedAttempt]:
    """Refusals for our own sake that several subscribers of several domains met within minutes; else none."""
    ours = [
        one
        for one in refusals
        if now - one.at <= WINDOW and judge(Refusal.of(one.outcome)).verdict.kind is BounceKind.POLICY
    ]
    subscribers, domains = {one.subscriber for one in ours}, {domain_of(one.email) for one in ours}
    return ours if min(len(subscribers), len(domains)) >= SEVERAL else []


def wording(outcome: Outcome) -> Hashable:
    """What is the same in the same refusal of different letters."""
    words = _PARTICULAR.sub("#", outcome.text.lower()).split()
    return outcome.code, outcome.enhanced, tuple(words)


def domain_of(email: str) -> str:
    """The domain of an address, in lower case."""
    return email.rpartition("@")[2].lower()
