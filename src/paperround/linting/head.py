"""Rules for the header: RFC 5322 and related RFCs, and the sender guidelines of Google, Yahoo and Microsoft. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime
from urllib.parse import unquote

from paperround.domain.hosts import domain_of, is_local
from paperround.domain.text import REPLY_PREFIX
from paperround.linting.finding import LintFinding, Severity, first_few
from paperround.linting.mail import HeaderField, Mail, decoded

_REQUIRED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")
_ONCE = frozenset((
    "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject", "date",
    "mime-version", "content-type", "content-transfer-encoding", "list-id", "list-unsubscribe", "list-help",
    "list-unsubscribe-post", "list-owner", "list-archive", "list-post", "feedback-id", "auto-submitted", "precedence",
))  # fmt: skip
_LINE, _ENCODED_LINE, _ENCODED_WORD = 998, 76, 75  # RFC 5322 2.1.1; RFC 2047 2
_MAX_HEAD, _MAX_FIELD, _MAX_ID, _MAX_SUBJECT = 500_000, 32_000, 500, 998  # octets: Gmail's limits
_LONG_SUBJECT = 90  # characters; phones show about 40
_TOKEN = re.compile(r"=\?[^?\s]*\?[bq]\?[^?\s]*\?=", re.IGNORECASE)
_NO_ENCODED_WORDS = ("message-id", "date", "mime-version", "references", "feedback-id")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FREE_MAIL = frozenset(
    ("gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com", "aol.com", "icloud.com")
)
_NO_REPLY = re.compile(r"^(?:no|do[-_.]?not|dont)[-_.]?reply", re.IGNORECASE)
_SYMBOLS = frozenset(("So", "Sk", "Cf", "Co", "Cn", "Cs"))
# Phrases that spam filters count and that titles of papers rarely contain.
_SPAMMY = re.compile(
    r"act now|click here|buy now|order now|100 ?% free|limited time|special offer|you(?: have|'ve) won|dear friend"
    r"|cash bonus|no obligation|winner!|\$\$\$",
    re.IGNORECASE,
)
_ZONE = re.compile(r"[+-]\d{4}(?:\s+\([^)]*\))?$")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_URIS = re.compile(r"<[^<>\s]+>(?:\s*,\s*<[^<>\s]+>)*")
_ID = re.compile(r"<[^<>@\s]+@([^<>@\s]+)>")
_SIGNED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "reply-to", "list-id",
           "list-unsubscribe", "list-unsubscribe-post", "feedback-id")  # fmt: skip


def _finding(rule: str, severity: Severity, what: str, where: str, remedy: str) -> LintFinding:
    return LintFinding(rule, severity, what, where if where == "message" else f"header {where}", remedy)


def line_ends(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 5322 2.3: lines end with CRLF, CR and LF occur only together, and there are no NUL bytes.

    Also check the line limit of RFC 5322 2.1.1.
    """
    bare = len(re.findall(rb"\r(?!\n)|(?<!\r)\n", mail.raw))
    if bare:
        what = f"{bare} line ends are not CRLF"
        yield _finding("line-ends", Severity.ERROR, what, "message", "write every line end as CR LF (RFC 5322 2.3)")
    if b"\0" in mail.raw:
        remedy = "remove it; relays truncate or refuse the message"
        yield _finding("nul", Severity.ERROR, "the message contains a NUL byte", "message", remedy)
    longest = max((len(text) for text in re.split(rb"\r?\n", mail.raw)), default=0)
    if longest > _LINE:
        remedy = "encode the bodies as quoted-printable, and fold long header fields (RFC 5322 2.1.1)"
        what = f"a line has {longest} octets; the maximum is {_LINE}"
        yield _finding("long-line", Severity.ERROR, what, "message", remedy)


