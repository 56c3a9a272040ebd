"""Computes vectors of papers in the background, and keeps the vectors in memory.

A failure (no model, an endpoint that hangs) is logged once, and papers are matched by words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.errors import MeaningError
from paperround.domain.models import Paper
from paperround.matching.lexical import COUNTED_PAPERS
from paperround.matching.vectors import Lookup, VectorTable, pack, unpack
from paperround.process import logs, memory
from paperround.rounds.collection import Collection
from paperround.store.vector_queue import text_of
from paperround.store.vectors import EmbeddedPaper

log = logs.logger()
_PAPERS_PER_TRANSACTION = 16  # papers per transaction, about half a second
_QUERIES_KEPT = 1_000
_ENOUGH = 0.5  # of the newest papers
_ENCODER_RETRY_SECONDS = 300.0  # seconds after a failure until the encoder is called again


class Meaning:
    """The encoder, and the vectors of all papers as they are added to the database. There is one per process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.encoder = app.settings.encoder()
        self._table, self._titles, self._last = VectorTable(), VectorTable(), (0, 0)
        self._queries: LRUCache[str, NDArray[np.float32]] = LRUCache(_QUERIES_KEPT)
        self._topics: dict[str, bytes] | None = None
        self._guard = threading.RLock()
        self._failed_at: float | None = None
        self._unworded_at: float | None = None

    @property
    def on(self) -> bool:
        """Whether vectors are enabled."""
        return self.encoder.makes_vectors

    @property
    def resting(self) -> bool:
        """Whether the encoder failed recently and is not called for a while."""
        return self._failed_at is not None and time.monotonic() - self._failed_at < _ENCODER_RETRY_SECONDS

    def table(self) -> VectorTable:
        """Return the vectors of all papers that have one now."""
        with self._guard:
            while fresh := self._app.store.vectors.after(self.encoder.name, self._last):
                self._table.put({one.place[1]: one.vector for one in fresh})
                self._titles.put({one.place[1]: one.title for one in fresh if one.title})
                self._last = fresh[-1].place
            return self._table

    def held(self) -> VectorTable:
        """Return the vectors of the last call of `table`, without reading anything."""
        return self._table

    def lookups(self) -> tuple[Lookup | None, Lookup | None]:
        """Return what looks up the vectors of texts and of titles, of the last call of `table`; None without a model.

        The vectors of titles are those of newer papers.
        """
        return (self._table.of, self._titles.of) if self.on else (None, None)

    def sizes(self) -> tuple[int, int]:
        """Return how many texts and titles have a vector in memory."""
        return len(self._table), len(self._titles)

    def coverage(self, rows: Sequence[int]) -> tuple[int, int]:
        """Return how many eighths of these papers have a vector of their text and of their title in memory."""
        return self._table.coverage(rows), self._titles.coverage(rows)

    def written_out(self, query: str) -> str:
        """Return the text that an interest is compared by: with the long forms of its acronyms.

        They are those of the papers that scores are based on. A text model gets an interest as it is written, since
        it knows acronyms itself, and must not be asked again whenever the papers define another one.
        """
        return query if self.encoder.rewords else self._app.shared(Collection).fixed().written_out(query)

    def known(self, text: str) -> NDArray[np.float32] | None:
        """Return the vector of a text, written out, if it is in memory, without reading or computing anything."""
        with self._guard:
            if self._topics and text in self._topics:
                return np.asarray(unpack([self._topics[text]])[0])
            return self._queries.get(text)

    def encode(self, texts: list[str]) -> NDArray[np.float32] | None:
        """Compute the vectors of texts; None if that is impossible now."""
        if not self.on or self.resting:
            return None
        try:
            vectors = self.encoder.encode(texts)
        except MeaningError as error:
            log.error("vectors unavailable; papers are ranked by words", problem=str(error))
            self._failed_at = time.monotonic()
            return None
        self._failed_at = None
        return vectors

    def of_query(self, text: str) -> NDArray[np.float32] | None:
        """Return the vector of a search; None if it cannot be computed."""
        with self._guard:
            if (known := self._queries.get(text)) is not None:
                return known
        found = self.encode([text])
        if found is None:
            return None
        # As topics keep theirs, so that an interest that is tried takes the papers that it takes when it is followed.
        vector: NDArray[np.float32] = np.asarray(unpack([pack(found[0])])[0])
        with self._guard:
            self._queries[text] = vector
            return vector

    def of_topic(self, query: str) -> NDArray[np.float32] | None:
        """Return the vector of a topic in plain words, which the topic keeps; None if it cannot be computed."""
        if not self.on:
            return None
        text = self.written_out(query)
        with self._guard:
            if self._topics is None:
                self._topics = self._app.store.vectors.topic_vectors(self.encoder.name, self.written_out)
            known = self._topics.get(text)
        if known is None:
            reworded = self._reworded(text)
            if reworded is None:
                return self.of_query(text)  # without technical terms, and not stored
            made = self.encode([reworded])
            if made is None:
                return None
            known = pack(made[0])
            self._app.store.vectors.keep_topic(query, text, self.encoder.name, known)
            with self._guard:
                self._topics[text] = known
        return np.asarray(unpack([known])[0])

    def _reworded(self, text: str) -> str | None:
        """Return an interest's text with technical terms added, to compute its vector; None if unavailable."""
        if self._unworded_at is not None and time.monotonic() - self._unworded_at < _ENCODER_RETRY_SECONDS:
            return None
        try:
            technical_terms = self.encoder.reword(text)
        except MeaningError as error:
            log.error("an interest is used as written; retrying later", problem=str(error))
            self._unworded_at = time.monotonic()
            return None
        return f"{text}. {technical_terms}" if technical_terms else text


