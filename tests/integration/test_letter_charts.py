"""The chart of weekly and monthly letters: counted once per issue, the same for all subscribers, served as a
picture.
"""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from email import message_from_bytes, policy

import pytest
from PIL import Image
from sqlalchemy import update

from paperround.domain.models import TopicCounts
from paperround.domain.schedule import Cadence, Issue
from paperround.operator import preview
from paperround.rounds import pipeline
from paperround.store.engine import writing
from paperround.store.schema import issue_topics
from paperround.web import create
from support.databases import engine_of
from support.pages import Browser
from support.papers import listing
from support.site import Site

_TODAY = date(2026, 11, 23)
_ADDRESS = "/charts/weekly-2026-11-23/agents+robots.png"


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.topic("agents")
    return site


def _fill(site: Site) -> None:
    site.papers(
        listing(1, "robots", day=_TODAY - timedelta(days=1)),
        listing(2, "robots and agents", day=_TODAY - timedelta(days=2)),
        listing(3, "agents", day=_TODAY - timedelta(days=2)),
    )


def _letter(site: Site) -> tuple[str, str]:
    parsed = message_from_bytes(site.relay.letters[-1].message, policy=policy.default)
    html, text = parsed.get_body(("html",)), parsed.get_body(("plain",))
    assert html is not None
    assert text is not None
    return html.get_content(), text.get_content()


def test_a_weekly_issue_keeps_its_numbers_and_every_letter_shows_them(site: Site) -> None:
    site.subscriber("a@example.net", "robots", "agents", cadence="weekly", weekday=0)
    _fill(site)
    shown = preview.build(site.app, preview.PreviewRequest("a@example.net"))
    assert shown is not None
    assert _ADDRESS in shown.finished.rendered.html
    site.clock.now += timedelta(hours=2)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    html, text = _letter(site)
    assert _ADDRESS in html
    before = site.app.store.issues.counts(Issue(Cadence.WEEKLY, _TODAY))
    assert before.frozen
    assert [(one.slug, sum(one.papers), len(one.papers)) for one in before.topics] == [
        ("agents", 2, 8),
        ("robots", 2, 8),
    ]
    assert "Agents: 2 papers" in text
    online = re.search(r"https?://[^/]+(/i/[\w-]+)", text)
    assert online
    page = Browser(create(site.app)).get(online[1]).text
    assert f'<img src="{_ADDRESS}"' in page
    assert "<bdi>Agents</bdi>: 2 papers" in page
    assert "<h1>Nov 16" in page
    site.papers(listing(4, "robots", day=_TODAY - timedelta(days=1)))
    assert site.app.store.issues.counts(Issue(Cadence.WEEKLY, _TODAY)) == before
    assert Browser(create(site.app)).get(_ADDRESS).headers["cache-control"] == "public, max-age=86400"


def test_a_paper_of_the_issues_own_day_is_in_its_letter_its_days_and_its_numbers(site: Site) -> None:
    site.subscriber("a@example.net", "robots", cadence="weekly", weekday=0)
    site.papers(listing(1, "robots", day=_TODAY - timedelta(days=7)), listing(2, "robots", day=_TODAY))
    site.clock.now += timedelta(hours=2)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    _, text = _letter(site)
    assert "Nov 16\u2009–\u200923, 2026 · 2\u00a0papers" in text
    counted = site.app.store.issues.counts(Issue(Cadence.WEEKLY, _TODAY))
    assert counted.topics == (TopicCounts("robots", "Robots", (1, 0, 0, 0, 0, 0, 0, 1)),)


def test_the_numbers_of_an_earlier_version_end_the_day_before_the_issue(site: Site) -> None:
    site.subscriber("a@example.net", "robots", cadence="weekly", weekday=0)
    site.papers(listing(1, "robots", day=_TODAY - timedelta(days=1)))
    site.clock.now += timedelta(hours=2)
    pipeline.publish(site.app)
    with writing(engine_of(site.app.store)) as db:
        db.execute(update(issue_topics).values(papers=[0, 0, 0, 0, 0, 0, 1]))
    counted = site.app.store.issues.counts(Issue(Cadence.WEEKLY, _TODAY))
    assert counted.topics == (TopicCounts("robots", "Robots", (0, 0, 0, 0, 0, 0, 1, 0)),)
    assert Browser(create(site.app)).get("/charts/weekly-2026-11-23/robots.png").status_code == 200


def test_before_an_issue_is_out_the_numbers_are_todays_and_its_picture_is_not_kept(site: Site) -> None:
    _fill(site)
    counted = site.app.store.issues.counts(Issue(Cadence.WEEKLY, _TODAY))
    assert counted.topics == (
        TopicCounts("agents", "Agents", (0, 0, 0, 0, 0, 2, 0, 0)),
        TopicCounts("robots", "Robots", (0, 0, 0, 0, 0, 1, 1, 0)),
    )
    assert len(site.app.store.issues.counts(Issue(Cadence.MONTHLY, _TODAY)).topics[0].papers) == 32
    assert site.app.store.issues.counts(Issue(Cadence.DAILY, _TODAY)).topics == ()
    answer = Browser(create(site.app)).get(_ADDRESS)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert Image.open(io.BytesIO(answer.content)).format == "PNG"


@pytest.mark.parametrize(
    "path",
    [
        "weekly-2026-11-23/robots+agents",
        "weekly-2026-11-23/agents+agents",
        "weekly-2026-11-23/nothing",
        "weekly-2026-11-23/a+b+c+d+e+f+g",
        "daily-2026-11-23/agents",
        "weekly-20261123/agents",
        "weekly-0001-01-01/agents",
        "never-2026-11-23/agents",
        "weekly/agents",
    ],
)
def test_other_addresses_are_not_there(site: Site, path: str) -> None:
    _fill(site)
    assert Browser(create(site.app)).get(f"/charts/{path}.png").status_code == 404


def test_a_daily_letter_has_no_chart_and_keeps_no_numbers(site: Site) -> None:
    site.subscriber("a@example.net", "robots")
    _fill(site)
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    assert "/charts/" not in _letter(site)[0]
    assert site.app.store.issues.counts(Issue(Cadence.DAILY, date(2026, 11, 24))).topics == ()
