"""An /admin form that was submitted after its session had ended. It is kept during the login, and a button resubmits
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.exceptions import HTTPException

from paperround.web.context import WebContext
from paperround.web.forms import MAX_FIELDS, FormFields
from paperround.web.subscribers.form_guard import is_from_other_site

_PATH, _FIELDS = "kept-path", "kept-fields"
_SECRET = {"csrf", "token"}
_MAX_LENGTH = 20_000  # characters


class LoginNeeded(Exception):  # noqa: N818 - not an error: it leads to the login page
    """Raised when a page for operators is requested without a session. `kept` is the submitted form; None if there
    is none.
    """

    def __init__(self, form: KeptForm | None = None) -> None:
        super().__init__("login needed")
        self.kept = form


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A submitted form: the path that it was sent to, and the fields that were filled in."""

    path: str
    """The path of the form, relative to the site's own address."""
    fields: tuple[tuple[str, str], ...]

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields that carry this form through the login form."""
        return {_PATH: self.path, _FIELDS: urlencode(self.fields)}


async def sent_form(request: Request, context: WebContext) -> KeptForm | None:
    """Return the form that a request submits; None if there is none or it is too large.

    A form that another site submitted also returns None, because an operator must not be led to resubmit it.
    """
    if request.method != "POST" or is_from_other_site(request, context):
        return None
    try:
        typed = await request.form(max_files=0, max_fields=MAX_FIELDS)
    except HTTPException:  # a file or not a form: nobody typed it
        return None
    fields = [(name, value) for name, value in typed.multi_items() if isinstance(value, str) and name not in _SECRET]
    return _form_to_keep(request.url.path, fields)


def carried_form(form: FormFields) -> KeptForm | None:
    """Return the form that a login form carries along; None if there is none."""
    return _form_to_keep(
        form.get(_PATH), parse_qsl(form.get(_FIELDS), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    )


def _form_to_keep(path: str, fields: list[tuple[str, str]]) -> KeptForm | None:
    fits = path.startswith("/admin/") and path != "/admin/logout" and len(urlencode(fields)) <= _MAX_LENGTH
    return KeptForm(path, tuple(fields)) if fits and fields else None
