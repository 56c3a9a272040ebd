"""How fast letters go out, beside others, in one run: the same relay, the same size of letter, each way in its turn.

    python tests/support/bench_delivery.py [--letters 5000] [--runs 5] [--postfix] [--delay 20] [--dkim]
        [--workers 1 2 4] [--sizes 1000 10000] [--postgres] [--nodemailer FOLDER] [--json FILE]

    usual way    for each subscriber Jinja2, premailer, EmailMessage, and smtplib on a connection that stays open
    smtplib      one finished message on as many threads and connections as the others have
    nodemailer   its pool with one finished message, if FOLDER holds it (npm install --prefix FOLDER nodemailer)
    smtp-source  Postfix's own test program in C, with one finished message
    paperround   `deliver`: letters laid out, claimed, checked, handed over and every outcome recorded

Every subscriber follows three of forty topics, so hardly two letters are alike. The ways take turns, so that what
else the machine does meets all of them. Rates swing by half on a shared machine: read them against each other. CPU
is the client's. Needs Debian's postfix, and root for --postfix.
"""

# ruff: noqa: E402, T201 - it is a program that prints, and finds its neighbors itself

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import resource
import shutil
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

sys.path[:0] = [str(Path(__file__).parent.parent)]

from paperround.delivery.dkim import sign
from paperround.delivery.dkim_key import Key
from paperround.domain.models import Delivery, Digest, LetterRequest, Subscriber
from paperround.process import garbage
from paperround.rendering.letter_facts import LetterFacts
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from paperround.subscribers import csv_file, csv_import
from support import postfix, postgres
from support.papers import listing
from support.ports import free_port, until_it_listens
from support.site import MORNING, Site

SOURCE, SINK = postfix.SBIN / "smtp-source", postfix.SBIN / "smtp-sink"
NOW = MORNING + timedelta(hours=1)
TOPICS = tuple(f"topic{number}" for number in range(40))
_FOLLOWED, _PAPERS = 3, 400
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
  all.push(pool.sendMail({envelope: {from: "b@papers.example", to: "subscriber" + n + "@mail.example"}, raw}));
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
    nodemailer: Path | None

    @property
    def sample(self) -> Path:
        """One of the letters, as a file."""
        return self.folder / "letter.eml"

    def usual(self, port: int) -> int:
        """Each letter laid out whole, put together by the standard library, and sent by it."""
        site = opened(self.folder / "site", "", port, self.connections)
        builder = site.app.shared(LetterBuilder)
        with smtplib.SMTP("127.0.0.1", port, "papers.example") as smtp:
            for delivery, digest, subscriber in _drawn(site, min(self.letters, _USUAL)):
                smtp.send_message(_by_email_package(builder, delivery, digest, subscriber))
        site.app.close()
        return min(self.letters, _USUAL)

    def smtplib(self, port: int) -> int:
        """The standard library's client, each connection on a thread of its own."""
        message = self.sample.read_bytes()

        def send(letters: int) -> None:
            with smtplib.SMTP("127.0.0.1", port, "papers.example") as smtp:
                for _ in range(letters):
                    smtp.sendmail("b@papers.example", ["subscriber1@mail.example"], message)

        each = self.letters // self.connections
        with ThreadPoolExecutor(self.connections) as threads:
            list(threads.map(send, [each] * self.connections))
        return each * self.connections

    def node(self, port: int) -> int:
        """Nodemailer's pool."""
        numbers = [str(port), str(self.letters), str(self.connections)]
        command = ["node", "-e", _NODE, str(self.nodemailer), *numbers, str(self.sample)]
        subprocess.run(command, check=True, capture_output=True)
        return self.letters

    @property
    def near(self) -> dict[str, Callable[[int], int]]:
        """The other ways, into a relay on this machine."""
        there = bool(self.nodemailer and shutil.which("node"))
        pool = {"nodemailer, its pool": self.node} if there else {}
        return {"usual way": self.usual, "smtplib": self.smtplib, **pool, "smtp-source": self.source}

    @property
    def far(self) -> dict[str, Callable[[int], int]]:
        """Those that the time of an answer is compared with."""
        return {"smtplib": self.smtplib, "smtp-source": self.source}

    def source(self, port: int) -> int:
        """Postfix's own program."""
        size = str(self.sample.stat().st_size)
        numbers = ["-s", str(self.connections), "-m", str(self.letters), "-l", size]
        addresses = ["-f", "b@papers.example", "-t", "subscriber1@mail.example"]
        subprocess.run([SOURCE, *numbers, *addresses, f"127.0.0.1:{port}"], check=True, capture_output=True)
        return self.letters


