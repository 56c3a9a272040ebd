"""Link scanners, search engines and mail programs follow every link: nothing may change, and nothing may break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from paperround.domain import tokens
from paperround.rendering import sample
from paperround.subscribers import address_change
from paperround.web import create
from paperround.web.middleware import HEADERS
from paperround.web.responses import TOKEN_PATHS
from support.pages import Browser, Pages, cached_pages
from support.papers import listing

_ENDLESS = frozenset({"/preview/changes"})  # tells a watching browser about edited templates until it leaves
_TOKEN = "let me in, please"
_HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, transport={"kind": "inbox", "directory": tmp_path / "inbox"}, site=_site())
    yield made
    made.app.close()


def _site(**more: str) -> dict[str, str]:
    return {
        "base_url": "http://localhost:8000",
        "sender": "papers@example.org",
        "admin_token": "let me in, please",
    } | more


def _local(pages: Pages) -> Browser:
    """The browser of whoever has started the program."""
    if pages.web not in _entered:
        _entered[pages.web] = pages.enter()
    return _entered[pages.web]


_entered: WeakKeyDictionary[FastAPI, Browser] = WeakKeyDictionary()


def _everything(pages: Pages) -> list[str]:
    """An address for every route that answers GET, with links that are good."""
    from paperround.rounds import pipeline

    row = pages.subscriber(at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    pipeline.deliver(pages.app)
    pages.subscribe("new@papers.example")
    waiting = pages.app.store.subscribers.by_email("new@papers.example")
    assert waiting is not None
    digest = pages.app.store.issues.digests_of(row)[0].row
    listed = _local(pages).get("/inbox").text
    (key,) = re.findall(r'href="/inbox/([^"]+)"', listed)[:1]
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    address_change.request(pages.app, subscriber, "new.address@papers.example")
    pages.app.store.private_feeds.set_secret(row, "a-secret")
    good = {
        "a": f"/a/{tokens.mint(pages.app.link_keys, tokens.ADDRESS, 1)}",
        "c": pages.link("confirm", waiting.row),
        "p": pages.link("preferences", row),
        "u": pages.link("unsubscribe", row),
        "i": pages.link("digest", digest),
        "f": pages.link("feedback", digest),
    }
    values = {
        "secret": "a-secret",
        "paper_id": "2611.00001",
        "slug": "robots",
        "key": key,
        "row": str(row),
        "email": "ada@lovelace.example",
        "ending": "bib",
    }
    special = {
        "/static/{name}": "/static/style.css",
        "/pictures/{name}.jpg": f"/pictures/{sample.PICTURE.name}.jpg",
        "/charts/{issue}/{slugs}.png": "/charts/weekly-2026-11-23/robots.png",
        "/sitemap/{name}.xml": "/sitemap/0.xml",
        "/follow": "/follow?author=Ben+Bookman",
        "/admin/charts/{name}.svg": "/admin/charts/subscribers.svg",
    }
    found = []
    for route in _routes(pages):
        if route.path in _ENDLESS:
            continue
        first = route.path.split("/")[1]
        if "{token}" in route.path:
            path = route.path.replace(f"/{first}/{{token}}", good[first])
            found.append(re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "1"), path))
        else:
            path = special.get(route.path, route.path)
            found.append(re.sub(r"\{(\w+)(?::path)?\}", lambda name: values.get(name[1], "1"), path))
    return found


def _routes(pages: Pages) -> list[APIRoute]:
    """Every route with GET, also of routers that the application includes lazily."""
    spec = pages.web.openapi_routes if hasattr(pages.web, "openapi_routes") else pages.web.routes
    found = []
    waiting = list(spec)
    while waiting:
        route = waiting.pop()
        waiting += getattr(getattr(route, "original_router", None), "routes", [])
        if isinstance(route, APIRoute) and "GET" in route.methods:
            found.append(route)
    return found


def test_the_page_cache_keeps_no_page_that_is_made_for_one_person(pages: Pages) -> None:
    paths = _everything(pages)
    operator = _local(pages)
    assert operator.post("/admin/login", data={"token": _TOKEN}).status_code == 303
    for path in paths:
        for browser in (Browser(pages.web), operator):
            browser.get(path)
    kept = {str(path): page for (path, *_), page in cached_pages(pages).items()}
    assert {"/", "/papers/2611.00001", "/feed.xml"} <= kept.keys()
    personal = re.compile(r"/(?:[a-z]/|feeds/|admin|inbox|preview|api/(?!papers|topics)|hooks|metrics)")
    for path, page in kept.items():
        fields = dict(page.fields)
        assert not personal.match(path), path
        assert fields[b"cache-control"].startswith(b"public"), path
        assert b"set-cookie" not in fields, path
        assert b"lovelace" not in page.body, path


def _rows(pages: Pages) -> dict[str, list[tuple[object, ...]]]:
    """All rows, but for the operator's own log: who takes all addresses away leaves a line there."""
    return {table: rows for table, rows in pages.dump().items() if table != "audit_entries"}


