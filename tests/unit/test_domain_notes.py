"""What a letter says of papers that are not new: the most important news, a few of them, each once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain import notes
from paperround.domain.models import DayFacts, NoteKind, PaperNote
from paperround.domain.preferences import Breadth
from paperround.domain.schedule import Cadence, Schedule
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
    assert len(chosen) <= notes.MAX_NEWS
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
    fresh, old = _saved(1, day - timedelta(days=2)), _saved(2, day - timedelta(days=40))
    assert notes.choose_saved([fresh, old], Schedule(cadence), day) == ((fresh[0],) if opens else ())


def _saved(number: int, day: date, hour: int = 12) -> notes.SavedPaper:
    return PaperNote(NoteKind.SAVED, number, day), datetime.combine(day, time(hour), UTC)


@pytest.mark.parametrize(
    ("cadence", "day", "before"),
    [
        (Cadence.DAILY, _SUNDAY, _SUNDAY - timedelta(days=7)),
        (Cadence.WEEKLY, _TUESDAY, _TUESDAY - timedelta(days=7)),
        (Cadence.MONTHLY, date(2026, 12, 15), date(2026, 11, 15)),
        (Cadence.MONTHLY, date(2026, 3, 31), date(2026, 2, 28)),
    ],
)
def test_what_is_saved_after_a_letter_of_the_same_day_is_in_the_next_one(
    cadence: Cadence, day: date, before: date
) -> None:
    """In Apia, where the letter of Sunday comes on Saturday evening UTC, too."""
    for zone, hour in ("UTC", 7), ("Pacific/Apia", 18):
        shift = timedelta(days=zone != "UTC")
        late, early = _saved(1, before - shift, hour + 1), _saved(2, before - shift, hour - 1)
        chosen = notes.choose_saved([late, early], Schedule(cadence, time(7), zone), day)
        assert chosen == (late[0],), zone


def test_a_letter_that_stands_for_missed_ones_begins_with_what_they_would_have_begun_with() -> None:
    daily, monday = Schedule(Cadence.DAILY), _SUNDAY + timedelta(days=1)
    weeks_ago, this_week = _saved(1, _SUNDAY - timedelta(days=20)), _saved(2, _SUNDAY - timedelta(days=1))
    chosen = notes.choose_saved([this_week, weeks_ago], daily, monday, _SUNDAY - timedelta(days=1))
    assert chosen == (this_week[0],), "Sunday was missed"
    assert notes.choose_saved([this_week], daily, monday, _SUNDAY) == ()
    after_a_pause = notes.choose_saved([this_week, weeks_ago], daily, _SUNDAY, _SUNDAY - timedelta(days=21))
    assert after_a_pause == (this_week[0], weeks_ago[0])
    many = [_saved(number, _SUNDAY - timedelta(days=1)) for number in range(20)]
    assert len(notes.choose_saved(many, daily, _SUNDAY)) == notes.MAX_SAVED


@given(st.lists(_NOTES))
def test_notes_are_kept_as_they_are(some: list[PaperNote]) -> None:
    assert notes.read_notes(notes.write_notes(some)) == tuple(some)


@pytest.mark.parametrize("facts", [None, DayFacts(164, "05:40"), DayFacts(3, "", ("hf-daily",))])
def test_the_facts_of_a_day_are_kept_as_they_are(facts: DayFacts | None) -> None:
    assert notes.read_facts(notes.write_facts(facts)) == facts


def test_close_papers_are_at_most_three_and_no_copies_of_each_other_or_of_what_was_chosen() -> None:
    offered = [paper(number) for number in range(1, 8)]
    offered[1] = offered[1].model_copy(update={"withdrawn": True})
    alike = {3: {1}, 4: {20}, 5: {99}}
    found = notes.choose_close(offered, [20, 21], alike)
    assert [(note.kind, note.paper) for note in found] == [(NoteKind.CLOSE, number) for number in (1, 5, 6)]
    assert notes.choose_close([], [1], {}) == ()


def test_only_a_daily_letter_with_few_papers_has_close_ones_unless_fewer_are_wanted() -> None:
    cadences = {one for one in Cadence if notes.may_have_close(one, Breadth.USUAL)}
    assert cadences == {Cadence.DAILY, Cadence.WEEKDAYS, Cadence.OFF}
    breadths = [one for one in Breadth if notes.may_have_close(Cadence.DAILY, one)]
    assert breadths == [Breadth.USUAL, Breadth.MORE, Breadth.MOST]
    assert [number for number in range(5) if notes.is_thin(number)] == [0, 1, 2]
