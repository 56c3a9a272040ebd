"""What you preview is what is sent, byte for byte; before its digest is composed, but for what is counted then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from paperround import cli
from paperround.domain.errors import ConfigurationError, UnknownNameError, UsageError
from paperround.domain.models import DISCUSSED, Stage
from paperround.domain.schedule import Cadence
from paperround.operator import preview
from paperround.operator.considered import Placement, considered_papers
from paperround.operator.preview import Origin, PreviewRequest
from paperround.process import resources
from paperround.rounds import pipeline
from paperround.rounds.letters import LetterBuilder
from paperround.subscribers import membership
from support.letters import LANGUAGES, TEXTS, THEMES
from support.papers import WORDS, listing
from support.site import Site

# The addresses of a digest's pages, which there are not before the digest, and the boundary, made of the text.
_ONLINE = re.compile(rb"/[if]/[\w-]{28}(?:\?f=3D[\w-]{28})?|=_[0-9a-f]{24}")


def _before(message: bytes) -> bytes:
    """The message without what there is only once its digest is composed."""
    return _ONLINE.sub(b"/", message.replace(b"=\r\n", b""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    for word in WORDS:
        made.topic(word)
    yield made
    made.app.close()


@dataclass
class Morning:
    """Papers of a day and subscribers who are due."""

    papers: list[dict[str, Any]] = field(default_factory=list)
    subscribers: list[dict[str, Any]] = field(default_factory=list)


_CHOICES = st.fixed_dictionaries(
    {
        "topics": st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True),
        "name": TEXTS,
        "theme": st.sampled_from(THEMES),
        "language": st.sampled_from(LANGUAGES),
        "max_papers": st.integers(1, 12),
        "cadence": st.sampled_from(("daily", "weekdays", "weekly", "monthly")),
        "timezone": st.sampled_from(("UTC", "Asia/Tokyo", "America/Los_Angeles")),
    }
)
_PAPERS = st.fixed_dictionaries(
    {
        "topic": st.sampled_from(WORDS),
        "abstract": TEXTS,
        "summary": TEXTS,
        "authors": st.lists(TEXTS, max_size=5),
        "upvotes": st.none() | st.integers(0, 500),
        "withdrawn": st.booleans(),
    }
)
_MORNINGS = st.builds(Morning, st.lists(_PAPERS, min_size=1, max_size=8), st.lists(_CHOICES, min_size=8, max_size=12))
_numbers = count(1)


def _prepare(site: Site, morning: Morning) -> list[str]:
    """The morning's papers are stored and its subscribers due; their addresses."""
    site.papers(*(listing(next(_numbers), paper.pop("topic"), **paper) for paper in map(dict, morning.papers)))
    emails = [f"subscriber{next(_numbers)}@example.net" for _ in morning.subscribers]
    for email, chosen in zip(emails, map(dict, morning.subscribers), strict=True):
        site.subscriber(email, *chosen.pop("topics"), first_now=True, **chosen)
    return emails


def _letters(site: Site, emails: list[str]) -> dict[str, bytes]:
    shown = {email: preview.build(site.app, PreviewRequest(email)) for email in emails}
    return {email: one.finished.letter.message for email, one in shown.items() if one}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_MORNINGS)
def test_what_is_previewed_is_what_is_sent(site: Site, morning: Morning) -> None:
    site.clock.now += timedelta(seconds=1)
    emails = _prepare(site, morning)
    before = _letters(site, emails)
    pipeline.publish(site.app)
    composed = _letters(site, emails)
    site.relay.letters.clear()
    pipeline.deliver(site.app)
    sent = {letter.recipient: letter.message for letter in site.relay.letters if letter.recipient in emails}
    assert sent.keys() == before.keys() == composed.keys()
    for email, message in sent.items():
        assert composed[email] == message
        assert _before(before[email]) == _before(message)
    for email in emails:
        membership.erase(site.app, membership.subscriber(site.app, email))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.topic("robots")
    made.topic("agents")
    yield made
    made.app.close()


