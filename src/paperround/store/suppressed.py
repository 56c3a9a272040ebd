"""The suppression list's entries of addresses whose subscribers were erased.

Such an entry holds a keyed hash in place of the address. Once somebody gives the address again, the entry is put back
under it, so that whoever asks for suppressed subscribers need not know of hashes.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from sqlalchemy import Connection, delete, update

from paperround.store.engine import upsert
from paperround.store.schema import suppressions

_CHUNK = 500
_PURPOSE = b"erased address\0"


class AddressHashes:
    """Makes the hashes under which erased addresses stay suppressed.

    `keys` are the site's: the first makes new hashes, all are recognized. They come after the store is opened, for a
    new site has none before.
    """

    def __init__(self) -> None:
        self.keys: Sequence[bytes] = ()

    def of(self, email_key: str) -> list[str]:
        """The hashes that stand for an address, the newest key's first; none is an address."""
        text = _PURPOSE + email_key.encode()
        return [f"erased:{hmac.digest(key, text, 'sha256').hex()[:40]}" for key in self.keys]


def conceal(db: Connection, hashes: AddressHashes, email_keys: Sequence[str]) -> None:
    """Keep the suppressions of these addresses under hashes."""
    recognize(db, hashes, email_keys)  # of an address that somebody has moved to since
    for email_key in email_keys:
        hashed = hashes.of(email_key)[0]
        db.execute(update(suppressions).where(suppressions.c.email_key == email_key).values(email_key=hashed))


def recognize(db: Connection, hashes: AddressHashes, email_keys: Sequence[str]) -> None:
    """Put suppressions of erased addresses that are given again back under the addresses."""
    named = {hashed: email_key for email_key in email_keys for hashed in hashes.of(email_key)}
    for start in range(0, len(named), _CHUNK):
        some = list(named)[start : start + _CHUNK]
        gone = delete(suppressions).where(suppressions.c.email_key.in_(some))
        found = db.execute(gone.returning(suppressions.c.email_key, suppressions.c.reason, suppressions.c.at)).all()
        if kept := [{"email_key": named[hashed], "reason": reason, "at": at} for hashed, reason, at in found]:
            db.execute(upsert(db, suppressions).on_conflict_do_nothing(index_elements=["email_key"]), kept)
