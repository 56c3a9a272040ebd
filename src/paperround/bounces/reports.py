"""Parses and judges returned mail: delivery reports, complaints, notifications. Pure; any bytes give a Report.

It understands RFC 3464 reports (also RFC 6533's, and forwarded ones), ARF complaints (RFC 5965), Microsoft's
complaints without ARF, Amazon's notifications, and the texts that mail systems write for people. A report is matched
to its letter by the token in the return address, or by the Message-ID of the letter it quotes, never by the address
it names: the subscriber's mail may be forwarded there. `domain.refusals` judges the replies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paperround.bounces.mime import Part, fields_of, read_parts, readable
from paperround.bounces.notifications import read_notifications
from paperround.bounces.verdict import Judgment, Report, judge_reply, reply_code
from paperround.domain.models import BounceKind
from paperround.domain.refusals import ADDRESS
from paperround.domain.reply_codes import ENHANCED
from paperround.domain.text import REPLY, clean
from paperround.domain.tokens import find_verp

_MAX_DIAGNOSTIC = 500  # characters
# Without control characters: PostgreSQL rejects NUL even in a query's parameters.
_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{3,300}>")
_MILDEST_FIRST = (BounceKind.NOTHING, BounceKind.POLICY, BounceKind.SOFT, BounceKind.HARD, BounceKind.COMPLAINT)
_COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"}  # RFC 5965 7.3; not "not-spam"
_FROM_A_SYSTEM = re.compile(
    r"mailer[-_ ]?daemon|post[-_]?master|mail(er)? (delivery|admin|system|robot)|delivery sub|no-?reply@",
    re.IGNORECASE,
)
_OF_A_FAILURE = re.compile(
    r"undeliver|not (be )?deliver|fail(ure|ed)|returned|return to sender|non.?deliver|rejected|error sending"
    r"|delivery (status|report|error|problem)|trouble delivering|エラー|送信できません"
    r"|unzustellbar|non remis|no entregado",
    re.IGNORECASE,
)
_TELLS_A_FAILURE = re.compile(
    r"(could|can|was|were|been|is)( ?not|n't) (be )?(deliver|sent|send)|(delivery|message|mail)\b.{0,40}\bfail"
    r"|(unable|not able|failed|trouble|unsuccessful)( in)? (to )?deliver|undeliver|undelivered|permanent (error|fail)"
    r"|address(\(es\)|es)? (has |have |had )?(failed|delivery errors)|did not reach|returned to (the )?sender"
    r"|rejected (by|recipient|due)|(message|mail) (you sent )?(was|has been) rejected|error message"
    r"|送信できません|配信できません",
    re.IGNORECASE,
)
_OF_A_DELAY = re.compile(
    r"warning message only|\bdelayed\b|not (yet )?been delivered yet|not yet been delivered|do not need to resend"
    r"|only a temporary (failure|error)|attempts? (to deliver .{0,40})?will continue"
    r"|will (be retried|retry|try again|(keep|continue) (re)?trying|continue to (re)?try)",
    re.IGNORECASE,
)
_INLINE_REPORT = re.compile(rb"^final-recipient:", re.MULTILINE | re.IGNORECASE)
_CUT_LINE = re.compile(r"!\n ")  # how Sendmail breaks lines of more than 990 characters
_QUOTE_MARKS = re.compile(rb"^(?:>+[ \t]?)+", re.MULTILINE)
# qmail, Exim, Gmail and others write one paragraph per recipient, which begins with the address.
_NEXT_RECIPIENT = re.compile(
    r"\n(?=[ \t]*<?[^\s<>:\"]{1,64}@[^\s<>:\"]{1,253}>?[ \t]*:?[ \t]*(?:\n|$)"
    r"|<[^\s<>]{1,320}>:|[45]\d\d <[^\s<>]{1,320}>\.\.\.)"
)


def parse(raw: bytes) -> Report:
    """Return what a mail reports about a letter of this site; NOTHING if it does not report a failure."""
    parts = read_parts(raw)
    if any(part.type == "message/disposition-notification" for part in parts):
        return _finish(parts, _ReportContent(BounceKind.NOTHING))  # RFC 8098: a read receipt
    for read in (_complaint, _delivery_report, _microsoft_complaint, _notification, _inline_report, _text_report):
        reported = read(parts)
        if reported is not None:
            return _finish(parts, reported)
    return _finish(parts, _ReportContent(BounceKind.NOTHING))


@dataclass(frozen=True, slots=True)
class _ReportContent:
    kind: BounceKind
    status: str | None = None
    diagnostic: str = ""
    recipient: str | None = None
    letter: Report | None = None
    """The letter's token or Message-ID, if the report itself names it."""


