"""What comes back: delivery reports and complaints, read and judged. Pure; any bytes at all give a Report.

Read are RFC 3464 reports (also RFC 6533's), ARF complaints (RFC 5965), Microsoft's complaints without one, and
the plain texts of qmail, Exim and old Gmail. A report is matched to its letter by the token in the return
address, or by the Message-ID of the letter it quotes, never by the address it names: that may be where the
subscriber's mail is forwarded to. `CLASSES` is the judgement; docs/delivery.md prints the same table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from paperround.bounces.mime import Part, fields_of, read_parts
from paperround.domain.models import BounceKind
from paperround.domain.reply_codes import ENHANCED, one_of
from paperround.domain.text import clean
from paperround.domain.tokens import find_verp

_MAX_DIAGNOSTIC = 500  # characters
# Without controls: PostgreSQL takes no NUL, not even to look for one.
_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{3,300}>")
_ADDRESS = re.compile(r"[^\s<>;:,\"()\[\]]{1,64}@[^\s<>;:,\"()\[\]]{1,253}")
_SMTP_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_ENVELOPE_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MILDEST_FIRST = (BounceKind.NOTHING, BounceKind.POLICY, BounceKind.SOFT, BounceKind.HARD)
_COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"}  # RFC 5965 7.3; not "not-spam"
_FROM_A_SYSTEM = re.compile(r"mailer-daemon|postmaster|mail delivery|mail administrator", re.IGNORECASE)
_OF_A_FAILURE = re.compile(
    r"undeliver|not deliver|fail(ure|ed)|return(ed)? (mail|to sender)|non.?deliver|delivery (status|report)|rejected",
    re.IGNORECASE,
)
_OF_A_DELAY = re.compile(
    r"warning message only|delayed|not (yet )?been delivered yet|do not need to resend"
    r"|will (be retried|retry|try again|(keep|continue) (re)?trying|continue to (re)?try)",
    re.IGNORECASE,
)
_IN_WORDS = {
    "5.1.1": re.compile(r"no such (user|mailbox|recipient|address)|user unknown|unknown user|no mailbox here", re.I),
    "5.2.2": re.compile(r"quota|mailbox (is )?full", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a returned mail says."""

    kind: BounceKind
    verp_token: str | None = None
    """What looks like our token in the address it came to; whether it is one the keys tell."""
    message_id: str | None = None
    """The Message-ID of the letter it is about."""
    status: str | None = None
    """The enhanced status code (RFC 3463)."""
    diagnostic: str = ""
    """What the other side said, on one line."""
    recipient: str | None = None
    """The address it names; perhaps one that the subscriber's mail is forwarded to."""


@dataclass(frozen=True)
class Class:
    """One row: an enhanced code, an SMTP code and words, and what they mean; an empty column fits everything."""

    status: str
    code: str
    text: str
    kind: BounceKind
    why: str

    def fits(self, status: str | None, code: str | None, text: str) -> bool:
        """Whether the row speaks of these."""
        return (
            self._status.fullmatch(status or "-") is not None
            and self._code.fullmatch(code or "-") is not None
            and self._text.search(text) is not None
        )

    @cached_property
    def _status(self) -> re.Pattern[str]:
        return one_of(self.status)

    @cached_property
    def _code(self) -> re.Pattern[str]:
        return one_of(self.code)

    @cached_property
    def _text(self) -> re.Pattern[str]:
        return re.compile(self.text, re.IGNORECASE)


_NO_DETAIL = "x.0.0 -"

CLASSES = (
    Class("x.2.1", "", "receiving mail", BounceKind.SOFT, "Gmail: too much mail for this subscriber just then"),
    Class("5.1.1 5.1.3 5.1.6 5.1.10 5.2.1", "", "", BounceKind.HARD, "there is no such mailbox, or no longer"),
    Class("5.7.x 5.6.x 5.5.x 5.3.4 5.1.7 5.1.8 5.4.5", "", "", BounceKind.POLICY, "the sender must mend something"),
    Class("4.x.x", "", "", BounceKind.SOFT, "tried until it was too late"),
    Class(_NO_DETAIL, "554", "", BounceKind.POLICY, "a refusal that names no mailbox"),
    Class(_NO_DETAIL, "xxx", "", BounceKind.SOFT, "a bare SMTP code: about the mailbox, but not clear what"),
    Class("5.x.x", "", "", BounceKind.SOFT, "full, moved, unknown host and the like: may pass"),
    Class("", "", "", BounceKind.NOTHING, "no code to judge by"),
)


def classify(status: str | None, code: str | None, text: str) -> BounceKind:
    """The class of a failure with this enhanced code, SMTP code and wording."""
    return next(row.kind for row in CLASSES if row.fits(status, code, text))


def parse(raw: bytes) -> Report:
    """What this mail says about a letter of ours; NOTHING for all that is no report of a failure."""
    parts = read_parts(raw)
    for read in (_complaint, _delivery_report, _microsoft_complaint, _text_report):
        said = read(parts)
        if said is not None:
            return _finish(parts, said)
    return _finish(parts, _Said(BounceKind.NOTHING))


@dataclass(frozen=True, slots=True)
class _Said:
    kind: BounceKind
    status: str | None = None
    diagnostic: str = ""
    recipient: str | None = None


