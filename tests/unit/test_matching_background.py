"""The word counts that a new site begins with."""

from __future__ import annotations

from paperround.matching.background import background, read_counts, write_counts
from paperround.matching.lexical import Statistics


def test_the_shipped_counts_tell_common_words_from_telling_ones() -> None:
    counts = background()
    assert counts.documents > 4_000
    assert counts.frequencies["learning"] > 500
    assert 0 < counts.frequencies["weather"] < 100
    assert max(counts.frequencies.values()) <= counts.documents


def test_counts_are_read_as_they_were_written_without_rare_words() -> None:
    text = write_counts(Statistics(40, {"robot": 20, "c++": 5, "seldom": 4}), least=5)
    assert text == "40\nc++\t5\nrobot\t20\n"
    assert read_counts(text) == Statistics(40, {"c++": 5, "robot": 20})
