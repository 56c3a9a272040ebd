"""`ingest_file` in this process: the bytes come in pieces of any size, and every file is accounted for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperround.domain.errors import UsageError
from paperround.rounds import file_ingest
from support.answers import sample
from support.site import Site

ITEM = "<item><title>Mill {0}</title><link>https://mill.example/{0}</link><pubDate>20 Nov 2026</pubDate>{1}</item>"
ITEMS = ITEM.format(1, "") + ITEM.format(2, "")
FEED = f"<rss version='2.0'><channel><title>Mill</title>{ITEMS}</channel></rss>".encode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.topic("mill")
    yield made
    made.app.close()


class Watched:
    """Remembers the progress that it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.done = 0

    def begin(self, stage: str, total: int | None) -> None:
        self.stages.append((stage, total))

    def advance(self, count: int = 1) -> None:
        self.done += count


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def lines(*entries: dict[str, str]) -> bytes:
    return b"".join(json.dumps({"day": "2026-11-20", **entry}).encode() + b"\n" for entry in entries)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [None, "feed"])
def test_a_file_is_the_same_in_pieces_of_any_size(site: Site, form: str | None, packed: bool, size: int) -> None:
    data = gzip.compress(FEED) if packed else FEED
    report = file_ingest.ingest_file(site.app, pieces(data, size), form, "mill.xml")
    assert (report.source, report.state, report.note) == ("mill.xml", "fresh", "")
    assert (report.fetched, report.new, report.updated, report.rejected) == (2, 2, 0, 0)
    assert {paper.title for paper in site.app.store.papers.latest(10)} == {"Mill 1", "Mill 2"}


def test_a_large_feed_whose_first_bytes_come_in_many_pieces_is_read_whole(site: Site) -> None:
    text = "x" * 500
    items = "".join(ITEM.format(number, f"<description>{text}</description>") for number in range(200))
    data = f"<rss version='2.0'><channel><title>Mill</title>{items}</channel></rss>".encode()
    report = file_ingest.ingest_file(site.app, pieces(data, 1_000), None, "-")
    assert (report.fetched, report.new) == (200, 200)


def test_papers_are_matched_at_once_and_those_of_an_archive_are_never_mailed(site: Site) -> None:
    site.subscriber("ada@example.org", "mill")
    file_ingest.ingest_file(site.app, [FEED], None, "new.xml")
    assert site.app.store.topics.counts()["mill"][1] == 2
    old = (
        FEED.replace(b"/1<", b"/8<")
        .replace(b"/2<", b"/9<")
        .replace(b"Mill 1", b"Mill 8")
        .replace(b"Mill 2", b"Mill 9")
    )
    report = file_ingest.ingest_file(site.app, [old], None, "old.xml", unmailed=True)
    assert (report.new, site.app.store.topics.counts()["mill"][1]) == (2, 4)
    unread = site.app.store.issues.unread(site.app.store.subscribers.by_email("ada@example.org"), site.clock())
    assert {paper.title for paper in unread.papers.values()} == {"Mill 1", "Mill 2"}


@pytest.mark.parametrize("mail_old", [False, True])
def test_old_papers_of_a_file_are_mailed_only_if_that_is_asked_for(site: Site, mail_old: bool) -> None:
    site.subscriber("ada@example.org", "mill")
    old = [{"title": f"Mill {number}", "day": day} for number, day in ((2, "2020-11-30"), (3, "2026-10-20"))]
    data = lines({"title": "Mill 1"}, *old)
    report = file_ingest.ingest_file(site.app, [data], "jsonl", "mill.jsonl", mail_old=mail_old)
    assert (report.fetched, report.new, report.too_old) == (3, 3, 0 if mail_old else 2)
    assert ("2 papers are older than 30 days" in report.note) is not mail_old
    unread = site.app.store.issues.unread(site.app.store.subscribers.by_email("ada@example.org"), site.clock())
    mailed = {"Mill 1", "Mill 2", "Mill 3"} if mail_old else {"Mill 1"}
    assert {paper.title for paper in unread.papers.values()} == mailed
    again = file_ingest.ingest_file(site.app, [data], "jsonl", "mill.jsonl", mail_old=mail_old)
    assert (again.new, again.too_old, again.note) == (0, 0, "")


