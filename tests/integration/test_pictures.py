"""Pictures on their way: from a server on loopback into the store, onto the pages and into letters, as our own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from paperround.domain.models import Paper
from paperround.network.http import Http, RateLimiter
from paperround.rendering import sample
from paperround.rounds import pipeline
from paperround.sources.pictures import POLICY
from paperround.web import create
from support.pages import Browser
from support.papers import listing
from support.pictures import drawn, encoded
from support.site import Site

_PNG = encoded(drawn())
_TODAY = date(2026, 11, 23)


class Gallery:
    """A server of pictures; `answers` says what each path gives: a body, a status, or a redirect's target."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, bytes | int | str] = {}
        gallery = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gallery.asked.append(self.path)
                gallery.reply(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        found = self.answers.get(handler.path, 404)
        if found == "slow":
            time.sleep(1.5)
            found = _PNG
        handler.send_response(found if isinstance(found, int) else 302 if isinstance(found, str) else 200)
        if isinstance(found, str):
            handler.send_header("Location", found)
        body = found if isinstance(found, bytes) else b""
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has seen enough
            handler.wfile.write(body)

    def __enter__(self) -> Gallery:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def gallery() -> Iterator[Gallery]:
    with Gallery() as made:
        yield made


@pytest.fixture
def site(site: Site) -> Site:
    _patient(site)
    return site


def _patient(site: Site, private_hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
    """Loopback is allowed, nothing else that is private; and no time is spent on being polite."""
    policy = replace(POLICY, private_hosts=private_hosts, timeout=0.5)
    site.app.pictures_http = Http("ops@example.net", policy, rate_limiter=RateLimiter(sleep=lambda _: None))


def _paper(number: int, url: str, **facts: Any) -> Any:
    return listing(number, **{"thumbnail_url": url, "day": _TODAY, **facts})


def _stored(site: Site, number: int) -> Paper:
    found = site.app.store.papers.by_id(f"2611.{number:05d}")
    assert found
    return found


def test_a_thumbnail_is_fetched_once_and_is_our_own_from_then_on(site: Site, gallery: Gallery) -> None:
    gallery.answers["/1.png"] = _PNG
    site.papers(_paper(1, gallery.url("/1.png")), _paper(2, gallery.url("/1.png")), listing(3, day=_TODAY))
    pipeline.ingest(site.app)
    pipeline.ingest(site.app)
    assert gallery.asked == ["/1.png"]
    first, second, third = (_stored(site, number).picture for number in (1, 2, 3))
    assert first
    assert (first.width, first.height) == (600, 324)
    assert second == first
    assert third is None
    content = site.app.store.pictures.content(first.name)
    assert content
    assert content.startswith(b"\xff\xd8")


def test_one_that_fails_stops_no_other_and_is_left_after_three_tries(site: Site, gallery: Gallery) -> None:
    gallery.answers |= {
        "/gone.png": 404, "/broken.png": 500, "/page.html": b"<html>Log in</html>", "/slow.png": "slow",
        "/large.png": b"\0" * (6 << 20), "/inside.png": "http://10.0.0.7/secret.png",
        "/file.png": "file:///etc/passwd", "/round.png": "/round.png", "/moved.png": "/good.png", "/good.png": _PNG,
    }  # fmt: skip
    for number, path in enumerate(gallery.answers, 1):
        site.papers(_paper(number, gallery.url(path)))
    site.papers(_paper(50, "http://192.168.1.1/router.png"), _paper(51, "http://[::1]/x.png"))
    for _ in range(5):
        pipeline.ingest(site.app)
        site.clock.now += timedelta(hours=1)
    shown = [path for number, path in enumerate(gallery.answers, 1) if _stored(site, number).picture]
    assert shown == ["/moved.png", "/good.png"]
    assert [gallery.asked.count(path) for path in ("/gone.png", "/broken.png", "/page.html", "/large.png")] == [3] * 4
    assert gallery.asked.count("/moved.png") == 1
    assert site.app.store.pictures.missing(_TODAY, 100) == []


def test_a_private_address_is_not_asked(site: Site, gallery: Gallery) -> None:
    _patient(site, private_hosts=())
    gallery.answers["/1.png"] = _PNG
    site.papers(_paper(1, gallery.url("/1.png")))
    pipeline.ingest(site.app)
    assert gallery.asked == []
    assert _stored(site, 1).picture is None


def test_what_failed_for_now_is_had_the_next_time(site: Site, gallery: Gallery) -> None:
    site.papers(_paper(1, gallery.url("/1.png")))
    pipeline.ingest(site.app)
    gallery.answers["/1.png"] = _PNG
    pipeline.ingest(site.app)
    assert _stored(site, 1).picture


def test_only_recent_papers_are_asked_for_and_only_for_so_long(
    site: Site, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.answers |= {f"/{number}.png": _PNG for number in range(1, 5)}
    site.papers(_paper(1, gallery.url("/1.png"), day=_TODAY - timedelta(days=8)))
    site.papers(*(_paper(number, gallery.url(f"/{number}.png"), upvotes=number) for number in (2, 3, 4)))
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "_PICTURES_PER_ROUND", 2)
        assert pipeline.fetch_pictures(site.app) == 2
    assert gallery.asked == ["/4.png", "/3.png"]  # what is read most comes first
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "_PICTURE_SECONDS", -1)
        assert pipeline.fetch_pictures(site.app) == 0
    site.app.stopping.set()
    assert pipeline.fetch_pictures(site.app) == 0
    site.app.stopping.clear()
    assert pipeline.fetch_pictures(site.app) == 1
    assert "/1.png" not in gallery.asked


def test_a_new_address_brings_its_own_picture(site: Site, gallery: Gallery) -> None:
    gallery.answers |= {"/1.png": _PNG, "/2.png": encoded(drawn(900, 500))}
    site.papers(_paper(1, gallery.url("/1.png")))
    pipeline.ingest(site.app)
    before = _stored(site, 1).picture
    site.papers(_paper(1, gallery.url("/2.png")))
    assert _stored(site, 1).picture is None
    pipeline.ingest(site.app)
    after = _stored(site, 1).picture
    assert after
    assert after != before


def test_a_paper_that_two_turn_out_to_be_has_the_picture(site: Site, gallery: Gallery) -> None:
    gallery.answers["/1.png"] = _PNG
    site.papers(listing(1, source="blog", kind="feed", arxiv_id=None, doi="10.1234/one", url=None, day=_TODAY,
                        title="The very same work on robots", thumbnail_url=gallery.url("/1.png")))  # fmt: skip
    site.papers(listing(1, day=_TODAY, title="Another name of it"))
    pipeline.ingest(site.app)
    site.papers(listing(1, source="hub", doi="10.1234/one", day=_TODAY, title="Another name of it"))
    assert site.app.store.papers.count() == 1
    assert _stored(site, 1).picture


def test_pictures_are_let_go_after_a_year(site: Site, gallery: Gallery) -> None:
    gallery.answers["/1.png"] = _PNG
    site.papers(_paper(1, gallery.url("/1.png")))
    pipeline.ingest(site.app)
    picture = _stored(site, 1).picture
    assert picture
    site.clock.now += timedelta(days=364)
    pipeline.sweep(site.app)
    assert site.app.store.pictures.content(picture.name)
    site.clock.now += timedelta(days=2)
    pipeline.sweep(site.app)
    assert site.app.store.pictures.content(picture.name) is None
    assert _stored(site, 1).picture is None


def _letter(site: Site) -> str:
    part = message_from_bytes(site.relay.letters[-1].message, policy=policy.default).get_body(("html",))  # type: ignore[arg-type]
    return str(part.get_content())  # type: ignore[attr-defined]


def _mailed(site: Site, prepare: Callable[[], None]) -> str:
    site.topic("robots")
    site.subscriber("ada@lovelace.example", "robots", at="06:00", theme="cards")
    prepare()
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    return _letter(site)


def test_a_letter_shows_our_picture_and_asks_no_other_host(site: Site, gallery: Gallery) -> None:
    gallery.answers["/1.png"] = _PNG

    def prepare() -> None:
        site.papers(_paper(1, gallery.url("/1.png")), _paper(2, gallery.url("/none.png")))
        pipeline.ingest(site.app)

    html = _mailed(site, prepare)
    (shown,) = re.findall(r"<img [^>]*>", html)
    picture = _stored(site, 1).picture
    assert picture
    assert f'src="https://papers.example.org/pictures/{picture.name}.jpg"' in shown
    assert 'width="600" height="324"' in shown
    assert "127.0.0.1" not in html
    # The same letter again, in the browser too, whatever has become of the paper meanwhile.
    site.papers(_paper(1, gallery.url("/other.png")))
    (digest,) = site.app.store.issues.digests_of(1)
    printed = site.app.store.issues.printed(digest, digest.papers)
    assert picture in [paper.picture for paper in printed.values()]


def test_a_site_without_pictures_fetches_none_and_shows_none(
    tmp_path: Path, database_url: str, gallery: Gallery
) -> None:
    gallery.answers["/1.png"] = _PNG
    with_them = Site(tmp_path, database_url)
    _patient(with_them)
    with_them.papers(_paper(1, gallery.url("/1.png")))
    pipeline.ingest(with_them.app)
    with_them.app.close()
    address = {"base_url": "https://papers.example.org", "sender": "papers@example.org"}
    site = Site(tmp_path, database_url, site={**address, "pictures": False})
    _patient(site)
    html = _mailed(site, lambda: site.papers(_paper(2, gallery.url("/2.png"))))
    assert pipeline.fetch_pictures(site.app) == 0
    assert gallery.asked == ["/1.png"]
    assert "<img" not in html
    browser = Browser(create(site.app))
    assert "<img" not in browser.get("/").text
    assert "og:image" not in browser.get("/papers/2611.00001").text
    site.app.close()


def test_pictures_are_served_for_good_to_everybody_alike(site: Site, gallery: Gallery) -> None:
    gallery.answers["/1.png"] = _PNG
    site.topic("robots")
    site.papers(_paper(1, gallery.url("/1.png"), upvotes=4), _paper(2, gallery.url("/none.png")))
    pipeline.ingest(site.app)
    picture = _stored(site, 1).picture
    assert picture
    path, browser = f"/pictures/{picture.name}.jpg", Browser(create(site.app))
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.content == site.app.store.pictures.content(picture.name)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in answer.headers
    again = browser.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert browser.request("HEAD", path).headers["content-length"] == str(len(answer.content))
    for wrong in ("0" * 16, "..%2f..%2fetc", "%27", picture.name.upper() + "x"):
        assert browser.get(f"/pictures/{wrong}.jpg").status_code == 404
    assert browser.get(f"/pictures/{picture.name}.png").status_code == 404

    made_up = browser.get(f"/pictures/{sample.PICTURE.name}.jpg").content
    assert hashlib.sha256(made_up).hexdigest()[:16] == sample.PICTURE.name
    assert Image.open(io.BytesIO(made_up)).size == (sample.PICTURE.width, sample.PICTURE.height)

    for page in ("/", "/trending", "/topics/robots", "/search?q=robots", "/papers/2611.00001"):
        text = browser.get(page).text
        (shown,) = re.findall(r"<img [^>]*>", text)
        assert f'src="{path}" alt="" width="600" height="324"' in shown
    assert f'<meta property="og:image" content="https://papers.example.org{path}">' in text
    assert "<img" not in browser.get("/papers/2611.00002").text
