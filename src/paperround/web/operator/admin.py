"""The admin pages: overview, subscribers, topics, emails and API tokens. They require the admin token."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from paperround.domain import preferences, tokens
from paperround.domain.errors import PaperroundError, UnknownName, WrongUse
from paperround.domain.models import DeliveryState, Subscriber, SubscriberState, Topic
from paperround.domain.scopes import SCOPES
from paperround.domain.text import clean
from paperround.operator import api_tokens, queries
from paperround.process import logs
from paperround.rounds.topics import add_topic, check_slug
from paperround.store.topics import news_horizon
from paperround.subscribers import confirmation, membership
from paperround.web import session
from paperround.web.browse import charts
from paperround.web.browse.periods import read_day
from paperround.web.context import PRIVATE, ContextDep, RequestContext, client_of
from paperround.web.forms import Form
from paperround.web.subscribers import preferences_form
from paperround.web.subscribers.token_links import path

router = APIRouter(prefix="/admin")
get = partial(router.get, response_model=None)
post = partial(router.post, response_model=None)
log = logs.logger()
_PAGE = 50
_CHANGES = 200
_WHO = "operator"
_CHART_DAYS = 30
_FAILURES = 10


async def _operators(request: Request, context: ContextDep) -> RequestContext:
    """The request context, for a visitor who has logged in; HTTP 401 for others."""
    if not context.is_admin(request):
        raise HTTPException(401)
    return context


OperatorContextDep = Annotated[RequestContext, Depends(_operators)]


# --- in and out -------------------------------------------------------------------------------------------------


@get("")
def overview(request: Request, context: ContextDep) -> Response:
    """The overview; the login form for visitors who have not logged in."""
    if not context.is_admin(request):
        return _login_page(request, context, "")
    return _page(
        request,
        context,
        "overview",
        stats=queries.stats(context.app),
        sources=_sources(context),
        failures=queries.deliveries(context.app, state=DeliveryState.FAILED, limit=_FAILURES),
        progress=context.progress.facts(),
    )


@post("/login")
def login(request: Request, context: ContextDep, form: Form) -> Response:
    """Log in with the admin token. Failed attempts are rate-limited for each client."""
    now, who = context.app.clock(), client_of(request)
    if not context.admin_token or context.limits.logging_in.wait(who, now):
        return _login_page(
            request, context, "Too many failed attempts. Wait five minutes." if context.admin_token else "", 429
        )
    if not session.same(form.get("token"), context.admin_token):
        context.limits.logging_in.take(who, now)
        log.warning("wrong admin token", client=who)
        return _login_page(request, context, "This admin token is not correct.", 403)
    context.limits.logging_in.clear(who)
    response = RedirectResponse(f"{context.home}/admin", 303, headers=PRIVATE)
    context.begin_session(response, session.COOKIE, secure=context.site.base_url.startswith("https://"))
    context.note_change(_WHO, "logged in", who)
    return response


@post("/logout")
def logout(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Log out."""
    context.check_csrf(request, form)
    response = RedirectResponse(f"{context.home}/admin", 303)
    context.end_session(request, response, session.COOKIE)
    return response


def _login_page(request: Request, context: RequestContext, wrong: str, status: int = 401) -> Response:
    return context.private_page(
        request, "admin/login", status=status, wrong=wrong, possible=bool(context.admin_token)
    )


# --- overview ---------------------------------------------------------------------------------------------------


@get("/progress")
def progress(context: OperatorContextDep) -> Response:
    """The progress of the current round as JSON, polled by the overview."""
    return JSONResponse(context.progress.facts(), headers=PRIVATE)


