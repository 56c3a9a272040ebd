"""The operator's pages: nobody gets in without the token, and nothing is done that another site asks for."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from paperround.domain.models import Stage, SubscriberState
from paperround.operator import api_tokens
from paperround.rounds import pipeline
from paperround.store.subscribers import SubscriberFilter
from paperround.subscribers import membership
from support.pages import ADMIN, ADMIN_SITE, ADMIN_TOKEN, Browser, Pages
from support.papers import listing
from support.site import Site


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site=ADMIN_SITE)
    yield made
    made.app.close()


def _csrf(page: str) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', page)[0]


def test_nobody_gets_in_without_the_token(pages: Pages) -> None:
    stranger = Browser(pages.web)
    assert 'name="token"' in stranger.get("/admin").text
    for path in (
        "/admin/subscribers",
        "/admin/subscribers/1",
        "/admin/topics",
        "/admin/letters",
        "/admin/progress",
        "/admin/charts/subscribers.svg",
    ):
        assert stranger.get(path).status_code == 401, path
    for path in (
        "/admin/logout", "/admin/subscribers/1", "/admin/topics", "/admin/letters", "/admin/letters/resume",
    ):  # fmt: skip
        assert stranger.post(path, data={"csrf": "x"}).status_code == 401, path
    assert stranger.post("/admin/login", data={"token": "guess"}).status_code == 403
    assert stranger.post("/admin/login", data={}).status_code == 403
    assert not stranger.cookies


def test_guessing_the_token_is_slow(pages: Pages) -> None:
    guesses = Browser(pages.web)
    answers = [guesses.post("/admin/login", data={"token": f"guess {n}"}).status_code for n in range(7)]
    assert answers == [403] * 5 + [429] * 2
    assert guesses.post("/admin/login", data={"token": ADMIN_TOKEN}).status_code == 429
    assert Browser(pages.web, "198.51.100.9").post("/admin/login", data={"token": ADMIN_TOKEN}).status_code == 303
    pages.site.clock.now += timedelta(minutes=6)
    assert guesses.post("/admin/login", data={"token": ADMIN_TOKEN}).status_code == 303


def test_without_a_token_there_is_no_way_in(tmp_path: Path) -> None:
    made = Pages(tmp_path)
    assert "No admin token is configured" in made.client.get("/admin").text
    assert made.client.post("/admin/login", data={"token": ""}).status_code == 429
    made.app.close()


def test_the_session_is_a_cookie_that_scripts_and_other_sites_cannot_use(pages: Pages) -> None:
    cookie = Browser(pages.web).post("/admin/login", data={"token": ADMIN_TOKEN}).headers["set-cookie"]
    for part in ("__Host-paperround_admin=", "HttpOnly", "Secure", "SameSite=strict", "Path=/;"):
        assert part in cookie
    assert ADMIN_TOKEN not in cookie
    browser = pages.operator()
    assert browser.get("/admin").status_code == 200
    pages.site.clock.now += timedelta(hours=13)
    assert browser.get("/admin/subscribers").status_code == 401


def test_another_sites_form_does_nothing(pages: Pages) -> None:
    row = pages.subscriber()
    browser = pages.operator()
    other = _csrf(pages.operator().get("/admin").text)
    before = pages.dump()
    for path in (f"/admin/subscribers/{row}", "/admin/topics", "/admin/letters", "/admin/logout"):
        assert browser.post(path, data={"do": "unsubscribe"}).status_code == 403
        assert browser.post(path, data={"do": "unsubscribe", "csrf": other}).status_code == 403
    assert pages.dump() == before


def test_the_overview_shows_how_everything_is(pages: Pages) -> None:
    pages.subscriber(at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    pages.letters()
    browser = pages.operator()
    assert "publishing" not in browser.get("/admin/progress").text
    text = browser.get("/admin").text
    assert "no such mailbox" in text
    for name in ("subscribers", "letters", "bounces"):
        picture = browser.get(f"/admin/charts/{name}.svg")
        assert picture.headers["content-type"] == "image/svg+xml"
        assert picture.text.count("<svg") == 1
        assert "<script" not in picture.text
        assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"|<!--.*?-->', "", picture.text, flags=re.DOTALL)
    assert "failed" in browser.get("/admin/charts/letters.svg").text
    assert browser.get("/admin/charts/secrets.svg").status_code == 404


def test_a_rounds_progress_can_be_watched(pages: Pages) -> None:
    browser = pages.operator()
    pages.app.progress.begin("publishing", 1000)
    pages.app.progress.advance(250)
    assert browser.get("/admin/progress").json() == {
        "message": "Publishing: 250 of 1,000",
        "stage": "publishing",
        "done": 250,
        "total": 1000,
    }
    pages.app.progress.advance(750)
    assert browser.get("/admin/progress").json()["stage"] is None


def test_subscribers_are_found_and_helped(pages: Pages) -> None:
    row = pages.subscriber("ada@lovelace.example")
    pages.subscriber("grace_x@hopper.example")
    browser = pages.operator()
    assert "grace_x" not in browser.get("/admin/subscribers?q=ADA@").text
    assert "ada@" not in browser.get("/admin/subscribers?q=e_x").text  # the underscore is no wildcard
    assert "No subscribers" in browser.get("/admin/subscribers?state=paused").text
    page = browser.get(f"/admin/subscribers/{row}").text
    csrf = _csrf(page)
    assert "One letter" not in page  # the operator's pages speak of the subscriber, not to them
    assert "Frequency</th><td>Every day</td>" in page
    for done, state in [("pause", "paused"), ("resume", "active"), ("unsubscribe", "unsubscribed")]:
        assert browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": done}).status_code == 303
        assert pages.app.store.subscribers.by_row(row).state == state  # type: ignore[union-attr]
    wrong = browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "pause"})
    assert wrong.status_code == 422
    assert "only an active or paused subscriber can pause" in wrong.text
    assert browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "erase"}).status_code == 303
    assert pages.app.store.subscribers.by_row(row) is not None  # not without the tick
    browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "erase", "sure": "yes"})
    assert pages.app.store.subscribers.by_row(row) is None
    assert browser.get(f"/admin/subscribers/{row}").status_code == 404


def test_a_subscriber_who_lost_their_link_is_sent_it(pages: Pages) -> None:
    row = pages.subscriber()
    browser = pages.operator()
    csrf = _csrf(browser.get(f"/admin/subscribers/{row}").text)
    browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "link"})
    assert [letter["Subject"] for letter in pages.letters()] == ["Your preferences link for paperround"]


def test_a_topic_is_tried_before_it_is_kept(pages: Pages) -> None:
    browser = pages.operator()
    csrf = _csrf(browser.get("/admin/topics/new").text)
    typed = {"csrf": csrf, "slug": "Part-Two", "name": "Part <2>", "about": "Twos", "query": '"part 2"'}
    tried = browser.post("/admin/topics", data={**typed, "do": "try"})
    assert "1 paper in the past week" in tried.text
    assert pages.app.store.topics.by_slug("part-two") is None
    assert browser.post("/admin/topics", data={**typed, "do": "save"}).status_code == 303
    made = pages.app.store.topics.by_slug("part-two")
    assert made is not None
    assert (made.name, made.query, made.private) == ("Part <2>", '"part 2"', False)
    assert "Part &lt;2&gt;" in browser.get("/admin/topics").text
    assert "A careful study of robots, part 2" in browser.get("/topics/part-two").text
    for change, said in [
        ({"query": "("}, "never closed"),
        ({"query": "the of"}, "papers on any subject have these words"),
        ({"slug": "no spaces"}, "cannot be a topic"),
        ({"name": " "}, "enter a name"),
    ]:
        refused = browser.post("/admin/topics", data={**typed, **change, "do": "save"})
        assert refused.status_code == 422
        assert said in refused.text
    assert browser.get("/admin/topics/nowhere").status_code == 404


def test_a_subscribers_own_query_is_not_the_operators_to_change(pages: Pages) -> None:
    from support.pages import FORM

    pages.client.post(pages.link("preferences", pages.subscriber()), data={**FORM, "query": "zeppelin"})
    own = next(topic for topic in pages.app.store.topics.all() if topic.private)
    browser = pages.operator()
    assert browser.get(f"/admin/topics/{own.slug}").status_code == 404
    csrf = _csrf(browser.get("/admin/topics/new").text)
    taken = browser.post("/admin/topics", data={"csrf": csrf, "slug": own.slug, "name": "x", "query": "y"})
    assert taken.status_code == 422
    assert pages.app.store.topics.by_slug(own.slug) == own


def test_the_overview_ends_a_pause_of_the_relay(pages: Pages) -> None:
    browser = pages.operator()
    assert "Resume delivery" not in browser.get("/admin").text
    relay = pages.app.store.relay
    relay.pause(pages.site.clock() + timedelta(minutes=15), "tls: the relay offers no STARTTLS")
    page = browser.get("/admin").text
    assert "the relay offers no STARTTLS" in page
    assert browser.post("/admin/letters/resume", data={"csrf": "guessed"}).status_code == 403
    browser.post("/admin/letters/resume", data={"csrf": _csrf(page)})
    assert relay.state(pages.site.clock().date()).paused_until is None
    assert "delivery resumed" in browser.get("/admin/changes").text


def test_failed_letters_are_sent_again(pages: Pages) -> None:
    row = pages.subscriber(at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.2.2 mailbox full"))
    pages.letters()
    browser = pages.operator()
    assert "Retry selected" not in browser.get("/admin/letters?state=sent").text, "there is nothing to select"
    page = browser.get("/admin/letters?state=failed").text
    assert "mailbox full" in page
    assert "Retry selected" in page
    number = re.findall(r'name="letter" value="(\d+)"', page)
    browser.post("/admin/letters", data={"csrf": _csrf(page), "letter": [*number, "x"]})
    pipeline.deliver(pages.app)
    assert len(pages.site.relay.accepted) == 1
    assert pages.app.store.subscribers.by_row(row).state is SubscriberState.ACTIVE  # type: ignore[union-attr]


def test_a_letter_to_a_suppressed_address_is_not_offered_again(pages: Pages) -> None:
    row = pages.subscriber(at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such user"))
    pages.letters()
    (failed,) = pages.app.store.delivery_reports.find(row=None)
    browser, number = pages.operator(), failed["id"]
    list_of_all = browser.get("/admin/letters").text
    assert 'name="letter"' not in list_of_all
    assert 'name="letter" value' not in browser.get(f"/admin/subscribers/{row}").text
    letter = browser.get(f"/admin/letters/{number}").text
    why = "the address is suppressed; its owner can lift that by subscribing again and confirming"
    assert f"It cannot be sent again: {why}, and unless they complained you can" in letter
    assert ">Retry<" not in letter
    browser.post("/admin/letters", data={"csrf": _csrf(list_of_all), "letter": number})
    assert pages.app.store.delivery_reports.find() == [failed], "its reason stays: the reply of the mailbox"
    refused = pages.client.post(f"/api/deliveries/{number}/retry", headers=ADMIN)
    assert (refused.status_code, why in refused.text) == (409, True)


def test_a_letter_lists_its_papers_by_title_with_the_reasons(pages: Pages) -> None:
    pages.subscriber(first_now=True)
    pages.letters()
    (sent,) = pages.app.store.delivery_reports.find(row=None)
    page = pages.operator().get(f"/admin/letters/{sent['id']}").text
    for paper in pages.app.store.papers.by_rows(sent["paper_rows"]).values():
        assert f'{paper.id}">{paper.title}</a></td><td>Robots</td>' in page


def test_logging_out_ends_the_session_also_for_a_copy_of_its_cookie(pages: Pages) -> None:
    browser, thief = pages.operator(), Browser(pages.web, "198.51.100.9")
    thief.cookies = httpx.Cookies(browser.cookies)
    assert thief.get("/admin/subscribers").status_code == 200
    browser.post("/admin/logout", data={"csrf": _csrf(browser.get("/admin").text)})
    assert browser.get("/admin/subscribers").status_code == 401
    assert thief.get("/admin/subscribers").status_code == 401


def test_a_session_from_before_cookies_had_a_prefix_goes_on_until_its_logout(pages: Pages) -> None:
    new, browser = pages.operator(), Browser(pages.web)
    browser.cookies.set("paperround_admin", new.cookies["__Host-paperround_admin"], "papers.example.org")
    page = browser.get("/admin/subscribers")
    assert page.status_code == 200
    assert browser.post("/admin/logout", data={"csrf": _csrf(page.text)}).status_code == 303
    assert new.get("/admin/subscribers").status_code == 401


def test_a_cookie_that_another_host_of_the_domain_has_set_ends_no_session(pages: Pages) -> None:
    browser = pages.operator()
    browser.cookies.set("paperround_admin", "forged", "papers.example.org")
    page = browser.get("/admin/subscribers")
    assert page.status_code == 200
    assert browser.post("/admin/logout", data={"csrf": _csrf(page.text)}).status_code == 303


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://papers.example.org/daily", "__Secure-paperround_admin"),
        ("http://papers.example.org", "paperround_admin"),
    ],
)
def test_a_prefix_is_one_that_browsers_accept_there(tmp_path: Path, base_url: str, name: str) -> None:
    made = Pages(tmp_path, site={**ADMIN_SITE, "base_url": base_url})
    browser = Browser(made.web)
    answer = browser.post("/admin/login", data={"token": ADMIN_TOKEN})
    assert answer.headers["set-cookie"].startswith(f"{name}=")
    browser.cookies = httpx.Cookies({name: answer.headers["set-cookie"].partition("=")[2].partition(";")[0]})
    page = browser.get("/admin").text
    gone = browser.post("/admin/logout", data={"csrf": _csrf(page)}).headers["set-cookie"]
    assert gone.startswith(f'{name}="";')
    assert ("Secure" in gone.partition(";")[2]) == name.startswith("__")
    made.app.close()


def test_a_session_ends_by_itself_and_its_cookie_is_not_in_the_database(pages: Pages) -> None:
    browser = pages.operator()
    assert browser.cookies["__Host-paperround_admin"] not in str(pages.dump())
    pages.site.clock.now += timedelta(hours=12, seconds=1)
    assert browser.get("/admin/subscribers").status_code == 401


def test_every_change_leaves_a_line_that_names_no_address(pages: Pages) -> None:
    row = pages.subscriber("ada@lovelace.example")
    browser = pages.operator()
    csrf = _csrf(browser.get(f"/admin/subscribers/{row}").text)
    browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "pause"})
    browser.post(f"/admin/subscribers/{row}", data={"csrf": csrf, "do": "erase", "sure": "1"})
    topic = {"name": "Tables", "query": "tables"}
    assert browser.request("PUT", "/api/topics/tables", json=topic, headers=ADMIN).status_code == 200
    told = browser.get("/admin/changes").text
    for part in ("subscriber: pause", "subscriber: erase", f"subscriber {row}", "admin token", "tables", "logged in"):
        assert part in told
    assert "lovelace" not in told
    assert "lovelace" not in str(pages.dump()["audit_entries"])


def test_the_operator_sees_the_inbox_from_anywhere(tmp_path: Path) -> None:
    made = Pages(tmp_path, site=ADMIN_SITE, transport={"kind": "inbox", "directory": tmp_path / "inbox"})
    assert made.client.get("/inbox").status_code == 403
    assert made.operator().get("/inbox").status_code == 200
    made.app.close()


def test_prometheus_reads_the_numbers(pages: Pages) -> None:
    pages.subscriber(at="06:00")
    pages.subscriber("grace@hopper.example")
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    asked = Browser(pages.web)
    assert asked.get("/metrics").status_code == 401
    assert asked.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 401
    found = asked.get("/metrics", headers=ADMIN).text
    assert 'paperround_subscribers{state="active"} 2.0' in found
    assert 'paperround_deliveries{state="sent"} 2.0' in found
    assert "paperround_papers 6.0" in found
    assert "paperround_letters_today 2.0" in found
    assert "paperround_relay_paused 0.0" in found
    guesses = Browser(pages.web, "198.51.100.3")
    for n in range(6):
        guesses.get("/metrics", headers={"Authorization": f"Bearer guess {n}"})
    assert guesses.get("/metrics", headers=ADMIN).status_code == 429


def test_the_delivery_lag_is_that_of_the_longest_waiting_email(pages: Pages) -> None:
    asked, clock = Browser(pages.web), pages.site.clock

    def lag() -> float:
        found = asked.get("/metrics", headers=ADMIN).text
        return float(found.partition("\npaperround_delivery_lag_seconds ")[2].partition("\n")[0])

    pages.subscriber(at="06:00")
    clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    assert lag() == 0
    clock.now += timedelta(hours=1)
    assert lag() == 3600
    clock.now += timedelta(days=1)
    assert pages.app.store.deliveries.expire(clock()) == 1
    assert lag() == 0
    pages.site.papers(listing(40, "robots"))
    pipeline.publish(pages.app)
    [_, waiting] = pages.app.store.delivery_reports.find()[::-1]
    assert waiting["state"] == "queued"
    assert waiting["next_attempt_at"] == clock()
    assert lag() == 0  # the papers of the expired email have waited for a day, this email has not
    clock.now += timedelta(minutes=2)
    assert lag() == 120
    pipeline.deliver(pages.app)
    assert lag() == 0


def test_prometheus_needs_no_more_than_a_token_for_metrics(tmp_path: Path) -> None:
    made = Pages(tmp_path, site={"base_url": "http://localhost:8000", "sender": "a@b.example"})
    local = Browser(made.web, "127.0.0.1", "http://localhost:8000")
    assert local.get("/metrics").status_code == 401
    token = api_tokens.make(made.app, "prometheus", ["metrics:read"])
    headers = {"Authorization": f"Bearer {token}"}
    assert "paperround_papers" in local.get("/metrics", headers=headers).text
    assert local.get("/api/subscribers", headers=headers).status_code == 403
    made.app.close()


def test_guesses_from_one_ipv6_network_are_one_guesser(pages: Pages) -> None:
    for number in range(5):
        guesser = Browser(pages.web, f"2001:db8:7:8:{number:x}::1")
        assert guesser.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 401
    last = Browser(pages.web, "2001:db8:7:8:ff::1")
    assert last.get("/metrics", headers=ADMIN).status_code == 429


def test_both_databases_count_days_alike(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    site.papers(listing(1))
    site.subscriber("ada@lovelace.example", "robots", at="06:00")
    site.subscriber("grace_x@hopper.example", "robots", at="06:00")
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    (found,) = site.app.store.subscribers.find(SubscriberFilter("E_X@"))
    membership.unsubscribe(site.app, found)
    overview, since, today = site.app.store.overview, site.clock() - timedelta(days=5), site.clock().date()
    assert overview.subscribers_by_day(since) == {"joined": {today - timedelta(days=1): 2}, "left": {today: 1}}
    assert overview.letters_by_day(since) == {"sent": {today: 2}}
    assert overview.bounces_by_day(since) == {}
    [(robots, subscribers, papers)] = site.app.store.topics.public_counts(since.date())
    assert (robots.slug, subscribers, papers) == ("robots", 1, 1)
    assert site.app.store.topics.public_counts(today)[0][2] == 0
    site.app.close()


def test_a_form_sent_after_the_session_ended_is_kept_through_the_login(pages: Pages) -> None:
    browser = pages.operator()
    mark = _csrf(browser.get("/admin/topics/new").text)
    pages.site.clock.now += timedelta(hours=13)
    typed = {"csrf": mark, "slug": "tables", "name": "Tables <b>", "query": 'table* OR "x"', "do": "save"}
    page = browser.post("/admin/topics", data=typed)
    assert page.status_code == 401
    assert "what you typed is kept" in page.text
    hidden = {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(kept-\w+)" value="([^"]*)"', page.text)
    }
    assert mark not in hidden["kept-fields"]
    wrong = browser.post("/admin/login", data={"token": "a wrong one", **hidden})
    assert wrong.status_code == 403
    assert "kept-fields" in wrong.text
    again = browser.post("/admin/login", data={"token": ADMIN_TOKEN, **hidden})
    assert again.status_code == 200
    assert "Tables &lt;b&gt;" in again.text
    fields = {n: html.unescape(v) for n, v in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', again.text)}
    assert fields == {**typed, "csrf": fields["csrf"]}
    assert browser.post("/admin/topics", data=fields).status_code == 303
    saved = pages.app.store.topics.by_slug("tables")
    assert saved
    assert saved.name == "Tables <b>"


def test_a_form_of_another_site_is_not_kept_and_nothing_leads_out_of_the_admin_pages(pages: Pages) -> None:
    stranger = Browser(pages.web)
    typed = {"slug": "evil", "name": "Evil", "query": "evil", "do": "save"}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        page = stranger.post("/admin/topics", data=typed, headers=headers)
        assert page.status_code == 401
        assert "kept" not in page.text
    for elsewhere in ("https://evil.example/admin/x", "//evil.example/admin/", "/p/x/erase", "/admin/logout", ""):
        carried = {"token": ADMIN_TOKEN, "kept-path": elsewhere, "kept-fields": "slug=evil"}
        assert Browser(pages.web).post("/admin/login", data=carried).status_code == 303, elsewhere
