"""What paperround has learned about a subscriber's taste: weighted words and papers, to view, forget, reset or
download.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.latex import readable
from paperround.domain.models import Subscriber
from paperround.subscribers import membership, taste
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import Form, read_number
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.token_links import path, subscriber_of
from paperround.web.urls import page_of

router = APIRouter()


@router.get("/p/{token}/taste")
def learned(request: Request, context: ContextDep, token: str) -> Response:
    """Show the subscriber's taste in words."""
    return _page(request, context, subscriber_of(context, token))


@router.get("/p/{token}/taste.json")
def download(context: ContextDep, token: str) -> Response:
    """Return the subscriber's taste as a JSON file."""
    facts = taste.learned(context.app, subscriber_of(context, token)).as_json()
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="taste.json"'}
    return Response(json.dumps(facts, ensure_ascii=False, indent=1), headers=headers, media_type="application/json")


@router.post("/p/{token}/taste")
def change(request: Request, context: ContextDep, token: str, form: Form) -> Response:
    """Remove the feedback on one paper, or reset the whole taste after a confirmation."""
    subscriber = subscriber_of(context, token)
    if form.get("do") == "reset" and "sure" not in form:
        return _page(request, context, subscriber, asking=True)
    if form.get("do") == "reset":
        taste.reset(context.app, subscriber)
    elif form.get("do") == "forget":
        membership.remove_rating(context.app, subscriber, read_number(form.get("paper")))
    return RedirectResponse(f"{path(context, tokens.PREFERENCES, subscriber)}/taste", 303, headers=PRIVATE)


def _page(request: Request, context: WebContext, subscriber: Subscriber, *, asking: bool = False) -> Response:
    learned = taste.learned(context.app, subscriber)
    language = context.languages.of_subscriber(request, subscriber)
    here = path(context, tokens.PREFERENCES, subscriber)
    return context.pages.private(
        request,
        "taste",
        language=language,
        asking=asking,
        examples=learned.examples,
        percent=round(100 * learned.weight),
        more=[word for word in learned.words if word.weight > 0],
        less=[word for word in learned.words if word.weight < 0],
        papers=[
            {
                "paper": rating.paper,
                "href": page_of(rating.id),
                "title": readable(rating.title),
                "more": rating.verdict > 0,
                "degree": language.signed(degree),
            }
            for rating, degree in learned.papers
        ],
        signed=language.signed,
        heaviest=max((abs(word.weight) for word in learned.words), default=1.0),
        here_again=f"{here}/taste",
        preferences=here,
    )