@pytest.mark.parametrize("mail_old", [False, True])
def test_an_oai_record_that_changed_lately_is_as_old_as_its_paper(site: Site, mail_old: bool) -> None:
    site.topic("limits", "limit OR grasping")
    site.subscriber("ada@example.org", "limits")
    report = file_ingest.ingest_file(site.app, [sample("arxiv_oai_raw.xml")], None, "oai.xml", mail_old=mail_old)
    assert (report.fetched, report.new, report.too_old) == (2, 2, 0 if mail_old else 1)
    unread = site.app.store.issues.unread(site.app.store.subscribers.by_email("ada@example.org"), site.clock())
    mailed = {paper.title for paper in unread.papers.values()}
    new, old = "Hands That Listen: Sound for Grasping", "An Old Limit With a New Journal Reference"
    assert mailed == ({new, old} if mail_old else {new})


def test_lines_are_stored_in_blocks_and_their_reasons_are_counted_together(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paperround.sources.jsonl._BLOCK_BYTES", 200)
    data = lines(
        *({"title": f"Mill {number}"} for number in range(20)), {"title": ""}, {"title": "Mill 99"}, {"title": ""}
    )
    report = file_ingest.ingest_file(site.app, pieces(data, 50), None, "mill.jsonl")
    assert (report.fetched, report.new, report.rejected) == (21, 21, 2)
    (problem,) = report.problems
    assert problem.where == "entry 21 and 1 more"


def test_the_progress_is_counted_in_bytes_as_they_came(site: Site) -> None:
    site.app.progress = watched = Watched()
    data = gzip.compress(FEED)
    file_ingest.ingest_file(site.app, pieces(data, 30), None, "mill.xml.gz", size=len(data))
    assert watched.stages == [("reading", len(data))]
    assert watched.done == len(data)


def test_a_format_that_cannot_be_guessed_is_named_with_those_that_there_are(site: Site) -> None:
    with pytest.raises(
        UsageError, match=r"notes: its format is not recognized; name it with --as: hf-daily, .*jsonl"
    ):
        file_ingest.ingest_file(site.app, [b"nothing ", b"in particular"], None, "notes")
    with pytest.raises(UsageError, match="empty: the file is empty"):
        file_ingest.ingest_file(site.app, [], None, "empty")
    with pytest.raises(UsageError, match="empty: the file is empty"):
        file_ingest.ingest_file(site.app, [gzip.compress(b"")], "jsonl", "empty")


def test_a_wrong_format_error_for_a_file_mentions_no_url(site: Site) -> None:
    data = lines({"title": "Mill 1"}, {"title": "Mill 2"})
    for form, content, told in (
        ("feed", b"{}", "this is JSON, but no JSON Feed"),
        ("hf-daily", data, "this is not JSON (got JSON lines)"),
        ("hf-daily", b'{"title": "Mill', "this is not JSON (got broken JSON)"),
        ("hf-daily", b"[] and more", "this is not JSON (got broken JSON)"),
    ):
        report = file_ingest.ingest_file(site.app, [content], form, "mill.json")
        assert report.failed
        assert f"{told}; check --as {form}" in report.note


def test_a_file_that_cannot_be_used_is_reported_with_the_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    half = file_ingest.ingest_file(site.app, [gzip.compress(FEED)[:40]], "feed", "half.gz")
    assert (half.state, half.failed, half.note) == (
        "failed",
        True,
        "half.gz: it is truncated, or not a complete gzip file",
    )
    broken = file_ingest.ingest_file(site.app, [b"<rss><channel>"], "arxiv-oai", "broken.xml")
    assert (broken.state, broken.new) == ("failed", 0)
    assert broken.note
    monkeypatch.setattr(file_ingest, "_MAX_FILE_BYTES", len(FEED))
    assert file_ingest.ingest_file(site.app, pieces(FEED, 40), "feed", "mill.xml").new == 2
    monkeypatch.setattr(file_ingest, "_MAX_FILE_BYTES", len(FEED) - 1)
    large = file_ingest.ingest_file(site.app, pieces(FEED, 40), "feed", "large.xml")
    assert (large.state, large.note) == ("failed", f"large.xml: it is larger than {len(FEED) - 1:,} bytes; split it")


def test_what_came_before_the_damage_of_a_long_file_is_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperround.sources.jsonl._BLOCK_BYTES", 200)
    data = lines(*({"title": f"Mill {number}"} for number in range(2_000)))
    report = file_ingest.ingest_file(site.app, pieces(gzip.compress(data)[:-200], 100), None, "mill.jsonl.gz")
    assert report.failed
    assert report.new == report.fetched == site.app.store.papers.count() > 1_000


def test_an_archive_that_unpacks_to_too_much_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_ingest, "_MAX_EXPORT_BYTES", 10_000)
    report = file_ingest.ingest_file(site.app, [gzip.compress(FEED + b" " * 20_000)], "feed", "bomb.gz")
    assert (report.state, report.new) == ("failed", 0)
    assert report.note == "bomb.gz: it unpacks to more than 10,000 bytes; split it"
