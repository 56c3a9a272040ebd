"""How fast letters are made and handed over, beside Postfix's own test programs.

    python tests/support/bench_delivery.py [--letters 8000] [--connections 8]

Figures swing by a third on a shared machine; compare the columns of one run.
"""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import argparse
import contextlib
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

if __package__ in (None, ""):
    import postfix
else:
    from support import postfix

from paperround.delivery import SmtpTransport
from paperround.delivery.dkim import sign
from paperround.delivery.dkim_key import Key
from paperround.delivery.message import Head, assemble, build, encoded, message_id
from paperround.domain.models import Letter, Outcome, Rendered

SOURCE, SINK = postfix.SBIN / "smtp-source", postfix.SBIN / "smtp-sink"
CARD = '<tr><td style="color:#333;padding:4px 0 8px">Ein Satz über Größe und Maß, and so on in English</td></tr>\n'
LETTER = Rendered(
    "Ten papers on “diffusion”", "<!doctype html>\n" + CARD * 300, "Ein Satz über Größe und Maß.\n" * 230
)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--letters", type=int, default=8000)
    options.add_argument("--connections", type=int, default=8)
    chosen = options.parse_args()
    making()
    with sink() as port:
        sending("smtp-sink", port, chosen.letters, chosen.connections)
    with postfix.running() as relay:
        sending("Postfix, queueing to disk", relay.port, chosen.letters // 4, chosen.connections)


def making() -> None:
    """Build and sign, one core."""
    parts = encoded(LETTER)
    rsa_key = Key("papers.example", "morning", rsa.generate_private_key(65537, 2048))
    ed_key = Key("papers.example", "evening", ed25519.Ed25519PrivateKey.generate())
    letter = build(head(0), LETTER)
    print(
        f"a letter of {len(LETTER.html.encode()) + len(LETTER.text.encode()):,} bytes, {len(letter):,} as a message"
    )
    for name, work in {
        "build": lambda number: build(head(number), LETTER),
        "assemble from encoded parts": lambda number: assemble(head(number), parts),
        "sign, RSA-2048": lambda _: sign(letter, [rsa_key]),
        "sign, Ed25519": lambda _: sign(letter, [ed_key]),
    }.items():
        seconds = best_of(3, 500, work)
        print(f"  {name:<30} {seconds * 1e3:7.3f} ms  {1 / seconds:8,.0f}/s")


def head(number: int) -> Head:
    """The head of one letter."""
    return Head(
        sender_name="The Morning Papers",
        sender="papers@papers.example",
        recipient=f"subscriber{number}@mail.example",
        date=datetime(2026, 11, 23, 7, tzinfo=UTC),
        message_id=message_id(number, "daily 2026-11-23", b"k" * 32, "papers.example"),
        unsubscribe_url="https://papers.example/u/" + "A" * 28,
    )


def best_of(rounds: int, times: int, work: Callable[[int], object]) -> float:
    """Seconds for one, in the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for number in range(times):
            work(number)
        best = min(best, (time.perf_counter() - start) / times)
    return best


def sending(name: str, port: int, letters: int, connections: int) -> None:
    """The C program, smtplib and the transport into one server, taking turns."""
    message = build(head(0), Rendered("x", "y" * 36_000, "z" * 6_000))
    print(f"into {name}: {letters:,} letters of {len(message):,} bytes, {connections} connections")
    for what, work in {
        "smtp-source": lambda: source(port, letters, connections, len(message)),
        "smtplib, one connection": lambda: with_smtplib(port, letters // 4, message),
        "paperround": lambda: transport(port, letters, connections, message),
    }.items():
        rates, cpu = [], 0.0
        for _ in range(3):
            start, used = time.perf_counter(), time.process_time()
            sent = work()
            rates.append(sent / (time.perf_counter() - start))
            cpu = (time.process_time() - used) / sent
        print(
            f"  {what:<30} {sorted(rates)[1]:8,.0f}/s, {cpu * 1e3:.3f} ms CPU each; {[round(rate) for rate in rates]}"
        )


def source(port: int, letters: int, connections: int, size: int) -> int:
    """Postfix's own program; its CPU time is not ours to see."""
    addresses = ["-f", "bounces@papers.example", "-t", "subscriber1@mail.example"]
    command = [
        SOURCE,
        "-d",
        "-s",
        str(connections),
        "-m",
        str(letters),
        "-l",
        str(size),
        *addresses,
        f"127.0.0.1:{port}",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return letters


def with_smtplib(port: int, letters: int, message: bytes) -> int:
    """The standard library."""
    with smtplib.SMTP("127.0.0.1", port, "papers.example") as smtp:
        for number in range(letters):
            smtp.sendmail("bounces@papers.example", [f"subscriber{number}@mail.example"], message)
    return letters


def transport(port: int, letters: int, connections: int, message: bytes) -> int:
    """The transport, with outcomes that cost nothing to keep."""
    outcomes: list[Outcome] = []
    relay = SmtpTransport(host="127.0.0.1", port=port, tls="none", helo="papers.example", connections=connections)
    drawn = (Letter(n, f"bounces+{n}@papers.example", f"subscriber{n}@mail.example", message) for n in range(letters))
    relay.send(drawn, outcomes.extend)
    assert all(outcome.accepted for outcome in outcomes)
    return len(outcomes)


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
