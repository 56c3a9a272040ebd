"""Shorten an abstract to what the paper does, without the background that most abstracts begin with. Pure."""

from __future__ import annotations

import re

from paperround.rendering.excerpt import excerpt, last_sentence_end, sentences

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
    "(?:all|are|argue|believe|call|can|cannot|contend|could|currently|do|expect|hope|hypothesi[sz]e|know|lack|live|may|"
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
    r"https?://|\b(?:code|data(?:sets?)?) (?:and \w+ )?(?:is|are|will be)\b.{0,200}\b(?:available|public|released)"
    r"|^(?:in|our) (?:our )?(?:earlier|previous|prior) \w+\b|\bwe previously\b|\bpreviously,? we\b",
    re.IGNORECASE,
)
# What the sentence before has described or listed: "this gap", "one policy for all three".
_PROBLEM = (
    "(?:[\\w-]+ ){0,2}(?:barriers?|bottlenecks?|challenges?|concerns?|deficienc(?:y|ies)|difficult(?:y|ies)|"
    "drawbacks?|gaps?|issues?|limitations?|obstacles?|problems?|questions?|shortcomings?)"
)
_POINTS_BACK = re.compile(
    rf"\b(?:all|each of|of) (?:(?:the|these|those) )?(?:two|three|four|five)\b"
    r"(?! (?:(?!(?:and|at|by|for|from|in|of|on|to|using|with)\b)[\w-]+ ){0,2}\w+s\b)"
    r"|\b(?:all|both|each|none) of (?:them|these)\b"
    rf"|^(?:[^,]{{0,60}}, )?(?:we|th(?:e present|is) (?:[\w-]+ )?{_WORK}) (?:[\w-]+ ){{1,3}}"
    rf"(?:such|th(?:at|ese|is|ose)) {_PROBLEM}\b",
    re.IGNORECASE,
)
# Words by which an opening phrase refers to a sentence before; "this work" is the paper.
_REFERENCE = (
    rf"(?:aforementioned|such(?! as\b)|th(?:ese|is|ose)(?! (?:[\w-]+ )?{_WORK}\b(?! {_PROBLEM}\b))"
    rf"|th(?:at|em)(?=,| (?:end|goal|purpose)\b)|it(?=,)|both(?=,)|(?:the )?above|the (?:first|former|latter|second)"
    rf"|the {_PROBLEM}(?=,))"
)
# How the main clause begins behind an opening phrase, and a second opening phrase.
_THIS_WORK = rf"th(?:e present|is) (?:[\w-]+ )?{_WORK}"
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
    r"further|furthermore|hence|however|in (?:addition|contrast|particular|practice|response|turn)|indeed|instead|"
    r"likewise|meanwhile|moreover|nevertheless|nonetheless|on the other hand|rather|similarly|specifically|still|"
    r"subsequently|then|therefore|thus|to th(?:at|is) end), "
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


# How a sentence begins that tells what others did before, or what is known.
_BACKGROUND = re.compile(
    r"(?:although|conventional|current(?:ly)?|despite|existing|however|in (?:recent|the (?:last|past))|many|most"
    r"|previous|prior|recent(?:ly)?|since|the (?:last|past|recent)|there (?:are|has|have|is)|traditional(?:ly)?"
    r"|typical(?:ly)?|while)\b|[^,.:;]{1,80}\b(?:has|have) (?:become|been|emerged|gained|long|made|seen|witnessed)\b",
    re.IGNORECASE,
)
_MIN_REST = 45  # characters; a shorter beginning of a sentence says too little
_MIN_FILLED = 0.35  # the share of the budget that is filled without the beginning of another sentence


def shorten_abstract(abstract: str, title: str, budget: int) -> str:
    """Return at most `budget` characters of an abstract, from the sentence on that says what the paper does.

    If the abstract fits, return all of it. If no sentence says so that is clear without the ones before it, begin at
    the first. The sentence that says so is not followed by a part of another one that adds nothing.
    """
    if len(abstract) <= budget:
        return abstract
    text, stated = _contribution(abstract, title, budget)
    end = last_sentence_end(text, budget)
    rest = text[end:].lstrip()
    if 0 < stated <= end and end >= budget * _MIN_FILLED and (budget - end < _MIN_REST or _BACKGROUND.match(rest)):
        return text[:end].rstrip()
    return excerpt(text, budget)


def _contribution(abstract: str, title: str, budget: int) -> tuple[str, int]:
    """Return the abstract from the sentence on that says what the paper does, and where that sentence ends.

    Without such a sentence, return all of the abstract and 0.
    """
    before, start, name = 0, 0, _name(title)
    for sentence in sentences(abstract):
        if _states(sentence.lstrip(), name):
            end = start + len(sentence)
            firsts = (before, start) if start - before <= budget // 2 and _points_back(sentence) else (start,)
            for first in firsts:
                skipped = _explained_elsewhere(abstract[first:end]) if first else 0
                if skipped is not None:
                    return _capitalize(abstract[first + skipped :]), end - first - skipped
        before, start = start, start + len(sentence)
    return abstract, 0


def _points_back(sentence: str) -> bool:
    return bool(_POINTS_BACK.search(sentence.lstrip()))


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
    return (named or bool(_STATES.search(sentence))) and not _ASIDE.search(sentence)


def _name(title: str) -> str:
    """Return the name before a title's colon that is no ordinary word, such as an acronym; empty if there is none."""
    name, colon, _rest = title.partition(": ")
    return name if colon and _NAME.fullmatch(name) else ""


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
