"""Exported Python stands alone, computes what the cell computes, and carries no code from names."""

import ast
import keyword
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.cell import Cell, library
from archsearch.errors import ArchsearchError
from archsearch.exporters import Scores, TaskScore
from archsearch.exporters.checking import IMPORTS, check_all, check_python, imported
from archsearch.exporters.module_source import docstring
from archsearch.exporters.python import to_python
from tests.exporters.cells import CORNERS, SCORES, corner, mutant, renamed

SOME = ("gru", "lstm", "mut1", "fgr", "lstm_1997", "gru_reset_after", "indrnn", "nas_zoph")
FRAME_NODES = {
    type(node)
    for name in ("gru", "lstm", "mut1")
    for node in ast.walk(ast.parse(to_python(library.load(name))))
}
NODES = FRAME_NODES | {ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.Pass}


def checked(cells: list[Cell]) -> None:
    check_all([(cell, to_python(cell, SCORES)) for cell in cells])


def shape(tree: ast.AST) -> str:
    """Return a module's tree without the words of its docstring."""
    assert isinstance(tree, ast.Module)
    return ast.dump(ast.Module(tree.body[1:], []))


@pytest.mark.parametrize("name", library.names())
def test_an_export_imports_only_torch_and_fits_the_page(name: str) -> None:
    source = to_python(library.load(name), SCORES)
    assert imported(source) <= IMPORTS
    assert max(len(line) for line in source.splitlines()) <= 120
    assert all(line in source for line in library.load(name).renamed(name, ()).text().splitlines())


def test_exports_equal_their_cells() -> None:
    checked([library.load(name) for name in SOME])


def test_exports_of_unusual_cells_and_mutants_equal_their_cells() -> None:
    checked([corner(name) for name in CORNERS] + [mutant(seed, "lstm") for seed in range(6)])


def test_an_exported_scale_starts_where_the_cell_says() -> None:
    made: dict[str, Any] = {}
    exec(to_python(corner("scales that start at numbers")), made)
    vectors = [vector for name, vector in made["Corner"](3, 4).named_parameters() if "p_" in name]
    assert sorted(vector.mean().item() for vector in vectors) == pytest.approx([0.1, 0.5, 1])
    assert all((vector == vector[0]).all() for vector in vectors)


@pytest.mark.slow
def test_all_library_cells_and_many_mutants_equal_their_exports() -> None:
    mutants = [mutant(seed, parent) for seed in range(30) for parent in ("gru", "lstm", "mut1")]
    checked([library.load(name) for name in library.names()] + mutants)


def test_an_export_runs_where_archsearch_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "cell.py"
    path.write_text(to_python(library.load("lstm"), SCORES), encoding="utf-8")
    blocked = f"import sys, runpy; sys.modules['archsearch'] = None; runpy.run_path({str(path)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-c", blocked], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok Lstm: ") and done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("torch.tanh", "torch.sigmoid"), "AssertionError: Tensor-likes are not close"),
        (("import torch\n", "import torch\nimport os\n"), "imports os"),
        (("from torch import", "from .torch import"), "imports .torch"),
        (("outputs.append(current[0])", "outputs.append(current)"), "TypeError"),
        (("sequence.unbind(0)", "sequence[:1].unbind(0)"), "AssertionError"),
    ],
)
def test_an_export_that_is_not_the_cell_is_refused(change: tuple[str, str], reason: str) -> None:
    source = to_python(library.load("gru"))
    assert change[0] in source
    with pytest.raises(ArchsearchError, match="nothing was written") as caught:
        check_python(library.load("gru"), source.replace(*change))
    assert reason in str(caught.value)


def test_the_step_is_written_with_the_names_of_the_cell() -> None:
    source = to_python(library.load("gru"))
    assert "        r = torch.sigmoid(linear(x, self.W_r_x, self.b_r) + linear(h, self.W_r_h))\n" in source
    assert "        h_next = n + z * (h - n)\n        return [h_next]\n" in source


def test_long_lines_are_broken_into_operands() -> None:
    assert "i_next = torch.sigmoid(\n            linear(x, " in to_python(library.load("fgr"))


def test_the_docstring_tells_the_scores_and_the_note() -> None:
    text = ast.get_docstring(ast.parse(to_python(library.load("mut1"), SCORES)))
    assert text and "MUT1 of Jozefowicz et al. 2015" in text and "rank 3: fitness 1.052" in text


def test_the_docstring_starts_the_weights_at_the_scale_that_was_scored() -> None:
    tasks = (TaskScore("xml:small", 0.6, scale=1.4), TaskScore("ptb:small", 6.1, scale=1.0))
    text = ast.get_docstring(ast.parse(to_python(library.load("gru"), Scores("run", 1, 1.0, 0, tasks))))
    assert text and "    layer.reset_parameters(scale=1.4)  # as on xml:small\n" in text
    assert text.count("reset_parameters") == 1


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [*keyword.kwlist, *keyword.softkwlist, "self", "torch", "__debug__", "print", "x", "None", "cell"]
    ),
    st.sampled_from(
        [
            '"""',
            "'''",
            '\\"""',
            "\\",
            "\n",
            "\r\nimport os\n",
            '"""\nimport os\n"""',
            "{0}",
            "<STEP>",
            "# -*-",
        ]
    ),
)


@given(
    names=st.lists(HOSTILE, min_size=1, max_size=20),
    title=HOSTILE,
    note=st.lists(HOSTILE, max_size=3),
    words=HOSTILE,
)
def test_names_notes_and_scores_cannot_become_code(
    names: list[str], title: str, note: list[str], words: str
) -> None:
    scores = Scores(words, None, 1.0, 0, (TaskScore(words, 0.5, setting=words),), words)
    source = to_python(renamed(library.load("lstm"), names, title, tuple(note)), scores)
    tree = ast.parse(source)
    assert {type(node) for node in ast.walk(tree)} <= NODES
    assert imported(source) == imported(to_python(library.load("lstm")))
    assert all(c == "\n" or c.isprintable() for c in source)


@given(name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,31}", fullmatch=True) | HOSTILE)
@settings(max_examples=50)
def test_another_name_or_note_leaves_the_code_as_it_is(name: str) -> None:
    gru = library.load("gru")
    plain = ast.parse(to_python(gru, SCORES))
    told = ast.parse(to_python(gru.renamed("gru", (name, "note")), Scores(name, 1, 2.0, 3, (), name)))
    assert shape(told) == shape(plain)


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_docstring_holds_any_text(lines: list[str]) -> None:
    assert isinstance(ast.literal_eval(docstring(lines)), str)


@pytest.mark.parametrize("name", ["class", "value_error", "tensor", "nn", "_", "True", "none"])
def test_a_class_name_never_hides_what_the_module_needs(name: str) -> None:
    source = to_python(library.load("gru").renamed(name))
    classes = [node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    assert len(set(classes)) == 2
    assert not set(classes) & {"ValueError", "Tensor", "True", "None", "nn", ""}
