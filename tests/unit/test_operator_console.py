"""What people see in a terminal and programs in a pipe."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.operator import console


class Terminal(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


def on_terminal(columns: tuple[str, ...], rows: list[tuple[object, ...]], width: int) -> str:
    """What a table of that many columns of characters looks like."""
    terminal = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("TERM", "xterm")
        console.table(columns, rows)
    return terminal.getvalue()


@given(
    st.lists(st.from_regex(r"[a-z]{1,40}@[a-z]{1,40}\.example", fullmatch=True), min_size=1, max_size=5),
    st.integers(20, 120),
)
def test_no_address_is_ever_cut_or_broken(addresses: list[str], width: int) -> None:
    rows: list[tuple[object, ...]] = [(address, "active", "words " * 20) for address in addresses]
    shown = on_terminal(("email", "state", "reason"), rows, width)
    lines = shown.splitlines()
    assert [address for address in addresses if not any(line.startswith(address) for line in lines)] == []
    assert shown.count("words") == 20 * len(addresses)
    assert "…" not in shown


def test_what_stands_in_brackets_is_shown_as_it_is() -> None:
    assert "[bold] :smile:" in on_terminal(("title",), [("[bold] :smile:",)], 80)


def test_an_empty_table_has_its_head() -> None:
    shown = on_terminal(("id", "email"), [], 80)
    assert shown.index("id") < shown.index("email")


def test_a_pipe_gets_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(1, datetime(2026, 11, 23, 6, 0, tzinfo=UTC)), (None, {"a\tb": 1, "none": None})]
    console.table(("id", "at"), rows)
    assert capsys.readouterr().out == "id\tat\n1\t2026-11-23 06:00 UTC\n–\ta b 1\n"