def main() -> None:
    """Print the table, and write it as JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--letters", type=int, default=5_000)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--postfix", action="store_true", help="also into a Postfix that queues to disk")
    options.add_argument("--delay", type=float, default=0, help="also where an answer takes so many ms longer")
    options.add_argument("--dkim", action="store_true", help="also how many letters a core signs")
    options.add_argument("--workers", type=int, nargs="*", default=[], help="also by so many programs at once")
    options.add_argument(
        "--sizes", type=int, nargs="*", default=[], help="also what a subscriber costs among so many"
    )
    options.add_argument("--postgres", action="store_true", help="workers and sizes on PostgreSQL too")
    options.add_argument("--nodemailer", type=Path, help="the folder that it is installed in")
    options.add_argument("--json", type=Path, default=Path("artefacts/bench-delivery.json"))
    options.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        task, *facts = chosen.child
        _CHILDREN[task](*facts)
        return
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder, sink() as port:
        bench = Bench(Path(folder), chosen.letters, chosen.connections, chosen.nodemailer)
        print(f"{chosen.letters:,} letters of {prepare(bench):,} bytes, {chosen.connections} connections")
        found["smtp-sink"] = table("smtp-sink", bench, port, chosen.runs)
        if chosen.postfix:
            with postfix.running() as relay:
                found["postfix"] = table("Postfix, queueing to disk", bench, relay.port, chosen.runs)
        if chosen.delay:
            few = replace(bench, letters=min(1_000, chosen.letters))
            prepare(few)
            with delayed(port, chosen.delay) as far:
                found["far"] = table(f"smtp-sink, {chosen.delay:g} ms away", few, far, chosen.runs, few.far)
            if chosen.postfix:  # which offers CHUNKING
                with postfix.running() as relay, delayed(relay.port, chosen.delay) as far:
                    name = f"Postfix, {chosen.delay:g} ms away"
                    found["far postfix"] = table(name, few, far, chosen.runs, few.far)
        if chosen.dkim:
            found["dkim"] = signing(bench.sample.read_bytes())
        with databases(also_postgres=chosen.postgres) as urls:
            found["workers"] = {name: workers(bench, url, port, chosen.workers) for name, url in urls.items()}
            found["sizes"] = {name: growth(url, port, chosen.sizes) for name, url in urls.items()}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps({"letters": chosen.letters, **found}, indent=2) + "\n", encoding="utf-8")
    print(f"also in {chosen.json}")


def prepare(bench: Bench, url: str = "") -> int:
    """Make the site with a letter queued for each subscriber; the bytes of one letter."""
    shutil.rmtree(bench.folder / "site", ignore_errors=True)
    (bench.folder / "site").mkdir()
    _empty(url)
    site = opened(bench.folder / "site", url, 1, bench.connections)
    populate(site, bench.letters)
    assert pipeline.publish(site.app).composed == bench.letters
    ((delivery, digest, subscriber),) = _drawn(site, 1)
    (build,) = site.app.shared(LetterBuilder).prepare([LetterRequest(delivery, digest, subscriber)])
    bench.sample.write_bytes(build().message)
    site.app.close()
    return bench.sample.stat().st_size


def populate(site: Site, subscribers: int) -> float:
    """Import subscribers and store papers, an hour before all are due; the processor seconds of the import."""
    site.clock.now = MORNING
    for topic in TOPICS:
        site.topic(topic)
    chance = random.Random(7)
    lines = ["email,name,topics,at"]
    lines += (
        f"subscriber{number}@mail.example,Ada {number},{';'.join(chance.sample(TOPICS, _FOLLOWED))},07:00"
        for number in range(subscribers)
    )
    rows = csv_file.read(io.BytesIO("\n".join(lines).encode()))
    used = time.process_time()
    csv_import.import_subscribers(site.app, rows, csv_import.ImportOptions(confirmed=True))
    used = time.process_time() - used
    for number in range(0, _PAPERS, len(TOPICS)):
        abstracts = (f"About {TOPICS[at * 7 % len(TOPICS)]}. {_SENTENCE * 7}" for at in range(len(TOPICS)))
        listings = (listing(number + at, TOPICS[at], abstract=said) for at, said in enumerate(abstracts))
        site.papers(*listings)
    site.clock.now = NOW
    return used


def opened(folder: Path, url: str, port: int, connections: int) -> Site:
    """The site in the folder, sending to this port."""
    relay = {
        "kind": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "helo": "papers.example",
        "chunking": True,
    }
    site = Site(folder, url or None, transport={**relay, "connections": connections})
    site.clock.now = NOW
    return site


def table(
    relay: str, bench: Bench, port: int, runs: int, ways: dict[str, Callable[[int], int]] | None = None
) -> list[dict[str, object]]:
    """Let each way send in turn; the figures, against the first way and against smtp-source."""
    ways = bench.near if ways is None else ways
    rows = [Row(name) for name in (*ways, "paperround")]
    for _ in range(runs):
        for row in rows:
            rate, cpu = _deliver(bench, port) if row.name == "paperround" else _timed(ways[row.name], port)
            row.rates.append(rate)
            row.cpu.append(cpu)
    first = rows[0].name
    print(f"\ninto {relay}; the middle of {runs} runs, least and most\n")
    print(f"| | letters a second | of smtp-source | times the {first} | CPU a letter, µs |")
    print("|---|---:|---:|---:|---:|")
    middle = {row.name: statistics.median(row.rates) for row in rows}
    for row in rows:
        rate = middle[row.name]
        spread = f"{rate:,.0f} ({min(row.rates):,.0f} to {max(row.rates):,.0f})"
        shares = f"{rate / middle['smtp-source']:.0%} | {rate / middle[first]:.1f}"
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


def workers(bench: Bench, url: str, port: int, numbers: Sequence[int]) -> dict[int, float]:
    """Letters a second of so many programs on one database."""
    found = {}
    for number in numbers:
        prepare(bench, url)
        facts = [str(bench.folder / "site"), url, str(port), str(bench.connections)]
        with ThreadPoolExecutor(number) as threads:
            running = [threads.submit(_child, "deliver", *facts) for _ in range(number)]
            told = [one.result() for one in running]
        assert sum(sent for sent, *_ in told) == bench.letters
        found[number] = bench.letters / max(seconds for _, seconds, *_ in told)
        print(f"{number} programs on {_name(url)}: {found[number]:,.0f} letters a second")
    return found


def growth(url: str, port: int, sizes: Sequence[int]) -> list[dict[str, float]]:
    """What a subscriber costs among so many: microseconds of processor in each step, and the most memory in MB."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="paperround-bench-") as folder:
            told = _child("grow", folder, url, str(port), str(size))
        found.append({"subscribers": size, **told})
        print(f"{size:,} on {_name(url)}: " + ", ".join(f"{step} {value:,.0f}" for step, value in told.items()))
    return found


