"""Strings at the door and in the index: cleaning, folding, splitting into terms. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# C0/C1 controls, lone surrogates and the byte order mark carry no meaning in a title and break XML, SQL or mail.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_SPACE = re.compile(r"\s+")
# A term is a run of letters and digits; "c++" and "c#" are names people search for.
_TERM = re.compile(r"c\+\+|c#|[^\W_]+")
# Letters that NFKD leaves whole but readers type without their stroke.
_STROKES = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_UNCOUNTED = frozenset("bias canvas chaos gas lens physics series species has was".split())


def clean(text: str) -> str:
    """One line of NFC text: controls, lone surrogates and NULs out, white space collapsed."""
    text = _UNWANTED.sub("", text)
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """The text without case and accents, for comparing."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_STROKES)


@lru_cache(maxsize=200_000)
def singular(word: str) -> str:
    """The folded word without its plural ending: "models" and "model" are one term, "bias" stays itself."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in _UNCOUNTED:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    return word[:-1]


def terms(text: str) -> list[str]:
    """The folded, singular words of a text in order: what queries are compared with."""
    return [singular(word) for word in _TERM.findall(fold(text))]
