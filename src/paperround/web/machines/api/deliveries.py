"""Deliveries in the API: what became of each email."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from paperround.domain.models import DeliveryState
from paperround.operator import queries
from paperround.operator.retries import retry_letters
from paperround.web.context import WebContext
from paperround.web.machines.api.access import TOKEN_NEEDED, DeliveriesRead, DeliveriesWrite
from paperround.web.machines.api.models import DeliveryFacts
from paperround.web.machines.api.parameters import Limit, Offset

router = APIRouter(prefix="/deliveries", tags=["deliveries"], responses=TOKEN_NEEDED)
Row = Annotated[int, Path(ge=1, le=2**40)]


@router.get("")
def deliveries(
    context: DeliveriesRead, state: DeliveryState | None = None, limit: Limit = 50, offset: Offset = 0
) -> list[DeliveryFacts]:
    """List emails with their delivery state, latest first."""
    page = queries.deliveries(context.app, state=state, limit=limit, offset=offset)
    return [delivery_facts(delivery) for delivery in page]


@router.get("/{row}", responses={404: {"description": "No delivery has this number."}})
def delivery(context: DeliveriesRead, row: Row) -> DeliveryFacts:
    """Get an email with its papers and delivery attempts."""
    return _require(context, row)


@router.post(
    "/{row}/retry",
    status_code=202,
    responses={
        404: {"description": "There is no such delivery."},
        409: {"description": "The delivery is not failed, expired or deferred, or its papers are in a later letter."},
    },
)
def retry(context: DeliveriesWrite, row: Row) -> DeliveryFacts:
    """Retry a failed, expired or deferred email now."""
    _require(context, row)
    if refused := retry_letters(context.app, [row]):
        raise HTTPException(409, f"delivery {row} is not sent again: {refused[row]}")
    return _require(context, row)


def _require(context: WebContext, row: int) -> DeliveryFacts:
    """Return an email with its papers and attempts. Raises HTTPException 404 if there is none with this number."""
    rows = queries.deliveries(context.app, row=row)
    if not rows:
        raise HTTPException(404, f"there is no delivery {row}")
    return delivery_facts(rows[0])


def delivery_facts(delivery: dict[str, Any]) -> DeliveryFacts:
    """Return a delivery as the API shows it."""
    return DeliveryFacts(**{name: delivery[name] for name in DeliveryFacts.model_fields})
