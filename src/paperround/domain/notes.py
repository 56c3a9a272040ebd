"""Choose the notes of a letter: news about papers that a subscriber has already received, and saved papers. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from paperround.domain.models import DayFacts, NoteKind, Paper, PaperNote
from paperround.domain.schedule import Cadence

MOST_NEWS, MOST_SAVED = 3, 8
_LEAST_GAIN, _LEAST_GROWTH = 20, 3.0  # votes, and the factor by which they must grow: a usual rise is not news
_ORDER = tuple(NoteKind)
_SUNDAY, _FRIDAY = 6, 4
_WEEK, _MONTH = timedelta(days=7), timedelta(days=31)


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
    if votes - had >= _LEAST_GAIN and votes >= had * _LEAST_GROWTH:
        return PaperNote(NoteKind.VOTES, now.row, since, before=had, now=votes)
    return None


def choose_news(found: Iterable[PaperNote], earlier: Collection[tuple[NoteKind, int]]) -> tuple[PaperNote, ...]:
    """Return at most three notes, ordered by kind (see NoteKind) and then by gain.

    `earlier` holds the kind and paper of earlier notes to this subscriber; those are not repeated.
    """
    fresh = {note.paper: note for note in found if (note.kind, note.paper) not in earlier}
    ranked = sorted(fresh.values(), key=lambda note: (_ORDER.index(note.kind), note.before - note.now, note.paper))
    return tuple(ranked[:MOST_NEWS])


def opens_with_saved(cadence: Cadence, day: date) -> bool:
    """Return whether the letter of this day begins with saved papers.

    Daily letters do on Sunday, weekday letters on Friday. All weekly and monthly letters do.
    """
    if cadence is Cadence.DAILY:
        return day.weekday() == _SUNDAY
    return cadence.covers_several_days or (cadence is Cadence.WEEKDAYS and day.weekday() == _FRIDAY)


def choose_saved(saved: Iterable[PaperNote], cadence: Cadence, day: date) -> tuple[PaperNote, ...]:
    """Return the papers saved since the last letter that began with saved papers; empty if this day's letter does
    not.
    """
    if not opens_with_saved(cadence, day):
        return ()
    since = day - (_MONTH if cadence is Cadence.MONTHLY else _WEEK)
    return tuple(note for note in saved if note.since > since)


def write_notes(notes: Iterable[PaperNote]) -> list[list[Any]] | None:
    """Return the notes as JSON values, or None if there are none."""
    return [[n.kind.value, n.paper, n.since.isoformat(), n.before, n.now] for n in notes] or None


def read_notes(kept: Iterable[list[Any]] | None) -> tuple[PaperNote, ...]:
    """Return the notes that `write_notes` wrote."""
    return tuple(
        PaperNote(NoteKind(kind), paper, date.fromisoformat(since), before, now)
        for kind, paper, since, before, now in kept or ()
    )


def write_facts(facts: DayFacts | None) -> dict[str, Any] | None:
    """Return the facts as a JSON value."""
    if facts is None:
        return None
    return {"papers": facts.papers, "complete": facts.complete, "late": list(facts.late)}


def read_facts(kept: dict[str, Any] | None) -> DayFacts | None:
    """Return the facts that `write_facts` wrote."""
    return DayFacts(kept["papers"], kept["complete"], tuple(kept["late"])) if kept else None
