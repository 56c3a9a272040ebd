"""What the admin pages share: the visitor who has logged in, the layout, and turning pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Response

from paperround.web.context import ContextDep, RequestContext
from paperround.web.operator.kept_form import LoginNeeded, sent_form

OPERATOR = "operator"
"""The name under which the audit log records changes made on the admin pages."""
_MOST_PAGES = 100_000


async def _operators(request: Request, context: ContextDep) -> RequestContext:
    """The request context, for a visitor who has logged in; others are asked to, by LoginNeeded."""
    if not context.is_admin(request):
        raise LoginNeeded(await sent_form(request, context))
    return context


OperatorContextDep = Annotated[RequestContext, Depends(_operators)]


def admin_page(request: Request, context: RequestContext, name: str, status: int = 200, **facts: Any) -> Response:
    """An admin page from its template."""
    return context.private_page(
        request, f"admin/{name}", status=status, scripts=True, tab=name, csrf=context.csrf(request), **facts
    )


def checked_page(page: int) -> int:
    """The number of a page, from 1; HTTP 404 outside of any list."""
    if not 1 <= page <= _MOST_PAGES:
        raise HTTPException(404)
    return page


def pages_around(page: int, *, more: bool) -> tuple[int, int]:
    """The numbers of the previous and the next page; 0 where there is none."""
    return (page - 1, page + 1 if more else 0)
