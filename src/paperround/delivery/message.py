"""Builds an RFC 5322 message from a rendered letter. Pure functions.

The header is written here and not by `email.message`: that turns links of more than 76 characters into encoded
words, which no mailbox provider follows when a subscriber clicks "unsubscribe", and takes ten times as long. Every
rule names the RFC section it follows; docs/delivery.md lists them in one table.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from paperround.delivery.address import ascii_domain, wire
from paperround.domain import quoted_printable
from paperround.domain.hosts import is_local
from paperround.domain.models import FEEDBACK_MARK, EncodedLetter, RenderedLetter
from paperround.domain.text import REPLY_PREFIX, clean

_LINE = 76  # characters per line of a folded field: RFC 2047 2; RFC 5322 2.1.1 would allow 78
_ENCODED_WORD = 75  # RFC 2047 2, delimiters included
_MAX_SUBJECT = 998  # octets as written, Gmail's limit
_MAX_NAME = 64  # characters; every mail program cuts longer display names
_MAX_LABEL = 63  # RFC 1035 2.3.4
_LIST_LABEL = "papers"  # never to be changed: subscribers filter by it
_SENDER_ID = (5, 15)  # https://support.google.com/mail/answer/6254652

_PART_HEAD = '\r\nContent-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_TEXT_HEAD, _HTML_HEAD = (_PART_HEAD.format(subtype).encode() for subtype in ("plain", "html"))

_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+", re.ASCII)
_Q_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"  # RFC 2047 5 (3)
_Q_OCTETS = [chr(b) if b in _Q_SAFE else "_" if b == ord(" ") else f"={b:02X}" for b in range(256)]
_Q_WORD = "=?utf-8?q?{}?="
# Google's display-name rules: symbols and invisible or direction-changing characters imitate other senders.
_NOT_IN_NAMES = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs"})
_URI = re.compile(r"(?:https?://|mailto:)[!#-+\--;=?-~]+")  # without commas, which separate URIs


class HeaderData(NamedTuple):
    """The data of the message's header.

    `date` is timezone-aware: when the letter was composed, however often it is sent (RFC 5322 3.6.1). URLs are
    absolute.
    """

    sender_name: str
    sender: str
    recipient: str
    date: datetime
    message_id: str
    reply_to: str = ""
    kind: Literal["digest", "notice"] = "digest"
    list_name: str = ""
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""
    help_url: str = ""
    owner_url: str = ""
    """Where subscribers reach a person: a web page or a `mailto:` address."""
    archive_url: str = ""
    feedback: tuple[str, ...] = ()
    """Up to three words that group letters in Google's complaint statistics; none may identify one subscriber."""
    is_reply: bool = False
    """Whether the letter answers a mail of the subscriber."""


def encoded(rendered: RenderedLetter) -> EncodedLetter:
    """Return the letter with its parts encoded as quoted-printable."""
    encode = quoted_printable.encode
    return EncodedLetter(rendered.subject, [encode(rendered.html)], [encode(rendered.text)])


def assemble(head: HeaderData, letter: EncodedLetter) -> bytes:
    """Return the finished message: CRLF, 7-bit, text part first, HTML part last. Raises UnusableAddressError.

    The parts of `letter` are already transfer-encoded. No line of the message begins with a dot.
    """
    boundary = _boundary(head.message_id)
    delimiter = b"\r\n--%b" % boundary.encode()
    pieces = (
        _head(head, letter.subject, boundary),
        delimiter,
        _TEXT_HEAD,
        *letter.text_pieces,
        delimiter,
        _HTML_HEAD,
        *letter.html_pieces,
        delimiter,
        b"--\r\n",
    )
    return b"".join(pieces).replace(FEEDBACK_MARK, letter.feedback)


def message_id(issue: str, subscriber: int, email: str, key: bytes, domain: str) -> str:
    """Return the Message-ID of a subscriber's letter of an issue: always the same, and revealing nothing about it.

    It depends on the address too, because after restoring a backup another subscriber may get the same number.
    """
    digest = hmac.digest(key, f"message-id\0{issue}\0{subscriber}\0{email}".encode(), "sha256")[:15]
    return f"<{base64.b32encode(digest).decode().lower()}@{ascii_domain(domain)}>"


def subject_line(subject: str) -> str:
    """Return the subject on one line and without "Re:" or "Fwd:", which would pretend a conversation."""
    return REPLY_PREFIX.sub("", clean(subject))


