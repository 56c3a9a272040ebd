"""Reports that come back find their subscriber, count once and have their consequence."""

from __future__ import annotations

import mailbox
import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from structlog.testing import capture_logs

from paperround.bounces import mailboxes
from paperround.bounces.verdict import Report
from paperround.domain.errors import PaperroundError, UnknownNameError, UsageError
from paperround.domain.models import BounceKind, DeliveryState, Stage, SubscriberState
from paperround.domain.suppressions import Suppression, SuppressionCause, WidespreadFailure
from paperround.rounds import bounce_intake, pipeline
from paperround.rounds.bounce_intake import ReturnedMail
from paperround.store import suppressions as store_suppressions
from paperround.store.bounces import Bounce, _lift
from paperround.store.engine import reading, writing
from paperround.store.schema import suppressions
from paperround.store.suppression_rows import add_suppressions
from paperround.store.suppressions import LiftResult, SuppressedAddress
from paperround.subscribers import confirmation, membership
from paperround.subscribers import suppressed as suppressed_addresses
from support.databases import engine_of
from support.papers import listing
from support.returned import complaint, report
from support.site import MORNING, Site


def _send_a_letter(site: Site) -> None:
    """Send a letter of one paper to one subscriber."""
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)


@pytest.fixture
def site(tmp_path: Path, database_url: str):
    site = Site(tmp_path, database_url, bounces={"domain": "bounces.example.org"})
    _send_a_letter(site)
    yield site
    site.app.close()


def subscriber(site: Site):
    return membership.subscriber(site.app, "ada@example.org")


def test_every_letter_leaves_under_a_return_address_of_its_own(site: Site) -> None:
    [letter] = site.relay.accepted
    assert letter.sender.startswith("bounces+")
    assert letter.sender.endswith("@bounces.example.org")
    assert len(letter.sender.partition("@")[0]) <= 64


def test_a_dead_mailbox_is_suppressed_at_once_and_the_same_report_counts_once(site: Site) -> None:
    to = site.relay.accepted[0].sender
    [first] = bounce_intake.process_mails(site.app, [("a", report(to))])
    [again] = bounce_intake.process_mails(site.app, [("b", report(to))])
    assert (first.kind, first.email, first.new, again.new) == (BounceKind.HARD, "ada@example.org", True, False)
    assert (first.where, first.status, again.where) == ("a", "5.1.1", "b")
    assert "5.1.1" in first.text
    assert subscriber(site).suppressed[0] == "hard bounce 5.1.1"
    assert len(site.app.store.bounces.report()) == 1


def test_a_report_with_a_forged_key_changes_nothing(site: Site) -> None:
    mailbox_name, _, domain = site.relay.accepted[0].sender.partition("@")
    forged = mailbox_name[:-1] + ("a" if mailbox_name[-1] != "a" else "b")
    [found] = bounce_intake.process_mails(site.app, [("a", report(f"{forged}@{domain}"))])
    assert (found.kind, found.email, found.new) == (BounceKind.HARD, None, False)
    assert subscriber(site).suppressed is None


def test_the_subscriber_is_known_by_the_key_and_not_by_the_address_that_the_report_names(site: Site) -> None:
    site.subscriber("ben@example.org", "robots")
    to = site.relay.accepted[0].sender
    bounce_intake.process_mails(site.app, [("a", report(to, recipient="ben@example.org"))])
    assert subscriber(site).suppressed
    assert membership.subscriber(site.app, "ben@example.org").suppressed is None


def test_soft_bounces_suppress_after_three_in_a_row_over_more_than_two_weeks(site: Site) -> None:
    bounce_intake.process_mails(site.app, [("0", report(site.relay.accepted[0].sender, "4.2.2"))])
    for week in (1, 2, 3):
        assert subscriber(site).suppressed is None
        site.clock.now = MORNING + timedelta(days=7 * week, hours=1)
        site.papers(listing(1 + week))
        pipeline.publish(site.app)
        pipeline.deliver(site.app)
        bounce_intake.process_mails(site.app, [(str(week), report(site.relay.accepted[-1].sender, "4.2.2"))])
    assert subscriber(site).suppressed[0] == "4 letters in a row did not get through"