def _due(site: Site, email: str, *topics: str, **given: Any) -> None:
    site.subscriber(email, *topics, first_now=True, **given)


def test_a_paper_stays_as_its_issue_first_printed_it(fresh: Site) -> None:
    """Also for a subscriber who is served later that day, when the paper has more votes."""
    fresh.papers(listing(1, upvotes=5))
    _due(fresh, "early@example.net", "robots")
    pipeline.publish(fresh.app)
    fresh.papers(listing(1, upvotes=500, day=date(2026, 11, 20)))
    _due(fresh, "late@example.net", "robots")
    # The clock stands, so the Date is the same too.
    shown = preview.build(fresh.app, PreviewRequest("late@example.net"))
    assert shown
    pipeline.publish(fresh.app)
    pipeline.deliver(fresh.app)
    (late,) = [letter for letter in fresh.relay.letters if letter.recipient == "late@example.net"]
    assert b"=C2=A05</span>" in late.message
    assert _before(shown.finished.letter.message) == _before(late.message)


def test_a_letter_of_tomorrow_has_tomorrows_date(fresh: Site) -> None:
    fresh.subscriber("ada@example.net", "robots", at="05:00")  # the clock says six: the next one is tomorrow's
    fresh.papers(listing(1))
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    assert shown.digest
    assert str(shown.digest.issue) == "daily 2026-11-24"
    assert shown.origin is Origin.NEXT


def test_a_subscriber_whose_letters_are_off_has_todays_date(fresh: Site) -> None:
    fresh.subscriber("ada@example.net", "robots", cadence="off")
    fresh.papers(listing(1))
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    assert shown.digest
    assert str(shown.digest.issue) == "off 2026-11-23"


