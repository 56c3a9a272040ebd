"""Previews an interest on the papers of the past weeks, ranked again after each answer."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.models import Feedback, Paper
from paperround.domain.preferences import Breadth
from paperround.matching import ranking
from paperround.matching.author_names import author_exactly_named
from paperround.matching.interests import least_fit
from paperround.matching.negation import unwanted_in
from paperround.matching.suggestions import suggest_words
from paperround.matching.taste import Taste, Tastes
from paperround.matching.words import Words, interpret_once, is_plain, operators_in, says_nothing
from paperround.rendering import breadth_labels
from paperround.rendering.language import Language
from paperround.rounds.collection import Collection, CollectionSnapshot, is_known
from paperround.rounds.interests import InterestBatch, Interests, tastes
from paperround.rounds.meaning import Meaning

SHOWN = 10  # papers
MOST_ANSWERS = 40
_MAX_RANKED = 150  # best fitting papers, which the answers rank
_SUGGESTED_FROM = 12  # papers
_LIKED_WORTH, _DISLIKED_WORTH = 3.0, -2.0  # weights of answers; a paper that merely fits has 1
_BROAD_SHARE = 0.1  # of the papers; an interest that takes more is too broad
_SHORT = 3  # letters; a word of another language that is no longer may look like an English one
_FEW_PAPERS = 500  # with fewer, interests take few of the papers that fit (docs/relevance.md, "On a new site")

Answers = Mapping[int, int]
"""+1 (more like this) or −1 (less) by paper number."""


@dataclass(frozen=True, slots=True)
class TriedPaper:
    """A paper that fits an interest."""

    paper: Paper
    fit: float
    """How well it fits, 0 to 1."""
    taken: bool
    """Whether it fits well enough for letters."""
    wider: Breadth | None
    """The narrowest wider breadth with which it would fit well enough; None if there is none, or none is needed."""
    why: tuple[str, ...]
    answer: int = 0
    """The answer, +1 or −1; 0 if there is none."""


class WiderBreadth(NamedTuple):
    """A breadth that takes more papers than the one that was tried."""

    breadth: Breadth
    taken: int
    """The number of papers that it takes."""


@dataclass(frozen=True, slots=True)
class InterestTrial:
    """The result of trying an interest on the papers of the past weeks."""

    query: str
    papers: tuple[TriedPaper, ...] = ()
    """The best papers, best first."""
    suggestions: tuple[str, ...] = ()
    """Technical terms that could be added to the interest."""
    taken: int = 0
    """The number of papers that fit well enough for letters; of plain words, without those that were answered."""
    answered: bool = False
    """Whether papers were answered."""
    wider: WiderBreadth | None = None
    """A breadth that takes more papers; None if there is none."""
    total: int = 0
    """The number of papers compared."""
    since: date | None = None
    """The day of the oldest paper compared; None if there are none."""
    exact: bool = False
    """Whether it is a query with operators, which papers match exactly or not at all."""
    empty: bool = False
    """Whether it has only words that papers on any subject have, such as "the"."""
    unwanted: str = ""
    """What it says that the subscriber does not want: the words that it nevertheless looks for."""
    author: str = ""
    """A query for the author whose name it is; empty if it is none."""
    correction: str = ""
    """The interest with its probable typing mistakes corrected; empty if it has none."""
    unknown: bool = False
    """Whether none of its words, or only short ones, occur in any of the papers, and no paper fits in meaning."""

    @property
    def doubtful(self) -> bool:
        """Whether emails would hardly contain what the subscriber means."""
        return bool(
            self.vague or self.broad or self.empty or self.unknown or self.unwanted or self.author or not self.total
        )

    @property
    def vague(self) -> bool:
        """Whether no paper fits well enough for letters."""
        return not self.exact and self.total > 0 and not self.taken

    @property
    def broad(self) -> bool:
        """Whether too many papers fit for the interest to be useful."""
        return self.taken > max(SHOWN, _BROAD_SHARE * self.total)


class Trials:
    """Tries interests on the newest papers. There is one instance per process, and it indexes the papers once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: tuple[CollectionSnapshot, tuple[int, int], Tastes] | None = None

    def try_interest(self, text: str, answers: Answers, breadth: Breadth = Breadth.USUAL) -> InterestTrial:
        """Return the result of an interest on the newest papers, ranked as in a letter.

        It is that of a subscriber with these answers and this breadth. Raises QueryError or PreferenceError if the
        text cannot be an interest.
        """
        query = "".join(preferences.read_field("queries", [text]))
        wanted = interpret_once(query)
        words = wanted if isinstance(wanted, Words) else None
        (past, learned), meant = self._current(), self._app.shared(Collection).correct(query)
        feedback, batch = self._feedback(answers), self._batch(query, past)
        fits = self._app.shared(Interests).fits(query, wanted, batch, feedback)
        known = {paper.row: paper for paper in past.papers}
        known |= self._app.store.papers.by_rows(answers.keys() - known.keys())
        best = sorted(fits, key=lambda row: (-fits[row], -row))[:_MAX_RANKED]
        ranked = _rank(best, fits, learned.of(feedback, known, ()), known)[:SHOWN]
        reasons = self._app.shared(Interests).reasons(query, wanted, batch, ranked)
        least = least_fit(breadth.steps) if words else 0.0
        news = [fit for row, fit in fits.items() if not words or row not in answers]
        taken, fitting = sum(fit >= least for fit in news), any(fit >= least for fit in fits.values())
        return InterestTrial(
            query,
            papers=tuple(
                TriedPaper(
                    known[row],
                    round(fits[row], 4),
                    fits[row] >= least,
                    wider.breadth if words and (wider := wider_breadth(breadth, [fits[row]])) else None,
                    reasons[row],
                    answers.get(row, 0),
                )
                for row in ranked
            ),
            suggestions=self._suggestions(words, best, answers, known, past) if words else (),
            taken=taken,
            answered=bool(answers),
            wider=wider_breadth(breadth, news) if words else None,
            total=len(past.papers),
            since=min((paper.day for paper in past.papers), default=None),
            exact=words is None,
            empty=says_nothing(query),
            unwanted=unwanted_in(query),
            author=name_of_author(self._app, query),
            correction=meant.text if meant.changes else "",
            unknown=words is not None and not fitting and _are_unknown(words, past.statistics.frequencies),
        )

    def taste(self, subscriber: int) -> Taste:
        """Return the taste learned from a subscriber's feedback and library, based on the newest papers."""
        _, learned = self._current()
        feedback = self._app.store.feedback.of(subscriber)
        examples, known = self._app.store.examples.learned_from(subscriber)
        known |= self._app.store.papers.by_rows(one.paper for one in feedback)
        return learned.of((*feedback, *examples), known)

    def _current(self) -> tuple[CollectionSnapshot, Tastes]:
        """Return the newest papers, and what learns tastes against them and their vectors."""
        past = self._app.shared(Collection).recent()
        meaning = self._app.shared(Meaning)
        meaning.table()
        coverage = meaning.coverage(past.index.numbers)
        if self._known is None or self._known[0] is not past or self._known[1] != coverage:
            self._known = past, coverage, tastes(self._app)
        return past, self._known[2]

    def _batch(self, query: str, past: CollectionSnapshot) -> InterestBatch:
        """Return the newest papers to compare an interest with, whose vector is then known."""
        meaning = self._app.shared(Meaning)
        meaning.of_query(meaning.written_out(query))
        return InterestBatch(past.index, meaning.table().of(past.index.numbers))

    def _feedback(self, answers: Answers) -> list[Feedback]:
        return [Feedback(row, verdict, self._app.clock()) for row, verdict in answers.items()]

    def _suggestions(
        self,
        words: Words,
        best: Sequence[int],
        answers: Answers,
        known: Mapping[int, Paper],
        past: CollectionSnapshot,
    ) -> tuple[str, ...]:
        worth = {1: _LIKED_WORTH, -1: _DISLIKED_WORTH}
        rows = dict.fromkeys([*best[:_SUGGESTED_FROM], *(row for row in answers if row in known)])
        weighed = [(known[row], worth.get(answers.get(row, 0), 1.0)) for row in rows]
        had = {term for phrase in words.phrases for term in phrase.terms}
        return tuple(suggest_words(had, weighed, past.statistics, acronyms=past.vocabulary.long_forms.keys()))


