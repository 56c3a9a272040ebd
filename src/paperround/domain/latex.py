r"""Convert LaTeX in titles and abstracts to Unicode or HTML: `$\mathcal{O}(n^2)$` becomes O(n²). Pure.

    readable       the text as one line of Unicode, for display, search and matching
    readable_html  the same as HTML, with variables in <i> and indices in <sub> and <sup>
      marked       the intermediate form: Unicode with marks where a script or a variable begins and ends

pylatexenc supplies the character of each macro. This module decides what is text, mathematics or money, because
pylatexenc's own conversion treats every `%` as a comment and every `$` as mathematics, and so loses words. Letters
stay plain letters, because few fonts in email clients have 𝒪 or 𝔼.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from paperround.domain.own_macros import noun_of_name, spell_own_macro
from paperround.domain.text import clean

# The marks in a marked text are characters of Unicode's private use area: superscript, subscript, the end of either,
# and the beginning and end of a variable. If the source text contains them, they are removed.
_SUP, _SUB, _END, _VAR, _ROMAN = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
_MARKS = (_SUP, _SUB, _END, _VAR, _ROMAN)
_VARIABLES = (_VAR, _ROMAN)
_INNERMOST = re.compile(f"([{_SUP}{_SUB}])([^{_SUP}{_SUB}{_END}]*){_END}")
_MARK = re.compile(f"[{_SUP}{_SUB}{_END}{_VAR}{_ROMAN}]")
_TAGS = {_SUP: "sup", _SUB: "sub", _VAR: "i"}

# Superscripts and subscripts that all common fonts have. Others are written as `x^k` and `x_i`.
_SUPERSCRIPT = dict(zip("0123456789+-−=()ni*∗†′", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ**†′", strict=True))
_SUBSCRIPT = dict(zip("0123456789+-−=()*∗", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎**", strict=True))
# Signs that mean the same beside a letter as above or below it.
_BESIDE = frozenset("⋆⊥∥×⊗⊕⊙☉♯♭♮•⊤′″‴°†‡")
_RAISED = {"∘": "°", "◦": "°", "°": "°", "⊤": "ᵀ", "T": "ᵀ", "′": "′", "'": "′", "*": "*", "∗": "*"}
_BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
_VULGAR = {
    ("1", "2"): "½", ("1", "3"): "⅓", ("2", "3"): "⅔", ("1", "4"): "¼", ("3", "4"): "¾", ("1", "5"): "⅕",
    ("2", "5"): "⅖", ("3", "5"): "⅗", ("4", "5"): "⅘", ("1", "6"): "⅙", ("5", "6"): "⅚", ("1", "8"): "⅛",
    ("3", "8"): "⅜", ("5", "8"): "⅝", ("7", "8"): "⅞",
}  # fmt: skip
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331", "hat": "\u0302", "widehat": "\u0302", "check": "\u030c", "tilde": "\u0303",
    "widetilde": "\u0303", "bar": "\u0304", "overline": "\u0305", "vec": "\u20d7", "dot": "\u0307",
    "ddot": "\u0308", "mathring": "\u030a", "acute": "\u0301", "grave": "\u0300", "breve": "\u0306",
    "overrightarrow": "\u20d7", "not": "\u0338", "underline": "",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
# Macros that switch to upright letters for the rest of a group.
_UPRIGHT = frozenset(("rm", "bf", "tt", "sf", "sc", "cal", "bfseries", "rmfamily", "ttfamily", "sffamily"))
# Macros that only change style or size.
_SILENT = _UPRIGHT | frozenset(
    re.findall(
        r"\S+",
        """
        it em sl itshape scshape upshape slshape mdseries mit
        normalfont displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits left right
        middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm noindent
        centering protect mathstrut strut tiny scriptsize footnotesize small normalsize large Large
        LARGE huge Huge relax nonumber notag boldmath unboldmath leavevmode null
        allowbreak nobreak break newpage hfill hfil smallskip medskip bigskip maketitle sloppy
        """,
    )
)
# Macros whose argument is text or mathematics like its surroundings. They are listed by name, because the argument
# may have no braces (`\mathcal O`).
_PLAIN_WRAPPERS = frozenset(
    re.findall(
        r"\S+",
        """
        emph mathit mathnormal boldsymbol bm pmb textsl ensuremath underbrace overbrace underline uline ul hl
        smash mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner num ce
        """,
    )
)
# The same, with upright letters.
_UPRIGHT_WRAPPERS = frozenset(
    re.findall(
        r"\S+",
        """
        mathrm mathbf mathsf mathtt mathcal mathfrak mathscr mathbfit mathup symbf symrm operatorname
        textsc texttt textsf textrm textup textmd si unit bold
        """,
    )
)
_SPACES = {",": " ", ";": " ", ":": " ", ">": " ", " ": " ", "/": "", "!": "", "-": "", "\\": " ", "@": ""}
_OWN = {
    "to": "→", "gets": "←", "ldots": "…", "dots": "…", "cdots": "⋯", "hdots": "…", "textellipsis": "…",
    "prime": "′", "quad": " ", "qquad": " ", "newline": " ", "par": " ", "linebreak": " ", "colon": ":",
    "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "mid": "|", "vert": "|", "lvert": "|",
    "rvert": "|", "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖", "circ": "∘", "degree": "°",
    "textdegree": "°", "sim": "~", "ast": "*", "star": "⋆", "cdot": "·", "textasciitilde": "~",
    "textbackslash": "\\", "TeX": "TeX", "LaTeX": "LaTeX", "BibTeX": "BibTeX", "bmod": " mod ", "mod": " mod ",
    "setminus": "\\", "backslash": "\\", "i": "ı", "j": "ȷ", "imath": "ı", "jmath": "ȷ", "xspace": "",
    "dag": "†", "ddag": "‡", "ddagger": "‡", "epsilon": "ε", "phi": "φ", "ne": "≠", "checkmark": "✓",
    "cmark": "✓", "xmark": "✗", "angstrom": "Å", "arcsec": "″", "arcmin": "′", "micro": "µ", "copyright": "©",
    "S": "§", "P": "¶", "pounds": "£", "euro": "€", "lq": "‘", "rq": "’", "slash": "/", "textunderscore": "_",
    "_": "_", "iff": "⇔", "implies": "⇒", "impliedby": "⇐", "land": "∧", "lor": "∨", "neg": "¬", "Box": "□",
    "Diamond": "◇", "bigstar": "★", "heartsuit": "♥", "clubsuit": "♣", "spadesuit": "♠", "diamondsuit": "♦",
    "lll": "⋘", "sun": "☉", "earth": "⊕", "Re": "Re", "Im": "Im", "leadsto": "⇝", "coloneqq": "≔",
    "models": "⊨", "bot": "⊥", "triangle": "△", "lhd": "⊲", "rhd": "⊳", "unlhd": "⊴", "unrhd": "⊵",
    "textbar": "|", "textless": "<", "textgreater": ">", "permil": "‰", "flqq": "«", "frqq": "»",
    "celsius": "°C", "ohm": "Ω", "oiint": "∯", "And": "&", "Or": "∨", "thinspace": " ", "enspace": " ",
    "enskip": " ", "eqsim": "≂", "restriction": "↾", "item": " ", "lt": "<", "gt": ">", "doublequote": '"',
    "textquotedbl": '"', "nbsp": " ", "space": " ", "percent": "%", "dollar": "$",
    "eg": "e.g.", "Eg": "E.g.", "ie": "i.e.", "Ie": "I.e.", "etal": "et al.", "cf": "cf.", "wrt": "w.r.t.",
    "vs": "vs.", "aka": "a.k.a.",
}  # fmt: skip
# Functions that LaTeX sets upright. A space separates them from an adjacent letter.
_FUNCTIONS = frozenset(
    re.findall(
        r"\S+",
        """
        arccos arcsin arctan arg argmax argmin cos cosh cot coth csc deg det dim exp gcd hom inf ker lg
        lim liminf limsup ln log max min poly polylog Pr sec sin sinh softmax sup tan tanh
        """,
    )
)
_SIGNS = ("\\", "$", "``", "''", "--")
_OPENING_QUOTE = re.compile(r"(?<!\w)`\S")
_GROUP_BEGINNING, _IN_FRONT = re.compile(r"(?:\\[A-Za-z]+\s*|[{\s])+$"), 80  # characters
_MACRO = re.compile(r"\\(?:([A-Za-z]+)\*?|(.))", re.DOTALL)
_SIGNS_OF_MATH = re.compile(r"[\\^_{}]")
_STARTS_LIKE_MONEY = re.compile(r"\s*\d")
_WORD = re.compile(r"[A-Za-z]{3,}")
_SMALL_WORD = re.compile(r"(?<![A-Za-z])[a-z]{2,}")
_QUANTITY = re.compile(r"[\d.,+-]+ ?[A-Za-z]{1,5}")
# Parts of a formula that are spelled in letters and are not prose.
_SPELLED_MATH = re.compile(r"\\(?:text|mathrm|rm|mathit|textit|operatorname|mbox)\b\s*\{[^{}]*\}|\\[A-Za-z]+")
_DOUBLED_MATH = re.compile(r"\$\$([^$]+)\$\$")
_BRACKETED_MATH = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
_ADDRESS = re.compile(r"https?://[^\s{}\\$]+")
# What `_Reader.read` and `_typeset` keep as it is, up to the next character that may begin something else. Matching
# a whole run is ten times as fast as looking at each character.
_PLAIN_TEXT = re.compile(r"(?:[^\\{$~`'h-]++|h(?!ttps?://)|-(?!-)|'(?!'))+")
_TYPED_OR_ADDRESS = re.compile(rf"--|``?|''|{_ADDRESS.pattern}")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# What belongs to a Greek letter before it, outside of formulas: \Lambda CDM, \mu m, but not \alpha particle.
_JOINS_GREEK = re.compile(r" +(?:[A-Z-]|[a-z](?![A-Za-z]))")
_VERBATIM = re.compile(r"\*?([^\sA-Za-z*])(.*?)\1")
_ESCAPED = re.compile(r"\\([%#&_~{}$])")
_DEPTH = 40  # deeper than any formula in a title; a thousand braces are not a formula


def readable(text: str, title: str = "") -> str:
    """Convert the LaTeX in a text to Unicode on one line, without losing a word. Never raises.

    Sums of money (`$5 to $10`) and text that only looks like markup are kept. Footnotes are removed. `title` is the
    title of an abstract's paper, whose name replaces the authors' macro for it.
    """
    return _readable(text, title if "\\" in text else "") if _is_typed(text) else text


def readable_html(text: str, title: str = "") -> str:
    """Convert the LaTeX in a text to escaped HTML, with variables in <i> and indices in <sub> and <sup>."""
    return as_html(marked(text, title))


@lru_cache(maxsize=2_000)
def _readable(text: str, title: str) -> str:
    # Cached because the index, the reasons of each topic and letters all need a paper's title and abstract.
    return unmarked(marked(text, title))


def marked(text: str, title: str = "") -> str:
    """Return the text with marks where scripts and variables begin and end, for `unmarked` and `as_html`.

    The result may be truncated at any position before it is passed on. `title` is as in `readable`.
    """
    text = _without(_MARKS, text)
    if not _is_typed(text):
        return text
    if "\\" not in text and "$" not in text:
        return clean(_typeset(text))
    if "\\(" in text or "\\[" in text:
        text = _BRACKETED_MATH.sub(lambda match: f"${match[1] or match[2] or ''}$", text)
    if "$$" in text:
        text = _DOUBLED_MATH.sub(r"$\1$", text)
    return clean(_Reader(text, title).read(0, len(text), math=False, depth=0))


def unmarked(text: str) -> str:
    """Convert a marked text to plain Unicode: `x²`, or `x^k` where Unicode has no such index."""
    text = _bare(text)
    while _SUP in text or _SUB in text:
        shorter = _INNERMOST.sub(lambda match: _script(match[1], match[2]), text)
        if shorter == text:  # cut within an index
            text += _END
        else:
            text = shorter
    return text.replace(_END, "")


def as_html(text: str) -> str:
    """Convert a marked text to escaped HTML. Elements left open by truncation are closed."""
    out: list[str] = []
    opened: list[str] = []
    at = 0
    text = text.replace(_ROMAN + _VAR, "")
    for match in _MARK.finditer(text):
        out.append(html.escape(text[at : match.start()], quote=False))
        at = match.end()
        if tag := _TAGS.get(match[0]):
            opened.append(tag)
            out.append(f"<{tag}>")
        else:
            out.append(f"</{opened.pop()}>")
    return "".join([*out, html.escape(text[at:], quote=False), *(f"</{tag}>" for tag in reversed(opened))])


def _is_typed(text: str) -> bool:
    """Return whether a text has LaTeX, or quotes and dashes as they are typed."""
    for sign in _SIGNS:  # this is asked of every text several times, and `any` takes twice as long
        if sign in text:
            return True
    return "`" in text and _OPENING_QUOTE.search(text) is not None


def _is_math(content: str, following: str) -> bool:
    """Return whether the content between two dollar signs is a formula, rather than words between two sums of money.

    Content that begins with a digit may be an amount. Words between two amounts or two names (`US$ or in A$`) are
    not a formula. Content with neither is one. `following` is the character after the second dollar sign.
    """
    if not content.strip():
        return False
    spelled = _SPELLED_MATH.sub(" ", content)
    if _STARTS_LIKE_MONEY.match(content):
        if _SIGNS_OF_MATH.search(content):
            return not _WORD.search(spelled)
        apart = content != content.strip() or following.isdigit()
        return not apart and (not _WORD.search(content) or bool(_QUANTITY.fullmatch(content)))
    if content == content.strip():
        return True
    if _SIGNS_OF_MATH.search(content):
        return True
    return not following.isdigit() and not _SMALL_WORD.search(spelled)


@lru_cache(maxsize=1)
def _symbols() -> dict[str, str]:
    """Return pylatexenc's macros and the characters they stand for, with mathematical alphabets converted to plain
    letters.
    """
    from pylatexenc.latex2text import get_default_latex_context_db  # noqa: PLC0415 - slow to load

    symbols: dict[str, str] = {}
    for category in get_default_latex_context_db().iter_macro_specs():
        if isinstance(category.simplify_repl, str) and "%" not in category.simplify_repl:
            symbols[category.macroname] = unicodedata.normalize("NFC", _plain(category.simplify_repl))
    return symbols | _OWN


def _plain(text: str) -> str:
    """Replace mathematical alphanumerics (U+1D400 to U+1D7FF) by plain letters: 𝒪 becomes O."""
    return "".join(unicodedata.normalize("NFKC", c) if "\U0001d400" <= c <= "\U0001d7ff" else c for c in text)


class _Reader:
    """Parses a source with matched braces. Most methods return the marked text and the offset where they stopped."""

    def __init__(self, source: str, title: str) -> None:
        self.source = source
        self.title = title
        self.closing = _matching_braces(source)

    def read(self, start: int, end: int, *, math: bool, depth: int) -> str:
        out: list[str] = []
        at, upright = start, -1
        while at < end:
            if not math and (run := _PLAIN_TEXT.match(self.source, at, end)):
                out.append(run[0])
                at = run.end()
                continue
            char = self.source[at]
            if char == "\\":
                match = _MACRO.match(self.source, at, end)
                if math and match and match[1] in _INFIX and depth < _DEPTH:
                    below = self.read(match.end(), end, math=True, depth=depth + 1)
                    return _INFIX[match[1]]("", "".join(out).strip(), below.strip())
                if math and match and match[1] in _UPRIGHT and upright < 0:
                    upright = len(out)
                piece, at = self.macro(at, end, math=math, depth=depth, before=out)
            elif char == "{" and self._closed(at, end) and depth < _DEPTH:
                piece, at = self.argument(at, end, math=math, depth=depth)
            elif math:
                piece, at = self._formula(at, end, depth)
            elif char == "$":
                piece, at = self._dollars(at, end, depth)
            elif address := _ADDRESS.match(self.source, at, end) if char == "h" else None:
                piece, at = address[0], address.end()
            else:
                piece, at = _text_character(self.source, at)
            out.append(piece)
        if upright < 0:
            return "".join(out)
        return "".join(out[:upright]) + _bare("".join(out[upright:]))

    def argument(self, at: int, end: int, *, math: bool, depth: int) -> tuple[str, int]:
        """Read a group in braces, a macro or a single character, after optional white space."""
        at = self._skip_space(at, end)
        if at >= end:
            return "", at
        if self.source[at] == "{" and self._closed(at, end) and depth < _DEPTH:
            close = self.closing[at]
            return self.read(at + 1, close, math=math, depth=depth + 1), close + 1
        if self.source[at] == "{" and not self._closed(at, end):
            return "", at + 1  # never closed: what follows is text, not an argument
        if self.source[at] == "\\" and depth < _DEPTH:
            return self.macro(at, end, math=math, depth=depth + 1, before=[])
        return _variable(self.source[at]) if math else self.source[at], at + 1

    def _formula(self, at: int, end: int, depth: int) -> tuple[str, int]:
        char = self.source[at]
        if char in "^_":
            content, at = self.argument(at + 1, end, math=True, depth=depth)
            return _marked_script(_SUP if char == "^" else _SUB, content.strip()), at
        return _variable({"'": "′", "~": " ", "&": " "}.get(char, char)), at + 1

    def _dollars(self, at: int, end: int, depth: int) -> tuple[str, int]:
        """Read the formula between two dollar signs, or the sign itself if there is no formula."""
        closing = self._dollar(at + 1, end)
        if closing < 0 or not _is_math(self.source[at + 1 : closing], self.source[closing + 1 : closing + 2]):
            return "$", at + 1
        return self.read(at + 1, closing, math=True, depth=depth), closing + 1

    def _dollar(self, start: int, end: int) -> int:
        """Return the offset of the next dollar sign, preferring one outside of braces, or -1."""
        at, any_at_all = start, -1
        inside = start
        while at < end:
            char = self.source[at]
            if char == "\\":
                at += 1
            elif char == "{":
                inside = max(inside, self.closing.get(at, 0))
            elif char == "$" and at >= inside:
                return at
            elif char == "$" and any_at_all < 0:
                any_at_all = at
            at += 1
        return any_at_all

    def macro(self, at: int, end: int, *, math: bool, depth: int, before: list[str]) -> tuple[str, int]:
        macro = _MACRO.match(self.source, at, end)
        if not macro:  # a backslash at the very end
            return "\\", at + 1
        name, at = macro[1] or macro[2], macro.end()
        if name in _ACCENTS and self._takes_accent(name, at, end):
            base, at = self.argument(at, end, math=math, depth=depth)
            return _accented(base, _ACCENTS[name]), at
        if name == "verb" and (verbatim := _VERBATIM.match(self.source, at, end)):
            return _without(_MARKS, verbatim[2]), verbatim.end()
        if name in _ARGUMENTS:
            return self._structure(name, at, end, math=math, depth=depth, before=before)
        if name in _SILENT:
            return "", self._after_delimiter(name, self._skip_space(at, end))
        if not macro[1] and name in _SPACES:
            return _SPACES[name], at
        if name in _FUNCTIONS:
            if name == "deg" and (not math or _last(before).isdigit() or at >= end):
                return "°", at
            return _spaced(name, before), at
        if name in _symbols():
            return self._symbol(_symbols()[name], at, end, math=math, word=bool(macro[1]), before=before)
        if not macro[1]:  # \% \& \# \{ \}
            return name, at
        if at < end and self.source[at] == "{":
            inner, after = self.argument(at, end, math=math, depth=depth)
            if inner.strip() or not self._closed(at, end):
                return inner, after
            at = after
        return _spaced(self._spell_own_macro(name, macro.start(), before, math=math), before), at

    def _spell_own_macro(self, name: str, start: int, before: list[str], *, math: bool) -> str:
        """Return the text for an author's own macro: without the title of the paper, its name is the best one."""
        if math or not self.title:
            return name
        title, noun = self._title_and_noun
        in_front = "".join(before)
        if not in_front.strip():  # at the beginning of a group, as in "We train {\tool}"
            in_front = _GROUP_BEGINNING.sub("", self.source[max(0, start - _IN_FRONT) : start]) + in_front
        return spell_own_macro(name, title, in_front, noun)

    @cached_property
    def _title_and_noun(self) -> tuple[str, str]:
        title = readable(self.title)
        return title, noun_of_name(self.source, title)

    def _symbol(
        self, symbol: str, at: int, end: int, *, math: bool, word: bool, before: list[str]
    ) -> tuple[str, int]:
        """Return a symbol. LaTeX drops the space after a macro, but it is kept between words and around signs such
        as `≤`.
        """
        if symbol.endswith(".") and self.source[at : at + 1] == ".":  # `\etal.`
            return symbol, at + 1
        letter = len(symbol) == 1 and symbol.isalpha()
        joins = math or not _is_greek(symbol) or _JOINS_GREEK.match(self.source, at, end)
        if (letter and joins and (math or word)) or (math and word and _last(before) != " "):
            at = self._skip_space(at, end)
        return _variable(symbol) if math and letter and symbol.islower() else symbol, at

    def _structure(
        self, name: str, at: int, end: int, *, math: bool, depth: int, before: list[str]
    ) -> tuple[str, int]:
        optional = ""
        if at < end and self.source[at] == "[" and (close := self.source.find("]", at, end)) > 0:
            optional, at = self.source[at + 1 : close], close + 1
        count, join = _ARGUMENTS[name]
        arguments = []
        for number in range(count):
            if name in _RAW and number == 0:
                argument, at = self._raw_argument(at, end)
            else:
                argument, at = self.argument(at, end, math=math and name not in _TEXT_MACROS, depth=depth)
            arguments.append(argument if name in _TEXT_MACROS else argument.strip())
        if join is _fraction and _last(before).isdigit():
            return _mixed(*arguments), at
        return join(optional, *arguments), at

    def _raw_argument(self, at: int, end: int) -> tuple[str, int]:
        """Read the next group without interpreting it, for example a URL."""
        at = self._skip_space(at, end)
        if self.source[at : at + 1] != "{" or not self._closed(at, end):
            return "", at
        close = self.closing[at]
        return _ESCAPED.sub(r"\1", self.source[at + 1 : close]), close + 1

    def _closed(self, at: int, end: int) -> bool:
        """Return whether there is a brace at this offset that is closed before `end`."""
        return self.closing.get(at, end) < end

    def _takes_accent(self, name: str, at: int, end: int) -> bool:
        """Return whether a letter or a group follows an accent macro."""
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
    """Map the offset of each opening brace to that of its closing brace. Unclosed braces are omitted."""
    pairs: dict[int, int] = {}
    open_braces: list[int] = []
    for brace in _BRACE.finditer(source):
        if brace[0] == "{":
            open_braces.append(brace.start())
        elif brace[0] == "}" and open_braces:
            pairs[open_braces.pop()] = brace.start()
    return pairs


