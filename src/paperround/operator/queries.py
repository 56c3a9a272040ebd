"""Read-only queries for pages, commands and the API: searches, subscribers, deliveries and statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.errors import QueryError, UnknownName
from paperround.domain.identifiers import identifier_in
from paperround.domain.models import DISCUSSED, DeliveryState, Paper, Score, Subscriber, SubscriberState
from paperround.domain.preferences import write
from paperround.domain.reasons import read as read_reasons
from paperround.matching import lexical
from paperround.matching import search as matching_search
from paperround.matching.author_names import author_named, is_name_of
from paperround.matching.interests import (
    MOST_RELEVANT,
    USUAL_COSINE,
    is_close,
    relevance,
    toward_best,
    with_closeness,
)
from paperround.matching.search import EVERYWHERE, SearchBounds
from paperround.matching.words import (
    Wanted,
    Words,
    any_of,
    interpret_search,
    is_plain,
    mistake_in,
    with_known_fields,
    with_phrase,
)
from paperround.rounds.collection import Collection
from paperround.rounds.interests import MOST_NEAR, best_candidates
from paperround.rounds.meaning import Meaning
from paperround.store.deliveries import LatestDelivery

Numbers = NDArray[np.float32]

_CHUNK = 500
_OF_THE_BEST = 0.5  # plain words sorted by date or votes: papers with half the score of the best one
_SORTED = 660  # papers that plain words sorted by date or votes are chosen from; pages end before
_NEAREST = 10  # shown at least, if papers are ranked by meaning, even if they do not match
MOST_COUNTED = 1_000
"""As far as the results of a search are counted."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A search result: the paper, its score and the reasons."""

    paper: Paper
    score: float
    """0 to 1."""
    why: tuple[str, ...]
    parts: Mapping[str, float]
    """What the score is made of: `words`, the share of the evidence possible, and `meaning`, a cosine."""


