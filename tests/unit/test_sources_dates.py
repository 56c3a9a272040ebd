"""Dates as feeds write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.sources.dates import day_of, moment

_READ = {
    # ISO 8601
    "2026-06-12T00:00:00.000Z": "2026-06-12",
    "2026-06-12T09:00:00.123456789+09:00": "2026-06-12",
    "2026-6-3": "2026-06-03",
    "2026-6-3T7:05:00Z": "2026-06-03",
    "20260612": "2026-06-12",
    "2026/06/12": "2026-06-12",
    "2026. 6. 12.": "2026-06-12",
    "2026-06-12 at 10:11:12": "2026-06-12",
    "2026-06-12 10:11 UTC": "2026-06-12",
    "2026-06-12T10:11:12:-0700": "2026-06-12",
    "2026-06-12T10:11:12-07:00Z": "2026-06-12",
    "2026-06-12 00:00:00.0 10:11:12.0 -0700": "2026-06-12",
    # RFC 5322 and what is near it
    "Fri, 20 Nov 2026 00:00:00 -0500": "2026-11-20",
    "Fri, 20 Nov 2026 10:11:12": "2026-11-20",
    "Fri, 20 Nov 2026 10:11:12 GMT+7": "2026-11-20",
    "Fri, 20 Nov 2026 10:11:12 --0700": "2026-11-20",
    "fri,20 Nov 2026 10:11:12MST": "2026-11-20",
    "Fri, 20 Nov 26 10:11:12 EST": "2026-11-20",
    "Friday, 20-Nov-98 10:11:12 GMT": "1998-11-20",
    "Fri, 20th Nov 2026 10:11:12 GMT": "2026-11-20",
    "20 Nov 2026 GMT": "2026-11-20",
    "20 Friday, Nov 2026 10:11": "2026-11-20",
    "Fri, 20 Nov 2026 15 -0700": "2026-11-20",
    "24 Feb 2026 24:00:00": "2026-02-24",
    "30 Jun 2026 23:59:60 Z": "2026-06-30",
    # the month first
    "Nov 20, 2026": "2026-11-20",
    "Friday, November 20, 2026 - 3:09pm": "2026-11-20",
    "Nov. 20, 2026, 12:04 a.m.": "2026-11-20",
    "Nov 20, 2026 15:04 PM": "2026-11-20",
    "Fri Nov 20 10:11:12 2026": "2026-11-20",
    "Fri Nov 20 10:11:12 -0700 2026": "2026-11-20",
    "Fri Nov 20 2026 10:11:12 GMT-0700 (Mountain Standard Time)": "2026-11-20",
    "2026 November 20": "2026-11-20",
    # numbers alone
    "Mon, 03/30/2026 - 19:19": "2026-03-30",
    "10/30/26 21:55:58": "2026-10-30",
    "30.10.26": "2026-10-30",
    "03.04.2026 10:00": "2026-04-03",
    "10:04 03.04.2026 -0700": "2026-04-03",
    "03.04.2026 -0700": "2026-04-03",
    "Sat, 11 04 2026 08:51:49 +0100": "2026-04-11",
    "Mon, 02/03/2026": "2026-02-03" if date(2026, 2, 3).weekday() == 0 else "2026-03-02",
    "5/5/2026": "2026-05-05",
    "1793000000": "2026-10-26",
    "1793000000000": "2026-10-26",
    # other languages
    "jeu., 02 avril 2026 00:00:00 +0200": "2026-04-02",
    "mar. 3 mars 2026": "2026-03-03",
    "1er janvier 2026": "2026-01-01",
    "Do, 29 Mär 2026 00:00:00 +0200": "2026-03-29",
    "5. März 2026 um 14h30": "2026-03-05",
    "3 de março de 2026": "2026-03-03",
    "20 ноября 2026 г.": "2026-11-20",
    "2026年4月2日 10:00": "2026-04-02",
    "2026년 4월 2일": "2026-04-02",
}  # fmt: skip


@pytest.mark.parametrize(("written", "day"), _READ.items())
def test_a_date_is_parsed_in_each_format(written: str, day: str) -> None:
    assert str(day_of(written)) == day


@pytest.mark.parametrize(
    "written",
    [
        *("", "soon", "2026", "2026-11", "Nov 2026", "Nov 20", "27.11.", "2026-13-40", "1" * 100, "20262020"),
        *("03/04/2026", "01/02/06 15:04", "6/1/2 15:04", "23/10/30"),  # two days or more
        *("12-15 May 2026", "May 12 to June 3 2026", "13. lis 2026", "200 May 2026", "May 2026 200"),
        *("31 Feb 2026", "31.02.2026", "2/31/2026", "40.13.2026", "page 300 of 10/30/2026", "123/4/5", "2026-7"),
        *("9999-12-31T23:00:00-12:00", "0001-01-01T00:00:00Z", "Fri, 20 Nov 2026 10:00:00 +9959"),
        None,
        20261120,
    ],
)
def test_texts_without_exactly_one_date_are_rejected(written: object) -> None:
    assert day_of(written) is None


def test_the_time_and_its_zone_are_read_too() -> None:
    told = {
        "Fri, 20 Nov 2026 10:11:12 GMT+7": "2026-11-20T10:11:12+07:00",
        "Fri, 20 Nov 2026 10:11 EST": "2026-11-20T10:11:00-05:00",
        "Fri, 20 Nov 2026 10:11 -330": "2026-11-20T10:11:00-03:30",
        "Nov 20, 2026 3:09pm": "2026-11-20T15:09:00",
        "Nov 20, 2026 12:09 a.m. XYZ": "2026-11-20T00:09:00",
        "24 Feb 2026 24:00:00 Z": "2026-02-24T23:59:59+00:00",
    }
    assert {written: found.isoformat() for written in told if (found := moment(written))} == told


@given(st.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_what_the_standards_say_comes_back_the_same(naive: datetime, hours: int) -> None:
    aware = (naive.replace(tzinfo=UTC) - timedelta(hours=hours)).replace(microsecond=0)
    assert moment(aware.isoformat()) == aware
    assert moment(f"{aware:%a, %d %b %Y %H:%M:%S +0000}") == aware


@given(st.text("0123456789/.-: ,+TZaeJnMyGPm年月日", max_size=30))
def test_reading_never_raises(written: str) -> None:
    moment(written)
