"""What the feedback page says: its heading, and the sentence below it."""

from __future__ import annotations

from collections.abc import Mapping

from paperround.domain.errors import translatable as _
from paperround.rendering.language import Language

_QUESTIONS: Mapping[str, str] = {
    "more": _("More like this?"),
    "less": _("Less like this?"),
    "save": _("Save for the weekend?"),
    "follow": _("Follow the people behind it"),
}
_QUESTION_ON_ALL = _("More or less like these?")
_ANSWERS: Mapping[str, str] = {
    "more": _("You will see more like this"),
    "less": _("You will see less like this"),
    "save": _("Saved for the weekend"),
    "remove": _("Removed from your reading list"),
    "forget": _("Feedback removed"),
}
_WEEKEND = _("The last email of the week begins with the papers that you saved.")
_NEXT_EMAIL = _("Saved. Your next email takes it into account.")
_EFFECTS: Mapping[str, str] = {"more": _NEXT_EMAIL, "less": _NEXT_EMAIL, "save": _WEEKEND}
"""The effect of feedback on the emails of a subscriber who gets some."""
_REMOVED: Mapping[str, str] = {
    "remove": _("Your emails will not remind you of it."),
    "forget": _("Your feedback on this paper no longer counts."),
}
_PURPOSE = _(
    "Your feedback moves similar papers up or down in future emails. It also helps decide which papers your "
    "interests in plain words bring."
)


def heading(kind: str, language: Language, *, recorded: bool) -> str:
    """Return the heading of the page. `kind` is the kind of feedback; empty for the page of all papers."""
    sentence = _ANSWERS[kind] if recorded else _QUESTIONS.get(kind, _QUESTION_ON_ALL)
    return language.gettext(sentence)


def message(kind: str, language: Language, *, recorded: bool, is_subscribed: bool) -> str:
    """Return what feedback of this kind does, or did if it was recorded; "" if there is nothing to add.

    `is_subscribed` says that the subscriber gets emails.
    """
    sentence = _describe_effect(kind, is_subscribed) if recorded else _describe_purpose(kind, is_subscribed)
    return language.gettext(sentence) if sentence else ""


def _describe_effect(kind: str, is_subscribed: bool) -> str:
    if kind in _REMOVED:
        return _REMOVED[kind]
    return _EFFECTS[kind] if is_subscribed else _("Saved.")


def _describe_purpose(kind: str, is_subscribed: bool) -> str:
    if kind == "save":
        return _WEEKEND if is_subscribed else ""
    return "" if kind == "follow" else _PURPOSE