@pytest.mark.parametrize(("status", "action"), [("5.7.1", "failed"), ("4.4.1", "delayed"), ("2.0.0", "delivered")])
def test_our_own_fault_a_delay_and_a_success_touch_no_subscriber(site: Site, status: str, action: str) -> None:
    bounce_intake.process_mails(site.app, [("a", report(site.relay.accepted[0].sender, status, action))])
    assert subscriber(site).suppressed is None
    assert subscriber(site).state is SubscriberState.ACTIVE


def test_a_complaint_unsubscribes_and_suppresses(site: Site) -> None:
    [found] = bounce_intake.process_mails(site.app, [("a", complaint(site.relay.accepted[0].sender))])
    assert found.kind is BounceKind.COMPLAINT
    assert subscriber(site).state is SubscriberState.UNSUBSCRIBED
    assert subscriber(site).suppressed[0] == "complaint"


def test_only_a_fresh_confirmation_lifts_a_suppression(site: Site) -> None:
    bounce_intake.process_mails(site.app, [("a", report(site.relay.accepted[0].sender))])
    site.subscriber("ada@example.org", "robots")
    assert subscriber(site).suppressed
    assert not confirmation.confirm(site.app, subscriber(site)), (
        "nothing waits for their word: an old link lifts nothing"
    )
    site.clock.now += timedelta(days=91)  # sooner only an old letter's link leads there
    preferences = subscriber(site).preferences.as_patch()
    confirmation.ask_to_subscribe(site.app, "ada@example.org", preferences, {})
    assert subscriber(site).suppressed
    assert confirmation.confirm(site.app, subscriber(site))
    assert subscriber(site).suppressed is None


def test_the_operator_lifts_a_suppression_after_bounces_and_the_withheld_letters_are_sent(site: Site) -> None:
    since = site.clock()
    bounce_intake.process_mails(site.app, [("a", report(site.relay.accepted[0].sender))])
    for paper in (2, 3):
        _next_morning(site, paper)
    assert _papers_sent(site) == [1]
    assert site.app.store.suppressions.count() == 1
    ada = subscriber(site)
    known = SuppressedAddress(
        "ada@example.org", "hard bounce 5.1.1", since, is_complaint=False, subscriber=ada.row, state=ada.state
    )
    assert site.app.store.suppressions.find() == [known] == [site.app.store.suppressions.by_email("ADA@example.org")]
    assert suppressed_addresses.lift(site.app, " ADA@example.org") == LiftResult(known, lifted=True, requeued=2)
    assert site.app.store.suppressions.find() == []
    assert site.app.store.suppressions.by_email("ada@example.org") is None
    assert subscriber(site).suppressed is None
    pipeline.deliver(site.app)
    assert _papers_sent(site) == [1, 3]  # the letter of the day before is out of date
    _next_morning(site, 4)
    assert _papers_sent(site) == [1, 2, 3, 4]
    with pytest.raises(UnknownNameError, match="is not suppressed"):
        suppressed_addresses.lift(site.app, "ada@example.org")


@pytest.mark.parametrize("imported", [False, True])
def test_only_the_owner_lifts_a_suppression_after_a_complaint(site: Site, imported: bool) -> None:
    if imported:
        site.app.store.subscribers.suppress("ada@example.org", "Complaint (abuse)", site.clock())
    else:
        bounce_intake.process_mails(site.app, [("a", complaint(site.relay.accepted[0].sender))])
    [before] = site.app.store.suppressions.find()
    assert before.is_complaint
    with pytest.raises(UsageError, match="only they can lift the suppression"):
        suppressed_addresses.lift(site.app, "ada@example.org")
    assert site.app.store.suppressions.find() == [before]


@pytest.mark.parametrize("complaint_first", [False, True])
def test_a_complaint_counts_for_more_than_a_bounce_before_or_after_it(site: Site, complaint_first: bool) -> None:
    sender = site.relay.accepted[0].sender
    mails = [("a", report(sender)), ("b", complaint(sender))]
    for mail in reversed(mails) if complaint_first else mails:
        bounce_intake.process_mails(site.app, [mail])
    [suppressed] = site.app.store.suppressions.find()
    assert (suppressed.reason, suppressed.is_complaint) == ("complaint", True)
    with pytest.raises(UsageError, match="only they can lift the suppression"):
        suppressed_addresses.lift(site.app, "ada@example.org")


