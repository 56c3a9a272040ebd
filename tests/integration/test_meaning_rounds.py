"""Meaning at work: papers get vectors in the background, and interests find what does not say their words."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete, update

from paperround.app import App
from paperround.domain.errors import MeaningError
from paperround.domain.models import Feedback, Topic
from paperround.matching.vectors import pack
from paperround.matching.words import interpret, is_plain_words
from paperround.rounds import pipeline, topic_definitions, topic_matching
from paperround.rounds.interests import Interests
from paperround.rounds.meaning import Meaning, embed, enough_embedded
from paperround.rounds.scheduler import Scheduler
from paperround.rounds.search import search_papers
from paperround.rounds.topic_matching import match_embedded
from paperround.sources import SourceState
from paperround.store.engine import writing
from paperround.store.schema import vectors
from paperround.store.sources import SourceRecord
from paperround.store.vectors import EmbeddedPaper
from support.databases import engine_of
from support.encoder import use_ideas
from support.papers import listing
from support.site import Site

WALKING = {"title": "A humanoid", "abstract": "Its stride is even.", "authors": ["Ada Bee"]}
PLAIN = "legged machines which walk"
BY_WORDS = {"title": "Uneven ground", "abstract": "A photo of it.", "authors": ["Ada Bee"]}
"""Matches WALKS by two of its words; its vector says that it is on something else."""
WALKS = "walk on uneven ground"


def matched(app: App, slug: str) -> set[int]:
    topic = app.store.topics.by_slug(slug)
    assert topic
    return app.store.topics.matches_of(topic)


def test_a_paper_is_matched_by_its_meaning_once_it_has_a_vector_and_comes_with_the_next_letter(site: Site) -> None:
    use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.subscriber("ada@example.org", "walking")
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    assert matched(site.app, "walking") == set()
    assert pipeline.embed_papers(site.app) == 5
    assert matched(site.app, "walking") == {1}
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    [letter] = site.relay.accepted
    assert b"A humanoid" in letter.message
    assert pipeline.embed_papers(site.app) == 0


def letters_once_papers_get_vectors_after(site: Site, age: timedelta) -> list[bytes]:
    """The letters of a subscriber whose site gets a model so long after a paper."""
    site.topic("walking", PLAIN)
    site.subscriber("ada@example.org", "walking")
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    site.clock.now += age - timedelta(days=1)
    pipeline.run_round(site.app)
    use_ideas(site.app)
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1}
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    return [letter.message for letter in site.relay.accepted]


def test_a_paper_that_gets_its_vector_a_week_late_is_on_the_topics_page_and_in_no_letter(
    site: Site,
) -> None:
    assert letters_once_papers_get_vectors_after(site, timedelta(days=9)) == []


def test_a_paper_that_gets_its_vector_within_a_week_comes_with_the_next_letter(site: Site) -> None:
    [letter] = letters_once_papers_get_vectors_after(site, timedelta(days=5))
    assert b"A humanoid" in letter


def test_a_paper_that_no_topic_was_compared_with_yet_is_sent_however_late_its_vector(site: Site) -> None:
    use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.subscriber("ada@example.org", "walking")
    site.app.store.papers.add(
        [listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6))], site.clock()
    )
    site.clock.now += timedelta(days=9)
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == set()
    pipeline.run_round(site.app)
    assert len(site.relay.accepted) == 1


def paper_matched_by_words(site: Site, *, query: str = WALKS, unmailed: bool = False) -> None:
    """A topic and an interest of Ada's that take two papers by their words; the vector of one does not confirm it."""
    use_ideas(site.app)
    site.topic("walking", query)
    site.subscriber("ada@example.org", "walking", queries=[WALKS])
    fitting = {"title": "Uneven ground", "abstract": "A humanoid.", "authors": ["Ben Cow"]}
    papers = listing(1, **BY_WORDS), listing(2, **fitting), *(listing(number, "agents") for number in range(3, 7))
    site.app.store.papers.add(papers, site.clock(), unmailed=unmailed)
    site.papers()
    assert matched(site.app, "walking") == matched(site.app, own(site)) == {1, 2}