def _finish(parts: Sequence[Part], reported: _ReportContent) -> Report:
    diagnostic = clean(reported.diagnostic)[:_MAX_DIAGNOSTIC]
    token, message_id = _token(parts), _message_id(parts)
    if reported.letter:
        token, message_id = token or reported.letter.verp_token, message_id or reported.letter.message_id
    return Report(reported.kind, token, message_id, reported.status, diagnostic, reported.recipient)


def _token(parts: Sequence[Part]) -> str | None:
    """Return the token in the address that the mail was sent to, else in the sender of the letter it quotes."""
    places = [value for part in parts for value in part.delivered_to]
    for part in parts:
        if part.type == "message/feedback-report":
            places += [value for name, value in fields_of(part.body) if name == "original-mail-from"]
        places += part.quoted("return-path")
    return next((token for place in places if (token := find_verp(place))), None)


def _message_id(parts: Sequence[Part]) -> str | None:
    places = [value for part in parts for value in part.quoted("message-id")]
    return next((match[0] for place in places if (match := _MESSAGE_ID.search(place))), None)


def _delivery_report(parts: Sequence[Part]) -> _ReportContent | None:
    """Read the fields of a delivery status part (RFC 3464)."""
    recipients = [
        fields
        for part in parts
        if part.type in ("message/delivery-status", "message/global-delivery-status")
        for fields in _recipients(part.body)
    ]
    if not recipients:
        return None
    text = _human_text(parts) if len(recipients) == 1 else ""
    return _mildest([_about(fields, text) for fields in recipients])


def _inline_report(parts: Sequence[Part]) -> _ReportContent | None:
    """Read the same fields inside a text, as in reports that were forwarded or flattened by a gateway."""
    for part in parts:
        match = _INLINE_REPORT.search(body := _QUOTE_MARKS.sub(b"", part.body[:40_000])) if part.is_text else None
        if match:
            recipients = [
                fields for fields in _recipients(body[match.start() :]) if {"action", "status"} <= fields.keys()
            ]
            return _mildest([_about(fields, "") for fields in recipients]) if recipients else None
    return None


def _mildest(verdicts: Sequence[_ReportContent]) -> _ReportContent:
    """Return the mildest verdict: an address may deliver to several mailboxes, and works if one of them accepts."""
    return min(verdicts, key=lambda verdict: _MILDEST_FIRST.index(verdict.kind))


def _recipients(body: bytes) -> Iterator[dict[str, str]]:
    for block in re.split(rb"\n[ \t]*\n", body.strip()):
        fields: dict[str, str] = {}
        for name, value in fields_of(block):
            if name == "final-recipient" and name in fields:  # some systems omit the empty line
                yield fields
                fields = {}
            fields.setdefault(name, value)
        if fields.keys() & {"final-recipient", "action", "status"}:
            yield fields


def _about(fields: dict[str, str], text: str) -> _ReportContent:
    diagnostic = fields.get("diagnostic-code") or fields.get("x-supplementary-info") or ""
    reply = diagnostic.partition(";")[2].strip() or diagnostic
    stated = ENHANCED.search(fields.get("status", ""))
    status = stated[0] if stated else None
    recipient = _address(fields.get("original-recipient") or fields.get("final-recipient") or "")
    # RFC 3464 2.3.3: the actions delayed, delivered, relayed and expanded are not failures.
    if not fields.get("action", "failed" if status else "").lower().startswith(("failed", "expired")):
        return _ReportContent(BounceKind.NOTHING, status, reply, recipient)
    judged = judge_reply(reply, status, text)
    from_text = judge_reply(text, status)
    # The reason may be only in the text for people. The text may also say that the mailbox is full where the fields
    # say that it does not exist.
    if from_text.by_words and (not reply or (judged.kind is BounceKind.HARD and from_text.kind is BounceKind.SOFT)):
        judged = from_text
    return _ruled(judged, reply, recipient)


def _ruled(judged: Judgment, reply: str, recipient: str | None) -> _ReportContent:
    return _ReportContent(judged.kind, judged.status, reply, recipient)


