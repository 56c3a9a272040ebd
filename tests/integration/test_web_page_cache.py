"""Public pages come from memory for some seconds, and nobody ever gets what was made for somebody else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from paperround.store import shown
from paperround.web.page_cache import KEPT
from support.databases import engine_of
from support.pages import Browser, Pages, cached_pages
from support.papers import listing
from support.site import Site

CACHED = (
    *(
        "/",
        "/trending",
        "/topics",
        "/topics/robots",
        "/papers/2611.00001",
        "/search?q=robots",
        "/search?q=author:zhu",
    ),
    *("/feed.xml", "/feed.json", "/topics/robots/feed.xml", "/search/feed.xml?q=robots", "/sitemap.xml"),
    *("/subscribe", "/example"),
)


def asked(pages: Pages, path: str, **options: Any) -> tuple[Any, int]:
    """The answer, and how many statements the database was asked for it."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = engine_of(pages.app.store)
    event.listen(engine, "before_cursor_execute", note)
    try:
        return pages.client.get(path, **options), len(statements)
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/", "/topics/robots", "/papers/2611.00001", "/search?q=robots", "/feed.xml"])
def test_the_second_visitor_gets_the_same_bytes_and_the_database_is_not_asked(pages: Pages, path: str) -> None:
    first, before = asked(pages, path)
    second, after = asked(pages, path)
    assert first.status_code == second.status_code == 200
    assert before > 0
    assert after == 0
    assert first.content == second.content
    ours = ("etag", "cache-control", "vary", "content-type", "content-security-policy", "last-modified")
    assert [first.headers.get(name) for name in ours] == [second.headers.get(name) for name in ours]


def test_a_paper_that_comes_in_is_shown_at_once_and_another_programs_after_some_seconds(pages: Pages) -> None:
    assert "Robots" in pages.client.get("/").text
    pages.site.papers(listing(20, title="A paper that has just come in"))
    assert "A paper that has just come in" in pages.client.get("/").text
    with engine_of(pages.app.store).connect() as other:  # another program's connection, of which nobody here hears
        driver: Any = other.connection.driver_connection
        driver.execute(
            "UPDATE papers SET title = 'Changed elsewhere', facts = json_set(facts, '$.title', 'Elsewhere')"
        )
    assert "Elsewhere" not in pages.client.get("/").text
    pages.site.clock.now += KEPT
    assert "Elsewhere" in pages.client.get("/").text


def test_a_new_paper_renews_the_pages_whichever_database_stores_it(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    before = site.app.store.version
    site.app.store.papers.add([listing(20, upvotes=None)], site.clock())
    assert site.app.store.version == before + 1
    site.app.close()


def test_every_table_that_a_cached_page_is_read_from_renews_it(pages: Pages) -> None:
    pages.client.get("/docs")
    cache, statements = cached_pages(pages), list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine_of(pages.app.store), "before_cursor_execute", note)
    for path in CACHED:
        cache.clear()
        assert pages.client.get(path).status_code == 200, path
        assert cache, f"{path} is not cached"
    read = {table for one in statements for table in re.findall(r"(?:FROM|JOIN) (\w+)", one)}
    # Of subscribers, letters and vectors a page may be some seconds old; the index changes with the papers.
    # The salt of links, in the notes, never changes.
    others = {"subscribers", "subscriptions", "deliveries", "vectors", "paper_index", "notes"}
    assert read == {*shown.SHOWN_TABLES, *others}


def test_each_language_and_coding_has_its_own_copy(pages: Pages) -> None:
    german = {"accept-language": "de-AT,de;q=0.9"}
    assert 'lang="en"' in pages.client.get("/").text
    assert 'lang="de"' in pages.client.get("/", headers=german).text
    assert 'lang="en"' in pages.client.get("/").text
    plain = pages.client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert pages.client.get("/").headers["content-encoding"] == "gzip"
    chosen = pages.client.get("/?lang=de")
    assert "set-cookie" in chosen.headers
    assert "set-cookie" in Browser(pages.web).get("/?lang=de").headers, "who chooses a language keeps it"
    assert 'lang="de"' in pages.client.get("/").text  # by the cookie
    assert 'lang="en"' in Browser(pages.web).get("/").text


def test_a_client_that_has_the_page_is_told_so_from_memory_too(pages: Pages) -> None:
    tag = pages.client.get("/").headers["etag"]
    answer, statements = asked(pages, "/", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content, statements) == (304, b"", 0)
    assert answer.headers["etag"] == tag
    assert "content-encoding" not in answer.headers
    assert asked(pages, "/", headers={"if-none-match": '"other"'})[0].status_code == 200
    feed = pages.client.get("/feed.xml")
    since = {"if-modified-since": feed.headers["last-modified"]}
    assert asked(pages, "/feed.xml", headers=since)[0].status_code == 304


def test_head_is_answered_without_a_body(pages: Pages) -> None:
    whole = pages.client.get("/")
    head = pages.client.request("HEAD", "/")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", whole.headers["etag"])


def test_whoever_is_signed_in_or_shows_a_token_gets_an_answer_of_their_own(pages: Pages) -> None:
    pages.client.get("/")
    assert asked(pages, "/", headers={"authorization": "Bearer x"})[1] > 0
    entered = pages.enter()
    before = len(cached_pages(pages))
    assert entered.get("/").status_code == 200
    assert len(cached_pages(pages)) == before


def test_memory_is_bounded_by_bytes(pages: Pages) -> None:
    pages.client.get("/")
    cache = cached_pages(pages)
    assert cache.currsize > 0
    assert cache.maxsize == 32 * 1024 * 1024
    for number in range(5):
        pages.client.get(f"/search?q=robots{number}")
    assert cache.currsize <= cache.maxsize
