"""Letters as Chromium shows them; the pictures lie in artefacts/letters/, for people to look at.

What is measured: nothing scrolls sideways, not even where a client drops the style sheet or leaves pictures out,
and dark mode is dark.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from paperround.domain.models import RenderedLetter
from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.chromium import picture
from support.letters import DAY, EXTREMES, LANGUAGES, THEMES, digest, renderer

_PICTURES = Path(__file__).parents[2] / "artefacts" / "letters"
_WIDTHS = (320, 640, 1280)
_SCHEMES = ("light", "dark")

Show = Callable[..., Page]


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[dict[tuple[int, str], Page]]:
    """One page for each width and scheme; nothing is fetched from anywhere but a picture made here."""
    made: dict[tuple[int, str], Page] = {}
    for width in _WIDTHS:
        for scheme in _SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
            page.route(re.compile("^https?://"), _answer)
            made[width, scheme] = page
    yield made
    for page in made.values():
        page.close()


@pytest.fixture
def show(pages: dict[tuple[int, str], Page]) -> Show:
    def shown(html: str, width: int, scheme: str = "light") -> Page:
        page = pages[width, scheme]
        page.set_content(html, wait_until="load")
        return page

    return shown


def _answer(route: Route) -> None:
    if route.request.url.endswith(".png"):
        route.fulfill(content_type="image/png", body=_picture(1200, 630))
    else:
        route.abort()


def _picture(width: int, height: int) -> bytes:
    """A PNG with broad stripes, larger than any column."""
    rows = (b"\0" + bytes((40 + 160 * (row // 90 % 2), 120, 200)) * width for row in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )


def _letter(theme: str, kind: str = "", code: str = "en") -> RenderedLetter:
    if kind:
        papers = EXTREMES[kind]
        known = {one.row: one for one in papers}
        return renderer(theme, code).letter(
            LetterFacts(digest(papers, more=2), known, sample.SUBSCRIBER, sample.LINKS, DAY)
        )
    return renderer(theme, code).letter(
        LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, DAY)
    )


def _notice(theme: str) -> RenderedLetter:
    return renderer(theme).notice(
        "welcome", sample.SUBSCRIBER, sample.LINKS, {"topics": ["Robots", "Graph learning"]}
    )


def _without_style(html: str) -> str:
    return re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)


def _scrolls_sideways(page: Page) -> bool:
    inner, outer = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    return bool(inner > outer)


def _brightness(page: Page, selector: str) -> float:
    color = page.eval_on_selector(selector, "element => getComputedStyle(element).backgroundColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", color)[:3])
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


_TARGETS = """selector => [...document.querySelectorAll(selector)].map(link => {
    const box = link.getBoundingClientRect()
    return [link.textContent, box.width, box.height]
})"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("density", ["full", "brief"])
def test_the_links_of_a_paper_are_large_enough_to_tap(show: Show, theme: str, code: str, density: str) -> None:
    subscriber = sample.SUBSCRIBER.with_preferences(density=density)
    facts = LetterFacts(sample.DIGEST, sample.PAPERS, subscriber, sample.LINKS, DAY)
    page = show(renderer(theme, code).letter(facts).html, 320)
    papers, lead = (page.evaluate(_TARGETS, selector) for selector in (".links a, .claim a", ".large a"))
    assert len(papers) > len(lead) > 3
    for links, least in ((papers, 24), (lead, 44)):  # WCAG 2.5.8 at level AA, and 2.5.5 in height
        assert [one for one in links if one[1] < 24 or one[2] < least] == []


def test_the_measure_notices_what_is_too_wide(show: Show) -> None:
    assert _scrolls_sideways(show('<p style="width: 400px">too wide</p>', 320))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("scheme", _SCHEMES)
def test_a_letter_fits_the_screen_and_follows_the_scheme(show: Show, theme: str, width: int, scheme: str) -> None:
    page = show(_letter(theme).html, width, scheme)
    _PICTURES.mkdir(parents=True, exist_ok=True)
    picture(page, _PICTURES / f"{theme}-{width}-{scheme}.png", full_page=True)
    assert not _scrolls_sideways(page)
    for selector in ("body", ".sheet"):
        assert _brightness(page, selector) < 0.15 if scheme == "dark" else _brightness(page, selector) > 0.9


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [320, 640])
def test_a_letter_fits_where_the_client_drops_the_style_sheet(show: Show, theme: str, width: int) -> None:
    page = show(_without_style(_letter(theme).html), width)
    picture(page, _PICTURES / f"{theme}-{width}-no-style.png", full_page=True)
    assert not _scrolls_sideways(page)
    assert _brightness(page, ".sheet") > 0.9


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [kind for kind in EXTREMES if kind != "sixty papers"])
def test_hard_papers_fit_a_phone(show: Show, theme: str, kind: str) -> None:
    rendered = _letter(theme, kind)
    for html in (rendered.html, _without_style(rendered.html)):
        page = show(html, 320)
        assert not _scrolls_sideways(page)
    picture(page, _PICTURES / f"{theme}-320-{kind.replace(' ', '-')}.png", full_page=True)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("code", LANGUAGES)
def test_letters_and_notices_fit_in_every_language(show: Show, theme: str, code: str) -> None:
    assert not _scrolls_sideways(show(_letter(theme, code=code).html, 320))
    page = show(_notice(theme).html, 320, "dark")
    assert not _scrolls_sideways(page)
    picture(page, _PICTURES / f"{theme}-320-notice-dark.png", full_page=True)
