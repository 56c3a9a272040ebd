"""Libraries of papers as files: each format, whole, broken and strange."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.sources.library import MAX_ENTRIES, Library, LibraryEntry, read_library
from paperround.sources.library_services import orcid_id

_BIBTEX = r"""
@comment{ignored}
@string{who = "Nobody"}
@article{storks,
  title = {On {Storks} and \"{o}ther birds},
  author = {Lovelace, Ada and Wei Zhang},
  eprint = {2411.01234v2}, archivePrefix = {arXiv},
  doi = {10.48550/arXiv.2411.01234},
  abstract = {They   migrate.}
}
@inproceedings{cranes, title = "Cranes", url = {https://doi.org/10.1038/nature14539}}
@article{broken, title = {No end
@book{bridges, title = {Bridges}}
@misc{empty, year = 1999}
"""
_RIS = """TY  - JOUR
TI  - On storks
AU  - Lovelace, Ada
AU  - Zhang, Wei
AB  - They migrate.
DO  - 10.1038/nature14539
ER  -

no reference at all
ER  -

TY  - CONF
T1  - Cranes
UR  - https://arxiv.org/abs/2411.01234
ER  -
"""
_CSL = [
    {"type": "article", "title": "On <i>storks</i>", "DOI": "10.1038/NATURE14539", "abstract": "They migrate.",
     "author": [{"family": "Lovelace", "given": "Ada"}, {"literal": "The Society"}, "nobody"]},
    {"title": "Cranes", "URL": "http://arxiv.org/abs/2411.01234v1", "author": None},
    7,
    {"type": "book"},
]  # fmt: skip


def _read(text: str) -> Library:
    return read_library(text.encode())


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", ""), ("utf-8-sig", ""), ("latin-1", "Windows-1252"), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")],
)
def test_a_file_in_another_encoding_than_utf_8_is_read_and_that_is_told(encoding: str, told: str) -> None:
    text = "@article{a, title = {Störche über Málaga}, author = {Gödel, Kurt}}"
    found = read_library(text.encode(encoding))
    [entry] = found.entries
    assert (entry.title, entry.authors, found.encoding) == ("Störche über Málaga", ("Kurt Gödel",), told)


def test_bibtex_is_read_and_a_broken_entry_is_named_among_good_ones() -> None:
    found = _read(_BIBTEX)
    storks, cranes, bridges = found.entries
    assert storks == LibraryEntry(
        "On Storks and öther birds", "They migrate.", ("Ada Lovelace", "Wei Zhang"), "2411.01234"
    )
    assert (cranes.title, cranes.doi, bridges.title) == ("Cranes", "10.1038/nature14539", "Bridges")
    told = list(map(str, found.problems))
    assert any("this is not a complete BibTeX entry" in one for one in told)
    assert "entry empty: it has no title, arXiv identifier or DOI" in told


def test_an_entry_that_is_there_twice_counts_once() -> None:
    text = "@article{a, title={Storks}, doi={10.1038/nature14539}}"
    assert len(_read(f"{text}\n{text}").entries) == 1


def test_ris_is_read_and_a_broken_reference_is_named() -> None:
    found = _read(_RIS)
    assert found.entries == (
        LibraryEntry("On storks", "They migrate.", ("Ada Lovelace", "Wei Zhang"), doi="10.1038/nature14539"),
        LibraryEntry("Cranes", arxiv_id="2411.01234"),
    )
    assert [one.where for one in found.problems] == ["reference 2"]


def test_a_reference_of_ris_that_does_not_end_is_followed_by_the_next_one() -> None:
    found = _read(
        "TY  - JOUR\r\nTI  - Storks\r\n\r\nTY  - JOUR\r\nTI  - Cranes\r\nER  - \r\nTY  - JOUR\r\nTI  - Swans\r\n"
    )
    assert [one.title for one in found.entries] == ["Storks", "Cranes", "Swans"]
    assert not found.problems


def test_suffixes_and_the_others_of_authors_are_read() -> None:
    [entry] = _read("@article{a, title={Storks}, author={Lund, Jr., Ola and {Bird Society} and others}}").entries
    assert entry.authors == ("Ola Lund Jr.", "Bird Society")
    [reference] = _read("TY  - JOUR\nTI  - Storks\nAU  - Lund, Ola, Jr.\nAU  - Bird Society\nER  -\n").entries
    assert reference.authors == ("Ola Lund Jr.", "Bird Society")


def test_no_format_takes_what_stands_between_two_signs_for_a_tag() -> None:
    said = "We find p<0.05 and n>30 in H<sub>2</sub>O &amp; more."
    bibtex = f"@misc{{a, title={{A}}, abstract={{{said}}}}}"
    ris = f"TY  - JOUR\nTI  - A\nAB  - {said}\nER  - "
    for text in (bibtex, ris, json.dumps([{"title": "A", "abstract": said}])):
        [entry] = _read(text).entries
        assert entry.abstract == "We find p<0.05 and n>30 in H2O & more."


@pytest.mark.parametrize(
    ("note", "key"),
    [
        ("arXiv:2001.00001", "arxiv:2001.00001"),
        ("arXiv:2001.00001 [cs.CL]", "arxiv:2001.00001"),
        ("Comment: 10 pages\narXiv:2001.00001 [cs]", "arxiv:2001.00001"),
        ("arXiv preprint arXiv:2001.00001", "arxiv:2001.00001"),
        ("Preprint, arXiv:2001.00001", "arxiv:2001.00001"),
        ("Available at https://arxiv.org/abs/2001.00001", "arxiv:2001.00001"),
        ("Available online at: https://doi.org/10.1000/x", "doi:10.1000/x"),
        ("Extended version of arXiv:2001.00001", "title:Bees"),
        ("See also arXiv:2001.00001", "title:Bees"),
        (7, "title:Bees"),
    ],
)
def test_a_note_about_another_paper_does_not_make_an_entry_that_paper(note: object, key: str) -> None:
    assert [one.key for one in _read(f"@misc{{a, title={{Bees}}, note={{{note}}}}}").entries] == [key]
    assert [one.key for one in _read(json.dumps([{"title": "Bees", "note": note}])).entries] == [key]


@pytest.mark.parametrize("written", [r"10.1000/abc\_def", r"10.1000/abc{\_}def", "10.1000/abc_def"])
def test_a_doi_is_the_same_however_latex_writes_it(written: str) -> None:
    assert [one.key for one in _read(f"@misc{{a, title={{A}}, doi={{{written}}}}}").entries] == [
        "doi:10.1000/abc_def"
    ]


def test_bibtex_joins_texts_and_separates_names_outside_braces() -> None:
    text = '@misc{a, title="On bees " # "and others", author="Ana Lund AND {Barnes and Noble} and Ola} Berg"}'
    [entry] = _read(text).entries
    assert entry.title == "On bees and others"
    assert entry.authors == ("Ana Lund", "Barnes and Noble", "Ola Berg")


def test_names_and_titles_of_csl_json_are_read_whole() -> None:
    person = {"family": "Beethoven", "given": "Ludwig", "dropping-particle": "van", "suffix": "Jr."}
    items = [{"title": ["On bees"], "author": [person]}, {"title": "On ants"}, {"title": []}]
    found = _read(json.dumps(items))
    first, second = found.entries
    assert len(found.problems) == 1
    assert (first.title, first.authors, second.title) == ("On bees", ("Ludwig van Beethoven Jr.",), "On ants")


def test_what_stands_beside_identifiers_in_a_list_is_no_mistake() -> None:
    text = '- 2411.01231\n1. arXiv:2411.01232v3 [cs.CL]\n"2411.01233" [2411.01234]\ndoi: 10.1000/x\narXiv: 2411.01235'
    found = _read(text)
    assert not found.problems
    assert len(found.entries) == 6
    assert len(_read("2411.01231 and 2411.01232\n[cs.CL]").problems) == 2


@pytest.mark.parametrize(
    ("written", "doi"),
    [
        ("10.1061/(ASCE)0733-9410(1994)120:8(1347)", "10.1061/(asce)0733-9410(1994)120:8(1347)"),
        ("(10.1016/0304-3975(94))", "10.1016/0304-3975(94)"),
        ("('10.1000/x')", "10.1000/x"),
    ],
)
def test_brackets_of_a_doi_in_a_list_belong_to_it(written: str, doi: str) -> None:
    assert [one.doi for one in _read(written).entries] == [doi]


def test_a_reference_that_the_parser_gives_up_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(_text: str) -> None:
        raise OSError("no tag")

    monkeypatch.setattr("rispy.loads", give_up)
    assert str(_read(_RIS).problems[0]) == "reference 1: it is not a RIS reference (no tag)"


def test_csl_json_is_read_as_a_list_or_as_zotero_has_it() -> None:
    expected = (
        LibraryEntry("On storks", "They migrate.", ("Ada Lovelace", "The Society"), doi="10.1038/nature14539"),
        LibraryEntry("Cranes", arxiv_id="2411.01234"),
    )
    for given_json in (_CSL, {"items": _CSL}):
        found = _read(json.dumps(given_json))
        assert found.entries == expected
        assert [one.where for one in found.problems] == ["item 3", "item 4"]
    assert _read(json.dumps(_CSL[0])).entries == expected[:1]
    assert str(_read('{"items": 5}').problems[0]) == "item 1: it is not a CSL-JSON item"


def test_a_list_of_identifiers_is_read_and_invalid_ones_are_named() -> None:
    found = _read("2411.01234, https://doi.org/10.1038/nature14539\narXiv:math/0309136v2 nonsense\n")
    assert [one.key for one in found.entries] == ["arxiv:2411.01234", "doi:10.1038/nature14539", "arxiv:math/0309136"]
    assert str(found.problems[0]) == "line 2: 'nonsense' is neither an arXiv identifier nor a DOI"


def test_a_file_that_is_too_long_is_cut_and_says_so() -> None:
    found = read_library("\n".join(f"2411.{number:05d}" for number in range(MAX_ENTRIES + 5)).encode(), "long.txt")
    assert len(found.entries) == MAX_ENTRIES
    assert str(found.problems[-1]).startswith("long.txt, line 2001: 2000 entries is the most")


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_anything_is_read_without_an_error(data: bytes) -> None:
    read_library(data)


@given(st.sampled_from(["@article{a, title={", "TY  - JOUR\n", "[{", '{"items": [']), st.text(max_size=200))
def test_anything_that_begins_well_is_read_without_an_error(start: str, rest: str) -> None:
    read_library((start + rest).encode("utf-8", "replace"))


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 10_000, "@article{" * 2_000, "TY  - JOUR\nER  -\n" * 500])
def test_hostile_files_end(text: str) -> None:
    read_library(text.encode())


@pytest.mark.parametrize("text", ["0000-0002-1825-0097", " https://orcid.org/0000-0002-1825-0097/ "])
def test_an_orcid_id_is_read(text: str) -> None:
    assert orcid_id(text) == "0000-0002-1825-0097"
    assert orcid_id("0000-0002-1694-233x") == "0000-0002-1694-233X"


@pytest.mark.parametrize("text", ["", "0000-0002-1825-0098", "0000-0002-1825", "Ada Lovelace"])
def test_a_mistyped_orcid_id_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 0000-0002-1825-0097"):
        orcid_id(text)