def test_everything_under_a_token_is_kept_nowhere_and_tells_nobody(pages: Pages) -> None:
    paths = [path for path in _everything(pages) if re.match(r"/(?:[a-z]|feeds)/", path)]
    assert len(paths) > 15
    assert any(path.endswith("/saved.bib") for path in paths)
    assert any(path.endswith("/cite.bib") for path in paths)
    for path in (*paths, "/i/wrong/cite.ris", "/p/wrong/nothing-here", "/feeds/wrong/feed.xml"):
        headers = pages.client.get(path).headers
        feed = path.startswith("/feeds/a-secret/")
        assert headers["cache-control"] == ("private, max-age=300" if feed else "no-store"), path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "noindex" in headers["x-robots-tag"], path


def test_every_route_with_a_token_is_under_a_path_that_is_known_to_have_one(pages: Pages) -> None:
    with_token = [route.path for route in _routes(pages) if re.search(r"\{(?:token|secret)\}", route.path)]
    assert len(with_token) > 15
    assert [path for path in with_token if not path.startswith(TOKEN_PATHS)] == []


def test_following_every_link_changes_no_row(pages: Pages) -> None:
    paths = _everything(pages)
    assert len(paths) > 30
    browser = _local(pages)
    assert browser.post("/admin/login", data={"token": _TOKEN}).status_code == 303
    before = _rows(pages)
    for path in paths:
        for method in ("GET", "HEAD"):
            response = browser.request(method, f"{path}?to=weekly" if path.endswith("/change") else path)
            # A page that says where an email went leads back to its form where none did.
            expected = (200, 303, 404) if "preview" in path else (303,) if path.endswith("/sent") else (200,)
            assert response.status_code in expected, f"{method} {path}: {response.status_code}"
            if method == "HEAD":
                assert response.content == b""
    assert _rows(pages) == before


def test_every_answer_carries_the_guards(pages: Pages) -> None:
    paths = [*_everything(pages), "/nothing", "/?date=x"]
    for path in paths:
        headers = _local(pages).get(path).headers
        for name in HEADERS:
            assert name.lower() in headers, f"{path} lacks {name}"
        assert "'unsafe-inline'" not in headers["content-security-policy"].split("style-src")[0]
        assert "server" not in headers


def test_no_page_holds_inline_script_or_style_or_names_another_host(pages: Pages) -> None:
    checked = 0
    for path in _everything(pages):
        response = _local(pages).get(path)
        is_page = response.headers.get("content-type", "").startswith("text/html")
        if not is_page or path.endswith("/html") or path.startswith("/preview"):  # letters have styles of their own
            continue
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=|javascript:", response.text), path
        loaded = re.findall(
            r'<(?:link rel="(?:stylesheet|icon)"|script|img|iframe)[^>]*(?:href|src)="([^"]+)"', response.text
        )
        assert loaded, path
        assert all(address.startswith("/") for address in loaded), path
        checked += 1
    assert checked


