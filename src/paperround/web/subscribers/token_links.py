"""The links in letters: whose a token is, and the paths that other pages of the same subscriber have."""

from __future__ import annotations

from paperround.domain import tokens
from paperround.domain.errors import BadToken
from paperround.domain.models import Digest, Subscriber
from paperround.subscribers import membership
from paperround.web.context import RequestContext

_LETTERS = {tokens.PREFERENCES: "p", tokens.UNSUBSCRIBE: "u", tokens.DIGEST: "i", tokens.FEEDBACK: "f"}


def owner(context: RequestContext, purpose: str, token: str) -> Subscriber | None:
    """Whose token it is; None for somebody who was erased since. BadToken for one that we never made."""
    if purpose == tokens.CONFIRM:
        row = tokens.read(
            context.app.keys, purpose, token, issued_after=context.app.clock() - membership.NOTICE_HOLDS
        )
    else:
        row = tokens.read(context.app.keys, purpose, token)
    return context.app.store.subscribers.by_row(row)


def digest_owner(context: RequestContext, purpose: str, token: str) -> tuple[Digest, Subscriber]:
    """The digest that a token is for, and its subscriber; BadToken when both were erased, or never were."""
    row = tokens.read(context.app.keys, purpose, token)
    owner = context.app.store.personal.digest_owner(row)
    subscriber = context.app.store.subscribers.by_row(owner[0]) if owner else None
    if subscriber is None:
        raise BadToken("this letter was erased with its subscriber")
    return context.app.store.issues.digest(row), subscriber


def again(context: RequestContext, subscriber: Subscriber) -> Subscriber:
    """The subscriber as they are now."""
    found = context.app.store.subscribers.by_row(subscriber.row)
    if found is None:
        raise BadToken("this subscriber was erased")
    return found


def path(context: RequestContext, purpose: str, number: int) -> str:
    """Where a subscriber's page of this purpose is."""
    return f"{context.home}/{_LETTERS[purpose]}/{tokens.mint(context.app.keys, purpose, number)}"
