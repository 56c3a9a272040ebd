"""The pages' pure parts: limits, sessions, periods, feeds, sentences, and what a browser says it prefers."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import UsageError
from paperround.domain.models import Paper
from paperround.domain.preferences import FIELDS
from paperround.domain.schedule import Cadence
from paperround.rendering import language
from paperround.web import session_cookies, wording
from paperround.web.browse import charts, feeds
from paperround.web.browse.cards import card
from paperround.web.browse.feeds import FeedDocument
from paperround.web.browse.periods import Period, View, read_day, read_view
from paperround.web.languages import preferred
from paperround.web.progress import RoundProgress
from paperround.web.rate_limits import RateLimit
from paperround.web.subscribers import time_zones
from support.letters import FOLDERS
from support.papers import listing

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
KEYS = (b"a key", b"the key before")
ENGLISH, GERMAN = language.load("en", FOLDERS), language.load("de", FOLDERS)


def _paper(number: int = 1, **facts: object) -> Paper:
    made = listing(number, **facts)
    return Paper(
        **made.model_dump(exclude={"source", "kind"}),
        id=f"2611.{number:05d}",
        row=number,
        sources=("arxiv",),
        first_seen=NOW,
    )


def test_every_preference_that_the_form_has_a_field_for_has_one_label() -> None:
    labels = wording.labels(ENGLISH)
    assert labels.keys() == set(FIELDS) - {"paused_until"}
    assert all(german != labels[name] for name, german in wording.labels(GERMAN).items())
    fields = (FOLDERS[0] / "web" / "preferences_fields.html.j2").read_text()
    assert not [label for label in labels.values() if f'_("{label}")' in fields]


def test_a_limit_counts_each_name_by_itself_and_forgets_in_time() -> None:
    limit = RateLimit(2, timedelta(minutes=1))
    assert [limit.take("a", NOW) for _ in range(3)] == [True, True, False]
    assert limit.take("b", NOW)
    assert limit.wait("a", NOW + timedelta(seconds=20)) == 40
    assert limit.wait("b", NOW) == 0
    assert limit.take("a", NOW + timedelta(minutes=1))
    assert limit.count("a", NOW + timedelta(minutes=1)) == 1
    limit.clear("a")
    assert limit.count("a", NOW + timedelta(minutes=1)) == 0


@given(st.lists(st.integers(0, 300), max_size=60).map(sorted))
def test_no_window_ever_holds_more_than_the_limit(seconds: list[int]) -> None:
    limit = RateLimit(3, timedelta(seconds=60))
    taken = [second for second in seconds if limit.take("x", NOW + timedelta(seconds=second))]
    assert all(sum(start <= other < start + 60 for other in taken) <= 3 for start in taken)


def test_a_session_is_kept_under_a_hash_of_its_key_its_secret_and_its_kind() -> None:
    cookie = session_cookies.make_cookie()
    assert session_cookies.make_cookie() != cookie
    kept = session_cookies.hash_cookie(KEYS, session_cookies.COOKIE, "token", cookie)
    assert len(set(kept)) == len(KEYS)
    assert kept[0] in session_cookies.hash_cookie((b"newer", *KEYS), session_cookies.COOKIE, "token", cookie), (
        "an older key still counts"
    )
    others = [
        session_cookies.hash_cookie((b"newer",), session_cookies.COOKIE, "token", cookie),
        session_cookies.hash_cookie(KEYS, session_cookies.ENTRY_COOKIE, "token", cookie),
        session_cookies.hash_cookie(KEYS, session_cookies.COOKIE, "another token", cookie),
        session_cookies.hash_cookie(KEYS, session_cookies.COOKIE, "token", cookie[:-1]),
    ]
    assert not set(kept) & {hashed for one in others for hashed in one}
    assert cookie not in "".join(kept)


def test_a_forms_mark_belongs_to_one_session() -> None:
    assert (
        session_cookies.csrf(KEYS, "one") == session_cookies.csrf(KEYS, "one") != session_cookies.csrf(KEYS, "other")
    )
    assert session_cookies.same("a", "a")
    assert not session_cookies.same("a", "aa")


def test_periods_have_a_first_and_a_last_day() -> None:
    day = date(2024, 2, 29)  # a Thursday
    spans = {view: (Period(view, day).first, Period(view, day).last) for view in View}
    assert spans == {
        View.DAY: (day, day),
        View.WEEK: (date(2024, 2, 26), date(2024, 3, 3)),
        View.MONTH: (date(2024, 2, 1), date(2024, 2, 29)),
    }


@given(st.dates(date(1991, 1, 1), date(2200, 12, 31)), st.sampled_from(View))
def test_every_day_lies_in_its_period(day: date, view: View) -> None:
    period = Period(view, day)
    assert period.first <= day <= period.last
    assert period.at(period.first) == Period(view, period.first)
    assert (period.last - period.first).days < 31


def test_a_periods_name_is_in_the_subscribers_language() -> None:
    day = date(2026, 11, 25)
    assert [Period(view, day).title(ENGLISH) for view in View] == [
        "Wednesday, November 25, 2026",
        "Week of November 23, 2026",
        "November 2026",
    ]
    assert [Period(view, day).title(GERMAN) for view in View] == [
        "Mittwoch, 25.\u00a0November 2026",
        "Woche vom 23.\u00a0November 2026",
        "November 2026",
    ]
    assert [Period(view, day).short(ENGLISH) for view in View] == [
        "Wed, Nov 25",
        "Nov 23\u2009–\u200929, 2026",
        "Nov 2026",
    ]


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "20261123x"])
def test_an_invalid_day_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(UsageError, match=r"2026-11-23|out of range"):
        read_day(text)


def test_views_go_by_name() -> None:
    assert read_view("") is View.DAY
    assert read_view("month") is View.MONTH
    with pytest.raises(UsageError, match="use one of: day, week, month"):
        read_view("year")


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", ["de-at", "de", "en"]),
        ("en;q=0.2, fr", ["fr", "en"]),
        ("de;q=0", []),
        ("en; q=0.2, de; q=0.8", ["de", "en"]),
        ("de;q=x,en", ["en"]),
        ("", [""]),
        ("*", ["*"]),
    ],
)
def test_the_most_wanted_language_comes_first(header: str, codes: list[str]) -> None:
    assert preferred(header) == codes


@given(st.text(max_size=1000))
def test_any_accept_language_header_is_parsed(header: str) -> None:
    preferred(header)


def test_every_cadence_can_be_chosen() -> None:
    assert [name for name, _ in wording.cadences(ENGLISH)] == list(Cadence)


def test_moments_are_in_the_subscribers_zone() -> None:
    assert wording.moment(NOW, "Asia/Tokyo", GERMAN) == "Montag, 23.\u00a0November 2026, 15:00"


def test_a_card_on_a_page_has_no_hidden_breaks_in_its_words() -> None:
    long = "Pneumonoultramicroscopicsilicovolcanoconiosis"
    made = card(_paper(title=f"{long} in robots", upvotes=12, comments=1), ENGLISH, NOW.date())
    assert made.title == f"{long} in robots"
    assert (made.votes, made.page, made.day) == (12, "/papers/2611.00001", date(2026, 11, 20))
    assert made.other_badges == ("1\u00a0comment",)


def _feed(*papers: Paper) -> FeedDocument:
    return FeedDocument(
        "Robots & <friends>", "https://papers.example.org", "/topics/robots", "/topics/robots/feed.xml", papers, NOW
    )


def test_the_atom_feed_is_read_as_it_was_meant() -> None:
    papers = [_paper(2, title=r"On $\alpha$ & <robots>"), _paper(1, authors=[], author_count=3, categories=["cs.RO"])]
    found = feedparser.parse(feeds.atom(_feed(*papers)))
    assert not found.bozo
    assert found.feed.title == "Robots & <friends>"
    assert [entry.title for entry in found.entries] == ["On α & <robots>", papers[1].title]
    assert found.entries[0].link == "https://papers.example.org/papers/2611.00002"
    assert [author.name for author in found.entries[0].authors] == ["Ada Author2", "Ben Bookman"]
    assert found.entries[1].author == "unknown"
    assert found.entries[1].tags[0].term == "cs.RO"
    assert found.feed.updated == "2026-11-23T06:00:00Z"


def test_the_json_feed_says_the_same() -> None:
    found = json.loads(feeds.json_feed(_feed(_paper(1, title=r"On $\alpha$"), _paper(2, url=None))))
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["items"][0]["title"] == "On α"
    assert found["items"][0]["external_url"] == "https://arxiv.org/abs/2611.00001"
    assert "external_url" not in found["items"][1]
    assert found["feed_url"] == "https://papers.example.org/topics/robots/feed.xml"


def test_an_empty_feed_is_a_feed() -> None:
    assert not feedparser.parse(feeds.atom(_feed())).bozo
    assert json.loads(feeds.json_feed(_feed()))["items"] == []


def test_a_chart_has_a_bar_for_each_number_and_a_scale_that_holds_them() -> None:
    day = date(2026, 11, 23)
    series = {"sent": {day: 1_200, day - timedelta(days=1): 30}, "failed": {day: 100}, "never": {date(2020, 1, 1): 9}}
    picture = charts.by_day(series, day, 30).decode()
    assert re.findall(r"<title>([^<]+)</title>", picture) == [
        "2026-11-22: 30 sent",
        "2026-11-23: 1,200 sent",
        "2026-11-23: 100 failed",
    ]
    assert ">2,000<" in picture
    assert ">23 Nov<" in picture
    assert "no data yet" in charts.by_day({}, day, 30).decode()


def test_what_went_well_and_what_was_lost_have_the_same_colors_on_every_chart() -> None:
    day = date(2026, 11, 23)

    def color(name: str) -> str:
        picture = charts.by_day({"other": {day: 1}, name: {day: 1}}, day, 30).decode()
        return re.findall(rf'fill="([^"]+)"><title>2026-11-23: 1 {name}', picture)[0]

    assert color("sent") == color("joined") != color("left") == color("failed") == color("hard")
    assert len({color(name) for name in ("sent", "queued", "sending", "deferred", "failed", "expired")}) == 6


def test_a_zone_is_found_by_other_cities_that_are_offered_with_it() -> None:
    offered = {zone.name: zone for some in time_zones.choices(NOW, ENGLISH) for zone in some[1]}
    assert "Munich" in offered["Europe/Berlin"].also
    assert set(time_zones._ALSO) <= set(offered)


@given(st.integers(0, 10**9))
def test_no_bar_is_higher_than_its_scale(number: int) -> None:
    picture = charts.by_day({"sent": {NOW.date(): number}}, NOW.date(), 30).decode()
    heights = [float(height) for height in re.findall(r'height="([\d.]+)" fill="[^"]+"><title', picture)]
    assert all(0 <= height <= 178.1 for height in heights)


def test_progress_is_told_while_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("paperround.web.progress.time.monotonic", lambda: now[0])
    watched = RoundProgress()
    assert watched.facts()["stage"] is None
    watched.begin("delivering", None)
    watched.advance(1_200)
    assert watched.facts()["message"] == "Delivering: 1,200"
    now[0] += 11
    assert watched.facts()["message"] == "No round is running."


def test_about_ninety_time_zones_are_offered_by_region_with_their_present_offset() -> None:
    winter, summer = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 7, 10, tzinfo=UTC)
    offered = dict(time_zones.choices(winter, ENGLISH))
    names = [zone.name for some in offered.values() for zone in some]
    assert 80 <= len(names) == len(set(names)) <= 100
    assert [zone.label for zone in offered[""]] == ["UTC"]
    labels = {zone.name: zone.label for some in time_zones.choices(summer, ENGLISH) for zone in some[1]}
    assert labels["Europe/Berlin"] == "Berlin (UTC+2)"
    assert labels["Asia/Kathmandu"] == "Kathmandu (UTC+5:45)"
    assert labels["America/St_Johns"] == "St. John’s (UTC−2:30)"
    assert labels["America/Argentina/Buenos_Aires"] == "Buenos Aires (UTC−3)"


def test_time_zones_and_themes_have_their_names_in_the_language_of_the_page() -> None:
    offered = time_zones.choices(datetime(2026, 1, 10, tzinfo=UTC), GERMAN, "Etc/GMT+5")
    labels = {zone.name: zone.label for _, some in offered for zone in some}
    assert [region for region, _ in offered][:4] == ["", "Afrika", "Amerika", "Asien"]
    assert "Etc" in dict(offered)
    assert labels["Europe/Vienna"] == "Wien (UTC+1)"
    assert labels["America/Nuuk"] == "Nuuk (UTC−2)"
    assert labels["Atlantic/Reykjavik"] == "Reykjavík (UTC+0)", "typing Reykj must find it"
    cities = [zone.label for zone in dict(offered)["Europa"]]
    assert cities.index("Warschau (UTC+1)") < cities.index("Wien (UTC+1)") < cities.index("Zürich (UTC+1)")
    shown = wording.themes(["cards", "my-own", "paper"], GERMAN)
    assert shown == [("cards", "Karten"), ("my-own", "My own"), ("paper", "Papier")]
    assert wording.themes(["plain"], ENGLISH) == [("plain", "Plain")]


def test_a_time_zone_that_somebody_has_chosen_is_offered_too() -> None:
    offered = dict(time_zones.choices(datetime(2026, 1, 10, tzinfo=UTC), ENGLISH, "America/Indiana/Knox"))
    assert "Knox, Indiana (UTC−6)" in [zone.label for zone in offered["America"]]
    assert [
        zone.name for zone in dict(time_zones.choices(datetime(2026, 1, 10, tzinfo=UTC), ENGLISH, "EST5EDT"))[""]
    ] == [
        "UTC",
        "EST5EDT",
    ]
