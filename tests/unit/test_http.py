"""Http and RateLimiter: politeness, patience and bounds, in a world without sockets."""

from __future__ import annotations

import gzip
import ipaddress
import threading
import time
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround import __version__
from paperround.domain.errors import SourceError
from paperround.network.http import (
    ARXIV,
    Http,
    HttpEnvironment,
    HttpPolicy,
    HttpResponse,
    Pace,
    RateLimiter,
    redacted,
    retry_after,
    user_agent,
)
from support.answers import World, at

NOW = at("2026-11-23T06:00")


@pytest.fixture
def world() -> World:
    return World(NOW)


def test_a_request_says_who_asks_and_how_to_reach_them(world: World) -> None:
    world.put("example.org", b"hello")
    world.http(contact="ops@example.net").get("https://example.org/x", service="blog")
    assert world.requests[0].headers["user-agent"] == f"paperround/{__version__} (+ops@example.net)"
    assert user_agent("") == f"paperround/{__version__}"
    assert "\n" not in user_agent("a\r\nX-Evil: 1 (b)")


def test_what_was_remembered_is_sent_back_and_304_is_an_answer(world: World) -> None:
    stamp = "Fri, 20 Nov 2026 05:00:00 GMT"
    world.put(
        "example.org",
        httpx.Response(200, headers={"etag": '"v1"', "last-modified": stamp}, content=b"new"),
        httpx.Response(304),
    )
    http = world.http()
    first = http.get("https://example.org/feed?a=1", service="blog")
    second = http.get("https://example.org/feed?a=1", service="blog", validators=first.remember())
    assert first.remember() == {"https://example.org/feed?a=1": f'"v1"\n{stamp}'}
    assert second.unchanged
    assert world.requests[1].headers["if-none-match"] == '"v1"'
    assert world.requests[1].headers["if-modified-since"] == stamp
    assert "if-none-match" not in world.requests[0].headers


def test_a_validator_may_be_a_date_alone_or_nothing(world: World) -> None:
    world.put("dated", httpx.Response(200, headers={"last-modified": "yesterday"}), httpx.Response(304))
    world.put("bare", b"x")
    http = world.http()
    dated = http.get("https://dated.example/", service="x")
    http.get("https://dated.example/", service="x", validators=dated.remember())
    assert world.requests[1].headers["if-modified-since"] == "yesterday"
    assert "if-none-match" not in world.requests[1].headers
    assert http.get("https://bare.example/", service="x").remember() == {}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_trouble_is_tried_again(world: World, status: int) -> None:
    world.put("example.org", httpx.Response(status), httpx.Response(200, content=b"there"))
    assert world.http().get("https://example.org/", service="blog").body == b"there"
    assert world.slept == [2.0]  # the backoff, with the jitter in its middle


def test_the_wait_doubles_and_ends_in_an_error_that_says_so(world: World) -> None:
    world.put("example.org", httpx.ReadError("connection reset"))
    with pytest.raises(
        SourceError, match=r"blog: no response from https://example.org/ in 4 tries \(connection r"
    ) as error:
        world.http().get("https://example.org/", service="blog")
    assert error.value.retryable
    assert world.slept == [2.0, 4.0, 8.0]


def test_an_unreachable_host_is_not_waited_for(world: World) -> None:
    world.put("example.org", httpx.ConnectError("connection refused"))
    with pytest.raises(SourceError, match=r"in 2 tries \(connection refused"):
        world.http().get("https://example.org/", service="blog")
    assert world.slept == [1.0]


def test_a_timeout_is_named(world: World) -> None:
    world.put("example.org", httpx.ReadTimeout(""))
    with pytest.raises(SourceError, match="no response in time"):
        world.http(HttpPolicy(tries=1)).get("https://example.org/", service="blog")
    world.put("example.org", httpx.RemoteProtocolError(""))
    with pytest.raises(SourceError, match="RemoteProtocolError"):
        world.http(HttpPolicy(tries=1)).get("https://example.org/", service="blog")


def test_retry_after_is_obeyed_in_seconds_and_as_a_date(world: World) -> None:
    dated = httpx.Response(503, headers={"retry-after": "Mon, 23 Nov 2026 06:01:30 GMT"})
    world.put("example.org", httpx.Response(429, headers={"retry-after": "60"}), dated, httpx.Response(200))
    world.http().get("https://example.org/", service="blog")
    assert world.times == [0.0, 60.0, 90.0]


