"""The audit log: a change and its entry are stored together, whoever makes the change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from paperround.domain.errors import StoreError, UsageError
from paperround.domain.models import SubscriberState
from paperround.store.access import AuditEntry
from paperround.store.engine import writing
from paperround.subscribers import membership
from support.databases import engine_of
from support.pages import ADMIN, ADMIN_SITE, Pages

_EMAIL = "ada@lovelace.example"


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url, site=ADMIN_SITE)
    yield made
    made.app.close()


def _entries(pages: Pages) -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in pages.app.store.access.changes(10)]


def _entry(pages: Pages) -> AuditEntry:
    return AuditEntry(pages.app.clock(), "operator", "subscriber: pause", "subscriber 1")


def _state(pages: Pages) -> SubscriberState:
    return membership.subscriber(pages.app, _EMAIL).state


def _pause_and_fail(pages: Pages) -> None:
    membership.pause(pages.app, membership.subscriber(pages.app, _EMAIL))
    raise UsageError("the next step is impossible")


def test_the_entry_is_there_as_soon_as_the_change_is(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    with pages.app.store.access.recording(_entry(pages)) as record:
        assert _entries(pages) == []
        membership.pause(pages.app, membership.subscriber(pages.app, _EMAIL))
        assert _entries(pages) == [("subscriber: pause", "subscriber 1")]
        membership.resume(pages.app, membership.subscriber(pages.app, _EMAIL))
        record.subject += ", and back"
    assert _entries(pages) == [("subscriber: pause", "subscriber 1, and back")], "once for all transactions"


def test_a_change_whose_entry_cannot_be_stored_is_not_made(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    with writing(engine_of(pages.app.store)) as db:
        db.execute(text("DROP TABLE audit_entries"))
    with pytest.raises(StoreError, match="audit_entries"), pages.app.store.access.recording(_entry(pages)):
        membership.pause(pages.app, membership.subscriber(pages.app, _EMAIL))
    assert _state(pages) is SubscriberState.ACTIVE


def test_a_change_that_fails_halfway_is_recorded_as_failed_and_one_that_writes_nothing_is_not(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    with pytest.raises(UsageError), pages.app.store.access.recording(_entry(pages)):
        _pause_and_fail(pages)
    assert _state(pages) is SubscriberState.PAUSED
    assert _entries(pages) == [("subscriber: pause", "subscriber 1 (failed)")]
    with pytest.raises(UsageError), pages.app.store.access.recording(_entry(pages)):
        raise UsageError("it is impossible from the start")
    assert len(_entries(pages)) == 1


def test_what_is_only_read_is_recorded_at_its_end(pages: Pages) -> None:
    with pages.app.store.access.recording(_entry(pages)):
        assert _entries(pages) == []
    assert _entries(pages) == [("subscriber: pause", "subscriber 1")]


def test_a_program_that_is_refused_leaves_no_entry_and_one_that_changes_something_does(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    address = f"/api/subscribers/{_EMAIL}/pause"
    assert pages.client.post(address, headers=ADMIN, params={"until": "2020-01-01"}).status_code >= 400
    assert _entries(pages) == []
    assert pages.client.post(address, headers=ADMIN).status_code == 200
    row = membership.subscriber(pages.app, _EMAIL).row
    assert _entries(pages) == [("API: POST /subscribers/{email}/pause", f"subscriber {row}")]
