"""The cell language: what it reads, what it refuses and how it says so, and how it writes a cell."""

import time
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from archsearch.cell import Cell, library
from archsearch.cell.language import MAX_BYTES
from archsearch.errors import CellError
from tests.helpers.strategies import cells

GRU = library.load("gru")
HEAD = "cell k(x, h):\n"


def printed(*lines: str, parameters: str = "x, h") -> str:
    """Return how a cell of these lines is written, without its head and indentation."""
    text = Cell.parse(f"cell k({parameters}):\n" + "\n".join(f"    {line}" for line in lines)).text()
    return "\n".join(line.strip() for line in text.splitlines()[1:])


# What is read


def test_a_text_becomes_its_graph() -> None:
    cell = Cell.parse(
        "cell k(x, h, c):\n    n = tanh(2 * x)\n    c' = n - h\n    h' = c' * linear(c, bias=1)\n"
    )

    assert cell.name == "k" and cell.states == ("h", "c")
    assert [(node.op, node.inputs, node.args, node.name) for node in cell.nodes] == [
        ("input", (), (), "x"),
        ("state", (), (), "h"),
        ("state", (), (), "c"),
        ("number", (), (("value", 2.0),), None),
        ("mul", (3, 0), (), None),
        ("tanh", (4,), (), "n"),
        ("sub", (5, 1), (), None),
        ("linear", (2,), (("bias", 1.0),), None),
        ("mul", (6, 7), (), None),
    ]
    assert cell.next == (8, 6) and cell.output == 8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x + h * x", "x + (h * x)"),
        ("x - h - x", "(x - h) - x"),
        ("x / h * x", "(x / h) * x"),
        ("x - h + x", "(x - h) + x"),
        ("(((x)) + h)", "x + h"),
        ("max(x,h,)", "max(x, h)"),
        ("linear(x+h,bias=none,diag=-1)", "linear(x + h, diag=-1.0, bias=none)"),
        ("x + (\n   # why\n\n h\n)", "x + h"),
        (".5 * x", "0.5 * x"),
        ("1. * x", "1 * x"),
        ("-h", "0 - h"),
        ("-h * x", "(0 - h) * x"),
        ("x * -(h + x)", "x * (0 - (h + x))"),
        ("x - -h", "x - (0 - h)"),
        ("(-0.5) * h", "-.5 * h"),
        ("-0 * h", "0 * h"),
    ],
)
def test_spellings_of_one_expression_read_alike(one: str, other: str) -> None:
    assert printed(f"h' = {one}") == printed(f"h' = {other}")


@pytest.mark.parametrize(
    ("one", "other"), [("x - (h - x)", "x - h - x"), ("x * (h + x)", "x * h + x"), ("x - h", "h - x")]
)
def test_brackets_and_order_matter(one: str, other: str) -> None:
    assert printed(f"h' = {one}") != printed(f"h' = {other}")


def test_windows_line_ends_read_as_plain_ones() -> None:
    text = GRU.text()

    assert Cell.parse(text.replace("\n", "\r\n")) == Cell.parse(text)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    text = GRU.text()

    assert Cell.parse("\ufeff" + text) == Cell.parse(text)
    assert Cell.parse("\ufeff" + text.replace("\n", "\r\n")) == Cell.parse(text)
    with pytest.raises(CellError, match=r"^<text>:1:1: unexpected 'hello'"):
        Cell.parse("\ufeffhello")


def test_a_sign_before_a_number_makes_it_negative() -> None:
    cell = Cell.parse(HEAD + "    n = -2\n    h' = -0.5 * h - n")

    assert [node.value for node in cell.nodes if node.op == "number"] == [-2, -0.5]
    assert len(cell.ops) == 2


def test_comments_and_blank_lines_may_stand_anywhere() -> None:
    text = "\n# a\n\ncell k(x, h):  # b\n# c\n\n      # d\n    h' = x + h  # e\n\n# f"

    assert Cell.parse(text) == Cell.parse(HEAD + "    h' = x + h")


def test_the_comments_before_the_cell_are_its_note() -> None:
    text = "# First line.\n\n#second\n#\n#   set off\ncell k(x, h):\n    # not this\n    h' = x + h\n"
    cell = Cell.parse(text)

    assert cell.note == ("First line.", "second", "", "  set off")
    assert cell.text().startswith("# First line.\n# second\n#\n#   set off\ncell k(x, h):\n")
    assert Cell.parse(cell.text()).note == cell.note


