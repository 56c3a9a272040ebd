"""A digest in the browser, including the papers that did not fit into the email.

People share this address, so the page contains no links to the subscriber's personal pages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

from fastapi import APIRouter, HTTPException, Request, Response

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
_MORE_SHOWN = 500  # papers on a page
_WHOLE = 5_000  # characters of an abstract


@get("/i/{token}")
def digest_online(request: Request, context: ContextDep, token: str, page: int = 1) -> Response:
    """Show a digest with all its papers; those that the email only counts are divided into pages if they are many."""
    digest, subscriber = digest_owner(context, tokens.DIGEST, token)
    language = context.language_for(request, subscriber)
    counted = _counted(context, digest)
    pages = max(1, -(-len(counted) // _MORE_SHOWN))
    if not 1 <= page <= pages:
        raise HTTPException(404)
    address, first = f"{context.home}/i/{token}", page == 1
    printed = context.app.store.issues.printed(digest, digest.papers) if first else {}
    more = context.app.store.browsing.in_order(counted[_MORE_SHOWN * (page - 1) : _MORE_SHOWN * page])
    return context.private_page(
        request,
        "digest",
        language=language,
        address=address,
        heading=view.dated(digest.cadence, digest.day, language),
        chart=_chart(context, digest, language) if first else None,
        sections=_sections(digest, printed, language, context.today) if first else [],
        left_out=view.told_left_out(digest.left_out, language) if first else "",
        counted=len(counted),
        more=[cards.card(paper, language, context.today) for paper in more],
        back="" if first else address if page == 2 else f"{address}?page={page - 1}",
        further=f"{address}?page={page + 1}" if page < pages else "",
    )


def _counted(context: RequestContext, digest: Digest) -> list[int]:
    """Return the papers that the email only counts, by their present numbers.

    A paper that was merged into another one since is found there, and not repeated if the email includes that one.
    """
    now = context.app.store.feedback.current_numbers([*digest.papers, *digest.more])
    included = {now[paper] for paper in digest.papers}
    return [paper for paper in dict.fromkeys(now[paper] for paper in digest.more) if paper not in included]


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
