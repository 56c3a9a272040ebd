"""Documents of every format, ways to mangle them, and what a parser may make of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from paperround.domain.errors import SourceError
from paperround.domain.models import ParsedSource
from paperround.sources import FORMATS
from support.answers import sample

TODAY = date(2026, 11, 23)
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "hf-daily": {},
    "arxiv": {"categories": ["cs.AI"]},
    "arxiv-oai": {"sets": ["cs:cs:AI"]},
    "feed": {"name": "blog", "url": "https://blog.example/feed"},
    "biorxiv": {},
    "page": {"path": "page.txt"},
    "jsonl": {"path": "export.jsonl"},
}
"""The least that a source of each kind needs. A kind that is missing here fails its tests by its name."""
SAMPLES = {
    "hf_daily_2026-11-19.json": "hf-daily",
    "hf_daily_2024_shape.json": "hf-daily",
    "arxiv_api.xml": "arxiv-atom",
    "arxiv_daily_2026-11-20.atom.xml": "arxiv-atom",
    "arxiv_daily_2026-11-20.rss.xml": "arxiv-atom",
    "arxiv_oai_arxiv.xml": "arxiv-oai",
    "arxiv_oai_dc.xml": "arxiv-oai",
    "arxiv_oai_raw.xml": "arxiv-oai",
    "lab_blog.atom.xml": "feed",
    "journal.rdf.xml": "feed",
    "jsonfeed.json": "feed",
    "saved_search.rss.xml": "feed",
    "yearbook.rss.xml": "feed",
    "biorxiv.json": "biorxiv",
    "page.txt": "page",
    "export.jsonl": "jsonl",
}
"""The files of tests/data/sources and their formats; the first of a format is the example of it."""
EXAMPLES = {form: name for name, form in reversed(SAMPLES.items())}
BODIES = {name: sample(name) for name in SAMPLES}


PIECES = [
    b"<", b">", b"&", b"&#0;", b"&#xD800;", b"&nbsp;", b"&unknown;", b"]]>", b"<![CDATA[", b"<!--", b"\0", b"\x0b",
    b"\xed\xa0\x80", b"\xff", b"</entry>", b"<item>", b"{", b"}", b"[", b"]", b",", b'"', b"null", b"\\ud800",
    b"\\u0000", b"-1", b"1e999", b"NaN", b"9" * 30, b"0001-01-01", b"9999-12-31", b"2026-02-30", b"\n", b"\r", b"$",
    b"\\'", b"\\c{", "\u202e\u200f".encode(), "·".encode(), b"Feb 29", b"<script>", b"javascript:", b"http://[",
    b"<!DOCTYPE x>",
]  # fmt: skip
FUZZ = settings(max_examples=10, deadline=2000, suppress_health_check=list(HealthCheck))

FEEDS = {
    "feed": "<rss version='2.0'><channel><title>t</title>{}</channel></rss>",
    "arxiv-atom": "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>",
    "arxiv-oai": "<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'>{}</OAI-PMH>",
}
ITEMS = {
    "feed": "<item><title>T {}</title><link>https://a.example/1</link></item>",
    "arxiv-atom": "<entry><id>oai:arXiv.org:2611.00001v1</id><title>T {}</title></entry>",
    "arxiv-oai": "<record><header><identifier>oai:arXiv.org:2611.00001</identifier><datestamp>2026-11-19</datestamp>"
    "</header><metadata><arXivRaw><title>T {}</title></arXivRaw></metadata></record>",
}


def survives(form: str, body: bytes) -> ParsedSource | None:
    """What the parser says; nothing but a SourceError may come out of it, and all that comes out is clean."""
    try:
        parsed = FORMATS[form](body, TODAY)
    except SourceError:
        return None
    for listing in parsed.listings:
        listing.model_dump_json().encode()  # no lone surrogate has come this far
        assert listing.title.strip()
        assert listing.day.year >= 1991
    for problem in parsed.problems:
        assert problem.where
        assert problem.what
    return parsed


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Cuts, repeats, swaps and insertions at places anywhere in a document."""
    kinds = st.sampled_from(["cut", "repeat", "insert", "flip"])
    pieces = st.sampled_from(PIECES) | st.binary(max_size=6)
    steps = draw(st.lists(st.tuples(kinds, st.floats(0, 1), st.integers(0, 400), pieces), min_size=1, max_size=4))

    def mutate(body: bytes) -> bytes:
        for kind, place, length, piece in steps:
            at = int(place * len(body))
            rest = body[at + length :]
            found = body[at : at + length]
            middle = {"cut": b"", "repeat": found * 2, "insert": found + piece, "flip": piece}[kind]
            body = body[:at] + middle + rest
        return body

    return mutate
