"""Personal links can be replaced, for one subscriber, by the operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.errors import UsageError
from paperround.domain.models import Letter
from paperround.rounds import pipeline
from paperround.subscribers import membership
from support.pages import Browser, Pages, links_in
from support.papers import listing

EMAIL, OTHER = "ada@example.org", "bob@example.org"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    made.site.topic("robots")
    for email in (EMAIL, OTHER):
        made.site.subscriber(email, "robots", first_now=True)
    yield made
    made.app.close()


def _round(pages: Pages, paper: int) -> dict[str, Letter]:
    pages.site.papers(listing(paper))
    pages.site.clock.now += timedelta(days=1, hours=2)
    pages.site.relay.letters.clear()
    pipeline.publish(pages.app)
    pipeline.deliver(pages.app)
    return {letter.recipient: letter for letter in pages.site.relay.letters}


def _links(letter: Letter) -> dict[str, str]:
    text = letter.message.replace(b"=\r\n", b"").decode("ascii", "replace")
    found = re.findall(r"https?://[^/\s\"<>]+(/([pifu])/[\w-]{28})", text)
    return {kind: path for path, kind in found}


def test_links_of_older_letters_end_and_unsubscribing_goes_on(pages: Pages) -> None:
    before = {email: _links(letter) for email, letter in _round(pages, 11).items()}
    stranger = Browser(pages.web)
    assert before[EMAIL].keys() == {"p", "i", "f", "u"}
    assert all(stranger.get(path).status_code == 200 for kind, path in before[EMAIL].items() if kind != "f")
    assert membership.renew_links(pages.app, membership.subscriber(pages.app, EMAIL))
    for path in (before[EMAIL]["p"], before[EMAIL]["p"] + "/data.json", before[EMAIL]["i"], before[EMAIL]["f"]):
        assert stranger.get(path).status_code == 404, path
    assert stranger.post(before[EMAIL]["p"] + "/erase", data={"sure": "yes"}).status_code == 404
    assert stranger.get(before[EMAIL]["u"]).status_code == 200
    assert stranger.get(before[OTHER]["p"]).status_code == 200, "nobody else's"


def test_the_new_links_are_in_the_email_about_them_and_in_later_letters(pages: Pages) -> None:
    old = _links(_round(pages, 11)[EMAIL])
    membership.renew_links(pages.app, membership.subscriber(pages.app, EMAIL))
    pages.site.relay.letters.clear()
    pipeline.deliver(pages.app)
    (told,) = pages.site.relay.letters
    new = _links(_round(pages, 12)[EMAIL])
    assert told.recipient == EMAIL
    assert _links(told)["p"] == new["p"]
    assert old["u"] == new["u"]
    assert {old[kind] for kind in "pif"}.isdisjoint(new.values())
    page = Browser(pages.web).get(new["p"])
    assert page.status_code == 200
    (earlier, *_) = re.findall(r"/i/[\w-]{28}", page.text)
    assert Browser(pages.web).get(earlier).status_code == 200, "earlier letters stay readable from there"


def test_a_browser_is_known_by_the_new_link_again_and_not_by_its_old_cookie(
    pages: Pages,
) -> None:
    browser = Browser(pages.web)
    browser.get(_links(_round(pages, 11)[EMAIL])["p"])
    followed = {"author": "Ada Author11"}
    assert browser.post("/follow", data=followed).status_code == 303
    membership.renew_links(pages.app, membership.subscriber(pages.app, EMAIL))
    assert browser.post("/follow", data={**followed, "do": "unfollow"}).status_code != 303
    browser.get(_links(_round(pages, 12)[EMAIL])["p"])
    assert browser.post("/follow", data={**followed, "do": "unfollow"}).status_code == 303


def test_links_are_renewed_255_times_at_most(pages: Pages) -> None:
    found = membership.subscriber(pages.app, EMAIL)
    for _ in range(255):
        assert pages.app.store.subscribers.renew_links(found.row, pages.site.clock())
    with pytest.raises(UsageError, match="were renewed 255 times"):
        membership.renew_links(pages.app, found)


def test_a_change_of_address_that_was_requested_with_an_older_link_cannot_be_confirmed(pages: Pages) -> None:
    leaked, stranger = _links(_round(pages, 11)[EMAIL])["p"], Browser(pages.web)
    asked = stranger.post(f"{leaked}/address", data={"email": "mallory@example.net"})
    assert asked.status_code == 200
    (asking,) = [letter for letter in pages.letters() if letter["To"] == "mallory@example.net"]
    (link,) = set(links_in(asking, "a"))
    stranger.post(f"{leaked}/address", data={"email": "mallory@example.org"})
    membership.renew_links(pages.app, membership.subscriber(pages.app, EMAIL))
    assert stranger.get(link).status_code == 410
    assert stranger.post(link).status_code == 410
    assert membership.subscriber(pages.app, EMAIL).email == EMAIL
    assert {letter["To"] for letter in pages.letters()} == {EMAIL}, "and the one that was not yet sent is withdrawn"
