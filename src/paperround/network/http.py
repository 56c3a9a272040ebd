"""Asking servers politely: own name, conditional requests, one request at a time a host, bounded in every direction.

Http.get      turns that fail for now (429, 5xx, connections that break) into another try or a SourceError
  _follow     redirects, a bounded number and only to http and https
    _once     one request: waits for the host's turn, reads a bounded body within a bounded time
Spacing       when each host may be asked again; shared by all threads and all Https of the process
"""

from __future__ import annotations

import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, cast
from urllib.request import getproxies

from paperround import __version__
from paperround.domain.errors import SourceError
from paperround.network.address_guard import AddressGuard, Resolve, is_literal
from paperround.network.compression import CODINGS, TooLargeError, unpacked
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import httpx
else:
    httpx = LazyModule("httpx")  # it brings a command line of its own, and few commands ask anybody

_LONGEST_TURN = timedelta(minutes=2)  # another program may go on then, if one was killed amid a request
_LONGEST_REST = 86_400.0  # seconds; no server may keep itself from being asked for ever
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_CONNECT_TRIES = 2
_CONNECT_AGAIN = 1.0  # seconds
_PASSING = frozenset((429, 500, 502, 503, 504))
_MAX_REDIRECTS = 5  # nature.com needs three for a feed


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one service may be asked: hosts that share a `lane` share the limit."""

    lane: str
    seconds: float = 1.0
    """From the end of one request to the start of the next."""
    backoff: float = 2.0
    """Seconds before the second try, where the server names no time; doubled for each further one."""


# https://info.arxiv.org/help/api/tou.html: one request in three seconds and one connection, over the API, OAI-PMH and
# the feeds together. A 429 there lasts for minutes, whatever the rate was before.
ARXIV = Pace("arxiv.org", seconds=3.0, backoff=20.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer, whatever its status."""

    url: str
    """As asked; the key under which its validator is kept."""
    final_url: str
    """Where the redirects ended."""
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def unchanged(self) -> bool:
        """Whether the server says that the last answer still holds."""
        return self.status == httpx.codes.NOT_MODIFIED

    @property
    def content_type(self) -> str:
        """The media type without parameters, empty where none is stated."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def validator(self) -> str:
        """ETag and Last-Modified (RFC 9110 8.8) as one string, each on its line; empty where there is neither."""
        lines = (self.headers.get("etag", ""), self.headers.get("last-modified", ""))
        return "\n".join(lines) if any(lines) else ""

    def remember(self) -> dict[str, str]:
        """What to hand back as `validators` next time."""
        return {self.url: self.validator} if self.validator else {}

    def expect_ok(self, asker: str) -> None:
        """SourceError for any status but 200; without the body, which may hold what is not for logs and pages."""
        if self.status == httpx.codes.OK:
            return
        raise SourceError(
            f"{asker}: {shown(self.final_url)} answers HTTP {self.status}; is the address right?",
            again=self.status >= httpx.codes.INTERNAL_SERVER_ERROR,
        )

    def next_page(self) -> str | None:
        """The address in `Link: <…>; rel="next"` (RFC 8288), absolute."""
        for value in self.headers.get_list("link"):
            for link in _links(value):
                if link.get("rel") == "next":
                    return str(_url(self.final_url, None, "", link["url"]))
        return None


class Turns(Protocol):
    """Turns that several programs share: store.turns has them in the database."""

    def claim(self, service: str, now: datetime, until: datetime, /) -> datetime | None:
        """Take the turn until a moment; None when it is ours, else the moment from which on it can be had."""

    def release(self, service: str, free_at: datetime, /) -> None:
        """Give back the turn that was claimed: the next one may begin at this moment."""

    def postpone(self, service: str, free_at: datetime, /) -> None:
        """Let nobody ask before this moment, and before one that was said earlier."""


class Spacing:
    """Turns at hosts: one request at a time in each lane, with its pace between them.

    With `shared` turns that holds for all programs on one database, and a Retry-After outlives a restart.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 300.0,
        shared: Turns | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`wall` is the machine's own clock, whatever moment a replay pretends: servers are asked now."""
        self.monotonic, self._sleep, self.patience = monotonic, sleep, patience
        self._shared, self._wall = shared, wall
        self._lanes: dict[str, _Lane] = {}
        self._guard = threading.Lock()

    @contextmanager
    def turn(self, pace: Pace, asker: str) -> Iterator[None]:
        """Hold the lane for one request; SourceError when the server wants to be left alone for too long."""
        lane = self._lane(pace.lane)
        with lane.lock:
            wait = lane.free_at - self.monotonic()
            self._expect_patience(wait, pace, asker)
            if wait > 0:
                self._sleep(wait)
            self._claim(pace, asker)
            try:
                yield
            finally:
                lane.free_at = max(lane.free_at, self.monotonic() + pace.seconds)
                if self._shared:
                    self._shared.release(pace.lane, self._wall() + timedelta(seconds=pace.seconds))

    def _claim(self, pace: Pace, asker: str) -> None:
        """Wait for the turn that all programs share; one that was claimed and not given back ends by itself."""
        began = self.monotonic()
        while self._shared:
            now = self._wall()
            free_at = self._shared.claim(pace.lane, now, now + _LONGEST_TURN)
            if free_at is None:
                return
            wait = (free_at - now).total_seconds()
            self._expect_patience(max(wait, self.monotonic() - began), pace, asker)
            self._sleep(min(wait, max(pace.seconds, 1.0)))  # whoever has it may be done sooner

    def _expect_patience(self, wait: float, pace: Pace, asker: str) -> None:
        if wait > self.patience:
            raise SourceError(
                f"{asker}: {pace.lane} wants no request for {wait / 60:.0f} minutes; it is asked again later",
                again=True,
            )

    def rest(self, pace: Pace, seconds: float) -> None:
        """Leave the lane alone for so long, everybody."""
        lane = self._lane(pace.lane)
        lane.free_at = max(lane.free_at, self.monotonic() + seconds)
        if self._shared:
            self._shared.postpone(pace.lane, self._wall() + timedelta(seconds=min(seconds, _LONGEST_REST)))

    def _lane(self, name: str) -> _Lane:
        with self._guard:
            return self._lanes.setdefault(name, _Lane())


