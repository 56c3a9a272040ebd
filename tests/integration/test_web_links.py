"""The pages behind the links in letters: one click, no cookie, and a GET that changes nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from paperround.domain.models import Digest, SubscriberState
from paperround.rounds import pipeline
from paperround.subscribers import membership
from paperround.web.subscribers import digest_page
from support.pages import FORM, Browser, Pages, links_in
from support.papers import listing


def _state(pages: Pages, email: str = "ada@lovelace.example") -> str:
    subscriber = pages.app.store.subscribers.by_email(email)
    return subscriber.state.value if subscriber else "unknown"


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=y"}},
        {"content": b"%%%=%%%&&&", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
    ids=["urlencoded", "multipart", "empty", "broken multipart", "broken urlencoded"],
)
def test_one_click_unsubscribes_whatever_the_body_is(pages: Pages, body: dict[str, object]) -> None:
    link = pages.link("unsubscribe", pages.subscriber())
    for _ in range(2):  # as often as it likes
        response = Browser(pages.web).post(link, **body)  # type: ignore[arg-type]
        assert response.status_code == 200
        assert "set-cookie" not in response.headers
        assert _state(pages) == "unsubscribed"


def test_unsubscribing_reaches_letters_that_are_queued_already(pages: Pages) -> None:
    link = pages.link("unsubscribe", pages.subscriber(at="06:00"))
    pages.site.clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    pages.client.post(link)
    pipeline.deliver(pages.app)
    assert pages.site.relay.letters == []
    assert pages.app.store.delivery_reports.count() == {"suppressed": 1}


def test_a_get_of_the_unsubscribe_link_shows_a_button_and_changes_nothing(pages: Pages) -> None:
    link = pages.link("unsubscribe", pages.subscriber())
    before = pages.dump()
    response = pages.client.get(link)
    assert response.status_code == 200
    assert f'action="{link}" method="post"' in response.text
    assert "<script" not in response.text
    assert pages.dump() == before


def test_somebody_who_left_may_say_why(pages: Pages) -> None:
    row = pages.subscriber()
    link = pages.link("unsubscribe", row)
    pages.client.post(link)
    told = pages.client.post(link, data={"because": "other", "words": "I read   them\non the train"})
    assert "Thank you for your feedback" in told.text
    assert (
        pages.app.store.data_export.export_subscriber(row)["subscriber"]["unsubscribe_reason"]
        == "other I read them on the train"
    )


@pytest.mark.parametrize("way", ["the link in their mail", "the form", "their preferences"])
def test_somebody_may_confirm_leave_and_come_back_on_the_same_day(pages: Pages, way: str) -> None:
    pages.subscribe("ada@lovelace.example", topic=["robots"])
    (asking,) = pages.letters()
    pages.client.post(links_in(asking, "c")[0])
    pages.letters()
    row = pages.app.store.subscribers.by_email("ada@lovelace.example").row  # type: ignore[union-attr]
    pages.site.clock.now += timedelta(minutes=5)
    pages.client.post(pages.link("unsubscribe", row))
    if way == "the form":
        pages.subscribe("ada@lovelace.example", topic=["agents"])
    else:
        page = pages.client.get(
            pages.link("unsubscribe" if way == "the link in their mail" else "preferences", row)
        ).text
        (back,) = re.findall(r'action="([^"]+/back)"', page)
        assert "We are sending you an email" in pages.client.post(back).text
    (asking,) = pages.letters()
    assert pages.client.post(links_in(asking, "c")[0]).status_code == 303
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert (subscriber.state, subscriber.topics) == (
        SubscriberState.ACTIVE,
        ("agents",) if way == "the form" else ("robots",),
    )


def test_who_subscribes_again_is_told_that_they_are_subscribed(pages: Pages) -> None:
    pages.subscriber("ada@lovelace.example")
    pages.subscribe("ada@lovelace.example")
    (letter,) = pages.letters()
    assert "This address is subscribed to" in letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_an_owner_who_asks_again_is_told_that_the_email_was_sent_before(pages: Pages) -> None:
    link = pages.link("unsubscribe", pages.subscriber())
    pages.client.post(link)
    pages.client.post(f"{link}/back")
    assert "You have already asked for this email." in pages.client.post(f"{link}/back").text
    assert len(pages.letters()) == 1


def test_coming_back_needs_a_fresh_confirmation(pages: Pages) -> None:
    row = pages.subscriber("ada@lovelace.example", "robots", "agents")
    link = pages.link("unsubscribe", row)
    pages.client.post(link)
    assert pages.client.post(f"{link}/back").status_code == 200
    assert _state(pages) == "unsubscribed"
    assert [message["Subject"] for message in pages.letters()] == ["Confirm your subscription to paperround"]
    answer = pages.client.post(pages.link("confirm", row))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{pages.link('preferences', row)}?done=confirmed"
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert (subscriber.state, subscriber.topics) == (SubscriberState.ACTIVE, ("robots", "agents"))


@pytest.mark.parametrize("letter", ["u", "p", "i", "c"])
def test_a_tampered_link_is_a_friendly_no_and_changes_nothing(pages: Pages, letter: str) -> None:
    row = pages.subscriber()
    whole = {"u": "unsubscribe", "p": "preferences", "i": "digest", "c": "confirm"}[letter]
    link = pages.link(whole, row)
    wrong = [
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link[:-4],
        link + "A",
        f"/{letter}/é",
        f"/{letter}/{'A' * 5000}",
    ]
    before = pages.dump()
    for address in wrong:
        for response in (pages.client.get(address), pages.client.post(address, data={"do": "pause"})):
            if letter == "i" and response.status_code == 405:
                continue
            assert response.status_code in (404, 410)
            assert "This link does not work" in response.text
            assert 'href="/preferences"' in response.text
    assert pages.dump() == before


def test_a_link_for_one_purpose_opens_nothing_else(pages: Pages) -> None:
    link = pages.link("unsubscribe", pages.subscriber())
    assert pages.client.get(link.replace("/u/", "/p/")).status_code == 404


def test_a_confirmation_link_expires_after_three_days_and_an_unsubscribe_link_never(pages: Pages) -> None:
    pages.subscribe("ada@lovelace.example")
    row = pages.app.store.subscribers.by_email("ada@lovelace.example").row  # type: ignore[union-attr]
    confirm, unsubscribe = pages.link("confirm", row), pages.link("unsubscribe", row)
    pages.site.clock.now += timedelta(days=4)
    late = pages.client.post(confirm)
    assert late.status_code == 410
    assert "This link has expired" in late.text
    pages.site.clock.now += timedelta(days=1000)
    assert pages.client.post(unsubscribe).status_code == 200


@pytest.mark.parametrize("purpose", ["unsubscribe", "preferences", "confirm"])
def test_token_pages_are_kept_nowhere_and_tell_nobody(pages: Pages, purpose: str) -> None:
    headers = pages.client.get(pages.link(purpose, pages.subscriber())).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # The page of preferences lets the browser follow people from papers' pages: a cookie for that address alone.
    cookies = headers.get_list("set-cookie")
    assert len(cookies) == (purpose == "preferences")
    assert all("path=/follow" in cookie.lower() and "httponly" in cookie.lower() for cookie in cookies)


def test_an_erased_subscribers_links_never_open_another_subscribers_page(pages: Pages) -> None:
    old = pages.link("preferences", pages.subscriber("ada@lovelace.example"))
    assert pages.client.post(f"{old}/erase", data={"sure": "yes"}).status_code == 200
    pages.subscriber("grace@hopper.example")
    assert pages.client.get(old).status_code == 404
    assert "grace" not in pages.client.get(old).text


def test_preferences_change_everything_at_once(pages: Pages) -> None:
    row = pages.subscriber()
    link = pages.link("preferences", row)
    wanted = {**FORM, "topic": ["agents"], "query": ['"part 2" OR gripper', ""], "cadence": "weekly", "weekday": "4",
              "at": "18:45", "timezone": "Asia/Tokyo", "max_papers": "3", "name": "Ada", "do": "save"}  # fmt: skip
    response = pages.client.post_and_follow(link, data=wanted)
    assert "Saved." in response.text
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert subscriber.topics[0] == "agents"
    assert (subscriber.schedule.cadence, subscriber.schedule.weekday, f"{subscriber.schedule.at:%H:%M}") == (
        "weekly",
        4,
        "18:45",
    )
    assert (subscriber.schedule.timezone, subscriber.preferences.max_papers, subscriber.name) == (
        "Asia/Tokyo",
        3,
        "Ada",
    )
    own = pages.app.store.topics.by_slug(subscriber.topics[1])
    assert own is not None
    assert own.private
    assert ">&#34;part 2&#34; OR gripper</textarea>" in pages.client.get(link).text


def test_a_query_of_ones_own_is_nobody_elses_business_and_goes_with_its_last_subscriber(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber())
    pages.client.post(link, data={**FORM, "query": "zeppelin OR gripper"})
    assert len(pages.app.store.topics.all()) == 3
    for path in ("/", "/topics", "/subscribe", "/sitemap.xml"):
        assert "zeppelin" not in pages.client.get(path).text
    slug = next(topic.slug for topic in pages.app.store.topics.all() if topic.private)
    assert pages.client.get(f"/topics/{slug}").status_code == 404
    pages.client.post(link, data={**FORM, "query": ""})
    assert len(pages.app.store.topics.all()) == 2


def test_errors_in_the_preferences_are_reported_and_nothing_is_saved(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber())
    before = pages.dump()
    for fields, said in [
        ({"topic": [""]}, "Choose a topic"),
        ({"query": 'robots AND "never closed'}, "this quotation mark is never closed"),
        ({"query": [f"word{n}" for n in range(6)]}, "Too many interests"),
        ({"at": "25:00"}, "not a time of day"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"max_papers": "0"}, "not a number of papers"),
        ({"theme": "../../etc/passwd"}, "Choose one of the available options"),
        ({"language": "xx"}, "Choose one of the available options"),
        ({"topic": ["nowhere"]}, "no topic"),
    ]:
        response = pages.client.post(link, data={**FORM, "topic": ["robots"], **fields})
        assert response.status_code == 422
        assert said in response.text.replace("&#39;", "'")
    assert pages.dump() == before


def test_a_query_is_tried_without_javascript_and_without_saving(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber())
    before = pages.dump()
    response = pages.client.post(link, data={**FORM, "query": "robots", "do": "try"})
    assert "5 papers in the past week" in response.text
    assert "A careful study of robots" in response.text
    assert pages.dump() == before


def test_a_pause_has_an_end(pages: Pages) -> None:
    row = pages.subscriber()
    link = pages.link("preferences", row)
    assert pages.client.post(link, data={"do": "pause", "paused_until": "2026-11-01"}).status_code == 422
    paused = pages.client.post_and_follow(link, data={"do": "pause", "paused_until": "2026-12-24"})
    assert "Paused until Thursday, December 24, 2026" in paused.text
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert (subscriber.state, subscriber.preferences.paused_until) == (SubscriberState.PAUSED, date(2026, 12, 24))
    assert "Emails resumed." in pages.client.post_and_follow(link, data={"do": "resume"}).text
    assert _state(pages) == "active"


def test_everything_that_is_held_can_be_taken_along_and_then_erased(pages: Pages) -> None:
    row = pages.subscriber(at="06:00", name="Ada")
    pages.site.clock.now += timedelta(days=1)
    assert len(pages.letters()) == 1
    link = pages.link("preferences", row)
    held = pages.client.get(f"{link}/data.json").json()
    assert held["subscriber"]["email"] == "ada@lovelace.example"
    assert held["subscriber"]["name"] == "Ada"
    assert [topic["slug"] for topic in held["topics"]] == ["robots"]
    assert {paper["id"] for paper in held["papers"]} == {f"2611.0000{n}" for n in range(1, 6)}
    assert [letter["state"] for letter in held["letters"]] == ["sent"]
    assert held["attempts"][0]["code"] == 250
    assert pages.client.post(f"{link}/erase", data={}).status_code == 200  # asks once more
    assert _state(pages) == "active"
    assert "erased" in pages.client.post(f"{link}/erase", data={"sure": "yes"}).text
    left = pages.dump()
    assert "lovelace" not in str(left)


def test_a_letter_is_shown_in_the_browser_with_the_papers_it_had_no_room_for(pages: Pages) -> None:
    pages.subscriber(at="06:00", max_papers=2)
    pages.site.clock.now += timedelta(days=1)
    (letter,) = pages.letters()
    (online,) = set(links_in(letter, "i"))
    response = pages.client.get(online)
    assert response.status_code == 200
    assert response.text.count("<article") == 2
    assert "3 more that matched" in response.text
    assert "/p/" not in response.text  # people pass this page on
    assert "/u/" not in response.text


def test_the_page_of_a_letter_has_its_papers_in_its_order_with_its_numbers(pages: Pages) -> None:
    pages.site.topic("carts")
    pages.site.papers(
        *(listing(50 + number, "carts", title=f"{'Carts and carts' * (number % 2)} {number}") for number in range(4))
    )
    pages.subscriber("ada@lovelace.example", "robots", "carts", at="06:00", max_papers=6)
    pages.site.clock.now += timedelta(days=1)
    (letter,) = pages.letters()
    text = letter.get_body(("plain",)).get_content()
    response = pages.client.get(links_in(letter, "i")[0]).text
    titles = re.findall(r'<span class="number">(\d+)\.</span> <a[^>]*>([^<]*)</a>', response)
    assert [int(number) for number, _ in titles] == list(range(1, 7))
    for number, title in titles:
        assert re.search(rf"\b{number}\.\s+{re.escape(title[:12])}", text), (number, title, text)
    topics = re.findall(r"<small><bdi>(\w+)</bdi></small>", response)
    assert len(topics) == 6
    assert set(topics) == {"Robots", "Carts"}


def test_from_their_email_a_subscriber_can_rate_and_save_all_papers_of_a_digest(pages: Pages) -> None:
    digest, path = _online(pages)
    letter: Any = message_from_bytes(pages.site.relay.accepted[-1].message, policy=policy.default)
    link, *_ = re.findall(r"https://[^/\s]+(/i/[^\s#]+)", letter.get_body(("plain",)).get_content())
    before = pages.dump()
    opened = pages.client.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, path), "people copy the plain address"
    page = pages.client.get(path).text
    assert pages.dump() == before
    assert re.findall(r'name="more" value="(\d+)"', page) == [str(row) for row in (*digest.papers, *digest.more)]
    assert 'id="invite"' not in page
    [action] = set(re.findall(r'action="(/f/[\w-]+)"', page))
    for what, row in (("less", digest.papers[0]), ("more", digest.more[1]), ("save", digest.more[0])):
        answer = pages.client.post(action, data={"back": "1", what: row})
        name = pages.app.store.papers.ids([row])[row]
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}#paper-{name}")
    page = pages.client.get(path).text
    for said in ("You asked for less like this.", "You asked for more like this.", "On your reading list."):
        assert page.count(said) == 1
    assert re.findall(r'name="remove" value="(\d+)"', page) == [str(digest.more[0])]
    pages.client.post(action, data={"back": "1", "remove": digest.more[0]})
    assert "On your reading list." not in pages.client.get(path).text
    stranger = Browser(pages.web).get(path).text
    assert "/f/" not in stranger
    assert 'id="invite"' in stranger


def test_the_link_to_a_digest_with_another_token_shows_the_papers_only(pages: Pages) -> None:
    digest, path = _online(pages)
    for token in ("x", pages.link("preferences", 1).removeprefix("/p/"), pages.link("feedback", digest.row + 1)[3:]):
        opened = Browser(pages.web)
        assert opened.get(f"{path}?f={token}").headers["location"] == path
        opened.cookies.set("paperround_mine", token, path=path)
        assert "/f/" not in opened.get(path).text


def _online(pages: Pages, counted: int = 4) -> tuple[Digest, str]:
    """A digest with one paper that counts so many others, and the path of its page."""
    row = pages.subscriber(max_papers=1, first_now=True)
    assert pages.letters()
    [digest] = pages.app.store.issues.digests_of(row)
    assert len(digest.more) == counted
    return digest, pages.link("digest", digest.row)


def test_a_counted_paper_that_was_merged_into_another_one_since_is_on_the_page_of_its_digest(pages: Pages) -> None:
    apart = {"source": "blog", "kind": "feed", "arxiv_id": None, "abstract": "", "doi": "10.1000/robots.1"}
    pages.site.papers(listing(50, title="Another study of robots", **apart))
    digest, path = _online(pages, 5)
    blog = pages.app.store.papers.by_id("10.1000/robots.1")
    assert blog
    assert blog.row in digest.more
    pages.site.papers(listing(60))
    pages.site.papers(listing(60, version=2, doi="10.1000/robots.1"))
    assert not pages.app.store.papers.by_rows([blog.row]), "they are one now, under the number of the later one"
    text = pages.client.get(path).text
    assert "5 more that matched" in text
    assert "A careful study of robots, part 60" in text


def test_past_emails_are_those_that_were_not_given_up(pages: Pages) -> None:
    row = pages.subscriber(at="06:00")
    link = pages.link("preferences", row)
    pages.site.clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    [digest] = pages.app.store.issues.digests_of(row)
    assert pages.link("digest", digest.row) in pages.client.get(link).text
    pages.site.clock.now += timedelta(days=1)
    assert pages.app.store.deliveries.expire(pages.site.clock()) == 1
    assert pages.link("digest", digest.row) not in pages.client.get(link).text


def test_many_counted_papers_are_on_several_pages(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_page, "_MORE_SHOWN", 2)
    digest, path = _online(pages)
    papers = pages.app.store.papers.by_rows(digest.more)
    first, second = (pages.client.get(address).text for address in (path, f"{path}?page=2"))
    assert "4 more that matched" in first
    assert "4 more that matched" in second
    titles = [papers[row].title for row in digest.more]
    assert [title in first for title in titles] == [True, True, False, False]
    assert [title in second for title in titles] == [False, False, True, True]
    assert f'href="{path}?page=2"' in first
    assert f'href="{path}"' in second
    assert "?page=3" not in second
    for page in (0, 3, -1):
        assert pages.client.get(f"{path}?page={page}").status_code == 404


def test_a_subscriber_sees_their_own_language(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber(language="de", timezone="Europe/Berlin"))
    page = pages.client.get(link, headers={"Accept-Language": "fr"}).text
    assert '<html lang="de"' in page
    assert "Dienstag, 24.\u00a0November 2026" in page


def test_a_reload_after_saving_sends_nothing_again(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber())
    answer = pages.client.post(link, data={**FORM, "do": "save"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{link}?done=saved")
    assert answer.headers["cache-control"] == "no-store"
    before = pages.dump()
    assert "Saved." in pages.client.get(answer.headers["location"]).text
    assert "Saved." not in pages.client.get(f"{link}?done=anything").text
    assert pages.dump() == before


def test_a_stale_window_overwrites_nothing_silently(pages: Pages) -> None:
    row = pages.subscriber()
    link = pages.link("preferences", row)
    (opened,) = re.findall(r'name="version" value="(\w+)"', pages.client.get(link).text)
    pages.client.post_and_follow(link, data={**FORM, "max_papers": "7", "version": opened})
    stale = pages.client.post(link, data={**FORM, "max_papers": "3", "version": opened})
    assert stale.status_code == 409
    assert "changed in another window" in stale.text
    assert re.search(r'name="max_papers" [^>]*value="3"', stale.text), "what was typed is kept"
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert subscriber.preferences.max_papers == 7
    (now,) = re.findall(r'name="version" value="(\w+)"', stale.text)
    pages.client.post_and_follow(link, data={**FORM, "max_papers": "3", "version": now})
    subscriber = pages.app.store.subscribers.by_row(row)
    assert subscriber is not None
    assert subscriber.preferences.max_papers == 3


@pytest.mark.parametrize(
    ("to", "told", "cadence", "papers"),
    [
        ("weekly", "You now receive at most one email a week.", "weekly", 10),
        ("fewer", "Your emails now contain at most 5 papers.", "daily", 5),
        ("pause", "Paused until", "daily", 10),
    ],
)
def test_a_change_from_the_foot_of_a_letter_is_one_button(
    pages: Pages, to: str, told: str, cadence: str, papers: int
) -> None:
    link = f"{pages.link('preferences', pages.subscriber(cadence='daily', max_papers='10'))}/change?to={to}"
    before = pages.dump()
    asked = pages.client.get(link)
    assert asked.status_code == 200
    assert asked.text.count("<form class=") == 1
    assert "<script" not in asked.text
    assert pages.dump() == before, "mail scanners follow every link"
    assert told in pages.client.post(link).text
    subscriber = pages.app.store.subscribers.by_email("ada@lovelace.example")
    assert subscriber is not None
    assert (subscriber.schedule.cadence.value, subscriber.preferences.max_papers) == (cadence, papers)
    assert subscriber.state.value == ("paused" if to == "pause" else "active")
    assert "This is already your current setting." in pages.client.get(link).text or to == "fewer"


def test_an_unknown_change_is_refused_and_one_that_changes_nothing_says_so(pages: Pages) -> None:
    link = f"{pages.link('preferences', pages.subscriber())}/change"
    for to in ("", "?to=", "?to=hourly"):
        for answer in (pages.client.get(link + to), pages.client.post(link + to)):
            assert answer.status_code == 404
            assert "This is already your current setting." not in answer.text
    for answer in (pages.client.get(f"{link}?to=daily"), pages.client.post(f"{link}?to=daily")):
        assert "This is already your current setting." in answer.text


def test_a_change_from_an_old_letter_tells_somebody_who_has_unsubscribed_that_they_have(pages: Pages) -> None:
    link = f"{pages.link('preferences', pages.subscriber(cadence='daily'))}/change?to=weekly"
    membership.unsubscribe(pages.app, membership.subscriber(pages.app, "ada@lovelace.example"))
    for answer in (pages.client.get(link), pages.client.post(link)):
        assert "You are unsubscribed and will not receive any emails." in answer.text


def test_a_personal_page_is_offered_in_another_language_and_keeps_the_choice(pages: Pages) -> None:
    link, browser = pages.link("preferences", pages.subscriber()), Browser(pages.web)
    assert 'href="?lang=de"' in browser.get(link).text
    assert '<html lang="de"' in browser.get(f"{link}?lang=de").text
    assert '<html lang="de"' in browser.get(f"{link}/erase").text, "by the cookie"
    assert '<html lang="en"' in Browser(pages.web).get(link).text, "another browser has chosen nothing"
    browser.post(link, data={**FORM, "language": "de", "do": "save"})
    browser.post(link, data={**FORM, "language": "en", "do": "save"})
    assert '<html lang="en"' in browser.get(link).text, "the newer choice counts"


def test_the_response_to_a_form_offers_no_other_language(pages: Pages) -> None:
    link = pages.link("unsubscribe", pages.subscriber())
    assert "?lang=de" in pages.client.get(link).text
    assert "?lang=de" not in pages.client.post(link).text
