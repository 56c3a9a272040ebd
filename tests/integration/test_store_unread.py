"""What the batches of one round read together: it stays right while papers and subscribers change between two of
them.
"""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from paperround.rounds import pipeline
from paperround.rounds.digest_selection import RoundContext
from paperround.store.engine import reading, writing
from paperround.store.schema import matches, papers, subscribers, subscriptions, topics, unsent_lists
from paperround.store.unread import MatchCache
from support.databases import engine_of
from support.papers import listing
from support.site import MORNING, Site

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def site(site: Site) -> Site:
    site.topic("robots")
    site.topic("agents")
    return site


def edition(site: Site) -> MatchCache:
    """The news of a round that begins now."""
    return MatchCache(site.app.store.issues.close_edition(site.clock.now))


def unread_papers(site: Site, found: MatchCache) -> dict[str, list[int]]:
    """The papers that each due subscriber has unread, as the next batch would find it; nothing is kept."""
    with site.app.store.issues.batch(site.clock.now, found, 100, 1_000) as batch:
        assert batch.papers.keys() >= batch.matches.papers()
        return {
            due.subscriber.email: sorted(match.paper for match in batch.matches.for_subscriber(place))
            for place, due in enumerate(batch.due)
        }


def test_papers_that_become_one_between_two_batches_are_one_in_the_second(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1"),
        listing(1, title="Robots under quite another title at first"),
        listing(2),
    )
    site.clock.now = MORNING + HOUR
    found = edition(site)
    before = unread_papers(site, found)["ada@example.org"]
    site.papers(listing(1, version=2))  # its title tells that the two are one
    after = unread_papers(site, found)["ada@example.org"]
    assert len(before) == 3
    assert len(after) == 2
    assert set(after) < set(before)


def test_who_has_read_less_than_those_before_gets_the_older_editions_too(site: Site) -> None:
    site.subscribers(["ada@example.org", "ben@example.org"], "robots", at="07:00")
    site.papers(listing(1), listing(2))
    site.clock.now = MORNING + HOUR
    with site.app.store.issues.batch(site.clock.now, edition(site), 1, 1_000) as batch:
        batch.decided += pipeline.compose_batch(site.app, batch, RoundContext.read(site.app))
    site.papers(listing(3))
    site.clock.now += DAY
    found = edition(site)
    with site.app.store.issues.batch(site.clock.now, found, 1, 1_000) as batch:
        assert (len(batch.due), len(batch.matches)) == (1, 3), "the longest waiting comes first"
    assert {email: len(those) for email, those in unread_papers(site, found).items()} == {
        "ada@example.org": 1,
        "ben@example.org": 3,
    }


def test_subscribers_of_different_editions_in_any_order_find_what_is_theirs(site: Site) -> None:
    site.subscriber("new@example.org", "robots", "agents")
    site.papers(listing(1), listing(2, "agents"))
    site.clock.now = MORNING + HOUR
    assert pipeline.publish(site.app).composed == 1
    site.papers(listing(3), listing(4, "agents"))
    site.subscriber("late@example.org", "agents", at="06:00")
    site.clock.now += DAY
    found = edition(site)
    # The first asks for the newest edition alone, the second for all of them: none is read twice or left out.
    assert {email: len(those) for email, those in unread_papers(site, found).items()} == {
        "late@example.org": 2,
        "new@example.org": 2,
    }
    assert unread_papers(site, found) == unread_papers(site, edition(site))


def test_what_has_grown_too_large_is_forgotten_and_read_again(site: Site) -> None:
    site.subscribers(["ada@example.org", "ben@example.org"], "robots", at="07:00")
    site.papers(*(listing(number) for number in range(1, 5)))
    site.clock.now = MORNING + HOUR
    found = MatchCache(edition(site).edition, max_papers=1)
    assert unread_papers(site, found) == unread_papers(site, found) == unread_papers(site, MatchCache(found.edition))
    assert {len(those) for those in unread_papers(site, found).values()} == {4}


