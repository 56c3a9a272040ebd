"""A finished email as mail clients show it, with its details, for the preview page and the built-in inbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from fastapi import Request, Response

from paperround.app import App
from paperround.domain.models import RenderedLetter, Site
from paperround.linting import LintFinding, Severity, lint
from paperround.linting.mail import Mail, opened
from paperround.linting.size import SizeBreakdown, measure
from paperround.linting.theme import join_findings, lint_theme
from paperround.process.resources import templates
from paperround.rendering import language as languages
from paperround.rounds.letters import LetterBuilder
from paperround.web.responses import PRIVATE

MODES = ("light", "dark", "inverted")
# Scripts never run: neither the policy nor the sandbox allows them. `allow-same-origin` lets the preview page restore
# the scroll position after a reload.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; frame-ancestors 'self'; sandbox {sandbox}"
)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_SOURCE = re.compile(r"""(<img\b[^>]*?)\s(?:src|srcset)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
# CSS Filter Effects: close to what Gmail's apps and Outlook do to colors on their own.
_TURNED = (
    "html { background: #fff; filter: invert(1) hue-rotate(180deg) } img { filter: invert(1) hue-rotate(180deg) }"
)


class ThemeFindings:
    """The findings of the linter about themes, each found once for the present files."""

    def __init__(self, app: App) -> None:
        self._app, self._version = app, ""
        self._found: dict[tuple[str, str], Sequence[LintFinding]] = {}

    def of(self, theme: str, language: str, *, wait: bool = True) -> Sequence[LintFinding]:
        """Return the mistakes in the files of a theme, with file and line.

        Without `wait`, return none if they are not known yet: finding them takes a third of a second, and a change
        of a template is to be seen at once.
        """
        version = self._app.shared(LetterBuilder).templates.version()
        if version != self._version:
            self._found, self._version = {}, version
        if wait and (theme, language) not in self._found:
            folders = templates()
            self._found[theme, language] = lint_theme(theme, languages.load(language, folders), folders)
        return self._found.get((theme, language), ())


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How a frame displays the email."""

    mode: str = "light"
    """`light`; `dark`, with the email's own dark colors; `inverted`, as clients display it that ignore those colors;
    or `system`, as the visitor's system is set.
    """
    pictures: bool = True
    styles: bool = True
    """Whether the style element is kept; some of Gmail's apps remove it."""

    @classmethod
    def of(cls, request: Request) -> DisplayOptions:
        """Read the options from the address."""
        query = request.query_params
        mode = query.get("mode", "")
        return cls(
            mode if mode in MODES else "light",
            query.get("pictures") not in ("0", "false"),
            query.get("styles") != "0",
        )

    def fields(self) -> dict[str, str]:
        """Return the options as query parameters."""
        return {"mode": self.mode, "pictures": str(int(self.pictures)), "styles": str(int(self.styles))}

    def toggles(self) -> list[tuple[str, list[tuple[str, DisplayOptions, bool]]]]:
        """Return each option with its choices: the choice, the resulting options, and whether it is selected."""
        on_off = {"on": True, "off": False}
        return [
            ("mode", [(mode, replace(self, mode=mode), self.mode == mode) for mode in MODES]),
            ("pictures", [(word, replace(self, pictures=on), self.pictures is on) for word, on in on_off.items()]),
            ("styles", [(word, replace(self, styles=on), self.styles is on) for word, on in on_off.items()]),
        ]


