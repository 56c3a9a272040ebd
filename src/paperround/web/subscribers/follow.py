"""Follow an author or an organization from the page of a paper.

Opening the preferences sets a cookie in the browser that is sent only to this page. With it, one click follows
immediately; other visitors are led to the subscribe form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError, InvalidValueError, PreferenceError
from paperround.domain.followed import FollowedName, read_followed
from paperround.domain.latex import readable
from paperround.domain.models import Subscriber
from paperround.rendering.language import Language
from paperround.rounds.authors import author_of, people_named
from paperround.subscribers import membership
from paperround.web.browse import cards
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, FormFields
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.token_links import mint, path, subscriber_of

router = APIRouter()
_COOKIE, _DAYS = "paperround_reader", 90
_PAPERS_SHOWN = 5  # papers of each person
_MAX_NAME_LENGTH = 300  # characters of a name


@dataclass(frozen=True, slots=True)
class FollowChoice:
    """A person or organization that can be followed, with papers to recognize them by."""

    entry: str
    papers: tuple[cards.PaperCard, ...]
    followed: bool
    included: bool = False
    """Whether the subscriber follows everybody with the name, so that this person's papers come too."""


@router.get("/follow")
def choose(request: Request, context: ContextDep, author: str = "", org: str = "") -> Response:
    """Show the people of a name, distinguished by their co-authors, or an organization, each with a button."""
    subscriber = reader(request, context)
    return _page(request, context, subscriber, _name(author or org), organization=bool(org and not author))


@router.post("/follow")
def follow(request: Request, context: ContextDep, form: Form) -> Response:
    """Follow or unfollow immediately if the browser identifies a subscriber; otherwise show the page."""
    subscriber = reader(request, context)
    name, organization = _name(form.get("author") or form.get("org")), "org" in form
    if subscriber is None:
        return _page(request, context, None, name, organization=organization)
    try:
        if form.get("do") == "unfollow":
            membership.unfollow(context.app, subscriber, name)
            done = "unfollowed"
        else:
            whom = _followed_name(context, form, name, organization=organization)
            done = "already" if str(whom) in subscriber.preferences.follows else "followed"
            membership.follow(context.app, subscriber, whom)
    except (PreferenceError, InvalidValueError) as error:
        wrong = error.translated(context.languages.of_subscriber(request, subscriber).gettext)
        return _page(request, context, subscriber, name, organization=organization, wrong=wrong, status=422)
    here = path(context, tokens.PREFERENCES, subscriber)
    return RedirectResponse(f"{here}?done={done}#following", 303, headers=PRIVATE)


def _followed_name(context: WebContext, form: FormFields, name: str, *, organization: bool) -> FollowedName:
    if entry := form.get("entry"):
        return read_followed(entry[:_MAX_NAME_LENGTH])
    if organization:
        return FollowedName(name, organization=True)
    paper = context.app.store.papers.by_id(form.get("paper"))
    return author_of(context.app, name, paper.row) if paper else FollowedName(name)


def _name(text: str) -> str:
    name = readable(text[:_MAX_NAME_LENGTH]).replace('"', "").strip()
    try:
        return read_followed(f"author: {name}").name
    except ValueError:
        raise HTTPException(404) from None


def _page(
    request: Request,
    context: WebContext,
    subscriber: Subscriber | None,
    name: str,
    *,
    organization: bool,
    wrong: str = "",
    status: int = 200,
) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    return context.pages.private(
        request,
        "follow",
        status=status,
        language=language,
        name=name,
        organization=organization,
        wrong=wrong,
        choices=choices(context, language, name, organization=organization, subscriber=subscriber),
        subscriber=subscriber,
        subscribe=lambda entry: f"{context.home}/subscribe?{urlencode({'way': 'interest', 'follow': entry})}",
    )


def choices(
    context: WebContext, language: Language, name: str, *, organization: bool, subscriber: Subscriber | None
) -> list[FollowChoice]:
    """Return who can be followed under a name: each person that the stored papers distinguish, and everybody of the
    name.
    """
    follows = subscriber.preferences.follows if subscriber else ()

    def choice(whom: FollowedName, papers: Any = ()) -> FollowChoice:
        shown = tuple(cards.card(paper, language, context.today) for paper in papers[:_PAPERS_SHOWN])
        return FollowChoice(str(whom), shown, str(whom) in follows)

    if organization:
        return [choice(FollowedName(name, organization=True))]
    people = people_named(context.app, name)
    if len(people) == 1:
        return [choice(FollowedName(name), people[0].papers)]
    # With several people, offer everybody of the name first, so that no papers are missed. Whoever wrote their papers
    # alone cannot be told apart, and can be followed only that way.
    each = [(person.followed(unique=False), person.papers) for person in people]
    alone = [paper for whom, papers in each if not whom.coauthors for paper in papers]
    everybody = choice(FollowedName(name), sorted(alone, key=lambda paper: (paper.day, paper.row), reverse=True))
    told_apart = [replace(choice(*one), included=everybody.followed) for one in each if one[0].coauthors]
    return [everybody, *told_apart]


def reader(request: Request, context: WebContext) -> Subscriber | None:
    """Return the subscriber who opened their preferences in this browser; None if nobody did."""
    try:
        return subscriber_of(context, request.cookies.get(_COOKIE, ""))
    except InvalidTokenError:
        return None


def remember(response: Response, context: WebContext, subscriber: Subscriber) -> Response:
    """Set a cookie that lets this browser follow authors for the subscriber with one click. It is sent to `/follow`
    only.
    """
    response.set_cookie(
        _COOKIE,
        mint(context, tokens.PREFERENCES, subscriber),
        max_age=_DAYS * 86_400,
        path=f"{context.home}/follow",
        secure=context.https,
        httponly=True,
        samesite="strict",
    )
    return response
