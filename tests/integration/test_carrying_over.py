"""After a backup is restored, nobody gets emails who has left since the backup."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paperround.app import App, open_store
from paperround.bounces.verdict import Report
from paperround.domain.errors import StoreError, UsageError
from paperround.domain.models import BounceKind, EventKind, Subscriber, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.operator import restoring
from paperround.rounds import bounce_intake
from paperround.rounds.topic_matching import INDEX_VALUE
from paperround.store.address_changes import ConfirmResult
from paperround.store.carry_over import CarriedOver, CarryOver, Decisions
from paperround.subscribers import address_change, membership
from support import databases
from support.pages import Pages, links_in
from support.papers import listing

STAYER, LEAVER, PAUSER, SILENT, BOUNCER, ERASED, MOVER = NAMES = tuple(
    f"{name}@hopper.example" for name in ("stayer", "leaver", "pauser", "silent", "bouncer", "erased", "mover")
)
NEW = "moved@turing.example"
_NUMBERS = count(50)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """A site whose subscribers have had an email."""
    made = Pages(tmp_path)
    for name in NAMES:
        made.subscriber(name, first_now=True)
    made.letters()
    yield made
    made.app.close()


@pytest.fixture
def backup(pages: Pages, tmp_path: Path) -> Path:
    pages.app.store.backup(tmp_path / "backup.db")
    return tmp_path / "backup.db"


def _person(pages: Pages, email: str) -> Any:
    found = pages.app.store.subscribers.by_email(email)
    assert found is not None, email
    return found


def _restore(pages: Pages, backup: Path) -> CarriedOver:
    return pages.app.store.restore(backup, pages.site.clock())[1]


def _new_numbers() -> list[int]:
    return [next(_NUMBERS) for _ in range(5)]


def _next_letters(pages: Pages) -> list[str]:
    """The addresses that the next day's letters go to."""
    pages.site.clock.now += timedelta(days=1, hours=6)
    pages.site.papers(*(listing(n, "robots", day=pages.site.clock.now.date()) for n in _new_numbers()))
    return sorted(letter["To"] for letter in pages.letters())


def _move(pages: Pages, email: str, to: str) -> None:
    address_change.request(pages.app, _person(pages, email), to)
    with closing(sqlite3.connect(pages.site.folder / "paperround.db")) as db:
        (change,) = db.execute("SELECT max(row) FROM address_changes").fetchone()
    assert address_change.confirm(pages.app, change) is ConfirmResult.CHANGED


def test_who_left_after_the_backup_gets_nothing(pages: Pages, backup: Path) -> None:
    pages.site.clock.now += timedelta(hours=1)
    store, now = pages.app.store, pages.site.clock()
    assert pages.client.post(pages.link("unsubscribe", _person(pages, LEAVER).row)).status_code == 200
    store.subscribers.keep_unsubscribe_reason(_person(pages, LEAVER).row, "too many")
    membership.pause(pages.app, _person(pages, PAUSER), date(2027, 1, 1))
    membership.change(pages.app, _person(pages, SILENT), {"cadence": Cadence.OFF})
    store.subscribers.suppress(BOUNCER, "550 no such user", now)
    store.subscribers.suppress(ERASED, "complaint", now)
    membership.erase(pages.app, _person(pages, ERASED))
    _move(pages, MOVER, NEW)
    pages.subscriber("new@hopper.example")

    carried = _restore(pages, backup)

    assert carried == CarriedOver(
        unsubscribed=1, erased=1, paused=1, turned_off=1, suppressed=2, moved=1, only_there=1
    )
    assert _next_letters(pages) == [NEW, STAYER]
    left = _person(pages, LEAVER)
    assert (left.state, left.unsubscribed_at, left.unsubscribe_reason) == (
        SubscriberState.UNSUBSCRIBED,
        now,
        "too many",
    )
    assert _person(pages, PAUSER).preferences.paused_until == date(2027, 1, 1)
    pages.subscriber(ERASED)
    assert _person(pages, ERASED).suppressed[0] == "complaint"


def test_who_complained_stays_unsubscribed_and_suppressed(pages: Pages, backup: Path) -> None:
    pages.site.clock.now += timedelta(hours=1)
    pages.app.store.subscribers.suppress(BOUNCER, "complaint", pages.site.clock())
    _complain(pages, LEAVER)
    assert _restore(pages, backup) == CarriedOver(unsubscribed=1, suppressed=2)
    assert LEAVER not in _next_letters(pages)
    lifted = pages.app.store.suppressions.lift(LEAVER, pages.site.clock())
    assert lifted is not None
    assert not lifted.lifted


