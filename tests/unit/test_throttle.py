"""A round gives way to visitors, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from paperround.process.throttle import Throttle


def working(*seconds: float) -> Callable[[], float]:
    """A clock by which each piece of work takes so long, and waiting takes no time."""
    passed = [0.0]
    for each in seconds:
        passed += [passed[-1] + each] * 2
    return iter(passed).__next__


def test_nobody_waits_where_nobody_is_answered() -> None:
    throttle = Throttle(longest=60, monotonic=working(100))
    with throttle.count_request(), throttle.count_request():
        pass
    began = time.monotonic()
    throttle.yield_to_requests()
    assert time.monotonic() - began < 30


def test_a_round_waits_until_the_last_visitor_has_an_answer() -> None:
    throttle, waiting, goes_on = Throttle(monotonic=working(100)), threading.Event(), threading.Event()

    def work() -> None:
        waiting.set()
        throttle.yield_to_requests()
        goes_on.set()

    with throttle.count_request():
        with throttle.count_request():
            thread = threading.Thread(target=work)
            thread.start()
            assert waiting.wait(5)
        assert not goes_on.wait(0.05)
    assert goes_on.wait(5)
    thread.join()


def test_with_a_visitor_always_there_it_waits_as_long_as_it_has_worked() -> None:
    throttle = Throttle(monotonic=working(0.05, 100))
    with throttle.count_request():
        for least in (0.05, 0.25):
            began = time.monotonic()
            throttle.yield_to_requests()
            assert least <= time.monotonic() - began < least + 30
