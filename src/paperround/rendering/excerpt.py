"""Shorten text at natural places: abstracts at the end of a sentence, titles at the end of a word. Pure.

Also decide where a line may break, and in which direction a text runs.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator

# The end of a sentence, perhaps with closing quotes or brackets, before a space. CJK sentences need none, and some
# authors forget it ("poor results.We propose").
_SENTENCE_END = re.compile(
    r"""(?<![.!?…])[.!?…]+["'”’»)\]]*(?=\s)|(?<=[a-z]{3})\.(?=[A-Z][a-z]*\s)|[。！？]+[」』”）]*"""
)
# A period after these ends no sentence, nor does one after a single letter ("J. Doe", "w.r.t.").
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        """
        al approx ca cf ch cp dept dr e.g eds eg eq eqn eqs est etc ex fig figs i.e ie incl inc jr lit
        max min mr mrs ms no nos nr p.m a.m p pp prof ref refs resp sec sect sr st tab tabs vol vols vs
        viz wrt z.b d.h bzw u.a
        """,
    )
)
# One of these ends a sentence if a word follows that begins one.
_FINAL = frozenset(("al", "etc"))
_BEGINNING = re.compile(r"\s+(?:Here|However|In|Our|The|These|This|To|We)\s")
_MAX_END_LENGTH = 20  # characters: more than any abbreviation has; looking at more takes quadratic time
_LAST_WORD = re.compile(r"[^\s(\[“\"']*$")
# If whole sentences, or words, would fill less than these shares of the budget, cut at a word, or at a character.
_MIN_SENTENCES, _MIN_WORDS = 0.7, 0.4
# Words at the end that only the next word makes sense of.
_DANGLING = re.compile(
    r"(?:[ ,;]+(?:an?|and|are|as|at|by|for|from|in|into|is|its|of|on|or|that|the|their|this|to|via|was|were|when"
    r"|where|which|while|whose|with))+…$"
)
# The zero-width joiner, which combines emoji.
_JOINER = "\u200d"
# Longer words do not fit on a phone's screen in a title; zero-width spaces allow them to break.
_MAX_WORD_LENGTH, _BREAK_EVERY = 26, 13
_LONG_WORD = re.compile(rf"\S{{{_MAX_WORD_LENGTH + 1},}}")
_WIDTH_SAMPLE = 80  # characters that tell whether a text is in a wide script
# A title is cut at a hyphen if the word so far has this many letters, and cutting before it would lose this many
# characters.
_MIN_BEFORE_HYPHEN, _LONG_REST = 4, 10
_MAX_TIED = 26  # characters of two words that stay on one line
# Thai, Burmese, Khmer and the wide scripts, which break without such spaces.
_SELF_BREAKING = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\uffef]")


