"""How sources are configured, and what is said about a configuration that cannot be."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from paperround.domain.merging import merge
from paperround.domain.models import Listing
from paperround.sources import FORMATS, KINDS, AnySource, FetchResult, SourceState, Window
from support.answers import World, at
from support.documents import SETTINGS

ADAPTER: TypeAdapter[Any] = TypeAdapter(AnySource)
ROOT = Path(__file__).parents[2]


def kind_of(adapter: type) -> str:
    return str(adapter.model_fields["kind"].default)


@pytest.mark.parametrize("kind", [kind_of(adapter) for adapter in KINDS])
def test_every_kind_can_be_configured_and_is_a_source(kind: str) -> None:
    source = ADAPTER.validate_python({"kind": kind, **SETTINGS[kind]})
    assert source.kind == kind
    assert source.name == SETTINGS[kind].get("name", kind)
    assert source.timezone
    assert callable(source.fetch)


def test_a_schedule_is_read_in_its_zone() -> None:
    source = ADAPTER.validate_python({"kind": "hf-daily", "schedule": "5 7 * * mon-fri", "timezone": "Europe/Oslo"})
    assert (source.schedule, source.timezone) == ("5 7 * * mon-fri", "Europe/Oslo")


def test_a_slash_at_the_end_belongs_to_a_feed_and_not_to_a_service() -> None:
    assert ADAPTER.validate_python({"kind": "feed", "name": "x", "url": "https://x.example/feed/"}).url.endswith("/")
    assert not ADAPTER.validate_python({"kind": "hf-daily", "url": "https://x.example/"}).url.endswith("/")


def test_the_formats_are_those_that_ingest_promises() -> None:
    assert sorted(FORMATS) == ["arxiv-atom", "arxiv-oai", "biorxiv", "feed", "hf-daily", "jsonl", "page"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "telepathy"}, "'hf-daily', 'arxiv', 'arxiv-oai', 'feed', 'biorxiv', 'page', 'jsonl'"),
        ({}, "Unable to extract tag"),
        ({"kind": "arxiv"}, "categories"),
        ({"kind": "arxiv", "categories": []}, "at least 1 item"),
        ({"kind": "arxiv", "categories": ["cs.AI OR 1"]}, "must be an arXiv category"),
        ({"kind": "hf-daily", "schedul": "* * * * *"}, "Extra inputs are not permitted"),
        ({"kind": "hf-daily", "schedule": "at noon"}, 'five fields are expected, as in "15 6 * * mon-fri"'),
        ({"kind": "hf-daily", "schedule": "61 * * * *"}, "is not a cron schedule"),
        ({"kind": "hf-daily", "timezone": "Berlin"}, 'write one such as "Europe/Berlin"'),
        ({"kind": "hf-daily", "timezone": "../UTC"}, 'write one such as "Europe/Berlin"'),
        ({"kind": "hf-daily", "name": "No Spaces"}, "must be a name in lower-case letters and digits"),
        ({"kind": "hf-daily", "url": "huggingface.co"}, "it has to start with https:// or http://"),
        ({"kind": "feed", "name": "blog"}, "url"),
        ({"kind": "jsonl"}, "set exactly one of path and url"),
        ({"kind": "jsonl", "path": "a", "url": "https://b.example"}, "set exactly one"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ADAPTER.validate_python(settings)


@pytest.mark.parametrize("kind", ["arxiv", "biorxiv", "hf-daily", "feed", "page", "jsonl"])
def test_merging_knows_every_kind_that_listings_carry(kind: str) -> None:
    known = Listing(title="From the kind", source="a-name", kind=kind, day="2026-11-20")
    unknown = Listing(title="From elsewhere", source="z", kind="never-heard-of", day="2026-11-23", version=9)
    assert merge([unknown, known])["title"] == "From the kind"


def test_the_source_of_docs_add_a_source_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "add-a-source.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL))
    (tmp_path / "lab_table.py").write_text(blocks["python"], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import lab_table

    world = World(at("2026-11-20T12:00"))
    world.put("lab.example.org", blocks["json"])
    source = lab_table.LabTable(url="https://lab.example.org/papers.json")
    fetched = source.fetch(world.http(), Window(at("2026-11-19").date(), at("2026-11-20").date()))
    assert isinstance(fetched, FetchResult)
    assert fetched.state is SourceState.FRESH
    assert [(x.title, x.source, x.kind) for x in fetched.parsed.listings] == [
        ("A Table of Tables", "lab-table", "lab-table")
    ]
    assert [str(problem) for problem in fetched.parsed.problems] == ["entry 2: it has no title"]
    extended = TypeAdapter(AnySource | lab_table.LabTable)
    assert extended.validate_python({"kind": "lab-table", "url": "https://lab.example.org/x"}).kind == "lab-table"


def test_every_adapter_is_one_file_with_a_docstring_and_a_pure_parse() -> None:
    for adapter in KINDS:
        assert adapter.__doc__
        assert adapter.formats
        tree = ast.parse(Path(__import__(adapter.__module__, fromlist=["x"]).__file__).read_text(encoding="utf-8"))
        (parse,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "parse"]
        assert [argument.arg for argument in parse.args.args] == ["data", "today"]
