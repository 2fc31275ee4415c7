"""Compiled code is never handed a tensor that it cannot read: each case is an answer or an error, never a dead process."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from archsearch.compiler import Recurrent, default_engine
from archsearch.compiler.native.toolchain import run_compiler, toolchain
from tests.compiler import safety_cases

PROGRAM = Path(safety_cases.__file__)
ROOT = Path(__file__).parents[2]
SECONDS = 280


def child(engine: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run all cases in a process of their own."""
    return subprocess.run(
        [sys.executable, str(PROGRAM), engine],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
    )


def check(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the verdicts by case; fail where the process died or an answer is wrong."""
    rows = [line.partition("\t") for line in done.stdout.splitlines()]
    verdicts = {name: verdict for name, _, verdict in rows}
    assert done.returncode == 0 and "done" in verdicts, f"died at {rows[-1:]}: {done.stderr[-3000:]}"
    wrong = [f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict.startswith("different")]
    assert not wrong, "\n".join(wrong)
    return verdicts


@cache
def verdicts(engine: str) -> dict[str, str]:
    return check(child(engine))


def test_no_tensor_crashes_an_engine_or_makes_it_answer_otherwise_than_the_interpreter(engine: str) -> None:
    assert len(verdicts(engine)) > 300


@pytest.mark.parametrize("change", ["small", "large", "flat", "reshaped", "empty", "meta", "sparse"])
def test_a_matrix_of_another_shape_or_kind_is_an_error(engine: str, change: str) -> None:
    assert verdicts(engine)[f"gru; matrix: {change}"].startswith("error")


@pytest.mark.parametrize(
    "change", ["transposed", "expanded", "sliced", "negative", "zeros without memory", "view that learns"]
)
@pytest.mark.parametrize("target", ["matrix", "vector", "x", "state"])
def test_what_is_laid_out_otherwise_is_computed(engine: str, target: str, change: str) -> None:
    if change != "transposed" or target == "matrix":
        assert verdicts(engine)[f"gru; {target}: {change}"] == "equal"


@pytest.mark.parametrize(
    "case", ["tied", "batched gradients", "gradient: negative", "default device, forward"]
)
def test_what_only_looks_dangerous_is_computed(engine: str, case: str) -> None:
    assert verdicts(engine)[f"gru; {case}"] == "equal"


@pytest.mark.slow
def test_the_address_sanitizer_finds_nothing_in_any_case(tmp_path: Path) -> None:
    if default_engine() != "native":
        pytest.skip("no working C++ compiler")
    libraries = [
        run_compiler([*toolchain().command, f"-print-file-name={name}"], "", 60)[1].strip()
        for name in ("libasan.so", "libstdc++.so")  # the second, or its exceptions are not intercepted
    ]
    if not all(Path(library).is_absolute() for library in libraries):
        pytest.skip("the compiler has no sanitizers")
    done = child(
        "native",
        CXX=" ".join([*toolchain().command, "-fsanitize=address", "-g1"]),
        LD_PRELOAD=" ".join(libraries),
        ASAN_OPTIONS="detect_leaks=0",
        ARCHSEARCH_CACHE=str(tmp_path),
    )
    check(done)
    assert any(b"__asan" in path.read_bytes() for path in tmp_path.rglob("*.so"))


def test_a_parameter_replaced_by_a_smaller_one_is_an_error_as_in_torchs_layer(engine: str) -> None:
    ours, theirs = Recurrent("gru_reset_after", 4, 64, engine=engine), nn.GRU(4, 64)
    for layer in (ours, theirs):
        name = [name for name, parameter in layer.named_parameters() if parameter.dim() == 2][-1]
        setattr(layer, name, nn.Parameter(torch.randn(2, 2)))
        with pytest.raises(RuntimeError):
            layer(torch.randn(3, 2, 4))


def test_memory_that_was_freed_is_named(engine: str) -> None:
    if engine == "interpreter":
        pytest.skip("torch's own functions read it")
    layer = Recurrent("gru", 4, 5, engine=engine)
    next(layer.parameters()).untyped_storage().resize_(0)
    with pytest.raises(
        RuntimeError, match=r"the memory of a tensor of shape \[5, 4\] was freed: it has 0 bytes"
    ):
        layer(torch.randn(3, 2, 4))
