"""Sentences and labels about the number of papers in a letter, and about those it was chosen from. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from paperround.domain.models import DayFacts
from paperround.rendering.excerpt import keep_together
from paperround.rendering.language import Language
from paperround.rendering.letter_view import Block
from paperround.rendering.source_names import source_name

_WORDS_A_MINUTE = 220
_MIN_MINUTES = 2  # that a letter mentions


def count_minutes(blocks: Iterable[Block]) -> int:
    """Return the reading time of the blocks in minutes, at least one."""
    return max(1, round(sum([block.words for block in blocks]) / _WORDS_A_MINUTE))


@lru_cache(maxsize=1024)
def describe_papers(papers: int, topics: int, more: int, language: Language) -> str:
    """Return a summary of the content, such as `9 papers on 3 topics; 4 more online`."""
    if not papers:
        return _describe_more_online(more, language) or language.gettext("no new papers")
    summary = language.gettext("%(papers)s on %(topics)s") % {
        "papers": language.count("%(num)s paper", "%(num)s papers", papers),
        "topics": language.count("%(num)s topic", "%(num)s topics", topics),
    }
    return f"{summary}; {_describe_more_online(more, language)}" if more else summary


def _describe_more_online(more: int, language: Language) -> str:
    return language.count("%(num)s more online", "%(num)s more online", more) if more else ""


def describe_no_papers(
    saved: int, close: int, left_out: int, language: Language, facts: DayFacts | None = None
) -> str:
    """Return a summary of the content of a letter without new papers.

    `saved` is the number of saved papers that it names, `close` that of papers that came close to an interest, and
    `left_out` that of papers that the subscriber excludes. If a source was late by the day's facts, papers may still
    come.
    """
    if saved:
        return language.count("%(num)s saved paper", "%(num)s saved papers", saved)
    if close:
        return language.count(
            "%(num)s paper close to your interests", "%(num)s papers close to your interests", close
        )
    if left_out:
        return language.gettext("No new papers other than those you leave out")
    if facts and facts.late:
        return language.gettext("No new papers for you yet")
    return language.gettext("No new papers for you")


def name_closest(title: str, language: Language) -> str:
    """Return the beginning of the subject of a letter of close papers alone."""
    return language.gettext("Close to your interests: %(title)s") % {"title": title}


@lru_cache(maxsize=1024)
def describe_others(others: int, language: Language) -> str:
    """Return ` · 8 more` for the subject; empty for 0."""
    return " · " + language.count("%(num)s more", "%(num)s more", others) if others else ""


@lru_cache(maxsize=1024)
def describe_reading(papers: int, minutes: int, language: Language) -> str:
    """Return the number of papers and the reading time, such as `10 papers, 3 minutes`.

    A minute is not worth mentioning: most letters take no longer.
    """
    counted = keep_together(language.count("%(num)s paper", "%(num)s papers", papers))
    if minutes < _MIN_MINUTES:
        return counted
    return language.gettext("%(papers)s, %(time)s") % {
        "papers": counted,
        "time": keep_together(language.count("%(num)s minute", "%(num)s minutes", minutes)),
    }


def describe_only_paper(authors: str, language: Language) -> str:
    """Return the first line of a letter with a single paper, whose title is the subject; empty without authors."""
    return language.gettext("A paper by %(names)s") % {"names": authors.removesuffix(".")} if authors else ""


@lru_cache(maxsize=1024)
def describe_share(shown: int, more: int, close: int, language: Language) -> str:
    """Return `10 of 28`, `10 papers` if all are shown, or `3 close papers` if there are no others."""
    if not shown and not more:
        found = language.count("%(num)s close paper", "%(num)s close papers", close) if close else ""
        return keep_together(found) or language.gettext("nothing new")
    if not more:
        return keep_together(language.count("%(num)s paper", "%(num)s papers", shown))
    numbers = {"shown": language.number(shown), "all": language.number(shown + more)}
    return keep_together(language.gettext("%(shown)s of %(all)s") % numbers)


@lru_cache(maxsize=1024)
def label_all_online(papers: int, more: int, language: Language) -> str:
    """Return the label of the button to all papers online; empty if all are in the letter."""
    return language.count("Read all %(num)s online", "Read all %(num)s online", papers + more) if more else ""


def describe_left_out(number: int, language: Language) -> str:
    """Return how many papers were left out at the subscriber's request; empty for 0."""
    if not number:
        return ""
    return language.count(
        "%(num)s paper was left out, as you asked.", "%(num)s papers were left out, as you asked.", number
    )


