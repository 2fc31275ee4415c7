"""A model's folder goes out to C and torch as it is, with what stands around the layers."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import archsearch
from archsearch.actions.export import exported_bytes
from archsearch.cli.main import run_command
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters import EXPORTERS, c_ends
from archsearch.exporters.checking_c import FLAGS, c_compiler
from archsearch.exporters.comparing_c import check_libraries
from archsearch.exporters.comparing_runnable import compare_runnable
from archsearch.exporters.converting import convert
from archsearch.exporters.over_time import OverTime
from archsearch.exporters.whole_model import WholeModel
from tests.helpers.models import book, fitted, gusts, labelled, waves

needs_compiler = pytest.mark.skipif(c_compiler() is None, reason="no C compiler")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare in this process: to load torch in another takes longer than all else."""

    def run(arguments: list[str], what: str) -> None:
        folder, count, weights = arguments[1:]
        try:
            check_libraries(folder, int(count), Path(weights))
        except SystemExit as ended:
            raise ArchsearchError(f"{ended.code}; nothing was written") from None

    monkeypatch.setattr("archsearch.exporters.checking_c.run_check", run)


@needs_compiler
def test_c_predicts_a_series_in_the_units_of_its_file(at_once: None, tmp_path: Path) -> None:
    model = fitted(f"series:{waves(tmp_path)}?target=flow", tmp_path / "model", steps=20).model
    path = archsearch.export(str(tmp_path / "model"), tmp_path / "model.c")
    subprocess.run([*(c_compiler() or []), *FLAGS, path, "-o", tmp_path / "model.so", "-lm"], check=True)
    rows = torch.tensor([[20.5, -0.3], [19.1, 1.4], [20.0, 0.2]])
    predict, state, outputs = ctypes.CDLL(str(tmp_path / "model.so")).gru_predict, torch.zeros(6), []
    for row in rows:
        output = torch.zeros(1)
        predict(*(ctypes.c_void_p(each.data_ptr()) for each in (row, state, output)))
        outputs.append(output)
    expected = model.restore(model(model.scale(rows).unsqueeze(1))[0])
    torch.testing.assert_close(
        torch.stack(outputs), torch.from_numpy(expected).float().squeeze(1), rtol=0.0, atol=1e-5
    )


@needs_compiler
def test_c_says_means_and_variances_in_the_units_of_the_file(at_once: None, tmp_path: Path) -> None:
    model = fitted(f"series:{gusts(tmp_path)}?loss=nll", tmp_path / "model", steps=20).model
    path = archsearch.export(str(tmp_path / "model"), tmp_path / "model.c")
    assert "writes GRU_OUTPUTS predictions, first their means and then their variances" in path.read_text()
    subprocess.run([*(c_compiler() or []), *FLAGS, path, "-o", tmp_path / "model.so", "-lm"], check=True)
    row, state, outputs = torch.tensor([21.0, 1.0]), torch.zeros(6), torch.zeros(4)
    predict = ctypes.CDLL(str(tmp_path / "model.so")).gru_predict
    predict(*(ctypes.c_void_p(each.data_ptr()) for each in (row, state, outputs)))
    expected = torch.from_numpy(model.restore(model(model.scale(row).reshape(1, 1, 2))[0])).float()
    torch.testing.assert_close(outputs, expected.flatten(), rtol=1e-5, atol=1e-5)
    assert (outputs[2:] > 0).all()


