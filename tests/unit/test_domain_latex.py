r"""LaTeX as people read it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.latex import readable

_READ = {
    # scripts and functions
    r"$\mathcal{O}(n^2)$ algorithms": "O(n²) algorithms",
    r"$O(n \log n)$, $n\log n$ and $\log\log n$": "O(n log n), n log n and log log n",
    r"$\tilde{O}(\sqrt{n})$ and $\sqrt[3]{n+1}$": "Õ(√n) and ³√(n+1)",
    r"$x_{ij}^{2} + x_1 - x_i$": "x_ij² + x₁ - x_i",
    r"$10^{-3}$, $2^n$, $2^k$, $a^{b+c}$, $a_{b+1}$, $x^{}$": "10⁻³, 2ⁿ, 2^k, a^(b+c), a_(b+1), x",
    r"H$_2$O, $^{13}$C, 90$^\circ$, $A^\top$, $f^\prime$, $f'$, $x^*$": "H₂O, ¹³C, 90°, Aᵀ, f′, f′, x*",
    r"$\mathbb{R}^d$, $\mathbb{E}[X]$, $\mathds{1}$, $\mathfrak{g}$": "ℝ^d, E[X], 1, g",
    r"$\frac{a}{b}$ $\frac{a+b}{2}$ $\tfrac12$ $\frac{a}{$": "a/b (a+b)/2 1/2 a",
    r"$\binom{n}{k}$ and $a \equiv b \pmod{n}$": "(n choose k) and a ≡ b (mod n)",
    r"$n \leq 5 \ll 10^9$, $x\to 0$, $a \not= b$": "n ≤ 5 ≪ 10⁹, x→0, a ≠ b",
    r"$\left(\frac{1}{2}\right)$, $\left. x \right|$": "(1/2), x |",
    r"$\hat{x}$, $\widehat{xy}$, $\bar\alpha$": "x̂, xy, ᾱ",
    r"$x^ 2$ and $x^$ and $\sqrt$": "x² and x and √",
    r"$\text{SE}(3)$, $\mathrm{SL}_2(\mathbb{Z})$, $\text{ a b}c$": "SE(3), SL₂(ℤ), a bc",
    r"$\begin{pmatrix}a&b\\c&d\end{pmatrix}$": "a b c d",
    r"$\alpha$-divergence, $\lambda x$, \(\beta\), \[\gamma\], $$\delta$$": "α-divergence, λx, β, γ, δ",
    # text
    r"\emph{Not} {\bf so} \textit{fast}, \textbf{please}": "Not so fast, please",
    r"G\"odel, Erd\H{o}s, {\'e}t\'{e}, na\"{\i}ve, Ha\v{c}ek": "Gödel, Erdős, été, naïve, Haček",
    r"\c{c}a, Stra\ss e, \AA, \O, {\l}": "ça, Straße, Å, Ø, ł",
    r"50\% of A\&B cost \$5 \#1 a\_b \{x\}": "50% of A&B cost $5 #1 a_b {x}",
    r"``Quoted'' --- and -- dashed~5, ~6\,\%": "“Quoted” — and – dashed 5, ~6 %",
    r"see \cite[p.~3]{knuth} and \href{https://x.example}{there}": "see [p.~3 knuth] and there (https://x.example)",
    r"\ourmethod\ is \model{} and \name{Fast}": "ourmethod is model and Fast",
    r"a\\b, C:\new, ends in \ ".rstrip(): "a b, C:new, ends in \\",
    r"\textsc{BERT}\xspace and \LaTeX": "BERT and LaTeX",
    # money, and what only looks like markup
    "costs $5 to $10 a month": "costs $5 to $10 a month",
    r"from $5 to $10, and $\epsilon$ more": "from $5 to $10, and ε more",
    "$20,000 and US$ 30": "$20,000 and US$ 30",
    "between $5-$10": "between $5-$10",
    "$5 million and US$": "$5 million and US$",
    "a $ be $ c and $": "a $ be $ c and $",
    r"It is $ O(n^2) $ for \$3, $x$ for $3$": "It is O(n²) for $3, x for 3",
    r"$5 and \emph{this} $n$": "$5 and this n",
    r"100 % of {them} & 5 \% ^ _ # {": "100 % of them & 5 % ^ _ # {",
    r"unclosed \emph{text and $x_1": "unclosed text and $x_1",
    r"\\$x$ and \\\$5": "x and $5",
    r"$$": "$$",
}  # fmt: skip


@pytest.mark.parametrize(("source", "read"), _READ.items())
def test_latex_becomes_what_people_read(source: str, read: str) -> None:
    assert readable(source) == read


def test_text_without_backslash_and_dollar_is_left_as_it_is() -> None:
    text = "A_b ^ {c} ~e a~b & 5 % it's --help"
    assert readable(text) == text


def test_mathematical_letters_become_plain_ones_that_every_font_has() -> None:
    assert not re.search(
        "[\U0001d400-\U0001d7ff]", readable(r"$\mathbf{x} \mathcal{L} \mathscr{F} \varphi \boldsymbol{\theta}$")
    )


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("\\${}^_&~%#'`\"[]() abAB12.-é中"), max_size=60))
def test_whatever_is_thrown_at_it_stays_one_clean_line(source: str) -> None:
    read = readable(source)
    assert read == " ".join(read.split()) or "\\" not in source + "$"


_WORD = st.text("abcdefghijkl", min_size=2, max_size=8).map(str.capitalize)
_WRAPPERS = st.sampled_from(
    ("%s", r"\emph{%s}", r"{\bf %s}", "$%s$", r"$\mathcal{%s}$", r"$\text{%s}$", r"\unknown{%s}", "$x^{%s}$",
     r"\frac{%s}{2}", "{%s}", "$%s", r"\textbf{%s", r"``%s''", r"%s\%%", "$5 %s", r"\sqrt{%s}", r"\cite{%s}")
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_WORD, _WRAPPERS), min_size=1, max_size=8))
def test_no_word_is_lost(parts: list[tuple[str, str]]) -> None:
    read = readable(" ".join(wrapper % word for word, wrapper in parts))
    place = 0
    for word, _ in parts:
        assert word in read[place:], read
        place = read.index(word, place)


def test_a_thousand_braces_do_no_harm() -> None:
    assert "x" in readable("\\" + "{" * 5_000 + "x" + "}" * 5_000)
    assert "x" in readable("$" + r"\sqrt" * 3_000 + "x$")
    assert "x" in readable(r"\emph{" * 3_000 + "x" + "}" * 3_000)
