"""The email preview in a real browser, on a real `paperround up`: how it looks, and that it follows the templates.

Screenshots lie in artefacts/preview/, for people to look at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from paperround.process.resources import folder
from support.accessibility import shortcomings
from support.chromium import picture
from support.findings import raw
from support.letters import THEMES
from support.service import Address, letters_to, running

_PICTURES = Path(__file__).parents[2] / "artefacts" / "preview"
_TABS = ("letter", "text", "source", "headers", "raw", "papers", "size", "findings")
_SHIPPED = (folder("templates") / "email" / "themes" / "paper.html.j2").read_text(encoding="utf-8")
_RED = "#8c2f1f"  # the paper theme's own


@dataclass(frozen=True)
class Shop:
    """A running paperround and its template folder."""

    base: Address
    theme: Path

    def edit(self, old: str, new: str) -> None:
        """Save the site's own paper theme with this change."""
        assert old in _SHIPPED
        self.theme.write_text(_SHIPPED.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    site = tmp_path_factory.mktemp("site")
    theme = site / "templates" / "email" / "themes" / "paper.html.j2"
    theme.parent.mkdir(parents=True)
    theme.write_text(_SHIPPED, encoding="utf-8")
    with running(site) as base:
        yield Shop(base, theme)


@pytest.fixture(autouse=True)
def _as_shipped(shop: Shop) -> Iterator[None]:
    yield
    shop.theme.write_text(_SHIPPED, encoding="utf-8")


@dataclass
class Visit:
    """A page, and every complaint of its browser."""

    page: Page
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Open]:
    opened: list[tuple[BrowserContext, Visit]] = []

    def made(path: str = "/preview", **options: object) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        seen = Visit(context.new_page())
        context.on("console", lambda told: seen.complaints.append(told.text) if told.type == "error" else None)
        context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
        opened.append((context, seen))
        seen.page.goto(shop.base.entry)
        seen.page.goto(shop.base + path)
        return seen

    yield made
    for context, seen in opened:
        context.close()
        assert seen.complaints == []


def _until(page: Page, condition: str, seconds: float = 30) -> None:
    """Wait for this to hold in the page, whose policy forbids Playwright's own waiting."""
    began = time.monotonic()
    while not _holds(page, condition):
        assert time.monotonic() - began < seconds, condition
        time.sleep(0.02)


def _holds(page: Page, condition: str) -> bool:
    try:
        return bool(page.evaluate(condition))
    except PlaywrightError:  # the page is just being made anew
        return False


def _all_frames_say(text: str) -> str:
    """A condition: the page has frames, and each contains this."""
    said = f"contentDocument?.body?.innerHTML.includes('{text}')"
    frames = "[...document.querySelectorAll('iframe')]"
    return f"{frames}.length > 0 && {frames}.every((frame) => frame.{said})"


def _watching(page: Page) -> None:
    _until(page, "document.querySelector('#w-live').dataset.state === 'live'")
    _until(page, _all_frames_say("</h1>"))


@pytest.mark.parametrize("width", [375, 1280])
def test_every_tab_fits_the_screen_and_is_accessible(visit: Open, width: int) -> None:
    _PICTURES.mkdir(parents=True, exist_ok=True)
    findings = list[str]()
    page = visit(viewport={"width": width, "height": 900}).page
    for name, query in {
        **{tab: f"show={tab}" for tab in _TABS},
        "compare": "with_theme=cards",
        "nobody": "whose=topics",
    }.items():
        page.goto(f"{urlsplit(page.url)._replace(query=query).geturl()}")
        findings += shortcomings(page, name, look=partial(_picture, page, f"{name}-{width}"), iframes=False)
    assert findings == []


def _picture(page: Page, name: str, scheme: str) -> None:
    picture(page, _PICTURES / f"{name}-{scheme}.png")


def test_a_saved_template_shows_at_once_and_the_place_is_kept(visit: Open, shop: Shop) -> None:
    page = visit().page
    _watching(page)
    frame = page.frames[1]
    frame.evaluate("scrollTo(0, 600)")
    for color in ("#006400", "#00008b", "#4b0082"):
        shop.edit(_RED, color)
        _until(page, _all_frames_say(color))
        _until(page, "document.querySelector('iframe')?.contentWindow?.scrollY === 600")


def test_an_error_replaces_the_letter_until_it_is_fixed(visit: Open, shop: Shop) -> None:
    page = visit().page
    _watching(page)
    shop.edit("{% block media %}", "{% block card %}<h3>{{ card.titel }}</h3>{% endblock %}{% block media %}")
    _until(page, "document.querySelector('.broken') !== null")
    picture(page, _PICTURES / "broken.png")
    told = page.inner_text(".broken")
    line = _SHIPPED[: _SHIPPED.index("{% block media %}")].count("\n") + 1
    assert f"email/themes/paper.html.j2, line {line}" in told
    assert "Card has no attribute 'titel'" in told
    assert "Did you mean card.title?" in told
    assert "{{ card.titel }}" in page.inner_text(".broken .hit")
    assert "Northlight" in told or "authors" in told, "the card's own values are at hand"
    assert page.locator("#w-tabs a").count() == 0
    shop.theme.write_text(_SHIPPED, encoding="utf-8")
    _until(page, "document.querySelectorAll('iframe').length === 2")
    assert page.locator("#w-tabs a").count() == len(_TABS)
    parts = page.eval_on_selector_all("#preview > *", "(found) => found.map((one) => one.id)")
    assert parts == ["w-title", "w-controls", "w-said", "w-summary", "w-tabs", "w-view", "w-actions"]


