"""What every mail client needs of a letter's body: each theme, each language, and papers that are hard to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser

import pytest
from lxml import html as lxml_html
from lxml.etree import _Element
from premailer import Premailer

from paperround.domain.models import RenderedLetter, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.rendering import sample
from paperround.rendering.letter_facts import LetterFacts
from support.letters import DAY, EXTREMES, LANGUAGES, NOTICE_CONTEXT, NOTICES, THEMES, digest, renderer

pytestmark = pytest.mark.slow  # whole letters are laid out

_DIGESTS = {"the sample": sample.DIGEST, **{name: digest(papers, more=2) for name, papers in EXTREMES.items()}}
_PAPERS = {"the sample": sample.PAPERS, **{name: {one.row: one for one in them} for name, them in EXTREMES.items()}}
_SPANS = {f"a {cadence} letter": cadence for cadence in (Cadence.WEEKLY, Cadence.MONTHLY)}
_KINDS = (*_DIGESTS, *_SPANS, *(f"notice {kind}" for kind in NOTICES))


@cache
def _rendered(theme: str, code: str, kind: str) -> RenderedLetter:
    if kind.startswith("notice "):
        return renderer(theme, code).notice(
            kind.removeprefix("notice "), sample.SUBSCRIBER, sample.LINKS, NOTICE_CONTEXT
        )
    if cadence := _SPANS.get(kind):
        made, subscriber, counts = sample.digest(cadence), sample.subscriber(cadence), sample.counts(cadence)
        return renderer(theme, code).letter(LetterFacts(made, sample.PAPERS, subscriber, sample.LINKS, DAY, counts))
    return renderer(theme, code).letter(
        LetterFacts(_DIGESTS[kind], _PAPERS[kind], sample.SUBSCRIBER, sample.LINKS, DAY)
    )


@dataclass(frozen=True)
class Case:
    """A letter or notice in one theme and language."""

    theme: str
    code: str
    kind: str

    @property
    def rendered(self) -> RenderedLetter:
        return _rendered(self.theme, self.code, self.kind)

    @property
    def tree(self) -> _Element:
        return _tree(self.rendered.html)


@cache
def _tree(html: str) -> _Element:
    return lxml_html.document_fromstring(html)


def everywhere(check: Callable[[Case], None]) -> Callable[[str, str], None]:
    """Makes a test for each theme and language of a check that is done on all letters and notices."""

    def test(theme: str, code: str) -> None:
        # A big day is the same work in every language: once is enough.
        for kind in (kind for kind in _KINDS if code == "en" or kind != "sixty papers"):
            try:
                check(Case(theme, code, kind))
            except AssertionError as error:
                error.add_note(f"in {kind}")
                raise

    test.__name__ = test.__qualname__ = check.__name__
    return pytest.mark.parametrize("code", LANGUAGES)(pytest.mark.parametrize("theme", THEMES)(test))


class _TagBalance(HTMLParser):
    """Whether each tag that is opened is closed, in order."""

    _VOID = frozenset(("meta", "br", "img"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@everywhere
def test_the_document_is_well_formed(case: Case) -> None:
    balance = _TagBalance()
    balance.feed(case.rendered.html)
    assert balance.open == []
    assert case.rendered.html.startswith("<!DOCTYPE html>\n<html lang=")


@everywhere
def test_the_head_says_language_charset_and_color_schemes(case: Case) -> None:
    assert (case.tree.get("lang"), case.tree.get("dir")) == (case.code, "ltr")
    assert case.tree.findtext("head/title", "").strip()
    assert case.tree.find("head/meta[@charset='utf-8']") is not None
    named = {meta.get("name"): meta.get("content") for meta in case.tree.iterfind("head/meta[@name]")}
    assert named["viewport"] == "width=device-width, initial-scale=1"
    assert named["color-scheme"] == named["supported-color-schemes"] == "light dark"


@everywhere
def test_nothing_is_in_it_that_clients_drop(case: Case) -> None:
    forbidden = [
        "script",
        "form",
        "iframe",
        "svg",
        "object",
        "embed",
        "video",
        "audio",
        "input",
        "button",
        "link",
        "base",
        "canvas",
    ]
    assert [element.tag for element in case.tree.iter(*forbidden)] == []
    for element in case.tree.iter("*"):
        assert not [name for name in element.attrib if name.startswith("on")]
        style = element.get("style", "")
        assert not re.search(r"position|flex|grid|float|url\(|var\(|calc\(|data:|!important", style), style
    assert not re.search(r"""(?:href|src)=["']?\s*(?:data|javascript):""", case.rendered.html, re.IGNORECASE)


@everywhere
def test_the_style_sheet_is_small_and_only_for_media(case: Case) -> None:
    (style,) = case.tree.iter("style")
    assert style.getparent().tag == "head"
    text = style.text or ""
    assert len(text.encode()) <= 16_384
    assert text.strip().startswith("@media")
    declarations = re.findall(r"[\w-]+\s*:\s*[^;{}()]+;", text)
    assert declarations
    assert all("!important" in declaration for declaration in declarations), "or the inlined ones win"


