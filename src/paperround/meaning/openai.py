"""Get vectors from the operator's own endpoint with OpenAI's API, such as llama.cpp, vLLM or Ollama.

If the endpoint also has a text model, it rewords each interest once in the field's own terms. An endpoint that
hangs, returns something else or never stops sending costs one bounded request: papers wait for their vectors,
interests are used as written, and ranking continues by words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from paperround.domain.errors import MeaningError
from paperround.meaning.base import EncoderSettings, Vectors, unit
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import httpx
    import numpy as np
else:
    np = LazyModule("numpy")
    httpx = LazyModule("httpx")

_AT_ONCE = 16  # texts in one request
_MOST_DIMENSIONS = 4_096
# A number takes at most 25 characters; the rest is for names and quotation marks.
_MOST_BYTES = _AT_ONCE * _MOST_DIMENSIONS * 32
_MOST_CHARACTERS = 8_000  # per text: what a model with 2,048 tokens reads
_MOST_TOKENS, _MOST_REWORDED = 80, 400  # per reworded interest; characters of it that are used
_REWORD = (
    "You help a search engine for research papers. Say what the user wants to read about in the technical terms that "
    "authors use in titles and abstracts. Answer with one line of at most 30 words, in English, without explanation."
)


class OpenAI(EncoderSettings):
    """An endpoint that makes vectors, identified by its URL and the model's name."""

    kind: Literal["openai"] = "openai"
    url: str
    """The URL up to `/v1`, without `/embeddings`: http://localhost:11434/v1."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    """The model's name at the endpoint."""
    api_key: SecretStr | None = None
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    """The time limit for a whole response, in seconds."""
    text_model: Annotated[str, Field(max_length=200)] = ""
    """A model of the same endpoint that rewords each interest once in the field's own terms; empty for none."""

    @field_validator("url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an absolute address such as http://localhost:11434/v1")
        return value.rstrip("/").removesuffix("/embeddings")

    @property
    def name(self) -> str:
        """The model's name, stored with each vector."""
        return self.model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length one per text, in the same order. Raise MeaningError if this fails."""
        parts = [self._ask(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
        if len({part.shape[1] for part in parts}) > 1:
            raise MeaningError(f"{self.url}: vectors of different lengths; is {self.model} one model?")
        return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)

    def reword(self, text: str) -> str:
        """Return an interest in the field's terms, "" without a text model. Raise MeaningError if this fails."""
        if not self.text_model:
            return ""
        messages = [{"role": "system", "content": _REWORD}, {"role": "user", "content": text[:_MOST_CHARACTERS]}]
        wanted = {"model": self.text_model, "messages": messages, "max_tokens": _MOST_TOKENS, "temperature": 0}
        return read_text(self._post("chat/completions", wanted), self.url)

    def _ask(self, texts: Sequence[str]) -> Vectors:
        # Some servers reject an empty text, and a space means the same to a model.
        wanted = {"model": self.model, "input": [text[:_MOST_CHARACTERS] or " " for text in texts]}
        return read_vectors(self._post("embeddings", wanted), len(texts), self.url)

    def _post(self, path: str, wanted: Mapping[str, Any]) -> bytes:
        """Send a request and return the response body. Raise MeaningError if it fails."""
        headers = {"Authorization": f"Bearer {self.api_key.get_secret_value()}"} if self.api_key else {}
        try:
            with httpx.stream(
                "POST", f"{self.url}/{path}", json=wanted, headers=headers, timeout=self.timeout
            ) as answer:
                body = self._body(answer)
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MeaningError(f"{self.url}: {type(error).__name__}: {error}; is the endpoint running?") from None
        if status != httpx.codes.OK:
            said = " ".join(body[:2_000].decode("utf-8", "replace").split())[:200]
            raise MeaningError(f"{self.url}: HTTP {status} ({said}); are address, model and key right?")
        return body

    def _body(self, answer: httpx.Response) -> bytes:
        """Return the response body, limited in size and total time; httpx's own timeout restarts with every chunk."""
        body, until = b"", time.monotonic() + self.timeout
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _MOST_BYTES or time.monotonic() > until:
                raise MeaningError(f"{self.url}: the answer is too long or too slow; does it speak OpenAI's API?")
        return body


def read_vectors(body: bytes, number: int, asker: str) -> Vectors:
    """Return the vectors in an endpoint's response, in the order of the texts.

    Raise MeaningError if they are missing or invalid.
    """
    try:
        entries: list[Any] = json.loads(body)["data"]
        by_place = {int(entry.get("index", place)): entry["embedding"] for place, entry in enumerate(entries)}
        vectors = np.array([by_place[place] for place in range(number)], dtype=np.float32)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MeaningError(f"{asker}: the answer holds no vectors; is this an embeddings endpoint?") from None
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= _MOST_DIMENSIONS or not np.isfinite(vectors).all():
        raise MeaningError(f"{asker}: the answer holds no vectors; is this an embeddings endpoint?")
    return unit(vectors)


def read_text(body: bytes, asker: str) -> str:
    """Return the text in an endpoint's response as one line, shortened if it is long.

    Raise MeaningError if there is none.
    """
    try:
        said = json.loads(body)["choices"][0]["message"]["content"]
        line = " ".join(said.split())[:_MOST_REWORDED]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        line = ""
    if not line:
        raise MeaningError(f"{asker}: the answer holds no text; is this an endpoint for chat?")
    return line
