"""The list of site values names the modules that store them."""

from __future__ import annotations

import re
from pathlib import Path

import paperround
from paperround.store import site_values

ROWS = re.findall(r"^\| `([^`…]+?)(?: …[^`]*)?` \| .* \| `([a-z_.]+)` \|$", site_values.__doc__ or "", re.MULTILINE)


def test_each_listed_value_is_in_its_module() -> None:
    assert len(ROWS) > 10
    for name, module in ROWS:
        source = Path(paperround.__path__[0], *module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        assert f'"{name}' in source, f"{module} has no {name}"
