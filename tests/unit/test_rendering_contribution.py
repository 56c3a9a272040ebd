"""An excerpt of an abstract begins where it says what the paper does. The abstracts are written for these tests."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.rendering.contribution import shorten_abstract

_LONG = " Further sentences give details that nobody reads in an email." * 4


@pytest.mark.parametrize(
    ("title", "background", "contribution"),
    [
        pytest.param(
            "Walking on Ice with Online Friction Estimates",
            "Legged robots are expected to leave the laboratory. However, slippery ground remains out of reach.",
            "We propose an estimator of friction that runs on board.",
            id="robotics",
        ),
        pytest.param(
            "A kinase switch controls budding",
            "Cell polarity is essential for development, yet how it is timed is poorly understood.",
            "Here, we show that phosphorylating Cdc24 at a single site delays budding in S. cerevisiae by hours.",
            id="cell biology",
        ),
        pytest.param(
            "Statin use and falls in older adults",
            "Background: Falls are the main cause of injury in older adults.",
            "Methods: We followed 4,120 residents of care homes for 3 years.",
            id="medicine",
        ),
        pytest.param(
            "A super-Earth around a quiet M dwarf",
            "Planets of two Earth radii are common in the Galaxy, but few orbit stars bright enough to study.",
            "This Letter reports a planet of 1.9 Earth radii on an orbit of 11.2 days.",
            id="astronomy",
        ),
        pytest.param(
            "Copper-catalyzed amination of esters",
            "Amides occur in a quarter of all drugs and most need activated acids. We have no route from esters.",
            "Herein, a copper catalyst that couples esters with amines at room temperature is reported.",
            id="chemistry",
        ),
        pytest.param(
            "Rent control and the supply of housing",
            "Many cities limit rents. Economists have long argued about the effects, and we still know little.",
            "The paper uses 1.2 million listings before and after a reform.",
            id="economics",
        ),
        pytest.param(
            "On sums of three cubes in number fields",
            "Let K be a number field. A conjecture of the 1990s says which integers of K are such sums.",
            "In this note we prove it for all imaginary quadratic fields of class number one.",
            id="mathematics",
        ),
        pytest.param(
            "TideNet: Sea Levels from Tide Gauges and Altimetry",
            "Coastal sea levels are measured by gauges whose records have gaps. Satellites see the open ocean only.",
            "TideNet learns to fill the gaps of gauges.",
            id="oceanography, by the title's name",
        ),
        pytest.param(
            "GridMix: Rust Meets Vision",
            "Vision models are trained on grids.",
            "The GridMix augmentation exchanges their cells.",
            id="the title's name with an article",
        ),
        pytest.param(
            "Parsing without treebanks",
            "Treebanks exist for few languages. In previous work, we showed that parsers transfer between them. "
            "Our code is available at https://example.org/parser.",
            "Our approach induces trees from the word order of translations.",
            id="linguistics, after earlier work and the address of the code",
        ),
        pytest.param(
            "Motion cueing for simulators",
            "Driving simulators make people sick, a limitation we call the cueing gap. We need better cueing.",
            "A predictive algorithm is proposed that tilts the cabin before the driver notices.",
            id="engineering, in the passive",
        ),
        pytest.param(
            "Grundwasser unter Städten",
            "Städte heizen ihr Grundwasser auf. Bisher ist unklar, wie weit.",
            "In dieser Arbeit messen wir die Temperatur an 200 Brunnen.",
            id="German",
        ),
    ],
)
def test_an_excerpt_begins_with_what_the_paper_does(title: str, background: str, contribution: str) -> None:
    assert shorten_abstract(f"{background} {contribution}{_LONG}", title, len(contribution) + 8) == contribution


@pytest.mark.parametrize(
    "beginning",
    [
        "We propose an estimator of friction.",
        "This thesis is about snow.",
        "Snow falls. It melts. Nobody has counted the flakes.",
        "Our understanding of snow is limited, and we lack data.",
    ],
)
def test_an_excerpt_begins_at_the_start_if_that_says_it_or_nothing_does(beginning: str) -> None:
    abstract = f"{beginning}{' It snows.' * 20}"
    assert shorten_abstract(abstract, "On Snow: A Study", len(beginning)) == beginning


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("However, we find a way.", "We find a way."),
        ("To fill this gap, in this work we find a way.", "In this work we find a way."),
        ("Motivated by these results, we find a way.", "We find a way."),
        ("To tackle the problem, our method finds a way.", "Our method finds a way."),
        ("To lower the cost of such sensors, we find a way.", "We find a way."),
        ("To lower the cost of sensors, we find a way.", "To lower the cost of sensors, we find a way."),
        ("To address it, we find a way.", "We find a way."),
        ("To overcome these limits, particularly those of cost, we find a way.", "We find a way."),
        ("To address this, inspired by ants, we find a way.", "Inspired by ants, we find a way."),
        ("To bridge this research gap, we find a way.", "We find a way."),
        ("To address above challenge, this paper finds a way.", "This paper finds a way."),
        ("To fill the gap, a way is proposed.", "A way is proposed."),
        ("Building on this foundation, the paper finds a way.", "The paper finds a way."),
        ("Within this paper, we find a way.", "We find a way."),
        ("In this regard, we find a way.", "We find a way."),
        ("In contrast, we find a way.", "We find a way."),
        ("However, to solve this, we find a way.", "We find a way."),
        ("So we find a way.", "We find a way."),
        ("So far, we find a way.", "So far, we find a way."),
        ("Unlike methods that guess, we find a way.", "Unlike methods that guess, we find a way."),
        ("Rather than guessing, we find a way.", "Rather than guessing, we find a way."),
        ("With this paper, we find a way.", "With this paper, we find a way."),
        ("For tasks such as skiing, we find a way.", "For tasks such as skiing, we find a way."),
        ("This short review finds a way.", "This short review finds a way."),
        ("This paper finds such a way, this being rare.", "This paper finds such a way, this being rare."),
        ("Given sparse maps, we find a way.", "Given sparse maps, we find a way."),
    ],
)
def test_a_beginning_that_refers_to_omitted_sentences_is_omitted(sentence: str, shown: str) -> None:
    assert shorten_abstract(f"It is an open problem. {sentence}{_LONG}", "Ways", len(shown) + 4) == shown


@pytest.mark.parametrize(
    "dangling",
    [
        "This makes our approach harder than others.",
        "This motivates our investigation into snow.",
        "Such maps are what we built before.",
        "They lack a model, as our analysis shows.",
        "However, current models fail, as we show.",
        "But how can we measure snow?",
        "In addition, snow is what our model melts.",
        "For these cars to drive, which we examine, roads are needed.",
    ],
)
def test_a_sentence_that_another_must_explain_is_no_beginning(dangling: str) -> None:
    assert shorten_abstract(f"Snow is cold. {dangling} We melt all.{_LONG}", "Ways", 14) == "We melt all."
    assert (
        shorten_abstract(f"Snow is cold. {dangling}{_LONG.replace('Further', 'More')}", "Ways", 13) == "Snow is cold."
    )


@pytest.mark.parametrize(
    ("problem", "begins"),
    [
        ("Snow is too cold to melt.", "Snow is too cold to melt. We address this problem with fire."),
        ("It is too cold to melt.", "Winters are long. It is too cold"),
        (f"Snow is {'very ' * 40}cold.", "Winters are long. Snow"),
    ],
)
def test_a_problem_is_told_with_its_solution_if_it_is_clear_and_short(problem: str, begins: str) -> None:
    abstract = f"Winters are long. {problem} We address this problem with fire.{_LONG}"
    assert shorten_abstract(abstract, "Ways", 120).startswith(begins)


def test_sentences_without_a_space_between_them_are_told_apart() -> None:
    abstract = f"However, snow blocks roads, which limits trade.In this paper, we melt all.{_LONG}"
    assert shorten_abstract(f"Winters are long. {abstract}", "Ways", 14) == "We melt all."


def test_a_sentence_too_long_is_cut_rather_than_the_room_left_empty() -> None:
    abstract = (
        "Maps are old. We propose a map. It is made by a method that is told here at great length, again and again."
    )
    assert shorten_abstract(abstract, "Maps", 58) == "We propose a map. It is made by a method that is told…"
    assert shorten_abstract(abstract, "Maps", len(abstract)) == abstract


_SENTENCES = st.lists(
    st.sampled_from(("It snows.", "We melt it.", "To do this, we melt it.", "A · B: c.", "Here.", "é?", "")),
    max_size=8,
)


@given(_SENTENCES.map(" ".join) | st.text(max_size=80), st.integers(0, 60))
def test_an_excerpt_is_never_too_long_and_made_of_the_abstract(abstract: str, budget: int) -> None:
    shown = shorten_abstract(abstract, "SNOW: A Study", budget)
    assert len(shown) <= budget or shown == abstract == ""
    assert shown[1:].removesuffix("…") in abstract


@pytest.mark.parametrize(
    ("abstract", "title"),
    [
        pytest.param("We act, and " + "code is " * 12_500, "Cups", id="where code is"),
        pytest.param("a. " * 33_000, "Cups", id="abbreviations"),
        pytest.param("." * 100_000 + "a", "Cups", id="dots"),
        pytest.param("We act. " * 100, "A" * 3_000 + " b: cups", id="capitals"),
    ],
)
def test_a_long_text_takes_linear_time(abstract: str, title: str) -> None:
    before = process_time()
    shorten_abstract(abstract, title, 300)
    assert process_time() - before < 3


@pytest.mark.parametrize(
    ("contribution", "begins"),
    [
        ("We learn one policy for all three from a few demonstrations.", "A humanoid"),
        ("We compare a robot with people.", "We compare"),
        ("We solve both of these with one network.", "A humanoid"),
        ("We evaluate robots on all three benchmarks.", "We evaluate"),
    ],
)
def test_a_sentence_that_counts_what_the_one_before_lists_does_not_stand_alone(
    contribution: str, begins: str
) -> None:
    listed = "A humanoid may slip, trip or be pushed."
    abstract = (
        f"Falls are costly, and few robots stand up again by themselves. {listed} {contribution} {'More. ' * 60}"
    )
    assert shorten_abstract(abstract, "Falling well", 200).startswith(begins)


_FEEDBACK = "We explore feedback that combines headsets with haptics on the wrist."


@pytest.mark.parametrize(
    "following",
    [
        "The past two years have seen rapid advances in spatial computing for work.",
        "A belt of six motors guides the hand to the part that is assembled next.",
    ],
)
def test_what_the_paper_does_is_not_followed_by_the_beginning_of_another_sentence(following: str) -> None:
    assert shorten_abstract(f"Some words. {_FEEDBACK} {following}{_LONG}", "Feedback", 120) == _FEEDBACK


def test_two_short_sentences_are_shown_if_both_fit() -> None:
    both = f"{_FEEDBACK} Workers make 31% fewer errors."
    assert shorten_abstract(f"Some words. {both}{_LONG}", "Feedback", 120) == both


@pytest.mark.parametrize(
    "sentence",
    [
        "Here, we overcome this difficulty by applying Koopman operators to robots whose contacts change.",
        "This paper shows that it is one point of a family of methods, which a single number distinguishes.",
        "We systematically investigate these activations to explain what they do in generated pictures.",
        "We provide the first comprehensive, systematic investigation of this domain in many languages.",
        "A method with a camera is proposed to meet these conditions in all of the kitchens of the town.",
        "We compare the former with hundreds of others in kitchens, workshops and gardens of the town.",
        "We further analyze pictures of many kitchens, and say in what way they differ from workshops.",
        "We claim that with simple yet powerful hardware robots learn from people in all of the town.",
    ],
)
def test_a_sentence_that_another_must_explain_gives_way_to_a_later_one(sentence: str) -> None:
    clear = "We present a robot that washes dishes."
    background = "Kitchens are full of clutter, and it is not known how robots are to find their way in them."
    assert shorten_abstract(f"{background} {sentence} {clear}{_LONG}", "Dishes", 100).startswith(clear)


def test_a_sentence_ends_before_it_points_back() -> None:
    sentence = "We propose ViTa, a handheld, efficient data collection system for such tasks."
    abstract = f"Robots that touch things need data, and collecting that is slow and costly. {sentence}{_LONG}"
    shown = "We propose ViTa, a handheld, efficient data collection system."
    assert shorten_abstract(abstract, "ViTa", 100) == shown
