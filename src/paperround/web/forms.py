"""The fields of a submitted form, URL-encoded or multipart. The values are not validated here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

MAX_FIELDS = 400  # every selected checkbox is a field
_MAX_DIGITS = 12
_MAX_TEXT_BYTES = 1 << 20  # bytes of a text that is pasted in place of a file


class FormFields:
    """The text fields of a form. Uploaded files are ignored."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = list(fields)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field, or the default."""
        return next((value for field, value in self._fields if field == name), default)

    def all(self, name: str) -> list[str]:
        """Return all values of a field that may occur several times."""
        return [value for field, value in self._fields if field == name]

    def pairs(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Return the names and values of these fields, in the order of the form."""
        return [(name, value) for name, value in self._fields if name in names]

    def present(self, names: Iterable[str]) -> dict[str, str]:
        """Return the given fields that the form has, with their values."""
        return {name: self.get(name) for name in names if name in self}

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _ in self._fields)


def read_number(text: str) -> int:
    """Parse the number of a database row. Returns 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else 0


async def _strict(request: Request) -> FormFields:
    try:
        return _texts(await request.form(max_files=0, max_fields=MAX_FIELDS))
    except StarletteHTTPException as error:
        raise HTTPException(400) from error


async def _lenient(request: Request) -> FormFields:
    try:
        return _texts(await request.form(max_files=0, max_fields=MAX_FIELDS))
    except StarletteHTTPException:
        return FormFields()


def _texts(form: FormData) -> FormFields:
    return FormFields((name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile))


async def _with_file(request: Request) -> tuple[FormFields, bytes]:
    try:
        async with request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=_MAX_TEXT_BYTES) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            return _texts(form), await files[0].read() if files else b""
    except StarletteHTTPException as error:
        raise HTTPException(400) from error


Form = Annotated[FormFields, Depends(_strict)]
FormWithFile = Annotated[tuple[FormFields, bytes], Depends(_with_file)]
"""A dependency: the text fields, and the content of the one file that may be uploaded (empty if there is none)."""
AnyForm = Annotated[FormFields, Depends(_lenient)]
"""A dependency for one-click requests, which accepts an invalid form as empty: the address alone determines the
action, whatever the mail client sends (RFC 8058 3.2).
"""
