"""A cell as a networkx graph: nothing is lost on the way there and back."""

import subprocess
import sys
from typing import Any

import networkx
import pytest
from hypothesis import given

from archsearch.cell import Cell, library
from archsearch.cell.networks import NEXT
from archsearch.errors import CellError
from tests.helpers.strategies import cells, mutants

GRU = library.load("gru")


@pytest.mark.parametrize("name", library.names())
def test_a_library_cell_comes_back_whole(name: str) -> None:
    cell = library.load(name)
    twin = Cell.from_networkx(cell.to_networkx())
    assert twin == cell and twin.note == cell.note and twin.id == cell.id and twin.text() == cell.text()


def test_mutants_come_back_whole() -> None:
    for mutant in mutants(100, seed=3):
        cell = mutant.child.cell
        assert Cell.from_networkx(cell.to_networkx()) == cell


@given(cells())
def test_any_cell_comes_back_with_other_node_names_in_another_order(drawn: Cell) -> None:
    cell = drawn.canonical()
    network = networkx.relabel_nodes(cell.to_networkx(), lambda handle: f"node {handle:03}")
    mixed = networkx.MultiDiGraph(**network.graph)
    mixed.add_nodes_from(sorted(network.nodes(data=True), key=lambda item: (item[1]["op"], item[0])))
    mixed.add_edges_from(reversed(list(network.edges(data=True))))
    assert Cell.from_networkx(mixed).id == cell.id


def test_every_operand_is_an_edge_and_every_next_value_leads_to_its_state() -> None:
    network = Cell.parse("cell square(x, h):\n    h' = h * h - x\n").to_networkx()
    operands = [(network.nodes[reader]["op"], place) for _, reader, place in network.edges(data="operand")]
    assert sorted(map(str, operands)) == sorted(
        map(str, [("mul", 0), ("mul", 1), ("sub", 0), ("sub", 1), ("state", NEXT)])
    )


def test_networkx_finds_what_is_computed_within_a_step() -> None:
    network = GRU.to_networkx()
    step = networkx.DiGraph([edge[:2] for edge in network.edges(data="operand") if edge[2] != NEXT])
    assert networkx.is_directed_acyclic_graph(step) and not networkx.is_directed_acyclic_graph(network)
    assert networkx.ancestors(step, GRU.output) == set(GRU.ancestors(GRU.output))


def _spoiled(network: Any, case: str) -> Any:
    sums = [key for key, op in network.nodes(data="op") if op == "add"]
    match case:
        case "op":
            network.nodes[sums[0]]["op"] = "frobnicate"
        case "arguments":
            network.nodes[sums[0]]["args"] = {"bias": 1.0}
        case "operand":
            network.remove_edge(next(iter(network.pred[sums[0]])), sums[0])
        case "next":
            network.add_edge(sums[0], 1, operand=NEXT)
        case "input":
            network.add_node("another", op="input")
        case "cycle":
            network.add_edge(sums[0], sums[0], operand=0)
        case "name":
            network.nodes[sums[0]]["name"] = "a b"
    return network


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("op", "no op 'frobnicate'"),
        ("arguments", "op 'add' has no argument 'bias'"),
        ("operand", r"it takes operands \[0, 1\], got"),
        ("next", "a state takes one next value, got 2"),
        ("input", "one node whose op is 'input'"),
        ("cycle", "computed from itself within the step"),
        ("name", "cell 'gru':"),
    ],
)
def test_a_graph_that_is_no_cell_is_refused(case: str, message: str) -> None:
    with pytest.raises(CellError, match=message):
        Cell.from_networkx(_spoiled(GRU.to_networkx(), case))


def test_networkx_is_loaded_when_it_is_asked_for() -> None:
    code = "import sys, archsearch.cli, archsearch.cell, archsearch.mutations; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
