"""Suggest words of the field for an interest, and list the words that weigh most in a subscriber's taste. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, product
from math import log

from paperround.domain.models import Paper
from paperround.domain.text import fold, spans, terms
from paperround.matching.fields import TEXT, Field, asides, values
from paperround.matching.inflection import other_forms
from paperround.matching.learning import AUTHOR
from paperround.matching.lexical import Index, Statistics
from paperround.matching.query import Phrase
from paperround.matching.taste import Taste
from paperround.matching.words import SCHOLARLY_WORDS, STOP_WORDS

_MIN_PAPERS, _MIN_LETTERS = 3, 3
_SHORT = 4  # letters: a shorter word alone is a piece of a name ("MEM-x"), unless it is an acronym
# Of the papers that fit: a word that fewer have leads to one of several subjects (docs/relevance.md, "Words to add").
_MIN_SHARE = 0.4
_PHRASE_WORTH = 1.5  # two adjacent words say more than either alone
# How unlikely it is that so many of the papers that fit have a term by chance: the logarithm of a likelihood ratio.
# Among some hundred words, one reaches 6 by chance. The new word of a pair is one of two.
_MIN_SURPRISE, _MIN_SURPRISE_IN_PAIR = 6.0, 3.0
_MIN_LIFT = 8.0  # how many times as frequent among the papers that fit: others lead away from the subject
_FIXED = 0.3  # of the papers with the rarer of two words: in fewer, they are adjacent by chance ("human videos")
_TOGETHER = 0.6  # of the papers with the first word, if the second says nothing alone ("language models")
_IN_TITLES = 0.1  # of the papers with a term: one that fewer have in their titles is no subject ("workloads")
_VERB = 0.34  # of the papers with a word: in so many an article follows it, as it follows a verb
_SAME_BEGINNING, _MAX_ENDING = 4, 2  # letters that forms of a word share at least, and that the shorter adds at most
_GENERIC = 0.15  # of all papers: a word in more of them is uninformative ("based", "using")
_MIN_DOCUMENTS = 200  # papers; fewer do not tell which words are in papers on any subject, or in a single one
_MIN_FREQUENCY = 2  # papers: a word of a single one, such as the name of its method, is uninformative too
# Of the weight of the heaviest word of its group, and of both groups. Lighter words are as good as chance: after some
# ratings of less, even the heaviest of that group may be, since papers without feedback weigh against words as well.
_MIN_PART, _MIN_SHARE_OF_ALL = 0.2, 0.1
_BEFORE_NOUNS = frozenset(("a", "an", "its", "our", "the", "their", "these", "this"))
_NO_NOUN = re.compile(r".{3,}(?:[ai]ble|[ai]bility|(?<!v)al|ary|ed|ful|ic|ive|less|ly|ness|ous)")
_HYPHENS = frozenset("-\u2010\u2011")

Term = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldVocabulary:
    """What tells the terms of a field from other words: the papers of a site, and a language."""

    index: Index
    """The papers of the site."""
    statistics: Statistics
    """The word counts of these papers."""
    is_frequent: Callable[[str], bool] = STOP_WORDS.__contains__
    """Returns whether a word is a frequent one of the language."""
    is_word: Callable[[str], bool] = STOP_WORDS.__contains__
    """Returns whether a word is in the language at all."""

    def frequency(self, term: Term) -> int:
        """Return the number of papers that have a word, or two adjacent words."""
        if len(term) == 1:
            return self.statistics.frequencies.get(term[0], 0)
        return len(self.index.rows(Phrase(term)))

    def usual_share(self, term: Term) -> float:
        """Return the share of papers that have a term: here or, of a word, elsewhere, whichever is more."""
        here = (self.frequency(term) + 1) / (self.statistics.documents + 2)
        others = self.statistics.background
        return max(here, others.frequencies.get(term[0], 0) / others.documents) if others and len(term) == 1 else here

    def is_subject(self, term: Term) -> bool:
        """Return whether enough of the papers with a term have it in their titles, which name what they are about."""
        return len(self.index.rows(Phrase(term, Field.TITLE))) >= _IN_TITLES * self.frequency(term)

    def is_fixed(self, pair: Term) -> bool:
        """Return whether two words belong together: many of the papers with the rarer one have them side by side."""
        return self.frequency(pair) >= _FIXED * min(self.frequency((word,)) for word in pair)

    def is_verb(self, word: str) -> bool:
        """Return whether the language inflects a word as a verb: *restore* as *restored*, but not *sensor*."""
        return any(form.endswith(("ed", "ing")) and self.is_word(form) for form in (word, *other_forms(word)))


def suggest_words(
    known: Collection[str], best: Sequence[tuple[Paper, float]], vocabulary: FieldVocabulary, most: int = 8
) -> list[str]:
    """Return words and pairs of words that the papers that fit an interest share, most distinctive first.

    `known` are the terms that the interest already has; other forms of them are not suggested. `best` are the papers
    that fit, each with its weight, which is negative for papers that the subscriber wants less of. At least 40% of
    those that fit, and three, have each of the terms, and far fewer of all papers. A single word is a noun or an
    acronym, and no frequent word of the language.
    """
    mentions = _Mentions.of(best)
    worth = {
        term: worth
        for term in mentions.spellings
        if mentions.is_shared(term)
        and (new := [word for word in term if not any(_is_form_of(word, one) for one in known)])
        and _is_term(term, mentions, vocabulary)
        and vocabulary.is_subject(term)
        and (worth := _worth(term, new, mentions, vocabulary))
    }
    # Break ties alphabetically: the result must not depend on the order of the papers.
    ranked = sorted(worth, key=lambda term: (-worth[term], term))
    return [mentions.spelling(term) for term in _without_repetition(ranked, most)]


@dataclass(frozen=True, slots=True)
class _Mentions:
    """The words and pairs of adjacent words of some papers, each of which has a weight."""

    total: float
    """The sum of the weights above 0."""
    weights: defaultdict[Term, float] = field(default_factory=lambda: defaultdict(float))
    """The sum of the weights of the papers with each term."""
    papers: Counter[Term] = field(default_factory=Counter)
    """The number of papers with each term whose weight is above 0."""
    as_verbs: Counter[str] = field(default_factory=Counter)
    """The number of papers in which an article follows a word."""
    spellings: defaultdict[Term, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """How papers write each term, with the number of papers."""

    @classmethod
    def of(cls, best: Sequence[tuple[Paper, float]]) -> _Mentions:
        """Return the mentions in papers with these weights."""
        found = cls(sum(weight for _, weight in best if weight > 0))
        for paper, weight in best:
            for term, text in _terms_of(paper).items():
                found.weights[term] += weight
                found.papers[term] += weight > 0
                found.spellings[term][text] += 1
            found.as_verbs.update(_before_articles(paper))
        return found

    def is_shared(self, term: Term) -> bool:
        """Return whether enough of the papers that fit have a term."""
        return self.papers[term] >= _MIN_PAPERS and self.share(term) >= _MIN_SHARE

    def share(self, term: Term) -> float:
        """Return the share of the papers that fit that have a term; those that are unwanted count against it."""
        return self.weights[term] / self.total

    def is_verb(self, word: str) -> bool:
        """Return whether papers use a word as a verb."""
        return self.as_verbs[word] >= _VERB * self.spellings[word,].total()

    def is_acronym(self, word: str) -> bool:
        """Return whether most papers write a word with capital letters or digits after its first letter."""
        spellings = self.spellings[word,]
        marked = sum(number for text, number in spellings.items() if not (text[1:].isalpha() and text[1:].islower()))
        return marked * 2 > spellings.total()

    def spelling(self, term: Term) -> str:
        """Return how most papers write a term, without the capital letter that a word only begins with."""
        text = min(self.spellings[term].items(), key=lambda item: (-item[1], item[0]))[0]
        return re.sub(r"\w+", lambda word: word[0].lower() if word[0][1:].islower() else word[0], text)

    def surprise(self, term: Term, vocabulary: FieldVocabulary) -> float:
        """Return how unlikely it is that so many of these papers have a term by chance; 0 if it is likely.

        This is the logarithm of the ratio of the likelihoods (Poisson) of their number and of the usual one.
        """
        found, expected = self.weights[term], self.total * vocabulary.usual_share(term)
        return found * log(found / expected) - (found - expected) if found > expected else 0.0


def _is_term(term: Term, mentions: _Mentions, vocabulary: FieldVocabulary) -> bool:
    """Return whether a word can name a subject alone, or two words together."""
    if any(map(mentions.is_verb, term)):
        return False
    first, *others = mentions.spelling(term).lower().split(" ")
    if not others:
        return mentions.is_acronym(term[0]) or not (
            len(first) < _SHORT
            or _NO_NOUN.fullmatch(first)
            or term[0] in SCHOLARLY_WORDS
            or vocabulary.is_frequent(term[0])
            or vocabulary.is_verb(term[0])
        )
    # The first noun of two is in the singular: "restores vision" has a verb in the place of it.
    if fold(first) != term[0] or first.endswith("ly") or term[0] in SCHOLARLY_WORDS:
        return False
    if term[1] in SCHOLARLY_WORDS and mentions.weights[term] < _TOGETHER * mentions.weights[term[:1]]:
        return False
    return not _NO_NOUN.fullmatch(term[1]) and vocabulary.is_fixed(term)


def _worth(term: Term, new: Sequence[str], mentions: _Mentions, vocabulary: FieldVocabulary) -> float:
    """Return how distinctive a term of the papers that fit is; 0 if it is not. `new` are the words to add."""
    surprise = mentions.surprise(term, vocabulary)
    if surprise < _MIN_SURPRISE or mentions.share(term) < _MIN_LIFT * vocabulary.usual_share(term):
        return 0.0
    if len(term) == 1:
        return surprise
    said = max(mentions.surprise((word,), vocabulary) for word in new)
    return _PHRASE_WORTH * surprise if said >= _MIN_SURPRISE_IN_PAIR else 0.0


def _is_form_of(word: str, other: str) -> bool:
    """Return whether two words have one stem, as far as their beginnings tell: *therapeutic* and *therapy*."""
    same = next((at for at, (one, two) in enumerate(zip(word, other, strict=False)) if one != two), None)
    shared = min(len(word), len(other)) if same is None else same
    return word == other or (shared >= _SAME_BEGINNING and min(len(word), len(other)) - shared <= _MAX_ENDING)


def _terms_of(paper: Paper) -> dict[Term, str]:
    """Return the words and pairs of adjacent words of a paper, each with its spelling there."""
    texts: dict[Term, str] = {}
    for text, words in _texts(paper):
        for word, start, end in words:
            if is_significant(word):
                texts.setdefault((word,), text[start:end])
        for (one, start, end), (other, at, stop) in pairwise(words):
            if is_significant(one) and is_significant(other) and one != other and _adjoin(text, start, end, at, stop):
                texts.setdefault((one, other), text[start:stop])
    return texts


def _texts(paper: Paper) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
    """Yield the texts of a paper with their terms that are in no aside, each with its beginning and end."""
    left_out = {*chain.from_iterable(asides(paper))}
    for name, text in chain.from_iterable(product([name], values(paper, name)) for name in TEXT):
        yield (
            text,
            [
                (word, start, end)
                for number, (word, (start, end)) in enumerate(zip(terms(text), spans(text), strict=True))
                if name is not Field.ABSTRACT or number not in left_out
            ],
        )


def _adjoin(text: str, start: int, end: int, at: int, stop: int) -> bool:
    """Return whether only a space is between two words, which no hyphen joins to further ones."""
    return text[end:at] == " " and _HYPHENS.isdisjoint((text[start - 1 : start], text[stop : stop + 1]))


def _before_articles(paper: Paper) -> set[str]:
    """Return the words of a paper that an article or a similar word follows, as it follows verbs."""
    return {
        one
        for text, words in _texts(paper)
        for (one, _, end), (other, at, _) in pairwise(words)
        if other in _BEFORE_NOUNS and text[end:at] == " "
    }


def is_significant(word: str) -> bool:
    """Return whether a term can describe a subject: not too short, no stop word and no number."""
    return len(word) >= _MIN_LETTERS and word not in STOP_WORDS and not word.isdecimal()


def _without_repetition(ranked: Iterable[Term], most: int) -> Iterator[Term]:
    """Yield up to `most` of the best terms, skipping any that shares a word, or its stem, with a better one."""
    taken, number = list[str](), 0
    for term in ranked:
        if number == most:
            return
        if not any(_is_form_of(word, one) for word in term for one in taken):
            taken += term
            number += 1
            yield term


def _stands_alone(word: str, acronyms: Collection[str]) -> bool:
    return len(word) >= _SHORT or word in acronyms


def _is_generic(word: str, statistics: Statistics) -> bool:
    known = statistics.total
    return word in SCHOLARLY_WORDS or (known >= _MIN_DOCUMENTS and statistics.frequency(word) > _GENERIC * known)


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
