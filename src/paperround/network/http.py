"""An HTTP client that identifies itself, makes conditional requests, and limits rate, time and size.

    Http.get         retries temporary failures (429, 5xx, broken connections) or raises SourceError
      _follow        follows a limited number of redirects, only to http and https
        _request     makes one request: waits for the host's turn, reads a limited body within a limited time
    RateLimiter      decides when a host may be requested again, one request at a time

Clients that request the same services share one RateLimiter: arXiv counts all requests of a site together.
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
    httpx = LazyModule("httpx")  # slow to load, and few commands make requests

_MAX_TURN = timedelta(minutes=2)  # then other programs may continue, if one was killed during a request
_MAX_BACKOFF = 86_400.0  # seconds; the longest wait that a server can impose
_REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))
_MAX_CONNECT_TRIES = 2
_CONNECT_RETRY_DELAY = 1.0  # seconds
_RETRYABLE_STATUSES = frozenset((429, 500, 502, 503, 504))
_MAX_REDIRECTS = 5  # nature.com needs three for a feed


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate limit of a service. Hosts with the same `lane` share the limit."""

    lane: str
    seconds: float = 1.0
    """Seconds from the end of one request to the start of the next."""
    backoff: float = 2.0
    """Seconds before the second attempt if the server states no time. Doubled for each further attempt."""


# https://info.arxiv.org/help/api/tou.html: one request every three seconds and one connection, for the API, OAI-PMH
# and the feeds together. A 429 there lasts for minutes, whatever the rate was before.
ARXIV = Pace("arxiv.org", seconds=3.0, backoff=20.0)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A server's response, with any status."""

    url: str
    """The requested URL, under which the validator is stored."""
    final_url: str
    """The URL after redirects."""
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def unchanged(self) -> bool:
        """Whether the server reports no change since the last response (304)."""
        return self.status == httpx.codes.NOT_MODIFIED

    @property
    def content_type(self) -> str:
        """The media type without parameters; empty if none is stated."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def validator(self) -> str:
        """ETag and Last-Modified (RFC 9110 section 8.8), each on its own line; empty if there is neither."""
        lines = (self.headers.get("etag", ""), self.headers.get("last-modified", ""))
        return "\n".join(lines) if any(lines) else ""

    def remember(self) -> dict[str, str]:
        """Return what to pass as `validators` in the next request; empty if there is no validator."""
        return {self.url: self.validator} if self.validator else {}

    def expect_ok(self, service: str) -> None:
        """Raise SourceError for any status but 200.

        The error does not quote the body, which may contain what must not appear in logs and pages.
        """
        if self.status == httpx.codes.OK:
            return
        raise SourceError(
            f"{service}: {redacted(self.final_url)} returned HTTP {self.status}; check the address",
            retryable=self.status >= httpx.codes.INTERNAL_SERVER_ERROR,
        )

    def next_page(self) -> str | None:
        """Return the absolute URL in `Link: <…>; rel="next"` (RFC 8288), or None."""
        for value in self.headers.get_list("link"):
            for link in _links(value):
                if link.get("rel") == "next":
                    return str(_url(self.final_url, None, "", link["url"]))
        return None


class Turns(Protocol):
    """Turns shared by several programs; `store.service_turns` keeps them in the database."""

    def claim(self, service: str, now: datetime, until: datetime, /) -> datetime | None:
        """Take the turn until `until`. Returns None on success, or else the time at which it becomes available."""

    def release(self, service: str, free_at: datetime, /) -> None:
        """Release the claimed turn. The next one may begin at `free_at`."""

    def postpone(self, service: str, free_at: datetime, /) -> None:
        """Let no turn begin before `free_at`. An already stored later time is kept."""


class RateLimiter:
    """Spaces requests: one request at a time in each lane, with the lane's pace between them.

    With `shared` turns this applies to all programs on one database, and a Retry-After survives a restart.
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
        """`patience` is the longest wait in seconds. `wall` is the system clock even in a replay, because requests
        are real.
        """
        self.monotonic, self._sleep, self.patience = monotonic, sleep, patience
        self._shared, self._wall = shared, wall
        self._lanes: dict[str, _Lane] = {}
        self._guard = threading.Lock()

    @contextmanager
    def turn(self, pace: Pace, service: str) -> Iterator[None]:
        """Hold the lane for one request, after waiting for it. Raises SourceError if the wait exceeds `patience`."""
        lane = self._lane(pace.lane)
        with lane.lock:
            wait = lane.free_at - self.monotonic()
            self._expect_patience(wait, pace, service)
            if wait > 0:
                self._sleep(wait)
            self._claim(pace, service)
            try:
                yield
            finally:
                lane.free_at = max(lane.free_at, self.monotonic() + pace.seconds)
                if self._shared:
                    self._shared.release(pace.lane, self._wall() + timedelta(seconds=pace.seconds))

    def _claim(self, pace: Pace, service: str) -> None:
        """Wait for the turn that all programs share. A claimed turn that is never released expires."""
        began = self.monotonic()
        while self._shared:
            now = self._wall()
            free_at = self._shared.claim(pace.lane, now, now + _MAX_TURN)
            if free_at is None:
                return
            wait = (free_at - now).total_seconds()
            self._expect_patience(max(wait, self.monotonic() - began), pace, service)
            self._sleep(min(wait, max(pace.seconds, 1.0)))  # the holder may release it earlier

    def _expect_patience(self, wait: float, pace: Pace, service: str) -> None:
        if wait > self.patience:
            raise SourceError(
                f"{service}: {pace.lane} asks for no requests for {wait / 60:.0f} minutes; "
                "it is requested again later",
                retryable=True,
            )

    def back_off(self, pace: Pace, seconds: float) -> None:
        """Allow no request in the lane for this many seconds, in any program."""
        lane = self._lane(pace.lane)
        lane.free_at = max(lane.free_at, self.monotonic() + seconds)
        if self._shared:
            self._shared.postpone(pace.lane, self._wall() + timedelta(seconds=min(seconds, _MAX_BACKOFF)))

    def _lane(self, name: str) -> _Lane:
        with self._guard:
            return self._lanes.setdefault(name, _Lane())


