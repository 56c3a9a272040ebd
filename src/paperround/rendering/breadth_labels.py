"""What the preference `breadth` and its choices are called in the form. Pure."""

from __future__ import annotations

from paperround.domain.preferences import Breadth
from paperround.rendering.language import Language


def preference_label(language: Language) -> str:
    """Return the label of the preference."""
    return language.gettext("How many papers plain-word interests match")


def breadths(language: Language) -> list[tuple[str, str]]:
    """Return each breadth with its label."""
    _ = language.gettext
    return [
        (Breadth.FEWEST.value, _("Far fewer")),
        (Breadth.FEWER.value, _("Fewer")),
        (Breadth.USUAL.value, _("As usual")),
        (Breadth.MORE.value, _("More")),
        (Breadth.MOST.value, _("Far more")),
    ]


def setting(breadth: Breadth, language: Language) -> str:
    """Return what to choose for a breadth: the labels of the breadth and of the preference."""
    return language.gettext("“%(label)s” under “%(preference)s”") % {
        "label": short_setting(breadth, language),
        "preference": preference_label(language),
    }


def short_setting(breadth: Breadth, language: Language) -> str:
    """Return the label of a breadth."""
    return dict(breadths(language))[breadth.value]
