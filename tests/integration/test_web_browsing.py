"""Browsing: days, weeks, months, topics, papers, search and feeds, on both databases where they are asked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from paperround.domain.models import Topic
from paperround.rounds import topics
from paperround.sources import SourceState
from paperround.store.sources import SourceRecord
from paperround.web import create
from support.pages import Browser, Pages
from support.papers import listing
from support.site import Site


def _titles(text: str) -> list[str]:
    return re.findall(r'class="title"[^>]*><a href="/papers/[^"]*">([^<]*)<', text)


def test_the_front_page_has_the_newest_day_most_upvoted_first(pages: Pages) -> None:
    text = pages.client.get("/").text
    assert "<h1>Friday, November 20, 2026</h1>" in text
    assert _titles(text)[:3] == [f"A careful study of robots, part {n}" for n in (5, 4, 3)]
    assert "No papers have been announced since Friday, November 20, 2026. These are the latest." in text


def test_days_weeks_and_months_are_turned_like_leaves(pages: Pages) -> None:
    pages.site.papers(listing(20, day=date(2026, 11, 18)), listing(21, day=date(2026, 10, 5)))
    text = pages.client.get("/?date=2026-11-18").text
    assert _titles(text) == ["A careful study of robots, part 20"]
    assert 'href="/?date=2026-10-05" rel="prev"' in text
    assert 'href="/?date=2026-11-20" rel="next"' in text
    assert len(_titles(pages.client.get("/?date=2026-11-19&view=week").text)) == 7
    month = pages.client.get("/?date=2026-11-01&view=month").text
    assert len(_titles(month)) == 7
    assert "<h1>November 2026</h1>" in month
    assert 'href="/?date=2026-10-05&amp;view=month" rel="prev"' in month
    assert "No papers were announced in this period." in pages.client.get("/?date=2026-11-19").text


def test_mathematics_is_set_as_such_in_pages_and_is_plain_text_in_their_heads(pages: Pages) -> None:
    title = r"Ice of H$_2$O & $x^2$ < <b>"
    pages.site.papers(listing(60, title=title, abstract=r"We weigh $m_i$ of <i>it</i>."))
    for address in ("/", "/papers/2611.00060"):
        text = pages.client.get(address).text
        assert "Ice of H<sub>2</sub>O &amp; <i>x</i><sup>2</sup> &lt; &lt;b&gt;</" in text
        assert "We weigh <i>m</i><sub><i>i</i></sub> of &lt;i&gt;it&lt;/i&gt;.</p>" in text
    assert '<meta property="og:title" content="Ice of H₂O &amp; x² &lt; &lt;b&gt;">' in text


def test_web_addresses_in_an_abstract_are_links_on_its_page_only(pages: Pages) -> None:
    pages.site.papers(listing(60, title="Ice", abstract="Code: https://example.org/a_b?c=1&d=2. It snows."))
    link = '<a href="https://example.org/a_b?c=1&amp;d=2" rel="nofollow noopener">'
    assert f"Code: {link}https://example.org/a_b?c=1&amp;d=2</a>. It" in pages.client.get("/papers/2611.00060").text
    assert link not in pages.client.get("/").text


def test_a_site_whose_sources_count_no_votes_does_not_offer_what_is_trending(tmp_path: Path) -> None:
    site = Site(tmp_path, sources=[{"kind": "arxiv", "name": "arxiv", "categories": ["cs.RO"]}])
    site.papers(listing(60, title="Ice"))
    browser = Browser(create(site.app))
    assert 'href="/search"' in browser.get("/").text
    assert 'href="/trending"' not in browser.get("/").text
    assert "/trending" not in browser.get("/sitemap/topics.xml").text
    text = browser.get("/trending").text
    assert "No source of this site counts votes, so there are no trending papers." in text
    assert "Ice" in text


def test_a_day_can_be_read_by_topic(pages: Pages) -> None:
    text = pages.client.get("/?date=2026-11-20&topic=agents").text
    assert _titles(text) == ["A careful study of agents, part 9"]
    assert pages.client.get("/?topic=nowhere").status_code == 404


def test_a_long_day_has_pages_and_each_paper_is_on_one(pages: Pages) -> None:
    pages.site.papers(*(listing(n, day=date(2026, 11, 21)) for n in range(100, 170)))
    seen: list[str] = []
    address: str | None = "/"
    while address:
        text = pages.client.get(address).text
        seen += _titles(text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        address = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 70


def test_a_quiet_front_page_goes_on_with_the_days_before(pages: Pages) -> None:
    pages.site.papers(listing(50, day=date(2026, 11, 22)))
    text = pages.client.get("/").text
    assert _titles(text)[0] == "A careful study of robots, part 50"
    assert len(_titles(text)) == 7
    assert '<h2 class="day">Friday, November 20, 2026</h2>' in text


def test_a_stale_source_is_named_on_the_page(pages: Pages) -> None:
    class _Named:
        counts_votes, schedule, timezone = True, "30 5 * * *", "UTC"

        def __init__(self, name: str) -> None:
            self.name = name

    object.__setattr__(pages.app.settings, "sources", tuple(map(_Named, ("arxiv", "hf-daily", "blog", "fine"))))
    now, tried = datetime(2026, 11, 20, 6, tzinfo=UTC), pages.site.clock()
    late = SourceRecord("arxiv", SourceState.STALE, "", tried, now, newest_day=date(2026, 11, 20))
    silent = SourceRecord("hf-daily", SourceState.FAILED, "connection refused by 10.0.0.7", tried, now)
    new = SourceRecord("blog", SourceState.FAILED, "", tried, None)
    fine = SourceRecord("fine", SourceState.QUIET, "", tried, now)
    for record in (late, silent, new, fine, SourceRecord("removed", SourceState.FAILED, "", now, None)):
        pages.app.store.sources.save(record)
    text = pages.client.get("/").text
    sentence = "arXiv, Hugging Face Daily Papers, and blog are late or do not respond."
    assert f'<p class="status" role="status">Some papers may be missing: {sentence}</p>' in text
    assert "fine has" not in text
    assert "fine is" not in text
    assert "removed" not in text
    assert "10.0.0.7" not in text
    assert text.index("A careful study") < text.index(sentence)


@pytest.mark.parametrize(
    ("state", "succeeded", "newest", "sentence"),
    [
        ("stale", True, 20, "arXiv is late: its latest papers are from November 20, 2026."),
        ("stale", True, 0, "arXiv is late today."),
        ("failed", True, 20, "arXiv has not responded since November 20, 2026. Some papers may be missing."),
        ("failed", False, 0, "arXiv has not responded yet, so its papers are missing."),
    ],
)
def test_one_source_in_trouble_is_told_of_in_detail(
    tmp_path: Path, state: str, succeeded: bool, newest: int, sentence: str
) -> None:
    now = datetime(2026, 11, 20, 6, tzinfo=UTC)
    pages = Pages(tmp_path, sources=[{"name": "arxiv", "kind": "arxiv", "categories": ["cs.AI"]}])
    day = date(2026, 11, newest) if newest else None
    pages.app.store.sources.save(
        SourceRecord("arxiv", SourceState(state), "", pages.site.clock(), now if succeeded else None, newest_day=day)
    )
    assert f'<p class="status" role="status">{sentence}</p>' in pages.client.get("/").text
    pages.app.close()


def test_an_empty_day_leads_on_to_the_nearest_days_with_papers(pages: Pages) -> None:
    pages.site.papers(listing(20, day=date(2026, 11, 17)))
    text = pages.client.get("/?date=2026-11-19").text
    assert "No papers were announced in this period." in text
    assert '<a class="secondary button" href="/?date=2026-11-17">Tue, Nov 17 · 1 paper</a>' in text
    assert '<a class="secondary button" href="/?date=2026-11-20">Fri, Nov 20 · 6 papers</a>' in text


def test_topics_are_listed_with_their_papers_of_the_past_week_by_announcement(pages: Pages) -> None:
    pages.site.papers(listing(61, title="Robots of last month", day=date(2026, 10, 20)))
    text = pages.client.get("/topics").text
    assert text.count("5 papers in the past week") == 1
    assert text.count("1 paper in the past week") == 1
    assert "5 papers in the past week" in pages.client.get("/topics/robots").text
    tried = pages.client.get("/try?q=robots").json()
    assert tried["message"].startswith("5 papers in the past week")


def test_an_example_email_is_the_topics_letter_of_its_latest_day(pages: Pages) -> None:
    text = pages.client.get("/example?topic=agents").text
    assert 'src="/example/html?topic=agents"' in text
    assert 'href="/subscribe?topic=agents"' in text
    letter = pages.client.get("/example/html?topic=agents")
    assert "A careful study of agents, part 9" in letter.text
    assert "prefers-color-scheme: dark" in letter.text
    assert "script-src" not in letter.headers["Content-Security-Policy"]
    assert 'src="/example/html?topic=robots"' in pages.client.get("/example").text


def test_there_is_no_example_of_what_is_no_topic_or_has_no_papers(pages: Pages) -> None:
    assert pages.client.get("/example?topic=nowhere").status_code == 404
    assert pages.client.get("/example/html?topic=nowhere").status_code == 404
    pages.site.topic("bees")
    assert "No papers on this topic yet." in pages.client.get("/example?topic=bees").text
    assert pages.client.get("/example/html?topic=bees").status_code == 404


def test_trending_weighs_votes_and_comments_against_age(pages: Pages) -> None:
    pages.site.papers(
        listing(60, title="Old and loved by many robots", upvotes=40, day=date(2026, 10, 28)),
        listing(61, title="New and loved by some robots", upvotes=30, day=date(2026, 11, 22)),
        listing(62, title="Talked about by all the robots", upvotes=5, comments=40, day=date(2026, 11, 22)),
        listing(63, title="Long forgotten famous robots", upvotes=999, day=date(2026, 6, 1)),
        listing(64, title="Nobody cares about these robots", day=date(2026, 11, 22)),
    )
    page = pages.client.get("/trending").text
    assert "view=week" not in page, "it is of no day, week or month"
    titles = _titles(page)
    order = ["Talked about by all the robots", "New and loved by some robots", "Old and loved by many robots"]
    assert [title for title in titles if title in order] == order
    assert titles[0] == order[0]
    assert "Long forgotten famous robots" not in titles
    assert "Nobody cares about these robots" not in titles


def test_a_papers_page_tells_everything_about_it(pages: Pages) -> None:
    pages.site.papers(
        listing(
            70,
            title=r"Sums of $\mathbb{R}^2$ for robots",
            version=3,
            doi="10.1234/abc.5",
            organization="Hopper Lab",
            code_url="https://code.example.org/x",
            project_url="https://project.example.org",
            keywords=["grasping"],
            summary="They add things up.",
            categories=["cs.RO", "cs.AI"],
            journal="J. Rob.",
            license="CC BY 4.0",
            upvotes=7,
            comments=2,
            published=date(2026, 9, 1),
        ),
        listing(
            70, source="hf-daily", kind="hf-daily", day=date(2026, 11, 19), discussion_url="https://talk.example.org"
        ),
    )
    text = pages.client.get("/papers/2611.00070").text
    for expected in (
        "Sums of ℝ² for robots",
        "<bdi>Ada Author70</bdi></a>, <a ",
        'href="/search?q=author%3A%22Ben+Bookman%22" rel="nofollow"><bdi>Ben Bookman</bdi></a>',
        "Hopper Lab",
        "September 1, 2026",
        "version 3",
        "J. Rob.",
        "7\u00a0votes",
        "2\u00a0comments",
        "They add things up.",
        "This summary was generated by a machine",
        "We look at robots",
        'href="https://arxiv.org/abs/2611.00070v1"',
        'href="https://code.example.org/x"',
        'href="https://talk.example.org"',
        'href="/topics/robots"',
        "in the",
        'href="/?date=2026-11-19"',
        "Hugging Face Daily Papers",
        "cat%3A%22cs.RO%22",
        "grasping",
        "doi:10.1234/abc.5",
        "CC BY 4.0",
        'name="citation_arxiv_id" content="2611.00070"',
        'property="og:title"',
        'rel="canonical" href="https://papers.example.org/papers/2611.00070"',
    ):
        assert expected in text, expected
    assert pages.client.get("/papers/10.1234/abc.5").status_code == 200  # also by DOI
    assert pages.client.get("/papers/2611.99999").status_code == 404


def test_a_topics_page_has_its_papers_by_day_with_reasons(pages: Pages) -> None:
    pages.site.papers(listing(80, "agents", day=date(2026, 11, 22)))
    text = pages.client.get("/topics/agents").text
    assert _titles(text) == ["A careful study of agents, part 80", "A careful study of agents, part 9"]
    assert "Sunday, November 22, 2026" in text
    assert "Why: " in text
    assert 'href="/subscribe?topic=agents"' in text
    assert pages.client.get("/topics/agents?page=2").status_code == 404
    assert pages.client.get("/topics/nowhere").status_code == 404


def test_search_understands_queries_and_plain_words(pages: Pages) -> None:
    found = pages.client.get("/search", params={"q": '"part 4" OR agents'}).text
    assert sorted(_titles(found)) == ["A careful study of agents, part 9", "A careful study of robots, part 4"]
    assert "Why: " in found
    plain = pages.client.get("/search", params={"q": "Careful: a study of robots, part 2"}).text
    assert _titles(plain)[0] == "A careful study of robots, part 2"
    assert "No papers found." in pages.client.get("/search?q=zeppelin").text
    wrong = pages.client.get("/search", params={"q": "-robots"})
    assert wrong.status_code == 400
    assert "this would match everything except robot" in wrong.text


def test_old_papers_are_found_too(pages: Pages) -> None:
    assert (
        pages.client.get("/search/feed.json", params={"q": "robots"}).json()["items"][0]["id"].startswith("https://")
    )


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/feed.xml", 6),
        ("/feed.xml?date=2026-11-20", 6),
        ("/feed.xml?date=2026-11-19", 0),
        ("/topics/robots/feed.xml", 5),
        ("/search/feed.xml?q=agents", 1),
        ("/search/feed.xml?q=", 0),
    ],
)
def test_every_list_has_feeds(pages: Pages, path: str, number: int) -> None:
    response = pages.client.get(path)
    assert response.headers["content-type"].startswith("application/atom+xml")
    assert response.headers["access-control-allow-origin"] == "*"
    parsed = feedparser.parse(response.content)
    assert not parsed.bozo
    assert len(parsed.entries) == number
    as_json = pages.client.get(path.replace("feed.xml", "feed.json")).json()
    assert len(as_json["items"]) == number
    assert pages.client.get(as_json["home_page_url"].removeprefix("https://papers.example.org")).status_code == 200
    assert pages.client.get(as_json["feed_url"].removeprefix("https://papers.example.org")).status_code == 200


def test_pages_name_their_feeds(pages: Pages) -> None:
    for path, feed in [
        ("/", "/feed.xml"),
        ("/topics/robots", "/topics/robots/feed.xml"),
        ("/search?q=a+b", "/search/feed.json?q=a+b"),
    ]:
        text = pages.client.get(path).text
        assert re.search(rf'rel="alternate"[^>]*href="{re.escape(feed)}"', text), path


def test_search_engines_find_every_paper_and_nothing_private(pages: Pages) -> None:
    robots = pages.client.get("/robots.txt").text
    for path in ("/p/", "/u/", "/c/", "/i/", "/admin", "/inbox"):
        assert f"Disallow: {path}\n" in robots
    index = pages.client.get("/sitemap.xml").text
    found: list[str] = []
    for part in re.findall(r"<loc>https://papers.example.org([^<]+)</loc>", index):
        found += re.findall(r"<loc>([^<]+)</loc>", pages.client.get(part).text)
    assert {f"https://papers.example.org/papers/2611.0000{n}" for n in (1, 2, 3, 4, 5, 9)} <= set(found)
    assert "https://papers.example.org/topics/robots" in found
    assert len(found) == len(set(found))
    assert pages.client.get("/sitemap/x.xml").status_code == 404


def test_german_pages_name_topics_in_german(pages: Pages) -> None:
    about = "What a model looks up, remembers or is shown before it answers."
    topics.add_topic(pages.app, Topic("retrieval", "Retrieval, memory and context", "robots", about))
    paths = ("/", "/topics", "/topics/retrieval", "/?topic=retrieval", "/papers/2611.00001", "/subscribe")
    for path in (*paths, "/search", "/example"):
        page = pages.client.get(path, headers={"Accept-Language": "de"}).text
        english = pages.client.get(path, headers={"Accept-Language": "en"}).text
        assert "Retrieval, memory and context" not in page, path
        assert ("Retrieval, Gedächtnis und Kontext" in page) == ("Retrieval, memory and context" in english), path
        assert "Was ein Modell nachschlägt" in page or about not in english, path
    assert pages.client.get("/api/topics/retrieval", headers={"Accept-Language": "de"}).json()["about"] == about


def test_the_language_is_the_browsers_until_somebody_chooses(pages: Pages) -> None:
    german = {"Accept-Language": "de-DE,de;q=0.9"}
    assert '<html lang="de"' in pages.client.get("/", headers=german).text
    chosen = Browser(pages.web)
    assert '<html lang="en"' in chosen.get("/?lang=en", headers=german).text
    assert '<html lang="en"' in chosen.get("/topics", headers=german).text
    assert 'href="?date=2026-11-20&amp;lang=de"' in chosen.get("/?date=2026-11-20").text


def test_an_empty_site_is_a_site(tmp_path: Path) -> None:
    from paperround.web import create
    from support.site import Site

    site = Site(tmp_path)
    visitor = Browser(create(site.app))
    for path in (
        "/",
        "/?view=week",
        "/trending",
        "/topics",
        "/search?q=x",
        "/subscribe",
        "/feed.xml",
        "/sitemap.xml",
        "/sitemap/0.xml",
    ):
        assert visitor.get(path).status_code == 200, path
    site.app.close()


def test_both_databases_browse_alike(tmp_path: Path, database_url: str) -> None:
    from paperround.web import create
    from support.site import Site

    site = Site(tmp_path, database_url)
    site.topic("robots")
    site.papers(*(listing(n, upvotes=n, comments=n) for n in range(1, 4)))
    visitor = Browser(create(site.app))
    expected = [f"A careful study of robots, part {n}" for n in (3, 2, 1)]
    for path in ("/", "/?view=month", "/?date=2026-11-20&topic=robots", "/trending", "/topics/robots"):
        assert sorted(_titles(visitor.get(path).text), reverse=True) == expected, path
    assert len(_titles(visitor.get("/search?q=robots").text)) == 3
    assert visitor.get("/try?q=robots").json()["message"] == "3 papers in the past week, including:"
    assert len(visitor.get("/search/feed.json?q=robots").json()["items"]) == 3
    site.clock.now += timedelta(days=1)
    assert visitor.get("/sitemap/0.xml").text.count("<url>") == 3
    site.app.close()


def test_a_papers_page_tells_how_its_votes_grew_by_day(pages: Pages) -> None:
    for days, votes in enumerate((3, 3, 12)):
        pages.site.clock.now = datetime(2026, 11, 20 + days, 6, tzinfo=UTC)
        pages.site.papers(listing(75, upvotes=votes))
        shown = re.findall(
            r"<span>([^<]+)</span> <meter[^>]+value=.(\d+)", pages.client.get("/papers/2611.00075").text
        )
        assert shown == ([("Nov 20", "3"), ("Nov 22", "12")] if votes == 12 else [])


def test_the_foot_of_a_page_thanks_arxiv_in_its_own_words_in_every_language(pages: Pages) -> None:
    thanks = '<span lang="en">Thank you to arXiv for use of its open access interoperability.</span>'
    for language, before in (("en", "Papers belong to their authors."), ("de", "Paper gehören ihren Autoren.")):
        page = pages.client.get("/", headers={"Accept-Language": language}).text
        assert thanks in page
        assert before in page


@pytest.mark.parametrize("view", ["day", "week", "month"])
def test_a_date_in_the_future_is_named_as_one_and_no_source_is_called_late(pages: Pages, view: str) -> None:
    page = pages.client.get("/", params={"date": "2031-05-05", "view": view}).text
    assert "This date is in the future. There are no papers yet." in page
    assert "may be missing" not in page
    past = pages.client.get("/", params={"date": "2019-05-05", "view": view}).text
    assert "No papers were announced in this period." in past
