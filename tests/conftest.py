"""What all tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from support.examples import examples

# A busy machine is no stopwatch: what must be fast has a benchmark or a time limit of its own.
# CI tries the same examples each time, so that a change is judged and not the day's luck; developers try new ones.
settings.register_profile(
    "paperround", deadline=None, derandomize=bool(os.environ.get("CI")), max_examples=examples(100)
)
settings.load_profile("paperround")

_UMASK = os.umask(0o022)
os.umask(_UMASK)

# Modules and collected tests stay until the end: looking through them for garbage again and again takes a tenth of
# the time of the unit tests.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """With CI=true a skip is a failure: what a test needs is to be installed there."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped:
        terminalreporter.section("skipped, which is a failure here", red=True)
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The exit code that goes with it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_runtest_teardown() -> None:
    """Restore the umask, which commands set: mail servers that are started later could not read their files."""
    os.umask(_UMASK)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server."""
    from support import postgres

    if postgres.binaries() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    with postgres.cluster() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A database on PostgreSQL that has its tables and no rows."""
    from support import databases

    return databases.create_postgresql(postgres_server, tables=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that has its tables and no rows, once on each of the two engines."""
    from support import databases

    if request.param == "sqlite":
        databases.copy_sqlite(tmp_path / "paperround.db")
        return f"sqlite:///{tmp_path}/paperround.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, once on each of the two engines."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/paperround.db"
    from support import databases

    return databases.create_postgresql(request.getfixturevalue("postgres_server"), tables=False)
