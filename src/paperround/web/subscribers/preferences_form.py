"""The preferences form: what was typed, what is stored, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.errors import PreferenceError, UsageError
from paperround.domain.models import Feedback, Topic
from paperround.domain.preferences import (
    DEFAULTS,
    FIELDS,
    LISTS,
    MAX_PAPERS,
    MAX_QUERIES,
    MAX_QUERY_LENGTH,
    Breadth,
    Preferences,
)
from paperround.rendering import breadth_labels, theme
from paperround.rendering.language import Language
from paperround.rounds.meaning import Meaning
from paperround.rounds.query_preview import PastWeek, QueryPreview, has_only_unknown_words, preview_query
from paperround.subscribers import membership
from paperround.web import wording
from paperround.web.forms import FormFields, read_number
from paperround.web.subscribers import time_zones
from paperround.web.subscribers.time_zones import TimeZoneChoice

if TYPE_CHECKING:
    from paperround.web.context import WebContext

_EMPTY_LINES = 1
_MAX_ENTRY_LENGTH = 40_000  # characters: a text area holds all lines of a list
_MARKED = {"paused_until", "follows", "leave_out"}  # fields that show their own error
_MAX_CHOICE_LENGTH = 60  # characters
_MAX_RATINGS = 40
_VERDICTS = {"more": 1, "less": -1}
SCHEDULE = ("cadence", "weekday", "monthday", "at", "timezone", "max_papers")
"""The fields of the schedule, which the page that tries an interest keeps in its address."""
INPUTS = {name: name for name in FIELDS} | {"topics": "topic", "queries": "query"}
"""The input of each preference. A list has one input for each entry; an empty one says that the list was submitted.
"""


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
    ratings: Mapping[int, int] = field(default_factory=dict)
    """A new subscriber's feedback on papers while they tried an interest: +1 or −1 by the row of the paper."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """The error messages by input."""
    previews: tuple[QueryPreview, ...] = ()
    asked: str = ""
    """A new address that the form asks about, because its domain looks mistyped."""
    sure: tuple[str, ...] = ()
    """The interests that are kept as typed if the form is submitted again, although their words are unknown."""
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
        room = MAX_QUERIES - len(self["queries"])
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
    most_papers: int = MAX_PAPERS
    most_query: int = MAX_QUERY_LENGTH


