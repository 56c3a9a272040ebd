"""Health checks and Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paperround import __version__
from paperround.domain.errors import StoreError
from paperround.operator import queries
from paperround.operator.readiness import READY, check_readiness
from paperround.web.context import ContextDep, WebContext
from paperround.web.machines import bearer

router = APIRouter()
_NOT_KEPT = {"Cache-Control": "no-store"}


@router.get("/healthz")
def healthz(context: ContextDep) -> Response:
    """Report whether pages can be served, which requires the database."""
    facts = {"status": "ok", "version": __version__}
    status = 200
    try:
        context.app.store.site_values.get("seeds")
    except StoreError:
        facts["status"], status = "the database does not respond", 503
    return JSONResponse(facts, status, headers=_NOT_KEPT)


@router.get("/readyz")
def readyz(context: ContextDep) -> Response:
    """Report whether the site can do its daily work; 503 if a part of it cannot."""
    checks = check_readiness(context.app)
    ready = all(state == READY for state in checks.values())
    facts = {"status": "ok" if ready else "not ready", "checks": checks}
    return JSONResponse(facts, 200 if ready else 503, headers=_NOT_KEPT)


@router.get("/metrics")
def metrics(request: Request, context: ContextDep) -> Response:
    """Return Prometheus metrics. Requires a token with the scope `metrics:read`, or the session of an operator."""
    if not context.sessions.may_preview(request):
        bearer.require(request, context, "metrics:read")
    registry = CollectorRegistry()
    registry.register(_MetricsCollector(context))
    return Response(generate_latest(registry), headers=_NOT_KEPT, media_type=CONTENT_TYPE_LATEST)


class _MetricsCollector(Collector):
    """Collects the metrics from the database, so that all processes report the same numbers."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        stats, app = queries.stats(self._context.app), self._context.app
        yield GaugeMetricFamily("paperround_papers", "Papers stored.", stats["papers"])
        yield _labelled("paperround_subscribers", "Subscribers by state.", "state", stats["subscribers"])
        yield GaugeMetricFamily("paperround_suppressed_addresses", "Suppressed addresses.", stats["suppressed"])
        yield _labelled("paperround_deliveries", "Deliveries by state.", "state", stats["deliveries"])
        yield GaugeMetricFamily(
            "paperround_letters_today", "Emails accepted by the relay today (UTC).", stats["relay"]["sent_today"]
        )
        paused = int(stats["relay"]["paused_until"] is not None)
        yield GaugeMetricFamily("paperround_relay_paused", "1 while delivery is paused.", paused)
        succeeded, news = (
            {name: source[field].timestamp() for name, source in stats["sources"].items() if source[field]}
            for field in ("succeeded_at", "new_at")
        )
        yield _labelled(
            "paperround_source_success_timestamp_seconds", "Time of the last successful fetch.", "source", succeeded
        )
        yield _labelled("paperround_source_news_timestamp_seconds", "Time of the last new paper.", "source", news)
        now = app.clock()
        since = app.store.deliveries.overdue_since(now)
        lag = max(0.0, (now - since).total_seconds()) if since else 0.0
        yield GaugeMetricFamily(
            "paperround_delivery_lag_seconds", "Seconds for which the longest-waiting email has been overdue.", lag
        )
        limits = self._context.limits
        submitted = limits.newcomers.requests(app) + limits.lost_links.requests(app)
        yield GaugeMetricFamily(
            "paperround_subscribe_requests_hour", "Requests for confirmation emails in the past hour.", submitted
        )


def _labelled(name: str, documentation: str, label: str, numbers: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family
