"""The sessions of one site's operators: logging in, what a visitor may see, and the CSRF tokens of forms."""

from __future__ import annotations

from fastapi import HTTPException, Request, Response

from paperround.app import App
from paperround.web import session_cookies
from paperround.web.forms import FormFields


class Sessions:
    """Begins and ends sessions and tells whose request it is. `home` is the path prefix of the site."""

    def __init__(self, app: App, home: str) -> None:
        self._app, self._home = app, home

    @property
    def admin_token(self) -> str:
        """The secret for /admin. Empty if none is configured, in which case nobody can log in."""
        token = self._app.settings.site.admin_token
        return token.get_secret_value() if token else ""

    def is_admin(self, request: Request) -> bool:
        """Return whether the visitor has logged in with the admin token."""
        return bool(self.admin_token) and self._has_session(request, session_cookies.COOKIE)

    def has_entered(self, request: Request) -> bool:
        """Return whether the visitor has opened an address with the token that `up` printed."""
        return self._has_session(request, session_cookies.ENTRY_COOKIE)

    def may_preview(self, request: Request) -> bool:
        """Return whether this visitor may preview emails of any subscriber."""
        return self.has_entered(request) or self.is_admin(request)

    def may_read_inbox(self, request: Request) -> bool:
        """Return whether this visitor may read the built-in inbox."""
        return self._app.settings.transport.kind == "inbox" and self.may_preview(request)

    def begin(self, response: Response, cookie_name: str, *, secure: bool) -> str:
        """Begin a session: store the hash of a new cookie, set the cookie in the response, and return it."""
        cookie, now = session_cookies.make_cookie(), self._app.clock()
        self._app.store.access.begin_session(self._hashes(cookie_name, cookie)[0], now, now + session_cookies.HOLDS)
        response.set_cookie(
            session_cookies.name_in_browser(cookie_name, self._home, secure=secure),
            cookie,
            max_age=int(session_cookies.HOLDS.total_seconds()),
            path=f"{self._home}/",
            httponly=True,
            samesite="strict" if cookie_name == session_cookies.COOKIE else "lax",
            secure=secure,
        )
        return cookie

    def end(self, request: Request, response: Response, cookie_name: str) -> None:
        """End a session in the database and in the browser, so that a copy of its cookie no longer works."""
        for name, cookie in session_cookies.kept(request.cookies, cookie_name).items():
            self._app.store.access.end_session(self._hashes(cookie_name, cookie))
            # Browsers ignore a change of a prefixed cookie that is not secure.
            response.delete_cookie(name, path=f"{self._home}/", secure=name != cookie_name)

    def _has_session(self, request: Request, cookie_name: str) -> bool:
        return any(
            self._app.store.access.has_session(self._hashes(cookie_name, cookie), self._app.clock())
            for cookie in session_cookies.kept(request.cookies, cookie_name).values()
        )

    def _hashes(self, cookie_name: str, cookie: str) -> list[str]:
        """Return the hashes under which the session of a cookie may be stored, that of a new one first."""
        secret = self.admin_token if cookie_name == session_cookies.COOKIE else ""
        return session_cookies.hash_cookie(self._app.keys, cookie_name, secret, cookie)

    def csrf(self, request: Request) -> str:
        """Return the CSRF token for this visitor's forms. Other sites cannot read it and so cannot post on their
        behalf.
        """
        cookies = [
            cookie
            for name in (session_cookies.COOKIE, session_cookies.ENTRY_COOKIE)
            for cookie in session_cookies.kept(request.cookies, name).values()
        ]
        return session_cookies.csrf(self._app.keys, cookies[0] if cookies else "")

    def check_csrf(self, request: Request, form: FormFields) -> None:
        """Raise HTTP 403 if the form does not contain this visitor's CSRF token."""
        if not session_cookies.same(form.get("csrf"), self.csrf(request)):
            raise HTTPException(
                403, "this form has expired or came from another site; go back, reload the page and try again"
            )
