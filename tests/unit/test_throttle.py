"""A round gives way to visitors, and not for ever."""

from __future__ import annotations

import threading
import time

import pytest

from paperround.process import throttle as throttle_module
from paperround.process.throttle import Throttle


def test_nobody_waits_where_nobody_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "_LONGEST", 60)
    throttle = Throttle()
    with throttle.visitor(), throttle.visitor():
        pass
    throttle._resumed -= 100
    began = time.monotonic()
    throttle.give_way()
    assert time.monotonic() - began < 30


def test_a_round_waits_until_the_last_visitor_has_an_answer() -> None:
    throttle, waiting, goes_on = Throttle(), threading.Event(), threading.Event()

    def work() -> None:
        throttle._resumed -= 100  # it has worked for so long
        waiting.set()
        throttle.give_way()
        goes_on.set()

    with throttle.visitor():
        with throttle.visitor():
            thread = threading.Thread(target=work)
            thread.start()
            assert waiting.wait(5)
        assert not goes_on.wait(0.05)
    assert goes_on.wait(5)
    thread.join()


def test_with_a_visitor_always_there_it_waits_as_long_as_it_has_worked() -> None:
    throttle = Throttle()
    with throttle.visitor():
        for worked, least in ((0.05, 0.05), (100, 0.25)):
            throttle._resumed = time.monotonic() - worked
            began = time.monotonic()
            throttle.give_way()
            assert least <= time.monotonic() - began < least + 30
