"""The parsers under a long fire of mangled documents, and under a very large one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings

from support.documents import BODIES, FEEDS, FUZZ, ITEMS, SAMPLES, mutations, survives

LONG_FUZZ = settings(FUZZ, max_examples=1000)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES))
@LONG_FUZZ
@given(mutate=mutations())
def test_a_document_mangled_in_a_thousand_ways_gives_what_is_left_of_it(
    name: str, mutate: Callable[[bytes], bytes]
) -> None:
    survives(SAMPLES[name], mutate(BODIES[name]))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["feed", "arxiv-atom"])
def test_fifty_megabytes_are_read_in_bounded_time(form: str) -> None:
    item = ITEMS[form].format("x " * 20).replace("</title>", f"</title><description>{'word ' * 300}</description>")
    body = FEEDS[form].format(item * (50_000_000 // len(item))).encode()
    started = time.perf_counter()
    parsed = survives(form, body)
    assert parsed
    assert len(parsed.listings) > 20_000
    assert time.perf_counter() - started < 60
