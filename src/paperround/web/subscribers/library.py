"""Learn from papers that a subscriber has elsewhere: a file, list, Zotero library, ORCID record or author."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from paperround.domain import tokens
from paperround.domain.errors import InvalidValueError
from paperround.domain.models import Problem, Subscriber
from paperround.rendering.language import Language
from paperround.rounds import libraries
from paperround.rounds.libraries import LibraryReport
from paperround.sources.library import read_library
from paperround.web.context import ContextDep, WebContext
from paperround.web.forms import FormFields, FormWithFile
from paperround.web.responses import PRIVATE
from paperround.web.subscribers.token_links import path, subscriber_of

router = APIRouter()
_PROBLEMS_SHOWN, _MAX_NAME_LENGTH = 20, 300  # problems, characters
_LINKS = {"zotero": (libraries.link_zotero, "key"), "orcid": (libraries.link_orcid, "orcid")}


@router.get("/p/{token}/library")
def show(request: Request, context: ContextDep, token: str) -> Response:
    """Show the ways to add a library, and the state of linked services."""
    return _page(request, context, subscriber_of(context, token))


@router.post("/p/{token}/library")
def change(request: Request, context: ContextDep, token: str, upload: FormWithFile) -> Response:
    """Read a file or a list immediately, link or unlink a service, or forget what was learned, depending on the
    button.
    """
    subscriber = subscriber_of(context, token)
    form, content = upload
    match form.get("do"):
        case "zotero" | "orcid" as kind:
            link, field = _LINKS[kind]
            try:
                link(context.app, subscriber.row, form.get(field).strip()[:_MAX_NAME_LENGTH])
            except InvalidValueError as error:
                language = context.languages.of_subscriber(request, subscriber)
                return _page(request, context, subscriber, wrong=error.translated(language.gettext), status=422)
        case "unlink":
            context.app.store.examples.unlink(subscriber.row, form.get("kind"))
        case "forget":
            context.app.store.examples.forget(subscriber.row)
        case _:
            return _read(request, context, subscriber, form, content)
    here = path(context, tokens.PREFERENCES, subscriber)
    return RedirectResponse(f"{here}/library", 303, headers=PRIVATE)


def _read(
    request: Request, context: WebContext, subscriber: Subscriber, form: FormFields, content: bytes
) -> Response:
    language = context.languages.of_subscriber(request, subscriber)
    context.count_trials(request, 1)
    if name := form.get("author").strip()[:_MAX_NAME_LENGTH]:
        library = libraries.library_of_author(context.app, name)
    else:
        library = read_library(content or form.get("text").encode("utf-8", "replace"))
    if not library.entries:
        wrong = language.gettext(
            "No papers were found in it. Use a BibTeX, RIS or CSL-JSON file, or a list of arXiv identifiers and DOIs."
        )
        return _page(request, context, subscriber, problems=library.problems, wrong=wrong, status=422)
    report = libraries.learn_from(context.app, subscriber.row, library)
    results = describe(report, language)
    if library.encoding:
        remark = language.gettext(
            "The file is not in UTF-8 and was read as %(encoding)s. If names look wrong, save it as UTF-8."
        )
        results.append(remark % {"encoding": library.encoding})
    return _page(request, context, subscriber, problems=library.problems, results=results)


def describe(report: LibraryReport, language: Language) -> list[str]:
    """Return the result of reading a library, in sentences."""
    count = language.count
    sentences = (
        report.liked
        and count(
            "%(num)s paper is on this site and counts as “more like this”.",
            "%(num)s papers are on this site and count as “more like this”.",
            report.liked,
        ),
        report.learned
        and count(
            "%(num)s paper is not on this site; its text is used.",
            "%(num)s papers are not on this site; their texts are used.",
            report.learned,
        ),
        report.waiting
        and count(
            "%(num)s title will be looked up on arXiv within the hour.",
            "%(num)s titles will be looked up on arXiv within the hour.",
            report.waiting,
        ),
        report.unknown
        and count(
            "%(num)s DOI was skipped: no paper on this site has it, and it came without a title.",
            "%(num)s DOIs were skipped: no papers on this site have them, and they came without titles.",
            len(report.unknown),
        ),
    )
    return [sentence for sentence in sentences if isinstance(sentence, str)]


def _page(
    request: Request,
    context: WebContext,
    subscriber: Subscriber,
    *,
    results: list[str] | None = None,
    problems: Sequence[Problem] = (),
    wrong: str = "",
    status: int = 200,
) -> Response:
    here = path(context, tokens.PREFERENCES, subscriber)
    language = context.languages.of_subscriber(request, subscriber)
    return context.pages.private(
        request,
        "library",
        status=status,
        language=language,
        messages=results or [],
        problems=[str(problem) for problem in problems[:_PROBLEMS_SHOWN]],
        left=max(0, len(problems) - _PROBLEMS_SHOWN),
        wrong=wrong,
        linked=context.app.store.examples.linked(subscriber.row),
        examples=context.app.store.examples.count(subscriber.row),
        here_again=f"{here}/library",
        preferences=here,
    )
