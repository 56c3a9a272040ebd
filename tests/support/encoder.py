"""An encoder for tests: it knows a few ideas, and which words stand for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from paperround.app import App
from paperround.domain.errors import MeaningError
from paperround.domain.text import terms
from paperround.rounds.meaning import Meaning

IDEAS = (
    {"walk", "stride", "legged", "humanoid"},
    {"picture", "image", "photo"},
    {"speech", "voice", "talk"},
    {"protein", "molecule"},
)


class IdeaEncoder:
    """Counts the ideas in a text; what is about nothing that it knows is a thing of its own."""

    kind = "ideas"
    english_only = True
    makes_vectors = True

    def __init__(self, name: str = "ideas-1") -> None:
        self.name = name
        self.broken = False
        self.asked: list[str] = []
        self.words = ""
        self.speechless = False

    @property
    def rewords(self) -> bool:
        """Whether it was told to say something of interests."""
        return bool(self.words)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length one for each text."""
        if self.broken:
            raise MeaningError("the endpoint is gone")
        self.asked += texts
        counts = [[len(idea & set(terms(text))) for idea in IDEAS] for text in texts]
        vectors = np.array([[*row, 0.0 if any(row) else 1.0] for row in counts], dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def reword(self, _text: str) -> str:
        """What the encoder was told to say."""
        if self.speechless:
            raise MeaningError("the endpoint says nothing")
        return self.words


def use_ideas(app: App, name: str = "ideas-1") -> IdeaEncoder:
    """Let an app make its vectors with this encoder."""
    encoder = IdeaEncoder(name)
    app.shared(Meaning).encoder = encoder
    return encoder
