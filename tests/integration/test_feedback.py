"""More like this, less like this: from the link in a letter to the order of the next one."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from paperround.domain import tokens
from paperround.domain.models import Digest
from paperround.operator import preview
from paperround.operator.considered import Placement, considered_papers
from paperround.operator.preview import PreviewRequest
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder, as_preview
from paperround.subscribers import membership
from support.pages import Browser, Pages
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"
_WORDS = {"robots": "robots grasp unseen cups with grippers", "agents": "agents browse shops and fill carts"}


@pytest.fixture(autouse=True)
def _no_near_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The papers of this file say much the same on purpose."""
    monkeypatch.setattr("paperround.matching.near_copies._ALIKE_IN_WORDS", 2.0)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("studies", "study")
    return site


def _study(number: int, kind: str, **facts: Any) -> Any:
    said = _WORDS[kind]
    return listing(number, title=f"A study: {said}, {number}", abstract=said, authors=[f"Author {number}"], **facts)


def _day(site: Site, first: int) -> None:
    """Six papers, the robots' less popular than the agents', and the next morning."""
    site.papers(
        *(_study(first + at, "robots", upvotes=1) for at in range(3)),
        *(_study(first + 3 + at, "agents", upvotes=50) for at in range(3)),
    )
    site.clock.now += timedelta(days=1)


def _subscriber(site: Site) -> Any:
    return membership.subscriber(site.app, _EMAIL)


def _latest(site: Site) -> Digest:
    return site.app.store.issues.digests_of(_subscriber(site).row)[0]


def _kinds(site: Site, digest: Digest) -> list[str]:
    rows = [*digest.papers, *digest.more]
    known = site.app.store.papers.by_rows(rows)
    return ["robots" if "robots" in known[row].title else "agents" for row in rows]


def _first_letter(site: Site) -> Digest:
    site.subscriber(_EMAIL, "studies")
    _day(site, 1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)  # a letter that is never sent gives its papers back
    return _latest(site)


def _row(site: Site, number: int) -> int:
    found = site.app.store.papers.by_id(f"2611.{number:05d}")
    assert found
    return found.row


def test_the_next_digest_follows_what_was_said_and_tells_it(site: Site) -> None:
    digest = _first_letter(site)
    assert _kinds(site, digest) == ["agents"] * 3 + ["robots"] * 3
    for number in (1, 2, 3):
        assert membership.rate_paper(site.app, _subscriber(site), _row(site, number), 1)
    _day(site, 11)
    shown = preview.build(site.app, PreviewRequest(_EMAIL))
    assert shown
    assert shown.digest
    pipeline.publish(site.app)
    after = _latest(site)
    assert after.sections == shown.digest.sections
    assert _kinds(site, after) == ["robots"] * 3 + ["agents"] * 3
    assert any(why.startswith("like: A study: robots") for why in after.sections[0].picks[0].why)
    pipeline.deliver(site.app)
    text = (
        message_from_bytes(site.relay.accepted[-1].message, policy=policy.default).get_body(("plain",)).get_content()
    )  # type: ignore[union-attr]
    assert "which you wanted more of" in " ".join(text.split())


def test_less_lowers_and_is_counted_where_there_is_no_room(site: Site) -> None:
    digest = _first_letter(site)
    for row in (_row(site, 4), _row(site, 5)):
        membership.rate_paper(site.app, _subscriber(site), row, -1)
    membership.change(site.app, _subscriber(site), {"topics": ("studies",), "max_papers": 3})
    _day(site, 11)
    pipeline.publish(site.app)
    after = _latest(site)
    assert _kinds(site, after) == ["robots"] * 3 + ["agents"] * 3
    assert len(after.more) == 3
    assert not {*digest.papers, *digest.more} & {*after.papers, *after.more}


def test_who_has_said_nothing_gets_what_everybody_gets(site: Site) -> None:
    site.subscriber("ben@bookman.example", "studies")
    digest = _first_letter(site)
    membership.rate_paper(site.app, _subscriber(site), digest.papers[-1], 1)
    membership.rate_paper(site.app, _subscriber(site), digest.papers[-1], -1)
    membership.remove_rating(site.app, _subscriber(site), digest.papers[-1])
    _day(site, 11)
    pipeline.publish(site.app)
    ben = site.app.store.issues.digests_of(membership.subscriber(site.app, "ben@bookman.example").row)[0]
    assert _latest(site).sections == ben.sections


