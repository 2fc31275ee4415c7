"""ONNX and pt2 give what the layer gives at any length and batch, say what they are, and are refused where they differ."""

import functools
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file

from archsearch import export
from archsearch.cell import Cell, library
from archsearch.cli.main import run_command
from archsearch.compiler import Recurrent
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters import SizedModel
from archsearch.exporters.comparing_runnable import compare_runnable
from archsearch.exporters.converting import convert
from archsearch.exporters.job import GRAPHS, write_job
from archsearch.exporters.onnx_graph import runner as onnx_runner
from archsearch.exporters.pt2_graph import runner as pt2_runner
from archsearch.exporters.runnable import check_runnable
from archsearch.exporters.weights import model_of_file
from tests.exporters.cells import CORNERS, SCORES, corner, mutant, renamed

RUNNERS = {"onnx": onnx_runner, "pt2": pt2_runner}
SMALL = SizedModel(5, 8)
PARTS = [(kind, part) for kind in ("library", "mutants") for part in range(2)] + [("corners", 0)]


def cells_of(kind: str, part: int) -> list[Cell]:
    """Return a half of the library or of thirty mutants, or all unusual cells."""
    if kind == "corners":
        return list(map(corner, CORNERS))
    if kind == "library":
        return [library.load(name) for name in library.names()[part::2]]
    return [mutant(seed, ("gru", "lstm")[part]) for seed in range(15)]


def layer_of(seed: int) -> Recurrent:
    """Return a layer that stands for a trained one."""
    torch.manual_seed(seed)
    return Recurrent("gru", 3, 4, 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the GRU of two layers in both formats, its weights and others, made in this process."""
    folder = tmp_path_factory.mktemp("graphs")
    for seed, name in enumerate(["model", "other"]):
        save_file(layer_of(seed).state_dict(), folder / f"{name}.safetensors")
    gru = library.load("gru")
    write_job(folder, gru, SCORES, model_of_file(gru, folder / "model.safetensors"))
    for format in GRAPHS:
        convert(folder, format)
    return folder


@pytest.mark.parametrize("format", GRAPHS)
def test_a_graph_goes_on_from_states_as_the_layer_does(format: str, made: Path) -> None:
    run, layer = RUNNERS[format](made / f"exported.{format}"), layer_of(0)
    x, state = torch.randn(11, 2, 3), torch.randn(2, 2, 4)
    expected, last = layer(x, state)
    first, between = run([x[:6], state])
    second, final = run([x[6:], between])
    torch.testing.assert_close(torch.cat([first, second]), expected, rtol=0.0, atol=1e-6)
    torch.testing.assert_close(final, last, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("format", GRAPHS)
def test_a_graph_is_the_layer_of_its_weights_and_no_other(format: str, made: Path) -> None:
    compare_runnable(made, format, made / "model.safetensors")
    with pytest.raises(AssertionError, match="not close"):
        compare_runnable(made, format, made / "other.safetensors")


def test_values_of_onnx_have_the_names_of_the_cell(made: Path) -> None:
    model = onnx.load(made / "exported.onnx")
    assert [each.name for each in [*model.graph.input, *model.graph.output]] == ["x", "h", "output", "h_last"]
    axes = model.graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == ["time", "batch", 3]
    bodies = [each.g for node in model.graph.node for each in node.attribute if each.name == "body"]
    for level, body in enumerate(bodies):
        names = [name for node in body.node for name in node.output]
        assert {f"layers.{level}.{line}" for line in ("r", "z", "n", "h_next")} <= set(names)
    assert {"layers.0.W_r_x", "layers.1.W_n_rh"} <= {each.name for each in model.graph.initializer}


def test_graphs_say_what_they_are_and_not_where_they_were_made(made: Path) -> None:
    with zipfile.ZipFile(made / "exported.pt2") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    (about,) = [part.decode() for name, part in parts.items() if name.endswith("about.txt")]
    for text in (about, onnx.load(made / "exported.onnx").doc_string):
        assert "h' = " in text and "quick-1" in text and library.load("gru").id in text
    for content in ((made / "exported.onnx").read_bytes(), *parts.values()):
        assert str(made).encode() not in content and str(Path(sys.prefix)).encode() not in content


def test_a_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"--format onnx needs onnx, .*: pip install archsearch\[onnx\]"):
        export("gru", tmp_path / "gru.onnx")
    assert not list(tmp_path.iterdir())


def test_bytes_are_kept_from_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run_command(["export", "gru", "--format", "onnx", "-o", "-"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "onnx is no text for a terminal; give -o FILE.onnx" in shown.err


def test_the_order_of_axes_is_for_formats_with_sequences(tmp_path: Path) -> None:
    for ending, message in (("c", "C takes single steps"), ("svg", r"sizes go with --format c\|onnx\|pt2")):
        with pytest.raises(InputError, match=message):
            export("gru", tmp_path / f"gru.{ending}", batch_first=True)
    save_file(layer_of(0).state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="the exported class takes batch_first itself"):
        export("gru", tmp_path / "gru.py", weights=tmp_path / "model.safetensors", batch_first=True)


# -- slow: every cell, every kind of layer, the commands ----------------------------------------------------------------


@pytest.fixture
def one_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let torch look its ONNX functions up once, instead of for every graph, which takes half the time."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    looked_up = functools.cache(ONNXRegistry.from_torchlib)
    monkeypatch.setattr(ONNXRegistry, "from_torchlib", staticmethod(looked_up))
    yield


def check(folder: Path, cell: Cell, model: SizedModel) -> None:
    """Make both graphs of a cell and compare them, in this process."""
    folder.mkdir()
    write_job(folder, cell, SCORES, model)
    for format in GRAPHS:
        convert(folder, format)
        compare_runnable(folder, format, None)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_graphs_of_all_library_cells_mutants_and_unusual_cells_equal_the_layers(
    kind: str, part: int, one_registry: None, tmp_path: Path
) -> None:
    for place, cell in enumerate(cells_of(kind, part)):
        check(tmp_path / f"{place}", cell, SMALL)


@pytest.mark.slow
def test_graphs_of_layers_that_read_both_ways_or_batch_first_equal_them(
    one_registry: None, tmp_path: Path
) -> None:
    hostile = renamed(library.load("lstm"), ["output", "select", "x_last"], "output", ("</script>\x1b[31m",))
    models = [SizedModel(3, 4, 2, bidirectional=True, batch_first=True), SizedModel(3, 4, 2, bias=False)]
    for place, model in enumerate(models):
        check(tmp_path / f"model{place}", hostile, model)


@pytest.mark.slow
@pytest.mark.parametrize("format", GRAPHS)
def test_a_graph_is_made_and_checked_in_processes_of_their_own(format: str, tmp_path: Path) -> None:
    save_file(layer_of(0).state_dict(), tmp_path / "model.safetensors")
    path = tmp_path / f"gru.{format}"
    assert (
        run_command(["export", "gru", "-o", str(path), "--weights", str(tmp_path / "model.safetensors")]) == 0
    )
    expected, last = layer_of(0)(x := torch.randn(5, 1, 3))
    output, final = RUNNERS[format](path)([x, torch.zeros(2, 1, 4)])
    torch.testing.assert_close(output, expected, rtol=0.0, atol=1e-6)
    torch.testing.assert_close(final, last, rtol=0.0, atol=1e-6)
    model = model_of_file(library.load("gru"), tmp_path / "model.safetensors")
    save_file(layer_of(1).state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(ArchsearchError, match=f"the check of the {format} file failed: AssertionError"):
        check_runnable(format)(library.load("gru"), path.read_bytes(), model, tmp_path / "other.safetensors")
