"""Sources of returned mail: files, a Maildir, an IMAP mailbox. Each mail is yielded, then marked as seen."""

from __future__ import annotations

import contextlib
import mailbox
import re
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError, LoginError
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from paperround.domain.errors import ConfigurationError, PaperroundError, UsageError
from paperround.domain.text import clean
from paperround.process import logs
from paperround.process.certificates import CaFile
from paperround.process.validation import HOST, matches

log = logs.logger()
_MAX_MAIL = 10 * 2**20  # bytes; a report that quotes a whole letter has a hundredth of that
_FLAGS, _SEEN = ":2,", "S"  # https://cr.yp.to/proto/maildir.html
_TIMEOUT = 60.0  # seconds for each response
_HANG_UPS = 20  # how many times per run the server may close the connection
_MAX_TOLD = 200  # characters of a server's response
# RFC 5530 section 3: temporary errors. The operator has to fix all others.
_PASSES = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\b")


class ImapSettings(BaseModel):
    """An IMAP mailbox that receives reports; TLS is always used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, matches(HOST, "the name of a host, such as imap.example.org")]
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    username: Annotated[str, Field(min_length=1)]
    password: SecretStr
    folder: Annotated[str, matches(r"[^\x00-\x1f\x7f]+", "the name of a folder, such as INBOX")] = "INBOX"
    ca_file: CaFile | None = None
    """CA certificates to trust instead of the system's, for a server with a self-signed certificate."""

    def context(self) -> ssl.SSLContext:
        """Return the TLS context, which checks certificates by the system's CAs or `ca_file`, and the host's name."""
        return ssl.create_default_context(cafile=self.ca_file)


