"""A write that joins the first transaction of a change that somebody makes: its audit entry.

It is found by a context variable, because who makes a change is known to the page, API call or command, and the
transaction is opened by a method of the store several calls below. As an argument, an audit entry would pass through
every function between and most methods that write, which serve subscribers and the scheduler too. Requests at the
same time have a context each, and the thread that works for a request gets a copy of its context, with the same
object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection


class PendingWrite:
    """A write that waits for a transaction to join."""

    def __init__(self, write: Callable[[Connection], None]) -> None:
        self._write = write
        self.is_committed = False

    def join(self, connection: Connection) -> None:
        """Write at the end of a transaction, unless another transaction was committed with it."""
        if not self.is_committed:
            self._write(connection)


_PENDING: ContextVar[PendingWrite | None] = ContextVar("pending write", default=None)


def current() -> PendingWrite | None:
    """Return the pending write of this request, command or task; None without one."""
    return _PENDING.get()


@contextmanager
def attached(write: Callable[[Connection], None]) -> Iterator[PendingWrite]:
    """Add a write to the first transaction that is committed in the block, so that a crash leaves both or neither."""
    pending = PendingWrite(write)
    mark = _PENDING.set(pending)
    try:
        yield pending
    finally:
        _PENDING.reset(mark)
