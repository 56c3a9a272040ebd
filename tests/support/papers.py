"""Papers and subscribers for tests: small, ours, and easy to tell apart."""

from __future__ import annotations

from datetime import date
from typing import Any

from paperround.domain.models import Listing

WORDS = ("robots", "agents", "diffusion", "retrieval", "speech", "proteins")


def listing(number: int, topic: str = "robots", **facts: Any) -> Listing:
    """A listing about a topic; the same number is the same paper."""
    values: dict[str, Any] = {
        "source": "arxiv",
        "kind": "arxiv",
        "day": date(2026, 11, 20),
        "arxiv_id": f"2611.{number:05d}",
        "version": 1,
        "title": f"A careful study of {topic}, part {number}",
        "abstract": f"We look at {topic} from all sides. Part {number} measures what the others guessed.",
        "authors": [f"Ada Author{number}", "Ben Bookman"],
        "url": f"https://arxiv.org/abs/2611.{number:05d}",
    }
    return Listing.model_validate(values | facts)
