"""What all pages share: the application behind them, the templates, the visitor's language, the answer's form."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from babel import Locale
from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from paperround.app import App, NoProgress
from paperround.rendering import language as languages
from paperround.rendering.environment import environment
from paperround.rendering.language import Language
from paperround.resources import folders
from paperround.web import session
from paperround.web.forms import FormFields
from paperround.web.progress import RoundProgress
from paperround.web.rate_limits import RateLimits

_SMALLEST_ZIPPED = 1_000  # bytes
_COOKIE = "lang"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "testclient"})
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}
IN_LETTERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",  # letters are read on other people's pages
    "Content-Security-Policy": "default-src 'none'",
}
"""Header fields of pages that belong to one person: nothing kept, nothing told to others, no script at all."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of the pages' look, in memory."""

    content: bytes
    media_type: str
    version: str


class RequestContext:
    """The pages' side of an App; one for the life of the program, shared by threads."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.folders = folders("templates")
        self.limits = RateLimits()
        self.progress = RoundProgress()
        if isinstance(app.progress, NoProgress):
            app.progress = self.progress
        self.site = app.settings.site.facts()
        self.home = urlsplit(self.site.base_url).path
        """What stands before each path where the site does not begin at the host's root."""

    @property
    def today(self) -> date:
        """The present day, in UTC."""
        return self.app.clock().date()

    @cached_property
    def static(self) -> Mapping[str, StaticFile]:
        """The static files by name; a site's own hide the shipped ones."""
        found: dict[str, StaticFile] = {}
        for folder in reversed(self.folders):
            for path in sorted((folder / "web" / "static").glob("*.*")):
                content = path.read_bytes()
                media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                found[path.name] = StaticFile(content, media, hashlib.sha256(content).hexdigest()[:12])
        return found

    def static_url(self, name: str) -> str:
        """The file's address; a new content has a new one, so that browsers may keep it for good."""
        return f"{self.home}/static/{name}?v={self.static[name].version}"

    @cached_property
    def language_names(self) -> dict[str, str]:
        """The languages that the pages speak, each named in itself."""
        codes = languages.available(self.folders)
        return {
            code: (Locale.parse(code.replace("-", "_")).get_display_name() or code).capitalize() for code in codes
        }

    def language(self, code: str) -> Language:
        """The language of this code, English where it is not spoken here."""
        return languages.load(code if code in self.language_names else languages.SOURCE, self.folders)

    def visitors_language(self, request: Request) -> Language:
        """What the address says, else what was chosen before, else what the browser prefers."""
        wanted = [request.query_params.get("lang", ""), request.cookies.get(_COOKIE, "")]
        wanted += preferred(request.headers.get("accept-language", ""))
        return self.language(next((code for code in wanted if code in self.language_names), languages.SOURCE))

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        language: Language | None = None,
        here: str = "",
        **facts: Any,
    ) -> Response:
        """A page that anybody may see."""
        spoken = language or self.visitors_language(request)
        body = self._render(request, template, spoken, private=False, here=here, **facts)
        response = answer(request, body, "text/html; charset=utf-8", status=status)
        response.headers["Vary"] = "Accept-Language, Accept-Encoding, Cookie"
        if request.query_params.get("lang") == spoken.code:
            response.set_cookie(_COOKIE, spoken.code, max_age=31_536_000, samesite="lax", httponly=True)
        return response

    def private_page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        language: Language | None = None,
        scripts: bool = False,
        **facts: Any,
    ) -> Response:
        """A page that belongs to one person; the browser keeps nothing of it."""
        spoken = language or self.visitors_language(request)
        body = self._render(request, template, spoken, private=True, here="", **facts)
        headers = dict(PRIVATE)
        if scripts:
            del headers["Content-Security-Policy"]
        return HTMLResponse(body, status, headers=headers)

    def message(
        self,
        request: Request,
        heading: str,
        lines: Iterable[str],
        *,
        status: int = 200,
        actions: Sequence[tuple[str, str]] = (),
        language: Language | None = None,
    ) -> Response:
        """A page that says one thing."""
        return self.private_page(
            request,
            "message",
            status=status,
            language=language,
            heading=heading,
            lines=list(lines),
            actions=list(actions),
        )

    def _render(
        self, request: Request, template: str, language: Language, *, private: bool, here: str, **facts: Any
    ) -> bytes:
        made = environment(self.folders, language).get_template(f"web/{template}.html.j2")
        return made.render(
            site=self.site,
            home=self.home,
            static=self.static_url,
            here=here,
            private=private,
            pictures=self.app.settings.site.pictures,
            other_languages=[] if private else self._other_languages(request, language),
            inbox_open=self.sees_inbox(request),
            workshop_open=self.sees_workshop(request),
            **facts,
        ).encode()

    def _other_languages(self, request: Request, language: Language) -> list[tuple[str, str, str]]:
        """Code, name and address of this page in each other language."""
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        return [
            (code, name, f"?{urlencode([*query, ('lang', code)])}")
            for code, name in self.language_names.items()
            if code != language.code
        ]

    def is_local(self, request: Request) -> bool:
        """Whether the request comes from this machine, to a site that is only for this machine.

        A proxy in front makes every visitor look local. So the site's own address and the one that was asked for
        (DNS rebinding) must be local too, and nobody may have forwarded the request.
        """
        asked = urlsplit(f"//{request.headers.get('host', '')}").hostname
        own = urlsplit(self.site.base_url).hostname
        forwarded = any(
            name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host")
        )
        client = request.client.host if request.client else ""
        return not forwarded and client in _LOOPBACK and _is_loopback(asked) and _is_loopback(own)

    def sees_inbox(self, request: Request) -> bool:
        """Whether this visitor may read the built-in inbox."""
        return self.app.settings.transport.kind == "inbox" and (self.is_local(request) or self.is_admin(request))

    def sees_workshop(self, request: Request) -> bool:
        """Whether this visitor may preview anybody's letter."""
        return self.is_local(request) or self.is_admin(request)

    @property
    def admin_token(self) -> str:
        """The secret that opens /admin; empty where none is set, and then nobody gets in."""
        token = self.app.settings.site.admin_token
        return token.get_secret_value() if token else ""

    def is_admin(self, request: Request) -> bool:
        """Whether the visitor has logged in with the admin token."""
        cookie = request.cookies.get(session.COOKIE, "")
        return bool(cookie and self.admin_token) and session.holds(
            self.app.keys, self.admin_token, cookie, self.app.clock()
        )

    def count_trials(self, request: Request, queries: int) -> None:
        """Count queries that a visitor tries; HTTP 429 when this client has tried too many in the past minute."""
        if queries and not self.limits.trying.take(client_of(request), self.app.clock(), queries):
            raise HTTPException(429, headers={"Retry-After": "60"})

    def csrf(self, request: Request) -> str:
        """What forms of this visitor carry; another site cannot read it and so cannot post for them."""
        return session.csrf(self.app.keys, request.cookies.get(session.COOKIE, "local"))

    def check_csrf(self, request: Request, form: FormFields) -> None:
        """Refuse a form that another site has made."""
        if not session.same(form.get("csrf"), self.csrf(request)):
            raise HTTPException(
                403, "this form was not made here, or has run out; go back, reload the page and try again"
            )


