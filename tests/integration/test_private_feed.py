"""A subscriber's own feed: their papers and nobody else's, behind a secret that can be replaced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from paperround.subscribers import membership
from support.pages import Pages
from support.papers import listing
from support.site import Site

ATOM = "{http://www.w3.org/2005/Atom}"


def _feed(pages: Pages, row: int, do: str = "new") -> list[str]:
    """The paths of the feed after a button was pressed."""
    page = pages.client.post_and_follow(f"{pages.link('preferences', row)}/feed", data={"do": do}).text
    return re.findall(r'href="https?://[^/"]+(/feeds/[^"]+)"', page)


def test_the_feed_has_the_papers_on_what_its_subscriber_follows(pages: Pages) -> None:
    robots, agents = pages.subscriber("ada@lovelace.example", "robots"), pages.subscriber("x@y.example", "agents")
    atom, as_json = _feed(pages, robots)
    found = etree.fromstring(pages.client.get(atom).content)
    titles = [entry.findtext(f"{ATOM}title") for entry in found.iter(f"{ATOM}entry")]
    assert len(titles) == 5
    assert all("robots" in str(title) for title in titles)
    items = pages.client.get(as_json).json()["items"]
    assert [item["title"] for item in items] == titles
    others = pages.client.get(_feed(pages, agents)[1]).json()["items"]
    assert len(others) == 1
    assert not {item["id"] for item in others} & {item["id"] for item in items}


def test_an_own_query_and_a_topic_bring_a_paper_once(pages: Pages) -> None:
    row = pages.subscriber("ada@lovelace.example", "robots", queries=["robots OR agents"])
    items = pages.client.get(_feed(pages, row)[1]).json()["items"]
    assert len(items) == 6 == len({item["id"] for item in items})


@pytest.mark.parametrize("unwanted", ["part 77", "author: Eve Long", "category: q-bio", "paper: 2611.00077"])
def test_papers_that_the_subscriber_leaves_out_are_missing_as_in_letters(unwanted: str, pages: Pages) -> None:
    pages.site.papers(listing(77, "robots", authors=["Eve Long"], categories=["q-bio.NC"]))
    row = pages.subscriber("ada@lovelace.example", "robots")
    atom, as_json = _feed(pages, row)
    before = [item["title"] for item in pages.client.get(as_json).json()["items"]]
    membership.change(pages.app, membership.subscriber(pages.app, "ada@lovelace.example"), {"leave_out": [unwanted]})
    after = [item["title"] for item in pages.client.get(as_json).json()["items"]]
    assert len(after) == len(before) - 1
    assert not [title for title in after if "part 77" in title]
    assert b"part 77" not in pages.client.get(atom).content


def test_a_feed_is_full_even_if_many_papers_are_left_out(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    pages.site.papers(*(listing(n, "robots mice" if n < 150 else "robots") for n in range(100, 260)))
    row = pages.subscriber("ada@lovelace.example", "robots", leave_out=["mice"])
    items = pages.client.get(_feed(pages, row)[1]).json()["items"]
    assert len(items) == 100
    assert not [item["title"] for item in items if "mice" in item["title"]]
    pages.app.close()


def test_without_the_button_there_is_no_feed(pages: Pages) -> None:
    row = pages.subscriber()
    page = pages.client.get(pages.link("preferences", row)).text
    assert "/feeds/" not in page
    assert "Create my feed" in page
    for secret in ("None", "", "null", "x"):
        assert pages.client.get(f"/feeds/{secret}/feed.xml").status_code == 404


def test_a_new_address_replaces_the_old_one_and_off_ends_it(pages: Pages) -> None:
    row = pages.subscriber()
    (first, _), (second, _) = _feed(pages, row), _feed(pages, row)
    assert first != second
    assert pages.client.get(first).status_code == 404
    assert pages.client.get(second).status_code == 200
    assert _feed(pages, row, "off") == []
    assert pages.client.get(second).status_code == 404
    assert pages.client.post(f"{pages.link('preferences', row)}/feed", data={"do": "x"}).status_code == 400


def test_the_first_feed_is_not_announced_as_a_new_address(pages: Pages) -> None:
    address = f"{pages.link('preferences', pages.subscriber())}/feed"
    assert "Your private feed is ready." in pages.client.post_and_follow(address, data={"do": "new"}).text
    assert "Your private feed has a new address." in pages.client.post_and_follow(address, data={"do": "new"}).text


def test_who_has_left_has_no_feed_and_the_secret_opens_nothing_else(pages: Pages) -> None:
    row = pages.subscriber()
    atom, _ = _feed(pages, row)
    secret = atom.split("/")[2]
    assert pages.client.get(f"/p/{secret}").status_code == 404
    assert "ada@" not in pages.client.get(atom).text
    assert "/p/" not in pages.client.get(atom).text
    membership.unsubscribe(pages.app, pages.app.store.subscribers.by_row(row))  # type: ignore[arg-type]
    assert pages.client.get(atom).status_code == 404


def test_caches_that_are_shared_keep_no_private_feed_and_an_unchanged_one_is_not_sent_again(pages: Pages) -> None:
    answer = pages.client.get(_feed(pages, pages.subscriber())[0])
    assert answer.headers["cache-control"].startswith("private")
    assert "noindex" in answer.headers["x-robots-tag"]
    again = pages.client.get(str(answer.url.path), headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "Disallow: /feeds/" in pages.client.get("/robots.txt").text


def test_the_feed_is_the_same_on_either_database(tmp_path: Path, database_url: str) -> None:
    fresh = Site(tmp_path, database_url)
    fresh.topic("robots")
    fresh.papers(*(listing(number, "robots") for number in range(1, 4)))
    fresh.subscriber("ada@example.net", "robots")
    ada = membership.subscriber(fresh.app, "ada@example.net")
    feeds = fresh.app.store.private_feeds
    feeds.set_secret(ada.row, "s")
    owner = feeds.owner("s")
    assert owner is not None
    assert owner.row == ada.row
    found = feeds.papers(ada.row, fresh.clock().date().replace(day=1), 2)
    assert [paper.title for paper in found] == [paper.title for paper in found if "robots" in paper.title]
    assert len(found) == 2
    fresh.app.close()