def test_a_complaint_of_an_erased_subscriber_outweighs_a_bounce_of_the_same_address(site: Site) -> None:
    store, email = site.app.store, "ada@example.org"
    store.subscribers.suppress(email, "complaint", site.clock())
    membership.erase(site.app, subscriber(site))
    with writing(engine_of(store)) as db:  # as another program that does not know the hash
        add_suppressions(db, [{"email_key": email, "reason": "hard bounce", "at": site.clock()}])
    site.subscriber(email, "robots")
    [suppressed] = store.suppressions.find()
    assert (suppressed.email, suppressed.is_complaint) == (email, True)


def test_suppressed_addresses_are_listed_the_latest_first_also_without_a_subscriber(site: Site) -> None:
    store, now = site.app.store, site.clock()
    for minutes, email in enumerate(["ada@example.org", "former_1@x.example", "former-1@x.example"]):
        store.subscribers.suppress(email, "hard bounce", now + timedelta(minutes=minutes))
    found = store.suppressions.find()
    assert [one.email for one in found] == ["former-1@x.example", "former_1@x.example", "ada@example.org"]
    assert [one.subscriber for one in found] == [None, None, subscriber(site).row]
    assert [one.email for one in store.suppressions.find("R_1")] == ["former_1@x.example"]
    assert [one.email for one in store.suppressions.find(limit=1, offset=1)] == ["former_1@x.example"]
    assert suppressed_addresses.lift(site.app, "former_1@x.example").requeued == 0
    assert store.suppressions.count() == 2


@pytest.mark.parametrize("reason", ["hard bounce", "complaint"])
def test_an_erased_address_stays_a_hash_and_is_lifted_by_its_name_only(site: Site, reason: str) -> None:
    store = site.app.store
    store.subscribers.suppress("ada@example.org", reason, site.clock())
    membership.erase(site.app, subscriber(site))
    [erased] = store.suppressions.find()
    assert (erased.email, erased.reason, erased.subscriber) == (None, reason, None)
    assert store.suppressions.find("e") == []  # no part of a hash
    with pytest.raises(UnknownNameError):
        suppressed_addresses.lift(site.app, "eve@example.org")
    with reading(engine_of(store)) as db:
        key = db.scalar(select(suppressions.c.email_key))
    with pytest.raises(UnknownNameError):
        suppressed_addresses.lift(site.app, key)
    if reason == "complaint":
        with pytest.raises(UsageError):
            suppressed_addresses.lift(site.app, "ada@example.org")
        assert store.suppressions.find() == [erased]  # still without the address
    else:
        suppressed_addresses.lift(site.app, "ada@example.org")
        assert store.suppressions.count() == 0


def test_a_widespread_failure_lifts_what_it_caused_whatever_the_reasons_say(site: Site) -> None:
    store, now = site.app.store, site.clock()
    first = Bounce("one", site.relay.accepted[0].delivery, BounceKind.HARD, "5.1.1", "gone")
    suppression = Suppression(SuppressionCause.HARD_BOUNCE, "in other words")
    store.bounces.apply(first, now, lambda _: suppression)
    store.subscribers.suppress("eve@example.org", "hard bounce, says the operator", now)
    store.subscribers.suppress("ben@example.org", "4 letters in a row came back to the operator", now)
    lost = WidespreadFailure(everywhere=True, lifts=SuppressionCause.LOST_LETTERS)
    store.bounces.apply(replace(first, fingerprint="two"), now, lambda _: lost)
    assert suppressed(site) == ["ada@example.org", "ben@example.org", "eve@example.org"]
    membership.erase(site.app, subscriber(site))
    site.subscriber("ada@example.org", "robots")
    assert subscriber(site).suppressed[0] == "in other words"
    with writing(engine_of(store)) as db:
        _lift(db, "example.org", SuppressionCause.HARD_BOUNCE, now)
    assert suppressed(site) == ["ben@example.org", "eve@example.org"], "the cause outlasts the erasure"


