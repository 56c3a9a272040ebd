"""Split author lines into names, for all sources. Pure.

    Lund, A.; Berg, O. M.                        semicolons separate; names with a comma are reordered
    Ana Lund (Uni, City), Ola Berg and Per Eng   commas separate; affiliations are removed
    Lund, Ana and Berg, Ola                      as in BibTeX
    Deep Survey Collaboration: A. Lund           the collaboration is the first author
    A. Lund et al. (Deep Survey Collaboration)   the collaboration is the last author

A line may have one name or many, with given names first or last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from paperround.domain.models import MAX_AUTHORS
from paperround.domain.name_comparison import BODY, NAMES_A_BODY
from paperround.domain.text import clean
from paperround.sources.markup import plain, untex

# Words with a capital letter, and initials before the last one: a name to which no rule below applies. These words of
# it might be something else: By Ada Lovelace, For The Atlas Team, Ada Lovelace Et Al.
_PLAIN_NAME = re.compile(
    r"(?!(?:By|For|On|Representing) |.*\b(?:And|Et) )(?:[A-Z](?:\.|[a-z]+(?:-[A-Z][a-z]+)*) ){1,4}[A-Z][a-z]+"
    r"(?:-[A-Z][a-z]+)*",
    re.ASCII,
)
_MAIL = re.compile(r"<?\b(?:mailto:)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+>?|\bmailto:")
_IN_BRACKETS = re.compile(r"\s*\(\s*([^()]+?)\s*\)\s*")
# Footnote marks: $^{1,2}$, ^1, [3], and digits or signs at the end of a name.
_NOTES = re.compile(r"\$[\s^{}\d,*\\dagr]*\$|\^(?:\{[\d,*\s]*\}|\d(?:,?\d)*|\*)|\[[^\[\]]*\]")
_NOTE_AT_END = re.compile(r"(?<=[^\W\d_])[\d*†‡§¶]+$")
_INTRODUCED = re.compile(r"^(?:authors?(?:\(s\))?\s*:|by:?\s)\s*", re.IGNORECASE)
_BODY_BEFORE_COLON = re.compile(rf"\b({BODY})\s*:")
_ON_BEHALF = re.compile(rf"^(?:on behalf of|for|representing)\s+(?:the\s+)?(?=.*\b{BODY}\b)", re.IGNORECASE)
# After authors, or in place of all but the first; a group or team is an affiliation there.
_BODY_IN_BRACKETS = re.compile(
    r"\(\s*(?!(?:for|in|members?|on behalf|representing|with)\b)"
    r"([^(),;]{1,80}\b(?:Collaborations?|Consorti(?:um|a)))\s*\)",
    re.IGNORECASE,
)
_ET_AL = re.compile(r"(?<![\s,;])[\s,;]*\bet\.?\s+al\b\.?|(?<![\s,;])[\s,;]*\band others\b", re.IGNORECASE)
_AND = re.compile(r"[,;]?\s+(?:and|&|und)\s+|^(?:and|&)\s+")
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV|Ph\.?D|M\.?D)\.?")
_SUFFIX_AT_END = re.compile(rf"\s({_SUFFIX.pattern})$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[\s-]*){1,4}")
_THREE = re.compile(r"\w{3}")  # MIT, not initials
_COMMAS = str.maketrans("，、،；؛", ",,,;;")
_PARTICLE = re.compile(r"(?:van|von|de|der|den|del|della|di|da|dos|du|la|le|el|al|ten|ter|zu|af|bin|ibn)\b")
_NEAR = 300  # characters beside an affiliation that are searched for names
_DEBRIS = " .,;:-–*†‡&"


def author_names(lines: Iterable[str], *, one_each: bool = False) -> list[str]:
    """Return the names in a source's author lines, in order, with given names first.

    If there are several lines, or with `one_each`, `García Márquez, Gabriel` is one name in reverse order. In a
    single line it would be two names.
    """
    given = list(lines)
    one_each = one_each or len(given) > 1
    return [name for line in given for name in _names(line, one_each=one_each)]


def _names(line: str, *, one_each: bool) -> list[str]:
    """Return the names in a line. Most lines of most sources are one name as it is printed."""
    return [line] if _PLAIN_NAME.fullmatch(line) else _separated_names(line, one_each=one_each)


def author_facts(lines: Iterable[str], *, one_each: bool = False) -> dict[str, object]:
    """Return a listing's author fields. If there are more than MAX_AUTHORS, return the first ones and the total."""
    names = author_names(lines, one_each=one_each)
    if len(names) <= MAX_AUTHORS:
        return {"authors": names}
    return {"authors": names[:MAX_AUTHORS], "author_count": len(names)}


