"""The workshop: any letter before it goes, in frames that reload as its template is edited; for those who run this.

The letter comes from `preview.look`, the very code that sends. What is shown beside it - weight, remarks, the papers
that were considered - is worked out from its bytes, never from how it was made.
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

from paperround.domain.errors import ConfigurationError, WrongUse
from paperround.domain.models import Outcome, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.operator import preview
from paperround.operator.preview import Preview, PreviewRequest
from paperround.rendering import language as languages
from paperround.rendering import notice, theme
from paperround.resources import templates
from paperround.rounds.letters import LetterBuilder
from paperround.web.context import ContextDep, RequestContext
from paperround.web.forms import Form, FormFields
from paperround.web.operator.template_errors import TemplateError, explain
from paperround.web.operator.viewer import DisplayOptions, MessageView, download, frame

router = APIRouter(prefix="/preview")
get = partial(router.get, response_model=None)
post = partial(router.post, response_model=None)
TABS = {
    "letter": "Letter", "text": "Text", "source": "Source", "headers": "Headers", "raw": "Raw message",
    "papers": "Papers", "weight": "Weight", "remarks": "Remarks",
}  # fmt: skip
CADENCES = (Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY)
_SUBSCRIBERS, _DAYS, _PAPERS = 50, 14, 200
_POLL, _ALIVE = 0.1, 15.0  # seconds between looks at the templates, and between signs of life to the browser
_REFRESH = 2  # seconds, for browsers without JavaScript


_PLAIN = DisplayOptions()


@dataclass(frozen=True, slots=True)
class PreviewQuery:
    """What the page's address asks for; `whose` is `subscriber`, `topics` or `sample`."""

    whose: str = ""
    subscriber: str = ""
    topics: tuple[str, ...] = ()
    day: str = ""
    cadence: str = ""
    theme: str = ""
    language: str = ""
    notice: str = ""
    with_theme: str = ""
    """Another theme to compare with, and another day."""
    with_day: str = ""
    show: str = "letter"
    width: str = ""
    watch: str = ""
    look: DisplayOptions = _PLAIN

    @classmethod
    def of(cls, request: Request, context: RequestContext) -> PreviewQuery:
        """What this request asks for; where it names nobody, the first subscriber's letter, or a made-up one."""
        query = request.query_params
        said = {field.name: query.get(field.name, "").strip() for field in fields(cls) if field.type == "str"}
        said["show"] = said["show"] if said["show"] in TABS else "letter"
        said["cadence"] = said["cadence"] if said["cadence"] in CADENCES else ""
        asked = cls(**said,
                    topics=tuple(query.getlist("topic")), look=DisplayOptions.asked(request))  # fmt: skip
        if asked.whose in ("subscriber", "topics", "sample"):
            return asked
        if asked.topics or asked.subscriber:
            return replace(asked, whose="subscriber" if asked.subscriber else "topics")
        first = next(context.app.store.subscribers.all(SubscriberState.ACTIVE), None)
        return replace(asked, whose="subscriber" if first else "sample", subscriber=first.email if first else "")

    def wanted(self) -> PreviewRequest:
        """The letter."""
        return PreviewRequest(
            email=self.subscriber if self.whose == "subscriber" else "",
            topics=self.topics if self.whose == "topics" else (),
            day=_day(self.day),
            cadence=Cadence(self.cadence) if self.cadence else None,
            theme=self.theme,
            language=self.language,
            notice=self.notice,
        )

    def other(self) -> PreviewQuery | None:
        """The letter to compare with."""
        if not (self.with_theme or self.with_day):
            return None
        return replace(self, theme=self.with_theme or self.theme, day=self.with_day or self.day)

    def address(self, path: str, **changes: Any) -> str:
        """The address of another view of this letter."""
        mark = changes.pop("v", "")
        changed = replace(self, **changes)
        said = {field.name: getattr(changed, field.name) for field in fields(self) if field.type == "str"}
        pairs = [(name, value) for name, value in said.items() if value and (name, value) != ("show", "letter")]
        pairs += [("topic", slug) for slug in changed.topics]
        pairs += [("v", mark)] if mark else []
        pairs += [(name, value) for name, value in changed.look.fields().items() if value != _PLAIN.fields()[name]]
        return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True)
class PreviewResult:
    """A letter, or why there is none."""

    asked: PreviewQuery
    preview: Preview | None = None
    viewed: MessageView | None = None
    broken: TemplateError | None = None
    missing: str = ""

    @property
    def mark(self) -> str:
        """Another one for another letter: a frame is loaded again when it changes, and only then."""
        return hashlib.sha256(self.viewed.html.encode()).hexdigest()[:12] if self.viewed else ""

    @property
    def caption(self) -> str:
        """What tells it apart from the one beside it."""
        subscriber = self.preview.subscriber if self.preview else None
        digest = self.preview.digest if self.preview else None
        parts = (subscriber.theme if subscriber else self.asked.theme, digest.issue if digest else "")
        return " · ".join(part for part in parts if part)


def _let_in(request: Request, context: RequestContext) -> None:
    if not context.sees_workshop(request):
        raise HTTPException(401 if context.admin_token else 403)


@get("")
def workshop(request: Request, context: ContextDep) -> Response:
    """The page: a letter, and everything that is to be told about it."""
    _let_in(request, context)
    return _page(request, context, PreviewQuery.of(request, context))


@get("/frame")
def framed(request: Request, context: ContextDep) -> Response:
    """The letter's HTML alone."""
    _let_in(request, context)
    asked = PreviewQuery.of(request, context)
    seen = _shown(context, asked)
    missing = seen.missing or "The template is broken; the page tells where."
    html = seen.viewed.html if seen.viewed else f"<p>{escape(missing)}"
    # A theme's own pictures may lie anywhere, and who works on it wants to see them.
    return frame(html, asked.look, pictures="https:", refresh=_REFRESH if asked.watch else 0)


