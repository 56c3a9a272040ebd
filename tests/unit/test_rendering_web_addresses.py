"""Web addresses in an abstract are links."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.latex import readable_html
from paperround.rendering.web_addresses import link_addresses


@pytest.mark.parametrize(
    ("before", "address", "after"),
    [
        ("Code: ", "https://github.com/some_body/a-b", "."),
        ("Code: ", "https://github.com/a/b/", ""),
        ("(see ", "http://example.org/a", ")."),
        ("See ", "https://example.org/wiki/Cup_(robot)", ", and more"),
        ("[", "https://example.org/a[1]", "];"),
        ("“", "https://example.org/?a=1&amp;b=2", "”"),
        ("", "https://example.org/?a=1&amp;", " b"),
        ("&lt;", "https://example.org", "&gt;"),
        ("\\href: ", "https://example.org/x", "}{here}"),
        ("代码：", "https://example.org/x", "。"),
        ("", "HTTPS://Example.org/x", "!"),
    ],
)
def test_an_address_is_a_link_without_the_punctuation_behind_it(before: str, address: str, after: str) -> None:
    link = f'<a href="{address}" rel="nofollow noopener">{address}</a>'
    assert link_addresses(f"{before}{address}{after}") == f"{before}{link}{after}"


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https://...",
        "https://localhost/x",
        "javascript:alert(1)",
        "https://example.org/" + "x" * 2_000,
        "xhttps://example.org",
        "https://example.org/cut…",
        "https://example.org/<i>x</i>",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert link_addresses(text) == text


@given(st.text(st.sampled_from("htps:/.&<>\"'ab ()…"), max_size=60).map(lambda text: f"https://a.b/{text}"))
def test_nothing_of_the_text_leaves_an_attribute(text: str) -> None:
    escaped = readable_html(text)
    for part in link_addresses(escaped).split('<a href="')[1:]:
        address, quote, rest = part.partition('"')
        assert quote
        assert rest.startswith(f' rel="nofollow noopener">{address}</a>')
        assert not set(address) & set("<>'")


def test_many_addresses_and_brackets_take_linear_time() -> None:
    before = process_time()
    link_addresses("https://a.b/" + ")" * 90_000 + " https://a.b/c" * 5_000 + "https://" * 5_000)
    assert process_time() - before < 3
