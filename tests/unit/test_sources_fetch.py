"""What sources ask for, what they remember, and when they call their answer fresh, quiet, unchanged or stale."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from paperround.domain.errors import SourceError
from paperround.network.http import HttpPolicy
from paperround.sources import Source, SourceState, Window
from paperround.sources.arxiv import Arxiv
from paperround.sources.arxiv_oai import ArxivOai
from paperround.sources.base import FetchResult
from paperround.sources.biorxiv import Biorxiv
from paperround.sources.feed import Feed
from paperround.sources.hf_daily import HfDaily
from paperround.sources.jsonl import Jsonl
from paperround.sources.page import Page
from support.answers import World, at, sample

FRIDAY = at("2026-11-20T12:00")  # 07:00 in New York


def window(until: datetime, days: int = 0, validators: dict[str, str] | None = None) -> Window:
    return Window(until.date() - timedelta(days=days), until.date(), validators or {})


def again(source: Source, world: World, before: FetchResult, days: int = 0) -> FetchResult:
    """The next fetch, with what the last one wanted remembered."""
    return source.fetch(world.http(), window(world.now(), days, dict(before.validators)))


# --- Hugging Face Daily Papers --------------------------------------------------------------------------------


def daily(day: str, count: int, first: int = 0) -> bytes:
    papers = [
        {
            "paper": {
                "id": f"2611.{first + n:05}",
                "title": f"Paper {first + n} of {day}",
                "submittedOnDailyAt": f"{day}T00:00:00.000Z",
            }
        }
        for n in range(count)
    ]
    return json.dumps(papers).encode()


@pytest.fixture
def hugging() -> World:
    """Hugging Face in a normal week: 25 papers on each of three days, the fourth is today."""
    world = World(FRIDAY)
    for number, day in enumerate(("2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20")):
        body = daily(day, 25, 100 * number)
        world.put(f"date={day}", httpx.Response(200, headers={"etag": f'"{day}"'}, content=body))
    return world


def test_the_last_days_are_asked_again_because_votes_grow(hugging: World) -> None:
    fetched = HfDaily(name="hf").fetch(hugging.http(), window(FRIDAY))
    assert [url.partition("date=")[2][:10] for url in hugging.asked] == [
        "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20",
    ]  # fmt: skip
    assert (fetched.state, fetched.note) == (SourceState.FRESH, "")
    assert len(fetched.parsed.listings) == 100
    assert {(x.source, x.kind) for x in fetched.parsed.listings} == {("hf", "hf-daily")}
    assert fetched.parsed.day == date(2026, 11, 20)


def test_a_day_that_did_not_change_is_not_sent_again(hugging: World) -> None:
    source = HfDaily()
    first = source.fetch(hugging.http(), window(FRIDAY))
    hugging.put("date=2026-11-17", httpx.Response(304))
    second = again(source, hugging, first)
    assert hugging.requests[4].headers["if-none-match"] == '"2026-11-17"'
    assert second.state is SourceState.FRESH
    assert second.validators == first.validators
    for day in ("18", "19", "20"):
        hugging.put(f"date=2026-11-{day}", httpx.Response(304))
    third = again(source, hugging, second)
    assert third.state is SourceState.UNCHANGED
    assert third.validators == first.validators


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b"[]", "2026-11-20 has no paper so far, weekdays have 23 to 30; requested again next time"),
        (daily("2026-11-20", 1), "2026-11-20 has only 1 so far, weekdays have 23 to 30; requested again next time"),
        (daily("2026-11-19", 25), "asked for 2026-11-20, Hugging Face gave the list of 2026-11-19"),
    ],
)
def test_a_weekday_that_is_empty_half_filled_or_yesterdays_is_stale(hugging: World, body: bytes, note: str) -> None:
    hugging.put("date=2026-11-20", httpx.Response(200, headers={"etag": '"x"'}, content=body))
    source = HfDaily()
    fetched = source.fetch(hugging.http(), window(FRIDAY))
    assert (fetched.state, fetched.note) == (SourceState.STALE, note)
    assert len(fetched.parsed.listings) >= 75  # what is there is not held back
    again(source, hugging, fetched)
    assert "if-none-match" not in hugging.requests[-1].headers  # or a 304 would call the half day good
    assert "if-none-match" in hugging.requests[-2].headers


def test_an_empty_weekend_is_quiet() -> None:
    world = World(at("2026-11-22T12:00"))
    world.put("date=", b"[]")
    fetched = HfDaily(again=1).fetch(world.http(), window(world.now()))
    assert fetched.state is SourceState.QUIET
    assert fetched.note == "Sunday, 2026-11-22: Daily Papers has no weekend issues"


def test_a_saturday_without_papers_is_quiet_also_when_the_days_before_had_some(hugging: World) -> None:
    hugging.passed += 86400
    hugging.put("date=2026-11-21", b"[]")
    fetched = HfDaily().fetch(hugging.http(), window(hugging.now()))
    assert (fetched.state, fetched.note) == (
        SourceState.QUIET, "Saturday, 2026-11-21: Daily Papers has no weekend issues",
    )  # fmt: skip
    assert len(fetched.parsed.listings) == 75


@pytest.mark.parametrize("status", [400, 404])
def test_a_day_that_the_api_does_not_know_yet_is_not_there_yet(hugging: World, status: int) -> None:
    hugging.put("date=2026-11-20", httpx.Response(status, json={"error": "date is in the future"}))
    fetched = HfDaily().fetch(hugging.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert "no paper so far" in fetched.note
    assert fetched.parsed.problems == ()


def test_a_day_to_come_is_never_asked_for(hugging: World) -> None:
    HfDaily().fetch(hugging.http(), Window(date(2026, 11, 20), date(2026, 11, 22)))
    assert "date=2026-11-20" in hugging.asked[-1]


def test_an_older_day_that_fails_is_a_problem_and_the_others_are_kept(hugging: World) -> None:
    hugging.put("date=2026-11-18", httpx.Response(400, json={"error": "Bad date"}))
    fetched = HfDaily().fetch(hugging.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert len(fetched.parsed.listings) == 75
    (problem,) = fetched.parsed.problems
    assert problem.where == "2026-11-18"
    assert "HTTP 400 (Bad date); check the address; the API may have changed" in problem.what


def test_a_service_in_trouble_is_asked_for_no_further_days(hugging: World) -> None:
    hugging.put("date=2026-11-18", httpx.Response(503))
    fetched = HfDaily().fetch(hugging.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert [problem.where for problem in fetched.parsed.problems] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert sum("2026-11-19" in url for url in hugging.asked) == 0


def test_a_service_that_is_not_there_is_an_error() -> None:
    world = World(FRIDAY)
    world.put("huggingface.co", httpx.ConnectError("no route"))
    with pytest.raises(SourceError, match=r"hf-daily: no response from https://huggingface\.co/.*no route") as error:
        HfDaily().fetch(world.http(), window(FRIDAY))
    assert error.value.retryable
    world.put("huggingface.co", httpx.Response(403, content=b"<html>Forbidden</html>"))
    with pytest.raises(SourceError, match=r"HTTP 403 \(no reason given\)"):
        HfDaily().fetch(world.http(), window(FRIDAY))


def test_all_pages_of_a_day_are_read() -> None:
    world = World(FRIDAY)
    link = '<https://huggingface.co/api/daily_papers?date=2026-11-20&limit=100&p={}>; rel="next"'
    world.put("p=2", httpx.Response(200, headers={"link": link.format(3)}, content=b"[]"))
    world.put("p=1", httpx.Response(200, headers={"link": link.format(2)}, content=daily("2026-11-20", 50, 100)))
    world.put("limit=100", httpx.Response(200, headers={"link": link.format(1)}, content=daily("2026-11-20", 100)))
    fetched = HfDaily(again=0).fetch(world.http(), window(FRIDAY))
    assert len(fetched.parsed.listings) == 150
    assert len(world.asked) == 3


def test_a_day_whose_pages_never_end_is_left(hugging: World) -> None:
    link = '<https://huggingface.co/api/daily_papers?date=2026-11-20&limit=100&p=1>; rel="next"'
    hugging.put("date=2026-11-20", httpx.Response(200, headers={"link": link}, content=daily("2026-11-20", 100)))
    HfDaily(again=0).fetch(hugging.http(), window(FRIDAY))
    assert len(hugging.asked) == 20


def test_a_day_that_came_half_is_stale_and_asked_again(hugging: World) -> None:
    body = daily("2026-11-20", 25)
    hugging.put("date=2026-11-20", httpx.Response(200, headers={"etag": '"cut"'}, content=body[: len(body) // 2]))
    fetched = HfDaily().fetch(hugging.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert fetched.note == "2026-11-20 could not be read completely; requested again next time"
    assert len(fetched.validators) == 3


# --- arXiv ----------------------------------------------------------------------------------------------------

HTML = {"content-type": "text/html"}
ATOM = "http://www.w3.org/2005/Atom"


def feed_of(day: str, *ids: str, types: str = "new") -> bytes:
    entries = "".join(
        f"<entry><id>oai:arXiv.org:{i}v1</id><title>Paper {i}</title><summary>arXiv:{i}v1 Announce Type: {types} \n"
        f"Abstract: About {i}.</summary><published>{day}T00:00:00-05:00</published></entry>"
        for i in ids
    )
    return f'<feed xmlns="{ATOM}"><updated>{day}T05:00:19.8+00:00</updated>{entries}</feed>'.encode()


def api_page(total: int, *papers: tuple[str, str]) -> bytes:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{i}v1</id><title>Paper {i}</title><summary>About {i}.</summary>"
        f"<published>{moment}Z</published></entry>"
        for i, moment in papers
    )
    total_results = f'<o:totalResults xmlns:o="http://a9.com/-/spec/opensearch/1.1/">{total}</o:totalResults>'
    return f'<feed xmlns="{ATOM}"><updated>2026-11-20T02:00:00Z</updated>{total_results}{entries}</feed>'.encode()


@pytest.fixture
def arxiv() -> World:
    world = World(FRIDAY)
    body = feed_of("2026-11-20", "2611.00001", "2611.00002")
    world.put("rss.arxiv.org", httpx.Response(200, headers={"etag": '"fri"'}, content=body))
    world.put("export.arxiv.org", api_page(0))
    return world


SOURCE = Arxiv(name="cs", categories=("cs.AI", "cs.LG"))


def test_the_announcement_of_the_day_is_fresh(arxiv: World) -> None:
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert arxiv.asked == ["https://rss.arxiv.org/atom/cs.AI+cs.LG"]
    assert (fetched.state, fetched.parsed.day) == (SourceState.FRESH, date(2026, 11, 20))
    assert [(x.arxiv_id, x.source, x.kind) for x in fetched.parsed.listings] == [
        ("2611.00001", "cs", "arxiv"), ("2611.00002", "cs", "arxiv"),
    ]  # fmt: skip


def joined_feed(built: str, *announced: tuple[str, str, str]) -> bytes:
    """A feed of entries (identifier, day, categories)."""
    entries = "".join(
        f"<entry><id>oai:arXiv.org:{i}v1</id><title>Paper {i}</title><published>{day}T00:00:00-05:00</published>"
        + "".join(f'<category term="{name}"/>' for name in categories.split())
        + "</entry>"
        for i, day, categories in announced
    )
    return f'<feed xmlns="{ATOM}"><updated>{built}T05:00:19.8+00:00</updated>{entries}</feed>'.encode()


THURSDAYS = [("2611.00001", "2026-11-19", "cs.AI"), ("2611.00002", "2026-11-19", "cs.LG cs.AI")]
FRIDAYS = [("2611.00003", "2026-11-20", "cs.AI"), ("2611.00004", "2026-11-20", "cs.LG cs.AI")]


def api_paper(identifier: str, moment: str, category: str) -> bytes:
    page = api_page(1, (identifier, moment)).decode()
    return page.replace("</entry>", f'<category term="{category}"/></entry>').encode()


def test_a_category_that_is_a_day_behind_in_a_joined_feed_is_asked_for_at_the_api(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-19", *THURSDAYS))
    thursday = SOURCE.fetch(arxiv.http(), Window(date(2026, 11, 19), date(2026, 11, 19)))
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-20", THURSDAYS[0], FRIDAYS[1]))
    arxiv.put("export.arxiv.org", api_paper("2611.00003", "2026-11-19T12:00:00", "cs.AI"))
    friday = again(SOURCE, arxiv, thursday)
    assert (friday.state, friday.note) == (SourceState.FRESH, "")
    assert [x.arxiv_id for x in friday.parsed.listings] == ["2611.00001", "2611.00004", "2611.00003"]
    query = arxiv.requests[-1].url.params["search_query"]
    assert query == "(cat:cs.AI) AND submittedDate:[202611181900 TO 202611191900]"
    asked = len(arxiv.asked)
    assert again(SOURCE, arxiv, friday).state is SourceState.FRESH
    assert len(arxiv.asked) == asked + 1, "only the feed: the batch was taken"


def test_a_category_that_the_api_does_not_have_either_is_stale_and_asked_for_again(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-20", THURSDAYS[0], *FRIDAYS[1:]))
    friday = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert friday.state is SourceState.STALE
    assert friday.note == "cs.AI: 2026-11-20 is due, but the feed has an earlier day; requested again"
    arxiv.put("rss.arxiv.org", httpx.Response(304))
    arxiv.put("export.arxiv.org", api_paper("2611.00003", "2026-11-19T12:00:00", "cs.AI"))
    later = again(SOURCE, arxiv, friday)
    assert (later.state, [x.arxiv_id for x in later.parsed.listings]) == (SourceState.FRESH, ["2611.00003"])
    assert again(SOURCE, arxiv, later).state is SourceState.UNCHANGED


def test_a_feed_of_known_papers_under_a_new_date_is_stale(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-19", *THURSDAYS))
    thursday = SOURCE.fetch(arxiv.http(), Window(date(2026, 11, 19), date(2026, 11, 19)))
    anew = [(paper, "2026-11-20", categories) for paper, _, categories in THURSDAYS]
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-20", *anew))
    friday = again(SOURCE, arxiv, thursday)
    assert friday.state is SourceState.STALE
    assert friday.note == "the feed is of 2026-11-19, that of 2026-11-20 is due; it is requested again next time"


def test_a_category_without_papers_of_its_own_is_not_behind(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", joined_feed("2026-11-20", FRIDAYS[1]))
    assert SOURCE.fetch(arxiv.http(), window(FRIDAY)).state is SourceState.FRESH
    whole = Arxiv(name="cs", categories=("cs",))
    assert whole.fetch(arxiv.http(), window(FRIDAY)).state is SourceState.FRESH


def test_an_announcement_that_was_fetched_is_unchanged_and_not_asked_for_at_the_api(arxiv: World) -> None:
    first = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    arxiv.put("rss.arxiv.org", httpx.Response(304))
    second = again(SOURCE, arxiv, first)
    assert arxiv.requests[-1].headers["if-none-match"] == '"fri"'
    assert second.state is SourceState.UNCHANGED
    assert second.parsed.day == date(2026, 11, 20)
    assert second.validators == first.validators
    assert len(arxiv.asked) == 2


def test_yesterdays_batch_on_a_day_of_announcement_is_stale(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", feed_of("2026-11-19", "2611.00001"))
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert fetched.note == "the feed is of 2026-11-19, that of 2026-11-20 is due; it is requested again next time"
    assert len(fetched.parsed.listings) == 1


def test_an_unchanged_feed_is_stale_too_when_a_new_one_is_due(arxiv: World) -> None:
    first = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    arxiv.passed += 3 * 86400  # Monday
    arxiv.put("rss.arxiv.org", httpx.Response(304))
    second = again(SOURCE, arxiv, first)
    assert second.state is SourceState.STALE
    assert "that of 2026-11-23 is due" in second.note


def test_early_in_the_utc_day_yesterdays_feed_is_still_todays_in_new_york(arxiv: World) -> None:
    arxiv.passed += 14 * 3600  # Saturday 02:00 UTC, Friday 21:00 Eastern
    assert SOURCE.fetch(arxiv.http(), window(arxiv.now())).state is SourceState.FRESH


@pytest.mark.parametrize(
    ("now", "day", "note"),
    [
        ("2026-11-21T12:00", "2026-11-21", "Saturday, 2026-11-21: no announcement is due"),
        ("2026-11-27T12:00", "2026-11-27", "Friday, 2026-11-27: no announcement is due"),  # after Thanksgiving
        ("2026-11-24T12:00", "2026-11-24", "Tuesday, 2026-11-24: neither feed nor API has papers"),
    ],
)
def test_an_empty_feed_of_the_day_is_quiet(arxiv: World, now: str, day: str, note: str) -> None:
    world = World(at(now))
    world.put("rss.arxiv.org", feed_of(day))
    world.put("export.arxiv.org", api_page(0))
    fetched = SOURCE.fetch(world.http(), window(world.now()))
    assert (fetched.state, fetched.note) == (SourceState.QUIET, note)
    assert fetched.parsed.day == date.fromisoformat(day)


def test_an_empty_feed_on_a_day_of_announcement_is_filled_from_the_api(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", feed_of("2026-11-20"))
    arxiv.put("export.arxiv.org", api_page(1, ("2611.00009", "2026-11-19T10:00:00")))
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert fetched.state is SourceState.FRESH
    assert fetched.note == "the feed has nothing new, the papers are from the API"
    assert [x.arxiv_id for x in fetched.parsed.listings] == ["2611.00009"]


def test_days_that_were_missed_come_from_the_api_by_time_of_submission(arxiv: World) -> None:
    arxiv.put(
        "export.arxiv.org",
        api_page(3, ("2611.00010", "2026-11-17T18:00:00"), ("2611.00011", "2026-11-18T18:00:00")),
        api_page(3, ("2611.00012", "2026-11-13T10:00:00")),  # of an earlier batch than was asked for
    )
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY, days=2))
    query = arxiv.requests[1].url.params
    assert query["search_query"] == ("(cat:cs.AI OR cat:cs.LG) AND submittedDate:[202611161900 TO 202611181900]")
    assert (query["sortBy"], query["sortOrder"], query["start"]) == ("submittedDate", "ascending", "0")
    assert arxiv.requests[2].url.params["start"] == "2"
    assert [(x.arxiv_id, x.day) for x in fetched.parsed.listings[2:]] == [
        ("2611.00010", date(2026, 11, 18)),
        ("2611.00011", date(2026, 11, 19)),
    ]
    assert fetched.state is SourceState.FRESH
    assert [later - earlier for earlier, later in zip(arxiv.times, arxiv.times[1:], strict=False)] == [3.0, 3.0]
    second = again(SOURCE, arxiv, fetched, days=2)
    assert second.state is SourceState.FRESH
    assert len(arxiv.asked) == 4  # the feed alone: those days are taken


def test_a_holiday_that_the_operator_adds_moves_the_batches(arxiv: World) -> None:
    arxiv.put("export.arxiv.org", api_page(1, ("2611.00010", "2026-11-17T18:00:00")))
    source = Arxiv(categories=("cs.AI",), holidays=(date(2026, 11, 17),))  # no announcement on Tuesday evening
    fetched = source.fetch(arxiv.http(), window(FRIDAY, days=2))
    assert "[202611161900 TO 202611181900]" in arxiv.requests[1].url.params["search_query"]
    assert fetched.parsed.listings[-1].day == date(2026, 11, 19)


def test_a_whole_archive_is_searched_with_all_its_categories(arxiv: World) -> None:
    Arxiv(categories=("cs", "hep-th")).fetch(arxiv.http(), window(FRIDAY, days=1))
    assert "(cat:cs* OR cat:hep-th*)" in arxiv.requests[1].url.params["search_query"]


def test_long_gaps_are_asked_for_week_by_week(arxiv: World) -> None:
    SOURCE.fetch(arxiv.http(), window(FRIDAY, days=20))
    assert len(arxiv.asked) == 1 + 3


def test_without_backfill_the_api_is_left_alone(arxiv: World) -> None:
    Arxiv(categories=("cs.AI",), backfill=False).fetch(arxiv.http(), window(FRIDAY, days=10))
    assert len(arxiv.asked) == 1


def test_a_backfill_that_fails_is_told_and_tried_again_next_time(arxiv: World) -> None:
    arxiv.put("export.arxiv.org", httpx.Response(429))
    first = SOURCE.fetch(arxiv.http(HttpPolicy(tries=2)), window(FRIDAY, days=1))
    assert first.state is SourceState.STALE
    assert first.note.startswith("missed days (2026-11-19) could not be fetched; cs: no response from https://export")
    assert len(first.parsed.listings) == 2
    arxiv.put("export.arxiv.org", api_page(1, ("2611.00020", "2026-11-18T10:00:00")))
    second = again(SOURCE, arxiv, first, days=1)
    assert second.parsed.listings[-1].day == date(2026, 11, 19)
    assert second.state is SourceState.FRESH


def test_an_empty_page_in_between_is_asked_for_again(arxiv: World) -> None:
    full = api_page(1, ("2611.00020", "2026-11-18T10:00:00"))
    arxiv.put("export.arxiv.org", api_page(1), api_page(1), full)
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY, days=1))
    assert len(fetched.parsed.listings) == 3
    arxiv.put("export.arxiv.org", api_page(1))
    assert "page 1 stays empty, 0 of 1 came" in SOURCE.fetch(arxiv.http(), window(FRIDAY, days=1)).note


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (httpx.Response(200, headers=HTML), "page 1 is not Atom (got text/html); the service may be down"),
        (httpx.Response(200, content=api_page(2, ("2611.2", "2026-11-18"))[:-30]), "page 1 is truncated"),
        (httpx.Response(400, content=sample("arxiv_api_error.xml")), "incorrect id format for nonsense"),
        (httpx.Response(403, content=b"no"), "HTTP 403; check the address"),
    ],
)  # fmt: skip
def test_errors_of_the_api_are_reported(arxiv: World, reply: httpx.Response, words: str) -> None:
    arxiv.put("export.arxiv.org", reply)
    assert words in SOURCE.fetch(arxiv.http(), window(FRIDAY, days=1)).note


def test_a_feed_that_is_cut_off_is_stale_and_asked_for_whole_next_time(arxiv: World) -> None:
    body = feed_of("2026-11-20", "2611.00001", "2611.00002")
    arxiv.put("rss.arxiv.org", httpx.Response(200, headers={"etag": '"cut"'}, content=body[:-60]))
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY, days=3))
    assert fetched.state is SourceState.STALE
    assert len(fetched.parsed.listings) == 1
    assert not any(key.startswith("http") for key in fetched.validators)


def test_a_wrong_category_is_an_error_in_arxivs_words(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", httpx.Response(400, content=sample("arxiv_daily_bad_category.atom.xml")))
    with pytest.raises(SourceError, match=r"cs: the feed is an error: Bad archive 'cs\.QQ'") as error:
        SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert not error.value.retryable
    arxiv.put("rss.arxiv.org", httpx.Response(404))
    with pytest.raises(SourceError, match="HTTP 404"):
        SOURCE.fetch(arxiv.http(), window(FRIDAY))


def test_replaced_papers_come_only_where_they_are_wanted(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", feed_of("2026-11-20", "2611.00001", types="replace"))
    assert SOURCE.fetch(arxiv.http(), window(FRIDAY)).parsed.listings == ()
    wanting = Arxiv(categories=("cs.AI",), announce=("new", "replace"))
    assert len(wanting.fetch(arxiv.http(), window(FRIDAY)).parsed.listings) == 1


@pytest.mark.slow
def test_a_feed_at_its_limit_says_that_papers_are_missing(arxiv: World) -> None:
    arxiv.put("rss.arxiv.org", feed_of("2026-11-20", *(f"2611.{n:05}" for n in range(2000))))
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY))
    assert fetched.state is SourceState.FRESH
    assert "2,000 entries" in fetched.note


def test_what_was_remembered_wrongly_does_no_harm(arxiv: World) -> None:
    broken = {"feed day": "soon", "batches taken": "x 2026-11-19 ,", "other": "1"}
    fetched = SOURCE.fetch(arxiv.http(), window(FRIDAY, days=1, validators=broken))
    assert fetched.state is SourceState.FRESH
    assert fetched.validators["batches taken cs.AI"] == "2026-11-19 2026-11-20"


# --- arXiv by OAI-PMH -----------------------------------------------------------------------------------------


def record(number: int, stamp: str, submitted: str, month: str = "2611") -> str:
    return (
        f"<record><header><identifier>oai:arXiv.org:{month}.{number:05}</identifier><datestamp>{stamp}</datestamp></header>"
        f"<metadata><arXivRaw><version version='v1'><date>{submitted}</date></version><title>Paper {number}</title>"
        "<authors>A. Ito</authors><categories>cs.AI</categories></arXivRaw></metadata></record>"
    )


def harvest(*records: str, token: str = "") -> bytes:
    inside = f"<ListRecords>{''.join(records)}<resumptionToken>{token}</resumptionToken></ListRecords>"
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inside}</OAI-PMH>'.encode()


OAI = ArxivOai(sets=("cs:cs:AI",))
NEW = "Wed, 18 Nov 2026 10:00:00 GMT"


def test_a_harvest_follows_its_tokens_and_keeps_new_papers_only() -> None:
    world = World(FRIDAY)
    world.put(
        "oaipmh.arxiv.org",
        harvest(record(1, "2026-11-19", NEW), token="verb%3DListRecords%26skip%3D3500"),
        harvest(record(2, "2026-11-20", NEW), record(3, "2026-11-20", "Mon, 02 Mar 2026 10:00:00 GMT", "2603")),
    )
    fetched = OAI.fetch(world.http(), window(FRIDAY, days=1))
    first, second = (request.url.params for request in world.requests)
    assert dict(first) == {
        "verb": "ListRecords",
        "metadataPrefix": "arXivRaw",
        "set": "cs:cs:AI",
        "from": "2026-11-18",
    }
    assert dict(second) == {"verb": "ListRecords", "resumptionToken": "verb%3DListRecords%26skip%3D3500"}
    assert [(x.title, x.source, x.kind) for x in fetched.parsed.listings] == [
        ("Paper 1", "arxiv-oai", "arxiv"), ("Paper 2", "arxiv-oai", "arxiv"),
    ]  # fmt: skip
    assert fetched.state is SourceState.FRESH


@pytest.mark.parametrize(
    ("month", "submitted", "is_new"),
    [
        ("2611", "Sun, 20 Sep 2026 10:00:00 GMT", True),  # held by moderation for two months
        ("2611", "Mon, 04 May 2026 10:00:00 GMT", True),
        ("2611", "no date", True),
        ("2610", "Thu, 01 Oct 2026 10:00:00 GMT", False),
        ("2610", "Mon, 21 Sep 2026 10:00:00 GMT", False),
        ("2610", "no date", False),
        ("2609", "Wed, 18 Nov 2026 10:00:00 GMT", False),  # the date of a later version
    ],
)
def test_a_paper_is_new_in_the_month_of_its_identifier_however_long_it_was_held(
    month: str, submitted: str, is_new: bool
) -> None:
    world = World(FRIDAY)
    world.put("oaipmh", harvest(record(1, "2026-11-20", submitted, month)))
    assert len(OAI.fetch(world.http(), window(FRIDAY)).parsed.listings) == is_new


def test_a_harvest_without_yesterdays_update_is_stale_and_one_with_nothing_new_is_quiet() -> None:
    world = World(FRIDAY)
    world.put("oaipmh", harvest(record(1, "2026-11-17", NEW)))
    fetched = OAI.fetch(world.http(), window(FRIDAY, days=5))
    assert (fetched.state, fetched.note) == (SourceState.STALE, "nothing newer than 2026-11-17; 2026-11-20 is due")
    world.put("oaipmh", harvest(record(3, "2026-11-20", "Mon, 02 Mar 2026 10:00:00 GMT", "2603")))
    fetched = OAI.fetch(world.http(), window(FRIDAY, days=5))
    assert (fetched.state, fetched.note) == (SourceState.QUIET, "no new papers in cs:cs:AI since 2026-11-15")
    world.put("oaipmh", harvest(record(1, "2026-11-20", NEW))[:-20])
    assert OAI.fetch(world.http(), window(FRIDAY, days=5)).state is SourceState.STALE


def test_a_harvest_that_goes_round_in_circles_ends() -> None:
    world = World(FRIDAY)
    world.put("oaipmh", harvest(token="again"))
    with pytest.raises(SourceError, match="does not end after 200 pages"):
        OAI.fetch(world.http(), window(FRIDAY))


def test_a_harvest_page_that_is_something_else_is_named() -> None:
    world = World(FRIDAY)
    world.put("oaipmh", harvest(token="t"), httpx.Response(200, headers=HTML, content=b"<html>"))
    with pytest.raises(
        SourceError, match=r"arxiv-oai: page 2 is not OAI-PMH \(got text/html\); the service may be down"
    ):
        OAI.fetch(world.http(), window(FRIDAY))


# --- feeds ----------------------------------------------------------------------------------------------------


def blog(*entries: tuple[str, str]) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://blog.example/{title}</link>"
        f"{f'<pubDate>{day}</pubDate>' if day else ''}</item>"
        for title, day in entries
    )
    return f"<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>".encode()


BLOG = Feed(name="blog", url="https://blog.example/feed.xml")
OLD, RECENT, TODAY = "Mon, 02 Mar 2026 10:00:00 GMT", "Thu, 19 Nov 2026 10:00:00 GMT", "Fri, 20 Nov 2026 10:00:00 GMT"


def titles(fetched: FetchResult) -> list[tuple[str, str]]:
    return [(listing.title, f"{listing.day:%m-%d}") for listing in fetched.parsed.listings]


def test_a_new_feeds_old_stock_is_not_mailed_and_later_entries_are_not_missed() -> None:
    world = World(FRIDAY)
    world.put("blog.example", blog(("recent", RECENT), ("old", OLD)))
    first = BLOG.fetch(world.http(), window(FRIDAY, days=2))
    assert titles(first) == [("recent", "11-19")]
    assert [(x.title, x.source) for x in first.unmailed] == [("old", "blog")]
    assert first.note == "seen for the first time: 1 earlier entries are shown on the pages and not mailed"
    assert {(x.source, x.kind) for x in first.parsed.listings} == {("blog", "feed")}
    # "late" is dated before the window, and appears only now.
    world.put("blog.example", blog(("today", TODAY), ("late", OLD), ("recent", RECENT), ("old", OLD)))
    second = again(BLOG, world, first)
    assert titles(second) == [("today", "11-20"), ("late", "03-02")]
    assert second.unmailed == ()
    third = again(BLOG, world, second)
    assert titles(third) == [("today", "11-20")]


def test_the_complete_entries_of_a_truncated_new_feed_are_all_kept() -> None:
    world = World(FRIDAY)
    whole = blog(("recent", RECENT), ("old", OLD), ("cut off", TODAY))
    world.put("blog.example", whole[: whole.index(b"cut off")])
    first = BLOG.fetch(world.http(), window(FRIDAY, days=2))
    assert (first.state, titles(first)) == (SourceState.STALE, [("recent", "11-19")])
    assert [listing.title for listing in first.unmailed] == ["old"]
    world.put("blog.example", whole)
    second = again(BLOG, world, first, days=2)
    assert titles(second) == [("recent", "11-19"), ("cut off", "11-20")]
    assert [listing.title for listing in second.unmailed] == ["old"], "it was not listed completely before"


def test_an_entry_without_a_date_keeps_the_day_on_which_it_was_first_seen() -> None:
    world = World(FRIDAY)
    world.put("blog.example", blog(("undated", "")))
    first = BLOG.fetch(world.http(), window(FRIDAY))
    assert titles(first) == [], "nobody knows whether it is recent"
    assert [(x.title, f"{x.day:%m-%d}") for x in first.unmailed] == [("undated", "11-20")]
    world.passed += 86400
    world.put("blog.example", blog(("newer", ""), ("undated", "")))
    second = again(BLOG, world, first, days=1)
    assert titles(second) == [("newer", "11-21"), ("undated", "11-20")]
    world.passed += 86400
    third = again(BLOG, world, second)
    assert titles(third) == []
    assert (third.state, third.note) == (SourceState.QUIET, "nothing new")


def test_entries_that_an_older_version_remembered_by_their_links_are_known() -> None:
    world = World(FRIDAY)
    remembered = hashlib.sha256(b"https://blog.example/old").hexdigest()[:12]
    before = Window(FRIDAY.date(), FRIDAY.date(), {"seen": f"{remembered}:2026-03-02"})
    world.put("blog.example", blog(("old", OLD)).replace(b"</item>", b"<guid>7</guid></item>"))
    assert titles(BLOG.fetch(world.http(), before)) == []


def test_a_feed_is_unchanged_empty_or_cut() -> None:
    world = World(FRIDAY)
    full = httpx.Response(200, headers={"etag": '"1"'}, content=blog(("today", TODAY)))
    world.put("blog.example", full, httpx.Response(304))
    first = BLOG.fetch(world.http(), window(FRIDAY))
    assert first.state is SourceState.FRESH
    second = again(BLOG, world, first)
    assert second.state is SourceState.UNCHANGED
    assert second.validators == first.validators
    world.put("blog.example", blog())
    empty = again(BLOG, world, second)
    assert (empty.state, empty.note) == (SourceState.QUIET, "the feed has no entries")
    world.put(
        "blog.example", httpx.Response(200, headers={"etag": '"2"'}, content=blog(("a", TODAY), ("b", TODAY))[:-50])
    )
    cut = again(BLOG, world, second)
    assert cut.state is SourceState.STALE
    assert titles(cut) == [("a", "11-20")]
    assert cut.validators == second.validators


def test_what_comes_after_an_empty_response_is_new() -> None:
    world = World(FRIDAY)
    world.put("blog.example", blog(("old", OLD)))
    first = BLOG.fetch(world.http(), window(FRIDAY))
    world.put("blog.example", blog())
    empty = again(BLOG, world, first)
    world.put("blog.example", blog(("undated", ""), ("late", OLD), ("old", OLD)))
    after = again(BLOG, world, empty)
    assert titles(after) == [("undated", "11-20"), ("late", "03-02")]
    assert after.unmailed == ()


def test_a_feed_that_moved_or_went_is_an_error_with_a_remedy() -> None:
    world = World(FRIDAY)
    with pytest.raises(
        SourceError, match=r"blog: https://blog\.example/feed\.xml returned HTTP 404; check the address"
    ):
        BLOG.fetch(world.http(), window(FRIDAY))
    page = b'<html><link type="application/atom+xml" href="/atom.xml" rel="alternate"></html>'
    world.put("blog.example", page)
    with pytest.raises(SourceError, match=r"the page names its feed: https://blog\.example/atom\.xml"):
        BLOG.fetch(world.http(), window(FRIDAY))


def test_a_feed_may_be_kept_to_the_public_internet() -> None:
    world = World(FRIDAY)
    inner = Feed(name="inner", url="http://inner.example/feed", public_only=True)
    http = world.http(resolve=lambda _host, _port: [__import__("ipaddress").ip_address("10.0.0.7")])
    with pytest.raises(SourceError, match="not on the public internet"):
        inner.fetch(http, window(FRIDAY))


def test_the_charset_of_the_answer_counts() -> None:
    world = World(FRIDAY)
    body = blog(("Größe", TODAY)).decode().encode("latin-1")
    world.put(
        "blog.example", httpx.Response(200, headers={"content-type": "text/xml; charset=ISO-8859-1"}, content=body)
    )
    assert titles(BLOG.fetch(world.http(), window(FRIDAY))) == [("Größe", "11-20")]


# --- bioRxiv --------------------------------------------------------------------------------------------------


def preprints(total: object, *rows: tuple[str, str, str]) -> bytes:
    collection = [
        {"title": title, "doi": f"10.1101/{title}", "date": "2026-11-19", "version": version, "category": category}
        for title, version, category in rows
    ]
    return json.dumps({"messages": [{"status": "ok", "total": total}], "collection": collection}).encode()


def test_preprints_come_page_by_page_up_to_the_total() -> None:
    world = World(FRIDAY)
    world.put("/0/json", preprints("3", ("One", "1", "neuroscience"), ("Two", "2", "neuroscience")))
    world.put("/2/json", preprints("3", ("Three", "1", "cell biology")))
    fetched = Biorxiv(name="bio").fetch(world.http(), window(FRIDAY, days=1))
    assert world.asked[0] == "https://api.biorxiv.org/details/biorxiv/2026-11-19/2026-11-20/0/json"
    assert [(x.title, x.source) for x in fetched.parsed.listings] == [("One", "bio"), ("Three", "bio")]
    assert fetched.state is SourceState.FRESH
    chosen = Biorxiv(server="medrxiv", categories=("Cell_Biology",)).fetch(world.http(), window(FRIDAY, days=1))
    assert [x.title for x in chosen.parsed.listings] == ["Three"]
    assert "/details/medrxiv/" in world.asked[-1]


def test_preprints_are_quiet_or_cut() -> None:
    world = World(FRIDAY)
    world.put("biorxiv.org", b'{"messages": [{"status": "no posts found"}], "collection": []}')
    fetched = Biorxiv().fetch(world.http(), window(FRIDAY))
    assert (fetched.state, fetched.note) == (SourceState.QUIET, "nothing new from 2026-11-20 to 2026-11-20")
    world = World(FRIDAY)
    world.put("/0/json", preprints("3", ("One", "1", "x")))
    world.put("/1/json", preprints("3"))
    assert Biorxiv().fetch(world.http(), window(FRIDAY)).state is SourceState.STALE
    world.put("/0/json", preprints("2", ("One", "1", "x"), ("Two", "1", "x"))[:-30])
    cut = Biorxiv().fetch(world.http(), window(FRIDAY))
    assert cut.state is SourceState.STALE
    assert [x.title for x in cut.parsed.listings] == ["One"]


def test_preprints_without_a_day_of_the_past_are_not_asked_for() -> None:
    world = World(FRIDAY)
    world.put("biorxiv.org", preprints("0"))
    Biorxiv().fetch(world.http(), Window(date(2026, 11, 22), date(2026, 11, 23)))
    assert world.asked == ["https://api.biorxiv.org/details/biorxiv/2026-11-20/2026-11-20/0/json"]


@pytest.mark.slow
def test_preprints_end_somewhere() -> None:
    world = World(FRIDAY)
    world.put("biorxiv.org", preprints("1000000", ("One", "1", "x")))
    fetched = Biorxiv().fetch(world.http(), window(FRIDAY))
    assert fetched.state is SourceState.STALE
    assert len(world.asked) == 500


# --- files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: Page(name="mine", path=path), "page.txt"),
        (lambda path: Jsonl(name="mine", path=path), "export.jsonl"),
    ],
)
def test_a_file_is_read_when_it_has_changed(tmp_path: Path, make: Callable[[Path], Source], name: str) -> None:
    world = World(at("2026-11-23T06:00"))
    path = tmp_path / name
    source = make(path)
    with pytest.raises(SourceError, match=r"mine: .* cannot be read \(No such file"):
        source.fetch(world.http(), window(world.now()))
    path.write_bytes(sample(name))
    first = source.fetch(world.http(), window(world.now()))
    assert first.state is SourceState.FRESH
    assert len(first.parsed.listings) in (3, 6)
    assert again(source, world, first).state is SourceState.UNCHANGED
    os.utime(path, ns=(1, 1))
    assert again(source, world, first).state is SourceState.FRESH


def test_a_saved_page_is_listed_under_its_configured_name(tmp_path: Path) -> None:
    world = World(at("2026-11-23T06:00"))
    (tmp_path / "page.txt").write_bytes(sample("page.txt"))
    fetched = Page(name="mine", path=tmp_path / "page.txt").fetch(world.http(), window(world.now()))
    assert {(x.source, x.kind) for x in fetched.parsed.listings} == {("mine", "page")}


def test_a_file_that_is_still_being_written_or_empty_or_huge_is_told(tmp_path: Path) -> None:
    world = World(FRIDAY)
    path = tmp_path / "export.jsonl"
    source = Jsonl(path=path)
    path.write_bytes(b'{"title": "A", "day": "2026-11-20"}\n{"title": "B", "da')
    half = source.fetch(world.http(), window(FRIDAY))
    assert (half.state, half.validators) == (SourceState.STALE, {})
    assert len(half.parsed.listings) == 1
    path.write_bytes(b"")
    assert source.fetch(world.http(), window(FRIDAY)).state is SourceState.QUIET
    with path.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(SourceError, match="larger than 64 MB; split it"):
        source.fetch(world.http(), window(FRIDAY))


def test_an_export_is_read_from_the_web_too() -> None:
    world = World(FRIDAY)
    body = b'{"source": "arxiv", "title": "A", "day": "2026-11-20"}\n'
    world.put("friend.example", httpx.Response(200, headers={"etag": '"1"'}, content=body), httpx.Response(304))
    source = Jsonl(name="friend", url="https://friend.example/export.jsonl")
    first = source.fetch(world.http(), window(FRIDAY))
    assert [(x.source, x.title) for x in first.parsed.listings] == [("arxiv", "A")]
    assert again(source, world, first).state is SourceState.UNCHANGED
    world.put("friend.example", body + b'{"title": "B')
    assert again(source, world, first).state is SourceState.STALE
    world.put("friend.example", b"\n")
    assert again(source, world, first).state is SourceState.QUIET
