"""Describe in sentences why a paper is in an email: `abstract: gripper` becomes "“gripper” in the abstract". Pure.

Reasons in any other form are printed unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from paperround.domain.latex import readable
from paperround.domain.text import clean
from paperround.rendering.excerpt import breakable
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name

_ON, _ALSO = "on ", "also on "
_WORTH_PRINTING = (_ALSO, "like: ", "author: ", "organisation: ")


def worth_printing(why: Iterable[str]) -> tuple[str, ...]:
    """Return the reasons that add something to what a letter already shows.

    A topic's word in the title can be seen there; the words found elsewhere are shown in the preview and online.
    """
    return tuple(reason for reason in why if reason.startswith(_WORTH_PRINTING))


def as_sentences(why: Iterable[str], language: Language) -> tuple[str, ...]:
    """Return the reasons as sentences, combining those found in the same field of the paper."""
    places: dict[str, list[str]] = {}
    for reason in why:
        place, found = _taken_apart(clean(reason), language)
        places.setdefault(place, []).append(readable(found))
    return tuple(breakable(_said(place, found, language)) for place, found in places.items())


def _taken_apart(reason: str, language: Language) -> tuple[str, str]:
    """Split a reason into its place and what was found there; a reason of another form is a place by itself."""
    for start in (_ON, _ALSO):
        if reason.startswith(start):
            return start, reason.removeprefix(start)
    place, separator, found = reason.partition(": ")
    return (place, found) if separator and place in _sentences(language) else (reason, "")


def _said(place: str, found: list[str], language: Language) -> str:
    known = _sentences(language).get(place)
    return known(found) if known else readable(place)


@lru_cache(maxsize=32)
def _sentences(language: Language) -> Mapping[str, Callable[[list[str]], str]]:
    _ = language.gettext

    def quoting(sentence: str) -> Callable[[list[str]], str]:
        return lambda found: sentence % {"words": language.list([_quoted(words, language) for words in found])}

    def naming(sentence: str) -> Callable[[list[str]], str]:
        return lambda found: sentence % {"names": language.list(found)}

    return {
        "title": quoting(_("%(words)s in the title")),
        "abstract": quoting(_("%(words)s in the abstract")),
        "keyword": quoting(_("%(words)s in the keywords")),
        "author": naming(_("by %(names)s")),
        "organisation": naming(_("from %(names)s")),
        "category": naming(_("in category %(names)s")),
        "source": lambda found: naming(_("listed by %(names)s"))(list(map(source_name, found))),
        "like": quoting(_("like %(words)s, which you wanted more of")),
        "meaning": lambda found: _("close in meaning") if "close" in found else _("among the nearest in meaning"),
        _ON: naming(_("on %(names)s")),
        _ALSO: naming(_("also on %(names)s")),
    }


def _quoted(words: str, language: Language) -> str:
    if len(words) > 1 and words.startswith('"') and words.endswith('"'):
        words = words[1:-1]
    return language.gettext("“%(words)s”") % {"words": words}
