"""Cells for pararnn take the layer's steps, say their Jacobians where these are diagonal, and are solved in parallel."""

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import archsearch
from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters import EXPORTERS
from archsearch.exporters.checking import IMPORTS, check_pararnn, imported
from archsearch.exporters.comparing import check_folder
from archsearch.exporters.comparing_pararnn import agree, compare_pararnn
from archsearch.exporters.derivative import SLOPES
from archsearch.exporters.module_names import class_name
from archsearch.exporters.pararnn import to_pararnn
from archsearch.exporters.tidy import tidy
from tests.exporters.cells import CORNERS, SCORES, corner, mutant

BLOCKS = """cell blocks(x, h, c):
    f = sigmoid(linear(x) + scale(h)) * sqrt(2 + sin(h) * cos(h))
    c' = f * c + max(c, -1) * leaky_relu(c - x)
    h' = silu(c') / f + softplus(h * (1 - f)) - exp(-1 * relu(h))
"""
REFUSED = {"fgr", "lstm_1997", "mc_lstm", "qrnn", "rwkv4", "scrn"}


def module_of(cell: Cell, source: str) -> ModuleType:
    """Return the module of a source that was made here."""
    module = ModuleType(cell.name)
    exec(compile(source, cell.name, "exec"), vars(module))
    return module


def made(cell: Cell, **sizes: Any) -> Any:
    """Return the exported class of a cell in float64."""
    module = module_of(cell, to_pararnn(cell))
    torch.manual_seed(0)
    return getattr(module, class_name(tidy(cell)))(5, 8, dtype=torch.float64, **sizes)


@pytest.mark.parametrize("name", [*sorted({"indrnn", "mingru", "lstm", "gru_x"}), "blocks"])
def test_a_step_and_its_jacobian_are_those_of_the_layer(name: str) -> None:
    cell = Cell.parse(BLOCKS) if name == "blocks" else library.load(name)
    compare_pararnn(module_of(cell, to_pararnn(cell, SCORES)), cell)


def test_units_by_themselves_say_their_jacobian_and_others_leave_it_to_the_package() -> None:
    forms = {name: made(library.load(name)) for name in ("indrnn", "mingru", "gru", "lstm")}
    assert [cell.jac_structure for cell in forms.values()] == ["diag", "diag", "dense", "dense"]
    assert [hasattr(cell, "step_with_jacobian") for cell in forms.values()] == [True, True, False, False]
    blocks = made(Cell.parse(BLOCKS))
    _, jacobian = blocks.step_with_jacobian(torch.zeros(3, 2, 8).double(), torch.zeros(3, 5).double())
    assert (blocks.jac_structure, blocks.state_slots, tuple(jacobian.shape)) == ("block2", 2, (3, 2, 2, 8))


@pytest.mark.parametrize("function", SLOPES)
def test_a_wrong_derivative_is_seen(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SLOPES, function, f"0.9 * ({SLOPES[function]})")
    cell = Cell.parse(BLOCKS)
    with pytest.raises(AssertionError, match="not close"):
        compare_pararnn(module_of(cell, to_pararnn(cell)), cell)


def test_a_module_that_steps_otherwise_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(
        arguments: list[str], what: str
    ) -> None:  # to load torch in a process takes longer than all else
        try:
            check_folder(arguments[1], int(arguments[2]), compare_pararnn)
        except SystemExit as ended:
            raise ArchsearchError(f"{ended.code}; nothing was written") from None
        finally:
            sys.path.remove(arguments[1])
            del sys.modules["exported0"]

    monkeypatch.setattr("archsearch.exporters.checking.run_check", at_once)
    indrnn = library.load("indrnn")
    source = to_pararnn(indrnn)
    check_pararnn(indrnn, source)
    with pytest.raises(ArchsearchError, match="indrnn: AssertionError.*nothing was written"):
        check_pararnn(indrnn, source.replace("self.p_h_h * h", "self.p_h_h * h * 2"))
    with pytest.raises(ArchsearchError, match="imports os"):
        check_pararnn(indrnn, "import os\n" + source)


