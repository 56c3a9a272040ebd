"""Other forms of English words: a search for `robots that walk` also finds `walking` and `walked`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MIN_LENGTH = 4  # letters: shorter words have forms that are other words, as `seed` is for `see`
_WORD = re.compile(r"[a-z]+")
_ENDING = re.compile(r"(?P<stem>[a-z]*[aeiouy][a-z]*)(?:ing|ed)")
_DOUBLED = re.compile(r"(?P<single>.*(?P<last>[bdgmnprt]))(?P=last)")
_ENDS_IN_VOWEL_AND_CONSONANT = re.compile(r"(?:.*[^aeiou])?[aeiou][bdgmnprt]")
_ONE_SYLLABLE = re.compile(r"[^aeiou]*[aeiou][^aeiou]*")


def other_forms(term: str) -> tuple[str, ...]:
    """Return the forms of a verb that a term may be, without the term: `walking` and `walked` for `walk`.

    Some are no words, and no text has them. A term is folded and in the singular, so `walks` is none of them.
    """
    if len(term) < _MIN_LENGTH or not _WORD.fullmatch(term):
        return ()
    forms = dict.fromkeys(form for verb in _verbs(term) for form in (verb, *_forms(verb)))
    return tuple(form for form in forms if form != term)


def _verbs(term: str) -> Iterator[str]:
    """Yield the verbs that a term may be a form of, such as `drive` for `driving`; without an ending itself."""
    match = _ENDING.fullmatch(term)
    if not match or len(match["stem"]) < _MIN_LENGTH - 1:
        yield term
        return
    stem = match["stem"]
    if doubled := _DOUBLED.fullmatch(stem):
        yield doubled["single"]
    elif _ONE_SYLLABLE.fullmatch(stem) and _ENDS_IN_VOWEL_AND_CONSONANT.fullmatch(stem):
        yield f"{stem}e"  # rating: of `rat` it would be `ratting`
    elif stem.endswith("i"):
        yield f"{stem[:-1]}y"  # studied
    else:
        yield stem
        yield f"{stem}e"


def _forms(verb: str) -> tuple[str, str]:
    if verb.endswith("e"):
        return f"{verb[:-1]}ing", f"{verb}d"
    if verb.endswith("y") and not verb.endswith(("ay", "ey", "oy")):
        return f"{verb}ing", f"{verb[:-1]}ied"
    if _ONE_SYLLABLE.fullmatch(verb) and _ENDS_IN_VOWEL_AND_CONSONANT.fullmatch(verb):
        return f"{verb}{verb[-1]}ing", f"{verb}{verb[-1]}ed"
    return f"{verb}ing", f"{verb}ed"
