"""What a session writes and when, step by step with a relay of a few lines."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_session import SmtpSession
from paperround.domain.models import Letter, Outcome, Stage

ENVELOPE = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 send it\r\n"
ACCEPTED = b"250 2.0.0 Ok\r\n"


class WatchedSocket(socket.socket):
    """A socket that notes how often it was told to acknowledge at once."""

    acknowledged = 0

    def setsockopt(self, *_: object) -> None:
        self.acknowledged += 1


class Relay:
    """The other end of the connection."""

    def __init__(self) -> None:
        ours, self._socket = socket.socketpair()
        self.sock = WatchedSocket(fileno=ours.detach())
        self._socket.settimeout(5)
        self.session = SmtpSession(self, RelaySettings(host="relay.example"), "relay#1")  # type: ignore[arg-type]

    def has_extn(self, name: str) -> bool:
        return name == "pipelining"

    def close(self) -> None:
        self.sock.close()
        self._socket.close()

    def read(self) -> bytes:
        return self._socket.recv(1 << 16)

    def say(self, octets: bytes, *letters: Letter) -> None:
        """Let the session read this; it may draw these letters."""
        self._socket.sendall(octets)
        drawn = iter(letters)
        self.session.receive(lambda _session: next(drawn, None))


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


def letter(number: int, message: bytes = b"Subject: x\r\n\r\nx\r\n") -> Letter:
    return Letter(number, f"bounces+{number}@papers.example", f"ann{number}@mail.example", message)


def envelope(number: int) -> bytes:
    return b"MAIL FROM:<bounces+%d@papers.example>\r\nRCPT TO:<ann%d@mail.example>\r\nDATA\r\n" % (number, number)


def test_the_next_envelope_follows_the_dot_in_one_write_if_the_relay_is_prompt(relay: Relay) -> None:
    relay.session.offer(letter(1))
    assert relay.read() == envelope(1)
    relay.say(ENVELOPE, letter(2))
    assert relay.read() == letter(1).message + b".\r\n", "nothing is known yet about its speed"
    relay.say(ACCEPTED)
    assert relay.session.results == [Outcome(1, Stage.FINAL, 250, "2.0.0", "2.0.0 Ok", "relay#1")]
    relay.session.offer(letter(2))
    assert relay.read() == envelope(2)
    relay.say(ENVELOPE, letter(3))
    assert relay.read() == letter(2).message + b".\r\n" + envelope(3)
    relay.say(ACCEPTED + ENVELOPE, letter(4))
    assert relay.read() == letter(3).message + b".\r\n" + envelope(4)


def test_a_read_is_acknowledged_at_once_only_if_more_replies_to_the_last_write_are_to_come(relay: Relay) -> None:
    relay.session.offer(letter(1))
    pieces = [*ENVELOPE.splitlines(keepends=True), ACCEPTED]
    acknowledged = []
    for piece in pieces:
        relay.say(piece)
        acknowledged.append(relay.sock.acknowledged)
    # The third is acknowledged by the message itself, and behind the last the relay has nothing to say.
    assert acknowledged == [1, 2, 2, 2]


def test_a_letter_is_not_accepted_by_a_reply_that_comes_before_it_was_sent(relay: Relay) -> None:
    large = letter(1, b"x" * (1 << 24))
    relay.session.offer(large)
    relay.say(ENVELOPE)
    assert relay.session.wants_write
    relay.say(ACCEPTED)
    assert relay.session.ended
    assert relay.session.results == []
    ((returned, lost),) = relay.session.returned
    assert (returned, lost.stage, lost.code) == (large, Stage.DATA, None)
    assert "before the letter was sent" in lost.text


@pytest.mark.parametrize(("replies", "stage"), [(0, Stage.MAIL), (1, Stage.RCPT), (2, Stage.DATA)])
def test_a_lost_letter_is_told_with_the_command_that_has_no_reply(relay: Relay, replies: int, stage: Stage) -> None:
    relay.session.offer(letter(1))
    if replies:
        relay.say(b"".join(ENVELOPE.splitlines(keepends=True)[:replies]))
    relay.session.expire()
    assert [lost.stage for _letter, lost in relay.session.returned] == [stage]


def test_a_letter_behind_a_lost_one_is_returned_and_not_in_doubt(relay: Relay) -> None:
    relay.session.prompt = True
    relay.session.offer(letter(1))
    relay.say(ENVELOPE, letter(2))
    relay.session.expire()
    assert [(lost.delivery, lost.stage, lost.code) for lost in relay.session.results] == [(1, Stage.FINAL, None)]
    assert [(each.delivery, lost.stage) for each, lost in relay.session.returned] == [(2, Stage.MAIL)]
