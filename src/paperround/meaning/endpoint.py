"""Ask an endpoint of the operator's own that speaks OpenAI's API, such as llama.cpp, vLLM or Ollama.

An endpoint that hangs, returns something else or never stops sending costs one request, bounded in time and size.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from paperround.domain.errors import MeaningError
from paperround.network.http import redacted
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import httpx
else:
    httpx = LazyModule("httpx")

TEXTS_AT_ONCE, MAX_DIMENSIONS = 16, 4_096
"""The texts in one request, and the numbers in one vector."""
# What a reasoning model writes before its answer, if the server does not separate it. Some leave out the beginning,
# and a limit on tokens may cut off the end.
_THOUGHTS = re.compile(
    r"\A\s*<(think(?:ing)?|reasoning)>.*?(?:</\1>|\Z)|\A.*</think(?:ing)?>(?=[^\S\n]*\n|[\w*\"“])",
    re.DOTALL | re.IGNORECASE,
)
# A number takes at most 25 characters; the rest is for names and quotation marks.
_MAX_RESPONSE_BYTES = TEXTS_AT_ONCE * MAX_DIMENSIONS * 32
MAX_CHARACTERS = 8_000
"""The characters of a text that are sent: what a model with 2,048 tokens reads."""


# llama.cpp answers 500 to a text that is longer than its batch, TEI 413 or 422, others 400.
_INPUT_REFUSED = (400, 413, 422, 500)


class InputError(MeaningError):
    """The endpoint answered, but takes none of these texts, for example because one is too long for the model."""


class Endpoint(BaseModel):
    """The address of an endpoint, and how to ask it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """The URL up to `/v1`: http://localhost:11434/v1."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    """The model's name at the endpoint."""
    api_key: SecretStr | None = None
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    """The time limit for a whole response, in seconds."""

    @field_validator("api_key")
    @classmethod
    def _ascii(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().isascii():
            raise ValueError("must consist of ASCII characters")
        return value

    @field_validator("url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an absolute address such as http://localhost:11434/v1")
        return value.rstrip("/").removesuffix("/embeddings").removesuffix("/chat/completions")

    def chat(self, model: str, system: str, text: str, most_tokens: int, timeout: float | None = None) -> str:
        """Return a model's answer to a text, as it stands. Raise MeaningError if there is none."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text[:MAX_CHARACTERS]}]
        body = {"model": model, "messages": messages, "max_tokens": most_tokens, "temperature": 0}
        return read_answer(self.post("chat/completions", body, timeout), self.shown)

    @property
    def shown(self) -> str:
        """The URL for messages, without secrets."""
        return redacted(self.url)

    def post(self, path: str, body: Mapping[str, Any], timeout: float | None = None) -> bytes:
        """Send a request and return the response body. Raise MeaningError if it fails or takes too long.

        httpx's own time limit starts anew with each byte that arrives. So a thread sends the request, and is left to
        itself when the time is over.
        """
        limit = self.timeout if timeout is None else min(timeout, self.timeout)
        answers: SimpleQueue[bytes | MeaningError] = SimpleQueue()
        Thread(target=lambda: answers.put(self._answer(path, body, limit)), daemon=True).start()
        try:
            answer = answers.get(timeout=limit)
        except Empty:
            answer = MeaningError(
                f"{self.shown}: no response within {limit:g} seconds; check that the endpoint is running"
            )
        if isinstance(answer, MeaningError):
            raise answer
        return answer

    def _answer(self, path: str, content: Mapping[str, Any], limit: float) -> bytes | MeaningError:
        headers = {"Authorization": f"Bearer {self.api_key.get_secret_value()}"} if self.api_key else {}
        try:
            with httpx.stream("POST", f"{self.url}/{path}", json=content, headers=headers, timeout=limit) as answer:
                body = self._body(answer, limit)
                status = answer.status_code
        except MeaningError as error:
            return error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return MeaningError(f"{self.shown}: {type(error).__name__}: {error}; check that the endpoint is running")
        if status != httpx.codes.OK:
            excerpt = " ".join(body[:2_000].decode("utf-8", "replace").split())[:200]
            kind = InputError if status in _INPUT_REFUSED else MeaningError
            return kind(f"{self.shown}: HTTP {status} ({excerpt}); check address, model and key")
        return body

    def _body(self, answer: httpx.Response, limit: float) -> bytes:
        """Return the response body, limited in size and total time; httpx's own timeout restarts with every chunk."""
        body, until = b"", time.monotonic() + limit
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _MAX_RESPONSE_BYTES or time.monotonic() > until:
                raise MeaningError(
                    f"{self.shown}: the response is too long or too slow; check that it implements OpenAI's API"
                )
        return body


def read_answer(body: bytes, service: str) -> str:
    """Return the text in a chat endpoint's response, without reasoning. Raise MeaningError if there is none."""
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise MeaningError(f"{service}: the response contains no text; check that this is a chat endpoint")
    if not (answer := _THOUGHTS.sub("", text)).strip():
        raise MeaningError(f"{service}: the response contains only reasoning; turn it off or use another model")
    return answer
