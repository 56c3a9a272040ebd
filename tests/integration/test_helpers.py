"""Letters that several processes send together: each once, whichever of them dies."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.app import NoProgress
from paperround.delivery import SmtpTransport
from paperround.domain.clock import machine_clock, running_from, standing_at
from paperround.rounds import helpers, pipeline
from paperround.settings import DeliverySettings, load
from support.papers import listing
from support.site import MORNING, Site
from support.smtp_server import SmtpServer, slow

LETTERS, IN_DOUBT, EACH = 600, 16, 100
NOW = MORNING + timedelta(hours=1)
EVERYBODY = {f"subscriber{number}@example.org" for number in range(LETTERS)}
TRANSPORT = {
    "kind": "smtp",
    "host": "127.0.0.1",
    "tls": "none",
    "helo": "papers.example",
    "connections": 5,
    "max_in_doubt": IN_DOUBT,
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class ProgressByThread(NoProgress):
    """Counts the finished letters by the thread that reports them."""

    def __init__(self) -> None:
        self.letters: Counter[str] = Counter()

    def advance(self, steps: int) -> None:
        self.letters[threading.current_thread().name] += steps


@contextmanager
def site_with_letters(folder: Path, server: SmtpServer, **delivery: int) -> Iterator[Site]:
    """A site with a letter queued for everybody, to be sent by two processes."""
    folder.mkdir(exist_ok=True)
    site = Site(folder, transport={**TRANSPORT, "port": server.port}, delivery={"processes": 2, **delivery})
    site.topic("robots")
    site.subscribers(EVERYBODY, "robots")
    site.papers(*(listing(number) for number in range(4)))
    site.clock.now = NOW
    assert pipeline.publish(site.app).composed == LETTERS
    site.app.clock, site.app.progress = standing_at(NOW), ProgressByThread()
    yield site
    site.app.close()


@pytest.fixture(autouse=True)
def _few_letters_are_worth_a_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "LETTERS_EACH", EACH)


def helper_processes(parent: int) -> list[int]:
    """The helper processes that this process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            is_helper = b"helper_process" in (folder / "cmdline").read_bytes()
            if int(status[1]) == parent and is_helper:
                found.append(int(folder.name))
    return found


def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends, "it did not happen within a minute"
        time.sleep(0.01)


@contextmanager
def delivering(site: Site) -> Iterator[list[pipeline.Tally]]:
    """Deliver on another thread while the block runs; the tally is there at its end."""
    tallies: list[pipeline.Tally] = []
    thread = threading.Thread(target=lambda: tallies.append(pipeline.deliver(site.app)))
    thread.start()
    yield tallies
    thread.join()


def test_two_processes_share_the_letters_and_the_connections(tmp_path: Path) -> None:
    with SmtpServer(slow("final", 0.02)) as server, site_with_letters(tmp_path, server) as site:
        tally = pipeline.deliver(site.app)
        assert tally.letters == Counter(sent=LETTERS)
        assert server.recipients() == dict.fromkeys(EVERYBODY, 1)
        assert server.peak == 5
        by_thread = site.app.progress.letters
        assert set(by_thread) == {"relay", "helper"}
        assert by_thread.total() == LETTERS
        assert helper_processes(os.getpid()) == []


def test_few_letters_or_a_limited_rate_need_no_helper(tmp_path: Path) -> None:
    with SmtpServer() as server, site_with_letters(tmp_path, server) as site:
        site.app.transport = site.app.transport.model_copy(update={"per_second": 400.0})
        assert len(helpers._shares(site.app)) == 1
    with SmtpServer() as server, site_with_letters(tmp_path / "b", server) as site:
        helpers.LETTERS_EACH = LETTERS // 2 + 1
        assert len(helpers._shares(site.app)) == 1
        helpers.LETTERS_EACH = LETTERS // 2
        assert len(helpers._shares(site.app)) == 2


def test_a_killed_helper_costs_only_time(tmp_path: Path) -> None:
    with SmtpServer(slow("final", 0.02)) as server, site_with_letters(tmp_path, server, lease=2, batch=50) as site:
        site.app.clock = running_from(NOW)
        with delivering(site) as tallies:
            until(lambda: site.app.progress.letters["helper"])
            os.kill(helper_processes(os.getpid())[0], signal.SIGKILL)
        assert tallies[0].letters["sent"] < LETTERS
        time.sleep(2)  # its lease ends
        pipeline.sweep(site.app)
        pipeline.deliver(site.app)
        assert set(server.recipients()) == EVERYBODY
        assert len(server.received) - LETTERS <= IN_DOUBT // 2
        assert site.app.store.deliveries.count() == {"sent": LETTERS}


