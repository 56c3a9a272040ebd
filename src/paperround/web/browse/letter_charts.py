"""The charts in weekly and monthly emails. They are the same for all subscribers and do not track who views them."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from paperround.domain.schedule import Issue, span_days
from paperround.rendering import chart, sample
from paperround.web.context import ContextDep
from paperround.web.responses import IN_LETTERS

router = APIRouter()


@router.get("/charts/{issue}/{slugs}.png")
def letter_chart(context: ContextDep, issue: str, slugs: str) -> Response:
    """Return the chart of these topics as PNG. Their slugs must be sorted, so that each chart has one address."""
    charted = slugs.split("+", chart.TOPICS)
    named = Issue.of_slug(issue)
    if named is None or named.day.year < 1900:  # a span must not begin before the first date
        raise HTTPException(404)
    if len(charted) > chart.TOPICS or charted != sorted(set(charted)):
        raise HTTPException(404)
    counted = context.app.store.issues.counts(named)
    papers = {topic.slug: topic.papers for topic in counted.topics}
    if not papers.keys() >= set(charted) and named.day == sample.DAY and not counted.frozen:
        papers = {
            topic.slug: topic.papers for topic in sample.counts(named.cadence)
        }  # the sample issue of the preview
    if not papers.keys() >= set(charted):
        raise HTTPException(404)
    # Until the issue is published, the numbers still grow.
    caching = "public, max-age=86400" if counted.frozen else "no-store"
    picture = chart.png([papers[slug] for slug in charted], span_days(*named))
    return Response(picture, headers={**IN_LETTERS, "Cache-Control": caching}, media_type="image/png")
