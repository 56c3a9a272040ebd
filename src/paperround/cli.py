"""The command line. Each command asks the stages and prints; none decides anything."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from paperround import __version__, linting
from paperround.app import App
from paperround.bounces import mailboxes
from paperround.domain.clock import Clock, machine_clock, running_from, standing_at
from paperround.domain.errors import PaperroundError, UnknownName, WrongUse
from paperround.domain.models import DeliveryState, SubscriberState, Topic
from paperround.domain.schedule import Cadence
from paperround.operator import console, doctor, preview, queries, site
from paperround.rounds import bounce_intake, pipeline
from paperround.rounds.topics import add_topic, check_slug
from paperround.sources import FORMATS
from paperround.subscribers import csv_file, membership

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Daily papers by email, self-hosted.")  # fmt: skip
topics = typer.Typer(no_args_is_help=True, help="Named, saved queries that subscribers follow.")
subscribers = typer.Typer(
    no_args_is_help=True, help="Subscribers: who they are, what they follow, when they are served."
)
deliveries = typer.Typer(no_args_is_help=True, help="The ledger: every letter and what became of it.")
app.add_typer(topics, name="topics")
app.add_typer(subscribers, name="subscribers")
bounces = typer.Typer(no_args_is_help=True, help="What came back: delivery reports and complaints.")
app.add_typer(deliveries, name="deliveries")
app.add_typer(bounces, name="bounces")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on stdout and nothing else.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@dataclass
class _Options:
    config: Path | None = None
    now: datetime | None = None
    verbose: bool = False


_options = _Options()


def main() -> None:
    """Run the command line; wrong use and wrong configuration are one line and exit code 2."""
    try:
        app()
    except WrongUse as error:
        console.err.print(f"paperround: {error}", style="red", markup=False)
        sys.exit(2)
    except OverflowError:
        console.err.print("paperround: a number or a date is out of all bounds", style="red")
        sys.exit(2)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        console.err.print(f"paperround: {what}; is the path right and may it be written?", style="red", markup=False)
        sys.exit(2)
    except PaperroundError as error:
        console.err.print(f"paperround: {error}", style="red", markup=False)
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"paperround {__version__}\n")
        raise typer.Exit


@app.callback()
def _global(
    config: Annotated[Path | None, typer.Option(help="The configuration file.")] = None,
    now: Annotated[str | None, typer.Option(help="The clock, as ISO 8601, for replays.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done, not only what fails.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback has done all
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    _options.config, _options.verbose = config, verbose
    _options.now = _moment(now) if now else None
    console.log_to_stderr(verbose=verbose)


# --- a site -----------------------------------------------------------------------------------------------------


@app.command()
def init(directory: Annotated[Path, typer.Argument(metavar="[DIR]")] = Path()) -> None:
    """Make a new site: configuration, a secret key, and templates to change."""
    for made in site.create(directory):
        console.out.print(f"made {made}", markup=False)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="The port of the pages.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Run everything in one process; the first time, load the seeds and deliver a first round."""
    from paperround import serve  # noqa: PLC0415 - brings the web server

    with _opened(running=True, port=port) as opened:
        serve.run(opened, host, port)


@app.command("round")
def round_command(as_json: AsJson = False) -> None:
    """One round now: ingest, publish, deliver until nothing is due."""
    with _opened() as opened, _bars(opened):
        reports, tally = pipeline.round_(opened)
    for report in reports:
        _warn(report)
    _print_tally(tally, as_json=as_json)
    _exit_if(tally.letters["failed"] or tally.paused or any(report.failed for report in reports))


