"""Children in the space that grows, in chains of 1 to 4: valid, within its limits, printed and read again, and run."""

from collections import Counter
from functools import cache

import pytest
import torch

from archsearch.compiler import Recurrent
from archsearch.mutations import MUTATIONS
from tests.helpers.strategies import GROW, Mutant, mutants
from tests.mutations.test_mutants import check_printing, check_validity

LONGEST = 4
COUNTS = [100, pytest.param(1_000, marks=pytest.mark.slow)]


@cache
def grown(count: int) -> list[Mutant]:
    return list(mutants(count, spaces=(GROW,), longest=LONGEST))


@pytest.mark.parametrize("count", COUNTS)
def test_children_are_valid_and_survive_printing(count: int) -> None:
    applied: Counter[str] = Counter()
    states: Counter[int] = Counter()
    for mutant in grown(count):
        applied.update({one.operator for one in mutant.child.applied})
        states[len(mutant.child.cell.states) - len(mutant.parent.states)] += 1
        check_validity(mutant)
        check_printing(mutant.child.cell)
        assert len(mutant.child.cell.states) <= 4

    assert sum(times for more, times in states.items() if more > 0) > count / 20
    assert sum(times for more, times in states.items() if more < 0) > count / 20
    assert set(applied) == set(MUTATIONS) or count < 1_000


def test_the_same_seed_gives_the_same_children() -> None:
    again = list(mutants(20, spaces=(GROW,), longest=LONGEST))

    assert [one.child for one in again] == [one.child for one in grown(100)[:20]]


@pytest.mark.parametrize("count", COUNTS)
def test_children_run_forward_and_backward(count: int) -> None:
    torch.manual_seed(0)
    x, finite = torch.randn(4, 2, 5), 0
    for mutant in grown(count):
        finite += runs(mutant, x)

    assert finite > 0.6 * count


def runs(mutant: Mutant, x: torch.Tensor) -> bool:
    """Run a child forward and backward, and return whether all numbers are finite."""
    layer = Recurrent(mutant.child.cell, x.shape[-1], 4, engine="interpreter")
    output, _ = layer(x)
    loss = output.square().mean()
    if loss.requires_grad:  # nothing is learned in h' = x * h
        loss.backward()
    gradients = [one.grad for one in layer.parameters() if one.grad is not None]
    assert output.shape == (*x.shape[:2], 4)
    return bool(loss.isfinite()) and all(bool(one.isfinite().all()) for one in gradients)
