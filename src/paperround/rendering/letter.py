"""A digest becomes a letter. What costs time is done once per paper, not once per reader.

    press = Press(site, "paper", language, folders)      once for each theme and language
    press.letter(digest, papers, reader, links, day)     for each reader: joins finished pieces
    press.whole_letter(…)                                the same bytes the slow way, which tests compare

The layout marks where a letter can be cut. A card that is met for the first time is laid out in a whole
document, the style sheet inlined, and what stands between its marks is kept; likewise the headings and the
letter's shell, in which a *slot* stands for each thing that belongs to one reader.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

from paperround.errors import ConfigurationError
from paperround.models import Digest, Links, Paper, Rendered, Site, Subscriber
from paperround.rendering import plaintext, size, subject, view
from paperround.rendering.language import Language
from paperround.rendering.shelf import Shelf
from paperround.rendering.size import Choice, Chosen, Plan
from paperround.rendering.slots import Piece, slot
from paperround.rendering.theme import Theme

_KEPT_CARDS, _KEPT_PIECES = 4_000, 400  # a card is about 5 KB in memory
_SLOTTED_LINKS = Links(unsubscribe=slot("unsubscribe"), preferences=slot("preferences"), online=slot("online"))


@dataclass(frozen=True, slots=True)
class _Printed:
    """A card ready to be joined, and the paper as it was then."""

    paper: Paper
    card: view.Card
    html: Piece
    text: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A letter before it is known whether it fits."""

    view: view.LetterView
    html: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    """Each section's name, and its cards as text."""


