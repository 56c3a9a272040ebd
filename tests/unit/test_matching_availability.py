"""Sentences on where code and data are, which say nothing of a paper's subject."""

from __future__ import annotations

import re
from time import process_time

import pytest

from paperround.domain.text import terms
from paperround.matching import availability, fts, tsearch
from paperround.matching.availability import availability_terms
from paperround.matching.fields import Field, asides, significant_terms, text_terms
from paperround.matching.learning import TermVectors
from paperround.matching.lexical import Index, Statistics
from paperround.matching.query import parse
from paperround.matching.search import scores
from paperround.matching.suggestions import FieldVocabulary, suggest_words
from paperround.matching.words import Words
from support.queries import paper

_CODE = Words(("code",))
_FAR_BELOW_QUADRATIC = 3  # seconds


def test_the_examples_of_the_module_are_true() -> None:
    examples = [re.findall(r'"([A-Z][^"]*[.])"', line) for line in (availability.__doc__ or "").splitlines()]
    pairs = [pair for pair in examples if len(pair) == 2]
    assert len(pairs) == 5
    for recognized, other in pairs:
        assert _left_out(recognized) == [" ".join(terms(recognized))]
        assert _left_out(other) == []


def _left_out(text: str) -> list[str]:
    every = terms(text)
    return [" ".join(every[run.start : run.stop]) for run in availability_terms(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Code is available at https://github.com/ada/robots.",
        "The code will be released upon acceptance.",
        "Our code, dataset, and models are available at https://github.com/ada/robots",
        "All code, models, and data are released.",
        "Codes and data will be released soon.",
        "The source code for our experiments is publicly available at github.com/ada/robots.",
        "Code and data are available at robots.cs.tue.example.org",
        "The implementation accompanying this work is publicly available at https://anonymous.4open.science/r/x-6FB8.",
        "The complete software is open-source and available at: https://github.com/ada/robots",
        "Project page: https://ada.github.io/robots/",
        "Code & Data: https://github.com/ada/robots/tree/main.",
        "Code:https://github.com/ada/robots",
        "Project website is https://research.example.com/labs/robots",
        "https://sites.google.com/view/robots",
        "Further details are provided in the supplementary materials.",
        "See the project website at unite-page.github.io",
        "Please check the project page for the video samples https://ada.github.io.",
        "We release our code and models to support further research.",
        "We will make our code open-source to facilitate community validation.",
        "We release code, configurations, and schemas to support reproducible use.",
        "To foster further research, our code is available online.",
        "All code and data will be open-sourced for the community to build upon.",
        "Code and data are available after the review process is completed.",
        "Our models are available at robots.example upon publication.",
        "We release our models on the project page.",
        "More results are on our website.",
    ],
)
def test_a_sentence_on_where_code_and_data_are_is_left_out(sentence: str) -> None:
    assert _left_out(sentence) == [" ".join(terms(sentence))]
    around = f"We grasp cups with robots. {sentence.removesuffix('.')}. It works."
    assert _left_out(around) == [" ".join(terms(sentence))] or sentence.endswith(("robots", "main", "robots/", "FB8"))


@pytest.mark.parametrize(
    "sentence",
    [
        "Our model generates code from natural language.",
        "We release a dataset of code in twelve languages.",
        "We release 95k validator-verified traces of code.",
        "Code generation with language models is widely available to programmers.",
        "Large language models for code rely on code data, including public repositories, such as GitHub.",
        "We train on publicly available code and open-source repositories.",
        "SWE-Bench++ turns GitHub pull requests into tasks.",
        "For open-source models, multi-agent debate consistently improves code.",
        "We release models for code generation.",
        "We release data on 300 patients.",
        "Code for low-resource languages is rarely available.",
        "Typically, only vision is available.",
        "This release makes three contributions.",
        "Models that write code are released every week.",
        "Models are released under open licences that fail to stop misuse in biology, as we show here.",
        "Data are publicly shared by patients with diabetes on the web site of the hospital, which raises questions.",
        "All models have been released by companies without review of safety, to the public.",
        "Data is available for 300 patients with sepsis online.",
        "We share data to support patients with rare diseases.",
        "We share models at the edge of networks that are public.",
        "See how robots learn from videos at scale on any website.",
        "Further training of language models on synthetic web pages: a public study of project page text.",
        "Robots act.",
    ],
)
def test_a_sentence_on_the_subject_stays(sentence: str) -> None:
    assert _left_out(sentence) == []