def test_what_a_feed_smuggles_in_is_shown_as_text(pages: Pages) -> None:
    pages.site.papers(
        listing(
            77,
            title=f"{_HOSTILE} robots",
            abstract=f"{_HOSTILE} robots",
            authors=[_HOSTILE],
            organization=_HOSTILE,
            categories=[_HOSTILE],
            keywords=[_HOSTILE],
            journal=_HOSTILE,
            license=_HOSTILE,
            url="javascript:alert(1)",
            code_url="data:text/html,x",
        )
    )
    for path in (
        "/?date=2026-11-20",
        "/papers/2611.00077",
        "/topics/robots",
        "/search?q=alert",
        "/feed.xml",
        "/feed.json",
    ):
        text = _local(pages).get(path).text
        assert "alert(1)" in text, path
        if not path.endswith(".json"):
            assert "<script>alert" not in text, path
            assert "<img" not in text, path
        assert "javascript:alert(1)" not in text
        assert "49" not in re.sub(r"\d{3,}", "", text.split("{{")[0][-20:])


@pytest.mark.parametrize(
    "path", ["/search?q=", "/subscribe?q=", "/subscribe?topic=", "/?topic=", "/?date=", "/nothing/"]
)
def test_what_an_address_smuggles_in_is_shown_as_text(pages: Pages, path: str) -> None:
    from urllib.parse import quote

    text = _local(pages).get(path + quote(_HOSTILE)).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_invalid_parameters_never_cause_a_server_error(pages: Pages) -> None:
    for path in [
        "/?page=99999999999999999999",
        "/?page=-1",
        "/?date=9999-99-99",
        "/?view=%00",
        "/topics/%00",
        "/papers/" + "9" * 5000,
        "/search?q=" + "(" * 900,
        "/search?q=%00%ff",
        "/search?q=" + "a%20" * 2000,
        "/static/..%2f..%2fpyproject.toml",
        "/sitemap/99999999.xml",
        "/sitemap/-1.xml",
        "/inbox/..%2f..%2f",
        "/?lang=xx",
        "/?lang=../../etc",
        "//evil.example/",
    ]:
        response = _local(pages).get(path)
        assert response.status_code in (200, 400, 403, 404, 422), f"{path[:60]}: {response.status_code}"


def test_a_body_is_bounded(pages: Pages) -> None:
    big = {"email": "x" * 70_000}
    assert _local(pages).post("/subscribe", data=big).status_code == 413

    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(100):
            yield b"a" * 1_000

    response = _local(pages).post(
        "/subscribe", content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code == 413
    many = "&".join(f"topic=t{n}" for n in range(500))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert _local(pages).post("/subscribe", content=many, headers=headers).status_code == 400
    assert _local(pages).post("/subscribe", files={"topic": ("a.txt", b"file")}).status_code in (400, 422)


def test_the_inbox_is_opened_by_a_token_and_by_no_network_address(pages: Pages) -> None:
    nobody = Browser(pages.web, "127.0.0.1", "http://localhost:8000")
    assert nobody.get("/inbox").status_code == 403
    assert "/inbox" not in nobody.get("/").text
    assert nobody.get("/inbox?token=guessed").status_code == 403
    # DNS rebinding, a proxy that adds no field: whoever asks, the token is what counts.
    elsewhere = pages.enter(Browser(pages.web, "203.0.113.5", "http://evil.example:8000"))
    assert elsewhere.get("/inbox").status_code == 200


def test_the_token_in_an_address_becomes_a_cookie_and_leaves_the_address(pages: Pages) -> None:
    token = pages.web.state.context.entry_token
    for path, leads_to in (
        (f"/inbox?page=2&token={token}", "/inbox?page=2"),
        (f"https://papers.example.org//evil.example/?token={token}", "/evil.example/"),
        (f"/?token={token}", "/"),
    ):
        answer = Browser(pages.web).get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, leads_to)
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert token not in answer.headers["set-cookie"]
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_session_of_the_inbox_ends_and_opens_nothing_of_the_operators(pages: Pages) -> None:
    browser = pages.enter()
    assert browser.get("/admin/subscribers").status_code == 401
    pages.site.clock.now += timedelta(hours=12, seconds=1)
    assert browser.get("/inbox").status_code == 403


