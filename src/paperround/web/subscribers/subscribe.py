"""The form to subscribe. No response reveals who is subscribed.

What it shows besides the preferences is in `selection` (the ways to choose what to read) and in `admission` (why it
must be submitted again). After it, `sent_pages` says where the email was sent, and `confirm` is behind the email's
link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from paperround.domain.followed import MAX_ENTRY_LENGTH
from paperround.domain.preferences import DEFAULTS, MAX_TYPED_LENGTH
from paperround.rendering.language import Language
from paperround.subscribers import confirmation, membership
from paperround.subscribers.membership import BEST
from paperround.web import wording
from paperround.web.clients import client_of
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields
from paperround.web.responses import ANSWER_TO_FORM
from paperround.web.subscribers import form_guard, preferences_form
from paperround.web.subscribers.address_cookies import MAX_EMAIL_LENGTH, TYPED, kept_address, redirect_with_address
from paperround.web.subscribers.admission import TRAP, Resubmission, admit, answered_address
from paperround.web.subscribers.even_time import respond_evenly
from paperround.web.subscribers.preferences_form import PreferencesForm
from paperround.web.subscribers.selection import keep_chosen, mode_of
from paperround.web.subscribers.sent_pages import redirect_to_sent

router = APIRouter()


@router.get("/subscribe")
def subscribe_form(
    request: Request, context: ContextDep, topic: str = "", q: str = "", email: str = "", follow: str = ""
) -> Response:
    """Show the subscribe form, prefilled with the topic, query, author and email address in the page's address.

    A form on another site can link here with `?email=`; an address typed here before is in a cookie. This page sends
    no email by itself.
    """
    email = email or kept_address(request, TYPED)
    language = context.languages.of_visitor(request)
    fields = FormFields(request.query_params.multi_items())
    topics = tuple(public.slug for public in context.app.store.topics.public() if public.slug == topic)
    typed: dict[str, Any] = {"queries": (q[:MAX_TYPED_LENGTH],)} if q else {}
    typed |= {"follows": (follow[:MAX_ENTRY_LENGTH],)} if follow else {}
    typed |= preferences_form.schedule_of(fields)
    shown = PreferencesForm(
        DEFAULTS.patched({"topics": topics, "language": language.code}),
        typed,
        email=email[:MAX_EMAIL_LENGTH],
        first_now=not fields.get("later"),
        ratings=preferences_form.read_ratings(fields),
    )
    response = _form_page(request, context, language, shown, begun=bool(email))
    if email:
        response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/subscribe")
async def subscribe(request: Request, context: ContextDep, form: Form) -> Response:
    """Send a confirmation email, or show the form again with errors or a query preview."""
    return await respond_evenly(lambda: _take_step(request, context, form))


def _take_step(request: Request, context: WebContext, form: FormFields) -> Response:
    """Respond to the button that was pressed: one of those that have a `step`, or Subscribe."""
    language = context.languages.of_visitor(request)
    shown = keep_chosen(preferences_form.read_form(form, DEFAULTS._replace(language=language.code)))
    step = form.get("step")
    if step == "begin":  # the box on another page, with nothing but an email address
        return redirect_with_address(context, "/subscribe", TYPED, shown.email)
    if step == "interest":
        return _redirect_to_interest(context, form, shown)
    shown = replace(shown, email=answered_address(form, shown.email))
    context.count_trials(request, len(shown["queries"]))
    if step == "try":
        shown = preferences_form.with_previews(context.app, shown, language)
        return _form_page(request, context, language, shown)
    return _subscribe(request, context, form, shown, language)


def _redirect_to_interest(context: WebContext, form: FormFields, shown: PreferencesForm) -> Response:
    """Redirect to the page that tries an interest. It keeps the schedule in its address, and leads back here."""
    schedule = preferences_form.schedule_of(form)
    if schedule and not form.get("first_now"):
        schedule["later"] = "1"
    query = urlencode({"q": next(iter(shown["queries"]), ""), **schedule})
    return redirect_with_address(context, f"/interest?{query}", TYPED, shown.email, "/subscribe")


def _subscribe(
    request: Request, context: WebContext, form: FormFields, shown: PreferencesForm, language: Language
) -> Response:
    patch, shown = preferences_form.check_form(context, shown, language, with_email=True)
    if patch is None:
        return _form_page(request, context, language, shown, status=422)
    email = membership.address(shown.email)
    admission = admit(request, context, form, email, context.limits.newcomers)
    if again := admission.resubmission:
        return _form_page(request, context, language, shown, again, status=again.status)
    if admission.sends:
        if not membership.can_be_written_to(context.app, email):
            shown = replace(shown, wrong={"email": wording.unreachable_address(language)})
            return _form_page(request, context, language, shown, status=422)
        _store_request(request, context, email, patch, shown, language)
    return redirect_to_sent(context, "subscribe", email)


def _store_request(
    request: Request,
    context: WebContext,
    email: str,
    patch: Mapping[str, Any],
    shown: PreferencesForm,
    language: Language,
) -> None:
    """Store the choices with the consent, until the owner of the address confirms them, and queue the email."""
    # Strangers must not be able to send text to others through us, so a name from this form reaches no email.
    patch = {"language": language.code, **{name: value for name, value in patch.items() if name != "name"}}
    consent = {
        "asked_at": context.app.clock().isoformat(),
        "asked_from": client_of(request),
        "words": _agreement(language),
    }
    queued = confirmation.ask_to_subscribe(
        context.app, email, patch, consent, first_now=shown.first_now, ratings=shown.ratings
    )
    if not queued:
        form_guard.nothing_sent(context, email, context.limits.newcomers)


def _agreement(language: Language) -> str:
    """Return the consent text above the Subscribe button."""
    return language.gettext(
        "Yes, send me emails about new papers, on the topics and the schedule that I chose. "
        "I can change this or unsubscribe at any time with the links in every email."
    )


def _form_page(
    request: Request,
    context: WebContext,
    language: Language,
    form: PreferencesForm,
    again: Resubmission | None = None,
    *,
    begun: bool = False,
    status: int = 200,
) -> Response:
    """Return the page. `begun` says that the address was typed elsewhere and that the choices are what is left."""
    choices = preferences_form.choices(context, language, form)
    response = context.pages.public(
        request,
        "subscribe",
        status=status,
        language=language,
        here="/subscribe",
        form=form,
        begun=begun,
        fresh="timezone" not in form.typed,
        way=mode_of(form, choices.topics),
        choices=choices,
        best=next((topic for topic in choices.topics if topic.slug == BEST), None),
        agreement=_agreement(language),
        trap=TRAP,
        **asdict(again or Resubmission()),
    )
    if request.method == "POST":
        response.headers["Cache-Control"] = ANSWER_TO_FORM
    return response