@dataclass(frozen=True)
class MessageView:
    """A message with the details that the viewer shows. Details are computed when they are first read."""

    raw: bytes
    site: Site
    rendered: RenderedLetter | None = None
    now: datetime | None = None
    of_theme: Callable[[], Sequence[LintFinding]] = tuple
    """Returns the findings about the theme, with file and line; they replace those about the same in the email."""

    @cached_property
    def mail(self) -> Mail:
        """The parsed message."""
        return opened(self.raw, self.rendered, self.site, self.now)

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return self.mail.subject

    def decoded(self, name: str) -> str:
        """Return the decoded value of a header field; empty if the message does not have it."""
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
        """The lines of the HTML, to which findings refer."""
        return self.html.split("\n")

    @property
    def header(self) -> list[tuple[str, str, str]]:
        """Each header field: its name, its decoded value, and the raw value where it differs."""
        return [
            (field.name, field.decoded, field.value if field.value != field.decoded else "")
            for field in self.mail.fields
        ]

    @property
    def written(self) -> str:
        """The raw message as text with LF line ends."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def findings(self) -> list[LintFinding]:
        """The findings of the linter, most severe first."""
        return join_findings(lint(self.raw, self.rendered, self.site, self.now), self.of_theme())

    @cached_property
    def counts(self) -> dict[str, int]:
        """The number of findings of each severity."""
        severities = [finding.severity for finding in self.findings]
        return {severity.value: severities.count(severity) for severity in Severity if severity in severities}

    @cached_property
    def size(self) -> SizeBreakdown:
        """The size of the message, part by part."""
        return measure(self.mail)


def frame(html: str, look: DisplayOptions, *, pictures: str, refresh: int = 0) -> Response:
    """Return the HTML of an email for an iframe. The policy blocks scripts and all remote content except images.

    `pictures` lists the sources that images may come from, in Content-Security-Policy syntax; 'self' is always
    allowed. `refresh` reloads the frame after that many seconds; 0 never reloads it.
    """
    pictures = f"'self' data: {pictures}" if look.pictures else "'none'"
    headers = {
        **PRIVATE,
        "Content-Security-Policy": _POLICY.format(pictures=pictures, sandbox=SANDBOX),
        "X-Frame-Options": "SAMEORIGIN",
        **({"Refresh": str(refresh)} if refresh else {}),
    }
    return Response(shown(html, look).encode(), headers=headers, media_type="text/html; charset=utf-8")


def own_pictures(site: Site) -> str:
    """Return the sources of the site's own images, as `frame` takes them."""
    return f"{site.base_url}/pictures/ {site.base_url}/charts/"


def shown(html: str, look: DisplayOptions) -> str:
    """Change the HTML so that a browser displays it as a mail client with these options would."""
    if not look.pictures:
        html = _SOURCE.sub(r"\1", html)
    html = _STYLE.sub(lambda match: _styled(match, look), html)
    # Links open in a new tab: most sites refuse to be displayed in a frame.
    added = f'<base target="_blank"><style>:root {{ color-scheme: {_scheme(look)} }} {_extra(look)}</style>'
    if not _HEAD.search(html):
        return added + html
    return _HEAD.sub(lambda match: match[0] + added, html, count=1)


def download(data: bytes, name: str, media_type: str) -> Response:
    """Return a response that downloads a file."""
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, headers=headers, media_type=media_type)


def address(path: str, **fields: str) -> str:
    """Return the path with those query parameters that are not empty."""
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{path}?{query}" if query else path


def _styled(match: re.Match[str], look: DisplayOptions) -> str:
    if not look.styles:
        return ""
    if look.mode == "system":
        return match[0]
    return match[1] + _SCHEME.sub(lambda query: _condition(query[1].lower() == _scheme(look)), match[2]) + match[3]


def _condition(holds: bool) -> str:
    """Return a media feature that always or never matches, so the visitor's own color scheme does not affect the
    frame.
    """
    return "(min-width: 0)" if holds else "(max-width: 0)"


def _scheme(look: DisplayOptions) -> str:
    return {"dark": "dark", "system": "light dark"}.get(look.mode, "light")


def _extra(look: DisplayOptions) -> str:
    outlines = "" if look.pictures else "img { outline: 1px dashed #888; outline-offset: -1px }"
    return f"{_TURNED if look.mode == 'inverted' else ''} {outlines}".strip()
