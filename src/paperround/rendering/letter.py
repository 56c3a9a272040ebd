"""Render digests as letters, doing the expensive work once per paper instead of once per subscriber.

    renderer = LetterRenderer(site, "paper", language, folders)   once for each theme and language
    renderer.encoded(facts)                                       for each subscriber: joins encoded blocks
    renderer.letter(facts)                                        the same as HTML and text, for previews
    renderer.whole_letter(facts)                                  the same the slow way, for comparison in tests
    renderer.notice(kind, subscriber, links, context)             confirm, welcome, goodbye …

A letter is a list of blocks: the index of all papers, the one to read first, a few with a summary, the others by
title. The layout contains marks at which it can be cut. A new block is rendered within a whole document, the style
sheet is inlined, and the part between its marks is cached. The letter's shell (everything around the blocks) is
cached in the same way, with a *slot* in place of each value that belongs to one subscriber.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import (
    DISCUSSED,
    Digest,
    EncodedLetter,
    Links,
    Paper,
    Pick,
    Rendered,
    Section,
    Site,
    Subscriber,
    TopicCounts,
)
from paperround.domain.schedule import Cadence
from paperround.rendering import chart as charts
from paperround.rendering import notice as notices
from paperround.rendering import plaintext, reasons, sample, size, subject, view
from paperround.rendering.card_cache import CardCache
from paperround.rendering.language import Language
from paperround.rendering.placeholders import (
    EncodedPieces,
    Fragment,
    addresses,
    encode_joined,
    escaped,
    plain_addresses,
    slot,
)
from paperround.rendering.size import Plan, PlannedPaper
from paperround.rendering.theme import Theme
from paperround.rendering.view import Block, BlockKind

_MOST_PAPERS = 999  # the indent of a card's first line leaves space for numbers up to this
_BLOCKS_AT_ONCE = 100
_KEPT_BLOCKS, _KEPT_PIECES = 8_000, 400  # a block is about 4 KB in memory
_PICTURES = {BlockKind.LEAD: 1, BlockKind.CARD: 2}  # more pictures would make a letter long without saying much
_SENTENCES = ("subject", "lead", "date", "tally", "more", "finish", "reason")
_ADDRESSES = ("unsubscribe", "preferences", "online", "feedback")
_BLANK_LINKS = Links(*map(slot, _ADDRESSES))
_FORMS = (
    BlockKind.NOTE,
    BlockKind.ENTRY,
    BlockKind.LEAD,
    BlockKind.CARD,
    BlockKind.BRIEF,
    BlockKind.LINE,
    BlockKind.NOTE,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """How a heading or a paper is printed. `_form` makes only one instance of each, so that it can be a cache key."""

    kind: BlockKind
    budget: int
    """The length of a card's summary in this letter, in characters."""
    day: date
    """The day of the letter."""
    heading: str
    picture: bool
    """Whether the card shows its picture."""
    votes: bool
    """Whether the index that this row belongs to has a column for votes."""
    tight: bool
    """Whether the next block follows without an empty line in text."""
    number: int
    """The number shown with the paper; 0 for none."""


@lru_cache(maxsize=8192)
def _form(
    kind: BlockKind,
    budget: int,
    day: date,
    heading: str = "",
    *,
    picture: bool = False,
    votes: bool = False,
    tight: bool = False,
    number: int = 0,
) -> _Form:
    return _Form(kind, budget, day, heading, picture, votes, tight, number)


