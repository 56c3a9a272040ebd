"""Bounces and complaints in the JSON of relays: Amazon SES, Postmark, SendGrid, Mailgun. Pure functions.

They arrive by webhook, and those of SES also by email. A server's reply is judged by the same table as everywhere;
the relay's own classification counts only if the reply says nothing specific.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from paperround.bounces.verdict import Report, judge_reply
from paperround.domain.models import BounceKind
from paperround.domain.text import clean
from paperround.domain.tokens import find_verp

_MAX_TEXT = 500  # characters kept of a server's reply
_MAX_REPORTS = 1_000
Record = Mapping[str, Any]


def read_notifications(value: object) -> list[Report] | None:
    """Return the reports in a relay's notification, without deliveries and opens; None if the format is unknown."""
    records = value if isinstance(value, list) else [value]
    reports: list[Report] = []
    recognized = False
    for record in map(_record, records[:_MAX_REPORTS]):
        reader = _reader_of(record)
        if reader:
            recognized = True
            reports += reader(record)
    return reports if recognized else None


def is_ses(record: Record) -> bool:
    """Return whether a record is an event of Amazon SES without the message of SNS around it."""
    return _reader_of(record) is _ses


def is_sendgrid(record: Record) -> bool:
    """Return whether a record is an event of SendGrid."""
    return _reader_of(record) is _sendgrid


def is_mailgun(record: Record) -> bool:
    """Return whether a record is an event of Mailgun."""
    return _reader_of(record) is _mailgun


def subscription_url(value: object) -> str | None:
    """Return the URL that confirms an SNS subscription if the value requests that, else None."""
    if isinstance(value, dict) and value.get("Type") == "SubscriptionConfirmation":
        return _text(value.get("SubscribeURL")) or None
    return None


def _reader_of(record: Record) -> Callable[[Record], Iterator[Report]] | None:
    if record.get("Type") == "Notification" and "Message" in record:
        return _sns
    if {"notificationType", "eventType"} & record.keys() and "mail" in record:
        return _ses
    if "RecordType" in record:
        return _postmark
    if "event-data" in record:
        return _mailgun
    return _sendgrid if "event" in record and {"sg_event_id", "sg_message_id", "smtp-id"} & record.keys() else None


def _sns(record: Record) -> Iterator[Report]:
    try:
        inner = from_json(_text(record["Message"], 1 << 20))
    except ValueError:
        return
    if _reader_of(_record(inner)) is _ses:
        yield from _ses(_record(inner))


def _ses(record: Record) -> Iterator[Report]:
    """Read an event of Amazon SES.

    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
    """
    what = record.get("notificationType") or record.get("eventType")
    mail, bounce = _record(record.get("mail")), _record(record.get("bounce"))
    letter = {
        "verp_token": find_verp(_text(mail.get("source"))),
        "message_id": _message_id(_record(mail.get("commonHeaders")).get("messageId")),
    }
    if what == "Complaint":
        complaint = _record(record.get("complaint"))
        diagnostic = f"feedback: {_text(complaint.get('complaintFeedbackType')) or 'abuse'}"
        kind = BounceKind.NOTHING if complaint.get("complaintFeedbackType") == "not-spam" else BounceKind.COMPLAINT
        for recipient in _records(complaint.get("complainedRecipients")):
            yield Report(
                kind,
                diagnostic=diagnostic,
                recipient=_recipient(recipient.get("emailAddress")),
                sent_to=True,
                **letter,
            )
    if what == "Bounce":
        subtype = _text(bounce.get("bounceSubType"))
        for recipient in _records(bounce.get("bouncedRecipients")):
            reply = _text(recipient.get("diagnosticCode")).partition(";")[2].strip() or _text(
                recipient.get("diagnosticCode")
            )
            yield _judged(
                reply,
                _text(recipient.get("status")),
                _SES_TYPES.get(subtype) or _SES_TYPES.get(_text(bounce.get("bounceType")), BounceKind.NOTHING),
                f"{_text(bounce.get('bounceType'))} {subtype}",
                recipient=_recipient(recipient.get("emailAddress")),
                **letter,
            )


_SES_TYPES = {
    "NoEmail": BounceKind.HARD,
    "Suppressed": BounceKind.HARD,
    "OnAccountSuppressionList": BounceKind.HARD,
    "MailboxFull": BounceKind.SOFT,
    "MessageTooLarge": BounceKind.POLICY,
    "ContentRejected": BounceKind.POLICY,
    "AttachmentRejected": BounceKind.POLICY,
    "Permanent": BounceKind.HARD,
    "Transient": BounceKind.SOFT,
    "Undetermined": BounceKind.SOFT,
}


def _postmark(record: Record) -> Iterator[Report]:
    """Read an event of Postmark.

    https://postmarkapp.com/developer/api/bounce-api#bounce-types
    """
    letter = {
        "verp_token": find_verp(_text(record.get("From"))),
        "message_id": _message_id(_record(record.get("Metadata")).get("message-id")),
        "recipient": _recipient(record.get("Email")),
    }
    kind = _text(record.get("Type"))
    if record["RecordType"] == "SpamComplaint" or kind in ("SpamComplaint", "ManuallyDeactivated"):
        yield Report(BounceKind.COMPLAINT, diagnostic="feedback: abuse", sent_to=True, **letter)
    elif record["RecordType"] == "Bounce":
        details = _text(record.get("Details"))
        yield _judged(
            details,
            "",
            _POSTMARK_TYPES.get(kind, BounceKind.NOTHING),
            f"{kind} {_text(record.get('Description'))}",
            **letter,
        )


