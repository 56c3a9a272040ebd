"""Every change of a subscriber, whichever page, command or API call requests it.

pending ──confirm──▶ active ──pause──▶ paused ──resume──▶ active
                       └──unsubscribe──▶ unsubscribed ──(a fresh confirmation)──▶ active
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

from paperround.app import App
from paperround.delivery.inbox import Inbox, InboxTransport
from paperround.domain import preferences, tokens
from paperround.domain.errors import InvalidValueError, PreferenceError, UnknownNameError, UsageError
from paperround.domain.errors import translatable as _
from paperround.domain.followed import FollowedName, read_followed
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, Patch, Preferences, SiteOptions
from paperround.domain.text import clean
from paperround.matching.words import canonical
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering import theme as themes
from paperround.rounds import topic_matching
from paperround.store.subscriber_changes import ChangeResult, Effect, SubscriberChange
from paperround.store.subscribers import email_key
from paperround.store.subscription_requests import PendingRequest, RequestResult
from paperround.subscribers import confirmation

BEST = "best"
"""The topic for people who choose no topics: the day's best papers on any subject. A site may not have it."""
FOLLOWED = frozenset(("topics", "queries", "follows"))
"""The preferences that say what a subscriber follows."""
_DECIDING = {"queries", "follows", "breadth"}  # what an interest takes depends on these preferences
_ENCODED_WORD = re.compile(r"=\?[^?@]*\?[bq]\?[^@]*\?=", re.IGNORECASE)
# The usual local parts, which are valid as they are: atoms separated by dots (RFC 5322 3.2.3), not too long.
_PLAIN = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_SHORT = 200  # characters; longer addresses may exceed the 254 octets of RFC 5321 4.5.3.1.3
NO_UTF8 = "the relay lacks SMTPUTF8, so it accepts only ASCII before the @; use another address"
MAX_UNSUBSCRIBE_REASON_LENGTH = 500  # characters