def test_a_rate_limit_that_is_used_up_is_waited_for(world: World) -> None:
    spent = httpx.Response(429, headers={"ratelimit": '"api";r=0;t=42'})
    left = httpx.Response(503, headers={"ratelimit": '"api";r=400;t=42'})
    world.put("example.org", spent, left, httpx.Response(200))
    world.http().get("https://example.org/", service="blog")
    assert world.times == [0.0, 42.0, 46.0]


def test_a_server_that_wants_to_be_left_alone_for_long_is_left_alone_by_everybody(world: World) -> None:
    world.put("example.org", httpx.Response(429, headers={"retry-after": "7200"}))
    http = world.http()
    for service in ("one", "two"):
        with pytest.raises(
            SourceError, match=f"{service}: example.org asks for no requests for 120 minutes"
        ) as error:
            http.get("https://example.org/", service=service)
        assert error.value.retryable
    assert len(world.requests) == 1
    assert world.slept == []


@given(st.text(max_size=40))
def test_any_retry_after_header_is_read_or_ignored(value: str) -> None:
    wait = retry_after(value, NOW)
    assert wait is None or wait >= 0


def test_retry_after_in_the_past_is_now() -> None:
    assert retry_after("Mon, 23 Nov 2026 05:00:00 -0000", NOW) == 0.0
    assert retry_after("120", NOW) == 120.0
    assert retry_after("soon", NOW) is None


def test_other_errors_are_answers_for_the_source_to_judge(world: World) -> None:
    answer = world.http().get("https://example.org/gone", service="blog")
    assert answer.status == 404
    with pytest.raises(SourceError, match="HTTP 404; check the address") as error:
        answer.expect_ok("blog")
    assert not error.value.retryable
    assert "nothing here" not in str(error.value), "the body may hold what is not for a log"


def test_arxivs_hosts_share_one_lane_of_three_seconds(world: World) -> None:
    world.put("arxiv.org", b"x")
    world.put("example.org", b"x")
    http = world.http()
    for host in ("rss.arxiv.org", "example.org", "export.arxiv.org", "oaipmh.arxiv.org", "arxiv.org"):
        http.get(f"https://{host}/", service="arxiv")
    assert world.times == [0.0, 0.0, 3.0, 6.0, 9.0]


def test_a_source_can_bring_its_own_pace(world: World) -> None:
    world.put("127.0.0.1", b"x")
    http = world.http()
    for path in "ab":
        http.get(f"http://127.0.0.1:8000/{path}", service="arxiv", pace=ARXIV)
    assert world.times == [0.0, 3.0]


def test_a_lane_holds_one_request_at_a_time_across_threads() -> None:
    limiter = RateLimiter()
    pace = Pace("shared", seconds=0.02)
    inside, most, ends = 0, 0, []

    def ask() -> None:
        nonlocal inside, most
        with limiter.turn(pace, "x"):
            inside += 1
            most = max(most, inside)
            ends.append(time.monotonic())
            inside -= 1

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert all(later - earlier >= 0.02 for earlier, later in pairwise(ends))


def test_redirects_are_followed_across_hosts_with_their_cookies(world: World) -> None:
    world.put("start.example", httpx.Response(302, headers={"location": "https://login.example/?back=1"}))
    world.put(
        "login.example",
        httpx.Response(303, headers={"location": "//start2.example/feed#part", "set-cookie": "seen=1; Path=/"}),
    )
    world.put("start2.example", httpx.Response(301, headers={"location": "https://login.example/done"}))
    world.put("login.example/done", b"unreachable, the shorter address wins")
    with pytest.raises(SourceError, match="redirects more than 5 times"):
        world.http().get("https://start.example/feed", service="nature")
    assert world.asked[:3] == [
        "https://start.example/feed",
        "https://login.example/?back=1",
        "https://start2.example/feed",
    ]
    assert world.requests[3].headers["cookie"] == "seen=1"
    assert "cookie" not in world.requests[2].headers


def test_a_cookie_does_not_outlive_its_chain_of_redirects(world: World) -> None:
    world.put("example.org", httpx.Response(200, headers={"set-cookie": "track=1"}))
    http = world.http()
    http.get("https://example.org/", service="x")
    http.get("https://example.org/", service="x")
    assert "cookie" not in world.requests[1].headers


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "javascript:alert(1)", "gopher://x/"])
def test_only_the_web_is_followed(world: World, target: str) -> None:
    world.put("example.org", httpx.Response(302, headers={"location": target}))
    with pytest.raises(SourceError, match="neither http nor https") as error:
        world.http().get("https://example.org/", service="x")
    assert not error.value.retryable


