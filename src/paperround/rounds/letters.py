"""From a delivery to the bytes that go over the wire: the sending and every preview pass through here."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from paperround.app import App
from paperround.delivery import dkim, message
from paperround.domain import tokens
from paperround.domain.errors import ConfigurationError
from paperround.domain.models import (
    Delivery,
    DeliveryState,
    Digest,
    EncodedLetter,
    Letter,
    Links,
    Paper,
    Rendered,
    Subscriber,
    TopicCounts,
)
from paperround.process import logs
from paperround.process.resources import stamps, templates
from paperround.rendering import language as languages
from paperround.rendering.environment import environment
from paperround.rendering.letter import LetterRenderer
from paperround.rounds import bounce_intake
from paperround.settings import Settings

log = logs.logger()
_ISSUES_KEPT = 8
_LOOK_EVERY = 0.1  # seconds; looking at all templates takes as long as a dozen letters
_LESS_OFTEN = 20  # times, in a round


@dataclass(frozen=True, slots=True)
class Finished:
    """A letter as people read it and as it goes."""

    rendered: Rendered
    letter: Letter


class Templates:
    """The template folders as they are now.

    A file that changes is noticed within a tenth of a second, in a round within two seconds.
    """

    def __init__(self) -> None:
        self._looked, self._version = float("-inf"), ""
        self._stamps: dict[Path, tuple[int, int]] = {}

    def version(self, *, in_round: bool = False) -> str:
        """Another one after every change."""
        if time.monotonic() - self._looked >= _LOOK_EVERY * (_LESS_OFTEN if in_round else 1):
            found = stamps(templates())
            if found != self._stamps:
                self._notice(found)
            self._looked = time.monotonic()
        return self._version

    def _notice(self, found: dict[Path, tuple[int, int]]) -> None:
        changed = {path for path, stamp in found.items() if self._stamps.get(path) != stamp}
        # Jinja2 looks at the age of a template itself, but not for one that now hides another, nor at translations.
        if found.keys() != self._stamps.keys() or any(path.suffix == ".po" for path in changed):
            environment.cache_clear()
            languages.load.cache_clear()
        listed = "".join(f"{path}\0{stamp}\n" for path, stamp in sorted(found.items()))
        self._stamps, self._version = found, hashlib.sha256(listed.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A press, the templates that it is for, and what keeps these from being used, if anything does."""

    version: str
    press: LetterRenderer
    problem: ConfigurationError | None = None


