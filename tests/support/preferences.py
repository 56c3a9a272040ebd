"""Any preferences, for tests: one strategy for each field, and another value for each."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from hypothesis import strategies as st

from paperround.domain import preferences
from paperround.domain.followed import FollowedName, LeftOut, LeftOutKind
from paperround.domain.preferences import DEFAULTS, Breadth, Density, Preferences, QuietDays
from paperround.domain.schedule import Cadence
from paperround.domain.text import clean

TOPICS = ("robots", "agents", "vision")
_LINE = st.text(max_size=40).map(clean)
_QUERY = st.text(min_size=1, max_size=40).map(clean).filter(bool)
_NAME = st.from_regex(r"[A-Z][a-z]{1,9} [A-Z][a-z;\\\\]{1,9}", fullmatch=True)
_EACH: dict[str, st.SearchStrategy[Any]] = {
    "name": _LINE,
    "topics": st.lists(st.sampled_from(TOPICS), unique=True).map(tuple),
    "queries": st.lists(_QUERY, max_size=5, unique=True).map(tuple),
    "follows": st.lists(st.builds(FollowedName, _NAME, st.booleans()).map(str), max_size=4, unique=True).map(tuple),
    "leave_out": st.lists(
        st.builds(LeftOut, st.sampled_from(LeftOutKind), _NAME).map(str), max_size=4, unique=True
    ).map(tuple),
    "cadence": st.sampled_from(Cadence),
    "weekday": st.integers(0, 6),
    "monthday": st.integers(1, 31),
    "at": st.times().map(lambda at: time(at.hour, at.minute)),
    "timezone": st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles")),
    "max_papers": st.integers(1, 100),
    "theme": st.sampled_from(("paper", "cards", "plain")),
    "density": st.sampled_from(Density),
    "breadth": st.sampled_from(Breadth),
    "quiet_days": st.sampled_from(QuietDays),
    "language": st.sampled_from(("en", "de")),
    "paused_until": st.none() | st.dates(min_value=date(2026, 12, 1), max_value=date(2030, 1, 1)),
}
PREFERENCES = st.builds(Preferences, **_EACH)

OTHER: dict[str, str | list[str]] = {
    "name": "Ada",
    "topics": ["agents"],
    "queries": ["gripper"],
    "follows": ["author: Ada Lovelace (with Charles Babbage)", "org: Analytical Society"],
    "leave_out": ["survey", "category: cs.CR"],
    "cadence": "weekly",
    "weekday": "friday",
    "monthday": "31",
    "at": "18:45",
    "timezone": "Asia/Tokyo",
    "max_papers": "3",
    "theme": "cards",
    "density": "titles",
    "breadth": "fewer",
    "quiet_days": "line",
    "language": "de",
    "paused_until": "2026-12-24",
}
"""For each preference a value that is not the default, as somebody writes it."""
for _table in (OTHER, _EACH):
    if _wrong := _table.keys() ^ set(preferences.FIELDS):
        raise AssertionError(f"tests/support/preferences.py: add or remove the values of {', '.join(sorted(_wrong))}")
if _same := [name for name, text in OTHER.items() if preferences.read_field(name, text) == getattr(DEFAULTS, name)]:
    raise AssertionError(f"tests/support/preferences.py: OTHER has the default of {', '.join(_same)}")
