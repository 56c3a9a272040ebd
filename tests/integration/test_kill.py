"""kill -9 at random moments of rounds, the program started again each time: nobody missing, few doubled.

PAPERROUND_KILLS and PAPERROUND_LETTERS make it larger.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from paperround.rounds import pipeline
from support.papers import listing
from support.site import MORNING, Site
from support.smtp_server import SmtpServer, slow

KILLS = int(os.environ.get("PAPERROUND_KILLS", "8"))
LETTERS = int(os.environ.get("PAPERROUND_LETTERS", "2000"))
CONNECTIONS = 8
IN_DOUBT = 16
NOW = MORNING + timedelta(hours=1)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def program(folder: Path, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    """A paperround of its own process on the folder's site."""
    environment = {
        **os.environ,
        "PAPERROUND_SECRET_KEY": "a key for tests that is long enough",
        "PAPERROUND_TRANSPORT__KIND": "smtp",
        "PAPERROUND_TRANSPORT__HOST": "127.0.0.1",
        "PAPERROUND_TRANSPORT__PORT": str(port),
        "PAPERROUND_TRANSPORT__TLS": "none",
        "PAPERROUND_TRANSPORT__CONNECTIONS": str(CONNECTIONS),
        "PAPERROUND_TRANSPORT__MAX_IN_DOUBT": str(IN_DOUBT),
        "PAPERROUND_DELIVERY__LEASE": "2",
    }
    config = folder / "config.toml"
    config.write_text(f'database_url = "sqlite:///{folder}/paperround.db"\ntopics_file = "{folder}/topics.toml"\n')
    # A shell makes programs in the background ignore Ctrl+C, and these tests may be one.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from paperround.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "--config", str(config), *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def subscribed(folder: Path, number: int) -> set[str]:
    """Make a site on which so many are due a letter of four papers; return their addresses."""
    site = Site(folder)
    site.topic("robots")
    everybody = {f"subscriber{each}@example.org" for each in range(number)}
    site.subscribers(everybody, "robots")
    site.papers(*(listing(each) for each in range(4)))
    site.app.close()
    return everybody


def test_killed_at_any_moment_nobody_is_missing_and_at_most_the_letters_in_doubt_are_doubled(tmp_path: Path) -> None:
    chance = random.Random(7)
    everybody = subscribed(tmp_path, LETTERS)
    kills = 0
    with SmtpServer() as server:
        # the clock of the replay runs, so that leases of the dead run out
        started = time.monotonic()
        while True:
            now = NOW + timedelta(seconds=time.monotonic() - started)
            process = program(tmp_path, server.port, "--now", now.isoformat(), "round", "--json")
            if kills < KILLS:
                time.sleep(chance.uniform(0.7, 0.7 + 3.0 * LETTERS / 2000 / KILLS + 0.8))
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
                process.communicate()
                continue
            answer, problem = process.communicate(timeout=600)
            assert process.returncode == 0, problem.decode()
            if json.loads(answer)["sent"] == 0 and _settled(tmp_path):
                break
            time.sleep(0.5)
        got = server.recipients()
        ids: dict[str, set[str]] = {}
        for letter in server.received:
            ids.setdefault(letter.recipient, set()).add(str(message_from_bytes(letter.message)["Message-ID"]))
    doubled = sum(copies - 1 for copies in got.values())
    sys.stderr.write(f"\n{LETTERS} letters, {kills} kills: {len(everybody - set(got))} missing, {doubled} doubled\n")
    assert set(got) == everybody
    assert doubled <= kills * IN_DOUBT
    assert Counter(len(found) for found in ids.values()) == {1: LETTERS}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "SIGTERM"])
def test_an_interrupted_command_finishes_the_letters_under_way(tmp_path: Path, number: signal.Signals) -> None:
    everybody = subscribed(tmp_path, 200)
    with SmtpServer(slow("final", 0.1)) as server:
        interrupted = program(tmp_path, server.port, "--now", NOW.isoformat(), "round", "--json")
        while len(server.received) < 20:
            time.sleep(0.01)
        interrupted.send_signal(number)
        interrupted.communicate(timeout=60)
        assert interrupted.returncode == 128 + number
        first = len(server.received)
        assert first < 200
        again = program(tmp_path, server.port, "--now", NOW.isoformat(), "deliver", "--json")
        answer, _ = again.communicate(timeout=60)
        assert json.loads(answer)["sent"] == 200 - first
        assert server.recipients() == dict.fromkeys(everybody, 1)


def test_deliver_sends_what_a_killed_program_held_once_its_lease_is_over(tmp_path: Path) -> None:
    subscribed(tmp_path, 20)
    site = Site(tmp_path)
    site.clock.now = NOW
    pipeline.publish(site.app)
    site.app.store.deliveries.claim(NOW, 15, "a program that died", timedelta(seconds=60))
    assert pipeline.deliver(site.app).letters["sent"] == 5
    site.clock.now += timedelta(seconds=61)
    assert pipeline.deliver(site.app).letters["sent"] == 15
    site.app.close()


def test_four_programs_make_the_same_round_and_everybody_gets_one_letter(tmp_path: Path) -> None:
    everybody = subscribed(tmp_path, 1_000)
    with SmtpServer() as server:
        together = [program(tmp_path, server.port, "--now", NOW.isoformat(), "round", "--json") for _ in range(4)]
        answers = [process.communicate(timeout=300) for process in together]
        assert [process.returncode for process in together] == [0] * 4, answers
        got = server.recipients()
    told = [json.loads(answer) for answer, _ in answers]
    assert sum(one["composed"] for one in told) == 1_000
    assert sum(one["sent"] for one in told) == 1_000
    assert got == dict.fromkeys(everybody, 1)


def _settled(folder: Path) -> bool:
    site = Site(folder)
    states = site.app.store.delivery_reports.count()
    site.app.close()
    return set(states) == {"sent"}
