"""Letters for tests: presses that are made once, papers that are hard to print, digests by the hundred."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from paperround.domain.models import (
    Digest,
    EncodedLetter,
    Links,
    Paper,
    Pick,
    Picture,
    RenderedLetter,
    Section,
    Subscriber,
)
from paperround.domain.schedule import Cadence, Issue
from paperround.process import resources
from paperround.rendering import language, notice, sample, theme
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts

FOLDERS: tuple[Path, ...] = resources.folders("templates")
THEMES = theme.names(FOLDERS)
LANGUAGES = language.available(FOLDERS)
NOTICES = notice.kinds(FOLDERS)
NOTICE_CONTEXT: dict[str, Any] = {
    "confirm_url": "https://papers.example/c/token",
    "new_email": "ada@new.example",
    "address_url": "https://papers.example/c/address",
    "topics": ["Robots", "Graph learning"],
    "more": ["Grasping", "Folding"],
    "less": ["Sweeping"],
    "save": ["Sorting"],
    "unknown": [12],
    "feedback_url": "https://papers.example/f/token",
    "person": "papers@papers.example",
}
DAY = sample.DAY
PICTURE = Picture(name="0123456789abcdef", width=600, height=324)
WEEKLY = sample.digest(Cadence.WEEKLY)
WEEKLY_SUBSCRIBER = sample.subscriber(Cadence.WEEKLY)
COUNTS = sample.counts(Cadence.WEEKLY)
_SMALL_PICTURE = Picture(name="fedcba9876543210", width=180, height=400)


def encoded_by(renderer: LetterRenderer, facts: LetterFacts) -> EncodedLetter:
    """One letter, prepared by itself and encoded."""
    (prepared,) = renderer.prepare([facts])
    return renderer.encode(prepared)


def facts_of(papers: Sequence[Paper], known: dict[int, Paper]) -> LetterFacts:
    """The sample subscriber's letter with these papers."""
    return LetterFacts(digest(papers), known, sample.SUBSCRIBER, sample.LINKS, DAY)


@lru_cache
def renderer(name: str = "paper", code: str = "en") -> LetterRenderer:
    """Return the letter renderer of this theme and language."""
    return LetterRenderer(sample.SITE, name, language.load(code, FOLDERS), FOLDERS)


def paper(row: int = 1, **facts: Any) -> Paper:
    """A paper; every fact can be given."""
    known: dict[str, Any] = {
        "id": f"2611.{row:05d}",
        "row": row,
        "day": DAY,
        "sources": ("arxiv",),
        "first_seen": datetime(2026, 11, 23, 4, tzinfo=UTC),
        "title": f"A paper about the number {row}",
        "abstract": "It looks at the number from all sides. It finds that it is a number.",
        "authors": ("Ada Author", "Ben Bookman"),
        "arxiv_id": f"2611.{row:05d}",
        "url": f"https://arxiv.org/abs/2611.{row:05d}",
    }
    return Paper.model_validate(known | facts)


def digest(
    *sections: Sequence[Paper],
    more: int = 0,
    why: tuple[str, ...] = ("matches “number”",),
    cadence: Cadence = Cadence.DAILY,
) -> Digest:
    """A digest with these papers; each sequence of them is a section."""
    return Digest(
        issue=Issue(cadence, DAY),
        sections=tuple(
            Section(f"topic-{at}", f"Topic {at}", tuple(Pick(one.row, why) for one in papers))
            for at, papers in enumerate(sections, start=1)
        ),
        more=tuple(range(90_000, 90_000 + more)),
    )


def letter(
    *sections: Sequence[Paper],
    more: int = 0,
    why: tuple[str, ...] = ("matches “number”",),
    name: str = "paper",
    code: str = "en",
    subscriber: Subscriber = sample.SUBSCRIBER,
    cadence: Cadence = Cadence.DAILY,
) -> RenderedLetter:
    """The letter with these papers."""
    papers = {one.row: one for section in sections for one in section}
    made = digest(*sections, more=more, why=why, cadence=cadence)
    return renderer(name, code).letter(LetterFacts(made, papers, subscriber, sample.LINKS, DAY))


