"""Commands for topics: the named queries that subscribers follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, opened, recording
from paperround.domain.errors import UsageError
from paperround.domain.preferences import DEFAULTS, FORMS, read_field
from paperround.domain.text import counted
from paperround.operator import console

if TYPE_CHECKING:
    from paperround.app import App
    from paperround.domain.interest_trial import InterestTrial
    from paperround.domain.models import Topic

group = command_group("Manage topics, the saved queries that subscribers follow.")
Slug = Annotated[str, typer.Argument(help="The name of the topic in links and lists.")]
NewName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="What subscribers see.")]
NewQuery = Annotated[str | None, typer.Option("--query", metavar="QUERY", help="The query.")]
NewAbout = Annotated[str | None, typer.Option("--about", metavar="TEXT", help="A description for the pages.")]


@group.command("list", cls=Command, epilog="paperround topics list")
def list_topics(as_json: AsJson = False) -> None:
    """List the topics with their numbers of subscribers and papers."""
    from paperround.matching.words import is_plain_words
    from paperround.operator.few_papers import describe_few_papers
    from paperround.store.topics import news_horizon

    with opened() as app:
        counts, took = app.store.topics.counts(), app.store.topics.public_counts(news_horizon(app.clock()).date())
        note = describe_few_papers(app) if any(is_plain_words(topic.query) for topic, *_ in took) else ""
    columns = ("slug", "name", "subscribers", "papers", "past_week", "query")
    rows = [(topic.slug, topic.name, *counts[topic.slug], papers, topic.query) for topic, _, papers in took]
    if as_json:
        console.as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    console.table(tuple(name.replace("_", " ") for name in columns), rows)
    if note:
        console.warn(note)


@group.command("show", cls=Command, epilog="paperround topics show robotics")
def show_topic(slug: Slug, as_json: AsJson = False) -> None:
    """Show a topic and its latest papers."""
    with opened() as app:
        topic = app.store.topics.require(slug)
        subscribers, count = app.store.topics.counts()[slug]
        latest = app.store.topics.recent_matches(slug, date.min, 20)
        papers = app.store.papers.by_rows(match.paper for match in latest)
    shown: list[dict[str, Any]] = [
        {"id": papers[m.paper].id, "title": papers[m.paper].title, "score": m.score, "why": list(m.why)}
        for m in latest
    ]
    if as_json:
        console.as_json({"slug": slug, "name": topic.name, "query": topic.query, "about": topic.about,
                         "subscribers": subscribers, "papers": count, "latest": shown})  # fmt: skip
    else:
        console.say(f"{topic.name}\n{topic.about}\n{topic.query}\nsubscribers: {subscribers}, papers: {count}")
        rows = [(s["id"], f"{s['score']:.2f}", s["title"], "; ".join(s["why"])) for s in shown]
        console.table(("id", "score", "title", "why"), rows)


@group.command("try", cls=Command, epilog="paperround topics try 'robots that learn from watching people'")
def try_topic(
    text: Annotated[str, typer.Argument(help="An interest in plain words, or a query.")],
    more: Annotated[list[str] | None, typer.Option(metavar="PAPER", help="A paper to show more like.")] = None,
    less: Annotated[list[str] | None, typer.Option(metavar="PAPER", help="A paper to show less like.")] = None,
    breadth: Annotated[str, typer.Option(metavar="BREADTH", help=FORMS["breadth"].about)] = DEFAULTS.breadth.value,
    as_json: AsJson = False,
) -> None:
    """Try an interest on the newest papers, and suggest words to add.

    Ratings given with --more and --less affect the result as a subscriber's would. Nothing is stored.
    """
    from paperround.operator.queries import paper_row
    from paperround.process.resources import templates
    from paperround.rendering import language
    from paperround.rendering.trial_sentences import describe_trial
    from paperround.rounds.trial import Trials

    with opened() as app:
        ratings = {
            paper_row(app, identifier): verdict
            for papers, verdict in ((more, 1), (less, -1))
            for identifier in papers or ()
        }
        trial = app.shared(Trials).try_interest(text, ratings, read_field("breadth", breadth))
    english = language.load(language.SOURCE, templates())
    verdict = describe_trial(trial, english, "--more", "--less", lambda wider, _: f"--breadth {wider.value}")
    if as_json:
        console.as_json(_trial_facts(trial, verdict))
    else:
        _print_trial(trial, verdict)


def _trial_facts(trial: InterestTrial, verdict: str) -> dict[str, Any]:
    return {
        "query": trial.query,
        "verdict": verdict,
        "correction": trial.correction,
        "taken": trial.selected,
        "total": trial.total,
        "suggestions": list(trial.suggestions),
        "papers": [
            {"id": fitting.paper.id, "title": fitting.paper.title, "fit": fitting.fit, "why": list(fitting.why),
             "rating": fitting.rating}
            for fitting in trial.papers
        ],
    }  # fmt: skip


def _print_trial(trial: InterestTrial, verdict: str) -> None:
    console.say(verdict)
    if trial.correction:
        console.say(f"did you mean: {trial.correction}")
    if trial.suggestions:
        console.say(f"words to add: {', '.join(trial.suggestions)}")
    rows = [
        (fitting.paper.id, fitting.paper.title, f"{fitting.fit:.2f}", "; ".join(fitting.why))
        for fitting in trial.papers
    ]
    console.table(("id", "title", "fit", "why"), rows)


def _changed(topic: Topic | None, slug: str, name: str | None, query: str | None, about: str | None) -> Topic:
    """Return the topic with the given fields changed; those that are None stay as they are."""
    from paperround.domain.models import Topic

    stored = topic or Topic(slug, "", "")
    name, query, about = (
        known_text if text is None else text.strip()
        for text, known_text in ((name, stored.name), (query, stored.query), (about, stored.about))
    )
    if not name or not query:
        raise UsageError(f"topic {slug!r} needs a name and a query: give --name and --query")
    return replace(stored, name=name, query=query, about=about)


@group.command("remove", cls=Command, epilog="paperround topics remove tables")
def remove_topic(
    slug: Slug,
    move_to: Annotated[
        str, typer.Option(metavar="SLUG", help="The topic that its subscribers will follow instead.")
    ] = "",
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Remove it even if subscribers follow it; they no longer receive its papers."),
    ] = False,
) -> None:
    """Remove a topic; nobody follows it any longer.

    If subscribers follow it, use --move-to to name what they follow instead. Papers and sent letters are kept.
    """
    from paperround.rounds import topics

    with opened() as app:
        if not move_to and not yes:
            _check_unfollowed(app, slug)
        with recording(app, "topic removed", f"{slug}, moved to {move_to}" if move_to else slug):
            followers = topics.remove_topic(app, slug, move_to)
        listed = topics.file_defining(app, slug)
    moved = f", and follow {move_to} now" if move_to else ""
    console.say(f"{slug} is removed; {counted(followers, 'subscriber')} followed it{moved}")
    if listed:
        console.warn(
            f"{slug} is still in {listed}: delete it there too, or it is added again when the file next changes"
        )


def _check_unfollowed(app: App, slug: str) -> None:
    """Raise UsageError if active or paused subscribers follow a topic."""
    followers, left_with_nothing = app.store.topics.followers(slug)
    if followers:
        who = counted(followers, "subscriber follows", "subscribers follow")
        alone = f", {left_with_nothing} of them nothing else" if left_with_nothing else ""
        remedy = "give --move-to SLUG with the topic that they follow instead, or --yes to remove it all the same"
        raise UsageError(f"{who} {slug}{alone}; {remedy}")


@group.command(
    "add", cls=Command, epilog="paperround topics add tables --name Tables --query 'table* OR spreadsheet*'"
)
def add_topic(slug: Slug, name: NewName = None, query: NewQuery = None, about: NewAbout = None) -> None:
    """Add a topic, or change the given fields of one.

    A new topic needs a name and a query. Subscribers receive matching papers of the past week with their next letter.
    """
    with opened() as app:
        _save_topic(app, _changed(app.store.topics.by_slug(slug), slug, name, query, about))


@group.command("edit", cls=Command, epilog="paperround topics edit tables --query 'table* OR spreadsheet*'")
def edit_topic(slug: Slug, name: NewName = None, query: NewQuery = None, about: NewAbout = None) -> None:
    """Change the given fields of a topic."""
    with opened() as app:
        topic = app.store.topics.require(slug)
        if name is query is about is None:
            raise UsageError(f"nothing to change: give --name, --query or --about (now: {topic.name}; {topic.query})")
        _save_topic(app, _changed(topic, slug, name, query, about))


def _save_topic(app: App, topic: Topic) -> None:
    from paperround.rounds import topics

    with recording(app, "topic saved", topic.slug):
        topic = topics.add_topic(app, topic)
    matching = app.store.topics.counts()[topic.slug][1]
    undone = any(changed.topic.slug == topic.slug for changed in topics.changed_by_command(app))
    console.say(f"{topic.slug}: {counted(matching, 'paper matches', 'papers match')}")
    if undone and (listed := topics.file_defining(app, topic.slug)):
        console.warn(
            f"{topic.slug} is in {listed}: change it there too, or the change is undone when the file next changes"
        )
