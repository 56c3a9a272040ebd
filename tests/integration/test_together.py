"""Several programs at work on one database at the same time, whichever it is."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from paperround.app import open_store
from paperround.domain.models import Listing, Topic
from paperround.matching import query
from paperround.rounds import pipeline, topics
from paperround.subscribers import confirmation, membership
from support.papers import WORDS, listing
from support.site import MORNING, Clock, Site
from support.threads import at_once


@pytest.fixture
def sites(tmp_path: Path, database_url: str) -> Iterator[list[Site]]:
    """Four programs, each with its own store and relay."""
    sites = [Site(tmp_path, database_url, Clock()) for _ in range(4)]
    for word in WORDS:
        sites[0].topic(word)
    yield sites
    for site in sites:
        site.app.close()


def told_otherwise(one: Listing, chance: random.Random) -> Listing:
    """The same work as another source lists it, or the same one later."""
    changes = [
        {"upvotes": chance.randint(1, 900)},
        {"source": "hf-daily", "kind": "hf-daily"},
        {"version": chance.randint(2, 5), "abstract": f"{one.abstract} Now with {chance.choice(WORDS)}."},
        {"arxiv_id": None, "source": "page", "kind": "page", "url": f"https://example.org/{one.arxiv_id}"},
    ]
    return Listing.model_validate(one.model_dump() | chance.choice(changes))


def test_programs_that_start_on_an_empty_database_make_its_tables_once(empty_database_url: str) -> None:
    stores = [open_store(empty_database_url) for _ in range(4)]
    at_once([store.prepare for store in stores])
    assert [store.papers.count() for store in stores] == [0, 0, 0, 0]
    for store in stores:
        store.close()


def test_papers_that_four_programs_list_at_once_are_stored_once(sites: list[Site]) -> None:
    listed = [listing(number, WORDS[number % 6]) for number in range(60)]
    orders = [random.Random(seed).sample(listed, len(listed)) for seed in range(4)]
    at_once([lambda site=site, batch=batch: site.papers(*batch) for site, batch in zip(sites, orders, strict=True)])
    assert sites[0].app.store.papers.count() == 60
    assert {slug: papers for slug, (_, papers) in sites[0].app.store.topics.counts().items()} == dict.fromkeys(
        WORDS, 10
    )


def test_an_address_that_four_programs_are_given_at_once_is_one_subscriber(sites: list[Site]) -> None:
    patch = {"topics": ("robots",)}
    at_once(
        [lambda site=site: confirmation.ask_to_subscribe(site.app, "ada@example.org", patch, {}) for site in sites]
    )
    assert sites[0].app.store.delivery_reports.count() == {"queued": 1}
    at_once([lambda site=site: site.subscriber("ben@example.org", "robots", "agents") for site in sites])
    assert sites[0].app.store.subscribers.count() == {"pending": 1, "active": 1}


def test_a_confirmation_that_four_programs_are_given_at_once_is_one(sites: list[Site]) -> None:
    patch = {"topics": ("robots",), "queries": ("storks",)}
    confirmation.ask_to_subscribe(sites[0].app, "ada@example.org", patch, {})
    ada, results = membership.subscriber(sites[0].app, "ada@example.org"), list[bool]()
    at_once([lambda site=site: results.append(confirmation.confirm(site.app, ada)) for site in sites])
    assert sorted(results) == [False, False, False, True]
    assert sites[0].app.store.delivery_reports.count() == {"queued": 2}, "the request and one welcome"


def test_whole_days_of_four_programs_end_with_each_paper_once_for_each_subscriber(sites: list[Site]) -> None:
    subscribers = [f"subscriber{number}@example.org" for number in range(40)]
    sites[0].subscribers(subscribers, *WORDS)
    listed = [listing(number, WORDS[number % 6]) for number in range(80)]

    def morning(site: Site, now: datetime, chance: random.Random) -> None:
        site.clock.now = now
        site.papers(*(told_otherwise(one, chance) for one in chance.sample(listed, 50)))
        topics.add_topic(site.app, Topic(f"own-{chance.randint(0, 3)}", "Own", chance.choice(WORDS)))
        site.subscriber(f"late{chance.randint(0, 9)}@example.org", *chance.sample(WORDS, 2))
        pipeline.publish(site.app)
        pipeline.deliver(site.app)
        pipeline.sweep(site.app)

    chances = [random.Random(seed) for seed in range(4)]
    for day in range(5):
        now = MORNING + timedelta(days=day, hours=1)
        works = zip(sites, chances, strict=True)
        at_once([lambda site=site, now=now, chance=chance: morning(site, now, chance) for site, chance in works])
        for site in sites:
            pipeline.deliver(site.app)

    reports = sites[0].app.store.delivery_reports.find()
    assert {report["state"] for report in reports} == {"sent"}
    assert Counter(letter.delivery for site in sites for letter in site.relay.accepted) == Counter(
        report["id"] for report in reports
    )
    for email in subscribers:
        got = [paper for report in reports if report["email"] == email for paper in report["paper_rows"]]
        assert len(got) == len(set(got))
    found = sites[0].app.store.papers.candidates([[(query.parse("study"), 1_000)]])
    assert len(found) == sites[0].app.store.papers.count()


def test_two_papers_become_one_before_a_digest_is_composed_or_after_it_never_meanwhile(
    sites: list[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    composing, listing_on = sites[:2]
    composing.subscriber("ada@example.org", "robots")
    composing.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1"),
        listing(1, title="Robots under quite another title at first"),
    )
    merging = threading.Thread(target=lambda: listing_on.papers(listing(1, version=2)))
    decide = pipeline.compose_batch

    def decide_while_they_merge(*args):
        merging.start()
        merging.join(0.5)
        assert merging.is_alive(), "it should wait for the digest"
        return decide(*args)

    composing.clock.now = MORNING + timedelta(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "compose_batch", decide_while_they_merge)
        assert pipeline.publish(composing.app).composed == 1
    merging.join()
    assert composing.app.store.papers.count() == 1
    assert pipeline.deliver(composing.app).letters == {"sent": 1}
    composing.clock.now += timedelta(days=1)
    assert pipeline.publish(composing.app).composed == 0, "they have had both"
