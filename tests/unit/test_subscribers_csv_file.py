"""Lists of subscribers as CSV, in the shapes that people really have."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain import encodings, preferences
from paperround.domain.models import Problem, Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, Preferences
from paperround.domain.schedule import Cadence
from paperround.domain.text import clean
from paperround.subscribers import csv_file
from paperround.subscribers.csv_file import SubscriberRow
from support.preferences import PREFERENCES

_SINCE = datetime(2026, 11, 23, 6, 30, 0, 123, tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    """Everything in a list."""

    rows: list[SubscriberRow]
    problems: list[Problem]
    ignored: tuple[str, ...]
    columns: tuple[str, ...]


def read_bytes(data: bytes) -> Found:
    found = csv_file.read(io.BytesIO(data))
    rows: list[SubscriberRow] = []
    problems: list[Problem] = []
    for entry in found.entries:
        rows.append(entry) if isinstance(entry, SubscriberRow) else problems.append(entry)
    return Found(rows, problems, found.ignored, found.columns)


def read(text: str) -> Found:
    return read_bytes(text.encode())


def emails(found: Found) -> list[str]:
    return [row.email for row in found.rows]


def problems(found: Found) -> list[str]:
    return list(map(str, found.problems))


def written(subscribers: Iterable[Subscriber]) -> bytes:
    return "".join(csv_file.write(subscribers)).encode()


def test_every_preference_has_a_column() -> None:
    header = "email,name,topics,queries,cadence,weekday,at,timezone,max_papers,theme\n"
    found = read(header + "ada@example.org,Ada,robots;agents,grip OR hold,weekly,friday,06:30,Asia/Tokyo,7,cards\n")
    (row,) = found.rows
    assert row.where == "line 2"
    assert row.given == {
        "name": "Ada", "topics": "robots;agents", "queries": "grip OR hold", "cadence": "weekly", "weekday": "friday",
        "at": "06:30", "timezone": "Asia/Tokyo", "max_papers": "7", "theme": "cards",
    }  # fmt: skip
    assert found.columns == tuple(row.given)
    assert set(preferences.FIELDS) <= set(csv_file.COLUMNS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_file_is_decoded_as_it_was_encoded(encoding: str) -> None:
    text = "email,name\r\nada@example.org,Zoë Müller\r\n"
    assert encodings.decode(text.encode(encoding))[0].removeprefix("\ufeff") == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators_of_spreadsheets_are_told_apart(encoding: str, separator: str) -> None:
    text = f"email{separator}name\r\nrene@example.org{separator}René Müller\r\n"
    (row,) = read_bytes(text.encode(encoding)).rows
    assert (row.email, row.given["name"]) == ("rene@example.org", "René Müller")


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "UTF-16"), ("utf-16-be", "UTF-16"), ("cp1252", "Windows-1252")],
)
def test_an_encoding_other_than_utf_8_is_told(encoding: str, told: str) -> None:
    assert csv_file.read(io.BytesIO("email,name\nrene@example.org,René\n".encode(encoding))).encoding == told


@pytest.mark.slow
def test_rows_are_read_when_they_are_asked_for_and_the_file_is_not_held_as_a_whole() -> None:
    file = io.BytesIO(b"email\n" + b"".join(b"s%d@mail.example\n" % number for number in range(10_000)))
    size = len(file.getvalue())
    entries = csv_file.read(file).entries
    assert next(entries) == SubscriberRow("line 2", "s0@mail.example", {})
    assert file.tell() < size / 10
    assert sum(1 for _ in entries) == 9_999


def test_an_address_in_full_width_characters_is_the_same_address() -> None:
    found = read("email\nada@example.org\nada@ex\uff41mple.org\n")
    assert emails(found) == ["ada@example.org"]
    assert len(problems(found)) == 1
    assert "the address is already on line 2" in problems(found)[0]


@pytest.mark.parametrize("bad_at", [100, pytest.param(70_000, marks=pytest.mark.slow)])
def test_one_byte_that_is_not_utf_8_makes_the_whole_file_windows_1252(bad_at: int) -> None:
    lines = b"email,name\n" + b"ada@example.org,Ren\xc3\xa9\n" + b" \n" * bad_at + b"ben@example.org,Ren\xe9\n"
    assert [row.given["name"] for row in read_bytes(lines).rows] == ["Ren\u00c3\u00a9", "Ren\u00e9"]


def test_excels_line_about_the_separator_is_no_header() -> None:
    assert emails(read("sep=;\r\nemail;name\r\nada@example.org;Ada\r\n")) == ["ada@example.org"]
    assert emails(read("SEP=|\nemail|name\nada@example.org|Ada\n")) == ["ada@example.org"]


@pytest.mark.parametrize(
    ("cell", "email", "name"),
    [
        ("Ada Lovelace <ada@example.org>", "ada@example.org", "Ada Lovelace"),
        ('"""Lovelace, Ada"" <ada@example.org>"', "ada@example.org", "Lovelace, Ada"),
        ("mailto:ada@example.org?subject=x", "ada@example.org", None),
        ("MAILTO:ada@example.org", "ada@example.org", None),
        ("\u00a0ada@example.org \u200b", "ada@example.org", None),
    ],
)
def test_addresses_are_read_as_address_books_write_them(cell: str, email: str, name: str | None) -> None:
    (row,) = read(f"email,cadence\n{cell},daily\n").rows
    assert (row.email, row.given.get("name")) == (email, name)


