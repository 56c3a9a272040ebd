"""Reports that wait in an IMAP mailbox, on a real Dovecot: read once, one by one, and nothing else is touched."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Self

import pytest
import trustme

from paperround import cli
from paperround.bounces import mailboxes
from paperround.bounces.mailboxes import ImapSettings
from paperround.domain.errors import ConfigurationError, PaperroundError
from paperround.domain.models import BounceKind
from paperround.operator import doctor
from paperround.process import logs
from paperround.rounds import bounce_intake, pipeline
from paperround.rounds.scheduler import Scheduler
from paperround.subscribers import membership
from support import dovecot
from support.dovecot import PASSWORD, Account, Server
from support.papers import listing
from support.returned import complaint, report
from support.site import MORNING, Site

SUBSCRIBERS = ("ada@example.org", "ben@example.org", "eve@example.org")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if reason := dovecot.missing():
        pytest.skip(reason)
    with dovecot.running() as running:
        yield running


@pytest.fixture
def account(server: Server) -> Account:
    return server.account()


@pytest.fixture
def site(tmp_path: Path, database_url: str, server: Server, account: Account) -> Iterator[Site]:
    made = _site(tmp_path, server, account, database_url)
    yield made
    made.app.close()


def _site(folder: Path, server: Server, account: Account, url: str | None = None, **bounces: Any) -> Site:
    """A site that has sent one letter to each subscriber and reads this mailbox."""
    imap = server.settings(account)
    site = Site(folder, url, bounces={"domain": "bounces.example.org", "imap": imap, **bounces})
    site.topic("robots")
    site.subscribers(SUBSCRIBERS, "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    return site


def _return_address(site: Site, email: str = "ada@example.org") -> str:
    return next(letter.sender for letter in site.relay.accepted if letter.recipient == email)


def _suppressed(site: Site) -> set[str]:
    return {email for email in SUBSCRIBERS if membership.subscriber(site.app, email).suppressed}


def _read(settings: dict[str, Any]) -> list[bytes]:
    return [raw for _, raw in mailboxes.imap(ImapSettings(**settings))]


def _logged(capsys: pytest.CaptureFixture[str]) -> str:
    """What the log says; it goes to stderr in a program that a command has set up, else to stdout."""
    return "".join(capsys.readouterr())


def test_reports_in_the_mailbox_are_read_once_and_marked_as_seen(site: Site, account: Account) -> None:
    account.put(report(_return_address(site)))
    account.put(complaint(_return_address(site, "ben@example.org")))
    found = bounce_intake.read_mailbox(site.app)
    assert [(one.email, one.kind, one.new) for one in found] == [
        ("ada@example.org", BounceKind.HARD, True),
        ("ben@example.org", BounceKind.COMPLAINT, True),
    ]
    assert _suppressed(site) == {"ada@example.org", "ben@example.org"}
    assert account.flags() == ["S", "S"]
    assert bounce_intake.read_mailbox(site.app) == []
    assert len(site.app.store.bounces.report()) == 2


def test_a_mail_is_given_out_byte_for_byte(server: Server, account: Account) -> None:
    odd = report("bounces@example.org") + b"\r\n\xe4\xf6\xfc ) {5}\r\n.\r\n" + bytes(range(128, 256)) + b"\r\n"
    account.put(odd)
    account.put(b"Subject: nothing else\r\n\r\n")
    assert _read(server.settings(account)) == [odd, b"Subject: nothing else\r\n\r\n"]


def test_of_a_huge_mail_only_the_beginning_is_fetched(
    server: Server, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "_MAX_MAIL", 1_000)
    account.put(b"Subject: much\r\n\r\n" + b"x" * 100_000)
    assert [len(raw) for raw in _read(server.settings(account))] == [1_000]


def test_mail_of_other_people_stays_as_it_is_but_for_having_been_seen(site: Site, account: Account) -> None:
    from_others = [b"From: grandma@example.org\r\nSubject: tea?\r\n\r\nOn Sunday.\r\n", b"\r\n", b"no header at all"]
    for raw in from_others:
        account.put(raw)
    seen = account.put(report(_return_address(site)))
    seen.rename(seen.parents[1] / "cur" / f"{seen.name}:2,FRS")  # somebody has read it, flagged it, answered it
    account.put(report(_return_address(site, "eve@example.org")))

    assert [one.email for one in bounce_intake.read_mailbox(site.app)] == [None, None, None, "eve@example.org"]
    assert account.flags() == ["S", "S", "S", "FRS", "S"]
    assert _suppressed(site) == {"eve@example.org"}, "what was seen before is not read"
    kept = [path.read_bytes() for path in sorted((account.folder / "cur").iterdir())]
    assert kept[:3] == from_others


def test_a_mail_that_cannot_be_processed_stops_no_other(
    site: Site, account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse = bounce_intake.reports.parse

    def breaks(raw: bytes) -> Any:
        if raw.startswith(b"X-Odd"):
            raise RecursionError("too deep")
        return parse(raw)

    monkeypatch.setattr(bounce_intake.reports, "parse", breaks)
    logs.show(verbose=False)
    account.put(b"X-Odd: very\r\n\r\n")
    account.put(report(_return_address(site)))
    found = bounce_intake.read_mailbox(site.app)
    assert (found[0].kind, found[0].text) == (BounceKind.NOTHING, "could not be read")
    assert _suppressed(site) == {"ada@example.org"}
    assert account.flags() == ["S", "S"], "it is not the first one again the next time"
    logged = _logged(capsys)
    assert "RecursionError: too deep" in logged, "with its traceback, also where logs are JSON"


def test_a_report_about_a_letter_with_a_nul_in_its_identifier_stops_no_other(site: Site, account: Account) -> None:
    quoted = b"\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <a\x00b@example.org>\r\n\r\n--x--"
    account.put(report("bounces@example.org").replace(b"\r\n--x--", quoted))
    account.put(report(_return_address(site)))
    assert [one.email for one in bounce_intake.read_mailbox(site.app)] == [None, "ada@example.org"]


def test_a_mail_that_the_server_does_not_give_out_stays_unseen_and_stops_no_other(
    site: Site, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dovecot answers such a FETCH by hanging up."""
    locked = account.put(report(_return_address(site)))
    account.put(report(_return_address(site, "ben@example.org")))
    locked.chmod(0)
    assert [one.email for one in bounce_intake.read_mailbox(site.app)] == ["ben@example.org"]
    assert account.flags() == ["", "S"]
    assert "stays unseen" in _logged(capsys)
    next(account.folder.glob(f"*/{locked.name}*")).chmod(0o600)
    assert [one.email for one in bounce_intake.read_mailbox(site.app)] == ["ada@example.org"]


