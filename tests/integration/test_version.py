"""Each commit is built with a version of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def _version(source: Path) -> str:
    """The version that a build of this folder gets."""
    command = [sys.executable, "-m", "hatchling", "version"]
    return subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    package = tmp_path / "src" / "paperround"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.slow
def test_each_commit_has_a_version_and_later_ones_are_newer(source: Path) -> None:
    _git(source, "init", "-q")
    versions = []
    for number in range(2):
        (source / "README.md").write_text(str(number))
        _git(source, "add", "-A")
        _git(source, "commit", "-q", "-m", "change")
        versions.append(_version(source))
    first, second = versions
    assert first.startswith("0.1.1.dev1+g")
    assert second.startswith("0.1.1.dev2+g")
    _git(source, "tag", "v0.2.0")
    assert _version(source) == "0.2.0"


@pytest.mark.slow
def test_an_archive_without_git_can_be_built(source: Path) -> None:
    assert _version(source) == "0.1.0"
