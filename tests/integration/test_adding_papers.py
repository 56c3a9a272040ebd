"""A batch of listings is stored as if each had come alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import count, permutations
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperround.domain.models import Listing, Paper, Picture
from paperround.store.known_listings import KnownListings
from support.papers import listing
from support.site import MORNING, Site
from support.statements import statements


class Report(NamedTuple):
    """What a source says of a paper; reports with the same number or title may be of the same one."""

    number: int
    source: str
    day: int
    title: str
    has_id: bool
    votes: int | None

    def listing(self, example: int) -> Listing:
        """Return the listing, whose numbers and titles occur in no other example."""
        number = 10 * example + self.number
        return listing(
            number,
            source=self.source,
            day=date(2026, 11, self.day),
            title=f"{self.title} {example}",
            authors=["Ada Lark"],
            url=f"https://papers.example/{number}",
            upvotes=self.votes,
            **({} if self.has_id else {"arxiv_id": None, "kind": "feed", "version": None}),
        )


REPORTS = st.builds(
    Report,
    number=st.integers(1, 6),
    source=st.sampled_from(["arxiv", "hf-daily", "blog"]),
    day=st.integers(20, 21),
    title=st.sampled_from(["Robots that walk", "Robots that swim", "A theory of tables"]),
    has_id=st.booleans(),
    votes=st.none() | st.integers(0, 9),
)
EXAMPLES = count(1)


@pytest.fixture
def sites(tmp_path: Path, database_url: str) -> Iterator[tuple[Site, Site]]:
    (tmp_path / "other").mkdir()
    both = Site(tmp_path, database_url), Site(tmp_path / "other")
    yield both
    for site in both:
        site.app.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(REPORTS, max_size=4), batch=st.lists(REPORTS, max_size=8))
def test_a_batch_is_stored_as_if_its_listings_had_come_one_by_one(
    sites: tuple[Site, Site], before: list[Report], batch: list[Report]
) -> None:
    example = next(EXAMPLES)
    earlier, later = ([one.listing(example) for one in some] for some in (before, batch))
    for site in sites:
        site.app.store.papers.add(earlier, MORNING)
    together, alone = sites
    repeated = [*earlier[::2], *later, *earlier]
    together.app.store.papers.add(repeated, MORNING)
    with patch.object(KnownListings, "rows_of_unchanged", lambda _, _db, batch: [None] * len(batch)):
        for one in repeated:
            alone.app.store.papers.add([one], MORNING)
    assert _stored(together, earlier + later) == _stored(alone, earlier + later)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(REPORTS, max_size=8), thumbnail=st.booleans())
def test_what_adding_returns_is_what_is_stored(
    sites: tuple[Site, Site], batch: list[Report], thumbnail: bool
) -> None:
    example, papers = next(EXAMPLES), sites[0].app.store.papers
    url = "https://papers.example/1.png" if thumbnail else None
    added = papers.add([one.listing(example).model_copy(update={"thumbnail_url": url}) for one in batch], MORNING)
    found = [*added.new, *added.updated]
    read = papers.by_rows([paper.row for paper in found])
    assert found == [read[paper.row] for paper in found]
    assert [paper.model_dump_json() for paper in found] == [read[paper.row].model_dump_json() for paper in found]
    assert all(Paper.model_validate(paper.model_dump()) == paper for paper in found)


def test_a_new_paper_gets_the_picture_that_is_stored_for_its_thumbnail(sites: tuple[Site, Site]) -> None:
    store, url = sites[0].app.store, "https://papers.example/2.png"
    store.papers.add([listing(7001, thumbnail_url=url)], MORNING)
    store.pictures.keep(url, Picture(name="2.png", width=1, height=1), b"PNG", MORNING)
    (added,) = store.papers.add([listing(7002, title="Another title of a paper", thumbnail_url=url)], MORNING).new
    assert added.picture == Picture(name="2.png", width=1, height=1)


def _stored(site: Site, listings: Sequence[Listing]) -> list[tuple[str, ...]]:
    """Return the papers of these listings with what each source said of them."""
    papers = site.app.store.papers
    titles = {one.title for one in listings}
    found = [paper for paper in papers.latest(20) if paper.title in titles]
    return sorted(
        (paper.model_dump_json(exclude={"row"}), *(one.model_dump_json() for one in papers.listings_of(paper.row)))
        for paper in found
    )


_TITLES = "A careful study of robots", "What robots do in kitchens"
_REPORTED = {
    "the DOI of one, the title of another": [
        {"source": "journal", "title": _TITLES[0], "doi": "10.1000/robots"},
        {"source": "mirror", "title": _TITLES[1], "doi": "10.1000/robots"},
        {"source": "blog", "title": _TITLES[1], "url": "https://blog.example/1"},
    ],
    "an entry of the second feed gets another title": [
        {"source": "arxiv", "kind": "arxiv", "title": _TITLES[0], "arxiv_id": "2611.00001"},
        {"source": "one", "title": _TITLES[0], "guid": "one-1", "url": "https://one.example/1"},
        {"source": "two", "title": _TITLES[0], "guid": "two-1", "url": "https://two.example/1"},
        {"source": "two", "title": _TITLES[1], "guid": "two-1", "url": "https://two.example/1", "day": "2026-11-21"},
    ],
    "the address is known from an entry whose paper has a DOI": [
        {"source": "journal", "title": _TITLES[0], "doi": "10.1000/robots"},
        {"source": "blog", "title": _TITLES[0], "url": "https://blog.example/1"},
        {"source": "blog", "title": _TITLES[1], "url": "https://blog.example/1", "day": "2026-11-21"},
    ],
}


@pytest.mark.parametrize("reported", _REPORTED.values(), ids=_REPORTED)
def test_reports_that_share_a_key_are_one_paper_in_whatever_order_they_come(
    sites: tuple[Site, Site], reported: list[dict[str, str]]
) -> None:
    for site in sites:
        papers = site.app.store.papers
        for example, order in enumerate(permutations(reported)):
            before = papers.count()
            for one in order:
                marked = {name: value.replace("robots", f"robots{example}") for name, value in one.items()}
                marked |= {name: f"{value}{example}" for name, value in one.items() if name in {"guid", "url"}}
                marked |= {"arxiv_id": f"2611.1{example:04}"} if "arxiv_id" in one else {}
                facts = {"kind": "feed", "day": "2026-11-20", "authors": ["Ada Lark"], **marked}
                papers.add([Listing.model_validate(facts)], MORNING)
            assert papers.count() == before + 1, [one["source"] for one in order]


_COLUMN = {"kind": "feed", "title": "This week in robot learning research", "authors": ["Ada Lark"]}


def _post(feed: str, week: int, **facts: object) -> Listing:
    """The entry of a weekly column with a fixed title, as a feed reports it."""
    own = {"source": feed, "guid": f"{feed}-{week}", "day": date(2026, 11, week), "published": date(2026, 11, week)}
    own |= {"url": f"https://{feed}.example/{week}", "abstract": f"Week {week}."}
    return Listing.model_validate(_COLUMN | own | facts)


@pytest.mark.parametrize("order", list(permutations((("lab", 9), ("lab", 16), ("lab", 23)))))
def test_each_post_of_a_series_is_a_paper_and_is_known_again(
    sites: tuple[Site, Site], order: tuple[tuple[str, int], ...]
) -> None:
    papers = sites[1].app.store.papers
    for one in order:
        assert len(papers.add([_post(*one)], MORNING).new) == 1
    corrected = papers.add([_post(*one, abstract="Corrected.") for one in order], MORNING)
    assert (len(corrected.new), len(corrected.updated), papers.count()) == (0, 3, 3)


def test_posts_that_are_one_paper_since_an_earlier_version_stay_one(sites: tuple[Site, Site]) -> None:
    papers = sites[1].app.store.papers
    papers.add([_post("lab", 9)], MORNING)
    papers.add([_post("lab", 16, guid="lab-9")], MORNING)  # so that both are listings of one paper
    assert papers.add([_post("lab", 9), _post("lab", 16, guid="lab-9")], MORNING).unchanged == 1
    assert papers.count() == 1


def test_feeds_read_by_turns_that_differ_in_where_a_paper_is_published_change_it_once(
    sites: tuple[Site, Site],
) -> None:
    papers = sites[1].app.store.papers
    published_in = {"doi": "10.5802/jep.257", "journal": "Journal de l'École polytechnique, Tome 11 (2024)"}
    atom, rss = listing(1, source="arxiv"), listing(1, source="arxiv", **published_in)
    results = [papers.add([one], MORNING) for one in (atom, rss, atom, rss)]
    assert [len(result.updated) for result in results] == [0, 1, 0, 0]
    (paper,) = results[1].updated
    stored = papers.by_id(paper.id)
    assert stored is not None
    assert {"doi": stored.doi, "journal": stored.journal} == published_in


@pytest.mark.parametrize("order", list(permutations((("lab", 9), ("planet", 9), ("lab", 16)))))
def test_a_series_stays_one_although_another_feed_lists_it_too(
    sites: tuple[Site, Site], order: tuple[tuple[str, int], ...]
) -> None:
    papers = sites[1].app.store.papers
    papers.add([_post(feed, week, url=f"https://lab.example/{week}") for feed, week in order], MORNING)
    papers.add([_post("planet", 16, url="https://lab.example/16")], MORNING)
    assert papers.count() == 2


def test_a_paper_keeps_each_of_its_dois_whoever_names_its_authors_otherwise(sites: tuple[Site, Site]) -> None:
    papers = sites[1].app.store.papers
    facts = {"title": "A careful study of robots", "source": "one", "day": date(2026, 11, 20)}
    papers.add([Listing.model_validate(facts | {"doi": "10.1101/1", "authors": ["Ada Lark"]})], MORNING)
    papers.add(
        [Listing.model_validate(facts | {"source": "two", "doi": "10.1038/2", "authors": ["Ada Lark"]})], MORNING
    )
    for doi in ("10.1101/1", "10.1038/2"):
        again = Listing.model_validate(facts | {"source": "three", "doi": doi, "authors": ["Lark Studies"]})
        assert not papers.add([again], MORNING).new


def test_known_listings_are_recognized_with_the_same_statements_however_many_there_are(
    sites: tuple[Site, Site],
) -> None:
    site = sites[0]
    batch = [listing(number, source=source) for number in range(1, 41) for source in ("arxiv", "hf-daily")]
    site.app.store.papers.add(batch, MORNING)
    asked = []
    for known in (batch[:2], batch):
        with statements(site) as executed:
            result = site.app.store.papers.add(known, MORNING)
        assert (result.new, result.updated, result.unchanged) == ([], [], len(known) // 2)
        asked.append(len(executed))
    assert asked[0] == asked[1]


def test_a_known_listing_counts_for_the_paper_into_which_another_of_its_batch_merges_its_own(
    sites: tuple[Site, Site],
) -> None:
    papers = sites[0].app.store.papers
    preprint = listing(1, source="arxiv")
    article = listing(
        2, source="biorxiv", arxiv_id=None, version=None, doi="10.1101/2026.04.08", title="Another title"
    )
    both = article.model_copy(update={"arxiv_id": preprint.arxiv_id, "source": "hf-daily"})
    papers.add([preprint, article], MORNING)
    merged = papers.add([both, article, preprint], MORNING)
    assert (len(merged.new), len(merged.updated), merged.unchanged) == (0, 1, 0)
    assert papers.count() == 1
    assert papers.add([preprint, article, both], MORNING).unchanged == 1
