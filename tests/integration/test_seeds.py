"""The seeds: a new site looks as if it had run for three days."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from paperround.meaning import MiniLM
from paperround.operator import seeds
from paperround.process.resources import folder
from paperround.rounds import pipeline
from paperround.rounds.meaning import Meaning
from paperround.rounds.trial import Trials
from support.draw_seeds import DRAWINGS
from support.site import MORNING, Site

_FILES = folder("seeds")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, topics_file=folder("config") / "topics.toml")
    assert seeds.load_seeds(made.app)
    return made


def test_the_papers_are_announced_today_and_on_the_two_days_before(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url, topics_file=folder("config") / "topics.toml")
    assert seeds.load_seeds(site.app)
    today = site.clock().date()
    by_day = Counter(paper.day for paper in site.app.store.papers.latest(100))
    site.app.close()
    assert by_day == {today - timedelta(days=ago): 20 for ago in range(3)}


def test_every_paper_has_authors_a_summary_and_a_picture_that_the_site_serves(site: Site) -> None:
    for paper in site.app.store.papers.latest(100):
        assert paper.authors
        assert len(paper.abstract) > 100
        assert paper.picture
        assert site.app.store.pictures.content(paper.picture.name)


def test_votes_grow_from_day_to_day(site: Site) -> None:
    today = site.clock().date()
    first = site.app.store.browsing.on_days(today - timedelta(days=2), today - timedelta(days=2), 1)[0]
    votes = [(counts.day, counts.upvotes) for counts in site.app.store.papers.daily_counts_of([first.row])[first.row]]
    assert [day for day, _ in votes] == [today - timedelta(days=ago) for ago in (2, 1, 0)]
    assert [number for _, number in votes] == sorted({number for _, number in votes})


def test_every_seed_subscriber_gets_a_first_email_with_at_most_ten_papers(site: Site) -> None:
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert len(site.relay.accepted) == 3
    for subscriber in site.app.store.subscribers.all():
        digest = site.app.store.issues.digests_of(subscriber.row, 1)[0]
        assert 6 <= len(digest.papers) <= 10


def test_seeds_are_loaded_once(site: Site) -> None:
    assert not seeds.load_seeds(site.app)


def test_a_database_that_has_papers_is_never_filled(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.topic("robots")
    site.subscriber("ada@lovelace.example", "robots")
    assert not seeds.load_seeds(site.app)
    assert site.app.store.papers.count() == 0


def test_loading_that_was_interrupted_goes_on_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, topics_file=folder("config") / "topics.toml")
    with monkeypatch.context() as broken:
        broken.setattr(seeds, "_add_subscribers", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            seeds.load_seeds(site.app)
    assert site.app.store.subscribers.count() == {}
    assert seeds.load_seeds(site.app)
    assert site.app.store.papers.count() == 60
    assert sum(site.app.store.subscribers.count().values()) == 3


def test_no_picture_is_kept_where_a_site_shows_none(tmp_path: Path) -> None:
    site = Site(tmp_path, site={"pictures": False, "sender": "papers@example.org"})
    seeds.load_seeds(site.app)
    assert not any(paper.picture for paper in site.app.store.papers.latest(100))


def test_the_seeds_and_their_pictures_are_small_and_belong_together() -> None:
    papers = seeds.SeedPaper.read_all(_FILES / "papers.jsonl", MORNING.date())
    names = {f"{paper.facts['arxiv_id']}.jpg" for paper in papers}
    files = list((_FILES / "pictures").iterdir())
    assert names == {file.name for file in files}
    assert {paper.facts["drawing"] for paper in papers} <= DRAWINGS.keys()
    assert sum(file.stat().st_size for file in _FILES.rglob("*") if file.is_file()) < 1_000_000
    for file in files:
        assert file.stat().st_size <= 10_000
        with Image.open(file) as picture:
            assert picture.size == (560, 315)


def test_the_interest_that_the_readme_names_selects_a_paper_of_the_seeds(site: Site) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (interest,) = re.findall(r'Interests in plain words\*\*, such as "(.*?)"', readme, re.DOTALL)
    site.app.shared(Meaning).encoder = MiniLM()
    while pipeline.embed_papers(site.app):
        pass
    best = site.app.shared(Trials).try_interest(interest, {}).papers[0]
    assert best.selected
    assert "Computer Use Agents" in best.paper.title