@contextlib.contextmanager
def databases(*, also_postgres: bool) -> Iterator[dict[str, str]]:
    """The URLs by name; SQLite's is empty, for it is a file in each site's folder."""
    with postgres.cluster() if also_postgres else contextlib.nullcontext("") as url:
        yield {"SQLite": ""} | ({"PostgreSQL": url.replace("://", "+psycopg://", 1)} if url else {})


def _empty(url: str) -> None:
    """Drop all tables of a server's database; a file's site has a folder of its own."""
    if url:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as db:
            db.execute("DROP SCHEMA public CASCADE")
            db.execute("CREATE SCHEMA public")


def _name(url: str) -> str:
    return "PostgreSQL" if url else "SQLite"


def _deliver(bench: Bench, port: int) -> tuple[float, float]:
    """One `deliver` in a program of its own, on a copy of the site; what it takes to start is not counted."""
    copy = bench.folder / "copy"
    shutil.copytree(bench.folder / "site", copy)
    sent, seconds, used = _child("deliver", str(copy), "", str(port), str(bench.connections))
    shutil.rmtree(copy)
    assert sent == bench.letters, f"{sent} of {bench.letters} letters were sent"
    return sent / seconds, used / sent * 1e6


def _child(task: str, *facts: str) -> Any:
    """What a program of its own answers."""
    command = [sys.executable, __file__, "--child", task, *facts]
    path = {"PYTHONPATH": sys.path[0]}  # for helper processes, whose clock is a class of these files
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **path})
    return json.loads(told.stdout.splitlines()[-1])


