r"""What a macro of a paper's own stands for, such as `\tool{}` in its abstract: mostly the paper's own name. Pure."""

from __future__ import annotations

import re

# The name at the beginning of a title, as in "FooBench: A Benchmark" and "Foo 2 – …".
_AFTER_NAME = re.compile(r": | [–—-] ")
_NAME = re.compile(r"(?=\S*[A-Z0-9])\S+(?: v?\d\S*)?")
_MACRO = re.compile(r"\\([A-Za-z]+)")
_PREFIX, _SUFFIX = re.compile(r"^(?:our|the|my)(?=.)"), re.compile(r"(?<=.)(?:name|abbr|long|short|full|xspace|s)$")
_NOUNS = {
    "algo": "algorithm",
    "alg": "algorithm",
    "bench": "benchmark",
    "data": "dataset",
    "proj": "project",
    "sys": "system",
    **{
        noun: noun
        for noun in (
            "agent", "algorithm", "approach", "benchmark", "corpus", "dataset", "framework", "library", "method",
            "model", "project", "solution", "system", "technique", "tool",
        )
    },
    **dict.fromkeys(("acronym", "codename", "name", "our", "ours", "paper", "title", "work", "xxx"), "method"),
}  # fmt: skip
"""What the macros that many authors define for their paper's own name call it."""
_WITH_ARTICLE = re.compile(r"\b(?:an?|each|its|new|novel|our|proposed|th[ei]s?|these|those)[\s“(\"]*$", re.IGNORECASE)
_SENTENCE_BEFORE = re.compile(r"[.!?:][\"'”’)\]]*\s*$")


def name_in_title(title: str) -> str:
    """Return the name before a title's colon or dash, such as `FooBench`; empty if there is none."""
    name, *rest = _AFTER_NAME.split(title, maxsplit=1)
    return name if rest and _NAME.fullmatch(name) else ""


def noun_of_name(abstract: str, title: str) -> str:
    r"""Return what the macro calls it that stands for the name in the title: "tool" for `\tool`; empty if none does.

    It is the first macro whose noun the title has too, as in "FooBench: A Benchmark", or else the first one. The
    others stand for something else: `\tool` is not `\data`.
    """
    name, macros = name_in_title(title), _MACRO.findall(abstract)
    if not name or any(_folded(macro) == _folded(name) for macro in macros):
        return ""
    nouns = list(filter(None, map(_noun, macros)))
    in_title = (noun for noun in nouns if re.search(rf"\b{noun}s?\b", title, re.IGNORECASE))
    return next(in_title, nouns[0] if nouns else "")


def spell_own_macro(macro: str, title: str, before: str, noun_of_name: str) -> str:
    r"""Return the text for a macro of an abstract that LaTeX does not know; `before` is the text in front of it.

    `\tool` is the name in the title if that is a tool (`noun_of_name`), or else "our tool". Other macros, whose name
    is often the name itself, are returned without their backslash.
    """
    name, noun = name_in_title(title), _noun(macro)
    if name and ((noun and noun == noun_of_name) or _folded(macro) == _folded(name)):
        return name
    if not noun:
        return macro
    if _WITH_ARTICLE.search(before):
        return noun
    return f"{'our' if before and not _SENTENCE_BEFORE.search(before) else 'Our'} {noun}"


def _noun(macro: str) -> str:
    word = macro.lower()
    known = (_NOUNS.get(one) for one in (word, _PREFIX.sub("", word), _SUFFIX.sub("", _PREFIX.sub("", word))))
    return next(filter(None, known), "")


def _folded(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
