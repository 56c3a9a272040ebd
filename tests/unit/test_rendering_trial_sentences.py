"""What pages and commands say of an interest that was tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from paperround.domain.interest_trial import Doubt, InterestTrial, WiderBreadth
from paperround.domain.preferences import Breadth
from paperround.rendering import language
from paperround.rendering.trial_sentences import (
    describe_closest,
    describe_misreading,
    describe_operators,
    describe_remedies,
    describe_trial,
    describe_week,
    describe_week_without_word,
    suggest_correction,
)
from support.letters import FOLDERS

_ENGLISH = language.load("en", FOLDERS)
_LARGE = InterestTrial("walking robots", total=2_000)
_FEW = "This site has only 60 papers so far, too few to tell what stands out. Your first ratings help most."
_MORE = WiderBreadth(Breadth.MORE, 2)


def _setting(breadth: Breadth, _language: language.Language) -> str:
    return f"“{breadth}”"


def _told(trial: InterestTrial) -> str:
    return describe_trial(trial, _ENGLISH, setting=_setting)


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        (InterestTrial("x", doubt=Doubt.NO_PAPERS), "There are no papers to try it on yet."),
        (replace(_LARGE, doubt=Doubt.EMPTY), "These words occur in papers on every subject."),
        (replace(_LARGE, doubt=Doubt.UNWANTED, unwanted="drones"), "This brings papers about “drones” instead of"),
        (replace(_LARGE, doubt=Doubt.AUTHOR, author='author:"Ada Lund"'), 'enter: author:"Ada Lund"'),
        (replace(_LARGE, doubt=Doubt.LANGUAGE), "in German, but it is compared with papers in English. Write it in"),
        (replace(_LARGE, doubt=Doubt.UNKNOWN), "The newest papers have none of these words"),
        (replace(_LARGE, doubt=Doubt.BROAD, selected=900), "900 of the 2,000 newest papers fit, which is too many"),
        (replace(_LARGE, exact=True), "None of the newest papers matches exactly."),
        (replace(_LARGE, exact=True, selected=1), "1 of the newest papers matches exactly."),
        (
            replace(_LARGE, exact=True, selected=3, operators=("OR",)),
            "3 of the newest papers match exactly. Because of OR this is read as a query, which finds exact"
            " matches only.",
        ),
    ],
)
def test_each_doubt_has_a_sentence(trial: InterestTrial, sentence: str) -> None:
    assert sentence in _told(trial)


def test_a_vague_interest_is_told_what_would_help() -> None:
    vague = replace(_LARGE, doubt=Doubt.VAGUE)
    assert _told(vague) == (
        "No paper stands out enough to be emailed. The interest may be too vague, or nothing on it has appeared "
        "lately. The closest papers are below: rate them with + and −, or add a technical term."
    )
    assert _told(replace(vague, rated=True, wider=_MORE)).startswith(
        "Apart from the papers you rated, none stands out enough to be emailed. With “more”, 2 papers would be "
        "emailed."
    )


def test_a_useful_interest_is_told_how_many_papers_stand_out_and_on_a_new_site_what_helps() -> None:
    useful = replace(_LARGE, selected=4)
    assert _told(useful) == "4 of the newest papers stand out enough to be emailed."
    assert _told(replace(useful, rated=True)) == (
        "Apart from the papers you rated, 4 of the newest papers stand out enough to be emailed."
    )
    assert _told(replace(useful, total=60)) == f"4 of the newest papers stand out enough to be emailed. {_FEW}"


def test_on_a_site_with_few_papers_time_helps_and_a_wider_breadth() -> None:
    assert describe_remedies(2_000, None, _ENGLISH, _setting) == []
    assert describe_remedies(60, _MORE, _ENGLISH, _setting) == [_FEW, "With “more”, 2 papers would be emailed."]


def test_nothing_is_said_where_nothing_is_doubtful() -> None:
    assert describe_operators((), _ENGLISH) == ""
    assert describe_misreading("", "", _ENGLISH) == ""


@pytest.mark.parametrize(
    ("describe", "sentence"),
    [
        (lambda: describe_week(0, _ENGLISH, counted=500), "No papers in the past week."),
        (
            lambda: describe_week_without_word(_ENGLISH),
            "No papers in the past week. Such a word finds only papers that",
        ),
        (lambda: describe_week(1, _ENGLISH, counted=500), "1 paper in the past week:"),
        (lambda: describe_week(7, _ENGLISH, counted=500), "7 papers in the past week, including:"),
        (lambda: describe_week(500, _ENGLISH, counted=500), "More than 500 papers in the past week."),
        (lambda: describe_closest([_FEW], _ENGLISH), f"enough to be emailed. {_FEW} The closest are:"),
        (lambda: suggest_correction("robots", _ENGLISH), "Did you mean “robots”?"),
    ],
)
def test_the_papers_of_the_past_week_are_introduced(describe: Callable[[], str], sentence: str) -> None:
    assert sentence in describe()
