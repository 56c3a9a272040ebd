"""Tells what went wrong in the database, and what to do about it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from paperround.domain.errors import StoreError

BUSY_SECONDS = 30
"""How long a program waits for a lock on the database."""


@contextmanager
def named_errors(disk: str = "the database's disk") -> Iterator[None]:
    """Raise a StoreError with a remedy in place of the driver's errors in this block, which writes to a disk."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(explain(_code(cause), " ".join(str(cause).split()), disk)) from error


_MIGRATE = "the database is of another version ({}); run: paperround migrate"
_OTHER_VERSION = re.compile(r"no such (?:table|column)|table \w+ has no column")


def _code(error: BaseException | None) -> int | str | None:
    """Return SQLite's primary result code or PostgreSQL's SQLSTATE; None if the driver itself raised the error."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # a file beside the database could not grow
        return sqlite3.SQLITE_FULL
    return getattr(error, "sqlstate", None) if code is None else code & 0xFF


def explain(code: int | str | None, message: str, disk: str = "the database's disk") -> str:
    """Return a sentence about an error with this code (see `_code`) and message, with the remedy."""
    # Not by the words of the message: it may quote a row.
    match code:
        case sqlite3.SQLITE_FULL | "53100":
            what = "{disk} is full ({}); free some space and run the command again: nothing is lost"
        case "40P01":
            what = "another program had locked the database ({}); run the command again: nothing is lost"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | "55P03":
            what = (
                f"the database was locked for {BUSY_SECONDS} s ({{}}); a backup or another program may hold it. "
                "Run the command again: nothing is lost"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            what = (
                "the database is damaged ({}); stop paperround, move the file away, and run: "
                "paperround restore BACKUP"
            )
        case "42P01" | "42703":
            what = _MIGRATE
        case sqlite3.SQLITE_ERROR if _OTHER_VERSION.match(message):  # SQLite has no code of its own for these
            what = _MIGRATE
        case _:
            what = "the database cannot be used: {}"
    return what.format(message, disk=disk)
