"""`paperround restore` and `carry-over`: what they print about the people who decided something since the backup."""

from __future__ import annotations

from contextlib import closing

from paperround.app import App, open_store
from paperround.domain.errors import StoreError, UsageError
from paperround.domain.text import counted
from paperround.store.carry_over import CarriedOver
from paperround.store.database_url import is_other_file, may_exist, parse, place

_WORDS = {
    "unsubscribed": ("unsubscribed", "unsubscribed"),
    "erased": ("erased", "erased"),
    "paused": ("paused", "paused"),
    "turned_off": ("turned emails off", "turned emails off"),
    "suppressed": ("suppressed address", "suppressed addresses"),
    "moved": ("changed address", "changed addresses"),
    "renewed": ("subscriber with new links", "subscribers with new links"),
    "revoked": ("revoked API token", "revoked API tokens"),
}


def carry_over(app: App, url: str) -> CarriedOver:
    """Take over from the previous database at a URL what people have decided since the backup.

    Raises ConfigurationError if this is not the URL of a database, UsageError if it names a file that is none, or the
    site's own database, and StoreError if there is none or it cannot be used.
    """
    parse(url, "the URL of the previous database")
    if not may_exist(url):
        raise StoreError(f"{place(url)}: there is no such database")
    if is_other_file(url):
        raise UsageError(f"{place(url)} is not a SQLite database; name the previous one")
    with closing(open_store(url)) as store:
        return app.store.carry_over(store, app.clock())


def summary(carried: CarriedOver) -> list[str]:
    """Return the lines that say what was carried over."""
    parts = [counted(number, *_WORDS[name]) for name, number in carried.counts().items() if number]
    if carried.problem and not parts:
        return []
    lines = [f"carried over what people have decided since the backup: {', '.join(parts) or 'nothing'}"]
    if carried.only_there:
        people = counted(carried.only_there, "person who subscribed", "people who subscribed")
        lines.append(f"{people} since the backup: in the previous database only; they have to subscribe again")
    return lines


def warning(carried: CarriedOver, previous: str) -> str:
    """Return what is unknown about people's decisions, what that means and what to do; empty if nothing is.

    `previous` says where the previous database is.
    """
    if carried.problem:
        copy = "if you have another copy of the previous database, run `paperround carry-over FILE` with it"
        risk = (
            f"people who unsubscribed, complained or were erased since the backup get letters again, because "
            f"{previous} says nothing of them: {carried.problem}"
        )
    elif carried.unknown:
        copy = (
            "run `paperround carry-over FILE` with the database that the older backup replaced, which `restore` kept "
            "with .before-restore-1 or a later number at the end of its name"
        )
        people = counted(carried.unknown, "person", "people")
        risk = f"{people} who may have unsubscribed could get letters again: {previous} does not have them"
    else:
        return ""
    return f"before you start paperround, {copy}. Otherwise {risk}. If that file is lost, see docs/operate.md#backup"
