"""Choose the notes of a letter on papers that do not count as sent with it. Pure.

They are news about papers that a subscriber has already received, saved papers, and in a thin letter papers that came
close to an interest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from paperround.domain.models import DayFacts, NoteKind, Paper, PaperNote
from paperround.domain.preferences import Breadth
from paperround.domain.schedule import Cadence, Schedule, due_at, span

MAX_NEWS, MAX_SAVED, MAX_CLOSE = 3, 8, 3
_THIN = 3  # papers; a letter with fewer ends with close ones
_MIN_GAIN, _MIN_GROWTH = 20, 3.0  # votes, and the factor by which they must grow: a usual rise is not news
_ORDER = tuple(NoteKind)
_SUNDAY, _FRIDAY = 6, 4
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)

SavedPaper = tuple[PaperNote, datetime]
"""The note on a saved paper, and when it was saved."""


def news_of(before: Paper, now: Paper, since: date) -> PaperNote | None:
    """Return the most important change of a paper since the issue of the day `since`, or None if nothing has
    changed.

    `before` is the paper as that issue printed it.
    """
    if now.withdrawn and not before.withdrawn:
        return PaperNote(NoteKind.WITHDRAWN, now.row, since)
    if now.code_url and not before.code_url:
        return PaperNote(NoteKind.CODE, now.row, since)
    if (now.version or 1) > (before.version or 1):
        return PaperNote(NoteKind.VERSION, now.row, since, now=now.version or 1)
    votes, had = now.upvotes or 0, before.upvotes or 0
    if votes - had >= _MIN_GAIN and votes >= had * _MIN_GROWTH:
        return PaperNote(NoteKind.VOTES, now.row, since, before=had, now=votes)
    return None


def choose_news(candidates: Iterable[PaperNote], earlier: Collection[tuple[NoteKind, int]]) -> tuple[PaperNote, ...]:
    """Return at most three notes, ordered by kind (see NoteKind) and then by gain.

    `earlier` holds the kind and paper of earlier notes to this subscriber; those are not repeated.
    """
    fresh = {note.paper: note for note in candidates if (note.kind, note.paper) not in earlier}
    ranked = sorted(fresh.values(), key=lambda note: (_ORDER.index(note.kind), note.before - note.now, note.paper))
    return tuple(ranked[:MAX_NEWS])


def opens_with_saved(cadence: Cadence, day: date) -> bool:
    """Return whether the letter of this day begins with saved papers.

    Daily letters do on Sunday, weekday letters on Friday. All weekly and monthly letters do.
    """
    if cadence is Cadence.DAILY:
        return day.weekday() == _SUNDAY
    return cadence.covers_several_days or (cadence is Cadence.WEEKDAYS and day.weekday() == _FRIDAY)


def choose_saved(
    saved: Iterable[SavedPaper], schedule: Schedule, day: date, last_issue_day: date | None = None
) -> tuple[PaperNote, ...]:
    """Return the papers saved since the last letter that began with saved papers, at most eight; empty if the letter
    of this day does not.

    `saved` has the latest first. A letter that also stands for a missed one begins with them if that one would have.
    """
    missed = [
        past_day for past_day in _week_until(day) if past_day != day and last_issue_day and past_day > last_issue_day
    ]
    if not any(opens_with_saved(schedule.cadence, past_day) for past_day in (day, *missed)):
        return ()
    bounds = span(schedule.cadence, day)
    since = bounds[0] if bounds else day - _WEEK
    if last_issue_day:
        since = min(
            since,
            *(past_day for past_day in _week_until(last_issue_day) if opens_with_saved(schedule.cadence, past_day)),
        )
    begins = due_at(schedule, since)  # what was saved later that day came too late for that letter
    return tuple([note for note, at in saved if at >= begins][:MAX_SAVED])


def may_have_close(cadence: Cadence, breadth: Breadth) -> bool:
    """Return whether the letters of a subscriber with this cadence and breadth may end with close papers.

    Weekly and monthly letters have enough without them, and who chose to get fewer papers wants no others.
    """
    return not cadence.covers_several_days and breadth.steps >= 0


def is_thin(papers: int) -> bool:
    """Return whether a letter with this number of papers has room for close ones."""
    return papers < _THIN


def choose_close(
    close: Iterable[Paper], chosen: Collection[int], alike: Mapping[int, Collection[int]]
) -> tuple[PaperNote, ...]:
    """Return notes on the first of these papers, at most three.

    Left out is a paper that was withdrawn, and one that says much the same (`alike`) as an earlier one or as one of
    the papers that are `chosen` for the letter.
    """
    printed, notes = set(chosen), list[PaperNote]()
    for paper in close:
        if len(notes) < MAX_CLOSE and not paper.withdrawn and printed.isdisjoint(alike.get(paper.row, ())):
            printed.add(paper.row)
            notes.append(PaperNote(NoteKind.CLOSE, paper.row, paper.day))
    return tuple(notes)


def _week_until(day: date) -> list[date]:
    """Return the seven days that end with this one, the latest first."""
    return [day - number * _DAY for number in range(_WEEK.days)]


def write_notes(notes: Iterable[PaperNote]) -> list[list[Any]] | None:
    """Return the notes as JSON values, or None if there are none."""
    return [[n.kind.value, n.paper, n.since.isoformat(), n.before, n.now] for n in notes] or None


def read_notes(stored: Iterable[list[Any]] | None) -> tuple[PaperNote, ...]:
    """Return the notes that `write_notes` wrote."""
    return tuple(
        PaperNote(NoteKind(kind), paper, date.fromisoformat(since), before, now)
        for kind, paper, since, before, now in stored or ()
    )


def write_facts(facts: DayFacts | None) -> dict[str, Any] | None:
    """Return the facts as a JSON value."""
    if facts is None:
        return None
    return {"papers": facts.papers, "complete": facts.complete, "late": list(facts.late)}


def read_facts(stored: dict[str, Any] | None) -> DayFacts | None:
    """Return the facts that `write_facts` wrote."""
    return DayFacts(stored["papers"], stored["complete"], tuple(stored["late"])) if stored else None
