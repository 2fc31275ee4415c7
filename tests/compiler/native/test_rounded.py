"""The native engines whose matrix products multiply bfloat16: as close as that allows, and native in float64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.compiler.engines import identity
from archsearch.compiler.native import call
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import BuildError, InputError
from archsearch.protocol.records import Outcome
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams, run_trial
from archsearch.workers.process import chosen_engine
from tests.compiler.native.processors import emulated_tiles, needs_bf16, use
from tests.helpers.plans import preset, run_plan

ROUNDED, SPLIT = "native-bf16", "native-3bf16"
EPSILON = 2.0**-8
"""What a number changes by at most, as a share, when it is rounded to bfloat16."""


def computed(name: str, engine: str, dtype: torch.dtype) -> list[Tensor]:
    """Return the output and all gradients of a layer over 12 steps."""
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    layer = Recurrent(name, 37, 53, engine=engine, dtype=torch.float32).to(dtype)
    x = torch.randn(12, 7, 37, generator=generator).to(dtype).requires_grad_()
    output, _ = layer(x)
    leaves = [x, *layer.parameters()]
    passed = torch.randn(output.shape, generator=generator).to(dtype)
    return [output.detach(), *torch.autograd.grad(output, leaves, passed)]


def error(found: list[Tensor], exact: list[Tensor]) -> float:
    """Return the largest difference as a share of the norm."""
    return max(((a.double() - b).norm() / b.norm()).item() for a, b in zip(found, exact, strict=True))


@needs_bf16
@pytest.mark.parametrize("name", ["gru", "lstm", "mut1", "mut3", "mgu", "janet", "ugrnn"])
def test_values_and_gradients_are_off_by_what_rounding_costs_and_no_more(name: str) -> None:
    exact = computed(name, "interpreter", torch.float64)
    assert EPSILON / 100 < error(computed(name, ROUNDED, torch.float32), exact) < 6 * EPSILON
    assert EPSILON**2 / 100 < error(computed(name, SPLIT, torch.float32), exact) < 6 * EPSILON**2


@needs_bf16
@pytest.mark.parametrize("engine", [ROUNDED, SPLIT])
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_float64_is_not_rounded(name: str, engine: str) -> None:
    found, native = (computed(name, each, torch.float64) for each in (engine, "native"))
    assert all(map(torch.equal, found, native))


@needs_bf16
@pytest.mark.parametrize("engine", [ROUNDED, SPLIT])
def test_a_number_that_is_none_comes_out_as_none(engine: str) -> None:
    layer = Recurrent("gru", 20, 24, engine=engine)
    x = torch.zeros(3, 2, 20)
    x[1, 0, 5] = torch.nan
    output, _ = layer(x)
    assert output[0].isfinite().all() and output[:, 1].isfinite().all() and output[1:, 0].isnan().all()


def trained(engine: str) -> Outcome:
    """Return a short trial of the GRU."""
    plan = replace(run_plan(preset()), engine=engine)
    trial = plan.trial(library.load("gru").id, "arithmetic", Setting("adamw", 0.01, 5.0, 1.0, 1, 3_000))
    return run_trial(trial, library.load("gru"), Streams(load("arithmetic:small"), "cpu"))


@needs_bf16
@pytest.mark.parametrize(("engine", "close"), [(ROUNDED, 0.02), (SPLIT, 0.001)])
def test_a_trial_is_the_same_again_and_close_to_that_of_the_engine_that_does_not_round(
    engine: str, close: float
) -> None:
    rounded, again, native = (trained(identity(each)) for each in (engine, engine, "native"))
    assert (rounded.score, rounded.nll) == (again.score, again.nll)
    assert rounded.nll != native.nll and rounded.nll == pytest.approx(native.nll, rel=close)


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give this processor tiles, emulated ones."""
    ours = call.flags_of_processor()
    text = {"gemm_tiles.cpp": emulated_tiles()}
    original = call._text
    monkeypatch.setattr(call, "_text", lambda name: text.get(name) or original(name))
    monkeypatch.setattr(call, "flags_of_processor", lambda: ours | call.TILES)
    monkeypatch.delenv("ARCHSEARCH_AMX", raising=False)
    _forget_products()
    yield
    monkeypatch.undo()
    _forget_products()


def _forget_products() -> None:
    call._gemm.cache_clear()
    call.compile_layer.cache_clear()


@needs_bf16
@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize(("engine", "epsilon"), [(ROUNDED, EPSILON), (SPLIT, EPSILON**2)])
def test_on_tiles_layers_and_models_are_off_by_no_more_and_records_say_so(
    engine: str, epsilon: float
) -> None:
    assert identity(engine).endswith("AVX-512, AMX)") and "AMX" not in identity("native")
    for name in ("gru", "lstm", "rhn", "mut1"):
        exact = computed(name, "interpreter", torch.float64)
        assert epsilon / 100 < error(computed(name, engine, torch.float32), exact) < 6 * epsilon
    assert trained(identity(engine)).nll == pytest.approx(trained(identity("native")).nll, rel=5 * epsilon)


@needs_bf16
@pytest.mark.usefixtures("tiles")
def test_tiles_are_left_alone_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_AMX", "0")
    assert identity(ROUNDED).endswith("AVX-512)")


def test_on_another_processor_the_error_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "flags_of_processor", frozenset)
    with pytest.raises(BuildError, match="AVX512-BF16"):
        call._with_bf16(1, toolchain())


def test_for_narrower_vectors_it_is_not_built_and_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    use("x86-64-v3", monkeypatch)
    with pytest.raises(BuildError, match="code for AVX2"):
        call.gemm(double=False, parts=1)
    monkeypatch.setenv("ARCHSEARCH_ENGINE", ROUNDED)
    with pytest.raises(InputError, match="ARCHSEARCH_ENGINE is 'native-bf16', which needs"):
        chosen_engine("cpu")
