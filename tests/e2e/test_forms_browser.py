"""Forms in a real browser: Enter does the main action of every form, and choices survive "Back" and errors."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from support.chromium import preferences_of
from support.service import ADMIN_TOKEN, Address


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, timezone_id="Asia/Tokyo")
    yield context.new_page()
    context.close()


_SUBMIT = (
    "(field) => { const { form } = document.querySelector(field); form.requestSubmit(form.querySelector('button')) }"
)


def _enter(page: Page, field: str) -> None:
    """Press Enter in a field, which is the phone's "Go" too, and wait for the next page.

    Without JavaScript it begins a line in a text area, and the first button sends the form.
    """
    sends = page.evaluate("(field) => document.querySelector(field).rows !== 2", field)
    with page.expect_navigation():
        page.press(field, "Enter")
        if not sends:
            page.evaluate(_SUBMIT, field)


@pytest.mark.parametrize("field", ["#query-1", "#at", "#max_papers", "#email"])
def test_enter_subscribes(page: Page, base: Address, field: str) -> None:
    page.goto(f"{base}/subscribe")
    page.check("input[name=way][value=interest]")
    page.fill("#query-1", "gripper")
    page.click("summary")
    page.fill("#email", f"enter{field[1:].replace('_', '')}{id(page)}@papers.example")
    _enter(page, field)
    assert "Check your email" in page.inner_text("h1")


@pytest.mark.parametrize("field", ["#query-1", "#at", "#max_papers", "#name"])
def test_enter_saves_the_preferences(page: Page, base: Address, field: str) -> None:
    page.goto(preferences_of(page, base, "kenji@watanabe.example"))
    page.fill("#name", f"Kenji {field}")
    _enter(page, field)
    assert "Saved." in page.inner_text("main")
    assert page.input_value("#name") == f"Kenji {field}"
    page.reload()
    assert page.input_value("#name") == f"Kenji {field}"


def test_enter_in_the_other_forms(page: Page, base: Address) -> None:
    page.goto(base)
    page.fill("#invite-email", "go@papers.example")
    _enter(page, "#invite-email")
    assert page.input_value("#email") == "go@papers.example"
    page.goto(f"{base}/search")
    page.fill("#q", "robot*")
    _enter(page, "#q")
    assert "q=robot" in page.url
    page.goto(f"{base}/preferences")
    page.fill("#email", "go@papers.example")
    _enter(page, "#email")
    assert "Check your email" in page.inner_text("h1")
    page.goto(f"{base}/admin")
    page.fill("#token", ADMIN_TOKEN)
    _enter(page, "#token")
    assert urlsplit(page.url).path == "/admin"
    page.goto(f"{base}/admin/topics/new")
    slug = f"enter{id(page)}"
    for field, text in {"slug": slug, "name": "Enter", "about": "", "query": "gripper"}.items():
        page.fill(f"#{field}", text)
    _enter(page, "#name")
    assert urlsplit(page.url).path == "/admin/topics"
    assert f"/admin/topics/{slug}" in page.content()
    page.goto(f"{base}/admin/tokens")
    page.fill("#name", slug)
    page.check("input[name=scope] >> nth=0")
    _enter(page, "#name")
    assert f"Token for {slug}." in page.inner_text("main")
    page.goto(f"{base}/admin/subscribers")
    page.fill("#q", "kenji")
    _enter(page, "#q")
    assert "q=kenji" in page.url


def test_a_hidden_day_never_blocks_the_form(browser: Browser, base: Address) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    page.fill("#email", "hidden@papers.example")
    page.click("summary")
    page.select_option("#cadence", "monthly")
    page.fill("#monthday", "")
    page.select_option("#cadence", "weekly")
    assert page.is_hidden("#monthday")
    assert page.is_visible("#weekday")
    _enter(page, "#email")
    assert "Check your email" in page.inner_text("h1")
    context.close()


def test_the_fields_match_the_choice_after_back(browser: Browser, base: Address) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    page.click("summary")
    page.select_option("#cadence", "monthly")
    page.fill("#monthday", "15")
    page.click("footer a >> nth=0")
    page.go_back()
    page.evaluate("document.querySelector('details').open = true")
    chosen = page.input_value("#cadence")
    assert page.is_visible("#monthday") is (chosen == "monthly")
    context.close()


def test_a_chosen_utc_stays(browser: Browser, base: Address) -> None:
    """The browser's own zone is only a guess for a fresh form."""
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    assert page.input_value("#timezone") == "Asia/Tokyo"
    assert "Tokyo (UTC+9)" in page.inner_text("summary")
    page.click("summary")
    page.select_option("#timezone", "UTC")
    page.fill("#email", "utc@papers.example")
    page.check("input[name=way][value=interest]")
    page.fill("#query-1", '"never closed')
    _enter(page, "#email")
    assert page.input_value("#timezone") == "UTC"
    context.close()


