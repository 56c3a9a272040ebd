"""Who is erased is in no file of the site any more: not in the database, its log, or the built-in inbox."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from paperround.operator import doctor
from paperround.rounds import pipeline
from paperround.store.address_changes import ConfirmResult
from paperround.store.engine import reading
from paperround.store.schema import (
    deliveries,
    digest_papers,
    digests,
    events,
    subscribers,
    subscriptions,
    suppressions,
)
from paperround.subscribers import address_change, confirmation, membership
from support.databases import engine_of
from support.papers import listing
from support.site import Site

GONE, STAYS = "ada-to-be-forgotten@example.org", "bob-who-stays@example.org"


def _files_with(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def _after_a_letter(folder: Path, *emails: str) -> Site:
    """Return a site whose built-in inbox has a letter to each of these subscribers."""
    site = Site(folder, transport={"kind": "inbox", "directory": folder / "inbox"})
    site.topic("robots")
    for email in emails:
        site.subscriber(email, "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    assert pipeline.deliver(site.app).letters["sent"] == len(emails)
    return site


def test_an_erased_address_is_in_no_file(tmp_path: Path) -> None:
    site = _after_a_letter(tmp_path, GONE, STAYS)
    assert _files_with(tmp_path, GONE)
    site.app.store.subscribers.suppress(GONE, "a complaint", site.clock())
    membership.erase(site.app, membership.subscriber(site.app, GONE))
    assert _files_with(tmp_path, GONE) == []
    assert _files_with(tmp_path, STAYS)
    site.app.close()


def test_several_who_are_erased_together_leave_nothing_and_stay_suppressed(tmp_path: Path, database_url: str) -> None:
    site = Site(
        tmp_path,
        database_url,
        webhooks=[{"name": "crm", "url": "https://crm.example", "secret": "whsec_" + "A" * 32}],
    )
    site.topic("robots")
    leaving = [f"leaves{number}@example.org" for number in range(3)]
    for email in (*leaving, STAYS):
        site.subscriber(email, "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    site.app.store.subscribers.suppress(leaving[1], "a complaint", site.clock())
    membership.erase(site.app, *(membership.subscriber(site.app, email) for email in leaving))
    with reading(engine_of(site.app.store)) as db:
        for table in (subscribers, subscriptions, digests, digest_papers, deliveries):
            column = table.c.row if table is subscribers else table.c.subscriber
            assert set(db.scalars(select(column))) == {4}, table.name
        (key,) = db.scalars(select(suppressions.c.email_key))
        told = db.scalars(select(events.c.payload).where(events.c.kind == "unsubscribed")).all()
    assert {one["email"] for one in told} == set(leaving)
    assert key.startswith("erased:")
    site.app.close()


@pytest.fixture
def both(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    yield site
    site.app.close()


def _suppression_keys(site: Site) -> list[str]:
    with reading(engine_of(site.app.store)) as db:
        return list(db.scalars(select(suppressions.c.email_key)))


def _come_back(site: Site, way: str) -> None:
    """The address is typed into the form, added by the operator, or suppressed once more."""
    spelled = GONE.upper().replace("@EXAMPLE.ORG", "@example.org")
    if way == "form":
        confirmation.ask_to_subscribe(site.app, spelled, {"topics": ("robots",)}, {})
    elif way == "operator":
        site.subscriber(spelled, "robots")
    else:
        assert not site.app.store.subscribers.suppress(spelled, "a complaint", site.clock())


@pytest.mark.parametrize("way", ["form", "operator", "suppression"])
def test_a_suppressed_address_that_was_erased_stays_suppressed_under_a_hash(both: Site, way: str) -> None:
    both.subscriber(GONE, "robots")
    both.app.store.subscribers.suppress(GONE, "hard bounce 5.1.1", both.clock())
    membership.erase(both.app, membership.subscriber(both.app, GONE))
    (hashed,) = _suppression_keys(both)
    assert "@" not in hashed
    assert GONE.partition("@")[0] not in hashed
    _come_back(both, way)
    assert _suppression_keys(both) == [GONE]
    if way != "suppression":
        found = membership.subscriber(both.app, GONE)
        assert found.suppressed == ("hard bounce 5.1.1", both.clock())
    assert pipeline.deliver(both.app).letters == {}, "who complained is written to only after 90 days"


def _erase_complainer(site: Site) -> None:
    site.subscriber(GONE, "robots")
    site.app.store.subscribers.suppress(GONE, "complaint", site.clock())
    membership.erase(site.app, membership.subscriber(site.app, GONE))


def test_an_erased_complainer_is_recognized_after_the_secret_key_was_changed(both: Site) -> None:
    _erase_complainer(both)
    hashes, former, newer = both.app.store.address_hashes, both.app.store.address_hashes.keys, (b"a new key",)
    hashes.keys = (*newer, *former)
    pipeline.sweep(both.app)
    hashes.keys = newer
    _come_back(both, "operator")
    assert membership.subscriber(both.app, GONE).suppressed


def test_a_secret_key_that_was_removed_too_early_is_a_finding_and_nothing_is_lost(both: Site) -> None:
    _erase_complainer(both)
    hashes, former = both.app.store.address_hashes, both.app.store.address_hashes.keys
    assert "secret key" not in {one.check for one in doctor.examine(both.app)}
    hashes.keys = (b"a new key",)
    pipeline.sweep(both.app)
    assert "secret key" in {one.check for one in doctor.examine(both.app)}
    hashes.keys = (b"a new key", *former)
    _come_back(both, "operator")
    assert membership.subscriber(both.app, GONE).suppressed


def test_hashes_that_earlier_versions_made_with_the_sites_keys_are_recognized(both: Site) -> None:
    hashed = hmac.digest(both.app.keys[0], b"erased address\0" + GONE.encode(), "sha256").hex()[:40]
    assert both.app.store.subscribers.suppress(f"erased:{hashed}", "complaint", both.clock())
    hashes = both.app.store.address_hashes
    hashes.keys = (b"a new key", *hashes.keys)
    _come_back(both, "operator")
    assert membership.subscriber(both.app, GONE).suppressed


def test_former_addresses_are_erased_too_but_not_those_of_others(tmp_path: Path) -> None:
    former, typed = "ada-as-she-was@example.org", "ada-mistyped@example.org"
    site = _after_a_letter(tmp_path, former, STAYS)
    for email in (former, STAYS):
        site.app.store.subscribers.suppress(email, "hard bounce", site.clock())
    for email in (typed, STAYS, GONE):
        address_change.request(site.app, membership.subscriber(site.app, former), email)
        site.clock.now += timedelta(days=1)
    assert address_change.confirm(site.app, 3) is ConfirmResult.CHANGED
    site.app.store.subscribers.suppress(former, "a late complaint", site.clock())
    pipeline.deliver(site.app)
    membership.erase(site.app, membership.subscriber(site.app, GONE))
    for email in (former, typed, GONE):
        assert _files_with(tmp_path, email) == [], email
    assert STAYS in _suppression_keys(site)
    assert _files_with(tmp_path / "inbox", STAYS)
    site.app.close()