ABSTRACT = "We measure what others guessed, e.g. by hand. The result is 3.5 times better. Code is public. "
EXTREMES: dict[str, tuple[Paper, ...]] = {
    "chinese": (
        paper(
            title="面向长上下文的稀疏注意力机制：在百万词元上的理论与实验" * 4,
            abstract="我们提出一种新的注意力机制。它在长文本上更快，并且几乎不损失质量！" * 30,
            authors=("王小明", "李雷"),
        ),
    ),
    "right to left": (
        paper(
            title="نماذج لغوية صغيرة للغة العربية: ما الذي يمكن أن تتعلمه؟",
            abstract="ندرس نماذج صغيرة. النتائج جيدة (87.3 %) على GLUE." * 9,
            authors=("ليلى حداد", "Omar Said"),
        ),
        paper(2, title="מודלים קטנים", abstract="תקציר קצר.", authors=()),
    ),
    "emoji": (paper(title="🤖👩🏽‍🔬 Agents that 🧪 and ❤️‍🔥: a study", abstract="👩🏽‍🔬" * 900, upvotes=3),),
    "two thousand authors": (paper(authors=tuple(f"Given{n} Family{n}" for n in range(2_000))),),
    "markup in the title": (
        paper(
            title='<script>alert("x")</script> & <img src=x onerror=alert(1)> considered {{ harmful }} %(name)s',
            abstract="Is a < b & c > d? <b>Bold</b> </td></tr></table> <!--cut--> and `code`. " + ABSTRACT * 4,
            authors=("<i>Ada</i>", 'O"Neil & Sons'),
        ),
    ),
    "very long words": (
        paper(title="Pneumonoultramicroscopicsilicovolcanoconiosis" * 6, abstract="x" * 900, authors=("Q" * 280,)),
    ),
    "no abstract": (paper(abstract=""),),
    "nobody and nowhere": (
        paper(authors=(), arxiv_id=None, url=None, abstract="", published=None),
        paper(2, authors=(), author_count=1, arxiv_id=None, url="http://old.example/paper?a=1&b=2"),
    ),
    "mathematics": (
        paper(
            title=r"$\mathcal{O}(n^2)$ is not $\Omega(n^{2+\epsilon})$, \emph{ever}; and \$5 is \$5",
            abstract=r"With $x_{ij}\le\frac{a}{b}$ for 10\% of G\"odel's $5 budget. " * 20,
        ),
    ),
    "everything known": (
        paper(
            organization="Northlight Lab",
            pdf_url="https://arxiv.org/pdf/2611.00001v2",
            code_url="https://github.com/example/code",
            project_url="https://project.example/?q=a b",
            discussion_url="https://huggingface.co/papers/2611.00001",
            picture=PICTURE,
            upvotes=1_234_567,
            comments=1,
            stars=99_999,
            summary="A summary by a machine.",
            withdrawn=True,
        ),
    ),
    "sixty papers": tuple(paper(n, abstract=ABSTRACT * 12) for n in range(1, 61)),
}  # fmt: skip

# Text as it comes out of `text.clean`: any script, no controls.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=60)
_TEX = st.sampled_from((r"$\alpha$", r"\emph{x}", "$5", r"$O(n^2)$", "<b>", "&amp;", "…", "e.g. this. And that."))
_SENTENCES = st.lists(st.one_of(TEXTS, _TEX), max_size=6).map(" ".join)
_ADDRESSES = st.none() | st.sampled_from(
    ("https://arxiv.org/abs/2611.00001", "http://old.example/?a=1&b=%20", "https://ü.example/é?q=[1]", "ftp://no")
)


