"""The queue of papers without a vector, filled in the transaction that adds or changes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection

from paperround.domain.models import Paper
from paperround.store.engine import lock_shared, upsert
from paperround.store.schema import vectors


def text_of(paper: Paper) -> str:
    """Return the text of a paper from which its vector is computed."""
    return f"{paper.title}. {paper.abstract or paper.summary}"


def expect_vectors(db: Connection, changed: Iterable[Paper]) -> None:
    """Queue new papers, and papers whose text has changed, for a vector."""
    values = [{"paper": paper.row, "text": text_digest(paper), "model": "", "number": 0} for paper in changed]
    if not values:
        return
    lock_shared(db, vectors)
    statement = upsert(db, vectors)
    fresh = {"text": statement.excluded.text, "vector": None, "title": None, "model": "", "number": 0}
    another_text = vectors.c.text != statement.excluded.text
    db.execute(statement.on_conflict_do_update(index_elements=["paper"], set_=fresh, where=another_text), values)


def text_digest(paper: Paper) -> str:
    """Return a digest of the text; if it changes, the vector is computed again."""
    return hashlib.sha256(text_of(paper).encode()).hexdigest()[:32]
