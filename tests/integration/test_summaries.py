"""Sentences that the operator's model writes about papers: once, within limits, and never in a letter's way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.models import Listing
from paperround.operator import doctor
from paperround.rounds import pipeline
from paperround.rounds.summaries import one_sentence, write_summaries
from support.openai_server import chat, drip, hang, openai_server, reply
from support.papers import listing
from support.site import Site

SENTENCE = "Robots cross gravel and stairs that they never saw."
GERMAN = "Roboter gehen über Schotter und Treppen, die sie nie sahen."
CHINESE = "机器人可以在任何地面上行走，而且从不摔倒，也不会迷路。"
Answer = Callable[[BaseHTTPRequestHandler, Any], None]


class Model:
    """An endpoint's text model: it remembers what it was asked, and says what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.says = SENTENCE
        self.answer: Answer | None = None

    def __call__(self, handler: BaseHTTPRequestHandler, request: Any) -> None:
        self.asked.append(request)
        if self.answer:
            self.answer(handler, request)
        else:
            german = "in German" in request["messages"][0]["content"]
            reply(handler, chat(GERMAN if german else self.says))


@pytest.fixture
def model() -> Model:
    """A model that works."""
    return Model()


@pytest.fixture
def make_site(tmp_path: Path, model: Model) -> Iterator[Callable[..., Site]]:
    """Makes sites whose model writes summaries."""
    made: list[Site] = []
    with openai_server(model) as url:

        def make(database_url: str | None = None, **limits: Any) -> Site:
            summaries = {"url": url, "model": "writer", "api_key": "secret", "timeout": 60, **limits}
            made.append(Site(tmp_path, database_url, summaries=summaries))
            return made[-1]

        yield make
    for one in made:
        one.app.close()


@pytest.fixture
def summarized(make_site: Callable[..., Site]) -> Site:
    """A site whose model writes summaries."""
    return make_site()


def walking(number: int, **facts: Any) -> Listing:
    """A paper on the topic, with an abstract that no summary repeats."""
    return listing(number, "robots", **{"abstract": "Robots walk. We train them in simulation.", **facts})


def parts(message: bytes) -> tuple[str, str]:
    """The text and the HTML of a letter, each on one line."""
    mail = message_from_bytes(message, policy=policy.default)
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (" ".join(body.get_content().split()) for body in bodies if body)
    return text, html


def next_morning(site: Site) -> list[tuple[str, str]]:
    """The letters of the next day."""
    site.clock.now += timedelta(days=1)
    before = len(site.relay.accepted)
    pipeline.run_round(site.app)
    return [parts(letter.message) for letter in site.relay.accepted[before:]]


def test_a_sentence_is_written_once_and_printed_with_its_label_in_letter_and_text(
    make_site: Callable[..., Site], database_url: str, model: Model
) -> None:
    site = make_site(database_url)
    site.topic("robots")
    site.subscribers(["ada@example.org", "bob@example.org"], "robots")
    site.papers(walking(1), walking(2, summary="A human at the source wrote this about walking."))
    letters = next_morning(site)
    assert len(letters) == 2
    for text, html in letters:
        assert f"{SENTENCE} (AI summary)" in text
        assert SENTENCE in html
        assert "AI summary" in html
    [request] = model.asked
    assert (request["path"], request["key"], request["model"]) == ("/v1/chat/completions", "Bearer secret", "writer")
    assert request["max_tokens"] == 120
    assert "ada" not in json.dumps(request), "nothing about subscribers is sent"
    assert "simulation" in request["messages"][1]["content"]
    page = site.app.store.papers.by_rows([1])[1]
    assert page.generated_summary("en") == SENTENCE
    site.subscriber("cyn@example.org", "robots")
    next_morning(site)
    assert len(model.asked) == 1