@pytest.mark.parametrize(("beginning", "repeated"), [("See www. ", "a-"), ("See www. ", "a.io "), ("Public", " ")])
def test_a_long_text_takes_linear_time(beginning: str, repeated: str) -> None:
    before = process_time()
    availability_terms(beginning + repeated * (100_000 // len(repeated)))
    assert process_time() - before < _FAR_BELOW_QUADRATIC


def test_an_address_is_left_out_wherever_it_stands() -> None:
    said = "We present Robo (https://ada.github.io/robo), a benchmark for code generation."
    assert _left_out(said) == ["http ada github io robo"]
    assert _left_out("A model of cups (code: github.com/ada/cups) that code well.") == ["code github com ada cup"]


_BOTH = paper(1, title="Cups", abstract="Robots write code. The code is available at https://github.com/ada/cups.")
_ASIDE = paper(2, title="Cups", abstract="Robots act. Code is available at https://github.com/ada/cups.")


def test_what_an_abstract_says_of_its_code_is_no_evidence_for_plain_words_and_not_counted() -> None:
    assert significant_terms(_ASIDE, Field.ABSTRACT) == (("robot", "act"),)
    assert significant_terms(_ASIDE, Field.TITLE) == (("cup",),)
    assert [*map(list, asides(_ASIDE))] == [[*range(2, 11)]]
    assert text_terms(_ASIDE) == {"cup", "robot", "act"}
    assert Statistics.of([_BOTH, _ASIDE]).frequencies["code"] == 1
    index = Index([_BOTH, _ASIDE])
    both, aside = index.shares(_CODE)
    assert both > 0 == aside
    once = paper(3, title="Cups", abstract="Robots write code. " + "The word is here for the length only now.")
    assert Index([_BOTH, once]).shares(_CODE)[0] == pytest.approx(Index([_BOTH, once]).shares(_CODE)[1], rel=0.01)
    assert index.reasons(_CODE) == {1: ("abstract: code",), 2: ()}


def test_a_query_finds_whatever_the_text_says() -> None:
    index = Index([_BOTH, _ASIDE])
    assert index.rows(parse("abstract:code")) == {1, 2}
    assert index.rows(parse("code AND github")) == {1, 2}
    assert index.matches(parse("abstract:code"))[2].why == ("abstract: Code",)


@pytest.mark.parametrize("language", [fts, tsearch])
def test_a_search_agrees_on_every_database(language: object) -> None:
    papers = [_BOTH, _ASIDE]
    documents = [language.index_document(one) for one in papers]  # type: ignore[attr-defined]
    columns = language.COLUMNS  # type: ignore[attr-defined]
    texts = language.read_documents([[one[name] for name in columns] for one in documents])  # type: ignore[attr-defined]
    statistics = Statistics.of(papers)
    for words in (_CODE, Words(("robot", "code", "available"))):
        assert scores(words, statistics, texts).values == pytest.approx(
            Index(papers, statistics).shares(words), rel=1e-4
        )
    exact, hits = (
        scores(parse("abstract:code"), statistics, texts).values,
        Index(papers, statistics).matches(parse("abstract:code")),
    )
    assert exact == pytest.approx([hits[1].score, hits[2].score], rel=1e-4)
    assert texts.abstract_lengths() == [13, 11]


def test_nothing_is_learned_from_it_nor_suggested() -> None:
    features = TermVectors(Statistics.of([_ASIDE]))
    features.vector(_ASIDE)
    assert "code" not in features.names
    assert "robot" in features.names
    statistics = Statistics.of([_BOTH])
    papers = [(_ASIDE, 1.0)] * 3
    suggested = suggest_words((), papers, FieldVocabulary(Index([_BOTH], statistics), statistics))
    assert not {"code", "github"} & {*" ".join(suggested).split()}


@pytest.mark.parametrize(
    "text",
    [
        "A text without any address, of nine words.",
        "Ours. Project page : https: //example.org/a and data: b-c.example.io. See www.example.org, www. and //.",
        "Six words before it, and more: our models : www.example.com (code: example.ai/x) and so on .com",
        "Ein Verfahren für Roboter.",
        "Code für Roboter: https://example.org/für (Data at example.de).",
        "one.two.three.four.five.six.seven.eight.org then nine//ten and https://",
    ],
)
def test_words_far_from_an_address_are_skipped_without_missing_one(text: str) -> None:
    found = [match.span() for match in availability._ADDRESS.finditer(text)]
    assert list(availability._addresses(text)) == found


@pytest.mark.parametrize(
    "text", ["One. Two! (three) four;  five", "One (code here). Two", "Eins. Zwölf (data)  drei"]
)
def test_sentences_end_at_the_same_places_whether_something_is_in_parentheses_or_not(text: str) -> None:
    assert list(availability._boundaries(text)) == [
        match.span() for match in availability._END_OR_ASIDE.finditer(text)
    ]


def test_most_words_of_an_abstract_are_not_compared_with_the_pattern_of_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[int] = []

    class Pattern:
        def search(self, text: str, start: int) -> re.Match[str] | None:
            searched.append(len(text) - start)
            return pattern.search(text, start)

    pattern = availability._ADDRESS
    monkeypatch.setattr(availability, "_ADDRESS", Pattern())
    text = "Robots walk on sand and snow. " * 30 + "Code: https://example.org"
    assert _left_out(text) == ["code http example org"]
    assert searched == [len(" sand and snow. Code: https://example.org")]
