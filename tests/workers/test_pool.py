"""The pool and the dispatcher, with simulated workers: deaths are seen at once, retried once, and silence has an end."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest

from archsearch.actions.own_tasks import named_sources
from archsearch.cell import library
from archsearch.errors import ArchsearchError, InputError, WorkerError
from archsearch.protocol.records import Outcome, Trial
from archsearch.workers import dispatch, memory, messages, patience
from archsearch.workers import pool as pools
from archsearch.workers import probe as probes
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Alive, Hello, Job, Probe, Result
from archsearch.workers.pool import Death, Worker, WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers import fakes
from tests.helpers.plans import World, run_plan
from tests.helpers.searches import lives, until

PLAN = run_plan()
LSTM = library.load("lstm")


def trial(number: int = 0) -> Trial:
    return PLAN.trial(LSTM.id, "xml", PLAN.settings["xml"][number % 6], seed=number // 6)


REAL = pools._main
Trouble = Callable[..., None]


@pytest.fixture
def trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    """Sets what workers that start from now on do."""
    monkeypatch.setattr(pools, "_main", fakes.main)
    monkeypatch.setenv("TROUBLE_FOLDER", str(tmp_path))

    def set_(kind: str = "", times: int = 1) -> None:
        monkeypatch.setenv("TROUBLE", f"{kind}:1.0:{times}" if kind else "")

    set_()
    return set_


@pytest.fixture
def pool(trouble: Trouble) -> Iterator[WorkerPool]:
    with WorkerPool(["cpu"], None) as made:
        yield made


def ready(pool: WorkerPool) -> None:
    def look() -> bool:
        list(pool.events(0.1))
        return len(pool.idle) == len(pool.workers)

    until(look, "workers that are ready")


def trained(dispatcher: Dispatcher, count: int = 1) -> list[Outcome]:
    """Return how the first trials end."""
    wanted = [trial(number) for number in range(count)]
    dispatcher.queue(wanted, 0)

    def look() -> bool:
        dispatcher.poll(0.1)
        return all(dispatcher.outcome(one) is not None for one in wanted)

    until(look, "the end of all trials")
    return [outcome for one in wanted if (outcome := dispatcher.outcome(one)) is not None]


def made(pool: WorkerPool) -> Dispatcher:
    return Dispatcher(MemoryTrialLog(), pool, lambda identity: LSTM)


CAUSES = {
    "exit": "exit code 7",
    "kill": "SIGKILL",
    "segfault": "SIGSEGV",
    "abort": "SIGABRT",
    "garbage": "a message that cannot be read",
    "huge": "a message that cannot be read",
    "oom": "no memory",
    "compiler": "cc1plus was killed",
}


@pytest.mark.parametrize("kind", CAUSES)
def test_a_trial_whose_worker_dies_once_is_trained_on_a_fresh_one(trouble: Trouble, kind: str) -> None:
    trouble(kind, times=1)
    with WorkerPool(["cpu"], None) as pool:
        first = pool.workers[0]
        assert trained(made(pool)) == [World(fails=0.3)(trial())]
        assert pool.workers[0] is not first


@pytest.mark.parametrize("kind", CAUSES)
def test_what_kills_two_workers_is_not_dispatched_again_and_other_settings_are(
    trouble: Trouble, tmp_path: Path, kind: str
) -> None:
    trouble(kind, times=100)
    with WorkerPool(["cpu"], None) as pool:
        dispatcher = made(pool)
        first, like, other = dispatcher.finish([trial(0), trial(6), trial(1)]).values()
    assert first.status == other.status == ("oom" if kind == "oom" else "crashed")
    assert CAUSES[kind] in first.reason and CAUSES[kind] in other.reason
    assert "not trained again" in like.reason, "the same cell, task and setting, with another seed"
    assert len(list(tmp_path.iterdir())) == 4, "two attempts at each setting"
    assert dispatcher.host_failures == 3 and dispatcher.trained == 0


@pytest.mark.timing
@pytest.mark.parametrize("kind", ["half", "closed"])
def test_a_worker_that_hangs_up_or_stops_in_the_middle_of_a_message_is_replaced(
    trouble: Trouble, kind: str
) -> None:
    trouble(kind, times=1)
    with WorkerPool(["cpu"], None) as pool:
        began = time.monotonic()
        assert trained(made(pool)) == [World(fails=0.3)(trial())]
        assert time.monotonic() - began < 10


def test_a_result_that_comes_twice_counts_once(trouble: Trouble) -> None:
    trouble("twice", times=1)
    with WorkerPool(["cpu"], None) as pool:
        dispatcher = made(pool)
        assert trained(dispatcher, 4) == [World(fails=0.3)(trial(number)) for number in range(4)]
        assert dispatcher.trained == 4 and dispatcher.busy == 0


@pytest.mark.timing
def test_a_worker_killed_when_idle_is_replaced_within_two_seconds(pool: WorkerPool) -> None:
    ready(pool)
    first = pool.workers[0]
    began = time.monotonic()
    os.kill(first.process.pid, signal.SIGKILL)
    deaths: list[Death] = []

    def look() -> bool:
        deaths.extend(event for event in pool.events(1) if isinstance(event, Death))
        return bool(deaths)

    until(look, "a death")
    assert time.monotonic() - began < 2
    assert (deaths[0].worker, deaths[0].cause) == (first, "SIGKILL")
    ready(pool)
    assert trained(made(pool)) == [World(fails=0.3)(trial())]


def test_a_worker_killed_as_it_is_given_work_costs_one_attempt(pool: WorkerPool) -> None:
    ready(pool)
    os.kill(pool.workers[0].process.pid, signal.SIGKILL)
    assert trained(made(pool)) == [World(fails=0.3)(trial())]


def test_a_worker_that_hangs_and_ignores_requests_times_out(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SILENCE", 0.5)
    trouble("stuck", times=1)
    with WorkerPool(["cpu"], None) as pool:
        stuck = pool.workers[0].process
        dispatcher = made(pool)
        assert trained(dispatcher) == [Outcome("timeout", reason="no sign of life for 0 s")]
        assert not stuck.is_alive()
        assert (dispatcher.host_failures, dispatcher.busy, dispatcher.retry.poisoned) == (1, 0, set())


def test_a_driver_that_slept_blames_no_worker(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(pool)
    dispatcher = made(pool)
    monkeypatch.setattr(pools, "LONGEST_LOOK", 0.0)
    monkeypatch.setattr(patience, "SILENCE", 0.05)
    assert trained(dispatcher)[0].status == "done"


def test_the_limit_of_silence_follows_what_the_task_has_taken_before() -> None:
    learned, job = patience.Patience(), Job(1, LSTM.text(), (trial(),))
    assert learned.limit(job) == patience.SILENCE
    learned.learn(job, 0.1)
    assert learned.limit(job) == patience.LEAST
    learned.learn(job, 40.0)
    learned.learn(job, 2.0)
    assert learned.limit(job) == 40.0 * patience.FACTOR


def test_what_a_job_took_is_learned_when_it_is_done(pool: WorkerPool) -> None:
    dispatcher = made(pool)
    trained(dispatcher)
    assert 0 <= dispatcher.patience.longest[trial().task] < 10


def test_a_worker_that_holds_too_much_memory_is_replaced_and_its_trial_is_out_of_memory(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "EVERY", 0.0)
    monkeypatch.setattr(memory, "LEAST", 1000)
    monkeypatch.setattr(memory, "memory", lambda: 1000)
    trouble("stuck", times=100)
    with WorkerPool(["cpu"], None) as pool:
        (outcome,) = trained(made(pool))
    assert outcome.status == "oom" and "more than its share of 0.00 GiB" in outcome.reason


def test_many_workers_share_the_memory_and_each_may_hold_what_torch_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 40 * 2**30)
    assert [round(memory.MemoryWatch(workers).most / 2**30, 6) for workers in (1, 4, 100)] == [36, 9, 2]


def test_a_large_worker_and_one_of_many_cells_are_replaced_after_their_job(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher, first = made(pool), pool.workers[0]
    trained(dispatcher)
    assert pool.workers[0] is first and first.cells == {LSTM.id}
    first.is_large = True
    trained(dispatcher, 2)
    second = pool.workers[0]
    assert second is not first
    monkeypatch.setattr(dispatch, "MOST_CELLS", 1)
    outcomes = trained(dispatcher, 4)
    assert pool.workers[0] is not second and dispatcher.host_failures == 0
    assert outcomes == [World(fails=0.3)(trial(number)) for number in range(4)]


@pytest.mark.parametrize("kind", ["parent", "parent of a daemon"])
def test_what_a_worker_has_started_ends_with_it(kind: str, trouble: Trouble, tmp_path: Path) -> None:
    trouble(kind, times=1)
    with WorkerPool(["cpu"], None) as pool:
        assert trained(made(pool)) == [World(fails=0.3)(trial())]
    child = int((tmp_path / "child").read_text())
    until(lambda: not psutil.pid_exists(child) or not lives(psutil.Process(child)), "the end of the child")


def test_a_sign_of_life_starts_the_silence_anew(pool: WorkerPool) -> None:
    ready(pool)
    worker = pool.workers[0]
    worker.silent = 500.0
    pool.give(worker, Job(1, LSTM.text(), (trial(),)))
    assert worker.silent == 0.0
    seen: list[object] = []
    until(lambda: seen.extend(pool.events(0.1)) or seen, "an answer")
    assert isinstance(seen[0], tuple) and isinstance(seen[0][1], Result | Alive) and worker.silent == 0.0


def test_a_look_at_many_workers_asks_only_those_that_say_something(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, asked = WorkerPool([], None), Counter[int]()

    class Process:
        def __init__(self, place: int) -> None:
            self.place, (self.sentinel, self.end) = place, os.pipe()

        def is_alive(self) -> bool:
            asked[self.place] += 1
            return True

    ends = []
    for place in range(150):
        ours, theirs = Pipe()
        ends.append(theirs)
        pool.workers.append(pool._watched(Worker(place, Process(place), ours)))
    pool.called = time.monotonic() + 3600
    for place in (3, 77):
        ends[place].send_bytes(messages.encode(Hello("here", "simulated 1")))

    said = [event[0].place for event in pool.events(1.0) if isinstance(event, tuple)]

    assert said == [3, 77] and asked == {3: 1, 77: 1}
    monkeypatch.setattr(pools, "ROLL_CALL", -10_000.0)
    assert list(pool.events(0.0)) == [] and len(asked) == 150, "now and then all are asked"
    for worker in pool.workers:
        worker.pipe.close()
        os.close(worker.process.sentinel), os.close(worker.process.end)
    pool.selector.close()
    [end.close() for end in ends]


def test_workers_that_fail_to_start_five_times_stop_everything_with_their_traceback(trouble: Trouble) -> None:
    trouble("no start")
    with WorkerPool(["cpu"], None) as pool, pytest.raises(ArchsearchError, match="no module named torch"):
        ready(pool)


def test_workers_that_are_never_ready_stop_everything(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "START_PATIENCE", 0.02)
    trouble("never ready")
    with (
        WorkerPool(["cpu"], None) as pool,
        pytest.raises(WorkerError, match="5 workers in a row failed to start"),
    ):
        ready(pool)


def test_a_real_worker_that_cannot_import_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('this torch is broken')")
    monkeypatch.syspath_prepend(tmp_path)
    with WorkerPool(["cpu"], None) as pool, pytest.raises(ArchsearchError, match="this torch is broken"):
        ready(pool)


def test_a_pool_that_ends_leaves_no_process(trouble: Trouble) -> None:
    with WorkerPool(["cpu", "cpu"], None) as pool:
        processes = [psutil.Process(worker.process.pid) for worker in pool.workers]
    assert not any(lives(process) for process in processes)


def test_a_task_that_gives_no_window_is_named(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 1.0)
    monkeypatch.setattr(pools, "_main", REAL)
    (tmp_path / "never.py").write_text(
        "class Never:\n    symbols = 4\n    def windows(self, *_):\n        while True: pass\n"
    )
    spec = f"{tmp_path}/never.py:Never"
    with (
        WorkerPool(["cpu"], None, named_sources([spec])) as pool,
        pytest.raises(InputError, match=r"never\.py:Never: no window within 1 s"),
    ):
        probe(pool, [Probe(spec)])


def test_a_task_that_ends_the_process_is_named(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pools, "_main", REAL)
    (tmp_path / "dies.py").write_text("import os\nos._exit(3)")
    spec = f"{tmp_path}/dies.py:T"
    with (
        WorkerPool(["cpu"], None, named_sources([spec])) as pool,
        pytest.raises(InputError, match=r"dies\.py:T.*exit code 3"),
    ):
        probe(pool, [Probe(spec)])


def test_a_worker_runs_no_code_that_its_driver_has_not_named(
    trouble: Trouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pools, "_main", REAL)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    for name in (f"{tmp_path}/evil.py:T", f"text:{tmp_path}/evil.py"):
        with WorkerPool(["cpu"], None) as pool, pytest.raises(InputError, match="is not opened"):
            probe(pool, [Probe(name)])
    assert not (tmp_path / "executed").exists()
