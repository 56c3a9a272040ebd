"""Runs every test: `python -m tests`, which `make test` calls. With CI=true a skipped test is a failure."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

# Modules without input and output: every branch of theirs is walked by the unit tests alone.
PURE = (
    "cadence", "identity", "merging", "models", "readerlist", "text", "tokens", "linting/*", "matching/*", "rendering/*", "sources/*",
    "delivery/bounces", "delivery/dkim", "delivery/message", "delivery/retry", "delivery/suppression",
)  # fmt: skip


def main() -> int:
    """The exit code: 0 when everything passed."""
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        data = f"--data-file={Path(folder) / 'coverage'}"
        unit = [python, "-m", "coverage", "run", data, "-m", "pytest", "tests/unit"]
        pure = [python, "-m", "coverage", "report", data, "--fail-under=100",
                f"--include={','.join(f'src/paperround/{name}.py' for name in PURE)}"]  # fmt: skip
        for command in (unit, pure):
            if code := subprocess.call(command):
                return code
    return subprocess.call(
        [python, "-m", "pytest", "-n", "2", "tests/contract", "tests/integration", "tests/e2e"]
    )


if __name__ == "__main__":
    sys.exit(main())
