"""What holds people's data is readable by nobody else on the machine, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperround.operator import doctor
from paperround.process import private_files
from paperround.rounds import pipeline
from support.papers import listing
from support.service import letters_to, running
from support.site import Site


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _open(folder: Path) -> list[str]:
    """What under a folder others than its owner can do anything with."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if private_files.is_open_to_others(path)]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("kind", ["inbox", "maildir", "file"])
def test_only_the_owner_can_read_database_backup_and_letters(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    topics = tmp_path / "topics.toml"
    topics.write_text("")
    topics.chmod(0o600)
    site = Site(
        tmp_path, f"sqlite:///{data}/paperround.db", transport={"kind": kind, "directory": data / "mail" / "letters"}
    )
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = site.clock.now.replace(hour=23)
    pipeline.publish(site.app)
    assert pipeline.deliver(site.app).letters["sent"] == 1
    site.app.store.backup(tmp_path / "backups" / "today.db")
    assert {path.name for path in data.iterdir()} >= {"paperround.db", "paperround.db-wal", "paperround.db-shm"}
    assert _open(data) == []
    assert _open(tmp_path / "backups") == []
    assert not private_files.is_open_to_others(data)
    site.app.close()


def test_doctor_names_what_others_can_read_with_the_command_that_mends_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    database = tmp_path / "paperround.db"
    assert not [found for found in doctor.examine(site.app) if found.check == f"file {database}"]
    database.chmod(0o644)
    (found,) = [found for found in doctor.examine(site.app) if found.check == f"file {database}"]
    assert found.verdict is doctor.CheckState.WARNING
    assert found.command == f"chmod 600 {database}"
    site.app.close()


@pytest.mark.usefixtures("umask")
def test_a_rewritten_file_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    private_files.write(path, b"once")
    path.chmod(0o644)
    private_files.write(path, b"again")
    private_files.create(path)
    assert path.read_bytes() == b"again"
    assert stat.S_IMODE(path.stat().st_mode) == private_files.FILE


def test_a_whole_service_leaves_nothing_open(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with running(tmp_path) as base:
            letters_to(base, "zofia@dabrowska.example")
            (tmp_path / "service.log").chmod(0o600)  # the test's own
            assert _open(tmp_path) == []
    finally:
        os.umask(before)
