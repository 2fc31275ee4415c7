"""What the language says of habits from papers, other languages and editors: how it is written here."""

import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.cell.hints import FOREIGN, MISSING, NEAREST, SIGNS, WRITTEN
from archsearch.compiler import Recurrent
from archsearch.errors import CellError

HEAD = "cell k(x, h, c):\n    "
TAIL = "\n    h' = x + c\n    c' = h"


def refusal(text: str) -> str:
    with pytest.raises(CellError) as refused:
        Cell.parse(text)
    return str(refused.value)


PAPERS = [
    ("n = h ^ 2", "a power is a product: write h * h"),
    ("n = h ** 2", "a power is a product: write h * h"),
    ("n = h\u00b2", "a power is a product: write h * h"),
    ("n = W @ h", "write linear(h) for W @ h"),
    ("n = 2h", "a product is written a * b"),
    ("n = x h", "a product is written a * b"),
    ("n = (1 - h) x", "a product is written a * b"),
    ("n = 2 (1 - h)", "a product is written a * b"),
    ("n = x // h", "there is one division, a / b"),
    ("n\u2032 = x", "write ' for it"),
    ("n = x \u2299 h", "write * for it"),
    ("n = x \u00b7 h", "write * for it"),
    ("n = x \u22c5 h", "write * for it"),
    ("n = x \u00d7 h", "write * for it"),
    ("n = x \u2212 h", "write - for it"),
    ("n = x \u2013 h", "write - for it"),
    ("n = x \u00f7 h", "write / for it"),
    ("n = \u03c3(x)", "write sigmoid for it"),
    ("\u03b1 = x * h", "write alpha"),
    ("n = \u0393 * h", "write gamma"),
    ("h\u2081 = x * h", "write 1"),
    ("n = tanh\uff08x\uff09", "write ("),
    ("n = x \uff0b h", "write +"),
    ("\u00e9 = x", "write e"),
    ("\u0441 = x", "names are made of A-Z, a-z, 0-9 and _, and this is U+0441 (cyrillic small letter es)"),
    ("n = x\u200b * h", "U+200B (zero width space) is an invisible character"),
    ("n = x\u00ad * h", "U+00AD (soft hyphen) is an invisible character"),
    ("n = x \ufeff* h", "U+FEFF (zero width no-break space) is an invisible character"),
    ("n =\u00a0x * h", "U+00A0 (no-break space) is no plain space"),
    ("n = x\u3000* h", "U+3000 (ideographic space) is no plain space"),
]
LANGUAGES = [
    ("n = linear(x, h)", "write linear(x) + linear(h, bias=none)"),
    ("n = linear([x, h])", "a matrix on [x, h] is written linear(x) + linear(h, bias=none)"),
    ("n = tanh h", "write tanh(v)"),
    ("n = tanh", "op 'tanh' needs its operands in brackets"),
    ("n = +h", "+ is no sign"),
    ("n = --h", "two signs in a row"),
    ("n == x", "one = assigns"),
    ("n += x", "a line assigns a new name"),
    ("n = 0,5 * h", "the decimal sign is a point, as in 0.5"),
    ("n = x > h", "the larger of two is max(a, b)"),
    ("n = x * h;", "one assignment a line"),
    ("n = {x * h}", "brackets are round"),
    ("n = x\n        + h", "lines break inside brackets only"),
    ("n = x\n    + h", "lines break inside brackets only"),
    ("n = x\n    * h", "lines break inside brackets only"),
    ("n = x +\n        h", "lines break inside brackets only"),
    ("n =\n        x * h", "lines break inside brackets only"),
    ("n = x + \\\n        h", "lines break inside brackets only"),
    ("n = x * h\n        m = n", "the lines of a cell are indented alike"),
]
ORDER = [
    ("n = x * tanh(c')", '"c\'" is assigned below'),
    ("n = x * tanh(m)\n    m = x * h", "'m' is assigned below"),
    ("n = tanh(n)", "'n' is assigned in this very line"),
]


@pytest.mark.parametrize(("lines", "advice"), PAPERS + LANGUAGES + ORDER)
def test_a_habit_is_answered_with_what_to_write(lines: str, advice: str) -> None:
    message = refusal(HEAD + lines + TAIL)

    assert advice in message
    assert message.startswith(("<text>:2:", "<text>:3:"))


