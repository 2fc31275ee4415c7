"""A module with compiled kernels gives what the cell gives; without them it is plain torch."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

import archsearch
from archsearch.cell import Cell, library
from archsearch.cli.main import run_command
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters.checking_c import NotChecked
from archsearch.exporters.checking_kernels import build_kernels, check_kernels
from archsearch.exporters.comparing import compare
from archsearch.exporters.kernels import beside, build_line, to_kernels, with_kernels
from tests.exporters.cells import CORNERS, SCORES, corner, mutant

needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")


def written(cell: Cell, folder: Path, text: str = "") -> Path:
    """Return the module of a cell in a folder, with its kernels, or others, built beside it."""
    path = folder / f"{cell.name}.py"
    path.write_text(with_kernels(cell, SCORES), encoding="utf-8")
    beside(path, ".cpp").write_text(text or to_kernels(cell), encoding="utf-8")
    assert build_kernels(path)
    return path


def imported(path: Path) -> ModuleType:
    """Return the module of a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # torch.jit looks sources up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The LSTM with its kernels."""
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler")
    return imported(written(library.load("lstm").renamed("lstm_fast"), tmp_path_factory.mktemp("kernels")))


def test_values_and_gradients_are_those_of_the_cell(lstm: ModuleType) -> None:
    assert lstm.KERNELS is not None
    compare(lstm, library.load("lstm").renamed("lstm_fast"))


@needs_compiler
def test_kernels_that_compute_something_else_are_seen(tmp_path: Path) -> None:
    mut1 = library.load("mut1")
    text = to_kernels(mut1)
    wrong = text.replace("p = p * q - 3.33332819422e-1f;", "p = p * q - 3.4e-1f;")
    assert wrong != text
    with pytest.raises(AssertionError, match="not close"):
        compare(imported(written(mut1, tmp_path, wrong)), mut1)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_and_both_directions_are_as_in_plain_torch(
    lstm: ModuleType, bidirectional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = lstm.LstmFast(3, 8, 2, bidirectional=bidirectional)
    for given in (torch.randn(5, 2, 3), pack_sequence([torch.randn(n, 3) for n in (5, 5, 2)])):
        fast = layer(given)[0]
        with monkeypatch.context() as plain:
            plain.setattr(lstm, "KERNELS", None)
            slow = layer(given)[0]
        if isinstance(given, torch.Tensor):
            assert not torch.equal(fast, slow)  # other code has made it
            torch.testing.assert_close(fast, slow, rtol=0.0, atol=1e-5)
        else:
            torch.testing.assert_close(fast.data, slow.data, rtol=0.0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_a_gradient_can_be_asked_for_again_and_scripts_run_in_plain_torch(lstm: ModuleType) -> None:
    layer, x = lstm.LstmFast(3, 8), torch.randn(6, 2, 3, requires_grad=True)
    total = layer(x)[0].square().sum()
    first = torch.autograd.grad(total, x, retain_graph=True)
    assert torch.equal(*first, *torch.autograd.grad(total, x))
    scripted = torch.jit.script(layer)
    torch.testing.assert_close(scripted(x)[0], layer(x)[0], rtol=0.0, atol=1e-5)


@needs_compiler
def test_a_library_of_another_source_is_not_used(tmp_path: Path) -> None:
    path = written(library.load("indrnn"), tmp_path)
    assert imported(path).KERNELS is not None
    path.write_text(with_kernels(library.load("mingru")), encoding="utf-8")
    assert imported(path).KERNELS is None
    other = tmp_path / "other.py"
    other.write_text(path.read_text())
    beside(other, ".so").write_bytes(b"no library")
    module = imported(other)
    assert module.KERNELS is None and module.self_check().startswith("ok")


def test_without_a_compiler_it_says_that_the_kernels_were_not_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("archsearch.exporters.checking_kernels.run_check", lambda arguments, what: None)
    cell = library.load("indrnn")
    with pytest.warns(NotChecked, match=r"no C\+\+ compiler c\+\+ or \$CXX is here"):
        check_kernels(cell, with_kernels(cell))
    with pytest.raises(ArchsearchError, match="imports os"):
        check_kernels(cell, "import os\n" + with_kernels(cell))


def test_the_command_writes_both_files_and_says_how_to_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("archsearch.exporters.checking_kernels.run_check", lambda arguments, what: None)
    path = tmp_path / "gru.py"
    assert run_command(["export", "gru", "-o", str(path), "--kernels"]) == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["gru.py", "gru_kernels.cpp"]
    shown = " ".join(capsys.readouterr().err.split())
    assert "were not checked" in shown and "gru_kernels.cpp -o gru_kernels.so" in shown
    assert build_line(path).split()[0] == "c++"
    path.unlink()
    with pytest.raises(InputError, match=r"gru_kernels\.cpp exists; --force overwrites it"):
        archsearch.export("gru", path, kernels=True)
    assert not path.exists()


def test_kernels_go_with_python_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="compiled kernels go with --format python, not svg"):
        archsearch.export("gru", tmp_path / "gru.svg", kernels=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["KERNELS", "sequence", "arguments", "path", "ctypes"])
def test_a_cell_may_be_called_as_things_of_the_module_are(name: str) -> None:
    cell = library.load("indrnn").renamed(name)
    module = ModuleType(name)
    exec(compile(with_kernels(cell), name, "exec"), vars(module))
    assert module.self_check().startswith("ok") and module.KERNELS is None


@needs_compiler
@pytest.mark.slow
def test_a_part_of_the_library_of_mutants_and_of_unusual_cells_have_kernels(tmp_path: Path) -> None:
    cells = [library.load(name) for name in library.names()] + [corner(name) for name in CORNERS]
    cells += [mutant(seed, parent) for seed in range(15) for parent in ("gru", "lstm")]
    for place, each in enumerate(cells[::8]):
        cell = each.renamed(f"cell_{place}")
        module = imported(written(cell, tmp_path))
        assert module.KERNELS is not None
        compare(module, cell)
