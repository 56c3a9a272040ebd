"""Moments that people and programs write."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from paperround.domain.clock import format_moment, latest_day, read_moment


def test_a_moment_is_in_utc_whatever_its_offset() -> None:
    moment = datetime(2026, 11, 23, 7, tzinfo=UTC)
    for text in ("2026-11-23T07:00", "2026-11-23T07:00Z", "2026-11-23T09:00+02:00"):
        assert read_moment(text) == moment
        assert read_moment(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_moment_in_utc_is_a_wrong_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


def test_a_moment_is_shown_to_the_minute_and_a_missing_one_as_never() -> None:
    assert format_moment(datetime(2026, 11, 23, 7, 5, 59, tzinfo=UTC)) == "2026-11-23 07:05 UTC"
    assert format_moment(None) == "never"


def test_the_latest_day_is_that_of_the_time_zone_that_is_farthest_ahead() -> None:
    assert latest_day(datetime(2026, 11, 23, 9, 59, tzinfo=UTC)) == date(2026, 11, 23)
    assert latest_day(datetime(2026, 11, 23, 10, 0, tzinfo=UTC)) == date(2026, 11, 24)
