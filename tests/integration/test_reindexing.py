"""What an older version has indexed as it was typed is found as it is printed, after some sweeps."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text

from paperround.app import App, open_store
from paperround.domain.models import Topic
from paperround.matching.fields import INDEX_VERSION
from paperround.matching.query import parse
from paperround.rounds import pipeline, topic_matching
from paperround.settings import Settings
from paperround.store.engine import reading, writing
from paperround.store.schema import matches, papers
from support.databases import engine_of
from support.migrating import upgrade
from support.papers import listing
from support.site import MORNING, Site

TITLES = (
    r"Heavy H$_2$O in a \textbf{cold} tank of $^{13}$CO",
    r"Voids of $\Lambda$CDM in $\mathcal{O}(n)$",
    "Plain words",
)


def an_old_database(url: str) -> App:
    """A database of schema 0002 whose papers were indexed as they were typed."""
    store = open_store(url)
    with writing(engine_of(store)) as connection:
        upgrade(connection, "0002")
        sqlite = connection.dialect.name == "sqlite"
        for row, title in enumerate(TITLES, 1):
            connection.execute(
                text(
                    "INSERT INTO papers "
                    "(row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived) "
                    "VALUES (:row, :id, :title, :facts, '[\"a\"]', '2026-11-23', 0, "
                    "'2026-11-23 06:00:00', " + ("0, 0)" if sqlite else "false, false)")
                ),
                {"row": row, "id": f"2611.0000{row}", "title": title, "facts": json.dumps({"title": title})},
            )
            index = "(rowid, title) VALUES (:row, :terms)" if sqlite else "(row, terms) VALUES (:row, :terms)"
            terms = "h 2 o textbf mathcal" if sqlite else "'ti:textbf':1 'ti:mathcal':2"
            connection.execute(text(f"INSERT INTO paper_index {index}"), {"row": row, "terms": terms})
    store.migrate()
    return App(Settings(), store, lambda: MORNING)


def found(app: App, query: str) -> list[int]:
    return sorted(app.store.papers.candidates([[(parse(query), 10)]]))


def test_a_sweep_indexes_old_papers_as_they_are_printed(empty_database_url: str) -> None:
    app = an_old_database(empty_database_url)
    app.store.topics.save([Topic("water", "Water", "H2O")])
    topic_matching.match_topics(app)
    assert found(app, "textbf") == [1, 2, 3]
    pipeline.sweep(app)
    assert [found(app, query) for query in ("H2O", "13CO", "ΛCDM", "plain", "textbf OR mathcal")] == [
        [1],
        [1],
        [2],
        [3],
        [],
    ]
    assert [match.paper for match in app.store.topics.recent_matches("water", MORNING.date().replace(day=1))] == [1]
    app.close()


def test_sweeps_go_on_where_the_last_one_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = an_old_database(f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setattr(app.throttle, "yield_to_requests", app.stopping.set)
    topic_matching.reindex(app, papers_at_once=1)
    assert found(app, "textbf") == [2, 3], "one paper was indexed anew before the program was told to stop"
    monkeypatch.undo()
    app.stopping.clear()
    topic_matching.reindex(app)
    assert found(app, "textbf") == []
    assert app.store.site_values.starting_with("text form") == {"text form": INDEX_VERSION}
    app.close()


def test_a_subscribers_own_query_is_matched_again_and_keeps_what_a_monthly_letter_still_brings(
    tmp_path: Path, database_url: str
) -> None:
    site = Site(tmp_path, database_url)
    site.topic("other")
    own = Topic.of_own_query("H2O", 1)
    site.app.store.topics.save([own])
    topic_matching.match_topics(site.app)
    site.papers(listing(1, title="Water, or H2O, of last month"))
    site.clock.now += timedelta(days=20)
    site.papers(listing(2, title="Heavy H$_2$O of today"), listing(3, title="Nothing but sand"))
    rows = {title.split(",")[0].split()[0]: row for row, title in _titles(site)}
    [stored] = [topic for topic in site.app.store.topics.all() if topic.private]
    with writing(engine_of(site.app.store)) as db:  # as an older version has left it: the text was not resolved
        db.execute(delete(matches).where(matches.c.paper == rows["Heavy"]))
        why = {"score": 1.0, "why": [], "edition": None, "day": date(2026, 12, 13), "topic": stored.row}
        db.execute(insert(matches), {**why, "paper": rows["Nothing"]})
    site.app.store.site_values.set("text form", "1")
    pipeline.sweep(site.app)
    found = site.app.store.topics.matches_of(stored)
    assert found == {rows["Water"], rows["Heavy"]}, "older ones stay, of the past week those that fit now"
    site.app.close()


def _titles(site: Site) -> list[tuple[int, str]]:
    with reading(engine_of(site.app.store)) as db:
        return [(row, title) for row, title in db.execute(select(papers.c.row, papers.c.title))]


@pytest.mark.parametrize("title", ["Waves in 2½ dimensions", r"Waves in $2\frac{1}{2}$ dimensions"])
def test_a_mixed_number_is_found_as_it_is_written_and_not_by_its_digits(
    tmp_path: Path, database_url: str, title: str
) -> None:
    site = Site(tmp_path, database_url)
    site.papers(listing(1, title=title, abstract="", authors=[]))
    assert found(site.app, "title:2½") == [1]
    assert found(site.app, "title:21") == []
    site.app.close()
