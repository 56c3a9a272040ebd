"""Letters that several processes send together: each once, whichever of them dies."""

from __future__ import annotations

import os
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
BATCH = pipeline.BatchSize(subscribers=EACH)
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
    """Counts the finished letters by the thread that reports them: this process's "relay", or "helper".

    With `together`, this process goes on only when the helper has sent a letter too, however long it takes to start.
    """

    def __init__(self, *, together: bool = False) -> None:
        self.letters: Counter[str] = Counter()
        self._together = together

    def advance(self, steps: int) -> None:
        thread = threading.current_thread().name
        self.letters[thread] += steps
        if self._together and thread == "relay":
            until(lambda: self.letters["helper"])


class ComposedAndSent(NoProgress):
    """Lets the second batch be composed only when a letter of the first one has arrived."""

    def __init__(self, server: SmtpServer) -> None:
        self._server, self._stage = server, ""
        self.early = 0
        self.stages: Counter[str] = Counter()

    def begin(self, what: str, _total: int | None) -> None:
        self._stage = what

    def advance(self, steps: int) -> None:
        self.stages[self._stage] += steps
        if self._stage == "publishing" and self.stages[self._stage] == 2 * EACH:
            until(lambda: self._server.received)
            self.early = len(self._server.received)


@contextmanager
def site_with_due(folder: Path, server: SmtpServer, **settings: object) -> Iterator[Site]:
    """A site where everybody is due, whose letters two processes send."""
    folder.mkdir(exist_ok=True)
    transport = {**TRANSPORT, "port": server.port}
    site = Site(folder, **{"transport": transport, "delivery": {"processes": 2}, **settings})
    site.topic("robots")
    site.subscribers(EVERYBODY, "robots")
    site.papers(*(listing(number) for number in range(4)))
    site.clock.now, site.app.clock = NOW, standing_at(NOW)
    yield site
    site.app.close()


@contextmanager
def site_with_letters(folder: Path, server: SmtpServer, **delivery: int) -> Iterator[Site]:
    """A site with a letter queued for everybody, to be sent by two processes."""
    with site_with_due(folder, server, delivery={"processes": 2, **delivery}) as site:
        assert pipeline.publish(site.app).composed == LETTERS
        site.app.progress = ProgressByThread()
        yield site


