"""Import lists of subscribers, with the result of each row and the reason why a row was skipped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from paperround.app import App
from paperround.domain import preferences
from paperround.domain.errors import PreferenceError, StoreError, UnknownNameError, UsageError
from paperround.domain.models import Problem, Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, FIELDS, Patch, no_such_preference
from paperround.domain.text import counted, did_you_mean
from paperround.store.subscriber_changes import Effect, SubscriberChange
from paperround.store.subscribers import email_key
from paperround.subscribers import membership
from paperround.subscribers.csv_file import SubscriberList, SubscriberRow
from paperround.subscribers.membership import Addition

# Another site may not offer these values: leave them out with a warning instead of skipping the subscriber.
_NAMES_OF_THE_SITE = ("theme", "language")

_LINE = re.compile(r"line (\d+)\b")


def _line_of(note: str) -> int:
    match = _LINE.match(note)
    return int(match[1]) if match else 0


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import."""

    confirmed: bool = False
    """Whether the operator vouches for everybody's consent; otherwise new subscribers are asked to confirm by email.
    """
    default_topics: Sequence[str] = ()
    """The topics of new subscribers whose row names none."""
    first_now: bool = False
    """Whether first digests are sent immediately."""
    overwrite: Collection[str] = ()
    """The only fields to change for known subscribers; an empty cell resets its field. If empty, all given fields
    change.
    """
    dry_run: bool = False
    listed: bool = True
    """Whether the report lists the result of each row, which takes about 150 bytes a row."""
    batch_rows: int = 4_000
    """The number of rows in one transaction."""
    topics_remedy: str = ""
    """How the operator can give topics to rows that name none, for messages; empty if the caller has no way to."""


@dataclass(slots=True)
class ImportReport:
    """The result of an import."""

    counts: Counter[str]
    """The numbers of new, changed, unchanged and skipped rows, and of subscribers who were asked to confirm."""
    additions: list[Addition] = field(default_factory=list)
    """The result of each row that was not skipped, if `ImportOptions.listed`."""
    problems: list[Problem] = field(default_factory=list)
    """The rows that were skipped, each with the reason."""
    warnings: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """All warnings and problems, in the order of the file's lines; those of no line come first."""
        return sorted([*self.warnings, *map(str, self.problems)], key=_line_of)

    @property
    def imported(self) -> int:
        """The number of rows that were not skipped."""
        return sum(self.counts[effect] for effect in Effect)

    def add(self, additions: Sequence[Addition], problems: Sequence[Problem], *, listed: bool) -> None:
        """Add the results of more rows."""
        self.counts.update(addition.effect for addition in additions)
        self.counts["asked"] += sum(addition.asked for addition in additions)
        self.counts["skipped"] += len(problems)
        self.problems += problems
        if listed:
            self.additions += additions

    def add_unfollowing(self, reader: _RowReader) -> None:
        """Add one problem for all rows of a file without a column of topics."""
        if reader.following_nothing:
            rows = counted(reader.following_nothing, "row")
            what = f"there is no column `topics`, so {rows} of new subscribers follow nothing and are left out"
            self.counts["skipped"] += reader.following_nothing
            self.problems.insert(0, Problem("line 1", f"{what}; add the column ({reader.topics_remedy})"))


