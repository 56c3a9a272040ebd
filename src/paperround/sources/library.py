"""Parse a library of papers: BibTeX, RIS, CSL-JSON, or a list of arXiv identifiers and DOIs. Pure.

An invalid entry is reported and skipped; the others are kept.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from paperround.domain import encodings, identifiers
from paperround.domain.latex import readable
from paperround.domain.models import Problem
from paperround.domain.text import clean
from paperround.sources.markup import plain

MAX_ENTRIES = 2_000
_MAX_ABSTRACT_LENGTH, _MAX_AUTHORS = 5_000, 100  # characters of an abstract, names
_BIBTEX = re.compile(r"@\s*\w+\s*[{(]")
_RIS = re.compile(r"^\ufeff?TY {1,2}- ", re.MULTILINE)
# A reference ends with ER, or where the next one begins if that is missing.
_RIS_END = re.compile(r"^ER  ?-.*$(?:\s*(?=^TY {1,2}- ))?|(?<=\n)(?=TY {1,2}- )", re.MULTILINE)
_IN_LIST = re.compile(r"\[[\w.-]+\]|doi:|arxiv:|\d+[.)]|[-*•]", re.IGNORECASE)  # beside an identifier: [cs.CL]
_QUOTES_OF_LISTS = "\"'“”„[](){}<>"
_AROUND_AND = re.compile(r"(?<!\\)[{}]|\s+and\s+", re.IGNORECASE)
_JOINED = re.compile(r"\"\s*#\s*\"")  # of the parts of a BibTeX text: "one " # "two"
_ESCAPED = re.compile(r"\{?\\([_%#&])\}?")
_BEFORE_IDENTIFIER = re.compile(
    r"^\s*(?:(?:arxiv )?(?:e-?|pre)prints?|available (?:online )?(?:at|from)|url)[\s,:]+", re.IGNORECASE
)
_CATEGORY_BEHIND = re.compile(r"\s*\[[\w., -]+\]\s*$")  # arXiv:2411.01234 [cs.CL]


@dataclass(frozen=True)
class LibraryEntry:
    """A paper in a user's library. Unknown fields are empty."""

    title: str = ""
    abstract: str = ""
    authors: tuple[str, ...] = ()
    arxiv_id: str = ""
    doi: str = ""
    owned: bool = True
    """Whether the user has the paper; not if it is only by an author whose papers they like."""

    @cached_property
    def key(self) -> str:
        """The key under which it is stored. It is the same whatever format the paper was read from."""
        return f"arxiv:{self.arxiv_id}" if self.arxiv_id else f"doi:{self.doi}" if self.doi else f"title:{self.title}"


@dataclass(frozen=True, slots=True)
class Library:
    """The content of a file: its entries, and the problems of invalid ones."""

    entries: Sequence[LibraryEntry] = ()
    problems: Sequence[Problem] = field(default_factory=tuple)
    encoding: str = ""
    """The encoding that the file seems to be in, if it is not UTF-8."""


def read_library(data: bytes, name: str = "") -> Library:
    """Return the papers in a file. The format is detected from the content; `name` is the prefix of problems."""
    text, encoding = encodings.decode(data)
    if text.lstrip()[:1] in {"[", "{"} and (parsed := _json(text)) is not None:
        read = _read_csl(parsed)
    elif _RIS.search(text):
        read = _read_ris(text)
    elif _BIBTEX.search(text):
        read = _read_bibtex(text)
    else:
        read = _read_list(text)
    name = f"{name}, " if name else ""
    entries: dict[str, LibraryEntry] = {}
    problems: list[Problem] = []
    for where, entry in read:
        if isinstance(entry, str):
            problems.append(Problem(f"{name}{where}", entry))
        elif not (entry.title or entry.arxiv_id or entry.doi):
            problems.append(Problem(f"{name}{where}", "it has no title, arXiv identifier or DOI"))
        elif len(entries) < MAX_ENTRIES:
            entries.setdefault(entry.key, entry)
        else:
            problems.append(Problem(f"{name}{where}", f"{MAX_ENTRIES} entries is the most; it is left out"))
            break
    return Library(tuple(entries.values()), tuple(problems), encoding)


_Read = Iterator[tuple[str, LibraryEntry | str]]
"""The location of each entry, and the entry or an error message."""


def _read_list(text: str) -> _Read:
    for number, line in enumerate(text.splitlines(), 1):
        parts = [(part, entry_of("", "", (), _unquoted(part))) for part in re.split(r"[\s,;]+", line)]
        has_identifiers = any(entry.arxiv_id or entry.doi for _, entry in parts)
        for part, entry in parts:
            if entry.arxiv_id or entry.doi:
                yield f"line {number}", entry
            elif part and not (has_identifiers and _IN_LIST.fullmatch(part)):
                yield f"line {number}", f"{part[:60]!r} is neither an arXiv identifier nor a DOI"


def _unquoted(part: str) -> str:
    """Return a part of a list without quotation marks and brackets, except for those that it opens itself."""
    bare = part.strip(_QUOTES_OF_LISTS)
    return bare + ")" * (bare.count("(") - bare.count(")"))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_csl(value: Any) -> _Read:
    items = value.get("items", [value]) if isinstance(value, Mapping) else value
    if not isinstance(items, Sequence) or isinstance(items, str):
        items = [items]
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            yield f"item {number}", "it is not a CSL-JSON item"
            continue
        people = item.get("author")
        names = (
            [_csl_name(person) for person in people if isinstance(person, Mapping)]
            if isinstance(people, list)
            else []
        )
        places = [*(item.get(field) for field in ("DOI", "URL", "number")), _noted(item.get("note")), item.get("id")]
        title = item.get("title")
        title = next(iter(title), "") if isinstance(title, list) else title  # as at Crossref
        yield f"item {number}", entry_of(title, item.get("abstract"), names, *places)