class Addition(NamedTuple):
    """The result of adding an address."""

    email: str
    effect: Effect
    fields: tuple[str, ...] = ()
    """The names of the preferences that changed, and `state` and `suppressed` if these did."""
    asked: bool = False
    """Whether an email that asks them to confirm was queued."""

    @property
    def is_new(self) -> bool:
        """Whether the address was not known before."""
        return self.effect is Effect.NEW

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing had to be stored."""
        return self.effect is Effect.UNCHANGED


# --- adding and changing ----------------------------------------------------------------------------------------


def site_options(app: App) -> SiteOptions:
    """Return the options that subscribers of this site can choose from."""
    return SiteOptions(
        topics=dict.fromkeys(topic.slug for topic in app.store.topics.public()),
        themes=themes.names(templates()),
        languages=languages.available(templates()),
        canonical=canonical,
    )


def read_patch(app: App, given: Mapping[str, object], before: Preferences = DEFAULTS) -> dict[str, object]:
    """Return the validated patch for texts or JSON values. Raises UsageError that names the field and the remedy.

    `before` are the preferences that it changes: what an earlier version accepted stays in them.
    """
    patch = preferences.read_patch(given)
    preferences.check_new_entries(patch, before)
    return site_options(app).check(patch)


def read_additions(app: App, given: Mapping[str, object], before: Preferences) -> dict[str, object]:
    """Return the validated patch that adds the given entries of lists to those that are there, and sets the other
    preferences. A list that is given without entries is emptied.

    Raises UsageError as `read_patch` does.
    """
    patch = read_patch(app, given, before)
    longer = {
        name: list(dict.fromkeys((*getattr(before, name), *entries)))
        for name, entries in patch.items()
        if name in preferences.LISTS and isinstance(entries, tuple) and entries
    }
    return {**patch, **read_patch(app, longer, before)}


def add(app: App, email: str, patch: Patch, *, confirmed: bool, first_now: bool = False) -> Addition:
    """Add a subscriber, or change the preferences in the patch. A new one follows the day's best, if the patch does
    not say what they follow.

    `confirmed` means that the operator vouches for their consent; otherwise they are asked to confirm by email. This
    never reactivates anybody who unsubscribed, and a suppressed address stays suppressed.
    """
    state = SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING
    change = SubscriberChange(address(email), patch, state)
    stored = app.store.subscribers.by_email(change.email)
    if stored is None:
        check_can_be_written_to(app, change.email)
    change = replace(change, patch=with_best(patch, stored, {topic.slug for topic in app.store.topics.public()}))
    _check_topics(app, change.patch, stored)
    return add_all(app, [change], ask={change.email}, first_now=first_now)[0]


def with_best(patch: Patch, stored: Subscriber | None, public: Collection[str]) -> Patch:
    """Return the patch, with the day's best for somebody who has not confirmed yet, if it does not say what they
    follow.

    If they have asked for something themselves, that is kept instead. `public` are the topics of the site; without
    one for the day's best, the patch is returned as it is.
    """
    if FOLLOWED & patch.keys() or (stored and stored.state is not SubscriberState.PENDING):
        return patch
    waiting = PendingRequest.of(stored) if stored else None
    if waiting:
        topics = tuple(slug for slug in waiting.preferences.topics if slug in public)
        request = waiting.preferences._replace(topics=topics, paused_until=None)
        if request.follows_anything:
            return {**request.as_patch(), **patch}
    return {**patch, "topics": (BEST,)} if BEST in public else patch


def add_all(
    app: App,
    changes: Sequence[SubscriberChange],
    known: Mapping[str, Subscriber] | None = None,
    *,
    ask: Collection[str] = (),
    first_now: bool = False,
    dry_run: bool = False,
) -> list[Addition]:
    """Add subscribers or change their preferences; return the result of each change. Each must have a different
    address.

    `known` are the subscribers who have these addresses, by `email_key`; they are loaded if it is None. Those of the
    addresses in `ask` that would be pending afterwards are asked to confirm by email. With `dry_run`, nothing is
    stored.
    """
    now = app.clock()
    if known is None:
        known = app.store.subscribers.by_emails(change.email for change in changes)
    pairs = [(change, known.get(email_key(change.email))) for change in changes]
    for change, stored in pairs:
        if stored and _pause_changes(change.patch, stored):
            check_pause(app, stored, change.patch["paused_until"])
    to_confirm = {
        change.email: change for change, stored in pairs if change.email in ask and _stays_pending(change, stored)
    }
    saved = [
        _in_view_of(before, _paused_from_start(change)) for change, before in pairs if change.email not in to_confirm
    ]
    applied = (
        app.store.subscriber_changes.save(saved, now, first_at=now if first_now else None, dry_run=dry_run)
        if saved
        else []
    )
    added = {result.email: Addition(*result) for result in applied}
    results = confirmation.ask_all(app, list(to_confirm.values()), first_now=first_now, dry_run=dry_run)
    added |= {email: _requested(email, result) for email, result in zip(to_confirm, results, strict=True)}
    if not dry_run:
        _match_followed(app, saved, drop=bool(known))
    return [added[change.email] for change in changes]


def change(app: App, subscriber: Subscriber, patch: Patch) -> ChangeResult | None:
    """Change the preferences in the patch. Returns None if the subscriber was erased in the meantime.

    The subscriber stays active, paused or unsubscribed, unless the patch contains `paused_until`.
    """
    _check_topics(app, patch, subscriber)
    if _pause_changes(patch, subscriber):
        check_pause(app, subscriber, patch["paused_until"])
    changes = [_in_view_of(subscriber, SubscriberChange(subscriber.email, patch))]
    applied = app.store.subscriber_changes.save(changes, app.clock(), only_known=True)
    _match_followed(app, changes, drop=True)
    return applied[0] if applied else None


def _check_topics(app: App, patch: Patch, stored: Subscriber | None) -> None:
    before = stored.preferences if stored else DEFAULTS
    if not before.patched(patch).follows_anything:
        there = ", ".join(topic.slug for topic in app.store.topics.public()) or "none yet, add one first"
        sentence = "no topic to follow; choose one or more of: %(there)s"
        raise PreferenceError("topics", InvalidValueError(sentence, there=there))


def _stays_pending(change: SubscriberChange, stored: Subscriber | None) -> bool:
    pending = SubscriberState.PENDING
    return change.state is pending and not change.suppressed and (stored is None or stored.state is pending)


def _paused_from_start(change: SubscriberChange) -> SubscriberChange:
    paused = change.state is SubscriberState.ACTIVE and change.patch.get("paused_until")
    return replace(change, state=SubscriberState.PAUSED) if paused else change


def _requested(email: str, result: RequestResult) -> Addition:
    effect = Effect.NEW if result.known is None else Effect.CHANGED if result.fields else Effect.UNCHANGED
    return Addition(email, effect, result.fields, asked=result.queued)


def _match_followed(app: App, changes: Sequence[SubscriberChange], *, drop: bool) -> None:
    """Match changed interests with the stored papers. With `drop`, delete those that nobody follows anymore."""
    emails = [change.email for change in changes if _DECIDING & change.patch.keys()]
    if emails:
        topic_matching.match_followed(app, emails)
    if drop and any({"queries", "follows"} & change.patch.keys() for change in changes):
        app.store.topics.delete_unfollowed_private()


# --- everything else ----------------------------------------------------------------------------------------------


def store_unsubscribe_reason(app: App, subscriber: Subscriber, because: str) -> None:
    """Store the reason why somebody unsubscribed."""
    app.store.subscribers.keep_unsubscribe_reason(subscriber.row, clean(because)[:MAX_UNSUBSCRIBE_REASON_LENGTH])


def rate_paper(app: App, subscriber: Subscriber, paper: int, verdict: int) -> bool:
    """Store that the subscriber wants more (+1) or less (−1) like a paper. Returns False if either no longer exists.

    Feedback changes the order of papers in later digests, and which papers their interests in plain words match.
    """
    return app.store.feedback.rate(subscriber.row, paper, verdict, app.clock())


def remove_rating(app: App, subscriber: Subscriber, paper: int) -> None:
    """Remove the subscriber's feedback on a paper."""
    app.store.feedback.forget(subscriber.row, paper)


