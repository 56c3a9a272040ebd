"""The forms to subscribe and to request a lost preferences link. No response reveals who is subscribed."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from paperround.domain.errors import UsageError
from paperround.domain.followed import MOST_ENTRY
from paperround.domain.latex import readable
from paperround.domain.mail_domains import intended_address
from paperround.domain.models import Topic
from paperround.domain.preferences import DEFAULTS, MOST_TYPED
from paperround.domain.text import clean
from paperround.rendering.language import Language
from paperround.rounds.query_preview import preview_query
from paperround.subscribers import confirmation, membership
from paperround.subscribers.membership import BEST
from paperround.web.context import ANSWER_TO_FORM, PRIVATE, ContextDep, WebContext, client_of
from paperround.web.forms import Form, FormFields
from paperround.web.subscribers import form_guard, preferences_form
from paperround.web.subscribers.form_guard import Decision
from paperround.web.subscribers.preferences_form import PreferencesForm
from paperround.web.urls import page_of

router = APIRouter()
# Known and unknown addresses cost the database nearly the same time; a fixed minimum hides the rest.
_EVEN_SECONDS = 0.04
_LONGEST_EMAIL = 254  # characters, RFC 5321 4.5.3.1.3
_TRAP = "extra"
_SENT, _TYPED = "paperround_sent", "paperround_typed"
_ADDRESS_SECONDS = 600  # for which a cookie keeps an address


class SelectionMode(StrEnum):
    """How a new subscriber chooses what to read. Entries for the other ways are ignored."""

    BEST = "best"
    TOPICS = "topics"
    INTEREST = "interest"


_LEFT_OUT: Mapping[SelectionMode, Mapping[str, tuple[str, ...]]] = {
    SelectionMode.BEST: {"topics": (BEST,), "queries": ()},
    SelectionMode.TOPICS: {"queries": ()},
    SelectionMode.INTEREST: {"topics": ()},
}


@router.get("/subscribe")
def subscribe_form(
    request: Request, context: ContextDep, topic: str = "", q: str = "", email: str = "", follow: str = ""
) -> Response:
    """Show the subscribe form, prefilled with the topic, query, author and email address in the page's address.

    A form on another site can link here with `?email=`; an address typed here before is in a cookie. This page sends
    no email by itself.
    """
    email = email or _kept_address(request, _TYPED)
    language = context.visitors_language(request)
    chosen = tuple(known.slug for known in context.app.store.topics.public() if known.slug == topic)
    fields = FormFields(request.query_params.multi_items())
    shown = PreferencesForm(
        DEFAULTS.patched({"topics": chosen, "language": language.code}), first_now=not fields.get("later")
    )
    typed: dict[str, Any] = {"queries": (q[:MOST_TYPED],)} if q else {}
    typed |= {"follows": (follow[:MOST_ENTRY],)} if follow else {}
    typed |= preferences_form.schedule_of(fields)
    answers = preferences_form.read_answers(fields)
    shown = replace(shown, typed=typed, email=email[:_LONGEST_EMAIL], answers=answers)
    response = _form(request, context, language, shown)
    if email:
        response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/subscribe")
async def subscribe(request: Request, context: ContextDep, form: Form) -> Response:
    """Send a confirmation email, or show the form again with errors or a query preview."""
    return await _evenly(lambda: _subscribe(request, context, form))


@router.get("/preferences")
def link_form(request: Request, context: ContextDep) -> Response:
    """Show the form to request a lost link."""
    return _lost(request, context, "")


@router.post("/preferences")
async def send_link(request: Request, context: ContextDep, form: Form) -> Response:
    """Email the preferences link, if the address is subscribed."""
    return await _evenly(lambda: _send_link(request, context, form))


@router.get("/try")
def try_query(request: Request, context: ContextDep, q: str = "") -> Response:
    """Return the matches of a query in the past week as JSON, for the live preview of the form."""
    context.count_trials(request, 1)
    language = context.visitors_language(request)
    if not q.strip():
        return JSONResponse({"message": "", "papers": []}, headers={"Cache-Control": "no-store"})
    preview = preview_query(context.app, q[:2_000], language)
    papers = [
        {"title": readable(paper.title), "href": context.home + page_of(paper.id), "why": "; ".join(why)}
        for paper, why in preview.papers
    ]
    return JSONResponse(
        {"message": preview.error or preview.summary, "wrong": bool(preview.error), "papers": papers},
        headers={"Cache-Control": "no-store"},
    )


async def _evenly(work: Callable[[], Response]) -> Response:
    """Run the work in a thread, and respond no earlier than after a fixed time."""
    started = time.perf_counter()
    response = await run_in_threadpool(work)
    await asyncio.sleep(max(0.0, started + _EVEN_SECONDS - time.perf_counter()))
    return response


def _subscribe(request: Request, context: WebContext, form: FormFields) -> Response:
    language = context.visitors_language(request)
    shown = _as_chosen(preferences_form.read_form(form, replace(DEFAULTS, language=language.code)))
    if form.get("step") == "begin":
        return _redirect_with_address(context, "/subscribe", _TYPED, shown.email)
    if form.get("step") == "interest":
        schedule = preferences_form.schedule_of(form)
        if schedule and not form.get("first_now"):
            schedule["later"] = "1"
        wanted = urlencode({"q": next(iter(shown["queries"]), ""), **schedule})
        return _redirect_with_address(context, f"/interest?{wanted}", _TYPED, shown.email, "/subscribe")
    shown = replace(shown, email=_as_answered(form, shown.email))
    context.count_trials(request, len(shown["queries"]))
    if form.get("step") == "try":
        return _form(request, context, language, preferences_form.with_previews(context.app, shown, language))
    patch, shown = preferences_form.check_form(context, shown, language, with_email=True)
    if patch is None:
        return _form(request, context, language, shown, status=422)
    email = membership.address(shown.email)
    if meant := _meant(form, email):
        return _form(request, context, language, shown, meant=meant, asked=email)
    decision = form_guard.check(request, context, form, email, context.limits.newcomers)
    if decision is Decision.AGAIN:
        return _form(
            request,
            context,
            language,
            shown,
            stamp=form_guard.make_stamp(request, context, email),
            asked=form.get("asked"),
        )
    if form.get(_TRAP):  # people do not see this field, but a browser extension may fill it in
        return _form(request, context, language, shown, 422, trapped=True, asked=form.get("asked"))
    if decision is Decision.SEND:
        consent = {
            "asked_at": context.app.clock().isoformat(),
            "asked_from": client_of(request),
            "words": agreement(language),
        }
        # Strangers must not be able to send text to others through us, so a name from this form reaches no email.
        patch = {"language": language.code, **{name: value for name, value in patch.items() if name != "name"}}
        if not membership.can_be_written_to(context.app, email):
            wrong = language.gettext(
                "We cannot send to this address: our mail server takes only plain Latin letters before the @. "
                "Enter another one."
            )
            return _form(request, context, language, replace(shown, wrong={"email": wrong}), status=422)
        queued = confirmation.ask_to_subscribe(
            context.app, email, patch, consent, first_now=shown.first_now, answers=shown.answers
        )
        if not queued:
            form_guard.nothing_sent(context, email, context.limits.newcomers)
    return _sent(context, "subscribe", email)


def _meant(form: FormFields, email: str) -> str:
    """Return the address that was probably meant; empty if the address looks right, or if this was asked before."""
    return "" if form.get("asked") == email else intended_address(email)


def _as_answered(form: FormFields, typed: str) -> str:
    """Return the address as it was typed, or the one that was asked about, if that is the answer."""
    return form.get("meant") or typed


def _as_chosen(form: PreferencesForm) -> PreferencesForm:
    """Return the form with only the entries for the chosen way, or unchanged if no way was chosen."""
    if form.way not in set(SelectionMode):
        return form
    return replace(form, typed={**form.typed, **_LEFT_OUT[SelectionMode(form.way)]})


def _way(form: PreferencesForm, topics: Sequence[Topic]) -> SelectionMode:
    """Return the chosen way. If none was chosen, infer it from the entries; the default is the day's best, if
    available.
    """
    if form.way in set(SelectionMode):
        return SelectionMode(form.way)
    if form["queries"] or form["follows"]:
        return SelectionMode.INTEREST
    if form["topics"] and tuple(form["topics"]) != (BEST,):
        return SelectionMode.TOPICS
    return SelectionMode.BEST if BEST in {topic.slug for topic in topics} else SelectionMode.TOPICS


def _send_link(request: Request, context: WebContext, form: FormFields) -> Response:
    language = context.visitors_language(request)
    try:
        email = membership.address(_as_answered(form, form.get("email"))[:500])
    except UsageError:
        wrong = language.gettext("Enter a valid email address.")
        return _lost(request, context, form.get("email")[:254], status=422, wrong=wrong)
    if meant := _meant(form, email):
        return _lost(request, context, email, meant=meant, asked=email)
    decision = form_guard.check(request, context, form, email, context.limits.lost_links)
    if decision is Decision.AGAIN:
        stamp = form_guard.make_stamp(request, context, email)
        return _lost(request, context, email, stamp=stamp, asked=form.get("asked"))
    if form.get(_TRAP):
        return _lost(request, context, email, status=422, trapped=True, asked=form.get("asked"))
    if decision is Decision.SEND and not confirmation.ask_for_link(context.app, email):
        form_guard.nothing_sent(context, email, context.limits.lost_links)
    return _sent(context, "preferences", email)


def _lost(
    request: Request,
    context: WebContext,
    email: str,
    *,
    status: int = 200,
    wrong: str = "",
    stamp: str = "",
    trapped: bool = False,
    meant: str = "",
    asked: str = "",
) -> Response:
    facts: dict[str, Any] = {
        "wrong": wrong,
        "email": email,
        "stamp": stamp,
        "trapped": trapped,
        "meant": meant,
        "asked": asked,
    }
    response = context.page(request, "lost", status=status, trap=_TRAP, **facts)
    if request.method == "POST":
        response.headers["Cache-Control"] = ANSWER_TO_FORM
    return response


def agreement(language: Language) -> str:
    """Return the consent text above the Subscribe button."""
    return language.gettext(
        "Yes, send me emails about new papers, on the topics and the schedule that I chose. "
        "I can change this or unsubscribe at any time with the links in every email."
    )


def _form(
    request: Request,
    context: WebContext,
    language: Language,
    form: PreferencesForm,
    status: int = 200,
    stamp: str = "",
    *,
    trapped: bool = False,
    meant: str = "",
    asked: str = "",
) -> Response:
    choices = preferences_form.choices(context, language, form)
    response = context.page(
        request,
        "subscribe",
        status=status,
        language=language,
        here="/subscribe",
        form=form,
        trap=_TRAP,
        stamp=stamp,
        trapped=trapped,
        meant=meant,
        asked=asked,
        fresh="timezone" not in form.typed,
        way=_way(form, choices.topics),
        choices=choices,
        best=next((topic for topic in choices.topics if topic.slug == BEST), None),
        agreement=agreement(language),
    )
    if request.method == "POST":
        response.headers["Cache-Control"] = ANSWER_TO_FORM
    return response


def _sent(context: WebContext, form: str, email: str) -> Response:
    """Redirect to the page that says where an email was sent, so that reloading it does not send another."""
    response = _redirect_with_address(context, f"/{form}/sent", _SENT, email)
    response.delete_cookie(_TYPED, f"{context.home}/subscribe", secure=context.https, httponly=True, samesite="lax")
    return response


def _redirect_with_address(
    context: WebContext, to: str, cookie: str, email: str, page: str | None = None
) -> Response:
    """Redirect to a page of this site, and pass an email address to it, or to another `page`, in a cookie.

    The cookie is sent to that page only. Addresses of pages end up in logs, so the email address is in none.
    """
    response = RedirectResponse(f"{context.home}{to}", 303, headers=PRIVATE)
    value = base64.urlsafe_b64encode(clean(email)[:_LONGEST_EMAIL].encode()).decode()
    response.set_cookie(
        cookie,
        value,
        _ADDRESS_SECONDS,
        path=f"{context.home}{page or to}",
        httponly=True,
        samesite="lax",
        secure=context.https,
    )
    return response


def _kept_address(request: Request, cookie: str) -> str:
    """Return the email address that a cookie keeps; empty if there is none, or if it is nothing that we have set."""
    try:
        return clean(base64.urlsafe_b64decode(request.cookies.get(cookie, "")).decode())[:_LONGEST_EMAIL]
    except ValueError:
        return ""


@router.get("/subscribe/sent")
def confirmation_sent(request: Request, context: ContextDep, correct: str = "") -> Response:
    """Show where the confirmation email was sent, or redirect to the form if the cookie has expired.

    With `correct`, redirect to the form with the address in it, to correct it.
    """
    if correct:
        return _redirect_with_address(context, "/subscribe", _TYPED, _kept_address(request, _SENT))
    _ = context.visitors_language(request).gettext
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
    _ = context.visitors_language(request).gettext
    lines = [
        _("If %(email)s is subscribed here, an email with the link is on its way."),
        _("You can also find the link at the bottom of every email from us."),
    ]
    return _sent_page(request, context, "preferences", lines)


def _sent_page(request: Request, context: WebContext, form: str, lines: list[str]) -> Response:
    language = context.visitors_language(request)
    email = _kept_address(request, _SENT)
    if not email:
        return RedirectResponse(f"{context.home}/{form}", 303, headers=PRIVATE)
    other = "/subscribe/sent?correct=1" if form == "subscribe" else "/preferences"
    actions = [
        *context.inbox_action(request, language),
        ("/", language.gettext("Today's papers")),
        (other, language.gettext("Correct the address")),
    ]
    lines[0] %= {"email": email}
    return context.message(request, language.gettext("Check your email"), lines, language=language, actions=actions)
