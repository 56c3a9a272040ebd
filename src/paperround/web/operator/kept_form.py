"""A form of /admin that was sent after its session had ended: kept through the login, and sent again by a button."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.exceptions import HTTPException

from paperround.web.context import RequestContext
from paperround.web.forms import FormFields
from paperround.web.subscribers.form_guard import is_from_other_site

_PATH, _FIELDS = "kept-path", "kept-fields"
_SECRET = {"csrf", "token"}
_LARGEST = 20_000  # characters


class LoginNeeded(Exception):  # noqa: N818 - no error, but the way to the login page
    """A page for operators was asked for without a session; `kept` is the form that was sent to it, if one was."""

    def __init__(self, kept: KeptForm | None = None) -> None:
        super().__init__("login needed")
        self.kept = kept


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where a form was sent to, and what was typed into it."""

    path: str
    """Below the site's own address."""
    fields: tuple[tuple[str, str], ...]

    @property
    def hidden(self) -> dict[str, str]:
        """The fields with which the login form carries it along."""
        return {_PATH: self.path, _FIELDS: urlencode(self.fields)}


async def sent_form(request: Request, context: RequestContext) -> KeptForm | None:
    """The form that a request sends, unless another site has sent it: an operator must not be made to resend that."""
    if request.method != "POST" or is_from_other_site(request, context):
        return None
    try:
        typed = await request.form(max_files=0, max_fields=400)
    except HTTPException:  # a file, or no form: neither was typed
        return None
    fields = [(name, value) for name, value in typed.multi_items() if isinstance(value, str) and name not in _SECRET]
    return _kept(request.url.path, fields)


def carried_form(form: FormFields) -> KeptForm | None:
    """The form that a login form carries along."""
    return _kept(form.get(_PATH), parse_qsl(form.get(_FIELDS), keep_blank_values=True, max_num_fields=400))


def _kept(path: str, fields: list[tuple[str, str]]) -> KeptForm | None:
    fits = path.startswith("/admin/") and path != "/admin/logout" and len(urlencode(fields)) <= _LARGEST
    return KeptForm(path, tuple(fields)) if fits and fields else None