@dataclass(slots=True)
class _Lane:
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How often a client tries, how long it waits, in seconds, and what it may request."""

    tries: int = 4
    timeout: float = 30.0
    """Limits each wait for the network."""
    deadline: float = 300.0
    """Limits the time of a whole response."""
    max_bytes: int = 64 << 20
    public_only: bool = False
    """Refuse an address or `localhost` in the private network even if `get` names it."""
    private_hosts: tuple[str, ...] = ()
    """Other names that resolve to a loopback, private or link-local address are refused, also in redirects."""
    compressed: bool = True
    """Request gzip."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class HttpEnvironment:
    """What a client takes from the system; tests replace it."""

    clock: Callable[[], datetime] = _now
    jitter: Callable[[], float] = random.random
    """Returns numbers from 0 to 1."""
    resolve: Resolve | None = None
    """Resolves names; by default as the system does."""
    transport: httpx.BaseTransport | None = None
    """Makes the requests; by default over the network."""
    guarded: bool = True
    """Check addresses; False in tests in which names do not resolve."""


class Http:
    """An HTTP client; safe to share between threads."""

    def __init__(
        self,
        contact: str = "",
        policy: HttpPolicy | None = None,
        *,
        rate_limiter: RateLimiter | None = None,
        environment: HttpEnvironment | None = None,
    ) -> None:
        """Create a client. `contact` is an email address or URL for the User-Agent.

        Without a `rate_limiter`, the client limits only its own requests.
        """
        self._policy = policy = policy or HttpPolicy()
        environment = environment or HttpEnvironment()
        self.now, self._jitter, self._guarded = environment.clock, environment.jitter, environment.guarded
        self._rate_limiter = rate_limiter or RateLimiter()
        self._guard = AddressGuard(policy.private_hosts, environment.resolve)
        self._proxied = bool(getproxies()) and environment.transport is None
        codings = "gzip, deflate" if policy.compressed else "identity"
        self._client = httpx.Client(
            headers={"user-agent": user_agent(contact), "accept": "*/*", "accept-encoding": codings},
            timeout=policy.timeout,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # see _follow
            transport=environment.transport,
        )

    def get(
        self,
        url: str,
        *,
        service: str,
        params: Mapping[str, str | int] | None = None,
        validators: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        max_bytes: int | None = None,
        public_only: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Return the response, with any status, after retrying temporary failures.

        `service` is the name of the source or service, for error messages. `validators` has the `validator` of
        earlier responses by URL. `headers` are sent only to the named host and not to redirect targets, because they
        may contain a key. Raises SourceError(retryable=True) if the server cannot be reached now, and
        SourceError(retryable=False) if the request is refused: a response that is too large, a forbidden address or a
        URL that is not http.
        """
        target = _url(url, params, service)
        named = is_literal(target.host) and not (public_only or self._policy.public_only)
        request = _Request(
            service,
            pace,
            max_bytes or self._policy.max_bytes,
            public_only,
            allowed=_host_and_port(target) if named else None,
            headers=headers or {},
            headers_for=str(target.netloc),
        )
        return self._with_retries(request, target, _conditions((validators or {}).get(str(target), "")))

    def _with_retries(self, request: _Request, target: httpx.URL, conditions: Mapping[str, str]) -> HttpResponse:
        """Send a request until its response is final, or the tries are used up."""
        attempt, tries, reason = 0, self._policy.tries, ""
        while attempt < tries:
            attempt += 1
            try:
                response = self._follow(request, target, conditions)
            except httpx.ConnectError as error:
                # No request reached a server, so there is no need to back off, and a machine without a network should
                # fail quickly.
                reason, wait, tries = _describe(error), _CONNECT_RETRY_DELAY, min(tries, _MAX_CONNECT_TRIES)
            except httpx.InvalidURL as error:  # httpx parses a redirect's URL even if it does not follow it
                what = f"{redacted(target)} redirects to an address that is neither http nor https ({error})"
                raise SourceError(f"{request.service}: {what}", retryable=False) from None
            except httpx.RequestError as error:
                reason, wait = _describe(error), self._backoff(request, target, attempt)
            else:
                if response.status not in _RETRYABLE_STATUSES:
                    return response
                stated = asked_to_wait(response.headers, self.now())
                wait = self._backoff(request, target, attempt) if stated is None else stated
                reason = f"HTTP {response.status}"
            self._rate_limiter.back_off(request.pace_at(target), wait)
        raise SourceError(
            f"{request.service}: no response from {redacted(target)} in {attempt} tries ({reason}); "
            "it is requested again later",
            retryable=True,
        )

    def close(self) -> None:
        """Close the connections."""
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

    def _follow(self, request: _Request, url: httpx.URL, conditions: Mapping[str, str]) -> HttpResponse:
        address = str(url)
        # Keep cookies during one chain of redirects, because publishers' login hosts set one and require it.
        cookies = httpx.Cookies()
        for _ in range(_MAX_REDIRECTS + 1):
            response, body = self._request(request, url, conditions, cookies)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECT_STATUSES or not location:
                return HttpResponse(address, str(url), response.status_code, response.headers, body)
            url = _url(str(url), None, request.service, location)
        raise SourceError(
            f"{request.service}: {redacted(address)} redirects more than {_MAX_REDIRECTS} times; check the address",
            retryable=False,
        )

    def _request(
        self, request: _Request, url: httpx.URL, conditions: Mapping[str, str], cookies: httpx.Cookies
    ) -> tuple[httpx.Response, bytes]:
        # Send the host name in the Host header and in TLS, although the connection is made to an address.
        outgoing = self._client.build_request(
            "GET",
            url,
            headers={**conditions, **request.headers_at(url)},
            extensions={"sni_hostname": url.host} if url.scheme == "https" else {},
        )
        cookies.set_cookie_header(outgoing)
        with self._rate_limiter.turn(request.pace_at(url), request.service):
            response = self._send(request, outgoing, url)
            try:
                body = self._read(response, request, url)
            finally:
                response.close()
        cookies.extract_cookies(response)
        return response, body

    def _read(self, response: httpx.Response, request: _Request, url: httpx.URL) -> bytes:
        """Return the decompressed body. It is read in pieces, so that neither a bomb nor an endless response fills
        memory.
        """
        deadline = self._rate_limiter.monotonic() + self._policy.deadline
        coding = _coding(response.headers, request.service, url)
        pieces: list[bytes] = []
        try:
            for piece in unpacked(cast("Iterable[bytes]", response.stream), coding, request.max_bytes):
                if self._rate_limiter.monotonic() > deadline:
                    raise httpx.ReadTimeout(
                        f"not complete after {self._policy.deadline:.0f} s", request=response.request
                    )
                pieces.append(piece)
        except TooLargeError:
            raise SourceError(
                f"{request.service}: the response of {redacted(url)} is larger than {request.max_bytes >> 20} MB; "
                "check the address",
                retryable=False,
            ) from None
        except zlib.error as error:
            raise httpx.DecodingError(f"it is not {coding} ({error})", request=response.request) from None
        return b"".join(pieces)

    def _send(self, request: _Request, outgoing: httpx.Request, url: httpx.URL) -> httpx.Response:
        """Return the response, with its body unread, from the first of the host's addresses that accepts a
        connection.
        """
        candidates = self._candidates(request, url)
        for number, candidate in enumerate(candidates, 1):
            outgoing.url = candidate
            try:
                return self._client.send(outgoing, stream=True)
            except httpx.ConnectError:
                if number == len(candidates):
                    raise
        raise AssertionError("a host has at least one address")

    def _candidates(self, request: _Request, url: httpx.URL) -> list[httpx.URL]:
        """Return the URL, or a URL for each address of its host, so that the connection is made to a checked
        address.
        """
        host, port = _host_and_port(url)
        if not self._guarded or (host, port) == request.allowed:
            return [url]
        if self._proxied and not is_literal(host):  # the proxy resolves the name and is responsible for it
            return [url]
        try:
            addresses = self._guard.addresses(host, port, request.service, strictly=request.public_only)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"the name does not resolve ({error})") from None
        return [url.copy_with(host=str(address)) for address in addresses]


@dataclass(frozen=True, slots=True)
class _Request:
    service: str
    pace: Pace | None
    max_bytes: int
    public_only: bool
    allowed: tuple[str, int] | None
    """Host and port in the private network that the requested URL names explicitly."""
    headers: Mapping[str, str]
    """Header fields that may contain a key."""
    headers_for: str
    """The host and port to which they may be sent."""

    def headers_at(self, url: httpx.URL) -> Mapping[str, str]:
        return self.headers if str(url.netloc) == self.headers_for else {}

    def pace_at(self, url: httpx.URL) -> Pace:
        if self.pace:
            return self.pace
        return ARXIV if f".{url.host}".endswith(".arxiv.org") else Pace(url.host)


def user_agent(contact: str) -> str:
    """Return the User-Agent (RFC 9110 section 10.1.5). arXiv and others block clients that do not identify
    themselves.
    """
    contact = "".join(c for c in contact if c.isascii() and c.isprintable() and c not in "()\\")
    return f"paperround/{__version__} (+{contact})" if contact else f"paperround/{__version__}"


def asked_to_wait(headers: httpx.Headers, now: datetime) -> float | None:
    """Return the seconds to wait that a server states in Retry-After or in an exhausted RateLimit, or None."""
    wait = retry_after(headers.get("retry-after", ""), now)
    # huggingface.co sends only `RateLimit: "api";r=0;t=123` (draft-ietf-httpapi-ratelimit-headers).
    reset = re.search(r"\br=0\b.*\bt=(\d{1,9})", headers.get("ratelimit", ""))
    return float(reset[1]) if wait is None and reset else wait


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), or None if it is
    invalid.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())


def _coding(headers: httpx.Headers, service: str, url: httpx.URL) -> str:
    """Return the coding of the body, or an empty string.

    Raises SourceError for more than one coding, which would multiply the expansion, and for one that was not
    requested.
    """
    named = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    codings = [name for name in named if name not in ("", "identity")]
    if len(codings) > 1 or not set(codings) <= set(CODINGS):
        raise SourceError(
            f"{service}: the response of {redacted(url)} is encoded as {', '.join(codings)[:80]}, "
            "which was not requested",
            retryable=False,
        )
    return codings[0] if codings else ""


def redacted(url: httpx.URL | str) -> str:
    """Return a URL for messages and logs, without user name, password and query, which may contain secrets.

    Of a URL that cannot be parsed, only the scheme is returned.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, UnicodeError):
        return f"{str(url).partition('://')[0][:10]}://…"
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{host}{port}{parsed.path}"


