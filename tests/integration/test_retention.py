"""Old letters are forgotten in bounded batches; that somebody has had a paper never is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from paperround.rounds import pipeline, retention
from paperround.store.schema import attempts, counted_papers, deliveries, digest_papers, digests, issue_papers, issues
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.subscribers([f"subscriber{number}@example.org" for number in range(5)], "robots", at="07:00")
    return site


def rows(site: Site) -> dict[str, int]:
    with engine_of(site.app.store).connect() as db:
        tables = (deliveries, digests, attempts, issues, issue_papers, digest_papers, counted_papers)
        return {table.name: db.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def morning(site: Site, day: int, *numbers: int) -> int:
    """One morning; how many letters went."""
    site.clock.now = MORNING + timedelta(days=day, hours=1)
    site.papers(*(listing(number, version=1 + day) for number in numbers))
    pipeline.publish(site.app)
    return pipeline.deliver(site.app).letters["sent"]


def test_after_their_time_letters_and_their_issues_are_gone_and_younger_ones_stay(site: Site) -> None:
    assert morning(site, 0, 1, 2) == 5
    assert morning(site, 399, 3) == 5
    pipeline.sweep(site.app)
    assert rows(site) == {"deliveries": 10, "digests": 10, "attempts": 5, "issues": 2, "issue_papers": 3,
                          "digest_papers": 15, "counted_papers": 0}  # fmt: skip
    site.clock.now += timedelta(days=2)
    pipeline.sweep(site.app)
    assert rows(site) == {"deliveries": 5, "digests": 5, "attempts": 5, "issues": 1, "issue_papers": 1,
                          "digest_papers": 15, "counted_papers": 0}  # fmt: skip
    assert retention.forget_old(site.app) == 0


def test_a_paper_whose_letter_is_forgotten_does_not_come_again(site: Site) -> None:
    assert morning(site, 0, 1) == 5
    site.clock.now += timedelta(days=401)
    pipeline.sweep(site.app)
    assert rows(site)["deliveries"] == 0
    site.topic("agents", "study")  # it is news under another topic
    for number in range(5):
        site.subscriber(f"subscriber{number}@example.org", "robots", "agents")
    assert morning(site, 402, 1) == 0
    assert rows(site)["digest_papers"] == 5


def test_a_paper_that_a_forgotten_letter_only_counted_does_not_come_again(site: Site) -> None:
    for number in range(5):
        site.subscriber(f"subscriber{number}@example.org", "robots", max_papers=1)
    assert morning(site, 0, 1, 2, 3) == 5
    assert (rows(site)["digest_papers"], rows(site)["counted_papers"]) == (5, 0)
    site.clock.now += timedelta(days=401)
    pipeline.sweep(site.app)
    assert (rows(site)["digest_papers"], rows(site)["counted_papers"]) == (5, 5)
    assert len(site.app.store.data_export.export_subscriber(1)["papers"]) == 3
    site.topic("agents", "study")  # all three are news under another topic
    for number in range(5):
        site.subscriber(f"subscriber{number}@example.org", "robots", "agents")
    assert morning(site, 402, 1, 2, 3) == 0


def test_one_sweep_forgets_a_bounded_number_and_the_next_ones_the_rest(site: Site) -> None:
    morning(site, 0, 1)
    site.clock.now += timedelta(days=401)
    left = []
    for _ in range(4):
        retention.forget_old(site.app, batch_rows=2, batches=1)
        left.append(rows(site)["deliveries"])
    assert left == [3, 1, 0, 0]


def test_a_letter_that_waits_is_kept_however_old_it_is(site: Site) -> None:
    morning(site, 0, 1)
    with engine_of(site.app.store).begin() as db:
        db.execute(deliveries.update().where(deliveries.c.row == 1).values(state="deferred"))
    site.clock.now += timedelta(days=401)
    retention.forget_old(site.app)
    assert rows(site)["deliveries"] == rows(site)["digests"] == 1


def test_without_a_limit_everything_is_kept(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url, retention={"letters_days": 0, "attempts_days": 0})
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", at="07:00")
    morning(site, 0, 1)
    before = rows(site)
    site.clock.now += timedelta(days=4_000)
    pipeline.sweep(site.app)
    assert rows(site) == before
    site.app.close()


def test_a_time_in_which_reports_still_come_back_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use at least 45"):
        Site(tmp_path, retention={"letters_days": 7})
