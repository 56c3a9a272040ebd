"""The form in which somebody says what they want to read: its fields, what was typed, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from paperround.app import App
from paperround.domain.errors import QueryError, WrongUse
from paperround.domain.models import Paper, Topic
from paperround.matching import lexical
from paperround.matching.words import Wanted, Words, any_of, interpret_once
from paperround.rendering import reasons, theme
from paperround.rendering.language import Language
from paperround.rounds.collection import Collection
from paperround.rounds.interests import Interests
from paperround.store.topics import news_horizon
from paperround.subscribers import membership
from paperround.subscribers.membership import Wish
from paperround.web import wording
from paperround.web.forms import FormFields

if TYPE_CHECKING:
    from paperround.web.context import RequestContext

_SHOWN, _COUNTED = 5, 1_000  # papers of a query that is tried
_EMPTY_LINES = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """What a query would have brought in the past week."""

    query: str
    number: int = 0
    """How many papers, counted up to a thousand."""
    papers: tuple[tuple[Paper, tuple[str, ...]], ...] = ()
    """The best of them, each with its reasons."""
    wrong: str = ""
    """Why it is no query, if it is none."""

    @property
    def many(self) -> bool:
        """Whether there are more than were counted."""
        return self.number >= _COUNTED


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is shown: values as typed, and what is wrong, by field."""

    email: str = ""
    name: str = ""
    topics: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    cadence: str = "daily"
    at: str = "07:00"
    timezone: str = "UTC"
    weekday: str = "0"
    monthday: str = "1"
    max_papers: str = "10"
    theme: str = "paper"
    language: str = "en"
    first_now: bool = False
    wrong: dict[str, str] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()

    @property
    def query_lines(self) -> tuple[str, ...]:
        """The queries, and a line for one more."""
        room = membership.MOST_QUERIES - len(self.queries)
        return (*self.queries, *[""] * min(_EMPTY_LINES, max(0, room)))


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers."""

    topics: Sequence[Topic]
    cadences: Sequence[tuple[str, str]]
    weekdays: Sequence[str]
    zones: Sequence[tuple[str, Sequence[str]]]
    themes: Sequence[str]
    languages: dict[str, str]
    most_papers: int = membership.MOST_PAPERS
    most_query: int = membership.MOST_QUERY


def choices(context: RequestContext, language: Language) -> Choices:
    """What there is to choose from."""
    return Choices(
        topics=context.app.store.topics.public(),
        cadences=wording.cadences(language),
        weekdays=wording.weekdays(language),
        zones=zones(),
        themes=theme.names(context.folders),
        languages=context.language_names,
    )


@lru_cache(maxsize=1)
def zones() -> list[tuple[str, list[str]]]:
    """The time zones by region; names that only aliases and compilers know are left out."""
    found: dict[str, list[str]] = {"": ["UTC"]}
    for name in sorted(available_timezones()):
        region, _, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US", "posix", "right"}:
            found.setdefault(region, []).append(name)
    return list(found.items())


def filled(wish: Wish) -> Filled:
    """The form with what somebody has."""
    schedule = wish.schedule
    return Filled(
        email=wish.email,
        name=wish.name,
        topics=wish.topics,
        queries=wish.queries,
        cadence=schedule.cadence.value,
        at=f"{schedule.at:%H:%M}",
        timezone=schedule.timezone,
        weekday=str(schedule.weekday),
        monthday=str(schedule.monthday),
        max_papers=str(wish.max_papers),
        theme=wish.theme,
        language=wish.language,
        first_now=wish.first_now,
    )


def typed(form: FormFields, language: Language) -> Filled:
    """The form as it was sent."""
    fresh = Filled(language=language.code)
    names = ("email", "name", "cadence", "at", "timezone", "weekday", "monthday", "max_papers", "theme", "language")
    texts: dict[str, Any] = {name: form.get(name, getattr(fresh, name))[:500] for name in names}
    return Filled(
        **texts,
        topics=tuple(form.all("topic")),
        queries=tuple(text[:2_000] for text in form.all("query") if text.strip())[: membership.MOST_QUERIES * 2],
        first_now="first_now" in form,
    )


def checked(
    context: RequestContext, form: Filled, language: Language, email: str | None = None
) -> tuple[Wish | None, Filled]:
    """The wish that the form holds, or the form with what is wrong in it. `email` stands for the one in the form."""
    wrong: dict[str, str] = {}
    _ = language.gettext
    app = context.app
    trials = tuple(trial(app, text, language) for text in form.queries)
    if any(one.wrong for one in trials):
        wrong["query"] = _("A query of your own is not right yet.")
    elif len(form.queries) > membership.MOST_QUERIES:
        wrong["query"] = _("These are too many queries; join some with OR.")
    if not form.topics and not form.queries:
        wrong["topic"] = _("Choose a topic, or write a query of your own.")
    if email is None:
        try:
            membership.address(form.email)
        except WrongUse:
            wrong["email"] = _("This is not an email address.")
    if form.theme not in theme.names(context.folders) or form.language not in context.language_names:
        wrong["theme"] = _("Choose one of those that are there.")
    if wrong:
        return None, replace(form, wrong=wrong, trials=tuple(one for one in trials if one.wrong))
    try:
        return _wish(app, form, email), form
    except WrongUse as error:  # what a browser does not let one type: told as it is
        return None, replace(form, wrong={"other": str(error)})


def _wish(app: App, form: Filled, email: str | None) -> Wish:
    wanted = membership.wish(
        app,
        email or form.email,
        form.topics,
        name=form.name,
        cadence=form.cadence,
        at=form.at,
        timezone=form.timezone,
        weekday=form.weekday,
        monthday=form.monthday,
        max_papers=form.max_papers,
        theme=form.theme,
        language=form.language,
        queries=form.queries,
    )
    return replace(wanted, first_now=form.first_now)


def trial(app: App, text: str, language: Language, *, own: bool = True) -> Trial:
    """Try a query on the papers of the past week; `own` says that it is a subscriber's, and has to keep their
    limits.
    """
    try:
        wanted = interpret_once("".join(membership.own_queries([text])) if own else text)
        first = app.store.browsing.first_row_since(news_horizon(app.clock()))
        number, hits, papers = _tried(app, wanted, first)
    except QueryError as error:
        return Trial(text, wrong=str(error))
    best = sorted((paper for paper in papers if paper.row in hits), key=lambda paper: -hits[paper.row].score)
    return Trial(text, number, tuple((paper, reasons.told(hits[paper.row].why, language)) for paper in best[:_SHOWN]))


def _tried(app: App, wanted: Wanted, first: int) -> tuple[int, Mapping[int, lexical.Hit], Sequence[Paper]]:
    """How many papers stored since a number fit, the hits of some of them, and these papers."""
    if isinstance(wanted, Words):
        papers = app.store.browsing.found_since(any_of(wanted), first, _COUNTED)
        hits = app.shared(Interests).hits(wanted, lexical.Index(papers, app.shared(Collection).recent().statistics))
        return len(hits), hits, papers
    number = app.store.browsing.count_since(wanted, first, _COUNTED)
    papers = app.store.browsing.found_since(wanted, first, _SHOWN * 10)
    return number, lexical.Index(papers).matches(wanted), papers
