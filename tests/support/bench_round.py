"""What importing and publishing cost for each subscriber, in microseconds of processor time.

It is the program's own time and, on PostgreSQL, the server's.

    python tests/support/bench_round.py 1000 10000 [--matches 100] [--topics 400] [--papers 1000] [--postgres]

A subscriber follows one to five of the topics and has `--matches` unread matches on average. The first morning is
measured, and the second one, on which no letter has been sent and all papers are unsent.
"""

# ruff: noqa: E402, T201 - it is a program that prints, and finds its neighbors itself

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from operator import sub
from pathlib import Path

from sqlalchemy import insert, select, text, update

sys.path[:0] = [str(Path(__file__).parent.parent)]

from paperround.process import garbage
from paperround.rounds import pipeline
from paperround.store.engine import writing
from paperround.store.schema import matches, papers, subscribers, topics
from paperround.subscribers import csv_file, csv_import
from support import postgres
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site

_FOLLOWED = 3  # topics, on average
_AT_ONCE = 500


def main() -> None:
    """Measure each size on a new database."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("sizes", type=int, nargs="+", help="how many subscribers")
    options.add_argument("--matches", type=int, default=100, help="unread matches of each, on average")
    options.add_argument("--topics", type=int, default=400, help="topics to follow")
    options.add_argument("--papers", type=int, default=1_000, help="new papers")
    options.add_argument("--postgres", action="store_true", help="on PostgreSQL")
    chosen = options.parse_args()
    for size in chosen.sizes:
        with (
            tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder,
            postgres.cluster() if chosen.postgres else contextlib.nullcontext("") as server,
        ):
            site = Site(Path(folder), server.replace("://", "+psycopg://", 1) or None)
            print(f"{size:>9,}  " + "  ".join(measure(site, size, chosen)), flush=True)
            site.app.close()


def measure(site: Site, size: int, options: argparse.Namespace) -> list[str]:
    """The costs of each step, as texts."""
    chance = random.Random(7)
    add_papers(site, options, chance)
    slugs = [f"t{number}" for number in range(options.topics)]
    lines = ["email,name,topics,at"]
    lines += (
        f"s{number}@mail.example,Ada {number},{';'.join(chance.sample(slugs, chance.randint(1, 5)))},07:00"
        for number in range(size)
    )
    data, confirmed = "\n".join(lines).encode(), csv_import.ImportOptions(confirmed=True)
    imported = _timed(
        site, lambda: csv_import.import_subscribers(site.app, csv_file.read(io.BytesIO(data)), confirmed)
    )
    with writing(engine_of(site.app.store)) as db:
        db.execute(update(subscribers).values(last_edition=0))
        if db.dialect.name == "postgresql":
            db.execute(text("ANALYZE"))
    site.clock.now = MORNING + timedelta(hours=2)
    published = _timed(site, lambda: pipeline.publish(site.app))
    site.clock.now += timedelta(days=1)
    again = _timed(site, lambda: pipeline.publish(site.app))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        f"import {_each(imported, size)}",
        f"publish {_each(published, size)}",
        f"after every letter expired {_each(again, size)}",
        f"at most {most:,.0f} MB",
    ]


def add_papers(site: Site, options: argparse.Namespace, chance: random.Random) -> None:
    """Store topics, papers, and each paper's matches with as many topics as give subscribers their unread matches."""
    numbers = range(options.papers)
    topics_each = options.matches * options.topics // (_FOLLOWED * options.papers)
    for start in range(0, options.papers, _AT_ONCE):
        some = (listing(n, upvotes=int(chance.paretovariate(0.9)) - 1) for n in numbers[start : start + _AT_ONCE])
        site.app.store.papers.add(list(some), site.clock())
    with writing(engine_of(site.app.store)) as db:
        topic = {"about": "", "private": False}
        db.execute(
            insert(topics),
            [
                topic | {"slug": f"t{n}", "name": f"Topic {n}", "query": f"w{n}", "matched_query": f"w{n}"}
                for n in range(options.topics)
            ],
        )
        known = db.scalars(select(topics.c.row)).all()
        match = {"day": MORNING.date(), "why": ["title: robots"], "edition": None}
        db.execute(
            insert(matches),
            [
                match | {"topic": one, "paper": row, "score": round(chance.random(), 4)}
                for row in db.scalars(select(papers.c.row)).all()
                for one in chance.sample(known, topics_each)
            ],
        )
        db.execute(update(papers).values(unmatched=False))


def _timed(site: Site, step: Callable[[], object]) -> tuple[float, ...]:
    """Return the processor time that the program took, and PostgreSQL's server if there is one."""
    garbage.collect_seldom()  # as a command does when it has started
    before = time.process_time(), *_server_time(site)
    step()
    return tuple(map(sub, (time.process_time(), *_server_time(site)), before))


def _server_time(site: Site) -> tuple[float, ...]:
    """Return the processor time of all processes of the PostgreSQL server so far; nothing for SQLite."""
    with writing(engine_of(site.app.store)) as db:
        if db.dialect.name != "postgresql":
            return ()
        folder = Path(db.scalar(text("SHOW data_directory")))
    main = int((folder / "postmaster.pid").read_text().split()[0])
    # After the name in parentheses: the parent is the second field; user, system, and those of ended children.
    all_processes = {int(one.parent.name): _fields(one) for one in Path("/proc").glob("[0-9]*/stat")}
    mine = [fields for number, fields in all_processes.items() if main in (number, int(fields[1]))]
    own = sum(int(fields[11]) + int(fields[12]) for fields in mine)
    ended = all_processes[main][13:15]
    return ((own + sum(map(int, ended))) / os.sysconf("SC_CLK_TCK"),)


def _fields(stat: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()
    return ["0"] * 15  # it has just ended


def _each(seconds: tuple[float, ...], size: int) -> str:
    return " + ".join(f"{one / size * 1e6:,.0f}" for one in seconds) + " µs"


if __name__ == "__main__":
    main()