def own(site: Site) -> str:
    """The slug of Ada's interest."""
    [slug] = [topic.slug for topic in site.app.store.topics.all() if topic.private]
    return slug


def test_a_paper_that_matches_by_its_words_alone_is_in_no_letter_once_it_has_a_vector(site: Site) -> None:
    paper_matched_by_words(site)
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == matched(site.app, own(site)) == {2}
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    [letter] = site.relay.accepted
    assert b"A humanoid" in letter.message
    assert b"A photo" not in letter.message


def test_nor_is_it_in_feeds_if_it_is_never_mailed(site: Site) -> None:
    paper_matched_by_words(site, unmailed=True)
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == matched(site.app, own(site)) == {2}


def test_what_an_exact_query_matches_stays_whatever_its_vector_says(site: Site) -> None:
    paper_matched_by_words(site, query='"uneven ground"')
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1, 2}
    assert matched(site.app, own(site)) == {2}


def test_a_paper_that_a_letter_brought_before_it_had_a_vector_is_not_sent_again(site: Site) -> None:
    paper_matched_by_words(site)
    site.clock.now += timedelta(days=1)
    pipeline.publish_and_deliver(site.app)
    [letter] = site.relay.accepted
    assert b"A photo" in letter.message
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {2}, "others may subscribe to a topic"
    assert matched(site.app, own(site)) == {1, 2}, "an interest says why the letter has it"
    site.papers(listing(1, **BY_WORDS | {"abstract": "A humanoid, and a photo of it."}, version=2))
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1, 2}
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    assert len(site.relay.accepted) == 1


def lost_if_nothing_is_found(site: Site, *, days: int = 7, query: str = WALKS) -> set[int]:
    """The papers that the topic loses if it is compared, as this query, with the first two and takes neither."""
    before, papers = matched(site.app, "walking"), list(site.app.store.papers.by_rows([1, 2]).values())
    since = site.clock() - timedelta(days=days)
    with site.app.store.topics.matching_again([1, 2], since, is_plain_words) as work:
        work.papers = papers
        work.topics = [replace(topic, query=query) for topic in work.topics]
    return before - matched(site.app, "walking")


def test_matches_are_only_lost_where_topic_and_paper_are_as_they_were_compared(site: Site) -> None:
    paper_matched_by_words(site)
    assert lost_if_nothing_is_found(site) == set(), "neither has a vector"
    embed(site.app, 5)
    assert lost_if_nothing_is_found(site, query="its query before it was changed") == set()
    site.papers(listing(2, **BY_WORDS, version=2))
    site.clock.now += timedelta(days=7, seconds=1)
    assert lost_if_nothing_is_found(site) == set(), "older than a week"
    site.app.store.papers.add([listing(1, **BY_WORDS | {"authors": ["Ada Bee", "Cy Dee"]}, version=2)], site.clock())
    assert lost_if_nothing_is_found(site, days=8) == set(), "one waits to be matched, the other for a vector"
    site.papers()
    assert lost_if_nothing_is_found(site, days=8) == {1}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Site]:
    """A site whose schedule does nothing by itself this year."""
    source = {"name": "feed", "kind": "feed", "url": "https://feeds.example.org/none", "schedule": "0 0 1 1 *"}
    site = Site(tmp_path, sources=[source], rounds={"sweep": "0 0 1 1 *", "publish": "0 0 1 1 *"})
    site.app.store.sources.save(SourceRecord("feed", SourceState.FRESH, "", site.clock()))
    use_ideas(site.app)
    yield site
    site.app.close()


