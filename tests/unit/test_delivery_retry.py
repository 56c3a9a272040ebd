import time
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from types import NoneType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.retry import (
    Defer,
    Expire,
    Fail,
    PauseTransport,
    Requeue,
    RetryPolicy,
    Sent,
    next_step,
    pause_of_account,
)
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import BounceKind, Outcome, Stage
from paperround.domain.reply_codes import enhanced

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
POLICY = RetryPolicy()


def met(stage, code, text=""):
    enhanced = text.split(" ", 1)[0] if text[1:2] == "." else None
    return Outcome(1, Stage(stage), code, enhanced, text)


def test_a_letter_that_was_taken_is_sent():
    assert next_step(0, met("final", 250), NOW, POLICY, Random(1)) == Sent()


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        ("5.1.1 unknown", BounceKind.HARD, "5.1.1"),
        ("no such user", BounceKind.HARD, None),
        ("no such domain: host not found", BounceKind.HARD, "5.1.2"),
        ("5.2.2 full", BounceKind.SOFT, "5.2.2"),
        ("5.6.0 ill-formed", BounceKind.POLICY, "5.6.0"),
        ("5.7.1 not from you", BounceKind.POLICY, "5.7.1"),
    ],
)
def test_a_failure_says_whether_the_address_is_to_blame(text, kind, status):
    step = next_step(0, met("rcpt", 550, text), NOW, POLICY, Random(1))
    assert isinstance(step, Fail)
    assert (step.kind, step.status) == (kind, status)
    assert text in step.reason
    assert step.reason.startswith("rcpt: 550 ")


chances = st.integers(0, 2**32).map(Random)
policies = st.builds(
    RetryPolicy,
    delays=st.lists(st.integers(1, 20_000), min_size=1, max_size=6).map(tuple),
    jitter=st.floats(0, 1),
)


@given(st.integers(0, 50), policies, chances)
def test_a_later_attempt_keeps_its_gap_and_spreads_upwards_only(attempts, policy, chance):
    expires = NOW + timedelta(days=365)
    step = next_step(attempts, met("rcpt", 451, "4.7.1 greylisted"), NOW, policy, chance, expires)
    assert isinstance(step, Defer)
    least = policy.delays[min(attempts, len(policy.delays) - 1)]
    assert least <= (step.at - NOW).total_seconds() <= least * (1 + policy.jitter) + 1e-5


@given(st.integers(0, 50), policies, chances, st.integers(1, 100_000))
def test_nothing_is_tried_after_the_letter_has_expired(attempts, policy, chance, seconds):
    expires = NOW + timedelta(seconds=seconds)
    for said in (met("rcpt", 451), met("connect", None)):
        match next_step(attempts, said, NOW, policy, chance, expires):
            case Defer(at=at) | Requeue(at=at):
                assert NOW < at < expires
            case step:
                assert isinstance(step, Expire)
                assert "given up" in step.reason


def test_without_an_end_a_letter_is_given_up_with_the_last_delay():
    policy = RetryPolicy(delays=(10, 20))
    steps = [next_step(attempts, met("rcpt", 451), NOW, policy, Random(1)) for attempts in range(3)]
    assert [type(step) for step in steps] == [Defer, Defer, Expire]
    assert "3 attempts" in steps[2].reason


@given(st.integers(0, 50), chances)
def test_a_broken_connection_is_not_counted_and_comes_again_in_a_minute_or_so(attempts, chance):
    step = next_step(attempts, met("mail", None, "connection lost"), NOW, POLICY, chance)
    assert isinstance(step, Requeue)
    assert timedelta(seconds=60) <= step.at - NOW <= timedelta(seconds=72)
    assert "connection lost" in step.reason


@pytest.mark.parametrize(
    ("said", "now", "until"),
    [
        (met("rcpt", 421, "4.7.28 slow"), NOW, NOW + timedelta(minutes=10)),
        (met("mail", 550, "5.7.1 no"), NOW, NOW + timedelta(minutes=15)),
        (met("final", 550, "5.4.5 cap"), NOW, datetime(2026, 11, 24, tzinfo=UTC)),
        (
            met("final", 550, "5.4.5 cap"),
            datetime(2026, 11, 23, 23, 50, tzinfo=UTC),
            datetime(2026, 11, 24, 0, 50, tzinfo=UTC),
        ),
        (
            met("final", 550, "5.4.5 cap"),
            datetime(2026, 11, 24, 5, 30, 31, 32, tzinfo=timezone(timedelta(hours=9))),
            datetime(2026, 11, 24, tzinfo=UTC),
        ),
    ],
)
def test_what_is_the_accounts_fault_pauses_the_transport_and_touches_no_subscriber(said, now, until):
    step = next_step(3, said, now, POLICY, Random(1), now + timedelta(days=2))
    assert isinstance(step, PauseTransport)
    assert step.until == until
    assert said.text in step.alarm
    # The letter that met it comes after the others, lest one letter stop them all time and again.
    assert step.again == until + timedelta(minutes=30) * (1 + POLICY.jitter * Random(1).random())


