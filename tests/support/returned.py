"""Mails that come back: what relays and providers send about a letter."""

from __future__ import annotations

_WORDS = {"5.1.1": "no such mailbox", "4.2.2": "the mailbox is full", "5.7.1": "refused by our rules"}


def report(
    to: str,
    status: str = "5.1.1",
    action: str = "failed",
    recipient: str = "ada@example.org",
    said: str | None = None,
) -> bytes:
    """A delivery report in the form of RFC 3464; `said` is the other server's reply."""
    reply = said if said is not None else f"{status[0]}50 {status} {_WORDS.get(status, 'no')}"
    return f"""From: MAILER-DAEMON@relay.example
To: {to}
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

It did not arrive.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reply}
--x--
""".replace("\n", "\r\n").encode()


def complaint(to: str) -> bytes:
    """A complaint in the form of RFC 5965."""
    return f"""From: feedback@provider.example
To: {to}
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="x"

--x
Content-Type: text/plain

Somebody pressed a button.
--x
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1
--x
Content-Type: message/rfc822

From: papers@example.org
To: ada@example.org
Subject: papers

body
--x--
""".replace("\n", "\r\n").encode()
