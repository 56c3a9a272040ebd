"""The linter for themes: reports mistakes with the file and line of the template.

It renders a sample letter with marks that say where each tag and declaration was written (`rendering.source_marks`),
applies the rules for emails, and maps their findings back to the template. Further rules check the template itself,
for mistakes that the finished letter no longer shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from email.message import Message
from pathlib import Path

import cssutils  # type: ignore[import-untyped]

from paperround.domain.errors import ConfigurationError
from paperround.domain.schedule import Cadence
from paperround.linting.clients import RULES as CLIENTS
from paperround.linting.colors import color
from paperround.linting.contrast import RULES as CONTRAST
from paperround.linting.finding import LintFinding, Severity, most_severe_first
from paperround.linting.links import RULES as LINKS
from paperround.linting.mail import BodyPart, Mail
from paperround.linting.page import Declaration, StyleRule, css_blocks, unbalanced
from paperround.linting.structure import RULES as STRUCTURE
from paperround.linting.words import RULES as WORDS
from paperround.rendering import inline, sample
from paperround.rendering.language import Language
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts
from paperround.rendering.source_marks import MarkedHtml, unmark
from paperround.rendering.theme import CUT, TemplateText, template_texts

_RULES = (*STRUCTURE, *LINKS, *WORDS, *CONTRAST, *CLIENTS)
_REFUSAL = re.compile(r"(?P<where>\S+\.j2(?: line \d+)?): (?P<what>.*)", re.DOTALL)
_CLASS = re.compile(r"\.([A-Za-z_][\w-]*)")
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ ,’'-]+[^\W\d_]+)+")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*(?:>|$)|^[^<>]*>", re.DOTALL)
_SPOKEN = re.compile(r'\b(?:alt|title|aria-label)="([^"]*)"')
# Properties of CSS that are newer than the list of cssutils.
_NEWER = frozenset((
    "appearance", "aspect-ratio", "backdrop-filter", "background-clip", "background-origin", "background-size",
    "border-collapse", "clip-path", "color-scheme", "column-gap", "filter", "flex", "gap", "grid", "hyphens", "inset",
    "mix-blend-mode", "object-fit", "object-position", "order", "overflow-wrap", "row-gap", "tab-size",
    "text-decoration-color", "text-decoration-line", "text-decoration-style", "text-decoration-thickness",
    "text-overflow", "text-shadow", "text-size-adjust", "text-underline-offset", "transform", "transform-origin",
    "transition", "word-break", "word-wrap",
))  # fmt: skip
_FAMILIES = (
    "-", "mso-", "flex-", "grid-", "animation", "align-", "justify-", "scroll-", "inset-", "font-feature-",
    "font-variant-", "margin-inline", "margin-block", "padding-inline", "padding-block", "border-inline",
    "border-block",
)  # fmt: skip
_COLOR_WORDS = ("inherit", "transparent", "currentcolor", "initial", "unset", "none")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A style sheet of the theme: the block's name, its rules and its file."""

    block: str
    rules: tuple[StyleRule, ...]
    file: str

    @property
    def declarations(self) -> Iterator[Declaration]:
        """The declarations of all rules, in order."""
        return (declaration for rule in self.rules for declaration in rule.declarations)


def lint_theme(theme: str, language: Language, folders: Sequence[Path]) -> list[LintFinding]:
    """Return the mistakes of a theme, most severe first, with `FILE line NUMBER` as their place.

    For a theme that cannot be used, the only finding is the reason.
    """
    try:
        LetterRenderer(sample.SITE, theme, language, folders, replies=True)
    except ConfigurationError as error:
        return [_refusal(str(error))]
    file, texts = f"email/themes/{theme}.html.j2", template_texts(theme, language, tuple(folders))
    own = [text for text in texts if text.file == file]
    sheets = [_sheet(text) for text in own if text.block in ("style", "media")]
    findings = [*_unknown_properties(sheets), *_wrong_colors(sheets), *_unknown_classes(sheets, texts)]
    findings += [*_importance(sheets), *_untranslated(own)]
    marked = LetterRenderer(sample.SITE, theme, language, folders, replies=True, marked=True)
    findings += _in_letter(_document(marked, Cadence.WEEKLY), file)  # which has a chart, too
    return _folded(findings)


def join_findings(letter: Sequence[LintFinding], theme: Sequence[LintFinding]) -> list[LintFinding]:
    """Combine the findings of a theme with those of a letter by other rules, most severe first."""
    rules = {finding.rule for finding in theme}
    return most_severe_first([*theme, *(finding for finding in letter if finding.rule not in rules)])


def _refusal(message: str) -> LintFinding:
    parsed = _REFUSAL.fullmatch(message)
    where, what = (parsed["where"], parsed["what"]) if parsed else ("theme", message)
    return LintFinding("refused", Severity.ERROR, what, where, "correct it; until then the theme cannot be used")


def _document(renderer: LetterRenderer, cadence: Cadence) -> str:
    digest, subscriber, counts = sample.digest(cadence), sample.subscriber(cadence), sample.counts(cadence)
    return renderer.document(LetterFacts(digest, sample.PAPERS, subscriber, sample.LINKS, sample.DAY, counts))


