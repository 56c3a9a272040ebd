"""doctor's findings as people read them."""

from __future__ import annotations

from paperround.cli.examination import lines
from paperround.operator.doctor import CheckState, Finding


def test_each_subject_has_a_row_with_its_worst_mark_and_its_command_below() -> None:
    shown = list(
        lines([
            Finding("database", CheckState.OK, "sqlite, 57 papers"),
            Finding("source arxiv", CheckState.WARNING, "was never asked; run: paperround ingest"),
            Finding("relay", CheckState.OK, "answers"),
            Finding("relay", CheckState.ERROR, "sending is paused"),
            Finding("relay", CheckState.WARNING, "is slow"),
            Finding("sender", CheckState.WARNING, "nobody accepts it", later=True),
        ])
    )  # fmt: skip
    plain = [line.replace("\x1b[0m", "") for line in shown]
    marks = [
        "✔ database      sqlite, 57 papers",
        "⚠ source arxiv  was never asked",
        "✖ relay         sending is paused",
    ]
    texts = [line.split("m", 1)[1] if line.startswith("\x1b") else line for line in plain]
    assert texts == [
        "Now",
        marks[0],
        marks[1],
        "                → paperround ingest",
        marks[2],
        "                is slow",
        "",
        "Before you go live",
        "⚠ sender        nobody accepts it",
        "",
        "One thing marked ✖ will stop the next round; 2 things to look at; one thing before you go live.",
    ]


def test_a_site_without_faults_is_one_sentence_at_the_end() -> None:
    assert list(lines([Finding("database", CheckState.OK, "sqlite")]))[-1] == "Nothing stops the next round."
