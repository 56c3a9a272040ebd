"""The pages of the public topics."""

from __future__ import annotations

from itertools import groupby

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.domain.models import Topic
from paperround.store.topics import news_horizon
from paperround.web.browse import cards
from paperround.web.browse.papers import MAX_PAGES, PAGE
from paperround.web.context import ContextDep, WebContext
from paperround.web.parameters import checked_page, topic_named
from paperround.web.wording import translated_topic, translated_topics

router = APIRouter()


@router.get("/topics")
def all_topics(request: Request, context: ContextDep) -> Response:
    """Show the public topics, each with its number of papers in the past week."""
    since = news_horizon(context.app.clock()).date()
    language = context.languages.of_visitor(request)
    topics = [
        (translated_topic(topic, language), week)
        for topic, _followers, week in context.app.store.topics.public_counts(since)
    ]
    return context.pages.public(request, "topics", language=language, here="/topics", topics=topics)


@router.get("/topics/{slug}")
def topic(request: Request, context: ContextDep, slug: str, page: int = 1) -> Response:
    """Show the papers of a topic, newest first."""
    language = context.languages.of_visitor(request)
    chosen = topic_named(context, slug)
    matches = context.app.store.browsing.on_topic(chosen.row, PAGE + 1, PAGE * (checked_page(page, MAX_PAGES) - 1))
    if page > 1 and not matches:
        raise HTTPException(404)
    days = [
        (day, [cards.card(paper, language, context.today, why=match.why) for paper, match in of_day])
        for day, of_day in groupby(matches[:PAGE], key=lambda pair: pair[0].day)
    ]
    here = f"{context.home}/topics/{slug}"
    return context.pages.public(
        request,
        "topic",
        language=language,
        here="/topics",
        topic=translated_topic(chosen, language),
        week=_in_past_week(context, chosen),
        days=days,
        topics=[
            other for other in translated_topics(context.app.store.topics.public(), language) if other.slug != slug
        ],
        back=f"{here}?page={page - 1}" if page > 1 else "",
        more=f"{here}?page={page + 1}" if len(matches) > PAGE else "",
    )


def _in_past_week(context: WebContext, topic: Topic) -> int:
    return context.app.store.browsing.count(news_horizon(context.app.clock()).date(), context.today, topic.row)
