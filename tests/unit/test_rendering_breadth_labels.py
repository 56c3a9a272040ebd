"""A breadth is named as the form of the preferences names it."""

from __future__ import annotations

from paperround.domain.preferences import Breadth
from paperround.rendering import breadth_labels, language
from support.letters import FOLDERS


def test_a_setting_is_named_by_its_label_and_that_of_the_preference() -> None:
    told = [breadth_labels.setting(Breadth.MORE, language.load(code, FOLDERS)) for code in ("en", "de")]
    assert told == [
        "“More” under “How many papers plain-word interests match”",
        "unter „Wie viele Paper aus Interessen in eigenen Worten“ die Stufe „Mehr“",
    ]


def test_every_breadth_has_a_label() -> None:
    assert [value for value, _ in breadth_labels.breadths(language.load("en", FOLDERS))] == list(Breadth)
