"""Confirm a subscription, unsubscribe, and resubscribe: the pages behind links in emails.

The token in the address is the only credential; there is no login and no cookie. A GET changes nothing, because mail
clients and scanners follow every link. Changes require a POST from a button.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.domain.models import Subscriber, SubscriberState
from paperround.rendering.language import Language
from paperround.rendering.schedule_sentences import describe_schedule
from paperround.subscribers import confirmation, membership
from paperround.web.clients import client_of
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import AnyForm
from paperround.web.subscribers import preferences
from paperround.web.subscribers.token_links import owner, path, reloaded

router = APIRouter()
_BECAUSE = ("too many", "not for me", "never asked", "other")


# --- confirm ----------------------------------------------------------------------------------------------------


@router.get("/c/{token}")
def ask_to_confirm(request: Request, context: ContextDep, token: str) -> Response:
    """Show what will be confirmed, with a button."""
    subscriber = owner(context, tokens.CONFIRM, token)
    pending = confirmation.pending_request(context.app, subscriber) if subscriber else None
    if subscriber is None or pending is None:
        return _nothing_waits(request, context, subscriber)
    chosen = pending.preferences
    language = context.languages.of_subscriber(request, chosen)
    names = {topic.slug: language.own_words(topic.name) for topic in context.app.store.topics.public()}
    return context.pages.private(
        request,
        "confirm",
        language=language,
        token=token,
        email=subscriber.email,
        first_now=pending.first_now,
        topics=[names[slug] for slug in chosen.topics if slug in names],
        queries=chosen.queries,
        follows=chosen.follows,
        promise=describe_schedule(chosen, language, new_site=context.new_site),
    )


@router.post("/c/{token}")
def confirm(request: Request, context: ContextDep, token: str) -> Response:
    """Confirm the subscription and redirect to the preferences, so that the confirmation link does not stay in the
    address bar.
    """
    subscriber = owner(context, tokens.CONFIRM, token)
    consent = {"confirmed_at": context.app.clock().isoformat(), "confirmed_from": client_of(request)}
    if subscriber is None or not confirmation.confirm(context.app, subscriber, consent):
        return _nothing_waits(request, context, subscriber and reloaded(context, subscriber))
    return preferences.redirect(context, reloaded(context, subscriber), "confirmed")


def _nothing_waits(request: Request, context: WebContext, subscriber: Subscriber | None) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    _ = language.gettext
    if subscriber is not None and subscriber.state.is_subscribed:
        lines = [_("This subscription is already confirmed. There is nothing else to do.")]
        return context.pages.message(
            request, _("Already confirmed"), lines, language=language, actions=[("/", _("Today's papers"))]
        )
    lines = [_("This link has already been used. If you no longer receive our emails, subscribe again.")]
    return context.pages.message(
        request,
        _("Nothing to confirm"),
        lines,
        status=410,
        language=language,
        actions=[("/subscribe", _("Subscribe"))],
    )


# --- unsubscribe ------------------------------------------------------------------------------------------------


@router.get("/u/{token}")
def ask_to_unsubscribe(request: Request, context: ContextDep, token: str) -> Response:
    """Show the unsubscribe button."""
    subscriber = owner(context, tokens.UNSUBSCRIBE, token)
    if subscriber is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        return _gone(request, context, token, subscriber)
    return context.pages.private(
        request,
        "unsubscribe",
        language=context.languages.of_subscriber(request, subscriber),
        token=token,
        email=subscriber.email,
        preferences=path(context, tokens.PREFERENCES, subscriber),
    )


@router.post("/u/{token}")
def unsubscribe(request: Request, context: ContextDep, token: str, form: AnyForm) -> Response:
    """Unsubscribe, with the button or with one click in a mail client (RFC 8058). Repeating it has no effect."""
    subscriber = owner(context, tokens.UNSUBSCRIBE, token)
    if subscriber is not None:
        membership.unsubscribe(context.app, subscriber)
        if form.get("because") or form.get("words"):
            membership.store_unsubscribe_reason(
                context.app, reloaded(context, subscriber), f"{form.get('because')} {form.get('words')}"
            )
            return _gone(request, context, token, subscriber, thanks=True)
    return _gone(request, context, token, subscriber)


@router.post("/u/{token}/back")
def come_back(request: Request, context: ContextDep, token: str) -> Response:
    """Resubscribe: send a confirmation email, as for every new subscription."""
    subscriber = owner(context, tokens.UNSUBSCRIBE, token)
    language = context.languages.of_subscriber(request, subscriber)
    _ = language.gettext
    if subscriber is None:
        raise InvalidTokenError("this subscriber was erased")
    if subscriber.state not in (SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING) and not subscriber.suppressed:
        return _nothing_waits(request, context, subscriber)
    queued = confirmation.ask_to_return(context.app, subscriber, _consent(request, context, _("Subscribe again")))
    lines = [
        _("We are sending you an email. Open the link in it to confirm, and your subscription continues as before.")
        if queued
        else _(
            "You have already asked for this email. Open the link in it to confirm; it may still be on its way, "
            "or in your spam folder."
        )
    ]
    return context.pages.message(
        request,
        _("Check your email"),
        lines,
        language=language,
        actions=[*context.pages.inbox_action(request, language), ("/", _("Today's papers"))],
    )


def _gone(
    request: Request, context: WebContext, token: str, subscriber: Subscriber | None, *, thanks: bool = False
) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    return context.pages.private(
        request,
        "unsubscribed",
        language=language,
        token=token,
        known=subscriber is not None,
        thanks=thanks,
        reasons=_reasons(language),
    )


def _reasons(language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    labels = (
        _("Too many emails"),
        _("The papers were not relevant to me"),
        _("I did not sign up for this"),
        _("Other reason"),
    )
    return list(zip(_BECAUSE, labels, strict=True))


def _consent(request: Request, context: WebContext, words: str) -> dict[str, str]:
    return {"asked_at": context.app.clock().isoformat(), "asked_from": client_of(request), "words": words}
