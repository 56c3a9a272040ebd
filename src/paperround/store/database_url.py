"""The URL of the database: what is wrong with one, and where its SQLite file is."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from paperround.domain.errors import ConfigurationError

SETTING = "PAPERROUND_DATABASE_URL"
_DRIVERS = ("sqlite", "postgresql+psycopg")
_SQLITE_HEADER = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html, section 1.3
_REMEDY = "use sqlite:///data/paperround.db or postgresql+psycopg://name@host/database"
_ESCAPES = "write @ in a password as %40, : as %3A and / as %2F"


def parse(url: str, name: str = SETTING) -> URL:
    """Return the parts of the URL of a supported database.

    `name` says in errors where the URL is from; the URL itself is left out, since it may contain a password. Raises
    ConfigurationError if no database can be opened at it.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(f"{name} is not a database URL; {_REMEDY}") from None
    except ValueError:  # what SQLAlchemy raises here
        raise ConfigurationError(
            f"{name} has a port that is not a number; it is 5432 in postgresql+psycopg://name@host:5432/database; "
            f"{_ESCAPES}"
        ) from None
    if parsed.drivername not in _DRIVERS:
        raise ConfigurationError(f"{name} names {parsed.drivername}, which is not supported; {_REMEDY}")
    if wrong := _problem_with(parsed):
        raise ConfigurationError(f"{name} {wrong}")
    return parsed


def _problem_with(parsed: URL) -> str:
    """Return why no database can be opened at a URL, with the remedy; empty if nothing is wrong with it."""
    if parsed.drivername == "sqlite":
        if parsed.host or parsed.username or parsed.port:
            return "has a host, and SQLite needs a file; use three slashes before its path, four if it is absolute"
        path = parsed.database or ""
        if path.startswith("file:") or "\0" in path:
            return "names no file; use sqlite:///data/paperround.db"
    elif "@" in (parsed.host or ""):  # which an error of the driver would print, with part of the password
        return f"has two @; {_ESCAPES}"
    try:
        parsed.get_dialect()().create_connect_args(parsed)
    except (ArgumentError, ValueError):
        return f"has a wrong option after its ?; {_REMEDY}"
    return ""


def check_setting(url: str) -> None:
    """Raise ConfigurationError if this cannot be the URL of a site's database."""
    if _in_memory(parse(url)):
        raise ConfigurationError(
            f"{SETTING} names a database in memory, which each command would begin anew and lose; "
            "use sqlite:///data/paperround.db"
        )


def sqlite_file(url: str) -> Path | None:
    """Return the path of the SQLite database at a URL; None if it is in memory, or another database.

    Raises ConfigurationError as `parse` does.
    """
    parsed = parse(url)
    return None if parsed.drivername != "sqlite" or _in_memory(parsed) else Path(str(parsed.database))


def place(url: str) -> str:
    """Return where the database at a URL is: the path of its file, or the URL without its password.

    Raises ConfigurationError as `parse` does.
    """
    if file := sqlite_file(url):
        return str(file.resolve())
    parsed = parse(url)
    hidden = {name: "***" for name in ("password", "sslpassword") if name in parsed.query}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def in_memory(url: str) -> bool:
    """Return whether the database at a URL is in memory, and ends with the program that opens it.

    Raises ConfigurationError as `parse` does.
    """
    return _in_memory(parse(url))


def _in_memory(parsed: URL) -> bool:
    return parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}


def may_exist(url: str) -> bool:
    """Return whether there may be a database at the URL: not if it names a SQLite file that is missing or empty.

    Connecting to such a file would create it. Raises ConfigurationError as `parse` does.
    """
    path = sqlite_file(url)
    return path is None or (path.is_file() and path.stat().st_size > 0)


def is_other_file(url: str) -> bool:
    """Return whether the URL of a SQLite database names a file of another kind; not if it cannot be read.

    Raises ConfigurationError as `parse` does.
    """
    path = sqlite_file(url)
    try:
        with path.open("rb") if path else nullcontext() as file:
            return file is not None and file.read(len(_SQLITE_HEADER)) != _SQLITE_HEADER
    except OSError:
        return False
