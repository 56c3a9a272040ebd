"""The progress of the round in this process, for the admin overview."""

from __future__ import annotations

import threading
import time
from typing import Any

_IDLE_AFTER = 10.0  # seconds without a step, after which no round is considered to be running


class RoundProgress:
    """Records the current stage and its steps. Implements `Progress` of App; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what, self._done, self._moved = "", 0, 0.0
        self._total: int | None = None

    def begin(self, what: str, total: int | None) -> None:
        """Start a stage of `total` steps, or of an unknown number."""
        with self._lock:
            self._what, self._total, self._done, self._moved = what, total, 0, time.monotonic()

    def advance(self, steps: int) -> None:
        """Count completed steps."""
        with self._lock:
            self._done += steps
            self._moved = time.monotonic()

    def facts(self) -> dict[str, Any]:
        """Return the current stage as a sentence and as numbers."""
        with self._lock:
            done = self._total is not None and self._done >= self._total
            if not self._what or done or time.monotonic() - self._moved > _IDLE_AFTER:
                return {"message": "No round is running.", "stage": None, "done": 0, "total": None}
            of = f" of {self._total:,}" if self._total else ""
            message = f"{self._what.capitalize()}: {self._done:,}{of}"
            return {"message": message, "stage": self._what, "done": self._done, "total": self._total}
