"""Handles what comes back about letters: refusals, bounce reports, webhook calls and replies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paperround.app import App
from paperround.bounces import mailboxes, reports
from paperround.bounces.mime import read_parts
from paperround.bounces.replies import parse_reply
from paperround.bounces.suppression import decide
from paperround.bounces.verdict import Report
from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError, PaperroundError
from paperround.domain.hosts import domain_of
from paperround.domain.models import BounceKind, Delivery, SubscriberState
from paperround.process import logs
from paperround.rounds.replies import take_reply
from paperround.store.alarms import AlarmKind
from paperround.store.bounces import Bounce

log = logs.logger()


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """A returned mail and the verdict on it."""

    where: str
    kind: BounceKind
    status: str | None
    text: str
    email: str | None
    """The subscriber's address; None if the report is about no letter of this site."""
    new: bool
    """Whether the report was not known before."""

    def facts(self) -> dict[str, object]:
        """Return the fields for JSON, where `kind` is empty if the mail says nothing about an address."""
        return {
            "where": self.where,
            "kind": "" if self.kind is BounceKind.NOTHING else self.kind.value,
            "status": self.status,
            "email": self.email,
            "new": self.new,
            "text": self.text,
        }


def process_mails(app: App, mails: Iterable[tuple[str, bytes]], *, trusted: bool = False) -> list[ReturnedMail]:
    """Read returned mails and apply the verdict on each. A mail that cannot be parsed is logged and skipped.

    `trusted` says that the mails came with a secret of this site, so that they cannot be forged.
    """
    return [_process_mail(app, where, raw, trusted=trusted) for where, raw in mails]


def read_mailbox(app: App) -> list[ReturnedMail]:
    """Read new mails from the configured mailboxes. If one mailbox cannot be read, the others still are.

    Raises the error of the first mailbox that failed, after all have been tried.
    """
    settings = app.settings.bounces
    boxes: list[Iterable[tuple[str, bytes]]] = []
    boxes += [mailboxes.maildir(settings.maildir)] if settings.maildir else []
    boxes += [mailboxes.imap(settings.imap)] if settings.imap else []
    mails: list[ReturnedMail] = []
    problems: list[PaperroundError] = []
    for box in boxes:
        try:
            mails += process_mails(app, box)
        except PaperroundError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return mails


def apply_report(app: App, where: str, report: Report, *, trusted: bool) -> ReturnedMail:
    """Apply the verdict on one report, whether it came by mail or by webhook."""
    delivery = _delivery(app, report, trusted=trusted)
    # The key is derived from the letter, since a bounce mail and a webhook may identify it in different ways.
    new = delivery is not None and apply_bounce(
        app, Bounce(f"{delivery.row} {report.kind}", delivery.row, report.kind, report.status, report.diagnostic)
    )
    return ReturnedMail(
        where, report.kind, report.status, report.diagnostic, delivery.email if delivery else None, new
    )


def _process_mail(app: App, where: str, raw: bytes, *, trusted: bool) -> ReturnedMail:
    try:
        reply = parse_reply(raw) if app.settings.asks_for_replies else None
        if reply:
            text, email, new = take_reply(app, reply)
            return ReturnedMail(where, BounceKind.NOTHING, None, text, email, new)
        report = reports.parse(raw)
        delivery = _delivery(app, report, trusted=trusted) if _is_unsubscribe_request(raw) else None
        if delivery is None:
            return apply_report(app, where, report, trusted=trusted)
        left = app.store.subscribers.set_state(delivery.subscriber, SubscriberState.UNSUBSCRIBED, app.clock())
        return ReturnedMail(where, BounceKind.NOTHING, None, "asked to unsubscribe", delivery.email, left)
    except PaperroundError:  # the database failed: all other mails would fail too, and can wait
        raise
    except Exception:
        # Continue, so that the mail is marked as seen: otherwise it would be read first every time and block the
        # others.
        log.exception("returned mail could not be processed; continuing with the others", mail=where)
        return ReturnedMail(where, BounceKind.NOTHING, None, "could not be read", None, new=False)


def _is_unsubscribe_request(raw: bytes) -> bool:
    """Return whether the mail was sent to the address in the List-Unsubscribe header (RFC 2369 section 3.2)."""
    return any(f"{tokens.LEAVE_MAILBOX}+" in address.lower() for address in read_parts(raw)[0].delivered_to)


def _delivery(app: App, report: Report, *, trusted: bool) -> Delivery | None:
    """Find the letter that a report is about: by the signed return address, else by the Message-ID it quotes.

    The address named in a report is never used, since mail may have been forwarded to it. A return address with a
    wrong signature is forged, whatever else the report says. Where return addresses are signed, a Message-ID alone
    proves nothing, since everybody who has seen the letter knows it. A `trusted` report from the relay may identify
    the letter by its Message-ID or by the address that the relay sent it to.
    """
    if report.verp_token:
        try:
            return app.store.deliveries.by_row(tokens.read_verp(app.link_keys, report.verp_token))
        except InvalidTokenError:
            return None
    if app.settings.bounces.domain and not trusted:
        return None
    delivery = app.store.deliveries.by_message_id(report.message_id) if report.message_id else None
    if delivery is None and trusted and report.sent_to and report.recipient:
        return app.store.deliveries.latest_to(report.recipient)
    return delivery


def apply_bounce(app: App, bounce: Bounce) -> bool:
    """Store a report and apply the verdict; return False if it is known already or about no letter of this site."""
    if bounce.kind is BounceKind.NOTHING:
        return False
    consequences = app.store.bounces.apply(bounce, app.clock(), decide)
    if consequences is None:
        return False
    if consequences.suppressed:
        log.warning("address suppressed", delivery=bounce.delivery, reason=consequences.suppressed)
    if consequences.domain_fails:
        log.error(
            "most letters to this domain fail; none of its addresses is suppressed",
            domain=consequences.domain,
            latest=bounce.text,
        )
    if consequences.everything_fails:
        log.error("most letters to all domains fail; no address is suppressed", latest=bounce.text)
    if consequences.ours:
        log.error(
            "mail from this site is rejected because of its reputation or content",
            domain=consequences.domain,
            latest=bounce.text,
        )
    return True


def log_site_deferral(app: App, email: str, problem: str) -> None:
    """Log an error, at most once a day per domain, that a domain defers or refuses letters because of this site."""
    domain = domain_of(email)
    if app.store.alarms.first_today(AlarmKind.DEFERRED, domain, app.clock()):
        log.error(
            "mail from this site is deferred because of its reputation or content", domain=domain, latest=problem
        )
