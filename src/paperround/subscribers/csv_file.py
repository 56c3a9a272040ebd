"""Read and write lists of subscribers as CSV: our own format, and the exports of listmonk and Mailchimp.

A list may have millions of rows, so it is read row by row and never held as a whole.

Our own export contains everything that is stored about a subscriber's subscription, so that another site can import
it: the preferences, then the state and its history (`RECORD`).
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from paperround.domain import encodings
from paperround.domain.clock import read_moment
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
    "interest": "queries", "interests": "queries",
    "hour": "at", "time": "at", "tz": "timezone", "time zone": "timezone", "frequency": "cadence",
    "max papers": "max_papers", "day of week": "weekday", "day of month": "monthday",
}  # fmt: skip
# listmonk marks people who must not be emailed; Mailchimp exports them in separate files with these columns.
_GONE = {"blocklisted", "unsubscribed", "cleaned", "disabled", "pending", "suppressed"}
_GONE_COLUMNS = {"unsub_time", "clean_time"}
_MOMENTS = tuple(name for name in RECORD if name.endswith("_at"))
_STATES = frozenset(SubscriberState)
_PAUSED = "paused"  # the status of paused subscribers in exports of the first version
# The other columns that these two always write, by one that only they have. Nothing here corresponds to them.
_FOREIGN = {
    "uuid": {"uuid", "id", "attributes", "created_at", "updated_at", "subscription_created_at"},
    "member_rating": {
        *("member_rating", "address", "phone number", "birthday", "optin_time", "optin_ip", "confirm_time"),
        *("confirm_ip", "latitude", "longitude", "gmtoff", "dstoff", "cc", "region", "last_changed", "leid", "euid"),
        *("notes", "unsub_campaign_title", "unsub_campaign_id", "unsub_reason", "unsub_reason_other"),
        *("clean_campaign_title", "clean_campaign_id"),
    },
}
_LABELS = {"tags", "lists"}  # what other systems call their own groups, which need not be topics here
_HELPERS = {"first", "last", "status", *_GONE_COLUMNS}
_SEPARATOR_LINE = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # Excel's
# Spreadsheets run a cell that begins with one of these as a formula (OWASP, CSV injection) unless quoted with '.
_RUN = re.compile(r"'*[=+\-@\t\r]")


class SubscriberRow(NamedTuple):
    """One row of a file: its location, the address, and the given preferences as texts by field."""

    where: str
    email: str
    given: Mapping[str, str]
    state: SubscriberState | None = None
    """The state in a file of our own export; None in other files."""
    history: Mapping[str, Any] = {}
    """The given values of created_at, confirmed_at, unsubscribed_at and unsubscribe_reason."""
    consent: Mapping[str, str] | None = None
    suppressed: tuple[str, datetime] | None = None
    missing: int = 0
    """How many cells fewer than columns the row has; they count as empty."""


@dataclass(frozen=True, slots=True)
class SubscriberList:
    """A file's rows, which are read when they are asked for, once, and what is known of it before."""

    entries: Iterator[SubscriberRow | Problem]
    """The rows in the order of the file; a Problem in place of each that cannot be used."""
    ignored: tuple[str, ...] = ()
    """The columns that paperround does not know."""
    columns: tuple[str, ...] = ()
    """The preferences for which the file has a column."""
    encoding: str = ""
    """The encoding that the file seems to be in, if it is not UTF-8."""
    labels: bool = False
    """Whether the topics are labels of another system, of which some are no topics here."""


