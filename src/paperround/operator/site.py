"""Creating the folder of a site."""

from __future__ import annotations

from pathlib import Path

from paperround.domain.errors import ConfigurationError
from paperround.operator.startup import DATABASE, MISSING_KEY
from paperround.process.resources import folder
from paperround.settings import has_secret_key, load, with_secret_key

_ENV = """\
# Secrets, and settings that differ between machines. All other settings belong in config/paperround.toml.
# PAPERROUND_TRANSPORT__KIND=smtp
# PAPERROUND_TRANSPORT__HOST=smtp.example.org
# PAPERROUND_TRANSPORT__USERNAME=
# PAPERROUND_TRANSPORT__PASSWORD=
# A long secret of your own, which opens /admin:
# PAPERROUND_SITE__ADMIN_TOKEN=
"""
_TEMPLATES = """\
# Templates of this site

A file here overrides the shipped one with the same name, which is in
{shipped}

`email/themes/mine.html.j2` is a theme of your own to begin with: `paperround preview --topic SLUG --theme mine` shows
it, `--theme mine` gives it to a subscriber. Delete its first line when subscribers may choose it themselves.

Copy further files only to change them: a copy hides what a new version fixes in the original.
"""
_DRAFT = "{# draft: subscribers cannot choose this theme themselves until this line is deleted. #}\n"


def create(directory: Path) -> list[Path]:
    """Create a site in a folder and return the new files. Existing files are not changed."""
    shipped = folder("templates")
    contents = {Path("config", file.name): file.read_bytes() for file in sorted(folder("config").iterdir())}
    # One theme to change, and no more: a copy of every template would hide what a new version mends.
    contents[Path("templates/email/themes/mine.html.j2")] = (
        _DRAFT.encode() + (shipped / "email/themes/paper.html.j2").read_bytes()
    )
    contents[Path("templates/README.md")] = _TEMPLATES.format(shipped=shipped).encode()
    created: list[Path] = []
    for name, content in contents.items():
        target = directory / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            created.append(target)
    env = directory / ".env"
    if not env.exists():
        env.parent.mkdir(parents=True, exist_ok=True)
        env.touch(mode=0o600)
        env.write_text(_ENV, encoding="utf-8")
        created.append(env)
    settings = load(directory / "config" / "paperround.toml", env)
    if not has_secret_key(settings) and (directory / DATABASE).exists():
        raise ConfigurationError(MISSING_KEY.format(why="letters of this site may have links signed with it"))
    with_secret_key(settings, env)
    return created
