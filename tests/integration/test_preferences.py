"""Preferences by every way in, and lists of subscribers: what is not given stays as it is."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from paperround import cli
from paperround.cli import subscriber_lists
from paperround.cli import subscribers as subscriber_commands
from paperround.domain import preferences
from paperround.domain.errors import PreferenceError, StoreError, UsageError
from paperround.domain.models import Subscriber, SubscriberState
from paperround.domain.preferences import DEFAULTS, FIELDS, LISTS
from paperround.domain.schedule import Cadence
from paperround.operator.queries import subscriber_facts
from paperround.store.address_changes import ConfirmResult
from paperround.store.subscriber_changes import Effect
from paperround.store.subscribers import SubscriberFilter
from paperround.subscribers import address_change, confirmation, csv_file, membership
from paperround.subscribers.csv_file import SubscriberRow
from paperround.subscribers.csv_import import ImportOptions, ImportReport, import_subscribers
from paperround.web.subscribers.preferences_form import INPUTS
from support.pages import Pages
from support.preferences import OTHER, PREFERENCES, TOPICS
from support.site import Site

EMAIL = "ada@lovelace.example"
TOKEN = "a long secret that opens the admin pages"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
CHOSEN = {
    "name": "Ada", "queries": ["gripper OR hand"], "cadence": "weekly", "weekday": "friday", "language": "de",
    "theme": "cards", "density": "brief", "max_papers": "3", "timezone": "Europe/Berlin", "at": "18:30",
    "paused_until": "2026-12-24",
}  # fmt: skip


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site={
        "base_url": "https://papers.example.org", "sender": "papers@example.org", "admin_token": TOKEN,
        "postal_address": "1 Mill Lane, Ely",
    })  # fmt: skip
    yield made
    made.app.close()


@pytest.fixture
def shell(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command on the site of the pages; what it printed."""
    for commands in (subscriber_commands, subscriber_lists):
        monkeypatch.setattr(commands, "opened", _Opened(pages.app))
    return _run


class _Opened:
    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self) -> _Opened:
        return self

    def __enter__(self) -> Any:
        return self._app

    def __exit__(self, *_: object) -> None:
        pass


def _run(*words: str, code: int = 0) -> str:
    ended = CliRunner().invoke(cli.app, words)
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended.output


def subscriber(site: Site | Pages, email: str = EMAIL) -> Subscriber:
    return membership.subscriber(site.app, email)


def take_in(site: Site | Pages, text: str, **options: Any) -> ImportReport:
    return import_subscribers(site.app, csv_file.read(io.BytesIO(text.encode())), ImportOptions(**options))


# --- every way in sets and shows every preference ------------------------------------------------------------------


def _by_form(pages: Pages, shell: Callable[..., str], name: str, value: str | list[str]) -> Any:
    link = pages.link("preferences", subscriber(pages).row)
    do = "pause" if name == "paused_until" else "save"
    assert pages.client.post(link, data={INPUTS[name]: value, "do": do}).status_code == 303
    return _shown_in_form(pages, name, value)


def _shown_in_form(pages: Pages, name: str, value: str | list[str]) -> Any:
    """The value, if the page has it chosen or filled in."""
    page = pages.client.get(pages.link("preferences", subscriber(pages).row)).text
    for one in value if isinstance(value, list) else [value]:
        marks = (
            f'name="{INPUTS[name]}" value="{one}"',
            f'<option value="{one}" selected',
            f'<option value="{one}" lang="{one}" selected',
        )
        inputs = [line for line in page.splitlines() if f'name="{INPUTS[name]}"' in line and f'value="{one}"' in line]
        lines = [line for area in re.findall(r"<textarea[^>]*>([^<]*)", page) for line in area.splitlines()]
        assert inputs or one in lines or any(mark in page for mark in marks), f"the form does not show {name}"
    return value


def _by_command(pages: Pages, shell: Callable[..., str], name: str, value: str | list[str]) -> Any:
    option = {"topics": "--topic", "queries": "--query", "follows": "--follow"}.get(
        name, f"--{name.replace('_', '-')}"
    )
    given = [word for one in (value if isinstance(value, list) else [value]) for word in (option, one)]
    shell("subscribers", "add", EMAIL, "--replace", *given)
    return json.loads(shell("subscribers", "show", EMAIL, "--json"))[name]


