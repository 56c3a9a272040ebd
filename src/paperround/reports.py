"""What people and programs ask to see: searches, readers, letters, numbers. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paperround.matching import fts, lexical
from paperround.models import DeliveryState, Paper, ReaderState, Subscriber

if TYPE_CHECKING:
    from paperround.app import App


def search(app: App, text: str, limit: int, offset: int = 0) -> list[tuple[Paper, float, tuple[str, ...]]]:
    """Papers for a query or plain words, best first: the paper, its BM25 score and why it is there."""
    wanted = fts.free_text(text)
    found = app.store.papers.search(fts.fts5(wanted), limit, offset)
    reasons = lexical.Index(paper for paper, _ in found).matches(wanted)
    return [
        (paper, round(score, 4), reasons[paper.row].why if paper.row in reasons else ()) for paper, score in found
    ]


def reader_facts(reader: Subscriber) -> dict[str, Any]:
    """What is known of a reader, under the names of the command line."""
    suppressed = {"reason": reader.suppressed[0], "at": reader.suppressed[1]} if reader.suppressed else None
    return {
        "email": reader.email,
        "name": reader.name,
        "state": reader.state.value,
        "topics": list(reader.topics),
        "cadence": reader.schedule.cadence.value,
        "at": f"{reader.schedule.at:%H:%M}",
        "timezone": reader.schedule.timezone,
        "max_papers": reader.max_papers,
        "next_digest_at": reader.next_digest_at if reader.state is ReaderState.ACTIVE else None,
        "paused_until": reader.paused_until,
        "suppressed": suppressed,
    }


def why_nothing(app: App, reader: Subscriber) -> str:
    """In a sentence, what became of the reader's last letter, or why there is none."""
    if reader.suppressed:
        return f"gets nothing: the address is suppressed ({reader.suppressed[0]})"
    if reader.state is not ReaderState.ACTIVE:
        return f"gets nothing: {reader.state.value}"
    last = app.store.deliveries.report(subscriber=reader.row, limit=1)
    if last:
        told = f"last letter ({last[0]['issue']}): {last[0]['state']}"
        return f"{told}, {last[0]['reason']}" if last[0]["reason"] else told
    if reader.next_digest_at is None:
        return "gets nothing: the cadence is off"
    waiting = len({match.paper for match in app.store.issues.unread(reader).readers[0].matches})
    return f"no letter yet: {waiting} papers wait for the next digest"


def deliveries(
    app: App, *, state: DeliveryState | None = None, row: int | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """Deliveries with the public identifiers of their papers."""
    found = app.store.deliveries.report(state=state, row=row, limit=limit)
    names = app.store.papers.ids({paper for one in found for paper in one["paper_rows"]})
    return [
        {name: value for name, value in one.items() if name != "paper_rows"}
        | {"papers": [names[paper] for paper in one["paper_rows"] if paper in names]}
        for one in found
    ]


def stats(app: App) -> dict[str, Any]:
    """Numbers of papers, readers and letters, and how the relay is."""
    now = app.clock()
    relay = app.store.deliveries.relay(now.date())
    paused = relay.paused_until is not None and relay.paused_until > now
    return {
        "papers": app.store.papers.count(),
        "topics": len(app.topics()),
        "subscribers": app.store.subscribers.count(),
        "deliveries": app.store.deliveries.count(),
        "relay": {
            "paused_until": relay.paused_until if paused else None,
            "reason": relay.reason if paused else "",
            "sent_today": relay.handed_over,
        },
        "sources": {
            name: {
                "state": record.state,
                "note": record.note,
                "succeeded_at": record.succeeded_at,
                "new_at": record.new_at,
            }
            for name, record in app.store.sources.all().items()
        },
    }
