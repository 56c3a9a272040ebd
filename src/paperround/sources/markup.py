r"""HTML to plain text, TeX accents to letters, joined author lines to names. Pure.

LaTeX itself stays as it is written: making it readable is the letter's work. Only accents are decoded, because
they stand inside words that people search for (`Erd\H{o}s`, `Andr\'e`).
"""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache
from typing import Any

from paperround.domain.text import clean

# More markup than this is no abstract; it bounds the work on a hostile entry.
MAX_MARKUP = 200_000
_TAGS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|cite|code|dd|del|details|div|"
    "dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|"
    "kbd|label|li|link|main|mark|math|meta|nav|noscript|object|ol|p|param|picture|pre|q|s|samp|script|section|"
    "select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|time|"
    "title|tr|tt|u|ul|var|video|wbr"
)
# JATS and MathML stand in journals' abstracts.
_TAG = rf"</?(?:{_TAGS}|jats:[a-z-]+|mml:[a-z]+)(?=[\s/>])"
_TAG_OR_REFERENCE = re.compile(rf"{_TAG}|<!--|&(?:#\w{{1,8}}|[A-Za-z]\w{{1,30}});", re.IGNORECASE)
# Authors write p<0.05, $a<b$ and <think>: an HTML parser would swallow all up to the next bracket.
_MERE_SIGN = re.compile(rf"(?!{_TAG}|<!--)<", re.IGNORECASE)
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|h[1-6]|tr|td|th|table|section|article|blockquote|pre|hr|jats:p|jats:title)\b)",
    re.I,
)
_RAISED = re.compile(r"<sup\b[^<>]*>", re.IGNORECASE)
_ACCENT = re.compile(
    r"""
    \{\s*(?P<inner>\\(?:["'`^~=.]|[cvuHkrdb](?![A-Za-z]))\s*(?:\{\s*\\?[A-Za-z]{1,2}\s*\}|\\[ij](?![A-Za-z])|[A-Za-z])
        |\\(?:ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i|j)(?![A-Za-z]))\s*\}      # {\"o}  {\o}
    |\\["'`^~=.]\s?(?:\{\s*\\?[A-Za-z]\s*\}|\\[ij](?![A-Za-z])\s?|[A-Za-z])  # \"o  \'{\i}
    |\\[cvuHkrdb]\s?\{\s*\\?[A-Za-z]{1,2}\s*\}                          # \c{S}
    |\\[cvuHkrdb]\s[A-Za-z]                                            # \v S
    |\\(?:ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i)(?:\{\}|(?![A-Za-z_^])\s?)       # \l{}  \o
    """,
    re.VERBOSE,
)
_MATH = re.compile(r"(\$[^$]*\$)")
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV)\.?")
_AND = re.compile(r",?\s+(?:and|&)\s+")


def plain(text: str) -> str:
    """The text of a fragment that is or may be HTML; what only looks like HTML (`p<0.05`) stays."""
    text = clean(text[:MAX_MARKUP])
    if not _TAG_OR_REFERENCE.search(text):
        return text
    import nh3  # noqa: PLC0415 - slow to load; most commands read no markup

    text = _RAISED.sub("^", _MERE_SIGN.sub("&lt;", text))  # 10<sup>5</sup> is not 105
    stripped = nh3.clean(_BLOCK.sub(" <", text), tags=set())
    return clean(html.unescape(stripped))


def untex(text: str) -> str:
    """The text with its TeX accents as letters; formulas between dollars are left alone."""
    if "\\" not in text:
        return text
    pieces = _MATH.split(text)
    pieces[::2] = [_ACCENT.sub(_accent, piece) for piece in pieces[::2]]
    return "".join(pieces)


def split_names(line: str) -> list[str]:
    """The names in a line such as `A. Csizár (X, Y), F. Hiai and D. Petz Jr.`: affiliations in parentheses go."""
    names: list[str] = []
    for piece in _AND.sub(", ", untex(clean(_without_parentheses(line)))).split(","):
        name = clean(piece)
        if names and _SUFFIX.fullmatch(name):
            names[-1] += f" {name}"
        elif name and name.lower() not in ("et al", "et al."):
            names.append(name)
    return names


def words(text: str) -> str:
    """What a stranger says, short enough and clean for an error message."""
    return extract(clean(text), 300) or "no reason given"


def turned(name: str) -> str:
    """`Zhang, Jia` as `Jia Zhang`; a name without comma as it is."""
    family, comma, given = name.partition(",")
    return f"{given.strip()} {family.strip()}".strip() if comma else name.strip()


def extract(text: str, limit: int) -> str:
    """The beginning of a text, up to a word's end, with an ellipsis where something is left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rpartition(' ')[0] or text[:limit]}…"


@cache
def _decoder() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text  # noqa: PLC0415 - as above

    return LatexNodes2Text()


@lru_cache(maxsize=10_000)
def _letter(accent: str) -> str:
    # pylatexenc takes 0.1 ms an accent, and there are few different ones.
    return str(_decoder().latex_to_text(accent)).strip()


def _accent(found: re.Match[str]) -> str:
    letter = _letter(found["inner"] or found[0])
    return letter if "\\" not in letter else found[0]


def _without_parentheses(line: str) -> str:
    kept, depth = [], 0
    for piece in re.split(r"([()])", line):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(piece)
    return " ".join(kept)
