"""A theme: one template file that extends the layout. Its errors name file, line and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateError, meta, nodes
from markupsafe import Markup

from paperround.domain.client_limits import GMAIL_STYLE
from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.rendering import inline
from paperround.rendering.environment import environment
from paperround.rendering.language import Language
from paperround.rendering.template import mistake

CUT = "<!--cut-->"
_DRAFT = b"{# draft"
_SHEETS = 2  # what premailer inlines, and what stays


def names(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the names of the themes in these template folders, sorted."""
    return tuple(_by_name(folders))


def offered(folders: tuple[Path, ...], chosen: str = "") -> tuple[str, ...]:
    """Return the names of the themes that a subscriber can choose: all but drafts, and their present theme.

    The file of a draft begins with `{# draft`, as that of the theme does which `paperround init` writes.
    """
    return tuple(name for name, file in _by_name(folders).items() if name == chosen or not _is_draft(file))


def _by_name(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Return the file of each theme, sorted by name; an earlier folder overrides later ones."""
    files = {file.name.removesuffix(".html.j2"): file for folder in reversed(folders) for file in _files(folder)}
    return dict(sorted(files.items()))


def _is_draft(file: Path) -> bool:
    with file.open("rb") as start:
        return start.read(len(_DRAFT)) == _DRAFT


def _files(folder: Path) -> Iterator[Path]:
    return (folder / "email" / "themes").glob("*.html.j2")


class Theme:
    """The theme with this name, in one language. Raises UnknownNameError, or ConfigurationError if it is invalid."""

    def __init__(self, name: str, language: Language, folders: tuple[Path, ...], *, marked: bool = False) -> None:
        self.name, self._language = name, language
        self.file = f"email/themes/{name}.html.j2"
        if name not in names(folders):
            raise UnknownNameError(f"no theme {name!r}; there are {', '.join(names(folders))}")
        try:
            templates = environment(folders, language, marked=marked)
            self._template = templates.get_template(self.file)
            _check_blocks(templates, self.file)
            self._sheet = _sheet_line(templates, self.file)
        except TemplateError as error:
            raise mistake(self.file, error) from error

    def render(self, **facts: Any) -> str:
        """Render the document with its marks, before its style sheet is inlined."""
        try:
            return self._template.render(cut=Markup(CUT), **facts)  # noqa: S704 - a constant
        except Exception as error:
            raise mistake(self.file, error) from error

    def pieces(self, **facts: Any) -> list[str]:
        """Render the document, inline its style sheet and cut it at its marks."""
        return inline.inline(self.render(**facts)).split(CUT)

    def check(self, html: str) -> None:
        """Raise ConfigurationError if a style sheet cannot be inlined, or is so long that Gmail would drop it."""
        sheets = inline.style_sheets(html)
        if len(sheets) != _SHEETS:
            raise ConfigurationError(
                f"{self.file}: its letter has {len(sheets)} style elements, not 2; extend email/digest.html.j2 and "
                "write into its style and media blocks"
            )
        moved, kept = sheets
        inline.check(moved, *self._sheet)
        if len(kept.encode()) > GMAIL_STYLE:
            raise ConfigurationError(
                f"{self.file}: its media block has {len(kept.encode())} bytes, Gmail takes {GMAIL_STYLE}"
            )


def _check_blocks(templates: Environment, file: str) -> None:
    """Raise ConfigurationError for a block that the layout does not have: Jinja2 would silently ignore it."""
    (_, tree), *above = _lineage(templates, file)
    known = {block.name for _, parent in above for block in parent.find_all(nodes.Block)}
    for block in tree.body:
        if known and isinstance(block, nodes.Block) and block.name not in known:
            meant = get_close_matches(block.name, known, 1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"there are: {', '.join(sorted(known))}"
            raise ConfigurationError(f"{file} line {block.lineno}: the layout has no block {block.name!r}; {hint}")


@dataclass(frozen=True, slots=True)
class TemplateText:
    """Literal text of a template, with its file, first line and block."""

    text: str
    file: str
    line: int
    block: str
    words: frozenset[str]
    """The words of all string constants in the file, such as class names passed to macros."""


def template_texts(name: str, language: Language, folders: tuple[Path, ...]) -> list[TemplateText]:
    """Return the literal text of a theme and of all templates that it extends, imports or includes."""
    templates, texts = environment(folders, language), list[TemplateText]()
    files = [f"email/themes/{name}.html.j2"]
    for file in files:  # which grows meanwhile
        tree = _parsed(templates, file)
        words = frozenset(
            word for one in tree.find_all(nodes.Const) if isinstance(one.value, str) for word in one.value.split()
        )
        texts += _texts(tree, file, "", words)
        files += [one for one in meta.find_referenced_templates(tree) if one and one not in files]
    return texts


def _texts(node: nodes.Node, file: str, block: str, words: frozenset[str]) -> Iterator[TemplateText]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.TemplateData):
            yield TemplateText(child.data, file, child.lineno, block, words)
        else:
            yield from _texts(child, file, child.name if isinstance(child, nodes.Block) else block, words)


def _sheet_line(templates: Environment, file: str) -> tuple[str, int]:
    """Return the template that contains the style sheet, and the line before its first."""
    for name, tree in _lineage(templates, file):
        found = next((block for block in tree.find_all(nodes.Block) if block.name == "style"), None)
        if found:
            # The layout has a line end before it.
            return name, min((one.lineno for one in found.body), default=1) - 1
    return file, 1


def _lineage(templates: Environment, file: str) -> Iterator[tuple[str, nodes.Template]]:
    """Yield the template and those that it extends, nearest first, each with its name."""
    name: str | None = file
    while name:
        tree = _parsed(templates, name)
        yield name, tree
        name = _parent(tree)


def _parsed(templates: Environment, file: str) -> nodes.Template:
    assert templates.loader
    return _parsed_source(templates, templates.loader.get_source(templates, file)[0])


@lru_cache(maxsize=32)
def _parsed_source(templates: Environment, source: str) -> nodes.Template:
    """Parse a template. Loading a theme looks at the layout more than once; nobody changes what is returned."""
    return templates.parse(source)


def _parent(tree: nodes.Template) -> str | None:
    """Return the template that this one extends, or None if there is none or its name is not a constant."""
    found = next(tree.find_all(nodes.Extends), None)
    return str(found.template.value) if found and isinstance(found.template, nodes.Const) else None
