"""Papers and queries for the matching tests, and a matcher so plain that it is obviously right.

A *shape* is what somebody means, as nested tuples; `written` says it in the query language, in one of the many ways
that it can be said, and `holds` decides for one paper, word by word. Neither knows the parser, the tree or the index.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from paperround.domain.models import Paper
from paperround.domain.text import fold, singular, terms, words

SEEN = datetime(2026, 11, 20, 6, tzinfo=UTC)


def paper(row: int = 1, **facts: Any) -> Paper:
    """A paper about nothing in particular, where nothing else is said."""
    plain = {"id": f"p{row}", "row": row, "day": date(2026, 11, 20), "sources": ("arxiv",), "first_seen": SEEN}
    return Paper.model_validate(plain | {"title": "Untitled"} | facts)


# Few words, so that queries find something: plurals of every kind, accents, hyphens, scripts, words of two parts.
WORDS = st.sampled_from([
    "model", "models", "box", "boxes", "boxing", "policy", "policies", "polite", "class", "classes", "bias", "biases",
    "cache", "caches", "glas", "glass", "this", "vision-language", "language", "naïve", "Überblick", "état", "a",
    "and", "C++", "C#", "3D", "μ", "модель", "модели", "语言", "大语言模型",
])  # fmt: skip
TEXTS = st.lists(WORDS, max_size=7).map(" ".join)
CATEGORIES = st.sampled_from(["cs.CL", "cs.CV", "csx", "q-bio.NC", "Cell Biology", "…"])
SOURCES = st.sampled_from(["arxiv", "arxiv-cs", "hf-daily"])
PAPERS = st.builds(
    paper,
    title=st.lists(WORDS, min_size=1, max_size=5).map(" ".join),
    abstract=TEXTS,
    summary=TEXTS,
    keywords=st.lists(TEXTS, max_size=2),
    authors=st.lists(TEXTS, max_size=2),
    organization=st.one_of(st.none(), TEXTS),
    categories=st.lists(CATEGORIES, max_size=2),
    sources=st.lists(SOURCES, min_size=1, max_size=2).map(tuple),
)
BATCHES = st.lists(PAPERS, min_size=1, max_size=6).map(
    lambda papers: [found.model_copy(update={"row": 3 * place + 1}) for place, found in enumerate(papers)]
)

Shape = tuple[Any, ...]
FIELDS = ("title", "abstract", "keywords", "author", "org")
_spelled = {"title": ["ti:", "Title:", "title: "], "abstract": ["abs:"], "keywords": ["keyword:"], "author": ["au:"]}


def _leaves() -> st.SearchStrategy[Shape]:
    beginnings = WORDS.flatmap(lambda word: st.integers(1, len(word)).map(lambda end: word[:end]))
    of_words = st.tuples(
        st.just("leaf"),
        st.sampled_from(["", *FIELDS]),
        st.one_of(
            st.tuples(st.just("word"), WORDS),
            st.tuples(st.just("phrase"), st.lists(WORDS, min_size=1, max_size=3).map(" ".join)),
            st.tuples(st.just("prefix"), beginnings),
            st.tuples(st.just("phrase prefix"), st.tuples(WORDS, beginnings).map(" ".join)),
        ),
    )
    names = st.one_of(
        st.tuples(
            st.just("name"), st.sampled_from(["cs.CL", "CS.cv", "q-bio.NC", "cell biology", "arxiv", "HF-daily"])
        ),
        st.tuples(st.just("name prefix"), st.sampled_from(["cs.", "cs", "q-bio", "cell", "arx", "c"])),
    )
    return st.one_of(of_words, st.tuples(st.just("leaf"), st.sampled_from(["cat", "source"]), names))


SHAPES: st.SearchStrategy[Shape] = st.recursive(
    _leaves(),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@st.composite
def written(draw: st.DrawFn, shape: Shape) -> str:
    """The shape in the query language: AND or nothing, NOT or a dash, more parentheses than needed or fewer."""
    match shape:
        case ("leaf", field, (kind, text)):
            if kind in {"phrase", "name"} and (" " in text or draw(st.booleans())):
                text = draw(st.sampled_from(['"{}"', "“{}”"])).format(text)
            elif kind.endswith("prefix"):
                text = f'"{text}"*' if " " in text else f"{text}*"
            prefix = draw(st.sampled_from([f"{field}:", *_spelled.get(field, [])])) if field else ""
            found = prefix + text
        case ("not", inner):
            found = draw(st.sampled_from(["NOT {}", "-{}"])).format(_apart(draw(written(inner)), inner))
        case (operator, parts):
            between = " OR " if operator == "or" else draw(st.sampled_from([" AND ", " ", "\n "]))
            each = [(draw(written(part)), part) for part in parts]
            found = between.join(
                _apart(text, part) if part[0] == "or" or operator == part[0] else text for text, part in each
            )
    return f"({found})" if draw(st.integers(0, 5)) == 0 else found


def _apart(text: str, shape: Shape) -> str:
    return f"({text})" if shape[0] in {"and", "or"} else text


def holds(shape: Shape, found: Paper) -> bool:
    """Whether the paper is what the shape means."""
    match shape:
        case ("leaf", field, (kind, text)):
            texts = _texts(found)
            return any(
                _stands_in(kind, text, value) for name in ([field] if field else FIELDS[:3]) for value in texts[name]
            )
        case ("not", inner):
            return not holds(inner, found)
        case ("and", parts):
            return all(holds(part, found) for part in parts)
        case (_, parts):
            return any(holds(part, found) for part in parts)


def _texts(found: Paper) -> dict[str, tuple[str, ...]]:
    return {
        "title": (found.title,),
        "abstract": (found.abstract or found.summary,),
        "keywords": found.keywords,
        "author": found.authors,
        "org": (found.organization or "",),
        "cat": found.categories,
        "source": found.sources,
    }


def _stands_in(kind: str, text: str, value: str) -> bool:
    if kind.startswith("name"):
        ours, theirs = (fold(name).replace("-", ".").replace(" ", ".") for name in (text, value))
        return theirs.startswith(ours) if kind == "name prefix" else ours == theirs
    there = terms(value)
    if not kind.endswith("prefix"):
        here = terms(text)
        return any(there[at : at + len(here)] == here for at in range(len(there)))
    *before, stem = words(text)
    here = [singular(word) for word in before]
    return any(
        there[at : at + len(here)] == here and at + len(here) < len(there) and _begins(stem, there[at + len(here)])
        for at in range(len(there))
    )


def _begins(stem: str, term: str) -> bool:
    """Whether the term, or the plural that it may have been in the text, begins like this."""
    plurals = {stem, f"{stem}s"} | ({f"{stem}es"} if stem.endswith("i") else set())
    return term.startswith(stem) or term in {singular(plural) for plural in plurals}


BLANK = paper(title="zzz", sources=("zzz",))
"""A paper in which none of the words stands."""
# What holds for it is only a list of exclusions, and refused; the opposite of that is not.
ANSWERABLE = SHAPES.map(lambda shape: ("not", shape) if holds(shape, BLANK) else shape)
QUERIES: st.SearchStrategy[tuple[Shape, str]] = ANSWERABLE.flatmap(
    lambda shape: st.tuples(st.just(shape), written(shape))
)
"""What somebody means, and how they write it."""
