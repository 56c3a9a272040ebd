"""The outline of a letter: which blocks it has, in which order and form. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

from paperround.domain import quoted_printable
from paperround.domain.schedule import Cadence
from paperround.rendering import plaintext, size
from paperround.rendering.language import Language
from paperround.rendering.letter_view import BlockKind, Note
from paperround.rendering.size import Plan, PlannedPaper

_UNNAMED = (BlockKind.ENTRY, BlockKind.NOTE)
_PICTURES = {BlockKind.LEAD: 1, BlockKind.CARD: 2}  # more pictures would make a letter long without saying much
_NAMED = 5  # papers that the subject and the first line may name
_KINDS = (
    BlockKind.NOTE,
    BlockKind.ENTRY,
    BlockKind.LEAD,
    BlockKind.CARD,
    BlockKind.BRIEF,
    BlockKind.LINE,
    BlockKind.NOTE,
    BlockKind.NOTE,
)


class Heading(NamedTuple):
    """A heading, and the sentence below it; empty if there is none."""

    text: str
    about: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """How a heading or a paper is printed. `_form` makes only one instance of each, so that it can be a cache key."""

    kind: BlockKind
    budget: int
    """The length of a card's summary in this letter, in characters."""
    day: date
    """The day of the letter."""
    heading: Heading
    picture: bool
    """Whether the card shows its picture."""
    votes: bool
    """Whether the index that this row belongs to has a column for votes."""
    topic: bool
    """Whether the topic is shown, which it is not if all papers of the letter have the same."""
    tight: bool
    """Whether the next block follows without an empty line in text."""
    number: int
    """The number shown with the paper; 0 for none."""


_NO_HEADING = Heading("")


@lru_cache(maxsize=8192)
def _form(
    kind: BlockKind,
    budget: int,
    day: date,
    heading: Heading = _NO_HEADING,
    *,
    picture: bool = False,
    votes: bool = False,
    topic: bool = False,
    tight: bool = False,
    number: int = 0,
) -> Form:
    return Form(kind, budget, day, heading, picture, votes, topic, tight, number)


class OutlineKey(NamedTuple):
    """What decides which blocks a letter has, in which order and form."""

    headings: tuple[Heading, ...]
    """The headings above the papers of each form, in the order of `headings`."""
    papers: int
    saved: int
    """The number of notes on papers that the subscriber had saved."""
    news: int
    """The number of notes on what is new."""
    close: int
    """The number of notes on papers that were not chosen."""
    density: str
    budget: int
    """The length of a card's summary, in characters."""
    day: date
    votes: bool
    """Whether the index has a column for votes."""
    topics: bool
    """Whether each paper's topic is shown."""
    numbered: bool
    """Whether HTML numbers the papers as text does."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The blocks of all letters with the same numbers of papers and notes, in order."""

    forms: tuple[Form, ...]
    places: tuple[int, ...]
    """For each block the place of its paper or note among all of the letter, from 1; 0 for a heading."""
    named: tuple[int, ...]
    """The blocks of the first papers, which the subject and the first line may name."""
    numbers: tuple[bytes, ...]
    """The text before each block, such as a paper's number, as quoted-printable."""

    @classmethod
    @lru_cache(maxsize=1024)
    def of(cls, key: OutlineKey) -> Outline:
        """Return the outline of all letters with this key."""
        form = partial(_form, budget=key.budget, day=key.day)
        parts: list[tuple[Form, int]] = []
        counted = {True: 0, False: 0}
        first_note = key.papers + 1
        notes = range(first_note, first_note + key.saved + key.news + key.close)
        saved, others = notes[: key.saved], notes[key.saved :]
        shown = saved, *size.forms(range(1, first_note), key.density), others[: key.news], others[key.news :]
        for kind, heading, places in zip(_KINDS, key.headings, shown, strict=True):
            index = kind is BlockKind.ENTRY
            tight = index or kind is BlockKind.NOTE
            if places:
                parts.append((form(BlockKind.HEADING, heading=heading, tight=tight), 0))
            for nth, place in enumerate(places):
                picture = nth < _PICTURES.get(kind, 0)
                number = 0
                if key.numbered and kind is not BlockKind.NOTE:
                    number = counted[index] = counted[index] + 1
                more = tight and place != places[-1]
                votes = index and key.votes
                own = form(kind, picture=picture, votes=votes, topic=key.topics, tight=more, number=number)
                parts.append((own, place))
        numbers = map(quoted_printable.encode_piece, plaintext.numbering(form.kind for form, _ in parts))
        named = [at for at, (one, place) in enumerate(parts) if place and one.kind not in _UNNAMED]
        forms, places = zip(*parts, strict=True) if parts else ((), ())
        return cls(forms, places, tuple(named[:_NAMED]), tuple(numbers))

    def parts(self, plan: Plan) -> list[Part]:
        """Return the form and the paper of each block."""
        shown: list[PlannedPaper | Note | None] = [None, *plan.choices, *plan.notes]
        return list(zip(self.forms, [shown[place] for place in self.places], strict=True))


Part = tuple[Form, PlannedPaper | Note | None]
"""A block of a letter; as a tuple, it is the key of the rendered block too."""


def headings(
    cadence: Cadence, language: Language, *, alone: bool, today: bool, feedback: bool
) -> tuple[Heading, ...]:
    """Return the headings above the papers of each form, in the order of `_KINDS`.

    `alone` says that all papers are lines, so that they are not "also" today. `today` is false if there
    are papers from before yesterday, as in a subscriber's first letter. `feedback` says that papers have
    links for it.
    """
    _ = language.gettext
    lines = {
        Cadence.WEEKLY: (_("Also this week"), _("This week")),
        Cadence.MONTHLY: (_("Also this month"), _("This month")),
    }.get(cadence, (_("Also today"), _("Today")) if today else (_("Also new"), _("New")))[alone]
    more = _("More for you")
    names = _("Saved for the weekend"), _("In one minute"), _("The one to read"), more, more, lines
    about = _("These nearly matched. Press +\u00a0for more like them.") if feedback else _("These nearly matched.")
    return (
        *map(Heading, names),
        Heading(_("News of papers you had")),
        Heading(_("Close to your interests"), about),
    )
