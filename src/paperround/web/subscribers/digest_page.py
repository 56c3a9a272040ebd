"""A digest in the browser, including the papers that did not fit into the email.

People share this address, so the page contains no links to the subscriber's personal pages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

from fastapi import APIRouter, Request, Response

from paperround.domain import tokens
from paperround.domain.models import Digest, Paper, Section
from paperround.rendering import view
from paperround.rendering.chart import Chart, chart
from paperround.rendering.language import Language
from paperround.rounds.letters import LetterBuilder
from paperround.web.browse import cards
from paperround.web.context import ContextDep, RequestContext
from paperround.web.subscribers.token_links import digest_owner

router = APIRouter()
get = partial(router.get, response_model=None)
_MORE_SHOWN = 500  # papers
_WHOLE = 5_000  # characters of an abstract


@get("/i/{token}")
def digest_online(request: Request, context: ContextDep, token: str) -> Response:
    """Show a digest with all its papers."""
    digest, subscriber = digest_owner(context, tokens.DIGEST, token)
    language = context.language_for(request, subscriber)
    printed = context.app.store.issues.printed(digest, digest.papers)
    more = context.app.store.browsing.in_order(digest.more[:_MORE_SHOWN])
    return context.private_page(
        request,
        "digest",
        language=language,
        address=f"{context.home}/i/{token}",
        heading=view.dated(digest.cadence, digest.day, language),
        chart=_chart(context, digest, language),
        sections=_sections(digest, printed, language, context.today),
        left_out=view.told_left_out(digest.left_out, language),
        more=[cards.card(paper, language, context.today) for paper in more],
    )


def _chart(context: RequestContext, digest: Digest, language: Language) -> Chart | None:
    """Return the chart of a weekly or monthly issue, as in the email; None if the email has none."""
    found = chart(digest, context.app.shared(LetterBuilder).counts(digest), language, context.site.base_url)
    return replace(found, url=context.home + found.url.removeprefix(context.site.base_url)) if found else None


def _sections(
    digest: Digest, printed: dict[int, Paper], language: Language, today: date
) -> list[tuple[str, list[cards.PaperCard]]]:
    def laid_out(section: Section) -> list[cards.PaperCard]:
        picks = [pick for pick in section.picks if pick.paper in printed]
        return [cards.card(printed[pick.paper], language, today, why=pick.why, budget=_WHOLE) for pick in picks]

    return [(view.section_name(part, digest.cadence, language), laid_out(part)) for part in digest.sections]
