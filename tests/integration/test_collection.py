"""The snapshot of the newest papers that scores are based on."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from paperround.rounds import collection
from paperround.rounds.collection import Collection
from support.papers import listing
from support.site import MORNING, Site
from support.threads import at_once


def test_a_renewed_snapshot_is_what_reading_the_newest_papers_gives(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "COUNTED_PAPERS", 6)
    snapshots = Collection(site.app)
    for first, last in ((1, 2), (2, 3), (3, 8), (8, 9), (9, 30)):
        site.app.store.papers.add([listing(number) for number in range(first, last)], MORNING)
        snapshots.fixed()
        snapshots.renew()
        fresh = Collection(site.app).fixed()
        if last != 9:  # one paper of eight is no quarter: the snapshot stays
            assert snapshots.fixed().papers == fresh.papers
            assert snapshots.fixed().statistics == fresh.statistics


def test_a_snapshot_that_two_threads_renew_at_once_has_each_paper_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.app.store.papers.add([listing(number) for number in range(4)], MORNING)
    snapshots = Collection(site.app)
    snapshots.fixed()
    site.app.store.papers.add([listing(number) for number in range(4, 9)], MORNING)
    both, last_row = threading.Barrier(2), site.app.store.browsing.last_row

    def read_then_wait_for_the_other() -> int:
        row = last_row()
        with suppress(threading.BrokenBarrierError):  # the other waits for the lock
            both.wait(0.3)
        return row

    monkeypatch.setattr(site.app.store.browsing, "last_row", read_then_wait_for_the_other)
    at_once([snapshots.renew, snapshots.renew])
    assert len(snapshots.fixed().papers) == len({paper.row for paper in snapshots.fixed().papers}) == 9


def test_a_word_of_ordinary_english_is_no_typing_mistake_though_no_paper_has_it(site: Site) -> None:
    site.app.store.papers.add([listing(number, title=f"The setting {number}") for number in range(1, 5)], MORNING)
    snapshots = Collection(site.app)
    assert snapshots.correct("letting computers grade essays").changes == ()
    assert snapshots.correct("an unusual settng").changes == (("settng", "setting"),)
