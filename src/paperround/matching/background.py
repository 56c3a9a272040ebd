"""Word counts of other papers, which stand in for those that a new site does not have yet. Pure.

On a site with sixty papers nearly every word is rare: "learning" and "network" would say as much about a paper as
"hurricane". The counts are those of titles and abstracts on arXiv; tests/support/count_words.py writes them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from paperround.matching.lexical import Statistics

FILE = "background.tsv"


@cache
def background() -> Statistics:
    """Return the word counts that paperround ships with."""
    return read_counts(files(__package__).joinpath(FILE).read_text("utf-8"))


def read_counts(text: str) -> Statistics:
    """Return the counts in a text as `write_counts` writes it."""
    first, *lines = text.splitlines()
    pairs = (line.split("\t") for line in lines)
    return Statistics(int(first), {term: int(count) for term, count in pairs})


def write_counts(counts: Statistics, least: int) -> str:
    """Return the counts as text: the number of papers, then a line for each term that `least` papers or more have."""
    terms = sorted(term for term, count in counts.frequencies.items() if count >= least)
    return "".join([f"{counts.documents}\n", *(f"{term}\t{counts.frequencies[term]}\n" for term in terms)])
