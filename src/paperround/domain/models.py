"""The words of paperround as types; docs/glossary.md explains them to people.

All are frozen: they cross the borders between stages. What comes from outside is a pydantic model and is
cleaned as it is made; what only travels inside is a plain dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from paperround.domain import identifiers
from paperround.domain.followed import read_followed
from paperround.domain.preferences import DEFAULTS, Density, Preferences, follow_slug, own_slug
from paperround.domain.schedule import Cadence, Schedule
from paperround.domain.text import clean

MAX_TITLE, MAX_ABSTRACT, MAX_AUTHORS = (
    500,
    20_000,
    3_000,
)  # characters, characters, names: beyond them it is not a paper

_OWN_NAME = 80  # characters of a query that name it in letters


def _cut(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean(value)[:limit] if isinstance(value, str) else value)


def _clean_all(values: object) -> object:
    if isinstance(values, Sequence) and not isinstance(values, str):
        cleaned = (clean(value)[:300] for value in values if isinstance(value, str))
        return tuple(dict.fromkeys(value for value in cleaned if value))
    return values


def _web_only(value: object) -> object:
    """A link that is not http or https is no link: javascript: and data: end here."""
    if isinstance(value, str):
        value = clean(value)
        return (
            value if value.startswith(("https://", "http://")) and " " not in value and len(value) <= 2000 else None
        )
    return value


Line = Annotated[str, _cut(300)]
Link = Annotated[str | None, BeforeValidator(_web_only)]
Names = Annotated[tuple[str, ...], BeforeValidator(_clean_all)]
Count = Annotated[int | None, Field(ge=0, le=10**9)]


class Facts(BaseModel):
    """What can be said about a paper; absent means that nobody has said it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Annotated[str, _cut(MAX_TITLE), Field(min_length=1)]
    abstract: Annotated[str, _cut(MAX_ABSTRACT)] = ""
    authors: Annotated[Names, Field(max_length=MAX_AUTHORS)] = ()
    author_count: Count = None
    """How many authors there are, where only their number is known."""
    organization: Line | None = None
    arxiv_id: Line | None = None
    version: Annotated[int | None, Field(ge=1, le=999)] = None
    doi: Line | None = None
    guid: Line | None = None
    """How a feed identifies the entry: a digest of the feed, a hyphen, a digest of the identifier there."""
    url: Link = None
    pdf_url: Link = None
    code_url: Link = None
    project_url: Link = None
    discussion_url: Link = None
    thumbnail_url: Link = None
    published: date | None = None
    """The day of the first version."""
    categories: Names = ()
    """arXiv categories or a journal's sections, the primary one first."""
    keywords: Names = ()
    summary: Annotated[str, _cut(2_000)] = ""
    """A short summary made by somebody else (Hugging Face's ai_summary)."""
    journal: Line | None = None
    license: Line | None = None
    upvotes: Count = None
    comments: Count = None
    stars: Count = None
    """GitHub stars of the code."""
    withdrawn: bool = False

    @field_validator("arxiv_id", mode="before")
    @classmethod
    def _bare_arxiv_id(cls, value: object) -> object:
        found = identifiers.arxiv_id(value) if isinstance(value, str) else None
        return found[0] if found else None

    @field_validator("doi", mode="before")
    @classmethod
    def _bare_doi(cls, value: object) -> object:
        return identifiers.doi(value) if isinstance(value, str) else None


class Listing(Facts):
    """What one source says of one paper on one day; several listings make a Paper."""

    source: Annotated[str, _cut(60), Field(min_length=1)]
    """The name of the source."""
    kind: Line = ""
    """The adapter that read it; the same as `source` where nothing else is said."""
    day: date
    """The day on which the source announced it."""


class Picture(BaseModel):
    """A paper's thumbnail as paperround keeps and serves it."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Made of its content: under one name there is never another picture."""
    width: int
    height: int
    """Both in pixels."""


class Paper(Facts):
    """One work, unique across sources."""

    id: str
    row: int
    """The number under which the store keeps it."""
    day: date
    """The first day on which a source announced it."""
    sources: tuple[str, ...]
    first_seen: datetime
    """When it was stored; later listings of it change nothing here."""
    picture: Picture | None = None
    """Its thumbnail, once we have one of our own."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that was left out, where it stands and what is wrong with it."""

    where: str
    what: str
    entries: int = 1
    """How many entries it stands for."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a source's answer held: listings, what was rejected, and the day that the answer itself is of."""

    listings: tuple[Listing, ...] = ()
    problems: tuple[Problem, ...] = ()
    day: date | None = None


class SubscriberState(StrEnum):
    """A subscriber's state: `pending → active → paused / unsubscribed`."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"


class DeliveryState(StrEnum):
    """A delivery's state; the last four are final."""

    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class BounceKind(StrEnum):
    """What a refusal or a returned letter says, and about whom."""

    HARD = "hard"
    """The address is dead."""
    SOFT = "soft"
    """This letter did not arrive; the address may live."""
    POLICY = "policy"
    """The sender is at fault, never the subscriber."""
    COMPLAINT = "complaint"
    """The subscriber called the letter spam."""
    NOTHING = "nothing"
    """No statement about any address: a delay, a success, somebody's answer."""


