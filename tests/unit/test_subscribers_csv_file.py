"""Lists of subscribers as CSV, in the shapes that people really have."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.schedule import Cadence, Schedule
from paperround.subscribers import csv_file


def emails(found: csv_file.SubscriberList) -> list[str]:
    return [values["email"] for _, values in found.rows]


def test_our_own_columns_are_read() -> None:
    header = b"email,name,topics,cadence,at,timezone,max_papers\n"
    data = header + b"ada@example.org,Ada,robots;agents,weekly,06:30,Asia/Tokyo,7\n"
    [(where, values)] = csv_file.read(data).rows
    assert where == "line 2"
    assert values == {
        "email": "ada@example.org", "name": "Ada", "topics": "robots;agents", "cadence": "weekly",
        "at": "06:30", "timezone": "Asia/Tokyo", "max_papers": "7",
    }  # fmt: skip


def test_a_byte_order_mark_semicolons_tabs_and_windows_line_ends_do_no_harm() -> None:
    assert emails(csv_file.read("\ufeffemail;name\r\nada@example.org;Ada\r\n".encode())) == ["ada@example.org"]
    assert emails(csv_file.read(b"email\tname\nada@example.org\tAda\n")) == ["ada@example.org"]


def test_unknown_columns_are_named_and_left_out() -> None:
    found = csv_file.read(b"email,shoe size\nada@example.org,39\n")
    assert found.ignored == ("shoe size",)
    assert found.rows[0][1] == {"email": "ada@example.org", "name": ""}


def test_a_doubled_address_is_left_out_and_the_first_one_named() -> None:
    found = csv_file.read(b"email\nada@example.org\nADA@example.org\n")
    assert emails(found) == ["ada@example.org"]
    assert [str(problem) for problem in found.problems] == [
        "line 3 ADA@example.org: the address stands on line 2 already"
    ]


def test_a_row_without_an_address_is_left_out_and_an_empty_row_passed_over() -> None:
    found = csv_file.read(b"email,name\n,Ada\n\nben@example.org,Ben\n")
    assert emails(found) == ["ben@example.org"]
    assert [str(problem) for problem in found.problems] == ["line 2: has no address"]


def test_listmonks_export_is_read_without_those_it_blocks() -> None:
    data = b"uuid,email,name,status\n1,ada@example.org,Ada,enabled\n2,ben@example.org,Ben,blocklisted\n"
    found = csv_file.read(data)
    assert emails(found) == ["ada@example.org"]
    assert "unsubscribed or is blocked" in str(found.problems[0])


def test_mailchimps_export_is_read_and_its_two_names_joined() -> None:
    data = b'"Email Address","First Name","Last Name",TAGS\nada@example.org,Ada,Lovelace,"robots,agents"\n'
    [(_, values)] = csv_file.read(data).rows
    assert values["name"] == "Ada Lovelace"
    assert values["topics"] == "robots,agents"


def test_mailchimps_file_of_those_who_left_imports_nobody() -> None:
    found = csv_file.read(b"Email Address,UNSUB_TIME\nada@example.org,2026-01-01 10:00:00\n")
    assert not found.rows
    assert len(found.problems) == 1


def test_an_empty_file_and_one_without_addresses_say_what_is_missing() -> None:
    assert "names the columns" in str(csv_file.read(b"").problems[0])
    assert "no column `email` among: name" in str(csv_file.read(b"name\nAda\n").problems[0])


def test_unbalanced_quotes_name_the_place_and_lose_only_what_follows() -> None:
    long_cell = b'"' + b"x" * 200_000
    found = csv_file.read(b"email\nada@example.org\n" + long_cell)
    assert emails(found) == ["ada@example.org"]
    assert "are quotes balanced?" in str(found.problems[0])


def test_what_is_written_can_be_read_again() -> None:
    subscriber = Subscriber(
        1, "ada@example.org", SubscriberState.ACTIVE, Schedule(Cadence.WEEKLY, time(6, 5), "Asia/Tokyo"),
        name='Ada "Countess", Lovelace', max_papers=3, topics=("a", "own-1", "b"),
    )  # fmt: skip
    [(_, values)] = csv_file.read(csv_file.write([subscriber], {"a", "b"}).encode()).rows
    assert values == {
        "email": "ada@example.org", "name": 'Ada "Countess", Lovelace', "topics": "a;b", "cadence": "weekly",
        "at": "06:05", "timezone": "Asia/Tokyo", "max_papers": "3",
    }  # fmt: skip


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    subscriber = Subscriber(1, "ada@example.org", SubscriberState.ACTIVE, Schedule(), name="=HYPERLINK(1)")
    assert ",'=HYPERLINK(1)," in csv_file.write([subscriber], ())


@pytest.mark.parametrize("state", list(SubscriberState))
def test_only_active_and_paused_subscribers_of_our_own_export_come_in_again(state: SubscriberState) -> None:
    subscriber = Subscriber(1, "ada@example.org", state, Schedule(), topics=("a",))
    found = csv_file.read(csv_file.write([subscriber], {"a"}).encode())
    assert bool(found.rows) == (state in (SubscriberState.ACTIVE, SubscriberState.PAUSED))
    assert [values.get("status") for _, values in found.rows if "status" in values] == (
        ["paused"] if state is SubscriberState.PAUSED else []
    )


def test_a_suppressed_address_is_exported_as_such_and_not_read_in_again() -> None:
    since = datetime(2026, 11, 23, tzinfo=UTC)
    subscriber = Subscriber(
        1, "ada@example.org", SubscriberState.ACTIVE, Schedule(), suppressed=("hard bounce", since)
    )
    assert not csv_file.read(csv_file.write([subscriber], ()).encode()).rows


@given(st.binary(max_size=300))
def test_no_file_breaks_it(data: bytes) -> None:
    csv_file.read(data)
    csv_file.read(b"email,name\n" + data)
