"""The command line as people and programs use it: names, JSON shapes, exit codes, one-line errors."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import make_url

from paperround import cli
from support import databases
from support.papers import listing
from support.ports import free_port
from support.smtp_server import SmtpServer

MORNING = "2026-11-23T07:30Z"


class Site:
    """A site in a folder of its own, driven through the command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.capsys, self.monkeypatch, self.folder = capsys, monkeypatch, folder
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run a command; its exit code."""
        self.monkeypatch.setattr(sys, "argv", ["paperround", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        self.out, self.err = self.capsys.readouterr()
        return code

    def json(self, *arguments: str):
        """Run a command with --json; what it says."""
        self(*arguments, "--json")
        return json.loads(self.out)

    def papers(self, name: str = "papers.jsonl", count: int = 3) -> Path:
        """A file of papers about robots."""
        file = self.folder / name
        lines = [listing(number).model_dump_json(exclude_defaults=True) for number in range(count)]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file


@pytest.fixture
def site(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    site = Site(capsys, monkeypatch, tmp_path)
    assert site("init", ".") == 0
    config = tmp_path / "config" / "paperround.toml"
    config.write_text(config.read_text(encoding="utf-8").partition("[[sources]]")[0], encoding="utf-8")
    (tmp_path / "config" / "topics.toml").write_text(
        '[[topics]]\nslug = "robots"\nname = "Robots"\nquery = "robot*"\n', encoding="utf-8"
    )
    databases.copy_sqlite(tmp_path / "data" / "paperround.db")
    yield site
    signal.signal(signal.SIGTERM, before)


def test_a_new_site_has_what_an_operator_changes_and_a_second_init_changes_nothing(site: Site) -> None:
    made = {str(path.relative_to(site.folder)) for path in site.folder.rglob("*") if path.is_file()}
    assert {"config/paperround.toml", "config/topics.toml", ".env"} <= made
    assert any(name.startswith("templates/email/themes/") for name in made)
    before = (site.folder / ".env").read_bytes()
    assert site("init", "other") == 0
    assert site.out.splitlines()[-1].startswith("next: `cd other`, then `paperround up`")
    assert site("init", ".") == 0
    assert site.out == ""
    assert site.err == f"{site.folder} is already a site, and was not changed\n"
    assert (site.folder / ".env").read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["topics", "list"], ["topics", "list", "--json"], ["papers", "export"]]
)
def test_a_command_whose_output_nobody_reads_ends_quietly(site: Site, arguments: list[str]) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    program = [Path(sys.executable).with_name("paperround"), *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=site.folder) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (128 + signal.SIGPIPE, b"")


def test_a_first_morning_from_file_to_letter(site: Site) -> None:
    [report] = site.json("ingest", "--file", str(site.papers()), "--as", "jsonl")
    assert report == {
        "source": "papers.jsonl", "fetched": 3, "new": 3, "updated": 0, "rejected": 0, "stale": False, "too_old": 0,
        "problems": [],
    }  # fmt: skip
    add = [
        "subscribers",
        "add",
        "ada@example.org",
        "--topic",
        "robots",
        "--at",
        "08:00",
        "--timezone",
        "Europe/Berlin",
    ]
    assert site("--now", "2026-11-23T06:00Z", *add, "--confirmed") == 0
    shown = site.json("subscribers", "show", "ada@example.org")
    assert shown["next_digest_at"] == "2026-11-23T07:00:00Z"
    assert {"email", "state", "topics", "cadence", "at", "timezone", "max_papers", "suppressed"} <= shown.keys()
    done = site.json("--now", MORNING, "round")
    assert {name: done[name] for name in ("due", "composed", "empty", "sent")} == {
        "due": 1, "composed": 1, "empty": 0, "sent": 1,
    }  # fmt: skip
    assert set(done) == {"due", "composed", "empty", "sent", "deferred", "failed", "suppressed", "expired", "seconds"}
    [delivery] = site.json("deliveries", "list")
    assert delivery["state"] == "sent"
    assert delivery["issue"] == "daily 2026-11-23"
    assert delivery["papers"] == ["2611.00000", "2611.00001", "2611.00002"]
    assert [attempt["code"] for attempt in delivery["attempts"]] == [250]
    shown = site.json("deliveries", "show", str(delivery["id"]))
    assert [one["paper"] for one in shown.pop("scores")] == delivery["papers"]
    assert shown == delivery
    assert site("deliveries", "show", str(delivery["id"])) == 0
    reasons = [line.split("\t")[-1] for line in site.out.splitlines() if line.startswith("2611.")]
    assert reasons == ["title: robots"] * 3
    assert len(list((site.folder / "data" / "inbox" / "new").iterdir())) == 1
    assert site.json("--now", MORNING, "round")["due"] == 0


def test_a_preview_is_written_to_files_and_changes_nothing(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    assert site("preview", "ada@example.org", "--out", "letter") == 0
    assert {path.name for path in (site.folder / "letter").iterdir()} == {"letter.eml", "letter.html", "letter.txt"}
    assert site("preview", "--topic", "robots", "--out", "topic") == 0
    assert site.json("deliveries", "list") == []
    assert site("preview", "--topic", "robots", "--date", "2020-01-01", "--out", "none") == 2
    assert "there is no letter of 2020-01-01; the latest are of 2026-11-20" in site.err


def test_a_preview_says_if_it_is_an_older_letter(site: Site) -> None:
    def morning(*arguments: str) -> int:
        return site("--now", MORNING, *arguments)

    assert morning("ingest", "--file", str(site.papers()), "--as", "jsonl", "--mail-old") == 0
    morning("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed", "--first-now")
    assert morning("publish") == 0
    assert morning("preview", "ada@example.org") == 0
    assert site.err == ""
    assert site("--now", "2026-11-25T07:30Z", "preview", "ada@example.org") == 0
    assert site.err == "nothing is new: this is the letter of 2026-11-23, in the look and language of today\n"
    assert site.out.count("\n") == 3


def test_a_preview_can_be_sent_to_oneself_before_there_are_papers(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    for which in ((), ("ada@example.org",), ("--topic", "robots")):
        assert site("preview", *which, "--send", "me@example.net", "--out", "letter") == 0, site.err
        assert "Test email sent to me@example.net by inbox: 250" in site.out
    files = [path for path in (site.folder / "data" / "inbox").glob("*/*") if path.is_file()]
    kept = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
    assert [letter["To"] for letter in kept] == ["me@example.net"] * 3
    assert all(letter["Subject"].startswith("[test] ") for letter in kept)
    assert site.json("deliveries", "list") == []
    assert (site.folder / "letter" / "letter.eml").exists()
    assert site("preview", "--send", "nobody", "--out", "none") == 2
    assert site("preview", "--send", "me@example.net", "--date", "2026-11-20", "--out", "none") == 2
    assert not (site.folder / "none").exists()


def test_what_a_relay_says_to_a_test_email_is_printed(site: Site) -> None:
    env = site.folder / ".env"
    transport = {"KIND": "smtp", "HOST": "127.0.0.1", "PORT": free_port(), "TLS": "none"}
    lines = "".join(f"PAPERROUND_TRANSPORT__{name}={value}\n" for name, value in transport.items())
    env.write_text(env.read_text(encoding="utf-8") + lines, encoding="utf-8")
    assert site("preview", "--send", "me@example.net") == 1
    assert "The test email was not accepted by smtp (connect)" in site.out
    assert "queued" not in site.out, "nothing is queued for a test"


def test_search_speaks_the_query_language_and_plain_words(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    found = site.json("search", "title:robots author:Author1")
    assert [(hit["rank"], hit["id"]) for hit in found] == [(1, "2611.00001")]
    assert found[0]["why"]
    assert {"rank", "id", "title", "score", "why", "parts"} == found[0].keys()
    assert len(site.json("search", "robots", "--limit", "2")) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["topics", "add", "x", "--name", "X", "--query", "robots AND ("], "^"),
        (["topics", "add", "X Y", "--name", "X", "--query", "robots"], "cannot be a topic's slug"),
        (["topics", "show", "nope"], "there is no topic 'nope'"),
        (["subscribers", "add", "nobody", "--topic", "robots"], "nobody: not an email address"),
        (["subscribers", "add", "a@example.org", "--topic", "nope"], "there is no topic 'nope'; there are: robots"),
        (["subscribers", "add", "a@example.org", "--topic", "robots", "--at", "25:00"], "is not a time of day"),
        (["subscribers", "add", "a@example.org", "--topic", "robots", "--timezone", "Mars"], "there is no time zone"),
        (["subscribers", "add", "a@example.org", "--topic", "robots", "--cadence", "hourly"], "there is no cadence"),
        (["subscribers", "add", "a@example.org", "--topic", "robots", "--theme", "neon"], "neon"),
        (["subscribers", "show", "nobody@example.org"], "no subscriber has this address"),
        (["ingest", "--file", "nope.json", "--as", "hf-daily"], "nope.json: No such file or directory"),
        (["ingest", "--file", "config/topics.toml"], "its format is not recognized; name it with --as"),
        (["ingest", "--file", "config/topics.toml", "--as", "pdf"], "there is no format 'pdf'; there are:"),
        (["ingest", "nope"], "there is no source 'nope'"),
        (["ingest", "--since", "yesterday"], "is not a date"),
        (["preview"], "give either a subscriber's EMAIL"),
        (["deliveries", "show", "99"], "there is no delivery 99"),
        (["deliveries", "show", "x"], "Invalid value for 'ID': must be a whole number"),
        (["deliveries", "show", "0"], "Invalid value for 'ID': must be 1 or more"),
        (["--now", "noon", "sweep"], "is not ISO 8601"),
        (["--config", "nope.toml", "sweep"], "nope.toml: no such file"),
        (["bounces", "read"], "give FILEs or --maildir"),
        (["subscribers", "add", "ada@example.org", "--query", ""], "topic"),
        (["subscribers", "add", "ada@example.org", "--query", "!!!"], "no letter or digit to look for"),
        (["subscribers", "add", "ada@example.org", "--query", "word " * 20_000], "at most 300 characters"),
    ],
)
def test_wrong_use_ends_with_two_and_says_what_to_do(site: Site, arguments: list[str], says: str) -> None:
    assert site(*arguments) == 2
    assert says in site.err
    assert site.out == ""


@pytest.mark.parametrize("interest", ["用两条腿行走的机器人", "آلات تمشي على ساقين", "роботы на двух ногах"])
def test_an_interest_in_any_script_is_kept_as_it_was_written(site: Site, interest: str) -> None:
    assert site("subscribers", "add", "ada@example.org", "--interest", interest, "--confirmed") == 0
    [kept] = site.json("subscribers", "list")
    assert kept["interests"] == [interest]


def test_a_domain_that_looks_mistyped_is_told(site: Site) -> None:
    assert site("subscribers", "add", "ada@gmial.com", "--topic", "robots", "--confirmed") == 0
    assert site.err == "did you mean ada@gmail.com? The domain of ada@gmial.com looks mistyped\n"


def test_interests_and_queries_are_the_same_option(site: Site) -> None:
    add = ("subscribers", "add", "ada@example.org", "--confirmed")
    assert site(*add, "--interest", "legged robots", "--query", "robots AND legs") == 0
    [kept] = site.json("subscribers", "list")
    assert kept["queries"] == ["legged robots", "robots AND legs"]
    assert site(*add, "--topic", "robots", "--interest", "") == 0
    assert site.json("subscribers", "list")[0]["queries"] == []


def test_a_file_of_another_format_is_reported_and_ends_with_one(site: Site) -> None:
    file = site.folder / "x.json"
    file.write_text("<html>", encoding="utf-8")
    assert site("ingest", "--file", str(file), "--as", "hf-daily", "--json") == 1
    [report] = json.loads(site.out)
    assert report["fetched"] == 0
    assert report["problems"]


def test_a_list_of_subscribers_goes_in_and_comes_out_again(site: Site) -> None:
    file = site.folder / "in.csv"
    file.write_text(
        "\ufeffemail;name;topics;at;timezone;shoe size\n"
        "ada@example.org;Ada;robots;06:30;Asia/Tokyo;39\n"
        "nobody;;robots;;;\n"
        "ben@example.org;Ben;cooking;;;\n",
        encoding="utf-8",
    )
    assert site("subscribers", "import", str(file), "--confirmed", "--json") == 1
    told = json.loads(site.out)
    assert (told["imported"], told["rejected"]) == (1, 2)
    assert any("shoe size" in warning for warning in told["warnings"])
    assert site("subscribers", "export", "out.csv") == 0
    out = (site.folder / "out.csv").read_text(encoding="utf-8")
    (ada,) = csv.DictReader(out.splitlines())
    assert (ada["email"], ada["name"], ada["topics"], ada["at"]) == ("ada@example.org", "Ada", "robots", "06:30")
    assert (ada["timezone"], ada["max_papers"], ada["state"]) == ("Asia/Tokyo", "10", "active")
    assert site("subscribers", "export") == 0
    assert "ada@example.org" in site.out


def test_who_receives_no_letters_is_shown_no_next_digest(site: Site) -> None:
    add = ("subscribers", "add", "ada@example.org", "--topic", "robots")
    site(*add)
    assert site.out.startswith("ada@example.org: pending, no letters until they confirm; new")
    site(*add, "--confirmed")
    assert site.out.startswith("ada@example.org: active, next digest 2")
    site("subscribers", "pause", "ada@example.org", "--until", "2099-01-01")
    site(*add, "--confirmed")
    assert site.out.startswith("ada@example.org: paused, no letters until 2099-01-01; unchanged")
    site("subscribers", "unsubscribe", "ada@example.org")
    site(*add, "--confirmed")
    assert site.out.startswith("ada@example.org: unsubscribed, no letters until they confirm; unchanged")


def test_a_subscriber_is_paused_resumed_unsubscribed_and_erased(site: Site) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")

    def state() -> str:
        return site.json("subscribers", "show", "ada@example.org")["state"]

    for verb, says in (
        ("pause", "paused; no letters until they resume"),
        ("resume", "active; next digest 2"),
        ("unsubscribe", "unsubscribed; no letters, not even queued ones"),
    ):
        assert site("subscribers", verb, "ada@example.org") == 0
        assert site.out.startswith(f"ada@example.org: {says}")
        assert site.out.count("\n") == 1
        assert state() == says.partition(";")[0]
    assert site("subscribers", "resume", "ada@example.org") == 2
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    assert state() == "unsubscribed", "an operator's word brings nobody back"
    site("subscribers", "add", "ben@example.org", "--topic", "robots", "--confirmed")
    assert site("subscribers", "erase", "ben@example.org", "nobody@example.org") == 2
    assert site("subscribers", "show", "ben@example.org") == 0, "with a wrong address nobody is erased"
    assert site("subscribers", "erase", "ada@example.org", "ben@example.org", "ada@example.org") == 0
    assert site.out == "erased 2 subscribers\n"
    for name in ("ada", "ben"):
        assert site("subscribers", "show", f"{name}@example.org") == 2


def test_a_pause_says_its_last_day_and_an_export_how_many_it_holds(site: Site) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    assert site("subscribers", "pause", "ada@example.org", "--until", "2999-01-07") == 0
    assert site.out == "ada@example.org: paused; no letters until 2999-01-07\n"
    assert site("subscribers", "export", "everybody.csv") == 0
    assert site.out == "everybody.csv: 1 subscriber\n"


class Terminal(io.StringIO):
    """What is typed on a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_erasing_asks_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert site("subscribers", "erase", "ada@example.org") == 1
    assert "Erase all data of ada@example.org? This cannot be undone" in site.err
    assert "erased" not in site.out
    assert site("subscribers", "show", "ada@example.org") == 0
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert site("subscribers", "erase", "ada@example.org") == 0
    assert site.out.strip() == "erased ada@example.org"
    site("subscribers", "add", "ben@example.org", "--topic", "robots", "--confirmed")
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert site("subscribers", "erase", "ben@example.org", "--yes") == 0


