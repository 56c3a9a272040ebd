"""Write src/paperround/linting/client_support.json from caniemail's data, which is passed as a file.

Usage: `python tests/support/client_support.py data.json`, with https://www.caniemail.com/api/data.json. The result
lists the features that a client does not support in the newest version tested of at least one of its platforms; what
a client supports in part is not in it. `linting/clients.py` adds the parts that concern letters.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[2] / "src" / "paperround" / "linting" / "client_support.json"
_PLATFORMS = {
    "Gmail": {"gmail": ("desktop-webmail", "ios", "android")},
    "Outlook": {"outlook": ("windows",)},
    "Yahoo": dict.fromkeys(("yahoo", "aol"), ("desktop-webmail", "ios", "android")),
}


def table(data: dict[str, Any]) -> dict[str, Any]:
    """Return the date of caniemail's data and, by feature, the clients that do not support it."""
    found = {feature["slug"]: _without(feature["stats"]) for feature in data["data"]}
    return {
        "source": "https://www.caniemail.com/api/data.json",
        "date": data["last_update_date"][:10],
        "unsupported": {slug: clients for slug, clients in sorted(found.items()) if clients},
    }


def _without(stats: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    return [
        client
        for client, families in _PLATFORMS.items()
        if any(_newest(stats, family, one) == "n" for family, platforms in families.items() for one in platforms)
    ]


def _newest(stats: dict[str, dict[str, dict[str, str]]], family: str, platform: str) -> str:
    # Versions are in order, the newest last; a verdict may have numbers of notes behind it.
    verdicts = list(stats.get(family, {}).get(platform, {}).values())
    return verdicts[-1].split()[0] if verdicts else ""


def text(made: dict[str, Any]) -> str:
    """Return the table as JSON with one feature a line."""
    rows = made["unsupported"].items()
    lines = ",\n".join(f"    {json.dumps(slug)}: {json.dumps(clients)}" for slug, clients in rows)
    head = "".join(f"  {json.dumps(name)}: {json.dumps(made[name])},\n" for name in ("source", "date"))
    return f'{{\n{head}  "unsupported": {{\n{lines}\n  }}\n}}\n'


if __name__ == "__main__":
    TABLE.write_text(text(table(json.loads(Path(sys.argv[1]).read_text("utf-8")))), "utf-8")