def form(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 5322 2.2: header fields of ASCII characters, an empty line, then the body."""
    for stray in mail.stray:
        what = f"not a header field: {stray[:40].decode('utf-8', 'replace')!r}"
        remedy = "write fields as `Name: value`; a continuation line starts with a space and is not empty"
        yield _finding("malformed-header", Severity.ERROR, what, "message", remedy)
    if not mail.has_body:
        remedy = "insert an empty line between the header and the body"
        yield _finding(
            "malformed-header", Severity.ERROR, "the empty line after the header is missing", "message", remedy
        )
    for field in mail.fields:
        if any(byte > 126 for byte in field.raw):
            yield _finding(
                "raw-characters", Severity.ERROR, "contains non-ASCII characters", field.name,
                "write them as encoded words (RFC 2047); Gmail refuses the message with 550 5.7.1",
            )  # fmt: skip


def presence(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 5322 3.6: each required field is present, and no field that must be unique is repeated."""
    for name in _REQUIRED:
        if not mail.all(name):
            yield _finding("missing-header", Severity.ERROR, "is missing", name, f"add a {name} field")
    counted: dict[str, int] = {}
    for field in mail.fields:
        counted[field.name.lower()] = counted.get(field.name.lower(), 0) + 1
    for name, count in counted.items():
        if count > 1 and name in _ONCE:
            remedy = "keep one of them; Gmail refuses duplicate fields with 550 5.7.1"
            yield _finding("repeated-header", Severity.ERROR, f"occurs {count} times", name, remedy)
    if mail.all("Bcc"):
        remedy = "pass hidden recipients to the relay only; here every recipient sees them"
        yield _finding("bcc", Severity.ERROR, "must not be in the message", "Bcc", remedy)
    if mail.all("Return-Path"):
        remedy = "remove it: the final server adds it from MAIL FROM (RFC 5321 4.4)"
        yield _finding("return-path", Severity.WARNING, "is set by the sender", "Return-Path", remedy)


def sizes(mail: Mail) -> Iterator[LintFinding]:
    """Check Gmail's size limits for headers."""
    written = [(field, sum(len(text) + 2 for text in field.lines)) for field in mail.fields]
    if (total := sum(size for _, size in written)) > _MAX_HEAD:
        what, remedy = f"the header has {total} octets", f"Gmail accepts at most {_MAX_HEAD}"
        yield _finding("big-header", Severity.ERROR, what, "message", remedy)
    most = {"message-id": _MAX_ID, "subject": _MAX_SUBJECT}
    for field, size in written:
        limit = most.get(field.name.lower(), _MAX_FIELD)
        if size > limit:
            what = f"has {size} octets; the maximum is {limit}"
            yield _finding("big-header", Severity.ERROR, what, field.name, "shorten it")


def encoded_words(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 2047 2 and 5: the length and position of encoded words, each of which must decode on its own."""
    for field in mail.fields:
        tokens = _TOKEN.findall(field.value)
        if not tokens:
            continue
        for what in _wrong_words(field, tokens):
            remedy = "use at most 75 characters per word, 76 per line, whole characters, and only in text and names"
            yield _finding("encoded-word", Severity.ERROR, what, field.name, remedy)


def _wrong_words(field: HeaderField, tokens: list[str]) -> Iterator[str]:
    name = field.name.lower()
    if name in _NO_ENCODED_WORDS or name.startswith("list-"):
        yield "contains an encoded word, which is not decoded there"
    if any(len(token) > _ENCODED_WORD for token in tokens):
        yield f"an encoded word has over {_ENCODED_WORD} characters"
    if any(len(text) > _ENCODED_LINE and b"=?" in text for text in field.lines):
        yield f"a line with encoded words has over {_ENCODED_LINE} characters"
    if any(decoded(token) == token or "\ufffd" in decoded(token) for token in tokens):
        yield "an encoded word does not decode on its own"
    if any("=?" in quoted for quoted in _QUOTED.findall(field.value)):
        yield "an encoded word is inside quotation marks, where it is not decoded"


def sender(mail: Mail) -> Iterator[LintFinding]:
    """Check Google's sender guidelines: one From address at the site's domain, a plain name, no noreply."""
    addresses = _addresses(mail, "From")
    if mail.all("From") and len(addresses) != 1:
        remedy = "use one address: `From: Name <name@your.domain>`"
        yield _finding("from-address", Severity.ERROR, f"has {len(addresses)} addresses", "From", remedy)
    for name, address in addresses:
        yield from _sending_domain(domain_of(address), mail)
        yield from _display_name(name)
    answered = _addresses(mail, "Reply-To") or addresses
    if any(_NO_REPLY.match(address) for _, address in answered):
        remedy = "set site.reply_to to an address that is read (Microsoft's guidelines)"
        yield _finding("no-reply", Severity.WARNING, "replies are not read", "From", remedy)


def _sending_domain(domain: str, mail: Mail) -> Iterator[LintFinding]:
    if domain in _FREE_MAIL:
        remedy = "set site.sender to an address at your own domain; DMARC rejects others"
        yield _finding("from-address", Severity.ERROR, f"the address is at {domain}", "From", remedy)
    elif domain != _ascii(mail.site.domain):
        what = f"the address is at {domain}, but the site is at {mail.site.domain}"
        remedy = "send from the domain that signs, so that DMARC can align"
        yield _finding("from-address", Severity.WARNING, what, "From", remedy)


def _display_name(name: str) -> Iterator[LintFinding]:
    shown = decoded(name)
    odd = sorted({char for char in shown if unicodedata.category(char) in _SYMBOLS})
    if "@" in shown or odd or REPLY_PREFIX.match(shown):
        what = f"the name {shown!r} is not a plain sender name"
        remedy = "use a plain name without an address, symbols or Re: (Google's display-name rules)"
        yield _finding("display-name", Severity.ERROR, what, "From", remedy)


def recipient(mail: Mail) -> Iterator[LintFinding]:
    """Check that the email has exactly one recipient."""
    to = [address for _, address in _addresses(mail, "To")]
    if mail.all("To") and len(to) != 1:
        remedy = "send each subscriber a separate email"
        yield _finding("recipients", Severity.ERROR, f"has {len(to)} addresses", "To", remedy)
    if mail.all("Cc"):
        yield _finding(
            "recipients", Severity.ERROR, "must not be in the message", "Cc", "send digests to one subscriber each"
        )


def subject(mail: Mail) -> Iterator[LintFinding]:
    """Check Google's rules for truthful subjects, and patterns that spam filters look for."""
    line = mail.subject
    if mail.all("Subject") and not line.strip():
        yield _finding("subject", Severity.ERROR, "is empty", "Subject", "describe the content")
    if REPLY_PREFIX.match(line):
        remedy = "remove the prefix; a subject that pretends to be a reply is deceptive"
        yield _finding("subject", Severity.ERROR, f"looks like a reply: {line[:40]!r}", "Subject", remedy)
    cased = [char for char in line if char.isalpha() and char.lower() != char.upper()]
    if len(cased) > 3 and all(char.isupper() for char in cased):
        yield _finding("subject", Severity.WARNING, "is all capitals", "Subject", "use sentence case")
    if line.count("!") > 1 or "?!" in line:
        remedy = "use at most one; spam filters count them"
        yield _finding("spam-like", Severity.WARNING, f"has {line.count('!')} exclamation marks", "Subject", remedy)
    if words := _SPAMMY.findall(line):
        yield _finding("spam-like", Severity.WARNING, f"contains {first_few(words)}", "Subject", "use plain words")
    if len(line) > _LONG_SUBJECT:
        what = f"has {len(line)} characters"
        yield _finding(
            "subject",
            Severity.NOTE,
            what,
            "Subject",
            "shorten it: phones show about 40 characters, desktop clients about 70",
        )


def date(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 5322 3.3: a valid date with the correct weekday and a numeric zone, not in the future."""
    value = mail.value("Date")
    if not value:
        return
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        remedy = "write it like `Mon, 23 Nov 2026 06:00:00 +0000`"
        yield _finding("date", Severity.ERROR, f"is not a date: {value[:40]!r}", "Date", remedy)
        return
    for what, remedy in _wrong_date(value, moment, mail.now):
        yield _finding("date", Severity.ERROR, what, "Date", remedy)


def _wrong_date(value: str, moment: datetime, now: datetime | None) -> Iterator[tuple[str, str]]:
    weekday = value.partition(",")[0].strip() if "," in value else ""
    if weekday and weekday != _WEEKDAYS[moment.weekday()]:
        yield f"{weekday} is the wrong weekday", f"write {_WEEKDAYS[moment.weekday()]}"
    if not _ZONE.search(value) or "-0000" in value:
        yield "the zone is not numeric, or is -0000", "write +0000 for UTC (RFC 5322 3.3)"
    if now and moment.tzinfo and moment - now > timedelta(minutes=5):
        yield "is in the future", "correct the clock of this machine, or use the time of sending"


def message_id(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 5322 3.6.4 and Google's guidelines: a Message-ID `<unique@your.domain>`. Also check MIME-Version."""
    value = mail.value("Message-ID")
    match = _ID.fullmatch(value)
    if value and not match:
        remedy = "use the form <unique@your.domain>"
        yield _finding("message-id", Severity.ERROR, f"is not valid: {value[:60]!r}", "Message-ID", remedy)
    if match and match[1].lower() != _ascii(mail.site.domain):
        what = f"is at {match[1]}, not at {mail.site.domain}"
        yield _finding("message-id", Severity.WARNING, what, "Message-ID", "use the sender's domain after the @")
    if mail.all("MIME-Version") and mail.value("MIME-Version") != "1.0":
        yield _finding(
            "mime-version", Severity.ERROR, "is not 1.0", "MIME-Version", "write 1.0, the only version (RFC 2045 4)"
        )


def lists(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 2369, 2919 and 8058: the fields that identify a mailing list and how to unsubscribe."""
    if mail.all("List-Id"):
        yield from _list_id(mail.value("List-Id"))
    for name in ("List-Help", "List-Owner", "List-Archive"):
        if mail.all(name) and not _URIS.fullmatch(mail.value(name)):
            yield _finding(
                "list-headers", Severity.ERROR, "is not a list of <URI>", name, "use the form `<https://…>`"
            )
    if mail.all("List-Unsubscribe"):
        yield from _ways_out(mail, mail.value("List-Unsubscribe"))
    elif mail.is_bulk:
        remedy = "add one-click unsubscribe (RFC 8058); Google and Yahoo refuse bulk mail without it"
        yield _finding("list-unsubscribe", Severity.ERROR, "is missing", "List-Unsubscribe", remedy)
    yield from _one_click(mail)


def _list_id(value: str) -> Iterator[LintFinding]:
    match = re.fullmatch(r"(?:[^<>]*\s)?<([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)>", value)
    if not match or len(value) > 255 or match[1].lower().endswith(".localhost"):
        remedy = "use the form `Name <label.your.domain>`, at most 255 characters (RFC 2919)"
        yield _finding("list-id", Severity.WARNING, f"is not valid: {value[:60]!r}", "List-Id", remedy)


def _ways_out(mail: Mail, value: str) -> Iterator[LintFinding]:
    name = "List-Unsubscribe"
    if not _URIS.fullmatch(value):
        remedy = "use the form `<https://…>, <mailto:…>`, without spaces inside the brackets"
        yield _finding("list-unsubscribe", Severity.ERROR, f"is not valid: {value[:60]!r}", name, remedy)
    uris = re.findall(r"<([^<>]*)>", value)
    web = [uri for uri in uris if uri.lower().startswith("http")]
    if len(web) != 1:
        remedy = "use exactly one https address (RFC 8058 3.1), and optionally a mailto:"
        yield _finding("list-unsubscribe", Severity.ERROR, f"has {len(web)} web addresses", name, remedy)
    for uri in web:
        if uri.startswith("http:"):
            # A local site has no certificate, and its emails reach no mailbox provider.
            severity = Severity.NOTE if is_local(uri) and mail.on_trial else Severity.ERROR
            remedy = "set site.base_url to your https address before you send real email"
            yield _finding("list-unsubscribe", severity, f"is not https: {uri[:60]}", name, remedy)
        to = [address for _, address in _addresses(mail, "To")]
        if any(address.lower() in unquote(uri).lower() for address in to if address):
            remedy = "use an opaque token; otherwise anybody who knows the address can forge the link (RFC 8058 3.1)"
            yield _finding("list-unsubscribe", Severity.ERROR, "contains the subscriber's address", name, remedy)


def _one_click(mail: Mail) -> Iterator[LintFinding]:
    name = "List-Unsubscribe-Post"
    if mail.all(name) and mail.value(name) != "List-Unsubscribe=One-Click":
        remedy = "write exactly `List-Unsubscribe=One-Click` (RFC 8058 3.1)"
        yield _finding("one-click", Severity.ERROR, f"is {mail.value(name)[:60]!r}", name, remedy)
    elif mail.is_bulk and not mail.all(name):
        remedy = "add it; mail clients show an unsubscribe button only with it (required by Google and Yahoo)"
        yield _finding("one-click", Severity.ERROR, "is missing", name, remedy)


def automatic(mail: Mail) -> Iterator[LintFinding]:
    """Check the fields for automatic processing: Auto-Submitted (RFC 3834), Precedence, and Google's Feedback-ID."""
    value = mail.value("Auto-Submitted").lower()
    if not value.startswith(("auto-generated", "auto-replied")):
        remedy = "use `auto-generated`; otherwise vacation notices come back (RFC 3834 5)"
        what = f"is {value!r}" if value else "is missing"
        yield _finding("auto-submitted", Severity.WARNING, what, "Auto-Submitted", remedy)
    if mail.all("Precedence") and mail.value("Precedence") not in ("bulk", "list"):
        what = f"is {mail.value('Precedence')!r}"
        yield _finding("precedence", Severity.WARNING, what, "Precedence", "use `bulk` or `list`")
    if mail.all("Feedback-ID"):
        fields = mail.value("Feedback-ID").split(":")
        if len(fields) > 4 or not 5 <= len(fields[-1]) <= 15 or "@" in mail.value("Feedback-ID"):
            remedy = "use up to three identifiers, then a sender identifier of 5 to 15 characters"
            yield _finding("feedback-id", Severity.WARNING, "is not `a:b:c:SenderId`", "Feedback-ID", remedy)


def signature(mail: Mail) -> Iterator[LintFinding]:
    """Check RFC 6376 5.4 and RFC 8058 4: the fields that a DKIM signature must cover."""
    for field in mail.all("DKIM-Signature"):
        tags = dict(re.findall(r"(\w+)\s*=\s*([^;]*)", field.value))
        covered = {name.strip().lower() for name in tags.get("h", "").split(":")}
        open_ = [name for name in _SIGNED if mail.all(name) and name not in covered]
        if open_:
            what = f"does not cover {first_few(open_, 6)}"
            yield _finding(
                "dkim",
                Severity.ERROR,
                what,
                field.name,
                "add them to h=; one-click unsubscribe requires it (RFC 8058 4)",
            )
        if "l" in tags or tags.get("a", "").strip() == "rsa-sha1":
            remedy = "sign the whole body with rsa-sha256 or ed25519 (RFC 8301)"
            yield _finding("dkim", Severity.ERROR, "uses l= or SHA-1", field.name, remedy)


def _addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    return [pair for pair in getaddresses([field.value for field in mail.all(name)]) if any(pair)]


def _ascii(domain: str) -> str:
    try:
        return domain.lower().encode("idna").decode()
    except UnicodeError:
        return domain.lower()


RULES = (
    line_ends, form, presence, sizes, encoded_words, sender, recipient, subject, date, message_id, lists, automatic,
    signature,
)  # fmt: skip
