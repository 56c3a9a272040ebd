"""What the tests of whole sites share; a file whose site holds more adds to these in a fixture of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import Pages
from support.site import Site


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    """A site without topics, once on each of the two engines."""
    made = Site(tmp_path, database_url)
    yield made
    made.app.close()


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """The pages of a site."""
    made = Pages(tmp_path)
    yield made
    made.app.close()
