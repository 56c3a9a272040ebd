"""What is said of an interest that takes few papers: how few papers the site has, and which breadth takes more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from paperround.domain.interest_trial import Doubt, InterestTrial, WiderBreadth
from paperround.domain.preferences import Breadth
from paperround.rendering import language
from paperround.rendering.trial_sentences import describe_trial
from paperround.rounds import pipeline
from paperround.rounds.query_preview import PastWeek, preview_query, preview_topic_query
from paperround.rounds.trial import Trials
from paperround.subscribers import membership
from support.encoder import use_ideas
from support.letters import FOLDERS
from support.pages import Pages
from support.papers import listing
from support.site import Site

_INTEREST = "a hand grasping transparent cups"
_SUBJECTS = ("speech recognition", "protein folding", "image retrieval", "traffic forecasts", "poetry", "compilers")
_ENGLISH = language.load("en", FOLDERS)
_FEW = "This site has only 70 papers so far, too few to tell what stands out. Your first ratings help most."
_MORE = "With “More” under “How many papers plain-word interests match”, 3 papers would be emailed."


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    """The pages of a young site with three papers that fit the interest, but not enough for the usual breadth."""
    made = Pages(tmp_path, database_url)
    made.site.papers(
        *(listing(100 + n, _SUBJECTS[n % len(_SUBJECTS)]) for n in range(60)),
        *(listing(200 + n, title=f"Grasping cups {n}", abstract="It is made of glass.") for n in range(3)),
        listing(250, title="Grasping", abstract="cups"),
    )
    yield made
    made.app.close()


def test_the_page_names_the_few_papers_and_the_breadth_that_takes_more(pages: Pages) -> None:
    shown = unescape(pages.client.get("/interest", params={"q": _INTEREST}).text)
    assert f"No paper stands out enough to be emailed. {_FEW} {_MORE} The closest papers are below" in shown
    assert "too vague" not in shown
    assert shown.count("Would not be emailed, but with “More” it would.") == 3
    german = unescape(pages.client.get("/interest", params={"q": _INTEREST, "lang": "de"}).text)
    assert "Hier gibt es erst 70 Paper" in german
    told = "wenn Sie in den Einstellungen unter „Wie viele Paper aus Interessen in eigenen Worten“ die Stufe „Mehr“"
    assert f"3 Paper kämen per E‑Mail, {told} wählen." in german


def test_the_breadth_that_is_named_takes_the_papers_that_it_was_said_to_take(pages: Pages) -> None:
    trials = pages.app.shared(Trials)
    usual = trials.try_interest(_INTEREST, {})
    assert usual.wider == WiderBreadth(Breadth.MORE, 3)
    wider = trials.try_interest(_INTEREST, {}, Breadth.MORE)
    assert (wider.selected, wider.wider) == (3, None)
    told = {"queries": (_INTEREST,), "breadth": Breadth.MORE}
    membership.add(pages.app, "ada@example.org", told, confirmed=True, first_now=True)
    pages.site.clock.now += timedelta(minutes=1)
    pipeline.run_round(pages.app)
    row = membership.subscriber(pages.app, "ada@example.org").row
    assert [len(digest.papers) for digest in pages.app.store.issues.digests_of(row)] == [3]


def test_a_subscriber_reads_what_helps_beside_a_paper_that_no_breadth_takes(pages: Pages) -> None:
    pages.subscriber("ada@example.org", breadth=Breadth.MORE)
    token = pages.link("preferences", membership.subscriber(pages.app, "ada@example.org").row)
    shown = unescape(pages.client.get(f"{token}/interest", params={"q": _INTEREST}).text)
    assert f"3 of the newest papers stand out enough to be emailed. {_FEW}" in shown
    assert shown.count("Would not be emailed: it does not stand out enough. Rate it + if it fits.") == 1
    row = re.findall(r'name="more" value="(\d+)"', shown)[-1]
    answered = unescape(pages.client.get("/interest", params={"q": _INTEREST, "more": row}).text)
    assert "Rate it + if it fits" not in answered


def test_the_preview_in_the_form_says_the_same_of_the_past_week(pages: Pages) -> None:
    summary = preview_query(pages.app, _INTEREST, _ENGLISH).summary
    assert summary == (f"No paper of the past week stands out enough to be emailed. {_FEW} {_MORE} The closest are:")
    assert preview_query(pages.app, _INTEREST, _ENGLISH, PastWeek(pages.app, breadth=Breadth.MORE)).papers
    topic = preview_topic_query(pages.app, _INTEREST, _ENGLISH).summary
    assert topic == "No paper of the past week stands out enough to be emailed. The closest are:"


def test_a_site_with_many_papers_does_not_call_them_few(pages: Pages) -> None:
    vague = InterestTrial("progress", total=2_000, doubt=Doubt.VAGUE)
    assert "may be too vague" in describe_trial(vague, _ENGLISH)
    wider = InterestTrial("progress", total=2_000, doubt=Doubt.VAGUE, wider=WiderBreadth(Breadth.MOST, 1))
    told = describe_trial(wider, _ENGLISH)
    assert "only" not in told
    assert "too vague" not in told
    assert "“Far more” under" in told
    assert "1 paper would be emailed" in told
    useful = InterestTrial("agents", selected=4, total=2_000, wider=WiderBreadth(Breadth.MORE, 7))
    assert describe_trial(useful, _ENGLISH) == "4 of the newest papers stand out enough to be emailed."


def test_the_papers_that_were_answered_do_not_count_among_those_that_stand_out(pages: Pages) -> None:
    trials = pages.app.shared(Trials)
    first = trials.try_interest(_INTEREST, {}, Breadth.MORE)
    liked = first.papers[0].paper.row
    trial = trials.try_interest(_INTEREST, {liked: 1}, Breadth.MORE)
    [rated] = [one for one in trial.papers if one.rating]
    assert rated.selected
    assert trial.selected == sum(one.selected for one in trial.papers) - 1 > 0
    told = f"Apart from the papers you rated, {trial.selected} of the newest papers"
    assert describe_trial(trial, _ENGLISH).startswith(told)
    all_of_them = {one.paper.row: 1 for one in first.papers}
    told = "Apart from the papers you rated, none stands out enough to be emailed."
    assert describe_trial(trials.try_interest(_INTEREST, all_of_them), _ENGLISH).startswith(told)
    exact = trials.try_interest("title:grasping", {liked: 1})
    assert (exact.selected, exact.exact) == (4, True)


def test_an_interest_whose_papers_were_answered_is_not_called_unknown(site: Site) -> None:
    """Its papers say it in other words."""
    use_ideas(site.app)
    subjects = ("speech recognition", "protein molecule", "image retrieval", "traffic", "poetry", "compilers")
    site.papers(
        *(listing(100 + number, subjects[number % 6]) for number in range(60)),
        *(listing(200 + number, title=f"A humanoid {number}", abstract="Its stride.") for number in range(2)),
    )
    while pipeline.embed_papers(site.app):
        pass
    trials = site.app.shared(Trials)
    selected = [one.paper.row for one in trials.try_interest("legged walk", {}).papers if one.selected]
    assert len(selected) == 2
    assert trials.try_interest("legged walk", dict.fromkeys(selected, 1)).doubt is not Doubt.UNKNOWN
