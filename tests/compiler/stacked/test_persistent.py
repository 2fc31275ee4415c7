"""The loop over time as one kernel, run by Triton's interpreter, computes what a launch for each piece of a step does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked import (
    dialects,
    engine,
    persistent,
    persistent_choice,
    triton_dialect,
)
from archsearch.compiler.stacked.persistent import PersistentLoop
from archsearch.compiler.stacked.persistent_choice import (
    CHOICE,
    PERSISTENT,
    SHARED,
    asked_for,
    obstacle,
    stays,
)
from archsearch.compiler.stacked.persistent_source import LoopKind, printed_loop
from archsearch.errors import InputError
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.stacked.model import Lane, StackedModel
from tests.compiler import op_cells
from tests.helpers import interpreted, strategies
from tests.helpers.agreement import Shape, check
from tests.helpers.lanes import EVERY, compare
from tests.helpers.launches import count_launches
from tests.helpers.sources import ROOT

pytestmark = interpreted.QUIET

SOME = ["gru", "lstm", "mgu", "mut1", "fgr", "mingru", "vanilla", "gru_reset_after"]
SHAPES = [
    Shape(1, 20, carried=True, steps=9),
    Shape(17, 20, carried=True, steps=4),
    Shape(40, 1, carried=False, steps=1),
    Shape(100, 20, carried=True, steps=2),
    Shape(17, 1, carried=False, steps=9),
]
TWICE = """
cell twice(x, h):
    a = tanh(linear(x))
    b = sigmoid(linear(linear(h)) + a)
    h' = tanh(linear(b * h) * a)
"""
"""A sum that is completed and then masked, and a value whose gradient comes from two levels."""

LITTLE = 99 * 1024
"""Bytes of shared memory that the smaller cards of every generation since Ampere give."""

UNLIMITED, NONE = 1 << 40, 0
"""Shared memory that matrices always fit in, and that they never do."""


@pytest.fixture(params=[UNLIMITED, NONE], ids=["resident", "from cache"])
def matrices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let matrices stay with the program instance, or come from cache at every step."""
    monkeypatch.setattr(persistent, "shared_memory", lambda device: request.param)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Let the stacked engine speak Triton on the CPU and run persistent kernels; yield the directions that ran."""
    ran: list[bool] = []
    original = PersistentLoop.run

    def counted(self, weights, reset, back):
        ran.append(back)
        original(self, weights, reset, back)

    monkeypatch.setattr(PersistentLoop, "run", counted)
    monkeypatch.setattr(engine, "dialect_for", lambda like: triton_dialect.compile_kernel)
    monkeypatch.setenv(CHOICE, PERSISTENT)
    yield ran


def agree(cell: Cell, shapes: list[Shape], chosen: list[bool], seed: int = 0) -> None:
    """Fail where a persistent kernel is not what the interpreter computes in float64."""
    check(cell, shapes, seed, "stacked", [torch.float32])
    if not obstacle(program(cell.canonical()), 1):
        assert set(chosen) == {False, True}


@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("name", SOME)
def test_cells_of_the_library_agree_with_the_interpreter(name: str, chosen: list[bool]) -> None:
    turn = SOME.index(name)
    agree(library.load(name), [SHAPES[(turn + step) % 5] for step in (0, 2)], chosen)


@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("name", op_cells.TEXTS)
def test_cells_of_rarer_ops_agree(name: str, chosen: list[bool]) -> None:
    agree(op_cells.op_cell(name), op_cells.shapes(op_cells.op_cell(name))[:1], chosen)


@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("name", ["gru", "lstm", "mut1", "fgr", "mingru"])
@pytest.mark.parametrize("spoiled", [False, True], ids=["finite", "spoiled"])
def test_lanes_of_several_widths_are_those_of_plain_torch(name: str, spoiled: bool) -> None:
    compare(library.load(name), spoiled, persistent=True)


@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("spoiled", [False, True], ids=["finite", "spoiled"])
def test_every_op_gives_what_plain_torch_gives(spoiled: bool) -> None:
    compare(Cell.parse(EVERY), spoiled, persistent=True)
    compare(Cell.parse(TWICE), spoiled, persistent=True)


def test_mutants_are_those_of_plain_torch() -> None:
    for mutant in strategies.mutants(8):
        if not obstacle(program(mutant.child.cell.canonical()), 12):
            compare(mutant.child.cell, persistent=True)


@pytest.mark.slow
@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("name", library.names())
def test_all_cells_of_the_library_are_those_of_plain_torch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistent_choice, "MOST", 1_000)
    compare(library.load(name), persistent=True)


@pytest.mark.slow
@pytest.mark.usefixtures("matrices")
@pytest.mark.parametrize("first", range(0, 40, 10))
def test_mutants_agree_with_the_interpreter(first: int, chosen: list[bool]) -> None:
    for seed, mutant in enumerate(list(strategies.mutants(40))[first : first + 10], first):
        agree(mutant.child.cell, [SHAPES[seed % 5]], chosen, seed)


def test_a_whole_stack_trains_as_it_does_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.training.stacked.model.lanes", lambda n: 3)
    batches = list(Streams(load("memorization:small"), "cpu").take("train", 0, 2, 5, 3))
    found = []
    for choice in ("", PERSISTENT):
        monkeypatch.setenv(CHOICE, choice)
        own = [Lane(9, 1.0, 0.2, 5), Lane(20, 5.0, 0.0, 6)]
        dialect = triton_dialect.compile_kernel
        stack = StackedModel(library.load("gru"), 9, own, 2, 2, adaptive=True, dialect=dialect)
        stack.flat.copy_(torch.randn(stack.flat.shape, generator=torch.Generator().manual_seed(0)) * 0.2)
        assert stack.train(batches, [0.01, 0.02]) == {}
        assert all(
            (layer.loop is not None) == bool(choice)
            for layers in stack.layers_by_steps.values()
            for layer in layers
        )
        found.append((stack.flat.clone(), torch.tensor(stack.evaluate(batches))))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


COUNTS = {"gru": (8, 13), "lstm": (10, 15)}
"""Launches of the core, forward and backward; (147, 152) and (79, 84) with launches for each step."""


@pytest.mark.parametrize("name", COUNTS)
def test_a_training_step_launches_its_loop_once_each_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, PERSISTENT)
    counts = count_launches(library.load(name), 256)
    assert (counts["core forward"], counts["core backward"]) == COUNTS[name]


def lines(cell: Cell, back: bool, resident: bool) -> list[str]:
    """Return the lines of a step of a cell's printed loop."""
    made = program(cell.canonical())
    text = printed_loop(made, LoopKind(back, resident, resets=True)).text
    return [line.strip() for line in text.splitlines() if line.startswith(" " * 8)]


