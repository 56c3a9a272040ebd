"""Confirmations: asking the owner of an address, and what happens when they agree.

Until its owner agrees, an address receives nothing but confirmation requests, no matter who entered it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from paperround.app import App
from paperround.domain.models import NOTICE_HOLDS, Feedback, Subscriber
from paperround.domain.preferences import Patch, Preferences
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering.followed_names import followed_name
from paperround.rounds import topic_matching
from paperround.rounds.letters import new_message_id
from paperround.store.feedback import MAX_RATINGS, InterestFollower
from paperround.store.subscriber_changes import Confirmation, SubscriberChange, interests_in
from paperround.store.subscription_requests import (
    NewNotice,
    PendingRequest,
    Requester,
    RequestResult,
    SubscriptionRequest,
)


def ask_to_subscribe(
    app: App,
    email: str,
    patch: Patch,
    consent: Mapping[str, str],
    *,
    by: Requester = Requester.STRANGER,
    first_now: bool = False,
    ratings: Mapping[int, int] | None = None,
) -> bool:
    """Ask the owner of an address by email to confirm a subscription, at most once a day.

    Returns whether an email was queued.

    `by` is who made the request. Only for a request by the owner, through a link in their own mail, is a suppressed
    address asked before 90 days have passed, and a fresh request replaced.

    Nothing else happens before they confirm. Strangers must not learn the result, since it depends on what is known
    about the address; every case writes about the same number of rows.
    """
    notice = new_notice(app, _chosen(_public_names(app), patch))
    request = SubscriptionRequest(email, patch, consent, notice, by, first_now, ratings or {})
    queued = app.store.subscription_requests.add([request], app.clock())[0].queued
    if queued:
        app.request_round()
    return queued


def ask_all(app: App, changes: Sequence[SubscriberChange], *, first_now: bool, dry_run: bool) -> list[RequestResult]:
    """Ask the owners of several addresses to confirm, at the operator's request; return the result of each."""
    if not changes:
        return []
    now = app.clock()
    names = _public_names(app)
    by_operator = {"asked_at": now.isoformat(), "asked_from": "the operator", "words": ""}
    requests = [
        SubscriptionRequest(
            change.email,
            change.patch,
            change.consent or by_operator,
            new_notice(app, _chosen(names, change.patch)),
            Requester.OPERATOR,
            first_now,
        )
        for change in changes
    ]
    results = app.store.subscription_requests.add(requests, now, dry_run=dry_run)
    if not dry_run and any(result.queued for result in results):
        app.request_round()
    return results


def ask_for_link(app: App, email: str) -> bool:
    """Email the preferences link to a subscriber, or the confirmation request again to one who is pending.

    Returns whether an email was queued. None is queued for an unknown address, a second time within a day, or a
    sixth time within 30 days.
    """
    queued = app.store.subscription_requests.queue_link(email, new_notice(app, {}), app.clock())
    if queued:
        app.request_round()
    return queued


def ask_to_return(app: App, subscriber: Subscriber, consent: Mapping[str, str]) -> bool:
    """Ask somebody who unsubscribed and wants to return to confirm, as for every new subscription.

    Somebody who never confirmed is asked for what they requested first. Returns whether an email was queued; none is
    if an earlier one waits for them or they had five within 30 days.
    """
    patch, by = subscriber.preferences.as_patch(), Requester.OWNER
    first = pending_request(app, subscriber)
    if first is None or subscriber.preferences.follows_anything:
        return ask_to_subscribe(app, subscriber.email, patch, consent, by=by)
    patch, now, ratings = first.preferences.as_patch(), first.first_now, first.ratings
    return ask_to_subscribe(app, subscriber.email, patch, consent, by=by, first_now=now, ratings=ratings)


def pending_request(app: App, subscriber: Subscriber) -> PendingRequest | None:
    """Return the request that waits for confirmation by the owner of this address, without topics that are gone.

    None if there is none.
    """
    pending = PendingRequest.of(subscriber)
    if pending is None:
        return None
    public = {topic.slug for topic in app.store.topics.public()}
    left = tuple(slug for slug in pending.preferences.topics if slug in public)
    return replace(pending, preferences=pending.preferences._replace(topics=left, paused_until=None))


def confirm(app: App, subscriber: Subscriber, consent: Mapping[str, str] | None = None) -> bool:
    """Activate a subscriber after their confirmation, and lift a suppression of their address.

    Returns False and changes nothing if there is no pending request, so that using a link twice does not
    resubscribe.
    """
    waiting: Subscriber | None = subscriber
    while waiting is not None and (request := pending_request(app, waiting)):
        prepared = _prepared(app, waiting, request, consent or {})
        if app.store.subscriber_changes.confirm(prepared, app.clock()):
            app.request_round()
            return True
        # Somebody else was faster, or asked for something else.
        waiting = app.store.subscribers.by_row(subscriber.row)
        app.store.topics.delete_unfollowed_private()
    return False


def _prepared(app: App, subscriber: Subscriber, request: PendingRequest, consent: Mapping[str, str]) -> Confirmation:
    """Match what the subscriber asks for, which may take a while, and return what is then stored at once."""
    from paperround.rounds.digest_selection import make_candidate_check  # noqa: PLC0415 - loads NumPy, which few commands need

    interests = interests_in(request.preferences.as_patch(), subscriber.row)
    app.store.topics.save(interests)
    feedback, queries = _feedback(app, subscriber, request), tuple(interest.query for interest in interests)
    preferences = request.preferences
    follower = InterestFollower(preferences.breadth, feedback, queries if feedback else (), preferences.cadence)
    topic_matching.match_requested(app, interests, follower)
    return Confirmation(
        subscriber,
        replace(request, consent={**request.consent, **consent}),
        new_notice(app, {"topics": _followed_names(app, request.preferences)}),
        make_candidate_check(app),
    )


def _feedback(app: App, subscriber: Subscriber, request: PendingRequest) -> tuple[Feedback, ...]:
    """Return the feedback that the subscriber will have given when the request is confirmed, the latest first."""
    now, earlier = app.clock(), app.store.feedback.ratings(subscriber.row)
    new = [Feedback(row, verdict, now) for row, verdict in sorted(request.ratings.items(), reverse=True)]
    return (*new, *(rating for rating in earlier if rating.paper not in request.ratings))[:MAX_RATINGS]


def _followed_names(app: App, preferences: Preferences) -> list[str]:
    language = languages.load(preferences.language, templates())
    people = [followed_name(entry, language) for entry in preferences.follows]
    topics = map(language.own_words, _names_of(preferences.topics, _public_names(app)))
    return [*topics, *preferences.queries, *people]


def _public_names(app: App) -> dict[str, str]:
    return {topic.slug: topic.name for topic in app.store.topics.public()}


def _names_of(slugs: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [names[slug] for slug in slugs if slug in names]


def _chosen(names: Mapping[str, str], patch: Patch) -> dict[str, object]:
    """Return what the email that asks for confirmation says of the request: of typed words only their number."""
    counts = {name: len(patch.get(name, ())) for name in ("queries", "follows")}
    return {"topics": _names_of(patch.get("topics", ()), names), **counts}


def new_notice(app: App, context: Mapping[str, object]) -> NewNotice:
    """Return a notice that is given up when the link in it has expired."""
    return NewNotice(new_message_id(app.settings), context, app.clock() + NOTICE_HOLDS)
