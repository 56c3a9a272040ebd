"""From a delivery to the bytes that go over the wire: the sending and every preview pass through here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from paperround import tokens
from paperround.delivery import dkim, message
from paperround.models import Delivery, DeliveryState, Digest, Letter, Links, Paper, Rendered, Subscriber
from paperround.rendering import language as languages
from paperround.rendering.letter import Press
from paperround.resources import templates

if TYPE_CHECKING:
    from paperround.app import App

_ISSUES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Finished:
    """A letter as people read it and as it goes."""

    rendered: Rendered
    letter: Letter


class LetterMaker:
    """Makes letters; what depends on papers alone is made once and kept (cost follows papers, not readers)."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._site = app.settings.site.facts()
        self._keys = app.keys
        self._press = lru_cache(maxsize=32)(self._new_press)
        self._signer = dkim.signer(app.settings.dkim) if app.settings.dkim else None
        self._printed: OrderedDict[str, dict[int, Paper]] = OrderedDict()

    def digest_letter(self, delivery: Delivery, digest: Digest, reader: Subscriber, now: datetime) -> Finished:
        """The letter for a digest that was composed for this reader."""
        return self.lay_out(delivery, digest, self._papers(digest), reader, now)

    def lay_out(
        self,
        delivery: Delivery,
        digest: Digest,
        papers: Mapping[int, Paper],
        reader: Subscriber,
        now: datetime,
    ) -> Finished:
        """The same with the papers given: a preview has them before they are printed."""
        links = self.links(reader, digest)
        day = date.fromisoformat(digest.issue.split(" ", 1)[1])
        rendered = self._press(reader.theme, reader.language).letter(digest, papers, reader, links, day)
        return self._finish(delivery, rendered, links, now, "digest")

    def notice_letter(self, delivery: Delivery, reader: Subscriber, now: datetime) -> Finished:
        """The letter for a notice: confirm, welcome, goodbye and the like."""
        kind = delivery.notice or ""
        links = self.links(reader, None)
        context = (
            {**delivery.context, "confirm_url": self.confirm_url(reader, now)}
            if kind == "confirm"
            else delivery.context
        )
        rendered = self._press(reader.theme, reader.language).notice(kind, reader, links, context)
        return self._finish(delivery, rendered, links, now, "notice")

    def links(self, reader: Subscriber, digest: Digest | None) -> Links:
        """The reader's personal addresses."""
        base = self._site.base_url
        return Links(
            unsubscribe=f"{base}/u/{tokens.mint(self._keys, 'unsubscribe', reader.row)}",
            preferences=f"{base}/p/{tokens.mint(self._keys, 'preferences', reader.row)}",
            online=f"{base}/i/{tokens.mint(self._keys, 'digest', digest.row)}" if digest else base,
        )

    def confirm_url(self, reader: Subscriber, now: datetime) -> str:
        """Where the reader confirms; it holds for three days."""
        return f"{self._site.base_url}/c/{tokens.mint(self._keys, 'confirm', reader.row, issued=now)}"

    def _finish(
        self, delivery: Delivery, rendered: Rendered, links: Links, now: datetime, kind: Literal["digest", "notice"]
    ) -> Finished:
        head = message.Head(
            sender_name=self._site.name,
            sender=self._site.sender,
            recipient=delivery.email,
            date=now,
            message_id=delivery.message_id,
            reply_to=self._site.reply_to,
            kind=kind,
            list_name=self._site.name,
            unsubscribe_url=links.unsubscribe,
        )
        raw = message.build(head, rendered)
        if self._signer:
            raw = self._signer(raw)
        return Finished(rendered, Letter(delivery.row, self._envelope_sender(delivery), delivery.email, raw))

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

    def _new_press(self, theme: str, language: str) -> Press:
        found = templates()
        return Press(self._site, theme, languages.load(language, found), found)


def as_preview(digest: Digest, reader: Subscriber, message_id: str) -> Delivery:
    """The delivery that a digest would get."""
    return Delivery(
        row=0,
        email=reader.email,
        message_id=message_id,
        state=DeliveryState.QUEUED,
        subscriber=reader.row,
        digest=digest.row,
        issue=digest.issue,
    )
