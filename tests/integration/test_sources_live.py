"""The sources over real sockets: a server on loopback in the place of Hugging Face, arXiv, bioRxiv and a blog."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from paperround import __version__
from paperround.domain.errors import SourceError
from paperround.network.http import ARXIV, HttpEnvironment, HttpPolicy, Pace, RateLimiter
from paperround.sources import Http, Source, SourceState, Window
from paperround.sources.arxiv import Arxiv
from paperround.sources.arxiv_oai import ArxivOai
from paperround.sources.biorxiv import Biorxiv
from paperround.sources.feed import Feed
from paperround.sources.hf_daily import HfDaily
from support.paperserver import Fault, PaperServer

FRIDAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[PaperServer]:
    with PaperServer(FRIDAY).running() as running:
        yield running


class Impatient:
    """A clock for RateLimiter on which waiting takes no time, and that remembers who waited for how long."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def limiter(self) -> RateLimiter:
        return RateLimiter(monotonic=self.monotonic, sleep=self.sleep)


def _http(policy: HttpPolicy | None = None, limiter: RateLimiter | None = None, now: datetime = NOON) -> Http:
    environment = HttpEnvironment(clock=lambda: now, jitter=lambda: 0.5)
    return Http("ops@example.net", policy, rate_limiter=limiter, environment=environment)


@pytest.fixture
def clock() -> Impatient:
    return Impatient()


@pytest.fixture
def http(clock: Impatient) -> Iterator[Http]:
    with _http(HttpPolicy(timeout=5), clock.limiter()) as made:
        yield made


def window(days: int = 0, validators: dict[str, str] | None = None) -> Window:
    return Window(FRIDAY - timedelta(days=days), FRIDAY, validators or {})


def all_sources(url: str) -> list[Source]:
    return [
        HfDaily(url=url),
        Arxiv(categories=("cs.AI", "cs.LG"), feed_url=url, api_url=url, page_size=4),
        ArxivOai(sets=("cs:cs:AI",), url=url),
        Biorxiv(url=url),
        Feed(name="blog", url=f"{url}/moved.xml"),
    ]


def test_a_morning_brings_the_papers_of_every_source_and_a_second_look_brings_nothing_twice(
    server: PaperServer, http: Http
) -> None:
    fetched = {source.name: source.fetch(http, window(2)) for source in all_sources(server.url)}
    assert {name: answer.state for name, answer in fetched.items()} == dict.fromkeys(fetched, SourceState.FRESH)
    assert all(answer.parsed.problems == () for answer in fetched.values())
    counts = {name: len(answer.parsed.listings) for name, answer in fetched.items()}
    assert counts == {"hf-daily": 4 * 120, "arxiv": 6 + 7, "arxiv-oai": 12, "biorxiv": 187, "blog": 3}
    assert len({x.arxiv_id for x in fetched["hf-daily"].parsed.listings}) == 480
    assert {x.day for x in fetched["arxiv"].parsed.listings} == {date(2026, 11, 18), FRIDAY}
    assert server.requests("/")[0].headers["user-agent"] == f"paperround/{__version__} (+ops@example.net)"

    seen = len(server.asked)
    for source in all_sources(server.url)[:2]:
        answer = source.fetch(http, window(2, dict(fetched[source.name].validators)))
        assert answer.state is SourceState.UNCHANGED
        assert answer.parsed.listings == ()
    assert {asked.status for asked in server.asked[seen:]} == {304}
    assert len(server.asked[seen:]) == 4 + 1  # the first page of each day, the feed, and no API


def test_a_blog_is_unchanged_by_its_date(server: PaperServer, http: Http) -> None:
    source = Feed(name="blog", url=f"{server.url}/blog.xml")
    first = source.fetch(http, window(10))
    second = source.fetch(http, window(10, dict(first.validators)))
    assert len(first.parsed.listings) == 5
    assert second.state is SourceState.UNCHANGED
    assert server.asked[-1].headers["if-modified-since"] == "Fri, 20 Nov 2026 10:00:00 GMT"


def test_arxivs_three_roads_share_one_limit(server: PaperServer, http: Http, clock: Impatient) -> None:
    Arxiv(categories=("cs.AI",), feed_url=server.url, api_url=server.url).fetch(http, window(1))
    ArxivOai(sets=("cs:cs:AI",), url=server.url).fetch(http, window(1))
    assert [asked.path for asked in server.asked] == ["/atom/cs.AI", "/api/query", "/oai", "/oai", "/oai"]
    assert clock.slept == [3.0] * 4


