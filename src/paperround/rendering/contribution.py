"""Shorten an abstract to what the paper does, without the background that most abstracts begin with. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paperround.rendering.clause import shorten_to_clause
from paperround.rendering.excerpt import excerpt, sentences

_WORK = (
    "(?:article|chapter|investigation|letter|manuscript|note|paper|preprint|project|report|research|review|study|survey|"
    "thesis|tutorial|work)"
)
_OURS = (
    "(?:aim|algorithm|analys[ei]s|approach|contributions?|experiments?|findings?|framework|goal|idea|insight|method|model|"
    "objective|results?|system)"
)
_DONE = "(?:developed|evaluated|examined|introduced|investigated|performed|presented|proposed|reported|studied)"
# What authors say of everybody ("we need", "we have no"), or of what they think rather than did.
_COMMON = (
    "(?:all|are|argue|believe|call|can|cannot|claim|contend|could|currently|do|expect|hope|hypothesi[sz]e|know|lack|live|may|"
    "might|must|need|often|rarely|refer|see|should|still|term|understand|want|will|would)"
)
_COMMON_HAVE = "have (?:a|an|been|become|come|few|little|long|no|not|only|the|to|yet)"
_STATES = re.compile(
    rf"\bwe (?!(?:{_COMMON}|{_COMMON_HAVE})\b)\w"
    rf"|\b(?:this|our|the present|the current) (?:[\w-]+ )?{_WORK}\b"
    rf"|\bour (?:[\w-]+ )?{_OURS}\b"
    r"|\bthe (?:article|authors?|paper)\b"
    rf"|\b(?:is|are|was|were) (?:here )?{_DONE}\b"
    r"|^here(?:in)?\b"
    r"|^(?:aims?|goals?|methods?|objectives?|purpose|results?)(?: and [a-z]+)? ?[:.]"
    r"|\b(?:wir|in dieser arbeit|diese (?:arbeit|studie))\b",
    re.IGNORECASE,
)
# Where code and data are is not what a paper is about, and earlier work is not this one.
_ASIDE = re.compile(
    rf"^we {_COMMON}\b|"
    r"https?://|\b(?:code|data(?:sets?)?) (?:and \w+ )?(?:is|are|will be)\b.{0,200}\b(?:available|public|released)"
    r"|^(?:in|our) (?:our )?(?:earlier|previous|prior) \w+\b|\bwe previously\b|\bpreviously,? we\b",
    re.IGNORECASE,
)
# What comes after the main contribution.
_LATER = re.compile(
    r"we (?:additionally|also|finally|further|then)\b|(?:finally|lastly|second|secondly|third|thirdly),",
    re.IGNORECASE,
)
# How a sentence begins that only adds to one that has said what the paper does.
_ADDS = re.compile(
    r"(?:we|our) (?:apply|conduct|evaluat|experiment|extensive|perform|test|train|validat)", re.IGNORECASE
)
# What the sentence before has described: "this gap".
_PROBLEM = (
    "(?:[\\w-]+ ){0,2}(?:barriers?|bottlenecks?|challenges?|concerns?|deficienc(?:y|ies)|difficult(?:y|ies)|"
    "drawbacks?|gaps?|issues?|limitations?|obstacles?|problems?|questions?|shortcomings?)"
)
_THIS_WORK = rf"th(?:e present|is) (?:[\w-]+ )?{_WORK}"
_MAX_WORDS_BEFORE = 14  # after more words, the same sentence is likely to have said what is meant
# A word whose meaning is in a sentence before; "this work" is the paper, and "it is possible that" means nothing.
_BACK = rf"(?:th(?:ese|is|ose)|such(?! (?:as|an?)\b))\b(?! (?:[\w-]+ ){{0,2}}{_WORK}\b(?! {_PROBLEM}\b))"
_PRONOUN = (
    r"(?:it\b(?! (?:is|was|remains|becomes|\w+ing|difficult|easier|easy|hard|possible)\b)"
    r"|it (?:is|was) (?:an?|one|the)\b|th(?:em|ey)\b|(?:its|their)\b|both(?= of\b|[.,;]))"
)
_POINTS_BACK = re.compile(
    rf"\b(?:all|each of|of) (?:(?:the|these|those) )?(?:two|three|four|five)\b"
    r"(?! (?:(?!(?:and|at|by|for|from|in|of|on|to|using|with)\b)[\w-]+ ){0,2}\w+s\b)"
    r"|\b(?:all|both|each|none) of (?:them|these)\b|\bthe (?:above|aforementioned|former|latter)\b|\bdo so\b"
    # "we overcome this difficulty", "this paper shows that it is"
    rf"|^(?:(?!and\b)[^\s.:;]+ ){{1,{_MAX_WORDS_BEFORE}}}?(?<!, ){_BACK}"
    rf"|^(?:[^,]{{0,60}}, )?(?:we|our [\w-]+|{_THIS_WORK}) (?:[\w-]+ ){{1,3}}?{_PRONOUN}",
    re.IGNORECASE,
)
# Words by which an opening phrase refers to a sentence before; "this work" is the paper.
_REFERENCE = (
    rf"(?:aforementioned|such(?! as\b)|th(?:ese|is|ose)(?! (?:[\w-]+ )?{_WORK}\b(?! {_PROBLEM}\b))"
    rf"|th(?:at|em)(?=,| (?:end|goal|purpose)\b)|it(?=,)|both(?=,)|(?:the )?above|the (?:first|former|latter|second)"
    rf"|the {_PROBLEM}(?=,))"
)
# How the main clause begins behind an opening phrase, and a second opening phrase.
_SUBJECT = rf"(?:here(?:in)?|in {_THIS_WORK}|our|{_THIS_WORK}|the (?:article|authors?|paper)|we)\b"
_PASSIVE = (
    rf"(?!(?:it|th[eo]se|this|which)\b)[^,.:;]{{1,150}}\b(?:is|are|was|were|ha(?:s|ve) been) (?:\w+ )?{_DONE}\b"
)
_PHRASE = (
    r"(?:based on|building (?:up)?on|drawing (?:up)?on|given|grounded in|inspired by|instead of|leveraging|"
    r"motivated by|rather than|unlike|using)\b"
)
_NOT_OPENING = rf"(?!(?:an?|here|in {_THIS_WORK}|it|our|th(?:e|ese|ey|is|ose)|we)\b)"
# A word that connects a sentence with the one before.
_CONNECTION = re.compile(
    r"(?:accordingly|additionally|alternatively|as a (?:consequence|result)|as such|besides|consequently|conversely|"
    r"further|furthermore|hence|however|importantly|in (?:addition|contrast|particular|practice|response|turn)|"
    r"indeed|instead|likewise|meanwhile|moreover|nevertheless|nonetheless|notably|on the other hand|rather|similarly|"
    r"specifically|still|subsequently|then|therefore|thus|to th(?:at|is) end), "
    rf"|(?:and|but|hence|so|then|therefore|thus|yet),? (?={_SUBJECT})",
    re.IGNORECASE,
)
_MAIN = re.compile(rf"{_SUBJECT}|{_PASSIVE}", re.IGNORECASE)
# A phrase in front of a subject, which refers to a sentence before or to the paper: "To address this gap, we …".
_LINK = re.compile(
    rf"(?:with)?in {_THIS_WORK}\b[^,.:;]{{0,40}}, (?={_SUBJECT})"
    rf"|{_NOT_OPENING}[^,.:;]{{0,60}}\b{_REFERENCE}[^,.:;]{{0,90}}, (?={_SUBJECT}|{_PHRASE}|{_PASSIVE})"
    rf"|(?:(?:in order )?to \w+|{_PHRASE}) (?:[^,.:;]{{0,60}} )?{_REFERENCE}[^.:;]{{0,300}}?, (?={_SUBJECT})",
    re.IGNORECASE,
)
# A beginning that only the sentence before explains.
_DANGLING = re.compile(
    rf"(?:such|th(?:ese|is|ose))\b(?! (?:(?!our\b)[\w-]+ ){{0,3}}{_WORK}\b)|(?:he|its?|she|that|their|they)\b"
    r"|but\b|yet\b|the (?:above|former|latter|same)\b|in (?:both|each|all) of\b"
    rf"|{_NOT_OPENING}[^,.:;]{{0,60}}\b{_REFERENCE}[^,.:;]{{0,90}}, ",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\sA-Z0-9]*[A-Z0-9][^\sA-Z0-9]*[A-Z0-9]\S*")
_MIN_BACKGROUND = 0.5  # the share of the budget that sentences fill if none of them says what the paper does


def shorten_abstract(abstract: str, title: str, budget: int) -> str:
    """Return at most `budget` characters of an abstract, from a sentence on that says what the paper does.

    If the abstract fits, return all of it. Choose the first such sentence that is clear without the ones before it
    and fits, or can be cut where a clause ends. If there is none, begin at the start.
    """
    if len(abstract) <= budget:
        return abstract
    cut_at_word = ""
    for text, before, clear in _contributions(abstract, title, budget):
        shown = shorten_to_clause(text, min(budget, clear))
        if not shown.endswith("…") and len(shown) > before:
            return shown
        cut_at_word = cut_at_word or ("" if clear < budget else shown)
    if cut_at_word:
        return cut_at_word
    shown = shorten_to_clause(abstract, budget)
    return shown if len(shown) >= budget * _MIN_BACKGROUND else excerpt(abstract, budget)


def _contributions(abstract: str, title: str, budget: int) -> Iterator[tuple[str, int, int]]:
    """Yield the abstract from each sentence on that says what the paper does.

    Of a sentence that points back, first yield the part before it does so, then the sentence with the one before it,
    if that is short. The numbers are the length of what must be followed by more, and of what is clear.
    """
    before, start, name, stated = 0, 0, _name(title), False
    for sentence in sentences(abstract):
        end = start + len(sentence)
        if _states(sentence.lstrip(), name) and not (stated and _ADDS.match(sentence.lstrip())):
            stated = True
            skipped = _explained_elsewhere(abstract[start:end]) if start else 0
            text = abstract[start + (skipped or 0) :]
            back = _POINTS_BACK.search(text[: end - start - (skipped or 0)])
            if skipped is not None:
                yield _capitalize(text), 0, _start_of_noun(text, back) if back else len(text)
            if (skipped is None or back) and 0 < start - before <= budget // 2:
                skipped = _explained_elsewhere(abstract[before:start]) if before else 0
                if skipped is not None and not _POINTS_BACK.search(abstract[before + skipped : start]):
                    yield _capitalize(abstract[before + skipped :]), start - before, len(abstract)
        before, start = start, end


def _start_of_noun(text: str, back: re.Match[str]) -> int:
    """Return where the last word of what points back begins: "this" in "we overcome this"."""
    return text.rfind(" ", 0, back.end()) + 1


def _explained_elsewhere(text: str) -> int | None:
    """Return how much of the beginning to omit so that it is clear by itself; None if that is impossible."""
    start = len(text) - len(text.lstrip())
    connection = _CONNECTION.match(text, start)
    start = connection.end() if connection else start
    linked = False
    while link := _LINK.match(text, start):
        start, linked = link.end(), True
    if _DANGLING.match(text, start) or (connection and not linked and not _MAIN.match(text, start)):
        return None
    return start


def _states(sentence: str, name: str) -> bool:
    named = bool(name) and sentence.startswith((name, f"The {name}"))
    stated = named or bool(_STATES.search(sentence))
    return stated and not _ASIDE.search(sentence) and not _LATER.match(sentence)


def _name(title: str) -> str:
    """Return the name before a title's colon that is no ordinary word, such as an acronym; empty if there is none."""
    name, colon, _rest = title.partition(": ")
    return name if colon and _NAME.fullmatch(name) else ""


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
