"""Who is erased is in no file of the site any more: not in the database, its log, or the built-in inbox."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from paperround.rounds import pipeline
from paperround.subscribers import membership
from support.papers import listing
from support.site import Site

GONE, STAYS = "ada-to-be-forgotten@example.org", "bob-who-stays@example.org"


def _files_with(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_an_erased_address_is_in_no_file(tmp_path: Path) -> None:
    site = Site(tmp_path, transport={"kind": "inbox", "directory": tmp_path / "inbox"})
    site.topic("robots")
    for email in (GONE, STAYS):
        site.subscriber(email, "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    assert pipeline.deliver(site.app).letters["sent"] == 2
    assert _files_with(tmp_path, GONE)
    membership.erase(site.app, membership.subscriber(site.app, GONE))
    assert _files_with(tmp_path, GONE) == []
    assert _files_with(tmp_path, STAYS)
    site.app.close()
