"""How votes and comments grow is kept, on both databases, and the past is not forgotten by a new version."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert

from paperround.app import open_store
from paperround.domain.models import DailyCounts
from paperround.store.engine import writing
from paperround.store.schema import papers
from support.databases import engine_of
from support.migrating import upgrade
from support.papers import listing
from support.site import MORNING, Site

TODAY, TOMORROW = MORNING.date(), MORNING.date() + timedelta(days=1)


def daily_counts_of(site: Site, name: str) -> list[DailyCounts]:
    paper = site.app.store.papers.by_id(name)
    assert paper
    return site.app.store.papers.daily_counts_of([paper.row]).get(paper.row, [])


def test_each_day_on_which_counts_grew_has_its_echo(site: Site) -> None:
    site.papers(listing(1, upvotes=3, comments=1), listing(2))
    site.papers(listing(1, upvotes=5, comments=1))
    site.clock.now += timedelta(days=1)
    site.papers(listing(1, upvotes=9, comments=2, stars=7))
    assert daily_counts_of(site, "2611.00001") == [DailyCounts(TODAY, 5, 1, 0), DailyCounts(TOMORROW, 9, 2, 7)]
    assert daily_counts_of(site, "2611.00002") == []


def test_within_a_day_the_larger_count_stays(site: Site) -> None:
    site.papers(listing(1, upvotes=8, comments=1))
    site.papers(listing(1, upvotes=6, comments=2))
    assert daily_counts_of(site, "2611.00001") == [DailyCounts(TODAY, 8, 2, 0)]


def test_the_day_of_an_echo_is_the_one_in_utc(site: Site) -> None:
    zone = datetime.fromisoformat("2026-11-24T01:00:00+09:00")
    site.app.store.papers.add([listing(1, upvotes=1)], zone)
    assert daily_counts_of(site, "2611.00001") == [DailyCounts(date(2026, 11, 23), 1)]


def test_two_papers_that_are_one_have_one_row_of_echoes(site: Site) -> None:
    by_doi = {"source": "journal", "kind": "feed", "arxiv_id": None, "version": None, "url": "https://example.org/x"}
    site.papers(
        listing(1, upvotes=9, comments=1),
        listing(1, title="Grippers that feel", doi="10.1234/x", upvotes=4, comments=6, **by_doi),
    )
    site.clock.now += timedelta(days=1)
    site.papers(listing(1, title="Grippers that feel", doi="10.1234/x", upvotes=5, comments=6, **by_doi))
    assert site.app.store.papers.count() == 2
    site.clock.now += timedelta(days=1)
    site.papers(listing(1, doi="10.1234/x", upvotes=9, comments=1))
    assert site.app.store.papers.count() == 1
    assert daily_counts_of(site, "2611.00001")[:2] == [DailyCounts(TODAY, 9, 6), DailyCounts(TOMORROW, 5, 6)]


def test_a_paper_that_takes_off_late_is_discussed_with_its_first_counts(site: Site) -> None:
    site.papers(listing(1, upvotes=2), listing(2, upvotes=50))
    site.clock.now += timedelta(days=40)
    site.papers(listing(1, upvotes=30))
    [discussed] = site.app.store.browsing.discussed_since(site.clock.now.date() - timedelta(days=30))
    assert [counts.upvotes for counts in discussed.daily_counts] == [2, 30]
    assert discussed.announced == date(2026, 11, 20)


def test_a_database_of_the_first_version_gets_the_echoes_of_the_past_month(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    today = datetime.now(UTC).date()
    with writing(engine_of(store)) as db:
        upgrade(db, "0001")
        for name, age, votes, facts in (
            ("new", 3, 4, {"comments": 2, "stars": 5}),
            ("old", 31, 90, {}),
            ("quiet", 3, 0, {}),
            ("starred", 30, 0, {"stars": 1}),
        ):
            day = today - timedelta(days=age)
            db.execute(
                insert(papers).values(
                    id=name, title=name, facts={"title": name, **facts}, sources=["arxiv"], day=day,
                    upvotes=votes, first_seen=datetime.now(UTC), unmatched=False, archived=False,
                )
            )  # fmt: skip
    store.migrate()
    rows = {name: paper.row for name in ("new", "old", "quiet", "starred") if (paper := store.papers.by_id(name))}
    assert len(rows) == 4
    assert store.papers.daily_counts_of(rows.values()) == {
        rows["new"]: [DailyCounts(today - timedelta(days=3), 4, 2, 5)],
        rows["starred"]: [DailyCounts(today - timedelta(days=30), 0, 0, 1)],
    }
    store.close()
