"""An example email to look at before subscribing: a topic's papers of its latest day, rendered like a real email."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.domain.models import Topic
from paperround.operator import preview
from paperround.operator.preview import Preview, PreviewRequest
from paperround.web.context import ContextDep, WebContext
from paperround.web.operator.viewer import DisplayOptions, frame, own_pictures
from paperround.web.wording import translated_topics

router = APIRouter()


@router.get("/example")
def example(request: Request, context: ContextDep, topic: str = "") -> Response:
    """Show the example email in a frame, with a list of topics to choose another one."""
    topics = context.app.store.topics.public()
    chosen = _chosen(topics, topic)
    shown = _example(request, context, chosen) if chosen else None
    return context.pages.public(
        request,
        "example",
        topics=translated_topics(topics, context.languages.of_visitor(request)),
        chosen=chosen,
        subject=shown.finished.rendered.subject if shown else "",
        sender=context.site.name,
    )


@router.get("/example/html")
def example_html(request: Request, context: ContextDep, topic: str = "") -> Response:
    """Return the HTML of the example email for the frame."""
    chosen = _chosen(context.app.store.topics.public(), topic)
    shown = _example(request, context, chosen) if chosen else None
    if shown is None:
        raise HTTPException(404)
    return frame(shown.finished.rendered.html, DisplayOptions("system"), pictures=own_pictures(context.site))


def _chosen(topics: list[Topic], slug: str) -> Topic | None:
    """Return the topic with this slug, by default the first; None if the site has no topics.

    Raises HTTP 404 for an unknown slug.
    """
    chosen = next((topic for topic in topics if slug in ("", topic.slug)), None)
    if chosen is None and slug:
        raise HTTPException(404)
    return chosen


def _example(request: Request, context: WebContext, topic: Topic) -> Preview | None:
    """Return the email for a topic's latest day; None if the topic has no papers yet."""
    context.count_trials(request, 1)
    preview_request = PreviewRequest(topics=(topic.slug,), language=context.languages.of_visitor(request).code)
    latest = preview.days(context.app, preview_request, 1)
    return preview.build(context.app, replace(preview_request, day=latest[0])) if latest else None
