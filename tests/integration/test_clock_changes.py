"""Subscribers with an hour of their own in zones whose clocks change: one letter a day, at their hour, never two."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from paperround.rounds.scheduler import Scheduler
from support.papers import listing
from support.site import Clock, Site

DAY, TICK = timedelta(days=1), timedelta(minutes=30)
_HOURS = ("00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00", "03:30", "07:00", "23:30")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "change", "moved"),
    [
        # What is due in the skipped time comes as late as the clocks have been put forward.
        ("Europe/Berlin", date(2026, 3, 29), {"02:00": "03:00", "02:30": "03:30"}),
        ("Europe/Berlin", date(2026, 10, 25), {}),
        ("America/New_York", date(2026, 3, 8), {"02:00": "03:00", "02:30": "03:30"}),
        ("America/New_York", date(2026, 11, 1), {}),
        ("Australia/Lord_Howe", date(2026, 10, 4), {"02:00": "02:30"}),
        ("Australia/Lord_Howe", date(2026, 4, 5), {}),
        ("America/Santiago", date(2026, 9, 6), {"00:00": "01:00", "00:30": "01:30"}),
        ("Africa/Cairo", date(2026, 10, 30), {}),
    ],
)
def test_everybody_gets_one_letter_a_day_at_their_hour_when_clocks_change(
    tmp_path: Path, zone: str, change: date, moved: dict[str, str]
) -> None:
    """The service's own jobs run every half an hour from the day before a change until the day after it."""
    start = datetime.combine(change - DAY, time(), ZoneInfo(zone)).astimezone(UTC)
    end = datetime.combine(change + 2 * DAY, time(), ZoneInfo(zone)).astimezone(UTC)
    site = Site(tmp_path, clock=Clock(start - TICK))
    site.topic("robots")
    for at in _HOURS:
        site.subscriber(f"{at.replace(':', '')}@x.example", "robots", at=at, timezone=zone)
    scheduler, numbers = Scheduler(site.app), count(1)
    arrived: dict[str, list[datetime]] = {}
    for tick in range((end - start) // TICK):
        site.clock.now = start + tick * TICK
        if tick % 12 == 0:
            site.papers(listing(next(numbers), day=site.clock.now.date()))
        seen = len(site.relay.accepted)
        for job in ("round", "sweep"):
            scheduler.run(job)
        for letter in site.relay.accepted[seen:]:
            arrived.setdefault(letter.recipient, []).append(site.clock.now)
    site.app.close()
    days = [change + n * DAY for n in range(-1, 2)]
    for at in _HOURS:
        times = [moment.astimezone(ZoneInfo(zone)) for moment in arrived[f"{at.replace(':', '')}@x.example"]]
        shown = [f"{moment:%Y-%m-%d %H:%M}" for moment in times]
        assert shown == [f"{day} {moved.get(at, at) if day == change else at}" for day in days], at
        assert not any(moment.fold for moment in times), "a time that comes twice is the first of both"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "change"), [("Europe/Berlin", date(2026, 10, 25)), ("Europe/Berlin", date(2026, 3, 29))]
)
def test_a_service_that_stood_still_while_clocks_changed_sends_one_letter(
    tmp_path: Path, zone: str, change: date
) -> None:
    """The program is down over the change; and a subscriber moves their hour within the repeated or skipped hour."""
    before = datetime.combine(change, time(1, 30), ZoneInfo(zone)).astimezone(UTC)
    site = Site(tmp_path, clock=Clock(before - DAY))
    site.topic("robots")
    for name in ("down", "mover"):
        site.subscriber(f"{name}@x.example", "robots", at="02:30", timezone=zone)
    scheduler = Scheduler(site.app)
    site.papers(listing(1))
    site.clock.now = before - DAY + timedelta(hours=1)
    scheduler.run("round")
    assert len(site.relay.accepted) == 2
    site.clock.now = before + timedelta(hours=1)  # 02:30, or 03:30 where it is skipped
    site.papers(listing(2))
    scheduler.run("round")
    assert len(site.relay.accepted) == 4
    site.subscriber("mover@x.example", "robots", at="02:45", timezone=zone)
    for number in range(3, 12):
        site.clock.now += TICK
        site.papers(listing(number))
        scheduler.run("round")
    assert len(site.relay.accepted) == 4
    site.clock.now = before + timedelta(hours=30)
    scheduler.run("round")
    assert len(site.relay.accepted) == 6
    site.app.close()