def test_a_server_that_hangs_up_over_every_mail_is_given_up(
    server: Server, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "_HANG_UPS", 3)
    for _ in range(5):
        account.put(b"Subject: locked\r\n\r\n").chmod(0)
    with pytest.raises(PaperroundError, match="closed the connection on 3 messages"):
        _read(server.settings(account))
    assert account.flags() == [""] * 5


@pytest.mark.parametrize("killed_at", ["before the second is taken in", "after the second is taken in"])
def test_what_was_under_way_when_the_program_died_is_read_again(
    tmp_path: Path, server: Server, account: Account, killed_at: str
) -> None:
    site = _site(tmp_path, server, account)
    for email in SUBSCRIBERS:
        account.put(report(_return_address(site, email)))
    settings = {"url": site.app.settings.database_url, "imap": server.settings(account, ca_file=str(server.ca_file))}
    died = subprocess.run(
        [sys.executable, "-c", _DIES_OVER_THE_SECOND, str(tmp_path), json.dumps(settings), killed_at],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
        capture_output=True,
        text=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert account.flags() == ["S", "", ""]
    known = killed_at.startswith("after")
    found = bounce_intake.read_mailbox(site.app)
    assert [(one.email, one.new) for one in found] == [("ben@example.org", not known), ("eve@example.org", True)]
    assert len(site.app.store.bounces.report()) == 3
    site.app.close()


_DIES_OVER_THE_SECOND = """
import json, os, signal, sys
from pathlib import Path
from paperround.rounds import bounce_intake as returns
from support.site import Site

folder, settings, killed_at = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
site = Site(folder, settings["url"], bounces={"domain": "bounces.example.org", "imap": settings["imap"]})
apply_bounce, taken = returns.apply_bounce, []

def dies(app, bounce):
    taken.append(bounce)
    if len(taken) == 2 and killed_at.startswith("before"):
        os.kill(os.getpid(), signal.SIGKILL)
    known = apply_bounce(app, bounce)
    if len(taken) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return known

returns.apply_bounce = dies
returns.read_mailbox(site.app)
"""


@pytest.mark.parametrize(
    ("folder", "on_disk"),
    [
        ("Bounce reports", "Bounce reports"),
        ("Rückläufer & mehr", "R&APw-ckl&AOQ-ufer &- mehr"),
        ('the "dead"', 'the "dead"'),
        ("戻り郵便", "&YjswipD1T78-"),
    ],
)
def test_a_folder_of_any_name_is_found(server: Server, account: Account, folder: str, on_disk: str) -> None:
    account.put(b"Subject: there\r\n\r\n", on_disk)
    account.put(b"Subject: elsewhere\r\n\r\n")
    assert _read(server.settings(account, folder=folder)) == [b"Subject: there\r\n\r\n"]
    assert account.flags() == [""]


def test_a_database_that_is_away_leaves_the_mails_unseen(
    site: Site, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from paperround.domain.errors import StoreError

    account.put(report(_return_address(site)))

    def away(*_: object) -> None:
        raise StoreError("the database does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(site.app.store.bounces, "apply", away)
        with pytest.raises(StoreError):
            bounce_intake.read_mailbox(site.app)
    assert account.flags() == [""]
    assert [one.new for one in bounce_intake.read_mailbox(site.app)] == [True]


# What goes wrong with the server


def _told(settings: dict[str, Any], kind: type[PaperroundError]) -> str:
    """The one line that somebody reads about it."""
    with pytest.raises(PaperroundError) as caught:
        _read(settings)
    assert type(caught.value) is kind
    line = str(caught.value)
    assert "\n" not in line
    assert PASSWORD not in line
    assert line.startswith(f"imap://{settings['host']}:{settings['port']}/")
    return line


def test_a_wrong_password_is_a_matter_of_the_settings(server: Server, account: Account) -> None:
    line = _told(server.settings(account, password="not the one"), ConfigurationError)
    assert "bounces.imap" in line
    assert "Authentication failed" in line
    assert "not the one" not in line
    assert "b'" not in line


def test_doctor_tries_the_mailbox_and_changes_nothing(tmp_path: Path, server: Server, account: Account) -> None:
    account.put(b"Subject: there\r\n\r\n")
    wrong = {"password": "not the one"}
    for changed, verdict, said in (({}, "ok", "work"), (wrong, "warning", "Authentication failed")):
        site = Site(tmp_path, bounces={"domain": "b.example", "imap": server.settings(account, **changed)})
        (told,) = [one for one in doctor.examine(site.app) if one.check == "mailbox"]
        assert told.verdict == verdict
        assert said in told.what
        site.app.close()
    assert account.flags() == [""]


def test_a_missing_folder_is_a_matter_of_the_settings(server: Server, account: Account) -> None:
    line = _told(server.settings(account, folder="Nowhere"), ConfigurationError)
    assert "check bounces.imap.folder" in line
    assert "Nowhere" in line


def test_a_folder_that_may_only_be_read_is_told_before_anything_is_read(server: Server, account: Account) -> None:
    account.put(b"Subject: there\r\n\r\n", "Shared")
    for name in ("", "new", "cur", "tmp"):
        (account.folder / ".Shared" / name).chmod(0o555)
    assert "allow it to mark them as seen" in _told(server.settings(account, folder="Shared"), ConfigurationError)


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"ca_file": None}, "unable to get local issuer certificate"), ({"host": "localhost"}, "localhost")],
    ids=["signed by nobody we know", "of another name"],
)
def test_an_untrusted_certificate_ends_the_connection_before_the_password_is_sent(
    server: Server, account: Account, changed: dict[str, Any], why: str
) -> None:
    line = _told(server.settings(account, **changed), PaperroundError)
    assert why in line
    assert "`ca_file`" in line
    assert server.sessions(account) == []


