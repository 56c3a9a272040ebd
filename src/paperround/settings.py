"""All settings, validated once at startup. The environment overrides .env, which overrides config/paperround.toml.

`PAPERROUND_SITE__NAME` in the environment is `name` in the file's `[site]`. Adapters define their own settings
(`[[sources]]`, `[transport]`), so that a new adapter needs no change here.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from email.utils import parseaddr
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Variable, parse_variables
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from paperround.bounces import signatures
from paperround.bounces.mailboxes import ImapSettings
from paperround.delivery import AnyTransport, InboxTransport, webhooks
from paperround.delivery.address import ascii_domain
from paperround.delivery.dkim import Dkim
from paperround.delivery.retry import RetryPolicy
from paperround.domain.errors import ConfigurationError, UnknownNameError
from paperround.domain.hosts import is_this_machine
from paperround.domain.models import EventKind, Site
from paperround.meaning import AnyEncoder, Encoder, MiniLM, SummaryWriter, WordsOnly
from paperround.network.address_guard import network_of
from paperround.process import text_files, validation, variables
from paperround.process.resources import folder
from paperround.rendering import subject
from paperround.sources import AnySource, Source
from paperround.sources.base import Cron

CONFIG_FILE = Path("config/paperround.toml")
_SECRET_BYTES = 32
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_LEAST_SECRET = 16  # characters


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteSettings(_Part):
    """The identity of the site, printed in every letter and on every page."""

    name: str = "paperround"
    base_url: str = "http://localhost:8000"
    sender: str = "papers@paperround.example"
    """The From address of letters. `Name <address>` sets a display name other than `name`."""
    reply_to: str = ""
    postal_address: str = ""
    subject: str = subject.DEFAULT
    """The subject line of digests. Its fields are described in rendering.subject."""
    pictures: bool = True
    """Whether thumbnails are fetched and shown on pages, and in letters whose theme includes them."""
    most_discussed: Annotated[int, Field(ge=0, le=10)] = 3
    """The maximum number of most discussed papers at the beginning of a weekly or monthly digest."""
    feedback: bool = True
    """Whether each paper in a letter has links for feedback: more or less like this."""
    admin_token: SecretStr | None = None
    """Opens /admin. At least 16 characters, so that it cannot be guessed."""

    @field_validator("admin_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and 0 < len(value.get_secret_value()) < _LEAST_SECRET:
            raise ValueError(
                f"needs {_LEAST_SECRET} characters or more; generate one with: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an absolute address such as https://papers.example.org")
        if parts.query or parts.fragment:
            raise ValueError("must not contain ? or #")
        return value.rstrip("/")

    @field_validator("sender", "reply_to")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        name, address = parseaddr(value) if "<" in value else ("", value)
        try:
            found = validate_email(address, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError as error:
            raise ValueError(f"must be an address such as papers@example.org ({error})") from None
        return f"{name} <{found}>" if name else found

    @field_validator("subject")
    @classmethod
    def _known_fields(cls, value: str) -> str:
        try:
            return subject.check(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def facts(self) -> Site:
        """Return the facts that letters and pages print."""
        (sender_name, sender), (_, reply_to) = _split_address(self.sender), _split_address(self.reply_to)
        return Site(self.name, self.base_url, sender, reply_to, self.postal_address, sender_name)


def _split_address(value: str) -> tuple[str, str]:
    """Split `Name <address>` into name and address. The name is empty for a bare address."""
    name, bracket, address = value.rpartition(" <")
    return (name, address.removesuffix(">")) if bracket else ("", value)


def _seconds(value: object) -> object:
    """Parse numbers such as "300,1800" from the environment. A list from the file is returned unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(int(part) for part in value.strip("[] ").split(","))
    except ValueError:
        raise ValueError('must be seconds, such as "300,1800,7200"') from None


Seconds = Annotated[int, Field(gt=0)]


