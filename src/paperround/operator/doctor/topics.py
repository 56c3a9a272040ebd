"""Checks of the topics: the file that defines them, their queries, and whether papers match them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from paperround.app import App
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import Topic
from paperround.domain.text import counted
from paperround.matching.words import is_plain_words
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.operator.few_papers import describe_few_papers
from paperround.rounds.topics import (
    ChangedTopic,
    changed_by_command,
    dropped_topics,
    unserved_topics,
    unusable_topics,
)
from paperround.rounds.topics_file import read_file
from paperround.store.topics import news_horizon

_PRIVATE = "interest of a subscriber"
_MAX_NAMED = 8  # topics in plain words, those that took the fewest papers first


def check_topics(app: App) -> Iterator[Finding]:
    """Check topics.toml, and report topics that bring their followers no papers."""
    topics, counts = app.store.topics.all(), app.store.topics.counts()
    dropped, changed, is_loaded = list[Topic](), list[ChangedTopic](), True
    try:
        dropped, changed = dropped_topics(app), changed_by_command(app)
        is_loaded = read_file(app).is_loaded(app)
    except ConfigurationError as error:
        what = f"{error}; until it is corrected, no other command runs"
        yield Finding("topics.toml", CheckState.ERROR, what, stops=True)
    if not is_loaded:
        yield Finding("topics.toml", CheckState.OK, "it has changed since it was loaded; the next command loads it")
    elif not topics:
        yield Finding("topics", CheckState.ERROR, "no topics are defined; add some to config/topics.toml")
    refused, unserved = unusable_topics(app), unserved_topics(app)
    yield from _refused(refused)
    yield from _unserved(unserved)
    yield from _dropped(dropped, counts)
    yield from _changed(changed)
    yield from _in_plain_words(app)
    reported = {topic.slug for topic in (*(topic for topic, _ in refused), *unserved)}
    yield from _unmatched(topics, {slug: numbers for slug, numbers in counts.items() if slug not in reported})


def _in_plain_words(app: App) -> Iterator[Finding]:
    """Report how many papers of the past week each topic in plain words took, and what takes more on a small site."""
    since, today = news_horizon(app.clock()).date(), app.clock().date()
    counted_topics = app.store.topics.public_counts(since)
    took = [(papers, topic.slug) for topic, _, papers in counted_topics if is_plain_words(topic.query)]
    if not took:
        return
    named = [f"{slug} {papers}" for papers, slug in sorted(took)[:_MAX_NAMED]]
    others = len(took) - len(named)
    all_named = ", ".join([*named, *([counted(others, "more topic")] if others else [])])
    papers = counted(app.store.browsing.count(since, today), "paper", "papers")
    what = f"of the {papers} of the past week, topics in plain words took: {all_named}"
    yield Finding("topics", CheckState.OK, "; ".join(filter(None, (what, describe_few_papers(app)))))


def _refused(refused: Sequence[tuple[Topic, str]]) -> Iterator[Finding]:
    for topic, problem in refused:
        whose = _PRIVATE if topic.private else f"topic {topic.slug}"
        what = f"it is disabled and matches no papers: {problem}; change the query, or remove it"
        yield Finding(whose, CheckState.WARNING, what)


def _unserved(unserved: Sequence[Topic]) -> Iterator[Finding]:
    for topic in unserved:
        what = "no configured source can serve it, so its subscribers get no emails"
        remedy = f"name a source of yours in its query ({topic.query}), or remove it"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, f"{what}; {remedy}")


def _dropped(dropped: Sequence[Topic], counts: Mapping[str, tuple[int, int]]) -> Iterator[Finding]:
    for topic in dropped:
        followers = counted(counts[topic.slug][0], "subscriber keeps it and gets", "subscribers keep it and get")
        what = f"it is no longer in topics.toml; {followers} its papers"
        remedy = f"put it back, or run: paperround topics remove {topic.slug} [--move-to SLUG]"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, f"{what}; {remedy}")


def _changed(changed: Sequence[ChangedTopic]) -> Iterator[Finding]:
    for topic, is_removed in changed:
        what = "removed" if is_removed else "changed"
        what = f"it was {what} by a command, not in topics.toml; change the file too, or its next change undoes this"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, what)


def _unmatched(topics: Sequence[Topic], counts: Mapping[str, tuple[int, int]]) -> Iterator[Finding]:
    """Report topics with followers that no paper has matched. `counts` are followers and papers by slug."""
    private = {topic.slug for topic in topics if topic.private}
    for slug, (followers, papers) in counts.items():
        if not followers or papers:
            continue
        if slug in private:
            what = f"no paper has ever matched it; to read it, run: paperround topics show {slug}"
            yield Finding(_PRIVATE, CheckState.WARNING, what)
        else:
            people = counted(followers, "subscriber follows", "subscribers follow")
            what = f"{people} it, but no paper has ever matched; check its query"
            yield Finding(f"topic {slug}", CheckState.WARNING, what)
