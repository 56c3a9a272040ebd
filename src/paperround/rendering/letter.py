"""A digest becomes a letter. What costs time is done once per paper, not once per subscriber.

    press = LetterRenderer(site, "paper", language, folders)      once for each theme and language
    press.encoded(digest, papers, subscriber, links, day)    for each subscriber: joins finished, encoded pieces
    press.letter(digest, papers, subscriber, links, day)     the same as people read it, for previews
    press.whole_letter(…)                                the same bytes the slow way, which tests compare
    press.notice(kind, subscriber, links, context)           confirm, welcome, goodbye …

The layout marks where a letter can be cut. A card that is met for the first time is laid out in a whole
document, the style sheet inlined, and what stands between its marks is kept; likewise the headings and the
letter's shell, in which a *slot* stands for each thing that belongs to one subscriber.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import (
    DISCUSSED,
    Digest,
    EncodedLetter,
    Links,
    Paper,
    Rendered,
    Site,
    Subscriber,
    TopicCounts,
)
from paperround.domain.quoted_printable import encode_piece, join
from paperround.rendering import chart as charts
from paperround.rendering import notice as notices
from paperround.rendering import plaintext, sample, size, subject, view
from paperround.rendering.card_cache import CardCache
from paperround.rendering.language import Language
from paperround.rendering.placeholders import EncodedValues, Fragment, addresses, escaped, plain_addresses, slot
from paperround.rendering.size import Plan, PlannedPaper, PlannedSection
from paperround.rendering.theme import Theme

_MOST_PAPERS = 999  # a card's first line is as long as their number allows
_KEPT_CARDS, _KEPT_PIECES = 4_000, 400  # a card is about 8 KB in memory
_SLOTS = ("subject", "lead", "more", "reason", "unsubscribe", "preferences", "online", "feedback")
_BLANK_LINKS = Links(*map(slot, _SLOTS[4:]))

Kept = TypeVar("Kept", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _RenderedCard:
    """A card ready to be joined, and the paper as it was then."""

    paper: Paper
    card: view.Card
    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class _Joined:
    """A letter of fragments, before it is known whether it fits."""

    plan: Plan
    view: view.LetterView
    html: tuple[Fragment, ...]
    sections: tuple[tuple[str, tuple[Fragment, ...]], ...]
    """Each section's name, and its cards as text."""
    values: Mapping[str, str]
    """What goes into the placeholders of text."""
    escaped: Mapping[str, str]
    """What goes into those of HTML."""

    @property
    def size(self) -> int:
        """Bytes of the HTML as UTF-8."""
        lengths = {name: len(value.encode()) for name, value in self.escaped.items()}
        return sum(piece.size + sum(lengths[name] for name in piece.slots) for piece in self.html)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The same laid out as one document."""

    plan: Plan
    view: view.LetterView
    html: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def size(self) -> int:
        """Bytes of the HTML as UTF-8."""
        return len(self.html.encode())


_Drafted = TypeVar("_Drafted", _Joined, _Whole)


class LetterRenderer:
    """Prints the letters of one site in one theme and one language; threads may share it.

    Making one tries the theme on a made-up issue: ConfigurationError names what is wrong with it, and where.
    """

    def __init__(
        self,
        site: Site,
        theme: str,
        language: Language,
        folders: Sequence[Path],
        *,
        subject_template: str = subject.DEFAULT,
        pictures: bool = True,
        feedback: bool = True,
    ) -> None:
        self.site, self.language = site, language
        self._folders, self._feedback = tuple(folders), feedback
        self._pictures = pictures and view.reaches_subscribers(site)
        self._subject_template = subject.check(subject_template)
        self._theme = Theme(theme, language, self._folders)
        self._cards: CardCache[_RenderedCard] = CardCache(_KEPT_CARDS)
        self._pieces: CardCache[Fragment] = CardCache(_KEPT_PIECES)
        self._blocks: CardCache[bytes] = CardCache(_KEPT_PIECES)
        self._views: CardCache[view.LetterView] = CardCache(_KEPT_CARDS)
        self._summaries = True
        self._try_out()

    def letter(
        self,
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        links: Links,
        day: date,
        counts: Sequence[TopicCounts] = (),
    ) -> Rendered:
        """The subscriber's letter: subject, HTML of less than 100,000 bytes, and text with the same papers.

        `papers` are by row; one that the digest names and that is missing there is left out.
        `counts` are what the chart of a weekly or monthly letter shows; without them there is none.
        """
        draft = self._fitting(self._joined, digest, papers, subscriber, links, day, counts)
        sections = [
            (name, [plaintext.INDENT + card.filled(draft.values).removesuffix("\n\n") for card in cards])
            for name, cards in draft.sections
        ]
        return self._rendered(draft, "".join(piece.filled(draft.escaped) for piece in draft.html), sections)

    def encoded(
        self,
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        links: Links,
        day: date,
        counts: Sequence[TopicCounts] = (),
    ) -> EncodedLetter:
        """The same letter, its parts joined from pieces that were encoded once."""
        draft = self._fitting(self._joined, digest, papers, subscriber, links, day, counts)
        html: list[bytes] = []
        values = EncodedValues(draft.escaped)
        for piece in draft.html:
            piece.add_to(html, values)
        values = EncodedValues(draft.values)
        text = [encode_piece(plaintext.opening(draft.view, self.site) + "\n\n")]
        number = 0
        for name, cards in draft.sections:
            text.append(self._encoded_once(plaintext.heading, name))
            for card in cards:
                number += 1
                text.append(plaintext.numbered(number).encode())
                card.add_to(text, values)
        if draft.view.chart:
            text.append(self._encoded_once(plaintext.chart_text, draft.view.chart))
        text.append(encode_piece(plaintext.closing(draft.view, self.site, self.language)))
        return EncodedLetter(draft.view.subject, join(html), join(text))

    def whole_letter(
        self,
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        links: Links,
        day: date,
        counts: Sequence[TopicCounts] = (),
    ) -> Rendered:
        """The same letter laid out and inlined as one document: fifty times slower, and the reference."""
        draft = self._fitting(self._at_once, digest, papers, subscriber, links, day, counts)
        return self._rendered(draft, draft.html, draft.sections)

    def notice(self, kind: str, subscriber: Subscriber, links: Links, context: Mapping[str, Any]) -> Rendered:
        """A notice in the look of the letters; `context` holds what its template says it takes."""
        said = notices.compose(
            kind, subscriber, links, context, site=self.site, language=self.language, folders=self._folders
        )
        links = plain_addresses(links)
        letter = replace(
            self._blank(date.min), subject=said.subject, lead=said.subject, date="", reason="", notice=said,
            links=replace(links, online="") if notices.has_way_out(subscriber) else None,
        )  # fmt: skip
        text = plaintext.notice_text(letter, said, self.site, self.language)
        return Rendered(said.subject, "".join(self._cut(letter)), text)

    def _fitting(
        self,
        make: Callable[[Plan, Subscriber, Links, date, charts.Chart | None], _Drafted],
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        links: Links,
        day: date,
        counts: Sequence[TopicCounts],
    ) -> _Drafted:
        links = self._shown(plain_addresses(links))
        chart = charts.chart(digest, counts, self.language, self.site.base_url if self._pictures else "")
        return size.fit(
            self._plan(digest, papers),
            lambda plan: make(plan, subscriber, links, day, chart),
            lambda draft: draft.size,
        )

    def _rendered(
        self, draft: _Joined | _Whole, html: str, sections: Sequence[tuple[str, Sequence[str]]]
    ) -> Rendered:
        text = plaintext.letter_text(draft.view, sections, self.site, self.language)
        return Rendered(draft.view.subject, html, text, tuple(choice.paper.row for choice in draft.plan.choices))

    def _encoded_once(self, make: Callable[[Kept], str], of: Kept) -> bytes:
        """A block of the text that many letters have, and the empty line behind it."""
        key = (make, of)
        if (known := self._blocks.get(key)) is not None:
            return known
        return self._blocks.put(key, encode_piece(make(of) + "\n\n"))

    def _joined(
        self, plan: Plan, subscriber: Subscriber, links: Links, day: date, chart: charts.Chart | None
    ) -> _Joined:
        """The letter from pieces that are kept, or are made and kept now."""
        printed = self._printed(plan, day)
        letter = self._view(plan, [one.card for one in chain(*printed)], subscriber, links, day, chart)
        top, bottom = self._shell(letter, day)
        told = (letter.subject, letter.lead, letter.more, letter.reason, *addresses(links))
        said = dict(zip(_SLOTS, told, strict=True))
        pieces, sections = [top], []
        for section, part in zip(plan.sections, printed, strict=True):
            pieces.append(self._heading(section.name, day))
            pieces += (one.html for one in part)
            sections.append((section.name, tuple(one.text for one in part)))
        if chart:
            pieces.append(self._charted(chart, day))
        values = {name: escaped(value) for name, value in said.items()}
        return _Joined(plan, letter, (*pieces, bottom), tuple(sections), said, values)

    def _at_once(
        self, plan: Plan, subscriber: Subscriber, links: Links, day: date, chart: charts.Chart | None
    ) -> _Whole:
        """The letter as one document."""
        parts = tuple(
            view.LetterSection(
                section.name, tuple(self._card(choice, plan.budget, day) for choice in section.choices)
            )
            for section in plan.sections
        )
        letter = self._view(plan, [card for part in parts for card in part.cards], subscriber, links, day, chart)
        html = "".join(self._cut(replace(letter, sections=parts)))
        sections = tuple(
            (part.name, tuple(self._text(card, links.feedback) for card in part.cards)) for part in parts
        )
        return _Whole(plan, letter, html, sections)

    def _printed(self, plan: Plan, day: date) -> list[list[_RenderedCard]]:
        """Each section's cards; those that are new, or whose paper has changed, are laid out in one go."""
        keys: list[list[Hashable]] = [
            [(choice.paper.id, choice.why, plan.budget, day) for choice in section.choices]
            for section in plan.sections
        ]
        found: dict[Hashable, _RenderedCard] = {}
        new: dict[Hashable, PlannedPaper] = {}
        for key, choice in zip(chain(*keys), plan.choices, strict=True):
            kept = self._cards.get(key)
            if kept is not None and (kept.paper is choice.paper or kept.paper == choice.paper):
                found[key] = kept
            else:
                new[key] = choice
        if new:
            for key, printed in zip(new, self._print(list(new.values()), plan.budget, day), strict=True):
                found[key] = self._cards.put(key, printed)
        return [[found[key] for key in part] for part in keys]

    def _print(self, choices: Sequence[PlannedPaper], budget: int, day: date) -> list[_RenderedCard]:
        cards = tuple(self._card(choice, budget, day) for choice in choices)
        _top, _heading, *pieces, _bottom = self._cut(self._blank(day, sections=(view.LetterSection("", cards),)))
        texts = (self._text(card, self._shown(_BLANK_LINKS).feedback) for card in cards)
        return [
            _RenderedCard(choice.paper, card, Fragment.of(html, self._theme.file), self._text_fragment(text))
            for choice, card, html, text in zip(choices, cards, pieces, texts, strict=True)
        ]

    def _text_fragment(self, text: str) -> Fragment:
        """A card as text without its indent, which its number fills; behind it an empty line."""
        return Fragment.of(
            text[len(plaintext.INDENT) :] + "\n\n", self._theme.file, len(plaintext.numbered(_MOST_PAPERS))
        )

    def _heading(self, name: str, day: date) -> Fragment:
        key = ("heading", name, day)
        if (known := self._pieces.get(key)) is not None:
            return known
        _top, heading, _bottom = self._cut(self._blank(day, sections=(view.LetterSection(name, ()),)))
        return self._pieces.put(key, Fragment.of(heading, self._theme.file))

    def _charted(self, chart: charts.Chart, day: date) -> Fragment:
        if (known := self._pieces.get(chart)) is not None:
            return known
        _top, piece, _bottom = self._cut(replace(self._blank(day), chart=chart))
        return self._pieces.put(chart, Fragment.of(piece, self._theme.file))

    def _shell(self, letter: view.LetterView, day: date) -> tuple[Fragment, Fragment]:
        """What stands before the sections and behind them."""
        facts = (letter.date, bool(letter.more), letter.thanks)
        top, bottom = self._pieces.get(("top", *facts)), self._pieces.get(("bottom", *facts))
        if top is None or bottom is None:
            more = slot("more") if letter.more else ""
            first, last = self._cut(replace(self._blank(day), date=letter.date, more=more, thanks=letter.thanks))
            top = self._pieces.put(("top", *facts), Fragment.of(first, self._theme.file))
            bottom = self._pieces.put(("bottom", *facts), Fragment.of(last, self._theme.file))
        return top, bottom

    def _cut(self, letter: view.LetterView) -> list[str]:
        """The document of this letter, its style sheet inlined, cut at its marks."""
        pieces = self._theme.pieces(letter=letter, site=self.site)
        wanted = 2 + sum(1 + len(part.cards) for part in letter.sections) + bool(letter.chart)
        if len(pieces) != wanted:
            raise ConfigurationError(
                f"{self._theme.file}: its letter comes apart into {len(pieces)} pieces, not {wanted}; fill the "
                "layout's blocks and leave the marks ({{ cut }}) between them as they are"
            )
        return pieces

    def _card(self, choice: PlannedPaper, budget: int, day: date) -> view.Card:
        card = view.card(choice.paper, choice.why, self.language, budget, day, site=self.site.base_url)
        return card if self._pictures else replace(card, picture="")

    def _text(self, card: view.Card, feedback: str) -> str:
        # Spam filters compare the two parts: the text says no more than the theme does (compact has no summaries).
        shown = card if self._summaries else replace(card, summary="")
        return plaintext.card_text(shown, self.language, feedback)

    def _shown(self, links: Links) -> Links:
        """Those that this site's letters have."""
        return links if self._feedback else replace(links, feedback="")

    def _blank(self, day: date, sections: tuple[view.LetterSection, ...] = ()) -> view.LetterView:
        """A letter to nobody yet: each thing that belongs to one subscriber is a slot."""
        return view.LetterView(
            subject=slot("subject"),
            lead=slot("lead"),
            date=self.language.date(day),
            more="",
            reason=slot("reason"),
            thanks="",
            links=self._shown(_BLANK_LINKS),
            sections=sections,
        )

    def _view(
        self,
        plan: Plan,
        cards: Sequence[view.Card],
        subscriber: Subscriber,
        links: Links,
        day: date,
        chart: charts.Chart | None,
    ) -> view.LetterView:
        """All that the letter says around its sections."""
        topics = tuple(section.name for section in plan.sections if section.topic != DISCUSSED)
        top, from_arxiv = cards[0].title if cards else "", any(card.from_arxiv for card in cards)
        key = (top, len(cards), topics, plan.more, subscriber.schedule.cadence, day, from_arxiv)
        if (shared := self._views.get(key)) is None:
            shared = self._shared_view(plan, len(cards), top, topics, subscriber, day)
            self._views.put(key, shared := replace(shared, thanks=view.ARXIV_THANKS if from_arxiv else ""))
        told = view.inside(len(cards), len(topics), plan.more, self.language)
        return replace(shared, lead=view.lead(subscriber, told, self.language), links=links, chart=chart)

    def _shared_view(
        self, plan: Plan, papers: int, top: str, topics: Sequence[str], subscriber: Subscriber, day: date
    ) -> view.LetterView:
        """What letters with the same topics, numbers and first paper have in common."""
        dated = view.dated(subscriber.schedule.cadence, day, self.language)
        told = view.inside(papers, len(topics), plan.more, self.language)
        others = papers - 1 + plan.more if papers else 0
        return view.LetterView(
            subject=subject.render_subject(
                self._subject_template,
                top=top if papers else told,
                others=view.and_more(others, self.language),
                inside=told,
                papers=self.language.number(papers),
                topics=self.language.list(topics),
                date=dated,
                site=self.site.name,
            ),
            lead="",
            date=dated,
            more=view.more_online(plan.more, self.language),
            reason=view.reason(subscriber, topics, self.language),
            thanks="",
            links=None,
        )

    def _plan(self, digest: Digest, papers: Mapping[int, Paper]) -> Plan:
        """The digest with its papers at hand; one that is not there any more is left out."""
        sections = []
        for section in digest.sections:
            known = (pick for pick in section.picks if pick.paper in papers)
            if choices := tuple(PlannedPaper(papers[pick.paper], pick.why) for pick in known):
                name = view.section_name(section, digest.cadence, self.language)
                sections.append(PlannedSection(name, choices, section.topic))
        return Plan(tuple(sections), len(digest.more))

    def _try_out(self) -> None:
        """The theme on a made-up issue: it has to parse, and cards may not depend on what stands beside them."""
        digest, rest = sample.DIGEST, (sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
        self._theme.check(self._theme.render(letter=self._blank(sample.DAY), site=self.site))
        first = self._card(PlannedPaper(sample.PAPERS[1], ()), sys.maxsize, sample.DAY)
        alone = self._blank(sample.DAY, sections=(view.LetterSection("", (first,)),))
        self._summaries = first.summary in "".join(self._cut(alone))
        self.letter(replace(digest, sections=tuple(reversed(digest.sections)), more=()), *rest)
        if self.letter(digest, *rest).html != self.whole_letter(digest, *rest).html:
            raise ConfigurationError(
                f"{self._theme.file}: a card or heading comes out differently beside other ones; it is laid out once "
                "for all letters, so it cannot use loop.first, loop.index or anything else of its neighbours"
            )