def test_a_column_for_the_name_goes_before_the_name_beside_the_address() -> None:
    (row,) = read("email,name\nA. L. <ada@example.org>,Ada\n").rows
    assert row.given["name"] == "Ada"


def test_unknown_columns_are_named_and_left_out() -> None:
    found = read("email,shoe size,created_at\nada@example.org,39,never\n")
    assert found.ignored == ("shoe size", "created_at"), "the record is read of our own export only"
    assert found.rows[0].given == {}


def test_a_doubled_address_is_left_out_and_the_first_one_named() -> None:
    found = read("email\nada@example.org\nADA@example.org\n")
    assert emails(found) == ["ada@example.org"]
    assert problems(found) == ["line 3 ADA@example.org: the address is already on line 2"]


@pytest.mark.parametrize("column", ["queries", "query", "interest", "Interests"])
def test_interests_have_a_column_by_either_name(column: str) -> None:
    found = read(f"email,{column}\nada@example.org,robots that learn\n")
    assert found.ignored == ()
    assert found.rows[0].given["queries"] == "robots that learn"


def test_a_row_with_more_cells_than_columns_is_left_out_and_says_what_to_do() -> None:
    found = read("email,topics\nada@example.org,robots,video\nben@example.org,robots,, \n")
    assert emails(found) == ["ben@example.org"], "empty cells at the end are a spreadsheet's"
    remedy = "if a cell contains the separator, put the cell in double quotes"
    assert problems(found) == [f"line 2: it has 3 cells, but the first line names 2 columns; {remedy}"]


def test_a_row_without_an_address_is_left_out_and_an_empty_row_passed_over() -> None:
    found = read("email,name\n,Ada\n\n,\nben@example.org,Ben\n")
    assert emails(found) == ["ben@example.org"]
    assert problems(found) == ["line 2: has no address"]


def test_listmonks_export_is_read_without_those_it_blocks() -> None:
    found = read("uuid,email,name,status\n1,ada@example.org,Ada,enabled\n2,ben@example.org,Ben,blocklisted\n")
    assert emails(found) == ["ada@example.org"]
    assert "unsubscribed or is blocked" in problems(found)[0]


def test_mailchimps_export_is_read_and_its_two_names_joined() -> None:
    (row,) = read(
        '"Email Address","First Name","Last Name",TAGS\nada@example.org,Ada,Lovelace,"robots,agents"\n'
    ).rows
    assert row.given == {"name": "Ada Lovelace", "topics": "robots,agents"}


@pytest.mark.parametrize(
    ("cell", "topics"),
    [
        ('"""robots"",""agents"""', "robots;agents"),
        ('"""robots"""', "robots"),
        ('"""robots"", ""agents""\n""best"""', "robots;agents;best"),
        ('"robots; ""agents"', 'robots; "agents'),
    ],
)
def test_mailchimps_tags_are_read_without_their_quotes(cell: str, topics: str) -> None:
    (row,) = read(f"Email Address,TAGS\nada@example.org,{cell}\n").rows
    assert row.given == {"topics": topics}


