"""Rows that are written many at a time are read back as they were, on both databases."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, bindparam, cast, delete, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from paperround.app import open_store
from paperround.domain.errors import StoreError
from paperround.domain.models import SubscriberState, Topic
from paperround.rounds import pipeline, topics
from paperround.store import subscriber_changes
from paperround.store.bulk import ManyRows, NewRows, Prepared, among, among_given
from paperround.store.engine import reading, writing
from paperround.store.schema import digests, relay, suppressions
from paperround.store.subscriber_changes import Effect, SubscriberChange
from paperround.subscribers import csv_file, membership
from paperround.subscribers.csv_import import ImportOptions, ImportReport, import_subscribers
from support.databases import engine_of
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


_LIST = (
    "email,topics,max_papers\n"
    "ada@example.org,robots,\n"
    "ben@example.org,robots,5\n"
    "nobody,robots,\n"
    "eve@example.org,robots,0\n"
    "ADA@example.org,robots,7\n"
    "zoe@example.org,robots,\n"
    "known@example.org,robots,3\n"
    "ben@example.org,robots,9\n"
)


def import_list(site: Site, **options: Any) -> ImportReport:
    found = csv_file.read(io.BytesIO(_LIST.encode()))
    return import_subscribers(site.app, found, ImportOptions(confirmed=True, **options))


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_list_in_batches_gives_the_report_and_the_subscribers_of_one_batch(tmp_path: Path, at_once: int) -> None:
    results = []
    for name, size in (("whole", 100), ("batches", at_once)):
        (tmp_path / name).mkdir()
        site = Site(tmp_path / name)
        site.topic("robots")
        site.subscriber("known@example.org", "robots")
        reports = [
            import_list(site, batch_rows=size, **options) for options in ({"dry_run": True}, {}, {"listed": False})
        ]
        people = [(one.email, one.preferences) for one in site.app.store.subscribers.by_address()]
        results.append((reports, people))
        site.app.close()
    assert results[0] == results[1]
    (trial, report, again), _ = results[0]
    assert trial == report
    assert report.counts == {"new": 3, "changed": 1, "unchanged": 0, "skipped": 4, "asked": 0}
    assert [problem.where for problem in report.problems] == [
        "line 4", "line 5 eve@example.org", "line 6 ADA@example.org", "line 9 ben@example.org",
    ]  # fmt: skip
    assert (again.counts["unchanged"], again.imported, again.additions) == (4, 4, [])


def test_a_list_that_ends_in_the_middle_says_how_far_it_came_and_can_be_imported_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    save, saved = site.app.store.subscriber_changes.save, []

    def fails_later(changes: Any, *args: Any, **named: Any) -> Any:
        if "zoe@example.org" in {change.email for change in changes}:
            raise StoreError("the disk is full")
        saved.append(changes)
        return save(changes, *args, **named)

    with monkeypatch.context() as broken:
        broken.setattr(site.app.store.subscriber_changes, "save", fails_later)
        with pytest.raises(StoreError, match="the disk is full; 2 rows were imported before"):
            import_list(site, batch_rows=2)
    assert [one.email for one in site.app.store.subscribers.by_address()] == ["ada@example.org", "ben@example.org"]
    assert import_list(site).counts == {"new": 2, "changed": 0, "unchanged": 2, "skipped": 4, "asked": 0}
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
    told = site.app.store.subscriber_changes.save(changes, MORNING)
    assert [one.effect for one in told] == [Effect.NEW, Effect.CHANGED, Effect.NEW]
    assert {one.preferences.topics for one in site.app.store.subscribers.all()} == {("robots",)}
    site.app.close()


ESCAPED = (
    *("\\", "\\N", "\\.", "\\t", "a\tb", "a\nb", "a\r\nb", "", " "),
    *("\\\\x41", "\"'", "é漢🙂", "a\\\nb", "{1,2}", "NULL"),
)


def test_new_rows_are_read_back_as_they_were_given_and_a_conflict_is_an_integrity_error(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    new = NewRows(engine_of(store), suppressions, ("at", "reason", "email_key"))
    rows = [(MORNING, text, f"key {number}") for number, text in enumerate(ESCAPED)]
    with writing(engine_of(store)) as db:
        new.run(db, rows)
    columns = suppressions.c.at, suppressions.c.reason, suppressions.c.email_key
    with reading(engine_of(store)) as db:
        assert sorted(map(tuple, db.execute(select(*columns)))) == sorted(rows)
    with writing(engine_of(store)) as db:
        with pytest.raises(IntegrityError), db.begin_nested():
            new.run(db, [(MORNING, "new", "key 99"), (MORNING, "again", "key 1")])
        assert db.scalar(select(func.count()).select_from(suppressions)) == len(ESCAPED)
    store.close()


def test_rows_are_found_by_awkward_texts(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    column, texts = suppressions.c.email_key, {*AWKWARD, *ESCAPED, "a,b", "'"}
    with writing(engine_of(store)) as db:
        db.execute(insert(suppressions), [{"email_key": text, "reason": "", "at": MORNING} for text in texts])
        for wanted in (*([text] for text in texts), texts, [], ["not there"]):
            found = db.scalars(select(column).where(among(db, column, wanted))).all()
            assert sorted(found) == sorted(texts & set(wanted)), wanted
    store.close()


def test_a_query_by_itself_finds_rows_and_leaves_its_connection_as_it_was(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    engine, columns = engine_of(store), (suppressions.c.email_key, suppressions.c.reason)
    query = Prepared(engine, select(*columns).where(among_given(engine, suppressions.c.email_key, "keys")))
    with writing(engine) as db:
        db.execute(insert(suppressions), [{"email_key": text, "reason": text, "at": MORNING} for text in ESCAPED])
    for _ in range(3):
        assert sorted(query.fetch(keys=[*ESCAPED[:5], "not there"])) == sorted((text, text) for text in ESCAPED[:5])
    with suppress(ZeroDivisionError), writing(engine) as db:
        db.execute(delete(suppressions))
        raise ZeroDivisionError
    assert len(query.fetch(keys=ESCAPED)) == len(ESCAPED), "the transaction after a query is rolled back as any other"
    store.close()


def test_an_error_of_a_query_by_itself_is_named_and_the_next_one_is_answered(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    engine = engine_of(store)
    wanted = among_given(engine, suppressions.c.email_key, "keys")
    wrong = Prepared(engine, select(literal_column("absent")).select_from(suppressions).where(wanted))
    with pytest.raises(StoreError, match="run: paperround migrate"):
        wrong.fetch(keys=["nobody"])
    assert Prepared(engine, select(suppressions.c.reason).where(wanted)).fetch(keys=["nobody"]) == []
    store.close()


def test_a_statement_in_a_transaction_changes_and_returns_rows_and_is_rolled_back_with_it(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    engine = engine_of(store)
    mine = among_given(engine, suppressions.c.email_key, "keys")
    change = update(suppressions).where(mine).values(reason=bindparam("why"), at=MORNING)
    changed = Prepared(engine, change.returning(suppressions.c.email_key, suppressions.c.reason))
    with writing(engine) as db:
        db.execute(insert(suppressions), [{"email_key": text, "reason": text, "at": MORNING} for text in ESCAPED])
        assert Prepared(engine, change).run(db, keys=["", " ", "not there"], why="new") == 2
    with suppress(ZeroDivisionError), writing(engine) as db:
        assert sorted(changed.rows(db, keys=["", " "], why="newer")) == [("", "newer"), (" ", "newer")]
        raise ZeroDivisionError
    kept = Prepared(engine, select(suppressions.c.reason).where(mine))
    assert kept.fetch(keys=["", " "]) == [("new",), ("new",)]
    with engine.connect() as db, pytest.raises(AssertionError):
        kept.rows(db, keys=[""])  # outside of a transaction, SQLite would commit each statement
    store.close()


def test_an_error_of_a_statement_in_a_transaction_is_named(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    wrong = Prepared(engine_of(store), update(suppressions).values(reason=literal_column("absent")))
    with pytest.raises(StoreError, match="run: paperround migrate"), writing(engine_of(store)) as db:
        wrong.run(db)
    with writing(engine_of(store)) as db:
        assert db.scalar(select(func.count()).select_from(suppressions)) == 0
    store.close()


def test_whoever_a_letter_goes_to_is_read_with_what_they_chose(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    chosen = {
        "name": "Ada", "cadence": "weekly", "weekday": "friday", "at": "06:30", "timezone": "Europe/Berlin",
        "theme": "plain", "density": "brief", "language": "de", "leave_out": ["words x;y", 'author: "Ada"'],
        "breadth": "more", "quiet_days": "line", "max_papers": 3, "monthday": 31,
    }  # fmt: skip
    changes = [
        SubscriberChange(f"s{number}@example.org", membership.read_patch(site.app, patch), SubscriberState.ACTIVE)
        for number, patch in enumerate([chosen, chosen | {"name": "Eve"}, {}])
    ]
    membership.add_all(site.app, changes)
    store = site.app.store.subscribers
    whole = {subscriber.row: subscriber for subscriber in store.all()}
    found = store.by_rows([*whole, 99])
    assert found.keys() == whole.keys()
    for row, subscriber in found.items():
        assert (subscriber.email, subscriber.state) == (whole[row].email, whole[row].state)
        assert subscriber.preferences == whole[row].preferences._replace(topics=(), queries=(), follows=())
    site.app.close()


def test_many_changes_may_have_values_or_none(database_url: str) -> None:
    store = open_store(database_url)
    store.prepare()
    late = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
    expected = {"a": (None, None, 2**30), "b": (late, late.date(), 0), "c, {}": (MORNING, MORNING.date(), -1)}
    columns = relay.c.paused_until, relay.c.day, relay.c.handed_over
    with writing(engine_of(store)) as db:
        db.execute(delete(relay))
        db.execute(
            insert(relay),
            [{"name": name, "reason": "", "handed_over": 1, "paused_until": MORNING} for name in expected],
        )
        new = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in columns}
        changes = ManyRows(engine_of(store), update(relay).where(relay.c.name == bindparam("named")).values(new))
        rows = [
            {"named": name} | {f"new_{column.name}": value for column, value in zip(columns, values, strict=True)}
            for name, values in expected.items()
        ]
        assert changes.run(db, rows) == len(expected)
        found = {name: tuple(values) for name, *values in db.execute(select(relay.c.name, *columns))}
    assert found == expected
    store.close()


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
        assert all(pick.why for section in digest.sections for pick in section.picks)
        ranks = {pick.paper: pick.rank for section in digest.sections for pick in section.picks}
        assert {paper: score.total for paper, score in digest.scores.items()} == pytest.approx(ranks)
    site.app.close()


def test_letters_print_the_same_whether_the_sections_of_a_digest_are_on_one_line_or_on_several(
    tmp_path: Path, database_url: str
) -> None:
    site = Site(tmp_path, database_url)
    for slug in ("robots", "agents"):
        topics.add_topic(site.app, Topic(slug, f'{slug}: "a]],\n[b"\\', slug))
    site.papers(*(listing(number, ("robots", "agents")[number % 2]) for number in range(1, 8)))
    site.subscribers(["ada@example.org", "ben@example.org"], "robots", "agents", at="06:30")
    site.clock.now = MORNING + timedelta(hours=1)
    assert pipeline.publish(site.app).composed == 2
    store, engine = site.app.store.issues, engine_of(site.app.store)
    printed = store.digests([1, 2])
    assert [len(digest.sections) for digest in printed.values()] == [2, 2]
    with writing(engine) as db:
        texts = db.scalars(select(cast(digests.c.sections, Text))).all()
        assert [text.count("\n") for text in texts] == [1, 1]
        for row, digest in printed.items():
            whole = store.digest(row)
            assert (digest.sections, tuple(digest.more)) == (whole.sections, whole.more)
            assert len(digest.more) == len(whole.more)
            on_one_line = [[topic, name, [list(pick) for pick in picks]] for topic, name, picks in whole.sections]
            db.execute(update(digests).where(digests.c.row == row).values(sections=on_one_line))
    with reading(engine) as db:
        assert not any("\n" in text for text in db.scalars(select(cast(digests.c.sections, Text))))
    assert {row: digest.sections for row, digest in store.digests([1, 2]).items()} == {
        row: digest.sections for row, digest in printed.items()
    }
    site.app.close()
