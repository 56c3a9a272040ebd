"""Logging in to a relay, against one that remembers what it was told."""

import base64
import hmac
import smtplib
import socket
import ssl
import sys

import pytest
from pydantic import ValidationError

from paperround.delivery.login import LoginError, explain, log_in, token
from paperround.delivery.relay import RelaySettings

PASSWORD = "Grüße, पासवर्ड 🔑"


class FakeSmtp:
    """Offers some mechanisms and answers each command in turn."""

    def __init__(self, offered: str, *answers: tuple[int, bytes]) -> None:
        self.esmtp_features = {"auth": offered} if offered else {}
        self.answers, self.said = list(answers), []

    def docmd(self, command: str, rest: str = "") -> tuple[int, bytes]:
        self.said.append(f"{command} {rest}".strip())
        return self.answers.pop(0)


def relay(**settings) -> RelaySettings:
    return RelaySettings(**({"host": "smtp.example", "username": "päpers", "password": PASSWORD} | settings))


def decoded(command: str) -> str:
    return base64.b64decode(command.rsplit(maxsplit=1)[-1]).decode()


WELCOME, GO_ON, WRONG, NOT_THIS_WAY = (
    (235, b"welcome"),
    (334, b""),
    (535, b"5.7.8 wrong"),
    (504, b"5.5.4 not this way"),
)


@pytest.mark.parametrize("offered", ["PLAIN LOGIN", "login PLAIN", " PLAIN XOAUTH2"])
def test_a_password_in_any_script_is_sent_as_it_is(offered):
    smtp = FakeSmtp(offered, WELCOME)
    log_in(smtp, relay())
    assert decoded(smtp.said[0]) == f"\0päpers\0{PASSWORD}"


def test_a_relay_that_only_knows_login_gets_the_name_and_then_the_password():
    smtp = FakeSmtp("LOGIN", GO_ON, WELCOME)
    log_in(smtp, relay())
    assert [decoded(said) for said in smtp.said] == ["päpers", PASSWORD]


def test_a_challenge_is_answered_with_a_digest_of_the_password():
    smtp = FakeSmtp("CRAM-MD5", (334, base64.b64encode(b"<1@smtp.example>")), WELCOME)
    log_in(smtp, relay())
    assert decoded(smtp.said[1]) == f"päpers {hmac.new(PASSWORD.encode(), b'<1@smtp.example>', 'md5').hexdigest()}"


@pytest.mark.parametrize(
    ("offered", "answers"),
    [
        ("PLAIN LOGIN", [WRONG]),
        ("LOGIN", [GO_ON, WRONG]),
        ("LOGIN", [WRONG]),
        ("CRAM-MD5", [WRONG]),
        ("PLAIN", [NOT_THIS_WAY]),
    ],
)
def test_a_refused_password_is_tried_no_second_time(offered, answers):
    smtp = FakeSmtp(offered, *answers)
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(smtp, relay())
    assert caught.value.smtp_code == answers[-1][0]
    assert not smtp.answers


def test_where_one_way_is_refused_another_is_tried():
    smtp = FakeSmtp("PLAIN LOGIN", NOT_THIS_WAY, GO_ON, WELCOME)
    log_in(smtp, relay())
    assert len(smtp.said) == 3


@pytest.mark.parametrize(
    ("offered", "settings", "says"),
    [
        ("", {}, "offers no login"),
        ("GSSAPI", {}, "does not support PLAIN or LOGIN or CRAM-MD5, only GSSAPI"),
        ("XOAUTH2", {}, "set token_command or token_file"),
        ("PLAIN", {"password": "", "token_command": "true"}, "use a password"),
        ("CRAM-MD5", {}, "not base64"),
    ],
)
def test_a_relay_without_a_way_to_log_in_is_told_with_a_remedy(offered, settings, says):
    with pytest.raises(LoginError, match=says):
        log_in(FakeSmtp(offered, (334, b"=x=")), relay(**settings))


def by_token(**settings) -> RelaySettings:
    return relay(password="", **settings)


def test_a_token_comes_from_a_command_or_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("ya29.abc\n", encoding="utf-8")
    for settings in ({"token_file": file}, {"token_command": f"{sys.executable} -c 'print(\"ya29.abc\")'"}):
        smtp = FakeSmtp("PLAIN XOAUTH2", WELCOME)
        log_in(smtp, by_token(**settings))
        assert decoded(smtp.said[0]) == "user=päpers\1auth=Bearer ya29.abc\1\1"


def test_a_refused_token_is_a_challenge_that_is_answered_with_nothing(tmp_path):
    (tmp_path / "token").write_text("ya29.abc", encoding="utf-8")
    smtp = FakeSmtp("XOAUTH2", (334, b"eyJzdGF0dXMiOiI0MDEifQ=="), WRONG)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in(smtp, by_token(token_file=tmp_path / "token"))
    assert smtp.said[1] == ""


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"{sys.executable} -c 'import sys; sys.exit(\"log in first\")'", "exited with status 1: log in first"),
        ("false", "no error message"),
        ("/no/such/command", "cannot be run"),
        ("true", "contains no token"),
        ("echo two words", "contains no token"),
        ("sleep 9", "took longer than 0 seconds"),
    ],
)
def test_a_command_that_gives_no_token_is_told(command, says):
    with pytest.raises(LoginError, match=says):
        token(by_token(token_command=command), seconds=0.05 if command.startswith("sleep") else 60)


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe"])
def test_a_file_that_holds_no_token_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(LoginError, match=str(tmp_path / "token")):
        token(by_token(token_file=tmp_path / "token"))


@pytest.mark.parametrize(
    "settings",
    [
        {"password": ""},
        {"username": ""},
        {"token_command": "x"},
        {"password": "", "token_command": "x", "token_file": "y"},
        {"password": "", "token_command": "say 'hello"},
        {"tls": "none"},
        {"tls": "none", "password": "", "token_command": "x"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings):
    with pytest.raises(ValidationError):
        relay(**settings)


EVERYTHING = [
    smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
    smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server."),
    smtplib.SMTPException("No suitable authentication method found."),
    smtplib.SMTPException(),
    ssl.SSLCertVerificationError(1, "certificate verify failed"),
    ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"),
    ssl.SSLError(1, "[SSL] internal error"),
    socket.gaierror(-2, "Name or service not known"),
    TimeoutError(),
    ConnectionRefusedError(111, "Connection refused"),
    OSError(101, "Network is unreachable"),
    UnicodeEncodeError("ascii", "ü", 0, 1, "ordinal not in range"),
    ValueError("command and arguments contain prohibited newline characters"),
]


@pytest.mark.parametrize("error", EVERYTHING, ids=lambda error: type(error).__name__)
def test_every_exception_on_the_way_to_a_relay_has_a_line_of_its_own(error):
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"
    line = explain(error)
    assert line
    assert "\n" not in line
    assert not line.startswith("(")


@pytest.mark.parametrize("error", [EVERYTHING[0], *EVERYTHING[7:10], EVERYTHING[11]])
def test_errors_that_settings_can_fix_say_what_to_check(error):
    assert "check " in explain(error)