def _are_unknown(words: Words, known: Container[str]) -> bool:
    """Return whether papers know none of these words, or only short ones by chance, as in another language.

    The German "mit" is not MIT. More words must be missing, and be no English, than are found.
    """
    every = str(words).split()
    found = [term for term in every if term in known]
    missing = [term for term in every if len(term) > _SHORT and not is_known(term)]
    return not found or (len(missing) > len(found) and all(len(term) <= _SHORT for term in found))


def _rank(rows: Iterable[int], fits: Mapping[int, float], taste: Taste, known: Mapping[int, Paper]) -> list[int]:
    """Return the papers in the order in which a letter would rank them."""
    if taste.neutral:
        return list(rows)
    scores = {
        row: ranking.score(fits[row], 0.0, taste.affinity(known[row]).degree, followed=False, code=False).total
        for row in rows
    }
    return sorted(scores, key=lambda row: (-scores[row], -row))


def read_answers(pairs: Iterable[tuple[str, int]]) -> dict[int, int]:
    """Return the answers in pairs of (`more`, `less` or `forget`, paper number); the last one on a paper counts."""
    found: dict[int, int] = {}
    verdicts = {"more": 1, "less": -1}
    for name, row in pairs:
        if name in verdicts and row:
            found[row] = verdicts[name]
        elif name == "forget":
            found.pop(row, None)
    return dict(list(found.items())[-MOST_ANSWERS:])


