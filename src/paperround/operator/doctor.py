"""`paperround doctor`: check the site for problems, each with its remedy. Read-only."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from paperround.app import App
from paperround.bounces.mailboxes import check_maildir, try_imap
from paperround.delivery import FileTransport, InboxTransport, MaildirTransport, SmtpTransport
from paperround.delivery.smtp_connection import refusal
from paperround.domain.clock import format_moment
from paperround.domain.errors import ConfigurationError, MeaningError, PaperroundError, StoreError
from paperround.domain.hosts import is_local
from paperround.domain.models import DeliveryState, NoticeKind, Stage, Topic
from paperround.domain.preferences import DEFAULTS
from paperround.domain.text import counted
from paperround.operator.preview import PreviewRequest, build
from paperround.operator.readiness import LATE, MIN_FREE_SPACE, free_space, is_daily_cap_reached
from paperround.process import private_files
from paperround.process.resources import templates
from paperround.rendering import theme as themes
from paperround.rounds.letters import LetterBuilder
from paperround.rounds.summaries import one_sentence, quota
from paperround.rounds.topics import (
    ChangedTopic,
    changed_by_command,
    dropped_topics,
    unserved_topics,
    unusable_topics,
)
from paperround.rounds.topics_file import read_file
from paperround.settings import unknown_in_environment, unused_of_transport
from paperround.store.alarms import AlarmKind

_LITTLE_ROOM = 500 * 2**20  # bytes; a round of a hundred thousand subscribers writes about 300 MB
_MANY_WAITING = 2_000  # papers without a vector: more than a busy day brings
_WEEK = timedelta(days=7)
_NEVER_SERVED = timedelta(days=14)
_WEBHOOK_SECONDS = 5.0
_MAILBOX_SECONDS = 5.0  # for each response of the mailbox
_SAMPLE = (  # for a test of what writes summaries
    "Walking on rough ground",
    "We train a controller for four-legged robots in simulation. It crosses gravel and stairs that it never saw.",
)
_FOLDER_TRANSPORTS = (InboxTransport, MaildirTransport, FileTransport)
_FEW_BOUNCES, _MOST_BOUNCED = 5, 0.02  # of what was sent; above it providers begin to refuse


class CheckState(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_SUBJECTS_NAMED = 3  # subjects in the sentence at the end
_WORST_FIRST = (CheckState.ERROR, CheckState.WARNING, CheckState.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: the subject, the verdict, and the problem with its remedy."""

    check: str
    """The subject; several findings may be about the same."""
    verdict: CheckState
    what: str
    """The problem, with its remedy if that is no command."""
    command: str = ""
    """The command that solves the problem."""
    later: bool = False
    """Whether it only matters once real subscribers get letters."""
    stops: bool = False
    """Whether it holds emails back. Other errors let them leave, and make them useless or suspect."""

    @property
    def sentence(self) -> str:
        """The problem and, after "; run: ", the command."""
        return f"{self.what}; run: {self.command}" if self.command else self.what


def examine(app: App) -> list[Finding]:
    """Run all checks. A check that raises an error becomes a finding."""
    return [finding for name, check in CHECKS.items() for finding in _guarded(name, check, app)]


