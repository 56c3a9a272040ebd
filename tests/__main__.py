"""Runs every test: `python -m tests`, which `make test` calls. With CI=true a skipped test is a failure."""

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
        "domain/*",
        "linting/*",
        "matching/*",
        "rendering/*",
        "sources/*",
        "subscribers/csv_file",
    ),
    *(
        f"bounces/{name}"
        for name in ("mime", "notifications", "report", "replies", "reports", "signatures", "suppression")
    ),
    "rounds/breaker",
    *(f"delivery/{name}" for name in ("dkim", "message", "retry", "webhooks")),
)
SERVICES = ("tests/contract", "tests/integration", "tests/e2e")
TWO_AT_A_TIME = ("-n", "2")


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


def _python(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", *arguments])


if __name__ == "__main__":
    sys.exit(main())
