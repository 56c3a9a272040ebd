"""A backup by pg_dump, restored by the commands of docs/operate.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select

from paperround.operator import restoring
from paperround.rounds import pipeline
from paperround.store.engine import reading
from paperround.store.schema import deliveries, digests
from paperround.subscribers import membership
from support import postgres
from support.databases import engine_of
from support.papers import listing
from support.site import Site

_MANUAL = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
_NAMES = {"stayer@hopper.example", "leaver@hopper.example", "erased@hopper.example"}


def _backup_commands() -> tuple[str, list[str]]:
    """Return the command that the manual has for a backup, and those for restoring it."""
    (backup,) = re.findall(r"`(pg_dump [^`]+)`", _MANUAL)
    (block,) = re.findall(r"```sh\n(psql [^`]+pg_restore [^`]+)```", _MANUAL)
    return backup, block.splitlines()


def _run(command: str, database: str, server: str, folder: Path) -> None:
    """Run a command of the manual for this database."""
    written = re.sub(r"\bpaperround\b(?!\.dump)", database, command.replace("--owner paperround ", ""))
    written = re.sub(r"\bbefore\b", f"{database}_before", written)
    parts = urlsplit(server)
    programs = postgres.binaries()
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
    }
    with (folder / "paperround.dump").open("rb" if "restore" in command else "ab") as file:
        output = file if " > " in written else subprocess.DEVNULL
        words = shlex.split(written.partition(" > ")[0])
        subprocess.run(words, check=True, stdout=output, cwd=folder, env={**os.environ, **environment})


def _send_letters(site: Site, number: int) -> set[str]:
    """Let a day with a new paper pass, and return who gets a letter."""
    site.clock.now += timedelta(days=1)
    site.papers(listing(number, "robots", day=site.clock.now.date()))
    before = len(site.relay.letters)
    pipeline.publish_and_deliver(site.app)
    return {letter.recipient for letter in site.relay.letters[before:]}


def test_a_restored_dump_writes_to_nobody_who_has_left_and_keeps_its_integrity(
    postgres_server: str, postgres_url: str, tmp_path: Path
) -> None:
    database = postgres_url.rpartition("/")[2]
    site = Site(tmp_path, postgres_url)
    site.topic("robots")
    for name in _NAMES:
        site.subscriber(name, "robots", at="05:00")
    assert _send_letters(site, 1) == _NAMES
    backup, (rename, create, restore, migrate, carry_over) = _backup_commands()
    _run(backup, database, postgres_server, tmp_path)
    leaver, erased = (site.app.store.subscribers.by_email(f"{name}@hopper.example") for name in ("leaver", "erased"))
    assert leaver
    assert erased
    membership.unsubscribe(site.app, leaver)
    membership.erase(site.app, erased)
    site.app.close()

    for command in (rename, create, restore):
        _run(command, database, postgres_server, tmp_path)
    assert (migrate, carry_over.rpartition(" ")[0]) == ("paperround migrate", "paperround carry-over")
    restored = Site(tmp_path, postgres_url, site.clock)
    carried = restoring.carry_over(restored.app, f"{postgres_url}_before")

    assert (carried.unsubscribed, carried.erased) == (1, 1)
    assert _send_letters(restored, 2) == {"stayer@hopper.example"}
    stayer = restored.app.store.subscribers.by_email("stayer@hopper.example")
    assert stayer
    membership.erase(restored.app, stayer)
    with reading(engine_of(restored.app.store)) as db:
        theirs = deliveries.c.subscriber == stayer.row
        assert db.scalar(select(func.count()).select_from(deliveries).where(theirs)) == 0
        assert db.scalar(select(func.count()).select_from(digests).where(digests.c.subscriber == stayer.row)) == 0
    restored.app.close()
