"""What does not reach a subscriber today reaches them later: expired letters, a daily cap, a clock that ran ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from paperround.delivery.base import UnlimitedTransport
from paperround.domain.errors import TransportError
from paperround.domain.models import DeliveryState, Letter, Outcome, Stage
from paperround.domain.schedule import Cadence
from paperround.operator import doctor
from paperround.operator.retries import retry_letters
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from paperround.store.engine import reading
from paperround.store.schema import unsent_lists
from paperround.subscribers import confirmation, membership
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site

EMAILS = ("ada@mail.example", "ben@post.example")


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    return site


def compose(site: Site, day: int, *papers: int) -> None:
    """What is announced on the night before a day, and that day's letters, none of which is sent yet."""
    site.clock.now = MORNING + timedelta(days=day)
    site.papers(*(listing(number) for number in papers))
    site.clock.now += timedelta(hours=1)
    pipeline.publish(site.app)


def morning(site: Site, day: int, *papers: int) -> pipeline.Tally:
    """What is announced on the night before a day, and that day's round."""
    compose(site, day, *papers)
    return pipeline.deliver(site.app)


def papers_sent(site: Site, email: str) -> list[int]:
    """The papers in the letters that a subscriber has had, in order."""
    row = membership.subscriber(site.app, email).row
    letters = [one for one in site.app.store.delivery_reports.find(subscriber=row) if one["state"] == "sent"]
    return [paper for one in reversed(letters) for paper in one["paper_rows"]]


def test_a_letter_is_withdrawn_when_its_subscriber_turns_emails_off_and_its_papers_come_when_they_are_on_again(
    site: Site,
) -> None:
    site.subscribers(EMAILS, "robots")
    site.relay.replies = [(Stage.RCPT, 451, "4.3.0 not now")] * 2
    morning(site, 0, 1)
    membership.change(site.app, membership.subscriber(site.app, EMAILS[0]), {"cadence": Cadence.OFF})
    site.clock.now += timedelta(hours=1)
    pipeline.deliver(site.app)
    assert (papers_sent(site, EMAILS[0]), papers_sent(site, EMAILS[1])) == ([], [1])
    [withdrawn] = site.app.store.delivery_reports.find(email=EMAILS[0])
    assert (withdrawn["state"], withdrawn["reason"]) == ("suppressed", "the subscriber's frequency is off")
    membership.change(site.app, membership.subscriber(site.app, EMAILS[0]), {"cadence": Cadence.DAILY})
    morning(site, 1, 2)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2]


def test_the_one_letter_that_somebody_without_further_emails_asked_for_is_sent(site: Site) -> None:
    site.papers(listing(1))
    site.subscriber(EMAILS[0], "robots", cadence="off", first_now=True)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert papers_sent(site, EMAILS[0]) == [1]


class Away(UnlimitedTransport):
    """A relay that cannot be reached."""

    kind = "memory"

    def send(self, letters: Iterator[Letter], _report: Callable[[Sequence[Outcome]], None]) -> None:
        """Take nothing."""
        next(letters, None)
        raise TransportError("the relay is away")


def test_the_papers_of_a_letter_to_a_full_mailbox_come_with_the_next_one(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    site.relay.replies = [(Stage.RCPT, 552, "5.2.2 mailbox full")]
    assert morning(site, 0, 1, 2).letters["failed"] == 1
    assert morning(site, 1, 3).letters["sent"] == 1
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3]
    (failed,) = site.app.store.delivery_reports.find(state=DeliveryState.FAILED)
    refusal = {failed["id"]: "it was refused, and its papers were in a later letter"}  # nobody gets a paper twice
    assert retry_letters(site.app, [failed["id"]]) == refusal


def test_a_letter_whose_content_is_refused_does_not_spoil_the_next_one(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    site.relay.replies = [(Stage.FINAL, 554, "5.7.1 URL in blocklist")]
    assert morning(site, 0, 1, 2).letters["failed"] == 1
    ada = membership.subscriber(site.app, EMAILS[0])
    assert [set(one.papers) for one in site.app.store.issues.past_digests_of(ada.row, 9)] == [{1, 2}]
    assert morning(site, 1, 3).letters["sent"] == 1
    assert papers_sent(site, EMAILS[0]) == [3]
    (failed,) = site.app.store.delivery_reports.find(state=DeliveryState.FAILED)
    assert retry_letters(site.app, [failed["id"]]) == {}
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3]


