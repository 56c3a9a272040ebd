"""Decides what follows from an outcome. Pure: the time and the randomness are arguments.

`domain.refusals` judges the reply; this module decides what to do about it. The cause may be one of three. The
*subscriber's* address: the letter waits or fails, and the attempt counts. The *connection*: the letter is sent again
soon, and the attempt does not count. The sender's *account*: the transport pauses with an alarm, and no subscriber
is affected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import BounceKind, Outcome
from paperround.domain.refusals import BAD_DOMAIN, MAIL_TRANSACTION, Refusal, Rule, Verdict, judge
from paperround.domain.reply_codes import SERVICE_ENDS

# RFC 5321 4.5.4.1: give up after 4 to 5 days, or earlier when the next digest is due
_GIVE_UP_AFTER = timedelta(days=4)
_MIN_GIVE_UP_AFTER = timedelta(hours=12)
RATE_PAUSE = timedelta(minutes=10)  # Google requires at least ten minutes
ACCOUNT_PAUSE = timedelta(minutes=15)
_MIN_DAY_PAUSE = timedelta(hours=1)
_BEHIND_OTHERS = timedelta(minutes=30)  # the refused letter waits longer than the pause, so that others go first


@dataclass(frozen=True)
class RetryPolicy:
    """When to retry a letter, and when to give up.

    `delays` are the seconds before the second, third … attempt; the last one is used for all further attempts. A
    random share of up to `jitter` is added to each and never subtracted, so that a greylisting relay's minimum is
    kept.
    """

    delays: tuple[int, ...] = (300, 1800, 7200, 10800)  # RFC 5321 4.5.4.1: two in the first hour, then every 2 to 3
    jitter: float = 0.2
    give_up_after: timedelta | None = None
    """How long to try; None tries a digest until the subscriber's next one is due."""
    reconnect_after: int = 60
    """Seconds until a letter is sent again whose connection broke."""

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) <= 0:
            raise ConfigurationError('delivery.retry_delays: must be seconds above 0, such as "300,1800,7200"')

    def expires_at(self, queued_at: datetime, next_issue_at: datetime | None) -> datetime:
        """Return when to give up a delivery."""
        if self.give_up_after:
            return queued_at + self.give_up_after
        # After an outage the next issue may be due in minutes: allow half a day in any case.
        return max(next_issue_at, queued_at + _MIN_GIVE_UP_AFTER) if next_issue_at else queued_at + _GIVE_UP_AFTER

    def delay(self, attempts: int, chance: Random) -> timedelta:
        """Return the delay after this many attempts (1 after the first)."""
        return self._spread(self.delays[min(attempts, len(self.delays)) - 1], chance)

    def reconnect_delay(self, chance: Random) -> timedelta:
        """Return the delay after a broken connection."""
        return self._spread(self.reconnect_after, chance)

    def _spread(self, seconds: float, chance: Random) -> timedelta:
        return timedelta(seconds=seconds * (1 + self.jitter * chance.random()))


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay accepted the letter."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Retry this letter at `at`; the attempt counts."""

    at: datetime
    reason: str
    ours: bool = False
    """Whether the reply blames this site's reputation, so that the operator has to act."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Retry this letter at `at`; the attempt does not count, because it never reached the subscriber's server."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Never send this letter again; `kind` says what that means for the subscriber's address."""

    reason: str
    kind: BounceKind
    status: str | None = None
    """The enhanced status code (RFC 3463)."""


@dataclass(frozen=True, slots=True)
class PauseTransport:
    """Send nothing until `until` and alert the operator; retry this letter at `again`, uncounted."""

    until: datetime
    alarm: str
    again: datetime
    if_others_pass: Requeue | Fail | None = None
    """What follows instead if the relay has accepted other letters since this one was last tried, because the refusal
    then concerns this letter alone. None: the transport pauses in any case.
    """


@dataclass(frozen=True, slots=True)
class Expire:
    """Give the letter up, because the next attempt would be too late."""

    reason: str


Step = Sent | Defer | Requeue | Fail | PauseTransport | Expire


