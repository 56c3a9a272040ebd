"""What a round reports while it runs and at its end, and what a sweep keeps and counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from paperround.domain.errors import TransportError
from paperround.domain.models import DeliveryState, Stage
from paperround.rounds import pipeline
from paperround.sources.jsonl import Jsonl
from paperround.subscribers import address_change, confirmation
from support.papers import listing
from support.site import MORNING, Site


class Watched:
    """Remembers the progress that it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.done: Counter[str] = Counter()

    def begin(self, stage: str, total: int | None) -> None:
        self.stages.append((stage, total))

    def advance(self, count: int = 1) -> None:
        self.done[self.stages[-1][0]] += count


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.topic("robots")
    (tmp_path / "export.jsonl").write_text(json.dumps({"title": "Robots that mill", "day": "2026-11-22"}) + "\n")
    source = Jsonl(name="export", path=tmp_path / "export.jsonl")
    made.app.settings = made.app.settings.model_copy(update={"sources": (source,)})
    yield made
    made.app.close()


def test_a_round_reports_its_stages_and_what_they_did(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", at="05:00", first_now=True)
    site.subscriber("ben@example.org", "robots", at="05:00", first_now=True)
    site.app.progress = watched = Watched()
    (report,), tally = pipeline.run_round(site.app)
    assert (report.source, report.new, report.state) == ("export", 1, "fresh")
    assert watched.stages == [("ingesting", 1), ("publishing", 2), ("delivering", None)]
    assert watched.done == {"ingesting": 1, "publishing": 2, "delivering": 2}
    assert (tally.due, tally.composed, tally.empty, tally.letters, tally.paused) == (2, 2, 0, {"sent": 2}, "")
    assert list(tally.stages) == ["ingest", "publish", "summaries", "deliver"]
    assert all(0 <= seconds < 60 for seconds in tally.stages.values())


def test_a_round_in_which_nobody_is_due_composes_nothing(site: Site) -> None:
    site.subscriber("ada@example.org", "robots", at="23:00")
    _, tally = pipeline.run_round(site.app)
    assert (tally.due, tally.composed, tally.empty, tally.letters) == (0, 0, 0, {})
    assert list(tally.stages) == ["ingest", "publish", "deliver"]


def test_the_time_of_a_stage_that_runs_twice_adds_up() -> None:
    tally = pipeline.Tally()
    for _ in range(2):
        tally.record_seconds("deliver", 0.0)
    once = pipeline.Tally()
    once.record_seconds("deliver", 0.0)
    assert once.stages["deliver"] < tally.stages["deliver"] < 3 * once.stages["deliver"]


def test_a_letter_deferred_for_the_sites_reputation_raises_an_alarm(site: Site) -> None:
    site.subscriber("ada@post.example", "robots", at="05:00", first_now=True)
    reply = "4.7.1 your IP address is on a blocklist"
    site.relay.replies.append((Stage.RCPT, 450, reply))
    with capture_logs() as logs:
        _, tally = pipeline.run_round(site.app)
    (alarm,) = [one for one in logs if one["event"].startswith("mail from this site is deferred")]
    assert alarm["domain"] == "post.example"
    assert reply in alarm["latest"]
    assert (tally.letters["deferred"], tally.paused) == (1, "")


def test_a_relay_that_takes_nothing_is_named_and_the_letters_stay(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.subscriber("ada@example.org", "robots", at="05:00", first_now=True)

    def down(*_: object) -> None:
        raise TransportError("the relay takes nothing")

    monkeypatch.setattr(site.relay, "send", down)
    _, tally = pipeline.run_round(site.app)
    assert tally.paused == "the relay takes nothing; the letters stay queued"
    assert site.app.store.delivery_reports.count() == {"queued": 1}


def test_papers_that_a_source_gives_for_the_archive_are_never_mailed(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    (report,) = pipeline.ingest(site.app, ["export"], unmailed=True)
    assert (report.new, site.app.store.topics.counts()["robots"][1]) == (1, 1)
    ada = site.app.store.subscribers.by_email("ada@example.org")
    assert ada
    assert not site.app.store.issues.unread(ada, site.clock()).papers


def test_a_sweep_forgets_what_was_not_confirmed_for_a_month_and_nothing_younger(site: Site) -> None:
    confirmation.ask_to_subscribe(site.app, "new@example.org", {"topics": ("robots",)}, {})
    site.subscriber("ada@example.org", "robots")
    ada = site.app.store.subscribers.by_email("ada@example.org")
    assert ada
    address_change.request(site.app, ada, "other@example.org")
    for days, kept in ((0, True), (29, True), (31, False)):
        site.clock.now = MORNING + timedelta(days=days)
        pipeline.sweep(site.app)
        assert (site.app.store.subscribers.by_email("new@example.org") is not None) is kept
        assert (site.app.store.address_changes.by_row(1) is not None) is kept


def test_a_sweep_counts_all_that_it_repairs(site: Site) -> None:
    site.papers(listing(1, "robots"))
    for name in ("ada", "ben", "eve", "far", "sue"):
        site.subscriber(f"{name}@example.org", "robots", first_now=True)
    site.subscriber("pause@example.org", "robots", paused_until="2026-11-25")
    pipeline.publish(site.app)
    deliveries = site.app.store.deliveries
    deliveries.claim(site.clock(), 2, "a program that died", timedelta(minutes=5))
    site.clock.now += timedelta(minutes=6)
    assert pipeline.sweep(site.app) == 2
    assert site.app.store.delivery_reports.count() == {DeliveryState.QUEUED.value: 5}
    site.clock.now += timedelta(days=3)
    assert pipeline.sweep(site.app) == 1  # the pause is over
    site.clock.now -= timedelta(days=10)  # the clock had run ahead: letters and dates lie too far in the future now
    assert pipeline.sweep(site.app) == 5 + 6
    assert pipeline.sweep(site.app) == 0
