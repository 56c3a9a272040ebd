"""The subject says what is inside, in one honest line."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import DayFacts, Digest, NoteKind, PaperNote
from paperround.domain.preferences import QuietDays
from paperround.domain.schedule import Cadence, Issue
from paperround.rendering import language
from paperround.rendering.counts import describe_end, describe_no_papers, describe_reading
from paperround.rendering.letter_lines import first_line
from paperround.rendering.schedule_sentences import describe_reason
from paperround.rendering.subject import DEFAULT, MAX_LENGTH, check, pretends, render_subject
from support.letters import FOLDERS, letter, paper

_FACTS = {"inside": "9 papers on 3 topics", "papers": "9", "topics": "Robots", "date": "Monday", "site": "The Round"}


def _subject(top: str, template: str = DEFAULT, others: str = " · 8 more", second: str = "") -> str:
    return render_subject(template, top=top, second=second, others=" · 7 more", all_others=others, **_FACTS)


def test_it_names_the_two_best_papers_and_how_many_more() -> None:
    assert _subject("Attention Revisited") == "Attention Revisited · 8 more"
    assert _subject("Attention Revisited", others="") == "Attention Revisited"
    assert _subject("Attention Revisited", second="Small Models") == "Attention Revisited · Small Models · 7 more"


def test_the_second_title_has_the_room_that_the_first_one_leaves() -> None:
    first, second = "A title of forty-two characters, no longer", "A second title of many words"
    assert _subject(first, second=second) == f"{first} · A second title… · 7 more"
    assert _subject(f"{first} at all, it is said", second=second) == f"{first} at all, it is said · 8 more"


def test_every_paper_that_the_subject_does_not_name_is_counted() -> None:
    long = "A title of sixty characters, which leaves no room for another"
    two = [paper(1, title=long), paper(2, title="Incomprehensibilities reconsidered")]
    assert letter(two).subject == f"{long} · 1 more"
    assert letter([*two, paper(3, title="Third")]).subject == f"{long} · 2 more"
    assert letter([paper(n, title=f"Paper {n}") for n in (1, 2, 3)]).subject == "Paper 1 · Paper 2 · 1 more"
    assert _subject("X", "{top}{others}", second="Second") == "X · 8 more"


def test_the_first_line_repeats_no_title_of_the_subject_and_no_long_word_of_it() -> None:
    long = "Pneumonoultramicroscopicsilicovolcanoconiosis"
    rendered = letter([paper(1, title="Short"), paper(2, title=long), paper(3, title="Third")])
    assert rendered.subject == f"Short · {long} · 1 more"
    assert "· Third" in rendered.html
    assert "Pneumono" not in rendered.html.partition("· Third")[0].partition("<body")[2]


def test_a_long_title_is_cut_at_a_word_and_the_count_stays() -> None:
    line = _subject("A very long title " * 10)
    assert line == "A very long title A very long title A very long title A very… · 8 more"
    assert len(line) <= MAX_LENGTH


def test_a_title_that_just_fills_the_line_leaves_the_count_whole() -> None:
    title = "Folding Laundry at Human Speed with Two Arms and One Camera"
    assert _subject(title, others=" · 4 weitere").endswith(" with Two Arms and One… · 4 weitere")
    assert _subject(title, others=" · 8 more") == f"{title} · 8 more"


def test_the_subject_says_what_a_paper_with_a_name_is_about() -> None:
    rendered = letter(
        [paper(1, title="REALM: A Benchmark of Manipulation"), paper(2, title="CHIP: Compliance for Humanoids")]
    )
    assert rendered.subject == "REALM: A Benchmark of Manipulation · CHIP: Compliance for Humanoids"


def test_a_site_can_word_it_differently() -> None:
    assert _subject("X", "{site}, {date}: {inside}") == "The Round, Monday: 9 papers on 3 topics"
    assert _subject("X", "{{{papers}}} {topics}") == "{9} Robots"


@pytest.mark.parametrize("title", ["Re: your paper", "FWD: news", "aw: hallo", "Re [2]: x", "ATTENTION!"])
def test_it_never_looks_like_an_answer_and_never_shouts(title: str) -> None:
    assert _subject(title, others="") == f"The Round: {title}"


def test_where_the_site_shouts_too_it_is_the_plain_count() -> None:
    facts = {**_FACTS, "site": "ARXIV"}
    line = render_subject(DEFAULT, top="ATTENTION", second="", others="", all_others="", **facts)
    assert line == "ARXIV: 9 papers on 3 topics"


def test_an_empty_template_gives_way_too() -> None:
    assert _subject("X", "") == "The Round: X · 8 more"


@given(st.text(max_size=300), st.sampled_from((DEFAULT, "{site}: {top}", "[{date}] {top}", "{top} {top}")))
def test_it_is_one_line_of_at_most_seventy_characters(top: str, template: str) -> None:
    line = _subject(top, template, second=top[::-1])
    assert 0 < len(line) <= MAX_LENGTH
    assert len(line.splitlines()) == 1
    assert not pretends(line)


@pytest.mark.parametrize(
    ("template", "mistake"),
    [
        ("{tpo}", r"there is no \{tpo\}; there are \{top\}"),
        ("{top", "write a literal brace twice"),
        ("{}", "there is no"),
        ("{top:d}", r"\{top\} stands alone"),
        ("{top!r}", r"\{top\} stands alone"),
    ],
)
def test_a_wrong_template_is_refused_with_the_available_fields(template: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError, match=mistake):
        check(template)


def test_mathematics_reads_the_same_in_subject_html_and_text() -> None:
    rendered = letter([paper(title=r"$\alpha$-Divergence in $\mathcal{O}(n^2)$ for $5")])
    assert rendered.subject == "α-Divergence in O(n²) for $5"
    assert "><i>α</i>-Divergence in O(<i>n</i><sup>2</sup>) for $5</a>" in rendered.html
    assert " 1. α-Divergence in O(n²) for $5\n" in rendered.text


@pytest.mark.parametrize(
    ("facts", "fit", "told"),
    [
        (None, 3, "That was all: 3\u00a0papers."),
        (
            DayFacts(164, "05:40"),
            28,
            "Those were the 10 best of the 28 that matched, out of 164 new papers. "
            "All sources were complete at 05:40 UTC.",
        ),
        (DayFacts(164), 10, "That was all: 10 of 164 new papers matched your topics and interests."),
        (DayFacts(164), 1, "That was all. Of 164 new papers, 1 matched your topics and interests."),
        (
            DayFacts(28, "", ("hf-daily", "arxiv")),
            28,
            "Those were the 10 best of 28 papers. Some papers of Hugging Face Daily Papers and arXiv are still "
            "missing; they come in a later email.",
        ),
        (DayFacts(10), 10, "That was all: 10\u00a0papers."),
        (DayFacts(2, "05:40"), 28, "Those were the 10 best of 28 papers. All sources were complete at 05:40 UTC."),
        (
            DayFacts(0, "", ("hf-daily",)),
            0,
            "No new papers have arrived yet. Some papers of Hugging Face Daily Papers are still missing; "
            "they come in a later email.",
        ),
    ],
)
def test_the_day_is_told_in_numbers_as_far_as_they_are_known(facts: DayFacts | None, fit: int, told: str) -> None:
    shown = min(fit, 10)
    assert describe_end(facts, language.load("en", FOLDERS), shown=shown, more=fit - shown) == told


@pytest.mark.parametrize(("fit", "verb"), [(1, "passte 1"), (2, "passten 2")])
def test_the_papers_that_fit_are_counted_in_the_right_number(fit: int, verb: str) -> None:
    told = describe_end(DayFacts(20), language.load("de", FOLDERS), shown=0, more=0, left_out=fit)
    assert told == f"Von 20 neuen Papern {verb} zu Ihren Themen und Interessen."


@pytest.mark.parametrize(
    ("papers", "english", "german"),
    [
        (0, "There were no new papers.", "Es gab keine neuen Paper."),
        (
            1,
            "The only new paper did not match your topics and interests.",
            "Das einzige neue Paper passte nicht zu Ihren Themen und Interessen.",
        ),
        (
            1200,
            "None of the 1,200 new papers matched your topics and interests.",
            "Keines der 1.200 neuen Paper passte zu Ihren Themen und Interessen.",
        ),
    ],
)
def test_a_day_on_which_nothing_matched_is_told_without_a_zero(papers: int, english: str, german: str) -> None:
    for code, told in (("en", english), ("de", german)):
        assert describe_end(DayFacts(papers), language.load(code, FOLDERS), shown=0, more=0) == told


def test_a_letter_without_papers_says_why_it_came() -> None:
    why = partial(describe_reason, Cadence.DAILY, (), language.load("en", FOLDERS))
    told = [
        why(saved=True, close=3, quiet_days=QuietDays.LINE),
        why(close=3, quiet_days=QuietDays.LINE),
        why(close=3),
        why(close=1),
        why(),
    ]
    assert [one.partition("because ")[2] for one in told] == [
        "you saved papers to read later.",
        "you asked for one even when there are no new papers for you.",
        "these papers came close to your interests.",
        "this paper came close to your interests.",
        "you asked for new papers by email.",
    ]


def test_a_letter_without_papers_says_what_else_is_in_it() -> None:
    english = language.load("en", FOLDERS)
    assert describe_no_papers(0, 0, 0, english) == "No new papers for you"
    assert describe_no_papers(1, 2, 0, english) == "1 saved paper"
    assert describe_no_papers(3, 0, 0, english) == "3 saved papers"
    assert describe_no_papers(0, 1, 2, english) == "1 paper close to your interests"
    assert describe_no_papers(0, 3, 0, english) == "3 papers close to your interests"


def test_a_digest_knows_the_papers_that_came_close() -> None:
    day = date(2026, 11, 20)
    digest = Digest(
        Issue(Cadence.DAILY, day),
        (),
        notes=(PaperNote(NoteKind.SAVED, 1, day), PaperNote(NoteKind.CLOSE, 2, day)),
    )
    assert digest.close == (2,)


@pytest.mark.parametrize(
    ("titles", "line"),
    [
        ((), "9 papers on 3 topics."),
        (("First", "Second", "Third", "Fourth"), "9 papers on 3 topics · First · Second · Third"),
        (("word " * 21 + "word", "Second"), "9 papers on 3 topics · " + "word " * 21 + "word · Second"),
        (
            ("word " * 21 + "word", "A longer second title of more words"),
            "9 papers on 3 topics · " + "word " * 21 + "word",
        ),
        (("word " * 40, "Second"), "9 papers on 3 topics · " + "word " * 23 + "word…"),
        (
            ("MiniBEE: A New Form Factor for Compact Bimanual Dexterity", "From Human Hands to Robot Arms: " * 3),
            "9 papers on 3 topics · MiniBEE: A New Form Factor for Compact Bimanual Dexterity · "
            "From Human Hands to Robot Arms: From Human Hands to Robot…",
        ),
    ],
)
def test_the_first_line_has_whole_titles_as_far_as_there_is_room(titles: tuple[str, ...], line: str) -> None:
    assert first_line("9 papers on 3 topics", titles).replace("\u00a0", " ") == line


@pytest.mark.parametrize(("minutes", "told"), [(1, "10 papers"), (2, "10 papers, 2 minutes")])
def test_the_reading_time_is_told_from_two_minutes_on(minutes: int, told: str) -> None:
    assert describe_reading(10, minutes, language.load("en", FOLDERS)).replace("\u00a0", " ") == told
