"""Threads of a test that do something at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


def at_once(works: Sequence[Callable[[], object]]) -> None:
    """Run each in a thread of its own, all from the same moment on; what one raises comes out here."""
    start, errors = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
