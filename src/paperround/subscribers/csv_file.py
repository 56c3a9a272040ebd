"""A list of subscribers as a CSV file, in and out: our own columns, and what listmonk and Mailchimp export. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from paperround.domain.models import Problem, Subscriber

COLUMNS = ("email", "name", "topics", "cadence", "at", "timezone", "max_papers")
PAUSED = "paused"
"""The one status that a row keeps: such a subscriber is taken in, and gets nothing until they resume."""
# listmonk: email, name, status, attributes…; Mailchimp: Email Address, First Name, Last Name, TAGS, TIMEZONE…
_SYNONYMS = {
    "email address": "email", "e-mail": "email", "mail": "email", "address": "email",
    "first name": "first", "last name": "last", "full name": "name", "subscriber name": "name",
    "tags": "topics", "topic": "topics", "lists": "topics", "hour": "at", "time": "at", "tz": "timezone",
    "time zone": "timezone", "frequency": "cadence", "max papers": "max_papers",
}  # fmt: skip
# listmonk marks who must not be mailed; Mailchimp exports those in files of their own, with these columns.
# Our own export marks those who never confirmed and those whose address is suppressed.
_GONE = {"status": {"blocklisted", "unsubscribed", "cleaned", "disabled", "pending", "suppressed"}}
_GONE_COLUMNS = {"unsub_time", "clean_time"}


@dataclass(frozen=True, slots=True)
class SubscriberList:
    """The rows of a file: where each stands and its values by our column names; and what was left out."""

    rows: tuple[tuple[str, dict[str, str]], ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]
    """Columns that mean nothing to paperround."""


def read(data: bytes) -> SubscriberList:
    """Read a CSV file: with or without a byte order mark, separated by commas, semicolons or tabs."""
    text = data.decode("utf-8-sig", errors="replace").replace("\x00", "")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [column.strip().lower() for column in next(lines)]
    except (StopIteration, csv.Error):
        return SubscriberList(
            (),
            (Problem("line 1", "the file is empty; its first line names the columns: email, topics, …"),),
            (),
        )
    names = [_SYNONYMS.get(column, column) for column in header]
    known = {*COLUMNS, "first", "last", *_GONE, *_GONE_COLUMNS}
    ignored = tuple(column for column, name in zip(header, names, strict=True) if name not in known and column)
    if "email" not in names:
        return SubscriberList(
            (), (Problem("line 1", f"no column `email` among: {', '.join(header)[:200]}"),), ignored
        )
    return _rows(lines, names, ignored)


def write(subscribers: Iterable[Subscriber], public: Collection[str]) -> str:
    """The subscribers as a file that `read` understands, with those of their topics that are public."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    table.writerow([*COLUMNS, "status"])
    for subscriber in subscribers:
        schedule = subscriber.schedule
        topics = ";".join(slug for slug in subscriber.topics if slug in public)
        when = (schedule.cadence.value, f"{schedule.at:%H:%M}", schedule.timezone)
        status = "suppressed" if subscriber.suppressed else subscriber.state.value
        table.writerow([subscriber.email, _harmless(subscriber.name), topics, *when, subscriber.max_papers, status])
    return out.getvalue()


def _rows(lines: Iterable[list[str]], names: list[str], ignored: tuple[str, ...]) -> SubscriberList:
    rows: list[tuple[str, dict[str, str]]] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    subscriber = iter(lines)
    while True:
        try:
            cells = next(subscriber)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(Problem("the rest of the file", f"is not CSV ({error}); are quotes balanced?"))
            break
        where = f"line {getattr(lines, 'line_num', 0)}"
        values = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name and cell.strip()}
        if not values:
            continue
        email = values.get("email", "")
        if problem := _unusable(values, email, seen):
            problems.append(Problem(f"{where} {email}".rstrip(), problem))
            continue
        seen[email.casefold()] = where
        values.setdefault("name", f"{values.pop('first', '')} {values.pop('last', '')}".strip())
        kept = {name: value for name, value in values.items() if name in COLUMNS}
        if values.get("status", "").lower() == PAUSED:
            kept["status"] = PAUSED
        rows.append((where, kept))
    return SubscriberList(tuple(rows), tuple(problems), ignored)


def _unusable(values: dict[str, str], email: str, seen: dict[str, str]) -> str:
    if not email:
        return "has no address"
    if first := seen.get(email.casefold()):
        return f"the address stands on {first} already"
    if values.get("status", "").lower() in _GONE["status"] or _GONE_COLUMNS & values.keys():
        return "has unsubscribed or is blocked there; left out"
    return ""


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _harmless(cell: str) -> str:
    # A spreadsheet runs a cell that begins with one of these (OWASP, CSV injection).
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
