"""The letter as a whole: joined from finished pieces, and the same as if it were laid out at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.domain.models import DISCUSSED, Digest, Pick, Section, TopicCounts
from paperround.domain.preferences import Density, own_slug
from paperround.domain.schedule import Cadence, Issue
from paperround.rendering import language, sample
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.topic_names import quote_names
from support.examples import examples
from support.letters import (
    DAY,
    EXTREMES,
    FOLDERS,
    LANGUAGES,
    PICTURE,
    THEMES,
    WEEKLY_SUBSCRIBER,
    decoded,
    digest,
    encoded_by,
    facts_of,
    letter,
    letters,
    paper,
    renderer,
    well_encoded,
)

pytestmark = pytest.mark.slow  # whole letters are laid out


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=letters(), theme=st.sampled_from(THEMES), code=st.sampled_from(LANGUAGES))
def test_a_joined_letter_is_the_same_as_one_laid_out_at_once(facts: LetterFacts, theme: str, code: str) -> None:
    """More of them in tests/integration/test_rendering_many.py."""
    joined, whole = renderer(theme, code).letter(facts), renderer(theme, code).whole_letter(facts)
    assert joined.html == whole.html
    assert joined == whole


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=letters(), theme=st.sampled_from(THEMES), code=st.sampled_from(LANGUAGES))
def test_a_letter_of_encoded_pieces_reads_like_the_one_in_a_preview(
    facts: LetterFacts, theme: str, code: str
) -> None:
    shown, encoded = renderer(theme, code).letter(facts), encoded_by(renderer(theme, code), facts)
    assert decoded(encoded) == (shown.subject, shown.html, shown.text)
    assert well_encoded(encoded.html)
    assert well_encoded(encoded.text)


@settings(max_examples=examples(5), deadline=None, suppress_health_check=list(HealthCheck))
@given(coming=st.lists(letters(), min_size=1, max_size=4), code=st.sampled_from(LANGUAGES))
def test_letters_that_were_prepared_together_are_the_same_bytes(coming: list[LetterFacts], code: str) -> None:
    fresh = LetterRenderer(sample.SITE, "paper", language.load(code, FOLDERS), FOLDERS)
    together = [fresh.encode(one) for one in fresh.prepare(coming)]
    assert together == [encoded_by(renderer("paper", code), facts) for facts in coming]


def test_what_was_prepared_is_not_laid_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS)
    known = {row: paper(row) for row in range(1, 7)}
    coming = [facts_of([known[row], known[7 - row]], known) for row in known]
    prepared = fresh.prepare(coming)
    laid_out: list[object] = []
    monkeypatch.setattr(fresh, "_render_blocks", lambda parts, *_: laid_out.extend(parts))
    for one in prepared:
        fresh.encode(one)
    fresh.prepare(coming)
    assert laid_out == []


def test_subscribers_with_the_same_papers_share_the_contents_of_their_letters() -> None:
    fresh = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS)
    known = {row: paper(row) for row in range(1, 4)}
    facts = facts_of(list(known.values()), known)
    own = facts._replace(subscriber=sample.SUBSCRIBER.with_preferences(name="Grace"))
    other = facts._replace(digest=replace(facts.digest, row=7, more=(9,)))
    first, second, third = fresh.prepare([facts, own, other])
    assert fresh.prepare([own])[0].contents is first.contents is second.contents is not third.contents
    assert fresh.encode(second) == encoded_by(renderer("paper"), own)


@pytest.mark.parametrize(
    "changed",
    [
        lambda facts: facts._replace(papers={**facts.papers, 2: paper(2, title="Another title")}),
        lambda facts: facts._replace(papers={row: facts.papers[row] for row in (1, 3)}),
        lambda facts: facts._replace(digest=replace(facts.digest, left_out=3)),
        lambda facts: facts._replace(digest=replace(facts.digest, more=(7, 8))),
        lambda facts: facts._replace(digest=replace(facts.digest, issue=Issue(Cadence.WEEKLY, DAY))),
        lambda facts: facts._replace(day=DAY + timedelta(days=1)),
        lambda facts: facts._replace(subscriber=facts.subscriber.with_preferences(density="titles")),
        lambda facts: facts._replace(subscriber=facts.subscriber.with_preferences(quiet_days="line")),
    ],
)
def test_what_makes_letters_differ_is_never_shared(changed: Callable[[LetterFacts], LetterFacts]) -> None:
    fresh = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS)
    known = {row: paper(row) for row in range(1, 4)}
    facts = facts_of(list(known.values()), known)
    for one in (facts, changed(facts)):
        assert encoded_by(fresh, one) == encoded_by(renderer("paper"), one)
        assert decoded(encoded_by(fresh, one))[1] == fresh.whole_letter(one).html


def test_new_blocks_are_laid_out_in_one_document_however_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS, blocks_at_once=9)
    known = {row: paper(row) for row in range(1, 31)}
    fresh.prepare([facts_of(list(known.values())[:29], known)])
    documents: list[int] = []
    render_blocks = fresh._render_blocks
    monkeypatch.setattr(fresh, "_render_blocks", lambda parts: documents.append(len(parts)) or render_blocks(parts))
    fresh.prepare([facts_of(list(reversed(known.values())), known)])
    assert documents
    assert documents[:-1] == [9] * (len(documents) - 1)


def test_more_than_a_hundred_papers_are_numbered_without_a_line_too_long() -> None:
    papers = {row: paper(row, title=f"{row} " + "word " * 13, abstract="") for row in range(1, 121)}
    facts = LetterFacts(digest(tuple(papers.values())), papers, sample.SUBSCRIBER, sample.LINKS, DAY)
    shown, encoded = renderer("plain").letter(facts), encoded_by(renderer("plain"), facts)
    assert decoded(encoded) == (shown.subject, shown.html, shown.text)
    assert well_encoded(encoded.text)


@pytest.mark.parametrize("extreme", EXTREMES)
def test_hard_papers_come_out_the_same_both_ways(extreme: str) -> None:
    papers = EXTREMES[extreme]
    facts = LetterFacts(digest(papers), {one.row: one for one in papers}, sample.SUBSCRIBER, sample.LINKS, DAY)
    assert renderer("cards").letter(facts) == renderer("cards").whole_letter(facts)


@pytest.mark.parametrize("theme", THEMES)
def test_the_text_has_summaries_where_the_html_has_them(theme: str) -> None:
    """SpamAssassin gives 2.8 points where the parts differ much."""
    papers = [paper(row, abstract=f"It is the paper {row} of ten.") for row in range(1, 11)]
    rendered = letter(papers, name=theme)
    for row in range(1, 11):
        shown = row <= 5
        assert (f"the paper {row} of ten" in rendered.text) == (f"the paper {row} of ten" in rendered.html) == shown


def test_the_paper_of_the_highest_rank_leads_over_all_topics() -> None:
    made = digest([paper(1), paper(2)], [paper(3)])
    ranked = replace(
        made,
        sections=tuple(
            part._replace(picks=tuple(pick._replace(rank=pick.paper / 10) for pick in part.picks))
            for part in made.sections
        ),
    )
    rendered = renderer().letter(
        LetterFacts(ranked, {row: paper(row) for row in (1, 2, 3)}, sample.SUBSCRIBER, sample.LINKS, DAY)
    )
    assert rendered.papers == (3, 2, 1)
    assert rendered.subject.startswith("A paper about the number 3 · ")
    assert rendered.html.index("The one to read") < rendered.html.index("the number 3<")


def test_a_daily_letter_that_reaches_back_several_days_says_so() -> None:
    papers = [paper(row, day=DAY - timedelta(days=6 - row)) for row in range(1, 7)]
    several = letter(papers, more=54)
    assert ">Also new</h2>" in several.html
    said = "Those were the 6 best of 60 papers. The papers in this email were announced between Nov 18 and Nov 23."
    # A day at the beginning of a line would look like the number of a paper.
    assert said.replace("Nov ", "Nov\u00a0") in several.html
    weekend = letter(papers[3:])
    assert "That was all: 3\u00a0papers." in weekend.html
    assert "That was the best of 9 papers." in letter(papers[5:], more=8).html
    assert "announced" not in weekend.html
    assert (
        ">Also new</h2>" in letter([paper(row, day=DAY - timedelta(days=row == 6) * 2) for row in range(1, 7)]).html
    )
    assert ">Also today</h2>" in letter([paper(row, day=DAY - timedelta(days=row % 2)) for row in range(1, 7)]).html
    assert ">New</h2>" in letter(papers, subscriber=sample.SUBSCRIBER.with_preferences(density=Density.TITLES)).html


@pytest.mark.parametrize(
    ("code", "days", "sentence"),
    [
        ("en", [9], "The paper in this email was announced on Nov 14."),
        ("en", [9, 9], "The papers in this email were announced on Nov 14."),
        ("de", [9], "Das Paper in dieser E‑Mail wurde am 14. Nov. angekündigt."),
        (
            "de",
            [9, 0],
            "Die Paper in dieser E‑Mail wurden zwischen dem 14. Nov. und dem 23. Nov. angekündigt.",
        ),
    ],
)
def test_the_days_of_a_letter_are_told_in_a_whole_sentence(code: str, days: list[int], sentence: str) -> None:
    papers = [paper(row, day=DAY - timedelta(days=back)) for row, back in enumerate(days, 1)]
    end = letter(papers, code=code).html.replace("\u00a0", " ")
    assert sentence in end
    assert f"{sentence}." not in end


def test_a_letter_of_titles_has_neither_lead_nor_index() -> None:
    subscriber = sample.SUBSCRIBER.with_preferences(density=Density.TITLES)
    rendered = letter([paper(row) for row in range(1, 7)], subscriber=subscriber)
    assert ">Today</h2>" in rendered.html
    assert "Also today" not in rendered.html
    assert not any(words in rendered.html for words in ("In one minute", "The one to read", "from all sides"))


@pytest.mark.parametrize("theme", THEMES)
def test_ten_papers_take_few_links_and_few_words_before_the_first_title(theme: str) -> None:
    links = {"code_url": "https://code.example/", "pdf_url": "https://arxiv.org/pdf/2611.00001"}
    rendered = letter([paper(row, upvotes=200 - row, **links) for row in range(1, 11)], more=18, name=theme)
    assert rendered.html.count("<a ") <= 45
    shown = re.sub(r"<[^>]+>", " ", "<body " + rendered.html.partition("<body ")[2].partition("199")[0])
    assert len(re.findall(r"\w+", shown)) <= 45, "the masthead and three titles"


def test_brief_letters_have_a_sentence_and_feedback_below_each_title() -> None:
    brief = sample.SUBSCRIBER.with_preferences(density=Density.BRIEF)
    rendered = letter([paper(1, summary="Said shortly."), paper(2, summary="Also shortly.")], subscriber=brief)
    assert rendered.html.count("AI summary") == rendered.text.count("(AI summary)") == 2
    assert "?more=2" in rendered.html
    assert "In one minute" not in rendered.html


def test_threads_can_share_a_renderer() -> None:
    papers = {row: paper(row, upvotes=row) for row in range(1, 41)}
    made = [digest([papers[row], papers[row % 40 + 1]]) for row in papers] * 3
    shared = LetterRenderer(sample.SITE, "plain", language.load("en", FOLDERS), FOLDERS)
    with ThreadPoolExecutor(4) as pool:
        at_once = list(
            pool.map(lambda one: shared.letter(LetterFacts(one, papers, sample.SUBSCRIBER, sample.LINKS, DAY)), made)
        )
    assert at_once == [
        renderer("plain").letter(LetterFacts(one, papers, sample.SUBSCRIBER, sample.LINKS, DAY)) for one in made
    ]


def test_a_letter_printed_twice_is_the_same() -> None:
    assert letter(EXTREMES["everything known"]) == letter(EXTREMES["everything known"])


def test_a_card_follows_its_paper_when_the_paper_changes() -> None:
    assert "▲</span>&#160;17" in letter([paper(upvotes=17)]).html.replace("\u00a0", "&#160;")
    assert "▲</span>&#160;18" in letter([paper(upvotes=18)]).html.replace("\u00a0", "&#160;")
    assert "▲" not in letter([paper(upvotes=4)]).html, "so few votes say nothing"


def test_a_card_follows_its_reasons() -> None:
    assert "For you: like “Graphs”, which you wanted more of" in letter([paper()], why=("like: Graphs",)).html
    assert "Graphs" not in letter([paper()], why=("like: Trees",)).html


def test_a_reason_that_the_title_shows_anyway_is_not_printed() -> None:
    assert "For you" not in letter([paper()], why=("title: number", "category: cs.LG", "source: arxiv")).html


def test_papers_stand_in_the_digests_order() -> None:
    html = letter([paper(3), paper(1)], [paper(2)]).html
    places = [html.index(f"the number {row}</a>") for row in (3, 1, 2)]
    assert places == sorted(places)


def test_a_paper_that_is_not_there_any_more_is_left_out() -> None:
    made = digest([paper(1), paper(2)], [paper(3)])
    rendered = renderer().letter(LetterFacts(made, {1: paper(1)}, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert rendered.papers == (1,)
    assert "Topic 2" not in rendered.html


def test_a_day_without_papers_says_so() -> None:
    rendered = renderer().letter(LetterFacts(digest(), {}, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Good morning, Ada. No new papers for you." in rendered.text
    assert rendered.subject == "No new papers for you"


def test_a_day_with_papers_online_only_counts_them() -> None:
    rendered = renderer().letter(LetterFacts(digest(more=3), {}, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Good morning, Ada. 3 more online." in rendered.html
    assert rendered.subject == "3 more online"


@pytest.mark.parametrize(
    ("cadence", "reason"),
    [
        (
            Cadence.DAILY,
            "at most once a day, for the topics, interests and people you follow. Its papers match Topic 1.",
        ),
        (Cadence.WEEKDAYS, "on weekdays, for the topics, interests and people you follow. Its papers match Topic 1."),
        (
            Cadence.WEEKLY,
            "at most once a week, for the topics, interests and people you follow. Its papers match Topic 1.",
        ),
        (
            Cadence.MONTHLY,
            "at most once a month, for the topics, interests and people you follow. Its papers match Topic 1.",
        ),
        (Cadence.OFF, "for the topics, interests and people you follow. Its papers match Topic 1."),
    ],
)
def test_a_letter_says_why_it_came(cadence: Cadence, reason: str) -> None:
    rendered = letter([paper()], cadence=cadence)
    assert reason in rendered.html
    assert reason in rendered.text.replace("\n", " ")


def test_the_first_line_names_the_papers_that_the_subject_does_not_and_greets_on_mondays() -> None:
    papers = [paper(row) for row in range(1, 8)]
    monday = letter(papers)
    titles = "\u00a0· ".join(f"A paper about the number {number}" for number in (3, 4, 5))
    told = f"7\u00a0papers\u00a0· {titles}"
    assert monday.subject == "A paper about the number 1 · A paper about the number 2 · 5 more"
    assert f"Good morning, Ada. {told}" in monday.html
    made, known = digest(papers), {one.row: one for one in papers}
    tuesday = renderer().letter(LetterFacts(made, known, sample.SUBSCRIBER, sample.LINKS, DAY + timedelta(days=1)))
    assert told in tuesday.html
    assert "Ada." not in tuesday.html


@pytest.mark.parametrize(
    ("code", "authors", "lead", "end"),
    [
        ("en", ["Ben Bookman Jr."], ">Good morning, Ada. A paper by Ben Bookman Jr.<", "That was all."),
        ("de", ["Ben Bookman"], "Ein Paper von Ben Bookman.<", "Das war alles."),
        ("en", [], ">Good morning, Ada. 1 paper.<", "That was all."),
    ],
)
def test_a_letter_of_one_paper_says_its_number_once(code: str, authors: list[str], lead: str, end: str) -> None:
    only = paper(authors=authors, organization=None)
    facts = LetterFacts(digest([only]), {only.row: only}, sample.SUBSCRIBER, sample.LINKS, DAY)
    made = renderer(code=code).letter(facts)
    assert lead in made.html.replace("\u00a0", " ")
    assert end in made.html
    assert end in made.text


def test_a_letter_is_of_the_cadence_that_it_was_composed_for() -> None:
    changed = sample.SUBSCRIBER.with_preferences(cadence=Cadence.OFF)
    weekly = letter([paper()], subscriber=changed, cadence=Cadence.WEEKLY)
    assert weekly == letter([paper()], cadence=Cadence.WEEKLY)
    assert "once a week" in weekly.html


def test_the_foot_offers_changes_that_one_click_leads_to() -> None:
    daily, weekly = (letter([paper()], cadence=cadence) for cadence in (Cadence.DAILY, Cadence.WEEKLY))
    assert f'{sample.LINKS.preferences}/change?to=weekly"' in daily.html
    assert f"{sample.LINKS.preferences}/change?to=daily" in weekly.text


def test_a_subscriber_of_many_topics_gets_three_of_them_named() -> None:
    rendered = letter(*([paper(row)] for row in range(1, 7)))
    assert "Its papers match Topic 1, Topic 2, Topic 3, and 3 more topics." in rendered.html


def test_the_thanks_to_arxiv_stand_where_an_arxiv_paper_does() -> None:
    thanks = "Thank you to arXiv for use of its open access interoperability."
    assert thanks in letter([paper()]).html
    assert thanks in letter([paper()], code="de").text
    elsewhere = letter([paper(arxiv_id=None, url="https://journal.example/1")])
    assert "arXiv" not in elsewhere.html + elsewhere.text


def test_a_paper_of_last_year_shows_its_year() -> None:
    assert "Nov 20<" in letter([paper(published=DAY - timedelta(days=3), upvotes=1)]).html.replace("\u00a0", " ")
    assert "Nov 23, 2025<" in letter([paper(published=DAY.replace(year=2025))]).html.replace("\u00a0", " ")


def test_pictures_can_be_left_out() -> None:
    shown = paper(picture=PICTURE)
    pictured = digest([shown]), {1: shown}
    without = LetterRenderer(sample.SITE, "cards", language.load("en", FOLDERS), FOLDERS, pictures=False)
    assert "<img" in renderer("cards").letter(LetterFacts(*pictured, sample.SUBSCRIBER, sample.LINKS, DAY)).html
    assert "<img" not in without.letter(LetterFacts(*pictured, sample.SUBSCRIBER, sample.LINKS, DAY)).html


def test_a_picture_comes_from_the_site_itself_in_its_own_proportions() -> None:
    html = letter([paper(picture=PICTURE, thumbnail_url="https://x.example/1.png")], name="cards").html
    (picture,) = re.findall(r"<img [^>]*>", html)
    assert f'src="{sample.SITE.base_url}/pictures/{PICTURE.name}.jpg"' in picture
    assert 'width="600"' in picture
    assert 'height="324"' in picture
    assert "x.example" not in html


def test_a_picture_that_we_have_not_is_left_out() -> None:
    assert "<img" not in letter([paper(thumbnail_url="https://x.example/1.png")], name="cards").html


@pytest.mark.parametrize(
    ("base", "shown"),
    [("http://papers.example", False), ("http://localhost:8000", True), ("http://127.0.0.1", True)],
)
def test_without_https_pictures_are_for_a_trial_on_this_machine(base: str, shown: bool) -> None:
    made = LetterRenderer(replace(sample.SITE, base_url=base), "cards", language.load("en", FOLDERS), FOLDERS)
    known = paper(picture=PICTURE)
    html = made.letter(LetterFacts(digest([known]), {1: known}, sample.SUBSCRIBER, sample.LINKS, DAY)).html
    assert ("<img" in html) is shown


def test_an_unknown_theme_or_language_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match="no theme 'papre'; there are cards, paper, plain"):
        renderer("papre")
    with pytest.raises(UnknownNameError, match="no language 'tlh'; there are en, de"):
        renderer("paper", "tlh")


def test_a_wrong_subject_template_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"there is no \{titel\}; there are \{top\}"):
        LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS, subject_template="{titel}")


def _theme(tmp_path: Path, text: str) -> LetterRenderer:
    folder = tmp_path / "email" / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.html.j2").write_text(text)
    return LetterRenderer(sample.SITE, "mine", language.load("en", FOLDERS), (tmp_path, *FOLDERS))


_EXTENDS = '{% extends "email/digest.html.j2" %}\n'


_MISTAKES = {
    "{% block style %}.card:first-child { color: red }{% endblock %}": "mine.html.j2 line 2: the selector '.card",
    "{% block style %}.card + .card { color: red }{% endblock %}": r"the selector '.card \+ .card' depends",
    "{% block style %}p ~ p, b { color: red }{% endblock %}": "the selector 'p ~ p'",
    "{% block style %}td:nth-of-type(2n) { color: red }{% endblock %}": "the selector 'td:nth-of-type",
    "{% block style %}p { color: red{% endblock %}": "mine.html.j2 line 2: its style sheet has 1 braces open",
    "{% block style %}\np { color: red }\n}{% endblock %}": "mine.html.j2 line 4: its style sheet has 1 braces open",
    "{% block style %}p { color: red; } } { {% endblock %}": "mine.html.j2 line 2: its style sheet does not parse",
    "{% block media %}"
    + "p { color: red !important }" * 700
    + "{% endblock %}": "its media block has .* bytes, Gmail",
    "{% block card %}\n{{ card.titel }}{% endblock %}": "email/themes/mine.html.j2 line 3: .* no attribute 'titel'",
    "{% block card %}\n{{ card.title | shiny }}{% endblock %}": "mine.html.j2 line 3: No filter named 'shiny'",
    "{% block card %}{{ cut }}{% endblock %}": "its letter splits into .* pieces",
    "{% block card %}<tr><td>{{ loop.index }}</td></tr>{% endblock %}": "beside other ones",
    "{% block card %}{{ 1 // 0 }}{% endblock %}": "mine.html.j2 line 2: integer",
    '{% block card %}{% include "email/none.j2" %}{% endblock %}': "there is no template 'email/none.j2'",
    '{% block card %}<tr><td title="{{ letter.lead }}"></td></tr>{% endblock %}': "letter.lead stands inside the tag",
    "{% block card %}": "mine.html.j2 line 2: ",
    "{% block crad %}{% endblock %}": "mine.html.j2 line 2: the layout has no block 'crad'; did you mean 'card'",
    "{% block weather %}{% endblock %}": "line 2: the layout has no block 'weather'; there are: card, chart",
    "{% block style %}@import 'more.css';{% endblock %}": "mine.html.j2 line 2: mail clients drop @import",
}


@pytest.mark.parametrize(("text", "mistake"), _MISTAKES.items())
def test_a_mistake_in_a_theme_is_told_with_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError, match=mistake):
        _theme(tmp_path, _EXTENDS + text)


def test_a_theme_that_does_not_extend_the_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"0 style elements, not 2; extend email/digest\.html\.j2"):
        _theme(tmp_path, "<p>{{ site.name }}</p>")


def test_an_ampersand_in_a_link_is_escaped_in_html_alone() -> None:
    links = sample.LINKS._replace(feedback="https://papers.example/f/sample?a=b&c=d")
    facts = LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, links, DAY)
    _, html, text = decoded(encoded_by(renderer("paper"), facts))
    assert html == renderer("paper").letter(facts).html
    assert "f/sample?a=b&amp;c=d" in html
    assert "f/sample?a=b&c=d" in text
    assert "&amp;" not in text


def test_a_theme_may_print_the_subscribers_own_facts_anywhere(tmp_path: Path) -> None:
    mine = _theme(
        tmp_path,
        _EXTENDS + '{% block lead %}<tr><td><a href="{{ letter.links.online }}" title="now">{{ letter.reason }}</a> '
        "{{ card.title }} {{ letter.date }} <i>{{ letter.lead }}</i></td></tr>{% endblock %}",
    )
    subscriber = sample.SUBSCRIBER.with_preferences(name='Ada "the <first>" & Co')
    facts = LetterFacts(digest([paper()]), {1: paper()}, subscriber, sample.LINKS, DAY)
    assert mine.letter(facts) == mine.whole_letter(facts)
    assert '<i>Good morning, Ada "the &lt;first&gt;" &amp; Co' in mine.letter(facts).html


def test_a_site_without_feedback_has_no_such_links_and_the_same_bytes_either_way() -> None:
    silent = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS, feedback=False)
    bare = paper(1, url=None, arxiv_id=None, authors=())
    for facts in (
        LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, DAY),
        LetterFacts(digest([bare], why=()), {1: bare}, sample.SUBSCRIBER, sample.LINKS, DAY),
    ):
        rendered = silent.letter(facts)
        assert rendered == silent.whole_letter(facts)
        assert "like this" not in rendered.html + rendered.text
        assert sample.LINKS.feedback not in rendered.html + rendered.text
        heard = renderer().letter(facts)
        for what in ("more", "less"):
            for row in rendered.papers[:5]:  # the lead and the cards; titles have no such links
                assert heard.html.count(f'"{sample.LINKS.feedback}?{what}={row}"') == 1
            assert heard.text.count(f" {sample.LINKS.feedback}?{what}={rendered.papers[0]}\n") == 1


@pytest.mark.parametrize("density", Density)
def test_letters_that_ask_for_replies_number_their_papers_in_both_parts(density: Density) -> None:
    asking = LetterRenderer(sample.SITE, "paper", language.load("en", FOLDERS), FOLDERS, replies=True)
    subscriber = sample.SUBSCRIBER.with_preferences(density=density)
    papers = {row: paper(row, upvotes=60 - row) for row in range(1, 15)}
    facts = LetterFacts(digest(list(papers.values())), papers, subscriber, sample.LINKS, DAY)
    rendered = asking.letter(facts)
    assert rendered == asking.whole_letter(facts)
    shown = re.findall(r'<span class="number"[^>]*>(\d+)</span>.*?about the number (\d+)', rendered.html, re.DOTALL)
    assert shown == [(str(row), str(row)) for row in papers]
    for row in papers:
        assert f"{row:>2}. A paper about the number {row}\n" in rendered.text
    assert "Reply “more 2” or “less 3”" in rendered.html
    assert "Reply “more 2” or “less 3”" in rendered.text


def test_the_example_of_a_reply_names_papers_that_the_letter_has() -> None:
    asking = LetterRenderer(sample.SITE, "plain", language.load("en", FOLDERS), FOLDERS, replies=True)
    alone = LetterFacts(digest([paper()]), {1: paper()}, sample.SUBSCRIBER, sample.LINKS, DAY)
    assert "Reply “more 1” or “less 1”" in asking.letter(alone).text
    none = LetterFacts(digest(), {}, sample.SUBSCRIBER, sample.LINKS, DAY)
    assert "Reply “" not in asking.letter(none).text


def test_a_letter_on_one_topic_does_not_repeat_it_at_each_paper() -> None:
    papers = [paper(row) for row in range(1, 7)]
    alone, beside = letter(papers), letter(papers[:5], papers[5:])
    assert "Topic 1" in beside.html.partition("for the topics, interests")[0]
    for text in (alone.html, alone.text):
        papers_shown, _, reason = text.partition("for the topics, interests")
        assert "Topic 1" not in papers_shown
        assert "Topic 1" in reason


def test_an_interest_in_own_words_is_quoted_and_cut_between_words() -> None:
    words = "how language models remember things over long conversations and use tools relia…"
    papers = {row: paper(row) for row in range(1, 7)}
    own = Section("own-0123456789abcdef", words, tuple(Pick(row, ("meaning: close",)) for row in range(1, 6)))
    made = Digest(issue=Issue(Cadence.DAILY, DAY), sections=(own, Section("robots", "Robots", (Pick(6),))), more=())
    rendered = renderer().letter(LetterFacts(made, papers, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Its papers match “how language models remember things…” and Robots." in " ".join(rendered.text.split())
    assert rendered.html.count("<bdi>“how language…”</bdi>") == 5  # the index
    assert rendered.html.count("<bdi>“how language models remember things…”</bdi>") == 5  # the lead and four cards


def _discussed(*whys: tuple[str, ...]) -> Digest:
    """A weekly digest whose most discussed papers have these reasons, beside two of a topic."""
    discussed = Section(DISCUSSED, "", tuple(Pick(row, why) for row, why in enumerate(whys, 1)))
    rest = Section("agents", "Agents", (Pick(8), Pick(9)))
    return Digest(issue=Issue(Cadence.WEEKLY, DAY), sections=(discussed, rest), more=())


@pytest.mark.parametrize(
    "why",
    [("on: Agents", "also on: Robots"), ("on Agents, Robots",)],
    ids=["now", "as earlier versions stored it"],
)
def test_a_discussed_paper_on_several_topics_is_shown_with_its_best_one(why: tuple[str, ...]) -> None:
    papers = {row: paper(row) for row in (1, 2, 8, 9)}
    made = _discussed(why, ("on: Robots", "also on: Agents"))
    english = language.load("en", FOLDERS)
    counting = LetterRenderer(sample.SITE, "plain", english, FOLDERS, subject_template="{inside}")
    rendered = counting.letter(LetterFacts(made, papers, sample.SUBSCRIBER, sample.LINKS, DAY))
    text = " ".join(rendered.text.split())
    assert "Its papers match Agents and Robots." in text
    assert rendered.subject == "4 papers on 2 topics"
    assert "Agents, Robots" not in rendered.html
    assert "also on Robots" in text


def test_a_letter_on_one_topic_does_not_repeat_it_where_its_papers_are_discussed() -> None:
    papers = {row: paper(row) for row in (1, 8, 9)}
    made = _discussed(("on: Agents", "also on: Robots"))
    rendered = renderer().letter(LetterFacts(made, papers, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Agents" not in rendered.text.partition("for the topics, interests")[0]


def test_an_own_interest_is_quoted_at_a_discussed_paper_too() -> None:
    papers = {row: paper(row) for row in (1, 8, 9)}
    made = _discussed(('on: "grippers that fold laundry and dishes at home"', "also on: Agents"))
    rendered = renderer().letter(LetterFacts(made, papers, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Its papers match “grippers that fold laundry and dishes…” and Agents." in " ".join(rendered.text.split())


def test_a_topic_of_the_site_is_not_quoted_whatever_its_slug_begins_with() -> None:
    made = Digest(issue=Issue(Cadence.DAILY, DAY), sections=(Section("own-goals", "Own goals", (Pick(1),)),), more=())
    rendered = renderer().letter(LetterFacts(made, {1: paper()}, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert "Its papers match Own goals." in " ".join(rendered.text.split())


def test_a_german_letter_names_topics_in_german_and_an_interest_in_its_subscriber_s_words() -> None:
    english = ("Diffusion and generative media", "Retrieval, memory and context", "Whales")
    papers = [paper(row, upvotes=100 - row) for row in range(1, 7)]
    also = f"also on: {english[1]}"
    sections = [Section(f"topic-{row}", name, (Pick(row, (also,)),)) for row, name in enumerate(english, 1)]
    sections.append(Section(own_slug("Diffusion", 1), "Diffusion and generative media", (Pick(4), Pick(5), Pick(6))))
    made = replace(sample.digest(Cadence.WEEKLY), sections=tuple(sections), notes=())
    counts = tuple(TopicCounts(one.topic, one.name, (1,) * 7) for one in sections[:3])
    facts = LetterFacts(made, {one.row: one for one in papers}, WEEKLY_SUBSCRIBER, sample.LINKS, DAY, counts)
    for shown in (renderer("paper", "de").letter(facts), renderer("paper", "de").whole_letter(facts)):
        for text in (shown.html, " ".join(shown.text.split())):
            assert "Diffusion und generative Medien" in text
            assert "„Diffusion and generative media“" in text
            assert english[1] not in text
            assert "Whales" in text
        assert "auch zu Retrieval, Gedächtnis und Kontext" in shown.html
        assert "Diffusion und generative Medien</" in shown.html.replace(":", "</"), "in the legend of the chart"
    assert english[1] in renderer("paper", "en").letter(facts).html


def test_names_that_look_like_lists_are_quoted_in_a_list() -> None:
    english, german = (language.load(code, FOLDERS) for code in ("en", "de"))
    assert quote_names(("Robotics", "Agents"), english) == ["Robotics", "Agents"]
    assert quote_names(("“hands and feet”", "Agents"), english) == ["“hands and feet”", "Agents"]
    named = ("GUI, web and computer-use agents", "“robots that walk”", "Speech")
    assert quote_names(named, english) == ["“GUI, web and computer-use agents”", "“robots that walk”", "“Speech”"]
    assert quote_names(("Sprache und Ton",), german) == ["„Sprache und Ton“"]
