"""What the API receives and returns."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from paperround.domain import preferences
from paperround.domain.models import DeliveryState, SubscriberState

_MAX_ENTRIES = 200  # of a list, such as topics


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
        limit = _MAX_ENTRIES if name in preferences.LISTS else None
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
