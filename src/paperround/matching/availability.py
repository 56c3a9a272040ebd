"""Recognize what an abstract says about where its code and data are: "Code is available at https://…". Pure.

Such sentences are no evidence of a paper's subject: of a hundred abstracts twelve have the word "code" only there.

Recognized                                                     Not recognized
"Code is available at https://example.org/code."               "We study how code is made available to developers."
"We release our models and data to support further research."  "We share a model between all robots."
"The dataset will be made publicly available upon acceptance." "Data available to a hospital are often incomplete."
"See our project page for videos."                             "Code review is done on GitHub by most teams."
"Project page: https://example.org."                           "Available tools do not find errors in scripts."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from paperround.domain.text import spans, terms_between

_DOMAIN = r"\.(?:ai|co|com|de|edu|io|net|org)\b"
# A label of a domain has at most 63 characters (RFC 1035, 2.3.4). Without a limit, many hyphens take quadratic time.
# No label is tried again shorter, since a period follows it: most words are none and would be, letter by letter.
_LABEL = r"[\w-]{1,63}+"
_URL = rf"(?:https?:\s?//\S+|www\.\S+|(?<![\w-]){_LABEL}(?:\.{_LABEL}){{0,5}}{_DOMAIN}(?:/\S*)?)"
_KIND = r"(?:(?:anonymous|benchmark|experimental|full|model|pre-?trained|project|source|trained|training|video) )?"
_ARTIFACT = (
    rf"{_KIND}(?:annotations?|artifacts?|benchmarks?|checkpoints?|code ?bases?|codes?|configurations?|"
    r"data(?: ?sets?)?|demos?|documentation|implementations?|models?|prompts?|schemas?|scripts?|software|toolkits?|"
    r"tools?|weights)"
)
_PLACE = (
    rf"{_KIND}(?:details|examples?|github|home ?page|information|materials?|packages?|page|project|"
    r"repositor(?:y|ies)|resources?|results?|samples?|supplementary materials?|videos?|visuali[sz]ations?|"
    r"web ?pages?|web ?sites?)"
)
_OURS = r"(?:(?:accompanying|additional|all|both|corresponding|further|more|other|our|the|their|this) )*"
_AND = r"(?:, (?:and )?| ?& ?| ?/ ?| and | as well as | along with | with )"


def _some(noun: str) -> str:
    """Return the pattern of one or several of these nouns."""
    return rf"{_OURS}{noun}(?:{_AND}{_OURS}{noun})*(?:, etc)?\.?,?"


_ANY = _some(f"(?:{_ARTIFACT}|{_PLACE})")
_AIM = r"(?:(?:to|for) (?:[\w-]+ ){0,3}(?:community|reproduc\w+|research|stud(?:y|ies)|transparency|use),? )?"
_OF = r"(?:,? (?:accompanying|associated|for|from|in|including|of|that|to|used|which)\b.{0,80}?)?"
_IS = r" (?:are|can|has|have|is|will) (?:(?:all|also|be|been|freely|fully|further|made|now|openly|publicly|soon) )*"
_AVAILABLE = (
    r"(?:accessed|accessible|available|downloaded|found|hosted|open-?sourced?|provided|public|published|released|"
    r"shared)"
)
# A sentence that says more than a few words after this goes on to its subject.
_FEW_WORDS = r"(?: (?!(?:but|that|which|who)\b)\S+){0,4}$"
_PLACED = (
    rf":? (?:at|from|in|on|through|under|via)\b.{{0,40}}?(?:{_URL}|\b(?:anonymous|footnote|github|hugging ?face|link|"
    rf"project page|repository|supplement\w*|web ?page|web ?site|zenodo)\b\S*{_FEW_WORDS})"
)
_WHEN = (
    r"(?: at \S+)? (?:after|on|pending|under|upon|with)\b.{0,40}?"
    rf"\b(?:acceptance|licen[sc]es?|publication|request|review)\b\S*{_FEW_WORDS}"
)
_PURPOSE = (
    r",? (?:to (?:accelerate|advance|enable|encourage|ensure|facilitate|foster|promote|spur|stimulate|support)\b"
    r".{0,60}?|for (?:(?:academic|all|further|future|open|public|the) )*)"
    r"\b(?:community|progress|reproduc\w+|research(?:ers)?|transparency|(?:academic|public) use)\b.{0,80}$"
)
_WHERE = rf"(?:,? (?:here|online|publicly|soon)\b)*(?:[.,:]?$|{_PLACED}|{_WHEN}|{_PURPOSE})"
_PAGE = r"(?:project (?:page|web ?page|web ?site)|(?:our|the|this) web ?(?:page|site))\b"
_SENTENCE = re.compile(
    # "The code for our experiments will be made publicly available at …", "Code available at …"
    rf"{_AIM}{_ANY}(?:{_OF}{_IS}| ){_AVAILABLE}\b(?:{_WHERE}|.{{0,80}}{_URL})"
    # "The complete source code and all scripts are open-source and available at https://…"
    r"|(?!(?:by|in|on|one|this|we)\b)[^.]{0,100}\b(?:checkpoints|code(?:s|base)?|implementation|software|weights)\b"
    r"(?! (?:agents?|completion|generat\w+|llms?|models?|repair|review|search|synthesis|translation|understanding))"
    rf".{{0,60}}\b(?:accessible|available|found|open-?sourced?|provided|released?)\b.{{0,60}}{_URL}"
    # "Project page: https://…"
    rf"|{_ANY}(?: link| url| is| are| at| on| via)*\s*(?:[:\u2013-]\s*)?{_URL}"
    # "See our project page for videos."
    rf"|(?:please )?(?:(?:check|refer to|see|visit|watch)(?: out)?|(?:further|more) {_PLACE})\b"
    rf"(?! (?:how|that|why)\b).{{0,60}}(?:{_URL}|\b{_PAGE}(?:$|[.,:;]| (?:at|for|of|to|with)\b).{{0,80}}$)"
    # "We release our code and models to support further research."
    rf"|(?:(?:additionally|also|finally|furthermore|moreover),? )?{_AIM}(?:and )?we (?:(?:also|further|have|openly|"
    rf"publicly|will) )*(?:make|open-?sourced?|publish|released?|share) {_some(_ARTIFACT)}\b"
    rf"(?:,? (?:(?:are|freely|fully|is|openly|publicly) )*{_AVAILABLE})?\b{_WHERE}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    rf"(?:\b(?:code|data|dataset|demo|github|home ?page|models?|project(?: page)?|videos?|web ?site)\s*:\s*)?{_URL}",
    re.IGNORECASE,
)
_HAS_ADDRESS = re.compile(rf"://|www\.|{_DOMAIN}", re.IGNORECASE)
# Each address has one of these. It begins at most so many words before: "project page : https: //example.org".
_SIGN_OF_ADDRESS = re.compile(r"//|www\.|\.(?:ai|co|de|edu|io|net|org)", re.IGNORECASE)
_WORDS_BEFORE, _MAX_LENGTH_BEFORE = 5, 1_000  # words, characters; six labels have at most 384
# A sentence ends before white space, or where something in parentheses begins with one of these words.
_END = re.compile(r"[.!?;)]\s+")
_ASIDES = ("(code", "(data", "(project", "(source")
_END_OR_ASIDE = re.compile(r"(?<!\s)\s*\((?=code|data|project|source)|(?<=[.!?;)])\s+", re.IGNORECASE)
# Looking for each of these takes a tenth of the time of a pattern.
_SIGNS = (
    *("http", "www.", "github", "gitlab", "accessible", "available", "open-sourc", "open sourc", "project page"),
    *("public", "release", "supplement", "webpage", "website", "we make", "we share"),
)
_FEW_RANGES = 10  # with as many, their terms are counted in a fifth of the time that it takes to look at each term
_MAX_LENGTH = 400  # characters of a sentence on availability


def availability_terms(text: str) -> tuple[range, ...]:
    """Return the runs of terms of a text, by number from 0, that say where code, data or pages are."""
    if not _has_sign(text):
        return ()
    ranges = list(_availability_ranges(text))
    if len(ranges) <= _FEW_RANGES:
        numbers = {number for first, last in ranges for number in terms_between(text, first, last)}
        return tuple(_runs(sorted(numbers)))
    covered = bytearray(len(text))
    for first, last in ranges:
        covered[first:last] = b"\1" * (last - first)
    return tuple(_runs([number for number, (start, _) in enumerate(spans(text)) if covered[start]]))


def _has_sign(text: str, signs: Sequence[str] = _SIGNS) -> bool:
    lower = text.lower()
    for sign in signs:  # noqa: SIM110 - in half of the time of `any`
        if sign in lower:
            return True
    return False


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each sentence ends, and where the next one begins."""
    if text.isascii() and not _has_sign(text, _ASIDES):  # as most are; this takes a third of the time
        yield from ((found.start() + 1, found.end()) for found in _END.finditer(text))
    else:
        yield from (found.span() for found in _END_OR_ASIDE.finditer(text))


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last offset of each address, with the word before it that says of what it is."""
    if not _HAS_ADDRESS.search(text):
        return
    end = 0
    for sign in _SIGN_OF_ADDRESS.finditer(text):
        if sign.start() < end:
            continue
        # The pattern takes a microsecond for each word, so it skips those that are far from any sign.
        start = max(end, sign.start() - _MAX_LENGTH_BEFORE)
        before = text[start : sign.start()].rsplit(None, _WORDS_BEFORE)
        found = _ADDRESS.search(text, start + len(before[0]) if len(before) > _WORDS_BEFORE else start)
        if found is None:
            return
        yield found.span()
        end = found.end()


def _availability_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last offset of each sentence on availability and of each address."""
    yield from _addresses(text)
    start = 0
    for end, following in (*_boundaries(text), (len(text), len(text))):
        if end - start <= _MAX_LENGTH and _has_sign(text[start:end]) and _SENTENCE.match(text, start, end):
            yield start, end
        start = following


def _runs(numbers: list[int]) -> Iterator[range]:
    """Yield the ranges of consecutive numbers."""
    start = 0
    for place, number in enumerate(numbers, 1):
        if place == len(numbers) or numbers[place] != number + 1:
            yield range(numbers[start], number + 1)
            start = place
