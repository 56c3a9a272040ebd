"""End an excerpt of an English text where a sentence ends, or else where its main clause is complete. Pure."""

from __future__ import annotations

import re

from paperround.rendering.excerpt import excerpt, last_sentence_end

_MIN_CLAUSE = 45  # characters; a shorter part of a sentence says too little
_MIN_FILLED = 0.5  # the share of the budget that whole sentences fill if no part of another one follows
# Words of English that other languages with our letters do not have.
_ENGLISH = re.compile(r"\b(?:and|from|the|this|that|with)\b", re.IGNORECASE)
# A verb of a main clause: after "we", an auxiliary, or a third person that an object follows.
_VERB = re.compile(
    r"\bwe (?:(?:\w+ly|also|first|further|have|then) )*\w+"
    r"|\b(?:are|can|does|has|have|is|was|were|will)\b"
    r"|\b(?:[a-z]+ly )?[a-z]{2,}[^s\W]s (?=an?\b|how\b|its\b|that\b|the\b|whether\b)"
    r"|\b(?:aims|discusses|examines"
    r"|explores|introduces|investigates|presents|proposes|provides|reports|reviews|shows)\b",
    re.IGNORECASE,
)
_PURPOSES = (
    "(?:achieve|address|assess|automate|balance|boost|bridge|capture|compensate|create|detect|enable|enhance|ensure"
    "|estimate|evaluate|explore|facilitate|generate|guide|handle|help|identify|improve|increase|jointly|maintain"
    "|mitigate|obtain|optimize|overcome|predict|preserve|prevent|produce|provide|reduce|solve|strengthen|support|tackle)"
)
# Where a main clause may be complete.
_BOUNDARY = re.compile(
    r"; |: | ?— | [–-] "
    r"|, (?:which|who|where|while|whereas|whose|as well as|along with|together with|including) "
    r"|,? and (?=(?:it|our|they|we)\b)"
    r"|,? (?:in which|so that|thereby|thus|whereby) "
    # participles: ", enabling …", " by learning …"
    r"|, (?=(?:[a-z]+ly |also |even |further )?[a-z]{2,}ing [^\W_])"
    r"|,? (?:after|before|by|through|via|when|while|without) (?=(?:[a-z]+ly )?[a-z]{2,}ing\b)"
    # relative clauses: "a method that learns …"
    r"| that (?!(?:after|as|at|by|every|for|from|if|in|on|the|to|when|while|with)\b)"
    # phrases behind a noun: "a method for …", "designed to …"
    r"| (?:designed|developed|intended|tailored|built|capable|consisting|composed|grounded|inspired|motivated"
    r"|equipped|featuring|leveraging|using|utilizing|across|during|for|in|over|through|throughout|under|via|while|within"
    r"|without|with) "
    rf"|,? (?:in order )?to (?={_PURPOSES}\b)",
)
# Words at the end of a clause that need the next one.
_INCOMPLETE = re.compile(
    r"(?:^|[\s,(])(?:an?|able|about|against|all|also|and|any|are|as|at|be|been|being|between|both|but|by|can|each|either"
    r"|every|first|for|from|further|has|have|highly|how|if|in|into|is|it|its|less|many|more|most|much|namely|new|no|nor"
    r"|not|novel|of|on|only|or|our|over|own|per|rather|same|second|several|some|such|than|that|the|their|then|these"
    r"|they|this|those|three|to|toward|towards|two|under|used|via|was|we|were|what|when|where|whether|which|while"
    r"|whose|will|with|well|[a-z]+ly|e\.g\.?|i\.e\.?|following|follows"
    r"|based|results?|resulting|involved|need|needed|aims?|designed|learns?|learned|operating|relying|trained|seeks?|ability|way|ways"
    r"|demonstrates?|we \w+|shows?|finds?|reveals?|proves?|claims?|account(?:s|ing)?|combin\w+|exist\w*)$",
    re.IGNORECASE,
)
# A name and a word for any kind of work say too little: "Foo, a novel framework".
_SAYS_NOTHING = re.compile(
    r",? (?:an?|the) (?:[\w-]+ ){0,2}(?:approach|architecture|benchmark|dataset|framework|method|model|paradigm"
    r"|pipeline|solution|strategy|system)$"
)
# A word whose other half is still to come: "both … and", "not only … but also".
_HALF = re.compile(
    r"(?<!\bis)(?<!\bare)(?<!\bwas)(?<!\bwere) [\w-]+ed$"
    r"|\b(?:both|between|either|neither|not only|not just)\b(?!.*\b(?:and|but|nor|or)\b)"
    r"|\b(?:bridg|combin|coupl|endow|equip|integrat|pair|unif)(?:e|es|ing|s|ies|y|ying)\b(?!.*\b(?:and|into|with)\b)"
    # "show that …" without a verb
    r"|\b(?:argue|claim|demonstrat|find|observe|prove|reveal|show|suggest)\w* that\b"
    r"(?!.*\b(?:are|can|could|do|does|has|have|is|may|need|remains?|was|were|will"
    r"|(?!this\b)[a-z]{3,}[^s\W]s (?:an?|the|its))\b)"
    # the beginning of what follows a colon or the last "and"
    r"|[:;] .{0,30}$|, and [\w-]+$"
    r"|\((?:1|a|i)\)(?!.*\((?:2|b|ii)\))"
    r"|\b(?:although|because|if|since|though|unless|when|whether|while)\b(?!.*,)"
)
# A noun or verb that needs the phrase behind it: "allows robots to walk", "combines maps with plans".
_NEEDED = {
    "to": re.compile(
        r"\b(?:abilit|able|adapt|aim|allow|ask|attempt|caus|compar|design|enabl|encourag|fail|forc|guid|help|how|lead|learn"
        r"|need|order|prompt|requir|seek|teach|train|tr(?:y|ies)|us(?:e|ed|es|ing)\b|way)\w*[^,;:]*$"
    ),
    "with": re.compile(
        r"\b(?:align|associat|augment|combin|compar|coupl|deal|enrich|equip|integrat|interact|pair|replac|start)\w*[^,;:]*$"
    ),
    "in": re.compile(r"\b(?:result|embed|exist|lie|engag|particip|differ|interest|implement|advance)\w*[^,;:]*$"),
    "for": re.compile(r"\b(?:account|allow|call|search|need|optimiz|substitut)\w*[^,;:]*$"),
    "that": re.compile(
        r"\b(?:argu|assum|claim|conclud|confirm|demonstrat|discover|ensur|establish|evidence|fact|find|found|hypothes\w+"
        r"|identif|indicat|mean|not|observ|posit|prov|report|reveal|say|show|so|suggest|verif)\w*(?: \w+){0,3}$"
    ),
}


