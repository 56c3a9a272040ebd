from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Outcome, Stage
from paperround.domain.refusals import SEVERAL
from paperround.rounds.breaker import refused_by_account, refused_everywhere
from paperround.store.attempts import FailedAttempt, RecentAttempts

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def refused(row, subscriber, text="go away", code=550, enhanced=None, domain="mail.example", minutes=0):
    outcome = Outcome(row, Stage.RCPT, code, enhanced, text)
    return FailedAttempt(row, subscriber, f"s{subscriber}@{domain}", NOW - timedelta(minutes=minutes), outcome)


def test_the_same_refusal_of_three_subscribers_in_a_row_is_the_accounts():
    attempts = [refused(9, 3), refused(8, 2), refused(7, 1)]
    assert refused_by_account(RecentAttempts(attempts, 1, last_accepted=6)) == attempts
    assert refused_by_account(RecentAttempts(attempts, 1, last_accepted=7)) == []  # one was accepted in between
    assert refused_by_account(RecentAttempts(attempts[:2])) == []
    assert refused_by_account(RecentAttempts([refused(row, 1) for row in range(9, 0, -1)])) == []
    assert refused_by_account(RecentAttempts([])) == []


def test_another_refusal_in_between_ends_the_row():
    attempts = [refused(9, 3), refused(8, 2), refused(7, 4, "no such user"), refused(6, 1)]
    assert refused_by_account(RecentAttempts(attempts)) == []


@pytest.mark.parametrize(("before", "accepted", "needed"), [(1, 4_999, 3), (2, 98, 4), (20, 80, 9), (50, 50, 20)])
def test_the_more_often_a_reply_comes_between_accepted_letters_the_longer_its_series_has_to_be(
    before, accepted, needed
):
    earlier = [refused(-row, -row) for row in range(before)]
    series = [refused(row, row) for row in range(needed, 0, -1)]
    assert refused_by_account(RecentAttempts([*series, *earlier], accepted, last_accepted=0)) == series
    assert refused_by_account(RecentAttempts([*series[1:], *earlier], accepted, last_accepted=0)) == []
    others = [refused(-row, -row, "mailbox full") for row in range(before)]
    assert refused_by_account(RecentAttempts([*series[-3:], *others], accepted, last_accepted=0)) == series[-3:]


def test_without_an_accepted_letter_what_was_refused_before_is_no_comparison():
    series = [refused(9, 3), refused(8, 2), refused(7, 1)]
    other = refused(6, 4, "mailbox full")
    assert refused_by_account(RecentAttempts([*series, other, refused(5, 5)])) == series


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<ada@mail.example>: user unknown", "<ben@post.example>: user unknown"),
        ("rejected, see https://help.example/a?id=77", "rejected, see https://help.example/a?id=78"),
        ("5.7.1 queue file 4XyZ9 refused", "5.7.1 queue file 7AbC2 refused"),
    ],
)
def test_what_differs_from_letter_to_letter_makes_no_other_refusal(one, other):
    series = [refused(9, 3, one), refused(8, 2, other), refused(7, 1, one)]
    assert refused_by_account(RecentAttempts(series)) == series


def test_another_code_or_another_word_does():
    for last in (refused(7, 1, "user unknown", code=554), refused(7, 1, "mailbox full")):
        series = [refused(9, 3, "user unknown"), refused(8, 2, "user unknown"), last]
        assert refused_by_account(RecentAttempts(series)) == []


DOMAINS = ("mail.example", "post.example", "brief.example")


def test_policy_refusals_of_several_subscribers_and_domains_within_minutes_are_ours():
    ours = [
        refused(9 - place, place, f"5.7.1 reason {place}", enhanced="5.7.1", domain=domain)
        for place, domain in enumerate(DOMAINS)
    ]
    assert refused_everywhere(ours, NOW) == ours
    assert refused_everywhere(ours, NOW + timedelta(minutes=11)) == []
    assert refused_everywhere(ours[:2], NOW) == []
    assert refused_everywhere([refused(1, place, "5.7.1 x", enhanced="5.7.1") for place in range(9)], NOW) == []
    dead = [refused(1, place, "5.1.1 x", enhanced="5.1.1", domain=domain) for place, domain in enumerate(DOMAINS)]
    assert refused_everywhere(dead, NOW) == []


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["go away", "full", "unknown"])), max_size=12),
    st.integers(0, 12),
)
def test_whatever_comes_fewer_than_several_subscribers_never_pause_anything(met, accepted):
    attempts = [refused(len(met) - place, who, text) for place, (who, text) in enumerate(met)]
    found = refused_by_account(RecentAttempts(attempts, accepted, accepted))
    assert not found or len({one.subscriber for one in found}) >= SEVERAL
    assert all(one.row > accepted for one in found)
