"""The JSON API. Papers and topics are public; subscribers, deliveries and all changes require a token.

Send `Authorization: Bearer TOKEN` with the admin token or with an API token created at /admin/tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.concurrency import run_in_threadpool

from paperround import __version__
from paperround.domain import preferences
from paperround.domain.models import DeliveryState, Paper, SubscriberState, Topic
from paperround.matching.search import UNBOUNDED, SearchBounds
from paperround.operator import queries
from paperround.operator.retries import retry_letters
from paperround.rounds.search import MOST_LISTED, search_papers
from paperround.rounds.similar import similar_papers
from paperround.rounds.topics import add_topic
from paperround.subscribers import membership
from paperround.web import error_pages
from paperround.web.context import ContextDep
from paperround.web.machines import bearer
from paperround.web.parameters import plain_query, topic_named
from paperround.web.urls import page_of

if TYPE_CHECKING:
    from paperround.web.context import WebContext

_MAX_RESULTS = 200
_MOST_ENTRIES = 200  # of a list, such as topics
_NO_PAPER: dict[int | str, dict[str, Any]] = {404: {"description": "No paper has this identifier."}}
_QUERY = f"A query or keywords. Up to {MOST_LISTED} results are listed, sorted by relevance."
Limit = Annotated[int, Query(ge=1, le=_MAX_RESULTS)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


class _ApiModel(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class _ApiInput(_ApiModel):
    """What a program sends: an unknown field is refused, because a typo must not silently change nothing."""

    model_config = ConfigDict(extra="forbid")


class PaperFacts(_ApiModel):
    """A paper."""

    id: str
    title: str
    abstract: str
    authors: list[str]
    organization: str | None
    day: date = Field(description="The first day on which a source announced the paper.")
    published: date | None
    page: str = Field(description="The address of its page on this site.")
    url: str | None
    pdf_url: str | None
    code_url: str | None
    project_url: str | None
    discussion_url: str | None
    arxiv_id: str | None
    version: int | None
    doi: str | None
    categories: list[str]
    keywords: list[str]
    upvotes: int | None
    comments: int | None
    sources: list[str]
    why: list[str] = Field(default=[], description="For a search: why the paper matches.")


class TopicFacts(_ApiModel):
    """A topic that subscribers can follow."""

    slug: str
    name: str
    about: str
    query: str


class TopicInput(_ApiInput):
    """The fields of a topic to create or replace."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    query: Annotated[str, Field(min_length=1, max_length=2_000)]
    about: Annotated[str, Field(max_length=1_000)] = ""


class SuppressionFacts(_ApiModel):
    """The suppression of an address: why nothing is sent to it, and since when."""

    reason: str
    at: datetime


def _preference_fields(*, optional: bool) -> dict[str, Any]:
    """Return the preferences as fields of a model. With `optional`, each may be left out."""
    fields: dict[str, Any] = {}
    for name, form in preferences.FORMS.items():
        limit = _MOST_ENTRIES if name in preferences.LISTS else None
        info: Any = Field(None if optional else ..., description=form.about, max_length=limit)
        fields[name] = (form.json_type | None if optional else form.json_type, info)
    return fields


if TYPE_CHECKING:

    class SubscriberFacts(_ApiModel): ...

    class PreferencesPatch(_ApiInput): ...

    class NewSubscriber(_ApiInput): ...
else:  # generated, so that a new preference appears here without a change
    SubscriberFacts = create_model(
        "SubscriberFacts",
        __base__=_ApiModel,
        __doc__="A subscriber.",
        email=str,
        state=SubscriberState,
        **_preference_fields(optional=False),
        interests=list[str],
        next_digest_at=datetime | None,
        consent=(dict[str, str], Field(description="When, from where and to which words they agreed.")),
        suppressed=SuppressionFacts | None,
    )
    PreferencesPatch = create_model(
        "PreferencesPatch",
        __base__=_ApiInput,
        __doc__="The changes. What is not given does not change.",
        **_preference_fields(optional=True),
    )
    NewSubscriber = create_model(
        "NewSubscriber",
        __base__=PreferencesPatch,
        __doc__="A subscriber to add. For a known subscriber, what is not given does not change.",
        email=Annotated[str, Field(max_length=254)],
        confirmed=(
            bool,
            Field(False, description="They have already agreed; otherwise a confirmation email is sent first."),
        ),
    )