def test_what_was_composed_stays_to_be_seen(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(listing(1))
    pipeline.publish(fresh.app)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net", day=date(2026, 11, 23)))
    assert shown
    assert shown.origin is Origin.COMPOSED
    assert preview.days(fresh.app, PreviewRequest("ada@example.net")) == [date(2026, 11, 23)]
    fresh.clock.now += timedelta(days=1)
    assert preview.build(fresh.app, PreviewRequest("ada@example.net", day=date(2026, 11, 24))) is None


def test_a_past_day_without_a_digest_has_none_although_papers_are_new(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(listing(1))
    for day in (date(2020, 1, 1), date(2026, 11, 22)):
        assert preview.build(fresh.app, PreviewRequest("ada@example.net", day=day)) is None
    assert preview.build(fresh.app, PreviewRequest("ada@example.net", day=date(2026, 11, 23)))


def test_the_latest_digest_is_shown_while_there_is_nothing_new(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(listing(1))
    pipeline.publish(fresh.app)
    fresh.clock.now += timedelta(days=1)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    assert shown.digest
    assert (shown.origin, str(shown.digest.issue)) == (Origin.LATEST, "daily 2026-11-23")
    assert preview.build(fresh.app, PreviewRequest("ada@example.net", cadence=Cadence.WEEKLY)) is None
    fresh.papers(listing(2))
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    assert shown.origin is Origin.NEXT


def test_theme_and_language_may_be_other_than_the_subscribers(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(listing(1))
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net", theme="plain", language="de"))
    assert shown
    assert (shown.subscriber.theme, shown.subscriber.language) == ("plain", "de")
    assert '<html lang="de"' in shown.finished.rendered.html


def test_a_weekly_letter_is_seen_of_the_days_that_it_tells_of(fresh: Site) -> None:
    days = {1: 19, 2: 12, 3: 20, 4: 18, 5: 17, 6: 16, 7: 15}
    fresh.papers(*(listing(number, upvotes=number, day=date(2026, 11, day)) for number, day in days.items()))
    shown = preview.build(
        fresh.app, PreviewRequest(topics=("robots",), day=date(2026, 11, 20), cadence=Cadence.WEEKLY)
    )
    assert shown
    assert shown.digest
    assert str(shown.digest.issue) == "weekly 2026-11-20"
    titles = {shown.papers[row].title[-1] for row in (*shown.digest.papers, *shown.digest.more)}
    assert titles == {"1", "3", "4", "5", "6", "7"}, "from the 13th to the 20th"
    assert "/charts/weekly-2026-11-20/robots.png" in shown.finished.rendered.html
    fresh.clock.now += timedelta(days=300)
    latest = preview.build(fresh.app, PreviewRequest(topics=("robots",), cadence=Cadence.WEEKLY))
    assert latest
    assert latest.digest
    assert str(latest.digest.issue) == "weekly 2026-11-20", "the latest papers, however old"


def test_a_subscriber_sees_their_letter_as_a_weekly_one_and_a_digest_that_was_composed_as_it_was(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(*(listing(number, upvotes=9 * number) for number in range(1, 9)))
    weekly = preview.build(fresh.app, PreviewRequest("ada@example.net", cadence=Cadence.WEEKLY))
    assert weekly
    assert weekly.digest
    assert weekly.digest.cadence is Cadence.WEEKLY
    assert weekly.digest.sections[0].topic == DISCUSSED
    daily = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert daily
    assert daily.digest
    assert daily.digest.cadence is Cadence.DAILY
    assert sorted(daily.digest.papers) == sorted(weekly.digest.papers)


def test_nobody_gets_a_letter_whose_cadence_is_off(fresh: Site) -> None:
    for topics in ((), ("robots",)):
        with pytest.raises(UsageError, match="if the cadence is off"):
            preview.build(fresh.app, PreviewRequest(topics=topics, cadence=Cadence.OFF))


def test_a_follower_sees_a_days_papers_or_the_latest(fresh: Site) -> None:
    fresh.papers(listing(1), listing(2, "agents"), listing(3, day=date(2026, 11, 19)))
    both = preview.build(fresh.app, PreviewRequest(topics=("robots", "agents")))
    assert both
    assert both.origin is Origin.FOLLOWER
    assert len(both.finished.rendered.papers) == 3
    then = preview.build(fresh.app, PreviewRequest(topics=("robots",), day=date(2026, 11, 19)))
    assert then
    assert then.digest
    assert str(then.digest.issue) == "daily 2026-11-19"
    assert [then.papers[row].title for row in then.finished.rendered.papers] == ["A careful study of robots, part 3"]
    assert preview.build(fresh.app, PreviewRequest(topics=("robots",), day=date(2026, 11, 1))) is None
    assert preview.days(fresh.app, PreviewRequest(topics=("robots",))) == [date(2026, 11, 20), date(2026, 11, 19)]


def test_without_subscriber_and_topic_there_is_a_made_up_letter_with_nobodys_links(fresh: Site) -> None:
    fresh.subscriber("first@example.net", "robots")
    fresh.papers(*(listing(n) for n in range(1, 9)))
    shown = preview.build(fresh.app, PreviewRequest())
    assert shown
    assert shown.origin is Origin.SAMPLE
    first = fresh.app.store.subscribers.by_email("first@example.net")
    assert first
    links = fresh.app.shared(LetterBuilder).links(first, None)
    assert links.unsubscribe not in shown.finished.rendered.html
    told = considered_papers(fresh.app, shown)
    assert [one.placement for one in told] == [Placement.PRINTED] * 6
    assert not any(one.matches for one in told), "its papers have the numbers of real ones"
    assert preview.days(fresh.app, PreviewRequest()) == []


@pytest.mark.parametrize("kind", ["confirm", "welcome", "your-link", "new-address", "address-changed", "reply"])
def test_notices_can_be_looked_at_and_their_links_are_nobodys(fresh: Site, kind: str) -> None:
    fresh.subscriber("ada@example.net", "robots")
    ada = fresh.app.store.subscribers.by_email("ada@example.net")
    assert ada
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net", notice=kind))
    assert shown
    assert shown.origin is Origin.NOTICE
    assert fresh.app.shared(LetterBuilder).links(ada, None).preferences not in shown.finished.rendered.html
    assert considered_papers(fresh.app, shown) == []


@pytest.mark.parametrize(
    "wanted",
    [
        PreviewRequest("nobody@example.net"),
        PreviewRequest(topics=("no-such-topic",)),
        PreviewRequest(theme="no-such-theme"),
        PreviewRequest(language="xx"),
        PreviewRequest(notice="no-such-notice"),
    ],
)
def test_an_unknown_name_is_reported(fresh: Site, wanted: PreviewRequest) -> None:
    with pytest.raises(UnknownNameError, match=r"\bno"):
        preview.build(fresh.app, wanted)


def test_the_best_of_the_day_is_in_the_order_of_the_votes_in_the_letter_and_on_the_front_page(fresh: Site) -> None:
    fresh.topic("best", "source:hf-daily")
    voted = {1: (8, 0), 2: (121, 0), 3: (119, 60), 4: (9, 0), 5: (7, 30)}
    fresh.papers(
        *(
            listing(number, "gardens", source="hf-daily", kind="hf", upvotes=votes, comments=comments)
            for number, (votes, comments) in voted.items()
        )
    )
    _due(fresh, "ada@example.net", "best", "robots", max_papers=4)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    told = considered_papers(fresh.app, shown)
    assert [one.paper.upvotes for one in told] == [121, 119, 9, 8, 7]
    assert [one.placement for one in told].count(Placement.PRINTED) == 4
    assert all(not one.score.relevance for one in told), "also of those that are only counted"
    front = fresh.app.store.browsing.on_days(date(2026, 11, 20), date(2026, 11, 20), 10)
    assert [paper.upvotes for paper in front] == [121, 119, 9, 8, 7]


def test_it_is_told_why_a_paper_is_in_the_letter_or_is_not(fresh: Site) -> None:
    fresh.papers(listing(1, upvotes=90), listing(2, "robots and agents", upvotes=50), listing(3), listing(4))
    _due(fresh, "ada@example.net", "robots", "agents", max_papers=2)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    told = considered_papers(fresh.app, shown)
    assert [one.placement for one in told] == [
        Placement.PRINTED,
        Placement.PRINTED,
        Placement.COUNTED,
        Placement.COUNTED,
    ]
    assert {match.topic for match in next(one for one in told if len(one.matches) == 2).matches} == {
        "robots",
        "agents",
    }
    assert all(one.why and 0 < one.rank <= 1 for one in told[:2])
    assert all(not one.why for one in told[2:])
    pipeline.publish(fresh.app)
    composed = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert composed
    assert [one.placement for one in considered_papers(fresh.app, composed)] == [one.placement for one in told]
    fresh.papers(listing(5))
    fresh.clock.now += timedelta(days=1)
    later = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert later
    placements = [(one.placement, one.sent_on) for one in considered_papers(fresh.app, later)]
    assert placements == [(Placement.PRINTED, None)] + [(Placement.SENT_BEFORE, date(2026, 11, 23))] * 4


def test_a_digest_that_is_too_big_says_which_papers_have_no_room(fresh: Site) -> None:
    fresh.papers(
        *(
            listing(n, title=f"{'word ' * 180}{n}", authors=[f"Name {'x' * 200}{i}" for i in range(9)])
            for n in range(1, 101)
        )
    )
    _due(fresh, "ada@example.net", "robots", max_papers=100)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    placements = [one.placement for one in considered_papers(fresh.app, shown)]
    assert 0 < placements.count(Placement.NO_ROOM) < 100
    assert placements.count(Placement.PRINTED) == len(shown.finished.rendered.papers)
    assert len(placements) == 100


def test_both_databases_know_what_was_considered(tmp_path: Path, database_url: str) -> None:
    site = Site(tmp_path, database_url)
    site.topic("robots")
    site.topic("agents")
    site.papers(listing(1), listing(2, "robots and agents"), listing(3, day=date(2026, 11, 19)))
    _due(site, "ada@example.net", "robots", "agents")
    pipeline.publish(site.app)
    site.papers(listing(4))
    site.clock.now += timedelta(days=1)
    shown = preview.build(site.app, PreviewRequest("ada@example.net"))
    assert shown
    told = considered_papers(site.app, shown)
    assert [(one.placement, len(one.matches), one.sent_on) for one in told if one.paper.arxiv_id != "2611.00002"] == [
        (Placement.PRINTED, 1, None),
        (Placement.SENT_BEFORE, 1, date(2026, 11, 23)),
        (Placement.SENT_BEFORE, 1, date(2026, 11, 23)),
    ]
    assert [len(one.matches) for one in told if one.paper.arxiv_id == "2611.00002"] == [2]
    assert preview.days(site.app, PreviewRequest(topics=("robots", "agents"))) == [
        date(2026, 11, 20),
        date(2026, 11, 19),
    ]
    composed = preview.build(site.app, PreviewRequest("ada@example.net", day=date(2026, 11, 23)))
    assert composed
    assert [one.placement for one in considered_papers(site.app, composed)] == [Placement.PRINTED] * 3
    site.app.close()


def test_a_preview_changes_nothing(fresh: Site) -> None:
    fresh.papers(listing(1))
    _due(fresh, "ada@example.net", "robots")
    before = fresh.app.store.subscribers.by_email("ada@example.net")
    for wanted in (
        PreviewRequest("ada@example.net"),
        PreviewRequest(topics=("robots",)),
        PreviewRequest(),
        PreviewRequest(notice="welcome"),
    ):
        shown = preview.build(fresh.app, wanted)
        assert shown
        considered_papers(fresh.app, shown)
    assert fresh.app.store.subscribers.by_email("ada@example.net") == before
    assert fresh.app.store.delivery_reports.count() == {}
    assert fresh.relay.letters == []


def test_the_files_are_what_is_sent(fresh: Site, tmp_path: Path) -> None:
    shown = preview.build(fresh.app, PreviewRequest())
    assert shown
    eml, html, text = preview.write_files(shown.finished, tmp_path / "out")
    assert eml.read_bytes() == shown.finished.letter.message
    assert (html.read_text(), text.read_text()) == (shown.finished.rendered.html, shown.finished.rendered.text)


def test_a_test_letter_is_marked_and_carries_nobodys_links(fresh: Site) -> None:
    fresh.papers(listing(1))
    _due(fresh, "ada@example.net", "robots")
    ada = fresh.app.store.subscribers.by_email("ada@example.net")
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert ada
    assert shown
    outcome = preview.send_test(fresh.app, shown, " operator@example.net ")
    assert outcome.accepted
    (letter,) = fresh.relay.letters
    assert letter.recipient == "operator@example.net"
    assert b"\r\nSubject: [test] A careful study of robots" in letter.message
    assert fresh.app.shared(LetterBuilder).links(ada, None).unsubscribe.encode() not in letter.message.replace(
        b"=\r\n", b""
    )
    assert b"ada@example.net" not in letter.message
    assert fresh.app.store.delivery_reports.count() == {}


def test_a_notice_can_be_sent_for_a_test_too(fresh: Site) -> None:
    shown = preview.build(fresh.app, PreviewRequest(notice="welcome"))
    assert shown
    assert preview.send_test(fresh.app, shown, "operator@example.net").accepted
    assert b"Subject: [test] Welcome" in fresh.relay.letters[0].message


def test_a_test_letter_goes_nowhere_where_nothing_may_go(fresh: Site) -> None:
    fresh.subscriber("ada@example.net", "robots")
    fresh.app.store.subscribers.suppress("ada@example.net", "complaint", fresh.clock())
    shown = preview.build(fresh.app, PreviewRequest())
    assert shown
    with pytest.raises(UsageError, match="suppressed"):
        preview.send_test(fresh.app, shown, "ada@example.net")
    with pytest.raises(UsageError, match="not an email address"):
        preview.send_test(fresh.app, shown, "ada")
    assert fresh.relay.letters == []


def test_what_the_relay_says_to_a_test_letter_is_told(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = preview.build(fresh.app, PreviewRequest())
    assert shown
    fresh.relay.replies = [(Stage.RCPT, 550, "5.1.1 no such user")]
    assert preview.send_test(fresh.app, shown, "operator@example.net").code == 550

    def closed(*_: object) -> None:
        from paperround.domain.errors import TransportError

        raise TransportError("relay.example: connection refused")

    monkeypatch.setattr(fresh.relay, "send", closed)
    outcome = preview.send_test(fresh.app, shown, "operator@example.net")
    assert (outcome.stage, outcome.accepted, outcome.text) == (
        Stage.CONNECT,
        False,
        "relay.example: connection refused",
    )


@pytest.fixture
def own_themes(fresh: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a site's own themes, where the program runs."""
    monkeypatch.chdir(fresh.folder)
    themes = fresh.folder / "templates" / "email" / "themes"
    themes.mkdir(parents=True)
    fresh.app.shared(LetterBuilder).templates.check_seconds = 0.0
    return themes


def _theme(color: str, name: str = "paper") -> str:
    shipped = Path(__file__).resolve().parents[2] / "templates" / "email" / "themes" / f"{name}.html.j2"
    return shipped.read_text().replace("#8c2f1f", color)


def _html(site: Site) -> str:
    shown = preview.build(site.app, PreviewRequest())
    assert shown
    return shown.finished.rendered.html


def test_a_changed_template_is_used_at_once(fresh: Site, own_themes: Path) -> None:
    assert "#006400" not in _html(fresh)
    (own_themes / "paper.html.j2").write_text(_theme("#006400"))
    assert "#006400" in _html(fresh)
    (own_themes / "paper.html.j2").write_text(_theme("#00008b"))
    assert "#00008b" in _html(fresh)
    (own_themes / "paper.html.j2").unlink()
    assert "#8c2f1f" in _html(fresh)


def test_a_changed_translation_is_used_at_once(fresh: Site, own_themes: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "templates" / "locale" / "de.po"
    own = fresh.folder / "templates" / "locale" / "de.po"
    own.parent.mkdir()

    def html() -> str:
        shown = preview.build(fresh.app, PreviewRequest(language="de"))
        assert shown
        return shown.finished.rendered.html

    assert "Abbestellen" in html() or "Abmelden" in html()
    own.write_text(re.sub(r'(msgid "Unsubscribe"\nmsgstr )"[^"]*"', r'\1"Schluss"', shipped.read_text()))
    assert "Schluss" in html()


def test_a_broken_template_is_told_by_the_preview_and_stops_no_letter(fresh: Site, own_themes: Path) -> None:
    fresh.papers(listing(1))
    _due(fresh, "ada@example.net", "robots")
    _html(fresh)
    (own_themes / "paper.html.j2").write_text(_theme("#006400") + "{% block %}")
    with pytest.raises(ConfigurationError, match=r"paper\.html\.j2 line \d+"):
        _html(fresh)
    pipeline.publish(fresh.app)
    pipeline.deliver(fresh.app)
    assert [letter.recipient for letter in fresh.relay.accepted] == ["ada@example.net"]
    (own_themes / "paper.html.j2").write_text(_theme("#006400"))
    assert "#006400" in _html(fresh)


def test_a_theme_that_never_worked_makes_no_letters(fresh: Site, own_themes: Path) -> None:
    (own_themes / "paper.html.j2").write_text("{% block %}")
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            _html(fresh)


def _command(*arguments: str, **settings: str) -> Result:
    variables = {f"PAPERROUND_{name}": value for name, value in settings.items()}
    known = {
        "PAPERROUND_DATABASE_URL": "sqlite:///data/paperround.db",
        "PAPERROUND_SECRET_KEY": "a key for tests that is long enough",
        "PAPERROUND_SOURCES": "[]",
    }
    return CliRunner().invoke(cli.app, ["--now", "2026-11-23T06:00Z", *arguments], env={**known, **variables})


def test_the_command_line_says_what_is_wrong_with_a_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seeds = resources.folder("seeds") / "papers.jsonl"
    assert _command("ingest", "--file", str(seeds), "--as", "jsonl", "--mail-old").exit_code == 0
    wanted = ("preview", "--topic", "robotics", "--topic", "video", "--language", "de", "--lint")
    trial = _command(*wanted)
    assert trial.exit_code == 0
    assert "note: header List-Unsubscribe: is not https" in trial.stdout
    assert '<html lang="de"' in (tmp_path / "preview" / "letter.html").read_text(encoding="utf-8")
    site = {
        "SITE__BASE_URL": "https://papers.example.org",
        "SITE__SENDER": "papers@example.org",
        "SITE__POSTAL_ADDRESS": "1 Mill Lane",
    }
    assert _command(*wanted, **site).stdout.endswith("no problems\n")
    wrong = _command(*wanted, **{**site, "SITE__SENDER": "papers@gmail.com"})
    assert wrong.exit_code == 1
    assert "error: header From: the address is at gmail.com (from-address)" in wrong.stdout


def test_a_letter_that_waited_goes_out_byte_for_byte_as_it_was_previewed(tmp_path: Path, database_url: str) -> None:
    made = Site(tmp_path, database_url, bounces={"domain": "bounces.example.org"})
    made.topic("robots")
    made.papers(listing(1))
    _due(made, "ada@example.net", "robots")
    pipeline.publish(made.app)
    (before,) = _letters(made, ["ada@example.net"]).values()
    made.relay.replies.append((Stage.RCPT, 450, "4.2.0 greylisted"))
    for cadence in ("weekly", "off"):  # which the subscriber chooses meanwhile, for later letters
        pipeline.deliver(made.app)
        made.clock.now += timedelta(hours=1)
        subscriber = membership.subscriber(made.app, "ada@example.net")
        membership.change(made.app, subscriber, membership.read_patch(made.app, {"cadence": cadence}))
    assert [letter.message for letter in made.relay.letters] == [before, before]
    assert list(_letters(made, ["ada@example.net"]).values()) == [before], "also afterwards"
    made.app.close()


def test_a_letter_composed_again_from_a_backup_is_the_same_letter_to_a_mailbox(tmp_path: Path) -> None:
    made, ids = Site(tmp_path), []
    made.topic("robots")
    made.papers(listing(1))
    _due(made, "ada@example.net", "robots")
    made.app.store.backup(tmp_path / "copy.db")
    made.app.close()
    for name in ("paperround.db", "copy.db"):
        site = Site(tmp_path, f"sqlite:///{tmp_path}/{name}")
        site.clock.now += timedelta(minutes=len(ids))
        pipeline.publish(site.app)
        pipeline.deliver(site.app)
        (letter,) = site.relay.letters
        ids.append(re.search(rb"^Message-ID: (\S+)", letter.message, re.MULTILINE)[1])  # type: ignore[index]
        site.app.close()
    assert ids[0] == ids[1]


def test_a_test_email_sent_twice_arrives_twice(fresh: Site) -> None:
    _due(fresh, "ada@example.net", "robots")
    fresh.papers(listing(1))
    pipeline.publish(fresh.app)
    shown = preview.build(fresh.app, PreviewRequest("ada@example.net"))
    assert shown
    for _ in range(2):
        preview.send_test(fresh.app, shown, "me@example.org")
    first, second = (
        re.search(rb"^Message-ID: (\S+)", letter.message, re.MULTILINE)[1]  # type: ignore[index]
        for letter in fresh.relay.letters
    )
    assert len({first, second, shown.finished.letter.message.split(b"Message-ID: ")[1].split()[0]}) == 3
