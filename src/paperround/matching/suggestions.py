"""Suggest words of the field for an interest, and list the words that weigh most in a subscriber's taste. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from math import log

from paperround.domain.models import Paper
from paperround.domain.text import spans, terms
from paperround.matching.fields import TEXT, Field, asides, values
from paperround.matching.learning import AUTHOR
from paperround.matching.lexical import Statistics
from paperround.matching.taste import Taste
from paperround.matching.words import SCHOLARLY_WORDS, STOP_WORDS

_MIN_PAPERS, _MIN_LETTERS = 3, 3
_SHORT = 4  # letters: a shorter word alone is a piece of a name ("MEM-x"), unless it is an acronym
_PHRASE_WORTH = 1.5  # two adjacent words say more than either alone
_MIN_LIFT = 2.0  # how many times as frequent among the papers that fit as among all
# A word in more than this share of all papers is uninformative ("based", "using"), nor does one in a
# single paper, such as the name of its method. A pair that ends in
# such a word says something if its first word mostly stands before it: "imitation learning", but not "robots using".
_GENERIC, _TOGETHER = 0.15, 0.6
_MIN_DOCUMENTS = 200  # papers; fewer do not tell which words are in papers on any subject, or in a single one
_MIN_FREQUENCY = 2
# Of the weight of the heaviest word of its group, and of both groups. Lighter words are as good as chance: after some
# ratings of less, even the heaviest of that group may be, since papers without feedback weigh against words as well.
_MIN_PART, _MIN_SHARE_OF_ALL = 0.2, 0.1

Term = tuple[str, ...]


def suggest_words(
    known: Collection[str],
    best: Sequence[tuple[Paper, float]],
    statistics: Statistics,
    most: int = 8,
    acronyms: Collection[str] = (),
) -> list[str]:
    """Return words and pairs of words that distinguish the papers that fit an interest, most distinctive first.

    `known` are the terms that the interest already has. `best` are the papers that fit, each with its weight, which
    is negative for papers that the subscriber wants less of. Shorter words than four letters are suggested alone only
    if they are among `acronyms`.
    """
    weights, papers = defaultdict[Term, float](float), Counter[Term]()
    written = defaultdict[Term, Counter[str]](Counter)
    for paper, weight in best:
        for term, text in _terms_of(paper).items():
            weights[term] += weight
            papers[term] += weight > 0
            written[term][text] += 1
    total = sum(weight for _, weight in best if weight > 0)
    worth = {
        term: worth
        for term, weight in weights.items()
        if papers[term] >= min(_MIN_PAPERS, len(best))
        and not set(term) <= set(known)
        and (len(term) > 1 or _stands_alone(term[0], acronyms))
        and _belongs_together(term, weights, statistics)
        and (worth := _worth(term, weight / max(total, 1e-9), statistics)) > 0
    }
    # Break ties alphabetically: the result must not depend on the order of the papers.
    ranked = sorted(worth, key=lambda term: (-worth[term], term))
    return [written[term].most_common(1)[0][0] for term in _without_repetition(ranked, most)]


def _terms_of(paper: Paper) -> dict[Term, str]:
    """Return the words and pairs of adjacent words of a paper, each with its spelling there."""
    texts: dict[Term, str] = {}
    left_out = {*chain.from_iterable(asides(paper))}
    for field, text in chain.from_iterable(product([field], values(paper, field)) for field in TEXT):
        words = [
            (word, start, end)
            for number, (word, (start, end)) in enumerate(zip(terms(text), spans(text), strict=True))
            if field is not Field.ABSTRACT or number not in left_out
        ]
        for word, start, end in words:
            if is_significant(word):
                texts.setdefault((word,), text[start:end].lower())
        for (one, start, _), (other, at, end) in pairwise(words):
            if is_significant(one) and is_significant(other) and one != other and text[start:at].strip().isalnum():
                texts.setdefault((one, other), text[start:end].lower())
    return texts


def is_significant(word: str) -> bool:
    """Return whether a term can describe a subject: not too short, no stop word and no number."""
    return len(word) >= _MIN_LETTERS and word not in STOP_WORDS and not word.isdecimal()


def _stands_alone(word: str, acronyms: Collection[str]) -> bool:
    return len(word) >= _SHORT or word in acronyms


def _belongs_together(term: Term, weights: Mapping[Term, float], statistics: Statistics) -> bool:
    """Return whether a term describes a subject even if one of its words is generic."""
    generic = [_is_generic(word, statistics) for word in term]
    return not any(generic) or (not generic[0] and weights[term] >= _TOGETHER * weights.get(term[:1], 0.0))


def _is_generic(word: str, statistics: Statistics) -> bool:
    known = statistics.total
    return word in SCHOLARLY_WORDS or (known >= _MIN_DOCUMENTS and statistics.frequency(word) > _GENERIC * known)


def _worth(term: Term, share: float, statistics: Statistics) -> float:
    """Return how distinctive a term is that occurs in this share of the papers that fit; 0 if it is not."""
    rarest = min(map(statistics.frequency, term))
    usual = (rarest + 1) / (statistics.total + 2)
    if share < _MIN_LIFT * usual:
        return 0.0
    return share * log(share / usual) * (_PHRASE_WORTH if len(term) > 1 else 1.0)


def _without_repetition(ranked: Iterable[Term], most: int) -> Iterator[Term]:
    """Yield up to `most` of the best terms, skipping any that shares a word with a better one."""
    taken: set[str] = set()
    number = 0
    for term in ranked:
        if number == most:
            return
        if not taken & set(term):
            taken |= set(term)
            number += 1
            yield term


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word or author with its weight in a subscriber's model; above 0 for what they want more of."""

    word: str
    weight: float
    author: bool = False