def unusable(error: StoreError) -> Finding:
    """Return the only finding about a site whose database cannot be used."""
    return Finding("database", CheckState.ERROR, str(error), stops=True)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks have found about one subject."""

    name: str
    verdict: CheckState
    problems: tuple[Finding, ...]
    """The findings to show: the problems, or else what is well."""


def by_subject(findings: Sequence[Finding], *, later: bool) -> list[Subject]:
    """Group the findings by subject: those about the next round, or with `later` those about going live."""
    wanted = [finding for finding in findings if finding.later is later]
    names = dict.fromkeys(finding.check for finding in wanted)
    return [_subject(name, [finding for finding in wanted if finding.check == name]) for name in names]


def _subject(name: str, about: Sequence[Finding]) -> Subject:
    worst = next(verdict for verdict in _WORST_FIRST if any(finding.verdict is verdict for finding in about))
    shown = (finding for finding in about if worst is CheckState.OK or finding.verdict is not CheckState.OK)
    return Subject(name, worst, tuple(shown))


def conclude(findings: Sequence[Finding]) -> str:
    """Summarize all findings in one sentence; the subjects of errors are named."""
    errors = [finding for finding in findings if finding.verdict is CheckState.ERROR]
    stopping = [finding for finding in errors if finding.stops]
    harmful = [finding for finding in errors if not finding.stops]
    warnings = sum(finding.verdict is CheckState.WARNING and not finding.later for finding in findings)
    later = sum(finding.verdict is not CheckState.OK and finding.later for finding in findings)
    parts = [_named(stopping, "holds emails back", "hold emails back") or "nothing stops the next round"]
    if harmful:
        but = "no emails back, but must be corrected"
        parts.append(_named(harmful, f"holds {but}", f"hold {but}"))
    if warnings:
        parts.append(f"{_things(warnings)} to look at")
    if later:
        parts.append(f"{_things(later)} before you go live")
    summary = "; ".join(parts)
    return f"{summary[0].upper()}{summary[1:]}."


def _named(errors: Sequence[Finding], one: str, many: str) -> str:
    """Say what the errors do, and name their first subjects; empty for none."""
    if not errors:
        return ""
    names = list(dict.fromkeys(finding.check for finding in errors))
    shown = (
        names if len(names) <= _SUBJECTS_NAMED else [*names[:_SUBJECTS_NAMED], f"{len(names) - _SUBJECTS_NAMED} more"]
    )
    return f"{_things(len(errors))} marked ✖ {one if len(errors) == 1 else many} ({', '.join(shown)})"


def _things(number: int) -> str:
    return "one thing" if number == 1 else f"{number} things"


def _guarded(name: str, check: Callable[[App], Iterator[Finding]], app: App) -> list[Finding]:
    """Run a check and return its findings; if it raises an error, its findings so far and one about the error."""
    found = list[Finding]()
    try:
        found += check(app)
    except (PaperroundError, OSError) as error:
        return [*found, Finding(name, CheckState.ERROR, str(error), stops=isinstance(error, StoreError | OSError))]
    except Exception as error:  # noqa: BLE001 - a broken check must not end the others
        what = f"the check itself failed ({type(error).__name__}: {error}); please report this"
        return [*found, Finding(name, CheckState.ERROR, what)]
    return found or [Finding(name, CheckState.OK, "no problems found")]


def _database(app: App) -> Iterator[Finding]:
    url = make_url(app.settings.database_url)
    if app.store.in_memory:
        what = f"there is no paperround database at {url.render_as_string()} yet"
        remedy = "`paperround up` creates one; if the site already has one, correct PAPERROUND_DATABASE_URL"
        yield Finding("database", CheckState.WARNING, f"{what}; {remedy}")
        return
    yield Finding("database", CheckState.OK, f"{url.get_backend_name()}, {app.store.papers.count():,} papers")
    if url.database and (free := free_space(app)) is not None:
        folder = Path(url.database).resolve().parent
        room = f"{free // 2**20:,} MB free at the database"
        if free < MIN_FREE_SPACE:
            yield Finding("disk", CheckState.ERROR, f"{room}: nothing can be stored; free some space", stops=True)
        elif free < _LITTLE_ROOM:
            yield Finding("disk", CheckState.WARNING, f"{room}; a round may need more: free some space")
        else:
            yield Finding("disk", CheckState.OK, room)
        if not os.access(folder, os.W_OK):
            what = f"this account cannot write to {folder}; change the owner of the folder"
            yield Finding("disk", CheckState.ERROR, what, stops=True)


def _files(app: App) -> Iterator[Finding]:
    """Report files with personal data or secrets that other accounts on this machine can read."""
    for path in _private_paths(app):
        if path.exists() and private_files.is_open_to_others(path):
            mode = private_files.FOLDER if path.is_dir() else private_files.FILE
            what = "other accounts on this machine can read this file"
            yield Finding(f"file {path}", CheckState.WARNING, what, f"chmod {mode:o} {path}")


def _private_paths(app: App) -> Iterator[Path]:
    url, settings = make_url(app.settings.database_url), app.settings
    if url.database and url.get_backend_name() == "sqlite":
        yield from (Path(url.database + ending) for ending in ("", "-wal", "-shm"))
    if isinstance(settings.transport, _FOLDER_TRANSPORTS):
        yield settings.transport.directory
    if settings.bounces.maildir:
        yield settings.bounces.maildir
    if settings.dkim:
        yield settings.dkim.key_file
    yield Path(".env")


def _environment(app: App) -> Iterator[Finding]:
    for sentence in (*unknown_in_environment(), *unused_of_transport(app.settings)):
        yield Finding("environment", CheckState.WARNING, sentence)


def _site(app: App) -> Iterator[Finding]:
    site, later = app.settings.site, isinstance(app.settings.transport, InboxTransport)
    error = CheckState.WARNING if later else CheckState.ERROR
    sender = site.facts().sender
    if is_local(site.base_url) or not site.base_url.startswith("https://"):
        what = f"site.base_url is {site.base_url}: subscribers cannot unsubscribe; set your https address"
        yield Finding("base_url", error, what, later=later)
    if sender.endswith(".example"):
        what = f"site.sender is {sender}: relays reject this address; use an address at your own domain"
        yield Finding("sender", error, what, later=later)
    if not site.postal_address:
        what = "site.postal_address is empty: many countries require it in every email (CAN-SPAM)"
        yield Finding("postal address", CheckState.WARNING, what, later=later)


_RELAY_REMEDIES = {
    Stage.CONNECT: "check transport.host, transport.port and transport.tls",
    Stage.TLS: "check transport.port, transport.tls (none for a relay on this machine) and transport.ca_file",
    Stage.AUTH: "check transport.username and transport.password",
}


def _mail(app: App) -> Iterator[Finding]:
    settings = app.settings
    if not isinstance(settings.transport, SmtpTransport):
        yield Finding("mail", CheckState.OK, f"emails are delivered by: {settings.transport.kind}")
        if isinstance(settings.transport, _FOLDER_TRANSPORTS):
            yield from _folder(settings.transport.directory)
        if isinstance(settings.transport, InboxTransport):
            what = "emails stay in the built-in inbox; set transport.kind and your relay (docs/operate.md)"
            yield Finding("relay", CheckState.WARNING, what, later=True)
        return
    answers = [(relay, refusal(relay)) for relay in (settings.transport, *settings.transport.relays)]
    for relay, problem in answers:
        shown = f"relay {relay.host}:{relay.at_port}"
        if problem:
            remedy = _RELAY_REMEDIES.get(problem.stage, "check the relay's settings")
            stops = all(refused for _, refused in answers)  # otherwise the other relays take the letters
            yield Finding(shown, CheckState.ERROR, f"{problem}; {remedy}", stops=stops)
        else:
            yield Finding(shown, CheckState.OK, "connection and login succeed")
    if settings.dkim is None:
        what = "no DKIM key is configured; make sure that the relay signs: Gmail and Yahoo refuse unsigned bulk mail"
        yield Finding("DKIM", CheckState.WARNING, what, "paperround dkim keygen")
    if not settings.bounces.domain:
        what = "bounces.domain is not set: bounces cannot be assigned to subscribers"
        yield Finding("bounces", CheckState.WARNING, what)


def _folder(directory: Path) -> Iterator[Finding]:
    """Report a folder for emails that does not exist and cannot be created, or that cannot be written to."""
    path = directory.resolve()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        what = f"emails cannot be stored in {path}: this account cannot write to {existing}; change its owner"
        yield Finding("mail", CheckState.ERROR, f"{what}, or set transport.directory", stops=True)


def _letters(app: App) -> Iterator[Finding]:
    """Lay out and sign one letter for each theme and language in use, and one notice; and try the other themes that
    subscribers could choose.
    """
    used = app.store.overview.styles()
    wanted = [PreviewRequest(theme=theme, language=language) for theme, language in used] or [PreviewRequest()]
    for request in [*wanted, replace(wanted[0], notice=NoticeKind.CONFIRM)]:
        named = ", ".join(filter(None, (request.notice or "digest", request.theme, request.language)))
        if problem := _broken(app, request):
            yield Finding(f"email ({named})", CheckState.ERROR, f"cannot be made: {problem}", stops=True)
        else:
            what = "is laid out and signed" if app.settings.dkim else "is laid out"
            yield Finding(f"email ({named})", CheckState.OK, what)
    for name in sorted(set(themes.offered(templates())) - {name for name, _ in used}):
        if problem := _mistake_in(app, name, DEFAULTS.language):
            what = f"subscribers can choose it, and no letter can be made: {problem}"
            yield Finding(f"theme ({name})", CheckState.ERROR, what)
    signs = app.settings.dkim.domain.lower() if app.settings.dkim else ""
    sender = app.site.domain.lower()
    if signs and not _same_organization(signs, sender):
        what = f"dkim.domain is {signs}, the sender's is {sender}: DMARC requires the same domain or a subdomain"
        yield Finding("dkim", CheckState.ERROR, what)


def _broken(app: App, request: PreviewRequest) -> str:
    """Return why a letter cannot be made; empty if it can.

    A theme that is broken now counts, even while its last working version is still used.
    """
    if request.theme and request.language and (problem := _mistake_in(app, request.theme, request.language)):
        return problem
    try:
        build(app, request)
    except Exception as error:  # noqa: BLE001 - any error would prevent letters from being sent
        return str(error) or type(error).__name__
    return ""


def _mistake_in(app: App, theme: str, language: str) -> str:
    """Return why the files of a theme cannot be used; empty if they can."""
    try:
        app.shared(LetterBuilder).check(theme, language)
    except Exception as error:  # noqa: BLE001 - templates can raise anything
        return str(error) or type(error).__name__
    return ""


def _same_organization(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _sending(app: App) -> Iterator[Finding]:
    now = app.clock()
    relay = app.store.relay.state(now.date())
    if pause_end := relay.pause_end(now):
        what = f"delivery is paused until {format_moment(pause_end)}: {relay.reason}"
        remedy = "once the cause is fixed, run: paperround deliveries resume"
        yield Finding("sending", CheckState.ERROR, f"{what}; {remedy}", stops=True)


def _sources(app: App) -> Iterator[Finding]:
    known = app.store.sources.all()
    for source in app.settings.sources:
        record = known.get(source.name)
        if record is None:
            what = "has never been fetched"
            yield Finding(f"source {source.name}", CheckState.WARNING, what, "paperround ingest")
        elif record.state.is_late:
            success = (
                f"last success {format_moment(record.succeeded_at)}" if record.succeeded_at else "no success yet"
            )
            note = record.note.removeprefix(f"{source.name}: ")
            yield Finding(f"source {source.name}", CheckState.WARNING, f"{record.state}, {success}: {note}")
        else:
            news = f"{record.state}, last new paper {format_moment(record.new_at)}"
            yield Finding(f"source {source.name}", CheckState.OK, news)


def _webhooks(app: App) -> Iterator[Finding]:
    for name, state, number, answer in app.store.events.troubles():
        failed = state == "failed"
        fate = "could not be delivered" if failed else "not delivered yet"
        what = f"{counted(number, 'event')} {fate}; the last response: {answer}"
        yield Finding(f"webhook {name}", CheckState.ERROR if failed else CheckState.WARNING, what)
    for webhook in app.settings.webhooks:
        if problem := _unreachable(webhook.url):
            yield Finding(f"webhook {webhook.name}", CheckState.WARNING, problem)


def _unreachable(url: str) -> str:
    """Return why no connection can be opened to the host of an address; empty if one can."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _WEBHOOK_SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        return f"cannot connect to {parts.hostname}:{port} ({reason}); check that the program is running"
    return ""


