"""How the databases go about what is asked many times a day: never by reading all papers, matches, subscribers or
letters. There are enough rows for PostgreSQL to mind.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paperround.matching import query
from paperround.rounds import pipeline, topic_matching
from support.crowd import crowd
from support.databases import engine_of
from support.pages import Pages
from support.papers import listing
from support.site import MORNING, Site
from support.statements import statements

_LARGE = (
    *("papers", "paper_index", "matches", "listings", "subscribers", "subscriptions"),
    *("deliveries", "digests", "digest_papers", "attempts"),
)


def read_whole(site: Site, asked: list[tuple[str, Any]]) -> set[str]:
    """The statements that read all rows of a large table, without an index or through all of one."""
    reads_all = (
        _reads_all_on_sqlite if engine_of(site.app.store).dialect.name == "sqlite" else _reads_all_on_postgresql
    )
    with engine_of(site.app.store).connect() as db:
        driver = db.connection.driver_connection
        return {
            " ".join(statement.split())
            for statement, parameters in asked
            if ("SELECT" in statement.upper() or statement.startswith(("UPDATE", "DELETE")))
            and reads_all(driver, statement, parameters)
        }


def _reads_all_on_sqlite(driver: Any, statement: str, parameters: Any) -> bool:
    steps = [step[3].split() for step in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    # An index of few rows, made for the question, may be read whole.
    few = "ix_papers_unmatched"
    return any(step[0] == "SCAN" and step[1] in _LARGE[2:] + _LARGE[:1] and few not in step for step in steps)


def _reads_all_on_postgresql(driver: Any, statement: str, parameters: Any) -> bool:
    [[plan]] = driver.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchall()
    steps, found = [plan[0]["Plan"]], False
    while steps:
        step = steps.pop()
        steps += step.get("Plans", [])
        found |= step["Node Type"] == "Seq Scan" and step["Relation Name"] in _LARGE
    return found


@pytest.fixture
def site(site: Site) -> Site:
    fill(site)
    return site


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    pages = Pages(tmp_path, database_url)
    pages.subscriber()
    crowd(pages.site)
    yield pages
    pages.app.close()


def fill(site: Site) -> None:
    site.topic("robots")
    site.topic("agents")
    site.papers(*(listing(number) for number in range(1, 8)), listing(8, "agents", upvotes=3))
    site.subscribers([f"subscriber{number}@example.org" for number in range(3)], "robots", "agents", at="07:00")
    pipeline.sweep(site.app)
    crowd(site)
    site.clock.now = MORNING + timedelta(hours=1)


def test_no_step_of_a_round_reads_a_whole_table(site: Site) -> None:
    found = {}
    for step in (topic_matching.match_papers, pipeline.publish, pipeline.deliver, pipeline.sweep):
        with statements(site) as asked:
            step(site.app)
        assert asked
        found[step.__name__] = read_whole(site, asked)
    assert found == {step: set() for step in found}


@pytest.mark.parametrize("rows", [[1], [1, 2, 3]])
def test_erasing_subscribers_reads_no_whole_table(site: Site, rows: list[int]) -> None:
    pipeline.publish(site.app)
    with statements(site) as asked:
        site.app.store.subscribers.erase(rows, site.clock())
    assert asked
    assert read_whole(site, asked) == set()


def test_a_search_reads_no_more_papers_than_the_nearest_and_what_it_finds(site: Site) -> None:
    search = site.app.store.papers
    for found in ("robots", "agents", "robots AND agents", "absent"):
        with statements(site) as asked:
            search.indexed_texts(search.candidates([[(query.parse(found), 500)]]))
            list(search.matching(query.parse(found), size=500))
        assert asked
        assert read_whole(site, asked) == set(), found


_PATHS = (
    *("/", "/?view=month", "/?topic=robots", "/trending", "/topics/robots", "/papers/2611.00001", "/search?q=robots"),
    *("/feed.xml", "/topics/robots/feed.xml", "/subscribe", "/try?q=robots", "/sitemap.xml", "/sitemap/0.xml"),
)


def test_no_page_reads_a_whole_table(pages: Pages) -> None:
    found = {}
    for path in _PATHS:
        with statements(pages.site) as asked:
            assert pages.client.get(path).status_code == 200
        assert asked
        found[path] = read_whole(pages.site, asked)
    assert found == {path: set() for path in _PATHS}
