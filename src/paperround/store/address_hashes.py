"""Suppressions of addresses whose subscribers were erased.

Such a suppression is stored under a keyed hash of the address. When the address is entered again, the suppression is
moved back under the address, so that other queries need not know about hashes.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from paperround.process.chunks import chunked
from paperround.store.bulk import among
from paperround.store.schema import suppressions
from paperround.store.site_values import read_value, write_first, write_value
from paperround.store.suppression_rows import add_suppressions

_CHUNK = 500
_PURPOSE = b"erased address\0"
_HASHED, _KEY_VALUE = "erased:", "address key"


class AddressHashes:
    """Computes the hashes under which erased addresses stay suppressed.

    New hashes are made with a random key of the database, which is stored encrypted with the site's keys: hashes
    cannot be made anew when the site's key changes, because the addresses are gone. Earlier versions made hashes with
    the site's keys; all of these are recognized.

    `keys` are the site's keys. They are set after the store is opened, since a new site has none before that.
    """

    def __init__(self) -> None:
        self.keys: Sequence[bytes] = ()

    def recognized(self, db: Connection, email_keys: Iterable[str]) -> dict[str, str]:
        """Return the addresses by all hashes under which they may be stored."""
        own = self._own_key(db)
        keys = [own, *self.keys] if own else self.keys
        return {_hash(key, email_key): email_key for email_key in email_keys for key in keys}

    def key(self, db: Connection) -> bytes:
        """Return the key of new hashes, which is made when it is first needed."""
        own = self._own_key(db)
        if own is None:
            encrypted = _encrypt(self.keys, secrets.token_hex(32))
            write_first(db, _KEY_VALUE, encrypted)
            own = self._own_key(db)
        return own or self.keys[0]

    def is_key_lost(self, db: Connection) -> bool:
        """Return whether the key of the hashes cannot be decrypted, because a former key of the site is missing."""
        return read_address_key(db) is not None and self._own_key(db) is None

    def is_key_outdated(self, db: Connection) -> bool:
        """Return whether the key of the hashes is encrypted with a former key of the site."""
        stored = read_address_key(db)
        return bool(stored and self._own_key(db) and _decrypt(self.keys[:1], stored) is None)

    def encrypt_key_again(self, db: Connection) -> None:
        """Encrypt the key of the hashes with the site's newest key."""
        own = self._own_key(db)
        if own is not None:
            encrypted = _encrypt(self.keys, own.hex())
            write_value(db, _KEY_VALUE, encrypted)

    def adopt(self, db: Connection, encrypted: str | None) -> None:
        """Use the key of another copy of this database, as it is stored there, unless this one has a different key.

        Hashes that were made with that key are then recognized here.
        """
        own, other = self._own_key(db), self._decrypted(encrypted)
        if encrypted and own in (None, other):
            write_value(db, _KEY_VALUE, encrypted)

    def _own_key(self, db: Connection) -> bytes | None:
        return self._decrypted(read_address_key(db))

    def _decrypted(self, encrypted: str | None) -> bytes | None:
        text = _decrypt(self.keys, encrypted) if encrypted and self.keys else None
        return bytes.fromhex(text) if text else None


def _hash(key: bytes, email_key: str) -> str:
    """Return the hash of an address, which cannot be mistaken for an address."""
    return f"{_HASHED}{hmac.digest(key, _PURPOSE + email_key.encode(), 'sha256').hex()[:40]}"


def read_address_key(db: Connection) -> str | None:
    """Return the key of a database's hashes as it is stored, encrypted; None if it has none."""
    return read_value(db, _KEY_VALUE)


def _encrypt(keys: Sequence[bytes], text: str) -> str:
    from paperround.process.encryption import encrypt  # noqa: PLC0415 - cryptography is slow to import

    return encrypt(keys, text)


def _decrypt(keys: Sequence[bytes], token: str) -> str | None:
    from paperround.process.encryption import decrypt  # noqa: PLC0415

    return decrypt(keys, token)


def is_hashed(email_key: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that this is the hash of an erased address, and not an address."""
    return email_key.between(_HASHED, _HASHED + "g")  # hashes are hexadecimal


def conceal(db: Connection, hashes: AddressHashes, email_keys: Sequence[str]) -> None:
    """Move the suppressions of these addresses under hashes."""
    recognize(db, hashes, email_keys)  # if the address is already under a hash, for example after a change of address
    suppressed_keys = select(suppressions.c.email_key).where(among(db, suppressions.c.email_key, email_keys))
    suppressed = db.scalars(suppressed_keys).all()
    key = hashes.key(db) if suppressed else b""
    for email_key in suppressed:
        hashed = _hash(key, email_key)
        db.execute(update(suppressions).where(suppressions.c.email_key == email_key).values(email_key=hashed))


def lift(db: Connection, hashes: AddressHashes, email_key: str) -> None:
    """Delete the suppression of an address, whose owner has confirmed it, also if it is under a hash."""
    recognize(db, hashes, [email_key])
    db.execute(delete(suppressions).where(suppressions.c.email_key == email_key))


def recognize(db: Connection, hashes: AddressHashes, email_keys: Iterable[str]) -> None:
    """Move suppressions of erased addresses that are entered again back under the addresses."""
    if not db.scalar(select(exists().where(is_hashed(suppressions.c.email_key)))):
        return
    named = hashes.recognized(db, email_keys)
    for chunk in chunked(list(named), _CHUNK):
        gone = delete(suppressions).where(among(db, suppressions.c.email_key, chunk))
        removed = db.execute(gone.returning(suppressions)).mappings().all()
        add_suppressions(db, [{**removal, "email_key": named[removal["email_key"]]} for removal in removed])
