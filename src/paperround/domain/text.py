"""Strings at the door and in the index: cleaning, folding, splitting into terms. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Controls, lone surrogates and the byte order mark carry no meaning in a title and break XML, SQL or mail;
# soft hyphens and zero-width spaces hide inside words and keep them from being found; bidirectional overrides
# turn round the rest of the line they are printed in. What Python takes for white space is left to _SPACE.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")
_FRACTION = re.compile("([¼-¾⅐-⅞↉])")
# Chinese and Japanese run on without spaces: each character is a term, and a word of several is a phrase of
# them.
_UNSPACED = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# A term is a run of letters and digits; "c++" and "c#" are names people search for.
_TERM = re.compile(rf"c\+\+|c#|[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Letters that NFKD leaves whole but subscribers type without their stroke.
_STROKES = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"}
)
_UNCOUNTED = frozenset(
    ("atlas", "bias", "canvas", "chaos", "gas", "has", "lens", "news", "physics", "series", "species", "was")
)
_IRREGULAR = {
    "analyses": "analysis",
    "atlases": "atlas",
    "axes": "axis",
    "biases": "bias",
    "buses": "bus",
    "caches": "cache",
    "canvases": "canvas",
    "cookies": "cookie",
    "corpora": "corpus",
    "criteria": "criterion",
    "gases": "gas",
    "hypotheses": "hypothesis",
    "indices": "index",
    "lenses": "lens",
    "matrices": "matrix",
    "movies": "movie",
    "niches": "niche",
    "parentheses": "parenthesis",
    "phenomena": "phenomenon",
    "syntheses": "synthesis",
    "vertices": "vertex",
    "viruses": "virus",
}


def clean(text: str) -> str:
    """One line of NFC text: controls, lone surrogates and NULs out, white space collapsed."""
    if text.isascii() and text.isprintable():  # most texts; nothing in them is unwanted
        return " ".join(text.split())
    text = _UNWANTED.sub("", text)
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """The text without case and accents, for comparing; parts fold like the whole."""
    lower = text.lower()
    return lower if text.isascii() else _BEYOND_ASCII.sub(lambda found: _folded(found[0]), lower)


@lru_cache(maxsize=20_000)
def _folded(character: str) -> str:
    # Twice: a letter may come to light as a capital (mathematical bold) or decompose only when small.
    return _bare(_bare(character).casefold()).translate(_STROKES)


def _bare(text: str) -> str:
    # NFKD makes 21⁄2 of 2½: a fraction's sign stays as it is.
    return "".join(piece if _FRACTION.match(piece) else _decomposed(piece) for piece in _FRACTION.split(text))


def _decomposed(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@lru_cache(maxsize=200_000)
def singular(word: str) -> str:
    """The folded word without its plural ending: "models" and "model" are one term, "bias" stays itself."""
    plain = _without_ending(word)
    return _IRREGULAR.get(word) or _IRREGULAR.get(plain, plain)


def _without_ending(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in _UNCOUNTED:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    return word[:-1]


def words(text: str) -> list[str]:
    """The folded words of a text in order, plural endings and all."""
    return _TERM.findall(fold(text))


def terms(text: str) -> list[str]:
    """The folded, singular words of a text in order: what queries are compared with."""
    return [singular(word) for word in words(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where each of the text's terms stands in it: start and end, for showing the word as it was written."""
    if text.isascii():
        return [found.span() for found in _TERM.finditer(text.lower())]
    folded, origin = [], []
    for at, character in enumerate(text):
        piece = fold(character)
        folded.append(piece)
        origin += [at] * len(piece)
    return [(origin[m.start()], origin[m.end() - 1] + 1) for m in _TERM.finditer("".join(folded))]
