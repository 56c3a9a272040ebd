"""The interface of encoders, and the encoder that makes no vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from paperround.process.lazy import LazyModule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """A matrix with one row of length one per text."""
else:
    np, Vectors = LazyModule("numpy"), None


class Encoder(Protocol):
    """Turns texts into vectors. An encoder is a frozen pydantic model that contains its own settings."""

    @property
    def kind(self) -> str:
        """The encoder's name in the setting `meaning.kind`."""
        ...

    @property
    def name(self) -> str:
        """The model's name, stored with each vector because vectors of different models cannot be compared."""
        ...

    @property
    def makes_vectors(self) -> bool:
        """Whether texts are compared by meaning; otherwise only by their words."""
        ...

    @property
    def english_only(self) -> bool:
        """Whether interests have to be in English to find papers in English."""
        ...

    @property
    def rewords(self) -> bool:
        """Whether a text model restates interests."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length one per text, in the same order. Raise MeaningError if this fails."""
        ...

    def reword(self, text: str) -> str:
        """Return an interest in the field's terms, "" without a text model. Raise MeaningError if this fails."""
        ...


class EncoderSettings(BaseModel):
    """The base class of all encoders' settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def makes_vectors(self) -> bool:
        """True for all encoders but one."""
        return True

    @property
    def english_only(self) -> bool:
        """True unless an encoder may know other languages."""
        return True

    @property
    def rewords(self) -> bool:
        """False unless an encoder has a model for text."""
        return False

    def reword(self, text: str) -> str:  # noqa: ARG002 - most encoders have no model for text
        """Return "", which means that the interest is used as written."""
        return ""


class WordsOnly(EncoderSettings):
    """Makes no vectors, so that papers are ranked by words alone."""

    kind: Literal["words"] = "words"

    @property
    def name(self) -> str:
        """Always empty, since there are no vectors."""
        return ""

    @property
    def makes_vectors(self) -> bool:
        """Always False."""
        return False

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector without any numbers per text."""
        return np.zeros((len(texts), 0), dtype=np.float32)


def unit(vectors: NDArray[np.float32]) -> Vectors:
    """Scale the vectors to length one; a vector of zeros is left unchanged."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
