"""Who reads what: every change of a subscriber's state goes through here, from wherever it was asked for.

pending ──confirm──▶ active ──pause──▶ paused ──resume──▶ active
                       └──unsubscribe──▶ unsubscribed ──(a fresh confirmation)──▶ active
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from email_validator import EmailNotValidError, validate_email

from paperround.app import App
from paperround.domain.errors import QueryError, UnknownName, WrongUse
from paperround.domain.models import Subscriber, SubscriberState, Topic
from paperround.domain.schedule import Cadence, Schedule
from paperround.domain.text import clean
from paperround.matching.words import canonical
from paperround.rendering import language as languages
from paperround.rendering import theme as themes
from paperround.resources import templates
from paperround.rounds import topics
from paperround.rounds.letters import new_message_id
from paperround.store.requests import NewNotice

MOST_PAPERS = 100
_READING = (SubscriberState.ACTIVE, SubscriberState.PAUSED)
MOST_QUERIES, MOST_QUERY = 5, 300  # queries of a subscriber's own, characters of each
MOST_FAREWELL = 500  # characters
NOTICE_HOLDS = timedelta(days=3)  # as long as the link in a confirmation
_OWN_NAME = 80  # characters of a query that name it in letters


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for, checked."""

    email: str
    topics: tuple[str, ...]
    schedule: Schedule
    name: str = ""
    max_papers: int = 10
    theme: str = "paper"
    language: str = "en"
    queries: tuple[str, ...] = ()
    """Queries of one's own, in their canonical form."""
    first_now: bool = False
    """Whether the first letter shall come at once."""


def wish(
    app: App,
    email: str,
    topics: Sequence[str],
    *,
    name: str = "",
    cadence: str = "daily",
    at: str = "07:00",
    timezone: str = "UTC",
    weekday: int | str = 0,
    monthday: int | str = 1,
    max_papers: int | str = 10,
    theme: str = "paper",
    language: str = "en",
    queries: Sequence[str] = (),
) -> Wish:
    """Check what somebody asked for; WrongUse names the field and the remedy."""
    own = own_queries(queries)
    days = _number(weekday, 0, 6, "a day of the week"), _number(monthday, 1, 31, "a day of the month")
    return Wish(
        email=address(email),
        topics=known_topics(app, topics, some=not own),
        schedule=Schedule(_cadence(cadence), _hour(at), _zone(timezone), *days),
        name=clean(name)[:200],
        max_papers=_number(max_papers, 1, MOST_PAPERS, "a number of papers"),
        theme=_one_of(theme, themes.names(templates()), "theme"),
        language=_one_of(language, languages.available(templates()), "language"),
        queries=own,
    )


def subscribe(
    app: App,
    wishes: Iterable[Wish],
    *,
    confirmed: bool,
    consent: Mapping[str, str] | None = None,
    first_at: datetime | None = None,
) -> None:
    """Add subscribers or change what they follow, all or none.

    `confirmed` says that their consent is known (an operator's word); else they are pending until they confirm.
    Nobody who unsubscribed becomes active by this, and a suppressed address stays so.
    """
    subscribers = [_subscriber(app, wanted, confirmed=confirmed) for wanted in wishes]
    app.store.subscribers.save(subscribers, app.clock(), consent, first_at=first_at)


def _subscriber(app: App, wanted: Wish, *, confirmed: bool) -> Subscriber:
    known = app.store.subscribers.by_email(wanted.email)
    state = SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING
    if known and known.state is not SubscriberState.PENDING:
        state = known.state
    return Subscriber(
        row=known.row if known else 0,
        email=wanted.email,
        state=state,
        schedule=wanted.schedule,
        name=wanted.name,
        max_papers=wanted.max_papers,
        theme=wanted.theme,
        language=wanted.language,
        topics=wanted.topics,
    )


def ask_to_subscribe(app: App, wanted: Wish, consent: Mapping[str, str], *, by_owner: bool = False) -> None:
    """Somebody typed an address into a form: its owner is asked by a letter, at most once a day.

    `by_owner` says that the request came with a link out of the owner's mail: only then is a suppressed address asked
    before 90 days have passed, and the wish behind a fresh confirmation replaced.
    Nothing else happens before they confirm, and nothing here tells whether the address is known: each way through
    writes about the same rows.
    """
    names = {topic.slug: topic.name for topic in app.store.topics.public()}
    context = {"topics": [names[slug] for slug in wanted.topics if slug in names]}
    stranger = Subscriber(
        0,
        wanted.email,
        SubscriberState.PENDING,
        wanted.schedule,
        max_papers=wanted.max_papers,
        theme=wanted.theme,
        language=wanted.language,
    )
    kept = {**_as_kept(wanted), "consent": dict(consent)}
    if app.store.personal.wish(stranger, kept, _notice(app, context), app.clock(), by_owner=by_owner):
        app.nudge()


def ask_for_link(app: App, email: str) -> None:
    """Somebody lost the link to their preferences: it is mailed to the address, if that is known."""
    if app.store.personal.link(address(email), _notice(app, {}), app.clock()):
        app.nudge()


