"""The operator's pages for subscribers and their emails: everything that the shell can do for one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from paperround.domain.models import Stage, Subscriber, SubscriberState
from paperround.domain.schedule import Cadence
from paperround.operator import queries
from paperround.subscribers import membership
from support.pages import ADMIN_SITE, ADMIN_TOKEN, FORM, Browser, Pages, links_in
from support.papers import listing

ADA = "ada@lovelace.example"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path, site=ADMIN_SITE)
    yield made
    made.app.close()


@pytest.fixture
def browser(pages: Pages) -> Browser:
    return pages.operator()


def _csrf(browser: Browser) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', browser.get("/admin").text)[0]


def _found(pages: Pages, email: str) -> Subscriber:
    found = pages.app.store.subscribers.by_email(email)
    assert found is not None
    return found


def _last_change(pages: Pages) -> tuple[str, str]:
    entry = pages.app.store.access.changes(1)[0]
    return entry.action, entry.subject


def test_only_the_operator_gets_in(pages: Pages) -> None:
    row = pages.subscriber(ADA)
    stranger = Browser(pages.web)
    paths = ["subscribers/new", "subscribers/import", "subscribers/export.csv", "subscribers/silent",
             "subscribers/suppressed", "doctor", f"subscribers/{row}/edit", "letters/1",
             "letters/1/html"]  # fmt: skip
    for path in paths:
        assert stranger.get(f"/admin/{path}").status_code == 401, path
    before = pages.dump()
    for path in ("subscribers/new", "subscribers/import", "subscribers/suppressed", f"subscribers/{row}/edit"):
        assert stranger.post(f"/admin/{path}", data={"csrf": "x", **FORM}).status_code == 401, path
    assert pages.dump() == before


def test_another_sites_form_changes_nothing(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA)
    before = pages.dump()
    for path in ("subscribers/new", "subscribers/import", "subscribers/suppressed", f"subscribers/{row}/edit"):
        assert browser.post(f"/admin/{path}", data={"csrf": "x", "do": "import", **FORM}).status_code == 403
    assert pages.dump() == before


def test_a_subscriber_who_agreed_is_added_at_once(pages: Pages, browser: Browser) -> None:
    sent = {**FORM, "csrf": _csrf(browser), "email": ADA, "confirmed": "yes", "do": "save"}
    page = browser.post_and_follow("/admin/subscribers/new", data=sent)
    assert "Added. They receive emails from now on." in page.text
    added = _found(pages, ADA)
    assert (added.state, added.schedule.timezone) == (SubscriberState.ACTIVE, "Europe/Berlin")
    assert _last_change(pages) == ("subscriber added", f"subscriber {added.row}")
    again = browser.post("/admin/subscribers/new", data=sent)
    assert again.status_code == 422
    assert f"{ADA} is already a subscriber (active)." in again.text


def test_a_subscriber_who_has_not_agreed_is_asked_and_can_be_asked_again(pages: Pages, browser: Browser) -> None:
    csrf = _csrf(browser)
    page = browser.post_and_follow("/admin/subscribers/new", data={**FORM, "csrf": csrf, "email": ADA, "do": "save"})
    assert "An email asks them to confirm" in page.text
    added = _found(pages, ADA)
    assert added.state is SubscriberState.PENDING
    assert len([letter for letter in pages.letters() if links_in(letter, "c")]) == 1
    here = f"/admin/subscribers/{added.row}"
    assert "Send the confirmation again" in page.text
    too_soon = browser.post(here, data={"csrf": csrf, "do": "link"})
    assert too_soon.status_code == 422
    assert "less than a day ago" in too_soon.text
    pages.site.clock.now += timedelta(days=1, minutes=1)
    browser.post("/admin/login", data={"token": ADMIN_TOKEN})
    browser.post(here, data={"csrf": _csrf(browser), "do": "link"})
    assert len([letter for letter in pages.letters() if links_in(letter, "c")]) == 1


def test_preferences_are_edited_and_the_log_names_the_fields(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA)
    form = browser.get(f"/admin/subscribers/{row}/edit").text
    version = re.findall(r'name="version" value="([^"]+)"', form)[0]
    sent = {**FORM, "csrf": _csrf(browser), "version": version, "max_papers": "7", "name": "Ada", "do": "save"}
    tried = browser.post(f"/admin/subscribers/{row}/edit", data={**sent, "query": "agents", "do": "try"})
    assert "1 paper in the past week" in tried.text
    wrong = browser.post(f"/admin/subscribers/{row}/edit", data={**sent, "topic": "", "query": ""})
    assert wrong.status_code == 422
    assert "Saved." in browser.post_and_follow(f"/admin/subscribers/{row}/edit", data=sent).text
    assert _found(pages, ADA).preferences.max_papers == 7
    assert "max_papers" in _last_change(pages)[1]
    stale = browser.post(f"/admin/subscribers/{row}/edit", data=sent)
    assert stale.status_code == 409
    assert "changed after you opened this page" in stale.text


def test_the_page_of_a_subscriber_names_topics_once_and_follows_are_people(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA, "robots", "agents", queries=("swarms",), follows=("org: Lab",))
    page = browser.get(f"/admin/subscribers/{row}").text
    cells = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', page))
    assert cells["Topics"] == "Agents, Robots"
    assert (cells["Interests"], cells["Authors and organizations"]) == ("swarms", "org: Lab")


def test_the_page_of_a_subscriber_has_the_words_of_the_preferences_and_only_what_applies(
    pages: Pages, browser: Browser
) -> None:
    row = pages.subscriber(ADA, "robots", queries=("swarms",))
    page = browser.get(f"/admin/subscribers/{row}").text
    cells = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', page))
    assert {
        name: cells[name] for name in ("Frequency", "Time", "Length of the emails", "Email theme", "Language")
    } == {
        "Frequency": "Every day",
        "Time": "07:00",
        "Length of the emails": "Titles, summaries and details",
        "Email theme": "Paper",
        "Language": "English",
    }
    assert cells["On days without new papers"] == "No email, except close papers while the site is new"
    assert cells["How many papers plain-word interests match"] == "As usual"
    assert not {"Day of the week", "Day of the month"} & set(cells)
    membership.change(pages.app, membership.subscriber(pages.app, ADA), {"cadence": Cadence.WEEKLY, "weekday": 4})
    weekly = browser.get(f"/admin/subscribers/{row}").text
    assert '<th scope="row">Day of the week</th><td>Friday</td>' in weekly
    assert "Day of the month" not in weekly


def test_the_list_of_subscribers_counts_what_is_their_own(pages: Pages, browser: Browser) -> None:
    for email, given in ((ADA, {"queries": ("storks", "owls")}), ("b@b.example", {"follows": ("author: Song Han",)})):
        pages.site.subscriber(email, "robots", **given)
    page = browser.get("/admin/subscribers").text
    assert ">robots, 2 interests<" in page
    assert ">robots, 1 followed name<" in page
    assert "own-" not in page


def test_the_page_for_an_import_advises_no_option_of_the_command_line(pages: Pages, browser: Browser) -> None:
    sent = {"csrf": _csrf(browser), "do": "preview"}
    for csv in ("email\nnew@person.example\n", "email,topics\nnew@person.example,\n"):
        page = browser.post("/admin/subscribers/import", data={**sent, "csv": csv}).text
        assert "there are: " in page
        assert "--topic" not in page


def test_a_list_is_previewed_and_then_imported_row_by_row(pages: Pages, browser: Browser) -> None:
    pages.subscriber(ADA, cadence="weekly")
    csv = f"email,topics,max_papers\n{ADA},,3\nnew@person.example,robots,\nbroken,robots,\n"
    sent = {"csrf": _csrf(browser), "csv": csv}
    before = pages.dump()
    page = browser.post("/admin/subscribers/import", data={**sent, "do": "preview"}).text
    assert pages.dump() == before
    assert "Preview, nothing has been saved: 1 new, 1 changed, 0 unchanged, 1 skipped." in page
    assert "1 would be asked by email to confirm." in page
    assert "not an email address" in page
    files = {"file": ("list.csv", csv.encode("utf-16"), "text/csv")}
    page = browser.post("/admin/subscribers/import", data={**sent, "csv": "", "do": "import"}, files=files).text
    assert "Imported: 1 new, 1 changed, 0 unchanged, 1 skipped." in page
    assert (_found(pages, ADA).preferences.max_papers, _found(pages, ADA).schedule.cadence) == (3, "weekly")
    assert [letter["To"] for letter in pages.letters() if links_in(letter, "c")] == ["new@person.example"]
    assert _last_change(pages)[0] == "subscribers imported"
    page = browser.post("/admin/subscribers/import", data={**sent, "do": "preview", "confirmed": "yes"}).text
    assert "0 new, 1 changed, 1 unchanged" in page  # who was asked becomes active on the operator's word
    for csv in ("", "nothing\n1\n", '"'):
        assert (
            "0 new, 0 changed, 0 unchanged, 1 skipped"
            in browser.post("/admin/subscribers/import", data={**sent, "csv": csv}).text
        )
    assert browser.post("/admin/subscribers/import", data={**sent, "overwrite": "age"}).status_code == 422


def test_the_export_is_the_shells_and_is_noted(pages: Pages, browser: Browser) -> None:
    pages.subscriber(ADA)
    answer = browser.get("/admin/subscribers/export.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="subscribers.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.splitlines()[1].startswith(f"{ADA},")
    assert _last_change(pages)[0] == "subscribers exported"


def test_why_somebody_got_nothing_is_what_the_shell_says(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA)
    (why,) = [why for _, why in queries.silent(pages.app)]
    assert why in browser.get("/admin/subscribers/silent").text
    assert f"No email today: {why}." in browser.get(f"/admin/subscribers/{row}").text


def test_suppressed_addresses_are_shown_and_lifted(pages: Pages, browser: Browser) -> None:
    def shown(text: str) -> str:
        return " ".join(re.sub("<[^>]+>", " ", text).split())

    there = "/admin/subscribers/suppressed"
    assert "No suppressed addresses" in browser.get(there).text
    assert "suppressed address" not in browser.get("/admin").text
    ada, eve = pages.subscriber(ADA), pages.subscriber("eve@hopper.example")
    suppress, now = pages.app.store.subscribers.suppress, pages.site.clock()
    suppress(ADA, "hard bounce 5.1.1", now)
    suppress("eve@hopper.example", "complaint", now)
    suppress("former@x.example", "hard bounce 5.1.1", now)
    pages.subscriber("gone@x.example")
    suppress("gone@x.example", "hard bounce", now)
    membership.erase(pages.app, _found(pages, "gone@x.example"))
    assert "4 suppressed addresses" in shown(browser.get("/admin").text)
    assert "Suppressed addresses (4)" in browser.get("/admin/subscribers").text
    page = browser.get(there).text
    assert f'/admin/subscribers/{ada}">{ADA}</a>' in page
    assert f"{ADA} {now:%Y-%m-%d %H:%M} hard bounce 5.1.1 active" in shown(page)
    assert "erased, stored as a hash" in page
    assert re.findall(r'name="email" value="([^"]+)"', page) == [ADA, "former@x.example"]
    assert re.findall(r'name="email" value="([^"]+)"', browser.get(f"{there}?q=FORMER").text) == ["former@x.example"]
    assert browser.get(f"{there}?page=2").status_code == 404
    csrf = _csrf(browser)
    assert browser.post(there, data={"csrf": "x", "email": ADA}).status_code == 403
    refused = browser.post(there, data={"csrf": csrf, "email": "eve@hopper.example"})
    assert refused.status_code == 422
    assert "only they can lift the suppression" in refused.text
    lifted = browser.post(there, data={"csrf": csrf, "email": "former@x.example"})
    assert "The address is no longer suppressed." in browser.get(lifted.headers["location"]).text
    assert _last_change(pages) == ("subscriber: lift", "an address without a subscriber")
    assert "Lift the suppression" not in browser.get(f"/admin/subscribers/{eve}").text
    assert browser.post(f"/admin/subscribers/{eve}", data={"csrf": csrf, "do": "lift"}).status_code == 422
    assert "Lift the suppression" in browser.get(f"/admin/subscribers/{ada}").text
    lifted = browser.post(f"/admin/subscribers/{ada}", data={"csrf": csrf, "do": "lift"})
    page = browser.get(lifted.headers["location"]).text
    assert "The address is no longer suppressed." in page
    assert "Lift the suppression" not in page
    assert _last_change(pages) == ("subscriber: lift", f"subscriber {ada}")
    suppress(ADA, "hard bounce 5.1.1", now)
    browser.post(there, data={"csrf": csrf, "email": ADA})
    assert _last_change(pages) == ("subscriber: lift", f"subscriber {ada}")
    assert pages.app.store.suppressions.count() == 2


def test_an_email_is_linked_both_ways_and_shown_as_it_was_sent(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA, at="06:00")
    pages.site.clock.now += timedelta(days=1)
    pages.site.relay.replies.append((Stage.RCPT, 550, "5.2.2 mailbox full"))
    pages.letters()
    browser.post("/admin/login", data={"token": ADMIN_TOKEN})
    page = browser.get(f"/admin/subscribers/{row}").text
    (number,) = set(re.findall(r"/admin/letters/(\d+)", page))
    pages.site.papers(listing(1, "robots", title="Renamed later: robots"))
    letter = browser.get(f"/admin/letters/{number}").text
    for part in (f"/admin/subscribers/{row}", "mailbox full", "Retry", "failed", "soft"):
        assert part in letter, part
    shown = browser.get(f"/admin/letters/{number}/html")
    assert "A careful study of robots, part 1" in shown.text
    assert "Renamed" not in shown.text
    assert "sandbox" in shown.headers["content-security-policy"]
    csrf = _csrf(browser)
    again = browser.post("/admin/letters", data={"csrf": csrf, "letter": number, "from": "letter"})
    assert again.headers["location"].endswith(f"/admin/letters/{number}")
    assert _last_change(pages) == ("letters queued again", number)
    assert len(pages.letters()) == 1
    for path in ("letters/999", "letters/0", f"letters/{2**70}", f"subscribers/{2**70}", "subscribers?page=9",
                 "letters?page=9", "changes?page=0"):  # fmt: skip
        assert browser.get(f"/admin/{path}").status_code == 404, path


def test_a_notice_is_shown_too_and_emails_are_found_by_address(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA)
    browser.post(f"/admin/subscribers/{row}", data={"csrf": _csrf(browser), "do": "link"})
    assert "Your preferences link" in browser.get("/admin/letters/1").text
    assert "Open my preferences" in browser.get("/admin/letters/1/html").text
    assert ADA in browser.get("/admin/letters?email=LOVELACE").text
    assert "No emails" in browser.get("/admin/letters?email=hopper").text


def test_an_operator_starts_a_change_of_address_that_its_owner_confirms(pages: Pages, browser: Browser) -> None:
    row = pages.subscriber(ADA)
    here, csrf = f"/admin/subscribers/{row}", _csrf(browser)
    page = browser.post_and_follow(here, data={"csrf": csrf, "do": "move", "email": "new@person.example"})
    assert "Nothing changes until then." in page.text
    assert [letter["To"] for letter in pages.letters() if links_in(letter, "a")] == ["new@person.example"]
    wrong = browser.post(here, data={"csrf": csrf, "do": "move", "email": "nonsense"})
    assert wrong.status_code == 422
    assert "not an email address" in wrong.text


@pytest.mark.parametrize("do", ["", "erase", "delete"])
def test_an_unknown_or_unconfirmed_change_does_nothing(pages: Pages, browser: Browser, do: str) -> None:
    row = pages.subscriber(ADA)
    before = _found(pages, ADA)
    answer = browser.post(f"/admin/subscribers/{row}", data={"csrf": _csrf(browser), "do": do})
    assert answer.status_code == (303 if do == "erase" else 422)
    assert _found(pages, ADA) == before


def test_the_checks_are_those_of_doctor(pages: Pages, browser: Browser) -> None:
    page = browser.get("/admin/doctor").text
    assert "database" in page
    assert re.search("Nothing stops the next round|No email can be sent", page)
