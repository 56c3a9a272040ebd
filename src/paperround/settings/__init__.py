"""All settings, validated once at startup. The environment overrides .env, which overrides config/paperround.toml.

`PAPERROUND_SITE__NAME` in the environment is `name` in the file's `[site]`. Adapters define their own settings
(`[[sources]]`, `[transport]`), so that a new adapter needs no change here.

`model` has all settings in one value, `sections` the sections of the file, `loading` reads them, `explain` says
what is wrong with one, `environment` what is wrong with a variable, and `secret_key` makes the secret key.
"""

from __future__ import annotations

from paperround.settings.environment import unknown_in_environment, unused_of_transport
from paperround.settings.loading import CONFIG_FILE, load, topics_file
from paperround.settings.model import Settings, known_variables
from paperround.settings.secret_key import has_secret_key, with_secret_key
from paperround.settings.sections import (
    BounceSettings,
    DeliverySettings,
    RetentionSettings,
    RoundSettings,
    RunnerSettings,
    SiteSettings,
    WebhookSettings,
)

__all__ = [
    "CONFIG_FILE",
    "BounceSettings",
    "DeliverySettings",
    "RetentionSettings",
    "RoundSettings",
    "RunnerSettings",
    "Settings",
    "SiteSettings",
    "WebhookSettings",
    "has_secret_key",
    "known_variables",
    "load",
    "topics_file",
    "unknown_in_environment",
    "unused_of_transport",
    "with_secret_key",
]
