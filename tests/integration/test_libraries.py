"""Libraries of subscribers: files and services, from the page to the order of a letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from paperround.process.encryption import decrypt, encrypt
from paperround.rounds import libraries
from paperround.sources import library_services
from paperround.sources.library import read_library
from paperround.subscribers import membership
from support.databases import engine_of
from support.library_server import FEED, Services
from support.library_server import KEY as _KEY
from support.library_server import ORCID as _ORCID
from support.pages import Pages
from support.papers import listing

_EMAIL = "ada@lovelace.example"


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    made = Pages(tmp_path, database_url)
    made.subscriber(_EMAIL)
    yield made
    made.app.close()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    made = Services()
    monkeypatch.setattr(library_services, "ZOTERO", made.url)
    monkeypatch.setattr(library_services, "ORCID", f"{made.url}/orcid")
    monkeypatch.setattr(libraries, "ARXIV_API", f"{made.url}/arxiv")
    monkeypatch.setattr(
        library_services, "ZOTERO_PACE", library_services.Pace("zotero-here", seconds=0.0, backoff=0.0)
    )
    yield made
    made.close()


def _row(pages: Pages) -> int:
    return membership.subscriber(pages.app, _EMAIL).row


def _page(pages: Pages) -> str:
    return f"{pages.link('preferences', _row(pages))}/library"


def test_a_file_counts_papers_here_learns_others_and_names_the_broken(pages: Pages) -> None:
    bib = "@a{a, title={A}, eprint={2611.00001}}\n@a{b, title={Storks fly}, abstract={Birds.}}\n@a{c, title={no end"
    answer = pages.client.post(_page(pages), data={"do": "read"}, files={"file": ("my.bib", bib.encode())})
    assert answer.status_code == 200
    assert "1 paper is on this site and counts as “more like this”." in answer.text
    assert "1 paper is not on this site; its text is used." in answer.text
    assert "this is not a complete BibTeX entry" in answer.text
    assert list(pages.app.store.feedback.verdicts(_row(pages)).values()) == [1]
    assert pages.app.store.examples.count(_row(pages)) == 1


@pytest.mark.parametrize(
    ("entry", "liked"),
    [
        ("title={Storks migrate South in Winter}, author={Byron, Ada and Bee, Ben}", True),
        ("title={Storks migrate {S}outh in winter}, author={A. Byron and others}, doi={10.1000/published}", True),
        ("title={Storks migrate south in winter}, author={Bee, Ben and Byron, Ada}", False),
        ("title={Storks migrate south in winter}, author={Byron, Zoe}", False),
        ("title={Storks migrate south in winter}, author={Byron, Ada}, eprint={2501.00001}", False),
        ("title={Storks migrate south in winter}", False),
        ("title={Storks migrate north in winter}, author={Byron, Ada and Bee, Ben}", False),
    ],
)
def test_a_paper_without_a_known_identifier_is_recognized_by_title_and_first_author(
    entry: str, liked: bool, pages: Pages
) -> None:
    pages.site.papers(listing(50, title="Storks migrate south in winter", authors=["Ada Byron", "Ben Bee"]))
    pages.client.post(_page(pages), data={"do": "read", "text": f"@a{{a, {entry}}}"})
    assert len(pages.app.store.feedback.verdicts(_row(pages))) == liked
    assert pages.app.store.examples.count(_row(pages)) + liked == 1


def test_a_file_in_latin_1_is_read_and_that_is_told(pages: Pages) -> None:
    bib = "@a{b, title={Störche fliegen}, abstract={Über Vögel.}}".encode("latin-1")
    answer = pages.client.post(_page(pages), data={"do": "read"}, files={"file": ("my.bib", bib)})
    assert "1 paper is not on this site; its text is used." in answer.text
    assert "The file is not in UTF-8 and was read as Windows-1252." in answer.text


def test_an_answer_given_before_is_not_turned_round_by_a_library(pages: Pages) -> None:
    paper = pages.app.store.papers.by_id("2611.00001")
    assert paper is not None
    membership.rate_paper(pages.app, membership.subscriber(pages.app, _EMAIL), paper.row, -1)
    pages.client.post(_page(pages), data={"do": "read", "text": "2611.00001"})
    assert pages.app.store.feedback.verdicts(_row(pages)) == {paper.row: -1}


@pytest.mark.parametrize("text", ["", "nothing of the kind", "\x00", "[]", "{", "@article{"])
def test_a_text_without_papers_says_what_is_expected(pages: Pages, text: str) -> None:
    answer = pages.client.post(_page(pages), data={"do": "read", "text": text})
    assert answer.status_code == 422
    assert "No papers were found in it." in answer.text


def test_papers_of_a_library_or_a_reading_list_do_not_come_as_new(pages: Pages) -> None:
    pages.site.topic("studies", "study")
    membership.change(pages.app, membership.subscriber(pages.app, _EMAIL), {"topics": ("studies",)})
    ada = membership.subscriber(pages.app, _EMAIL)
    pages.site.papers(*(listing(number, "robots") for number in range(30, 36)))
    rows = pages.app.store.papers.rows_by_id([f"2611.{number:05d}" for number in range(30, 36)])
    liked_before, saved = rows["2611.00031"], rows["2611.00035"]
    assert membership.rate_paper(pages.app, ada, liked_before, -1)
    pages.client.post(_page(pages), data={"do": "read", "text": "2611.00030\n2611.00031\n2611.00036"})
    assert membership.save_paper(pages.app, ada, saved)
    assert membership.rate_paper(pages.app, ada, rows["2611.00032"], 1), "an answer alone does not own it"
    pages.site.papers(listing(36, "robots"), listing(37, "robots"))
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    digest = pages.app.store.issues.digests_of(_row(pages))[0]
    news = {*digest.papers, *digest.more}
    named = pages.app.store.papers.rows_by_id([f"2611.{number:05d}" for number in range(30, 38)])
    assert {name for name, row in named.items() if row in news} == {
        f"2611.{number:05d}" for number in (32, 33, 34, 37)
    }
    assert pages.app.store.feedback.verdicts(_row(pages))[liked_before] == -1


@pytest.mark.usefixtures("services")
def test_unread_papers_of_a_liked_author_still_come(pages: Pages) -> None:
    pages.site.topic("studies", "study")
    membership.change(pages.app, membership.subscriber(pages.app, _EMAIL), {"topics": ("studies",)})
    titles = ("A study of harps", "A study of bells", "A study of lutes", "A study of drums")
    new = [listing(40 + at, title=title, authors=["Wei Li"]) for at, title in enumerate(titles)]
    pages.site.papers(*new, listing(44, title="A study of flutes", doi="10.1038/nature14539"))
    pages.client.post(_page(pages), data={"do": "read", "text": "2611.00042"})
    pages.client.post(_page(pages), data={"do": "author", "author": "Wei Li"})
    pages.client.post(_page(pages), data={"do": "orcid", "orcid": _ORCID})
    libraries.read_due(pages.app)
    rows = pages.app.store.papers.rows_by_id([f"2611.{number:05d}" for number in range(40, 45)])
    assert pages.app.store.feedback.verdicts(_row(pages)) == dict.fromkeys(rows.values(), 1)
    pages.client.post(_page(pages), data={"do": "read", "text": "2611.00043"})
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    digest = pages.app.store.issues.digests_of(_row(pages))[0]
    news = {*digest.papers, *digest.more}
    assert {name for name, row in rows.items() if row in news} == {"2611.00040", "2611.00041", "2611.00044"}


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("has_it", [False, True])
def test_a_work_of_a_liked_author_that_is_stored_later_comes_unless_they_have_it(
    pages: Pages, *, has_it: bool
) -> None:
    pages.site.topic("studies", "study")
    membership.change(pages.app, membership.subscriber(pages.app, _EMAIL), {"topics": ("studies",)})
    pages.client.post(_page(pages), data={"do": "orcid", "orcid": _ORCID})
    libraries.read_due(pages.app)
    if has_it:
        bib = "@a{b, title={A study of flutes}, doi={10.1038/nature14539}}"
        pages.client.post(_page(pages), data={"do": "read", "text": bib})
        pages.site.clock.now += timedelta(days=1)
        libraries.read_due(pages.app)  # the record does not take it away
    pages.site.papers(
        listing(44, title="A study of flutes", doi="10.1038/nature14539"), listing(45, title="A study of drums")
    )
    rows = pages.app.store.papers.rows_by_id(["2611.00044", "2611.00045"])
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    digest = pages.app.store.issues.digests_of(_row(pages))[0]
    news = {*digest.papers, *digest.more}
    assert [name for name, row in rows.items() if row in news] == (
        ["2611.00045"] if has_it else ["2611.00044", "2611.00045"]
    )


def test_a_library_orders_the_next_letter(pages: Pages) -> None:
    pages.site.topic("studies", "study")
    membership.change(pages.app, membership.subscriber(pages.app, _EMAIL), {"topics": ("studies",)})
    bib = "\n".join(
        f"@a{{k{n}, title={{Storks migrate south {n}}}, abstract={{Storks, birds and wings.}}}}" for n in range(12)
    )
    pages.client.post(_page(pages), data={"do": "read", "text": bib})
    pages.site.papers(
        *(listing(30 + n, "agents", title=f"A study of carts {n}", upvotes=3) for n in range(4)),
        listing(40, "birds", title="A study of storks that migrate", abstract="Storks, birds and wings."),
    )
    pages.site.clock.now += timedelta(days=1)
    pages.letters()
    digest = pages.app.store.issues.digests_of(_row(pages))[0]
    titles = pages.app.store.papers.by_rows(digest.papers)
    tastes = {titles[paper].title: score.taste for paper, score in digest.scores.items()}
    storks = tastes.pop("A study of storks that migrate")
    assert storks > max(0.0, *tastes.values())
    taste = pages.client.get(f"{pages.link('preferences', _row(pages))}/taste").text
    assert "12 papers of your own library, and:" in taste
    assert "Learned only from your ratings and your library." in taste


def test_papers_known_by_identifier_alone_are_looked_up_at_arxiv(pages: Pages, services: Services) -> None:
    answer = pages.client.post(_page(pages), data={"do": "read", "text": "2411.01234 10.1038/nature14539"})
    assert "1 title will be looked up on arXiv within the hour." in answer.text
    assert "1 DOI was skipped: no paper on this site has it, and it came without a title." in answer.text
    libraries.read_due(pages.app)
    assert services.asked == ["/arxiv?id_list=2411.01234&max_results=1"]
    _, papers = pages.app.store.examples.learned_from(_row(pages))
    assert [paper.title for paper in papers.values()] == ["Storks at night"]


def test_a_title_that_arxiv_does_not_tell_is_asked_for_three_times(pages: Pages, services: Services) -> None:
    pages.client.post(_page(pages), data={"do": "read", "text": "2411.01234"})
    services.body = FEED.format("").encode()
    for _ in range(5):
        libraries.read_due(pages.app)
    assert len(services.asked) == 3


def test_an_identifier_that_arxiv_refuses_does_not_stop_the_others(pages: Pages, services: Services) -> None:
    pages.client.post(_page(pages), data={"do": "read", "text": "2411.01234 2503.0213"})
    assert libraries.look_up_titles(pages.app) == 1
    assert libraries.look_up_titles(pages.app) == 0
    asked = [path.partition("id_list=")[2].partition("&")[0] for path in services.asked]
    assert asked == ["2411.01234%2C2503.0213", "2411.01234", "2503.0213", "2503.0213"]


def test_titles_wait_for_arxiv_to_come_back(pages: Pages, services: Services) -> None:
    pages.client.post(_page(pages), data={"do": "read", "text": "2411.01234"})
    services.body = b"<html>Down for maintenance</html>"
    for _ in range(4):
        assert libraries.look_up_titles(pages.app) == 0
    services.body = None
    assert libraries.look_up_titles(pages.app) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_service_that_refuses_is_asked_once_a_sweep_and_titles_wait(
    pages: Pages, services: Services, status: int
) -> None:
    names = [f"2411.{number:05}" for number in range(1000, 1008)]
    pages.client.post(_page(pages), data={"do": "read", "text": " ".join(names)})
    services.status = status
    for _ in range(4):
        assert libraries.look_up_titles(pages.app) == 0
    assert {path.partition("id_list=")[2].count("%2C") for path in services.asked} == {len(names) - 1}
    assert len(pages.app.store.examples.waiting(100)) == len(names)


def test_a_zotero_library_is_read_page_by_page_and_its_key_is_stored_encrypted(
    pages: Pages, services: Services
) -> None:
    assert pages.client.post(_page(pages), data={"do": "zotero", "key": _KEY}).status_code == 303
    [linked] = pages.app.store.examples.linked(_row(pages))
    assert _KEY not in linked.secret
    assert decrypt(pages.app.keys, linked.secret) == _KEY
    libraries.read_due(pages.app)
    assert pages.app.store.examples.count(_row(pages)) == 130
    assert all(_KEY not in path for path in services.asked)
    assert len(services.asked) == 3
    libraries.read_due(pages.app)
    assert len(services.asked) == 3, "it is read once a day"
    assert _KEY not in pages.client.get(f"{pages.link('preferences', _row(pages))}/data.json").text


def test_an_expired_zotero_key_is_reported_and_stops_nothing_else(pages: Pages, services: Services) -> None:
    pages.client.post(_page(pages), data={"do": "zotero", "key": _KEY})
    pages.client.post(_page(pages), data={"do": "orcid", "orcid": _ORCID})
    services.keys.clear()
    libraries.read_due(pages.app)
    page = pages.client.get(_page(pages)).text
    assert "this key is not valid, or no longer" in page
    assert pages.app.store.examples.count(_row(pages)) == 1, "ORCID was read all the same"


@pytest.mark.parametrize("key", ["“Ada’s key”", "two words", "", "x" * 101])
def test_what_cannot_be_a_zotero_key_is_refused(pages: Pages, key: str) -> None:
    answer = pages.client.post(_page(pages), data={"do": "zotero", "key": key})
    assert answer.status_code == 422
    assert "This is not a Zotero key" in answer.text
    assert pages.app.store.examples.linked(_row(pages)) == []


def test_a_library_that_breaks_does_not_stop_the_others(pages: Pages, services: Services) -> None:
    # Stored by an earlier version, which took any key: no header can hold it.
    pages.app.store.examples.link(_row(pages), libraries.ZOTERO, "", encrypt(pages.app.keys, "“key”"))
    pages.client.post(_page(pages), data={"do": "orcid", "orcid": _ORCID})
    libraries.read_due(pages.app)
    orcid, zotero = pages.app.store.examples.linked(_row(pages))
    assert (orcid.problem, zotero.problem) == ("", "zotero: UnicodeEncodeError; please report this")


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[]", b"null", b'{"userID": "x"}', b"\xff", b"[" * 50_000])
def test_an_unexpected_response_of_a_service_is_reported(pages: Pages, services: Services, body: bytes) -> None:
    services.body = body
    pages.client.post(_page(pages), data={"do": "zotero", "key": _KEY})
    libraries.read_due(pages.app)
    [linked] = pages.app.store.examples.linked(_row(pages))
    assert linked.problem


def test_a_changed_secret_key_asks_for_the_zotero_key_again(pages: Pages, services: Services) -> None:
    pages.app.store.examples.link(_row(pages), libraries.ZOTERO, "", "not encrypted here")
    libraries.read_due(pages.app)
    [linked] = pages.app.store.examples.linked(_row(pages))
    assert "enter your Zotero key again" in linked.problem
    assert services.asked == []


def test_an_orcid_record_is_read_and_a_mistyped_id_is_refused(pages: Pages, services: Services) -> None:
    assert pages.client.post(_page(pages), data={"do": "orcid", "orcid": "0000-0002-1825-0098"}).status_code == 422
    pages.client.post(_page(pages), data={"do": "orcid", "orcid": f"https://orcid.org/{_ORCID}"})
    libraries.read_due(pages.app)
    assert pages.app.store.examples.count(_row(pages)) == 1
    services.status = 404
    libraries.sync_libraries(pages.app, pages.app.store.examples.linked(_row(pages)))
    [linked] = pages.app.store.examples.linked(_row(pages))
    assert "there is no public record" in linked.problem


def test_a_library_is_disconnected_and_forgotten(pages: Pages, services: Services) -> None:
    pages.client.post(_page(pages), data={"do": "zotero", "key": _KEY})
    libraries.read_due(pages.app)
    pages.client.post(_page(pages), data={"do": "unlink", "kind": "zotero"})
    assert pages.app.store.examples.linked(_row(pages)) == []
    assert pages.app.store.examples.count(_row(pages)) == 130
    pages.client.post(_page(pages), data={"do": "forget"})
    assert pages.app.store.examples.count(_row(pages)) == 0


def test_an_authors_papers_here_count(pages: Pages) -> None:
    answer = pages.client.post(_page(pages), data={"do": "author", "author": "Ben Bookman"})
    assert "papers are on this site and count as “more like this”." in answer.text


def test_an_answer_given_while_a_library_is_read_is_not_turned_round(pages: Pages) -> None:
    paper, row, clock = pages.app.store.papers.by_id("2611.00001"), _row(pages), pages.app.clock
    assert paper is not None

    def meanwhile():
        now = clock()
        pages.app.store.feedback.rate(row, paper.row, -1, now)
        return now

    pages.app.clock = meanwhile
    libraries.learn_from(pages.app, row, read_library(b"2611.00001"))
    assert pages.app.store.feedback.verdicts(row) == {paper.row: -1}


def test_a_library_is_stored_in_as_many_transactions_however_long_it_is(pages: Pages) -> None:
    def commits(number: int) -> int:
        counted: list[object] = []
        note = counted.append
        event.listen(engine_of(pages.app.store), "commit", note)
        text = "\n".join(f"2611.{each:05d}" for each in range(1, number + 1))
        report = libraries.learn_from(pages.app, _row(pages), read_library(text.encode()))
        event.remove(engine_of(pages.app.store), "commit", note)
        assert report.liked == number
        return len(counted)

    pages.site.papers(*(listing(number, "robots") for number in range(1, 21)))
    assert commits(1) == commits(20)
    assert len(pages.app.store.feedback.verdicts(_row(pages))) == 20


def test_papers_that_are_gone_or_merged_into_others_count_once(pages: Pages) -> None:
    facts = {"source": "blog", "arxiv_id": None, "doi": "10.5555/one", "url": "https://b.example/1"}
    same = {"title": "A study: one", "authors": ["Ben Bookman"]}
    pages.site.papers(listing(0, **same, **facts), listing(77, **{**same, "title": "A study: two"}))
    old, row = pages.app.store.papers.rows_by_id(["10.5555/one", "10.5555/none"]), _row(pages)
    pages.site.papers(listing(77, **same, doi="10.5555/one"))
    kept = pages.app.store.papers.rows_by_id(["arXiv:2611.00077v2"])["arXiv:2611.00077v2"]
    assert kept not in old.values()
    pages.app.store.feedback.like_all(row, {old["10.5555/one"]: True, kept: False, 999_999: True}, pages.app.clock())
    assert pages.app.store.feedback.verdicts(row) == {kept: 1}
    pages.app.store.feedback.like_all(row, {999_999: True}, pages.app.clock())
    pages.app.store.feedback.like_all(999_999, {kept: True}, pages.app.clock())
    assert pages.app.store.feedback.verdicts(row) == {kept: 1}


def test_erasing_a_subscriber_erases_their_library(pages: Pages) -> None:
    pages.client.post(_page(pages), data={"do": "read", "text": "@a{b, title={Storks fly}}"})
    membership.erase(pages.app, membership.subscriber(pages.app, _EMAIL))
    assert pages.dump()["examples"] == []
