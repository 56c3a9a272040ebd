"""Zotero, ORCID and arXiv on loopback, for tests of subscribers' libraries."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "P9NiFoyLeZu2bZNvvuQPDWsd"
ORCID = "0000-0002-1825-0097"
ENTRY = """<entry><id>http://arxiv.org/abs/{id}v1</id><published>2024-11-02T10:00:00Z</published>
<updated>2024-11-02T10:00:00Z</updated><title>Storks at night</title><summary>They migrate.</summary>
<author><name>Ada Lovelace</name></author><category term="q-bio.PE"/></entry>"""
FEED = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{}</feed>'


class Services:
    """Zotero, ORCID and arXiv on loopback, in their own formats; `status` answers every request with an error."""

    def __init__(self) -> None:
        self.items = [{"type": "article", "title": f"Storks {n}", "abstract": "Birds migrate."} for n in range(130)]
        self.keys = {KEY}
        self.status = 0
        self.body: bytes | None = None
        self.redirect = ""
        self.asked: list[str] = []
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                services.asked.append(self.path)
                status, headers, body = services.answer(urlsplit(self.path).path, self)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path: str, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if self.status:
            return self.status, {"Retry-After": "0"}, b"<html>no</html>"
        if self.redirect:
            return 302, {"Location": self.redirect}, b""
        if self.body is not None:
            return 200, {}, self.body
        if path.startswith("/arxiv"):
            if "2503.0213" in query["id_list"].split(","):
                return 400, {}, b"incorrect id format for 2503.0213"
            return (
                200,
                {},
                FEED.format("".join(ENTRY.format(id=one) for one in query["id_list"].split(","))).encode(),
            )
        if path == f"/orcid/{ORCID}/works":
            assert request.headers["Accept"] == "application/json"
            return (
                200,
                {},
                json.dumps({"group": [_work("Storks", "doi", "10.1038/nature14539"), {"odd": 1}]}).encode(),
            )
        if request.headers.get("Zotero-API-Key") not in self.keys:
            return (403 if path.startswith(("/keys", "/users")) else 404), {}, b"Invalid key"
        if path == "/keys/current":
            return 200, {}, json.dumps({"key": KEY, "userID": 475425, "username": "ada"}).encode()
        assert path == "/users/475425/items/top"
        start = int(query["start"])
        page = self.items[start : start + int(query["limit"])]
        return 200, {"Total-Results": str(len(self.items))}, json.dumps({"items": page}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _work(title: str, kind: str, value: str) -> dict[str, Any]:
    names = {"external-id": [{"external-id-type": kind, "external-id-value": value}]}
    return {"work-summary": [{"title": {"title": {"value": title}}, "external-ids": names}]}