def test_a_complaint_replaces_a_suppression_for_another_reason(pages: Pages, tmp_path: Path) -> None:
    pages.app.store.subscribers.suppress(LEAVER, "550 no such user", pages.site.clock())
    pages.app.store.backup(tmp_path / "backup.db")
    pages.app.store.suppressions.lift(LEAVER, pages.site.clock())
    _complain(pages, LEAVER)
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver(unsubscribed=1, suppressed=1)
    suppressed = pages.app.store.suppressions.by_email(LEAVER)
    assert suppressed is not None
    assert suppressed.is_complaint


def test_a_complaint_of_an_imported_list_replaces_a_bounce(pages: Pages, tmp_path: Path) -> None:
    now = pages.site.clock()
    pages.app.store.subscribers.suppress(LEAVER, "550 no such user", now)
    with closing(sqlite3.connect(tmp_path / "paperround.db")) as db:
        db.execute("UPDATE suppressions SET cause = 'hard bounce'")
        db.commit()
    pages.app.store.backup(tmp_path / "backup.db")
    pages.app.store.suppressions.lift(LEAVER, now)
    pages.app.store.subscribers.suppress(LEAVER, "Complaint", now)  # as from a list, which has no causes
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver(suppressed=1)
    suppressed = pages.app.store.suppressions.by_email(LEAVER)
    assert suppressed is not None
    assert suppressed.is_complaint


def test_nobody_is_subscribed_resumed_or_moved_back(pages: Pages, tmp_path: Path) -> None:
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    membership.pause(pages.app, _person(pages, PAUSER), date(2027, 1, 1))
    membership.change(pages.app, _person(pages, SILENT), {"cadence": Cadence.OFF})
    pages.app.store.subscribers.suppress(BOUNCER, "550", pages.site.clock())
    membership.erase(pages.app, _person(pages, ERASED))
    former = tmp_path / "former.db"
    pages.app.store.backup(former)
    pages.site.clock.now += timedelta(hours=1)
    membership.resume(pages.app, _person(pages, PAUSER))
    membership.change(pages.app, _person(pages, SILENT), {"cadence": Cadence.DAILY})
    pages.app.store.suppressions.lift(BOUNCER, pages.site.clock())
    pages.subscriber(ERASED)
    _move(pages, MOVER, NEW)
    pages.letters()  # the one that tells the former address
    newest = tmp_path / "newest.db"
    pages.app.store.backup(newest)
    assert _restore(pages, former) == CarriedOver(moved=1, only_there=1)
    assert _next_letters(pages) == [NEW, STAYER]
    _restore(pages, newest)  # in which they had come back
    assert _next_letters(pages) == [ERASED, NEW, STAYER]


@pytest.mark.parametrize("longer", [date(2027, 1, 1), None])
def test_the_longer_pause_counts(pages: Pages, tmp_path: Path, longer: date | None) -> None:
    membership.pause(pages.app, _person(pages, PAUSER), date(2026, 12, 1))
    membership.pause(pages.app, _person(pages, STAYER), longer)
    pages.app.store.backup(tmp_path / "backup.db")
    membership.pause(pages.app, _person(pages, PAUSER), longer)
    membership.pause(pages.app, _person(pages, STAYER), date(2026, 12, 1))
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver(paused=1)
    assert [_person(pages, name).preferences.paused_until for name in (PAUSER, STAYER)] == [longer, longer]


def test_two_who_exchanged_their_addresses_keep_them_exchanged(pages: Pages, backup: Path) -> None:
    one, two = _person(pages, STAYER).row, _person(pages, MOVER).row
    for email, to in ((STAYER, NEW), (MOVER, STAYER), (NEW, MOVER)):
        _move(pages, email, to)
    assert _restore(pages, backup) == CarriedOver(moved=2)
    assert (_person(pages, MOVER).row, _person(pages, STAYER).row) == (one, two)


