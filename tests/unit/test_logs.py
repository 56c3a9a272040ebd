"""A log holds no addresses: subscribers can be erased, and logs are kept."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from paperround.process.logs import without_addresses


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <ada+x@mail.example>: user unknown", "550 5.1.1 <…@mail.example>: user unknown"),
        ("rcpt=ada@mail.example", "rcpt=…@mail.example"),
        ("Ada (ada.l@mail.example), bob@post.example", "Ada (…@mail.example), …@post.example"),
        ("no address @ all, and @home", "no address @ all, and @home"),
    ],
)
def test_the_local_part_of_an_address_is_left_out(said: str, kept: str) -> None:
    assert without_addresses(None, "error", {"event": said, "n": 3}) == {"event": kept, "n": 3}


def test_a_traceback_tells_no_address_either() -> None:
    program = """
from paperround.process import logs
logs.show(verbose=False)
try:
    raise ValueError("ada@mail.example")
except ValueError:
    logs.logger().exception("broke", to="ada@x.y")
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    told = json.loads(said)
    assert (told["event"], told["to"], told["level"]) == ("broke", "…@x.y", "error")
    assert "ValueError: …@mail.example" in told["exception"]
    assert "ada" not in said
