"""The built-in inbox in the browser: every letter that would have gone to a relay. Only while it is the transport."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parseaddr
from functools import partial

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.delivery.inbox import Inbox, InboxTransport
from paperround.web.context import PRIVATE, Desk, Here
from paperround.web.forms import Form
from paperround.web.operator.viewer import Look, Viewed, address, download, frame

router = APIRouter(prefix="/inbox")
get = partial(router.get, response_model=None)
post = partial(router.post, response_model=None)
_PAGE = 50  # letters
TABS = ("html", "text", "source", "header", "raw", "weight", "remarks")


def _opened(desk: Desk, request: Request) -> Inbox:
    transport = desk.app.settings.transport
    if not isinstance(transport, InboxTransport):
        raise HTTPException(404)
    if not desk.sees_inbox(request):
        raise HTTPException(403)
    return Inbox(transport.directory)


@get("")
def letters(request: Request, desk: Here, page: int = 1) -> Response:
    """The letters, newest first."""
    inbox = _opened(desk, request)
    if not 1 <= page <= 10_000:
        raise HTTPException(404)
    found = inbox.newest(_PAGE + 1, _PAGE * (page - 1))
    return desk.private_page(
        request,
        "inbox",
        letters=[replace(one, recipient=parseaddr(one.recipient)[1]) for one in found[:_PAGE]],
        total=len(inbox),
        csrf=desk.csrf(request),
        back=f"{desk.home}/inbox?page={page - 1}" if page > 1 else "",
        more=f"{desk.home}/inbox?page={page + 1}" if len(found) > _PAGE else "",
    )


@get("/{key}")
def letter(request: Request, desk: Here, key: str, show: str = "html") -> Response:
    """A letter as mail programs show it, its parts, what it weighs, and what is wrong with it."""
    viewed = Viewed(_letter(desk, request, key), desk.site, now=desk.app.clock())
    at, look = f"{desk.home}/inbox/{key}", Look.asked(request)
    tab = show if show in TABS else "html"
    response = desk.private_page(
        request, "letter", key=key, show=tab, viewed=viewed, look=look, at=at, tabs=TABS, csrf=desk.csrf(request),
        link=lambda wanted: address(at, **wanted.fields()), frame=address(f"{at}/html", **look.fields()),
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = PRIVATE["Content-Security-Policy"] + "; frame-src 'self'"
    return response


@get("/{key}/html")
def html(request: Request, desk: Here, key: str) -> Response:
    """The letter's HTML alone, for the frames: no script, and no pictures but the site's own."""
    viewed = Viewed(_letter(desk, request, key), desk.site)
    return frame(
        viewed.html, Look.asked(request), pictures=f"{desk.site.base_url}/pictures/ {desk.site.base_url}/charts/"
    )


@get("/{key}/letter.eml")
def eml(request: Request, desk: Here, key: str) -> Response:
    """The letter's bytes, as they came."""
    return download(_letter(desk, request, key), "letter.eml", "message/rfc822")


@post("/empty")
def empty(request: Request, desk: Here, form: Form) -> Response:
    """Delete every letter."""
    inbox = _opened(desk, request)
    desk.check_csrf(request, form)
    inbox.keep_newest(0)
    return RedirectResponse(f"{desk.home}/inbox", 303)


def _letter(desk: Desk, request: Request, key: str) -> bytes:
    raw = _opened(desk, request).get(key)
    if raw is None:
        raise HTTPException(404)
    return raw
