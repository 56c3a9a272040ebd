"""Settings: where they come from, and what is said when one is wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from paperround import settings
from paperround.domain.errors import ConfigurationError


def written(folder: Path, text: str) -> Path:
    file = folder / "paperround.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_environment_goes_over_the_env_file_and_that_over_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, '[site]\nname = "file"\npostal_address = "file"\nsender = "file@example.org"\n')
    env = tmp_path / ".env"
    env.write_text("PAPERROUND_SITE__NAME=dotenv\nPAPERROUND_SITE__POSTAL_ADDRESS=dotenv\n", encoding="utf-8")
    monkeypatch.setenv("PAPERROUND_SITE__NAME", "environment")
    site = settings.load(file, env).site
    assert (site.name, site.postal_address, site.sender) == ("environment", "dotenv", "file@example.org")


def test_the_shipped_configuration_is_valid() -> None:
    from paperround.process.resources import folder

    loaded = settings.load(folder("config") / "paperround.toml", None)
    assert [source.name for source in loaded.sources] == ["hf-daily", "arxiv"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[site]\nsender = "nobody"\n', "site.sender: must be an address"),
        ('[site]\nbase_url = "papers.example.org"\n', "site.base_url: must be an absolute address"),
        ('[site]\nsubject = "{titel}"\n', "site.subject: subject '{titel}': there is no {titel}; there are {top}"),
        ('[site]\nsubject = "{top:d}"\n', "site.subject: subject '{top:d}': {top} stands alone"),
        ("[dilevery]\nbatch = 3\n", "dilevery: there is no such setting; did you mean delivery?"),
        ('[[source]]\nkind = "arxiv"\n', "source: there is no such setting; did you mean sources?"),
        ('postal_address = "1 Mill Lane"\n', "there is no such setting; did you mean site.postal_address?"),
        ('[site]\nbase_url = "https://example.org/a?b=1"\n', "site.base_url: must not contain ? or #"),
        ('[rounds]\npublish = "every 5 min"\n', 'rounds.publish: "every 5 min" is not a cron schedule'),
        ('[rounds]\nsweep = "99 * * * *"\n', 'rounds.sweep: "99 * * * *" is not a cron schedule'),
        ('[bounces]\ndomain = "http://x"\n', "bounces.domain: 'http://x' is not a domain"),
        ('[bounces]\ndomain = "x@y.example"\n', "bounces.domain: 'x@y.example' is not a domain"),
        ('[bounces]\nschedule = "often"\n', 'bounces.schedule: "often" is not a cron schedule'),
        (
            '[[sources]]\nkind = "hf-daily"\nshedule = "1 * * * *"\n',
            "sources (entry 1).shedule: there is no such setting; see docs/settings.md",
        ),
        ('[transport]\nkind = "smtp"\nhost = "https://mail"\n', "transport.host: must be the name of a host"),
        ('[transport]\nkind = "smtp"\nhost = "mail:587"\n', "transport.host: must be the name of a host"),
        (
            '[runner]\nkind = "procrastinate"\n',
            'runner: kind = "procrastinate" keeps its queue in PostgreSQL; set PAPERROUND_DATABASE_URL=postgresql',
        ),
        (
            '[rounds]\npublish = "0 0 31 2 *"\n',
            'rounds.publish: "0 0 31 2 *" never comes, because its month has no such day',
        ),
        ("[moon]\n", "moon: there is no such setting; see docs/settings.md"),
        ("[site]\ncolor = 1\n", "site.color: there is no such setting; see docs/settings.md"),
        (
            "[site]\npostal_adress = 1\n",
            "site.postal_adress: there is no such setting; did you mean site.postal_address?",
        ),
        (
            '[transport]\nkind = "smtp"\n',
            "paperround.toml or PAPERROUND_TRANSPORT__HOST: transport.host: is required",
        ),
        ('[[sources]]\nkind = "hf-daily"\nschedule = "soon"\n', "PAPERROUND_SOURCES: sources (entry 1).schedule:"),
        ('[[sources]]\nname = "x"\nkind = "telepathy"\n', "hf-daily"),
        ('[[sources]]\nkind = "hf-daily"\n' * 2, 'sources: two sources are called "hf-daily"'),
        ('[transport]\nkind = "pigeon"\n', "smtp"),
        ("[delivery]\nbatch = 0\n", "delivery.batch: must be more than 0"),
        ("[site\n", "Expected ']'"),
        (
            '[transport]\nkind = "smpt"\n',
            "transport.kind: must be one of: file, inbox, maildir, memory, smtp; did you mean 'smtp'?",
        ),
        ("[transport]\nkind = []\n", "PAPERROUND_TRANSPORT__KIND: transport.kind: "),
        (
            '[transport]\nkind = "smtp"\nhost = "my relay"\n',
            "transport.host: must be the name of a host, such as smtp.example.org",
        ),
        (
            '[transport]\nkind = "smtp"\nhost = "mail"\ntls = "start-tls"\n',
            "transport.tls: must be one of: starttls, tls, none; did you mean 'starttls'?",
        ),
        (
            '[transport]\nkind = "smtp"\nhost = "mail"\nport = "smtps"\n',
            "PAPERROUND_TRANSPORT__PORT: transport.port: must be a whole number",
        ),
        (
            '[meaning]\nkind = "minilm"\ntokens = 1\n',
            "PAPERROUND_MEANING__TOKENS: meaning.tokens: must be 16 or more",
        ),
        ('[[sources]]\nname = "x"\n', "sources (entry 1).kind: is missing; docs/settings.md lists the kinds"),
        ('[[sources]]\nkind = "arxiv"\ncategories = []\n', "sources (entry 1).categories: must have 1 or more"),
    ],
)
def test_a_wrong_setting_is_one_line_with_file_field_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as error:
        settings.load(file, None)
    assert says in str(error.value)
    assert "paperround.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_webhook_without_a_secret_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"secret: must be whsec_.*make one: python3 -c"):
        settings.load(written(tmp_path, '[[webhooks]]\nname = "a"\nurl = "https://a.example"\n'), None)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('[delivery]\nbatch = 0\n[site]\nsender = "nobody"\n', ["site.sender", "delivery.batch"]),
        (
            '[[sources]]\nkind = "hf-daily"\n[[sources]]\nkind = "arxiv"\ncategories = []\n'
            '[[webhooks]]\nname = "a"\nurl = 3\nsecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="\n'
            'events = ["bounced", "lost"]\n',
            ["sources (entry 2).categories", "webhooks (entry 1).url", "webhooks (entry 1).events (entry 2)"],
        ),
        ("[moon]\n[sun]\n", ["moon", "sun"]),
        ("[delivery]\nretry_delays = [-5]\n", ["delivery.retry_delays (entry 1)"]),
    ],
)
def test_all_wrong_settings_of_a_file_are_named_at_once(tmp_path: Path, text: str, fields: list[str]) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings.load(written(tmp_path, text), None)
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == fields


def test_all_wrong_lines_of_the_env_file_are_named_at_once_but_at_most_ten(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("".join(f"PAPERROUND_SITE__NAME{number}=x\n" for number in range(12)), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        settings.load(written(tmp_path, ""), env)
    *lines, rest = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{env} line {number}" for number in range(1, 11)]
    assert rest == "and 2 more"


def test_a_value_of_the_env_file_may_refer_to_variables_above_it_and_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN", "Ely")
    env = tmp_path / ".env"
    env.write_text(
        "LAB=Lab\nPAPERROUND_SITE__NAME='${LAB} papers'\nPAPERROUND_SITE__POSTAL_ADDRESS=\"1 Mill Lane, ${TOWN}\"\n"
        "PAPERROUND_CONTACT=${WHO:-ops@example.org}\nOTHER_PROGRAM=${NOWHERE}\n",
        encoding="utf-8",
    )
    loaded = settings.load(written(tmp_path, ""), env)
    assert (loaded.site.name, loaded.site.postal_address) == ("Lab papers", "1 Mill Lane, Ely")
    assert loaded.contact == "ops@example.org"


def test_a_value_of_the_env_file_that_refers_to_nothing_is_refused_and_not_shown(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("PAPERROUND_TRANSPORT__PASSWORD='se${cr}et'\ncr=x\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        settings.load(written(tmp_path, ""), env)
    assert str(error.value).startswith(f"{env} line 1: PAPERROUND_TRANSPORT__PASSWORD: there is no cr above it")
    assert "se$" not in str(error.value)


@pytest.mark.parametrize("written_as", ["60,300", "[60, 300]", " 60 , 300 "])
def test_the_environment_gives_the_seconds_between_tries_with_commas(
    written_as: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERROUND_DELIVERY__RETRY_DELAYS", written_as)
    assert settings.load(written(tmp_path, ""), None).delivery.retry_delays == (60, 300)


@pytest.mark.parametrize("wrong", ["soon", "60,-5", "0"])
def test_invalid_seconds_are_refused_at_the_start(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERROUND_DELIVERY__RETRY_DELAYS", wrong)
    with pytest.raises(ConfigurationError, match="PAPERROUND_DELIVERY__RETRY_DELAYS"):
        settings.load(written(tmp_path, ""), None)


@pytest.mark.parametrize("host", ["smtp.example.org", "mail", "192.0.2.7", "::1", "2001:db8::7", "fe80::1%eth0"])
def test_a_relay_is_a_name_or_an_address(host: str, tmp_path: Path) -> None:
    transport = settings.load(written(tmp_path, f'[transport]\nkind = "smtp"\nhost = "{host}"\n'), None).transport
    assert getattr(transport, "host", "") == host


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        settings.load(tmp_path / "none.toml", None)


def test_secrets_are_in_no_error_and_no_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERROUND_SECRET_KEY", "hunter2hunter2")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__KIND", "smtp")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__HOST", "smtp.example.org")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__USERNAME", "ada")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__PASSWORD", "hunter3hunter3")
    file = written(tmp_path, "")
    assert "hunter" not in repr(settings.load(file, None))
    monkeypatch.setenv("PAPERROUND_TRANSPORT__PORT", "hunter4")
    with pytest.raises(ConfigurationError) as error:
        settings.load(file, None)
    assert "hunter" not in str(error.value)


def test_an_empty_secret_key_counts_as_missing_and_a_new_one_is_created(tmp_path: Path) -> None:
    file, env = written(tmp_path, ""), tmp_path / ".env"
    env.write_text("PAPERROUND_SECRET_KEY=\n", encoding="utf-8")
    made = settings.with_secret_key(settings.load(file, env), env)
    assert len(made.secret_key.get_secret_value()) > 30
    assert settings.load(file, env).secret_key == made.secret_key


def test_a_secret_key_is_made_once_and_kept_where_only_its_owner_reads_it(tmp_path: Path) -> None:
    file, env = written(tmp_path, ""), tmp_path / ".env"
    env.write_text("# mine", encoding="utf-8")
    first = settings.with_secret_key(settings.load(file, env), env)
    again = settings.with_secret_key(settings.load(file, env), env)
    assert first.secret_key == again.secret_key
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert env.read_text(encoding="utf-8").startswith("# mine\nPAPERROUND_SECRET_KEY=")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PAPERROUND_TRANSPORT__HOSTNAME", "did you mean PAPERROUND_TRANSPORT__HOST?"),
        ("PAPERROUND_TRANSPORT_HOST", "did you mean PAPERROUND_TRANSPORT__HOST?"),
        ("PAPERROUND_SITE__COLOR", "see docs/settings.md"),
        ("PAPERROUND_MOON", "see docs/settings.md"),
        ("PAPEROUND_SITE__NAME", "did you mean PAPERROUND_SITE__NAME?"),
        ("PAPER_ROUND_SITE__NAME", "did you mean PAPERROUND_SITE__NAME?"),
        ("paperroud_database_url", "did you mean PAPERROUND_DATABASE_URL?"),
        ("TRANSPORT__HOST", "did you mean PAPERROUND_TRANSPORT__HOST?"),
        ("site__name", "did you mean PAPERROUND_SITE__NAME?"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_the_env_file_and_warned_about_in_the_environment(
    name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, env = written(tmp_path, ""), tmp_path / ".env"
    env.write_text(f"{name}=1\nPAPERROUND_SITE__NAME=Papers\nOTHER=1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        settings.load(file, env)
    assert str(error.value) == f"{env} line 1: unknown setting {name}; {meant}"
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PAPERROUND_SITE_DIR", ".")
    assert settings.load(file, None).site.name == "paperround"
    assert settings.unknown_in_environment() == [f"unknown setting {name}; {meant}"]


def test_settings_of_another_transport_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = tmp_path / ".env"
    env.write_text("PAPERROUND_TRANSPORT__PORT=smtp\nPAPERROUND_TRANSPORT__KIND=inbox\n# nothing\n", encoding="utf-8")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__DIRECTORY", str(tmp_path))
    monkeypatch.setenv("PAPERROUND_TRANSPORT__HOST", "mail.example.org")
    chosen = settings.load(written(tmp_path, ""), env)
    told = [f'PAPERROUND_TRANSPORT__{name} has no effect with transport.kind = "inbox"' for name in ("HOST", "PORT")]
    assert settings.unused_of_transport(chosen, env) == told
    assert settings.unused_of_transport(chosen, tmp_path / "none") == told[:1]


@pytest.mark.parametrize(
    "name",
    ["PAPERLESS_SECRET_KEY", "PAPERMIND_DATABASE_URL", "PAPER_SIZE", "PAPERROUND", "DATABASE_URL", "SITE__COLOR"],
)
def test_names_of_other_programs_are_left_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = tmp_path / ".env"
    env.write_text(f"{name}=1\n", encoding="utf-8")
    monkeypatch.setenv(name, "1")
    settings.load(written(tmp_path, ""), env)
    assert settings.unknown_in_environment() == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# remark\n\n\nPAPERROUND_SITE__NAME Papers\n", "line 4: this line is not a setting; write NAME=value"),
        ("A=1\nPAPERROUND_SITE__NAME='Papers\nB=2\n", "line 2: this line is not a setting; write NAME=value"),
        (
            "A=1\nPAPERROUND_SITE__NAME\n",
            "line 2: PAPERROUND_SITE__NAME has no value; write PAPERROUND_SITE__NAME=",
        ),
        ("A=1\n\nPAPEROUND_SITE__NAME=x\n", "line 3: unknown setting PAPEROUND_SITE__NAME; did you mean"),
    ],
)
def test_a_line_of_the_env_file_that_sets_nothing_ends_every_command_and_is_named(
    text: str, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = tmp_path / ".env"
    env.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        settings.load(written(tmp_path, ""), env)
    assert str(error.value).startswith(f"{env} {says}")
    assert "\n" not in str(error.value)
    assert not caplog.records, "python-dotenv has its say too"


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("latin-1", "line 2: it is not in UTF-8; save the file as UTF-8"),
        ("utf-16", "line 1: it is in UTF-16; save the file as UTF-8"),
        ("utf-16-le", "line 1: it is in UTF-16; save the file as UTF-8"),
    ],
)
@pytest.mark.parametrize("name", [".env", "paperround.toml"])
def test_settings_in_another_encoding_than_utf_8_are_an_error_with_file_line_and_remedy(
    name: str, encoding: str, says: str, tmp_path: Path
) -> None:
    written(tmp_path, "")
    text = {".env": '# 1\nPAPERROUND_SITE__NAME="Mühle"\n', "paperround.toml": '[site]\nname = "Mühle"\n'}[name]
    (tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(ConfigurationError) as error:
        settings.load(tmp_path / "paperround.toml", tmp_path / ".env")
    assert str(error.value) == f"{tmp_path / name} {says}"
    (tmp_path / name).write_bytes(text.encode("utf-8-sig"))
    assert settings.load(tmp_path / "paperround.toml", tmp_path / ".env").site.name == "Mühle"


def test_a_value_that_has_to_be_json_is_named_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERROUND_SOURCES", "hunter2")
    with pytest.raises(ConfigurationError, match=r"^PAPERROUND_SOURCES: its value must be JSON and is not") as error:
        settings.load(written(tmp_path, ""), None)
    assert "hunter2" not in str(error.value)


def test_sender_and_reply_address_may_have_a_name_before_them(tmp_path: Path) -> None:
    text = (
        '[site]\nname = "Papers"\nsender = "The Papers <papers@example.org>"\nreply_to = "Ada L. <ada@example.org>"\n'
    )
    facts = settings.load(written(tmp_path, text), None).site.facts()
    assert (facts.sender_name, facts.sender, facts.reply_to) == (
        "The Papers",
        "papers@example.org",
        "ada@example.org",
    )
    assert facts.domain == "example.org"
    for alone in ("papers@example.org", "<papers@example.org>"):
        facts = settings.load(written(tmp_path, f'[site]\nsender = "{alone}"\n'), None).site.facts()
        assert (facts.sender_name, facts.sender) == ("", "papers@example.org")


def test_the_words_of_a_transport_may_be_in_capitals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERROUND_TRANSPORT__KIND", "SMTP")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__HOST", "smtp.example.org")
    monkeypatch.setenv("PAPERROUND_TRANSPORT__TLS", "StartTLS")
    transport = settings.load(written(tmp_path, ""), None).transport
    assert (transport.kind, transport.tls) == ("smtp", "starttls")


def test_an_admin_token_that_can_be_guessed_is_refused_with_a_way_to_make_one(tmp_path: Path) -> None:
    file = written(tmp_path, '[site]\nadmin_token = "fifteen letters"\n')
    with pytest.raises(
        ConfigurationError, match=r"site\.admin_token: needs 16 characters or more; generate one with"
    ):
        settings.load(file, None)
    written(tmp_path, '[site]\nadmin_token = "sixteen letters."\n')
    assert settings.load(file, None).site.admin_token is not None


def test_no_password_shows_in_the_settings_or_in_what_is_said_of_them(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'database_url = "postgresql+psycopg://ada:S3CRETPW@db/papers"\n[site]\nadmin_token = "S3CRETPW S3CRETPW"\n'
        '[[sources]]\nname = "a"\nkind = "feed"\nurl = "https://ada:S3CRETPW@feed.example/"\n',
    )
    assert "S3CRETPW" not in repr(settings.load(file, None))
    written(tmp_path, '[[sources]]\nname = "a"\nkind = "feed"\nurl = "ftp://ada:S3CRETPW@feed.example/"\n')
    with pytest.raises(ConfigurationError, match="this is not a web address") as caught:
        settings.load(file, None)
    assert "S3CRETPW" not in str(caught.value)


def test_replies_need_the_domain_that_they_are_sent_to() -> None:
    with pytest.raises(ValueError, match="replies requires `domain`"):
        settings.Settings(_env_file=None, bounces={"replies": True})
    replies = {"domain": "bounces.example.org", "replies": True}
    assert settings.Settings(_env_file=None, bounces=replies).asks_for_replies
    assert not settings.Settings(_env_file=None, bounces=replies, site={"feedback": False}).asks_for_replies
