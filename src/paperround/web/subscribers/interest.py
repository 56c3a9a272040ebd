"""Try an interest in plain words: ten papers of the past weeks, each with ＋ and − buttons, and words to add.

A visitor's ratings are kept in the address, so that nothing is stored before they subscribe; the subscribe form
carries them along. A subscriber's ratings are stored immediately.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import PreferenceError, QueryError
from paperround.domain.interest_trial import InterestTrial, Ratings
from paperround.domain.models import Subscriber
from paperround.domain.preferences import (
    DEFAULTS,
    MAX_QUERIES,
    MAX_QUERY_LENGTH,
    MAX_TYPED_LENGTH,
    Preferences,
)
from paperround.domain.text import clean
from paperround.matching.closeness import NEAREST
from paperround.matching.negation import unwanted_in
from paperround.rendering import breadth_labels
from paperround.rendering.language import Language
from paperround.rendering.trial_sentences import describe_trial
from paperround.rounds.meaning import Meaning
from paperround.rounds.trial import Trials
from paperround.subscribers import membership
from paperround.web import wording
from paperround.web.browse import cards
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields, read_number
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.preferences_form import read_ratings, schedule_of
from paperround.web.subscribers.token_links import path, subscriber_of

router = APIRouter()
_RATINGS = ("more", "less", "forget")


@router.get("/interest")
def try_interest(request: Request, context: ContextDep) -> Response:
    """Show the results of an interest to any visitor. The address holds the interest and the ratings."""
    fields = FormFields(request.query_params.multi_items())
    ratings = read_ratings(fields, _RATINGS)
    text = _with_word(fields)
    schedule = {**schedule_of(fields), **({"later": "1"} if fields.get("later") else {})}
    onward = {"way": "interest", "q": text, **schedule, **_named(ratings)}
    return _page(
        request,
        context,
        context.languages.of_visitor(request),
        text,
        ratings,
        action=f"{context.home}/interest",
        onward=f"{context.home}/subscribe?{urlencode(onward, doseq=True)}",
        schedule=schedule,
    )


@router.get("/p/{token}/interest")
def try_own(request: Request, context: ContextDep, token: str, q: str = "") -> Response:
    """Show the results of an interest to a subscriber, based on all their feedback and their breadth."""
    return _own_page(request, context, subscriber_of(context, token), q[:MAX_TYPED_LENGTH])


@router.post("/p/{token}/interest")
def rate(request: Request, context: ContextDep, token: str, form: Form) -> Response:
    """Store a rating, add a word, keep the interest or leave out what it excludes, depending on the button."""
    subscriber = subscriber_of(context, token)
    text = _with_word(form)
    for name, value in form.pairs(_RATINGS):
        row = read_number(value)
        if name == "forget":
            membership.remove_rating(context.app, subscriber, row)
        else:
            membership.rate_paper(context.app, subscriber, row, 1 if name == "more" else -1)
    here = path(context, tokens.PREFERENCES, subscriber)
    if (do := form.get("do")) in _CHANGES:
        if wrong := _CHANGES[do](request, context, subscriber, text):
            return _own_page(request, context, subscriber, text, wrong, status=422)
        return RedirectResponse(f"{here}?done=saved", 303, headers=PRIVATE)
    return RedirectResponse(f"{here}/interest?{urlencode({'q': text})}#papers", 303, headers=PRIVATE)


def _keep(request: Request, context: WebContext, subscriber: Subscriber, text: str) -> str:
    """Add the interest to the subscriber's queries; return what is wrong, or an empty string."""
    language = context.languages.of_subscriber(request, subscriber)
    queries = subscriber.preferences.queries
    if len(queries) >= MAX_QUERIES and text not in queries:
        return language.gettext(
            "You already have %(number)s interests. Remove one on the preferences page first."
        ) % {"number": len(queries)}
    return _save(request, context, subscriber, {"queries": [*queries, text]})


def _leave_out(request: Request, context: WebContext, subscriber: Subscriber, text: str) -> str:
    """Leave out what the interest says that it excludes; return what is wrong, or an empty string."""
    entries = [*subscriber.preferences.leave_out, *filter(None, [unwanted_in(text)])]
    return _save(request, context, subscriber, {"leave_out": entries})