def test_the_papers_of_a_letter_to_a_dead_address_stay_with_it(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 no such user")]
    assert morning(site, 0, 1, 2).letters["failed"] == 1
    with reading(engine_of(site.app.store)) as db:
        assert db.execute(select(unsent_lists)).all() == []


def test_a_refused_letter_that_is_sent_again_has_its_papers_and_the_next_one_does_not(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    site.relay.replies = [(Stage.RCPT, 552, "5.2.2 mailbox full")]
    morning(site, 0, 1, 2)
    (failed,) = site.app.store.delivery_reports.find(state=DeliveryState.FAILED)
    assert retry_letters(site.app, [failed["id"]]) == {}
    pipeline.deliver(site.app)
    morning(site, 1, 3)
    assert papers_sent(site, EMAILS[0])[2:] == [3]
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3]


@pytest.mark.parametrize("fault", ["the relay is away", "no letter can be laid out", "refused for the time being"])
def test_the_papers_of_a_letter_that_expires_come_with_the_next_one(site: Site, fault: str) -> None:
    site.subscribers(EMAILS, "robots")
    letters = site.app.shared(LetterBuilder)
    if fault == "the relay is away":
        site.app.transport = Away()
    elif fault == "no letter can be laid out":
        letters.prepare = lambda *_: 1 / 0
    else:
        site.relay.replies = [(Stage.RCPT, 451, "4.3.0 not now")] * 1_000
    morning(site, 0, 1, 2)
    for hour in range(1, 24):
        site.clock.now = MORNING + timedelta(hours=1 + hour)
        pipeline.deliver(site.app)
    assert not site.relay.accepted
    site.app.transport, site.relay.replies = site.relay, []
    letters.__dict__.pop("prepare", None)
    morning(site, 1, 3)
    for email in EMAILS:
        assert sorted(papers_sent(site, email)) == [1, 2, 3]
    assert Counter(one["state"] for one in site.app.store.delivery_reports.find()) == {"expired": 2, "sent": 2}
    morning(site, 2, 4)
    for email in EMAILS:
        assert sorted(papers_sent(site, email)) == [1, 2, 3, 4]


def test_papers_that_were_only_counted_in_a_letter_that_expired_are_chosen_from_anew(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots", max_papers=2)
    site.app.transport = Away()
    morning(site, 0, 1, 2, 3, 4)
    site.app.transport = site.relay
    morning(site, 1)
    [letter] = [one for one in site.app.store.delivery_reports.find() if one["state"] == "sent"]
    assert len(letter["paper_rows"]) == 2
    assert len(site.app.store.issues.digests_of(1)[0].more) == 2


def test_a_letter_that_has_expired_is_sent_again_only_while_none_of_its_papers_came_otherwise(site: Site) -> None:
    site.subscribers(EMAILS, "robots")
    site.app.transport = Away()
    morning(site, 0, 1)
    site.clock.now = MORNING + timedelta(days=1, minutes=61)
    assert site.app.store.deliveries.expire(site.clock()) == 2
    site.app.transport = site.relay
    rows = sorted(one["id"] for one in site.app.store.delivery_reports.find())
    assert site.app.store.deliveries.retry(rows[:1], site.clock()) == rows[:1]
    pipeline.deliver(site.app)
    assert papers_sent(site, EMAILS[0]) == [1]
    morning(site, 2, 2)
    assert [papers_sent(site, email) for email in EMAILS] == [[1, 2], [1, 2]]
    assert site.app.store.deliveries.retry(rows, site.clock()) == []
    pipeline.deliver(site.app)
    assert [papers_sent(site, email) for email in EMAILS] == [[1, 2], [1, 2]]


def expired_letters(site: Site, day: int, *papers: int) -> list[int]:
    """What is announced on the night before a day, and that day's letters, which expire."""
    site.app.transport = Away()
    morning(site, day, *papers)
    site.clock.now = MORNING + timedelta(days=day + 1, minutes=61)
    assert site.app.store.deliveries.expire(site.clock())
    site.app.transport = site.relay
    return sorted(one["id"] for one in site.app.store.delivery_reports.find() if one["state"] == "expired")


def test_of_two_letters_that_have_expired_the_first_is_sent_again_and_the_other_papers_still_wait(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    expired_letters(site, 0, 1, 2)
    first, second = expired_letters(site, 1, 3)
    site.relay.accepted.clear()
    assert site.app.store.deliveries.retry([first], site.clock()) == [first]
    assert site.app.store.deliveries.retry([second], site.clock()) == [], "it had the papers of the first one as well"
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2]
    morning(site, 3, 4)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3, 4]


@pytest.mark.parametrize("way", ["the next letter", "sent again"])
def test_papers_that_are_merged_after_their_letter_expired_are_still_sent_once(site: Site, way: str) -> None:
    site.subscriber(EMAILS[0], "robots", max_papers=1)
    apart = {"source": "blog", "kind": "feed", "arxiv_id": None, "title": "Another study of robots", "abstract": ""}
    site.papers(listing(1, upvotes=50), listing(2), listing(3, doi="10.1000/robots.1", **apart))
    expired = expired_letters(site, 0)
    # A listing that tells that papers 2 and 3, which the letter only counted, are one.
    site.papers(listing(2, doi="10.1000/robots.1", title="A careful study of robots, part 2", version=2))
    if way == "sent again":
        assert site.app.store.deliveries.retry(expired, site.clock()) == expired
        pipeline.deliver(site.app)
        site.clock.now += timedelta(days=1)
        assert pipeline.publish(site.app).composed == 0
    else:
        assert pipeline.publish(site.app).composed == 1
        digest = site.app.store.issues.digests_of(1)[0]
        assert len({*digest.papers, *digest.more}) == len((*digest.papers, *digest.more)) == 2


def test_a_letter_that_has_expired_is_not_sent_again_if_another_listing_of_its_paper_was_sent(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    apart = {"source": "blog", "kind": "feed", "arxiv_id": None, "title": "Another study of robots", "abstract": ""}
    site.papers(listing(3, doi="10.1000/robots.1", **apart))
    compose(site, 0)
    pipeline.deliver(site.app)
    expired = expired_letters(site, 1, 2)
    site.papers(listing(2, doi="10.1000/robots.1", title="A careful study of robots, part 2", version=2))
    assert site.app.store.deliveries.retry(expired, site.clock()) == []
    assert pipeline.publish(site.app).composed == 0


def test_who_is_erased_leaves_no_unsent_papers_behind(site: Site) -> None:
    site.subscribers(EMAILS, "robots")
    expired_letters(site, 0, 1, 2)
    gone, stays = (membership.subscriber(site.app, email) for email in EMAILS)
    membership.erase(site.app, gone)
    with reading(engine_of(site.app.store)) as db:
        assert list(db.scalars(select(unsent_lists.c.subscriber))) == [stays.row]
    morning(site, 2)
    with reading(engine_of(site.app.store)) as db:
        assert list(db.scalars(select(unsent_lists.c.subscriber))) == [], "they are in a digest again"
    assert papers_sent(site, EMAILS[1]) == [1, 2]


@pytest.fixture
def capped(tmp_path: Path):
    """A site whose relay takes three letters a day."""
    relay = {"kind": "smtp", "host": "127.0.0.1", "tls": "none", "per_day": 3}
    site = Site(tmp_path, transport=relay)
    site.app.transport = site.relay
    site.topic("robots")
    yield site
    site.app.close()


def test_with_a_daily_cap_whoever_has_waited_longest_comes_first(capped: Site) -> None:
    emails = [f"s{number}@mail.example" for number in range(10)]
    capped.subscribers(emails, "robots")
    for day in range(8):
        tally = morning(capped, day, day + 1)
        assert tally.letters["sent"] == 3
        assert "daily limit of 3 letters" in tally.paused
        if day == 3:
            assert {letter.recipient for letter in capped.relay.accepted} == set(emails)
    served = Counter(letter.recipient for letter in capped.relay.accepted)
    assert set(served) == set(emails)
    assert max(served.values()) - min(served.values()) <= 1
    # A letter brings all that its subscriber has missed, and nothing twice.
    for email in emails:
        had = papers_sent(capped, email)
        assert sorted(had) == list(range(1, max(had) + 1))


def test_a_daily_cap_that_is_always_reached_keeps_nobody_from_confirming(capped: Site) -> None:
    capped.subscribers([f"s{number}@mail.example" for number in range(30)], "robots")
    morning(capped, 0, 1)
    compose(capped, 1, 2)
    wanted = membership.read_patch(capped.app, {"topics": "robots"})
    assert confirmation.ask_to_subscribe(capped.app, "new@mail.example", wanted, {})
    capped.relay.accepted.clear()
    pipeline.deliver(capped.app)
    assert capped.relay.accepted[0].recipient == "new@mail.example"
    assert len(capped.relay.accepted) == 3


def test_a_cap_that_is_not_reached_holds_nobody_back(capped: Site) -> None:
    capped.subscribers(EMAILS, "robots")
    tally = morning(capped, 0, 1)
    assert tally.letters["sent"] == 2
    assert not tally.paused


@pytest.mark.parametrize("ahead", [timedelta(days=200), timedelta(days=40)])
@pytest.mark.parametrize("before_the_hour", [True, False])
def test_a_clock_that_runs_ahead_for_one_tick_silences_nobody(
    site: Site, ahead: timedelta, before_the_hour: bool
) -> None:
    site.subscribers(EMAILS, "robots")
    site.subscriber("eve@post.example", "robots", cadence="weekly")
    if before_the_hour:
        site.clock.now = MORNING
    else:
        morning(site, 0, 1)
    true = site.clock.now
    site.clock.now = true + ahead
    pipeline.publish(site.app)  # and the relay is not reached before the clock is right again
    site.clock.now = true + timedelta(minutes=1)
    [found] = [one for one in doctor.examine(site.app) if "period away" in one.what]
    assert "3 subscribers" in found.what
    assert pipeline.sweep(site.app) >= 3
    assert not [one for one in doctor.examine(site.app) if "period away" in one.what]
    for day in range(1, 9):
        morning(site, day, day + 10)
    for email in (*EMAILS, "eve@post.example"):
        assert set(range(2, 8)) <= set(papers_sent(site, email)) | {1}, email
    for email in EMAILS:
        assert len([one for one in site.relay.accepted if one.recipient == email]) >= 8
    assert pipeline.sweep(site.app) == 0


def test_a_pause_and_a_letter_put_off_by_a_clock_that_ran_ahead_come_back(site: Site) -> None:
    site.subscribers(EMAILS, "robots")
    site.clock.now = MORNING + timedelta(hours=1)
    site.papers(listing(1))
    site.relay.replies = [(Stage.RCPT, 451, "4.3.0 later")] * 2
    pipeline.publish(site.app)
    site.clock.now += timedelta(days=300)
    site.app.store.relay.pause(site.clock() + timedelta(minutes=15), "too fast")
    site.clock.now -= timedelta(days=300)
    assert pipeline.deliver(site.app).paused
    pipeline.sweep(site.app)
    assert not pipeline.deliver(site.app).paused


@pytest.mark.parametrize("composed", [False, True], ids=["before the next digest", "after it"])
def test_a_letter_that_the_relay_takes_after_it_expired_is_sent_and_its_papers_do_not_come_twice(
    site: Site, composed: bool
) -> None:
    site.subscriber(EMAILS[0], "robots")
    compose(site, 0, 1, 2)

    def stopped_for_long() -> None:
        """The program that sends was stopped for a day; another one has swept, and let the letter expire."""
        site.relay.before = lambda: None
        site.clock.now += timedelta(days=1)
        site.app.store.deliveries.release_expired_claims(site.clock())
        if composed:
            pipeline.publish(site.app)
        else:
            site.app.store.deliveries.expire(site.clock())

    site.relay.before = stopped_for_long
    pipeline.deliver(site.app)
    first, *later = site.app.store.delivery_reports.find()[::-1]
    assert first["state"] == "sent"
    assert [one["state"] for one in later] == (["suppressed"] if composed else [])
    site.papers(listing(3))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3]


def test_a_later_letter_goes_without_the_papers_of_one_that_the_relay_took_after_it_expired(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    compose(site, 0, 1, 2)

    def stopped_for_long() -> None:
        site.relay.before = lambda: None
        site.clock.now += timedelta(days=1)
        site.app.store.deliveries.release_expired_claims(site.clock())
        site.papers(listing(3))
        pipeline.publish(site.app)

    site.relay.before = stopped_for_long
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3]
    assert len(site.relay.letters) == 2
    row = membership.subscriber(site.app, EMAILS[0]).row
    for digest in site.app.store.issues.digests_of(row):
        ranks = {pick.paper: pick.rank for section in digest.sections for pick in section.picks}
        assert {paper: score.total for paper, score in digest.scores.items()} == pytest.approx(ranks)


def test_a_letter_that_would_only_count_papers_then_is_given_up_too(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots", max_papers=2)
    compose(site, 0, 1, 2)

    def stopped_for_long() -> None:
        site.relay.before = lambda: None
        site.clock.now += timedelta(days=1)
        site.app.store.deliveries.release_expired_claims(site.clock())
        site.papers(listing(3), listing(4))
        pipeline.publish(site.app)
        [digest] = site.app.store.issues.digests_of(1, 1)
        if set(digest.papers) != {1, 2}:  # otherwise this is no test
            raise AssertionError(digest.papers)

    site.relay.before = stopped_for_long
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2]
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert sorted(papers_sent(site, EMAILS[0])) == [1, 2, 3, 4]


def coming_back(site: Site, way: str) -> None:
    """Pause or leave after a letter was composed and before it is sent, and come back."""
    ada = membership.subscriber(site.app, EMAILS[0])
    if way == "paused":
        membership.pause(site.app, ada)
        pipeline.deliver(site.app)
        membership.resume(site.app, membership.subscriber(site.app, EMAILS[0]))
        return
    membership.unsubscribe(site.app, ada)
    pipeline.deliver(site.app)
    gone = membership.subscriber(site.app, EMAILS[0])
    assert confirmation.ask_to_return(site.app, gone, {})
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAILS[0]))


