"""The web pages and the API: server-rendered HTML that works without JavaScript. A GET request changes nothing.

`create` builds the application. Each subpackage holds the handlers for one kind of visitor: `browse` for everybody,
`subscribers` for people who subscribe or follow a link in an email, `operator` for whoever runs the site, `machines`
for programs (API, health checks, webhooks). `context` is what all handlers share: `pages` renders the templates,
`languages` chooses the language, `sessions` tells who the operator is, and `rate_limits` counts requests. Every
request passes through `middleware`, and `error_pages` has what a visitor sees when something is wrong.
"""

from __future__ import annotations

from fastapi import FastAPI

from paperround.app import App
from paperround.web import error_pages
from paperround.web.browse import (
    citations,
    crawlers,
    example,
    export,
    feed_pages,
    letter_charts,
    paper,
    papers,
    pictures,
    search,
    static_files,
    topics,
)
from paperround.web.context import WebContext
from paperround.web.machines import api, health, reference, webhooks
from paperround.web.middleware import HttpMiddleware
from paperround.web.operator import admin, admin_letters, admin_subscribers, inbox, preview
from paperround.web.operator.entry import EntryMiddleware
from paperround.web.operator.kept_form import LoginNeeded
from paperround.web.page_cache import PageCacheMiddleware
from paperround.web.subscribers import (
    change_address,
    confirm,
    digest_page,
    feedback,
    follow,
    interest,
    library,
    lost_link,
    preferences,
    private_feed,
    query_preview,
    quick_changes,
    reading_list,
    sent_pages,
    subscribe,
    taste,
)

_ROUTERS = (
    search.router,
    feed_pages.router,
    crawlers.router,
    reference.router,
    citations.router,
    papers.router,
    paper.router,
    topics.router,
    static_files.router,
    letter_charts.router,
    pictures.router,
    export.router,
    example.router,
    subscribe.router,
    sent_pages.router,
    lost_link.router,
    query_preview.router,
    interest.router,
    follow.router,
    library.router,
    taste.router,
    confirm.router,
    preferences.router,
    change_address.router,
    private_feed.router,
    quick_changes.router,
    reading_list.router,
    digest_page.router,
    feedback.router,
    inbox.router,
    preview.router,
    admin.router,
    admin_subscribers.router,
    admin_letters.router,
    webhooks.router,
    health.router,
)


def create(app: App) -> FastAPI:
    """Return the web application for this paperround instance, with all routes, error handlers and middleware."""
    web = FastAPI(title="paperround", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    web.state.context = WebContext(app)
    for router in _ROUTERS:
        web.include_router(router)
    web.mount("/api", api.create(web.state.context))
    error_pages.handle(web)
    web.add_exception_handler(LoginNeeded, admin.ask_to_log_in)
    web.add_middleware(PageCacheMiddleware, context=web.state.context)
    web.add_middleware(EntryMiddleware, context=web.state.context)
    web.add_middleware(HttpMiddleware, https=web.state.context.https, throttle=app.throttle)
    return web
