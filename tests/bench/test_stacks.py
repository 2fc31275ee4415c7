"""The measurement of stacks, on the CPU at a shape that takes no time; on a GPU where there is one."""

from __future__ import annotations

import os

import pytest
import torch

from archsearch.bench import LayerShape, jax_scan, measure, stacks
from archsearch.bench.stacks import TRITON_CACHE, first_step, one_lane, ratio_to_torch, stack_rows
from archsearch.bench.trials import TASK
from archsearch.cell import Cell, library
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked.persistent_choice import CHOICE, PERSISTENT
from archsearch.compiler.stacked.shape import lanes
from archsearch.tasks import load
from archsearch.training import Streams
from tests.helpers.capture import Replayed

TINY = LayerShape(2, 3, 8)


def test_a_cell_has_a_row_for_a_whole_stack_and_one_for_one_lane() -> None:
    whole, one = stack_rows("gru", library.load("gru"), TINY, "cpu", 1)
    assert (whole.lanes, one.lanes) == (lanes(TINY.width), 1)
    assert whole.ms_per_lane == pytest.approx(whole.ms / whole.lanes) and one.ms_per_lane == one.ms
    assert whole.ratio_cudnn == one.ratio_cudnn
    assert min(whole.ms, one.ms, whole.first_step_seconds, one.first_step_seconds) > 0


def test_where_a_stack_has_one_lane_there_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "lanes", lambda n: 1)
    assert [row.lanes for row in stack_rows("mgu", library.load("mgu"), TINY, "cpu", 1)] == [1]


def test_with_triton_a_cell_is_measured_with_persistent_kernels_too_where_they_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gru = library.load("gru")
    assert list(stacks.loops(gru, TINY, "cpu")) == [""]
    monkeypatch.setattr(stacks, "speaks_triton", lambda device: True)
    assert list(stacks.loops(gru, TINY, "cpu")) == ["", PERSISTENT]
    assert list(stacks.loops(gru, LayerShape(2, 3, 700), "cpu")) == [""]
    rows = stack_rows("gru", gru, TINY, "cpu", 1)
    assert [(row.lanes, row.persistent) for row in rows] == [(32, False), (1, False), (32, True), (1, True)]
    assert CHOICE not in os.environ


def test_the_measured_shapes_are_those_of_the_table() -> None:
    assert [(str(shape), lanes(shape.width)) for shape in stacks.SHAPES] == [
        ("B20T35H256", 20),
        ("B20T35H512", 8),
    ]


@pytest.mark.parametrize("name", ["gru", "gru_reset_after", "lstm"])
def test_a_cell_that_torch_has_is_set_beside_it_whatever_its_name(name: str) -> None:
    cell = Cell.parse(library.load(name).text().replace(f"cell {name}(", "cell mine("))
    ratio = ratio_to_torch(cell, TINY, "cpu", 1)
    assert ratio is not None and ratio > 0


def test_a_cell_that_torch_lacks_is_set_beside_none() -> None:
    assert ratio_to_torch(library.load("mgu"), TINY, "cpu", 1) is None


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_one_lane_can_be_captured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "Repeated", Replayed)
    step = one_lane(library.load(name), TINY, "cpu")
    for _ in range(Replayed.WARM + 2):
        step()
    assert isinstance(step, Replayed) and step.capture is not None and step.capture.noted


def test_the_first_step_is_that_of_a_cell_that_nothing_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRITON_CACHE, "usual")
    windows = list(Streams(load(TASK), "cpu").take("train", 0, TINY.batch, TINY.steps, 1))
    for _ in range(2):
        stack, _ = first_step(library.load("gru"), TINY, 1, windows, "cpu")
        assert program.cache_info().misses == 2  # the other cell's, and its own
        assert stack.steps == 1 and len(stack.flat) == 1
    assert os.environ[TRITON_CACHE] == "usual"


def test_a_cell_that_diverges_is_left_out_and_without_rows_there_is_no_section(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jax_scan, "is_installed", lambda: False)
    told: list[str] = []
    cells = {
        "endless": Cell.parse("cell endless(x, h):\n    h' = exp(exp(exp(exp(linear(x) + 9 + linear(h)))))\n")
    }
    document = measure(cells, [], cells, [], 1, told.append, "cpu", [TINY])
    assert "stacks" not in document and "stacks" not in document["machine"]
    assert any(line.startswith("left out: a stack of 'endless' diverges on xml:small: ") for line in told)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_measured_and_nothing_is_left_changed_behind() -> None:
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cuda.matmul.fp32_precision
    document = measure(
        {"gru": library.load("gru")}, [], ["gru"], [], 1, device="cuda:0", stacked=[LayerShape(4, 6, 64)]
    )
    assert [(row["lanes"], row["persistent"]) for row in document["stacks"]] == [
        (lanes(64), False),
        (1, False),
        (lanes(64), True),
        (1, True),
    ]
    assert document["machine"]["stacks"].startswith(torch.cuda.get_device_name(0))
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cuda.matmul.fp32_precision) == before
