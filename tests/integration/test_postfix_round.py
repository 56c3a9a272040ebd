"""A whole round through a real Postfix, and what comes back from it read in again."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from paperround.bounces import mailboxes
from paperround.rounds import bounce_intake, pipeline
from paperround.subscribers import membership
from support import postfix
from support.papers import listing
from support.site import MORNING, Site

SUBSCRIBERS = [f"subscriber{number}@mail.example" for number in range(300)]
LOST = {
    "gone@mail.example": ("hard", "hard bounce 5.1.1"),
    "closed@mail.example": ("hard", "hard bounce 5.2.1"),
    "full@mail.example": ("soft", None),
    "policy@mail.example": ("policy", None),
}


@pytest.mark.slow
def test_a_round_by_postfix_delivers_each_letter_once_and_its_reports_suppress_the_dead(tmp_path: Path) -> None:
    if reason := postfix.missing():
        pytest.skip(reason)
    with postfix.running() as relay:
        site = Site(
            tmp_path,
            transport={"kind": "smtp", "host": "127.0.0.1", "port": relay.port, "tls": "none", "connections": 4},
            bounces={"domain": "papers.example"},
        )
        site.topic("robots")
        site.subscribers([*SUBSCRIBERS, *LOST], "robots")
        site.papers(*(listing(number) for number in range(4)))
        site.clock.now = MORNING + timedelta(hours=1)
        pipeline.publish(site.app)
        tally = pipeline.deliver(site.app)
        assert tally.letters["sent"] == len(SUBSCRIBERS) + len(LOST), "this relay takes everything over first"

        relay.wait_for(lambda: len(relay.mailbox("subscribers")) >= len(SUBSCRIBERS))
        relay.wait_for(lambda: len(relay.mailbox("bounces")) >= len(LOST))
        got = [message_from_bytes(mail, policy=policy.default) for mail in relay.mailbox("subscribers")]
        assert sorted(str(letter["To"]).strip("<>") for letter in got) == sorted(SUBSCRIBERS)
        assert all("bounces+" in str(letter["Return-Path"]) for letter in got)

        box = relay.folder / "mail" / "bounces"
        found = bounce_intake.process_mails(site.app, mailboxes.maildir(box))
        assert {one.email: one.kind.value for one in found} == {email: kind for email, (kind, _) in LOST.items()}
        for email, (_, suppressed) in LOST.items():
            known = membership.subscriber(site.app, email).suppressed
            assert (known[0] if known else None) == suppressed
        assert bounce_intake.process_mails(site.app, mailboxes.maildir(box)) == []

        # The next morning the dead get nothing, and everybody else does.
        site.clock.now += timedelta(days=1)
        site.papers(listing(10))
        pipeline.publish(site.app)
        tally = pipeline.deliver(site.app)
        assert (tally.letters["sent"], tally.letters["suppressed"]) == (len(SUBSCRIBERS) + 2, 2)
        site.app.close()
