"""What the admin pages share: the login check, the audit log, the layout and the pagination."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from paperround.store.access import AuditEntry, AuditRecord
from paperround.web.context import ContextDep, WebContext
from paperround.web.operator.kept_form import LoginNeeded, sent_form

_OPERATOR = "operator"
"""The name under which the audit log records changes made on the admin pages."""
MAX_PAGES = 100_000


async def _operators(request: Request, context: ContextDep) -> WebContext:
    """Return the web context for a visitor who has logged in. Raises LoginNeeded for anybody else."""
    if not context.sessions.is_admin(request):
        raise LoginNeeded(await sent_form(request, context))
    return context


OperatorContextDep = Annotated[WebContext, Depends(_operators)]


def recording(context: WebContext, action: str, subject: str = "") -> AbstractContextManager[AuditRecord]:
    """Record the change in this block in the audit log, as the operator's."""
    return context.app.store.access.recording(AuditEntry(context.app.clock(), _OPERATOR, action, subject))


def admin_page(request: Request, context: WebContext, name: str, status: int = 200, **facts: Any) -> Response:
    """Return an admin page, rendered from its template."""
    return context.pages.private(
        request,
        f"admin/{name}",
        status=status,
        scripts=True,
        translated=False,
        tab=name,
        csrf=context.sessions.csrf(request),
        **facts,
    )


def pages_around(page: int, *, more: bool) -> tuple[int, int]:
    """Return the numbers of the previous and the next page; 0 for one that does not exist."""
    return (page - 1, page + 1 if more else 0)
