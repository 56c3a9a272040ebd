"""What the Nu Html Checker says of every page and kind of letter; needs Debian's chromium, Java and the checker.

    npm install vnu-jar && python tests/support/vnu.py node_modules/vnu-jar/build/dist/vnu.jar

Nothing of the checker is part of paperround.
"""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from e2e.test_pages_browser import _paths
from paperround.domain.preferences import Density
from paperround.domain.schedule import Cadence
from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.chromium import chromium
from support.letters import DAY, LANGUAGES, NOTICE_CONTEXT, NOTICES, THEMES, renderer
from support.service import ADMIN_TOKEN, running

# What letters need for Outlook on Windows: docs/letter.md gives the reasons.
_FOR_OUTLOOK = re.compile(
    "The “(?:cellpadding|cellspacing|width)” attribute on the “(?:table|td)” element is obsolete"
    "|The “align” attribute on the “(?:td|img)” element is obsolete"
)


def main(jar: Path) -> int:
    """Print what is wrong in which document; 1 where anything is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "documents"
        folder.mkdir()
        _save_pages(Path(name), folder)
        _save_letters(folder)
        count = len(list(folder.iterdir()))
        command = ["java", "-jar", str(jar), "--format", "json", "--also-check-css", str(folder)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [
        one
        for one in json.loads(run.stderr)["messages"]
        if not (one.get("url", "").endswith(".letter.html") and _FOR_OUTLOOK.match(one["message"]))
    ]
    for one in found:
        where = Path(one.get("url", "")).name
        print(f"{where}:{one.get('lastLine')}: {one.get('subType') or one['type']}: {one['message']}")
    print(f"{len(found)} messages about {count} documents")
    return int(bool(found))


def _save_pages(site: Path, folder: Path) -> None:
    with running(site, PAPERROUND_SITE__ADMIN_TOKEN=ADMIN_TOKEN) as base:
        with chromium() as browser:
            paths = {"preview": "/preview?email=zofia@dabrowska.example", **_paths(base, browser.new_page())}
        with httpx.Client(follow_redirects=True, timeout=60) as visitor:
            visitor.get(base.entry)
            visitor.post(f"{base}/admin/login", data={"token": ADMIN_TOKEN})
            for (page, path), language in itertools.product(paths.items(), LANGUAGES):
                answer = visitor.get(f"{base}{path}", headers={"Accept-Language": language})
                if answer.headers["content-type"].startswith("text/html"):
                    (folder / f"{page.replace('?', ' ')}.{language}.html").write_bytes(answer.content)


def _save_letters(folder: Path) -> None:
    for theme, language in itertools.product(THEMES, LANGUAGES):
        for cadence, density in itertools.product([one for one in Cadence if one is not Cadence.OFF], Density):
            subscriber = sample.subscriber(cadence).with_preferences(density=density)
            facts = LetterFacts(
                sample.digest(cadence), sample.PAPERS, subscriber, sample.LINKS, DAY, sample.counts(cadence)
            )
            html = renderer(theme, language).letter(facts).html
            (folder / f"{theme}.{language}.{cadence}.{density}.letter.html").write_text(html, encoding="utf-8")
        for kind in NOTICES:
            html = renderer(theme, language).notice(kind, sample.SUBSCRIBER, sample.LINKS, NOTICE_CONTEXT).html
            (folder / f"{theme}.{language}.{kind}.letter.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