def import_subscribers(app: App, table: SubscriberList, options: ImportOptions) -> ImportReport:
    """Import all valid rows in batches, each in one transaction for those who are asked to confirm and one for all
    others.

    If a batch fails, those before it stay imported; importing the same list again changes nothing for them.

    Raises PreferenceError if `overwrite` names an unknown preference, StoreError if the database fails.
    """
    if unknown := sorted(set(options.overwrite) - set(FIELDS)):
        raise PreferenceError(unknown[0], no_such_preference())
    report = ImportReport(Counter(dict.fromkeys((*Effect, "skipped", "asked"), 0)))
    if table.encoding:
        remedy = "if names look wrong, save it as UTF-8 and import it again"
        report.warnings.append(f"it is not in UTF-8 and was read as {table.encoding}; {remedy}")
    report.warnings += (f"column {column!r} is unknown and is ignored" for column in table.ignored)
    reader = _RowReader(app, options, table, report.warnings)
    while entries := list(islice(table.entries, options.batch_rows)):
        try:
            additions, problems = _import_batch(app, reader, entries, options)
        except StoreError as error:
            rows = counted(report.imported, "row was", "rows were")
            done = f"; {rows} imported before" if report.imported and not options.dry_run else ""
            raise StoreError(f"{error}{done}") from error
        except KeyboardInterrupt:
            rows = counted(0 if options.dry_run else report.imported, "row was", "rows were")
            raise KeyboardInterrupt(f"{rows} imported before; import the file again for the others") from None
        report.add(additions, problems, listed=options.listed)
        app.progress.advance(len(entries))
    report.add_unfollowing(reader)
    if reader.short:
        rows = counted(len(reader.short), "row has", "rows have")
        what = f"{rows} fewer cells than the first line names columns; missing cells count as empty"
        report.warnings.append(f"{reader.short[0]}: {what}")
    for label, number in reader.other_labels.most_common():
        report.warnings.append(f"{label!r} is not a topic here and is ignored ({counted(number, 'row')})")
    if reader.following_best:
        rows = counted(reader.following_best, "row of a new subscriber names", "rows of new subscribers name")
        report.warnings.append(f"{rows} no topic, interest or author, so they get the day's best papers")
    return report


def _import_batch(
    app: App, reader: _RowReader, entries: Sequence[SubscriberRow | Problem], options: ImportOptions
) -> tuple[list[Addition], list[Problem]]:
    subscribers = app.store.subscribers.by_emails(row.email for row in entries if isinstance(row, SubscriberRow))
    changes: dict[str, SubscriberChange] = {}
    to_confirm: set[str] = set()
    problems: list[Problem] = []
    for row in entries:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            change = reader.read(row, subscribers.get(email_key(row.email)))
        except _NothingToFollowError:
            reader.following_nothing += 1
            continue
        except UsageError as error:
            named = row.email in str(error)
            problems.append(Problem(row.where if named else f"{row.where} {row.email}", str(error)))
            continue
        changes[email_key(change.email)] = change
        if row.state is not SubscriberState.PENDING:  # the other site already asked those who are pending
            to_confirm.add(change.email)
    additions = membership.add_all(
        app,
        list(changes.values()),
        subscribers,
        ask=() if options.confirmed else to_confirm,
        first_now=options.first_now,
        dry_run=options.dry_run,
    )
    return additions, problems


class _NothingToFollowError(UsageError):
    """A new subscriber has nothing to follow because the file has no column for it."""