def test_the_preview_shows_the_taste(site: Site) -> None:
    _first_letter(site)
    for number in (1, 2, 3):
        membership.rate_paper(site.app, _subscriber(site), _row(site, number), 1)
    _day(site, 11)
    wanted = [PreviewRequest(_EMAIL)]
    for _ in range(2):
        shown = preview.build(site.app, wanted[-1])
        assert shown
        told = [one for one in considered_papers(site.app, shown) if one.placement is Placement.PRINTED]
        liked = ["robots" in one.paper.title for one in told if one.score.taste > 0.1]
        assert liked == [True] * 3
        assert [one.rank for one in told] == sorted((one.rank for one in told), reverse=True)
        pipeline.publish(site.app)
        wanted.append(PreviewRequest(_EMAIL, day=_latest(site).day))


def test_the_preview_of_a_stored_letter_says_nothing_of_later_answers(site: Site) -> None:
    digest = _first_letter(site)
    before = preview.build(site.app, PreviewRequest(_EMAIL, day=digest.day))
    assert before
    stored = considered_papers(site.app, before)
    for number in (1, 2, 3):
        membership.rate_paper(site.app, _subscriber(site), _row(site, number), -1)
    after = preview.build(site.app, PreviewRequest(_EMAIL, day=digest.day))
    assert after
    assert considered_papers(site.app, after) == stored
    assert {(one.placement, one.score.taste, one.unlike) for one in stored} == {(Placement.PRINTED, 0.0, "")}


def test_the_preview_names_the_disliked_paper_that_lowers_another(site: Site) -> None:
    _first_letter(site)
    for number in (1, 2, 3):
        membership.rate_paper(site.app, _subscriber(site), _row(site, number), -1)
    _day(site, 11)
    shown = preview.build(site.app, PreviewRequest(_EMAIL))
    assert shown
    lowered = [one for one in considered_papers(site.app, shown) if one.unlike]
    assert lowered
    assert all(one.score.taste < 0 and "robots" in one.paper.title for one in lowered)


@pytest.mark.parametrize("first", ["the one that stays", "the one that goes"])
def test_the_latest_word_counts_when_two_papers_become_one(site: Site, first: str) -> None:
    facts = {"source": "blog", "arxiv_id": None, "doi": "10.5555/one", "url": "https://b.example/1"}
    blog = listing(0, title="A study: one", authors=["Author 2"], **facts)
    site.papers(blog, _study(2, "robots"), _study(3, "agents"))
    site.subscriber(_EMAIL, "studies")
    subscriber = _subscriber(site)
    old = site.app.store.papers.by_id("10.5555/one")
    assert old
    words = [(_row(site, 2), 1), (old.row, -1)]
    for row, verdict in words if first == "the one that stays" else reversed(words):
        assert membership.rate_paper(site.app, subscriber, row, verdict)
        site.clock.now += timedelta(minutes=1)
    site.papers(_study(2, "robots", doi="10.5555/one"))
    assert old.row not in site.app.store.papers.by_rows([old.row])
    said = site.app.store.feedback.latest(subscriber.row, 10)
    latest = -1 if first == "the one that stays" else 1
    assert [(one.paper, one.verdict) for one in said] == [(_row(site, 2), latest)]
    # Its old number goes on naming it.
    assert membership.rate_paper(site.app, subscriber, old.row, 1)
    assert site.app.store.feedback.verdicts(subscriber.row) == {_row(site, 2): 1}
    membership.remove_rating(site.app, subscriber, old.row)
    assert site.app.store.feedback.latest(subscriber.row, 10) == []


def test_a_word_on_nothing_or_of_nobody_is_not_kept(site: Site) -> None:
    digest = _first_letter(site)
    subscriber = _subscriber(site)
    assert not membership.rate_paper(site.app, subscriber, 999_999, 1)
    membership.rate_paper(site.app, subscriber, digest.papers[0], 1)
    membership.erase(site.app, subscriber)
    assert not membership.rate_paper(site.app, subscriber, digest.papers[1], 1)
    assert site.app.store.feedback.ratings(subscriber.row) == ()


