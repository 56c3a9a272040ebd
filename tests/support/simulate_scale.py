"""A day of a large site, minute by minute: how late the letters are, and what it takes. Inputs are measured costs.

    python tests/support/simulate_scale.py --subscribers 10000000 --workers 16 --relay 4000

docs/scale.md says where each cost was measured. It assumes what is usual: half of the subscribers live in three time
zones, and two thirds of them chose one of four full hours.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from dataclasses import dataclass

MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of one processor for a subscriber, and bytes for a letter, on PostgreSQL."""

    publish_worker: float = 0.16
    publish_database: float = 0.09
    deliver_worker: float = 0.75
    deliver_database: float = 0.6
    letter_bytes: int = 1_700
    """Letter, attempts and digest: what retention forgets."""
    kept_bytes: int = 1_230
    """Which papers it had: kept for good."""


@dataclass(frozen=True, slots=True)
class Site:
    """How many there are of what."""

    subscribers: int
    workers: int
    """Processor cores that run workers."""
    database: int
    """Processor cores of the database."""
    relay: float
    """Letters a second that all relays take together."""


def due_by_minute(subscribers: int) -> list[float]:
    """How many subscribers are due in each minute of a day (UTC)."""
    zones = {
        0: 0.05,
        1: 0.17,
        5.5: 0.12,
        8: 0.17,
        9: 0.05,
        16: 0.17,
        17: 0.05,
        18: 0.05,
        19: 0.17,
    }  # hours before UTC
    hours = {6: 0.14, 7: 0.28, 8: 0.18, 9: 0.07}
    due = [subscribers * (1 - sum(hours.values())) / MINUTES] * MINUTES
    for offset, share in zones.items():
        for hour, chosen in hours.items():
            due[int((hour - offset) * 60) % MINUTES] += subscribers * share * chosen
    return due


def lateness(site: Site, costs: Costs) -> tuple[float, float]:
    """Minutes after their time until 99 of 100 letters are out, and until the last one is."""
    worker = site.workers * 60_000 / (costs.publish_worker + costs.deliver_worker)
    database = site.database * 60_000 / (costs.publish_database + costs.deliver_database)
    a_minute = min(worker, database, site.relay * 60)
    waiting: deque[list[float]] = deque()
    late: list[tuple[int, float]] = []
    due = due_by_minute(site.subscribers)
    for minute in range(2 * MINUTES):  # the second day begins with what the first one left
        waiting.append([minute, due[minute % MINUTES]])
        room = a_minute
        while waiting and room > 0:
            taken = min(room, waiting[0][1])
            late.append((minute - int(waiting[0][0]), taken))
            waiting[0][1] -= taken
            room -= taken
            if waiting[0][1] <= 0:
                waiting.popleft()
    late += [(2 * MINUTES - int(minute), left) for minute, left in waiting]
    late.sort()
    total, so_far = sum(number for _, number in late), 0.0
    for minutes, number in late:
        so_far += number
        if so_far >= 0.99 * total:
            return minutes, late[-1][0]
    return late[-1]


def bytes_after(days: int, subscribers: int, costs: Costs, kept_days: int) -> float:
    """Bytes of the letters' tables after so many days, with retention of letters."""
    return subscribers * (min(days, kept_days) * costs.letter_bytes + days * costs.kept_bytes)


def main() -> None:
    """Print what the day is like."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--subscribers", type=int, default=10_000_000)
    options.add_argument("--workers", type=int, default=16, help="cores that run workers")
    options.add_argument("--database", type=int, default=8, help="cores of the database")
    options.add_argument("--relay", type=float, default=4_000, help="letters a second that all relays take")
    options.add_argument("--kept-days", type=int, default=60, help="retention.letters_days")
    given, costs = options.parse_args(), Costs()
    site = Site(given.subscribers, given.workers, given.database, given.relay)
    most, last = lateness(site, costs)
    size = bytes_after(365, given.subscribers, costs, given.kept_days) / 1e12
    peak = max(due_by_minute(given.subscribers))
    sys.stdout.write(f"{given.subscribers:,} subscribers, at most {peak:,.0f} due in one minute\n")
    sys.stdout.write(f"99 of 100 letters are out {most} minutes after their time, the last {last} minutes after it\n")
    sys.stdout.write(f"after a year the letters' tables have {size:.2f} TB\n")


if __name__ == "__main__":
    main()
