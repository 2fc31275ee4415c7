"""Every engine's bits stay what they were: scores of different days are compared, and cached, as if they did.

When an engine's bits change on purpose: raise its version in `engine_names`, renew its digests here, and say so in the
change log. A kind of machine that is not listed is skipped; the reason says what to list.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell, library
from archsearch.compiler import ENGINES, Recurrent, default_engine
from archsearch.compiler.engine_names import ENGINE_NAMES
from archsearch.compiler.engines import identity
from tests.compiler.native.processors import LEVELS, use


@dataclass(frozen=True)
class Pinned:
    """What an engine computes.

    Attributes:
        version: The engine's version.
        digests: By kind of machine.
    """

    version: int
    digests: dict[str, str]


GOLDEN = {
    "interpreter": Pinned(
        1,
        {
            "torch 2.13.0, AVX2, AuthenticAMD": "f3195616d7098c86",
            "torch 2.13.0, AVX512, AuthenticAMD": "af9b364d9d2fb3ed",
        },
    ),
    "stacked": Pinned(
        3,
        {
            "torch 2.13.0, AVX2, AuthenticAMD": "8ed6489994a3a339",
            "torch 2.13.0, AVX512, AuthenticAMD": "8002d0be42caa334",
        },
    ),
    "native": Pinned(
        2,
        {
            "g++ 12.2.0, AVX-512": "9bae1485f6960ec6",
            "g++ 12.2.0, AVX2": "337ff1b2149e0265",
            "g++ 12.2.0, plain": "ee5f9edeba266cc5",
        },
    ),
    "native-bf16": Pinned(1, {"g++ 12.2.0, AVX-512, AuthenticAMD": "528d27ced519e330"}),
    "native-3bf16": Pinned(1, {"g++ 12.2.0, AVX-512, AuthenticAMD": "13625b39026139ce"}),
    "newton": Pinned(2, {"torch 2.13.0, AVX512, AuthenticAMD": "6bfeb640948176fa"}),
}

MUTANT = """
cell mutant(x, h, c):
    n1 = linear(x, diag=0.9)
    o = sigmoid(x) - n1
    n2 = linear(scale(c) + (linear(x) + linear(relu(h), bias=none)), diag=0.9)
    i = sigmoid(n2)
    c' = x * c + linear((h + n1) * i, diag=0.9)
    h' = o * linear(c', diag=1)
"""
EVERY = """
cell every(x, h, c, d):
    a = sigmoid(linear(x) + linear(h)) * tanh(scale(c) - linear(x))
    b = max(leaky_relu(a), relu(linear(h))) + max(c, c)
    c' = norm(b) / (1.5 + exp(a)) + softplus(a)
    d' = 0.5
    h' = silu(linear(norm(c'))) - stop(d) + norm(x)
"""
CELLS = [library.load("gru"), Cell.parse(MUTANT), Cell.parse(EVERY)]
APART = [library.load("mingru"), library.load("paralstm")]
"""Cells whose units do not mix: what the Newton engine does not leave to the interpreter."""
STEPS, BATCH, WIDTH = 5, 3, 21


def even(*shape: int) -> Tensor:
    """Return numbers spread evenly over [-1, 1), the same on every machine: no generator's, whose bits may differ."""
    count = torch.Size(shape).numel()
    return (
        (torch.arange(1, count + 1, dtype=torch.float64) * 0.6180339887498949 % 1 * 2 - 1).float().view(shape)
    )


def computed(cell: Cell, engine: str) -> list[Tensor]:
    """Return output, last states and all gradients, float32."""
    layer = Recurrent(cell, WIDTH, WIDTH, engine=engine)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(even(*parameter.shape) * 0.3)
    x = even(STEPS, BATCH, WIDTH).requires_grad_()
    states = [even(1, BATCH, WIDTH).requires_grad_() for _ in cell.states]
    reset = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    reset[2, 1] = True
    output, last = layer(x, states[0] if len(states) == 1 else tuple(states), reset=reset)
    results = [output, *(last if isinstance(last, tuple) else [last])]
    leaves = [x, *states, *layer.parameters()]
    differentiable = [result for result in results if result.requires_grad]
    passed = [even(*result.shape) for result in differentiable]
    gradients = torch.autograd.grad(differentiable, leaves, passed, allow_unused=True)
    return [*results, *(gradient for gradient in gradients if gradient is not None)]


def digest(engine: str) -> str:
    """Return a digest of what an engine computes of all cells."""
    digest = hashlib.sha256()
    for cell in APART if engine == "newton" else CELLS:
        for tensor in computed(cell, engine):
            digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def vendor() -> str:
    """Return who made the processor, which BLAS looks at."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    return next((line.split()[-1] for line in lines if line.startswith("vendor_id")), "unknown")


def torch_kind() -> str:
    """Return what decides the bits of engines that run on torch."""
    version = torch.__version__.split("+")[0]
    return f"torch {version}, {torch.backends.cpu.get_cpu_capability()}, {vendor()}"


def check(engine: str, kind: str) -> None:
    """Fail unless an engine computes what is listed for this kind of machine."""
    found = digest(engine)
    if kind not in GOLDEN[engine].digests:
        pytest.skip(f"no digest of {engine} is listed for {kind!r}; here it is {found!r}")
    assert found == GOLDEN[engine].digests[kind], (
        f"bits of {engine} changed: raise its version in ENGINE_NAMES"
    )


def test_the_digests_are_those_of_the_engines_versions() -> None:
    assert {engine: pinned.version for engine, pinned in GOLDEN.items()} == {
        name: engine.version for name, engine in ENGINE_NAMES.items()
    }


def test_the_numbers_are_finite() -> None:
    assert all(tensor.isfinite().all() for cell in CELLS for tensor in computed(cell, "interpreter"))


@pytest.mark.parametrize("engine", ["interpreter", "stacked", "newton"])
def test_an_engine_on_torch_computes_the_same_bits_as_ever(engine: str) -> None:
    check(engine, torch_kind())


@pytest.mark.parametrize("march", LEVELS)
def test_the_native_engine_computes_the_same_bits_as_ever(
    march: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if default_engine() != "native":
        pytest.skip("no working C++ compiler")
    use(march, monkeypatch)
    check("native", identity("native").partition("(")[2].rstrip(")"))


@pytest.mark.parametrize("engine", ["native-bf16", "native-3bf16"])
def test_the_native_engines_that_round_compute_the_same_bits_as_ever(engine: str) -> None:
    if not ENGINES[engine].works():
        pytest.skip("no C++ compiler, or the processor does not multiply bfloat16")
    check(engine, f"{identity(engine).partition('(')[2].rstrip(')')}, {vendor()}")