def test_a_server_that_is_down_may_be_there_the_next_time(server: Server, account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    assert "check `host` and `port`" in _told(server.settings(account, port=free), PaperroundError)
    assert "cannot connect" in _told(server.settings(account, host="imap.nowhere.invalid"), PaperroundError)


def test_a_port_without_tls_is_told_as_that(server: Server, account: Account) -> None:
    from support.smtp_server import SmtpServer

    with SmtpServer() as smtp:
        assert "993" in _told(server.settings(account, port=smtp.port), PaperroundError)


def test_a_server_that_hangs_up_midway_has_lost_nothing(server: Server, account: Account) -> None:
    mails = [f"Subject: number {number}\r\n\r\n".encode() for number in range(4)]
    for raw in mails:
        account.put(raw)
    reading = mailboxes.imap(ImapSettings(**server.settings(account)))
    assert [next(reading)[1], next(reading)[1]] == mails[:2]
    server.hang_up(account)
    with pytest.raises(PaperroundError, match=r"was interrupted|cannot connect"):
        next(reading)
    assert account.flags() == ["S", "", "", ""]
    assert _read(server.settings(account)) == mails[1:]


def test_a_maildir_that_is_not_there_does_not_keep_the_imap_mailbox_from_being_read(
    tmp_path: Path, server: Server, account: Account
) -> None:
    site = _site(tmp_path, server, account, maildir=tmp_path / "nowhere")
    account.put(report(_return_address(site)))
    with pytest.raises(PaperroundError, match="not a Maildir"):
        bounce_intake.read_mailbox(site.app)
    assert _suppressed(site) == {"ada@example.org"}
    site.app.close()


def test_a_ca_file_without_certificates_is_refused_at_start(tmp_path: Path, server: Server, account: Account) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(ValueError, match=r"ca\.pem contains no PEM certificates"):
        ImapSettings(**server.settings(account, ca_file=tmp_path / "ca.pem"))


# What Dovecot never says


class Scripted:
    """An IMAP server with one mail that answers each command as told, else with OK; it remembers the commands."""

    def __init__(self, certificate: ssl.SSLContext, answers: dict[str, str]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._certificate, self._answers = certificate, answers
        self.port: int = self._listening.getsockname()[1]
        self.commands: list[str] = []
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with self._certificate.wrap_socket(connection, server_side=True) as client, client.makefile("rwb") as lines:
            self._say(lines, self._answers.get("greeting", "* OK hello"))
            for line in lines:
                tag, *words = line.decode().split()
                word = words[1] if words[0] == "UID" else words[0]
                self.commands.append(" ".join(words))
                if word == "AUTHENTICATE":
                    self._say(lines, "+ ")
                    lines.readline()
                usual = {"SEARCH": "* SEARCH 7\r\n", "FETCH": "* 1 FETCH (UID 7 BODY[]<0> {2}\r\nhi)\r\n"}
                usual |= {"CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "LOGOUT": "* BYE\r\n"}
                self._say(lines, self._answers.get(word, usual.get(word, "") + "%s OK").replace("%s", tag))
                if word == "LOGOUT":
                    return

    @staticmethod
    def _say(lines: IO[bytes], text: str) -> None:
        lines.write(f"{text} done\r\n".encode())
        lines.flush()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _scripted(authority: trustme.CA, folder: Path, **answers: str) -> tuple[Scripted, ImapSettings]:
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = Scripted(certificate, answers)
    imap = {"host": "127.0.0.1", "port": server.port, "username": "bounces", "password": PASSWORD}
    return server, ImapSettings(**imap, ca_file=folder / "ca.pem")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"greeting": "* BYE too many connections"}, "was interrupted .*too many connections"),
        (
            {"AUTHENTICATE": "%s NO [UNAVAILABLE] directory is down"},
            "login was temporarily refused .*directory is down",
        ),
        ({"SELECT": "%s NO [INUSE] locked"}, "the folder was temporarily refused .*locked"),
        ({"SEARCH": "%s NO not today"}, "cannot be searched .*not today"),
        ({"SEARCH": "%s BAD what"}, "cannot be searched .*what"),
    ],
)
def test_what_may_pass_is_no_matter_of_the_settings(
    authority: trustme.CA, tmp_path: Path, answers: dict[str, str], told: str
) -> None:
    server, settings = _scripted(authority, tmp_path, **answers)
    with server, pytest.raises(PaperroundError, match=told) as caught:
        list(mailboxes.imap(settings))
    assert type(caught.value) is PaperroundError
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("answer", ["%s NO [SERVERBUG] cannot", "%s OK expunged"])
def test_a_mail_that_is_not_given_out_is_not_marked(authority: trustme.CA, tmp_path: Path, answer: str) -> None:
    server, settings = _scripted(authority, tmp_path, FETCH=answer)
    with server:
        assert list(mailboxes.imap(settings)) == []
    assert not any("STORE" in command for command in server.commands)


