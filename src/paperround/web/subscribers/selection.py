"""The three ways in which a new subscriber chooses what to read: the day's best, topics, or an interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from paperround.domain.models import Topic
from paperround.subscribers.membership import BEST
from paperround.web.subscribers.preferences_form import PreferencesForm


class SelectionMode(StrEnum):
    """How a new subscriber chooses what to read. Entries for the other ways are ignored."""

    BEST = "best"
    TOPICS = "topics"
    INTEREST = "interest"


_LEFT_OUT: Mapping[SelectionMode, Mapping[str, tuple[str, ...]]] = {
    SelectionMode.BEST: {"topics": (BEST,), "queries": ()},
    SelectionMode.TOPICS: {"queries": ()},
    SelectionMode.INTEREST: {"topics": ()},
}


def keep_chosen(form: PreferencesForm) -> PreferencesForm:
    """Return the form with only the entries for the chosen way, or unchanged if no way was chosen."""
    if form.way not in set(SelectionMode):
        return form
    return replace(form, typed={**form.typed, **_LEFT_OUT[SelectionMode(form.way)]})


def mode_of(form: PreferencesForm, topics: Sequence[Topic]) -> SelectionMode:
    """Return the chosen way. If none was chosen, infer it from the entries; the default is the day's best, if
    available.
    """
    if form.way in set(SelectionMode):
        return SelectionMode(form.way)
    if form["queries"] or form["follows"]:
        return SelectionMode.INTEREST
    if form["topics"] and tuple(form["topics"]) != (BEST,):
        return SelectionMode.TOPICS
    return SelectionMode.BEST if BEST in {topic.slug for topic in topics} else SelectionMode.TOPICS
