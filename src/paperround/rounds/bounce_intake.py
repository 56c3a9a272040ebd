"""What comes back about letters, and what follows for their subscribers: in one place for refusals, reports and
hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32

from paperround import logs
from paperround.app import App
from paperround.bounces import mailboxes, reports
from paperround.bounces.suppression import Fate, reason_to_suppress
from paperround.domain import tokens
from paperround.domain.errors import BadToken, PaperroundError
from paperround.domain.models import BounceKind, Delivery, SubscriberState
from paperround.store.bounces import Bounce

log = logs.logger()
LEAVE = "unsubscribe"
"""The mailbox in the bounces' domain that takes subscribers out by mail."""
_CAME_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To")
_POLICY_ALARM = 3
"""So many letters a day refused for the sender's fault are no accident any more."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A mail that came back and what was made of it."""

    where: str
    kind: BounceKind
    status: str | None
    text: str
    email: str | None
    """The subscriber it is about; None when it speaks of no letter of ours."""
    new: bool
    """Whether it said something that was not known yet."""


def read(app: App, mails: Iterable[tuple[str, bytes]]) -> list[Returned]:
    """Read returned mails and do what follows from each; one that cannot be read is nothing, and stops no other."""
    return [_read_one(app, where, raw) for where, raw in mails]


def read_mailbox(app: App) -> list[Returned]:
    """Read what waits in the mailboxes that the settings name; one that cannot be read is told after the other is."""
    settings = app.settings.bounces
    boxes: list[Iterable[tuple[str, bytes]]] = []
    boxes += [mailboxes.maildir(settings.maildir)] if settings.maildir else []
    boxes += [mailboxes.imap(settings.imap)] if settings.imap else []
    found: list[Returned] = []
    problems: list[PaperroundError] = []
    for mails in boxes:
        try:
            found += read(app, mails)
        except PaperroundError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return found


def reported(app: App, where: str, report: reports.Report) -> Returned:
    """Do what follows from a report, by whatever way it came."""
    delivery = _delivery(app, report)
    # By the letter and not by what tells it: mail has the return address, a relay's call perhaps the Message-ID.
    new = delivery is not None and take(
        app, Bounce(f"{delivery.row} {report.kind}", delivery.row, report.kind, report.status, report.diagnostic)
    )
    return Returned(where, report.kind, report.status, report.diagnostic, delivery.email if delivery else None, new)


def _read_one(app: App, where: str, raw: bytes) -> Returned:
    try:
        report = reports.parse(raw)
        delivery = _delivery(app, report) if _asks_to_leave(raw) else None
        if delivery is None:
            return reported(app, where, report)
        left = app.store.subscribers.set_state(delivery.subscriber, SubscriberState.UNSUBSCRIBED, app.clock())
        return Returned(where, BounceKind.NOTHING, None, "asked to unsubscribe", delivery.email, left)
    except PaperroundError:  # the database: it would be the same with every mail, and they can wait
        raise
    except Exception:
        # A mail that stays unread for it would be the first one the next time, and all others would wait behind it.
        log.exception("a returned mail broke the reading; the others go on", mail=where)
        return Returned(where, BounceKind.NOTHING, None, "could not be read", None, new=False)


def _asks_to_leave(raw: bytes) -> bool:
    """Whether the mail came to the address that List-Unsubscribe names beside the link (RFC 2369 3.2)."""
    head = BytesHeaderParser(policy=compat32).parsebytes(raw)
    came_to = (str(value) for name in _CAME_TO for value in head.get_all(name, []))
    return any(f"{LEAVE}+" in address.lower() for address in came_to)


def _delivery(app: App, report: reports.Report) -> Delivery | None:
    """The letter that a report is about: by the key in its return address, else by the Message-ID it quotes.

    Never by the address it names, which may be where the subscriber's mail is forwarded to; and a return address with
    a key that is not ours is somebody's invention, whatever else the report says.
    """
    if report.verp_token:
        try:
            return app.store.deliveries.by_row(tokens.read_verp(app.keys, report.verp_token))
        except BadToken:
            return None
    return app.store.deliveries.by_message_id(report.message_id) if report.message_id else None


def take(app: App, bounce: Bounce) -> bool:
    """Keep a report and do what follows from it; False when it is known already, or speaks of no letter of ours."""
    if bounce.kind is BounceKind.NOTHING:
        return False
    now = app.clock()
    told = Fate(now, bounce.kind, bounce.status)
    reason = app.store.bounces.take(
        bounce, now, lambda history: reason_to_suppress(told, [Fate(*fate) for fate in history])
    )
    if reason:
        log.warning("address suppressed", delivery=bounce.delivery, reason=reason)
    if reason is not None and bounce.kind is BounceKind.POLICY:
        _alarm(app, bounce, now)
    return reason is not None


def _alarm(app: App, bounce: Bounce, now: datetime) -> None:
    today = app.store.bounces.count(now.replace(hour=0, minute=0, second=0, microsecond=0))
    if today.get(BounceKind.POLICY, 0) >= _POLICY_ALARM:
        log.error("receivers refuse our mail for what it is", refusals_today=today, latest=bounce.text)
