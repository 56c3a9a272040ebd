"""Logging in to a real server, and asking one whether it takes addresses outside ASCII."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from paperround.delivery import SmtpTransport
from paperround.delivery.smtp_connection import refusal, takes_utf8
from paperround.domain.errors import UsageError
from paperround.subscribers import csv_file, membership
from paperround.subscribers.csv_import import ImportOptions, import_subscribers
from support.site import Site
from support.smtp_server import SmtpServer

PASSWORD = "Grüße, パスワード 🔑"


def relay(server: SmtpServer, **settings: object) -> SmtpTransport:
    usual = {"host": "127.0.0.1", "port": server.port, "tls": "none", "helo": "papers.example"}
    return SmtpTransport(**(usual | settings))


def test_a_password_in_any_script_logs_in() -> None:
    with SmtpServer(login=("päpers", PASSWORD)) as server:
        assert refusal(relay(server, username="päpers", password=PASSWORD)) is None
        wrong = refusal(relay(server, username="päpers", password="another"))
    assert str(wrong) == "auth: 5.7.8 wrong user name or password"


def test_a_login_that_cannot_be_tried_says_what_to_set() -> None:
    token = {"username": "papers", "token_command": f"{sys.executable} -c 'print(1)'"}
    with SmtpServer(login=("papers", "x")) as server:
        told = refusal(relay(server, **token))
    assert str(told) == "auth: the relay does not support XOAUTH2, only PLAIN; use a password instead of the token"
    with SmtpServer() as server:
        told = refusal(relay(server, username="papers", password="x"))
    assert str(told) == "auth: the relay offers no login (AUTH); use the submission port, 587 or 465"


def test_a_closed_port_and_one_without_tls_have_different_messages() -> None:
    with SmtpServer() as server:
        assert "does not accept TLS" in str(refusal(relay(server, tls="tls", connect_timeout=2)))
    assert "Connection refused; check host" in str(refusal(relay(server)))


def test_whoever_cannot_be_written_to_is_told_when_they_subscribe(tmp_path: Path) -> None:
    with SmtpServer(extensions=("PIPELINING", "SMTPUTF8")) as able, SmtpServer(extensions=("PIPELINING",)) as unable:
        assert takes_utf8(relay(able)) is True
        assert takes_utf8(relay(unable)) is False
        for server, can in ((able, True), (unable, False)):
            folder = tmp_path / str(server.port)
            folder.mkdir()
            site = Site(folder, transport={"kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"})
            assert membership.can_be_written_to(site.app, "jürgen@mail.example") is can
            assert membership.can_be_written_to(site.app, "ada@mail.example")
            site.app.close()
    assert takes_utf8(relay(able)) is None
    site = Site(tmp_path)
    assert membership.can_be_written_to(site.app, "jürgen@mail.example")
    site.app.close()


def test_the_operator_too_is_told_whom_the_relay_cannot_be_given(tmp_path: Path) -> None:
    with SmtpServer(extensions=("PIPELINING",)) as unable:
        site = Site(tmp_path, transport={"kind": "smtp", "host": "127.0.0.1", "port": unable.port, "tls": "none"})
        site.topic("robots")
        with pytest.raises(
            UsageError, match=r"jürgen@mail\.example: the relay lacks SMTPUTF8"
        ):  # the CLI and the API
            site.subscriber("jürgen@mail.example", "robots")
        rows = "email,topics\njürgen@mail.example,robots\nandré@mail.example,robots\nada@mail.example,robots\n"
        found = csv_file.read(io.BytesIO(rows.encode()))
        report = import_subscribers(site.app, found, ImportOptions(confirmed=True))
        assert [one.email for one in report.additions] == ["ada@mail.example"]
        assert [problem.where for problem in report.problems] == [
            "line 2 jürgen@mail.example",
            "line 3 andré@mail.example",
        ]
        assert all("SMTPUTF8" in problem.what for problem in report.problems)
        assert unable.connections == 2, "once for the import"
        site.app.close()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ａｄａ＠ｍａｉｌ．example", "ada@mail.example"),
        ("ada①@mail.example", "ada1@mail.example"),
        (" Ada@MAIL.example ", "Ada@mail.example"),
        ("jürgen@mail.example", "jürgen@mail.example"),
    ],
)
def test_letters_that_an_input_method_types_full_width_are_the_same_letters(typed: str, stored: str) -> None:
    assert membership.address(typed) == stored


@pytest.mark.parametrize("typed", ["=?utf-8?B?YWRh?=@mail.example", "=?ISO-8859-1?Q?ada?=@mail.example"])
def test_an_encoded_word_is_no_address(typed: str) -> None:
    with pytest.raises(UsageError, match="encoded word"):
        membership.address(typed)
