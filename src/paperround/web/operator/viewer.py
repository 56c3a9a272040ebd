"""A finished letter as mail programs show it, and what is told beside it: for the workshop and the built-in inbox."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from fastapi import Request, Response

from paperround.domain.models import Rendered, Site
from paperround.linting import LintFinding, Severity, lint
from paperround.linting.mail import Mail, opened
from paperround.linting.size import SizeBreakdown, weigh
from paperround.web.context import PRIVATE

MODES = ("light", "dark", "inverted")
# Scripts never run: neither the policy nor the sandbox lets them. `allow-same-origin` is for our own page, which
# keeps the place to which its subscriber has scrolled when a letter is laid out anew.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; frame-ancestors 'self'; sandbox {sandbox}"
)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_SOURCE = re.compile(r"""(<img\b[^>]*?)\s(?:src|srcset)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
# CSS Filter Effects: what Gmail's apps and Outlook do to colors by themselves is near to it.
_TURNED = (
    "html { background: #fff; filter: invert(1) hue-rotate(180deg) } img { filter: invert(1) hue-rotate(180deg) }"
)


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How a frame shows the letter."""

    mode: str = "light"
    """`light`, `dark` as the letter wants it, or `inverted` as clients do that ask nobody."""
    pictures: bool = True
    styles: bool = True
    """Without its style element, as some of Gmail's apps show it."""

    @classmethod
    def asked(cls, request: Request) -> DisplayOptions:
        """What the address says."""
        query = request.query_params
        mode = query.get("mode", "")
        return cls(
            mode if mode in MODES else "light",
            query.get("pictures") not in ("0", "false"),
            query.get("styles") != "0",
        )

    def fields(self) -> dict[str, str]:
        """The same as fields of an address."""
        return {"mode": self.mode, "pictures": str(int(self.pictures)), "styles": str(int(self.styles))}

    def toggles(self) -> list[tuple[str, list[tuple[str, DisplayOptions, bool]]]]:
        """What can be switched, and each of its choices with the look that it gives."""
        on_off = {"on": True, "off": False}
        return [
            ("mode", [(mode, replace(self, mode=mode), self.mode == mode) for mode in MODES]),
            ("pictures", [(word, replace(self, pictures=on), self.pictures is on) for word, on in on_off.items()]),
            ("styles", [(word, replace(self, styles=on), self.styles is on) for word, on in on_off.items()]),
        ]


@dataclass(frozen=True)
class MessageView:
    """A message and everything that the viewer tells of it; what nobody looks at is not worked out."""

    raw: bytes
    site: Site
    rendered: Rendered | None = None
    now: datetime | None = None

    @cached_property
    def mail(self) -> Mail:
        """The message taken apart."""
        return opened(self.raw, self.rendered, self.site, self.now)

    @property
    def subject(self) -> str:
        """The subject as people read it."""
        return self.mail.subject

    def decoded(self, name: str) -> str:
        """A header field as people read it."""
        return next((field.decoded for field in self.mail.all(name)), "")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self.mail.html

    @property
    def text(self) -> str:
        """The text part."""
        return self.mail.text

    @property
    def source(self) -> list[str]:
        """The HTML's lines, which remarks are about."""
        return self.html.split("\n")

    @property
    def header(self) -> list[tuple[str, str, str]]:
        """Each field: its name, its value as people read it, and as it is written where that differs."""
        return [
            (field.name, field.decoded, field.value if field.value != field.decoded else "")
            for field in self.mail.fields
        ]

    @property
    def written(self) -> str:
        """The whole message as it goes over the wire."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def remarks(self) -> list[LintFinding]:
        """What is wrong with it."""
        return lint(self.raw, self.rendered, self.site, self.now)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many remarks there are of each severity."""
        found = [remark.severity for remark in self.remarks]
        return {severity.value: found.count(severity) for severity in Severity if severity in found}

    @cached_property
    def weight(self) -> SizeBreakdown:
        """What it weighs."""
        return weigh(self.mail)


def frame(html: str, look: DisplayOptions, *, pictures: str, refresh: int = 0) -> Response:
    """A letter's HTML for an iframe: no script, and nothing from elsewhere but pictures, if they are wanted.

    `pictures` says where those may come from, in the words of a Content-Security-Policy; 'self' is always allowed.
    With `refresh` the browser asks again after so many seconds.
    """
    pictures = f"'self' data: {pictures}" if look.pictures else "'none'"
    headers = {
        **PRIVATE,
        "Content-Security-Policy": _POLICY.format(pictures=pictures, sandbox=SANDBOX),
        "X-Frame-Options": "SAMEORIGIN",
        **({"Refresh": str(refresh)} if refresh else {}),
    }
    return Response(shown(html, look).encode(), headers=headers, media_type="text/html; charset=utf-8")


def shown(html: str, look: DisplayOptions) -> str:
    """The HTML changed so that a browser shows it as a client with this look would."""
    if not look.pictures:
        html = _SOURCE.sub(r"\1", html)
    html = _STYLE.sub(lambda found: _styled(found, look), html)
    # A link opens beside the page: in the frame itself most sites refuse to be shown.
    added = f'<base target="_blank"><style>:root {{ color-scheme: {_scheme(look)} }} {_extra(look)}</style>'
    if not _HEAD.search(html):
        return added + html
    return _HEAD.sub(lambda found: found[0] + added, html, count=1)


def download(data: bytes, name: str, media_type: str) -> Response:
    """A part of the letter as a file."""
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, headers=headers, media_type=media_type)


def address(path: str, **fields: str) -> str:
    """A path with the fields that are not empty."""
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{path}?{query}" if query else path


def _styled(found: re.Match[str], look: DisplayOptions) -> str:
    if not look.styles:
        return ""
    return found[1] + _SCHEME.sub(lambda asked: _condition(asked[1].lower() == _scheme(look)), found[2]) + found[3]


def _condition(holds: bool) -> str:
    """A media feature that always or never holds: the visitor's own color scheme has no say in the frame."""
    return "(min-width: 0)" if holds else "(max-width: 0)"


def _scheme(look: DisplayOptions) -> str:
    return "dark" if look.mode == "dark" else "light"


def _extra(look: DisplayOptions) -> str:
    outlines = "" if look.pictures else "img { outline: 1px dashed #888; outline-offset: -1px }"
    return f"{_TURNED if look.mode == 'inverted' else ''} {outlines}".strip()
