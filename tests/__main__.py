"""Runs every test: `python -m tests`, which `make test` calls. With CI=true a skipped test is a failure.

`python -m tests unit`, which `make unit` calls, runs the unit tests that take no longer than a moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Modules without input and output: every branch of theirs is walked by the unit tests alone.
PURE = (
    *(
        "network/compression",
        "process/generational_cache",
        "domain/*",
        "linting/*",
        "matching/*",
        "rendering/*",
        "sources/*",
        "subscribers/csv_file",
    ),
    *(
        f"bounces/{name}"
        for name in (
            "mime",
            "notifications",
            "replies",
            "reports",
            "signatures",
            "suppression",
            "verdict",
            "widespread",
        )
    ),
    "rounds/breaker",
    *(f"delivery/{name}" for name in ("dkim", "message", "retry", "webhooks")),
)
SERVICES = ("tests/contract", "tests/integration", "tests/e2e")
TWO_AT_A_TIME = ("-n", "2", "--dist", "worksteal")  # each process keeps to its files, with what these share
ALL_SLOW = "\npytestmark = pytest.mark.slow"
UNUSED = ("schemathesis", "anyio", "playwright", "pytest_cov", "doctest", "xdist")


def main() -> int:
    """The exit code: 0 when everything passed."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COVERAGE_FILE"] = str(Path(folder) / "coverage")
        pure = ",".join(f"src/paperround/{name}.py" for name in PURE)
        return (
            _python("pytest", "tests/unit", *TWO_AT_A_TIME, "--cov=paperround", "--cov-branch", "--cov-report=")
            or _python("coverage", "report", "--fail-under=100", f"--include={pure}")
            or _python("pytest", *SERVICES, *TWO_AT_A_TIME)
        )


def unit() -> int:
    """Run the quick unit tests in two processes, each with half of the files; the exit code is 0 if all passed.

    With pytest-xdist each process would collect all files, which takes longer than half of the tests.
    """
    files = [file for file in Path("tests/unit").glob("test_*.py") if ALL_SLOW not in file.read_text("utf-8")]
    files.sort(key=lambda file: file.stat().st_size)
    options = ("-q", "-m", "not slow", *(f"-pno:{name}" for name in UNUSED))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *map(str, half)],
            env={**os.environ, "FEW_EXAMPLES": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for half in (files[::2], files[1::2])
    ]
    for one in started:
        sys.stdout.write(one.communicate()[0])
    return max(one.returncode for one in started)


def _python(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", *arguments])


if __name__ == "__main__":
    sys.exit(unit() if sys.argv[1:] == ["unit"] else main())
