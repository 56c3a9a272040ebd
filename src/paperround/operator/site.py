"""A site on disk: making one, filling an empty one with the seeds, taking in lists of subscribers."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

from paperround.app import App
from paperround.domain.errors import ConfigurationError
from paperround.operator.startup import DATABASE, MISSING_KEY
from paperround.process.resources import folder
from paperround.rounds import pipeline
from paperround.settings import has_secret_key, load, with_secret_key
from paperround.subscribers import csv_file
from paperround.subscribers.csv_import import ImportOptions, import_subscribers

_SEEDED = "seeds"
_SEED_DAYS = 3
_ENV = """\
# Secrets and whatever differs from machine to machine; everything else stands in config/paperround.toml.
# PAPERROUND_TRANSPORT__KIND=smtp
# PAPERROUND_TRANSPORT__HOST=smtp.example.org
# PAPERROUND_TRANSPORT__USERNAME=
# PAPERROUND_TRANSPORT__PASSWORD=
# PAPERROUND_SITE__ADMIN_TOKEN=      a long secret that opens /admin
"""
_TEMPLATES = """\
# Templates of this site

A file here goes before the shipped one of the same name, which lies in
{shipped}

`email/themes/mine.html.j2` is a theme of your own to begin with: `paperround preview --topic SLUG --theme mine` shows
it, `--theme mine` gives it to a subscriber. Copy further files only to change them: a copy hides what a new version
mends in the original.
"""


def create(directory: Path) -> list[Path]:
    """Make a new site in a folder; files that are there already stay as they are."""
    copies = {Path("config", file.name): file for file in sorted(folder("config").iterdir())}
    # One theme to change, and no more: a copy of every template would hide what a new version mends.
    copies[Path("templates/email/themes/mine.html.j2")] = folder("templates") / "email/themes/paper.html.j2"
    made: list[Path] = []
    for name, source in copies.items():
        target = directory / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            made.append(target)
    readme = directory / "templates" / "README.md"
    if not readme.exists():
        readme.write_text(_TEMPLATES.format(shipped=folder("templates")), encoding="utf-8")
        made.append(readme)
    env = directory / ".env"
    if not env.exists():
        env.parent.mkdir(parents=True, exist_ok=True)
        env.touch(mode=0o600)
        env.write_text(_ENV, encoding="utf-8")
        made.append(env)
    settings = load(directory / "config" / "paperround.toml", env)
    if not has_secret_key(settings) and (directory / DATABASE).exists():
        raise ConfigurationError(MISSING_KEY.format(why="letters of this site may have links signed with it"))
    with_secret_key(settings, env)
    return made


def _redated(lines: str, today: date) -> str:
    """The papers of an export, dealt to the last three days in turn; when each was published stays as it is."""
    papers = [json.loads(line) for line in lines.splitlines() if line.strip()]
    for number, paper in enumerate(papers):
        paper["published"] = paper.get("published") or paper["day"]
        paper["day"] = (today - timedelta(days=number % _SEED_DAYS)).isoformat()
    return "\n".join(json.dumps(paper, ensure_ascii=False) for paper in papers)


def load_seeds(app: App) -> bool:
    """Fill an empty database with the seeds' papers and subscribers, their first digests due at once; whether it did.

    The papers are announced on the last three days, so that a new site has a today, a yesterday and the day before.
    """
    if app.store.note(_SEEDED) or app.store.papers.count() or app.store.subscribers.count():
        return False
    seeds = folder("seeds")
    papers = _redated((seeds / "papers.jsonl").read_text(encoding="utf-8"), app.clock().date())
    pipeline.ingest_file(app, [papers.encode()], "jsonl", "seeds")
    known = {topic.slug for topic in app.store.topics.all()}
    rows = csv_file.read((seeds / "subscribers.csv").read_bytes())
    # An operator who has made topics of their own gets the seeds' subscribers as far as those fit.
    options = ImportOptions(confirmed=True, default_topics=sorted(known)[:3], first_now=True)
    import_subscribers(app, rows, options)
    app.store.set_note(_SEEDED, "loaded")
    return True
