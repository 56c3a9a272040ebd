"""Vectors: small, and as good as the numbers that they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.matching import vectors as vectors_module
from paperround.matching.vectors import VectorTable, pack, unpack

SEEDS = st.integers(0, 2**32 - 1)


def some(seed: int, number: int, dimensions: int = 24) -> np.ndarray:
    """Vectors of length one."""
    found = np.random.default_rng(seed).normal(size=(number, dimensions)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@given(SEEDS, st.integers(1, 20))
def test_a_packed_vector_is_the_vector_within_a_hundredth_and_has_length_one(seed: int, number: int) -> None:
    vectors = some(seed, number)
    back = unpack([pack(vector) for vector in vectors])
    assert np.abs(back - vectors).max() < 0.01
    assert np.linalg.norm(back, axis=1) == pytest.approx(np.ones(number), abs=1e-5)


def test_a_vector_of_nothing_stays_one() -> None:
    assert not unpack([pack(np.zeros(8, dtype=np.float32))]).any()
    assert unpack([]).shape == (0, 0)
    assert len(pack(np.zeros(384, dtype=np.float32))) == 388


@given(SEEDS, st.integers(1, 60), st.integers(1, 70))
def test_the_nearest_are_those_that_comparing_all_finds(seed: int, number: int, most: int) -> None:
    vectors, [wanted] = some(seed, number), some(seed + 1, 1)
    packed = {row * 7: pack(vector) for row, vector in enumerate(vectors)}
    table = VectorTable()
    for row, small in packed.items():
        table.put({row: small})
    assert len(table) == number
    cosines = dict(zip(packed, unpack(list(packed.values())) @ wanted, strict=True))
    found = table.nearest(wanted, most)
    assert len(found) == min(most, number)
    assert min(found.values()) >= sorted(cosines.values())[-len(found)] - 1e-5
    assert all(found[row] == pytest.approx(cosines[row], abs=1e-5) for row in found)


def test_among_very_many_the_nearest_are_found_by_their_signs_first() -> None:
    vectors, [wanted] = some(1, 4_000, 100), some(2, 1, 100)
    vectors[:20] = wanted + 0.6 * some(3, 20, 100)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = VectorTable(min_compared=300)
    table.put({row: pack(vector) for row, vector in enumerate(vectors)})
    found = table.nearest(wanted, 20)
    assert found.keys() == set(range(20))
    assert found[3] == pytest.approx(float(vectors[3] @ wanted), abs=0.01)


def test_a_vector_that_is_put_again_replaces_the_first_and_rows_without_one_are_told() -> None:
    first, second = some(1, 2)
    table = VectorTable()
    table.put({})
    table.put({5: pack(first), 9: pack(first)})
    table.put({5: pack(second)})
    found = table.vectors([9, 1, 5])
    assert found.known.tolist() == [True, False, True]
    assert found.cosines(second) == pytest.approx([float(first @ second), 1.0], abs=0.01)
    assert len(table) == 2


def test_an_empty_table_finds_nothing() -> None:
    [wanted] = some(1, 1)
    assert VectorTable().nearest(wanted, 5) == {}
    assert VectorTable().vectors([1, 2]).cosines(wanted).tolist() == []


def test_a_table_grows_beyond_the_room_that_it_begins_with() -> None:
    table, vectors = VectorTable(), some(3, 7_000, 4)
    table.put({row: pack(vector) for row, vector in enumerate(vectors[:4_096])})
    table.put({row + 4_096: pack(vector) for row, vector in enumerate(vectors[4_096:])})
    assert len(table) == 7_000
    assert table.vectors([0]).cosines(vectors[0])[0] == pytest.approx(1, abs=0.02)


def test_vectors_of_another_length_take_the_place_of_all_that_are_there() -> None:
    table = VectorTable()
    [long], [short] = some(1, 1, 24), some(2, 1, 8)
    table.put({1: pack(long), 2: pack(long)})
    table.put({3: pack(long), 4: pack(short)})
    assert table.nearest(short, 9).keys() == {4}


def test_the_coverage_of_papers_changes_seldom_and_with_the_last_of_them() -> None:
    table, rows = VectorTable(), range(1, 81)
    assert table.coverage(rows) == table.coverage(()) == 0
    told = []
    for row in rows:
        table.put({row: pack(np.array([1.0], dtype=np.float32))})
        told.append(table.coverage(rows))
    assert sorted(set(told)) == list(range(9))
    assert told.index(8) == len(told) - 1


def test_a_vector_is_found_only_when_it_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    table, one, seen = VectorTable(), pack(some(1, 1)[0]), list[bool]()
    signs = vectors_module._signs

    def meanwhile(numbers: np.ndarray) -> np.ndarray:
        seen.extend(table.vectors([7]).known.tolist())
        return signs(numbers)

    monkeypatch.setattr(vectors_module, "_signs", meanwhile)
    table.put({7: one})
    assert seen == [False]
    assert table.vectors([7]).known.tolist() == [True]