def _says_something(name: str, statistics: Statistics, acronyms: Collection[str]) -> bool:
    if name.startswith(AUTHOR):
        return True
    lone = statistics.documents >= _MIN_DOCUMENTS and statistics.frequencies.get(name, 0) < _MIN_FREQUENCY
    return is_significant(name) and _stands_alone(name, acronyms) and not lone and not _is_generic(name, statistics)


def strongest_words(taste: Taste, most: int = 20, acronyms: Collection[str] = ()) -> list[WeighedWord]:
    """Return the words and authors that matter in a taste: up to `most` liked ones, then up to `most` disliked.

    In both groups the weightiest comes first. Only authors of papers with such feedback and words of their titles, or
    of the texts of two of them, are returned: a word of one abstract rarely names its subject. None weighs little
    beside the heaviest ones, is in papers on any subject or in a single one, or is a stop word, and of words shorter
    than four letters there are only `acronyms`. Return an empty list for a taste without feedback.
    """
    groups = [_heaviest(taste, papers, sign, acronyms) for papers, sign in ((taste.liked, 1), (taste.disliked, -1))]
    least = _MIN_SHARE_OF_ALL * max((abs(group[0].weight) for group in groups if group), default=0.0)
    return [one for group in groups for one in group[:most] if abs(one.weight) >= least]


def _heaviest(taste: Taste, papers: Sequence[Paper], sign: int, acronyms: Collection[str]) -> list[WeighedWord]:
    space, model = taste.learner.terms, taste.model
    if model is None:
        return []
    names = list(space.names)  # in the order of their places
    number = Counter(place for paper in papers for place in space.vector(paper).places.tolist())
    titles = {term for paper in papers for term in terms(paper.title)}
    words = [
        WeighedWord(name.removeprefix(AUTHOR), round(float(model.terms[place]), 4), name.startswith(AUTHOR))
        for place, times in number.items()
        if ((name := names[place]).startswith(AUTHOR) or name in titles or times > 1)
        and _says_something(name, space.statistics, acronyms)
    ]
    ranked = sorted((one for one in words if one.weight * sign > 1e-4), key=lambda one: (-abs(one.weight), one.word))
    return [one for one in ranked if abs(one.weight) >= _MIN_PART * abs(ranked[0].weight)]
