r"""LaTeX in titles and abstracts as people read it: `$\mathcal{O}(n^2)$` becomes O(n²). Pure.

pylatexenc knows which character a macro stands for. What is text, what is mathematics and what is money is
decided here, because its own conversion takes every `%` for a comment and every `$` for mathematics, and so
loses words. Letters stay plain letters: few fonts in mail clients have 𝒪 or 𝔼.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from pylatexenc.latex2text import get_default_latex_context_db

from paperround.domain.text import clean

# Superscripts and subscripts that every common font has; others stay `x^k` and `x_i`.
_SUPERSCRIPT = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_SUBSCRIPT = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_RAISED = {"∘": "°", "◦": "°", "°": "°", "⊤": "ᵀ", "T": "ᵀ", "′": "′", "*": "*", "∗": "*", "†": "†", "‡": "‡"}
_BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331", "hat": "\u0302", "widehat": "\u0302", "check": "\u030c", "tilde": "\u0303",
    "widetilde": "\u0303", "bar": "\u0304", "overline": "\u0305", "vec": "\u20d7", "dot": "\u0307",
    "ddot": "\u0308", "mathring": "\u030a", "acute": "\u0301", "grave": "\u0300", "breve": "\u0306",
    "not": "\u0338", "underline": "",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
# Macros that only say how something looks, or how large.
_SILENT = frozenset(
    re.findall(
        r"\S+",
        """
        bf it em rm sc tt sf sl cal bfseries itshape ttfamily rmfamily sffamily scshape upshape mdseries
        normalfont displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits left right
        middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm noindent
        centering protect mathstrut tiny scriptsize footnotesize small normalsize large Large
        LARGE huge Huge relax ensuremath nonumber boldmath unboldmath leavevmode
        """,
    )
)
_SPACES = {",": " ", ";": " ", ":": " ", ">": " ", " ": " ", "/": "", "!": "", "-": "", "\\": " ", "@": ""}
_OWN = {
    "to": "→", "gets": "←", "ldots": "…", "dots": "…", "cdots": "⋯", "textellipsis": "…", "prime": "′",
    "quad": " ", "qquad": " ", "newline": " ", "par": " ", "linebreak": " ", "colon": ":", "lbrace": "{",
    "rbrace": "}", "mid": "|", "vert": "|", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖",
    "Vert": "‖", "|": "‖", "circ": "∘", "degree": "°", "textdegree": "°", "sim": "~", "ast": "*", "star": "⋆",
    "cdot": "·", "textasciitilde": "~", "textbackslash": "\\", "TeX": "TeX", "LaTeX": "LaTeX",
    "bmod": " mod ", "mod": " mod ", "setminus": "\\", "backslash": "\\", "i": "ı", "j": "ȷ",
    "xspace": "", "dag": "†", "ddag": "‡", "epsilon": "ε", "phi": "φ",
}  # fmt: skip
# Functions that LaTeX sets upright; a neighbouring letter must not run into them.
_FUNCTIONS = frozenset(
    re.findall(
        r"\S+",
        """
        arccos arcsin arctan arg argmax argmin cos cosh cot coth csc deg det dim exp gcd hom inf ker lg
        lim liminf limsup ln log max min poly polylog Pr sec sin sinh softmax sup tan tanh
        """,
    )
)
_MACRO = re.compile(r"\\(?:([A-Za-z]+)\*?|(.))", re.DOTALL)
_SIGNS_OF_MATH = re.compile(r"[\\^_{}]")
_STARTS_LIKE_MONEY = re.compile(r"\s*\d")
_WORD = re.compile(r"[A-Za-z]{3,}")
_DOUBLED_MATH = re.compile(r"\$\$([^$]+)\$\$")
_BRACKETED_MATH = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
_DEPTH = 40  # deeper than any formula in a title; a thousand braces are not a formula


def readable(text: str) -> str:
    """The text with its LaTeX turned into Unicode: one line, no word lost; never raises.

    Sums of money stay (`$5 to $10`), as does everything that only looks like markup.
    """
    if "\\" not in text and "$" not in text:
        return text
    text = _BRACKETED_MATH.sub(lambda found: f"${found[1] or found[2] or ''}$", text)
    text = _DOUBLED_MATH.sub(r"$\1$", text)
    return clean("".join(_parts(text)))


def _parts(text: str) -> list[str]:
    """The text cut at its mathematics, each part converted."""
    parts: list[str] = []
    start = 0
    while (opening := _dollar(text, start)) >= 0:
        closing = _dollar(text, opening + 1)
        if closing < 0:
            break
        if _is_math(text[opening + 1 : closing], text[closing + 1 : closing + 2]):
            parts += (
                _convert(text[start:opening], math=False),
                _convert(text[opening + 1 : closing], math=True),
            )
            start = closing + 1
        else:
            parts += _convert(text[start:opening], math=False), "$"
            start = opening + 1
    return [*parts, _convert(text[start:], math=False)]


def _dollar(text: str, start: int) -> int:
    """The offset of the next dollar sign that no backslash escapes; -1 when there is none."""
    while (found := text.find("$", start)) >= 0:
        backslashes = found - len(text[:found].rstrip("\\"))
        if backslashes % 2 == 0:
            return found
        start = found + 1
    return -1


def _is_math(content: str, following: str) -> bool:
    """Whether what stands between two dollar signs is a formula, and not the words between two sums of money.

    Pandoc's rule (no space inside the signs, no digit behind them) is the start; formulas with a macro, an
    index or a power may have spaces at their edges, sums of money may not pass for formulas.
    """
    if not content.strip():
        return False
    marked = bool(_SIGNS_OF_MATH.search(content))
    if content != content.strip():
        return marked and not _STARTS_LIKE_MONEY.match(content)
    if following.isdigit():
        return marked and not _STARTS_LIKE_MONEY.match(content)
    return marked or not (_STARTS_LIKE_MONEY.match(content) and _WORD.search(content))


def _convert(source: str, *, math: bool) -> str:
    return _Reader(source).read(0, len(source), math=math, depth=0)


@lru_cache(maxsize=1)
def _symbols() -> dict[str, str]:
    """What pylatexenc knows: macro → the characters it stands for, mathematical alphabets made plain."""
    found: dict[str, str] = {}
    for category in get_default_latex_context_db().iter_macro_specs():
        if isinstance(category.simplify_repl, str) and "%" not in category.simplify_repl:
            found[category.macroname] = unicodedata.normalize("NFC", _plain(category.simplify_repl))
    return found | _OWN


def _plain(text: str) -> str:
    """𝒪 as O: the mathematical alphanumerics (U+1D400 to U+1D7FF) by their plain letters."""
    return "".join(unicodedata.normalize("NFKC", c) if "\U0001d400" <= c <= "\U0001d7ff" else c for c in text)


class _Reader:
    """One piece of source with its braces matched; every method returns what it read and where it stopped."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.closing = _matching_braces(source)

    def read(self, start: int, end: int, *, math: bool, depth: int) -> str:
        out: list[str] = []
        at = start
        while at < end:
            char = self.source[at]
            if char == "\\":
                piece, at = self.macro(at, end, math=math, depth=depth, before=out)
            elif char == "{" and at in self.closing and depth < _DEPTH:
                piece, at = self.argument(at, end, math=math, depth=depth)
            elif math and char in "^_":
                piece, at = self.script(char, at + 1, end, depth)
            else:
                piece, at = _plain_character(self.source, at, math=math)
            out.append(piece)
        return "".join(out)

    def argument(self, at: int, end: int, *, math: bool, depth: int) -> tuple[str, int]:
        """A group in braces, a macro or a single character, after white space."""
        while at < end and self.source[at] == " ":
            at += 1
        if at >= end:
            return "", at
        if self.source[at] == "{" and at in self.closing and depth < _DEPTH:
            close = self.closing[at]
            return self.read(at + 1, close, math=math, depth=depth + 1), close + 1
        if self.source[at] == "{" and at not in self.closing:
            return "", at + 1  # never closed: what follows is not an argument, but it is text
        if self.source[at] == "\\" and depth < _DEPTH:
            return self.macro(at, end, math=math, depth=depth + 1, before=[])
        return self.source[at], at + 1

    def script(self, sign: str, at: int, end: int, depth: int) -> tuple[str, int]:
        content, at = self.argument(at, end, math=True, depth=depth)
        return _script(sign, content.strip()), at

    def macro(self, at: int, end: int, *, math: bool, depth: int, before: list[str]) -> tuple[str, int]:
        found = _MACRO.match(self.source, at, end)
        if not found:  # a backslash at the very end
            return "\\", at + 1
        name, at = found[1] or found[2], found.end()
        if name in _ACCENTS and self._takes_accent(name, at, end):
            base, at = self.argument(at, end, math=math, depth=depth)
            return _accented(base, _ACCENTS[name]), at
        if name in _ARGUMENTS:
            return self._structure(name, at, end, math=math, depth=depth)
        if name in _SILENT:
            return "", self._after_delimiter(name, self._skip_space(at, end))
        if not found[1] and name in _SPACES:
            return _SPACES[name], at
        if name in _FUNCTIONS:
            return _spaced(name, before), at
        if name in _symbols():
            symbol = _symbols()[name]
            # LaTeX swallows the space behind a macro; behind ≤ or → it is wanted all the same.
            letter = len(symbol) == 1 and symbol.isalpha()
            return symbol, self._skip_space(at, end) if letter and (math or found[1]) else at
        if not found[1]:  # \% \& \# \_ \{ \}
            return name, at
        if at < end and self.source[at] == "{":
            inner, after = self.argument(at, end, math=math, depth=depth)
            return (inner, after) if inner.strip() or at not in self.closing else (name, after)
        return _spaced(name, before), at  # an author's own macro: its name is the best there is

    def _structure(self, name: str, at: int, end: int, *, math: bool, depth: int) -> tuple[str, int]:
        optional = ""
        if at < end and self.source[at] == "[" and (close := self.source.find("]", at, end)) > 0:
            optional, at = self.source[at + 1 : close], close + 1
        count, join = _ARGUMENTS[name]
        arguments = []
        for _ in range(count):
            inner_math = math and name not in _TEXT_MACROS
            argument, at = self.argument(at, end, math=inner_math, depth=depth)
            arguments.append(argument if name in _TEXT_MACROS else argument.strip())
        return join(optional, *arguments), at

    def _takes_accent(self, name: str, at: int, end: int) -> bool:
        """Whether a letter or a group stands behind the accent's macro."""
        rest = self.source[at:end].lstrip(" ")
        return bool(rest) and (rest[0] in "{\\" or rest[0].isalnum() or name == "not")

    def _skip_space(self, at: int, end: int) -> int:
        while at < end and self.source[at] == " ":
            at += 1
        return at

    def _after_delimiter(self, name: str, at: int) -> int:
        # \left. stands for no delimiter at all.
        return at + 1 if name in ("left", "right") and self.source[at : at + 1] == "." else at


