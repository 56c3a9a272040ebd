"""The outcomes of letters, reported in groups because recording a group costs little more than recording one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from paperround.domain.models import Outcome

_GROUP_SECONDS = 0.05  # that an outcome waits to be reported together with others


class OutcomeBuffer:
    """Collects outcomes until a group is due.

    A group is due 50 ms after its first outcome, when it has three quarters of the letters that may be in doubt, and
    at once when a letter is refused, since that may pause everything. The other quarter is for the letters under way
    meanwhile: a session that draws a letter then need not wait until a group is recorded. Each outcome is reported
    once. If `report` fails, the outcomes are kept, no further group is due, and all are reported at the end by
    `flush(again=True)`.
    """

    def __init__(self, report: Callable[[Sequence[Outcome]], None], max_in_doubt: int) -> None:
        """`report` takes a group and returns once it is stored durably."""
        self._report, self._max_in_doubt = report, max_in_doubt
        self._outcomes: list[Outcome] = []
        self._first_at = 0.0
        self._failed = False

    def add(self, outcome: Outcome) -> bool:
        """Add an outcome. Returns whether the group has to be reported at once."""
        if not self._outcomes:
            self._first_at = time.monotonic()
        self._outcomes.append(outcome)
        return not outcome.accepted or 4 * len(self._outcomes) >= 3 * self._max_in_doubt

    @property
    def due_at(self) -> float:
        """When the group has to be reported, by the monotonic clock; infinity if there is nothing to report."""
        return self._first_at + _GROUP_SECONDS if self._outcomes and not self._failed else float("inf")

    def flush(self, *, again: bool = False) -> int:
        """Report the outcomes and return their number. Raises what `report` raises.

        If `report` has failed before, nothing is reported and 0 returned, except `again`.
        """
        if not self._outcomes or (self._failed and not again):
            return 0
        self._failed = True  # until `report` returns
        self._report(self._outcomes)
        self._failed = False
        number = len(self._outcomes)
        self._outcomes = []
        return number
