"""What the Nu Html Checker says of every page, in English and German; needs Debian's chromium, Java and the checker.

    npm install vnu-jar && python tests/support/vnu.py node_modules/vnu-jar/build/dist/vnu.jar

Nothing of the checker is part of paperround.
"""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from e2e.test_pages_browser import _paths
from support.chromium import chromium
from support.service import ADMIN_TOKEN, running

_LANGUAGES = ("en", "de")


def main(jar: Path) -> int:
    """Print what is wrong on which page; 1 where anything is."""
    with tempfile.TemporaryDirectory() as name, running(Path(name), PAPERROUND_SITE__ADMIN_TOKEN=ADMIN_TOKEN) as base:
        with chromium() as browser:
            paths = _paths(base, browser.new_page())
        folder = Path(name) / "pages"
        folder.mkdir()
        with httpx.Client(follow_redirects=True, timeout=60) as visitor:
            visitor.get(base.entry)
            visitor.post(f"{base}/admin/login", data={"token": ADMIN_TOKEN})
            for page, path in paths.items():
                for language in _LANGUAGES:
                    answer = visitor.get(f"{base}{path}", headers={"Accept-Language": language})
                    if answer.headers["content-type"].startswith("text/html"):
                        (folder / f"{page}.{language}.html").write_bytes(answer.content)
        command = ["java", "-jar", str(jar), "--format", "json", "--also-check-css", str(folder)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(run.stderr)["messages"]
    for one in found:
        where = Path(one.get("url", "")).name
        print(f"{where}:{one.get('lastLine')}: {one.get('subType') or one['type']}: {one['message']}")
    print(f"{len(found)} messages about {2 * len(paths)} pages")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