def follow(app: App, subscriber: Subscriber, whom: FollowedName) -> None:
    """Follow an author or an organization, so that their new papers are sent. Raises PreferenceError if there are
    too many.
    """
    entries = [*subscriber.preferences.follows, str(whom)]
    change(app, subscriber, read_patch(app, {"follows": entries}))


def unfollow(app: App, subscriber: Subscriber, name: str) -> None:
    """Stop following everybody with this name.

    Raises PreferenceError if the subscriber would follow nothing anymore.
    """
    left = tuple(entry for entry in subscriber.preferences.follows if read_followed(entry).name != name)
    if not subscriber.preferences.patched({"follows": left}).follows_anything:
        sentence = _("You would follow nothing anymore. Choose a topic first, or unsubscribe.")
        raise PreferenceError("follows", InvalidValueError(sentence))
    change(app, subscriber, {"follows": left})


def save_paper(app: App, subscriber: Subscriber, paper: int) -> bool:
    """Add a paper to the subscriber's reading list. Returns False if either no longer exists."""
    return app.store.reading_lists.save(subscriber.row, paper, app.clock())


def remove_saved(app: App, subscriber: Subscriber, paper: int) -> None:
    """Remove a paper from the subscriber's reading list."""
    app.store.reading_lists.remove(subscriber.row, paper)


def unsubscribe(app: App, subscriber: Subscriber) -> bool:
    """Unsubscribe, and cancel queued emails. Returns False if they had already unsubscribed."""
    return app.store.subscribers.set_state(subscriber.row, SubscriberState.UNSUBSCRIBED, app.clock())


def pause(app: App, subscriber: Subscriber, until: date | None = None) -> bool:
    """Pause until a day, or until they resume. The first digest after the pause includes the papers published
    meanwhile.
    """
    check_pause(app, subscriber, until)
    return app.store.subscribers.set_state(subscriber.row, SubscriberState.PAUSED, app.clock(), paused_until=until)


def resume(app: App, subscriber: Subscriber) -> bool:
    """Resume a paused subscription with the next scheduled email."""
    check_reading(subscriber, doing="resume")
    return app.store.subscribers.set_state(subscriber.row, SubscriberState.ACTIVE, app.clock())


def renew_links(app: App, subscriber: Subscriber) -> bool:
    """Invalidate all personal links in a subscriber's earlier emails, for example because one was forwarded.

    A change of address that was requested with one of them can no longer be confirmed. Unsubscribe links keep
    working, because they can do no harm. Returns whether an email with the new link was queued, which happens at most
    once a day. Raises UsageError if the links were renewed too often.
    """
    if not app.store.subscribers.renew_links(subscriber.row, app.clock()):
        raise UsageError(
            f"the links were renewed {tokens.MAX_LINK_GENERATION} times; erase the subscriber, and add them again"
        )
    return confirmation.ask_for_link(app, subscriber.email)