def test_choices_take_effect_at_once_and_the_way_back_works(visit: Open) -> None:
    page = visit().page
    _watching(page)
    begin = page.url
    page.select_option("select[name=theme]", "plain")
    _until(page, _all_frames_say("#0b57a4"))
    assert parse_qs(urlsplit(page.url).query)["theme"] == ["plain"]
    page.click(".toggles >> text=dark")
    body = "document.querySelector('iframe').contentDocument?.body"
    _until(page, f"{body} ? getComputedStyle({body}).backgroundColor === 'rgb(18, 18, 18)' : false")
    page.click("#w-tabs >> text=Size")
    _until(page, "document.querySelector('table.size') !== null")
    page.click("#w-topics summary")
    page.check("input[value=video]")
    _until(page, "document.querySelector('#w-topics summary').textContent === 'video'")
    assert page.locator("input[name=whose][value=topics]").is_checked()
    assert page.locator("#w-topics").get_attribute("open") is not None, "one more may be chosen"
    page.check("input[value=robotics]")
    _until(page, "document.querySelector('#w-topics summary').textContent === 'robotics, video'")
    for _ in range(5):
        page.go_back()
    _until(page, "document.querySelector('select[name=theme]').value === ''")
    assert page.url == begin


def test_a_choice_is_not_lost_to_a_template_that_changes_meanwhile(visit: Open, shop: Shop) -> None:
    page = visit().page
    _watching(page)
    for theme, color in (("cards", "#006400"), ("plain", "#00008b"), ("paper", "#4b0082")):
        shop.edit(_RED, color)
        time.sleep(0.1)
        page.select_option("select[name=theme]", theme)
        _until(page, f"document.querySelector('#w-summary').textContent.includes('· {theme} ·')")
        assert parse_qs(urlsplit(page.url).query)["theme"] == [theme]


def test_what_is_being_typed_is_not_lost_when_a_template_changes(visit: Open, shop: Shop) -> None:
    page = visit().page
    _watching(page)
    page.fill("#w-to", "op@exam")
    shop.edit(_RED, "#006400")
    _until(page, _all_frames_say("#006400"))
    assert page.input_value("#w-to") == "op@exam"


def test_a_test_letter_lands_in_the_inbox_which_shows_it_in_the_same_viewer(visit: Open, shop: Shop) -> None:
    seen = visit("/preview?whose=sample&pictures=0")
    page = seen.page
    page.fill("#w-to", "op@example.net")
    page.click("#w-actions button")
    page.wait_for_selector("#w-said p")
    assert "Test email sent to op@example.net" in page.inner_text("#w-said")
    (key,) = letters_to(shop.base, "op@example.net")
    page.goto(f"{shop.base}/inbox/{key}")
    assert page.inner_text("h1").startswith("[test] Folding Laundry at Human Speed")
    assert page.locator("iframe").count() == 2
    picture(page, _PICTURES / "inbox.png")
    page.click(".toggles >> text=inverted")
    # The page is made anew by the click; its frames come when they come.
    root = "document.querySelector('iframe')?.contentDocument?.documentElement"
    _until(page, f"{root} ? getComputedStyle({root}).filter.includes('invert(1)') : false")
    page.click("nav.tabs >> text=Findings")
    assert "site.base_url" in page.inner_text(".findings")
    page.click("text=HTML line")
    assert page.locator("li:target").count() == 1


@pytest.mark.parametrize("theme", THEMES)
def test_without_pictures_and_without_style_a_letter_fits_a_phone(visit: Open, shop: Shop, theme: str) -> None:
    page = visit("/", viewport={"width": 375, "height": 700}).page
    for look in ("pictures=0", "pictures=0&mode=inverted", "pictures=0&mode=dark"):
        page.goto(f"{shop.base}/preview/frame?whose=sample&theme={theme}&{look}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.goto(page.url + "&styles=0&topic=robotics&whose=topics")
    assert page.evaluate("document.styleSheets.length") == 1, "only the viewer's own"


def test_nothing_in_a_letter_runs(visit: Open, shop: Shop) -> None:
    hostile = "<script>top.ran = true</script><img src=x onerror='top.ran = true'><p>mark</p>"
    key = f"{time.time_ns():020d}.1_0.test"
    inbox = shop.theme.parents[3] / "data" / "inbox" / "new"
    (inbox / key).write_bytes(raw(html=f"<html><head></head><body>{hostile}</body></html>"))
    seen = visit(f"/inbox/{key}?pictures=1")
    _until(seen.page, _all_frames_say("mark"))
    assert seen.page.evaluate("document.querySelector('iframe').contentDocument.scripts.length") == 1
    assert seen.page.evaluate("window.ran") is None
    (inbox / key).unlink()
    seen.complaints.clear()  # a browser may say what it did not run


def test_it_works_without_javascript(visit: Open, shop: Shop) -> None:
    page = visit(java_script_enabled=False).page
    page.select_option("select[name=theme]", "cards")
    page.click("text=Show")
    assert "theme=cards" in page.url
    page.click(".toggles >> text=dark")
    assert "theme=cards" in page.url
    assert "mode=dark" in page.url
    page.click("#w-tabs >> text=Findings")
    assert page.locator(".findings li").count() > 0
    page.goto(f"{shop.base}/preview?theme=paper")
    page.click("text=Reload the frames every two seconds")
    shop.edit(_RED, "#006400")
    page.frame_locator("#frame-phone").locator("[style*='#006400']").first.wait_for(timeout=8_000)
