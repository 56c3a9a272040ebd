"""A mistake in topics.toml is named, with its line; none is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from paperround.domain.errors import ConfigurationError
from paperround.rounds.topic_definitions import read_topics

FIRST = '[[topics]]\nslug = "robots"\nname = "Robots"\nquery = "robot*"\n'
FILE = Path("topics.toml")


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("[[topic]]\nslug = 'a'\n", "topics.toml: topic is not known; write each topic as [[topics]]"),
        (FIRST, "topics.toml line 5: topic 2 (robots): an earlier topic has the same slug"),
        (
            "[[topics]]\nslug='a'\nname='A'\nquery='a'\ndescription='x'\n",
            "topics.toml line 5: topic 2: description is not known; a topic has slug, name, query and about",
        ),
        (
            "[[topics]]\nslug='a'\nname=' '\nquery='a'\n",
            "topics.toml line 5: topic 2: name is missing; a topic has slug, name and query",
        ),
        (
            "[[topics]]\nslug='a'\nname='A'\nquery='a'\nabout=3\n",
            "topics.toml line 5: topic 2: about must be text, in quotation marks",
        ),
        (
            "[[topics]]\nslug='own-0123456789abcdef'\nname='A'\nquery='a'\n",
            "topics.toml line 5: topic 2 (own-0123456789abcdef): 'own-0123456789abcdef' cannot be a topic's slug; "
            "slugs of this form are reserved for interests",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(added: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_topics((FIRST + added).encode(), FILE)
    assert str(error.value) == told


def test_all_wrong_topics_are_named_at_once() -> None:
    wrong = "[[topics]]\nslug='a'\n" + FIRST + "[[topics]]\nslug='B C'\nname='B'\nquery='b'\n"
    with pytest.raises(ConfigurationError) as error:
        read_topics((FIRST + wrong).encode(), FILE)
    told = [line.split(": ")[1] for line in str(error.value).splitlines()]
    assert told == ["topic 2", "topic 3 (robots)", "topic 4 (b c)"]


def test_a_topic_needs_no_description() -> None:
    [topic] = read_topics(FIRST.encode(), FILE)
    assert (topic.slug, topic.name, topic.query, topic.about) == ("robots", "Robots", "robot*", "")
