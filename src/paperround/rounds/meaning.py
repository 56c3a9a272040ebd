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
_MAX_QUERIES = 1_000  # vectors of searches kept in memory
_ENOUGH = 0.5  # share of the newest papers


class Meaning:
    """The encoder, and the vectors of all papers as they are added to the database. There is one per process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.encoder = app.settings.encoder()
        self._table, self._titles, self._last = VectorTable(), VectorTable(), (0, 0)
        self._queries: LRUCache[str, NDArray[np.float32]] = LRUCache(_MAX_QUERIES)
        self._topics: dict[str, bytes] | None = None
        self._guard = threading.RLock()
        self.retry_seconds = 300.0
        """After a failure, the encoder is not called again for so long."""
        self._failed_at: float | None = None
        self._reword_failed_at: float | None = None

    @property
    def enabled(self) -> bool:
        """Whether vectors are enabled."""
        return self.encoder.makes_vectors

    @property
    def in_backoff(self) -> bool:
        """Whether the encoder failed recently and is not called for a while."""
        return self._is_recent(self._failed_at)

    def _is_recent(self, failed_at: float | None) -> bool:
        return failed_at is not None and time.monotonic() - failed_at < self.retry_seconds

    def table(self) -> VectorTable:
        """Return the vectors of all papers that have one now."""
        with self._guard:
            while fresh := self._app.store.vectors.after(self.encoder.name, self._last):
                self._table.put({stored.place[1]: stored.vector for stored in fresh})
                self._titles.put({stored.place[1]: stored.title for stored in fresh if stored.title})
                self._last = fresh[-1].place
            return self._table

    def cached_table(self) -> VectorTable:
        """Return the vectors that the last call of `table` read, without reading newer ones."""
        return self._table

    def lookups(self) -> tuple[Lookup | None, Lookup | None]:
        """Return the functions that look up the vectors of texts and of titles in memory; None without a model.

        Only newer papers have a vector of their title.
        """
        return (self._table.vectors, self._titles.vectors) if self.enabled else (None, None)

    def sizes(self) -> tuple[int, int]:
        """Return how many texts and titles have a vector in memory."""
        return len(self._table), len(self._titles)

    def coverage(self, rows: Sequence[int]) -> tuple[int, int]:
        """Return how many eighths of these papers have a vector of their text and of their title in memory."""
        return self._table.coverage(rows), self._titles.coverage(rows)

    def expand_acronyms(self, query: str) -> str:
        """Return an interest with the long forms of its acronyms, as the papers that scores are based on define them.

        A text model gets an interest as it is written, since it knows acronyms itself, and must not be asked again
        whenever the papers define another one.
        """
        return query if self.encoder.rewords else self._app.shared(Collection).fixed().expand_acronyms(query)

    def cached_vector(self, text: str) -> NDArray[np.float32] | None:
        """Return the vector of a text with expanded acronyms, if it is in memory. Nothing is read or computed."""
        with self._guard:
            if self._topics and text in self._topics:
                return np.asarray(unpack([self._topics[text]])[0])
            return self._queries.get(text)

    def encode(self, texts: list[str]) -> NDArray[np.float32] | None:
        """Compute the vectors of texts; None if that is impossible now."""
        if not self.enabled or self.in_backoff:
            return None
        try:
            vectors = self.encoder.encode(texts)
        except MeaningError as error:
            log.error("vectors unavailable; papers are ranked by words", problem=str(error))
            self._failed_at = time.monotonic()
            return None
        self._failed_at = None
        return vectors

    def query_vector(self, text: str) -> NDArray[np.float32] | None:
        """Return the vector of a search; None if it cannot be computed."""
        with self._guard:
            if (cached := self._queries.get(text)) is not None:
                return cached
        computed = self.encode([text])
        if computed is None:
            return None
        # Rounded as topics store theirs, so that a previewed interest matches what it matches when followed.
        vector: NDArray[np.float32] = np.asarray(unpack([pack(computed[0])])[0])
        with self._guard:
            self._queries[text] = vector
            return vector

    def topic_vector(self, query: str) -> NDArray[np.float32] | None:
        """Return the vector of a topic in plain words, which the topic keeps; None if it cannot be computed."""
        if not self.enabled:
            return None
        text = self.expand_acronyms(query)
        with self._guard:
            if self._topics is None:
                self._topics = self._app.store.vectors.topic_vectors(self.encoder.name, self.expand_acronyms)
            cached = self._topics.get(text)
        if cached is None:
            reworded = self._reworded(text)
            if reworded is None:
                return self.query_vector(text)  # without technical terms, and not stored
            computed = self.encode([reworded])
            if computed is None:
                return None
            cached = pack(computed[0])
            self._app.store.vectors.keep_topic(query, text, self.encoder.name, cached)
            with self._guard:
                self._topics[text] = cached
        return np.asarray(unpack([cached])[0])

    def _reworded(self, text: str) -> str | None:
        """Return an interest's text with technical terms added, to compute its vector; None if unavailable."""
        if self._is_recent(self._reword_failed_at):
            return None
        try:
            technical_terms = self.encoder.reword(text)
        except MeaningError as error:
            log.error("an interest is used as written; retrying later", problem=str(error))
            self._reword_failed_at = time.monotonic()
            return None
        return f"{text}. {technical_terms}" if technical_terms else text


def embed(app: App, seconds: float, advance: Callable[[int], None] = lambda _: None) -> int:
    """Compute missing vectors, newest papers first, for at most `seconds`; return how many papers got theirs.

    `advance` is called with the number of papers whose vectors were stored. They wait for `match_embedded`.
    """
    meaning, began, number = app.shared(Meaning), time.monotonic(), 0
    while meaning.enabled and not app.stopping.is_set() and time.monotonic() - began < seconds:
        papers = app.store.vectors.waiting(_PAPERS_PER_TRANSACTION, COUNTED_PAPERS)
        embedded = _embedded(app, papers) if papers else None
        if embedded is None:
            break
        app.store.vectors.keep(meaning.encoder.name, embedded)
        number += len(papers)
        advance(len(papers))
        app.throttle.yield_to_requests()
    if number:
        memory.return_free_blocks()
    return number


def _embedded(app: App, papers: Sequence[Paper]) -> list[EmbeddedPaper] | None:
    """Return papers with the vectors of their texts and, if they are new enough to learn from, of their titles."""
    first = app.store.vectors.first_of_newest(COUNTED_PAPERS)
    titles = [paper.title for paper in papers if paper.row >= first]
    vectors = app.shared(Meaning).encode([*map(text_of, papers), *titles])
    if vectors is None:
        return None
    packed = iter([pack(vector) for vector in vectors])
    texts = [next(packed) for _ in papers]
    return [
        EmbeddedPaper(paper, text, next(packed) if paper.row >= first else None)
        for paper, text in zip(papers, texts, strict=True)
    ]


def enough_embedded(app: App) -> bool:
    """Return whether papers got vectors, and enough have one to compare those papers with the topics.

    Enough is half of the papers that scales are based on, or all that have one if no more can be computed now. With
    the first few only, a paper could match an interest that it does not fit, or lose its match with one that it fits,
    and each paper is compared once.
    """
    vectors = app.store.vectors
    if not vectors.any_uncompared():  # which is nearly always so
        return False
    return vectors.coverage(COUNTED_PAPERS) >= _ENOUGH or app.shared(Meaning).in_backoff
