"""Names of followed authors and organizations for people: `org: MIT` becomes "MIT (organization)". Pure."""

from __future__ import annotations

from paperround.domain.followed import read_followed
from paperround.rendering.language import Language


def followed_name(entry: str, language: Language) -> str:
    """Return the name in an entry of the followed, with what distinguishes it; an invalid entry unchanged."""
    _ = language.gettext
    try:
        followed = read_followed(entry)
    except ValueError:
        return entry
    if followed.organization:
        return _("%(name)s (organization)") % {"name": followed.name}
    if followed.coauthors:
        return _("%(name)s (with %(names)s)") % {"name": followed.name, "names": language.list(followed.coauthors)}
    return followed.name
