"""Encoders: word pieces, the model that comes in a package, and an endpoint of the operator's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from paperround.domain.errors import MeaningError
from paperround.meaning import AnyEncoder, MiniLM, OpenAI, WordsOnly, endpoint, minilm
from paperround.meaning.endpoint import read_answer
from paperround.meaning.openai import one_line, read_vectors
from paperround.meaning.wordpiece import WordPieces
from support.openai_server import chat, drip, hang, openai_server, reply

pytestmark = pytest.mark.slow  # a local server, and waits

PIECES = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "walk",
    "##ing",
    "un",
    "##walk",
    "##able",
    "robots",
    "-",
    ".",
    "cafe",
    "大",
    "型",
]
WALK = WordPieces(PIECES)


def said(text: str, most: int = 50) -> list[str]:
    return [PIECES[number] for number in WALK.numbers(text, most)[1:-1]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Walking ROBOTS", ["walk", "##ing", "robots"]),
        ("unwalkable.", ["un", "##walk", "##able", "."]),
        ("walk-walk", ["walk", "-", "walk"]),
        ("Café", ["cafe"]),
        ("大型walk", ["大", "型", "walk"]),
        ("walkx", ["[UNK]"]),
        ("w" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_words_fall_into_the_longest_pieces_that_are_known(text: str, pieces: list[str]) -> None:
    assert said(text) == pieces


@given(st.text(max_size=300), st.integers(2, 20))
def test_any_text_fits_into_the_room_between_beginning_and_end(text: str, most: int) -> None:
    numbers = WALK.numbers(text, most)
    assert 2 <= len(numbers) <= most
    assert (numbers[0], numbers[-1]) == (1, 2)


def test_the_model_knows_what_is_meant_much_the_same() -> None:
    texts = ["two-legged machines that keep their balance", "humanoid robot locomotion", "protein folding", ""]
    vectors = MiniLM(tokens=32).encode(texts)
    assert vectors.shape == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-3)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert MiniLM(tokens=32).encode([texts[2]])[0] @ vectors[2] > 0.99, "whoever else is in the batch"
    assert MiniLM().encode([]).shape == (0, 384)
    assert MiniLM.installed()


def test_the_model_does_not_keep_what_it_needs_while_it_reads_long_texts() -> None:
    program = """