def erase(app: App, *leaving: Subscriber) -> None:
    """Erase all data of subscribers, in one transaction. Suppressed addresses stay suppressed."""
    addresses = app.store.subscribers.erase([leaver.row for leaver in leaving], app.clock())
    app.store.topics.delete_unfollowed_private()
    app.store.forget_deleted()
    if isinstance(app.settings.transport, InboxTransport):
        Inbox(app.settings.transport.directory).forget(addresses)


def subscriber(app: App, email: str) -> Subscriber:
    """Return the subscriber with this address. Raises UnknownNameError if there is none."""
    stored = app.store.subscribers.by_email(email)
    if stored is None:
        raise UnknownNameError(f"{email}: no subscriber has this address; see: paperround subscribers list")
    return stored


def address(email: str) -> str:
    """Return the address, validated and normalized, without any network request. Raises UsageError if it is invalid.

    NFKC replaces full-width characters from input methods by plain ones. An encoded word (RFC 2047) is how mail
    programs write a display name, and is not part of an address.
    """
    email = unicodedata.normalize("NFKC", email)
    if _ENCODED_WORD.search(email):
        raise UsageError(
            f"{clean(email)[:100]}: not an email address (it contains an encoded word; write it plainly)"
        )
    try:
        return _validated(clean(email))
    except EmailNotValidError as error:
        raise UsageError(f"{clean(email)[:100]}: not an email address ({error})") from None


def _validated(email: str) -> str:
    local, _, domain = email.rpartition("@")
    if _PLAIN.fullmatch(local) and domain.isascii() and len(email) <= _SHORT:
        with suppress(EmailNotValidError):  # which would not name the whole address
            return local + _validated_domain(domain)
    # strict: servers need not accept a local part of more than 64 octets (RFC 5321 4.5.3.1.1).
    return validate_email(email, check_deliverability=False, strict=True).normalized


@lru_cache(maxsize=1 << 12)  # thousands of addresses in a list have the same few domains
def _validated_domain(domain: str) -> str:
    return validate_email(f"a@{domain}", check_deliverability=False, strict=True).normalized[1:]


def can_be_written_to(app: App, email: str) -> bool:
    """Return whether the relay accepts the address. Characters outside ASCII before the @ need SMTPUTF8 (RFC 6531).

    The relay is asked, which takes some seconds at most. If it does not respond, the result is True.
    """
    if email.rpartition("@")[0].isascii():
        return True
    from paperround.delivery.smtp import SmtpTransport  # noqa: PLC0415 - rarely needed; commands start faster without it
    from paperround.delivery.smtp_connection import takes_utf8  # noqa: PLC0415

    transport = app.settings.transport
    return not isinstance(transport, SmtpTransport) or takes_utf8(transport) is not False


def check_can_be_written_to(app: App, email: str) -> None:
    """Raise UsageError if the relay does not accept the address."""
    if not can_be_written_to(app, email):
        raise UsageError(f"{email}: {NO_UTF8}")


def _pause_changes(patch: Patch, subscriber: Subscriber) -> bool:
    return "paused_until" in patch and patch["paused_until"] != subscriber.preferences.paused_until


def _in_view_of(subscriber: Subscriber | None, change: SubscriberChange) -> SubscriberChange:
    """Return the change without a pause that the subscriber was seen to have: another one begun since must stand."""
    if subscriber is None or _pause_changes(change.patch, subscriber):
        return change
    return replace(change, patch={name: value for name, value in change.patch.items() if name != "paused_until"})


def check_pause(app: App, subscriber: Subscriber, until: date | None) -> None:
    """Raise UsageError if the subscriber cannot pause, or if the day is not in the future."""
    check_reading(subscriber, doing="pause")
    if until and until <= _today(app.clock(), subscriber):
        sentence = "%(until)s is in the past; choose a day in the future"
        raise PreferenceError("paused_until", InvalidValueError(sentence, until=until))


def _today(now: datetime, subscriber: Subscriber) -> date:
    return now.astimezone(ZoneInfo(subscriber.preferences.timezone)).date()


def check_reading(stored: Subscriber, *, doing: str) -> None:
    """Raise UsageError if the subscriber is neither active nor paused; `doing` names what they cannot do then."""
    if not stored.state.is_subscribed:
        raise UsageError(f"{stored.email} is {stored.state.value}; only an active or paused subscriber can {doing}")