@pytest.mark.parametrize("name", library.names())
def test_every_library_cell_is_written_or_refused_with_a_reason(name: str) -> None:
    cell = library.load(name)
    if name in REFUSED:
        with pytest.raises(InputError, match="takes cells of 1, 2 or 4 states|gradients of its state back"):
            to_pararnn(cell)
        return
    source = to_pararnn(cell, SCORES)
    assert imported(source) <= IMPORTS
    assert max(len(line) for line in source.splitlines()) <= 120
    text = ast.get_docstring(ast.parse(source)) or ""
    assert "quick-1" in text and cell.id in text and cell.text().splitlines()[-1].strip() in text


def test_weights_go_beside_it_under_the_names_that_paranns_layers_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.exporters.checking.run_check", lambda arguments, what: None)
    layer = Recurrent("mingru", 5, 8, 2)
    save_file(layer.state_dict(), tmp_path / "model.safetensors")
    options: dict[str, Any] = {"format": "pararnn", "weights": tmp_path / "model.safetensors"}
    archsearch.export("mingru", tmp_path / "cell.py", **options)
    weights = load_file(tmp_path / "cell.safetensors")
    stack = torch.nn.ModuleList([made(library.load("mingru")), made(library.load("mingru"))])
    stack[1] = type(stack[0])(8, 8)
    torch.nn.ModuleDict({"layers": stack}).load_state_dict(weights)
    save_file(Recurrent("mingru", 8, 8, bidirectional=True).state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="reads both ways"):
        archsearch.export("mingru", tmp_path / "other.py", **options)
    assert not (tmp_path / "other.py").exists()


def test_a_python_file_is_a_layer_unless_pararnn_is_asked_for(tmp_path: Path) -> None:
    assert archsearch.actions.export.format_of(tmp_path / "cell.py") == "python"
    assert "pararnn" not in EXPORTERS["python"].render(library.load("indrnn"), None)


def test_pararnn_goes_forward_in_parallel_as_step_by_step() -> None:
    pararnn = pytest.importorskip("pararnn", reason="pararnn-torch is not installed")
    for cell in (library.load("indrnn"), library.load("mingru"), library.load("gru"), Cell.parse(BLOCKS)):
        single = made(cell).float()
        x = torch.randn(2, 32, 5)
        report = pararnn.verify_agreement(single, x, config=pararnn.NewtonConfig(max_iters=32))
        assert report.ok, f"{cell.name}: {report}"
        model = pararnn.ParaRNN(single, num_layers=2)
        assert model(x).shape == model.eval()(x).shape == (2, 32, 8)


def test_where_pararnn_disagrees_its_error_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify_agreement(*_: object, **__: object) -> None:
        raise RuntimeError("parallel vs sequential")

    fake = ModuleType("pararnn")
    vars(fake).update(NewtonConfig=dict, verify_agreement=verify_agreement)
    monkeypatch.setitem(sys.modules, "pararnn", fake)
    with pytest.raises(RuntimeError, match="parallel vs sequential"):
        agree(made(library.load("indrnn")), 5)


@pytest.mark.slow
def test_the_library_mutants_and_unusual_cells_equal_their_layers(tmp_path: Path) -> None:
    cells = [library.load(name) for name in library.names() if name not in REFUSED]
    cells += [corner(name) for name in CORNERS if "stop(" not in CORNERS[name]]
    cells += [mutant(seed, parent, 3) for seed in range(15) for parent in ("indrnn", "mingru", "lstm")]
    for index, cell in enumerate(cells):
        (tmp_path / f"exported{index}.py").write_text(to_pararnn(cell))
        (tmp_path / f"exported{index}.cell").write_text(tidy(cell).cell.text())
    check_folder(str(tmp_path), len(cells), compare_pararnn)
