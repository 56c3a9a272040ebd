"""The seeds: three days of papers and three invented subscribers, as if a new site had run for three days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

from paperround.app import App
from paperround.domain.models import Listing, Paper
from paperround.process.resources import folder
from paperround.rounds import topic_matching
from paperround.subscribers import csv_file
from paperround.subscribers.csv_import import ImportOptions, import_subscribers

_SEEDS_VALUE = "seeds"
_BEGUN, _LOADED = "begun", "loaded"
_DEFAULT_TOPICS = 3


@dataclass(frozen=True, slots=True)
class SeedPaper:
    """A line of seeds/papers.jsonl, dated relative to today."""

    facts: dict[str, Any]
    announced: date
    votes: Sequence[int]
    """How many votes it had by the end of each day since it was announced."""

    @classmethod
    def read_all(cls, file: Path, today: date) -> list[Self]:
        """Return the papers of the file, the newest of them announced today."""
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        later = today - max(date.fromisoformat(line["day"]) for line in lines)
        return [cls(line, date.fromisoformat(line["day"]) + later, line["votes_by_day"]) for line in lines]

    def listing(self, day: date, thumbnail_url: str | None) -> Listing | None:
        """Return what the source said of the paper on this day; None before it was announced."""
        age = (day - self.announced).days
        if age < 0:
            return None
        share = (age + 1) / len(self.votes)
        counts = {name: int(self.facts[name] * share) for name in ("comments", "stars") if name in self.facts}
        listed: dict[str, Any] = {"day": self.announced, "upvotes": self.votes[age], "thumbnail_url": thumbnail_url}
        return Listing.model_validate(self.facts | counts | listed)


def load_seeds(app: App) -> bool:
    """Load the example papers and subscribers into an empty database; returns whether it did.

    The papers are announced on the last three days, with the votes that they had by each of these days, and the
    subscribers' first emails are due at once. Interrupted, it goes on where it stopped at the next start.
    """
    state = app.store.site_values.get(_SEEDS_VALUE)
    if state == _LOADED or (not state and (app.store.papers.count() or app.store.subscribers.count())):
        return False
    app.store.site_values.set(_SEEDS_VALUE, _BEGUN)
    seeds, now = folder("seeds"), app.clock()
    papers = SeedPaper.read_all(seeds / "papers.jsonl", now.date())
    thumbnails = _keep_pictures(app, seeds / "pictures", now) if app.settings.site.pictures else {}
    days = max(len(paper.votes) for paper in papers)
    for moment in (now - timedelta(days=ago) for ago in reversed(range(days))):
        listings = (paper.listing(moment.date(), thumbnails.get(paper.facts["arxiv_id"])) for paper in papers)
        app.store.papers.add([listing for listing in listings if listing], moment)
    topic_matching.match_papers(app)
    _add_subscribers(app, seeds / "subscribers.csv")
    app.store.site_values.set(_SEEDS_VALUE, _LOADED)
    return True


def is_example(paper: Paper) -> bool:
    """Return whether a paper's text is that of the seeds, which no source has replaced yet."""
    return paper.arxiv_id is not None and _texts().get(paper.arxiv_id) == paper.abstract


@cache
def _texts() -> dict[str, str]:
    """Return the texts of the seeds by arXiv identifier."""
    lines = (folder("seeds") / "papers.jsonl").read_text(encoding="utf-8").splitlines()
    return {facts["arxiv_id"]: facts["abstract"] for facts in map(json.loads, lines)}


def _keep_pictures(app: App, directory: Path, now: datetime) -> dict[str, str]:
    """Store the pictures; the address at which the site serves each, by arXiv identifier."""
    from paperround.sources import pictures  # noqa: PLC0415 - brings Pillow

    addresses: dict[str, str] = {}
    for file in sorted(directory.glob("*.jpg")):
        picture, content = pictures.make_small(file.read_bytes())
        addresses[file.stem] = f"{app.site.base_url}/pictures/{picture.name}.jpg"
        app.store.pictures.keep(addresses[file.stem], picture, content, now)
    return addresses


def _add_subscribers(app: App, file: Path) -> None:
    # An operator who has topics of their own gets the seeds' subscribers as far as those fit.
    slugs = sorted(topic.slug for topic in app.store.topics.all())
    options = ImportOptions(confirmed=True, default_topics=slugs[:_DEFAULT_TOPICS], first_now=True)
    with file.open("rb") as data:
        import_subscribers(app, csv_file.read(data), options)
