"""Long sequences run in stretches of time, with the bits of one run; cells whose units do not mix agree at any length."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell, library
from archsearch.cell.jacobian import jacobian_class
from archsearch.compiler import Recurrent
from archsearch.compiler.native import pages, stretches
from archsearch.compiler.native.buffers import Buffers
from archsearch.compiler.native.call import CompiledLayer, compile_layer
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import InputError
from tests.compiler import plain
from tests.helpers.agreement import DOUBLE, error

STEPS, BATCH, INPUTS, WIDTH = 23, 3, 5, 18
WITHOUT_MIXING = [name for name in library.names() if jacobian_class(library.load(name)).structure != "dense"]
VECTORS = Cell.parse("""
cell vectors(x, h, c):
    a = scale(sigmoid(linear(x) + linear(x)))
    c' = c * a + scale(c, start=0.5)
    h' = norm(c' * linear(x)) + scale(linear(scale(c')))
""")
"""Learned vectors before, in and after the loop over time, a sum with two biases, an output that no step reads."""

ALONE = Cell.parse("""
cell alone(x, h, c):
    a = scale(sigmoid(linear(x) + linear(x)))
    c' = c * a + scale(c, start=0.5)
    h' = norm(scale(c'))
""")
"""The same without products in the loop or after it."""

BLOCKS = Cell.parse("""
cell blocks(x, h):
    z = sigmoid(linear(x) + linear(h, heads=3))
    h' = h + z * (tanh(linear(z * h, heads=2)) - h)
""")
SOME = {name: library.load(name) for name in ("mingru", "hgrn", "sru", "rg_lru", "gru", "lstm_1997")}
SHARED = Cell.parse("""
cell shared(x, h):
    a = linear(h)
    z = sigmoid(linear(x) + a)
    h' = h + z * (tanh(linear(x) + linear(z * h, like=a)) - h)
""")
CELLS = {**SOME, "shared": SHARED, "vectors": VECTORS, "alone": ALONE, "blocks": BLOCKS}


def results(
    cell: Cell, steps: int = STEPS, reset: bool = True, engine: str = "native", wanted: Sequence[str] = ()
) -> list[Tensor]:
    """Return outputs, last states and all gradients in float64, or those of `wanted` among x, states and weights."""
    torch.manual_seed(1)
    layer = Recurrent(cell, INPUTS, WIDTH, dtype=torch.float64, engine=engine)
    x = torch.randn(steps, BATCH, INPUTS, dtype=torch.float64)
    states = [torch.randn(1, BATCH, WIDTH, dtype=torch.float64) for _ in cell.canonical().states]
    zeroed = torch.rand(steps, BATCH) < 0.2 if reset else None
    parts = {"x": [x], "states": states, "weights": list(layer.parameters())}
    leaves = [leaf for part in wanted or parts for leaf in parts[part]]
    layer.requires_grad_(requires_grad=False)
    for leaf in leaves:
        leaf.requires_grad_()
    out, last = layer(x, states[0] if len(states) == 1 else tuple(states), reset=zeroed)
    made = [out, *(last if isinstance(last, tuple) else [last])]
    total = torch.stack([(each * torch.randn_like(each)).sum() for each in made]).sum()
    return [*made, *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)]


@pytest.fixture(params=["kept", "made again"])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of five steps, whose tapes are kept or made again; memory holds no numbers before."""
    monkeypatch.setattr(stretches, "ROWS", 5 * BATCH)
    monkeypatch.setattr(stretches, "CACHE", 0)
    monkeypatch.setenv("ARCHSEARCH_TAPE", "1G" if request.param == "kept" else "0")
    monkeypatch.setattr(
        Buffers, "take", lambda self, size, dtype: torch.full((size,), torch.nan, dtype=dtype)
    )


def built_of(engine: Any) -> CompiledLayer:
    return compile_layer(engine.text, False, toolchain())


def way_of(engine: Any, sizes: tuple[int, int, int, int], back: bool = True) -> stretches.Way:
    return stretches.way(engine.cell, built_of(engine), sizes, 4, back)


def in_one_run(monkeypatch: pytest.MonkeyPatch, cell: Cell, wanted: Sequence[str] = ()) -> list[Tensor]:
    with monkeypatch.context() as patched:
        patched.setattr(stretches, "ROWS", 1 << 40)
        return results(cell, wanted=wanted)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", CELLS)
def test_stretches_have_the_bits_of_one_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_one_run(monkeypatch, CELLS[name])
    assert all(torch.equal(*pair) for pair in zip(results(CELLS[name]), expected, strict=True))


@pytest.mark.slow
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", library.names())
def test_stretches_of_every_cell_have_the_bits_of_one_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_one_run(monkeypatch, library.load(name))
    assert all(torch.equal(*pair) for pair in zip(results(library.load(name)), expected, strict=True))


@pytest.mark.slow
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("seed", range(20))
def test_stretches_of_random_cells_have_the_bits_of_one_run(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = plain.random_cell(seed)
    pairs = zip(results(cell), in_one_run(monkeypatch, cell), strict=True)
    assert all(torch.equal(ours.nan_to_num(7.0), theirs.nan_to_num(7.0)) for ours, theirs in pairs)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("wanted", ["x", "states", "weights"])
def test_stretches_make_the_gradients_that_are_wanted(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_one_run(monkeypatch, VECTORS, [wanted])
    assert all(torch.equal(*pair) for pair in zip(results(VECTORS, wanted=[wanted]), expected, strict=True))


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("steps", [1, 7, 64, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", WITHOUT_MIXING)
def test_cells_whose_units_do_not_mix_agree_at_any_length(
    name: str, steps: int, reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "ROWS", 10 * BATCH)
    monkeypatch.setattr(stretches, "CACHE", 0)
    ours, theirs = (results(library.load(name), steps, reset, engine) for engine in ("native", "interpreter"))
    assert error(ours, theirs) < DOUBLE


def test_a_run_in_cache_and_a_loop_with_products_are_not_cut() -> None:
    gru, mingru = (Recurrent(name, 256, 256)._run for name in ("gru", "mingru"))
    assert way_of(mingru, (35, 20, 256, 256)).forward is built_of(mingru).forward
    assert way_of(gru, (1024, 20, 256, 256)).forward is built_of(gru).forward
    assert way_of(mingru, (1024, 20, 256, 256)).forward is not built_of(mingru).forward


def test_a_long_tape_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gru, sizes = Recurrent("gru", 256, 256)._run, (4096, 20, 256, 256)
    kept = way_of(gru, sizes)
    monkeypatch.setenv("ARCHSEARCH_TAPE", "100M")
    again = way_of(gru, sizes)
    assert 10 * (again.tape_size + again.work_size) < kept.tape_size
    monkeypatch.setenv("ARCHSEARCH_TAPE", "much")
    with pytest.raises(InputError, match="ARCHSEARCH_TAPE is 'much'; it must be a size such as"):
        way_of(gru, sizes)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["hgrn", "lstm_1997"])
def test_without_gradients_the_values_of_stretches_are_the_same(name: str) -> None:
    layer, x = Recurrent(name, INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    with torch.no_grad():
        out, last = layer(x)
    expected, states = layer(x)
    assert torch.equal(out, expected) and all(map(torch.equal, last, states))


def test_where_nobody_goes_back_no_tape_is_kept() -> None:
    gru, sizes = Recurrent("gru", 256, 256)._run, (1024, 20, 256, 256)
    forth = way_of(gru, sizes, back=False)
    assert 5 * (forth.tape_size + forth.work_size) < way_of(gru, sizes).tape_size


def test_only_large_memory_asks_for_large_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(pages, "_advise", lambda *arguments: asked.append(arguments))
    small, large = torch.empty(1000), torch.empty(pages.LARGE)
    assert pages.in_large_pages(small) is small and not asked
    assert pages.in_large_pages(large) is large
    ((begin, size, _),) = asked
    assert begin % pages.PAGE == size % pages.PAGE == 0
    assert large.data_ptr() <= begin and begin + size <= large.data_ptr() + large.nbytes
