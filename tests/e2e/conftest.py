"""What the tests in a browser share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.chromium import CHROMIUM, chromium
from support.service import ADMIN_TOKEN, Address, running


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A paperround with an admin token, for the tests of one file."""
    with running(tmp_path_factory.mktemp("site"), PAPERROUND_SITE__ADMIN_TOKEN=ADMIN_TOKEN) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one file: Playwright's event loop must not outlive it."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed (Debian: chromium)")
    with chromium() as started:
        yield started
