"""Letters with few papers end with papers that came close to an interest of the subscriber's own."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import func, select

from paperround.domain import tokens
from paperround.domain.models import Digest, Subscriber
from paperround.domain.preferences import Breadth, QuietDays
from paperround.domain.schedule import Cadence
from paperround.matching.lexical import COUNTED_PAPERS
from paperround.operator import preview
from paperround.operator.preview import PreviewRequest
from paperround.rounds import pipeline
from paperround.store.engine import reading
from paperround.store.schema import close_papers
from paperround.store.topics import news_horizon
from paperround.subscribers import confirmation, membership
from paperround.web import create
from support.databases import engine_of
from support.pages import Browser
from support.papers import listing
from support.site import Site

_EMAIL = "ada@lovelace.example"
_INTEREST = "a hand grasping transparent cups"
_SUBJECTS = ("speech recognition", "protein folding", "image retrieval", "traffic forecasts", "poetry", "compilers")
_ENDING = "These nearly matched. Press + for more like them."
_OTHER_WORDS = {
    name: " ".join(f"{name}{end}" for end in ("wood", "leaf", "root", "seed", "bark", "bough", "twig", "bud", "stem"))
    for name in ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "oak", "ash")
}
"""What papers say besides, so that they are no near copies."""


@pytest.fixture
def site(site: Site) -> Site:
    """A site with some past papers, before its letters of seven o'clock."""
    site.papers(*(listing(100 + n, _SUBJECTS[n % len(_SUBJECTS)]) for n in range(60)))
    site.topic("whales", "whales")
    site.clock.now += timedelta(hours=2)
    return site


def _fits(number: int) -> Any:
    name = list(_OTHER_WORDS)[number % 10]
    return listing(number, title=f"Hand grasping transparent cups {name}", abstract=_OTHER_WORDS[name])


def _close(number: int, **facts: Any) -> Any:
    name = list(_OTHER_WORDS)[number % 10]
    return listing(number, **{"title": f"Grasping {name}", "abstract": f"Cups. {_OTHER_WORDS[name]}", **facts})


def _subscribe(site: Site, **given: Any) -> Subscriber:
    site.subscriber(_EMAIL, "whales", **{"queries": (_INTEREST,), **given})
    return _ada(site)


def _ada(site: Site) -> Subscriber:
    return membership.subscriber(site.app, _EMAIL)


def _morning(site: Site, *papers: Any) -> Digest | None:
    """The digest of the next morning, with these papers; None if there is none."""
    site.clock.now += timedelta(days=1)
    site.papers(*papers)
    return _morning_round(site)


def _morning_round(site: Site) -> Digest | None:
    """The digest of a round at this moment."""
    pipeline.publish(site.app)
    pipeline.deliver(site.app)
    return site.app.store.issues.digest_on(_ada(site).row, site.clock.now.date())


def _offered(site: Site, digest: Digest | None) -> list[str]:
    """The last words of the titles of the close papers of a digest."""
    rows = digest.close if digest else ()
    known = site.app.store.papers.by_rows(rows)
    return [known[row].title.split()[-1] for row in rows]


def _parts(site: Site) -> tuple[str, str]:
    """The HTML and the text of the latest letter."""
    message = message_from_bytes(site.relay.accepted[-1].message, policy=policy.default)
    html, text = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html
    assert text
    return str(html.get_content()).replace("\u00a0", " "), str(text.get_content()).replace("\u00a0", " ")


def _stored(site: Site) -> int:
    with reading(engine_of(site.app.store)) as db:
        return db.scalar(select(func.count()).select_from(close_papers)) or 0


def test_a_thin_letter_ends_with_what_came_close_and_a_plus_for_each(site: Site) -> None:
    _subscribe(site)
    digest = _morning(site, _fits(1), *map(_close, (2, 3, 4, 5)))
    assert digest
    assert (len(digest.papers), digest.more) == (1, ())
    assert _offered(site, digest) == ["fir", "elm", "dogwood"]
    html, text = _parts(site)
    for part in (html, text):
        assert _ENDING in part
        assert part.index("Close to your interests") > part.index("transparent cups birch")
        for note in digest.notes:
            assert f"?more={note.paper}" in part
    assert "That was all." in " ".join(text.split())
    subject = message_from_bytes(site.relay.accepted[-1].message, policy=policy.default)["Subject"]
    assert subject == "Hand grasping transparent cups birch"


