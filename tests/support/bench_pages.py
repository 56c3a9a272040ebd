"""How fast the pages answer with many papers and subscribers, idle and while a round is going on.

    python tests/support/bench_pages.py [--papers 200000] [--subscribers 100000] [--due 5000] [--seconds 60]
    python tests/support/bench_pages.py --only / --only "/search?q=model" --only "/subscribe (POST)"

The database is made once and kept in artefacts/; each run works on a copy. Figures swing by a third on a shared
machine; compare the columns of one run.
"""

# ruff: noqa: E402, T201 - it is a program that prints, and finds its neighbors itself

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

sys.path[:0] = [str(Path(__file__).parent.parent)]

from paperround.domain import tokens
from paperround.web import session_cookies
from support import bench_database as database
from support import service

ADMIN = "an operator's token for benchmarks"
_KEPT = Path("artefacts")
_ROUND_SECONDS = 300.0  # a round that takes longer is watched for so long
_SETTLING = 3.0
_BEGINS_THE_ROUND = "/subscribe (POST)"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what the table calls it, and how it is made."""

    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Times:
    """How long the answers to one request took, in milliseconds, and which of them were errors."""

    taken: list[float] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The time within which this share of the answers came."""
        ordered = sorted(self.taken) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


Table = dict[str, Times]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--papers", type=int, default=200_000)
    options.add_argument("--subscribers", type=int, default=100_000)
    options.add_argument("--due", type=int, default=5_000, help="subscribers that the round has letters for")
    options.add_argument("--days", type=int, default=1, help="how many days each of them has not read")
    options.add_argument("--seconds", type=float, default=60, help="how long the idle pages are asked")
    options.add_argument("--only", action="append", help="only the row of this name; may be repeated")
    options.add_argument("--clients", type=int, default=1)
    chosen = options.parse_args()
    kept = _database(chosen.papers, chosen.subscribers)
    with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
        file = Path(folder).absolute() / "pages.db"
        shutil.copyfile(kept, file)
        os.sync()  # or the first to subscribe waits until the disk has all of it
        settings = {
            "PAPERROUND_DATABASE_URL": f"sqlite:///{file}",
            "PAPERROUND_SECRET_KEY": database.SECRET,
            "PAPERROUND_SITE__ADMIN_TOKEN": ADMIN,
            "PAPERROUND_ROUNDS__PUBLISH": "0 0 1 1 *",  # the round is ours to begin
        }
        # The seeds would come into an empty database only; they are told apart by a note.
        with sqlite3.connect(file) as db:
            db.execute("INSERT OR REPLACE INTO notes VALUES ('seeds', 'not wanted')")
        with service.running(Path(folder), **settings) as base:
            _measure(base, file, chosen)


def _database(papers: int, subscribers: int) -> Path:
    today = datetime.now(UTC).date()
    kept = (_KEPT / f"pages-{papers}-{subscribers}.db").absolute()
    if kept.exists() and datetime.fromtimestamp(kept.stat().st_mtime, UTC).date() == today:
        return kept  # an older one has no papers of today
    _KEPT.mkdir(exist_ok=True)
    started = time.perf_counter()
    database.make(kept, papers, subscribers, today)
    print(f"{papers:,} papers and {subscribers:,} subscribers in {time.perf_counter() - started:.0f} s: {kept.name}")
    return kept


def _measure(base: str, file: Path, chosen: argparse.Namespace) -> None:
    wanted = {*chosen.only, _BEGINS_THE_ROUND} if chosen.only else set()
    asked = [one for one in _asked(file) if not wanted or one.name in wanted]
    _load(base, asked, chosen.clients, _until(_SETTLING))
    idle = _load(base, asked, chosen.clients, _until(chosen.seconds))
    _make_due(file, chosen.due, chosen.days)
    started, ends = time.perf_counter(), time.monotonic() + _ROUND_SECONDS
    busy = _load(base, asked, chosen.clients, lambda: time.monotonic() > ends or not _letters_wait(file))
    took = time.perf_counter() - started
    print(f"a round for {chosen.due:,} subscribers with {chosen.days} days unread took {took:.1f} s beside this load")
    print(f"{'':34}{'idle':>28}{'during the round':>36}")
    print(f"{'page':34}{'n':>6}{'p50':>7}{'p99':>7}{'max':>8}{'n':>11}{'p50':>7}{'p99':>7}{'max':>8}   errors")
    for name, times in idle.items():
        print(f"{name:34}{_columns(times)}     {_columns(busy[name])}   {times.failed + busy[name].failed or ''}")


def _columns(times: Times) -> str:
    return f"{len(times.taken):6}{times.at(0.5):7.1f}{times.at(0.99):7.1f}{times.at(1):8.1f}"


# --- the round ------------------------------------------------------------------------------------------------


def _make_due(file: Path, subscribers: int, days: int) -> None:
    """So many subscribers wait for a letter from now on; the next one who subscribes has the round begin."""
    with sqlite3.connect(file, timeout=30) as db:
        now = f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%d %H:%M:%S.%f}"
        due = "UPDATE subscribers SET next_digest_at = ?, last_edition = ? WHERE row <= ?"
        db.execute(due, (now, database.EDITIONS - days, subscribers))


