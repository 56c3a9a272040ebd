"""Builds letters: from a delivery to the bytes that are sent. Every preview takes the same path."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from paperround.app import App
from paperround.delivery import dkim, message
from paperround.delivery.address import contact_uri
from paperround.domain import tokens
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import (
    Delivery,
    DeliveryState,
    Digest,
    EncodedLetter,
    Letter,
    LetterRequest,
    Links,
    NoticeKind,
    Paper,
    RenderedLetter,
    Subscriber,
    TopicCounts,
)
from paperround.domain.schedule import Issue
from paperround.process import logs
from paperround.process.generational_cache import GenerationalCache
from paperround.process.resources import stamps, templates
from paperround.rendering import language as languages
from paperround.rendering.environment import environment
from paperround.rendering.letter import LetterRenderer, PreparedLetter
from paperround.rendering.letter_facts import LetterFacts
from paperround.rounds.collection import is_new_site
from paperround.settings import Settings

log = logs.logger()
_ISSUES_KEPT = 16
_SAY_WHEN = (NoticeKind.CONFIRM, NoticeKind.WELCOME)  # notices that say when emails will come
_CHECK_SECONDS, _CHECK_SECONDS_IN_ROUND = 0.1, 2.0  # checking all templates takes as long as a dozen letters


@dataclass(frozen=True, slots=True)
class FinishedLetter:
    """A letter in both forms: as subject, HTML and text, and as the message that is sent."""

    rendered: RenderedLetter
    letter: Letter


class Templates:
    """The template folders of this site.

    A changed file is noticed within `check_seconds`, during a round within two seconds.
    """

    def __init__(self, check_seconds: float = _CHECK_SECONDS) -> None:
        self.check_seconds = check_seconds
        self._checked_at, self._version = float("-inf"), ""
        self._stamps: dict[Path, tuple[int, int]] = {}

    def version(self, *, in_round: bool = False) -> str:
        """Return a value that differs after every change of a file."""
        if time.monotonic() - self._checked_at >= (_CHECK_SECONDS_IN_ROUND if in_round else self.check_seconds):
            current = stamps(templates())
            if current != self._stamps:
                self._notice(current)
            self._checked_at = time.monotonic()
        return self._version

    def _notice(self, current: dict[Path, tuple[int, int]]) -> None:
        changed = {path for path, stamp in current.items() if self._stamps.get(path) != stamp}
        # Jinja2 notices a changed template, but neither a new one that overrides another nor changed translations.
        if current.keys() != self._stamps.keys() or any(path.suffix == ".po" for path in changed):
            environment.cache_clear()
            languages.load.cache_clear()
        listed = "".join(f"{path}\0{stamp}\n" for path, stamp in sorted(current.items()))
        self._stamps, self._version = current, hashlib.sha256(listed.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A renderer, the version of the templates it was made from, and the error in a newer version, if any."""

    version: str
    renderer: LetterRenderer
    problem: ConfigurationError | None = None