def _next_morning(site: Site, paper: int) -> None:
    site.papers(listing(paper))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)


def _papers_sent(site: Site) -> list[int]:
    sent = [one for one in site.app.store.delivery_reports.find() if one["state"] == "sent"]
    return sorted(paper for one in sent for paper in one["paper_rows"])


def _suppress_by_mistake(site: Site) -> Bounce:
    bounce = Bounce("one", site.relay.accepted[0].delivery, BounceKind.HARD, "5.1.1", "gone")
    suppression = Suppression(SuppressionCause.HARD_BOUNCE, "gone")
    site.app.store.bounces.apply(bounce, site.clock(), lambda _: suppression)
    return bounce


def _find_the_mistake(site: Site, bounce: Bounce, fingerprint: str = "two") -> None:
    failure = WidespreadFailure(everywhere=True, lifts=SuppressionCause.HARD_BOUNCE)
    later = replace(bounce, fingerprint=fingerprint)
    site.app.store.bounces.apply(later, site.clock(), lambda _: failure)


@pytest.mark.parametrize("hours", [1, 24], ids=["on the same day", "too late for the letter"])
def test_letters_withheld_because_of_a_mistaken_suppression_are_sent_or_their_papers_come_later(
    site: Site, hours: int
) -> None:
    bounce = _suppress_by_mistake(site)
    for paper in (2, 3):
        _next_morning(site, paper)
    assert _papers_sent(site) == [1]
    site.clock.now += timedelta(hours=hours)
    _find_the_mistake(site, bounce)
    pipeline.deliver(site.app)
    assert _papers_sent(site) == ([1, 3] if hours == 1 else [1])
    _next_morning(site, 4)
    assert _papers_sent(site) == [1, 2, 3, 4]


def test_papers_of_a_withheld_letter_whose_subscriber_paused_too_come_once(site: Site) -> None:
    bounce = _suppress_by_mistake(site)
    site.papers(listing(2))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    membership.pause(site.app, subscriber(site))
    pipeline.deliver(site.app)
    _find_the_mistake(site, bounce)
    pipeline.deliver(site.app)
    membership.resume(site.app, subscriber(site))
    for paper in (3, 4):
        _next_morning(site, paper)
    assert _papers_sent(site) == [1, 2, 3, 4]


