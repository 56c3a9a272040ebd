"""Load the settings of a site from its files and the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from paperround.domain.errors import ConfigurationError
from paperround.process import validation
from paperround.process.resources import folder
from paperround.settings import environment
from paperround.settings.explain import explain, explain_json
from paperround.settings.model import FILE, Settings, known_variables

CONFIG_FILE = Path("config/paperround.toml")


def load(config: Path | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Load the settings of the site in the current folder. Raises ConfigurationError, which names file, field and
    remedy.
    """
    if config is not None and not config.is_file():
        raise ConfigurationError(f"{config}: no such file; `paperround init` creates one")
    file = config or (CONFIG_FILE if CONFIG_FILE.is_file() else folder("config") / "paperround.toml")

    if env_file is not None and env_file.is_file() and (problems := environment.problems(env_file)):
        raise ConfigurationError.listing(problems)

    reading = FILE.set(file)
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        errors = validation.own_errors(error.errors(include_url=False))
        problems = [explain(mistake, file, known_variables()) for mistake in errors]
        raise ConfigurationError.listing(problems) from None
    except SettingsError as error:
        raise ConfigurationError(explain_json(str(error))) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: this is not TOML: {error}") from None
    finally:
        FILE.reset(reading)


def topics_file(settings: Settings, config: Path | None) -> Path:
    """Return the file that topics are read from."""
    if settings.topics_file:
        return settings.topics_file
    beside = (config or CONFIG_FILE).with_name("topics.toml")
    return beside if beside.is_file() else folder("config") / "topics.toml"
