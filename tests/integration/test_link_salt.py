"""Links are valid for one database: the numbers in them belong to other subscribers in another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.rounds import pipeline
from paperround.store.engine import writing
from support.databases import engine_of
from support.pages import Pages
from support.papers import listing
from support.site import Site


def _moved_by_csv(tmp_path: Path) -> tuple[Pages, Pages]:
    """Two sites with the same secret key, whose subscribers have each other's numbers."""
    found = []
    for name, emails in (("old", ("zoe@x.example", "adam@x.example")), ("new", ("adam@x.example", "zoe@x.example"))):
        folder = tmp_path / name
        folder.mkdir()
        pages = Pages(folder, f"sqlite:///{folder}/own.db")
        for email in emails:
            pages.subscriber(email)
        found.append(pages)
    return found[0], found[1]


def test_links_of_the_old_database_open_nobody_elses_subscription_in_a_new_one(tmp_path: Path) -> None:
    old, new = _moved_by_csv(tmp_path)
    for purpose in ("preferences", "unsubscribe", "digest", "feedback", "confirm"):
        assert new.client.get(old.link(purpose, 1)).status_code == 404, purpose
    new.client.post(old.link("unsubscribe", 1), data={"List-Unsubscribe": "One-Click"})
    assert {one.email for one in new.app.store.subscribers.all() if one.state.is_subscribed} == {
        "adam@x.example",
        "zoe@x.example",
    }
    address = tokens.verp(old.app.link_keys, 1, "bounces.example.org")
    with pytest.raises(InvalidTokenError):
        tokens.read_verp(new.app.link_keys, tokens.find_verp(address) or "")
    assert new.client.get(new.link("preferences", 1)).status_code == 200
    for pages in (old, new):
        pages.app.close()


@pytest.mark.parametrize("has_letters", [True, False])
def test_an_upgrade_keeps_the_links_of_a_database_with_letters(
    tmp_path: Path, empty_database_url: str, *, has_letters: bool
) -> None:
    site = Site(tmp_path, empty_database_url)
    site.topic("robots")
    if has_letters:
        site.papers(listing(1, "robots"))
        site.subscriber("ada@x.example", "robots", first_now=True)
        assert pipeline.publish(site.app).composed == 1
    with writing(engine_of(site.app.store)) as db:
        db.execute(text("DELETE FROM notes WHERE name = 'link salt'"))
        for table in ("alarms", "webhook_signatures"):  # of the versions after
            db.execute(text(f"DROP TABLE {table}"))
        for table in ("feedback", "examples"):
            db.execute(text(f"ALTER TABLE {table} DROP COLUMN owned"))
        db.execute(text("UPDATE alembic_version SET version_num = '0028'"))
    site.app.store.migrate()
    upgraded = Site(tmp_path, empty_database_url)
    assert (upgraded.app.link_keys == upgraded.app.keys) is has_letters
    for one in (site, upgraded):
        one.app.close()
