"""A bounce report in any form, and the verdict on the reply it quotes. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paperround.domain.models import BounceKind, Stage
from paperround.domain.refusals import BAD_DOMAIN, Refusal, Rule, Verdict, judge
from paperround.domain.reply_codes import ENHANCED

# The codes of RFC 5321 4.2.3, RFC 4954 and RFC 7504, and some that providers invented; not the 500 in "500 messages".
_REPLY_CODE = re.compile(
    r"(?<![\w.:/=-])(4(?:21|22|26|3[1-3]|4[0-2]|5[0-5]|7[1-9])|5(?:0[0-4]|1[0-7]|2[0-9]|3[0-9]|4[0-5]|5[0-9]|7[0-9]))(?![\w./])"
)
_STAGES = (
    (
        Stage.CONNECT,
        r"(reply to|after|to our|performing the) (initial|connect|[eh][eh]lo)\b|greeting failed|my name was",
    ),
    (
        Stage.MAIL,
        r"(reply to|after|to our|response to|following) (the )?mail from\b|\[mail_from\]|sender was rejected"
        r"|>>> mail from\b[^\n]*\s<<< [45]",
    ),
    (
        Stage.RCPT,
        r"(reply to|after|to our|response to|following) (the )?rcpt\b|\[rcpt_to\]|not like (the )?recipient"
        r"|>>> rcpt to\b[^\n]*\s<<< [45]",
    ),
    (
        Stage.FINAL,
        r"end of data\b|(reply to|after) (the )?(final dot|message content)|failed after i sent the message",
    ),
    (Stage.DATA, r"(reply to|after|to our|response to) (the )?data\b"),
)
_STAGE_PATTERNS = tuple((stage, re.compile(words, re.IGNORECASE)) for stage, words in _STAGES)


@dataclass(frozen=True, slots=True)
class Report:
    """The contents of a returned mail, or of a relay's notification, about one letter."""

    kind: BounceKind
    verp_token: str | None = None
    """What looks like our token in the address it was sent to; its signature is not checked here."""
    message_id: str | None = None
    """The Message-ID of the letter that the report is about."""
    status: str | None = None
    """The enhanced status code (RFC 3463)."""
    diagnostic: str = ""
    """The other server's reply, on one line."""
    recipient: str | None = None
    """The address named in the report; it may be one that the subscriber's mail is forwarded to."""
    sent_to: bool = False
    """Whether `recipient` is the address that the letter was sent to, which only the relay itself knows."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """The meaning of a quoted reply, and the rule that determined it."""

    rule: Rule
    status: str | None

    @property
    def kind(self) -> BounceKind:
        """The kind of bounce."""
        return self.rule.verdict.kind

    @property
    def by_words(self) -> bool:
        """Whether the rule matched words and not only a code."""
        return bool(self.rule.words)


def judge_reply(text: str, stated: str | None = None, context: str = "") -> Judgment:
    """Return the meaning of a quoted reply.

    Codes in the reply take precedence over `stated`, the report's `Status` field, which relays fill in differently.
    `context` is the text around the reply, which may name the command that the reply answered.
    """
    code = reply_code(text)
    own = (match[0] for match in ENHANCED.finditer(text) if not match[0].startswith("2"))
    status = next((enhanced for enhanced in own if code is None or enhanced[0] == code[0]), None)
    if status is None and stated and (code is None or stated[0] == code[0]):
        status = stated
    rule = judge(Refusal.reported(stage_named(text) or stage_named(context), code, status, text))
    if rule.verdict is Verdict.DOMAIN:
        status = BAD_DOMAIN
    return Judgment(rule, status or stated)


def reply_code(text: str) -> str | None:
    """Return the first SMTP reply code of a failure in a text, or None."""
    match = _REPLY_CODE.search(text)
    return match[1] if match else None


def stage_named(text: str) -> Stage | None:
    """Return the command that a refusal answered, if the text says so, else None."""
    return next((stage for stage, words in _STAGE_PATTERNS if words.search(text)), None)