def ask_to_return(app: App, subscriber: Subscriber, consent: Mapping[str, str]) -> None:
    """Somebody who left wants their letters again: they are asked to confirm, as everybody is."""
    ask_to_subscribe(app, wish_of(app, subscriber), consent, by_owner=True)


def wish_of(app: App, subscriber: Subscriber) -> Wish:
    """What a subscriber has now, as a wish."""
    private = {topic.slug: topic.query for topic in app.store.topics.named(subscriber.topics) if topic.private}
    return Wish(
        email=subscriber.email,
        topics=tuple(slug for slug in subscriber.topics if slug not in private),
        schedule=subscriber.schedule,
        name=subscriber.name,
        max_papers=subscriber.max_papers,
        theme=subscriber.theme,
        language=subscriber.language,
        queries=tuple(private[slug] for slug in subscriber.topics if slug in private),
    )


def waiting_wish(app: App, subscriber: Subscriber) -> Wish | None:
    """What was asked for with this subscriber's address and waits for their word; None when there is nothing."""
    kept = app.store.personal.waiting(subscriber.row)
    if kept is None:
        return wish_of(app, subscriber) if subscriber.state is SubscriberState.PENDING else None
    known = {topic.slug for topic in app.store.topics.public()}
    fields = {name: value for name, value in kept.items() if name not in {"consent", "first_now"}}
    fields["topics"] = [slug for slug in kept["topics"] if slug in known]
    return replace(wish(app, subscriber.email, name=subscriber.name, **fields), first_now=bool(kept["first_now"]))


def confirm(app: App, subscriber: Subscriber, consent: Mapping[str, str] | None = None) -> bool:
    """The owner of the address said yes: active from now on, and no longer suppressed.

    False, and nothing changed, when nothing waits for their word: a link that is used twice brings nobody back.
    """
    wanted = waiting_wish(app, subscriber)
    if wanted is None:
        return False
    kept = app.store.personal.waiting(subscriber.row) or {}
    agreed = {**app.store.personal.consent(subscriber.row), **kept.get("consent", {}), **(consent or {})}
    app.store.subscribers.unsuppress(subscriber.email)
    _save(app, replace(subscriber, state=SubscriberState.ACTIVE, paused_until=None), wanted, agreed, returns=True)
    if not wanted.first_now:
        _welcome(app, subscriber, wanted)
    app.nudge()
    return True


def change(app: App, subscriber: Subscriber, wanted: Wish) -> None:
    """The subscriber wants it otherwise from now on; whether they read, pause or have left stays as it is."""
    _save(app, subscriber, replace(wanted, first_now=False), None)
    app.store.topics.drop_unread()


def _save(
    app: App, subscriber: Subscriber, wanted: Wish, consent: Mapping[str, str] | None, *, returns: bool = False
) -> None:
    now = app.clock()
    own = [own_topic(query) for query in wanted.queries]
    saved = replace(
        subscriber,
        schedule=wanted.schedule,
        name=wanted.name,
        max_papers=wanted.max_papers,
        theme=wanted.theme,
        language=wanted.language,
        topics=(*wanted.topics, *(topic.slug for topic in own)),
    )
    # A day has one issue: who had theirs today and comes back gets the next one tomorrow.
    today = now.astimezone(ZoneInfo(wanted.schedule.timezone)).date()
    first = now if wanted.first_now and app.store.issues.digest_on(subscriber.row, today) is None else None
    app.store.subscribers.save([saved], now, consent, first_at=first, new_topics=own, returns=returns)
    for topic in own:
        topics.match_topic(app, topic.slug)


def _welcome(app: App, subscriber: Subscriber, wanted: Wish) -> None:
    now = app.clock()
    names = {topic.slug: topic.name for topic in app.store.topics.public()}
    topics = [names[slug] for slug in wanted.topics if slug in names]
    app.store.deliveries.add_notice(
        subscriber.row,
        subscriber.email,
        "welcome",
        {"topics": [*topics, *wanted.queries]},
        new_message_id(app.settings),
        now,
        now + NOTICE_HOLDS,
    )


def _notice(app: App, context: Mapping[str, object]) -> NewNotice:
    return NewNotice(new_message_id(app.settings), context, app.clock() + NOTICE_HOLDS)


def _as_kept(wanted: Wish) -> dict[str, object]:
    schedule = wanted.schedule
    return {
        "topics": list(wanted.topics),
        "queries": list(wanted.queries),
        "cadence": schedule.cadence.value,
        "at": f"{schedule.at:%H:%M}",
        "timezone": schedule.timezone,
        "weekday": schedule.weekday,
        "monthday": schedule.monthday,
        "max_papers": wanted.max_papers,
        "theme": wanted.theme,
        "language": wanted.language,
        "first_now": wanted.first_now,
    }


def say_farewell(app: App, subscriber: Subscriber, because: str) -> None:
    """Keep why somebody who left has left."""
    app.store.personal.farewell(subscriber.row, clean(because)[:MOST_FAREWELL])