@dataclass(slots=True)
class _Lane:
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = float("-inf")


EVERYWHERE = Spacing()
"""The process's own; arXiv counts all of a site's requests together, so nothing but a test makes another."""


class Http:
    """Asks servers; safe to share among threads."""

    def __init__(
        self,
        contact: str = "",
        *,
        tries: int = 4,
        timeout: float = 30.0,
        deadline: float = 300.0,
        max_bytes: int = 64 << 20,
        public_only: bool = False,
        private_hosts: Iterable[str] = (),
        compressed: bool = True,
        guarded: bool = True,
        spacing: Spacing = EVERYWHERE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        resolve: Resolve | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`contact` is a mail or web address that stands in the User-Agent; times are in seconds.

        `timeout` bounds each wait for the network, `deadline` one whole answer. A name that leads to a loopback,
        private or link-local address is refused, and so is a redirect there, but for `private_hosts`; an address or
        `localhost` that `get` is given as such is meant, but for `public_only`. `compressed` asks for gzip.
        `jitter` gives numbers from 0 to 1. The others stand in for the world in tests, where `guarded` may be off
        because names resolve to nothing.
        """
        self.now = clock
        self._tries, self._deadline, self._max_bytes = tries, deadline, max_bytes
        self._public_only, self._spacing, self._jitter = public_only, spacing, jitter
        self._guard, self._guarded = AddressGuard(private_hosts, resolve), guarded
        self._proxied = bool(getproxies()) and transport is None
        codings = "gzip, deflate" if compressed else "identity"
        self._client = httpx.Client(
            headers={"user-agent": user_agent(contact), "accept": "*/*", "accept-encoding": codings},
            timeout=timeout,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # see _follow
            transport=transport,
        )

    def get(
        self,
        url: str,
        *,
        asker: str,
        params: Mapping[str, str | int] | None = None,
        validators: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        max_bytes: int | None = None,
        public_only: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, of whatever status, after as many tries as it is worth.

        `asker` is the source's name, for error messages. `validators` holds what earlier answers gave as
        `HttpAnswer.validator`, by URL. `headers` go to the host that is named and to no other that it redirects to,
        for one of them may be a key. Raises SourceError(again=True) when the server cannot be reached now,
        (again=False) when the request itself is refused here: too large, a forbidden address, no http.
        """
        target = _url(url, params, asker)
        own = (target.host, target.port or (443 if target.scheme == "https" else 80))
        meant = own if is_literal(target.host) and not (public_only or self._public_only) else None
        secret = (str(target.netloc), headers or {})
        request = _Request(asker, pace, max_bytes or self._max_bytes, public_only, meant, secret)
        conditions = _conditions((validators or {}).get(str(target), ""))
        attempt, most, reason = 0, self._tries, ""
        while attempt < most:
            attempt += 1
            try:
                answer = self._follow(request, target, conditions)
            except httpx.ConnectError as error:
                # Nobody is there to be spared, and a machine without a network should say so at once.
                reason, wait, most = _what_broke(error), _CONNECT_AGAIN, min(most, _CONNECT_TRIES)
            except (
                httpx.InvalidURL
            ) as error:  # httpx reads a redirect's address itself, also where it does not follow
                message = f"{asker}: {shown(target)} redirects to what is neither http nor https ({error})"
                raise SourceError(message, again=False) from None
            except httpx.RequestError as error:
                reason, wait = _what_broke(error), self._backoff(request, target, attempt)
            else:
                if answer.status not in _PASSING:
                    return answer
                asked_for = asked_to_wait(answer.headers, self.now())
                wait = self._backoff(request, target, attempt) if asked_for is None else asked_for
                reason = f"HTTP {answer.status}"
            self._spacing.rest(request.pace_at(target), wait)
        raise SourceError(
            f"{asker}: no answer from {shown(target)} in {attempt} tries ({reason}); it is asked again later",
            again=True,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _backoff(self, request: _Request, url: httpx.URL, attempt: int) -> float:
        doubled = float(1 << (attempt - 1))
        return request.pace_at(url).backoff * doubled * (0.5 + self._jitter())

    def _follow(self, request: _Request, url: httpx.URL, conditions: Mapping[str, str]) -> Answer:
        asked = str(url)
        # Cookies live as long as one chain of redirects: publishers' login hosts set one and look for it.
        cookies = httpx.Cookies()
        for _ in range(_MAX_REDIRECTS + 1):
            response, body = self._once(request, url, conditions, cookies)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not location:
                return Answer(asked, str(url), response.status_code, response.headers, body)
            url = _url(str(url), None, request.asker, location)
        raise SourceError(
            f"{request.asker}: {shown(asked)} redirects more than {_MAX_REDIRECTS} times; is the address right?",
            again=False,
        )

    def _once(
        self, request: _Request, url: httpx.URL, conditions: Mapping[str, str], cookies: httpx.Cookies
    ) -> tuple[httpx.Response, bytes]:
        # The name stays in Host and in TLS when the connection goes to one of its addresses.
        outgoing = self._client.build_request(
            "GET",
            url,
            headers={**conditions, **request.headers_at(url)},
            extensions={"sni_hostname": url.host} if url.scheme == "https" else {},
        )
        cookies.set_cookie_header(outgoing)
        with self._spacing.turn(request.pace_at(url), request.asker):
            response = self._send(request, outgoing, url)
            try:
                body = self._read(response, request, url)
            finally:
                response.close()
        cookies.extract_cookies(response)
        return response, body

    def _read(self, response: httpx.Response, request: _Request, url: httpx.URL) -> bytes:
        """The unpacked body; it is read in pieces, so that neither a bomb nor an endless answer fills memory."""
        deadline = self._spacing.monotonic() + self._deadline
        coding = _coding(response.headers, request.asker, url)
        pieces: list[bytes] = []
        try:
            for piece in unpacked(cast("Iterable[bytes]", response.stream), coding, request.max_bytes):
                if self._spacing.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"not complete after {self._deadline:.0f} s", request=response.request)
                pieces.append(piece)
        except TooLargeError:
            raise SourceError(
                f"{request.asker}: the answer of {shown(url)} is larger than {request.max_bytes >> 20} MB; "
                "is it the right address?",
                again=False,
            ) from None
        except zlib.error as error:
            raise httpx.DecodingError(f"it is not {coding} ({error})", request=response.request) from None
        return b"".join(pieces)

    def _send(self, request: _Request, outgoing: httpx.Request, url: httpx.URL) -> httpx.Response:
        """The beginning of the answer, from the first of the host's addresses that can be connected to."""
        places = self._places(request, url)
        for number, place in enumerate(places, 1):
            outgoing.url = place
            try:
                return self._client.send(outgoing, stream=True)
            except httpx.ConnectError:
                if number == len(places):
                    raise
        raise AssertionError("a host has at least one address")

    def _places(self, request: _Request, url: httpx.URL) -> list[httpx.URL]:
        """The URL, or several with the host's addresses in it: what was judged is what is connected to."""
        port = url.port or (443 if url.scheme == "https" else 80)
        if not self._guarded or (url.host, port) == request.own:
            return [url]
        if self._proxied and not is_literal(url.host):  # the proxy finds the address, and answers for it
            return [url]
        try:
            found = self._guard.addresses(url.host, port, request.asker, strictly=request.public_only)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"the name does not resolve ({error})") from None
        return [url.copy_with(host=str(address)) for address in found]


