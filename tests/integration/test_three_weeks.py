"""Twenty-two days of a letter and a report a day for each kind of bounce: who is given up, and what is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from paperround.rounds import bounce_intake, pipeline
from paperround.subscribers import membership
from support.papers import listing
from support.returned import report
from support.site import MORNING, Site

DEAD = {
    "plain": ("5.0.0", "550 <{}>: User unknown"),
    "code": ("5.1.1", "550 5.1.1 nobody of that name"),
    "outlook": ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable"),
    "exchange": ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied"),
    "chained": ("5.1.351", "550 5.1.351 the other server says: 550 unknown recipient"),
    "account": ("5.0.0", "554 delivery error: this user doesn't have a mail.example account"),
    "french": ("5.5.0", "550 5.5.0 Adresse de destinataire invalide"),
    "policy": ("5.7.1", "550 5.7.1 no such user here"),
    "closed": ("5.2.1", "550 5.2.1 the mailbox is disabled"),
    "late": ("4.1.1", "450 4.1.1 user unknown in the local table"),
    "domain": ("5.1.2", "550 5.1.2 there is no such host"),
    "null-mx": ("5.1.10", "550 5.1.10 null MX"),
}
OURS = {
    "blocklist": ("5.1.3", "553 192.0.2.7 is on a blocklist"),
    "spf": ("5.0.0", "550 bad SPF record for papers.example"),
    "dmarc": ("5.7.26", "550 5.7.26 refused under the DMARC policy of papers.example"),
    "ptr": ("4.7.1", "450 4.7.1 no PTR record for your address"),
    "complaints": ("4.7.0", "421 4.7.0 [TSS04] put off for complaints of users"),
    "reputation": ("5.1.1", "550 5.1.1 your server has a poor reputation"),
    "code": ("5.7.1", "550 5.7.1 refused"),
    "late": ("4.7.28", ""),
    "content": ("5.6.0", "554 5.6.0 looks like spam"),
    "limit": ("5.4.6", "550 5.4.6 your account exceeded its sending limit"),
    "size": ("5.3.4", "552 5.3.4 message too large"),
}


@pytest.mark.parametrize("kind", ["dead", "ours"])
@pytest.mark.parametrize("one_domain", [True, False])
def test_twenty_two_days_of_a_letter_and_a_report_a_day(tmp_path: Path, kind: str, one_domain: bool) -> None:
    site = Site(tmp_path, bounces={"domain": "bounces.example.org"})
    site.topic("robots")
    replies = DEAD if kind == "dead" else OURS
    emails = {name: f"{name}@{'mail' if one_domain else name}.example" for name in replies}
    site.subscribers(emails.values(), "robots")
    site.subscriber("alive@mail.example", "robots")
    letters: dict[str, int] = dict.fromkeys(emails, 0)
    alarms: list[set[str]] = []
    for day in range(22):
        site.clock.now = MORNING + timedelta(days=day)
        site.papers(listing(day + 1))
        site.clock.now += timedelta(hours=1)
        before = len(site.relay.accepted)
        pipeline.publish(site.app)
        pipeline.deliver(site.app)
        returns = {letter.recipient: letter.sender for letter in site.relay.accepted[before:]}
        with structlog.testing.capture_logs() as logs:
            for name, (status, said) in replies.items():
                if emails[name] in returns:
                    letters[name] += 1
                    mail = report(returns[emails[name]], status, said=said.format(emails[name]))
                    bounce_intake.process_mails(site.app, [(name, mail)])
        alarms.append({line["domain"] for line in logs if line["log_level"] == "error"})
    suppressed = {name for name, email in emails.items() if membership.subscriber(site.app, email).suppressed}
    if kind == "dead":
        assert suppressed == set(DEAD)
        assert max(letters.values()) <= 3
    else:
        assert suppressed == set()
        assert set(letters.values()) == {22}
        assert alarms == [{email.partition("@")[2] for email in emails.values()}] * 22
    assert not membership.subscriber(site.app, "alive@mail.example").suppressed
    site.app.close()
