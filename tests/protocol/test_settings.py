"""Settings: one shared, stratified list for every cell, the same in every process."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given, settings

from archsearch.protocol.settings import Grid, Setting, shared_settings
from tests.helpers.plans import GRID

axes = st.lists(st.sampled_from([0.1, 0.2, 0.5, 1.0, 2.0]), min_size=1, max_size=4, unique=True).map(tuple)
grids = st.builds(
    Grid,
    optimiser=st.just(("adamw",)),
    rate=axes,
    scale=axes,
    clip=axes,
    layers=st.sampled_from([(1,), (1, 2), (1, 2, 3, 4)]),
    dropout=st.sampled_from([(0.0,), (0.0, 0.5)]),
)
budgets = st.sampled_from([(10_000,), (250_000, 1_000_000)])


@given(grids, budgets, st.integers(1, 60))
@settings(max_examples=50)
def test_a_short_list_is_the_beginning_of_every_longer_one(
    grid: Grid, budgets: tuple[int, ...], count: int
) -> None:
    longest = shared_settings("xml:small", grid, budgets, 10_000)
    assert shared_settings("xml:small", grid, budgets, count) == longest[:count]


@given(grids, budgets)
@settings(max_examples=50)
def test_the_whole_grid_is_reached_and_nothing_twice(grid: Grid, budgets: tuple[int, ...]) -> None:
    drawn = shared_settings("xml:small", grid, budgets, 10_000)
    assert sorted(drawn) == sorted(grid.all(budgets))
    assert len(set(drawn)) == len(drawn)


@given(grids, budgets)
@settings(max_examples=50)
def test_each_block_holds_every_rate_once(grid: Grid, budgets: tuple[int, ...]) -> None:
    drawn = shared_settings("xml:small", grid, budgets, 10_000)
    size = len(grid.rate)
    for start in range(0, len(drawn), size):
        assert sorted(setting.rate for setting in drawn[start : start + size]) == sorted(grid.rate)


def test_task_grid_and_budget_each_decide_the_list() -> None:
    given = shared_settings("xml:small", GRID, (10_000,), 12)
    other = Grid(GRID.optimiser, GRID.rate, GRID.scale, (1.0, 2.5))
    assert shared_settings("xml:paper", GRID, (10_000,), 12) != given
    assert shared_settings("xml:small", other, (10_000,), 12) != given
    more = shared_settings("xml:small", GRID, (20_000,), 12)
    assert [setting.budget for setting in more] == [20_000] * 12
    assert [setting.rate for setting in more] != [setting.rate for setting in given]


def test_the_order_varies_from_block_to_block() -> None:
    drawn = shared_settings("xml:small", GRID, (10_000,), 12)
    orders = {tuple(setting.rate for setting in drawn[start : start + 3]) for start in range(0, 12, 3)}
    assert len(orders) > 1
    firsts = Counter(shared_settings(f"task {i}", GRID, (10_000,), 1)[0] for i in range(600))
    assert len(firsts) == 12 and max(firsts.values()) < 90  # 50 of each on average


def test_the_list_is_pinned() -> None:
    """Another list would make every stored and cached score another experiment."""
    drawn = shared_settings("arithmetic:small", GRID, (10_000,), 4)
    assert [(s.rate, s.scale, s.clip) for s in drawn] == [
        (0.03, 1.0, 5.0),
        (0.01, 0.7, 5.0),
        (0.003, 0.7, 5.0),
        (0.003, 1.0, 1.0),
    ]


def test_a_setting_reads_as_a_sentence() -> None:
    assert (
        str(Setting("adamw", 0.01, 5.0, 1.0, 1, 10_000))
        == "adamw 0.01, clip 5, scale 1, 1 layer, 10,000 parameters"
    )
    assert str(Setting("sgd", 0.5, 2.5, 1.4, 2, 10_000, 0.3)).endswith(
        "2 layers, 10,000 parameters, dropout 0.3"
    )
    assert list(Setting("sgd", 0.5, 2.5, 1.4, 2, 10_000).as_dict()) == [
        "optimiser",
        "rate",
        "clip",
        "scale",
        "layers",
        "budget",
        "dropout",
    ]