@dataclass(frozen=True, slots=True)
class _Request:
    asker: str
    pace: Pace | None
    max_bytes: int
    public_only: bool
    own: tuple[str, int] | None = None
    """Host and port of the own network that the address names as such."""
    headers: tuple[str, Mapping[str, str]] = ("", {})
    """Header fields, and the host and port that they are for."""

    def headers_at(self, url: httpx.URL) -> Mapping[str, str]:
        return self.headers[1] if str(url.netloc) == self.headers[0] else {}

    def pace_at(self, url: httpx.URL) -> Pace:
        if self.pace:
            return self.pace
        return ARXIV if f".{url.host}".endswith(".arxiv.org") else Pace(url.host)


def user_agent(contact: str) -> str:
    """How paperround names itself; arXiv and others block clients that do not (RFC 9110 10.1.5)."""
    contact = "".join(c for c in contact if c.isascii() and c.isprintable() and c not in "()\\")
    return f"paperround/{__version__} (+{contact})" if contact else f"paperround/{__version__}"


def asked_to_wait(headers: httpx.Headers, now: datetime) -> float | None:
    """The seconds that a server asks for, in Retry-After or where its RateLimit is empty; None without a wish."""
    wait = retry_after(headers.get("retry-after", ""), now)
    # huggingface.co says only `RateLimit: "api";r=0;t=123` (draft-ietf-httpapi-ratelimit-headers).
    reset = re.search(r"\br=0\b.*\bt=(\d{1,9})", headers.get("ratelimit", ""))
    return float(reset[1]) if wait is None and reset else wait


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds or a date); None without one."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())


