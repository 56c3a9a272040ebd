"""Render digests as letters, doing the expensive work once per paper instead of once per subscriber.

    renderer = LetterRenderer(site, "paper", language, folders)   once for each theme and language
    renderer.prepare(many_facts)                                  for a chunk of subscribers: renders what is new
    renderer.encode(prepared)                                     for each subscriber: joins encoded blocks
    renderer.letter(facts)                                        the same as HTML and text, for previews
    renderer.whole_letter(facts)                                  the same as one document, to check a theme
    renderer.notice(kind, subscriber, links, context)             confirm, welcome, reply …

A letter is a list of blocks: the index of all papers, the one to read first, a few with a summary, the others by
title. The layout contains marks at which it can be cut. A new block is rendered within a whole document, the style
sheet is inlined, and the part between its marks is cached. The letter's shell (everything around the blocks) is
cached in the same way, with a *placeholder* in place of each value that belongs to one subscriber. Letters with the
same papers, for the same reasons, share their *contents*: only links and a greeting are filled in for each of them.

`planner` decides which papers a letter has, `outline` its blocks, `sentence_writer` what it says around them, and
`joined` joins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from paperround.domain.errors import ConfigurationError
from paperround.domain.models import (
    DayFacts,
    Digest,
    EncodedLetter,
    Links,
    PaperNote,
    RenderedLetter,
    Section,
    Site,
    Subscriber,
    TopicCounts,
)
from paperround.domain.preferences import QuietDays
from paperround.domain.schedule import Cadence, Issue
from paperround.process.chunks import chunked
from paperround.process.generational_cache import GenerationalCache
from paperround.rendering import chart as charts
from paperround.rendering import notice as notices
from paperround.rendering import plaintext, sample, size, subject
from paperround.rendering.card import build_card, can_load_pictures, count_words
from paperround.rendering.joined import (
    Contents,
    JoinedLetter,
    RenderedBlock,
    Shell,
)
from paperround.rendering.language import Language
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.letter_lines import greet
from paperround.rendering.letter_view import Block, BlockKind, LetterView, Note
from paperround.rendering.outline import Form, Outline, OutlineKey, Part, headings
from paperround.rendering.placeholders import (
    ADDRESSES,
    Fragment,
    addresses,
    placeholder,
    plain_addresses,
)
from paperround.rendering.planner import Planner
from paperround.rendering.sentence_writer import SentenceWriter
from paperround.rendering.size import Plan, PlannedPaper
from paperround.rendering.theme import Theme

_MAX_PAPERS = 999  # the indent of a card's first line leaves space for numbers up to this
_BLOCKS_AT_ONCE = 100
_KEPT_BLOCKS, _KEPT_PIECES = 8_000, 400  # a block is about 4 KB in memory
_KEPT_CONTENTS = 5_000  # about 6 KB each
_BLANK_LINKS = Links(*map(placeholder, ADDRESSES))


@dataclass(frozen=True, slots=True)
class _WholeLetter:
    """The same letter, rendered as one document."""

    plan: Plan
    view: LetterView
    html: str
    texts: tuple[tuple[BlockKind, str], ...]

    @property
    def size(self) -> int:
        """The size of the HTML, in bytes of UTF-8."""
        return len(self.html.encode())


class PreparedLetter(NamedTuple):
    """A letter whose blocks are rendered."""

    facts: LetterFacts
    contents: Contents


class _ContentsKey(NamedTuple):
    """What decides what a letter contains."""

    issue: Issue
    sections: tuple[Section, ...]
    more: int
    left_out: int
    notes: tuple[PaperNote, ...]
    facts: DayFacts | None
    papers: tuple[int, ...]
    """The identities of the papers as they are printed."""
    day: date
    counts: tuple[TopicCounts, ...]
    density: str
    quiet_days: QuietDays

    @classmethod
    def of(cls, facts: LetterFacts) -> _ContentsKey:
        digest, preferences = facts.digest, facts.subscriber.preferences
        papers = tuple(map(id, facts.named_papers))
        return cls(
            digest.issue, digest.sections, len(digest.more), digest.left_out, digest.notes, digest.facts, papers,
            facts.day, tuple(facts.counts), preferences.density, preferences.quiet_days,
        )  # fmt: skip


class LetterRenderer:
    """Renders the letters of one site in one theme and one language. Threads may share it.

    The constructor tries the theme on a sample issue and raises ConfigurationError if there is a mistake in the
    theme. With `marked`, for the linter, the HTML says where each tag was written, and the theme is not tried.
    `blocks_at_once` is the number of new blocks that one document renders.
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
        blocks_at_once: int = _BLOCKS_AT_ONCE,
    ) -> None:
        self._blocks_at_once = blocks_at_once
        self.site, self.language = site, language
        self._folders, self._feedback, self._replies = tuple(folders), feedback, replies
        self._pictures = pictures and can_load_pictures(site)
        self._theme = Theme(theme, language, self._folders, marked=marked)
        self._planner = Planner(language)
        self._writer = SentenceWriter(site, language, subject_template, self._shell, replies=replies)
        self._blocks: GenerationalCache[RenderedBlock] = GenerationalCache(_KEPT_BLOCKS)
        self._shells: GenerationalCache[Shell] = GenerationalCache(_KEPT_PIECES)
        self._charts: GenerationalCache[tuple[Fragment, ...]] = GenerationalCache(_KEPT_PIECES)
        self._contents: GenerationalCache[Contents] = GenerationalCache(_KEPT_CONTENTS)
        self._headings = {
            (cadence, alone, today): headings(cadence, language, alone=alone, today=today, feedback=feedback)
            for cadence in Cadence
            for alone in (False, True)
            for today in (False, True)
        }
        if not marked:
            self._check_theme()

    def prepare(self, letters: Sequence[LetterFacts]) -> list[PreparedLetter]:
        """Return these letters with their contents. New blocks are rendered together.

        This is five times as fast as a document for each letter. Letters with the same papers share their contents.
        """
        keys = [_ContentsKey.of(facts) for facts in letters]
        known = self._contents.get_all(keys)
        new = {key: facts for key, facts, contents in zip(keys, letters, known, strict=True) if contents is None}
        planned = [(facts, self._planner.plan(facts)) for facts in new.values()]
        made = dict(zip(new, self._contents_of(planned), strict=True))
        for key, contents in made.items():
            self._contents.put(key, contents)
        return [
            PreparedLetter(facts, contents or made[key])
            for facts, key, contents in zip(letters, keys, known, strict=True)
        ]

    def _contents_of(self, letters: Sequence[tuple[LetterFacts, Plan]]) -> list[Contents]:
        outlines = [self._choose_outline(plan, facts.digest) for facts, plan in letters]
        parts = [outline.parts(plan) for outline, (_, plan) in zip(outlines, letters, strict=True)]
        blocks = iter(self._cached_blocks(list(chain.from_iterable(parts))))
        return [
            self._join_contents(facts, plan, outline, list(islice(blocks, len(some))))
            for (facts, plan), outline, some in zip(letters, outlines, parts, strict=True)
        ]

    def _join_contents(
        self, facts: LetterFacts, plan: Plan, outline: Outline, blocks: Sequence[RenderedBlock]
    ) -> Contents:
        sentences = self._writer.write(plan, outline, [one.block for one in blocks], facts)
        chart = self._make_chart(facts)
        return Contents.of(
            facts.named_papers, plan, blocks, outline.numbers, sentences, chart, self._chart_fragments(chart)
        )

    def letter(self, facts: LetterFacts) -> RenderedLetter:
        """Return the subscriber's letter: subject, HTML of less than 100,000 bytes, and text with the same papers."""
        draft = self._fit(*self.prepare([facts]))
        links, values = addresses(draft.links), draft.escaped
        texts = [(one.block.kind, one.text.filled(links)) for one in draft.contents.blocks]
        html = "".join(fragment.filled(values) for fragment in draft.contents.fragments)
        return self._finish(draft.view, draft.contents.plan, html, texts)

    def encode(self, prepared: PreparedLetter) -> EncodedLetter:
        """Return the same letter, joined from parts that were encoded once."""
        return self._fit(prepared).encoded

    def whole_letter(self, facts: LetterFacts) -> RenderedLetter:
        """Render the same letter as one document and inline it: fifty times slower, used as the reference."""
        draft = self._fit_whole(facts)
        return self._finish(draft.view, draft.plan, draft.html, draft.texts)

    def document(self, facts: LetterFacts) -> str:
        """Return the HTML of the same letter before its style sheet is inlined."""
        draft = self._fit_whole(facts)
        return self._theme.render(letter=draft.view, site=self.site)

    def notice(self, kind: str, subscriber: Subscriber, links: Links, context: Mapping[str, Any]) -> RenderedLetter:
        """Render a notice in the style of the letters; `context` holds the values that its template needs."""
        notice = notices.compose(
            kind, subscriber, links, context, site=self.site, language=self.language, folders=self._folders
        )
        links, shows_links = plain_addresses(links), links.unsubscribe and notices.shows_personal_links(subscriber)
        letter = replace(
            self._blank_view(), subject=notice.subject, lead="", date="", tally="", reason="", notice=notice,
            links=links._replace(online="") if shows_links else None,
        )  # fmt: skip
        text = plaintext.notice_text(letter, notice, self.site, self.language)
        return RenderedLetter(notice.subject, "".join(self._render_pieces(letter)), text)

    def _fit(self, prepared: PreparedLetter) -> JoinedLetter:
        """Join the fullest letter that fits under the size limit."""
        facts, contents = prepared
        links = self._letter_links(facts)

        def join(plan: Plan) -> JoinedLetter:
            (planned,) = (contents,) if plan is contents.plan else self._contents_of([(facts, plan)])
            return self._join(facts, planned, links)

        return size.fit(contents.plan, join, lambda draft: draft.size)

    def _join(self, facts: LetterFacts, contents: Contents, links: Links) -> JoinedLetter:
        """Fill a subscriber's own values into the contents of their letter."""
        lead = greet(facts.subscriber, contents.sentences.first_line, facts.day, self.language)
        return JoinedLetter.of(contents, lead, links)

    def _fit_whole(self, facts: LetterFacts) -> _WholeLetter:
        """Render the fullest letter that fits under the size limit as one document."""
        links, chart = self._letter_links(facts), self._make_chart(facts)

        def render(plan: Plan) -> _WholeLetter:
            return self._render_whole(plan, facts, links, chart)

        return size.fit(self._planner.plan(facts), render, lambda draft: draft.size)

    def _letter_links(self, facts: LetterFacts) -> Links:
        return self._shown_links(plain_addresses(facts.links))

    def _make_chart(self, facts: LetterFacts) -> charts.Chart | None:
        return charts.chart(facts.digest, facts.counts, self.language, self.site.base_url if self._pictures else "")

    def _finish(
        self, view: LetterView, plan: Plan, html: str, texts: Sequence[tuple[BlockKind, str]]
    ) -> RenderedLetter:
        text = plaintext.letter_text(view, texts, self.site, self.language)
        return RenderedLetter(view.subject, html, text, tuple(choice.paper.row for choice in plan.choices))

    def _render_whole(self, plan: Plan, facts: LetterFacts, links: Links, chart: charts.Chart | None) -> _WholeLetter:
        """Render the letter as one document."""
        outline = self._choose_outline(plan, facts.digest)
        blocks = tuple(self._build_block(*part) for part in outline.parts(plan))
        sentences = self._writer.write(plan, outline, blocks, facts)
        lead = greet(facts.subscriber, sentences.first_line, facts.day, self.language)
        letter = replace(sentences.view(lead, links, chart), blocks=blocks)
        texts = tuple((block.kind, plaintext.block_text(block, self.language, links.feedback)) for block in blocks)
        return _WholeLetter(plan, letter, "".join(self._render_pieces(letter)), texts)

    def _choose_outline(self, plan: Plan, digest: Digest) -> Outline:
        key = OutlineKey(
            headings=self._headings[digest.cadence, plan.density == "titles", plan.of_today],
            papers=len(plan.choices),
            saved=plan.saved,
            news=len(plan.notes) - plan.saved - plan.close,
            close=plan.close,
            density=plan.density,
            budget=plan.budget,
            day=digest.day,
            votes=True in [choice.popular for choice in size.index(plan.choices, plan.density)],
            topics=len({choice.tag for choice in plan.choices}) > 1,
            numbered=self._replies,
        )
        return Outline.of(key)

    def _cached_blocks(self, parts: Sequence[Part]) -> list[RenderedBlock]:
        """Return the blocks from the cache. Missing blocks are rendered, many in one document."""
        blocks = self._blocks.get_all(parts)
        if all(blocks):
            return cast("list[RenderedBlock]", blocks)
        new = list(dict.fromkeys([part for part, one in zip(parts, blocks, strict=True) if one is None]))
        made: dict[Part, RenderedBlock] = {}
        for some in chunked(new, self._blocks_at_once):
            made |= zip(some, self._render_blocks(some), strict=True)
        for part, block in made.items():
            self._blocks.put(part, block)
        return [one or made[part] for part, one in zip(parts, blocks, strict=True)]

    def _render_blocks(self, parts: Sequence[Part]) -> list[RenderedBlock]:
        """Render these blocks in one document and cut them out of it."""
        blocks = tuple(self._build_block(*part) for part in parts)
        _top, *pieces, _bottom = self._render_pieces(self._blank_view(blocks))
        feedback = self._shown_links(_BLANK_LINKS).feedback
        return [
            RenderedBlock(block, Fragment.of(html, self._theme.file), self._text_fragment(block, feedback))
            for block, html in zip(blocks, pieces, strict=True)
        ]

    def _text_fragment(self, block: Block, feedback: str) -> Fragment:
        """Return a block as text; the first line of a paper leaves room for its number."""
        text = plaintext.block_text(block, self.language, feedback)
        indent = len(plaintext.numbered(_MAX_PAPERS)) if block.card else 0
        return Fragment.of(text, self._theme.file, indent)

    def _build_block(self, form: Form, choice: PlannedPaper | Note | None) -> Block:
        """Return a block for the templates: a heading, a note, or a paper with the card for its form."""
        if not isinstance(choice, PlannedPaper):
            return Block(form.kind, *form.heading, note=choice, tight=form.tight)
        budget = size.budget_of(form.kind, form.budget)
        card = build_card(
            choice.paper, choice.why, self.language, budget, form.day, site=self.site.base_url,
            tag=choice.tag if form.topic else "", votes_column=form.votes, number=form.number,
        )  # fmt: skip
        if not (self._pictures and form.picture):
            card = replace(card, picture="")
        return Block(form.kind, card=card, votes=form.votes, tight=form.tight, words=count_words(form.kind, card))

    def _chart_fragments(self, chart: charts.Chart | None) -> tuple[Fragment, ...]:
        """Return the chart as HTML and as text; empty if there is none."""
        if chart is None:
            return ()
        if (known := self._charts.get(chart)) is not None:
            return known
        _top, piece, _bottom = self._render_pieces(replace(self._blank_view(), chart=chart))
        both = piece, plaintext.chart_text(chart)
        return self._charts.put(chart, tuple(Fragment.of(one, self._theme.file) for one in both))

    def _shell(self, letter: LetterView, cadence: Cadence) -> Shell:
        """Return the shell of a letter; it is cached for letters that have the same optional parts."""
        facts = (
            bool(letter.more),
            bool(letter.finish),
            letter.thanks,
            letter.controls,
            letter.citable,
            letter.reply,
            cadence,
        )
        if (known := self._shells.get(facts)) is not None:
            return known
        blank = replace(
            self._blank_view(),
            more=placeholder("more") if letter.more else "",
            finish=placeholder("finish") if letter.finish else "",
            thanks=letter.thanks,
            controls=letter.controls,
            citable=letter.citable,
            reply=letter.reply,
        )
        opening, closing = plaintext.opening(blank, self.site), plaintext.closing(blank, self.site, self.language)
        pieces = (*self._render_pieces(blank), opening, closing)
        return self._shells.put(facts, Shell(*(Fragment.of(piece, self._theme.file) for piece in pieces)))

    def _render_pieces(self, letter: LetterView) -> list[str]:
        """Render this letter, inline its style sheet and cut it at its marks."""
        pieces = self._theme.pieces(letter=letter, site=self.site)
        wanted = 2 + len(letter.blocks) + bool(letter.chart)
        if len(pieces) != wanted:
            raise ConfigurationError(
                f"{self._theme.file}: its letter splits into {len(pieces)} pieces, not {wanted}; fill the "
                "layout's blocks and keep the marks ({{ cut }}) between them"
            )
        return pieces

    def _shown_links(self, links: Links) -> Links:
        """Return the links that this site's letters show."""
        return links if self._feedback else links._replace(feedback="")

    def _blank_view(self, blocks: tuple[Block, ...] = ()) -> LetterView:
        """Return a letter with a placeholder in place of each value that belongs to one subscriber."""
        return LetterView(
            subject=placeholder("subject"),
            lead=placeholder("lead"),
            date=placeholder("date"),
            tally=placeholder("tally"),
            more="",
            finish="",
            reason=placeholder("reason"),
            thanks="",
            links=self._shown_links(_BLANK_LINKS),
            blocks=blocks,
        )

    def _check_theme(self) -> None:
        """Try the theme on a sample issue: it must parse, and blocks must not depend on their neighbors."""
        facts = LetterFacts(sample.DIGEST, sample.PAPERS, sample.SUBSCRIBER, sample.LINKS, sample.DAY)
        self._theme.check(self._theme.render(letter=self._blank_view(), site=self.site))
        self.letter(facts._replace(digest=_reverse_ranks(facts.digest)))
        if self.letter(facts).html != self.whole_letter(facts).html:
            raise ConfigurationError(
                f"{self._theme.file}: a block comes out differently beside other ones; it is laid out once "
                "for all letters, so it cannot use loop.first, loop.index or anything else of its neighbors"
            )


def _reverse_ranks(digest: Digest) -> Digest:
    """Return the digest with its papers in the opposite order, so that each has other neighbors."""
    return replace(
        digest,
        sections=tuple(
            part._replace(picks=tuple(pick._replace(rank=-pick.rank) for pick in part.picks))
            for part in digest.sections
        ),
        more=(),
    )
