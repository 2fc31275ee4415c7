"""LaTeX exports: balanced, aligned, and with the symbols of a paper."""

import re

import pytest

from archsearch.cell import Cell, library
from archsearch.exporters.latex import symbol, to_latex
from tests.exporters.cells import CORNERS, corner, mutant

CELLS = [library.load(name) for name in library.names()]
CELLS += [corner(name) for name in CORNERS] + [mutant(seed) for seed in range(10)]


def equations(cell: Cell) -> list[str]:
    body = re.search(r"\\begin\{align\*\}\n(.*)\n\\end\{align\*\}\n", to_latex(cell), re.DOTALL)
    assert body
    return body[1].split(" \\\\\n")


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_brackets_are_balanced_and_every_line_is_aligned_once(cell: Cell) -> None:
    for line in equations(cell):
        assert line.count("&=") == line.count("&") == 1
        for opening, closing in ("{}", "()"):
            depth = 0
            for character in line:
                depth += (character == opening) - (character == closing)
                assert depth >= 0
            assert depth == 0
        assert not re.search(r"(?<!\\)[%#$~]|'", line)


def test_the_gru_reads_like_a_paper() -> None:
    assert equations(library.load("gru"))[0] == r"  r_{t} &= \sigma(W_{r x} x_{t} + b_{r} + W_{r h} h_{t-1})"
    assert equations(library.load("gru"))[3] == r"  h_{t} &= n_{t} + z_{t} \odot (h_{t-1} - n_{t})"


def test_a_negative_number_after_an_operator_stands_in_brackets() -> None:
    lines = equations(corner("negative numbers"))

    assert r"- (-2) \, h_{t-1}" in lines[1] and r"/ (-3)" in lines[1] and r"(-1)" in lines[1]
    assert not re.search(r"[-+/] -", "".join(lines))


def test_every_state_gets_its_next_value() -> None:
    for cell in CELLS:
        left = [line.split(" &= ")[0].strip() for line in equations(cell)]
        assert len(set(left)) == len(left) >= len(cell.states)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("z", "z"),
        ("alpha", r"\alpha"),
        ("s12", "s_{12}"),
        ("s_1", "s_{1}"),
        ("gate", r"\mathrm{gate}"),
        ("a_b", r"\mathrm{a\_b}"),
        ("_", r"\mathrm{\_}"),
        ("beta2", r"\beta_{2}"),
    ],
)
def test_names_become_symbols(name: str, printed: str) -> None:
    assert symbol(name) == printed


def test_names_that_look_alike_stay_apart() -> None:
    cell = Cell.parse(
        "cell twins(x, h):\n    s1 = tanh(linear(x))\n    s_1 = sigmoid(s1 - h)\n    h' = s1 * s_1\n"
    )
    assert equations(cell)[2] == r"  h_{t} &= s_{1,t} \odot \mathrm{s\_1}_{t}"
