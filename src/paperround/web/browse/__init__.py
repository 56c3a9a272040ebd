"""Public pages: papers, topics, search and feeds.

| what | modules |
|---|---|
| papers of a day, a week or a month | `papers`, `periods`, `period_links`, `source_notes` |
| one paper | `paper`, `citations`, `pictures` |
| topics and search | `topics`, `search` |
| feeds and exports | `feed_pages`, `feeds`, `export`, `crawlers` |
| what emails contain | `example`, `letter_charts` |
| parts of pages | `cards`, `charts`, `static_files` |
"""