def _deliver_once(folder: str, url: str, port: str, connections: str) -> None:
    site = opened(Path(folder), url, int(port), int(connections))
    garbage.collect_seldom()  # as a command does when it has started
    began, used = time.perf_counter(), _processor()
    tally = pipeline.deliver(site.app)
    seconds, used = time.perf_counter() - began, _processor() - used
    site.app.close()
    print(json.dumps([tally.letters["sent"], seconds, used]))


def _grow(folder: str, url: str, port: str, size: str) -> None:
    _empty(url)
    site, each = opened(Path(folder), url, int(port), 8), 1e6 / int(size)
    garbage.collect_seldom()  # as a command does when it has started
    told = {"import": populate(site, int(size)) * each}
    for name, step in (("publish", pipeline.publish), ("deliver", pipeline.deliver)):
        used = time.process_time()
        step(site.app)
        told[name] = (time.process_time() - used) * each
    site.app.close()
    print(json.dumps({**told, "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


@contextlib.contextmanager
def delayed(port: int, answer: float) -> Iterator[int]:
    """A way to this port on which an answer takes so many milliseconds longer."""
    far = free_port()
    command = [sys.executable, __file__, "--child", "carry", str(far), str(port), str(answer / 2_000)]
    process = subprocess.Popen(command)
    try:
        until_it_listens(far)
        yield far
    finally:
        process.terminate()
        process.wait()


def _carry(far: str, port: str, seconds: str) -> None:
    async def one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        later = asyncio.get_running_loop().call_later
        with contextlib.suppress(ConnectionError):  # hung up
            while octets := await reader.read(1 << 16):
                later(float(seconds), writer.write, octets)
        later(float(seconds), writer.close)

    async def both_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(one_way(reader, there[1]), one_way(there[0], writer))

    async def serve() -> None:
        async with await asyncio.start_server(both_ways, "127.0.0.1", int(far)) as server:
            await server.serve_forever()

    asyncio.run(serve())


_CHILDREN: dict[str, Callable[..., None]] = {"deliver": _deliver_once, "grow": _grow, "carry": _carry}


def _drawn(site: Site, number: int) -> Iterator[tuple[Delivery, Digest, Subscriber]]:
    """The first letters' digests and subscribers."""
    store = site.app.store
    for reported in store.delivery_reports.find(limit=number):
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
    renderer = builder._renderer(subscriber.theme, subscriber.language)
    papers, links = builder.papers(digest), builder.links(subscriber, digest)
    whole = renderer.whole_letter(LetterFacts(digest, papers, subscriber, links, digest.day))
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "papers@papers.example", delivery.email, whole.subject
    message["Message-ID"], message["List-Unsubscribe"] = make_msgid(domain="papers.example"), links.unsubscribe
    message.set_content(whole.text)
    message.add_alternative(whole.html, subtype="html")
    return message


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink, which throws everything away."""
    port = free_port()
    process = subprocess.Popen([SINK, "-u", "postfix", f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
