"""The language of a page: chosen in the address or in this browser, or else the subscriber's or the browser's own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import urlencode

from babel import Locale
from fastapi import Request, Response

from paperround.domain.models import Subscriber
from paperround.domain.preferences import Preferences
from paperround.rendering import language as catalogs
from paperround.rendering.language import Language

LANGUAGE_COOKIE = "lang"
_COOKIE_SECONDS = 31_536_000  # a year


class Languages:
    """The languages that the template folders provide, and the choice among them."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders

    @cached_property
    def names(self) -> dict[str, str]:
        """The code and the native name of each available language."""
        codes = catalogs.available(self._folders)
        return {
            code: (Locale.parse(code.replace("-", "_")).get_display_name() or code).capitalize() for code in codes
        }

    @property
    def english(self) -> Language:
        """English, in which the operator's pages are."""
        return self.by_code(catalogs.SOURCE)

    def by_code(self, code: str) -> Language:
        """Return the language with this code, or English if it is not available."""
        return catalogs.load(code if code in self.names else catalogs.SOURCE, self._folders)

    def of_visitor(self, request: Request) -> Language:
        """Return the visitor's language: from the address, or else from the cookie, or else from Accept-Language."""
        return self._chosen(request, preferred(request.headers.get("accept-language", "")))

    def of_subscriber(self, request: Request, subscriber: Subscriber | Preferences | None) -> Language:
        """Return the language of a personal page: the one chosen in this browser, or else the subscriber's.

        If the subscriber is unknown, it is the visitor's language.
        """
        if subscriber is None:
            return self.of_visitor(request)
        return self._chosen(request, [subscriber.language])

    def _chosen(self, request: Request, otherwise: Iterable[str]) -> Language:
        codes = [request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""), *otherwise]
        return self.by_code(next((code for code in codes if code in self.names), catalogs.SOURCE))

    def others(self, request: Request, language: Language) -> list[tuple[str, str, str]]:
        """Return the code, the name and the address of this page in each other language."""
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        return [
            (code, name, f"?{urlencode([*query, ('lang', code)])}")
            for code, name in self.names.items()
            if code != language.code
        ]


def preferred(header: str) -> list[str]:
    """Return the language codes of an Accept-Language field, most preferred first. `de-AT` also yields `de`."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        code, _, weight = part.partition(";")
        try:
            weighed.append((-float(weight.strip().removeprefix("q=") or 1), code.strip().lower()))
        except ValueError:
            continue
    ordered = [code for weight, code in sorted(weighed, key=lambda pair: pair[0]) if weight < 0]
    return list(dict.fromkeys(variant for code in ordered for variant in (code, code.split("-")[0])))


def remember_language(response: Response, request: Request, language: Language) -> Response:
    """Store an explicit choice of language (`?lang=`) in a cookie for a year."""
    if request.query_params.get("lang") == language.code:
        response.set_cookie(LANGUAGE_COOKIE, language.code, _COOKIE_SECONDS, samesite="lax", httponly=True)
    return response
