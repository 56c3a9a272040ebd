"""What is learned of a subscriber: two linear models, and how much they are believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Paper
from paperround.matching.learning import Sparse, TermVectors, WordModel, fit_ridge, train_svm, weight
from paperround.matching.lexical import Statistics
from support.queries import paper

ROBOTS = [paper(row, title=f"Robots that walk {row}", abstract="Legs and balance.") for row in range(1, 6)]
TEXTS = [paper(row, title=f"Translation of texts {row}", abstract="Words and grammar.") for row in range(6, 30)]


def trained(liked: list[Paper], others: list[Paper]) -> tuple[TermVectors, WordModel]:
    papers = [*liked, *others]
    made = TermVectors(Statistics.of(papers))
    rows = [made.vector(one) for one in papers]
    labels = [1] * len(liked) + [-1] * len(others)
    return made, WordModel(len(liked), train_svm(rows, labels, len(made.names)))


def test_papers_like_those_that_were_liked_score_higher_than_all_others() -> None:
    made, model = trained(ROBOTS[:2], TEXTS[:10])
    liked, others = ([model.score(made.vector(one)) for one in some] for some in (ROBOTS[2:], TEXTS[10:]))
    assert min(liked) > max(others)


def test_many_papers_are_judged_as_each_of_them_alone_is() -> None:
    made, model = trained(ROBOTS[:2], TEXTS[:10])
    papers = [*ROBOTS, paper(98, title="The"), *TEXTS, paper(99, title="Zebras", authors=["Somebody Else"])]
    alone = [model.score(made.vector(one)) for one in papers]
    assert made.rows(papers).products(model.terms) == pytest.approx(alone, abs=1e-6)
    assert made.rows([]).products(model.terms).shape == (0,)


def test_a_word_unseen_in_training_has_no_effect() -> None:
    made, model = trained(ROBOTS[:2], TEXTS[:10])
    assert model.score(made.vector(paper(99, title="Zebras", authors=["Somebody Else"]))) == 0


def test_a_paper_is_a_vector_of_length_one_made_once_with_its_authors_and_without_stop_words() -> None:
    made = TermVectors(Statistics(100, {"robot": 5}))
    one = made.vector(paper(1, title="The robot and the", authors=["Ada Byron"]))
    assert made.vector(paper(1)) is one
    assert np.linalg.norm(one.weights) == pytest.approx(1)
    assert made.names.keys() == {"robot", "author ada byron"}


def test_words_of_a_single_past_paper_are_left_out_on_request_once_there_are_many_papers() -> None:
    for documents, known in ((10_000, {"robot", "zebra"}), (100, {"robot", "zebra", "quokka"})):
        made = TermVectors(Statistics(documents, {"robot": 5, "zebra": 2, "quokka": 1}), shared=True)
        assert np.linalg.norm(made.vector(paper(1, title="Robot zebra quokka")).weights) == pytest.approx(1)
        assert made.names.keys() == known


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 12))
def test_what_can_be_separated_is_separated(seed: int, positive: int, negative: int) -> None:
    chance = np.random.default_rng(seed)
    rows = []
    for side in [1] * positive + [-1] * negative:
        rest = chance.normal(scale=0.05, size=4).astype(np.float32)
        rows.append(Sparse(np.arange(5), np.array([side, *rest], dtype=np.float32)))
    labels = [1] * positive + [-1] * negative
    found = train_svm(rows, labels, 5)
    assert [int(np.sign(found[row.places] @ row.weights)) for row in rows] == labels


def test_both_classes_count_the_same_however_many_examples_each_has() -> None:
    vectors = np.array([[1.0, 0.0]] + [[0.0, 1.0]] * 50, dtype=np.float32)
    found = fit_ridge(vectors, [1] + [-1] * 50)
    assert vectors[0] @ found[:-1] + found[-1] == pytest.approx(1, abs=0.2)
    assert vectors[1] @ found[:-1] + found[-1] == pytest.approx(-1, abs=0.2)


def test_the_first_answer_counts_a_third_and_no_number_of_them_for_all() -> None:
    assert weight(0) == 0
    assert weight(1) == pytest.approx(1 / 3)
    assert [weight(number) for number in range(50)] == sorted(weight(number) for number in range(50))
    assert weight(10_000) < 1
