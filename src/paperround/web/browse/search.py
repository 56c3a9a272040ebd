"""The search page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from urllib.parse import unquote, urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import identifiers
from paperround.domain.errors import QueryError, UsageError
from paperround.domain.models import Paper
from paperround.matching.search import SearchBounds
from paperround.matching.words import operators_in
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name
from paperround.rendering.trial_sentences import describe_operators
from paperround.rounds.search import MAX_COUNTED, MAX_LISTED, Search, SearchOrder, search_papers
from paperround.web.browse import cards
from paperround.web.browse.papers import PAGE
from paperround.web.browse.periods import read_day
from paperround.web.context import ContextDep, WebContext
from paperround.web.parameters import MAX_SEARCH_LENGTH, checked_page, plain_query
from paperround.web.urls import page_of

router = APIRouter()
_MAX_PAGES = MAX_LISTED // PAGE


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The submitted search form. Dates are strings, as browsers send them."""

    q: str = ""
    sort: str = ""
    since: str = ""
    until: str = ""
    source: str = ""

    @property
    def filters(self) -> bool:
        """Whether the results are filtered by date or source."""
        return bool(self.since or self.until or self.source)

    @property
    def order(self) -> SearchOrder:
        """The sort order of the results. Raises UsageError for an unknown order."""
        try:
            return SearchOrder(self.sort or SearchOrder.RELEVANCE)
        except ValueError:
            raise UsageError(f"unknown order {self.sort[:40]!r}; use one of: {', '.join(SearchOrder)}") from None

    @property
    def bounds(self) -> SearchBounds:
        """The filters as search bounds. Raises UsageError for an invalid date."""
        first = read_day(self.since) if self.since else date.min
        last = read_day(self.until) if self.until else date.max
        return SearchBounds(first, last, self.source)

    def address(self, page: int = 1, **changed: str) -> str:
        """Return the query string for a page of results, with some fields changed."""
        fields = {name: value for name, value in {**asdict(self), **changed}.items() if value}
        return urlencode({**fields, **({"page": str(page)} if page > 1 else {})})


@router.get("/search")
def search(
    request: Request,
    context: ContextDep,
    q: str = "",
    sort: str = "",
    since: str = "",
    until: str = "",
    source: str = "",
    page: int = 1,
) -> Response:
    """Show the results for a query or keywords, each with the reasons why it matches.

    An arXiv identifier, a DOI or an address of a known paper redirects to its page.
    """
    page = checked_page(page, _MAX_PAGES)
    if paper := named_paper(context, q):
        return RedirectResponse(f"{context.home}{page_of(paper.id)}", 302)
    form = SearchForm(q, sort, since, until, source)
    order, bounds = form.order, form.bounds
    language = context.languages.of_visitor(request)
    wrong, result = "", Search()
    try:
        if q:
            context.count_search(request)
            text = plain_query(q)[:MAX_SEARCH_LENGTH]
            result = search_papers(context.app, text, PAGE + 1, PAGE * (page - 1), bounds=bounds, order=order)
    except QueryError as error:
        wrong = error.translated(language.gettext)
    if page > 1 and not result.found:
        raise HTTPException(404)
    here = f"{context.home}/search?"
    operators = () if result.total or result.mistake else operators_in(plain_query(q))
    return context.pages.public(
        request,
        "search",
        status=400 if wrong else 200,
        language=language,
        here="/search",
        form=form,
        q=q,
        wrong=wrong,
        mistake=result.mistake.translated(language.gettext) if result.mistake else "",
        operators=describe_operators(operators, language),
        elsewhere=identifiers.page_address(result.identifier) if result.identifier else "",
        result=result,
        count=_describe_total(result, language),
        papers=[cards.card(hit.paper, language, context.today, why=hit.why) for hit in result.found[:PAGE]],
        orders=_orders(language),
        sources=_sources(context),
        unfiltered=f"{here}{form.address(since='', until='', source='')}",
        feed_query=f"?{urlencode({'q': q})}",
        back=f"{here}{form.address(page - 1)}" if page > 1 else "",
        more=f"{here}{form.address(page + 1)}" if len(result.found) > PAGE and page < _MAX_PAGES else "",
        examples=_examples(language),
    )


def _describe_total(result: Search, language: Language) -> str:
    """Return the number of results as a sentence, and whether others follow them."""
    if not result.total:
        return language.gettext("No paper matches. The nearest in meaning:")
    if result.total >= MAX_COUNTED:
        return language.gettext("More than %(number)s papers") % {"number": language.number(result.total)}
    number = language.count("%(num)s paper", "%(num)s papers", result.total)
    if result.total < len(result.found):
        return language.gettext("%(papers)s, followed by the nearest in meaning:") % {"papers": number}
    return number


def _orders(language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    return [
        (SearchOrder.RELEVANCE.value, _("Best match")),
        (SearchOrder.NEWEST.value, _("Newest")),
        (SearchOrder.VOTES.value, _("Most votes")),
    ]


def _sources(context: WebContext) -> list[tuple[str, str]]:
    """Return the sources of the site: the name that queries use, and the name to display."""
    return [(source.name, source_name(source.name)) for source in context.app.settings.sources]


def named_paper(context: WebContext, text: str) -> Paper | None:
    """Return the paper that an arXiv identifier, a DOI or an address refers to; None for other text and unknown
    papers.
    """
    name = plain_query(text).strip("<>[]()")
    own = f"{context.site.base_url}/papers/"
    if name.startswith(own):
        return context.app.store.papers.by_id(unquote(name.removeprefix(own).split("?")[0]))
    identifier = identifiers.identifier_in(name)
    return context.app.store.papers.by_id(identifier) if identifier else None


def _examples(language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    return [
        ("robots that learn from video", _("plain words: papers that contain most of them come first")),
        ("robot* grasping", _("both words; * matches any ending")),
        ('"chain of thought"', _("this exact phrase")),
        ("diffusion OR flow -image", _("either of two words, but not a third")),
        ("title:benchmark org:stanford", _("a word in the title and in the organization")),
        ('author:"ada lovelace" cat:cs.RO', _("an author and an arXiv category")),
    ]