def test_vectors_are_computed_at_the_start_and_after_a_source_brought_papers(
    serving: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: queue.SimpleQueue[int] = queue.SimpleQueue()
    embed_papers = pipeline.embed_papers
    monkeypatch.setattr(pipeline, "embed_papers", lambda app: embedded.put(embed_papers(app)))

    def ingest(app: App, names: Sequence[str]) -> list[pipeline.IngestReport]:
        serving.papers(listing(2, "agents"))
        return [pipeline.IngestReport("feed", new=1)]

    serving.papers(listing(1, **WALKING))
    scheduler = Scheduler(serving.app)
    scheduler.start()
    assert embedded.get(timeout=60) == 1
    monkeypatch.setattr(pipeline, "ingest", ingest)
    serving.clock.now += timedelta(days=366)
    scheduler.run("ingest feed")
    assert embedded.get(timeout=60) == 1
    scheduler.stop()
    assert serving.app.store.vectors.waiting(9) == []


def test_a_queue_is_told_to_compute_vectors(serving: Site) -> None:
    submitted: list[str] = []
    scheduler = Scheduler(serving.app, submitted.append)
    scheduler.start()
    scheduler.stop()
    assert "embed" in submitted


def test_a_new_topic_finds_older_papers_by_their_meaning(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    pipeline.embed_papers(site.app)
    site.topic("walking", PLAIN)
    assert matched(site.app, "walking") == {1}
    [topic] = [topic for topic in site.app.store.topics.all() if topic.slug == "walking"]
    assert site.app.store.vectors.topic_vectors("ideas-1").keys() == {topic.query}
    assert site.app.store.vectors.topic_vectors("ideas-2") == {}


def test_a_search_finds_by_meaning_and_says_so(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    before = [one.paper.row for one in search_papers(site.app, PLAIN, 5).found]
    pipeline.embed_papers(site.app)
    first, *_ = search_papers(site.app, PLAIN, 5).found
    assert 1 not in before[:1]
    assert first.paper.row == 1
    assert first.why == ("meaning: close",)
    assert first.parts == {"words": 0.0, "meaning": pytest.approx(1.0, abs=0.01)}
    assert 0 < first.score <= 1


def test_a_search_that_nothing_matches_shows_the_nearest_papers_and_counts_none(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 26)))
    pipeline.embed_papers(site.app)
    unrelated = search_papers(site.app, "protein molecule", 20)
    assert (unrelated.total, unrelated.found) == (0, [])
    result = search_papers(site.app, PLAIN, 20)
    assert (result.total, [one.paper.row for one in result.found]) == (1, [1])
    assert search_papers(site.app, "careful agents", 30).total == 24
    partly = {"title": "Humanoid stride", "abstract": "They walk. A protein bar helps."}
    site.papers(*(listing(number, **partly) for number in range(30, 42)))
    while pipeline.embed_papers(site.app):
        pass
    result = search_papers(site.app, "molecule dynamics", 20)
    assert (result.total, len(result.found)) == (0, 10)
    assert {reason for one in result.found for reason in one.why} == set()
    assert search_papers(site.app, "molecule dynamics", 20, 10).found == []


def test_a_paper_whose_text_changes_waits_for_a_new_vector_and_one_that_only_gains_votes_does_not(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING))
    assert embed(site.app, 5) == 1
    site.papers(listing(1, **WALKING, upvotes=12))
    assert site.app.store.vectors.waiting_count() == 0
    site.papers(listing(1, **WALKING | {"abstract": "A photo of it."}, version=2))
    assert [paper.row for paper in site.app.store.vectors.waiting(9)] == [1]
    assert embed(site.app, 5) == 1
    [vector] = [site.app.shared(Meaning).table().vectors([1]).numbers[0]]
    assert vector[1] > 0, (vector, site.app.store.papers.by_rows([1]))


def test_a_text_that_changes_while_its_vector_is_made_goes_on_waiting(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING))
    [paper] = site.app.store.vectors.waiting(9)
    site.papers(listing(1, **WALKING | {"abstract": "A photo of it."}, version=2))
    site.app.store.vectors.keep("ideas-1", [EmbeddedPaper(paper, b"\0" * 9, b"\0" * 9)])
    assert site.app.store.vectors.waiting_count() == 1