def files(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the mails in files (one per file, or several in an mbox), each with its location."""
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; check the path") from None
        if not data.startswith(b"From "):
            yield str(path), data
            continue
        box = mailbox.mbox(path, create=False)
        for number, key in enumerate(box.iterkeys(), 1):
            yield f"{path} mail {number}", box.get_bytes(key)
        box.close()


def check_maildir(folder: Path) -> None:
    """Raise UsageError if a folder is not a Maildir."""
    if not (folder / "new").is_dir():
        raise UsageError(f"{folder}: not a Maildir (it has no folder `new`)")


def maildir(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the unseen mails of a Maildir; each is marked as seen once the next is requested.

    A mail that cannot be read stays unseen and the others are still read. Mails are never rewritten, only renamed.
    Raises UsageError if the folder is not a Maildir, and PaperroundError if it cannot be read.
    """
    check_maildir(folder)
    for path in _unseen_files(folder):
        key, _, flags = path.name.partition(_FLAGS)
        where = f"{folder}/{key}"
        try:
            with path.open("rb") as mail:
                data = mail.read(_MAX_MAIL)
        except FileNotFoundError:
            continue  # another program has moved or deleted it meanwhile
        except OSError as error:
            log.warning("returned mail cannot be read; it stays unseen", mail=where, reply=str(error))
            continue
        yield where, data
        # Only when the caller requests the next mail: a program that crashes on a mail finds it again.
        try:
            path.rename(folder / "cur" / f"{key}{_FLAGS}{''.join(sorted({*flags, _SEEN}))}")
        except FileNotFoundError:
            pass
        except OSError as error:
            what = "mail cannot be marked as seen; it is read again next time"
            log.warning(what, mail=where, reply=str(error))


def _unseen_files(folder: Path) -> list[Path]:
    """Return the unseen mails of a Maildir, the oldest first."""
    try:
        (folder / "cur").mkdir(mode=0o700, exist_ok=True)
        entries = [path for part in ("new", "cur") for path in (folder / part).iterdir()]
        mails = [path for path in entries if not path.name.startswith(".") and path.is_file()]
    except OSError as error:
        raise PaperroundError(
            f"{folder}: cannot be read ({error.strerror}); check its owner and permissions"
        ) from None
    return sorted((path for path in mails if _SEEN not in path.name.partition(_FLAGS)[2]), key=lambda path: path.name)


def try_imap(settings: ImapSettings, timeout: float) -> None:
    """Log in and open the folder, and change nothing; `timeout` is in seconds for each response.

    Raises the errors of `imap`.
    """
    where = f"imap://{settings.host}:{settings.port}/{settings.folder}"
    with _named_errors(where), _opened(settings, where, timeout):
        pass


def imap(settings: ImapSettings) -> Iterator[tuple[str, bytes]]:
    """Yield the unseen mails of an IMAP mailbox; each is marked as seen once the next is requested.

    Nothing else changes there: no mail is moved or deleted. A mail that the server does not deliver stays unseen and
    the others are still read.

    Raises ConfigurationError if the settings are wrong, and PaperroundError for temporary problems.
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
                    except IMAPClientAbortError as error:
                        # Dovecot closes the connection at a mail that it cannot read; the next mails need a new one.
                        _left_unseen(mail, error)
                        break
                    if data is not None:
                        yield mail, data
                        _mark(box, uid, mail)
                else:
                    return
        raise PaperroundError(
            f"{where}: the server closed the connection on {_HANG_UPS} messages in a row; see its log"
        )


@contextlib.contextmanager
def _named_errors(where: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise PaperroundError(
            f"{where}: the certificate is not trusted ({error.verify_message}); set `host` to the name in the "
            "certificate, and `ca_file` if it is signed by a private CA"
        ) from None
    except ssl.SSLError as error:
        raise PaperroundError(
            f"{where}: TLS failed ({error.reason}); use a port with implicit TLS, such as 993"
        ) from None
    except OSError as error:
        raise PaperroundError(
            f"{where}: cannot connect ({error.strerror or error}); check `host` and `port`, and whether it is running"
        ) from None
    except IMAPClientError as error:
        raise PaperroundError(
            f"{where}: the connection was interrupted ({_one_line(error)}); check that it is an IMAP server"
        ) from None


@contextlib.contextmanager
def _opened(settings: ImapSettings, where: str, timeout: float = _TIMEOUT) -> Iterator[IMAPClient]:
    """Log in and select the folder; close the connection at the end of the block in any case."""
    box = IMAPClient(settings.host, settings.port, ssl_context=settings.context(), timeout=timeout)
    try:
        _log_in(box, settings, where)
        _select(box, settings.folder, where)
        yield box
        with contextlib.suppress(OSError, IMAPClientError):
            box.logout()  # the server may have closed the connection already
    finally:
        with contextlib.suppress(OSError):
            box.shutdown()


def _log_in(box: IMAPClient, settings: ImapSettings, where: str) -> None:
    # RFC 4616: any character may be in name and password; every server has PLAIN over TLS (RFC 3501 section 6.1.1).
    try:
        box.plain_login(settings.username, settings.password.get_secret_value())
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):
            raise error.__context__ from None
        raise _refusal(
            f"{where}: login",
            _one_line(error),
            "check username and password in bounces.imap, and that the account allows IMAP",
        ) from None


def _select(box: IMAPClient, folder: str, where: str) -> None:
    try:
        box.select_folder(folder)
    except IMAPClientReadOnlyError:
        raise ConfigurationError(
            f"{where}: this account can only read the folder, so its mail would be processed again each time; "
            "allow it to mark them as seen"
        ) from None
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise _refusal(f"{where}: the folder", _one_line(error), "check bounces.imap.folder") from None


def _refusal(what: str, reply: str, remedy: str) -> PaperroundError:
    if _PASSES.search(reply):
        return PaperroundError(f"{what} was temporarily refused ({reply}); try again later")
    return ConfigurationError(f"{what} was refused ({reply}); {remedy}")


def _unseen(box: IMAPClient, where: str, after: int) -> list[int]:
    """Return the UIDs of unseen mails that are greater than `after`."""
    try:
        return [uid for uid in box.search("UNSEEN") if uid > after]
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise PaperroundError(f"{where}: cannot be searched ({_one_line(error)}); try again later") from None


def _fetched(box: IMAPClient, uid: int, mail: str) -> bytes | None:
    """Return a mail, or the beginning of a huge one; None if the server does not deliver it."""
    try:
        # PEEK does not mark the mail as seen, in case this process crashes on it.
        answer = box.fetch([uid], [f"BODY.PEEK[]<0.{_MAX_MAIL}>"])
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        _left_unseen(mail, error)
        return None
    return next((part for key, part in answer.get(uid, {}).items() if key.startswith(b"BODY[]")), None)


def _left_unseen(mail: str, reply: object) -> None:
    log.warning("the server did not return a mail; it stays unseen", mail=mail, reply=_one_line(reply))


def _mark(box: IMAPClient, uid: int, mail: str) -> None:
    try:
        box.add_flags([uid], [SEEN], silent=True)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        log.warning("mail cannot be marked as seen; it is read again next time", mail=mail, reply=_one_line(error))


def _one_line(reply: object) -> str:
    """Return what a server said on one line."""
    return clean(str(reply))[:_MAX_TOLD]
