"""Names are divided as reference managers sort them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.domain.person_names import divide, without_middle_initials


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", "Lovelace|Ada"),
        ("W. Souza", "Souza|W."),
        (", Ada Lovelace", ", Ada Lovelace"),
        ("Lovelace A.", "Lovelace|A."),
        ("Jian LI", "LI|Jian"),
        ("Gabriel García Márquez", "Márquez|Gabriel García"),
        ("Ludwig van Beethoven", "van Beethoven|Ludwig"),
        ("Ana de la Cruz Lima", "de la Cruz Lima|Ana"),
        ("Luc Van Gool", "Van Gool|Luc"),
        ("Guy Van den Broeck", "Van den Broeck|Guy"),
        ("José Ortega y Gasset", "Ortega y Gasset|José"),
        ("Ana y Gasset", "y Gasset|Ana"),
        ("Jim Al-Khalili", "Al-Khalili|Jim"),
        ("danah boyd", "boyd|danah"),
        ("Martin Luther King Jr.", "King|Martin Luther|Jr."),
        ("King, Martin Luther", "King|Martin Luther"),
        ("King, Martin Luther, Jr.", "King|Martin Luther|Jr."),
        ("Wei (David) Zhang", "Zhang|Wei (David)"),
        ("King, Martin, Luther", "King, Martin, Luther"),
        ("Plato", "Plato"),
        ("王 小明", "王 小明"),
        ("OpenAI", "OpenAI"),
        ("Institute of Snow", "Institute of Snow"),
        ("Snow AND Ice", "Snow AND Ice"),
        ("Event Horizon Telescope Collaboration", "Event Horizon Telescope Collaboration"),
        ("Deep Example", "Deep Example"),
    ],
)
def test_a_name_is_divided_before_the_family_name(name: str, parts: str) -> None:
    divided = divide(name, organization="Deep Example")
    assert "|".join(filter(None, divided)) == parts
    assert divided.is_person == ("|" in parts)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Ada M. Lovelace", "Ada Lovelace"),
        ("Lovelace, Ada Mary", ""),
        ("Ada Mary B. Lovelace", "Ada Mary Lovelace"),
        ("Jin Young Kim", ""),
        ("Dr. Ada M. Lovelace Jr.", "Ada Lovelace"),
        ("Ludwig M. van Beethoven", "Ludwig van Beethoven"),
        ("Ada Lovelace", ""),
        ("Dr. Ada Lovelace", ""),
        ("Ludwig van Beethoven", ""),
        ("Seung-Min Kim", ""),
        ("Event Horizon Telescope Collaboration", ""),
        ("Google Research Team", ""),
        ("", ""),
    ],
)
def test_middle_initials_are_left_out(name: str, short: str) -> None:
    assert without_middle_initials(name) == short


@given(st.text(st.sampled_from("Aby .,-éII王"), max_size=20).filter(str.strip))
def test_no_letter_of_a_name_is_lost(name: str) -> None:
    assert sorted(filter(str.isalpha, "".join(divide(name)))) == sorted(filter(str.isalpha, name))
