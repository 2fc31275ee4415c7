"""Cells with equal outputs: which are recognised, which never are, and that no search tries them, or what is no use."""

import random
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.errors import CellError
from archsearch.protocol.plan import RunPlan
from archsearch.search.alike import Known, Tried, behaviour
from archsearch.search.outside import as_candidate
from tests.helpers.plans import preset, run_plan
from tests.helpers.strategies import GROW, mutants, rewritten, sharing_mutants
from tests.mutations.outcomes import cell
from tests.search.driver import Driver

STEPS = 30
R = "r = sigmoid(linear(x) + linear(h, bias=none))"
Z = "z = sigmoid(linear(x) + linear(h, bias=none))"
N = "n = tanh(linear(x) + linear(r * h, bias=none))"


def tried(*cells: Cell) -> Tried:
    """Return what these cells compute."""
    known = Tried()
    for one in cells:
        known.add(one)
    return known


@pytest.mark.parametrize(
    "written",
    [
        cell(R, Z, N, "h' = z * h + (1 - z) * n"),
        cell(R, Z, N, "h' = n - z * (n - h)"),
        cell(R, Z, N, "h' = 1 * n + z * (h + (0 - n))"),
        cell(R, Z.replace("sigmoid(", "relu(sigmoid(") + ")", N, "h' = n + z * (h - n)"),
        cell(R, Z, N, "m = n + z * (h - n)", "h' = max(m, m)"),
        cell(R, Z.replace("(h", "(c"), N, "h' = n + z * (h - n)", "c' = h'", parameters="x, h, c"),
    ],
    ids=["distributed", "turned round", "idle numbers", "idle relu", "maximum of one", "state held twice"],
)
def test_the_gru_is_recognised_however_it_is_written(written: Cell) -> None:
    gru = library.load("gru")

    assert written.id != gru.id and tried(gru).repeats(written)
    assert behaviour(written).fault is None


@pytest.mark.parametrize(
    "other",
    [
        cell(R, Z, N, "h' = n - z * (h - n)"),
        cell(R, Z, N, "h' = h + z * (h - n)"),
        cell(R, Z, N.replace("tanh", "relu"), "h' = n + z * (h - n)"),
        cell(R, Z.replace("linear(x)", "linear(x, bias=1)"), N, "h' = n + z * (h - n)"),
        cell(R, Z, N, "h' = n + z * (h - n) + 0.001 * x"),
    ],
    ids=["sign", "kept state", "relu", "start of a bias", "a little x"],
)
def test_what_computes_something_else_is_another_cell(other: Cell) -> None:
    assert not tried(library.load("gru")).repeats(other)


def test_no_two_cells_of_the_library_are_alike() -> None:
    known = Tried()
    for name in library.names():
        one = library.load(name)
        assert not known.repeats(one), name
        known.add(one)
        assert behaviour(one).fault is None and behaviour(one).outputs is not None


def test_a_cell_itself_is_known_by_its_id_and_no_repetition() -> None:
    gru = library.load("gru")

    assert not tried(gru).repeats(rewritten(gru, np.random.default_rng(0)))


