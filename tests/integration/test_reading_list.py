"""Save a paper from a letter, find it on the reading list, take it into a reference manager, and remove it."""

from __future__ import annotations

import re

from paperround.domain import tokens
from paperround.rounds import pipeline
from paperround.subscribers import membership
from support.pages import Pages
from support.papers import listing

_EMAIL = "ada@lovelace.example"


def _letter(pages: Pages) -> str:
    """The text of a letter; its first paper is the one with the special characters."""
    pages.subscriber(_EMAIL, first_now=True)
    pages.site.papers(listing(77, title="Robots {and} people: 50 % & more", abstract="robots", upvotes=900))
    pipeline.publish(pages.app)
    body = pages.letters()[-1].get_body(("plain",))
    return str(body.get_content())


def _path(text: str, pattern: str) -> str:
    found = re.search(rf"https://papers\.example\.org({pattern})", text)
    assert found, pattern
    return found[1]


def test_a_paper_is_saved_by_a_button_listed_exported_and_removed(pages: Pages) -> None:
    text = _letter(pages)
    browser, save = pages.client, _path(text, r"/f/\S+\?save=\d+")
    ada = membership.subscriber(pages.app, _EMAIL)
    here = f"/p/{tokens.mint(pages.app.link_keys, tokens.PREFERENCES, ada.row)}/saved"
    assert "Save for the weekend?" in browser.get(save).text
    assert not pages.app.store.reading_lists.papers(ada.row), "a link that scanners follow saves nothing"
    assert "Saved for the weekend" in browser.post(save, data={}).text
    assert 'name="save"' not in browser.get(save).text, "it is saved already"
    assert "On your reading list" in browser.get(save).text
    browser.post(save, data={})
    assert browser.get(here).text.count("<li>") >= 1
    assert len(pages.app.store.reading_lists.papers(ada.row)) == 1
    row = save.rpartition("=")[2]
    exported = browser.get(f"{here}.bib")
    assert exported.headers["content-type"].startswith("application/x-bibtex")
    assert r"50 \% \& more" in exported.text
    assert "TI  - Robots" in browser.get(f"{here}.ris").text
    assert browser.get(f"{here}.doc").status_code == 404
    assert "Removed from your reading list" in browser.post(save.partition("?")[0], data={"remove": row}).text
    assert not pages.app.store.reading_lists.papers(ada.row)
    browser.post(save, data={})
    browser.post(here, data={"remove": row})
    assert not pages.app.store.reading_lists.papers(ada.row)
    assert "not saved any papers" in browser.get(here).text


def test_a_paper_and_an_issue_can_be_cited(pages: Pages) -> None:
    online = _path(_letter(pages), r"/i/[\w-]+")
    browser = pages.client
    paper = pages.app.store.papers.by_id("2611.00077")
    assert paper
    assert browser.get(f"/cite/bib/{paper.id}").text.startswith("@misc{")
    assert browser.get("/cite/bib/nothing").status_code == 404
    assert f"{online}/cite.bib" in browser.get(online).text
    assert browser.get(f"{online}/cite.bib").text.count("@misc{") >= 1
    assert browser.get(f"{online}/cite.ris").text.endswith("ER  - \r\n")
