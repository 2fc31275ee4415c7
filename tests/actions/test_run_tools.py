"""What others may ask of a run: it is told without test scores and paths, whatever protocol carries it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from archsearch.actions.run_tools import TOOLS, RunTools
from archsearch.cell import OPS, Cell, library
from archsearch.cell.guide import EXAMPLE, guide
from archsearch.cli.main import run_command
from archsearch.errors import InputError
from archsearch.store import RunStore
from archsearch.store.inbox import Inbox
from tests.helpers.told_runs import MINE, assert_no_test_score, make_told_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_told_run(tmp_path_factory.mktemp("runs") / "run")


def test_no_tool_tells_a_test_score_or_where_the_run_lies(run: Path) -> None:
    tools = RunTools(run)
    with RunStore.open(run) as store:
        cells = store.cells.ids_like("c")
    told = [getattr(tools, name)() for name in TOOLS if name not in ("show_cell", "propose")]
    told += [tools.show_cell(cell) for cell in cells]
    words = json.dumps(told)
    assert_no_test_score(words)
    assert str(run.parent) not in words and len(cells) > 6


def test_a_proposal_waits_in_the_inbox_and_is_answered(run: Path) -> None:
    new, waiting, known = RunTools(run).propose(MINE + MINE + library.load("gru").text())
    assert (new["answer"], waiting["answer"], known["answer"]) == ("new", "waiting", "known")
    (file,) = Inbox(run).waiting()
    assert Cell.parse(file.read_text()).id == new["id"]
    Inbox(run).remove(file)


@pytest.mark.parametrize("cell", ["/etc/passwd", "../run.db", "run/1", "-", "c%", "0", "1e9", "999999"])
def test_what_names_no_cell_of_the_run_opens_nothing(run: Path, cell: str) -> None:
    with pytest.raises(InputError, match="a cell is a rank such as 3|no cells of the run are called so"):
        RunTools(run).show_cell(cell)


def test_a_damaged_run_is_told_without_its_path(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / "run.db").write_bytes(b"nothing")
    for tool in ("status", "leaderboard", "verdicts", "cell_language"):
        with pytest.raises(InputError) as raised:
            getattr(RunTools(copy), tool)()
        assert str(tmp_path) not in str(raised.value)


def test_the_guide_to_the_language_is_true_and_names_every_function() -> None:
    assert Cell.parse(EXAMPLE).id == library.load("gru").id
    assert all(f"{name}(" in guide() for name, op in OPS.items() if op.infix is None)


def test_serve_asks_for_its_protocol(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["serve", str(run)]) == 2
    assert "archsearch serve RUN --mcp" in capsys.readouterr().err
    assert run_command(["serve", str(run / "none"), "--mcp"]) == 2


def test_serve_names_the_package_that_it_needs(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.cli.serve.find_spec", lambda name: None)
    assert run_command(["serve", str(run), "--mcp"]) == 2
    assert "pip install archsearch[mcp]" in capsys.readouterr().err
