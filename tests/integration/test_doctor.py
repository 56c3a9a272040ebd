"""doctor finds what would stop or spoil the next round."""

from __future__ import annotations

import shutil
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.clock import format_moment
from paperround.operator import doctor
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from support.encoder import IdeaEncoder, use_ideas
from support.papers import listing
from support.site import Site
from support.smtp_server import SmtpServer, always


def findings(site: Site) -> dict[str, doctor.Finding]:
    found = {finding.check: finding for finding in doctor.examine(site.app)}
    site.app.close()
    return found


def smtp(folder: Path, port: int) -> Site:
    return Site(folder, transport={"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"})


def test_a_relay_that_answers_is_told_and_gets_no_letter(tmp_path: Path) -> None:
    with SmtpServer() as server:
        found = findings(smtp(tmp_path, server.port))
        relay = found[f"relay 127.0.0.1:{server.port}"]
        assert (relay.verdict, relay.what) == (doctor.CheckState.OK, "the connection succeeds")
        assert not server.received


@pytest.mark.parametrize(
    ("free", "verdict", "told"),
    [
        (2**19, doctor.CheckState.ERROR, "0 MB free at the database: nothing can be stored; free some space"),
        (2**28, doctor.CheckState.WARNING, "256 MB free at the database; a round may need more: free some space"),
        (2**33, doctor.CheckState.OK, "8,192 MB free at the database"),
    ],
)
def test_a_disk_is_an_error_once_it_is_full(
    free: int, verdict: doctor.CheckState, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Site(tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = findings(made)["disk"]
    assert (found.verdict, found.what) == (verdict, told)
    assert found.stops is (verdict is doctor.CheckState.ERROR)


@pytest.mark.parametrize("kind", ["file", "maildir", "inbox"])
def test_a_folder_for_emails_that_cannot_be_made_stops_them(kind: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder", encoding="utf-8")
    for directory, stops in ((tmp_path / "occupied" / "mail", True), (tmp_path / "new" / "mail", False)):
        folder = tmp_path / f"{stops}"
        folder.mkdir()
        made = Site(folder, transport={"kind": kind, "directory": directory})
        found = [finding for finding in doctor.examine(made.app) if finding.check == "mail" and finding.stops]
        made.app.close()
        assert [str(tmp_path / "occupied") in finding.what for finding in found] == [True] * stops


def test_a_relay_that_is_away_or_refuses_us_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert findings(smtp(tmp_path, port))[f"relay 127.0.0.1:{port}"].verdict is doctor.CheckState.ERROR
    with SmtpServer(always("connect", "554 5.7.1 not from you")) as server:
        found = findings(smtp(tmp_path, server.port))[f"relay 127.0.0.1:{server.port}"]
    assert found.verdict is doctor.CheckState.ERROR
    assert "not from you" in found.what


@pytest.mark.parametrize(
    ("base_url", "reached"),
    [("https://papers.localhost-lab.example.org", True), ("https://[::1]:8000", False), ("http://p.example", False)],
)
def test_an_address_is_of_this_machine_by_its_host_alone(tmp_path: Path, base_url: str, reached: bool) -> None:
    site = Site(tmp_path, site={"base_url": base_url, "sender": "a@b.example"})
    found = findings(site)
    assert ("base_url" not in found) is reached


def test_a_site_that_subscribers_cannot_reach_is_an_error_before_it_goes_live(tmp_path: Path) -> None:
    with SmtpServer() as server:
        transport = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
        site = Site(
            tmp_path, transport=transport, site={"base_url": "http://localhost:8000", "sender": "a@b.example"}
        )
        site.topic("robots")
        found = doctor.examine(site.app)
        site.app.close()
    told = [finding.what for finding in found if finding.verdict is doctor.CheckState.ERROR]
    assert any("base_url" in what for what in told)
    assert any("sender" in what for what in told)
    said = doctor.conclude(found)
    assert said.startswith("Nothing stops the next round. Fix base_url and sender.")


def test_only_errors_that_hold_emails_back_are_said_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    for name in ("alone", "helped"):
        (tmp_path / name).mkdir()
    with SmtpServer() as server:
        other = {"host": "127.0.0.1", "port": server.port, "tls": "none"}
        away = {"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"}
        alone = findings(Site(tmp_path / "alone", transport=away))
        helped = findings(Site(tmp_path / "helped", transport={**away, "relays": [other]}))
    relay = f"relay 127.0.0.1:{port}"
    assert (alone[relay].verdict, alone[relay].stops) == (doctor.CheckState.ERROR, True)
    assert (helped[relay].verdict, helped[relay].stops) == (doctor.CheckState.ERROR, False)


def test_an_email_of_each_theme_and_language_in_use_is_laid_out(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", theme="cards", language="de")
    site.subscriber("bob@example.org", "robots")
    found = findings(site)
    for name in ("email (digest, cards, de)", "email (digest, paper, en)", "email (confirm, cards, de)"):
        assert found[name].verdict is doctor.CheckState.OK


def test_a_broken_theme_is_an_error_before_it_costs_the_days_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "templates" / "email" / "themes" / "mine.html.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{% if %}", encoding="utf-8")
    site = Site(tmp_path)
    site.topic("robots")
    unused = findings(site)["theme (mine)"]
    assert (unused.verdict, unused.stops) == (doctor.CheckState.ERROR, False)
    assert "subscribers can choose it" in unused.what
    site.subscriber("ada@example.org", "robots", theme="mine")
    broken = findings(site)["email (digest, mine, en)"]
    assert broken.verdict is doctor.CheckState.ERROR
    assert "mine.html.j2" in broken.what


def test_a_theme_that_nobody_can_choose_yet_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "templates" / "email" / "themes" / "mine.html.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{# draft #}{% if %}", encoding="utf-8")
    assert "theme (mine)" not in findings(Site(tmp_path))


def test_a_missing_key_is_an_error_and_a_round_without_it_says_so(tmp_path: Path) -> None:
    dkim = {"domain": "example.org", "selector": "papers", "key_file": tmp_path / "nowhere.pem"}
    site = Site(tmp_path, dkim=dkim)
    broken = findings(site)["email (digest)"]
    assert broken.verdict is doctor.CheckState.ERROR
    assert broken.stops
    assert "nowhere.pem" in broken.what


def test_a_key_of_another_domain_is_an_error(tmp_path: Path) -> None:
    dkim = {"domain": "elsewhere.example", "selector": "papers", "key_file": tmp_path / "nowhere.pem"}
    assert findings(Site(tmp_path, dkim=dkim))["dkim"].verdict is doctor.CheckState.ERROR
    below = {**dkim, "domain": "mail.papers.example.org"}
    site = Site(tmp_path, dkim=below, site={"base_url": "https://a.example", "sender": "a@papers.example.org"})
    assert "dkim" not in findings(site)


def test_letters_that_wait_expire_or_never_came_are_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)
    assert not {"queue", "expired", "never served"} & {found.check for found in doctor.examine(site.app)}
    site.clock.now += timedelta(hours=3)
    assert "queue" in {found.check for found in doctor.examine(site.app)}
    site.clock.now += timedelta(days=1)
    pipeline.deliver(site.app)
    pipeline.publish(site.app)  # the papers of the expired letter have waited for a day, this letter has not
    assert "queue" not in {found.check for found in doctor.examine(site.app)}
    queued = site.clock()
    site.clock.now += timedelta(hours=3)
    told = {found.check: found.what for found in doctor.examine(site.app)}["queue"]
    assert told.startswith(f"an email has been overdue since {format_moment(queued)}; check `paperround up`")
    assert "expired" in {found.check for found in doctor.examine(site.app)}
    site.subscriber("eve@example.org", "robots")
    site.clock.now += timedelta(days=15)
    assert "1 subscriber has never" in {found.check: found for found in doctor.examine(site.app)}["never served"].what
    site.app.close()


def test_an_interest_that_never_matched_is_told_as_one_with_where_to_read_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.subscriber("ada@example.org", queries=("zeppelins over lakes",))
    (own,) = (topic for topic in site.app.store.topics.all() if topic.private)
    found = findings(site)
    assert f"paperround topics show {own.slug}" in found["interest of a subscriber"].what
    assert f"topic {own.slug}" not in found


def test_a_topic_that_no_source_can_serve_is_told_from_the_start(tmp_path: Path) -> None:
    source = {"name": "biorxiv", "kind": "feed", "url": "https://feeds.example.org/none"}
    site = Site(tmp_path, sources=[source])
    site.topic("best", "source:hf-daily")
    site.topic("biology", "source:biorxiv OR source:hf-daily")
    site.subscriber("ada@example.org", "best")
    found = findings(site)
    assert found["topic best"].what == (
        "no configured source can serve it, so its subscribers get no emails; name a source of yours in its query "
        "(source:hf-daily), or remove it"
    )
    assert "topic biology" not in found


def test_a_topic_whose_papers_come_from_a_file_is_no_finding(tmp_path: Path) -> None:
    site = Site(tmp_path, sources=[])
    site.topic("best", "source:hf-daily")
    site.papers(listing(1, source="hf-daily"))
    assert "topic best" not in findings(site)


def test_what_topics_in_plain_words_took_is_told_and_what_takes_more_on_a_small_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    site.topic("exact", "title:robots")
    assert findings(site)["topics"].what == "no problems found"
    site = Site(tmp_path)
    for number in range(9):
        site.topic(f"field-{number}", f"walking robots of kind {number}")
    site.papers(*(listing(number, "robots") for number in (1, 2)))
    took = ", ".join(f"field-{number} 0" for number in range(8))
    said = f"of the 2 papers of the past week, topics in plain words took: {took}, 1 more topic"
    told = findings(site)["topics"]
    assert told.verdict is doctor.CheckState.OK
    assert told.what == (
        f"{said}; the site has only 2 papers so far, so topics in plain words take only a part of their field; to "
        "take more, write a query with operators (docs/queries.md) or add sources; a reader can take the same words "
        "as their own interest, with a wider breadth"
    )
    site = Site(tmp_path)
    monkeypatch.setattr(site.app.store.papers, "count", lambda: 500)
    assert findings(site)["topics"].what == said


def test_a_check_that_breaks_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path)

    def broken() -> None:
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr(site.app.store.sources, "all", broken)
    found = findings(site)
    assert found["sources"].verdict is doctor.CheckState.ERROR
    assert "ZeroDivisionError: by nobody" in found["sources"].what
    assert "topics" in found