def _is_loopback(host: str | None) -> bool:
    return host is not None and (host in _LOOPBACK or host == "testserver" or host.endswith(".localhost"))


def client_of(request: Request) -> str:
    """Who asks, for limits: an IPv4 address, or the /64 that an IPv6 household has."""
    host = request.client.host if request.client else "unknown"
    return ":".join(host.split(":")[:4]) if host.count(":") > 3 else host


def preferred(header: str) -> list[str]:
    """The language codes in an Accept-Language field, the most wanted first; of `de-AT` also plain `de`."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        code, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), code.strip().lower()))
        except ValueError:
            continue
    ordered = [code for weight, code in sorted(weighed, key=lambda pair: pair[0]) if weight < 0]
    return list(dict.fromkeys(found for code in ordered for found in (code, code.split("-")[0])))


def answer(request: Request, body: bytes, media_type: str, *, status: int = 200, seconds: int = 60) -> Response:
    """A public answer: may be kept for so many seconds, is not sent again when unchanged, and goes zipped."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}", "Vary": "Accept-Encoding"}
    if status == 200 and tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if len(body) >= _SMALLEST_ZIPPED and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type)


async def _request_context(request: Request) -> RequestContext:
    context: RequestContext = request.app.state.context
    return context


ContextDep = Annotated[RequestContext, Depends(_request_context)]
"""The context, as handlers are given it."""
