"""How SQLite goes about what is asked many times a day: never by reading all papers, matches, subscribers or
letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from paperround.rounds import pipeline, topics
from support.pages import Pages
from support.papers import listing
from support.site import MORNING, Site

_LARGE = ("papers", "matches", "listings", "subscribers", "subscriptions", "deliveries", "digests", "digest_papers")


@contextmanager
def statements(site: Site) -> Iterator[list[tuple[str, Any]]]:
    """Everything that the database is asked in the block, with its parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, many) -> None:
        each = many and isinstance(parameters, list)
        asked.append((statement, parameters[0] if each else parameters))

    engine = site.app.store._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def read_whole(site: Site, asked: list[tuple[str, Any]]) -> set[str]:
    """The statements that read all rows of a large table, without an index or through all of one."""
    found = set()
    with site.app.store._engine.connect() as db:
        for statement, parameters in asked:
            if "SELECT" not in statement.upper() and not statement.startswith(("UPDATE", "DELETE")):
                continue
            plan = db.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [step[3].split() for step in plan]
            # An index of few rows, made for the question, may be read whole.
            if any(step[0] == "SCAN" and step[1] in _LARGE and "ix_papers_unmatched" not in step for step in steps):
                found.add(" ".join(statement.split()))
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.topic("robots")
    site.topic("agents")
    site.papers(*(listing(number) for number in range(1, 8)), listing(8, "agents", upvotes=3))
    site.subscribers([f"subscriber{number}@example.org" for number in range(3)], "robots", "agents", at="07:00")
    site.clock.now = MORNING + timedelta(hours=1)
    yield site
    site.app.close()


@pytest.mark.parametrize("step", [topics.match_papers, pipeline.publish, pipeline.deliver, pipeline.sweep])
def test_no_step_of_a_round_reads_a_whole_table(site: Site, step) -> None:
    if step is pipeline.deliver:
        pipeline.publish(site.app)
    with statements(site) as asked:
        step(site.app)
    assert asked
    assert read_whole(site, asked) == set()


@pytest.mark.parametrize(
    "path",
    ["/", "/?view=month", "/?topic=robots", "/trending", "/topics/robots", "/papers/2611.00001", "/search?q=robots",
     "/feed.xml", "/topics/robots/feed.xml", "/subscribe", "/try?q=robots", "/sitemap.xml", "/sitemap/0.xml"],
)  # fmt: skip
def test_no_page_reads_a_whole_table(tmp_path: Path, path: str) -> None:
    pages = Pages(tmp_path)
    with statements(pages.site) as asked:
        assert pages.client.get(path).status_code == 200
    assert asked
    assert read_whole(pages.site, asked) == set()
    pages.app.close()