@dataclass(frozen=True, slots=True)
class _Outline:
    """The blocks of a letter, in order: their forms, and the place of each block's paper among all that are shown."""

    forms: tuple[_Form, ...]
    places: tuple[int | None, ...]
    numbers: tuple[Fragment, ...]
    """The text before each block, such as a paper's number."""

    @classmethod
    @lru_cache(maxsize=1024)
    def of(
        cls, headings: tuple[str, ...], papers: tuple[int, ...], votes: bool, budget: int, day: date, numbered: bool
    ) -> _Outline:
        """Return the outline of a letter with these headings and counts of papers, both in the order of `_FORMS`.

        `numbered` says that HTML numbers the papers as text does.
        """
        form = partial(_form, budget=budget, day=day)
        parts: list[tuple[_Form, int | None]] = []
        end, counted = 0, {True: 0, False: 0}
        for kind, heading, number in zip(_FORMS, headings, papers, strict=True):
            first, end = end, end + number
            index = kind is BlockKind.ENTRY
            close = index or kind is BlockKind.NOTE
            if first < end:
                parts.append((form(BlockKind.HEADING, heading=heading, tight=close), None))
            for at in range(first, end):
                picture = at - first < _PICTURES.get(kind, 0)
                shown = 0
                if numbered and kind is not BlockKind.NOTE:
                    shown = counted[index] = counted[index] + 1
                more = close and at + 1 < end
                parts.append((form(kind, picture=picture, votes=index and votes, tight=more, number=shown), at))
        forms, places = zip(*parts, strict=True) if parts else ((), ())
        numbers = (Fragment.of(number, "") for number in plaintext.numbering(form.kind for form in forms))
        return cls(forms, places, tuple(numbers))


_Part = tuple[_Form, PlannedPaper | view.Note | None]
"""A block of a letter; as a tuple, it is the key of the rendered block too."""


@dataclass(frozen=True, slots=True, eq=False)
class _RenderedBlock:
    """A block with its HTML and text, ready to be joined."""

    block: Block
    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class _Shell:
    """The parts of a letter before and after its blocks, in HTML and in text."""

    top: Fragment
    bottom: Fragment
    opening: Fragment
    closing: Fragment


@dataclass(frozen=True, slots=True)
class _Joined:
    """A letter made of fragments, before its size is checked."""

    plan: Plan
    shared: view.LetterView
    """The part of the letter shared with other letters: without links, chart and greeting."""
    links: Links
    chart: charts.Chart | None
    html: tuple[Fragment, ...]
    text: tuple[Fragment, ...]
    blocks: Sequence[_RenderedBlock]
    values: Mapping[str, str]
    """The values of the placeholders in text."""
    escaped: Mapping[str, str]
    """The values of the placeholders in HTML."""

    @property
    def size(self) -> int:
        """The size of the HTML, in bytes of UTF-8."""
        lengths = {name: len(value.encode()) for name, value in self.escaped.items()}
        own = sum([lengths[name] for piece in self.html if piece.slots for name in piece.slots])
        return own + sum([piece.size for piece in self.html])

    @property
    def view(self) -> view.LetterView:
        """The view of this letter, without its blocks."""
        return replace(self.shared, lead=self.values["lead"], links=self.links, chart=self.chart)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The same letter, rendered as one document."""

    plan: Plan
    view: view.LetterView
    html: str
    texts: tuple[tuple[BlockKind, str], ...]

    @property
    def size(self) -> int:
        """The size of the HTML, in bytes of UTF-8."""
        return len(self.html.encode())


class LetterFacts(NamedTuple):
    """What one subscriber's letter is rendered from."""

    digest: Digest
    papers: Mapping[int, Paper]
    """By row; papers of the digest that are missing here are left out of the letter."""
    subscriber: Subscriber
    links: Links
    day: date
    counts: Sequence[TopicCounts] = ()
    """The numbers for the chart of a weekly or monthly letter; without them there is no chart."""


_Drafted = TypeVar("_Drafted", _Joined, _Whole)
_Make = Callable[[Plan, LetterFacts, charts.Chart | None], _Drafted]


