"""Pass a typed email address from one page to the next in a cookie. Addresses of pages end up in logs, so no email
address is part of one.
"""

from __future__ import annotations

import base64

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain.text import clean
from paperround.web.context import WebContext
from paperround.web.responses import PRIVATE

SENT, TYPED = "paperround_sent", "paperround_typed"
"""The cookies of the address that an email was sent to, and of one that was typed and not submitted yet."""
MAX_EMAIL_LENGTH = 254
"""Characters, RFC 5321 4.5.3.1.3."""
_SECONDS = 600  # for which a cookie keeps an address


def redirect_with_address(
    context: WebContext, to: str, cookie: str, email: str, page: str | None = None
) -> RedirectResponse:
    """Redirect to a page of this site, and pass an email address to it, or to another `page`, in a cookie.

    The cookie is sent to that page only.
    """
    response = RedirectResponse(f"{context.home}{to}", 303, headers=PRIVATE)
    response.set_cookie(
        cookie,
        base64.urlsafe_b64encode(clean(email)[:MAX_EMAIL_LENGTH].encode()).decode(),
        _SECONDS,
        path=f"{context.home}{page or to}",
        httponly=True,
        samesite="lax",
        secure=context.https,
    )
    return response


def kept_address(request: Request, cookie: str) -> str:
    """Return the email address that a cookie keeps; empty if there is none, or if it is nothing that we have set."""
    try:
        return clean(base64.urlsafe_b64decode(request.cookies.get(cookie, "")).decode())[:MAX_EMAIL_LENGTH]
    except ValueError:
        return ""


def forget_typed(context: WebContext, response: Response) -> None:
    """Remove the address that was typed into the subscribe form."""
    response.delete_cookie(TYPED, f"{context.home}/subscribe", secure=context.https, httponly=True, samesite="lax")
