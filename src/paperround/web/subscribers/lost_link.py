"""The form to request a lost preferences link. No response reveals who is subscribed."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from paperround.domain.errors import UsageError
from paperround.subscribers import confirmation, membership
from paperround.web import wording
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields
from paperround.web.responses import ANSWER_TO_FORM
from paperround.web.subscribers import form_guard
from paperround.web.subscribers.address_cookies import MAX_EMAIL_LENGTH
from paperround.web.subscribers.admission import TRAP, Resubmission, admit, answered_address
from paperround.web.subscribers.even_time import respond_evenly
from paperround.web.subscribers.sent_pages import redirect_to_sent

router = APIRouter()


@router.get("/preferences")
def link_form(request: Request, context: ContextDep) -> Response:
    """Show the form to request a lost link."""
    return _form_page(request, context)


@router.post("/preferences")
async def send_link(request: Request, context: ContextDep, form: Form) -> Response:
    """Email the preferences link, if the address is subscribed."""
    return await respond_evenly(lambda: _send_link(request, context, form))


def _send_link(request: Request, context: WebContext, form: FormFields) -> Response:
    try:
        email = membership.address(answered_address(form, form.get("email"))[:500])
    except UsageError:
        wrong = wording.invalid_address(context.languages.of_visitor(request))
        return _form_page(request, context, form.get("email")[:MAX_EMAIL_LENGTH], status=422, wrong=wrong)
    admission = admit(request, context, form, email, context.limits.lost_links)
    if again := admission.resubmission:
        return _form_page(request, context, email, again, status=again.status)
    if admission.sends and not confirmation.ask_for_link(context.app, email):
        form_guard.nothing_sent(context, email, context.limits.lost_links)
    return redirect_to_sent(context, "preferences", email)


def _form_page(
    request: Request,
    context: WebContext,
    email: str = "",
    again: Resubmission | None = None,
    *,
    status: int = 200,
    wrong: str = "",
) -> Response:
    facts = {"wrong": wrong, "email": email, "trap": TRAP, **asdict(again or Resubmission())}
    response = context.pages.public(request, "lost", status=status, **facts)
    if request.method == "POST":
        response.headers["Cache-Control"] = ANSWER_TO_FORM
    return response
