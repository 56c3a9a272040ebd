"""Error pages, which say what went wrong and what the visitor can do. Programs receive JSON."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from paperround.domain.errors import InvalidTokenError, StoreError, UsageError
from paperround.process import logs, validation
from paperround.rendering.language import Language
from paperround.web.middleware import default_headers

if TYPE_CHECKING:
    from paperround.web.context import WebContext

_MAX_SAID_IN_SECONDS = 60  # longer waits are told in minutes
log = logs.logger()


def handle(web: FastAPI) -> None:
    """Register a handler for every kind of error."""
    web.add_exception_handler(HTTPException, _status)
    web.add_exception_handler(RequestValidationError, _invalid)
    web.add_exception_handler(UsageError, _wrong_use)
    web.add_exception_handler(InvalidTokenError, _bad_token)
    web.add_exception_handler(StoreError, _store)
    web.add_exception_handler(Exception, _broken)


def _status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.method == "OPTIONS" and error.status_code == 405:
        return _options(request, (error.headers or {}).get("Allow", "GET"))
    detail = error.detail if error.detail and error.detail != _phrase(error.status_code) else ""
    return _error_response(request, error.status_code, detail, dict(error.headers or {}))


def show_status(request: Request, status: int) -> Response:
    """Return the error page for a status, or JSON if a program made the request."""
    return _error_response(request, status)


def _options(request: Request, allowed: str) -> Response:
    """Answer an OPTIONS request with the methods of a route (RFC 9110 9.3.7).

    Feeds also allow cross-origin requests, for feed readers that run in a browser on another site.
    """
    methods = dict.fromkeys([*allowed.split(", "), "OPTIONS"])
    if "GET" in methods:
        methods = dict.fromkeys(["GET", "HEAD", *methods])
    headers = {"Allow": ", ".join(methods)}
    if request.url.path.endswith(("/feed.xml", "/feed.json")):
        headers |= {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": headers["Allow"],
            "Access-Control-Allow-Headers": "If-None-Match, If-Modified-Since",
        }
    return Response(status_code=204, headers=headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # The first part says what has it, such as the body. The position of a mistake in JSON says little.
    where = "body" if first["type"] == "json_invalid" else validation.place(first["loc"][1:] or first["loc"])
    what = f"{where}: {validation.sentence(first)}"
    return _error_response(request, 422 if _wants_json(request) else 400, what)


def _wrong_use(request: Request, error: Exception) -> Response:
    return _error_response(request, 400, str(error))


def _bad_token(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidTokenError)
    return _error_response(request, 410 if error.expired else 404, token=True)


def _store(request: Request, error: Exception) -> Response:
    log.error("the page could not be served because of a database error", route=_route(request), problem=str(error))
    return _error_response(request, 503, headers={"Retry-After": "30"})


def _broken(request: Request, error: Exception) -> Response:
    # Not exc_info: pretty tracebacks print variables, which may contain personal links.
    log.error(
        "unhandled exception while serving a page",
        route=_route(request),
        traceback="".join(traceback.format_exception(error)),
    )
    # This response does not pass through the middleware.
    return _error_response(request, 500, headers=dict(default_headers(request.url.path)))


def _error_response(
    request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None, *, token: bool = False
) -> Response:
    if _wants_json(request):
        return JSONResponse({"detail": detail or _phrase(status)}, status, headers=headers)
    context: WebContext = request.app.state.context
    language = context.languages.of_visitor(request)
    if token:
        heading, line = _of_token(status, language)
        actions = [
            ("/subscribe", language.gettext("Subscribe")),
            ("/preferences", language.gettext("Request a new link")),
        ]
    else:
        heading, line = _of_status(status, language, (headers or {}).get("Retry-After", ""))
        actions = [("/", language.gettext("Today's papers")), ("/search", language.gettext("Search"))]
        if status == 401:
            actions = [("/admin", language.gettext("Log in"))]
    response = context.pages.message(
        request, heading, [line, *([detail] if detail else [])], status=status, actions=actions, language=language
    )
    for name, value in (headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _of_token(status: int, language: Language) -> tuple[str, str]:
    _ = language.gettext
    if status == 410:
        return _("This link has expired"), _(
            "Confirmation links are valid for three days. Subscribe again to get a new one."
        )
    return (
        _("This link does not work"),
        _(
            "The link is incomplete, was replaced by a newer one, or belongs to erased data. "
            "Use the one in your most recent email, or request a new one."
        ),
    )


def _of_status(status: int, language: Language, wait: str = "") -> tuple[str, str]:
    """Return the heading and the sentence for a status; `wait` is its Retry-After header."""
    _ = language.gettext
    match status:
        case 400 | 422:
            return _("This request is not valid"), _(
                "The address or the form contains a value that this page does not accept."
            )
        case 401:
            return _("Login required"), _("Only the people who run this site can open this page.")
        case 403:
            return _("Access denied"), _("Only the people who run this site can open this page.")
        case 404 | 410:
            return _("Page not found"), _("The page may have moved, or the address may contain a typo.")
        case 405:
            return _("This action is not possible here"), _("This page is read-only.")
        case 429:
            return _("Too many requests"), _of_too_many(wait, language)
        case 503:
            return _("Temporarily unavailable"), _(
                "The database is busy. Try again in 30 seconds. Nothing has been lost."
            )
        case _:
            return _("Something went wrong"), _("The error is on our side and has been logged. Try again later.")


def _of_too_many(wait: str, language: Language) -> str:
    """Return when to try again, by a Retry-After header in seconds, which may be missing."""
    if not wait.isdecimal():
        return language.gettext("You sent too many requests in a short time. Try again later.")
    if (seconds := int(wait)) <= _MAX_SAID_IN_SECONDS:
        return language.count(
            "You sent too many requests in a short time. Try again in %(num)s second.",
            "You sent too many requests in a short time. Try again in %(num)s seconds.",
            seconds,
        )
    return language.count(
        "You sent too many requests in a short time. Try again in %(num)s minute.",
        "You sent too many requests in a short time. Try again in %(num)s minutes.",
        ceil(seconds / 60),
    )


def _wants_json(request: Request) -> bool:
    path: str = request.url.path
    return path.startswith(("/api/", "/hooks/")) or path.endswith("/try")


def _route(request: Request) -> str:
    """Return the pattern of the route instead of the address, which may contain a personal token."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"