def test_a_match_that_is_made_during_the_round_is_news_for_the_next(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    site.clock.now = MORNING + HOUR
    found = edition(site)
    site.papers(listing(2))
    assert [len(those) for those in unread_papers(site, found).values()] == [1]
    assert [len(those) for those in unread_papers(site, edition(site)).values()] == [2]


def test_a_topic_added_later_brings_its_past_week_once_and_nothing_again_of_the_others(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1), listing(2, "agents"))
    site.clock.now = MORNING + HOUR
    assert pipeline.publish(site.app).composed == 1
    site.subscriber("ada@example.org", "robots", "agents")
    site.clock.now += DAY
    assert [len(those) for those in unread_papers(site, edition(site)).values()] == [1]
    assert pipeline.publish(site.app).composed == 1, "though no edition has closed since"
    site.clock.now += DAY
    assert list(unread_papers(site, edition(site)).values()) == [[]]
    with reading(engine_of(site.app.store)) as db:
        assert set(db.scalars(select(subscriptions.c.last_edition))) == {None}
        assert db.scalar(select(subscribers.c.last_edition)) == 1


def test_a_round_that_began_earlier_takes_no_edition_back(site: Site) -> None:
    site.subscriber("ada@example.org", "robots")
    site.papers(listing(1))
    earlier = edition(site)
    site.papers(listing(2))
    for hours, found in ((1, edition(site)), (25, earlier)):
        site.clock.now = MORNING + hours * HOUR
        with site.app.store.issues.batch(site.clock.now, found, 1, 1_000) as batch:
            batch.decided += pipeline.compose_batch(site.app, batch, RoundContext.read(site.app))
    with reading(engine_of(site.app.store)) as db:
        assert db.scalar(select(subscribers.c.last_edition)) == 2


def test_the_matches_of_unsent_papers_come_from_any_edition_and_of_topics_that_are_followed_now(site: Site) -> None:
    chance, slugs = random.Random(3), ("robots", "agents", "speech", "proteins")
    for slug in slugs[2:]:
        site.topic(slug)
    emails = [f"s{number}@example.org" for number in range(12)]
    for email in emails:
        site.subscriber(email, *chance.sample(slugs, chance.randint(1, 4)), at="07:00")
    site.app.store.papers.add([listing(number) for number in range(30)], MORNING)
    with writing(engine_of(site.app.store)) as db:
        topic_rows = dict(db.execute(select(topics.c.row, topics.c.slug)).all())
        people = dict(db.execute(select(subscribers.c.row, subscribers.c.email)).all())
        stored = list(db.scalars(select(papers.c.row)))
        editions = {
            (topic, paper): chance.choice([0, 1, 2, 3, 4])
            for topic in topic_rows
            for paper in chance.sample(stored, 20)
        }
        match = {"day": MORNING.date(), "score": 0.5, "why": []}
        db.execute(
            insert(matches),
            [match | {"topic": t, "paper": p, "edition": edition} for (t, p), edition in editions.items()],
        )
        last = {row: chance.randint(0, 4) for row in people}
        unsent = {row: chance.sample(stored, chance.choice([0, 5])) for row in people}
        for row, edition in last.items():
            db.execute(update(subscribers).where(subscribers.c.row == row).values(last_edition=edition))
        db.execute(update(subscriptions).values(last_edition=None))
        letters = [
            {
                "subscriber": row,
                "digest": digest,
                "since": MORNING,
                "included": str(some[:2]),
                "counted": str(some[2:]),
            }
            for row, papers_ in unsent.items()
            for digest, some in enumerate((papers_[:3], papers_[2:]))
        ]
        db.execute(insert(unsent_lists), letters)
        followed = db.execute(select(subscriptions.c.subscriber, subscriptions.c.topic)).all()
    expected = {
        email: sorted(
            (topic_rows[topic], paper)
            for (topic, paper), edition in editions.items()
            if (row, topic) in followed and (edition > last[row] or (paper in unsent[row] and edition > 0))
        )
        for row, email in people.items()
    }
    with site.app.store.issues.batch(MORNING + HOUR, MatchCache(4), 100, 10_000) as batch:
        found = {
            due.subscriber.email: sorted((match.topic, match.paper) for match in batch.matches.for_subscriber(place))
            for place, due in enumerate(batch.due)
        }
    assert found == expected
