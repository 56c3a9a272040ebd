"""The public topics in the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from paperround.domain.models import Topic
from paperround.rounds.topics import add_topic
from paperround.web.context import ContextDep
from paperround.web.machines.api.access import TOKEN_NEEDED, TopicsWrite
from paperround.web.machines.api.models import TopicFacts, TopicInput
from paperround.web.parameters import topic_named

router = APIRouter(prefix="/topics", tags=["topics"])
TopicSlug = Annotated[str, Path(max_length=60)]


@router.get("")
def topics(context: ContextDep) -> list[TopicFacts]:
    """List the topics that subscribers can follow."""
    return [topic_facts(topic) for topic in context.app.store.topics.public()]


@router.get("/{slug}", responses={404: {"description": "No topic has this slug."}})
def topic(context: ContextDep, slug: TopicSlug) -> TopicFacts:
    """Get a topic."""
    return topic_facts(topic_named(context, slug))


@router.put("/{slug}", responses=TOKEN_NEEDED)
def save_topic(context: TopicsWrite, slug: TopicSlug, wanted: TopicInput) -> TopicFacts:
    """Create or replace a topic. Its matches of the past week count as new for its subscribers."""
    return topic_facts(add_topic(context.app, Topic(slug, wanted.name, wanted.query, wanted.about)))


def topic_facts(topic: Topic) -> TopicFacts:
    """Return a topic as the API shows it."""
    return TopicFacts(slug=topic.slug, name=topic.name, about=topic.about, query=topic.query)
