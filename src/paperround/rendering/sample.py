"""A sample issue with every kind of content, to test themes and to preview them if there is no real issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from paperround.domain.models import (
    DISCUSSED,
    DayFacts,
    Digest,
    Links,
    NoteKind,
    Paper,
    PaperNote,
    Pick,
    Picture,
    Section,
    Site,
    Subscriber,
    SubscriberState,
    TopicCounts,
)
from paperround.domain.preferences import Preferences
from paperround.domain.reasons import ReasonKind, write
from paperround.domain.schedule import Cadence, Issue, span_days

DAY = date(2026, 11, 23)
SITE = Site(
    name="The Paper Round",
    base_url="https://papers.example",
    sender="letters@papers.example",
    reply_to="editors@papers.example",
    postal_address="1 Printing House Square, Exampletown",
)
LINKS = Links(
    unsubscribe="https://papers.example/u/sample",
    preferences="https://papers.example/p/sample",
    online="https://papers.example/i/sample",
    feedback="https://papers.example/f/sample",
)
SUBSCRIBER = Subscriber(
    row=1,
    email="ada@subscriber.example",
    state=SubscriberState.ACTIVE,
    preferences=Preferences(
        name="Ada", topics=("efficient-models", "graph-learning", "robots"), timezone="Europe/London"
    ),
)
PICTURE = Picture(name="668b09606a0f8f07", width=600, height=324)
"""The picture is stored next to this file. As for all pictures, its name is derived from its content."""
_FACTS: tuple[dict[str, Any], ...] = (
    {
        "title": r"Attention in $\mathcal{O}(n \log n)$: Sorting Keys Before They Are Asked For",
        "abstract": (
            "Most of the keys that a long context holds are never looked at. We sort them once, "
            "by a hash that the model learns together with its weights, and answer each query "
            r"from a short run of neighbours in $\mathcal{O}(\log n)$ steps. On twelve tasks with "
            r"contexts of up to one million tokens the result is within 0.3\% of full attention, "
            "e.g. 71.2 against 71.4 points on book questions, while a step of decoding takes a "
            "ninth of the time. Code and weights are public."
        ),
        "authors": ("Mira Okonkwo", "Jonas Feldt", "Li Qing", "Sara Benali", "Tom Ashgrove", "Ines Carvalho"),
        "organization": "Northlight Lab",
        "arxiv_id": "2611.10427",
        "url": "https://huggingface.co/papers/2611.10427",
        "pdf_url": "https://arxiv.org/pdf/2611.10427v1",
        "code_url": "https://github.com/northlight-example/sorted-keys",
        "discussion_url": "https://huggingface.co/papers/2611.10427#community",
        "upvotes": 142,
        "comments": 17,
        "stars": 1310,
        "summary": (
            "Keys are sorted once by a learned hash, so that each query is answered from a short "
            "run of neighbours: near the quality of full attention at a ninth of the decoding "
            "time."
        ),
    },
    {
        "title": "Small Enough to Think: What a Three-Billion-Parameter Model Can Plan",
        "abstract": (
            "How small may a model be before it can no longer plan? We train twelve sizes on the "
            "same data and let them pack suitcases, book trains and prove lemmas. Planning does "
            "not fade with size, it breaks: below three billion parameters models still write "
            "plans, but stop following them. A second look at the plan before each step mends "
            "most of that, at a cost of 4 % more tokens. We release all checkpoints."
        ),
        "authors": ("Aoife Brennan", "Paulo Neri"),
        "arxiv_id": "2611.10533",
        "url": "https://arxiv.org/abs/2611.10533",
        "upvotes": 58,
    },
    {
        "title": r"An $\alpha$-Divergence View of Distillation, and Why $5 of Compute Is Often Enough",
        "abstract": (
            "Distillation minimises one divergence out of a family, mostly by habit. We show that "
            "the best member of the family depends on how much of the teacher the student can "
            r"hold, and give a rule for choosing $\alpha$ from a few hundred examples."
        ),
        "author_count": 12,
        "url": "https://journal.example/articles/alpha-divergence",
        "doi": "10.5555/paper.2026.1123",
        "comments": 3,
    },
    {
        "title": "Who Said It First? Tracing Claims Through Four Million Citations",
        "abstract": (
            "A graph of claims rather than papers: each edge says that one sentence repeats, "
            "weakens or contradicts another. Walking it backwards finds the first source of a "
            "claim in 83 of 100 cases that historians had settled by hand; in nine of the others "
            "the historians changed their minds."
        ),
        "authors": ("Élodie Marchand", "Kwame Asante", "Yuki Tanabe", "Rohan Mehta"),
        "arxiv_id": "2611.09981",
        "url": "https://arxiv.org/abs/2611.09981",
        "code_url": "https://github.com/claims-example/first-said",
        "project_url": "https://claims.example/",
        "upvotes": 9,
    },
    {
        "title": "Message Passing Without Messages",
        "abstract": "",
        "authors": ("Greta Lindqvist",),
        "organization": "University of Tarn",
        "arxiv_id": "2611.10002",
        "url": "https://arxiv.org/abs/2611.10002",
        "withdrawn": True,
    },
    {
        "title": "Folding Laundry at Human Speed with Two Arms and One Camera",
        "abstract": (
            "Cloth has no pose, so we stop asking for one. A policy that predicts where the cloth "
            "will be creased, not where its corners are, folds an unseen shirt in 21 s and a bed "
            "sheet in 48 s. It was trained on people's hands alone, 400 hours of them, and has "
            "never seen a robot before it becomes one."
        ),
        "authors": tuple(
            f"{first} {last}" for first in ("Anna", "Ben", "Chen", "Dina") for last in ("Ito", "Roy", "Vogt")
        ),
        "organization": "Tidy Robotics",
        "arxiv_id": "2611.10876",
        "url": "https://huggingface.co/papers/2611.10876",
        "picture": PICTURE,
        "discussion_url": "https://huggingface.co/papers/2611.10876#community",
        "upvotes": 311,
        "comments": 42,
    },
)
_WHY = (
    ("title: Attention", 'abstract: "long context"'),
    ("title: Small", "title: Model", "also on: Planning"),
    ("title: Distillation",),
    ("title: Citations", "author: Kwame Asante"),
    ('title: "Message Passing"', "category: cs.LG"),
    ("abstract: robot", "organisation: Tidy Robotics"),
)
PAPERS = {
    row: Paper(
        id=facts.get("arxiv_id") or f"p{row:012d}",
        row=row,
        day=DAY,
        published=date(2026, 11, 20),
        sources=("hf-daily", "arxiv"),
        first_seen=datetime(2026, 11, 23, 4, 0, tzinfo=UTC),
        **facts,
    )
    for row, facts in enumerate(_FACTS, start=1)
}
_NOTED = (
    *("Reading Maps That Were Never Drawn", "A Benchmark of Patience", r"Sorting in $O(n)$ Without Comparing"),
    "Gloves That Tell Silk From Sand",
)
PAPERS |= {
    row: Paper(
        id=f"2611.0{row:04d}",
        arxiv_id=f"2611.0{row:04d}",
        row=row,
        day=date(2026, 11, 19),
        sources=("arxiv",),
        first_seen=datetime(2026, 11, 19, 4, 0, tzinfo=UTC),
        title=title,
    )
    for row, title in enumerate(_NOTED, start=11)
}
"""The sample papers by row; the last four are those of notes."""
_RANKS = (0.8, 0.7, 0.4, 0.6, 0.3, 0.9)


def _picks(*rows: int) -> tuple[Pick, ...]:
    return tuple(Pick(row, _WHY[row - 1], _RANKS[row - 1]) for row in rows)


DIGEST = Digest(
    issue=Issue(Cadence.DAILY, DAY),
    sections=(
        Section("efficient-models", "Efficient models", _picks(1, 2, 3)),
        Section("graph-learning", "Graph learning", _picks(4, 5)),
        Section("robots", "Robots", _picks(6)),
    ),
    more=(7, 8, 9, 10),
    notes=(
        PaperNote(NoteKind.SAVED, 11, date(2026, 11, 20)),
        PaperNote(NoteKind.CODE, 12, date(2026, 11, 19)),
        PaperNote(NoteKind.VOTES, 13, date(2026, 11, 19), before=12, now=118),
        PaperNote(NoteKind.CLOSE, 14, date(2026, 11, 19)),
    ),
    facts=DayFacts(164, "05:40"),
)
_MOST_DISCUSSED = (1, 2)
_WEEK = ((6, 9, 7, 8, 5, 1, 0), (3, 4, 2, 5, 3, 0, 1), (1, 2, 4, 2, 2, 1, 0))
"""The number of papers of each topic, from Monday to Sunday."""


def digest(cadence: Cadence) -> Digest:
    """Return the sample issue as subscribers with this cadence receive it."""
    issue = Issue(cadence, DAY)
    if not cadence.covers_several_days:
        return replace(DIGEST, issue=issue)
    named = {pick.paper: (pick, section) for section in DIGEST.sections for pick in section.picks}
    first = [
        pick._replace(why=(*pick.why, write(ReasonKind.ON, section.name)))
        for pick, section in map(named.__getitem__, _MOST_DISCUSSED)
    ]
    rest = [
        section._replace(picks=tuple(pick for pick in section.picks if pick.paper not in _MOST_DISCUSSED))
        for section in DIGEST.sections
    ]
    return replace(DIGEST, issue=issue, sections=(Section(DISCUSSED, "", tuple(first)), *rest))


def subscriber(cadence: Cadence) -> Subscriber:
    """Return the sample subscriber with this cadence."""
    return SUBSCRIBER.with_preferences(cadence=cadence)


def counts(cadence: Cadence) -> tuple[TopicCounts, ...]:
    """Return the numbers of papers by topic and day for the issue's chart; empty if it has no chart."""
    days = span_days(cadence, DAY)
    if not days:
        return ()
    return tuple(
        TopicCounts(section.topic, section.name, tuple(week[day.weekday()] for day in days))
        for section, week in zip(DIGEST.sections, _WEEK, strict=True)
    )