class LetterBuilder:
    """Builds letters and caches what depends on papers alone, so that the cost follows papers and not subscribers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._site = app.site
        self._keys = app.link_keys
        self._owner_url = contact_uri(app.settings.contact or app.site.reply_to)
        self._bounce_domain = app.settings.bounces.domain
        self._takes_replies, self._takes_feedback = app.settings.asks_for_replies, app.settings.site.feedback
        self.templates = Templates()
        self._renderers: dict[tuple[str, str], _Kept] = {}
        self._signer = dkim.signer(app.settings.dkim) if app.settings.dkim else None
        self._printed: GenerationalCache[Mapping[int, Paper]] = GenerationalCache(_ISSUES_KEPT)
        self._counted: GenerationalCache[tuple[TopicCounts, ...]] = GenerationalCache(_ISSUES_KEPT)

    def prepare(self, requests: Sequence[LetterRequest]) -> list[Callable[[], Letter]]:
        """Render what these letters have in common, and return for each the function that builds it."""
        styles: dict[tuple[str, str], list[int]] = {}
        for place, (_, digest, subscriber) in enumerate(requests):
            if digest:
                styles.setdefault((subscriber.theme, subscriber.language), []).append(place)
        builders: list[Callable[[], Letter]] = [partial(self._notice, request) for request in requests]
        for style, places in styles.items():
            renderer = self._newest(*style, in_round=True).renderer
            prepared = renderer.prepare([self._facts_of(requests[place]) for place in places])
            for place, letter in zip(places, prepared, strict=True):
                builders[place] = partial(self._digest, requests[place].delivery, renderer, letter)
        return builders

    def _facts_of(self, request: LetterRequest) -> LetterFacts:
        _, digest, subscriber = request
        assert digest
        return self._facts(digest, self.papers(digest), subscriber, self.counts(digest))

    def _facts(
        self, digest: Digest, papers: Mapping[int, Paper], subscriber: Subscriber, counts: Sequence[TopicCounts]
    ) -> LetterFacts:
        return LetterFacts(digest, papers, subscriber, self.links(subscriber, digest), digest.day, counts)

    def _digest(self, delivery: Delivery, renderer: LetterRenderer, letter: PreparedLetter) -> Letter:
        links, reply_to = letter.facts.links, self._reply_address(delivery, letter.facts.subscriber)
        return self._message(delivery, renderer.encode(letter), links, self._app.clock(), "digest", reply_to)

    def _notice(self, request: LetterRequest) -> Letter:
        return self.notice_letter(request.delivery, request.subscriber, self._app.clock()).letter

    def digest_letter(
        self, delivery: Delivery, digest: Digest, subscriber: Subscriber, now: datetime
    ) -> FinishedLetter:
        """Build the letter for a digest that was composed for this subscriber."""
        return self.lay_out(delivery, digest, self.papers(digest), subscriber, now)

    def lay_out(
        self,
        delivery: Delivery,
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        now: datetime,
        *,
        counts: Sequence[TopicCounts] | None = None,
        mark: str = "",
    ) -> FinishedLetter:
        """Build the letter for a digest with the papers given, for a preview before its issue exists.

        `counts` are the numbers of the chart, by default those in the store. `mark` is put before the subject of
        letters that are not a subscriber's own.
        """
        renderer = self._renderer(subscriber.theme, subscriber.language)
        facts = self._facts(digest, papers, subscriber, self.counts(digest) if counts is None else counts)
        rendered, encoded = renderer.letter(facts), renderer.encode(*renderer.prepare([facts]))
        subject = mark + rendered.subject
        reply_to = self._reply_address(delivery, subscriber)
        letter = self._message(delivery, encoded._replace(subject=subject), facts.links, now, "digest", reply_to)
        return FinishedLetter(replace(rendered, subject=subject), letter)

    def notice_letter(
        self, delivery: Delivery, subscriber: Subscriber, now: datetime, *, mark: str = ""
    ) -> FinishedLetter:
        """Build the letter for a notice, such as confirm, welcome or reply."""
        kind, context = delivery.notice or "", dict(delivery.context)
        links = self.links(subscriber, None)
        if kind in _SAY_WHEN:
            context["new_site"] = is_new_site(self._app)
        if kind == NoticeKind.CONFIRM:
            context["confirm_url"] = self.confirm_url(subscriber, now)
        if kind == NoticeKind.REPLY:
            feedback = self._mint(tokens.FEEDBACK, int(context.get("digest", 0)), subscriber)
            context["feedback_url"] = f"{self._site.base_url}/f/{feedback}"
        if kind == NoticeKind.NEW_ADDRESS:
            context["address_url"] = self.address_url(int(context.get("change", 0)))
            # The person who reads it may not be the subscriber, and must not get their personal links.
            links = Links(unsubscribe="", preferences="", online="", feedback="")
        rendered = self._renderer(subscriber.theme, subscriber.language).notice(kind, subscriber, links, context)
        rendered = replace(rendered, subject=mark + rendered.subject)
        return FinishedLetter(rendered, self._message(delivery, message.encoded(rendered), links, now, "notice"))

    def links(self, subscriber: Subscriber, digest: Digest | None) -> Links:
        """Return the subscriber's personal links."""
        base = self._site.base_url
        # A test letter shows a subscriber's digest, but its recipient must not be able to act as the subscriber.
        digest_row = digest.row if digest and subscriber.row else 0
        feedback = self._mint(tokens.FEEDBACK, digest_row, subscriber) if digest else ""
        own = f"?f={feedback}" if self._takes_feedback else ""
        return Links(
            unsubscribe=f"{base}/u/{tokens.mint(self._keys, tokens.UNSUBSCRIBE, subscriber.row)}",
            preferences=f"{base}/p/{self._mint(tokens.PREFERENCES, subscriber.row, subscriber)}",
            online=f"{base}/i/{self._mint(tokens.DIGEST, digest.row, subscriber)}{own}" if digest else base,
            feedback=f"{base}/f/{feedback}" if digest else "",
        )

    def _mint(self, purpose: str, number: int, subscriber: Subscriber) -> str:
        """Return the token of a personal link, which ends when the subscriber's links are replaced."""
        return tokens.mint(self._keys, purpose, tokens.with_generation(number, subscriber.link_generation))

    def confirm_url(self, subscriber: Subscriber, now: datetime) -> str:
        """Return the confirmation link, which is valid for three days."""
        return f"{self._site.base_url}/c/{tokens.mint(self._keys, tokens.CONFIRM, subscriber.row, issued=now)}"

    def address_url(self, change: int) -> str:
        """Return the link that confirms a change of address, which is valid for three days."""
        return f"{self._site.base_url}/a/{tokens.mint(self._keys, tokens.ADDRESS, change)}"

    def _message(
        self,
        delivery: Delivery,
        encoded: EncodedLetter,
        links: Links,
        now: datetime,
        kind: Literal["digest", "notice"],
        reply_to: str = "",
    ) -> Letter:
        head = message.HeaderData(
            sender_name=self._site.sender_name or self._site.name,
            sender=self._site.sender,
            recipient=delivery.email,
            date=delivery.created_at or now,
            message_id=delivery.message_id,
            reply_to=reply_to or self._site.reply_to,
            kind=kind,
            list_name=self._site.name,
            unsubscribe_url=links.unsubscribe,
            unsubscribe_mailto=self._leave_address(delivery) if links.unsubscribe else "",
            help_url=links.preferences,
            owner_url=self._owner_url,
            archive_url=self._site.base_url,
            feedback=(delivery.issue.cadence.value if delivery.issue else str(delivery.notice),),
            is_reply=delivery.notice == NoticeKind.REPLY,
        )
        raw = message.assemble(head, encoded)
        if self._signer:
            raw = self._signer(raw)
        return Letter(delivery.row, self._envelope_sender(delivery), delivery.email, raw, has_dots=False)

    def _reply_address(self, delivery: Delivery, subscriber: Subscriber) -> str:
        """Return the signed address that replies to this letter are sent to; empty if they are not read."""
        if not self._takes_replies:
            return ""
        number = tokens.with_generation(delivery.row, subscriber.link_generation)
        return tokens.verp(self._keys, number, self._bounce_domain, tokens.REPLY_MAILBOX, purpose=tokens.REPLY)

    def _leave_address(self, delivery: Delivery) -> str:
        domain = self._bounce_domain
        return f"mailto:{tokens.verp(self._keys, delivery.row, domain, tokens.LEAVE_MAILBOX)}" if domain else ""

    def _envelope_sender(self, delivery: Delivery) -> str:
        domain = self._bounce_domain
        return tokens.verp(self._keys, delivery.row, domain) if domain else self._site.sender

    def papers(self, digest: Digest) -> Mapping[int, Paper]:
        """Return papers of the digest's issue as they were first sent, among them the digest's; cached by issue."""
        cache = self._printed  # what is read while the papers are forgotten must not be kept after that
        known, named = cache.get(digest.issue) or {}, digest.named
        if missing := [paper for paper in named if paper not in known]:
            # A new mapping: other threads go on reading the one they were given.
            known = cache.put(digest.issue, {**known, **self._app.store.issues.printed(digest, missing)})
        return known

    def forget_printed(self) -> None:
        """Read the papers of issues again, since summaries were added to them."""
        self._printed = GenerationalCache(_ISSUES_KEPT)

    def counts(self, digest: Digest) -> tuple[TopicCounts, ...]:
        """Return the number of papers by topic and day of a weekly or monthly issue; cached once they are final."""
        if not digest.cadence.covers_several_days:
            return ()
        if (known := self._counted.get(digest.issue)) is not None:
            return known
        found = self._app.store.issues.counts(digest.issue)
        if found.frozen:
            self._counted.put(digest.issue, found.topics)
        return found.topics

    def check(self, theme: str, language: str) -> None:
        """Raise ConfigurationError if letters cannot be built with this theme's present files."""
        if problem := self._newest(theme, language).problem:
            raise problem.with_traceback(None)

    def _renderer(self, theme: str, language: str) -> LetterRenderer:
        return self._newest(theme, language).renderer

    def _newest(self, theme: str, language: str, *, in_round: bool = False) -> _Kept:
        """Return the renderer for the present templates or, if they are broken, the last one that worked."""
        version, before = self.templates.version(in_round=in_round), self._renderers.get((theme, language))
        if before and before.version == version:
            return before
        try:
            kept = _Kept(version, self._new_renderer(theme, language))
        except ConfigurationError as error:
            if before is None:
                raise
            log.error("theme is broken; letters use its last working version", theme=theme, problem=str(error))
            kept = _Kept(version, before.renderer, error)
        self._renderers[theme, language] = kept
        return kept

    def _new_renderer(self, theme: str, language: str) -> LetterRenderer:
        folders, site = templates(), self._app.settings.site
        return LetterRenderer(
            self._site,
            theme,
            languages.load(language, folders),
            folders,
            subject_template=site.subject,
            pictures=site.pictures,
            feedback=site.feedback,
            replies=self._app.settings.asks_for_replies,
        )


def new_message_id(settings: Settings) -> str:
    """Make a Message-ID for a notice or a test letter, stored with the delivery and used for every attempt.

    RFC 5322 section 3.6.4 demands a globally unique one: it has 120 random bits and the sender's domain.
    """
    return f"<{secrets.token_hex(15)}@{settings.site.facts().domain}>"


def digest_message_id(app: App, issue: Issue, subscriber: Subscriber) -> str:
    """Return the Message-ID of this subscriber's letter of an issue.

    It is derived rather than random: a letter that is composed again after a backup was restored has the same one,
    and mailboxes recognize the copy.
    """
    return message.message_id(str(issue), subscriber.row, subscriber.email, app.link_keys[0], app.site.domain)


def as_preview(app: App, digest: Digest, subscriber: Subscriber) -> Delivery:
    """Return the delivery of this digest, or the one that it would get if it is not composed yet."""
    composed = app.store.deliveries.of_digest(digest.row)
    if composed and composed.subscriber == subscriber.row:
        return composed
    return Delivery(
        row=0,
        email=subscriber.email,
        message_id=digest_message_id(app, digest.issue, subscriber),
        state=DeliveryState.QUEUED,
        subscriber=subscriber.row,
        digest=digest.row,
        issue=digest.issue,
    )
