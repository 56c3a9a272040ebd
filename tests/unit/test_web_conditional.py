"""Conditional requests, by the letter of RFC 9110."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.web.conditional import is_unmodified, takes_gzip

TAG = 'W/"3c59dc048e88"'
CHANGED = datetime(2026, 11, 23, 6, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "field",
    [
        TAG,
        '"3c59dc048e88"',
        "*",
        ' "other" , W/"3c59dc048e88" ',
        '"3c59dc048e88-gzip"',
        'W/"3c59dc048e88-gzip"',
        '"3c59dc048e88;br"',
        '"with, a comma", "3c59dc048e88"',
    ],
)
def test_a_tag_that_the_client_has_is_not_sent_again(field: str) -> None:
    assert is_unmodified({"if-none-match": field}, TAG)


@pytest.mark.parametrize("field", ["", '"3c59"', '"x3c59dc048e88"', "3c59dc048e88", '"3c59dc048e88x"', 'W/""', "W/*"])
def test_any_other_tag_is_answered_in_full(field: str) -> None:
    assert not is_unmodified({"if-none-match": field}, TAG)


def test_the_date_counts_only_without_a_tag() -> None:
    late = format_datetime(CHANGED + timedelta(hours=1), usegmt=True)
    assert is_unmodified({"if-modified-since": late}, TAG, CHANGED)
    assert not is_unmodified({"if-modified-since": late, "if-none-match": '"another"'}, TAG, CHANGED)
    assert not is_unmodified({"if-modified-since": late}, TAG)


def test_dates_are_compared_by_the_second() -> None:
    """The field has no fractions of a second: what a client got from Last-Modified must hold."""
    told = format_datetime(CHANGED, usegmt=True)
    assert is_unmodified({"if-modified-since": told}, TAG, CHANGED)
    early = format_datetime(CHANGED - timedelta(seconds=1), usegmt=True)
    assert not is_unmodified({"if-modified-since": early}, TAG, CHANGED)


@pytest.mark.parametrize(
    "since",
    [
        "Mon, 23 Nov 99999999999999999999 06:00:00 GMT",
        "Mon, 23 Nov 2026 06:00:00 +99999999999999",
        "Mon, 23 Nov 2026 06:00:99999999999999999999 GMT",
    ],
)
def test_a_date_with_numbers_beyond_any_calendar_is_ignored(since: str) -> None:
    assert not is_unmodified({"if-modified-since": since}, TAG, CHANGED)


@pytest.mark.parametrize(
    ("field", "taken"),
    [
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("br;q=1.0, gzip", True),
        ("gzip;q=0", False),
        ("deflate, gzip; q=0.000", False),
        ("identity", False),
        ("x-gzipped", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(field: str, taken: bool) -> None:
    assert takes_gzip({"accept-encoding": field}) is taken


@given(st.text(), st.text())
def test_no_field_is_an_error(tag: str, since: str) -> None:
    is_unmodified({"if-none-match": tag}, TAG)
    is_unmodified({"if-modified-since": since}, TAG, CHANGED)