def wider_breadth(breadth: Breadth, fits: Sequence[float]) -> WiderBreadth | None:
    """Return the next wider breadth that takes more of the papers with these fits; None if there is none."""
    taken = _taken(breadth, fits)
    return next(
        (WiderBreadth(wider, number) for wider in breadth.wider if (number := _taken(wider, fits)) > taken), None
    )


def _taken(breadth: Breadth, fits: Sequence[float]) -> int:
    least = least_fit(breadth.steps)
    return sum(fit >= least for fit in fits)


def describe_trial(
    trial: InterestTrial,
    language: Language,
    more: str = "+",
    less: str = "−",
    setting: Callable[[Breadth, Language], str] = breadth_labels.setting,
) -> str:
    """Return a few sentences that tell the subscriber how useful the interest is.

    `more` and `less` are what they answer papers with; `setting` tells what to choose for a breadth.
    """
    _, number = language.gettext, language.number
    if not trial.total:
        return _("There are no papers to try it on yet.")
    if trial.empty:
        return _("Papers on any subject have these words. Say what the papers should be about.")
    if doubts := describe_doubts(trial.unwanted, trial.author, language):
        return doubts
    if trial.exact:
        return f"{_describe_exact(trial, language)} {describe_operators(trial.query, language)}".strip()
    if trial.unknown:
        return _(
            "The newest papers have none of these words, or only short ones. Try words that a paper on your interest "
            "would use, in English."
        )
    helps = " ".join(describe_help(trial.total, trial.wider, language, setting))
    if trial.vague:
        sentences = (
            _("Besides the papers you answered, none stands out enough to be emailed.")
            if trial.answered
            else _("No paper stands out enough to be emailed."),
            helps or _("The interest may be too vague, or nothing on it has appeared lately."),
            _("The closest papers are below: answer with %(more)s and %(less)s, or add a technical term.")
            % {"more": more, "less": less},
        )
        return " ".join(sentences)
    if trial.broad:
        return _(
            "%(taken)s of the %(total)s newest papers fit, which is too many to tell what you are looking for. "
            "Add a word that narrows it down."
        ) % {"taken": number(trial.taken), "total": number(trial.total)}
    verdict = _describe_taken(trial, language)
    return f"{verdict} {helps}" if helps and has_few_papers(trial.total) else verdict


