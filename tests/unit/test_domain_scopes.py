"""What a program's token allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from paperround.domain.clock import machine_clock, running_from, standing_at
from paperround.domain.errors import UnknownNameError
from paperround.domain.scopes import SCOPES, check_scopes


def test_scopes_are_kept_once_and_in_order() -> None:
    assert check_scopes(["topics:write", "metrics:read", "topics:write"]) == ("metrics:read", "topics:write")
    assert check_scopes(SCOPES) == tuple(sorted(SCOPES))


@pytest.mark.parametrize(("given", "problem"), [(["root"], "no scope 'root'"), ([], "requires a scope")])
def test_an_unknown_scope_is_named_with_the_known_ones(given: list[str], problem: str) -> None:
    with pytest.raises(UnknownNameError, match=problem) as caught:
        check_scopes(given)
    assert all(scope in str(caught.value) for scope in SCOPES)


def test_a_clock_stands_or_runs_from_a_moment() -> None:
    moment = datetime(2020, 2, 29, 7, tzinfo=UTC)
    assert standing_at(moment)() == moment
    running = running_from(moment)
    first, second = running(), running()
    assert moment <= first <= second < moment + timedelta(hours=1)
    assert machine_clock().tzinfo is UTC
