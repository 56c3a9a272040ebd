"""The subject line: what is inside, in one honest line. Pure."""

from __future__ import annotations

import re
import string

from paperround.domain.errors import ConfigurationError
from paperround.domain.text import clean
from paperround.rendering.excerpt import cut

LONGEST = 90  # characters; phones show about 40 of them, desktop clients 70 and more
FIELDS = ("top", "others", "inside", "papers", "topics", "date", "site")
DEFAULT = "{top}{others}"
_LEAST_OF_TITLE = 24
# A letter that looks like an answer or a forward is a trick (Google's sender guidelines); so are capitals.
_PRETENDS = re.compile(r"^\s*(?:re|aw|fwd?|wg|sv|antw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)


def check(template: str) -> str:
    """The template itself; ConfigurationError when it names a field that there is not, or a format."""
    try:
        parts = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ConfigurationError(f"subject {template!r}: {error}; a brace itself is written twice") from error
    for _, name, form, conversion in parts:
        if form or conversion:
            raise ConfigurationError(f"subject {template!r}: {{{name}}} stands alone, without a format behind it")
    if unknown := sorted({str(name) for _, name, _, _ in parts} - set(FIELDS)):
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ConfigurationError(f"subject {template!r}: there is no {{{unknown[0]}}}; there are {known}")
    return template


def render_subject(template: str, *, top: str, inside: str, site: str, **others: str) -> str:
    """The template with its fields filled; the top paper's title is cut so that all of it fits 90 characters.

    A line that would pretend to be an answer, or shout, gives way to one with the site's name, and that to
    the plain count.
    """
    fields = {"inside": inside, "site": clean(site), **others}
    plain = f"{clean(site)}: {inside}"
    for attempt in (template, "{site}: {top}{others}"):
        room = LONGEST - len(_filled(attempt, fields, ""))
        line = _filled(attempt, fields, cut(clean(top).replace("\u200b", ""), max(room, _LEAST_OF_TITLE)))
        if line and not pretends(line):
            return cut(line, LONGEST)
    return cut(plain, LONGEST)


def pretends(line: str) -> bool:
    """Whether the line looks like an answer or a forward, or is all capitals."""
    letters = [char for char in line if char.isalpha()]
    shouts = len(letters) > 3 and all(char.isupper() for char in letters)
    return bool(_PRETENDS.match(line)) or shouts


def _filled(template: str, fields: dict[str, str], top: str) -> str:
    return clean(template.format_map({**fields, "top": top}))
