"""Check links: they work, are safe, and lead where their text says. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.etree import _Element

from paperround.domain.hosts import host_of, is_local
from paperround.linting.finding import LintFinding, Severity, first_few
from paperround.linting.mail import Mail
from paperround.linting.page import line, text_of

_DOMAIN = re.compile(r"(?<![\w@.-])(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?=[/:?#\s]|$)", re.IGNORECASE)
# A title may name a file or a model ("node.js", "v2.ai"): only these endings, or a scheme, indicate an address.
_COMMON = ("com", "org", "net", "edu", "gov", "io", "co", "de", "uk", "eu")
_EMPTY_WORDS = frozenset(("here", "click", "click here", "this link", "link", "hier", "klicken sie hier"))
_SHORTENERS = frozenset(("bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly"))
_PRIVATE = re.compile(r"(?:10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d+)+|\[?[0-9a-f:]*:[0-9a-f:]*\]?")
_RULES = {
    "broken-link": (Severity.ERROR, "has no valid address", "add an address, or remove the link"),
    "relative-link": (Severity.ERROR, "is relative", "write the absolute address; an email has no base address"),
    "scheme": (Severity.ERROR, "uses a scheme that clients block", "use https: or mailto:"),
    "local-link": (Severity.NOTE, "points to this machine", "set site.base_url before you send real email"),
    "private-host": (Severity.ERROR, "points into a private network", "use an address that subscribers can reach"),
    "http-link": (Severity.WARNING, "is not encrypted", "use https; browsers and filters warn about http"),
    "shortener": (Severity.WARNING, "uses a link shortener", "link to the page; filters distrust shorteners"),
    "other-domain": (Severity.ERROR, "shows a wrong domain", "show the domain that it leads to"),
    "blank-link": (Severity.ERROR, "has no text", "add text, or an alt attribute to the image in it"),
    "vague-link": (Severity.WARNING, "does not describe its target", "name the page instead of `here`"),
}  # fmt: skip


def links(mail: Mail) -> Iterator[LintFinding]:
    """Report each kind of mistake once, with the links concerned."""
    by_address: dict[str, list[_Element]] = defaultdict(list)
    for link in mail.page.all("a"):
        for rule in _wrong(link):
            by_address[rule].append(link)
    for rule, those in by_address.items():
        severity, what, remedy = _RULES[rule]
        if rule == "local-link" and not mail.on_trial:
            severity, remedy = Severity.ERROR, "use the public address of the site, which subscribers can reach"
        shown = first_few(list(dict.fromkeys(_shown_text(link) for link in those)))
        many = f" ({len(those)} of them)" if len(those) > 1 else ""
        yield LintFinding(rule, severity, f"a link {what}{many}: {shown}", f"HTML line {line(those[0])}", remedy)


def _wrong(link: _Element) -> Iterator[str]:
    url = str(link.get("href", "")).strip()
    if link.get("href") is None and (link.get("name") or link.get("id")):
        return  # an anchor to jump to
    address = _wrong_address(url)
    if address:
        yield address
    text = text_of(link) or " ".join(str(picture.get("alt", "")) for picture in link.iter("img")).strip()
    if not text:
        yield "blank-link"
    elif text.lower().strip(" .!»›→") in _EMPTY_WORDS:
        yield "vague-link"
    elif address not in ("broken-link", "relative-link", "scheme") and _shows_another(text, url):
        yield "other-domain"


def _wrong_address(url: str) -> str | None:
    scheme, colon, _ = url.partition(":")
    host = host_of(url)
    if not url or url == "#" or re.search(r"\s|\{\{", url):
        return "broken-link"
    if url.startswith("#") or (colon and scheme.lower() in ("mailto", "tel")):
        return None
    if colon and re.fullmatch(r"[a-zA-Z][\w+.-]*", scheme) and scheme.lower() not in ("http", "https"):
        return "scheme"
    if not host:
        return "relative-link" if not url.lower().startswith(("http:", "https:")) else "broken-link"
    if is_local(url):
        return "local-link"
    if _PRIVATE.fullmatch(host) or "." not in host:
        return "private-host"
    if host.removeprefix("www.") in _SHORTENERS:
        return "shortener"
    return "http-link" if scheme.lower() == "http" else None


def _shows_another(text: str, url: str) -> bool:
    host = (host_of(url) or urlsplit(url).path.rpartition("@")[2]).lower()
    return any(_base(shown) != _base(host) for shown in _domains(text))


def _domains(text: str) -> list[str]:
    return [
        match[1].lower()
        for match in _DOMAIN.finditer(text)
        if match[0].lower().startswith("http") or match[1].rpartition(".")[2].lower() in _COMMON
    ]


def _base(host: str) -> str:
    """Return the last two labels of a host, since subdomains usually belong to the same owner."""
    return ".".join(host.split(".")[-2:])


def _shown_text(link: _Element) -> str:
    return str(link.get("href", "")) or text_of(link) or "<a>"


RULES = (links,)