class DeliverySettings(_Part):
    """How failed letters are retried."""

    retry_delays: Annotated[tuple[Seconds, ...], Field(min_length=1), NoDecode, BeforeValidator(_seconds)] = (
        RetryPolicy.delays
    )
    give_up_after: Annotated[int | None, Field(gt=0)] = None
    """Seconds. By default, a digest is retried until the subscriber's next one is due."""
    batch: Annotated[int, Field(gt=0, le=100_000)] = 500
    lease: Annotated[int, Field(gt=0)] = 60
    """Seconds for which a program holds the letters that it has claimed. Renewed while it sends."""
    processes: Annotated[int, Field(ge=0, le=64)] = 0
    """The most processes that send letters by SMTP, if many wait. 0 leaves one processor core to others."""

    def policy(self) -> RetryPolicy:
        """Return the retry policy for these settings."""
        after = timedelta(seconds=self.give_up_after) if self.give_up_after else None
        return RetryPolicy(delays=self.retry_delays, give_up_after=after)


class RetentionSettings(_Part):
    """How many days the site keeps data that it no longer needs; 0 keeps it forever."""

    letters_days: Annotated[int, Field(ge=0)] = 400
    """Days for which letters and the pages of their digests are kept. Which papers a subscriber received is kept
    forever.
    """
    attempts_days: Annotated[int, Field(ge=0)] = 90
    """Days for which the relays' replies are kept."""

    @field_validator("letters_days", "attempts_days")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        # Bounces are counted over weeks, and the next monthly letter comes after 31 days.
        if 0 < value < 45:
            raise ValueError(
                f"{value} days are too few, as bounces can arrive late; use at least 45, or 0 to keep them forever"
            )
        return value


class BounceSettings(_Part):
    """Where bounces are received."""

    domain: str = ""
    """If set, the envelope sender of each letter is bounces+TOKEN@domain (VERP)."""
    replies: bool = False
    """Whether letters ask for replies such as "more 2, less 5" and their Reply-To is reply+TOKEN@domain."""
    maildir: Path | None = None
    imap: ImapSettings | None = None
    schedule: Cron = "*/10 * * * *"
    """When the Maildir and the IMAP mailbox are read, as a cron expression in UTC."""
    sns_topic: str = ""
    """The ARN of the topic of Amazon SNS that reports bounces. If set, messages of other topics are refused."""
    sendgrid_key: str = ""
    """The verification key of SendGrid's signed event webhook. If set, SendGrid's calls must be signed."""
    mailgun_key: SecretStr | None = None
    """Mailgun's HTTP webhook signing key. If set, Mailgun's calls must be signed."""

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        return value and ascii_domain(value)

    @model_validator(mode="after")
    def _replies_arrive(self) -> Self:
        if self.replies and not self.domain:
            raise ValueError("replies requires `domain`: replies are matched by a signed address at this domain")
        return self

    @field_validator("sendgrid_key")
    @classmethod
    def _public_key(cls, value: str) -> str:
        if value:
            try:
                signatures.sendgrid_key(value)
            except ValueError:
                raise ValueError("is not the verification key that SendGrid shows for its signed webhook") from None
        return value


