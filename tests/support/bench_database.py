"""A large made-up database for benchmarks: papers of two years, their matches, and many subscribers.

Some thousand papers are put together from the seeds' sentences, stored and matched as in a round; the rest are
variants of these under other names, with rare words of their own, written straight into the tables.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from paperround.app import App
from paperround.domain.models import Listing, Paper
from paperround.matching import fts
from paperround.operator.startup import open_site
from paperround.process.chunks import chunked
from paperround.process.resources import folder
from paperround.rounds import topic_matching
from paperround.settings import Settings

SECRET = "a key that benchmarks sign links with"
EDITIONS = 30
"""So many editions, one a day, the newest closed today; what is older is in the archive."""
READ = EDITIONS - 1
"""Up to this one every subscriber has had everything."""
_DAYS = 730
_PATTERNS = 2_000
_AT_ONCE = 2_000
_NAMES = 3_000
_RARE_WORDS = 40_000
_NEVER = "2100-01-01 00:00:00.000000"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A paper that was stored and matched, and its columns of the search index."""

    paper: Paper
    facts: dict[str, Any]
    words: dict[str, str]
    matches: list[tuple[int, float, str]]


def make(file: Path, papers: int, subscribers: int, today: date) -> None:
    """Write the database, whole or not at all."""
    part = file.with_suffix(".part")
    for left in file.parent.glob(part.name + "*"):
        left.unlink()
    app = open_site(settings=Settings(_env_file=None, database_url=f"sqlite:///{part}", secret_key=SecretStr(SECRET)))
    chance = random.Random(7)
    db = sqlite3.connect(part, isolation_level=None)
    try:
        patterns = _patterns(app, db, min(papers, _PATTERNS), today, chance)
        db.execute("PRAGMA synchronous = OFF")
        _add_editions(db, today)
        for numbers in chunked(range(len(patterns) + 1, papers + 1), _AT_ONCE):
            db.execute("BEGIN")
            ages = [(_DAYS - 1) * (papers - number) // papers for number in numbers]
            variants = [_variant(*one, patterns, today, chance) for one in zip(numbers, ages, strict=True)]
            _add_papers(db, variants)
            db.execute("COMMIT")
        _add_subscribers(db, subscribers, len(app.store.topics.all()), chance)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.close()
        app.close()
    part.replace(file)


# --- papers ---------------------------------------------------------------------------------------------------


def _patterns(app: App, db: sqlite3.Connection, number: int, today: date, chance: random.Random) -> list[Pattern]:
    seeds = [json.loads(line) for line in (folder("seeds") / "papers.jsonl").read_text().splitlines()]
    sentences = [s for seed in seeds for s in re.split(r"(?<=\.) ", seed["abstract"])]
    titles = [seed["title"] for seed in seeds]
    # As old as papers get: they are in the archive, and so are their matches.
    old = today - timedelta(days=_DAYS)
    now = datetime(old.year, old.month, old.day, 6, tzinfo=UTC)
    listings = [_pattern(n, titles, sentences, old, chance) for n in range(1, number + 1)]
    for some in chunked(listings, 500):
        app.store.papers.add(some, now, unmailed=True)
    topic_matching.match_papers(app)
    found: dict[int, list[tuple[int, float, str]]] = {}
    for topic, row, score, why in db.execute("SELECT topic, paper, score, why FROM matches"):
        found.setdefault(row, []).append((topic, score, why))
    facts = {row: json.loads(text) for row, text in db.execute("SELECT row, facts FROM papers")}
    return [
        Pattern(paper, facts[paper.row], dict(fts.index_document(paper)), found.get(paper.row, []))
        for paper in app.store.papers.latest(number)
    ]


def _pattern(number: int, titles: list[str], sentences: list[str], day: date, chance: random.Random) -> Listing:
    one, other = (chance.choice(titles).split() for _ in range(2))
    name = f"2401.{number:05d}"
    return Listing(
        source="arxiv",
        kind="arxiv",
        day=day,
        arxiv_id=name,
        version=1,
        title=" ".join([*one[: len(one) // 2 + 1], *other[len(other) // 2 :]]),
        abstract=" ".join(chance.sample(sentences, 6)),
        authors=_authors(chance),
        categories=("cs.LG", chance.choice(("cs.AI", "cs.CL", "cs.CV", "cs.RO"))),
        url=f"https://arxiv.org/abs/{name}",
    )


def _variant(number: int, age: int, patterns: list[Pattern], today: date, chance: random.Random) -> Iterator[Any]:
    """The rows of one paper, `age` days old: paper, listing, key, index, matches."""
    pattern = chance.choice(patterns)
    day = today - timedelta(days=age)
    name = f"p{number:012d}"
    upvotes = min(int(chance.paretovariate(0.9)) - 1, 2_000)
    rare = " ".join(_rare(chance) for _ in range(12))
    authors = _authors(chance)
    facts = pattern.facts | {
        "title": f"{pattern.paper.title} {number}",
        "abstract": f"{pattern.paper.abstract} {rare}.",
        "authors": list(authors),
        "arxiv_id": None,
        "url": f"https://papers.example/{name}",
        "upvotes": upvotes,
        "comments": upvotes // 7,
    }
    text, seen = json.dumps(facts), f"{day} 06:00:00.000000"
    words = pattern.words | {
        "title": f"{number} {pattern.words['title']}",
        "abstract": f"{pattern.words['abstract']} {rare}",
        "author": " . ".join(name.lower() for name in authors),
    }
    edition = max(0, EDITIONS - age)
    yield number, name, facts["title"], text, '["arxiv"]', str(day), upvotes, seen, 0, int(edition == 0)
    yield number, "arxiv", str(day), text, seen
    yield f"url:papers.example/{name}", number
    yield number, *words.values()
    yield [(topic, number, str(day), score, why, edition) for topic, score, why in pattern.matches]


def _add_papers(db: sqlite3.Connection, variants: list[Iterator[Any]]) -> None:
    papers, listings, keys, indexed, matches = zip(*variants, strict=True)
    paper_columns = "row, id, title, facts, sources, day, upvotes, first_seen, unmatched, archived"
    _insert(db, f"papers ({paper_columns})", papers)
    _insert(db, "listings (paper, source, day, facts, seen_at)", listings)
    _insert(db, "paper_keys (key, paper)", keys)
    _insert(db, f"paper_index (rowid, {', '.join(fts.Field)})", indexed)
    found = [match for some in matches for match in some]
    _insert(db, "matches (topic, paper, day, score, why, edition)", found)


def _authors(chance: random.Random) -> tuple[str, ...]:
    return tuple(f"Ada Author{int(_NAMES * chance.random() ** 3)}" for _ in range(chance.randint(1, 8)))


def _rare(chance: random.Random) -> str:
    """A made-up word; the lower its number, the more often it comes (Zipf)."""
    return f"word{int(_RARE_WORDS ** chance.random())}"


# --- subscribers --------------------------------------------------------------------------------------------------


def _add_editions(db: sqlite3.Connection, today: date) -> None:
    days = [(n, f"{today - timedelta(days=EDITIONS - n)} 06:00:00.000000") for n in range(1, EDITIONS + 1)]
    _insert(db, "editions (number, closed_at)", days)


def _add_subscribers(db: sqlite3.Connection, subscribers: int, topics: int, chance: random.Random) -> None:
    created = "2026-01-01 00:00:00.000000"
    popular = list(accumulate(1 / place for place in range(1, topics + 1)))
    columns = (
        "row, email, email_key, name, state, cadence, at, timezone, weekday, monthday, max_papers, theme, language, "
        "next_digest_at, last_issue_day, last_edition, created_at, confirmed_at, consent"
    )
    people, follows = [], []
    for row in range(1, subscribers + 1):
        email = f"subscriber{row}@mail.example"
        at = f"{chance.randrange(24):02d}:{chance.choice((0, 30)):02d}:00.000000"
        people.append(
            (
                row,
                email,
                email,
                "",
                "active",
                "daily",
                at,
                "UTC",
                0,
                1,
                10,
                "paper",
                chance.choice(("en", "de")),
                _NEVER,
                None,
                READ,
                created,
                created,
                "{}",
            )
        )
        chosen = set(chance.choices(range(1, topics + 1), cum_weights=popular, k=chance.randint(1, 5)))
        follows += [(row, topic, place, created) for place, topic in enumerate(sorted(chosen))]
    db.execute("BEGIN")
    _insert(db, f"subscribers ({columns})", people)
    _insert(db, "subscriptions (subscriber, topic, place, created_at)", follows)
    db.execute("COMMIT")


def _insert(db: sqlite3.Connection, into: str, rows: Any) -> None:
    rows = list(rows)
    if rows:
        db.executemany(f"INSERT INTO {into} VALUES ({', '.join('?' * len(rows[0]))})", rows)
