"""The sources of papers.

Each source is one file in this package: a frozen settings model with one method, `fetch`, and a pure `parse` for its
bytes. To add a source, write the file and add its class to `AnySource`. That union is the registry, the schema of
`[[sources]]` in the configuration, and the text of the error for an unknown kind. docs/add-a-source.md has a
tutorial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, get_args

from pydantic import Field

from paperround.domain.models import SourceState
from paperround.network.http import Http
from paperround.sources.arxiv import Arxiv
from paperround.sources.arxiv_oai import ArxivOai
from paperround.sources.base import FetchResult, Parser, Source, SourceSettings, Window
from paperround.sources.biorxiv import Biorxiv
from paperround.sources.feed import Feed
from paperround.sources.hf_daily import HfDaily
from paperround.sources.jsonl import Jsonl
from paperround.sources.page import Page

_Kind = HfDaily | Arxiv | ArxivOai | Feed | Biorxiv | Page | Jsonl
AnySource = Annotated[_Kind, Field(discriminator="kind")]

KINDS: tuple[type[SourceSettings], ...] = get_args(get_args(AnySource)[0])
FORMATS: Mapping[str, Parser] = {name: parse for kind in KINDS for name, parse in kind.formats.items()}
"""The formats that `ingest --file --as` reads: format name to parser."""

__all__ = ["FORMATS", "KINDS", "AnySource", "FetchResult", "Http", "Source", "SourceState", "Window"]
