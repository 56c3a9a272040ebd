"""The database: one concrete class on SQLAlchemy Core, for SQLite and PostgreSQL.

`Store` has one attribute for each group of statements: `store.papers`, `store.pictures`, `store.topics`,
`store.subscribers`, `store.issues`, `store.feedback`, `store.examples`, `store.vectors`, `store.summaries`,
`store.deliveries`, `store.relay`, `store.bounces`, `store.events`, `store.sources` and others. Each is in the file of
its name. `store.browsing` reads for the public pages, `store.data_export` all about one subscriber, and
`store.explanations` explains why a paper was or was not sent. Each method is one transaction.
"""

from __future__ import annotations

from paperround.store.store import Store

__all__ = ["Store"]
