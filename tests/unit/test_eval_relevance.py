"""`make eval`: the measures are the measures, and the small set of our own is ranked as it should be."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from support import eval_relevance
from support.eval_relevance import evaluate, measures, mistyped, ndcg, tables

pytestmark = pytest.mark.slow  # a whole evaluation, of a tool that the program does not use

DATA = Path(__file__).parents[1] / "data" / "relevance"


def test_the_measures_are_those_of_the_books() -> None:
    assert ndcg([1, 2, 3], {1, 2, 3}) == 1
    assert ndcg([9, 1], {1}) == pytest.approx(0.6309, abs=1e-4)
    told = measures([1, 9, 2], frozenset({1, 2}))
    assert (told["map"], told["recall@10"]) == (pytest.approx((1 + 2 / 3) / 2), 1)


def test_a_typing_mistake_changes_only_the_longest_word() -> None:
    for seed in range(50):
        first, second, third = mistyped("one quantization two", random.Random(seed)).split()
        assert (first, third) == ("one", "two")
        assert abs(len(second) - len("quantization")) <= 1


@pytest.mark.slow
def test_our_own_small_set_is_ranked_well_by_meaning_and_the_words_alone_find_the_topics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eval_relevance, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(eval_relevance, "SPLITS", 1)
    monkeypatch.setattr(eval_relevance, "ANSWERS", (0, 5))
    monkeypatch.setattr(eval_relevance, "DAY", 2)
    monkeypatch.setattr(eval_relevance, "STARTS", (0,))
    result = evaluate(DATA)
    assert json.loads(json.dumps(result)) == result
    ours, words = result["rankers"]["ours"], result["rankers"]["ours, words alone"]
    assert ours["topical"]["ndcg@10"] > 0.8
    assert ours["paraphrased"]["ndcg@10"] > words["paraphrased"]["ndcg@10"]
    assert words["topical"]["ndcg@10"] > 0.6
    assert result["answers"]["ours"]["topical"].keys() == {"0", "5"}
    assert result["cut after answers"]["topical"].keys() == {"5"}
    assert result["cut of new sites after 5 answers"].keys() == {"60", "300"}
    assert result["one field"].keys() == {"of the field", "of all fields"}
    assert result["days in order"].keys() == {
        f"written on day {day}, {answers} answers" for day in (1, 8) for answers in (0, 5)
    }
    assert all(name in tables(result) for name in ("BM25", "vectors alone", "silent rightly", "corrected"))
    assert evaluate(DATA)["costs"].keys() < result["costs"].keys(), "the second time the vectors are there"


def test_without_a_model_only_words_are_mentioned() -> None:
    result = evaluate(DATA, meaning=False)
    assert (result["model"], result["rankers"].keys()) == ("", {"BM25", "ours, words alone"})