def _url(url: str, params: Mapping[str, str | int] | None, service: str, location: str | None = None) -> httpx.URL:
    try:
        target = httpx.URL(url)
        target = target.join(location) if location else target
        target = target.copy_merge_params(params) if params else target
    except (httpx.InvalidURL, UnicodeError) as error:
        raise SourceError(
            f"{service}: {(location or url)[:200]!r} is not a web address ({error})", retryable=False
        ) from None
    if target.scheme not in ("http", "https") or not target.host:
        raise SourceError(f"{service}: {str(target)[:200]} is neither http nor https", retryable=False)
    return target.copy_with(fragment=None)


def _host_and_port(url: httpx.URL) -> tuple[str, int]:
    return url.host, url.port or (443 if url.scheme == "https" else 80)


def _conditions(validator: str) -> dict[str, str]:
    etag, _, modified = validator.partition("\n")
    headers = {"if-none-match": etag, "if-modified-since": modified}
    return {name: value for name, value in headers.items() if value}


def _describe(error: httpx.RequestError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return str(error) or "no response in time"
    return str(error) or type(error).__name__


def _links(value: str) -> list[dict[str, str]]:
    links = []
    for part in value.split("<")[1:]:
        url, _, rest = part.partition(">")
        pairs = (pair.partition("=") for pair in rest.split(";"))
        attributes = {name.strip().lower(): given.strip(' ",') for name, _, given in pairs if name.strip()}
        links.append({**attributes, "url": url})
    return links
