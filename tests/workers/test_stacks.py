"""Jobs of several trials: what shares one, that it is retried as far as it is unfinished, and that it changes no search."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from archsearch.actions.resume import check_same_measurement
from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.records import Outcome, Trial
from archsearch.training.stopwatch import Stopwatch
from archsearch.workers import pool as pools
from archsearch.workers import process
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.grouping import MOST, together
from archsearch.workers.messages import Hello, Job
from archsearch.workers.pool import WorkerPool
from archsearch.workers.process import chosen_engine
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers import fakes, searches
from tests.helpers.plans import World, run_plan
from tests.helpers.searches import finish, mutants, until

PLAN = replace(run_plan(), engine="stacked 1 (simulated)")
LSTM, GRU = (library.load(name).id for name in ("lstm", "gru"))
CANDIDATES = ("--max-candidates", 24)


def trial(number: int, cell: str = LSTM, task: str = "xml") -> Trial:
    return PLAN.trial(cell, task, PLAN.settings[task][number % 6], init_draw=number // 6)


def queue(*entries: tuple[int, Trial]) -> list[tuple[int, int, Trial]]:
    made: list[tuple[int, int, Trial]] = []
    for number, (priority, one) in enumerate(entries, 1):
        heappush(made, (priority, number, one))
    return made


def test_a_job_takes_all_queued_trials_of_its_cell_and_task_in_their_order() -> None:
    waiting = queue(
        (5, trial(0)), (2, trial(1)), (3, trial(2, GRU)), (4, trial(3)), (4, trial(4, task="arithmetic"))
    )
    assert together(waiting) == [(2, trial(1)), (4, trial(3)), (1, trial(0))]
    assert together(waiting) == [(3, trial(2, GRU))]
    assert together(waiting) == [(5, trial(4, task="arithmetic"))] and not waiting


def test_a_job_is_no_larger_than_the_largest_stack() -> None:
    waiting = queue(*((0, trial(number)) for number in range(MOST + 3)))
    assert len(together(waiting)) == MOST and len(together(waiting)) == 3


def test_on_other_engines_every_trial_is_a_job() -> None:
    single = [replace(trial(number), engine="native 1") for number in range(3)]
    waiting = queue(*((0, one) for one in single))
    assert together(waiting) == [(1, single[0])] and len(waiting) == 2


@pytest.fixture
def faked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setattr(pools, "_main", fakes.main)
    monkeypatch.setenv("TROUBLE_FOLDER", str(tmp_path))
    yield monkeypatch


class Watched(WorkerPool):
    """A crew that remembers how large its jobs were."""

    sizes: list[int] = []

    def give(self, worker: pools.Worker, job: object) -> None:
        """Remember a job's size."""
        if isinstance(job, Job):
            self.sizes.append(len(job.trials))
        super().give(worker, job)  # type: ignore[arg-type]


def trained(count: int) -> tuple[list[Outcome | None], Dispatcher, list[int]]:
    """Return how trials ended that were wanted at once, the desk, and the sizes of the jobs."""
    with Watched(["cpu"], None) as crew:
        crew.sizes = []
        desk = Dispatcher(MemoryTrialLog(), crew, lambda identity: library.load("lstm"))
        wanted = [trial(number) for number in range(count)]
        desk.queue(wanted, 0)

        def look() -> bool:
            desk.poll(0.1)
            return all(desk.outcome(one) is not None for one in wanted)

        until(look, "the end of all trials")
        return [desk.outcome(one) for one in wanted], desk, crew.sizes


def expected(count: int) -> list[Outcome]:
    return [World(fails=0.3)(trial(number)) for number in range(count)]


def test_results_of_a_job_arrive_one_by_one(faked: pytest.MonkeyPatch) -> None:
    found, desk, sizes = trained(5)
    assert (found, sizes) == (expected(5), [5]) and (desk.trained, desk.busy) == (5, 0)


