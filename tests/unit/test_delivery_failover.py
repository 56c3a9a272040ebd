"""Which relay is tried next, and when."""

from __future__ import annotations

import pytest

from paperround.delivery.failover import Failover
from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_session import Reply
from paperround.domain.models import Stage

FIRST = RelaySettings(host="one.example", tls="none")
SECOND = RelaySettings(host="two.example", port=2525, tls="none")
AWAY = Reply(Stage.CONNECT, None, "Connection refused")


def delays(failover: Failover, number: int) -> list[float | None]:
    return [failover.retry_delay(AWAY) for _ in range(number)]


def test_connections_are_named_after_their_relay_and_numbered() -> None:
    failover = Failover([FIRST, SECOND], 0)
    names = [failover.next_connection()[0] for _ in range(2)]
    assert failover.advance()
    names.append(failover.next_connection()[0])
    assert names == ["one.example:25#1", "one.example:25#2", "two.example:2525#3"]
    assert not failover.advance()
    assert failover.next_connection()[0] == "two.example:2525#4"


def test_a_relay_that_was_never_reached_is_not_tried_again() -> None:
    assert delays(Failover([FIRST], 0), 1) == [None]


def test_a_relay_that_was_reached_is_tried_again_some_times_and_anew_after_each_success() -> None:
    failover = Failover([FIRST, SECOND], 0)
    failover.connected()
    assert delays(failover, 4) == [0.2, 1.0, 3.0, None]
    failover.connected()
    assert delays(failover, 1) == [0.2]
    failover.advance()
    assert delays(failover, 1) == [None]


@pytest.mark.parametrize("stage", [Stage.TLS, Stage.AUTH])
def test_a_refusal_that_does_not_pass_is_not_waited_for(stage: Stage) -> None:
    failover = Failover([FIRST], 0)
    failover.connected()
    assert failover.retry_delay(Reply(stage, 535, "5.7.8 wrong password")) is None


def test_the_certificates_of_a_relay_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(RelaySettings, "context", lambda relay: read.append(relay.host))
    failover = Failover([FIRST, SECOND], 0)
    assert read == []
    failover.next_connection()
    failover.next_connection()
    failover.advance()
    failover.next_connection()
    assert read == ["one.example", "two.example"]
