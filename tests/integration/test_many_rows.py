"""Rows that are written many at a time are read back as they were, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from paperround.domain.models import SubscriberState
from paperround.rounds import pipeline
from paperround.store import subscriber_changes
from paperround.store.subscriber_changes import Effect, SubscriberChange
from paperround.subscribers import membership
from support.papers import listing
from support.site import MORNING, Site

AWKWARD = ['{"a", b}', "back\\slash", "O'Hara", "NULL", "{}", "ünï", "%s %(name)s :name", '"'] * 40


def test_awkward_texts_lists_and_moments_survive_an_import(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    joined = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
    changes = [
        SubscriberChange(
            f"s{number}@example.org",
            membership.read_patch(
                site.app,
                {"topics": ["robots"], "name": name, "leave_out": [f"words {name}", "author: Ada"], "at": "06:30"},
            ),
            SubscriberState.ACTIVE,
            {"source": name} if number % 2 else None,
            {"created_at": joined} if number % 3 else {},
        )
        for number, name in enumerate(AWKWARD)
    ]
    assert {one.effect for one in membership.add_all(site.app, changes)} == {Effect.NEW}
    for number, change in enumerate(changes):
        found = site.app.store.subscribers.by_email(change.email)
        assert found is not None
        assert found.preferences == found.preferences.patched(change.patch)
        assert found.preferences.at == time(6, 30)
        assert found.consent == ({"source": AWKWARD[number]} if number % 2 else {})
        assert found.created_at == (joined if number % 3 else MORNING)
    assert {one.effect for one in membership.add_all(site.app, changes)} == {Effect.UNCHANGED}
    site.app.close()


def test_a_nul_in_an_import_is_replaced_where_the_database_cannot_store_it(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    changes = [
        SubscriberChange(f"s{n}@example.org", {"topics": ("robots",), "name": "A\0da"}, SubscriberState.ACTIVE)
        for n in range(3)
    ]
    membership.add_all(site.app, changes)
    names = {one.preferences.name for one in site.app.store.subscribers.all()}
    assert names == ({"A\ufffdda"} if database_url.startswith("postgresql") else {"A\0da"})
    site.app.close()


def test_an_address_that_somebody_else_adds_meanwhile_is_changed_and_not_lost(
    tmp_path: Path, database_url: str, monkeypatch
) -> None:
    site = Site(tmp_path, database_url)
    for slug in ("robots", "agents"):
        site.topic(slug)
    site.subscriber("s1@example.org", "agents")
    look, looked = subscriber_changes._lock, []

    def before_it_was_added(db, keys):
        looked.append(keys)
        return {} if len(looked) == 1 else look(db, keys)

    monkeypatch.setattr(subscriber_changes, "_lock", before_it_was_added)
    patch = {"topics": ("robots",)}
    changes = [SubscriberChange(f"s{n}@example.org", patch, SubscriberState.ACTIVE) for n in range(3)]
    told = site.app.store.changes.save(changes, MORNING)
    assert [one.effect for one in told] == [Effect.NEW, Effect.CHANGED, Effect.NEW]
    assert {one.preferences.topics for one in site.app.store.subscribers.all()} == {("robots",)}
    site.app.close()


def test_digests_of_a_batch_are_read_back_as_they_were_composed(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    site.papers(*(listing(number, title=f"Robots {{{number}}} \"say\" 'a\\b'") for number in range(1, 15)))
    site.subscribers([f"s{number}@example.org" for number in range(5)], "robots", at="06:30", max_papers="4")
    site.clock.now = MORNING + timedelta(hours=1)
    assert pipeline.publish(site.app).composed == 5
    for subscriber in site.app.store.subscribers.all():
        (digest,) = site.app.store.issues.digests_of(subscriber.row)
        assert len(digest.papers) == 4
        assert len({*digest.papers, *digest.more}) == 14
        assert all(pick.why and pick.score for section in digest.sections for pick in section.picks)
    site.app.close()
