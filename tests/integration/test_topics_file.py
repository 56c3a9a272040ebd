"""What a change of topics.toml does to those who follow a topic."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.errors import ConfigurationError, UnknownNameError, UsageError
from paperround.operator import doctor
from paperround.rounds import pipeline, topics
from paperround.rounds.topics_file import read_file
from paperround.subscribers import confirmation, membership
from support.papers import listing
from support.site import Site

DAY = timedelta(days=1)


def _write(folder: Path, **queries: str) -> None:
    tables = (f'[[topics]]\nslug = "{slug}"\nname = "{slug}"\nquery = "{query}"\n' for slug, query in queries.items())
    (folder / "topics.toml").write_text("".join(tables))


def _load(site: Site, **queries: str) -> None:
    """The file changes, and the next command takes that over."""
    _write(site.folder, **queries)
    topics.load_topics(site.app, read_file(site.app))


@pytest.fixture
def site(tmp_path: Path, database_url: str):
    _write(tmp_path, robots="robots", agents="agents")
    site = Site(tmp_path, database_url)
    site.subscriber("ada@example.org", "robots")
    site.subscriber("bob@example.org", "robots", "agents")
    yield site
    site.app.close()


def _told(site: Site) -> dict[str, str]:
    found = doctor.examine(site.app)
    return {one.check: one.what for one in found if one.verdict is not doctor.CheckState.OK}


def test_a_topic_taken_out_of_the_file_keeps_its_subscribers_and_doctor_says_so(site: Site) -> None:
    assert "topic robots" not in _told(site) or "topics.toml" not in _told(site)["topic robots"]
    _load(site, agents="agents")
    site.papers(listing(1, "robots"))
    site.clock.now += DAY
    pipeline.publish(site.app)
    assert pipeline.deliver(site.app).letters["sent"] == 2
    for _ in range(2):  # until it is decided, also after further changes of the file
        told = _told(site)["topic robots"]
        assert "no longer in topics.toml; 2 subscribers keep it" in told
        assert "topics remove robots" in told
        _load(site, agents="agents AND NOT robots")
    _load(site, agents="agents", robots="robots")
    assert "topic robots" not in _told(site)


def test_topics_that_nobody_follows_are_removed_with_the_file_that_had_them(site: Site) -> None:
    site.papers(listing(1, "drones"))
    _load(site, robots="robots", agents="agents", drones="drones", boats="boats")
    _load(site, robots="robots", boats="boats")
    assert {topic.slug for topic in site.app.store.topics.public()} == {"robots", "agents", "boats"}
    assert [topic.slug for topic in topics.dropped_topics(site.app)] == ["agents"]
    assert "topic drones" not in _told(site)
    _load(site, robots="robots", drones="drones")
    assert {topic.slug for topic in site.app.store.topics.public()} == {"robots", "agents", "drones"}


def test_a_topic_that_was_never_in_the_file_is_left_alone(site: Site) -> None:
    site.topic("gadgets")
    _load(site, robots="robots", agents="agents")
    assert topics.dropped_topics(site.app) == []


def test_the_subscribers_of_a_renamed_topic_come_along_and_get_no_paper_twice(site: Site) -> None:
    site.papers(listing(1, "robots"))
    site.clock.now += DAY
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    site.relay.letters.clear()
    _load(site, machines="robots", agents="agents")
    assert topics.remove_topic(site.app, "robots", "machines") == 2
    assert membership.subscriber(site.app, "ada@example.org").topics == ("machines",)
    assert set(membership.subscriber(site.app, "bob@example.org").topics) == {"machines", "agents"}
    site.clock.now += DAY
    assert pipeline.publish(site.app).composed == 0
    site.papers(listing(2, "robots"))
    site.clock.now += DAY
    assert pipeline.publish(site.app).composed == 2
    assert "topic robots" not in _told(site)


def test_who_has_yet_to_confirm_a_renamed_topic_follows_the_new_one(site: Site) -> None:
    membership.add(site.app, "eve@example.org", {"topics": ("robots", "agents")}, confirmed=False)
    membership.add(site.app, "dan@example.org", {"topics": ("agents",)}, confirmed=False)
    topics.remove_topic(site.app, "robots", "agents")
    for email in ("eve@example.org", "dan@example.org"):
        assert confirmation.confirm(site.app, membership.subscriber(site.app, email))
        assert membership.subscriber(site.app, email).topics == ("agents",)


def test_who_follows_both_topics_follows_the_other_one_once(site: Site) -> None:
    topics.remove_topic(site.app, "robots", "agents")
    for email in ("ada@example.org", "bob@example.org"):
        assert membership.subscriber(site.app, email).topics == ("agents",)


def test_subscribers_move_only_to_another_topic_that_is_there(site: Site) -> None:
    with pytest.raises(UnknownNameError, match="no topic 'nothing'"):
        topics.remove_topic(site.app, "robots", "nothing")
    with pytest.raises(UsageError, match="a different topic"):
        topics.remove_topic(site.app, "robots", "robots")
    assert membership.subscriber(site.app, "ada@example.org").topics == ("robots",)


def test_a_file_that_cannot_be_read_changes_nothing(site: Site) -> None:
    with pytest.raises(ConfigurationError, match=r"topic 1 \(broken\)"):
        _load(site, broken="title:(")
    assert {topic.slug for topic in site.app.store.topics.public()} == {"robots", "agents"}
