"""Private feeds: the papers that match a subscriber's topics and queries, at a secret URL."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine, func, select, update

from paperround.domain.models import Paper, Subscriber
from paperround.store.engine import reading, writing
from paperround.store.papers import load_in_order
from paperround.store.schema import matches, subscribers, subscriptions
from paperround.store.subscribers import SUBSCRIBED, load_subscribers


class PrivateFeeds:
    """Secrets and papers of private feeds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def secret(self, subscriber: int) -> str:
        """Return the secret of a subscriber's feed, or an empty text if they have none."""
        with reading(self._engine) as db:
            return db.scalar(select(subscribers.c.feed_secret).where(subscribers.c.row == subscriber)) or ""

    def set_secret(self, subscriber: int, secret: str | None) -> None:
        """Replace the secret of a subscriber's feed; None turns the feed off."""
        with writing(self._engine) as db:
            db.execute(update(subscribers).where(subscribers.c.row == subscriber).values(feed_secret=secret))

    def owner(self, secret: str) -> Subscriber | None:
        """Return the active or paused subscriber whose feed has this secret, or None."""
        mine = (subscribers.c.feed_secret == secret) & subscribers.c.state.in_(SUBSCRIBED)
        with reading(self._engine) as db:
            return next(iter(load_subscribers(db, mine)), None)

    def papers(self, subscriber: int, since: date, limit: int, offset: int = 0) -> list[Paper]:
        """Return papers since a day that match what the subscriber follows, newest day and best match first.

        Those that the subscriber leaves out are among them.
        """
        followed = select(subscriptions.c.topic).where(subscriptions.c.subscriber == subscriber)
        query = (
            select(matches.c.paper)
            .where(matches.c.topic.in_(followed), matches.c.day >= since)
            .group_by(matches.c.paper)
            .order_by(func.max(matches.c.day).desc(), func.max(matches.c.score).desc(), matches.c.paper)
            .limit(limit)
            .offset(offset)
        )
        with reading(self._engine) as db:
            return load_in_order(db, db.scalars(query).all())
