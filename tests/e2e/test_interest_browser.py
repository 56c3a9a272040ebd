"""Interests and what follows from them in a real browser, with and without JavaScript, on a phone and in the dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.accessibility import shortcomings
from support.chromium import preferences_of
from support.service import Address, running

_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with running(tmp_path_factory.mktemp("site")) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 375, "height": 800})
    yield context.new_page()
    context.close()


def test_a_newcomer_tries_an_interest_rates_papers_and_subscribes_with_the_ratings(page: Page, base: Address) -> None:
    page.goto(f"{base}/interest")
    page.fill("#q", "robot manipulation policies")
    with page.expect_navigation():
        page.click("text=Show papers")
    assert page.locator(".tried > li").count() == 10
    with page.expect_navigation():
        page.locator("button[name=more]").first.click()
    with page.expect_navigation():
        page.locator("button[name=less]").last.click()
    assert page.locator("button[name=forget]").count() >= 1
    with page.expect_navigation():
        page.get_by_role("link", name="Get this by email").click()
    assert page.input_value("#query-1") == "robot manipulation policies"
    assert "will be kept when you subscribe" in page.inner_text("main")
    page.fill("#email", f"tries{id(page)}@papers.example")
    with page.expect_navigation():
        page.locator("button[value=subscribe]").first.click()
    assert "Check your email" in page.inner_text("h1")


def test_a_preview_is_in_the_language_of_the_subscribers_page(page: Page, base: Address) -> None:
    mine = preferences_of(page, base, "amara@okafor.example")
    page.goto(mine)
    page.select_option("#language", "de")
    with page.expect_navigation():
        page.locator("button[value=save]:not(.visually-hidden)").click()
    page.locator("textarea[name=query]").last.fill("robots OR agents")
    if not page.evaluate("typeof fields !== 'undefined'"):
        page.click("text=Treffer der letzten Woche anzeigen")
    page.wait_for_selector("#trials li a")
    assert "Wegen OR wird dies als Suchabfrage gelesen" in page.inner_text("#trials")
    page.select_option("#language", "en")
    with page.expect_navigation():
        page.locator("button[value=save]:not(.visually-hidden)").click()


def test_a_subscriber_rates_sees_what_was_learned_and_forgets_it(page: Page, base: Address) -> None:
    mine = preferences_of(page, base, "kenji@watanabe.example")
    page.goto(f"{mine}/interest?q=robot+manipulation")
    for place in range(2):
        with page.expect_navigation():
            page.locator("button[name=more]").nth(place).click()
    page.goto(f"{mine}/taste")
    assert page.locator(".weights li").count() > 5
    with page.expect_navigation():
        page.get_by_role("button", name="Forget everything").click()
    with page.expect_navigation():
        page.locator("button[value=reset]").first.click()
    assert "Nothing yet." in page.inner_text("main")


def test_an_author_is_followed_with_one_click_where_the_preferences_were_opened(page: Page, base: Address) -> None:
    mine = preferences_of(page, base, "amara@okafor.example")
    page.goto(mine)
    page.goto(base)
    with page.expect_navigation():
        page.locator("article .title a").first.click()
    author = page.locator("button[name=author]").first
    name = author.get_attribute("value") or ""
    with page.expect_navigation():
        author.click()
    assert page.locator(f"input[name=follows][value^='author: {name}']").is_checked()


def test_a_file_is_read_where_the_preferences_lead(page: Page, base: Address) -> None:
    mine = preferences_of(page, base, "zofia@dabrowska.example")
    page.goto(f"{mine}/library")
    content = b"@article{a, title={Robots that grasp}, abstract={Hands and cups.}}\n@article{b, title={no end"
    page.set_input_files("#file", {"name": "my.bib", "mimeType": "text/plain", "buffer": content})
    with page.expect_navigation():
        page.locator("button[value=read]").click()
    assert "1 paper is not on this site; its text is used." in page.inner_text("main")
    assert "check for a missing brace" in page.inner_text("main")


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_pages_fit_every_screen_and_everybody(browser: Browser, base: Address, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    mine = preferences_of(page, base, "zofia@dabrowska.example")
    author = f"{base}/follow?author=Wei+Zhang"
    for address in (f"{base}/interest?q=robots+walk", author, mine, f"{mine}/taste", f"{mine}/library"):
        page.goto(address)
        assert shortcomings(page, address, **_RULES) == []
    context.close()
