"""The papers in the API: lists, searches and single papers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request

from paperround.domain.models import Paper
from paperround.matching.search import UNBOUNDED, SearchBounds
from paperround.rounds.search import MAX_LISTED, search_papers
from paperround.rounds.similar import similar_papers
from paperround.web.context import ContextDep, WebContext
from paperround.web.machines.api.models import PaperFacts
from paperround.web.machines.api.parameters import Limit, Offset
from paperround.web.parameters import plain_query
from paperround.web.urls import page_of

router = APIRouter(prefix="/papers", tags=["papers"])
_NO_PAPER: dict[int | str, dict[str, Any]] = {404: {"description": "No paper has this identifier."}}
_TOO_MANY: dict[int | str, dict[str, Any]] = {429: {"description": "Too many searches within a minute."}}
_QUERY = f"A query or keywords. Up to {MAX_LISTED} results are listed, sorted by relevance."


@router.get("", responses=_TOO_MANY)
def papers(
    request: Request,
    context: ContextDep,
    q: Annotated[str, Query(max_length=1_000, description=_QUERY)] = "",
    day: Annotated[date | None, Query(description="Only papers announced on this day, most upvoted first.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> list[PaperFacts]:
    """List papers: the newest, those of a day, or the results of a search."""
    browsing = context.app.store.browsing
    if q.strip():
        context.count_search(request)
        return _search(context, q, SearchBounds(day, day) if day else UNBOUNDED, limit, offset)
    if day is not None:
        return [paper_facts(context, paper) for paper in browsing.on_days(day, day, limit, offset)]
    return [paper_facts(context, paper) for paper in browsing.newest(context.today, limit, offset)]


@router.get("/{paper_id:path}/similar", responses=_NO_PAPER)
def similar(context: ContextDep, paper_id: str, limit: Limit = 10) -> list[PaperFacts]:
    """List the papers most similar to a paper, by meaning if a model is available, otherwise by words."""
    return [paper_facts(context, paper) for paper in similar_papers(context.app, _require(context, paper_id), limit)]


@router.get("/{paper_id:path}", responses=_NO_PAPER)
def paper(context: ContextDep, paper_id: str) -> PaperFacts:
    """Get a paper by its identifier on this site, its arXiv identifier or its DOI."""
    return paper_facts(context, _require(context, paper_id))


def _search(context: WebContext, q: str, bounds: SearchBounds, limit: int, offset: int) -> list[PaperFacts]:
    if offset + limit > MAX_LISTED:
        advice = "narrow it down, for example with `day`"
        raise HTTPException(422, f"a search lists {MAX_LISTED} papers at most; {advice}")
    results = search_papers(context.app, plain_query(q), limit, offset, bounds=bounds).found
    return [paper_facts(context, result.paper, result.why) for result in results]


def _require(context: WebContext, paper_id: str) -> Paper:
    """Return the paper with an identifier. Raises HTTPException 404 if there is none."""
    paper = context.app.store.papers.by_id(paper_id)
    if paper is None:
        raise HTTPException(404, f"there is no paper {paper_id[:80]!r}")
    return paper


def paper_facts(context: WebContext, paper: Paper, why: Sequence[str] = ()) -> PaperFacts:
    """Return a paper as the API shows it; `why` are the reasons why a search found it."""
    facts = {name: getattr(paper, name) for name in PaperFacts.model_fields if name not in {"page", "why"}}
    lists = {name: list(facts[name]) for name in ("authors", "categories", "keywords", "sources")}
    return PaperFacts(**{**facts, **lists}, page=context.site.base_url + page_of(paper.id), why=list(why))
