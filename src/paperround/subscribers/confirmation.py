"""Confirmations: asking the owner of an address, and what follows when they agree.

Nothing is sent to an address but a confirmation before its owner agrees, whoever typed it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.preferences import Patch, Preferences
from paperround.rounds import topics
from paperround.rounds.letters import new_message_id
from paperround.store.requests import NewNotice, Requester, RequestResult, SubscriptionRequest
from paperround.store.subscriber_changes import SubscriberChange
from paperround.store.subscribers import requested

NOTICE_HOLDS = timedelta(days=3)  # as long as the link in a confirmation


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """What waits for the confirmation of an address's owner."""

    preferences: Preferences
    first_now: bool
    """Whether the first letter is to come at once."""
    consent: Mapping[str, str]
    answers: Mapping[int, int]
    """What they said of papers before: +1 or −1 by row."""


def ask_to_subscribe(
    app: App,
    email: str,
    patch: Patch,
    consent: Mapping[str, str],
    *,
    by: Requester = Requester.STRANGER,
    first_now: bool = False,
    answers: Mapping[int, int] | None = None,
) -> None:
    """Somebody typed an address into a form: its owner is asked by a letter, at most once a day.

    `by_owner` says that the request came with a link out of the owner's mail: only then is a suppressed address asked
    before 90 days have passed, and the wish behind a fresh confirmation replaced.
    Nothing else happens before they confirm, and nothing here tells whether the address is known: each way through
    writes about the same rows.
    """
    notice = _new_notice(app, {"topics": _topic_names(app, patch.get("topics", ()))})
    request = SubscriptionRequest(email, patch, consent, notice, by, first_now, answers or {})
    if app.store.personal.request([request], app.clock())[0].queued:
        app.nudge()


def ask_all(app: App, changes: Sequence[SubscriberChange], *, first_now: bool, dry_run: bool) -> list[RequestResult]:
    """Ask the owners of several addresses on the operator's word; what each request came to."""
    if not changes:
        return []
    now = app.clock()
    names = {topic.slug: topic.name for topic in app.store.topics.public()}
    by_operator = {"asked_at": now.isoformat(), "asked_from": "the operator", "words": ""}
    requests = [
        SubscriptionRequest(
            change.email,
            change.patch,
            change.consent or by_operator,
            _new_notice(app, {"topics": [names[slug] for slug in change.patch.get("topics", ()) if slug in names]}),
            Requester.OPERATOR,
            first_now,
        )
        for change in changes
    ]
    results = app.store.personal.request(requests, now, dry_run=dry_run)
    if not dry_run and any(result.queued for result in results):
        app.nudge()
    return results


def ask_for_link(app: App, email: str) -> bool:
    """Email the link to the preferences to an address, or to one that is pending the confirmation once more.

    Returns whether an email was queued: none is for an unknown address, a second time within a day, and a sixth time
    within 30 days.
    """
    queued = app.store.personal.link(email, _new_notice(app, {}), app.clock())
    if queued:
        app.nudge()
    return queued


def ask_to_return(app: App, subscriber: Subscriber, consent: Mapping[str, str]) -> None:
    """Somebody who left wants their letters again: they are asked to confirm, as everybody is."""
    ask_to_subscribe(app, subscriber.email, subscriber.preferences.as_patch(), consent, by=Requester.OWNER)


def pending_request(app: App, subscriber: Subscriber) -> PendingRequest | None:
    """What waits for the confirmation of this address's owner; None when there is nothing."""
    kept = subscriber.request
    if kept is None and subscriber.state is not SubscriberState.PENDING:
        return None
    wanted = requested(subscriber.preferences, kept)
    public = {topic.slug for topic in app.store.topics.public()}
    wanted = replace(wanted, topics=tuple(slug for slug in wanted.topics if slug in public), paused_until=None)
    asked = kept or {}
    answers = {row: verdict for row, verdict in asked.get("answers", ()) if verdict in {1, -1}}
    return PendingRequest(wanted, bool(asked.get("first_now")), asked.get("consent", {}), answers)


def confirm(app: App, subscriber: Subscriber, consent: Mapping[str, str] | None = None) -> bool:
    """Make a subscriber active on their owner's word; the address is no longer suppressed.

    Returns False and changes nothing if no request waits: a link that is used twice resubscribes nobody.
    """
    request = pending_request(app, subscriber)
    if request is None:
        return False
    now, wanted = app.clock(), request.preferences
    agreed = {**subscriber.consent, **request.consent, **(consent or {})}
    # A day has one issue: who had theirs today and comes back gets the next one tomorrow.
    today = now.astimezone(ZoneInfo(wanted.timezone)).date()
    first = now if request.first_now and app.store.issues.digest_on(subscriber.row, today) is None else None
    for row, verdict in request.answers.items():  # before the request is settled, so that a crash loses none
        app.store.feedback.say(subscriber.row, row, verdict, now)
    app.store.subscribers.unsuppress(subscriber.email)
    confirmed = SubscriberChange(subscriber.email, wanted.as_patch(), SubscriberState.ACTIVE, agreed)
    app.store.changes.save([confirmed], now, first_at=first, returns=True)
    match_own_queries(app, [wanted.as_patch()])
    if not request.first_now:
        _welcome(app, subscriber, wanted)
    app.nudge()
    return True


def _welcome(app: App, subscriber: Subscriber, wanted: Preferences) -> None:
    now = app.clock()
    app.store.deliveries.add_notice(
        subscriber.row,
        subscriber.email,
        "welcome",
        {"topics": [*_topic_names(app, wanted.topics), *wanted.queries, *wanted.follows]},
        new_message_id(app.settings),
        now,
        now + NOTICE_HOLDS,
    )


def _topic_names(app: App, slugs: Sequence[str]) -> list[str]:
    names = {topic.slug: topic.name for topic in app.store.topics.public()}
    return [names[slug] for slug in slugs if slug in names]


def _new_notice(app: App, context: Mapping[str, object]) -> NewNotice:
    return NewNotice(new_message_id(app.settings), context, app.clock() + NOTICE_HOLDS)


def match_own_queries(app: App, patches: Sequence[Patch]) -> None:
    """Compare the own queries and followed people in these patches with the papers that are stored."""
    slugs = {
        slug
        for patch in patches
        for slug in (
            *map(preferences.own_slug, patch.get("queries", ())),
            *map(preferences.follow_slug, patch.get("follows", ())),
        )
    }
    for slug in sorted(slugs):
        topics.match_topic(app, slug)
