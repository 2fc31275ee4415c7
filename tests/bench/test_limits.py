"""What is counted of a cell's work, how fast memory is read, and which limit follows from both."""

import json
from pathlib import Path

import msgspec
import pytest

from archsearch.bench import LayerShape, limits
from archsearch.bench.bandwidth import MemoryLevel, memory_levels
from archsearch.bench.caches import swept_sizes, told_sizes
from archsearch.bench.counting import CountedWork, Traffic, layer_work, trial_work
from archsearch.bench.subjects import product_flops
from archsearch.cell import library
from archsearch.compiler import default_engine

TINY = LayerShape(2, 3, 8)
NEEDS_COMPILER = pytest.mark.skipif(default_engine("cpu") != "native", reason="no C++ compiler")
LEVELS = (
    MemoryLevel("L1", 1_000, 400.0),
    MemoryLevel("L2", 10_000, 100.0),
    MemoryLevel("memory", None, 10.0),
)
ROOFS = limits.Roofs(200.0, LEVELS)


def test_the_gru_moves_what_a_count_by_hand_says() -> None:
    work = layer_work(library.load("gru"), TINY)
    n, rows, held = 8, 2 * 3, 3 + 1 + 1  # on the tape: three sums, h, and r * h
    step = 3 * n**2 + 2 * n * held  # three maps are in the loop
    # There: 3 sums of x written; 3 sums read, and 3 sums, h and r * h written. Back: 3 sums and h read, 3 gradients written.
    # In the end 3 gradients, h and r * h are read for the matrices, and 3 gradients for x.
    tape = (3 + 3 + 5) + (4 + 3) + (3 + 2 + 3)
    by_hand = {
        "weights there": (3 * 3 * n**2, step),
        "weights back": (3 * 3 * n**2, step),
        "weights once": (3 * 6 * n**2, 2 * 6 * n**2),
        "tape": (rows * n * tape, rows * n * held),
        "input, output": (rows * n * 5, rows * n * (held + 4)),
    }
    assert {one.name: (one.bytes // 4, one.span // 4) for one in work.traffic} == by_hand
    assert work.flops == 36 * 2 * 3 * 8**2


@pytest.mark.parametrize("name", library.names())
def test_the_operations_of_a_layer_are_those_of_its_rate(name: str) -> None:
    cell = library.load(name)
    shape = LayerShape(2, 3, cell.width_from(8))
    assert layer_work(cell, shape).flops == product_flops(cell, shape)


def test_a_trial_has_its_x_once_for_each_symbol_and_an_output_layer_and_an_optimiser() -> None:
    gru, n, rows = library.load("gru"), 8, 2 * 3
    work = trial_work(gru, TINY, symbols=5, different=4)
    assert work.flops == 6 * n**2 * (3 * rows + 3 * 4) + 6 * rows * n * 5
    moved = {one.name: one.bytes // 4 for one in work.traffic}
    parameters = 5 * (2 * n + 1) + 6 * n**2 + 3 * n
    assert moved["optimiser"] == 8 * parameters
    assert moved["output layer"] == rows * (6 * 5 + 4 * n) + 3 * 5 * n


def test_bytes_come_from_the_smallest_level_that_holds_their_span_and_the_slowest_limit_counts() -> None:
    traffic = (Traffic("a", 4_000, 1_000), Traffic("b", 100_000, 1_001), Traffic("c", 20_000, 10_001))
    found = limits.row_limits(CountedWork(100_000, traffic), calls_ms=0.0001, ms=0.01, roofs=ROOFS)
    assert found.bytes == {"L1": 4_000, "L2": 100_000, "memory": 20_000}
    assert found.ms == pytest.approx(
        {"compute": 0.0005, "L1": 0.00001, "L2": 0.001, "memory": 0.002, "calls": 0.0001}
    )
    assert (found.limit, found.share) == ("memory", pytest.approx(0.2))


@pytest.mark.parametrize(("calls_ms", "limit"), [(0.0, "compute"), (1.0, "calls")])
def test_a_row_that_moves_nothing_is_held_back_by_compute_or_calls(calls_ms: float, limit: str) -> None:
    assert limits.row_limits(CountedWork(100, ()), calls_ms, ms=2.0, roofs=ROOFS).limit == limit


def test_limits_round_trip_through_json() -> None:
    found = limits.row_limits(layer_work(library.load("gru"), TINY), 0.1, 1.0, ROOFS)
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(found))), limits.RowLimits) == found


def test_the_system_says_how_large_the_caches_are(tmp_path: Path) -> None:
    told = (
        ("1", "Data", "48K"),
        ("1", "Instruction", "32K"),
        ("2", "Unified", "1024K"),
        ("3", "Unified", "32768K"),
    )
    for number, words in enumerate(told):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, word in zip(("level", "type", "size"), words, strict=True):
            (folder / name).write_text(f"{word}\n")
    (tmp_path / "index9").mkdir()  # says nothing
    assert told_sizes(tmp_path) == {"L1": 48 << 10, "L2": 1 << 20, "L3": 32 << 20}
    assert told_sizes(tmp_path / "nowhere") == {}


def test_where_the_system_says_nothing_caches_end_where_reading_slows_down() -> None:
    speeds = dict(
        zip((1 << power for power in range(10)), (500, 500, 200, 195, 190, 120, 60, 58, 57, 20), strict=True)
    )
    assert swept_sizes(speeds) == {"L1": 2, "L2": 16, "L3": 256}
    assert swept_sizes({1: 5.0, 2: 5.0}) == {}


@NEEDS_COMPILER
def test_every_level_is_read_and_memory_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.bench.bandwidth.told_sizes", lambda: {"L1": 1 << 12, "L2": 1 << 14})
    levels = memory_levels()
    assert [(level.name, level.size) for level in levels] == [
        ("L1", 1 << 12),
        ("L2", 1 << 14),
        ("memory", None),
    ]
    assert all(level.gbs > 0 for level in levels)


@NEEDS_COMPILER
@pytest.mark.timing
def test_memory_is_slower_than_the_caches() -> None:
    speeds = {level.name: level.gbs for level in memory_levels()}
    assert speeds["L1"] > speeds["L2"] > speeds["memory"] > 0