@st.composite
def papers(draw: st.DrawFn) -> dict[int, Paper]:
    """Up to six papers of which more or less is known."""
    rows = draw(st.lists(st.integers(1, 9), unique=True, max_size=6))
    return {
        row: paper(
            row,
            title=draw(_SENTENCES.filter(lambda text: bool(text.strip()))) + f" {row}",
            abstract=draw(_SENTENCES) * draw(st.sampled_from((1, 1, 1, 40))),
            summary=draw(st.just("") | _SENTENCES),
            authors=draw(st.lists(TEXTS, max_size=6)),
            organization=draw(st.none() | TEXTS),
            url=draw(_ADDRESSES),
            code_url=draw(_ADDRESSES),
            picture=draw(st.sampled_from((None, PICTURE, _SMALL_PICTURE))),
            arxiv_id=draw(st.sampled_from((None, f"2611.{row:05d}"))),
            upvotes=draw(st.none() | st.integers(0, 5_000)),
            comments=draw(st.none() | st.integers(0, 3)),
            withdrawn=draw(st.booleans()),
        )
        for row in rows
    }


@st.composite
def digests(draw: st.DrawFn) -> tuple[Digest, dict[int, Paper]]:
    """A digest over some papers, in up to three sections, and the papers."""
    known = draw(papers())
    order = draw(st.permutations(sorted(known)))
    sections: list[list[Pick]] = [[], [], []]
    for row in order:
        sections[draw(st.integers(0, 2))].append(Pick(row, tuple(draw(st.lists(TEXTS, max_size=2)))))
    return Digest(
        issue=Issue(Cadence.DAILY, DAY),
        sections=tuple(
            Section(f"t{at}", draw(st.just(f"Topic {at}") | TEXTS), tuple(picks))
            for at, picks in enumerate(sections)
            if picks
        ),
        more=tuple(range(100, 100 + draw(st.sampled_from((0, 0, 1, 12))))),
    ), known


_LINKS = st.sampled_from(
    (
        sample.LINKS,
        Links(
            "https://x.example/u/a-b_c?d=1&e=<2>",
            "https://x.example/p/é ü\"'",
            "https://x.example/i/[1]{2}",
            "https://x.example/f/<é>",
        ),
    )
)


@st.composite
def letters(draw: st.DrawFn) -> LetterFacts:
    """All that a letter is made of; the subscriber may have any name."""
    subscriber = sample.SUBSCRIBER.with_preferences(name=draw(st.just("") | TEXTS))
    return LetterFacts(*draw(digests()), subscriber, draw(_LINKS), DAY)


def never_clipped(theme: str) -> None:
    """Asserts that five hundred papers make one letter under the limit, and that none is lost."""
    papers = {
        row: paper(row, abstract=ABSTRACT * 20, title=f"Ünï {row} " + "long title " * 9) for row in range(1, 501)
    }
    made = digest(list(papers.values())[:300], list(papers.values())[300:], more=7)
    rendered = renderer(theme).letter(LetterFacts(made, papers, sample.SUBSCRIBER, sample.LINKS, DAY))
    assert 95_000 < len(rendered.html.encode()) < 100_000
    told = re.search(r"(\d+)\u00a0of\u00a0507<", rendered.html)
    assert told
    shown = int(told[1])
    assert len(rendered.papers) == shown
    assert f"\n{shown}. " in rendered.text or f"\n {shown}. " in rendered.text
    assert f"\n{shown + 1}. " not in rendered.text


def decoded(encoded: EncodedLetter) -> tuple[str, str, str]:
    """Subject, HTML and text of an encoded letter, as a mail program reads them."""
    parts = encoded.html, encoded.text
    html, text = (binascii.a2b_qp(part).replace(b"\r\n", b"\n").decode() for part in parts)
    return encoded.subject, html, text


def well_encoded(part: bytes) -> bool:
    """Whether a part's lines are short, end as they should, and hold printable characters alone (RFC 2045 6.7)."""
    lines = part.split(b"\r\n")
    printable = all(re.fullmatch(rb"[\t\x20-\x7e]*", line) for line in lines)
    ends = not any(line.endswith((b" ", b"\t")) for line in lines) and not part.endswith(b"=\r\n")
    return printable and ends and max(map(len, lines)) <= 76
