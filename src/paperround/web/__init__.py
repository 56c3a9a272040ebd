"""The pages: server-rendered, light enough for any phone, and honest: a GET changes nothing.

`create` makes the application. Each file holds the handlers of one kind of visitor: `public` and `archive` browse,
`joining` wants letters, `subscriber`, `preferences`, `online` and `feedback` have a link from a letter, `inbox` reads
what the built-in inbox holds, `workshop` previews any letter, `admin` is the operator's, `webhooks` takes relays'
reports, `pictures` gives papers' thumbnails, `letter_charts` the charts of weekly and monthly letters. `desk` is what
they share, `guards` what every request passes, `mistakes` what is said when something is wrong.
"""

from __future__ import annotations

from fastapi import FastAPI

from paperround.app import App
from paperround.web import error_pages
from paperround.web.browse import letter_charts, papers, pictures, search
from paperround.web.context import Desk
from paperround.web.machines import api, health, webhooks
from paperround.web.middleware import Guards
from paperround.web.operator import admin, inbox, preview
from paperround.web.subscribers import confirm, digest_page, feedback, preferences, subscribe

_ROUTERS = (
    search.router,
    papers.router,
    letter_charts.router,
    pictures.router,
    subscribe.router,
    confirm.router,
    preferences.router,
    digest_page.router,
    feedback.router,
    inbox.router,
    preview.router,
    admin.router,
    webhooks.router,
    health.router,
)


def create(app: App) -> FastAPI:
    """The web application of this paperround."""
    web = FastAPI(title="paperround", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    web.state.desk = Desk(app)
    for router in _ROUTERS:
        web.include_router(router)
    web.mount("/api", api.create(web.state.desk))
    error_pages.handle(web)
    web.add_middleware(Guards, https=app.settings.site.base_url.startswith("https://"), courtesy=app.courtesy)
    return web
