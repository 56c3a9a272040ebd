"""How far the round in this process is, for whoever watches it in the browser."""

from __future__ import annotations

import threading
import time
from typing import Any

_IDLE_AFTER = 10.0  # seconds without a step: whatever ran has ended, or waits for somebody else


class RoundProgress:
    """Remembers the stage and its steps; an App's `progress`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what, self._done, self._moved = "", 0, 0.0
        self._total: int | None = None

    def begin(self, what: str, total: int | None) -> None:
        """A stage begins."""
        with self._lock:
            self._what, self._total, self._done, self._moved = what, total, 0, time.monotonic()

    def advance(self, steps: int) -> None:
        """So many steps are done."""
        with self._lock:
            self._done += steps
            self._moved = time.monotonic()

    def facts(self) -> dict[str, Any]:
        """The stage in words and numbers."""
        with self._lock:
            done = self._total is not None and self._done >= self._total
            if not self._what or done or time.monotonic() - self._moved > _IDLE_AFTER:
                return {"told": "No round is running.", "stage": None, "done": 0, "total": None}
            of = f" of {self._total:,}" if self._total else ""
            told = f"{self._what.capitalize()}: {self._done:,}{of}"
            return {"told": told, "stage": self._what, "done": self._done, "total": self._total}
