"""The plan: zones, levels, accumulators and products of known cells, and what holds for every cell."""

import numpy as np
import pytest
from hypothesis import given

from archsearch.cell import OPS, Cell, library
from archsearch.compiler.program import X_AS_IT_CAME, ProgramPlan, Zone, describe, plan
from tests.helpers import strategies


def planned(name: str) -> ProgramPlan:
    return plan(library.load(name).canonical())


@pytest.mark.parametrize(
    ("name", "levels", "products"),
    [
        ("gru", 2, 3),
        ("lstm", 1, 2),
        ("gru_reset_after", 1, 2),
        ("mingru", 0, 1),
        ("indrnn", 0, 1),
        ("tanh_rnn", 1, 2),
    ],
)
def test_linear_maps_are_grouped_into_the_fewest_products(name: str, levels: int, products: int) -> None:
    of = planned(name)
    assert len(of.products) == products
    assert max((p.place.level for p in of.products if p.place.zone == Zone.CORE), default=0) == levels
    assert of.has_core_products == (levels > 0)


def test_what_depends_on_x_alone_runs_before_the_loop() -> None:
    of = planned("mingru")
    assert {of.place[node.handle].zone for node in of.cell.ops if node.op in ("linear", "sigmoid")} == {
        Zone.PROLOGUE
    }


def test_an_output_that_nothing_reads_runs_after_the_loop() -> None:
    of = plan(
        Cell.parse(
            "cell late(x, h, c):\n    c' = tanh(linear(x) + linear(c))\n    h' = linear(c')"
        ).canonical()
    )
    assert of.place[of.cell.output].zone == Zone.EPILOGUE
    assert of.carried == (of.cell.state_nodes[1].handle,)


def test_a_linear_of_x_with_a_diagonal_reads_x_at_the_layers_width() -> None:
    of = plan(
        Cell.parse("cell two(x, h):\n    h' = tanh(linear(x) + linear(x, diag=1) + linear(h))").canonical()
    )
    assert {product.source for product in of.products} == {X_AS_IT_CAME, 0, 1}


@given(strategies.cells())
def test_every_node_is_computed_once_and_after_what_it_reads(cell: Cell) -> None:
    of = plan(cell.canonical())
    in_slots = [linear for accumulator in of.accumulators for linear in accumulator.linears]
    assert sorted(in_slots) == [node.handle for node in of.cell.ops if node.op == "linear"]
    assert sorted(in_slots) == sorted(linear for product in of.products for linear in product.linears)
    order = {
        handle: i for i, handle in enumerate(handle for segment in of.segments for handle in segment.nodes)
    }
    for node in of.cell.ops:
        if node.handle not in order:
            assert node.op in ("linear", "add")
            continue
        for source in node.inputs:
            assert order.get(source, -1) < order[node.handle] and of.place[source] <= of.place[node.handle]


@given(strategies.cells())
def test_equal_cells_have_equal_plans(cell: Cell) -> None:
    other = strategies.rewritten(cell, np.random.default_rng(0))
    ours, theirs = plan(cell.canonical()), plan(other.canonical())
    for part in ("accumulators", "products", "segments", "carried", "kept"):
        assert getattr(ours, part) == getattr(theirs, part)


def test_every_op_but_linear_has_its_rule() -> None:
    assert [name for name, op in OPS.items() if op.elementwise is None] == ["linear"]
    assert all(len(op.rule.adjoint) in (0, op.arity) for name, op in OPS.items() if name != "linear")


def test_a_description_names_zones_products_and_what_is_kept() -> None:
    words = describe(library.load("gru"))
    assert "[rows, I] x [I, 3n]: x -> sum 0, sum 1, sum 2" in words
    assert "[rows, n] x [n, 2n]: h -> sum 0, sum 1" in words
    assert "segment   z = sigmoid(sum 0)" in words
    assert "levels of products in the core: 2" in words
