"""Helper processes, which send letters beside this one when many wait.

Python runs one thread at a time, so only further processes can use further processor cores. Each is a sender with
its own claims and may die: what it had claimed is sent again when its lease ends. A helper runs helper_process.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from paperround.app import App
from paperround.delivery import SmtpTransport, Transport
from paperround.domain.clock import Clock
from paperround.process import logs
from paperround.process.threads import BackgroundThread
from paperround.rounds.sending import SendingResult, send_due
from paperround.settings import Settings

log = logs.logger()
LETTERS_EACH = 5_000
"""The least number of waiting letters per process. A helper needs a second to start and to render the first cards."""
_MOST_BY_DEFAULT = 4
_LOOKS_EVERY = 0.2  # seconds between looks at whether the program is stopping


@dataclass(frozen=True, slots=True)
class SendingTask:
    """What a helper needs to send letters of this site."""

    settings: Settings
    clock: Clock


def send_together(app: App) -> SendingResult:
    """Send due letters, with as many processes as are worthwhile, until none is left or the relay accepts no more.

    Raises StoreError if an outcome could not be recorded.
    """
    own, *others = _shares(app)
    with contextlib.ExitStack() as stops:
        helpers = []
        for transport in others:
            try:
                helpers.append(stops.enter_context(_Helper(app, transport)))
            except OSError as error:  # too little memory, for instance
                log.warning("no helper process can be started; sending without it", problem=str(error))
        sent = send_due(app, own)
        for helper in helpers:
            helper.wait()
    return sum([helper.sent for helper in helpers], sent)


def _shares(app: App) -> Sequence[Transport]:
    """Return a transport for each process that is worthwhile; the first is for this one."""
    transport, most = app.transport, app.settings.delivery.processes or _by_default(app.settings)
    # One process is enough for a limited rate.
    if not isinstance(transport, SmtpTransport) or transport.per_second or most == 1:
        return [transport]
    waiting = app.store.deliveries.due_count(app.clock(), most * LETTERS_EACH)
    return transport.divided(max(1, min(most, waiting // LETTERS_EACH)))


def _by_default(settings: Settings) -> int:
    """Return the setting's default: one core is left for pages, the database and a relay on the same machine.

    With a task queue it is 1, since its workers share the letters.
    """
    return 1 if settings.runner.kind != "local" else min(max(1, _cores() - 1), _MOST_BY_DEFAULT)


def _cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Helper:
    """A process that sends letters beside this one.

    It reads its task from stdin, which stays open: when it closes, because this process stops or dies, the helper
    finishes the letters under way and puts the others back. On stdout it reports JSON, one value per line: how many
    more letters are finished, and in the end what it has sent.
    """

    def __init__(self, app: App, transport: Transport) -> None:
        self._app, self.sent = app, SendingResult()
        self._task = SendingTask(app.settings.model_copy(update={"transport": transport}), app.clock)

    def __enter__(self) -> _Helper:
        command = [sys.executable, "-m", "paperround.rounds.helper_process"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._reader = BackgroundThread(self._read, "helper")
        self._reader.start()
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has died, as __exit__ reports
            pickle.dump(self._task, self._process.stdin)
            self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        """Make the helper finish the letters under way, and wait for its end."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join()
        if status := self._process.wait():
            what = "a helper process died; the letters that it had claimed are sent again when its lease ends"
            log.error(what, status=status)

    def wait(self) -> None:
        """Wait until the helper finds no more letters, or the program is stopping."""
        while not self._reader.ended and not self._app.stopping.is_set():
            self._reader.join(_LOOKS_EVERY)

    def _read(self) -> None:
        """Read the helper's reports until it ends."""
        assert self._process.stdout
        with self._process.stdout as reports:
            for line in reports:
                match json.loads(line):
                    case int(letters):
                        self._app.progress.advance(letters)
                    case [letters, paused]:
                        self.sent = SendingResult(Counter(letters), paused)