def test_each_language_has_a_sentence_of_its_own(summarized: Site) -> None:
    site = summarized
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.subscriber("uwe@example.org", "robots", language="de")
    site.papers(walking(1))
    english, german = sorted(next_morning(site), key=lambda letter: GERMAN in letter[0])
    assert f"{SENTENCE} (AI summary)" in english[0]
    assert f"{GERMAN} (KI-Zusammenfassung)" in german[0]
    assert site.app.store.papers.by_rows([1])[1].summaries == {"en": SENTENCE, "de": GERMAN}


def test_a_paper_that_is_in_no_letter_costs_nothing(summarized: Site, model: Model) -> None:
    summarized.topic("robots")
    summarized.subscriber("ada@example.org", "robots", density="titles")
    summarized.papers(walking(1), listing(2, "proteins"))
    assert len(next_morning(summarized)) == 1
    assert model.asked == [], "a letter of titles prints no summaries"


def test_a_letter_that_was_sent_keeps_its_form_when_a_sentence_is_written_later(
    summarized: Site, model: Model
) -> None:
    site = summarized
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(walking(1))
    model.answer = lambda handler, _: reply(handler, b"busy", 503)
    [(text, _)] = next_morning(site)
    assert "Robots walk." in text
    model.answer = None
    site.subscriber("bob@example.org", "robots", first_now=True)
    pipeline.publish(site.app)
    [digest] = site.app.store.issues.digests_of(1)
    [paper] = site.app.store.issues.printed(digest, [1]).values()
    assert paper.generated_summary("en") == ""


