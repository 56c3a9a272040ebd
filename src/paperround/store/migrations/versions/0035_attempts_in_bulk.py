"""PostgreSQL checks that the letters of new attempts exist once a statement, not once a row.

A group of outcomes adds some fifty attempts. Checking the foreign key of each was a sixth of what a letter took the
server. The triggers are those of migration 0034, which says what they promise.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_SETTINGS = "LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan"
_EXISTS = """
    DECLARE
        wanted bigint[] := (SELECT array_agg(DISTINCT delivery) FROM added);
        present bigint := (
            SELECT count(*)
            FROM (SELECT FROM {schema}.deliveries WHERE "row" = ANY (wanted) ORDER BY "row" FOR KEY SHARE) AS locked
        );
    BEGIN
        IF present < cardinality(wanted) THEN
            RAISE foreign_key_violation USING
                MESSAGE = 'a new row of "attempts" has a delivery that does not exist',
                TABLE = 'attempts', COLUMN = 'delivery', CONSTRAINT = 'attempts_delivery_exists';
        END IF;
        RETURN NULL;
    END
"""
_GOES = """
    BEGIN
        DELETE FROM {schema}.attempts WHERE delivery = ANY (ARRAY(SELECT "row" FROM removed));
        RETURN NULL;
    END
"""
_STAYS = """
    BEGIN
        RAISE foreign_key_violation USING
            MESSAGE = 'a row of "attempts" keeps its delivery',
            TABLE = 'attempts', COLUMN = 'delivery', CONSTRAINT = 'attempts_delivery_stays';
    END
"""
_TRIGGERS = (
    ("exists", _EXISTS, "AFTER INSERT ON attempts REFERENCING NEW TABLE AS added FOR EACH STATEMENT"),
    ("goes", _GOES, "AFTER DELETE ON deliveries REFERENCING OLD TABLE AS removed FOR EACH STATEMENT"),
    (
        "stays",
        _STAYS,
        "BEFORE UPDATE OF delivery ON attempts FOR EACH ROW WHEN (old.delivery IS DISTINCT FROM new.delivery)",
    ),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # With the schema, so that they also work where another one is searched first, as in a restore by pg_restore.
    schema = op.get_bind().scalar(sa.select(sa.func.quote_ident(sa.func.current_schema())))
    op.execute("ALTER TABLE attempts DROP CONSTRAINT IF EXISTS fk_attempts_delivery")
    for kind, body, event in _TRIGGERS:
        name = f"attempts_delivery_{kind}"
        op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger {_SETTINGS} AS $${body.format(schema=schema)}$$")
        op.execute(f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
