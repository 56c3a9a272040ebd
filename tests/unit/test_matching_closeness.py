"""Which papers are called close to an interest in meaning."""

from __future__ import annotations

import pytest

from paperround.matching.closeness import CLOSE, NEAREST, is_close, with_meaning


def test_a_cosine_far_above_what_is_usual_is_close() -> None:
    assert is_close(0.5)
    assert not is_close(0.2)


@pytest.mark.parametrize(
    ("words", "cosine", "shown"),
    [
        ((), 0.5, (CLOSE,)),
        (("title: robots",), 0.5, ("title: robots", CLOSE)),
        (("title: robots", "abstract: hands"), 0.5, ("title: robots", "abstract: hands")),
        ((), 0.2, (NEAREST,)),
        (("title: robots",), 0.2, ("title: robots",)),
        ((), None, ()),
    ],
)
def test_a_paper_is_called_close_in_meaning_only_if_it_is(
    words: tuple[str, ...], cosine: float | None, shown: tuple[str, ...]
) -> None:
    assert with_meaning(words, cosine) == shown
