"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from support.service import Address, letters_to

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium without a window, closed afterwards."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


def picture(page: Page, path: Path, *, full_page: bool = False) -> None:
    """Take a picture of the page for people to look at, unless this is CI, where nobody does."""
    if not os.environ.get("CI"):
        page.screenshot(path=path, full_page=full_page)


def preferences_of(page: Page, base: Address, email: str) -> str:
    """The address of a subscriber's preferences, from the newest email in the inbox, which the page opens."""
    newest = letters_to(base, email)[0]
    page.goto(base.entry)
    page.goto(f"{base}/inbox/{newest}?show=text")
    return next(word for word in page.inner_text("pre").split() if re.search(r"/p/[\w-]+$", word))
