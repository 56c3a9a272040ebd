"""Recognize an interest that says what somebody does not want to read, in English or German. Pure.

Plain words have no "not": the papers that such an interest finds are those that it wants to keep away.
"""

from __future__ import annotations

import re

from paperround.matching.words import is_plain

_UNWANTED = re.compile(
    r"""
    (?:please\ |bitte\ )?
    (?: (?:anything|everything|all)\ (?:but|except(?:\ for)?)
      | nothing\ (?:about|on|with|to\ do\ with)
      | i\ (?:do\ not|don['’]t)\ want(?:\ to\ read(?:\ about)?)?
      | (?:no\ more|no|not\ about|not\ interested\ in|not(?!\ (?:only|just))|without|except(?:\ for)?)
      | alles\ au(?:ß|ss)er | nichts\ (?:über|zu|mit|von)
      | (?:kein(?:e|en)?(?:\ mehr)?|nicht(?!\ nur)(?:\ über|\ zu|\ mit)?|ohne|au(?:ß|ss)er)
    )
    \ (?P<words>[^,;.!?]+?)
    (?:\ (?:but|aber|sondern)\ .*|,?\ (?:please|bitte))?[,;.!?]*
    """,
    re.IGNORECASE | re.VERBOSE,
)


def unwanted_in(text: str) -> str:
    """Return what an interest in plain words excludes: "robots" for "no robots please"; "" if it excludes nothing."""
    found = _UNWANTED.fullmatch(" ".join(text.split())) if is_plain(text) else None
    return found["words"] if found else ""