def _describe_taken(trial: InterestTrial, language: Language) -> str:
    if trial.answered:
        return language.count(
            "Besides the papers you answered, %(num)s of the newest papers stands out and would have been emailed.",
            "Besides the papers you answered, %(num)s of the newest papers stand out and would have been emailed.",
            trial.taken,
        )
    return language.count(
        "%(num)s of the newest papers stands out and would have been emailed.",
        "%(num)s of the newest papers stand out and would have been emailed.",
        trial.taken,
    )


def has_few_papers(total: int) -> bool:
    """Return whether a site has so few papers that interests take few of those that fit."""
    return total < _FEW_PAPERS


def describe_help(
    total: int,
    wider: WiderBreadth | None,
    language: Language,
    setting: Callable[[Breadth, Language], str] = breadth_labels.setting,
) -> list[str]:
    """Return what would bring more papers, a sentence each: time and answers on a site with few papers, or a breadth.

    `total` is the number of papers of the site.
    """
    sentences = []
    if has_few_papers(total):
        sentences.append(
            language.count(
                "This site has only %(num)s paper so far, too few to tell what stands out. Your first answers help "
                "most.",
                "This site has only %(num)s papers so far, too few to tell what stands out. Your first answers help "
                "most.",
                total,
            )
        )
    if wider:
        sentence = language.ngettext(
            "With %(setting)s, %(num)s paper would be emailed.",
            "With %(setting)s, %(num)s papers would be emailed.",
            wider.taken,
        )
        known = {"setting": setting(wider.breadth, language), "num": language.number(wider.taken)}
        sentences.append(sentence % known)
    return sentences


def _describe_exact(trial: InterestTrial, language: Language) -> str:
    if not trial.taken:
        return language.gettext("None of the newest papers matches exactly.")
    return language.count(
        "%(num)s of the newest papers matches exactly.",
        "%(num)s of the newest papers match exactly.",
        trial.taken,
    )


def describe_operators(text: str, language: Language) -> str:
    """Return why a text is read as a query, and how to have it read as plain words; "" if it has no operator."""
    operators = operators_in(text)
    if not operators:
        return ""
    return language.gettext(
        "Read as a query because of %(operators)s: it finds exact matches only. To look for the words instead, write "
        "them without operators and quotation marks."
    ) % {"operators": language.list(operators)}


def name_of_author(app: App, text: str) -> str:
    """Return the query for the author whose full name an interest is; "" if it is no name of an author."""
    return author_exactly_named(app.shared(Collection).recent().vocabulary, text) if is_plain(text) else ""


def describe_doubts(unwanted: str, author: str, language: Language) -> str:
    """Return why plain words hardly find what is meant; empty if nothing speaks against them.

    `unwanted` is what they say that the subscriber does not want; `author` is the query for the author whose name
    they are.
    """
    if unwanted:
        return _describe_unwanted(unwanted, language)
    return _describe_author(author, language) if author else ""


def _describe_author(query: str, language: Language) -> str:
    return language.gettext("This is the name of an author. For their papers, enter: %(query)s") % {"query": query}


def _describe_unwanted(words: str, language: Language) -> str:
    return language.gettext(
        "This brings papers about “%(words)s” instead of keeping them away. Write what you want to read about; what "
        "you never want goes under “Leave out” in the preferences."
    ) % {"words": words}
