"""Author lines as all sources write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.sources import authors
from paperround.sources.authors import author_names

_ONE_LINE = {
    # commas, "and", suffixes, affiliations
    "A. Ito (X, Y (Z)), B. Ho and C. Li Jr., D. Aye, III, et al.": "A. Ito|B. Ho|C. Li Jr.|D. Aye III",
    "Mia Holm, Jon Falk": "Mia Holm|Jon Falk",
    "Mia Holm, and Jon Falk & Eva Rot": "Mia Holm|Jon Falk|Eva Rot",
    "Plato, Kant, Hume": "Plato|Kant|Hume",
    "P. Rex (1), Q. Syn (2). ((1) Uni, Town, (2) Lab, City)": "P. Rex|Q. Syn",
    "P. Rex (Uni; Lab) Q. V. Syn (Lab)": "P. Rex|Q. V. Syn",
    "Jon (Johnny) Falk, John Q. (Jo) Ray, III": "Jon Falk|John Q. Ray III",
    "P. Rex (Uni) et al": "P. Rex",
    "P. Rex and others": "P. Rex",
    "Mia Holm$^{1}$, Jon Falk$^{1,2}$, Eva Rot^3, Per Eng2, Ola By*": "Mia Holm|Jon Falk|Eva Rot|Per Eng|Ola By",
    "Mia Holm [1], Jon Falk": "Mia Holm|Jon Falk",
    "": "",
    " , 17, *": "",
    ") A, ( B": "A",
    # turned names
    "Holm, M.; Falk, J. B.": "M. Holm|J. B. Falk",
    "Holm, M., Jr.; Falk, J.": "M. Holm Jr.|J. Falk",
    "Holm Jr., M.; Falk, J.": "M. Holm Jr.|J. Falk",
    "Mia Holm; Jon Falk; Eva Rot": "Mia Holm|Jon Falk|Eva Rot",
    "M. Holm, J. Falk; E. Rot, P. Eng; O. By": "M. Holm|J. Falk|E. Rot|P. Eng|O. By",
    "Holm, Mia; García Ruiz, Ana": "Mia Holm|Ana García Ruiz",
    "Mia Holm, Jon Falk; Eva Rot, Per Eng": "Mia Holm|Jon Falk|Eva Rot|Per Eng",
    "Holm, Mia and Falk, Jon": "Mia Holm|Jon Falk",
    "Holm, M., Falk, J. B., and Rot, E.": "M. Holm|J. B. Falk|E. Rot",
    "Holm, Mia, Falk, Jon": "Mia Holm|Jon Falk",
    "van der Holm, Mia": "Mia van der Holm",
    "Holm, M.": "M. Holm",
    "Иванов, И. И., Петров, П.": "И. И. Иванов|П. Петров",
    "Mia Holm, MIT": "Mia Holm|MIT",
    "García Ruiz, Ana": "García Ruiz|Ana",
    # names without case are never turned
    "王芳, 李娜": "王芳|李娜",
    "王芳，李娜、张伟": "王芳|李娜|张伟",
    "محمد علي، أحمد حسن؛ سارة نور": "محمد علي|أحمد حسن|سارة نور",
    # bodies
    "Deep Survey Collaboration: M. Holm, J. Falk": "Deep Survey Collaboration|M. Holm|J. Falk",
    "M. Holm, on behalf of the Deep Survey Team": "M. Holm|Deep Survey Team",
    "Deep Collaboration, Wide Collaboration": "Deep Collaboration|Wide Collaboration",
    "M. Holm <em>et al.</em> (Deep Collaboration)": "M. Holm|Deep Collaboration",
    "Holm, M.; Falk, J. (The Fish Consortium)": "M. Holm|J. Falk|The Fish Consortium",
    "M. Holm (on behalf of the Deep Collaboration)": "M. Holm",
    "M. Holm (Deep Group)": "M. Holm",
    "M. Holm (Deep collaboration), J. Falk (Deep collaboration)": "M. Holm|J. Falk|Deep collaboration",
    "M. Holm (Member of the Deep Collaboration), J. Falk (in collaboration)": "M. Holm|J. Falk",
    # addresses and introductions
    "mia@holm.technology (Mia Holm)": "Mia Holm",
    "Mia Holm (mailto:mia@holm.example)": "Mia Holm",
    "Mia Holm <mia@holm.example>": "Mia Holm",
    "Author(s): Mia Holm, Jon Falk, and Eva Rot": "Mia Holm|Jon Falk|Eva Rot",
    "By Mia Holm and Jon Falk": "Mia Holm|Jon Falk",
    # letters of TeX and HTML
    r"Gu{\dh}run Th, Sr{\dj}an Ko, {\TH}ora H, Ho\`ang \DJ uc": "Guðrun Th|Srđan Ko|Þora H|Hoàng Đuc",
    "Fran&ccedil;ois <b>Petit</b>": "François Petit",
}


@pytest.mark.parametrize(("line", "names"), _ONE_LINE.items())
def test_a_line_of_authors_is_split_into_names(line: str, names: str) -> None:
    assert "|".join(author_names([line])) == names


def test_of_several_lines_each_turned_one_is_one_name() -> None:
    assert author_names(["Holm, Mia", "García Ruiz, Ana", "Deep Team, The"]) == [
        "Mia Holm", "Ana García Ruiz", "Deep Team", "The",
    ]  # fmt: skip
    assert author_names(["García Ruiz, Ana"], one_each=True) == ["Ana García Ruiz"]
    assert author_names(["Mia", "Jon and Eva"]) == ["Mia", "Jon", "Eva"]


@given(st.lists(st.text(max_size=80), max_size=3))
def test_names_are_clean_whatever_a_line_holds(lines: list[str]) -> None:
    for name in author_names(lines):
        assert name == " ".join(name.split())
        assert any(c.isalpha() for c in name)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Ada Lovelace",
            "Ada M. Lovelace",
            "A. B. Lovelace",
            "Jean-Luc Van Gool",
            "Sammy Davis Jr",
            "Anna-Maria Ott-Holm",
        ),
        *("By Ada Lovelace", "For The Atlas Team", "On Behalf Of The Atlas Team", "Representing The Atlas Team"),
        *(
            "Ada Lovelace Et Al",
            "Ada Lovelace And Others",
            "Ada Lovelace Et Al Others",
            "Ada",
            "Ada L.",
            "Ada LOVELACE",
        ),
        *(
            "Ada and Ben Holm",
            "Ada  Lovelace",
            " Ada Lovelace",
            "Ada Lovelace\n",
            "Ada Lovelace1",
            "Émilie du Châtelet",
        ),
        *("By. Holm", "Atlas Collaboration", "On The Holm", "Ada Phd", "Holm Md"),
    ],
)
@pytest.mark.parametrize("one_each", [True, False])
def test_a_plain_name_is_read_as_any_other_line(line: str, one_each: bool) -> None:
    assert authors._names(line, one_each=one_each) == authors._separated_names(line, one_each=one_each)


def test_a_plain_name_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authors, "_separated_names", None)
    assert author_names(["Ada Lovelace", "Jean-Luc B. Holm"]) == ["Ada Lovelace", "Jean-Luc B. Holm"]