def choices(context: WebContext, language: Language, form: PreferencesForm) -> Choices:
    """Return the options of the form, including the chosen time zone."""
    return Choices(
        labels=wording.labels(language),
        topics=wording.translated_topics(context.app.store.topics.public(), language),
        cadences=wording.cadences(language),
        weekdays=list(zip(preferences.WEEKDAYS, wording.weekdays(language), strict=True)),
        zones=time_zones.choices(context.app.clock(), language, _known_zone(form)),
        themes=wording.themes(theme.offered(context.folders, form.stored.theme), language),
        densities=wording.densities(language),
        breadths=breadth_labels.breadths(language),
        quiet_days=wording.quiet_days(language, new_site=context.new_site),
        languages=context.languages.names,
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
        entries = tuple(text[:_MAX_ENTRY_LENGTH] for text in form.all(shown) if text.strip())
        typed[name] = entries if name in LISTS else form.get(shown)[:500]
    if "queries" in typed:
        typed["queries"] = typed["queries"][: MAX_QUERIES * 2]
    return PreferencesForm(
        stored,
        typed,
        form.get("email")[:500],
        "first_now" in form,
        form.get("way")[:20],
        read_ratings(form),
        sure=tuple(form.all("sure")[:MAX_QUERIES]),
    )


def read_ratings(form: FormFields, names: Sequence[str] = ("more", "less")) -> dict[int, int]:
    """Return the feedback on papers that a form carries along: +1 or −1 by the row of the paper.

    The last rating on a paper counts. `names` are the fields to read; `forget` withdraws a rating.
    """
    ratings: dict[int, int] = {}
    for name, value in form.pairs(names):
        row = read_number(value)
        if name == "forget":
            ratings.pop(row, None)
        elif row:
            ratings[row] = _VERDICTS[name]
    return dict(list(ratings.items())[-_MAX_RATINGS:])


def schedule_of(form: FormFields) -> dict[str, str]:
    """Return the fields of the schedule that are filled in."""
    return {name: value[:_MAX_CHOICE_LENGTH] for name, value in form.present(SCHEDULE).items() if value}


def check_form(
    context: WebContext, form: PreferencesForm, language: Language, *, with_email: bool = False
) -> tuple[dict[str, Any] | None, PreferencesForm]:
    """Validate the form. Returns the patch and the form, or None and the form with its error messages."""
    _ = language.gettext
    week = PastWeek(context.app)
    queries = form.typed.get("queries", ())
    previews = tuple(preview_query(context.app, text, language, week) for text in queries)
    wrong: dict[str, str] = {}
    if any(preview.error for preview in previews):
        wrong["query"] = _("One of your interests contains an error.")
    elif len(previews) > MAX_QUERIES:
        wrong["query"] = _("Too many interests. Combine some of them with OR.")
    unknown = () if wrong else _unknown_queries(context.app, form, queries)
    if unknown:
        wrong["query"] = _(
            "No paper has any of these words: %(words)s. Correct them, or submit the form again to keep them."
        ) % {"words": "; ".join(unknown)}
    if not form["topics"] and not form["queries"] and not form["follows"]:
        wrong["topic"] = _("Choose a topic, or enter an interest.")
    if with_email:
        try:
            membership.address(form.email)
        except UsageError:
            wrong["email"] = wording.invalid_address(language)
    themes = theme.offered(context.folders, form.stored.theme)
    if form["theme"] not in themes or form["language"] not in context.languages.names:
        wrong["theme"] = _("Choose one of the available options.")
    if wrong:
        shown = tuple(preview for preview in previews if preview.error or preview.query in unknown)
        return None, replace(form, wrong=wrong, previews=shown, sure=(*form.sure, *unknown))
    try:
        return membership.read_patch(context.app, form.typed, form.stored), form
    except PreferenceError as error:
        return None, replace(
            form, wrong=_wrong_fields(context.app, form, language) or _errors_by_place(error, language)
        )


def _unknown_queries(app: App, form: PreferencesForm, queries: Sequence[str]) -> tuple[str, ...]:
    """Return the new interests without a known word, except for those that were submitted again."""
    kept = {*form.stored.queries, *form.sure}
    return tuple(text for text in queries if text not in kept and has_only_unknown_words(app, text))


def _wrong_fields(app: App, form: PreferencesForm, language: Language) -> dict[str, str]:
    """Return the errors of all fields that are wrong by themselves, by the place that shows them."""
    wrong: dict[str, str] = {}
    for name, value in form.typed.items():
        try:
            membership.read_patch(app, {name: value}, form.stored)
        except PreferenceError as error:
            for place, sentence in _errors_by_place(error, language).items():
                wrong[place] = ". ".join(filter(None, [wrong.get(place), sentence]))
    return wrong


def _errors_by_place(error: PreferenceError, language: Language) -> dict[str, str]:
    place = error.field if error.field in _MARKED else "other"
    return {place: f"{wording.labels(language).get(error.field, error.field)}: {error.translated(language.gettext)}"}


def with_previews(
    app: App, form: PreferencesForm, language: Language, feedback: Sequence[Feedback] = ()
) -> PreferencesForm:
    """Return the form with a preview of each of its queries, as a subscriber with this feedback would get them.

    They are those of the breadth and without what is left out, as the form says.
    """
    chosen = form["breadth"]
    breadth = Breadth(chosen) if chosen in set(Breadth) else DEFAULTS.breadth
    leave_out = [line for text in form["leave_out"] for line in text.splitlines()]
    week = PastWeek(app, feedback, breadth, leave_out)
    return replace(form, previews=tuple(preview_query(app, text, language, week) for text in form["queries"]))