def _topics(app: App) -> Iterator[Finding]:
    topics, removed, loaded = app.store.topics.all(), list[Topic](), True
    undone = list[ChangedTopic]()
    try:
        removed, loaded = dropped_topics(app), read_file(app).is_loaded(app)
        undone = changed_by_command(app)
    except ConfigurationError as error:
        what = f"{error}; until it is corrected, no other command runs"
        yield Finding("topics.toml", CheckState.ERROR, what, stops=True)
    if not loaded:
        yield Finding("topics.toml", CheckState.OK, "it has changed since it was loaded; the next command loads it")
    elif not topics:
        yield Finding("topics", CheckState.ERROR, "no topics are defined; add some to config/topics.toml")
    refused = unusable_topics(app)
    for topic, problem in refused:
        whose = "interest of a subscriber" if topic.private else f"topic {topic.slug}"
        what = f"it is disabled and matches no papers: {problem}; change the query, or remove it"
        yield Finding(whose, CheckState.WARNING, what)
    unserved = unserved_topics(app)
    for topic in unserved:
        what = "no configured source can serve it, so its subscribers get no emails"
        remedy = f"name a source of yours in its query ({topic.query}), or remove it"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, f"{what}; {remedy}")
    told, counts = {topic.slug for topic in (*(one for one, _ in refused), *unserved)}, app.store.topics.counts()
    for topic in removed:
        followers = counted(counts[topic.slug][0], "subscriber keeps it and gets", "subscribers keep it and get")
        what = f"it is no longer in topics.toml; {followers} its papers"
        remedy = f"put it back, or run: paperround topics remove {topic.slug} [--move-to SLUG]"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, f"{what}; {remedy}")
    for topic, gone in undone:
        what = "removed" if gone else "changed"
        what = f"it was {what} by a command, not in topics.toml; change the file too, or its next change undoes this"
        yield Finding(f"topic {topic.slug}", CheckState.WARNING, what)
    private = {topic.slug for topic in topics if topic.private}
    for slug, (subscribers, papers) in counts.items():
        if subscribers and not papers and slug not in told:
            followers = counted(subscribers, "subscriber follows", "subscribers follow")
            whose, what = f"topic {slug}", f"{followers} it, but no paper has ever matched; check its query"
            if slug in private:
                whose = "interest of a subscriber"
                what = f"no paper has ever matched it; to read it, run: paperround topics show {slug}"
            yield Finding(whose, CheckState.WARNING, what)