_TYPED = (
    (re.compile(r"(?<!-)---(?!-)"), "—"),
    # `--help` is an option of a command.
    (re.compile(r"(?<!-)(?:(?<!\s)--(?!-)|--(?![\w-]))"), "–"),
    (re.compile("``"), "“"),
    (re.compile(r"(?<!\d)''"), "”"),
)
_SINGLE_QUOTED = re.compile(r"(?<!\w)`(?=[^\s`'])([^`'$\\]{1,80})'(?!\w)")


def _text_character(source: str, at: int) -> tuple[str, int]:
    char = source[at]
    if char in "-`'":
        for typed, meant in _TYPED:
            if match := typed.match(source, at):
                return meant, match.end()
        if match := _SINGLE_QUOTED.match(source, at):
            return f"‘{match[1]}’", match.end()
    # In `Fig.~1` the tilde is a tie, in `~5 %` it means "about".
    tie = char == "~" and 0 < at < len(source) - 1 and not source[at - 1].isspace()
    return (" " if tie else char), at + 1


def _typeset(text: str) -> str:
    """Convert typed quotes and dashes in a text without LaTeX to typographic ones. URLs are kept."""
    out, at = list[str](), 0
    while match := _TYPED_OR_ADDRESS.search(text, at):
        start = match.start()
        piece, after = (match[0], match.end()) if match[0][0] == "h" else _text_character(text, start)
        out += text[at:start], piece
        at = after
    return "".join([*out, text[at:]])


