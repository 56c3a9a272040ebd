"""What all handlers share: the application, the templates, the visitor's language, and how responses are built."""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import mimetypes
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from functools import cached_property, partial
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from babel import Locale
from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from paperround.app import App, NoProgress
from paperround.domain.models import Subscriber
from paperround.domain.preferences import Preferences
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rendering.environment import environment
from paperround.rendering.followed_names import followed_name
from paperround.rendering.language import Language
from paperround.store.access import AuditEntry, AuditRecord
from paperround.web.conditional import is_unmodified, takes_gzip
from paperround.web.progress import RoundProgress
from paperround.web.rate_limits import RateLimits
from paperround.web.sessions import Sessions
from paperround.web.urls import page_of

_SMALLEST_ZIPPED = 1_000  # bytes
LANGUAGE_COOKIE = "lang"
ANSWER_TO_FORM = "private, no-cache"
"""The caching of a page that answers a form. With `no-store` the browser could not show it again for "Back", and
would ask its visitor to send the form once more.
"""
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
    "Cross-Origin-Resource-Policy": "cross-origin",  # webmail shows emails on pages of other origins
    "Content-Security-Policy": "default-src 'none'",
}
"""Response headers for files that emails refer to."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A static file, held in memory."""

    content: bytes
    media_type: str
    version: str


class WebContext:
    """Everything that handlers need to serve a request. One instance exists per process and is shared by all
    threads.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.folders = templates()
        self.limits = RateLimits()
        self.entry_token = secrets.token_urlsafe(24)
        """The token that opens the inbox and the preview. `up` prints their addresses with it; each start makes a
        new one.
        """
        self.progress = RoundProgress()
        if isinstance(app.progress, NoProgress):
            app.progress = self.progress
        self.site = app.site
        self.home = urlsplit(self.site.base_url).path
        """The path prefix of a site that is not at the root of its host; otherwise empty."""
        self.sessions = Sessions(app, self.home)
        self.https = self.site.base_url.startswith("https://")
        """Whether visitors reach the site over HTTPS, so that its cookies may be secure."""

    @property
    def today(self) -> date:
        """The current date in UTC."""
        return self.app.clock().date()

    @cached_property
    def static(self) -> Mapping[str, StaticFile]:
        """The static files by name. A site's own files override the shipped ones."""
        found: dict[str, StaticFile] = {}
        for folder in reversed(self.folders):
            for path in sorted((folder / "web" / "static").glob("*.*")):
                content = path.read_bytes()
                media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                found[path.name] = StaticFile(content, media, hashlib.sha256(content).hexdigest()[:12])
        return found

    def static_url(self, name: str) -> str:
        """Return the address of a static file. It contains a hash of the content, so browsers may cache it
        indefinitely.
        """
        return f"{self.home}/static/{name}?v={self.static[name].version}"

    @cached_property
    def language_names(self) -> dict[str, str]:
        """The code and the native name of each available language."""
        codes = languages.available(self.folders)
        return {
            code: (Locale.parse(code.replace("-", "_")).get_display_name() or code).capitalize() for code in codes
        }

    def language(self, code: str) -> Language:
        """Return the language with this code, or English if it is not available."""
        return languages.load(code if code in self.language_names else languages.SOURCE, self.folders)

    def visitors_language(self, request: Request) -> Language:
        """Return the visitor's language: from the address, or else from the cookie, or else from Accept-Language."""
        return self._chosen_language(request, preferred(request.headers.get("accept-language", "")))

    def language_for(self, request: Request, subscriber: Subscriber | Preferences | None) -> Language:
        """Return the language of a personal page: the one chosen in this browser, or else the subscriber's.

        If the subscriber is unknown, it is the visitor's language.
        """
        if subscriber is None:
            return self.visitors_language(request)
        return self._chosen_language(request, [subscriber.language])

    def _chosen_language(self, request: Request, otherwise: Iterable[str]) -> Language:
        wanted = [request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""), *otherwise]
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
        """Return a public page, rendered from `template`.

        `here` is the path of the current entry in the navigation, and `facts` are the variables of the template.
        """
        spoken = language or self.visitors_language(request)
        others = self._other_languages(request, spoken)
        body = self._render(request, template, spoken, others, private=False, here=here, **facts)
        response = respond(request, body, "text/html; charset=utf-8", status=status)
        response.headers["Vary"] = "Accept-Language, Accept-Encoding, Cookie"
        return _remember_language(response, request, spoken)

    def private_page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        language: Language | None = None,
        scripts: bool = False,
        translated: bool = True,
        **facts: Any,
    ) -> Response:
        """Return a page for one person. No cache keeps it, and unless `scripts` is set its policy blocks all
        JavaScript.

        A page that is not `translated` is the operator's, is in English and offers no other language. Neither does
        the response to a form, since its address may not show the same page again. A browser may keep the
        response to a subscriber's form for "Back".
        """
        spoken = (language or self.visitors_language(request)) if translated else self.language(languages.SOURCE)
        others = self._other_languages(request, spoken) if translated and request.method != "POST" else []
        body = self._render(request, template, spoken, others, private=True, here="", **facts)
        headers = dict(PRIVATE)
        if translated and request.method == "POST":
            headers["Cache-Control"] = ANSWER_TO_FORM
        if scripts:
            del headers["Content-Security-Policy"]
        return _remember_language(HTMLResponse(body, status, headers=headers), request, spoken)

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
        """Return a page with a single message. `actions` are the path and label of each button."""
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
        self,
        request: Request,
        template: str,
        language: Language,
        other_languages: Sequence[tuple[str, str, str]],
        *,
        private: bool,
        here: str,
        **facts: Any,
    ) -> bytes:
        made = environment(self.folders, language).get_template(f"web/{template}.html.j2")
        return made.render(
            site=self.site,
            home=self.home,
            static=self.static_url,
            here=here,
            private=private,
            pictures=self.app.settings.site.pictures,
            other_languages=other_languages,
            inbox_open=self.sees_inbox(request),
            page_of=page_of,
            followed_name=partial(followed_name, language=language),
            preview_open=self.sees_preview(request),
            **facts,
        ).encode()

    def _other_languages(self, request: Request, language: Language) -> list[tuple[str, str, str]]:
        """Return the code, the name and the address of this page in each other language."""
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        return [
            (code, name, f"?{urlencode([*query, ('lang', code)])}")
            for code, name in self.language_names.items()
            if code != language.code
        ]

    def sees_inbox(self, request: Request) -> bool:
        """Return whether this visitor may read the built-in inbox."""
        return self.app.settings.transport.kind == "inbox" and self.sees_preview(request)

    def inbox_action(self, request: Request, language: Language) -> list[tuple[str, str]]:
        """Return the button of a message that opens the built-in inbox; none if this visitor may not read it."""
        return [("/inbox", language.gettext("Open the built-in inbox"))] if self.sees_inbox(request) else []

    def sees_preview(self, request: Request) -> bool:
        """Return whether this visitor may preview emails of any subscriber."""
        return self.sessions.has_entered(request) or self.sessions.is_admin(request)

    def recording(self, who: str, action: str, subject: str = "") -> AbstractContextManager[AuditRecord]:
        """Record in the audit log who makes the change in this block."""
        return self.app.store.access.recording(AuditEntry(self.app.clock(), who, action, subject))

    def audit_record(self, who: str, action: str, subject: str) -> AuditRecord:
        """Return an entry of the audit log to be stored with a change."""
        return self.app.store.access.record(AuditEntry(self.app.clock(), who, action, subject))

    def count_trials(self, request: Request, queries: int) -> None:
        """Count the queries that a visitor previews. Raises HTTP 429 if this client previewed too many in the past
        minute.
        """
        if queries and not self.limits.trying.take(client_of(request), self.app.clock(), queries):
            raise HTTPException(429, headers={"Retry-After": "60"})


