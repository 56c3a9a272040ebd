"""Parses what people reply to a letter, such as "more 2, less 5". Pure; any bytes give a LetterReply or None.

Only what people wrote themselves is read: no quoted letter, no signature, and nothing from a vacation responder, a
mailing list or another program (RFC 3834). A line counts if all of it is a request, so that an ordinary sentence
never changes anybody's taste.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from paperround.bounces.mime import Part, read_parts
from paperround.domain.latex import readable
from paperround.domain.models import Paper
from paperround.domain.tokens import REPLY_MAILBOX

_ADDRESS = re.compile(rf"(?<![\w.+-]){REPLY_MAILBOX}\+([a-z2-7]{{34}})@", re.IGNORECASE)
_BULK = {"bulk", "junk", "list", "auto_reply"}
_BY_PROGRAMS = {"x-autoreply", "x-autorespond", "x-auto-response-suppress"}
_SYSTEM = re.compile(r"mailer-daemon|postmaster|no-?reply@", re.IGNORECASE)
_MAX_LINES, _MAX_REQUESTS = 40, 50
# Characters or bytes. What a person writes stands at the top, and the rest quotes the letter.
_MAX_TEXT_LENGTH = 1 << 16

_QUOTED_HTML = re.compile(
    rb"<blockquote\b|<hr\b|<[a-z]{1,10}\s[^<>]{0,200}?\b(?:class|id)=[\"']?"
    rb"(?:gmail_quote|gmail_attr|moz-cite-prefix|divRplyFwdMsg|appendonsend|yahoo_quoted)",
    re.IGNORECASE,
)
_QUOTE = re.compile(rb"<(/?)blockquote\b", re.IGNORECASE)
_QUOTE_ENDS = re.compile(rb"<(?:hr|[a-z]+[^<>]*(?:divRplyFwdMsg|appendonsend))", re.IGNORECASE)
_INVISIBLE = dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF))  # such as a zero-width space
_NEW_LINE = re.compile(rb"<br\b[^<>]{0,200}>|</(?:p|div|li|tr|h\d)\s*>", re.IGNORECASE)
_ATTRIBUTION = re.compile(
    r"^(?:on|am|le|el|il)\b[^\n]*(?:\n[^\n>]+){0,2}?(?:wrote|schrieb[^\n]*|a écrit|escribió|ha scritto)\s*:\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^(?:-- ?$|[-_]{10,}$|-{2,} ?\w[^\n]*-{2,}$|\*?(?:from|von|de|da)\*?\s?:"
    r"|(?:sent|gesendet|von meinem|get outlook)\b.*(?:iphone|ipad|android|outlook|mobil|smartphone|gesendet|mail)\b)",
    re.IGNORECASE,
)


class RequestKind(StrEnum):
    """What a reply asks for."""

    MORE = "more"
    LESS = "less"
    SAVE = "save"


_VERBS = {
    **dict.fromkeys(("more", "mehr", "plus", "+"), RequestKind.MORE),
    **dict.fromkeys(("less", "fewer", "weniger", "minus", "-"), RequestKind.LESS),
    **dict.fromkeys(("save", "keep", "merken", "merke", "speichern", "speichere"), RequestKind.SAVE),
}
_FILLERS = frozenset(
    (
        *("and", "also", "please", "pls", "thanks", "thank", "you", "hi", "hello", "like", "of", "paper", "papers"),
        *("number", "numbers", "the", "these"),
        *("und", "auch", "bitte", "danke", "hallo", "wie", "von", "nummer", "nummern", "solche"),
    )
)
_PAPERS = frozenset(("paper", "papers"))
_COUNTED = re.compile(r"\d\s+$")  # before "papers", in which case it is no number of a paper
_TOKEN = re.compile(
    r"(?P<sign>(?:(?<=[\s,;(])|^)[+-](?=#?\d))|(?P<number>\d{1,3}(?![\w-]|[.:]\d))|(?P<noise>\bn[or]\.|[,;:.!&#()/]|\s)"
    r"|(?P<word>[^\W\d_]+)|(?P<other>.)"
)
_NAMED = re.compile(
    rf"(?P<verb>{'|'.join(verb for verb in _VERBS if verb.isalpha())})\s+(?:papers?\s+)?"
    r"(?:(?:like|of|from|by|about|on|wie|von|über|zu)\s+)?[\"“„'‘]?(?P<name>\w.{2,200}?)[\"”“'’.!\s]*"
)
_WORD = re.compile(r"[^\W_]+")
_BULLET = re.compile(r"[-*•]\s+(?=\D)")
_LEAVE = frozenset(("unsubscribe", "stop", "abmelden", "abbestellen"))


@dataclass(frozen=True, slots=True)
class TasteRequest:
    """A request about one paper of the letter, by its number, or about the papers that a name fits."""

    kind: RequestKind
    number: int = 0
    """The number as it was written; it counts only without a name."""
    name: str = ""
    """A title or part of one, an author, or a topic, in lower case."""


@dataclass(frozen=True, slots=True)
class LetterReply:
    """A reply that a person wrote to a letter."""

    token: str
    """The token of the address that it was sent to; its signature is not checked here."""
    fingerprint: str
    """A key that is equal whenever the same mail is read again."""
    requests: tuple[TasteRequest, ...]
    leaves: bool
    """Whether the person asks to unsubscribe."""


@dataclass(frozen=True, slots=True)
class ReplyTargets:
    """The papers that a reply is about."""

    verdicts: Mapping[int, int]
    """More (+1) or less (−1) like each paper, by its row; the last request counts."""
    saved: tuple[int, ...]
    unknown: tuple[int, ...]
    """The numbers that no paper of the letter has."""


def parse_reply(raw: bytes) -> LetterReply | None:
    """Return the reply in a mail; None if it was not sent to a reply address, or by a program."""
    parts = read_parts(raw)
    head = parts[0]
    matches = (_ADDRESS.search(value) for value in head.delivered_to)
    token = next((match[1].lower() for match in matches if match), None)
    if token is None or _is_automatic(head):
        return None
    lines = list(own_lines(_text(parts)))
    requests = [request for line in lines for request in read_requests(line)]
    leaves = any(line.casefold().strip(" .!") in _LEAVE for line in lines[:1])
    return LetterReply(token, _fingerprint(head, raw), tuple(requests[:_MAX_REQUESTS]), leaves)


def own_lines(text: str) -> Iterator[str]:
    """Yield the lines that the sender wrote, without empty ones, quoted ones and all that follows them."""
    text = text.translate(_INVISIBLE)
    attribution = _ATTRIBUTION.search(text)
    if attribution:
        # Below the attribution, people write only if the quoted lines are marked.
        rest = text[attribution.end() :] if re.search(r"^>", text[attribution.end() :], re.MULTILINE) else ""
        text = f"{text[: attribution.start()]}\n{rest}"
    number = 0
    for line in map(str.strip, text.splitlines()):
        if _END.match(line) or number == _MAX_LINES:
            return
        if line and not line.startswith((">", "|")):
            number += 1
            yield line


def read_requests(line: str) -> Sequence[TasteRequest]:
    """Return the requests that a line consists of; none if any part of it is something else."""
    line = _BULLET.sub("", line.casefold().translate({0x2212: "-", 0x2013: "-"}).strip(), count=1)
    numbered = _numbered(line)
    if numbered is not None:
        return numbered
    named = _NAMED.fullmatch(line)
    # "Fewer papers" is about the letter, and "less 3 papers" too, not about a paper with such a title.
    if not named or all(word.isdigit() or word in _FILLERS for word in _WORD.findall(named["name"])):
        return ()
    return [TasteRequest(_VERBS[named["verb"]], name=named["name"])]


def resolve(requests: Sequence[TasteRequest], papers: Sequence[Paper], topics: Mapping[int, str]) -> ReplyTargets:
    """Find the papers that the requests are about.

    `papers` are those of the letter in the order of their numbers, `topics` the name of each one's topic by row. A
    name is a part of one paper's title, or else an author, or else a topic of papers in the letter.
    """
    verdicts: dict[int, int] = {}
    saved: dict[int, None] = {}
    for request in requests:
        at = slice(request.number - 1, request.number)
        rows = _papers_named(request.name, papers, topics) if request.name else [paper.row for paper in papers[at]]
        if request.kind is RequestKind.SAVE:
            saved |= dict.fromkeys(rows)
        else:
            verdicts |= dict.fromkeys(rows, 1 if request.kind is RequestKind.MORE else -1)
    numbered = [request.number for request in requests if not request.name]
    unknown = dict.fromkeys(number for number in numbered if not 1 <= number <= len(papers))
    return ReplyTargets(verdicts, tuple(saved), tuple(unknown))


def _numbered(line: str) -> list[TasteRequest] | None:
    """Return the requests of a line that has nothing but verbs, numbers and polite words; else None."""
    requests: list[TasteRequest] = []
    kind, idle = None, False
    for token in _TOKEN.finditer(line):
        text = token[0]
        match token.lastgroup:
            case "number" if kind:
                requests.append(TasteRequest(kind, int(text)))
                idle = False
            case "sign" | "word" if text in _VERBS and not idle:
                kind, idle = _VERBS[text], True
            case "noise":
                continue
            case "word" if text in _PAPERS and _COUNTED.search(line, 0, token.start()):
                return None
            case "word" if text in _FILLERS:
                continue
            case _:
                return None
    return requests if requests and not idle else None


def _papers_named(name: str, papers: Sequence[Paper], topics: Mapping[int, str]) -> Sequence[int]:
    wording = _words(name)
    titled = [paper.row for paper in papers if wording in _words(readable(paper.title))]
    if len(titled) == 1:
        return titled
    by_author = [
        paper.row for paper in papers if any(_words(readable(author)).endswith(wording) for author in paper.authors)
    ]
    return by_author or [paper.row for paper in papers if wording in _words(topics.get(paper.row, ""))]


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _is_automatic(head: Part) -> bool:
    """Return whether a program sent the mail, so that it is no wish of a person and must not be answered."""
    names = {name for name, _ in head.fields}
    return (
        (head.first("auto-submitted") or "no").partition(";")[0].strip().lower() != "no"
        or (head.first("precedence") or "").lower() in _BULK
        or bool(names & _BY_PROGRAMS)
        or any(name.startswith("list-") for name in names)
        or (head.first("return-path") or "").replace(" ", "") == "<>"
        or bool(_SYSTEM.search(head.first("from") or ""))
        or head.type == "multipart/report"
    )


def _text(parts: Sequence[Part]) -> str:
    """Return the text of the mail, from HTML if it has no other."""
    shown = [part for part in parts if not (part.first("content-disposition") or "").lower().startswith("attachment")]
    plain = next((part for part in shown if part.type == "text/plain"), None)
    if plain:
        return plain.own_text[:_MAX_TEXT_LENGTH]
    markup = next((part for part in shown if part.type == "text/html"), None)
    if markup is None:
        return ""
    own = _own_html(markup.body[:_MAX_TEXT_LENGTH])
    return Part(markup.fields, _NEW_LINE.sub(b"\n", b" ".join(own.split()))).own_text


def _own_html(body: bytes) -> bytes:
    """Return what stands above the quoted letter, and below it if its end is known: all quotes are closed."""
    quoted = _QUOTED_HTML.search(body)
    if quoted is None:
        return body
    above = body[: quoted.start()]
    marks = list(_QUOTE.finditer(body))
    closing = sum(1 for mark in marks if mark[1])
    if _QUOTE_ENDS.match(quoted[0]) or not marks or 2 * closing != len(marks) or not marks[-1][1]:
        return above
    return above + b"<br><" + body[marks[-1].start() + 1 :]


def _fingerprint(head: Part, raw: bytes) -> str:
    return hashlib.sha256((head.first("message-id") or "").encode() or raw).hexdigest()