class WebhookSettings(_Part):
    """Another program that is called when an event of a subscriber occurs."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    url: str
    secret: Annotated[SecretStr, Field(validate_default=True)] = SecretStr("")
    """Required. The key that signs each call: `whsec_` and the base64 of 24 to 64 bytes."""
    events: Annotated[tuple[EventKind, ...], Field(min_length=1)] = tuple(EventKind)

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            (parts.hostname or "").encode("idna")
        except UnicodeError:
            raise ValueError("is not a valid URL") from None
        local = is_this_machine(parts.hostname)
        if not parts.hostname or parts.scheme not in ({"http", "https"} if local else {"https"}):
            raise ValueError(
                "must be an https address (http is allowed only for localhost), because it receives personal data"
            )
        return value

    @field_validator("secret")
    @classmethod
    def _signing(cls, value: SecretStr) -> SecretStr:
        try:
            webhooks.key(value.get_secret_value())
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value


class RunnerSettings(_Part):
    """Where scheduled work runs."""

    kind: Literal["local", "procrastinate"] = "local"
    tasks_at_once: Annotated[int, Field(ge=1, le=64)] = 2
    """The number of tasks that a worker of a queue runs at the same time."""


class RoundSettings(_Part):
    """When the jobs of a round run, as cron expressions in UTC."""

    publish: Cron = "*/5 * * * *"
    sweep: Cron = "*/2 * * * *"


def _named_apart(what: str, names: list[str]) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f'two {what} are called "{twice}"; rename one of them')


_file: ContextVar[Path | None] = ContextVar("configuration file", default=None)
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
    """An email address or page where sources can reach the operator; part of the User-Agent."""
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
        found = {kind: tuple(hook.name for hook in self.webhooks if kind in hook.events) for kind in EventKind}
        return {kind: names for kind, names in found.items() if names}

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
        known = ", ".join(source.name for source in self.sources)
        raise UnknownNameError(f"there is no source {name!r} in the configuration; there are: {known or 'none'}")

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
        return init_settings, env_settings, dotenv_settings, _ConfigurationFile(settings_cls, _file.get())


class _ConfigurationFile(TomlConfigSettingsSource):
    def _read_file(self, file_path: Any) -> dict[str, Any]:
        found = tomllib.loads(text_files.read(file_path))
        # `extra` is "ignore" because .env may hold variables of other programs; the file is ours alone.
        unknown = [name for name in found if name not in Settings.model_fields]
        if unknown:
            raise ConfigurationError.listing(
                [f"{file_path}: {name}: {_no_such_setting(variables.variable_of([name]))}" for name in unknown]
            )
        return found


def load(config: Path | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Load the settings of the site in the current folder. Raises ConfigurationError, which names file, field and
    remedy.
    """
    if config is not None and not config.is_file():
        raise ConfigurationError(f"{config}: no such file; `paperround init` creates one")
    file = config or (CONFIG_FILE if CONFIG_FILE.is_file() else folder("config") / "paperround.toml")

    if env_file is not None and env_file.is_file() and (problems := _problems(env_file)):
        raise ConfigurationError.listing(problems)

    reading = _file.set(file)
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        problems = [_explain(one, file) for one in validation.own_errors(error.errors(include_url=False))]
        raise ConfigurationError.listing(problems) from None
    except SettingsError as error:
        raise ConfigurationError(_explain_json(str(error))) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: this is not TOML: {error}") from None
    finally:
        _file.reset(reading)


def topics_file(settings: Settings, config: Path | None) -> Path:
    """Return the file that topics are read from."""
    if settings.topics_file:
        return settings.topics_file
    beside = (config or CONFIG_FILE).with_name("topics.toml")
    return beside if beside.is_file() else folder("config") / "topics.toml"


def has_secret_key(settings: Settings) -> bool:
    """Return whether a secret key is set."""
    return settings.secret_key is not None and bool(settings.secret_key.get_secret_value().strip())


def with_secret_key(settings: Settings, env_file: Path = Path(".env")) -> Settings:
    """Return the settings with a secret key. If none is set, generate one and save it in .env."""
    if has_secret_key(settings):
        return settings
    key = secrets.token_urlsafe(_SECRET_BYTES)
    text = text_files.read(env_file) if env_file.exists() else ""
    separator = "" if not text or text.endswith("\n") else "\n"
    part = env_file.with_name(env_file.name + ".part")
    part.touch(mode=0o600)
    part.write_text(f"{text}{separator}PAPERROUND_SECRET_KEY={key}\n", encoding="utf-8")
    part.replace(env_file)
    return settings.model_copy(update={"secret_key": SecretStr(key)})


@cache
def known_variables() -> frozenset[str]:
    """Return every variable that sets something."""
    return variables.all_variables(Settings)


def unknown_in_environment() -> list[str]:
    """Return a message for each variable of the environment that looks like a setting and is not one."""
    return [_unknown(name, near) for name, near in variables.unknown(os.environ, known_variables())]


def unused_of_transport(settings: Settings, env_file: Path = Path(".env")) -> list[str]:
    """Return a message for each variable of another kind of transport than the chosen one, which has no effect."""
    lines = _bindings(env_file) if env_file.is_file() else ()
    given = {name.upper() for name in (*os.environ, *filter(None, (line.key for line in lines)))}
    prefix = variables.variable_of(["transport", ""])
    used = {prefix + name.upper() for name in type(settings.transport).model_fields}
    unused = sorted(name for name in given & known_variables() - used if name.startswith(prefix))
    kind = settings.transport.kind
    return [f'{name} has no effect with transport.kind = "{kind}"' for name in unused]


