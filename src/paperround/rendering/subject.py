"""The subject line, which says in one truthful line what the letter contains. Pure."""

from __future__ import annotations

import string
from functools import lru_cache

from paperround.domain.errors import ConfigurationError
from paperround.domain.text import REPLY_PREFIX, clean
from paperround.rendering.excerpt import cut

MAX_LENGTH = 70  # characters that desktop clients show; phones show about 40
FIELDS = ("top", "second", "others", "inside", "papers", "topics", "date", "site")
DEFAULT = "{top}{second}{others}"
_MIN_TITLE_LENGTH = 24
_BETWEEN = " · "
_MIN_SECOND_LENGTH = 14  # characters; a shorter part of the second title says nothing


def check(template: str) -> str:
    """Return the template. Raise ConfigurationError if it has an unknown field, a format or an unbalanced brace."""
    try:
        parts = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ConfigurationError(f"subject {template!r}: {error}; write a literal brace twice") from error
    for _, name, form, conversion in parts:
        if form or conversion:
            raise ConfigurationError(f"subject {template!r}: {{{name}}} stands alone, without a format behind it")
    if unknown := sorted({str(name) for _, name, _, _ in parts} - set(FIELDS)):
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ConfigurationError(f"subject {template!r}: there is no {{{unknown[0]}}}; there are {known}")
    return template


@lru_cache(maxsize=4096)
def render_subject(
    template: str, *, top: str, second: str, others: str, all_others: str, inside: str, site: str, **fields: str
) -> str:
    """Fill in the template's fields, in at most 70 characters.

    The best paper's title gets the space that it needs; the second title gets the rest, or is omitted. `others` says
    how many papers there are besides these two, and `all_others` how many there are besides the best one. If the line
    would look like a reply or is all capitals, use one with the site's name instead, and after that the plain count.
    """
    fields |= {"inside": inside, "site": clean(site)}
    top, second = (clean(title).replace("\u200b", "") for title in (top, second))
    plain = f"{clean(site)}: {inside}"
    for attempt in (template, "{site}: {top}{others}"):
        line = ""
        if second and "{second}" in attempt:
            line = _with_second(attempt, {**fields, "others": others}, top, second)
        if not line:
            line = _with_title(attempt, {**fields, "others": all_others}, top)
        if line and not pretends(line):
            return cut(line, MAX_LENGTH)
    return cut(plain, MAX_LENGTH)


def _with_second(template: str, fields: dict[str, str], top: str, second: str) -> str:
    """Return the line with the second title, cut if necessary; empty if there is too little room for it."""
    room = _room(template, fields)
    first = cut(top, max(room, _MIN_TITLE_LENGTH))
    left = room - len(first) - len(_BETWEEN)
    if len(second) > left and left < _MIN_SECOND_LENGTH:
        return ""
    return _filled(template, fields, first, f"{_BETWEEN}{cut(second, left)}")


def _with_title(template: str, fields: dict[str, str], top: str) -> str:
    return _filled(template, fields, cut(top, max(_room(template, fields), _MIN_TITLE_LENGTH)), "")


def _room(template: str, fields: dict[str, str]) -> int:
    """Return the number of characters that are left for titles."""
    return MAX_LENGTH - len(_filled(template, fields, ".", "")) + 1


def pretends(line: str) -> bool:
    """Return whether the line looks like a reply or a forward, or is all capitals.

    Google's sender guidelines call such subjects deceptive.
    """
    return bool(REPLY_PREFIX.match(line)) or (line.isupper() and _shouts(line))


def _shouts(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return len(letters) > 3 and all(char.isupper() for char in letters)


def _filled(template: str, fields: dict[str, str], top: str, second: str) -> str:
    return clean(template.format_map({**fields, "top": top, "second": second}))