def test_everybody_without_a_letter_today_is_listed_with_the_reason(site: Site) -> None:
    for name in ("ada", "ben", "eve"):
        site(
            "--now",
            "2026-11-22T12:00Z",
            "subscribers",
            "add",
            f"{name}@example.org",
            "--topic",
            "robots",
            "--confirmed",
        )
    site("subscribers", "pause", "ben@example.org")
    site("--now", MORNING, "publish")
    told = {one["email"]: one["why"] for one in site.json("--now", MORNING, "subscribers", "silent")}
    assert told == {
        "ada@example.org": "no new papers on their topics and interests",
        "ben@example.org": "the subscriber is paused",
        "eve@example.org": "no new papers on their topics and interests",
    }


@pytest.mark.parametrize(
    ("command", "typed"), [("search", "-survey"), ("topics try", "--survey"), ("search", "-no robots")]
)
def test_words_that_begin_with_a_dash_are_told_where_they_go(site: Site, command: str, typed: str) -> None:
    assert site(*command.split(), typed) == 2
    assert f"paperround {command} -- {shlex.quote(typed)}" in " ".join(site.err.split())
    assert site("stats", "-survey") == 2
    assert "--:" not in site.err
    assert site("search", "x", "--limt", "5") == 2
    assert "--:" not in site.err