def _variable(char: str) -> str:
    return f"{_VAR}{char}{_ROMAN}" if len(char) == 1 and char.isalpha() else char


def _bare(text: str) -> str:
    return _without(_VARIABLES, text)


def _without(marks: Iterable[str], text: str) -> str:
    """Return the text without these marks, in a hundredth of the time of `translate` where it is not ASCII."""
    for mark in marks:
        text = text.replace(mark, "")
    return text


def _last(before: list[str]) -> str:
    """Return the last visible character of the pieces read so far, or an empty string."""
    return next((shown[-1] for piece in reversed(before) if (shown := _without(_MARKS, piece))), "")


def _marked_script(sign: str, content: str) -> str:
    if sign == _SUP and (raised := _RAISED.get(_bare(content))):
        return raised
    return f"{sign}{content}{_END}" if content else ""


def _script(sign: str, content: str) -> str:
    if not content:
        return ""
    table = _SUPERSCRIPT if sign == _SUP else _SUBSCRIPT
    if all(char in table for char in content):
        return "".join(table[char] for char in content)
    if content in _BESIDE:
        return content
    typed = "^" if sign == _SUP else "_"
    return f"{typed}{content}" if content.isalnum() or len(content) == 1 else f"{typed}({content})"


def _accented(base: str, mark: str) -> str:
    bare = _bare(base)
    bare = _DOTLESS.get(bare, bare)
    # Unicode cannot put a mark over several letters, so the mark is dropped.
    if len(bare) != 1:
        return base
    composed = unicodedata.normalize("NFC", bare + mark)
    return f"{_VAR}{composed}{_ROMAN}" if _VAR in base else composed