class AttemptFacts(_ApiModel):
    """One attempt to deliver an email."""

    at: datetime
    code: int | None
    enhanced: str | None
    text: str
    stage: str


class DeliveryFacts(_ApiModel):
    """An email and its delivery state."""

    id: int
    issue: str
    email: str
    state: DeliveryState
    reason: str
    message_id: str
    papers: list[str]
    attempts: list[AttemptFacts]
    next_attempt_at: datetime | None


_bearer = HTTPBearer(auto_error=False, description="The admin token, or an API token created at /admin/tokens.")


def _scoped(scope: str) -> Any:
    """Return a dependency that yields the web context to callers whose token has this scope.

    Every request except GET is recorded in the audit log.
    """

    # Asynchronous, so that the operation runs in the context in which the audit entry waits for its transaction.
    async def let_in(
        request: Request, context: ContextDep, response: Response, _: Annotated[object, Depends(_bearer)]
    ) -> AsyncIterator[WebContext]:
        caller = await run_in_threadpool(bearer.require, request, context, scope)
        response.headers["Cache-Control"] = "no-store"
        if request.method == "GET":
            yield context
            return
        route = getattr(request.scope.get("route"), "path", "")
        subject = await run_in_threadpool(_subject, request, context)
        record = context.audit_record(caller.name, f"API: {request.method} {route}", subject)
        failed = True
        try:
            with record.attached():
                yield context
            failed = False
        finally:
            await run_in_threadpool(record.finish, failed=failed)

    return Depends(let_in)


def _subject(request: Request, context: WebContext) -> str:
    """Return what a request is about. A subscriber is named by row number, because the audit log stores no
    addresses.
    """
    if email := request.path_params.get("email"):
        found = context.app.store.subscribers.by_email(email)
        return f"subscriber {found.row}" if found else ""
    return " ".join(str(value) for value in request.path_params.values())[:100]


