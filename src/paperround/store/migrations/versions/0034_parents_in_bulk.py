"""PostgreSQL checks the parents of rows that rounds and imports add by thousands once a statement, not once a row.

Checking a foreign key is a query of its own for each row: three fifths of what an import took the server, and a fifth
of publishing. Triggers that run once for each statement replace the constraints of four tables and promise the same:

* A new row's parents exist: they are looked up, and locked as for a foreign key, so that whoever deletes one meanwhile
  waits and then deletes the new rows too.
* Who deletes parents deletes their rows, after waiting for those who are adding some.
* A row does not change its parent, but for subscriptions, which move from one topic to another.

What they lack is that of transactions at the level REPEATABLE READ, which would overlook rows that were added since
they began; none that writes has it. A letter's issue is the issue of its digest, so nothing checks it.

SQLite looks up a parent without a query of its own, and keeps its foreign keys.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_PARENTS = (
    ("subscriptions", "subscriber", "subscribers"),
    ("subscriptions", "topic", "topics"),
    ("digests", "issue", "issues"),
    ("digests", "subscriber", "subscribers"),
    ("deliveries", "subscriber", "subscribers"),
    ("deliveries", "digest", "digests"),
    ("unsent_lists", "subscriber", "subscribers"),
)
# With other settings, a thousand keys would be looked up by reading a table of twenty thousand rows. A function for each
# pair of tables keeps its plans: making them anew would take a statement with one row three times as long.
_SETTINGS = "LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan"
_EXISTS = """
    DECLARE
        wanted bigint[] := (SELECT array_agg(DISTINCT {column}) FROM added WHERE {column} IS NOT NULL);
        present bigint := (
            SELECT count(*)
            FROM (SELECT FROM {schema}.{parents} WHERE "row" = ANY (wanted) ORDER BY "row" FOR KEY SHARE) AS locked
        );
    BEGIN
        IF present < cardinality(wanted) THEN
            RAISE foreign_key_violation USING
                MESSAGE = 'a new row of "{table}" has a {column} that does not exist',
                TABLE = '{table}', COLUMN = '{column}', CONSTRAINT = '{table}_{column}_exists';
        END IF;
        RETURN NULL;
    END
"""
_GOES = """
    BEGIN
        DELETE FROM {schema}.{table} WHERE {column} = ANY (ARRAY(SELECT "row" FROM removed));
        RETURN NULL;
    END
"""
_STAYS = """
    BEGIN
        RAISE foreign_key_violation USING
            MESSAGE = 'a row of "{table}" keeps its {column}',
            TABLE = '{table}', COLUMN = '{column}', CONSTRAINT = '{table}_{column}_stays';
    END
"""
_TRIGGERS = (
    ("exists", _EXISTS, "AFTER INSERT ON {table} REFERENCING NEW TABLE AS added FOR EACH STATEMENT"),
    ("goes", _GOES, "AFTER DELETE ON {parents} REFERENCING OLD TABLE AS removed FOR EACH STATEMENT"),
)
_MOVES = ("moves", _EXISTS, "AFTER UPDATE ON {table} REFERENCING NEW TABLE AS added FOR EACH STATEMENT")
_KEEPS = (
    "stays",
    _STAYS,
    "BEFORE UPDATE OF {column} ON {table} FOR EACH ROW WHEN (old.{column} IS DISTINCT FROM new.{column})",
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # With the schema, so that they also work where another one is searched first, as in a restore by pg_restore.
    schema = op.get_bind().scalar(sa.select(sa.func.quote_ident(sa.func.current_schema())))
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS fk_deliveries_issue")
    for table, column, parents in _PARENTS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS fk_{table}_{column}")
        names = {"table": table, "column": column, "parents": parents, "schema": schema}
        for kind, body, event in (*_TRIGGERS, _MOVES if table == "subscriptions" else _KEEPS):
            name = f"{table}_{column}_{kind}"
            op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
            op.execute(f"CREATE FUNCTION {name}() RETURNS trigger {_SETTINGS} AS $${body.format(**names)}$$")
            op.execute(f"CREATE TRIGGER {name} {event.format(**names)} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
