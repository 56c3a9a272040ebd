"""Where returned mail lies: files, a Maildir, an IMAP mailbox. Each mail is given out, then marked as seen."""

from __future__ import annotations

import base64
import contextlib
import imaplib
import mailbox
import re
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

from paperround.domain.errors import ConfigurationError, PaperroundError, WrongUse
from paperround.domain.text import clean
from paperround.process import logs

log = logs.logger()
_MAX_MAIL = 10 * 2**20  # bytes; a report that quotes a letter of ours in full has a hundredth of that
_TIMEOUT = 60.0  # seconds for each answer
_HANG_UPS = 20  # mails in one reading that the server may break off over
_MAX_TOLD = 200  # characters of what a server says
# RFC 5530 3: what passes by itself. All else that a server refuses is for the operator to mend.
_PASSES = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\b")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]+")


class ImapSettings(BaseModel):
    """An IMAP mailbox that reports come to; TLS always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(pattern=r"^[^\s\x00-\x1f]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    username: Annotated[str, Field(min_length=1)]
    password: SecretStr
    folder: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")] = "INBOX"
    ca_file: FilePath | None = None
    """Certificates to trust, in place of the system's, for a server with a certificate of one's own making."""

    @model_validator(mode="after")
    def _ca_file_serves(self) -> Self:
        try:
            if self.ca_file:
                self.context()
        except ssl.SSLError:
            raise ValueError(f"ca_file: {self.ca_file} holds no certificates in PEM") from None
        return self

    def context(self) -> ssl.SSLContext:
        """The rules for certificates: checked against the system's or `ca_file`'s, and against the host's name."""
        return ssl.create_default_context(cafile=self.ca_file)