def _by_api(pages: Pages, shell: Callable[..., str], name: str, value: str | list[str]) -> Any:
    path = f"/api/subscribers/{EMAIL}"
    changed = pages.client.request("PATCH", path, json={name: value}, headers=ADMIN)
    assert changed.status_code == 200, changed.text
    assert changed.json() == pages.client.get(path, headers=ADMIN).json()
    return changed.json()[name]


def _by_csv(pages: Pages, shell: Callable[..., str], name: str, value: str | list[str]) -> Any:
    cell = preferences.text_of(list(value) if isinstance(value, list) else value)
    report = take_in(pages, f"email\t{name}\n{EMAIL}\t{cell}\n", confirmed=True)
    assert (report.additions[0].effect, report.additions[0].fields) == (Effect.CHANGED, (name,))
    (row,) = csv_file.read(io.BytesIO("".join(csv_file.write([subscriber(pages)])).encode())).entries
    assert isinstance(row, SubscriberRow)
    written = row.given[name]
    return preferences.write_patch({name: preferences.read_field(name, written)})[name]


@pytest.mark.parametrize("way", [_by_form, _by_command, _by_api, _by_csv])
@pytest.mark.parametrize("name", FIELDS)
def test_every_way_in_sets_and_shows_every_preference_and_changes_no_other(
    pages: Pages, shell: Callable[..., str], name: str, way: Callable[..., Any]
) -> None:
    pages.subscriber(EMAIL)
    before = subscriber(pages).preferences
    shown = way(pages, shell, name, OTHER[name])
    wanted = preferences.read_field(name, OTHER[name])
    after = subscriber(pages).preferences
    assert after == before.patched({name: wanted})
    assert shown in (OTHER[name], preferences.write_patch({name: wanted})[name])


def test_what_show_prints_are_the_fields_that_are_promised(pages: Pages, shell: Callable[..., str]) -> None:
    pages.subscriber(EMAIL)
    shown = json.loads(shell("subscribers", "show", EMAIL, "--json"))
    assert set(shown) == {
        "email", "name", "state", "topics", "queries", "interests", "cadence", "weekday", "monthday", "at",
        "timezone", "max_papers", "theme", "density", "breadth", "language", "paused_until", "next_digest_at",
        "consent", "suppressed", "follows", "leave_out", "quiet_days",
    }  # fmt: skip
    assert set(FIELDS) <= set(shown)


# --- what is not given stays ---------------------------------------------------------------------------------------


def _chosen(site: Site | Pages) -> Subscriber:
    """Weekly, German, paused, with an own query."""
    patch = membership.read_patch(site.app, {**CHOSEN, "topics": ["robots"]})
    membership.add(site.app, EMAIL, patch, confirmed=True)
    found = subscriber(site)
    assert (found.state, found.preferences.queries) == (SubscriberState.PAUSED, ("gripper OR hand",))
    return found


def _import_confirmed(pages: Pages, shell: Callable[..., str]) -> None:
    take_in(pages, f"email,topics\n{EMAIL},agents\n", confirmed=True)


def _import(pages: Pages, shell: Callable[..., str]) -> None:
    take_in(pages, f"email,topics\n{EMAIL},agents\n")


def _add_confirmed(pages: Pages, shell: Callable[..., str]) -> None:
    shell("subscribers", "add", EMAIL, "--topic", "agents", "--replace", "--confirmed")


def _add(pages: Pages, shell: Callable[..., str]) -> None:
    shell("subscribers", "add", EMAIL, "--topic", "agents", "--replace")


def _post(pages: Pages, shell: Callable[..., str]) -> None:
    pages.client.post("/api/subscribers", json={"email": EMAIL, "topics": ["agents"]}, headers=ADMIN)


def _patch(pages: Pages, shell: Callable[..., str]) -> None:
    pages.client.request("PATCH", f"/api/subscribers/{EMAIL}", json={"topics": ["agents"]}, headers=ADMIN)


def _send_form(pages: Pages, shell: Callable[..., str]) -> None:
    pages.client.post(pages.link("preferences", subscriber(pages).row), data={"topic": "agents", "do": "save"})


