"""A subscriber's private feed: the papers that match their topics and queries, as Atom and JSON Feed.

As in letters, papers that the subscriber leaves out are missing.

The secret in its address opens only the feed, so it is safe to give to a feed reader. A new secret replaces the old
one; the links in emails are not affected.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.domain.models import Paper, Subscriber
from paperround.matching.leave_out import LeaveOut
from paperround.web.browse.feeds import ATOM_TYPE, JSON_TYPE, FeedDocument, atom, json_feed
from paperround.web.conditional import is_unmodified
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form
from paperround.web.subscribers import preferences
from paperround.web.subscribers.token_links import subscriber_of

router = APIRouter()
_PAPERS, _SPAN = 100, timedelta(days=31)
_MAX_READ = 1_000  # matching papers, of which a subscriber may leave out nearly all
_BYTES = 18  # 24 characters of base64url
_HEADERS = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex, nofollow"}


@router.post("/p/{token}/feed")
def change(context: ContextDep, token: str, form: Form) -> Response:
    """Turn the private feed on, give it a new address, or turn it off."""
    subscriber = subscriber_of(context, token)
    feeds = context.app.store.private_feeds
    match form.get("do"):
        case "new":
            done = "feed-new" if feeds.secret(subscriber.row) else "feed-first"
            feeds.set_secret(subscriber.row, secrets.token_urlsafe(_BYTES))
        case "off":
            done = "feed-off"
            feeds.set_secret(subscriber.row, None)
        case _:
            raise HTTPException(400)
    return preferences.redirect(context, subscriber, done)


@router.get("/feeds/{secret}/feed.xml")
def feed_xml(request: Request, context: ContextDep, secret: str) -> Response:
    """Return the private feed as Atom."""
    return _answer(request, atom(_feed(context, secret, "feed.xml")), ATOM_TYPE)


@router.get("/feeds/{secret}/feed.json")
def feed_json(request: Request, context: ContextDep, secret: str) -> Response:
    """Return the private feed as JSON Feed."""
    return _answer(request, json_feed(_feed(context, secret, "feed.json")), JSON_TYPE)


def _feed(context: WebContext, secret: str, name: str) -> FeedDocument:
    owner = context.app.store.private_feeds.owner(secret)
    if owner is None:
        raise HTTPException(404)
    today = context.today
    title = context.languages.by_code(owner.language).gettext("%(site)s: your papers") % {"site": context.site.name}
    return FeedDocument(
        title,
        context.site.base_url,
        "/",
        f"/feeds/{secret}/{name}",
        _papers(context, owner, today - _SPAN),
        datetime.combine(today, time.min, context.app.clock().tzinfo),
    )


def _papers(context: WebContext, owner: Subscriber, since: date) -> list[Paper]:
    """Return the newest papers of a feed, of up to 1,000 that match, without those that its subscriber leaves out."""
    leave_out, included, read = LeaveOut(), list[Paper](), 0
    while len(included) < _PAPERS and read < _MAX_READ:
        papers = context.app.store.private_feeds.papers(owner.row, since, _PAPERS, read)
        read += len(papers)
        included += leave_out.kept(owner.preferences.leave_out, papers)
        if len(papers) < _PAPERS:
            break
    return included[:_PAPERS]


def _answer(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {**_HEADERS, "ETag": tag}
    if is_unmodified(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