def test_the_limit_holds_across_threads_and_for_two_clients_on_the_real_clock(server: PaperServer) -> None:
    limiter = RateLimiter()
    oai, feed = (_http(limiter=limiter) for _ in range(2))
    threads = [
        threading.Thread(target=lambda: oai.get(f"{server.url}/oai", service="a", pace=ARXIV)),
        threading.Thread(target=lambda: feed.get(f"{server.url}/atom/cs.AI", service="b", pace=ARXIV)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(asked.at for asked in server.asked)
    assert second - first >= 3.0
    for client in (oai, feed):
        client.close()


def test_a_host_is_asked_one_thing_at_a_time(server: PaperServer) -> None:
    pace = Pace("host", seconds=0.01)
    with _http() as http:
        threads = [
            threading.Thread(target=lambda: http.get(f"{server.url}/blog.xml", service="x", pace=pace))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 8
    assert server.most_at_once == 1
    assert all(later - earlier >= 0.01 for earlier, later in pairwise(asked.at for asked in server.asked))


def test_429_with_retry_after_is_waited_for_on_the_real_clock(server: PaperServer) -> None:
    server.fail("/blog.xml", Fault(429, {"retry-after": "1"}))
    with _http() as http:
        answer = Feed(name="blog", url=f"{server.url}/blog.xml").fetch(http, window(1))
    first, second = server.asked
    assert (first.status, second.status) == (429, 200)
    assert second.at - first.at >= 1.0
    assert answer.state is SourceState.FRESH


def test_a_503_a_cut_and_a_slow_answer_are_tried_again(server: PaperServer, clock: Impatient) -> None:
    server.fail("/details/", Fault(503), Fault(cut=True), Fault(wait=1.6))
    with _http(HttpPolicy(timeout=0.8), clock.limiter()) as http:
        answer = Biorxiv(url=server.url).fetch(http, window())
    assert len(answer.parsed.listings) == 187
    assert clock.slept[:3] == [2.0, 4.0, 8.0]
    assert len(server.asked) == 3 + 3


def test_a_server_that_always_breaks_off_is_an_error_to_try_again(server: PaperServer, http: Http) -> None:
    server.fail("/blog.xml", *[Fault(cut=True)] * 4)
    with pytest.raises(
        SourceError, match=r"blog: no response from http://127\.0\.0\.1:\d+/blog\.xml in 4 tries"
    ) as error:
        Feed(name="blog", url=f"{server.url}/blog.xml").fetch(http, window())
    assert error.value.retryable


def test_a_server_that_never_answers_is_given_up_in_time(server: PaperServer, clock: Impatient) -> None:
    server.fail("/blog.xml", *[Fault(wait=1.0)] * 2)
    started = time.monotonic()
    with (
        _http(HttpPolicy(timeout=0.2, tries=2), clock.limiter()) as http,
        pytest.raises(SourceError, match="2 tries"),
    ):
        http.get(f"{server.url}/blog.xml", service="blog")
    assert time.monotonic() - started < 5


def test_a_server_that_is_gone_is_an_error_to_try_again(http: Http) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        with pytest.raises(SourceError, match="refused") as error:
            http.get(f"http://127.0.0.1:{taken.getsockname()[1]}/", service="blog")
    assert error.value.retryable


def test_an_answer_that_is_too_large_is_refused(server: PaperServer, http: Http) -> None:
    with pytest.raises(SourceError, match="larger than 1 MB"):
        http.get(f"{server.url}/endless", service="x", max_bytes=1 << 20)


def test_a_redirect_out_of_the_web_is_not_followed(server: PaperServer, http: Http) -> None:
    with pytest.raises(SourceError, match="neither http nor https"):
        Feed(name="blog", url=f"{server.url}/away.xml").fetch(http, window())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_a_guarded_feed_cannot_reach_this_machine(server: PaperServer, http: Http, host: str) -> None:
    port = server.url.rpartition(":")[2]
    with pytest.raises(SourceError, match="not on the public internet"):
        Feed(name="blog", url=f"http://{host}:{port}/blog.xml", public_only=True).fetch(http, window())
    assert server.asked == []


def test_a_guarded_request_arrives_under_its_own_name(server: PaperServer, clock: Impatient) -> None:
    port = server.url.rpartition(":")[2]
    with _http(HttpPolicy(private_hosts=("127.0.0.0/8", "::1")), clock.limiter()) as http:
        answer = http.get(f"http://localhost:{port}/blog.xml", service="blog")
    assert answer.status == 200
    assert server.asked[0].headers["host"] == f"localhost:{port}"


def test_a_wrong_category_is_told_in_arxivs_words(server: PaperServer, http: Http) -> None:
    with pytest.raises(SourceError, match="Bad archive; check the categories") as error:
        Arxiv(categories=("cs.QQ",), feed_url=server.url, api_url=server.url).fetch(http, window())
    assert not error.value.retryable


def test_a_weekend_is_quiet_everywhere(server: PaperServer, clock: Impatient) -> None:
    server.today = date(2026, 11, 21)
    saturday = Window(server.today, server.today)
    with _http(limiter=clock.limiter(), now=NOON + timedelta(days=1)) as http:
        arxiv = Arxiv(categories=("cs.AI",), feed_url=server.url, api_url=server.url).fetch(http, saturday)
        daily = HfDaily(url=server.url, again=0).fetch(http, saturday)
    assert (arxiv.state, daily.state) == (SourceState.QUIET, SourceState.QUIET)