class LetterRenderer:
    """Renders the letters of one site in one theme and one language. Threads may share it.

    The constructor tries the theme on a sample issue and raises ConfigurationError if there is a mistake in the
    theme. With `marked`, for the linter, the HTML says where each tag was written, and the theme is not tried.
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
        replies: bool = False,
        marked: bool = False,
    ) -> None:
        self.site, self.language = site, language
        self._folders, self._feedback, self._replies = tuple(folders), feedback, replies
        self._pictures = pictures and view.reaches_subscribers(site)
        self._subject_template = subject.check(subject_template)
        self._theme = Theme(theme, language, self._folders, marked=marked)
        self._choices: CardCache[PlannedPaper] = CardCache(_KEPT_BLOCKS)
        self._blocks: CardCache[_RenderedBlock] = CardCache(_KEPT_BLOCKS)
        self._shells: CardCache[_Shell] = CardCache(_KEPT_PIECES)
        self._charts: CardCache[tuple[Fragment, ...]] = CardCache(_KEPT_PIECES)
        self._encoded = EncodedPieces()
        self._views: CardCache[view.LetterView] = CardCache(_KEPT_BLOCKS)
        self._headings = {
            (cadence, alone): _headings(cadence, language, alone=alone)
            for cadence in Cadence
            for alone in (False, True)
        }
        self._laid_out = True
        """Whether any block was rendered since the last call of `prepare`."""
        if not marked:
            self._try_out()

    def prepare(self, letters: Iterable[tuple[Digest, Mapping[int, Paper], Subscriber]]) -> None:
        """Render together the blocks that these letters need for the first time.

        This is five times as fast as a document for each of them. Do nothing if no block was rendered since the last
        call.
        """
        if not self._laid_out:
            return
        self._laid_out = False
        wanted: dict[_Part, None] = {}
        for digest, papers, subscriber in letters:
            wanted |= dict.fromkeys(self._outline(self._plan(digest, papers, subscriber), digest)[1])
        parts = list(wanted)
        for start in range(0, len(parts), _BLOCKS_AT_ONCE):
            self._kept(parts[start : start + _BLOCKS_AT_ONCE])

    def letter(self, facts: LetterFacts) -> Rendered:
        """Return the subscriber's letter: subject, HTML of less than 100,000 bytes, and text with the same papers."""
        draft = self._fitting(self._joined, facts)
        texts = [(one.block.kind, one.text.filled(draft.values)) for one in draft.blocks]
        return self._rendered(draft, "".join(piece.filled(draft.escaped) for piece in draft.html), texts)

    def encoded(self, facts: LetterFacts) -> EncodedLetter:
        """Return the same letter, joined from parts that were encoded once."""
        draft = self._fitting(self._joined, facts)
        values = self._encoded.of(draft.escaped)
        html = encode_joined(draft.html, values)
        values = self._encoded.of({**draft.values, **plaintext.wrapped(draft.values)})
        return EncodedLetter(draft.shared.subject, html, encode_joined(draft.text, values))

    def whole_letter(self, facts: LetterFacts) -> Rendered:
        """Render the same letter as one document and inline it: fifty times slower, used as the reference."""
        draft = self._fitting(self._at_once, facts)
        return self._rendered(draft, draft.html, draft.texts)

    def document(self, facts: LetterFacts) -> str:
        """Return the HTML of the same letter before its style sheet is inlined."""
        draft = self._fitting(self._at_once, facts)
        return self._theme.render(letter=draft.view, site=self.site)

    def notice(self, kind: str, subscriber: Subscriber, links: Links, context: Mapping[str, Any]) -> Rendered:
        """Render a notice in the style of the letters; `context` holds the values that its template needs."""
        said = notices.compose(
            kind, subscriber, links, context, site=self.site, language=self.language, folders=self._folders
        )
        links = plain_addresses(links)
        letter = replace(
            self._blank(), subject=said.subject, lead="", date="", tally="", reason="", notice=said,
            links=replace(links, online="") if links.unsubscribe and notices.has_way_out(subscriber) else None,
        )  # fmt: skip
        text = plaintext.notice_text(letter, said, self.site, self.language)
        return Rendered(said.subject, "".join(self._cut(letter)), text)

    def _fitting(self, make: _Make[_Drafted], facts: LetterFacts) -> _Drafted:
        """Make the fullest letter that fits under the size limit."""
        chart = charts.chart(facts.digest, facts.counts, self.language, self.site.base_url if self._pictures else "")
        shown = facts._replace(links=self._shown(plain_addresses(facts.links)))
        plan = self._plan(facts.digest, facts.papers, facts.subscriber)
        return size.fit(plan, lambda plan: make(plan, shown, chart), lambda draft: draft.size)

    def _rendered(self, draft: _Joined | _Whole, html: str, texts: Sequence[tuple[BlockKind, str]]) -> Rendered:
        text = plaintext.letter_text(draft.view, texts, self.site, self.language)
        return Rendered(draft.view.subject, html, text, tuple(choice.paper.row for choice in draft.plan.choices))

    def _joined(self, plan: Plan, facts: LetterFacts, chart: charts.Chart | None) -> _Joined:
        """Build the letter from cached blocks, and render and cache those that are missing."""
        digest, _, subscriber, links, day, _ = facts
        outline, parts = self._outline(plan, digest)
        made = self._kept(parts)
        shared = self._shared(plan, [one.block for one in made], subscriber, day)
        shell, charted = self._shell(shared, digest.cadence), self._charted(chart)
        texts = chain.from_iterable(zip(outline.numbers, [one.text for one in made], strict=True))
        values = {name: getattr(shared, name) for name in _SENTENCES}
        values["lead"] = view.greeted(subscriber, shared.lead, day, self.language)
        in_html = {name: escaped(value) for name, value in values.items()}
        for name, url in zip(_ADDRESSES, addresses(links), strict=True):
            values[name], in_html[name] = url, url.replace("&", "&amp;")
        return _Joined(
            plan,
            shared,
            links,
            chart,
            (shell.top, *[one.html for one in made], *charted[:1], shell.bottom),
            (shell.opening, *texts, *charted[1:], shell.closing),
            made,
            values,
            in_html,
        )

    def _at_once(self, plan: Plan, facts: LetterFacts, chart: charts.Chart | None) -> _Whole:
        """Render the letter as one document."""
        digest, _, subscriber, links, day, _ = facts
        blocks = tuple(self._block(*part) for part in self._outline(plan, digest)[1])
        shared = self._shared(plan, blocks, subscriber, day)
        lead = view.greeted(subscriber, shared.lead, day, self.language)
        letter = replace(shared, lead=lead, links=links, chart=chart, blocks=blocks)
        texts = tuple((block.kind, plaintext.block_text(block, self.language, links.feedback)) for block in blocks)
        return _Whole(plan, letter, "".join(self._cut(letter)), texts)

    def _outline(self, plan: Plan, digest: Digest) -> tuple[_Outline, list[_Part]]:
        """Return the letter's outline, and the form and paper of each block."""
        entries = plan.entries
        shown = (plan.saved, entries, plan.lead, plan.cards, plan.briefs, plan.lines, plan.news)
        votes = any(choice.popular for choice in entries)
        headings = self._headings[digest.cadence, plan.density == "titles"]
        numbers = tuple(map(len, shown))
        outline = _Outline.of(headings, numbers, votes, plan.budget, digest.day, self._replies)
        all_shown: list[PlannedPaper | view.Note] = list(chain.from_iterable(shown))
        papers = [None if place is None else all_shown[place] for place in outline.places]
        return outline, list(zip(outline.forms, papers, strict=True))

    def _kept(self, parts: Sequence[_Part]) -> list[_RenderedBlock]:
        """Return the blocks from the cache; render those that are missing together."""
        found = self._blocks.get_all(parts)
        if not all(found):
            new = list(dict.fromkeys(part for part, one in zip(parts, found, strict=True) if one is None))
            known = {part: self._blocks.put(part, one) for part, one in zip(new, self._lay_out(new), strict=True)}
            found = [one or known[part] for part, one in zip(parts, found, strict=True)]
        return cast("list[_RenderedBlock]", found)

    def _lay_out(self, parts: Sequence[_Part]) -> list[_RenderedBlock]:
        """Render these blocks in one document and cut them out of it."""
        self._laid_out = True
        blocks = tuple(self._block(*part) for part in parts)
        _top, *pieces, _bottom = self._cut(self._blank(blocks))
        feedback = self._shown(_BLANK_LINKS).feedback
        return [
            _RenderedBlock(block, Fragment.of(html, self._theme.file), self._text_fragment(block, feedback))
            for block, html in zip(blocks, pieces, strict=True)
        ]

    def _text_fragment(self, block: Block, feedback: str) -> Fragment:
        """Return a block as text; the first line of a paper leaves room for its number."""
        text = plaintext.block_text(block, self.language, feedback)
        indent = len(plaintext.numbered(_MOST_PAPERS)) if block.card else 0
        return Fragment.of(text, self._theme.file, indent)

    def _block(self, form: _Form, choice: PlannedPaper | view.Note | None) -> Block:
        """Return a block for the templates: a heading, a note, or a paper with the card for its form."""
        if not isinstance(choice, PlannedPaper):
            return Block(form.kind, form.heading, note=choice, tight=form.tight)
        budget = size.budget_of(form.kind, form.budget)
        card = view.card(
            choice.paper, choice.why, self.language, budget, form.day, site=self.site.base_url, tag=choice.tag
        )
        if not (self._pictures and form.picture):
            card = replace(card, picture="")
        card = replace(card, number=form.number) if form.number else card
        return Block(form.kind, card=card, votes=form.votes, tight=form.tight, words=view.words(form.kind, card))

    def _charted(self, chart: charts.Chart | None) -> tuple[Fragment, ...]:
        """Return the chart as HTML and as text; empty if there is none."""
        if chart is None:
            return ()
        if (known := self._charts.get(chart)) is not None:
            return known
        _top, piece, _bottom = self._cut(replace(self._blank(), chart=chart))
        both = piece, plaintext.chart_text(chart)
        return self._charts.put(chart, tuple(Fragment.of(one, self._theme.file) for one in both))

    def _shell(self, letter: view.LetterView, cadence: Cadence) -> _Shell:
        """Return the shell of a letter; it is cached for letters that have the same optional parts."""
        facts = (bool(letter.more), bool(letter.finish), letter.thanks, letter.controls, letter.reply, cadence)
        if (known := self._shells.get(facts)) is not None:
            return known
        blank = replace(
            self._blank(),
            more=slot("more") if letter.more else "",
            finish=slot("finish") if letter.finish else "",
            thanks=letter.thanks,
            controls=letter.controls,
            reply=letter.reply,
        )
        opening, closing = plaintext.opening(blank, self.site), plaintext.closing(blank, self.site, self.language)
        pieces = (*self._cut(blank), opening, closing)
        return self._shells.put(facts, _Shell(*(Fragment.of(piece, self._theme.file) for piece in pieces)))

    def _cut(self, letter: view.LetterView) -> list[str]:
        """Render this letter, inline its style sheet and cut it at its marks."""
        pieces = self._theme.pieces(letter=letter, site=self.site)
        wanted = 2 + len(letter.blocks) + bool(letter.chart)
        if len(pieces) != wanted:
            raise ConfigurationError(
                f"{self._theme.file}: its letter comes apart into {len(pieces)} pieces, not {wanted}; fill the "
                "layout's blocks and leave the marks ({{ cut }}) between them as they are"
            )
        return pieces

    def _shown(self, links: Links) -> Links:
        """Return the links that this site's letters show."""
        return links if self._feedback else replace(links, feedback="")

    def _blank(self, blocks: tuple[Block, ...] = ()) -> view.LetterView:
        """Return a letter with a slot in place of each value that belongs to one subscriber."""
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

    def _shared(self, plan: Plan, blocks: Sequence[Block], subscriber: Subscriber, day: date) -> view.LetterView:
        """Return the view around the blocks, cached for letters with the same topics, numbers and first papers."""
        cards = [block.card for block in blocks if block.card and block.kind is not BlockKind.ENTRY]
        topics = tuple(dict.fromkeys([choice.tag for choice in plan.choices if choice.tag]))
        titles, thanks = tuple([card.title for card in cards[:4]]), view.thanks(cards)
        minutes, cadence, saved = view.minutes(blocks), subscriber.schedule.cadence, len(plan.saved)
        key = (
            titles,
            len(cards),
            topics,
            plan.more,
            plan.left_out,
            minutes,
            cadence,
            day,
            thanks,
            plan.facts,
            saved,
        )
        if (known := self._views.get(key)) is not None:
            return known
        shown, more, language = len(cards), plan.more, self.language
        content = view.inside(shown, len(topics), more, language) if cards or more else view.quiet(saved, language)
        reading = view.inside_minutes(shown, minutes, language) if cards else content
        made = view.LetterView(
            subject=subject.render_subject(
                self._subject_template,
                top=cards[0].short_title if shown > 1 else cards[0].title if cards else content,
                second=cards[1].short_title if shown > 1 else "",
                others=view.and_more(max(0, shown - 2), language),
                inside=content,
                papers=language.number(shown),
                topics=language.list(topics),
                date=view.dated(cadence, day, language),
                site=self.site.name,
            ),
            lead=view.lead(cards, reading),
            date=view.masthead_date(cadence, day, language),
            tally=view.tally(shown, more, language),
            more=view.all_online(shown, more, language),
            finish=view.finish(plan.facts, reading if cards else "", plan.matched, language),
            reason=view.reason(cadence, topics, language, plan.left_out),
            thanks=thanks,
            links=None,
            controls=view.controls(cadence, language, saved=bool(saved)),
            reply=view.how_to_reply(shown, language) if self._replies else "",
        )
        return self._views.put(key, made)

    def _plan(self, digest: Digest, papers: Mapping[int, Paper], subscriber: Subscriber) -> Plan:
        """Return the plan of a letter: the digest's papers that are in `papers`, best first over all topics."""
        picks = [(section, pick) for section, pick in in_order(digest) if pick.paper in papers]
        choices = tuple(self._choice(papers[pick.paper], section, pick) for section, pick in picks)
        day, noted = digest.day, [note for note in digest.notes if note.paper in papers]
        notes = tuple(view.note(note, papers[note.paper], self.language, day) for note in noted)
        return Plan(
            choices, len(digest.more), subscriber.density, notes=notes, facts=digest.facts, left_out=digest.left_out
        )

    def _choice(self, paper: Paper, section: Section, pick: Pick) -> PlannedPaper:
        """Return the planned paper, the same instance each time for the same paper and reasons: it is a cache key."""
        key = (paper.id, pick.why, section.topic, section.name)
        known = self._choices.get(key)
        if known is None or (known.paper is not paper and known.paper != paper):
            why, tag = reasons.worth_printing(pick.why), view.tag(section, pick, self.language)
            known = self._choices.get((paper.id, why, tag))
            if known is None or known.paper != paper:
                known = self._choices.put((paper.id, why, tag), PlannedPaper(paper, why, tag))
            self._choices.put(key, known)
        return known

    def _try_out(self) -> None:
        """Try the theme on a sample issue: it must parse, and blocks must not depend on their neighbors."""
        facts = LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
        self._theme.check(self._theme.render(letter=self._blank(), site=self.site))
        self.letter(facts._replace(digest=_upside_down(facts.digest)))
        if self.letter(facts).html != self.whole_letter(facts).html:
            raise ConfigurationError(
                f"{self._theme.file}: a block comes out differently beside other ones; it is laid out once "
                "for all letters, so it cannot use loop.first, loop.index or anything else of its neighbors"
            )


