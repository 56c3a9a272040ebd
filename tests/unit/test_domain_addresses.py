"""Links lead to a paper, and do not say where its reader found it."""

from __future__ import annotations

import pytest

from paperround.domain.addresses import without_tracking


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://x.example/10.1101/2026.11.17.1v1?rss=1", "https://x.example/10.1101/2026.11.17.1v1"),
        ("https://x.example/fulltext/S1?rss=yes", "https://x.example/fulltext/S1"),
        ("https://x.example/doi/10.1002/a?af=R", "https://x.example/doi/10.1002/a"),
        ("https://x.example/pii/S1?dgcid=rss_sd_all", "https://x.example/pii/S1"),
        ("https://x.example/?utm_source=rss&id=7&utm_medium=feed#abstract", "https://x.example/?id=7#abstract"),
        ("https://x.example/a?utm_source=rss#abstract", "https://x.example/a#abstract"),
        ("https://x.example/forum?id=aB%2Fc&rss=2", "https://x.example/forum?id=aB%2Fc&rss=2"),
        ("https://x.example/a#part", "https://x.example/a#part"),
        ("https://x.example/a", "https://x.example/a"),
    ],
)
def test_what_counts_visitors_is_removed_from_an_address(url: str, bare: str) -> None:
    assert without_tracking(url) == bare
