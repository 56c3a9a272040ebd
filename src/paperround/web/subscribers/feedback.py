"""Feedback on papers: the pages behind "More like this", "Less like this" and "Save" in emails.

Scanners follow links, so a link only shows a form; its button records the feedback. People may forward the email, so
the page contains no links to the subscriber's personal pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import PreferenceError
from paperround.domain.followed import FollowedName, read_followed
from paperround.domain.latex import readable
from paperround.domain.models import Digest, Paper, Subscriber, SubscriberState
from paperround.rounds.authors import author_of
from paperround.subscribers import membership
from paperround.web.browse import cards
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import AnyForm, FormFields, read_number
from paperround.web.responses import PRIVATE
from paperround.web.subscribers import feedback_sentences
from paperround.web.subscribers.token_links import digest_owner, path, reloaded

router = APIRouter()
_FORGET, _SAVE, _REMOVE = "forget", "save", "remove"
_VERDICTS = {"more": 1, "less": -1, _FORGET: 0, _SAVE: 0, _REMOVE: 0}
_FOLLOW = "follow"
_PAPERS_SHOWN = 500  # papers


@router.get("/f/{token}")
def ask(request: Request, context: ContextDep, token: str) -> Response:
    """Show buttons for the paper that was clicked, or for all papers of the digest if the address names none."""
    digest, subscriber = digest_owner(context, tokens.FEEDBACK, token)
    named = _named_paper(request.query_params)
    if named is None:
        return _page(request, context, token, digest, subscriber, (*digest.papers, *digest.more)[:_PAPERS_SHOWN])
    kind, number = named
    return _page(request, context, token, digest, subscriber, [number], kind=kind)


@router.post("/f/{token}")
def submit_feedback(request: Request, context: ContextDep, token: str, form: AnyForm) -> Response:
    """Record or remove feedback on the paper that the form or the address names, or save or remove the paper.

    Repeating it has no effect. A form with the field `back` returns to the page of the digest.
    """
    digest, subscriber = digest_owner(context, tokens.FEEDBACK, token)
    if "name" in form:
        return _follow(request, context, token, digest, subscriber, form)
    kind, number = _named_paper(form.present(_VERDICTS)) or _named_paper(request.query_params) or ("", 0)
    if not _inside(digest, number) or kind not in _VERDICTS:
        return _unknown(request, context, subscriber)
    current = context.app.store.feedback.current_numbers([number])[number]  # the paper may have been merged
    if kind == _SAVE:
        if not membership.save_paper(context.app, subscriber, current):
            return _unknown(request, context, subscriber)
    elif kind == _REMOVE:
        membership.remove_saved(context.app, subscriber, current)
    elif kind == _FORGET:
        membership.remove_rating(context.app, subscriber, number)
    elif not membership.rate_paper(context.app, subscriber, number, _VERDICTS[kind]):
        return _unknown(request, context, subscriber)
    if "back" in form:
        name = context.app.store.papers.ids([current]).get(current, "")
        online = path(context, tokens.DIGEST, subscriber, digest)
        return RedirectResponse(f"{online}#paper-{quote(name)}", 303, headers=PRIVATE)
    return _page(request, context, token, digest, subscriber, [number], kind=kind, recorded=True)


def _follow(
    request: Request, context: WebContext, token: str, digest: Digest, subscriber: Subscriber, form: FormFields
) -> Response:
    """Follow or unfollow an author or the organization of a paper in this digest."""
    number, name = read_number(form.get(_FOLLOW)), form.get("name")
    paper = next(iter(_papers(context, [number] if _inside(digest, number) else []).values()), None)
    if paper is None or name not in _followable(paper):
        return _unknown(request, context, subscriber)
    try:
        if form.get("do") == "unfollow":
            membership.unfollow(context.app, subscriber, readable(name))
        else:
            plain = readable(name)
            organization = name not in paper.authors
            whom = (
                FollowedName(plain, organization=True) if organization else author_of(context.app, plain, paper.row)
            )
            membership.follow(context.app, subscriber, whom)
    except PreferenceError as error:
        language = context.languages.of_subscriber(request, subscriber)
        wrong = error.translated(language.gettext)
        return context.pages.message(request, language.gettext("Not saved"), [wrong], status=422, language=language)
    return _page(request, context, token, digest, reloaded(context, subscriber), [number], kind=_FOLLOW)


def _followable(paper: Paper) -> tuple[str, ...]:
    """Return the organization and the authors of a paper."""
    return (*([paper.organization] if paper.organization else []), *paper.authors)


def _named_paper(fields: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the kind of feedback and the number of the paper (0 for an invalid number); None if neither is given."""
    for kind in (*_VERDICTS, _FOLLOW):
        if kind in fields:
            return kind, read_number(fields[kind])
    return None


def _inside(digest: Digest, number: int) -> bool:
    return number in digest.named or number in digest.more


def _page(
    request: Request,
    context: WebContext,
    token: str,
    digest: Digest,
    subscriber: Subscriber,
    numbers: Sequence[int],
    *,
    kind: str = "",
    recorded: bool = False,
) -> Response:
    """Show the page for these papers. `kind` means that a single paper was chosen; `recorded`, that feedback was
    recorded.
    """
    language = context.languages.of_subscriber(request, subscriber)
    papers = _papers(context, [number for number in numbers if _inside(digest, number)])
    if kind and not papers:
        return _unknown(request, context, subscriber)
    verdicts = context.app.store.feedback.verdicts(subscriber.row)
    on_list = context.app.store.reading_lists.rows(subscriber.row)
    return context.pages.private(
        request,
        "feedback",
        language=language,
        token=token,
        kind=kind,
        recorded=recorded,
        heading=feedback_sentences.heading(kind, language, recorded=recorded),
        message=feedback_sentences.message(
            kind, language, recorded=recorded, is_subscribed=subscriber.state.is_subscribed
        ),
        has_left=subscriber.state is SubscriberState.UNSUBSCRIBED,
        papers=[
            (number, cards.card(paper, language, context.today), verdicts.get(paper.row, 0), paper.row in on_list)
            for number, paper in papers.items()
        ],
        day=language.date(digest.day),
        people=_people(subscriber, papers) if kind else [],
    )


def _people(subscriber: Subscriber, papers: Mapping[int, Paper]) -> list[tuple[int, str, bool]]:
    """Return whom the page offers to follow: the paper's number, the name, and whether it is followed already."""
    followed = {read_followed(entry).name for entry in subscriber.preferences.follows}
    return [
        (number, name, readable(name) in followed) for number, paper in papers.items() for name in _followable(paper)
    ]


def _papers(context: WebContext, numbers: Sequence[int]) -> dict[int, Paper]:
    """Return the papers by their numbers in the digest, with current data. Papers that were merged appear once."""
    now = context.app.store.feedback.current_numbers(numbers)
    by_row = context.app.store.papers.by_rows(now.values())
    first = {row: number for number, row in reversed(now.items())}
    return {number: by_row[row] for number, row in now.items() if row in by_row and first[row] == number}


def _unknown(request: Request, context: WebContext, subscriber: Subscriber) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    _ = language.gettext
    lines = [
        _("This link does not refer to a paper in this email. Use the links exactly as they appear in the email.")
    ]
    return context.pages.message(request, _("Paper not found"), lines, status=404, language=language)
