"""When are two listings the same work?"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.identifiers import arxiv_id, doi, identifier_in, page_address
from paperround.domain.identity import conflict, is_same_work, keys, public_id, title_key
from paperround.domain.models import Facts

new_style = st.builds(
    lambda year, month, number: f"{year:02d}{month:02d}.{number:05d}",
    st.integers(15, 99),
    st.integers(1, 12),
    st.integers(1, 99_999),
)
old_style = st.builds(
    lambda archive, year, month, number: f"{archive}/{year:02d}{month:02d}{number:03d}",
    st.sampled_from(["hep-ex", "math", "cond-mat", "astro-ph", "q-bio", "cs"]),
    st.one_of(st.integers(91, 99), st.integers(0, 7)),
    st.integers(1, 12),
    st.integers(1, 999),
)
SPELLINGS = [
    "{}",
    " {} ",
    "arXiv:{}",
    "arXiv: {} [cs.CL]",
    "oai:arXiv.org:{}",
    "http://arxiv.org/abs/{}",
    "https://arxiv.org/pdf/{}",
    "https://arxiv.org/pdf/{}.pdf",
    "https://export.arxiv.org/abs/{}?context=cs",
    "https://arxiv.org/html/{}/",
    "https://huggingface.co/papers/{}#community",
    "https://www.alphaxiv.org/abs/{}",
    "https://doi.org/10.48550/arXiv.{}",
    "10.48550/arXiv.{}",
    "{}.",
]


def facts(**given_facts: Any) -> Facts:
    return Facts.model_validate({"title": "Untitled"} | given_facts)


@given(st.one_of(new_style, old_style), st.one_of(st.none(), st.integers(1, 99)), st.sampled_from(SPELLINGS))
def test_an_arxiv_identifier_is_known_in_every_spelling_and_version(
    bare: str, version: int | None, spelling: str
) -> None:
    written = spelling.format(f"{bare}v{version}" if version else bare)
    assert arxiv_id(written) == (bare, version)


def test_a_subject_class_is_not_part_of_an_old_identifier() -> None:
    assert arxiv_id("math.GT/0309136v2") == ("math/0309136", 2)
    assert facts(arxiv_id="math.GT/0309136").arxiv_id == facts(arxiv_id="math/0309136").arxiv_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "12607.21557",
        "2607.215578",
        "2613.00001",
        "https://doi.org/10.1000/2024.12345",
        "https://example.org/papers/2024.12345",
        "version 2607.21557",
    ],
)
def test_numbers_that_only_look_like_it_are_no_arxiv_identifier(text: str) -> None:
    assert arxiv_id(text) is None


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("doi:10.1000/ABC.", "10.1000/abc"),
        ("https://doi.org/10.1000/a%2Fb?nosfx=y#top", "10.1000/a/b"),
        ("(10.1016/S0140-6736(20)30183-5)", "10.1016/s0140-6736(20)30183-5"),
        ("10.1016/0304-3975(94)", "10.1016/0304-3975(94)"),
        ("<b>10.1000/abc</b>", "10.1000/abc"),
        ("10.1002/(SICI)1097-4571(1998)49:8<693::AID-ASI4>3.0.CO;2-O", None),
        ("https://www.biorxiv.org/content/10.1101/2026.04.08.123456v1", "10.1101/2026.04.08.123456"),
        ("https://www.biorxiv.org/content/10.1101/2026.04.08.123456v2.full.pdf", "10.1101/2026.04.08.123456"),
        ("10.1101/2026.04.08.123456v3", "10.1101/2026.04.08.123456"),
        ("10.26434/chemrxiv-2026-abcde-v2", "10.26434/chemrxiv-2026-abcde"),
        ("10.26434/chemrxiv-2026-abcde", "10.26434/chemrxiv-2026-abcde"),
        ("https://doi.org/10.21203/rs.3.rs-123456/v1", "10.21203/rs.3.rs-123456/v1"),
        ("10.21203/rs.3.rs-123456/v3", "10.21203/rs.3.rs-123456/v1"),
        ("10.31234/osf.io/ab3de_v2", "10.31234/osf.io/ab3de"),
        ("10.20944/preprints202611.0001.v2", "10.20944/preprints202611.0001.v1"),
        ("10.20944/preprints202611.0001.v1", "10.20944/preprints202611.0001.v1"),
        ("10.1000/model-v2", "10.1000/model-v2"),
        ("https://journal.example/articles/10.3389/fnins.2026.123/full", "10.3389/fnins.2026.123"),
        ("https://journal.example/pdf/10.1007/s11263-026-0816-y.pdf", "10.1007/s11263-026-0816-y"),
        ("10.1000/report.pdf", "10.1000/report.pdf"),
    ],
)
def test_a_doi_is_known_behind_resolvers_pages_and_versions(written: str, bare: str | None) -> None:
    assert doi(written) == (bare or written.lower())


@pytest.mark.parametrize(
    "text", ["", "no doi", "10.12/short", "https://x.example/10.1000/)", "https://x.example/?d=10.1/a"]
)
def test_where_there_is_no_doi_none_is_found(text: str) -> None:
    assert doi(text) is None


def test_two_articles_of_one_issue_with_old_dois_stay_two() -> None:
    first, second = (doi(f"10.1002/(SICI)1097-4571(1998)49:8<{page}::AID-X{page}>3.0.CO;2-O") for page in (1, 9))
    assert first != second


@given(st.text(max_size=60))
def test_no_text_breaks_the_search_for_identifiers(text: str) -> None:
    for given_text in (text, f"https://x.example/{text}", f"http://[{text}", f"10.1000/{text}"):
        arxiv_id(given_text)
        found = doi(given_text)
        assert found is None or doi(found) == found
        assert keys(facts(url=given_text, title=f"x {text}"))


def test_a_title_is_a_key_whatever_its_case_punctuation_and_plurals() -> None:
    assert title_key("Attention Is All You Need") == title_key("attention is all you need.")
    assert title_key("A Survey of Vision-Language Models") == title_key("A survey of vision language model")


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (r"Water splitting on $\mathrm{TiO}_2$ surfaces", "Water splitting on TiO2 surfaces"),
        (r"$\alpha$-divergence for robust robot learning", "α-divergence for robust robot learning"),
        (r"The \'etude of sim\textsuperscript{2}real", "The étude of sim²real"),
    ],
)
def test_a_formula_in_a_title_is_compared_as_it_is_printed(typed: str, printed: str) -> None:
    assert title_key(typed) == title_key(printed)
    assert set(keys(facts(title=typed))) & set(keys(facts(title=printed)))
    same_feed = (
        facts(title=typed, guid="a-1", url="https://x.example"),
        facts(title=printed, guid="a-2", url="https://x.example"),
    )
    assert not conflict(*same_feed)


def test_a_paper_with_a_formula_in_its_title_keeps_the_key_it_was_stored_under() -> None:
    before = "title:" + hashlib.sha256(b"water splitting on mathrm tio 2 surface").hexdigest()[:24]
    assert before in keys(facts(title=r"Water splitting on $\mathrm{TiO}_2$ surfaces"))


@pytest.mark.parametrize("title", ["Editorial", "Letter to the editor"[:13], "Part 1 of 2 b", "编辑部的话"])
def test_a_short_title_is_no_key_for_different_works_share_it(title: str) -> None:
    assert title_key(title) is None


def test_the_most_trustworthy_key_comes_first() -> None:
    paper = facts(title="A title of some length", arxiv_id="2607.00001", doi="10.1000/abc", url="https://x.example/1")
    assert [key.split(":")[0] for key in keys(paper)] == ["arxiv", "doi", "title"]
    assert public_id(keys(paper)) == "2607.00001"


def test_arxivs_own_doi_says_nothing_that_the_identifier_does_not() -> None:
    paper = facts(title="Short", arxiv_id="2607.00001", doi="10.48550/arXiv.2607.00001")
    assert keys(paper) == ("arxiv:2607.00001",)
    assert keys(facts(title="Short", doi="10.48550/arXiv.2607.00001v2")) == ("arxiv:2607.00001",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.Example.org/paper/", "http://example.org/paper"),
        ("http://example.org/news?id=1#march", "https://example.org/news?id=1#march"),
    ],
)
def test_without_identifiers_the_address_is_the_key(one: str, other: str) -> None:
    assert keys(facts(url=one)) == keys(facts(url=other))
    assert public_id(keys(facts(url=one))) == public_id(keys(facts(url=other)))


def test_the_query_of_an_address_tells_papers_apart() -> None:
    assert keys(facts(url="https://example.org/p?id=1")) != keys(facts(url="https://example.org/p?id=2"))


def test_every_paper_has_a_key_and_an_identifier_fit_for_a_link() -> None:
    paper = facts(title="Editorial")
    assert keys(paper)
    assert public_id(keys(paper)).isalnum()
    assert public_id(keys(paper)) != public_id(keys(facts(title="Errata")))


def test_different_arxiv_identifiers_are_different_works_whatever_the_title() -> None:
    one, other = (
        facts(arxiv_id="2607.00001", authors=["Ada Byron"]),
        facts(arxiv_id="2607.00002", authors=["Ada Byron"]),
    )
    assert conflict(one, other)
    assert not conflict(one, facts(arxiv_id="2607.00001v3"))
    assert conflict(one, facts(doi="10.48550/arXiv.2607.00002", authors=["Ada Byron"]))
    assert not conflict(one, facts(doi="10.48550/arXiv.2607.00001"))


def test_works_without_a_common_author_are_different_unless_their_doi_is_the_same() -> None:
    one = facts(authors=["Marie Curie", "Pierre Curie"])
    assert conflict(one, facts(authors=["Ada Byron"]))
    assert not conflict(one, facts(authors=["Curie, M."]))
    assert not conflict(one, facts())
    assert not conflict(facts(authors=["Wei Wang"]), facts(authors=["Wang Wei"]))
    assert not conflict(facts(authors=["Ada Byron Jr.", "Ben Two, PhD"]), facts(authors=["Ada Byron"]))
    assert conflict(facts(authors=["Wei Wang"]), facts(authors=["Wei Li"]))
    assert not conflict(facts(authors=["A B"], doi="10.1000/x"), facts(authors=["C D"], doi="10.1000/x"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jane Smith", "Smith J"),
        ("Ada M. Byron", "Byron AM"),
        ("Ada M. Byron", "A. Byron"),
        ("Byron, Ada", "Ada Byron, PhD"),
        ("José García Márquez", "J. García-Márquez"),
        ("José García Márquez", "José García"),
        ("María Fernández Barrera", "M. F. Barrera"),
        ("Jörg Müller", "J. Mueller"),
        ("Søren Kjærgaard", "S. Kjaergaard"),
        ("Xiaoming Wang", "Wang Xiao-Ming"),
        ("王小明", "Xiaoming Wang"),
        ("Yuri Petrov", "Yury Petrov"),
        ("Kaiming Ho", "Kaiming HO"),
        ("J. Li", "Jian LI"),
        ("J. Li", "LI Jian"),
        ("Mike Jordan", "Michael I. Jordan"),
        ("Jon Smith", "John Smith"),
        ("Dr. Kim", "Min Kim"),
        ("A B", "B A"),
        ("ATLAS Collaboration", "The ATLAS Collaboration"),
        ("ATLAS Collaboration", "G. Aad"),
        ("Deep Team", "Deep Team of Example"),
        ("EHT Collaboration", "Event Horizon Telescope Collaboration"),
        ("DESI Collaboration", "The Dark Energy Spectroscopic Instrument Collaboration"),
        ("Group", "Ada Byron"),
    ],
)
def test_an_author_is_known_however_sources_write_the_name(one: str, other: str) -> None:
    assert not conflict(facts(authors=[one]), facts(authors=[other]))
    assert not conflict(facts(authors=[other], doi="10.1000/x"), facts(authors=[one], doi="10.2000/y"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lei Wang", "Fang Wang"),
        ("Wang L", "Fang Wang"),
        ("Wei LI", "J. Li"),
        ("Wang LI", "Fang Wang"),
        ("John A. Smith", "John B. Smith"),
        ("David Smith", "David S. Miller"),
        ("Max Planck", "Planck Wei"),
        ("ATLAS Collaboration", "CMS Collaboration"),
        ("A Team", "ATLAS Collaboration"),
        ("王小明", "王小红"),
    ],
)
def test_a_common_surname_or_word_is_no_common_author(one: str, other: str) -> None:
    assert conflict(facts(authors=[one], doi="10.1000/x"), facts(authors=[other], doi="10.2000/y"))
    assert conflict(facts(authors=[one]), facts(authors=[other]))


def test_a_body_is_compared_with_bodies_if_both_name_some() -> None:
    one, other = ["ATLAS Collaboration", "Ada Atlas"], ["CMS Collaboration", "Ben Two"]
    assert conflict(facts(authors=one), facts(authors=other))
    assert not conflict(
        facts(authors=["ATLAS Collaboration", "A. Lund"]), facts(authors=["CMS Collaboration", "Ana Lund"])
    )


def test_the_lists_of_two_experiments_are_compared_by_family_names_alone() -> None:
    letters = "abcdefghijklmno"
    one, other, wang = (
        facts(
            authors=[f"{a.upper()}. {b.upper()}. {start}{a}{b}{c}" for a in letters for b in letters for c in "abc"]
        )
        for start in ("Lund", "Berg", "Lund")
    )
    assert conflict(one, other)
    assert not conflict(one, wang)
    namesakes = [
        [f"{start}{a}{b} Wang" for a in letters for b in letters]  # no two are compatible, too many to compare
        for start in ("Xi", "Yu")
    ]
    assert not conflict(facts(authors=namesakes[0]), facts(authors=namesakes[1]))
    assert conflict(facts(authors=namesakes[0][:9]), facts(authors=namesakes[1][:9]))


def entry(number: int, **given_facts: Any) -> Facts:
    """An entry of the feed `a` with a title, link, identifier and text of its own."""
    own = {"title": "This week in robot learning", "guid": f"a-{number}", "url": f"https://a.example/{number}"}
    return facts(**{**own, "published": f"2026-11-{number:02}", "abstract": f"Week {number}."} | given_facts)


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"published": None},
        {"published": None, "abstract": ""},
        {"abstract": "The news of the week."},
        {"published": "2026-11-01"},
        {"authors": ["Ada Byron"]},
    ],
)
def test_the_parts_of_a_series_with_a_fixed_title_are_different_works(same: dict[str, Any]) -> None:
    assert conflict(entry(7, **same), entry(14, **same))
    assert conflict(entry(7, doi="10.1000/a", **same), entry(14, doi="10.1000/b", **same))


def test_entries_of_one_feed_with_one_link_and_different_titles_are_different_works() -> None:
    one, other = entry(7, url="https://a.example/news"), entry(14, url="https://a.example/news", title="Another one")
    assert conflict(one, other)
    assert f"guid:{one.guid}" in keys(one)


@pytest.mark.parametrize("guid", [None, "b-1"])
def test_so_they_are_in_different_feeds_if_they_are_a_week_apart(guid: str | None) -> None:
    assert conflict(entry(7, guid=guid), entry(14))
    assert conflict(entry(7, guid=guid, authors=["Ada Byron"]), entry(14, authors=["Ada Byron"]))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"url": "https://a.example/1"}, {"url": "http://www.a.example/1/"}),
        ({"url": None}, {}),
        ({"published": "2026-11-01", "abstract": "One."}, {"published": "2026-11-01", "abstract": "One."}),
        (
            {"published": "2026-11-01", "abstract": "Robots fold towels and learn it of ten people in an hour."},
            {"published": "2026-11-01", "abstract": "Robots fold towels and learn it from ten people in an hour."},
        ),
        ({"arxiv_id": "2611.00001"}, {"doi": "10.1000/a"}),
        ({"doi": "10.1101/2026.01.02.123456"}, {"doi": "10.1038/x"}),
        ({"doi": "10.1101/2026.01.02.123456"}, {}),
        ({"doi": "10.1000/a"}, {"doi": "10.1000/a"}),
        ({"guid": "a-1"}, {"guid": "a-1"}),
        ({}, {"guid": "b-1", "published": "2026-11-13"}),
        ({}, {"guid": "b-1", "published": None}),
        ({}, {"guid": "b-1", "url": "https://b.example/7"}),
        ({}, {"guid": "b-1", "url": "https://a.example/7"}),
        ({}, {"guid": "b-1", "url": None}),
        ({"doi": "10.1000/a"}, {"guid": None}),
        ({"arxiv_id": "2611.00001"}, {"guid": None}),
    ],
)
def test_an_entry_that_moved_or_was_published_is_the_same_work(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    assert not conflict(entry(7, **earlier), entry(14, **later))


some_facts = st.builds(
    facts,
    arxiv_id=st.sampled_from([None, "2607.00001", "2607.00002"]),
    doi=st.sampled_from([None, "10.1000/x", "10.1000/y"]),
    guid=st.sampled_from([None, "a-1", "a-2", "b-1"]),
    published=st.sampled_from([None, "2026-11-07", "2026-11-14"]),
    url=st.sampled_from([None, "https://a.example/1", "https://a.example/2"]),
    abstract=st.sampled_from(["", "One.", "Another."]),
    authors=st.lists(st.sampled_from(["Ada Byron", "Byron, A.", "Marie Curie", "X Group", "…"]), max_size=2),
)


@given(some_facts, some_facts)
def test_a_conflict_is_mutual_and_nothing_conflicts_with_itself(one: Facts, other: Facts) -> None:
    assert conflict(one, other) == conflict(other, one)
    assert not conflict(one, one)


def test_two_works_under_one_title_without_identifiers_have_a_key_each_by_their_authors() -> None:
    title = "A careful study of many robots"
    ada, ben = facts(title=title, authors=("Ada One",)), facts(title=title, authors=("Ben Two",))
    assert set(keys(ada)) & set(keys(ben)) == {f"title:{title_key(title)}"}
    assert keys(ada) == keys(facts(title=title, authors=("One, Ada",)))
    assert conflict(ada, ben)


def test_one_doi_is_one_work_whoever_is_said_to_have_written_it() -> None:
    doi_of_both = "10.1101/2026.01.02.123456"
    assert not conflict(facts(doi=doi_of_both, authors=("Ada One",)), facts(doi=doi_of_both, authors=("Ben Two",)))


def test_long_addresses_stay_apart_in_keys_of_bounded_length() -> None:
    start = "https://example.org/" + "a" * 1_500
    one, other = facts(title="Robots", url=start + "1"), facts(title="Robots", url=start + "2")
    assert keys(one) != keys(other)
    assert all(len(key) < 600 for key in (*keys(one), *keys(other)))


@pytest.mark.parametrize(
    ("text", "identifier", "address"),
    [
        ("2611.00003v2", "2611.00003", "https://arxiv.org/abs/2611.00003"),
        (" (arXiv:2611.00003) ", "2611.00003", "https://arxiv.org/abs/2611.00003"),
        ("https://arxiv.org/abs/math.GT/0309136", "math/0309136", "https://arxiv.org/abs/math/0309136"),
        ("doi:10.1101/2026.04", "10.1101/2026.04", "https://doi.org/10.1101/2026.04"),
        ("10.48550/arXiv.2611.00003", "2611.00003", "https://arxiv.org/abs/2611.00003"),
    ],
)
def test_a_text_that_is_an_identifier_is_told_from_others(text: str, identifier: str, address: str) -> None:
    assert identifier_in(text) == identifier
    assert page_address(identifier) == address


@pytest.mark.parametrize(
    "text", ["", "  ", "()", "robots", "robots 2611.00003", "2611.00003 2611.00004", "2026.1", "a/b"]
)
def test_a_text_that_is_not_exactly_an_identifier_is_rejected(text: str) -> None:
    assert not identifier_in(text)


def test_what_is_written_as_an_identifier_is_one_whatever_its_month() -> None:
    assert identifier_in("9999.99999") == "9999.99999"
    assert not identifier_in("9999.9")


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (("Ada Byron", "Ben Bee"), ("Byron, A.",), True),
        (("Ada Byron", "Ben Bee"), ("Ben Bee", "Ada Byron"), False),
        (("Ada Byron",), ("Zoe Byron",), False),
        (("Ada Byron",), (), False),
        ((), (), False),
    ],
)
def test_works_with_one_title_are_the_same_if_their_first_authors_are(
    ours: tuple[str, ...], theirs: tuple[str, ...], same: bool
) -> None:
    one, other = (facts(title="A careful study of many robots", authors=authors) for authors in (ours, theirs))
    assert is_same_work(one, other) is same
