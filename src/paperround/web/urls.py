"""The addresses of pages that others lead to."""

from __future__ import annotations

from urllib.parse import quote


def page_of(paper_id: str) -> str:
    """Return the path of a paper's page."""
    return f"/papers/{quote(paper_id, safe='/')}"
