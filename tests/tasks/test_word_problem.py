"""The word problems: their tables are groups, so that products without their past are even."""

import numpy as np
import pytest

from archsearch.tasks.word_problem import GROUPS, cayley_table
from tests.tasks.samples import take
from tests.tasks.solvers import loaded

ORDERS = {"parity": 2, "z5": 5, "s3": 6, "a5": 60, "s5": 120}
ABELIAN = ("parity", "z5")


@pytest.mark.parametrize("group", GROUPS)
def test_a_table_is_that_of_a_group(group: str) -> None:
    table, elements = cayley_table(group), np.arange(ORDERS[group])
    assert table.shape == (len(elements), len(elements))
    assert np.array_equal(table[0], elements) and np.array_equal(table[:, 0], elements)
    assert np.array_equal(table[table], table[:, table])  # (a b) c = a (b c)
    for lines in (table, table.T):
        assert np.array_equal(np.sort(lines, axis=1), np.broadcast_to(elements, table.shape))
    assert np.array_equal(table, table.T) == (group in ABELIAN)


def test_a5_has_no_normal_subgroup_so_it_is_not_solvable() -> None:
    table = cayley_table("a5")
    inverse = np.argmin(table, axis=1)
    commutators = {
        int(table[table[a, b], table[inverse[a], inverse[b]]]) for a in range(60) for b in range(60)
    }
    assert len(commutators) == 60


@pytest.mark.parametrize("group", GROUPS)
def test_products_are_even_whatever_is_read_so_the_floor_is_chance(group: str) -> None:
    task = loaded(f"{group}:small")
    assert (task.floor, task.ceiling) == (1 / ORDERS[group], 1.0)
    table = cayley_table(group)
    for element in range(ORDERS[group]):  # a step takes an even distribution to an even one
        assert len(set(table[:, element])) == ORDERS[group]
    window = take(task, 1, batch=20_000, split="valid", unroll=64)[0]
    shares = np.bincount(window.targets[-1], minlength=ORDERS[group]) / 20_000
    assert np.abs(shares - task.floor).max() < 5 * (task.floor / 20_000) ** 0.5
