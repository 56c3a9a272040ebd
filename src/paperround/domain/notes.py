"""News about papers that a subscriber has had: what has become of them since, and what of it a letter says. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from paperround.domain.models import DayFacts, NoteKind, Paper, PaperNote
from paperround.domain.schedule import Cadence

MOST_NEWS, MOST_SAVED = 3, 8
_LEAST_GAIN, _LEAST_GROWTH = 20, 3.0  # votes, and how many times as many: what rises with every paper is no news
_ORDER = tuple(NoteKind)
_SUNDAY, _FRIDAY = 6, 4
_WEEK, _MONTH = timedelta(days=7), timedelta(days=31)


def news_of(before: Paper, now: Paper, since: date) -> PaperNote | None:
    """The most important thing that has happened to a paper since the issue of this day; None when nothing has.

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


def choose_news(found: Iterable[PaperNote], told: Collection[tuple[NoteKind, int]]) -> tuple[PaperNote, ...]:
    """At most three, the gravest kind and the largest gain first; what a letter has told already is not repeated.

    `told` holds kind and paper of what the subscriber has read.
    """
    fresh = {note.paper: note for note in found if (note.kind, note.paper) not in told}
    ranked = sorted(fresh.values(), key=lambda note: (_ORDER.index(note.kind), note.before - note.now, note.paper))
    return tuple(ranked[:MOST_NEWS])


def opens_with_saved(cadence: Cadence, day: date) -> bool:
    """Whether the letter of this day begins with the papers that were saved.

    Sunday's does, or Friday's where letters come on weekdays; of weekly and monthly letters each.
    """
    if cadence is Cadence.DAILY:
        return day.weekday() == _SUNDAY
    return cadence.tells_of_days or (cadence is Cadence.WEEKDAYS and day.weekday() == _FRIDAY)


def choose_saved(saved: Iterable[PaperNote], cadence: Cadence, day: date) -> tuple[PaperNote, ...]:
    """The papers that the letter of this day begins with: those saved since the last one that did."""
    if not opens_with_saved(cadence, day):
        return ()
    since = day - (_MONTH if cadence is Cadence.MONTHLY else _WEEK)
    return tuple(note for note in saved if note.since > since)


def write_notes(notes: Iterable[PaperNote]) -> list[list[Any]] | None:
    """The notes as JSON has them; None for none."""
    return [[n.kind.value, n.paper, n.since.isoformat(), n.before, n.now] for n in notes] or None


def read_notes(kept: Iterable[list[Any]] | None) -> tuple[PaperNote, ...]:
    """The notes that were written so."""
    return tuple(
        PaperNote(NoteKind(kind), paper, date.fromisoformat(since), before, now)
        for kind, paper, since, before, now in kept or ()
    )


def write_facts(facts: DayFacts | None) -> dict[str, Any] | None:
    """The facts as JSON has them."""
    if facts is None:
        return None
    return {"papers": facts.papers, "complete": facts.complete, "late": list(facts.late)}


def read_facts(kept: dict[str, Any] | None) -> DayFacts | None:
    """The facts that were written so."""
    return DayFacts(kept["papers"], kept["complete"], tuple(kept["late"])) if kept else None
