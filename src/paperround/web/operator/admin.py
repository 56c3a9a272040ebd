"""The admin pages: login, overview, checks, topics, API tokens and the audit log. They require the admin token."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from paperround.domain.errors import PaperroundError, UsageError
from paperround.domain.models import DeliveryState, Topic
from paperround.domain.scopes import SCOPES
from paperround.domain.text import clean
from paperround.operator import api_tokens, doctor, queries
from paperround.process import logs
from paperround.rounds.query_preview import QueryPreview, preview_topic_query
from paperround.rounds.source_status import read_source_status
from paperround.rounds.topics import add_topic
from paperround.store.topics import news_horizon
from paperround.web import error_pages, session_cookies
from paperround.web.browse import charts
from paperround.web.clients import client_of
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form
from paperround.web.operator.admin_context import MAX_PAGES, OperatorContextDep, admin_page, pages_around, recording
from paperround.web.operator.kept_form import KeptForm, LoginNeeded, carried_form
from paperround.web.parameters import checked_page
from paperround.web.responses import PRIVATE

router = APIRouter(prefix="/admin")
log = logs.logger()
_CHANGES = 100
_CHART_DAYS = 30
_FAILURES = 10


def ask_to_log_in(request: Request, error: Exception) -> Response:
    """Show the login page, which carries along a form that was submitted after the session had ended.

    A request without such a form gets the error page for 401, or JSON for programs.
    """
    assert isinstance(error, LoginNeeded)
    if error.kept is None:
        return error_pages.show_status(request, 401)
    context: WebContext = request.app.state.context
    return _login_page(
        request, context, "Your session has ended. Log in; what you typed is kept.", kept_form=error.kept
    )


# --- in and out -------------------------------------------------------------------------------------------------


@router.get("")
def overview(request: Request, context: ContextDep) -> Response:
    """Show the overview, or the login form to visitors who have not logged in."""
    if not context.sessions.is_admin(request):
        return _login_page(request, context, "")
    return admin_page(
        request,
        context,
        "overview",
        stats=queries.stats(context.app),
        sources=read_source_status(context.app),
        failures=queries.deliveries(context.app, state=DeliveryState.FAILED, limit=_FAILURES),
        progress=context.progress.facts(),
    )


@router.post("/login")
def login(request: Request, context: ContextDep, form: Form) -> Response:
    """Log in with the admin token. Failed attempts are rate-limited for each client."""
    now, who = context.app.clock(), client_of(request)
    if not context.sessions.admin_token or context.limits.logging_in.wait(who, now):
        wrong = "Too many failed attempts. Wait five minutes." if context.sessions.admin_token else ""
        return _login_page(request, context, wrong, 429, carried_form(form))
    if not session_cookies.same(form.get("token"), context.sessions.admin_token):
        context.limits.logging_in.take(who, now)
        log.warning("wrong admin token", client=who)
        return _login_page(request, context, "This admin token is not correct.", 403, carried_form(form))
    context.limits.logging_in.clear(who)
    response: Response = RedirectResponse(f"{context.home}/admin", 303, headers=PRIVATE)
    with recording(context, "logged in", who):
        cookie = context.sessions.begin(response, session_cookies.COOKIE, secure=context.https)
    if kept_form := carried_form(form):
        mark = session_cookies.csrf(context.app.keys, cookie)
        page = context.pages.private(request, "admin/resume", translated=False, kept=kept_form, csrf=mark)
        page.headers.append("set-cookie", response.headers["set-cookie"])
        return page
    return response


@router.post("/logout")
def logout(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Log out."""
    context.sessions.check_csrf(request, form)
    response = RedirectResponse(f"{context.home}/admin", 303)
    context.sessions.end(request, response, session_cookies.COOKIE)
    return response


def _login_page(
    request: Request, context: WebContext, wrong: str, status: int = 401, kept_form: KeptForm | None = None
) -> Response:
    hidden = kept_form.hidden if kept_form else {}
    return context.pages.private(
        request,
        "admin/login",
        status=status,
        translated=False,
        wrong=wrong,
        possible=bool(context.sessions.admin_token),
        hidden=hidden,
    )


# --- overview ---------------------------------------------------------------------------------------------------


@router.get("/progress")
def progress(context: OperatorContextDep) -> Response:
    """Return the progress of the current round as JSON, which the overview polls."""
    return JSONResponse(context.progress.facts(), headers=PRIVATE)