def test_a_program_that_stops_stops_its_helpers(tmp_path: Path) -> None:
    with SmtpServer(slow("final", 0.05)) as server, site_with_letters(tmp_path, server) as site:
        with delivering(site) as tallies:
            until(lambda: site.app.progress.letters["helper"])
            site.app.stopping.set()
        assert helper_processes(os.getpid()) == []
        sent = len(server.received)
        assert 0 < sent < LETTERS
        assert tallies[0].letters == Counter(sent=sent)
        assert site.app.store.deliveries.count() == {"sent": sent, "queued": LETTERS - sent}


def test_helpers_of_a_killed_program_finish_their_letters_and_put_the_others_back(tmp_path: Path) -> None:
    transport = f"{{**{TRANSPORT}, 'port': int(sys.argv[2])}}"
    program = (
        "import sys; from pathlib import Path; from test_helpers import *; helpers.LETTERS_EACH = EACH\n"
        f"site = Site(Path(sys.argv[1]), transport={transport}, delivery={{'processes': 2, 'batch': 50}})\n"
        "site.app.clock = standing_at(NOW); pipeline.deliver(site.app)"
    )
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    with SmtpServer(slow("final", 0.05)) as server, site_with_letters(tmp_path, server) as site:
        command = [sys.executable, "-c", program, str(tmp_path), str(server.port)]
        running = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
        until(lambda: server.peak == 5)
        (helper,) = helper_processes(running.pid)
        running.kill()
        running.wait()
        until(lambda: not Path(f"/proc/{helper}").exists())
        states = site.app.store.deliveries.count()
        with closing(sqlite3.connect(tmp_path / "paperround.db")) as db:
            claims = db.execute("SELECT DISTINCT claim FROM deliveries WHERE state = 'sending'").fetchall()
        assert len(claims) == 1, "the killed program's, until its lease ends; the helper has put its own letters back"
        assert 0 < states["sent"] <= len(server.received)
        assert states["sent"] >= len(server.received) - IN_DOUBT
        assert len(server.received) < LETTERS
        site.app.clock = standing_at(NOW + timedelta(minutes=5))
        pipeline.sweep(site.app)
        pipeline.deliver(site.app)
        assert set(server.recipients()) == EVERYBODY
        assert len(server.received) - LETTERS <= IN_DOUBT


def test_by_default_one_core_is_left_and_a_task_queue_has_workers_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(Path("config/paperround.toml"))
    assert settings.delivery.processes == 0
    for cores, processes in {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 64: 4}.items():
        monkeypatch.setattr(helpers, "_cores", lambda cores=cores: cores)
        assert helpers._by_default(settings) == processes
    runner = settings.runner.model_copy(update={"kind": "procrastinate"})
    assert helpers._by_default(settings.model_copy(update={"runner": runner})) == 1


def test_processes_together_have_the_connections_and_the_letters_in_doubt_of_one() -> None:
    shares = SmtpTransport(host="relay.example", connections=8, max_in_doubt=100).divided(3)
    assert [(one.connections, one.max_in_doubt) for one in shares] == [(3, 34), (3, 33), (2, 33)]
    assert [one.connections for one in SmtpTransport(host="relay.example", connections=2).divided(4)] == [1, 1]
    assert [one.max_in_doubt for one in SmtpTransport(host="relay.example", max_in_doubt=1).divided(4)] == [1]


def test_what_a_helper_needs_can_be_passed_to_it() -> None:
    settings = load(Path("config/paperround.toml"))
    transport = SmtpTransport(host="relay.example", per_second=5, password="geheim", username="ada", tls="tls")
    for clock in (machine_clock, standing_at(NOW), running_from(NOW)):
        task = helpers.SendingTask(settings.model_copy(update={"transport": transport}), clock)
        passed = pickle.loads(pickle.dumps(task))
        assert passed.settings.model_dump() == task.settings.model_dump()
        assert abs(passed.clock() - clock()) < timedelta(seconds=1)
    assert DeliverySettings().processes == 0