def test_the_inbox_is_nowhere_when_letters_go_elsewhere(tmp_path: Path) -> None:
    made = Pages(tmp_path, site=_site())
    assert _local(made).get("/inbox").status_code == 404
    assert "/inbox" not in _local(made).get("/").text
    made.app.close()


def test_another_site_cannot_empty_the_inbox(pages: Pages) -> None:
    _everything(pages)
    assert _local(pages).post("/inbox/empty").status_code == 403
    assert _local(pages).post("/inbox/empty", data={"csrf": "x"}).status_code == 403
    page = _local(pages).get("/inbox").text
    (token,) = re.findall(r'name="csrf" value="([^"]+)"', page)
    assert "1 email." in page
    assert _local(pages).post("/inbox/empty", data={"csrf": token}).status_code == 303
    assert "The inbox is empty" in _local(pages).get("/inbox").text


def test_a_letter_is_shown_without_script_and_without_pictures_from_elsewhere(pages: Pages) -> None:
    html = next(path for path in _everything(pages) if re.fullmatch("/inbox/.*/html", path))
    policy = _local(pages).get(html).headers["content-security-policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    # The site's own, also where it is looked at under another address than its own.
    assert "img-src 'self' data: http://localhost:8000/pictures/ http://localhost:8000/charts/;" in policy
    assert "allow-scripts" not in policy
    assert "img-src 'none'" in _local(pages).get(html + "?pictures=0").headers["content-security-policy"]
    letter = html.removesuffix("/html")
    raw = _local(pages).get(letter + "/letter.eml")
    assert raw.headers["content-type"] == "message/rfc822"
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw.content
    for part, expected in [
        ("text", "A careful study of"),
        ("header", "List-Unsubscribe"),
        ("raw", "MIME-Version"),
    ]:
        assert expected in _local(pages).get(f"{letter}?show={part}").text


def test_a_broken_page_says_sorry_and_logs_no_token(pages: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    link = pages.link("preferences", pages.subscriber())

    def broken(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    pages.app.store.issues.past_digests_of = broken  # type: ignore[assignment,method-assign]
    response = _local(pages).get(link)
    assert response.status_code == 500
    assert "The error is on our side" in response.text
    assert "fire" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    told = capsys.readouterr()
    assert "/p/{token}" in told.out + told.err
    assert link.removeprefix("/p/") not in told.out + told.err


def test_a_database_that_does_not_respond_is_reported_as_such(pages: Pages) -> None:
    from paperround.domain.errors import StoreError

    def locked(*_: object) -> None:
        raise StoreError("locked")

    pages.app.store.site_values.get = locked  # type: ignore[assignment,method-assign]
    assert _local(pages).get("/healthz").status_code == 503
    pages.app.store.papers.newest_day = locked  # type: ignore[assignment,method-assign]
    response = _local(pages).get("/")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "30"


def test_strict_transport_is_asked_for_where_the_site_has_it(pages: Pages, tmp_path: Path) -> None:
    assert "strict-transport-security" not in _local(pages).get("/").headers
    secure = tmp_path / "secure"
    secure.mkdir()
    other = Pages(secure)
    assert other.client.get("/").headers["strict-transport-security"].startswith("max-age=")
    other.app.close()


def test_unchanged_pages_are_not_sent_again(pages: Pages) -> None:
    first = _local(pages).get("/")
    tag = first.headers["etag"]
    assert first.headers["content-encoding"] == "gzip"
    again = _local(pages).get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_static_files_stay_for_good_and_change_their_address(pages: Pages) -> None:
    page = _local(pages).get("/").text
    (address,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page)
    assert re.fullmatch(r"/static/style\.css\?v=[0-9a-f]{12}", address)
    assert "max-age=31536000" in _local(pages).get(address).headers["cache-control"]


def test_a_site_under_a_path_links_to_itself(tmp_path: Path) -> None:
    made = Pages(tmp_path, site=_site(base_url="https://example.org/papers"))
    text = Browser(create(made.app)).get("/").text
    assert 'href="/papers/topics"' in text
    assert 'action="/papers/subscribe"' in text
    made.app.close()
