"""Get vectors from the operator's own endpoint with OpenAI's API, such as llama.cpp, vLLM or Ollama.

If the endpoint also has a text model, it rewords each interest once in the field's own terms. An endpoint that
hangs, returns something else or never stops sending costs one bounded request: papers wait for their vectors,
interests are used as written, and ranking continues by words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from paperround.domain.errors import MeaningError
from paperround.meaning.base import EncoderSettings, Vectors, unit
from paperround.meaning.endpoint import MAX_CHARACTERS, MAX_DIMENSIONS, TEXTS_AT_ONCE, Endpoint, InputError
from paperround.process.chunks import chunked
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
else:
    np = LazyModule("numpy")

_MIN_TEXT_LENGTH = 500  # characters; an endpoint that refuses such a text refuses all
_MAX_TOKENS, _MAX_REWORDED_LENGTH = 80, 400  # per reworded interest; characters of it that are used
_REWORD = (
    "You help a search engine for research papers. Say what the user wants to read about in the technical terms that "
    "authors use in titles and abstracts. Answer with one line of at most 30 words, in English, without explanation."
)


class OpenAI(EncoderSettings, Endpoint):
    """An endpoint that makes vectors, identified by its URL and the model's name."""

    kind: Literal["openai"] = "openai"
    text_model: Annotated[str, Field(max_length=200)] = ""
    """A model of the same endpoint that rewords each interest once in the field's own terms; empty for none."""

    @property
    def name(self) -> str:
        """The model's name, stored with each vector."""
        return self.model

    @property
    def english_only(self) -> bool:
        """False, since many of these models are multilingual."""
        return False

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length one per text, in the same order. Raise MeaningError if this fails."""
        inputs = [text[:MAX_CHARACTERS] or " " for text in texts]  # some servers reject an empty text
        parts = [self._encoded(batch) for batch in chunked(inputs, TEXTS_AT_ONCE)]
        return self._joined(parts) if parts else np.zeros((0, 0), dtype=np.float32)

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts, one by one if the endpoint refuses them together.

        A text that it refuses alone is shortened: many servers refuse what is longer than their model reads.
        """
        try:
            return self._query(texts)
        except InputError:
            if len(texts) > 1:
                return self._joined([self._encoded([text]) for text in texts])
            (text,) = texts
            if len(text) <= _MIN_TEXT_LENGTH:
                raise
            return self._encoded([text[: len(text) // 2]])

    def _joined(self, parts: Sequence[Vectors]) -> Vectors:
        if len({part.shape[1] for part in parts}) > 1:
            raise MeaningError(
                f"{self.shown}: vectors of different lengths; check that {self.model} is a single model"
            )
        return np.concatenate(parts)

    @property
    def rewords(self) -> bool:
        """Whether a text model is set."""
        return bool(self.text_model)

    def reword(self, text: str) -> str:
        """Return an interest in the field's terms, "" without a text model. Raise MeaningError if this fails."""
        if not self.text_model:
            return ""
        return one_line(self.chat(self.text_model, _REWORD, text, _MAX_TOKENS))

    def _query(self, texts: Sequence[str]) -> Vectors:
        body = {"model": self.model, "input": list(texts)}
        return read_vectors(self.post("embeddings", body), len(texts), self.shown)


def read_vectors(body: bytes, number: int, service: str) -> Vectors:
    """Return the vectors in an endpoint's response, in the order of the texts.

    Raise MeaningError if they are missing or invalid.
    """
    try:
        entries: list[Any] = json.loads(body)["data"]
        by_place = {int(entry.get("index", place)): entry["embedding"] for place, entry in enumerate(entries)}
        vectors = np.array([by_place[place] for place in range(number)], dtype=np.float32)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MeaningError(
            f"{service}: the response contains no vectors; check that this is an embeddings endpoint"
        ) from None
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= MAX_DIMENSIONS or not np.isfinite(vectors).all():
        raise MeaningError(f"{service}: the response contains no vectors; check that this is an embeddings endpoint")
    return unit(vectors)


def one_line(text: str) -> str:
    """Return what a model said as one line, shortened if it is long."""
    return " ".join(text.split())[:_MAX_REWORDED_LENGTH]