@pytest.mark.parametrize("back", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("text", [TWICE, *(library.load(name).text() for name in SOME)], ids=["twice", *SOME])
def test_a_step_stores_each_place_once_since_nothing_orders_two_stores(text: str, back: bool) -> None:
    step = lines(Cell.parse(text), back, resident=True)
    stored = [line.partition(", ")[0] for line in step if "tl.store(" in line]
    assert stored and len(set(stored)) == len(stored)


@pytest.mark.parametrize("back", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", SOME)
def test_what_is_multiplied_from_memory_was_stored_before_a_barrier(name: str, back: bool) -> None:
    stored: set[str] = set()
    visible: set[str] = set()
    for line in lines(library.load(name), back, resident=False):
        if place := re.match(r"tl\.store\((.*?) \+ column, ", line):
            stored.add(place[1])
        elif line.startswith("tl.debug_barrier()"):
            visible |= stored
        elif product := re.search(r" = product\(\w+, (.*?), row < rows", line):
            assert product[1] in visible


def test_what_cannot_be_one_kernel_keeps_its_launches_and_says_why() -> None:
    still = program(Cell.parse("cell still(x, h):\n    h' = tanh(linear(x))\n").canonical())
    assert obstacle(still, 64) == "no state passes from step to step"
    gru, leaky = program(library.load("gru").canonical()), program(library.load("mingru").canonical())
    assert obstacle(gru, 512) == "" and "rows of 768 numbers" in obstacle(gru, 768)
    assert obstacle(leaky, 768) == ""
    enas = program(library.load("enas").canonical())
    assert "18 matrices" in obstacle(enas, 64)


def test_matrices_stay_where_shared_memory_has_room_for_all_of_the_loop() -> None:
    gru, lstm = (program(library.load(name).canonical()) for name in ("gru", "lstm"))
    assert [stays(gru, 128), stays(gru, 256), stays(lstm, 96), stays(lstm, 64)] == [True, False, False, True]
    assert not stays(gru, 128, shared=LITTLE)


def test_another_kind_of_kernels_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "fast")
    with pytest.raises(InputError, match="ARCHSEARCH_STACKED is 'fast'; it can only be 'persistent'"):
        asked_for()


@pytest.mark.parametrize(("choice", "words"), [("", "lanes"), (PERSISTENT, "persistent, lanes")])
def test_the_choice_is_part_of_what_records_say(
    choice: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, choice)
    version = triton_dialect.installed()
    described = dialects.stacked_description(torch.device("cuda"))
    assert described.startswith(f"tf32, triton {version}") and words in described
    assert (PERSISTENT in described) == bool(choice)
    assert PERSISTENT not in dialects.stacked_description(torch.device("cpu"))


COMPILE = """
import json
from triton import compile as compiled
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from archsearch.cell import Cell
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked import persistent, persistent_choice, triton_dialect
from archsearch.compiler.stacked.persistent_source import LoopKind

made = program(Cell.parse(TEXT).canonical())
has, resident = persistent_choice.tile(made, WIDE), persistent_choice.stays(made, WIDE)
for back in (False, True):
    printed, function = persistent.compiled(made, LoopKind(back, resident, resets=True))
    fixed = {"PRECISION": "tf32", **has.constants}
    pointers = {"width", *[argument.array for argument in printed.arguments]}
    pointers |= {f"M{number}" for number in printed.products}
    kinds = {name: "*fp32" if name in pointers else "i32" for name in function.arg_names}
    kinds |= {"resets": "*u8"} | {name: "constexpr" for name in fixed}
    source = ASTSource(function, kinds, constexprs=fixed)
    options = {**triton_dialect.OPTIONS, **has.options(resident)}
    done = compiled(source, target=GPUTarget("cuda", 90, 32), options=options)
    multiplies = "mma.sync" in done.asm["ptx"] and "tf32" in done.asm["ptx"]
    print(json.dumps([len(done.asm["cubin"]) > 0, done.metadata.shared, multiplies]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "wide"),
    [
        (EVERY, 96),
        (library.load("gru").text(), 128),
        (library.load("gru").text(), 256),
        (library.load("lstm").text(), 512),
    ],
    ids=["every op", "gru resident", "gru from cache", "as wide as can be"],
)
def test_loops_compile_for_a_gpu_that_need_not_be_there_and_fit_it(
    text: str, wide: int, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRITON")}
    environment |= {"ARCHSEARCH_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    code = COMPILE.replace("TEXT", repr(text)).replace("WIDE", str(wide))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    ways = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ways) == 2 and all(cubin and multiplies for cubin, _, multiplies in ways), done.stderr
    assert all(shared <= (SHARED if wide <= 128 else LITTLE) for _, shared, _ in ways)
