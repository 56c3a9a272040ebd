"""A digest becomes a letter. What costs time is done once per paper, not once per subscriber.

    renderer = LetterRenderer(site, "paper", language, folders)   once for each theme and language
    renderer.encoded(digest, papers, subscriber, links, day)      for each subscriber: joins finished, encoded blocks
    renderer.letter(digest, papers, subscriber, links, day)       the same as people read it, for previews
    renderer.whole_letter(…)                                      the same bytes the slow way, which tests compare
    renderer.notice(kind, subscriber, links, context)             confirm, welcome, goodbye …

A letter is a list of blocks: the index of all papers, the one to read first, a few with a summary, the others by
title. The layout marks where it can be cut. A block that is met for the first time is laid out in a whole document,
the style sheet inlined, and what stands between its marks is kept; likewise the letter's shell, in which a *slot*
stands for each thing that belongs to one subscriber.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
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
from paperround.domain.schedule import Cadence
from paperround.rendering import chart as charts
from paperround.rendering import notice as notices
from paperround.rendering import plaintext, reasons, sample, size, subject, view
from paperround.rendering.card_cache import CardCache
from paperround.rendering.language import Language
from paperround.rendering.placeholders import EncodedValues, Fragment, addresses, escaped, plain_addresses, slot
from paperround.rendering.size import Plan, PlannedPaper
from paperround.rendering.theme import Theme
from paperround.rendering.view import Block, BlockKind

_MOST_PAPERS = 999  # a card's first line is as long as their number allows
_KEPT_BLOCKS, _KEPT_PIECES = 8_000, 400  # a block is about 4 KB in memory
_PICTURES_AFTER_LEAD = 2  # cards; more pictures make a letter long and say little
_SENTENCES = ("subject", "lead", "date", "tally", "more", "finish", "reason")
_ADDRESSES = ("unsubscribe", "preferences", "online", "feedback")
_BLANK_LINKS = Links(*map(slot, _ADDRESSES))


@dataclass(frozen=True, slots=True)
class _Part:
    """A heading, or a paper in one form: what is laid out once and kept."""

    kind: BlockKind
    heading: str = ""
    choice: PlannedPaper | None = None
    picture: bool = False
    """Whether a card shows its picture."""
    votes: bool = False
    """Whether the index that a row is of has a column for votes."""
    tight: bool = False
    """Whether the next block follows without an empty line in text."""

    def key(self, budget: int, day: date) -> Hashable:
        """What its bytes depend on, but for the facts of its paper."""
        if self.choice is None:
            return self.heading, self.tight
        choice = self.choice
        look = (self.picture, self.votes, self.tight, budget, day)
        return self.kind, choice.paper.id, choice.why, choice.tag, look


@dataclass(frozen=True, slots=True)
class _RenderedBlock:
    """A block ready to be joined, and the paper as it was then."""

    paper: Paper | None
    block: Block
    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class _Joined:
    """A letter of fragments, before it is known whether it fits."""

    plan: Plan
    view: view.LetterView
    html: tuple[Fragment, ...]
    texts: tuple[tuple[BlockKind, Fragment], ...]
    """Each block's form and its text."""
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
    texts: tuple[tuple[BlockKind, str], ...]

    @property
    def size(self) -> int:
        """Bytes of the HTML as UTF-8."""
        return len(self.html.encode())


