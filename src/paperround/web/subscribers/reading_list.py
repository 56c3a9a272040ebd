"""A subscriber's reading list: saved papers, which can be removed or exported to a reference manager."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.subscribers import membership
from paperround.web.browse import cards
from paperround.web.browse.citations import citation_file
from paperround.web.context import ContextDep
from paperround.web.forms import AnyForm, read_number
from paperround.web.subscribers.token_links import digest_owner, path, subscriber_of

router = APIRouter()


@router.get("/p/{token}/saved")
def reading_list(request: Request, context: ContextDep, token: str) -> Response:
    """Show the list, most recently saved first."""
    subscriber = subscriber_of(context, token)
    language = context.languages.of_subscriber(request, subscriber)
    papers = context.app.store.reading_lists.papers(subscriber.row)
    return context.pages.private(
        request,
        "reading_list",
        language=language,
        papers=[(paper.row, cards.card(paper, language, context.today)) for paper in papers],
        address=f"{path(context, tokens.PREFERENCES, subscriber)}/saved",
        preferences=path(context, tokens.PREFERENCES, subscriber),
    )


@router.post("/p/{token}/saved")
def remove(context: ContextDep, token: str, form: AnyForm) -> Response:
    """Remove the paper whose number is in `remove` from the list. Repeated requests have no effect."""
    subscriber = subscriber_of(context, token)
    membership.remove_saved(context.app, subscriber, read_number(form.present(("remove",)).get("remove", "")))
    return RedirectResponse(f"{path(context, tokens.PREFERENCES, subscriber)}/saved", status_code=303)


@router.get("/p/{token}/saved.{ending}")
def export(context: ContextDep, token: str, ending: str) -> Response:
    """Return the list as BibTeX (`bib`) or RIS (`ris`)."""
    subscriber = subscriber_of(context, token)
    return citation_file(context.app.store.reading_lists.papers(subscriber.row), ending, "reading-list")


@router.get("/i/{token}/cite.{ending}")
def cite_issue(context: ContextDep, token: str, ending: str) -> Response:
    """Return the papers of an email, with those that came close to an interest, as BibTeX (`bib`) or RIS (`ris`)."""
    digest, _ = digest_owner(context, tokens.DIGEST, token)
    rows = (*digest.papers, *digest.close)
    printed = context.app.store.issues.printed(digest, rows)
    papers = [printed[row] for row in rows if row in printed]
    return citation_file(papers, ending, digest.issue.slug)
