"""The JSON API. Papers and topics are public; subscribers, deliveries and all changes require a token.

Send `Authorization: Bearer TOKEN` with the admin token or with an API token created at /admin/tokens.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI

from paperround import __version__
from paperround.web import error_pages
from paperround.web.context import WebContext
from paperround.web.machines.api import deliveries, papers, subscribers, topics
from paperround.web.machines.api.parameters import refuse_unknown_parameters


def create(context: WebContext) -> FastAPI:
    """Build the API as a separate application, to be mounted at /api."""
    api = FastAPI(
        title=f"{context.site.name} API",
        version=__version__,
        description=__doc__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown_parameters)],
        servers=[{"url": f"{context.site.base_url}/api"}],
        responses={400: {"description": "The request is not valid; `detail` gives the reason."}},
    )
    api.state.context = context
    error_pages.handle(api)
    for part in (papers, topics, subscribers, deliveries):
        api.include_router(part.router)
    return api