@pytest.mark.parametrize("stage", ["connect", "tls", "auth"])
def test_a_letter_goes_when_the_pause_ends_if_it_cannot_have_caused_it(stage):
    step = next_step(0, met(stage, 554, "5.7.0 no"), NOW, POLICY, Random(1))
    assert isinstance(step, PauseTransport)
    assert step.again == step.until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (met("mail", 550, "5.7.1 not you"), Fail),
        (met("rcpt", 553, "5.1.8 not you"), Fail),
        (met("final", 550, "300 emails per hour are enough"), Requeue),
        (met("auth", 535, "5.7.8 wrong password"), NoneType),
        (met("auth", 535, "you may send 90 messages per hour"), NoneType),
        (met("final", 550, "5.4.5 the limit of the day"), Requeue),
        (met("final", 550, "4.7.28 slow down"), Requeue),
    ],
)
def test_a_refusal_that_may_concern_one_letter_says_what_follows_if_others_are_accepted(said, instead):
    step = next_step(0, said, NOW, POLICY, Random(1))
    assert isinstance(step, PauseTransport)
    assert type(step.if_others_pass) is instead
    match step.if_others_pass:
        case Fail(reason, kind):
            assert kind is BounceKind.POLICY
            assert reason.startswith(f"{step.alarm}; correct what the reply names")
            assert "`paperround deliveries retry` with this letter's number" in reason
        case Requeue(at, reason):
            assert (at, reason) == (step.again, step.alarm)


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        (met("rcpt", 450, "4.7.1 greylisted"), False),
        (met("rcpt", 450, "4.7.1 your IP address is on a blocklist"), True),
        (met("rcpt", 450, "4.1.1 user unknown just now"), False),
    ],
)
def test_a_temporary_refusal_is_tried_again_and_an_alarm_where_it_names_our_reputation(said, ours):
    step = next_step(0, said, NOW, POLICY, Random(1))
    assert isinstance(step, Defer)
    assert step.ours is ours


@pytest.mark.parametrize("text", ["4.7.0 [TSS04] put off for complaints", "4.3.2 shutting down"])
def test_a_relay_that_ends_the_connection_costs_a_letter_no_attempt(text):
    assert isinstance(next_step(0, met("rcpt", 421, text), NOW, POLICY, Random(1)), Requeue)


def test_a_pause_for_the_account_ends_before_the_refused_letters_go_again():
    until, again = pause_of_account(NOW, POLICY, Random(1))
    assert until == NOW + timedelta(minutes=15)
    assert again == until + timedelta(minutes=30) * (1 + POLICY.jitter * Random(1).random())


def test_a_day_ends_at_midnight_utc_wherever_the_machine_stands(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        step = next_step(0, met("final", 550, "5.4.5 cap"), NOW, POLICY, Random(1))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert step.until == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(1, Stage.FINAL, None), "final: no reply ("),
        (Outcome(1, Stage.DATA, None, text="connection lost"), "data: connection lost ("),
        (Outcome(1, Stage.RCPT, 451, None, ""), "rcpt: 451 ("),
        (Outcome(1, Stage.RCPT, 500, None, "5.1.1 nobody"), "rcpt: 500 5.1.1 nobody ("),
    ],
)
def test_a_reason_says_where_it_was_said_and_what(outcome, reason):
    assert next_step(0, outcome, NOW, POLICY, Random(1)).reason.startswith(reason)


def test_the_lowest_code_of_a_final_refusal_is_final_too():
    assert isinstance(next_step(0, met("rcpt", 500, "5.1.1 nobody"), NOW, POLICY, Random(1)), Fail)


def test_a_broken_connection_right_before_the_end_gives_the_letter_up_and_says_why():
    lost = Outcome(1, Stage.DATA, None, text="connection lost")
    step = next_step(0, lost, NOW, POLICY, Random(1), NOW + timedelta(seconds=5))
    assert isinstance(step, Expire)
    assert step.reason.startswith("given up because the next attempt would come too late: data: connection lost")


codes = st.none() | st.integers(200, 599)
enhanced_codes = st.none() | st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True)


@given(st.sampled_from(Stage), codes, enhanced_codes, st.text(max_size=40), st.integers(0, 9), chances)
def test_every_outcome_has_one_verdict_and_only_a_taken_letter_is_sent(stage, code, said, text, attempts, chance):
    outcome = Outcome(1, stage, code, said, text)
    step = next_step(attempts, outcome, NOW, POLICY, chance, NOW + timedelta(days=1))
    assert isinstance(step, Sent) == outcome.accepted
    if isinstance(step, Fail):
        assert code is not None
        assert code >= 500


def test_giving_up_defaults_to_the_next_issue():
    tomorrow = NOW + timedelta(days=1)
    assert RetryPolicy().expires_at(NOW, tomorrow) == tomorrow
    assert RetryPolicy().expires_at(NOW, None) == NOW + timedelta(days=4)
    assert RetryPolicy().expires_at(NOW, NOW + timedelta(hours=2)) == NOW + timedelta(hours=12)
    assert RetryPolicy(give_up_after=timedelta(hours=5)).expires_at(NOW, tomorrow) == NOW + timedelta(hours=5)


@pytest.mark.parametrize("delays", [(), (300, 0), (-5,)])
def test_delays_that_make_no_sense_are_refused(delays):
    expected = 'delivery.retry_delays: must be seconds above 0, such as "300,1800,7200"'
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(delays=delays)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 nobody", "5.1.1"),
        ("4.7.28", "4.7.28"),
        ("5.1.10.", "5.1.10"),
        ("nobody (5.1.1)", None),
        ("5.1.1.1 is no code", None),
        ("5.1.1000 neither", None),
        ("3.1.1 nor this", None),
        ("", None),
    ],
)
def test_an_enhanced_code_stands_at_the_beginning_of_a_reply(text, code):
    assert enhanced(text) == code
