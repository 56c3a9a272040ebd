"""Lighthouse's marks for accessibility on a page of each kind; needs Debian's chromium, and Node.js for Lighthouse.

    python tests/support/lighthouse.py [name of a page ...]

Fetches Lighthouse with `npx` into a cache of its own; nothing of it is part of paperround.
"""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from e2e.test_pages_browser import _paths
from support.chromium import CHROMIUM, chromium
from support.service import ADMIN_TOKEN, running

_ERRORS = ("search wrong", "nothing here", "bad link")  # Lighthouse looks at no page whose status is an error
_FLAGS = ("--quiet", "--only-categories=accessibility", "--output=json", "--chrome-flags=--headless --no-sandbox")


def main(wanted: list[str]) -> int:
    """Print each page's mark and what is wrong with it; 1 where one is below 100."""
    worst = 100
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), PAPERROUND_SITE__ADMIN_TOKEN=ADMIN_TOKEN) as base,
    ):
        with chromium() as browser:
            paths = _paths(base, browser.new_page())
        cookie = _logged_in(base)
        for name, path in paths.items():
            if (not wanted or name in wanted) and name not in _ERRORS:
                mark, wrong = _examined(base + path, cookie, Path(folder))
                worst = min(worst, mark)
                print(f"{mark:4} {name} {'; '.join(wrong)}", flush=True)
    return int(worst < 100)


def _logged_in(base: str) -> str:
    answer = httpx.post(f"{base}/admin/login", data={"token": ADMIN_TOKEN})
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def _examined(url: str, cookie: str, folder: Path) -> tuple[int, list[str]]:
    headers = folder / "headers.json"
    headers.write_text(json.dumps({"Cookie": cookie}))
    run = subprocess.run(
        ["npx", "--yes", "lighthouse", url, *_FLAGS, f"--extra-headers={headers}"],
        env={**os.environ, "CHROME_PATH": str(CHROMIUM)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(run.stdout)
    except ValueError:
        return 0, [run.stderr.strip()[-300:]]
    if (error := report.get("runtimeError", {}).get("code", "NO_ERROR")) != "NO_ERROR":
        return 0, [error]
    wrong = [audit["title"] for audit in report["audits"].values() if audit["score"] == 0]
    return round(report["categories"]["accessibility"]["score"] * 100), wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
