"""What a visitor reads when something is wrong: what it was, and what to do now."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from paperround import logs
from paperround.domain.errors import BadToken, StoreError, WrongUse
from paperround.rendering.language import Language
from paperround.web.middleware import HEADERS

if TYPE_CHECKING:
    from paperround.web.context import RequestContext

log = logs.logger()


def handle(web: FastAPI) -> None:
    """Give every error a page of its own, or JSON where programs ask."""
    web.add_exception_handler(HTTPException, _status)
    web.add_exception_handler(RequestValidationError, _invalid)
    web.add_exception_handler(WrongUse, _wrong_use)
    web.add_exception_handler(BadToken, _bad_token)
    web.add_exception_handler(StoreError, _store)
    web.add_exception_handler(Exception, _broken)


def _status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail and error.detail != _phrase(error.status_code) else ""
    return _told(request, error.status_code, detail, dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _told(request, 422 if _wants_json(request) else 400, f"{first['loc'][-1]}: {first['msg']}")


def _wrong_use(request: Request, error: Exception) -> Response:
    return _told(request, 400, str(error))


def _bad_token(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadToken)
    return _told(request, 410 if error.expired else 404, token=True)


def _store(request: Request, error: Exception) -> Response:
    log.error("a page could not be served", route=_route(request), problem=str(error))
    return _told(request, 503, headers={"Retry-After": "30"})


def _broken(request: Request, error: Exception) -> Response:
    # Not exc_info: pretty tracebacks print variables, and those hold people's links.
    log.error("a page broke", route=_route(request), traceback="".join(traceback.format_exception(error)))
    # This one passes outside of the guards.
    return _told(request, 500, headers=dict(HEADERS))


def _told(
    request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None, *, token: bool = False
) -> Response:
    if _wants_json(request):
        return JSONResponse({"detail": detail or _phrase(status)}, status, headers=headers)
    context: RequestContext = request.app.state.context
    language = context.visitors_language(request)
    if token:
        heading, line = _of_token(status, language)
        actions = [
            ("/subscribe", language.gettext("Subscribe")),
            ("/preferences", language.gettext("Ask for a new link")),
        ]
    else:
        heading, line = _of_status(status, language)
        actions = [("/", language.gettext("Today's papers")), ("/search", language.gettext("Search"))]
        if status == 401:
            actions = [("/admin", language.gettext("Log in"))]
    response = context.message(
        request, heading, [line, *([detail] if detail else [])], status=status, actions=actions, language=language
    )
    for name, value in (headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _of_token(status: int, language: Language) -> tuple[str, str]:
    _ = language.gettext
    if status == 410:
        return _("This link has run out"), _(
            "Links for confirming hold for three days. Subscribe again, and a new letter comes."
        )
    return (
        _("This link does not work"),
        _("It is incomplete or was changed on its way. Use the one in your newest letter, or ask for a new one."),
    )


def _of_status(status: int, language: Language) -> tuple[str, str]:
    _ = language.gettext
    match status:
        case 400 | 422:
            return _("This address cannot be understood"), _("Something in it is not what this page expects.")
        case 401:
            return _("Log in first"), _("This page is for the people who run this site.")
        case 403:
            return _("Not for everybody"), _("This page is for the people who run this site.")
        case 404 | 410:
            return _("There is no such page"), _("It may have moved, or the address has a slip in it.")
        case 405:
            return _("That cannot be done here"), _("This page can be read, not written to.")
        case 429:
            return _("Too many at once"), _(
                "That was more than this page takes in so short a time. Wait a while and try again."
            )
        case 503:
            return _("One moment, please"), _("The database is busy. Try again in half a minute; nothing is lost.")
        case _:
            return _("Something broke"), _("It is our fault, not yours, and has been noted. Try again in a while.")


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/hooks/"))


def _route(request: Request) -> str:
    """The route's pattern: the address itself may hold somebody's token."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))


def _phrase(status: int) -> str:
    return {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}.get(
        status, f"status {status}"
    )
