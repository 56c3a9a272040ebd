"""Quick changes from the links at the bottom of an email. Each opens a page that describes the change, with a
button.

Opening the page changes nothing, because mail scanners follow every link in an email.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, HTTPException, Request, Response

from paperround.domain import tokens
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.rendering.language import Language
from paperround.subscribers import membership
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form
from paperround.web.subscribers.token_links import path, subscriber_of

router = APIRouter()
_PAUSE = timedelta(days=7)
_MIN_PAPERS = 3
_NAMES = frozenset(("weekly", "daily", "fewer", "pause"))


@dataclass(frozen=True, slots=True)
class QuickChange:
    """A change that one button makes."""

    question: str
    """A question that describes the change, shown as the heading of the page."""
    button: str
    done: str
    make: Callable[[WebContext, Subscriber], object]


@router.get("/p/{token}/change")
def ask_to_change(request: Request, context: ContextDep, token: str, to: str = "") -> Response:
    """Show what would change, with a button to confirm it."""
    subscriber, language = _subscriber(request, context, token)
    change = _change(context, subscriber, to, language)
    if change is None:
        return _nothing_to_change(request, context, subscriber, language)
    return context.pages.private(
        request,
        "quick_change",
        language=language,
        change=change,
        email=subscriber.email,
        action=f"{path(context, tokens.PREFERENCES, subscriber)}/change?to={to}",
        preferences=path(context, tokens.PREFERENCES, subscriber),
    )


@router.post("/p/{token}/change")
def make_change(request: Request, context: ContextDep, token: str, form: Form, to: str = "") -> Response:
    """Make the change, and confirm it."""
    del form  # the form only has a button
    subscriber, language = _subscriber(request, context, token)
    change = _change(context, subscriber, to, language)
    if change is None:
        return _nothing_to_change(request, context, subscriber, language)
    change.make(context, subscriber)
    return _show_outcome(request, context, subscriber, language, change.done)


def _subscriber(request: Request, context: WebContext, token: str) -> tuple[Subscriber, Language]:
    subscriber = subscriber_of(context, token)
    return subscriber, context.languages.of_subscriber(request, subscriber)


def _change(context: WebContext, subscriber: Subscriber, to: str, language: Language) -> QuickChange | None:
    """Return the change with this name; None if it would change nothing. Raises HTTP 404 for an unknown name."""
    if to not in _NAMES:
        raise HTTPException(404)
    if not subscriber.state.is_subscribed:
        return None
    _ = language.gettext
    fewer = max(_MIN_PAPERS, subscriber.preferences.max_papers // 2)
    until = context.today + _PAUSE
    match to:
        case "weekly" if subscriber.schedule.cadence is not Cadence.WEEKLY:
            done = _("You now receive at most one email a week.")
            return QuickChange(
                _("Switch to one email a week?"), _("Switch to weekly"), done, _patch(cadence=Cadence.WEEKLY)
            )
        case "daily" if subscriber.schedule.cadence is not Cadence.DAILY:
            done = _("You now receive at most one email a day.")
            return QuickChange(
                _("Switch to one email a day?"), _("Switch to daily"), done, _patch(cadence=Cadence.DAILY)
            )
        case "fewer" if fewer < subscriber.preferences.max_papers:
            question = language.count("At most %(num)s paper per email?", "At most %(num)s papers per email?", fewer)
            done = language.count(
                "Your emails now contain at most %(num)s paper.",
                "Your emails now contain at most %(num)s papers.",
                fewer,
            )
            return QuickChange(question, _("Send fewer papers"), done, _patch(max_papers=fewer))
        case "pause" if subscriber.state is SubscriberState.ACTIVE:
            day = language.date(until)
            question = _("Pause emails until %(day)s?") % {"day": day}
            return QuickChange(question, _("Pause emails"), _("Paused until %(day)s.") % {"day": day}, _pause(until))
        case _:
            return None


def _patch(**patch: object) -> Callable[[WebContext, Subscriber], object]:
    return lambda context, subscriber: membership.change(context.app, subscriber, patch)


def _pause(until: date) -> Callable[[WebContext, Subscriber], bool]:
    return lambda context, subscriber: membership.pause(context.app, subscriber, until)


def _nothing_to_change(request: Request, context: WebContext, subscriber: Subscriber, language: Language) -> Response:
    _ = language.gettext
    if subscriber.state is SubscriberState.UNSUBSCRIBED:
        sentence = _("You are unsubscribed and will not receive any emails.")
    else:
        sentence = _("This is already your current setting.")
    return _show_outcome(request, context, subscriber, language, sentence)


def _show_outcome(
    request: Request, context: WebContext, subscriber: Subscriber, language: Language, sentence: str
) -> Response:
    here = path(context, tokens.PREFERENCES, subscriber).removeprefix(context.home)
    actions = [(here, language.gettext("All preferences"))]
    return context.pages.message(request, sentence, [subscriber.email], language=language, actions=actions)