class Press:
    """Prints the letters of one site in one theme and one language; threads may share it."""

    def __init__(
        self,
        site: Site,
        theme: str,
        language: Language,
        folders: Sequence[Path],
        *,
        subject_template: str = subject.DEFAULT,
        pictures: bool = True,
    ) -> None:
        self.site, self.language = site, language
        self._subject = subject.check(subject_template)
        self._theme = Theme(theme, language, tuple(folders))
        self._pictures = pictures
        self._cards: Shelf[_Printed] = Shelf(_KEPT_CARDS)
        self._pieces: Shelf[Piece] = Shelf(_KEPT_PIECES)

    def letter(
        self, digest: Digest, papers: Mapping[int, Paper], reader: Subscriber, links: Links, day: date
    ) -> Rendered:
        """The reader's letter: subject, HTML of less than 100,000 bytes, and text with the same papers."""
        return self._fitting(self._joined, digest, papers, reader, links, day)

    def whole_letter(
        self, digest: Digest, papers: Mapping[int, Paper], reader: Subscriber, links: Links, day: date
    ) -> Rendered:
        """The same letter laid out and inlined as one document: fifty times slower, and the reference."""
        return self._fitting(self._at_once, digest, papers, reader, links, day)

    def _fitting(
        self,
        make: Callable[[Plan, Subscriber, Links, str], _Draft],
        digest: Digest,
        papers: Mapping[int, Paper],
        reader: Subscriber,
        links: Links,
        day: date,
    ) -> Rendered:
        written = self.language.date(day)
        draft = size.fit(
            _plan(digest, papers),
            lambda plan: make(plan, reader, links, written),
            lambda draft: len(draft.html.encode()),
        )
        text = plaintext.letter_text(draft.view, draft.sections, self.site, self.language)
        return Rendered(draft.view.subject, draft.html, text)

    def _joined(self, plan: Plan, reader: Subscriber, links: Links, day: str) -> _Draft:
        """The letter from pieces that are on the shelf, or are put there now."""
        printed = self._printed(plan, day)
        letter = self._view(plan, [one.card for part in printed for one in part], reader, links, day)
        values = {
            "subject": letter.subject, "lead": letter.lead, "more": letter.more, "reason": letter.reason,
            "online": links.online, "preferences": links.preferences, "unsubscribe": links.unsubscribe,
        }  # fmt: skip
        top, bottom = self._shell(letter)
        pieces, texts = [top], []
        for section, part in zip(plan.sections, printed, strict=True):
            pieces.append(self._heading(section.name, day))
            pieces += (one.html for one in part)
            texts.append((section.name, tuple(one.text for one in part)))
        pieces.append(bottom)
        return _Draft(letter, "".join(piece.filled(values) for piece in pieces), tuple(texts))

    def _at_once(self, plan: Plan, reader: Subscriber, links: Links, day: str) -> _Draft:
        """The letter as one document."""
        parts = tuple(
            view.Part(section.name, tuple(self._card(choice, plan.budget) for choice in section.choices))
            for section in plan.sections
        )
        letter = self._view(plan, [card for part in parts for card in part.cards], reader, links, day, parts)
        html = "".join(self._cut(letter))
        texts = tuple(
            (part.name, tuple(plaintext.card_text(card, self.language) for card in part.cards)) for part in parts
        )
        return _Draft(letter, html, texts)

    def _printed(self, plan: Plan, day: str) -> list[list[_Printed]]:
        """Each section's cards; those that are new, or whose paper has changed, are laid out in one go."""
        found: dict[Hashable, _Printed] = {}
        new: dict[Hashable, Choice] = {}
        keys: list[list[Hashable]] = [
            [(choice.paper.id, choice.why, plan.budget, day) for choice in part.choices] for part in plan.sections
        ]
        for key, choice in zip(chain(*keys), plan.choices, strict=True):
            kept = self._cards.get(key)
            if kept is not None and (kept.paper is choice.paper or kept.paper == choice.paper):
                found[key] = kept
            else:
                new[key] = choice
        if new:
            found |= zip(new, self._print(list(new.values()), plan.budget, day), strict=True)
            for key in new:
                self._cards.put(key, found[key])
        return [[found[key] for key in part] for part in keys]

    def _print(self, choices: Sequence[Choice], budget: int, day: str) -> list[_Printed]:
        cards = tuple(self._card(choice, budget) for choice in choices)
        _top, _heading, *pieces, _bottom = self._cut(_blank(day, sections=(view.Part("", cards),)))
        return [
            _Printed(choice.paper, card, Piece.of(html), plaintext.card_text(card, self.language))
            for choice, card, html in zip(choices, cards, pieces, strict=True)
        ]

    def _heading(self, name: str, day: str) -> Piece:
        key = ("heading", name, day)
        return self._pieces.get(key) or self._pieces.put(
            key, Piece.of(self._cut(_blank(day, sections=(view.Part(name, ()),)))[1])
        )

    def _shell(self, letter: view.LetterView) -> tuple[Piece, Piece]:
        """What stands before the sections and behind them."""
        facts = (letter.date, bool(letter.more), letter.thanks)
        top, bottom = ("top", *facts), ("bottom", *facts)
        known = self._pieces.get(top), self._pieces.get(bottom)
        if known[0] is not None and known[1] is not None:
            return known[0], known[1]
        more = slot("more") if letter.more else ""
        first, *rest = self._cut(_blank(letter.date, more=more, thanks=letter.thanks))
        return self._pieces.put(top, Piece.of(first)), self._pieces.put(bottom, Piece.of("".join(rest)))

    def _cut(self, letter: view.LetterView) -> list[str]:
        """The document of this letter, finished and cut."""
        pieces = self._theme.pieces(letter=letter, site=self.site)
        wanted = 2 + bool(letter.more) + sum(1 + len(part.cards) for part in letter.sections)
        if len(pieces) != wanted:
            raise ConfigurationError(
                f"{self._theme.file}: its letter comes apart into {len(pieces)} pieces, not {wanted}; fill "
                "the layout's blocks and leave the marks ({{ cut }}) between them as they are"
            )
        return pieces

    def _card(self, choice: Choice, budget: int) -> view.Card:
        return view.card(choice.paper, choice.why, self.language, budget, pictures=self._pictures)

    def _view(
        self,
        plan: Plan,
        cards: Sequence[view.Card],
        reader: Subscriber,
        links: Links,
        day: str,
        parts: tuple[view.Part, ...] = (),
    ) -> view.LetterView:
        topics = [section.name for section in plan.sections]
        told = view.inside(len(cards), len(topics), plan.more, self.language)
        return view.LetterView(
            subject=self._subject_line(cards, told, topics, plan.more, day),
            lead=view.lead(reader, told, self.language),
            date=day,
            more=view.more_online(plan.more, self.language),
            reason=view.reason(reader, topics, self.language),
            thanks=view.ARXIV_THANKS if any(card.from_arxiv for card in cards) else "",
            links=links,
            sections=parts,
        )

    def _subject_line(self, cards: Sequence[view.Card], told: str, topics: Sequence[str], more: int, day: str) -> str:
        others = len(cards) - 1 + more
        return subject.render_subject(
            self._subject,
            top=cards[0].title if cards else told,
            others=" " + self.language.count("and %(num)s more", "and %(num)s more", others)
            if cards and others
            else "",
            inside=told,
            papers=self.language.number(len(cards)),
            topics=self.language.list(topics) if topics else "",
            date=day,
            site=self.site.name,
        )


def _blank(day: str, sections: tuple[view.Part, ...] = (), more: str = "", thanks: str = "") -> view.LetterView:
    """A letter to nobody yet: each thing that belongs to one reader is a slot."""
    return view.LetterView(
        subject=slot("subject"), lead=slot("lead"), date=day, more=more, reason=slot("reason"), thanks=thanks,
        links=_SLOTTED_LINKS, sections=sections,
    )  # fmt: skip


def _plan(digest: Digest, papers: Mapping[int, Paper]) -> Plan:
    """The digest with its papers at hand; one that is not there any more is left out."""
    sections = (
        Chosen(
            section.name,
            tuple(Choice(papers[pick.paper], pick.why) for pick in section.picks if pick.paper in papers),
        )
        for section in digest.sections
    )
    return Plan(tuple(section for section in sections if section.choices), len(digest.more))
