"""How the search index is asked for candidates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

Q = TypeVar("Q")

DaySpan = tuple[date, date]
"""The first and the last day of a span (inclusive)."""
SearchPlan = Sequence[Sequence[tuple[Q, int]]]
"""Chains of queries, each query with the maximum number of its newest papers.

In a chain each query finds some of the papers of the one before. If one finds fewer than its maximum, these are all
there are, and the rest of the chain is skipped.
"""