def display_name(name: str) -> str:
    """Return the sender's name as providers accept it: without emoji, invisible characters, addresses or "Re:"."""
    plain = "".join(c for c in subject_line(name) if c not in "<>@" and unicodedata.category(c) not in _NOT_IN_NAMES)
    return clean(plain)[:_MAX_NAME].strip()


def _head(head: HeaderData, subject: str, boundary: str) -> bytes:
    sender, for_lists, places, about = _shared(
        head.sender_name, head.sender, head.kind, head.list_name, head.owner_url, head.archive_url,
        head.feedback, head.is_reply,
    )  # fmt: skip
    lines = (
        sender,
        _field("To", f"<{wire(head.recipient)}>"),
        _subject_field(subject, head.sender_name),
        _date_field(head.date),
        _field("Message-ID", head.message_id),
        _field("Reply-To", f"<{wire(head.reply_to)}>") if head.reply_to else "",
        for_lists,
        _help_field(head),
        places,
        _unsubscribe_fields(head),
        about,
        _fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"']),
    )
    # Only the subscriber's local part may be outside ASCII; then the transport uses SMTPUTF8 (RFC 6532).
    return "".join(lines).encode()


def _field(name: str, piece: str) -> str:
    """Write a field of one piece, on a line of its own if it is too long for the first."""
    return f"{name}: {piece}\r\n" if len(name) + 2 + len(piece) <= _LINE else f"{name}:\r\n {piece}\r\n"


def _fold(name: str, pieces: Sequence[str]) -> str:
    """Fold a field into lines of at most 76 characters between pieces; a longer piece gets its own line."""
    lines = [f"{name}:"]
    for piece in pieces:
        if len(lines[-1]) + 1 + len(piece) > _LINE:
            lines.append("")
        lines[-1] += f" {piece}"
    return "\r\n".join(lines) + "\r\n"


@lru_cache(maxsize=64)
def _shared(
    sender_name: str,
    sender: str,
    kind: Literal["digest", "notice"],
    list_name: str,
    owner_url: str,
    archive_url: str,
    feedback: tuple[str, ...],
    is_reply: bool,
) -> tuple[str, str, str, str]:
    """Return the fields shared by all letters of a kind, in the blocks between which a letter's own fields stand."""
    domain = ascii_domain(sender.rpartition("@")[2])
    lists = []
    if kind == "digest":  # RFC 2919 and 2369
        lists.append(("List-Id", [*_list_id(list_name or sender_name, domain)]))
    about = [
        ("Feedback-ID", [_feedback_id(feedback or (kind,), domain)]),
        # RFC 3834 5: prevents vacation notices
        ("Auto-Submitted", ["auto-replied" if is_reply else "auto-generated"]),
        ("Precedence", ["bulk"] if kind == "digest" else []),  # for responders older than RFC 3834
        ("MIME-Version", ["1.0"]),
    ]
    urls = (("List-Owner", owner_url), ("List-Archive", archive_url)) if kind == "digest" else ()
    places = [(name, [f"<{url}>"]) for name, url in urls if _is_usable(url)]
    blocks = ([("From", [*_mailbox(sender_name, sender)])], lists, places, about)
    first, second, third, fourth = ("".join(_fold(*field) for field in block if field[1]) for block in blocks)
    return first, second, third, fourth


@lru_cache(maxsize=64)
def _date_field(date: datetime) -> str:
    return _fold("Date", [format_datetime(date.astimezone(UTC).replace(microsecond=0))])


def _boundary(message_id: str) -> str:
    """Return the boundary between the parts: the same for each attempt, and another one for each letter.

    It cannot occur in a part: a "=" in quoted-printable is followed by two hexadecimal digits or a line break, never
    by "_" (RFC 2045 6.7).
    """
    return "=_" + hashlib.blake2b(message_id.encode(), digest_size=12).hexdigest()


def _help_field(head: HeaderData) -> str:
    return _field("List-Help", f"<{head.help_url}>") if head.kind == "digest" and _is_usable(head.help_url) else ""