@needs_compiler
def test_c_that_forgets_the_least_variance_is_refused(
    at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(f"series:{gusts(tmp_path)}?target=wind&loss=nll", steps=20).model
    with torch.no_grad():
        model.network.bias[1] = -15.0
    model.save_pretrained(tmp_path / "model")
    archsearch.export(str(tmp_path / "model"), tmp_path / "model.c")
    monkeypatch.setattr(c_ends, "LEAST_VARIANCE", 1e-9)
    with pytest.raises(ArchsearchError, match="AssertionError.*nothing was written"):
        archsearch.export(str(tmp_path / "model"), tmp_path / "wrong.c")


@needs_compiler
def test_c_of_a_model_that_says_something_else_is_refused(
    at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model")
    assert (
        "void gru_predict(int symbol"
        in archsearch.export(f"{tmp_path}/model", tmp_path / "gru.c").read_text()
    )
    monkeypatch.setattr(
        c_ends, "FRAME", c_ends.FRAME.replace("sum = <NAME>_head_bias[k]", "sum = 2 * <NAME>_head_bias[k]")
    )
    with pytest.raises(ArchsearchError, match="AssertionError.*nothing was written"):
        archsearch.export(f"{tmp_path}/model/", tmp_path / "wrong.c")
    assert not (tmp_path / "wrong.c").exists()


def test_a_folder_is_a_cell_wherever_one_is_asked_for(tmp_path: Path) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", cell="mut1", steps=20)
    assert archsearch.load_cell(tmp_path / "model") == archsearch.library.load("mut1")
    written = archsearch.export(str(tmp_path / "model"), tmp_path / "mut1.svg")
    assert written.read_text().startswith("<svg")


def test_a_torch_module_gets_the_weights_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchecked = replace(EXPORTERS["python"], check=None)  # a process of its own, which has tests of its own
    monkeypatch.setitem(EXPORTERS, "python", unchecked)
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", cell="mut1", steps=20)
    archsearch.export(str(tmp_path / "model"), tmp_path / "mut1.py")
    layers = archsearch.TrainedModel.from_pretrained(tmp_path / "model").layers.to_module().state_dict()
    found = load_file(tmp_path / "mut1.safetensors")
    assert layers.keys() == found.keys() and all(torch.equal(layers[name], found[name]) for name in found)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make and compare graphs here: to load torch in other processes takes longer than all else."""

    def run(arguments: list[str], what: str, part: str = "") -> None:
        module, folder, format, *weights = arguments
        try:
            if module.endswith("converting"):
                convert(Path(folder), format)
            else:
                compare_runnable(Path(folder), format, Path(*weights))
        except AssertionError as error:
            reason = " ".join(str(error).split())
            raise ArchsearchError(f"{what} failed: {reason}; nothing was written") from None

    monkeypatch.setattr("archsearch.exporters.runnable.run_module", run)


def test_onnx_reads_symbols_and_says_logits(in_this_process: None, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = fitted(f"text:{book(tmp_path)}", tmp_path / "model", cell="lstm", steps=20).model
    path = archsearch.export(str(tmp_path / "model"), tmp_path / "lstm.onnx")
    session = runtime.InferenceSession(str(path))
    assert [each.name for each in session.get_inputs()] == ["symbols", "h", "c"]
    assert [each.name for each in session.get_outputs()] == ["outputs", "h_last", "c_last"]
    symbols = model.encode("tra la la")
    zeros = np.zeros([1, 1, 6], np.float32)
    outputs, *_ = session.run(None, {"symbols": symbols.numpy(), "h": zeros, "c": zeros})
    torch.testing.assert_close(torch.from_numpy(outputs), model(symbols)[0], rtol=0.0, atol=1e-5)


def test_pt2_predicts_a_series_in_the_units_of_its_file(in_this_process: None, tmp_path: Path) -> None:
    model = fitted(f"series:{waves(tmp_path)}?target=flow", tmp_path / "model", steps=20).model
    path = archsearch.export(str(tmp_path / "model"), tmp_path / "gru.pt2")
    rows = torch.randn(9, 4, 2) + 20
    with torch.no_grad():
        outputs, _ = torch.export.load(path).module()(rows, torch.zeros(1, 4, 6))
    expected = torch.from_numpy(model.restore(model(model.scale(rows))[0])).float()
    torch.testing.assert_close(outputs, expected, rtol=0.0, atol=1e-5)


def test_pt2_says_means_and_variances_in_the_units_of_the_file(in_this_process: None, tmp_path: Path) -> None:
    model = fitted(f"series:{gusts(tmp_path)}?loss=nll", tmp_path / "model", steps=20).model
    path = archsearch.export(str(tmp_path / "model"), tmp_path / "gru.pt2")
    rows = torch.randn(9, 4, 2) + 20
    with torch.no_grad():
        outputs, _ = torch.export.load(path).module()(rows, torch.zeros(1, 4, 6))
    expected = torch.from_numpy(model.restore(model(model.scale(rows))[0])).float()
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-5)


def test_a_graph_of_a_model_that_says_something_else_is_refused(
    in_this_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(f"series:{waves(tmp_path)}?target=flow", tmp_path / "model", steps=20)
    embedded = WholeModel._embedded
    monkeypatch.setattr(WholeModel, "_embedded", lambda self, inputs: 1.01 * embedded(self, inputs))
    with pytest.raises(ArchsearchError, match="not close.*nothing was written"):
        archsearch.export(str(tmp_path / "model"), tmp_path / "gru.pt2")
    assert not (tmp_path / "gru.pt2").exists()


def test_a_graph_that_forgets_its_states_is_refused(
    in_this_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", steps=20)
    forward = OverTime.forward
    monkeypatch.setattr(
        OverTime, "forward", lambda self, x, *states: forward(self, x, *(0 * state for state in states))
    )
    with pytest.raises(ArchsearchError, match="not close.*nothing was written"):
        archsearch.export(str(tmp_path / "model"), tmp_path / "gru.pt2")


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "pt2"])
@pytest.mark.parametrize("kind", ["text", "series", "density", "labels"])
def test_every_kind_of_model_is_written_whole_in_both_orders_of_axes(
    format: str, kind: str, in_this_process: None, tmp_path: Path
) -> None:
    if format == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    tasks = {
        "text": f"text:{book(tmp_path)}",
        "series": f"series:{waves(tmp_path)}?target=flow",
        "density": f"series:{waves(tmp_path)}?loss=nll",
        "labels": f"labels:{labelled(tmp_path)}",
    }
    fitted(tasks[kind], tmp_path / "model", cell="cifg", steps=20, layers=2)
    for batch_first in (False, True):
        name = tmp_path / f"model{batch_first}.{format}"
        assert archsearch.export(str(tmp_path / "model"), name, batch_first=batch_first) == name


@pytest.mark.slow
def test_weights_that_are_named_give_a_graph_of_the_layers(in_this_process: None, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = fitted(f"text:{book(tmp_path)}", steps=20, cell="mut1").model
    save_file(dict(model.layers.named_parameters()), tmp_path / "layers.safetensors")
    path = archsearch.export("mut1", tmp_path / "mut1.onnx", weights=tmp_path / "layers.safetensors")
    x = torch.randn(7, 2, model.layers.input_size)
    session = runtime.InferenceSession(str(path))
    output, *_ = session.run(None, {"x": x.numpy(), "h": np.zeros([1, 2, 6], np.float32)})
    torch.testing.assert_close(torch.from_numpy(output), model.layers(x)[0], rtol=0.0, atol=1e-5)


def test_standard_output_gets_what_the_file_gets(at_once: None, tmp_path: Path) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", steps=20)
    path = archsearch.export(tmp_path / "model", tmp_path / "gru.c")
    assert exported_bytes(str(tmp_path / "model"), "c") == path.read_bytes()
    with pytest.raises(InputError, match="give -o FILE.py"):
        exported_bytes(tmp_path / "model", "python")


def test_sizes_of_a_trained_model_are_its_own(tmp_path: Path) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", steps=20)
    with pytest.raises(InputError, match="the weights say what the sizes are"):
        archsearch.export(tmp_path / "model", tmp_path / "gru.c", sizes=(64, 128, 2))


def test_what_was_trained_is_not_said_to_be_untrained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", steps=20)
    monkeypatch.setattr("archsearch.exporters.checking.run_check", lambda arguments, what: None)
    assert run_command(["export", str(tmp_path / "model"), "-o", str(tmp_path / "gru.py")]) == 0
    assert f"wrote {tmp_path / 'gru.safetensors'}" in capsys.readouterr().err.replace("\n", "")
