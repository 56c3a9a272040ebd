"""Checks of the machine: the database, the disk, the permissions of files, and the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from paperround.app import App
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.operator.doctor.outgoing_mail import FOLDER_TRANSPORTS
from paperround.operator.readiness import MIN_FREE_SPACE, free_space
from paperround.process import private_files
from paperround.settings import unknown_in_environment, unused_of_transport

_LITTLE_ROOM = 500 * 2**20  # bytes; a round of a hundred thousand subscribers writes about 300 MB


def check_database(app: App) -> Iterator[Finding]:
    """Check that the database can be used, and that its disk has room."""
    url = make_url(app.settings.database_url)
    if app.store.in_memory:
        what = f"there is no paperround database at {url.render_as_string()} yet"
        remedy = "`paperround up` creates one; if the site already has one, correct PAPERROUND_DATABASE_URL"
        yield Finding("database", CheckState.WARNING, f"{what}; {remedy}")
        return
    yield Finding("database", CheckState.OK, f"{url.get_backend_name()}, {app.store.papers.count():,} papers")
    if url.database and (free := free_space(app)) is not None:
        folder = Path(url.database).resolve().parent
        room = f"{free // 2**20:,} MB free at the database"
        if free < MIN_FREE_SPACE:
            yield Finding("disk", CheckState.ERROR, f"{room}: nothing can be stored; free some space", stops=True)
        elif free < _LITTLE_ROOM:
            yield Finding("disk", CheckState.WARNING, f"{room}; a round may need more: free some space")
        else:
            yield Finding("disk", CheckState.OK, room)
        if not os.access(folder, os.W_OK):
            what = f"this account cannot write to {folder}; change the owner of the folder"
            yield Finding("disk", CheckState.ERROR, what, stops=True)


def check_files(app: App) -> Iterator[Finding]:
    """Report files with personal data or secrets that other accounts on this machine can read."""
    for path in _private_paths(app):
        if path.exists() and private_files.is_open_to_others(path):
            mode = private_files.FOLDER if path.is_dir() else private_files.FILE
            what = "other accounts on this machine can read this file"
            yield Finding(f"file {path}", CheckState.WARNING, what, f"chmod {mode:o} {path}")


def _private_paths(app: App) -> Iterator[Path]:
    url, settings = make_url(app.settings.database_url), app.settings
    if url.database and url.get_backend_name() == "sqlite":
        yield from (Path(url.database + ending) for ending in ("", "-wal", "-shm"))
    if isinstance(settings.transport, FOLDER_TRANSPORTS):
        yield settings.transport.directory
    if settings.bounces.maildir:
        yield settings.bounces.maildir
    if settings.dkim:
        yield settings.dkim.key_file
    yield Path(".env")


def check_environment(app: App) -> Iterator[Finding]:
    """Report variables that set nothing."""
    for sentence in (*unknown_in_environment(), *unused_of_transport(app.settings)):
        yield Finding("environment", CheckState.WARNING, sentence)
