"""Who writes when: a round's transactions are bounded, and others get their turn between two of them."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.errors import StoreError
from paperround.domain.models import SubscriberState
from paperround.rounds import pipeline
from paperround.store import engine as engines
from paperround.store.issues import fitting
from paperround.store.unread import MatchCache
from paperround.subscribers import membership
from support.papers import listing
from support.site import MORNING, Site

HOUR = timedelta(hours=1)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.topic("agents")
    return site


def test_a_batch_ends_where_its_subscribers_have_enough_unread_together(site: Site) -> None:
    site.papers(*(listing(number, "robots") for number in range(1, 5)), listing(9, "agents"))
    site.subscribers([f"much{number}@example.org" for number in range(3)], "robots", "agents", at="06:30")
    site.subscribers([f"little{number}@example.org" for number in range(4)], "agents", at="06:45")
    now = MORNING + HOUR
    edition = site.app.store.issues.close_edition(now)
    sizes = {}
    for most in (1, 5, 10, 12, 17, 18, 100):
        with site.app.store.issues.batch(now, MatchCache(edition), 6, most) as batch:
            sizes[most] = len(batch.due)  # nothing is decided: the next one finds the same subscribers due
    # Those of 06:30 have five unread each, those of 06:45 one; never more than six subscribers.
    assert sizes == {1: 1, 5: 1, 10: 2, 12: 2, 17: 5, 18: 6, 100: 6}


def test_what_a_subscriber_has_read_takes_no_room_in_a_batch(site: Site) -> None:
    site.papers(*(listing(number) for number in range(1, 5)))
    site.subscribers(["ada@example.org", "ben@example.org"], "robots", at="07:00")
    site.clock.now = MORNING + HOUR
    assert pipeline.publish(site.app).composed == 2
    site.papers(listing(5))
    now = MORNING + timedelta(days=1, hours=1)
    edition = site.app.store.issues.close_edition(now)
    with site.app.store.issues.batch(now, MatchCache(edition), 10, 2) as batch:
        assert batch.matches.subscriber.tolist() == [0, 1]


def test_a_round_of_small_batches_serves_everybody_once(site: Site) -> None:
    site.papers(*(listing(number) for number in range(1, 4)))
    site.subscribers([f"subscriber{number}@example.org" for number in range(9)], "robots", at="07:00")
    site.clock.now = MORNING + HOUR
    assert pipeline.publish(site.app, batch_size=pipeline.BatchSize(matches=7)).composed == 9
    assert pipeline.deliver(site.app).letters == {"sent": 9}
    assert len({letter.recipient for letter in site.relay.letters}) == 9


def test_a_queue_of_letters_that_nobody_wants_any_more_does_not_hide_the_others(
    tmp_path: Path, database_url: str
) -> None:
    site = Site(tmp_path, database_url, delivery={"batch": 2})
    site.topic("robots")
    site.papers(listing(1))
    site.subscribers([f"gone{number}@example.org" for number in range(5)], "robots", at="06:30")
    site.subscriber("ada@example.org", "robots", at="06:45")
    site.clock.now = MORNING + HOUR
    pipeline.publish(site.app)
    for subscriber in list(site.app.store.subscribers.all(SubscriberState.ACTIVE)):
        if subscriber.email.startswith("gone"):
            membership.unsubscribe(site.app, subscriber)
    assert pipeline.deliver(site.app).letters == {"suppressed": 5, "sent": 1}
    site.app.close()


@pytest.mark.parametrize(
    ("wanted", "most", "taken"),
    [({}, 5, []), ({1: 9, 2: 0}, 5, [1]), ({3: 0, 1: 5, 2: 1}, 5, [3, 1]), ({1: 2, 2: 2, 3: 2}, 4, [1, 2])],
)
def test_the_first_that_fit_are_taken(wanted: dict[int, int], most: int, taken: list[int]) -> None:
    assert fitting(wanted, most) == taken


def test_a_writer_who_waits_comes_before_the_next_transaction_of_a_round() -> None:
    turns, order, waiting = engines.WriteTurns(), [], threading.Event()

    def visitor() -> None:
        waiting.set()
        with turns():
            order.append("visitor")

    with turns():
        order.append("round")
        thread = threading.Thread(target=visitor)
        thread.start()
        waiting.wait(5)
        time.sleep(0.1)  # until it stands in the queue
    with turns():  # at once, as a round goes on
        order.append("round")
    thread.join(5)
    assert order == ["round", "visitor", "round"]


def test_a_turn_that_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    turns = engines.WriteTurns()
    with turns(), pytest.raises(StoreError, match="locked for"), turns():
        raise AssertionError("two at once")
    with turns():
        pass


def test_a_turn_ends_with_its_block_whatever_happens() -> None:
    turns = engines.WriteTurns()
    with pytest.raises(ZeroDivisionError), turns():
        raise ZeroDivisionError
    with turns():
        pass
