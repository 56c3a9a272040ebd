"""A site's own templates, style sheet, languages and themes on its pages; all papers as JSON lines."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from paperround.operator.site import create
from paperround.process.resources import folder
from paperround.sources import jsonl
from paperround.subscribers import membership
from support.pages import Pages


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's folder of templates; the site is the present folder."""
    monkeypatch.chdir(tmp_path)
    templates = tmp_path / "templates"
    (templates / "web" / "static").mkdir(parents=True)
    return templates


def test_the_pages_take_the_sites_own_templates_styles_and_languages(tmp_path: Path, own: Path) -> None:
    shutil.copy(folder("templates") / "web" / "layout.html.j2", own / "web" / "layout.html.j2")
    with (own / "web" / "layout.html.j2").open("a", encoding="utf-8") as file:
        file.write("<!-- our own -->")
    (own / "web" / "static" / "style.css").write_text("body { color: teal }", encoding="utf-8")
    (own / "locale").mkdir()
    (own / "locale" / "fr.po").write_text('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n')
    pages = Pages(tmp_path)
    assert pages.client.get("/topics").text.endswith("<!-- our own -->")
    assert pages.client.get("/static/style.css").text == "body { color: teal }"
    assert pages.client.get("/static/icon.svg").status_code == 200
    assert '<html lang="fr"' in pages.client.get("/?lang=fr").text
    pages.app.close()


def test_a_theme_of_the_sites_own_can_be_chosen(tmp_path: Path, own: Path) -> None:
    themes = own / "email" / "themes"
    themes.mkdir(parents=True)
    shutil.copy(folder("templates") / "email" / "themes" / "paper.html.j2", themes / "mine.html.j2")
    pages = Pages(tmp_path)
    page = pages.client.get(pages.link("preferences", pages.subscriber()))
    assert '<option value="mine">' in page.text
    pages.app.close()


def test_the_theme_that_a_new_site_begins_with_is_offered_once_it_is_no_draft(tmp_path: Path, own: Path) -> None:
    create(tmp_path)
    pages = Pages(tmp_path)
    row = pages.subscriber()
    link = pages.link("preferences", row)
    assert 'value="mine"' not in pages.client.get(link).text
    assert pages.client.post(link, data={"topic": "robots", "theme": "mine"}).status_code == 422
    membership.change(pages.app, membership.subscriber(pages.app, "ada@lovelace.example"), {"theme": "mine"})
    assert '<option value="mine" selected>' in pages.client.get(link).text, "the operator gave it to them"
    other = pages.link("preferences", pages.subscriber("bob@hopper.example"))
    assert 'value="mine"' not in pages.client.get(other).text
    mine = own / "email" / "themes" / "mine.html.j2"
    mine.write_text(mine.read_text("utf-8").partition("\n")[2], "utf-8")
    assert mine.read_bytes() == (folder("templates") / "email" / "themes" / "paper.html.j2").read_bytes()
    assert '<option value="mine">' in pages.client.get(other).text
    pages.app.close()


def test_all_papers_come_as_the_lines_that_another_paperround_reads(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    answer = pages.client.get("/export.jsonl")
    assert answer.headers["content-type"].startswith("application/jsonl")
    parsed = jsonl.parse(answer.content, date(2026, 11, 23))
    assert parsed.problems == ()
    assert len(parsed.listings) == pages.app.store.papers.count() > 5
    again = "".join(jsonl.write(parsed.listings))
    assert again == answer.text
    pages.app.store.papers.add(parsed.listings, datetime(2026, 11, 24, tzinfo=UTC))
    assert pages.client.get("/export.jsonl").text == answer.text
    pages.app.close()


def test_an_export_is_read_from_the_database_in_pieces(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    whole = list(pages.app.store.papers.all_listings())
    assert list(pages.app.store.papers.all_listings(papers_at_once=2)) == whole
    pages.app.close()
