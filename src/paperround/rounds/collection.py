"""Statistics of the newest papers: word frequencies, acronyms, and how well papers usually fit an interest.

They make the scores of three papers and of 300 comparable, and correct misspelled words of a search.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

from paperround.app import App
from paperround.domain.models import Paper
from paperround.matching.background import background
from paperround.matching.lexical import COUNTED_PAPERS, Index, Statistics
from paperround.matching.query import Phrase
from paperround.matching.suggestions import FieldVocabulary
from paperround.matching.vocabulary import CorrectedText, Vocabulary
from paperround.matching.words import STOP_WORDS
from paperround.meaning.english import frequent_words, ordinary_words

_MAX_EXPANDED = 20_000  # texts kept in memory
_SLACK = 200  # papers by which a search's statistics may be behind


def is_known(term: str) -> bool:
    """Return whether a term is a word of papers elsewhere or of ordinary English."""
    return term in background().frequencies or term in ordinary_words()


def _is_ordinary(term: str) -> bool:
    """Return whether a term is a word of ordinary English."""
    return term in STOP_WORDS or term in ordinary_words()


def is_new_site(app: App) -> bool:
    """Return whether the site has too few papers to tell what stands out, so that close papers are emailed alone too.

    Then word counts of other papers stand in for those that are missing.
    """
    return not app.store.papers.has_at_least(COUNTED_PAPERS)


def _is_frequent(term: str) -> bool:
    """Return whether a term is a frequent word of ordinary English."""
    return term in STOP_WORDS or term in frequent_words()


class CollectionSnapshot:
    """The newest papers at one moment; each statistic is computed when it is first needed."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        """Take the papers, newest first."""
        self.papers = papers
        self._expanded: dict[str, str] = {}

    def renewed(self, newer: Sequence[Paper]) -> CollectionSnapshot:
        """Return the snapshot with these newer papers, newest first, in place of as many of the oldest ones."""
        older = self.papers[: max(COUNTED_PAPERS - len(newer), 0)]
        past = CollectionSnapshot([*newer, *older])
        past.statistics = self.statistics.renewed(newer, self.papers[len(older) :])
        return past

    @cached_property
    def statistics(self) -> Statistics:
        """Word frequencies; those of other papers stand in for papers that the site does not have yet."""
        return Statistics.of(self.papers, background())

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words and acronyms of the papers."""
        return Vocabulary.of(self.papers, self.statistics)

    def expand_acronyms(self, text: str) -> str:
        """Return an interest with the long form of each acronym that the papers define; others as they are."""
        if text not in self._expanded:
            if len(self._expanded) >= _MAX_EXPANDED:
                self._expanded.clear()
            self._expanded[text] = self.vocabulary.expand(text, _is_ordinary)
        return self._expanded[text]

    @property
    def field_vocabulary(self) -> FieldVocabulary:
        """What tells the terms of the field from other words."""
        return FieldVocabulary(self.index, self.statistics, _is_frequent, _is_ordinary)

    @property
    def fullness(self) -> float:
        """The number of papers as a share of the most that a snapshot has: of few papers, each new one matters."""
        return len(self.papers) / COUNTED_PAPERS

    @cached_property
    def index(self) -> Index:
        """The index of all papers, to compare interests with."""
        return Index(self.papers, self.statistics)


class Collection:
    """Snapshots of the newest papers, as fresh as each caller needs them. There is one per process.

    Any thread may call it.
    """

    def __init__(self, app: App) -> None:
        self._papers, self._browsing = app.store.papers, app.store.browsing
        self._fixed: CollectionSnapshot | None = None
        self._newest: tuple[int, CollectionSnapshot] | None = None
        self._reading = threading.Lock()

    def fixed(self) -> CollectionSnapshot:
        """Return the snapshot that scores are based on, fixed until `renew` so that batches are scored alike."""
        with self._reading:
            if self._fixed is None:
                self._fixed = self._read()
            return self._fixed

    def renew(self) -> None:
        """Renew that snapshot if a quarter of the collection, or of a snapshot's size, is newer."""
        with self._reading:
            if self._fixed is None:
                return
            held = self._fixed.papers
            newest = held[0].row if held else 0
            if self._browsing.last_row() - newest > len(held) // 4:
                self._fixed = self._fixed.renewed(self._papers.latest(COUNTED_PAPERS, since=newest + 1))

    def current(self) -> CollectionSnapshot:
        """Return the newest papers; read again only if a newer one is stored, so that previews agree with rounds."""
        return self._up_to_date(0)

    def recent(self) -> CollectionSnapshot:
        """Return the newest papers, possibly up to _SLACK papers ago: for searches, which must not wait."""
        return self._up_to_date(_SLACK)

    def correct(self, text: str) -> CorrectedText:
        """Correct typing mistakes in plain words by the newest papers.

        A word that any paper has, or that is ordinary English, is no mistake.
        """
        return self.recent().vocabulary.correct(
            text, lambda term: is_known(term) or self._papers.finds(Phrase((term,)))
        )

    def _up_to_date(self, slack: int) -> CollectionSnapshot:
        with self._reading:
            newest = self._browsing.last_row()
            if self._newest is None or not 0 <= newest - self._newest[0] <= slack * self._newest[1].fullness:
                self._newest = newest, self._read()
            return self._newest[1]

    def _read(self) -> CollectionSnapshot:
        return CollectionSnapshot(self._papers.latest(COUNTED_PAPERS))
