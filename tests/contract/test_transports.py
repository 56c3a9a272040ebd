"""What every transport promises, whatever it hands letters to."""

import email
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from paperround.delivery import (
    AnyTransport,
    FileTransport,
    InboxTransport,
    MaildirTransport,
    MemoryTransport,
    SmtpTransport,
)
from paperround.delivery.inbox import Inbox
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Stage
from support.smtp_server import SmtpServer

# From the registry, so that a new transport cannot be forgotten here: it needs a line in `settings` and in `arrived`.
KINDS = tuple(kind.model_fields["kind"].default for kind in get_args(get_args(AnyTransport)[0]))


def letter(number: int, body: str = "") -> Letter:
    text = f"From: <papers@papers.example>\r\nSubject: {number}\r\n\r\n{body or f'Letter {number}'}\r\n"
    return Letter(number, "bounces@papers.example", f"subscriber{number}@mail.example", text.encode())


def ignore(outcomes):
    pass


def unexpected(outcomes):
    pytest.fail("there was nothing to report")


@pytest.fixture
def relay():
    with SmtpServer() as server:
        yield server


@pytest.fixture(params=KINDS)
def transport(request, tmp_path, relay):
    settings = {
        "kind": request.param,
        "directory": str(tmp_path / "letters"),
        **(
            {"host": "127.0.0.1", "port": relay.port, "tls": "none", "connections": 1}
            if request.param == "smtp"
            else {}
        ),
    }
    return TypeAdapter(AnyTransport).validate_python(settings)


def test_every_transport_says_how_much_it_may_be_given_and_by_how_many_processes(transport):
    assert transport.per_day is None
    transport.share_pace(lambda seconds: seconds)
    assert [one.kind for one in transport.divided(3)] == [transport.kind]


def arrived(transport, relay) -> list[bytes]:
    match transport:
        case SmtpTransport():
            return [kept.message for kept in relay.received]
        case MemoryTransport():
            return [letter.message for letter in transport.letters]
        case FileTransport():
            return [path.read_bytes() for path in transport.directory.iterdir()]
        case MaildirTransport():
            return [path.read_bytes() for path in (transport.directory / "new").glob("*")]
        case InboxTransport():
            inbox = Inbox(transport.directory)
            return [inbox.get(kept.key) for kept in inbox.newest(limit=1000)]
    raise AssertionError(f"`arrived` does not say how to read what a {transport.kind!r} transport delivered")


def test_every_letter_arrives_byte_for_byte_and_is_reported_once(transport, relay):
    letters = [letter(number) for number in range(1, 26)]
    outcomes = []
    transport.send(iter(letters), outcomes.extend)
    assert sorted(arrived(transport, relay)) == sorted(letter.message for letter in letters)
    assert sorted(outcome.delivery for outcome in outcomes) == list(range(1, 26))
    assert all(outcome.accepted and outcome.stage is Stage.FINAL for outcome in outcomes)


def test_a_line_that_begins_with_a_dot_stays_as_it_is(transport, relay):
    sent = letter(1, ".\r\n..\r\n.hidden\r\nend\r\n.")
    transport.send(iter([sent]), ignore)
    assert arrived(transport, relay) == [sent.message]


def test_no_letters_are_no_trouble(transport, relay):
    transport.send(iter([]), unexpected)
    assert arrived(transport, relay) == []


def test_an_error_while_recording_ends_the_sending_and_is_seen(transport):
    drawn = []

    def letters():
        for number in range(1000):
            drawn.append(number)
            yield letter(number)

    def report(outcomes):
        raise OSError("the ledger's disk is full")

    with pytest.raises(OSError, match="ledger"):
        transport.send(letters(), report)
    assert len(drawn) <= 100  # what may be in doubt


def test_an_error_while_making_letters_ends_the_sending_and_is_seen(transport):
    def letters():
        yield letter(1)
        raise RuntimeError("the store is gone")

    outcomes = []
    with pytest.raises(RuntimeError, match="store"):
        transport.send(letters(), outcomes.extend)
    assert [outcome.delivery for outcome in outcomes] == [1]


@pytest.mark.parametrize("kind", ["file", "maildir"])
def test_a_folder_that_takes_nothing_keeps_the_letters_queued(kind, tmp_path):
    (tmp_path / "taken").write_text("a file stands where the folder should be")
    transport = TypeAdapter(AnyTransport).validate_python({"kind": kind, "directory": str(tmp_path / "taken")})
    with pytest.raises(TransportError, match=r"transport\.directory"):
        transport.send(iter([letter(1)]), unexpected)


@pytest.mark.parametrize("kind", ["file", "maildir"])
def test_a_disk_that_fills_up_stops_the_sending_and_blames_no_subscriber(kind, tmp_path, monkeypatch):
    def full(path, octets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("paperround.process.private_files.write", full)
    transport = TypeAdapter(AnyTransport).validate_python({"kind": kind, "directory": str(tmp_path / "letters")})
    outcomes = []
    with pytest.raises(TransportError, match="No space left"):
        transport.send(iter([letter(1), letter(2)]), outcomes.extend)
    assert [(outcome.delivery, outcome.stage, outcome.code) for outcome in outcomes] == [(1, Stage.CONNECT, None)]


def test_the_same_delivery_again_replaces_its_file(tmp_path):
    transport = FileTransport(directory=tmp_path)
    for body in ("first", "second"):
        transport.send(iter([letter(7, body)]), ignore)
    assert [path.name for path in tmp_path.iterdir()] == ["00000007.eml"]
    assert email.message_from_bytes((tmp_path / "00000007.eml").read_bytes()).get_payload() == "second\r\n"


def test_one_setting_switches_a_configured_site_to_another_kind(tmp_path):
    configured = {"host": "relay.example", "username": "ada", "password": "s3cret-word", "directory": str(tmp_path)}
    kinds = [TypeAdapter(AnyTransport).validate_python({"kind": kind} | configured).kind for kind in KINDS]
    assert kinds == [*KINDS]
    assert TypeAdapter(AnyTransport).validate_python({"directory": str(tmp_path)}).kind == "inbox"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "pigeon"}, "'file', 'inbox', 'maildir', 'memory', 'smtp'"),
        ({"kind": "smtp"}, "host"),
        ({"kind": "smtp", "host": "relay.example", "conections": 4}, "conections"),
        ({"kind": "smtp", "host": "relay.example", "username": "ada"}, "belong together"),
        (
            {"kind": "smtp", "host": "relay.example", "tls": "none", "username": "a", "password": "b"},
            "sent unencrypted",
        ),
        ({"kind": "smtp", "host": "relay.example", "ca_file": "/nowhere/ca.pem"}, "does not point to a file"),
        ({"kind": "smtp", "host": "relay.example", "ca_file": __file__}, "no PEM certificates"),
        ({"kind": "smtp", "host": "a host"}, "host"),
        ({"kind": "smtp", "host": "a" * 64 + ".example"}, "must be the name of a host"),
        ({"kind": "smtp", "host": "relay.example", "helo": "a b"}, "helo"),
        ({"kind": "file", "directory": 5}, "directory"),
        ("smtp", "valid dictionary"),
    ],
)
def test_a_wrong_setting_is_named(settings, told):
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(AnyTransport).validate_python(settings)


def test_a_password_is_never_shown():
    settings = {"kind": "smtp", "host": "relay.example", "username": "ada", "password": "s3cret-word"}
    transport = TypeAdapter(AnyTransport).validate_python(settings)
    assert "s3cret-word" not in repr(transport) + str(transport.model_dump()) + transport.model_dump_json()
