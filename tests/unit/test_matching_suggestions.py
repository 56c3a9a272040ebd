"""Words to add to an interest, the words of a taste, and papers like another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Feedback, Paper
from paperround.domain.text import terms
from paperround.matching.lexical import Index, Statistics
from paperround.matching.similar import distinctive_words, most_alike
from paperround.matching.suggestions import FieldVocabulary, strongest_words, suggest_words
from paperround.matching.taste import PastPapers, Tastes
from paperround.matching.words import STOP_WORDS, Words
from paperround.meaning.english import frequent_words, ordinary_words

_NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def _paper(row: int, title: str, abstract: str = "", *authors: str) -> Paper:
    return Paper(
        id=f"p{row}", row=row, title=title, abstract=abstract, authors=authors, day=date(2026, 11, 20),
        sources=("arxiv",), first_seen=_NOW,
    )  # fmt: skip


_ROBOTS = [
    _paper(n, f"Imitation learning by teleoperation {n}", "Robots imitate, from human videos of the 3D world")
    for n in range(6)
]
_OTHERS = [_paper(20 + n, f"Taxes in market {n + 50}", "Households pay for learning") for n in range(100)]
_ALL = [*_ROBOTS, *_OTHERS]
_STATISTICS = Statistics.of(_ALL)


def _weighed(papers: Sequence[Paper], weight: float = 1.0) -> list[tuple[Paper, float]]:
    return [(paper, weight) for paper in papers]


def _vocabulary(papers: Sequence[Paper], background: Statistics | None = None) -> FieldVocabulary:
    """The vocabulary of a site with these papers, in English."""
    statistics = Statistics.of(papers, background)
    frequent, every = STOP_WORDS | frequent_words(), ordinary_words()
    return FieldVocabulary(Index(papers, statistics), statistics, frequent.__contains__, every.__contains__)


_VOCABULARY = _vocabulary(_ALL)


def test_what_the_papers_that_fit_have_in_common_is_suggested_and_nothing_twice() -> None:
    found = suggest_words(["robot"], _weighed(_ROBOTS), _VOCABULARY)
    assert found[0] == "imitation learning"
    assert not any("robot" in one.split() or "the" in one.split() or "of" in one.split() for one in found)
    words = [word for one in found for word in one.split()]
    assert len(words) == len(set(words))


def test_what_the_interest_has_already_is_not_suggested_in_any_form() -> None:
    everything = suggest_words([], _weighed(_ROBOTS), _VOCABULARY)
    known = [term for one in everything for term in terms(one)]
    assert set(suggest_words(known, _weighed(_ROBOTS), _VOCABULARY)).isdisjoint(everything)
    assert "imitat" not in " ".join(suggest_words(["imitating"], _weighed(_ROBOTS), _VOCABULARY))


def test_words_of_disliked_papers_are_not_suggested() -> None:
    liked, disliked = _ROBOTS[:3], _ROBOTS[3:]
    assert suggest_words([], [*_weighed(liked, 3.0), *_weighed(_OTHERS[:4], -2.0)], _VOCABULARY)
    assert suggest_words([], [*_weighed(liked, 3.0), *_weighed(disliked, -2.0)], _VOCABULARY) == []


def test_there_is_a_limit_and_nothing_for_fewer_than_three_papers() -> None:
    assert suggest_words([], _weighed(_ROBOTS), _VOCABULARY) == ["imitation learning", "teleoperation"]
    assert suggest_words([], _weighed(_ROBOTS), _VOCABULARY, most=1) == ["imitation learning"]
    assert suggest_words([], _weighed(_ROBOTS[:2]), _VOCABULARY) == []
    assert suggest_words([], [], _VOCABULARY) == []


@given(st.permutations(_weighed(_ROBOTS)))
def test_the_order_of_the_papers_makes_no_difference(best: list[tuple[Paper, float]]) -> None:
    assert suggest_words([], best, _VOCABULARY) == suggest_words([], _weighed(_ROBOTS), _VOCABULARY)


_THERAPIES = [
    _paper(1, "A base editor restores hearing in mice", "Gene therapy delivers a base editor into hair cells with "
           "AAV. The editor restores the protein."),
    _paper(2, "AAV vectors for gene therapy of the retina", "We edit the retina of mice with a base editor. "
           "Therapeutic genes restore the vision of blind mice, and the cells survive."),
    _paper(3, "Immune responses to AAV in gene therapies", "Neutralizing antibodies limit AAV. Cells that a base "
           "editor restores the function of survive."),
    _paper(4, "Base editing of liver cells", "A base editor, packaged in AAV, restores the level of cholesterol. "
           "Gene therapy of the liver is safe."),
]  # fmt: skip
_BIOLOGY = [
    *_THERAPIES,
    *(
        _paper(
            20 + n, f"Cells of the {where} {n}", f"Mice with a {what} show how cells divide, on the base of proteins."
        )
        for n, (where, what) in enumerate([("gut", "tumor"), ("heart", "virus"), ("brain", "diet")] * 20)
    ),
]


def test_on_a_small_site_of_biology_ordinary_words_verbs_and_forms_of_the_interest_are_not_suggested() -> None:
    found = suggest_words(["gene", "therapy"], _weighed(_THERAPIES), _vocabulary(_BIOLOGY))
    assert set(found) == {"AAV", "base editor"}


def test_a_word_that_is_usual_elsewhere_is_not_distinctive_here() -> None:
    fitting = [_paper(n, f"Telemetry {n}", "Storks") for n in range(6)]
    papers = [*fitting, *_OTHERS]
    elsewhere = Statistics(1_000, {"telemetry": 400})
    assert "telemetry" in suggest_words(["stork"], _weighed(fitting), _vocabulary(papers))
    assert suggest_words(["stork"], _weighed(fitting), _vocabulary(papers, elsewhere)) == []


@pytest.mark.parametrize(
    ("said", "suggested"),
    [
        ("point clouds", ["point clouds"]),
        ("Portrait Animation", ["portrait animation"]),
        ("a NeRF that", ["NeRF"]),
        ("a quadrupedal that", []),  # an adjective
        ("it restores haze with", ["haze"]),  # a verb of the language
        ("they retarget the motion to", []),  # a verb, as the article tells
        ("cheaply spun yarn", ["spun yarn"]),
        ("multi-quark-states", ["quark"]),  # the pairs are pieces of a longer word
        ("soaring magnet-like", ["magnet"]),
        ("proposed keypoint detectors", ["keypoint detectors"]),
        ("hamiltonian model", ["hamiltonian model"]),
    ],
)
def test_a_suggestion_is_a_noun_an_acronym_or_two_words_that_belong_together(said: str, suggested: list[str]) -> None:
    fitting = [_paper(n, f"With {said} it is {n}", "Storks") for n in range(6)]
    found = suggest_words(["stork"], _weighed(fitting), _vocabulary([*fitting, *_OTHERS]))
    assert found == suggested


def test_a_word_of_any_subject_is_suggested_only_with_the_word_it_belongs_to() -> None:
    fitting = [_paper(n, "A migration model" if n < 3 else "Migration and a model", "Storks") for n in range(6)]
    found = suggest_words(["stork"], _weighed(fitting), _vocabulary([*fitting, *_OTHERS]))
    assert found == ["migration"]


def test_a_word_that_titles_do_not_have_names_no_subject() -> None:
    fitting = [_paper(n, f"Telemetry {n}", "Storks, with small workloads") for n in range(6)]
    found = suggest_words(["stork"], _weighed(fitting), _vocabulary([*fitting, *_OTHERS]))
    assert found == ["telemetry"]


def test_two_words_that_are_adjacent_by_chance_are_no_suggestion() -> None:
    fitting = [_paper(n, "Human birds", f"Storks {n}") for n in range(6)]
    others = [_paper(20 + n, f"On {n}", "Human" if n % 2 else "Birds") for n in range(100)]
    assert suggest_words(["stork"], _weighed(fitting), _vocabulary([*fitting, *others])) == []


def test_a_taste_is_told_in_words_and_authors_the_weightiest_first() -> None:
    liked, disliked = _paper(100, "Storks soar", "", "Ada Lovelace"), _paper(101, "Households save", "", "Bo Chen")
    taste = Tastes(lambda: PastPapers(_ALL, _STATISTICS)).taste(
        [Feedback(100, 1, _NOW), Feedback(101, -1, _NOW)], {100: liked, 101: disliked}
    )
    words = strongest_words(taste)
    more = [one for one in words if one.weight > 0]
    assert {"stork", "soar"} <= {one.word for one in more}
    assert [one.word for one in words if one.author and one.weight > 0] == ["ada lovelace"]
    assert [abs(one.weight) for one in more] == sorted((abs(one.weight) for one in more), reverse=True)
    assert any(one.word == "household" and one.weight < 0 for one in words)
    assert len(strongest_words(taste, 1)) == 2


def test_words_of_papers_on_any_subject_are_no_suggestion_unless_they_belong_to_another() -> None:
    fitting = [_paper(n, f"Imitation learning using touch {n}", "This is based on grasping") for n in range(6)]
    fitting += [_paper(10 + n, f"Grasping {n}", "Touch using imitation learning of a hand") for n in range(6)]
    others = [_paper(20 + n, f"Taxes {n + 50}", "Learning based on data using rules") for n in range(200)]
    found = suggest_words([], _weighed(fitting), _vocabulary([*fitting, *others]))
    assert "imitation learning" in found
    assert not {"using", "based"} & {word for one in found for word in one.split()}


def test_words_that_weigh_next_to_nothing_or_are_in_no_rated_paper_are_not_shown() -> None:
    papers = {1: _paper(1, "Storks", "Storks fly over the whole of a wide and empty land once more today")}
    taste = Tastes(lambda: PastPapers(_ALL, _STATISTICS)).taste([Feedback(1, 1, _NOW)], papers)
    weights = [one.weight for one in strongest_words(taste)]
    assert min(weights) >= 0.2 * max(weights)
    assert taste.model is not None
    assert taste.model.terms.min() < 0, "words of papers without feedback weigh against a paper a little"


def test_pieces_of_names_are_neither_suggested_nor_shown_but_acronyms_are() -> None:
    liked = [_paper(n, f"MEM-{n}: based on UAV swarms", "MEM is an example") for n in range(4)]
    others = [_paper(20 + n, f"Taxes {n + 50}", "Households pay") for n in range(300)]
    statistics = Statistics.of([*liked, *others])
    assert "mem" not in suggest_words([], _weighed(liked), _vocabulary([*liked, *others]))
    learner = Tastes(lambda: PastPapers([*liked, *others], statistics))
    taste = learner.taste([Feedback(n, 1, _NOW) for n in range(4)], {paper.row: paper for paper in liked})
    shown = {one.word for one in strongest_words(taste, acronyms={"uav"})}
    assert {"uav", "swarm"} <= shown
    assert shown.isdisjoint({"mem", "based"})


def test_a_word_of_a_single_paper_is_no_taste_once_there_are_many_papers() -> None:
    liked = _paper(1, "Mindstork: storks fly")
    others = [_paper(20 + n, f"Taxes {n + 50}", "Storks pay" if n < 5 else "Households pay") for n in range(300)]
    taste = Tastes(lambda: PastPapers(others, Statistics.of([liked, *others]))).taste(
        [Feedback(1, 1, _NOW)], {1: liked}
    )
    shown = {one.word for one in strongest_words(taste)}
    assert "stork" in shown
    assert "mindstork" not in shown


def test_a_word_of_a_single_abstract_is_no_taste_but_a_word_of_two_is() -> None:
    liked = [_paper(n, f"Storks {n}", "They meet at a wall" if n == 1 else "They soar at a wall") for n in (1, 2)]
    others = [_paper(20 + n, f"Taxes {n + 50}", "Who can meet" if n < 5 else "Households pay") for n in range(300)]
    statistics = Statistics.of([*liked, *others])
    taste = Tastes(lambda: PastPapers(others, statistics)).taste(
        [Feedback(n, 1, _NOW) for n in (1, 2)], {paper.row: paper for paper in liked}
    )
    shown = {one.word for one in strongest_words(taste)}
    assert {"stork", "wall"} <= shown
    assert "meet" not in shown


def test_a_group_of_words_that_weighs_next_to_nothing_beside_the_other_is_not_shown() -> None:
    others = [_paper(20 + n, f"Taxes {n + 50}", "Households and markets pay") for n in range(300)]
    papers = {n: _paper(n, "Storks soar", "Markets of storks") for n in range(1, 9)}
    papers[9] = _paper(9, "Households", "Households and markets pay")
    taste = Tastes(lambda: PastPapers(others, Statistics.of([*papers.values(), *others]))).taste(
        [Feedback(n, 1 if n < 9 else -1, _NOW) for n in papers], papers
    )
    assert taste.model is not None
    assert min(taste.model.terms) < 0
    assert {one.word for one in strongest_words(taste)} == {"stork", "soar"}


def test_nothing_is_told_of_who_said_nothing() -> None:
    assert strongest_words(Tastes(PastPapers).taste([], {})) == []


def test_the_words_that_tell_a_paper_from_others_find_papers_like_it() -> None:
    words = distinctive_words(_ROBOTS[0], _STATISTICS, 3)
    assert words is not None
    assert "imitation" in words.terms
    assert distinctive_words(_paper(9, "Of the and"), _STATISTICS) is None
    assert isinstance(words, Words)


def test_words_with_accents_are_the_terms_of_the_index() -> None:
    paper = _paper(9, "Schrödinger bridges")
    words = distinctive_words(paper, _STATISTICS)
    assert words is not None
    assert set(words.terms) == set(terms("Schrödinger bridges"))
    bridges = [_paper(n, "Schrödinger bridges") for n in range(3)]
    vocabulary = _vocabulary([*bridges, *_OTHERS])
    assert suggest_words(terms("schrodinger"), _weighed(bridges), vocabulary) == ["schrödinger bridges"]


def test_the_most_alike_come_first_and_what_is_not_alike_not_at_all() -> None:
    found = most_alike(_ROBOTS[0], _ALL, _STATISTICS, 10)
    assert {paper.row for paper in found} == {1, 2, 3, 4, 5}
    assert most_alike(_ROBOTS[0], _ALL, _STATISTICS, 2) == found[:2]


def test_papers_with_vectors_are_alike_by_words_and_meaning() -> None:
    first, *_, last = by_words = [paper.row for paper in most_alike(_ROBOTS[0], _ALL, _STATISTICS, 10)]
    cosines = dict.fromkeys(by_words, 0.4) | {last: 5.0, first: 0.29}
    found = [paper.row for paper in most_alike(_ROBOTS[0], _ALL, _STATISTICS, 10, cosines)]
    assert found[0] == last, "meaning counts for the order"
    assert set(found) == set(by_words) - {first}, "papers of which only the words agree are left out"


@pytest.mark.parametrize("most", [0, 1])
def test_as_few_as_wanted(most: int) -> None:
    assert len(most_alike(_ROBOTS[0], _ALL, _STATISTICS, most)) == most