@everywhere
def test_the_html_is_never_clipped(case: Case) -> None:
    assert len(case.rendered.html.encode()) < 100_000


@everywhere
def test_tables_are_for_layout_only(case: Case) -> None:
    tables = list(case.tree.iter("table"))
    assert tables
    assert all(table.get("role") == "presentation" for table in tables)
    assert case.rendered.html.count("<table") == case.rendered.html.count('<table role="presentation"')


@everywhere
def test_identifiers_are_unique(case: Case) -> None:
    found = [element.get("id") for element in case.tree.iter("*") if element.get("id")]
    assert len(found) == len(set(found))


@everywhere
def test_pictures_have_a_text_a_width_and_https(case: Case) -> None:
    pictures = list(case.tree.iter("img"))
    assert pictures or case.kind not in ("the sample", *_SPANS)
    for picture in pictures:
        assert picture.get("src", "").startswith("https://")
        assert picture.get("alt")
        assert int(picture.get("width", "0")) > 50  # no counting pixel


@everywhere
def test_links_are_absolute_and_say_where_they_lead(case: Case) -> None:
    links = list(case.tree.iter("a"))
    assert links
    for link in links:
        assert re.match(r"https?://[\w.-]+", link.get("href", ""))
        text = link.text_content().strip() or "".join(picture.get("alt", "") for picture in link.iter("img"))
        assert text
        assert not re.match(r"https?://|www\.", text)


@everywhere
def test_the_unsubscribe_link_is_in_both_parts(case: Case) -> None:
    assert f'href="{sample.LINKS.unsubscribe}"' in case.rendered.html
    assert sample.LINKS.unsubscribe in case.rendered.text
    assert sample.SITE.postal_address in case.rendered.html
    assert sample.SITE.postal_address in case.rendered.text


@everywhere
def test_the_text_has_an_address_for_every_paper(case: Case) -> None:
    links = {link.get("href", "") for title in case.tree.iter("h3") for link in title.iter("a")}
    assert not {link for link in links if link not in case.rendered.text and "%" not in link}


@everywhere
def test_the_text_has_at_least_four_fifths_of_the_links(case: Case) -> None:
    links = {link.get("href", "") for link in case.tree.iter("a")}
    in_text = links & {*case.rendered.text.split()}
    assert len(in_text) >= 0.8 * len(links), sorted(links - in_text)


@everywhere
def test_the_text_is_wrapped_and_free_of_markup(case: Case) -> None:
    for line in case.rendered.text.splitlines():
        assert len(line) <= 72 or max(map(len, line.split())) > 60 or "http" in line, line
        assert line == line.rstrip()
    assert "\u200b" not in case.rendered.text
    if case.kind != "markup in the title":
        assert not re.search(r"</?[a-z]+[^>]*>|&\w+;", case.rendered.text)


@everywhere
def test_both_parts_have_the_same_papers(case: Case) -> None:
    titles = [title.text_content() for title in case.tree.iter("h3")]
    text = _letters_and_digits(case.rendered.text)
    assert all(_letters_and_digits(title) in text for title in titles)
    numbered = re.findall(r"^ *(\d+)\. ", case.rendered.text, re.MULTILINE)
    assert len([number for number in numbered if int(number) <= len(titles)]) >= len(titles)


@everywhere
def test_nothing_is_left_unfilled(case: Case) -> None:
    for part in (case.rendered.subject, case.rendered.html, case.rendered.text):
        assert "\ufffd" not in part
        assert not re.search(r"\bNone\b|undefined|placeholder-", part)
        if case.kind != "markup in the title":
            assert not re.search(r"\{\{|\}\}|\{%|%\(|<!--cut", part)
    assert "<!--cut" not in case.rendered.html


@everywhere
def test_the_first_words_say_what_is_inside(case: Case) -> None:
    """They are what a client shows beside the subject; and nothing is hidden for it."""
    visible = " ".join(case.tree.find("body").text_content().split())
    if not case.kind.startswith("notice"):
        greeting, counted = r"(?:Good morning, Ada\.|Guten Morgen, Ada!)", r"\d+ \w+(?:, \d+ minutes)?(?: · \w+|\.)"
        only = r"(?:A paper by|Ein Paper von) \S"
        assert re.match(rf"{greeting} (?:{counted}|{only})", visible, re.IGNORECASE)
    assert not re.search(
        r"display:\s*none|visibility:|font-size:\s*[01]px|opacity", case.tree.find("body").get("style", "")
    )


@everywhere
def test_the_subject_is_one_honest_line(case: Case) -> None:
    assert 0 < len(case.rendered.subject) <= 70
    assert not re.search(r"[\r\n\t\u200b]", case.rendered.subject)
    assert not re.match(r"(?:re|fwd?|aw|wg)\s*:", case.rendered.subject, re.IGNORECASE)
    assert not case.rendered.subject.isupper()


