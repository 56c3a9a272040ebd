"""The charts in weekly and monthly emails. They are the same for all subscribers and do not track who views them."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, HTTPException, Response

from paperround.domain.schedule import Cadence, span_days
from paperround.rendering import chart, sample
from paperround.web.context import IN_LETTERS, ContextDep

router = APIRouter()


@router.get("/charts/{issue}/{slugs}.png", response_model=None)
def letter_chart(context: ContextDep, issue: str, slugs: str) -> Response:
    """Return the chart of these topics as PNG. Their slugs must be sorted, so that each chart has one address."""
    wanted = slugs.split("+", chart.TOPICS)
    cadence, day = _issue(issue)
    if len(wanted) > chart.TOPICS or wanted != sorted(set(wanted)):
        raise HTTPException(404)
    counted = context.app.store.issues.counts(cadence, day)
    known = {one.slug: one.papers for one in counted.topics}
    if not known.keys() >= set(wanted) and day == sample.DAY and not counted.frozen:
        known = {one.slug: one.papers for one in sample.counts(cadence)}  # the sample issue of the preview
    if not known.keys() >= set(wanted):
        raise HTTPException(404)
    # Until the issue is published, the numbers still grow.
    kept = "public, max-age=86400" if counted.frozen else "no-store"
    picture = chart.png([known[slug] for slug in wanted], span_days(cadence, day))
    return Response(picture, headers={**IN_LETTERS, "Cache-Control": kept}, media_type="image/png")


def _issue(name: str) -> tuple[Cadence, date]:
    cadence, _, day = name.partition("-")
    try:
        found = Cadence(cadence), date.fromisoformat(day)
    except ValueError:
        raise HTTPException(404) from None
    if str(found[1]) != day or found[1].year < 1900:
        raise HTTPException(404)
    return found
