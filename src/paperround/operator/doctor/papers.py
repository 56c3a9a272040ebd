"""Checks of where papers come from, and of what is computed for them."""

from __future__ import annotations

from collections.abc import Iterator

from paperround.app import App
from paperround.domain.clock import format_moment
from paperround.domain.errors import MeaningError
from paperround.domain.text import counted
from paperround.operator.doctor.findings import CheckState, Finding
from paperround.rounds.source_status import read_source_status
from paperround.rounds.summaries import one_sentence, quota

_MANY_WAITING = 2_000  # papers without a vector: more than a busy day brings
_SAMPLE = (  # for a test of what writes summaries
    "Walking on rough ground",
    "We train a controller for four-legged robots in simulation. It crosses gravel and stairs that it never saw.",
)


def check_sources(app: App) -> Iterator[Finding]:
    """Report the state of each source."""
    for status in read_source_status(app):
        subject, record = f"source {status.name}", status.record
        if record is None:
            yield Finding(subject, CheckState.WARNING, "has never been fetched", "paperround ingest")
        elif status.is_overdue:
            what = f"{status.note}, though its schedule was due twice; check that `paperround up` or cron runs"
            yield Finding(subject, CheckState.WARNING, what, "paperround ingest")
        elif record.state.is_late:
            success = (
                f"last success {format_moment(record.succeeded_at)}" if record.succeeded_at else "no success yet"
            )
            note = record.note.removeprefix(f"{status.name}: ")
            yield Finding(subject, CheckState.WARNING, f"{record.state}, {success}: {note}")
        else:
            news = f"{record.state}, last new paper {format_moment(record.new_at)}"
            yield Finding(subject, CheckState.OK, news)


def check_meaning(app: App) -> Iterator[Finding]:
    """Check that papers get vectors from the configured model."""
    encoder = app.settings.encoder()
    if not encoder.makes_vectors:
        what = "papers are ranked by words only; to compare meanings too, see [meaning] in docs/settings.md"
        yield Finding("meaning", CheckState.OK, what)
        return
    models, waiting = app.store.vectors.models(), app.store.vectors.waiting_count()
    if others := sum(models.values()) - models.get(encoder.name, 0):
        papers = counted(others, "paper has a vector", "papers have vectors")
        what = f"{papers} from a model other than {encoder.name}; only words are compared"
        yield Finding("meaning", CheckState.WARNING, what, "paperround papers embed --rebuild")
    if waiting:
        papers = counted(waiting, "paper has", "papers have")
        what = f"{papers} no vector from {encoder.name} yet; only words are compared"
        if waiting > _MANY_WAITING:
            yield Finding("meaning", CheckState.WARNING, what, "paperround papers embed")
        else:
            how = "`paperround up` computes them within minutes, `paperround papers embed` at once"
            yield Finding("meaning", CheckState.OK, f"{what}; {how}")
    try:
        encoder.encode(["a paper"])
    except MeaningError as error:
        yield Finding("meaning", CheckState.WARNING, f"vectors cannot be computed: {error}")
        return
    if not others and not waiting:
        yield Finding("meaning", CheckState.OK, f"all papers have a vector from {encoder.name}")


def check_summaries(app: App) -> Iterator[Finding]:
    """Try what writes summaries, and count its requests."""
    if not (writer := app.settings.summaries):
        return
    used = app.store.quotas.count(quota(writer), writer.model, app.clock())
    try:
        answer = writer.write(*_SAMPLE, "English")
    except MeaningError as error:
        yield Finding("summaries", CheckState.WARNING, f"summaries cannot be written: {error}")
        return
    if not one_sentence(answer):
        what = f"{writer.model} returned no usable sentence in a test: {answer[:80]!r}; check that it is a chat model"
        yield Finding("summaries", CheckState.WARNING, what)
    elif used >= writer.per_day:
        what = f"all {used} requests of summaries.per_day within 24 hours are used; other papers show their abstract"
        yield Finding("summaries", CheckState.WARNING, what)
    else:
        what = f"{writer.model} writes them; {used} of {writer.per_day} requests within 24 hours are used"
        yield Finding("summaries", CheckState.OK, what)