def _meaning(app: App) -> Iterator[Finding]:
    encoder = app.settings.encoder()
    if not encoder.makes_vectors:
        what = "papers are ranked by words only; to compare meanings too, see [meaning] in docs/settings.md"
        yield Finding("meaning", CheckState.OK, what)
        return
    models, waiting = app.store.vectors.models(), app.store.vectors.waiting_count()
    if others := sum(models.values()) - models.get(encoder.name, 0):
        papers = counted(others, "paper has a vector", "papers have vectors")
        what = f"{papers} from a model other than {encoder.name}; only words are compared"
        yield Finding("meaning", CheckState.WARNING, what, "paperround papers embed --rebuild")
    if waiting:
        papers = counted(waiting, "paper has", "papers have")
        what = f"{papers} no vector from {encoder.name} yet; only words are compared"
        if waiting > _MANY_WAITING:
            yield Finding("meaning", CheckState.WARNING, what, "paperround papers embed")
        else:
            how = "`paperround up` computes them within minutes, `paperround papers embed` at once"
            yield Finding("meaning", CheckState.OK, f"{what}; {how}")
    try:
        encoder.encode(["a paper"])
    except MeaningError as error:
        yield Finding("meaning", CheckState.WARNING, f"vectors cannot be computed: {error}")
        return
    if not others and not waiting:
        yield Finding("meaning", CheckState.OK, f"all papers have a vector from {encoder.name}")


