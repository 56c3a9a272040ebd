"""The preview's pages: who may see them, what they show, and that looking at a letter changes nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from paperround.process.resources import folder
from paperround.rounds import pipeline, topic_matching
from paperround.rounds.letters import LetterBuilder
from paperround.web.operator import preview
from support.pages import Browser, Pages
from support.service import running

TOKEN = "let me in, please"
LOCAL = {"base_url": "http://localhost:8000", "sender": "papers@example.org", "postal_address": "1 Mill Lane, Ely"}


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    monkeypatch.chdir(tmp_path)
    made = Pages(tmp_path, site=LOCAL)
    made.app.shared(LetterBuilder).templates.check_seconds = 0.0
    yield made
    made.app.close()


@pytest.fixture
def local(pages: Pages) -> Browser:
    return pages.enter()


def _page(browser: Browser, **fields: Any) -> str:
    response = browser.get(f"/preview?{urlencode(fields, doseq=True)}")
    assert response.status_code == 200
    return response.text


def _own_theme(source: str, name: str = "paper") -> Path:
    own = Path("templates/email/themes") / f"{name}.html.j2"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(source)
    return own


def _shipped(name: str = "paper") -> str:
    return (folder("templates") / "email" / "themes" / f"{name}.html.j2").read_text()


@pytest.mark.parametrize("cadence", ["weekly", "monthly"])
def test_the_made_up_issue_is_seen_as_a_weekly_one_with_its_chart(local: Browser, cadence: str) -> None:
    assert f"{cadence} 2026-11-23" in _page(local, whose="sample", cadence=cadence)
    framed = local.get(f"/preview/frame?whose=sample&cadence={cadence}").text
    (chart,) = re.findall(r"http://localhost:8000(/charts/[^\"]+)", framed)
    picture = local.get(chart)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert "/charts/" not in local.get("/preview/frame?whose=sample").text


def test_an_unknown_cadence_falls_back_to_the_subscribers(local: Browser) -> None:
    for odd in ("hourly", "off", "weekly'", ""):
        assert "daily 2026-11-23" in _page(local, whose="sample", cadence=odd)


@pytest.mark.parametrize("cadence", ["", "daily", "weekly", "monthly"])
def test_a_day_before_all_letters_is_refused_in_words(local: Browser, cadence: str) -> None:
    topics, sample = {"whose": "topics", "topic": "robots"}, {"whose": "sample"}
    for day in ("0001-01-01", "0001-01-15", "1899-12-31"):
        for whose in (topics, sample, {**sample, "notice": "confirm"}):
            assert f"no emails of {day}" in _page(local, cadence=cadence, day=day, **whose)
    assert "no emails of 0001-01-01" in _page(local, **sample, cadence=cadence, with_day="0001-01-01")


PATHS = ["/preview", "/preview/frame", "/preview/letter.eml", "/preview/changes", "/preview/send"]


@pytest.mark.parametrize("path", PATHS)
def test_no_network_address_opens_it(pages: Pages, path: str) -> None:
    # As a proxy that adds no field of its own makes every visitor look.
    local = Browser(pages.web, "127.0.0.1", "http://localhost:8000")
    assert local.get(path).status_code == 403
    assert local.get(path, params={"token": "guessed"}).status_code == 403
    assert local.post("/preview/send").status_code == 403


def test_an_operator_sees_it_from_anywhere(tmp_path: Path) -> None:
    site = {**LOCAL, "base_url": "https://papers.example.org", "admin_token": TOKEN}
    pages = Pages(tmp_path, site=site)
    browser = Browser(pages.web)
    assert browser.get("/preview").status_code == 401
    assert "/preview" not in browser.get("/").text
    browser.post("/admin/login", data={"token": TOKEN})
    assert browser.get("/preview").status_code == 200
    assert 'href="/preview"' in browser.get("/").text
    pages.app.close()


def test_it_begins_with_the_first_subscribers_letter(pages: Pages, local: Browser) -> None:
    assert "Sample data" in _page(local)
    pages.subscriber("ada@lovelace.example")
    page = _page(local)
    assert 'value="ada@lovelace.example"' in page
    assert "The next round would compose" in page
    assert 'id="frame-phone"' in page
    assert 'id="frame-desktop"' in page


def test_what_was_sent_can_be_looked_at_on_its_day(pages: Pages, local: Browser) -> None:
    pages.subscriber("ada@lovelace.example", at="06:00")
    pages.site.clock.now = pages.site.clock.now.replace(day=24)
    pages.enter(local)
    pipeline.publish(pages.app)
    assert "This digest is stored" in _page(local, subscriber="ada@lovelace.example", day="2026-11-24")
    later = _page(local, subscriber="ada@lovelace.example", day="2026-12-24")
    assert "No papers match" in later
    assert ">2026-11-24</a>" in later


@pytest.mark.parametrize(
    ("show", "part"),
    [
        ("text", "A careful study of robots"),
        ("source", '<li id="L1"><code>&lt;!DOCTYPE html&gt;</code></li>'),
        ("headers", '<th scope="row">List-Unsubscribe-Post</th>'),
        ("raw", "Content-Transfer-Encoding: quoted-printable"),
        ("papers", '<span class="badge is-fine">printed</span>'),
        ("size", "Masthead, index, titles and footer"),
        ("findings", "set site.base_url"),
        ("nonsense", 'id="frame-phone"'),
    ],
)
def test_every_part_of_the_letter_has_its_tab(pages: Pages, local: Browser, show: str, part: str) -> None:
    pages.subscriber("ada@lovelace.example")
    assert part in _page(local, show=show)


def test_the_papers_say_why_they_are_in_the_letter_or_not(pages: Pages, local: Browser) -> None:
    pages.subscriber("ada@lovelace.example", "robots", "agents", max_papers=2)
    page = _page(local, show="papers")
    assert page.count(">printed</span>") == 2
    assert page.count(">counted</span>") == 4
    assert "reason shown" not in page, "a paper on one topic has that topic's reasons"
    assert "reason shown: title: Attention" in _page(local, show="papers", whose="sample")
    assert re.search(r"<bdi>Robots</bdi> 0\.\d\d", page)
    assert "A notice contains no papers." in _page(local, show="papers", notice="welcome")


def test_the_papers_name_an_interest_by_its_words(pages: Pages, local: Browser) -> None:
    words = "title:robots OR title:agents"
    pages.subscriber("ada@lovelace.example", queries=(words,))
    topic_matching.match_papers(pages.app)
    page = _page(local, show="papers")
    assert f"<bdi>{words}</bdi> 0." in page
    assert "own-" not in page


def test_theme_language_topics_and_notice_can_be_chosen(pages: Pages, local: Browser) -> None:
    frame = local.get("/preview/frame?whose=topics&topic=robots&topic=agents&theme=plain&language=de").text
    assert '<html lang="de"' in frame
    assert "Robots" in frame
    assert "Agents" in frame
    assert "Welcome to" in local.get("/preview/frame?notice=welcome").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subscriber": "nobody@example.net"}, "no subscriber has this address"),
        ({"whose": "subscriber"}, "Enter the address of a subscriber"),
        ({"whose": "topics"}, "Choose one or more topics"),
        ({"topic": "no-such-topic"}, "there is no topic"),
        ({"theme": "no-such-theme"}, "no theme"),
        ({"language": "xx"}, "no language"),
        ({"notice": "no-such-notice"}, "there is no notice"),
        ({"day": "yesterday"}, "is not a date"),
        ({"topic": "robots", "day": "1999-01-01"}, "No papers match"),
        ({"subscriber": "<script>alert(1)</script>"}, "no subscriber has"),
    ],
)
def test_an_unknown_name_is_reported_on_the_page(local: Browser, fields: dict[str, str], said: str) -> None:
    page = _page(local, **fields)
    assert said in page
    assert "<script>alert" not in page
    assert local.get(f"/preview/frame?{urlencode(fields)}").status_code == 200
    assert local.get(f"/preview/letter.eml?{urlencode(fields)}").status_code == 404
    token = re.findall(r'name="csrf" value="([^"]+)"', _page(local))[0]
    answer = local.post(f"/preview/send?{urlencode(fields)}", data={"csrf": token, "email": "op@example.net"})
    assert "There is no email to send." in answer.text


def test_two_themes_stand_side_by_side(local: Browser) -> None:
    page = _page(local, whose="sample", with_theme="cards", width="desktop")
    assert page.count("<iframe") == 2
    assert "paper · daily 2026-11-23" in page
    assert "cards · daily 2026-11-23" in page
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"', page)
    first, second = (local.get(address.replace("&amp;", "&")).text for address in frames)
    assert "#8c2f1f" in first
    assert "#8c2f1f" not in second
    assert "no theme" in _page(local, with_theme="no-such-theme")


def test_two_days_stand_side_by_side(local: Browser) -> None:
    page = _page(local, topic="robots", day="2026-11-20", with_day="2026-11-21")
    assert "daily 2026-11-20" in page
    assert "No papers match" in page


def test_a_frame_is_loaded_again_when_its_letter_changes_and_only_then(local: Browser) -> None:
    def frames(**fields: str) -> list[str]:
        return re.findall(r"[?;]v=(\w+)", _page(local, **fields))

    assert frames() == frames()
    assert frames() != frames(theme="cards")


def test_the_letter_comes_as_files(pages: Pages, local: Browser) -> None:
    eml = local.get("/preview/letter.eml?topic=robots")
    assert eml.headers["content-disposition"] == 'attachment; filename="letter.eml"'
    assert eml.content.startswith(b"From: ")
    html, text = (
        local.get("/preview/letter.html?topic=robots").text,
        local.get("/preview/letter.txt?topic=robots").text,
    )
    assert html.startswith("<!DOCTYPE html>")
    assert "A careful study of robots, part 5" in text
    assert local.get("/preview/letter.exe?topic=robots").status_code == 404


def _send(pages: Pages, local: Browser, **form: str) -> httpx.Response:
    token = re.findall(r'name="csrf" value="([^"]+)"', _page(local, topic="robots"))[0]
    return local.post("/preview/send?topic=robots", data={"csrf": token, **form})


def test_a_test_letter_goes_through_the_relay_and_is_not_kept(pages: Pages, local: Browser) -> None:
    before = pages.dump()
    answer = _send(pages, local, email="op@example.net")
    assert "Test email sent to op@example.net by memory: 250 2.0.0 ok" in answer.text
    (letter,) = pages.site.relay.accepted
    assert letter.recipient == "op@example.net"
    assert message_from_bytes(letter.message, policy=default)["Subject"].startswith("[test] ")
    assert pages.dump() == before
    back = local.get("/preview/send?topic=robots")
    assert (back.status_code, back.headers["location"]) == (303, "/preview?whose=topics&topic=robots")


def test_a_test_letter_that_does_not_go_is_told(pages: Pages, local: Browser) -> None:
    from paperround.domain.models import Stage

    assert "not an email address" in _send(pages, local, email="nobody").text
    pages.site.relay.replies = [(Stage.RCPT, 550, "5.1.1 no such mailbox")]
    assert (
        "was not accepted by memory (rcpt): 550 5.1.1 no such mailbox"
        in _send(pages, local, email="a@b.example").text
    )


def test_another_site_cannot_send_test_letters(pages: Pages, local: Browser) -> None:
    for data in ({"email": "op@example.net"}, {"email": "op@example.net", "csrf": "guess"}):
        assert local.post("/preview/send?topic=robots", data=data).status_code == 403
    assert pages.site.relay.letters == []


def test_looking_changes_nothing(pages: Pages, local: Browser) -> None:
    pages.subscriber("ada@lovelace.example")
    before = pages.dump()
    for show in preview.TABS:
        _page(local, show=show, with_theme="cards")
    for path in ("frame", "letter.eml", "letter.html", "letter.txt"):
        assert local.get(f"/preview/{path}").status_code == 200
    assert pages.dump() == before


def test_without_javascript_the_frames_can_reload_themselves(local: Browser) -> None:
    assert "Reload the frames every two seconds" in _page(local)
    assert "refresh" not in local.get("/preview/frame").headers
    assert local.get("/preview/frame?watch=1").headers["refresh"] == "2"


def test_a_changed_template_is_in_the_next_frame(local: Browser) -> None:
    assert "#006400" not in local.get("/preview/frame").text
    own = _own_theme(_shipped().replace("#8c2f1f", "#006400"))
    assert "#006400" in local.get("/preview/frame").text
    own.unlink()
    assert "#8c2f1f" in local.get("/preview/frame").text


_TITLE = "{{ parts.card(card, pictured=true) }}"


@pytest.mark.parametrize(
    ("old", "new", "what", "line", "meant"),
    [
        (
            "{{ parts.card(card, pictured=true) }}",
            "{{ card.titel }}",
            "Card has no attribute",
            "{{ card.titel }}",
            "card.title",
        ),
        (
            "{{ parts.card(card, pictured=true) }}",
            "{{ parts.crad(card) }}",
            "has no attribute",
            "parts.crad",
            "parts.card",
        ),
        (_TITLE, "{{ crad.title }}", "is undefined", "crad.title", "card"),
        (_TITLE, "{{ 1 / 0 }}", "division by zero", "{{ 1 / 0 }}", ""),
        ("{% block card %}", "{% blok card %}", "unknown tag", "{% blok card %}", ""),
        ("email/digest.html.j2", "email/no-such.html.j2", "there is no template", "no-such.html.j2", ""),
        (".link {", ".link:first-child {", "depends on an element", ".link:first-child {", ""),
        ("{% block card %}", "{% block card %}{{ letter.subject | nope }}", "filter", "| nope", ""),
    ],
)
def test_a_mistake_in_a_template_is_shown_with_its_line_and_what_is_at_hand(
    local: Browser, old: str, new: str, what: str, line: str, meant: str
) -> None:
    own = _own_theme(_shipped("cards").replace(old, new), "cards")
    page = _page(local, theme="cards")
    assert "email/themes/cards.html.j2, line " in page
    assert what in page.replace("&#39;", "'")
    (number, text) = re.findall(r'<li value="(\d+)" class="hit"><code>(.*?)</code>', page)[0]
    assert line in text
    assert line in own.read_text().splitlines()[int(number) - 1]
    assert (f"Did you mean <code>{meant}</code>" in page) == bool(meant)
    assert str(own.resolve()) in page
    for variable in ("letter", "site"):
        assert f"<summary><code>{variable}</code>" in page
    assert "The template has an error" in local.get("/preview/frame?theme=cards").text
    _own_theme(_shipped("cards"), "cards")
    assert 'id="frame-phone"' in _page(local, theme="cards")


def test_the_values_at_hand_are_shown(local: Browser) -> None:
    _own_theme(_shipped("cards").replace(_TITLE, "{{ card.titel }}"), "cards")
    page = _page(local, theme="cards")
    card = page.partition("<details open><summary><code>card</code>")[2].partition("</details>")[0]
    assert "<dt><code>upvotes" not in card
    assert "<dt><code>title</code></dt><dd><code>&#39;" in card
    assert "<dt><code>byline</code></dt>" in card


def test_a_mistake_that_has_no_line_is_told_all_the_same(local: Browser) -> None:
    _own_theme(_shipped("cards").replace("{% block card %}", "{% block card %}{{ cut }}"), "cards")
    page = _page(local, theme="cards")
    assert "splits into" in page
    assert "<h2>email/themes/cards.html.j2</h2>" in page


def test_a_broken_translation_is_told(local: Browser) -> None:
    own = Path("templates/locale/de.po")
    own.parent.mkdir(parents=True)
    own.write_text("this is no catalogue\n")
    assert "is not a gettext catalogue" in _page(local, language="de")


class _Visitor:
    """As much of a request as the changes want to know."""

    def __init__(self, web: Any) -> None:
        self.app = web


def _events(pages: Pages, known: str, number: int) -> list[str]:
    async def listen() -> list[str]:
        found = []
        async for event in preview._changes(_Visitor(pages.web), pages.web.state.context, known):  # type: ignore[arg-type]
            found.append(event)
            if len(found) == number:
                break
        return found

    return asyncio.run(asyncio.wait_for(listen(), 10))


def test_a_change_is_told_to_whoever_listens(pages: Pages) -> None:
    version = pages.app.shared(LetterBuilder).templates.version()
    Thread(target=lambda: (time.sleep(0.3), _own_theme(_shipped()))).start()
    hello, event = _events(pages, version, 2)
    assert hello == "retry: 500\n\n"
    version = pages.app.shared(LetterBuilder).templates.version()
    assert event == f"id: {version}\ndata: {version}\n\n"


def test_a_change_that_was_missed_is_told_at_once(pages: Pages) -> None:
    assert "data: " in _events(pages, "an older version", 2)[1]


def test_a_quiet_connection_shows_signs_of_life(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "_ALIVE", 0.2)
    version = pages.app.shared(LetterBuilder).templates.version()
    assert _events(pages, version, 2)[1] == ": keep-alive\n\n"


def test_nobody_keeps_the_server_from_stopping(tmp_path: Path) -> None:
    """A page of the preview listens for as long as it is open; Ctrl+C has to end it all the same."""
    with running(tmp_path) as base:
        cookies = httpx.get(base.entry).cookies
        stream = httpx.stream("GET", f"{base}/preview/changes", timeout=20, cookies=cookies)
        response = stream.__enter__()
        lines = response.iter_lines()
        assert next(lines) == "retry: 500"
        began = time.monotonic()
        Thread(target=lambda: list(lines), daemon=True).start()
    assert time.monotonic() - began < 5
    stream.__exit__(None, None, None)


def test_what_is_wrong_with_an_address_is_shown_as_text(local: Browser) -> None:
    framed = local.get("/preview/frame", params={"whose": "topics", "topic": "<h1 id=pwned>x</h1>"}).text
    assert "&lt;h1 id=pwned&gt;" in framed
    assert "<h1 id=pwned>" not in framed


def test_a_theme_s_mistake_is_named_with_its_file_and_line_and_gone_once_mended(local: Browser) -> None:
    own = _own_theme(_shipped().replace(".lead {", ".nowhere { color: #111111; }\n.lead {", 1))
    line = own.read_text().splitlines().index(".nowhere { color: #111111; }") + 1
    page = _page(local, whose="sample", show="findings")
    assert f"<code>email/themes/paper.html.j2:{line}</code>" in page
    _own_theme(_shipped())
    assert "paper.html.j2:" not in _page(local, whose="sample", show="findings")


def test_the_size_stands_in_one_place(local: Browser) -> None:
    for fields, gauges in (({}, 1), ({"show": "size"}, 0), ({"with_theme": "plain"}, 2)):
        assert _page(local, whose="sample", **fields).count("<meter") == gauges