def embed(app: App, seconds: float, advance: Callable[[int], None] = lambda _: None) -> int:
    """Compute missing vectors, newest papers first, for at most `seconds`; return how many papers got theirs.

    `advance` is called with the number of papers whose vectors were stored. They wait for `match_embedded`.
    """
    meaning, began, made = app.shared(Meaning), time.monotonic(), 0
    while meaning.on and not app.stopping.is_set() and time.monotonic() - began < seconds:
        papers = app.store.vectors.waiting(_PAPERS_PER_TRANSACTION, COUNTED_PAPERS)
        embedded = _embedded(app, papers) if papers else None
        if embedded is None:
            break
        app.store.vectors.keep(meaning.encoder.name, embedded)
        made += len(papers)
        advance(len(papers))
        app.throttle.give_way()
    if made:
        memory.return_free_blocks()
    return made


def _embedded(app: App, papers: Sequence[Paper]) -> list[EmbeddedPaper] | None:
    """Return papers with the vectors of their texts and, if they are new enough to learn from, of their titles."""
    first = app.store.vectors.first_of_newest(COUNTED_PAPERS)
    titles = [paper.title for paper in papers if paper.row >= first]
    found = app.shared(Meaning).encode([*map(text_of, papers), *titles])
    if found is None:
        return None
    packed = iter([pack(vector) for vector in found])
    texts = [next(packed) for _ in papers]
    return [
        EmbeddedPaper(paper, text, next(packed) if paper.row >= first else None)
        for paper, text in zip(papers, texts, strict=True)
    ]


def enough_embedded(app: App) -> bool:
    """Return whether papers got vectors, and enough have one to compare those papers with the topics.

    Enough is half of the papers that say what is usual, or what there is if no more can be computed now: compared
    with the first few, a paper could match an interest that it does not fit, or lose its match with one that it fits,
    and each paper is compared once.
    """
    vectors = app.store.vectors
    if not vectors.any_uncompared():  # as nearly always
        return False
    return vectors.coverage(COUNTED_PAPERS) >= _ENOUGH or app.shared(Meaning).resting
