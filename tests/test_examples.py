"""Every program in examples/ runs as it stands, with a small budget, and ends in what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.sources import ROOT

EXAMPLES = ROOT / "examples"
TINY = str(ROOT / "tests" / "data" / "tiny.toml")


def run(name: str, folder: Path, *arguments: str) -> str:
    """Return what an example prints, run in a folder as a person would run it."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_every_example_is_named_in_a_document_and_run_by_a_test(name: str) -> None:
    assert f"examples/{name}" in (ROOT / "docs/python.md").read_text(encoding="utf-8")
    assert f'run("{name}"' in Path(__file__).read_text(encoding="utf-8")
