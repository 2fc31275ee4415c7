"""What every mutation promises: another cell or None, from its arguments alone, which it leaves as they were."""

import inspect
from collections import Counter

import msgspec
import numpy as np
import pytest

from archsearch.cell import Cell, library
from archsearch.mutations import MUTATIONS
from tests.helpers.strategies import EVERYTHING, GROW, PAPER, SPACES, mutants

CELLS = [library.load(name) for name in library.names()] + [
    mutant.child.cell for mutant in (*mutants(60, seed=10), *mutants(30, seed=10, spaces=(GROW,), longest=4))
]

CHANGES_STATES = {"add_state": 1, "delay": 1, "drop_state": -1}
"""By how many states a cell grows, if by any."""

operators = pytest.mark.parametrize("name", MUTATIONS)


def is_sound(cell: Cell) -> bool:
    """Whether every node follows its operands, x and the states come first, and names are unique."""
    seen: set[int] = set()
    for node in cell.nodes:
        if not seen.issuperset(node.inputs) or node.handle in seen:
            return False
        seen.add(node.handle)
    kinds = [node.op for node in cell.nodes]
    leaves = 1 + len(cell.next)
    names = [node.name for node in cell.nodes if node.name]
    in_front = kinds[:leaves] == ["input", *["state"] * len(cell.next)]
    return in_front and seen.issuperset(cell.next) and len(set(names)) == len(names)


@operators
def test_an_operator_gives_a_sound_cell_that_differs_or_none(name: str) -> None:
    rng = np.random.default_rng(0)
    found: Counter[bool] = Counter()
    for i, cell in enumerate(CELLS):
        for node in cell.ops:
            result = MUTATIONS[name](cell, node, SPACES[i % len(SPACES)], rng)
            found[result is not None] += 1
            if result is not None:
                assert is_sound(result), f"{cell}\n{result}"
                assert (result.nodes, result.next) != (cell.nodes, cell.next)
                assert result.name == cell.name and states_stay(cell, result, CHANGES_STATES.get(name, 0))

    assert found[True] > 50 or name == "perturb_constant" and found[True] > 10
    assert found[False] or name in ("insert_activation", "replace_by_ancestor", "combine", "insert_constant")


def states_stay(cell: Cell, result: Cell, more: int) -> bool:
    """Whether a cell's states stay in their order, but for the new last one, or one that went and was not the first."""
    if more < 0:
        kept = [state for state in cell.states if state in result.states]
        return (
            len(cell.states) + more == len(kept)
            and result.states == tuple(kept)
            and kept[0] == cell.states[0]
        )
    return result.states[: len(cell.states)] == cell.states and len(result.states) == len(cell.states) + more


@operators
def test_an_operator_leaves_its_arguments_untouched(name: str) -> None:
    rng = np.random.default_rng(1)
    for cell in CELLS:
        before, space = (repr(cell), cell.text(), cell.id), msgspec.to_builtins(EVERYTHING)
        for node in cell.ops:
            MUTATIONS[name](cell, node, EVERYTHING, rng)
        assert (repr(cell), cell.text(), Cell.parse(cell.text()).id) == before
        assert msgspec.to_builtins(EVERYTHING) == space


@operators
def test_an_operator_draws_from_the_given_generator_alone(name: str) -> None:
    np.random.seed(0)
    expected = np.random.get_state()[1].tolist()  # type: ignore[index]
    for cell in CELLS[:20]:
        for node in cell.ops:
            one, other = (MUTATIONS[name](cell, node, PAPER, np.random.default_rng(7)) for _ in range(2))
            assert one == other
    assert np.random.get_state()[1].tolist() == expected  # type: ignore[index]


@operators
def test_an_operator_keeps_the_names_and_handles_of_what_stays(name: str) -> None:
    rng = np.random.default_rng(2)
    for cell in CELLS:
        for node in cell.ops:
            result = MUTATIONS[name](cell, node, PAPER, rng)
            for one in result.nodes if result else ():
                if one.handle in cell:
                    assert one.name == cell.node(one.handle).name
                else:
                    assert bool(one.name) == (one.op == "state")


@operators
def test_an_operator_stands_in_the_file_of_its_name(name: str) -> None:
    operator = MUTATIONS[name]

    assert operator.__module__ == f"archsearch.mutations.{name}"
    parameters = ["cell", "node", "space", "rng"] + ["mate"] * (name == "crossover")
    assert list(inspect.signature(operator).parameters) == parameters
    assert "None" in (operator.__doc__ or "")
