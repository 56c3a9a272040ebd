"""Subscribers in the API: their state and their preferences."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query

from paperround.domain.models import Subscriber, SubscriberState
from paperround.operator import queries
from paperround.store.subscribers import SubscriberFilter
from paperround.subscribers import membership
from paperround.web.context import WebContext
from paperround.web.machines.api.access import TOKEN_NEEDED, SubscribersRead, SubscribersWrite
from paperround.web.machines.api.models import NewSubscriber, PreferencesPatch, SubscriberFacts
from paperround.web.machines.api.parameters import Limit, Offset

router = APIRouter(prefix="/subscribers", tags=["subscribers"], responses=TOKEN_NEEDED)
_ONE = "/{email}"
_NO_SUBSCRIBER: dict[int | str, dict[str, Any]] = {404: {"description": "No subscriber has this address."}}
Email = Annotated[str, Path(max_length=254)]


@router.get("")
def subscribers(
    context: SubscribersRead,
    q: Annotated[str, Query(max_length=254)] = "",
    state: SubscriberState | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> list[SubscriberFacts]:
    """List subscribers, newest first. `q` filters by a part of the address."""
    selection = SubscriberFilter(q, state)
    page = context.app.store.subscribers.find(selection, newest_first=True, limit=limit, offset=offset)
    return [subscriber_facts(subscriber) for subscriber in page]


@router.post("", status_code=201)
def add_subscriber(context: SubscribersWrite, wanted: NewSubscriber) -> SubscriberFacts:
    """Add a subscriber, or change the given preferences. This resubscribes nobody who has unsubscribed."""
    given = wanted.model_dump(exclude_unset=True)
    email, confirmed = given.pop("email"), given.pop("confirmed", False)
    patch = membership.read_patch(context.app, given)
    added = membership.add(context.app, email, patch, confirmed=confirmed)
    return _read(context, added.email)


@router.patch(_ONE, responses=_NO_SUBSCRIBER)
def change_subscriber(context: SubscribersWrite, email: Email, wanted: PreferencesPatch) -> SubscriberFacts:
    """Change the given preferences; everything else stays as it is."""
    subscriber = _require(context, email)
    patch = membership.read_patch(context.app, wanted.model_dump(exclude_unset=True), subscriber.preferences)
    membership.change(context.app, subscriber, patch)
    return _read(context, email)


@router.get(_ONE, responses=_NO_SUBSCRIBER)
def subscriber(context: SubscribersRead, email: Email) -> SubscriberFacts:
    """Get a subscriber."""
    return _read(context, email)


@router.post(f"{_ONE}/pause", responses=_NO_SUBSCRIBER)
def pause(context: SubscribersWrite, email: Email, until: date | None = None) -> SubscriberFacts:
    """Pause emails until a day, or until they are resumed."""
    membership.pause(context.app, _require(context, email), until)
    return _read(context, email)


@router.post(f"{_ONE}/resume", responses=_NO_SUBSCRIBER)
def resume(context: SubscribersWrite, email: Email) -> SubscriberFacts:
    """Resume emails."""
    membership.resume(context.app, _require(context, email))
    return _read(context, email)


@router.post(f"{_ONE}/unsubscribe", responses=_NO_SUBSCRIBER)
def unsubscribe(context: SubscribersWrite, email: Email) -> SubscriberFacts:
    """Unsubscribe, and cancel the emails that are queued."""
    membership.unsubscribe(context.app, _require(context, email))
    return _read(context, email)


@router.delete(_ONE, status_code=204, responses=_NO_SUBSCRIBER)
def erase(context: SubscribersWrite, email: Email) -> None:
    """Erase all data of a subscriber."""
    membership.erase(context.app, _require(context, email))


def _require(context: WebContext, email: str) -> Subscriber:
    """Return the subscriber with an address. Raises HTTPException 404 if there is none."""
    subscriber = context.app.store.subscribers.by_email(email)
    if subscriber is None:
        raise HTTPException(404, "no subscriber has this address")
    return subscriber


def _read(context: WebContext, email: str) -> SubscriberFacts:
    """Return what is stored of the subscriber with an address now. Raises HTTPException 404 if there is none."""
    return subscriber_facts(_require(context, email))


def subscriber_facts(subscriber: Subscriber) -> SubscriberFacts:
    """Return a subscriber as the API shows them."""
    return SubscriberFacts(**queries.subscriber_facts(subscriber))
