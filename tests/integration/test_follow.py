"""Follow authors and organizations, and leave papers out: from a click to the letter."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paperround.rounds import pipeline
from paperround.subscribers import membership
from support.pages import FORM, Browser, Pages, links_in
from support.papers import listing

_EMAIL = "ada@lovelace.example"


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url)
    yield made
    made.app.close()


def _subscriber(pages: Pages) -> Any:
    return membership.subscriber(pages.app, _EMAIL)


def _paper(pages: Pages, number: int, title: str, *authors: str, **facts: Any) -> Any:
    pages.site.papers(listing(number, title=title, abstract="Birds migrate.", authors=list(authors), **facts))
    return next(one for one in pages.app.store.papers.latest(50) if one.title == title)


def _morning(pages: Pages) -> Any:
    pages.site.clock.now += timedelta(days=1)
    return pages.letters()[-1]


def _text(letter: Any) -> str:
    return str(letter.get_body(("plain",)).get_content())


def test_a_followed_authors_paper_is_in_the_next_letter_whatever_its_topic(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    membership.change(pages.app, _subscriber(pages), {"follows": ("author: Wei Zhang",)})
    _paper(pages, 20, "On storks", "Wei Zhang", "Li Na")
    assert "On storks" in _text(_morning(pages))


def test_somebody_who_follows_a_name_of_no_paper_is_told_to_check_it(pages: Pages) -> None:
    pages.subscriber(_EMAIL, follows=("author: Nobody Old",))
    _paper(pages, 20, "On storks", "Wei Zhang", "Yann LeCun", "Seung-Min Kim")
    page = pages.link("preferences", _subscriber(pages).row)
    typed = ["author: Nobody Old", "author: Nobody Atall", "Yann Lecnu", "Min Kim", "author: Wei Zhang", "org: Acme"]
    saved = html.unescape(pages.client.post_and_follow(page, data={"topic": "robots", "follows": typed}).text)
    assert "Saved." in saved
    told = re.findall(
        "No paper here is by (.*?) yet. If the spelling is right, you get the next one.( Did.*?)? <", saved
    )
    unknown = [("Nobody Atall", ""), ("Yann Lecnu", " Did you mean “Yann LeCun”?"), ("Min Kim", "")]
    assert told == [*unknown, ("Acme (organization)", "")]
    assert "No paper here is by" not in pages.client.get(f"{page}?done=saved&unknown=author:+A+Stranger").text


def test_of_many_names_of_no_paper_ten_are_told_in_a_short_address(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    page = pages.link("preferences", _subscriber(pages).row)
    typed = [f"author: Nobody Atall {letter * 9}" for letter in "abcdefghijklmnopqrst"]
    answer = pages.client.post(page, data={"topic": "robots", "follows": typed})
    assert answer.headers["location"].count("unknown=") == 10
    assert pages.client.get(answer.headers["location"]).text.count("No paper here is by") == 10


def test_somebody_can_follow_people_and_no_topic(pages: Pages) -> None:
    answer = pages.subscribe(_EMAIL, topic="", way="interest", follows="author: Wei Zhang")
    assert "Check your email" in answer.text
    confirm = pages.link("confirm", _subscriber(pages).row)
    assert "<bdi>Wei Zhang</bdi>" in pages.client.get(confirm).text
    pages.client.post(confirm)
    _paper(pages, 20, "On storks", "Wei Zhang")
    assert _subscriber(pages).preferences.follows == ("author: Wei Zhang",)
    assert "On storks" in _text(_morning(pages))


def test_a_stranger_is_led_from_the_papers_page_to_the_form(pages: Pages) -> None:
    storks = _paper(pages, 20, "On storks", "Wei Zhang", "Li Na")
    browser = Browser(pages.web)
    page = browser.get(f"/papers/{storks.id}").text
    assert 'name="author" value="Wei Zhang"' in page
    asked = browser.post("/follow", data={"author": "Wei Zhang", "paper": storks.id})
    assert asked.status_code == 200
    onward = re.search(r'href="[^"]*(/subscribe\?[^"]*)"', asked.text[asked.text.index("On storks") :])
    assert onward is not None
    form = browser.get(onward[1].replace("&amp;", "&")).text
    assert 'name="follows" value="author: Wei Zhang" checked' in form


def test_a_browser_that_opened_the_preferences_follows_with_one_click_and_unfollows(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL)
    storks = _paper(pages, 20, "On storks", "Wei Zhang", "Li Na", organization="Bird House")
    browser = Browser(pages.web)
    browser.get(pages.link("preferences", row))
    shown = browser.post_and_follow("/follow", data={"author": "Wei Zhang", "paper": storks.id}).text
    assert "You now follow them." in shown[shown.index('id="following"') :], "where the address leads"
    assert shown.count("You now follow them.") == 1
    assert 'value="author: Wei Zhang" checked' in shown
    again = browser.post_and_follow("/follow", data={"author": "Wei Zhang", "paper": storks.id}).text
    assert "You already follow them." in again
    browser.post("/follow", data={"org": "Bird House", "paper": storks.id})
    assert _subscriber(pages).preferences.follows == ("author: Wei Zhang", "org: Bird House")
    browser.post("/follow", data={"author": "Wei Zhang", "do": "unfollow"})
    assert _subscriber(pages).preferences.follows == ("org: Bird House",)


def test_the_last_name_is_not_unfollowed_and_that_is_said_in_the_subscribers_language(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL, language="de", follows=("author: Wei Zhang",))
    _paper(pages, 20, "On storks", "Wei Zhang")
    link = links_in(_morning(pages), "f")[0]
    membership.change(pages.app, _subscriber(pages), {"topics": ()})
    browser = Browser(pages.web)
    browser.get(pages.link("preferences", row))
    answer = browser.post("/follow", data={"author": "Wei Zhang", "do": "unfollow"})
    assert answer.status_code == 422
    said = "Sie würden niemandem und nichts mehr folgen. Wählen Sie zuerst ein Thema, oder melden Sie sich ab."
    assert said in html.unescape(answer.text)
    number = pages.app.store.papers.by_id("2611.00020")
    assert number is not None
    form = {"follow": str(number.row), "name": "Wei Zhang", "do": "unfollow"}
    assert said in html.unescape(browser.post(link, data=form).text)
    assert _subscriber(pages).preferences.follows == ("author: Wei Zhang",)


def test_a_longer_name_is_that_of_somebody_else(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    _paper(pages, 20, "On storks", "Wei Li")
    membership.change(pages.app, _subscriber(pages), {"follows": ("author: Wei Li",)})
    _paper(pages, 21, "On cranes", "Da-Wei Li")
    _paper(pages, 22, "On herons", "Wei Li Zhang")
    _paper(pages, 23, "On egrets", "Wei Li, Jr.")
    text = _text(_morning(pages))
    assert [bird for bird in ("storks", "cranes", "herons", "egrets") if bird in text] == ["storks", "egrets"]


def test_a_middle_name_that_is_missing_may_be_any(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    membership.change(pages.app, _subscriber(pages), {"follows": ("author: Ada Lovelace", "author: Konrad E. Zuse")})
    _paper(pages, 20, "On storks", "Ada M. Lovelace")
    _paper(pages, 21, "On cranes", "Konrad Zuse")
    _paper(pages, 22, "On herons", "Konrad M. Zuse")
    _paper(pages, 23, "On egrets", "Ada-Mary Lovelace")
    text = _text(_morning(pages))
    assert [bird for bird in ("storks", "cranes", "herons", "egrets") if bird in text] == ["storks", "cranes"]
    assert "by Ada M. Lovelace" in text


def test_the_page_of_a_name_shows_papers_by_its_fuller_forms(pages: Pages) -> None:
    _paper(pages, 20, "On storks", "Ada M. Lovelace", "Li Na")
    _paper(pages, 21, "On cranes", "Ada Lovelace", "Li Na")
    page = Browser(pages.web).get("/follow", params={"author": "Ada Lovelace"}).text
    assert "On storks" in page
    assert "On cranes" in page
    assert "Several people" not in page
    found = Browser(pages.web).get("/search", params={"q": "Ada Lovelace"}).text
    assert "On storks" in found


def test_namesakes_are_told_apart_by_their_coauthors(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL)
    storks = _paper(pages, 20, "On storks", "Wei Zhang", "Li Na")
    _paper(pages, 21, "On bridges", "Wei Zhang", "Bo Chen")
    browser = Browser(pages.web)
    page = browser.get("/follow", params={"author": "Wei Zhang"}).text
    assert "Several people seem to have this name" in page
    browser.get(pages.link("preferences", row))
    browser.post("/follow", data={"author": "Wei Zhang", "paper": storks.id})
    assert _subscriber(pages).preferences.follows == ("author: Wei Zhang (with Li Na)",)
    _morning(pages)
    _paper(pages, 22, "On cranes", "Wei Zhang", "Li Na")
    _paper(pages, 23, "On tunnels", "Wei Zhang", "Bo Chen")
    text = _text(_morning(pages))
    assert "On cranes" in text
    assert "On tunnels" not in text


@pytest.mark.parametrize("name", ["", " ", "!!", "x" * 5_000])
def test_any_name_leads_to_a_page_or_is_not_found(pages: Pages, name: str) -> None:
    assert Browser(pages.web).get("/follow", params={"author": name}).status_code in {200, 404}


def test_the_letter_leads_to_a_page_that_follows_and_unfollows(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    _paper(pages, 20, "Robots robots robots", "Wei Zhang")
    pages.site.papers(listing(21, "robots", authors=["Grace Hopper"], upvotes=90))
    letter = _morning(pages)
    link = links_in(letter, "f")[0]
    number = re.search(r"\?more=(\d+)", _text(letter))
    assert number is not None
    browser = Browser(pages.web)
    assert 'value="follow">Follow' in browser.get(f"{link}?more={number[1]}").text
    page = browser.get(f"{link}?follow={number[1]}").text
    assert "Follow the people behind it" in page
    name = re.search(r'name="name" value="([^"]+)"', page)
    assert name is not None
    form = {"follow": number[1], "name": name[1]}
    assert "Unfollow" in browser.post(link, data={**form, "do": "follow"}).text
    assert _subscriber(pages).preferences.follows == (f"author: {name[1]}",)
    browser.post(link, data={**form, "do": "unfollow"})
    assert _subscriber(pages).preferences.follows == ()
    assert browser.post(link, data={**form, "name": "Somebody Else"}).status_code == 404
    assert browser.post(link, data={"follow": "999999", "name": name[1]}).status_code == 404


def test_what_is_left_out_comes_in_no_letter_and_is_counted_there_and_online(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    membership.change(
        pages.app, _subscriber(pages), {"leave_out": ("birds migrate", "author: Wei Zhang", "category: cs.CR")}
    )
    _paper(pages, 20, "Robots like storks", "Li Na")
    pages.site.papers(
        listing(21, "robots", authors=["Wei Zhang"]),
        listing(22, "robots", categories=["cs.CR"]),
        listing(23, "robots", title="Robots that stay"),
    )
    letter = _morning(pages)
    text = _text(letter)
    assert "Robots that stay" in text
    assert "Robots like storks" not in text
    assert "3 papers were left out, as you asked." in " ".join(text.split())
    digest = pages.app.store.issues.digests_of(_subscriber(pages).row)[0]
    assert digest.left_out == 3
    online = pages.client.get(pages.link("digest", digest.row)).text
    assert "3 papers were left out, as you asked." in online


def test_left_out_papers_do_not_come_back_when_the_entry_is_removed(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    membership.change(pages.app, _subscriber(pages), {"leave_out": ("paper: 2611.00021",)})
    pages.site.papers(listing(21, "robots", arxiv_id="2611.00021"), listing(23, "robots"))
    _morning(pages)
    membership.change(pages.app, _subscriber(pages), {"leave_out": ()})
    pages.site.clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    assert len(pages.app.store.issues.digests_of(_subscriber(pages).row)) == 1


@pytest.mark.parametrize(
    ("field", "text"),
    [("follows", "category: cs.CR"), ("leave_out", "org: Name"), ("leave_out", "!!\nsurvey"), ("follows", "x" * 400)],
)
def test_a_bad_entry_is_named_and_nothing_is_saved(pages: Pages, field: str, text: str) -> None:
    row = pages.subscriber(_EMAIL)
    answer = pages.client.post(pages.link("preferences", row), data={**FORM, field: text, "do": "save"})
    assert answer.status_code == 422
    assert f'id="wrong-{field}"' in answer.text
    assert getattr(_subscriber(pages).preferences, field) == ()


def test_a_bad_entry_is_explained_in_the_subscribers_language(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL, language="de")
    wrong = {"follows": "category: cs.CR", "leave_out": "category: cs.XX\nautor: Ada", "language": "de"}
    answer = pages.client.post(pages.link("preferences", row), data={**FORM, **wrong, "do": "save"})
    said = re.sub("<[^>]+>", "", html.unescape(answer.text))
    for sentence in (
        "'category: cs.CR' kann man nur ausschließen",
        "arXiv hat keine Kategorie 'cs.XX'",
        "'autor:' ist nicht bekannt (meinten Sie author:?)",
    ):
        assert sentence in said


def test_an_entry_with_an_operator_from_an_earlier_version_does_not_block_other_changes(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL)
    membership.change(pages.app, _subscriber(pages), {"leave_out": ("robots OR video",)})
    saved = {**FORM, "leave_out": "robots OR video", "at": "11:00", "do": "save"}
    assert pages.client.post(pages.link("preferences", row), data=saved).status_code == 303
    assert f"{_subscriber(pages).preferences.at:%H:%M}" == "11:00"
    assert _subscriber(pages).preferences.leave_out == ("robots OR video",)
    saved["leave_out"] += "\nrobot*"
    assert "has an operator" in pages.client.post(pages.link("preferences", row), data=saved).text


def test_all_wrong_entries_and_fields_are_named_at_once(pages: Pages) -> None:
    row = pages.subscriber(_EMAIL)
    wrong = {
        "leave_out": "category: cs.XX\nfoo: bar\nsurvey",
        "follows": "category: cs.CR",
        "at": "25:00",
        "monthday": "40",
    }
    page = pages.client.post(pages.link("preferences", row), data={**FORM, **wrong, "do": "save"}).text
    said = re.sub("<[^>]+>", "", html.unescape(page))
    for part in (
        "has no category 'cs.XX'",
        "'foo:' is not known",
        "can be left out, not followed",
        "'25:00'",
        "'40'",
    ):
        assert part in said, part


def test_somebody_who_forgot_a_colon_in_what_they_leave_out_is_asked(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    _paper(pages, 20, "On storks", "Wei Zhang", "Li Na")
    page = pages.link("preferences", _subscriber(pages).row)
    typed = "author Yann LeCun\nauthor wei zhang\nauthor identification\ncategory cs.CR\nsurvey"
    saved = html.unescape(pages.client.post_and_follow(page, data={"topic": "robots", "leave_out": typed}).text)
    assert "Saved." in saved
    told = re.findall("Papers with the words “(.*?)” are left out. Did you mean “(.*?)”\\?", saved)
    assert told == [
        ("author Yann LeCun", "author: Yann LeCun"),
        ("author wei zhang", "author: wei zhang"),
        ("category cs.CR", "category: cs.CR"),
    ]
    again = pages.client.post_and_follow(page, data={"topic": "robots", "leave_out": typed})
    assert "Did you mean" not in again.text


@pytest.mark.parametrize("entry", ["author ???", "author (", "author -", 'author "', 'author "li wei"', "author …"])
def test_an_exclusion_of_signs_or_in_quotation_marks_is_saved(pages: Pages, entry: str) -> None:
    pages.subscriber(_EMAIL)
    page = pages.link("preferences", _subscriber(pages).row)
    answer = pages.client.post_and_follow(page, data={"topic": "robots", "leave_out": entry})
    assert answer.status_code == 200
    assert len(_subscriber(pages).preferences.leave_out) == 1
    assert "“None”" not in pages.client.get(page, params={"unknown": entry}).text


def test_everybody_comes_first_with_the_papers_of_who_wrote_alone_and_includes_the_others(pages: Pages) -> None:
    pages.subscriber(_EMAIL)
    for number, (title, *others) in enumerate(
        [("On storks", "Iris Vogel"), ("On maize", ), ("On mice", ), ("On bees", "Lars Nowak")], 20
    ):  # fmt: skip
        _paper(pages, number, title, "Mei Lin", *others)
    browser = Browser(pages.web)
    browser.get(pages.link("preferences", _subscriber(pages).row))
    shown = browser.get("/follow", params={"author": "Mei Lin"}).text
    first, *others = shown.split("<li><p><strong>")[1:]
    assert "Everybody with this name" in first
    assert ("On maize" in first, "On mice" in first, "On storks" in first) == (True, True, False)
    assert [title for one in others for title in re.findall(r"On \w+", one)] == ["On bees", "On storks"]
    assert shown.count('value="follow"') == 3
    browser.post("/follow", data={"author": "Mei Lin", "entry": "author: Mei Lin"})
    shown = browser.get("/follow", params={"author": "Mei Lin"}).text
    assert shown.count('value="unfollow"') == 1
    assert 'value="follow"' not in shown
    assert shown.count("because you follow everybody with this name") == 2
