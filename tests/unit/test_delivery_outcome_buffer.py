"""When outcomes are reported, and that each is reported once."""

from __future__ import annotations

import time

import pytest

from paperround.delivery.outcome_buffer import OutcomeBuffer
from paperround.domain.models import Outcome, Stage

NEVER = float("inf")


def accepted(number: int) -> Outcome:
    return Outcome(number, Stage.FINAL, 250)


def test_outcomes_are_reported_in_a_group_and_once() -> None:
    groups: list[list[Outcome]] = []
    buffer = OutcomeBuffer(lambda group: groups.append(list(group)), 100)
    assert [buffer.add(accepted(number)) for number in range(3)] == [False] * 3
    assert [buffer.flush(), buffer.flush()] == [3, 0]
    assert groups == [[accepted(0), accepted(1), accepted(2)]]


def test_a_group_is_due_soon_after_its_first_outcome_and_none_without_outcomes() -> None:
    buffer = OutcomeBuffer(lambda _group: None, 100)
    assert buffer.due_at == NEVER
    before = time.monotonic()
    buffer.add(accepted(0))
    due_at = buffer.due_at
    assert before < due_at < time.monotonic() + 0.1
    buffer.add(accepted(1))
    assert buffer.due_at == due_at
    buffer.flush()
    assert buffer.due_at == NEVER


@pytest.mark.parametrize(("max_in_doubt", "number"), [(1, 1), (2, 2), (3, 3), (4, 3), (100, 75)])
def test_three_quarters_of_the_letters_that_may_be_in_doubt_are_a_group(max_in_doubt: int, number: int) -> None:
    buffer = OutcomeBuffer(lambda _group: None, max_in_doubt)
    assert [buffer.add(accepted(each)) for each in range(number)] == [False] * (number - 1) + [True]


@pytest.mark.parametrize("code", [None, 421, 450, 550])
def test_a_refused_letter_is_reported_at_once(code: int | None) -> None:
    assert OutcomeBuffer(lambda _group: None, 100).add(Outcome(1, Stage.RCPT, code))


def test_what_could_not_be_recorded_is_reported_again_only_at_the_end() -> None:
    disk_is_full, groups = True, []

    def report(group) -> None:
        if disk_is_full:
            raise OSError("the disk is full")
        groups.append(list(group))

    buffer = OutcomeBuffer(report, 100)
    buffer.add(accepted(0))
    with pytest.raises(OSError, match="full"):
        buffer.flush()
    buffer.add(accepted(1))
    assert buffer.due_at == NEVER
    assert buffer.flush() == 0
    with pytest.raises(OSError, match="full"):
        buffer.flush(again=True)
    disk_is_full = False
    assert buffer.flush(again=True) == 2
    assert groups == [[accepted(0), accepted(1)]]
