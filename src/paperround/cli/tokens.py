"""Commands for the tokens with which programs use the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from paperround.cli.framework import Command, command_group
from paperround.cli.shared import AsJson, opened, recording
from paperround.domain.scopes import SCOPES
from paperround.operator import console

group = command_group("Manage the API tokens of other programs.")
Name = Annotated[str, typer.Argument(help="The program's name.")]
_COLUMNS = ("name", "scopes", "created_at", "expires_at", "last_used_at")


@group.command("add", cls=Command, epilog="paperround tokens add relay --scope bounces:post --days 365")
def add_token(
    name: Name,
    scope: Annotated[list[str], typer.Option(metavar="SCOPE", help=f"What it is for: {', '.join(SCOPES)}.")],
    days: Annotated[
        int | None, typer.Option(metavar="N", help="Days until it expires; by default, it never does.")
    ] = None,
) -> None:
    """Create a token for a program.

    It is printed only once.
    """
    from paperround.operator import api_tokens

    with opened() as app, recording(app, "API token created", f"{name}: {', '.join(scope)}"):
        token = api_tokens.make(app, name, scope, days)
    console.say(token)


@group.command("list", cls=Command, epilog="paperround tokens list")
def list_tokens(as_json: AsJson = False) -> None:
    """List the tokens with their scopes and last use."""
    with opened() as app:
        tokens = app.store.access.tokens()
    if as_json:
        console.as_json([{name: getattr(token, name) for name in _COLUMNS} for token in tokens])
        return
    console.table(
        _COLUMNS,
        [
            (
                token.name,
                " ".join(token.scopes),
                *map(_shown_time, (token.created_at, token.expires_at, token.last_used_at)),
            )
            for token in tokens
        ],
    )


@group.command("remove", cls=Command, epilog="paperround tokens remove relay")
def remove_token(name: Name) -> None:
    """Revoke the token of a program."""
    from paperround.operator import api_tokens

    with opened() as app, recording(app, "API token revoked", name):
        api_tokens.remove(app, name)
    console.say(f"the token of {name} is revoked")


def _shown_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"
