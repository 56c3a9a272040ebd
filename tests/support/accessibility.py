"""What is wrong with a page in Chromium: too wide for its window, or anything that axe knows to be."""

from __future__ import annotations

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What axe looks at in each color scheme: only colors depend on it.
_RULES: dict[str, dict[str, object]] = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}


def shortcomings(
    page: Page, where: str, *, look: Callable[[str], None] | None = None, **options: object
) -> list[str]:
    """Examine the page in light and in dark mode; `look` is called with each, `options` are axe's."""
    found = list[str]()
    for scheme, rules in _RULES.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if look:
            look(scheme)
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{where}, {scheme}: {sideways} px too wide"] * (sideways > 0)
        violations = Axe().run(page, options={**options, **rules}).response["violations"]
        found += [f"{where}, {scheme}: {_told(one)}" for one in violations]
    return found


def _told(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    return f"{violation['impact']} {violation['id']}: {nodes[0]['html'][:150]}"