def shorten_to_clause(text: str, budget: int) -> str:
    """Return at most `budget` characters: whole sentences, or the first one up to the end of a clause and a period.

    If no clause ends within the budget, or the text is not in English, cut at a word and add "…".
    """
    if len(text) <= budget:
        return text
    if not _ENGLISH.search(text):
        return excerpt(text, budget)
    end = last_sentence_end(text, budget)
    if end >= budget * _MIN_FILLED:
        return text[:end].rstrip()
    start = end + len(text[end:]) - len(text[end:].lstrip())
    clause = _last_clause_end(text[start:], budget - start)
    if clause:
        return f"{text[: start + clause]}."
    return text[:end].rstrip() if end >= _MIN_CLAUSE else excerpt(text, budget)


def _last_clause_end(text: str, budget: int) -> int:
    """Return where the last complete clause ends that leaves room for a period in `budget` characters; 0 if none."""
    verb = _VERB.search(text, 0, budget)
    if not verb:
        return 0
    found = [(len(text[: one.start()].rstrip(" ,")), one[0]) for one in _BOUNDARY.finditer(text, verb.end(), budget)]
    return next((end for end, word in reversed(found) if end < budget and _complete(text[:end], word.strip(" ,"))), 0)


def _complete(clause: str, boundary: str) -> bool:
    """Return whether a clause stands by itself without the word of this boundary and what follows it."""
    needed = _NEEDED.get(boundary)
    return (
        len(clause) >= _MIN_CLAUSE
        and not _INCOMPLETE.search(clause)
        and not _SAYS_NOTHING.search(clause)
        and not _HALF.search(clause)
        and clause.count("(") == clause.count(")")
        and clause.count("“") == clause.count("”")
        and not clause.count('"') % 2
        and not (needed and needed.search(clause))
    )
