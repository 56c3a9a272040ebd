"""The page of a paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fastapi import APIRouter, HTTPException, Request, Response
from markupsafe import Markup

from paperround.domain.latex import readable, readable_html
from paperround.domain.models import Listing, Paper
from paperround.operator.seeds import is_example
from paperround.rendering import reasons
from paperround.rendering.contribution import shorten_abstract
from paperround.rendering.excerpt import excerpt
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Link
from paperround.rendering.source_names import source_name
from paperround.rendering.web_addresses import link_addresses
from paperround.rounds.similar import similar_papers
from paperround.web.browse import cards
from paperround.web.browse.papers import MAX_DESCRIPTION
from paperround.web.context import ContextDep, WebContext
from paperround.web.wording import translated_topic

router = APIRouter()
_DAYS_OF_VOTES = 7


@router.get("/papers/{paper_id:path}")
def paper(request: Request, context: ContextDep, paper_id: str) -> Response:
    """Show one paper."""
    stored = context.app.store.papers.by_id(paper_id)
    if stored is None:
        raise HTTPException(404)
    language = context.languages.of_visitor(request)
    generated = stored.generated_summary(language.code)
    abstract, summary = readable(stored.abstract, stored.title), readable(generated)
    return context.pages.public(
        request,
        "paper",
        language=language,
        paper=stored,
        card=cards.card(stored, language, context.today),
        abstract=Markup(link_addresses(readable_html(stored.abstract, stored.title))),  # noqa: S704 - readable_html escapes
        summary=Markup(readable_html(generated)),  # noqa: S704 - readable_html escapes
        authors=[readable(name) for name in stored.authors],
        published=stored.published or stored.day,
        description=excerpt(summary, MAX_DESCRIPTION)
        or shorten_abstract(abstract, readable(stored.title), MAX_DESCRIPTION),
        topics=[
            (translated_topic(followed_topic, language), reasons.as_sentences(match.why, language))
            for followed_topic, match in context.app.store.topics.of_paper(stored.row)
            if not followed_topic.private
        ],
        growth=_growth(context, stored, language),
        example=is_example(stored),
        seen=_sources_by_day(context.app.store.papers.listings_of(stored.row)),
        versions=_versions(stored, language),
        similar=[cards.card(other, language, context.today) for other in similar_papers(context.app, stored)],
    )


def _sources_by_day(listings: Sequence[Listing]) -> list[tuple[date, list[str]]]:
    """Return the days on which sources announced the paper, latest first, with the sources of each day."""
    names_by_day: dict[date, list[str]] = {}
    for listing in sorted(listings, key=lambda listed: (-listed.day.toordinal(), listed.source)):
        names = names_by_day.setdefault(listing.day, [])
        if (name := source_name(listing.source)) not in names:
            names.append(name)
    return list(names_by_day.items())


def _growth(context: WebContext, paper: Paper, language: Language) -> list[tuple[str, int]]:
    """Return the votes by the end of each of the last days on which they grew; empty if there are fewer than two
    such days.
    """
    counts = context.app.store.papers.daily_counts_of([paper.row]).get(paper.row, [])
    voted = [count for count in counts if count.upvotes][-_DAYS_OF_VOTES:]
    votes = [(language.short_date(count.day, context.today), count.upvotes) for count in voted]
    return votes if len(votes) > 1 else []


def _versions(paper: Paper, language: Language) -> list[Link]:
    """Return links to all versions on arXiv, latest first; empty if there is only one."""
    if not (paper.arxiv_id and paper.version and paper.version > 1):
        return []
    return [
        Link(
            language.gettext("Version %(number)s") % {"number": number},
            f"https://arxiv.org/abs/{paper.arxiv_id}v{number}",
        )
        for number in range(paper.version, 0, -1)
    ]