def test_titles_have_vectors_of_their_own_and_papers_of_earlier_versions_get_them_without_being_compared_again(
    site: Site,
) -> None:
    use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.papers(listing(1, **WALKING), listing(2, "agents"), listing(3, "agents", title="An image of a protein"))
    assert pipeline.embed_papers(site.app) == 3
    assert titles(site) == {1: [1, 0, 0, 0, 0], 2: [0, 0, 0, 0, 1], 3: [0, 1, 0, 1, 0]}
    with writing(engine_of(site.app.store)) as db:
        db.execute(update(vectors).values(title=None))
    assert [paper.row for paper in site.app.store.vectors.waiting(9)] == []
    assert [paper.row for paper in site.app.store.vectors.waiting(9, 2)] == [3, 2], "of the newest two"
    assert pipeline.embed_papers(site.app) == 3
    assert site.app.store.topics.papers_waiting() == 0
    assert not site.app.store.vectors.any_uncompared()
    use_ideas(site.app)
    assert titles(site) == {1: [1, 0, 0, 0, 0], 2: [0, 0, 0, 0, 1], 3: [0, 1, 0, 1, 0]}
    site.papers(listing(3, "agents", title="An image", version=2))
    assert pipeline.embed_papers(site.app) == 1
    assert titles(site)[3] == [0, 1, 0, 0, 0]


def titles(site: Site) -> dict[int, list[int]]:
    """Which ideas the vectors of titles name, by paper."""
    meaning = site.app.shared(Meaning)
    meaning.table()
    _, lookup = meaning.lookups()
    assert lookup
    found = lookup([1, 2, 3, 99])
    rows = np.array([1, 2, 3, 99])[found.known].tolist()
    return {row: [int(number > 0) for number in one] for row, one in zip(rows, found.numbers.tolist(), strict=True)}


def test_the_titles_of_older_papers_are_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperround.store.vectors._TITLES_READ", 2)
    use_ideas(site.app)
    site.papers(*(listing(number, "agents") for number in range(1, 6)))
    embed(site.app, 5)
    assert titles(site).keys() == set()
    site.papers(listing(6, "agents"))
    embed(site.app, 5)
    kept = site.app.store.vectors.after("ideas-1", (0, 0))
    assert [one.place[1] for one in kept if one.title] == [5, 6]
    assert len(kept) == 6


def test_papers_are_compared_again_once_half_of_the_newest_have_a_vector(site: Site) -> None:
    use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 7)))
    newest = site.app.store.vectors.waiting(9)
    packed = map(pack, site.app.shared(Meaning).encoder.encode([p.abstract for p in newest]))
    embedded = [EmbeddedPaper(paper, vector, vector) for paper, vector in zip(newest, packed, strict=True)]
    site.app.store.vectors.keep("ideas-1", embedded[:2])
    assert not enough_embedded(site.app), "two of six say little about what is usual"
    site.app.store.vectors.keep("ideas-1", embedded[2:4])
    assert enough_embedded(site.app)
    assert len(site.app.store.vectors.uncompared()[0]) == 4
    match_embedded(site.app)
    assert not enough_embedded(site.app), "each once"


def test_if_no_more_vectors_can_be_computed_papers_are_compared_with_those_that_there_are(site: Site) -> None:
    encoder = use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.papers(*(listing(number, "agents") for number in range(1, 7)))
    [paper] = site.app.store.vectors.waiting(1)
    vector = pack(encoder.encode(["agents"])[0])
    site.app.store.vectors.keep("ideas-1", [EmbeddedPaper(paper, vector, vector)])
    encoder.broken = True
    assert embed(site.app, 5) == 0
    assert enough_embedded(site.app)
    assert site.app.store.vectors.uncompared()[0] == [paper.row]


def kept_vectors(site: Site, model: str) -> set[int]:
    """The papers that have a vector of this model."""
    return {one.place[1] for one in site.app.store.vectors.after(model, (0, 0))}


def test_vectors_are_read_in_parts_of_which_each_begins_where_the_one_before_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paperround.store.vectors._VECTORS_PER_READ", 2)
    use_ideas(site.app)
    site.papers(*(listing(number) for number in range(1, 6)))
    assert embed(site.app, 5) == 5
    assert len(kept_vectors(site, "ideas-1")) == 2
    assert len(site.app.shared(Meaning).table()) == 5
    site.papers(listing(6))
    embed(site.app, 5)
    assert len(site.app.shared(Meaning).table()) == 6


