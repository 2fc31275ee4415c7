"""The strategy that asks a program outside: what that is told and may do, and what becomes of one that misbehaves."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from archsearch.actions.program import check_program
from archsearch.actions.program_pipe import ProgramError, ProgramPipe
from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.records import Step, Verdict
from archsearch.store import RunStore, make_run
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan, task_plan
from tests.helpers.searches import World, board, finish

CELL = "cell n{0}(x, h):\\n    h' = h + {0}.5 * tanh(linear(x) + linear(h, bias=none))\\n"
"""A cell for each number."""

ANSWERS = f"""
import json, sys
log = open(sys.argv[1], "a")
for line in sys.stdin:
    log.write(line)
    log.flush()
    asked = json.loads(line)
    if asked["event"] == "ask":
        number = 1000 * asked["step"] + asked["draw"]
        print(json.dumps({{"cell": "{CELL}".format(number)}}), flush=True)
"""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that asks a program, with its references trained and no step told; tests take a copy."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    plan = preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1, reexamine=0.3)
    make_run(folder, run_plan(plan, "external"))
    search_on(folder, 2)
    return folder


@pytest.fixture
def run(ready: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready, tmp_path / "run"))


def command(folder: Path, code: str, *arguments: object) -> str:
    """Return the command of a program."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(code))
    return shlex.join([sys.executable, "-S", "-E", str(file), *map(str, arguments)])


def steps(folder: Path) -> list[tuple[Step, Verdict | None]]:
    with RunStore.open(folder) as store:
        return store.steps.read()