def test_the_other_columns_of_listmonk_and_mailchimp_are_not_mentioned() -> None:
    listmonk = read("uuid,email,name,attributes,status,created_at,updated_at\n1,ada@example.org,Ada,{},enabled,x,y\n")
    mailchimp = read(
        "Email Address,First Name,Address,Phone Number,MEMBER_RATING,OPTIN_TIME,LEID,TAGS,shoe size\n"
        "ada@example.org,Ada,12 Mill Lane,0,2,x,1,robots,39\n"
    )
    assert listmonk.ignored == ()
    assert mailchimp.ignored == ("shoe size",)
    assert [row.given for row in (*listmonk.rows, *mailchimp.rows)] == [
        {"name": "Ada"},
        {"name": "Ada", "topics": "robots"},
    ]
    assert emails(mailchimp) == ["ada@example.org"], "the postal address is no email address"


@pytest.mark.parametrize(("column", "are_labels"), [("tags", True), ("lists", True), ("topics", False)])
def test_what_other_systems_call_their_groups_are_labels(column: str, are_labels: bool) -> None:
    table = csv_file.read(io.BytesIO(f"email,{column}\nada@example.org,robots\n".encode()))
    assert table.labels is are_labels


def test_mailchimps_file_of_those_who_left_imports_nobody() -> None:
    found = read("Email Address,UNSUB_TIME\nada@example.org,2026-01-01 10:00:00\n")
    assert not found.rows
    assert len(found.problems) == 1


def test_who_has_paused_in_the_first_versions_export_has_paused() -> None:
    (row,) = read("email,status\nada@example.org,Paused\n").rows
    assert row.state is SubscriberState.PAUSED


def test_a_file_of_addresses_alone_needs_no_names_of_columns() -> None:
    found = read("ada@a.example\n\nBen <ben@a.example>\nada@a.example\n")
    assert [(row.where, row.email) for row in found.rows] == [
        ("line 1", "ada@a.example"),
        ("line 3", "ben@a.example"),
    ]
    assert problems(found) == ["line 4 ada@a.example: the address is already on line 1"]


def test_vertical_bars_separate_cells() -> None:
    (row,) = read("email|at\nada@example.org|8\n").rows
    assert (row.email, row.given["at"]) == ("ada@example.org", "8")


def test_an_empty_file_and_one_without_addresses_say_what_is_missing() -> None:
    assert "names the columns" in problems(read(""))[0]
    (problem,) = problems(read("name\nAda\n"))
    assert (
        "no column `email` among: name; the first line names the columns, for example: email,name,topics" in problem
    )
    assert "the names of the columns are not CSV" in problems(read('"email'))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        'ben@example.org,"Ben\neve@example.org,Eve\n',  # to the end of the file
        'ben@example.org,"Ben\neve@example.org,"Eve"\n',  # up to another quote
        'ben@example.org,"Ben\neve@example.org,"\n',  # closed by another's quote
        'ben@example.org,"' + ("x" * 999 + "\n") * 200 + "\neve@example.org,Eve\n",
    ],
)
def test_an_unclosed_quote_is_named_with_its_line_and_nothing_after_it_is_read(wrong: str) -> None:
    found = read("email,name\nada@example.org,Ada\n" + wrong)
    assert emails(found) == ["ada@example.org"]
    assert problems(found) == ["line 3: a quote is opened and not closed; nothing from this line on was read"]


def test_a_quote_that_is_wrong_within_its_line_costs_that_line_alone() -> None:
    found = read('email,name\nada@example.org,"Ada" L.\nben@example.org,Ben "B." B.\n')
    assert emails(found) == ["ben@example.org"]
    assert found.rows[0].given["name"] == 'Ben "B." B.'
    assert "line 2: is not CSV" in problems(found)[0]


