"""Cells that are proposed to a run: checked, left in its inbox, taken at a step, and recorded there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from archsearch.actions.propose import Answer, leave_proposals, read_stream
from archsearch.cell import Cell, library
from archsearch.cli.main import run_command
from archsearch.errors import InputError
from archsearch.protocol.records import Outcome, Step, Trial
from archsearch.protocol.references import reference_cells
from archsearch.search.ask import takes_proposal
from archsearch.search.outside import receive
from archsearch.store import RunStore, inbox, make_run, read_leaderboard
from archsearch.store.inbox import Inbox
from archsearch.store.tables import StepTable
from tests.helpers.in_process import search_on
from tests.helpers.plans import World, done, preset, run_plan, task_plan
from tests.helpers.searches import board

MINE = """
# a gate less
cell mine(x, h):
    z = sigmoid(linear(x) + linear(h, bias=none))
    h' = h + z * (tanh(linear(x)) - h)
"""
OTHER = "cell other(x, h):\n    h' = relu(linear(x)) * sigmoid(linear(h)) + h\n"
FORGETS = "cell forgets(x, h):\n    h' = tanh(linear(x))\n"
BAD = "cell bad(x, h):\n    h' = tahn(x)\n"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a few steps, in a simulated world; tests take a copy."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    make_run(folder, run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, placebo=0.2)))
    search_on(folder, 5)
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def proposed(folder: Path, *texts: str) -> list[Answer]:
    return leave_proposals(folder, read_stream("stream", "\n".join(texts).encode()))


def steps_of(folder: Path, text: str) -> list[Step]:
    with RunStore.open(folder) as store:
        return [step for step, _ in store.steps.read() if step.cell == Cell.parse(text).id]


def test_each_cell_of_a_stream_is_answered(run: Path) -> None:
    answers = proposed(
        run, MINE, library.load("gru").text(), FORGETS, BAD, library.load("mut1").text(), OTHER
    )
    assert [answer.answer for answer in answers] == ["new", "known", "refused", "refused", "known", "new"]
    assert answers[0].id == Cell.parse(MINE).id and answers[1].fitness == 1.0
    assert "no state carries information" in answers[2].reason
    assert answers[3].reason.startswith("stream, cell 4:3:10:") and "did you mean 'tanh'" in answers[3].reason
    assert answers[4].reason == "mut1, a reference of the run"
    assert [answer.answer for answer in proposed(run, MINE)] == ["waiting"]


def test_a_proposed_cell_is_tried_like_others_and_its_step_says_who_brought_it(run: Path) -> None:
    proposed(run, MINE, OTHER)
    search_on(run, 10)
    for text in (MINE, OTHER):
        first = steps_of(run, text)[0]
        assert (first.kind, first.parent, first.applied, first.proposer) == ("propose", "", (), "inbox")
        assert first.gated and first.raced and first.filter is not None
    assert not Inbox(run).waiting()
    (answer,) = proposed(run, MINE)
    assert answer.answer == "known" and answer.reason in ("evaluated", "failed filter", "stopped at gate")


def test_proposals_take_one_step_in_two_at_most_and_the_first_comes_first(run: Path) -> None:
    cells = [library.load(name).text() for name in library.names() if name not in ("gru", "lstm", "mut1")]
    answers = proposed(run, *cells)
    waiting = [answer.id for answer in answers if answer.answer == "new"]
    assert len(waiting) > 10
    search_on(run, 18)
    with RunStore.open(run) as store:
        plan = store.facts.plan
        taken = [step for step, _ in store.steps.read() if step.proposer]
        numbers = {step.number for step in taken}
        assert all(takes_proposal(plan, number - 2) for number in numbers)
        assert [step.cell for step in taken] == waiting[: len(taken)] and len(taken) > 5
        assert len(numbers) < 0.6 * (store.steps.count() - min(numbers) + 1)


def test_resume_does_not_depend_on_the_inbox(run: Path, tmp_path: Path) -> None:
    """What was taken is in the step: with or without the folder the run goes on to the same end."""
    proposed(run, MINE, OTHER)
    search_on(run, 10)
    assert steps_of(run, MINE) and steps_of(run, OTHER)
    other = Path(shutil.copytree(run, tmp_path / "other", ignore=shutil.ignore_patterns(inbox.FOLDER)))
    search_on(run, 13)
    search_on(other, 13)
    assert board(run) == board(other)


def test_a_driver_that_is_killed_before_the_step_is_stored_finds_the_cell_again(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(run, MINE)
    add = StepTable.add

    def killed(steps: StepTable, step: Step, cell: Cell | None) -> None:
        if step.proposer:
            raise KeyboardInterrupt
        add(steps, step, cell)

    with monkeypatch.context() as patch:
        patch.setattr(StepTable, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            search_on(run, 9)
    assert not steps_of(run, MINE) and len(Inbox(run).waiting()) == 1
    search_on(run, 9)
    assert steps_of(run, MINE) and not Inbox(run).waiting()


def test_a_found_cell_may_be_a_proposed_one_and_leaderboard_and_show_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    make_run(folder, run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=2)))
    proposed(folder, MINE)
    best = Cell.parse(MINE).id

    def answer(trial: Trial) -> Outcome:
        facts = World().facts.get(trial.task)
        return done(facts.ceiling) if facts and trial.cell == best else World(fails=0.0)(trial)

    search_on(folder, 12, answer=answer)
    with RunStore.open(folder) as store:
        row = read_leaderboard(store, "run").rows[0]
    assert (row.id, row.proposer, row.is_found, row.parent) == (best, "inbox", True, "")
    step = steps_of(folder, MINE)[0].number
    assert run_command(["show", f"{folder}/1", "--tree"]) == 0
    shown = capsys.readouterr().out
    assert " parameters · proposed\n" in shown and f"# origin      proposed, at step {step}\n" in shown
    assert f"  step {step}: proposed\n" in shown
    assert run_command(["show", f"{folder}/1", "--json"]) == 0
    (birth,) = json.loads(capsys.readouterr().out)["ancestry"]
    assert (birth["parent"], birth["step"], birth["proposer"]) == (None, step, "inbox")


# -- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no cell; one begins with"),
        (b"\x80\x04\x95", "no UTF-8 text"),
        (b"# nothing here\n", "no cell"),
        (b"cell " * 4_000_000, "more than 16,777,216 bytes"),
    ],
)
def test_a_stream_without_cells_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_stream("stream", content)


def test_what_stands_before_the_first_cell_is_part_of_it_so_that_it_is_not_overlooked(run: Path) -> None:
    (first, second) = proposed(run, "h' = x", MINE, OTHER)
    assert (first.answer, second.answer) == ("refused", "new") and ":1:1:" in first.reason


def test_a_full_inbox_says_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST", 1)
    answers = proposed(run, MINE, OTHER)
    assert [answer.answer for answer in answers] == ["new", "refused"]
    assert "1 cells wait already" in answers[1].reason


def test_files_that_are_no_cells_of_ours_are_left_out(run: Path, tmp_path: Path) -> None:
    proposed(run, MINE)
    folder = Inbox(run).folder
    secret = tmp_path / "secret.cell"
    secret.write_text(OTHER)
    (folder / f"000000000-{'c' + '0' * 32}.cell").symlink_to(secret)
    (folder / f"000000001-{'c' + '1' * 32}.cell").write_bytes(b"\xff" * 100)
    (folder / f"000000002-{'c' + '2' * 32}.cell").write_text("cell x" * 20_000)
    (folder / "notes.txt").write_text("mine")
    search_on(run, 9)
    assert steps_of(run, MINE) and not steps_of(run, OTHER)
    assert [file.name for file in folder.iterdir()] == ["notes.txt"] and secret.exists()


def test_an_inbox_that_others_may_write_to_is_not_read(run: Path) -> None:
    proposed(run, MINE)
    Inbox(run).folder.chmod(0o777)
    search_on(run, 9)
    assert not steps_of(run, MINE)


def test_the_command_answers_in_lines_and_as_json(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cells.txt").write_text(MINE + FORGETS)
    assert run_command(["propose", str(run), str(tmp_path / "cells.txt"), "--json"]) == 2
    answers = json.loads(capsys.readouterr().out)
    assert [answer["answer"] for answer in answers] == ["new", "refused"]
    (tmp_path / "cells.txt").write_text(MINE)
    assert run_command(["propose", str(run), str(tmp_path / "cells.txt")]) == 0
    assert "waiting" in capsys.readouterr().out
    assert run_command(["propose", str(run), str(tmp_path / "none.txt")]) == 2
    assert "none.txt: No such file" in capsys.readouterr().err


def test_a_run_that_found_nothing_new_any_more_goes_on_with_what_is_proposed(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.actions.loop.MOST_WITHOUT_NEWS", 0)
    search_on(run, None)
    with RunStore.open(run) as store:
        assert store.facts.ended == "exhausted"
    proposed(run, MINE)
    search_on(run, None)
    assert steps_of(run, MINE) and not Inbox(run).waiting()


def test_a_reference_that_is_proposed_by_a_program_is_nobodys_finding(run: Path) -> None:
    with RunStore.open(run) as store:
        plan = store.facts.plan
    view = SimpleNamespace(
        plan=plan, references=frozenset(cell.id for cell in reference_cells(plan).values())
    )
    view.trying = lambda drawn, known, invalid: Step(9, "propose", drawn.cell.id)
    _, asked = receive(view, library.load("mut1").text(), "program")  # type: ignore[arg-type]
    assert asked is not None and asked.step.proposer == ""
    _, asked = receive(view, MINE, "program")  # type: ignore[arg-type]
    assert asked is not None and asked.step.proposer == "program"
