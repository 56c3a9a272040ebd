"""A digest becomes a letter. What costs time is done once per paper, not once per subscriber.

    press = LetterRenderer(site, "paper", language, folders)      once for each theme and language
    press.letter(digest, papers, subscriber, links, day)     for each subscriber: joins finished pieces
    press.whole_letter(…)                                the same bytes the slow way, which tests compare
    press.notice(kind, subscriber, links, context)           confirm, welcome, goodbye …

The layout marks where a letter can be cut. A card that is met for the first time is laid out in a whole
document, the style sheet inlined, and what stands between its marks is kept; likewise the headings and the
letter's shell, in which a *slot* stands for each thing that belongs to one subscriber.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import DISCUSSED, Digest, Links, Paper, Rendered, Site, Subscriber, TopicCounts
from paperround.rendering import chart as charts
from paperround.rendering import notice as notices
from paperround.rendering import plaintext, sample, size, subject, view
from paperround.rendering.card_cache import CardCache
from paperround.rendering.language import Language
from paperround.rendering.placeholders import Fragment, escaped, plain_addresses, slot
from paperround.rendering.size import Plan, PlannedPaper, PlannedSection
from paperround.rendering.theme import Theme

_KEPT_CARDS, _KEPT_PIECES = 4_000, 400  # a card is about 8 KB in memory
_SLOTS = ("subject", "lead", "more", "reason", "unsubscribe", "preferences", "online", "feedback")
_BLANK_LINKS = Links(*map(slot, _SLOTS[4:]))


@dataclass(frozen=True, slots=True)
class _RenderedCard:
    """A card ready to be joined, and the paper as it was then."""

    paper: Paper
    card: view.Card
    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class _Draft:
    """A letter before it is known whether it fits."""

    plan: Plan
    view: view.LetterView
    html: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    """Each section's name, and its cards as text."""


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
        return self._fitting(self._joined, digest, papers, subscriber, links, day, counts)

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
        return self._fitting(self._at_once, digest, papers, subscriber, links, day, counts)

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
        make: Callable[[Plan, Subscriber, Links, date, charts.Chart | None], _Draft],
        digest: Digest,
        papers: Mapping[int, Paper],
        subscriber: Subscriber,
        links: Links,
        day: date,
        counts: Sequence[TopicCounts],
    ) -> Rendered:
        links = self._shown(plain_addresses(links))
        chart = charts.chart(digest, counts, self.language, self.site.base_url if self._pictures else "")
        draft = size.fit(
            self._plan(digest, papers),
            lambda plan: make(plan, subscriber, links, day, chart),
            lambda draft: len(draft.html.encode()),
        )
        text = plaintext.letter_text(draft.view, draft.sections, self.site, self.language)
        return Rendered(
            draft.view.subject, draft.html, text, tuple(choice.paper.row for choice in draft.plan.choices)
        )

    def _joined(
        self, plan: Plan, subscriber: Subscriber, links: Links, day: date, chart: charts.Chart | None
    ) -> _Draft:
        """The letter from pieces that are on the shelf, or are put there now."""
        printed = self._printed(plan, day)
        letter = self._view(plan, [one.card for one in chain(*printed)], subscriber, links, day)
        letter = replace(letter, chart=chart)
        top, bottom = self._shell(letter, day)
        told = (letter.subject, letter.lead, letter.more, letter.reason, *astuple(links))
        said = dict(zip(_SLOTS, told, strict=True))
        pieces, sections = [top], []
        for section, part in zip(plan.sections, printed, strict=True):
            pieces.append(self._heading(section.name, day))
            pieces += (one.html for one in part)
            sections.append((section.name, tuple(one.text.filled(said) for one in part)))
        if chart:
            pieces.append(self._charted(chart, day))
        values = {name: escaped(value) for name, value in said.items()}
        html = "".join(piece.filled(values) for piece in (*pieces, bottom))
        return _Draft(plan, letter, html, tuple(sections))

    def _at_once(
        self, plan: Plan, subscriber: Subscriber, links: Links, day: date, chart: charts.Chart | None
    ) -> _Draft:
        """The letter as one document."""
        parts = tuple(
            view.LetterSection(
                section.name, tuple(self._card(choice, plan.budget, day) for choice in section.choices)
            )
            for section in plan.sections
        )
        letter = self._view(plan, [card for part in parts for card in part.cards], subscriber, links, day)
        letter = replace(letter, chart=chart)
        html = "".join(self._cut(replace(letter, sections=parts)))
        sections = tuple(
            (part.name, tuple(self._text(card, links.feedback) for card in part.cards)) for part in parts
        )
        return _Draft(plan, letter, html, sections)

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
            _RenderedCard(
                choice.paper, card, Fragment.of(html, self._theme.file), Fragment.of(text, self._theme.file)
            )
            for choice, card, html, text in zip(choices, cards, pieces, texts, strict=True)
        ]

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
        self, plan: Plan, cards: Sequence[view.Card], subscriber: Subscriber, links: Links, day: date
    ) -> view.LetterView:
        """All that the letter says around its sections."""
        topics = [section.name for section in plan.sections if section.topic != DISCUSSED]
        dated = view.dated(subscriber.schedule.cadence, day, self.language)
        told = view.inside(len(cards), len(topics), plan.more, self.language)
        others = len(cards) - 1 + plan.more if cards else 0
        return view.LetterView(
            subject=subject.render_subject(
                self._subject_template,
                top=cards[0].title if cards else told,
                others=view.and_more(others, self.language),
                inside=told,
                papers=self.language.number(len(cards)),
                topics=self.language.list(topics),
                date=dated,
                site=self.site.name,
            ),
            lead=view.lead(subscriber, told, self.language),
            date=dated,
            more=view.more_online(plan.more, self.language),
            reason=view.reason(subscriber, topics, self.language),
            thanks=view.ARXIV_THANKS if any(card.from_arxiv for card in cards) else "",
            links=links,
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
