"""The built-in inbox in the browser, available if it is the configured transport."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parseaddr

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.delivery.inbox import Inbox, InboxTransport
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form
from paperround.web.operator.viewer import DisplayOptions, MessageView, address, download, frame, own_pictures
from paperround.web.parameters import checked_page
from paperround.web.responses import PRIVATE

router = APIRouter(prefix="/inbox")
_PAGE = 50  # emails
TABS = ("html", "text", "source", "header", "raw", "size", "findings")


def _opened(context: WebContext, request: Request) -> Inbox:
    transport = context.app.settings.transport
    if not isinstance(transport, InboxTransport):
        raise HTTPException(404)
    if not context.sessions.may_read_inbox(request):
        raise HTTPException(403)
    return Inbox(transport.directory)


@router.get("")
def letters(request: Request, context: ContextDep, page: int = 1) -> Response:
    """Show the list of emails, newest first."""
    inbox = _opened(context, request)
    page = checked_page(page, 10_000)
    newest = inbox.newest(_PAGE + 1, _PAGE * (page - 1))
    if page > 1 and not newest:
        raise HTTPException(404)
    return context.pages.private(
        request,
        "inbox",
        letters=[replace(message, recipient=parseaddr(message.recipient)[1]) for message in newest[:_PAGE]],
        total=len(inbox),
        csrf=context.sessions.csrf(request),
        back=f"{context.home}/inbox?page={page - 1}" if page > 1 else "",
        more=f"{context.home}/inbox?page={page + 1}" if len(newest) > _PAGE else "",
    )


@router.get("/{key}")
def letter(request: Request, context: ContextDep, key: str, show: str = "html") -> Response:
    """Show an email as mail clients display it, with its parts, size and lint findings."""
    viewed = MessageView(_letter(context, request, key), context.site, now=context.app.clock())
    at, look = f"{context.home}/inbox/{key}", DisplayOptions.of(request)
    tab = show if show in TABS else "html"
    response = context.pages.private(
        request, "letter", key=key, show=tab, viewed=viewed, look=look, at=at, tabs=TABS,
        csrf=context.sessions.csrf(request), link=lambda options: address(at, **options.fields()),
        frame=address(f"{at}/html", **look.fields()),
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = PRIVATE["Content-Security-Policy"] + "; frame-src 'self'"
    return response


@router.get("/{key}/html")
def html(request: Request, context: ContextDep, key: str) -> Response:
    """Return the HTML of an email for a frame. Only the site's own images are loaded."""
    viewed = MessageView(_letter(context, request, key), context.site)
    return frame(viewed.html, DisplayOptions.of(request), pictures=own_pictures(context.site))


@router.get("/{key}/letter.eml")
def eml(request: Request, context: ContextDep, key: str) -> Response:
    """Return the raw message as a file."""
    return download(_letter(context, request, key), "letter.eml", "message/rfc822")


@router.post("/empty")
def empty(request: Request, context: ContextDep, form: Form) -> Response:
    """Delete all emails."""
    inbox = _opened(context, request)
    context.sessions.check_csrf(request, form)
    inbox.keep_newest(0)
    return RedirectResponse(f"{context.home}/inbox", 303)


def _letter(context: WebContext, request: Request, key: str) -> bytes:
    raw = _opened(context, request).get(key)
    if raw is None:
        raise HTTPException(404)
    return raw
