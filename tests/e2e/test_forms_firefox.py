"""The forms in Firefox too: Enter does the main action, choices survive, and the keyboard reaches every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from support.firefox import FIREFOX, TAB, FirefoxPage, firefox
from support.service import ADMIN_TOKEN, Address, letters_to


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxPage]:
    if not FIREFOX.exists():
        pytest.skip("Firefox is not installed (Debian: firefox-esr)")
    with firefox(tmp_path_factory.mktemp("firefox")) as started:
        yield started


def _choose(page: FirefoxPage, selector: str, value: str) -> None:
    """Choose an option as a person does: the page is told that the field has changed."""
    page.run(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', {bubbles: true}));"
        "field.dispatchEvent(new Event('change', {bubbles: true}))",
        selector,
        value,
    )


@pytest.mark.parametrize("field", ["#query-1", "#at", "#max_papers", "#email"])
def test_enter_subscribes(page: FirefoxPage, base: Address, field: str) -> None:
    page.goto(f"{base}/subscribe")
    page.click("input[name=way][value=interest]")
    page.fill("#query-1", "gripper")
    page.click("summary")
    page.fill("#email", f"fox{field[1:].replace('_', '')}@papers.example")
    page.enter(field)
    assert "Check your email" in page.text("h1")


@pytest.mark.parametrize("field", ["#query-1", "#at", "#max_papers", "#name"])
def test_enter_saves_the_preferences_and_a_reload_sends_nothing_again(
    page: FirefoxPage, base: Address, field: str
) -> None:
    newest = letters_to(base, "kenji@watanabe.example")[0]
    page.goto(base.entry)
    page.goto(f"{base}/inbox/{newest}?show=text")
    page.goto(next(word for word in page.text("pre").split() if re.search(r"/p/[\w-]+$", word)))
    page.fill("#name", f"Kenji {field}")
    page.enter(field)
    assert "Saved." in page.text("main")
    assert page.value("#name") == f"Kenji {field}"
    page.command("WebDriver:Refresh")
    assert page.value("#name") == f"Kenji {field}"


def test_enter_in_the_other_forms(page: FirefoxPage, base: Address) -> None:
    page.goto(str(base))
    page.fill("#invite-email", "go@papers.example")
    page.enter("#invite-email")
    assert page.value("#email") == "go@papers.example"
    page.goto(f"{base}/search")
    page.fill("#q", "robot*")
    page.enter("#q")
    assert "q=robot" in page.url
    page.goto(f"{base}/preferences")
    page.fill("#email", "go@papers.example")
    page.enter("#email")
    assert "Check your email" in page.text("h1")
    page.goto(f"{base}/admin")
    page.fill("#token", ADMIN_TOKEN)
    page.enter("#token")
    assert urlsplit(page.url).path == "/admin"
    page.goto(f"{base}/admin/topics/new")
    for field, text in {"slug": "fox", "name": "Enter", "query": "gripper"}.items():
        page.fill(f"#{field}", text)
    page.enter("#name")
    assert urlsplit(page.url).path == "/admin/topics"
    page.goto(f"{base}/admin/subscribers")
    page.fill("#q", "kenji")
    page.enter("#q")
    assert "q=kenji" in page.url


def test_a_hidden_day_never_blocks_the_form_and_a_chosen_utc_stays(page: FirefoxPage, base: Address) -> None:
    page.goto(f"{base}/subscribe")
    page.click("summary")
    _choose(page, "#timezone", "UTC")
    _choose(page, "#cadence", "monthly")
    page.fill("#monthday", "")
    _choose(page, "#cadence", "weekly")
    assert not page.is_visible("#monthday")
    assert page.is_visible("#weekday")
    page.click("input[name=way][value=interest]")
    page.fill("#query-1", '"never closed')
    page.fill("#email", "foxhidden@papers.example")
    page.enter("#email")
    assert page.value("#timezone") == "UTC"
    page.fill("#query-1", "gripper")
    page.enter("#query-1")
    assert "Check your email" in page.text("h1")


def test_the_fields_match_the_choice_after_back(page: FirefoxPage, base: Address) -> None:
    page.goto(f"{base}/subscribe")
    page.click("summary")
    _choose(page, "#cadence", "monthly")
    page.fill("#monthday", "15")
    page.goto(f"{base}/topics")
    page.back()
    page.run("document.querySelector('details').open = true")
    assert page.is_visible("#monthday") is (page.value("#cadence") == "monthly")


def test_the_tab_key_reaches_every_field_in_the_order_of_the_page(page: FirefoxPage, base: Address) -> None:
    page.goto(f"{base}/subscribe")
    page.run("document.querySelector('details').open = true")
    fields = page.run(
        "const fields = [...document.querySelectorAll('form.subscribe :is(input, select, button)')].filter("
        "field => field.checkVisibility() && !field.disabled && field.tabIndex >= 0"
        " && (field.type !== 'radio' || field.checked));"
        "fields.forEach((field, place) => field.dataset.place = place); return fields.length"
    )
    page.run("document.body.tabIndex = -1; document.body.focus()")
    reached: list[int] = []
    for _ in range(100):
        page.press(TAB)
        place = page.run("return document.activeElement.dataset.place")
        if place is not None and int(place) not in reached:
            reached.append(int(place))
    assert reached == list(range(fields))


@pytest.mark.parametrize("path", ["/", "/subscribe", "/search?q=robot", "/topics", "/trending", "/preferences"])
def test_no_page_scrolls_sideways_on_a_phone(page: FirefoxPage, base: Address, path: str) -> None:
    page.command("WebDriver:SetWindowRect", {"width": 450, "height": 800})
    page.goto(f"{base}{path}")
    page.run("document.documentElement.style.width = '320px'")
    assert page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