@get("/charts/{name}.svg")
def chart(context: OperatorContextDep, name: str) -> Response:
    """A chart of the past 30 days: subscribers, emails or bounces."""
    first = context.today - timedelta(days=_CHART_DAYS - 1)
    since, overview = datetime.combine(first, time.min, UTC), context.app.store.overview
    match name:
        case "subscribers":
            series = overview.subscribers_by_day(since)
        case "letters":
            found = overview.letters_by_day(since)
            series = {state.value: found[state.value] for state in DeliveryState if state.value in found}
        case "bounces":
            series = overview.bounces_by_day(since)
        case _:
            raise HTTPException(404)
    headers = {**PRIVATE, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(charts.by_day(series, context.today, _CHART_DAYS), headers=headers, media_type="image/svg+xml")


def _sources(context: RequestContext) -> list[dict[str, Any]]:
    """Each configured source with its state, then sources that are no longer configured but have a record."""
    known = context.app.store.sources.all()
    names = dict.fromkeys([*(source.name for source in context.app.settings.sources), *known])
    return [{"name": name, "record": known.get(name)} for name in names]


# --- subscribers ----------------------------------------------------------------------------------------------------


@get("/subscribers")
def subscribers(
    request: Request, context: OperatorContextDep, q: str = "", state: str = "", page: int = 1
) -> Response:
    """Subscribers, the newest first."""
    chosen = SubscriberState(state) if state in set(SubscriberState) else None
    offset = _PAGE * (_checked(page) - 1)
    found = context.app.store.overview.subscribers(q, chosen, _PAGE + 1, offset)
    if page > 1 and not found:
        raise HTTPException(404)
    more = {"q": q, "state": state}
    return _page(
        request,
        context,
        "subscribers",
        subscribers=found[:_PAGE],
        q=q,
        state=state,
        states=list(SubscriberState),
        counts=context.app.store.subscribers.count(),
        turn=_turn(page, len(found) > _PAGE),
        more=more,
    )


@get("/subscribers/{row}")
def subscriber(request: Request, context: OperatorContextDep, row: int) -> Response:
    """One subscriber, with their emails and the reason for the latest result."""
    return _subscriber_page(request, context, _subscriber(context, row))


@post("/subscribers/{row}")
def change_subscriber(request: Request, context: OperatorContextDep, row: int, form: Form) -> Response:
    """Pause, resume, unsubscribe or erase a subscriber, or email them their preferences link."""
    context.check_csrf(request, form)
    found = _subscriber(context, row)
    done = form.get("do")
    context.note_change(_WHO, f"subscriber: {done[:20]}", f"subscriber {row}")
    try:
        match done:
            case "pause":
                until = form.get("until")
                membership.pause(context.app, found, read_day(until) if until else None)
            case "resume":
                membership.resume(context.app, found)
            case "unsubscribe":
                membership.unsubscribe(context.app, found)
            case "link":
                confirmation.ask_for_link(context.app, found.email)
            case "erase" if "sure" in form:
                membership.erase(context.app, found)
                return RedirectResponse(f"{context.home}/admin/subscribers", 303)
    except WrongUse as error:
        return _subscriber_page(request, context, found, str(error))
    return RedirectResponse(f"{context.home}/admin/subscribers/{row}", 303)


def _subscriber_page(request: Request, context: RequestContext, found: Subscriber, wrong: str = "") -> Response:
    return _page(
        request,
        context,
        "subscriber",
        subscriber=found,
        wrong=wrong,
        status=422 if wrong else 200,
        why=queries.why_nothing(context.app, found),
        consent=found.consent,
        preferences_shown=preferences.write_text(found.preferences),
        held=context.app.store.personal.everything(found.row),
        preferences=path(context, tokens.PREFERENCES, found.row),
    )


def _subscriber(context: RequestContext, row: int) -> Subscriber:
    found = context.app.store.subscribers.by_row(row)
    if found is None:
        raise HTTPException(404)
    return found


# --- topics -----------------------------------------------------------------------------------------------------


@get("/topics")
def topics(request: Request, context: OperatorContextDep) -> Response:
    """The topics with their subscribers and papers."""
    known = context.app.store.topics
    counted, own = known.public_counts(news_horizon(context.app.clock()).date()), known.private_count()
    return _page(request, context, "topics", counted=counted, own=own)


@get("/topics/{slug}")
def topic(request: Request, context: OperatorContextDep, slug: str) -> Response:
    """The form for a topic; the slug `new` opens an empty form."""
    found = Topic("", "", "") if slug == "new" else context.app.store.topics.by_slug(slug)
    if found is None or found.private:
        raise HTTPException(404)
    return _topic_page(request, context, found)


@post("/topics")
def save_topic(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Preview a topic on the papers of the past week, or save it and match it against all papers."""
    context.check_csrf(request, form)
    typed = Topic(
        form.get("slug").strip().lower(),
        form.get("name").strip()[:200],
        form.get("query").strip(),
        form.get("about").strip(),
    )
    known = context.app.store.topics.by_slug(typed.slug)
    trial = preferences_form.preview_query(context.app, typed.query, context.visitors_language(request), own=False)
    if form.get("do") == "try" or trial.wrong:
        return _topic_page(request, context, typed, trial, status=422 if trial.wrong else 200)
    try:
        check_slug(typed.slug)
        if not typed.name or (known and known.private):
            raise UnknownName("enter a name for the topic" if not typed.name else "this slug is already in use")
        add_topic(context.app, replace(typed, row=known.row if known else 0))
        context.note_change(_WHO, "topic saved", typed.slug)
    except PaperroundError as error:
        return _topic_page(request, context, typed, wrong=str(error), status=422)
    return RedirectResponse(f"{context.home}/admin/topics", 303)


def _topic_page(
    request: Request,
    context: RequestContext,
    found: Topic,
    trial: preferences_form.QueryPreview | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    return _page(request, context, "topic", topic=found, trial=trial, wrong=wrong, status=status)


# --- letters ----------------------------------------------------------------------------------------------------


@get("/letters")
def letters(request: Request, context: OperatorContextDep, state: str = "") -> Response:
    """Emails, latest first, with their reasons and delivery attempts."""
    chosen = DeliveryState(state) if state in set(DeliveryState) else None
    return _page(
        request,
        context,
        "letters",
        letters=queries.deliveries(context.app, state=chosen, limit=_PAGE),
        state=state,
        states=list(DeliveryState),
        counts=context.app.store.deliveries.count(),
    )


@post("/letters")
def retry(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Queue failed, expired or deferred emails again."""
    context.check_csrf(request, form)
    numbers = [int(number) for number in form.all("letter") if number.isascii() and number.isdigit()]
    done = context.app.store.deliveries.retry(numbers, context.app.clock())
    context.note_change(_WHO, "letters queued again", f"{done} of {len(numbers)}")
    context.app.nudge()
    return RedirectResponse(f"{context.home}/admin/letters", 303)


# --- tokens of programs -----------------------------------------------------------------------------------------


@get("/tokens")
def tokens_page(request: Request, context: OperatorContextDep) -> Response:
    """The programs that have an API token."""
    return _tokens(request, context)


@post("/tokens")
def change_tokens(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Create a token, which is shown once, or revoke one."""
    context.check_csrf(request, form)
    name = clean(form.get("name"))[: api_tokens.LONGEST_NAME]
    try:
        if form.get("do") == "revoke":
            api_tokens.remove(context.app, name)
            context.note_change(_WHO, "API token revoked", name)
            return _tokens(request, context)
        token = api_tokens.make(context.app, name, form.all("scope"), _days(form.get("days")))
    except WrongUse as error:
        return _tokens(request, context, wrong=str(error))
    context.note_change(_WHO, "API token created", f"{name}: {', '.join(form.all('scope'))}")
    return _tokens(request, context, made=(name, token))


def _days(text: str) -> int | None:
    """Days until a token ends; None for one without an end."""
    if not text.strip():
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise WrongUse("write the days until it ends as a number, or leave them out")
    return int(text)


def _tokens(
    request: Request, context: RequestContext, made: tuple[str, str] | None = None, wrong: str = ""
) -> Response:
    return _page(
        request,
        context,
        "tokens",
        status=422 if wrong else 200,
        tokens=context.app.store.access.tokens(),
        scopes=SCOPES,
        now=context.app.clock(),
        made=made,
        wrong=wrong,
    )


# --- changes ----------------------------------------------------------------------------------------------------


@get("/changes")
def changes(request: Request, context: OperatorContextDep) -> Response:
    """What operators and programs have changed, the latest first."""
    return _page(request, context, "changes", changes=context.app.store.access.changes(_CHANGES))


def _page(request: Request, context: RequestContext, name: str, status: int = 200, **facts: Any) -> Response:
    return context.private_page(
        request, f"admin/{name}", status=status, scripts=True, tab=name, csrf=context.csrf(request), **facts
    )


def _turn(page: int, more: bool) -> tuple[int, int]:
    return (page - 1, page + 1 if more else 0)


def _checked(page: int) -> int:
    if not 1 <= page <= 100_000:
        raise HTTPException(404)
    return page
