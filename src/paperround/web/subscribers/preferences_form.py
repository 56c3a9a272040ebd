"""The preferences form: what was typed, what is stored, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.errors import PreferenceError, QueryError, WrongUse
from paperround.domain.models import Feedback, Paper, Topic
from paperround.domain.preferences import (
    DEFAULTS,
    FIELDS,
    LISTS,
    MOST_PAPERS,
    MOST_QUERIES,
    MOST_QUERY,
    Breadth,
    Preferences,
)
from paperround.matching import lexical
from paperround.matching.interests import least_fit
from paperround.matching.negation import unwanted_in
from paperround.matching.query import Query
from paperround.matching.words import Words, check_topic_query, interpret_once
from paperround.rendering import reasons, theme
from paperround.rendering.language import Language
from paperround.rounds.collection import Collection
from paperround.rounds.interests import InterestBatch, Interests
from paperround.rounds.meaning import Meaning
from paperround.rounds.trial import (
    describe_author,
    describe_operators,
    describe_unwanted,
    name_of_author,
    read_answers,
)
from paperround.store.topics import news_horizon
from paperround.subscribers import membership
from paperround.web import wording
from paperround.web.forms import FormFields, read_number
from paperround.web.subscribers import time_zones
from paperround.web.subscribers.time_zones import TimeZoneChoice

if TYPE_CHECKING:
    from paperround.web.context import RequestContext

_SHOWN, _CLOSEST, _COUNTED = 5, 3, 1_000  # papers of a query preview
_EMPTY_LINES = 1
_LONGEST_ENTRY = 40_000  # characters: a text area holds all lines of a list
_MARKED = {"paused_until", "follows", "leave_out"}  # fields that show their own error
_LONGEST_CHOICE = 60  # characters
SCHEDULE = ("cadence", "weekday", "monthday", "at", "timezone", "max_papers")
"""The fields of the schedule, which the page that tries an interest keeps in its address."""
INPUTS = {name: name for name in FIELDS} | {"topics": "topic", "queries": "query"}
"""The input of each preference. A list has one input for each entry; an empty one says that the list was submitted.
"""


@dataclass(frozen=True, slots=True)
class QueryPreview:
    """The matches of a query in the past week."""

    query: str
    said: str = ""
    """How many papers match, as a sentence before `papers`; empty if the query is invalid."""
    papers: tuple[tuple[Paper, tuple[str, ...]], ...] = ()
    """The best matches, or the closest papers if none matches an interest in plain words; each with its reasons."""
    wrong: str = ""
    """Why the query is invalid; empty if it is valid."""


@dataclass(frozen=True, slots=True)
class PreferencesForm:
    """The form as it is displayed. `form[field]` is the typed value, or else the stored one."""

    stored: Preferences = DEFAULTS
    typed: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """The typed values by field. Fields that were not submitted are missing, and keep their stored value."""
    email: str = ""
    first_now: bool = False
    way: str = ""
    """How a new subscriber chooses what to read: `best`, `topics` or `interest`; empty if not chosen."""
    answers: Mapping[int, int] = field(default_factory=dict)
    """A new subscriber's feedback on papers while they tried an interest: +1 or −1 by the row of the paper."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """The error messages by input."""
    trials: tuple[QueryPreview, ...] = ()
    asked: str = ""
    """A new address that the form asks about, because its domain looks mistyped."""
    stamp: str = ""
    """The stamp of a change of address that must be submitted again, during a spike."""

    def __getitem__(self, name: str) -> Any:
        if name in self.typed:
            return self.typed[name]
        written = preferences.FORMS[name].write(getattr(self.stored, name))
        return "" if written is None else written

    @property
    def version(self) -> str:
        """A hash of the stored preferences, by which a form is recognized as stale."""
        return hashlib.sha256(repr(preferences.write(self.stored)).encode()).hexdigest()[:12]

    @property
    def query_lines(self) -> tuple[str, ...]:
        """The queries, followed by an empty line for one more if the maximum is not reached."""
        room = MOST_QUERIES - len(self["queries"])
        return (*self["queries"], *[""] * min(_EMPTY_LINES, max(0, room)))


@dataclass(frozen=True, slots=True)
class Choices:
    """The options that the form offers."""

    labels: Mapping[str, str]
    """The label of each preference."""
    topics: Sequence[Topic]
    cadences: Sequence[tuple[str, str]]
    weekdays: Sequence[tuple[str, str]]
    zones: Sequence[tuple[str, Sequence[TimeZoneChoice]]]
    themes: Sequence[tuple[str, str]]
    densities: Sequence[tuple[str, str]]
    breadths: Sequence[tuple[str, str]]
    quiet_days: Sequence[tuple[str, str]]
    languages: Mapping[str, str]
    needs_english: bool
    """Whether to say that interests have to be in English."""
    most_papers: int = MOST_PAPERS
    most_query: int = MOST_QUERY


