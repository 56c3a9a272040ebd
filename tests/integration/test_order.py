"""The order of a letter: five copies do not fill it, and what ranked its papers is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paperround.operator import preview, queries
from paperround.operator.considered import considered_papers
from paperround.operator.preview import PreviewRequest
from paperround.rounds import pipeline
from paperround.store import issues
from paperround.subscribers import membership
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"
_OTHERS = (
    "whales sing across an ocean of sound",
    "bridges hear their cables snap in winter",
    "bakers time the rise of sourdough by ear",
)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("studies", "study")
    return site


def _morning(site: Site) -> None:
    """Five papers that say much the same and are popular, three others, and the next morning."""
    copies = [
        listing(n, title=f"A study of grippers that feel glass slip, part {n}", abstract="grippers feel", upvotes=40)
        for n in range(1, 6)
    ]
    others = [
        listing(n, title=f"A study: how {said}", abstract=said, upvotes=20) for n, said in enumerate(_OTHERS, 6)
    ]
    site.papers(*copies, *others)
    site.clock.now += timedelta(days=1)


def _titles(site: Site, rows: tuple[int, ...]) -> list[str]:
    known = site.app.store.papers.by_rows(rows)
    return [known[row].title for row in rows]


def test_five_copies_do_not_fill_a_letter_and_none_of_them_is_lost(site: Site) -> None:
    site.subscriber(_EMAIL, "studies")
    membership.change(site.app, membership.subscriber(site.app, _EMAIL), {"max_papers": 5})
    _morning(site)
    pipeline.publish(site.app)
    digest = site.app.store.issues.digests_of(membership.subscriber(site.app, _EMAIL).row)[0]
    titles = _titles(site, digest.papers)
    assert sum("grippers" in title for title in titles) == 2
    assert "grippers" in titles[0]
    assert len(digest.more) == 3


def test_only_the_digests_that_are_asked_for_are_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.subscriber(_EMAIL, "studies")
    for number in range(1, 4):
        site.papers(listing(number, title=f"A study of storks {number}"))
        site.clock.now += timedelta(days=1)
        pipeline.publish(site.app)
    row = membership.subscriber(site.app, _EMAIL).row
    every = site.app.store.issues.digests_of(row)
    read: list[object] = []
    sections = issues._sections
    monkeypatch.setattr(issues, "_sections", lambda stored: read.append(stored) or sections(stored))
    assert site.app.store.issues.digests_of(row, 1) == every[:1]
    assert len(read) == 1 < len(every)


def test_the_parts_of_a_rank_are_told_by_delivery_and_preview_alike(site: Site) -> None:
    site.subscriber(_EMAIL, "studies")
    _morning(site)
    pipeline.publish(site.app)
    [delivery] = queries.deliveries(site.app)
    told = queries.delivery(site.app, delivery["id"])
    assert told is not None
    scores = {one["paper"]: one for one in told["scores"]}
    assert list(scores) == delivery["papers"]
    for one in scores.values():
        assert sum(one["parts"].values()) == pytest.approx(one["rank"], abs=1e-3)
    assert {one["parts"]["repetition"] for one in scores.values()} == {0, -0.1, -0.2, -0.3}
    [digest] = site.app.store.issues.digests_of(membership.subscriber(site.app, _EMAIL).row)
    shown = preview.build(site.app, PreviewRequest(_EMAIL, day=digest.day))
    assert shown is not None
    considered = considered_papers(site.app, shown)
    assert {one.paper.id: one.rank for one in considered} == {name: one["rank"] for name, one in scores.items()}
    assert queries.delivery(site.app, delivery["id"] + 1) is None
