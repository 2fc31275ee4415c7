"""Every program in examples/ runs as it stands, with a small budget, and ends in what it promises."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import archsearch
from tests.helpers.commands import TINY as COMMAND_TINY
from tests.helpers.sources import ROOT

EXAMPLES = ROOT / "examples"
TINY = str(ROOT / "tests" / "data" / "tiny.toml")


LIGHTNING = """
from torch.nn import Module

class LightningModule(Module):
    def log(self, name, value, prog_bar=False):
        pass

class Trainer:
    def __init__(self, max_steps, gradient_clip_val, accelerator):
        self.steps = max_steps

    def fit(self, model, data):
        optimizer = model.configure_optimizers()
        for index, batch in zip(range(self.steps), data):
            optimizer.zero_grad()
            model.training_step(batch, index).backward()
            optimizer.step()
"""
"""What the example takes from Lightning, as far as it does: the package itself is none of ours."""


def run(name: str, folder: Path, *arguments: str) -> str:
    """Return what an example prints, run in a folder as a person would run it; modules that lie there may be imported."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_text_is_searched_and_the_best_cell_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "song.txt").write_text("tra la la, said the lark to the larch\n" * 60, encoding="utf-8")
    printed = run("search_own_text.py", tmp_path, "song.txt", "--candidates", "4", "--preset", TINY)
    assert "published" in printed
    assert "luck" in printed
    assert "import archsearch" not in (tmp_path / "best.py").read_text(encoding="utf-8")


def test_a_mutation_is_added_and_makes_a_child(tmp_path: Path) -> None:
    assert "# swap_operands at " in run("add_a_mutation.py", tmp_path)


@pytest.mark.slow
def test_two_cells_are_compared_beside_the_gru(tmp_path: Path) -> None:
    printed = run("compare_two_cells.py", tmp_path, "mut1", "mgu", "--preset", "quick", "--settings", "2")
    assert [line.split()[0] for line in printed.splitlines()[1:]] == ["mut1", "mgu"]


def test_a_cell_learns_in_a_loop_of_ones_own(tmp_path: Path) -> None:
    errors = [
        float(line.split()[-1])
        for line in run("training_loop.py", tmp_path, "mgu", "--steps", "100").splitlines()
    ]
    assert errors[-1] < errors[0] / 4


def test_a_cell_learns_in_lightning_which_a_stub_stands_for(tmp_path: Path) -> None:
    (tmp_path / "lightning.py").write_text(LIGHTNING, encoding="utf-8")
    error = float(run("lightning_module.py", tmp_path, "mgu", "--max-steps", "60").split()[-1])
    assert error < 0.5 / 4  # a sine's variance is 0.5


@pytest.mark.slow
def test_onnx_runtime_takes_an_exported_cell_at_once_and_step_by_step(tmp_path: Path) -> None:
    archsearch.export("lstm", tmp_path / "lstm.onnx", sizes=(3, 8, 2))
    printed = run("onnx_runtime.py", tmp_path, "lstm.onnx", "--steps", "20")
    assert printed.startswith("20 steps of 3 inputs, 8 outputs each")
    assert float(printed.split(" are ")[1].split()[0]) < 1e-6


def test_pythons_own_source_is_written_as_a_text(tmp_path: Path) -> None:
    assert run("case_characters.py", tmp_path, "python.txt").startswith("python.txt: ")
    assert "def " in (tmp_path / "python.txt").read_text("ascii")


@pytest.mark.skipif(find_spec("heartpy") is None, reason="the recording lies in the package heartpy")
def test_a_pulse_is_written_as_a_table(tmp_path: Path) -> None:
    assert run("case_series.py", tmp_path, "pulse.csv") == "pulse.csv: 15,000 rows of timer,hr\n"


@pytest.mark.skipif(find_spec("sklearn") is None, reason="the digits lie in the package scikit-learn")
def test_digits_are_written_as_labelled_sequences(tmp_path: Path) -> None:
    printed = run("case_labels.py", tmp_path, "digits.npz")
    assert printed == "digits.npz: 1,797 sequences of 8 steps and 8 channels\n"


def test_registers_answer_with_what_was_written_last(tmp_path: Path) -> None:
    steps, answers = run("case_memory.py", tmp_path).splitlines()
    held = dict.fromkeys("abcd", "0")
    for place in range(0, len(steps), 4):
        register, what, value = steps[place : place + 3].ljust(3)
        if what == "=":
            held[register] = value
        assert answers[place : place + 4].strip() == (held[register] if what == "?" else "")


@pytest.mark.slow
def test_the_script_for_slurm_searches_with_the_seed_of_its_index(tmp_path: Path) -> None:
    programs = Path(sys.executable).parent
    for index in ("1", "2"):
        there = {"SLURM_ARRAY_TASK_ID": index, "SLURM_CPUS_PER_TASK": "1", "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [
                "bash",
                str(EXAMPLES / "slurm_array.sh"),
                "--preset",
                str(COMMAND_TINY),
                "--max-candidates",
                "4",
            ],
            cwd=tmp_path,
            env={**os.environ, **there, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            check=True,
            timeout=240,
        )
    assert archsearch.open_run("seed-2", tmp_path / "runs").as_document()["seed"] == 2


@pytest.mark.slow
def test_a_model_of_characters_writes_on(tmp_path: Path) -> None:
    (tmp_path / "song.txt").write_text("tra la la, said the lark to the larch\n" * 60, encoding="utf-8")
    archsearch.fit("mgu", f"text:{tmp_path / 'song.txt'}", tmp_path / "model", units=16, steps=20, settings=1)
    assert len(run("sample_model.py", tmp_path, "model", "tra ", "--characters", "9")) == 4 + 9 + 1


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_every_example_is_named_in_a_document_and_run_by_a_test(name: str) -> None:
    assert f"examples/{name}" in (ROOT / "docs/python.md").read_text(encoding="utf-8")
    assert f'run("{name}"' in Path(__file__).read_text(encoding="utf-8")
