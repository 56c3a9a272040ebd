"""A cron schedule in a time zone: once a day at its local time, also when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from paperround.domain.schedule import Schedule, due_at
from paperround.rounds.local_cron import LocalCronTrigger

CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # clocks change by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Santiago", date(2026, 9, 6)),  # midnight is skipped
    ("Africa/Cairo", date(2026, 10, 30)),  # the hour before midnight comes twice
    ("Pacific/Apia", date(2011, 12, 30)),  # a whole day is skipped
    ("UTC", date(2026, 3, 29)),
]


def fired(trigger: LocalCronTrigger, start: datetime, end: datetime) -> list[datetime]:
    """When the scheduler would run the job: it asks for the next time as soon as one has come."""
    times: list[datetime] = []
    due = trigger.get_next_fire_time(None, start)
    while due is not None and due < end:
        times.append(due)
        due = trigger.get_next_fire_time(due, due + timedelta(seconds=1))
    return times


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_daily_job_runs_when_a_digest_of_that_time_would_be_due(zone: str, day: date) -> None:
    start = datetime.combine(day - timedelta(days=3), time(12), UTC)
    end = start + timedelta(days=7)
    for minutes in range(0, 24 * 60, 15):
        at = time(minutes // 60, minutes % 60)
        days = [day + timedelta(days=after) for after in range(-5, 6)]
        expected = {due_at(Schedule(at=at, timezone=zone), one) for one in days}
        times = fired(LocalCronTrigger(f"{at.minute} {at.hour} * * *", zone), start, end)
        assert times == sorted(one for one in expected if start <= one < end), at


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_job_of_every_ten_minutes_runs_on(zone: str, day: date) -> None:
    start = datetime.combine(day - timedelta(days=2), time(12), UTC)
    times = fired(LocalCronTrigger("*/10 * * * *", zone), start, start + timedelta(days=4))
    pauses = {later - sooner for sooner, later in pairwise(times)}
    assert min(pauses) == timedelta(minutes=10)
    assert max(pauses) <= timedelta(minutes=70)  # an hour that comes twice counts once


def test_a_weekly_job_is_not_left_out_in_the_week_of_a_change() -> None:
    trigger = LocalCronTrigger("0 0 * * mon", "Europe/Berlin")
    times = fired(trigger, datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 10, tzinfo=UTC))
    zone = ZoneInfo("Europe/Berlin")
    assert [one.astimezone(zone).isoformat() for one in times] == [
        "2026-03-23T00:00:00+01:00", "2026-03-30T00:00:00+02:00", "2026-04-06T00:00:00+02:00",
    ]  # fmt: skip


def test_a_clock_that_is_put_back_brings_the_time_again() -> None:
    trigger = LocalCronTrigger("0 6 * * *", "UTC")
    ahead, now = datetime(2027, 1, 1, 6, tzinfo=UTC), datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert trigger.get_next_fire_time(ahead, now) == datetime(2026, 3, 1, 6, tzinfo=UTC)


def test_a_schedule_that_never_comes_has_no_time() -> None:
    assert LocalCronTrigger("0 0 30 2 *", "UTC").get_next_fire_time(None, datetime(2026, 3, 1, tzinfo=UTC)) is None


def test_the_time_at_which_a_job_runs_is_not_its_next_one() -> None:
    trigger, due = LocalCronTrigger("0 6 * * *", "UTC"), datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, due) == due
    assert trigger.get_next_fire_time(due, due) == due + timedelta(days=1)
    assert trigger.get_next_fire_time(due, due - timedelta(hours=1)) == due, "the clock was set back"


def test_a_program_that_starts_after_a_gap_runs_what_the_gap_has_put_off() -> None:
    """Clocks in Berlin go from 2:00 to 3:00 at 1:00 UTC: 2:30 is due at 1:30 UTC."""
    trigger = LocalCronTrigger("30 2 * * *", "Europe/Berlin")
    started = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, started) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_was_not_skipped_may_be_due_before_a_skipped_one() -> None:
    """On Lord Howe Island clocks go from 2:00 to 2:30 at 15:30 UTC: 2:20 is due with 2:50, after 2:35."""
    trigger = LocalCronTrigger("20,35 2 * * *", "Australia/Lord_Howe")
    before = datetime(2026, 10, 3, 15, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, before)
    assert first == datetime(2026, 10, 3, 15, 35, tzinfo=UTC)
    assert trigger.get_next_fire_time(first, first) == datetime(2026, 10, 3, 15, 50, tzinfo=UTC)