def _summaries(app: App) -> Iterator[Finding]:
    if not (writer := app.settings.summaries):
        return
    used = app.store.quotas.count(quota(writer), writer.model, app.clock())
    try:
        answer = writer.write(*_SAMPLE, "English")
    except MeaningError as error:
        yield Finding("summaries", CheckState.WARNING, f"summaries cannot be written: {error}")
        return
    if not one_sentence(answer):
        what = f"{writer.model} returned no usable sentence in a test: {answer[:80]!r}; check that it is a chat model"
        yield Finding("summaries", CheckState.WARNING, what)
    elif used >= writer.per_day:
        what = f"all {used} requests of summaries.per_day within 24 hours are used; other papers show their abstract"
        yield Finding("summaries", CheckState.WARNING, what)
    else:
        what = f"{writer.model} writes them; {used} of {writer.per_day} requests within 24 hours are used"
        yield Finding("summaries", CheckState.OK, what)


def _rounds(app: App) -> Iterator[Finding]:
    now = app.clock()
    waiting = app.store.issues.due_count(now - LATE)
    if waiting:
        people = counted(waiting, "subscriber has", "subscribers have")
        what = f"{people} been due for over two hours; check that `paperround up` is running"
        yield Finding("rounds", CheckState.WARNING, what)
    if misscheduled := app.store.subscribers.too_far(now):
        people = counted(misscheduled, "subscriber")
        what = f"the next digest of {people} is more than one period away: the clock was wrong"
        yield Finding("rounds", CheckState.WARNING, what, "paperround sweep")
    stuck = app.store.topics.papers_waiting()
    if stuck:
        papers = counted(stuck, "paper has", "papers have")
        yield Finding("rounds", CheckState.WARNING, f"{papers} not been matched yet", "paperround sweep")


_REPUTATION = "its reputation or content; check SPF, DKIM, DMARC, reverse DNS and blocklists"
_BOUNCE_ALARMS = {
    AlarmKind.DOMAIN: (
        "most letters to {} fail, so nobody there is suppressed; check that its server is up and accepts mail"
    ),
    AlarmKind.EVERYWHERE: "most letters to all domains fail ({}); check the relay and its DNS",
    AlarmKind.POLICY: f"{{}} is rejecting mail from this site because of {_REPUTATION}",
    AlarmKind.DEFERRED: f"{{}} is deferring mail from this site because of {_REPUTATION}",
}


