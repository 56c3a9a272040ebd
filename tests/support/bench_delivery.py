"""One table: the same letters over 8 connections into the same relay, by paperround and by others, in one run.

    python tests/support/bench_delivery.py [--letters 5000] [--runs 5] [--postfix] [--dkim] [--url postgresql+psycopg://…]
                                           [--nodemailer FOLDER] [--json FILE]

    usual way    for each subscriber Jinja2, premailer, EmailMessage, and smtplib on a connection that stays open
    nodemailer   its pool with one finished message, if FOLDER holds it (npm install --prefix FOLDER nodemailer)
    smtp-source  Postfix's own test program in C, with one finished message
    paperround   `deliver`: letters laid out, claimed, checked, handed over and every outcome recorded

They take turns, so that what else the machine does meets all of them. Rates swing by half on a shared machine: read
them against each other. CPU is the client's. Needs Debian's postfix, and root for --postfix.
"""

# ruff: noqa: E402, T201 - it is a program that prints, and finds its neighbors itself

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

sys.path[:0] = [str(Path(__file__).parent.parent)]

from paperround.delivery.dkim import sign
from paperround.delivery.dkim_key import Key
from paperround.domain.models import Delivery, Digest, Subscriber
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from support import postfix
from support.papers import listing
from support.site import MORNING, Site

SOURCE, SINK = postfix.SBIN / "smtp-source", postfix.SBIN / "smtp-sink"
NOW = MORNING + timedelta(hours=1)
TOPICS = ("robots", "planning", "diffusion")
_SENTENCE = "We measure what others guessed, and the result is better by a factor of three on all of them. "
_USUAL = 100  # letters; they say as much as five thousand would
_NODE = """
const [folder, port, letters, connections, file] = process.argv.slice(1);
const mailer = require(folder + "/node_modules/nodemailer");
const raw = require("fs").readFileSync(file);
const pool = mailer.createTransport({pool: true, host: "127.0.0.1", port: +port, ignoreTLS: true,
  maxConnections: +connections, maxMessages: Infinity});
const all = [];
for (let n = 0; n < +letters; n++)
  all.push(pool.sendMail({envelope: {from: "b@papers.example", to: "s" + n + "@mail.example"}, raw}));
Promise.all(all).then(() => pool.close());
"""


@dataclass
class Row:
    """What one way of sending did, run by run."""

    name: str
    rates: list[float] = field(default_factory=list)
    """Letters a second."""
    cpu: list[float] = field(default_factory=list)
    """Microseconds of the client's processor for each letter."""


@dataclass(frozen=True)
class Bench:
    """The letters that all send, and how."""

    folder: Path
    letters: int
    connections: int
    url: str
    nodemailer: Path | None

    @property
    def sample(self) -> Path:
        """One of the letters, as a file."""
        return self.folder / "letter.eml"

    def usual(self, port: int) -> int:
        """Each letter laid out whole, put together by the standard library, and sent by it."""
        site = opened(self.folder / "site", self.url, port, self.connections)
        builder = site.app.shared(LetterBuilder)
        with smtplib.SMTP("127.0.0.1", port, "papers.example") as smtp:
            for delivery, digest, subscriber in _drawn(site, min(self.letters, _USUAL)):
                smtp.send_message(_by_email_package(builder, delivery, digest, subscriber))
        site.app.close()
        return min(self.letters, _USUAL)

    def node(self, port: int) -> int:
        """Nodemailer's pool."""
        numbers = [str(port), str(self.letters), str(self.connections)]
        command = ["node", "-e", _NODE, str(self.nodemailer), *numbers, str(self.sample)]
        subprocess.run(command, check=True, capture_output=True)
        return self.letters

    def source(self, port: int) -> int:
        """Postfix's own program."""
        size = str(self.sample.stat().st_size)
        numbers = ["-s", str(self.connections), "-m", str(self.letters), "-l", size]
        addresses = ["-f", "b@papers.example", "-t", "s@mail.example"]
        subprocess.run([SOURCE, *numbers, *addresses, f"127.0.0.1:{port}"], check=True, capture_output=True)
        return self.letters


