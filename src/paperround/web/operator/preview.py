"""The preview page: any email before it is sent, in frames that reload when its template changes. Operators only.

The email comes from `preview.build`, which runs the same code as delivery. Its size and the lint findings are
computed from the bytes of the message.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import partial
from html import escape
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from paperround.domain.errors import ConfigurationError, UsageError
from paperround.domain.models import SubscriberState
from paperround.domain.schedule import Cadence
from paperround.matching import ranking
from paperround.operator import preview
from paperround.operator.considered import ConsideredPaper, considered_papers
from paperround.operator.preview import Preview, PreviewRequest
from paperround.operator.template_errors import TemplateError, explain
from paperround.process.resources import templates
from paperround.rendering import notice, theme
from paperround.rounds.letters import LetterBuilder
from paperround.web import wording
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields
from paperround.web.operator.viewer import DisplayOptions, MessageView, ThemeFindings, download, frame

router = APIRouter(prefix="/preview")
TABS = {
    "letter": "Email", "text": "Text", "source": "HTML source", "headers": "Headers", "raw": "Raw message",
    "papers": "Papers", "size": "Size", "findings": "Findings",
}  # fmt: skip
CADENCES = (Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY)
_SUBSCRIBERS, _DAYS, _PAPERS = 50, 14, 200
_POLL, _ALIVE = 0.1, 15.0  # seconds between checks of the templates, and between keep-alive comments
_REFRESH = 2  # seconds, for browsers without JavaScript


_PLAIN = DisplayOptions()


@dataclass(frozen=True, slots=True)
class PreviewQuery:
    """The options in the page's address. `whose` is `subscriber`, `topics` or `sample`."""

    whose: str = ""
    subscriber: str = ""
    topics: tuple[str, ...] = ()
    day: str = ""
    cadence: str = ""
    theme: str = ""
    language: str = ""
    notice: str = ""
    with_theme: str = ""
    """The theme to compare with; `with_day` is the day to compare with. Empty for no comparison."""
    with_day: str = ""
    show: str = "letter"
    width: str = ""
    watch: str = ""
    look: DisplayOptions = _PLAIN

    @classmethod
    def of(cls, request: Request, context: WebContext) -> PreviewQuery:
        """Read the options of a request. The default is the first active subscriber, or the sample email if there is
        none.
        """
        parameters = request.query_params
        values = {field.name: parameters.get(field.name, "").strip() for field in fields(cls) if field.type == "str"}
        values["show"] = values["show"] if values["show"] in TABS else "letter"
        values["cadence"] = values["cadence"] if values["cadence"] in CADENCES else ""
        query = cls(**values,
                    topics=tuple(parameters.getlist("topic")), look=DisplayOptions.of(request))  # fmt: skip
        if query.whose in ("subscriber", "topics", "sample"):
            return query
        if query.topics or query.subscriber:
            return replace(query, whose="subscriber" if query.subscriber else "topics")
        first = next(context.app.store.subscribers.all(SubscriberState.ACTIVE), None)
        return replace(query, whose="subscriber" if first else "sample", subscriber=first.email if first else "")

    def request(self) -> PreviewRequest:
        """Return the request for the email to preview."""
        return PreviewRequest(
            email=self.subscriber if self.whose == "subscriber" else "",
            topics=self.topics if self.whose == "topics" else (),
            day=_day(self.day),
            cadence=Cadence(self.cadence) if self.cadence else None,
            theme=self.theme,
            language=self.language,
            notice=self.notice,
        )

    def compared(self) -> PreviewQuery | None:
        """Return the options of the email to compare with; None if there is no comparison."""
        if not (self.with_theme or self.with_day):
            return None
        return replace(self, theme=self.with_theme or self.theme, day=self.with_day or self.day)

    def address(self, path: str, **changes: Any) -> str:
        """Return the address of this preview with some options changed. `v` adds a version that reloads a frame."""
        mark = changes.pop("v", "")
        changed = replace(self, **changes)
        values = {field.name: getattr(changed, field.name) for field in fields(self) if field.type == "str"}
        pairs = [(name, value) for name, value in values.items() if value and (name, value) != ("show", "letter")]
        pairs += [("topic", slug) for slug in changed.topics]
        pairs += [("v", mark)] if mark else []
        pairs += [(name, value) for name, value in changed.look.fields().items() if value != _PLAIN.fields()[name]]
        return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True)
