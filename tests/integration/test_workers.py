"""`web`, `scheduler` and `worker` as programs of their own: any of them may die at any time, and the database too.

PAPERROUND_LETTERS, PAPERROUND_KILLS and PAPERROUND_WORKERS make it larger.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import httpx
import pytest

from paperround.app import App
from paperround.domain.errors import ConfigurationError, StoreError, UsageError
from paperround.rounds import pipeline
from paperround.rounds.scheduler import Scheduler
from paperround.rounds.task_queue import TaskQueue
from paperround.serve import run_worker
from paperround.settings import Settings
from paperround.sources import SourceState
from paperround.store.sources import SourceRecord
from support import postgres
from support.papers import listing
from support.ports import free_port
from support.site import MORNING, Site
from support.smtp_server import SmtpServer

KILLS = int(os.environ.get("PAPERROUND_KILLS", "6"))
LETTERS = int(os.environ.get("PAPERROUND_LETTERS", "3000"))
WORKERS = int(os.environ.get("PAPERROUND_WORKERS", "3"))
IN_DOUBT = 16
NOW = MORNING + timedelta(hours=1)


@contextmanager
def programs(folder: Path, url: str, port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Where the programs that were started are kept, by name; all are ended with the block."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield running
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def start(folder: Path, url: str, port: int, now: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PAPERROUND_DATABASE_URL": url,
        "PAPERROUND_RUNNER__KIND": "procrastinate",
        "PAPERROUND_SECRET_KEY": "a key for tests that is long enough",
        "PAPERROUND_SOURCES": "[]",
        "PAPERROUND_TRANSPORT": "{}",
        "PAPERROUND_TRANSPORT__KIND": "smtp",
        "PAPERROUND_TRANSPORT__HOST": "127.0.0.1",
        "PAPERROUND_TRANSPORT__PORT": str(port),
        "PAPERROUND_TRANSPORT__TLS": "none",
        "PAPERROUND_TRANSPORT__MAX_IN_DOUBT": str(IN_DOUBT),
        # Longer than a worker ever waits for a processor: after its lease, others send its letters again.
        "PAPERROUND_DELIVERY__LEASE": "10",
        "PAPERROUND_TOPICS_FILE": str(folder / "topics.toml"),
    }
    command = [sys.executable, "-c", "from paperround.cli import main; main()", "--now", now, *arguments]
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_workers_that_are_killed_and_a_database_that_crashes_leave_nobody_without_a_letter(tmp_path: Path) -> None:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    chance, everybody = random.Random(7), {f"subscriber{number}@example.org" for number in range(LETTERS)}
    with postgres.cluster() as server, SmtpServer() as relay:
        url = server.replace("postgresql:", "postgresql+psycopg:", 1)
        site = Site(tmp_path, url)
        site.topic("robots")
        site.subscribers(everybody, "robots")
        site.papers(*(listing(number) for number in range(4)))
        queue, began, kills = TaskQueue(url, site.app.store, 1), time.monotonic(), 0
        sent_at_last = 0

        def worker(*arguments: str) -> subprocess.Popen[bytes]:
            now = NOW + timedelta(seconds=time.monotonic() - began)
            return start(tmp_path, url, relay.port, now.isoformat(), *arguments)

        with programs(tmp_path, url, relay.port) as running:
            running |= {f"worker {number}": worker("worker") for number in range(WORKERS)}
            running["scheduler"] = worker("scheduler")
            while not _all_sent(site):
                for name in ("sweep", "round"):
                    queue.submit(name)
                time.sleep(chance.uniform(1.5, 3))
                if kills < (KILLS if relay.received else KILLS // 2):  # half of them while letters are sent
                    name = chance.choice([name for name in running if name != "scheduler" or kills == 1])
                    sent_at_last = len(relay.received)
                    running[name].kill()
                    running[name].wait()
                    running[name] = worker(name.split()[0])
                    kills += 1
                if kills == KILLS * 3 // 4:
                    server.restart()
                    kills += 1
        queue.close()
        site.app.close()
        got = relay.recipients()
        ids: dict[str, set[str]] = {}
        for letter in relay.received:
            ids.setdefault(letter.recipient, set()).add(str(message_from_bytes(letter.message)["Message-ID"]))
    doubled = sum(copies - 1 for copies in got.values())
    sys.stderr.write(
        f"\n{LETTERS} letters, {kills} crashes, the last after {sent_at_last} were sent: "
        f"{len(everybody - set(got))} missing, {doubled} doubled\n"
    )
    assert set(got) == everybody
    # the database's crash concerns each worker
    assert doubled <= (kills - 1 + WORKERS) * IN_DOUBT
    assert Counter(len(found) for found in ids.values()) == {1: LETTERS}


def _all_sent(site: Site) -> bool:
    try:
        return site.app.store.delivery_reports.count() == {"sent": LETTERS}
    except StoreError:
        return False  # it is away for a moment


@pytest.mark.slow
def test_pages_of_their_own_call_a_worker_for_the_letter_that_their_visitor_waits_for(
    tmp_path: Path, postgres_url: str
) -> None:
    site = Site(tmp_path, postgres_url)
    site.topic("robots")
    with SmtpServer() as relay, programs(tmp_path, postgres_url, relay.port) as running:
        port = free_port()
        later = NOW + timedelta(minutes=1)  # nothing is due yet for a clock that goes behind
        running["worker"] = start(tmp_path, postgres_url, relay.port, later.isoformat(), "worker")
        running["web"] = start(tmp_path, postgres_url, relay.port, NOW.isoformat(), "web", "--port", str(port))
        until, answer = time.monotonic() + 60, ""
        form = {"email": "ada@example.org", "topic": "robots", "cadence": "daily", "at": "07:30"}
        while not relay.received:
            with suppress(httpx.ConnectError):
                answer = httpx.post(f"http://127.0.0.1:{port}/subscribe", data=form).text
            assert time.monotonic() < until, answer + (tmp_path / "worker.log").read_text()
            time.sleep(0.5)
        assert relay.received[0].recipient == "ada@example.org"
        for name in ("web", "worker"):
            running[name].send_signal(signal.SIGTERM)
            assert running[name].wait(20) == 143, (tmp_path / f"{name}.log").read_text()
    site.app.close()


def test_a_task_waits_once_however_often_it_is_submitted(tmp_path: Path, postgres_url: str) -> None:
    site = Site(tmp_path, postgres_url)
    queue = TaskQueue(postgres_url, site.app.store, 1)
    done: list[str] = []
    for name in ("round", "sweep", "round", "round"):
        queue.submit(name)

    def run(name: str) -> None:
        done.append(name)

    queue.work(run)
    until = time.monotonic() + 30
    while len(done) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    queue.close()
    assert sorted(done) == ["round", "sweep"]
    again = TaskQueue(postgres_url, site.app.store, 1)  # its tables are there by now
    again.close()
    site.app.close()


def test_of_several_programs_one_asks_a_source_when_its_time_has_come(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [{"name": "feed", "kind": "feed", "url": "https://feeds.example.org/none", "schedule": "0 6 * * *"}]
    sites = [Site(tmp_path, database_url, sources=sources) for _ in range(2)]
    asked: list[str] = []

    def ingest(app: App, names: Sequence[str]) -> list[pipeline.IngestReport]:
        asked.extend(names)
        if len(asked) == 1:
            Scheduler(sites[1].app).run("ingest feed")  # while the first one is asking
        app.store.sources.save(SourceRecord("feed", SourceState.FRESH, "", app.clock()))
        return []

    monkeypatch.setattr(pipeline, "ingest", ingest)
    Scheduler(sites[0].app).run("ingest feed")
    Scheduler(sites[1].app).run("ingest feed")
    assert asked == ["feed"]
    for site in sites:
        site.clock.now += timedelta(days=1)
    Scheduler(sites[1].app).run("ingest feed")
    assert asked == ["feed", "feed"]
    for site in sites:
        site.app.close()


def test_letters_of_a_day_stay_below_the_limit_for_several_programs_together(
    tmp_path: Path, database_url: str
) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    site.subscribers([f"subscriber{number}@example.org" for number in range(30)], "robots")
    site.papers(listing(1))
    site.clock.now += timedelta(hours=2)
    pipeline.publish(site.app)
    queue, now, lease = site.app.store.deliveries, site.clock(), timedelta(minutes=1)
    taken = [len(queue.claim(now, 10, name, lease, per_day=25).deliveries) for name in ("a", "b", "c", "d")]
    assert taken == [10, 10, 5, 0]
    site.app.close()


def test_workers_without_a_queue_are_told_what_to_run_instead(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with pytest.raises(UsageError, match="run `paperround scheduler`"):
        run_worker(site.app)
    site.app.close()


def test_a_queue_without_postgresql_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"PAPERROUND_DATABASE_URL=postgresql"):
        Settings(_env_file=None, runner={"kind": "procrastinate"}, database_url="sqlite:///data/paperround.db")


def test_without_its_package_the_queue_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with pytest.raises(ConfigurationError, match=r"its extra `procrastinate`"):
        TaskQueue("postgresql+psycopg://localhost/none", site.app.store, 1)
    site.app.close()
