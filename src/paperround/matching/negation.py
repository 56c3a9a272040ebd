"""Recognize an interest that says what somebody does not want to read, in English or German. Pure.

Plain words have no "not": the papers that such an interest finds are those that it wants to keep away.
"""

from __future__ import annotations

import re

from paperround.matching.words import is_plain

_NOT_ONLY = r"(?!\ (?:only|just|all|every|everything|enough|nur|alle)\b)"  # "Not all tokens are equal" is a title
# NO is nitric oxide.
_NO = rf"(?:not{_NOT_ONLY}|(?-i:[Nn]o)(?!\ (?:free|one|longer)\b)|never|kein(?:e|en)?|nicht{_NOT_ONLY})"
_EXCEPT = r"(?:except(?:\ for)?|excluding|other\ than|au(?:ß|ss)er)"
_WORDS = r"\ (?P<words>[^,;.!?()]+?)"
_ALL_OF_IT = re.compile(
    rf"""
    (?:please\ |bitte\ )?
    (?: (?:anything|everything|all)\ (?:but|{_EXCEPT})
      | nothing\ (?:about|on|with|to\ do\ with)
      | (?:i\ )?(?:do\ not|don['’]t)\ (?:want|show\ me)(?:\ to\ read)?(?:\ about)?
      | i(?:\ a|['’])m\ not\ interested\ in
      | (?:no\ more|not\ about|not\ interested\ in|avoid|without(?!\ loss\ of)|{_EXCEPT}|{_NO})
      | alles\ {_EXCEPT} | nichts\ (?:über|zu|mit|von)
      | ich\ (?:will|möchte|mag)\ kein(?:e|en)?
      | (?:kein(?:e|en)?\ mehr|nicht(?:\ über|\ zu|\ mit)|ohne)
    )
    {_WORDS}
    (?:\ (?:but|aber|sondern)\ .*|,?\ (?:please|bitte))?[,;.!?]*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_THE_REST = re.compile(
    rf"""
    .*\w\)?
    (?: (?:[,;]|\ [–—-])\ (?:but\ |aber\ )?(?:{_NO}|{_EXCEPT})
      | \ (?:(?:but|aber)\ {_NO}|{_EXCEPT})
      | \ \((?:but\ |aber\ )?(?:{_NO}|{_EXCEPT})
    )
    {_WORDS}(?:,?\ (?:please|bitte))?\)?[,;.!?]*
    """,
    re.IGNORECASE | re.VERBOSE,
)


def unwanted_in(text: str) -> str:
    """Return what an interest in plain words excludes, all of it or at its end; "" if it excludes nothing.

    It is "robots" for "no robots please" and for "agents, not robots".
    """
    if not is_plain(text):
        return ""
    text = " ".join(text.split())
    text = text.lower() if text.isupper() else text
    found = _ALL_OF_IT.fullmatch(text) or _THE_REST.fullmatch(text)
    return found["words"] if found else ""