def test_vectors_of_another_model_are_left_aside_until_they_are_made_anew(site: Site) -> None:
    use_ideas(site.app)
    site.papers(listing(1, **WALKING), listing(2, "agents"))
    embed(site.app, 5)
    assert kept_vectors(site, "ideas-2") == set()
    assert site.app.store.vectors.rebuild("ideas-2") == 2
    use_ideas(site.app, "ideas-2")
    assert embed(site.app, 5) == 2
    assert kept_vectors(site, "ideas-2") == {1, 2}
    assert site.app.store.vectors.rebuild("ideas-2") == 0


def test_an_encoder_that_fails_stops_nothing_and_is_left_alone_for_a_while(site: Site) -> None:
    encoder = use_ideas(site.app)
    encoder.broken = True
    site.topic("walking", PLAIN)
    site.subscriber("ada@example.org", "walking")
    site.papers(
        listing(1, title="Legged machines walk", abstract="They walk."), *(listing(n, "agents") for n in (2, 3))
    )
    assert pipeline.embed_papers(site.app) == 0
    assert matched(site.app, "walking") == {1}
    encoder.broken = False
    assert search_papers(site.app, PLAIN, 5).found[0].parts.keys() == {"words"}
    assert encoder.asked == []
    site.clock.now += timedelta(days=1)
    pipeline.run_round(site.app)
    assert len(site.relay.accepted) == 1


def test_a_paper_that_turns_out_to_be_another_one_takes_no_vector_with_it(site: Site) -> None:
    use_ideas(site.app)
    site.papers(
        listing(1, arxiv_id=None, doi=None, authors=[], source="page", kind="page", url="https://example.org/1"),
        listing(1, title="Robots under quite another title at first"),
    )
    embed(site.app, 5)
    site.papers(listing(1, version=2))
    assert embed(site.app, 5) <= 1
    assert kept_vectors(site, "ideas-1") <= {1, 2}
    assert search_papers(site.app, "robots walk", 5).found


def test_only_topics_in_plain_words_make_papers_be_matched_again(site: Site) -> None:
    use_ideas(site.app)
    site.topic("robots", "robots OR drones")
    site.papers(listing(1))
    assert pipeline.embed_papers(site.app) == 1
    assert site.app.store.topics.papers_waiting() == 0
    assert topic_definitions.read_topics(b"", Path("topics.toml")) == []


def test_an_interest_is_found_by_what_the_operators_model_says_of_it_and_asked_once(site: Site) -> None:
    encoder = use_ideas(site.app)
    encoder.words = "humanoid"
    site.topic("walking", "two things which keep upright")
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1}
    assert encoder.asked.count("two things which keep upright. humanoid") == 1


def test_a_text_model_gets_an_interest_as_it_is_written_and_is_not_asked_again_for_an_acronym(site: Site) -> None:
    encoder = use_ideas(site.app)
    encoder.words = "humanoid"
    site.topic("walking", "QGA on ice")
    defining = "We study quadruped gait adaptation (QGA) on ice."
    site.papers(*(listing(number, title=f"A study {number}", abstract=defining) for number in range(1, 6)))
    pipeline.embed_papers(site.app)
    assert [text for text in encoder.asked if "QGA on ice. " in text] == ["QGA on ice. humanoid"]


def test_a_model_without_answers_stops_nothing_and_is_asked_again_later(site: Site) -> None:
    encoder = use_ideas(site.app)
    encoder.words, encoder.speechless = "humanoid", True
    site.topic("walking", PLAIN)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1}, "as it is written"
    assert site.app.store.vectors.topic_vectors("ideas-1") == {}
    encoder.speechless = False
    site.app.shared(Meaning).retry_seconds = 0.0
    site.papers(listing(9, "agents"))
    assert site.app.store.vectors.topic_vectors("ideas-1").keys() == {PLAIN}