def say(app: App, subscriber: Subscriber, paper: int, verdict: int) -> bool:
    """The subscriber wants more (+1) or less (−1) like a paper; False, and nothing kept, when either is gone.

    It moves papers in their next digests and drops none.
    """
    return app.store.feedback.say(subscriber.row, paper, verdict, app.clock())


def take_back(app: App, subscriber: Subscriber, paper: int) -> None:
    """What the subscriber said of a paper counts no more."""
    app.store.feedback.forget(subscriber.row, paper)


def unsubscribe(app: App, subscriber: Subscriber) -> bool:
    """Nothing more goes to this subscriber, also of what is queued; False when it was so already."""
    return app.store.subscribers.set_state(subscriber.row, SubscriberState.UNSUBSCRIBED, app.clock())


def pause(app: App, subscriber: Subscriber, until: date | None = None) -> bool:
    """Send nothing until a day, or until further notice; what is published meanwhile comes when they resume."""
    _must_be(subscriber, *_READING, doing="pause")
    return app.store.subscribers.set_state(
        subscriber.row, SubscriberState.PAUSED, app.clock(), paused_until=until, only_from=_READING
    )


def resume(app: App, subscriber: Subscriber) -> bool:
    """Send again from the next hour on."""
    _must_be(subscriber, *_READING, doing="resume")
    return app.store.subscribers.set_state(subscriber.row, SubscriberState.ACTIVE, app.clock(), only_from=_READING)


def erase(app: App, subscriber: Subscriber) -> None:
    """Forget everything about a subscriber; that a suppressed address gets nothing stays known."""
    app.store.subscribers.erase(subscriber.row, app.clock())
    app.store.topics.drop_unread()


def subscriber(app: App, email: str) -> Subscriber:
    """The subscriber with this address; UnknownName when there is none."""
    found = app.store.subscribers.by_email(email)
    if found is None:
        raise UnknownName(f"{email}: nobody subscribes with this address; see: paperround subscribers list")
    return found


def address(email: str) -> str:
    """The address, checked and in its normal form; nothing is asked of the network."""
    try:
        # strict: a local part over 64 octets is one that no server must accept (RFC 5321 4.5.3.1.1).
        return validate_email(clean(email), check_deliverability=False, strict=True).normalized
    except EmailNotValidError as error:
        raise WrongUse(f"{clean(email)[:100]}: not an email address ({error})") from None


def own_queries(queries: Sequence[str]) -> tuple[str, ...]:
    """Queries of a subscriber's own, each once and in one spelling; QueryError says where one is wrong."""
    for text in queries:
        if len(text) > MOST_QUERY:
            raise QueryError(
                text[:MOST_QUERY], MOST_QUERY, f"a query of your own has at most {MOST_QUERY} characters"
            )
    found = tuple(dict.fromkeys(canonical(text) for text in queries if text.strip()))
    if len(found) > MOST_QUERIES:
        raise WrongUse(f"{len(found)} queries of your own; {MOST_QUERIES} is the most, join some with OR")
    return found


def own_topic(text: str) -> Topic:
    """The private topic that a subscriber's own query is; the same query is the same topic."""
    slug = f"own-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return Topic(slug, text if len(text) <= _OWN_NAME else f"{text[: _OWN_NAME - 1]}…", text, private=True)


def known_topics(app: App, slugs: Sequence[str], *, some: bool = True) -> tuple[str, ...]:
    """The topics' slugs, each once; WrongUse names the first that does not exist, and those that do.

    Subscribers' own queries are no topics in this sense. `some` says that there must be one.
    """
    known = [topic.slug for topic in app.store.topics.public()]
    wanted = tuple(dict.fromkeys(slug.strip().lower() for slug in slugs if slug.strip()))
    for slug in wanted:
        if slug not in known:
            raise UnknownName(f"there is no topic {slug!r}; there are: {', '.join(known) or 'none yet'}")
    if some and not wanted:
        raise WrongUse(f"no topic to follow; choose of: {', '.join(known) or 'none yet, add one first'}")
    return wanted


def _one_of(value: str, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise WrongUse(f"there is no {what} {value!r}; there are: {', '.join(known)}")
    return value


def _cadence(value: str) -> Cadence:
    try:
        return Cadence(value.strip().lower())
    except ValueError:
        raise WrongUse(f"there is no cadence {value!r}; there are: {', '.join(Cadence)}") from None


def _hour(value: str) -> time:
    try:
        hours, minutes = value.strip().split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise WrongUse(f"{value!r} is not a time of day; write it as 07:30") from None


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    name = value.strip()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    if name not in _zones():
        raise WrongUse(f"there is no time zone {value!r}; write it as Europe/Berlin") from None
    return name


def _number(value: int | str, least: int, most: int, what: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise WrongUse(f"{value!r} is not {what} from {least} to {most}")
    return number


def _must_be(found: Subscriber, *states: SubscriberState, doing: str) -> None:
    if found.state not in states:
        raise WrongUse(f"{found.email} is {found.state.value}; only an active or paused subscriber can {doing}")
