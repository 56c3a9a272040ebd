"""doctor's findings as people read them."""

from __future__ import annotations

from paperround.cli.examination import lines
from paperround.operator.doctor import CheckState, Finding


def test_each_subject_has_a_row_with_its_worst_mark_and_its_command_below() -> None:
    shown = list(
        lines([
            Finding("database", CheckState.OK, "sqlite, 57 papers"),
            Finding("source arxiv", CheckState.WARNING, "was never asked", "paperround ingest"),
            Finding("relay", CheckState.OK, "answers"),
            Finding("relay", CheckState.ERROR, "sending is paused", stops=True),
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
        "No email can be sent: fix relay. 2 warnings. 1 thing to do before you go live.",
    ]


def test_errors_are_told_apart_by_whether_they_hold_emails_back_and_the_first_three_named() -> None:
    stopping = Finding("relay", CheckState.ERROR, "refuses the login", stops=True)
    others = [Finding(name, CheckState.ERROR, "wrong") for name in ("base_url", "sender", "dkim", "webhook chat")]
    assert list(lines([stopping, others[0]]))[-1] == ("No email can be sent: fix relay. Also fix base_url.")
    assert list(lines(others))[-1] == ("Nothing stops the next round. Fix base_url, sender, dkim and 1 more.")


def test_a_site_without_faults_is_one_sentence_at_the_end() -> None:
    assert list(lines([Finding("database", CheckState.OK, "sqlite")]))[-1] == "Nothing stops the next round."
