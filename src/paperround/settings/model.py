"""All settings in one value, and the configuration file as one of its sources."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from paperround.delivery import AnyTransport, InboxTransport
from paperround.delivery.dkim import Dkim
from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.domain.models import EventKind
from paperround.meaning import AnyEncoder, Encoder, MiniLM, SummaryWriter, WordsOnly
from paperround.network.address_guard import network_of
from paperround.process import text_files, variables
from paperround.settings import explain
from paperround.settings.sections import (
    BounceSettings,
    DeliverySettings,
    RetentionSettings,
    RoundSettings,
    RunnerSettings,
    SiteSettings,
    WebhookSettings,
)
from paperround.sources import AnySource, Source

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def _named_apart(what: str, names: list[str]) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f'two {what} are called "{twice}"; rename one of them')


FILE: ContextVar[Path | None] = ContextVar("configuration file", default=None)
"""The file that is being loaded. A context variable, because a Settings class for each file would take 30 ms to
build.
"""


class Settings(BaseSettings):
    """All settings of a site."""

    model_config = SettingsConfigDict(
        env_prefix="PAPERROUND_",
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8-sig",
        extra="ignore",
        frozen=True,
        nested_model_default_partial_update=True,
        validate_default=True,
    )

    database_url: str = Field("sqlite:///data/paperround.db", repr=False)  # it may contain a password
    secret_key: SecretStr | None = None
    contact: str = ""
    """An email address or page where the operator can be reached: in the User-Agent and in List-Owner."""
    private_hosts: tuple[str, ...] = ()
    """Hosts, addresses and networks of the private network that sources may access."""
    site: SiteSettings = SiteSettings()
    transport: AnyTransport = InboxTransport()
    delivery: DeliverySettings = DeliverySettings()
    bounces: BounceSettings = BounceSettings()
    dkim: Dkim | None = None
    runner: RunnerSettings = RunnerSettings()
    rounds: RoundSettings = RoundSettings()
    retention: RetentionSettings = RetentionSettings()
    meaning: AnyEncoder | None = None
    """What computes vectors. By default MiniLM if the extra `meaning` is installed, otherwise nothing."""
    summaries: SummaryWriter | None = None
    """What writes a sentence about papers that come without a summary. By default nothing."""
    sources: tuple[AnySource, ...] = Field((), repr=False)  # their URLs may contain passwords
    webhooks: tuple[WebhookSettings, ...] = ()
    topics_file: Path | None = None
    """By default, topics.toml beside the configuration file."""

    @field_validator("private_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not network_of(host) and not _HOST.fullmatch(host):
                raise ValueError(f'"{host}" is not a host, address or network; write "feeds.lan" or "10.0.0.0/8"')
        return value

    @field_validator("transport", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        """Accept words such as SMTP and STARTTLS in upper case."""
        if not isinstance(value, dict):
            return value
        words = {name: value[name].lower() for name in ("kind", "tls") if isinstance(value.get(name), str)}
        return {**value, **words}

    @property
    def counts_votes(self) -> bool:
        """Whether papers can have votes: a source counts them, or there is none, as where papers come from files."""
        return not self.sources or any(source.counts_votes for source in self.sources)

    @field_validator("sources")
    @classmethod
    def _named_once(cls, value: tuple[AnySource, ...]) -> tuple[AnySource, ...]:
        # Sources with the same name would share a watermark, and each would skip what the other has fetched.
        _named_apart("sources", [source.name for source in value])
        return value

    @field_validator("webhooks")
    @classmethod
    def _called_once(cls, value: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        _named_apart("webhooks", [webhook.name for webhook in value])
        return value

    @field_validator("runner")
    @classmethod
    def _has_a_queue(cls, value: RunnerSettings, info: ValidationInfo) -> RunnerSettings:
        if value.kind == "procrastinate" and not info.data.get("database_url", "postgresql").startswith("postgresql"):
            raise ValueError(
                'kind = "procrastinate" keeps its queue in PostgreSQL; '
                "set PAPERROUND_DATABASE_URL=postgresql+psycopg://name@host/database"
            )
        return value

    @property
    def webhooks_by_event(self) -> Mapping[EventKind, tuple[str, ...]]:
        """The names of the webhooks for each kind of event. Kinds without a webhook are omitted."""
        by_event = {kind: tuple(hook.name for hook in self.webhooks if kind in hook.events) for kind in EventKind}
        return {kind: names for kind, names in by_event.items() if names}

    @property
    def user_agent_contact(self) -> str:
        """The operator's contact in the User-Agent, for sources."""
        return self.contact or self.site.base_url

    @property
    def asks_for_replies(self) -> bool:
        """Whether subscribers teach their taste by replies to letters."""
        return self.bounces.replies and self.site.feedback

    def source(self, name: str) -> Source:
        """Return the configured source of this name. Raises UnknownNameError, which lists the configured ones."""
        for source in self.sources:
            if source.name == name:
                return source
        names = ", ".join(source.name for source in self.sources)
        raise UnknownNameError(f"there is no source {name!r} in the configuration; there are: {names or 'none'}")

    def encoder(self) -> Encoder:
        """Return what computes vectors: the configured encoder, or else MiniLM if its dependencies are installed."""
        if self.meaning is not None:
            return self.meaning
        return MiniLM() if MiniLM.installed() else WordsOnly()

    def on_port(self, port: int) -> Settings:
        """Return settings whose pages are at another port of this machine, unless a base URL is configured."""
        # model_fields_set cannot be used: it contains all fields if one of [site] comes from the environment.
        if self.site.base_url != SiteSettings.model_fields["base_url"].default:
            return self
        site = self.site.model_copy(update={"base_url": f"http://localhost:{port}"})
        return self.model_copy(update={"site": site})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if isinstance(env_settings, EnvSettingsSource):  # unknown names may belong to other programs
            wrong = {name.lower() for name, _ in variables.unknown(env_settings.env_vars, known_variables())}
            env_settings.env_vars = {name: text for name, text in env_settings.env_vars.items() if name not in wrong}
        return init_settings, env_settings, dotenv_settings, _ConfigurationFile(settings_cls, FILE.get())


class _ConfigurationFile(TomlConfigSettingsSource):
    def _read_file(self, file_path: Any) -> dict[str, Any]:
        table = tomllib.loads(text_files.read(file_path))
        # `extra` is "ignore" because .env may hold variables of other programs; the file is ours alone.
        unknown = [name for name in table if name not in Settings.model_fields]
        if unknown:
            raise ConfigurationError.listing([f"{file_path}: {name}: {_no_such_setting(name)}" for name in unknown])
        return table


def _no_such_setting(name: str) -> str:
    return explain.no_such_setting(variables.variable_of([name]), known_variables())


@cache
def known_variables() -> frozenset[str]:
    """Return every variable that sets something."""
    return variables.all_variables(Settings)