@pytest.mark.parametrize("url", ["file:///etc/passwd", "nonsense", "http://", "https://[::1", "http://\0/"])
def test_an_invalid_address_is_refused(world: World, url: str) -> None:
    with pytest.raises(SourceError) as error:
        world.http().get(url, service="x")
    assert not error.value.retryable
    assert world.requests == []


def test_an_answer_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    given: list[int] = []

    def endless(request: httpx.Request) -> httpx.Response:
        def pieces():
            while True:
                given.append(1 << 20)
                yield b"x" * (1 << 20)

        return httpx.Response(200, content=pieces())

    world.put("example.org", endless)
    with pytest.raises(SourceError, match="larger than 5 MB") as error:
        world.http().get("https://example.org/", service="x", max_bytes=5 << 20)
    assert not error.value.retryable
    assert sum(given) <= 7 << 20


def test_a_compressed_bomb_counts_unpacked(world: World) -> None:
    packed = gzip.compress(b"\0" * (8 << 20))
    world.put("example.org", lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Raw(packed)))
    with pytest.raises(SourceError, match="larger than 1 MB"):
        world.http().get("https://example.org/", service="x", max_bytes=1 << 20)


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,deflate", "br", "zstd"])
def test_codings_that_multiply_or_were_not_asked_for_are_refused(world: World, coding: str) -> None:
    world.put("example.org", lambda _: httpx.Response(200, headers={"content-encoding": coding}, stream=Raw(b"x")))
    with pytest.raises(SourceError, match=r"encoded as .*, which was not requested") as error:
        world.http().get("https://example.org/", service="x")
    assert not error.value.retryable


def test_what_is_not_coded_as_it_says_is_asked_for_again(world: World) -> None:
    world.put(
        "example.org",
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Raw(b"plain")),
        httpx.Response(200, headers={"content-encoding": "identity"}, content=b"plain"),
    )
    assert world.http().get("https://example.org/", service="x").body == b"plain"