def choices(context: RequestContext, language: Language, form: PreferencesForm) -> Choices:
    """Return the options of the form, including the chosen time zone."""
    return Choices(
        labels=wording.labels(language),
        topics=wording.translated_topics(context.app.store.topics.public(), language),
        cadences=wording.cadences(language),
        weekdays=list(zip(preferences.WEEKDAYS, wording.weekdays(language), strict=True)),
        zones=time_zones.choices(context.app.clock(), language, _known_zone(form)),
        themes=wording.themes(theme.offered(context.folders, form.stored.theme), language),
        densities=wording.densities(language),
        breadths=wording.breadths(language),
        quiet_days=wording.quiet_days(language),
        languages=context.language_names,
        needs_english=wording.needs_english(context.app.shared(Meaning).encoder, language),
    )


def _known_zone(form: PreferencesForm) -> str:
    """Return the time zone in the form, or UTC if it is not valid."""
    try:
        return str(preferences.read_field("timezone", form["timezone"]))
    except PreferenceError:
        return "UTC"


def read_form(form: FormFields, stored: Preferences = DEFAULTS) -> PreferencesForm:
    """Return the form as submitted by somebody whose stored preferences are `stored`."""
    typed: dict[str, str | tuple[str, ...]] = {}
    for name, shown in INPUTS.items():
        if shown not in form:
            continue
        entries = tuple(text[:_LONGEST_ENTRY] for text in form.all(shown) if text.strip())
        typed[name] = entries if name in LISTS else form.get(shown)[:500]
    if "queries" in typed:
        typed["queries"] = typed["queries"][: MOST_QUERIES * 2]
    return PreferencesForm(
        stored, typed, form.get("email")[:500], "first_now" in form, form.get("way")[:20], read_answers_of(form)
    )


def read_answers_of(form: FormFields) -> dict[int, int]:
    """Return the feedback on papers that the form carries along: +1 or −1 by the row of the paper."""
    return read_answers((name, read_number(value)) for name, value in form.pairs(("more", "less")))


def schedule_of(form: FormFields) -> dict[str, str]:
    """Return the fields of the schedule that are filled in."""
    return {name: value[:_LONGEST_CHOICE] for name, value in form.known(SCHEDULE).items() if value}


def check_form(
    context: RequestContext, form: PreferencesForm, language: Language, *, with_email: bool = False
) -> tuple[dict[str, Any] | None, PreferencesForm]:
    """Validate the form. Returns the patch and the form, or None and the form with its error messages."""
    _ = language.gettext
    trials = tuple(preview_query(context.app, text, language) for text in form.typed.get("queries", ()))
    wrong: dict[str, str] = {}
    if any(one.wrong for one in trials):
        wrong["query"] = _("One of your interests contains an error.")
    elif len(trials) > MOST_QUERIES:
        wrong["query"] = _("Too many interests. Combine some of them with OR.")
    if not form["topics"] and not form["queries"] and not form["follows"]:
        wrong["topic"] = _("Choose a topic, or enter an interest.")
    if with_email:
        try:
            membership.address(form.email)
        except WrongUse:
            wrong["email"] = _("Enter a valid email address.")
    themes = theme.offered(context.folders, form.stored.theme)
    if form["theme"] not in themes or form["language"] not in context.language_names:
        wrong["theme"] = _("Choose one of the available options.")
    if wrong:
        return None, replace(form, wrong=wrong, trials=tuple(one for one in trials if one.wrong))
    try:
        return membership.read_patch(context.app, form.typed), form
    except PreferenceError as error:
        return None, replace(form, wrong=_wrong_fields(context.app, form, language) or _named(error, language))


def _wrong_fields(app: App, form: PreferencesForm, language: Language) -> dict[str, str]:
    """Return the errors of all fields that are wrong by themselves, by the place that shows them."""
    wrong: dict[str, str] = {}
    for name, value in form.typed.items():
        try:
            membership.read_patch(app, {name: value})
        except PreferenceError as error:
            for place, sentence in _named(error, language).items():
                wrong[place] = ". ".join(filter(None, [wrong.get(place), sentence]))
    return wrong


def _named(error: PreferenceError, language: Language) -> dict[str, str]:
    # Browsers prevent most of these values, so the plain message suffices.
    place = error.field if error.field in _MARKED else "other"
    return {place: f"{wording.labels(language).get(error.field, error.field)}: {error.problem}"}


def with_previews(
    app: App, form: PreferencesForm, language: Language, feedback: Sequence[Feedback] = ()
) -> PreferencesForm:
    """Return the form with a preview of each of its queries, as a subscriber with this feedback would get them."""
    chosen = form["breadth"]
    week = _PastWeek(app, feedback, Breadth(chosen) if chosen in set(Breadth) else DEFAULTS.breadth)
    return replace(form, trials=tuple(preview_query(app, text, language, week=week) for text in form["queries"]))


