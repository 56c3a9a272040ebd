"""Suppressions of addresses whose subscribers were erased.

Such a suppression is stored under a keyed hash of the address. When the address is entered again, the suppression is
moved back under the address, so that other queries need not know about hashes.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, exists, select, update

from paperround.process.chunks import chunked
from paperround.store.bulk import among
from paperround.store.engine import upsert
from paperround.store.schema import suppressions

_CHUNK = 500
_PURPOSE = b"erased address\0"
_HASHED = "erased:"


class AddressHashes:
    """Computes the hashes under which erased addresses stay suppressed.

    `keys` are the site's keys: the first makes new hashes, all are recognized. They are set after the store is
    opened, since a new site has none before that.
    """

    def __init__(self) -> None:
        self.keys: Sequence[bytes] = ()

    def of(self, email_key: str) -> list[str]:
        """Return the hashes of an address, the newest key's first; they cannot be mistaken for addresses."""
        text = _PURPOSE + email_key.encode()
        return [f"{_HASHED}{hmac.digest(key, text, 'sha256').hex()[:40]}" for key in self.keys]


def conceal(db: Connection, hashes: AddressHashes, email_keys: Sequence[str]) -> None:
    """Move the suppressions of these addresses under hashes."""
    recognize(db, hashes, email_keys)  # if the address is already under a hash, for example after a change of address
    for email_key in db.scalars(
        select(suppressions.c.email_key).where(among(db, suppressions.c.email_key, email_keys))
    ):
        hashed = hashes.of(email_key)[0]
        db.execute(update(suppressions).where(suppressions.c.email_key == email_key).values(email_key=hashed))


def recognize(db: Connection, hashes: AddressHashes, email_keys: Iterable[str]) -> None:
    """Move suppressions of erased addresses that are entered again back under the addresses."""
    hidden = suppressions.c.email_key.between(_HASHED, _HASHED + "g")  # hashes are hexadecimal
    if not db.scalar(select(exists().where(hidden))):
        return
    named = {hashed: email_key for email_key in email_keys for hashed in hashes.of(email_key)}
    for some in chunked(list(named), _CHUNK):
        gone = delete(suppressions).where(among(db, suppressions.c.email_key, some))
        found = db.execute(gone.returning(suppressions)).mappings().all()
        if kept := [{**one, "email_key": named[one["email_key"]]} for one in found]:
            db.execute(upsert(db, suppressions).on_conflict_do_nothing(index_elements=["email_key"]), kept)
