"""Has the operator's model write a sentence about papers of letters that are about to be sent.

It happens between composing and sending, once per paper and language, within limits on time and cost. Whatever the
endpoint does, the letters go out: a paper without a sentence is printed with its abstract.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from paperround.app import App
from paperround.domain.errors import MeaningError
from paperround.domain.latex import readable
from paperround.meaning import SummaryWriter
from paperround.process import logs
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering.excerpt import first_sentence
from paperround.rounds.letters import LetterBuilder
from paperround.sources.markup import plain
from paperround.store.quotas import Quota
from paperround.store.summaries import MissingSummary

log = logs.logger()
_MAX_FAILURES = 2  # failures of the endpoint, after which it is left alone until the next round
_MIN_SENTENCE, _MAX_SENTENCE = 20, 400  # characters
_DAY = timedelta(days=1)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_ADDRESS = re.compile(r"\s*\(?\b(?:https?://|www\.)\S+?(?=[.,;:!?)]*(?:\s|$))", re.IGNORECASE)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_SUMMARY = r"(?:summary|sentence|zusammenfassung)"
_MARKS = re.compile(
    r"[*`]+|^[\s#>\"“„-]+|[\"”]+$"
    r"|^(?:sure|certainly|of course|okay|gerne?|natürlich)\s*[,.!:]\s*"
    rf"|^(?:here(?:['’]s| is)|hier ist)\b[^.:!?]{{0,60}}{_SUMMARY}\b[^.:!?]{{0,60}}[.:]"
    rf"|^(?:title|titel)\s*:.{{0,500}}?(?={_SUMMARY}\s*:)"
    rf"|^(?:(?:one|single|short|brief)[- ])*{_SUMMARY}(?: summary)?\s*:\s*",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:i['’]m sorry|i am sorry|sorry,|i apologi[sz]e|i can(?:no|['’])t|i am unable|i['’]m unable|as an ai\b|"
    r"the (?:provided |given )?abstract (?:does not|doesn['’]t|is (?:empty|missing))|es tut mir leid|leider\b|"
    r"ich kann (?:nicht|das|diese|leider))",
    re.IGNORECASE,
)


def one_sentence(answer: str) -> str:
    """Return the first sentence of a model's answer as plain text: no markup, no link, one line.

    Return "" if there is none of a usable length, or if the model refused to answer.
    """
    text = plain(_LINK.sub(r"\1", _SCRIPT.sub(" ", answer[: 10 * _MAX_SENTENCE])))
    text = " ".join(_ADDRESS.sub("", text).split())
    while (bare := _MARKS.sub("", text).strip()) != text:
        text = bare
    sentence = first_sentence(text)
    usable = _MIN_SENTENCE <= len(sentence) <= _MAX_SENTENCE and not _REFUSAL.match(sentence)
    return sentence if usable else ""


def write_summaries(app: App) -> int:
    """Write the summaries missing from letters that are about to be sent; return how many were written."""
    if not (writer := app.settings.summaries):
        return 0
    written = list(_written(app, writer, app.store.summaries.missing()))
    if written:
        app.store.summaries.print(written)
        app.shared(LetterBuilder).forget_printed()
        log.info("summaries written", papers=len(written))
    return len(written)


def quota(writer: SummaryWriter) -> Quota:
    """Return the limit on requests within a day."""
    return Quota("summaries", writer.per_day, _DAY)


def _written(app: App, writer: SummaryWriter, missing: Sequence[MissingSummary]) -> Iterator[tuple[int, str, str]]:
    """Yield the paper, the language and the text of each summary as it is written and stored."""
    until, failures = time.monotonic() + writer.seconds, 0
    for summary in missing:
        left = until - time.monotonic()
        if left <= 0 or failures == _MAX_FAILURES or app.stopping.is_set():
            log.warning("no more summaries in this round; letters show abstracts", failures=failures)
            return
        if not summary.paper.abstract:
            continue
        if app.store.quotas.take([(quota(writer), writer.model)], app.clock()):
            log.warning("no more summaries today: summaries.per_day is used up", per_day=writer.per_day)
            return
        try:
            text = one_sentence(_query_model(writer, summary, left))
        except MeaningError as error:
            failures += 1
            log.error("no summary; the letter shows the abstract", paper=summary.paper.id, problem=str(error))
            continue
        if not text:
            log.warning("the model wrote no usable sentence; not retrying", paper=summary.paper.id)
        app.store.summaries.keep(summary.paper.row, summary.language, text)
        if text:
            yield summary.paper.row, summary.language, text


def _query_model(writer: SummaryWriter, missing: MissingSummary, timeout: float) -> str:
    language = languages.load(missing.language, templates()).locale.english_name
    return writer.write(
        readable(missing.paper.title), readable(missing.paper.abstract, missing.paper.title), str(language), timeout
    )
