"""Helper processes, which send letters beside this one when many wait, and while it composes others.

Python runs one thread at a time, so only further processes can use further processor cores. Each is a sender with
its own claims and may die: what it had claimed is sent again when its lease ends. A helper runs helper_process.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paperround.app import App
from paperround.delivery import Transport
from paperround.domain.clock import Clock
from paperround.process import logs
from paperround.process.threads import BackgroundThread
from paperround.rounds.sending import SendingResult, send_due
from paperround.settings import Settings

log = logs.logger()
MIN_LETTERS_PER_PROCESS = 5_000
"""The least number of waiting letters per process. A helper needs a second to start and to render the first cards."""
_MAX_BY_DEFAULT = 4
COMPLETE = b"."
"""Tells a helper that no more letters are being composed."""
_LENGTH = struct.Struct("!Q")
_POLL_SECONDS = 0.2  # seconds between looks at whether the program is stopping


@dataclass(frozen=True, slots=True)
class SendingTask:
    """What a helper needs to send letters of this site."""

    settings: Settings
    clock: Clock

    def packed(self) -> bytes:
        """Return the task as bytes, preceded by their number."""
        octets = pickle.dumps(self)
        return _LENGTH.pack(len(octets)) + octets

    @classmethod
    def read(cls, stream: int) -> SendingTask:
        """Read a packed task from a file descriptor, and nothing after it."""
        (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
        task: SendingTask = pickle.loads(_read_exactly(stream, length))  # noqa: S301 - written by our own program
        return task


def _read_exactly(stream: int, octets: int) -> bytes:
    """Read exactly `octets` bytes without buffering, so that nothing after them is consumed."""
    received = b""
    while len(received) < octets:
        if not (part := os.read(stream, octets - len(received))):
            raise EOFError("the program that started this helper has ended")
        received += part
    return received


class SendingProcesses:
    """The processes that send the letters of a round: this one and, if many letters wait, helpers.

    Helpers may begin while letters are still composed, see `letters_queued`. Use it as a context manager: at its end
    helpers finish the letters under way and put the others back.
    """

    def __init__(self, app: App) -> None:
        self._app, self._own = app, app.transport
        self._helpers: list[_Helper] = []
        self._started = False
        self._stops = contextlib.ExitStack()
        self._lock, self._complete, self._early = threading.Lock(), False, 0

    def __enter__(self) -> SendingProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.close()

    def letters_queued(self, letters: int, due: int) -> None:
        """Report that `letters` of `due` letters are queued. Starts helper processes once that pays off.

        They do not begin before the round is complete if summaries are written for its papers.
        """
        if (
            letters >= MIN_LETTERS_PER_PROCESS
            and not (self._started or self._app.settings.summaries)
            and _max_processes(self._app) > 1
        ):
            self._start(due)

    def send(self) -> SendingResult:
        """Send due letters until none is left or the relay accepts no more; no further letter is being composed.

        Raises StoreError if an outcome could not be recorded.
        """
        if not self._started and (processes := _max_processes(self._app)) > 1:
            self._start(self._app.store.deliveries.due_count(self._app.clock(), processes * MIN_LETTERS_PER_PROCESS))
        for helper in self._helpers:
            helper.end_when_done()
        self._report_early()
        sent = send_due(self._app, self._own)
        for helper in self._helpers:
            helper.wait()
        self._stops.close()  # what they sent is known when they have ended
        return sum([helper.sent for helper in self._helpers], sent)

    def _start(self, letters: int) -> None:
        """Start the helpers that are worthwhile for this number of letters."""
        self._started = True
        self._own, *others = _shares(self._app, letters)
        for transport in others:
            try:
                self._helpers.append(self._stops.enter_context(_Helper(self._app, transport, self._advance)))
            except OSError as error:  # too little memory, for instance
                log.warning("helper process cannot be started; sending without it", problem=str(error))

    def _advance(self, letters: int) -> None:
        """Report finished letters to the progress bar, but not before composing has finished."""
        with self._lock:
            if self._complete:
                self._app.progress.advance(letters)
            else:
                self._early += letters

    def _report_early(self) -> None:
        with self._lock:
            self._complete = True
            if self._early:
                self._app.progress.advance(self._early)


def _shares(app: App, letters: int) -> Sequence[Transport]:
    """Return a transport for each process that is worthwhile; the first is for this one."""
    return app.transport.divided(max(1, min(_max_processes(app), letters // MIN_LETTERS_PER_PROCESS)))


def _max_processes(app: App) -> int:
    """Return the most processes that may send."""
    return len(app.transport.divided(app.settings.delivery.processes or default_processes(app.settings, _cores())))


def default_processes(settings: Settings, cores: int) -> int:
    """Return the default of `delivery.processes`: one core is left for pages, the database and a relay beside them.

    With a task queue it is 1, since its workers share the letters.
    """
    return 1 if settings.runner.kind != "local" else min(max(1, cores - 1), _MAX_BY_DEFAULT)


def _cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Helper:
    """A process that sends letters beside this one.

    It reads its task from stdin, which stays open: a further byte says that no more letters are being composed, so
    that the helper ends when none is left. When stdin closes, because this process stops or dies, the helper
    finishes the letters under way and puts the others back. On stdout it reports JSON, one value per line: how many
    more letters are finished, and in the end what it has sent.
    """

    def __init__(self, app: App, transport: Transport, advance: Callable[[int], None]) -> None:
        self._app, self._advance, self.sent = app, advance, SendingResult()
        self._task = SendingTask(app.settings.model_copy(update={"transport": transport}), app.clock)

    def __enter__(self) -> _Helper:
        command = [sys.executable, "-m", "paperround.rounds.helper_process"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._reader = BackgroundThread(self._read, "helper")
        self._reader.start()
        self._tell(self._task.packed())
        return self

    def __exit__(self, *_: object) -> None:
        """Make the helper finish the letters under way, and wait for its end."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join()
        if status := self._process.wait():
            what = "a helper process died; the letters it had claimed are sent again when its lease ends"
            log.error(what, status=status)

    def end_when_done(self) -> None:
        """Make the helper end when no letter is left; until then it waits for further ones."""
        self._tell(COMPLETE)

    def _tell(self, octets: bytes) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has died, as __exit__ reports
            self._process.stdin.write(octets)
            self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until the helper finds no more letters, or the program is stopping."""
        while not self._reader.ended and not self._app.stopping.is_set():
            self._reader.join(_POLL_SECONDS)

    def _read(self) -> None:
        """Read the helper's reports until it ends."""
        assert self._process.stdout
        with self._process.stdout as reports:
            for line in reports:
                match json.loads(line):
                    case int(letters):
                        self._advance(letters)
                    case sent:
                        self.sent = SendingResult.unpacked(sent)