def test_matches_stay_while_the_vector_of_their_topic_cannot_be_computed(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, changed = Site(tmp_path, database_url), Site(tmp_path, database_url)
    changed.app.shared(Meaning).retry_seconds = 0.0
    use_ideas(site.app)
    site.topic("walking", PLAIN)
    site.papers(listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6)))
    pipeline.embed_papers(site.app)
    assert matched(site.app, "walking") == {1}
    encoder = use_ideas(changed.app, "ideas-2")
    encode = encoder.encode

    def fails_for_the_topic(texts: Sequence[str]) -> NDArray[np.float32]:
        if PLAIN in texts:
            raise MeaningError("the endpoint is gone")
        return encode(texts)

    monkeypatch.setattr(encoder, "encode", fails_for_the_topic)
    changed.app.store.vectors.rebuild("ideas-2")
    pipeline.embed_papers(changed.app)
    assert matched(site.app, "walking") == {1}
    assert changed.app.store.vectors.any_uncompared()
    monkeypatch.setattr(encoder, "encode", encode)
    pipeline.embed_papers(changed.app)
    assert matched(site.app, "walking") == {1}
    assert not changed.app.store.vectors.any_uncompared()
    for one in (site, changed):
        one.app.close()


def test_only_the_newest_papers_get_a_vector_of_their_title(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperround.rounds.meaning.COUNTED_PAPERS", 2)
    encoder = use_ideas(site.app)
    site.papers(*(listing(number, title=f"Paper {number}") for number in range(1, 6)))
    assert embed(site.app, 5) == 5
    assert {text for text in encoder.asked if "." not in text} == {"Paper 4", "Paper 5"}
    assert embed(site.app, 5) == 0
    with writing(engine_of(site.app.store)) as db:
        db.execute(delete(vectors).where(vectors.c.paper == 4))
    assert embed(site.app, 5) == 1, "the third is among the newest two now"
    assert embed(site.app, 5) == 0


def test_a_paper_that_gets_its_vector_from_another_process_while_topics_are_prepared_is_matched_by_it(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, other = Site(tmp_path, database_url), Site(tmp_path, database_url)
    for one in (site, other):
        use_ideas(one.app)
    site.topic("walking", PLAIN)
    site.app.store.papers.add(
        [listing(1, **WALKING), *(listing(number, "agents") for number in range(2, 6))], site.clock()
    )
    interests = site.app.shared(Interests)
    prepare = interests.prepare

    def prepared(topics: Iterable[Topic]) -> None:
        prepare(topics)
        pipeline.embed_papers(other.app)

    monkeypatch.setattr(interests, "prepare", prepared)
    topic_matching.match_papers(site.app)
    assert matched(site.app, "walking") == {1}
    for one in (site, other):
        one.app.close()


def test_titles_that_get_their_vectors_later_are_learned_from_without_a_restart(
    tmp_path: Path, database_url: str
) -> None:
    earlier, upgraded, restarted = (Site(tmp_path, database_url) for _ in range(3))
    for one in (earlier, upgraded, restarted):
        use_ideas(one.app)
    earlier.papers(
        listing(1, title="A photo", abstract="Its stride is even."),
        *(listing(number, title="Speech" if number % 2 else "Agents") for number in range(2, 40)),
    )
    embed(earlier.app, 5)
    with writing(engine_of(earlier.app.store)) as db:
        db.execute(update(vectors).values(title=None))
    before = _fits(upgraded)
    assert embed(upgraded.app, 5) == 39
    assert _fits(upgraded) == pytest.approx(_fits(restarted))
    assert _fits(upgraded) != pytest.approx(before)
    for one in (earlier, upgraded, restarted):
        one.app.close()


def _fits(site: Site) -> dict[int, float]:
    """How well papers fit an interest after an answer."""
    meaning, interests = site.app.shared(Meaning), site.app.shared(Interests)
    meaning.table()
    meaning.query_vector(PLAIN)
    batch = interests.batch(site.app.store.papers.latest(99))
    return interests.score_papers(PLAIN, interpret(PLAIN), batch, [Feedback(1, -1, site.clock())])
