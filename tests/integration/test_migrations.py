"""The migrations make the very tables that the code speaks of."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from operator import attrgetter
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

from paperround.app import open_store
from paperround.domain.errors import StoreError
from paperround.domain.models import DailyCounts, Score
from paperround.domain.preferences import Density, Preferences, own_slug
from paperround.domain.schedule import Cadence
from paperround.matching import fts
from paperround.matching.query import parse
from paperround.store import migrations, unsent
from paperround.store.alarms import AlarmKind
from paperround.store.engine import reading, writing
from paperround.store.schema import (
    BY_TRIGGERS,
    close_papers,
    examples,
    feedback,
    metadata,
    suppressions,
    webhook_signatures,
)
from paperround.store.sent_before import sent_before
from paperround.store.topics import ClosePaper, ComparisonResult
from paperround.store.vectors import StoredVector
from support.databases import engine_of
from support.migrating import upgrade


def test_asking_whether_a_database_exists_creates_none(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    assert not store.exists()
    assert not store.exists()
    store.prepare()
    assert store.exists()
    store.close()


def test_migrations_and_schema_agree(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    store.prepare()
    with engine_of(store).connect() as connection:
        by_triggers = connection.dialect.name == "postgresql"
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: not (kind == "table" and str(name).startswith("paper_index")),
                "include_object": lambda one, _name, kind, _reflected, _other: (
                    not (by_triggers and kind == "foreign_key_constraint" and BY_TRIGGERS in one.elements[0].info)
                ),
            },
        )
        assert compare_metadata(context, metadata) == []
    store.close()


def test_the_search_index_is_the_one_that_queries_are_written_for(tmp_path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    store.prepare()
    with engine_of(store).connect() as connection:
        made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'paper_index'"))
    assert made == fts.CREATE
    store.close()


def test_the_newest_version_is_the_one_that_alembic_ends_at() -> None:
    assert migrations.newest_revision() == ScriptDirectory.from_config(migrations.alembic_config()).get_current_head()


def test_preparing_twice_changes_nothing(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    store.prepare()
    store.prepare()
    assert store.migrate() == store.migrate()
    store.close()


def test_what_an_older_version_has_indexed_is_found_after_the_migration(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) "
                """VALUES (7, '2611.00007', 'Robots', '{"title": "Robots"}', '[]', '2020-11-20', 3, """
                "'2020-11-20 06:00:00.000000', 0, 0)"
            )
        )
        connection.execute(text("INSERT INTO paper_index (rowid, title) VALUES (7, 'robot')"))
    store.prepare()
    for query in ("robots", "r*", "ro*", "robo*", "robot*", "title:robot*"):
        assert store.papers.candidates([[(parse(query), 10)]]) == [7], query
    with writing(engine_of(store)) as connection:  # raises if the index is not that of the texts
        connection.execute(text("INSERT INTO paper_index (paper_index, rank) VALUES ('integrity-check', 1)"))
    assert store.papers.daily_counts_of([7]) == {}, "of papers older than a month nobody asks what is trending"
    store.close()


def test_subscribers_of_the_released_version_keep_what_they_chose_and_what_waits_for_them(
    empty_database_url: str,
) -> None:
    store = open_store(empty_database_url)
    columns = (
        "email, email_key, name, state, cadence, at, timezone, weekday, monthday, max_papers, theme, language, "
        "created_at, consent, wish"
    )
    people = [
        ("ada@example.org", "active", None),
        ("ben@example.org", "pending", '{"topics": [], "queries": ["gripper"], "cadence": "monthly", "at": "06:15", '
         '"timezone": "Asia/Tokyo", "weekday": 5, "monthday": 31, "max_papers": 7, "theme": "cards", '
         '"language": "de", "first_now": true, "consent": {"words": "Yes"}}'),
    ]  # fmt: skip
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        for email, state, wish in people:
            connection.execute(
                text(
                    f"INSERT INTO subscribers ({columns}) VALUES (:email, :email, 'A. L.', :state, 'weekly', "
                    "'18:30:00.000000', 'Europe/Berlin', 4, 1, 3, 'plain', 'de', '2026-11-01 06:00:00.000000', "
                    "'{}', :wish)"
                ),
                {"email": email, "state": state, "wish": wish},
            )
    store.migrate()
    ada, ben = store.subscribers.by_address()
    chosen = Preferences(
        name="A. L.", cadence=Cadence.WEEKLY, at=time(18, 30), timezone="Europe/Berlin", weekday=4, max_papers=3,
        theme="plain", language="de", density=Density.FULL,
    )  # fmt: skip
    assert ada.preferences == chosen
    requested = {
        "queries": ("gripper",), "cadence": Cadence.MONTHLY, "at": time(6, 15), "timezone": "Asia/Tokyo",
        "weekday": 5, "monthday": 31, "max_papers": 7, "theme": "cards",
    }  # fmt: skip
    assert ben.preferences == chosen.patched(requested), "what was requested, and the name that the row has"
    assert ben.request is not None
    assert ben.request["first_now"] is True
    store.close()


def _add_subscriber(connection: Connection, row: int, theme: str = "paper") -> None:
    """Add a subscriber to a database of the released schema."""
    values = {"row": row, "email": f"a{row}@b.example", "email_key": f"a{row}@b.example", "name": "", "theme": theme}
    values |= {"state": "active", "cadence": "daily", "at": "07:00:00.000000", "timezone": "UTC", "language": "en"}
    values |= {"weekday": 0, "monthday": 1, "max_papers": 10, "consent": "{}", "created_at": "2026-11-20 06:00:00"}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO subscribers ({names}) VALUES ({places})"), values)


def test_who_had_the_compact_theme_has_brief_letters(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        for row, theme in ((1, "compact"), (2, "cards")):
            _add_subscriber(connection, row, theme)
    store.migrate()
    found = store.subscribers.by_rows([1, 2])
    assert {row: (one.theme, one.density.value) for row, one in found.items()} == {
        1: ("paper", "brief"),
        2: ("cards", "full"),
    }
    store.close()


def test_what_the_released_version_has_recorded_of_papers_and_subscribers_is_kept(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    rows = (
        "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) VALUES "
        """(1, '2611.00007', 'Robots', '{"title": "Robots"}', '[]', '2026-11-20', 3, """
        "'2026-11-20 06:00:00', false, false)",
        "INSERT INTO echoes (paper, day, upvotes, comments, stars) VALUES (1, '2026-11-20', 3, 1, 40)",
        "INSERT INTO topics (row, slug, name, query, about, private) VALUES "
        "(1, 'robotics', 'R', 'robot', '', false), (2, 'vision', 'V', 'image', '', false)",
        "INSERT INTO subscribers (row, email, email_key, name, state, cadence, at, timezone, weekday, monthday, "
        "max_papers, theme, language, served, created_at, consent, "
        "farewell) VALUES (1, 'a@b.example', 'a@b.example', "
        "'', 'unsubscribed', 'daily', '07:00:00.000000', 'UTC', 0, 1, 10, 'paper', 'en', '2026-11-20', "
        "'2026-11-01 06:00:00.000000', '{}', 'Too many')",
        "INSERT INTO subscriptions (subscriber, topic, place, read_to, created_at) VALUES "
        "(1, 1, 0, 17, '2026-11-01 06:00:00.000000'), (1, 2, 1, 12, '2026-11-19 06:00:00.000000')",
        "INSERT INTO issues (row, cadence, day) VALUES (1, 'daily', '2026-11-20')",
        """INSERT INTO issue_papers (issue, paper, paper_as_printed) VALUES (1, 1, '{"title": "Robots"}')""",
    )
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        for statement in rows:
            connection.exec_driver_sql(statement)
    store.migrate()
    assert store.papers.daily_counts_of([1]) == {1: [DailyCounts(date(2026, 11, 20), 3, 1, 40)]}
    [subscriber] = store.subscribers.by_address()
    assert (subscriber.last_issue_day, subscriber.unsubscribe_reason) == (date(2026, 11, 20), "Too many")
    with engine_of(store).connect() as connection:
        assert connection.scalar(text("SELECT last_edition FROM subscribers")) == 17
        started = connection.scalars(text("SELECT last_edition FROM subscriptions ORDER BY topic")).all()
        assert started == [None, 12], "a topic that was added since the last digest begins where it began"
        assert "Robots" in str(connection.scalar(text("SELECT snapshot FROM issue_papers")))
    store.close()


def test_papers_that_the_released_version_has_counted_still_count_as_sent(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    letters = [
        "INSERT INTO issues (row, cadence, day) VALUES (1, 'daily', '2026-11-20'), (2, 'daily', '2026-11-21'), "
        "(3, 'daily', '2026-11-22')",
        "INSERT INTO digests (row, issue, subscriber, sections, more, created_at) VALUES "
        "(1, 1, 1, '[]', '[9, 8]', '2026-11-20 06:00:00'), (2, 2, 1, '[]', '[6, 5]', '2026-11-21 06:00:00'), "
        "(3, 3, 1, '[]', '[4]', '2026-11-22 06:00:00')",
        # The letter of the third digest has expired.
        "INSERT INTO digest_papers (subscriber, paper, digest, place) VALUES (1, 7, 1, 0), (1, 8, 1, NULL), "
        "(1, 9, 1, NULL), (1, 5, 2, NULL), (1, 6, 2, NULL)",
    ]
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        _add_subscriber(connection, 1)
        for statement in letters:
            connection.exec_driver_sql(statement)
        upgrade(connection, "0016")
        connection.exec_driver_sql("DELETE FROM digests WHERE row = 2")  # as retention does
    store.migrate()
    with reading(engine_of(store)) as connection:
        assert sent_before(connection, {1: 1}, range(1, 10), {}) == {1: {5: 2, 6: 2, 7: 1, 8: 1, 9: 1}}
        assert sent_before(connection, {1: 10}, [4, 10], {3: 4}) == {}
        assert sent_before(connection, {1: 10}, [10], {8: 10}) == {1: {10: 1}}
    store.close()


def test_older_digests_are_read_with_what_they_say_of_ranks(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    picks = {
        1: '[7, ["title: arm"]]',
        2: '[7, ["title: arm"], 0.4]',
        3: '[7, [], 0.4, {"relevance": 0.3, "code": 0.1}]',
    }
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        _add_subscriber(connection, 1)
        for row, pick in picks.items():
            connection.exec_driver_sql(
                f"INSERT INTO issues (row, cadence, day) VALUES ({row}, 'daily', '2026-11-0{row}')"
            )
            connection.execute(
                text(
                    "INSERT INTO digests (row, issue, subscriber, sections, more, created_at) VALUES "
                    "(:row, :row, 1, :sections, '[]', '2026-11-20 06:00:00')"
                ),
                {"row": row, "sections": f'[["robots", "Robots", [{pick}]]]'},
            )
    store.migrate()
    third, second, first = store.issues.digests_of(1)
    assert (first.papers, first.scores, first.sections[0].picks[0].why) == ((7,), {}, ("title: arm",))
    assert (second.scores, second.sections[0].picks[0].rank) == ({}, 0.4)
    assert third.scores == {7: Score(relevance=0.3, code=0.1)}
    assert store.issues.digests([3])[3].papers == (7,), "a letter needs no components"
    store.close()


def test_papers_that_were_unsent_before_lists_of_them_existed_are_still_unsent(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        for row in (1, 2):
            _add_subscriber(connection, row)
        for row in (7, 8):
            connection.exec_driver_sql(
                "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) "
                f"VALUES ({row}, 'p{row}', 'Robots', '{{}}', '[]', '2026-11-20', 3, '2026-11-20 06:00:00', "
                "false, false)"
            )
        upgrade(connection, "0020")
        connection.exec_driver_sql(
            "INSERT INTO unsent_papers (subscriber, paper, since) VALUES (1, 7, '2026-11-22 06:00:00.000000'), "
            "(1, 8, '2026-11-21 06:00:00.000000'), (2, 8, '2026-11-23 06:00:00.000000')"
        )
    store.migrate()
    with reading(engine_of(store)) as connection:
        found = {row: sorted(some) for row, some in unsent.unsent_papers_of(connection, [1, 2, 3]).items()}
        assert found == {1: [7, 8], 2: [8]}
        since = unsent.waiting_since(connection, [1, 2, 3])
        assert since == {row: datetime(2026, 11, day, 6, tzinfo=UTC) for row, day in ((1, 21), (2, 23))}
    store.close()


def test_suppressions_of_the_version_before_keep_their_cause(empty_database_url: str) -> None:
    causes = {
        "complaint": "complaint",
        "hard bounce": "hard bounce",
        "hard bounce 5.1.1": "hard bounce",
        "hard bounce 5.1.2, 3 in a row": "bad domain",
        "4 letters in a row did not get through": "lost letters",
        "asked by telephone": None,
    }
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0022")
        for reason in causes:
            connection.execute(
                text("INSERT INTO suppressions (email_key, reason, at) VALUES (:reason, :reason, :at)"),
                {"reason": reason, "at": "2026-11-20 06:00:00.000000"},
            )
    store.migrate()
    with reading(engine_of(store)) as connection:
        found = connection.execute(select(suppressions.c.reason, suppressions.c.cause)).all()
        assert dict(map(tuple, found)) == causes
    store.close()


def test_a_shared_interest_is_split_and_each_subscriber_keeps_what_waits_for_them(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    interest, answer, shared = "0123456789abcdef", "own-answer", "fedcba9876543210"
    rows = (
        "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) VALUES "
        """(1, 'p1', 'Robots', '{"title": "Robots"}', '[]', '2026-11-20', 3, '2026-11-20 06:00:00', false, false), """
        """(2, 'p2', 'Hands', '{"title": "Hands"}', '[]', '2026-11-21', 3, '2026-11-21 06:00:00', false, false)""",
        "INSERT INTO topics (slug, name, query, about, private, matched_query, vector_of) VALUES "
        f"('own-{interest}', 'robot hands', 'robot hands', '', true, 'robot hands', 'm'), "
        f"('follow-{shared}', 'Li Na', 'author:\"Li Na\"', 'author: Li Na', true, 'author:\"Li Na\"', NULL), "
        f"('{answer}', 'Answers', 'answers', '', false, 'answers', NULL)",
        "INSERT INTO subscriptions (subscriber, topic, place, last_edition, created_at) VALUES "
        "(1, 1, 0, NULL, '2026-11-01 06:00:00'), (2, 2, 0, NULL, '2026-11-01 06:00:00'), "
        "(2, 1, 1, 4, '2026-11-02 06:00:00'), (3, 1, 0, 5, '2026-11-03 06:00:00'), "
        "(3, 2, 1, NULL, '2026-11-03 06:00:00'), (3, 3, 2, NULL, '2026-11-03 06:00:00')",
        "INSERT INTO matches (topic, paper, day, score, why, edition) VALUES "
        """(1, 1, '2026-11-20', 0.6, '["title: robot"]', 5), (1, 2, '2026-11-21', 0.7, '[]', NULL)""",
    )
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        for row in (1, 2, 3):
            _add_subscriber(connection, row)
        upgrade(connection, "0023")
        for statement in rows:
            connection.exec_driver_sql(statement)
    store.migrate()
    people = list(store.subscribers.by_address())
    assert [one.preferences.queries for one in people] == [("robot hands",)] * 3
    assert [one.preferences.follows for one in people] == [(), ("author: Li Na",), ("author: Li Na",)]
    own = [topic for one in people for topic in store.topics.by_slugs(one.topics) if topic.query == "robot hands"]
    assert len({topic.row for topic in own}) == 3
    assert [topic.slug for topic in own] == [own_slug("robot hands", row) for row in (1, 2, 3)]
    assert {topic.slug for topic in store.topics.all()} - {topic.slug for topic in own} == {
        f"follow-{shared}",
        answer,
    }
    with reading(engine_of(store)) as connection:
        found = connection.execute(text("SELECT topic, paper, score, edition FROM matches ORDER BY topic, paper"))
        assert [tuple(one) for one in found] == [
            (topic.row, paper, score, edition)
            for topic in sorted(own, key=attrgetter("row"))
            for paper, score, edition in ((1, 0.6, 5), (2, 0.7, None))
        ]
        started = text("SELECT subscriber, place, last_edition FROM subscriptions ORDER BY subscriber, place")
        assert [tuple(one) for one in connection.execute(started)] == [
            (1, 0, None), (2, 0, None), (2, 1, 4), (3, 0, 5), (3, 1, None), (3, 2, None)
        ]  # fmt: skip
    due = store.topics.due()
    assert {one.topic.slug for one in due} == {topic.slug for topic in own}
    assert all(one.unread_since for one in due), "only what was not sent yet is compared again"
    store.close()


def test_a_database_newer_than_the_program_is_one_line_and_stays_as_it_is(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    store.prepare()
    with writing(engine_of(store)) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (store.prepare, store.migrate):
        with pytest.raises(StoreError, match="at version 9999, newer than this program") as told:
            step()
        assert "\n" not in str(told.value)
    store.close()


def test_suppressions_of_the_version_before_know_when_their_owners_were_last_asked(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    asked = {"asked@x.example": "2026-11-22 06:00:00", "never@x.example": None, "erased:abc": None}
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0025")
        for row, email in enumerate(asked, 1):
            values = {"row": row, "email": email, "at": "2026-11-20 06:00:00"}
            connection.execute(
                text("INSERT INTO suppressions (email_key, reason, at) VALUES (:email, 'complaint', :at)"), values
            )
            if "@" not in email:
                continue
            connection.execute(
                text(
                    "INSERT INTO subscribers (row, email, email_key, name, state, cadence, at, timezone, weekday, "
                    "monthday, max_papers, theme, language, created_at, consent) VALUES (:row, :email, :email, '', "
                    "'pending', 'daily', '07:00:00.000000', 'UTC', 0, 1, 10, 'paper', 'en', :at, '{}')"
                ),
                values,
            )
        for row, (kind, day) in enumerate((("confirm", 21), ("confirm", 22), ("your-link", 23)), 1):
            connection.execute(
                text(
                    "INSERT INTO deliveries (row, subscriber, notice, context, email, message_id, state, reason, "
                    "attempts, created_at) VALUES (:row, 1, :kind, '{}', 'asked@x.example', :id, 'sent', '', 1, :at)"
                ),
                {"row": row, "kind": kind, "id": f"<{row}@x>", "at": f"2026-11-{day} 06:00:00"},
            )
    store.migrate()
    with reading(engine_of(store)) as connection:
        found = dict(map(tuple, connection.execute(select(suppressions.c.email_key, suppressions.c.asked_at)).all()))
    assert {key: at and f"{at:%Y-%m-%d %H:%M:%S}" for key, at in found.items()} == asked
    store.close()


def test_vectors_of_an_earlier_version_are_kept_and_their_titles_get_one_later(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0026")
        for row, vector in ((1, b"made"), (2, None)):
            values = {"row": row, "id": f"p{row}", "vector": vector}
            connection.execute(
                text(
                    "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, "
                    "archived) VALUES (:row, :id, 'Robots', '{}', '[]', '2026-11-20', 3, '2026-11-20 06:00:00', "
                    "false, false)"
                ),
                values,
            )
            connection.execute(
                text("INSERT INTO vectors (paper, text, model, number, vector) VALUES (:row, '', 'm', 1, :vector)"),
                values,
            )
    store.migrate()
    assert store.vectors.waiting_count() == 1
    [kept] = store.vectors.after("m", (0, 0))
    assert kept == StoredVector((1, 1), b"made", None)
    store.close()


def test_an_interest_of_the_version_before_can_have_close_papers(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0027")
        connection.exec_driver_sql(
            "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) "
            "VALUES (1, 'p1', 'Robots', '{}', '[]', '2026-11-20', 3, '2026-11-20 06:00:00', false, false)"
        )
        connection.exec_driver_sql(
            "INSERT INTO topics (slug, name, query, about, private, matched_query) VALUES "
            "('own-1', 'robot hands', 'robot hands', '', true, 'robot hands')"
        )
    store.migrate()
    [topic] = store.topics.all()
    store.topics.add_found(
        ComparisonResult(close=[ClosePaper(topic.row, 1, 0.45)]), datetime(2026, 11, 16, tzinfo=UTC)
    )
    number = store.issues.close_edition(datetime(2026, 11, 21, tzinfo=UTC))
    with reading(engine_of(store)) as connection:
        assert connection.execute(select(close_papers)).all() == [(topic.row, 1, 0.45, number)]
    store.topics.delete_unfollowed_private()
    with reading(engine_of(store)) as connection:
        assert connection.execute(select(close_papers)).all() == []
    store.close()


def test_feedback_of_before_is_of_no_library(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0030")
        _add_subscriber(connection, 1)
        for statement in (
            "INSERT INTO papers (row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) "
            "VALUES (7, '2611.00007', 'Robots', '{}', '[]', '2026-11-20', 3, '2026-11-20 06:00:00', false, false)",
            "INSERT INTO feedback (subscriber, paper, verdict, at) VALUES (1, 7, 1, '2026-11-21 06:00:00')",
        ):
            connection.execute(text(statement))
    store.migrate()
    with reading(engine_of(store)) as connection:
        assert connection.execute(select(feedback.c.verdict, feedback.c.owned)).all() == [(1, False)]
    store.close()


def test_papers_that_an_orcid_record_brought_are_not_owned(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    linked = {1: ["orcid"], 2: [], 3: ["orcid", "zotero"]}
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0031")
        for row, kinds in linked.items():
            _add_subscriber(connection, row)
            connection.execute(
                text(
                    "INSERT INTO examples (subscriber, key, title, abstract, authors, at, tries) "
                    f"VALUES ({row}, 'doi:10.1/1', 'Robots', '', '[]', '2026-11-21 06:00:00', 0)"
                )
            )
            for kind in kinds:
                connection.execute(
                    text(
                        "INSERT INTO libraries (subscriber, kind, account, secret, problem) "
                        f"VALUES ({row}, '{kind}', '', '', '')"
                    )
                )
    store.migrate()
    with reading(engine_of(store)) as connection:
        owned = connection.execute(
            select(examples.c.subscriber, examples.c.owned).order_by(examples.c.subscriber)
        ).all()
        assert owned == [(1, False), (2, True), (3, True)]
    store.close()


def test_alarms_and_signatures_move_from_the_notes_to_their_tables(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    values = {
        "alarm policy post.example": "2026-11-22",
        "alarm everywhere all": "2026-11-23",
        "signature abc": "2026-11-23T07:00:00.250000+01:00 event",
        "alarms": "another value",
        "seeds": "loaded",
    }
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0029")
        for name, value in values.items():
            row = {"name": name, "value": value}
            connection.execute(text("INSERT INTO notes (name, value) VALUES (:name, :value)"), row)
    store.migrate()
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert store.alarms.latest(now) == [(AlarmKind.EVERYWHERE, "all"), (AlarmKind.POLICY, "post.example")]
    with reading(engine_of(store)) as connection:
        [signature] = connection.execute(select(webhook_signatures)).all()
    assert signature == ("abc", "event", datetime(2026, 11, 23, 6, 0, 0, 250_000, tzinfo=UTC))
    assert store.webhook_signatures.claim("abc", "event", now)
    assert not store.webhook_signatures.claim("abc", "another", now)
    rest = {name: value for name, value in store.site_values.starting_with("").items() if name in values}
    assert rest == {"alarms": "another value", "seeds": "loaded"}
    store.close()


def test_what_belongs_to_subscribers_is_kept_and_goes_with_them_after_the_migration(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    owned = "subscriptions", "digests", "deliveries", "unsent_lists"
    moment = "'2026-11-20 06:00:00'"
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0033")
        for row in (1, 2):
            _add_subscriber(connection, row)
        for statement in (
            "INSERT INTO topics (row, slug, name, query, about, private) VALUES (5, 'r', 'R', 'r', '', false)",
            "INSERT INTO issues (row, cadence, day) VALUES (6, 'daily', '2026-11-20')",
            *(
                statement.replace("OWNER", str(row))
                for row in (1, 2)
                for statement in (
                    f"INSERT INTO subscriptions VALUES (OWNER, 5, 0, NULL, {moment})",
                    "INSERT INTO digests (row, issue, subscriber, sections, more, created_at) "
                    f"VALUES (OWNER, 6, OWNER, '[]', '[]', {moment})",
                    "INSERT INTO deliveries (subscriber, issue, digest, context, email, message_id, state, reason, "
                    f"attempts, created_at) VALUES (OWNER, 6, OWNER, '{{}}', '', 'OWNER', 'sent', '', 1, {moment})",
                    "INSERT INTO attempts (delivery, at, stage, text, connection) "
                    f"SELECT row, {moment}, 'final', '', '' FROM deliveries WHERE subscriber = OWNER",
                    f"INSERT INTO unsent_lists VALUES (OWNER, OWNER, {moment}, '[]', '[]')",
                )
            ),
        ):
            connection.execute(text(statement.replace(":", r"\:")))
    store.migrate()
    for left, gone in ([1, 2], None), ([2], 1):
        if gone:
            store.subscribers.erase([gone], datetime(2026, 11, 23, tzinfo=UTC))
        with reading(engine_of(store)) as connection:
            for table in owned:
                query = text(f"SELECT subscriber FROM {table} ORDER BY subscriber")
                assert connection.scalars(query).all() == left, table
            assert connection.scalar(text("SELECT count(*) FROM attempts")) == len(left)
    store.close()