_SENT = Sent()
_PAUSES = (Verdict.PAUSE_RATE, Verdict.PAUSE_ACCOUNT, Verdict.PAUSE_DAY)
_BY_DIGIT = (Verdict.HARD, Verdict.DOMAIN, Verdict.SOFT, Verdict.OURS)
_FINAL = 500
_REMEDY = {
    Verdict.OURS: "; correct what the reply names (`paperround doctor` checks the sender's domain), then run "
    "`paperround deliveries retry` with this letter's number"
}
"""What the operator can do about a letter that was refused because of its sender or content."""


def next_step(
    attempts: int,
    outcome: Outcome,
    now: datetime,
    policy: RetryPolicy,
    chance: Random,
    expires_at: datetime | None = None,
) -> Step:
    """Return what follows from this outcome of a delivery with this many counted attempts before it.

    Without `expires_at`, the letter is given up once the policy's delays are used up.
    """
    if outcome.accepted:  # a shortcut: nearly all outcomes are accepted
        return _SENT
    rule = judge(Refusal.of(outcome))
    reason = _reason(outcome, rule)
    if rule.verdict in _PAUSES:
        until = _pause_until(rule.verdict, now)
        # Before a mail transaction, nothing about a letter can be the cause.
        again = _behind_others(until, policy, chance) if outcome.stage in MAIL_TRANSACTION else until
        return PauseTransport(until, reason, again, _if_others_pass(outcome, rule, reason, again))
    if rule.verdict in _BY_DIGIT and (outcome.code or 0) >= _FINAL:
        status = BAD_DOMAIN if rule.verdict is Verdict.DOMAIN else outcome.enhanced
        return Fail(reason + _REMEDY.get(rule.verdict, ""), rule.verdict.kind, status)
    if rule.verdict is Verdict.AGAIN or outcome.code == SERVICE_ENDS:
        at = now + policy.reconnect_delay(chance)
        return Requeue(at, reason) if expires_at is None or at < expires_at else _too_late(reason)
    if expires_at is None and attempts >= len(policy.delays):
        return Expire(f"given up after {attempts + 1} attempts: {reason}")
    at = now + policy.delay(attempts + 1, chance)
    if expires_at and at >= expires_at:
        return _too_late(reason)
    return Defer(at, reason, ours=rule.verdict is Verdict.OURS and bool(rule.words))


def _if_others_pass(outcome: Outcome, rule: Rule, reason: str, again: datetime) -> Requeue | Fail | None:
    """Return what a refusal that would pause the transport means if it turns out to concern one letter."""
    if outcome.stage not in MAIL_TRANSACTION:
        return None
    # Words about the account or a limit mean just that, even if many letters were accepted before the limit. A bare
    # code may as well be about something in this letter.
    if rule.verdict is Verdict.PAUSE_ACCOUNT and not rule.words:
        return Fail(reason + _REMEDY[Verdict.OURS], BounceKind.POLICY)
    return Requeue(again, reason)


def pause_of_account(now: datetime, policy: RetryPolicy, chance: Random) -> tuple[datetime, datetime]:
    """Return until when to pause if the sender's account is refused, and when to retry the refused letters."""
    until = _pause_until(Verdict.PAUSE_ACCOUNT, now)
    return until, _behind_others(until, policy, chance)


def _behind_others(until: datetime, policy: RetryPolicy, chance: Random) -> datetime:
    return until + _BEHIND_OTHERS * (1 + policy.jitter * chance.random())


def _too_late(reason: str) -> Expire:
    return Expire(f"given up because the next attempt would come too late: {reason}")


def _pause_until(verdict: Verdict, now: datetime) -> datetime:
    if verdict is Verdict.PAUSE_RATE:
        return now + RATE_PAUSE
    if verdict is Verdict.PAUSE_ACCOUNT:
        return now + ACCOUNT_PAUSE
    tomorrow = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(tomorrow, now + _MIN_DAY_PAUSE)


def _reason(outcome: Outcome, rule: Rule) -> str:
    reply = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text or "no reply"
    return f"{outcome.stage.value}: {reply} ({rule.why})"
