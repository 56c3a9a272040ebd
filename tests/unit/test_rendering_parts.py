"""What letters are made of: notices, cards, text, placeholders, the cache, and the template folders."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from markupsafe import Markup

from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.domain.models import DISCUSSED, DayFacts, Links, NoteKind, NoticeKind, PaperNote, Section
from paperround.domain.preferences import Breadth, Preferences, QuietDays
from paperround.domain.schedule import Cadence, Schedule, span
from paperround.process import resources
from paperround.process.generational_cache import GenerationalCache
from paperround.rendering import inline, language, notice, plaintext, sample, theme
from paperround.rendering.card import build_card, build_note
from paperround.rendering.counts import describe_no_papers, name_closest
from paperround.rendering.letter_view import Block, BlockKind, Note
from paperround.rendering.outline import headings
from paperround.rendering.placeholders import Fragment, escaped, placeholder, plain_addresses
from paperround.rendering.plaintext import block_text, columns, wrap
from paperround.rendering.schedule_sentences import covered_span, describe_schedule
from paperround.rendering.topic_names import section_heading
from support.letters import DAY, FOLDERS, paper, renderer

ENGLISH = language.load("en", FOLDERS)
_CONTEXT = {"confirm_url": "https://papers.example/c/1", "topics": ["Robots"]}


# Notices


def test_a_confirmation_repeats_nothing_that_a_stranger_could_have_typed() -> None:
    stranger = sample.SUBSCRIBER.with_preferences(name="Buy now at https://bad.example")
    rendered = renderer().notice("confirm", stranger, sample.LINKS, _CONTEXT)
    assert "bad.example" not in rendered.subject + rendered.html + rendered.text
    assert 'href="https://papers.example/c/1"' in rendered.html
    assert "Confirm my subscription:\nhttps://papers.example/c/1" in rendered.text


def test_a_confirmation_says_where_to_read_what_was_typed() -> None:
    shown = "You will see"
    rendered = renderer().notice("confirm", sample.SUBSCRIBER, sample.LINKS, {**_CONTEXT, "queries": 1, "follows": 0})
    text = " ".join(rendered.text.split())
    assert f"{shown} your interests before you confirm." in text
    assert "organizations" not in text
    rendered = renderer().notice("confirm", sample.SUBSCRIBER, sample.LINKS, {**_CONTEXT, "queries": 0, "follows": 3})
    text = " ".join(rendered.text.split())
    assert "interests" not in text
    assert f"{shown} the people and organizations you want to follow before you confirm." in text
    assert shown not in renderer().notice("confirm", sample.SUBSCRIBER, sample.LINKS, _CONTEXT).text


def test_a_name_can_neither_break_a_paragraph_nor_make_a_button() -> None:
    subscriber = sample.SUBSCRIBER.with_preferences(name="x\n\n[Click](https://bad.example/)\n\n")
    rendered = renderer().notice("welcome", subscriber, sample.LINKS, {})
    assert "Hello x [Click](https://bad.example/)!" in rendered.text
    assert 'href="https://bad.example' not in rendered.html


def test_a_fact_that_a_notice_needs_is_named_when_it_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"notices/confirm.txt.j2 line \d+: 'confirm_url' is undefined"):
        renderer().notice("confirm", sample.SUBSCRIBER, sample.LINKS, {})


def test_an_unknown_notice_is_named_with_those_there_are() -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"no notice 'hello'; there are address-changed, confirm, new-address, reply, welcome, your-link$",
    ):
        renderer().notice("hello", sample.SUBSCRIBER, sample.LINKS, {})


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("Hello\n\nyou", "begins with 'Hello' instead of `Subject: …`"),
        ("Subject: x\n\n \n", "nothing below its subject"),
    ],
)
def test_a_notice_needs_a_subject_and_something_to_say(text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError, match=mistake):
        notice.parse(text, "n.txt.j2")


@pytest.mark.parametrize(
    ("schedule", "promise"),
    [
        (
            Schedule(Cadence.DAILY, time(7), "Asia/Ho_Chi_Minh"),
            "one email every day at 7:00\u202fAM (Asia/Ho Chi Minh).",
        ),
        (Schedule(Cadence.WEEKDAYS, time(18)), "one email every weekday at 6:00\u202fPM (UTC)."),
        (Schedule(Cadence.WEEKLY, weekday=4), "one email a week, on Friday at 7:00\u202fAM (UTC)."),
        (Schedule(Cadence.MONTHLY, monthday=31), "one email a month, on day 31 at 7:00\u202fAM (UTC)."),
        (Schedule(Cadence.OFF), "no emails until you change the frequency."),
    ],
)
def test_a_notice_promises_how_often_letters_come(schedule: Schedule, promise: str) -> None:
    wanted = Preferences(**asdict(schedule), quiet_days=QuietDays.LINE)
    assert describe_schedule(wanted, ENGLISH) == f"You will receive {promise}"


@pytest.mark.parametrize(
    ("schedule", "promise"),
    [
        (Schedule(Cadence.DAILY), "one email a day, at 7:00\u202fAM (UTC), and only on days with papers for you."),
        (Schedule(Cadence.WEEKDAYS), "one email every weekday, at 7:00\u202fAM (UTC), and only if"),
        (Schedule(Cadence.WEEKLY, weekday=4), "one email a week, on Friday at 7:00\u202fAM (UTC), and only if"),
        (Schedule(Cadence.MONTHLY, monthday=31), "one email a month, on day 31 at 7:00\u202fAM (UTC), and only if"),
    ],
)
def test_no_email_is_promised_for_days_without_papers(schedule: Schedule, promise: str) -> None:
    wanted = Preferences(**asdict(schedule), quiet_days=QuietDays.SILENT)
    assert describe_schedule(wanted, ENGLISH).startswith(f"You will receive at most {promise}")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, True),
        ({"cadence": Cadence.WEEKDAYS}, True),
        ({"cadence": Cadence.WEEKLY}, False),
        ({"cadence": Cadence.OFF}, False),
        ({"breadth": Breadth.FEWER}, False),
        ({"queries": ()}, False),
        ({"quiet_days": QuietDays.LINE}, False),
    ],
)
def test_who_wants_no_email_without_papers_is_told_when_close_papers_come_alone(
    chosen: dict[str, Any], told: bool
) -> None:
    wanted = Preferences(**{"queries": ("robots that fold laundry",), **chosen})
    sentence = "While this site is new, one may also come when papers only came close to your interests."
    assert describe_schedule(wanted, ENGLISH, new_site=True).endswith(sentence) is told
    assert sentence not in describe_schedule(wanted, ENGLISH), "a site with enough papers sends none alone"


# Cards


@pytest.mark.parametrize(
    ("authors", "line"),
    [
        ((), ""),
        (("A",), "A"),
        (("A", "B", "C", "D"), "A, B, C, D"),
        (("A", "B", "C", "D", "E"), "A, B, C, …, E"),
        (tuple(f"N{n}" for n in range(1_500)), "N0, N1, N2, …, N1499"),
        ((r"Kurt G\"odel",), "Kurt Gödel"),
    ],
)
def test_of_many_authors_the_first_three_and_the_last_are_named(authors: tuple[str, ...], line: str) -> None:
    assert build_card(paper(authors=authors), (), ENGLISH, 100, DAY).authors == line


@pytest.mark.parametrize(
    ("tag", "beside"),
    [("Jundong Xu", ""), ("xu, jundong", ""), ("Apple", ""), ("Xu", "Xu"), ("Robotics", "Robotics"), ("", "")],
)
def test_a_name_that_is_followed_is_not_repeated_beside_the_authors(tag: str, beside: str) -> None:
    by = build_card(paper(authors=("Li Wei", "Jundong Xu"), organization="Apple"), (), ENGLISH, 100, DAY, tag=tag)
    assert (by.tag, by.byline_tag) == (tag, beside)
    line = block_text(Block(BlockKind.CARD, card=by), ENGLISH).splitlines()[1].strip()
    assert line.startswith(" · ".join(filter(None, (beside, "Li Wei, Jundong Xu · Apple"))))


def test_without_names_the_number_of_authors_is_told() -> None:
    assert build_card(paper(authors=(), author_count=12), (), ENGLISH, 100, DAY).authors == "12 authors"
    assert build_card(paper(authors=(), author_count=1), (), ENGLISH, 100, DAY).authors == "1 author"


def test_links_are_those_that_exist_and_each_address_once() -> None:
    both = paper(url="https://x.example/1", pdf_url="https://x.example/1", arxiv_id=None)
    assert [link.label for link in build_card(both, (), ENGLISH, 100, DAY).links] == ["Abstract"]
    known = build_card(paper(code_url="https://c.example"), (), ENGLISH, 100, DAY)
    assert [(link.label, link.url) for link in known.links] == [
        ("arXiv", "https://arxiv.org/abs/2611.00001"),
        ("PDF", "https://arxiv.org/pdf/2611.00001"),
        ("Code", "https://c.example"),
    ]


def test_a_paper_with_nothing_but_a_doi_is_linked_by_it() -> None:
    known = build_card(paper(url=None, arxiv_id=None, doi="10.1234/a(b)<c>"), (), ENGLISH, 100, DAY)
    assert known.url == "https://doi.org/10.1234/a(b)"
    assert build_card(paper(url=None, arxiv_id=None), (), ENGLISH, 100, DAY).url == ""


def test_counts_of_nothing_are_not_told() -> None:
    assert build_card(paper(upvotes=0, comments=0, stars=None), (), ENGLISH, 100, DAY).badges == ()


def test_the_summary_of_others_is_preferred_and_kept_to_its_room() -> None:
    known = build_card(paper(summary="Short and made. " * 9), (), ENGLISH, 60, DAY)
    assert known.summary == "Short and made. Short and made. Short and made."
    assert known.generated_summary


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (("title: gripper",), ("“gripper” in the title",)),
        (
            ("abstract: robot", "title: Arm", 'abstract: "two arms"'),
            ("“robot” and “two arms” in the abstract", "“Arm” in the title"),
        ),
        (("author: Ada Author", "author: Ben B."), ("by Ada Author and Ben B.",)),
        (
            ("organisation: Lab", "category: cs.RO", "source: arxiv"),
            ("from Lab", "in category cs.RO", "listed by arXiv"),
        ),
        (
            ("keyword: LoRA", "also on: Robots", "also on: Speech"),
            ("“LoRA” in the keywords", "also on Robots and Speech"),
        ),
        (("on: Agents", 'also on: "grippers that fold"'), ("on Agents", "also on “grippers that fold”")),
        (
            ("on Agents, Robots, Speech", "also on Robots, Speech"),
            ("on Agents", "also on Robots, Speech and Robots, Speech"),
        ),
        (("on Agents",), ("on Agents",)),
        ((r"title: $\alpha$-divergence",), ("“α-divergence” in the title",)),
        (
            ("142 votes", "much: more", "title:", 'title: "'),
            ("142 votes", "much: more", "title:", '“"” in the title'),
        ),
        (("title: Arm", "meaning: close"), ("“Arm” in the title", "close in meaning")),
        (("meaning: nearest",), ("among the nearest in meaning",)),
        ((), ()),
    ],
)
def test_reasons_are_told_as_people_would(why: tuple[str, ...], told: tuple[str, ...]) -> None:
    assert build_card(paper(), why, ENGLISH, 100, DAY).why == told


def test_reasons_are_told_in_the_subscribers_language() -> None:
    german = language.load("de", FOLDERS)
    known = build_card(paper(), ("title: Graph", "also on: Robots", "also on Wale"), german, 100, DAY)
    assert known.why == ("„Graph“ im Titel", "auch zu Robots und Wale")


# Text


def test_lines_are_counted_in_columns() -> None:
    assert columns("abc") == 3
    assert columns("中文") == 4
    assert columns("e\u0301") == 1


def test_wide_scripts_are_wrapped_without_spaces_and_never_before_a_full_stop() -> None:
    lines = wrap("我们提出一种新的注意力机制。它在长文本上更快。", width=14)
    assert lines == ["我们提出一种新", "的注意力机制。", "它在长文本上更", "快。"]
    assert wrap("提出一种方法。它", width=12) == ["提出一种方", "法。它"]
    assert wrap("BERT模型 and GPT模型", width=10) == ["BERT模型", "and GPT模", "型"]


_WIDE, _NARROW = st.sampled_from("ab 中文。é\u200b-"), st.sampled_from("abc·é- \n")


@given(st.text(_WIDE, max_size=200) | st.text(_NARROW, max_size=200), st.integers(8, 40))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text: str, width: int) -> None:
    lines = wrap(text, "  ", width)
    assert "".join("".join(lines).split()) == "".join(text.replace("\u200b", "").split())
    longest = max((columns(word) for word in text.replace("\u200b", "").split()), default=0)
    assert all(columns(line) <= max(width, longest + 2) for line in lines)


@given(st.text(_NARROW, max_size=200), st.integers(8, 40))
def test_a_line_ends_only_where_the_next_word_does_not_fit(text: str, width: int) -> None:
    lines = wrap(text, "  ", width)
    for line, following in pairwise(lines):
        assert len(line) + 1 + len(following.split()[0]) > width


# Slots and cache


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=40))
def test_a_value_is_escaped_as_the_document_would_have_it(value: str) -> None:
    document = lxml_html.document_fromstring("<html><body><b></b></body></html>")
    document.find(".//b").text = value
    assert lxml_html.tostring(document, encoding="unicode") == f"<html><body><b>{escaped(value)}</b></body></html>"


def test_a_piece_is_filled_in_its_places() -> None:
    piece = Fragment.of(f'<a href="{placeholder("online")}">{placeholder("lead")}</a> {placeholder("lead")}', "t")
    assert piece.filled({"online": "https://x", "lead": "Hi"}) == '<a href="https://x">Hi</a> Hi'
    assert Fragment.of("<p>", "t").filled({}) == "<p>"


def test_addresses_are_brought_to_the_characters_of_addresses() -> None:
    known = Links("https://x.example/u/a-b_~?c=1&d=%20", 'https://x.example/"é', "https://x.example/ <", "")
    assert plain_addresses(known) == Links(
        "https://x.example/u/a-b_~?c=1&d=%20", "https://x.example/%22%C3%A9", "https://x.example/%20%3C", ""
    )


def test_the_cache_keeps_what_is_used_and_never_more_than_its_size() -> None:
    cache: GenerationalCache[int] = GenerationalCache(10)
    for number in range(100):
        cache.put(number, number)
        assert cache.get(0) == 0, "it is asked for all the time"
        assert len(cache) <= 10
    assert cache.get(1) is None
    assert cache.get(99) == 99


# Folders


def test_a_draft_of_a_theme_is_offered_to_those_only_who_have_it(tmp_path: Path) -> None:
    themes = tmp_path / "email" / "themes"
    themes.mkdir(parents=True)
    (themes / "mine.html.j2").write_text('{# draft #}{% extends "email/digest.html.j2" %}', "utf-8")
    (themes / "ours.html.j2").write_text('{# a drafty house #}{% extends "email/digest.html.j2" %}', "utf-8")
    folders = (tmp_path, *FOLDERS)
    assert theme.offered(folders) == ("cards", "ours", "paper", "plain")
    assert theme.offered(folders, "mine") == ("cards", "mine", "ours", "paper", "plain") == theme.names(folders)


def test_the_shipped_folders_are_found() -> None:
    assert (resources.folder("templates") / "email" / "digest.html.j2").is_file()
    with pytest.raises(
        ConfigurationError, match=r"no folder 'nothing' in .* check that the installation is complete"
    ):
        resources.folder("nothing")


def test_a_sites_own_folder_goes_before_the_shipped_one(tmp_path: Path) -> None:
    assert resources.folders("templates", tmp_path) == (resources.folder("templates"),)
    (tmp_path / "templates").mkdir()
    assert resources.folders("templates", tmp_path) == (tmp_path / "templates", resources.folder("templates"))


def test_in_a_wheel_the_folders_lie_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_site" / "templates").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PLACES", (tmp_path / "_site", tmp_path))
    assert resources.folder("templates") == tmp_path / "_site" / "templates"


@pytest.mark.parametrize(
    ("topic", "cadence", "heading"),
    [
        ("robots", Cadence.DAILY, "Robots"),
        (DISCUSSED, Cadence.WEEKLY, "Most discussed this week"),
        (DISCUSSED, Cadence.MONTHLY, "Most discussed this month"),
    ],
)
def test_a_section_online_is_headed_by_its_topic_or_by_what_it_is(topic: str, cadence: Cadence, heading: str) -> None:
    assert section_heading(Section(topic, "Robots", ()), cadence, language.load("en", FOLDERS)) == heading


def test_a_note_without_an_address_is_a_line_of_its_title() -> None:
    note = Note(NoteKind.SAVED, "", "A paper", Markup("A paper"), "")
    english = language.load("en", FOLDERS)
    assert list(plaintext._note_lines(note, english)) == ["A paper"]
    news = replace(note, news="Code released", url="https://a.example/1")
    assert list(plaintext._note_lines(news, english, "https://b.example/f")) == [
        "Code released: A paper",
        f"{plaintext.INDENT}https://a.example/1",
    ]


def test_a_paper_that_was_not_chosen_has_a_plus_where_letters_ask_for_feedback() -> None:
    english, note = language.load("en", FOLDERS), Note(NoteKind.CLOSE, "", "A paper", Markup("A paper"), "", 7)
    assert list(plaintext._note_lines(note, english)) == ["A paper"]
    assert list(plaintext._note_lines(note, english, "https://b.example/f")) == [
        "A paper",
        f"{plaintext.INDENT}+ more: https://b.example/f?more=7",
    ]


@pytest.mark.parametrize("feedback", [True, False])
def test_close_papers_have_a_sentence_that_says_why_they_are_there(*, feedback: bool) -> None:
    english = language.load("en", FOLDERS)
    last = headings(Cadence.DAILY, english, alone=False, today=True, feedback=feedback)[-1]
    assert last.text == "Close to your interests"
    assert ("Press +\u00a0for more" in last.about) == feedback
    text = plaintext.block_text(Block(BlockKind.HEADING, *last, tight=True), english)
    assert text.splitlines() == [last.text, "=" * len(last.text), last.about, ""]


def test_more_style_sheets_than_are_kept_are_taken_apart_again() -> None:
    for number in range(1, inline._SHEETS_KEPT + 3):
        html = f"<html><head><style>p {{ margin: {number}px }}</style></head><body><p>x</p></body></html>"
        assert f'style="margin:{number}px"' in inline.inline(html).replace(" ", "")
    assert len(inline._RULES) <= inline._SHEETS_KEPT


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Robotics", "Robotics"),
        ("Robotics and vision-language-action", "Robotics"),
        ("Benchmarks, datasets and surveys", "Benchmarks"),
        ("Sprache und Übersetzung", "Sprache"),
        ("Reasoning in language models", "Reasoning"),
        ("Reinforcement learning", "Reinforcement…"),
        ("Diffusion models", "Diffusion models"),
        ("Efficient training and inference", "Efficient training"),
        ("Video understanding and human activity", "Video understanding"),
        ("“Robots, and what they do at home”", "“Robots, and what…”"),
        ('“author:"Wei Zhang" OR "cryo-EM"”', '“author:"Wei Zhang…”'),
        ('“title:benchmark OR "tool use"”', "“title:benchmark OR…”"),
        ("„Roboter: laufen und greifen“", "„Roboter: laufen…“"),
    ],
)
def test_a_topic_has_a_short_name_in_the_index(name: str, short: str) -> None:
    card = build_card(paper(), (), ENGLISH, 100, DAY, tag=name)
    assert card.short_tag == short


def test_each_kind_of_notice_has_a_template() -> None:
    assert notice.kinds(tuple(FOLDERS)) == tuple(sorted(NoticeKind))


_CHIP = "CHIP: Adaptive Compliance for Humanoid Control through Hindsight Perturbation"
_FALLS = "Unified Humanoid Fall-Safety Policy from a Few Demonstrations"
_SPATIA = "Spatia: Video Generation with Updatable Spatial Memory"


@pytest.mark.parametrize(
    ("title", "topic", "votes", "number", "short"),
    [
        ("CHIP: Adaptive Compliance", "Robotics", True, 1, "CHIP: Adaptive\u00a0Compliance"),
        (_CHIP, "", False, 0, "CHIP: Adaptive Compliance for Humanoid Control through\u00a0Hindsight…"),
        (_CHIP, "", True, 0, "CHIP: Adaptive Compliance for Humanoid Control\u00a0through…"),
        (_CHIP, "Robotics", False, 0, "CHIP: Adaptive Compliance for Humanoid Control\u00a0through…"),
        (_CHIP, "Robotics", True, 10, "CHIP: Adaptive Compliance for Humanoid\u00a0Control…"),
        (_SPATIA, "", True, 1, "Spatia: Video Generation with Updatable Spatial\u00a0Memory"),
        (_SPATIA, "Video understanding", True, 0, "Spatia: Video Generation with\u00a0Updatable…"),
        ("MMMM WWWW " * 9, "", False, 0, "MMMM WWWW " * 3 + "MMMM\u00a0WWWW…"),
        ("ill fit " * 20, "", False, 0, "ill fit " * 13 + "ill fit\u00a0ill…"),
        (_FALLS, "", True, 0, "Unified Humanoid Fall-Safety Policy from a Few\u00a0Demonstrations"),
        (_FALLS, "Robotics", True, 0, "Unified Humanoid Fall-Safety Policy from a\u00a0Few…"),
        ("我们提出一种方法" * 8, "", False, 0, ("我们提出一种方法" * 8)[:34] + "…"),
        ("x\u0302" * 60, "", False, 0, "x\u0302" * 60),
        (
            "Contrastive Representation Regularization for Vision-Language-Action Models",
            "",
            True,
            0,
            "Contrastive Representation Regularization for\u00a0Vision-Language…",
        ),
    ],
)
def test_a_row_of_the_index_says_as_much_of_the_title_as_fits_beside_the_rest(
    title: str, topic: str, votes: bool, number: int, short: str
) -> None:
    card = build_card(paper(title=title), (), ENGLISH, 100, DAY, tag=topic, votes_column=votes, number=number)
    assert card.short_title.replace("\u200b", "") == short
    assert card.number == number


def test_links_to_a_paper_have_no_trace_of_the_feed() -> None:
    known = paper(arxiv_id=None, url="https://papers.example/1?rss=1")
    card = build_card(known, (), ENGLISH, 100, DAY)
    assert [card.url, *(link.url for link in card.links)] == ["https://papers.example/1"] * 2
    note = build_note(PaperNote(NoteKind.CODE, known.row, DAY), known, ENGLISH, DAY)
    assert note.url == "https://papers.example/1"


def test_a_row_of_the_index_is_one_line_of_the_text() -> None:
    card = build_card(paper(title="Words " * 20, upvotes=58), (), ENGLISH, 100, DAY, tag="Video understanding")
    text = plaintext.block_text(Block(BlockKind.ENTRY, card=card, tight=True), ENGLISH)
    assert text == "Words Words Words Words Words… · Video understanding · 58 votes\n"


def test_a_letter_without_papers_says_what_there_is_instead() -> None:
    english = language.load("en", resources.templates())
    assert describe_no_papers(2, 3, 1, english) == "2 saved papers"
    assert describe_no_papers(0, 3, 1, english) == "3 papers close to your interests"
    assert describe_no_papers(0, 0, 1, english) == "No new papers other than those you leave out"
    assert describe_no_papers(0, 0, 0, english) == "No new papers for you"
    assert describe_no_papers(0, 0, 0, english, DayFacts(3, late=("arxiv",))) == "No new papers for you yet"


@pytest.mark.parametrize(
    ("kind", "news"),
    [
        (NoteKind.WITHDRAWN, "Withdrawn by its authors"),
        (NoteKind.CODE, "Code released"),
        (NoteKind.VERSION, "Version 2"),
        (NoteKind.VOTES, "▲ 12 → 118 since Jun 1"),
        (NoteKind.SAVED, ""),
        (NoteKind.CLOSE, ""),
    ],
)
def test_a_note_says_what_is_new(kind: NoteKind, news: str) -> None:
    known = paper(1)
    numbers = (12, 118) if kind is NoteKind.VOTES else (1, 2)
    note = build_note(PaperNote(kind, known.row, date(DAY.year, 6, 1), *numbers), known, ENGLISH, DAY)
    assert note.news.replace("\u00a0", " ").replace("\u2060", "") == news
    assert note.from_arxiv is (known.arxiv_id is not None)


def test_the_subject_of_a_letter_of_close_papers_names_the_closest() -> None:
    assert name_closest("Grasping elm", ENGLISH) == "Close to your interests: Grasping elm"


def test_an_old_paper_that_was_discussed_most_widens_no_heading() -> None:
    digest = sample.digest(Cadence.WEEKLY)
    stored = {"day": date(2026, 8, 3), "first_seen": datetime(2026, 8, 3, tzinfo=UTC)}
    old = sample.PAPERS[digest.papers[0]].model_copy(update=stored)
    usual = span(Cadence.WEEKLY, digest.day)
    assert usual
    for topic, first in (("robots", old.day), (DISCUSSED, usual[0])):
        (part, *_others) = digest.sections
        letter = replace(digest, sections=(part._replace(topic=topic, picks=part.picks[:1]),))
        assert covered_span(letter, [old]) == (first, usual[1])
    assert covered_span(sample.DIGEST, [old]) is None
