"""In a real browser, on a real `paperround up`: a change of address, a private feed, and the operator's pages.

Screenshots lie in artefacts/pages/, for people to look at.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from support.chromium import picture, preferences_of
from support.service import ADMIN_TOKEN, Address, letters_to

_PICTURES = Path(__file__).parents[2] / "artefacts" / "pages"
_OLD, _NEW = "kenji@watanabe.example", "kenji@elsewhere.example"


def test_a_subscriber_moves_and_reads_a_private_feed(base: Address, browser: Browser) -> None:
    _PICTURES.mkdir(parents=True, exist_ok=True)
    page = browser.new_context(viewport={"width": 375, "height": 800}).new_page()
    preferences = preferences_of(page, base, _OLD)
    page.goto(preferences)
    page.fill("#new-email", _OLD)
    page.click("text='Change address'")
    assert page.locator("[role=alert] a").bounding_box()["y"] < 800  # type: ignore[index]
    picture(page, _PICTURES / "change-address-refused.png")
    page.click("[role=alert] a")
    page.get_by_text("This is already your address.").last.wait_for()
    assert page.evaluate("document.activeElement.id") == "wrong-email"
    page.fill("#new-email", _NEW)
    page.click("text='Change address'")
    assert _NEW in page.inner_text("main")
    page.goto(f"{base}/inbox/{letters_to(base, _NEW)[0]}")
    with page.context.expect_page() as opened:
        page.frame_locator("#frame-desktop").get_by_role("link", name="Use this address").click()
    confirm = opened.value
    confirm.wait_for_load_state()
    assert _OLD not in confirm.inner_text("main")
    picture(confirm, _PICTURES / "change-address.png")
    confirm.click("main form button")
    assert f"Your emails now go to {_NEW}." in confirm.inner_text("main")
    assert letters_to(base, _OLD, 2)
    page.goto(preferences)
    page.click("text='Create my feed'")
    picture(page, _PICTURES / "private-feed.png", full_page=True)
    address = page.locator("a[href*='/feeds/'][href$='.json']").get_attribute("href")
    assert len(page.context.request.get(str(address)).json()["items"]) > 3
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()


def test_an_operator_imports_a_list_and_looks_at_an_email(base: Address, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{base}/admin")
    page.fill("#token", ADMIN_TOKEN)
    page.click("main form button")
    page.goto(f"{base}/admin/subscribers/import")
    rows = b"email,topics\nada@lovelace.example,robotics\nbroken,robotics\n"
    page.set_input_files("#file", files=[{"name": "list.csv", "mimeType": "text/csv", "buffer": rows}])
    page.click("text='Preview'")
    assert "1 new, 0 changed, 0 unchanged, 1 skipped" in page.inner_text("main")
    page.click("main form button[value=import]")
    assert "Imported: 1 new" in page.inner_text("main")
    page.goto(f"{base}/admin/subscribers?q=lovelace")
    page.click("text=ada@lovelace.example")
    assert "the subscriber is pending" in page.inner_text("main")
    page.goto(f"{base}/admin/letters/1")
    assert page.frame_locator("iframe.letter").locator("a").count() > 3
    page.context.close()