def files(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Mails in files, one each, or many in an mbox: where each stands, and its bytes."""
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WrongUse(f"{path}: {error.strerror}; is the path right?") from None
        if not data.startswith(b"From "):
            yield str(path), data
            continue
        box = mailbox.mbox(path, create=False)
        for number, key in enumerate(box.iterkeys(), 1):
            yield f"{path} mail {number}", box.get_bytes(key)
        box.close()


def maildir(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Mails in a Maildir that nobody has seen; each counts as seen once the next is asked for."""
    if not (folder / "new").is_dir():
        raise WrongUse(f"{folder}: not a Maildir (it has no folder `new`)")
    box = mailbox.Maildir(folder, create=False)
    for key in sorted(box.iterkeys()):
        message = box[key]
        if "S" in message.get_flags():
            continue
        yield f"{folder}/{key}", box.get_bytes(key)
        # Only after the caller came back for more: a program that dies over a mail finds it again.
        message.set_subdir("cur")
        message.add_flag("S")
        box[key] = message


def imap(settings: ImapSettings) -> Iterator[tuple[str, bytes]]:
    """Unseen mails of an IMAP mailbox; each counts as seen once the next is asked for.

    Nothing else changes there: no mail is moved or deleted. One that the server does not give out stays unseen and
    stops no other. Raises ConfigurationError for what the settings have wrong, PaperroundError for what may pass.
    """
    where = f"imap://{settings.host}:{settings.port}/{settings.folder}"
    last = 0
    with _named_errors(where):
        for _ in range(_HANG_UPS):
            with _opened(settings, where) as box:
                for uid in _unseen(box, where, last):
                    last, mail = uid, f"{where} {uid}"
                    try:
                        data = _fetched(box, uid, mail)
                    except imaplib.IMAP4.abort as error:
                        # Dovecot hangs up over a mail that it cannot read; those behind it need another connection.
                        _left_unseen(mail, error)
                        break
                    if data is not None:
                        yield mail, data
                        _mark(box, uid, mail)
                else:
                    return
        raise PaperroundError(f"{where}: the server hung up over {_HANG_UPS} mails, one after another; see its log")


@contextlib.contextmanager
def _named_errors(where: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise PaperroundError(
            f"{where}: its certificate is not to be trusted ({error.verify_message}); `host` must be the name in it, "
            "and `ca_file` name who signed it where the system does not know them"
        ) from None
    except ssl.SSLError as error:
        raise PaperroundError(
            f"{where}: no TLS ({error.reason}); `port` must be one that begins with it, as 993 does"
        ) from None
    except OSError as error:
        raise PaperroundError(
            f"{where}: not reached ({error.strerror or error}); does it run, are `host` and `port` right?"
        ) from None
    except imaplib.IMAP4.error as error:
        raise PaperroundError(f"{where}: the conversation broke off ({_said(error)}); is it IMAP?") from None


@contextlib.contextmanager
def _opened(settings: ImapSettings, where: str) -> Iterator[imaplib.IMAP4_SSL]:
    """A conversation with the folder selected; it ends with the context, whatever happened."""
    box = imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=settings.context(), timeout=_TIMEOUT)
    try:
        _log_in(box, settings, where)
        _select(box, settings.folder, where)
        yield box
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            box.logout()  # nothing more is wanted: who is gone already need not answer
    finally:
        with contextlib.suppress(OSError):
            box.shutdown()


def _log_in(box: imaplib.IMAP4_SSL, settings: ImapSettings, where: str) -> None:
    # RFC 4616: any character may stand in name and password; every server has it (RFC 3501 6.1.1).
    secret = f"\0{settings.username}\0{settings.password.get_secret_value()}".encode()
    try:
        box.authenticate("PLAIN", lambda _: secret)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        raise _refusal(
            f"{where}: login", _said(error), "are username and password in bounces.imap right, and is IMAP allowed?"
        ) from None


def _select(box: imaplib.IMAP4_SSL, folder: str, where: str) -> None:
    try:
        status, said = box.select(_quoted(folder))
    except imaplib.IMAP4.readonly:
        raise ConfigurationError(
            f"{where}: this account may read the folder only, and mails in it would be read again each time; "
            "allow it to mark them as seen"
        ) from None
    if status != "OK":
        raise _refusal(f"{where}: the folder", _said(*said), "is bounces.imap.folder right?")


def _refusal(what: str, said: str, remedy: str) -> PaperroundError:
    if _PASSES.search(said):
        return PaperroundError(f"{what} is refused for now ({said}); try again later")
    return ConfigurationError(f"{what} is refused ({said}); {remedy}")


def _unseen(box: imaplib.IMAP4_SSL, where: str, after: int) -> list[int]:
    """The UIDs of mails that nobody has seen, from one on."""
    status, found = box.uid("SEARCH", "UNSEEN")
    if status != "OK":
        raise PaperroundError(f"{where}: cannot be searched ({_said(*found)}); try again later")
    return [int(uid) for line in found for uid in (line or b"").split() if int(uid) > after]


def _fetched(box: imaplib.IMAP4_SSL, uid: int, mail: str) -> bytes | None:
    """A mail, its beginning if it is huge; None where the server has none to give."""
    # PEEK: not yet seen, in case this program dies over it.
    status, answer = box.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{_MAX_MAIL}>)")
    if status != "OK":
        _left_unseen(mail, *answer)
        return None
    return next((part[1] for part in answer if isinstance(part, tuple)), None)


def _left_unseen(mail: str, *said: object) -> None:
    log.warning("a returned mail is not given out; it stays unseen", mail=mail, said=_said(*said))


def _mark(box: imaplib.IMAP4_SSL, uid: int, mail: str) -> None:
    status, said = box.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
    if status != "OK":
        log.warning("a mail cannot be marked as seen; it is read again the next time", mail=mail, said=_said(*said))


def _quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: quoted, and what is not ASCII in a UTF-7 of its own (RFC 3501 5.1.3)."""
    coded = _NOT_ASCII.sub(_shifted, folder.replace("&", "&-"))
    return '"' + coded.replace("\\", r"\\").replace('"', r"\"") + '"'


def _shifted(found: re.Match[str]) -> str:
    octets = base64.b64encode(found[0].encode("utf-16-be"), altchars=b"+,")
    return f"&{octets.decode().rstrip('=')}-"


def _said(*said: object) -> str:
    """What a server said, on one line: imaplib gives it as bytes, as text or as an error around either."""
    parts = [part for one in said for part in (one.args if isinstance(one, Exception) else (one,))]
    text = " ".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
    return clean(text)[:_MAX_TOLD]
