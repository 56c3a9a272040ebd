"""The pages: server-rendered, light enough for any phone, and honest: a GET changes nothing.

`create` makes the application. Each file holds the handlers of one kind of visitor: `public` and `archive` browse,
`joining` wants letters, `reader`, `preferences`, `online` and `feedback` have a link from a letter, `inbox` reads
what the built-in inbox holds, `workshop` previews any letter, `admin` is the operator's, `webhooks` takes relays'
reports, `pictures` gives papers' thumbnails, `letter_charts` the charts of weekly and monthly letters. `desk` is what
they share, `guards` what every request passes, `mistakes` what is said when something is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from paperround.web import (
    admin,
    api,
    archive,
    feedback,
    health,
    inbox,
    joining,
    letter_charts,
    mistakes,
    online,
    pictures,
    preferences,
    public,
    reader,
    webhooks,
    workshop,
)
from paperround.web.desk import Desk
from paperround.web.guards import Guards

if TYPE_CHECKING:
    from paperround.app import App

_ROUTERS = (
    archive.router,
    public.router,
    letter_charts.router,
    pictures.router,
    joining.router,
    reader.router,
    preferences.router,
    online.router,
    feedback.router,
    inbox.router,
    workshop.router,
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
    mistakes.handle(web)
    web.add_middleware(Guards, https=app.settings.site.base_url.startswith("https://"), courtesy=app.courtesy)
    return web
