"""Check the content: the first line, hidden text, unfilled placeholders and the postal address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paperround.linting.finding import LintFinding, Severity, first_few
from paperround.linting.mail import Mail
from paperround.linting.page import hides, line, text_of

_PREHEADER = 40  # characters: clients show at least this many after the subject
_HIDDEN = 250  # characters of hidden text that providers still accept as a preheader
_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|%\(\w+\)[sd]|\$\{\w+\}|\*\|\w+\|\*")
_OBJECTS = re.compile(r"<(?:built-in |bound )?(?:method|function|object)\b[^>]*>|\bobject at 0x[0-9a-f]+")
_NOTHING = frozenset(("none", "null", "undefined", "nan", "[object object]"))
_GREETING = re.compile(r"\b(?:hello|hi|dear|hallo|guten tag),? (?:none|null|undefined)\b", re.IGNORECASE)
_ACTIVE = frozenset(("script", "iframe", "frame", "object", "embed", "applet", "form", "input", "button", "select",
                     "textarea", "link", "base", "svg", "math", "canvas", "audio", "video"))  # fmt: skip
# Poor previews: Gmail shows the beginning of an email next to the subject.
_POOR_START = re.compile(
    r"^(?:view (?:this )?(?:email |mail )?(?:in|online)|if you (?:can(?:no|')t|have trouble))", re.I
)


def active_content(mail: Mail) -> Iterator[LintFinding]:
    """Report active content, which clients remove and filters penalize."""
    for element in mail.page.all():
        tag, where = str(element.tag), f"HTML line {line(element)}"
        handlers = [name for name in element.attrib if str(name).startswith("on")]
        if tag in _ACTIVE:
            remedy = "remove it, and link to a web page instead"
            yield LintFinding("active-content", Severity.ERROR, f"<{tag}> is removed by clients", where, remedy)
        if handlers:
            what = f"<{tag}> has {first_few([str(name) for name in handlers])}"
            yield LintFinding("active-content", Severity.ERROR, what, where, "remove them; no client runs scripts")
        if any(str(value).strip().lower().startswith("data:") for value in element.attrib.values()):
            remedy = "serve the file over https or attach it (cid:); Gmail and Outlook block data: addresses"
            yield LintFinding("data-url", Severity.ERROR, f"<{tag}> has a data: address", where, remedy)


def first_words(mail: Mail) -> Iterator[LintFinding]:
    """Check the first line, which inboxes show as the preview text after the subject."""
    if mail.page.root is None:
        return
    start = mail.page.words[:200]
    if len(start) < _PREHEADER:
        remedy = "begin with a sentence that summarizes the content"
        yield LintFinding("preheader", Severity.WARNING, "contains hardly any text", "HTML", remedy)
    elif _POOR_START.match(start):
        remedy = "begin with the content, and move the link to the web version to the end"
        yield LintFinding("preheader", Severity.WARNING, f"begins with {start[:40]!r}", "HTML", remedy)


def hidden_text(mail: Mail) -> Iterator[LintFinding]:
    """Check Google's rule against content hidden with CSS; only a short preheader is tolerated."""
    for element in mail.page.all():
        style = str(element.get("style", ""))
        if not (style and hides(style)) or any(hides(str(up.get("style", ""))) for up in element.iterancestors()):
            continue
        if text := text_of(element):
            long = len(text) > _HIDDEN
            remedy = "make it a visible first line" if not long else "show or remove it; filters penalize hidden text"
            what = f"{len(text)} characters are hidden: {text[:40]!r}"
            severity = Severity.ERROR if long else Severity.WARNING
            yield LintFinding("hidden-text", severity, what, f"HTML line {line(element)}", remedy)


def placeholders(mail: Mail) -> Iterator[LintFinding]:
    """Report placeholders that were not filled in."""
    remedy = "set the value in the template, or omit the line when there is none"
    for what, where in _unfilled(mail):
        yield LintFinding("placeholder", Severity.ERROR, f"has an unfilled placeholder: {what[:60]!r}", where, remedy)


def _unfilled(mail: Mail) -> Iterator[tuple[str, str]]:
    if gap := _empty(mail.subject):
        yield gap, "header Subject"
    for number, text in enumerate(mail.text.split("\n"), 1):
        if gap := _empty(text):
            yield gap, f"text line {number}"
    for element, text in mail.page.visible():
        if gap := _empty(text):
            yield gap, f"HTML line {line(element)}"
    for element in mail.page.all("a", "img"):
        url = str(element.get("href") or element.get("src") or "")
        if _BRACES.search(url) or url.rstrip("/").rpartition("/")[2].lower() in _NOTHING:
            yield url, f"HTML line {line(element)}"


def _empty(text: str) -> str:
    """Return the unfilled placeholder in a piece of text, or "".

    `None` and {{braces}} within a sentence are allowed, since papers may write about them.
    """
    bare = text.strip()
    if bare.lower() in _NOTHING:
        return bare
    match = _OBJECTS.search(text) or _GREETING.search(text)
    if match is None and (whole := _BRACES.search(bare)) and len(whole[0]) * 2 > len(bare):
        match = whole
    return match[0] if match else ""


def imprint(mail: Mail) -> Iterator[LintFinding]:
    """Check for the sender's postal address, which CAN-SPAM and the laws of many countries require."""
    address = mail.site.postal_address
    if not address:
        remedy = "set site.postal_address; commercial email requires one (CAN-SPAM)"
        yield LintFinding("postal-address", Severity.NOTE, "the site has no postal address", "message", remedy)
        return
    texts = {"HTML": mail.page.words, "text": " ".join(mail.text.split())}
    for where, words in texts.items():
        if words and " ".join(address.split()) not in words:
            yield LintFinding(
                "postal-address",
                Severity.WARNING,
                "does not contain the postal address",
                where,
                "add it to the footer",
            )


RULES = (active_content, first_words, hidden_text, placeholders, imprint)
