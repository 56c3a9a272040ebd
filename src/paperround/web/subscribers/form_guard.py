"""Abuse protection for the forms that send emails to a typed address: nobody can flood mailboxes, or block the forms
for others.

Requests are counted for the client and its network, for the mailbox (regardless of dots and of anything after a +),
for the recipient's domain, and in total. The counts are stored in the database, so they survive a restart. Sign-ups
and changes of address share their limits; lost links have separate ones. During a spike, the same client must submit
the form twice, some seconds apart.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from paperround.process import logs
from paperround.store.quotas import Quota
from paperround.web.clients import client_of, network_of
from paperround.web.context import WebContext
from paperround.web.forms import FormFields
from paperround.web.rate_limits import EVERYBODY, FormLimits

log = logs.logger()
# Between the two submissions of a form during a spike.
_MIN_DELAY, _MAX_DELAY = timedelta(seconds=5), timedelta(hours=1)
# Gmail delivers to the same mailbox under both domains.
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}


class Decision(Enum):
    """What to do with a submitted form."""

    SEND = "the letter may be sent"
    SILENT = "no letter is sent, without an error"
    AGAIN = "the form must be submitted again"


def check(request: Request, context: WebContext, form: FormFields, email: str, limits: FormLimits) -> Decision:
    """Decide whether an email may be sent to an address that was typed into a form.

    Raises HTTPException: 403 if another site submitted the form, 429 if this client, its network, all requests for
    this domain, or all requests together exceeded a limit.
    """
    _refuse_other_sites(request, context)
    now, counts = context.app.clock(), context.app.store.quotas
    _, domain = fold_mailbox(email)
    client, to_domain = _key(context, client_of(request)), _key(context, domain)
    many = counts.count(limits.everybody, EVERYBODY, now), counts.count(limits.domain, to_domain, now)
    if (many[0] >= limits.spike or many[1] >= limits.domain_spike) and not _is_second(request, context, form, email):
        _warn(limits, many)
        return Decision.AGAIN
    mine = [(limits.client, client), (limits.network, _key(context, network_of(request, 24, 48)))]
    theirs = _counts_of_mailbox(context, email, limits)
    broken = counts.take([*mine, *theirs, (limits.domain, to_domain), (limits.everybody, EVERYBODY)], now)
    if broken in (limits.mailbox, limits.mailbox_month):
        # The client must not learn whether this mailbox was emailed before, but its request still counts.
        counts.take(mine, now)
        return Decision.SILENT
    if broken is None:
        return Decision.SEND
    if broken is limits.everybody:
        log.error("too many form submissions; new ones are refused for now", form=limits.name, within="an hour")
    key = dict([*mine, (limits.domain, to_domain), (limits.everybody, EVERYBODY)])[broken]
    raise HTTPException(429, headers={"Retry-After": str(counts.wait(broken, key, now))})


def nothing_sent(context: WebContext, email: str, limits: FormLimits) -> None:
    """Take back the count of an allowed request for its mailbox, because no email was queued for it.

    Otherwise somebody who submits the form twice would use up their emails of the day with a single one, and none
    would be sent when they unsubscribe and come back.
    """
    context.app.store.quotas.refund(_counts_of_mailbox(context, email, limits))


def _counts_of_mailbox(context: WebContext, email: str, limits: FormLimits) -> list[tuple[Quota, str]]:
    key = _key(context, fold_mailbox(email)[0])
    return [(limits.mailbox, key), (limits.mailbox_month, key)]


def fold_mailbox(email: str) -> tuple[str, str]:
    """Return a mailbox under one name, however its address is written, and its domain.

    Anything after a + is dropped, as many providers do, and dots are too, as at Gmail.
    """
    local, _, domain = email.casefold().rpartition("@")
    domain = _SAME_DOMAIN.get(domain, domain)
    bare = local.partition("+")[0].replace(".", "")
    return f"{bare or local}@{domain}", domain


def make_stamp(request: Request, context: WebContext, email: str) -> str:
    """Return the signed stamp of a form that must be submitted twice: its time, for this client and address."""
    return _stamp(request, context, email, context.app.clock())


def _is_second(request: Request, context: WebContext, form: FormFields, email: str) -> bool:
    stamp, now = form.get("stamp"), context.app.clock()
    seconds = stamp.partition(".")[0]
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12):
        return False
    at = datetime.fromtimestamp(int(seconds), now.tzinfo)
    genuine = hmac.compare_digest(stamp.encode(), _stamp(request, context, email, at).encode())
    return genuine and _MIN_DELAY <= now - at <= _MAX_DELAY


def _stamp(request: Request, context: WebContext, email: str, at: datetime) -> str:
    seconds = int(at.timestamp())
    return f"{seconds}.{_key(context, f'stamp {seconds} {client_of(request)} {email.casefold()}')}"


def _refuse_other_sites(request: Request, context: WebContext) -> None:
    if is_from_other_site(request, context):
        raise HTTPException(403, "this form was submitted from another site; open it here and submit it again")


def is_from_other_site(request: Request, context: WebContext) -> bool:
    """Return whether another site made the visitor's browser send this request.

    Programs that send neither Origin nor Sec-Fetch-Site do not count as another site.
    """
    origin = request.headers.get("origin", "")
    ours = {request.headers.get("host", ""), urlsplit(context.site.base_url).netloc}
    foreign = origin not in {"", "null"} and urlsplit(origin).netloc not in ours
    return foreign or request.headers.get("sec-fetch-site") == "cross-site"


def _key(context: WebContext, text: str) -> str:
    """Return a keyed hash to count under, so that the database reveals neither clients nor addresses."""
    return hmac.digest(context.app.keys[0], f"rate\0{text}".encode(), "sha256").hex()[:32]


def _warn(limits: FormLimits, many: tuple[int, int]) -> None:
    log.warning(
        "unusually many form submissions; each must be sent twice for now, in case somebody is flooding mailboxes",
        form=limits.name,
        within="an hour",
        everybody=many[0],
        to_this_domain=many[1],
    )