@get("/letter.{form}")
def letter_file(request: Request, context: ContextDep, form: str) -> Response:
    """The letter as a file: the message, its HTML or its text."""
    _let_in(request, context)
    viewed = _shown(context, PreviewQuery.of(request, context)).viewed
    if viewed is None or form not in ("eml", "html", "txt"):
        raise HTTPException(404)
    if form == "eml":
        return download(viewed.raw, "letter.eml", "message/rfc822")
    data = viewed.html if form == "html" else viewed.text
    return download(data.encode(), f"letter.{form}", f"text/{'html' if form == 'html' else 'plain'}; charset=utf-8")


@post("/send")
def send(request: Request, context: ContextDep, form: Form) -> Response:
    """Send the letter to an address for a test; nothing of it is kept."""
    _let_in(request, context)
    context.check_csrf(request, form)
    asked = PreviewQuery.of(request, context)
    return _page(request, context, asked, said=_sent(context, _shown(context, asked), form))


@get("/send")
def sent(request: Request, context: ContextDep) -> Response:
    """Whoever loads the answer to a test letter again comes back to the letter."""
    _let_in(request, context)
    return RedirectResponse(PreviewQuery.of(request, context).address(f"{context.home}/preview"), 303)


@get("/changes")
async def changes(request: Request, context: ContextDep) -> Response:
    """Server-sent events: one for each change of a template, for as long as somebody listens."""
    _let_in(request, context)
    known = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return StreamingResponse(
        _changes(request, context, known),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _changes(request: Request, context: RequestContext, known: str) -> AsyncIterator[str]:
    # Asynchronous, unlike all else here: a page that is left open all day costs no thread.
    yield "retry: 500\n\n"
    quiet = 0.0
    while not _stopping(request):
        version = context.app.shared(LetterBuilder).templates.version()
        if version != known:
            known, quiet = version, 0.0
            yield f"id: {version}\ndata: {version}\n\n"
        elif quiet >= _ALIVE:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_POLL)
        quiet += _POLL


def _stopping(request: Request) -> bool:
    """Whether the server wants to stop: it waits for answers that go on, and this one would for ever."""
    asked = getattr(request.app.state, "stopping", None)
    return bool(asked and asked())


def _page(
    request: Request, context: RequestContext, asked: PreviewQuery, *, said: tuple[bool, str] | None = None
) -> Response:
    seen, other = _shown(context, asked), asked.other()
    return context.private_page(
        request, "workshop", language=context.language(languages.SOURCE), scripts=True,
        asked=asked, seen=seen, beside=_shown(context, other) if other else None, tabs=TABS, said=said,
        considered=list(_considered(context, seen)) if asked.show == "papers" else [],
        look_link=lambda look: asked.address(f"{context.home}/preview", look=look),
        pairs=lambda names: [(name, name) for name in names],
        version=context.app.shared(LetterBuilder).templates.version(), csrf=context.csrf(request),
        base=f"{context.home}/preview",
        transport=context.app.settings.transport.kind, **_choices(context, asked),
    )  # fmt: skip


def _shown(context: RequestContext, asked: PreviewQuery) -> PreviewResult:
    app = context.app
    if asked.whose == "subscriber" and not asked.subscriber:
        return PreviewResult(asked, missing="Whose letter? Give a subscriber's address.")
    if asked.whose == "topics" and not asked.topics:
        return PreviewResult(asked, missing="On which topics? Choose one or more.")
    try:
        found = preview.look(app, asked.wanted())
    except ConfigurationError as error:
        return PreviewResult(asked, broken=explain(error, templates()))
    except WrongUse as error:
        return PreviewResult(asked, missing=str(error))
    if found is None:
        return PreviewResult(asked, missing="There is no paper for this letter: choose another day or other topics.")
    letter, rendered = found.finished.letter, found.finished.rendered
    return PreviewResult(asked, found, MessageView(letter.message, context.site, rendered, app.clock()))


def _considered(context: RequestContext, seen: PreviewResult) -> Iterator[preview.ConsideredPaper]:
    if seen.preview:
        yield from islice(preview.considered(context.app, seen.preview), _PAPERS)


def _sent(context: RequestContext, seen: PreviewResult, form: FormFields) -> tuple[bool, str]:
    """Whether the test letter went, and what is to be said about it."""
    if seen.preview is None:
        return False, "There is no letter to send."
    try:
        outcome = preview.send_test(context.app, seen.preview, form.get("email"))
    except WrongUse as error:
        return False, str(error)
    where = f"by {context.app.settings.transport.kind}"
    if outcome.accepted:
        return True, f"A test letter went to {form.get('email').strip()} {where}: {_reply(outcome)}"
    return False, f"The test letter did not go {where}; {outcome.stage.value} said: {_reply(outcome)}"


def _reply(outcome: Outcome) -> str:
    return f"{outcome.code or ''} {outcome.text}".strip()


def _choices(context: RequestContext, asked: PreviewQuery) -> dict[str, Any]:
    """What the form offers."""
    found, app = templates(), context.app
    try:
        known = preview.days(app, asked.wanted(), _DAYS)
    except WrongUse:
        known = []
    subscribers = islice(app.store.subscribers.all(), _SUBSCRIBERS)
    return {
        "cadences": CADENCES,
        "themes": theme.names(found),
        "languages": languages.available(found),
        "notices": notice.kinds(found),
        "topics": app.store.topics.public(),
        "subscribers": [subscriber.email for subscriber in subscribers],
        "days": known,
        "yesterday": context.today - timedelta(days=1),
    }


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text[:40]!r} is not a day; write it as 2026-11-23") from None
