"""A query that the database cannot look for: refused before it is stored, set aside where it is stored already."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.errors import ConfigurationError, QueryError
from paperround.domain.models import Topic
from paperround.matching import query
from paperround.operator import doctor
from paperround.rounds import pipeline
from paperround.rounds.topic_definitions import read_topics
from paperround.web import create
from support.pages import Browser
from support.papers import listing
from support.site import Site

DEEP = "".join(f"(a{level} OR b{level} " for level in range(16)) + "language" + ")" * 16
_TOKEN = "a token of twenty letters"


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As an earlier version did it, which knew no limit on groups within each other."""
    monkeypatch.setattr(query, "MAX_NESTING", 10_000)
    query.parse.cache_clear()
    yield
    query.parse.cache_clear()


def test_a_topic_that_cannot_be_looked_for_is_refused_and_not_kept(site: Site) -> None:
    with pytest.raises(QueryError, match="groups are nested too deeply"):
        site.topic("deep", DEEP)
    assert site.app.store.topics.by_slug("deep") is None


@pytest.mark.usefixtures("lenient")
def test_what_the_parser_lets_through_and_the_database_does_not_is_refused_too(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with pytest.raises(QueryError, match="the database cannot search for this"):
        site.topic("deep", DEEP)
    assert site.app.store.topics.by_slug("deep") is None


def test_the_api_answers_400_and_keeps_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, site={"base_url": "https://papers.example.org", "admin_token": _TOKEN})
    client, wanted = Browser(create(site.app)), {"name": "Deep", "query": DEEP}
    answer = client.request("PUT", "/api/topics/deep", json=wanted, headers={"Authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 400
    assert client.get("/api/topics").json() == []


_NOTHING = "papers on any subject have these words; say what the papers should be about"


@pytest.mark.parametrize("text", ["the of", "What is this about?"])
def test_a_topic_of_stop_words_alone_is_refused_wherever_it_is_entered(tmp_path: Path, text: str) -> None:
    site = Site(tmp_path, site={"base_url": "https://papers.example.org", "admin_token": _TOKEN})
    with pytest.raises(QueryError, match=_NOTHING):
        site.topic("nothing", text)
    in_file = f"[[topics]]\nslug = 'nothing'\nname = 'Nothing'\nquery = '{text}'\n"
    with pytest.raises(ConfigurationError, match=_NOTHING):
        read_topics(in_file.encode(), Path("topics.toml"))
    client, wanted = Browser(create(site.app)), {"name": "Nothing", "query": text}
    answer = client.request("PUT", "/api/topics/nothing", json=wanted, headers={"Authorization": f"Bearer {_TOKEN}"})
    assert (answer.status_code, _NOTHING in answer.json()["detail"]) == (400, True)
    assert site.app.store.topics.all() == []


@pytest.mark.parametrize("text", ['"the of"', "title:it", "IT", "study"])
def test_stop_words_that_are_asked_for_exactly_are_accepted(tmp_path: Path, text: str) -> None:
    site = Site(tmp_path)
    site.topic("exact", text)
    [topic] = site.app.store.topics.all()
    assert topic.query == text


@pytest.mark.parametrize(("page", "status"), [("/search", 400), ("/try", 200)])
def test_visitors_who_type_it_are_told_what_is_wrong(tmp_path: Path, page: str, status: int) -> None:
    answer = Browser(create(Site(tmp_path).app)).get(page, params={"q": DEEP})
    assert answer.status_code == status
    assert "groups are nested too deeply" in answer.text


def test_a_stored_topic_that_is_no_query_any_more_is_set_aside_and_stops_no_round(site: Site) -> None:
    _served_although_deep(site)
    assert "matches no papers" in _verdicts(site)["topic deep"]


@pytest.mark.usefixtures("lenient")
def test_a_stored_topic_that_the_database_refuses_is_set_aside_and_stops_no_round(site: Site) -> None:
    _served_although_deep(site)
    if site.app.settings.database_url.startswith("sqlite"):  # PostgreSQL's parser has room for this one
        assert "matches no papers" in _verdicts(site)["topic deep"]


def _served_although_deep(site: Site) -> None:
    site.app.store.topics.save([Topic("deep", "Deep", DEEP)])
    site.topic("language")
    site.subscriber("ada@example.org", "language", "deep")
    site.papers(listing(1, "language"))
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    assert len(site.relay.accepted) == 1
    pipeline.sweep(site.app)


def _verdicts(site: Site) -> dict[str, str]:
    return {finding.check: finding.what for finding in doctor.examine(site.app)}


def test_such_a_topic_in_the_topics_file_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "topics.toml").write_text(f'[[topics]]\nslug = "deep"\nname = "Deep"\nquery = "{DEEP}"\n')
    with pytest.raises(
        ConfigurationError, match=r"topics\.toml line 1: topic 1 \(deep\): groups are nested too deeply"
    ):
        Site(tmp_path)


def test_a_broken_index_is_not_mistaken_for_a_wrong_query(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with sqlite3.connect(tmp_path / "paperround.db") as db:
        db.execute("DROP TABLE paper_index")
    with pytest.raises(Exception, match="another version"):
        site.topic("language")
