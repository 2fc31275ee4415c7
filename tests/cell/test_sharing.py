"""Linear maps that share a matrix: written, refused, counted, told apart, and kept when the graph changes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from archsearch.cell import Cell
from archsearch.errors import CellError
from tests.cell.isomorphism import graph, same_graph
from tests.helpers.strategies import rewritten, sharing, sharing_mutants, small_graph, symmetric_graph

HEAD = "cell k(x, h):\n"


def cell(*lines: str) -> Cell:
    return Cell.parse(HEAD + "".join(f"    {line}\n" for line in lines))


PLAIN = ("a = linear(h)", "r = sigmoid(a + linear(x))")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "    a = linear(h, diag=0.9)\n    h' = tanh(a + linear(h * x, like=a', bias=1))\n",
        HEAD + "    b = linear(x * h, like=a)\n    a = linear(h, bias=none, heads=2)\n    h' = tanh(a + b)\n",
    ],
)
def test_what_is_written_is_printed_as_it_was(text: str) -> None:
    assert Cell.parse(text).text() == text


def test_a_linear_that_others_name_gets_a_name_and_a_line() -> None:
    one = cell("a = linear(h)", "h' = tanh(a + linear(x * h, like=a'))").canonical()
    nameless = replace(
        one, nodes=tuple(replace(n, name=n.name if n.inputs == () else None) for n in one.nodes)
    )

    assert "like=n1'" in nameless.text() and Cell.parse(nameless.text()).id == one.id


def test_networkx_has_who_shares_with_whom() -> None:
    one = cell("a = linear(h)", "h' = tanh(a + linear(x * h, like=a'))")
    network = one.to_networkx()

    assert Cell.from_networkx(network) == one
    network.nodes[next(node.handle for node in one.nodes if node.transposed)]["like"] = 0
    with pytest.raises(CellError, match=r"node \d: like=0 is no linear map that has a shared matrix"):
        Cell.from_networkx(network)


def test_a_reference_leads_through_others_to_the_linear_that_has_the_matrix() -> None:
    chain = cell(*PLAIN, "b = linear(r, like=a')", "h' = a + b * linear(x, like=b')")
    direct = cell(*PLAIN, "b = linear(r, like=a')", "h' = a + b * linear(x, like=a)")

    assert chain.id == direct.id


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["aab = linear(x)", "h' = aab + linear(h, like=aac)"],
            r"3:31: like=aac: there is no 'aac' .*here: aab; did you mean 'aab'",
        ),
        (
            ["a = linear(x) + h", "h' = linear(a, like=a)"],
            r"3:25: like=a: 'a' is no linear .*here: none\); give the linear a line",
        ),
        (["h' = linear(h, like=h')"], r"2:25: like=h': 'h' is no linear"),
        (["a = linear(h, like=a)", "h' = a + x"], r"2:24: like=a: 'a' would be like itself"),
        (
            ["a = linear(h, like=b')", "b = linear(a, like=a)", "h' = b + x"],
            r"2:24: like=b' leads back to itself",
        ),
        (["a = linear(h)", "h' = linear(x, like=a, diag=1)"], r"3:20: diag beside like: .* says its diag"),
        (["a = linear(h)", "h' = linear(x, heads=2, like=a)"], r"3:29: heads beside like"),
        (
            ["a = linear(h)", "h' = linear(x, like=1)"],
            r"3:25: argument 'like' takes the name of a linear: like=a, or like=a'",
        ),
        (["a = linear(h)", "h' = linear(x, like=-a)"], r"3:26: argument 'like' takes the name"),
        (["a = linear(h)", "h' = linear(x, like=a, like=a)"], r"3:28: argument 'like' is given twice"),
        (
            ["a = linear(h)", "h' = scale(a + x, like=a)"],
            r"3:23: op 'scale' has no argument 'like' \(arguments: start\)",
        ),
        (
            ["a = linear(h)", "h' = linear(a + x, bias=a')"],
            r"3:29: argument 'bias' takes a number, ugi or none, got \"a'\"",
        ),
        (
            ["a = linear(h)", "h' = a - a'"],
            r"3:14: \"a'\" is no value: the transpose of a matrix is written linear\(v, like=a'\)",
        ),
        (
            ["a = linear(h)", "h' = a - transpose(a)"],
            r"3:14: unknown op 'transpose' .*write linear\(v, like=a'\)",
        ),
    ],
)
def test_an_error_says_what_like_takes(lines: list[str], message: str) -> None:
    with pytest.raises(CellError, match=message):
        cell(*lines)


def test_a_shared_matrix_is_counted_once_and_each_bias_alone() -> None:
    assert cell(*PLAIN, "h' = tanh(linear(r, like=a))").polynomial == (2, 3)
    assert cell(*PLAIN, "h' = tanh(linear(r, like=a', bias=none))").polynomial == (2, 2)


def test_a_shared_matrix_reads_x_as_wide_as_the_layer() -> None:
    one = cell(*PLAIN, "h' = tanh(r + linear(x, like=a))")

    assert one.needs_projection and one.parameter_count(4, 3) == 4 * 3 + 4 * 3 + 4 * 4 + 3 * 4


def test_who_shares_and_how_makes_another_cell() -> None:
    r = "r = sigmoid(a + linear(x))"
    texts = [
        ("a = linear(h)", r, "h' = tanh(linear(r))"),
        ("a = linear(h)", r, "h' = tanh(linear(r, like=a))"),
        ("a = linear(h)", r, "h' = tanh(linear(r, like=a'))"),
        ("a = linear(h)", "r = sigmoid(a + linear(x, like=a))", "h' = tanh(linear(r))"),
        ("a = linear(h, diag=1)", r, "h' = tanh(linear(r, like=a))"),
    ]
    assert len({cell(*lines).id for lines in texts}) == len(texts)


def test_which_of_them_has_the_matrix_makes_no_other_cell() -> None:
    one = cell("a = linear(h, diag=1)", "b = linear(x * h, like=a', bias=1)", "h' = tanh(a + b)")
    other = cell("a = linear(h, like=b')", "b = linear(x * h, diag=1, bias=1)", "h' = tanh(a + b)")

    assert one.id == other.id and one.canonical() == other.canonical()


def test_maps_that_compute_the_same_from_a_shared_matrix_are_one() -> None:
    twice = cell("a = linear(h, bias=none)", "h' = a * tanh(linear(h, like=a, bias=none) + x)")

    assert twice.id == cell("a = linear(h, bias=none)", "h' = a * tanh(a + x)").id


def test_a_matrix_whose_linear_nothing_needs_goes_to_the_next() -> None:
    one = cell("a = linear(x, diag=1)", "b = linear(h, like=a')", "h' = tanh(b + linear(x * h, like=a))")

    assert one.id == cell("b = linear(h, diag=1)", "h' = tanh(b + linear(x * h, like=b'))").id
    alone = cell("a = linear(x, heads=2)", "h' = tanh(linear(h, like=a') + x)")
    assert alone.id == cell("h' = tanh(linear(h, heads=2) + x)").id


def test_an_edit_that_takes_a_linear_away_hands_its_matrix_on() -> None:
    one = cell("a = linear(h)", "b = linear(x * h, like=a')", "h' = tanh(a + b) + linear(x, like=b)")
    a, b = (next(node for node in one.nodes if node.name == name) for name in "ab")

    edited = one.with_op(a, "sigmoid")

    assert edited.node(b.handle).like == b.handle and not edited.node(b.handle).transposed
    assert edited.id == cell("b = linear(x * h)", "h' = tanh(sigmoid(h) + b) + linear(x, like=b)").id


def test_ids_of_sharing_mutants_stay_when_they_are_rewritten() -> None:
    rng = np.random.default_rng(11)
    for one in sharing_mutants(60, seed=11):
        assert {rewritten(one, rng).id for _ in range(3)} == {one.id}, one
        assert Cell.parse(one.text()).id == Cell.parse(one.canonical().text()).id == one.id
        assert one.canonical().canonical() == one.canonical()


def test_the_isomorphism_search_agrees_on_pairs_of_cells_that_share() -> None:
    rng = np.random.default_rng(12)
    cells = [sharing(small_graph(rng), rng) for _ in range(150)]
    cells += [sharing(symmetric_graph(rng), rng) for _ in range(15)]
    bases = [symmetric_graph(rng) for _ in range(6)]
    cells += [sharing(base, rng) for base in bases for _ in range(8)]
    cells += [rewritten(one, rng) for one in cells[::4]]
    graphs = [graph(one) for one in cells]
    equal = unequal = 0
    for i, j in itertools.combinations(range(len(cells)), 2):
        if len(graphs[i]) == len(graphs[j]):
            expected = same_graph(graphs[i], graphs[j])
            assert (cells[i].id == cells[j].id) == expected, f"{cells[i]}\n{cells[j]}"
            equal, unequal = equal + expected, unequal + (not expected)
    assert equal > 40 and unequal > 1000
