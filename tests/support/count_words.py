"""Writes the word counts that new sites begin with: `python tests/support/count_words.py DIR` (docs/relevance.md).

DIR holds papers as `make eval` reads them. Words of fewer than LEAST papers are left out: they count as rare anyway.
"""

from __future__ import annotations

import sys
from pathlib import Path

from paperround.matching import background
from paperround.matching.lexical import Statistics

sys.path[:0] = [str(Path(__file__).parent.parent)]

from support.eval_relevance import read_papers  # noqa: E402

LEAST = 5

if __name__ == "__main__":
    counts = Statistics.of(read_papers(Path(sys.argv[1])))
    file = Path(background.__file__).parent / background.FILE
    file.write_text(background.write_counts(counts, LEAST), encoding="utf-8")