class EventKind(StrEnum):
    """What other programs are told of a subscriber."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that one webhook is to be called for."""

    row: int
    id: str
    """As the receiver sees it, the same with every try."""
    kind: EventKind
    webhook: str
    at: datetime
    payload: Mapping[str, Any]
    tries: int
    """How often it was tried before."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named, saved query that subscribers follow."""

    slug: str
    name: str
    query: str
    about: str = ""
    row: int = 0
    private: bool = False
    """Whether it is a subscriber's own query, which no page and no list shows."""

    @classmethod
    def of_own_query(cls, query: str) -> Topic:
        """The private topic that a subscriber's own query is; the same query is the same topic."""
        name = query if len(query) <= _OWN_NAME else f"{query[: _OWN_NAME - 1]}…"
        return cls(own_slug(query), name, query, private=True)

    @classmethod
    def of_follow(cls, entry: str) -> Topic:
        """The private topic that follows an author or an organization; its `about` keeps the entry."""
        followed = read_followed(entry)
        return cls(follow_slug(entry), followed.name, followed.query, entry, private=True)


@dataclass(frozen=True, slots=True)
class Match:
    """A paper on a topic: how well it fits (0 to 1) and why."""

    topic: str
    paper: int
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who follows topics."""

    row: int
    email: str
    state: SubscriberState
    preferences: Preferences = DEFAULTS
    """Of one who is pending, those that wait for their confirmation."""
    next_digest_at: datetime | None = None
    last_issue_day: date | None = None
    """The local date of the last issue, whether it held papers for them or not."""
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    unsubscribe_reason: str = ""
    """Why they left, if they said so."""
    consent: Mapping[str, str] = field(default_factory=dict, hash=False)
    """When, from where and to which words they agreed."""
    request: Mapping[str, Any] | None = field(default=None, hash=False)
    """What was requested with the address and waits for its owner's confirmation, as the store keeps it."""
    suppressed: tuple[str, datetime] | None = None
    """The reason and the moment since which nothing is sent to this address."""
    renewals: int = 0
    """How often their personal links were replaced by new ones; only the latest work."""

    def with_preferences(self, **patch: Any) -> Subscriber:
        """The same subscriber with some preferences changed."""
        return replace(self, preferences=self.preferences.patched(patch))

    @property
    def name(self) -> str:
        """Their name; may be empty."""
        return self.preferences.name

    @property
    def theme(self) -> str:
        """The look of their letters."""
        return self.preferences.theme

    @property
    def density(self) -> Density:
        """How much their letters say of each paper."""
        return self.preferences.density

    @property
    def language(self) -> str:
        """The language of their letters."""
        return self.preferences.language

    @property
    def schedule(self) -> Schedule:
        """When their letters are due."""
        return self.preferences.schedule

    @property
    def topics(self) -> tuple[str, ...]:
        """The slugs of all topics that they follow, in order; those of their own queries come last."""
        return self.preferences.followed


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """The votes, comments and GitHub stars that a paper had by the end of a day."""

    day: date
    upvotes: int = 0
    comments: int = 0
    stars: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """What a paper is ordered by in a letter, taken apart: the sum of these parts."""

    relevance: float = 0.0
    """How well it fits the topic that it fits best."""
    popularity: float = 0.0
    """Votes, comments and stars against its age."""
    taste: float = 0.0
    """How much it is like the papers that the subscriber wants more of."""
    followed: float = 0.0
    """Whether somebody wrote it whom the subscriber follows, a person or an organization."""
    code: float = 0.0
    """Whether its code is available."""
    repetition: float = 0.0
    """Negative where a better paper in the letter says much the same."""

    @property
    def total(self) -> float:
        """The sum of the parts; the higher it is, the earlier the paper comes."""
        return self.relevance + self.popularity + self.taste + self.followed + self.code + self.repetition

    def parts(self) -> dict[str, float]:
        """The parts that are not zero, by name."""
        return {name: value for name in _SCORE_PARTS if (value := getattr(self, name))}


_SCORE_PARTS = tuple(one.name for one in fields(Score))


@dataclass(frozen=True, slots=True)
class Pick:
    """A paper in a digest, with the reasons that are printed beside it."""

    paper: int
    why: tuple[str, ...] = ()
    rank: float = 0.0
    """What papers are ordered by over all topics, higher is better; 0 in digests composed before it was kept."""
    score: Score | None = None
    """The rank taken apart; None in digests composed before it was kept."""


DISCUSSED = "*discussed"
"""The section of what is talked about most, in the place of a topic; no topic's slug can have a star."""


@dataclass(frozen=True, slots=True)
class Section:
    """A topic's part of a digest, best paper first."""

    topic: str
    name: str
    picks: tuple[Pick, ...]


