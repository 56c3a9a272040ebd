"""A digest in the browser, with the papers for which the letter had no room.

People pass its address on, so it carries no link to the subscriber's own pages.
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
from paperround.web.context import Desk, Here
from paperround.web.subscribers.token_links import digest_owner

router = APIRouter()
get = partial(router.get, response_model=None)
_MORE_SHOWN = 500  # papers
_WHOLE = 5_000  # characters: here an abstract has room


@get("/i/{token}")
def digest_online(request: Request, desk: Here, token: str) -> Response:
    """A digest with all its papers, also those for which the letter had no room."""
    digest, subscriber = digest_owner(desk, tokens.DIGEST, token)
    language = desk.language(subscriber.language)
    printed = desk.app.store.issues.printed(digest, digest.papers)
    more = desk.app.store.browsing.in_order(digest.more[:_MORE_SHOWN])
    return desk.private_page(
        request,
        "digest",
        language=language,
        heading=view.dated(digest.cadence, digest.day, language),
        chart=_chart(desk, digest, language),
        sections=_sections(digest, printed, language, desk.today),
        more=[cards.card(paper, language, desk.today) for paper in more],
    )


def _chart(desk: Desk, digest: Digest, language: Language) -> Chart | None:
    """The chart of a weekly or monthly issue, as in the letter."""
    found = chart(digest, desk.app.shared(LetterBuilder).counts(digest), language, desk.site.base_url)
    return replace(found, url=desk.home + found.url.removeprefix(desk.site.base_url)) if found else None


def _sections(
    digest: Digest, printed: dict[int, Paper], language: Language, today: date
) -> list[tuple[str, list[cards.Card]]]:
    def laid_out(section: Section) -> list[cards.Card]:
        picks = [pick for pick in section.picks if pick.paper in printed]
        return [cards.card(printed[pick.paper], language, today, why=pick.why, budget=_WHOLE) for pick in picks]

    return [(view.section_name(part, digest.cadence, language), laid_out(part)) for part in digest.sections]