def test_a_time_zone_is_found_by_its_city(browser: Browser, base: Address) -> None:
    context = browser.new_context(timezone_id="America/Indiana/Knox")
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    assert page.input_value("#timezone") == "America/Indiana/Knox"  # not on the list, and the browser's own
    page.click("summary")
    page.fill("[aria-label='Find a city']", "sao p")
    assert page.input_value("#timezone") == "America/Sao_Paulo"
    assert "Sao Paulo (UTC−3)" in page.inner_text("summary")
    page.fill("[aria-label='Find a city']", "muench")
    assert page.input_value("#timezone") == "America/Sao_Paulo"
    assert "not in the list: choose the nearest" in page.inner_text("form.subscribe details")
    assert page.locator("#timezone option:not([hidden])").count() > 50
    for city, name in (("munch", "Europe/Berlin"), ("san fran", "America/Los_Angeles"), ("MUNICH", "Europe/Berlin")):
        page.fill("[aria-label='Find a city']", city)
        assert page.input_value("#timezone") == name
    assert "not in the list" not in page.inner_text("form.subscribe details")
    page.fill("[aria-label='Find a city']", "")
    page.select_option("#timezone", "Europe/Berlin")
    page.press("[aria-label='Find a city']", "Enter")
    assert urlsplit(page.url).path == "/subscribe"
    context.close()


def test_only_what_belongs_to_the_chosen_way_is_shown(browser: Browser, base: Address) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/subscribe")
    assert page.is_checked("input[name=way][value=best]")
    assert page.locator("form.subscribe button[value=subscribe]:visible").count() == 1
    assert page.is_hidden("#query-1")
    page.check("input[name=way][value=topics]")
    assert page.is_visible("input[name=topic][value=robotics]")
    page.check("input[name=way][value=interest]")
    assert page.is_visible("#query-1")
    assert page.is_hidden("input[name=topic][value=robotics]")
    context.close()


@pytest.mark.parametrize("path", ["/", "/topics", "/search?q=robot*", "/subscribe", "/trending"])
def test_nothing_lies_outside_a_page_that_runs_from_right_to_left(browser: Browser, base: Address, path: str) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.goto(f"{base}{path}")
    page.evaluate("document.documentElement.dir = 'rtl'")
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "the page scrolls sideways"
    outside = page.eval_on_selector_all(
        "body *", "(all) => all.filter((one) => one.getBoundingClientRect().right < -1).map((one) => one.outerHTML)"
    )
    assert outside == []
    context.close()


@pytest.mark.parametrize("path", ["/", "/papers/{first}", "/inbox"])
def test_times_have_no_fractions_and_addresses_are_escaped(browser: Browser, base: Address, path: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    first = page.eval_on_selector("article .title a", "(one) => one.getAttribute('href')").removeprefix("/papers/")
    page.goto(base.entry)
    page.goto(base + path.format(first=first))
    times = page.eval_on_selector_all("time", "(all) => all.map((one) => one.dateTime)")
    assert not [time for time in times if "." in time]
    hrefs = page.eval_on_selector_all("a[href]", "(all) => all.map((one) => one.getAttribute('href'))")
    assert hrefs
    assert not [href for href in hrefs if set(href) & set(' "<>\\^`{|}')]
    context.close()
