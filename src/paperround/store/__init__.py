"""The database: one concrete class on SQLAlchemy Core, for SQLite and PostgreSQL.

`Store` has one attribute for each group of statements, such as `store.papers`; each is in the file of its name. Each
method is one transaction.

| what | modules |
|---|---|
| the database itself | `store`, `schema`, `engine`, `database_url`, `errors`, `bulk`, `site_values`, `migrations` |
| copies of it | `backup`, `carry_over`, `copying`, `foreign_tables` |
| papers | `papers`, `known_listings`, `merged_papers`, `sources`, `pictures`, `summaries` |
| lists of papers | `search`, `browsing`, `shown` |
| vectors of papers and interests | `vectors`, `vector_queue` |
| topics and their matches | `topics`, `unread`, `close_papers` |
| subscribers | `subscribers`, `subscriber_changes`, `subscription_requests`, `address_changes`, `data_export` |
| suppressed addresses | `suppressions`, `suppression_rows`, `address_hashes` |
| what subscribers say and keep | `feedback`, `examples`, `reading_lists`, `private_feeds` |
| digests | `issues`, `due`, `new_digests`, `sent_before`, `owned_papers`, `sent_papers`, `unsent`, `explanations` |
| letters on their way | `deliveries`, `delivery_conditions`, `objections`, `attempts`, `relay` |
| letters that came back | `bounces`, `alarms`, `webhook_signatures` |
| reports for the operator | `overview`, `delivery_reports` |
| access and changes | `access`, `pending_write`, `events` |
| limits and age | `quotas`, `service_turns`, `retention` |
"""

from __future__ import annotations

from paperround.store.store import Store

__all__ = ["Store"]
