"""What follows when an owner confirms, follows at once or not at all, however often and whenever they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from paperround.domain.errors import StoreError
from paperround.domain.models import BounceKind, DeliveryState, Subscriber, SubscriberState, Topic
from paperround.domain.suppressions import Suppression, SuppressionCause
from paperround.rounds import pipeline, topics
from paperround.store import subscriber_changes
from paperround.store.bounces import Bounce
from paperround.subscribers import confirmation, membership
from paperround.web.subscribers import confirm as page
from support.pages import Pages
from support.papers import listing
from support.site import MORNING, Site

EMAIL = "ada@example.org"


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.topic("birds")
    return site


def asked(site: Site, **given: Any) -> Subscriber:
    """Somebody who has asked for robots and has not confirmed yet."""
    confirmation.ask_to_subscribe(site.app, EMAIL, {"topics": ("robots",), "queries": ("storks",)}, {}, **given)
    return membership.subscriber(site.app, EMAIL)


def notices(site: Site) -> list[str]:
    return [one["issue"].removeprefix("notice ") for one in reversed(site.app.store.delivery_reports.find())]


def before_storing(site: Site, monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Let something happen once between what a confirmation reads and what it stores."""
    store, left = site.app.store.subscriber_changes.confirm, [happens]

    def confirm(*given: Any) -> bool:
        if left:
            left.pop()()
        return store(*given)

    monkeypatch.setattr(site.app.store.subscriber_changes, "confirm", confirm)


def test_of_two_presses_at_once_one_confirms(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, results = asked(site), list[bool]()
    before_storing(site, monkeypatch, lambda: results.append(confirmation.confirm(site.app, ada)))
    assert confirmation.confirm(site.app, ada) is False
    assert results == [True]
    assert notices(site) == ["confirm", "welcome"]


def test_who_leaves_while_a_second_press_is_answered_stays_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = asked(site)

    def confirm_and_leave() -> None:
        assert confirmation.confirm(site.app, ada)
        membership.unsubscribe(site.app, membership.subscriber(site.app, EMAIL))

    before_storing(site, monkeypatch, confirm_and_leave)
    assert confirmation.confirm(site.app, ada) is False
    assert membership.subscriber(site.app, EMAIL).state is SubscriberState.UNSUBSCRIBED


def test_an_older_view_of_a_subscriber_confirms_nothing(site: Site) -> None:
    ada = asked(site)
    assert confirmation.confirm(site.app, ada)
    membership.unsubscribe(site.app, ada)
    assert confirmation.confirm(site.app, ada) is False
    assert membership.subscriber(site.app, EMAIL).state is SubscriberState.UNSUBSCRIBED


def test_a_request_that_is_replaced_meanwhile_is_the_one_that_is_confirmed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = asked(site)
    patch, owner = {"topics": ("birds",), "queries": ()}, confirmation.Requester.OWNER
    before_storing(site, monkeypatch, lambda: confirmation.ask_to_subscribe(site.app, EMAIL, patch, {}, by=owner))
    assert confirmation.confirm(site.app, ada)
    assert membership.subscriber(site.app, EMAIL).preferences.topics == ("birds",)
    assert site.app.store.topics.private_count() == 0, "what was prepared for the first request is gone"


def test_who_is_erased_meanwhile_confirms_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = asked(site)
    before_storing(site, monkeypatch, lambda: membership.erase(site.app, ada))
    assert confirmation.confirm(site.app, ada) is False
    assert site.app.store.topics.private_count() == 0


def test_a_press_that_fails_leaves_all_to_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.papers(listing(1))
    found = site.app.store.papers.by_id("2611.00001")
    assert found is not None
    paper = found.row
    ada = asked(site, first_now=True, ratings={paper: 1})
    site.app.store.subscribers.suppress(EMAIL, "complaint", MORNING)

    def fail(*_: object) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(subscriber_changes, "unread_by", fail)
        with pytest.raises(StoreError):
            confirmation.confirm(site.app, ada)
    pending = membership.subscriber(site.app, EMAIL)
    assert (pending.state, bool(pending.suppressed)) == (SubscriberState.PENDING, True)
    assert site.app.store.feedback.verdicts(ada.row) == {}
    assert confirmation.confirm(site.app, pending)
    ada = membership.subscriber(site.app, EMAIL)
    assert (ada.state, ada.suppressed, ada.next_digest_at) == (SubscriberState.ACTIVE, None, site.clock())
    assert site.app.store.feedback.verdicts(ada.row) == {paper: 1}
    assert pipeline.publish(site.app).composed == 1
    assert notices(site)[0] == "confirm"
    assert "welcome" not in notices(site), "the first digest is the welcome"


def test_who_leaves_out_all_that_waits_for_them_is_welcomed_all_the_same(site: Site) -> None:
    site.papers(listing(1), listing(2))
    wanted = membership.read_patch(site.app, {"topics": "robots", "leave_out": "careful"})
    confirmation.ask_to_subscribe(site.app, EMAIL, wanted, {}, first_now=True)
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAIL))
    assert pipeline.publish(site.app).composed == 0
    assert notices(site).count("welcome") == 1
    site.papers(listing(3, title="Robots at sea"))
    site.clock.now += timedelta(days=1)
    assert pipeline.publish(site.app).composed == 1