@router.get("/charts/{name}.svg")
def chart(context: OperatorContextDep, name: str) -> Response:
    """Return a chart of the past 30 days as SVG: subscribers, emails or bounces."""
    first = context.today - timedelta(days=_CHART_DAYS - 1)
    since, overview = datetime.combine(first, time.min, UTC), context.app.store.overview
    match name:
        case "subscribers":
            series = overview.subscribers_by_day(since)
        case "letters":
            counts = overview.letters_by_day(since)
            series = {state.value: counts[state.value] for state in DeliveryState if state.value in counts}
        case "bounces":
            series = overview.bounces_by_day(since)
        case _:
            raise HTTPException(404)
    headers = {**PRIVATE, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(charts.by_day(series, context.today, _CHART_DAYS), headers=headers, media_type="image/svg+xml")


@router.get("/doctor")
def check(request: Request, context: OperatorContextDep) -> Response:
    """Show the checks of `paperround doctor`: what matters now, then what matters before going live."""
    findings = doctor.examine(context.app)
    parts = [("Now", False), ("Before you go live", True)]
    return admin_page(
        request,
        context,
        "doctor",
        parts=[(heading, doctor.by_subject(findings, later=later)) for heading, later in parts],
        conclusion=doctor.conclude(findings),
    )


# --- topics -----------------------------------------------------------------------------------------------------


@router.get("/topics")
def topics(request: Request, context: OperatorContextDep) -> Response:
    """Show the topics with the numbers of their subscribers and papers."""
    stored = context.app.store.topics
    counted, own = stored.public_counts(news_horizon(context.app.clock()).date()), stored.private_count()
    return admin_page(request, context, "topics", counted=counted, own=own)


@router.get("/topics/{slug}")
def topic(request: Request, context: OperatorContextDep, slug: str) -> Response:
    """Show the form for a topic; the slug `new` opens an empty form."""
    stored = Topic("", "", "") if slug == "new" else context.app.store.topics.by_slug(slug)
    if stored is None or stored.private:
        raise HTTPException(404)
    return _topic_page(request, context, stored)


@router.post("/topics")
def save_topic(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Preview a topic on the papers of the past week, or save it and match it against all papers."""
    context.sessions.check_csrf(request, form)
    typed = Topic(
        form.get("slug").strip().lower(),
        form.get("name").strip()[:200],
        form.get("query").strip(),
        form.get("about").strip(),
    )
    preview = preview_topic_query(context.app, typed.query, context.languages.of_visitor(request))
    if form.get("do") == "try" or preview.error:
        return _topic_page(request, context, typed, preview, status=422 if preview.error else 200)
    try:
        if not typed.name:
            raise UsageError("enter a name for the topic")
        with recording(context, "topic saved", typed.slug):
            add_topic(context.app, typed)
    except PaperroundError as error:
        return _topic_page(request, context, typed, wrong=str(error), status=422)
    return RedirectResponse(f"{context.home}/admin/topics", 303)


def _topic_page(
    request: Request,
    context: WebContext,
    stored: Topic,
    preview: QueryPreview | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    return admin_page(request, context, "topic", topic=stored, preview=preview, wrong=wrong, status=status)


# --- tokens of programs -----------------------------------------------------------------------------------------


@router.get("/tokens")
def tokens_page(request: Request, context: OperatorContextDep) -> Response:
    """Show the programs that have an API token."""
    return _tokens(request, context)


@router.post("/tokens")
def change_tokens(request: Request, context: OperatorContextDep, form: Form) -> Response:
    """Create a token, which is shown only once, or revoke one."""
    context.sessions.check_csrf(request, form)
    name = clean(form.get("name"))[: api_tokens.MAX_NAME_LENGTH]
    try:
        if form.get("do") == "revoke":
            with recording(context, "API token revoked", name):
                api_tokens.remove(context.app, name)
            return _tokens(request, context)
        with recording(context, "API token created", f"{name}: {', '.join(form.all('scope'))}"):
            token = api_tokens.make(context.app, name, form.all("scope"), _days(form.get("days")))
    except UsageError as error:
        return _tokens(request, context, wrong=str(error))
    return _tokens(request, context, new_token=(name, token))


def _days(text: str) -> int | None:
    """Return the days until a token expires; None if it does not expire."""
    if not text.strip():
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise UsageError("enter the days until it expires as a number, or leave the field empty")
    return int(text)


def _tokens(
    request: Request, context: WebContext, new_token: tuple[str, str] | None = None, wrong: str = ""
) -> Response:
    return admin_page(
        request,
        context,
        "tokens",
        status=422 if wrong else 200,
        tokens=context.app.store.access.tokens(),
        scopes=SCOPES,
        now=context.app.clock(),
        made=new_token,
        wrong=wrong,
    )


# --- changes ----------------------------------------------------------------------------------------------------


@router.get("/changes")
def changes(request: Request, context: OperatorContextDep, page: int = 1) -> Response:
    """Show the audit log of changes by operators and programs, latest first."""
    entries = context.app.store.access.changes(_CHANGES + 1, _CHANGES * (checked_page(page, MAX_PAGES) - 1))
    turn = pages_around(page, more=len(entries) > _CHANGES)
    return admin_page(request, context, "changes", changes=entries[:_CHANGES], turn=turn)