def _coding(headers: httpx.Headers, asker: str, url: httpx.URL) -> str:
    """The one coding of the body; SourceError for several, which multiply, and for one that nobody asked for."""
    named = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    codings = [name for name in named if name not in ("", "identity")]
    if len(codings) > 1 or not set(codings) <= set(CODINGS):
        raise SourceError(
            f"{asker}: the answer of {shown(url)} is coded as {', '.join(codings)[:80]}, which was not asked for",
            again=False,
        )
    return codings[0] if codings else ""


def shown(url: httpx.URL | str) -> str:
    """An address for people and logs: without user name, password and query, which may hold secrets."""
    url = httpx.URL(url) if isinstance(url, str) else url
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"


def _url(url: str, params: Mapping[str, str | int] | None, asker: str, location: str | None = None) -> httpx.URL:
    try:
        target = httpx.URL(url)
        target = target.join(location) if location else target
        target = target.copy_merge_params(params) if params else target
    except (httpx.InvalidURL, UnicodeError) as error:
        raise SourceError(
            f"{asker}: {(location or url)[:200]!r} is not a web address ({error})", again=False
        ) from None
    if target.scheme not in ("http", "https") or not target.host:
        raise SourceError(f"{asker}: {str(target)[:200]} is neither http nor https", again=False)
    return target.copy_with(fragment=None)


def _conditions(validator: str) -> dict[str, str]:
    etag, _, modified = validator.partition("\n")
    headers = {"if-none-match": etag, "if-modified-since": modified}
    return {name: value for name, value in headers.items() if value}


def _what_broke(error: httpx.RequestError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return str(error) or "no answer in time"
    return str(error) or type(error).__name__


def _links(value: str) -> list[dict[str, str]]:
    links = []
    for part in value.split("<")[1:]:
        url, _, rest = part.partition(">")
        pairs = (pair.partition("=") for pair in rest.split(";"))
        attributes = {name.strip().lower(): given.strip(' ",') for name, _, given in pairs if name.strip()}
        links.append({**attributes, "url": url})
    return links
