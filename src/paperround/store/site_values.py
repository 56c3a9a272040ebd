"""Named values of the site, in the table `notes`. It has nothing to do with the notes of digests (`NoteKind`).

| name | value | module |
|---|---|---|
| `port` | the port that the site was last served on | `operator.startup` |
| `seeds` | whether the seeds were loaded | `operator.seeds` |
| `topics.toml` | a hash of the topics file that was loaded last | `rounds.topics_file` |
| `topics of the file` | the slugs that were ever loaded from it | `rounds.topics` |
| `clock` | since when the clock has been steady, and its last time | `rounds.retention` |
| `text form` | the form of the search index | `rounds.topic_matching` |
| `text form … after` | how far papers were indexed in a new form | `rounds.topic_matching` |
| `link salt` | the salt of the keys that sign links, the same in copies of a database | `app`, `store.carry_over` |
| `unused numbers` | subscribers' numbers that were left out when backups were restored | `store.carry_over` |
| `address key` | the encrypted key of the hashes of erased addresses | `store.address_hashes` |
| `may be asked at …` | when a service may be called again | `store.service_turns` |
| `merged` | the paper that was merged last | `store.merged_papers` |
| `vectors kept` | how many times vectors were stored | `store.vectors` |
| `vectors compared` | the last of these whose papers were compared with all interests | `store.vectors` |
| `version of …` | the version of another library's tables | `store.foreign_tables` |
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, select

from paperround.store.engine import reading, upsert, writing
from paperround.store.schema import site_values


class SiteValues:
    """The named values of the site. A name that is not set has no value."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> str | None:
        """Return a value by its name, or None if it is not set."""
        with reading(self._engine) as db:
            return read_value(db, name)

    def starting_with(self, beginning: str) -> dict[str, str]:
        """Return the values whose names start with `beginning`, by name."""
        query = select(site_values.c.name, site_values.c.value).where(
            site_values.c.name.startswith(beginning, autoescape=True)
        )
        with reading(self._engine) as db:
            return dict(db.execute(query.order_by(site_values.c.name)).all())

    def set(self, name: str, value: str) -> None:
        """Store a value under a name, in place of a former one."""
        with writing(self._engine) as db:
            write_value(db, name, value)

    def delete(self, name: str) -> None:
        """Delete a value if it is set."""
        with writing(self._engine) as db:
            db.execute(delete(site_values).where(site_values.c.name == name))


def read_value(db: Connection, name: str) -> str | None:
    """Return a value by its name, or None if it is not set, within a transaction."""
    value: str | None = db.scalar(select(site_values.c.value).where(site_values.c.name == name))
    return value


def write_value(db: Connection, name: str, value: str) -> None:
    """Store a value under a name, in place of a former one, within a transaction."""
    statement = upsert(db, site_values).values(name=name, value=value)
    db.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def write_first(db: Connection, name: str, value: str) -> None:
    """Store a value under a name unless it has one, within a transaction."""
    db.execute(upsert(db, site_values).values(name=name, value=value).on_conflict_do_nothing())