def test_what_came_close_is_not_offered_again_and_not_counted_as_sent(site: Site) -> None:
    _subscribe(site)
    _morning(site, _fits(1), *map(_close, (2, 3, 4, 5)))
    assert _offered(site, _morning(site, _fits(7), _close(6))) == ["ginkgo"]
    assert _offered(site, _morning(site, _fits(8), _close(6, version=2), _close(5))) == []
    site.topic("firs", "firwood")
    membership.change(site.app, _ada(site), {"topics": ("firs",)})
    pipeline.sweep(site.app)
    digest = _morning(site)
    assert digest
    assert [site.app.store.papers.by_rows(digest.papers)[row].title for row in digest.papers] == ["Grasping fir"]
    assert _offered(site, digest) == []


def test_a_letter_with_three_papers_has_none(site: Site) -> None:
    _subscribe(site)
    assert _offered(site, _morning(site, _fits(1), _fits(2), _close(3))) == ["dogwood"]
    assert _offered(site, _morning(site, _fits(4), _fits(5), _fits(6), _close(7))) == []


def test_papers_of_a_followed_author_hide_nothing_that_came_close_to_an_interest_without_papers(site: Site) -> None:
    _subscribe(site, follows=("author: Mei Lin",))
    hers = [
        listing(n, title=f"Whales {n}", abstract="They sing.", authors=["Mei Lin", f"A {n}"]) for n in (21, 22, 23)
    ]
    digest = _morning(site, *hers, *map(_close, (2, 3, 4, 5)))
    assert digest
    assert len(digest.papers) == 3
    assert _offered(site, digest) == ["fir", "elm", "dogwood"]
    hers = [
        listing(n, title=f"Whales {n}", abstract="They dive.", authors=["Mei Lin", f"A {n}"]) for n in (31, 32, 33)
    ]
    assert _offered(site, _morning(site, *hers, _fits(7), _close(6))) == []


def test_a_silent_day_stays_silent_and_its_papers_are_passed_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.app.store.papers, "has_at_least", lambda number: number <= COUNTED_PAPERS)
    _subscribe(site)
    assert _morning(site, _close(2)) is None
    assert _offered(site, _morning(site, _fits(1), _close(3))) == ["dogwood"]


