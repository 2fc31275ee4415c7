"""The view of a running search: lines off a terminal, and on one a live view that fits into it."""

import io
import re
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from archsearch.actions.listener import Progress, RunInfo, SearchLimits
from archsearch.cli import display
from archsearch.cli.display import Display, step_line
from archsearch.mutations import Applied
from archsearch.protocol.history import History
from archsearch.protocol.records import Step, Verdict
from archsearch.store import RunStore, read_history
from tests.helpers.commands import Finished

CHILD = Step(
    7, "propose", "c" + "1" * 32, "c" + "2" * 32, (Applied("remove", 3, "z"), Applied("remove", 4, "r"))
)


def told(finished: Finished) -> RunInfo:
    """Return the finished run as a session opens it."""
    store = RunStore.open(finished.folder)
    try:
        return RunInfo(
            finished.folder, store.facts.plan, False, 3, 2, 9, 1, SearchLimits(max_seconds=60.0), False, ""
        )
    finally:
        store.close()


def book_of(finished: Finished) -> History:
    store = RunStore.open(finished.folder)
    try:
        return read_history(store, store.facts.plan)[0]
    finally:
        store.close()


def test_a_step_that_failed_says_where_and_why() -> None:
    verdict = Verdict("diverged", 1, "xml", "Traceback\nValueError: loss is nan")
    line = step_line(CHILD, verdict, None)
    assert (
        line == "step    7  new    c11111111  diverged (xml): ValueError: loss is nan   c22222222 + remove ×2"
    )


@pytest.mark.parametrize("trouble", ["/cache/kernels: others may write here", ""])
def test_the_first_lines_say_why_the_interpreter_runs_the_cells(
    finished: Finished, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    info = told(finished)
    plan = msgspec.structs.replace(info.plan, engine="reference 1")
    Display(("cpu",)).opened(replace(info, plan=plan, trouble=trouble, finished=True))
    said = " ".join(capsys.readouterr().err.split())
    assert f"{trouble or 'ARCHSEARCH_ENGINE or the run asks for it'}: the interpreter runs the cells" in said


def test_a_step_without_a_child_says_so() -> None:
    assert step_line(Step(9, "nothing"), Verdict("nothing new"), None) == "step    9  nothing new"


def test_a_scored_step_shows_fitness_and_ratios(finished: Finished) -> None:
    found = next(candidate for candidate in book_of(finished).ranked if not candidate.is_start)
    line = step_line(
        Step(4, "propose", found.id, found.parent, found.applied), Verdict("evaluated", 2), found
    )
    assert re.search(
        r"fitness -?\d\.\d{3} \(memorization -?\d\.\d\d · english -?\d\.\d\d\)   \w+ \+ \w+", line
    )


def test_a_path_as_a_task_is_shortened_to_its_file() -> None:
    step = Step(1, "propose", "c" + "1" * 32)
    verdict = Verdict("stopped at gate", 1, "text:/home/me/a/very/long/way/shakespeare_input.txt")
    assert step_line(step, verdict, None).endswith("stopped at gate (shakespeare_input.t…)")


@pytest.mark.parametrize(("name", "value"), [("CI", "1"), ("TERM", "dumb")])
def test_the_live_view_is_for_terminals_that_can_show_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(display.sys.stderr, "isatty", lambda: True, raising=False)
    assert display._is_live()
    monkeypatch.setenv(name, value)
    assert not display._is_live()


@pytest.mark.parametrize("width", [60, 70, 100, 200])
def test_the_live_view_leaves_room_at_the_right(finished: Finished, width: int) -> None:
    shown = Display(("cpu", "cpu"))
    shown.run = told(finished)
    for book in (None, book_of(finished)):
        out = io.StringIO()
        shown.console = Console(file=out, width=width, force_terminal=True, color_system=None)
        phase = "references" if book is None else "searching"
        shown.console.print(shown._view(Progress(phase, 3, 9, book, 2, 12.0)))
        lines = out.getvalue().splitlines()
        assert re.match(f" {phase} +[━╸╺]", lines[0]) and len(lines) == (1 if book is None else 3)
        assert all(len(line.rstrip()) < width for line in lines)
    assert "step 10 · 8 candidates · " in lines[0] or "…" in lines[0]
    assert lines[1].startswith(" best found ")


def test_a_resumed_run_says_what_it_has(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Display(("cuda:0", "cuda:1")).opened(told(finished))
    shown = capsys.readouterr().err
    assert "(going on)" in shown and "2 workers on cuda:0, cuda:1" in shown
    assert "resumed at step 3: 2 candidates, 9 trials; 1 interrupted trials go back to the queue" in shown