class PreviewResult:
    """A previewed email, or the reason why there is none: an error in the template, or a message in `missing`."""

    asked: PreviewQuery
    preview: Preview | None = None
    viewed: MessageView | None = None
    broken: TemplateError | None = None
    missing: str = ""

    @property
    def mark(self) -> str:
        """A hash of the HTML, so that a frame reloads only when it changes. Empty if there is no email."""
        return hashlib.sha256(self.viewed.html.encode()).hexdigest()[:12] if self.viewed else ""

    @property
    def caption(self) -> str:
        """The theme and the issue, which distinguish this email from the one beside it."""
        subscriber = self.preview.subscriber if self.preview else None
        digest = self.preview.digest if self.preview else None
        parts = (subscriber.theme if subscriber else self.asked.theme, str(digest.issue) if digest else "")
        return " · ".join(part for part in parts if part)


def _let_in(request: Request, context: WebContext) -> None:
    if not context.sessions.may_preview(request):
        raise HTTPException(401 if context.sessions.admin_token else 403)


@router.get("")
def preview_page(request: Request, context: ContextDep) -> Response:
    """Show the preview page."""
    _let_in(request, context)
    return _page(request, context, PreviewQuery.of(request, context))


@router.get("/frame")
def framed(request: Request, context: ContextDep) -> Response:
    """Return the HTML of the email for a frame."""
    _let_in(request, context)
    query = PreviewQuery.of(request, context)
    result = _result(context, query)
    missing = result.missing or "The template has an error. The preview page shows where."
    html = result.viewed.html if result.viewed else f"<p>{escape(missing)}"
    # A theme's own images may be hosted anywhere, and its author wants to see them.
    return frame(html, query.look, pictures="https:", refresh=_REFRESH if query.watch else 0)


@router.get("/letter.{form}")
def letter_file(request: Request, context: ContextDep, form: str) -> Response:
    """Return the email as a file: the message (`eml`), its HTML or its text."""
    _let_in(request, context)
    viewed = _result(context, PreviewQuery.of(request, context)).viewed
    if viewed is None or form not in ("eml", "html", "txt"):
        raise HTTPException(404)
    if form == "eml":
        return download(viewed.raw, "letter.eml", "message/rfc822")
    data = viewed.html if form == "html" else viewed.text
    return download(data.encode(), f"letter.{form}", f"text/{'html' if form == 'html' else 'plain'}; charset=utf-8")


@router.post("/send")
def send(request: Request, context: ContextDep, form: Form) -> Response:
    """Send a test email to an address. Nothing is stored."""
    _let_in(request, context)
    context.sessions.check_csrf(request, form)
    query = PreviewQuery.of(request, context)
    return _page(request, context, query, test_result=_sent(context, _result(context, query), form))


@router.get("/send")
def sent(request: Request, context: ContextDep) -> Response:
    """Redirect to the preview when the result page of a test email is reloaded."""
    _let_in(request, context)
    return RedirectResponse(PreviewQuery.of(request, context).address(f"{context.home}/preview"), 303)


