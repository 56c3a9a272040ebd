"""HTML pages from their templates: public pages, pages for one person, and pages with a single message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from paperround.app import App
from paperround.rendering.environment import environment
from paperround.rendering.followed_names import followed_name
from paperround.rendering.language import Language
from paperround.web.languages import Languages, remember_language
from paperround.web.responses import ANSWER_TO_FORM, PRIVATE, respond
from paperround.web.sessions import Sessions
from paperround.web.static import StaticFiles
from paperround.web.urls import page_of


class Pages:
    """Renders the site's pages. `home` is the path prefix of the site."""

    def __init__(
        self,
        app: App,
        home: str,
        folders: tuple[Path, ...],
        languages: Languages,
        static: StaticFiles,
        sessions: Sessions,
    ) -> None:
        self._app, self._home, self._folders = app, home, folders
        self._languages, self._static, self._sessions = languages, static, sessions

    def public(
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
        spoken = language or self._languages.of_visitor(request)
        others = self._languages.others(request, spoken)
        body = self._render(request, template, spoken, others, private=False, here=here, **facts)
        response = respond(request, body, "text/html; charset=utf-8", status=status)
        response.headers["Vary"] = "Accept-Language, Accept-Encoding, Cookie"
        return remember_language(response, request, spoken)

    def private(
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
        spoken = (language or self._languages.of_visitor(request)) if translated else self._languages.english
        others = self._languages.others(request, spoken) if translated and request.method != "POST" else []
        body = self._render(request, template, spoken, others, private=True, here="", **facts)
        headers = dict(PRIVATE)
        if translated and request.method == "POST":
            headers["Cache-Control"] = ANSWER_TO_FORM
        if scripts:
            del headers["Content-Security-Policy"]
        return remember_language(HTMLResponse(body, status, headers=headers), request, spoken)

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
        return self.private(
            request,
            "message",
            status=status,
            language=language,
            heading=heading,
            lines=list(lines),
            actions=list(actions),
        )

    def inbox_action(self, request: Request, language: Language) -> list[tuple[str, str]]:
        """Return the button of a message that opens the built-in inbox; none if this visitor may not read it."""
        if not self._sessions.may_read_inbox(request):
            return []
        return [("/inbox", language.gettext("Open the built-in inbox"))]

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
        compiled = environment(self._folders, language).get_template(f"web/{template}.html.j2")
        return compiled.render(
            site=self._app.site,
            home=self._home,
            static=self._static.url,
            here=here,
            private=private,
            counts_votes=self._app.settings.counts_votes,
            pictures=self._app.settings.site.pictures,
            other_languages=other_languages,
            inbox_open=self._sessions.may_read_inbox(request),
            page_of=page_of,
            followed_name=partial(followed_name, language=language),
            preview_open=self._sessions.may_preview(request),
            **facts,
        ).encode()
