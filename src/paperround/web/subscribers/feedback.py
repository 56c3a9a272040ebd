"""More like this, less like this: what the links beside the papers of a letter lead to.

Programs follow them too, so the link only shows what would be said; a button says it. Like the page of the digest
this one is passed on with the letter, and has no link to the subscriber's own pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from fastapi import APIRouter, Request, Response

from paperround.domain import tokens
from paperround.domain.models import Digest, Paper, Subscriber
from paperround.subscribers import membership
from paperround.web.browse import cards
from paperround.web.context import ContextDep, RequestContext
from paperround.web.forms import AnyForm, read_number
from paperround.web.subscribers.token_links import digest_owner

router = APIRouter()
get = partial(router.get, response_model=None)
post = partial(router.post, response_model=None)
_FORGET = "forget"
_VERDICTS = {"more": 1, "less": -1, _FORGET: 0}
_SHOWN = 500  # papers


@get("/f/{token}")
def ask(request: Request, context: ContextDep, token: str) -> Response:
    """A button for what was clicked and one for the opposite; for no paper in particular the digest's papers."""
    digest, subscriber = digest_owner(context, tokens.FEEDBACK, token)
    asked = _asked(request.query_params)
    if asked is None:
        return _page(request, context, token, digest, subscriber, (*digest.papers, *digest.more)[:_SHOWN])
    what, number = asked
    return _page(request, context, token, digest, subscriber, [number], what=what)


@post("/f/{token}")
def say(request: Request, context: ContextDep, token: str, form: AnyForm) -> Response:
    """Keep the word, or take it back, as often as it comes; the form or else the address says which."""
    digest, subscriber = digest_owner(context, tokens.FEEDBACK, token)
    what, number = _asked(form.known(_VERDICTS)) or _asked(request.query_params) or ("", 0)
    if not _inside(digest, number):
        return _unknown(request, context, subscriber)
    if what == _FORGET:
        membership.take_back(context.app, subscriber, number)
    elif not membership.say(context.app, subscriber, number, _VERDICTS[what]):
        return _unknown(request, context, subscriber)
    return _page(request, context, token, digest, subscriber, [number], what=what, said=True)


def _asked(fields: Mapping[str, str]) -> tuple[str, int] | None:
    """What is said and of which paper, 0 for no number; None where nothing is."""
    for what in _VERDICTS:
        if what in fields:
            return what, read_number(fields[what])
    return None


def _inside(digest: Digest, number: int) -> bool:
    return number in digest.papers or number in digest.more


def _page(
    request: Request,
    context: RequestContext,
    token: str,
    digest: Digest,
    subscriber: Subscriber,
    numbers: Sequence[int],
    *,
    what: str = "",
    said: bool = False,
) -> Response:
    """The papers of these numbers in the digest; with `what` it is one, of which that is to be said or was `said`."""
    language = context.language(subscriber.language)
    papers = _papers(context, [number for number in numbers if _inside(digest, number)])
    if what and not papers:
        return _unknown(request, context, subscriber)
    verdicts = context.app.store.feedback.verdicts(subscriber.row)
    return context.private_page(
        request,
        "feedback",
        language=language,
        token=token,
        what=what,
        said=said,
        papers=[
            (number, cards.card(paper, language, context.today), verdicts.get(paper.row, 0))
            for number, paper in papers.items()
        ],
        day=language.date(digest.day),
    )


def _papers(context: RequestContext, numbers: Sequence[int]) -> dict[int, Paper]:
    """The papers by their numbers in the digest, as they are now; each once, also where two have become one."""
    now = context.app.store.feedback.now(numbers)
    known = context.app.store.papers.by_rows(now.values())
    first = {row: number for number, row in reversed(now.items())}
    return {number: known[row] for number, row in now.items() if row in known and first[row] == number}


def _unknown(request: Request, context: RequestContext, subscriber: Subscriber) -> Response:
    language = context.language(subscriber.language)
    _ = language.gettext
    lines = [_("This link names no paper of this letter. Follow the links in the letter as they are.")]
    return context.message(request, _("Which paper?"), lines, status=404, language=language)
