"""Whatever the relay does: nobody is missing, nobody is mailed twice without need, every rule of retrying is kept.

For each fault 500 subscribers, through the whole program: ledger, SMTP, a server that misbehaves as told.
PAPERROUND_LETTERS=2000 gives the figures of docs/reliability.md.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from paperround.rounds import pipeline
from support.papers import listing
from support.site import MORNING, Clock, Site
from support.smtp_server import (
    CHUNKING,
    EXTENSIONS,
    Fault,
    Reply,
    SmtpServer,
    always,
    connection_limit,
    cuts,
    ends_after,
    greylisting,
    share,
    slow,
    to,
)

SUBSCRIBERS = int(os.environ.get("PAPERROUND_LETTERS", "500"))
CONNECTIONS = 8
BETWEEN_SWEEPS = timedelta(minutes=2)  # as the scheduler leaves between them
ADDRESSES = [f"subscriber{number}@example.org" for number in range(SUBSCRIBERS)]
EVERYBODY = set(ADDRESSES)
SOME = {f"subscriber{number}@example.org" for number in range(0, SUBSCRIBERS, 50)}
# Not at random among the first: until it is known that a fifth is refused, three refusals in a row pause the sending.
FIRST = ADDRESSES[50:150:5]
FIFTH = {*FIRST, *random.Random(5).sample(ADDRESSES[150:], SUBSCRIBERS // 5 - len(FIRST))}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a letter queued for each subscriber."""
    folder = tmp_path_factory.mktemp("composed")
    site = Site(folder)
    site.topic("robots")
    site.subscribers(ADDRESSES, "robots")
    site.papers(*(listing(number) for number in range(4)))
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    site.app.close()
    return folder


both_ways = pytest.mark.parametrize("extensions", [EXTENSIONS, CHUNKING], ids=["with dots", "whole"])


@dataclass
class Run:
    """What a fault left: the server's memory and the ledger."""

    server: SmtpServer
    ledger: list[dict]

    def state(self, email: str) -> str:
        return next(one["state"] for one in self.ledger if one["email"] == email)

    @property
    def missing(self) -> set[str]:
        return EVERYBODY - set(self.server.recipients())

    @property
    def one_message_id_each(self) -> bool:
        """Whether all copies of a letter have the same Message-ID."""
        ids: dict[str, set[str]] = {}
        for letter in self.server.received:
            ids.setdefault(letter.recipient, set()).add(str(message_from_bytes(letter.message)["Message-ID"]))
        return all(len(some) == 1 for some in ids.values())

    @property
    def doubled(self) -> set[str]:
        return {email for email, copies in self.server.recipients().items() if copies > 1}


@pytest.fixture
def run(composed: Path, tmp_path: Path, request: pytest.FixtureRequest):
    """Delivers through a server with these faults, retrying as time passes, until nothing waits or the day ends."""

    def deliver(*faults: Fault, meanwhile: Callable[[SmtpServer, int], None] | None = None, **options) -> Run:
        folder = tmp_path / "site"
        shutil.copytree(composed, folder)
        clock = Clock(MORNING + timedelta(hours=1))
        with SmtpServer(*faults, clock=clock.seconds, **options) as server:
            transport = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none", "timeout": 10}
            transport["chunking"] = options.get("extensions") == CHUNKING
            site = Site(folder, clock=clock, transport={**transport, "connections": CONNECTIONS})
            store = site.app.store.deliveries
            for turn in range(200):
                if meanwhile:
                    meanwhile(server, turn)
                pipeline.sweep(site.app)
                pipeline.deliver(site.app)
                due, relay = store.next_due(), site.app.store.relay.state(clock.now.date())
                if due is None:
                    break
                clock.now = max(due, relay.paused_until or due, clock.now + BETWEEN_SWEEPS)
            ledger = site.app.store.delivery_reports.find()
            site.app.close()
        done = Run(server, ledger)
        stored, ends = len(server.received), Counter(one["state"] for one in ledger)
        told = f"{stored} stored, {len(done.doubled)} doubled, {server.connections} connections, {dict(ends)}"
        sys.stderr.write(f"\n{request.node.name}: {told}")  # the figures of docs/reliability.md; shown with -s
        return done

    return deliver


@both_ways
def test_without_a_fault_everybody_gets_one_letter(run, extensions) -> None:
    done = run(extensions=extensions)
    assert not done.missing
    assert not done.doubled
    assert {one["state"] for one in done.ledger} == {"sent"}
    assert done.server.peak <= CONNECTIONS


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "final"])
def test_temporary_refusals_are_tried_again_and_nobody_is_missing(run, stage: str) -> None:
    done = run(share(stage, "451 4.3.0 not now", 0.2))
    assert not done.missing
    assert not done.doubled


def test_a_permanently_refused_letter_is_tried_once_and_the_others_are_sent(run) -> None:
    done = run(to(SOME, "rcpt", "550 5.1.1 nobody here"))
    assert done.missing == SOME
    assert not done.doubled
    tries = Counter(said.recipient for said in done.server.said if said.stage == "rcpt")
    assert all(tries[email] == 1 for email in SOME)
    assert {done.state(email) for email in SOME} == {"failed"}


