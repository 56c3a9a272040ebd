"""Write the sentences around the papers of a letter, most of which many letters share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from paperround.domain.models import DayFacts, Digest, NoteKind, Site
from paperround.domain.schedule import Cadence
from paperround.process.generational_cache import GenerationalCache
from paperround.rendering import subject
from paperround.rendering.counts import (
    count_minutes,
    describe_end,
    describe_no_papers,
    describe_only_paper,
    describe_others,
    describe_papers,
    describe_reading,
    describe_share,
    label_all_online,
    name_closest,
)
from paperround.rendering.joined import Frame, Sentences, Shell
from paperround.rendering.language import Language
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.letter_lines import explain_replies, first_line, footer_links, thank_sources
from paperround.rendering.letter_view import Block, LetterView
from paperround.rendering.outline import Outline
from paperround.rendering.schedule_sentences import (
    covered_span,
    describe_reason,
    format_issue_date,
    format_masthead_date,
)
from paperround.rendering.size import Plan
from paperround.rendering.topic_names import quote_names

_KEPT_FRAMES = 8_000


class _FrameKey(NamedTuple):
    """What decides what a letter says around its papers, apart from their titles."""

    shown: int
    more: int
    """The number of papers that are only online."""
    saved: int
    """The number of notes on saved papers."""
    close: int
    """The number of notes on papers that came close to an interest."""
    is_of_close_papers: bool
    """Whether there is nothing else."""
    left_out: int
    topics: int
    minutes: int
    cadence: Cadence
    day: date
    days: tuple[date, date] | None
    """The first and last day of the papers, if a daily letter reaches back several days."""
    span: tuple[date, date] | None
    """The first and last day that a weekly or monthly letter covers."""
    facts: DayFacts | None
    thanks: str


class SentenceWriter:
    """Writes the sentences of a site's letters in one language. Threads may share it."""

    def __init__(
        self,
        site: Site,
        language: Language,
        subject_template: str,
        shell: Callable[[LetterView, Cadence], Shell],
        *,
        replies: bool,
    ) -> None:
        """`shell` returns what stands around the papers of such a letter. `replies` says whether letters ask for
        replies.
        """
        self._site, self._language, self._shell, self._replies = site, language, shell, replies
        self._subject_template = subject.check(subject_template)
        self._names_topics = "{topics}" in subject_template
        self._frames: GenerationalCache[Frame] = GenerationalCache(_KEPT_FRAMES)

    def write(self, plan: Plan, outline: Outline, blocks: Sequence[Block], facts: LetterFacts) -> Sentences:
        """Return the sentences of a letter with these blocks."""
        language, shown = self._language, len(plan.choices)
        topics = tuple(dict.fromkeys([choice.tag for choice in plan.choices if choice.tag]))
        frame = self._frame(plan, len(topics), count_minutes(blocks), facts.digest)
        first = [card for card in [blocks[at].card for at in outline.named] if card]
        close = [note.title for note in plan.notes if note.kind is NoteKind.CLOSE] if plan.is_of_close_papers else []
        line = subject.render_subject(
            self._subject_template,
            top=first[0].title if first else name_closest(close[0], language) if close else frame.contents,
            second=first[1].title if shown > 1 else "",
            topics=language.list(quote_names(topics, language)) if self._names_topics else "",
            **frame.fields,
        )
        in_subject = line.split(" · ")
        titles = [card.title for card in first[1:] if card.title.replace("\u200b", "") not in in_subject]
        start = frame.contents_with_minutes
        if shown == 1 and first and not titles:  # the subject is its title, and its number stands below
            start = describe_only_paper(first[0].authors, language) or start
        reason = describe_reason(
            facts.digest.cadence,
            topics,
            language,
            plan.left_out,
            saved=plan.saved > 0,
            close=plan.close,
            quiet_days=facts.subscriber.preferences.quiet_days,
        )
        return Sentences(frame, line, first_line(start, titles or close[1:]), reason)

    def _frame(self, plan: Plan, topics: int, minutes: int, digest: Digest) -> Frame:
        """Return what letters with the same numbers say around their papers; it is cached."""
        key = _FrameKey(
            shown=len(plan.choices),
            more=plan.more,
            saved=plan.saved,
            close=plan.close,
            is_of_close_papers=plan.is_of_close_papers,
            left_out=plan.left_out,
            topics=topics,
            minutes=minutes,
            cadence=digest.cadence,
            day=digest.day,
            days=plan.days,
            span=covered_span(digest, [choice.paper for choice in plan.choices]),
            facts=plan.facts,
            thanks=thank_sources(has_arxiv_papers=plan.has_arxiv_papers),
        )
        return self._frames.get(key) or self._frames.put(key, self._build_frame(key))

    def _build_frame(self, key: _FrameKey) -> Frame:
        language, shown, more = self._language, key.shown, key.more
        contents = (
            describe_papers(shown, key.topics, more, language)
            if shown or more
            else describe_no_papers(key.saved, key.close, key.left_out, language, key.facts)
        )
        reading = describe_reading(shown, key.minutes, language) if shown else ""
        letter = LetterView(
            subject="",
            lead="",
            date=format_masthead_date(key.day, key.span, language),
            tally=describe_share(shown, more, key.close, language),
            more=label_all_online(shown, more, language),
            finish=describe_end(
                key.facts,
                language,
                shown=shown,
                more=more,
                left_out=key.left_out,
                days=key.days,
            ),
            reason="",
            thanks=key.thanks,
            links=None,
            controls=footer_links(key.cadence, language, saved=bool(key.saved)),
            citable=shown + more + key.close > 0,
            reply=explain_replies(shown, language) if self._replies else "",
        )
        issue_date = format_issue_date(key.day, key.span, language)
        fields = self._subject_fields(key.close if key.is_of_close_papers else shown, contents, issue_date)
        return Frame.of(letter, self._shell(letter, key.cadence), contents, reading or contents, fields)

    def _subject_fields(self, papers: int, inside: str, issue_date: str) -> dict[str, str]:
        """Return the subject's fields that do not name papers or topics, for a letter of this many papers."""
        return {
            "others": describe_others(max(0, papers - 2), self._language),
            "all_others": describe_others(max(0, papers - 1), self._language),
            "inside": inside,
            "papers": self._language.number(papers),
            "date": issue_date,
            "site": self._site.name,
        }