def test_a_cell_that_is_too_long_costs_only_its_row() -> None:
    found = read(f'email,name\nada@example.org,"{"x" * 200_000}"\nben@example.org,Ben\n')
    assert emails(found) == ["ben@example.org"]
    assert problems(found) == ["line 2: a cell has more than 131,072 characters"]


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("created_at", "yesterday", "created_at: 'yesterday' is not a moment; write it as 2026-11-23T07:00:00+00:00"),
        *(
            ("suppressed_at", edge, f"suppressed_at: '{edge}' is not a moment; write it as 2026-11-23T07:00:00+00:00")
            for edge in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")
        ),
        ("consent", "yes", "consent: 'yes' is not a JSON object"),
        ("consent", "[1]", "consent: '[1]' is not a JSON object"),
    ],
)
def test_a_record_that_cannot_be_read_costs_its_row_and_is_named(column: str, cell: str, told: str) -> None:
    found = read(f"email,state,{column}\nada@example.org,active,{cell}\nben@example.org,active,\n")
    assert emails(found) == ["ben@example.org"]
    assert problems(found) == [f"line 2 ada@example.org: {told}"]


def test_an_unknown_state_is_ignored() -> None:
    assert read("email,state\nada@example.org,CA\n").rows[0].state is None


def test_a_moment_without_a_zone_is_in_utc() -> None:
    (row,) = read("email,state,created_at\nada@example.org,active,2026-11-23T06:30:00\n").rows
    assert row.history == {"created_at": datetime(2026, 11, 23, 6, 30, tzinfo=UTC)}


_LINE = st.text(max_size=30).map(clean)
_MOMENT = st.none() | st.just(_SINCE)
_SUBSCRIBERS = st.builds(
    Subscriber, st.just(1), st.sampled_from(("ada@example.org", "+ada@example.org", "=x@example.org")),
    st.sampled_from(SubscriberState), PREFERENCES, created_at=_MOMENT, confirmed_at=_MOMENT, unsubscribed_at=_MOMENT,
    unsubscribe_reason=_LINE, consent=st.dictionaries(_LINE, _LINE, max_size=3),
    suppressed=st.none() | st.just(("hard", _SINCE)), next_digest_at=st.none(), last_issue_day=st.none(),
    request=st.none(), link_generation=st.just(0),
)  # fmt: skip


@given(_SUBSCRIBERS)
def test_what_is_written_is_read_as_the_same_subscriber(subscriber: Subscriber) -> None:
    found = read_bytes(written([subscriber]))
    assert (found.problems, found.ignored) == ([], ())
    (row,) = found.rows
    assert row.email == subscriber.email
    assert DEFAULTS.patched(preferences.read_patch(row.given)) == subscriber.preferences
    history = {
        name: getattr(subscriber, name)
        for name in ("created_at", "confirmed_at", "unsubscribed_at", "unsubscribe_reason")
    }
    assert row.history == {name: value for name, value in history.items() if value}
    assert (row.state, row.consent or {}, row.suppressed) == (
        subscriber.state, subscriber.consent, subscriber.suppressed,
    )  # fmt: skip


def test_nothing_that_is_written_can_a_spreadsheet_run() -> None:
    chosen = Preferences(name="=HYPERLINK(1)", queries=("-survey",), cadence=Cadence.WEEKLY, at=time(6, 5))
    text = "".join(csv_file.write([Subscriber(1, "+ada@example.org", SubscriberState.ACTIVE, chosen)]))
    assert "'=HYPERLINK(1),,'-survey,,,weekly" in text
    assert "\r\n'+ada@example.org," in text


def test_an_export_says_until_when_somebody_pauses_and_why_an_address_gets_nothing() -> None:
    paused = Subscriber(
        1, "ada@example.org", SubscriberState.PAUSED, Preferences(paused_until=date(2026, 12, 24)),
        suppressed=("hard bounce 5.1.1", _SINCE),
    )  # fmt: skip
    text = written([paused]).decode()
    assert ",2026-12-24,paused," in text
    assert text.endswith(",hard bounce 5.1.1,2026-11-23T06:30:00.000123+00:00\r\n")


@given(st.binary(max_size=300))
def test_no_file_breaks_it(data: bytes) -> None:
    read_bytes(data)
    read_bytes(b"email,name\n" + data)