@app.command()
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Sources; all of them by default.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read this file instead of asking a source.")] = None,
    form: Annotated[str | None, typer.Option("--as", help=f"The file's format: {', '.join(FORMATS)}.")] = None,
    since: Annotated[str | None, typer.Option(help="Ask from this day on (YYYY-MM-DD).")] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="For pages and search only: nothing of it is mailed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take in new papers, from the sources or from a file."""
    if (file is None) != (form is None):
        raise WrongUse(f"--file and --as go together; formats: {', '.join(FORMATS)}")
    if form is not None and form not in FORMATS:
        raise WrongUse(f"there is no format {form!r}; there are: {', '.join(FORMATS)}")
    with _opened() as opened, _bars(opened):
        if file is not None and form is not None:
            reports = [pipeline.ingest_file(opened, _read(file), form, file.name, archive=archive)]
        else:
            reports = pipeline.ingest(opened, names or (), _day(since) if since else None, archive=archive)
    if as_json:
        console.as_json([_report_facts(report) for report in reports])
    else:
        console.table(
            ("source", "fetched", "new", "updated", "rejected", "state"),
            [(r.source, r.fetched, r.new, r.updated, len(r.problems), r.state) for r in reports],
        )
        for report in reports:
            _warn(report)
    _exit_if(any(report.failed for report in reports))


@app.command()
def publish(as_json: AsJson = False) -> None:
    """Compose a digest for every subscriber whose hour has come."""
    with _opened() as opened, _bars(opened):
        tally = pipeline.publish(opened)
    _print_tally(tally, as_json=as_json)


@app.command()
def deliver(as_json: AsJson = False) -> None:
    """Send what is due."""
    with _opened() as opened, _bars(opened):
        tally = pipeline.deliver(opened)
    _print_tally(tally, as_json=as_json)
    _exit_if(tally.letters["failed"] or tally.paused)


@app.command()
def sweep(as_json: AsJson = False) -> None:
    """Put right what time has changed: abandoned claims, pauses that are over."""
    with _opened() as opened:
        touched = pipeline.sweep(opened)
    if as_json:
        console.as_json({"touched": touched})
    else:
        console.out.print(f"{touched} rows put right")


@app.command()
def search(query: str, limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, as_json: AsJson = False) -> None:
    """Search the stored papers, by the topics' query language or in plain words."""
    with _opened() as opened:
        found = queries.search(opened, query, limit)
    if as_json:
        console.as_json([
            {"rank": rank, "id": paper.id, "title": paper.title, "score": score, "why": list(why)}
            for rank, (paper, score, why) in enumerate(found, 1)
        ])  # fmt: skip
    else:
        rows = [(rank, paper.id, paper.title, "; ".join(why)) for rank, (paper, _, why) in enumerate(found, 1)]
        console.table(("rank", "id", "title", "why"), rows)
        if not rows:
            console.err.print("no paper found")


@app.command("preview")
def preview_command(
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="The subscriber.")] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar="SLUG", help="Somebody who follows these topics, in place of a subscriber."),
    ] = None,
    day: Annotated[str | None, typer.Option("--date", help="The digest of this day (YYYY-MM-DD).")] = None,
    cadence: Annotated[
        Cadence | None,
        typer.Option(help="Another cadence than the subscriber's: weekly and monthly letters have more."),
    ] = None,
    theme: Annotated[str, typer.Option(help="Another theme than the subscriber's.")] = "",
    language: Annotated[str, typer.Option(help="Another language than the subscriber's.")] = "",
    lint: Annotated[bool, typer.Option("--lint", help="Say what is wrong with the letter, with the remedy.")] = False,
    out: Annotated[Path, typer.Option(help="The folder for letter.eml, letter.html and letter.txt.")] = Path(
        "preview"
    ),
) -> None:
    """Write a letter to files, exactly as it would be sent; nothing is sent and nothing changes."""
    if bool(email) == bool(topic):
        raise WrongUse("name one of them: a subscriber's EMAIL, or --topic SLUG")
    on = _day(day) if day else None
    with _opened() as opened:
        shown = preview.look(
            opened, preview.PreviewRequest(email or "", tuple(topic or ()), on, cadence, theme, language)
        )
        site_facts, now = opened.settings.site.facts(), opened.clock()
    if shown is None:
        raise WrongUse("there is no paper for this letter; ingest some first, or choose another day or topic")
    for written in preview.write(shown.finished, out):
        console.out.print(str(written), markup=False)
    if lint:
        letter, rendered = shown.finished.letter.message, shown.finished.rendered
        _print_remarks(linting.lint(letter, rendered, site_facts, now))


