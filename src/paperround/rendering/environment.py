"""The Jinja2 environment that letters and pages share: strict, escaping, with this project's filters."""

from __future__ import annotations

from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paperround.domain.latex import readable
from paperround.rendering.excerpt import breakable, excerpt
from paperround.rendering.language import Language


@lru_cache(maxsize=32)
def environment(folders: tuple[Path, ...], language: Language) -> Environment:
    """Templates from these folders, an earlier one hiding the later ones, in this language.

    Files named `*.html.j2` escape what they print; a name that does not exist is an error, never nothing.
    """
    made = Environment(
        loader=FileSystemLoader([str(folder) for folder in folders]),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # noqa: S701 - text is text
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals["language"] = language
    made.filters |= {
        "readable": readable,
        "excerpt": excerpt,
        "breakable": breakable,
        "day": partial(_day, language),
        "number": language.number,
        "listed": language.list,
    }
    return made


def _day(language: Language, day: date | str, form: str = "full") -> str:
    """The day as this language writes it; a notice's context holds it as YYYY-MM-DD."""
    return language.date(date.fromisoformat(day) if isinstance(day, str) else day, form)
