"""`paperround ingest --file`: formats guessed, stdin, gzip, files of any size, reasons folded."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paperround import cli

ITEM = (
    "<item><title>{0} ways to mill</title><link>https://mill.example/{0}</link><pubDate>20 Nov 2026</pubDate></item>"
)
RSS = f"<rss version='2.0'><channel><title>Mill</title>{ITEM.format(1)}{ITEM.format(2)}</channel></rss>".encode()

MEASURED = """
import atexit, pathlib, sys
from paperround.cli import main
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
main()
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Runs a command in a new site; its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAPERROUND_SITE_DIR", str(tmp_path))
    before = signal.getsignal(signal.SIGTERM)

    def command(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["paperround", "--now", "2026-11-23T06:00Z", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    code, _, told = command("init")
    assert code == 0, told
    yield command
    signal.signal(signal.SIGTERM, before)


def told(output: str) -> dict[str, object]:
    (report,) = json.loads(output)
    return report


def test_a_file_is_taken_in_without_its_format_from_stdin_and_packed(run, tmp_path: Path) -> None:
    (tmp_path / "mill.xml.gz").write_bytes(gzip.compress(RSS))
    code, out, _ = run("ingest", "--file", "mill.xml.gz", "--json")
    assert (code, told(out)["new"]) == (0, 2)
    code, out, _ = run(
        "ingest", "--file", "-", "--json", stdin=RSS.replace(b"/2<", b"/3<").replace(b"2 ways", b"3 ways")
    )
    assert (code, told(out)["source"], told(out)["fetched"], told(out)["new"]) == (0, "-", 2, 1)


def test_what_cannot_be_guessed_or_unpacked_is_told_in_a_line(run, tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"nothing in particular")
    code, _, err = run("ingest", "--file", "notes")
    assert (code, "name it with --as: hf-daily" in err, "Traceback" in err) == (2, True, False)
    code, _, err = run("ingest", "--as", "feed")
    assert (code, "--as needs --file" in err) == (2, True)
    code, _, err = run("ingest", "--file", "nowhere")
    assert (code, "check the path" in err) == (2, True)
    (tmp_path / "half.gz").write_bytes(gzip.compress(RSS)[:5] + b"xxxxxxxxxx")
    code, _, err = run("ingest", "--file", "half.gz", "--as", "feed")
    assert (code, "not a complete gzip file" in err, "Traceback" in err) == (1, True, False)


def test_a_large_export_takes_little_memory_and_its_reasons_are_folded(run, tmp_path: Path) -> None:
    bad = json.dumps({"title": "", "abstract": "x" * 5_000})
    good = json.dumps({"title": "A mill by the sea", "day": "2026-11-20", "abstract": "x" * 5_000})
    with gzip.open(tmp_path / "all.jsonl.gz", "wt", encoding="utf-8", compresslevel=1) as out:
        for number in range(40_000):  # 200 MB
            out.write((good if number % 20_000 == 0 else bad) + "\n")
    # The program's own peak, told by itself: what the system counts for a child includes the copy of its parent.
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, "--now", "2026-11-23T06:00Z", "ingest", "--file", "all.jsonl.gz", "--json"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        env={**os.environ, "PAPERROUND_SITE_DIR": str(tmp_path)},
    )
    report = told(ended.stdout.decode())
    assert (ended.returncode, report["fetched"], report["rejected"], len(report["problems"])) == (0, 2, 39_998, 2)
    assert report["problems"][0].startswith("entry 2 and ")
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", ended.stderr.decode())
    assert int(peak) < 260_000, "kilobytes; the file has 200,000"