def test_replaced_links_and_revoked_tokens_stay_invalid(pages: Pages, tmp_path: Path) -> None:
    store, now = pages.app.store, pages.site.clock()
    for name in ("kept", "revoked"):
        store.access.add_token(name, f"hash of {name}", ("read",), now, None)
    store.access.begin_session("session", now, now + timedelta(days=1))
    store.private_feeds.set_secret(_person(pages, LEAVER).row, "a secret")
    store.backup(tmp_path / "backup.db")
    link = pages.link("preferences", _person(pages, LEAVER).row)
    membership.renew_links(pages.app, _person(pages, LEAVER))
    store.access.remove_token("revoked")
    store.access.end_session(["session"])
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver(renewed=1, revoked=1)
    assert pages.client.get(link).status_code == 404
    assert [token.name for token in store.access.tokens()] == ["kept"]
    assert not store.access.has_session(["session"], now)
    assert store.private_feeds.owner("a secret") is None


def test_other_programs_are_told_again_who_left(tmp_path: Path) -> None:
    hook = {"name": "crm", "url": "https://crm.example/hook", "secret": "whsec_" + "A" * 44}
    pages = Pages(tmp_path, webhooks=[hook])
    for name in (LEAVER, ERASED):
        pages.subscriber(name)
    pages.app.store.backup(tmp_path / "backup.db")
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    membership.erase(pages.app, _person(pages, ERASED))
    _restore(pages, tmp_path / "backup.db")
    waiting = pages.app.store.events.claim("crm", pages.site.clock(), 9, "c", timedelta(minutes=1))
    told = [event.payload["email"] for event in waiting if event.kind is EventKind.UNSUBSCRIBED]
    assert told == [ERASED, LEAVER]
    pages.app.close()


def test_a_newer_backup_loses_nobody_whom_an_older_one_did_not_know(
    pages: Pages, backup: Path, tmp_path: Path
) -> None:
    pages.subscriber("late@hopper.example")
    pages.app.store.backup(tmp_path / "newer.db")
    _restore(pages, backup)
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    assert _restore(pages, tmp_path / "newer.db") == CarriedOver(unsubscribed=1)
    assert _person(pages, "late@hopper.example").state is SubscriberState.ACTIVE
    membership.erase(pages.app, _person(pages, "late@hopper.example"))
    assert _restore(pages, tmp_path / "newer.db") == CarriedOver(unsubscribed=1, erased=1)


def _backup_before_leaving(pages: Pages, folder: Path, leave: Callable[[App, Subscriber], object]) -> Path:
    """Back up a site with two more subscribers, one of whom leaves afterwards."""
    for name in ("late", "lasting"):
        pages.subscriber(f"{name}@hopper.example")
    pages.app.store.backup(folder / "newer.db")
    leave(pages.app, _person(pages, "late@hopper.example"))
    return folder / "newer.db"


@pytest.mark.parametrize("leave", [membership.unsubscribe, membership.erase])
def test_who_left_before_an_older_and_then_a_newer_backup_was_restored_stays_unsubscribed(
    pages: Pages, backup: Path, tmp_path: Path, leave: Callable[[App, Subscriber], object]
) -> None:
    newer = _backup_before_leaving(pages, tmp_path, leave)
    _restore(pages, backup)
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    carried = _restore(pages, newer)
    assert (carried.unsubscribed + carried.erased, carried.unknown) == (2, 0)
    assert restoring.warning(carried, "") == ""
    assert {LEAVER, "late@hopper.example", "lasting@hopper.example"} & set(_next_letters(pages)) == {
        "lasting@hopper.example"
    }


@pytest.mark.parametrize("leave", [membership.unsubscribe, membership.erase])
def test_who_left_before_an_older_and_then_a_newer_backup_was_restored_is_told_to_be_unknown(
    pages: Pages, backup: Path, tmp_path: Path, leave: Callable[[App, Subscriber], object]
) -> None:
    newer = _backup_before_leaving(pages, tmp_path, leave)
    assert _restore(pages, backup) == CarriedOver(only_there=1)
    elsewhere = (tmp_path / "paperround.db.before-restore-1").rename(tmp_path / "lost and found.db")
    carried = _restore(pages, newer)
    assert carried == CarriedOver(unknown=2)
    text = restoring.warning(carried, "paperround.db.before-restore-1")
    assert text.startswith("before you start paperround, run `paperround carry-over FILE` with the database that the")
    told = "Otherwise 2 people who may have unsubscribed could get letters again"
    assert told in text
    carried = restoring.carry_over(pages.app, f"sqlite:///{elsewhere}")
    assert carried.unsubscribed + carried.erased == 1
    assert restoring.warning(carried, "") == ""
    assert {"late@hopper.example", "lasting@hopper.example"} & set(_next_letters(pages)) == {"lasting@hopper.example"}


