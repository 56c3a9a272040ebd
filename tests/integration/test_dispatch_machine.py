"""Any order of publishing, claiming, sending, crashing, retrying and leaving keeps the promises about deliveries."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from paperround.domain.models import DeliveryState, Stage, SubscriberState
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from paperround.subscribers import membership
from support.papers import listing
from support.site import MORNING, Site

SUBSCRIBERS = ("ada@example.org", "ben@example.org", "eve@example.org")
LEASE = timedelta(seconds=60)
REPLIES = st.lists(
    st.sampled_from(
        [
            (Stage.FINAL, 250, "2.0.0 ok"),
            (Stage.RCPT, 451, "4.3.0 later"),
            (Stage.RCPT, 550, "5.1.1 nobody here"),
            (Stage.FINAL, None, "no reply"),
            (Stage.DATA, None, "connection lost"),
            (Stage.CONNECT, 421, "4.3.2 closing"),
        ]
    ),
    max_size=4,
)


class Ledger(RuleBasedStateMachine):
    """One site with three subscribers; the relay's memory is the truth about what went out."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="paperround-ledger-"))
        self.site = Site(self.folder)
        self.papers = 0
        self.uncertain: Counter[str] = Counter()
        """Letters that the relay may have had when a program died, or whose reply was lost, by Message-ID."""
        self.left_at: dict[str, int] = {}

    @initialize()
    def begin(self) -> None:
        self.site.topic("robots")
        for email in SUBSCRIBERS:
            self.site.subscriber(email, "robots")

    @rule(count=st.integers(1, 3))
    def papers_come(self, count: int) -> None:
        self.site.papers(*(listing(self.papers + n) for n in range(count)))
        self.papers += count

    @rule(hours=st.sampled_from([1, 5, 24, 72]))
    def time_passes(self, hours: int) -> None:
        self.site.clock.now += timedelta(hours=hours)

    @rule()
    def publish(self) -> None:
        pipeline.publish(self.site.app)

    @rule(replies=REPLIES)
    def deliver(self, replies: list[tuple[Stage, int | None, str]]) -> None:
        before = len(self.site.relay.letters)
        self.site.relay.replies = list(replies)
        pipeline.deliver(self.site.app)
        for letter, (stage, code, _) in zip(self.site.relay.letters[before:], replies, strict=False):
            if stage is Stage.FINAL and code is None:
                self.site.relay.accepted.append(letter)  # it was stored, and only the reply got lost
                self.uncertain[_id(letter)] += 1

    @rule(in_flight=st.integers(0, 2))
    def a_program_dies_while_sending(self, in_flight: int) -> None:
        app = self.site.app
        claimed = app.store.deliveries.claim(app.clock(), 10, secrets.token_hex(8), LEASE).deliveries
        for delivery in claimed[:in_flight]:
            digest = app.store.issues.digest(delivery.digest or 0)
            subscriber = app.store.subscribers.by_row(delivery.subscriber)
            assert subscriber is not None
            letter = app.shared(LetterBuilder).digest_letter(delivery, digest, subscriber, app.clock()).letter
            self.site.relay.accepted.append(letter)
            self.uncertain[_id(letter)] += 1

    @rule()
    def sweep(self) -> None:
        pipeline.sweep(self.site.app)

    @rule(email=st.sampled_from(SUBSCRIBERS))
    def unsubscribe(self, email: str) -> None:
        membership.unsubscribe(self.site.app, membership.subscriber(self.site.app, email))
        self.left_at.setdefault(email, len(self.site.relay.accepted))

    @rule(email=st.sampled_from(SUBSCRIBERS))
    def pause_or_resume(self, email: str) -> None:
        subscriber = membership.subscriber(self.site.app, email)
        if subscriber.state is SubscriberState.ACTIVE:
            membership.pause(self.site.app, subscriber)
        elif subscriber.state is SubscriberState.PAUSED:
            membership.resume(self.site.app, subscriber)

    @rule()
    def the_operator_retries_everything(self) -> None:
        store = self.site.app.store
        store.deliveries.retry([one["id"] for one in store.delivery_reports.find()], self.site.clock())

    @invariant()
    def one_letter_per_issue_and_subscriber(self) -> None:
        counted = Counter((one["issue"], one["email"]) for one in self.site.app.store.delivery_reports.find())
        assert all(number == 1 for number in counted.values())

    @invariant()
    def a_letter_comes_twice_only_when_it_was_uncertain_and_then_under_one_message_id(self) -> None:
        for message_id, copies in Counter(map(_id, self.site.relay.accepted)).items():
            assert copies <= 1 + self.uncertain[message_id]

    @invariant()
    def nobody_gets_a_paper_in_two_letters(self) -> None:
        had: Counter[tuple[str, int]] = Counter()
        for one in self.site.app.store.delivery_reports.find():
            if one["state"] in (DeliveryState.EXPIRED, DeliveryState.SUPPRESSED):
                continue  # its papers come with another letter
            had.update((one["email"], paper) for paper in one["paper_rows"])
        assert all(number == 1 for number in had.values())

    @invariant()
    def whoever_left_gets_nothing_more(self) -> None:
        for email, since in self.left_at.items():
            assert all(letter.recipient != email for letter in self.site.relay.accepted[since:])

    @invariant()
    def what_was_sent_stays_sent(self) -> None:
        sent = {one["message_id"] for one in self.site.app.store.delivery_reports.find(DeliveryState.SENT)}
        assert sent <= set(map(_id, self.site.relay.accepted))

    def teardown(self) -> None:
        """In the end everything that is wanted goes out: nothing is stuck and nothing is missing."""
        app = self.site.app
        self.site.relay.replies = []
        for _ in range(6):
            self.site.clock.now += timedelta(hours=4)  # longer than the longest delay between two tries
            pipeline.sweep(app)
            pipeline.deliver(app)
        states = app.store.delivery_reports.count()
        assert not {"sending", "queued", "deferred"} & states.keys()
        app.close()
        shutil.rmtree(self.folder)


def _id(letter) -> str:
    return str(message_from_bytes(letter.message)["Message-ID"])


@pytest.mark.slow
def test_any_order_of_events_keeps_the_promises() -> None:
    assert MORNING.tzinfo is not None
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
