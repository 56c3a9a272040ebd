"""How many connections a relay gets after what it did."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.delivery.connection_budget import ConnectionBudget
from paperround.delivery.smtp_session import WINDOW
from paperround.domain.models import Outcome, Stage

MAXIMUM = 4


def ended(code: int | None, connection: str = "relay#1", stage: Stage = Stage.MAIL) -> Outcome:
    return Outcome(1, stage, code, connection=connection)


def opened(budget: ConnectionBudget, connections: int) -> int:
    """Open as many as are allowed, and return how many are open then."""
    while budget.allows_another(connections):
        budget.opening()
        connections += 1
    return connections


def grown() -> ConnectionBudget:
    """Return a budget after enough accepted letters for all connections, and with all open."""
    budget = ConnectionBudget(MAXIMUM)
    for connections in range(MAXIMUM):
        opened(budget, connections)
        budget.accepted()
    return budget


def test_a_further_connection_is_opened_after_each_accepted_letter_up_to_the_maximum() -> None:
    budget, connections, seen = ConnectionBudget(MAXIMUM), 0, []
    for _ in range(6):
        connections = opened(budget, connections)
        seen.append(connections)
        budget.accepted()
    assert seen == [1, 2, 3, 4, 4, 4]


def test_a_closed_connection_may_be_replaced() -> None:
    budget = ConnectionBudget(MAXIMUM)
    assert opened(budget, 0) == 1
    budget.closed()
    assert opened(budget, 0) == 1


def test_a_relay_that_refuses_a_connection_gets_no_more_until_it_has_accepted_a_hundred_letters() -> None:
    budget = grown()
    budget.refused(2)
    for _ in range(100 - MAXIMUM - 1):
        budget.accepted()
    assert opened(budget, 2) == 2
    budget.accepted()
    assert opened(budget, 2) == 3


def test_a_relay_that_ends_a_connection_with_421_gets_one_fewer_and_at_least_one_after_a_pause() -> None:
    budget = grown()
    budget.closed()
    budget.not_accepted(ended(421), 3)
    assert opened(budget, 3) == 3
    assert budget.closed_until <= time.monotonic()
    budget.closed()
    budget.not_accepted(ended(421), 0)
    assert opened(budget, 0) == 1
    assert budget.closed_until > time.monotonic()


def test_after_the_only_connection_was_refused_one_is_opened_after_a_pause() -> None:
    budget = ConnectionBudget(MAXIMUM)
    assert opened(budget, 0) == 1
    budget.pause(60)
    assert opened(budget, 0) == 1
    assert budget.closed_until > time.monotonic() + 50


def test_another_relay_starts_with_one_connection_and_may_have_all() -> None:
    budget = ConnectionBudget(MAXIMUM)
    budget.opening()
    budget.refused(1)
    budget.start_over()
    assert opened(budget, 0) == 1
    for connections in range(1, MAXIMUM):
        budget.accepted()
        assert opened(budget, connections) == connections + 1


def test_a_connection_lost_with_a_letter_in_doubt_makes_the_relay_get_one_at_a_time() -> None:
    budget = grown()
    budget.not_accepted(ended(None, stage=Stage.DATA), 3)
    budget.not_accepted(ended(421, stage=Stage.FINAL), 3)
    assert budget.window == WINDOW
    budget.not_accepted(ended(None, stage=Stage.FINAL), 3)
    assert budget.window == 1


@pytest.mark.parametrize("code", [None, 421])
def test_connections_that_end_one_after_the_other_are_a_problem_of_the_relay(code: int | None) -> None:
    budget, seen = ConnectionBudget(2), []
    for number in range(7):
        for _letter in range(3):  # those that were on it
            budget.not_accepted(ended(code, f"relay#{number}"), 1)
        seen.append(budget.unstable)
    assert seen == [False] * 6 + [True]


@pytest.mark.parametrize("answer", [None, Outcome(1, Stage.RCPT, 550), Outcome(1, Stage.MAIL, 451)])
def test_an_answer_in_between_shows_that_the_relay_works(answer: Outcome | None) -> None:
    budget = ConnectionBudget(2)
    for number in range(12):
        if number == 6 and answer:
            budget.not_accepted(answer, 1)
        elif number == 6:
            budget.accepted()
        budget.not_accepted(ended(None, f"relay#{number}"), 1)
    assert not budget.unstable


@given(st.lists(st.sampled_from(["accepted", "ended", "refused", "rejected", "lost"]), max_size=300))
def test_there_are_never_more_than_configured_and_one_is_always_possible(events: list[str]) -> None:
    budget, connections = ConnectionBudget(MAXIMUM), 0
    for event in events:
        connections = opened(budget, connections)
        assert 1 <= connections <= MAXIMUM
        match event:
            case "accepted":
                budget.accepted()
            case "rejected":
                budget.not_accepted(Outcome(1, Stage.RCPT, 550), connections)
            case "refused" if connections > 1:
                connections -= 1
                budget.refused(connections)
            case "ended" | "lost":
                connections -= 1
                budget.closed()
                budget.not_accepted(ended(421 if event == "ended" else None), connections)
