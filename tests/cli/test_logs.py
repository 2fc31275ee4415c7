"""Logs of a search have a row for every step, go on where they ended, and never end a search."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archsearch.actions.listener import EventListener, RunInfo, SearchLimits
from archsearch.cli.logged import Logged, row_fields
from archsearch.cli.logs import open_logs
from archsearch.errors import InputError
from archsearch.protocol.records import Step, Verdict
from tests.helpers.plans import run_plan
from tests.helpers.searches import World

QUICK = {"SLOW": "0.002"}
LOGS = ("--log", "steps.jsonl", "--log", "steps.csv", "--log", "tensorboard:board")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder with a run of six candidates, logged in three ways, whose files then lost half a line."""
    world = World(tmp_path_factory.mktemp("logs"), faked=True, environment=QUICK)
    done = world.run(world.evolve("--run", "logged", "--max-candidates", 6, *LOGS))
    assert done.returncode == 0, done.stderr
    return world


def rows(world: World) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (world.folder / "steps.jsonl").read_text().splitlines()]


def test_every_step_has_a_row_also_when_half_a_line_was_left_and_the_run_went_on(world: World) -> None:
    first = rows(world)
    assert [row["step"] for row in first] == list(range(len(first)))
    scored = [row for row in first if row["fate"] == "evaluated"]
    assert scored and all(row["fitness"] == min(row["ratio/xml"], row["ratio/arithmetic"]) for row in scored)
    for name in ("steps.jsonl", "steps.csv"):
        with (world.folder / name).open("a") as file:
            file.write('{"step":1')
    done = world.run(world.evolve("--run", "logged", "--max-candidates", 12, *LOGS))
    assert done.returncode == 0, done.stderr
    longer = rows(world)
    assert longer[: len(first)] == first and [row["step"] for row in longer] == list(range(len(longer)))
    with (world.folder / "steps.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["cell"] for row in table] == [row["cell"] for row in longer]
    assert [float(row["fitness"]) for row in table if row["fitness"]] == [
        row["fitness"] for row in longer if row["fitness"] is not None
    ]
    assert len(list((world.folder / "board").iterdir())) == 2, "files of two sessions"


def test_the_log_of_another_run_is_refused_before_anything_is_made(world: World) -> None:
    logs = ("--log", "tensorboard:other-board", "--log", "steps.jsonl")
    done = world.run(world.evolve("--run", "other", "--max-candidates", 2, *logs))
    assert done.returncode == 2 and "it is another run's; name another file" in done.stderr
    assert not list(world.folder.rglob("other*")), "neither the run nor another log of it"


def hears(said: list[str]) -> EventListener:
    return EventListener(lambda event: said.append(event) if isinstance(event, str) else None)


def info(folder: Path, told: int = 0) -> RunInfo:
    return RunInfo(folder, run_plan(), False, told, 0, 0, 0, SearchLimits(), False, "")


def test_a_row_that_was_cut_goes_and_is_said_to_be_missing(world: World) -> None:
    path = world.folder / "cut.jsonl"
    whole = (world.folder / "steps.jsonl").read_bytes()
    path.write_bytes(whole[:-9])
    done = world.run(world.evolve("--run", "logged", "--max-candidates", 14, "--log", path))
    last = len(whole.splitlines()) - 1
    assert done.returncode == 0 and f"steps {last} to {last} ended without it" in done.stderr
    steps = [json.loads(line)["step"] for line in path.read_text().splitlines()]
    assert steps[:last] == list(range(last)) and last not in steps and steps[-1] > last


def test_tasks_whose_titles_are_alike_have_a_column_each() -> None:
    names = ["text:measurements-of-river-2023.txt", "text:measurements-of-river-2024.txt"]
    plan = SimpleNamespace(tasks=[SimpleNamespace(name=name) for name in names])
    assert row_fields(plan)[-2:] == [f"ratio/{name}" for name in names]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl"])
@pytest.mark.parametrize(
    "text", ["a,b\n1,2", "words", "step,kind\n1", '{"stop":1}\n', '{"step":"x"}\n', "\n", "\xff\n{"]
)
def test_a_file_that_is_no_log_is_refused_and_stays_as_it_is(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="another log, or none"):
        Logged(hears([]), open_logs([str(path)])).opened(info(tmp_path, told=9))
    assert path.read_text(encoding="latin-1") == text


def test_a_first_line_that_a_kill_has_cut_short_is_written_again(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        (tmp_path / name).write_text("ste" if name == "a.csv" else '{"step":0,"ki')
    logged = Logged(hears([]), open_logs([str(tmp_path / name) for name in ("a.csv", "a.jsonl")]))
    logged.opened(info(tmp_path))
    logged.told(Step(0, "nothing"), Verdict("nothing new"), None)
    assert (tmp_path / "a.csv").read_text().splitlines()[1].startswith("0,nothing,")
    assert json.loads((tmp_path / "a.jsonl").read_text())["step"] == 0


def test_a_log_whose_folder_is_missing_is_refused_before_the_search(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("none/a.csv", "folder.csv"):
        with pytest.raises(InputError, match="no file can be there"):
            open_logs([str(tmp_path / name)])


def test_a_log_that_began_late_says_what_it_lacks(tmp_path: Path) -> None:
    said: list[str] = []
    Logged(hears(said), open_logs([str(tmp_path / "late.jsonl")])).opened(info(tmp_path, told=7))
    assert "steps 0 to 6 ended without it" in said[0]


def test_services_get_the_numbers_and_one_that_fails_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []

    class Run:
        def log(self, numbers: dict[str, float], step: int) -> None:
            sent.append(("wandb", numbers, step))

    def failing(*words: object, **named: object) -> None:
        raise ConnectionError("no way there")

    monkeypatch.setitem(
        sys.modules, "wandb", SimpleNamespace(init=lambda **named: sent.append(("init",)) or Run())
    )
    monkeypatch.setitem(
        sys.modules, "mlflow", SimpleNamespace(set_experiment=failing, start_run=failing, log_params=failing)
    )
    said: list[str] = []
    logged = Logged(hears(said), open_logs(["wandb:mine", "mlflow:mine"]))
    logged.opened(info(tmp_path))
    for number in range(2):
        logged.told(Step(number, "nothing"), Verdict("nothing new"), None)
    assert sent == [("init",), ("wandb", {}, 0), ("wandb", {}, 1)]
    assert said == ["--log mlflow:mine failed, and the search goes on without it: no way there"]


@pytest.mark.parametrize("name", ["steps.txt", "tensorbord:x", "wandb:", "wandb"])
def test_what_is_no_log_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(InputError, match="write FILE.jsonl, FILE.csv, tensorboard:FOLDER"):
        open_logs([name])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="pip install wandb"):
        open_logs(["wandb:mine"])
