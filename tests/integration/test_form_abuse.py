"""The forms that send letters, attacked: no mailbox is filled, nobody is locked out, and no choice is exchanged."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv6Address

import pytest

from paperround.bounces.verdict import Report
from paperround.domain.models import BounceKind, Stage, SubscriberState
from paperround.rounds import bounce_intake
from paperround.store.quotas import Quota
from paperround.store.subscriber_changes import SubscriberChange
from paperround.web import create
from paperround.web.subscribers.form_guard import fold_mailbox
from support.pages import FORM, Browser, Pages, links_in

VICTIM = "victim@gmail.com"
NETWORKS = [f"198.51.{n}.7" for n in range(60)]


def _stamp(text: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', text)
    return found[1] if found else ""


def _lost(pages: Pages, email: str, client: str = "203.0.113.9") -> int:
    status: int = Browser(pages.web, client).post("/preferences", data={"email": email}).status_code
    return status


def test_the_variants_of_one_mailbox_are_one_mailbox(pages: Pages) -> None:
    names = [f"victim+{n}" for n in range(20)] + ["v.ictim", "vi.cti.m", "V.I.C.T.I.M+x"]
    written = [f"{name}@{domain}" for name in names for domain in ("gmail.com", "googlemail.com")]
    answers = [
        pages.subscribe(email, client=client) for email, client in zip(written, NETWORKS[: len(written)], strict=True)
    ]
    assert {answer.status_code for answer in answers} == {200}, "no answer tells that this mailbox had letters"
    assert len(pages.letters()) == 2
    sent = 0
    for number in range(9):
        pages.site.clock.now += timedelta(days=3)
        pages.subscribe(f"victim+x{number}@gmail.com")
        sent += len(pages.letters())
    assert sent == 3


def test_only_what_sends_a_letter_counts_for_the_mailbox(pages: Pages) -> None:
    for _ in range(3):
        pages.subscribe("uma@papers.example")
    (asked,) = pages.letters()
    confirm, *_ = links_in(asked, "c")
    assert pages.client.post(confirm).status_code == 303
    pages.letters()
    uma = pages.app.store.subscribers.by_email("uma@papers.example")
    assert uma
    pages.client.post(pages.link("unsubscribe", uma.row))
    pages.site.clock.now += timedelta(minutes=5)
    assert "uma@papers.example" in pages.subscribe("uma@papers.example").text
    assert [letter["To"] for letter in pages.letters()] == ["uma@papers.example"]


def test_links_asked_for_before_the_subscription_do_not_count(pages: Pages) -> None:
    for _ in range(3):
        assert _lost(pages, "ada@papers.example") == 303
    pages.subscriber("ada@papers.example")
    assert _lost(pages, "ada@papers.example") == 303
    assert len(pages.letters()) == 1


def test_spellings_of_an_address_have_one_normal_form() -> None:
    assert fold_mailbox("A.D.A+papers@GoogleMail.com") == ("ada@gmail.com", "gmail.com")
    assert fold_mailbox("+x@papers.example")[0] == "+x@papers.example"


def test_a_customers_whole_network_is_one_place(pages: Pages) -> None:
    answers = [pages.subscribe(f"v{n}@d{n}.example", client=f"2001:db8:5:{n:x}::1").status_code for n in range(60)]
    assert answers.count(200) == 40
    assert pages.subscribe("friend@papers.example", client="2001:db8:6::1").status_code == 200


@pytest.mark.parametrize("prefix", ["2001:db8:1:2", "2001:db8:0:0", "2001:db8:1:0", "2001:0:0:7"])
def test_a_household_is_one_client_however_its_addresses_are_written(pages: Pages, prefix: str) -> None:
    clients = [str(IPv6Address(f"{prefix}:0:0:{n:x}:1")) for n in range(12)]
    answers = [pages.subscribe(f"v{n}@d{n}.example", client=client).status_code for n, client in enumerate(clients)]
    assert answers.count(200) == 10
    assert answers[10:] == [429, 429]


def test_clients_of_ipv4_are_told_apart_at_a_socket_for_both_versions(pages: Pages) -> None:
    for n in range(12):
        assert pages.subscribe(f"v{n}@d{n}.example", client=f"::ffff:203.0.{n}.9").status_code == 200


def test_one_domain_cannot_be_flooded_from_everywhere(pages: Pages) -> None:
    answers = [pages.subscribe(f"v{n}@small.example", client=NETWORKS[n]) for n in range(50)]
    assert sum(bool(_stamp(answer.text)) for answer in answers) == 20
    assert len(pages.letters()) == 30
    assert not _stamp(pages.subscribe("ada@other.example", client="203.0.113.1").text)


def test_in_a_spike_the_form_is_sent_twice_by_the_same_client_after_some_seconds(pages: Pages) -> None:
    pages.web.state.context.limits.newcomers.spike = 0
    first = pages.subscribe("ada@papers.example", client=NETWORKS[0])
    stamp = _stamp(first.text)
    assert stamp
    assert first.headers["cache-control"] == "private, no-cache"

    def again(client: str = NETWORKS[0], email: str = "ada@papers.example", **fields: str) -> bool:
        return not _stamp(pages.subscribe(email, client=client, **{"stamp": stamp, **fields}).text)

    assert not again(), "a program that does not wait"
    pages.site.clock.now += timedelta(seconds=6)
    assert not again(client=NETWORKS[1])
    assert not again(email="bob@papers.example")
    assert not again(stamp=stamp[:-1] + "x")
    assert not again(stamp="99999999999999999999.x")
    assert pages.letters() == []
    assert again()
    assert len(pages.letters()) == 1
    pages.site.clock.now += timedelta(hours=2)
    assert not again()


def test_a_flood_of_newcomers_keeps_no_subscriber_from_their_link(pages: Pages) -> None:
    pages.subscriber("ada@papers.example")
    limits = pages.web.state.context.limits
    limits.newcomers.everybody = Quota("subscribe everybody", 5, timedelta(hours=1))
    answers = [pages.subscribe(f"v{n}@d{n}.example", client=NETWORKS[n]).status_code for n in range(7)]
    assert answers == [200] * 5 + [429] * 2
    pages.letters()
    assert _lost(pages, "ada@papers.example") == 303
    assert len(pages.letters()) == 1


def test_in_a_spike_of_lost_links_that_form_is_sent_twice_too(pages: Pages) -> None:
    pages.subscriber("ada@papers.example")
    pages.web.state.context.limits.lost_links.spike = 0
    browser = Browser(pages.web)
    stamp = _stamp(browser.post("/preferences", data={"email": "ada@papers.example"}).text)
    pages.site.clock.now += timedelta(seconds=6)
    browser.post("/preferences", data={"email": "ada@papers.example", "stamp": stamp})
    assert len(pages.letters()) == 1


def test_a_restart_forgets_no_count(pages: Pages) -> None:
    for number in range(10):
        pages.subscribe(f"v{number}@d{number}.example")
    pages.web = create(pages.app)
    assert pages.subscribe("one-more@papers.example").status_code == 429


def test_the_counts_hold_no_address(pages: Pages) -> None:
    pages.subscribe(VICTIM, client="203.0.113.77")
    counted = str(pages.dump()["quota_uses"])
    assert counted
    assert not re.search(r"victim|gmail|203\.0", counted)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://papers.example.org.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_on_another_site_sends_no_letter(pages: Pages, headers: dict[str, str]) -> None:
    for path in ("/subscribe", "/preferences"):
        answer = pages.client.post(path, data={**FORM, "email": VICTIM}, headers=headers)
        assert answer.status_code == 403
    assert pages.letters() == []


def test_our_own_form_is_taken_with_the_fields_that_browsers_send(pages: Pages) -> None:
    ours = {"Origin": "https://papers.example.org", "Sec-Fetch-Site": "same-origin"}
    assert pages.client.post("/subscribe", data={**FORM, "email": VICTIM}, headers=ours).status_code == 303
    assert len(pages.letters()) == 1


def test_who_complained_is_not_written_to_because_a_stranger_types_the_address(pages: Pages) -> None:
    pages.subscriber(VICTIM)
    pages.app.store.subscribers.suppress(VICTIM, "complaint", pages.site.clock())
    began, sent = pages.site.clock.now, []
    for day in (0, 1, 44, 89, 91, 92, 130):
        pages.site.clock.now = began + timedelta(days=day)
        pages.subscribe(VICTIM)
        sent += [day for letter in pages.letters() if letter["Subject"].startswith("Confirm")]
    assert sent == [91]


def test_a_stranger_cannot_exchange_what_a_newcomer_is_asked_to_confirm(pages: Pages) -> None:
    pages.subscribe("ada@papers.example", topic="robots")
    (link,) = set(links_in(pages.letters()[0], "c"))
    pages.subscribe("ada@papers.example", client=NETWORKS[0], topic="agents", query="win a prize", first_now="1")
    assert "win a prize" not in pages.client.get(link).text
    pages.client.post(link)
    found = pages.app.store.subscribers.by_email("ada@papers.example")
    assert found is not None
    assert (found.state, found.topics) == (SubscriberState.ACTIVE, ("robots",))


def test_who_never_confirmed_can_ask_anew_for_something_else(pages: Pages) -> None:
    pages.subscribe("ada@papers.example", topic="robots")
    pages.letters()
    pages.site.clock.now += timedelta(days=3, minutes=1)
    pages.subscribe("ada@papers.example", topic="agents")
    (link,) = set(links_in(pages.letters()[0], "c"))
    pages.client.post(link)
    found = pages.app.store.subscribers.by_email("ada@papers.example")
    assert found is not None
    assert found.topics == ("agents",)


def test_every_way_to_try_a_query_is_counted_together(pages: Pages) -> None:
    row = pages.subscriber()
    pages.web.state.context.limits.trying.most = 6
    tried = {**FORM, "query": ["robots", "agents"]}
    assert pages.client.post("/subscribe", data={**tried, "step": "try"}).status_code == 200
    assert pages.client.post(pages.link("preferences", row), data={**tried, "do": "try"}).status_code == 200
    assert pages.client.post("/subscribe", data={**tried, "email": "nonsense"}).status_code == 422
    assert pages.client.post("/subscribe", data={**tried, "step": "try"}).status_code == 429
    assert pages.client.post(pages.link("preferences", row), data={**tried, "do": "try"}).status_code == 429
    assert pages.client.get("/try", params={"q": "robots"}).status_code == 429
    pages.site.clock.now += timedelta(minutes=1, seconds=1)
    assert pages.client.get("/try", params={"q": "robots"}).status_code == 200


def test_an_imported_consent_with_a_date_out_of_range_does_not_break_the_form(pages: Pages) -> None:
    consent = {"confirmed_at": "0001-01-01T00:00:00+14:00"}
    left = SubscriberChange("uma@papers.example", {}, SubscriberState.UNSUBSCRIBED, consent)
    pages.app.store.subscriber_changes.save([left], pages.site.clock())
    assert pages.subscribe("uma@papers.example").status_code == 200
    assert [letter["To"] for letter in pages.letters()] == ["uma@papers.example"]


@pytest.mark.parametrize("form", ["subscribe", "lost link"])
def test_a_dead_address_is_written_to_once_in_90_days_at_most(pages: Pages, form: str) -> None:
    pages.subscribe("nobody@papers.example")
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    assert pages.letters() == []
    start, written = pages.site.clock(), []
    for number in range(40):
        pages.site.clock.now += timedelta(days=8)
        pages.app.store.subscription_requests.forget_unconfirmed(pages.site.clock() - timedelta(days=30))
        pages.subscribe("nobody@papers.example", client=f"198.51.{number}.7")
        if form == "lost link":
            _lost(pages, "nobody@papers.example", client=f"198.51.{number}.7")
        written += [(pages.site.clock() - start).days for letter in pages.letters()]
    assert written == [96, 192, 288]


def test_the_form_for_lost_links_leaves_a_dead_address_alone_too(pages: Pages) -> None:
    pages.subscribe("nobody@papers.example")
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    pages.letters()
    pages.site.clock.now += timedelta(days=2)
    assert _lost(pages, "nobody@papers.example") == 303
    assert pages.letters() == []


def test_who_was_entered_by_a_stranger_and_complained_is_forgotten_and_left_alone(pages: Pages) -> None:
    pages.subscribe("uma@papers.example")
    pages.letters()
    uma = pages.app.store.subscribers.by_email("uma@papers.example")
    assert uma
    complaint = Report(BounceKind.COMPLAINT, recipient="uma@papers.example", sent_to=True)
    assert bounce_intake.apply_report(pages.app, "w", complaint, trusted=True).new
    pages.site.clock.now += timedelta(days=31)
    assert pages.app.store.subscription_requests.forget_unconfirmed(pages.site.clock() - timedelta(days=30)) == 1
    assert "uma@papers.example" not in str(pages.dump())
    assert len(pages.dump()["suppressions"]) == 1
    pages.subscribe("uma@papers.example")
    assert pages.letters() == []
