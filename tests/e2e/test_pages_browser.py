"""The pages in a real browser, on a real `paperround up`: the way from the form to unsubscribing, and how it looks.

Screenshots lie in artefacts/pages/, for people to look at.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from support.accessibility import shortcomings
from support.chromium import picture
from support.service import ADMIN_TOKEN, Address, letters_to

_PICTURES = Path(__file__).parents[2] / "artefacts" / "pages"
_WIDTHS = (320, 1280)
_NO_TEXT = "[type=hidden], [type=checkbox], [type=radio], [type=file]"
# What Enter does in the text fields of each form: the name, value or label of the button that it presses.
_ENTER = {
    "/": "Show",
    "/subscribe": "step=begin, step=subscribe",
    "/search": "Search",
    "/interest": "Show papers",
    "/preferences": "Send me the link",
    "/p/…": "do=save, do=pause",
    "/p/…/address": "Change address",
    "/p/…/interest": "Show papers",
    "/p/…/library": "do=author, do=zotero, do=orcid",
    "/admin/subscribers": "Find",
    "/admin/subscribers/new": "do=save",
    "/admin/subscribers/1": "do=pause, do=move",
    "/admin/subscribers/1/edit": "do=save",
    "/admin/topics": "do=save",
    "/admin/letters": "Find",
    "/admin/tokens": "do=make",
}


class Visitor:
    """Somebody with a browser who notes every complaint of it, and every request that leaves the site."""

    def __init__(self, context: BrowserContext, base: Address) -> None:
        self.base, self.complaints, self.elsewhere = base, list[str](), list[str]()
        context.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self._note(request.url))
        self.context = context
        self.page = context.new_page()

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:")):
            self.elsewhere.append(url)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_from_the_form_to_unsubscribing(  # noqa: PLR0915 - one visit from beginning to end
    base: Address, browser: Browser, javascript: bool
) -> None:
    email = f"grace{javascript:d}@hopper.example"
    context = browser.new_context(java_script_enabled=javascript, timezone_id="Asia/Tokyo")
    visitor = Visitor(context, base)
    page = visitor.page
    page.goto(base)
    page.fill("#invite-email", email)
    page.click("#invite-email + button")
    page.wait_for_load_state()
    assert page.input_value("#email") == email
    assert page.input_value("#timezone") == ("Asia/Tokyo" if javascript else "UTC")
    assert page.locator("input[name=topic]:checked").count() == 0
    page.goto(f"{base}/topics")
    page.go_back()
    assert page.input_value("#email") == email
    page.check("input[name=way][value=interest]")
    page.fill("#query-1", "robots that walk")
    page.click("text=Try it on ten papers")
    page.wait_for_url("**/interest?**")
    page.click("text=Get this by email")
    assert page.input_value("#email") == email
    page.check("input[name=way][value=interest]")
    page.fill("#query-1", '"flow matching" OR agents')
    if not javascript:
        page.click("text=Preview the matches of the past week")
    page.wait_for_selector("#trials li a")
    assert re.search(r"\d+ papers in the past week", page.inner_text("#trials"))
    assert page.is_checked("input[name=first_now]")
    page.click("main form .first button")
    assert "Check your email" in page.inner_text("h1")

    (asking,) = letters_to(base, email)
    page.goto(base.entry)
    page.goto(f"{base}/inbox/{asking}")
    button = page.frame_locator("#frame-desktop").get_by_role("link", name="Confirm my subscription")
    with context.expect_page() as opened:
        button.click()
    confirm = opened.value
    assert email in confirm.inner_text("main")
    confirm.click("main form button")
    assert "Welcome! Your subscription is confirmed." in confirm.inner_text("main")

    newest = letters_to(base, email, 2)[0]
    page.goto(f"{base}/inbox/{newest}?show=text")
    text = page.inner_text("pre")
    online, preferences, unsubscribe = (_link(text, letter) for letter in "ipu")
    page.goto(online)
    assert page.locator("article").count() > 3
    page.goto(preferences)
    assert page.input_value("#query-1") == '"flow matching" OR agents'
    page.select_option("#cadence", "weekly")
    page.click("text=Save")
    assert "Saved." in page.inner_text("main")
    assert "one email a week" in page.inner_text("main")

    page.goto(unsubscribe)
    assert email in page.inner_text("main")
    page.click("main form button")
    assert "You are unsubscribed" in page.inner_text("h1")
    page.goto(f"{base}/topics")
    page.go_back()
    assert "You are unsubscribed" in page.inner_text("h1"), "Back shows the answer to a form, and sends no form again"
    page.goto(preferences)
    assert "You are unsubscribed and will not receive any emails." in page.inner_text("main")
    assert visitor.complaints == []
    assert visitor.elsewhere == []
    context.close()


def test_one_click_from_a_mail_program_is_enough(base: Address, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    newest = letters_to(base, "kenji@watanabe.example")[0]
    page.goto(base.entry)
    page.goto(f"{base}/inbox/{newest}?show=header")
    cell = page.locator("tr", has=page.get_by_role("rowheader", name="List-Unsubscribe", exact=True)).inner_text()
    (link,) = re.findall(r"<(https?://[^>]+)>", cell)
    answer = context.request.post(link, form={"List-Unsubscribe": "One-Click"}, max_redirects=0)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    page.goto(link)
    assert "You are unsubscribed" in page.inner_text("h1")
    context.close()


def _paths(base: Address, page: Page) -> dict[str, str]:
    """A page of each kind."""
    letter = letters_to(base, "zofia@dabrowska.example")[0]
    page.goto(base.entry)
    page.goto(f"{base}/inbox/{letter}?show=text")
    text = page.inner_text("pre")
    page.goto(base)
    paper = page.locator("article h2 a").first.get_attribute("href")
    day = "2025-10-09"
    found = {
        "front": "/",
        "week": f"/?date={day}&view=week",
        "month": f"/?date={day}&view=month",
        "empty day": "/?date=2020-01-01",
        "trending": "/trending",
        "paper": str(paper),
        "topics": "/topics",
        "topic": "/topics/robotics",
        "example": "/example",
        "search": "/search?q=robot*",
        "search wrong": "/search?q=(",
        "subscribe": "/subscribe",
        "lost link": "/preferences",
        "interest": "/interest?q=robot+hands",
        "follow": "/follow?author=Grace+Hopper",
        "nothing here": "/nothing-here",
        "bad link": "/u/AAAA",
        "inbox": "/inbox",
        "letter": f"/inbox/{letter}",
        "letter header": f"/inbox/{letter}?show=header",
        "admin": "/admin",
        "admin subscribers": "/admin/subscribers",
        "admin subscriber": "/admin/subscribers/1",
        "admin new subscriber": "/admin/subscribers/new",
        "admin edit subscriber": "/admin/subscribers/1/edit",
        "admin import": "/admin/subscribers/import",
        "admin silent": "/admin/subscribers/silent",
        "admin letter": "/admin/letters/1",
        "admin doctor": "/admin/doctor",
        "admin topics": "/admin/topics",
        "admin topic": "/admin/topics/robotics",
        "admin new topic": "/admin/topics/new",
        "admin letters": "/admin/letters",
        "admin tokens": "/admin/tokens",
        "admin changes": "/admin/changes",
        "API": "/docs",
    }
    more = re.search(r"/f/[\w-]+\?more=\d+", text)
    assert more, "no link to more papers like one"
    found["link f"], found["link f all"] = more[0], more[0].partition("?")[0]
    found |= {f"link {letter}": _link(text, letter).removeprefix(base) for letter in "ipu"}
    below = ("interest", "taste", "library", "saved", "change?to=weekly", "erase")
    return found | {f"preferences {path}": f"{found['link p']}/{path}" for path in below}


def test_the_example_email_is_shown_whole_and_as_dark_as_the_page(base: Address, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{base}/example")
    frame = page.locator("iframe")
    page.wait_for_function("document.querySelector('iframe').offsetHeight > 1500")
    content = "frame.contentDocument.documentElement"
    assert frame.evaluate(f"(frame) => {content}.scrollHeight <= frame.clientHeight")
    color = frame.evaluate(f"(frame) => getComputedStyle({content}.querySelector('.name')).color")
    assert color != "rgb(27, 26, 24)", "black on a dark ground"
    context.close()


@pytest.mark.parametrize("width", _WIDTHS)
def test_every_page_fits_every_screen_and_is_accessible(base: Address, browser: Browser, width: int) -> None:
    _PICTURES.mkdir(parents=True, exist_ok=True)
    findings = list[str]()
    context = browser.new_context(viewport={"width": width, "height": 900})
    visitor = Visitor(context, base)
    page = visitor.page
    paths = _paths(base, page)
    page.goto(f"{base}/admin")
    findings += _examined(page, "login", width)
    page.fill("#token", ADMIN_TOKEN)
    page.click("main form button")
    page.wait_for_load_state()
    for name, path in paths.items():
        page.goto(base + path)
        findings += _examined(page, name, width)
    assert visitor.elsewhere == []
    context.close()
    assert not findings, "\n".join(findings)


def test_enter_does_the_main_action_in_every_field_of_every_form(base: Address, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    paths = _paths(base, page)
    page.goto(f"{base}/admin")
    page.fill("#token", ADMIN_TOKEN)
    page.press("#token", "Enter")
    page.wait_for_load_state()
    pressed: dict[str, dict[str, None]] = {}
    for path in paths.values():
        page.goto(base + path)
        page.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true });"
            "document.querySelectorAll('form').forEach((one) => { one.noValidate = true });"
            "addEventListener('submit', (event) => {"
            "  const button = event.submitter; event.preventDefault();"
            "  window.pressed = [new URL(event.target.action).pathname,"
            "                    button.name ? `${button.name}=${button.value}` : button.textContent.trim()] });"
        )
        for field in page.locator(f"input[name]:not({_NO_TEXT}), textarea.query").all():
            if field.is_visible() and field.is_enabled():
                page.evaluate("delete window.pressed")
                field.press("Enter")
                action, button = page.evaluate("window.pressed")
                pressed.setdefault(re.sub(r"[\w-]{20,}", "…", action), {})[button] = None
    context.close()
    assert {action: ", ".join(buttons) for action, buttons in pressed.items()} == _ENTER


def _examined(page: Page, name: str, width: int) -> list[str]:
    """What is wrong with a page, of which a picture is taken in each color scheme."""

    def look(scheme: str) -> None:
        picture(page, _PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)

    return shortcomings(page, f"{name} at {width}", look=look, iframes=False)


def test_only_what_is_wrong_has_the_color_of_a_mistake(base: Address, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    paths = _paths(base, page)
    color = "getComputedStyle(document.querySelector('.note')).borderInlineStartColor"
    page.goto(base + paths["link p"])
    promise = page.evaluate(color)
    page.goto(f"{base}/subscribe")
    page.evaluate("document.querySelectorAll('form').forEach((one) => { one.noValidate = true })")
    page.fill("#email", "ada")
    page.click("main form .first button")
    assert page.locator(".note").first.get_attribute("role") == "alert"
    mistake = page.evaluate(color)
    accent = page.evaluate("getComputedStyle(document.querySelector('main form .first button')).backgroundColor")
    assert mistake == accent != promise
    context.close()


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_on_a_phone_the_hint_in_the_search_field_is_not_cut(base: Address, browser: Browser, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{base}/search")
    page.fill("#q", str(page.get_attribute("#q", "placeholder")))
    assert page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(document.querySelector('#q'))")
    context.close()


def test_on_a_phone_the_operator_s_tables_and_charts_are_legible(base: Address, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{base}/admin")
    page.fill("#token", ADMIN_TOKEN)
    below = "[...document.querySelectorAll('h1, label')].map(one => one.getBoundingClientRect())"
    heading, label = page.evaluate(f"{below}.map(box => [box.top, box.bottom])")
    assert label[0] - heading[1] >= 8, "the form keeps its distance from the heading"
    page.click("main form button")
    page.wait_for_load_state()
    chart = page.locator("figure img").first
    box, screen = chart.bounding_box(), page.viewport_size
    assert box
    assert screen
    assert box["width"] > 500, "text of 11 px in a picture of 680 px"
    assert box["x"] + box["width"] <= screen["width"], "the latest day is seen first"
    page.goto(f"{base}/admin/topics")
    assert min(page.evaluate("[...document.querySelectorAll('td:has(> code)')].map(one => one.clientWidth)")) > 200
    page.goto(f"{base}/admin/changes")
    assert max(page.evaluate("[...document.querySelectorAll('td.whole')].map(one => one.scrollWidth)")) > 120
    context.close()


def test_german_subscribers_find_no_english(base: Address, browser: Browser) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    assert page.locator("html").get_attribute("lang") == "de"
    picture(page, _PICTURES / "subscribe-german.png", full_page=True)
    words = set(re.findall(r"[a-z]+", page.inner_text("main").lower()))
    assert not words & {"the", "and", "your", "letter", "with", "what"}
    context.close()


def test_everything_can_be_reached_by_keyboard(base: Address, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    context.close()


def _link(text: str, letter: str) -> str:
    found = re.search(rf"https?://[^\s>)]+/{letter}/[\w-]+", text)
    assert found, f"no /{letter}/ link in the letter"
    return found[0]
