"""A digest in the browser, including the papers that did not fit into the email.

People share this address, so the page contains no links to the subscriber's personal pages. The link in the email
also has the token with which the subscriber rates these papers. It moves to a cookie for this page, so that it is not
in the address that people copy; with the cookie, each paper has the buttons of the email.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import InvalidTokenError
from paperround.domain.models import DISCUSSED, Digest, Paper, Subscriber
from paperround.rendering.chart import Chart, chart
from paperround.rendering.counts import describe_left_out, describe_no_papers
from paperround.rendering.language import Language
from paperround.rendering.letter_facts import in_order
from paperround.rendering.schedule_sentences import covered_span, format_issue_date
from paperround.rendering.topic_names import section_heading, topic_of_pick
from paperround.rounds.letters import LetterBuilder
from paperround.web.browse import cards
from paperround.web.context import ContextDep, WebContext
from paperround.web.parameters import checked_page
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.token_links import digest_owner

router = APIRouter()
_MORE_SHOWN = 500  # papers on a page
_WHOLE = 5_000  # characters of an abstract
_COOKIE, _COOKIE_SECONDS = "paperround_mine", 90 * 86_400


class Rating(NamedTuple):
    """What the subscriber has said of a paper of the digest."""

    number: int
    """The number of the paper in the digest."""
    verdict: int
    saved: bool


class NumberedPaper(NamedTuple):
    """A paper of the digest's email."""

    number: int
    """Its number in the email."""
    card: cards.PaperCard
    topic: str
    """The name of the topic that it fits best."""