def _print_remarks(remarks: list[linting.LintFinding]) -> None:
    for remark in remarks:
        console.out.print(str(remark), markup=False, highlight=False, soft_wrap=True)
    if not remarks:
        console.out.print("nothing to remark")
    _exit_if(any(remark.severity is linting.Severity.ERROR for remark in remarks))


@app.command()
def stats(as_json: AsJson = False) -> None:
    """How many papers, subscribers and letters there are, and how the relay is."""
    with _opened() as opened:
        facts = queries.stats(opened)
    if as_json:
        console.as_json(facts)
    else:
        flat = [(f"{name} {key}" if key else name, value) for name, part in facts.items()
                for key, value in (part.items() if isinstance(part, dict) else [("", part)])]  # fmt: skip
        console.table(("what", "value"), flat)


@app.command("doctor")
def doctor_command(as_json: AsJson = False) -> None:
    """Look for what would stop the next round, and say what to do."""
    with _opened() as opened:
        findings = doctor.examine(opened)
    if as_json:
        console.as_json([{"check": f.check, "verdict": f.verdict, "what": f.what} for f in findings])
    else:
        console.table(("check", "verdict", "what"), [(f.check, f.verdict.value, f.what) for f in findings])
    _exit_if(any(finding.verdict is doctor.Verdict.ERROR for finding in findings))


@app.command()
def backup(file: Path) -> None:
    """Write a consistent copy of the database while everything runs."""
    with _opened() as opened:
        opened.store.backup(file)
    console.out.print(f"{file}: {file.stat().st_size:,} bytes", markup=False)


@app.command()
def migrate() -> None:
    """Bring the database to this program's version."""
    console.out.print(f"database is at version {site.migrate(_options.config)}", markup=False)


# --- topics -----------------------------------------------------------------------------------------------------


@topics.command("list")
def topics_list(as_json: AsJson = False) -> None:
    """The topics, with their subscribers and papers."""
    with _opened() as opened:
        counts, known = opened.store.topics.counts(), opened.store.topics.public()
    rows = [(t.slug, t.name, *counts[t.slug], t.query) for t in known]
    if as_json:
        console.as_json(
            [dict(zip(("slug", "name", "subscribers", "papers", "query"), row, strict=True)) for row in rows]
        )
    else:
        console.table(("slug", "name", "subscribers", "papers", "query"), rows)


@topics.command("add")
def topics_add(
    slug: str,
    name: Annotated[str, typer.Option()],
    query: Annotated[str, typer.Option()],
    about: Annotated[str, typer.Option()] = "",
) -> None:
    """Add a topic, or change one; papers of the past week on it are news to its subscribers."""
    check_slug(slug)
    with _opened() as opened:
        add_topic(opened, Topic(slug, name.strip(), query.strip(), about.strip()))
        found = opened.store.topics.counts()[slug][1]
    console.out.print(f"{slug}: {found} papers match", markup=False)


@topics.command("show")
def topics_show(slug: str, as_json: AsJson = False) -> None:
    """A topic and its latest papers."""
    with _opened() as opened:
        topic = opened.store.topics.by_slug(slug)
        if topic is None:
            raise UnknownName(f"there is no topic {slug!r}; see: paperround topics list")
        subscribers, count = opened.store.topics.counts()[slug]
        latest = opened.store.topics.recent_matches(slug, date.min, 20)
        papers = opened.store.papers.by_rows(match.paper for match in latest)
    shown: list[dict[str, Any]] = [
        {"id": papers[m.paper].id, "title": papers[m.paper].title, "score": m.score, "why": list(m.why)}
        for m in latest
    ]
    if as_json:
        console.as_json({"slug": slug, "name": topic.name, "query": topic.query, "about": topic.about,
                         "subscribers": subscribers, "papers": count, "latest": shown})  # fmt: skip
    else:
        console.out.print(
            f"{topic.name}\n{topic.about}\n{topic.query}\n{subscribers} subscribers, {count} papers", markup=False
        )
        console.table(("id", "title", "why"), [(s["id"], s["title"], "; ".join(s["why"])) for s in shown])


