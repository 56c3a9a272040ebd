"""The pictures of README and docs, taken anew from a site that has just started with the seeds.

`python tests/support/take_pictures.py` writes them to docs/images in 256 colors, each below 150 KB.
"""

from __future__ import annotations

import io
import sys
import tempfile
from email import message_from_bytes, policy
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.chromium import chromium
from support.service import Address, letters_to, running

_IMAGES = Path(__file__).parents[2] / "docs" / "images"
_SCHEMES = {"light": "", "dark": "-dark"}


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as base, chromium() as browser:
        for scheme, suffix in _SCHEMES.items():
            _take(_page(browser, 1280, 860, scheme), base, f"front{suffix}")
            _take(_page(browser, 640, 860, scheme), _letter(base, browser, folder), f"letter{suffix}")
        _take(_page(browser, 900, 680, "light"), f"{base}/subscribe?topic=robotics", "subscribe")
        preview = _page(browser, 1280, 860, "light")
        preview.goto(base.entry)
        _take(preview, f"{base}/preview?email=amara@okafor.example", "preview")


def _page(browser: Browser, width: int, height: int, scheme: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id="Europe/Berlin",
    )
    return context.new_page()


def _letter(base: Address, browser: Browser, folder: str) -> str:
    """A file with the HTML of a seed subscriber's first email, as it was sent."""
    key = letters_to(base, "amara@okafor.example")[0]
    context = browser.new_context()
    context.request.get(base.entry)
    message = message_from_bytes(context.request.get(f"{base}/inbox/{key}/letter.eml").body(), policy=policy.default)
    part = message.get_body(("html",))
    assert part is not None
    file = Path(folder) / "letter.html"
    file.write_text(part.get_content(), encoding="utf-8")
    return file.as_uri()


def _take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    small = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(_IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