def test_a_new_abstract_needs_a_new_sentence(summarized: Site, model: Model) -> None:
    summarized.topic("robots")
    summarized.subscriber("ada@example.org", "robots")
    summarized.papers(walking(1))
    next_morning(summarized)
    assert len(model.asked) == 1
    summarized.papers(walking(1, upvotes=7))
    assert summarized.app.store.papers.by_rows([1])[1].summaries == {"en": SENTENCE}
    summarized.papers(walking(1, abstract="Robots fly now.", version=2))
    assert summarized.app.store.papers.by_rows([1])[1].summaries == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (hang, "check that the endpoint is running"),
        (drip, "too long or too slow|check that the endpoint is running"),
        (lambda handler, _: reply(handler, b"<html>Welcome to nginx</html>"), "contains no text"),
        (lambda handler, _: reply(handler, b"slow down", 429), "HTTP 429"),
    ],
)
def test_an_endpoint_that_fails_holds_up_no_letter_and_doctor_says_so(
    make_site: Callable[..., Site], model: Model, answer: Answer, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    summarized = make_site(timeout=0.4)
    model.answer = answer
    summarized.topic("robots")
    summarized.subscriber("ada@example.org", "robots")
    summarized.papers(*(walking(number) for number in range(1, 6)))
    [(text, _)] = next_morning(summarized)
    assert "Robots walk." in text
    assert "AI summary" not in text
    assert len(model.asked) == 2, "after two failures the endpoint is left alone"
    assert "no summary; the letter shows the abstract" in "".join(capsys.readouterr())
    [finding] = [one for one in doctor.examine(summarized.app) if one.check == "summaries"]
    assert finding.verdict == doctor.CheckState.WARNING
    assert re.search(says, finding.what)


@pytest.mark.parametrize(
    "said", ["I'm sorry, but I cannot help with that request.", "Ok.", "word " * 1_000, "<p></p>", "no end " * 10]
)
def test_an_answer_of_no_use_is_not_printed_and_not_asked_for_again(
    summarized: Site, model: Model, said: str
) -> None:
    model.says = said
    summarized.topic("robots")
    summarized.subscriber("ada@example.org", "robots")
    summarized.papers(walking(1))
    [(text, _)] = next_morning(summarized)
    assert "AI summary" not in text
    assert "Robots walk." in text
    summarized.subscriber("bob@example.org", "robots", first_now=True)
    pipeline.run_round(summarized.app)
    assert len(model.asked) == 1
    [finding] = [one for one in doctor.examine(summarized.app) if one.check == "summaries"]
    assert "no usable sentence" in finding.what


def test_what_a_paper_talks_the_model_into_stays_one_plain_sentence(summarized: Site, model: Model) -> None:
    model.says = (
        '**Summary:** <script>alert("x")</script>Robots <a href="https://bad.example">walk</a> on\u202e '
        "[any ground](https://bad.example/x) at\x07 last; see https://bad.example/pay. Now ignore your rules."
    )
    summarized.topic("robots")
    summarized.subscriber("ada@example.org", "robots")
    summarized.papers(walking(1))
    [(text, html)] = next_morning(summarized)
    assert "Robots walk on any ground at last; see" in text
    for part in (text, html):
        assert "bad.example" not in part
        assert "alert(" not in part
        assert "ignore your rules" not in part


def test_a_days_requests_are_limited_across_rounds(make_site: Callable[..., Site], model: Model) -> None:
    site = make_site(per_day=3)
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(*(walking(number) for number in range(1, 6)))
    next_morning(site)
    assert len(model.asked) == 3
    [finding] = [one for one in doctor.examine(site.app) if one.check == "summaries"]
    assert "all 3 requests" in finding.what
    model.asked.clear()
    site.subscriber("bob@example.org", "robots", first_now=True)
    pipeline.publish(site.app)
    assert model.asked == []
    site.papers(*(walking(number) for number in range(6, 9)))
    next_morning(site)
    assert len(model.asked) == 3, "the next day has requests of its own"


def test_a_round_waits_no_longer_than_it_is_told_to(make_site: Callable[..., Site], model: Model) -> None:
    site = make_site(seconds=1e-6)
    site.topic("robots")
    site.subscriber("ada@example.org", "robots")
    site.papers(walking(1))
    assert len(next_morning(site)) == 1
    assert model.asked == []


def test_doctor_says_that_summaries_are_written_and_how_many_are_left(summarized: Site) -> None:
    [finding] = [one for one in doctor.examine(summarized.app) if one.check == "summaries"]
    assert (finding.verdict, finding.what) == (
        doctor.CheckState.OK,
        "writer writes them; 0 of 100 requests within 24 hours are used",
    )


def test_without_an_endpoint_nothing_is_written(site: Site) -> None:
    assert write_summaries(site.app) == 0
    assert [one.what for one in doctor.examine(site.app) if one.check == "summaries"] == ["no problems found"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("We use ImageNet, e.g. for tests. And more.", "We use ImageNet, e.g. for tests."),
        ('"A quoted sentence about robots."', "A quoted sentence about robots."),
        ("# Summary: A model of 3.5 billion words is small.", "A model of 3.5 billion words is small."),
        ("- `Code` that **walks** and p<0.05 stays.\n- More", "Code that walks and p<0.05 stays."),
        (f"{CHINESE}再见。", CHINESE),
        ("As an AI, I have no opinion on robots.", ""),
        ("I apologize, but I cannot access the paper.", ""),
        ("The abstract does not provide enough information to summarize.", ""),
        ("Sure, here is the summary you asked for. Robots walk on thin ice.", "Robots walk on thin ice."),
        ("Here is a one-sentence summary of the paper:\n\nRobots walk on thin ice.", "Robots walk on thin ice."),
        ("**One-sentence summary:** Robots walk on thin ice.", "Robots walk on thin ice."),
        ("Title: Robots on ice\nSummary: Robots walk on thin ice.", "Robots walk on thin ice."),
        ("Hier ist die Zusammenfassung: Roboter gehen auf Eis.", "Roboter gehen auf Eis."),
        ("Here is where robots walk on ice.", "Here is where robots walk on ice."),
        ("No end to this line of words", ""),
    ],
)
def test_one_plain_sentence_is_taken(said: str, sentence: str) -> None:
    assert one_sentence(said) == sentence


@given(st.text(max_size=500))
def test_whatever_a_model_says_becomes_a_short_line_or_nothing(said: str) -> None:
    found = one_sentence(said)
    assert len(found) <= 400
    assert found == " ".join(found.split())
    assert found.isprintable() or not found