def _problems(env_file: Path) -> list[str]:
    """Return what is wrong with each line of .env that sets nothing: python-dotenv would skip it.

    An unknown setting in the environment may belong to another program, so it causes only a warning there.
    """
    lines: dict[str, int] = {}
    problems: list[tuple[int, str]] = []
    for binding in _bindings(env_file):
        line = _line_of(binding)
        if binding.error:
            remedy = "write NAME=value, close each quotation mark, or start a comment with #"
            problems.append((line, f"this line is not a setting; {remedy}"))
        elif (binding.key or "").upper() in known_variables():
            problems += [(line, problem) for problem in _problems_of_value(binding, {*lines, *os.environ})]
        lines[binding.key or ""] = line
    unknown = variables.unknown(filter(None, lines), known_variables())
    problems += [(lines[name], _unknown(name, near)) for name, near in unknown]
    return [f"{env_file} line {line}: {problem}" for line, problem in sorted(problems)]


def _bindings(env_file: Path) -> Iterator[Binding]:
    """Yield the lines of .env as python-dotenv reads them."""
    return parse_stream(StringIO(text_files.read(env_file)))


def _problems_of_value(binding: Binding, known: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the value of a setting in .env; `known` are the variables that it can refer to."""
    if binding.value is None:
        yield f"{binding.key} has no value; write {binding.key}=value"
        return
    for part in parse_variables(binding.value):
        # python-dotenv replaces ${NAME} within all quotation marks, by nothing if there is no such variable.
        if isinstance(part, Variable) and part.default is None and part.name not in known:
            yield (
                f"{binding.key}: there is no {part.name} above it or in the environment that ${{{part.name}}} could "
                f"stand for; if that is part of the value, set {binding.key} in the environment"
            )


def _line_of(binding: Binding) -> int:
    """Return the line of the name: python-dotenv counts from the empty lines above it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _unknown(name: str, near: str) -> str:
    return f"unknown setting {name}; " + (f"did you mean {near}?" if near else "see docs/settings.md")


def _explain(error: Any, file: Path) -> str:
    """Describe one of pydantic's errors in one line, without the value, which may be a secret."""
    path = _without_kinds(error["loc"])
    if error["type"].startswith("union_tag"):
        path.append("kind")
    setting = next((name for name in _beginnings(path) if name in known_variables()), "")
    places = f"{file} or {setting}" if setting and error["type"] != "extra_forbidden" else str(file)
    return f"{places}: {validation.place(path)}: {_remedy(error, variables.variable_of(path))}"


def _beginnings(path: Sequence[str | int]) -> Iterator[str]:
    """Yield the variable of the field, then of the section that contains it, and so on."""
    return (variables.variable_of(path[:length]) for length in range(len(path), 0, -1))


def _without_kinds(path: Sequence[str | int]) -> list[str | int]:
    """Return the path to a field without the kind of a transport or source, which pydantic inserts."""
    if path[0] in {"transport", "meaning"}:
        return [path[0], *path[2:]]
    if path[0] == "sources":
        return [*path[:2], *path[3:]]
    return list(path)


def _explain_json(message: str) -> str:
    """Describe a variable that must be JSON and is not, without its value."""
    name = re.search(r'field "(\w+)"', message)
    variable = variables.variable_of([name[1]]) if name else "a variable"
    return f"{variable}: its value must be JSON and is not; see docs/settings.md"


def _remedy(error: Any, variable: str) -> str:
    return _no_such_setting(variable) if error["type"] == "extra_forbidden" else validation.sentence(error)


def _no_such_setting(variable: str) -> str:
    section, between, _ = variable.rpartition("__")
    inside = {name for name in known_variables() if name.startswith(section + between)}
    near = variables.path_of(variables.closest(variable, inside))
    return f"there is no such setting; {f'did you mean {near}?' if near else 'see docs/settings.md'}"
