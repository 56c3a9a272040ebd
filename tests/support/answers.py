"""A web that exists only in a test: answers by address, a clock that sleeping moves, a memory of what was asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from paperround.network.address_guard import Resolve
from paperround.network.http import Http, HttpEnvironment, HttpPolicy, RateLimiter

DATA = Path(__file__).parent.parent / "data" / "sources"

_USUAL = HttpPolicy()
Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def sample(name: str) -> bytes:
    """A file of tests/data/sources."""
    return (DATA / name).read_bytes()


class World:
    """Answers each address with what was put there, in order; the last answer stays. What is not there is a 404."""

    def __init__(self, now: datetime) -> None:
        self.start = now
        self.passed = 0.0
        self.slept: list[float] = []
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self._replies: dict[str, list[Reply]] = {}
        self.rate_limiter = RateLimiter(monotonic=lambda: self.passed, sleep=self._sleep)

    def put(self, url: str, *replies: Reply | bytes | str) -> None:
        """From now on answer requests whose address contains this."""
        made = [httpx.Response(200, content=reply) if isinstance(reply, bytes | str) else reply for reply in replies]
        self._replies[url] = [*made]

    def http(self, policy: HttpPolicy = _USUAL, *, contact: str = "", resolve: Resolve | None = None) -> Http:
        """An Http that asks this world; its addresses are checked if names resolve."""
        environment = HttpEnvironment(
            clock=self.now,
            jitter=lambda: 0.5,
            resolve=resolve,
            transport=httpx.MockTransport(self._answer),
            guarded=resolve is not None,
        )
        return Http(contact, policy, rate_limiter=self.rate_limiter, environment=environment)

    def now(self) -> datetime:
        """The time, which only sleeping moves."""
        return self.start + timedelta(seconds=self.passed)

    @property
    def asked(self) -> list[str]:
        """The addresses that were asked for, readable."""
        return [str(request.url) for request in self.requests]

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(self.passed)
        for url, replies in self._replies.items():
            if url in str(request.url):
                return self._said(replies.pop(0) if len(replies) > 1 else replies[0], request)
        return httpx.Response(404, content=b"nothing here")

    def _said(self, reply: Reply, request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            # A response can be read once; the last one of a row is given again and again.
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
