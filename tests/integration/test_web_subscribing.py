"""Subscribing: one letter that asks, nothing before a yes, and no answer that tells who is known."""

from __future__ import annotations

import html
import re
import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from paperround.domain.models import SubscriberState, Topic
from paperround.domain.preferences import QuietDays
from paperround.matching.lexical import COUNTED_PAPERS
from paperround.operator import preview
from paperround.rounds import topics
from paperround.subscribers import membership
from support.pages import FORM, Browser, Pages, links_in

EMAIL = "ada@lovelace.example"


_CLOSE_ALONE = "While this site is new, one may also come when papers only came close to your interests."


def test_a_site_with_enough_papers_does_not_say_that_it_is_new(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    row = pages.subscriber(EMAIL, queries=["robots that fold laundry"])
    form = pages.client.get(pages.link("preferences", row)).text
    assert (_CLOSE_ALONE in form, "while the site is new" in form) == (True, True)
    for is_new in (True, False):
        if not is_new:
            monkeypatch.setattr(pages.app.store.papers, "has_at_least", lambda number: number <= COUNTED_PAPERS)
        welcome = preview.build(pages.app, preview.PreviewRequest(EMAIL, notice="welcome"))
        assert welcome is not None
        assert (_CLOSE_ALONE in " ".join(welcome.finished.rendered.text.split())) is is_new
    form = pages.client.get(pages.link("preferences", row)).text
    assert "is new" not in form
    assert '<option value="silent" selected>No email</option>' in form


def test_the_next_email_is_promised_only_if_there_are_papers_for_it(pages: Pages) -> None:
    pages.subscribe(EMAIL, query='"no such words"')
    (asking,) = pages.letters()
    confirmed = pages.client.post_and_follow(links_in(asking, "c")[0]).text
    assert "2026, 7:30\u202fAM, if there are papers for you." in confirmed
    subscriber = pages.app.store.subscribers.by_email(EMAIL)
    assert subscriber is not None
    membership.change(pages.app, subscriber, {"quiet_days": QuietDays.LINE})
    preferences = pages.client.get(pages.link("preferences", subscriber.row)).text
    assert "2026, 7:30\u202fAM.\n" in preferences


def test_from_the_form_to_the_first_letter(pages: Pages) -> None:
    assert pages.subscribe(EMAIL, first_now="1", query='agents OR "part 3"').status_code == 200
    assert pages.requested_rounds == 1
    (asking,) = pages.letters()
    assert asking["To"] == EMAIL
    (link,) = set(links_in(asking, "c"))
    text = asking.get_body(("plain",)).get_content()
    assert "You will see your interests before you confirm." in " ".join(text.split())
    assert "part 3" not in text, "a stranger could write to people through us"
    page = pages.client.get(link).text
    assert EMAIL in page
    assert "Robots" in page
    assert "agents OR &#34;part 3&#34;" in page
    assert "at most one email a day, at 7:30\u202fAM (Europe/Berlin), and only on days with papers for you." in page
    assert _CLOSE_ALONE in page
    confirmed = pages.client.post_and_follow(link)
    assert "Welcome! Your subscription is confirmed." in confirmed.text
    assert 'action="/p/' in confirmed.text
    (first,) = pages.letters()
    assert "A careful study of" in first["Subject"]
    subscriber = pages.app.store.subscribers.by_email(EMAIL)
    assert subscriber is not None
    assert (subscriber.state, subscriber.preferences.max_papers, subscriber.schedule.timezone) == (
        SubscriberState.ACTIVE,
        5,
        "Europe/Berlin",
    )


def test_where_the_first_letter_would_have_no_papers_a_welcome_comes_in_its_place(pages: Pages) -> None:
    pages.subscribe(EMAIL, topic=[], first_now="1", query='"nothing of the kind"', at="23:00", timezone="UTC")
    (asking,) = pages.letters()
    pages.client.post(links_in(asking, "c")[0])
    (first,) = pages.letters()
    assert "welcome" in first["Subject"].lower()
    assert "No paper of the past week matched." in first.get_body(("plain",)).get_content()
    subscriber = pages.app.store.subscribers.by_email(EMAIL)
    assert subscriber is not None
    assert subscriber.next_digest_at == pages.site.clock().replace(hour=23, minute=0), "the same day is not skipped"


def test_nothing_comes_before_the_yes_and_the_yes_is_a_post(pages: Pages) -> None:
    pages.subscribe(EMAIL)
    (asking,) = pages.letters()
    (link,) = set(links_in(asking, "c"))
    for _ in range(3):
        pages.client.get(link)
        pages.client.request("HEAD", link)
    pages.site.clock.now += timedelta(days=2)
    assert pages.letters() == []
    assert pages.app.store.subscribers.by_email(EMAIL).state is SubscriberState.PENDING  # type: ignore[union-attr]


def test_consent_is_kept_with_time_place_and_words(pages: Pages) -> None:
    pages.subscribe(EMAIL, client="198.51.100.7")
    (link,) = set(links_in(pages.letters()[0], "c"))
    pages.site.clock.now += timedelta(hours=1)
    Browser(pages.web, "198.51.100.8").post(link)
    consent = pages.app.store.subscribers.by_email(EMAIL).consent  # type: ignore[union-attr]
    assert consent["asked_at"].startswith("2026-11-23T06:00")
    assert consent["asked_from"] == "198.51.100.7"
    assert consent["words"].startswith("Yes, send me emails")
    assert consent["confirmed_at"].startswith("2026-11-23T07:00")
    assert consent["confirmed_from"] == "198.51.100.8"


def test_confirming_twice_brings_nobody_back_who_has_left(pages: Pages) -> None:
    pages.subscribe(EMAIL)
    (link,) = set(links_in(pages.letters()[0], "c"))
    pages.client.post(link)
    again = pages.client.post(link)
    assert again.status_code == 200
    assert "already confirmed" in again.text
    row = pages.app.store.subscribers.by_email(EMAIL).row  # type: ignore[union-attr]
    pages.client.post(pages.link("unsubscribe", row))
    assert pages.client.post(link).status_code == 410
    assert pages.app.store.subscribers.by_row(row).state is SubscriberState.UNSUBSCRIBED  # type: ignore[union-attr]


def test_twenty_requests_for_one_address_are_one_letter_a_day(pages: Pages) -> None:
    for number in range(20):
        pages.subscribe(
            EMAIL if number % 2 else EMAIL.upper().replace("EXAMPLE", "example"), client=f"203.0.113.{number}"
        )
    assert len(pages.letters()) == 1
    pages.site.clock.now += timedelta(days=1, minutes=1)
    pages.subscribe(EMAIL)
    assert len(pages.letters()) == 1


def test_an_address_that_never_answers_is_left_alone_after_some_letters(pages: Pages) -> None:
    sent = 0
    for _ in range(20):
        pages.subscribe(EMAIL)
        sent += len(pages.letters())
        pages.site.clock.now += timedelta(days=1, minutes=1)
    assert sent == 5


def test_known_unknown_and_suppressed_addresses_get_the_same_answer(pages: Pages) -> None:
    pages.subscriber("known@papers.example")
    pages.subscriber("left@papers.example")
    pages.client.post(pages.link("unsubscribe", pages.subscriber("left@papers.example")))
    pages.subscriber("bounced@papers.example")
    pages.app.store.subscribers.suppress("bounced@papers.example", "hard bounce", pages.site.clock())
    answers = {}
    for name in ("known", "left", "bounced", "never"):
        response = pages.subscribe(f"{name}@papers.example", client=f"203.0.113.{len(answers)}")
        assert response.status_code == 200
        answers[name] = (response.text.replace(name, "NAME"), sorted(set(response.headers) - {"content-length"}))
    assert len({text for text, _ in answers.values()}) == 1
    assert len({tuple(headers) for _, headers in answers.values()}) == 1


def test_no_answer_comes_sooner_than_the_time_that_hides_whether_an_address_is_known(pages: Pages) -> None:
    for number in range(8):
        pages.subscriber(f"known{number}@papers.example")
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(8):
        for name, times in took.items():
            started = time.perf_counter()
            pages.subscribe(f"{name}{number}@papers.example", client=f"203.0.{name == 'known':d}.{number}")
            times.append(time.perf_counter() - started)
    assert min(took["known"] + took["unknown"]) >= 0.04


def test_somebody_who_reads_already_is_sent_the_link_and_nothing_changes(pages: Pages) -> None:
    row = pages.subscriber(EMAIL)
    before = pages.app.store.subscribers.by_row(row)
    pages.subscribe(EMAIL, topic="agents", at="23:00")
    assert pages.app.store.subscribers.by_row(row) == before
    (letter,) = pages.letters()
    assert letter["Subject"] == "Your preferences link for paperround"
    assert pages.client.get(links_in(letter, "p")[0]).status_code == 200


def test_a_suppressed_address_is_freed_by_its_owners_word_alone(pages: Pages) -> None:
    row = pages.subscriber(EMAIL)
    pages.app.store.subscribers.suppress(EMAIL, "complaint", pages.site.clock())
    pages.client.post(pages.link("unsubscribe", row))
    pages.subscribe(EMAIL)
    assert pages.letters() == [], "anybody can type an address into the form"
    pages.client.post(pages.link("unsubscribe", row) + "/back")
    assert pages.app.store.subscribers.by_row(row).suppressed is not None  # type: ignore[union-attr]
    (asking,) = pages.letters()
    pages.client.post(links_in(asking, "c")[0])
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert (subscriber.state, subscriber.suppressed) == (SubscriberState.ACTIVE, None)


def test_two_hundred_addresses_from_one_place_are_too_many(pages: Pages) -> None:
    answers = [pages.subscribe(f"victim{n}@papers.example").status_code for n in range(30)]
    assert answers.count(200) == 10
    assert answers[10:] == [429] * 20
    assert len(pages.letters()) == 10
    other_place = pages.subscribe("friend@papers.example", client="198.51.100.1")
    assert other_place.status_code == 200
    pages.site.clock.now += timedelta(hours=1, minutes=1)
    assert pages.subscribe("victim99@papers.example").status_code == 200


def test_an_ipv6_household_is_one_place(pages: Pages) -> None:
    answers = [
        pages.subscribe(f"v{n}@papers.example", client=f"2001:db8:1:2:{n:x}::1").status_code for n in range(11)
    ]
    assert answers == [200] * 10 + [429]
    assert pages.subscribe("w@papers.example", client="2001:db8:1:3::1").status_code == 200


def test_a_flood_from_everywhere_raises_an_alarm_and_is_stopped(
    pages: Pages, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = pages.web.state.context.limits.newcomers
    limits.spike, limits.everybody = 3, replace(limits.everybody, most=5)
    answers = [_insist(pages, f"v{n}@papers.example", f"203.0.{n}.1") for n in range(7)]
    assert answers == [200] * 5 + [429] * 2
    assert len(pages.letters()) == 5
    told = capsys.readouterr()
    assert "unusually many form submissions" in told.out + told.err


def _insist(pages: Pages, email: str, client: str) -> int:
    """Send the form, and once more after some seconds where that is asked for."""
    answer = pages.subscribe(email, client=client)
    if stamp := re.search(r'name="stamp" value="([^"]+)"', answer.text):
        pages.site.clock.now += timedelta(seconds=6)
        answer = pages.subscribe(email, client=client, stamp=stamp[1])
    status: int = answer.status_code
    return status


def test_a_filled_trap_sends_nothing_and_never_claims_that_it_did(pages: Pages) -> None:
    """A browser extension may fill in the hidden field for a person, who must learn that no email is on its way."""
    caught = pages.subscribe(EMAIL, extra="https://casino.example")
    assert caught.status_code == 422
    assert "press the button again" in caught.text
    assert "Check your email" not in caught.text
    assert "casino" not in caught.text
    assert pages.letters() == []
    lost = pages.client.post("/preferences", data={"email": EMAIL, "extra": "x"})
    assert lost.status_code == 422
    assert "Check your email" not in lost.text
    assert pages.subscribe(EMAIL).status_code == 200
    assert len(pages.letters()) == 1


def test_nothing_typed_into_the_form_is_repeated_in_the_letter(pages: Pages) -> None:
    pages.subscribe(EMAIL, name="BUY NOW https://casino.example", query="casino example viagra")
    (asking,) = pages.letters()
    assert "casino" not in asking.as_string()
    assert "BUY NOW" not in asking.as_string()


def _checked(page: str) -> list[str]:
    return re.findall(r'name="(\w+)" value="(\w+)" checked', page)


def test_no_topic_is_ticked_but_the_one_in_the_address(pages: Pages) -> None:
    page = pages.client.get("/subscribe").text
    assert _checked(page) == [("way", "topics"), ("first_now", "1")]
    assert "Frequency" in page
    assert "I can change this or unsubscribe at any time" in page
    page = pages.client.get("/subscribe?topic=agents").text
    assert _checked(page) == [("way", "topics"), ("topic", "agents"), ("first_now", "1")]
    assert _checked(pages.client.get("/subscribe?q=bees").text)[0] == ("way", "interest")


def test_a_site_with_a_topic_of_the_best_offers_it_first(pages: Pages) -> None:
    pages.site.topic("best", "robots OR agents")
    page = pages.client.get("/subscribe").text
    assert _checked(page)[0] == ("way", "best")
    assert page.index('value="best" checked') < page.index('value="topics"')
    assert 'name="topic" value="best"' not in page


@pytest.mark.parametrize(
    ("way", "topics", "queries"),
    [("best", ("best",), ()), ("topics", ("robots",), ()), ("interest", (), ("bees that dance",)),
     ("", ("robots",), ("bees that dance",))],
)  # fmt: skip
def test_only_what_belongs_to_the_chosen_way_is_subscribed_to(
    pages: Pages, way: str, topics: tuple[str, ...], queries: tuple[str, ...]
) -> None:
    pages.site.topic("best", "robots OR agents")
    pages.subscribe(EMAIL, way=way, topic=["", "robots"], query="bees that dance")
    (link,) = set(links_in(pages.letters()[0], "c"))
    pages.client.post(link)
    chosen = pages.app.store.subscribers.by_email(EMAIL).preferences  # type: ignore[union-attr]
    assert (chosen.topics, chosen.queries) == (topics, queries)


def test_a_way_that_nothing_was_chosen_for_stays_and_says_so(pages: Pages) -> None:
    answer = pages.subscribe(EMAIL, way="interest", topic=["", "robots"], query="")
    assert answer.status_code == 422
    assert ("way", "interest") in _checked(answer.text)
    assert "Choose a topic, or enter an interest." in answer.text


def test_a_form_on_another_site_leads_here_with_the_address_filled_in(pages: Pages) -> None:
    before = pages.dump()
    answer = pages.client.get("/subscribe", params={"email": '"><script>@papers.example', "topic": "robots"})
    assert 'value="&#34;&gt;&lt;script&gt;@papers.example"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert pages.dump() == before


def test_a_missing_value_is_reported_beside_the_field(pages: Pages) -> None:
    before = pages.dump()
    for fields, said in [
        ({"email": "not an address"}, "Enter a valid email address."),
        ({"email": f"{'a' * 74}@papers.example"}, "Enter a valid email address."),
        ({"email": EMAIL, "topic": []}, "Choose a topic, or enter an interest."),
        ({"email": EMAIL, "query": "a AND"}, "AND needs a word after it"),
        ({"email": EMAIL, "query": "x" * 301}, "at most 300 characters"),
        ({"email": EMAIL, "monthday": "32"}, "Day of the month: '32' is not a day of the month from 1 to 31"),
        ({"email": EMAIL, "max_papers": "-5"}, "Maximum papers per email: '-5' is not a number of papers"),
        ({"email": EMAIL, "cadence": "hourly"}, "Frequency: there is no cadence 'hourly'"),
    ]:
        response = pages.client.post("/subscribe", data={**FORM, "topic": ["robots"], **fields})
        assert response.status_code == 422
        assert said in response.text.replace("&#39;", "'")
        assert response.headers["cache-control"] == "private, no-cache", "Back could not show it"
    assert pages.dump() == before


def test_the_address_typed_on_the_front_page_comes_along(pages: Pages) -> None:
    assert 'name="email" value=""' in pages.client.get("/subscribe").text
    response = pages.client.post("/subscribe", data={"step": "begin", "email": 'a"><script>@x.example'})
    assert response.status_code == 303, "a page that answers a POST breaks the Back button"
    assert response.headers["location"] == "/subscribe", "an address in an address ends up in logs"
    shown = pages.client.get("/subscribe")
    assert 'value="a&#34;&gt;&lt;script&gt;@x.example"' in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert 'value="ada@lovelace.example"' in pages.client.get("/subscribe?email=ada@lovelace.example").text


def test_the_address_is_kept_while_an_interest_is_tried_and_forgotten_once_the_email_is_sent(pages: Pages) -> None:
    typed = {**FORM, "email": EMAIL}
    trial = {**typed, "way": "interest", "query": "robots", "step": "interest"}
    response = pages.client.post("/subscribe", data=trial)
    path, _, query = response.headers["location"].partition("?")
    assert (path, parse_qs(query)["q"], parse_qs(query)["at"]) == ("/interest", ["robots"], ["07:30"])
    assert EMAIL not in response.headers["location"], "an address in an address ends up in logs"
    assert f'value="{EMAIL}"' in pages.client.get("/subscribe?way=interest&q=robots").text
    sent = pages.client.post("/subscribe", data={**typed, "topic": ["robots"]})
    assert sent.headers["location"] == "/subscribe/sent"
    assert EMAIL not in pages.client.get("/subscribe").text


@pytest.mark.parametrize("value", ["", "!", "w6k", "4pyT4pyT", "AAAA"])
def test_a_cookie_that_the_site_did_not_set_prefills_nothing_harmful(pages: Pages, value: str) -> None:
    pages.client.cookies.set("paperround_typed", value, path="/subscribe")
    assert pages.client.get("/subscribe").status_code == 200


def test_a_query_is_tried_before_it_is_sent(pages: Pages) -> None:
    tried = pages.client.post("/subscribe", data={**FORM, "query": ["agents", "robots AND"], "step": "try"})
    assert "1 paper in the past week" in tried.text
    assert "AND needs a word after it" in tried.text
    live = pages.client.get("/try", params={"q": "robots"}).json()
    assert live["message"] == "5 papers in the past week, including:"
    assert live["papers"][0]["href"].startswith("/papers/2611.0000")
    assert live["papers"][0]["why"] == "“robots” in the title"
    assert pages.client.get("/try", params={"q": "("}).json()["wrong"] is True
    assert pages.client.get("/try", params={"q": " "}).json() == {"message": "", "papers": []}


def test_a_text_that_is_read_as_a_query_says_so_and_one_with_punctuation_is_not(pages: Pages) -> None:
    live = pages.client.get("/try", params={"q": "robots that learn by watching people -survey"}).json()
    assert live["message"] == (
        "Because of -survey this is read as a query, which finds exact matches only. To look for the words instead, "
        "write them without operators and quotation marks. No papers in the past week. Try fewer words, "
        "or more general ones."
    )
    live = pages.client.get("/try", params={"q": 'robots on "paper 1", please'}).json()
    assert live["message"].startswith('Because of "paper 1" this is read as a query, ')
    for text in ("robots (paper, humanoid)", "robots … with p < 0.05 and KL(p||q)"):
        live = pages.client.get("/try", params={"q": text}).json()
        assert not live["wrong"]
        assert not live["message"].startswith("Because of")
        assert live["papers"]


@pytest.mark.parametrize("text", ["\0", "\u200b\x1f"])
def test_an_interest_without_a_visible_character_is_refused_where_it_stands(pages: Pages, text: str) -> None:
    pages.subscriber("ada@lovelace.example", "robots")
    row = pages.app.store.subscribers.by_email("ada@lovelace.example")
    assert row is not None
    for path, data in (("/subscribe", {**FORM, "step": "try"}), (pages.link("preferences", row.row), {"do": "try"})):
        answer = pages.client.post(path, data={**data, "query": text})
        assert answer.status_code in {200, 422}, path
        assert "letter or digit to look for" in answer.text, path


def test_a_mistake_in_a_query_is_told_in_the_language_of_the_page(pages: Pages) -> None:
    for path in ("/try", "/search", "/interest"):
        shown = pages.client.get(path, params={"q": 'robots OR "drones', "lang": "de"}).text
        assert "dieses Anführungszeichen wird nicht geschlossen" in shown, path
        assert "never closed" not in shown, path


def test_the_german_form_names_the_best_topic_in_german_and_asks_for_english(pages: Pages) -> None:
    topics.add_topic(pages.app, Topic("best", "The day's best", "source:hf-daily"))
    german, english = (pages.client.get("/subscribe", params={"lang": code}).text for code in ("de", "en"))
    assert "Das Beste des Tages" in german
    assert "The day's best" not in html.unescape(german)
    assert "Schreiben Sie auf Englisch" in german
    assert "Schreiben Sie auf Englisch" in pages.client.get("/interest", params={"lang": "de"}).text
    assert "Write it in English" not in english


def test_the_field_for_an_interest_takes_what_an_interest_may_have_and_says_so(pages: Pages) -> None:
    for page in ("/subscribe", "/interest"):
        html = pages.client.get(page).text
        assert re.search(r'<textarea class="query"[^>]* maxlength="300"', html)
        assert "Up to 300 characters." in html


def test_an_interest_for_which_no_paper_stands_out_shows_the_closest(pages: Pages) -> None:
    live = pages.client.get("/try", params={"q": "careful sailing boats in winter storms"}).json()
    assert live["message"] == (
        "No paper of the past week stands out enough to be emailed. This site has only 6 papers so far, too few to "
        "tell what stands out. Your first ratings help most. The closest are:"
    )
    assert 1 <= len(live["papers"]) <= 3
    assert live["papers"][0]["why"] == "“careful” in the title"


def test_only_the_past_week_is_tried(pages: Pages) -> None:
    pages.site.clock.now += timedelta(days=8)
    assert (
        pages.client.get("/try", params={"q": "robots"}).json()["message"].startswith("No papers in the past week.")
    )


def test_trying_queries_has_a_limit(pages: Pages) -> None:
    pages.web.state.context.limits.trying.most = 2
    answers = [pages.client.get("/try", params={"q": "robots"}).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_a_lost_link_is_mailed_and_the_answer_is_always_the_same(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    assert pages.client.get("/preferences").status_code == 200
    known = pages.client.post("/preferences", data={"email": EMAIL})
    unknown = pages.client.post("/preferences", data={"email": "bob@nobody.example"})
    assert known.text.replace(EMAIL, "X") == unknown.text.replace("bob@nobody.example", "X")
    (letter,) = pages.letters()
    assert (letter["To"], letter["Subject"]) == (EMAIL, "Your preferences link for paperround")
    pages.client.post("/preferences", data={"email": EMAIL})
    assert pages.letters() == []
    assert pages.client.post("/preferences", data={"email": "nonsense"}).status_code == 422
    assert len(pages.dump()["subscribers"]) == 1


def test_an_address_that_nobody_confirms_is_forgotten(pages: Pages) -> None:
    from paperround.rounds import pipeline

    pages.subscribe(EMAIL)
    pages.letters()
    pages.site.clock.now += timedelta(days=29)
    pipeline.sweep(pages.app)
    assert pages.app.store.subscribers.by_email(EMAIL) is not None
    pages.site.clock.now += timedelta(days=2)
    pipeline.sweep(pages.app)
    assert pages.app.store.subscribers.by_email(EMAIL) is None


def test_a_topic_that_went_away_before_the_yes_is_no_obstacle(pages: Pages) -> None:
    pages.subscribe(EMAIL, topic=["robots", "agents"])
    (link,) = set(links_in(pages.letters()[0], "c"))
    from sqlalchemy import create_engine, text

    engine = create_engine(pages.app.settings.database_url)
    with engine.begin() as db:
        db.execute(text("DELETE FROM topics WHERE slug = 'agents'"))
    engine.dispose()
    assert pages.client.post(link).status_code == 303
    assert pages.app.store.subscribers.by_email(EMAIL).topics == ("robots",)  # type: ignore[union-attr]


def test_who_had_todays_letter_and_comes_back_gets_the_next_one_tomorrow(pages: Pages) -> None:
    row = pages.subscriber(EMAIL, at="06:00")
    pages.site.clock.now += timedelta(days=1)
    assert len(pages.letters()) == 1
    pages.client.post(pages.link("unsubscribe", row))
    pages.subscribe(EMAIL, first_now="1", at="06:00", timezone="UTC")
    (asking,) = pages.letters()
    pages.client.post(links_in(asking, "c")[0])
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert subscriber.next_digest_at == pages.site.clock() + timedelta(days=1)


def test_a_query_is_kept_and_shown_as_it_was_typed_however_long_its_canonical_form(pages: Pages) -> None:
    typed = f"keywords:({' '.join(f'w{number}' for number in range(69))})"
    assert len(typed) <= 300
    assert pages.subscribe(EMAIL, query=typed).status_code == 200
    (link,) = set(links_in(pages.letters()[0], "c"))
    assert typed in pages.client.get(link).text
    assert pages.client.post(link).status_code == 303
    found = pages.app.store.subscribers.by_email(EMAIL)
    assert found is not None
    assert found.preferences.queries == (typed,)
    path = pages.link("preferences", found.row)
    shown = pages.client.get(path).text
    assert f">{typed}</textarea>" in shown
    version = re.findall(r'name="version" value="([^"]*)"', shown)
    saved = pages.client.post(path, data={**FORM, "query": [typed, typed.replace(" ", "  ")], "version": version})
    assert saved.status_code in (200, 303)
    assert pages.app.store.subscribers.by_row(found.row).preferences.queries == (typed,)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("form", "fields", "said"),
    [
        ("subscribe", FORM, "Open the link in it to confirm your subscription,"),
        ("preferences", {}, "is subscribed here, an email with the link is on its way."),
    ],
)
def test_a_form_that_sends_an_email_leads_to_a_page_whose_reload_sends_nothing(
    pages: Pages, form: str, fields: dict[str, str], said: str
) -> None:
    pages.subscriber("kenji@watanabe.example")
    pages.letters()
    email = EMAIL if form == "subscribe" else "kenji@watanabe.example"
    browser = Browser(pages.web)
    answer = browser.post(f"/{form}", data={**fields, "email": email})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/{form}/sent")
    assert email not in answer.headers["location"]
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", f"path=/{form}/sent", "secure", "samesite=lax", "max-age=600"))
    assert len(pages.letters()) == 1
    for _ in range(3):
        page = browser.get(f"/{form}/sent")
        assert email in page.text
        assert said in page.text
        assert page.headers["cache-control"] == "no-store"
    assert pages.letters() == []
    assert Browser(pages.web).get(f"/{form}/sent").headers["location"] == f"/{form}"


@pytest.mark.parametrize(
    "cookie", ["@@", "/w==", "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "x" * 5_000, "é".encode().hex()]
)
def test_whatever_the_cookie_holds_is_text_or_nothing(pages: Pages, cookie: str) -> None:
    answer = Browser(pages.web).get("/subscribe/sent", headers={"Cookie": f"paperround_sent={cookie}"})
    assert answer.status_code in (200, 303)
    assert "<script>alert" not in answer.text


def test_a_mistyped_mail_domain_is_asked_about_and_both_answers_are_taken(pages: Pages) -> None:
    asked = pages.subscribe("ada@gmial.com")
    assert "Did you mean ada@gmail.com?" in asked.text
    assert pages.letters() == []
    pages.subscribe("ada@gmial.com", meant="ada@gmail.com")
    pages.subscribe("bob@gmial.com", asked="bob@gmial.com")
    assert {letter["To"] for letter in pages.letters()} == {"ada@gmail.com", "bob@gmial.com"}
    assert "Did you mean eve@gmail.com?" in pages.subscribe("eve@gmail.con", asked="eve@gmial.com").text
    assert pages.subscribe("eve@gmail.com", meant="not an address").status_code == 422


def test_the_page_for_a_lost_link_asks_about_a_mistyped_domain_too(pages: Pages) -> None:
    pages.subscriber("ada@gmail.com")
    asked = pages.client.post("/preferences", data={"email": "ada@gmial.com"})
    assert "Did you mean ada@gmail.com?" in asked.text
    pages.client.post("/preferences", data={"email": "ada@gmial.com", "meant": "ada@gmail.com"})
    assert [letter["To"] for letter in pages.letters()] == ["ada@gmail.com"]
    assert pages.client.post("/preferences", data={"email": "a@gmial.com", "asked": "a@gmial.com"}).status_code == 303


def test_in_a_spike_a_mistyped_domain_is_asked_about_once(pages: Pages) -> None:
    pages.web.state.context.limits.newcomers.spike = 0
    again = pages.subscribe("ada@gmial.com", asked="ada@gmial.com").text
    assert 'name="stamp"' in again
    assert '<input type="hidden" name="asked" value="ada@gmial.com">' in again


def test_the_address_can_be_corrected_where_the_page_says_that_an_email_comes(pages: Pages) -> None:
    sent = pages.client.post_and_follow("/subscribe", data={**FORM, "email": "ada@lovelace.example"})
    assert 'href="/subscribe/sent?correct=1"' in sent.text
    form = pages.client.get(pages.client.get("/subscribe/sent?correct=1").headers["location"])
    assert 'value="ada@lovelace.example"' in form.text
    lost = pages.client.post_and_follow("/preferences", data={"email": "ada@lovelace.example"})
    assert '<a class="secondary button" href="/preferences">Correct the address</a>' in lost.text


def test_somebody_who_typed_their_address_elsewhere_reads_what_is_left_to_choose(pages: Pages) -> None:
    told = "Your address is filled in. Choose what you want to read"
    assert told not in pages.client.get("/subscribe").text
    begun = pages.client.post_and_follow("/subscribe", data={"email": "eve@begun.example", "step": "begin"})
    assert told in begun.text
    assert 'value="eve@begun.example"' in begun.text


def test_an_interest_whose_words_no_paper_has_is_asked_about_once(pages: Pages) -> None:
    fields = {"way": "interest", "query": "asdfgh qwertz"}
    asked = pages.subscribe("eve@typos.example", topic="", **fields)
    assert asked.status_code == 422
    assert "No paper has any of these words: asdfgh qwertz. Correct them" in asked.text
    assert '<input type="hidden" name="sure" value="asdfgh qwertz">' in asked.text
    again = pages.subscribe("eve@typos.example", topic="", **fields, sure="asdfgh qwertz")
    assert "Check your email" in again.text
    other = pages.subscribe("eve@typos.example", topic="", way="interest", query="yxcvb mnbvc", sure="asdfgh qwertz")
    assert other.status_code == 422


@pytest.mark.parametrize("interest", ["asdfgh robots", "two-legged machines", "author:asdfgh", "hurricane"])
def test_an_interest_with_a_known_word_or_an_operator_is_taken_at_once(pages: Pages, interest: str) -> None:
    assert "Check your email" in pages.subscribe("eve@known.example", topic="", way="interest", query=interest).text


def test_a_subscriber_is_asked_about_a_new_interest_of_unknown_words_and_not_about_a_stored_one(pages: Pages) -> None:
    pages.subscriber("eve@typos.example", queries=("asdfgh qwertz",))
    subscriber = membership.subscriber(pages.app, "eve@typos.example")
    assert subscriber
    page = pages.link("preferences", subscriber.row)
    kept = pages.client.post_and_follow(page, data={"topic": "robots", "query": "asdfgh qwertz"})
    assert "Saved." in kept.text
    asked = pages.client.post(page, data={"topic": "robots", "query": ["asdfgh qwertz", "yxcvb mnbvc"]})
    assert asked.status_code == 422
    assert "No paper has any of these words: yxcvb mnbvc. Correct them" in asked.text
