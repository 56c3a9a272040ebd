"""What each format's parser makes of a whole document of its kind."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.errors import SourceError
from paperround.domain.identity import conflict, keys
from paperround.domain.models import MAX_AUTHORS, Listing, ParsedSource, Problem
from paperround.sources import FORMATS, jsonl
from paperround.sources.arxiv_days import HOLIDAYS, batch_of, batches, has_batch, last_batch, submitted_for
from paperround.sources.entries import Entries, RejectionReasons, cut_short
from paperround.sources.guess import HEAD, guess_format
from paperround.sources.links import web_link
from paperround.sources.markup import extract, plain, untex
from paperround.sources.page import latest
from support.answers import at, sample
from support.documents import BODIES, SAMPLES

TODAY = date(2026, 11, 23)


def read(form: str, name: str, today: date = TODAY) -> ParsedSource:
    return FORMATS[form](sample(name), today)


def said(listing: Listing) -> dict[str, object]:
    """What is not at its default."""
    return {name: value for name, value in listing.model_dump().items() if value not in (None, "", (), False)}


# --- Hugging Face ---------------------------------------------------------------------------------------------


def test_a_daily_paper_carries_everything_that_hugging_face_says() -> None:
    parsed = read("hf-daily", "hf_daily_2026-11-19.json")
    assert parsed.problems == ()
    assert parsed.day == date(2026, 11, 19)
    assert said(parsed.listings[0]) == {
        "source": "hf-daily",
        "kind": "hf-daily",
        "day": date(2026, 11, 19),
        "title": "Tidepool: Routing Tokens Through Shallow Experts",
        "abstract": "Mixture models send every token to the same number of experts. Tidepool lets easy tokens leave "
        "early and keeps $p<0.05$ of the hard ones.",
        "authors": ("Ines Okafor", "Søren Ågård"),
        "arxiv_id": "2611.04410",
        "organization": "Shoreline Institute",
        "url": "https://arxiv.org/abs/2611.04410",
        "pdf_url": "https://arxiv.org/pdf/2611.04410",
        "discussion_url": "https://huggingface.co/papers/2611.04410",
        "code_url": "https://github.com/example-lab/tidepool",
        "project_url": "https://tidepool.example.org/",
        "thumbnail_url": "https://cdn-thumbnails.example.org/papers/2611.04410.png",
        "published": date(2026, 11, 12),
        "summary": "Tidepool lets easy tokens leave a mixture of experts early.",
        "keywords": ("mixture of experts", "early exit", "routing"),
        "upvotes": 41,
        "comments": 4,
        "stars": 112,
    }


def test_what_hugging_face_leaves_out_is_absent_and_zero_is_zero() -> None:
    _, doors, bound = read("hf-daily", "hf_daily_2026-11-19.json").listings
    assert (doors.summary, doors.keywords, doors.stars, doors.organization) == ("", (), None, None)
    assert doors.comments == 0
    assert doors.project_url is None  # it is the code's address once more
    assert bound.withdrawn
    assert bound.upvotes == 0


def test_answers_of_2024_are_of_the_day_on_which_the_paper_was_submitted_to_the_list() -> None:
    (listing,) = read("hf-daily", "hf_daily_2024_shape.json").listings
    assert (listing.day, listing.published) == (date(2024, 10, 25), date(2024, 10, 22))
    assert listing.title == "Batches Without Borders: Large Batches on Small Cards"


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b'{"id": "2611.01234", "title": "Flat", "upvotes": 3}', "Flat"),
        (b'[{"id": "2611.01234", "title": "In a list", "thumbnailUrl": "https://x.example/t.png"}]', "In a list"),
        (b'\xef\xbb\xbf[{"paper": {"id": "2611.01234"}, "title": "Outside"}]', "Outside"),
    ],
)
def test_a_paper_by_itself_is_read_too_and_listed_today(body: bytes, title: str) -> None:
    (listing,) = FORMATS["hf-daily"](body, TODAY).listings
    assert (listing.title, listing.day, listing.arxiv_id) == (title, TODAY, "2611.01234")


@pytest.mark.parametrize(
    "authors", ['["Holm, Mia", "Falk, J."]', '"Mia Holm, J. Falk"', '[{"name": "Mia Holm"}, "J. Falk", 7]']
)
def test_mirrors_write_authors_as_texts(authors: str) -> None:
    (listing,) = FORMATS["hf-daily"](
        f'[{{"id": "2611.01234", "title": "T", "authors": {authors}}}]'.encode(), TODAY
    ).listings
    assert listing.authors == ("Mia Holm", "J. Falk")


def test_code_may_be_named_without_its_host() -> None:
    (listing,) = FORMATS["hf-daily"](b'[{"id": "2611.01234", "title": "T", "githubRepo": "lab/x"}]', TODAY).listings
    assert listing.code_url == "https://github.com/lab/x"


# --- arXiv ----------------------------------------------------------------------------------------------------


def test_the_daily_feed_gives_new_papers_and_cross_lists_of_its_day() -> None:
    parsed = read("arxiv-atom", "arxiv_daily_2026-11-20.atom.xml")
    assert parsed.day == date(2026, 11, 20)
    assert [listing.arxiv_id for listing in parsed.listings] == ["2611.07001", "2611.06888", "2611.07009"]
    assert said(parsed.listings[0]) == {
        "source": "arxiv",
        "kind": "arxiv",
        "day": date(2026, 11, 20),
        "title": "When $a<b$ Matters: Orderings in Small Transformers",
        "abstract": "We ask whether a two-layer model learns that $a<b$ and $b<c$ give $a<c$. It does, for p<0.05, "
        "in the sense of Gödel. Code: https://github.com/example-lab/orderings.",
        "authors": ("André Lima", "Özgür Şimşek", "Waldyr Rocha Jr."),
        "arxiv_id": "2611.07001",
        "version": 1,
        "url": "https://arxiv.org/abs/2611.07001",
        "pdf_url": "https://arxiv.org/pdf/2611.07001",
        "code_url": "https://github.com/example-lab/orderings",
        "categories": ("cs.LG", "cs.AI"),
        "license": "http://creativecommons.org/licenses/by/4.0/",
    }
    cross = parsed.listings[1]
    assert (cross.version, cross.doi, cross.journal) == (2, "10.1234/forecast.2026.7", "J. Forecasts 12 (2026) 1-9")
    assert parsed.listings[2].withdrawn
    assert not parsed.listings[0].withdrawn


def test_the_rss_twin_of_the_feed_keeps_its_less_than_signs() -> None:
    for form in ("arxiv-atom", "feed"):  # somebody will configure it as a feed
        parsed = read(form, "arxiv_daily_2026-11-20.rss.xml")
        assert "learns that $a<b$ and $b<c$ give $a<c$" in parsed.listings[0].abstract
        assert [listing.arxiv_id for listing in parsed.listings] == ["2611.07001", "2611.07777"]
        assert parsed.listings[1].abstract.startswith("Only the abstract")
        assert [str(problem) for problem in parsed.problems] == ["entry 3: it has no title"]


def test_a_weekend_feed_is_empty_and_of_its_day() -> None:
    assert read("arxiv-atom", "arxiv_daily_weekend.rss.xml") == ParsedSource(day=date(2026, 11, 21))


def test_an_api_answer_is_of_the_feeds_in_which_its_papers_were_announced() -> None:
    hands, old, late = read("arxiv-atom", "arxiv_api.xml").listings
    assert (hands.day, hands.published, hands.version) == (date(2026, 11, 18), date(2026, 11, 17), 2)
    assert hands.categories == ("cs.RO", "cs.AI")  # the primary one first, and no ACM class
    assert hands.authors == ("Zhao Lin", "Björn Fauré")
    assert (hands.journal, hands.doi) == ("Proc. Grasp 2026", "10.5555/grasp.2026.3")
    assert hands.code_url == "https://github.com/example-lab/hands"
    assert (old.arxiv_id, old.title) == ("astro-ph/0601001", "0")
    assert late.day == date(2026, 11, 17)  # Friday 15:30 Eastern is after the cut-off: Monday evening, Tuesday's feed


@pytest.mark.parametrize(
    ("comment", "withdrawn"),
    [
        *((words, True) for words in (
            "Withdrawn", "[withdrawn]", "Withdrawn by arXiv-admin", "This is withdrawn by the authors",
            "Paper withdrawn because of a slip", "This paper has now been withdrawn", "The submission was withdrawn",
            "This technical report has been withdrawn by the author", "We have withdrawn this paper",
            "The authors withdraw the manuscript", "The article has been retracted", "10 pages, withdrawn",
            "v2 withdrawn", "has been withdrawn due to an error in eq. 3",
            "This paper has been withdrawn, since it is superseded by another paper",
        )),
        *((words, False) for words in (
            "10 pages", "Heat withdrawn from a lake", "A study of withdrawn papers", "withdrawn from the lake",
            "We study how papers are withdrawn from conferences", "supersedes a withdrawn paper",
            "Erratum: earlier version was withdrawn by the author; this is the corrected version",
            "Replaces the previous version withdrawn by arXiv",
            "An earlier version of this paper was withdrawn; this is the corrected one",
        )),
    ],
)  # fmt: skip
def test_a_comment_says_that_a_paper_is_withdrawn(comment: str, withdrawn: bool) -> None:
    assert arxiv_entry(f"<arxiv:comment>{comment}</arxiv:comment>").withdrawn is withdrawn


@pytest.mark.parametrize(
    ("abstract", "withdrawn"),
    [
        ("This paper has been withdrawn by the author due to a crucial error.", True),
        ("Withdrawn.", True),
        ("Withdrawn due to an error in Lemma 2.", True),
        ("The article has now been retracted.", True),
        ("We have withdrawn this paper.", True),
        ("Paper withdrawn by the author due to a crucial error in Lemma 2.", True),
        ("Manuscript has been withdrawn due to errors.", True),
        ("The present paper has been withdrawn.", True),
        ("Work withdrawn from a quantum battery is bounded.", False),
        ("When a paper is retracted, its citations often continue. We study 5,000 retractions.", False),
        ("Every paper retracted between 2000 and 2020 is analyzed with a language model.", False),
        ("What happens after an article has been retracted? We follow citations.", False),
        ("Reasons why a work is withdrawn by authors are many.", False),
        ("Withdrawn alcohol patients show tremor.", False),
    ],
)
def test_an_abstract_about_withdrawn_papers_is_not_withdrawn(abstract: str, withdrawn: bool) -> None:
    assert arxiv_entry(f"<summary>{abstract}</summary>").withdrawn is withdrawn


def arxiv_entry(inside: str) -> Listing:
    body = (
        "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:arxiv='http://arxiv.org/schemas/atom'><entry>"
        "<id>http://arxiv.org/abs/2611.00001v1</id><title>T</title><published>2026-11-19T10:00:00Z</published>"
        f"{inside}</entry></feed>"
    )
    return FORMATS["arxiv-atom"](body.encode(), TODAY).listings[0]


def test_a_projects_page_is_its_link() -> None:
    body = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>http://arxiv.org/abs/2611.00001v1</id><title>T</title>"
        "<published>2026-11-19T10:00:00Z</published><summary>See https://tide-pool.github.io/shallow/. Code: "
        "https://github.com/lab/x.</summary></entry></feed>"
    )
    (listing,) = FORMATS["arxiv-atom"](body.encode(), TODAY).listings
    assert (listing.project_url, listing.code_url) == (
        "https://tide-pool.github.io/shallow/",
        "https://github.com/lab/x",
    )


@pytest.mark.parametrize(
    ("abstract", "code", "project"),
    [
        (r"Code: \url{https://github.com/ada/my\_repo}.", "https://github.com/ada/my_repo", None),
        (r"See https://ada.github.io/my\_page/.", None, "https://ada.github.io/my_page/"),
        (r"See https://ada.github.io/\~{}ada/x.", None, "https://ada.github.io/~ada/x"),
        (
            "We evaluate on tasks of https://github.com/openai/gym. Our code: https://github.com/ada/mine.",
            "https://github.com/ada/mine",
            None,
        ),
        (
            "Data is available at https://github.com/ada/data and code at https://github.com/ada/mine",
            "https://github.com/ada/mine",
            None,
        ),
        ("We use https://github.com/a/a. Released at https://github.com/b/b", "https://github.com/b/b", None),
        ("We use https://github.com/a/a and https://github.com/b/b", "https://github.com/a/a", None),
        ("We release nothing.", None, None),
    ],
)
def test_links_are_read_as_arxiv_shows_them_and_the_papers_own_code_is_preferred(
    abstract: str, code: str | None, project: str | None
) -> None:
    found = arxiv_entry(f"<summary>{abstract}</summary>")
    assert (found.code_url, found.project_url) == (code, project)


def test_a_paper_from_the_api_is_never_of_a_day_to_come() -> None:
    hands = read("arxiv-atom", "arxiv_api.xml", date(2026, 11, 17)).listings[0]
    assert hands.day == date(2026, 11, 17)


def test_a_paper_from_the_api_without_a_moment_is_of_its_day_or_of_today() -> None:
    api = "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>"
    entry = "<entry><id>http://arxiv.org/abs/2611.0000{}v1</id><title>T</title>{}</entry>"
    body = api.format(entry.format(1, "") + entry.format(2, "<published>2026-11-19</published>"))
    assert [x.day for x in FORMATS["arxiv-atom"](body.encode(), TODAY).listings] == [TODAY, date(2026, 11, 19)]


def test_the_apis_errors_are_errors_with_its_own_words() -> None:
    with pytest.raises(SourceError, match="incorrect id format for nonsense") as error:
        read("arxiv-atom", "arxiv_api_error.xml")
    assert not error.value.retryable
    with pytest.raises(SourceError, match=r"Bad archive 'cs\.QQ'.*check the categories"):
        read("arxiv-atom", "arxiv_daily_bad_category.atom.xml")


def test_raw_records_have_versions_and_the_first_ones_day() -> None:
    hands, old = read("arxiv-oai", "arxiv_oai_raw.xml").listings
    assert (hands.version, hands.published, hands.day) == (2, date(2026, 11, 17), date(2026, 11, 19))
    assert hands.authors == ("Zhao Lin", "Björn Fauré", "Ama Kofi")
    assert hands.abstract == "A gripper hears slip before it feels it."
    assert hands.license == "http://creativecommons.org/licenses/by/4.0/"
    assert (old.published, old.journal, old.doi) == (date(2007, 4, 1), "J. Limits 48 (2007) 9", "10.1063/1.9999999")
    assert (hands.source, hands.kind) == ("arxiv", "arxiv")


def test_the_day_of_creation_counts_only_where_it_fits_the_identifier() -> None:
    (gauges,) = read("arxiv-oai", "arxiv_oai_arxiv.xml").listings
    assert gauges.published is None  # 0806 is of June 2008, "created" says 2014
    assert gauges.authors == ("Roque da Silva", "Walter A. Rodrigues Jr", "The Gauge Collaboration")
    assert gauges.categories == ("math-ph", "math.MP")


def test_dublin_core_is_read_with_names_turned_and_sets_as_categories() -> None:
    (branes,) = read("arxiv-oai", "arxiv_oai_dc.xml").listings
    assert branes.authors == ("Roque da Silva", "Walter A. Rodrigues Jr")
    assert branes.categories == ("hep-th", "math.MP")
    assert (branes.arxiv_id, branes.published) == ("hep-th/9901001", date(1999, 1, 2))
    assert (branes.doi, branes.journal) == ("10.1016/s0550-0000(99)00001-1", "Nucl. Rev. B1 (1999) 1")


def oai(inside: str) -> bytes:
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inside}</OAI-PMH>'.encode()


def test_an_empty_harvest_is_no_error_but_a_lost_token_is() -> None:
    assert FORMATS["arxiv-oai"](oai('<error code="noRecordsMatch">nothing</error>'), TODAY) == ParsedSource()
    with pytest.raises(SourceError, match=r"badResumptionToken.*expired") as error:
        FORMATS["arxiv-oai"](oai('<error code="badResumptionToken">expired</error>'), TODAY)
    assert error.value.retryable
    with pytest.raises(SourceError, match="badVerb") as error:
        FORMATS["arxiv-oai"](oai('<error code="badVerb">what?</error>'), TODAY)
    assert not error.value.retryable


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("<record/>", "entry 1: it has no arXiv identifier"),
        (
            "<record><header><identifier>oai:other:1</identifier></header></record>",
            "entry 1: it has no arXiv identifier",
        ),
        (
            "<record><header><identifier>oai:arXiv.org:2611.00001</identifier></header></record>",
            'entry 1 "2611.00001": its format is not arXiv, arXivRaw or oai_dc',
        ),
        (
            "<record><header><identifier>oai:arXiv.org:2611.00001</identifier></header><metadata><marc/></metadata></record>",
            'entry 1 "2611.00001": its format is not arXiv, arXivRaw or oai_dc',
        ),
        (
            "<record><metadata><arXivRaw><id>2611.00001</id><title>No day</title></arXivRaw></metadata></record>",
            'entry 1 "No day": it has no valid date; write it as 2026-11-23',
        ),
    ],
)
def test_a_record_that_cannot_be_used_is_a_problem(record: str, problem: str) -> None:
    parsed = FORMATS["arxiv-oai"](oai(record), TODAY)
    assert parsed.listings == ()
    assert [str(p) for p in parsed.problems] == [problem]


# --- arXiv's calendar -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "feed"),
    [
        ("2026-11-16T18:59", "2026-11-17"),  # Monday 13:59 Eastern, announced that evening
        ("2026-11-16T19:00", "2026-11-18"),  # a minute later is Tuesday's
        ("2026-11-19T18:59", "2026-11-20"),  # Thursday: Friday's feed
        ("2026-11-19T19:00", "2026-11-23"),  # after Thursday's cut-off: Sunday evening
        ("2026-11-20T18:59", "2026-11-23"),
        ("2026-11-20T19:00", "2026-11-24"),  # after Friday's: Monday evening
        ("2026-11-22T12:00", "2026-11-24"),
        ("2026-11-26T12:00", "2026-11-30"),  # Thanksgiving: no announcement on its evening
        ("2026-07-06T17:59", "2026-07-07"),  # summer time: 13:59
    ],
)
def test_a_submission_is_announced_in_the_feed_that_arxivs_table_says(submitted: str, feed: str) -> None:
    assert batch_of(at(submitted), HOLIDAYS) == date.fromisoformat(feed)


def test_feeds_have_papers_from_monday_to_friday_but_not_after_a_holiday() -> None:
    week = [date(2026, 11, 23) + timedelta(days=n) for n in range(7)]
    assert [has_batch(day, HOLIDAYS) for day in week] == [True, True, True, True, False, False, False]
    assert last_batch(date(2026, 11, 29), HOLIDAYS) == date(2026, 11, 26)
    assert batches(week[0], week[-1], HOLIDAYS) == week[:4]
    assert batches(week[1], week[0], HOLIDAYS) == []


@given(st.datetimes(min_value=at("2026-01-01").replace(tzinfo=None), max_value=at("2027-12-31").replace(tzinfo=None)))
def test_every_submission_lies_in_the_span_of_the_feed_that_announces_it(moment) -> None:
    submitted = at(moment.isoformat())
    feed = batch_of(submitted, HOLIDAYS)
    start, end = submitted_for(feed, feed, HOLIDAYS)
    assert has_batch(feed, HOLIDAYS)
    assert start <= submitted < end


# --- feeds ----------------------------------------------------------------------------------------------------


def test_a_journals_rdf_gives_title_doi_and_standfirst_without_its_frame() -> None:
    (bees,) = read("feed", "journal.rdf.xml").listings
    assert bees.guid
    assert said(bees.model_copy(update={"guid": None})) == {
        "source": "feed",
        "kind": "feed",
        "day": date(2026, 5, 13),
        "published": date(2026, 5, 13),
        "title": "Robots that find home like Apis mellifera",
        "abstract": "Bees learn the way home in one flight; so does this drone.",
        "authors": ("A. Keeper", "B. Hive"),
        "doi": "10.5555/s1-026-00461-3",
        "url": "https://journal.example.org/articles/s1-026-1",
        "journal": "Machines of Letters",
    }


def test_a_saved_search_gives_the_abstract_and_the_journal() -> None:
    (spores,) = read("feed", "saved_search.rss.xml").listings
    assert spores.abstract == "Spores wait. We found out for what (p < 0.05)."
    assert (spores.doi, spores.journal) == ("10.5555/spore.118", "Spore biology")
    assert spores.authors == ("Georgia Constable", "Xia Liu")


def test_a_blogs_html_becomes_text_and_its_links_identifiers() -> None:
    parsed = read("feed", "lab_blog.atom.xml")
    first = parsed.listings[0]
    assert parsed.day == date(2026, 11, 18)
    assert first.title == "How we trained a model on nothing & why 10^5 steps"
    assert first.abstract == "We removed the data. It still worked when x<y."
    assert first.authors == ("Brita", "Carl", "Dana")
    assert first.arxiv_id == "2611.02222"
    assert first.url == "https://lab.example.org/blog/nothing/"
    assert first.thumbnail_url == "https://lab.example.org/nothing.png"
    assert (first.journal, first.license) == ("Lab & Workshop", "CC BY 4.0")
    assert first.published == first.day == date(2026, 11, 17)  # as it is written there


def test_an_entry_without_a_date_or_with_nonsense_is_listed_today() -> None:
    _, undated, epoch = read("feed", "lab_blog.atom.xml").listings
    assert (undated.day, undated.published) == (TODAY, None)
    assert (epoch.day, epoch.published) == (TODAY, None)


def test_a_date_that_nobody_can_read_is_today() -> None:
    (listing,) = FORMATS["feed"](rss("<title>T</title><pubDate>the other day</pubDate>"), TODAY).listings
    assert (listing.day, listing.published) == (TODAY, None)


def test_a_year_alone_is_today_or_the_end_of_a_year_gone_by() -> None:
    this, last = read("feed", "yearbook.rss.xml").listings
    assert (this.day, this.published) == (TODAY, None)
    assert (last.day, last.published) == (date(2025, 12, 31), None)


def test_a_json_feed_is_read_in_both_its_versions() -> None:
    parsed = read("feed", "jsonfeed.json")
    dust, light, undated = parsed.listings
    assert (dust.abstract, dust.authors, dust.categories) == (
        "Dust has mass. We weighed it.",
        ("Jo Smit",),
        ("dust", "mass"),
    )
    assert (light.authors, light.url, light.published) == (
        ("Li Ray",),
        "https://basement.example.org/2",
        date(2026, 11, 14),
    )
    assert (undated.doi, undated.day) == ("10.5555/basement.3", TODAY)
    assert dust.journal == "Notes from the Basement"
    assert [str(problem) for problem in parsed.problems] == ["entry 3: it is not an object"]


def rss(*items: str, head: str = "<title>Blog</title>") -> bytes:
    inside = head + "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0"><channel>{inside}</channel></rss>'.encode()


def test_entries_with_one_guid_and_different_links_are_different() -> None:
    item = "<item><title>{}</title><link>https://lab.example/{}</link><guid isPermaLink='false'>0</guid></item>"
    entries = [("On bees in the wild", 1), ("On wasps in the wild", 2), ("On wasps in the wild", 2)]
    inside = "".join(item.format(*one) for one in entries)
    first, second, again = FORMATS["feed"](
        f"<rss version='2.0'><channel>{inside}</channel></rss>".encode(), TODAY
    ).listings
    assert set(keys(first)).isdisjoint(keys(second))
    assert keys(second) == keys(again)


def test_entries_that_share_their_link_are_told_apart_by_their_identifiers() -> None:
    item = "<title>{}</title><link>https://lab.example/news</link><guid isPermaLink='false'>{}</guid>"
    first, second, moved = FORMATS["feed"](rss(item.format("Grant", 1), item.format("Prize", 2)), TODAY).listings + (
        FORMATS["feed"](rss(item.format("Grant", 1).replace("news", "old")), TODAY).listings
    )
    assert first.guid != second.guid
    assert first.guid == moved.guid
    assert conflict(first, second)
    assert set(keys(first)) & set(keys(moved))


def test_an_atom_entry_without_authors_has_its_sources_or_the_feeds() -> None:
    atom = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><author><name>Mia Holm</name></author>"
        "<entry><id>a</id><title>Own</title><author><name>Falk, J.</name></author></entry>"
        "<entry><id>b</id><title>Source</title><source><author><name>Eva Rot</name></author></source></entry>"
        "<entry><id>c</id><title>Feed</title></entry></feed>"
    )
    assert [x.authors for x in FORMATS["feed"](atom.encode(), TODAY).listings] == [
        ("J. Falk",), ("Eva Rot",), ("Mia Holm",),
    ]  # fmt: skip
    channel = rss("<title>T</title>", head="<title>B</title><managingEditor>mia@holm.example (Mia)</managingEditor>")
    assert FORMATS["feed"](channel, TODAY).listings[0].authors == ()


def test_authors_are_read_from_the_text_and_behind_long_addresses() -> None:
    described = "&lt;p&gt;Author(s): Mia Holm and Jon Falk&lt;/p&gt;&lt;p&gt;We looked.&lt;/p&gt;"
    with_line, with_address = FORMATS["feed"](
        rss(
            f"<title>A</title><description>{described}</description>",
            "<title>B</title><author>eva@rot.technology (Eva Rot)</author>",
        ),
        TODAY,
    ).listings
    assert (with_line.authors, with_line.abstract) == (("Mia Holm", "Jon Falk"), "We looked.")
    assert with_address.authors == ("Eva Rot",)


def test_a_plain_title_keeps_its_signs_and_an_html_title_loses_its_tags() -> None:
    atom = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title>"
        "<entry><id>a</id><title>The &lt;b&gt; tag &amp;amp; R&amp;D</title></entry>"
        "<entry><id>b</id><title type='html'>The &lt;b&gt;bold&lt;/b&gt; one</title></entry></feed>"
    )
    titles = [x.title for x in FORMATS["feed"](atom.encode(), TODAY).listings]
    assert titles == ["The <b> tag & R&D", "The bold one"]
    (json_title,) = FORMATS["feed"](
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 7, "title": "The <b> tag"}]}', TODAY
    ).listings
    assert json_title.title == "The <b> tag"


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ("<description>We found it at last. It was there.</description>", "We found it at last."),
        (f"<description>{'word ' * 50}</description>", ("word " * 20).strip() + "…"),
        ("<link>https://a.example/2026/a-new_paper.html</link>", "a new paper"),
    ],
)
def test_an_entry_without_title_gets_one(item: str, title: str) -> None:
    (listing,) = FORMATS["feed"](rss(item), TODAY).listings
    assert listing.title == title


@pytest.mark.parametrize(
    "item",
    [
        "<link>https://a.example/</link>",
        "<title></title><link>https://a.example/posts/42/</link>",
        "<link>http://[x</link>",
        "<author>x</author>",
    ],
)
def test_an_entry_with_nothing_to_make_a_title_of_is_a_problem(item: str) -> None:
    assert [str(p) for p in FORMATS["feed"](rss(item), TODAY).problems] == ["entry 1: it has no title"]


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://a.example/my paper.html", "https://a.example/my%20paper.html"),
        ("HTTPS://a.example/Up", "https://a.example/Up"),
        ("/2026/a", "https://blog.example/2026/a"),
        ("//b.example/c", "https://b.example/c"),
        ("www.b.example/c", "https://www.b.example/c"),
        ("https://a.example/n#2", "https://a.example/n#2"),
        ("javascript:alert(1)", None),
    ],
)
def test_links_are_made_to_open(link: str, url: str | None) -> None:
    head = "<title>Blog</title><link>https://blog.example/</link>"
    (listing,) = FORMATS["feed"](rss(f"<title>T</title><link>{link}</link>", head=head), TODAY).listings
    assert listing.url == url


def test_a_link_without_scheme_is_of_the_web_where_nothing_else_is_known() -> None:
    assert web_link("//b.example/c") == "https://b.example/c"
    assert web_link("http://[x") == "http://[x"


def test_ampersands_that_nobody_escaped_are_text() -> None:
    item = "<title>R&D with AT&T &c; &nbsp;&amp; &#65;</title>"
    item += "<description><![CDATA[<p>B&B &nosuch; &amp;</p>]]></description>"
    (listing,) = FORMATS["feed"](rss(item), TODAY).listings
    assert (listing.title, listing.abstract) == ("R&D with AT&T &c; & A", "B&B &nosuch; &")


def test_a_doi_of_the_old_kind_is_found_in_links_fields_and_text() -> None:
    doi = "10.1002/(sici)1097(2000)19:15<1937::aid-sim488>3.0.co;2-v"
    written = doi.replace("<", "&lt;").replace(">", "&gt;")
    for item in (
        f"<link>https://doi.org/{written}</link>",
        f"<dc:identifier xmlns:dc='http://purl.org/dc/elements/1.1/'>doi:{written}</dc:identifier>",
        f"<description>&lt;p&gt;doi:{written.replace('&', '&amp;')}&lt;/p&gt;We looked.</description>",
    ):
        (listing,) = FORMATS["feed"](rss(f"<title>T</title>{item}"), TODAY).listings
        assert listing.doi == doi, item


def test_an_article_is_cut_to_an_extract_where_no_summary_stands() -> None:
    (listing,) = FORMATS["feed"](
        rss(f"<title>Long</title><description>{'word ' * 2000}</description>"), TODAY
    ).listings
    assert len(listing.abstract) <= 1201
    assert listing.abstract.endswith("word…")


def test_links_of_a_kind_are_told_apart() -> None:
    item = (
        "<title>T</title><link>https://pubs.example.org/doi/10.5555/abc.7?src=rss</link>"
        '<enclosure url="https://pubs.example.org/abc.pdf" type="application/pdf"/>'
        '<media:thumbnail xmlns:media="http://search.yahoo.com/mrss/" url="https://pubs.example.org/t.png"/>'
    )
    (listing,) = FORMATS["feed"](rss(item), TODAY).listings
    assert listing.doi == "10.5555/abc.7"
    assert listing.pdf_url == "https://pubs.example.org/abc.pdf"
    assert listing.thumbnail_url == "https://pubs.example.org/t.png"


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("<b>Chem. Sci.</b>, 2026<br/><b>DOI</b>: 10.5555/D6SC1A, Edge Article<br/>Mia Holm", "10.5555/d6sc1a"),
        ("Journal of Ice\nDOI: 10.5555/ice.1", "10.5555/ice.1"),
        ("Spores wait.<p>PMID:<a href='https://x.example/1'>1</a> | DOI:10.5555/spore.1</p>", "10.5555/spore.1"),
        (
            "Spores wait.<p>PMID:<a href='https://x.example/1'>1</a> | PMC:<a href='https://x.example/2'>PMC2</a> | "
            "DOI:10.5555/spore.1</p>",
            "10.5555/spore.1",
        ),
        (f"<p>{'A robot runs. ' * 69}</p><div>DOI: 10.5555/jacs.4c01234</div>", None),
        ("A robot walks.<p>More information: Mia Holm et al, Ice, Nature (2026). DOI: 10.5555/ice.1</p>", None),
        ("A robot walks, as Mia Holm shows (doi: 10.5555/ice.1).", None),
        (f"{'A robot walks. ' * 80}<p>DOI: 10.5555/ice.1</p>", None),
    ],
)
def test_a_doi_in_the_text_is_the_entrys_only_where_publishers_put_it(text: str, doi: str | None) -> None:
    (listing,) = FORMATS["feed"](
        rss(f"<title>T</title><description><![CDATA[{text}]]></description>"), TODAY
    ).listings
    assert listing.doi == doi
    item = {"id": "1", "title": "T", "content_html": text}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "B", "items": [item]}
    assert FORMATS["feed"](json.dumps(feed).encode(), TODAY).listings[0].doi == doi


def test_a_comment_on_a_paper_is_not_the_paper() -> None:
    paper = "https://arxiv.org/abs/2611.00077"
    links = f"<link href='https://blog.example/a'/><link rel='related' href='{paper}'/>"
    entry = f"<entry><id>tag:a</id><title>Why I disagree</title>{links}</entry>"
    atom = f"<feed xmlns='http://www.w3.org/2005/Atom'>{entry}</feed>"
    item = {"id": "a", "url": "https://blog.example/a", "external_url": paper, "title": "Why I disagree"}
    feed = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})
    for data in (atom, feed):
        (listing,) = FORMATS["feed"](data.encode(), TODAY).listings
        assert (listing.arxiv_id, listing.url) == (None, "https://blog.example/a")


def test_a_paper_that_a_post_only_talks_about_is_not_taken_for_the_post() -> None:
    text = "x " * 400 + "see https://arxiv.org/abs/2611.00001 and doi:10.5555/other.1 " + "y " * 400
    (listing,) = FORMATS["feed"](rss(f"<title>Reading list</title><description>{text}</description>"), TODAY).listings
    assert (listing.arxiv_id, listing.doi) == (None, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><head><title>x</title></head></html>", r"this is not a feed \(got HTML\); check the address"),
        (
            b'<!doctype html><link rel="alternate" type="application/rss+xml" href="/feed.xml">',
            "the page names its feed: /feed.xml",
        ),
        (b"", r"this is not a feed \(got nothing\)"),
        (b'{"hello": 1}', "no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": {}}', "no JSON Feed"),
        (b"{", "this is not JSON"),
    ],
)
def test_what_is_no_feed_says_what_it_is(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        FORMATS["feed"](body, TODAY)


# --- bioRxiv --------------------------------------------------------------------------------------------------


def test_first_versions_of_preprints_are_new_and_others_are_not() -> None:
    parsed = read("biorxiv", "biorxiv.json")
    foveal, cells = parsed.listings
    assert said(foveal) == {
        "source": "biorxiv",
        "kind": "biorxiv",
        "day": date(2026, 6, 30),
        "published": date(2026, 6, 30),
        "title": "Foveal maps of Danio rerio in active search",
        "abstract": "Fish look. We looked at fish & found p < 0.01.",
        "authors": ("J. Zhang", "X. Zhu", "The Fish Consortium"),
        "version": 1,
        "doi": "10.1101/2026.06.21.469359",
        "url": "https://www.biorxiv.org/content/10.1101/2026.06.21.469359v1",
        "pdf_url": "https://www.biorxiv.org/content/10.1101/2026.06.21.469359v1.full.pdf",
        "categories": ("neuroscience",),
        "journal": "bioRxiv",
        "license": "cc_by",
    }
    assert (cells.journal, cells.url) == ("medRxiv", "https://www.medrxiv.org/content/10.1101/2026.06.22.111111v1")
    assert [str(problem) for problem in parsed.problems] == ["entry 4: it has no title"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"messages": [{"status": "bad interval"}]}', "bad interval"),
        (b'{"messages": [], "collection": {}}', "no collection in it"),
        (b"[1]", "no collection in it"),
    ],
)
def test_an_answer_without_a_collection_is_an_error(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        FORMATS["biorxiv"](body, TODAY)


def test_what_is_left_of_markup_in_preprints_goes() -> None:
    body = {
        "collection": [
            {"title": "A", "date": "2026-11-20", "doi": "10.1101/1", "authors": "Holm, M., Jr.; Falk, J.", "abstract":
             "O_ST_ABSAimsC_ST_ABSCells are small.\n\nO_ST_ABSMethods:C_ST_ABS We look. O_ST_ABSC_ST_ABS"},
            {"title": "O_SCPLOWBC_SCPLOW of cells", "date": "2026-11-20", "doi": "10.1101/2", "authors": "Holm, M.",
             "abstract": "Small. O_LIOneC_LIO_LITwoC_LI O_FIG O_LINKSMALLFIG WIDTH=9 SRC=\"a.gif\" ALT=\"F\"> View "
             "larger version (3K): org.highwire.dtl.DTL@1 C_FIG O_TBL View larger version (1K): C_TBL"},
        ]
    }  # fmt: skip
    first, second = FORMATS["biorxiv"](json.dumps(body).encode(), TODAY).listings
    assert (first.abstract, first.authors) == ("Aims: Cells are small. Methods: We look.", ("M. Holm Jr.", "J. Falk"))
    assert (second.title, second.abstract) == ("B of cells", "Small. One Two")


# --- the page -------------------------------------------------------------------------------------------------


def test_a_saved_page_gives_every_paper_with_what_stood_below_it() -> None:
    parsed = read("page", "page.txt")
    assert parsed.problems == ()
    assert parsed.day == date(2025, 12, 2)  # "Dec 2" on the 23 November 2026 is last year's
    assert {listing.day for listing in parsed.listings} == {date(2025, 12, 2)}
    assert [
        (x.title.split()[0], x.author_count, x.organization, x.published, x.comments) for x in parsed.listings
    ] == [
        ("Looking", 3, None, date(2025, 7, 21), 0),
        ("Walking", 1, None, date(2025, 2, 17), 2),
        ("Reward", None, "Tencent", date(2025, 10, 3), 12),
        ("A", None, None, None, None),
        ("Maps", None, "HKUSTGZ", date(2024, 11, 29), 1),
        ("Leaps", 12, None, date(2024, 2, 29), 0),
    ]
    assert (
        parsed.listings[0].url
        == "https://huggingface.co/papers?q=Looking+Twice%3A+Second+Glances+in+Vision+Transformers"
    )
    assert all(len(listing.abstract) > 60 for listing in parsed.listings)


def test_the_pages_own_day_is_the_latest_such_day_up_to_today() -> None:
    assert read("page", "page.txt", date(2025, 12, 1)).day == date(2024, 12, 2)
    assert read("page", "page.txt", date(2025, 12, 2)).day == date(2025, 12, 2)


@given(st.dates(min_value=date(1996, 3, 1), max_value=date(2400, 1, 1)), st.integers(1, 12), st.integers(1, 31))
def test_a_day_without_year_is_never_in_the_future_and_the_latest_there_is(today: date, month: int, day: int) -> None:
    found = latest(month, day, today)
    if found is None:
        assert (month, day) in {(2, 30), (2, 31), (4, 31), (6, 31), (9, 31), (11, 31)}
    else:
        assert (found.month, found.day) == (month, day)
        assert found <= today
        assert (today - found).days < (366 if (month, day) != (2, 29) else 8 * 366)


def test_a_day_that_no_year_has_is_ignored() -> None:
    assert latest(2, 30, TODAY) is None
    assert latest(2, 29, date(1903, 1, 1)) == date(1896, 2, 29)  # 1900 was no leap year
    assert latest(2, 29, date(3, 1, 1)) is None  # nor is there an earlier one


ABSTRACT = "An abstract that is long enough to be told apart from a title, as abstracts on the page always are."


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("blank", ["\n", ""])
def test_a_page_is_read_with_any_line_ends_and_without_blank_lines(ending: str, blank: str) -> None:
    text = f"Title\n{blank}{ABSTRACT}\n{blank}  • 2 authors\n·\nNov 3 4\n{blank}Other\n{blank}{ABSTRACT}\n{blank}"
    text += f"google-deepmind Google DeepMind\n·\nNov 4, 2026\n{blank}"
    parsed = FORMATS["page"](text.replace("\n", ending).encode("utf-8-sig"), TODAY)
    first, second = parsed.listings
    assert (first.title, first.author_count, first.comments) == ("Title", 2, 4)
    assert (second.organization, second.published) == ("Google DeepMind", date(2026, 11, 4))
    assert parsed.day == TODAY


def test_a_wrapped_abstract_and_a_second_paragraph_stay_with_their_paper() -> None:
    wrapped = "\n".join([ABSTRACT] * 4)
    text = (
        f"Daily Papers\nNov 20\n\n42\n\nTitle\n\n{wrapped}\n\n{' '.join([ABSTRACT] * 4)}\n\n  • 1 author\n·\nNov 3\n"
    )
    (listing,) = FORMATS["page"](text.encode(), TODAY).listings
    assert listing.title == "Title"
    assert listing.abstract == " ".join([ABSTRACT] * 8)


def test_a_paper_without_abstract_is_one_if_a_date_stands_below_it() -> None:
    text = f"Daily Papers\nNov 20, 2026\n\nFull\n\n{ABSTRACT}\n\nBare\n\n  • 1 author\n·\nFeb 31, 2026\n"
    full, bare = FORMATS["page"](text.encode(), TODAY).listings
    assert (bare.title, bare.abstract, bare.published) == ("Bare", "", None)
    assert full.author_count is None


def test_a_dot_and_a_date_below_nothing_are_passed_over() -> None:
    text = f"Daily Papers\n\n·\nNov 3\n\nTitle\n\n{ABSTRACT}\n\n·\nNov 4\n·\nNov 5"
    (listing,) = FORMATS["page"](text.encode(), TODAY).listings
    assert (listing.published, listing.organization) == (date(2026, 11, 4), None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", r"not a page saved as text \(got HTML\)"),
        (b"[1]", r"\(got JSON\)"),
        (b"a\0b", r"\(got something binary\)"),
        (b"%PDF-1.7 \0", r"\(got something binary\)"),
        (
            b"Some\n\nother text that has titles\n\nand paragraphs, but is no page of papers at all, only words.",
            "not a Daily Papers",
        ),
        (b"Daily Papers", "not a Daily Papers page"),
    ],
)
def test_what_is_no_page_says_what_it_is(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        FORMATS["page"](body, TODAY)


# --- our own export -------------------------------------------------------------------------------------------


def test_an_export_keeps_its_lines_own_sources() -> None:
    parsed = read("jsonl", "export.jsonl")
    assert [(x.source, x.kind) for x in parsed.listings] == [("arxiv", "arxiv"), ("hf-daily", ""), ("jsonl", "jsonl")]
    assert parsed.listings[0].published == date(2026, 11, 18)
    assert parsed.problems == ()


@given(
    st.builds(
        Listing,
        title=st.text(min_size=1, max_size=30).filter(lambda text: bool(plain(text)) and "�" not in text),
        abstract=st.text(max_size=60),
        authors=st.lists(st.text(max_size=10), max_size=4),
        upvotes=st.none() | st.integers(0, 10**6),
        published=st.none() | st.dates(date(1991, 1, 1), TODAY),
        day=st.dates(date(1991, 1, 1), TODAY),
        source=st.sampled_from(["arxiv", "my-feed"]),
        kind=st.sampled_from(["arxiv", "feed", ""]),
    )
)
def test_what_is_exported_comes_back_the_same(listing: Listing) -> None:
    assert FORMATS["jsonl"](listing.model_dump_json().encode() + b"\r\n", TODAY) == ParsedSource((listing,))


def test_what_is_written_is_read_again() -> None:
    listings = read("jsonl", "export.jsonl").listings
    assert FORMATS["jsonl"]("".join(jsonl.write(listings)).encode(), TODAY).listings == listings


def test_an_export_of_any_size_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_BLOCK_BYTES", 200)
    monkeypatch.setattr(jsonl, "_MAX_LINE", 300)
    lines = [f'{{"title": "Paper {n}", "day": "2026-11-20"}}' for n in range(1, 40)]
    lines[9:9] = ["no JSON", f'{{"title": "{"x" * 900}"}}', "", '{"title": ""}']
    body = b"\xef\xbb\xbf" + "\n".join(lines).encode()
    parts = list(jsonl.parse_pieces((body[at : at + 70] for at in range(0, len(body), 70)), TODAY))
    assert len(parts) > 5
    assert [x.title for part in parts for x in part.listings] == [f"Paper {n}" for n in range(1, 40)]
    whole = FORMATS["jsonl"](body, TODAY)
    assert len([p for part in parts for p in part.problems]) == len(whole.problems) == 3
    cut = list(jsonl.parse_pieces([body[:-9]], TODAY))
    assert [str(p) for p in cut[-1].problems][
        -1
    ] == f"the rest: the last line, {len(lines)}, is truncated; export it again"
    with pytest.raises(SourceError, match="no line is a JSON object"):
        list(jsonl.parse_pieces([b"no JSON\n" * 99], TODAY))
    assert list(jsonl.parse_pieces([], TODAY)) == [ParsedSource()]
    assert list(jsonl.parse_pieces([(lines[0] + "\n").encode() * 9], TODAY))[-1].problems == ()


@pytest.mark.parametrize(
    ("name", "body", "form"),
    [
        ("x", b'\xef\xbb\xbf{"title": "A"}\n{"title": "B"}\n', "jsonl"),
        ("x", b'{"title": "A"}', "jsonl"),
        ("x", b'{"title": "A"}\n', "jsonl"),
        ("x.jsonl.gz", b'{"title": "A', "jsonl"),
        ("x", b'{"title": "A", "abstract": "Keys are \\"paper\\": and \\"paperId\\":"}', "jsonl"),
        ("x", b'{"paper": {"id": "2410.17243"}, "title": "A"}\n', "hf-daily"),
        ("x", b'{"id": "2607.16859", "title": "A", "publishedAt": "2026-07-18T00:00:00.000Z"}\n', "hf-daily"),
        ("x", b'{\n "id": "2607.16859",\n "title": "A",\n "submittedOnDailyAt": "2026-07-24"\n}\n', "hf-daily"),
        ("x", b'{"paperId": "2d5673ca", "title": "A"}\n', None),
        ("x", b'[{"paperId": "2d5673ca", "title": "A"}]', None),
        ("x", b'{\n "title": "A"\n}', None),
        ("x", b"[]", "hf-daily"),
        ("x", b'[{"paper": {"id": "2611.00001"}}]', "hf-daily"),
        ("x", b'{"messages": [],\n "collection": []}', "biorxiv"),
        ("x", b'{"version": "https://jsonfeed.org/version/1"}', "feed"),
        ("x", b'{"version": "1"}', None),
        ("x.json", b"{" * 70_000, None),
        ("x.toml", b'[[topics]]\nslug = "a"', None),
        ("x", b"<?xml version='1.0'?><OAI-PMH>", "arxiv-oai"),
        ("x", b"<feed xmlns:arxiv='http://arxiv.org/schemas/atom'>", "arxiv-atom"),
        ("x", b"<feed><entry><id>http://arxiv.org/abs/2611.00001</id>", "arxiv-atom"),
        ("x", b"<rss version='2.0'><channel>", "feed"),
        ("x", b"<html>", None),
        ("x.rss", b"<html>", "feed"),
        ("x", b"Models\n\nDaily Papers\nNov 20\n", "page"),
        ("x", b"anything", None),
        ("x", b"", None),
    ],
)
def test_a_files_format_is_guessed(name: str, body: bytes, form: str | None) -> None:
    assert guess_format(name, body[:HEAD]) == form


def test_every_sample_is_guessed_right() -> None:
    wrong = {
        name: found for name, form in SAMPLES.items() if (found := guess_format("-", BODIES[name][:HEAD])) != form
    }
    assert wrong == {}


def test_the_same_reason_is_told_once_with_a_count() -> None:
    reasons = RejectionReasons()
    reasons.add(Problem(f'entry {n} "T{n}"', f"its day, {1900 + n}, is before 1991") for n in range(1, 50))
    reasons.add([Problem("entry 50", "it has no title"), Problem("150 more entries", "rejected too", 150)])
    reasons.add([Problem("entry 300", "it has no title")])
    assert [str(problem) for problem in reasons.folded()] == [
        'entry 1 "T1" and 48 more: its day, 1901, is before 1991',
        "entry 50 and 1 more: it has no title",
        "150 more entries: rejected too",
    ]
    assert sum(problem.entries for problem in reasons.folded()) == 201
    many = RejectionReasons()
    many.add(
        Problem(f"entry {n}", "".join(map(chr, (97 + n % 26, 97 + n // 26 % 26, 97 + n // 676)))) for n in range(3000)
    )
    assert len(many.folded()) == 1_001
    assert sum(problem.entries for problem in many.folded()) == 3_000


# --- text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Andr\'e", "André"), (r"{\'e}", "é"), (r"\'{\i}", "í"), (r"\'\i", "í"), (r"G{\"o}del", "Gödel"),
        (r"\c{S}im\c{s}ek", "Şimşek"), (r"Erd\H{o}s", "Erdős"), (r"\v Simon", "Šimon"), (r"Stra\ss e", "Straße"),
        (r"S\o ren", "Søren"), (r"{\O}", "Ø"), (r"\L{}ukasz", "Łukasz"), (r"\AA ngstr\"om", "Ångström"),
        (r"Pe\~na", "Peña"), (r"\.{I}stanbul", "İstanbul"),
        (r"$\alpha \v{x} \'e$ \'e", r"$\alpha \v{x} \'e$ é"),
        (r"\textbf{x} \alpha \vec{a} \log 5 \ll \cite{a}", r"\textbf{x} \alpha \vec{a} \log 5 \ll \cite{a}"),
        ("\\", "\\"), ("plain", "plain"),
    ],
)  # fmt: skip
def test_tex_accents_become_letters_and_all_other_tex_stays(tex: str, text: str) -> None:
    assert untex(tex) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "We show $a<b$ and p<0.05 when x<y; <think> tokens &amp; AT&T",
            "We show $a<b$ and p<0.05 when x<y; <think> tokens & AT&T",
        ),
        ("10<sup>5</sup> CO<sub>2</sub><br/>next", "10^5 CO2 next"),
        ("<jats:p>One</jats:p><jats:p>Two</jats:p>", "One Two"),
        ("<p>a</p><script>alert(1)</script><style>b{}</style><img src=x onerror=alert(1)>c", "a c"),
        ("&lt;script&gt; is <b>text</b>", "<script> is text"),
        ("a < b <!-- hidden --> c", "a < b c"),
        ("مرحبا <b>بالعالم</b>", "مرحبا بالعالم"),
        ("at <math><msub><mi>T</mi><mi>c</mi></msub><mo>&lt;</mo><mn>5</mn></math> K", "at T_c<5 K"),
        (
            '<mml:math display="inline"><mml:msup><mml:mi>x</mml:mi><mml:mrow><mml:mi>n</mml:mi><mml:mo>+</mml:mo>'
            "<mml:mn>1</mml:mn></mml:mrow></mml:msup></mml:math> and <m:math><m:mi>&alpha;</m:mi></m:math>",
            "x^(n+1) and α",
        ),
        (
            "<math><semantics><mrow><msubsup><mi>a</mi><mi>b</mi><mn>2</mn></msubsup><mspace/><mfrac><mi>c</mi>"
            "<mn>10</mn></mfrac><msqrt><mi>d</mi><mi>e</mi></msqrt><mover><mi>f</mi><mo>~</mo></mover></mrow>"
            '<annotation encoding="TeX">a_b^2</annotation></semantics></math>',
            "a_b^2 c/10√def",
        ),
        ("broken <math><msub><mi>T</mi></math> and <mi>x</mi>", "broken T and x"),
        ("<math></math>none <math>", "none"),
        ("nul\0 and \ud800 surrogate", "nul and surrogate"),
    ],
)
def test_html_becomes_the_text_that_a_subscriber_would_see(html: str, text: str) -> None:
    assert plain(html) == text


def test_an_extract_ends_at_a_word() -> None:
    assert extract("one two three", 9) == "one two…"
    assert extract("onetwothree", 5) == "onetw…"
    assert extract("one", 5) == "one"


# --- the rules about days and fields --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "what"),
    [
        (date(1970, 1, 1), "its day, 1970-01-01, is before 1991"),
        (date(2026, 11, 26), "its day, 2026-11-26, is more than 2 days ahead"),
        (None, "it has no valid date"),
    ],
)
def test_an_entry_of_an_impossible_day_is_rejected_by_name(day: date | None, what: str) -> None:
    entries = Entries(TODAY, source="x")
    entries.add({"title": "T" * 80, "day": day})
    (problem,) = entries.parsed().problems
    assert problem.where == f'entry 1 "{"T" * 60}…"'
    assert problem.what.startswith(what)


@pytest.mark.parametrize("day", [date(1991, 1, 1), TODAY + timedelta(days=2)])
def test_the_first_and_the_last_possible_day_are_kept(day: date) -> None:
    entries = Entries(TODAY, source="x")
    assert entries.add({"title": "T", "day": day})


def test_a_field_that_is_malformed_is_left_away_and_the_paper_kept() -> None:
    entries = Entries(TODAY, source="x")
    listing = entries.add(
        {"title": "T", "day": TODAY, "upvotes": "many", "stars": -1, "authors": 5, "keywords": "no", "comments": 3}
    )
    assert listing is not None
    assert (listing.upvotes, listing.stars, listing.authors, listing.keywords, listing.comments) == (
        None,
        None,
        (),
        (),
        3,
    )


def test_more_authors_than_a_paper_may_have_are_counted() -> None:
    names = [{"name": f"Author {n}"} for n in range(MAX_AUTHORS + 7)]
    body = json.dumps([{"id": "2611.00001", "title": "Everybody", "authors": names}]).encode()
    (listing,) = FORMATS["hf-daily"](body, TODAY).listings
    assert len(listing.authors) == MAX_AUTHORS
    assert listing.author_count == MAX_AUTHORS + 7


def test_of_many_problems_a_hundred_are_told_and_the_others_counted() -> None:
    entries = Entries(TODAY, source="x")
    for _ in range(250):
        entries.reject("it is bad")
    problems = entries.parsed().problems
    assert len(problems) == 101
    assert str(problems[-1]) == "150 more entries: rejected too; check the format of the file"


def test_an_answer_that_ends_too_early_says_so_once() -> None:
    entries = Entries(TODAY, source="x")
    assert not cut_short(entries.parsed())
    entries.cut("it ends in the middle")
    assert cut_short(entries.parsed())
