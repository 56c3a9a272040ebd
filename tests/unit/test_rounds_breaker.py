from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Outcome, Stage
from paperround.rounds.breaker import SEVERAL, refused_by_account, refused_everywhere, wording
from paperround.store.deliveries import FailedAttempt

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def refused(row, subscriber, text="go away", code=550, enhanced=None, domain="mail.example", minutes=0):
    outcome = Outcome(row, Stage.RCPT, code, enhanced, text)
    return FailedAttempt(row, subscriber, f"s{subscriber}@{domain}", NOW - timedelta(minutes=minutes), outcome)


def test_the_same_refusal_of_three_subscribers_in_a_row_is_the_accounts():
    attempts = [refused(9, 3), refused(8, 2), refused(7, 1)]
    assert refused_by_account(attempts, 6) == attempts
    assert refused_by_account(attempts, 7) == []  # one was accepted in between
    assert refused_by_account(attempts[:2], 0) == []
    assert refused_by_account([refused(row, 1) for row in range(9, 0, -1)], 0) == []
    assert refused_by_account([], 0) == []


def test_another_refusal_in_between_ends_the_row():
    attempts = [refused(9, 3), refused(8, 2), refused(7, 4, "no such user"), refused(6, 1)]
    assert refused_by_account(attempts, 0) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<ada@mail.example>: user unknown", "<ben@post.example>: user unknown"),
        ("rejected, see https://help.example/a?id=77", "rejected, see https://help.example/a?id=78"),
        ("5.7.1 queue file 4XyZ9 refused", "5.7.1 queue file 7AbC2 refused"),
    ],
)
def test_what_differs_from_letter_to_letter_makes_no_other_refusal(one, other):
    assert wording(refused(1, 1, one).outcome) == wording(refused(2, 2, other).outcome)


def test_another_code_or_another_word_does():
    assert wording(refused(1, 1).outcome) != wording(refused(1, 1, code=554).outcome)
    assert wording(refused(1, 1, "user unknown").outcome) != wording(refused(1, 1, "mailbox full").outcome)


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
    found = refused_by_account(attempts, accepted)
    assert not found or len({one.subscriber for one in found}) >= SEVERAL
    assert all(one.row > accepted for one in found)
