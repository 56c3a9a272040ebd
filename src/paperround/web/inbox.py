"""The built-in inbox in the browser: every letter that would have gone to a relay. Only while it is the transport."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from functools import partial

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.delivery.inbox import Inbox, InboxTransport
from paperround.web.desk import PRIVATE, Desk, Here
from paperround.web.forms import Form

router = APIRouter(prefix="/inbox")
get = partial(router.get, response_model=None)
post = partial(router.post, response_model=None)
_PAGE = 50  # letters
_FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:{pictures}; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
# A link in the letter opens beside the inbox: in the frame itself most pages refuse to be shown.
_BASE = b'<base target="_blank">'
_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)


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
def letter(request: Request, desk: Here, key: str, show: str = "html", pictures: bool = False) -> Response:
    """A letter: as mail programs show it, its text, its header, or its source."""
    raw = _letter(desk, request, key)
    message = message_from_bytes(raw, policy=policy.default)
    shown = show if show in {"html", "text", "header", "source"} else "html"
    response = desk.private_page(
        request,
        "letter",
        key=key,
        show=shown,
        pictures=pictures,
        size=len(raw),
        head={name: str(message.get(name, "")) for name in ("Subject", "From", "To", "Date")},
        header=[(name, str(value)) for name, value in message.items()],
        csrf=desk.csrf(request),
        text=_part(message, "plain") if shown == "text" else raw.decode("utf-8", "replace"),
    )
    response.headers["Content-Security-Policy"] = PRIVATE["Content-Security-Policy"] + "; frame-src 'self'"
    return response


@get("/{key}/html")
def html(request: Request, desk: Here, key: str, pictures: bool = False) -> Response:
    """The letter's HTML alone, for the frame: no script, and pictures from elsewhere only when asked for."""
    body = _part(message_from_bytes(_letter(desk, request, key), policy=policy.default), "html").encode()
    body = _HEAD.sub(lambda found: found[0] + _BASE, body, count=1)
    headers = {
        **PRIVATE,
        "Content-Security-Policy": _FRAME.format(pictures=" https:" if pictures else ""),
        "X-Frame-Options": "SAMEORIGIN",
    }
    return Response(body, headers=headers, media_type="text/html; charset=utf-8")


@get("/{key}/letter.eml")
def eml(request: Request, desk: Here, key: str) -> Response:
    """The letter's bytes, as they came."""
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="letter.eml"'}
    return Response(_letter(desk, request, key), headers=headers, media_type="message/rfc822")


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


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
