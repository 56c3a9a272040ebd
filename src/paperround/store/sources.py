"""The watermark of each source: when it last answered, when it last had something new, and its HTTP validators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Engine, select

from paperround.domain.models import SourceState
from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import sources


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The watermark of one source."""

    name: str
    state: SourceState
    note: str
    tried_at: datetime
    succeeded_at: datetime | None = None
    new_at: datetime | None = None
    newest_day: date | None = None
    validators: Mapping[str, str] = field(default_factory=dict)


class Sources:
    """The watermarks of sources."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> dict[str, SourceRecord]:
        """Return the watermark of every source fetched so far, by name."""
        with reading(self._engine) as db:
            return {
                record.name: SourceRecord(**{**record._mapping, "state": SourceState(record.state)})
                for record in db.execute(select(sources).order_by(sources.c.name))
            }

    def save(self, record: SourceRecord) -> None:
        """Store the result of the last attempt."""
        values = {name: getattr(record, name) for name in SourceRecord.__dataclass_fields__}
        values["validators"] = dict(record.validators)
        with writing(self._engine) as db:
            db.execute(upsert(db, sources).values(values).on_conflict_do_update(index_elements=["name"], set_=values))