class Raw(httpx.SyncByteStream):
    """A body as it goes over the wire."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self):
        yield self.body


def test_an_answer_that_drips_is_given_up(world: World) -> None:
    def dripping(request: httpx.Request) -> httpx.Response:
        def pieces():
            for _ in range(1000):
                world.passed += 10
                yield b"x" * (1 << 16)

        return httpx.Response(200, content=pieces())

    world.put("example.org", dripping)
    with pytest.raises(SourceError, match="not complete after 60 s") as error:
        world.http(HttpPolicy(tries=1, deadline=60)).get("https://example.org/", service="x")
    assert error.value.retryable


def test_secrets_in_an_address_are_not_shown() -> None:
    assert redacted("https://user:secret@example.org:8443/feed?token=secret#x") == "https://example.org:8443/feed"
    assert redacted("https://user:secret@example.org:http/feed") == "https://…"


# --- only public addresses ------------------------------------------------------------------------------------


def addresses(*texts: str):
    return lambda _host, _port: [ipaddress.ip_address(text) for text in texts]


def test_a_guarded_request_goes_to_the_address_that_was_checked(world: World) -> None:
    world.put("93.184.216.34", b"feed")
    http = world.http(HttpPolicy(public_only=True), resolve=addresses("93.184.216.34"))
    answer = http.get("https://blog.example:8443/feed", service="blog")
    sent = world.requests[0]
    assert str(sent.url) == "https://93.184.216.34:8443/feed"
    assert sent.headers["host"] == "blog.example:8443"
    assert sent.extensions["sni_hostname"] == "blog.example"
    assert answer.url == "https://blog.example:8443/feed"


@pytest.mark.parametrize("found", [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ()])
def test_a_name_that_leads_into_the_own_network_is_refused(world: World, found: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match=r"blog: inner\.example is not on the public internet") as error:
        world.http(resolve=addresses(*found)).get("http://inner.example/", service="blog", public_only=True)
    assert not error.value.retryable
    assert world.requests == []


def test_a_redirect_into_the_own_network_is_refused_too(world: World) -> None:
    world.put("93.184.216.34", httpx.Response(302, headers={"location": "http://169.254.169.254/latest/meta-data/"}))

    def resolve(host: str, port: int):
        return [ipaddress.ip_address("93.184.216.34" if host == "blog.example" else host)]

    with pytest.raises(SourceError, match=r"169\.254\.169\.254 is not on the public internet"):
        world.http(HttpPolicy(public_only=True), resolve=resolve).get("https://blog.example/", service="blog")
    assert len(world.requests) == 1


def test_private_addresses_are_refused_unless_they_are_named_or_written_as_addresses(world: World) -> None:
    world.put("10.0.0.7", b"inner")
    world.put("127.0.0.1:8080", b"mine", httpx.Response(302, headers={"location": "http://127.0.0.1:9090/secret"}))
    http = world.http(resolve=addresses("10.0.0.7"))
    with pytest.raises(
        SourceError, match=r"feeds\.lan is not on the public internet; if this is intended, add it to p"
    ):
        http.get("http://feeds.lan/feed", service="blog")
    for named in ("feeds.lan", "10.0.0.0/8", "10.0.0.7"):
        allowing = world.http(HttpPolicy(private_hosts=(named,)), resolve=addresses("10.0.0.7"))
        assert allowing.get("http://feeds.lan/feed", service="blog").body == b"inner"
        with pytest.raises(SourceError, match="not on the public internet"):
            allowing.get("http://10.9.9.9/", service="blog", public_only=True)
    local = world.http(resolve=lambda host, _: [ipaddress.ip_address(host)])
    assert local.get("http://127.0.0.1:8080/feed", service="blog").body == b"mine"
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 is not on the public internet"):
        local.get("http://127.0.0.1:8080/feed", service="blog")  # redirects to another port
    assert "9090" not in str(world.asked)


def test_the_next_address_of_a_host_is_tried_where_one_does_not_answer(world: World) -> None:
    world.put("2606:2800:220:1::1", httpx.ConnectError("no route"))
    world.put("93.184.216.34", b"feed")
    http = world.http(resolve=addresses("2606:2800:220:1::1", "93.184.216.34"))
    assert http.get("https://blog.example/feed", service="blog").body == b"feed"
    assert [request.headers["host"] for request in world.requests] == ["blog.example"] * 2


def test_behind_a_proxy_names_are_left_to_it(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    http = Http("", HttpPolicy(tries=1), environment=HttpEnvironment(resolve=addresses("10.0.0.7")))
    with pytest.raises(SourceError, match="no response"):  # the proxy is not there
        http.get("https://blog.example/feed", service="blog")
    with pytest.raises(SourceError, match="not on the public internet"):
        http.get("https://10.0.0.7/feed", service="blog", public_only=True)
    http.close()


def test_a_name_that_does_not_resolve_is_tried_again_and_named(world: World) -> None:
    def resolve(host: str, port: int):
        raise OSError("no such name")

    with pytest.raises(SourceError, match="does not resolve") as error:
        world.http(HttpPolicy(public_only=True, tries=2), resolve=resolve).get(
            "https://nowhere.example/", service="blog"
        )
    assert error.value.retryable


def test_numbers_that_are_addresses_in_disguise_are_resolved_before_they_are_judged() -> None:
    with (
        Http("", HttpPolicy(public_only=True, tries=1)) as http,
        pytest.raises(SourceError, match="public internet"),
    ):
        http.get("http://2130706433/", service="x")


# --- the next page --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://a.example/x?p=1>; rel="next"', "https://a.example/x?p=1"),
        ('</x?p=0>; rel="prev", </x?p=2>; rel=next', "https://a.example/x?p=2"),
        ('<https://a.example/x?p=9>; title="a"; rel="last"', None),
        ("nonsense", None),
        ("<>;;=;rel=other", None),
        ("", None),
    ],
)
def test_the_next_page_is_read_from_the_link_header(header: str, expected: str | None) -> None:
    answer = HttpResponse("https://a.example/x", "https://a.example/x", 200, httpx.Headers({"link": header}), b"")
    assert answer.next_page() == expected


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=80))
def test_any_link_header_is_read_or_refused_in_words(header: str) -> None:
    answer = HttpResponse("https://a.example/x", "https://a.example/x", 200, httpx.Headers({"link": header}), b"")
    with suppress(SourceError):
        answer.next_page()
