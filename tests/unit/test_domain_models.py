"""What the types of paperround say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from paperround.domain.models import SourceState, Subscriber, SubscriberState


def test_a_source_is_late_if_papers_may_be_missing() -> None:
    assert [state.value for state in SourceState if state.is_late] == ["stale", "failed"]


@pytest.mark.parametrize("text", ["soon", "0001-01-01T00:00:00+14:00", ""])
def test_an_invalid_time_of_consent_is_ignored(text: str) -> None:
    assert (
        Subscriber(1, "a@b.example", SubscriberState.ACTIVE, consent={"confirmed_at": text}).consent_moment(
            "confirmed_at"
        )
        is None
    )


def test_a_moment_in_a_consent_is_read() -> None:
    consent = {"confirmed_at": "2026-11-23T07:00:00+00:00"}
    found = Subscriber(1, "a@b.example", SubscriberState.ACTIVE, consent=consent)
    assert found.consent_moment("confirmed_at") == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert found.consent_moment("asked_at") is None