def test_a_taste_is_made_of_the_latest_hundred_words(site: Site) -> None:
    site.papers(*(_study(number, "robots") for number in range(1, 104)))
    site.subscriber(_EMAIL, "studies")
    subscriber = _subscriber(site)
    for number in range(1, 104):
        site.clock.now += timedelta(seconds=1)
        assert membership.rate_paper(site.app, subscriber, _row(site, number), 1)
    heard = site.app.store.feedback.ratings(subscriber.row)
    assert [one.paper for one in heard] == [_row(site, number) for number in range(103, 3, -1)]


# --- the pages --------------------------------------------------------------------------------------------------


def _letter(pages: Pages) -> tuple[Digest, str]:
    """A digest that was sent, and the path of its page."""
    row = pages.subscriber(at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pipeline.publish(pages.app)
    (digest,) = pages.app.store.issues.digests_of(row)
    return digest, pages.link("feedback", digest.row)


def _verdicts(pages: Pages) -> dict[int, int]:
    return pages.app.store.feedback.verdicts(membership.subscriber(pages.app, _EMAIL).row)


def test_who_has_left_is_promised_no_next_email(pages: Pages) -> None:
    digest, link = _letter(pages)
    paper = digest.papers[0]
    assert "Your next email takes it into account." in pages.client.post(link, data={"more": paper}).text
    assert (
        pages.client.post(pages.link("unsubscribe", membership.subscriber(pages.app, _EMAIL).row)).status_code == 200
    )
    said = pages.client.post(link, data={"less": paper}).text
    assert ">Saved.<" in said
    assert "next email" not in said
    for page in (said, pages.client.get(link).text, pages.client.get(f"{link}?save={paper}").text):
        assert "You are unsubscribed and will not receive any emails." in page
        assert 'href="/subscribe"' in page
        assert "The last email of the week" not in page


def test_the_links_in_a_letter_lead_to_a_button_and_the_button_records(pages: Pages) -> None:
    digest, path = _letter(pages)
    (message,) = pages.letters()
    for part in ("plain", "html"):
        body = message.get_body((part,)).get_content()
        links = re.findall(r"https://papers\.example\.org(/f/[\w-]+\?(?:more|less)=\d+)", body)
        others = ("more", "less") if part == "html" else ("more",)  # its page has both buttons
        kinds = dict.fromkeys(digest.papers, others) | {digest.papers[0]: ("more", "less")}
        assert links == [f"{path}?{what}={row}" for row in digest.papers for what in kinds[row]]
    before = pages.dump()
    for link in links:
        page = pages.client.get(link)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in page.text
        assert "/p/" not in page.text
        what, row = urlsplit(link).query.split("=")
        buttons = re.findall(r'<button[^>]* name="(\w+)" value="(\d+)"', page.text)
        assert buttons == [(what, row), ("less" if what == "more" else "more", row), ("save", row)]
    assert pages.dump() == before
    for _ in range(2):
        said = pages.client.post(path, data={what: row})
        assert said.status_code == 200
        assert "You will see less like this" in said.text
        assert 'name="forget"' in said.text
        assert _verdicts(pages) == {int(row): -1}
    other = pages.client.get(f"{path}?more={row}").text
    assert re.findall(rf'<button name="(\w+)" value="{row}"', other) == [
        "more"
    ]  # the other answer is the main button
    assert "You will see more like this" in pages.client.post(f"{path}?more={row}").text
    assert _verdicts(pages) == {int(row): 1}
    assert "You asked for more like this" in pages.client.get(path).text
    assert "no longer counts" in pages.client.post(path, data={"forget": row}).text
    assert _verdicts(pages) == {}


def test_the_page_without_a_paper_has_all_of_the_letter(pages: Pages) -> None:
    digest, path = _letter(pages)
    text = pages.client.get(path).text
    for row in (*digest.papers, *digest.more):
        assert f'name="more" value="{row}"' in text
        assert f'name="less" value="{row}"' in text


@pytest.mark.parametrize("number", ["6", "0", "-1", "x", "", "9" * 4_000, "1%00", "%D9%A3"])
def test_papers_of_no_concern_are_refused_kindly(pages: Pages, number: str) -> None:
    _digest, path = _letter(pages)
    before = pages.dump()
    for response in (
        pages.client.get(f"{path}?more={number}"),
        pages.client.post(f"{path}?less={number}"),
        pages.client.post(path),
    ):
        assert response.status_code == 404
        assert "Paper not found" in response.text
    assert pages.dump() == before


def test_a_token_that_is_not_ours_or_for_something_else_opens_nothing(pages: Pages) -> None:
    digest, path = _letter(pages)
    wrong = [path[:-1] + ("A" if path[-1] != "A" else "B"), f"/f/{'A' * 28}", "/f/x"]
    wrong.append(pages.link("digest", digest.row).replace("/i/", "/f/"))
    wrong.append(pages.link("feedback", 0))
    for bad in wrong:
        for method in ("GET", "POST"):
            assert pages.client.request(method, f"{bad}?more={digest.papers[0]}").status_code == 404, bad
    assert _verdicts(pages) == {}


def test_the_link_of_an_erased_subscriber_leads_nowhere(pages: Pages) -> None:
    digest, path = _letter(pages)
    membership.erase(pages.app, membership.subscriber(pages.app, _EMAIL))
    for method in ("GET", "POST"):
        assert pages.client.request(method, f"{path}?more={digest.papers[0]}").status_code == 404


def test_a_test_letter_lets_nobody_speak_for_the_subscriber(pages: Pages) -> None:
    digest, path = _letter(pages)
    shown = preview.build(pages.app, PreviewRequest(_EMAIL))
    assert shown
    assert f"{path}?more=" in shown.finished.rendered.html
    preview.send_test(pages.app, shown, "someone@else.example")
    sent = message_from_bytes(pages.site.relay.letters[-1].message, policy=policy.default)
    body = sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (token,) = set(re.findall(r"/f/([\w-]+)\?", body))
    assert tokens.read(pages.app.link_keys, tokens.FEEDBACK, token) == 0
    assert pages.client.post(f"/f/{token}?more={digest.papers[0]}").status_code == 404


def test_preferences_and_the_export_hold_what_was_said(pages: Pages) -> None:
    digest, path = _letter(pages)
    first, second = digest.papers[:2]
    pages.client.post(path, data={"more": str(first)})
    pages.client.post(path, data={"less": str(second)})
    own = pages.link("preferences", membership.subscriber(pages.app, _EMAIL).row)
    page = pages.client.get(own).text
    assert page.count('value="forget"') == 2
    held = json.loads(pages.client.get(f"{own}/data.json").text)["feedback"]
    assert sorted(one["verdict"] for one in held) == [-1, 1]
    assert {"id", "title", "verdict", "at", "owned"} == held[0].keys()
    said = pages.client.post_and_follow(own, data={"do": "forget", "paper": str(first)})
    assert "Feedback removed." in said.text
    assert _verdicts(pages) == {second: -1}
    assert pages.client.post(own, data={"do": "forget", "paper": "no number"}).status_code == 303
    membership.erase(pages.app, membership.subscriber(pages.app, _EMAIL))
    assert pages.dump()["feedback"] == []


def test_a_paper_that_became_another_goes_by_its_number_in_the_letter(pages: Pages) -> None:
    pages.site.papers(
        listing(0, source="blog", arxiv_id=None, doi="10.5555/two", title="Robots, a blog", url="https://b.example/2")
    )
    digest, path = _letter(pages)
    old = pages.app.store.papers.by_id("10.5555/two")
    assert old
    assert old.row in (*digest.papers, *digest.more)
    pages.site.papers(listing(1, "robots", doi="10.5555/two", day=date(2026, 11, 20)))
    kept = pages.app.store.papers.by_id("2611.00001")
    assert kept
    assert kept.row != old.row
    assert pages.client.get(f"{path}?more={old.row}").status_code == 200
    assert pages.client.post(f"{path}?more={old.row}").status_code == 200
    assert _verdicts(pages) == {kept.row: 1}
    assert pages.client.get(path).text.count('class="actions"') == len({*digest.papers, *digest.more}) - 1


def test_a_site_can_do_without(tmp_path: Path) -> None:
    made = Pages(
        tmp_path,
        site={"base_url": "https://papers.example.org", "sender": "papers@example.org", "feedback": False},
    )
    digest, path = _letter(made)
    (message,) = made.letters()
    assert "/f/" not in message.as_string()
    assert "like this" not in message.get_body(("plain",)).get_content()
    subscriber = membership.subscriber(made.app, _EMAIL)
    delivery = as_preview(made.app, digest, subscriber)
    assert (
        b"like this"
        not in made.app.shared(LetterBuilder)
        .digest_letter(delivery, digest, subscriber, made.site.clock())
        .letter.message
    )
    assert Browser(made.web).get(path).status_code == 200, "older letters have the links"
    made.app.close()
