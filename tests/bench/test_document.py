"""The measurement as a whole, at a shape that takes no time."""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec
import pytest
import torch

from archsearch.bench import LayerShape, jax_scan, measure, steps
from archsearch.bench.rows import LayerRow
from archsearch.cell import Cell, library
from archsearch.compiler import default_engine

pytestmark = pytest.mark.skipif(default_engine("cpu") != "native", reason="no C++ compiler")
TINY = LayerShape(2, 3, 8)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """One cell closely and one from afar, without JAX."""
    cells = {"gru": library.load("gru"), "mut1": library.load("mut1")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_scan, "is_installed", lambda: False)
        return measure(cells, [TINY], ["gru"], budgets=[1_000], rounds=1, stepped=[TINY])


def row(rows: list[dict[str, Any]], cell: str, engine: str) -> dict[str, Any]:
    (found,) = [one for one in rows if (one["cell"], one["engine"]) == (cell, engine)]
    return found


def test_every_cell_has_a_row_per_engine_and_torchs_layers_have_one(document: dict[str, Any]) -> None:
    assert sorted((one["cell"], one["engine"]) for one in document["rows"]) == [
        ("gru", "native"),
        ("gru", "reference"),
        ("gru_reset_after", "nn.GRU"),
        ("lstm", "nn.LSTM"),
        ("mut1", "native"),
        ("mut1", "reference"),
    ]


def test_ratios_are_those_of_the_times(document: dict[str, Any]) -> None:
    for rows in (document["rows"], document["training_steps"]):
        native, reference = row(rows, "gru", "native"), row(rows, "gru", "reference")
        gru, lstm = row(rows, "gru_reset_after", "nn.GRU"), row(rows, "lstm", "nn.LSTM")
        assert native["ratio_nn_gru"] == pytest.approx(gru["ms"] / native["ms"])
        assert native["ratio_nn_lstm"] == pytest.approx(lstm["ms"] / native["ms"])
        assert native["ratio_reference"] == pytest.approx(reference["ms"] / native["ms"])
        assert gru["ratio_nn_gru"] == lstm["ratio_nn_lstm"] == reference["ratio_reference"] == 1
        assert gru["ratio_reference"] is lstm["ratio_reference"] is None


def test_one_step_is_measured_beside_the_grus_of_others(document: dict[str, Any]) -> None:
    native, cell = (
        row(document["steps"], *key) for key in (("gru", "native"), ("gru_reset_after", "nn.GRUCell"))
    )
    assert {one["engine"] for one in document["steps"]} - {steps.ONNX_GRU} == {
        "native",
        "reference",
        "nn.GRUCell",
    }
    assert native["ratio_nn_gru_cell"] == pytest.approx(cell["us"] / native["us"])
    assert (native["batch"], native["width"], cell["ratio_nn_gru_cell"], cell["ratio_reference"]) == (
        2,
        8,
        1,
        None,
    )


def test_onnxruntime_takes_part_in_a_step_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "has_onnxruntime", lambda: False)
    document = measure({"gru": library.load("gru")}, [], ["gru"], budgets=[], rounds=1, stepped=[TINY])
    assert all(one["ratio_onnxruntime"] is None for one in document["steps"])
    pytest.importorskip("onnxruntime")
    monkeypatch.undo()
    document = measure({"gru": library.load("gru")}, [], ["gru"], budgets=[], rounds=1, stepped=[TINY])
    theirs = row(document["steps"], "gru_reset_after", steps.ONNX_GRU)
    assert theirs["ratio_onnxruntime"] == 1 and theirs["us"] > 0


def test_rates_are_those_of_the_products(document: dict[str, Any]) -> None:
    native = row(document["rows"], "gru", "native")
    assert native["gflops"] == pytest.approx(36 * 2 * 3 * 8**2 / native["ms"] / 1e6)
    assert native["share_of_peak"] == pytest.approx(native["gflops"] / document["machine"]["peak_gflops"])
    assert 0 < native["share_of_peak"] < 1 < document["machine"]["peak_gflops"]


def test_native_rows_alone_say_what_limits_them(document: dict[str, Any]) -> None:
    for one in (*document["rows"], *document["training_steps"]):
        assert (one["limits"] is not None) == (one["engine"] == "native")
    native = msgspec.convert(row(json.loads(json.dumps(document))["rows"], "gru", "native"), LayerRow)
    assert native.limits is not None and native.work is not None
    assert native.limits.ms["calls"] == native.calls_ms
    assert native.limits.ms["compute"] / native.ms == pytest.approx(native.share_of_peak)
    assert sum(native.limits.bytes.values()) == native.work.bytes
    assert msgspec.to_builtins(native) == row(document["rows"], "gru", "native")


def test_forward_alone_has_rows_of_its_own_for_the_cells_that_are_measured_closely(
    document: dict[str, Any],
) -> None:
    native = row(document["forward"], "gru", "native")
    theirs = row(document["forward"], "gru_reset_after", "nn.GRU")
    assert native["ratio_nn_gru"] == pytest.approx(theirs["ms"] / native["ms"])
    assert {one["cell"] for one in document["forward"]} == {"gru", "gru_reset_after"}
    assert not {"onnxruntime"} & {one["engine"] for one in document["rows"]}


def test_a_new_cell_is_compiled_and_a_cached_one_loaded(document: dict[str, Any]) -> None:
    assert set(document["compile_seconds"]) == {"gru", "mut1"}
    for seconds in document["compile_seconds"].values():
        assert seconds["cold"] > seconds["cached"] > 0


def test_the_machine_is_named(document: dict[str, Any]) -> None:
    assert document["machine"]["torch"] == torch.__version__
    assert all(document["machine"].values())


def test_nothing_is_left_changed_behind() -> None:
    threads, cache = torch.get_num_threads(), os.environ["ARCHSEARCH_CACHE"]
    measure({"mgu": library.load("mgu")}, [TINY], [], rounds=1)
    assert float(torch.tensor(1e-40) * 1) > 0
    assert (torch.get_num_threads(), os.environ["ARCHSEARCH_CACHE"]) == (threads, cache)


def test_a_cell_that_diverges_is_left_out_of_the_training_steps() -> None:
    told: list[str] = []
    cells = {
        "endless": Cell.parse("cell endless(x, h):\n    h' = exp(exp(exp(exp(linear(x) + 9 + linear(h)))))\n")
    }
    document = measure(cells, [], cells, budgets=[1_000], rounds=1, told=told.append)
    assert document["training_steps"] == []
    assert any(line.startswith("left out: cell 'endless' diverges on xml:small") for line in told)


def test_without_a_compiler_the_interpreter_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.bench.document.default_engine", lambda device: "reference")
    document = measure({"mgu": library.load("mgu")}, [TINY], [], rounds=1)
    assert {one["engine"] for one in document["rows"]} == {"reference", "nn.GRU", "nn.LSTM"}
    assert document["compile_seconds"] == {} and document["machine"]["peak_gflops"] is None
    assert all(one["share_of_peak"] is None for one in document["rows"])
