"""The types of paperround. docs/glossary.md explains the terms.

All are immutable, because they are passed between stages. Data from outside is a pydantic model and is cleaned on
construction; data used only internally is a plain dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from struct import Struct
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from paperround.domain import identifiers
from paperround.domain.addresses import without_tracking
from paperround.domain.clock import read_moment
from paperround.domain.followed import read_followed
from paperround.domain.preferences import DEFAULTS, Density, Preferences, follow_slug, own_slug
from paperround.domain.schedule import Cadence, Issue, Schedule
from paperround.domain.text import clean

MAX_TITLE, MAX_ABSTRACT, MAX_AUTHORS = (
    500,
    20_000,
    3_000,
)  # characters, characters, names: the most that a paper can have

_OWN_NAME = 80  # characters of a query used as its name in letters


def _cut(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean(value)[:limit] if isinstance(value, str) else value)


def _clean_all(values: object) -> object:
    if isinstance(values, Sequence) and not isinstance(values, str):
        cleaned = (clean(value)[:300] for value in values if isinstance(value, str))
        return tuple(dict.fromkeys(value for value in cleaned if value))
    return values


def _web_only(value: object) -> object:
    """Return the link, or None if it is not http or https: this rejects javascript: and data: URLs."""
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
    """The facts about a paper. A field is empty if no source states it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Annotated[str, _cut(MAX_TITLE), Field(min_length=1)]
    abstract: Annotated[str, _cut(MAX_ABSTRACT)] = ""
    authors: Annotated[Names, Field(max_length=MAX_AUTHORS)] = ()
    author_count: Count = None
    """The number of authors, if a source gives only their number."""
    organization: Line | None = None
    arxiv_id: Line | None = None
    version: Annotated[int | None, Field(ge=1, le=999)] = None
    doi: Line | None = None
    guid: Line | None = None
    """Identifies an entry of a feed: a hash of the feed, a hyphen and a hash of the entry's identifier in it."""
    url: Link = None
    pdf_url: Link = None
    code_url: Link = None
    project_url: Link = None
    discussion_url: Link = None
    thumbnail_url: Link = None
    published: date | None = None
    """The date of the first version."""
    categories: Names = ()
    """arXiv categories or a journal's sections, the primary one first."""
    keywords: Names = ()
    summary: Annotated[str, _cut(2_000)] = ""
    """A short summary written by a third party (Hugging Face's ai_summary)."""
    journal: Line | None = None
    license: Line | None = None
    upvotes: Count = None
    comments: Count = None
    stars: Count = None
    """GitHub stars of the code repository."""
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
    """The record of a paper from one source on one day. Several listings are merged into a Paper."""

    source: Annotated[str, _cut(60), Field(min_length=1)]
    """The name of the source."""
    kind: Line = ""
    """The adapter that read it; empty if it has the same name as `source`."""
    day: date
    """The date on which the source announced it."""


class Picture(BaseModel):
    """A paper's thumbnail, as stored and served by paperround."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Derived from the content, so that a name never refers to another picture."""
    width: int
    height: int
    """Width and height are in pixels."""