def _letters_and_digits(text: str) -> str:
    """The text as both parts have it: indices are characters in the one and elements in the other."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if char.isalnum())


def _elements_with_text(tree: _Element) -> Iterator[_Element]:
    for element in tree.find("body").iter("*"):
        if (
            isinstance(element.tag, str)
            and element.tag not in ("style",)
            and ((element.text or "").strip() or any((child.tail or "").strip() for child in element))
        ):
            yield element


def _declared(element: _Element | None, name: str) -> str:
    """The value that the element has or inherits, from style attributes alone."""
    while element is not None:
        for declaration in reversed((element.get("style") or "").split(";")):
            key, _, value = declaration.partition(":")
            if key.strip() == name:
                return value.replace("!important", "").strip()
        element = element.getparent()
    raise AssertionError(f"nothing declares {name}")


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(color: str) -> float:
        if re.fullmatch("#[0-9a-f]{3}", color):
            color = "#" + "".join(2 * digit for digit in color[1:])
        assert re.fullmatch("#[0-9a-f]{6}", color), color
        channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _dark(html: str) -> str:
    """The document as it looks where the dark rules count: they are inlined over the light ones."""
    rules = re.search(r"@media \(prefers-color-scheme: dark\) \{(.*?\})\s*\}", html, re.DOTALL)
    assert rules
    css = rules[1].replace(" !important", "")
    bare = re.sub(r"<style.*?</style>", f"<style>{css}</style>", html, flags=re.DOTALL)
    # premailer lets style attributes win over rules; the dark rules are important, so they go last.
    later = Premailer(bare.replace(" style=", " data-light="), disable_validation=True, allow_network=False)
    merged = lxml_html.document_fromstring(later.transform(pretty_print=False))
    for element in merged.iter("*"):
        if isinstance(element.tag, str) and element.get("data-light"):
            element.set("style", element.get("data-light") + "; " + element.get("style", ""))
    return lxml_html.tostring(merged, encoding="unicode")


_LOOKS = [(t, k) for t in THEMES for k in ("the sample", "everything known", "notice welcome")]


@pytest.mark.parametrize(("theme", "kind"), _LOOKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_large_and_stands_out(theme: str, kind: str, scheme: str) -> None:
    html = _rendered(theme, "en", kind).html
    tree = lxml_html.document_fromstring(html if scheme == "light" else _dark(html))
    for element in _elements_with_text(tree):
        ratio = _contrast(_declared(element, "color"), _declared(element, "background-color"))
        assert ratio >= 4.5, f"{element.get('class')} has {ratio:.2f}"
        size = int(_declared(element, "font-size").removesuffix("px"))
        assert size >= 14, f"{element.get('class')} has {size} px"


@pytest.mark.parametrize("theme", THEMES)
def test_the_dark_background_is_dark(theme: str) -> None:
    tree = lxml_html.document_fromstring(_dark(_rendered(theme, "en", "the sample").html))
    for element in tree.iter("body", "table"):
        assert _contrast(_declared(element, "background-color"), "#000000") < 1.6


@pytest.mark.parametrize("theme", THEMES)
def test_titles_that_run_from_right_to_left_say_so(theme: str) -> None:
    tree = lxml_html.document_fromstring(_rendered(theme, "en", "right to left").html)
    assert [title.get("dir") for title in tree.iter("h3")] == ["auto", "auto"]
    tree = lxml_html.document_fromstring(_rendered(theme, "en", "the sample").html)
    assert {title.get("dir") for title in tree.iter("h3")} == {"ltr"}


@pytest.mark.parametrize("theme", THEMES)
def test_markup_in_a_paper_is_only_text(theme: str) -> None:
    rendered = _rendered(theme, "en", "markup in the title")
    tree = lxml_html.document_fromstring(rendered.html)
    title = tree.find(".//h3").text_content().replace("\u200b", "")
    assert '<script>alert("x")</script> & <img src=x onerror=alert(1)>' in title
    assert '<script>alert("x")</script>' in rendered.text


@pytest.mark.parametrize("theme", THEMES)
def test_each_paper_says_all_that_is_known(theme: str) -> None:
    rendered = _rendered(theme, "en", "everything known")
    html = rendered.html.replace("\u00a0", " ")
    (known,) = EXTREMES["everything known"]
    for part in (html, rendered.text):
        assert "AI summary" in part
        assert "Withdrawn by its authors." in part
    assert known.code_url in html
    assert known.pdf_url in html
    assert "https://huggingface.co/papers/2611.00001" in html
    assert "1,234,567 votes" in rendered.text.replace("\u00a0", " ")
    assert "1,234,567" in html
    assert "99,999 stars" in html


def test_no_unsubscribe_link_is_offered_before_confirming_or_after_leaving() -> None:
    for kind, state in (("confirm", SubscriberState.PENDING), ("your-link", SubscriberState.UNSUBSCRIBED)):
        rendered = renderer().notice(kind, sample.SUBSCRIBER._replace(state=state), sample.LINKS, NOTICE_CONTEXT)
        assert sample.LINKS.unsubscribe not in rendered.html + rendered.text
        assert sample.LINKS.online not in rendered.html + rendered.text