def _save(request: Request, context: WebContext, subscriber: Subscriber, given: Mapping[str, list[str]]) -> str:
    """Change preferences; return what is wrong with them, or an empty string."""
    try:
        patch = membership.read_patch(context.app, given, subscriber.preferences)
    except (QueryError, PreferenceError) as error:
        return error.translated(context.languages.of_subscriber(request, subscriber).gettext)
    membership.change(context.app, subscriber, patch)
    return ""


_CHANGES = {"keep": _keep, "leave-out": _leave_out}


def _own_page(
    request: Request, context: WebContext, subscriber: Subscriber, text: str, wrong: str = "", status: int = 200
) -> Response:
    here = path(context, tokens.PREFERENCES, subscriber)
    ratings = {one.paper: one.verdict for one in context.app.store.feedback.ratings(subscriber.row)}
    return _page(
        request,
        context,
        context.languages.of_subscriber(request, subscriber),
        clean(text),
        ratings,
        action=f"{here}/interest",
        preferences=subscriber.preferences,
        wrong=wrong,
        status=status,
        subscriber=subscriber,
        preferences_page=here,
    )


def _page(
    request: Request,
    context: WebContext,
    language: Language,
    text: str,
    ratings: Ratings,
    *,
    preferences: Preferences = DEFAULTS,
    wrong: str = "",
    status: int = 200,
    **facts: Any,
) -> Response:
    trial = None
    if text and not wrong:
        context.count_trials(request, 1)
        try:
            trial = context.app.shared(Trials).try_interest(text, ratings, preferences.breadth, preferences.leave_out)
        except (QueryError, PreferenceError) as error:
            wrong, status = error.translated(language.gettext), 422
    return context.pages.private(
        request,
        "interest",
        scripts=True,
        status=status,
        language=language,
        text=trial.query if trial else text[:MAX_TYPED_LENGTH],
        trial=trial,
        verdict=describe_trial(trial, language) if trial else "",
        wrong=wrong,
        ratings=_named(ratings),
        papers=_papers(context, trial, language, facts.get("subscriber")) if trial else [],
        nearest=any(NEAREST in one.why for one in trial.papers) if trial else False,
        most_query=MAX_QUERY_LENGTH,
        needs_english=wording.needs_english(context.app.shared(Meaning).encoder, language),
        corrected=_address(trial.correction, ratings, facts) if trial and trial.correction else "",
        **({"subscriber": None, "onward": "", "schedule": {}} | facts),
    )


def _address(text: str, ratings: Ratings, facts: Mapping[str, Any]) -> str:
    """Return the address that tries another text; a subscriber's ratings are stored, and a visitor's are in it."""
    kept = {} if "subscriber" in facts else {**facts["schedule"], **_named(ratings)}
    return f"{facts['action']}?{urlencode({'q': text, **kept}, doseq=True)}"


def _papers(
    context: WebContext, trial: InterestTrial, language: Language, subscriber: Subscriber | None
) -> list[dict[str, Any]]:
    """Return what the page shows of each paper. That papers are the nearest, it says once for all of them."""
    rows = [one.paper.row for one in trial.papers]
    emailed = context.app.store.issues.emailed(subscriber.row, rows) if subscriber else set()
    return [
        {
            "row": one.paper.row,
            "card": cards.card(one.paper, language, context.today, why=[why for why in one.why if why != NEAREST]),
            "rating": one.rating,
            "emailed": one.paper.row in emailed,
            "fits": one.selected,
            "wider": breadth_labels.short_setting(one.wider, language) if one.wider else "",
        }
        for one in trial.papers
    ]


def _with_word(fields: FormFields) -> str:
    """Return the interest as typed, with the word that was clicked added."""
    return clean(f"{fields.get('q')[:MAX_TYPED_LENGTH]} {fields.get('add')[:100]}")


def _named(ratings: Ratings) -> Mapping[str, list[int]]:
    return {
        "more": [row for row, verdict in ratings.items() if verdict > 0],
        "less": [row for row, verdict in ratings.items() if verdict < 0],
    }