# --- subscribers ------------------------------------------------------------------------------------------------


@subscribers.command("add")
def subscribers_add(
    email: Email,
    topic: Annotated[list[str], typer.Option(metavar="SLUG", help="A topic to follow; give it once for each.")],
    name: Annotated[str, typer.Option()] = "",
    cadence: Annotated[str, typer.Option(help="daily, weekdays, weekly, monthly or off")] = "daily",
    at: Annotated[str, typer.Option(metavar="HH:MM", help="The local hour.")] = "07:00",
    timezone: Annotated[str, typer.Option(metavar="TZ", help="Such as Europe/Berlin.")] = "UTC",
    max_papers: Annotated[int, typer.Option()] = 10,
    theme: Annotated[str, typer.Option()] = "paper",
    language: Annotated[str, typer.Option()] = "en",
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They have agreed; ask them nothing.")] = False,
    first_now: Annotated[
        bool, typer.Option("--first-now", help="The first letter with the next round, not at their hour.")
    ] = False,
) -> None:
    """Add a subscriber, or change what one follows."""
    with _opened() as opened:
        wished = membership.wish(
            opened,
            email,
            topic,
            name=name,
            cadence=cadence,
            at=at,
            timezone=timezone,
            max_papers=max_papers,
            theme=theme,
            language=language,
        )
        membership.subscribe(opened, [wished], confirmed=confirmed, first_at=opened.clock() if first_now else None)
        subscriber = membership.subscriber(opened, wished.email)
    console.out.print(
        f"{subscriber.email}: {subscriber.state.value}, next digest {_when(subscriber.next_digest_at)}", markup=False
    )
    if subscriber.state is SubscriberState.UNSUBSCRIBED or subscriber.suppressed:
        reason = f"suppressed ({subscriber.suppressed[0]})" if subscriber.suppressed else "unsubscribed"
        console.err.print(f"{subscriber.email} is {reason} and gets nothing until they confirm anew", markup=False)


