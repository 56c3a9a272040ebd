"""A Daily Papers page saved as text, by copy and paste or "save as text" in a browser.

A paper is a title, an abstract and, if the page showed it, its authors (their number or an organization), a middle
dot, the date of the paper and the number of comments:

    Some Title

    Its abstract in one long line.

      • 3 authors
    ·
    Feb 17 2
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote_plus

from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource
from paperround.domain.text import clean, fold
from paperround.network.http import Http
from paperround.sources.base import FetchResult, Name, Parser, SourceSettings, Window, relabelled
from paperround.sources.entries import Entries
from paperround.sources.files import read_file
from paperround.sources.reading import describe

KIND = "page"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - reads better
_DATE = re.compile(rf"({'|'.join(_MONTHS)}) (\d{{1,2}})(?:, (\d{{4}}))?(?: (\d{{1,6}}))?", re.ASCII)
_AUTHORS = re.compile(r"(?:[•*-] ?)?(\d{1,5}) authors?", re.ASCII)
_DOT = "·"
_HEADING = "Daily Papers"
_HEAD_LINES = 60  # lines that are searched for the heading
_LABELS = frozenset(("Submitted by", "Upvote"))
# In characters. A shorter line is a heading or a label; a longer one is another paragraph, not a title.
_MIN_ABSTRACT_LENGTH, _MAX_TITLE_LENGTH = 60, 300  # characters


class Page(SourceSettings):
    """A saved page in a local file."""

    kind: Literal["page"] = "page"
    name: Name = KIND
    path: Path

    formats: ClassVar[Mapping[str, Parser]] = {}

    def fetch(self, http: Http, window: Window) -> FetchResult:
        """Read the file if it has changed."""
        fetched = read_file(self.name, self.path, window, lambda data: parse(data, http.now().date()))
        return replace(fetched, parsed=relabelled(fetched.parsed, self.name))


@dataclass(frozen=True, slots=True)
class _Block:
    title: str
    abstract: str = ""
    by: str = ""
    date: re.Match[str] | None = None


def parse(data: bytes, today: date) -> ParsedSource:
    """Return the papers on a saved page, listed on the date of the page. `published` is the date beside the paper."""
    if b"\0" in data or data.lstrip()[:1] in (b"<", b"{", b"["):
        raise SourceError(f"{KIND}: this is not a page saved as text (got {describe(data)})", retryable=False)
    lines = _lines(data.decode("utf-8-sig", "replace"))
    day, below = _head(lines, today)
    blocks = list(_blocks(below))
    if not blocks or not (_HEADING in lines[:_HEAD_LINES] or any(block.date for block in blocks)):
        raise SourceError(
            f'{KIND}: this is not a Daily Papers page; its heading "{_HEADING}" or a date below a paper is expected',
            retryable=False,
        )
    entries = Entries(today, source=KIND)
    for block in blocks:
        _add(entries, block, day)
    return entries.parsed(day)


def latest(month: int, day: int, not_after: date) -> date | None:
    """Return the latest date with this month and day up to `not_after`, or None if no year has it."""
    for year in range(not_after.year, max(not_after.year - 9, 0), -1):  # 29 February can be eight years away
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate <= not_after:
            return candidate
    return None


def _lines(text: str) -> list[str]:
    """Return the lines of the page. Paragraphs that the browser wrapped are joined into one line."""
    lines: list[str] = []
    for paragraph in re.split(r"\n[^\S\n]*\n", re.sub(r"\r\n?", "\n", text)):
        parts = [part for part in map(clean, paragraph.split("\n")) if part]
        wrapped = len(parts) > 1 and len(parts[0]) >= _MIN_ABSTRACT_LENGTH and _DOT not in parts
        lines += [" ".join(parts)] if wrapped else parts
    return lines


def _head(lines: list[str], today: date) -> tuple[date, list[str]]:
    """Return the date of the page and the lines below its header. Without a header, return today and all lines."""
    heading = next((n for n, line in enumerate(lines[:_HEAD_LINES]) if line == _HEADING), -1)
    for number in range(heading + 1, min(heading + 9, len(lines))):
        match = _DATE.fullmatch(lines[number])
        if match and _DOT not in lines[max(0, number - 1) : number] and (day := _resolved(match, today)):
            return day, lines[number + 1 :]
    return today, lines[heading + 1 :]


def _blocks(lines: list[str]) -> Iterator[_Block]:
    """Yield the papers. Titles and abstracts are collected until a dot and a date end the last of them."""
    texts: list[str] = []
    by = ""
    for before, line in pairwise(["", *lines]):
        if _AUTHORS.fullmatch(line):
            by = line
        elif line == _DOT:
            by = by or (texts.pop() if _ends_with_name(texts) else "")
        elif before == _DOT and (match := _DATE.fullmatch(line)):
            yield from _closed(texts, by, match)
            texts, by = [], ""
        elif not line.isdecimal() and line not in _LABELS:
            texts.append(line)
    yield from _paired(texts)[0]


def _closed(texts: list[str], by: str, match: re.Match[str]) -> Iterator[_Block]:
    blocks, title = _paired(texts)
    if title:
        blocks.append(_Block(title))
    yield from blocks[:-1]
    if blocks:
        yield replace(blocks[-1], by=by, date=match)


def _ends_with_name(texts: list[str]) -> bool:
    """Return whether the line above the dot is an organization, not a title or the abstract of an open title."""
    if len(texts) < 2 or len(texts[-1]) > _MAX_TITLE_LENGTH:
        return False
    _, title = _paired(texts[:-1])
    return not title or len(texts[-1]) < _MIN_ABSTRACT_LENGTH


def _paired(texts: list[str]) -> tuple[list[_Block], str]:
    """Pair titles with the abstracts below them. Also return a last title without one. Other lines belong to the
    page layout.
    """
    blocks: list[_Block] = []
    title = ""
    for text in texts:
        if title and len(text) >= _MIN_ABSTRACT_LENGTH:
            blocks.append(_Block(title, text))
            title = ""
        elif blocks and not title and len(text) > _MAX_TITLE_LENGTH:
            blocks[-1] = replace(blocks[-1], abstract=f"{blocks[-1].abstract} {text}")
        else:
            title = text
    return blocks, title


def _add(entries: Entries, block: _Block, day: date) -> None:
    counted = _AUTHORS.fullmatch(block.by)
    entries.add(
        {
            "title": block.title,
            "abstract": block.abstract,
            "author_count": int(counted[1]) if counted else None,
            "organization": None if counted else _organization(block.by),
            "url": f"https://huggingface.co/papers?q={quote_plus(block.title)}",
            "day": day,
            "published": _resolved(block.date, day) if block.date else None,
            "comments": int(block.date[4] or 0) if block.date else None,
        }
    )


def _resolved(match: re.Match[str], not_after: date) -> date | None:
    month, day, year = _MONTHS.index(match[1]) + 1, int(match[2]), match[3]
    if not year:
        return latest(month, day, not_after)
    try:
        return date(int(year), month, day)
    except ValueError:
        return None


def _organization(by: str) -> str | None:
    """Return the organization in `tencent Tencent`, where the account name precedes the name."""
    account, _, name = by.partition(" ")
    return name if name and _bare(name).startswith(_bare(account)) else by or None


def _bare(name: str) -> str:
    return "".join(c for c in fold(name) if c.isalnum())


Page.formats = {KIND: parse}
