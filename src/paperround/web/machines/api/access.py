"""Who may call an operation: the web context as a dependency for callers whose token has a scope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from paperround.store.access import AuditEntry
from paperround.web.context import ContextDep, WebContext
from paperround.web.machines import bearer

TOKEN_NEEDED: dict[int | str, dict[str, Any]] = {
    401: {"description": "A token is required."},
    403: {"description": "The token does not have the required scope."},
    429: {"description": "Too many wrong tokens were sent."},
}
"""The responses of operations that require a token, for the API description."""
_bearer = HTTPBearer(auto_error=False, description="The admin token, or an API token created at /admin/tokens.")


def _scoped(scope: str) -> Any:
    """Return a dependency that yields the web context to callers whose token has this scope.

    Every request except GET is recorded in the audit log.
    """

    # Asynchronous, so that the operation runs in the context in which the audit entry waits for its transaction.
    async def let_in(
        request: Request, context: ContextDep, response: Response, _: Annotated[object, Depends(_bearer)]
    ) -> AsyncIterator[WebContext]:
        caller = await run_in_threadpool(bearer.require, request, context, scope)
        response.headers["Cache-Control"] = "no-store"
        if request.method == "GET":
            yield context
            return
        route = getattr(request.scope.get("route"), "path", "")
        subject = await run_in_threadpool(_subject, request, context)
        entry = AuditEntry(context.app.clock(), caller.name, f"API: {request.method} {route}", subject)
        record = context.app.store.access.record(entry)
        failed = True
        try:
            with record.attached():
                yield context
            failed = False
        finally:
            await run_in_threadpool(record.finish, failed=failed)

    return Depends(let_in)


def _subject(request: Request, context: WebContext) -> str:
    """Return what a request is about. A subscriber is named by row number, because the audit log stores no
    addresses.
    """
    if email := request.path_params.get("email"):
        subscriber = context.app.store.subscribers.by_email(email)
        return f"subscriber {subscriber.row}" if subscriber else ""
    return " ".join(str(value) for value in request.path_params.values())[:100]


SubscribersRead = Annotated[WebContext, _scoped("subscribers:read")]
SubscribersWrite = Annotated[WebContext, _scoped("subscribers:write")]
TopicsWrite = Annotated[WebContext, _scoped("topics:write")]
DeliveriesRead = Annotated[WebContext, _scoped("deliveries:read")]
DeliveriesWrite = Annotated[WebContext, _scoped("deliveries:write")]
