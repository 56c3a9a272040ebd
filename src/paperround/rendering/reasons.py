"""Describe in sentences why a paper is in an email: `abstract: gripper` becomes "“gripper” in the abstract". Pure.

Reasons in any other form are printed unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from paperround.domain.latex import readable
from paperround.domain.reasons import ReasonKind, read, unquoted
from paperround.domain.text import clean
from paperround.rendering.excerpt import breakable
from paperround.rendering.language import Language
from paperround.rendering.source_names import source_name
from paperround.rendering.topic_names import topic_name

_WORTH_PRINTING = {ReasonKind.ALSO_ON, ReasonKind.LIKE, ReasonKind.AUTHOR, ReasonKind.ORGANIZATION}


def worth_printing(why: Iterable[str]) -> tuple[str, ...]:
    """Return the reasons that add something to what a letter already shows.

    A topic's word in the title can be seen there; the words found elsewhere are shown in the preview and online.
    """
    return tuple(str(reason) for reason in read(why) if reason.kind in _WORTH_PRINTING)


def as_sentences(why: Iterable[str], language: Language) -> tuple[str, ...]:
    """Return the reasons as sentences, combining those of the same kind."""
    kinds: dict[ReasonKind | str, list[str]] = {}
    for kind, found in read(map(clean, why)):
        kinds.setdefault(kind or found, []).append(readable(found))
    return tuple(breakable(_sentence(kind, found, language)) for kind, found in kinds.items())


def _sentence(kind: ReasonKind | str, found: list[str], language: Language) -> str:
    return _sentences(language)[kind](found) if isinstance(kind, ReasonKind) else readable(kind)


@lru_cache(maxsize=32)
def _sentences(language: Language) -> Mapping[ReasonKind, Callable[[list[str]], str]]:
    _ = language.gettext

    def quoting(sentence: str) -> Callable[[list[str]], str]:
        return lambda values: sentence % {"words": language.list([_quoted(words, language) for words in values])}

    def naming(sentence: str) -> Callable[[list[str]], str]:
        return lambda values: sentence % {"names": language.list(values)}

    def on_topics(sentence: str) -> Callable[[list[str]], str]:
        return lambda values: naming(sentence)([topic_name(one, language) for one in values])

    return {
        ReasonKind.TITLE: quoting(_("%(words)s in the title")),
        ReasonKind.ABSTRACT: quoting(_("%(words)s in the abstract")),
        ReasonKind.KEYWORD: quoting(_("%(words)s in the keywords")),
        ReasonKind.AUTHOR: naming(_("by %(names)s")),
        ReasonKind.ORGANIZATION: naming(_("from %(names)s")),
        ReasonKind.CATEGORY: naming(_("in category %(names)s")),
        ReasonKind.SOURCE: lambda values: naming(_("listed by %(names)s"))(list(map(source_name, values))),
        ReasonKind.LIKE: quoting(_("like %(words)s, which you wanted more of")),
        ReasonKind.MEANING: lambda values: (
            _("close in meaning") if "close" in values else _("among the nearest in meaning")
        ),
        ReasonKind.ON: on_topics(_("on %(names)s")),
        ReasonKind.ALSO_ON: on_topics(_("also on %(names)s")),
    }


def _quoted(words: str, language: Language) -> str:
    marked = unquoted(words)
    return language.gettext("“%(words)s”") % {"words": words if marked is None else marked}
