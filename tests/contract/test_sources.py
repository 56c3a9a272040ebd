"""What every source promises, whatever it reads: taken from the registry, so that a new one cannot be forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource
from paperround.sources import FORMATS, KINDS, AnySource, Source, Window
from support.answers import World, at
from support.documents import BODIES, EXAMPLES, SETTINGS

NOON = at("2026-11-20T12:00")
TODAY = date(2026, 11, 20)
NAMES = [kind.model_fields["kind"].default for kind in KINDS]
ON_DISK = {kind for kind, settings in SETTINGS.items() if "path" in settings}
ONLINE = [name for name in NAMES if name not in ON_DISK]
Make = Callable[[str], Source]


@pytest.fixture
def source(tmp_path: Path) -> Make:
    def make(kind: str) -> Source:
        given = {**SETTINGS[kind], "name": "mine", "kind": kind}
        if kind in ON_DISK:
            given["path"] = f"{tmp_path}/{given['path']}"
        made: Source = TypeAdapter(AnySource).validate_python(given)
        return made

    return make


def window() -> Window:
    return Window(TODAY, TODAY, {})


@pytest.mark.parametrize("kind", ONLINE)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, content=b"out of order"),
        httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html><body>Log in first</body></html>"),
        httpx.ConnectError("nobody there"),
        httpx.ReadTimeout("too slow"),
    ],
    ids=["a server error", "a login page", "no server", "no answer"],
)
def test_a_service_that_is_out_of_order_is_an_error_that_names_the_source_or_its_kind(
    source: Make, kind: str, answer: httpx.Response | Exception
) -> None:
    world = World(NOON)
    world.put("https://", answer)
    with pytest.raises(SourceError, match=f"mine|{kind}"):
        source(kind).fetch(world.http(), window())


@pytest.mark.parametrize("kind", sorted(ON_DISK))
def test_a_file_that_is_not_there_is_an_error_that_names_it(source: Make, kind: str) -> None:
    with pytest.raises(SourceError, match=str(SETTINGS[kind]["path"])):
        source(kind).fetch(World(NOON).http(), window())


@pytest.mark.parametrize("kind", NAMES)
def test_a_setting_that_a_kind_does_not_know_is_refused_by_name(source: Make, kind: str) -> None:
    with pytest.raises(ValidationError, match="color"):
        TypeAdapter(AnySource).validate_python({**source(kind).model_dump(), "color": "blue"})  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", NAMES)
def test_settings_are_frozen_and_written_out_again_they_are_the_same(source: Make, kind: str) -> None:
    made = source(kind)
    with pytest.raises(ValidationError):
        made.name = "another"  # type: ignore[misc]
    assert TypeAdapter(AnySource).validate_python(made.model_dump()) == made  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_file_of_its_format_gives_papers_and_the_same_ones_each_time(form: str) -> None:
    first, second = (FORMATS[form](BODIES[EXAMPLES[form]], TODAY) for _ in range(2))
    assert first.listings
    assert first == second


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 64, b"<", b"{", b"<html><p>Not found", b"\xff\xfe\x00garbage", "naïve".encode("latin-1")],
    ids=["nothing", "zeros", "an open tag", "an open brace", "a web page", "a wrong mark", "another encoding"],
)
def test_bytes_that_are_something_else_give_no_papers_and_no_crash(form: str, data: bytes) -> None:
    with contextlib.suppress(SourceError):
        parsed = FORMATS[form](data, TODAY)
        assert isinstance(parsed, ParsedSource)
        assert not parsed.listings


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_file_cut_anywhere_gives_only_papers_that_the_whole_file_has(form: str) -> None:
    data = BODIES[EXAMPLES[form]]
    titles = {listing.title for listing in FORMATS[form](data, TODAY).listings}
    for part in range(1, 12):
        try:
            parsed = FORMATS[form](data[: len(data) * part // 12], TODAY)
        except SourceError:
            continue
        found = {listing.title for listing in parsed.listings}
        assert all(any(title.startswith(some.rstrip("…")[:20]) for title in titles) for some in found)
