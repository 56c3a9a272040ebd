"""The parsers under a long fire of mangled documents, and under a very large one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from support.documents import BODIES, FEEDS, FUZZ, ITEMS, SAMPLES, mutations, survives

LONG_FUZZ = settings(FUZZ, max_examples=200)  # `make fuzz` tries a million


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES))
@LONG_FUZZ
@given(mutate=mutations())
def test_a_document_mangled_in_two_hundred_ways_gives_what_is_left_of_it(
    name: str, mutate: Callable[[bytes], bytes]
) -> None:
    survives(SAMPLES[name], mutate(BODIES[name]))


@pytest.mark.slow
@pytest.mark.timeout(600)  # it takes seconds, but hours if the time grew with the square of the size
@pytest.mark.parametrize("form", ["feed", "arxiv-atom"])
def test_twenty_megabytes_are_read(form: str) -> None:
    item = ITEMS[form].format("x " * 20).replace("</title>", f"</title><description>{'word ' * 300}</description>")
    body = FEEDS[form].format(item * (20_000_000 // len(item))).encode()
    parsed = survives(form, body)
    assert parsed
    assert len(parsed.listings) > 8_000
