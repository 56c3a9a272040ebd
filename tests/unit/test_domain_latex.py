r"""LaTeX as people read it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperround.domain.latex import as_html, marked, readable, readable_html, unmarked
from support.examples import examples

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
    # formulas that are no money, and money that is no formula
    r"an SGR 1806$-$20 flare at z$>$2 of $0.3$ mag": "an SGR 1806-20 flare at z>2 of 0.3 mag",
    r"a $ g(x) $ of $ N $ at $10^{19} $eV": "a g(x) of N at 10¹⁹ eV",
    r"in US$ or in CA$, $7 GeV$ beams, $3 for x_1 and $4": "in US$ or in CA$, 7 GeV beams, $3 for x_1 and $4",
    r"$3.5 \pm 0.1 \text{ seconds or more}$": "3.5 ± 0.1 seconds or more",
    # braces before dollars
    r"The \texttt{GALA${}^2$} tool, \textbf{$n$-grams}, \emph{$5 bill}, {$6}": "The GALA² tool, n-grams, $5 bill, $6",
    r"$x_{1$ and $y}": "x1 and $y}",
    r"$a \text{ if $b$ holds}$, $x\$y$, $\{1\}$": "a if b holds, x$y, {1}",
    # macros
    r"Cost $\ne$ use, 12{\deg}5, $90\deg$, 5$\deg$, $\deg f$, $\checkmark$": "Cost ≠ use, 12°5, 90°, 5°, deg f, ✓",
    r"Q\textsuperscript{3}-net, AP\textsubscript{75}, $K_{\rm min}$, $m_{\rm a b}$": "Q³-net, AP₇₅, K_min, m_(a b)",
    r"$4\frac12$ of 3 L$_\odot$, $2\frac37$, $D^{(*)}$, $\ell^\infty$": "4½ of 3 L⊙, 2 3/7, D⁽*⁾, ℓ^∞",
    r"\textcolor{red}{https://b.example/y--z~w} {\color{blue}a}\footnote{B}": "https://b.example/y--z~w a",
    r"a$\unicode{x2013}$b, \unicode{233}t\unicode{xE9}": "a–b, été",
    r"\unicode{x}|\unicode{999999999}|\unicode{0}|": "|| |",
    r"$a \over b+1$, $n \choose k$, $\bm x$, $\mathcal O(n)$": "a/(b+1), (n choose k), x, O(n)",
    r"$u\xrightarrow{g}v$, $X\overset{d}{=}Y$, $\underset{k}{\max}$": "u →^g v, X =^d Y, max_k",
    r"\url{https://c.example/~d\_e} \url x, \href{https://e.example/f_g}{h}": "https://c.example/~d_e x, h (https://e.example/f_g)",
    r"$|\psi|$ \ket{0} \bra{1} \braket{a} \abs{x} \norm{y} \SI{3}{ms}": "|ψ| |0⟩ ⟨1| ⟨a⟩ |x| ‖y‖ 3 ms",
    r"\scalebox{2}{big} \resizebox{1}{2}{wide}\label{fig}": "big wide",
    r"$\vec{v}$, $\hat{\imath}$, $\bar{ab}$": "v⃗, î, ab",
    r"By Doe \etal.\ (\eg, shops), Doe \etal{} and \cf. this": "By Doe et al. (e.g., shops), Doe et al. and cf. this",
    # quotes and dashes, also where nothing else is LaTeX
    "``Fair'' cost --- a note, 3--5 `or so', 5'' wide, --no": "“Fair” cost — a note, 3–5 ‘or so’, 5'' wide, --no",
    "`code` isn't, ---- and https://f.example/a--b": "`code` isn't, ---- and https://f.example/a--b",
    r"\emph{see} `this' -- https://f.example/a--b": "see ‘this’ – https://f.example/a--b",
}  # fmt: skip


@pytest.mark.parametrize(("source", "read"), _READ.items())
def test_latex_becomes_what_people_read(source: str, read: str) -> None:
    assert readable(source) == read


_BENCH = "FooBench: A Benchmark"


@pytest.mark.parametrize(
    ("abstract", "title", "read"),
    [
        (
            r"We present \tool{}, the first one. \tool{} is new.",
            _BENCH,
            "We present FooBench, the first one. FooBench is new.",
        ),
        (r"\method is \ours, \ourmodel{}, {\sysname}", _BENCH, "FooBench is FooBench, our model, our system"),
        (r"\data, \model and \tool", "Foo: bar", "Foo, our model and our tool"),
        (r"\model{} on \bench; \bench{} is new", _BENCH, "Our model on FooBench; FooBench is new"),
        (r"{\bf \tool} helps. {\model} and \emph{\sys}", "On", "Our tool helps. Our model and our system"),
        (r"We train the {\model} on {\bench}.", "On things", "We train the model on our benchmark."),
        (r"The \foobench{} and a \tool", "Foo-Bench: A tool", "The Foo-Bench and a tool"),
        (r"We call it \foobench{} and \footool{}", "Foo-Bench: A", "We call it Foo-Bench and footool"),
        (r"\tool{} and \name{Fast}", r"\textsc{Foo} 2 -- Faster", "Foo 2 and Fast"),
        (
            r"We present \tool{}. \tool{} is new; \ours{} helps.",
            "On tools",
            "We present our tool. Our tool is new; our method helps.",
        ),
        (r"We present \tool{}", "Learning from tools: a study", "We present our tool"),
        (r"\bench{} and the \data{}: an \algname", "On data", "Our benchmark and the dataset: an algorithm"),
        (r"\fooo{} runs in $\method$ by \s", "A title", "fooo runs in method by s"),
        (r"\tool{}", "", "tool"),
    ],
)
def test_a_macro_for_the_papers_own_name_becomes_the_name_in_its_title(abstract: str, title: str, read: str) -> None:
    assert readable(abstract, title) == read
    assert unmarked(marked(abstract, title)) == read


def test_text_without_backslash_and_dollar_is_left_as_it_is() -> None:
    text = "A_b ^ {c} ~e a~b & 5 % it's --help"
    assert readable(text) == text


def test_mathematical_letters_become_plain_ones_that_every_font_has() -> None:
    assert not re.search(
        "[\U0001d400-\U0001d7ff]", readable(r"$\mathbf{x} \mathcal{L} \mathscr{F} \varphi \boldsymbol{\theta}$")
    )


@settings(max_examples=examples(300), deadline=None)
@given(st.text(st.sampled_from("\\${}^_&~%#'`\"[]() abAB12.-é中"), max_size=60))
def test_whatever_is_thrown_at_it_stays_one_clean_line(source: str) -> None:
    read = readable(source)
    assert read == " ".join(read.split()) or "\\" not in source + "$"


_WORD = st.text("abcdefghijkl", min_size=2, max_size=8).map(str.capitalize)
_WRAPPERS = st.sampled_from(
    ("%s", r"\emph{%s}", r"{\bf %s}", "$%s$", r"$\mathcal{%s}$", r"$\text{%s}$", r"\unknown{%s}", "$x^{%s}$",
     r"\frac{%s}{2}", "{%s}", "$%s", r"\textbf{%s", r"``%s''", r"%s\%%", "$5 %s", r"\sqrt{%s}", r"\cite{%s}")
)  # fmt: skip


@settings(max_examples=examples(300), deadline=None)
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


_SHOWN = {
    r"$x_i^2$ of H$_2$O": "<i>x</i><sub><i>i</i></sub><sup>2</sup> of H<sub>2</sub>O",
    r"a & $\mathrm{Re}\,z<1$, ${\rm a\rm b}$": "a &amp; Re <i>z</i>&lt;1, ab",
    r"$\hat{x}$, $\alpha\beta$, $\Gamma$, $ab$, 90$^\circ$": "<i>x̂</i>, <i>αβ</i>, Γ, <i>ab</i>, 90°",
    "2 < 3 & it's <b>": "2 &lt; 3 &amp; it's &lt;b&gt;",
    r"$e^{x_1}$": "<i>e</i><sup><i>x</i><sub>1</sub></sup>",
}  # fmt: skip


@pytest.mark.parametrize(("source", "shown"), _SHOWN.items())
def test_html_sets_variables_and_indices_as_mathematics_does(source: str, shown: str) -> None:
    assert readable_html(source) == shown


def test_a_cut_within_an_index_closes_it() -> None:
    index = marked("x$^{ab}$")
    assert [unmarked(index[:length]) for length in (1, 2, 3, 4)] == ["x", "x", "x", "x^a"]
    assert as_html(index[:2]) == "x<sup></sup>"


_LATEX = st.text(st.sampled_from("\\${}^_&~%#'`\"[]() abAB12.-<é\ue000\ue002\ue003"), max_size=60)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(_LATEX, st.integers(0, 60))
def test_a_marked_text_may_be_cut_anywhere(source: str, length: int) -> None:
    cut = marked(source)[:length]
    assert not re.search("[\ue000-\ue004]", unmarked(cut) + as_html(cut))
    opened: list[str] = []
    for closing, name in re.findall(r"<(/?)(\w+)>", as_html(cut)):
        assert not closing or opened.pop() == name
        opened += [] if closing else [name]
    assert not opened


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(_LATEX)
def test_the_html_says_what_the_text_says(source: str) -> None:
    bare = re.sub(r"</?(?:i|sub|sup)>", "", readable_html(source))
    assert bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == re.sub(
        "[\ue000-\ue004]", "", marked(source)
    )


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (r"the \alpha particle and \beta decay", "the α particle and β decay"),
        (r"\Lambda CDM, 5 \mu m, \alpha -helix, \gamma (or x), \pi", "ΛCDM, 5 μm, α-helix, γ (or x), π"),
        (r"Stra\ss e, \O ystein", "Straße, Øystein"),
        (r"Eq.~(\ref{eq:1}) and \cref{fig:a_b}", "Eq. (eq:1) and fig:a_b"),
        (r"\verb|x_y| and \verb+$a$+ and \verb", "x_y and $a$ and verb"),
    ],
)
def test_latex_outside_of_formulas_joins_and_leaks_no_words(typed: str, printed: str) -> None:
    assert readable(typed) == printed