def _matching_braces(source: str) -> dict[int, int]:
    """The offset of each opening brace that is closed, with that of its closing one."""
    pairs: dict[int, int] = {}
    open_braces: list[int] = []
    escaped = False
    for at, char in enumerate(source):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "{":
            open_braces.append(at)
        elif char == "}" and open_braces:
            pairs[open_braces.pop()] = at
    return pairs


def _plain_character(source: str, at: int, *, math: bool) -> tuple[str, int]:
    if not math:
        for typed, meant in (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”")):
            if source.startswith(typed, at):
                return meant, at + len(typed)
    char = source[at]
    if math:
        return {"'": "′", "~": " ", "&": " "}.get(char, char), at + 1
    # `Fig.~1` is a tie, `~5 %` says "about".
    tie = char == "~" and 0 < at < len(source) - 1 and not source[at - 1].isspace()
    return (" " if tie else char), at + 1


def _script(sign: str, content: str) -> str:
    if not content:
        return ""
    if sign == "^" and content in _RAISED:
        return _RAISED[content]
    raised = content.translate(_SUPERSCRIPT if sign == "^" else _SUBSCRIPT)
    if all(new != old for new, old in zip(raised, content, strict=True)):
        return raised
    return f"{sign}{content}" if content.isalnum() else f"{sign}({content})"


def _accented(base: str, mark: str) -> str:
    base = _DOTLESS.get(base, base)
    # Over several letters a mark can only stand on one of them; then the letters matter more.
    return unicodedata.normalize("NFC", base + mark) if len(base) == 1 else base


def _spaced(name: str, before: list[str]) -> str:
    last = next((piece for piece in reversed(before) if piece), "")
    return f" {name}" if last[-1:].isalpha() else name


def _group(content: str) -> str:
    return content if len(content) <= 1 or content.isalnum() else f"({content})"


def _fraction(_: str, above: str, below: str) -> str:
    return "/".join(_group(part) for part in (above, below) if part)


def _root(degree: str, content: str) -> str:
    return _script("^", degree) * bool(degree) + "√" + _group(content)


def _optional_first(optional: str, *arguments: str) -> str:
    return " ".join(part for part in (optional, *arguments) if part)


# How many arguments a macro takes, and what becomes of them; the first given is the optional one in brackets.
_ARGUMENTS: dict[str, tuple[int, Callable[..., str]]] = {
    "frac": (2, _fraction),
    "dfrac": (2, _fraction),
    "tfrac": (2, _fraction),
    "nicefrac": (2, _fraction),
    "sfrac": (2, _fraction),
    "binom": (2, lambda _, n, k: f"({n} choose {k})"),
    "sqrt": (1, _root),
    "pmod": (1, lambda _, n: f" (mod {n})"),
    "mathbb": (1, lambda _, letters: "".join(_BLACKBOARD.get(c, c) for c in letters)),
    "mathds": (1, lambda _, letters: "".join(_BLACKBOARD.get(c, c) for c in letters)),
    "href": (2, lambda _, address, text: f"{text} ({address})"),
    "cite": (1, lambda note, key: f"[{_optional_first(note, key)}]"),
    "citep": (1, lambda note, key: f"[{_optional_first(note, key)}]"),
    "citet": (1, lambda note, key: f"[{_optional_first(note, key)}]"),
    "begin": (1, lambda *_: " "),
    "end": (1, lambda *_: " "),
    "text": (1, _optional_first),
    "textnormal": (1, _optional_first),
    "mbox": (1, _optional_first),
    "textit": (1, _optional_first),
    "textbf": (1, _optional_first),
}
_TEXT_MACROS = frozenset(("text", "textnormal", "mbox", "textit", "textbf", "href"))
