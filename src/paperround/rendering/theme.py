"""A theme: one template file over the layout. Its mistakes are told with file, line and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from markupsafe import Markup

from paperround.domain.errors import ConfigurationError, UnknownName
from paperround.rendering import inline
from paperround.rendering.environment import environment
from paperround.rendering.language import Language
from paperround.rendering.template import mistake

CUT = "<!--cut-->"
_STYLE_LIMIT = 16_384  # Gmail drops a style element beyond 16 KB


def names(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """The themes in these template folders."""
    found = {path.name.removesuffix(".html.j2") for folder in folders for path in _files(folder)}
    return tuple(sorted(found))


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "email" / "themes").glob("*.html.j2"))


class Theme:
    """The template of this name, in one language."""

    def __init__(self, name: str, language: Language, folders: tuple[Path, ...]) -> None:
        self.name, self._language = name, language
        self.file = f"email/themes/{name}.html.j2"
        if name not in names(folders):
            raise UnknownName(f"no theme {name!r}; there are {', '.join(names(folders))}")
        try:
            self._template = environment(folders, language).get_template(self.file)
        except TemplateError as error:
            raise mistake(self.file, error) from error

    def render(self, **facts: Any) -> str:
        """The document, marks and all, with its style sheet not yet inlined."""
        try:
            return self._template.render(cut=Markup(CUT), **facts)  # noqa: S704 - a constant
        except Exception as error:
            raise mistake(self.file, error) from error

    def pieces(self, **facts: Any) -> list[str]:
        """The finished document, cut at its marks."""
        return inline.inline(self.render(**facts)).split(CUT)

    def check(self, html: str) -> None:
        """ConfigurationError for a style sheet that cannot be inlined, or that Gmail would drop."""
        moved, kept = inline.style_sheets(html)
        inline.check(moved, self.file)
        if len(kept.encode()) > _STYLE_LIMIT:
            raise ConfigurationError(
                f"{self.file}: its media block has {len(kept.encode())} bytes, Gmail takes {_STYLE_LIMIT}"
            )
