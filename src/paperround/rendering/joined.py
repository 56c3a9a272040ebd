"""A letter joined from encoded fragments: its blocks, what stands around them, and its own sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from paperround.domain import quoted_printable
from paperround.domain.client_limits import MAX_HTML
from paperround.domain.models import Links
from paperround.rendering import plaintext
from paperround.rendering.chart import Chart
from paperround.rendering.letter_view import Block, LetterView
from paperround.rendering.placeholders import Fragment, addresses, escaped
from paperround.rendering.size import Plan

_SENTENCES = ("subject", "lead", "date", "tally", "more", "finish", "reason")
_KEPT_SENTENCES = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class RenderedBlock:
    """A block with its HTML and text, ready to be joined."""

    block: Block
    html: Fragment
    text: Fragment


@dataclass(frozen=True, slots=True)
class Shell:
    """The parts of a letter before and after its blocks, in HTML and in text."""

    top: Fragment
    bottom: Fragment
    opening: Fragment
    closing: Fragment


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What letters with the same numbers say around their papers."""

    letter: LetterView
    """Without what differs among these letters: subject, first line, reason, links and chart."""
    shell: Shell
    contents: str
    """Their content, such as `9 papers on 3 topics`."""
    contents_with_minutes: str
    """The same with the reading time."""
    fields: Mapping[str, str]
    """The fields of their subject that do not name papers or topics."""
    html: Mapping[str, bytes]
    text: Mapping[str, bytes]
    """Their sentences as quoted-printable, by placeholder."""

    @classmethod
    def of(
        cls, letter: LetterView, shell: Shell, contents: str, contents_with_minutes: str, fields: Mapping[str, str]
    ) -> Frame:
        """Return the frame with its sentences encoded."""
        own = {name: getattr(letter, name) for name in ("date", "tally", "more", "finish")}
        html = {name: _in_html(sentence) for name, sentence in own.items()}
        text = {name: _in_text(sentence) for name, sentence in own.items()}
        return cls(letter, shell, contents, contents_with_minutes, fields, html, text)


class Sentences(NamedTuple):
    """The sentences of a letter."""

    frame: Frame
    subject: str
    lead: str
    reason: str

    @property
    def letter(self) -> LetterView:
        """The view of the letter, without blocks, links and chart."""
        return replace(self.frame.letter, subject=self.subject, lead=self.lead, reason=self.reason)

    def encoded(self, links: Links) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the values of the placeholders as quoted-printable: in HTML, and in text."""
        frame = self.frame
        urls = {name: quoted_printable.encode_piece(url) for name, url in addresses(links).items()}
        text = {**frame.text, "lead": _in_text(self.lead), "reason": _known_in_text(self.reason), **urls}
        html = {**frame.html, "lead": _in_html(self.lead), "reason": _known_in_html(self.reason), **urls}
        html["subject"] = _known_in_html(self.subject)
        for name, url in addresses(links).items():
            if "&" in url:
                html[name] = quoted_printable.encode_piece(url.replace("&", "&amp;"))
        return html, text


def _in_html(sentence: str) -> bytes:
    """Return a sentence as quoted-printable, escaped for HTML."""
    return quoted_printable.encode_piece(escaped(sentence))


def _in_text(sentence: str) -> bytes:
    """Return a sentence as quoted-printable, wrapped to lines."""
    return quoted_printable.encode_piece(plaintext.paragraph(sentence))


# For sentences that letters share.
_known_in_html = lru_cache(maxsize=_KEPT_SENTENCES)(_in_html)
_known_in_text = lru_cache(maxsize=_KEPT_SENTENCES)(_in_text)


class JoinedLetter(NamedTuple):
    """A letter made of fragments, before its size is checked."""

    plan: Plan
    sentences: Sentences
    links: Links
    chart: Chart | None
    html: Sequence[Fragment]
    text: Sequence[Fragment]
    blocks: Sequence[RenderedBlock]
    encoded: bytes
    """The HTML as quoted-printable."""
    values: Mapping[str, bytes]
    """The values of the placeholders in text, as quoted-printable."""

    @property
    def size(self) -> int:
        """At least the size of the HTML, in bytes of UTF-8, and exactly that if the letter may be too large."""
        bound = len(self.encoded)  # quoted-printable is never shorter
        if bound < MAX_HTML:
            return bound
        values = self.escaped
        return sum([one.size + sum([len(values[name].encode()) for name in one.placeholders]) for one in self.html])

    @property
    def view(self) -> LetterView:
        """The view of this letter, without its blocks."""
        return replace(self.sentences.letter, links=self.links, chart=self.chart)

    @property
    def escaped(self) -> dict[str, str]:
        """The values of the placeholders in HTML."""
        shown = self.sentences.letter
        sentences = {name: escaped(getattr(shown, name)) for name in _SENTENCES}
        return sentences | {name: url.replace("&", "&amp;") for name, url in addresses(self.links).items()}
