"""A paperround's pages in a test: a client for them, forms as browsers send them, the letters' links, all tables."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from sqlalchemy import MetaData, create_engine, text

from paperround.domain import tokens
from paperround.rounds import pipeline
from paperround.web import create
from paperround.web.page_cache import PageCacheMiddleware
from support.papers import listing
from support.site import Site

FORM = {"topic": "robots", "cadence": "daily", "at": "07:30", "timezone": "Europe/Berlin", "max_papers": "5",
        "weekday": "0", "monthday": "1", "theme": "paper", "language": "en"}  # fmt: skip
ADMIN_TOKEN = "let me in, please"
ADMIN_SITE = {"base_url": "https://papers.example.org", "sender": "a@b.example", "admin_token": ADMIN_TOKEN}
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


class Browser:
    """Asks an application without sockets, and keeps cookies; `client` is the address that it comes from."""

    def __init__(self, web: FastAPI, client: str = "203.0.113.5", base: str = "https://papers.example.org") -> None:
        self._web, self._client, self._base = web, client, base
        self.cookies = httpx.Cookies()

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """A POST."""
        return self.request("POST", path, **options)

    def post_and_follow(self, path: str, **options: Any) -> httpx.Response:
        """A POST that is answered by a redirect, and the page that it leads to."""
        redirect = self.post(path, **options)
        assert redirect.status_code == 303, redirect.text
        return self.get(redirect.headers["location"])

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request; redirects are not followed, and what breaks inside comes back as a 500."""
        return asyncio.run(self._request(method, path, options))

    async def _request(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._web, client=(self._client, 50_000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self._base, cookies=self.cookies) as client:
            response = await client.request(method, path, **options)
            self.cookies = client.cookies
            return response


class Pages:
    """A site with two topics and some papers, and a browser on it."""

    def __init__(self, folder: Path, url: str | None = None, **settings: Any) -> None:
        self.site = Site(folder, url, **settings)
        self.app = self.site.app
        for slug in ("robots", "agents"):
            self.site.topic(slug)
        self.site.papers(*(listing(n, "robots", upvotes=n) for n in range(1, 6)), listing(9, "agents"))
        self.requested_rounds = 0
        self.app.request_round = self._count_round
        self.web = create(self.app)
        self.client = Browser(self.web)

    def enter(self, browser: Browser | None = None) -> Browser:
        """A browser that has opened the address with the token that `up` prints."""
        entered = browser or Browser(self.web, "127.0.0.1", "http://localhost:8000")
        answer = entered.get(f"/preview?token={self.web.state.context.entry_token}")
        assert answer.status_code == 303
        return entered

    def operator(self) -> Browser:
        """A browser that is logged in with the admin token."""
        browser = Browser(self.web)
        assert browser.post("/admin/login", data={"token": ADMIN_TOKEN}).status_code == 303
        return browser

    def _count_round(self) -> None:
        self.requested_rounds += 1

    def subscriber(self, email: str = "ada@lovelace.example", *topics: str, **given: Any) -> int:
        """A confirmed subscriber; their number."""
        self.site.subscriber(email, *(topics or ("robots",)), **given)
        found = self.app.store.subscribers.by_email(email)
        assert found is not None
        return found.row

    def link(self, purpose: str, row: int) -> str:
        """The path that a letter to this subscriber has for this purpose."""
        letter = {"unsubscribe": "u", "preferences": "p", "digest": "i", "confirm": "c", "feedback": "f"}[purpose]
        issued = self.site.clock() if purpose == "confirm" else None
        return f"/{letter}/{tokens.mint(self.app.link_keys, purpose, row, issued=issued)}"

    def subscribe(self, email: str, client: str = "203.0.113.5", **fields: Any) -> Any:
        """Send the form as a browser at this address does, which follows where it is led."""
        browser = Browser(self.web, client)
        answer = browser.post("/subscribe", data={**FORM, "email": email, **fields})
        return browser.get(answer.headers["location"]) if answer.status_code == 303 else answer

    def letters(self) -> list[Any]:
        """Deliver what is due; the letters that went, parsed."""
        pipeline.publish(self.app)
        before = len(self.site.relay.accepted)
        pipeline.deliver(self.app)
        return [message_from_bytes(one.message, policy=policy.default) for one in self.site.relay.accepted[before:]]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        engine = create_engine(self.app.settings.database_url)
        found = MetaData()
        found.reflect(engine)
        with engine.connect() as db:
            rows = {
                name: [tuple(row) for row in db.execute(text(f'SELECT * FROM "{name}" ORDER BY 1, 2'))]
                for name, table in found.tables.items()
                if len(table.columns) > 1 and not name.startswith("paper_index_")
            }
        engine.dispose()
        return rows


def cached_pages(pages: Pages) -> Any:
    """What the page cache holds, by key."""
    layer: Any = pages.web.middleware_stack
    while not isinstance(layer, PageCacheMiddleware):
        layer = layer.__dict__.get("_app") or layer.app
    return layer.pages


def links_in(message: Any, letter: str) -> list[str]:
    """The paths under /letter/ in a letter's text."""
    body = message.get_body(("plain",)).get_content()
    return [urlsplit(found).path for found in re.findall(rf"https://[^\s>)]+/{letter}/[\w-]+", body)]
