"""The papers that subscribers have already: those of their own libraries and of their reading lists."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, union

from paperround.store.bulk import among
from paperround.store.schema import examples, feedback, paper_keys, saved_papers


def owned_by(db: Connection, subscribers: Sequence[int]) -> dict[int, set[int]]:
    """Return the papers that each of these subscribers has already; no letter brings them as new.

    A paper of a library that was not stored here when the library was read is found by its identifier.
    """
    of_library = select(feedback.c.subscriber, feedback.c.paper).where(
        among(db, feedback.c.subscriber, subscribers), feedback.c.owned
    )
    stored_since = (
        select(examples.c.subscriber, paper_keys.c.paper)
        .join_from(examples, paper_keys, paper_keys.c.key == examples.c.key)
        .where(among(db, examples.c.subscriber, subscribers), examples.c.owned)
    )
    saved = select(saved_papers.c.subscriber, saved_papers.c.paper).where(
        among(db, saved_papers.c.subscriber, subscribers)
    )
    owned: dict[int, set[int]] = {}
    for subscriber, paper in db.execute(union(of_library, stored_since, saved)):
        owned.setdefault(subscriber, set()).add(paper)
    return owned
