"""Shorten an abstract to what the paper does, without the background that most abstracts begin with. Pure."""

from __future__ import annotations

import re

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
# A beginning that refers to what was said before, in front of a new subject: "To address this gap, we …".
_LINK = re.compile(
    r"(?:(?:accordingly|as a result|consequently|hence|however|in response|instead|moreover|therefore|thus|"
    r"to th(?:at|is) end)"
    r"|(?!(?:a|our|the|these|this|we)\b)[^,.:;]{0,60}\b(?:aforementioned|such|th(?:at|ese|is|ose)|"
    r"the (?:above|(?:challenge|gap|issue|limitation|problem)s?(?=,)))\b"
    r"[^,.:;]{0,60}), (?=(?:here|in this|our|this|we)\b)",
    re.IGNORECASE,
)
# What the sentence before has listed: "one policy for all three".
_COUNTS_BACK = re.compile(
    r"\b(?:all|each of|of) (?:(?:the|these|those) )?(?:two|three|four|five)\b(?! \w+s\b)"
    r"|\b(?:all|both|each|none) of (?:them|these)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\sA-Z0-9]*[A-Z0-9][^\sA-Z0-9]*[A-Z0-9]\S*")


def shorten_abstract(abstract: str, title: str, budget: int) -> str:
    """Return at most `budget` characters of an abstract, from the sentence on that says what the paper does.

    If the abstract fits, return all of it; if no sentence says so, begin at the first.
    """
    return abstract if len(abstract) <= budget else excerpt(_contribution(abstract, title), budget)


def _contribution(abstract: str, title: str) -> str:
    before, start, name = 0, 0, _name(title)
    for sentence in sentences(abstract):
        if _states(sentence.lstrip(), name):
            first = before if _COUNTS_BACK.search(sentence) else start
            return _unlinked(abstract[first:].lstrip()) if first else abstract
        before, start = start, start + len(sentence)
    return abstract


def _states(sentence: str, name: str) -> bool:
    named = bool(name) and sentence.startswith((name, f"The {name}"))
    return (named or bool(_STATES.search(sentence))) and not _ASIDE.search(sentence)


def _name(title: str) -> str:
    """Return the name before a title's colon that is no ordinary word, such as an acronym; empty if there is none."""
    name, colon, _rest = title.partition(": ")
    return name if colon and _NAME.fullmatch(name) else ""


def _unlinked(text: str) -> str:
    text = _LINK.sub("", text, count=1) if _LINK.match(text) else text
    return text[:1].upper() + text[1:]
