"""Pictures: papers' resized thumbnails, by the URL that they were fetched from."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, delete, func, select

from paperround.domain.models import Picture
from paperround.store.engine import reading, upsert, writing
from paperround.store.papers import THUMBNAIL
from paperround.store.schema import papers, pictures

MAX_TRIES = 3


class Pictures:
    """Pictures of papers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def missing(self, since: date, limit: int) -> list[str]:
        """Return URLs of missing thumbnails of papers announced since a day, with fewer than MAX_TRIES attempts.

        Those with the fewest attempts come first, then those of the newest papers.
        """
        tries = func.coalesce(pictures.c.tries, 0)
        query = (
            select(THUMBNAIL)
            .outerjoin_from(papers, pictures, pictures.c.url == THUMBNAIL)
            .where(papers.c.day >= since, THUMBNAIL.is_not(None), pictures.c.name.is_(None), tries < MAX_TRIES)
            .group_by(THUMBNAIL, tries)
            .order_by(tries, func.max(papers.c.day).desc(), func.max(papers.c.upvotes).desc())
            .limit(limit)
        )
        with reading(self._engine) as db:
            return list(db.scalars(query))

    def keep(self, url: str, picture: Picture, content: bytes, now: datetime) -> None:
        """Store the picture fetched from a URL."""
        facts = {**picture.model_dump(), "content": content, "fetched_at": now}
        with writing(self._engine) as db:
            statement = upsert(db, pictures).values(url=url, tries=1, **facts)
            db.execute(statement.on_conflict_do_update(index_elements=["url"], set_=facts))

    def failed(self, url: str, now: datetime) -> None:
        """Count a failed attempt at a URL; a picture that another program has fetched meanwhile stays."""
        with writing(self._engine) as db:
            statement = upsert(db, pictures).values(url=url, tries=1, fetched_at=now)
            again = {"tries": pictures.c.tries + 1}
            db.execute(statement.on_conflict_do_update(index_elements=["url"], set_=again))

    def content(self, name: str) -> bytes | None:
        """Return the JPEG of this name, or None."""
        with reading(self._engine) as db:
            content: bytes | None = db.scalar(select(pictures.c.content).where(pictures.c.name == name).limit(1))
            return content

    def forget(self, before: datetime) -> None:
        """Delete pictures fetched before a moment."""
        with writing(self._engine) as db:
            db.execute(delete(pictures).where(pictures.c.fetched_at < before))
