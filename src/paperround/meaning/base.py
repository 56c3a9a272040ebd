"""What every encoder is, and the one that makes no vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """One row for each text, of length one."""
else:
    np, Vectors = LazyModule("numpy"), None


class Encoder(Protocol):
    """Turns texts into vectors; a frozen pydantic model that carries its own settings."""

    @property
    def kind(self) -> str:
        """The name that the setting `meaning.kind` knows it by."""
        ...

    @property
    def name(self) -> str:
        """The name kept with each vector: vectors of different models cannot be compared. Empty: it makes none."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of length one for each text, in their order; MeaningError when that fails."""
        ...

    def reword(self, text: str) -> str:
        """An interest in the words of the field; empty where there is no model for it, MeaningError when it fails."""
        ...


class EncoderSettings(BaseModel):
    """What the settings of all encoders have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def reword(self, text: str) -> str:  # noqa: ARG002 - most encoders have no model for text
        """Empty: interests are taken as they are written."""
        return ""


class WordsOnly(EncoderSettings):
    """No vectors: papers are ranked by words alone."""

    kind: Literal["words"] = "words"

    @property
    def name(self) -> str:
        """Empty: there are no vectors."""
        return ""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors without any numbers in them."""
        return np.zeros((len(texts), 0), dtype=np.float32)


def unit(vectors: NDArray[np.float32]) -> Vectors:
    """The vectors scaled to length one; one of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