def test_cells_are_told_apart_whatever_their_heads_ask_for_as_width() -> None:
    cells = [cell(f"h' = tanh(linear(x) + linear(h, bias=none, heads={heads}))") for heads in (1, 3, 4, 9)]
    written = cell("h' = max(tanh(linear(x) + linear(h, bias=none, heads=3)), tanh(x - x) - 2)")

    assert [behaviour(one).outputs.size // 20 for one in cells] == [8, 9, 8, 9]
    assert not any(tried(*cells[:place]).repeats(one) for place, one in enumerate(cells))
    assert tried(*cells).repeats(written)


def test_rows_of_two_sizes_are_never_equal() -> None:
    known = Known[str]()
    known.same_or_new(np.zeros(160), "of width 8")

    assert known.same(np.zeros(180)) is None and known.same(np.zeros(160)) == "of width 8"


def test_two_maps_in_one_role_have_weights_of_their_own() -> None:
    twice = cell("v = linear(x) - linear(x)", "h' = tanh(linear(h) + x) + v")

    assert behaviour(twice).fault is None
    assert not tried(twice).repeats(cell("h' = tanh(linear(h) + x)"))


def test_who_shares_a_matrix_tells_cells_apart() -> None:
    last = "h' = tanh(a + linear(x)) + v"
    own, same, turned = (
        cell("a = linear(h)", f"v = linear(x * h{like})", last) for like in ("", ", like=a", ", like=a'")
    )
    assert not any(tried(one).repeats(other) for one, other in permutations((own, same, turned), 2))
    assert tried(turned).repeats(
        cell("a = linear(h)", "v = linear(x * h, like=a')", "h' = v - (0 - tanh(linear(x) + a))")
    )


def test_isomorphic_cells_compute_the_same() -> None:
    grown = [mutant.child.cell for mutant in mutants(10, seed=4, spaces=(GROW,), longest=4)]
    for one in (*grown, *sharing_mutants(10, seed=4)):
        other = rewritten(one, np.random.default_rng(1))
        ours, theirs = behaviour(one), behaviour(other)
        assert (ours.fault is None) == (theirs.fault is None)
        np.testing.assert_array_equal(ours.outputs, theirs.outputs)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("v = tanh(x) - tanh(x)", "h' = tanh(linear(h) + x) + v"), "a part of it is always 0: v"),
        (("v = relu(0 - sigmoid(x))", "h' = tanh(linear(h) + x) + v"), "a part of it is always 0: v"),
        (("h' = h * linear(x)",), "a part of it is always 0: h'"),
        (("v = x + h - h - x", "h' = tanh(linear(h) + x) + v"), "a part of it is always 0: v"),
        (("h' = tanh(linear(1 / h) + x)",), "its output is no number"),
    ],
)
def test_what_is_always_zero_or_never_a_number_is_refused(lines: tuple[str, ...], fault: str) -> None:
    one = cell(*lines)

    assert behaviour(one).fault == fault
    with pytest.raises(CellError, match=fault):
        as_candidate(one, plan())
    assert as_candidate(one, run_plan()).id == one.id  # other spaces do not ask


# In a search


@cache
def plan(strategy: str = "jozefowicz") -> RunPlan:
    return run_plan(preset(look_ahead=5, noise_draws=3), strategy, space=GROW)


@pytest.mark.parametrize("strategy", ["jozefowicz", "regularized", "random"])
def test_a_search_in_the_space_that_grows_is_the_same_however_it_is_run(strategy: str) -> None:
    plain = Driver(plan(strategy)).run(STEPS).record(STEPS)
    driver = Driver(plan(strategy), workers=4, order=random.Random(3), restarts=0.2, keeps=True).run(STEPS)

    assert driver.restarted > 2
    assert driver.record(STEPS)[0] == plain[0]


def test_a_search_tries_no_two_cells_that_are_alike() -> None:
    driver = Driver(plan()).run(STEPS)
    known = Tried()
    for step in driver.steps:
        if step.kind in ("start", "propose"):
            one = Cell.parse(driver.cells[step.cell])
            assert not known.repeats(one) or step.kind == "start"
            assert behaviour(one).fault is None
            known.add(one)
    assert len(known.ids) > 10


def test_draws_that_are_alike_are_counted_among_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Tried, "repeats", lambda self, one: one.id not in self.ids and int(one.id[-1], 16) < 8
    )
    driver = Driver(plan()).run(STEPS)

    counts = driver.told.counts
    assert counts.alike == sum(step.alike for step in driver.steps[: counts.told]) > 5
    assert counts.known >= counts.alike
    assert all(int(step.cell[-1], 16) >= 8 for step in driver.steps if step.kind == "propose")


def test_a_space_that_does_not_ask_draws_as_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = run_plan(space=replace(GROW, by_outputs=True)).space
    assert asking.tells_by_outputs and not run_plan().space.tells_by_outputs

    monkeypatch.setattr("archsearch.search.view.behaviour", lambda one: pytest.fail("nobody asked"))
    driver = Driver(run_plan(preset(look_ahead=5))).run(10)
    assert driver.search.tried is None and driver.told.counts.alike == 0
