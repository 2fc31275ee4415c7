"""The worked cases of docs/cases.md: their commands run as they stand there, on a small budget, and end in a file."""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import archsearch
from tests.helpers.documents import document
from tests.helpers.sources import ROOT

TINY = str(ROOT / "tests" / "data" / "tiny.toml")
PROGRAMS = {"archsearch": ["-m", "archsearch"], "python": []}
FEW = ["--steps", "20", "--budget", "5000", "--max-candidates", "4", "--no-filter"]
TOLD = {
    "training.batch": 10,
    "own.epoch_steps": 10,
    "own.rungs": [],
    "own.validation": 50,
    "own.min_skill": 0.001,
}
SMALL = {
    "evolve": [
        "--preset",
        TINY,
        *FEW,
        *(word for key, said in TOLD.items() for word in ("--set", f"{key}={said}")),
    ],
    "fit": ["--settings", "1", "--steps", "20"],
}
"""What is said last wins: the same commands, some seconds each, with enough of the validation part for a figure."""

PAGE = document("docs/cases.md")


def run_case(title: str, folder: Path) -> str:
    """Return what the commands of a case print, run one after the other in a folder that has the examples."""
    (folder / "examples").symlink_to(ROOT / "examples")
    section = PAGE.section(title, 2)
    assert section, f"docs/cases.md has no section {title}"
    return "".join(run(line[2:], folder) for line in section.splitlines() if line.startswith("$ "))


def run(line: str, folder: Path) -> str:
    program, command, *arguments = shlex.split(line)
    done = subprocess.run(
        [sys.executable, *PROGRAMS[program], command, *arguments, *SMALL.get(command, [])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ARCHSEARCH_RUNS": "runs"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_characters_end_in_a_model_that_writes_on(tmp_path: Path) -> None:
    printed = run_case("Characters", tmp_path)
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "python-model")
    begun = printed[printed.index("def ") :]
    assert len(begun) == len("def ") + 400 + 1
    assert set(begun) <= set(model.config.ends.alphabet)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("heartpy") is None, reason="the recording lies in the package heartpy")
def test_a_sensor_series_ends_in_a_model_in_c(tmp_path: Path) -> None:
    run_case("A sensor series", tmp_path)
    assert "_predict(" in (tmp_path / "pulse.c").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sklearn") is None, reason="the digits lie in the package scikit-learn")
def test_labels_end_in_a_model_that_names_digits(tmp_path: Path) -> None:
    run_case("Labels", tmp_path)
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "digits-model")
    assert model.config.ends.classes == tuple("0123456789")


@pytest.mark.slow
def test_a_memory_task_ends_in_a_cell_that_stands_alone(tmp_path: Path) -> None:
    run_case("A memory task", tmp_path)
    assert "import archsearch" not in (tmp_path / "registers.py").read_text("utf-8")
