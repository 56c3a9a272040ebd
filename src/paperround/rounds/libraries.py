"""Subscribers' own libraries: learning from their papers, and synchronizing linked libraries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from paperround.app import App
from paperround.domain.errors import InvalidValueError, PaperroundError, SourceError
from paperround.domain.errors import translatable as _
from paperround.domain.models import Facts, Listing
from paperround.process import logs
from paperround.process.encryption import decrypt, encrypt
from paperround.rounds.authors import papers_by
from paperround.sources import arxiv
from paperround.sources.library import Library, LibraryEntry
from paperround.sources.library_services import orcid_id, read_orcid, read_zotero
from paperround.store.examples import MAX_EXAMPLES, Example, LinkedLibrary

log = logs.logger()
ARXIV_API = "https://export.arxiv.org/api/query"
ZOTERO, ORCID = "zotero", "orcid"
_ZOTERO_KEY = re.compile(r"[A-Za-z0-9]{1,100}")
_EVERY = timedelta(days=1)
_LIBRARIES_PER_SWEEP = 20  # libraries per sweep
_TITLES_PER_REQUEST = 50  # papers per request to arXiv


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """The result of reading a library."""

    liked: int = 0
    """The number of papers that are stored here; each counts as feedback for more like it."""
    learned: int = 0
    """The number of other papers, which are learned from by title and abstract."""
    waiting: int = 0
    """The number of arXiv papers whose titles are looked up in the background."""
    unknown: tuple[str, ...] = ()
    """The DOIs without a title that are not stored here."""


def library_of_author(app: App, name: str) -> Library:
    """Return the stored papers by authors with this name, as a library to learn from.

    The subscriber may not have read them, so letters can still bring them as new.
    """
    papers = papers_by(app, name)
    return Library(tuple(LibraryEntry(paper.title, arxiv_id=paper.id, owned=False) for paper in papers))


def learn_from(app: App, subscriber: int, library: Library) -> LibraryReport:
    """Learn from the papers of a library; earlier feedback does not change.

    No letter brings those that the subscriber has as new.
    """
    now, rows = app.clock(), _stored_rows(app, library.entries)
    stored = dict[int, bool]()
    for entry, row in zip(library.entries, rows, strict=True):
        if row is not None:
            stored[row] = stored.get(row, False) or entry.owned
    others = [entry for entry, row in zip(library.entries, rows, strict=True) if row is None]
    outside = [entry for entry in others if entry.title or entry.arxiv_id][:MAX_EXAMPLES]
    app.store.feedback.like_all(subscriber, stored, now)
    app.store.examples.add(subscriber, map(_example, outside), now)
    titled = sum(bool(entry.title) for entry in outside)
    unknown = tuple(entry.doi for entry in others if not entry.title and not entry.arxiv_id)
    return LibraryReport(len(rows) - len(others), titled, len(outside) - titled, unknown)


def _stored_rows(app: App, entries: Sequence[LibraryEntry]) -> list[int | None]:
    """Return the number of the stored paper that each entry is, by identifier or else by title and first author."""
    by_id = app.store.papers.rows_by_id({name for entry in entries if (name := entry.arxiv_id or entry.doi)})
    rows = [by_id.get(entry.arxiv_id or entry.doi) for entry in entries]
    by_title = app.store.papers.rows_by_title([_facts(entry) for entry in entries])
    return [row or named for row, named in zip(rows, by_title, strict=True)]


def _facts(entry: LibraryEntry) -> Facts:
    return Facts.model_construct(
        title=entry.title, authors=entry.authors, arxiv_id=entry.arxiv_id or None, doi=entry.doi or None
    )


def _example(entry: LibraryEntry) -> Example:
    return Example(entry.key, entry.title, entry.abstract, entry.authors, entry.owned)


# --- linked libraries -------------------------------------------------------------------------------------------


def link_zotero(app: App, subscriber: int, key: str) -> None:
    """Store a Zotero key, encrypted; the next sweep reads the library.

    Raises InvalidValueError for an impossible key.
    """
    if not _ZOTERO_KEY.fullmatch(key):
        raise InvalidValueError(
            _("This is not a Zotero key, which has only letters and digits. Please copy it again.")
        )
    app.store.examples.link(subscriber, ZOTERO, "", encrypt(app.keys, key))


def link_orcid(app: App, subscriber: int, text: str) -> None:
    """Store an ORCID iD; the next sweep reads the record. Raises InvalidValueError for an invalid iD."""
    app.store.examples.link(subscriber, ORCID, orcid_id(text), "")


def sync_libraries(app: App, linked: Iterable[LinkedLibrary] | None = None) -> None:
    """Read the given or due libraries; a failure is stored for the subscriber and does not stop the others."""
    now = app.clock()
    for library in linked if linked is not None else app.store.examples.due(now - _EVERY, now, _LIBRARIES_PER_SWEEP):
        if app.stopping.is_set():
            return
        try:
            learn_from(app, library.subscriber, _read(app, library))
            problem = ""
        except SourceError as error:
            problem = str(error)
            log.info("library not fetched", kind=library.kind, problem=problem)
        except (PaperroundError, OSError):
            raise  # the database or the disk failed, not the library
        except Exception as error:
            log.exception("unexpected error in a library", kind=library.kind, subscriber=library.subscriber)
            problem = f"{library.kind}: {type(error).__name__}; please report this"
        app.store.examples.synced(library, now, problem)


def _read(app: App, library: LinkedLibrary) -> Library:
    if library.kind == ORCID:  # it may be another author's
        works = read_orcid(app.http, library.account)
        return replace(works, entries=[replace(work, owned=False) for work in works.entries])
    key = decrypt(app.keys, library.secret)
    if key is None:
        raise SourceError("Zotero: the site's secret key has changed; enter your Zotero key again", retryable=False)
    return read_zotero(app.http, key)


def read_due(app: App) -> None:
    """Look up titles and read due libraries. This is a separate job, so that no round waits for a service."""
    sync_libraries(app)
    look_up_titles(app)


def look_up_titles(app: App) -> int:
    """Look up titles and abstracts of examples without a title at arXiv; return how many were found.

    If arXiv cannot be reached now, they wait.
    """
    names = {row: key.removeprefix("arxiv:") for row, key in app.store.examples.waiting(_TITLES_PER_REQUEST)}
    try:
        by_arxiv_id = {listing.arxiv_id: listing for listing in _listings(app, list(dict.fromkeys(names.values())))}
    except SourceError as error:
        log.info("titles not looked up", problem=str(error))
        return 0
    examples = {
        row: Example(f"arxiv:{name}", by_arxiv_id[name].title, by_arxiv_id[name].abstract, by_arxiv_id[name].authors)
        for row, name in names.items()
        if name in by_arxiv_id
    }
    app.store.examples.fill(examples, list(names))
    return len(examples)


def _listings(app: App, names: Sequence[str]) -> Sequence[Listing]:
    """Return the papers with these identifiers that arXiv has. Raises SourceError if arXiv does not answer."""
    if not names:
        return ()
    params: dict[str, str | int] = {"id_list": ",".join(names), "max_results": len(names)}
    response = app.http.get(ARXIV_API, service="arXiv", params=params)
    if response.status != HTTPStatus.BAD_REQUEST:
        response.expect_ok("arXiv")
        return arxiv.parse(response.body, app.clock().date()).listings
    if len(names) == 1:
        log.info("title not looked up", paper=names[0], problem="arXiv has no such identifier")
        return ()
    # arXiv refuses a whole list for one identifier that cannot exist, such as 2503.0213.
    middle = len(names) // 2
    return [*_listings(app, names[:middle]), *_listings(app, names[middle:])]