@subscribers.command("import")
def subscribers_import(
    file: Path,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They have agreed; ask them nothing.")] = False,
    first_now: Annotated[bool, typer.Option("--first-now", help="First letters with the next round.")] = False,
    topic: Annotated[list[str] | None, typer.Option(metavar="SLUG", help="For rows that name no topic.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add subscribers from a CSV file: ours, listmonk's or Mailchimp's."""
    with _opened() as opened:
        result = site.import_subscribers(
            opened,
            csv_file.read(_read(file)),
            confirmed=confirmed,
            default_topics=topic or (),
            first_now=first_now,
        )
    if as_json:
        problems = list(map(str, result.problems))
        facts = {"imported": result.imported, "rejected": len(problems), "problems": problems}
        console.as_json({**facts, "warnings": result.warnings})
    else:
        console.out.print(f"{result.imported} subscribers imported, {len(result.problems)} rows left out")
        for note in [*result.warnings, *map(str, result.problems)]:
            console.err.print(f"{file}: {note}", markup=False)
    _exit_if(result.problems)


@subscribers.command("export")
def subscribers_export(file: Annotated[Path | None, typer.Argument(metavar="[FILE]")] = None) -> None:
    """Write all subscribers as CSV, to a file or to stdout."""
    with _opened() as opened:
        public = {topic.slug for topic in opened.store.topics.public()}
        text = csv_file.write(opened.store.subscribers.all(), public)
    if file is None:
        sys.stdout.write(text)
    else:
        part = file.with_name(file.name + ".part")
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(file)


@subscribers.command("list")
def subscribers_list(as_json: AsJson = False) -> None:
    """All subscribers."""
    with _opened() as opened:
        everybody = [queries.subscriber_facts(subscriber) for subscriber in opened.store.subscribers.all()]
    if as_json:
        console.as_json(everybody)
    else:
        columns = ("email", "state", "topics", "cadence", "at", "timezone", "next_digest_at")
        console.table(columns, [[";".join(r[c]) if c == "topics" else r[c] for c in columns] for r in everybody])


@subscribers.command("show")
def subscribers_show(email: Email, as_json: AsJson = False) -> None:
    """One subscriber."""
    with _opened() as opened:
        facts = queries.subscriber_facts(membership.subscriber(opened, email))
        reason = queries.why_nothing(opened, membership.subscriber(opened, email)) or "has today's letter"
    if as_json:
        console.as_json(facts)
    else:
        gone = f"{facts['suppressed']['reason']}, {_when(facts['suppressed']['at'])}" if facts["suppressed"] else None
        shown = {**facts, "topics": ", ".join(facts["topics"]), "suppressed": gone, "today": reason}
        console.table(("what", "value"), list(shown.items()))


@subscribers.command("silent")
def subscribers_silent(as_json: AsJson = False) -> None:
    """Subscribers who got no letter today, and why."""
    with _opened() as opened:
        found = [(subscriber.email, why) for subscriber, why in queries.silent(opened)]
    if as_json:
        console.as_json([{"email": email, "why": why} for email, why in found])
    else:
        console.table(("email", "why"), found)


@subscribers.command("pause")
def subscribers_pause(
    email: Email,
    until: Annotated[str | None, typer.Option(help="Resume by itself on this day (YYYY-MM-DD).")] = None,
) -> None:
    """Send a subscriber nothing until they resume."""
    with _opened() as opened:
        membership.pause(opened, membership.subscriber(opened, email), _day(until) if until else None)


@subscribers.command("resume")
def subscribers_resume(email: Email) -> None:
    """Send to a paused subscriber again."""
    with _opened() as opened:
        membership.resume(opened, membership.subscriber(opened, email))


@subscribers.command("unsubscribe")
def subscribers_unsubscribe(email: Email) -> None:
    """Send a subscriber nothing any more, also not what is queued."""
    with _opened() as opened:
        membership.unsubscribe(opened, membership.subscriber(opened, email))


@subscribers.command("erase")
def subscribers_erase(email: Email) -> None:
    """Forget everything about a subscriber."""
    with _opened() as opened:
        membership.erase(opened, membership.subscriber(opened, email))


# --- deliveries -------------------------------------------------------------------------------------------------


@deliveries.command("list")
def deliveries_list(
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many, the latest first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Letters and what became of them, the latest first."""
    with _opened() as opened:
        found = queries.deliveries(opened, state=state, limit=limit)
    if as_json:
        console.as_json(found)
    else:
        columns = ("id", "issue", "email", "state", "reason", "next_attempt_at")
        console.table(columns, [[one[c] for c in columns] for one in found])


@deliveries.command("show")
def deliveries_show(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**62)], as_json: AsJson = False
) -> None:
    """One letter with its papers and every attempt."""
    with _opened() as opened:
        found = queries.deliveries(opened, row=number)
    if not found:
        raise UnknownName(f"there is no delivery {number}; see: paperround deliveries list")
    if as_json:
        console.as_json(found[0])
        return
    facts = {name: value for name, value in found[0].items() if name not in {"attempts", "papers"}}
    console.table(("what", "value"), [*facts.items(), ("papers", ", ".join(found[0]["papers"]))])
    console.table(
        ("at", "stage", "code", "text"),
        [(a["at"], a["stage"], a["code"], a["text"]) for a in found[0]["attempts"]],
    )


@deliveries.command("retry")
def deliveries_retry(numbers: Annotated[list[int], typer.Argument(metavar="ID...", min=1, max=2**62)]) -> None:
    """Queue failed, expired or deferred letters again, at once."""
    with _opened() as opened:
        done = opened.store.deliveries.retry(numbers, opened.clock())
    console.out.print(f"queued again: {', '.join(map(str, done)) or 'none'}")
    missing = sorted(set(numbers) - set(done))
    if missing:
        console.err.print(f"left as they are (not failed, expired or deferred): {', '.join(map(str, missing))}")
    _exit_if(missing)


# --- bounces ----------------------------------------------------------------------------------------------------


@bounces.command("read")
def bounces_read(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Mails, or mbox files.")] = None,
    maildir: Annotated[Path | None, typer.Option(help="A Maildir: what nobody has seen yet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in delivery reports and complaints; without FILE or --maildir, from the mailbox in the settings."""
    with _opened() as opened:
        mailbox = opened.settings.bounces
        if not (files or maildir or mailbox.maildir or mailbox.imap):
            raise WrongUse("name FILEs or --maildir DIR, or set bounces.imap or bounces.maildir in the settings")
        found = bounce_intake.read(opened, mailboxes.files(files or []))
        found += bounce_intake.read(opened, mailboxes.maildir(maildir)) if maildir else []
        found += bounce_intake.read_mailbox(opened) if not (files or maildir) else []
    columns = ("where", "kind", "status", "email", "new", "text")
    facts = [{name: getattr(one, name) for name in columns} for one in found]
    if as_json:
        console.as_json(facts)
    else:
        console.table(columns, [tuple(fact.values()) for fact in facts])


@bounces.command("list")
def bounces_list(limit: Annotated[int | None, typer.Option(min=1)] = 50, as_json: AsJson = False) -> None:
    """Reports that were taken in, the latest first."""
    with _opened() as opened:
        found = opened.store.bounces.report(limit)
    if as_json:
        console.as_json(found)
    else:
        columns = ("at", "email", "kind", "status", "delivery", "text")
        console.table(columns, [[one[name] for name in columns] for one in found])


# --- helpers ----------------------------------------------------------------------------------------------------


@contextmanager
def _opened(*, running: bool = False, port: int = 8000) -> Iterator[App]:
    clock: Clock = machine_clock
    if _options.now:
        clock = running_from(_options.now) if running else standing_at(_options.now)
    # A terminated command ends like an interrupted one: connections close, claims are put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    opened = site.open_site(_options.config, clock, port=port)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _bars(opened: App) -> Iterator[None]:
    bars = console.Bars()
    opened.progress = bars
    try:
        yield
    finally:
        bars.end()


def _print_tally(tally: pipeline.Tally, *, as_json: bool) -> None:
    letters = {state: tally.letters[state] for state in ("sent", "deferred", "failed", "suppressed", "expired")}
    facts: dict[str, Any] = {"due": tally.due, "composed": tally.composed, "empty": tally.empty, **letters}
    if as_json:
        console.as_json({**facts, "seconds": round(sum(tally.stages.values()), 3)})
    else:
        console.table(tuple(facts), [tuple(facts.values())])
        took = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in tally.stages.items())
        console.out.print(f"took {took}", markup=False)
    if tally.paused:
        console.err.print(f"the relay takes nothing: {tally.paused}", markup=False)


def _report_facts(report: pipeline.Ingested) -> dict[str, Any]:
    return {
        "source": report.source,
        "fetched": report.fetched,
        "new": report.new,
        "updated": report.updated,
        "rejected": len(report.problems),
        "stale": report.stale,
        "problems": [*([report.note] if report.failed else []), *map(str, report.problems)],
    }


def _warn(report: pipeline.Ingested) -> None:
    if report.failed or report.stale or report.note:
        note = report.note.removeprefix(f"{report.source}: ")
        console.err.print(f"{report.source}: {report.state}: {note}", markup=False)
    for problem in report.problems:
        console.err.print(f"{report.source}: left out: {problem}", markup=False)


def _exit_if(something_failed: object) -> None:
    if something_failed:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WrongUse(f"{file}: {error.strerror}; is the path right?") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"--now {text!r} is not ISO 8601; write it as 2026-11-23T07:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text!r} is not a date; write it as 2026-11-23") from None


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
