"""The search index of the store: the same on both databases, and never behind the papers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from paperround.matching import fts
from paperround.matching.fields import TEXT
from paperround.matching.query import Phrase, parse, positive_phrases
from paperround.operator.seeds import load_seeds
from paperround.rounds.search import SearchOrder, search_papers
from support.papers import listing
from support.site import MORNING, Site


def found(site: Site, query: str, limit: int = 10, offset: int = 0) -> list[str | None]:
    return [one.paper.arxiv_id for one in search_papers(site.app, query, limit, offset).found]


def test_a_word_in_the_title_comes_before_keywords_before_the_abstract_and_of_equals_the_newest(site: Site) -> None:
    plain = {"title": "A study", "abstract": "We measure what the others guessed.", "authors": ["Ada Bee"]}
    site.papers(
        listing(1, **plain | {"abstract": "We measure what the drones guessed."}),
        listing(2, **plain | {"keywords": ["drones"], "title": "Another study"}),
        listing(3, **plain | {"title": "A drones"}),
        listing(4, **plain | {"title": "On drones"}),
        listing(5, **plain | {"title": "A third one"}),
    )
    assert found(site, "drones") == ["2611.00004", "2611.00003", "2611.00002", "2611.00001"]
    assert found(site, "drones", 2, 1) == ["2611.00003", "2611.00002"]
    scores = [one.score for one in search_papers(site.app, "drones", 10).found]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_where_any_word_will_do_two_of_them_are_better_and_the_rarer_counts_more(
    site: Site,
) -> None:
    plain = {"title": "A study", "authors": ["Ada Bee"]}
    site.papers(
        listing(1, **plain | {"abstract": "We measure drones and kites."}),
        listing(2, **plain | {"title": "Kites", "abstract": "We measure."}),
        *(listing(n, **plain | {"title": f"Drones {n}", "abstract": "We measure."}) for n in range(3, 8)),
        *(listing(n, **plain | {"title": f"Study {n}", "abstract": "We measure drones."}) for n in range(8, 12)),
    )
    order = found(site, "drones OR kites", 20)
    assert order.index("2611.00001") < order.index("2611.00008"), "both words in the abstract, or one"
    assert set(order[:2]) == {"2611.00001", "2611.00002"}, "the rare word, beside another or in the title"


def test_papers_with_all_of_the_words_come_first_in_whatever_form(site: Site) -> None:
    plain = {"authors": ["Ada Bee"], "abstract": "We measure."}
    site.papers(
        listing(1, **plain | {"title": "Stairs", "abstract": "Our robot walked up all of them, at last."}),
        listing(2, **plain | {"title": "Walking robots"}),
        listing(
            3, **plain | {"title": "Robots, a robot and further robots", "abstract": "A robot that hears robots."}
        ),
        listing(4, **plain | {"title": "Robots that hear", "keywords": ["robot"]}),
        listing(5, **plain | {"title": "Walking and walking", "keywords": ["walking"]}),
    )
    order = found(site, "robots that walk")
    assert order[:2] == ["2611.00002", "2611.00001"]
    assert sorted(filter(None, order[2:])) == ["2611.00003", "2611.00004", "2611.00005"]
    assert found(site, "robot walking")[:2] == ["2611.00002", "2611.00001"]
    assert found(site, "robots that walk of zinc")[:2] == ["2611.00002", "2611.00001"], "no paper has zinc"
    _, second = search_papers(site.app, "robots that walk", 2).found
    assert [one.split(": ")[-1] for one in second.why] == ["walked", "robot"]
    assert set(found(site, "walk")) == {"2611.00001", "2611.00002", "2611.00005"}, "no paper has the word itself"
    assert found(site, '"walk"') == [], "a query finds what it says"


def test_a_common_word_of_a_title_does_not_decide_among_the_seeds(tmp_path: Path) -> None:
    made = Site(tmp_path)
    assert load_seeds(made.app)
    best = search_papers(made.app, "robots that walk", 3).found[0]
    assert {one.rpartition(": ")[2] for one in best.why} == {"walking", "robots"}
    made.app.close()


def test_the_texts_of_papers_are_read_from_the_index_as_they_were_put_there(site: Site) -> None:
    site.papers(
        listing(
            1,
            title="Robots, robots",
            abstract="A C++ robot's “chain of thought”: robots of robots. Code is available.",
        ),
        listing(2, title="Agents", abstract="", keywords=["chain of robots", "thought"]),
        listing(3, abstract="A chain. Of thought and robots, of thought.", authors=["Ada O'Neill", "Бен Word"]),
    )
    rows = [3, 99, 1, 2]
    known, texts = site.app.store.papers.indexed_texts(rows)
    assert known == [3, 1, 2]
    papers = site.app.store.papers.by_rows(rows)
    made = fts.read_documents([[*fts.index_document(papers[row]).values()] for row in known])
    assert texts.abstract_lengths() == made.abstract_lengths()
    for query in (
        "robots",
        "rob*",
        '"chain of thought"',
        '"of robots"',
        "C++",
        "author:neill",
        "code",
        '"of th*"',
        "absent",
    ):
        for phrase in positive_phrases(parse(query)):
            for field in [phrase.field] if phrase.field else TEXT:
                assert texts.mentions(phrase, field) == made.mentions(phrase, field), (query, field)
            assert texts.asides(phrase) == made.asides(phrase), query
    assert texts.asides(Phrase(("code",))) == {1: 1}


@pytest.mark.parametrize("text", ["robots", "robots that walk"])
def test_results_are_sorted_by_day_or_by_votes_and_of_equals_the_newest_comes_first(site: Site, text: str) -> None:
    days = [MORNING.date() - timedelta(days=days) for days in (0, 2, 1)]
    site.papers(*(listing(number, day=day, upvotes=1) for number, day in enumerate(days, 1)))
    site.papers(listing(4, day=days[1], upvotes=5))
    for order, numbers in ((SearchOrder.NEWEST, "1342"), (SearchOrder.VOTES, "4132")):
        found = search_papers(site.app, text, 10, order=order).found
        assert "".join((one.paper.arxiv_id or "")[-1] for one in found) == numbers


def test_a_search_says_why_each_paper_is_there(site: Site) -> None:
    site.papers(listing(1, "robots"), *(listing(number, "agents") for number in range(2, 6)))
    [one] = search_papers(site.app, "robots", 10).found
    assert (one.paper.arxiv_id, one.why) == ("2611.00001", ("title: robots",))
    assert one.score == one.parts["words"] > 0


def test_a_paper_that_changed_is_found_by_its_new_words_alone(site: Site) -> None:
    site.papers(listing(1, abstract="About drones."))
    site.papers(listing(1, version=2, abstract="About kites."))
    assert (found(site, "drones"), found(site, "kites")) == ([], ["2611.00001"])


def test_a_paper_that_turned_out_to_be_another_one_is_found_once(site: Site) -> None:
    site.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1"),
        listing(1, title="Robots under quite another title at first"),
    )
    assert len(found(site, "robots")) == 2
    site.papers(listing(1, version=2))
    assert found(site, "robots") == ["2611.00001"]


def test_papers_are_found_and_counted_by_the_day_they_were_announced(site: Site) -> None:
    today = MORNING.date()
    site.papers(*(listing(number, day=today - timedelta(days=number)) for number in range(1, 8)))
    browsing, robots = site.app.store.browsing, parse("robots")
    days = today - timedelta(days=4), today - timedelta(days=2)
    assert [paper.row for paper in browsing.matching(robots, 3)] == [7, 6, 5]
    assert [paper.row for paper in browsing.matching(robots, 9, days)] == [4, 3, 2]
    assert (browsing.count_found(robots, 100, days), browsing.count_found(robots, 2, days)) == (3, 2)


@pytest.mark.parametrize("query", ["drones", "drones OR kites", "drones kites"])
@pytest.mark.parametrize("order", SearchOrder)
def test_the_pages_of_a_search_show_each_paper_once(site: Site, query: str, order: SearchOrder) -> None:
    # The older a paper, the better it fits: what larger limits find in addition would come before earlier pages.
    site.papers(
        *(
            listing(
                number, title=f"Study {number}", abstract=f"{'Drones and kites. ' * (9 - number // 50)}Others guess."
            )
            for number in range(1, 401)
        )
    )
    shown = [
        [one.paper.row for one in search_papers(site.app, query, 40, offset, order=order).found]
        for offset in range(0, 400, 40)
    ]
    rows = [row for page in shown for row in page]
    assert len(set(rows)) == len(rows)
    together = [one.paper.row for one in search_papers(site.app, query, len(rows), order=order).found]
    assert rows == together
    assert len(rows) >= 200


def test_all_that_a_topic_matches_comes_in_chunks(site: Site) -> None:
    site.papers(*(listing(number) for number in range(1, 8)))
    chunks = site.app.store.papers.matching(parse("robots"), 2, 3)
    assert [[paper.row for paper in chunk] for chunk in chunks] == [[2, 3, 4], [5, 6, 7]]