def _unsubscribe_fields(head: HeaderData) -> str:
    """Return the unsubscribe fields (RFC 2369 and 8058), which must not contain encoded words."""
    url = f"<{head.unsubscribe_url}>" if _is_usable(head.unsubscribe_url) else ""
    mailto = f"<{head.unsubscribe_mailto}>" if _is_usable(head.unsubscribe_mailto) else ""
    if url and mailto:
        field = _fold("List-Unsubscribe", [f"{url},", mailto])
    else:
        field = _field("List-Unsubscribe", url or mailto) if url or mailto else ""
    one_click = url and head.kind == "digest"
    return f"{field}List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if one_click else field


@lru_cache(maxsize=64)
def _list_id(name: str, domain: str) -> Sequence[str]:
    if domain.rpartition(".")[2] == "localhost":
        return ()  # RFC 2919 3: a list identifier under localhost is not unique
    name = display_name(name)
    plain = name.isascii() and "=?" not in name  # otherwise it would need encoded words
    return (*(_phrase("List-Id", name) if plain else ()), f"<{_LIST_LABEL}.{domain}>")


def _is_usable(uri: str) -> bool:
    # RFC 8058 3.1 requires https; http is only for trying the service on this machine.
    return _URI.fullmatch(uri) is not None and (not uri.startswith("http:") or is_local(uri))


def _feedback_id(feedback: tuple[str, ...], domain: str) -> str:
    words = [_label(word) for word in feedback[:3]]
    sender = re.sub(r"[^a-z0-9]", "", domain.lower())[: _SENDER_ID[1]].ljust(_SENDER_ID[0], "0")
    return ":".join([*words, *[""] * (3 - len(words)), sender])


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_MAX_LABEL].strip("-") or "papers"


@lru_cache(maxsize=64)
def _mailbox(name: str, address: str) -> Sequence[str]:
    return (*_phrase("From", display_name(name)), f"<{wire(address)}>")


def _phrase(field: str, name: str) -> Sequence[str]:
    """Return a name as atoms, as a quoted string, or as encoded words (RFC 5322 3.2.5, RFC 2047 5)."""
    if not name.isascii() or "=?" in name:
        return _encoded(field, name)
    if _ATOMS.fullmatch(name):
        return name.split(" ")
    return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"'] if name else []


@lru_cache(maxsize=1024)
def _subject_field(subject: str, fallback: str) -> str:
    text = subject_line(subject) or display_name(fallback) or "Papers"
    pieces = _unstructured("Subject", text)
    while len(_fold("Subject", pieces)) > _MAX_SUBJECT:
        text = text[: len(text) * 9 // 10].rstrip() + "…"
        pieces = _unstructured("Subject", text)
    return _fold("Subject", pieces)


def _unstructured(field: str, text: str) -> Sequence[str]:
    words = text.split(" ")
    # A word longer than a line cannot be folded, and "=?" would be read as an encoded word.
    if text.isascii() and "=?" not in text and max(map(len, words)) < _LINE - len(field) - 2:
        return words
    return _encoded(field, text)


def _encoded(field: str, text: str) -> Sequence[str]:
    """Return the text as encoded words that each contain whole characters (RFC 2047 5)."""
    octets, first = text.encode(), min(_ENCODED_WORD, _LINE - len(field) - 2)
    mostly_safe = 2 * len(octets.translate(None, _Q_SAFE)) < len(octets)
    return _q_words(text, first) if mostly_safe else _b_words(text, first)


def _q_words(text: str, first: int) -> Sequence[str]:
    """Encode text with "Q" (RFC 2047 4.2), using only characters safe in a display name.

    The first word has at most `first` characters.
    """
    words, word, room = [], "", first - len(_Q_WORD.format(""))
    for written in map(_q, text):
        if word and len(word) + len(written) > room:
            words.append(word)
            word, room = "", _ENCODED_WORD - len(_Q_WORD.format(""))
        word += written
    return [_Q_WORD.format(word) for word in (*words, word)]


@lru_cache(maxsize=4096)
def _q(character: str) -> str:
    return "".join(_Q_OCTETS[byte] for byte in character.encode())


def _b_words(text: str, first: int) -> Sequence[str]:
    """Encode text with "B" (RFC 2047 4.1). The first word has at most `first` characters."""
    words: list[str] = []
    while text:
        room = _ENCODED_WORD if words else first
        length = bisect_right(range(1, len(text) + 1), room, key=lambda n: len(_b(text[:n]))) or 1
        words.append(_b(text[:length]))
        text = text[length:]
    return words


def _b(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="