class _RowReader:
    """Converts rows to changes. Values that the site does not offer are left out and added to the warnings."""

    def __init__(self, app: App, options: ImportOptions, table: SubscriberList, warnings: list[str]) -> None:
        self._app, self._options, self._columns, self._labels = app, options, table.columns, table.labels
        self._site = membership.site_options(app)
        self._default_topics: tuple[str, ...] = self._site.check({"topics": tuple(options.default_topics)})["topics"]
        self._takes_utf8: bool | None = None
        """Whether the relay accepts addresses outside ASCII; None if it was not asked yet."""
        self._warnings = warnings
        self._told_topics = False
        """Whether a problem has listed the topics: once for all rows is enough."""
        self.following_nothing = 0
        """The number of rows that have nothing to follow because the file has no column for it."""
        self.short: list[str] = []
        """The places of the rows with fewer cells than columns."""
        self.other_labels: Counter[str] = Counter()
        """How many rows have each label of another system that is not a topic here."""
        self.following_best = 0
        """The number of rows of new subscribers that name nothing to follow, and get the day's best."""

    @property
    def topics_remedy(self) -> str:
        """The topics that a row may name, and what to do otherwise."""
        choices = f"there are: {', '.join(sorted(self._site.topics)) or 'none yet'}"
        return f"{choices}; or {self._options.topics_remedy}" if self._options.topics_remedy else choices

    def read(self, row: SubscriberRow, subscriber: Subscriber | None) -> SubscriberChange:
        email = membership.address(row.email)
        if subscriber is None:
            self._check_relay(email)
        if subscriber and row.state is SubscriberState.UNSUBSCRIBED and subscriber.state.is_subscribed:
            raise UsageError(
                "has unsubscribed in this file and gets letters here; unsubscribe them, or leave them out"
            )
        if row.missing:
            self.short.append(row.where)
        notes: list[str] = []
        patch = self._patch(row, subscriber, notes)
        # Nobody who names topics that are not here is given another one instead. Labels of another system name none.
        if row.state is None and (self._labels or not row.given.get("topics")):
            completed = membership.with_best(patch, subscriber, self._site.topics)
            self.following_best += completed.get("topics") == (membership.BEST,) and completed is not patch
            patch = completed
        before = subscriber.preferences if subscriber else DEFAULTS
        if row.state is None and not (patch.get("topics") or before.patched(patch).follows_anything):
            if not membership.FOLLOWED.intersection(self._columns):
                raise _NothingToFollowError
            known_topics = "" if self._told_topics else f"; {self.topics_remedy}"
            self._told_topics = True
            raise UnknownNameError(f"{'; '.join(self._unknown_topics(row)) or 'no topic to follow'}{known_topics}")
        self._warnings += notes
        return SubscriberChange(email, patch, self._state(row), row.consent, row.history, row.suppressed)

    def _check_relay(self, email: str) -> None:
        """Raise UsageError if the relay does not accept the address. It is asked once for all rows."""
        if email.rpartition("@")[0].isascii():
            return
        if self._takes_utf8 is None:
            self._takes_utf8 = membership.can_be_written_to(self._app, email)
        if not self._takes_utf8:
            raise UsageError(membership.NO_UTF8)

    def _state(self, row: SubscriberRow) -> SubscriberState:
        """Return the state for a row. It is confirmed if the operator vouches for it or the row records a
        confirmation.
        """
        if row.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING):
            return row.state
        if self._options.confirmed or (row.state and row.history.get("confirmed_at")):
            return row.state or SubscriberState.ACTIVE
        return SubscriberState.PENDING

    def _unknown_topics(self, row: SubscriberRow) -> list[str]:
        """Return a message for each topic of a row that the site does not have."""
        named = preferences.read_field("topics", row.given.get("topics", ""))
        unknown = (slug for slug in named if slug not in self._site.topics)
        return [f"there is no topic {slug!r}{did_you_mean(slug, self._site.topics)}" for slug in unknown]

    def _patch(self, row: SubscriberRow, subscriber: Subscriber | None, notes: list[str]) -> Patch:
        """Return the changes that a row makes; what is left out of it is added to the notes."""
        read = preferences.read_patch(row.given)
        if subscriber and self._options.overwrite:
            chosen = [name for name in self._options.overwrite if name in self._columns]
            read = {name: read.get(name, getattr(DEFAULTS, name)) for name in chosen}
        return self._site.check(dict(self._available(read, row, subscriber, notes)))

    def _available(
        self, read: dict[str, Any], row: SubscriberRow, subscriber: Subscriber | None, notes: list[str]
    ) -> Iterator[tuple[str, Any]]:
        topics = read.pop("topics", ())
        unknown = [slug for slug in topics if slug not in self._site.topics]
        there = tuple(slug for slug in topics if slug not in unknown) if unknown else topics
        if unknown and self._labels:
            self.other_labels.update(unknown)
        elif unknown:
            notes += [f"{row.where}: {what}; left out" for what in self._unknown_topics(row)]
        if not there and subscriber is None and not (read.get("queries") or read.get("follows")):
            there = self._default_topics
        if there or (subscriber and "topics" in self._options.overwrite and "topics" in self._columns):
            yield "topics", there
        for name, value in read.items():
            if self._fits(name, value, row, subscriber, notes):
                yield name, value

    def _fits(
        self, name: str, value: Any, row: SubscriberRow, subscriber: Subscriber | None, notes: list[str]
    ) -> bool:
        try:
            if name in _NAMES_OF_THE_SITE:
                self._site.check({name: value})
            if name == "paused_until" and subscriber and value != subscriber.preferences.paused_until:
                membership.check_pause(self._app, subscriber, value)
        except UsageError as error:
            notes.append(f"{row.where}: {error}; left as it is")
            return False
        return True
