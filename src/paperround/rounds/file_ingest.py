"""Ingests a file of papers, plain or compressed, in any of the formats that sources have."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from paperround.app import App
from paperround.domain.errors import FormatError, SourceError, UsageError
from paperround.domain.models import Listing, ParsedSource
from paperround.domain.text import counted
from paperround.network import compression
from paperround.rounds import topic_matching
from paperround.rounds.pipeline import MAX_LOOK_BACK, IngestReport, store_listings
from paperround.sources import FORMATS, arxiv_oai, jsonl
from paperround.sources.entries import RejectionReasons
from paperround.sources.guess import HEAD, guess_format

_GZIP = b"\x1f\x8b"
_MAX_FILE_BYTES = 64 << 20  # bytes, unpacked
_MAX_EXPORT_BYTES = 1 << 40  # bytes; it is read in pieces and never completely in memory


def ingest_file(
    app: App,
    pieces: Iterable[bytes],
    file_format: str | None,
    name: str,
    *,
    unmailed: bool = False,
    mail_old: bool = False,
    size: int | None = None,
) -> IngestReport:
    """Ingest a file in one of the FORMATS, plain or compressed with gzip, given as its bytes in pieces.

    Without `file_format` the format is guessed from the name and the first bytes. JSONL may have any size, since it
    is ingested line by line; other formats are limited to 64 MB. `size`, in bytes, is used by the progress bar only.

    Papers older than the longest window that a source is asked for, 30 days, are archived unless `mail_old`: no
    source would mail them either.

    Returns the report; a file that cannot be read is reported as failed. Raises UsageError if the format cannot be
    guessed.
    """
    report, reasons = IngestReport(name), RejectionReasons()
    app.progress.begin("reading", size)
    try:
        for format_read, parsed in _parsed_pieces(app, pieces, file_format, name):
            report.fetched += len(parsed.listings)
            reasons.add(parsed.problems)
            is_old = _never if unmailed or mail_old else _old(app, format_read)
            _store_of_file(app, parsed.listings, is_old, report, unmailed=unmailed)
    except FormatError as error:
        remedy = f"check --as {file_format}" if file_format else "name its format with --as"
        report.fail(f"{error.problem}; {remedy}")
    except SourceError as error:
        report.fail(str(error))
    except zlib.error:
        report.fail(f"{name}: it is truncated, or not a complete gzip file")
    except compression.TooLargeError:
        report.fail(f"{name}: it unpacks to more than {_MAX_EXPORT_BYTES:,} bytes; split it")
    report.problems = reasons.folded()
    if report.too_old and not report.failed:
        papers, days = counted(report.too_old, "paper is", "papers are"), MAX_LOOK_BACK.days
        remedy = "to mail old papers too, use --mail-old when you first read the file"
        report.note = f"{papers} older than {days} days, shown on the pages and not mailed; {remedy}"
    return report


def _never(_listing: Listing) -> bool:
    return False


def _old(app: App, file_format: str) -> Callable[[Listing], bool]:
    """Return the function that tells which papers of a file are too old to be mailed.

    The day of an OAI record is that of its last change, which may be years after the paper was announced.
    """
    horizon = (app.clock() - MAX_LOOK_BACK).date()
    changed_later = file_format == arxiv_oai.KIND
    return lambda listing: listing.day < horizon or (changed_later and not arxiv_oai.is_new(listing, MAX_LOOK_BACK))


def _store_of_file(
    app: App,
    listings: Sequence[Listing],
    is_old: Callable[[Listing], bool],
    report: IngestReport,
    *,
    unmailed: bool,
) -> None:
    """Store what a file lists: papers that are too old to be mailed in the archive."""
    before, parts = report.new, {True: list[Listing](), False: list[Listing]()}
    for listing in listings:
        parts[is_old(listing)].append(listing)
    store_listings(app, parts[True], report, unmailed=True)
    report.too_old += report.new - before
    store_listings(app, parts[False], report, unmailed=unmailed)
    topic_matching.match_papers(app)


def _parsed_pieces(
    app: App, pieces: Iterable[bytes], file_format: str | None, name: str
) -> Iterator[tuple[str, ParsedSource]]:
    """Yield the papers of a file in pieces, each with the format that they were read in."""
    unpacked, head = _beginning(_with_progress(app, pieces))
    if head.startswith(_GZIP):
        unpacked, head = _beginning(compression.unpacked(unpacked, "gzip", _MAX_EXPORT_BYTES))
    file_format = file_format or guess_format(name, head)
    if not head:
        raise UsageError(f"{name}: the file is empty")
    if file_format is None:
        raise UsageError(f"{name}: its format is not recognized; name it with --as: {', '.join(FORMATS)}")
    today = app.clock().date()
    if file_format == jsonl.KIND:
        yield from ((file_format, parsed) for parsed in jsonl.parse_pieces(unpacked, today))
        return
    data = bytearray()
    for piece in unpacked:
        data += piece
        if len(data) > _MAX_FILE_BYTES:
            raise SourceError(f"{name}: it is larger than {_MAX_FILE_BYTES:,} bytes; split it", retryable=False)
    yield file_format, FORMATS[file_format](bytes(data), today)


def _with_progress(app: App, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces and report their sizes as progress."""
    for piece in pieces:
        yield piece
        app.progress.advance(len(piece))


def _beginning(pieces: Iterable[bytes]) -> tuple[Iterator[bytes], bytes]:
    """Return an iterator over all pieces, and the first bytes of them."""
    rest, head = iter(pieces), b""
    while len(head) < HEAD and (piece := next(rest, b"")):
        head += piece
    return chain((head,), rest), head[:HEAD]
