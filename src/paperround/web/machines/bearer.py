"""Authentication of programs by the admin token or by an API token with scopes (`Authorization: Bearer …`)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from fastapi import HTTPException, Request

from paperround.domain.scopes import SCOPES
from paperround.operator.api_tokens import hash_token
from paperround.web import session_cookies
from paperround.web.clients import client_of
from paperround.web.context import WebContext

_ASK = {"WWW-Authenticate": "Bearer"}  # RFC 6750 3: request a token without saying what was wrong


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated program: the name that the audit log records, and the scopes of its token."""

    name: str
    scopes: frozenset[str]


def identify(request: Request, context: WebContext, *, basic: bool = False) -> Caller | None:
    """Return the caller that the token belongs to; None if the token is missing or wrong.

    With `basic`, the token may also be the password of HTTP Basic authentication. Raises HTTPException 429 after
    five wrong tokens from one client in five minutes.
    """
    token, now = _token(request.headers.get("authorization", ""), basic=basic), context.app.clock()
    if not token:
        return None
    # A hash is looked up instead of comparing tokens, so the time taken reveals nothing about the token.
    if api_token := context.app.store.access.use_token(hash_token(token), now):
        return Caller(f"token {api_token.name}", frozenset(api_token.scopes))
    who = f"bearer {client_of(request)}"
    if wait := context.limits.logging_in.wait(who, now):
        raise HTTPException(429, "too many wrong tokens; try again later", {"Retry-After": str(wait)})
    if context.sessions.admin_token and session_cookies.same(token, context.sessions.admin_token):
        return Caller("admin token", frozenset(SCOPES))
    context.limits.logging_in.take(who, now)
    return None


def require(request: Request, context: WebContext, scope: str, *, basic: bool = False) -> Caller:
    """Return the caller if its token has this scope. Raises HTTPException 401, 403 or 429 otherwise."""
    caller = identify(request, context, basic=basic)
    if caller is None:
        raise HTTPException(401, "requires Authorization: Bearer TOKEN", _ASK)
    if scope not in caller.scopes:
        raise HTTPException(403, f"this token is not for {scope}")
    return caller


def _token(authorization: str, *, basic: bool) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if basic and scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return ""