def test_a_round_whose_letters_cannot_be_made_is_counted_as_our_own_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    site.topic("robots")
    site.subscriber("ada@example.org", "robots", at="07:00")
    site.papers(listing(1))
    site.clock.now += timedelta(days=1)
    pipeline.publish(site.app)

    def broken(*_: object) -> None:
        raise OSError("the key is gone")

    monkeypatch.setattr(LetterBuilder, "prepare", broken)
    tally = pipeline.deliver(site.app)
    assert (tally.letters["deferred"], tally.deferred_because_of_site) == (1, 1)
    site.app.close()


def _about_meaning(site: Site) -> list[tuple[doctor.CheckState, str]]:
    return [(one.verdict, one.sentence) for one in doctor.examine(site.app) if one.check == "meaning"]


def _encoder(monkeypatch: pytest.MonkeyPatch, name: str) -> IdeaEncoder:
    encoder = IdeaEncoder(name)
    monkeypatch.setattr("paperround.settings.Settings.encoder", lambda _: encoder)
    return encoder


def test_papers_without_a_vector_or_with_one_of_another_model_are_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    assert "by words only" in _about_meaning(site)[0][1]
    _encoder(monkeypatch, "ideas-1")
    use_ideas(site.app)
    site.papers(listing(1, "robots"), listing(2, "agents"))
    [(state, what)] = _about_meaning(site)
    assert state is doctor.CheckState.OK
    assert "2 papers have no vector from ideas-1" in what
    assert "; run: " not in what, "the schedule does it, so that there is nothing to do"
    pipeline.embed_papers(site.app)
    assert _about_meaning(site) == [(doctor.CheckState.OK, "all papers have a vector from ideas-1")]
    encoder = _encoder(monkeypatch, "ideas-2")
    [(state, what)] = _about_meaning(site)
    assert state is doctor.CheckState.WARNING
    assert what.endswith("; run: paperround papers embed --rebuild")
    encoder.broken = True
    assert any("vectors cannot be computed: the endpoint is gone" in what for _, what in _about_meaning(site))
    site.app.close()


def test_replies_that_no_mailbox_receives_are_a_warning(tmp_path: Path) -> None:
    asked: dict[str, object] = {"domain": "bounces.example.org", "replies": True}
    lost = findings(Site(tmp_path, bounces=asked))["replies"]
    assert lost.verdict is doctor.CheckState.WARNING
    assert "bounces.imap" in lost.what
    read = findings(Site(tmp_path, bounces={**asked, "maildir": tmp_path}))
    assert read["replies"].verdict is doctor.CheckState.OK
    assert "not a Maildir" in read["mailbox"].what
    assert findings(Site(tmp_path))["replies"].what == "no problems found"


def test_a_variable_whose_name_is_nearly_that_of_a_setting_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPEROUND_SITE__NAME", "Papers")
    found = findings(Site(tmp_path))["environment"]
    assert found.verdict is doctor.CheckState.WARNING
    assert found.what == "unknown setting PAPEROUND_SITE__NAME; did you mean PAPERROUND_SITE__NAME?"
