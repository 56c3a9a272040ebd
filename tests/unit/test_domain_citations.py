"""BibTeX and RIS: what a reference manager reads out of the files is what the paper says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.citations import bibtex, ris
from paperround.domain.latex import readable
from paperround.domain.text import clean
from support.letters import EXTREMES, paper

_TITLES = st.text(st.sampled_from("abcXYZ \\{}$&#_%~^\"'@,=äß論\n"), min_size=1, max_size=40).filter(clean)
_CHARACTERS = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^"}


def _entries(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each entry's key and fields, read as BibTeX does: by braces, of which escaped ones do not count."""
    for entry in re.split(r"^@\w+", text, flags=re.MULTILINE)[1:]:
        key, _, body = entry.lstrip("{").partition(",\n")
        fields, at = {}, 0
        while found := re.compile(r"\s*(\w+) = \{").match(body, at):
            start, depth, end = found.end(), 1, found.end()
            while depth:
                if body[end] == "\\" and body[end + 1] in "\\{}$&#_%":
                    end += 1
                else:
                    depth += {"{": 1, "}": -1}.get(body[end], 0)
                end += 1
            fields[found[1]] = body[start : end - 1]
            at = end + 2
        assert body[at:].strip() == "}"
        yield key, fields


def _unescaped(value: str) -> str:
    if value.startswith("{"):
        value = value[1:-1]
    return re.sub(r"\\(text\w+)\{\}|\\(.)", lambda found: _CHARACTERS[found[1]] if found[1] else found[2], value)


def _records(text: str) -> list[dict[str, list[str]]]:
    records: list[dict[str, list[str]]] = [{}]
    for row in text.removesuffix("\r\n").split("\r\n"):
        tag, value = re.fullmatch(r"([A-Z][A-Z0-9])  - (.*)", row).groups()  # type: ignore[union-attr]
        records[-1].setdefault(tag, []).append(value)
        if tag == "ER":
            records.append({})
    return records[:-1]


@given(st.lists(_TITLES, min_size=1, max_size=3))
def test_titles_come_out_as_they_went_in(titles: list[str]) -> None:
    papers = [paper(row, title="Plain", journal=title) for row, title in enumerate(titles, start=1)]

    wanted = [clean(readable(one.journal or "")) for one in papers]
    assert [_unescaped(fields.get("journal", "")) for _, fields in _entries(bibtex(papers))] == wanted
    assert [" ".join(record.get("JO", [""])) for record in _records(ris(papers))] == wanted


def test_each_entry_has_a_key_of_its_own() -> None:
    keys = [key for key, _ in _entries(bibtex([paper(1), paper(1), paper(2)]))]
    assert keys == ["author2026-2611-00001", "author2026-2611-00001-2", "author2026-2611-00002"]


def test_an_author_is_one_author_with_the_family_name_first() -> None:
    names = (
        "Ada Author",
        "Research and Development Team",
        "Bookman, Ben",
        "Anna van der Berg Jr.",
        "Plato",
        r"\emph{}",
    )
    (_, fields), *_ = _entries(bibtex([paper(authors=names)]))
    assert fields["author"] == (
        "Author, Ada and {Research and Development Team} and Bookman, Ben and van der Berg, Jr., Anna and {Plato}"
    )
    assert _records(ris([paper(authors=names)]))[0]["AU"] == [
        "Author, Ada", "Research and Development Team", "Bookman, Ben", "van der Berg, Anna, Jr.", "Plato",
    ]  # fmt: skip


def test_an_organization_that_is_an_author_is_no_person() -> None:
    known = paper(authors=("Deep Example", "Ada Author"), organization="Deep Example")
    (key, fields), *_ = _entries(bibtex([known]))
    assert key.startswith("example2026-")
    assert fields["author"] == "{Deep Example} and Author, Ada"
    assert _records(ris([known]))[0]["AU"] == ["Deep Example", "Author, Ada"]


def test_an_address_has_no_trace_of_the_feed() -> None:
    known = paper(url="https://papers.example/1?rss=1")
    (_, fields), *_ = _entries(bibtex([known]))
    assert fields["url"] == "https://papers.example/1"
    assert _records(ris([known]))[0]["UR"] == ["https://papers.example/1"]


@pytest.mark.parametrize("kind", EXTREMES)
def test_papers_that_are_hard_to_print_can_be_cited(kind: str) -> None:
    papers = EXTREMES[kind]
    assert len(list(_entries(bibtex(papers)))) == len(_records(ris(papers))) == len(papers)


def test_every_fact_has_its_field() -> None:
    known = paper(doi="10.5555/a_b", journal="Journal of Tests", url="https://papers.example/{1}")
    (_, fields), *_ = _entries(bibtex([known]))
    assert fields["doi"] == r"10.5555/a\_b"
    assert _records(ris([known]))[0]["DO"] == ["10.5555/a_b"]
    assert fields["eprint"] == "2611.00001"
    assert fields["url"] == "https://papers.example/%7B1%7D"
    bare = paper(authors=(), arxiv_id=None, url=None, abstract="")
    (key, fields), *_ = _entries(bibtex([bare]))
    assert key.startswith("paper2026-")
    assert set(fields) == {"title", "year", "month"}
    assert set(_records(ris([bare]))[0]) == {"TY", "TI", "PY", "DA", "ER"}
