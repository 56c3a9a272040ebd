"""What people paste into the search box, and lists that end where they end."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from paperround.web.parameters import plain_query
from support.pages import ADMIN, ADMIN_SITE, Browser, Pages
from support.papers import listing

_BASE = "https://papers.example.org"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site=ADMIN_SITE)
    yield made
    made.app.close()


@pytest.mark.parametrize(
    "text",
    [
        "2611.00003",
        " 2611.00003 ",
        "2611.00003v2",
        "arXiv:2611.00003",
        "https://arxiv.org/abs/2611.00003",
        "https://arxiv.org/pdf/2611.00003v1.pdf",
        "2611.00003.",
        "(2611.00003)",
        "10.48550/arXiv.2611.00003",
        "https://doi.org/10.48550/arXiv.2611.00003",
        f"{_BASE}/papers/2611.00003",
    ],
)
def test_an_identifier_or_address_leads_to_its_paper(pages: Pages, text: str) -> None:
    answer = pages.client.get("/search", params={"q": text})
    assert (answer.status_code, answer.headers.get("location")) == (302, "/papers/2611.00003")


def test_a_doi_leads_to_its_paper(pages: Pages) -> None:
    pages.site.papers(
        listing(80, arxiv_id=None, url="https://journal.example.org/80", doi="10.1101/2026.04.08.123456")
    )
    for text in ("10.1101/2026.04.08.123456", "doi:10.1101/2026.04.08.123456", "DOI: 10.1101/2026.04.08.123456,"):
        answer = pages.client.get("/search", params={"q": text})
        assert answer.status_code == 302, text
        assert answer.headers["location"].startswith("/papers/")


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("2611.99999", "2611.99999", "https://arxiv.org/abs/2611.99999"),
        ("arXiv:2611.99999v1", "2611.99999", "https://arxiv.org/abs/2611.99999"),
        ("https://arxiv.org/abs/2611.99999", "2611.99999", "https://arxiv.org/abs/2611.99999"),
        ("doi:10.1234/unknown", "10.1234/unknown", "https://doi.org/10.1234/unknown"),
    ],
)
def test_an_unknown_identifier_is_named_and_links_to_its_paper_elsewhere(
    pages: Pages, text: str, name: str, address: str
) -> None:
    answer = pages.client.get("/search", params={"q": text})
    assert answer.status_code == 200
    assert f"There is no paper {name} on this site." in answer.text
    assert f'href="{address}"' in answer.text
    for advice in ("Try fewer words", "not a valid query", "nearest in meaning", "by email"):
        assert advice not in answer.text


def test_an_identifier_among_words_is_a_search(pages: Pages) -> None:
    assert pages.client.get("/search", params={"q": "robots about 2611.00003"}).status_code == 200


def test_a_query_that_finds_nothing_says_that_it_was_read_as_one(pages: Pages) -> None:
    told = "this is read as a query"
    assert told in pages.client.get("/search", params={"q": 'robots that "never" occur'}).text
    assert told not in pages.client.get("/search", params={"q": '"robots"'}).text
    assert told not in pages.client.get("/search", params={"q": "xylophones zithers"}).text
    assert told not in pages.client.get("/search", params={"q": "2611.99999"}).text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("\uff52\uff4f\uff42\uff4f\uff54\uff53", "robots"),
        ("title\uff1arobots", "title:robots"),
        ("robots\u3000agents", "robots agents"),
        ("robots \u2212survey", "robots -survey"),
        ("robots \u2013survey", "robots -survey"),
        ("state\u2013of\u2013the\u2013art", "state\u2013of\u2013the\u2013art"),
        ("\u201cchain of thought\u201d", '"chain of thought"'),
        ("robots?", "robots"),
        ("Do robots dream of papers?!", "Do robots dream of papers"),
        ("robot*", "robot*"),
        ('"robots."', '"robots."'),
        ("", ""),
    ],
)
def test_what_keyboards_make_of_a_query_is_understood(typed: str, meant: str) -> None:
    assert plain_query(typed) == meant


def test_a_typographic_minus_sign_excludes(pages: Pages) -> None:
    plain = pages.client.get("/search", params={"q": "study -agents"}).text
    typed = pages.client.get("/search", params={"q": "study \u2212agents"}).text
    assert plain.count("<article") == typed.count("<article") > 0


@pytest.mark.parametrize(
    "path", ["/?page=2", "/?date=2026-11-20&page=9", "/topics/robots?page=2", "/search?q=robots&page=2"]
)
def test_a_page_beyond_the_end_is_not_found(pages: Pages, path: str) -> None:
    assert pages.client.get(path).status_code == 404


def test_the_api_pages_searches_days_and_lists_alike(pages: Pages) -> None:
    def ids(query: str) -> list[str]:
        return [paper["id"] for paper in pages.client.get(f"/api/papers?{query}").json()]

    for query in ("", "q=robots", "day=2026-11-20", "q=robots&day=2026-11-20"):
        whole = ids(query)
        assert len(whole) > 3, query
        assert ids(f"{query}&limit=2&offset=1") == whole[1:3], query
        assert ids(f"{query}&offset=100") == [], query
    assert ids("q=robots&day=2026-11-19") == []


def test_the_api_pages_deliveries(pages: Pages) -> None:
    for number in range(3):
        pages.subscriber(f"reader{number}@papers.example", at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    whole = [one["id"] for one in pages.client.get("/api/deliveries", headers=ADMIN).json()]
    assert len(whole) == 3
    part = [one["id"] for one in pages.client.get("/api/deliveries?limit=2&offset=1", headers=ADMIN).json()]
    assert part == whole[1:]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/papers?page=2", "page"),
        ("/api/papers?Q=robots", "Q"),
        ("/api/papers/2611.00001?full=1", "full"),
        ("/api/topics?limit=2", "limit"),
        ("/api/deliveries?cursor=x", "cursor"),
    ],
)
def test_the_api_refuses_unknown_parameters_by_name(pages: Pages, path: str, name: str) -> None:
    answer = pages.client.get(path, headers=ADMIN)
    assert answer.status_code == 422
    assert f"unknown parameter {name!r}" in answer.json()["detail"]


def test_the_api_refuses_unknown_fields_by_name(pages: Pages) -> None:
    topic = {"name": "Grasping", "query": "grasp*", "colour": "red"}
    answer = pages.client.request("PUT", "/api/topics/grasping", headers=ADMIN, json=topic)
    assert answer.status_code == 422
    assert "colour" in answer.json()["detail"]


def test_the_live_preview_tells_why_it_shows_nothing(pages: Pages) -> None:
    answer = pages.client.get("/try", params={"q": '"never closed'}).json()
    assert answer["wrong"]
    assert "quotation mark" in answer["message"]
    answers = [pages.client.get("/try", params={"q": "robots"}) for _ in range(400)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["detail"]


def test_whoever_searches_too_often_is_told_when_to_go_on(pages: Pages) -> None:
    pages.web.state.context.limits.searching.most = 3
    paths = ("/search?q=robots", "/search/feed.xml?q=agents", "/search/feed.json?q=agents")
    assert [pages.client.get(path).status_code for path in paths] == [200] * 3
    pages.site.clock.now += timedelta(seconds=20)
    for path in (*(f"{path}+2" for path in paths), "/api/papers?q=robots"):
        refused = pages.client.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "40"), path
    told = pages.client.get("/search?q=robots+2").text
    assert "Too many requests" in told
    assert "in a short time. Try again in 40 seconds." in told
    pages.web.state.context.limits.searching.within = timedelta(minutes=3)
    assert "Try again in 3 minutes." in pages.client.get("/search?q=robots+2").text
    assert "Versuchen Sie es in 3 Minuten noch einmal." in pages.client.get("/search?q=robots+2&lang=de").text
    pages.web.state.context.limits.searching.within = timedelta(minutes=1)
    assert pages.client.get("/search").status_code == pages.client.get("/api/papers").status_code == 200
    assert Browser(pages.web, "198.51.100.9").get("/search?q=robots+2").status_code == 200
    pages.site.clock.now += timedelta(seconds=41)
    assert pages.client.get("/search?q=robots+2").status_code == 200


def _titles(text: str) -> list[str]:
    return re.findall(r'class="title"[^>]*><a href="/papers/[^"]*">A careful study of (\w+, part \d+)<', text)


def test_results_are_counted_and_sorted(pages: Pages) -> None:
    pages.site.papers(listing(90, day=date(2026, 11, 22), upvotes=1))
    for order, first in (("newest", "robots, part 90"), ("votes", "robots, part 5")):
        text = pages.client.get("/search", params={"q": "title:robots", "sort": order}).text
        assert "<strong>6 papers</strong>" in text
        assert _titles(text)[0] == first
        assert f'<option value="{order}" selected>' in text
    plain = pages.client.get("/search", params={"q": "careful robots", "sort": "votes"}).text
    assert _titles(plain)[0] == "robots, part 5"
    assert pages.client.get("/search", params={"q": "robots", "sort": "color"}).status_code == 400


def test_results_are_filtered_by_date_and_source(pages: Pages) -> None:
    pages.site.papers(
        listing(91, day=date(2026, 10, 5)), listing(92, day=date(2026, 10, 6), source="blog", kind="feed")
    )
    for query in ("title:robots", "careful robots"):
        text = pages.client.get("/search", params={"q": query, "since": "2026-10-01", "until": "2026-10-06"}).text
        assert sorted(_titles(text)) == ["robots, part 91", "robots, part 92"]
        text = pages.client.get("/search", params={"q": query, "source": "blog"}).text
        assert _titles(text) == ["robots, part 92"]
    nothing = pages.client.get("/search", params={"q": "robots", "until": "2020-01-01"}).text
    assert '<a class="secondary button" href="/search?q=robots">Search without filters</a>' in nothing
    assert pages.client.get("/search", params={"q": "robots", "since": "last week"}).status_code == 400


def test_a_page_of_filtered_results_leads_to_the_next_with_its_filters(pages: Pages) -> None:
    pages.site.papers(*(listing(number, day=date(2026, 11, 21)) for number in range(100, 140)))
    text = pages.client.get("/search", params={"q": "title:robots", "sort": "newest", "since": "2026-11-21"}).text
    assert "<strong>40 papers</strong>" in text
    assert 'href="/search?q=title%3Arobots&amp;sort=newest&amp;since=2026-11-21&amp;page=2"' in text


def test_a_mistake_is_explained_with_the_spot_while_the_words_are_searched_for(pages: Pages) -> None:
    text = pages.client.get("/search", params={"q": "letters:robots"}).text
    assert "there is no field letters: (fields are title" in text
    assert "^</pre>" in text
    assert len(_titles(text)) == 5
    assert "not a valid query" not in pages.client.get("/search", params={"q": "Robots: a careful study"}).text


def test_a_mistyped_field_is_searched_for_as_the_one_that_it_resembles(pages: Pages) -> None:
    text = pages.client.get("/search", params={"q": "titel:robots"}).text
    assert "Showing results for “title:” instead of “titel:”." in text
    assert "not a valid query" not in text
    assert len(_titles(text)) == 5


def test_a_search_without_a_word_says_what_is_missing(pages: Pages) -> None:
    answer = pages.client.get("/search", params={"q": " "})
    assert answer.status_code == 400
    assert "the query is empty; write a word to look for" in answer.text
    assert "No papers found" not in answer.text
    page = pages.client.get("/search", params={"q": "author:"}).text
    assert "author: needs a word, a phrase or a group after it" in page
    assert "No papers found.</p>" in page
    assert "Try fewer words" not in page
    assert "the query is empty" not in pages.client.get("/search?q=").text


def test_a_field_with_several_words_that_finds_nothing_suggests_the_phrase(pages: Pages) -> None:
    name = listing(1).authors[0].lower()
    page = pages.client.get("/search", params={"q": f"author:{name}"}).text
    assert f"<code>author:&#34;{name}&#34;</code></a>" in page
    assert len(_titles(pages.client.get("/search", params={"q": f'author:"{name}"'}).text)) == 1
    page = pages.client.get("/search", params={"q": "author:nobody else"}).text
    assert "Try fewer words" in page


def test_a_mistyped_word_is_replaced_and_the_page_says_so(pages: Pages) -> None:
    text = pages.client.get("/search", params={"q": "carefull robots"}).text
    assert "Showing results for “careful” instead of “carefull”." in text


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("Grace Lovelorne", 'author:"grace lovelorn"'),
        ("Lovelorne", "author:lovelorn"),
        ("Lovelorne Grace", 'author:"grace lovelorn"'),
        ('author:"Grace Lovelorne"', 'author:"grace lovelorn"'),
        ('author:"Grace Lovelorn"', ""),
        ("author:Grace*", ""),
        ("Lovelorne OR Lovelorne2", ""),
        ("robots", ""),
    ],
)
def test_a_name_that_no_text_has_is_offered_as_an_author(pages: Pages, typed: str, offered: str) -> None:
    pages.site.papers(listing(81, authors=("Grace Lovelorn",)))
    shown = pages.client.get("/search", params={"q": typed}).text
    assert ("Looking for an author?" in shown) == bool(offered)
    assert offered in html.unescape(shown)


@pytest.mark.parametrize("typed", ["Grace Lovelorn", "lovelorn grace", "Lovelorn, Grace", "lovelorn"])
def test_a_name_as_an_author_writes_it_finds_their_papers_at_once(pages: Pages, typed: str) -> None:
    pages.site.papers(*(listing(80 + n, authors=("Grace Lovelorn",)) for n in range(3)))
    shown = html.unescape(pages.client.get("/search", params={"q": typed}).text)
    assert "the papers by this author are shown" in shown
    assert "3 papers" in shown
    assert len(_titles(shown)) == 3
    assert "Looking for an author?" not in shown
    bounded = html.unescape(pages.client.get("/search", params={"q": typed, "until": "2020-01-01"}).text)
    assert "the papers by this author are shown" not in bounded


@pytest.mark.parametrize("typed", ["Pengfei Wan", "wan pengfei"])
def test_a_name_of_which_a_paper_has_one_word_finds_the_papers_of_its_author(pages: Pages, typed: str) -> None:
    pages.site.papers(
        *(listing(80 + n, title=f"Robots with the Video Model Wan {n}", authors=("Ada Zhu",)) for n in range(3)),
        *(listing(90 + n, authors=("Pengfei Wan",)) for n in range(2)),
    )
    shown = html.unescape(pages.client.get("/search", params={"q": typed}).text)
    assert 'the papers by this author are shown: <code>author:"pengfei wan"</code>' in shown.replace("</p>", "")
    assert len(_titles(shown)) == 2


def test_a_name_whose_words_a_paper_has_in_its_text_is_offered_beside_this_paper(pages: Pages) -> None:
    pages.site.papers(
        listing(80, title="May Robots Will Their Way?", authors=("Ada Zhu",)),
        listing(81, title="Deep Snow", authors=("Will May",)),
    )
    shown = html.unescape(pages.client.get("/search", params={"q": "Will May"}).text)
    assert "Looking for an author?" in shown
    assert 'author:"will may"' in shown
    assert "May Robots" in shown
    assert "Looking for an author?" not in pages.client.get("/search", params={"q": "may"}).text


def test_an_author_is_found_in_the_order_of_bibtex_too(pages: Pages) -> None:
    pages.site.papers(listing(80, authors=("Grace Anne Lovelorn",)))
    for typed in ('author:"Lovelorn, Grace Anne"', 'author:"grace anne lovelorn"', 'author:"Anne Lovelorn"'):
        assert len(_titles(pages.client.get("/search", params={"q": typed}).text)) == 1