@pytest.mark.parametrize("way", [_import_confirmed, _import, _add_confirmed, _add, _post, _patch, _send_form])
def test_new_topics_change_nothing_else_of_what_a_subscriber_has_chosen(
    pages: Pages, shell: Callable[..., str], way: Callable[..., object]
) -> None:
    before = _chosen(pages)
    way(pages, shell)
    after = subscriber(pages)
    assert after == before.with_preferences(topics=("agents",))
    assert pages.letters() == [], "who gets letters already is asked nothing"


def test_two_who_change_different_fields_at_once_both_succeed(database_url: str, tmp_path: Path) -> None:
    sites = [Site(tmp_path, database_url) for _ in range(2)]
    sites[0].topic("robots")
    sites[0].subscriber(EMAIL, "robots")
    seen = subscriber(sites[0])
    membership.change(sites[0].app, seen, {"theme": "cards"})
    membership.change(sites[1].app, seen, {"max_papers": 3})
    after = subscriber(sites[0]).preferences
    assert (after.theme, after.max_papers) == ("cards", 3)
    for site in sites:
        site.app.close()


def test_subscribers_are_found_by_address_state_and_topic_in_either_order(pages: Pages) -> None:
    for email in ("ada@one.example", "ben_x@one.example", "eve@two.example"):
        pages.subscriber(email)
    membership.change(pages.app, membership.subscriber(pages.app, "eve@two.example"), {"topics": ("agents",)})
    membership.add(pages.app, "pen@two.example", {"topics": ("agents",)}, confirmed=False)
    membership.add(pages.app, "ben_x@one.example", {"topics": ("robots", "agents")}, confirmed=True)

    def found(*, newest_first: bool = False, limit: int | None = None, offset: int = 0, **wanted: Any) -> list[str]:
        selected = SubscriberFilter(**wanted)
        several = pages.app.store.subscribers.find(selected, newest_first=newest_first, limit=limit, offset=offset)
        return [subscriber.email.partition("@")[0] for subscriber in several]

    assert found() == ["ada", "ben_x", "eve", "pen"]
    assert found(newest_first=True, limit=2, offset=1) == ["eve", "ben_x"]
    assert found(email="ONE") == ["ada", "ben_x"]
    assert found(email="n_") == ["ben_x"], "an underscore is itself"
    assert found(state=SubscriberState.PENDING) == ["pen"]
    assert found(topic="agents") == ["ben_x", "eve", "pen"]
    assert found(topic="robots", limit=1) == ["ada"]
    assert found(topic="agent") == []
    assert found(topic="agents", email="two", state=SubscriberState.ACTIVE) == ["eve"]