def main() -> None:
    """Print the table, and write it as JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--letters", type=int, default=5_000)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--postfix", action="store_true", help="also into a Postfix that queues to disk")
    options.add_argument("--dkim", action="store_true", help="also how many letters a core signs")
    options.add_argument("--url", default="", help="a PostgreSQL whose tables may be replaced; by default SQLite")
    options.add_argument("--nodemailer", type=Path, help="the folder that it is installed in")
    options.add_argument("--json", type=Path, default=Path("artefacts/bench-delivery.json"))
    options.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        _deliver_once(*chosen.child)
        return
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder:
        bench = Bench(Path(folder), chosen.letters, chosen.connections, chosen.url, chosen.nodemailer)
        print(f"{chosen.letters:,} letters of {prepare(bench):,} bytes, {chosen.connections} connections")
        with sink() as port:
            found["smtp-sink"] = table("smtp-sink", bench, port, chosen.runs)
        if chosen.postfix:
            with postfix.running() as relay:
                found["postfix"] = table("Postfix, queueing to disk", bench, relay.port, chosen.runs)
        if chosen.dkim:
            found["dkim"] = signing(bench.sample.read_bytes())
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps({"letters": chosen.letters, **found}, indent=2) + "\n", encoding="utf-8")
    print(f"also in {chosen.json}")


def prepare(bench: Bench) -> int:
    """Make the site with a letter queued for each subscriber; the bytes of one letter."""
    (bench.folder / "site").mkdir()
    site = opened(bench.folder / "site", bench.url, 1, bench.connections)
    site.clock.now = MORNING
    for topic in TOPICS:
        site.topic(topic)
    emails = [f"s{number}@mail.example" for number in range(bench.letters)]
    site.subscribers(emails, *TOPICS, at="07:00", name="Ada Example")
    abstract = _SENTENCE * 7
    site.papers(*(listing(number, TOPICS[number % 3], abstract=abstract) for number in range(30)))
    site.clock.now = NOW
    assert pipeline.publish(site.app).composed == bench.letters
    ((delivery, digest, subscriber),) = _drawn(site, 1)
    bench.sample.write_bytes(site.app.shared(LetterBuilder).letter(delivery, digest, subscriber).message)
    site.app.close()
    return bench.sample.stat().st_size


def opened(folder: Path, url: str, port: int, connections: int) -> Site:
    """The site in the folder, sending to this port."""
    relay = {"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none", "helo": "papers.example"}
    site = Site(folder, url or None, transport={**relay, "connections": connections})
    site.clock.now = NOW
    return site


def table(relay: str, bench: Bench, port: int, runs: int) -> list[dict[str, object]]:
    """Let each way send in turn; the figures."""
    ways: dict[str, Callable[[int], int]] = {"usual way": bench.usual}
    if bench.nodemailer and shutil.which("node"):
        ways["nodemailer, its pool"] = bench.node
    ways["smtp-source"] = bench.source
    rows = [Row(name) for name in (*ways, "paperround")]
    for _ in range(runs):
        for row in rows:
            rate, cpu = _deliver(bench, port) if row.name == "paperround" else _timed(ways[row.name], port)
            row.rates.append(rate)
            row.cpu.append(cpu)
    print(f"\ninto {relay}; the middle of {runs} runs, least and most\n")
    print("| | letters a second | of smtp-source | times the usual way | CPU a letter, µs |")
    print("|---|---:|---:|---:|---:|")
    middle = {row.name: statistics.median(row.rates) for row in rows}
    for row in rows:
        rate = middle[row.name]
        spread = f"{rate:,.0f} ({min(row.rates):,.0f} to {max(row.rates):,.0f})"
        shares = f"{rate / middle['smtp-source']:.0%} | {rate / middle['usual way']:.1f}"
        print(f"| {row.name} | {spread} | {shares} | {statistics.median(row.cpu):,.0f} |")
    return [asdict(row) for row in rows]


def signing(message: bytes) -> dict[str, float]:
    """Letters that one core signs in a second, by kind of key."""
    keys = {
        "RSA-2048": Key("papers.example", "morning", rsa.generate_private_key(65537, 2048)),
        "Ed25519": Key("papers.example", "evening", ed25519.Ed25519PrivateKey.generate()),
    }
    found = {}
    for name, key in keys.items():
        began = time.process_time()
        for _ in range(1_000):
            sign(message, [key])
        found[name] = 1_000 / (time.process_time() - began)
        print(f"DKIM, {name}: {found[name]:,.0f} letters a second")
    return found


def _timed(send: Callable[[int], int], port: int) -> tuple[float, float]:
    """Letters a second, and microseconds of processor for each."""
    began, used = time.perf_counter(), _processor()
    sent = send(port)
    return sent / (time.perf_counter() - began), (_processor() - used) / sent * 1e6


def _processor() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def _deliver(bench: Bench, port: int) -> tuple[float, float]:
    """One `deliver` in a program of its own, on a copy of the site; what it takes to start is not counted."""
    copy = bench.folder / "copy"
    shutil.copytree(bench.folder / "site", copy)
    facts = [str(copy), bench.url, str(port), str(bench.connections)]
    told = subprocess.run([sys.executable, __file__, "--child", *facts], check=True, capture_output=True, text=True)
    shutil.rmtree(copy)
    sent, seconds, used = json.loads(told.stdout)
    assert sent == bench.letters, f"{sent} of {bench.letters} letters were sent"
    return sent / seconds, used / sent * 1e6


def _deliver_once(folder: str, url: str, port: str, connections: str) -> None:
    site = opened(Path(folder), url, int(port), int(connections))
    if url:
        _queue_again(site)
    began, used = time.perf_counter(), time.process_time()
    tally = pipeline.deliver(site.app)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    site.app.close()
    print(json.dumps([tally.letters["sent"], seconds, used]))


def _queue_again(site: Site) -> None:
    """A server's database is no file to copy: what the last run has sent waits again."""
    with site.app.store._engine.begin() as db:
        db.exec_driver_sql("DELETE FROM attempts")
        db.exec_driver_sql("UPDATE deliveries SET state = 'queued', attempts = 0, next_attempt_at = created_at")


def _drawn(site: Site, number: int) -> Iterator[tuple[Delivery, Digest, Subscriber]]:
    """The first letters' digests and subscribers."""
    store = site.app.store
    for reported in store.deliveries.report(limit=number):
        delivery = store.deliveries.by_row(reported["id"])
        assert delivery is not None
        assert delivery.digest is not None
        yield (
            delivery,
            store.issues.digest(delivery.digest),
            store.subscribers.by_rows([delivery.subscriber])[delivery.subscriber],
        )


def _by_email_package(
    builder: LetterBuilder, delivery: Delivery, digest: Digest, subscriber: Subscriber
) -> EmailMessage:
    renderer = builder._press(subscriber.theme, subscriber.language)
    papers, links = builder._papers(digest), builder.links(subscriber, digest)
    whole = renderer.whole_letter(digest, papers, subscriber, links, digest.day)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "papers@papers.example", delivery.email, whole.subject
    message["Message-ID"], message["List-Unsubscribe"] = make_msgid(domain="papers.example"), links.unsubscribe
    message.set_content(whole.text)
    message.add_alternative(whole.html, subtype="html")
    return message


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink, which throws everything away."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    process = subprocess.Popen([SINK, "-u", "postfix", f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
