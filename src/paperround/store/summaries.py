"""Summaries that a machine wrote, kept with their papers and printed with the issues that are not sent yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, func, select, update

from paperround.domain.models import DeliveryState, Paper
from paperround.domain.preferences import Density
from paperround.store.engine import reading, writing
from paperround.store.papers import load_rows
from paperround.store.schema import deliveries, digest_papers, issue_papers, papers, subscribers


@dataclass(frozen=True, slots=True)
class MissingSummary:
    """A paper of letters that are about to be sent, which has no summary in the language of these letters."""

    paper: Paper
    language: str


class Summaries:
    """Summaries written by a machine, by paper and language. An empty one means that none could be written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def missing(self) -> list[MissingSummary]:
        """Return the missing summaries of letters that are about to be sent, those that most letters need first."""
        with reading(self._engine) as db:
            letters = Counter[tuple[int, str]]()
            for (_, paper, language), number in _unsent(db).items():
                letters[paper, language] += number
            by_row = load_rows(db, {paper for paper, _ in letters})
        ordered = sorted(letters, key=lambda key: (-letters[key], key))
        candidates = [MissingSummary(by_row[row], language) for row, language in ordered if row in by_row]
        return [
            candidate
            for candidate in candidates
            if not candidate.paper.summary and candidate.language not in candidate.paper.summaries
        ]

    def keep(self, paper: int, language: str, text: str) -> None:
        """Store the summary of a paper in a language."""
        with writing(self._engine) as db:
            query = select(papers.c.summaries).where(papers.c.row == paper).with_for_update()
            summaries = {**(db.scalar(query) or {}), language: text}
            db.execute(update(papers).where(papers.c.row == paper).values(summaries=summaries))

    def print(self, written: Iterable[tuple[int, str, str]]) -> None:
        """Add summaries (paper, language, text) to the issues whose letters in that language are all unsent.

        Letters that were sent, and their pages in the browser, stay as they are.
        """
        texts = {(paper, language): text for paper, language, text in written if text}
        with writing(self._engine) as db:
            for issue, paper, language in sorted(_unsent(db)):
                if text := texts.get((paper, language)):
                    mine = (issue_papers.c.issue == issue) & (issue_papers.c.paper == paper)
                    query = select(issue_papers.c.snapshot).where(mine).with_for_update()
                    snapshot: dict[str, Any] = db.scalar(query) or {}
                    changed = {**snapshot, "summaries": {**snapshot.get("summaries", {}), language: text}}
                    db.execute(update(issue_papers).where(mine).values(snapshot=changed))


def _unsent(db: Connection) -> dict[tuple[int, int, str], int]:
    """Return the number of letters for each issue, paper and language of which no letter has been tried yet."""
    untried = and_(deliveries.c.state == DeliveryState.QUEUED.value, deliveries.c.attempts == 0)
    open_issues = select(deliveries.c.issue).where(untried, deliveries.c.digest.is_not(None))
    what = deliveries.c.issue, digest_papers.c.paper, subscribers.c.language
    mine = (digest_papers.c.subscriber == deliveries.c.subscriber) & (digest_papers.c.digest == deliveries.c.digest)
    query = (
        select(*what, func.count())
        .join_from(deliveries, digest_papers, mine)
        .join(subscribers, subscribers.c.row == deliveries.c.subscriber)
        .where(deliveries.c.issue.in_(open_issues))
        .where(subscribers.c.density != Density.TITLES.value)  # these letters have no summaries
        .group_by(*what)
        .having(func.sum(case((untried, 0), else_=1)) == 0)
    )
    return {(issue, paper, language): number for issue, paper, language, number in db.execute(query)}