def _separated_names(line: str, *, one_each: bool) -> list[str]:
    line = _NOTES.sub("", _without_addresses(untex(plain(line)).translate(_COMMAS)))
    line = _BODY_BEFORE_COLON.sub(r"\1;", _INTRODUCED.sub("", line))
    bodies = dict.fromkeys(_BODY_IN_BRACKETS.findall(line))
    line = _ET_AL.sub("", _without_affiliations(line))
    pieces = line.split(";")
    one_each = one_each or len(pieces) > 2 or _are_turned(pieces)
    names = [name for piece in pieces for name in _listed(piece, one_each=one_each)]
    return [name for name in map(_tidy, [*names, *bodies]) if any(c.isalpha() for c in name)]


def _are_turned(pieces: list[str]) -> bool:
    """Return whether two pieces are a name each in reverse order, rather than two lists of names.

    If the family name of one is a single word, as in `Holm, Mia; García Ruiz, Ana`, that of the other need not be.
    """
    family_names = [piece.partition(",")[0].split() for piece in pieces if piece.count(",") == 1]
    return len(family_names) == 2 and min(map(len, family_names)) == 1


def _without_addresses(line: str) -> str:
    """Remove email addresses. `jane@doe.example (Jane Doe)` becomes Jane Doe."""
    bare = _MAIL.sub("", line)
    alone = _IN_BRACKETS.fullmatch(bare) if bare != line else None
    return clean(alone[1] if alone else bare)


def _without_affiliations(line: str) -> str:
    """Remove text in parentheses, and insert a comma where the parentheses separated two names."""
    pieces, depth = [""], 0
    for piece in re.split(r"([()])", line):
        if piece == "(":
            pieces += [""] * (depth == 0)
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            pieces[-1] += piece
    joined = pieces[0]
    for piece in pieces[1:]:
        joined += (
            ", " if _is_full(_ends(joined[-_NEAR:])[-1]) and _is_full(_ends(piece[:_NEAR])[0]) else " "
        ) + piece
    return clean(joined)


def _ends(text: str) -> list[str]:
    return re.split(r"[,;]|\s(?:and|&)\s", f" {text} ")


def _is_full(name: str) -> bool:
    """Return whether it is a whole name: `A. Lund`, but not the `Lund` after a nickname in parentheses."""
    words = name.split()
    return len(words) > 1 and words[0][0].isupper() and not _SUFFIX.fullmatch(words[0])


def _listed(piece: str, *, one_each: bool) -> list[str]:
    """Return the names in a piece between semicolons."""
    groups = [_parts(group) for group in _AND.split(piece)]
    groups = [group for group in groups if group]
    if all(len(group) == 2 and _is_turned(*group, one_each=one_each or len(groups) > 1) for group in groups):
        return [_turned(*group) for group in groups]
    parts = [part for group in groups for part in group]
    if len(parts) > 3 and len(parts) % 2 == 0 and _are_pairs(parts):
        return [_turned(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
    return parts


def _parts(text: str) -> list[str]:
    """Split a text at commas. A suffix such as Jr is kept with the part before it."""
    parts: list[str] = []
    for part in map(clean, text.split(",")):
        if parts and _SUFFIX.fullmatch(part):
            parts[-1] += f"\0{part}"
        elif part.strip(_DEBRIS):
            parts.append(_SUFFIX_AT_END.sub("\0\\1", part))
    return [part.replace("\0", " ") for part in parts] if len(parts) != 2 else parts


def _turned(family: str, given: str) -> str:
    family, _, suffix = family.partition("\0")
    given, _, other = given.partition("\0")
    return " ".join(part for part in (given, family, suffix or other) if part)


def _is_turned(family: str, given: str, *, one_each: bool) -> bool:
    """Return whether two parts are one name in reverse order, rather than two names."""
    if NAMES_A_BODY.search(family) or NAMES_A_BODY.search(given):
        return False
    first, second = family.split("\0", maxsplit=1)[0].split(), given.split("\0", maxsplit=1)[0].split()
    # Chinese, Japanese and Korean names are one word and never reversed. No family name begins with an initial.
    if not _has_case(family) or (len(first) > 1 and _are_initials(first[0])):
        return False
    if _are_initials(" ".join(second)) or len(first) == 1 or _PARTICLE.match(family):
        return True
    return one_each


def _are_pairs(parts: list[str]) -> bool:
    """Return whether family and given names alternate: `Lund, A., Berg, O. M.`."""
    family, given = parts[::2], parts[1::2]
    return all(map(_are_initials, given)) or all(
        len(name.split()) == 1 and _has_case(name) and len(other.split()) <= 2
        for name, other in zip(family, given, strict=True)
    )


def _are_initials(text: str) -> bool:
    return bool(_INITIALS.fullmatch(text)) and text == text.upper() and _has_case(text) and not _THREE.search(text)


def _has_case(text: str) -> bool:
    return text.upper() != text.lower()


def _tidy(name: str) -> str:
    name = clean(_ON_BEHALF.sub("", name.replace("\0", " ").strip()))
    name = _NOTE_AT_END.sub("", name).strip()
    # Keep the full stop after an initial or a suffix.
    bare = name.strip(_DEBRIS)
    return f"{bare}." if name.startswith(f"{bare}.") and re.search(r"(?:^|[\s.-])(?:\w|Jr|Sr)$", bare) else bare