def test_who_was_erased_meanwhile_does_not_come_back_by_a_change(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    seen = subscriber(pages)
    membership.erase(pages.app, seen)
    assert membership.change(pages.app, seen, {"theme": "cards"}) is None
    assert pages.app.store.subscribers.by_email(EMAIL) is None


def test_nobody_is_left_with_nothing_to_read_about(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    with pytest.raises(PreferenceError, match="topics: no topic to follow; choose one or more of: robots, agents"):
        membership.change(pages.app, subscriber(pages), {"topics": ()})
    with pytest.raises(PreferenceError, match="no topic to follow"):
        membership.add(pages.app, "new@example.org", {}, confirmed=True)


def test_an_address_alone_gets_the_days_best(pages: Pages) -> None:
    pages.site.topic("best")
    membership.add(pages.app, "new@example.org", {"theme": "cards"}, confirmed=True)
    [new] = pages.app.store.subscribers.by_emails(["new@example.org"]).values()
    assert (new.topics, new.preferences.theme) == (("best",), "cards")
    with pytest.raises(PreferenceError, match="no topic to follow"):
        membership.add(pages.app, "none@example.org", {"topics": ()}, confirmed=True)


def test_adding_somebody_who_has_not_confirmed_keeps_what_they_asked_for(pages: Pages) -> None:
    pages.site.topic("best")
    confirmation.ask_to_subscribe(pages.app, EMAIL, {"topics": ("robots", "gone"), "cadence": Cadence.WEEKLY}, {})
    membership.add(pages.app, EMAIL, {"theme": "cards"}, confirmed=True)
    kept = subscriber(pages).preferences
    assert (kept.topics, kept.cadence, kept.theme) == (("robots",), Cadence.WEEKLY, "cards")


def test_an_import_tells_of_each_line_once_in_order(pages: Pages) -> None:
    rows = (
        b"email,topics,theme,language\na@example.org,robots;robtos,neon\nb@example.org,robtos,neon,\nbad,robots,,\n"
        b"c@example.org,robots\nd@example.org,robots,neon,\n"
    )
    report = import_subscribers(pages.app, csv_file.read(io.BytesIO(rows)), ImportOptions(confirmed=True))
    lines = [note.partition(":")[0].partition(" b")[0] for note in report.notes]
    assert lines == ["line 2", "line 2", "line 2", "line 3", "line 4", "line 6"]
    assert "line 2: there is no topic 'robtos' (did you mean 'robots'?); left out" in report.notes
    assert "line 3 b@example.org: there is no topic 'robtos' (did you mean 'robots'?); there are: " in report.notes[3]
    assert any(note.startswith("line 2: 2 rows have fewer cells than the first line names") for note in report.notes)


def test_a_tag_of_another_system_that_is_no_topic_does_not_skip_its_row(pages: Pages) -> None:
    pages.site.topic("best")
    rows = (
        b"Email Address,TAGS\na@example.org,new\nb@example.org,new;robots\nc@example.org,\nd@example.org,robtos;new\n"
    )
    report = import_subscribers(pages.app, csv_file.read(io.BytesIO(rows)), ImportOptions(confirmed=True))
    assert not report.problems
    assert report.warnings == [
        "'new' is not a topic here and is ignored (3 rows)",
        "'robtos' is not a topic here and is ignored (1 row)",
        "3 rows of new subscribers name no topic, interest or author, so they get the day's best papers",
    ]
    followed = [membership.subscriber(pages.app, f"{name}@example.org").topics for name in "abcd"]
    assert followed == [("best",), ("robots",), ("best",), ("best",)]


def test_an_old_export_does_not_overrule_an_owner_who_has_confirmed_since(pages: Pages) -> None:
    pages.site.subscriber(EMAIL, "robots")
    pages.app.store.subscribers.suppress(EMAIL, "complaint", pages.site.clock())
    export = "".join(csv_file.write(pages.app.store.subscribers.by_address()))
    pages.site.clock.now += timedelta(days=1)
    owner = confirmation.Requester.OWNER
    confirmation.ask_to_subscribe(pages.app, EMAIL, {"topics": ("robots",)}, {}, by=owner)
    consent = {"confirmed_at": pages.site.clock().isoformat()}
    assert confirmation.confirm(pages.app, subscriber(pages), consent)
    assert take_in(pages, export).counts["unchanged"] == 1
    assert subscriber(pages).suppressed is None
    later = export.replace("2026-11-23", "2026-12-23")
    assert take_in(pages, later).additions[0].fields == ("suppressed",)
    assert subscriber(pages).suppressed
    assert take_in(pages, later).counts["unchanged"] == 1


def test_an_import_suppresses_whom_the_operator_added_but_nobody_who_confirmed_the_address(pages: Pages) -> None:
    pages.site.subscriber(EMAIL, "robots")  # added by the operator: its owner has confirmed nothing
    header = "email,topics,state,suppressed_reason,suppressed_at\n"
    rows = f"{header}{{}},robots,active,complaint,2026-11-20T06:00:00Z\n".format
    new = "ada@example.net"
    address_change.request(pages.app, subscriber(pages), new)
    assert address_change.confirm(pages.app, 1) is ConfirmResult.CHANGED
    assert take_in(pages, rows(new)).counts["unchanged"] == 1
    assert membership.subscriber(pages.app, new).suppressed is None
    pages.site.subscriber(EMAIL, "robots")
    assert take_in(pages, rows(EMAIL)).additions[0].fields == ("suppressed",)
    assert subscriber(pages).suppressed


def test_rows_that_name_nothing_get_the_days_best_and_are_counted(pages: Pages) -> None:
    pages.site.topic("best")
    rows = b"email,topics\na@example.org,\nb@example.org,robots\nc@example.org,robotcs\nd@example.org,\n"
    report = import_subscribers(pages.app, csv_file.read(io.BytesIO(rows)), ImportOptions(confirmed=True))
    assert [one.topics for one in pages.app.store.subscribers.all()] == [("best",), ("robots",), ("best",)]
    assert "2 rows of new subscribers name no topic, interest or author, so they get the day's best papers" in str(
        report.warnings
    )
    assert [problem.where for problem in report.problems] == ["line 4 c@example.org"]


def test_a_pause_ends_in_the_future_and_is_for_those_who_get_letters(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    with pytest.raises(PreferenceError, match="paused_until: 2026-11-23 is in the past; choose a day in the future"):
        membership.add(pages.app, EMAIL, {"paused_until": date(2026, 11, 23)}, confirmed=True)
    membership.add(pages.app, EMAIL, {"paused_until": date(2026, 12, 24)}, confirmed=True)
    assert subscriber(pages).state is SubscriberState.PAUSED
    membership.add(pages.app, EMAIL, {"paused_until": None}, confirmed=True)
    assert subscriber(pages).state is SubscriberState.ACTIVE
    membership.unsubscribe(pages.app, subscriber(pages))
    with pytest.raises(UsageError, match="only an active or paused subscriber can pause"):
        membership.change(pages.app, subscriber(pages), {"paused_until": date(2026, 12, 24)})


def test_a_pause_and_other_preferences_are_saved_together_or_not_at_all(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.subscriber(EMAIL)
    before, patch = subscriber(pages), {"paused_until": date(2026, 12, 24), "max_papers": 3}

    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(pages.app.store.subscriber_changes, "save", fail)
        for save in (
            membership.change,
            lambda app, who, given: membership.add(app, who.email, given, confirmed=True),
        ):
            with pytest.raises(StoreError):
                save(pages.app, before, patch)
    assert subscriber(pages) == before
    applied = membership.change(pages.app, before, patch)
    assert applied is not None
    assert set(applied.fields) == {"paused_until", "max_papers"}
    paused = subscriber(pages)
    assert (paused.state, paused.preferences.paused_until) == (SubscriberState.PAUSED, date(2026, 12, 24))
    assert paused.preferences.max_papers == 3
    membership.change(pages.app, before, {"paused_until": None, "max_papers": 4})
    assert subscriber(pages).state is SubscriberState.PAUSED, "whoever saves an older page ends no pause"
    assert subscriber(pages).preferences.max_papers == 4
    membership.change(pages.app, paused, {"paused_until": None})
    assert (subscriber(pages).state, subscriber(pages).next_digest_at) == (before.state, before.next_digest_at)


# --- who is asked --------------------------------------------------------------------------------------------------


def test_who_is_added_without_a_word_about_their_consent_is_asked_by_mail(
    pages: Pages, shell: Callable[..., str]
) -> None:
    said = shell("subscribers", "add", EMAIL, "--topic", "robots", "--query", "gripper", "--cadence", "weekly")
    assert "pending" in said
    assert "an email will ask them to confirm" in said
    found = subscriber(pages)
    assert (found.state, found.preferences.topics, found.preferences.queries) == (
        SubscriberState.PENDING,
        ("robots",),
        ("gripper",),
    )
    (letter,) = pages.letters()
    assert letter["Subject"].startswith("Confirm")
    again = shell("subscribers", "add", EMAIL, "--theme", "cards")
    assert "no other email is queued" in again
    assert pages.letters() == []
    assert confirmation.confirm(pages.app, subscriber(pages))
    confirmed = subscriber(pages)
    assert (confirmed.state, confirmed.preferences.theme, confirmed.preferences.topics) == (
        SubscriberState.ACTIVE,
        "cards",
        ("robots",),
    )
    assert confirmed.consent["asked_from"] == "the operator"


def test_who_has_left_is_not_asked_and_the_operator_is_told_so(pages: Pages, shell: Callable[..., str]) -> None:
    pages.subscriber(EMAIL)
    membership.unsubscribe(pages.app, subscriber(pages))
    said = shell("subscribers", "add", EMAIL, "--topic", "agents")
    assert "no email was sent" in said
    assert "https://papers.example.org/subscribe" in said
    assert subscriber(pages).state is SubscriberState.UNSUBSCRIBED
    assert pages.letters() == []


def test_a_list_without_confirmed_asks_newcomers_and_nobody_else(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    report = take_in(pages, f"email,topics\n{EMAIL},agents\nben@example.org,robots\neve@example.org,robots\n")
    assert report.counts == {"new": 2, "changed": 1, "unchanged": 0, "skipped": 0, "asked": 2}
    assert {letter["To"] for letter in pages.letters()} == {"ben@example.org", "eve@example.org"}


def test_a_suppressed_newcomer_of_another_sites_export_is_not_written_to(pages: Pages) -> None:
    header = "email,topics,state,suppressed_reason,suppressed_at\n"
    take_in(pages, header + f"{EMAIL},robots,active,complaint,2026-11-20T06:00:00+00:00\n")
    found = subscriber(pages)
    assert found.suppressed == ("complaint", datetime(2026, 11, 20, 6, tzinfo=UTC))
    assert pages.letters() == []


# --- lists --------------------------------------------------------------------------------------------------------


def test_each_row_is_new_changed_unchanged_or_skipped_with_the_reason(
    pages: Pages, shell: Callable[..., str]
) -> None:
    for email in ("same@example.org", "other@example.org"):
        pages.subscriber(email)
    file = pages.site.folder / "list.csv"
    file.write_text(
        "email,topics,max_papers,theme\n"
        "new@example.org,robots,3,\n"
        "same@example.org,robots,10,paper\n"
        "other@example.org,,3,neon\n"
        "nobody,robots,,\n"
        "bad@example.org,robots,0,\n"
        "none@example.org,cooking,,\n",
        encoding="utf-8",
    )
    before = pages.dump()
    trial = json.loads(shell("subscribers", "import", str(file), "--confirmed", "--dry-run", "--json", code=1))
    assert pages.dump() == before
    told = json.loads(shell("subscribers", "import", str(file), "--confirmed", "--json", code=1))
    assert trial == told | {"dry_run": True}
    assert {name: told[name] for name in ("new", "changed", "unchanged", "skipped", "imported", "rejected")} == {
        "new": 1, "changed": 1, "unchanged": 1, "skipped": 3, "imported": 3, "rejected": 3,
    }  # fmt: skip
    assert told["changes"] == [
        {"email": "new@example.org", "effect": "new", "fields": []},
        {"email": "other@example.org", "effect": "changed", "fields": ["max_papers"]},
    ]
    assert [problem.split(":")[0] for problem in told["problems"]] == [
        "line 5", "line 6 bad@example.org", "line 7 none@example.org",
    ]  # fmt: skip
    assert "max_papers: '0' is not a number of papers from 1 to 100" in told["problems"][1]
    assert any("there is no theme 'neon'" in warning for warning in told["warnings"])
    again = json.loads(shell("subscribers", "import", str(file), "--confirmed", "--json", code=1))
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 3)


def test_overwrite_limits_what_changes_of_known_subscribers_and_lets_an_empty_cell_count(pages: Pages) -> None:
    before = _chosen(pages)
    text = f"email,topics,queries,theme,max_papers\n{EMAIL},agents,,plain,5\nnew@example.org,robots,,plain,5\n"
    report = take_in(pages, text, confirmed=True, overwrite=["queries", "theme"])
    assert report.additions[0].fields == ("queries", "theme")
    assert subscriber(pages) == before.with_preferences(queries=(), theme="plain")
    new = subscriber(pages, "new@example.org").preferences
    assert (new.theme, new.max_papers) == ("plain", 5)
    with pytest.raises(PreferenceError, match="shoe: there is no such preference"):
        take_in(pages, text, overwrite=["shoe"])


def test_who_has_unsubscribed_there_and_reads_here_is_named_and_left_alone(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    report = take_in(pages, f"email,topics,state\n{EMAIL},agents,unsubscribed\n", confirmed=True)
    assert "has unsubscribed in this file and gets letters here" in str(report.problems[0])
    assert subscriber(pages).preferences.topics == ("robots",)


def test_a_pause_of_the_past_or_of_somebody_who_left_is_left_out_with_a_warning(pages: Pages) -> None:
    pages.subscriber(EMAIL)
    pages.subscriber("ben@example.org")
    membership.unsubscribe(pages.app, subscriber(pages, "ben@example.org"))
    text = f"email,paused_until\n{EMAIL},2026-01-01\nben@example.org,2026-12-24\n"
    report = take_in(pages, text, confirmed=True)
    assert [warning.split(":")[0] for warning in report.warnings] == ["line 2", "line 3"]
    assert subscriber(pages).state is SubscriberState.ACTIVE


_STATES = st.sampled_from(["pending", "active", "paused", "unsubscribed"])
_CONSENT = st.dictionaries(st.sampled_from(["asked_at", "asked_from", "words"]), st.text(max_size=10), max_size=3)
_PEOPLE = st.lists(st.tuples(PREFERENCES, _STATES, _CONSENT, st.booleans()), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_PEOPLE)
def test_an_export_imported_into_an_empty_site_gives_the_same_subscribers_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, people: list[Any]
) -> None:
    sites = [Site(tmp_path_factory.mktemp(name)) for name in ("one", "two")]
    for site in sites:
        for slug in TOPICS:
            site.topic(slug)
    rows = (
        "email\tstate\tconfirmed_at\tconsent\tsuppressed_reason\tsuppressed_at\t" + "\t".join(FIELDS),
        *(_line(number, *one) for number, one in enumerate(people)),
    )
    take_in(sites[0], "\n".join(rows), confirmed=True)
    sites[1].clock.now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    exported = _export(sites[0])
    for _ in range(2):
        report = take_in(sites[1], exported)
        assert report.problems == []
        assert _export(sites[1]) == exported
    assert not sites[1].app.store.delivery_reports.count(), "who has confirmed there is not asked here"
    for site in sites:
        site.app.close()


def test_an_export_moves_a_site_to_another_database(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old, new = Site(tmp_path / "old"), Site(tmp_path, database_url)
    for site in (old, new):
        site.topic("robots")
    _chosen(old)
    # Databases that sort by language put these into another order.
    old.subscribers(["Zoë@example.org", "zoe@example.org", "b-a@example.org", "ba@example.org"], "robots")
    membership.unsubscribe(old.app, subscriber(old, "ba@example.org"))
    membership.store_unsubscribe_reason(old.app, subscriber(old, "ba@example.org"), "too many, 'sorry'")
    exported = _export(old)
    assert take_in(new, exported).problems == []
    assert _export(new) == exported
    for site in (old, new):
        site.app.close()


def _line(number: int, chosen: preferences.Preferences, state: str, consent: dict[str, str], dead: bool) -> str:
    suppressed = ("hard bounce", "2026-11-01T00:00:00+00:00") if dead else ("", "")
    queries = [] if len(chosen.queries) == 0 else ["gripper", f'"part {number}" OR hand']
    record = f"p{number}@example.org", state, "2026-10-01T00:00:00+00:00", json.dumps(consent, ensure_ascii=True)
    written = preferences.write_text(chosen) | {"queries": preferences.text_of(queries), "name": f"Ada {number}"}
    topics = written["topics"] or "robots"
    cells = [*record, *suppressed, *({**written, "topics": topics}).values()]
    return "\t".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def _export(site: Site) -> str:
    return "".join(csv_file.write(site.app.store.subscribers.by_address()))


def test_two_imports_of_the_same_people_at_once_do_not_wait_for_each_other(database_url: str, tmp_path: Path) -> None:
    sites = [Site(tmp_path, database_url) for _ in range(2)]
    sites[0].topic("robots")
    people = [f"p{number}@example.org" for number in range(60)]
    lists = [people, people[::-1]]
    failed: list[Exception] = []

    def run(site: Site, emails: list[str]) -> None:
        try:
            for theme in ("cards", "plain", "paper"):
                rows = "".join(f"{email},robots,{theme},gripper\n" for email in emails)
                take_in(site, "email,topics,theme,queries\n" + rows, confirmed=True)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(sites, lists, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sites[0].app.store.subscribers.count() == {"active": 60}
    for site in sites:
        site.app.close()


def test_what_is_known_of_a_subscriber_names_every_preference(pages: Pages) -> None:
    found = _chosen(pages)
    facts = subscriber_facts(found)
    assert {name: facts[name] for name in FIELDS} == preferences.write(found.preferences)
    assert all(isinstance(facts[name], list) for name in LISTS)
    assert DEFAULTS.patched(preferences.read_patch({name: facts[name] for name in FIELDS})) == found.preferences