def test_an_address_that_two_have_is_left_to_the_one_whom_the_previous_database_does_not_know(
    pages: Pages, backup: Path, tmp_path: Path
) -> None:
    pages.subscriber(NEW)
    pages.app.store.backup(tmp_path / "newer.db")
    _restore(pages, backup)
    _move(pages, MOVER, NEW)
    _restore(pages, tmp_path / "newer.db")
    assert _next_letters(pages).count(NEW) == 1
    assert MOVER not in _next_letters(pages)


def test_requests_that_expired_are_not_counted_as_erased(pages: Pages, tmp_path: Path) -> None:
    pages.subscribe("pending@hopper.example")
    pages.app.store.backup(tmp_path / "backup.db")
    pages.app.store.subscribers.erase([_person(pages, "pending@hopper.example").row], pages.site.clock())
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver()
    assert pages.app.store.subscribers.by_email("pending@hopper.example") is None


def test_a_request_that_was_withdrawn_stays_withdrawn(pages: Pages, tmp_path: Path) -> None:
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    pages.site.clock.now += timedelta(minutes=1)
    pages.subscribe(LEAVER)
    pages.app.store.backup(tmp_path / "backup.db")
    pages.site.clock.now += timedelta(minutes=1)
    assert not membership.unsubscribe(pages.app, _person(pages, LEAVER))
    assert _restore(pages, tmp_path / "backup.db") == CarriedOver()
    assert pages.letters() == []


@pytest.mark.parametrize("address", [LEAVER, "nobody@hopper.example"])
def test_after_the_database_was_lost_only_addresses_can_be_compared(
    pages: Pages, backup: Path, tmp_path: Path, address: str
) -> None:
    (tmp_path / "new").mkdir()
    new = Pages(tmp_path / "new")
    new.app.store.site_values.set("link salt", "as random as that of any new database")
    new.subscriber(address)
    membership.unsubscribe(new.app, _person(new, address))
    carried = _restore(new, backup)
    assert carried == CarriedOver(unsubscribed=int(address == LEAVER), problem="it is not what became of this backup")
    assert (LEAVER in _next_letters(new)) is (address != LEAVER)
    text = restoring.warning(carried, "data/former.db")
    assert "because data/former.db says nothing of them: it is not what became of this backup" in text
    assert "`paperround carry-over FILE`" in text
    new.app.close()


