"""The display names of sources: `hf-daily` is "Hugging Face Daily Papers". Pure."""

from __future__ import annotations

import re

_KNOWN = {
    "arxiv": "arXiv",
    "arxiv-oai": "arXiv",
    "biorxiv": "bioRxiv",
    "chemrxiv": "ChemRxiv",
    "hf-daily": "Hugging Face Daily Papers",
    "hf": "Hugging Face Daily Papers",
    "jsonl": "file import",
    "medrxiv": "medRxiv",
}
_SEPARATORS = re.compile(r"[-_.\s]+")


def source_name(name: str) -> str:
    """Return the display name of a source; a source that is not well known keeps its configured name.

    Punctuation and case do not matter: `hf.daily`, `HF_Daily` and `hf-daily` are the same source.
    """
    return _KNOWN.get(_SEPARATORS.sub("-", name.strip().casefold()), name)
