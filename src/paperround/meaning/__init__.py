"""What texts mean, as vectors: texts that are close in meaning have vectors that are close.

An encoder is one file here: a frozen model of its settings with one method, `encode`. To add one, write the file and
put its class into `AnyEncoder`: that union is the registry, the schema of `[meaning]` in the configuration, and the
error text for a kind that nobody knows. With kind "words" there are no vectors, and papers are ranked by words alone.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paperround.meaning.base import Encoder, WordsOnly
from paperround.meaning.minilm import MiniLM
from paperround.meaning.openai import OpenAI

AnyEncoder = Annotated[WordsOnly | MiniLM | OpenAI, Field(discriminator="kind")]

__all__ = ["AnyEncoder", "Encoder", "MiniLM", "OpenAI", "WordsOnly"]
