"""Trying an interest: ten papers with ratings, words to add, and what is learned of it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from paperround.domain import tokens
from paperround.domain.errors import QueryError
from paperround.domain.interest_trial import Doubt
from paperround.rounds import pipeline
from paperround.rounds.similar import similar_papers
from paperround.rounds.trial import Trials
from paperround.subscribers import membership
from support.encoder import use_ideas
from support.pages import FORM, Browser, Pages
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"
_KINDS = {
    "walk": "legged robots walk over rough terrain with balance control",
    "fold": "protein structures fold and bind in cells",
    "tax": "income taxes and household markets in econometrics",
}


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url)
    made.site.papers(
        *(
            listing(100 * at + number, title=f"On {kind} {number}", abstract=f"{said}, case {number}",
                    authors=[f"{kind} author {number % 3}"])
            for at, (kind, said) in enumerate(_KINDS.items(), 1)
            for number in range(12)
        )
    )  # fmt: skip
    yield made
    made.app.close()


def _titles(html: str) -> list[str]:
    return re.findall(r"<bdi>(On \w+ \d+)</bdi>", html)


def _rows(html: str, name: str) -> list[str]:
    return re.findall(rf'<button[^>]*name="{name}" value="(\d+)"', html)


def _subscriber(pages: Pages) -> Any:
    return membership.subscriber(pages.app, _EMAIL)


def _own(pages: Pages) -> str:
    return f"/p/{tokens.mint(pages.app.link_keys, tokens.PREFERENCES, _subscriber(pages).row)}"


def test_ten_papers_are_shown_and_those_that_fit_come_first(pages: Pages) -> None:
    answer = Browser(pages.web).get("/interest", params={"q": "machines with legs that walk over rough terrain"})
    assert answer.status_code == 200
    found = _titles(answer.text)
    assert len(found) == 10
    assert all("walk" in title for title in found)


def test_ratings_stand_in_the_address_change_the_order_and_can_be_undone(pages: Pages) -> None:
    browser = Browser(pages.web)
    first = browser.get("/interest", params={"q": "cells or taxes or terrain"}).text
    tax = next(row for row, title in zip(_rows(first, "more"), _titles(first), strict=True) if "tax" in title)
    liked = browser.get("/interest", params={"q": "cells or taxes or terrain", "more": tax}).text
    assert _titles(liked)[:3] == sorted(_titles(liked)[:3]) or all("tax" in title for title in _titles(liked)[:3])
    assert "You asked for more like this." in liked
    undone = browser.get("/interest", params={"q": "cells or taxes or terrain", "more": tax, "forget": tax}).text
    assert _titles(undone) == _titles(first)


def test_an_interest_none_of_whose_words_is_known_says_so(pages: Pages) -> None:
    answer = Browser(pages.web).get("/interest", params={"q": "zymurgy quokkas"})
    assert "The newest papers have none of these words, or only short ones." in answer.text


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("Roboter, die mit Menschen zusammenarbeiten", Doubt.LANGUAGE),
        ("Roboter für Reports", Doubt.LANGUAGE),
        ("Roboter mit Menschen", Doubt.UNKNOWN),
        ("MIT zymurgy", None),
        ("policies of MIT for quokkas", None),
    ],
)
def test_short_words_of_another_language_are_not_taken_for_english_ones(
    text: str, doubt: Doubt | None, site: Site
) -> None:
    site.papers(listing(1, title="A report of MIT", abstract="Dice that die."))
    found = Trials(site.app).try_interest(text, {}).doubt
    assert found is doubt or (doubt is None and found is not Doubt.UNKNOWN and found is not Doubt.LANGUAGE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no taxes please", "This brings papers about “taxes” instead of keeping them away."),
        ("alles außer taxes", "This brings papers about “taxes” instead of keeping them away."),
        ('"taxes fold"', "None of the newest papers matches exactly."),
    ],
)
def test_an_interest_that_would_not_bring_what_is_meant_is_told(pages: Pages, text: str, said: str) -> None:
    page = Browser(pages.web).get("/interest", params={"q": text}).text
    assert said in page
    assert "Leave out “" not in page.replace("under “Leave out”", ""), "a visitor has no preferences yet"


def test_what_a_subscriber_leaves_out_is_not_shown_or_counted_on_their_pages(pages: Pages) -> None:
    pages.site.subscriber(_EMAIL, "robots")
    membership.change(pages.app, _subscriber(pages), {"leave_out": ("author: walk author 1",)})
    browser, interest = Browser(pages.web), "machines with legs that walk over rough terrain"
    left_out = {f"On walk {number}" for number in (1, 4, 7, 10)}
    assert not left_out & {*_titles(browser.get(f"{_own(pages)}/interest", params={"q": interest}).text)}
    assert left_out & {*_titles(browser.get("/interest", params={"q": interest}).text)}
    counts = {"title:walk": (12, 8), "legged walk": (12, 8)}
    for text, (of_visitor, of_subscriber) in counts.items():
        live = [browser.get(f"{whose}/try", params={"q": text}).json()["message"] for whose in ("", _own(pages))]
        for sentence, number in zip(live, (of_visitor, of_subscriber), strict=True):
            assert f"{number} papers in the past week, including:" in sentence
        form = {**FORM, "query": text, "leave_out": "author: walk author 2\nauthor: walk author 0", "do": "try"}
        assert "4 papers in the past week, including:" in browser.post(_own(pages), data=form).text
    assert f'data-try="{_own(pages)}/try"' in browser.get(_own(pages)).text.replace("https://papers.example.org", "")


def test_what_an_interest_excludes_is_left_out_with_a_button(pages: Pages) -> None:
    pages.site.subscriber(_EMAIL, "robots")
    membership.change(pages.app, _subscriber(pages), {"leave_out": ("robots OR video",)})  # of an earlier version
    browser = Browser(pages.web)
    asked = browser.get(f"{_own(pages)}/interest", params={"q": "no taxes please"}).text
    assert "Leave out “taxes”" in asked
    answer = browser.post(f"{_own(pages)}/interest", data={"q": "no taxes please", "do": "leave-out"})
    assert answer.status_code == 303
    assert _subscriber(pages).preferences.leave_out == ("robots OR video", "taxes")
    assert _subscriber(pages).preferences.queries == ()
    assert "This brings papers about “taxes”" in browser.get("/try", params={"q": "no taxes"}).text


def test_a_misspelled_interest_is_offered_as_it_was_meant_and_ratings_are_kept(pages: Pages) -> None:
    browser = Browser(pages.web)
    page = browser.get("/interest", params={"q": "legged robots wallk", "more": "101"}).text
    found = re.search(
        r'Did you mean: <a href="[^"]*(/interest\?[^"]*)">legged robots walk</a>', " ".join(page.split())
    )
    assert found
    assert parse_qs(urlsplit(found[1].replace("&amp;", "&")).query) == {"q": ["legged robots walk"], "more": ["101"]}
    assert "Did you mean" not in browser.get("/interest", params={"q": "legged robots walk"}).text
    pages.site.subscriber(_EMAIL, "robots")
    page = browser.get(f"{_own(pages)}/interest", params={"q": "legged robots wallk"}).text
    assert f"{_own(pages)}/interest?q=legged+robots+walk" in page


def test_pasted_markup_is_no_part_of_an_interest(pages: Pages) -> None:
    pasted = '<p class="x">legged <b>robots</b> that walk</p>'
    page = Browser(pages.web).get("/interest", params={"q": pasted}).text
    assert ">legged robots that walk</textarea>" in page
    assert all("walk" in title for title in _titles(page))
    pages.site.subscriber(_EMAIL, "robots")
    Browser(pages.web).post(f"{_own(pages)}/interest", data={"q": pasted, "do": "keep"})
    assert _subscriber(pages).preferences.queries == ("legged robots that walk",)


_ODD = ["", " ", "the of and", "机器人 学习", "روبوتات تمشي على ساقين", "роботы которые ходят"]


@pytest.mark.parametrize("text", [*_ODD, "word " * 12_000, "AND (", '"unclosed', "\x00\ud800"])
def test_bad_input_gets_a_page(pages: Pages, text: str) -> None:
    answer = Browser(pages.web).get("/interest", params={"q": text.encode("utf-8", "replace").decode()})
    assert answer.status_code in {200, 422}
    assert "Your interest" in answer.text


@pytest.mark.parametrize("text", [*_ODD, "word " * 12_000])
def test_an_interest_in_any_script_is_kept_and_one_that_is_no_interest_is_refused(pages: Pages, text: str) -> None:
    pages.site.subscriber(_EMAIL, "robots")
    browser = Browser(pages.web)
    answer = browser.post(f"{_own(pages)}/interest", data={"q": text, "do": "keep"})
    kept = _subscriber(pages).preferences.queries
    if answer.status_code == 303:
        assert kept in {(), (" ".join(text.split()),)}
    else:
        assert answer.status_code == 422
        assert "at most 300 characters" in answer.text or "papers on any subject have these words" in answer.text
        assert kept == ()
    assert browser.get("/interest", params={"q": "legged robots walk"}).status_code == 200


@pytest.mark.parametrize("value", ["0", "-1", "99999999999999999", "x", ""])
def test_a_rating_of_no_paper_is_left_out(pages: Pages, value: str) -> None:
    answer = Browser(pages.web).get("/interest", params={"q": "legged robots walk", "more": value})
    assert answer.status_code == 200


def test_words_that_the_papers_that_stand_out_share_are_offered_and_others_are_not(pages: Pages) -> None:
    pages.site.papers(
        *(listing(500 + n, title=f"Teleoperation, case {n}", abstract="Quadruped giraffes trot.") for n in range(6)),
        *(listing(600 + n, title=f"Taxes, case {n}", abstract="Households pay.") for n in range(60)),
    )
    interest = {"q": "quadruped giraffes that trot"}
    page = Browser(pages.web).get("/interest", params=interest).text
    assert re.findall(r'name="add" value="([^"]*)"', page) == ["teleoperation"]
    assert 'name="add"' not in Browser(pages.web).get("/interest", params={"q": "zymurgy quokkas"}).text


def test_a_clicked_word_is_added(pages: Pages) -> None:
    answer = Browser(pages.web).get("/interest", params={"q": "legged robots", "add": "rough terrain"})
    assert ">legged robots rough terrain</textarea>" in answer.text


def test_ratings_of_a_newcomer_are_kept_until_they_confirm_and_then_count(pages: Pages) -> None:
    browser = Browser(pages.web)
    tried = browser.get("/interest", params={"q": "legged robots walk"}).text
    liked, disliked = _rows(tried, "more")[:2]
    tried = browser.get("/interest", params={"q": "legged robots walk", "more": liked, "less": disliked}).text
    onward = re.search(r'href="[^"]*(/subscribe\?[^"]*)"[^>]*>Get this by email', tried)
    assert onward is not None
    form = browser.get(onward[1].replace("&amp;", "&")).text
    assert f'name="more" value="{liked}"' in form
    assert "2 ratings will be kept when you subscribe." in form
    sent = {name: value for name, value in FORM.items() if name != "topic"}
    answer = browser.post(
        "/subscribe",
        data={**sent, "way": "interest", "query": "legged robots walk", "email": _EMAIL, "step": "subscribe",
              "more": liked, "less": disliked},
    )  # fmt: skip
    assert answer.headers["location"] == "/subscribe/sent"
    assert pages.app.store.feedback.verdicts(_subscriber(pages).row) == {}
    browser.post(pages.link("confirm", _subscriber(pages).row))
    assert pages.app.store.feedback.verdicts(_subscriber(pages).row) == {int(liked): 1, int(disliked): -1}


def test_a_subscribers_rating_is_stored_at_once_and_the_interest_becomes_a_query(pages: Pages) -> None:
    pages.site.subscriber(_EMAIL, "robots")
    browser, own = Browser(pages.web), _own(pages)
    row = _rows(browser.get(f"{own}/interest", params={"q": "legged robots walk"}).text, "more")[0]
    answer = browser.post(f"{own}/interest", data={"q": "legged robots walk", "more": row})
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["q"] == ["legged robots walk"]
    assert pages.app.store.feedback.verdicts(_subscriber(pages).row) == {int(row): 1}
    browser.post(f"{own}/interest", data={"q": "legged robots walk", "do": "keep"})
    assert _subscriber(pages).preferences.queries == ("legged robots walk",)


def test_the_subscribe_form_leads_to_the_trial(pages: Pages) -> None:
    answer = Browser(pages.web).post("/subscribe", data={"step": "interest", "way": "interest", "query": "walking"})
    assert answer.headers["location"].endswith("/interest?q=walking")


def test_the_trial_leads_back_to_the_form_with_its_schedule(pages: Pages) -> None:
    browser = Browser(pages.web)
    typed = {"cadence": "weekly", "at": "06:15", "timezone": "Asia/Tokyo", "weekday": "friday", "max_papers": "7"}
    answer = browser.post("/subscribe", data={"step": "interest", "way": "interest", "query": "walking", **typed})
    trial = browser.get(answer.headers["location"]).text
    assert '<input type="hidden" name="at" value="06:15">' in trial
    (back,) = re.findall(r'href="[^"]*(/subscribe\?way=interest[^"]*)"', trial)
    form = browser.get(html.unescape(back)).text
    for shown in ('value="06:15"', '"Asia/Tokyo" selected', '"weekly" selected', '"friday" selected', 'value="7"'):
        assert shown in form
    assert 'name="first_now" value="1">' in form


def test_the_learned_taste_is_told_in_words_forgotten_reset_and_exported(pages: Pages) -> None:
    pages.site.subscriber(_EMAIL, "robots")
    browser, own = Browser(pages.web), _own(pages)
    assert "Nothing yet." in browser.get(f"{own}/taste").text
    rows = {paper.title: paper.row for paper in pages.app.store.papers.latest(100)}
    membership.rate_paper(pages.app, _subscriber(pages), rows["On walk 1"], 1)
    membership.rate_paper(pages.app, _subscriber(pages), rows["On fold 1"], -1)
    page = browser.get(f"{own}/taste").text
    assert page.index("<bdi>walk</bdi>") < page.index("Words that move a paper down") < page.index("<bdi>fold</bdi>")
    assert "<bdi>terrain</bdi>" not in page, "a word of one abstract"
    file = json.loads(browser.get(f"{own}/taste.json").text)
    assert {one["title"]: one["verdict"] for one in file["papers"]} == {"On walk 1": 1, "On fold 1": -1}
    affinities = {one["title"]: one["affinity"] for one in file["papers"]}
    assert affinities["On walk 1"] > max(0, affinities["On fold 1"])
    browser.post(f"{own}/taste", data={"do": "forget", "paper": str(rows["On fold 1"])})
    assert pages.app.store.feedback.verdicts(_subscriber(pages).row) == {rows["On walk 1"]: 1}
    assert "Forget all your ratings?" in browser.post(f"{own}/taste", data={"do": "reset"}).text
    browser.post(f"{own}/taste", data={"do": "reset", "sure": "1"})
    assert pages.app.store.feedback.verdicts(_subscriber(pages).row) == {}


def test_similar_papers_are_on_each_papers_page_and_in_the_api(pages: Pages) -> None:
    paper = next(paper for paper in pages.app.store.papers.latest(100) if paper.title == "On fold 1")
    found = similar_papers(pages.app, paper)
    assert found
    assert all("fold" in other.title for other in found)
    assert paper not in found
    browser = Browser(pages.web)
    assert "Similar papers" in browser.get(f"/papers/{paper.id}").text
    listed = browser.get(f"/api/papers/{paper.id}/similar").json()
    assert [one["title"] for one in listed] == [other.title for other in similar_papers(pages.app, paper, 10)]
    assert browser.get("/api/papers/none/similar").status_code == 404


def test_an_interest_that_is_too_long_is_not_cut_but_refused_and_kept(pages: Pages) -> None:
    long = ("robots that learn " * 30).strip()
    told = "an interest has at most 300 characters; keep the words that matter most"
    tried = pages.client.get("/interest", params={"q": long})
    sent = pages.subscribe("ada@lovelace.example", way="interest", query=long)
    for answer in (tried, sent):
        assert answer.status_code == 422
        assert told in answer.text
        assert f">{long}</textarea>" in answer.text


@pytest.mark.parametrize("typed", ["Grace Lovelorn", "lovelorn, grace"])
def test_an_interest_that_is_the_name_of_an_author_names_the_query_for_their_papers(pages: Pages, typed: str) -> None:
    pages.site.papers(listing(900, authors=("Grace Lovelorn",)))
    told = 'This is the name of an author. For their papers, enter: author:"grace lovelorn"'
    assert pages.client.get("/try", params={"q": typed}).json()["message"] == told
    assert told in html.unescape(pages.client.get("/interest", params={"q": typed}).text)
    for other in ("legged robots", "Grace Hopper", "grace"):
        assert "name of an author" not in pages.client.get("/try", params={"q": other}).text


def test_the_preview_while_typing_tells_of_a_typing_mistake_and_still_says_what_fits(pages: Pages) -> None:
    told = pages.client.get("/try", params={"q": "legged robots walk"}).json()
    tried = pages.client.get("/try", params={"q": "legged robots wallk"}).json()
    assert tried["message"].startswith("Did you mean “legged robots walk”? ")
    assert tried["message"].removeprefix("Did you mean “legged robots walk”? ")
    assert "Did you mean" not in told["message"]
    assert tried["papers"]


def test_that_papers_are_the_nearest_in_meaning_is_said_once(pages: Pages) -> None:
    use_ideas(pages.app)
    while pipeline.embed_papers(pages.app):
        pass
    told = "Papers without a reason are among the nearest in meaning."
    near = (
        Browser(pages.web).get("/interest", params={"q": "stride as picture, image, photo, speech, voice, talk"}).text
    )
    assert near.count("nearest in meaning") == near.count(told) == 1
    assert len(_titles(near)) == 10
    close = Browser(pages.web).get("/interest", params={"q": "humanoid stride"}).text
    assert close.count("close in meaning") == 10
    assert "nearest in meaning" not in close


def test_an_ordinary_word_that_no_paper_has_brings_what_it_means(pages: Pages) -> None:
    use_ideas(pages.app)
    while pipeline.embed_papers(pages.app):
        pass
    browser = Browser(pages.web)
    page = browser.get("/interest", params={"q": "stride"}).text
    assert _titles(page)[0].startswith("On walk")
    assert page.count("close in meaning") > 0
    found = browser.get("/search", params={"q": "stride"}).text
    assert re.findall(r"On (walk|fold|tax) \d", found)[:1] == ["walk"]
    assert browser.get("/search", params={"q": '"stride"'}).text.count("No papers found.") == 1


def test_an_acronym_that_no_paper_has_is_told_to_be_described(pages: Pages) -> None:
    advice = "Describe the subject in a few words to find others too."
    page = Browser(pages.web).get("/interest", params={"q": "GWAS"}).text
    assert "None of the newest papers matches exactly." in page
    assert advice in page
    live = Browser(pages.web).get("/try", params={"q": "GWAS"}).json()["message"]
    assert live.startswith("No papers in the past week.")
    assert live.endswith(advice)
    assert "fewer words" not in live


def test_what_no_paper_is_near_finds_none(pages: Pages) -> None:
    use_ideas(pages.app)
    while pipeline.embed_papers(pages.app):
        pass
    page = Browser(pages.web).get("/search", params={"q": "photo voice"}).text
    assert not re.findall(r"On (walk|fold|tax) \d", page)
    assert "No papers found. Try other words" in page
    assert "nearest in meaning" not in page


def test_the_same_words_that_say_nothing_are_refused_wherever_an_interest_is_entered(pages: Pages) -> None:
    browser = Browser(pages.web)
    page = browser.post("/subscribe", data={**FORM, "email": _EMAIL, "query": "the of"})
    assert page.status_code == 422
    assert "papers on any subject have these words" in page.text
    with pytest.raises(QueryError, match="papers on any subject have these words"):
        membership.read_patch(pages.app, {"queries": "the of"})
    live = browser.get("/try", params={"q": "the of"}).json()
    assert live["wrong"]


def test_a_field_before_a_space_and_a_name_finds_the_papers_of_the_author(pages: Pages) -> None:
    browser = Browser(pages.web)
    for path in ("/interest", "/search"):
        page = browser.get(path, params={"q": "author: walk author 1"}).text
        assert set(re.findall(r"On \w+ \d+", page)) == {f"On walk {n}" for n in (1, 4, 7, 10)}, path
