"""Personal links: find the owner of a token, and build the paths of a subscriber's pages."""

from __future__ import annotations

from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.domain.models import NOTICE_HOLDS, Digest, Subscriber
from paperround.web.context import WebContext

_LETTERS = {tokens.PREFERENCES: "p", tokens.UNSUBSCRIBE: "u", tokens.DIGEST: "i", tokens.FEEDBACK: "f"}


def owner(context: WebContext, purpose: str, token: str) -> Subscriber | None:
    """Return the subscriber that a token belongs to; None if they were erased. Raises InvalidTokenError."""
    if purpose == tokens.CONFIRM:
        return _subscriber_to_confirm(context, token)
    row = tokens.read(context.app.link_keys, purpose, token)
    if purpose != tokens.PREFERENCES:
        return context.app.store.subscribers.by_row(row)
    row, link_generation = tokens.split_generation(row)
    return _current(context.app.store.subscribers.by_row(row), link_generation)


def _subscriber_to_confirm(context: WebContext, token: str) -> Subscriber | None:
    """Return the subscriber who was asked to confirm.

    Raises InvalidTokenError if the request is too old, or went to an address that they had before.
    """
    keys, since = context.app.link_keys, context.app.clock() - NOTICE_HOLDS
    stored = context.app.store.subscribers.by_row(tokens.read(keys, tokens.CONFIRM, token, issued_after=since))
    if stored and (moved := stored.consent_moment("address_confirmed_at")):
        tokens.read(keys, tokens.CONFIRM, token, issued_after=max(since, moved))
    return stored


def _current(stored: Subscriber | None, link_generation: int) -> Subscriber | None:
    """Return the subscriber. Raises InvalidTokenError if their links were renewed after this one was made."""
    if stored and stored.link_generation != link_generation:
        raise InvalidTokenError("this link was replaced by a new one; use the one in your newest email")
    return stored


def subscriber_of(context: WebContext, token: str) -> Subscriber:
    """Return the subscriber whose preferences a token opens. Raises InvalidTokenError, also if they were erased."""
    stored = owner(context, tokens.PREFERENCES, token)
    if stored is None:
        raise InvalidTokenError("this subscriber was erased")
    return stored


def digest_owner(context: WebContext, purpose: str, token: str) -> tuple[Digest, Subscriber]:
    """Return the digest that a token belongs to and its subscriber. Raises InvalidTokenError, also if they were
    erased.
    """
    row, link_generation = tokens.split_generation(tokens.read(context.app.link_keys, purpose, token))
    owner = context.app.store.issues.digest_owner(row)
    subscriber = _current(context.app.store.subscribers.by_row(owner[0]), link_generation) if owner else None
    if subscriber is None:
        raise InvalidTokenError("this email was erased together with its subscriber")
    return context.app.store.issues.digest(row), subscriber


def reloaded(context: WebContext, subscriber: Subscriber) -> Subscriber:
    """Read the subscriber again from the database. Raises InvalidTokenError if they were erased."""
    stored = context.app.store.subscribers.by_row(subscriber.row)
    if stored is None:
        raise InvalidTokenError("this subscriber was erased")
    return stored


def path(context: WebContext, purpose: str, subscriber: Subscriber, digest: Digest | None = None) -> str:
    """Return the path of a subscriber's page for this purpose, or of the page of one of their digests."""
    return f"{context.home}/{_LETTERS[purpose]}/{mint(context, purpose, subscriber, digest)}"


def own_digest(context: WebContext, subscriber: Subscriber, digest: Digest) -> str:
    """Return the path of the page of a digest as its subscriber's email links to it: with buttons for feedback."""
    plain = path(context, tokens.DIGEST, subscriber, digest)
    return (
        f"{plain}?f={mint(context, tokens.FEEDBACK, subscriber, digest)}"
        if context.app.settings.site.feedback
        else plain
    )


def mint(context: WebContext, purpose: str, subscriber: Subscriber, digest: Digest | None = None) -> str:
    """Return a token for this purpose, for the subscriber or one of their digests. It is valid until their links are
    renewed.
    """
    number = digest.row if digest else subscriber.row
    # Unsubscribe links stay valid forever: the only thing they can do is stop the emails.
    if purpose != tokens.UNSUBSCRIBE:
        number = tokens.with_generation(number, subscriber.link_generation)
    return tokens.mint(context.app.link_keys, purpose, number)


def feed_addresses(context: WebContext, subscriber: Subscriber) -> dict[str, str]:
    """Return the addresses of a subscriber's private feed by format; empty if they have none."""
    secret = context.app.store.private_feeds.secret(subscriber.row)
    base = f"{context.site.base_url}/feeds/{secret}"
    return {"Atom": f"{base}/feed.xml", "JSON Feed": f"{base}/feed.json"} if secret else {}
