"""Small named values of the site, such as the port it was last served on."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import notes


class SiteValues:
    """The named values of the site. A name that is not set has no value."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> str | None:
        """Return a value by its name, or None if it is not set."""
        with reading(self._engine) as db:
            return db.scalar(select(notes.c.value).where(notes.c.name == name))

    def starting_with(self, beginning: str) -> dict[str, str]:
        """Return the values whose names start with `beginning`, by name."""
        query = select(notes.c.name, notes.c.value).where(notes.c.name.startswith(beginning, autoescape=True))
        with reading(self._engine) as db:
            return dict(db.execute(query.order_by(notes.c.name)).all())

    def set(self, name: str, value: str) -> None:
        """Store a value under a name, in place of a former one."""
        statement = upsert(self._engine, notes).values(name=name, value=value)
        with writing(self._engine) as db:
            db.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    def delete(self, name: str) -> None:
        """Delete a value if it is set."""
        with writing(self._engine) as db:
            db.execute(delete(notes).where(notes.c.name == name))