def excerpt(text: str, budget: int) -> str:
    """Return at most `budget` characters: whole sentences if they fill it well, otherwise whole words and "…".

    The last of these words is no article or preposition, which says nothing without the next.
    """
    if len(text) <= budget:
        return text
    end = last_sentence_end(text, budget)
    if end >= budget * _MIN_SENTENCES:
        return text[:end].rstrip()
    shorter = cut(text, budget)
    dangling = _DANGLING.search(shorter)
    return f"{shorter[: dangling.start()].rstrip(' ,;:–—-')}…" if dangling else shorter


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, each with the space before it, which joined are the text."""
    start = 0
    for found in _SENTENCE_END.finditer(f"{text} "):
        if not _abbreviated(text, found.end()):
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def first_sentence(text: str) -> str:
    """Return the first sentence; "" if the text has no complete one."""
    ends = (found.end() for found in _SENTENCE_END.finditer(f"{text} "))
    return next((text[:end].rstrip() for end in ends if not _abbreviated(text, end)), "")


def cut(text: str, budget: int) -> str:
    """Return the text, or whole words of it and "…", in at most `budget` characters.

    A character is never separated from its combining marks.
    """
    if len(text) <= budget:
        return text
    if budget < 1:
        return ""
    end = text.rfind(" ", 0, budget)
    if end < budget * _MIN_WORDS:  # one very long word, or a script without spaces
        end = _whole_character(text, budget - 1)
    return text[:end].rstrip(" .,;:–—-([“\"'") + "…"


def cut_to_width(text: str, room: float, width: Callable[[str], float]) -> str:
    """Return the text, or whole words of it and "…", in at most this width; `width` measures a text.

    A long word with hyphens may be cut at one of them.
    """
    if width(text) <= room:
        return text
    # The beginnings of a text become wider with each character, so the longest that fits is found by bisection.
    fitting = bisect_right(range(len(text)), room, key=lambda end: width(text[:end])) - 1
    shorter = cut(text, fitting)
    hyphen = text.rfind("-", 0, fitting)
    if hyphen - len(shorter) < _LONG_REST or not text[hyphen - _MIN_BEFORE_HYPHEN : hyphen].isalnum():
        return shorter
    return f"{text[:hyphen]}…"


def tie_last_words(text: str) -> str:
    """Replace the last space of a title with a no-break space, so that no word is alone on the last line."""
    start, space, last = text.rpartition(" ")
    before = start.rpartition(" ")[2]
    return f"{start}\u00a0{last}" if space and len(before) + len(last) < _MAX_TIED else text


def breakable(text: str) -> str:
    """Insert zero-width spaces into words that are too long for a phone's screen."""
    if not _LONG_WORD.search(text):
        return text
    return _LONG_WORD.sub(_broken, text)


def keep_together(text: str) -> str:
    """Replace spaces with no-break spaces, to keep a count with its word or a month with its day."""
    return text.replace(" ", "\u00a0")


def is_wide(text: str) -> bool:
    """Return whether text is mostly in wide characters (CJK), each of which says as much as two or three others."""
    start = text[:_WIDTH_SAMPLE]
    return 2 * sum(unicodedata.east_asian_width(char) in "WF" for char in start) > len(start)


def right_to_left(text: str) -> bool:
    """Return whether the first character with a direction runs from right to left (Unicode TR9, P2 and P3)."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def last_sentence_end(text: str, budget: int) -> int:
    """Return the offset of the last end of a sentence within `budget` characters; 0 if there is none."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, budget + 1)]
    return next((end for end in reversed(ends) if end <= budget and not _abbreviated(text, end)), 0)


def _abbreviated(text: str, end: int) -> bool:
    """Return whether the period before this offset belongs to an abbreviation and ends no sentence."""
    if text[end - 1] != ".":
        return False
    word = _LAST_WORD.search(text[max(end - _MAX_END_LENGTH, 0) : end - 1])
    last = word[0].lower() if word else ""
    if last in _FINAL and _BEGINNING.match(text, end):
        return False
    letter = last.rpartition(".")[2].rpartition("-")[2]
    return last in _ABBREVIATIONS or (len(letter) == 1 and letter.isalpha())


def _whole_character(text: str, end: int, start: int = 0) -> int:
    """Return the last offset from `start` to `end` that does not split a character from its combining marks; `start`
    if there is none.
    """
    while end > start and (_continues(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return end


def _continues(char: str) -> bool:
    return char == _JOINER or unicodedata.combining(char) != 0 or unicodedata.category(char) in ("Mn", "Me", "Sk")


def _broken(found: re.Match[str]) -> str:
    word = found[0]
    if _SELF_BREAKING.search(word):
        return word
    pieces: list[str] = []
    start = 0
    while len(word) - start > _MAX_WORD_LENGTH:
        end = _whole_character(word, start + _BREAK_EVERY, start)
        end = end if end > start else start + _BREAK_EVERY
        pieces.append(word[start:end])
        start = end
    return "\u200b".join([*pieces, word[start:]])
