"""What is PostgreSQL's own: locks and their limits, connections through a pooler, imports that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, delete, func, insert, select, text

from paperround.app import open_store
from paperround.domain.errors import StoreError
from paperround.domain.models import BounceKind, SubscriberState
from paperround.rounds import pipeline
from paperround.rounds.bounce_intake import apply_bounce
from paperround.store import Store, engine
from paperround.store import deliveries as deliveries_store
from paperround.store.bounces import Bounce
from paperround.store.engine import connect, lock_exclusively, lock_shared, plan_once, reading, writing
from paperround.store.schema import listings, subscribers, topics, unsent_lists
from paperround.store.subscriber_changes import SubscriberChange
from paperround.subscribers import address_change, membership
from support import pgbouncer
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site
from support.statements import statements


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    store = open_store(postgres_url)
    store.prepare()
    yield store
    store.close()


def test_two_imports_in_opposite_order_do_not_wait_for_each_other_in_a_circle(
    tmp_path: Path, postgres_url: str
) -> None:
    sites = [Site(tmp_path, postgres_url), Site(tmp_path, postgres_url)]
    sites[0].topic("robots")
    emails = [f"subscriber{number:04}@example.org" for number in range(700)]
    with ThreadPoolExecutor() as pool:
        works = [
            pool.submit(site.subscribers, order, "robots")
            for site, order in zip(sites, (emails, emails[::-1]), strict=True)
        ]
    assert [work.exception() for work in works] == [None, None]
    assert sites[0].app.store.subscribers.count() == {"active": 700}
    for site in sites:
        site.app.close()


@pytest.mark.parametrize("sent_again_first", [True, False])
def test_a_letter_is_not_sent_again_while_another_one_is_composed_with_its_papers(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, *, sent_again_first: bool
) -> None:
    site, other = (Site(tmp_path, postgres_url) for _ in range(2))
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", max_papers=1)
    site.papers(listing(1), listing(2))
    site.clock.now = MORNING + timedelta(hours=1)
    assert pipeline.publish(site.app).composed == 1
    [letter] = [one["id"] for one in site.app.store.delivery_reports.find()]
    site.clock.now += timedelta(days=1)
    site.app.store.deliveries.expire(site.clock())
    again = list[list[int]]()
    decide, repeat = pipeline.compose_batch, site.app.store.deliveries
    with ThreadPoolExecutor() as pool:

        def decide_meanwhile(*given):
            again.append(pool.submit(other.app.store.deliveries.retry, [letter], site.clock()))
            return decide(*given)

        if sent_again_first:
            assert repeat.retry([letter], site.clock()) == [letter]
        else:
            monkeypatch.setattr(pipeline, "compose_batch", decide_meanwhile)
        site.papers(listing(3))
        assert pipeline.publish(site.app).composed == 1
    assert [one.result() for one in again] == ([] if sent_again_first else [[]])
    had = [
        paper for digest in site.app.store.issues.past_digests_of(1, 9) for paper in (*digest.papers, *digest.more)
    ]
    assert sorted(had) == [1, 2, 3]
    for one in (site, other):
        one.app.close()


@pytest.mark.parametrize("meanwhile", ["erased", "bounced", "moved"])
def test_who_gives_a_letter_up_and_whose_subscriber_is_locked_do_not_wait_for_each_other(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    site, other = (Site(tmp_path, postgres_url) for _ in range(2))
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=1)
    assert pipeline.publish(site.app).composed == 1
    [letter] = [one["id"] for one in site.app.store.delivery_reports.find()]
    ada = membership.subscriber(site.app, "ada@example.org")
    membership.pause(site.app, ada)
    suppressed = site.app.store.subscribers.suppress("new@example.org", "left alone", site.clock())
    assert suppressed, "so no email asks"
    address_change.request(site.app, ada, "new@example.org")
    release_papers, others = deliveries_store.release_papers, list[Future[object]]()
    with ThreadPoolExecutor() as pool:

        def release_later(db: Connection, rows: Sequence[int]) -> None:
            if rows:
                bounce = Bounce("hard", letter, BounceKind.HARD, "5.1.1", "nobody here")
                work = {
                    "erased": partial(membership.erase, other.app, ada),
                    "bounced": partial(apply_bounce, other.app, bounce),
                    "moved": partial(address_change.confirm, other.app, 1),
                }
                others.append(pool.submit(work[meanwhile]))
                wait(others, 0.5)
            release_papers(db, rows)

        monkeypatch.setattr(deliveries_store, "release_papers", release_later)
        assert pipeline.deliver(site.app).letters == {"suppressed": 1}
    assert [one.exception() for one in others] == [None]
    for one in (site, other):
        one.app.close()


def test_results_of_an_import_stand_in_the_order_that_was_given(store: Store) -> None:
    emails = ["cy@example.org", "ada@example.org", "ben@example.org"]
    changes = [SubscriberChange(email, {}, SubscriberState.ACTIVE) for email in emails]
    assert [result.email for result in store.subscriber_changes.save(changes, MORNING)] == emails


def _take(store: Store, lock: Callable[[Connection], None]) -> None:
    with writing(engine_of(store)) as db:
        db.execute(text("SET LOCAL lock_timeout = '50ms'"))
        lock(db)


def _gets(store: Store, lock: Callable[[Connection], None]) -> bool:
    try:
        _take(store, lock)
    except StoreError:
        return False
    return True


def test_whoever_waits_too_long_for_a_lock_is_told_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(engine_of(store)) as holding:
        lock_exclusively(holding, listings)
        with pytest.raises(StoreError, match=r"locked for 30 s .* Run the command again: nothing is lost"):
            _take(store, lambda db: lock_shared(db, listings))


def test_sessions_give_up_on_locks_are_ended_when_their_program_stands_still_and_compile_nothing(
    store: Store,
) -> None:
    expected = {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "5min", "TimeZone": "UTC", "jit": "off"}
    with engine_of(store).connect() as db:
        assert {name: db.scalar(text(f"SHOW {name}")) for name in expected} == expected


def test_whoever_erases_a_subscriber_sees_papers_added_meanwhile_whatever_level_the_database_has_by_default(
    store: Store, postgres_url: str
) -> None:
    with writing(engine_of(store)) as db:
        name = db.scalar(text("SELECT current_database()"))
        db.execute(text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"))
    store.close()
    again = open_store(postgres_url)
    again.subscriber_changes.save([SubscriberChange("ada@example.org", {}, SubscriberState.ACTIVE)], MORNING)
    with writing(engine_of(again)) as erasing:
        [row] = erasing.scalars(select(subscribers.c.row))
        with engine_of(again).begin() as adding:  # not `writing`, for which this thread would wait
            adding.execute(
                insert(unsent_lists).values(subscriber=row, digest=0, since=MORNING, included="[]", counted="[]")
            )
        erasing.execute(delete(subscribers))
    with reading(engine_of(again)) as db:
        assert db.scalar(select(func.count()).select_from(unsent_lists)) == 0
    again.close()


def test_connecting_sends_no_startup_options_which_pgbouncer_refuses(postgres_url: str) -> None:
    taken = ("client_encoding", "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    assert tuple(engine._CLIENT) == taken


@pytest.mark.skipif(not pgbouncer.PROGRAM, reason="PgBouncer is not installed (Debian: pgbouncer)")
def test_programs_behind_a_pooler_that_shares_connections_by_transaction_send_every_letter_once(
    tmp_path: Path, postgres_url: str
) -> None:
    with pgbouncer.in_front_of(postgres_url, servers=2) as pooled:
        sites = [Site(tmp_path, pooled.replace("://", "+psycopg://", 1)) for _ in range(3)]
        sites[0].topic("robots")
        sites[0].subscribers([f"subscriber{number:03}@example.org" for number in range(300)], "robots", at="07:00")
        sites[0].papers(listing(1))
        for site in sites:
            site.clock.now = MORNING + timedelta(days=1)
        pipeline.publish(sites[0].app)
        with ThreadPoolExecutor() as pool:
            tallies = list(pool.map(pipeline.deliver, [site.app for site in sites]))
        assert sum(tally.letters["sent"] for tally in tallies) == 300
        assert len({letter.recipient for site in sites for letter in site.relay.accepted}) == 300
        for site in sites:
            site.app.close()


def test_connections_without_a_pooler_prepare_statements(store: Store) -> None:
    with engine_of(store).connect() as db:
        assert db.connection.driver_connection.prepare_threshold is not None


def test_programs_that_index_the_same_papers_at_once_index_each_once(store: Store) -> None:
    store.papers.add([listing(number) for number in range(1, 40)], MORNING)
    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(store.papers.reindex, 0, 100) for _ in range(24)]
    assert [work.exception() for work in works] == [None] * 24


def test_vacuum_and_analyze_do_not_wait_for_a_program_that_is_alone_with_a_table(
    store: Store, postgres_url: str
) -> None:
    plain = postgres_url.replace("postgresql+psycopg:", "postgresql:")
    with writing(engine_of(store)) as holding, psycopg.connect(plain, autocommit=True) as operator:
        lock_exclusively(holding, listings)
        operator.execute("SET lock_timeout = '1s'")
        operator.execute("ANALYZE listings")
        operator.execute("VACUUM listings")


def test_those_who_are_among_others_work_at_once_and_one_who_is_alone_waits_for_them(store: Store) -> None:
    with writing(engine_of(store)) as first, writing(engine_of(store)) as second:
        lock_shared(first, topics)
        lock_shared(second, topics)
        assert not _gets(store, lambda db: lock_exclusively(db, topics))
    assert _gets(store, lambda db: lock_exclusively(db, topics))


def test_days_are_counted_in_utc_whatever_time_zone_the_session_has(store: Store) -> None:
    late = MORNING.replace(hour=23, minute=30)
    changes = [SubscriberChange("ada@example.org", {}, SubscriberState.ACTIVE)]
    store.subscriber_changes.save(changes, late)
    other = connect(str(store._url))
    name = other.url.database
    with other.connect() as db:
        db.execution_options(isolation_level="AUTOCOMMIT")
        db.execute(text(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'"))
    other.dispose()
    with engine_of(store).connect() as db:
        db.execute(text("SET timezone = 'Asia/Tokyo'"))
        db.commit()  # the pool gives the same connection again
    assert store.overview.subscribers_by_day(MORNING)["joined"] == {late.date(): 1}


def test_letters_that_several_programs_hand_over_are_counted_together(database_url: str, tmp_path: Path) -> None:
    sites = [Site(tmp_path, database_url), Site(tmp_path, database_url)]
    sites[0].topic("robots")
    sites[0].papers(listing(1))
    for number, site in enumerate(sites):
        site.subscriber(f"subscriber{number}@example.org", "robots", first_now=True)
        pipeline.publish(site.app)
        assert pipeline.deliver(site.app).letters == {"sent": 1}
    assert sites[0].app.store.relay.state(MORNING.date()).handed_over == 2
    assert sites[0].app.store.relay.state(MORNING.date() + timedelta(days=1)).handed_over == 0
    for site in sites:
        site.app.close()


def test_many_rows_are_looked_up_by_an_index_in_transactions_that_plan_once(store: Store) -> None:
    changes = [SubscriberChange(f"s{number}@example.org", {}, SubscriberState.ACTIVE) for number in range(2_000)]
    store.subscriber_changes.save(changes, MORNING)
    numbers = ",".join(map(str, range(1, 1_001)))
    plans = []
    with writing(engine_of(store)) as db:
        db.execute(text("ANALYZE subscribers"))
        db.execute(text("PREPARE wanted AS SELECT email FROM subscribers WHERE row = ANY (CAST($1 AS bigint[]))"))
        for prepare in (lambda _db: None, plan_once):
            prepare(db)
            plans.append("\n".join(db.scalars(text(f"EXPLAIN EXECUTE wanted ('{{{numbers}}}')"))))
    assert ["Seq Scan" in plan for plan in plans] == [True, False]


def test_imports_and_rounds_plan_once(tmp_path: Path, postgres_url: str) -> None:
    site = Site(tmp_path, postgres_url)
    site.topic("robots")
    site.papers(listing(1))
    steps = (
        lambda: site.subscribers(["ada@example.org", "ben@example.org"], "robots"),
        lambda: pipeline.publish(site.app),
        lambda: site.app.store.deliveries.expire(site.clock() + timedelta(days=9)),
    )
    for number, step in enumerate(steps):
        with statements(site) as asked:
            step()
        assert any("force_generic_plan" in statement for statement, _ in asked), number
    site.app.close()