@pytest.mark.parametrize("way", ["paused", "unsubscribed"])
@pytest.mark.parametrize("claimed", [False, True], ids=["before", "after it is claimed"])
def test_the_papers_of_a_letter_that_was_withdrawn_come_after_a_pause(site: Site, way: str, *, claimed: bool) -> None:
    site.subscribers(EMAILS, "robots", max_papers=1)
    compose(site, 0, 1, 2)
    if claimed:
        rest = site.relay.send

        def leave_first(letters: Iterator[Letter], report: Callable[[Sequence[Outcome]], None]) -> None:
            site.relay.send = rest
            coming_back(site, way)
            rest(letters, report)

        site.relay.send = leave_first
        pipeline.deliver(site.app)
    else:
        coming_back(site, way)
    states = {one["state"] for one in site.app.store.delivery_reports.find(email="ada") if one["paper_rows"]}
    assert states <= {"suppressed", "sent"}
    morning(site, 1, 3)
    ada = membership.subscriber(site.app, EMAILS[0])
    latest = site.app.store.issues.digests_of(ada.row)[0]
    assert {*latest.papers, *latest.more} == {1, 2, 3}
    morning(site, 2, 4)
    had = papers_sent(site, EMAILS[0])
    assert len(had) == len(set(had))


def test_who_comes_back_after_weeks_gets_no_papers_of_the_time_before(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    compose(site, 0, 1)
    membership.unsubscribe(site.app, membership.subscriber(site.app, EMAILS[0]))
    pipeline.deliver(site.app)
    site.clock.now += timedelta(days=30)
    assert confirmation.ask_to_return(site.app, membership.subscriber(site.app, EMAILS[0]), {})
    assert confirmation.confirm(site.app, membership.subscriber(site.app, EMAILS[0]))
    morning(site, 31, 2)
    assert papers_sent(site, EMAILS[0]) == [2]


def test_a_letter_that_the_relay_takes_after_its_subscriber_paused_does_not_come_twice(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    compose(site, 0, 1)

    def stopped_for_long() -> None:
        site.relay.before = lambda: None
        site.clock.now += timedelta(hours=1)
        site.app.store.deliveries.release_expired_claims(site.clock())
        coming_back(site, "paused")

    site.relay.before = stopped_for_long
    pipeline.deliver(site.app)
    assert [one["state"] for one in site.app.store.delivery_reports.find()] == ["sent"]
    morning(site, 1, 2)
    assert papers_sent(site, EMAILS[0]) == [1, 2]


def test_an_operator_is_told_why_a_letter_is_not_sent_again(site: Site) -> None:
    site.subscriber(EMAILS[0], "robots")
    [expired] = expired_letters(site, 0, 1)
    morning(site, 2, 2)
    sent = max(one["id"] for one in site.app.store.delivery_reports.find())
    assert retry_letters(site.app, [expired, sent, 999]) == {
        expired: "it has expired, and its papers were in a later letter",
        sent: "it is sent; only failed, expired or deferred letters can be sent again",
        999: "there is no such delivery",
    }
