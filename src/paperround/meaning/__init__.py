"""Encode the meaning of texts as vectors: texts that are close in meaning have vectors that are close.

Each encoder is one file in this package: a frozen model of its settings with one method, `encode`. To add an
encoder, write the file and add its class to `AnyEncoder`. That union is the registry and the schema of `[meaning]`
in the configuration, and it produces the error message for an unknown kind. With kind "words" there are no vectors,
and papers are ranked by words alone.

`SummaryWriter` asks the same kind of endpoint for one sentence about a paper.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paperround.meaning.base import Encoder, WordsOnly
from paperround.meaning.minilm import MiniLM
from paperround.meaning.openai import OpenAI
from paperround.meaning.summaries import SummaryWriter

AnyEncoder = Annotated[WordsOnly | MiniLM | OpenAI, Field(discriminator="kind")]

__all__ = ["AnyEncoder", "Encoder", "MiniLM", "OpenAI", "SummaryWriter", "WordsOnly"]
