"""The pages for a subscriber's preferences, past emails, feedback and stored data."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import chain, islice
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import UsageError
from paperround.domain.followed import FollowedName, LeftOutKind, read_followed, suggest_colon
from paperround.domain.latex import readable
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.preferences import Patch
from paperround.rendering.counts import describe_share
from paperround.rendering.followed_names import followed_name
from paperround.rendering.language import Language
from paperround.rendering.schedule_sentences import describe_schedule
from paperround.rounds.authors import has_papers, similar_author
from paperround.subscribers import membership
from paperround.web import wording
from paperround.web.browse.periods import read_day
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields, read_number
from paperround.web.languages import LANGUAGE_COOKIE
from paperround.web.responses import PRIVATE
from paperround.web.subscribers import follow, preferences_form
from paperround.web.subscribers.preferences_form import PreferencesForm
from paperround.web.subscribers.token_links import feed_addresses, own_digest, path, subscriber_of
from paperround.web.urls import page_of

router = APIRouter()
_PAST_LETTERS_SHOWN, _RATINGS_SHOWN = 60, 200
_MAX_DOUBTS = 10  # names; web servers limit the length of an address
_NONE: list[str] = []


@router.get("/p/{token}")
def preferences(
    request: Request, context: ContextDep, token: str, done: str = "", unknown: Annotated[list[str], Query()] = _NONE
) -> Response:
    """Show the preferences. `unknown` are names without a stored paper, or words to leave out, just saved."""
    subscriber = subscriber_of(context, token)
    language = context.languages.of_subscriber(request, subscriber)
    shown = page(
        request,
        context,
        subscriber,
        confirmation=_confirmation(done, language),
        message_in_list=done in _FOLLOWED,
        doubts=[_doubt(context, entry, language) for entry in subscriber.preferences.follows if entry in unknown],
        misread=[
            _misread(entry, language)
            for entry in subscriber.preferences.leave_out
            if entry in unknown and suggest_colon(entry)
        ],
    )
    return follow.remember(shown, context, subscriber)


@router.post("/p/{token}")
def change(request: Request, context: ContextDep, token: str, form: Form) -> Response:
    """Save or preview the form, pause, resume or remove feedback, depending on the button."""
    subscriber = subscriber_of(context, token)
    match form.get("do"):
        case "pause":
            return _pause(request, context, subscriber, form)
        case "resume" if subscriber.state is SubscriberState.PAUSED:
            membership.resume(context.app, subscriber)
            return redirect(context, subscriber, "resumed")
        case "forget":
            return _forget(context, subscriber, form)
        case "try":
            return _try(request, context, subscriber, form)
        case _:
            return _save(request, context, subscriber, form)


@router.get("/p/{token}/data.json")
def data(context: ContextDep, token: str) -> Response:
    """Return all stored data of the subscriber as a file."""
    held = context.app.store.data_export.export_subscriber(subscriber_of(context, token).row)
    body = json.dumps(held, default=_plain, ensure_ascii=False, indent=1)
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="paperround.json"'}
    return Response(body, headers=headers, media_type="application/json")


@router.get("/p/{token}/erase")
def ask_to_erase(request: Request, context: ContextDep, token: str) -> Response:
    """Ask for confirmation before erasing."""
    subscriber = subscriber_of(context, token)
    return context.pages.private(
        request,
        "erase",
        language=context.languages.of_subscriber(request, subscriber),
        email=subscriber.email,
        preferences=path(context, tokens.PREFERENCES, subscriber),
        unsubscribe=path(context, tokens.UNSUBSCRIBE, subscriber),
    )


@router.post("/p/{token}/erase")
def erase(request: Request, context: ContextDep, token: str, form: Form) -> Response:
    """Erase the subscriber."""
    subscriber = subscriber_of(context, token)
    language = context.languages.of_subscriber(request, subscriber)
    _ = language.gettext
    if "sure" not in form:
        return ask_to_erase(request, context, token)
    membership.erase(context.app, subscriber)
    lines = [
        _("All your data has been erased. You will not receive any more emails."),
        _("Thank you for reading."),
    ]
    return context.pages.message(
        request, _("Data erased"), lines, language=language, actions=[("/", _("Today's papers"))]
    )


def _save(request: Request, context: WebContext, subscriber: Subscriber, form: FormFields) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    shown = preferences_form.read_form(form, subscriber.preferences)
    if "version" in form and form.get("version") != shown.version:
        return page(request, context, subscriber, shown=shown, status=409, stale=True)
    context.count_trials(request, len(shown["queries"]))
    patch, shown = preferences_form.check_form(context, shown, language)
    if patch is None:
        return page(request, context, subscriber, shown=shown, status=422)
    membership.change(context.app, subscriber, patch)
    saved = redirect(context, subscriber, "saved", unknown=_doubtful(context, subscriber, patch))
    if patch.get("language", subscriber.language) != subscriber.language:
        saved.delete_cookie(LANGUAGE_COOKIE)  # the newer choice counts
    return saved


def _doubtful(context: WebContext, subscriber: Subscriber, patch: Patch) -> list[str]:
    """Return the newly followed names without a stored paper and the new exclusions without a colon, at most ten."""
    follows, excludes = subscriber.preferences.follows, subscriber.preferences.leave_out
    followed = (entry for entry in patch.get("follows", ()) if entry not in follows)
    left_out = (entry for entry in patch.get("leave_out", ()) if entry not in excludes)
    unknown = (entry for entry in followed if not has_papers(context.app, read_followed(entry)))
    misread = (entry for entry in left_out if _lacks_colon(context, entry))
    return list(islice(chain(unknown, misread), _MAX_DOUBTS))


def _lacks_colon(context: WebContext, entry: str) -> bool:
    """Return whether words to leave out are probably an author, a category or a paper."""
    meant = suggest_colon(entry)
    if not meant or meant.kind is not LeftOutKind.AUTHOR:
        return meant is not None
    return all(word[:1].isupper() for word in meant.value.split()) or has_papers(
        context.app, FollowedName(meant.value)
    )


def _misread(entry: str, language: Language) -> str:
    """Return a sentence that says how words to leave out are read, and what was probably meant."""
    _ = language.gettext
    sentence = _("Papers with the words “%(words)s” are left out.") % {"words": entry}
    return f"{sentence} {_('Did you mean “%(words)s”?') % {'words': suggest_colon(entry)}}"


def _doubt(context: WebContext, entry: str, language: Language) -> str:
    """Return a sentence that says that no paper is by this author or organization, with a similar name if any."""
    _, followed = language.gettext, read_followed(entry)
    sentence = _("No paper here is by %(name)s yet. If the spelling is right, you get the next one.") % {
        "name": followed_name(entry, language)
    }
    similar = similar_author(context.app, followed)
    return f"{sentence} {_('Did you mean “%(words)s”?') % {'words': similar}}" if similar else sentence


def _try(request: Request, context: WebContext, subscriber: Subscriber, form: FormFields) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    shown = preferences_form.read_form(form, subscriber.preferences)
    context.count_trials(request, len(shown["queries"]))
    feedback = context.app.store.feedback.ratings(subscriber.row)
    shown = preferences_form.with_previews(context.app, shown, language, feedback)
    return page(request, context, subscriber, shown=shown)


def _pause(request: Request, context: WebContext, subscriber: Subscriber, form: FormFields) -> Response:
    _ = context.languages.of_subscriber(request, subscriber).gettext
    shown = PreferencesForm(subscriber.preferences)
    try:
        membership.pause(context.app, subscriber, _future(form.get("paused_until"), context.today))
    except UsageError:
        wrong = {"paused_until": _("Choose a date in the future, or leave the field empty.")}
        return page(request, context, subscriber, shown=replace(shown, wrong=wrong), status=422)
    return redirect(context, subscriber, "paused")


def _future(text: str, today: date) -> date | None:
    until = read_day(text) if text else None
    if until is not None and until <= today:
        raise UsageError(f"{until} is not in the future")
    return until


def _forget(context: WebContext, subscriber: Subscriber, form: FormFields) -> Response:
    membership.remove_rating(context.app, subscriber, read_number(form.get("paper")))
    return redirect(context, subscriber, "forgotten")


_FOLLOWED = frozenset(("followed", "already", "unfollowed"))
"""What was done to the list of those that a subscriber follows, where a link leads past the top of the page."""


def redirect(context: WebContext, subscriber: Subscriber, done: str, *, unknown: Collection[str] = ()) -> Response:
    """Redirect to the page, so that reloading it does not repeat the change."""
    query = urlencode({"done": done, "unknown": unknown}, doseq=True)
    address = f"{path(context, tokens.PREFERENCES, subscriber)}?{query}"
    return RedirectResponse(address, 303, headers=PRIVATE)


def _confirmation(done: str, language: Language) -> str:
    """Return the confirmation of what was just done."""
    _ = language.gettext
    sentences = {
        "confirmed": _("Welcome! Your subscription is confirmed."),
        "saved": _("Saved."),
        "paused": _("Paused."),
        "resumed": _("Emails resumed."),
        "forgotten": _("Feedback removed."),
        "followed": _("You now follow them. Your next emails will include their new papers."),
        "already": _("You already follow them."),
        "unfollowed": _("You no longer follow them."),
        "feed-first": _("Your private feed is ready. Add its address to your feed reader."),
        "feed-new": _("Your private feed has a new address. Add it to your feed reader."),
        "feed-off": _("Your private feed is off."),
    }
    return sentences.get(done, "")


def page(
    request: Request,
    context: WebContext,
    subscriber: Subscriber,
    *,
    shown: PreferencesForm | None = None,
    confirmation: str = "",
    message_in_list: bool = False,
    doubts: Sequence[str] = (),
    misread: Sequence[str] = (),
    status: int = 200,
    stale: bool = False,
) -> Response:
    """Return the subscriber's page.

    `shown` is the form as typed, if it contains errors or previews. `confirmation` says what was just done; with
    `message_in_list` it stands at the list of those that they follow. `doubts` are sentences about names in that
    list, and `misread` about words to leave out. `stale` means that the preferences were changed after the form was
    opened.
    """
    language = context.languages.of_subscriber(request, subscriber)
    form = shown or PreferencesForm(subscriber.preferences)
    zone = subscriber.schedule.timezone
    due = subscriber.next_digest_at if subscriber.state is SubscriberState.ACTIVE else None
    return context.pages.private(
        request,
        "preferences",
        status=status,
        language=language,
        scripts=True,
        subscriber=subscriber,
        message=confirmation,
        message_in_list=message_in_list,
        doubts=doubts,
        misread=misread,
        stale=stale,
        version=PreferencesForm(subscriber.preferences).version,
        form=form,
        choices=preferences_form.choices(context, language, form),
        next_letter=wording.moment(due, zone, language) if due and due > context.app.clock() else "",
        due_now=bool(due and due <= context.app.clock()),
        promise=describe_schedule(subscriber.preferences, language, new_site=context.new_site),
        paused_until=language.date(until) if (until := subscriber.preferences.paused_until) else "",
        tomorrow=context.today.isoformat(),
        past=_past(context, subscriber, language),
        feedback=_feedback(context, subscriber),
        feeds=feed_addresses(context, subscriber),
        here_again=path(context, tokens.PREFERENCES, subscriber),
        unsubscribe=path(context, tokens.UNSUBSCRIBE, subscriber),
    )


def _feedback(context: WebContext, subscriber: Subscriber) -> list[dict[str, Any]]:
    """Return the subscriber's feedback, latest first."""
    return [
        {"paper": entry.paper, "href": page_of(entry.id), "title": readable(entry.title), "more": entry.verdict > 0}
        for entry in context.app.store.feedback.latest(subscriber.row, _RATINGS_SHOWN)
    ]


def _past(context: WebContext, subscriber: Subscriber, language: Language) -> list[dict[str, Any]]:
    return [
        {
            "href": own_digest(context, subscriber, digest),
            "day": language.date(digest.day, "long"),
            "papers": describe_share(len(digest.papers) + len(digest.more), 0, len(digest.close), language),
        }
        for digest in context.app.store.issues.past_digests_of(subscriber.row, _PAST_LETTERS_SHOWN)
    ]


def _plain(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