class _PastWeek:
    """The papers of the past week, read and indexed once for all interests of a form, and who would get them."""

    def __init__(self, app: App, feedback: Sequence[Feedback] = (), breadth: Breadth = DEFAULTS.breadth) -> None:
        self._app, self.feedback, self.breadth = app, feedback, breadth

    @cached_property
    def papers(self) -> Sequence[Paper]:
        """The papers, newest first."""
        first, today = _past_week(self._app)
        return [paper for paper in self._app.store.browsing.newest(today, _COUNTED) if paper.day >= first]

    @cached_property
    def batch(self) -> InterestBatch:
        """The papers with their index and vectors."""
        self._app.shared(Meaning).table()
        return self._app.shared(Interests).batch(self.papers)


def preview_query(
    app: App, text: str, language: Language, *, own: bool = True, week: _PastWeek | None = None
) -> QueryPreview:
    """Try a query on the papers of the past week.

    `own` means that the query is a subscriber's, which must keep the limits of the preference; otherwise it is a
    topic's.
    """
    try:
        if own:
            preferences.read_field("queries", [text])
        else:
            check_topic_query(text)
        wanted = interpret_once(text)
        if isinstance(wanted, Words):
            return _preview_interest(app, text, wanted, language, week or _PastWeek(app))
        return _preview_exactly(app, text, wanted, language)
    except QueryError as error:
        return QueryPreview(text, wrong=error.told(language.gettext))


def _described(number: int, language: Language) -> str:
    """Return the number of matches as a sentence; it was counted up to 1,000."""
    if number >= _COUNTED:
        return language.gettext("More than %(number)s papers in the past week. Try more specific words.") % {
            "number": language.number(number)
        }
    if not number:
        return language.gettext("No papers in the past week. Try fewer words, or more general ones.")
    return language.count("%(num)s paper in the past week:", "%(num)s papers in the past week, including:", number)


def _preview_interest(app: App, text: str, words: Words, language: Language, week: _PastWeek) -> QueryPreview:
    """Try an interest in plain words: the papers that stand out, or else the closest ones."""
    papers, batch = week.papers, week.batch
    app.shared(Meaning).of_query(text)
    interests = app.shared(Interests)
    fits, least = interests.fits(text, words, batch, week.feedback), least_fit(week.breadth.steps)
    closest = sorted(fits, key=lambda row: (-fits[row], -row))
    if taken := [row for row in closest if fits[row] >= least]:
        said = _with_doubts(app, text, _described(len(taken), language), language)
        why = interests.reasons(text, words, batch, taken[:_SHOWN])
        return QueryPreview(
            text, said, _best(papers, {row: lexical.Hit(fits[row], why[row]) for row in why}, language)
        )
    closest = closest[:_CLOSEST]
    if not closest:
        return QueryPreview(text, _with_doubts(app, text, _described(0, language), language))
    known, why = {paper.row: paper for paper in papers}, interests.reasons(text, words, batch, closest)
    said = language.gettext("No paper of the past week stands out, so none would be emailed. The closest are:")
    shown = tuple((known[row], reasons.as_sentences(why[row], language)) for row in closest)
    return QueryPreview(text, _with_doubts(app, text, said, language), shown)


def _with_doubts(app: App, text: str, said: str, language: Language) -> str:
    """Return what was found, after a probable typing mistake; or only why the words hardly find what is meant."""
    meant = app.shared(Collection).correct(text)
    mistyped = language.gettext("Did you mean “%(words)s”?") % {"words": meant.text} if meant.changes else ""
    return _warning(app, text, language) or f"{mistyped} {said}".lstrip()


def _warning(app: App, text: str, language: Language) -> str:
    """Return why plain words hardly find what is meant; empty if nothing speaks against them."""
    if unwanted := unwanted_in(text):
        return describe_unwanted(unwanted, language)
    if author := name_of_author(app, text):
        return describe_author(author, language)
    return ""


def _preview_exactly(app: App, text: str, query: Query, language: Language) -> QueryPreview:
    """Try a query with operators."""
    week = _past_week(app)
    number = app.store.browsing.count_found(query, _COUNTED, week)
    papers = app.store.browsing.found(query, _SHOWN * 10, week)
    hits = lexical.Index(papers).matches(query)
    said = f"{describe_operators(text, language)} {_described(number, language)}".strip()
    return QueryPreview(text, said, _best(papers, hits, language))


def _past_week(app: App) -> tuple[date, date]:
    return news_horizon(app.clock()).date(), app.clock().date()


def _best(
    papers: Sequence[Paper], hits: Mapping[int, lexical.Hit], language: Language
) -> tuple[tuple[Paper, tuple[str, ...]], ...]:
    """Return the best matches, each with its reasons."""
    best = sorted((paper for paper in papers if paper.row in hits), key=lambda paper: -hits[paper.row].score)
    return tuple((paper, reasons.as_sentences(hits[paper.row].why, language)) for paper in best[:_SHOWN])