def in_order(digest: Digest) -> list[tuple[Section, Pick]]:
    """Return the papers of a digest in the order of its letter, which numbers them from 1."""
    picks = [(section, pick) for section in digest.sections for pick in section.picks]
    # Python's sort is stable: papers without ranks or of equal rank stay in the order of the digest.
    return sorted(picks, key=lambda one: (one[0].topic != DISCUSSED, -one[1].rank))


def _headings(cadence: Cadence, language: Language, *, alone: bool) -> tuple[str, ...]:
    """Return the headings above the papers of each form, in the order of `_FORMS`.

    `alone` says that all papers are lines, so that they are not "also" today.
    """
    _ = language.gettext
    lines = {
        Cadence.WEEKLY: (_("Also this week"), _("This week")),
        Cadence.MONTHLY: (_("Also this month"), _("This month")),
    }.get(cadence, (_("Also today"), _("Today")))[alone]
    more = _("More for you")
    first, last = _("Saved for the weekend"), _("News of papers you had")
    return first, _("In one minute"), _("The one to read"), more, more, lines, last


def _upside_down(digest: Digest) -> Digest:
    """Return the digest with its papers in the opposite order, so that each has other neighbors."""
    return replace(
        digest,
        sections=tuple(
            part._replace(picks=tuple(pick._replace(rank=-pick.rank) for pick in part.picks))
            for part in digest.sections
        ),
        more=(),
    )
