"""Exported C compiles without a warning, computes what the layer computes, and carries no code from names."""

import ctypes
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from archsearch import export
from archsearch.cell import Cell, library
from archsearch.cli.main import run_command
from archsearch.compiler import Recurrent
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters import SizedModel
from archsearch.exporters.c import to_c
from archsearch.exporters.checking_c import FLAGS, NotChecked, build_libraries, c_compiler, check_all_c
from archsearch.exporters.comparing_c import check_libraries, compare_c
from archsearch.exporters.tidy import tidy
from tests.exporters.cells import CORNERS, SCORES, corner, mutant, renamed

needs_compiler = pytest.mark.skipif(c_compiler() is None, reason="no C compiler is here")
EXAMPLE = Path(__file__).parents[2] / "examples" / "cell_in_c.c"
MOVED = Cell.parse("cell moved(x, h, c, d):\n    h' = tanh(linear(x) + linear(d))\n    c' = h\n    d' = c\n")


def checked(folder: Path, cells: list[Cell]) -> None:
    """As `check_all_c`, in this process, where torch is loaded already."""
    build_libraries(str(folder), [(cell, to_c(cell, SCORES)) for cell in cells], trained=False)
    for index, cell in enumerate(cells):
        compare_c(str(folder), index, tidy(cell).cell, None)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare in this process, where torch is loaded already."""

    def run(arguments: list[str], what: str) -> None:
        folder, count, *weights = arguments[1:]
        try:
            check_libraries(folder, int(count), Path(weights[0]) if weights else None)
        except SystemExit as ended:
            raise ArchsearchError(f"{ended.code}; nothing was written") from None

    monkeypatch.setattr("archsearch.exporters.checking_c.run_check", run)


@needs_compiler
def test_c_equals_the_layers(tmp_path: Path) -> None:
    checked(tmp_path, [library.load("gru_x"), MOVED, mutant(3, "lstm")])


@needs_compiler
@pytest.mark.slow
def test_c_of_all_library_cells_mutants_and_unusual_cells_equals_the_layers(tmp_path: Path) -> None:
    published = [library.load(name) for name in library.names()]
    mutants = [mutant(seed, parent) for seed in range(2) for parent in ("gru", "lstm")]
    checked(tmp_path, [*published, *map(corner, CORNERS), *mutants])


@needs_compiler
@pytest.mark.parametrize(
    ("change", "reason"),
    [(("(tanh)(a)", "(sin)(a)"), "AssertionError"), (("int i;", "int i, unused;"), "does not compile")],
    ids=["other values", "a warning"],
)
def test_c_that_is_not_the_cell_is_refused(at_once: None, change: tuple[str, str], reason: str) -> None:
    source = to_c(library.load("tanh_rnn"))
    assert change[0] in source
    with pytest.raises(ArchsearchError, match="nothing was written") as caught:
        check_all_c([(library.load("tanh_rnn"), source.replace(*change))])
    assert reason in str(caught.value)


@needs_compiler
@pytest.mark.slow
def test_the_check_runs_in_a_process_of_its_own() -> None:
    wrong = to_c(library.load("tanh_rnn")).replace("(tanh)(a)", "(sin)(a)")
    with pytest.raises(ArchsearchError, match="the C failed its check: tanh_rnn: AssertionError"):
        check_all_c([(library.load("tanh_rnn"), wrong)])


@needs_compiler
def test_trained_weights_stand_in_the_file_and_the_layer_comes_out(at_once: None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = Recurrent("lstm", 3, 4, 2)
    save_file(layer.state_dict(), tmp_path / "model.safetensors")
    path = export("lstm", tmp_path / "lstm.c", weights=tmp_path / "model.safetensors")
    subprocess.run([*(c_compiler() or []), *FLAGS, path, "-o", tmp_path / "lstm.so", "-lm"], check=True)
    step, state = ctypes.CDLL(str(tmp_path / "lstm.so")).lstm_step, torch.zeros(2, 2, 4)
    x = torch.randn(5, 3)
    for row in x:
        step(ctypes.c_void_p(row.data_ptr()), ctypes.c_void_p(state.data_ptr()))
    output, (h, c) = layer(x)
    torch.testing.assert_close(state, torch.stack([h, c]), rtol=0.0, atol=1e-6)
    torch.testing.assert_close(state[0, 1], output[-1], rtol=0.0, atol=1e-6)


@needs_compiler
def test_the_example_in_c_gives_the_outputs_of_the_layer(at_once: None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer, x = Recurrent("gru", 3, 4, 2), torch.randn(5, 3)
    save_file(layer.state_dict(), tmp_path / "model.safetensors")
    export("gru", tmp_path / "gru.c", weights=tmp_path / "model.safetensors")
    flags = [*FLAGS[:5], f"-I{tmp_path}", EXAMPLE, "-o", tmp_path / "cell", "-lm"]
    subprocess.run([*(c_compiler() or []), *flags], check=True)
    done = subprocess.run([tmp_path / "cell"], input=x.numpy().tobytes(), capture_output=True, check=True)
    outputs = torch.frombuffer(bytearray(done.stdout), dtype=torch.float32).reshape(5, 4)
    torch.testing.assert_close(outputs, layer(x)[0], rtol=0.0, atol=1e-6)


def test_a_layer_that_reads_backwards_and_weights_that_are_not_finite_are_no_c() -> None:
    with pytest.raises(InputError, match="no single steps"):
        to_c(library.load("gru"), None, SizedModel(bidirectional=True))
    weights = {"layers.0.W_h_x": torch.full((2, 2), torch.nan).numpy()}
    with pytest.raises(InputError, match="not finite"):
        to_c(library.load("tanh_rnn"), None, SizedModel(2, 2, weights=weights))


@needs_compiler
def test_hostile_names_and_notes_stay_names_and_notes(tmp_path: Path) -> None:
    hostile = ["*/ int main(void) { return 1; } /*", "<STEP>", "??/", "int", "sigmoid"]
    cell = renamed(library.load("gru"), hostile, "while", tuple(hostile))
    source = tmp_path / "cell.c"
    source.write_text(to_c(cell, SCORES), encoding="utf-8")
    subprocess.run([*(c_compiler() or []), *FLAGS, "-fsyntax-only", source], check=True)


def test_without_a_compiler_the_file_is_written_and_the_person_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.warns(NotChecked, match="no C compiler"):
        export("gru", tmp_path / "gru.c")
    arguments = ["export", "gru", "-o", str(tmp_path / "sized.c"), "--hidden-size", "7"]
    assert run_command(arguments) == 0
    assert "the C was not checked" in capsys.readouterr().err
    assert "#define GRU_HIDDEN_SIZE 7" in (tmp_path / "sized.c").read_text()
    assert sorted(os.listdir(tmp_path)) == ["gru.c", "sized.c"]


def test_sizes_are_for_formats_that_have_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sizes go with --format c\|onnx\|pt2; svg fits every size"):
        export("gru", tmp_path / "gru.svg", sizes=(3, 4))
    assert not os.listdir(tmp_path)
