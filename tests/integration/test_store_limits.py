"""What is long, odd or foreign is stored by both databases, and neither refuses what the other takes."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from paperround.app import open_store
from paperround.domain.errors import StoreError
from paperround.domain.models import Stage, Topic
from paperround.rounds import pipeline, topics
from paperround.subscribers import membership
from support.papers import listing
from support.site import MORNING, Site


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    return site


@pytest.mark.parametrize("letter", ["x", "é", "語", "𠀀"])
def test_a_paper_whose_names_are_as_long_as_they_may_be_is_stored_beside_the_others(site: Site, letter: str) -> None:
    long = letter * 3_000
    one = listing(
        1,
        title=f"robots {long}",
        abstract=long * 10,
        authors=[f"{number} {long}" for number in range(50)],
        organization=long,
        categories=[long],
        keywords=[long],
        arxiv_id=None,
        doi=f"10.1234/{long}",
        source=long,
        kind=long,
        url=f"https://example.org/{long}"[:2_000],
    )
    bare = listing(2, arxiv_id=None, authors=[], title=letter * 400, url=f"https://example.org/{long}?y"[:2_000])
    old = listing(3, arxiv_id=f"{'a' * 250}/9901123")
    site.papers(one, bare, old, listing(4))
    site.papers(one, bare, old, listing(4))
    assert site.app.store.papers.count() == 4
    assert len(site.app.store.topics.recent_matches("robots", listing(1).day)) == 4


def test_two_addresses_that_differ_only_at_their_end_are_two_papers(site: Site) -> None:
    start = f"https://example.org/{'x' * 1_900}"
    site.papers(
        *(listing(number, arxiv_id=None, authors=[], title=f"T{number}", url=f"{start}{number}") for number in (1, 2))
    )
    assert site.app.store.papers.count() == 2


def test_a_topic_with_a_long_name_and_a_subscriber_with_a_long_address_are_kept(site: Site) -> None:
    topics.add_topic(site.app, Topic("long", "語" * 400, "robots", "x" * 3_000))
    email = f"{'ß' * 30}@{'.'.join(['x' * 60] * 3)}.example"
    site.subscriber(email, "long", name="語" * 200)
    assert membership.subscriber(site.app, email).topics == ("long",)


def test_a_reply_full_of_odd_characters_is_recorded_like_any_other(site: Site) -> None:
    site.subscribers(["ada@example.org", "ben@example.org"], "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    site.relay.replies = [(Stage.RCPT, 550, "5.1.1 " + "no \u202e such \U0001f600 " * 100)] * 2
    assert pipeline.deliver(site.app).letters == {"failed": 2}


def test_a_character_that_postgresql_does_not_have_finds_nothing_and_stops_nothing(site: Site) -> None:
    site.papers(listing(1))
    assert site.app.store.papers.by_id("p2611\0") is None
    assert site.app.store.topics.by_slug("rob\0ots") is None
    site.subscriber("ada@example.org", "robots")
    site.clock.now = MORNING + timedelta(hours=1)
    pipeline.publish(site.app)
    site.relay.replies = [(Stage.RCPT, 451, "4.2.0 come\0back")]
    assert pipeline.deliver(site.app).letters == {"deferred": 1}
    [report] = site.app.store.delivery_reports.find()
    assert len(report["attempts"]) == 1


def test_a_database_that_cannot_hold_every_letter_is_refused_with_the_remedy(postgres_server: str) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    url = postgres_server.replace("postgresql:", "postgresql+psycopg:", 1).rpartition("/")[0]
    store = open_store(f"{url}/ascii")
    with pytest.raises(StoreError, match=r"encoding SQL_ASCII.*createdb --encoding UTF8"):
        store.prepare()
    store.close()
