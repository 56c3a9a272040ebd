"""Preferences as texts and JSON: each field reads what it writes, and says what is wrong with anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain import preferences
from paperround.domain.errors import PreferenceError, QueryError, UsageError
from paperround.domain.models import Subscriber, SubscriberState, Topic
from paperround.domain.preferences import DEFAULTS, Breadth, Density, Preferences, SiteOptions
from paperround.domain.schedule import Cadence, Schedule
from paperround.store.schema import subscribers
from support.preferences import PREFERENCES


@given(PREFERENCES)
def test_what_is_written_as_json_is_read_as_the_same(chosen: Preferences) -> None:
    assert DEFAULTS.patched(preferences.read_patch(preferences.write(chosen))) == chosen


@given(PREFERENCES)
def test_what_is_written_as_text_is_read_as_the_same(chosen: Preferences) -> None:
    assert DEFAULTS.patched(preferences.read_patch(preferences.write_text(chosen))) == chosen


@given(PREFERENCES)
def test_typed_values_are_read_as_they_are(chosen: Preferences) -> None:
    assert preferences.read_patch(chosen.as_patch()) == chosen.as_patch() | {
        name: tuple(value) for name, value in chosen.as_patch().items() if name in preferences.LISTS
    }


@given(PREFERENCES, PREFERENCES)
def test_a_patch_changes_the_fields_that_it_names_and_no_other(before: Preferences, other: Preferences) -> None:
    for name in preferences.FIELDS:
        after = before.patched({name: getattr(other, name)})
        assert set(before.changes_to(after)) <= {name}
        assert getattr(after, name) == getattr(other, name)


@given(
    st.sampled_from(preferences.FIELDS), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
)
def test_whatever_is_given_is_read_as_something_that_can_be_written_or_refused(name: str, value: object) -> None:
    try:
        read = preferences.read_field(name, value)
    except (PreferenceError, QueryError):
        return
    assert preferences.read_field(name, preferences.FORMS[name].write(read)) == read


@pytest.mark.parametrize(
    ("written", "hour"),
    [("07:30", time(7, 30)), ("7:30", time(7, 30)), ("7:00 AM", time(7)), ("7 pm", time(19)), ("12 p.m.", time(12)),
     ("12:05 am", time(0, 5)), ("23:59:00", time(23, 59)), ("00:00", time(0)), ("1 am", time(1)),
     ("8", time(8)), ("19", time(19)), ("7.30", time(7, 30))],
)  # fmt: skip
def test_times_are_read_as_people_write_them(written: str, hour: time) -> None:
    assert preferences.read_field("at", written) == hour


@pytest.mark.parametrize("wrong", ["24", "24:00", "07:60", "13 pm", "0 am", "noon", "", "7:5"])
def test_what_is_no_time_of_day_is_refused_with_the_remedy(wrong: str) -> None:
    with pytest.raises(PreferenceError, match=r"at: .* is not a time of day; write it as 07:30"):
        preferences.read_field("at", wrong)


@pytest.mark.parametrize(
    ("field", "given_value", "read"),
    [
        ("weekday", "Friday", 4), ("weekday", "fri", 4), ("weekday", 6, 6), ("weekday", "0", 0),
        ("cadence", " Weekly ", Cadence.WEEKLY), ("density", "BRIEF", Density.BRIEF),
        ("timezone", "europe/berlin", "Europe/Berlin"), ("topics", "Robots, agents;robots", ("robots", "agents")),
        ("queries", "a OR b; c\nd", ("a OR b", "c", "d")), ("paused_until", "", None),
        ("paused_until", "2026-12-24", date(2026, 12, 24)), ("max_papers", "007", 7), ("max_papers", "0100", 100),
        ("topics", ["a", "a,b"], ("a", "a,b")), ("topics", "TeX;b", ("tex", "b")),
        ("queries", list("abcde"), tuple("abcde")),
        ("topics", "a,b;c\nd", ("a", "b", "c", "d")), ("queries", ["a;b", "c"], ("a;b", "c")),
        ("queries", "x" * 300, ("x" * 300,)), ("theme", "t" * 60, "t" * 60),
        ("name", "  Ada\t L. ", "Ada L."),
    ],
)  # fmt: skip
def test_texts_are_read_leniently_where_they_are_clear(field: str, given_value: object, read: object) -> None:
    assert preferences.read_field(field, given_value) == read


@pytest.mark.parametrize("number", range(7))
def test_a_weekday_is_read_by_its_number_too(number: int) -> None:
    assert preferences.read_field("weekday", str(number)) == number


def test_a_list_as_text_keeps_semicolons_and_backslashes_of_its_items() -> None:
    items = ("title:a; b", "c\\d", "e")
    written = preferences.text_of(list(items))
    assert written == "title:a\\; b;c\\\\d;e"
    assert preferences.read_field("queries", written) == items


def test_the_slug_of_an_own_query_is_short_stays_the_same_and_is_of_one_subscriber() -> None:
    assert preferences.own_slug("gripper", 7) == "own-4b9b8bdefa1f3b3a"
    assert len({preferences.own_slug(*one) for one in (("gripper", 7), ("gripper", 8), ("grippers", 7))}) == 3


@pytest.mark.parametrize(
    ("field", "wrong", "told"),
    [
        ("weekday", "7", "monday, tuesday"), ("weekday", "m", "not a day of the week"), ("weekday", True, "text"),
        ("cadence", "hourly", "there is no cadence 'hourly'; there are: daily, weekdays"),
        ("density", "tiny", "there are: full, brief, titles"), ("timezone", "Mars", "write it as Europe/Berlin"),
        ("max_papers", "0", "not a number of papers from 1 to 100"), ("max_papers", "101", "from 1 to 100"),
        ("max_papers", "9" * 5_000, "from 1 to 100"), ("monthday", "٣", "from 1 to 31"),
        ("topics", 3, ": write it as a list of texts"), ("topics", [1], "a list of texts"),
        ("theme", "", "there is no theme"), ("theme", "t" * 61, f"'{'t' * 60}'"), ("max_papers", "00100", "1 to 100"),
        ("name", 3.5, ": write it as text"),
        ("paused_until", "tomorrow", "write it as 2026-12-24"),
        ("queries", [f"w{n}" for n in range(6)], "the most is 5"),
        ("shoe_size", "39", "there is no such preference; there are: name, topics"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_field_and_remedy(field: str, wrong: object, told: str) -> None:
    with pytest.raises(PreferenceError) as caught:
        preferences.read_patch({field: wrong})
    assert str(caught.value).startswith(f"{field}: ")
    assert told in str(caught.value)
    assert isinstance(caught.value, UsageError)


def test_a_query_that_is_too_long_is_told_with_the_limit() -> None:
    with pytest.raises(QueryError, match="at most 300 characters"):
        preferences.read_field("queries", ["x" * 301])


SITE = SiteOptions(("robots", "agents"), ("paper", "cards"), ("en", "de"), str.upper)


def test_a_patch_that_the_site_can_do_has_each_query_once_as_it_was_typed() -> None:
    patch = {"topics": ("agents",), "queries": ("a", "A", "b"), "theme": "cards"}
    assert SITE.check(patch) == {"topics": ("agents",), "queries": ("a", "b"), "theme": "cards"}
    assert SITE.check({"max_papers": 3}) == {"max_papers": 3}


def test_names_are_taken_in_any_case_and_stored_as_the_site_spells_them() -> None:
    patch = {"topics": ("Robots", "robots", "AGENTS"), "theme": "Cards", "language": "DE"}
    assert SITE.check(patch) == {"topics": ("robots", "agents"), "theme": "cards", "language": "de"}
    twice = replace(SITE, themes=("Cards", "cards"))
    assert twice.check({"theme": "cards"}) == {"theme": "cards"}, "a name as it is spelled comes first"


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({"topics": ("robots", "cooking")}, "topics: there is no topic 'cooking'; there are: robots, agents"),
        ({"theme": "neon"}, "theme: there is no theme 'neon'; there are: paper, cards"),
        ({"language": "fr"}, "language: there is no language 'fr'; there are: en, de"),
    ],
)
def test_what_the_site_does_not_have_is_refused_with_what_it_has(patch: dict[str, Any], told: str) -> None:
    with pytest.raises(PreferenceError) as caught:
        SITE.check(patch)
    assert str(caught.value) == told


def test_a_site_without_topics_says_so() -> None:
    with pytest.raises(PreferenceError, match="none yet"):
        replace(SITE, topics=()).check({"topics": ("robots",)})


def test_an_operator_in_what_is_left_out_is_refused_unless_an_earlier_version_took_it() -> None:
    patch = preferences.read_patch({"leave_out": ["robots OR video", "robot*", "surveys"]})
    before = DEFAULTS.patched(patch)
    preferences.check_new_entries(patch, before)
    preferences.check_new_entries({}, DEFAULTS)
    with pytest.raises(PreferenceError, match=r"'robot\*' has an operator") as told:
        preferences.check_new_entries(patch, before._replace(leave_out=("robots OR video",)))
    assert "OR" not in told.value.problem


def test_a_list_names_all_its_wrong_entries() -> None:
    with pytest.raises(PreferenceError) as told:
        preferences.read_patch({"leave_out": ["foo: bar", "survey", "category: cs.XX", "foo: bar"]})
    assert told.value.problem.count("'foo:' is not known") == 1
    assert told.value.problem.endswith(". arXiv has no category 'cs.XX'; see https://arxiv.org/category_taxonomy")


def test_a_schedule_and_what_is_followed_are_made_of_the_fields() -> None:
    chosen = Preferences(topics=("robots",), queries=("grip",), cadence=Cadence.WEEKLY, weekday=4)
    assert chosen.schedule == Schedule(Cadence.WEEKLY, time(7), "UTC", 4, 1)
    assert chosen.followed_by(7) == ("robots", preferences.own_slug("grip", 7))
    assert chosen.follows_anything
    assert not DEFAULTS.follows_anything


def test_every_field_has_its_text_form_and_the_default_is_one_that_can_be_written() -> None:
    assert Preferences._fields == preferences.FIELDS
    assert all(form.about for form in preferences.FORMS.values())
    assert DEFAULTS.patched(preferences.read_patch(preferences.write(DEFAULTS))) == DEFAULTS


def test_a_subscriber_has_what_letters_ask_for_at_hand() -> None:
    chosen = Preferences(
        name="Ada", topics=("robots",), queries=("grip",), theme="cards", density=Density.TITLES, language="de"
    )
    ada = Subscriber(1, "ada@example.org", SubscriberState.ACTIVE, chosen)
    assert (ada.name, ada.theme, ada.density, ada.language) == ("Ada", "cards", "titles", "de")
    assert (ada.topics, ada.schedule) == (chosen.followed_by(1), chosen.schedule)
    assert ada.with_preferences(theme="plain") == ada._replace(preferences=chosen._replace(theme="plain"))


@pytest.mark.parametrize(("query", "name"), [("grip", "grip"), ("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…")])
def test_an_own_query_is_a_private_topic_that_is_named_by_its_beginning(query: str, name: str) -> None:
    topic = Topic.of_own_query(query, 7)
    assert (topic.slug, topic.name, topic.query, topic.private) == (preferences.own_slug(query, 7), name, query, True)


def test_every_preference_is_stored() -> None:
    """Topics, queries and what is followed have tables of their own; every other preference is a column."""
    columns = {*subscribers.columns.keys(), "topics", "queries", "follows"}
    missing = [name for name in preferences.FIELDS if name not in columns]
    assert missing == [], f"store/schema.py: subscribers has no column for {missing} (docs/add-a-preference.md)"


def test_a_breadth_knows_the_wider_ones_the_nearest_first() -> None:
    assert Breadth.FEWER.wider == [Breadth.USUAL, Breadth.MORE, Breadth.MOST]
    assert Breadth.MOST.wider == []


def test_what_is_wrong_with_a_preference_is_told_in_the_language_of_a_page_without_its_field() -> None:
    with pytest.raises(PreferenceError) as caught:
        preferences.read_field("at", "noon")
    german = {"%(given)r is not a time of day; write it as 07:30": "%(given)r ist keine Uhrzeit"}
    assert caught.value.translated(german.__getitem__) == "'noon' ist keine Uhrzeit"
    assert str(caught.value).startswith("at: ")
