r"""Convert HTML and MathML to plain text, and TeX accents to letters. Pure.

LaTeX itself stays as written; `domain.latex` makes it readable for display. Only accents are decoded, because they
occur inside words that people search for (`Erd\H{o}s`, `Andr\'e`).
"""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache
from typing import Any

from paperround.domain.text import clean
from paperround.sources.reading import local_name, mended

# In characters. Longer markup is not an abstract; the limit bounds the work on a hostile entry.
MAX_MARKUP_LENGTH = 200_000
_TAGS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|cite|code|dd|del|details|div|"
    "dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|"
    "kbd|label|li|link|main|mark|math|meta|nav|noscript|object|ol|p|param|picture|pre|q|s|samp|script|section|"
    "select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|time|"
    "title|tr|tt|u|ul|var|video|wbr"
)
# Abstracts of journals contain JATS and MathML.
_TAG = rf"</?(?:{_TAGS}|jats:[a-z-]+|mml:[a-z]+|m:[a-z]+)(?=[\s/>])"
_TAG_OR_REFERENCE = re.compile(rf"{_TAG}|<!--|&(?:#\w{{1,8}}|[A-Za-z]\w{{1,30}});", re.IGNORECASE)
# Authors write p<0.05, $a<b$ and <think>. An HTML parser would drop everything up to the next bracket.
_MERE_SIGN = re.compile(rf"(?!{_TAG}|<!--)<", re.IGNORECASE)
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|h[1-6]|tr|td|th|table|section|article|blockquote|pre|hr|jats:p|jats:title)\b)",
    re.I,
)
_RAISED = re.compile(r"<sup\b[^<>]*>", re.IGNORECASE)
_ACCENT = re.compile(
    r"""
    \{\s*(?P<inner>\\(?:["'`^~=.]|[cvuHkrdb](?![A-Za-z]))\s*(?:\{\s*\\?[A-Za-z]{1,2}\s*\}|\\[ij](?![A-Za-z])|[A-Za-z])
        |\\(?:ss|ae|AE|oe|OE|aa|AA|[dDtT][hH]|[dD][jJ]|ng|NG|o|O|l|L|i|j)(?![A-Za-z]))\s*\}  # {\"o}  {\o}
    |\\["'`^~=.]\s?(?:\{\s*\\?[A-Za-z]\s*\}|\\[ij](?![A-Za-z])\s?|[A-Za-z])  # \"o  \'{\i}
    |\\[cvuHkrdb]\s?\{\s*\\?[A-Za-z]{1,2}\s*\}                          # \c{S}
    |\\[cvuHkrdb]\s[A-Za-z]                                            # \v S
    |\\(?:ss|ae|AE|oe|OE|aa|AA|dh|DH|th|TH|dj|DJ|ng|NG|o|O|l|L|i)(?:\{\}|(?![A-Za-z_^])\s?)       # \l{}  \o
    """,
    re.VERBOSE,
)
_MATH = re.compile(r"(\$[^$]*\$)")
_MATHML = re.compile(r"<(?:mml:|m:)?math\b[^<>]*>", re.IGNORECASE)
_MATHML_END = re.compile(r"</(?:mml:|m:)?math\s*>", re.IGNORECASE)
# Elements of incomplete formulas. An HTML parser would drop them with their content.
_STRAY_MATHML = re.compile(
    r"</?(?:mml:|m:)?(?:math|m[inos]|mtext|mrow|msub|msup|msubsup|mfrac|msqrt|mroot|mover|munder|munderover|mspace|"
    r"mfenced|mtable|mtr|mtd|mstyle|mpadded|semantics)\b[^<>]*>",
    re.IGNORECASE,
)
_MATHML_PREFIX = re.compile(rb"<(/?)(?:mml|m):")
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))  # invisible function application, times, separator and plus


def plain(text: str) -> str:
    """Return the text of a fragment that is or may be HTML. Text that only looks like HTML (`p<0.05`) is kept."""
    text = clean(text[:MAX_MARKUP_LENGTH])
    if not _TAG_OR_REFERENCE.search(text) and not _STRAY_MATHML.search(text):
        return text
    import nh3  # noqa: PLC0415 - slow to load; most commands read no markup

    text = _STRAY_MATHML.sub("", _with_formulas(text))
    text = _RAISED.sub("^", _MERE_SIGN.sub("&lt;", text))  # 10<sup>5</sup> is not 105
    stripped = nh3.clean(_BLOCK.sub(" <", text), tags=set())
    return clean(html.unescape(stripped))


def untex(text: str) -> str:
    """Convert TeX accents to letters. Formulas between dollar signs stay unchanged."""
    if "\\" not in text:
        return text
    pieces = _MATH.split(text)
    pieces[::2] = [_ACCENT.sub(_accent, piece) for piece in pieces[::2]]
    return "".join(pieces)


def words(text: str) -> str:
    """Clean and shorten a message from outside for use in an error message."""
    return extract(clean(text), 300) or "no reason given"


def extract(text: str, limit: int) -> str:
    """Return the first `limit` characters of a text at most, cut at the end of a word. A shortened text ends with an
    ellipsis.
    """
    if len(text) <= limit:
        return text
    return f"{text[:limit].rpartition(' ')[0] or text[:limit]}…"


@cache
def _decoder() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text  # noqa: PLC0415 - as above

    return LatexNodes2Text()


@lru_cache(maxsize=10_000)
def _letter(accent: str) -> str:
    # Cached because pylatexenc takes 0.1 ms per accent, and there are few different ones.
    return str(_decoder().latex_to_text(accent)).strip()


def _accent(match: re.Match[str]) -> str:
    letter = _letter(match["inner"] or match[0])
    return letter if "\\" not in letter else match[0]


def _with_formulas(text: str) -> str:
    """Convert complete MathML formulas to one line, in one pass: a pattern over both ends takes quadratic time."""
    pieces: list[str] = []
    at = 0
    while match := _MATHML.search(text, at):
        end = _MATHML_END.search(text, match.end())
        if not end:
            break
        pieces += text[at : match.start()], html.escape(_formula(text[match.start() : end.end()]))
        at = end.end()
    return "".join([*pieces, text[at:]])


def _formula(markup: str) -> str:
    """Convert a MathML formula to one line: T_c, x^2, a/b."""
    from lxml import etree  # noqa: PLC0415 - see plain

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(mended(_MATHML_PREFIX.sub(rb"<\1", markup.encode())), parser)
    return clean(_linear(root).translate(_INVISIBLE))


def _linear(element: Any) -> str:
    parts = [_linear(child) for child in element if not local_name(child).startswith("annotation")]
    match local_name(element).lower(), parts:
        case "msub", [base, below]:
            return f"{base}_{_grouped(below)}"
        case "msup", [base, above]:
            return f"{base}^{_grouped(above)}"
        case "msubsup", [base, below, above]:
            return f"{base}_{_grouped(below)}^{_grouped(above)}"
        case "mfrac", [above, below]:
            return f"{_grouped(above)}/{_grouped(below)}"
        case "msqrt", _:
            return f"√{_grouped(''.join(parts))}"
        case (("mover" | "munder" | "munderover"), [base, *_]):
            return base
        case "mspace", _:
            return " "
        case _:
            return (element.text or "").strip() + "".join(parts)


def _grouped(part: str) -> str:
    return part if len(part) <= 1 or part.isalnum() else f"({part})"