def _address(field: str) -> str | None:
    """Return the address in a field such as `rfc822;ada@mail.example` (RFC 6533 has the type `utf-8`)."""
    match = ADDRESS.search(field)
    return match[0] if match else None


def _complaint(parts: Sequence[Part]) -> _ReportContent | None:
    """Read an ARF complaint (RFC 5965)."""
    report = next((part for part in parts if part.type == "message/feedback-report"), None)
    if report is None:
        return None
    fields = dict(reversed(fields_of(report.body)))
    what = fields.get("feedback-type", "").lower()
    recipient = _address(fields.get("original-rcpt-to") or fields.get("removal-recipient") or "")
    kind = BounceKind.COMPLAINT if what in _COMPLAINTS else BounceKind.NOTHING
    return _ReportContent(kind, diagnostic=f"feedback: {what}", recipient=recipient)


def _microsoft_complaint(parts: Sequence[Part]) -> _ReportContent | None:
    """Read a complaint of Microsoft's Junk Mail Reporting Program, which only forwards the letter."""
    sender, subject = (parts[0].first(name) or "" for name in ("from", "subject"))
    if "staff@hotmail.com" not in sender.lower() or not subject.lower().startswith("complaint about message"):
        return None
    named = [value for part in parts for value in part.quoted("x-hmxmroriginalrecipient")]
    return _ReportContent(BounceKind.COMPLAINT, diagnostic=subject, recipient=_address(" ".join(named)))


def _notification(parts: Sequence[Part]) -> _ReportContent | None:
    """Read a notification that Amazon sent by email: JSON, followed by how to unsubscribe from notifications."""
    for part in parts:
        text = part.body.lstrip()
        if not part.is_text or not text.startswith(b"{"):
            continue
        try:
            value, _ = json.JSONDecoder().raw_decode(_CUT_LINE.sub("", readable(text[:200_000])))
        except (ValueError, RecursionError):
            continue
        reports = read_notifications(value)
        if reports is not None:
            verdicts = [_ReportContent(r.kind, r.status, r.diagnostic, r.recipient, r) for r in reports]
            return _mildest(verdicts) if verdicts else _ReportContent(BounceKind.NOTHING)
    return None


def _text_report(parts: Sequence[Part]) -> _ReportContent | None:
    """Read the texts that qmail, Exim, Gmail, Exchange and many others write for people."""
    mails = [(part, _human_text(parts[place:])) for place, part in enumerate(parts) if not place or part.all("from")]
    head, text = next((mail for mail in mails if _looks_like_a_report(*mail)), (None, ""))
    if head is None or _OF_A_DELAY.search(text):
        return None
    recipient = _address(head.first("x-failed-recipients") or text)
    preamble, *about_each = _NEXT_RECIPIENT.split(text)
    texts = [*about_each, *([preamble] if reply_code(preamble) else [])]
    verdicts = [verdict for about in texts if (verdict := _judged_text(about)).kind is not BounceKind.NOTHING]
    whole = _mildest(verdicts) if len(verdicts) > 1 else _judged_text(text)
    if whole.kind is BounceKind.NOTHING and _TELLS_A_FAILURE.search(text):
        whole = replace(whole, kind=BounceKind.SOFT)  # delivery failed for an unknown reason
    return replace(whole, diagnostic=text, recipient=recipient)


def _judged_text(text: str) -> _ReportContent:
    return _ruled(judge_reply(text), text, None)


def _human_text(parts: Sequence[Part]) -> str:
    texts = [part for kind in ("text/plain", "text/html") for part in parts if part.type == kind]
    return next((text for part in texts if (text := part.own_text).strip()), parts[0].own_text)


def _looks_like_a_report(head: Part, text: str) -> bool:
    """Return whether these fields are of a mail that a system wrote because a letter could not be delivered."""
    if head.first("x-failed-recipients") or head.type == "multipart/report":
        return True
    without_return = head.first("return-path") == "<>"
    if REPLY.match(head.first("subject") or "") and not without_return and not head.first("auto-submitted"):
        return False  # a person, who may be called or write as the postmaster
    by_a_system = without_return or _FROM_A_SYSTEM.search(head.first("from") or "")
    tells = _TELLS_A_FAILURE.search(text)
    if (head.first("auto-submitted") or "").lower().startswith("auto-replied"):
        return bool(by_a_system and tells)  # otherwise it is a vacation notice
    return bool(by_a_system and (tells or _OF_A_FAILURE.search(head.first("subject") or "")))
