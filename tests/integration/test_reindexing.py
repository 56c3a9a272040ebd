"""What an older version has indexed as it was typed is found as it is printed, after some sweeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from paperround.app import App, open_store
from paperround.domain.models import Topic
from paperround.matching.query import parse
from paperround.rounds import pipeline, topics
from paperround.settings import Settings
from paperround.store import migrations
from paperround.store.engine import writing
from support.site import MORNING

TITLES = (
    r"Heavy H$_2$O in a \textbf{cold} tank of $^{13}$CO",
    r"Voids of $\Lambda$CDM in $\mathcal{O}(n)$",
    "Plain words",
)


def an_old_database(url: str) -> App:
    """A database of schema 0002 whose papers were indexed as they were typed."""
    store = open_store(url)
    with writing(store._engine) as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
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
    return sorted(paper.row for paper in app.store.papers.candidates([(parse(query), 10)]))


def test_a_sweep_indexes_old_papers_as_they_are_printed(database_url: str) -> None:
    app = an_old_database(database_url)
    app.store.topics.save([Topic("water", "Water", "H2O")])
    topics.match_topics(app)
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
    monkeypatch.setattr(topics, "_PAPERS_AT_ONCE", 1)
    monkeypatch.setattr(app.courtesy, "give_way", app.stopping.set)
    topics.reindex(app)
    assert found(app, "textbf") == [2, 3], "one paper was indexed anew before the program was told to stop"
    monkeypatch.undo()
    app.stopping.clear()
    topics.reindex(app)
    assert found(app, "textbf") == []
    assert app.store.notes("text form") == {"text form": "2"}
    app.close()
