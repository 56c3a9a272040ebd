"""A subscriber moves to another address: only its owner's word moves them, and nobody learns who subscribes."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paperround.bounces.verdict import Report
from paperround.domain import tokens
from paperround.domain.models import BounceKind, DeliveryState, Listing, Stage, SubscriberState
from paperround.domain.suppressions import Suppression, SuppressionCause
from paperround.operator.retries import retry_letters
from paperround.rounds import bounce_intake, pipeline
from paperround.store.address_changes import ConfirmResult
from paperround.store.bounces import Bounce
from paperround.store.deliveries import ClaimResult
from paperround.subscribers import address_change, confirmation, membership
from support.pages import Browser, Pages, links_in
from support.papers import listing
from support.site import Site

OLD, NEW = "ada@lovelace.example", "ada@analytical.example"


@pytest.fixture
def ada(pages: Pages) -> int:
    row = pages.subscriber(OLD, at="06:00", cadence="daily")
    pages.letters()
    return row


def _ask(pages: Pages, row: int, email: str) -> str:
    answer = pages.client.post(f"{pages.link('preferences', row)}/address", data={"email": email})
    assert answer.status_code == 200, answer.text
    return answer.text


def _address(pages: Pages, row: int) -> str:
    found = pages.app.store.subscribers.by_row(row)
    assert found is not None
    return found.email


def test_the_new_address_is_asked_and_the_old_one_is_told(pages: Pages, ada: int) -> None:
    assert NEW in _ask(pages, ada, f"  {NEW} ")
    (asking,) = pages.letters()
    assert asking["To"] == NEW
    (link,) = set(links_in(asking, "a"))
    page = pages.client.get(link).text
    assert NEW in page
    assert OLD not in page
    assert _address(pages, ada) == OLD
    confirmed = pages.client.post(link)
    assert f"Your emails now go to {NEW}." in confirmed.text
    (told,) = pages.letters()
    assert told["To"] == OLD
    assert NEW in told.get_body(("plain",)).get_content()
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    assert [letter["To"] for letter in pages.letters()] == [NEW]
    assert pages.app.store.subscribers.by_email(NEW).consent["address_confirmed_at"]  # type: ignore[union-attr]


def test_the_email_that_asks_gives_a_stranger_no_way_in(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    (asking,) = pages.letters()
    assert asking["List-Unsubscribe"] is None
    everything = asking.as_string() + asking.get_body(("html",)).get_content()
    assert OLD not in everything
    assert not links_in(asking, "p")
    assert not links_in(asking, "u")
    assert "/p/" not in everything
    assert "/u/" not in everything


def test_nothing_changes_by_looking_or_too_late_or_twice(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    (link,) = set(links_in(pages.letters()[0], "a"))
    for _ in range(2):
        pages.client.get(link)
        pages.client.request("HEAD", link)
    pages.site.clock.now += timedelta(days=3, minutes=1)
    assert pages.client.get(link).status_code == 410
    assert pages.client.post(link).status_code == 410
    assert _address(pages, ada) == OLD
    _ask(pages, ada, NEW)
    (fresh,) = {found for letter in pages.letters() for found in links_in(letter, "a")}
    assert pages.client.post(fresh).status_code == 200
    assert pages.client.post(fresh).status_code == 410
    assert pages.client.post(link).status_code == 410
    assert _address(pages, ada) == NEW


def test_every_address_gets_the_same_answer(pages: Pages, ada: int) -> None:
    pages.subscriber("grace@hopper.example")
    pages.app.store.subscribers.suppress("gone@hopper.example", "hard bounce", pages.site.clock())
    answers = [
        _ask(pages, ada, email).replace(email, "…")
        for email in ("nobody@hopper.example", "grace@hopper.example", "gone@hopper.example")
    ]
    assert len(set(answers)) == 1
    assert {letter["To"] for letter in pages.letters() if links_in(letter, "a")} == {
        "nobody@hopper.example",
        "grace@hopper.example",
    }


def test_an_address_that_subscribes_already_is_told_so_by_the_link_in_its_own_mail(pages: Pages, ada: int) -> None:
    grace = pages.subscriber(NEW)
    pages.letters()
    _ask(pages, ada, NEW)
    (link,) = {found for letter in pages.letters() for found in links_in(letter, "a")}
    for answer in (pages.client.get(link), pages.client.post(link)):
        assert answer.status_code == 409
        assert "already has a subscription of its own" in answer.text
    assert pages.link("preferences", grace) in answer.text
    assert _address(pages, ada) == OLD
    membership.erase(pages.app, pages.app.store.subscribers.by_row(grace))  # type: ignore[arg-type]
    assert pages.client.post(link).status_code == 200
    assert _address(pages, ada) == NEW


def test_a_strangers_unconfirmed_request_does_not_keep_an_address_from_its_owner(pages: Pages, ada: int) -> None:
    pages.subscribe(NEW)
    pages.letters()
    _ask(pages, ada, NEW)
    (link,) = {found for letter in pages.letters() for found in links_in(letter, "a")}
    assert pages.client.get(link).status_code == 200
    assert pages.client.post(link).status_code == 200
    assert pages.app.store.subscribers.by_email(NEW).row == ada  # type: ignore[union-attr]


def test_a_mailbox_and_the_relay_are_not_filled_by_requests(pages: Pages, ada: int) -> None:
    grace = pages.subscriber("grace@hopper.example")
    _ask(pages, ada, NEW)
    _ask(pages, ada, NEW)
    _ask(pages, grace, NEW)
    asked = [letter["To"] for letter in pages.letters() if links_in(letter, "a")]
    assert asked == [NEW]
    _ask(pages, ada, "third@analytical.example")
    refused = pages.client.post(f"{pages.link('preferences', ada)}/address", data={"email": "4@analytical.example"})
    assert refused.status_code == 422
    assert "Try again tomorrow" in refused.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nobody", "Enter a valid email address."),
        ("", "Enter a valid"),
        (OLD.upper(), "This is already your address."),
    ],
)
def test_an_error_is_reported_at_its_field(pages: Pages, ada: int, typed: str, said: str) -> None:
    answer = pages.client.post(f"{pages.link('preferences', ada)}/address", data={"email": typed})
    assert answer.status_code == 422
    assert answer.text.count(f">{said}") == 2
    assert '<li><a href="#wrong-email">' in answer.text
    assert "<script" not in answer.text.replace('<script src="', "")


def test_who_has_left_moves_nowhere(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    (link,) = {found for letter in pages.letters() for found in links_in(letter, "a")}
    membership.unsubscribe(pages.app, pages.app.store.subscribers.by_row(ada))  # type: ignore[arg-type]
    assert pages.client.post(link).status_code == 410
    assert _address(pages, ada) == OLD
    assert pages.client.post(f"{pages.link('preferences', ada)}/address", data={"email": NEW}).status_code == 422


def test_a_link_of_another_purpose_confirms_nothing(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    forged = tokens.mint(pages.app.link_keys, tokens.PREFERENCES, 1)
    assert Browser(pages.web).post(f"/a/{forged}").status_code == 404


def test_what_waits_goes_to_the_new_address(pages: Pages, ada: int) -> None:
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    pages.site.relay.replies.append((Stage.RCPT, 450, "4.2.1 try later"))
    pages.letters()
    _ask(pages, ada, NEW)
    change = pages.app.store.address_changes.by_row(1)
    assert change is not None
    assert address_change.confirm(pages.app, change.row) is ConfirmResult.CHANGED
    pages.site.clock.now += timedelta(hours=2)
    assert NEW in {letter["To"] for letter in pages.letters() if letter["List-Unsubscribe-Post"]}


def _confirm_change(pages: Pages, row: int) -> None:
    ada = pages.app.store.subscribers.by_row(row)
    assert ada is not None
    address_change.request(pages.app, ada, NEW)
    (change,) = [one[0] for one in pages.dump()["address_changes"] if one[2] == NEW]
    assert address_change.confirm(pages.app, change) is ConfirmResult.CHANGED


def _digests_to(pages: Pages) -> list[str]:
    """Deliver what is due, and return the addresses that digests were sent to."""
    return [letter["To"] for letter in pages.letters() if letter["List-Unsubscribe-Post"]]


def test_a_letter_under_way_that_is_deferred_goes_to_the_new_address(pages: Pages, ada: int) -> None:
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    pages.site.relay.replies.append((Stage.RCPT, 451, "4.2.0 greylisted"))
    confirming = [partial(_confirm_change, pages, ada)]
    pages.site.relay.before = lambda: confirming.pop()() if confirming else None
    pages.letters()
    pages.site.clock.now += timedelta(minutes=10)
    assert _digests_to(pages) == [NEW]


def test_a_letter_that_a_program_left_behind_goes_to_the_new_address(pages: Pages, ada: int) -> None:
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    pipeline.publish(pages.app)
    pages.app.store.deliveries.claim(pages.site.clock(), 10, "dead", timedelta(minutes=1))
    _confirm_change(pages, ada)
    pages.site.clock.now += timedelta(minutes=10)
    pipeline.sweep(pages.app)
    assert _digests_to(pages) == [NEW]


def test_a_claimed_letter_is_checked_and_goes_to_the_new_address_at_once(pages: Pages, ada: int) -> None:
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    claim, moving = pages.app.store.deliveries.claim, [partial(_confirm_change, pages, ada)]

    def claim_and_move(*given: Any) -> ClaimResult:
        claimed = claim(*given)
        if moving:
            moving.pop()()
        return claimed

    pages.app.store.deliveries.claim = claim_and_move  # type: ignore[method-assign]
    assert _digests_to(pages) == [NEW]


@pytest.mark.parametrize("again", ["by the operator", "after a mistake"])
def test_a_letter_that_failed_at_the_old_address_is_sent_again_to_the_new_one(
    pages: Pages, ada: int, again: str
) -> None:
    pages.site.clock.now += timedelta(days=1)
    pages.site.papers(*_news())
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    pages.letters()
    (failed,) = [one["id"] for one in pages.app.store.delivery_reports.find(DeliveryState.FAILED)]
    _confirm_change(pages, ada)
    if again == "by the operator":
        assert retry_letters(pages.app, [failed]) == {}
    else:
        assert pages.app.store.bounces.undo([failed], pages.site.clock(), "a mistake") == [failed]
    assert _digests_to(pages) == [NEW]


def test_a_notice_to_an_address_that_was_suppressed_meanwhile_is_withdrawn(pages: Pages, ada: int) -> None:
    _confirm_change(pages, ada)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    pages.letters()
    (failed,) = [one["id"] for one in pages.app.store.delivery_reports.find(DeliveryState.FAILED)]
    assert pages.app.store.deliveries.retry([failed], pages.site.clock()) == [failed]
    assert pages.letters() == []
    assert pages.app.store.delivery_reports.find(row=failed)[0]["reason"] == "the address is suppressed"


def test_a_bounce_suppresses_the_address_that_bounced_and_not_the_subscribers(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.1.1 no such mailbox"))
    pages.letters()
    assert pages.app.store.subscribers.by_row(ada).suppressed is None  # type: ignore[union-attr]
    newest = max(one["id"] for one in pages.app.store.delivery_reports.find())
    late = Bounce("complaint", newest, BounceKind.COMPLAINT, None, "spam")
    complaint = Suppression(SuppressionCause.COMPLAINT, "complaint")
    pages.app.store.bounces.apply(late, pages.site.clock(), lambda _: complaint)
    assert pages.app.store.subscribers.by_row(ada).state is SubscriberState.ACTIVE  # type: ignore[union-attr]


def test_a_dead_old_address_is_left_alone_and_the_new_one_gets_letters(pages: Pages, ada: int) -> None:
    pages.app.store.subscribers.suppress(OLD, "hard bounce", pages.site.clock())
    _ask(pages, ada, NEW)
    (asking,) = pages.letters()
    pages.client.post(links_in(asking, "a")[0])
    assert pages.letters() == []
    assert pages.app.store.subscribers.by_row(ada).suppressed is None  # type: ignore[union-attr]


def test_erasing_forgets_the_requests_and_time_does_too(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    assert [one["email"] for one in pages.app.store.data_export.export_subscriber(ada)["address_changes"]] == [NEW]
    pages.app.store.address_changes.forget(pages.site.clock() + timedelta(minutes=1))
    assert pages.app.store.address_changes.by_row(1) is None
    _ask(pages, ada, NEW)
    membership.erase(pages.app, pages.app.store.subscribers.by_row(ada))  # type: ignore[arg-type]
    assert not pages.dump()["address_changes"]


def test_the_change_is_one_transaction_on_either_database(tmp_path: Path, database_url: str) -> None:
    fresh = Site(tmp_path, database_url)
    fresh.topic("robots")
    fresh.subscriber(OLD, "robots")
    ada = membership.subscriber(fresh.app, OLD)
    address_change.request(fresh.app, ada, NEW)
    change = fresh.app.store.address_changes.by_row(1)
    assert change is not None
    assert address_change.confirm(fresh.app, change.row) is ConfirmResult.CHANGED
    assert address_change.confirm(fresh.app, change.row) is ConfirmResult.GONE
    assert membership.subscriber(fresh.app, NEW).row == ada.row
    assert fresh.app.store.subscribers.by_email(OLD) is None
    fresh.app.close()


def _news() -> list[Listing]:
    return [listing(number, "robots") for number in (21, 22)]


def test_a_mistyped_domain_of_a_new_address_is_asked_about_once(pages: Pages) -> None:
    link = pages.link("preferences", pages.subscriber())
    asked = pages.client.post(f"{link}/address", data={"email": "ada@gmial.com"})
    assert "Did you mean ada@gmail.com? If ada@gmial.com is right, press the button again." in asked.text
    assert '<input type="hidden" name="asked" value="ada@gmial.com">' in asked.text
    assert pages.letters() == []
    assert pages.client.post(f"{link}/address", data={"email": "ada@gmial.com", "asked": "ada@gmial.com"}).is_success
    assert [letter["To"] for letter in pages.letters()] == ["ada@gmial.com"]


def test_the_spellings_of_one_mailbox_count_as_sign_ups_of_it_do(pages: Pages, ada: int) -> None:
    page = _ask(pages, ada, "victim@gmail.com").replace("victim@gmail.com", "…")
    for number in range(2):
        email = f"v.ictim+{number}@gmail.com"
        assert _ask(pages, ada, email).replace(email, "…") == page, "nobody learns of the limit"
    pages.subscribe("victim+x@googlemail.com", client="198.51.100.7")
    assert len(pages.letters()) == 2
    sent = 0
    for day in range(10):
        pages.site.clock.now += timedelta(days=1, minutes=1)
        for number in range(3):
            _ask(pages, ada, f"v.ictim+{day}x{number}@gmail.com")
        sent += sum("ictim" in letter["To"] for letter in pages.letters())
    assert sent == 3


def test_what_sends_no_email_does_not_count_for_the_mailbox(pages: Pages, ada: int) -> None:
    for _ in range(3):
        _ask(pages, ada, NEW)
    refused = pages.client.post(f"{pages.link('preferences', ada)}/address", data={"email": NEW})
    assert refused.status_code == 422
    assert len(pages.letters()) == 1
    pages.subscribe(NEW)
    assert [letter["To"] for letter in pages.letters()] == [NEW]


def test_in_a_spike_a_change_of_address_is_sent_twice(pages: Pages, ada: int) -> None:
    pages.web.state.context.limits.newcomers.spike = 0
    link = f"{pages.link('preferences', ada)}/address"
    first = pages.client.post(link, data={"email": NEW})
    assert first.status_code == 422
    assert "Wait a few seconds, then press the button again." in first.text
    (stamp,) = re.findall(r'name="stamp" value="([^"]+)"', first.text)
    assert pages.letters() == []
    pages.site.clock.now += timedelta(seconds=6)
    assert pages.client.post(link, data={"email": NEW, "stamp": stamp}).status_code == 200
    assert [letter["To"] for letter in pages.letters()] == [NEW]


def test_a_complainer_who_was_erased_is_not_asked(pages: Pages, ada: int) -> None:
    grace = pages.subscriber(NEW)
    pages.app.store.subscribers.suppress(NEW, "complaint", pages.site.clock())
    membership.erase(pages.app, membership.subscriber(pages.app, NEW))
    assert grace
    _ask(pages, ada, NEW)
    assert pages.letters() == []


def test_a_confirmed_address_is_not_suppressed_by_what_is_known_of_it_under_a_hash(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    pages.subscriber(NEW)
    pages.app.store.subscribers.suppress(NEW, "complaint", pages.site.clock())
    membership.erase(pages.app, membership.subscriber(pages.app, NEW))
    assert address_change.confirm(pages.app, 1) is ConfirmResult.CHANGED
    pages.subscribe(NEW)
    assert membership.subscriber(pages.app, NEW).suppressed is None
    assert not pages.dump()["suppressions"]


def test_a_confirmation_sent_to_the_former_address_is_not_the_word_of_the_new_one(pages: Pages, ada: int) -> None:
    pages.app.store.subscribers.suppress(OLD, "hard bounce", pages.site.clock())
    owner = confirmation.Requester.OWNER
    confirmation.ask_to_subscribe(pages.app, OLD, {"topics": ("robots",)}, {}, by=owner)
    (link,) = set(links_in(pages.letters()[0], "c"))
    _ask(pages, ada, NEW)
    pages.site.clock.now += timedelta(minutes=1)
    assert pages.client.post(links_in(pages.letters()[0], "a")[0]).status_code == 200
    pages.app.store.subscribers.suppress(NEW, "complaint", pages.site.clock())
    membership.unsubscribe(pages.app, membership.subscriber(pages.app, NEW))
    pages.site.clock.now += timedelta(days=2)
    confirmation.ask_to_subscribe(pages.app, NEW, {"topics": ("robots",)}, {}, by=owner)
    assert pages.client.get(link).status_code == 410
    assert pages.client.post(link).status_code == 410
    assert membership.subscriber(pages.app, NEW).suppressed
    (fresh,) = {found for letter in pages.letters() for found in links_in(letter, "c")}
    assert pages.client.post(fresh).status_code == 303
    assert membership.subscriber(pages.app, NEW).suppressed is None


def test_a_complaint_by_recipient_is_about_the_address_that_it_names(pages: Pages, ada: int) -> None:
    _ask(pages, ada, NEW)
    pages.client.post(links_in(pages.letters()[0], "a")[0])
    pages.letters()
    complaint = Report(BounceKind.COMPLAINT, recipient=NEW.upper(), sent_to=True)
    assert bounce_intake.apply_report(pages.app, "w", complaint, trusted=True).email == NEW
    moved = membership.subscriber(pages.app, NEW)
    assert (moved.state, bool(moved.suppressed)) == (SubscriberState.UNSUBSCRIBED, True)
    old = Report(BounceKind.COMPLAINT, recipient=OLD, sent_to=True)
    assert bounce_intake.apply_report(pages.app, "w", old, trusted=True).email is None


def test_other_programs_are_told_that_one_address_left_and_another_came(tmp_path: Path) -> None:
    hook = {"name": "crm", "url": "https://crm.example/hook", "secret": "whsec_" + "A" * 44}
    site = Site(tmp_path, webhooks=[hook])
    site.topic("robots")
    site.subscriber(OLD, "robots")
    address_change.request(site.app, membership.subscriber(site.app, OLD), NEW)
    address_change.confirm(site.app, 1)
    told = site.app.store.events.claim("crm", site.clock(), 9, "c", timedelta(minutes=1))
    assert [(one.kind, one.payload["email"]) for one in told][-2:] == [("unsubscribed", OLD), ("subscribed", NEW)]
    site.app.close()