def _refuse_unknown_parameters(request: Request) -> None:
    """Raise HTTP 422 for an unknown query parameter, because a typo must not silently change what is returned."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = [field.alias for field in route.dependant.query_params]
    if unknown := [name for name in request.query_params if name not in known]:
        expected = f"this operation takes {', '.join(known)}" if known else "this operation takes none"
        raise HTTPException(422, f"unknown parameter {unknown[0][:40]!r}; {expected}")


SubscribersRead = Annotated[Any, _scoped("subscribers:read")]
SubscribersWrite = Annotated[Any, _scoped("subscribers:write")]
TopicsWrite = Annotated[Any, _scoped("topics:write")]
DeliveriesRead = Annotated[Any, _scoped("deliveries:read")]
DeliveriesWrite = Annotated[Any, _scoped("deliveries:write")]
Email = Annotated[str, Path(max_length=254)]
TopicSlug = Annotated[str, Path(max_length=60)]


def create(context: WebContext) -> FastAPI:
    """Build the API as a separate application, to be mounted at /api."""
    api = FastAPI(
        title=f"{context.site.name} API",
        version=__version__,
        description=__doc__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        dependencies=[Depends(_refuse_unknown_parameters)],
        servers=[{"url": f"{context.site.base_url}/api"}],
        responses={400: {"description": "The request is not valid; `detail` gives the reason."}},
    )
    api.state.context = context
    error_pages.handle(api)
    _papers(api)
    _topics(api)
    _subscribers(api)
    _deliveries(api)
    return api


def _papers(api: FastAPI) -> None:
    @api.get("/papers", tags=["papers"])
    def papers(
        context: ContextDep,
        q: Annotated[str, Query(max_length=1_000, description=_QUERY)] = "",
        day: Annotated[
            date | None, Query(description="Only papers announced on this day, most upvoted first.")
        ] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> list[PaperFacts]:
        """List papers: the newest, those of a day, or the results of a search."""
        if q.strip():
            if offset + limit > MOST_LISTED:
                advice = "narrow it down, for example with `day`"
                raise HTTPException(422, f"a search lists {MOST_LISTED} papers at most; {advice}")
            bounds = SearchBounds(day, day) if day else UNBOUNDED
            papers = search_papers(context.app, plain_query(q), limit, offset, bounds=bounds).found
            return [_paper(context, one.paper, one.why) for one in papers]
        if day is not None:
            return [_paper(context, paper) for paper in context.app.store.browsing.on_days(day, day, limit, offset)]
        return [_paper(context, paper) for paper in context.app.store.browsing.newest(context.today, limit, offset)]

    @api.get("/papers/{paper_id:path}/similar", tags=["papers"], responses=_NO_PAPER)
    def similar(context: ContextDep, paper_id: str, limit: Limit = 10) -> list[PaperFacts]:
        """List the papers most similar to a paper, by meaning if a model is available, otherwise by words."""
        papers = similar_papers(context.app, _found(context, paper_id), limit)
        return [_paper(context, other) for other in papers]

    @api.get("/papers/{paper_id:path}", tags=["papers"], responses=_NO_PAPER)
    def paper(context: ContextDep, paper_id: str) -> PaperFacts:
        """Get a paper by its identifier on this site, its arXiv identifier or its DOI."""
        return _paper(context, _found(context, paper_id))


def _found(context: WebContext, paper_id: str) -> Paper:
    found = context.app.store.papers.by_id(paper_id)
    if found is None:
        raise HTTPException(404, f"there is no paper {paper_id[:80]!r}")
    return found


def _topics(api: FastAPI) -> None:
    @api.get("/topics", tags=["topics"])
    def topics(context: ContextDep) -> list[TopicFacts]:
        """List the topics that subscribers can follow."""
        return [_topic(topic) for topic in context.app.store.topics.public()]

    @api.get("/topics/{slug}", tags=["topics"], responses={404: {"description": "No topic has this slug."}})
    def topic(context: ContextDep, slug: TopicSlug) -> TopicFacts:
        """Get a topic."""
        return _topic(topic_named(context, slug))

    @api.put("/topics/{slug}", tags=["topics"], responses=_TOKEN_NEEDED)
    def save_topic(context: TopicsWrite, slug: TopicSlug, wanted: TopicInput) -> TopicFacts:
        """Create or replace a topic. Its matches of the past week count as new for its subscribers."""
        return _topic(add_topic(context.app, Topic(slug, wanted.name, wanted.query, wanted.about)))


def _subscribers(api: FastAPI) -> None:
    get, post = partial(api.get, tags=["subscribers"]), partial(api.post, tags=["subscribers"])
    not_there = _TOKEN_NEEDED | {404: {"description": "No subscriber has this address."}}

    @get("/subscribers", responses=_TOKEN_NEEDED)
    def subscribers(
        context: SubscribersRead, q: Annotated[str, Query(max_length=254)] = "", state: SubscriberState | None = None,
        limit: Limit = 50, offset: Offset = 0,
    ) -> list[SubscriberFacts]:  # fmt: skip
        """List subscribers, newest first. `q` filters by a part of the address."""
        found = context.app.store.overview.subscribers(q, state, limit, offset)
        return [SubscriberFacts(**queries.subscriber_facts(subscriber)) for subscriber in found]

    @post("/subscribers", status_code=201, responses=_TOKEN_NEEDED)
    def add_subscriber(context: SubscribersWrite, wanted: NewSubscriber) -> SubscriberFacts:
        """Add a subscriber, or change the given preferences. This resubscribes nobody who has unsubscribed."""
        given = wanted.model_dump(exclude_unset=True)
        email, confirmed = given.pop("email"), given.pop("confirmed", False)
        patch = membership.read_patch(context.app, given)
        added = membership.add(context.app, email, patch, confirmed=confirmed)
        return _subscriber(context, added.email)

    @api.patch("/subscribers/{email}", tags=["subscribers"], responses=not_there)
    def change_subscriber(context: SubscribersWrite, email: Email, wanted: PreferencesPatch) -> SubscriberFacts:
        """Change the given preferences; everything else stays as it is."""
        known = _known(context, email)
        patch = membership.read_patch(context.app, wanted.model_dump(exclude_unset=True), known.preferences)
        membership.change(context.app, known, patch)
        return _subscriber(context, email)

    @get("/subscribers/{email}", responses=not_there)
    def subscriber(context: SubscribersRead, email: Email) -> SubscriberFacts:
        """Get a subscriber."""
        return _subscriber(context, email)

    @post("/subscribers/{email}/pause", responses=not_there)
    def pause(context: SubscribersWrite, email: Email, until: date | None = None) -> SubscriberFacts:
        """Pause emails until a day, or until they are resumed."""
        membership.pause(context.app, _known(context, email), until)
        return _subscriber(context, email)

    @post("/subscribers/{email}/resume", responses=not_there)
    def resume(context: SubscribersWrite, email: Email) -> SubscriberFacts:
        """Resume emails."""
        membership.resume(context.app, _known(context, email))
        return _subscriber(context, email)

    @post("/subscribers/{email}/unsubscribe", responses=not_there)
    def unsubscribe(context: SubscribersWrite, email: Email) -> SubscriberFacts:
        """Unsubscribe, and cancel the emails that are queued."""
        membership.unsubscribe(context.app, _known(context, email))
        return _subscriber(context, email)

    @api.delete("/subscribers/{email}", tags=["subscribers"], status_code=204, responses=not_there)
    def erase(context: SubscribersWrite, email: Email) -> None:
        """Erase all data of a subscriber."""
        membership.erase(context.app, _known(context, email))


def _deliveries(api: FastAPI) -> None:
    @api.get("/deliveries", tags=["deliveries"], responses=_TOKEN_NEEDED)
    def deliveries(
        context: DeliveriesRead, state: DeliveryState | None = None, limit: Limit = 50, offset: Offset = 0
    ) -> list[DeliveryFacts]:
        """List emails with their delivery state, latest first."""
        return [
            _delivery(found) for found in queries.deliveries(context.app, state=state, limit=limit, offset=offset)
        ]

    @api.get(
        "/deliveries/{row}",
        tags=["deliveries"],
        responses=_TOKEN_NEEDED | {404: {"description": "No delivery has this number."}},
    )
    def delivery(context: DeliveriesRead, row: Annotated[int, Path(ge=1, le=2**40)]) -> DeliveryFacts:
        """Get an email with its papers and delivery attempts."""
        return _reported(context, row)

    @api.post(
        "/deliveries/{row}/retry",
        tags=["deliveries"],
        status_code=202,
        responses=_TOKEN_NEEDED
        | {
            404: {"description": "There is no such delivery."},
            409: {
                "description": "The delivery is not failed, expired or deferred, or its papers are in a later letter."
            },
        },
    )
    def retry(context: DeliveriesWrite, row: Annotated[int, Path(ge=1, le=2**40)]) -> DeliveryFacts:
        """Retry a failed, expired or deferred email now."""
        _reported(context, row)
        if refused := retry_letters(context.app, [row]):
            raise HTTPException(409, f"delivery {row} is not sent again: {refused[row]}")
        return _reported(context, row)


def _reported(context: WebContext, row: int) -> DeliveryFacts:
    """Return an email with its papers and attempts. Raises HTTPException 404 if there is none with this number."""
    found = queries.deliveries(context.app, row=row)
    if not found:
        raise HTTPException(404, f"there is no delivery {row}")
    return _delivery(found[0])


_TOKEN_NEEDED: dict[int | str, dict[str, Any]] = {
    401: {"description": "A token is required."},
    403: {"description": "The token does not have the required scope."},
    429: {"description": "Too many wrong tokens were sent."},
}


def _paper(context: WebContext, paper: Paper, why: tuple[str, ...] = ()) -> PaperFacts:
    facts = {name: getattr(paper, name) for name in PaperFacts.model_fields if name not in {"page", "why"}}
    lists = {name: list(facts[name]) for name in ("authors", "categories", "keywords", "sources")}
    return PaperFacts(**{**facts, **lists}, page=context.site.base_url + page_of(paper.id), why=list(why))


def _topic(topic: Topic) -> TopicFacts:
    return TopicFacts(slug=topic.slug, name=topic.name, about=topic.about, query=topic.query)


def _known(context: WebContext, email: str) -> Any:
    found = context.app.store.subscribers.by_email(email)
    if found is None:
        raise HTTPException(404, "no subscriber has this address")
    return found


def _subscriber(context: WebContext, email: str) -> SubscriberFacts:
    return SubscriberFacts(**queries.subscriber_facts(_known(context, email)))


def _delivery(found: dict[str, Any]) -> DeliveryFacts:
    return DeliveryFacts(**{name: found[name] for name in DeliveryFacts.model_fields})
