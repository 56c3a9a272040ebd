"""A letter joined from encoded fragments: its blocks, what stands around them, and its own sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from paperround.domain import quoted_printable
from paperround.domain.client_limits import MAX_HTML
from paperround.domain.models import FEEDBACK_MARK, EncodedLetter, Links, Paper
from paperround.rendering import plaintext
from paperround.rendering.chart import Chart
from paperround.rendering.letter_view import Block, LetterView
from paperround.rendering.placeholders import ADDRESSES, FEEDBACK, Fragment, PartTemplate, addresses, escaped
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
    around_html: tuple[PartTemplate, PartTemplate]
    """The HTML before and after their papers, with their sentences."""
    around_text: tuple[PartTemplate, PartTemplate]
    """The same of the text part."""

    @classmethod
    def of(
        cls, letter: LetterView, shell: Shell, contents: str, contents_with_minutes: str, fields: Mapping[str, str]
    ) -> Frame:
        """Return the frame with its sentences encoded."""
        own = {name: getattr(letter, name) for name in ("date", "tally", "more", "finish")}
        html = {name: _in_html(sentence) for name, sentence in own.items()}
        text = {name: _in_text(sentence) for name, sentence in own.items()}
        around_html = PartTemplate.of([shell.top], html), PartTemplate.of([shell.bottom], html).ended()
        around_text = PartTemplate.of([shell.opening], text), PartTemplate.of([shell.closing], text).ended()
        return cls(letter, shell, contents, contents_with_minutes, fields, html, text, around_html, around_text)


class Sentences(NamedTuple):
    """The sentences of a letter, apart from a greeting by name."""

    frame: Frame
    subject: str
    first_line: str
    reason: str

    def view(self, lead: str, links: Links, chart: Chart | None) -> LetterView:
        """Return the view of the letter with this first line, without its blocks."""
        return replace(
            self.frame.letter, subject=self.subject, lead=lead, reason=self.reason, links=links, chart=chart
        )


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What letters to different subscribers share if they have the same papers, for the same reasons."""

    papers: Sequence[Paper | None]
    """The papers that the digest names, None for those that are missing. The contents are found by their identities,
    so these must not be given to other papers.
    """
    plan: Plan
    blocks: Sequence[RenderedBlock]
    sentences: Sentences
    chart: Chart | None
    charted: Sequence[Fragment]
    """The chart as HTML and as text, if there is one."""
    html: PartTemplate
    text: PartTemplate
    feedback_links: int
    """The number of feedback addresses that the HTML has at most."""

    @classmethod
    def of(
        cls,
        papers: Sequence[Paper | None],
        plan: Plan,
        blocks: Sequence[RenderedBlock],
        numbers: Sequence[bytes],
        sentences: Sentences,
        chart: Chart | None,
        charted: Sequence[Fragment],
    ) -> Contents:
        """Return the contents with both parts joined. `numbers` are the encoded texts before the blocks."""
        frame, reason = sentences.frame, sentences.reason
        html, text = [one.html for one in blocks], [one.text for one in blocks]
        if charted:
            html, text, numbers = [*html, charted[0]], [*text, charted[1]], [*numbers, b""]
        (top, bottom), (opening, closing) = frame.around_html, frame.around_text
        return cls(
            papers,
            plan,
            blocks,
            sentences,
            chart,
            charted,
            html=PartTemplate.joined(
                [top, PartTemplate.of(html, frame.html), bottom],
                {"subject": _known_in_html(sentences.subject), "reason": _known_in_html(reason)},
            ),
            text=PartTemplate.joined(
                [opening, PartTemplate.of(text, frame.text, numbers), closing], {"reason": _known_in_text(reason)}
            ),
            feedback_links=sum([len(fragment.placeholders) for fragment in html]),
        )

    @property
    def fragments(self) -> list[Fragment]:
        """The HTML with all of its placeholders."""
        shell = self.sentences.frame.shell
        return [shell.top, *(one.html for one in self.blocks), *self.charted[:1], shell.bottom]


def encoded_links(links: Links) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return links as quoted-printable, by placeholder, in HTML and in text."""
    text = dict(zip(ADDRESSES, map(quoted_printable.encode_piece, links), strict=True))
    if "&" not in "".join(links):  # nearly always
        return text, text
    html = {name: quoted_printable.encode_piece(_escaped_address(url)) for name, url in addresses(links).items()}
    return html, text


def _escaped_address(url: str) -> str:
    """Return an address as HTML has it."""
    return url.replace("&", "&amp;")


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
    """A subscriber's letter before its size is checked."""

    contents: Contents
    lead: str
    """The first line, with a greeting if there is one."""
    links: Links
    encoded: EncodedLetter

    @classmethod
    def of(cls, contents: Contents, lead: str, links: Links) -> JoinedLetter:
        """Fill a subscriber's first line and links into the contents of their letter."""
        in_html, in_text = encoded_links(links)
        is_shared = lead is contents.sentences.first_line
        encode_html, encode_text = (_known_in_html, _known_in_text) if is_shared else (_in_html, _in_text)
        html = contents.html.filled({**in_html, "lead": encode_html(lead)})
        text = contents.text.filled({**in_text, "lead": encode_text(lead)})
        feedback = in_html[FEEDBACK]
        if feedback != in_text[FEEDBACK]:  # it has an "&", which is escaped in HTML
            text = [b"".join(text).replace(FEEDBACK_MARK, in_text[FEEDBACK])]
        return cls(contents, lead, links, EncodedLetter(contents.sentences.subject, html, text, feedback))

    @property
    def size(self) -> int:
        """At least the size of the HTML, in bytes of UTF-8, and exactly that if the letter may be too large."""
        _subject, html, _text, feedback = self.encoded
        bound = sum(map(len, html)) + self.contents.feedback_links * len(feedback)
        if bound < MAX_HTML:  # quoted-printable is never shorter
            return bound
        values = self.escaped
        return sum(
            one.size + sum(len(values[name].encode()) for name in one.placeholders) for one in self.contents.fragments
        )

    @property
    def view(self) -> LetterView:
        """The view of this letter, without its blocks."""
        return self.contents.sentences.view(self.lead, self.links, self.contents.chart)

    @property
    def escaped(self) -> dict[str, str]:
        """The values of the placeholders in HTML."""
        shown = self.view
        sentences = {name: escaped(getattr(shown, name)) for name in _SENTENCES}
        return sentences | {name: _escaped_address(url) for name, url in addresses(self.links).items()}
