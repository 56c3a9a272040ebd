"""Plain words: which texts are plain, and which of their words say what is looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import QueryError
from paperround.matching.lexical import Index, Statistics
from paperround.matching.query import MAX_LENGTH, And, Phrase, parse
from paperround.matching.words import (
    STOP_WORDS,
    Words,
    any_of,
    canonical,
    check_is_informative,
    interpret,
    interpret_search,
    interpret_uncached,
    is_german,
    is_plain,
    is_plain_words,
    lists_sources,
    mistake_in,
    operators_in,
    spellings,
    with_known_fields,
    with_phrase,
)
from support.queries import BATCHES, WORDS, paper


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("robots that walk", ("robot", "walk")),
        ("two-legged machines that walk", ("two", "legged", "machine", "walk")),
        ("Robots and robot arms", ("robot", "arm")),
        ("what is it", ("what", "is", "it")),
        ("the robots", ("robot",)),
        ("well-known - or not", ("known",)),
        ("models, agents; tools!", ("model", "agent", "tool")),
        ("robots (humanoid, quadruped) that walk", ("robot", "humanoid", "quadruped", "walk")),
        ("(robots, agents)", ("robot", "agent")),
        ("minimise … KL(p||q) ‹ ε", ("minimise", "kl", "p", "q", "ε")),
        ("tests with p < 0.05", ("test", "p", "0", "05")),
        ("robots -- or * drones", ("robot", "drone")),
        ("de-noising images", ("de noising", "image")),
        ("re-identification of people", ("re identification", "people")),
        ("state-of-the-art e-learning", ("state", "art", "e learning")),
        ("x-ray and CT-scan images", ("x ray", "ct", "scan", "image")),
        ("AI-generated or rl-based RE-ID", ("ai", "generated", "rl", "based", "re", "id")),
        ("in-context learning for GPT-4", ("context", "learning", "gpt", "4")),
        ("vitamin-d, k-nearest-neighbor", ("vitamin d", "k nearest", "neighbor")),
        ("x-y plots", ("x y", "plot")),
        ("vision-language-action models", ("vision", "language", "action", "model")),
    ],
)
def test_plain_words_are_those_that_say_something_each_once(text: str, terms: tuple[str, ...]) -> None:
    assert interpret(text) == Words(terms)
    assert str(Words(terms)) == " ".join(terms)


def test_a_hyphenated_word_is_found_in_pieces_and_written_together_but_not_by_its_prefix_alone() -> None:
    wanted = interpret("de-noising images")
    assert isinstance(wanted, Words)
    papers = [
        paper(1, title="De-noising"), paper(2, title="Denoising"), paper(3, title="De-occlusion"),
        paper(4, title="Noising"), paper(5, title="Images"),
    ]  # fmt: skip
    index = Index(papers)
    in_pieces, together, prefix, rest, image = index.shares(wanted)
    assert in_pieces == together > 0 == prefix == rest < image
    assert index.reasons(wanted)[1] == ("title: De-noising",)
    assert index.reasons(wanted)[2] == ("title: Denoising",)
    assert index.rows(any_of(wanted)) == {1, 2, 5}


def test_a_hyphenated_word_is_as_rare_as_its_most_common_spelling() -> None:
    statistics = Statistics(1_000, {"de": 900, "noising": 1, "denoising": 300})
    assert statistics.rarity_of_any(spellings("de noising")) == statistics.rarity_of(Phrase(("denoising",)))
    assert statistics.rarity_of_any(spellings("noising")) == statistics.rarity_of(Phrase(("noising",)))


@pytest.mark.parametrize(
    "text",
    [
        "RLHF",
        "LoRA",
        "CO2",
        "IT",
        "vision-language",
        "robots AND drones",
        "robots OR drones",
        "robots NOT drones",
        "robots -drones",
        '"robot arms" grasping',
        "robots (arms OR hands)",
        "robots (-drones)",
        "arms (NOT(hands))",
        "robot* arms",
        "title:robots arms",
        "robots author:byron",
    ],
)
def test_one_word_and_everything_with_an_operator_has_its_exact_meaning(text: str) -> None:
    assert interpret(text) == interpret_uncached(text) == interpret_search(text) == parse(text)
    assert canonical(text) == str(parse(text))
    assert any_of(parse(text)) == parse(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('papers on "world models", please', 'papers on "world models" please'),
        ('robots with "common sense".', 'robots with "common sense"'),
        ("„lernende Roboter“, die …", '"lernende roboter" die'),
        ("robots -drones -- please", "robots -drones please"),
        ("robots & drones OR | arms", "(robots drones) OR arms"),
        ("title:robots : drones", "title:robots drones"),
    ],
)
def test_punctuation_that_stands_alone_is_ignored_in_a_query(text: str, same: str) -> None:
    assert interpret(text) == interpret_uncached(text) == interpret_search(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("robots that learn by watching people -survey", ("-survey",)),
        ('"world models" OR title:agents OR robot*', ('"world models"', "OR", "title:", "robot*")),
        ("„lernende Roboter“, die", ("„lernende Roboter“",)),
        ("robots (humanoid, quadruped) -- and p < 0.05 * two", ()),
        ("robots", ()),
        ("robots -author: Byron", ("-author:",)),
        ("author: Byron OR title:agents", ("author:", "OR", "title:")),
    ],
)
def test_the_operators_of_a_text_are_named(text: str, operators: tuple[str, ...]) -> None:
    assert operators_in(text) == operators


def test_plain_words_are_kept_as_they_are_written() -> None:
    assert canonical("Robots  that\nwalk") == "Robots that walk"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Mamba: linear-time sequence models", ("mamba", "linear", "time", "sequence", "model")),
        ('robots "unclosed', ("robot", "unclosed")),
    ],
)
def test_a_pasted_title_that_is_no_query_is_plain_words_in_a_search(text: str, terms: tuple[str, ...]) -> None:
    assert interpret_search(text) == Words(terms, inflected=True)


def test_a_search_finds_a_word_in_its_other_forms_too() -> None:
    found = interpret_search("robots that walk")
    assert isinstance(found, Words)
    robot, walk = found.spellings
    assert robot == (Phrase(("robot",)), *robot[1:])
    assert {Phrase((form,)) for form in ("walk", "walking", "walked")} <= set(walk)
    assert found.phrases == (*robot, *walk)


def test_a_search_for_one_word_with_a_stray_mark_is_for_that_word() -> None:
    assert interpret_search('"robots') == Phrase(("robot",))


@pytest.mark.parametrize("text", ["", "   ", "… – …", "-robots", "robots OR NOT drones"])
def test_a_text_that_looks_for_nothing_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        interpret_search(text)


def test_a_text_without_letters_is_no_interest() -> None:
    with pytest.raises(QueryError, match="no letter or digit"):
        interpret("… …")


def test_more_than_two_thousand_characters_are_refused_with_their_number() -> None:
    with pytest.raises(QueryError, match="at most 2000 characters, this one 40000"):
        interpret("word " * 8_000)
    assert isinstance(interpret("ab " * (MAX_LENGTH // 3)), Words)


def test_stop_words_are_compared_in_the_singular_as_all_terms_are() -> None:
    assert {"the", "perhap", "alway", "doe", "this"} <= STOP_WORDS
    assert interpret("always does this robot") == Words(("robot",))


@given(st.lists(st.one_of(WORDS, st.sampled_from(["the", "of"])), min_size=2, max_size=6).map(" ".join), BATCHES)
def test_any_of_the_words_is_enough_to_be_found_and_the_share_says_how_much_of_them(text: str, papers: list) -> None:
    words = interpret(text)
    assert isinstance(words, Words)
    assert interpret_uncached(" ".join(text.split())) == words
    index = Index(papers)
    shares = dict(zip(index.numbers, index.shares(words), strict=True))
    assert {row for row, share in shares.items() if share > 0} == index.rows(any_of(words))
    assert all(0 <= share < 1 for share in shares.values())


def test_more_of_the_words_and_the_rarer_ones_make_a_higher_share() -> None:
    papers = [
        paper(1, title="Robots walk"),
        paper(2, title="Robots"),
        paper(3, title="Walk"),
        *(paper(row, title="Walk elsewhere") for row in range(4, 10)),
    ]
    index = Index(papers)
    both, rare, common = index.shares(Words(("robot", "walk")))[:3]
    assert both > rare > common > 0
    assert index.shares(Words(("robot", "walk")))[0] == both
    assert index.reasons(Words(("robot", "walk")))[1] == ("title: Robots", "title: walk")
    assert index.reasons(And((Phrase(("robot",)), Phrase(("walk",)))), [2]) == {2: ("title: Robots",)}
    assert is_plain("robots walk")


@pytest.mark.parametrize(
    "text", ["robots that learn", "title:robots", "-robots", "Robots: a study", "Robots:", '"two words"']
)
def test_no_mistake_is_seen_in_plain_words_and_queries(text: str) -> None:
    assert mistake_in(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("titel:robots", "there is no field titel: (did you mean title:?)"),
        ("robots OR (drones", "this parenthesis is never closed"),
        ("robots OR", "OR needs a word after it"),
        ("author:", "author: needs a word, a phrase or a group after it"),
        ("robots AU: ", "AU: needs a word, a phrase or a group after it"),
    ],
)
def test_a_mistake_in_a_query_is_told_with_its_spot(text: str, why: str) -> None:
    told = str(mistake_in(text))
    assert told.startswith(why)
    assert told.endswith("^")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("author:ada bee", 'author:"ada bee"'), (" title:a  long title ", 'title:"a  long title"'),
        ("author:ada", ""),        ('author:"ada bee"', ""), ("author:ada title:x", ""), ("author:ada (bee)", ""),
        ("author:ada -bee", ""),
        ("two words", ""), ("", ""),
    ],
)  # fmt: skip
def test_several_words_after_a_field_are_probably_a_phrase(typed: str, meant: str) -> None:
    assert with_phrase(typed) == meant


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("机器人", False),
        ("用两条腿行走的机器人", True),
        ("ロボットの歩行", True),
        ("title:用两条腿行走的机器人", False),
        ("robots", True),
        ("Seismology", True),
        ("Erdbebenkunde", True),
        ("RLHF", False),
        ("GPT4", False),
        ("rob*", False),
        ('"robots"', False),
    ],
)
def test_a_sentence_without_spaces_and_an_ordinary_word_are_plain_and_an_acronym_is_not(
    text: str, plain: bool
) -> None:
    assert is_plain(text) is plain
    assert isinstance(interpret(text), Words) is plain


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("author: Ada Byron", 'author:"ada byron"'),
        ("Author: Ada Byron", 'author:"ada byron"'),
        ("author: byron", "author:byron"),
        ("cat: cs.RO", "cat:cs.ro"),
        ("org: Tea Lab", 'org:"tea lab"'),
        ("title: language agents", "title:language title:agent"),
        ("author: Ada Byron OR author: Karl Bär", 'author:"ada byron" OR author:"karl bar"'),
        ("author: Ada Byron AND robots", 'author:"ada byron" robot'),
        ("robots (author: Ada Byron)", 'robot author:"ada byron"'),
        ("robots -author: Byron", "robot NOT author:byron"),
        ("cat: cs.RO title: robots", "cat:cs.ro title:robot"),
        ("title: deep learn*", "title:deep title:learn*"),
        ("title: learn* deep OR robots", "title:learn* title:deep OR robot"),
        ("title: learn*", "title:learn*"),
        ("author: Ada Byr*", 'author:"ada byr"*'),
        ("author: Ad* Byron", "author:ad* byron"),
        ("cat: cs.* robots", "cat:cs.* robot"),
    ],
)
def test_a_field_before_a_space_applies_to_the_words_after_it(text: str, query: str) -> None:
    assert str(interpret(text)) == query == str(interpret_uncached(text)) == str(interpret_search(text))
    assert interpret(canonical(text)) == interpret(text)
    assert operators_in(text)


def test_the_ends_of_possessives_and_contractions_are_no_words() -> None:
    assert interpret("poor people's wages") == Words(("poor", "people", "wage"))
    assert interpret("O'Brien’s maze don't") == Words(("o", "brien", "maze"))


def test_a_word_with_a_colon_within_a_sentence_is_no_field() -> None:
    assert interpret("robots that are open source: a study") == Words(("robot", "open", "source"))


def test_a_query_that_is_not_valid_is_not_plain_words() -> None:
    assert [is_plain_words(text) for text in ("robots walk", "RLHF", "robots AND", "title:")] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("source:hf-daily", True),
        ("source:hf-daily OR source:my-feed", True),
        ("source:hf-daily cat:cs.RO -diffusion", True),
        ("source:hf-daily OR robots", False),
        ("cat:cs.RO", False),
        ('source:hf-daily org:"CERN"', False),
        ("robots that walk", False),
        ("source:", False),
    ],
)
def test_a_topic_lists_sources_if_it_names_them_and_looks_for_no_words(text: str, listed: bool) -> None:
    assert lists_sources(text) is listed


@pytest.mark.parametrize("text", ["the of", "What is it?"])
def test_a_topic_of_words_that_say_nothing_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="papers on any subject"):
        check_is_informative(text)


@pytest.mark.parametrize("text", ["the robots", "title:the", '"the of"'])
def test_a_topic_with_a_word_that_says_something_or_with_operators_is_accepted(text: str) -> None:
    check_is_informative(text)


@pytest.mark.parametrize(
    ("typed", "meant", "changes"),
    [
        ("autor:zhang", "author:zhang", (("autor:", "author:"),)),
        ("Titel:robots autor:zhang", "title:robots author:zhang", (("Titel:", "title:"), ("autor:", "author:"))),
        ("author:zhang", "author:zhang", ()),
        ("nothing:zhang", "nothing:zhang", ()),
        ("autor:zhang (", "autor:zhang (", ()),
        ("robots", "robots", ()),
    ],
)
def test_a_mistyped_field_is_read_as_the_one_that_it_resembles(
    typed: str, meant: str, changes: tuple[tuple[str, str], ...]
) -> None:
    assert with_known_fields(typed) == (meant, changes)


@pytest.mark.parametrize("text", ["rob*t", "*bot", "robots *bot learn"])
def test_a_star_that_is_not_at_the_end_of_a_word_is_a_mistake(text: str) -> None:
    assert "only at the end of a word" in str(mistake_in(text))


def test_german_function_words_are_dropped_from_a_german_interest() -> None:
    wanted = interpret("Rekonstruktion von Szenen mit dem Roboter und wie sie gelingt")
    assert isinstance(wanted, Words)
    assert wanted.terms == ("rekonstruktion", "szenen", "roboter", "gelingt")


@pytest.mark.parametrize("text", ["als disease progression", "dem generation", "man middle attack", "von neumann"])
def test_words_that_are_german_function_words_too_stay_in_an_english_interest(text: str) -> None:
    wanted = interpret(text)
    assert isinstance(wanted, Words)
    assert " ".join(wanted.terms) == text


def test_a_share_does_not_depend_on_the_other_papers_of_a_batch() -> None:
    past = [paper(n, title=f"Walking robots {n}" if n < 9 else f"Topic {n}") for n in range(1, 40)]
    statistics = Statistics.of(past)
    words = Words(("walking", "robot", "exoskeleton"))
    first, other = paper(41, title="Walking robots"), paper(42, title="Walking robots with an exoskeleton")
    alone, together = Index([first], statistics).shares(words), Index([first, other], statistics).shares(words)
    assert alone[0] == together[0]
    assert together[0] < together[1] <= 1


def test_a_word_that_no_paper_has_counts_like_the_others_on_average() -> None:
    papers = [paper(1, title="Gaussian splatting of scenes"), *(paper(n, title=f"Topic {n}") for n in range(2, 40))]
    statistics = Statistics.of(papers)
    shares = {
        text: float(Index(papers, statistics).shares(Words(tuple(text.split())))[0])
        for text in ("gaussian splatting", "gaussian splatting gizmo", "gizmo", "gaussian splatting topic")
    }
    assert shares["gaussian splatting gizmo"] == pytest.approx(shares["gaussian splatting"] * 2 / 3)
    assert shares["gizmo"] == 0
    assert shares["gaussian splatting topic"] > shares["gaussian splatting gizmo"]  # a common word weighs less


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("Roboter, die nur von Menschen lernen", True),
        ("Verfahren für Roboter", True),
        ("Roboter mit Menschen", False),
        ("robots that learn from watching people", False),
        ("dice that die in a mine", False),
        ("von Mises stress in die casting", False),
        ("van der Waals forces and die bonding", False),
        ("Roboter, die von den Menschen lernen", True),
    ],
)
def test_a_text_with_german_function_words_is_german(text: str, german: bool) -> None:
    assert is_german(text) is german