def test_a_damaged_previous_database_does_not_prevent_restoring(pages: Pages, backup: Path, tmp_path: Path) -> None:
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    pages.app.store.forget_deleted()
    with closing(sqlite3.connect(tmp_path / "paperround.db")) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'subscribers'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    pages.app.store.close()
    with (tmp_path / "paperround.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    carried = _restore(pages, backup)
    assert carried.problem.startswith("it cannot be read (the database is damaged")
    assert LEAVER in _next_letters(pages)


def test_an_error_while_carrying_over_leaves_the_database_as_it_was(
    pages: Pages, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    before, files = pages.dump(), _files(tmp_path)
    for step in ("_note_unused", "_erase", "_move", "_pairs", "_suppress"):
        with monkeypatch.context() as patched:
            patched.setattr(CarryOver, step, _interrupted)
            with pytest.raises(KeyboardInterrupt):
                _restore(pages, backup)
        assert pages.dump() == before
        assert _files(tmp_path) == files
    assert _restore(pages, backup).unsubscribed == 1


def _files(folder: Path) -> list[str]:
    """The names of the files in a folder, without the write-ahead log of the database."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("paperround.db-"))


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_an_interrupted_restore_left_is_not_used(pages: Pages, backup: Path, tmp_path: Path) -> None:
    prepared = tmp_path / "paperround.db.restoring"
    prepared.write_bytes(backup.read_bytes())
    log = sqlite3.connect(prepared)
    log.execute("PRAGMA journal_mode = WAL")
    log.execute("UPDATE subscribers SET state = 'unsubscribed'")
    log.commit()
    kept = {name: (tmp_path / f"{prepared.name}{name}").read_bytes() for name in ("-wal", "-shm")}
    log.close()
    for name, content in kept.items():
        (tmp_path / f"{prepared.name}{name}").write_bytes(content)
    _restore(pages, backup)
    assert STAYER in _next_letters(pages)


@pytest.fixture(params=["sqlite", "postgresql"])
def restored(request: pytest.FixtureRequest, pages: Pages, tmp_path: Path) -> Iterator[Pages]:
    """A site whose database was restored from a backup by other means, with its row numbers as in the backup."""
    (tmp_path / "restored").mkdir()
    url = f"sqlite:///{tmp_path}/restored/paperround.db"
    if request.param == "postgresql":
        url = databases.create_postgresql(request.getfixturevalue("postgres_server"), tables=False)
    target = open_store(url)
    pages.app.store.copy_to(target, INDEX_VALUE, lambda _: None)
    target.close()
    made = Pages(tmp_path / "restored", url, clock=pages.site.clock)
    yield made
    made.app.close()


def test_a_database_that_was_restored_by_other_means_takes_over_from_the_previous_one(
    pages: Pages, restored: Pages
) -> None:
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    membership.erase(pages.app, _person(pages, ERASED))
    _move(pages, MOVER, NEW)
    pages.subscriber("new@hopper.example")
    newest = _person(pages, "new@hopper.example").row
    previous = pages.app.settings.database_url
    assert restoring.carry_over(restored.app, previous) == CarriedOver(
        unsubscribed=1, erased=1, moved=1, only_there=1
    )
    assert restored.subscriber("newer@hopper.example") == newest + 1
    assert not {LEAVER, ERASED, MOVER} & set(_next_letters(restored))
    assert restoring.carry_over(restored.app, previous) == CarriedOver(only_there=1)


def test_who_unsubscribes_while_a_pause_is_carried_over_stays_unsubscribed(
    pages: Pages, restored: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    membership.pause(pages.app, _person(pages, PAUSER), date(2027, 1, 1))
    leaving = threading.Thread(target=membership.unsubscribe, args=(restored.app, _person(restored, PAUSER)))
    pairs = CarryOver._pairs

    def pair_while_one_leaves(carrying: CarryOver, decisions: Decisions, *, by_row: bool) -> list[tuple[Any, Any]]:
        leaving.start()
        leaving.join(1)  # it waits for this transaction; without a lock it would have ended
        return pairs(carrying, decisions, by_row=by_row)

    monkeypatch.setattr(CarryOver, "_pairs", pair_while_one_leaves)
    assert restoring.carry_over(restored.app, pages.app.settings.database_url).paused == 1
    leaving.join()
    assert _person(restored, PAUSER).state is SubscriberState.UNSUBSCRIBED


def test_who_confirmed_again_after_the_restore_stays_subscribed(pages: Pages, restored: Pages) -> None:
    pages.app.store.subscribers.suppress(LEAVER, "550", pages.site.clock())
    membership.unsubscribe(pages.app, _person(pages, LEAVER))
    pages.site.clock.now += timedelta(hours=1)
    membership.unsubscribe(restored.app, _person(restored, LEAVER))
    restored.subscribe(LEAVER)
    (asking,) = (letter for letter in restored.letters() if letter["To"] == LEAVER)
    restored.client.post(links_in(asking, "c")[0])
    assert restoring.carry_over(restored.app, pages.app.settings.database_url) == CarriedOver()
    assert LEAVER in _next_letters(restored)


@pytest.mark.parametrize(
    ("previous", "error", "told"),
    [
        ("paperround.db", UsageError, "is the site's own database; name the previous one"),
        ("none.db", StoreError, r"none\.db: there is no such database"),
        ("older.db", StoreError, r"older\.db: the database is at version 0001"),
        ("passwd", UsageError, r"passwd is not a SQLite database; name the previous one"),
        ("empty.db", UsageError, "is not a paperround database; name the previous one"),
    ],
)
def test_what_is_no_previous_database_is_refused(
    pages: Pages, tmp_path: Path, previous: str, error: type[Exception], told: str
) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="utf-8")
    for name in ("older.db", "empty.db"):
        with closing(sqlite3.connect(tmp_path / name)) as db:
            db.execute("VACUUM")
            if name == "older.db":
                db.execute("CREATE TABLE alembic_version (version_num TEXT)")
                db.execute("INSERT INTO alembic_version VALUES ('0001')")
            db.commit()
    with pytest.raises(error, match=told):
        restoring.carry_over(pages.app, f"sqlite:///{tmp_path}/{previous}")


def _complain(pages: Pages, email: str) -> None:
    complaint = Report(BounceKind.COMPLAINT, recipient=email, sent_to=True)
    bounce_intake.apply_report(pages.app, "w", complaint, trusted=True)
