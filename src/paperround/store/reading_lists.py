"""Reading lists: the papers that subscribers save for later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from paperround.domain.models import NoteKind, Paper, PaperNote
from paperround.domain.notes import SavedPaper
from paperround.store.bulk import among
from paperround.store.engine import reading, upsert, writing
from paperround.store.papers import load_in_order
from paperround.store.schema import papers, saved_papers, subscribers

MAX_KEPT = 500  # papers per subscriber; the oldest are removed


class ReadingLists:
    """Saved papers of subscribers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, subscriber: int, paper: int, now: datetime) -> bool:
        """Add a paper to the list, once. Return False if the subscriber or the paper no longer exists."""
        with writing(self._engine) as db:
            return save_paper(db, subscriber, paper, now)

    def remove(self, subscriber: int, paper: int) -> None:
        """Remove a paper from the list."""
        with writing(self._engine) as db:
            db.execute(
                delete(saved_papers).where(saved_papers.c.subscriber == subscriber, saved_papers.c.paper == paper)
            )

    def papers(self, subscriber: int) -> list[Paper]:
        """Return the papers on a subscriber's list, latest saved first."""
        with reading(self._engine) as db:
            mine = select(saved_papers.c.paper).where(saved_papers.c.subscriber == subscriber)
            latest = mine.order_by(saved_papers.c.at.desc(), saved_papers.c.paper.desc())
            return load_in_order(db, db.scalars(latest).all())

    def rows(self, subscriber: int) -> set[int]:
        """Return the numbers of the papers on a subscriber's list."""
        with reading(self._engine) as db:
            return set(db.scalars(select(saved_papers.c.paper).where(saved_papers.c.subscriber == subscriber)))


def saved_by(db: Connection, rows: Sequence[int]) -> dict[int, list[SavedPaper]]:
    """Return the saved papers of each of these subscribers, latest first, as notes for a letter."""
    query = select(saved_papers).where(among(db, saved_papers.c.subscriber, rows))
    by_subscriber: dict[int, list[SavedPaper]] = {}
    for row in db.execute(query.order_by(saved_papers.c.at.desc(), saved_papers.c.paper.desc())):
        note = PaperNote(NoteKind.SAVED, row.paper, row.at.date())
        by_subscriber.setdefault(row.subscriber, []).append((note, row.at))
    return by_subscriber


def save_paper(db: Connection, subscriber: int, paper: int, now: datetime) -> bool:
    """Add a paper to a reading list. Return False if the subscriber or the paper no longer exists."""
    for table, row in ((subscribers, subscriber), (papers, paper)):
        stored = select(table.c.row).where(table.c.row == row)
        if db.scalar(stored.with_for_update(read=True, key_share=True)) is None:
            return False
    saved = upsert(db, saved_papers).values(subscriber=subscriber, paper=paper, at=now)
    db.execute(saved.on_conflict_do_nothing())
    mine = saved_papers.c.subscriber == subscriber
    oldest = select(saved_papers.c.paper).where(mine)
    oldest = oldest.order_by(saved_papers.c.at.desc(), saved_papers.c.paper.desc()).offset(MAX_KEPT)
    rows = list(db.scalars(oldest.limit(MAX_KEPT)))
    db.execute(delete(saved_papers).where(mine, saved_papers.c.paper.in_(rows)))
    return True
