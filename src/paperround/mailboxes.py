"""Where returned mail lies: files, a Maildir, an IMAP mailbox. Each mail is given out, then marked as seen."""

from __future__ import annotations

import imaplib
import mailbox
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from paperround.errors import PaperroundError, WrongUse

_MAX_MAIL = 10 * 2**20  # bytes; a report that quotes a letter of ours in full has a hundredth of that
_TIMEOUT = 60.0


class ImapSettings(BaseModel):
    """An IMAP mailbox that reports come to; TLS always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = 993
    username: str
    password: SecretStr
    folder: str = "INBOX"


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


def imap(settings: ImapSettings, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, bytes]]:
    """Unseen mails of an IMAP mailbox; each counts as seen once the next is asked for."""
    where = f"imap://{settings.host}:{settings.port}/{settings.folder}"
    try:
        context = context or ssl.create_default_context()
        with imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=context, timeout=_TIMEOUT) as box:
            box.login(settings.username, settings.password.get_secret_value())
            status, _ = box.select(settings.folder)
            if status != "OK":
                raise WrongUse(f"{where}: there is no such folder")
            _, [found] = box.uid("SEARCH", "UNSEEN")
            for uid in found.split():
                # PEEK: not yet seen, in case this program dies over it.
                _, answer = box.uid("FETCH", uid, f"(BODY.PEEK[]<0.{_MAX_MAIL}>)")
                data = next((part[1] for part in answer if isinstance(part, tuple)), None)
                if data is not None:
                    yield f"{where} {uid.decode()}", data
                box.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
    except (OSError, imaplib.IMAP4.error) as error:
        raise PaperroundError(f"{where}: {error}; are host, user name and password right?") from None
