"""Outcomes that come together are made durable together, and none is reported durable before it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from paperround.domain.models import Outcome, Stage
from paperround.rounds.dispatch import GroupCommit


def outcome(number: int) -> Outcome:
    return Outcome(number, Stage.FINAL, 250)


def test_every_outcome_is_kept_before_its_caller_goes_on() -> None:
    kept: list[int] = []
    groups: list[int] = []
    early: list[int] = []

    def commit(outcomes: Sequence[Outcome]) -> None:
        groups.append(len(outcomes))
        kept.extend(one.delivery for one in outcomes)

    record = GroupCommit(commit)

    def connection(first: int) -> None:
        for number in range(first, first + 50):
            record(outcome(number))
            if number not in kept:
                early.append(number)

    threads = [threading.Thread(target=connection, args=(start * 50,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept) == list(range(400))
    assert not early
    assert sum(groups) == 400


def test_callers_that_wait_share_one_transaction() -> None:
    entered, go_on = threading.Event(), threading.Event()
    groups: list[int] = []

    def commit(outcomes: Sequence[Outcome]) -> None:
        groups.append(len(outcomes))
        entered.set()
        assert go_on.wait(5)

    record = GroupCommit(commit)
    threads = [threading.Thread(target=record, args=(outcome(0),))]
    threads[0].start()
    assert entered.wait(5)
    threads += [threading.Thread(target=record, args=(outcome(number),)) for number in range(1, 5)]
    for thread in threads[1:]:
        thread.start()
    while record.waiting < 4:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert groups == [1, 4]


def test_an_outcome_that_cannot_be_kept_stops_every_connection() -> None:
    def commit(outcomes: Sequence[Outcome]) -> None:
        raise OSError("disk full")

    record = GroupCommit(commit)
    for number in range(2):
        with pytest.raises(OSError, match="disk full"):
            record(outcome(number))
