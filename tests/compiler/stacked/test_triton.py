"""Kernels in Triton, run by its interpreter, compute what they compute in plain torch: all ops, forward and backward."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archsearch.cell import OPS, Cell, library
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked import torch_dialect, triton_dialect
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.layer import Layer
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.stacked.model import Lane, StackedModel
from tests.helpers import interpreted, strategies
from tests.helpers.lanes import EVERY, compare
from tests.helpers.sources import ROOT

pytestmark = interpreted.QUIET


def test_all_ops_are_among_those_compared() -> None:
    assert {node.op for node in Cell.parse(EVERY).ops} >= set(OPS) - {"linear"}


@pytest.mark.parametrize("spoiled", [False, True])
def test_every_op_gives_what_plain_torch_gives(spoiled: bool) -> None:
    compare(Cell.parse(EVERY), spoiled)


@pytest.mark.parametrize("name", ["gru", "lstm", "mut1", "fgr", "mingru"])
def test_cells_of_the_library_do(name: str) -> None:
    compare(library.load(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_all_cells_of_the_library_do(name: str) -> None:
    compare(library.load(name))


@pytest.mark.slow
def test_mutants_do() -> None:
    for mutant in strategies.mutants(40):
        compare(mutant.child.cell)


@pytest.mark.parametrize("adaptive", [True, False])
def test_a_whole_stack_trains_alike_and_freezes_alike(
    adaptive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.training.stacked.model.lanes", lambda n: 3)
    batches = list(Streams(load("memorization:small"), "cpu").take("train", 0, 2, 5, 3))
    found = []
    for dialect in (triton_dialect.compile_kernel, torch_dialect.compile_kernel):
        own = [Lane(9, 1.0, 0.2, 5), Lane(20, 5.0, 0.0, 6)]
        stack = StackedModel(library.load("gru"), 9, own, 2, 2, adaptive, dialect=dialect)
        stack.flat.copy_(torch.randn(stack.flat.shape, generator=torch.Generator().manual_seed(0)) * 0.2)
        stack.train(batches[:2], [0.01, 0.02])
        stack.weights["bias"][1, 0] = float("nan")
        before = stack.flat[1].clone()
        assert list(stack.train(batches[2:], [0.01, 0.02])) == [1]
        assert torch.equal(stack.flat[1].nan_to_num(), before.nan_to_num())
        found.append((stack.flat[0].clone(), torch.tensor(stack.evaluate(batches)[0])))
    (ours, score), (theirs, expected) = found
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(score, expected, rtol=1e-3, atol=0)


COMPILE = """
from archsearch.cell import Cell
from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.source_function import made
from archsearch.training.stacked import fused_head, fused_windows
from archsearch.training.stacked.fused_optimiser import KERNELS, PARTS, jitted_update
from archsearch.training.stacked.optimiser import adamw, sgd
from archsearch.compiler.program.program import program

assert triton_dialect.installed()
space = triton_dialect.functions()
from triton import jit, compile as compiled
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

def compiles(function, fixed):
    wide = dict.fromkeys(("scored", "living", "reset", "own_scored", "own_reset"), "*u8")
    wide |= dict.fromkeys(("count", "failed", "score"), "*fp64")
    wide |= dict.fromkeys(("targets", "inputs", "following", "order", "first"), "*i64")
    wide |= dict.fromkeys(("own_symbols", "own_targets"), "*i64")
    pointers = {"width", "gradient", "sums", "losses", "clips", "rates", "logits", "deltas", "bias", "loss"}
    pointers |= {"embedding", "x", "each"} | {f"a{n}" for n in range(len(function.arg_names))}
    kinds = {
        name: "constexpr" if name in fixed else "*fp32" if name in pointers else wide.get(name, "i32")
        for name in function.arg_names
    }
    source = ASTSource(function, kinds, constexprs=fixed)
    target = GPUTarget("cuda", 90, 32)
    print(len(compiled(source, target=target, options=triton_dialect.OPTIONS).asm["cubin"]) > 0)

for kernel in program(Cell.parse(TEXT).canonical()).kernels:
    compiles(jit(made(kernel.name, triton_dialect.printed(kernel), space)), {"ROWS": 8, "COLUMNS": 128})
loss = triton_dialect.functions(fused_head.KERNELS)
windows = triton_dialect.functions(fused_windows.KERNELS)
for function in (*(loss[name] for name in ("cross_entropy", "added_up", "judged")), windows["embedded"]):
    compiles(function, {"ROWS": 8, "COLUMNS": 128})
compiles(loss["added_to_score"], {"TILE": triton_dialect.TILE})
compiles(windows["added_by_symbol"], {"ROWS": fused_windows.ROWS, "COLUMNS": 128})
for function in (triton_dialect.functions(KERNELS)["squares"], jitted_update(sgd()), jitted_update(adamw())):
    compiles(function, {"PARTS": PARTS, "TILE": triton_dialect.TILE})
"""


@pytest.mark.slow
def test_every_op_compiles_for_a_gpu_that_need_not_be_there(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRITON")}
    environment |= {"ARCHSEARCH_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    code = COMPILE.replace("TEXT", repr(EVERY))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["True"] * (len(program(Cell.parse(EVERY).canonical()).kernels) + 9), (
        done.stderr
    )
    assert any((tmp_path / "triton").iterdir())


def test_functions_are_accurate_over_their_whole_range() -> None:
    values = torch.cat(
        [torch.linspace(-100, 100, 4001), torch.tensor([0.0, -0.0, 1e-30, -1e-6, 1e-4, float("inf")])]
    )
    wide = values.view(1, 1, 1, -1)
    for op in ("tanh", "sigmoid", "exp", "softplus", "silu", "relu", "leaky_relu"):
        cell = Cell.parse(f"cell one(x, h):\n    h' = {op}(x)\n")
        found = []
        for dialect in (triton_dialect.compile_kernel, torch_dialect.compile_kernel):
            widths = Widths.of([wide.shape[-1]], wide.shape[-1], torch.float32, torch.device("cpu"))
            layer = Layer(program(cell.canonical()), dialect, (1, 1, 1, wide.shape[-1]), 1, widths, wide)
            found.append(layer.forward(Weights([], {}, {}), wide, wide, [wide[0] * 0], None)[0])
        torch.testing.assert_close(*found, rtol=2e-6, atol=1e-38, msg=op)