def test_further_bounces_of_a_widespread_failure_do_not_look_for_withheld_letters(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    monkeypatch.setattr(store_suppressions, "requeue_withheld", lambda *_: looked.append(1))
    bounce = _suppress_by_mistake(site)
    for fingerprint in ("three", "four"):
        _find_the_mistake(site, bounce, fingerprint)
        assert looked == [1]
    assert suppressed(site) == []


def test_a_withheld_letter_that_another_program_sends_already_is_not_queued_again(site: Site) -> None:
    bounce, engine = _suppress_by_mistake(site), engine_of(site.app.store)
    _next_morning(site, 2)
    withheld = site.app.store.delivery_reports.find(DeliveryState.SUPPRESSED)
    assert len(withheld) == 1

    def send(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        if statement.startswith("UPDATE deliveries SET state="):
            cursor.execute("UPDATE deliveries SET state='sending' WHERE state='suppressed'")

    event.listen(engine, "before_cursor_execute", send)
    try:
        _find_the_mistake(site, bounce)
    finally:
        event.remove(engine, "before_cursor_execute", send)
    [letter] = site.app.store.delivery_reports.find(row=withheld[0]["id"])
    assert letter["state"] == DeliveryState.SENDING


def test_undoing_a_refusal_queues_the_letters_again_that_it_withheld(site: Site) -> None:
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 nobody here")]
    for paper in (2, 3):
        _next_morning(site, paper)
    (refused,) = [one["id"] for one in site.app.store.delivery_reports.find(DeliveryState.FAILED)]
    assert site.app.store.bounces.undo([refused], site.clock(), "a mistake") == [refused]
    pipeline.deliver(site.app)
    _next_morning(site, 4)
    assert _papers_sent(site) == [1, 2, 3, 4]


def suppressed(site: Site) -> list[str]:
    with reading(engine_of(site.app.store)) as db:
        return list(db.scalars(select(suppressions.c.email_key).order_by(suppressions.c.email_key)))


def test_a_refusal_during_the_conversation_counts_like_a_report(site: Site) -> None:
    site.papers(listing(2))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 nobody here")]
    pipeline.deliver(site.app)
    assert subscriber(site).suppressed[0] == "hard bounce 5.1.1"


@pytest.mark.parametrize("field", ["To", "Cc", "X-Envelope-To"])
def test_a_mail_to_the_address_in_list_unsubscribe_takes_the_subscriber_out(site: Site, field: str) -> None:
    message = message_from_bytes(site.relay.accepted[0].message)
    address = re.search(r"<mailto:([^>?]+)", message["List-Unsubscribe"])[1]
    assert address.startswith("unsubscribe+")
    mail = f"From: ada@example.org\r\n{field}: {address}\r\nSubject: please\r\n\r\n".encode()
    left = ReturnedMail("a", BounceKind.NOTHING, None, "asked to unsubscribe", "ada@example.org", new=True)
    assert bounce_intake.process_mails(site.app, [("a", mail)]) == [left]
    assert subscriber(site).state is SubscriberState.UNSUBSCRIBED
    assert subscriber(site).unsubscribed_at == site.clock.now
    assert subscriber(site).suppressed is None


def test_a_mail_that_cannot_be_processed_is_reported_and_stops_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, parse = site.relay.accepted[0].sender, bounce_intake.reports.parse

    def fragile(raw: bytes) -> Report:
        if raw == b"breaks":
            raise ValueError("deep inside")
        return parse(raw)

    monkeypatch.setattr(bounce_intake.reports, "parse", fragile)
    broken, read = bounce_intake.process_mails(site.app, [("a", b"breaks"), ("b", report(to))])
    assert broken == ReturnedMail("a", BounceKind.NOTHING, None, "could not be read", None, new=False)
    assert (read.where, read.kind, read.new) == ("b", BounceKind.HARD, True)


def _reported(site: Site, *, trusted: bool, **about: Any) -> str | None:
    """Whom a hard bounce is about."""
    found = bounce_intake.apply_report(site.app, "w", Report(BounceKind.HARD, **about), trusted=trusted)
    return found.email


def test_where_return_addresses_are_signed_only_the_relay_may_name_a_letter_otherwise(site: Site) -> None:
    number = message_from_bytes(site.relay.accepted[0].message)["Message-ID"]
    named = {"message_id": number, "recipient": "ada@example.org"}
    assert _reported(site, trusted=False, **named, sent_to=True) is None
    assert subscriber(site).suppressed is None
    assert _reported(site, trusted=True, message_id="<nothing@papers.example.org>") is None
    assert _reported(site, trusted=True, recipient="ada@example.org") is None, "mail may be forwarded to her"
    assert _reported(site, trusted=True) is None
    assert _reported(site, trusted=True, recipient="ada@example.org", sent_to=True) == "ada@example.org"
    assert _reported(site, trusted=True, message_id=number) == "ada@example.org"


def test_a_mail_may_come_from_anybody_unless_the_relay_vouches_for_it(site: Site) -> None:
    number = message_from_bytes(site.relay.accepted[0].message)["Message-ID"]
    quoted = f"\n--x\nContent-Type: message/rfc822\n\nMessage-ID: {number}\n\n--x--".encode()
    mail = report("bounces@bounces.example.org").replace(b"\r\n--x--", quoted)
    assert not bounce_intake.process_mails(site.app, [("a", mail)])[0].new
    assert subscriber(site).suppressed is None
    assert bounce_intake.process_mails(site.app, [("a", mail)], trusted=True)[0].new
    assert subscriber(site).suppressed


def test_where_return_addresses_are_not_signed_a_message_id_names_the_letter(tmp_path: Path) -> None:
    site = Site(tmp_path)
    _send_a_letter(site)
    number = message_from_bytes(site.relay.accepted[0].message)["Message-ID"]
    assert _reported(site, trusted=False, recipient="ada@example.org", sent_to=True) is None
    assert _reported(site, trusted=False, message_id=number) == "ada@example.org"
    site.app.close()


def test_receivers_that_put_our_mail_off_raise_an_alarm_once_a_day_and_domain(site: Site) -> None:
    with capture_logs() as logs:
        for email in ("ada@example.org", "ben@example.org", "eve@example.com"):
            bounce_intake.log_site_deferral(site.app, email, "421 too many connections")
        site.clock.now += timedelta(days=1)
        bounce_intake.log_site_deferral(site.app, "ada@example.org", "421 again")
    assert [(one["domain"], one["latest"]) for one in logs] == [
        ("example.org", "421 too many connections"),
        ("example.com", "421 too many connections"),
        ("example.org", "421 again"),
    ]


def _maildir(folder: Path, *mails: bytes) -> Path:
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (folder / "new" / f"17000{number}.M1.host").write_bytes(mail)
    return folder


def test_no_mail_in_a_maildir_keeps_the_next_ones_from_being_read_and_none_is_changed(
    site: Site, tmp_path: Path
) -> None:
    hostile = (
        b"Content-Type: multipart/report; boundary=a\n\n\xff\n",
        b"Content-Type: multipart/mixed\r\n\r\n\xe9t\xe9\r\n",
        b"Subject: \xff\x00\rX: y\n\n\xff",
        b"",
    )
    box = _maildir(tmp_path / "bounces", *hostile, b"Subject: last\n\nx\n")
    (box / "new" / "170009.M1.host").symlink_to(tmp_path / "nowhere")
    assert len(bounce_intake.process_mails(site.app, mailboxes.maildir(box))) == 5
    assert [path.read_bytes() for path in sorted((box / "cur").iterdir())] == [*hostile, b"Subject: last\n\nx\n"]
    assert {path.name.partition(":")[2] for path in (box / "cur").iterdir()} == {"2,S"}
    assert not bounce_intake.process_mails(site.app, mailboxes.maildir(box))


def test_mails_that_another_program_takes_away_meanwhile_are_passed_over(site: Site, tmp_path: Path) -> None:
    box = _maildir(tmp_path / "bounces", *(f"Subject: {number}\n\nx\n".encode() for number in range(4)))
    found = []
    for where, _ in mailboxes.maildir(box):
        found.append(Path(where).name)
        (box / "new" / found[-1]).unlink()
        (box / "new" / "170002.M1.host").unlink(missing_ok=True)
    assert found == ["170000.M1.host", "170001.M1.host", "170003.M1.host"]


def test_a_flagged_mail_keeps_its_flags_and_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    box = _maildir(tmp_path / "bounces")
    (box / "cur" / "170000.M1.host:2,FR").write_bytes(b"Subject: x\n\n")
    assert len(list(mailboxes.maildir(box))) == 1
    assert [path.name for path in (box / "cur").iterdir()] == ["170000.M1.host:2,FRS"]
    (box / "cur" / "170000.M1.host:2,FRS").unlink()
    (box / "cur").rmdir()
    (box / "cur").write_text("a file, where a folder should be")
    with pytest.raises(PaperroundError, match="cannot be read"):
        list(mailboxes.maildir(box))


def test_mails_in_a_maildir_are_read_once_and_stay_there(site: Site, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "bounces")
    box.add(report(site.relay.accepted[0].sender))
    box.add(b"not a mail at all")
    assert [one.kind for one in bounce_intake.process_mails(site.app, mailboxes.maildir(tmp_path / "bounces"))].count(
        BounceKind.HARD
    ) == 1
    assert bounce_intake.process_mails(site.app, mailboxes.maildir(tmp_path / "bounces")) == []
    assert len(list((tmp_path / "bounces" / "cur").iterdir())) == 2


def test_mails_in_files_and_in_an_mbox_are_read(site: Site, tmp_path: Path) -> None:
    single, many = tmp_path / "one.eml", tmp_path / "many.mbox"
    single.write_bytes(report(site.relay.accepted[0].sender, "5.7.1"))
    box = mailbox.mbox(many)
    box.add(report(site.relay.accepted[0].sender))
    box.flush()
    box.close()
    found = bounce_intake.process_mails(site.app, mailboxes.files([single, many]))
    assert [one.kind for one in found] == [BounceKind.POLICY, BounceKind.HARD]
