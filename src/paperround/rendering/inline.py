"""Move a theme's style sheet into style attributes with premailer, since Outlook and others support nothing else."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from threading import Lock
from typing import Any

import cssutils  # type: ignore[import-untyped]
from premailer import Premailer

from paperround.domain.errors import ConfigurationError

# What these selectors match depends on an element's neighbors, so that a card could not be rendered once and put into
# many letters. Few mail clients support them either.
_POSITIONAL = re.compile(r":(?:first|last|only|nth|empty|has|root|not)\b[\w-]*|[+~]")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ATTRIBUTE = re.compile(r"\[[^]]*\]")
_RULE = re.compile(r"([^{}]+)\{")
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
# How cssutils ends a message: ('CHAR', ':', 26, 86) or [26:86: …] hold the line and the column.
_PLACE = re.compile(r"\('\w+', .+, (\d+), \d+\)|\[(\d+):\d+: ")
# cssutils keeps state between calls (premailer's issue 65).
_LOCK = Lock()
_SHEETS_KEPT = 64
_RULES: dict[tuple[str, int], tuple[list[Any], list[Any]]] = {}


class _Inliner(Premailer):  # type: ignore[misc]
    """Parses each style sheet only once, since parsing is most of the work if only a card is new."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        known = _RULES.get((css_body, ruleset_index))
        if known is None:
            known = super()._parse_style_rules(css_body, ruleset_index)
            if len(_RULES) >= _SHEETS_KEPT:
                _RULES.clear()
            _RULES[css_body, ruleset_index] = known
        rules, leftover = known
        return [*rules], [*leftover]


def inline(html: str) -> str:
    """Return the document with its first style sheet inlined; `<style data-premailer="ignore">` is kept unchanged.

    `strip_important` is off because it would also remove !important from @media rules, which would silently disable
    dark mode.
    """
    with _LOCK:
        return str(
            _Inliner(
                strip_important=False,
                allow_network=False,
                disable_validation=True,
                align_floating_images=False,
                # Outlook needs `width` as an attribute and reads the others as CSS. `height: auto` keeps a picture's
                # shape when it is made narrower; as an attribute it has no effect.
                disable_basic_attributes=["align", "bgcolor", "height", "valign"],
                cssutils_logging_level=logging.CRITICAL,
            ).transform(html, pretty_print=False)
        )


def style_sheets(html: str) -> list[str]:
    """Return the contents of the document's style elements, without those in conditional comments for Outlook."""
    return _STYLE.findall(_HTML_COMMENT.sub("", html))


def without_comments(css: str) -> str:
    """Remove comments from a style sheet but keep its line breaks, so that line numbers stay correct."""
    return _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), css)


@lru_cache(maxsize=_SHEETS_KEPT)  # a theme has the same style sheet in every language
def check(css: str, file: str, first: int) -> None:
    """Raise ConfigurationError if a style sheet does not parse, uses @import, or selects by position.

    `file` is the template that contains the style sheet, and `first` is the line where it begins.
    """
    bare = without_comments(css)

    def where(at: int) -> str:
        return f"{file} line {first + bare.count(chr(10), 0, at)}"

    if (found := bare.lower().find("@import")) >= 0:
        raise ConfigurationError(
            f"{where(found)}: mail clients drop @import; write the rules into the style block themselves"
        )
    for rule in _RULE.finditer(bare):
        for selector in rule[1].split(","):
            if not selector.lstrip().startswith("@") and _POSITIONAL.search(_ATTRIBUTE.sub("", selector)):
                raise ConfigurationError(
                    f"{where(rule.end())}: the selector {selector.strip()!r} depends on an element's neighbors; a "
                    "card is laid out once for all letters, so give the element a class and select that"
                )
    if bare.count("{") != bare.count("}"):  # CSS would close them silently
        raise ConfigurationError(
            f"{where(_unbalanced(bare))}: its style sheet has {bare.count('{')} braces open and "
            f"{bare.count('}')} closed"
        )
    parser = cssutils.CSSParser(raiseExceptions=True, validate=False, loglevel=logging.CRITICAL)
    try:
        with _LOCK:
            parser.parseString(bare)
    except Exception as error:
        place = _PLACE.search(str(error))
        line = int(place[1] or place[2]) if place else 1
        raise ConfigurationError(
            f"{file} line {first + line - 1}: its style sheet does not parse: {error}"
        ) from error
    finally:
        cssutils.log.raiseExceptions = False


def _unbalanced(css: str) -> int:
    """Return the offset of a rule that is not closed, or of a closing brace too many; rules are not nested."""
    opened = -1
    for brace in re.finditer(r"[{}]", css):
        if brace[0] == "{" and opened >= 0:
            return opened
        if brace[0] == "}" and opened < 0:
            return brace.start()
        opened = brace.start() if brace[0] == "{" else -1
    return max(opened, 0)
