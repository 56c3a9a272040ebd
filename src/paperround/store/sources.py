"""What is remembered of each source: when it last answered, when it last had something new, what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Engine, select

from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import sources


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The watermark of one source."""

    name: str
    state: str
    """fresh, quiet, unchanged, stale or failed."""
    note: str
    tried_at: datetime
    succeeded_at: datetime | None = None
    new_at: datetime | None = None
    newest_day: date | None = None
    validators: Mapping[str, str] = field(default_factory=dict)


class Sources:
    """The sources' part of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> dict[str, SourceRecord]:
        """What is known of every source that was ever asked."""
        with reading(self._engine) as db:
            return {
                found.name: SourceRecord(*found) for found in db.execute(select(sources).order_by(sources.c.name))
            }

    def save(self, record: SourceRecord) -> None:
        """Remember how the last attempt went."""
        values = {name: getattr(record, name) for name in SourceRecord.__dataclass_fields__}
        values["validators"] = dict(record.validators)
        with writing(self._engine) as db:
            db.execute(upsert(db, sources).values(values).on_conflict_do_update(index_elements=["name"], set_=values))
