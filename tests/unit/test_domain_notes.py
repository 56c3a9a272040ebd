"""What a letter says of papers that are not new: the most important news, a few of them, each once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain import notes
from paperround.domain.models import DayFacts, NoteKind, PaperNote
from paperround.domain.schedule import Cadence
from support.letters import paper

_TUESDAY = date(2026, 11, 17)
_SUNDAY = date(2026, 11, 22)
_NOTES = st.builds(
    PaperNote,
    st.sampled_from(NoteKind),
    st.integers(1, 9),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.integers(0, 500),
    st.integers(0, 500),
)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ({}, {"withdrawn": True, "code_url": "https://code.example/"}, NoteKind.WITHDRAWN),
        ({}, {"code_url": "https://code.example/", "version": 2}, NoteKind.CODE),
        ({"version": 1}, {"version": 3, "upvotes": 90}, NoteKind.VERSION),
        ({"upvotes": 12}, {"upvotes": 118}, NoteKind.VOTES),
        ({"upvotes": 1}, {"upvotes": 9}, None),
        ({"upvotes": 100}, {"upvotes": 140}, None),
        ({"code_url": "https://a.example/"}, {"code_url": "https://b.example/"}, None),
        ({"withdrawn": True}, {"withdrawn": True}, None),
    ],
)
def test_the_most_important_thing_is_told(before: dict[str, Any], now: dict[str, Any], kind: NoteKind | None) -> None:
    found = notes.news_of(paper(7, **before), paper(7, **now), _TUESDAY)
    assert (found and found.kind) == kind
    if found and kind is NoteKind.VOTES:
        assert (found.before, found.now, found.since, found.paper) == (12, 118, _TUESDAY, 7)


@given(st.lists(_NOTES), st.sets(st.tuples(st.sampled_from(NoteKind), st.integers(1, 9))))
def test_at_most_three_are_told_and_none_twice(found: list[PaperNote], told: set[tuple[NoteKind, int]]) -> None:
    chosen = notes.choose_news(found, told)
    assert len(chosen) <= notes.MOST_NEWS
    assert not {(note.kind, note.paper) for note in chosen} & told
    assert len({note.paper for note in chosen}) == len(chosen), "one line a paper"
    order = list(NoteKind)
    assert [order.index(note.kind) for note in chosen] == sorted(order.index(note.kind) for note in chosen)


@pytest.mark.parametrize(
    ("cadence", "day", "opens"),
    [
        (Cadence.DAILY, _SUNDAY, True),
        (Cadence.DAILY, _TUESDAY, False),
        (Cadence.WEEKDAYS, date(2026, 11, 20), True),
        (Cadence.WEEKDAYS, _TUESDAY, False),
        (Cadence.WEEKLY, _TUESDAY, True),
        (Cadence.MONTHLY, _TUESDAY, True),
    ],
)
def test_saved_papers_open_the_last_letter_of_a_week(cadence: Cadence, day: date, opens: bool) -> None:
    fresh = PaperNote(NoteKind.SAVED, 1, day - timedelta(days=2))
    old = PaperNote(NoteKind.SAVED, 2, day - timedelta(days=40))
    assert notes.choose_saved([fresh, old], cadence, day) == ((fresh,) if opens else ())


@given(st.lists(_NOTES))
def test_notes_are_kept_as_they_are(some: list[PaperNote]) -> None:
    assert notes.read_notes(notes.write_notes(some)) == tuple(some)


@pytest.mark.parametrize("facts", [None, DayFacts(164, "05:40"), DayFacts(3, "", ("hf-daily",))])
def test_the_facts_of_a_day_are_kept_as_they_are(facts: DayFacts | None) -> None:
    assert notes.read_facts(notes.write_facts(facts)) == facts