def test_nobody_gets_a_second_issue_of_a_day_by_coming_back(site: Site) -> None:
    site.papers(listing(1))
    assert confirmation.confirm(site.app, asked(site, first_now=True))
    assert pipeline.publish(site.app).composed == 1
    site.papers(listing(2))
    membership.unsubscribe(site.app, membership.subscriber(site.app, EMAIL))
    site.clock.now += timedelta(hours=1)
    assert confirmation.confirm(site.app, asked(site, first_now=True, by=confirmation.Requester.OWNER))
    due = membership.subscriber(site.app, EMAIL).next_digest_at
    assert due is not None
    assert due.date() > site.clock().date()
    assert notices(site).count("welcome") == 1, "instead, since no letter comes today"


def test_the_page_of_the_second_press_says_that_it_is_confirmed(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmation.ask_to_subscribe(pages.app, EMAIL, {"topics": ("robots",)}, {})
    link = pages.link("confirm", membership.subscriber(pages.app, EMAIL).row)
    confirm = confirmation.confirm
    monkeypatch.setattr(page.confirmation, "confirm", lambda *given: confirm(*given) and False)
    assert "Already confirmed" in pages.client.post(link).text


def test_whoever_reads_german_confirms_topics_by_their_german_names(pages: Pages) -> None:
    topics.add_topic(pages.app, Topic("video", "Video understanding and human activity", "robots"))
    confirmation.ask_to_subscribe(pages.app, EMAIL, {"topics": ("video", "robots"), "language": "de"}, {})
    link = pages.link("confirm", membership.subscriber(pages.app, EMAIL).row)
    shown = [pages.client.get(link).text]
    pipeline.deliver(pages.app)
    assert pages.client.post(link).status_code == 303
    pipeline.deliver(pages.app)
    shown += [str(letter.message) for letter in pages.site.relay.accepted]
    assert len(shown) == 3
    for text in shown:
        assert "Videoverstehen" in text
        assert "Video understanding" not in text
        assert "Robots" in text


def complain(site: Site, delivery: int) -> None:
    bounce = Bounce(f"complaint {delivery}", delivery, BounceKind.COMPLAINT, None, "spam")
    suppression = Suppression(SuppressionCause.COMPLAINT, "complaint")
    assert site.app.store.bounces.apply(bounce, site.clock(), lambda _: suppression)


def unsubscribe(site: Site) -> bool:
    site.clock.now += timedelta(minutes=1)
    return membership.unsubscribe(site.app, membership.subscriber(site.app, EMAIL))


def test_who_is_unsubscribed_before_they_confirm_is_not_asked_any_more(site: Site) -> None:
    asked(site)
    assert unsubscribe(site)
    assert pipeline.deliver(site.app).letters == {"suppressed": 1}
    site.clock.now += timedelta(minutes=1)
    confirmation.ask_to_subscribe(site.app, EMAIL, {"topics": ("birds",)}, {})
    assert pipeline.deliver(site.app).letters == {"sent": 1}, "the one that was withdrawn does not count"
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAIL), {})
    assert membership.subscriber(site.app, EMAIL).preferences.topics == ("birds",)