def test_trying_an_interest_names_the_breadth_that_takes_more_as_its_option(site: Site) -> None:
    file = site.papers(count=60)
    close = [listing(100 + n, title=f"Grasping cups {n}", abstract="It is made of glass.") for n in range(3)]
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"\n{one.model_dump_json(exclude_defaults=True)}" for one in close)
    site("ingest", "--file", str(file), "--as", "jsonl")
    told = site.json("topics", "try", "a hand grasping transparent cups")["verdict"]
    assert "With --breadth more, 3 papers would be emailed." in told
    assert "rate them with --more and --less" in told
    assert site.json("topics", "try", "a hand grasping transparent cups", "--breadth", "more")["taken"] == 3


def test_the_state_of_the_relay_is_told_in_words(site: Site) -> None:
    assert site("stats") == 0
    for words in ("delivery paused until", "reason of the pause", "emails sent today"):
        assert words in site.out
    assert "_" not in site.out


def test_a_new_database_is_told_with_its_place(site: Site) -> None:
    site.monkeypatch.setenv("PAPERROUND_DATABASE_URL", "sqlite:///elsewhere/x.db")
    assert site("stats", "--json") == 0
    assert site.err == f"created a new database: {site.folder / 'elsewhere' / 'x.db'}\n"
    assert site("stats") == 0
    assert site.err == ""


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://name@host:port/papers"])
def test_a_database_that_no_site_can_have_is_refused_by_every_command(site: Site, url: str) -> None:
    before = sorted(site.folder.rglob("*"))
    site.monkeypatch.setenv("PAPERROUND_DATABASE_URL", url)
    for command in (["stats"], ["doctor"], ["migrate"], ["up"], ["backup", "x.db"], ["topics", "list"]):
        assert site(*command) == 2, command
        assert site.err.startswith("paperround: PAPERROUND_DATABASE_URL "), command
    assert sorted(site.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "the copy would be in memory and lost at once"),
        ("sqlite:///:memory:", "the copy would be in memory and lost at once"),
        ("nonsense", "the URL of the copy is not a database URL"),
        ("postgresql+psycopg://name:secret@host:port/papers", "the URL of the copy has a port that is not a number"),
    ],
)
def test_a_copy_goes_only_where_it_can_be_used(site: Site, url: str, said: str) -> None:
    site("stats")
    assert site("copy", url) == 2
    assert said in site.err
    assert "secret" not in site.err
    assert site.out == ""


def test_a_topic_is_shown_with_the_scores_of_its_papers(site: Site) -> None:
    site("ingest", "--file", str(site.papers(count=1)), "--as", "jsonl")
    [paper] = site.json("topics", "show", "robots")["latest"]
    assert site("topics", "show", "robots") == 0
    assert re.search(rf"{paper['id']}\s+{paper['score']:.2f}\s", site.out)


