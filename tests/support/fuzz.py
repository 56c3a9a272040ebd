"""Damage documents and emails at random and parse them: `make fuzz`, or `python tests/support/fuzz.py --cases 1000`.

Whatever a parser is given, it may only return a value or, for documents of sources, raise a SourceError. Prints each
case that does anything else, and how many were tried. `--mails FOLDER` adds files of your own, one email each.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from paperround.bounces import replies, reports
from support.documents import BODIES, PIECES, SAMPLES, survives
from support.returned import complaint, report

_MAX_BYTES = 30_000  # bytes; longer documents are parsed too seldom in the same time
_MAIL_PIECES = (b"\r\n\r\n", b"\n--b\n", b"Status: 5.9.9\n", b"=?utf-8?q?", b"Content-Transfer-Encoding: base64\n\n")
_AT_ONCE = 1000
_RETURN = "bounces+AAAAAAFjuAqctoayfUSshZXORyMv@papers.example"
_REPLY = b"""From: Ada <ada@example.org>
To: reply+AAAAAAFjuAqctoayfUSshZXORyMv@papers.example
Subject: Re: Storks and two more
In-Reply-To: <1@papers.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

more 2, less 5
mehr 3
save Storks=20in flight

On Monday, paperround wrote:
> 1. Storks
--b
Content-Type: text/html

<p>more 2, less 5</p><blockquote>1. Storks</blockquote>
--b--
"""
_MAILS = (report(_RETURN), report(_RETURN, "4.2.2", "delayed"), complaint(_RETURN), _REPLY)


class Subject(NamedTuple):
    """What is damaged and parsed."""

    kind: str
    body: bytes
    parse: Callable[[bytes], object]


_KIND = attrgetter("kind")


@cache
def subjects(folder: Path | None) -> list[Subject]:
    """Return the samples of all formats of sources, and the emails, each as a bounce report and as a reply."""
    own = (path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()) if folder else ()
    found = [
        Subject(form, BODIES[name], lambda body, form=form: survives(form, body))  # type: ignore[misc]
        for name, form in SAMPLES.items()
        if len(BODIES[name]) <= _MAX_BYTES
    ]
    for mail in (*_MAILS, *own):
        found += Subject("bounce report", mail, reports.parse), Subject("reply", mail, replies.parse_reply)
    return found


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Return a copy with one to eight random changes: bytes replaced, removed, repeated, or pieces put in."""
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at, piece = chance.randrange(len(changed) + 1), chance.choice((*PIECES, *_MAIL_PIECES))
        length = chance.randrange(1, 200)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length] * chance.choice((1, 2, 5))
            case _:
                changed[at : at + chance.choice((0, 4))] = piece
    return bytes(changed)


class Outcome(NamedTuple):
    """What a number of cases came to."""

    tried: Counter[str]
    failed: int
    slowest: float
    """Seconds of processor time."""


def run(seed: int, number: int, chosen: Sequence[Subject]) -> Outcome:
    """Try this many cases, which the seed determines."""
    chance, tried, failed, slowest = random.Random(seed), Counter[str](), 0, 0.0
    by_kind = [list(group) for _, group in itertools.groupby(sorted(chosen, key=_KIND), key=_KIND)]
    for _ in range(number):
        subject = chance.choice(chance.choice(by_kind))
        body, begun = damaged(subject.body, chance), time.process_time()
        try:
            subject.parse(body)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            failed += 1
            _say(f"{subject.kind}, seed {seed}: {type(error).__name__}: {error}\n{body!r}")
        slowest = max(slowest, time.process_time() - begun)
        tried[subject.kind] += 1
    return Outcome(tried, failed, slowest)


def _part(job: tuple[int, Path | None]) -> Outcome:
    seed, folder = job
    return run(seed, _AT_ONCE, subjects(folder))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Return 1 if a case failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--mails", type=Path)
    arguments.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    options = arguments.parse_args()
    seeds = itertools.count(options.seed)
    jobs = [(next(seeds), options.mails) for _ in range(-(-options.cases // _AT_ONCE))]
    tried, failed, slowest = Counter[str](), 0, 0.0
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for outcome in pool.imap_unordered(_part, jobs):
            tried, failed, slowest = tried + outcome.tried, failed + outcome.failed, max(slowest, outcome.slowest)
    _say(f"{tried.total():,} cases from seed {options.seed}: {failed} failed, the slowest took {slowest:.2f} s")
    _say(", ".join(f"{number:,} × {kind}" for kind, number in tried.most_common()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