from paperround.meaning import MiniLM
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = resident()
MiniLM().encode(["robots that walk and keep their balance " * 60] * 40)
print(resident() - before)
"""
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert float(said.stdout) < 185, "megabytes; the weights take 90"


def test_without_its_packages_the_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    minilm._load.cache_clear()
    with pytest.raises(MeaningError, match=r"onnxruntime is not installed; .*its extra `meaning`"):
        MiniLM().encode(["walk"])


def test_an_encoder_is_named_by_its_kind_and_a_wrong_one_is_refused() -> None:
    kinds: TypeAdapter[Any] = TypeAdapter(AnyEncoder)
    assert kinds.validate_python({"kind": "minilm"}).name == "minilm-128"
    assert kinds.validate_python({"kind": "words"}) == WordsOnly()
    assert WordsOnly().name == ""
    assert WordsOnly().encode(["a"]).shape == (1, 0)
    for wrong in ({"kind": "mind"}, {"kind": "minilm", "tokens": 3}, {"kind": "openai", "url": "x", "model": "m"}):
        with pytest.raises(ValidationError):
            kinds.validate_python(wrong)


def test_an_endpoint_is_asked_in_parts_and_its_vectors_come_in_the_order_of_the_texts() -> None:
    asked: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, request: Any) -> None:
        asked.append(request)
        entries = [{"index": place, "embedding": [len(text), 1]} for place, text in enumerate(request["input"])]
        reply(handler, json.dumps({"data": entries[::-1]}).encode())

    with openai_server(answer) as url:
        encoder = OpenAI(url=f"{url}/embeddings", model="nomic", api_key="secret")
        vectors = encoder.encode([*("x" * number for number in range(1, 20)), ""])
        assert encoder.encode([]).shape == (0, 0)
    assert encoder.name == "nomic"
    assert vectors[:, 0] / vectors[:, 1] == pytest.approx([*range(1, 20), 1])
    assert [len(request["input"]) for request in asked] == [16, 4]
    assert {(r["path"], r["key"], r["model"]) for r in asked} == {("/v1/embeddings", "Bearer secret", "nomic")}
    assert "secret" not in repr(encoder)


def _patience(answer: Any) -> float:
    """Seconds to wait: a moment only where no answer comes, since a busy machine is slow with the others."""
    return 0.3 if answer in (hang, drip) else 60


SLOW = [
    (hang, "check that the endpoint is running"),
    (drip, "too long or too slow|check that the endpoint is running"),
]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda handler, _: reply(handler, b"<html>Not here</html>"), "no vectors"),
        (lambda handler, _: reply(handler, b"no such model", 404), r"HTTP 404 \(no such model\)"),
        *SLOW,
    ],
)
def test_an_endpoint_that_hangs_or_answers_something_else_is_told_of(answer: Any, says: str) -> None:
    with openai_server(answer) as url, pytest.raises(MeaningError, match=says):
        OpenAI(url=url, model="m", timeout=_patience(answer)).encode(["text"])


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_MAX_RESPONSE_BYTES", 1_000)
    with (
        openai_server(lambda handler, _: reply(handler, b" " * 50_000)) as url,
        pytest.raises(MeaningError, match="too long"),
    ):
        OpenAI(url=url, model="m").encode(["text"])


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_text_that_is_too_long_for_the_endpoints_model_is_shortened_and_holds_up_no_other(status: int) -> None:
    asked: list[list[int]] = []

    def answer(handler: BaseHTTPRequestHandler, request: Any) -> None:
        lengths = [len(text) for text in request["input"]]
        asked.append(lengths)
        if max(lengths) > 2_000:
            reply(handler, b"input is too large to process", status)
        else:
            reply(handler, json.dumps({"data": [{"embedding": [length, 1]} for length in lengths]}).encode())

    with openai_server(answer) as url:
        vectors = OpenAI(url=url, model="m").encode(["x" * 20, "x" * 6_000, "x" * 30])
    assert vectors[:, 0] / vectors[:, 1] == pytest.approx([20, 1_500, 30])
    assert asked == [[20, 6_000, 30], [20], [6_000], [3_000], [1_500], [30]]


def test_an_endpoint_that_refuses_every_text_is_asked_a_few_times_only() -> None:
    asked: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, request: Any) -> None:
        asked.append(request)
        reply(handler, b"no", 500)

    with openai_server(answer) as url, pytest.raises(MeaningError, match="HTTP 500"):
        OpenAI(url=url, model="m").encode(["x" * 9_000] * 16)
    assert len(asked) == 6


def test_vectors_of_different_lengths_are_refused() -> None:
    def answer(handler: BaseHTTPRequestHandler, request: Any) -> None:
        texts = request["input"]
        reply(handler, json.dumps({"data": [{"embedding": [1.0] * (1 + len(texts))} for _ in texts]}).encode())

    with openai_server(answer) as url, pytest.raises(MeaningError, match="different lengths"):
        OpenAI(url=url, model="m").encode(["x"] * 17)


def test_nobody_at_the_address_is_told_of() -> None:
    with pytest.raises(MeaningError, match="check that the endpoint is running"):
        OpenAI(url="http://127.0.0.1:9/v1", model="m").encode(["text"])


@given(st.binary(max_size=60))
def test_any_bytes_are_vectors_or_an_error(body: bytes) -> None:
    with pytest.raises(MeaningError):
        read_vectors(body, 1, "here")


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": [{"embedding": []}]},
        {"data": [{"embedding": ["a"]}]},
        {"data": [{"embedding": [[1.0]]}]},
        {"data": [{"embedding": [1e400]}]},
        {"data": [{"embedding": [1.0] * 5_000}]},
        {"data": [{"index": 3, "embedding": [1.0]}]},
        {"data": 3},
        [],
    ],
)
def test_an_answer_that_holds_no_vectors_is_an_error(answer: Any) -> None:
    with pytest.raises(MeaningError, match="contains no vectors"):
        read_vectors(json.dumps(answer).encode(), 1, "here")


# --- interests in the words of the field -------------------------------------------------------------------------


def test_an_interest_is_said_once_in_the_words_of_the_field_within_bounds() -> None:
    asked: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, request: Any) -> None:
        asked.append(request)
        reply(handler, chat("bipedal locomotion,\n  balance control"))

    with openai_server(answer) as url:
        assert OpenAI(url=url, model="m").reword("machines that walk") == ""
        assert not asked, "without a model for text nobody is asked"
        encoder = OpenAI(url=url, model="m", text_model="writer", api_key="secret")
        assert encoder.reword("machines that walk " * 5_000) == "bipedal locomotion, balance control"
    [request] = asked
    assert (request["path"], request["model"], request["key"]) == ("/v1/chat/completions", "writer", "Bearer secret")
    assert request["max_tokens"] == 80
    assert len(request["messages"][1]["content"]) == 8_000
    assert WordsOnly().reword("machines that walk") == ""


def test_of_a_thousand_tokens_that_were_not_asked_for_the_first_are_used() -> None:
    with openai_server(lambda handler, _: reply(handler, chat("gait " * 1_000))) as url:
        assert len(OpenAI(url=url, model="m", text_model="t").reword("walking")) == 400


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda handler, _: reply(handler, b"<html>Not here</html>"), "no text"),
        (lambda handler, _: reply(handler, chat("")), "no text"),
        (lambda handler, _: reply(handler, chat(None)), "no text"),
        (lambda handler, _: reply(handler, b'{"choices": []}'), "no text"),
        (lambda handler, _: reply(handler, chat("<think>\nOkay, the user wants")), "only reasoning"),
        (lambda handler, _: reply(handler, b"busy", 503), r"HTTP 503 \(busy\)"),
        *SLOW,
    ],
)
def test_an_endpoint_without_usable_answers_is_reported(answer: Any, says: str) -> None:
    with openai_server(answer) as url, pytest.raises(MeaningError, match=says):
        OpenAI(url=url, model="m", text_model="t", timeout=_patience(answer)).reword("walking")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_of_text_or_an_error(body: bytes) -> None:
    with suppress(MeaningError):
        assert read_answer(body, "http://there")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("<think>\nOkay, the user wants a line.\n</think>\n\ngait", "gait"),
        ("<thinking>One.</thinking>gait", "gait"),
        ("Okay, the user wants a line.\n</think>\n\ngait", "gait"),
        ("Okay, the user wants a line.</think>gait", "gait"),
        ("Okay, the user wants a line.</think>**gait**", "**gait**"),
        ("What the token </think>, or `</think>`, is for", "What the token </think>, or `</think>`, is for"),
        ("What the tokens <think> and </think> are for", "What the tokens <think> and </think> are for"),
    ],
)
def test_a_models_reasoning_is_no_part_of_its_answer(said: str, answer: str) -> None:
    assert one_line(read_answer(chat(said), "http://there")) == answer


def test_what_a_model_says_of_an_interest_is_one_line() -> None:
    assert one_line(" gait\n  of  robots ") == "gait of robots"


def test_the_time_limit_holds_for_headers_that_come_byte_by_byte() -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Any) -> None:
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 30:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.1)

    with openai_server(answer) as url, pytest.raises(MeaningError, match=r"no response within 0\.5 seconds"):
        OpenAI(url=url, model="nomic", timeout=0.5).encode(["storks"])


@pytest.mark.parametrize("url", ["http://me:hunter2@127.0.0.1:9/v1", "http://me:hunter2@a..b/v1"])
def test_a_password_in_the_address_is_in_no_message(url: str) -> None:
    with pytest.raises(MeaningError) as told:
        OpenAI(url=url, model="nomic", timeout=2).encode(["storks"])
    assert "hunter2" not in str(told.value)


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="must consist of ASCII characters"):
        OpenAI(url="http://localhost/v1", model="nomic", api_key="schlüssel")


def test_a_password_in_the_address_is_in_no_message_about_its_answer() -> None:
    page = openai_server(lambda handler, _: reply(handler, b"<html>Not here</html>"))
    with page as url, pytest.raises(MeaningError, match="no vectors") as told:
        OpenAI(url=url.replace("://", "://me:hunter2@"), model="nomic").encode(["storks"])
    assert "hunter2" not in str(told.value)