def test_numbers_doctor_and_backup_answer(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    assert site.json("stats")["papers"] == 3
    assert {finding["verdict"] for finding in site.json("doctor")} <= {"ok", "warning"}
    assert site("backup", "copy.db") == 0
    assert (site.folder / "copy.db").stat().st_size > 0
    assert site("migrate") == 0


@pytest.mark.parametrize("empty", [False, True])
def test_doctor_makes_no_database_and_examines_the_rest_of_a_new_site(
    site: Site, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    database = site.folder / "elsewhere" / "x.db"
    if empty:
        database.parent.mkdir()
        database.touch()
    monkeypatch.setenv("PAPERROUND_DATABASE_URL", f"sqlite:///{database}")
    before = _files(site.folder)
    found = {finding["check"]: finding for finding in site.json("doctor")}
    assert found["database"]["verdict"] == "warning"
    assert f"there is no paperround database at sqlite:///{database} yet" in found["database"]["what"]
    assert "correct PAPERROUND_DATABASE_URL" in found["database"]["what"]
    assert found["email (digest)"]["verdict"] == "ok"
    assert not any(finding["verdict"] == "error" for finding in found.values())
    assert _files(site.folder) == before


@pytest.mark.parametrize(
    ("version", "says"), [("0001", "run: paperround migrate"), ("9999", "newer than this program")]
)
def test_doctor_reports_a_database_of_another_version_and_leaves_it(site: Site, version: str, says: str) -> None:
    assert site("stats") == 0
    database = site.folder / "data" / "paperround.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("UPDATE alembic_version SET version_num = ?", [version])
    assert site("doctor", "--json") == 1
    (finding,) = json.loads(site.out)
    assert (finding["check"], finding["verdict"], finding["stops"]) == ("database", "error", True)
    assert f"the database is at version {version}" in finding["what"]
    assert says in finding["what"]
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [(version,)]


def test_the_list_of_topics_counts_the_past_week_and_says_that_plain_words_take_little(site: Site) -> None:
    site("topics", "list")
    assert site.out.splitlines()[0].split("\t") == ["slug", "name", "subscribers", "papers", "past week", "query"]
    assert "plain words" not in site.err
    assert site("topics", "add", "walking", "--name", "Walking", "--query", "machines that walk") == 0
    site("topics", "list")
    assert "so topics in plain words take only a part of their field" in site.err
    [walking] = [topic for topic in site.json("topics", "list") if topic["slug"] == "walking"]
    assert walking["past_week"] <= walking["papers"]


def test_doctor_loads_no_topics(site: Site) -> None:
    assert site("stats") == 0
    topics = site.folder / "config" / "topics.toml"
    topics.write_text(topics.read_text() + '\n[[topics]]\nslug = "new"\nname = "New"\nquery = "novel"\n')
    for _ in range(2):
        told = {finding["check"]: finding["what"] for finding in site.json("doctor")}
        assert told["topics.toml"] == "it has changed since it was loaded; the next command loads it"
    assert "new" in [topic["slug"] for topic in site.json("topics", "list")]
    assert "topics.toml" not in {finding["check"] for finding in site.json("doctor")}


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_a_search_names_the_mistake_in_a_query_and_a_phrase_that_finds_more(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    assert site("search", "titel:robots") == 0
    assert site.err == 'showing results for "title:" instead of "titel:"\n'
    assert site("search", "letters:robots") == 0
    assert "this is not a valid query" in site.err
    assert "there is no field letters:" in site.err
    assert site("search", "author:ben bookman") == 0
    assert 'no paper found; a field applies to one word, did you mean author:"ben bookman"' in site.err


def test_a_search_for_an_identifier_finds_its_paper_or_says_that_there_is_none(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    for text in ("2611.00001", "arXiv:2611.00001v2", "https://arxiv.org/abs/2611.00001"):
        assert [hit["id"] for hit in site.json("search", text)] == ["2611.00001"]
    assert site("search", "arXiv:2611.99999") == 0
    assert "there is no paper 2611.99999 here" in site.err
    assert "not a valid query" not in site.err


def test_adding_queries_tells_what_is_stored_and_how_each_is_read(site: Site) -> None:
    given = ("--query", " robots  that walk ", "--query", 'robots -"survey"')
    assert site("subscribers", "add", "ada@lovelace.example", "--confirmed", *given) == 0
    assert "  robots that walk: read as plain words\n" in site.out
    assert '  robots -"survey": read as a query because of -"survey"' in site.out
    assert site("subscribers", "add", "ada@lovelace.example", "--at", "08:00") == 0
    assert "read as" not in site.out


def test_a_mistake_in_topics_toml_stops_every_command_but_doctor_which_names_it(site: Site) -> None:
    site("topics", "list")
    topics = site.folder / "config" / "topics.toml"
    lines = topics.read_text().count("\n")
    topics.write_text(topics.read_text() + '\n[[topics]]\nslug = "bad"\nname = "Bad"\nquery = "(robots"\n')
    named = f"config/topics.toml line {lines + 2}: topic "
    for arguments in (["topics", "list"], ["round"]):
        assert site(*arguments) == 2
        assert named in site.err
    assert site("doctor") == 1
    assert named in site.out
    assert "(bad): this parenthesis is never closed" in site.out
    assert "until it is corrected, no other command runs" in site.out


def test_fields_of_a_topic_are_changed_one_at_a_time(site: Site) -> None:
    assert site("topics", "add", "gadgets", "--query", "gadgets") == 2
    assert "topic 'gadgets' needs a name and a query" in site.err
    assert site("topics", "add", "gadgets", "--name", "Gadgets", "--query", "gadgets", "--about", "Things.") == 0
    assert site("topics", "add", "gadgets", "--query", "devices OR gadgets") == 0
    assert site("topics", "add", "gadgets", "--name", "Devices") == 0
    [topic] = [one for one in site.json("topics", "list") if one["slug"] == "gadgets"]
    assert (topic["name"], topic["query"]) == ("Devices", "devices OR gadgets")


def test_deliver_says_until_when_letters_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("--now", "2026-11-22T12:00Z", "subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    site("--now", MORNING, "publish")
    with monkeypatch.context() as wrong:
        for name, value in {"KIND": "smtp", "HOST": "127.0.0.1", "PORT": "9", "TLS": "none"}.items():
            wrong.setenv(f"PAPERROUND_TRANSPORT__{name}", value)
        assert site("--now", MORNING, "deliver") == 1
        assert "letter waits" not in site.err, "the reason is that the relay cannot be reached"
    assert site("--now", MORNING, "deliver") == 0
    assert re.search(r"1 letter waits; the next attempt is due at 2026-11-23 \d\d:\d\d:\d\d UTC", site.err)
    assert site("--now", "2026-11-23T12:00Z", "deliver") == 0
    assert "wait" not in site.err


def test_a_letter_goes_out_when_the_relay_is_corrected_and_delivery_resumed(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("--now", "2026-11-22T12:00Z", "subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    site("--now", MORNING, "publish")
    with SmtpServer() as relay:
        site.monkeypatch.setenv("PAPERROUND_TRANSPORT__KIND", "smtp")
        site.monkeypatch.setenv("PAPERROUND_TRANSPORT__HOST", "127.0.0.1")
        site.monkeypatch.setenv("PAPERROUND_TRANSPORT__PORT", str(relay.port))
        assert site("--now", MORNING, "deliver") == 1
        assert "offers no STARTTLS" in site.err
        site.monkeypatch.setenv("PAPERROUND_TRANSPORT__TLS", "none")
        site("--now", MORNING, "doctor")
        assert "run: paperround deliveries resume" in site.out
        assert site.json("--now", MORNING, "deliveries", "resume") == {"due": 1}
        assert site.json("--now", MORNING, "deliver")["sent"] == 1


def test_an_expired_letter_is_sent_again_when_the_operator_asks(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("--now", "2026-11-22T12:00Z", "subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    site("--now", MORNING, "publish")
    assert site.json("--now", "2026-11-25T12:00Z", "deliver")["expired"] == 1
    [delivery] = site.json("deliveries", "list", "--state", "expired")
    assert site("--now", "2026-11-25T12:00Z", "deliveries", "retry", str(delivery["id"])) == 0
    assert site.json("--now", "2026-11-25T12:00Z", "deliver")["sent"] == 1
    assert site("deliveries", "retry", str(delivery["id"])) == 1


def test_the_version_is_told(site: Site) -> None:
    assert site("--version") == 0
    assert site.out.startswith("paperround 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"], ["stats", "--json"], ["backup", "copy.db"], ["migrate"], ["round"], ["ingest"],
        ["topics", "list"],
        ["subscribers", "export", "all.csv"], ["papers", "export", "all.jsonl"], ["dkim", "keygen"],
        ["preview", "a@example.org"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_outside_a_site_a_command_says_so_and_makes_nothing(
    site: Site, tmp_path_factory: pytest.TempPathFactory, arguments: list[str]
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    site.monkeypatch.chdir(elsewhere)
    assert site(*arguments) == 2
    assert "no site here" in site.err
    assert site.out == ""
    assert list(elsewhere.iterdir()) == []


def test_a_site_is_named_from_elsewhere_and_files_are_meant_from_where_they_are_typed(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "list.csv").write_text("email,topics\nada@example.org,robots\n", encoding="utf-8")
    for named in (["--site", str(site.folder)], []):
        site.monkeypatch.chdir(elsewhere)
        if not named:
            site.monkeypatch.setenv("PAPERROUND_SITE_DIR", str(site.folder))
        assert site(*named, "subscribers", "import", "list.csv", "--confirmed") == 0
        site.monkeypatch.chdir(elsewhere)
        assert site(*named, "subscribers", "export", "out.csv") == 0
    assert "ada@example.org" in (elsewhere / "out.csv").read_text(encoding="utf-8")
    assert (site.folder / "data" / "paperround.db").is_file()
    assert not (elsewhere / "data").exists()
    site.monkeypatch.chdir(elsewhere)
    assert site("--site", "nowhere", "stats") == 2
    assert "no site here" in site.err


def test_init_makes_the_folder_that_site_names(site: Site) -> None:
    assert site("--site", "another/one", "init") == 0
    assert (site.folder / "another" / "one" / "config" / "paperround.toml").is_file()


@pytest.mark.parametrize("arguments", [["up"], ["round"], ["init"]], ids=" ".join)
def test_a_lost_secret_key_is_an_error_and_no_new_one_is_made(site: Site, arguments: list[str]) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    (site.folder / ".env").write_text("PAPERROUND_SITE__NAME=Papers\n", encoding="utf-8")
    assert site(*arguments) == 2
    assert "PAPERROUND_SECRET_KEY is not set" in site.err
    assert "SECRET" not in (site.folder / ".env").read_text(encoding="utf-8")


def test_a_short_secret_key_is_an_error(site: Site) -> None:
    site.monkeypatch.setenv("PAPERROUND_SECRET_KEY", "x" * 31)
    assert site("stats") == 2
    assert "32 characters" in site.err


def test_papers_go_out_as_json_lines_and_come_in_again_as_the_same(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    assert site("papers", "export", "first.jsonl") == 0
    assert site("--site", "copy", "init") == 0
    site.monkeypatch.chdir(site.folder)
    assert site("--site", "copy", "ingest", "--file", "first.jsonl", "--as", "jsonl") == 0
    site.monkeypatch.chdir(site.folder)
    assert site("--site", "copy", "papers", "export") == 0
    first = (site.folder / "first.jsonl").read_text(encoding="utf-8")
    assert site.out == first
    assert len(first.splitlines()) == 3


def test_a_removed_topic_is_gone_with_what_followed_from_it(site: Site) -> None:
    site("topics", "add", "arms", "--name", "Arms", "--query", "robot*")
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--topic", "arms", "--confirmed")
    assert site("topics", "remove", "arms") == 2
    assert "1 subscriber follows arms; give --move-to SLUG" in site.err
    assert site("topics", "remove", "arms", "--yes") == 0
    assert site.out == "arms is removed; 1 subscriber followed it\n"
    assert site.err == ""
    assert site.json("subscribers", "show", "ada@example.org")["topics"] == ["robots"]
    assert site("topics", "remove", "robots") == 2
    assert "1 subscriber follows robots, 1 of them nothing else; give" in site.err
    assert site("topics", "remove", "robots", "--yes") == 0
    assert "is still in" in site.err
    assert site("subscribers", "silent") == 0
    assert "they follow nothing" in site.out
    site("doctor")
    assert "1 active subscriber follows nothing" in site.out + site.err
    assert "it was removed by a command, not in topics.toml" in " ".join((site.out + site.err).split())
    assert site("topics", "remove", "arms") == 2
    assert "there is no topic 'arms'" in site.err


def test_suppressed_addresses_are_listed_counted_and_lifted(site: Site) -> None:
    assert site.json("subscribers", "suppressed") == []
    rows = ["email,topics,state,confirmed_at,suppressed_reason,suppressed_at"]
    rows += [
        f"{name}@example.org,robots,active,2026-11-01T06:00:00Z,{reason},2026-11-{day}T06:00:00Z"
        for name, reason, day in (("ada", "hard bounce 5.1.1", 20), ("eve", "complaint", 21), ("gone", "x", 22))
    ]
    (site.folder / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    assert site("subscribers", "import", "list.csv") == 0
    assert site("subscribers", "erase", "gone@example.org") == 0
    assert site.json("stats")["suppressed"] == 3
    assert site.json("subscribers", "suppressed") == [
        {"email": None, "at": "2026-11-22T06:00:00Z", "reason": "x", "state": None},
        {"email": "eve@example.org", "at": "2026-11-21T06:00:00Z", "reason": "complaint", "state": "active"},
        {"email": "ada@example.org", "at": "2026-11-20T06:00:00Z", "reason": "hard bounce 5.1.1", "state": "active"},
    ]
    assert site("subscribers", "suppressed", "--limit", "1") == 0
    assert "(erased)" in site.out
    assert [one["email"] for one in site.json("subscribers", "suppressed", "--email", "EVE")] == ["eve@example.org"]
    assert site("subscribers", "lift", "eve@example.org") == 2
    assert "only they can lift the suppression" in site.err
    assert site("subscribers", "lift", "nobody@example.org") == 2
    assert "is not suppressed" in site.err
    assert site("subscribers", "lift", "ada@example.org") == 0
    assert site.out.splitlines()[0].startswith("ada@example.org: no longer suppressed (hard bounce 5.1.1, ")
    assert site.out.splitlines()[1].startswith("ada@example.org: active, next digest ")
    assert site("subscribers", "lift", "gone@example.org") == 0
    assert site.out == "gone@example.org: no longer suppressed (x, 2026-11-22 06:00 UTC)\n"
    assert site.json("stats")["suppressed"] == 1


def test_a_topic_of_the_file_that_a_command_changes_is_told(site: Site) -> None:
    assert site("topics", "edit", "robots", "--query", "robot* OR arm*") == 0
    assert "robots is in" in site.err
    assert "the change is undone when the file next changes" in site.err
    site("doctor")
    assert "it was changed by a command, not in topics.toml" in " ".join((site.out + site.err).split())
    assert site("topics", "add", "arms", "--name", "Arms", "--query", "arm*") == 0
    assert site.err == ""


def test_edit_changes_only_a_topic_that_is_there(site: Site) -> None:
    assert site("topics", "edit", "robtos", "--name", "Robots") == 2
    assert "there is no topic 'robtos' (did you mean 'robots'?)" in site.err
    assert site("topics", "edit", "robots") == 2
    assert "give --name, --query or --about" in site.err
    assert site("topics", "edit", "robots", "--about", "All of them") == 0
    assert site.json("topics", "show", "robots")["about"] == "All of them"
    assert site("subscribers", "add", "ada@example.org", "--topic", "robtos") == 2
    assert "there is no topic 'robtos' (did you mean 'robots'?); there are: " in site.err


@pytest.mark.parametrize("algorithm", ["rsa", "ED25519"])
def test_a_dkim_key_is_made_once_and_its_record_printed(site: Site, algorithm: str) -> None:
    assert site("dkim", "record") == 2
    assert "dkim keygen" in site.err
    assert site("dkim", "keygen", "--algorithm", algorithm) == 0
    key = site.folder / "config" / "dkim.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    told, warned = site.out, site.err
    config = site.folder / "config" / "paperround.toml"
    with config.open("a", encoding="utf-8") as file:
        file.write("\n" + told[told.index("[dkim]") : told.index("\n\nPublish")] + "\n")
    assert site("dkim", "record") == 0
    line = site.out.strip()
    assert line in told
    assert line.startswith("paperround._domainkey.paperround.example. IN TXT ")
    assert "paperround.example is only a placeholder" in warned
    strings = re.findall(r'"([^"]*)"', line)
    assert max(map(len, strings)) <= 255
    [record] = site.json("dkim", "record")
    assert record == {"name": line.split(". IN")[0], "type": "TXT", "value": "".join(strings)}
    before = key.read_bytes()
    assert site("dkim", "keygen") == 2
    assert "already exists" in site.err
    assert key.read_bytes() == before


def test_the_list_of_subscribers_counts_interests_and_followed_names(site: Site) -> None:
    own = ("--interest", "swarms", "--interest", "storks", "--follow", "author: Ada Lovelace")
    site("subscribers", "add", "ada@example.org", *own, "--confirmed")
    assert "no paper here is by Ada Lovelace yet; check the spelling" in site.err
    site("subscribers", "list")
    names, row = (line.split("\t") for line in site.out.splitlines())
    found = dict(zip(names, row, strict=True))
    assert (found["topics"], found["queries"], found["follows"]) == ("", "2", "1")


def test_lists_are_narrowed_by_state_topic_and_address(site: Site) -> None:
    site("topics", "add", "arms", "--name", "Arms", "--query", "arm*")
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    for name, topics in (("ada", ["robots"]), ("ben", ["robots", "arms"]), ("eve", ["arms"])):
        follows = [word for topic in topics for word in ("--topic", topic)]
        site("--now", "2026-11-22T12:00Z", "subscribers", "add", f"{name}@example.org", *follows, "--confirmed")
    site("subscribers", "pause", "eve@example.org")
    site("--now", MORNING, "round")

    def emails(*arguments: str) -> list[str]:
        return [one["email"].partition("@")[0] for one in site.json(*arguments)]

    assert emails("subscribers", "list", "--state", "PAUSED") == ["eve"]
    assert emails("subscribers", "list", "--topic", "arms") == ["ben", "eve"]
    assert emails("subscribers", "list", "--topic", "arms", "--state", "active") == ["ben"]
    assert emails("subscribers", "list", "--email", "EVE@") == ["eve"]
    assert emails("subscribers", "list", "--limit", "2") == ["ada", "ben"]
    assert sorted(emails("deliveries", "list", "--state", "Sent")) == ["ada", "ben"]
    assert emails("deliveries", "list", "--topic", "arms") == ["ben"]
    assert emails("deliveries", "list", "--email", "ADA") == ["ada"]
    assert emails("deliveries", "list", "--email", "%") == []
    assert emails("bounces", "list", "--email", "ada") == []
    assert site("deliveries", "list") == 0
    assert site.out.splitlines()[0].split("\t") == [
        "id", "issue", "email", "state", "at", "next_attempt_at", "reason",
    ]  # fmt: skip
    assert "\t2026-11-23 07:30 UTC\t" in site.out
    assert site("deliveries", "list", "--topic", "nope") == 2
    assert "there is no topic 'nope'" in site.err


def test_restoring_a_backup_keeps_the_previous_database(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    assert site("backup", "copy.db") == 0
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    assert site("restore", "copy.db") == 0
    assert site.json("stats")["papers"] == 3
    assert site.json("subscribers", "list") == []
    assert site("restore", "data/paperround.db.before-restore-1") == 0
    assert [one["email"] for one in site.json("subscribers", "list")] == ["ada@example.org"]


def test_adding_a_topic_keeps_the_others(site: Site) -> None:
    for slug in ("robots", "agents", "vision"):
        site("topics", "add", slug, "--name", slug, "--query", slug)
    add = ("subscribers", "add", "ada@example.org")
    assert site(*add, "--topic", "robots", "--topic", "agents", "--leave-out", "survey", "--confirmed") == 0
    assert "before" not in site.out
    assert site(*add, "--topic", "vision", "--topic", "robots", "--at", "06:15", "--leave-out", "author: Li Wei") == 0
    assert site.out.splitlines()[1:] == [
        "  topics: robots, agents, vision (before: robots, agents)",
        "  leave_out: survey, author: Li Wei (before: survey)",
        "  at: 06:15 (before: 07:00)",
    ]
    assert site(*add, "--topic", "robots", "--replace") == 0
    assert site.out.splitlines()[1:] == ["  topics: robots (before: robots, agents, vision)"]
    assert site(*add, "--interest", "walking machines") == 0
    assert "  queries: walking machines (before: none)" in site.out
    assert site(*add, "--interest", "") == 0
    assert "  queries: none (before: walking machines)" in site.out
    assert site.json("subscribers", "show", "ada@example.org")["topics"] == ["robots"]


def test_searches_and_trials_at_an_earlier_time_know_no_later_papers(site: Site) -> None:
    site("ingest", "--file", str(site.papers()), "--as", "jsonl")
    day = json.loads(site.papers().read_text(encoding="utf-8").splitlines()[0])["day"]
    at, before = f"{day}T07:00Z", f"{date.fromisoformat(day) - timedelta(days=1)}T07:00Z"
    assert len(site.json("--now", at, "search", "robots")) == len(site.json("search", "robots")) == 3
    assert site.json("--now", before, "search", "robots") == []
    assert site.json("--now", at, "topics", "try", "robots that grasp")["total"] == 3
    tried = site.json("--now", before, "topics", "try", "robots that grasp")
    assert (tried["total"], tried["papers"]) == (0, [])


def test_restoring_says_who_left_since_the_backup(site: Site) -> None:
    for name in ("ada", "ben", "cleo"):
        site("subscribers", "add", f"{name}@example.org", "--topic", "robots", "--confirmed")
    assert site("backup", "copy.db") == 0
    site("subscribers", "unsubscribe", "ada@example.org")
    site("subscribers", "unsubscribe", "ben@example.org")
    site("subscribers", "erase", "cleo@example.org", "--yes")
    site("subscribers", "add", "dora@example.org", "--topic", "robots", "--confirmed")
    assert site("restore", "copy.db") == 0
    assert site.out.splitlines()[1:] == [
        "carried over what people have decided since the backup: 2 unsubscribed, 1 erased",
        "1 person who subscribed since the backup: in the previous database only; they have to subscribe again",
    ]
    assert site.err == ""
    (site.folder / "data" / "paperround.db").rename(site.folder / "lost.db")
    assert site("restore", "copy.db") == 0
    told = " ".join(site.err.split())
    assert "people who unsubscribed, complained or were erased since the backup get letters again" in told
    assert site("carry-over", "lost.db") == 0
    assert site.out.splitlines() == [
        "carried over what people have decided since the backup: 2 unsubscribed, 1 erased"
    ]
    assert site("backup", "copy.db") == 0
    assert site("restore", "copy.db") == 0
    assert site.out.splitlines()[1:] == ["carried over what people have decided since the backup: nothing"]


def test_a_previous_database_is_named_from_where_the_command_is_typed_in(site: Site) -> None:
    assert site("init") == 0
    (site.folder / "elsewhere").mkdir()
    assert site("backup", "elsewhere/copy.db") == 0
    for at in (["--site", str(site.folder)], ["--site", ".."]):
        site.monkeypatch.chdir(site.folder / "elsewhere")
        assert site(*at, "carry-over", "copy.db") == 0
        assert site.out.splitlines() == ["carried over what people have decided since the backup: nothing"]


@pytest.mark.parametrize("in_query", [False, True])
def test_the_password_of_a_previous_database_is_not_printed(*, in_query: bool, site: Site, postgres_url: str) -> None:
    url = make_url(postgres_url)
    url = url.update_query_dict({"password": "s3cret"}) if in_query else url.set(password="s3cret")
    assert site("init") == 0
    assert site("carry-over", url.render_as_string(hide_password=False)) == 1
    assert f"/{url.database}" in site.err
    assert "*** says nothing of them" in site.err if in_query else ":***@" in site.err
    assert "s3cret" not in site.out + site.err


def test_nothing_is_put_back_while_another_program_has_the_database_open(site: Site) -> None:
    assert site("backup", "copy.db") == 0
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    with closing(sqlite3.connect(site.folder / "data" / "paperround.db")) as other:
        other.execute("SELECT count(*) FROM papers").fetchall()  # and then it is idle
        assert site("restore", "copy.db") == 2
        assert "another program has the database open; stop `paperround up`" in site.err
        assert not list((site.folder / "data").glob("*before-restore*"))
        assert [one["email"] for one in site.json("subscribers", "list")] == ["ada@example.org"]
    assert site("restore", "copy.db") == 0
    assert site.json("subscribers", "list") == []


@pytest.mark.parametrize(("target", "told"), [("data/paperround.db", "the database itself"), ("pipe", "no file")])
def test_a_backup_replaces_neither_the_database_nor_a_device(target: str, told: str, site: Site) -> None:
    site("topics", "list")
    os.mkfifo(site.folder / "pipe")
    before = (site.folder / target).stat().st_ino
    assert site("backup", target) == 2
    assert site.err == f"paperround: {target} is {told}; choose another file\n"
    assert (site.folder / target).stat().st_ino == before


@pytest.mark.parametrize("command", [["subscribers", "export"], ["papers", "export"]])
def test_an_export_writes_into_a_pipe_and_does_not_replace_it(command: list[str], site: Site) -> None:
    assert site("ingest", "--file", str(site.papers()), "--as", "jsonl") == 0
    pipe = site.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert site(*command, "pipe") == 0
    assert os.read(reader, 100_000)
    os.close(reader)
    assert pipe.is_fifo()
    (site.folder / "link").symlink_to(site.folder / "all")
    assert site(*command, "link") == 0
    assert (site.folder / "link").is_symlink()
    assert (site.folder / "all").read_text()


def test_an_export_that_fails_leaves_nothing_behind(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.folder / "all").mkdir()
    assert site("subscribers", "export", "all/") == 2
    monkeypatch.setattr(Path, "replace", _refuse)
    assert site("subscribers", "export", "new") == 2
    assert not list(site.folder.glob("*.part"))


def _refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_is_no_backup_is_refused_and_changes_nothing(site: Site) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    site("backup", "copy.db")
    whole = (site.folder / "copy.db").read_bytes()
    (site.folder / "text.db").write_text("not a database " * 500, encoding="utf-8")
    (site.folder / "empty.db").write_bytes(b"")
    (site.folder / "torn.db").write_bytes(whole[: len(whole) // 2])
    with sqlite3.connect(site.folder / "newer.db") as other:
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
        other.execute("INSERT INTO alembic_version VALUES ('9999')")
    other.close()
    for name, says in (
        ("nothing.db", "there is no such file"),
        ("text.db", "is not a backup"),
        ("empty.db", "is not a backup"),
        ("torn.db", "torn.db is"),
        ("newer.db", "newer than this program"),
    ):
        assert site("restore", name) == 2
        assert says in site.err
    assert [one["email"] for one in site.json("subscribers", "list")] == ["ada@example.org"]


def test_a_database_newer_than_the_program_ends_every_command_with_one_line(site: Site) -> None:
    assert site("stats") == 0
    with sqlite3.connect(site.folder / "data" / "paperround.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    for command in (["stats"], ["migrate"], ["round"], ["up"]):
        assert site(*command) > 0
        assert "the database is at version 9999, newer than this program" in site.err
        assert len(site.err.strip().splitlines()) == 1


def test_changes_made_by_commands_leave_a_line_each_that_names_no_address(site: Site) -> None:
    email = "ada@lovelace.example"
    (site.folder / "list.csv").write_text("email,topics\nbob@example.org,robots\n")
    commands = (
        ("subscribers", "add", email, "--topic", "robots", "--confirmed"),
        ("subscribers", "pause", email),
        ("subscribers", "resume", email),
        ("subscribers", "new-links", email),
        ("subscribers", "unsubscribe", email),
        ("subscribers", "erase", email),
        ("subscribers", "import", "list.csv", "--dry-run"),
        ("subscribers", "import", "list.csv"),
        ("topics", "add", "tables", "--name", "Tables", "--query", "table*"),
        ("topics", "remove", "tables", "--move-to", "robots"),
        ("tokens", "add", "relay", "--scope", "bounces:post"),
        ("tokens", "remove", "relay"),
    )
    for command in commands:
        assert site(*command) == 0, (command, site.err)
    with sqlite3.connect(site.folder / "data" / "paperround.db") as db:
        lines = db.execute("SELECT who, action, subject FROM audit_entries ORDER BY row").fetchall()
    db.close()
    assert {who for who, _, _ in lines} == {"command line"}
    assert [f"{action} {subject}" for _, action, subject in lines] == [
        *(
            f"subscriber: {done} subscriber 1"
            for done in ("add", "pause", "resume", "new links", "unsubscribe", "erase")
        ),
        "subscribers imported 1 row",
        "topic saved tables",
        "topic removed tables, moved to robots",
        "API token created relay: bounces:post",
        "API token revoked relay",
    ]
    assert "@" not in str(lines)


def test_an_env_file_in_another_encoding_ends_each_command_with_one_line(site: Site) -> None:
    env = site.folder / ".env"
    key = env.read_text(encoding="utf-8")
    assert site("doctor") in (0, 1)
    if "PAPERROUND_SECRET_KEY" not in key:
        key = ""
    env.write_bytes(f'{key}\nPAPERROUND_SITE__POSTAL_ADDRESS="Mühlgasse 1"\n'.encode("latin-1"))
    line = len(key.split("\n")) + 1
    for command in (["stats"], ["doctor"], ["dkim", "record"], ["init", "."], ["round"]):
        assert site(*command) == 2
        assert site.err == f"paperround: .env line {line}: it is not in UTF-8; save the file as UTF-8\n"


def test_a_theme_in_another_encoding_ends_its_preview_with_one_line(site: Site) -> None:
    assert site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed") == 0
    theme = site.folder / "templates" / "email" / "themes" / "mine.html.j2"
    theme.write_bytes('{% extends "email/digest.html.j2" %}\n{# Mühle #}\n'.encode("latin-1"))
    assert site("preview", "ada@example.org", "--theme", "mine") == 2
    assert site.err == ("paperround: email/themes/mine.html.j2 line 2: it is not in UTF-8; save the file as UTF-8\n")


def test_an_import_says_as_what_a_file_was_read_that_is_not_in_utf_8(site: Site) -> None:
    file = site.folder / "people.csv"
    file.write_bytes("mail,name,topics\nzofia@example.org,Zofia Dąbrowska,robots\n".encode("iso-8859-2"))
    [warning] = site.json("subscribers", "import", "people.csv", "--dry-run")["warnings"]
    assert warning == (
        "it is not in UTF-8 and was read as Windows-1252; if names look wrong, save it as UTF-8 and import it again"
    )
    file.write_text(file.read_text("iso-8859-2"), encoding="utf-16")
    assert "was read as UTF-16;" in site.json("subscribers", "import", "people.csv", "--dry-run")["warnings"][0]
    file.write_text(file.read_text("utf-16"), encoding="utf-8-sig")
    assert site.json("subscribers", "import", "people.csv", "--confirmed")["warnings"] == []
    assert site.json("subscribers", "show", "zofia@example.org")["name"] == "Zofia Dąbrowska"


def test_a_missing_column_of_topics_is_one_line_however_many_rows_there_are(site: Site) -> None:
    site("subscribers", "add", "ada@example.org", "--topic", "robots", "--confirmed")
    file = site.folder / "people.csv"
    file.write_text(
        "email,name\n" + "".join(f"{name}@example.org,{name}\n" for name in ("ada", "ben", "eve")), "utf-8"
    )
    assert site("subscribers", "import", "people.csv", "--confirmed") == 1
    assert site.out.startswith("0 new, 1 changed, 0 unchanged, 2 skipped")
    assert site.err == (
        "people.csv: line 1: there is no column `topics`, so 2 rows of new subscribers follow nothing and are left "
        "out; add the column (there are: robots; or give --topic for all rows)\n"
    )
    report = site.json("subscribers", "import", "people.csv", "--confirmed", "--topic", "robots")
    assert (report["new"], report["rejected"]) == (2, 0)
    file.write_text("email,topics\nzoe@example.org,\n", encoding="utf-8")
    [problem] = site.json("subscribers", "import", "people.csv", "--confirmed")["problems"]
    assert problem.startswith("line 2 zoe@example.org: no topic to follow; there are: robots")
    file.write_text("email,topics\nzoe@example.org,\nyan@example.org,\n", encoding="utf-8")
    problems = site.json("subscribers", "import", "people.csv", "--confirmed")["problems"]
    assert ["there are: robots" in problem for problem in problems] == [True, False]


def test_an_interrupted_import_says_how_far_it_came(site: Site) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (site.folder / "people.csv").write_text("email,topics\nzoe@example.org,robots\n", encoding="utf-8")
    site.monkeypatch.setattr("paperround.subscribers.membership.add_all", interrupt)
    assert site("subscribers", "import", "people.csv") == 130
    assert site.err == "paperround: interrupted; 0 rows were imported before; import the file again for the others\n"
    site.monkeypatch.setattr("paperround.rounds.pipeline.deliver", interrupt)
    assert site("deliver") == 130
    assert "interrupted; completed work is kept" in site.err


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        (["preview", "ada@example.org", "--now", MORNING], "--now MOMENT preview"),
        (["subscribers", "list", "--config", "x.toml"], "--config FILE subscribers list"),
        (["subscribers", "--site", ".", "list"], "--site DIR subscribers"),
        (["stats", "-v"], "-v stats"),
    ],
)
def test_an_option_of_the_whole_program_after_a_command_is_told_its_place(
    site: Site, typed: list[str], right: str
) -> None:
    assert site(*typed) == 2
    option = right.split(maxsplit=1)[0]
    assert f"{option} goes before the command: paperround {right}" in " ".join(site.err.replace("│", "").split())


def test_any_other_option_that_is_not_there_is_told_with_those_that_are_like_it(site: Site) -> None:
    assert site("preview", "ada@example.org", "--outt", "x") == 2
    assert "No such option: --outt" in site.err
    assert "--out" in site.err


def test_messages_name_the_program_however_it_was_started(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__package__", "module")
    assert site("stats", "--nothing") == 2
    assert site.err == "paperround: No such option: --nothing. For help: paperround stats -h\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("search robot --limit 0", "Invalid value for '--limit': must be 1 or more. For help: paperround search -h"),
        ("subscribers add x@e.org --topic", "Option '--topic' requires an argument. For help: paperround -h"),
        ("tokens add x", "Missing option '--scope'. For help: paperround tokens add -h"),
        ("bogus", "No such command 'bogus'. Did you mean 'bounces'? For help: paperround -h"),
        ("topics bogus", "No such command 'bogus'. For help: paperround topics -h"),
        ("search -- a b", "Got unexpected extra argument(s) (b). For help: paperround search -h"),
        ("stats --now 2026-11-23", "--now goes before the command: paperround --now MOMENT stats"),
        (
            "search -x",
            "No such option: -x. Words that begin with a dash come after --: paperround search -- -x",
        ),
    ],
)
def test_wrong_use_of_the_command_line_is_one_line_with_the_remedy(site: Site, words: str, line: str) -> None:
    assert site(*words.split()) == 2
    assert site.err == f"paperround: {line}\n"


def test_a_group_without_a_command_shows_its_help(site: Site) -> None:
    assert site("topics") == 2
    assert "Usage: paperround topics" in site.err
    assert "For help" not in site.err


def test_the_profile_of_a_subscriber_counts_the_papers_of_their_library(site: Site) -> None:
    assert site("ingest", "--file", str(site.papers()), "--mail-old") == 0
    assert site("subscribers", "add", "ada@example.org", "--confirmed", "--topic", "robots") == 0
    library = site.folder / "library.bib"
    library.write_text("2611.00001\n", encoding="utf-8")
    assert site("subscribers", "learn", "ada@example.org", str(library)) == 0
    assert site.out == "1 paper is stored here and counts as *more like this*\n"
    assert site("subscribers", "show", "ada@example.org", "--profile") == 0
    assert site.out.startswith("1 rating, with a weight of 0.33 of 1")
    library.write_text("@a{b, title={Storks fly south}, abstract={Birds.}}", encoding="utf-8")
    assert site("subscribers", "learn", "ada@example.org", str(library)) == 0
    assert site.out == "1 other paper is learned from by title and abstract\n"
    library.write_text("10.1234/unknown", encoding="utf-8")
    assert site("subscribers", "learn", "ada@example.org", str(library)) == 0
    assert site.out == (
        "1 DOI is unknown here and left out: 10.1234/unknown. "
        "In all, 1 paper that is not stored here is learned from\n"
    )
    assert site("subscribers", "learn", "ada@example.org", "--forget") == 0
    assert site.out == "no paper to learn from was given\n"
    library.write_text("@a{b, title={Storks fly south}, abstract={Birds.}}", encoding="utf-8")
    site("subscribers", "learn", "ada@example.org", "--author", "Nobody", str(library))
    assert site("subscribers", "show", "ada@example.org", "--profile") == 0
    assert site.out.startswith("1 rating and 1 paper of their library, with a weight of 0.50 of 1")
