"""Check the parts of the message: MIME, the text body and the size. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paperround.domain.client_limits import GMAIL_CLIPS, MAX_HTML
from paperround.linting.finding import LintFinding, Severity, first_few
from paperround.linting.mail import BodyPart, Mail

_LINE = 76  # RFC 2045 6.7 and 6.8
_LITTLE = 80  # characters
_SHARE = 0.8
_HEADINGS = ("h1", "h2", "h3", "h4")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 5.1.1
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|$)")
_MARKUP = re.compile(r"<(?:html|body|table|tr|td|div|span|style|br)\b[^>]*>", re.IGNORECASE)


def alternatives(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 2046 5.1.4: text first and HTML last, because clients show the last part that they support."""
    kinds = [part.kind for part in mail.parts]
    bodies = [kind for kind in kinds if kind.startswith("text/")]
    if mail.message.get_content_type() != "multipart/alternative" or bodies != ["text/plain", "text/html"]:
        what = f"contains {' + '.join(kinds) or 'nothing'} as {mail.message.get_content_type()}"
        remedy = "use multipart/alternative with text/plain first and text/html last"
        yield LintFinding("alternatives", Severity.ERROR, what, "message", remedy)


def boundary(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 2046 5.1.1: a valid boundary that is closed once."""
    mark = mail.message.get_boundary()
    if mark is None:
        return
    if not _BOUNDARY.fullmatch(mark):
        remedy = "use 1 to 70 letters, digits and '()+_,-./:=?, not ending with a space"
        yield LintFinding("boundary", Severity.ERROR, f"is not valid: {mark[:40]!r}", "header Content-Type", remedy)
    closings = len(re.findall(rb"^--" + re.escape(mark.encode()) + rb"--[ \t]*\r?$", mail.raw, re.MULTILINE))
    if closings != 1:
        remedy = "end the last part with --boundary-- once"
        yield LintFinding("boundary", Severity.ERROR, f"is closed {closings} times", "message", remedy)


def encodings(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 2045 6: parts match their declared charset and encoding."""
    for part in mail.parts:
        if part.kind.startswith("text/"):
            for severity, what, remedy in _wrong_encoding(part):
                yield LintFinding("encoding", severity, what, f"part {part.kind}", remedy)


def _wrong_encoding(part: BodyPart) -> Iterator[tuple[Severity, str, str]]:
    if part.charset.lower() not in ("utf-8", "us-ascii"):
        yield Severity.ERROR, f"its charset is {part.charset or 'not named'}", "declare charset=utf-8"
    if part.text is None:
        yield Severity.ERROR, "does not decode in its charset", "encode it in the declared charset"
    if part.text and "\ufffd" in part.text:
        yield (
            Severity.ERROR,
            "contains U+FFFD, a lost character",
            "find where the text is decoded with the wrong charset",
        )
    if part.encoding not in ("7bit", "8bit", "quoted-printable", "base64"):
        yield Severity.ERROR, f"its encoding is {part.encoding!r}", "use quoted-printable"
    if part.encoding == "8bit":
        yield Severity.WARNING, "is 8bit, which requires 8BITMIME on every hop", "use quoted-printable"
    if part.encoding == "7bit" and not part.raw.isascii():
        yield Severity.ERROR, "is declared as 7bit but is not", "use quoted-printable"
    if part.encoding == "quoted-printable" and _BAD_ESCAPE.search(part.raw):
        yield Severity.ERROR, "contains a = that is not an escape", "write = as =3D (RFC 2045 6.7)"
    longest = max(len(text) for text in re.split(rb"\r?\n", part.raw))
    if part.encoding in ("quoted-printable", "base64") and longest > _LINE:
        yield Severity.ERROR, f"has a line of {longest} characters; the maximum is {_LINE}", "wrap its lines"


def truth(mail: Mail) -> Iterator[LintFinding]:
    """Check that the decoded bodies are the ones that were rendered."""
    if mail.rendered is None:
        return
    for kind, rendered in (("text/html", mail.rendered.html), ("text/plain", mail.rendered.text)):
        if mail.body(kind).rstrip("\n") != rendered.replace("\r\n", "\n").rstrip("\n"):
            remedy = "control characters and lone surrogates were removed during encoding; find where they come from"
            yield LintFinding("changed", Severity.ERROR, "differs from the rendered body", f"part {kind}", remedy)


def size(mail: Mail) -> Iterator[LintFinding]:
    """Check that the HTML is small enough: Gmail clips it at 102 KB, which hides the unsubscribe link at the end."""
    bytes_ = len(mail.html.encode())
    if bytes_ > MAX_HTML:
        clipped = bytes_ > GMAIL_CLIPS
        severity = Severity.ERROR if clipped else Severity.WARNING
        what = f"has {bytes_:,} bytes; Gmail {'clips' if clipped else 'would clip'} at {GMAIL_CLIPS:,}"
        yield LintFinding("size", severity, what, "HTML", "use fewer papers, shorter summaries or a smaller theme")


def text_body(mail: Mail) -> Iterator[LintFinding]:
    """Check the text body, which is for text-only clients and for filters that compare it with the HTML."""
    if not mail.text:
        return
    if len(mail.text.strip()) < _LITTLE:
        remedy = "include the content of the HTML"
        yield LintFinding("text-part", Severity.ERROR, "is almost empty", "text", remedy)
    tags = _MARKUP.findall(mail.text)
    if len(tags) > 2:
        yield LintFinding(
            "text-part", Severity.WARNING, f"contains HTML: {first_few(tags)}", "text", "use plain text"
        )
    linked = _main_links(mail)
    missing = sorted(url for url in linked if url not in mail.text)
    if linked and 1 - len(missing) / len(linked) < _SHARE:
        what = (
            f"has {len(linked) - len(missing)} of the HTML's {len(linked)} main links; missing {first_few(missing)}"
        )
        yield LintFinding("text-links", Severity.WARNING, what, "text", "include the same links")


def _main_links(mail: Mail) -> set[str]:
    """Return the addresses that headings link to, or those of all links if no heading has one.

    The text body needs only one address for each item.
    """
    links = [link for link in mail.page.all("a") if _is_web(link.get("href"))]
    titles = [link for link in links if any(above.tag in _HEADINGS for above in link.iterancestors())]
    return {str(link.get("href")) for link in titles or links}


def unsubscribe_link(mail: Mail) -> Iterator[LintFinding]:
    """Check Google's rule that the unsubscribe link is visible in the body, not only in the header."""
    uris = re.findall(r"<(https?://[^<>\s]+)>", mail.value("List-Unsubscribe"))
    if not mail.is_bulk or not uris:
        return
    hrefs = {str(link.get("href")) for link in mail.page.all("a")}
    for where, there in (("HTML", uris[0] in hrefs), ("text", uris[0] in mail.text)):
        if not there:
            remedy = "add the unsubscribe link at the end"
            yield LintFinding("visible-unsubscribe", Severity.ERROR, "has no unsubscribe link", where, remedy)


def _is_web(url: str | None) -> bool:
    return bool(url and url.startswith(("https://", "http://")))


RULES = (alternatives, boundary, encodings, truth, size, text_body, unsubscribe_link)
