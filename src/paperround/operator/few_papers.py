"""Say what a site with few papers means for its topics."""

from __future__ import annotations

from paperround.app import App
from paperround.domain.interest_trial import has_few_papers
from paperround.domain.text import counted


def describe_few_papers(app: App) -> str:
    """Return that topics in plain words take little while the site has few papers, and what takes more; "" if not."""
    total = app.store.papers.count()
    if not has_few_papers(total):
        return ""
    return (
        f"the site has only {counted(total, 'paper', 'papers')} so far, so topics in plain words take only a part of "
        "their field; to take more, write a query with operators (docs/queries.md) or add sources; a reader can take "
        "the same words as their own interest, with a wider breadth"
    )
