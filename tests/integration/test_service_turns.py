"""How often a service is asked holds for all programs on one database, and across restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from paperround.app import open_store
from paperround.domain.errors import SourceError
from paperround.network.http import ARXIV, Pace, RateLimiter
from paperround.store import Store
from support.answers import World, at

NOW = at("2026-11-23T06:00")
QUICK = Pace("quick.example", seconds=0.5)


class Program:
    """One program on the database; all of them share the world's time."""

    def __init__(self, store: Store, world: World, sleep: Callable[[float], None] | None = None) -> None:
        def wall() -> datetime:
            return NOW + timedelta(seconds=world.passed)

        self.world, self.slept = world, list[float]()
        turns = store.service_turns
        self.limiter = RateLimiter(
            monotonic=lambda: world.passed, sleep=sleep or self._sleep, shared=turns, wall=wall
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.world.passed += seconds

    def ask(self, pace: Pace, takes: float = 0.0) -> float:
        """Ask once; when that began."""
        with self.limiter.turn(pace, "arxiv"):
            began = self.world.passed
            self.world.passed += takes
        return began


@pytest.fixture
def store(database_url: str):
    store = open_store(database_url)
    store.prepare()
    yield store
    store.close()


def test_two_programs_keep_one_pace(store: Store) -> None:
    world = World(NOW)
    first, second = Program(store, world), Program(store, world)
    began = [first.ask(ARXIV, 1.0), second.ask(ARXIV, 1.0), first.ask(ARXIV), first.ask(QUICK)]
    assert began == [0.0, 4.0, 8.0, 8.0]


def test_a_retry_after_outlives_a_restart(store: Store) -> None:
    world = World(NOW)
    Program(store, world).limiter.back_off(ARXIV, 100)
    restarted = Program(store, world)
    assert restarted.ask(ARXIV) == 100
    restarted.limiter.back_off(ARXIV, 10**9)
    with pytest.raises(SourceError, match=r"arxiv\.org asks for no requests for 1440 minutes"):
        Program(store, world).ask(ARXIV)


def test_a_turn_that_was_never_given_back_ends(store: Store) -> None:
    world = World(NOW)
    killed = Program(store, world)
    turn = killed.limiter.turn(ARXIV, "arxiv")
    turn.__enter__()  # and then it was killed
    assert Program(store, world).ask(ARXIV) == 120
    del turn


def test_a_turn_of_a_clock_that_ran_ahead_is_nobodys(store: Store) -> None:
    store.service_turns.postpone("arxiv.org", NOW + timedelta(days=400))
    assert Program(store, World(NOW)).ask(ARXIV) == 0


def test_somebody_who_never_gives_way_is_not_waited_for_for_ever(store: Store) -> None:
    world = World(NOW)

    def taken_again(seconds: float) -> None:
        world.passed += seconds
        store.service_turns.release("arxiv.org", NOW + timedelta(seconds=world.passed + 60))

    patient = Program(store, world, taken_again)
    store.service_turns.postpone("arxiv.org", NOW + timedelta(seconds=60))
    with pytest.raises(SourceError, match="asks for no requests"):
        patient.ask(ARXIV)