def test_a_mail_that_cannot_be_marked_is_told(
    authority: trustme.CA, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, settings = _scripted(authority, tmp_path, STORE="%s NO over quota")
    with server:
        assert [raw for _, raw in mailboxes.imap(settings)] == [b"hi"]
    assert "cannot be marked as seen" in _logged(capsys)


def test_nothing_is_asked_for_but_reading_and_marking(authority: trustme.CA, tmp_path: Path) -> None:
    server, settings = _scripted(authority, tmp_path)
    with server:
        list(mailboxes.imap(settings))
    assert [command for command in server.commands if command != "CAPABILITY"] == [
        "AUTHENTICATE PLAIN",
        'SELECT "INBOX"',
        "UID SEARCH UNSEEN",
        "UID FETCH 7 (BODY.PEEK[]<0.10485760>)",
        r"UID STORE 7 +FLAGS.SILENT (\Seen)",
        "LOGOUT",
    ]


# The two that read it


def test_the_schedulers_job_reads_it_and_outlives_a_server_that_is_away(
    tmp_path: Path, server: Server, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    site = _site(tmp_path, server, account)
    account.put(report(_return_address(site)))
    job = next(job for job in Scheduler(site.app).jobs() if job.id == "bounces")
    job.func()
    assert _suppressed(site) == {"ada@example.org"}

    site.app.close()

    (tmp_path / "locked").mkdir()
    locked = _site(tmp_path / "locked", server, account, imap=server.settings(account, password="not the one"))
    next(job for job in Scheduler(locked.app).jobs() if job.id == "bounces").func()
    locked.app.close()
    logged = _logged(capsys)
    assert "job failed; it runs again at its next scheduled time" in logged
    assert "login was refused" in logged
    assert "not the one" not in logged


def test_the_command_reads_the_mailbox_of_the_settings(
    tmp_path: Path,
    server: Server,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = _site(tmp_path, server, account)
    to = _return_address(site)
    site.app.close()
    monkeypatch.chdir(tmp_path)
    for name, value in server.settings(account).items():
        monkeypatch.setenv(f"PAPERROUND_BOUNCES__IMAP__{name.upper()}", str(value))
    monkeypatch.setenv("PAPERROUND_DATABASE_URL", site.app.settings.database_url)
    monkeypatch.setenv("PAPERROUND_SECRET_KEY", "a key for tests that is long enough")
    monkeypatch.setenv("PAPERROUND_SOURCES", "[]")
    account.put(report(to))

    def run() -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["paperround", "bounces", "read", "--json"])
        before = signal.getsignal(signal.SIGTERM)
        code: Any = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        signal.signal(signal.SIGTERM, before)
        return code or 0, *capsys.readouterr()

    code, out, _ = run()
    [found] = json.loads(out)
    assert (code, found["email"], found["kind"], found["new"]) == (0, "ada@example.org", "hard", True)
    assert run()[:2] == (0, "[]\n")
    monkeypatch.setenv("PAPERROUND_BOUNCES__IMAP__PASSWORD", "not the one")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "login was refused" in err
    assert "not the one" not in err