def heard(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_program_is_told_the_run_and_its_steps_and_what_became_of_its_cells(
    run: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    search_on(run, 7, ask=command(tmp_path, ANSWERS, log))
    asked = [step for step, _ in steps(run) if step.proposer == "program"]
    assert len(asked) >= 5 and all(step.kind == "propose" and not step.parent for step in asked)
    first, *lines = heard(log)
    assert (first["event"], first["protocol"], first["tasks"][0]["name"]) == ("run", 1, "xml")
    answers = {line["step"]: line for line in lines if line["event"] == "answer"}
    assert all(
        answers[step.number]["answer"] == "new" and answers[step.number]["id"] == step.cell for step in asked
    )
    told = {line["step"]: line for line in lines if line["event"] == "told"}
    assert list(told) == list(range(len(told))) and told[0]["kind"] == "start"
    scored = [line for line in told.values() if "fitness" in line]
    assert scored and all(set(line["tasks"]["xml"]) == {"score", "ratio"} for line in scored)
    assert {line["proposer"] for line in told.values() if "proposer" in line} == {"search", "program"}
    for place, line in enumerate(lines):
        if line["event"] == "ask":
            before = [each["step"] for each in lines[:place] if each["event"] == "told"]
            assert max(before) == max(1, line["step"] - 3), "it knows what the step sees, and no more"
    assert "test" not in log.read_text() and str(tmp_path) not in log.read_text(), "no test score and no path"


def test_known_and_bad_cells_are_asked_for_again_and_a_pass_is_nothing_new(run: Path, tmp_path: Path) -> None:
    log, gru = tmp_path / "log", json.dumps(library.load("gru").text())
    code = f"""
    import json, sys
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["event"] == "answer":
            open({str(log)!r}, "a").write(line)
        if asked["event"] == "ask":
            cells = [{gru}, "cell bad(x, h):\\n    h' = tahn(x)\\n", "cell f(x, h):\\n    h' = linear(x)\\n", None]
            print(json.dumps({{"cell": cells[asked["draw"]], "step": asked["step"]}}), flush=True)
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archsearch.actions.loop.MOST_WITHOUT_NEWS", 1)
        search_on(run, 50, ask=command(tmp_path, code))
    nothing = [step for step, _ in steps(run) if step.kind == "nothing"]
    assert (nothing[0].known, nothing[0].invalid) == (1, 2)
    answers = heard(log)[:3]
    assert [line["answer"] for line in answers] == ["known", "refused", "refused"]
    assert "did you mean 'tanh'" in answers[1]["reason"] and "carries information" in answers[2]["reason"]


def test_a_run_that_goes_on_tells_its_program_the_same_story_and_ends_as_an_unbroken_one(
    run: Path, tmp_path: Path
) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    search_on(whole, 7, ask=command(tmp_path, ANSWERS, tmp_path / "whole.log"))
    search_on(run, 4, ask=command(tmp_path, ANSWERS, tmp_path / "first.log"))
    search_on(run, 7, ask=command(tmp_path, ANSWERS, tmp_path / "second.log"))
    assert board(run) == board(whole)
    lines = heard(tmp_path / "second.log")
    questions = [line for line in lines if line["event"] == "ask"]
    before = lines[: lines.index(questions[0])]
    same = [line for line in heard(tmp_path / "whole.log") if line["event"] == "told"]
    told = [line for line in before if line["event"] == "told"]
    assert told == same[: len(told)] and len(told) >= 3
    pending = [line for line in before if line["event"] == "answer"]
    assert all(line["answer"] == "new" and line["cell"].startswith("cell ") for line in pending)
    assert questions[0] in heard(tmp_path / "whole.log"), "with the same seed"


def test_what_a_program_has_proposed_stands_in_the_run_and_needs_no_program(
    run: Path, tmp_path: Path
) -> None:
    search_on(run, 5, ask=command(tmp_path, ANSWERS, tmp_path / "log"))
    before = board(run)
    (tmp_path / "program.py").unlink()
    search_on(run, 5)
    assert board(run) == before
    with RunStore.open(run) as store:
        cells = [store.cells.read(step.cell) for step, _ in store.steps.read() if step.proposer]
    assert all(cell.id and cell.text() for cell in cells)


# -- programs that misbehave --------------------------------------------------------------------------------------------

ONCE = f"""
import json, sys, time
count = 0
for line in sys.stdin:
    asked = json.loads(line)
    if asked["event"] == "ask":
        count += 1
        if count == 3:
            MISBEHAVE
        print(json.dumps({{"cell": "{CELL}".format(1000 * asked["step"] + asked["draw"])}}), flush=True)
"""

BAD = {
    "dies": ("sys.exit('out of ideas')", r"it has ended \(exit code 1\), and said last: out of ideas"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", r"it has ended \(signal SIGKILL\)"),
    "hangs": ("time.sleep(60)", "no answer for step .* within 0.3 s"),
    "writes garbage": ("print('{]', flush=True)", r"'{\]' is no answer"),
    "writes bytes": ("sys.stdout.buffer.write(b'\\xff\\x00\\x1b[2J\\n'); sys.stdout.flush()", "is no answer"),
    "writes a long line": ("print('x' * 10_000_000, flush=True)", "a line of more than 1,048,576 bytes"),
    "writes without an end": (
        "sys.stdout.write('x' * 10_000_000); sys.stdout.flush()",
        "more than 1,048,576",
    ),
    "nests": ("print('{\"cell\":' + '[' * 100_000, flush=True)", "is no answer"),
    "answers otherwise": ("print('{\"score\": 2.0}', flush=True)", "missing required field `cell`"),
    "gives a number": ("print('{\"cell\": 1}', flush=True)", "Expected `str | null`"),
    "answers another step": (
        'print(\'{"cell": null, "step": 0}\', flush=True)',
        "answered for step 0, and was",
    ),
    "closes its output": ("import os; os.close(1); time.sleep(60)", "it has closed its output"),
    "talks unasked": (
        "print('{\"cell\": null}\\n' * 3, flush=True); time.sleep(0.2)",
        "that it was not asked",
    ),
}


QUICK = ("dies", "hangs", "writes a long line", "answers otherwise")
"""Those that are tried with every change; the others are slow together."""


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in BAD]
)
def test_a_program_that_misbehaves_ends_the_search_with_one_sentence_and_nothing_is_lost(
    kind: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, words = BAD[kind]
    monkeypatch.setattr("archsearch.actions.program_pipe.GRACE", 0.1 if "closes" in kind else 1.0)
    with pytest.raises(ProgramError, match=words) as raised:
        search_on(run, 40, ask=command(tmp_path, ONCE.replace("MISBEHAVE", act)), patience=0.3)
    said = str(raised.value)
    assert said.endswith("; all that ended is stored, and the same command goes on")
    assert said.isprintable() and len(said) < 600
    kept = [step.cell for step, _ in steps(run) if step.proposer]
    assert len(kept) == 2
    if kind == "dies":
        search_on(run, 6, ask=command(tmp_path, ANSWERS, tmp_path / "log"))
        assert [step.cell for step, _ in steps(run) if step.proposer][:2] == kept


@pytest.mark.parametrize(
    ("ask", "words"),
    [("/no/such/program", "No such file"), ("", "no command"), ("'", "No closing quotation")],
)
def test_a_command_that_cannot_be_started_is_bad_input(ask: str, words: str, run: Path) -> None:
    with pytest.raises(InputError, match=words):
        ProgramPipe(ask)


def test_a_program_is_for_its_strategy_and_the_strategy_needs_one() -> None:
    with pytest.raises(InputError, match="give it with --ask"):
        check_program(None, "external")
    with pytest.raises(InputError, match="add --strategy external"):
        check_program("python mine.py", "jozefowicz")


def test_a_program_gets_nothing_of_the_driver_s_that_is_open_and_cannot_set_a_score(
    run: Path, tmp_path: Path
) -> None:
    """It tries: what it says of scores is no answer to anything, and no file of the run is open in it."""
    log = tmp_path / "log"
    code = ANSWERS.replace(
        'print(json.dumps({"cell":',
        'import os; log.write(json.dumps({"event": "open", "files": [os.readlink(f"/proc/self/fd/{fd}") for fd in '
        'os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]}) + "\\n"); '
        'print(json.dumps({"score": 99.0, "fitness": 99.0, "status": "done", "cell":',
    )
    honest = Path(shutil.copytree(run, tmp_path / "honest"))
    search_on(honest, 5, ask=command(tmp_path, ANSWERS, tmp_path / "honest.log"))
    search_on(run, 5, ask=command(tmp_path, code, log))
    assert board(run) == board(honest)
    opened = [file for line in heard(log) if line["event"] == "open" for file in line["files"]]
    assert opened and not [file for file in opened if "run.db" in file or file.startswith(str(run))]


@pytest.mark.slow
def test_the_command_says_one_line_of_a_program_that_dies_and_goes_on_with_a_better_one(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "world", faked=True)
    more = ("--run", "run", "--workers", 1, "--max-candidates", 10)
    dies = command(tmp_path, ONCE.replace("MISBEHAVE", "sys.exit(3)"))
    ended = world.run(world.evolve(*more, "--strategy", "external", "--ask", dies))
    assert ended.returncode == 1
    (said,) = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert "it has ended (exit code 3); all that ended is stored, and the same command goes on" in said
    world.sound("run")
    without = world.run(world.evolve(*more))
    assert without.returncode == 2 and "give it with --ask" in without.stderr
    finish(world, "run", 1, *more[4:], "--ask", command(tmp_path, ANSWERS, tmp_path / "log"))
    assert sum(step.proposer == "program" for step, _ in steps(world.folder / "runs" / "run")) >= 4
