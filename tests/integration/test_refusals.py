"""Whom a refusal is held against: the subscriber, the domain, or the account that the letters go out by."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from paperround.domain.models import BounceKind, Stage
from paperround.operator import doctor
from paperround.rounds import bounce_intake, pipeline
from paperround.subscribers import membership
from support.papers import listing
from support.returned import report
from support.site import MORNING, Site

DOMAINS = ("mail.example", "post.example", "brief.example", "lettre.example", "carta.example", "epost.example")


@pytest.fixture
def site(tmp_path: Path, database_url: str):
    site = Site(tmp_path, database_url, bounces={"domain": "bounces.example.org"})
    site.topic("robots")
    site.papers(listing(1))
    yield site
    site.app.close()


def subscribe(site: Site, *emails: str) -> None:
    """Subscribers whose hour comes at once."""
    site.subscribers(emails, "robots")
    site.clock.now = MORNING + timedelta(hours=1)


def somebody(number: int) -> list[str]:
    return [f"s{place}@{DOMAINS[place % len(DOMAINS)]}" for place in range(number)]


def deliver(site: Site) -> list[dict]:
    """One delivery; the errors that were logged."""
    with structlog.testing.capture_logs() as logs:
        pipeline.publish(site.app)
        pipeline.deliver(site.app)
    return [line for line in logs if line["log_level"] == "error"]


def states(site: Site) -> list[str]:
    return [one["state"] for one in site.app.store.delivery_reports.find()]


def suppressed(site: Site) -> list[str]:
    return [one.email for one in site.app.store.subscribers.all() if one.suppressed]


def paused(site: Site) -> bool:
    until = site.app.store.relay.state(site.clock().date()).paused_until
    return until is not None and until > site.clock()


@pytest.mark.parametrize(
    ("stage", "code", "text"),
    [
        (Stage.RCPT, 550, "Domain papers.example exceeded its emails per hour (90/60)"),
        (Stage.FINAL, 550, "5.4.6 Unusual sending activity"),
        (Stage.FINAL, 550, "5.1.90 you have reached the daily limit of recipients"),
        (Stage.MAIL, 552, "5.2.3 the daily quota of 300 emails is used up"),
        (Stage.FINAL, 554, "Refused: the email address is not verified"),
        # Words that no table knows: it is that everybody hears them that tells.
        (Stage.FINAL, 550, "5.1.1 Kontingent erreicht, Ruf 1 00 7"),
        (Stage.RCPT, 553, "we are closed for you"),
        (Stage.FINAL, 554, "5.7.1 ask your representative"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_relay_says_to_everybody_is_said_to_the_account(
    site: Site, stage: Stage, code: int, text: str
) -> None:
    subscribe(site, *somebody(6))
    site.relay.replies = [(stage, code, text)] * 100
    errors = deliver(site)
    assert paused(site)
    assert errors
    assert states(site) == ["queued"] * 6
    assert suppressed(site) == []
    assert site.app.store.bounces.report() == []
    site.relay.replies = []
    site.clock.now += timedelta(hours=20)
    pipeline.deliver(site.app)
    assert len(site.relay.accepted) == 6


def test_refusals_of_different_kinds_stay_with_their_subscribers(site: Site) -> None:
    subscribe(site, *somebody(4))
    site.relay.replies = [
        (Stage.RCPT, 550, "5.1.1 <s0@mail.example>: no such user"),
        (Stage.RCPT, 552, "5.2.2 the mailbox is full"),
        (Stage.RCPT, 550, "5.1.1 <s2@brief.example>: no such user"),
    ]
    deliver(site)
    assert not paused(site)
    assert states(site).count("failed") == 3
    assert suppressed(site) == ["s0@mail.example", "s2@brief.example"]


def test_a_letter_that_was_accepted_in_between_keeps_refusals_with_their_subscribers(site: Site) -> None:
    subscribe(site, *somebody(5))
    dead, taken = (Stage.RCPT, 550, "5.1.1 no such user"), (Stage.FINAL, 250, "2.0.0 ok")
    site.relay.replies = [dead, dead, taken, dead, dead]
    deliver(site)
    assert not paused(site)
    assert len(suppressed(site)) == 4


def test_a_refusal_of_one_subscriber_by_policy_never_pauses_the_others(site: Site) -> None:
    subscribe(site, *somebody(6))
    site.relay.replies = [(Stage.RCPT, 550, "5.7.1 not from you")]
    errors = deliver(site)
    assert not paused(site)
    assert states(site).count("sent") == 5
    assert [line["domain"] for line in errors] == ["mail.example"]
    [told] = [one.what for one in doctor.examine(site.app) if one.check == "bounces"]
    assert "mail.example is rejecting mail" in told
    assert suppressed(site) == []


def test_policy_refusals_of_several_domains_within_minutes_are_ours(site: Site) -> None:
    subscribe(site, *somebody(12))
    refused, taken = (Stage.RCPT, 550, "5.7.1 not from {}"), (Stage.FINAL, 250, "2.0.0 ok")
    site.relay.replies = [reply for number in range(3) for reply in ((*refused[:2], f"5.7.1 rule {number}"), taken)]
    deliver(site)
    assert paused(site)
    assert states(site).count("failed") == 0
    assert site.app.store.bounces.report() == []
    # Refused again although others were accepted in between: now it is these letters that are meant.
    for _ in range(4):
        site.clock.now += timedelta(minutes=20)
        site.relay.replies = [refused] * 3 if len(site.relay.accepted) == 9 else []
        deliver(site)
    assert states(site).count("sent") == 9
    assert states(site).count("failed") == 3
    assert not paused(site)


def test_policy_refusals_of_one_domain_alone_pause_nobody(site: Site) -> None:
    subscribe(site, *(f"s{number}@mail.example" for number in range(8)))
    refused, taken = (Stage.RCPT, 550, "5.7.1 not from you"), (Stage.FINAL, 250, "2.0.0 ok")
    site.relay.replies = [refused, taken] * 4
    deliver(site)
    assert not paused(site)
    assert states(site).count("failed") == 4


def test_where_most_of_a_domain_fails_nobody_there_is_suppressed_and_an_alarm_names_it(site: Site) -> None:
    emails = [f"s{number}@mail.example" for number in range(5)]
    subscribe(site, *emails, "ada@post.example")
    for day in range(22):
        site.clock.now = MORNING + timedelta(days=day, hours=1)
        site.papers(listing(100 + day))
        deliver(site)
        latest = {letter.recipient: letter.sender for letter in site.relay.accepted[-6:]}
        with structlog.testing.capture_logs() as logs:
            mails = [(email, report(latest[email], "4.2.0", said="450 4.2.0 come back")) for email in emails]
            bounce_intake.process_mails(site.app, mails)
        named = [line["domain"] for line in logs if line["log_level"] == "error"]
        assert named == ["mail.example"], day
    assert suppressed(site) == []


def test_a_provider_that_calls_everybody_unknown_has_nobody_suppressed(site: Site) -> None:
    emails = [f"s{number}@mail.example" for number in range(7)]
    subscribe(site, *emails)
    deliver(site)
    mails = [
        (one.recipient, report(one.sender, said=f"550 5.1.1 {one.recipient} unknown")) for one in site.relay.accepted
    ]
    with structlog.testing.capture_logs() as logs:
        found = bounce_intake.process_mails(site.app, mails)
    assert {one.kind for one in found} == {BounceKind.HARD}
    assert suppressed(site) == []
    assert [line["domain"] for line in logs if line["log_level"] == "error"] == ["mail.example"]


def test_some_dead_mailboxes_of_a_domain_are_suppressed(site: Site) -> None:
    subscribe(site, *(f"s{number}@mail.example" for number in range(9)))
    deliver(site)
    bounce_intake.process_mails(site.app, [("x", report(one.sender)) for one in site.relay.accepted[:4]])
    assert len(suppressed(site)) == 4


def test_a_message_id_alone_suppresses_nobody_where_return_addresses_are_signed(site: Site) -> None:
    subscribe(site, "ada@mail.example")
    deliver(site)
    [letter] = site.app.store.delivery_reports.find()
    quoted = f"\n--x\nContent-Type: message/rfc822\n\nMessage-ID: {letter['message_id']}\n\n--x--".encode()
    stranger = report("postmaster@papers.example").replace(b"\r\n--x--", quoted)
    assert [one.new for one in bounce_intake.process_mails(site.app, [("x", stranger)])] == [False]
    assert suppressed(site) == []
    assert [one.new for one in bounce_intake.process_mails(site.app, [("x", stranger)], trusted=True)] == [True]
    assert suppressed(site) == ["ada@mail.example"]


def test_a_forged_return_address_is_worth_nothing_whatever_message_id_comes_with_it(tmp_path: Path) -> None:
    site = Site(tmp_path)  # without signed return addresses, where a Message-ID would do
    site.topic("robots")
    site.papers(listing(1))
    subscribe(site, "ada@mail.example")
    deliver(site)
    [letter] = site.app.store.delivery_reports.find()
    quoted = f"\n--x\nContent-Type: message/rfc822\n\nMessage-ID: {letter['message_id']}\n\n--x--".encode()
    forged = report(f"bounces+{'a' * 34}@papers.example").replace(b"\r\n--x--", quoted)
    assert not bounce_intake.process_mails(site.app, [("x", forged)], trusted=True)[0].new
    assert suppressed(site) == []
    honest = report("bounces@papers.example").replace(b"\r\n--x--", quoted)
    assert bounce_intake.process_mails(site.app, [("x", honest)])[0].new
    assert membership.subscriber(site.app, "ada@mail.example").suppressed
    site.app.close()


def test_what_is_undone_is_not_told_to_other_programs(tmp_path: Path, database_url: str) -> None:
    hook = {"name": "crm", "url": "http://127.0.0.1:9/", "secret": "whsec_" + "A" * 44, "events": ["bounced"]}
    site = Site(tmp_path, database_url, webhooks=[hook])
    site.topic("robots")
    site.papers(listing(1))
    subscribe(site, *somebody(5))
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 no such user")] * 5
    deliver(site)
    assert paused(site)
    assert site.app.store.events.claim("crm", site.clock(), 10, "x", timedelta(minutes=1)) == []
    site.app.close()


@pytest.mark.parametrize(
    ("status", "said"), [("5.1.2", "550 5.1.2 host not found"), ("4.4.3", "451 4.4.3 name service error, try again")]
)
def test_where_most_letters_fail_everywhere_nobody_is_suppressed(tmp_path: Path, status: str, said: str) -> None:
    site = Site(tmp_path, bounces={"domain": "bounces.example.org"})
    site.topic("robots")
    emails = [f"s{number}@d{number}.example" for number in range(7)]
    subscribe(site, *emails)
    for day in range(16):
        site.clock.now = MORNING + timedelta(days=day, hours=1)
        site.papers(listing(100 + day))
        deliver(site)
        with structlog.testing.capture_logs() as logs:
            latest = site.relay.accepted[-7:]
            bounce_intake.process_mails(site.app, [("x", report(one.sender, status, said=said)) for one in latest])
        assert [line for line in logs if "to all domains fail" in line["event"]], day
    assert len(latest) == len({one.recipient for one in latest}) == 7
    assert suppressed(site) == []
    site.app.close()


def test_some_domains_that_are_not_found_are_given_up_after_three_letters(tmp_path: Path) -> None:
    site = Site(tmp_path, bounces={"domain": "bounces.example.org"})
    site.topic("robots")
    emails = [f"s{number}@d{number}.example" for number in range(8)]
    subscribe(site, *emails)
    for day in range(3):
        assert suppressed(site) == []
        site.clock.now = MORNING + timedelta(days=day, hours=1)
        site.papers(listing(100 + day))
        deliver(site)
        gone = [one for one in site.relay.accepted[-8:] if one.recipient in emails[:3]]
        bounce_intake.process_mails(
            site.app, [("x", report(one.sender, "5.1.2", said="550 host not found")) for one in gone]
        )
    assert suppressed(site) == emails[:3]
    site.app.close()


def test_a_refusal_that_a_retry_overcame_does_not_count_against_the_address(site: Site) -> None:
    site.subscriber("ada@mail.example", "robots", at="06:00", cadence="weekly")
    for week in range(4):
        site.clock.now += timedelta(days=7)
        site.papers(listing(50 + week, day=site.clock().date()))
        site.relay.replies.append((Stage.FINAL, 552, "5.2.2 mailbox full"))
        pipeline.publish(site.app)
        assert pipeline.deliver(site.app).letters["failed"] == 1
        assert suppressed(site) == []
        failed = [one["id"] for one in site.app.store.delivery_reports.find() if one["state"] == "failed"]
        assert site.app.store.deliveries.retry(failed, site.clock()) == failed
        assert pipeline.deliver(site.app).letters["sent"] == 1