_Drafted = TypeVar("_Drafted", _Joined, _Whole)
_Make = Callable[[Plan, Subscriber, Links, Cadence, date, charts.Chart | None], _Drafted]


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
        self._blocks: CardCache[_RenderedBlock] = CardCache(_KEPT_BLOCKS)
        self._pieces: CardCache[Fragment] = CardCache(_KEPT_PIECES)
        self._views: CardCache[view.LetterView] = CardCache(_KEPT_BLOCKS)
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
        texts = [(kind, text.filled(draft.values)) for kind, text in draft.texts]
        return self._rendered(draft, "".join(piece.filled(draft.escaped) for piece in draft.html), texts)

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
        text = [encode_piece(plaintext.opening(draft.view, self.site))]
        numbers = plaintext.numbering(kind for kind, _ in draft.texts)
        for number, (_, piece) in zip(numbers, draft.texts, strict=True):
            text.append(number.encode())
            piece.add_to(text, values)
        if draft.view.chart:
            text.append(encode_piece(plaintext.chart_text(draft.view.chart)))
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
        return self._rendered(draft, draft.html, draft.texts)

    def notice(self, kind: str, subscriber: Subscriber, links: Links, context: Mapping[str, Any]) -> Rendered:
        """A notice in the look of the letters; `context` holds what its template says it takes."""
        said = notices.compose(
            kind, subscriber, links, context, site=self.site, language=self.language, folders=self._folders
        )
        links = plain_addresses(links)
        letter = replace(
            self._blank(), subject=said.subject, lead=said.subject, date="", tally="", reason="", notice=said,
            links=replace(links, online="") if notices.has_way_out(subscriber) else None,
        )  # fmt: skip
        text = plaintext.notice_text(letter, said, self.site, self.language)
        return Rendered(said.subject, "".join(self._cut(letter)), text)

    def _fitting(
        self,
        make: _Make[_Drafted],
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
            self._plan(digest, papers, subscriber),
            lambda plan: make(plan, subscriber, links, digest.cadence, day, chart),
            lambda draft: draft.size,
        )

    def _rendered(self, draft: _Joined | _Whole, html: str, texts: Sequence[tuple[BlockKind, str]]) -> Rendered:
        text = plaintext.letter_text(draft.view, texts, self.site, self.language)
        return Rendered(draft.view.subject, html, text, tuple(choice.paper.row for choice in draft.plan.choices))

    def _joined(
        self,
        plan: Plan,
        subscriber: Subscriber,
        links: Links,
        cadence: Cadence,
        day: date,
        chart: charts.Chart | None,
    ) -> _Joined:
        """The letter from blocks that are kept, or are made and kept now."""
        made = self._kept(self._outline(plan, cadence), plan.budget, day)
        letter = self._view(plan, [one.block for one in made], subscriber, links, day, chart)
        top, bottom = self._shell(letter, cadence)
        values = {name: getattr(letter, name) for name in _SENTENCES}
        values |= zip(_ADDRESSES, addresses(links), strict=True)
        html = [top, *(one.html for one in made), *((self._charted(chart),) if chart else ()), bottom]
        texts = tuple((one.block.kind, one.text) for one in made)
        in_html = {name: escaped(value) for name, value in values.items()}
        return _Joined(plan, letter, tuple(html), texts, values, in_html)

    def _at_once(
        self,
        plan: Plan,
        subscriber: Subscriber,
        links: Links,
        cadence: Cadence,
        day: date,
        chart: charts.Chart | None,
    ) -> _Whole:
        """The letter as one document."""
        blocks = tuple(self._block(part, plan.budget, day) for part in self._outline(plan, cadence))
        letter = replace(self._view(plan, blocks, subscriber, links, day, chart), blocks=blocks)
        texts = tuple((block.kind, plaintext.block_text(block, self.language, links.feedback)) for block in blocks)
        return _Whole(plan, letter, "".join(self._cut(letter)), texts)

    def _outline(self, plan: Plan, cadence: Cadence) -> list[_Part]:
        """The blocks of a letter, in order."""
        _ = self.language.gettext
        parts: list[_Part] = []
        votes = any(view.is_popular(choice.paper) for choice in plan.entries)
        if plan.entries:
            parts.append(_Part(BlockKind.HEADING, _("In one minute"), tight=True))
            parts += (_Part(BlockKind.ENTRY, choice=one, votes=votes, tight=True) for one in plan.entries)
            parts[-1] = replace(parts[-1], tight=False)

        def add(heading: str, kind: BlockKind, choices: Sequence[PlannedPaper], pictures: int = 0) -> None:
            if choices:
                parts.append(_Part(BlockKind.HEADING, heading))
                parts.extend(_Part(kind, choice=one, picture=at < pictures) for at, one in enumerate(choices))

        also = _("Also this month") if cadence is Cadence.MONTHLY else _("Also this week")
        add(_("The one to read"), BlockKind.LEAD, plan.lead, 1)
        add(_("More for you"), BlockKind.CARD, plan.cards, _PICTURES_AFTER_LEAD)
        add(also if cadence.tells_of_days else _("Also today"), BlockKind.LINE, plan.lines)
        return parts

    def _kept(self, parts: Sequence[_Part], budget: int, day: date) -> list[_RenderedBlock]:
        """The blocks; those that are new, or whose paper has changed, are laid out in one go."""
        found: dict[Hashable, _RenderedBlock] = {}
        new: dict[Hashable, _Part] = {}
        keys = [part.key(budget, day) for part in parts]
        for key, part in zip(keys, parts, strict=True):
            kept = self._blocks.get(key)
            paper = part.choice.paper if part.choice else None
            if kept is not None and (kept.paper is paper or kept.paper == paper):
                found[key] = kept
            else:
                new[key] = part
        if new:
            for key, made in zip(new, self._lay_out(list(new.values()), budget, day), strict=True):
                found[key] = self._blocks.put(key, made)
        return [found[key] for key in keys]

    def _lay_out(self, parts: Sequence[_Part], budget: int, day: date) -> list[_RenderedBlock]:
        blocks = tuple(self._block(part, budget, day) for part in parts)
        _top, *pieces, _bottom = self._cut(self._blank(blocks))
        feedback = self._shown(_BLANK_LINKS).feedback
        return [
            _RenderedBlock(
                part.choice.paper if part.choice else None,
                block,
                Fragment.of(html, self._theme.file),
                self._text_fragment(block, feedback),
            )
            for part, block, html in zip(parts, blocks, pieces, strict=True)
        ]

    def _text_fragment(self, block: Block, feedback: str) -> Fragment:
        """A block as text; the first line of a paper leaves room for its number."""
        text = plaintext.block_text(block, self.language, feedback)
        indent = len(plaintext.numbered(_MOST_PAPERS)) if block.card else 0
        return Fragment.of(text, self._theme.file, indent)

    def _block(self, part: _Part, budget: int, day: date) -> Block:
        if part.choice is None:
            return Block(part.kind, part.heading, tight=part.tight)
        if part.kind is BlockKind.LEAD and budget:
            budget = size.LEAD_BUDGET
        choice = part.choice
        card = view.card(
            choice.paper, choice.why, self.language, budget, day, site=self.site.base_url, tag=choice.tag
        )
        card = card if self._pictures and part.picture else replace(card, picture="")
        return Block(part.kind, card=card, votes=part.votes, tight=part.tight, words=view.words(part.kind, card))

    def _charted(self, chart: charts.Chart) -> Fragment:
        if (known := self._pieces.get(chart)) is not None:
            return known
        _top, piece, _bottom = self._cut(replace(self._blank(), chart=chart))
        return self._pieces.put(chart, Fragment.of(piece, self._theme.file))

    def _shell(self, letter: view.LetterView, cadence: Cadence) -> tuple[Fragment, Fragment]:
        """What stands before the blocks and behind them."""
        facts = (bool(letter.more), bool(letter.finish), letter.thanks, cadence)
        top, bottom = self._pieces.get(("top", *facts)), self._pieces.get(("bottom", *facts))
        if top is None or bottom is None:
            blank = replace(
                self._blank(),
                more=slot("more") if letter.more else "",
                finish=slot("finish") if letter.finish else "",
                thanks=letter.thanks,
                controls=letter.controls,
            )
            first, last = self._cut(blank)
            top = self._pieces.put(("top", *facts), Fragment.of(first, self._theme.file))
            bottom = self._pieces.put(("bottom", *facts), Fragment.of(last, self._theme.file))
        return top, bottom

    def _cut(self, letter: view.LetterView) -> list[str]:
        """The document of this letter, its style sheet inlined, cut at its marks."""
        pieces = self._theme.pieces(letter=letter, site=self.site)
        wanted = 2 + len(letter.blocks) + bool(letter.chart)
        if len(pieces) != wanted:
            raise ConfigurationError(
                f"{self._theme.file}: its letter comes apart into {len(pieces)} pieces, not {wanted}; fill the "
                "layout's blocks and leave the marks ({{ cut }}) between them as they are"
            )
        return pieces

    def _shown(self, links: Links) -> Links:
        """Those that this site's letters have."""
        return links if self._feedback else replace(links, feedback="")

    def _blank(self, blocks: tuple[Block, ...] = ()) -> view.LetterView:
        """A letter to nobody yet: each thing that belongs to one subscriber is a slot."""
        return view.LetterView(
            subject=slot("subject"),
            lead=slot("lead"),
            date=slot("date"),
            tally=slot("tally"),
            more="",
            finish="",
            reason=slot("reason"),
            thanks="",
            links=self._shown(_BLANK_LINKS),
            blocks=blocks,
        )

    def _view(
        self,
        plan: Plan,
        blocks: Sequence[Block],
        subscriber: Subscriber,
        links: Links,
        day: date,
        chart: charts.Chart | None,
    ) -> view.LetterView:
        """All that the letter says around its blocks."""
        cards = [block.card for block in blocks if block.card and block.kind is not BlockKind.ENTRY]
        topics = tuple(dict.fromkeys(choice.tag for choice in plan.choices if choice.tag))
        first, from_arxiv = tuple(card.title for card in cards[:4]), any(card.from_arxiv for card in cards)
        minutes, cadence = view.minutes(blocks), subscriber.schedule.cadence
        key = (first, len(cards), topics, plan.more, minutes, cadence, day, from_arxiv)
        if (shared := self._views.get(key)) is None:
            shared = self._shared_view(plan, cards, minutes, topics, subscriber, day)
            self._views.put(key, shared := replace(shared, thanks=view.ARXIV_THANKS if from_arxiv else ""))
        return replace(
            shared, lead=view.greeted(subscriber, shared.lead, day, self.language), links=links, chart=chart
        )

    def _shared_view(
        self,
        plan: Plan,
        cards: Sequence[view.Card],
        minutes: int,
        topics: Sequence[str],
        subscriber: Subscriber,
        day: date,
    ) -> view.LetterView:
        """What letters with the same topics, numbers and first papers have in common."""
        dated = view.dated(subscriber.schedule.cadence, day, self.language)
        told = view.inside(len(cards), len(topics), plan.more, self.language)
        reading = view.inside_minutes(len(cards), minutes, self.language) if cards else told
        return view.LetterView(
            subject=subject.render_subject(
                self._subject_template,
                top=cards[0].short_title if len(cards) > 1 else cards[0].title if cards else told,
                second=cards[1].short_title if len(cards) > 1 else "",
                others=view.and_more(max(0, len(cards) - 2), self.language),
                inside=told,
                papers=self.language.number(len(cards)),
                topics=self.language.list(topics),
                date=dated,
                site=self.site.name,
            ),
            lead=view.lead(cards, reading),
            date=view.masthead_date(subscriber.schedule.cadence, day, self.language),
            tally=view.tally(len(cards), plan.more, self.language),
            more=view.all_online(len(cards), plan.more, self.language),
            finish=self.language.gettext("That was all: %(inside)s.") % {"inside": reading} if cards else "",
            reason=view.reason(subscriber, topics, self.language),
            thanks="",
            links=None,
            controls=view.controls(subscriber.schedule.cadence, self.language),
        )

    def _plan(self, digest: Digest, papers: Mapping[int, Paper], subscriber: Subscriber) -> Plan:
        """The digest's papers, best first over all topics; one that is not there any more is left out."""
        picks = [(section, pick) for section in digest.sections for pick in section.picks if pick.paper in papers]
        # Python's sort is stable: without ranks, or of equals, the order of the digest stays.
        picks.sort(key=lambda one: (one[0].topic != DISCUSSED, -one[1].rank))
        choices = tuple(
            PlannedPaper(papers[pick.paper], reasons.worth_printing(pick.why), view.tag(section, pick))
            for section, pick in picks
        )
        return Plan(choices, len(digest.more), subscriber.density)

    def _try_out(self) -> None:
        """The theme on a made-up issue: it has to parse, and blocks may not depend on what stands beside them."""
        digest, rest = sample.DIGEST, (sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
        self._theme.check(self._theme.render(letter=self._blank(), site=self.site))
        self.letter(_upside_down(digest), *rest)
        if self.letter(digest, *rest).html != self.whole_letter(digest, *rest).html:
            raise ConfigurationError(
                f"{self._theme.file}: a block comes out differently beside other ones; it is laid out once "
                "for all letters, so it cannot use loop.first, loop.index or anything else of its neighbors"
            )


def _upside_down(digest: Digest) -> Digest:
    """The digest with its papers in the opposite order, none of them beside the ones that it stood beside."""
    return replace(
        digest,
        sections=tuple(
            replace(part, picks=tuple(replace(pick, rank=-pick.rank) for pick in part.picks))
            for part in digest.sections
        ),
        more=(),
    )
