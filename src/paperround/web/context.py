"""What all handlers share. Each of its parts has a module of its own."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from paperround.app import App, NoProgress
from paperround.process.resources import templates
from paperround.rounds.collection import is_new_site
from paperround.web.clients import client_of
from paperround.web.languages import Languages
from paperround.web.pages import Pages
from paperround.web.progress import RoundProgress
from paperround.web.rate_limits import RateLimit, RateLimits
from paperround.web.sessions import Sessions
from paperround.web.static import StaticFiles


class WebContext:
    """Everything that handlers need to serve a request. One instance exists per process and is shared by all
    threads.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.site = app.site
        self.home = urlsplit(self.site.base_url).path
        """The path prefix of a site that is not at the root of its host; otherwise empty."""
        self.https = self.site.base_url.startswith("https://")
        """Whether visitors reach the site over HTTPS, so that its cookies may be secure."""
        self.folders = templates()
        self.languages = Languages(self.folders)
        self.static = StaticFiles(self.folders, self.home)
        self.sessions = Sessions(app, self.home)
        self.pages = Pages(app, self.home, self.folders, self.languages, self.static, self.sessions)
        self.limits = RateLimits()
        self.entry_token = secrets.token_urlsafe(24)
        """The token that opens the inbox and the preview. `up` prints their addresses with it; each start makes a
        new one.
        """
        self.progress = RoundProgress()
        if isinstance(app.progress, NoProgress):
            app.progress = self.progress

    @property
    def today(self) -> date:
        """The current date in UTC."""
        return self.app.clock().date()

    @property
    def new_site(self) -> bool:
        """Whether the site has so few papers that close papers are emailed alone too."""
        return is_new_site(self.app)

    def count_trials(self, request: Request, queries: int) -> None:
        """Count the queries that a visitor previews. Raises HTTP 429 if this client previewed too many in the past
        minute.
        """
        if queries:
            self._take(self.limits.trying, request, queries)

    def count_search(self, request: Request) -> None:
        """Count a search. Raises HTTP 429 if this client searched too often in the past minute."""
        self._take(self.limits.searching, request)

    def _take(self, limit: RateLimit, request: Request, number: int = 1) -> None:
        client, now = client_of(request), self.app.clock()
        if not limit.take(client, now, number):
            raise HTTPException(429, headers={"Retry-After": str(limit.wait(client, now))})


async def _request_context(request: Request) -> WebContext:
    context: WebContext = request.app.state.context
    return context


ContextDep = Annotated[WebContext, Depends(_request_context)]
"""The web context as a dependency of handlers."""
