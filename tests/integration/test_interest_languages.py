"""Interests in other languages: a multilingual endpoint finds what they mean, and without one the page says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from paperround.domain.interest_trial import Doubt, InterestTrial
from paperround.rendering import language
from paperround.rendering.trial_sentences import describe_trial
from paperround.rounds import pipeline
from paperround.rounds.trial import Trials
from paperround.subscribers import membership
from support.letters import FOLDERS
from support.openai_server import openai_server, reply
from support.papers import listing
from support.site import MORNING, Site

GERMAN, CHINESE = "Roboter, die auf zwei Beinen laufen", "用两条腿行走的机器人"
WALKING = {"title": "A humanoid", "abstract": "Its stride is even.", "authors": ["Ada Bee"]}
IDEAS = ({"humanoid", "stride", "beinen", "行走"}, {"protein", "eiweiß", "蛋白质"})


def multilingual(handler: BaseHTTPRequestHandler, request: Any) -> None:
    """Answer as a model that knows two ideas in three languages; what is about neither is a thing of its own."""
    counts = [[sum(word in text.casefold() for word in idea) for idea in IDEAS] for text in request["input"]]
    entries = [{"index": n, "embedding": [*row, 0 if any(row) else 1]} for n, row in enumerate(counts)]
    reply(handler, json.dumps({"data": entries}).encode())


@pytest.fixture
def endpoint() -> Iterator[str]:
    with openai_server(multilingual) as url:
        yield url


@pytest.mark.parametrize("interest", [GERMAN, CHINESE])
def test_an_interest_in_another_language_finds_english_papers_with_a_multilingual_model(
    tmp_path: Path, endpoint: str, interest: str
) -> None:
    site = Site(tmp_path, meaning={"kind": "openai", "url": endpoint, "model": "multilingual"})
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 8)))
    pipeline.embed_papers(site.app)
    trial = site.app.shared(Trials).try_interest(interest, {})
    assert (trial.papers[0].paper.title, trial.selected, trial.doubt) == ("A humanoid", 1, None)
    membership.add(site.app, "ada@example.org", {"queries": (interest,)}, confirmed=True)
    site.clock.now = MORNING.replace(day=24, hour=8)
    pipeline.run_round(site.app)
    [letter] = site.relay.accepted
    assert b"A humanoid" in letter.message
    site.app.close()


@pytest.mark.parametrize("interest", [GERMAN, CHINESE])
def test_without_such_a_model_the_page_asks_for_english_words(tmp_path: Path, interest: str) -> None:
    site = Site(tmp_path)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 8)))
    trial = site.app.shared(Trials).try_interest(interest, {})
    assert "in English" in describe_trial(trial, language.load("en", FOLDERS))
    site.app.close()


@pytest.mark.parametrize("code", ["en", "de"])
def test_the_verdict_on_a_vague_interest_names_what_papers_are_answered_with(code: str) -> None:
    spoken, vague = language.load(code, FOLDERS), InterestTrial("progress", total=100, doubt=Doubt.VAGUE)
    assert "−" in describe_trial(vague, spoken)
    told = describe_trial(vague, spoken, "--more", "--less")
    assert "--more" in told
    assert "--less" in told
    assert "−" not in told