@router.get("/changes")
async def changes(request: Request, context: ContextDep) -> Response:
    """Stream server-sent events, one for each change of a template, until the client disconnects."""
    _let_in(request, context)
    last_version = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return StreamingResponse(
        _changes(request, context, last_version),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _changes(request: Request, context: WebContext, last_version: str) -> AsyncIterator[str]:
    # Asynchronous, unlike the other handlers: a page that stays open all day must not occupy a thread.
    yield "retry: 500\n\n"
    quiet = 0.0
    while not _stopping(request):
        version = context.app.shared(LetterBuilder).templates.version()
        if version != last_version:
            last_version, quiet = version, 0.0
            yield f"id: {version}\ndata: {version}\n\n"
        elif quiet >= _ALIVE:
            quiet = 0.0
            yield ": keep-alive\n\n"
        await asyncio.sleep(_POLL)
        quiet += _POLL


def _stopping(request: Request) -> bool:
    """Return whether the server is shutting down. It waits for open responses, and this one would never end."""
    stopping = getattr(request.app.state, "stopping", None)
    return bool(stopping and stopping())


def _page(
    request: Request, context: WebContext, query: PreviewQuery, *, test_result: tuple[bool, str] | None = None
) -> Response:
    result, other = _result(context, query), query.compared()
    return context.pages.private(
        request, "preview", translated=False, scripts=True,
        asked=query, seen=result, compared=_result(context, other) if other else None,
        tabs=TABS, test_result=test_result,
        considered=list(_considered(context, result)) if query.show == "papers" else [],
        rank_parts=ranking.describe_parts(),
        look_link=lambda look: query.address(f"{context.home}/preview", look=look),
        pairs=lambda names: [(name, wording.label(name)) for name in names],
        version=context.app.shared(LetterBuilder).templates.version(), csrf=context.sessions.csrf(request),
        base=f"{context.home}/preview",
        transport=context.app.settings.transport.kind, **_choices(context, query),
    )  # fmt: skip


def _result(context: WebContext, query: PreviewQuery) -> PreviewResult:
    app = context.app
    if query.whose == "subscriber" and not query.subscriber:
        return PreviewResult(query, missing="Enter the address of a subscriber.")
    if query.whose == "topics" and not query.topics:
        return PreviewResult(query, missing="Choose one or more topics.")
    try:
        shown = preview.build(app, query.request())
    except ConfigurationError as error:
        return PreviewResult(query, broken=explain(error, templates()))
    except UsageError as error:
        return PreviewResult(query, missing=str(error))
    if shown is None:
        return PreviewResult(query, missing="No papers match. Choose another day or other topics.")
    letter, rendered = shown.finished.letter, shown.finished.rendered
    subscriber, findings = shown.subscriber, app.shared(ThemeFindings)
    of_theme = partial(findings.of, subscriber.theme, subscriber.language, wait=query.show == "findings")
    return PreviewResult(query, shown, MessageView(letter.message, context.site, rendered, app.clock(), of_theme))


def _considered(context: WebContext, result: PreviewResult) -> Iterator[ConsideredPaper]:
    if result.preview:
        yield from islice(considered_papers(context.app, result.preview), _PAPERS)


def _sent(context: WebContext, result: PreviewResult, form: FormFields) -> tuple[bool, str]:
    """Send the test email; return whether it was accepted, and the message to show."""
    if result.preview is None:
        return False, "There is no email to send."
    try:
        outcome = preview.send_test(context.app, result.preview, form.get("email"))
    except UsageError as error:
        return False, str(error)
    return outcome.accepted, preview.describe_test(context.app, form.get("email"), outcome)


def _choices(context: WebContext, query: PreviewQuery) -> dict[str, Any]:
    """Return the options of the form."""
    folders, app = templates(), context.app
    try:
        days = preview.days(app, query.request(), _DAYS)
    except UsageError:
        days = []
    subscribers = islice(app.store.subscribers.all(), _SUBSCRIBERS)
    return {
        "cadences": CADENCES,
        "themes": theme.names(folders),
        "languages": list(context.languages.names.items()),
        "notices": notice.kinds(folders),
        "topics": app.store.topics.public(),
        "subscribers": [subscriber.email for subscriber in subscribers],
        "days": days,
        "yesterday": context.today - timedelta(days=1),
    }


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is not a date; write it as YYYY-MM-DD, for example 2026-11-23") from None
