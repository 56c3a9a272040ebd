"""The Jinja2 environment of letters and pages: strict, escaping, with this project's filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError

from paperround.domain.latex import readable
from paperround.process import text_files
from paperround.rendering.excerpt import breakable, excerpt
from paperround.rendering.language import Language
from paperround.rendering.source_marks import SourceMarks


class _TextLoader(FileSystemLoader):
    """Loads templates in UTF-8. One in another encoding has a mistake in the line where that shows."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        encoded, file, is_current = super().get_source(environment, template)
        try:
            # As bytes in Latin-1, because FileSystemLoader itself would not say which file and line it cannot decode.
            return text_files.decode(encoded.encode(self.encoding), template), file, is_current
        except text_files.NotTextError as error:
            raise TemplateSyntaxError(error.problem, error.line, template, file) from error


@lru_cache(maxsize=32)
def environment(folders: tuple[Path, ...], language: Language, *, marked: bool = False) -> Environment:
    """Return the environment for templates in these folders, in this language.

    An earlier folder overrides later ones. Templates named `*.html.j2` escape what they print. An undefined name is
    an error, never an empty string. With `marked`, the output says where each tag was written, for the linter.
    """
    made = Environment(
        loader=_TextLoader([str(folder) for folder in folders], encoding="latin-1"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # noqa: S701 - text needs none
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", *([SourceMarks] if marked else [])],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals["language"] = language
    made.filters |= {
        "readable": readable,
        "excerpt": excerpt,
        "breakable": breakable,
        "day": language.date,
        "number": language.number,
        "listed": language.list,
        "translated": language.own_words,
    }
    return made
