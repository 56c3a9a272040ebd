"""A letter without fault, and what the linter says of it after one thing is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paperround.delivery import message
from paperround.domain.models import RenderedLetter, Site
from paperround.linting import LintFinding, lint

SITE = Site("Papers", "https://papers.example.org", "papers@example.org", "editor@example.org", "1 Mill Lane, Ely")
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
UNSUBSCRIBE = "https://papers.example.org/u/token"
HTML = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>A careful study</title>
<style>@media (prefers-color-scheme: dark) {{ .page {{ background: #111111 !important; color: #eeeeee !important }}
.link {{ color: #aaccff !important }} }}</style>
</head>
<body class="page" style="background-color: #ffffff; color: #222222">
<p>Your round today: one paper on one topic, chosen for you.</p>
<table role="presentation"><tr><td style="padding: 4px"><h1>Papers</h1></td></tr></table>
<h2>Robots</h2>
<h3><a class="link" style="color: #1d4fa8" href="https://arxiv.org/abs/2611.00001">A careful study of robots</a></h3>
<p>CONTENT</p>
<p>1 Mill Lane, Ely · <a class="link" style="color: #1d4fa8" href="{UNSUBSCRIBE}">Unsubscribe</a></p>
</body>
</html>
"""
TEXT = f"""Your round today: one paper on one topic, chosen for you with great care.

A careful study of robots
https://arxiv.org/abs/2611.00001

1 Mill Lane, Ely
Unsubscribe: {UNSUBSCRIBE}
"""


def raw(html: str = HTML, text: str = TEXT, subject: str = "A careful study of robots", **facts: Any) -> bytes:
    """The letter as a message; `facts` are of its header."""
    known: dict[str, Any] = {
        "sender_name": SITE.name,
        "sender": SITE.sender,
        "recipient": "ada@subscriber.example",
        "date": NOW,
        "message_id": "<one@example.org>",
        "reply_to": SITE.reply_to,
        "list_name": SITE.name,
        "unsubscribe_url": UNSUBSCRIBE,
    }
    letter = message.encoded(RenderedLetter(subject, html, text))
    return message.assemble(message.HeaderData(**(known | facts)), letter)


def body(content: str) -> str:
    """The good letter's HTML with this in its middle."""
    return HTML.replace("<p>CONTENT</p>", content)


def changed(old: str | bytes, new: str | bytes, message: bytes | None = None) -> bytes:
    """The good letter with a piece of it replaced, which has to be there."""
    message = raw() if message is None else message
    old, new = (piece.encode() if isinstance(piece, str) else piece for piece in (old, new))
    assert old in message
    return message.replace(old, new, 1)


def without(field: str) -> bytes:
    """The good letter without this header field."""
    head, _, rest = raw().partition(b"\r\n\r\n")
    unfolded = head.replace(b"\r\n ", b" ").split(b"\r\n")
    kept = [line for line in unfolded if not line.lower().startswith(field.lower().encode() + b":")]
    assert len(kept) < len(unfolded)
    return b"\r\n".join(kept) + b"\r\n\r\n" + rest


def found(message: bytes, site: Site = SITE, rendered: RenderedLetter | None = None) -> dict[str, LintFinding]:
    """The first finding of each rule."""
    told: dict[str, LintFinding] = {}
    for finding in lint(message, rendered, site, NOW):
        told.setdefault(finding.rule, finding)
    return told


def of_html(content: str) -> dict[str, LintFinding]:
    """What is said of this in the middle of a good letter."""
    return found(raw(body(content)))