class NoteKind(StrEnum):
    """What a letter says of a paper that is not new in it, the gravest first."""

    SAVED = "saved"
    """The subscriber saved it for the weekend."""
    WITHDRAWN = "withdrawn"
    CODE = "code"
    """Its code was released."""
    VERSION = "version"
    """There is a new version."""
    VOTES = "votes"
    """It has many more votes than in the letter that had it."""


@dataclass(frozen=True, slots=True)
class PaperNote:
    """A line in a letter about a paper that the subscriber has had before, or has saved."""

    kind: NoteKind
    paper: int
    since: date
    """The day of the issue that had the paper, or on which it was saved."""
    before: int = 0
    """The votes in that issue."""
    now: int = 0
    """The votes, or the version, as they are now."""


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What an issue was chosen from, as it stood when the digest was composed."""

    papers: int
    """How many papers had arrived since the issue before."""
    complete: str = ""
    """HH:MM in UTC at which the last source had answered in full; empty while one has not."""
    late: tuple[str, ...] = ()
    """The sources that had not answered in full."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One subscriber's part of an issue, frozen once composed."""

    issue: str
    """cadence and local date: `daily 2026-11-23`."""
    sections: tuple[Section, ...]
    more: tuple[int, ...] = ()
    """Papers that matched too and are only counted here, with a link."""
    row: int = 0
    left_out: int = 0
    """How many papers matched and were left out as the subscriber asked."""
    notes: tuple[PaperNote, ...] = ()
    """About papers that are not new in it."""
    facts: DayFacts | None = None

    @property
    def cadence(self) -> Cadence:
        """That of its issue."""
        return Cadence(self.issue.split(" ", 1)[0])

    @property
    def day(self) -> date:
        """The local date of its issue."""
        return date.fromisoformat(self.issue.split(" ", 1)[1])

    @property
    def papers(self) -> tuple[int, ...]:
        """The papers laid out, in order."""
        return tuple(pick.paper for section in self.sections for pick in section.picks)

    @property
    def named(self) -> tuple[int, ...]:
        """The papers laid out, and those that notes are about."""
        return (*self.papers, *(note.paper for note in self.notes))


@dataclass(frozen=True, slots=True)
class TopicCounts:
    """How many papers a topic had on each day of an issue's span (cadence.span)."""

    slug: str
    name: str
    papers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IssueCounts:
    """The public topics that had papers in an issue's span; none where the issue has no chart."""

    topics: tuple[TopicCounts, ...] = ()
    frozen: bool = False
    """Whether they are kept with the issue, and will not change."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A subscriber's word on a paper: +1 for more like it, −1 for less."""

    paper: int
    verdict: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A letter on its way to one subscriber."""

    row: int
    email: str
    message_id: str
    state: DeliveryState
    subscriber: int
    digest: int | None
    issue: str
    attempts: int = 0
    next_attempt_at: datetime | None = None
    expires_at: datetime | None = None
    notice: str | None = None
    """The kind of notice (confirm, welcome …) where it is not a digest."""
    context: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    """When it was queued, which is the Date of its letter; None before."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished message as it goes over the wire."""

    delivery: int
    sender: str
    """The envelope sender (MAIL FROM)."""
    recipient: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """Who runs this: printed in every letter and on every page."""

    name: str
    base_url: str
    """Absolute, without a trailing slash."""
    sender: str
    """The From address: `name@domain`, without display name (that is `name`)."""
    reply_to: str = ""
    postal_address: str = ""
    sender_name: str = ""
    """The name that letters come from, where it is another than the site's."""

    @property
    def domain(self) -> str:
        """The sender's domain: identifiers of letters and lists are made in it."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Links:
    """One subscriber's personal addresses, absolute; each carries a token."""

    unsubscribe: str
    preferences: str
    online: str
    """This very digest in the browser."""
    feedback: str
    """Where the subscriber says of which of its papers they want more or less; `?more=` or `?less=` names one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter as people read it, before it becomes a message."""

    subject: str
    html: str
    text: str
    papers: tuple[int, ...] = ()
    """Those laid out, by row; of a digest that is too big for one letter the others are only counted in it."""


@dataclass(frozen=True, slots=True)
class EncodedLetter:
    """The same letter with its two parts as quoted-printable, ready to be put into a message."""

    subject: str
    html: bytes
    text: bytes


class Stage(StrEnum):
    """Where in the conversation an outcome was decided (RFC 5321 3)."""

    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    """The reply to the dot: from there on the relay is answerable for the letter."""
    LOCAL = "local"
    """Decided here, before or without a conversation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the transport met with one letter; `code` is None where no reply came."""

    delivery: int
    stage: Stage
    code: int | None
    enhanced: str | None = None
    text: str = ""
    connection: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the relay took the letter over."""
        return self.stage is Stage.FINAL and self.code is not None and 200 <= self.code < 300