def client_of(request: Request) -> str:
    """Return the client for rate limits: an IPv4 address, or the /64 prefix of an IPv6 address, which a household
    shares.
    """
    return network_of(request, 32, 64).removesuffix("/32")


def network_of(request: Request, bits_of_ipv4: int, bits_of_ipv6: int) -> str:
    """Return the network of the client's address, with prefixes of these lengths; its name if it has no address."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    # A socket for both versions shows IPv4 clients as ::ffff:203.0.113.9, all of which are in one /64.
    address = getattr(address, "ipv4_mapped", None) or address
    bits = bits_of_ipv4 if address.version == 4 else bits_of_ipv6
    return str(ipaddress.ip_network((address.packed, bits), strict=False))


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
    return list(dict.fromkeys(found for code in ordered for found in (code, code.split("-")[0])))


def respond(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    seconds: int = 60,
    modified: datetime | None = None,
) -> Response:
    """Return a public response that caches may keep for `seconds`.

    `modified` is the time of the last change (UTC), or None if unknown. Supports conditional requests (RFC 9110 13)
    and gzip.
    """
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}", "Vary": "Accept-Encoding"}
    if modified:
        headers["Last-Modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    if status == 200 and is_unmodified(request.headers, tag, modified):
        return Response(status_code=304, headers=headers)
    if len(body) >= _SMALLEST_ZIPPED and takes_gzip(request.headers):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type)


def _remember_language(response: Response, request: Request, language: Language) -> Response:
    """Store an explicit choice of language (`?lang=`) in a cookie for a year."""
    if request.query_params.get("lang") == language.code:
        response.set_cookie(LANGUAGE_COOKIE, language.code, max_age=31_536_000, samesite="lax", httponly=True)
    return response


async def _request_context(request: Request) -> WebContext:
    context: WebContext = request.app.state.context
    return context


ContextDep = Annotated[WebContext, Depends(_request_context)]
"""The web context as a dependency of handlers."""