@pytest.mark.parametrize("line", ["#a", "#", "#  b", "##", "# \u00e9"])
def test_a_cell_with_a_huge_note_parses_its_own_text_again(line: str) -> None:
    body = HEAD + "    h' = x + h\n"
    count = (MAX_BYTES - len(body)) // (len(line.encode()) + 1)
    cell = Cell.parse(f"{line}\n" * count + body)

    assert len(cell.note) == count
    assert Cell.parse(cell.text()).note == cell.note and Cell.parse(cell.text()) == cell


def test_a_cell_whose_own_text_would_be_too_large_is_refused() -> None:
    body = "cell k(x, h):\n" + "".join(f" n{i}=x*h-{i}\n" for i in range(150)) + " h'=x\n"
    note = "#a\n" * ((MAX_BYTES - len(body)) // 3)

    with pytest.raises(CellError, match=r"written out the cell has 6\d,\d\d\d bytes; .* shorten its note"):
        Cell.parse(note + body)


def test_a_text_needs_no_last_line_end() -> None:
    assert Cell.parse(HEAD + "    h' = x + h") == Cell.parse(HEAD + "    h' = x + h\n\n")


# What is refused

SYNTAX = [
    ("cell k(x, h):", r"1:14: unexpected the end of the text; expected an indented line"),
    (HEAD + "h' = x", r"2:1: unexpected \"h'\"; expected an indented line"),
    (HEAD + "    h' = x\n  n = x", r"1:1: the lines of the cell must be indented alike"),
    (HEAD + "    h' = x\ncell b(x, h):\n    h' = x", r"3:1: unexpected 'cell'; expected the end of the text"),
    ("cell k(x, h): h' = x", r"1:15: unexpected \"h'\"; expected a new line"),
    ("hello", r"1:1: unexpected 'hello'; expected 'cell' or a new line"),
    ("# only a note", r"1:14: unexpected the end of the text; expected 'cell'"),
    (HEAD + "    h' = x h", r"2:12: unexpected 'h'; expected"),
    (HEAD + "    h' = --x", r"2:11: unexpected '-'; two signs in a row"),
    (HEAD + "    h' = ..5", r"2:10: unexpected '\.'"),
    (HEAD + "    h' = (", r"2:11: unexpected the end of the cell; expected '\(' or '-' or a name"),
    (HEAD + "    h' = x ? h", r"2:12: unexpected '\?'"),
    (HEAD + "    h' = (x", r"2:12: unexpected the end of the cell; expected .*'\)'"),
    (HEAD + "    h'' = x", r"2:7: unexpected \"'\"; expected '='"),
    (HEAD + "    é = x", r"2:5: unexpected 'é'"),
    (HEAD + "    h' = linear(bias=1, x)", r"2:21: unexpected '='"),
]
LIMITS = [
    ("", r"1:1: the text is empty; a cell begins with 'cell NAME\(x, h\):'"),
    (" \n \n", r"1:1: the text is empty"),
    ("#" + "é" * MAX_BYTES, r"1:1: the text has 131,073 bytes; a cell has at most 65,536"),
    (HEAD + "\th' = x", r"2:1: a tab; indent with spaces"),
    (HEAD + "    h' = x \x07", r"2:12: control character U\+0007; a cell is plain text"),
    (HEAD + "    h' = x\r", r"2:11: control character U\+000D"),
    (HEAD + "    h' = x # \u202e", r"2:14: control character U\+202E"),
    ("\ud800", r"1:1: control character U\+D800"),
    (HEAD + "    h' = " + "(" * 33 + "x" + ")" * 33, r"2:42: brackets nested deeper than 32"),
    (HEAD + f"    {'n' * 33} = x", r"2:5: a name has at most 32 characters, this one has 33"),
    (f"cell {'k' * 33}(x, h):\n    h' = x", r"1:6: a name has at most 32 characters"),
    (
        f"cell k(x, {', '.join(f's{i}' for i in range(9))}):\n    s0' = x",
        r"1:1: 9 states; a cell has at most 8",
    ),
    (HEAD + "    h' = " + "x + " * 513 + "x", r"1:1: a cell has at most 512 nodes"),
]
MEANING = [
    ("cell tanh(x, h):\n    h' = x", r"1:6: 'tanh' is an op and cannot be a name"),
    ("cell k(x, exp):\n    exp' = x", r"1:11: 'exp' is an op and cannot be a name"),
    (HEAD + "    stop = tanh(x)\n    h' = x", r"2:5: 'stop' is an op and cannot be a name"),
    ("cell k(x, x):\n    x' = x", r"1:11: 'x' is declared twice"),
    ("cell k(x):\n    n = tanh(x)", r"1:1: a cell has at least one state: cell NAME\(x, h\):"),
    (HEAD + "    c' = x", r"2:5: 'c' is no state \(states here: h\)"),
    (HEAD + "    x' = x", r"2:5: 'x' is no state \(states here: h\)"),
    (HEAD + "    h' = x\n    h' = h", r"3:5: \"h'\" is assigned twice"),
    (HEAD + "    n = tanh(x)\n    n = tanh(h)\n    h' = n", r"3:5: 'n' is assigned twice"),
    (HEAD + "    h = tanh(x)\n    h' = h", r"2:5: 'h' is assigned twice"),
    (HEAD + "    n = x\n    h' = n", r"2:5: 'n = …' gives a second name to something; it says nothing"),
    (HEAD + "    a = 2\n    b = a\n    h' = x * b", r"3:5: 'b = …' gives a second name"),
    (HEAD + "    n = h'\n    h' = x", r"2:9: \"h'\" is assigned below"),
    (HEAD + "    gate = tanh(x)\n    h' = gat + h", r"3:10: unknown name 'gat' .*did you mean 'gate'\?"),
    (HEAD + "    h' = linera(x)", r"2:10: unknown op 'linera' \(ops: cos, .*; did you mean 'linear'\?\)"),
    (HEAD + "    h' = tanh + x", r"2:10: op 'tanh' needs its operands in brackets"),
    (HEAD + "    h' = tanh(x, h)", r"2:10: op 'tanh' takes 1 operands, got 2"),
    (HEAD + "    h' = max(x)", r"2:10: op 'max' takes 2 operands, got 1"),
    (HEAD + "    h' = tanh(x, diag=1)", r"2:18: op 'tanh' has no argument 'diag' \(arguments: none\)"),
    (
        HEAD + "    h' = linear(x, bais=1)",
        r"2:20: op 'linear' has no argument 'bais' \(arguments: bias, diag, heads, like\)",
    ),
    (HEAD + "    h' = linear(x, diag=1, diag=2)", r"2:28: argument 'diag' is given twice"),
    (HEAD + "    h' = linear(x, diag=none)", r"2:25: argument 'diag' takes a number, got 'none'"),
    (
        HEAD + "    h' = linear(h, heads=0)",
        r"2:26: argument 'heads' takes a whole number from 1 to 512, got '0'",
    ),
    (
        HEAD + "    h' = linear(h, heads=-2)",
        r"2:27: argument 'heads' takes a whole number from 1 to 512, got '-2'",
    ),
    (HEAD + "    h' = linear(h, heads=1.5)", r"2:26: argument 'heads' takes a whole number .*, got '1.5'"),
    (HEAD + "    h' = linear(h, heads=none)", r"2:26: argument 'heads' takes a whole number .*, got 'none'"),
    (HEAD + "    h' = scale(h, start=none)", r"2:25: argument 'start' takes a number, got 'none'"),
    (HEAD + "    h' = scale(h, bias=1)", r"2:19: op 'scale' has no argument 'bias' \(arguments: start\)"),
    (HEAD + "    h' = linear(x, bias=h)", r"2:25: argument 'bias' takes a number, ugi or none, got 'h'"),
    (HEAD + "    h' = linear(x, bias=-none)", r"2:26: argument 'bias' takes a number, ugi or none"),
    (HEAD + "    h' = 1e999 * x", r"2:10: 1e999 is no finite number"),
    (HEAD + "    h' = linear(x, bias=1e999)", r"2:25: 1e999 is no finite number"),
    ("cell k(x, h, c):\n    h' = x + c", r"1:1: state 'c' has no next value: add a line c' = …"),
    (
        "cell k(x, h, c):\n    h' = x\n    c' = x",
        r"1:1: state 'c' is used by nothing that reaches the output",
    ),
]


@pytest.mark.parametrize(("text", "message"), SYNTAX + LIMITS + MEANING)
def test_an_error_says_where_and_what(text: str, message: str) -> None:
    with pytest.raises(CellError, match=r"^mine\.cell:" + message):
        Cell.parse(text, "mine.cell")


def test_limits_are_checked_before_everything_else() -> None:
    with pytest.raises(CellError, match="bytes; a cell has at most"):
        Cell.parse("\t(" + "nonsense " * MAX_BYTES)
    with pytest.raises(CellError, match="brackets nested deeper"):
        Cell.parse("nonsense " + "(" * 40)


def test_sizes_up_to_the_limits_are_read() -> None:
    name = "n" * 32
    assert printed(f"h' = x * 0.{'3' * 60_000}") == "h' = x * 0.3333333333333333"
    assert len(Cell.parse(HEAD + "    h' = " + "x - " * 512 + "h").ops) == 512
    assert Cell.parse(HEAD + "    h' = " + "(" * 32 + "x" + ")" * 32).output == 0
    assert Cell.parse(f"cell {name}(x, h):\n    {name} = x * h\n    h' = {name}").name == name
    states = [f"s{i}" for i in range(8)]
    steps = "\n".join(f"    {s}' = {t}" for s, t in zip(states, [*states[1:], "x"], strict=True))
    assert len(Cell.parse(f"cell k(x, {', '.join(states)}):\n{steps}").states) == 8
    assert Cell.parse(HEAD + "    h' = x\n#" + "." * (MAX_BYTES - len(HEAD) - 13)).name == "k"


HUGE = {
    "brackets": lambda n: HEAD + "    h' = " + "(" * 100 * n,
    "brackets within the size": lambda n: HEAD + "    h' = " + "(" * 60 * n,
    "closing brackets": lambda n: HEAD + "    h' = " + ")" * 60 * n,
    "a sum": lambda n: HEAD + "    h' = " + "x+" * 30 * n + "x",
    "operands": lambda n: HEAD + "    h' = max(" + "x," * 30 * n + ")",
    "keywords": lambda n: HEAD + "    h' = linear(x" + ",a=1" * 15 * n + ")",
    "a name": lambda n: HEAD + f"    {'n' * 60 * n} = x",
    "a number": lambda n: HEAD + "    h' = x * " + "9" * 60 * n,
    "line ends": lambda n: "\n" * 60 * n + HEAD,
    "spaces": lambda n: HEAD + " " * 60 * n,
    "comments": lambda n: HEAD + "#\n" * 30 * n,
    "states": lambda n: f"cell k({', '.join(f's{i}' for i in range(9 * n))}):\n    s1' = s2",
    "lines": lambda n: HEAD + "    a = x\n" * 6 * n,
    "other lines": lambda n: HEAD + "".join(f"    a{i} = x*h\n" for i in range(4 * n)),
    "wrong names": lambda n: HEAD + "".join(f"    a{i} = x*h\n" for i in range(n // 2)) + "    h' = a5000\n",
    "indentations": lambda n: HEAD + "".join(f"{' ' * i}a = x\n" for i in range(1, 3 * n // 10)),
    "quotes": lambda n: HEAD + "    h" + "'" * 60 * n,
    "ten megabytes": lambda n: "x" * 10_000 * n,
}
"""Texts by what there is too much of; at n = 1,000 each is far beyond what a cell may be."""


def seconds_to_refuse(text: str) -> float:
    """Return the CPU seconds until a text is refused: the least of three."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(CellError) as refused:
            Cell.parse(text)
        seconds.append(time.process_time() - start)
        assert len(str(refused.value)) <= 1_000
    return min(seconds)


@pytest.mark.timing
@pytest.mark.parametrize("name", HUGE)
def test_huge_texts_are_refused_quickly(name: str) -> None:
    # Machines differ: what must hold on each is that ten times the text takes about ten times as long.
    Cell.parse(GRU.text())  # the grammar is loaded once
    tenth, whole = seconds_to_refuse(HUGE[name](100)), seconds_to_refuse(HUGE[name](1_000))
    assert whole < 25 * tenth + 0.1
    assert whole < 10  # measured .8 to 2.5 at most


def parses_or_refuses(text: str) -> None:
    """Anything else than a cell or a CellError fails the test by itself."""
    try:
        cell = Cell.parse(text)
    except CellError:
        return
    assert Cell.parse(cell.text()) is not None


@given(st.text(st.characters(), max_size=200))
@example("\ud800")
@example("\x00")
def test_any_text_gives_a_cell_or_a_cell_error(text: str) -> None:
    parses_or_refuses(text)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_cell_or_a_cell_error(data: bytes) -> None:
    parses_or_refuses(data.decode("utf-8", errors="surrogateescape"))
    parses_or_refuses(data.decode("latin-1"))


WORDS = [
    "cell",
    "k",
    "(",
    ")",
    "x",
    "h",
    ",",
    ":",
    "\n",
    "\n    ",
    "h'",
    "=",
    "+",
    "-",
    "*",
    "/",
    "tanh",
    "linear",
    "2",
    "1e-3",
    "bias",
    "none",
    "diag",
    " ",
    "# c",
    "max",
    "'",
    "c",
    "\r\n",
]


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_order_of_the_language_s_words_gives_a_cell_or_a_cell_error(words: list[str]) -> None:
    parses_or_refuses(HEAD + "    " + " ".join(words))
    parses_or_refuses("".join(words))


@given(st.sampled_from(library.names()), st.data())
def test_a_damaged_library_text_gives_a_cell_or_a_cell_error(name: str, data: st.DataObject) -> None:
    text = library.load(name).text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    parses_or_refuses(text[:start] + data.draw(st.sampled_from(["", *WORDS])) + text[end:])


# How a cell is written


@given(cells())
def test_what_is_printed_reads_as_the_same_cell(cell: Cell) -> None:
    again = Cell.parse(cell.canonical().text())

    assert again.id == cell.id
    assert again.states == cell.canonical().states


@given(cells())
def test_printing_twice_gives_the_same_text(cell: Cell) -> None:
    text = cell.canonical().text()

    assert Cell.parse(text).text() == text


@pytest.mark.parametrize("name", library.names())
def test_a_library_cell_survives_printing_with_its_names(name: str) -> None:
    cell = library.load(name)
    again = Cell.parse(cell.text())

    assert {node.name for node in cell.nodes} == {node.name for node in again.nodes}
    assert again.canonical() == cell.canonical() and again.note == cell.note


@pytest.mark.parametrize(
    "expression",
    [
        "x - (h - x)",
        "x - h - x",
        "x * (h + x)",
        "x * h + x",
        "x / (h * x)",
        "x / h * x",
        "x * (h / x)",
        "x + (h + x)",
        "(x + h) * (x - h)",
        "1 - h",
        "0.1 * x + 1e-10 * h",
        "1e+300 * x",
        "-0.5 * h - -1e-10",
        "max(-1, -2 * h)",
        "0 - 2",
        "0 - (x + h)",
        "max(x, h - 1)",
        "linear(x, bias=none)",
        "linear(x, bias=1, diag=-0.9)",
    ],
)
def test_an_expression_is_written_with_the_brackets_it_needs(expression: str) -> None:
    assert printed(f"h' = {expression}") == f"h' = {expression}"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("((x) + (h * x))", "x + h * x"),
        ("2.0 * x", "2 * x"),
        ("1000000 * x", "1000000 * x"),
        ("1e15 * x", "1000000000000000.0 * x"),
        ("linear(x, diag=0, bias=0)", "linear(x)"),
        ("linear(x, diag=1, bias=1.50)", "linear(x, bias=1.5, diag=1)"),
    ],
)
def test_an_expression_is_written_shortly(given_: str, expected: str) -> None:
    assert printed(f"h' = {given_}") == f"h' = {expected}"


def test_a_named_node_keeps_its_line() -> None:
    assert printed("r = tanh(x)", "h' = r * h") == "r = tanh(x)\nh' = r * h"


def test_a_node_read_twice_gets_the_smallest_free_name() -> None:
    cell = Cell.parse(
        HEAD + "    a = tanh(x)\n    b = exp(x)\n    n1 = a * h\n    h' = (a + n1) * (a - b) - b\n"
    )
    nameless = replace(
        cell, nodes=tuple(replace(n, name=None) if n.name in ("a", "b") else n for n in cell.nodes)
    )

    assert nameless.text() == (
        "cell k(x, h):\n    n2 = tanh(x)\n    n3 = exp(x)\n    n1 = n2 * h\n    h' = (n2 + n1) * (n2 - n3) - n3\n"
    )


def test_a_node_deeper_than_four_gets_a_line() -> None:
    assert printed("h' = exp(tanh(exp(tanh(x))))") == "h' = exp(tanh(exp(tanh(x))))"
    assert (
        printed("h' = exp(exp(tanh(exp(tanh(exp(x))))))") == "n1 = exp(tanh(exp(tanh(exp(x)))))\nh' = exp(n1)"
    )


def test_a_node_wider_than_80_columns_gets_a_line() -> None:
    wide = "linear(x, bias=0.123456789012, diag=0.123456789012)"
    lines = printed(f"h' = tanh({wide} + {wide})").splitlines()

    assert lines == [f"n1 = {wide} + {wide}", "h' = tanh(n1)"]


def test_two_states_may_share_a_next_value() -> None:
    text = printed("h' = x + c", "c' = h'", parameters="x, h, c")

    assert text == "h' = x + c\nc' = h'"


def test_a_state_may_become_x_another_state_or_a_number() -> None:
    text = printed("a' = x", "b' = a", "d' = 2", "h' = a * b + h * d", parameters="x, h, a, b, d")

    assert sorted(text.splitlines()) == ["a' = x", "b' = a", "d' = 2", "h' = a * b + h * d"]
