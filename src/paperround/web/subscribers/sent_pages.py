"""The pages that say where an email was sent. Reloading one does not send another email."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.web.context import ContextDep, WebContext
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.address_cookies import (
    SENT,
    TYPED,
    forget_typed,
    kept_address,
    redirect_with_address,
)

router = APIRouter()


def redirect_to_sent(context: WebContext, form: str, email: str) -> Response:
    """Redirect to the page that says where the email of a form, `subscribe` or `preferences`, was sent."""
    response = redirect_with_address(context, f"/{form}/sent", SENT, email)
    forget_typed(context, response)
    return response


@router.get("/subscribe/sent")
def confirmation_sent(request: Request, context: ContextDep, correct: str = "") -> Response:
    """Show where the confirmation email was sent, or redirect to the form if the cookie has expired.

    With `correct`, redirect to the form with the address in it, to correct it.
    """
    if correct:
        return redirect_with_address(context, "/subscribe", TYPED, kept_address(request, SENT))
    _ = context.languages.of_visitor(request).gettext
    lines = [
        _(
            "We are sending an email to %(email)s. Open the link in it to confirm your subscription, "
            "or to see your preferences if you are already subscribed."
        ),
        _(
            "No email after a few minutes? Check your spam folder, and whether the address is right. "
            "If you have asked for this email before, open the first one: we send at most one a day, "
            "and five in 30 days."
        ),
    ]
    return _sent_page(request, context, "subscribe", lines)


@router.get("/preferences/sent")
def link_sent(request: Request, context: ContextDep) -> Response:
    """Show where a link would be sent if the address is subscribed, or redirect to the form if the cookie has
    expired.
    """
    _ = context.languages.of_visitor(request).gettext
    lines = [
        _("If %(email)s is subscribed here, an email with the link is on its way."),
        _("You can also find the link at the bottom of every email from us."),
    ]
    return _sent_page(request, context, "preferences", lines)


def _sent_page(request: Request, context: WebContext, form: str, lines: list[str]) -> Response:
    language = context.languages.of_visitor(request)
    email = kept_address(request, SENT)
    if not email:
        return RedirectResponse(f"{context.home}/{form}", 303, headers=PRIVATE)
    other = "/subscribe/sent?correct=1" if form == "subscribe" else "/preferences"
    actions = [
        *context.pages.inbox_action(request, language),
        ("/", language.gettext("Today's papers")),
        (other, language.gettext("Correct the address")),
    ]
    lines[0] %= {"email": email}
    return context.pages.message(
        request, language.gettext("Check your email"), lines, language=language, actions=actions
    )
