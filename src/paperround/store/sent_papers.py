"""Changes of papers since issues used them: computed once per round, then looked up for each subscriber."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from paperround.domain.models import NoteKind, PaperNote
from paperround.domain.notes import news_of, read_notes
from paperround.store.bulk import among
from paperround.store.papers import load_rows, paper_from_snapshot
from paperround.store.schema import deliveries, digest_papers, digests, issue_papers, issues
from paperround.store.unsent import GIVEN_UP

_LOOK_BACK = timedelta(days=8)  # a weekly letter reports news about the previous one
_MAX_CHANGED = 60  # papers; with more, the queries of a round would take too long

Changes = Mapping[tuple[int, int], PaperNote]
"""The news about a paper since an issue, by the numbers of the issue and the paper."""


def changed_papers(db: Connection, today: date) -> Changes:
    """Return the news about papers of the past week's issues.

    `today` is the date in UTC; a clock that ran ahead may have left issues of later days.
    """
    newest = db.scalar(select(func.max(issues.c.day)).where(issues.c.day <= today + timedelta(days=1)))
    if newest is None:
        return {}
    query = (
        select(issues.c.row, issues.c.day, issue_papers.c.paper, issue_papers.c.snapshot)
        .join_from(issue_papers, issues)
        .where(issues.c.day.between(newest - _LOOK_BACK, newest))
    )
    printed = db.execute(query).all()
    current = load_rows(db, {row.paper for row in printed})
    notes = [
        ((issue, row), note)
        for issue, day, row, snapshot in printed
        if row in current and (note := news_of(paper_from_snapshot(row, snapshot), current[row], day))
    ]
    notes.sort(key=lambda pair: (tuple(NoteKind).index(pair[1].kind), pair[1].before - pair[1].now))
    papers = list(dict.fromkeys(paper for (_, paper), _ in notes))[:_MAX_CHANGED]
    return {key: note for key, note in notes if key[1] in papers}


def news_for(db: Connection, subscribers: Sequence[int], changes: Changes) -> dict[int, list[PaperNote]]:
    """Return the news about papers that digests of each subscriber included (not only counted)."""
    if not changes or not subscribers:
        return {}
    query = (
        select(digest_papers.c.subscriber, digest_papers.c.paper, digests.c.issue)
        .join_from(digest_papers, digests, digests.c.row == digest_papers.c.digest)
        .where(among(db, digest_papers.c.subscriber, subscribers))
        .where(among(db, digest_papers.c.paper, {paper for _, paper in changes}))
    )
    news: dict[int, list[PaperNote]] = {}
    for subscriber, paper, issue in db.execute(query):
        if note := changes.get((issue, paper)):
            news.setdefault(subscriber, []).append(note)
    return news


def sent_notes(db: Connection, subscribers: Iterable[int]) -> dict[int, set[tuple[NoteKind, int]]]:
    """Return the notes that earlier letters contained for each subscriber, as pairs of kind and paper."""
    numbers = list(subscribers)
    if not numbers:
        return {}
    # The notes of a letter that was given up were not read by anybody.
    query = (
        select(digests.c.subscriber, digests.c.notes)
        .join_from(digests, deliveries, deliveries.c.digest == digests.c.row)
        .where(among(db, digests.c.subscriber, numbers), digests.c.notes.is_not(None))
        .where(deliveries.c.state.not_in(GIVEN_UP))
    )
    sent: dict[int, set[tuple[NoteKind, int]]] = {}
    for subscriber, notes in db.execute(query.order_by(digests.c.row)):
        sent.setdefault(subscriber, set()).update((note.kind, note.paper) for note in read_notes(notes))
    return sent
