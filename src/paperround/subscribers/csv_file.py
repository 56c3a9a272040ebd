"""Read and write lists of subscribers as CSV: our own format, and the exports of listmonk and Mailchimp. Pure.

Our own export contains everything that is stored about a subscriber's subscription, so that another site can import
it: the preferences, then the state and its history (`RECORD`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from paperround.domain.models import Problem, Subscriber, SubscriberState
from paperround.domain.preferences import FIELDS, write_text
from paperround.domain.text import clean

RECORD = (
    "state",
    "created_at",
    "confirmed_at",
    "unsubscribed_at",
    "unsubscribe_reason",
    "consent",
    "suppressed_reason",
    "suppressed_at",
)
"""The columns of our own export besides the preferences. They are read only from a file with a column `state`."""
COLUMNS = ("email", *FIELDS, *RECORD)
# listmonk: email, name, status, attributes…; Mailchimp: Email Address, First Name, Last Name, TAGS, TIMEZONE…
_SYNONYMS = {
    "email address": "email", "e-mail": "email", "mail": "email", "address": "email",
    "first name": "first", "last name": "last", "full name": "name", "subscriber name": "name",
    "tags": "topics", "topic": "topics", "lists": "topics", "query": "queries", "own queries": "queries",
    "hour": "at", "time": "at", "tz": "timezone", "time zone": "timezone", "frequency": "cadence",
    "max papers": "max_papers", "day of week": "weekday", "day of month": "monthday",
}  # fmt: skip
# listmonk marks people who must not be emailed; Mailchimp exports them in separate files with these columns.
_GONE = {"blocklisted", "unsubscribed", "cleaned", "disabled", "pending", "suppressed"}
_GONE_COLUMNS = {"unsub_time", "clean_time"}
_MOMENTS = tuple(name for name in RECORD if name.endswith("_at"))
_STATES = frozenset(SubscriberState)
_PAUSED = "paused"  # the status of paused subscribers in exports of the first version
_HELPERS = {"first", "last", "status", *_GONE_COLUMNS}
_SEPARATOR_LINE = re.compile(r"\s*sep=(.)\s*(?:\r\n|\r|\n|$)", re.IGNORECASE)  # Excel's
# Spreadsheets run a cell that begins with one of these as a formula (OWASP, CSV injection) unless quoted with '.
_RUN = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    """One row of a file: its location, the address, and the given preferences as texts by field."""

    where: str
    email: str
    given: Mapping[str, str]
    state: SubscriberState | None = None
    """The state in a file of our own export; None in other files."""
    history: Mapping[str, Any] = field(default_factory=dict)
    """The given values of created_at, confirmed_at, unsubscribed_at and unsubscribe_reason."""
    consent: Mapping[str, str] | None = None
    suppressed: tuple[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class SubscriberList:
    """The content of a file, and what was left out of it."""

    rows: tuple[SubscriberRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = ()
    """The columns that paperround does not know."""
    columns: tuple[str, ...] = ()
    """The preferences for which the file has a column."""


def read(data: bytes) -> SubscriberList:
    """Read a CSV file in UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons or tabs."""
    text, delimiter = _separated(decode(data).replace("\x00", ""))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [column.strip().lower() for column in next(lines)]
    except StopIteration:
        remedy = "the file is empty; its first line names the columns: email, topics, …"
        return SubscriberList(problems=(Problem("line 1", remedy),))
    except csv.Error as error:
        return SubscriberList(problems=(Problem("line 1", f"the names of the columns are not CSV ({error})"),))
    names = [_SYNONYMS.get(column, column) for column in header]
    known = {*COLUMNS, *_HELPERS} if "state" in names else {"email", *FIELDS, *_HELPERS}
    ignored = tuple(column for column, name in zip(header, names, strict=True) if name not in known and column)
    if "email" not in names:
        remedy = f"no column `email` among: {', '.join(header)[:200]}"
        return SubscriberList(problems=(Problem("line 1", remedy),), ignored=ignored)
    rows, problems = _read_rows(_records(lines, delimiter), [name if name in known else "" for name in names])
    columns = tuple(name for name in FIELDS if name in names)
    return SubscriberList(tuple(rows), tuple(problems), ignored, columns)


def write(subscribers: Iterable[Subscriber]) -> Iterator[str]:
    """Yield the lines of a file that `read` understands: the column names, then one line for each subscriber."""
    yield _line(COLUMNS)
    for subscriber in subscribers:
        record = _record(subscriber)
        cells = {"email": subscriber.email, **write_text(subscriber.preferences), **record}
        yield _line(cells[name] for name in COLUMNS)


def _record(subscriber: Subscriber) -> dict[str, str]:
    reason, since = subscriber.suppressed or ("", None)
    consent = json.dumps(dict(subscriber.consent), ensure_ascii=False, sort_keys=True) if subscriber.consent else ""
    return {
        "state": subscriber.state.value,
        "created_at": _moment(subscriber.created_at),
        "confirmed_at": _moment(subscriber.confirmed_at),
        "unsubscribed_at": _moment(subscriber.unsubscribed_at),
        "unsubscribe_reason": subscriber.unsubscribe_reason,
        "consent": consent,
        "suppressed_reason": reason,
        "suppressed_at": _moment(since),
    }


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow([f"'{cell}" if _RUN.match(cell) else cell for cell in cells])
    return out.getvalue()  # RFC 4180


# --- reading ------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    head = data[:2_000]
    if head[1::2].count(0) > len(head) // 4:  # every other byte of Western text in UTF-16 is zero
        return data.decode("utf-16-le", errors="replace")
    if head[::2].count(0) > len(head) // 4:
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _separated(text: str) -> tuple[str, str]:
    """Return the text without a first line such as `sep=;`, and the cell separator."""
    if found := _SEPARATOR_LINE.match(text):
        return text[found.end() :], found[1]
    first = text.partition("\n")[0]
    return text, max(",;\t", key=first.count)


def _records(lines: Any, delimiter: str) -> Iterator[tuple[str, list[str] | Problem]]:
    """Yield each record with its location, or a Problem in its place. Stops after an unclosed quote."""
    while True:
        start = lines.line_num + 1
        where = f"line {start}"
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.line_num == start and "expected after" in str(error):  # text after a closing quote
                yield where, Problem(where, f"is not CSV ({error}); is a quote left out or doubled?")
                continue
            yield where, _unclosed(where)
            return
        if any(_swallows(cell, delimiter) for cell in cells):
            yield where, _unclosed(where)
            return
        yield where, cells


def _unclosed(where: str) -> Problem:
    return Problem(where, "a quote is opened and not closed; nothing from this line on was read")


def _swallows(cell: str, delimiter: str) -> bool:
    """Return whether a cell appears to contain the following rows, which means that its quote was not closed."""
    if "@" not in cell or delimiter not in cell:
        return False
    rest = "".join(cell.splitlines(keepends=True)[1:])
    return "@" in rest and delimiter in rest


def _read_rows(
    records: Iterable[tuple[str, list[str] | Problem]], names: list[str]
) -> tuple[list[SubscriberRow], list[Problem]]:
    rows: list[SubscriberRow] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for where, cells in records:
        if isinstance(cells, Problem):
            problems.append(cells)
            continue
        values = {name: text for name, cell in zip(names, cells, strict=False) if name and (text := _cell(cell))}
        if not values:
            continue
        name, email = _address(values.get("email", ""))
        if problem := _unusable(values, email, seen):
            problems.append(Problem(f"{where} {email}".rstrip(), problem))
            continue
        seen[email.lower()] = where
        own_name = values.get("name") or f"{values.get('first', '')} {values.get('last', '')}".strip() or name
        try:
            rows.append(_row(where, email, {**values, "name": own_name}))
        except ValueError as error:
            problems.append(Problem(f"{where} {email}", str(error)))
    return rows, problems


def _cell(cell: str) -> str:
    cell = cell.strip(" \n\u00a0")
    return cell[1:] if cell.startswith("'") and _RUN.match(cell) else cell.strip()


def _address(cell: str) -> tuple[str, str]:
    """Return the name and address in a cell: `ada@example.org`, `Ada <ada@example.org>`, `mailto:ada@example.org`."""
    cell = clean(cell)
    if cell.lower().startswith("mailto:"):
        return "", cell[7:].partition("?")[0]
    return parseaddr(cell) if cell.endswith(">") else ("", cell)


def _unusable(values: Mapping[str, str], email: str, seen: Mapping[str, str]) -> str:
    if not email:
        return "has no address"
    if first := seen.get(email.lower()):
        return f"the address stands on {first} already"
    if values.get("status", "").lower() in _GONE or _GONE_COLUMNS & values.keys():
        return "has unsubscribed or is blocked there; left out"
    return ""


def _row(where: str, email: str, values: Mapping[str, str]) -> SubscriberRow:
    moments = {name: _read_moment(name, values[name]) for name in _MOMENTS if name in values}
    state = _PAUSED if values.get("status", "").lower() == _PAUSED else values.get("state", "").lower()
    reason, since = values.get("suppressed_reason"), moments.pop("suppressed_at", None)
    return SubscriberRow(
        where,
        email,
        {name: values[name] for name in FIELDS if values.get(name)},
        SubscriberState(state) if state in _STATES else None,
        moments | ({"unsubscribe_reason": values["unsubscribe_reason"]} if "unsubscribe_reason" in values else {}),
        _read_consent(values["consent"]) if "consent" in values else None,
        (reason, since) if reason and since else None,
    )


def _read_moment(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: {text[:40]!r} is not a moment; write it as 2026-11-23T07:00:00+00:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _read_consent(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"consent: {text[:40]!r} is not a JSON object")  # noqa: TRY004 - the row is wrong
    return {str(name): str(value) for name, value in found.items()}