@pytest.mark.parametrize("name", ["h'", "c'", "n'", "cc'"])
def test_a_next_value_is_never_taken_for_another_name(name: str) -> None:
    assert "did you mean" not in refusal(HEAD + f"n = x * {name}" + TAIL)


@pytest.mark.parametrize("character", [*SIGNS, *WRITTEN])
def test_every_listed_character_is_refused_with_its_advice(character: str) -> None:
    advice = SIGNS.get(character) or f"write {WRITTEN[character]} for it"

    assert refusal(HEAD + f"n = x {character} h" + TAIL).endswith(advice)


@pytest.mark.parametrize("name", [*FOREIGN, *NEAREST, *MISSING.pattern.split("|")])
def test_a_function_of_another_library_is_named_with_what_it_is_here(name: str) -> None:
    for written in (name, name.upper(), name.capitalize()):
        message = refusal(HEAD + f"n = {written}(x)" + TAIL)
        advice = FOREIGN.get(name) or NEAREST.get(name)
        assert (f"write {advice}" if advice else f"{name} has no counterpart here") in message
        assert "did you mean" not in message


FUNCTIONS = {
    "swish": torch.nn.functional.silu,
    "logistic": torch.sigmoid,
    "neg": torch.neg,
    "min": torch.minimum,
    "hadamard": torch.multiply,
    "hard_tanh": torch.nn.functional.hardtanh,
    "hard_sigmoid": torch.nn.functional.hardsigmoid,
    "hard_swish": torch.nn.functional.hardswish,
}
"""Torch's own functions, where they are not called like the habit."""


@pytest.mark.parametrize("name", FOREIGN)
def test_the_expression_for_a_foreign_function_computes_it(name: str) -> None:
    function = FUNCTIONS.get(name) or getattr(torch, name, None) or getattr(torch.nn.functional, name)
    binary = " a " in f" {FOREIGN[name]} ".replace("(", " ").replace(",", " ")
    expression = FOREIGN[name].replace("maximum", "max")
    lines = "    a = x * 1\n    b = h * 1\n" if binary else "    v = x * 1\n"
    layer = Recurrent(
        Cell.parse(f"cell k(x, h):\n{lines}    h' = {expression}"),
        9,
        9,
        dtype=torch.float64,
        engine="reference",
    )
    x = torch.linspace(-8, 8, 9, dtype=torch.float64).reshape(1, 9)
    h = torch.linspace(5, -6, 9, dtype=torch.float64).reshape(1, 9)

    output, _ = layer(x, h)

    expected = function(x, h) if binary else function(x)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    ("lines", "near"),
    [("n = TANH(x)", "tanh"), ("n = ReLU(x)", "relu"), ("n = Linear(x)", "linear"), ("n = x * H", "h")],
)
def test_capitals_do_not_hide_what_was_meant(lines: str, near: str) -> None:
    assert f"did you mean {near!r}?" in refusal(HEAD + lines + TAIL)


@pytest.mark.parametrize("name", ["GRU", "LSTM", "Gru", "MUT1", "Fgr"])
def test_a_library_cell_is_found_by_its_capitals(name: str) -> None:
    with pytest.raises(CellError, match=f"did you mean '{name.lower()}'"):
        library.load(name)


LONG = {
    "a name": "n = " + "n" * 60_000,
    "a next value": "n" * 60_000 + "' = x",
    "a state of another name": "n = x * " + "n" * 60_000 + "'",
    "an op": "n = " + "n" * 60_000 + "(x)",
    "an argument": "n = linear(x, " + "n" * 60_000 + "=1)",
    "an argument's value": "n = linear(x, bias=" + "n" * 60_000 + ")",
    "a number": "n = x " + "9" * 60_000,
    "many names": "".join(f"name_that_is_long_{i} = x * h\n    " for i in range(500)) + "n = other(x)",
    "many names known": "".join(f"name_that_is_long_{i} = x * h\n    " for i in range(500)) + "n = x * other",
}


@pytest.mark.parametrize("kind", LONG)
def test_a_message_has_at_most_1000_characters(kind: str) -> None:
    assert len(refusal(HEAD + LONG[kind] + TAIL)) <= 1_000


def test_a_message_about_a_file_with_a_long_name_keeps_its_ends() -> None:
    with pytest.raises(CellError) as refused:
        Cell.parse("cell k(x, h):\n    h' = swish(x)", "folder/" * 500 + "k.cell")

    assert len(str(refused.value)) <= 1_000
    assert str(refused.value).startswith("folder/") and str(refused.value).endswith("write silu(v))")
