"""The program of a helper process, see helpers.py: `python -m paperround.rounds.helper_process`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from functools import partial
from typing import TextIO

from paperround.process import garbage

with garbage.seldom_collected():
    from paperround.app import App, NoProgress, open_store
    from paperround.process import logs
    from paperround.rounds.helpers import COMPLETE, SendingTask
    from paperround.rounds.sending import SendingResult, send_due

_POLL_SECONDS = 0.2  # seconds between looks for letters, while some are still composed
_NICE = 5  # lower priority than the process that answers pages


class _Reporter(NoProgress):
    """Reports the progress to the process that started this helper."""

    def __init__(self, reports: TextIO) -> None:
        self._reports = reports

    def advance(self, steps: int) -> None:
        """Report that this many more letters are finished."""
        self.report(steps)

    def report(self, value: object) -> None:
        """Write one line."""
        with contextlib.suppress(BrokenPipeError):  # that process has died; outcomes are recorded anyway
            self._reports.write(json.dumps(value) + "\n")
            self._reports.flush()


def main() -> None:
    """Send letters as the task on stdin says."""
    # Ctrl+C reaches all processes of a terminal. The one that started this helper then closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    reporter, sys.stdout = _Reporter(sys.stdout), sys.stderr  # nothing else may write between the reports
    logs.show(verbose=False)
    task = SendingTask.read(sys.stdin.fileno())
    store = open_store(task.settings.database_url, task.settings.webhooks_by_event)
    app = App(task.settings, store, task.clock)
    app.progress = reporter
    signal.signal(signal.SIGTERM, lambda *_: app.stopping.set())
    complete = threading.Event()
    threading.Thread(target=partial(_listen, app, complete), daemon=True).start()
    try:
        sent = _send(app, complete)
    finally:
        app.close()
    reporter.report(sent.packed())


def _send(app: App, complete: threading.Event) -> SendingResult:
    """Send due letters until none is left and the round is complete, or the relay accepts no more."""
    sent, last = SendingResult(), False
    while not (last or sent.paused or app.stopping.is_set()):
        last = complete.is_set()  # before sending: letters may be composed after the last look
        sent += send_due(app, app.transport)
        if not last:
            complete.wait(_POLL_SECONDS)
    return sent


def _listen(app: App, complete: threading.Event) -> None:
    """Read from stdin that the round is complete, and by its end that this process is to stop."""
    # A buffered read could not be interrupted at the end of the program.
    while os.read(sys.stdin.fileno(), 1) == COMPLETE:
        complete.set()
    app.stopping.set()
    complete.set()


if __name__ == "__main__":
    main()