def _spaced(name: str, before: list[str]) -> str:
    return f" {name}" if _last(before).isalpha() else name


def _is_greek(symbol: str) -> bool:
    return "\u0370" <= symbol[:1] <= "\u03ff"


def _group(content: str) -> str:
    shown = unmarked(content)
    return content if len(shown) <= 1 or shown.isalnum() else f"({content})"


def _fraction(_: str, above: str, below: str) -> str:
    return "/".join(_group(part) for part in (above, below) if part)


def _mixed(above: str, below: str) -> str:
    """Return a fraction that follows a whole number: `½` after 2, or ` 3/7` where Unicode has no such character."""
    return _VULGAR.get((_bare(above), _bare(below)), f" {_fraction('', above, below)}")


def _root(degree: str, content: str) -> str:
    return _marked_script(_SUP, degree) + "√" + _group(content)


def _blackboard(_: str, letters: str) -> str:
    return "".join(_BLACKBOARD.get(c, c) for c in _bare(letters))


def _over(_: str, above: str, sign: str) -> str:
    return _apart(sign, _marked_script(_SUP, above))


def _under(_: str, below: str, sign: str) -> str:
    return _apart(sign, _marked_script(_SUB, below))


def _apart(sign: str, script: str) -> str:
    """Return a sign with a script over or under it, set apart with spaces unless the sign is a letter or digit.

    Without the spaces a following letter would look like part of the script.
    """
    return f"{sign}{script}" if _bare(sign).isalnum() else f" {sign}{script} "


