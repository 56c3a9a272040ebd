"""Letters that the operator sends again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paperround.app import App
from paperround.domain.models import Delivery, DeliveryState
from paperround.store.objections import SUPPRESSED

_STATES = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.DEFERRED)


def retry_letters(app: App, numbers: Sequence[int]) -> dict[int, str]:
    """Queue letters again, due at once; return why the others were not, by number.

    These may be failed, expired, deferred, or queued for a later moment, if nothing forbids to send them.
    """
    forbidden = objections(app, numbers)
    done = set(app.store.deliveries.retry([number for number in numbers if number not in forbidden], app.clock()))
    if done:
        app.request_round()
    return {
        number: forbidden.get(number) or _refusal(app.store.deliveries.by_row(number))
        for number in numbers
        if number not in done
    }


def objections(app: App, numbers: Sequence[int]) -> dict[int, str]:
    """Return why some of these letters must not be sent, by number, with what could change that."""
    owner = "its owner can lift that by subscribing again and confirming"
    remedy = {SUPPRESSED: f"{owner}, and unless they complained you can: paperround subscribers lift ADDRESS"}
    reasons = app.store.delivery_reports.objections(numbers)
    return {number: "; ".join(filter(None, (why, remedy.get(why)))) for number, why in reasons.items()}


def retriable(app: App, letters: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Return which of the listed letters can be retried."""
    ended = [letter["id"] for letter in letters if letter["state"] in _STATES]
    return frozenset(ended) - objections(app, ended).keys()


def resume_delivery(app: App) -> int:
    """End a pause of the relay, and return how many letters are due now."""
    due = app.store.relay.resume(app.clock())
    app.request_round()
    return due


def _refusal(delivery: Delivery | None) -> str:
    if delivery is None:
        return "there is no such delivery"
    if delivery.state is DeliveryState.EXPIRED:
        return "it has expired, and its papers were in a later letter"
    if delivery.state is DeliveryState.QUEUED:
        return "it is already queued; the next round sends it"
    if delivery.state is DeliveryState.FAILED:
        return "it was refused, and its papers were in a later letter"
    return f"it is {delivery.state}; only failed, expired or deferred letters can be sent again"