class SearchOrder(StrEnum):
    """What the results of a search are sorted by."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    VOTES = "votes"


@dataclass(frozen=True, slots=True)
class Search:
    """The results of a search, in its order, and how the text was understood."""

    found: Sequence[SearchResult] = ()
    corrected: tuple[tuple[str, str], ...] = ()
    """Misspelled words, each with the word that was searched for instead."""
    total: int = 0
    """How many papers match, counted up to MOST_COUNTED: those with any of the words, or close to them in meaning.

    If fewer than ten match, `found` continues with the nearest others.
    """
    mistake: QueryError | None = None
    """Why a text that looks like a query was taken for plain words."""
    suggestion: str = ""
    """A query that finds papers where this one finds none."""
    author: str = ""
    """A query for the author whose name the text may be, if no paper has its words as written."""
    by_author: bool = False
    """Whether the results are those of `author`, because the text is this name, in either order."""
    identifier: str = ""
    """The arXiv identifier or DOI that the text is. The result is then this paper, or none if it is not stored."""


def search(
    app: App,
    text: str,
    limit: int,
    offset: int = 0,
    *,
    bounds: SearchBounds = EVERYWHERE,
    order: SearchOrder = SearchOrder.RELEVANCE,
) -> Search:
    """Return the papers for a query or keywords, within bounds.

    Sorted by date or votes, a query lists every match; plain keywords, which match almost anything, list only the
    best. The name of an author that no paper has in its text finds their papers, and an arXiv identifier or a DOI
    finds this paper, in any order and within any bounds. Raises QueryError if there is nothing to search for.
    """
    if identifier := identifier_in(text):
        return _named(app, identifier, offset)
    text, fields = with_known_fields(text)
    result = _search(app, text, limit, offset, bounds, order)
    if fields:
        return replace(result, corrected=(*fields, *result.corrected))
    if result.author and is_name_of(text, result.author):
        by_author = _search(app, result.author, limit, offset, bounds, order)
        if by_author.total:
            return replace(by_author, author=result.author, by_author=True)
    return result


def _named(app: App, identifier: str, offset: int) -> Search:
    """Return the paper with an identifier, or nothing."""
    paper = app.store.papers.by_id(identifier)
    found = [SearchResult(paper, 1.0, (), {})] if paper and not offset else []
    return Search(found, total=1 if paper else 0, identifier=identifier)


def _search(app: App, text: str, limit: int, offset: int, bounds: SearchBounds, order: SearchOrder) -> Search:
    past, meant = app.shared(Collection).recent(), app.shared(Collection).correct(text)
    wanted = interpret_search(past.vocabulary.expand(meant.text))
    tiers = _candidates(app, meant.text, wanted, offset + limit, bounds, order)
    rows, texts = app.store.papers.indexed_texts(list(tiers))
    tier = np.array([tiers[row] for row in rows], dtype=np.int64)
    shares = matching_search.scores(wanted, past.statistics, texts)
    scores, cosines, close = _with_meaning(app, meant.text, rows, shares, tier == 0)
    ranked = _sorted(app, rows, scores, tier, order, plain=isinstance(wanted, Words))
    matching = [place for place in ranked if shares[place] > 0 or place in close]
    others = [place for place in ranked if shares[place] <= 0 and place not in close]
    shown = (matching + others[: max(0, _NEAREST - len(matching))])[offset : offset + limit]
    papers = app.store.papers.by_rows(rows[place] for place in shown)
    reasons = lexical.Index(papers.values(), past.statistics).reasons(wanted)
    found = [
        SearchResult(
            papers[row],
            round(float(scores[place]), 4),
            with_closeness(reasons[row], close=place in close),
            _parts(float(shares[place]), cosines, place),
        )
        for place in shown
        if (row := rows[place]) in papers
    ]
    total = app.store.browsing.count_found(bounds.narrow(any_of(wanted)), MOST_COUNTED, bounds.days)
    total += sum(shares[place] <= 0 for place in close)
    suggestion = "" if found else _suggested(app, meant.text, bounds)
    author = "" if total and not meant.changes else author_named(past.vocabulary, text)
    return Search(found, meant.changes, int(total), mistake_in(text), suggestion, author)


def _suggested(app: App, text: str, bounds: SearchBounds) -> str:
    """Return a query for a phrase where the text has a field and several words, if it finds a paper."""
    phrase = with_phrase(text)
    found = phrase and app.store.browsing.count_found(bounds.narrow(any_of(interpret_search(phrase))), 1, bounds.days)
    return phrase if found else ""


def _candidates(
    app: App, text: str, wanted: Wanted, needed: int, bounds: SearchBounds, order: SearchOrder
) -> dict[int, int]:
    """Return the numbers of the papers that may fit, each with its tier; those of a query in the order asked for.

    By relevance, later tiers have what larger limits find in addition, and follow the earlier ones, so that the
    results before a page do not change with the page.
    """
    if order is SearchOrder.RELEVANCE:
        return _in_tiers(app, text, wanted, needed, bounds)
    if isinstance(wanted, Words):
        return dict.fromkeys(best_candidates(app, text, wanted, max(needed, _SORTED), bounds), 0)
    by_votes = order is SearchOrder.VOTES
    return dict.fromkeys(
        app.store.browsing.sorted_found(bounds.narrow(wanted), needed, by_votes=by_votes, days=bounds.days), 0
    )


def _in_tiers(app: App, text: str, wanted: Wanted, needed: int, bounds: SearchBounds) -> dict[int, int]:
    found: dict[int, int] = {}
    number, enough = 0, 0
    # Those that are only near in meaning may not be shown.
    while enough < needed and len(found) < needed + MOST_NEAR:
        enough = matching_search.FIRST_PAGES << number
        for row in best_candidates(app, text, wanted, enough, bounds):
            found.setdefault(row, number)
        number += 1
    return found


def _sorted(
    app: App, rows: Sequence[int], scores: Numbers, tier: NDArray[np.int64], order: SearchOrder, *, plain: bool
) -> list[int]:
    """Return the places of the papers that fit, in the order asked for; of equals the newest comes first."""
    if order is SearchOrder.RELEVANCE:
        return [int(place) for place in np.lexsort((-scores, tier)) if scores[place] > 0]
    least = _OF_THE_BEST * float(scores.max(initial=0.0)) if plain else 0.0
    fitting = {rows[place]: place for place in np.flatnonzero((scores > 0) & (scores >= least)).tolist()}
    by_votes = order is SearchOrder.VOTES
    return [fitting[row] for row in app.store.browsing.sorted_rows([*fitting], by_votes=by_votes)]


def _with_meaning(
    app: App, text: str, rows: Sequence[int], shares: Numbers, first: NDArray[np.bool_]
) -> tuple[Numbers, dict[int, float], set[int]]:
    """Return the scores of papers, 0 to 1, the cosines of those with a vector, and those close in meaning, by place.

    The text's vector is moved toward the best papers of the `first` tier.
    """
    vector = app.shared(Meaning).known(text)
    if vector is None:
        return shares, {}, set()
    vectors = app.shared(Meaning).held().of(rows)
    cosines = np.full(len(rows), USUAL_COSINE, dtype=np.float32)
    known = np.flatnonzero(vectors.known)
    # Only the text's own vector tells what is close: moved toward the best papers, it is close to them in any case.
    own = vectors.cosines(vector)
    close = {int(place) for place, cosine in zip(known, own, strict=True) if is_close(float(cosine))}
    early = first[known]
    aim = toward_best(vector, vectors.numbers[early], shares[known][early], own[early])
    cosines[known] = vectors.cosines(aim.vector)
    scores = relevance(shares, cosines) / np.float32(MOST_RELEVANT)
    return np.clip(scores, 0, 1), {int(place): float(cosines[place]) for place in known}, close


def _parts(share: float, cosines: Mapping[int, float], place: int) -> dict[str, float]:
    meaning = {"meaning": round(cosines[place], 4)} if place in cosines else {}
    return {"words": round(share, 4)} | meaning


def paper_row(app: App, paper_id: str) -> int:
    """Return the row of a paper by its public identifier, arXiv identifier or DOI; raises UnknownName."""
    found = app.store.papers.by_id(paper_id)
    if found is None:
        raise UnknownName(f"there is no paper {paper_id!r} here; see: paperround search WORDS")
    return found.row


def newest_found(app: App, text: str, limit: int) -> list[Paper]:
    """Return the newest papers that match a query; the best ones for plain words, which match almost anything."""
    wanted = interpret_search(text)
    if not isinstance(wanted, Words):
        return app.store.browsing.found(wanted, limit)
    best = [one.paper for one in search(app, text, limit).found]
    return sorted(best, key=lambda paper: (paper.day, paper.row), reverse=True)


def subscriber_facts(subscriber: Subscriber) -> dict[str, Any]:
    """Return the data of a subscriber, under the names of the command line."""
    suppressed = (
        {"reason": subscriber.suppressed[0], "at": subscriber.suppressed[1]} if subscriber.suppressed else None
    )
    return {
        "email": subscriber.email,
        "state": subscriber.state.value,
        **write(subscriber.preferences),
        "interests": [text for text in subscriber.preferences.queries if is_plain(text)],
        "next_digest_at": subscriber.next_digest_at if _served(subscriber) else None,
        "consent": dict(subscriber.consent),
        "suppressed": suppressed,
    }


def subscribers(
    app: App, *, state: SubscriberState | None = None, email: str = "", topic: str = "", limit: int | None = None
) -> Iterator[Subscriber]:
    """Return subscribers, oldest first, filtered by state, by a part of the address and by topic."""
    found = (
        subscriber
        for subscriber in app.store.subscribers.all(state)
        if email.casefold() in subscriber.email.casefold() and (not topic or topic in subscriber.topics)
    )
    return islice(found, limit)


def _served(subscriber: Subscriber) -> bool:
    return subscriber.state is SubscriberState.ACTIVE and subscriber.suppressed is None


def silent(app: App) -> Iterator[tuple[Subscriber, str]]:
    """Yield each subscriber who received no email today (in their time zone), with the reason."""
    subscribers = app.store.subscribers.all()
    while chunk := list(islice(subscribers, _CHUNK)):
        latest = app.store.deliveries.latest_of([subscriber.row for subscriber in chunk])
        for subscriber in chunk:
            reason = _why_nothing(subscriber, latest.get(subscriber.row), app.clock())
            if reason:
                yield subscriber, reason


def why_nothing(app: App, subscriber: Subscriber) -> str:
    """Return why this subscriber received no email today; empty when they received one."""
    return _why_nothing(subscriber, app.store.deliveries.latest_of([subscriber.row]).get(subscriber.row), app.clock())


def _why_nothing(subscriber: Subscriber, latest: LatestDelivery | None, now: datetime) -> str:
    """Check in order: are they allowed to receive email, was one tried, what do they follow, was there anything to
    send, are they due?
    """
    today = now.astimezone(ZoneInfo(subscriber.schedule.timezone)).date()
    todays = latest is not None and latest.day == today
    if latest and todays and latest.state is DeliveryState.SENT:
        return ""
    if subscriber.suppressed:
        return f"the address is suppressed: {subscriber.suppressed[0]}"
    if subscriber.state is not SubscriberState.ACTIVE:
        return f"the subscriber is {subscriber.state.value}"
    if latest and todays:
        return f"the email is {latest.state.value}{': ' + latest.reason if latest.reason else ''}"
    if not subscriber.preferences.follow_something:
        return "they follow nothing: no topic, interest, author or organization"
    if subscriber.last_issue_day == today:
        return "nothing new on what they follow"
    if subscriber.next_digest_at is None:
        return "their frequency is set to off"
    if subscriber.next_digest_at <= now:
        return "they are due, but the round has not run yet"
    return f"their next email is due {subscriber.next_digest_at:%Y-%m-%d %H:%M} UTC"


def deliveries(
    app: App,
    *,
    state: DeliveryState | None = None,
    row: int | None = None,
    limit: int | None = None,
    offset: int = 0,
    email: str = "",
    topic: str = "",
) -> list[dict[str, Any]]:
    """Return deliveries, latest first, with the public identifiers of their papers, filtered as by `report`."""
    most = None if limit is None else limit + offset
    found = app.store.deliveries.report(state=state, row=row, limit=most, email=email, topic=topic)[offset:]
    names = app.store.papers.ids({paper for one in found for paper in one["paper_rows"]})
    return [
        {name: value for name, value in one.items() if name != "paper_rows"}
        | {"papers": [names[paper] for paper in one["paper_rows"] if paper in names]}
        for one in found
    ]


def delivery(app: App, row: int) -> dict[str, Any] | None:
    """Return one delivery as in `deliveries`, with the papers' ranks taken apart, or None if it does not exist."""
    found = deliveries(app, row=row)
    return {**found[0], "scores": _scores(app, row)} if found else None


def _scores(app: App, row: int) -> list[dict[str, Any]]:
    """Return for each paper of a letter, in its order, its rank, what that was made of, and the reasons."""
    digest = app.store.issues.digest_of_delivery(row)
    if digest is None:
        return []
    names, scores = app.store.papers.ids(set(digest.papers)), digest.scores
    return [
        {
            "paper": names[pick.paper],
            "section": "most discussed" if section.topic == DISCUSSED else section.name or section.topic,
            "rank": pick.rank,
            "parts": asdict(scores.get(pick.paper, Score())),
            "why": [str(one) for one in read_reasons(pick.why)],
        }
        for section in digest.sections
        for pick in section.picks
        if pick.paper in names
    ]


def stats(app: App) -> dict[str, Any]:
    """Return the numbers of papers, subscribers and deliveries, and the state of the relay."""
    now = app.clock()
    relay = app.store.deliveries.relay(now.date())
    paused = relay.paused_until is not None and relay.paused_until > now
    return {
        "papers": app.store.papers.count(),
        "topics": len(app.store.topics.public()),
        "interests": app.store.topics.private_count(),
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
