"""Letters that the operator sends again."""

from __future__ import annotations

from collections.abc import Sequence

from paperround.app import App
from paperround.domain.models import Delivery, DeliveryState

RETRIABLE = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.DEFERRED)


def retry_letters(app: App, numbers: Sequence[int]) -> dict[int, str]:
    """Queue failed, expired or deferred letters again, due at once; return why the others were not, by number."""
    done = set(app.store.deliveries.retry(numbers, app.clock()))
    if done:
        app.nudge()
    return {number: _refusal(app.store.deliveries.by_row(number)) for number in numbers if number not in done}


def _refusal(delivery: Delivery | None) -> str:
    if delivery is None:
        return "there is no such delivery"
    if delivery.state is DeliveryState.EXPIRED:
        return "it has expired, and its papers are in a later letter"
    return f"it is {delivery.state}; only failed, expired or deferred letters can be sent again"