def test_greylisting_is_waited_out_and_never_tried_before_the_gap(run) -> None:
    done = run(greylisting(300))
    assert not done.missing
    assert not done.doubled
    first: dict[str, float] = {}
    for said in done.server.said:
        if said.stage == "rcpt" and said.recipient in first:
            assert said.at - first[said.recipient] >= 300
        elif said.stage == "rcpt":
            first[said.recipient] = said.at


def test_a_connection_cut_before_the_letter_is_stored_doubles_nothing(run) -> None:
    done = run(cuts("final", 0.05))
    assert not done.missing
    assert not done.doubled


@pytest.mark.parametrize(
    "fault",
    [cuts("final", 0.05), share("mail", "421 4.3.2 closing down", 0.02), ends_after(20)],
    ids=["cut", "421", "silent close"],
)
def test_a_connection_lost_with_several_letters_under_way_doubles_few_and_loses_none(run, fault) -> None:
    done = run(fault, extensions=CHUNKING)
    assert not done.missing
    assert done.one_message_id_each
    # The reset of a connection can discard replies to letters that were stored before it.
    assert len(done.server.received) - SUBSCRIBERS < done.server.connections
    assert {one["state"] for one in done.ledger} == {"sent"}


@both_ways
def test_a_connection_cut_after_storing_doubles_that_letter_under_its_message_id(run, extensions) -> None:
    done = run(cuts("final", 0.05, after_storing=True), extensions=extensions)
    assert not done.missing
    assert done.doubled
    assert done.one_message_id_each


def test_a_connection_cut_after_storing_doubles_no_letter_that_was_answered(run) -> None:
    done = run(cuts("final", 0.05, after_storing=True))
    # as often as it was stored and cut, and no more
    answered = Counter(said.recipient for said in done.server.said if said.text.startswith("250 2.0.0 Ok:"))
    assert all(answered[email] == 1 for email in EVERYBODY)


def test_a_421_in_the_middle_of_a_batch_counts_against_nobody(run) -> None:
    done = run(share("mail", "421 4.3.2 closing down", 0.02))
    assert not done.missing
    assert not done.doubled
    assert {one["state"] for one in done.ledger} == {"sent"}


def test_a_silent_close_after_some_letters_loses_nothing_and_counts_as_no_failure(run) -> None:
    done = run(ends_after(20))
    assert not done.missing
    assert not done.doubled


def test_a_connection_limit_means_fewer_connections(run) -> None:
    done = run(connection_limit(3))
    assert not done.missing
    assert not done.doubled


def test_slow_replies_are_waited_for(run) -> None:
    done = run(slow("final", 0.05, 0.05))
    assert not done.missing
    assert not done.doubled


def test_an_outage_in_the_middle_is_sat_out(run) -> None:
    def outage(server: SmtpServer, turn: int) -> None:
        if turn == 0:
            server.down()
        elif turn == 3:
            server.up()

    done = run(meanwhile=outage)
    assert not done.missing
    assert not done.doubled


def test_letters_reach_a_server_without_extensions(run) -> None:
    done = run(extensions=())
    assert not done.missing
    assert not done.doubled


def test_a_daily_limit_waits_until_tomorrow_and_touches_no_subscriber(run) -> None:
    done = run(limit_a_day(SUBSCRIBERS * 3 // 4))
    assert not done.missing
    assert not done.doubled
    assert {one["state"] for one in done.ledger} == {"sent"}


@pytest.mark.parametrize("refused", [SOME, FIFTH], ids=["every fiftieth", "a fifth at random"])
def test_a_policy_refusal_of_some_letters_does_not_keep_the_others_waiting(run, refused) -> None:
    done = run(to(refused, "rcpt", "550 5.7.1 not from you"))
    assert done.missing == refused
    assert not done.doubled
    assert {done.state(email) for email in refused} == {"failed"}
    tries = Counter(said.recipient for said in done.server.said if said.stage == "rcpt")
    assert {tries[email] for email in refused} == {1}


def test_a_refusal_of_everybody_in_words_that_nobody_knows_is_held_against_nobody(run) -> None:
    done = run(always("rcpt", "550 5.1.1 Kontingent erreicht"))
    assert {one["state"] for one in done.ledger} == {"expired"}
    # The third in a row tells; each pause after it costs one letter's try.
    assert len([said for said in done.server.said if said.stage == "rcpt"]) < 150


def test_a_relay_that_wants_a_login_keeps_all_letters_for_as_long_as_they_are_news(run) -> None:
    done = run(always("mail", "530 5.7.0 log in first"))
    assert done.missing == EVERYBODY
    assert {one["state"] for one in done.ledger} == {"expired"}


def limit_a_day(letters: int) -> Fault:
    """Gmail's daily limit: a permanent code that means tomorrow."""
    sent: Counter[int] = Counter()

    def fault(moment):
        if moment.stage != "mail":
            return None
        day = int(moment.at // 86_400)
        if sent[day] >= letters:
            return Reply("550 5.4.5 Daily user sending limit exceeded")
        sent[day] += 1
        return None

    return fault
