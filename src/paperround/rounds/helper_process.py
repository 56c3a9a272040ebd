"""The program of a helper process, see helpers.py: `python -m paperround.rounds.helper_process`."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import sys
import threading
from functools import partial
from typing import TextIO

from paperround.process import garbage

with garbage.seldom_collected():
    from paperround.app import App, NoProgress, open_store
    from paperround.process import logs
    from paperround.rounds.helpers import SendingTask
    from paperround.rounds.sending import send_due

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
    task: SendingTask = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
    store = open_store(task.settings.database_url, task.settings.webhooks_by_event)
    app = App(task.settings, store, task.clock)
    app.progress = reporter
    signal.signal(signal.SIGTERM, lambda *_: app.stopping.set())
    threading.Thread(target=partial(_stop_after_stdin, app), daemon=True).start()
    try:
        sent = send_due(app, app.transport)
    finally:
        app.close()
    reporter.report([sent.letters, sent.paused])


def _stop_after_stdin(app: App) -> None:
    os.read(sys.stdin.fileno(), 1)  # a buffered read could not be interrupted at the end of the program
    app.stopping.set()


if __name__ == "__main__":
    main()