@pytest.fixture(autouse=True)
def _few_letters_are_worth_a_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "MIN_LETTERS_PER_PROCESS", EACH)


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
        site.app.progress = ProgressByThread(together=True)
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
        site.app.transport = site.app.transport.model_copy(update={"per_second": 4000.0})
        pipeline.deliver(site.app)
        assert set(site.app.progress.letters) == {"relay"}
    for each, threads in ((LETTERS // 2 + 1, {"relay"}), (LETTERS // 2, {"relay", "helper"})):
        helpers.MIN_LETTERS_PER_PROCESS = each
        with SmtpServer(slow("final", 0.02)) as server, site_with_letters(tmp_path / str(each), server) as site:
            site.app.progress = ProgressByThread(together="helper" in threads)
            pipeline.deliver(site.app)
            assert set(site.app.progress.letters) == threads


def test_the_first_letters_are_sent_while_others_are_composed(tmp_path: Path) -> None:
    with SmtpServer() as server, site_with_due(tmp_path, server) as site:
        site.app.progress = progress = ComposedAndSent(server)
        tally = pipeline.publish_and_deliver(site.app, BATCH)
        assert (tally.due, tally.composed, tally.letters) == (LETTERS, LETTERS, Counter(sent=LETTERS))
        assert 0 < progress.early <= EACH
        assert server.recipients() == dict.fromkeys(EVERYBODY, 1)
        assert progress.stages == {"publishing": LETTERS, "delivering": LETTERS}
        assert helper_processes(os.getpid()) == []


def test_no_letter_leaves_before_the_summaries_of_its_papers_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received_before: list[int] = []
    with (
        SmtpServer() as server,
        site_with_due(tmp_path, server, summaries={"url": "http://127.0.0.1:9/v1", "model": "none"}) as site,
    ):
        monkeypatch.setattr(pipeline, "write_summaries", lambda _app: received_before.append(len(server.received)))
        tally = pipeline.publish_and_deliver(site.app, BATCH)
        assert received_before == [0]
        assert tally.letters == Counter(sent=LETTERS)


def test_a_program_that_stops_while_composing_stops_its_helpers(tmp_path: Path) -> None:
    class Broken(ComposedAndSent):
        def advance(self, steps: int) -> None:
            super().advance(steps)
            if self.early:
                raise OSError("the terminal is gone")

    with SmtpServer() as server, site_with_due(tmp_path, server) as site:
        site.app.progress = Broken(server)
        with pytest.raises(OSError, match="terminal"):
            pipeline.publish_and_deliver(site.app, BATCH)
        assert helper_processes(os.getpid()) == []
        states = site.app.store.delivery_reports.count()
        assert set(states) <= {"sent", "queued"}
        assert states["sent"] == len(server.received)
        site.app.progress = NoProgress()
        pipeline.publish_and_deliver(site.app, BATCH)
        assert server.recipients() == dict.fromkeys(EVERYBODY, 1)


def test_a_killed_helper_costs_only_time(tmp_path: Path) -> None:
    with SmtpServer(slow("final", 0.06)) as server, site_with_letters(tmp_path, server, lease=2, batch=50) as site:
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
        assert site.app.store.delivery_reports.count() == {"sent": LETTERS}


def test_a_program_that_stops_stops_its_helpers(tmp_path: Path) -> None:
    with SmtpServer(slow("final", 0.05)) as server, site_with_letters(tmp_path, server) as site:
        with delivering(site) as tallies:
            until(lambda: site.app.progress.letters["helper"])
            site.app.stopping.set()
        assert helper_processes(os.getpid()) == []
        sent = len(server.received)
        assert 0 < sent < LETTERS
        assert tallies[0].letters == Counter(sent=sent)
        assert site.app.store.delivery_reports.count() == {"sent": sent, "queued": LETTERS - sent}


def test_helpers_of_a_killed_program_finish_their_letters_and_put_the_others_back(tmp_path: Path) -> None:
    transport = f"{{**{TRANSPORT}, 'port': int(sys.argv[2])}}"
    program = (
        "import sys; from pathlib import Path; from test_helpers import *; helpers.MIN_LETTERS_PER_PROCESS = EACH\n"
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
        states = site.app.store.delivery_reports.count()
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


def test_by_default_one_core_is_left_and_a_task_queue_has_workers_instead() -> None:
    settings = load(Path("config/paperround.toml"))
    assert settings.delivery.processes == 0
    for cores, processes in {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 64: 4}.items():
        assert helpers.default_processes(settings, cores) == processes
    runner = settings.runner.model_copy(update={"kind": "procrastinate"})
    assert helpers.default_processes(settings.model_copy(update={"runner": runner}), 64) == 1


def test_processes_together_have_the_connections_and_the_letters_in_doubt_of_one() -> None:
    shares = SmtpTransport(host="relay.example", connections=8, max_in_doubt=100).divided(3)
    assert [(one.connections, one.max_in_doubt) for one in shares] == [(3, 34), (3, 33), (2, 33)]
    assert [one.connections for one in SmtpTransport(host="relay.example", connections=2).divided(4)] == [1, 1]
    assert [one.max_in_doubt for one in SmtpTransport(host="relay.example", max_in_doubt=1).divided(4)] == [1]
    assert len(SmtpTransport(host="relay.example", per_second=5).divided(4)) == 1, "more would not send faster"


def test_what_a_helper_needs_can_be_passed_to_it() -> None:
    settings = load(Path("config/paperround.toml"))
    transport = SmtpTransport(host="relay.example", per_second=5, password="geheim", username="ada", tls="tls")
    for clock in (machine_clock, standing_at(NOW), running_from(NOW)):
        task = helpers.SendingTask(settings.model_copy(update={"transport": transport}), clock)
        reading, writing = os.pipe()
        os.write(writing, task.packed() + helpers.COMPLETE)
        passed = helpers.SendingTask.read(reading)
        assert os.read(reading, 9) == helpers.COMPLETE, "what follows the task is still there"
        os.close(reading)
        assert passed.settings.model_dump() == task.settings.model_dump()
        assert abs(passed.clock() - clock()) < timedelta(seconds=1)
        reading, half = os.pipe()
        os.write(half, task.packed()[:-1])
        os.close(half)
        with pytest.raises(EOFError, match="has ended"):
            helpers.SendingTask.read(reading)
        os.close(reading)
        os.close(writing)
    assert DeliverySettings().processes == 0
