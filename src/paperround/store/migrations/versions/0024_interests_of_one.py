"""Each subscriber has interests of their own: those that several shared are split, with their matches.

Which papers an interest takes depends on the answers and the breadth of its subscriber. What the shared ones had
matched may be right for one of them at most, so that all unread matches are due.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SHARED = """SELECT topics.row, topics.query, subscriptions.subscriber FROM topics
JOIN subscriptions ON subscriptions.topic = topics.row
WHERE topics.private AND topics.slug LIKE 'own-%' ORDER BY topics.row, subscriptions.subscriber"""
_COPY = """INSERT INTO topics (slug, name, query, about, private, vector, vector_of, matched_query)
SELECT :slug, name, query, about, private, vector, vector_of, matched_query FROM topics WHERE row = :topic"""
_COPY_MATCHES = """INSERT INTO matches (topic, paper, day, score, why, edition)
SELECT copy.row, matches.paper, matches.day, matches.score, matches.why, matches.edition
FROM matches, topics AS copy WHERE matches.topic = :topic AND copy.slug = :slug"""
_FOLLOW_COPY = """UPDATE subscriptions SET topic = (SELECT row FROM topics WHERE slug = :slug)
WHERE topic = :topic AND subscriber = :subscriber"""
_RENAME = "UPDATE topics SET slug = :slug WHERE row = :topic"


def upgrade() -> None:
    for name in ("renewals", "renewed"):
        op.add_column("topics", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    db, kept = op.get_bind(), set[int]()
    for topic, query, subscriber in db.execute(sa.text(_SHARED)).all():
        values = {"slug": _slug(query, subscriber), "topic": topic, "subscriber": subscriber}
        steps = (_COPY, _COPY_MATCHES, _FOLLOW_COPY) if topic in kept else (_RENAME,)
        for step in steps:
            db.execute(sa.text(step), {name: value for name, value in values.items() if f":{name}" in step})
        kept.add(topic)
    op.execute("UPDATE topics SET renewals = 1 WHERE private AND slug LIKE 'own-%'")


def _slug(query: str, subscriber: int) -> str:
    return f"own-{hashlib.sha256(f'{subscriber} {query}'.encode()).hexdigest()[:16]}"


def downgrade() -> None:
    raise NotImplementedError("go back with the backup that was made before")