def _replies(app: App) -> Iterator[Finding]:
    bounces = app.settings.bounces
    if not app.settings.asks_for_replies:
        return
    if bounces.maildir or bounces.imap:
        yield Finding("replies", CheckState.OK, "letters ask for replies, and a mailbox for them is configured")
    else:
        what = "letters ask for replies, but no mailbox is read on schedule; set bounces.imap or bounces.maildir"
        yield Finding("replies", CheckState.WARNING, f"{what}, or turn bounces.replies off")


def _mailbox(app: App) -> Iterator[Finding]:
    """Try the mailbox that bounces and replies are read from."""
    bounces = app.settings.bounces
    if bounces.maildir:
        try:
            check_maildir(bounces.maildir)
        except PaperroundError as error:
            yield Finding("mailbox", CheckState.WARNING, f"{error}; check bounces.maildir")
    if bounces.imap:
        try:
            try_imap(bounces.imap, _MAILBOX_SECONDS)
        except PaperroundError as error:
            yield Finding("mailbox", CheckState.WARNING, str(error))
        else:
            yield Finding("mailbox", CheckState.OK, f"{bounces.imap.host}: login and folder work")


def _bounces(app: App) -> Iterator[Finding]:
    if app.store.subscribers.is_address_key_lost():
        what = "erased addresses that complained are not recognized any more, because the secret key was changed"
        yield Finding("secret key", CheckState.WARNING, f"{what}; put the former key after it, separated by a comma")
    for kind, domain in app.store.alarms.latest(app.clock()):
        what = _BOUNCE_ALARMS[kind].format(domain)
        yield Finding("bounces", CheckState.WARNING, f"{what}; the replies: paperround bounces list")


def _deliveries(app: App) -> Iterator[Finding]:
    now, overview = app.clock(), app.store.overview
    since = app.store.deliveries.overdue_since(now)
    if since and since < now - LATE:
        remedy = (
            "the relay's daily limit is reached, so the rest is sent tomorrow"
            if is_daily_cap_reached(app)
            else "check `paperround up` and the relay"
        )
        what = f"an email has been overdue since {format_moment(since)}; {remedy}"
        yield Finding("queue", CheckState.WARNING, what)
    week = now - _WEEK
    if expired := overview.finished(DeliveryState.EXPIRED, week):
        what = f"{counted(expired, 'email')} expired in the past week: no relay accepted them in time"
        what = f"{what}; see: paperround deliveries list --state expired"
        yield Finding("expired", CheckState.WARNING, what)
    if never := overview.never_served(now - _NEVER_SERVED):
        people = counted(never, "subscriber has", "subscribers have")
        what = f"{people} never had a digest; see: paperround subscribers silent"
        yield Finding("never served", CheckState.WARNING, what)
    if idle := overview.following_nothing():
        people = counted(idle, "active subscriber follows", "active subscribers follow")
        what = f"{people} nothing; see: paperround subscribers silent"
        yield Finding("follow nothing", CheckState.WARNING, what)
    sent = overview.finished(DeliveryState.SENT, week)
    bounced = sum(sum(overview.bounces_by_day(week).get(kind, {}).values()) for kind in ("hard", "complaint"))
    if bounced >= _FEW_BOUNCES and bounced > _MOST_BOUNCED * sent:
        what = (
            f"{bounced} hard bounces and complaints on {sent} emails in the past week: providers rate senders by this"
        )
        yield Finding("bounces", CheckState.WARNING, f"{what}; check where these addresses come from")


CHECKS: Mapping[str, Callable[[App], Iterator[Finding]]] = {
    "database": _database,
    "files": _files,
    "environment": _environment,
    "site": _site,
    "mail": _mail,
    "letters": _letters,
    "sending": _sending,
    "sources": _sources,
    "webhooks": _webhooks,
    "topics": _topics,
    "meaning": _meaning,
    "summaries": _summaries,
    "rounds": _rounds,
    "deliveries": _deliveries,
    "replies": _replies,
    "mailbox": _mailbox,
    "bounces": _bounces,
}
"""The checks by name. A check that breaks is reported under its name."""