def test_on_a_new_site_close_papers_alone_are_a_letter(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _subscribe(site)
    digest = _morning(site, _close(2), _close(3))
    assert digest
    assert digest.papers == ()
    assert _offered(site, digest) == ["dogwood", "cedar"]
    subject = message_from_bytes(site.relay.accepted[-1].message, policy=policy.default)["Subject"]
    assert subject == "Close to your interests: Grasping dogwood · 1 more"
    html, text = _parts(site)
    for part in (html, text):
        assert "2 papers close to your interests · Grasping cedar" in " ".join(part.split())
        assert "2 close papers" in part
        assert _ENDING in part
        assert "Thank you to arXiv" in part
        assert "No new papers" not in part
        assert "nothing new" not in part
    path = f"/p/{tokens.mint(site.app.link_keys, tokens.PREFERENCES, _ada(site).row)}"
    preferences = Browser(create(site.app)).get(path).text
    assert re.search(r"2\sclose\spapers", preferences)
    assert "0 papers" not in preferences
    online = re.search(r"https://papers.example.org(/i/[\w-]+)", text)
    assert online
    assert f"Cite: https://papers.example.org{online[1]}" in text
    assert "because these papers came close to your interests." in " ".join(text.split())
    browser = Browser(create(site.app))
    page = browser.get(online[1]).text
    assert "Close to your interests" in page
    assert page.count("Grasping dogwood") >= 1
    assert 'id="cite"' in page
    citations = browser.get(f"{online[1]}/cite.bib").text
    assert [citations.count(f"Grasping {name}") for name in ("dogwood", "cedar")] == [1, 1]
    assert _morning(site) is None  # they are offered once
    monkeypatch.setattr(site.app.store.papers, "has_at_least", lambda number: number <= COUNTED_PAPERS)
    assert _morning(site, _close(4)) is None


def test_the_trial_of_an_interest_names_the_day_of_papers_and_those_that_were_emailed(site: Site) -> None:
    _subscribe(site)
    _morning(site, _fits(1))
    site.papers(_fits(7))
    own = re.search(r"https://papers.example.org(/p/[\w-]+)", _parts(site)[1])
    assert own
    browser = Browser(create(site.app))
    page = browser.get(f"{own[1]}/interest", params={"q": _INTEREST}).text
    emailed = page.partition("Hand grasping transparent cups birch")[2].partition("</li>")[0]
    assert "Already emailed to you" in emailed
    assert "Nov 20, 2026" in emailed
    assert page.count("Already emailed to you") == 1
    assert "Already emailed to you" not in browser.get("/interest", params={"q": _INTEREST}).text


def test_papers_are_counted_as_far_as_is_asked_for(site: Site) -> None:
    assert [site.app.store.papers.has_at_least(number) for number in (1, 60, 61)] == [True, True, False]


def test_who_wants_few_papers_gets_no_letter_of_close_ones(site: Site) -> None:
    _subscribe(site, breadth=Breadth.FEWER)
    assert _morning(site, _close(2), _close(3)) is None


def test_a_letter_of_one_line_has_them(site: Site) -> None:
    _subscribe(site, quiet_days=QuietDays.LINE)
    digest = _morning(site, _close(2))
    assert _offered(site, digest) == ["cedar"]
    _, text = _parts(site)
    assert "1 paper close to your interests." in " ".join(text.split())
    assert "Grasping cedar" in text


@pytest.mark.parametrize(
    "chosen",
    [{"breadth": Breadth.FEWER}, {"breadth": Breadth.FEWEST}, {"cadence": Cadence.WEEKLY}],
)
def test_who_wants_little_or_gets_a_whole_week_at_once_has_none(site: Site, chosen: dict[str, Any]) -> None:
    _subscribe(site, quiet_days=QuietDays.LINE, **chosen)
    found = [_morning(site, *([_fits(1), _close(2), _close(3)] if not day else [])) for day in range(9)]
    assert any(found)
    assert [_offered(site, digest) for digest in found] == [[]] * 9
    assert _stored(site) == 0


def test_who_no_longer_gets_a_whole_week_at_once_has_those_from_then_on(site: Site) -> None:
    ada = _subscribe(site, cadence=Cadence.WEEKLY)
    site.papers(_close(2))
    membership.change(site.app, ada, {"cadence": Cadence.DAILY})
    assert _offered(site, _morning(site, _fits(1), _close(3))) == ["dogwood"]


def test_who_no_longer_wants_little_has_them_at_once(site: Site) -> None:
    ada = _subscribe(site, breadth=Breadth.FEWER)
    _morning(site, _fits(1))
    site.papers(_close(2))
    membership.change(site.app, ada, {"breadth": Breadth.USUAL})
    pipeline.sweep(site.app)
    assert _offered(site, _morning(site, _fits(7), _close(3))) == ["dogwood", "cedar"]


@pytest.mark.parametrize(("cadence", "stored"), [(Cadence.WEEKLY, 0), (Cadence.DAILY, 1)])
def test_a_confirmed_subscription_has_them_if_its_letters_may(site: Site, cadence: Cadence, stored: int) -> None:
    site.papers(_close(2))
    wanted = {"topics": ("whales",), "queries": (_INTEREST,), "cadence": cadence}
    confirmation.ask_to_subscribe(site.app, _EMAIL, wanted, {})
    assert confirmation.confirm(site.app, _ada(site))
    assert _stored(site) == stored


def test_what_a_subscriber_leaves_out_or_has_answered_is_not_offered(site: Site) -> None:
    ada = _subscribe(site, leave_out=("elmwood",))
    assert _offered(site, _morning(site, _fits(1), _close(4), _close(5, withdrawn=True), _close(2))) == ["cedar"]
    site.papers(_close(3))
    [row] = [paper.row for paper in site.app.store.papers.latest(1)]
    membership.rate_paper(site.app, ada, row, -1)
    assert _offered(site, _morning(site, _fits(7))) == []


def test_near_copies_are_offered_once_and_not_below_what_they_copy(site: Site) -> None:
    _subscribe(site)
    copies = [_close(number, abstract=f"Cups. {_OTHER_WORDS['fir']}") for number in (2, 3)]
    below = _close(11, title="Grasping", abstract=f"Cups. {_OTHER_WORDS['birch']}")
    assert len(_offered(site, _morning(site, _fits(1), *copies, below))) == 1


def test_a_paper_that_a_letter_included_is_not_offered_by_its_next_version(site: Site) -> None:
    site.topic("firs", "firwood")
    site.subscriber(_EMAIL, "firs", queries=(_INTEREST,))
    digest = _morning(site, _close(5))
    assert digest
    assert (len(digest.papers), _offered(site, digest)) == (1, [])
    assert _offered(site, _morning(site, _close(5, version=2), _fits(1), _close(2))) == ["cedar"]


def test_the_preview_has_what_the_letter_has(site: Site) -> None:
    _subscribe(site, quiet_days=QuietDays.LINE)
    for papers in ([_fits(1), _close(2)], [_close(3)]):
        site.clock.now += timedelta(days=1)
        site.papers(*papers)
        before = preview.build(site.app, PreviewRequest(_EMAIL))
        pipeline.publish(site.app)
        after = preview.build(site.app, PreviewRequest(_EMAIL))
        pipeline.deliver(site.app)
        assert before
        assert after
        assert before.digest
        assert after.digest
        assert before.digest.notes == after.digest.notes
        assert "Close to your interests" in before.finished.rendered.text
        assert after.finished.letter.message == site.relay.accepted[-1].message


def test_a_plus_is_learned_from(site: Site) -> None:
    ada = _subscribe(site)
    digest = _morning(site, _fits(1), _close(2))
    assert digest
    [offered] = digest.notes
    browser = Browser(create(site.app))
    _, text = _parts(site)
    [link] = re.findall(rf"https://papers.example.org(/f/\S+\?more={offered.paper})\b", text)
    assert "Grasping cedar" in browser.get(link).text
    assert browser.post(link).status_code == 200
    assert [one.paper for one in site.app.store.feedback.ratings(ada.row)] == [offered.paper]


def test_another_breadth_renews_what_came_close(site: Site) -> None:
    ada = _subscribe(site)
    _morning(site, _fits(1))
    site.papers(_close(2), _close(3))
    assert _stored(site) == 2
    membership.change(site.app, ada, {"breadth": Breadth.MOST})
    pipeline.sweep(site.app)
    assert _stored(site) == 0
    digest = _morning(site)
    assert digest
    assert (len(digest.papers), _offered(site, digest)) == (2, [])


def test_a_paper_that_is_compared_again_is_close_only_if_it_still_is(site: Site) -> None:
    _subscribe(site)
    _morning(site, _fits(1))
    site.papers(_close(2), _close(3))
    site.app.store.issues.close_edition(site.clock())
    site.papers(_close(2, version=2, title="Leaves", abstract="Trees grow."))
    site.papers(_close(3, version=2))
    assert _stored(site) == 1
    assert _offered(site, _morning(site, _fits(7))) == ["dogwood"]


def test_a_paper_that_is_compared_again_stays_close_to_an_interest_that_is_not(site: Site) -> None:
    _subscribe(site)
    _morning(site, _fits(1))
    site.papers(_close(2))
    [row] = [paper.row for paper in site.app.store.papers.latest(1)]
    since = news_horizon(site.clock())
    for stored, includes in ((1, lambda query: query != _INTEREST), (0, lambda query: query == _INTEREST)):
        with site.app.store.topics.matching_again([row], since, includes):
            pass  # and nothing is found
        assert _stored(site) == stored


def test_they_go_with_their_subscriber_and_after_ten_days(site: Site) -> None:
    _subscribe(site)
    site.subscriber("ben@example.org", "whales", queries=(_INTEREST,))
    for number in (2, 3):
        _morning(site, _close(number))
    assert _stored(site) == 4
    membership.erase(site.app, membership.subscriber(site.app, "ben@example.org"))
    assert _stored(site) == 2
    for _ in range(10):
        site.clock.now += timedelta(days=1)
        pipeline.sweep(site.app)
    assert _stored(site) == 1
    site.clock.now += timedelta(days=1)
    pipeline.sweep(site.app)
    assert _stored(site) == 0


def test_sweeps_before_the_letter_keep_what_came_close(site: Site) -> None:
    _subscribe(site, quiet_days=QuietDays.LINE)
    midnight = site.clock.now.replace(hour=0, minute=0)
    offered = []
    for day in range(1, 15):
        site.clock.now = midnight + timedelta(days=day)
        site.papers(_close(day))
        for hour in (1, 3, 6):
            site.clock.now = midnight + timedelta(days=day, hours=hour)
            pipeline.sweep(site.app)
        site.clock.now += timedelta(hours=3)
        offered += _offered(site, _morning_round(site))
    assert offered == [list(_OTHER_WORDS)[day % 10] for day in range(1, 15)]
    assert _stored(site) == 11


def test_a_public_topic_and_counts_know_nothing_of_them(site: Site) -> None:
    site.topic("grasping", _INTEREST)
    ada = _subscribe(site)
    site.papers(_fits(1), _close(2), _close(3))
    own = [slug for slug in ada.topics if slug != "whales"]
    assert {site.app.store.topics.counts()[slug][1] for slug in (*own, "grasping")} == {1}
    assert _stored(site) == 2
