"""Documents that are broken, cut off, huge or meant to harm: parsers give listings and problems, or a SourceError."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paperround.domain.errors import SourceError
from paperround.domain.latex import readable
from paperround.domain.models import ParsedSource
from paperround.sources import FORMATS
from paperround.sources.authors import author_names
from paperround.sources.entries import cut_short
from paperround.sources.markup import plain, untex
from paperround.sources.reading import Xml, is_reasonable, mended, read_json, without_doctype
from support.complexity import takes_linear_time
from support.documents import BODIES, FEEDS, FUZZ, ITEMS, SAMPLES, TODAY, mutations, survives
from support.examples import examples

pytestmark = pytest.mark.slow  # hundreds of hostile documents


@pytest.mark.parametrize("form", sorted(FORMATS))
@FUZZ
@given(body=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(body=b"")
@example(body=b"\xef\xbb\xbf")
@example(body=b"/etc/passwd")
@example(body=b"<?xml version='1.0' encoding='utf-7'?><feed/>")
@example(body=b"<?xml version='1.0' encoding='no-such'?><rss><channel><item/></channel></rss>")
@example(body=b"\xff\xfe<\0r\0s\0s\0>\0")
@example(body=b"null")
@example(body=b"{}")
@example(body=b"[[[]]]")
def test_no_bytes_at_all_upset_a_parser(form: str, body: bytes) -> None:
    survives(form, body)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@FUZZ
@given(mutate=mutations())
def test_a_document_mangled_anywhere_gives_what_is_left_of_it(name: str, mutate: Callable[[bytes], bytes]) -> None:
    survives(SAMPLES[name], mutate(BODIES[name]))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", [name for name in sorted(SAMPLES) if name.endswith(("json", "jsonl"))])
@FUZZ
@given(data=st.data())
def test_any_value_may_stand_where_another_should(name: str, data: st.DataObject) -> None:
    lines = BODIES[name].decode().splitlines() if name.endswith("jsonl") else [BODIES[name].decode()]
    document = json.loads(data.draw(st.sampled_from([line for line in lines if line.strip()])))
    places = list(_places(document))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON_VALUES)
    survives(SAMPLES[name], json.dumps(document).encode("utf-8", "surrogatepass"))


def _places(value: object):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


# --- cut off --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["arxiv_daily_2026-11-20.atom.xml", "arxiv_api.xml", "arxiv_oai_raw.xml",
                                  "lab_blog.atom.xml", "yearbook.rss.xml", "jsonfeed.json", "biorxiv.json",
                                  "hf_daily_2026-11-19.json", "export.jsonl"])  # fmt: skip
@settings(FUZZ, max_examples=examples(30))
@given(share=st.floats(0.05, 0.999))
def test_a_document_that_breaks_off_gives_its_complete_entries_and_one_problem_for_the_rest(
    name: str, share: float
) -> None:
    form, body = SAMPLES[name], BODIES[name].rstrip()
    whole = FORMATS[form](body, TODAY)
    try:
        parsed = FORMATS[form](body[: int(share * len(body))], TODAY)
    except SourceError:
        return  # nothing complete was in it
    assert parsed.listings == whole.listings[: len(parsed.listings)]
    rest = [problem for problem in parsed.problems if problem.where == "the rest"]
    # A cut between two lines of an export cannot be seen.
    assert len(rest) == 1 or (form == "jsonl" and not rest)
    assert cut_short(parsed) == bool(rest)


def test_a_cut_in_the_last_entry_costs_only_that_one() -> None:
    body = BODIES["hf_daily_2026-11-19.json"]
    parsed = FORMATS["hf-daily"](body[: body.rindex(b"numComments")], TODAY)
    assert len(parsed.listings) == 2
    assert parsed.problems[0].what.startswith("the JSON is truncated after entry 2 (")


# --- meant to harm --------------------------------------------------------------------------------------------


def bomb(root: str, item: str) -> bytes:
    """Billion laughs: ten levels of ten references each."""
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{levels}]>{root.format(item)}'.encode()


@pytest.mark.parametrize("form", sorted(FEEDS))
def test_entities_do_not_grow(form: str) -> None:
    started = time.process_time()
    parsed = survives(form, bomb(FEEDS[form], ITEMS[form].format("&a10;")))
    assert time.process_time() - started < 3
    assert parsed is None or all(len(listing.title) < 100 for listing in parsed.listings)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<?xml?><!DOCTYPE rss PUBLIC '-//N//DTD RSS 0.91//EN' 'rss-0.91.dtd'><rss/>", b"<?xml?><rss/>"),
        (b"<!DOCTYPE x [<!ENTITY a 'b]c'>]  ><rss/>", b"<rss/>"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'><rss/>", b""),
        (b"<!DOCTYPE x", b"<!DOCTYPE x"),
        (b"<rss>[1]</rss>", b"<rss>[1]</rss>"),
    ],
)
def test_a_document_type_is_left_away(before: bytes, after: bytes) -> None:
    assert without_doctype(before) == after


@pytest.mark.parametrize("form", sorted(FEEDS))
def test_entities_read_no_file(form: str, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    for declared in (f'<!ENTITY x SYSTEM "file://{secret}">', f'<!ENTITY % x SYSTEM "file://{secret}"> %x;'):
        body = f"<!DOCTYPE x [{declared}]>" + FEEDS[form].format(ITEMS[form].format("&x;"))
        parsed = survives(form, body.encode())
        assert parsed is None or all("hunter2" not in str(listing) for listing in parsed.listings)


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize(
    "body", [b"[" * 50_000, b'{"a":' * 50_000, b"<a>" * 50_000, b"<b><p>" * 50_000, b'[{"paper":' * 50_000]
)
def test_depth_is_bounded(form: str, body: bytes) -> None:
    started = time.process_time()
    survives(form, body)
    assert time.process_time() - started < 6


ENDLESS = [
    *(
        "<",
        "<p",
        "</",
        "&",
        "&#",
        "$",
        "\\",
        "\\'",
        "{\\",
        "\\c{ ",
        "(",
        " and",
        "  ",
        "<!--",
        "<link ",
        "a-",
        "<sup ",
    ),
    *(
        "github.com/a/",
        "https://github.com/a/..",
        "10.1000/",
        "arxiv:",
        "doi:",
        "PMID:",
        "ABSTRACT",
        "·\n",
        "Dec 2\n",
    ),
    "\n \n",
]


@pytest.mark.parametrize("piece", ENDLESS)
def test_repetition_does_not_slow_anything_down(piece: str) -> None:
    assert takes_linear_time(lambda length: _read_everywhere(piece * (length // len(piece))), examples(20_000))


def _read_everywhere(text: str) -> None:
    """Read a text as each part of a document that sources send."""
    plain(text)
    untex(text)
    author_names(text)
    quoted = text.replace("&", "&amp;").replace("<", "&lt;")
    survives(
        "feed", FEEDS["feed"].format(f"<item><title>T</title><description>{quoted}</description></item>").encode()
    )
    survives("feed", text.encode())
    entry = f"<entry><id>oai:arXiv.org:2611.00001</id><title>T</title><summary>{quoted}</summary></entry>"
    survives("arxiv-atom", FEEDS["arxiv-atom"].format(entry).encode())
    survives("page", f"Daily Papers\n{text}".encode())


def test_markup_in_a_title_is_text_in_the_end() -> None:
    title = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=x&gt;Bold&lt;/b&gt; claim"
    item = f"<item><title>{title}</title><link>javascript:alert(1)</link></item>"
    (listing,) = FORMATS["feed"](FEEDS["feed"].format(item).encode(), TODAY).listings
    assert listing.title == "Bold claim"
    assert listing.url is None


# --- broken in small ------------------------------------------------------------------------------------------


def test_nuls_surrogates_and_unknown_references_cost_no_entry() -> None:
    dirty = BODIES["arxiv_daily_2026-11-20.atom.xml"]
    for place, dirt in (
        (b"Orderings", b"Order\0ings"),
        (b"forecast of", b"fore\xffcast&nbsp;of"),
        (b"in Lemma", b"&#xD800;in&#0;&#1234567890;"),
    ):
        dirty = dirty.replace(place, dirt)
    parsed = FORMATS["arxiv-atom"](dirty, TODAY)
    assert len(parsed.listings) == 3
    assert parsed.problems == ()
    assert parsed.listings[0].title.startswith("When $a<b$ Matters: Orderings")


def test_utf16_is_read_as_it_is() -> None:
    body = BODIES["arxiv_daily_2026-11-20.atom.xml"].decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert len(FORMATS["arxiv-atom"](body, TODAY).listings) == 3
    assert mended(body).startswith(b"\n<feed")


def test_an_encoding_that_writes_text_with_the_bytes_of_markup_is_read() -> None:
    text = "<?xml version='1.0' encoding='ISO-2022-JP'?>" + FEEDS["feed"].format(
        ITEMS["feed"].format("深層学習の応用についての研究")
    )
    assert FORMATS["feed"](text.encode("iso-2022-jp"), TODAY).listings[0].title == "T 深層学習の応用についての研究"


def test_another_encoding_is_left_to_the_parser() -> None:
    text = "<?xml version='1.0' encoding='ISO-8859-1'?>" + FEEDS["arxiv-atom"].format(
        ITEMS["arxiv-atom"].format("Åse")
    )
    assert FORMATS["arxiv-atom"](text.encode("latin-1"), TODAY).listings[0].title == "T Åse"


def test_text_from_right_to_left_and_two_thousand_authors_are_kept() -> None:
    names = ", ".join(f"مؤلف {n}" for n in range(2000))
    item = (
        "<entry xmlns:dc='http://purl.org/dc/elements/1.1/'><id>oai:arXiv.org:2611.00001v1</id>"
        f"<title>نماذج اللغة</title><dc:creator>{names}</dc:creator></entry>"
    )
    (listing,) = FORMATS["arxiv-atom"](FEEDS["arxiv-atom"].format(item).encode(), TODAY).listings
    assert listing.title == "نماذج اللغة"
    assert len(listing.authors) == 2000


def test_a_row_that_is_no_object_is_named() -> None:
    (problem,) = FORMATS["biorxiv"](b'{"messages": [], "collection": [[1]]}', TODAY).problems
    assert str(problem) == "entry 1: it is not an object"


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (b"[[], 5, null]", ["it is a list", "it is a number", "it is null"]),
        (b'[true, "x"]', ["it is true or false", "it is text"]),
        (b'[{"paper": [], "title": "Odd"}]', ['its "paper" is a list']),
        (b'[{"id": 2503.0213, "title": "Lost a zero"}]', ["it has no id that is text"]),
        (b'[{"id": "2503.02130"}]', ["it has no title"]),
        (b'[{"id": "2503.02130", "title": {}}]', ["it has no title"]),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_named(body: bytes, problems: list[str]) -> None:
    parsed = FORMATS["hf-daily"](body, TODAY)
    assert parsed.listings == ()
    assert [problem.what[: len(what)] for problem, what in zip(parsed.problems, problems, strict=True)] == problems


def test_numbers_beyond_all_bounds_cost_a_field_and_not_the_others() -> None:
    body = b'[{"id": "2611.00001", "title": "A", "upvotes": %s}, {"id": "2611.00002", "title": "B", "upvotes": NaN}]'
    listings = FORMATS["hf-daily"](body % (b"9" * 5000), TODAY).listings
    assert [(listing.title, listing.upvotes) for listing in listings] == [("A", None), ("B", None)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "Challenge required"}', r"answers with an error \(Challenge required\)"),
        (b'"a string"', r"answers with an error \(no reason given\)"),
        (b"<html>busy</html>", r"this is not JSON \(got HTML\)"),
        (b"[", r"this is not JSON \(got broken JSON\)"),
        (b'{"title": "One"}\n{"title": "Two"}\n', r"this is not JSON \(got JSON lines\)"),
        (b'{"message": ""}', "no reason given"),
    ],
)
def test_what_is_no_list_of_papers_says_what_it_is(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        FORMATS["hf-daily"](body, TODAY)


@pytest.mark.parametrize("form", ["arxiv-atom", "arxiv-oai"])
@pytest.mark.parametrize(
    "body", [b"<html><body>Rate exceeded.</body></html>", b"Rate exceeded.", b"", b"{}", b"<other/>"]
)
def test_what_is_not_arxivs_says_what_it_is(form: str, body: bytes) -> None:
    with pytest.raises(SourceError, match=r"this is not (Atom|OAI-PMH) \(got .+\); the service may be down") as error:
        FORMATS[form](body, TODAY)
    assert error.value.retryable


def test_an_entry_without_an_identifier_is_named() -> None:
    body = FEEDS["arxiv-atom"].format("<entry><id>urn:x</id><title>Whose?</title><!-- a comment --><?a pi?></entry>")
    (problem,) = FORMATS["arxiv-atom"](body.encode(), TODAY).problems
    assert str(problem) == 'entry 1 "Whose?": it has no arXiv identifier'


def test_lines_of_an_export_fail_one_by_one() -> None:
    lines = [
        b'\xef\xbb\xbf{"title": "Fine", "day": "2026-11-20"}',
        b'{"title": "No day"}',
        b"[1, 2]",
        b'"text"',
        b'{"title": "Numbered day", "day": 1700000000}',
        b'{"title": "Long", "day": "2026-11-20", "abstract": "' + b"x" * (1 << 20) + b'"}',
        b'{"title": "Odd \\ud800 text", "day": "2026-11-20"}',
        b'{"title": "Cut", "day": "2026-1',
    ]
    parsed = FORMATS["jsonl"](b"\r\n".join(lines), TODAY)
    assert [listing.title for listing in parsed.listings] == ["Fine", "Odd text"]
    assert [str(problem).partition("(")[0].strip() for problem in parsed.problems] == [
        'entry 2 "No day": it has no valid date; write it as 2026-11-23',
        "entry 3: line 3 is JSON, but not an object",
        "entry 4: line 4 is JSON, but not an object",
        'entry 5 "Numbered day": it has no valid date; write it as 2026-11-23',
        "entry 6: its line is longer than 1 MB",
        "the rest: the last line, 8, is truncated; export it again",
    ]
    assert FORMATS["jsonl"](b"\n\n", TODAY) == ParsedSource()
    with pytest.raises(SourceError, match=r"no line is a JSON object \(got HTML\)"):
        FORMATS["jsonl"](b"<html>\n</html>", TODAY)


# --- the subscribers themselves -----------------------------------------------------------------------------------


def test_a_broken_array_is_found_under_its_key() -> None:
    assert read_json(b'{"x": 1, "items" : [1, {"a": 2}, [3', "items", "x").value == {"x": 1, "items": [1, {"a": 2}]}
    assert read_json(b'{"in": {"items": [1], "x": [2', "items", "x").value == {"items": [1]}
    with pytest.raises(SourceError, match="x: this is not JSON"):
        read_json(b'{"other": [1, 2', "items", "x")


@pytest.mark.parametrize(
    ("body", "fine"),
    [
        (b"<a>" * 3000, False),
        (b"<a>" * 1500 + b"</a>" * 1500 + b"<a>" * 1500, True),
        (b"<a/>" * 3000 + b"</b>" * 3000, True),
        (b"<![CDATA[" + b"<br>" * 3000 + b"]]><!--" + b"<br>" * 3000 + b"-->", True),
        (b"<a><![CDATA[" + b"<br>" * 3000, True),
        (b"<a " + b"b='c' " * 2000 + b">", False),
    ],
)
def test_what_would_take_quadratic_time_is_found(body: bytes, fine: bool) -> None:
    assert is_reasonable(body) is fine


def test_a_feed_nested_thousands_deep_is_refused() -> None:
    with pytest.raises(SourceError, match="nested thousands deep"):
        FORMATS["feed"](b"<rss><channel>" + b"<a>" * 3000, TODAY)


def test_what_feedparser_chokes_on_is_an_error_of_that_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def choke(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("feedparser.parse", choke)
    with pytest.raises(SourceError, match=r"feed: the feed cannot be read \(RuntimeError\('a bug'\)\)") as error:
        FORMATS["feed"](BODIES["lab_blog.atom.xml"], TODAY)
    assert error.value.retryable


def test_a_link_that_cannot_be_split_is_no_identifier() -> None:
    item = "<item><title>T</title><link>http://[doi.org/10.1/2</link></item>"
    (listing,) = FORMATS["feed"](FEEDS["feed"].format(item).encode(), TODAY).listings
    assert listing.doi is None


def test_a_document_is_streamed_and_its_root_stays() -> None:
    document = Xml(b"<r><e>1</e><x/><e>2</e></r>", "e")
    assert [element.text for element in document] == ["1", "2"]
    assert (document.root.tag, document.broken) == ("r", "")
    broken = Xml(b"<r><e>1</e><e>2", "e")
    assert [element.text for element in broken] == ["1"]
    assert broken.broken
    assert list(Xml(b"", "e")) == []


@pytest.mark.parametrize("base", ["https://example.org/", "http://[x"])
def test_a_bracket_in_an_address_stops_no_feed(base: str) -> None:
    data = (
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "x", "home_page_url": "%s", "items": '
        b'[{"id": "http://[1", "url": "http://[", "title": "A careful study of brackets", "content_text": "So."}]}'
    )
    parsed = FORMATS["feed"](data % base.encode(), TODAY)
    assert len(parsed.listings) + len(parsed.problems) == 1


@pytest.mark.parametrize("name", ["authors", "links", "tags", "content", "media_thumbnail"])
def test_an_element_that_is_called_as_the_subscriber_calls_its_lists_is_passed_over(name: str) -> None:
    entry = f"<item><title>A paper</title><link>https://lab.example/1</link><{name}>v</{name}></item>"
    parsed = FORMATS["feed"](FEEDS["feed"].format(entry).encode(), TODAY)
    assert [listing.title for listing in parsed.listings] == ["A paper"]


@pytest.mark.parametrize("text", ["<math>", "<msub>", "O_FIG", ",", "(", "A B (x) ", " and ", "\\textbf{", "$", "`"])
def test_a_beginning_that_never_ends_is_read_in_one_pass(text: str) -> None:
    text *= examples(150_000) // len(text)  # quadratic time would be minutes, and the test's time limit is two
    author_names([plain(text)])
    readable(text)
    body = json.dumps({"collection": [{"title": "T", "date": "2026-11-20", "abstract": text}]})
    assert len(FORMATS["biorxiv"](body.encode(), TODAY).listings) == 1
