"""Sentences about an interest that was tried on stored papers, and about a query in a form. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paperround.domain.interest_trial import Doubt, InterestTrial, WiderBreadth, has_few_papers
from paperround.domain.preferences import Breadth
from paperround.rendering import breadth_labels
from paperround.rendering.language import Language

DescribeSetting = Callable[[Breadth, Language], str]
"""A function that says what to choose for a breadth."""


def describe_trial(
    trial: InterestTrial,
    language: Language,
    more: str = "+",
    less: str = "−",
    setting: DescribeSetting = breadth_labels.setting,
) -> str:
    """Return a few sentences that tell the subscriber how useful the interest is.

    `more` and `less` are what they rate papers with; `setting` tells what to choose for a breadth.
    """
    _ = language.gettext
    match trial.doubt:
        case Doubt.NO_PAPERS:
            return _("There are no papers to try it on yet.")
        case Doubt.EMPTY:
            return _("These words occur in papers on every subject. Describe what the papers should be about.")
        case Doubt.UNWANTED | Doubt.AUTHOR:
            return describe_misreading(trial.unwanted, trial.author, language)
        case _ if trial.exact:
            advice = describe_operators(trial.operators, language) or describe_single_word(language)
            return f"{_describe_matches(trial, language)} {advice}"
        case Doubt.LANGUAGE:
            return _("This interest is in German, but it is compared with papers in English. Write it in English.")
        case Doubt.UNKNOWN:
            return _(
                "The newest papers have none of these words, or only short ones. Try words that a paper on your "
                "interest would use, in English."
            )
        case Doubt.VAGUE:
            return _describe_vague(trial, language, more, less, setting)
        case Doubt.BROAD:
            return _describe_broad(trial, language)
        case _:
            return _describe_useful(trial, language, setting)


def _describe_matches(trial: InterestTrial, language: Language) -> str:
    if not trial.selected:
        return language.gettext("None of the newest papers matches exactly.")
    return language.count(
        "%(num)s of the newest papers matches exactly.",
        "%(num)s of the newest papers match exactly.",
        trial.selected,
    )


def _describe_vague(trial: InterestTrial, language: Language, more: str, less: str, setting: DescribeSetting) -> str:
    _ = language.gettext
    outcome = (
        _("Apart from the papers you rated, none stands out enough to be emailed.")
        if trial.rated
        else _("No paper stands out enough to be emailed.")
    )
    remedies = " ".join(describe_remedies(trial.total, trial.wider, language, setting))
    cause = remedies or _("The interest may be too vague, or nothing on it has appeared lately.")
    request = _("The closest papers are below: rate them with %(more)s and %(less)s, or add a technical term.")
    return f"{outcome} {cause} {request % {'more': more, 'less': less}}"


def _describe_broad(trial: InterestTrial, language: Language) -> str:
    sentence = language.gettext(
        "%(taken)s of the %(total)s newest papers fit, which is too many to tell what you are looking for. "
        "Add a word that narrows it down."
    )
    return sentence % {"taken": language.number(trial.selected), "total": language.number(trial.total)}


def _describe_useful(trial: InterestTrial, language: Language, setting: DescribeSetting) -> str:
    outcome = _describe_selected(trial, language)
    if not has_few_papers(trial.total):
        return outcome
    return " ".join((outcome, *describe_remedies(trial.total, trial.wider, language, setting)))


def _describe_selected(trial: InterestTrial, language: Language) -> str:
    if trial.rated:
        return language.count(
            "Apart from the papers you rated, %(num)s of the newest papers stands out enough to be emailed.",
            "Apart from the papers you rated, %(num)s of the newest papers stand out enough to be emailed.",
            trial.selected,
        )
    return language.count(
        "%(num)s of the newest papers stands out enough to be emailed.",
        "%(num)s of the newest papers stand out enough to be emailed.",
        trial.selected,
    )


def describe_remedies(
    total: int,
    wider: WiderBreadth | None,
    language: Language,
    setting: DescribeSetting = breadth_labels.setting,
) -> list[str]:
    """Return what would bring more papers, a sentence each: time and ratings on a site with few papers, or a breadth.

    `total` is the number of papers of the site.
    """
    sentences = []
    if has_few_papers(total):
        sentences.append(
            language.count(
                "This site has only %(num)s paper so far, too few to tell what stands out. Your first ratings help "
                "most.",
                "This site has only %(num)s papers so far, too few to tell what stands out. Your first ratings help "
                "most.",
                total,
            )
        )
    if wider:
        sentence = language.ngettext(
            "With %(setting)s, %(num)s paper would be emailed.",
            "With %(setting)s, %(num)s papers would be emailed.",
            wider.selected,
        )
        sentences.append(
            sentence % {"setting": setting(wider.breadth, language), "num": language.number(wider.selected)}
        )
    return sentences


def describe_operators(operators: Sequence[str], language: Language) -> str:
    """Return why a text is read as a query, and how to have it read as plain words; "" if it has no operator."""
    if not operators:
        return ""
    return language.gettext(
        "Because of %(operators)s this is read as a query, which finds exact matches only. To look for the words "
        "instead, write them without operators and quotation marks."
    ) % {"operators": language.list(operators)}


def describe_single_word(language: Language) -> str:
    """Return how a single word that is a query, such as an acronym, is read, and how to find other papers too."""
    return language.gettext(
        "Such a word finds only papers that contain it. Describe the subject in a few words to find others too."
    )


def describe_misreading(unwanted: str, author: str, language: Language) -> str:
    """Return why plain words are hardly read as they are meant; empty if nothing suggests that.

    `unwanted` is what they say that the subscriber does not want; `author` is the query for the author whose name
    they are.
    """
    _ = language.gettext
    if unwanted:
        return _(
            "This brings papers about “%(words)s” instead of keeping them away. Write what you want to read about; "
            "what you never want goes under “Leave out” in the preferences."
        ) % {"words": unwanted}
    if author:
        return _("This is the name of an author. For their papers, enter: %(query)s") % {"query": author}
    return ""


def describe_week(number: int, language: Language, *, counted: int) -> str:
    """Return how many papers of the past week match, before a list of them; they were counted up to `counted`."""
    if number >= counted:
        return language.gettext("More than %(number)s papers in the past week. Try more specific words.") % {
            "number": language.number(number)
        }
    if not number:
        return language.gettext("No papers in the past week. Try fewer words, or more general ones.")
    return language.count("%(num)s paper in the past week:", "%(num)s papers in the past week, including:", number)


def describe_week_without_word(language: Language) -> str:
    """Return that no paper of the past week has the single word of a query, and how to find other papers."""
    none = language.gettext("No papers in the past week.")
    return f"{none} {describe_single_word(language)}"


def describe_closest(remedies: Sequence[str], language: Language) -> str:
    """Return that no paper of the past week is emailed and what would bring more, before a list of the closest."""
    _ = language.gettext
    return " ".join(
        (_("No paper of the past week stands out enough to be emailed."), *remedies, _("The closest are:"))
    )


def suggest_correction(words: str, language: Language) -> str:
    """Return the question whether a text with its typing mistakes corrected was meant."""
    return language.gettext("Did you mean “%(words)s”?") % {"words": words}