@lru_cache(maxsize=1024)
def describe_end(
    facts: DayFacts | None,
    language: Language,
    *,
    shown: int,
    more: int,
    left_out: int = 0,
    days: tuple[date, date] | None = None,
) -> str:
    """Return the last line: that this was all, and what it was chosen from.

    `shown` papers are in the letter, `more` are only online, and `left_out` matched but are excluded by the
    subscriber. `days` are the first and last day of the papers if the letter reaches back several days.
    """
    chosen_from = facts.papers if facts and not left_out and facts.papers > shown + more else 0
    together = _describe_choice(shown, more, chosen_from, language) if shown > 1 and chosen_from else ""
    sentences = (
        together or (_describe_completeness(shown, more, language) if shown else ""),
        _describe_days(days, shown, language) if days else "",
        _describe_matched(facts, shown + more + left_out, language) if facts and not together else "",
        _describe_sources(facts, language) if facts else "",
    )
    return " ".join(filter(None, sentences))


def _describe_choice(shown: int, more: int, papers: int, language: Language) -> str:
    """Return in one sentence that this was all, and how many new papers it was chosen from."""
    _ = language.gettext
    numbers = {
        "shown": language.number(shown),
        "all": language.number(shown + more),
        "papers": language.number(papers),
    }
    if more:
        return _("Those were the %(shown)s best of the %(all)s that matched, out of %(papers)s new papers.") % numbers
    return _("That was all: %(shown)s of %(papers)s new papers matched your topics and interests.") % numbers


def _describe_completeness(shown: int, more: int, language: Language) -> str:
    _ = language.gettext
    if not more and shown == 1:
        return _("That was all.")
    if not more:
        inside = keep_together(language.count("%(num)s paper", "%(num)s papers", shown))
        return _("That was all: %(inside)s.") % {"inside": inside}
    if shown == 1:
        return _("That was the best of %(all)s papers.") % {"all": language.number(shown + more)}
    numbers = {"shown": language.number(shown), "all": language.number(shown + more)}
    return _("Those were the %(shown)s best of %(all)s papers.") % numbers


def _describe_days(days: tuple[date, date], shown: int, language: Language) -> str:
    first, last = (keep_together(language.short_date(day, days[1])) for day in days)
    sentence = (
        language.ngettext(
            "The paper in this email was announced on %(first)s.",
            "The papers in this email were announced on %(first)s.",
            shown,
        )
        if first == last
        else language.gettext("The papers in this email were announced between %(first)s and %(last)s.")
    )
    # An abbreviated month may end with a full stop, as in German, and a sentence has one.
    return (sentence % {"first": first, "last": last}).replace("..", ".")


def _describe_matched(facts: DayFacts, matched: int, language: Language) -> str:
    if matched and facts.papers <= matched:  # how many matched is told already
        return ""
    if not facts.papers and facts.late:
        return language.gettext("No new papers have arrived yet.")
    if not facts.papers:
        return language.gettext("There were no new papers.")
    if not matched and facts.papers == 1:
        return language.gettext("The only new paper did not match your topics and interests.")
    if not matched:
        none = language.gettext("None of the %(num)s new papers matched your topics and interests.")
        return none % {"num": language.number(facts.papers)}
    sentence = language.ngettext(
        "Of %(papers)s, %(fit)s matched your topics and interests.",
        "Of %(papers)s, %(fit)s matched your topics and interests.",
        matched,
    )
    papers = language.count("%(num)s new paper", "%(num)s new papers", facts.papers)
    return sentence % {"papers": papers, "fit": language.number(matched)}


def _describe_sources(facts: DayFacts, language: Language) -> str:
    _ = language.gettext
    if facts.late:
        names = language.list([source_name(name) for name in facts.late])
        return _("Some papers of %(sources)s are still missing; they come in a later email.") % {"sources": names}
    if facts.complete:
        return _("All sources were complete at %(time)s UTC.") % {"time": facts.complete}
    return ""
