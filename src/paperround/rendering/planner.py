"""Plan a letter: which papers and notes it has, best first, and why. Pure."""

from __future__ import annotations

from datetime import date

from paperround.domain.models import Digest, NoteKind, Paper, Pick, Section
from paperround.process.generational_cache import GenerationalCache
from paperround.rendering import reasons
from paperround.rendering.card import build_note
from paperround.rendering.language import Language
from paperround.rendering.letter_facts import LetterFacts, in_order
from paperround.rendering.size import Plan, PlannedPaper
from paperround.rendering.topic_names import topic_of_pick

_PLACES = {NoteKind.SAVED: -1, NoteKind.CLOSE: 1}  # the notes before and after those on what is new
_SEVERAL_DAYS = 3  # from which a letter names the days of its papers: Monday's with those of the weekend does not
_KEPT_PAPERS = 8_000


class Planner:
    """Plans the letters in one language. Threads may share it."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._choices: GenerationalCache[PlannedPaper] = GenerationalCache(_KEPT_PAPERS)

    def plan(self, facts: LetterFacts) -> Plan:
        """Return the plan of a letter: the digest's papers that are in `papers`, best first over all topics."""
        digest, papers, subscriber = facts.digest, facts.papers, facts.subscriber
        picks = [(section, pick) for section, pick in in_order(digest) if pick.paper in papers]
        keys = [(pick.paper, pick.why, section.topic, section.name) for section, pick in picks]
        choices = [
            choice
            if choice and choice.paper is papers[pick.paper]
            else self._planned_paper(papers[pick.paper], section, pick)
            for choice, (section, pick) in zip(self._choices.get_all(keys), picks, strict=True)
        ]
        noted = [note for note in digest.notes if note.paper in papers]
        notes = [build_note(note, papers[note.paper], self._language, digest.day) for note in noted]
        notes.sort(key=lambda note: _PLACES.get(note.kind, 0))
        days = [choice.paper.day for choice in choices] or [digest.day]
        return Plan(
            tuple(choices),
            len(digest.more),
            subscriber.density,
            notes=tuple(notes),
            facts=digest.facts,
            left_out=digest.left_out,
            days=_covered_days(digest, min(days), max(days)),
            of_today=(digest.day - min(days)).days <= 1,
        )

    def _planned_paper(self, paper: Paper, section: Section, pick: Pick) -> PlannedPaper:
        """Return the planned paper, the same instance each time for the same paper and reasons: it is a cache key."""
        why, tag = reasons.worth_printing(pick.why), topic_of_pick(section, pick, self._language)
        known = self._choices.get((paper.row, why, tag))
        if known is None or known.paper != paper:
            known = self._choices.put((paper.row, why, tag), PlannedPaper(paper, why, tag))
        return self._choices.put((pick.paper, pick.why, section.topic, section.name), known)


def _covered_days(digest: Digest, first: date, last: date) -> tuple[date, date] | None:
    """Return the first and last day of the papers of a daily letter if it reaches back several days.

    A subscriber's first letter does, and the one after a pause.
    """
    reaches_back = not digest.cadence.covers_several_days and (digest.day - first).days >= _SEVERAL_DAYS
    return (first, last) if reaches_back else None
