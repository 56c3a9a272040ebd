"""Commands for DKIM: make a key, and print the DNS record that belongs to it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, given_path, site_settings
from paperround.domain.errors import UsageError
from paperround.operator import console

group = command_group("The key that signs letters, and its DNS record.")
_KEY_FILE = Path("config/dkim.pem")
_SELECTOR = "paperround"


class Algorithm(StrEnum):
    """The algorithm of a key."""

    RSA = "rsa"
    ED25519 = "ed25519"


@group.command("keygen", cls=Command, epilog="paperround dkim keygen")
def make_key(
    file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            parser=given_path,
            help="The file to write; by default the one in the settings, or config/dkim.pem.",
        ),
    ] = None,
    algorithm: Annotated[
        Algorithm,
        typer.Option(
            metavar="ALGORITHM",
            case_sensitive=False,
            help="rsa or ed25519. All receivers support RSA, not all support Ed25519.",
        ),
    ] = Algorithm.RSA,
) -> None:
    """Create a private key, and show how to use it.

    An existing key is not replaced.
    """
    from paperround.delivery import dkim_key

    settings = site_settings()
    configured = settings.dkim
    file = file or (configured.key_file if configured else _KEY_FILE)
    dkim_key.generate(file, ed25519=algorithm is Algorithm.ED25519)
    console.say(f"created {file}, readable only by this account")
    if configured and file == configured.key_file:
        domain, selector = configured.domain, configured.selector
    else:
        domain, selector = settings.site.facts().domain, _SELECTOR
        console.say(f'\nAdd to config/paperround.toml:\n\n[dkim]\ndomain = "{domain}"\nselector = "{selector}"')
        console.say(f'key_file = "{file}"')
    console.say("\nPublish this DNS record before letters are signed with the key:\n")
    _print_record(*dkim_key.Key(domain, selector, dkim_key.read(file)).dns_record)
    if domain.endswith(".example"):
        console.warn(
            f"\n{domain} is only a placeholder: set site.sender to an address at your domain, write that domain in "
            "[dkim], and run `paperround dkim record` for its record"
        )


@group.command("record", cls=Command, epilog="paperround dkim record")
def print_records(as_json: AsJson = False) -> None:
    """Print the DNS record of each key in the settings."""
    settings = site_settings()
    if settings.dkim is None:
        raise UsageError("[dkim] is not set; create a key with: paperround dkim keygen")
    records = [key.dns_record for key in settings.dkim.load()]
    if as_json:
        console.as_json([{"name": name, "type": "TXT", "value": value} for name, value in records])
        return
    for name, value in records:
        _print_record(name, value)


def _print_record(name: str, value: str) -> None:
    """Print a record as a line of a zone file. A DNS string holds at most 255 bytes; a record may have several."""
    strings = " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
    console.say(f"{name}. IN TXT {strings}")
