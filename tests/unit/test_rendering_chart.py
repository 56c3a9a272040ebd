"""The chart of weekly and monthly letters: the picture, the legend, and the letters that it stands in."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date

import pytest
from PIL import Image

from paperround.domain.models import Digest, Section, TopicCounts
from paperround.domain.schedule import Cadence, Issue
from paperround.rendering import chart, language, plaintext, sample
from paperround.rendering.letter import LetterRenderer
from paperround.rendering.letter_facts import LetterFacts
from support.letters import (
    COUNTS,
    DAY,
    FOLDERS,
    LANGUAGES,
    THEMES,
    WEEKLY,
    WEEKLY_SUBSCRIBER,
    decoded,
    encoded_by,
    renderer,
)

pytestmark = pytest.mark.slow  # whole letters

_EN = language.load("en", FOLDERS)
_REST = (sample.PAPERS, WEEKLY_SUBSCRIBER, sample.LINKS, sample.DAY)


def _opened(topics: list[tuple[int, ...]]) -> Image.Image:
    return Image.open(io.BytesIO(chart.png(topics))).convert("RGBA")


def test_the_picture_has_a_column_a_day_as_high_as_its_papers() -> None:
    picture = _opened([(0, 2, 4), (0, 2, 0)])
    third = picture.width // 3
    columns = [[picture.getpixel((third * at + third // 2, y)) for y in range(picture.height - 2)] for at in range(3)]
    first, second = ((*bytes.fromhex(color[1:]), 255) for color in chart.COLORS[:2])
    assert all(pixel[3] == 0 for pixel in columns[0])
    assert (columns[1].count(first), columns[1].count(second)) == (131, 131)
    assert columns[1].index(second) < columns[1].index(first)
    assert columns[2].count(first) == picture.height - 2


def test_a_month_of_six_topics_is_small_and_twice_as_sharp_as_it_is_shown() -> None:
    data = chart.png([tuple((day * 7 + topic * 3) % 11 for day in range(31)) for topic in range(6)])
    assert len(data) < 5_000
    assert Image.open(io.BytesIO(data)).size == (2 * chart.WIDTH, 2 * chart.HEIGHT)


def test_with_days_each_column_has_its_day_and_its_number() -> None:
    days = [date(2026, 11, 16), date(2026, 11, 17)]
    picture = Image.open(io.BytesIO(chart.png([(0, 12)], days))).convert("RGBA")
    gray = (*bytes.fromhex("757575"), 255)
    half, floor = picture.width // 2, picture.height - 42

    def inked(left: int, top: int, bottom: int) -> bool:
        found = picture.crop((left, top, left + half, bottom)).getcolors() or ()
        return any(color == gray for _, color in found)

    assert inked(0, floor + 4, picture.height)
    assert inked(half, floor + 4, picture.height)
    assert inked(half, 0, 34), "how many papers there were"
    assert not inked(0, 0, floor), "a day without papers has no number"


@pytest.mark.parametrize("topics", [[], [(0, 0, 0)]])
def test_no_papers_leave_the_line_alone(topics: list[tuple[int, ...]]) -> None:
    assert {pixel for _, pixel in _opened(topics).getcolors() or ()} == {(0, 0, 0, 0), (117, 117, 117, 255)}


def test_the_legend_names_at_most_six_of_the_digests_public_topics_in_the_order_of_the_address() -> None:
    slugs = ["own-query", *"hgfedcba"]
    digest = Digest(Issue(Cadence.MONTHLY, DAY), tuple(Section(slug, slug, ()) for slug in slugs))
    made = chart.chart(
        digest, [TopicCounts(slug, slug.upper(), (1, 1)) for slug in "abcdefgh"], _EN, "https://p.example"
    )
    assert made is not None
    assert made.url == f"https://p.example/charts/monthly-{DAY}/c+d+e+f+g+h.png"
    assert [(one.name, one.papers) for one in made.legend] == [(name, "2 papers") for name in "CDEFGH"]
    assert made.title == "This month by topic"
    assert made.alt.startswith("Papers on each day, by topic: C 2, D 2, ")


def test_without_counted_topics_there_is_no_chart() -> None:
    assert chart.chart(WEEKLY, (), _EN, "https://p.example") is None


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_weekly_letter_from_pieces_is_the_one_laid_out_at_once(theme: str, code: str) -> None:
    one = renderer(theme, code)
    joined = one.letter(LetterFacts(WEEKLY, *_REST, COUNTS))
    assert (
        joined
        == one.whole_letter(LetterFacts(WEEKLY, *_REST, COUNTS))
        == one.letter(LetterFacts(WEEKLY, *_REST, COUNTS))
    )
    assert decoded(encoded_by(one, LetterFacts(WEEKLY, *_REST, COUNTS))) == (joined.subject, joined.html, joined.text)
    assert f"/charts/weekly-{DAY}/" in joined.html
    for counted in COUNTS:
        assert f"{counted.name}: {sum(counted.papers)} " in joined.text


def test_letters_that_show_the_same_papers_in_other_ways_share_the_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    one, drawn = LetterRenderer(sample.SITE, "paper", _EN, FOLDERS), list[object]()
    full = LetterFacts(WEEKLY, *_REST, COUNTS)
    titles = full._replace(subscriber=full.subscriber.with_preferences(density="titles"))
    encoded_by(one, full)
    monkeypatch.setattr(plaintext, "chart_text", drawn.append)
    _, html, text = decoded(encoded_by(one, titles))
    assert drawn == []
    assert f"/charts/weekly-{DAY}/" in html
    assert all(f"{counted.name}: {sum(counted.papers)} " in text for counted in COUNTS)


def test_charts_of_other_numbers_are_other_charts() -> None:
    other = tuple(replace(one, papers=(100, *one.papers[1:])) for one in COUNTS)
    before, after = (renderer().letter(LetterFacts(WEEKLY, *_REST, counts)) for counts in (COUNTS, other))
    assert before.html != after.html
    assert before.text != after.text


def test_a_site_without_pictures_keeps_the_legend() -> None:
    bare = LetterRenderer(sample.SITE, "paper", _EN, FOLDERS, pictures=False).letter(
        LetterFacts(WEEKLY, *_REST, COUNTS)
    )
    assert "/charts/" not in bare.html
    assert "This week by topic" in bare.html
    assert "This week by topic" in bare.text


def test_the_made_up_issue_has_a_chart_where_it_tells_of_several_days() -> None:
    assert sample.digest(Cadence.DAILY) == sample.DIGEST
    assert sample.counts(Cadence.DAILY) == ()
    weekly, monthly = (sample.counts(cadence) for cadence in (Cadence.WEEKLY, Cadence.MONTHLY))
    assert [len(one.papers) for one in weekly] == [8, 8, 8]
    assert {len(one.papers) for one in monthly} == {32}
    assert sorted(sample.digest(Cadence.WEEKLY).papers) == sorted(sample.DIGEST.papers)


def test_the_page_of_a_digest_has_the_pictures_colors() -> None:
    style = (FOLDERS[-1] / "web" / "static" / "style.css").read_text()
    told = re.findall(r"\.legend li:nth-child\((\d)\)::before \{ color: (#\w+); \}", style)
    assert told == [(str(number), color) for number, color in enumerate(chart.COLORS, start=1)]
