"""Mutants by the hundred, in chains of 1 to 20: all are valid, can be written and read, and run."""

import importlib.util
from collections import Counter
from dataclasses import replace

import pytest

from archsearch.cell import Cell
from archsearch.mutations.validity import fault
from tests.cell.isomorphism import graph
from tests.helpers.strategies import PAPER, Mutant, mutants

COUNTS = [500, pytest.param(10_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
def test_mutants_are_valid_new_and_survive_printing(count: int) -> None:
    applied: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    for mutant in mutants(count):
        applied.update(one.operator for one in mutant.child.applied)
        lengths[len(mutant.child.cell.ops) // 10 * 10] += 1
        check_validity(mutant)
        check_printing(mutant.child.cell)

    print(f"\n{count} mutants: {dict(applied)}; nodes by ten {dict(sorted(lengths.items()))}")
    assert set(applied) == set(PAPER.mutations)
    assert min(applied.values()) > sum(applied.values()) / 40


def check_validity(mutant: Mutant) -> None:
    """Hold a child to the rules, said a second time in terms of another graph."""
    cell = mutant.child.cell
    assert cell.id != mutant.parent.id
    assert fault(cell, mutant.space) is None
    assert len(cell.ops) <= mutant.space.limits.nodes
    assert sum(node.op == "linear" for node in cell.ops) <= mutant.space.limits.linears
    through_time = graph(cell)
    assert set(through_time) == {node.handle for node in cell.nodes}  # nothing is unused, nothing is double
    first = cell.state_nodes[0].handle
    reached = reachable(through_time, cell.x.handle)
    assert first in reached
    states = [state.handle for state in cell.state_nodes]
    assert any(state in reachable(through_time, state) for state in states)


def reachable(made, start: int) -> set[int]:  # type: ignore[no-untyped-def]
    """Return what `start` influences, in this step or a later one."""
    found: set[int] = set()
    pending = [start]
    while pending:
        for target in made.successors(pending.pop()):
            if target not in found:
                found.add(target)
                pending.append(target)
    return found


def check_printing(cell: Cell) -> None:
    """Write and read a cell: the id, the names it had, the states and the text stay."""
    text = cell.text()
    again = Cell.parse(text)
    assert again.id == cell.id and again.name == cell.name and again.states == cell.states, text
    assert again.text() == text
    assert {node.name for node in cell.nodes if node.name} <= {node.name for node in again.nodes}, text
    ours, theirs = named_parts(cell), named_parts(again)
    assert all(theirs[name] == part for name, part in ours.items()), text


def named_parts(cell: Cell) -> dict[str, str]:
    """Return what each named node and next value computes, written out down to x and the states."""
    inlined = {
        node.handle: node if node.op in ("input", "state") else replace(node, name=None)
        for node in cell.nodes
    }
    expressions: dict[int, str] = {}
    for node in cell.nodes:
        operands = [expressions[source] for source in node.inputs]
        if node.op in ("add", "mul", "max"):
            operands.sort()
        text = inlined[node.handle].name or f"{node.op}{node.args}({', '.join(operands)})"
        expressions[node.handle] = text if len(text) < 200 else str(hash(text))
    parts = {node.name: expressions[node.handle] for node in cell.nodes if node.name}
    following = zip(cell.states, cell.next, strict=True)
    return parts | {f"{state}'": expressions[target] for state, target in following}


@pytest.mark.skipif(
    importlib.util.find_spec("archsearch.compiler.recurrent") is None, reason="there is no compiler yet"
)
@pytest.mark.parametrize("count", COUNTS)
def test_mutants_run_forward_and_backward(count: int) -> None:
    import torch

    from archsearch.compiler import Recurrent

    outcomes: Counter[str] = Counter()
    torch.manual_seed(0)
    x = torch.randn(3, 2, 5)
    for mutant in mutants(count):
        layer = Recurrent(mutant.child.cell, 5, 4, engine="interpreter")
        output, _ = layer(x)
        loss = output.square().mean()
        if loss.requires_grad:  # nothing is learned in h' = x * h
            loss.backward()
        gradients = [one.grad for one in layer.parameters() if one.grad is not None]
        finite = loss.isfinite() and all(bool(one.isfinite().all()) for one in gradients)
        outcomes["finite" if finite else "diverged"] += 1
        assert output.shape == (3, 2, 4)

    print(f"\n{count} mutants: {dict(outcomes)}")
    assert outcomes["finite"] > 0.9 * count
