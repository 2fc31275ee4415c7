"""Generated code reads and writes only what is its own, leaves nothing undefined, and reads nothing that nobody wrote."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from archsearch.cell import Cell, library
from archsearch.compiler.native.build import CONSTANTS, HERE
from archsearch.compiler.native.source import source
from archsearch.compiler.native.toolchain import run_compiler, toolchain
from archsearch.compiler.parameters import learned, parameter_names
from tests.compiler import plain
from tests.compiler.native.processors import emulated_tiles, needs_bf16
from tests.helpers import strategies

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DGUARDED", "-g1"]
DRIVER = Path(__file__).with_name("driver.cpp")
EXPORTED = ("tape_size", "forward_size", "backward_size", "work_size", "forward", "backward")
SECONDS = 600
WIDTH, INPUT = 2, 3
"""Any two that differ, to tell the shapes of parameters apart."""


def program(cells: Sequence[Cell], product: str = '#include "gemm.cpp"') -> str:
    """Return a program that runs cells, each with its functions renamed, on a matrix product."""
    parts = ['#include "layer.h"', product, f'#include "{DRIVER}"']
    rows = []
    for number, cell in enumerate(cells):
        parts += [f"#define {name} {name}_{number}" for name in EXPORTED]
        parts += [source(cell), *(f"#undef {name}" for name in EXPORTED)]
        functions = ", ".join(
            f"{name}_{number}" for name in ("tape_size", "work_size", "forward", "backward")
        )
        columns = ", ".join(map(str, shapes(cell)))
        rows.append(f'    {{"{cell.id[:9]}", {functions}, {len(cell.states)}, {{{columns}}}}},')
    main = ["int main() {", "  const std::vector<Cell> cells = {", *rows, "  };"]
    main += ["  for (const Cell& cell : cells) if (check(cell)) return 1;", "  return 0;", "}"]
    return "\n".join([*parts, *main, ""])


def shapes(cell: Cell) -> list[int]:
    """Return of each parameter 0 for a vector, 1 for a matrix as wide as the layer, 2 for one as wide as x."""
    items = {item.name: item.shape for item in learned(cell, INPUT, WIDTH)}
    columns = [items[name][1] if len(items[name]) > 1 else 0 for name in parameter_names(cell)]
    return [{0: 0, WIDTH: 1, INPUT: 2}[column] for column in columns]


def outcome(text: str, folder: Path, *flags: str) -> str:
    """Build and run a program; return what it complained of, nothing if all is well."""
    binary, tools = folder / "driver", toolchain()
    options = ["-O1", "-std=gnu++17", *CONSTANTS, *SANITIZERS, *flags, f"-I{HERE}"]
    arguments = [*tools.command, *options, "-x", "c++", "-", "-o", str(binary)]
    status, _, trouble = run_compiler(arguments, text, SECONDS)
    if status and "cannot find" in trouble:
        pytest.skip("the compiler has no sanitizers")
    assert status == 0, trouble[-3000:]
    done = subprocess.run([binary], capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.stdout[-2000:] + done.stderr[:5000] if done.returncode else ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags", [("-march=native",), ("-march=native", "-DDOUBLE"), ("-march=x86-64",)], ids=" ".join
)
def test_the_library_and_mutants_run_clean(flags: tuple[str, ...], tmp_path: Path) -> None:
    if "x86-64" in flags[0] and not toolchain().march.startswith("x86"):
        pytest.skip("another kind of processor")
    mutants = [mutant.child.cell for mutant in strategies.mutants(100)][::10]
    cells = [*map(library.load, library.names()), *mutants, *map(plain.random_cell, range(10))]
    assert not outcome(program([cell.canonical() for cell in cells]), tmp_path, *flags)


@pytest.mark.slow
@needs_bf16
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("product", ['#include "gemm_bf16.cpp"', emulated_tiles()], ids=["pairs", "tiles"])
def test_products_that_round_run_clean(product: str, parts: int, tmp_path: Path) -> None:
    cells = [library.load(name).canonical() for name in ("gru", "lstm", "rhn", "mingru", "mgu")]
    flags = f"-march={toolchain().march}", "-mavx512bf16", f"-DPARTS={parts}"
    assert not outcome(program(cells, product), tmp_path, *flags)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "repaired", "words"),
    [
        ("memory += room(size);", "memory += room(size) - 17;", "use-after-poison"),
        ("  zero(to, different * width);", "", "depends on memory that nobody wrote"),
    ],
)
def test_a_fault_would_be_found(fault: str, repaired: str, words: str, tmp_path: Path) -> None:
    header = (HERE / "layer.h").read_text(encoding="utf-8").replace("#pragma once", "")
    assert fault in header
    text = program([library.load("gru").canonical()]).replace('#include "layer.h"', "")
    assert words in outcome(header.replace(fault, repaired) + text, tmp_path)