class Paper(Facts):
    """A work, unique across sources."""

    id: str
    row: int
    """The primary key in the store."""
    day: date
    """The first date on which a source announced it."""
    sources: tuple[str, ...]
    first_seen: datetime
    """When it was first stored. Later listings do not change it."""
    picture: Picture | None = None
    """The stored thumbnail, or None if there is none yet."""
    summaries: Mapping[str, str] = {}
    """Sentences by language that this site's own model wrote; an empty one if it wrote nothing of use."""

    @property
    def address(self) -> str:
        """The address of its page, without what a feed appends to count visitors; empty if unknown."""
        return without_tracking(self.url or "")

    def generated_summary(self, language: str) -> str:
        """Return a summary that the authors did not write: a source's, or this site's in this language; else ""."""
        return self.summary or self.summaries.get(language, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that was skipped: its location and what is wrong with it."""

    where: str
    what: str
    entries: int = 1
    """The number of entries affected."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """The content of a source's response: its listings, the skipped entries, and the date of the response itself."""

    listings: tuple[Listing, ...] = ()
    problems: tuple[Problem, ...] = ()
    day: date | None = None


class SourceState(StrEnum):
    """What the last attempt to read a source says about it."""

    FRESH = "fresh"
    """The response contains what was expected."""
    QUIET = "quiet"
    """Valid and empty, on a day when that is expected or that the source itself reports as empty."""
    UNCHANGED = "unchanged"
    """The server reports no change since the last response (304), or every paper was known."""
    STALE = "stale"
    """Older than expected, truncated or incomplete: worth requesting again on the same day."""
    FAILED = "failed"
    """There was no usable response."""

    @property
    def is_late(self) -> bool:
        """Whether papers of the source may be missing."""
        return self in (SourceState.STALE, SourceState.FAILED)


class SubscriberState(StrEnum):
    """A subscriber's state: `pending → active → paused / unsubscribed`."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"

    @property
    def is_subscribed(self) -> bool:
        """Whether a subscriber in this state has confirmed and not left, although they may pause."""
        return self in (SubscriberState.ACTIVE, SubscriberState.PAUSED)


class DeliveryState(StrEnum):
    """A delivery's state; the last four are final."""

    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class NoticeKind(StrEnum):
    """The kinds of notices; each has a template of its name."""

    CONFIRM = "confirm"
    """Asks the owner of an address to confirm a subscription or a change."""
    WELCOME = "welcome"
    REPLY = "reply"
    """Answers a reply to a letter."""
    YOUR_LINK = "your-link"
    """The link to the preferences, for a subscriber who asked for it."""
    NEW_ADDRESS = "new-address"
    """Asks the owner of a new address to confirm it."""
    ADDRESS_CHANGED = "address-changed"
    """Tells the earlier address that letters go to another one."""


NOTICE_HOLDS = timedelta(days=3)
"""How long a notice is tried to be sent, and for how long the link in it is valid."""


class BounceKind(StrEnum):
    """What a refusal or a bounce report means, and for whom."""

    HARD = "hard"
    """The address does not exist or no longer accepts mail."""
    SOFT = "soft"
    """This letter did not arrive; the address may still work."""
    POLICY = "policy"
    """The sender is the cause, never the subscriber."""
    COMPLAINT = "complaint"
    """The subscriber reported the letter as spam."""
    NOTHING = "nothing"
    """Says nothing about an address: a delay, a success or a reply."""


class EventKind(StrEnum):
    """The changes of a subscriber that webhooks are notified of."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True)
class Event:
    """An event to be sent to one webhook."""

    row: int
    id: str
    """The identifier sent to the receiver, the same in every attempt."""
    kind: EventKind
    webhook: str
    at: datetime
    payload: Mapping[str, Any]
    tries: int
    """The number of earlier attempts."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named, saved query that subscribers follow."""

    slug: str
    name: str
    query: str
    about: str = ""
    row: int = 0
    private: bool = False
    """Whether it belongs to a subscriber (an own query or a followed person); no page or list shows it."""

    @classmethod
    def of_own_query(cls, query: str, subscriber: int) -> Topic:
        """Return the private topic for an own query of the subscriber with this number, who alone follows it."""
        name = query if len(query) <= _OWN_NAME else f"{query[: _OWN_NAME - 1]}…"
        return cls(own_slug(query, subscriber), name, query, private=True)

    @classmethod
    def of_follow(cls, entry: str) -> Topic:
        """Return the private topic that follows an author or an organization. Its `about` is the entry."""
        followed = read_followed(entry)
        return cls(follow_slug(entry), followed.name, followed.query, entry, private=True)


@dataclass(frozen=True, slots=True)
class Match:
    """A paper that matches a topic: its score (0 to 1) and the reasons, as `domain.reasons` writes them."""

    topic: str
    paper: int
    score: float
    why: tuple[str, ...]


class Subscriber(NamedTuple):
    """A person who follows topics."""

    row: int
    email: str
    state: SubscriberState
    preferences: Preferences = DEFAULTS
    """For a pending subscriber, those that wait for confirmation."""
    next_digest_at: datetime | None = None
    last_issue_day: date | None = None
    """The local date of the last issue, including issues without papers for them."""
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    unsubscribe_reason: str = ""
    """Why they unsubscribed; empty if they gave no reason."""
    consent: Mapping[str, str] = MappingProxyType({})
    """When, from where and to which wording they consented."""
    request: Mapping[str, Any] | None = None
    """The request that waits for confirmation by the address's owner, as stored; None if there is none."""
    suppressed: tuple[str, datetime] | None = None
    """The reason for the block on their address and the time since when it applies; None if there is no block."""
    link_generation: int = 0
    """How often their personal links were replaced. Only the latest links work."""

    def with_preferences(self, **patch: Any) -> Subscriber:
        """Return the subscriber with some preferences changed."""
        return self._replace(preferences=self.preferences.patched(patch))

    def consent_moment(self, name: str) -> datetime | None:
        """Return a moment in the consent; None if there is none. A consent that was imported may say anything."""
        try:
            return read_moment(self.consent.get(name, ""))
        except ValueError:
            return None

    @property
    def name(self) -> str:
        """Their name; may be empty."""
        return self.preferences.name

    @property
    def theme(self) -> str:
        """The theme of their letters."""
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
        """The slugs of all topics that they follow, in order: topics, own queries, followed people."""
        return self.preferences.followed_by(self.row)


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """The votes, comments and GitHub stars that a paper had by the end of a day."""

    day: date
    upvotes: int = 0
    comments: int = 0
    stars: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The components of a paper's rank in a letter. The rank is their sum."""

    relevance: float = 0.0
    """How well it matches the topic that ranks it highest."""
    popularity: float = 0.0
    """Votes, relative to its age."""
    taste: float = 0.0
    """How similar it is to papers that the subscriber wants more of."""
    followed: float = 0.0
    """Positive if a followed author or organization published it."""
    code: float = 0.0
    """Positive if its code is available."""
    repetition: float = 0.0
    """Negative if a better paper in the letter is very similar."""

    @property
    def total(self) -> float:
        """The sum of the components. Papers with a higher total come first."""
        return self.relevance + self.popularity + self.taste + self.followed + self.code + self.repetition

    def parts(self) -> dict[str, float]:
        """Return the components that are not zero, by name."""
        return {name: value for name in _SCORE_PARTS if (value := getattr(self, name))}


_SCORE_PARTS = tuple(one.name for one in fields(Score))
SCORE_UNIT = 10_000
"""This many units of a packed score are 1."""
_PACKED_SCORE = Struct(f"<{len(_SCORE_PARTS)}h")  # no component is above 1 or below -1
PACKED_SCORE_SIZE = _PACKED_SCORE.size
"""The length of a packed score in bytes."""


def pack_scores(scores: Iterable[Score]) -> bytes:
    """Return scores as bytes: the components of each in units, as little-endian numbers of 16 bits."""
    return b"".join(
        _PACKED_SCORE.pack(*(round(getattr(score, name) * SCORE_UNIT) for name in _SCORE_PARTS)) for score in scores
    )


class Pick(NamedTuple):
    """A paper in a digest, with the reasons printed beside it, as `domain.reasons` writes them."""

    paper: int
    why: tuple[str, ...] = ()
    rank: float = 0.0
    """The order of papers across all topics, higher first; 0 in digests composed before ranks were stored."""


DISCUSSED = "*discussed"
"""The pseudo-slug of the "most discussed" section. No topic's slug can contain an asterisk."""


class Section(NamedTuple):
    """A topic's part of a digest, the best paper first."""

    topic: str
    name: str
    picks: tuple[Pick, ...]


class NoteKind(StrEnum):
    """The kind of a note on a paper that a letter was not composed for, the most important first."""

    SAVED = "saved"
    """The subscriber saved it for the weekend."""
    WITHDRAWN = "withdrawn"
    CODE = "code"
    """Its code was released."""
    VERSION = "version"
    """There is a new version."""
    VOTES = "votes"
    """It has many more votes than when it was printed."""
    CLOSE = "close"
    """It came close to an interest of the subscriber's own, but not close enough to be chosen."""


class PaperNote(NamedTuple):
    """A note in a letter on a paper that the subscriber has already received or saved, or that was not chosen."""

    kind: NoteKind
    paper: int
    since: date
    """The date of the issue that contained the paper, on which it was saved, or, if it was not chosen, its own."""
    before: int = 0
    """The number of votes in that issue."""
    now: int = 0
    """The current number of votes, or the current version."""


class DayFacts(NamedTuple):
    """The basis of an issue at the time when the digest was composed."""

    papers: int
    """The number of papers that arrived since the previous issue."""
    complete: str = ""
    """The time, HH:MM in UTC, when the last source was complete; empty if one was not."""
    late: tuple[str, ...] = ()
    """The sources that were not complete."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One subscriber's part of an issue. It does not change once composed."""

    issue: Issue
    sections: tuple[Section, ...]
    more: Sequence[int] = ()
    """Papers that also matched. The letter only counts them, with a link."""
    row: int = 0
    left_out: int = 0
    """The number of matching papers that the subscriber's exclusions removed."""
    notes: tuple[PaperNote, ...] = ()
    """Notes on papers that do not count as sent with it."""
    facts: DayFacts | None = None
    packed_scores: bytes = b""
    """The components of the ranks of `papers`, as `pack_scores` returns them. Empty if they are not loaded, since no
    letter shows them, and in digests composed before they were stored.
    """

    @property
    def scores(self) -> dict[int, Score]:
        """The components of the ranks, by paper."""
        unpacked = (
            Score(*(part / SCORE_UNIT for part in one)) for one in _PACKED_SCORE.iter_unpack(self.packed_scores)
        )
        return dict(zip(self.papers, unpacked, strict=False))

    @property
    def cadence(self) -> Cadence:
        """The cadence of its issue."""
        return self.issue.cadence

    @property
    def day(self) -> date:
        """The local date of its issue."""
        return self.issue.day

    @property
    def papers(self) -> tuple[int, ...]:
        """The papers shown, in order."""
        return tuple([pick.paper for section in self.sections for pick in section.picks])

    @property
    def close(self) -> tuple[int, ...]:
        """The papers that were not chosen, but came close to an interest."""
        return tuple([note.paper for note in self.notes if note.kind is NoteKind.CLOSE])

    @property
    def named(self) -> tuple[int, ...]:
        """The papers shown and those that notes refer to."""
        return (*self.papers, *(note.paper for note in self.notes)) if self.notes else self.papers


@dataclass(frozen=True, slots=True)
class TopicCounts:
    """The number of papers of a topic on each day of an issue's span (see `schedule.span`)."""

    slug: str
    name: str
    papers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IssueCounts:
    """The public topics with papers in an issue's span; empty if the issue has no chart."""

    topics: tuple[TopicCounts, ...] = ()
    frozen: bool = False
    """Whether they are stored with the issue and will not change."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A subscriber's rating of a paper: +1 for more like it, −1 for less."""

    paper: int
    verdict: int
    at: datetime


class Delivery(NamedTuple):
    """A letter to one subscriber and its state."""

    row: int
    email: str
    message_id: str
    state: DeliveryState
    subscriber: int
    digest: int | None
    issue: Issue | None
    """None for a notice."""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    expires_at: datetime | None = None
    notice: str | None = None
    """The kind of notice (confirm, welcome …); None for a digest."""
    context: Mapping[str, Any] = MappingProxyType({})
    created_at: datetime | None = None
    """When it was queued, which is the Date header of the letter; None before that."""


class LetterRequest(NamedTuple):
    """A delivery with what its letter is built from."""

    delivery: Delivery
    digest: Digest | None
    """None for a notice."""
    subscriber: Subscriber


class Letter(NamedTuple):
    """A complete message, as it is transmitted."""

    delivery: int
    sender: str
    """The envelope sender (MAIL FROM)."""
    recipient: str
    message: bytes
    has_dots: bool = True
    """Whether a line may begin with a dot, which SMTP doubles (RFC 5321 section 4.5.2)."""


@dataclass(frozen=True, slots=True)
class Site:
    """The identity of this site, printed in every letter and on every page."""

    name: str
    base_url: str
    """Absolute, without a trailing slash."""
    sender: str
    """The From address: `name@domain`, without the display name."""
    reply_to: str = ""
    postal_address: str = ""
    sender_name: str = ""
    """The display name of the sender; empty if it is `name`."""

    @property
    def domain(self) -> str:
        """The sender's domain, used in the identifiers of letters and lists."""
        return self.sender.rpartition("@")[2]


class Links(NamedTuple):
    """The personal URLs of one subscriber. They are absolute, and each contains a token."""

    unsubscribe: str
    preferences: str
    online: str
    """The page with this digest."""
    feedback: str
    """The page where the subscriber rates papers; `?more=` or `?less=` names a paper."""


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """The content of a letter, before it is encoded as a message."""

    subject: str
    html: str
    text: str
    papers: tuple[int, ...] = ()
    """The rows of the papers shown. If a digest is too big for one letter, the others are only counted."""


FEEDBACK_MARK = b"\0"
"""Stands for the feedback address in the pieces of an encoded letter. Quoted-printable has no control characters."""


class EncodedLetter(NamedTuple):
    """A rendered letter with both parts encoded as quoted-printable, in pieces that are joined in one message."""

    subject: str
    html_pieces: Sequence[bytes]
    text_pieces: Sequence[bytes]
    feedback: bytes = b""
    """What stands in place of each `FEEDBACK_MARK`."""

    @property
    def html(self) -> bytes:
        """The HTML part."""
        return b"".join(self.html_pieces).replace(FEEDBACK_MARK, self.feedback)

    @property
    def text(self) -> bytes:
        """The text part."""
        return b"".join(self.text_pieces).replace(FEEDBACK_MARK, self.feedback)


class Stage(StrEnum):
    """The stage of the SMTP session in which an outcome was decided (RFC 5321 section 3)."""

    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    """The reply to the final dot. After a 2xx reply the relay is responsible for the letter."""
    LOCAL = "local"
    """Decided locally, before or without a session."""


_FINAL = Stage.FINAL  # a name, because Python 3.11 takes half a microsecond to read a member from its Enum


class Outcome(NamedTuple):
    """The result of one attempt to send a letter. `code` is None if there was no reply."""

    delivery: int
    stage: Stage
    code: int | None
    enhanced: str | None = None
    text: str = ""
    connection: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the relay accepted the letter."""
        return self.stage is _FINAL and self.code is not None and 200 <= self.code < 300
