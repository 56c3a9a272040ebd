"""What the types of paperround say of themselves."""

from __future__ import annotations

from paperround.domain.models import SourceState


def test_a_source_is_late_if_papers_may_be_missing() -> None:
    assert [state.value for state in SourceState if state.is_late] == ["stale", "failed"]
