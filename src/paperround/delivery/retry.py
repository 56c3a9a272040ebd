"""What follows from an outcome. Pure: the moment and the chance are arguments.

`RULES` is the whole judgement, read from the top: the first row that fits decides. docs/delivery.md prints the
same table. Three may be at fault. The *subscriber's* address: the letter waits or fails, and the attempt counts. The
*connection*: the letter goes again soon, and nobody is blamed. The *account* of the sender: the transport pauses
with an alarm, and no subscriber is touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cached_property
from random import Random

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import BounceKind, Outcome, Stage
from paperround.domain.reply_codes import one_of

_PATIENCE = timedelta(days=4)  # RFC 5321 4.5.4.1: give up after 4 to 5 days, where no next digest says it sooner
_LEAST = timedelta(hours=12)
_RATE_PAUSE = timedelta(minutes=10)  # Google asks for ten minutes or more
_ACCOUNT_PAUSE = timedelta(minutes=15)
_LEAST_DAY_PAUSE = timedelta(hours=1)
_BEHIND_OTHERS = timedelta(minutes=30)  # a letter that stopped the account waits longer, so that others go first


@dataclass(frozen=True)
class RetryPolicy:
    """When a letter is tried again.

    `delays` are seconds before the second, third … attempt, the last one for all that follow; up to the share
    `jitter` is added to each, never taken off, so that a greylisting relay's gap is kept.
    """

    delays: tuple[int, ...] = (300, 1800, 7200, 10800)  # RFC 5321 4.5.4.1: two in the first hour, then every 2 to 3
    jitter: float = 0.2
    give_up_after: timedelta | None = None
    """By default a digest is tried until the subscriber's next one is due."""
    reconnect_after: int = 60
    """Seconds until a letter goes again whose connection broke."""

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) <= 0:
            raise ConfigurationError('delivery.retry_delays: needs seconds above 0, such as "300,1800,7200"')

    def expires_at(self, queued_at: datetime, next_issue_at: datetime | None) -> datetime:
        """When a delivery is given up."""
        if self.give_up_after:
            return queued_at + self.give_up_after
        # After an outage the next issue may be minutes away: a letter has half a day in any case.
        return max(next_issue_at, queued_at + _LEAST) if next_issue_at else queued_at + _PATIENCE

    def delay(self, attempts: int, chance: Random) -> timedelta:
        """The pause after this many attempts, 1 for the first."""
        return self._spread(self.delays[min(attempts, len(self.delays)) - 1], chance)

    def reconnect_delay(self, chance: Random) -> timedelta:
        """The pause after a broken connection."""
        return self._spread(self.reconnect_after, chance)

    def _spread(self, seconds: float, chance: Random) -> timedelta:
        return timedelta(seconds=seconds * (1 + self.jitter * chance.random()))


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took it over."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Try this letter again at `at`; the attempt counts."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Try this letter again at `at`; the attempt does not count, for it never reached the subscriber's side."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Never send this letter again; `kind` says what that means for the subscriber's address."""

    reason: str
    kind: BounceKind

    @property
    def hard(self) -> bool:
        """Whether the address is dead and nothing more may be sent to it."""
        return self.kind is BounceKind.HARD


@dataclass(frozen=True, slots=True)
class PauseTransport:
    """Send nothing at all until `until` and tell the operator; this letter goes again at `again`, uncounted."""

    until: datetime
    alarm: str
    again: datetime
    suspect: bool = False
    """Whether it may be this letter that is refused and not the account: then a second refusal, while others went
    through, is final."""


@dataclass(frozen=True, slots=True)
class Expire:
    """The next attempt would come too late: give the letter up."""

    reason: str


Step = Sent | Defer | Requeue | Fail | PauseTransport | Expire


class Verdict(Enum):
    """What a rule says; the value is how the documentation puts it."""

    SENT = "sent"
    LATER = "later, counted"
    AGAIN = "again soon, not counted"
    HARD = "never again; the address is suppressed"
    SOFT = "never again; counts against the address"
    OURS = "never again; the address is not to blame"
    PAUSE_RATE = "transport pauses 10 minutes"
    PAUSE_ACCOUNT = "transport pauses 15 minutes, alarm"
    PAUSE_DAY = "transport pauses until tomorrow, alarm"


@dataclass(frozen=True)
class Rule:
    """One row: where it was said, with which code, enhanced code and words; an empty column fits everything.

    An `x` stands for any digits, `none` for no reply, `-` for no enhanced code.
    """

    at: str
    code: str
    enhanced: str
    text: str
    verdict: Verdict
    why: str

    def fits(self, outcome: Outcome) -> bool:
        """Whether the row speaks of this outcome."""
        code = "none" if outcome.code is None else str(outcome.code)
        return (
            (not self.at or outcome.stage in self.at.split())
            and self._codes.fullmatch(code) is not None
            and self._enhanced.fullmatch(outcome.enhanced or "-") is not None
            and self._text.search(outcome.text) is not None
        )

    @cached_property
    def _codes(self) -> re.Pattern[str]:
        return one_of(self.code)

    @cached_property
    def _enhanced(self) -> re.Pattern[str]:
        return one_of(self.enhanced)

    @cached_property
    def _text(self) -> re.Pattern[str]:
        return re.compile(self.text, re.IGNORECASE)


_HARD = "5.1.1 5.1.3 5.1.6 5.1.10 5.2.1"
_OVER_THE_LINE = "mail rcpt data final"

RULES = (
    Rule("final", "2xx", "", "", Verdict.SENT, "the relay answers for it from here on"),
    Rule(
        "final", "none", "", "", Verdict.LATER, "taken or not, nobody knows: it goes again under the same Message-ID"
    ),
    Rule(
        "",
        "4xx 5xx",
        "x.2.1",
        "receiving mail|rate that",
        Verdict.LATER,
        "Gmail: too much mail for this subscriber just now",
    ),
    Rule("", "", "x.7.28", "", Verdict.PAUSE_RATE, "the relay's rate limit (Gmail)"),
    Rule(
        "",
        "421 450 451",
        "4.7.x -",
        "rate limit|unusual rate|too many messages",
        Verdict.PAUSE_RATE,
        "the same in words",
    ),
    Rule("", "4xx 5xx", "5.4.5", "", Verdict.PAUSE_DAY, "the account's daily limit (Gmail)"),
    Rule(_OVER_THE_LINE, "454", "4.7.0", "", Verdict.PAUSE_DAY, "the account's daily limit (Gmail)"),
    Rule("", "4xx 5xx", "", "daily (user )?sending (limit|quota)", Verdict.PAUSE_DAY, "the same in words"),
    Rule("auth", "4xx", "", "", Verdict.PAUSE_RATE, "logging in does not work just now"),
    Rule("auth", "", "", "", Verdict.PAUSE_ACCOUNT, "user name or password is refused"),
    Rule("tls", "", "", "", Verdict.PAUSE_ACCOUNT, "no encryption or a wrong certificate: nothing goes in clear"),
    Rule("connect", "5xx", "", "", Verdict.PAUSE_ACCOUNT, "the relay wants nothing from this machine"),
    Rule("connect", "", "", "", Verdict.AGAIN, "the relay cannot be reached"),
    Rule("", "421", "", "", Verdict.AGAIN, "RFC 5321 3.8: the relay ends the connection"),
    Rule(_OVER_THE_LINE, "none", "", "", Verdict.AGAIN, "the connection ended before the final dot"),
    Rule("", "530 534 535 538", "", "", Verdict.PAUSE_ACCOUNT, "RFC 4954 6: the relay wants a login, or another one"),
    Rule("", "452 552", "4.5.3 5.5.3", "", Verdict.LATER, "RFC 5321 4.5.3.1.10: too many recipients is temporary"),
    Rule("", "452 552", "", "too many recipients", Verdict.LATER, "the same in words"),
    Rule("", "5xx", "5.7.x", "", Verdict.PAUSE_ACCOUNT, "policy: the sender must mend something"),
    Rule("", "5xx", "5.1.7 5.1.8", "", Verdict.PAUSE_ACCOUNT, "the sender's own address is refused"),
    Rule("", "5xx", "5.3.4 5.5.x 5.6.x", "", Verdict.OURS, "this letter is too big or ill-formed for the relay"),
    Rule("mail", "5xx", "", "", Verdict.OURS, "said before the relay heard the subscriber's address"),
    Rule("", "5xx", _HARD, "", Verdict.HARD, "there is no such mailbox, or no longer"),
    Rule("", "5xx", "5.x.x", "", Verdict.SOFT, "full, moved, unknown host and the like: may pass"),
    Rule("rcpt", "550 551 552 553", "-", "", Verdict.SOFT, "about the mailbox, but not clear what"),
    Rule("data final", "552", "-", "", Verdict.SOFT, "RFC 5321 4.2.3: the mailbox has no room"),
    Rule("rcpt data final", "5xx", "-", "", Verdict.OURS, "about the letter or the sender"),
    Rule("", "4xx", "", "", Verdict.LATER, "RFC 5321 4.2.1: the first digit decides"),
    Rule("", "5xx", "", "", Verdict.SOFT, "RFC 5321 4.2.1: the first digit decides"),
    Rule("", "", "", "", Verdict.LATER, "no SMTP reply to make sense of"),
)

_FAILURES = {Verdict.HARD: BounceKind.HARD, Verdict.SOFT: BounceKind.SOFT, Verdict.OURS: BounceKind.POLICY}


def next_step(
    attempts: int,
    outcome: Outcome,
    now: datetime,
    policy: RetryPolicy,
    chance: Random,
    expires_at: datetime | None = None,
) -> Step:
    """What follows from this outcome of a delivery that had this many counted attempts before it.

    Without `expires_at` the letter is given up when the policy's delays are used up.
    """
    rule = judge(outcome)
    reason = _reason(outcome, rule)
    if rule.verdict is Verdict.SENT:
        return Sent()
    if kind := _FAILURES.get(rule.verdict):
        return Fail(reason, kind)
    if rule.verdict is Verdict.LATER:
        if expires_at is None and attempts >= len(policy.delays):
            return Expire(f"given up after {attempts + 1} attempts: {reason}")
        at = now + policy.delay(attempts + 1, chance)
        return Defer(at, reason) if expires_at is None or at < expires_at else _too_late(reason)
    if rule.verdict is Verdict.AGAIN:
        at = now + policy.reconnect_delay(chance)
        return Requeue(at, reason) if expires_at is None or at < expires_at else _too_late(reason)
    until = _pause_until(rule.verdict, now)
    again = until + _BEHIND_OTHERS * (1 + policy.jitter * chance.random())
    suspect = rule.verdict is Verdict.PAUSE_ACCOUNT and outcome.stage in (Stage.RCPT, Stage.DATA, Stage.FINAL)
    return PauseTransport(until, reason, again, suspect)


def judge(outcome: Outcome) -> Rule:
    """The first rule that fits; the last one fits everything."""
    return next(rule for rule in RULES if rule.fits(outcome))


def _too_late(reason: str) -> Expire:
    return Expire(f"given up, for the next attempt would come too late: {reason}")


def _pause_until(verdict: Verdict, now: datetime) -> datetime:
    if verdict is Verdict.PAUSE_RATE:
        return now + _RATE_PAUSE
    if verdict is Verdict.PAUSE_ACCOUNT:
        return now + _ACCOUNT_PAUSE
    tomorrow = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(tomorrow, now + _LEAST_DAY_PAUSE)


def _reason(outcome: Outcome, rule: Rule) -> str:
    said = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text or "no reply"
    return f"{outcome.stage.value}: {said} ({rule.why})"