class LetterBuilder:
    """Makes letters; what depends on papers alone is made once and kept (cost follows papers, not subscribers)."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._site = app.settings.site.facts()
        self._keys = app.keys
        self.templates = Templates()
        self._presses: dict[tuple[str, str], _Kept] = {}
        self._signer = dkim.signer(app.settings.dkim) if app.settings.dkim else None
        self._printed: OrderedDict[str, dict[int, Paper]] = OrderedDict()
        self._counted: OrderedDict[str, tuple[TopicCounts, ...]] = OrderedDict()

    def letter(self, delivery: Delivery, digest: Digest | None, subscriber: Subscriber) -> Letter:
        """The letter of a delivery as it goes now: of its digest, or without one of its notice."""
        now = self._app.clock()
        if digest is None:
            return self.notice_letter(delivery, subscriber, now).letter
        links = self.links(subscriber, digest)
        encoded = self._newest(subscriber.theme, subscriber.language, in_round=True).press.encoded(
            digest, self._papers(digest), subscriber, links, digest.day, self.counts(digest)
        )
        return self._message(delivery, encoded, links, now, "digest")

    def digest_letter(self, delivery: Delivery, digest: Digest, subscriber: Subscriber, now: datetime) -> Finished:
        """The letter for a digest that was composed for this subscriber."""
        return self.lay_out(delivery, digest, self._papers(digest), subscriber, now)

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
    ) -> Finished:
        """The same with the papers given: a preview has them before they are printed.

        `counts` are what the chart shows, by default what the store says; `mark` goes before the subject of letters
        that are no subscriber's own.
        """
        links = self.links(subscriber, digest)
        press = self._press(subscriber.theme, subscriber.language)
        facts = (digest, papers, subscriber, links, digest.day, self.counts(digest) if counts is None else counts)
        rendered, encoded = press.letter(*facts), press.encoded(*facts)
        subject = mark + rendered.subject
        letter = self._message(delivery, replace(encoded, subject=subject), links, now, "digest")
        return Finished(replace(rendered, subject=subject), letter)

    def notice_letter(self, delivery: Delivery, subscriber: Subscriber, now: datetime, *, mark: str = "") -> Finished:
        """The letter for a notice: confirm, welcome, goodbye and the like."""
        kind = delivery.notice or ""
        links = self.links(subscriber, None)
        context = (
            {**delivery.context, "confirm_url": self.confirm_url(subscriber, now)}
            if kind == "confirm"
            else delivery.context
        )
        rendered = self._press(subscriber.theme, subscriber.language).notice(kind, subscriber, links, context)
        rendered = replace(rendered, subject=mark + rendered.subject)
        return Finished(rendered, self._message(delivery, message.encoded(rendered), links, now, "notice"))

    def links(self, subscriber: Subscriber, digest: Digest | None) -> Links:
        """The subscriber's personal addresses."""
        base = self._site.base_url
        # A test letter shows the digest of a subscriber, and must not let its addressee speak for them.
        heard = digest.row if digest and subscriber.row else 0
        return Links(
            unsubscribe=f"{base}/u/{tokens.mint(self._keys, 'unsubscribe', subscriber.row)}",
            preferences=f"{base}/p/{tokens.mint(self._keys, 'preferences', subscriber.row)}",
            online=f"{base}/i/{tokens.mint(self._keys, 'digest', digest.row)}" if digest else base,
            feedback=f"{base}/f/{tokens.mint(self._keys, 'feedback', heard)}" if digest else "",
        )

    def confirm_url(self, subscriber: Subscriber, now: datetime) -> str:
        """Where the subscriber confirms; it holds for three days."""
        return f"{self._site.base_url}/c/{tokens.mint(self._keys, 'confirm', subscriber.row, issued=now)}"

    def _message(
        self,
        delivery: Delivery,
        encoded: EncodedLetter,
        links: Links,
        now: datetime,
        kind: Literal["digest", "notice"],
    ) -> Letter:
        head = message.Head(
            sender_name=self._site.sender_name or self._site.name,
            sender=self._site.sender,
            recipient=delivery.email,
            date=delivery.created_at or now,
            message_id=delivery.message_id,
            reply_to=self._site.reply_to,
            kind=kind,
            list_name=self._site.name,
            unsubscribe_url=links.unsubscribe,
            unsubscribe_mailto=self._leave_address(delivery),
            help_url=links.preferences,
            archive_url=self._site.base_url,
            feedback=(delivery.notice or delivery.issue.split(" ", 1)[0],),
        )
        raw = message.assemble(head, encoded)
        if self._signer:
            raw = self._signer(raw)
        return Letter(delivery.row, self._envelope_sender(delivery), delivery.email, raw)

    def _leave_address(self, delivery: Delivery) -> str:
        domain = self._app.settings.bounces.domain
        return f"mailto:{tokens.verp(self._keys, delivery.row, domain, bounce_intake.LEAVE)}" if domain else ""

    def _envelope_sender(self, delivery: Delivery) -> str:
        domain = self._app.settings.bounces.domain
        return tokens.verp(self._keys, delivery.row, domain) if domain else self._site.sender

    def _papers(self, digest: Digest) -> dict[int, Paper]:
        """The issue's papers as printed; kept, for thousands of digests share them."""
        known = self._printed.setdefault(digest.issue, {})
        self._printed.move_to_end(digest.issue)
        if missing := [paper for paper in digest.papers if paper not in known]:
            known |= self._app.store.issues.printed(digest, missing)
        while len(self._printed) > _ISSUES_KEPT:
            self._printed.popitem(last=False)
        return {paper: known[paper] for paper in digest.papers}

    def counts(self, digest: Digest) -> tuple[TopicCounts, ...]:
        """The papers by topic and day of a weekly or monthly issue; kept once they change no more."""
        if not digest.cadence.tells_of_days:
            return ()
        if (known := self._counted.get(digest.issue)) is not None:
            return known
        found = self._app.store.issues.counts(digest.cadence, digest.day)
        if found.frozen:
            self._counted[digest.issue] = found.topics
            while len(self._counted) > _ISSUES_KEPT:
                self._counted.popitem(last=False)
        return found.topics

    def check(self, theme: str, language: str) -> None:
        """ConfigurationError where letters cannot be made with this theme's files as they are now."""
        if problem := self._newest(theme, language).problem:
            raise problem.with_traceback(None)

    def _press(self, theme: str, language: str) -> LetterRenderer:
        return self._newest(theme, language).press

    def _newest(self, theme: str, language: str, *, in_round: bool = False) -> _Kept:
        """The press for the templates as they are, or the last that worked: an editor's slip stops no round."""
        version, before = self.templates.version(in_round=in_round), self._presses.get((theme, language))
        if before and before.version == version:
            return before
        try:
            kept = _Kept(version, self._new_press(theme, language))
        except ConfigurationError as error:
            if before is None:
                raise
            log.error("theme is broken; letters keep its last form that worked", theme=theme, problem=str(error))
            kept = _Kept(version, before.press, error)
        self._presses[theme, language] = kept
        return kept

    def _new_press(self, theme: str, language: str) -> LetterRenderer:
        found, site = templates(), self._app.settings.site
        return LetterRenderer(
            self._site,
            theme,
            languages.load(language, found),
            found,
            subject_template=site.subject,
            pictures=site.pictures,
            feedback=site.feedback,
        )


def new_message_id(settings: Settings) -> str:
    """A Message-ID for a notice or a test letter, which keeps it however often it is sent.

    RFC 5322 3.6.4 wants it unique for ever: 120 random bits in the sender's domain.
    """
    return f"<{secrets.token_hex(15)}@{settings.site.facts().domain}>"


def digest_message_id(app: App, issue: str, subscriber: Subscriber) -> str:
    """The Message-ID of this subscriber's letter of an issue, such as "daily 2026-11-23".

    It is derived and not random, so a letter that is composed again after a backup was restored is the same letter to
    the mailbox that has it already.
    """
    domain = app.settings.site.facts().domain
    return message.message_id(issue, subscriber.row, subscriber.email, app.keys[0], domain)


def as_preview(app: App, digest: Digest, subscriber: Subscriber) -> Delivery:
    """The delivery that this digest has, or would get where it is not composed yet."""
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