_POSTMARK_TYPES = {
    "HardBounce": BounceKind.HARD,
    "BadEmailAddress": BounceKind.HARD,
    "AddressChange": BounceKind.SOFT,
    "SoftBounce": BounceKind.SOFT,
    "DnsError": BounceKind.SOFT,
    "Undeliverable": BounceKind.SOFT,
    "Unknown": BounceKind.SOFT,
    "SpamNotification": BounceKind.POLICY,
    "Blocked": BounceKind.POLICY,
    "DMARCPolicy": BounceKind.POLICY,
    "SMTPApiError": BounceKind.POLICY,
    "InboundError": BounceKind.POLICY,
    "TemplateRenderingFailed": BounceKind.POLICY,
}


def _sendgrid(record: Record) -> Iterator[Report]:
    """Read an event of SendGrid.

    https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
    """
    letter = {"message_id": _message_id(record.get("smtp-id")), "recipient": _recipient(record.get("email"))}
    event, reason = _text(record.get("event")), _text(record.get("reason"))
    if event == "spamreport":
        yield Report(BounceKind.COMPLAINT, diagnostic="feedback: abuse", sent_to=True, **letter)
    elif event == "dropped":
        # SendGrid did not attempt delivery: the address is on one of its own suppression lists.
        kind = next((kind for word, kind in _SENDGRID_DROPS if word in reason.lower()), BounceKind.POLICY)
        yield Report(kind, diagnostic=reason, sent_to=True, **letter)
    elif event in ("bounce", "blocked"):
        otherwise = BounceKind.POLICY if "blocked" in (event, record.get("type")) else BounceKind.HARD
        yield _judged(reason, _text(record.get("status")), otherwise, event, **letter)


_SENDGRID_DROPS = (
    ("bounced", BounceKind.HARD),
    ("invalid", BounceKind.HARD),
    ("spam report", BounceKind.COMPLAINT),
    ("unsubscribed", BounceKind.COMPLAINT),
)


def _mailgun(record: Record) -> Iterator[Report]:
    """Read an event of Mailgun.

    https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
    """
    data = _record(record["event-data"])
    status = _record(data.get("delivery-status"))
    message = _record(_record(data.get("message")).get("headers"))
    letter = {
        "verp_token": find_verp(_text(_record(data.get("envelope")).get("sender"))),
        "message_id": _message_id(message.get("message-id")),
        "recipient": _recipient(data.get("recipient")),
    }
    event = data.get("event")
    if event == "complained":
        yield Report(BounceKind.COMPLAINT, diagnostic="feedback: abuse", sent_to=True, **letter)
    # Mailgun retries after a temporary failure, and reports the last one as permanent.
    elif event == "failed" and data.get("severity") != "temporary":
        text = " ".join(filter(None, (_text(status.get("message")), _text(status.get("description")))))
        code = _text(status.get("code"))
        reply = text if not code or text.startswith(code) else f"{code} {text}"
        otherwise = _MAILGUN_REASONS.get(_text(data.get("reason")), BounceKind.NOTHING)
        yield _judged(reply, _text(status.get("enhanced-code")), otherwise, _text(data.get("reason")), **letter)


_MAILGUN_REASONS = {
    "bounce": BounceKind.HARD,
    "suppress-bounce": BounceKind.HARD,
    "suppress-complaint": BounceKind.COMPLAINT,
    "suppress-unsubscribe": BounceKind.COMPLAINT,
    "generic": BounceKind.SOFT,
    "old": BounceKind.SOFT,
    "espblock": BounceKind.POLICY,
}


def _judged(reply: str, status: str, otherwise: BounceKind, fallback: str, **letter: Any) -> Report:
    """Judge a bounce by the server's reply, or by the relay's classification if the reply says nothing specific."""
    stated = status if len(status) > 4 and status[0] in "45" and status[1] == "." else None
    judged = judge_reply(reply, stated)
    kind = judged.kind
    if otherwise is not BounceKind.NOTHING and not judged.by_words and kind in (BounceKind.NOTHING, BounceKind.SOFT):
        kind = otherwise
    text = clean(reply or fallback)[:_MAX_TEXT]
    return Report(kind, status=judged.status, diagnostic=text, sent_to=True, **letter)


def _message_id(value: object) -> str | None:
    # Relays often omit the angle brackets.
    bare = _text(value).strip().strip("<>")
    return f"<{bare}>" if 3 <= len(bare) <= 300 and bare.isprintable() and not set("<> ") & set(bare) else None


def _recipient(value: object) -> str | None:
    return _text(value)[:320] or None


def _record(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _records(value: object) -> list[Record]:
    return [_record(item) for item in value[:_MAX_REPORTS]] if isinstance(value, list) else []


def _text(value: object, most: int = 2_000) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:most] if isinstance(value, str) else ""