def _finish(parts: Sequence[Part], said: _Said) -> Report:
    told = clean(said.diagnostic)[:_MAX_DIAGNOSTIC]
    return Report(said.kind, _token(parts), _message_id(parts), said.status, told, said.recipient)


def _token(parts: Sequence[Part]) -> str | None:
    """From the address that the mail came to, else from the sender of the letter that it quotes."""
    places = [value for name in _ENVELOPE_FIELDS for value in parts[0].all(name)]
    for part in parts:
        if part.type == "message/feedback-report":
            places += [value for name, value in fields_of(part.body) if name == "original-mail-from"]
        places += part.quoted("return-path")
    return next((token for place in places if (token := find_verp(place))), None)


def _message_id(parts: Sequence[Part]) -> str | None:
    places = [value for part in parts for value in part.quoted("message-id")]
    return next((found[0] for place in places if (found := _MESSAGE_ID.search(place))), None)


def _delivery_report(parts: Sequence[Part]) -> _Said | None:
    """RFC 3464."""
    recipients = [
        fields
        for part in parts
        if part.type in ("message/delivery-status", "message/global-delivery-status")
        for fields in _recipients(part.body)
    ]
    if not recipients:
        return None
    # An address may stand for several mailboxes: while one of them takes the letter, it is not dead.
    return min(map(_about, recipients), key=lambda said: _MILDEST_FIRST.index(said.kind))


def _recipients(body: bytes) -> Iterator[dict[str, str]]:
    for block in re.split(rb"\n[ \t]*\n", body.strip()):
        fields: dict[str, str] = {}
        for name, value in fields_of(block):
            if name == "final-recipient" and name in fields:  # some leave the empty line out
                yield fields
                fields = {}
            fields.setdefault(name, value)
        if fields.keys() & {"final-recipient", "action", "status"}:
            yield fields


def _about(fields: dict[str, str]) -> _Said:
    diagnostic = fields.get("diagnostic-code") or fields.get("x-supplementary-info") or ""
    said = diagnostic.partition(";")[2].strip() or diagnostic
    status = _best_status(ENHANCED.search(fields.get("status", "")), said)
    recipient = _address(fields.get("original-recipient") or fields.get("final-recipient") or "")
    # RFC 3464 2.3.3: delayed, delivered, relayed and expanded are no failures.
    failed = fields.get("action", "failed" if status else "").lower().startswith("failed")
    kind = classify(status, _smtp_code(said), said) if failed else BounceKind.NOTHING
    return _Said(kind, status, said, recipient)


def _best_status(stated: re.Match[str] | None, said: str) -> str | None:
    """The status field, or the code in the diagnostic where that says more: 5.0.0 stands for "failed somehow"."""
    status = stated[0] if stated else None
    if status and not status.endswith(".0.0"):
        return status
    found = (match[0] for match in ENHANCED.finditer(said) if not match[0].startswith("2"))
    return next((code for code in found if status is None or code[0] == status[0]), status)


def _smtp_code(said: str) -> str | None:
    found = _SMTP_CODE.search(said)
    return found[1] if found else None


def _address(field: str) -> str | None:
    """`rfc822;ada@mail.example` without its type; RFC 6533 has `utf-8` for it."""
    found = _ADDRESS.search(field)
    return found[0] if found else None


def _complaint(parts: Sequence[Part]) -> _Said | None:
    """RFC 5965."""
    report = next((part for part in parts if part.type == "message/feedback-report"), None)
    if report is None:
        return None
    fields = dict(reversed(fields_of(report.body)))
    what = fields.get("feedback-type", "").lower()
    recipient = _address(fields.get("original-rcpt-to") or fields.get("removal-recipient") or "")
    kind = BounceKind.COMPLAINT if what in _COMPLAINTS else BounceKind.NOTHING
    return _Said(kind, diagnostic=f"feedback: {what}", recipient=recipient)


def _microsoft_complaint(parts: Sequence[Part]) -> _Said | None:
    """Of the Junk Mail Reporting Program, which forwards the letter and says no more."""
    sender, subject = (parts[0].first(name) or "" for name in ("from", "subject"))
    if "staff@hotmail.com" not in sender.lower() or not subject.lower().startswith("complaint about message"):
        return None
    named = [value for part in parts for value in part.quoted("x-hmxmroriginalrecipient")]
    return _Said(BounceKind.COMPLAINT, diagnostic=subject, recipient=_address(" ".join(named)))


def _text_report(parts: Sequence[Part]) -> _Said | None:
    """What qmail, older Exim and Gmail and many others write for people to read."""
    top = parts[0]
    if not _looks_like_a_report(top):
        return None
    said = next((part.own_text for part in parts if part.type == "text/plain"), top.own_text)
    if _OF_A_DELAY.search(said):
        return None
    status = _best_status(None, said) or next((code for code, words in _IN_WORDS.items() if words.search(said)), None)
    recipient = _address(top.first("x-failed-recipients") or said)
    return _Said(classify(status, _smtp_code(said), said), status, said, recipient)


def _looks_like_a_report(top: Part) -> bool:
    if top.first("x-failed-recipients") or top.type == "multipart/report":
        return True
    if (top.first("auto-submitted") or "").lower().startswith("auto-replied"):
        return False  # somebody is on holiday
    by_a_system = _FROM_A_SYSTEM.search(top.first("from") or "") or top.first("return-path") == "<>"
    return bool(by_a_system and _OF_A_FAILURE.search(top.first("subject") or ""))