def _csl_name(person: Mapping[str, Any]) -> str:
    parts = [
        person.get(field)
        for field in ("given", "dropping-particle", "non-dropping-particle", "family", "suffix", "literal")
    ]
    return " ".join(part for part in parts if isinstance(part, str))


def _read_ris(text: str) -> _Read:
    import rispy  # noqa: PLC0415 - only for RIS files

    blocks = filter(str.strip, _RIS_END.split(text))
    for number, block in enumerate(blocks, 1):
        try:
            records = rispy.loads(f"{block.strip()}\nER  - \n")
        except (OSError, ValueError, KeyError, AttributeError, IndexError) as error:
            yield f"reference {number}", f"it is not a RIS reference ({clean(str(error))[:100]})"
            continue
        if not records:
            yield f"reference {number}", "it is not a RIS reference: it begins with no TY"
        for record in records:
            title = record.get("title") or record.get("primary_title")
            names = [_ris_in_order(name) for name in record.get("authors") or record.get("first_authors") or ()]
            places = [record.get("doi"), *(record.get("urls") or ()), record.get("url"), record.get("number")]
            yield (
                f"reference {number}",
                entry_of(title, record.get("abstract") or record.get("notes_abstract"), names, *places),
            )


def _read_bibtex(text: str) -> _Read:
    from bibtexparser.entrypoint import parse_string  # noqa: PLC0415 - only for BibTeX files

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # its problems are returned instead
    library = parse_string(text)
    for entry in library.entries:
        yield f"entry {entry.key}", _bibtex_entry(_texts(entry.fields))
    for block in library.failed_blocks:
        readable_block = getattr(block, "ignore_error_block", None)
        if readable_block is not None and hasattr(readable_block, "fields"):  # with a duplicate key or field
            yield f"entry {readable_block.key}", _bibtex_entry(_texts(readable_block.fields))
        else:
            yield (
                f"line {(block.start_line or 0) + 1}",
                "this is not a complete BibTeX entry; check for a missing brace",
            )


def _texts(fields: Sequence[Any]) -> dict[str, str]:
    return {entry_field.key.lower(): _joined(str(entry_field.value)) for entry_field in fields}


def _joined(value: str) -> str:
    """Return a text of BibTeX without the quotation marks that its parser leaves where parts are joined."""
    return _JOINED.sub("", value[1:-1]) if value[:1] == value[-1:] == '"' and _JOINED.search(value) else value


def _separate(names: str) -> list[str]:
    """Split names at each `and` outside braces."""
    pieces, at, depth = [], 0, 0
    for match in _AROUND_AND.finditer(names):
        if match[0] in "{}":
            depth = max(0, depth + (1 if match[0] == "{" else -1))
        elif depth == 0:
            pieces.append(names[at : match.start()])
            at = match.end()
    return [name for name in (*pieces, names[at:]) if name.strip()]


def _noted(note: Any) -> str:
    """Return the lines of a note that are nothing but the paper's identifier, as at Zotero, not of other papers."""
    lines = note.splitlines() if isinstance(note, str) else ()
    bare = (_CATEGORY_BEHIND.sub("", _BEFORE_IDENTIFIER.sub("", line)) for line in lines)
    return " ".join(filter(identifiers.identifier_in, bare))


def _bibtex_entry(fields: Mapping[str, str]) -> LibraryEntry:
    written = _separate(fields.get("author", ""))
    names = [_in_order(name) for name in written if name.strip() != "others"]  # which stands for et al.
    preprint = fields.get("eprint", "") if "arxiv" in fields.get("archiveprefix", "arxiv").lower() else ""
    places = [preprint, fields.get("doi"), fields.get("url"), fields.get("journal")]
    places.append(_noted(fields.get("note")))
    return entry_of(fields.get("title"), fields.get("abstract"), names, *places)


def _in_order(name: str) -> str:
    """Return a name of BibTeX in natural order: `Lovelace, Ada` is Ada Lovelace, `Lund, Jr., Ola` Ola Lund Jr."""
    family, *suffix, given = name.split(",") if "," in name else ("", name)
    return " ".join([given, family, *suffix])


def _ris_in_order(name: str) -> str:
    """Return a name of RIS in natural order: `Lund, Ola, Jr.` becomes Ola Lund Jr."""
    family, _, rest = name.partition(",")
    given, _, suffix = rest.partition(",")
    return f"{given} {family} {suffix}"


def entry_of(title: Any, abstract: Any, authors: Sequence[str], *places: Any) -> LibraryEntry:
    """Return an entry, with the identifiers found in `places`."""
    where = [_ESCAPED.sub(r"\1", place) for place in places if isinstance(place, str)]
    arxiv = next((match[0] for place in where if (match := identifiers.arxiv_id(place))), "")
    doi = next(filter(None, map(identifiers.doi, where)), "")
    names = tuple(name for name in map(_line, authors[:_MAX_AUTHORS]) if name)
    abstract = _line(abstract)[:_MAX_ABSTRACT_LENGTH]
    return LibraryEntry(_line(title)[:500], abstract, names, arxiv, "" if arxiv else doi)


def _line(text: Any) -> str:
    """Convert to plain text, without markup and with LaTeX made readable."""
    return clean(readable(plain(text)).replace("{", "").replace("}", "")) if isinstance(text, str) else ""
