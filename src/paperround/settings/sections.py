"""The sections of the configuration file, a class each, except those that adapters define: `[transport]`, `[dkim]`,
`[meaning]`, `[summaries]` and `[[sources]]`.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from paperround.bounces import signatures
from paperround.bounces.mailboxes import ImapSettings
from paperround.delivery import webhooks
from paperround.delivery.address import ascii_domain
from paperround.delivery.retry import RetryPolicy
from paperround.domain.errors import ConfigurationError
from paperround.domain.hosts import is_this_machine
from paperround.domain.models import EventKind, Site
from paperround.rendering import subject
from paperround.sources.base import Cron

_MIN_SECRET_LENGTH = 16  # characters


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteSettings(_Section):
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
        if value is not None and 0 < len(value.get_secret_value()) < _MIN_SECRET_LENGTH:
            raise ValueError(
                f"needs {_MIN_SECRET_LENGTH} characters or more; generate one with: "
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
            normalized = validate_email(address, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError as error:
            raise ValueError(f"must be an address such as papers@example.org ({error})") from None
        return f"{name} <{normalized}>" if name else normalized

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


class DeliverySettings(_Section):
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


class RetentionSettings(_Section):
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


class BounceSettings(_Section):
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


class WebhookSettings(_Section):
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


class RunnerSettings(_Section):
    """Where scheduled work runs."""

    kind: Literal["local", "procrastinate"] = "local"
    tasks_at_once: Annotated[int, Field(ge=1, le=64)] = 2
    """The number of tasks that a worker of a queue runs at the same time."""


class RoundSettings(_Section):
    """When the jobs of a round run, as cron expressions in UTC."""

    publish: Cron = "*/5 * * * *"
    sweep: Cron = "*/2 * * * *"