def _letters_wait(file: Path) -> bool:
    with sqlite3.connect(file) as db:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        due = "SELECT 1 FROM subscribers WHERE state = 'active' AND next_digest_at <= ? LIMIT 1"
        queued = "SELECT 1 FROM deliveries WHERE state IN ('queued', 'sending') AND issue IS NOT NULL LIMIT 1"
        return bool(db.execute(due, (now,)).fetchone() or db.execute(queued).fetchone())


# --- the load -------------------------------------------------------------------------------------------------


def _until(seconds: float) -> Callable[[], bool]:
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() > ends


def _load(base: str, asked: list[Asked], clients: int, over: Callable[[], bool]) -> Table:
    """Ask all of it in turn, over and over, one request at a time for each client."""
    table: Table = {one.name: Times() for one in asked}

    def client(number: int) -> None:
        for done in count():
            if done >= len(asked) and over():  # each is asked once at least
                return
            one = asked[(done + number * 7) % len(asked)]
            _ask(base, one, table[one.name], f"{number}-{time.monotonic_ns()}")

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return table


def _ask(base: str, one: Asked, times: Times, mark: str) -> None:
    # Every visitor has an address of their own: there is a limit on how often one may subscribe or try.
    address = f"127.{hash(mark) % 250 + 1}.{hash(mark) // 250 % 250 + 1}.{hash(mark) // 62_500 % 250 + 1}"
    connection = http.client.HTTPConnection(
        "127.0.0.1", urlsplit(base).port or 80, timeout=60, source_address=(address, 0)
    )
    try:
        connection.connect()
        started = time.perf_counter()
        body = one.body.replace("MARK", mark) or None
        connection.request("POST" if body else "GET", one.path, body, one.headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    times.taken.append((time.perf_counter() - started) * 1e3)
    if answer.status >= http.client.BAD_REQUEST:
        times.failed.append(answer.status)


def _asked(file: Path) -> Iterator[Asked]:
    """Every page that people use."""
    keys = tokens.keys(database.SECRET)
    with sqlite3.connect(file) as db:
        (paper,) = db.execute("SELECT id FROM papers ORDER BY row DESC LIMIT 1").fetchone()
        (slug,) = db.execute("SELECT slug FROM topics ORDER BY row LIMIT 1").fetchone()
        (day,) = db.execute("SELECT max(day) FROM papers").fetchone()
        made = session_cookies.make_cookie()
        hashed = session_cookies.hash_cookie(keys, session_cookies.COOKIE, ADMIN, made)[0]
        ends = (datetime.now(UTC) + session_cookies.HOLDS).strftime("%Y-%m-%d %H:%M:%S.%f")
        db.execute("INSERT INTO sessions (hash, expires_at) VALUES (?, ?)", (hashed, ends))
    cookie = {"Cookie": f"{session_cookies.COOKIE}={made}"}
    bearer = {"Authorization": f"Bearer {ADMIN}"}
    for path in ("/", "/?view=week", "/?view=month", f"/?topic={slug}", f"/?date={day}&page=2", "/trending"):
        yield Asked(path, path)
    for path in ("/topics", f"/topics/{slug}", f"/topics/{slug}?page=50", "/feed.xml", "/feed.json"):
        yield Asked(path, path)
    yield Asked("/papers/…", f"/papers/{paper}")
    yield Asked("/topics/…/feed.xml", f"/topics/{slug}/feed.xml")
    for asked in (
        "model",
        "diffusion planning",
        '"reinforcement learning"',
        "rob*",
        "a*",
        'author:"ada author7"',
        "word1",
        "word39000",
        "model OR agent OR video",
        "model NOT robot",
        "title:benchmark cat:cs.RO",
    ):
        yield Asked(f"/search?q={asked}", f"/search?q={quote(asked)}")
    yield Asked("/search/feed.xml?q=model", "/search/feed.xml?q=model")
    yield Asked("/subscribe", "/subscribe")
    form = {"email": "newMARK@mail.example", "topic": slug, "topics": slug, "cadence": "daily", "at": "07:00"}
    yield Asked(_BEGINS_THE_ROUND, "/subscribe", _FORM, urlencode({**form, "timezone": "UTC", "language": "en"}))
    yield Asked("/try?q=model", "/try?q=model")
    for letter, purpose in (("p", tokens.PREFERENCES), ("u", tokens.UNSUBSCRIBE)):
        yield Asked(f"/{letter}/…", f"/{letter}/{tokens.mint(keys, purpose, 7)}")
    for path in ("/admin", "/admin/subscribers", "/admin/subscribers/7", "/admin/topics", f"/admin/topics/{slug}"):
        yield Asked(path, path, cookie)
    for path in ("/admin/letters", "/admin/charts/letters.svg"):
        yield Asked(path, path, cookie)
    yield Asked("/api/papers", "/api/papers")
    yield Asked("/api/topics", "/api/topics")
    yield Asked("/api/subscribers", "/api/subscribers", bearer)
    yield Asked("/inbox", "/inbox", cookie)
    for path in ("/healthz", "/metrics", "/sitemap.xml", "/sitemap/0.xml", "/robots.txt"):
        yield Asked(path, path, bearer if path == "/metrics" else {})


if __name__ == "__main__":
    main()