def _in_letter(document: str, file: str) -> Iterator[LintFinding]:
    """Apply the rules for emails to a marked document, and check that each of its blocks closes its elements."""
    html = unmark(inline.inline(document).replace(CUT, ""), file)
    mail = _mail(html.html)
    for rule in _RULES:
        for finding in rule(mail):
            yield _placed(finding, html, file)
    top, *blocks, bottom = document.split(CUT)
    for piece in (*blocks, top + bottom):
        written = unmark(piece, file)
        for at, what in unbalanced(written.html, strict=True):
            remedy = "close each element in the block that opens it"
            yield LintFinding("tags", Severity.ERROR, what, written.source(at) or file, remedy)
    if sample.LINKS.unsubscribe not in html.html:
        remedy = 'link to {{ letter.links.unsubscribe }} in the "footer" block'
        where = next((source for source in reversed(html.sources) if source.startswith(file)), file)
        yield LintFinding("unsubscribe", Severity.ERROR, "has no unsubscribe link", where, remedy)


def _placed(finding: LintFinding, html: MarkedHtml, file: str) -> LintFinding:
    source = html.source(finding.html_line) if finding.html_line else ""
    return replace(finding, where=source or file)


def _mail(html: str) -> Mail:
    part = BodyPart("text/html", "8bit", "utf-8", b"", html)
    return Mail(b"", (), (), True, Message(), (part,), None, sample.SITE, None)


def _folded(findings: Sequence[LintFinding]) -> list[LintFinding]:
    """Merge findings of the same rule in the same place into one with a count; most severe first."""
    repeats: dict[tuple[str, str], list[LintFinding]] = {}
    for finding in findings:
        repeats.setdefault((finding.rule, finding.where), []).append(finding)
    return most_severe_first(_counted(*those) for those in repeats.values())


def _counted(first: LintFinding, *others: LintFinding) -> LintFinding:
    return replace(first, what=f"{first.what} ({1 + len(others)} times)") if others else first


def _sheet(text: TemplateText) -> _Sheet:
    return _Sheet(text.block, tuple(css_blocks(text.text, text.line)), text.file)


def _unknown_properties(sheets: Sequence[_Sheet]) -> Iterator[LintFinding]:
    known_names = frozenset(cssutils.profile.knownNames) | _NEWER
    for sheet in sheets:
        for declaration in sheet.declarations:
            if declaration.name not in known_names and not declaration.name.startswith(_FAMILIES):
                meant = get_close_matches(declaration.name, known_names, 1)
                remedy = f"did you mean {meant[0]!r}?" if meant else "write a property of CSS"
                what = f"no client knows the property {declaration.name!r}"
                yield LintFinding(
                    "unknown-property", Severity.ERROR, what, f"{sheet.file} line {declaration.line}", remedy
                )


def _wrong_colors(sheets: Sequence[_Sheet]) -> Iterator[LintFinding]:
    for sheet in sheets:
        for declaration in sheet.declarations:
            plain = declaration.value.lower() not in _COLOR_WORDS and "(" not in declaration.value
            if (
                declaration.name in ("color", "background-color", "border-color")
                and plain
                and color(declaration.value) is None
            ):
                what = f"{declaration.value.splitlines()[0]!r} is not a color"
                remedy = "write #rrggbb, and a semicolon after it"
                yield LintFinding(
                    "wrong-color", Severity.ERROR, what, f"{sheet.file} line {declaration.line}", remedy
                )


def _unknown_classes(sheets: Sequence[_Sheet], texts: Sequence[TemplateText]) -> Iterator[LintFinding]:
    """Report selectors with a class that no template contains, neither in a tag nor as an argument of a macro."""
    written = {word for text in texts for words in _CLASSES.findall(text.text) for word in words.split()}
    written |= {word for text in texts for word in text.words}
    for sheet in sheets:
        for rule in sheet.rules:
            at = rule.declarations[0].line if rule.declarations else 0
            for name in _CLASS.findall(rule.selector):
                if name not in written:
                    meant = get_close_matches(name, written, 1)
                    remedy = (
                        f"did you mean '.{meant[0]}'?" if meant else "remove the rule, or give an element the class"
                    )
                    what = f"the selector {rule.selector!r} matches nothing: no element has the class {name!r}"
                    where = f"{sheet.file} line {at}" if at else sheet.file
                    yield LintFinding("unused-selector", Severity.WARNING, what, where, remedy)


def _importance(sheets: Sequence[_Sheet]) -> Iterator[LintFinding]:
    """Report a wrong !important: inlined styles override the media block, unless only the latter is !important."""
    for sheet in sheets:
        for declaration in sheet.declarations:
            if sheet.block == "style" and declaration.important:
                what, remedy = f"{declaration.name} is !important", "leave it out here: dark mode could not change it"
            elif sheet.block == "media" and not declaration.important:
                what, remedy = (
                    f"{declaration.name} has no effect",
                    "add !important: the inlined style wins without it",
                )
            else:
                continue
            yield LintFinding("important", Severity.WARNING, what, f"{sheet.file} line {declaration.line}", remedy)


def _untranslated(texts: Sequence[TemplateText]) -> Iterator[LintFinding]:
    """Report literal words, which stay the same in every language."""
    for text in texts:
        if text.block in ("style", "media"):
            continue
        bare = _TAG.sub(lambda tag: _spoken(tag[0]), text.text)
        for words in _WORDS.finditer(bare):
            at = text.line + bare.count("\n", 0, words.start())
            remedy = f'write {{{{ _("{words[0]}") }}}}, and translate it in templates/locale/'
            what = f"{words[0][:40]!r} is not translated"
            yield LintFinding("untranslated", Severity.WARNING, what, f"{text.file} line {at}", remedy)


def _spoken(tag: str) -> str:
    """Replace a tag with its line ends and the attributes that clients show or read out."""
    return f"|{'|'.join(_SPOKEN.findall(tag))}|" + "\n" * tag.count("\n")
