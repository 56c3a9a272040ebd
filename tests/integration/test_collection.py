"""The snapshot of the newest papers that scores are based on."""

from __future__ import annotations

import pytest

from paperround.rounds import collection
from paperround.rounds.collection import Collection
from support.papers import listing
from support.site import MORNING, Site


def test_a_renewed_snapshot_is_what_reading_the_newest_papers_gives(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "_COUNTED_PAPERS", 6)
    snapshots = Collection(site.app)
    for first, last in ((1, 2), (2, 3), (3, 8), (8, 9), (9, 30)):
        site.app.store.papers.add([listing(number) for number in range(first, last)], MORNING)
        snapshots.fixed()
        snapshots.renew()
        fresh = Collection(site.app).fixed()
        if last != 9:  # one paper of eight is no quarter: the snapshot stays
            assert snapshots.fixed().papers == fresh.papers
            assert snapshots.fixed().statistics == fresh.statistics
