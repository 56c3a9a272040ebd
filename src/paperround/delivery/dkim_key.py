"""Private DKIM keys: generated, read from a file, used to sign, and published in the DNS.

RSA uses `cryptography`, which is 20 times as fast as pure Python.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from paperround.domain.errors import ConfigurationError, UsageError

_MIN_RSA_BITS = 2048  # RFC 8301 3.2: SHOULD; Google requires it too


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and the domain and selector under which its public key is published."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The a= tag of its signatures."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    @property
    def dns_record(self) -> tuple[str, str]:
        """The name and text of the TXT record with the public key (RFC 6376 3.6.1, RFC 8463 4)."""
        public = self.private.public_key()
        kind, encoding, form = (
            ("rsa", serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            if isinstance(self.private, RSAPrivateKey)
            else ("ed25519", serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        )
        octets = base64.b64encode(public.public_bytes(encoding, form)).decode()
        return f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k={kind}; p={octets}"

    def sign(self, octets: bytes) -> bytes:
        """Return the signature over these bytes; Ed25519 signs their hash (RFC 8463 3)."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(octets, PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(octets).digest())


def generate(path: Path, *, ed25519: bool = False) -> None:
    """Write a new private key, RSA of 2048 bits or Ed25519, to a file that only this account can read.

    Raises UsageError if the file already exists: letters may be signed with it, and its record published.
    """
    private: RSAPrivateKey | Ed25519PrivateKey = (
        Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65_537, _MIN_RSA_BITS)
    )
    octets = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise UsageError(f"{path} already exists and was not changed; name another file with --key-file") from None
    path.write_bytes(octets)


def read(path: Path) -> RSAPrivateKey | Ed25519PrivateKey:
    """Return the private key in a PEM file. Raises ConfigurationError, which names the file and the remedy."""
    make = f"create one with: paperround dkim keygen --key-file {path}"
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ConfigurationError(f"dkim.key_file: {path} cannot be read ({error.strerror}); {make}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"dkim.key_file: {path} is not a private key in PEM without a password; {make}"
        ) from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ConfigurationError(f"dkim.key_file: {path} is neither RSA nor Ed25519; {make}")
    if isinstance(private, RSAPrivateKey) and private.key_size < _MIN_RSA_BITS:
        raise ConfigurationError(f"dkim.key_file: {path} has {private.key_size} bits only; {make}")
    return private