@pytest.mark.parametrize(("kind", "sizes"), [("kill", [5, 5]), ("oom", [5, 5]), ("halfway", [5, 3])])
def test_a_job_whose_worker_dies_is_retried_as_far_as_it_is_unfinished(
    faked: pytest.MonkeyPatch, kind: str, sizes: list[int]
) -> None:
    faked.setenv("TROUBLE", f"{kind}:1.0:1")
    found, desk, seen = trained(5)
    assert (found, seen) == (expected(5), sizes) and (desk.trained, desk.busy) == (5, 0)


def test_a_cell_that_kills_two_workers_ends_with_all_its_trials(faked: pytest.MonkeyPatch) -> None:
    faked.setenv("TROUBLE", "exit:1.0:100")
    found, desk, sizes = trained(4)
    assert {outcome and outcome.status for outcome in found} == {"crashed"} and sizes == [4, 4]
    assert (desk.host_failures, desk.busy) == (4, 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> searches.World:
    return searches.World(
        tmp_path_factory.mktemp("stacked"), True, "cache", {"FAKE_ENGINE": "stacked 1 (simulated)"}
    )


@pytest.fixture(scope="module")
def unbroken(world: searches.World) -> str:
    found = finish(world, "one", 1, *CANDIDATES)
    assert mutants(found) >= 5
    return found


def cold(world: searches.World) -> searches.World:
    """Return the world with a cache of its own."""
    return searches.World(world.folder, world.faked, "cold", world.environment)


def test_a_search_with_stacks_is_the_same_for_any_number_of_workers(
    world: searches.World, unbroken: str
) -> None:
    assert finish(cold(world), "four", 4, *CANDIDATES) == unbroken


@pytest.mark.slow
def test_a_search_with_stacks_is_the_same_after_kills(world: searches.World, unbroken: str) -> None:
    assert searches.killed(cold(world), "killed", 3, 4, 2, 30, *CANDIDATES) == unbroken


@pytest.mark.slow
def test_a_search_that_trains_in_stacks_gives_the_same_leaderboard_with_one_and_two_workers(
    tmp_path: Path,
) -> None:
    world = searches.World(tmp_path / "world", False, "cache", {"ARCHSEARCH_ENGINE": "stacked"})
    more = ("--max-candidates", 6)
    found = finish(world, "one", 1, *more)
    assert finish(cold(world), "two", 2, *more) == found
    engines = searches.rows(
        tmp_path / "world" / "runs" / "one", "SELECT DISTINCT record ->> 'engine' FROM trials"
    )
    assert engines == [("stacked 3 (float32, torch, lanes 1)",)]
    replayed = world.run(world.command("replay", "one", "--top", 2))
    assert replayed.returncode == 0 and "bit for bit" in replayed.stdout, replayed.stderr


def test_an_engine_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_ENGINE", "stack")
    with pytest.raises(
        InputError, match="ARCHSEARCH_ENGINE is 'stack'; it must be one of interpreter, native, stacked"
    ):
        chosen_engine("cpu")
    monkeypatch.delenv("ARCHSEARCH_ENGINE")
    assert chosen_engine("cuda:0") == "stacked"


@pytest.mark.parametrize("word", ["interpreter", "reference"])
def test_the_interpreter_may_be_asked_for_by_its_old_name(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_ENGINE", word)
    assert chosen_engine("cpu") == "interpreter"


def test_a_run_that_began_on_a_cpu_goes_on_there() -> None:
    began = replace(PLAN, engine="native 1 (g++)")
    facts = {found.name: found for found in [*(task.facts for task in PLAN.tasks), PLAN.filter]}
    with pytest.raises(InputError, match="Go on with --device cpu, or start another run here"):
        check_same_measurement(began, facts, Hello(PLAN.machine, PLAN.engine))


def test_a_worker_whose_gpu_failed_ends_so_that_its_job_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> list[Outcome]:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(process, "run_trials", fails)
    monkeypatch.setattr(process.tasks, "load", lambda *_: SimpleNamespace(checksum=trial(0).data))
    worker = process._Worker(None, "cpu", None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="illegal memory access"):
        worker.train(Job(1, library.load("lstm").text(), (trial(0),)), (trial(0),), Stopwatch())