@router.get("/i/{token}")
def digest_online(request: Request, context: ContextDep, token: str, page: int = 1, f: str = "") -> Response:
    """Show a digest with all its papers; those that the email only counts are divided into pages if they are many.

    `f` is the token of the email for feedback. It is kept in a cookie, and the response redirects to the plain
    address.
    """
    digest, subscriber = digest_owner(context, tokens.DIGEST, token)
    if f:
        return _remember(context, digest, token, f)
    mine = request.cookies.get(_COOKIE, "")
    mine = mine if _is_for(context, digest, mine) else ""
    language = context.languages.of_subscriber(request, subscriber)
    numbers = context.app.store.feedback.current_numbers([*digest.papers, *digest.more, *digest.close])
    counted = _counted(digest, numbers)
    printed = context.app.store.issues.printed(digest, [*digest.papers, *digest.close])
    pages = max(1, -(-len(counted) // _MORE_SHOWN))
    page = checked_page(page, pages)
    more = context.app.store.browsing.in_order(counted[_MORE_SHOWN * (page - 1) : _MORE_SHOWN * page])
    address = f"{context.home}/i/{token}"
    return context.pages.private(
        request,
        "digest",
        language=language,
        address=address,
        mine=mine,
        ratings=_ratings(context, subscriber, numbers) if mine else {},
        heading=format_issue_date(digest.day, _span(digest, printed), language),
        **(_of_email(context, digest, printed, language, counted) if page == 1 else _NOTHING_OF_EMAIL),
        counted=len(counted),
        more=[cards.card(paper, language, context.today) for paper in more],
        back="" if page == 1 else address if page == 2 else f"{address}?page={page - 1}",
        further=f"{address}?page={page + 1}" if page < pages else "",
    )


def _span(digest: Digest, printed: Mapping[int, Paper]) -> tuple[date, date] | None:
    """Return the days that the digest's email names at its head."""
    return covered_span(digest, [printed[row] for row in digest.papers if row in printed])


def _of_email(
    context: WebContext, digest: Digest, printed: dict[int, Paper], language: Language, counted: Sequence[int]
) -> dict[str, Any]:
    """Return what the email contains, which is on the first page. `counted` are the papers that it only counts."""
    citable = any(row in printed for row in (*digest.papers, *digest.close))
    no_papers = describe_no_papers(0, 0, digest.left_out, language, digest.facts)
    return {
        "chart": _chart(context, digest, language),
        "sections": _sections(digest, printed, language, context.today),
        "names_topics": len({section.topic for section in digest.sections} - {DISCUSSED}) > 1,
        "close": [
            cards.card(printed[row], language, context.today, budget=_WHOLE, links=True)
            for row in digest.close
            if row in printed
        ],
        "citable": citable,
        "nothing": "" if citable or counted else f"{no_papers}.",
        "left_out": describe_left_out(digest.left_out, language),
    }


_NOTHING_OF_EMAIL: Mapping[str, Any] = {
    "chart": None, "sections": [], "names_topics": False, "close": [], "citable": False, "nothing": "",
    "left_out": "",
}  # fmt: skip


def _remember(context: WebContext, digest: Digest, token: str, feedback: str) -> Response:
    """Redirect to the plain address, and keep the token in a cookie for this page if it is the digest's."""
    address = f"{context.home}/i/{token}"
    response = RedirectResponse(address, 303, headers=PRIVATE)
    if _is_for(context, digest, feedback):
        response.set_cookie(
            _COOKIE, feedback, _COOKIE_SECONDS, path=address, httponly=True, samesite="lax", secure=context.https
        )
    return response


def _is_for(context: WebContext, digest: Digest, feedback: str) -> bool:
    """Return whether a token is the one for feedback on this digest."""
    try:
        return bool(feedback) and digest_owner(context, tokens.FEEDBACK, feedback)[0].row == digest.row
    except InvalidTokenError:
        return False


def _ratings(context: WebContext, subscriber: Subscriber, numbers: dict[int, int]) -> dict[str, Rating]:
    """Return what the subscriber has said of each paper of a digest, by the identifiers of the papers.

    `numbers` are the present numbers of the papers, by those in the digest.
    """
    number_of = {row: number for number, row in reversed(numbers.items())}
    verdicts = context.app.store.feedback.verdicts(subscriber.row)
    saved = context.app.store.reading_lists.rows(subscriber.row)
    names = context.app.store.papers.ids(number_of)
    return {
        names[row]: Rating(number, verdicts.get(row, 0), row in saved)
        for row, number in number_of.items()
        if row in names
    }


def _counted(digest: Digest, numbers: Mapping[int, int]) -> list[int]:
    """Return the papers that the email only counts, by their present numbers.

    A paper that was merged into another one since is found there, and not repeated if the email includes that one.
    """
    included = {numbers[paper] for paper in digest.papers}
    return [paper for paper in dict.fromkeys(numbers[paper] for paper in digest.more) if paper not in included]


def _chart(context: WebContext, digest: Digest, language: Language) -> Chart | None:
    """Return the chart of a weekly or monthly issue, as in the email; None if the email has none."""
    drawn = chart(digest, context.app.shared(LetterBuilder).counts(digest), language, context.site.base_url)
    return replace(drawn, url=context.home + drawn.url.removeprefix(context.site.base_url)) if drawn else None


def _sections(
    digest: Digest, printed: dict[int, Paper], language: Language, today: date
) -> list[tuple[str, list[NumberedPaper]]]:
    """Return the papers of the email with its numbers, in its order: the most discussed ones, then the others.

    Each part has a heading if there are both.
    """
    picks = [(section, pick) for section, pick in in_order(digest) if pick.paper in printed]
    numbered = [
        (
            section.topic == DISCUSSED,
            NumberedPaper(
                number,
                cards.card(printed[pick.paper], language, today, why=pick.why, budget=_WHOLE, links=True),
                topic_of_pick(section, pick, language),
            ),
        )
        for number, (section, pick) in enumerate(picks, 1)
    ]
    discussed = [paper for first, paper in numbered if first]
    others = [paper for first, paper in numbered if not first]
    if not discussed:
        return [("", others)] if others else []
    heading = section_heading(digest.sections[0], digest.cadence, language)
    return [(heading, discussed), *([(language.gettext("More for you"), others)] if others else [])]
