"""A server on loopback that speaks as the sources do: Daily Papers, arXiv's feed, API and OAI-PMH, bioRxiv, a blog.

It invents its papers, remembers each request with the moment it came, and misbehaves when told.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ATOM = "http://www.w3.org/2005/Atom"
TOPICS = ("Sparse Attention", "Robot Grasping", "Protein Folding", "Speech Without Labels", "Causal Discovery")


@dataclass
class Asked:
    """One request as the server saw it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    status: int = 0


@dataclass
class Fault:
    """What the server does instead of answering."""

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False
    """Promise the whole answer and close the connection in its middle."""
    body: bytes = b"not now"


class PaperServer:
    """The papers, the requests and the faults."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self.faults: dict[str, list[Fault]] = {}
        self.on_daily = 120
        """Papers a day on Daily Papers: more than a page holds."""
        self.in_feed = 6
        self._at_once = 0
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, path: str, *faults: Fault) -> None:
        """Meet the next requests for paths that begin like this with these faults, one each."""
        self.faults[path] = list(faults)

    def requests(self, path: str) -> list[Asked]:
        """What was asked of paths that begin like this."""
        return [asked for asked in self.asked if asked.path.startswith(path)]

    @contextmanager
    def running(self) -> Iterator[PaperServer]:
        """Answer until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    # --- what is served ---------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        routes: dict[str, Callable[[Asked], tuple[int, dict[str, str], bytes]]] = {
            "/api/daily_papers": self._daily,
            "/atom/": self._announcement,
            "/api/query": self._query,
            "/oai": self._harvest,
            "/details/": self._preprints,
            "/blog.xml": self._blog,
            "/moved.xml": lambda _: (301, {"location": "/blog.xml"}, b""),
            "/away.xml": lambda _: (302, {"location": "file:///etc/passwd"}, b""),
            "/endless": lambda _: (200, {}, b"x" * (3 << 20)),
        }
        for path, route in routes.items():
            if asked.path.startswith(path):
                return route(asked)
        return 404, {}, b'{"error": "Not found"}'

    def _daily(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        day, page = date.fromisoformat(asked.query["date"]), int(asked.query.get("p", 0))
        if day > self.today:
            return 400, {}, b'{"error": "date must not be in the future"}'
        count = 0 if day.weekday() >= 5 else self.on_daily
        limit = int(asked.query["limit"])
        numbers = range(page * limit, min(count, (page + 1) * limit))
        headers = {"content-type": "application/json", "etag": f'"{day}-{page}-{count}"'}
        if numbers and numbers.stop < count:
            query = f"date={day}&limit={limit}&p={page + 1}"
            headers["link"] = f'<{self.url}/api/daily_papers?{query}>; rel="next"'
        return 200, headers, json.dumps([self._daily_entry(day, number) for number in numbers]).encode()

    def _daily_entry(self, day: date, number: int) -> dict[str, Any]:
        title = f"{TOPICS[number % 5]}, Part {number} of {day}"
        published = f"{day - timedelta(days=2)}T00:00:00.000Z"
        return {
            "paper": {
                "id": f"{day:%y%m}.{day.day:02}{number:03}",
                "authors": [{"_id": f"{number:024x}", "name": f"Author {number}", "hidden": False}],
                "publishedAt": published,
                "submittedOnDailyAt": f"{day}T00:00:00.000Z",
                "title": title,
                "summary": f"We study {title.lower()}.",
                "upvotes": 200 - number,
                "discussionId": f"{number:024x}",
            },
            "publishedAt": published,
            "title": title,
            "summary": f"We study {title.lower()}.",
            "thumbnail": f"https://cdn-thumbnails.example.org/{number}.png",
            "numComments": number % 3,
            "isAuthorParticipating": False,
        }

    def _announcement(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if "cs.QQ" in asked.path:
            said = "<title>Feed error for query: cs.QQ</title><subtitle>Bad archive</subtitle>"
            return 400, {}, f'<feed xmlns="{ATOM}">{said}</feed>'.encode()
        count = self.in_feed if self.today.weekday() < 5 else 0
        entries = "".join(
            f"<entry><id>oai:arXiv.org:{self.today:%y%m}.{self.today.day:02}{n:03}v1</id>"
            f"<title>{TOPICS[n % 5]} {n}</title>"
            f"<summary>arXiv:x Announce Type: {'new' if n % 3 else 'cross'} \nAbstract: When $a&lt;b$, {n}.</summary>"
            f"<published>{self.today}T00:00:00-05:00</published></entry>"
            for n in range(count)
        )
        body = f'<feed xmlns="{ATOM}"><updated>{self.today}T05:00:19+00:00</updated>{entries}</feed>'
        return 200, {"content-type": "application/atom+xml", "etag": f'"{self.today}"'}, body.encode()

    def _query(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        start, most = int(asked.query["start"]), int(asked.query["max_results"])
        first = asked.query["search_query"].partition("submittedDate:[")[2]
        opened = datetime.strptime(first[:12], "%Y%m%d%H%M").replace(tzinfo=UTC)
        total = 7
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{opened:%y%m}.9{opened.day % 10}{n:03}v1</id>"
            f"<title>{TOPICS[n % 5]} {n}</title><summary>Missed, {n}.</summary>"
            f"<published>{opened + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}</published></entry>"
            for n in range(start, min(total, start + most))
        )
        results = f'<o:totalResults xmlns:o="http://a9.com/-/spec/opensearch/1.1/">{total}</o:totalResults>'
        return (
            200,
            {"content-type": "application/atom+xml"},
            f'<feed xmlns="{ATOM}">{results}{entries}</feed>'.encode(),
        )

    def _harvest(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        page = int(asked.query.get("resumptionToken", "page0").removeprefix("page"))
        records = "".join(
            f"<record><header><identifier>oai:arXiv.org:{self.today:%y%m}.8{page}{n:03}</identifier>"
            f"<datestamp>{self.today}</datestamp></header><metadata><arXivRaw>"
            f"<version version='v1'><date>{self.today}</date></version><title>{TOPICS[n % 5]} {page}{n}</title>"
            "<authors>A. Ito and B. Oe</authors></arXivRaw></metadata></record>"
            for n in range(4)
        )
        token = f"<resumptionToken>page{page + 1}</resumptionToken>" if page < 2 else "<resumptionToken/>"
        inside = f"<ListRecords>{records}{token}</ListRecords>"
        return 200, {}, f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inside}</OAI-PMH>'.encode()

    def _preprints(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        cursor = int(asked.path.split("/")[-2])
        rows = [
            {
                "title": f"{TOPICS[n % 5]} in Mice, {n}",
                "authors": "Ito, A.; Oe, B.",
                "doi": f"10.1101/{self.today:%Y.%m.%d}.{n:06}",
                "date": f"{self.today.year}-{self.today.month}-{self.today.day}",
                "version": "1" if n % 4 else "2",
                "category": "neuroscience",
                "abstract": "Mice, again.",
                "server": "bioRxiv",
            }
            for n in range(cursor, min(250, cursor + 100))
        ]
        message = {"status": "ok", "cursor": cursor, "count": len(rows), "total": "250"}
        return 200, {}, json.dumps({"messages": [message], "collection": rows}).encode()

    def _blog(self, _: Asked) -> tuple[int, dict[str, str], bytes]:
        items = "".join(
            f"<item><title>Post {n}</title><link>{self.url}/posts/{n}</link>"
            f"<description>&lt;p&gt;About {n}.&lt;/p&gt;</description>"
            f"<pubDate>{self.today - timedelta(days=n):%a, %d %b %Y} 10:00:00 GMT</pubDate></item>"
            for n in range(5)
        )
        stamp = f"{self.today:%a, %d %b %Y} 10:00:00 GMT"
        body = f"<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>"
        return 200, {"content-type": "application/rss+xml", "last-modified": stamp}, body.encode()

    # --- how it is served -------------------------------------------------------------------------------------

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's methods have their own self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(parts.path, query, headers, time.monotonic())
                with server._guard:
                    server.asked.append(asked)
                    server._at_once += 1
                    server.most_at_once = max(server.most_at_once, server._at_once)
                try:
                    self._respond(asked)
                finally:
                    with server._guard:
                        server._at_once -= 1

            def _respond(self, asked: Asked) -> None:
                waiting = next((f for path, f in server.faults.items() if asked.path.startswith(path) and f), None)
                fault = waiting.pop(0) if waiting else None
                if fault and fault.wait:
                    time.sleep(fault.wait)
                if fault and not fault.wait and not fault.cut:
                    return self._send(asked, fault.status, fault.headers, fault.body)
                status, headers, body = server.answer(asked)
                if status == 200 and self._known(asked, headers):
                    return self._send(asked, 304, headers, b"")
                if fault and fault.cut:
                    return self._send(asked, status, headers, body, cut=True)
                return self._send(asked, status, headers, body)

            def _known(self, asked: Asked, headers: dict[str, str]) -> bool:
                pairs = (("if-none-match", "etag"), ("if-modified-since", "last-modified"))
                return any(ours in headers and asked.headers.get(theirs) == headers[ours] for theirs, ours in pairs)

            def _send(
                self, asked: Asked, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False
            ) -> None:
                asked.status = status
                if "gzip" in asked.headers.get("accept-encoding", "") and len(body) > 500 and not cut:
                    body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may have left
                    self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = self.close_connection or cut

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