def _arrow(sign: str) -> Callable[..., str]:
    return lambda _, above: _over("", above, sign)


def _character(_: str, code: str) -> str:
    r"""Return the character of a code point, as in MathJax's `\unicode{x2014}`; empty if the number is invalid."""
    try:
        number = int(code.lstrip("xX"), 16) if code[:1] in ("x", "X") else int(code)
        character = chr(number)
    except (ValueError, OverflowError):
        return ""
    return character if character.isprintable() else " "


def _optional_first(optional: str, *arguments: str) -> str:
    return " ".join(part for part in (optional, *arguments) if part)


def _cited(note: str, key: str) -> str:
    return f"[{_optional_first(note, key)}]"


def _inner(_: str, content: str) -> str:
    return content


def _second(_: str, __: str, content: str) -> str:
    return content


def _third(_: str, __: str, ___: str, content: str) -> str:
    return content


def _nothing(*_: str) -> str:
    return ""


def _space(*_: str) -> str:
    return " "


def _choose(_: str, n: str, k: str) -> str:
    return f"({n} choose {k})"


# `{a \over b}`: the arguments are what precedes and what follows in the same group.
_INFIX: dict[str, Callable[..., str]] = {"over": _fraction, "atop": _fraction, "choose": _choose}
# The number of arguments of a macro, and a function that converts them. Its first parameter is the optional argument.
_ARGUMENTS: dict[str, tuple[int, Callable[..., str]]] = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac"), (2, _fraction)),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), (2, _choose)),
    "sqrt": (1, _root),
    "pmod": (1, lambda _, n: f" (mod {n})"),
    **dict.fromkeys(("mathbb", "mathds", "mathbbm", "Bbb"), (1, _blackboard)),
    "textsuperscript": (1, lambda _, content: _marked_script(_SUP, content)),
    "textsubscript": (1, lambda _, content: _marked_script(_SUB, content)),
    **dict.fromkeys(("overset", "stackrel"), (2, _over)),
    "underset": (2, _under),
    **{name: (1, _arrow("→")) for name in ("xrightarrow", "xlongrightarrow")},
    "xleftarrow": (1, _arrow("←")),
    "xleftrightarrow": (1, _arrow("↔")),
    "xRightarrow": (1, _arrow("⇒")),
    "unicode": (1, _character),
    "abs": (1, lambda _, content: f"|{content}|"),
    "norm": (1, lambda _, content: f"‖{content}‖"),
    "bra": (1, lambda _, content: f"⟨{content}|"),
    "ket": (1, lambda _, content: f"|{content}⟩"),
    "braket": (1, lambda _, content: f"⟨{content}⟩"),
    "href": (2, lambda _, address, text: f"{text} ({address})"),
    **dict.fromkeys(("url", "ref", "eqref", "cref", "autoref"), (1, _inner)),
    **dict.fromkeys(("cite", "citep", "citet", "citealp", "parencite"), (1, _cited)),
    **dict.fromkeys(("begin", "end", "hspace", "vspace", "label", "index", "vskip", "hskip"), (1, _space)),
    **dict.fromkeys(("color", "footnote", "thanks", "footnotemark", "phantom", "hphantom"), (1, _nothing)),
    **dict.fromkeys(("vphantom", "marginpar", "todo", "fontsize", "usefont", "hyphenation"), (1, _nothing)),
    **dict.fromkeys(("textcolor", "colorbox", "scalebox", "raisebox", "rotatebox", "parbox"), (2, _second)),
    **{name: (2, lambda _, n, unit: f"{n} {unit}") for name in ("SI", "qty")},
    **dict.fromkeys(("fcolorbox", "resizebox", "multicolumn"), (3, _third)),
    **dict.fromkeys(_PLAIN_WRAPPERS, (1, _inner)),
    **{name: (1, lambda _, content: _bare(content)) for name in _UPRIGHT_WRAPPERS},
    **dict.fromkeys(("text", "textnormal", "mbox", "hbox", "textit", "textbf"), (1, _optional_first)),
}
_TEXT_MACROS = frozenset(
    """text textnormal mbox hbox textit textbf href textsuperscript textsubscript textcolor colorbox
    textsc texttt textsf textrm textup textmd textsl emph fcolorbox resizebox scalebox raisebox
    """.split()  # noqa: SIM905 - reads better
)
_RAW = frozenset(
    ("href", "url", "ref", "eqref", "cref", "autoref", "unicode", "color", "textcolor", "colorbox", "fcolorbox")
)