def read(file: BinaryIO) -> SubscriberList:
    """Read a CSV file in UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons, tabs or vertical bars.

    A file with one address per line needs no names of columns.

    The file must be seekable and stay open until all rows are read; then it is closed.
    """
    encoding = encodings.encoding_of(file)
    text, delimiter = _separated(_lines(file, encoding))
    lines = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        first = next(lines)
    except StopIteration:
        return _useless("the file is empty; its first line names the columns: email, topics, …")
    except csv.Error as error:
        return _useless(f"the names of the columns are not CSV ({error})")
    records = _records(lines, delimiter)
    if len(first) == 1 and "@" in first[0]:
        records, first = chain([(1, first)], records), ["email"]
    header = [column.strip().lower() for column in first]
    foreign = set[str]().union(*(columns for one, columns in _FOREIGN.items() if one in header))
    names = ["" if column in foreign else _SYNONYMS.get(column, column) for column in header]
    known_columns = {*COLUMNS, *_HELPERS} if "state" in names else {"email", *FIELDS, *_HELPERS}
    ignored = tuple(column for column, name in zip(header, names, strict=True) if name and name not in known_columns)
    if "email" not in names:
        remedy = "the first line names the columns, for example: email,name,topics"
        return _useless(f"no column `email` among: {', '.join(header)[:200]}; {remedy}", ignored)
    entries = _read_rows(records, [name if name in known_columns else "" for name in names])
    columns = tuple(name for name in FIELDS if name in names)
    labels = any(name == "topics" and column in _LABELS for column, name in zip(header, names, strict=True))
    return SubscriberList(entries, ignored, columns, encodings.other_than_utf8(encoding), labels)


def _useless(why: str, ignored: tuple[str, ...] = ()) -> SubscriberList:
    return SubscriberList(iter([Problem("line 1", why)]), ignored)


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


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    with io.TextIOWrapper(file, encoding, errors="replace", newline="") as text:
        for line in text:
            yield line.replace("\x00", "")


def _separated(lines: Iterator[str]) -> tuple[Iterator[str], str]:
    """Return the lines without a first one such as `sep=;`, and the cell separator."""
    first = next(lines, "")
    if match := _SEPARATOR_LINE.fullmatch(first):
        return lines, match[1]
    return chain([first] if first else [], lines), max(",;\t|", key=first.count)


def _records(lines: Any, delimiter: str) -> Iterator[tuple[int, list[str] | Problem]]:
    """Yield each record with its line, or a Problem in its place. Stops after an unclosed quote.

    Such a quote swallows the following lines until a cell is longer than the `csv` module allows.
    """
    while True:
        start = lines.line_num + 1
        where = f"line {start}"
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.line_num == start and "expected after" in str(error):  # text after a closing quote
                yield start, Problem(where, f"is not CSV ({error}); check for a missing or doubled quote")
                continue
            if lines.line_num == start and "field limit" in str(error):
                yield start, Problem(where, f"a cell has more than {csv.field_size_limit():,} characters")
                continue
            yield start, _unclosed(where)
            return
        if lines.line_num > start and any(_swallows(cell, delimiter) for cell in cells):
            yield start, _unclosed(where)
            return
        yield start, cells


def _unclosed(where: str) -> Problem:
    return Problem(where, "a quote is opened and not closed; nothing from this line on was read")


def _swallows(cell: str, delimiter: str) -> bool:
    """Return whether a cell appears to contain the following rows, which means that its quote was not closed."""
    if "@" not in cell or delimiter not in cell:
        return False
    rest = "".join(cell.splitlines(keepends=True)[1:])
    return "@" in rest and delimiter in rest


def _read_rows(
    records: Iterable[tuple[int, list[str] | Problem]], names: Sequence[str]
) -> Iterator[SubscriberRow | Problem]:
    fields = tuple(name for name in FIELDS if name in names or name == "name")
    first_lines = _FirstLines()
    for line, cells in records:
        if isinstance(cells, Problem):
            yield cells
            continue
        if any(map(_cell, cells[len(names) :])):
            yield Problem(f"line {line}", _too_long(len(cells), len(names)))
            continue
        values = {name: text for name, cell in zip(names, cells, strict=False) if name and (text := _cell(cell))}
        if not values:
            continue
        where = f"line {line}"
        name, email = _address(values.get("email", ""))
        key = (email if email.isascii() else unicodedata.normalize("NFKC", email)).lower()
        if problem := _unusable(values, email, first_lines.line_of(key)):
            yield Problem(f"{where} {email}".rstrip(), problem)
            continue
        first_lines.add(key, line)
        if "name" not in values:
            values["name"] = f"{values.get('first', '')} {values.get('last', '')}".strip() or name
        if '"' in values.get("topics", ""):
            values["topics"] = _without_quotes(values["topics"])
        try:
            yield _row(where, email, values, fields)._replace(missing=max(0, len(names) - len(cells)))
        except ValueError as error:
            yield Problem(f"{where} {email}", str(error))