def test_a_former_subscriber_who_unsubscribes_again_is_not_asked_any_more(site: Site) -> None:
    confirmation.confirm(site.app, asked(site))
    assert unsubscribe(site)
    left = membership.subscriber(site.app, EMAIL).unsubscribed_at
    assert not unsubscribe(site)
    assert membership.subscriber(site.app, EMAIL).unsubscribed_at == left, "nothing was asked in the meantime"
    pipeline.deliver(site.app)
    site.clock.now += timedelta(days=3)
    asked(site)
    assert not unsubscribe(site)
    assert pipeline.deliver(site.app).letters == {"suppressed": 1}
    left = membership.subscriber(site.app, EMAIL).unsubscribed_at
    assert not unsubscribe(site)
    assert membership.subscriber(site.app, EMAIL).unsubscribed_at == left


def test_a_confirmation_that_waits_is_not_sent_once_there_is_nothing_to_confirm(site: Site) -> None:
    ada = asked(site)
    assert confirmation.confirm(site.app, ada)
    [waits] = [one["id"] for one in site.app.store.delivery_reports.find() if one["issue"] == "notice confirm"]
    pipeline.deliver(site.app)
    assert site.app.store.delivery_reports.find(row=waits)[0]["state"] == DeliveryState.SUPPRESSED


def test_who_complains_about_a_confirmation_gets_no_other_that_waits(site: Site) -> None:
    asked(site)
    assert pipeline.deliver(site.app).letters == {"sent": 1}
    [first] = [one["id"] for one in site.app.store.delivery_reports.find()]
    site.clock.now += timedelta(days=1, hours=1)
    asked(site)
    site.clock.now += timedelta(minutes=1)
    complain(site, first)
    assert pipeline.deliver(site.app).letters == {"suppressed": 1}


@pytest.mark.parametrize("unsubscribes", ["before", "after", "never"])
def test_a_stranger_who_complained_is_deleted_whether_they_unsubscribe_too(site: Site, unsubscribes: str) -> None:
    asked(site)
    pipeline.deliver(site.app)
    [delivery] = [one["id"] for one in site.app.store.delivery_reports.find()]
    if unsubscribes == "before":
        unsubscribe(site)
    complain(site, delivery)
    if unsubscribes == "after":
        unsubscribe(site)
    site.clock.now += timedelta(days=40)
    pipeline.sweep(site.app)
    assert site.app.store.subscribers.by_email(EMAIL) is None


@pytest.mark.parametrize("days", [0, 2])
def test_who_unsubscribes_before_they_confirm_can_still_confirm_what_they_asked_for(site: Site, days: int) -> None:
    asked(site, first_now=True)
    pipeline.deliver(site.app)
    unsubscribe(site)
    site.clock.now += timedelta(days=days)
    ada = membership.subscriber(site.app, EMAIL)
    assert confirmation.ask_to_return(site.app, ada, {}) is bool(days)
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAIL))
    ada = membership.subscriber(site.app, EMAIL)
    assert (ada.preferences.topics, ada.preferences.queries) == (("robots",), ("storks",))


def test_who_was_subscribed_returns_to_their_own_preferences_not_to_those_a_stranger_asked_for(site: Site) -> None:
    confirmation.confirm(site.app, asked(site))
    unsubscribe(site)
    site.clock.now += timedelta(days=3)
    confirmation.ask_to_subscribe(site.app, EMAIL, {"topics": ("birds",)}, {})
    confirmation.ask_to_return(site.app, membership.subscriber(site.app, EMAIL), {})
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAIL))
    assert membership.subscriber(site.app, EMAIL).preferences.topics == ("robots",)
