"""When is a subscriber's next digest due?"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.schedule import (
    Cadence,
    Issue,
    Schedule,
    due_at,
    issue_date,
    mended_digest_at,
    next_digest_at,
    period,
    wide_span,
)
from support.examples import examples

sending = st.sampled_from([cadence for cadence in Cadence if cadence is not Cadence.OFF])
zones = st.sampled_from(sorted(available_timezones() - {"localtime"}))
times = st.one_of(
    st.sampled_from([time(0, 0), time(2, 30), time(23, 45)]), st.builds(time, st.integers(0, 23), st.integers(0, 59))
)
schedules = st.builds(
    Schedule,
    cadence=sending,
    at=times,
    timezone=zones,
    weekday=st.integers(0, 6),
    monthday=st.integers(1, 31),
)
# Hypothesis wants bounds without a zone.
moments = st.datetimes(datetime(1971, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
# Days on which whole zones changed the side of the date line.
LEAPS = [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Enderbury", date(1994, 12, 31)),
]


def falls_on(schedule: Schedule, day: date) -> bool:
    """What the cadence means, said once more and in other words."""
    return {
        Cadence.DAILY: True,
        Cadence.WEEKDAYS: day.isoweekday() not in {6, 7},
        Cadence.WEEKLY: day.weekday() == schedule.weekday,
        Cadence.MONTHLY: day.day == min(schedule.monthday, calendar.monthrange(day.year, day.month)[1]),
        Cadence.OFF: False,
    }[schedule.cadence]


def following(schedule: Schedule, after: datetime, count: int) -> list[tuple[datetime, date]]:
    """The next issues as the pipeline meets them: moment due and date, each the last issue of the next."""
    found: list[tuple[datetime, date]] = []
    for _ in range(count):
        after, last_issue_day = found[-1] if found else (after, None)
        due = next_digest_at(schedule, after, last_issue_day)
        assert due is not None
        found.append((due, issue_date(schedule, due)))
    return found


@given(schedules, moments)
@settings(max_examples=examples(150))
def test_the_next_digest_is_the_first_scheduled_one_after_now(schedule: Schedule, now: datetime) -> None:
    due = next_digest_at(schedule, now)
    assert due is not None
    assert due > now
    assert due.tzinfo is UTC
    around = [now.date() + timedelta(days=offset) for offset in range(-3, 36)]
    assert due == min(at for day in around if falls_on(schedule, day) and (at := due_at(schedule, day)) > now)


@given(schedules, moments)
@settings(max_examples=examples(120))
def test_no_local_date_has_two_issues_and_none_scheduled_is_left_out(schedule: Schedule, now: datetime) -> None:
    issues = following(schedule, now, 12)
    for (due, day), (next_due, next_day) in pairwise(issues):
        assert due < next_due
        assert day < next_day
        between = (day + timedelta(days=n) for n in range(1, (next_day - day).days))
        # Left out are only dates that their zone skipped: their moment is that of the issue before.
        assert all(due_at(schedule, left) == due for left in between if falls_on(schedule, left))
    for due, day in issues:
        assert falls_on(schedule, day)
        assert due_at(schedule, day) == due


@given(schedules, zones, moments)
@settings(max_examples=examples(120))
def test_a_subscriber_who_moves_gets_no_second_issue_of_a_date(before: Schedule, there: str, now: datetime) -> None:
    [(due, last_issue_day)] = following(before, now, 1)
    after = Schedule(before.cadence, before.at, there, before.weekday, before.monthday)
    moved = next_digest_at(after, due, last_issue_day)
    assert moved is not None
    assert moved > due
    assert issue_date(after, moved) > last_issue_day or due_at(after, last_issue_day + timedelta(days=1)) == moved


@pytest.mark.parametrize(("zone", "skipped"), LEAPS)
@given(cadence=sending, at=times)
@settings(max_examples=examples(40))
def test_where_a_whole_day_was_skipped_subscribers_get_neither_two_letters_nor_none(
    zone: str, skipped: date, cadence: Cadence, at: time
) -> None:
    schedule = Schedule(cadence, at, zone, skipped.weekday(), skipped.day)
    issues = following(schedule, datetime.combine(skipped - timedelta(days=3), time(), UTC), 6)
    assert len({day for _, day in issues}) == 6
    assert not falls_on(schedule, skipped) or due_at(schedule, skipped) in {due for due, _ in issues}
    assert all(due.astimezone(ZoneInfo(zone)).date() != skipped for due, _ in issues)
    assert all(later - sooner >= timedelta(hours=22) for (sooner, _), (later, _) in pairwise(issues))


def due_in(zone: str, at: time, day: date) -> datetime:
    return due_at(Schedule(at=at, timezone=zone), day)


def test_a_local_time_that_the_clocks_skip_is_due_with_the_offset_before() -> None:
    # 29 March 2026: 02:00 becomes 03:00 in Berlin; 02:30 by the old clock is 01:30 UTC, shown as 03:30.
    assert due_in("Europe/Berlin", time(2, 30), date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_local_time_that_comes_twice_is_due_the_first_time_only() -> None:
    # 25 October 2026: 03:00 becomes 02:00 in Berlin; the first 02:30 is 00:30 UTC.
    schedule = Schedule(at=time(2, 30), timezone="Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_digest_at(schedule, first - timedelta(minutes=1)) == first
    assert next_digest_at(schedule, first, date(2026, 10, 25)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_seven_in_the_morning_is_seven_in_summer_and_winter() -> None:
    assert due_in("Europe/Berlin", time(7), date(2026, 7, 1)).hour == 5
    assert due_in("Europe/Berlin", time(7), date(2026, 12, 1)).hour == 6


def test_an_issue_that_a_clock_change_pushes_over_midnight_keeps_its_date() -> None:
    # Toronto, 30 March 1919: 23:30 became 00:30 of the 31st.
    schedule = Schedule(at=time(23, 45), timezone="America/Toronto")
    due = due_at(schedule, date(1919, 3, 30))
    assert due.astimezone(ZoneInfo("America/Toronto")).date() == date(1919, 3, 31)
    assert issue_date(schedule, due) == date(1919, 3, 30)
    assert issue_date(schedule, due_at(schedule, date(1919, 3, 31))) == date(1919, 3, 31)


def test_the_issue_of_the_day_after_a_skipped_one_is_named_after_the_day_it_is_scheduled_on() -> None:
    saturdays = Schedule(Cadence.WEEKLY, time(7), "Pacific/Apia", weekday=5)
    due = next_digest_at(saturdays, datetime(2011, 12, 28, tzinfo=UTC))
    assert due is not None
    assert issue_date(saturdays, due) == date(2011, 12, 31)


@pytest.mark.parametrize(
    ("monthday", "dates"),
    [
        (31, [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30)]),
        (30, [date(2028, 1, 30), date(2028, 2, 29), date(2028, 3, 30), date(2028, 4, 30)]),
        (1, [date(2028, 1, 1), date(2028, 2, 1), date(2028, 3, 1), date(2028, 4, 1)]),
    ],
)
def test_a_month_too_short_has_its_issue_on_its_last_day(monthday: int, dates: list[date]) -> None:
    schedule = Schedule(Cadence.MONTHLY, monthday=monthday)
    assert [day for _, day in following(schedule, datetime(2027, 12, 31, 12, tzinfo=UTC), 4)] == dates


def test_monthly_goes_on_over_the_turn_of_the_year() -> None:
    schedule = Schedule(Cadence.MONTHLY, monthday=15)
    assert [day.isoformat() for _, day in following(schedule, datetime(2026, 11, 23, tzinfo=UTC), 2)] == [
        "2026-12-15",
        "2027-01-15",
    ]


def test_on_weekdays_friday_is_followed_by_monday() -> None:
    schedule = Schedule(Cadence.WEEKDAYS)
    friday = datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert next_digest_at(schedule, friday) == datetime(2026, 11, 30, 7, tzinfo=UTC)


def test_a_subscriber_who_wants_no_letters_gets_none() -> None:
    assert next_digest_at(Schedule(Cadence.OFF), datetime(2026, 11, 23, tzinfo=UTC)) is None


def test_a_moment_may_be_given_in_any_zone() -> None:
    auckland = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert next_digest_at(Schedule(), auckland) == next_digest_at(Schedule(), auckland.astimezone(UTC))


@given(schedules, moments, st.integers(-40, 1))
@settings(max_examples=examples(300), deadline=None)
def test_a_date_computed_by_a_correct_clock_is_kept(schedule: Schedule, now: datetime, days: int) -> None:
    last_issue_day = now.astimezone(ZoneInfo(schedule.timezone)).date() + timedelta(days=days)
    due = next_digest_at(schedule, now, last_issue_day)
    assert due
    assert mended_digest_at(schedule, due, now, last_issue_day) is None


@given(schedules, moments, st.integers(3, 400))
@settings(max_examples=examples(300), deadline=None)
def test_a_date_computed_by_a_clock_ahead_is_recomputed(schedule: Schedule, now: datetime, ahead: int) -> None:
    then = now + timedelta(days=ahead)
    last_issue_day = then.astimezone(ZoneInfo(schedule.timezone)).date()
    stored = next_digest_at(schedule, then, last_issue_day)
    assert stored
    mended = mended_digest_at(schedule, stored, now, last_issue_day)
    if mended is None:
        assert stored <= now + period(schedule.cadence)
    else:
        assert mended == (next_digest_at(schedule, now), None)


def test_whoever_wants_no_digest_has_no_date_to_mend() -> None:
    off = Schedule(cadence=Cadence.OFF)
    assert mended_digest_at(off, datetime(2030, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), None) is None


def test_an_issue_has_a_name_and_one_address() -> None:
    issue = Issue(Cadence.DAILY, date(2026, 11, 23))
    assert (str(issue), issue.slug) == ("daily 2026-11-23", "daily-2026-11-23")
    assert Issue.of_slug(issue.slug) == issue


@pytest.mark.parametrize(
    "slug", ["", "daily", "hourly-2026-11-23", "daily-2026-11-31", "daily-20261123", "daily 2026-11-23"]
)
def test_an_invalid_issue_name_is_rejected(slug: str) -> None:
    assert Issue.of_slug(slug) is None


def test_the_days_of_an_issue_reach_as_far_as_its_papers() -> None:
    friday, before = date(2026, 12, 4), date(2026, 11, 25)
    assert wide_span(Cadence.DAILY, friday, [(date(2026, 12, 9), date(2026, 12, 9))]) is None
    assert wide_span(Cadence.WEEKLY, friday, []) == (date(2026, 11, 27), friday)
    assert wide_span(Cadence.WEEKLY, friday, [(date(2026, 11, 30), date(2026, 12, 1))]) == (
        date(2026, 11, 27),
        friday,
    )
    late = [(date(2026, 12, 9), date(2026, 12, 9)), (date(2026, 11, 24), before)]
    assert wide_span(Cadence.WEEKLY, friday, late) == (before, date(2026, 12, 9))
    old = [(date(2026, 8, 3), date(2026, 11, 30)), (date(2026, 12, 1), date(2026, 12, 5))]
    assert wide_span(Cadence.WEEKLY, friday, old) == (date(2026, 11, 27), friday)