def _too_long(cells: int, columns: int) -> str:
    remedy = "if a cell contains the separator, put the cell in double quotes"
    return f"it has {cells} cells, but the first line names {columns} columns; {remedy}"


class _FirstLines:
    """Remembers on which line each address stands first, with 20 MB for a million addresses instead of 110 in a dict.

    It holds hashes of 64 bits instead of addresses, in arrays short enough to be searched. That two hashes are the
    same, so that the second address is skipped and reported as a repetition, happens in one of 40 million such files.
    """

    _PAIRS = 1 << 15

    def __init__(self) -> None:
        self._pairs: defaultdict[int, tuple[array[int], array[int]]] = defaultdict(lambda: (array("q"), array("I")))

    def line_of(self, address: str) -> int | None:
        """Return the line of an address, or None if it was not added."""
        key = hash(address)
        hashes, lines = self._pairs[key % self._PAIRS]
        return lines[hashes.index(key)] if key in hashes else None

    def add(self, address: str, line: int) -> None:
        """Add an address that was not added before."""
        key = hash(address)
        hashes, lines = self._pairs[key % self._PAIRS]
        hashes.append(key)
        lines.append(line)


def _cell(cell: str) -> str:
    cell = cell.strip(" \n\u00a0")
    return cell[1:] if cell.startswith("'") and _RUN.match(cell) else cell.strip()


def _without_quotes(topics: str) -> str:
    """Return a cell that is CSV itself, as Mailchimp writes tags (`"robotics","video"`), without its quotes."""
    return ";".join(chain.from_iterable(csv.reader(topics.splitlines(), skipinitialspace=True)))


def _address(cell: str) -> tuple[str, str]:
    """Return the name and address in a cell: `ada@example.org`, `Ada <ada@example.org>`, `mailto:ada@example.org`."""
    cell = clean(cell)
    if cell.lower().startswith("mailto:"):
        return "", cell[7:].partition("?")[0]
    return parseaddr(cell) if cell.endswith(">") else ("", cell)


def _unusable(values: Mapping[str, str], email: str, first: int | None) -> str:
    """Return why a row cannot be used, or an empty text; `first` is the line on which its address stands before."""
    if not email:
        return "has no address"
    if first:
        return f"the address is already on line {first}"
    if values.get("status", "").lower() in _GONE or _GONE_COLUMNS & values.keys():
        return "has unsubscribed or is blocked there; left out"
    return ""


def _row(where: str, email: str, values: Mapping[str, str], fields: Sequence[str]) -> SubscriberRow:
    moments = {name: _read_moment(name, values[name]) for name in _MOMENTS if name in values}
    state = _PAUSED if values.get("status", "").lower() == _PAUSED else values.get("state", "").lower()
    reason, since = values.get("suppressed_reason"), moments.pop("suppressed_at", None)
    return SubscriberRow(
        where,
        email,
        {name: text for name in fields if (text := values.get(name))},
        SubscriberState(state) if state in _STATES else None,
        moments | ({"unsubscribe_reason": values["unsubscribe_reason"]} if "unsubscribe_reason" in values else {}),
        _read_consent(values["consent"]) if "consent" in values else None,
        (reason, since) if reason and since else None,
    )


def _read_moment(name: str, text: str) -> datetime:
    try:
        return read_moment(text)
    except ValueError:
        raise ValueError(f"{name}: {text[:40]!r} is not a moment; write it as 2026-11-23T07:00:00+00:00") from None


def _read_consent(text: str) -> dict[str, str]:
    try:
        consent = json.loads(text)
    except ValueError:
        consent = None
    if not isinstance(consent, dict):
        raise ValueError(f"consent: {text[:40]!r} is not a JSON object")  # noqa: TRY004 - the row is wrong
    return {str(name): str(value) for name, value in consent.items()}
