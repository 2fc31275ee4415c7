"""The worker process: trains what it is given, a trial or a stack of them at a time, on one thread."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from archsearch import tasks
from archsearch.cache_folder import cache_folder
from archsearch.cell import Cell
from archsearch.compiler.engine_names import INTERPRETER, current_name, trains_stacks
from archsearch.compiler.engines import ENGINES, default_engine, identity, native_trouble
from archsearch.errors import (
    FULL,
    ArchsearchError,
    BuildError,
    CompilerEnded,
    InputError,
    NoSpace,
    TaskError,
    is_full,
)
from archsearch.protocol.plan import TaskFacts
from archsearch.protocol.records import Outcome, Trial
from archsearch.store.checkpoints import CheckpointFile, CheckpointFolder
from archsearch.store.connecting import no_space
from archsearch.tasks import Task, TaskName, TaskSource
from archsearch.training import Streams, run_trials
from archsearch.training.stopwatch import Stopwatch
from archsearch.words import short_id
from archsearch.workers import messages
from archsearch.workers.messages import Alive, Facts, Failed, Hello, Job, Probe, Result, Sources, Title
from archsearch.workers.title import call_this_process

LEAST_FREE = 1 << 18
"""Bytes that a library may need."""

CELLS = 64
"""Parsed cells that a worker keeps."""


def serve(pipe: Connection, device: str, data: str | None) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        pipe: To the driver.
        device: "cpu" or a CUDA device such as "cuda:0".
        data: The folder of the tasks' files.
    """
    if device != "cpu" and (problem := cuda_problem(device)):
        pipe.send_bytes(messages.encode(Failed(problem, InputError.exit_code)))
        return
    with as_in_a_worker(device):
        _Worker(pipe, device, Path(data) if data else None).run()


class _Worker:
    """Answers the requests that come through a pipe.

    Attributes:
        pipe: To the driver.
        device: Where it trains: "cpu" or a CUDA device such as "cuda:0".
        data: The folder of the tasks' files.
        sources: Where the files of users' own tasks lie, by the tasks' names.
        streams: The data of the tasks that were asked for, by the tasks' names.
        cell: Parses a cell's text; the cells of late are remembered.
    """

    def __init__(self, pipe: Connection, device: str, data: Path | None) -> None:
        self.pipe, self.device, self.data = pipe, device, data
        self.sources: dict[str, TaskSource] = {}
        self.streams: dict[str, Streams] = {}
        self.cell = lru_cache(CELLS)(Cell.parse)

    def say(self, message: messages.ToDriver) -> None:
        """Send a message."""
        self.pipe.send_bytes(messages.encode(message))

    def run(self) -> None:
        """Take one request after the other."""
        try:
            hello = self.hello()
        except ArchsearchError as error:
            self.say(Failed(str(error), error.exit_code))
            return
        self.say(hello)
        while True:
            try:
                request = messages.decode_for_worker(self.pipe.recv_bytes(messages.MAX_BYTES))
            except EOFError:
                return
            try:
                self.answer(request)
            except ArchsearchError as error:
                self.say(Failed(str(error), error.exit_code))

    def hello(self) -> Hello:
        """Return what this worker is.

        Raises:
            InputError: There is no such engine as was asked for.
            NoSpace: Nothing can be compiled for want of space; a run is not bound to the interpreter for that.
            CompilerEnded: The host ended the compiler, which is as little a reason.
        """
        engine = chosen_engine(self.device)
        trouble = missing_engine(self.device)
        identities = [identity(name, self.device) for name in dict.fromkeys((engine, INTERPRETER.name))]
        return Hello(machine_kind(self.device), identities[0], tuple(identities), trouble)

    def answer(self, request: messages.ToWorker) -> None:
        """Carry out one request."""
        if isinstance(request, Sources):
            self.sources = request.of
            return
        if isinstance(request, Title):
            call_this_process(request.text)
            return
        if isinstance(request, Probe):
            self.say(self.probe(request))
            return
        self.say(Alive(request.number, 0))
        trains_together = trains_stacks(request.trials[0].engine)
        groups = [request.trials] if trains_together else [(trial,) for trial in request.trials]
        for first, trials in enumerate(groups):
            began, stopwatch = time.perf_counter(), Stopwatch()
            outcomes = self.train(request, trials, stopwatch)
            spent = shares(stopwatch, time.perf_counter() - began, len(trials))
            for index, outcome in enumerate(outcomes, first):
                self.say(Result(request.number, index, outcome, spent))

    def task(self, name: str) -> Streams:
        """Return a task's data, loaded once."""
        if name not in self.streams:
            source = self.sources.get(name)
            if source is None and TaskName.parse(name).is_own:
                raise TaskError(f"{name} is not among the files that the driver named: it is not opened")
            self.streams[name] = Streams(tasks.load(name, self.data, source), self.device)
        return self.streams[name]

    def probe(self, question: Probe) -> Facts:
        """Return what a task says of itself, once its first windows were looked at."""
        streams, scored = self.task(question.task), 0
        tasks.check_first_windows(streams.task)
        self.say(Alive(0, 0))
        if question.validation:
            windows = streams.take("valid", 0, question.batch, question.unroll, question.validation)
            scored = sum(len(window.targets) for window in windows)
        return Facts(task_facts(streams.task), scored)

    def train(self, job: Job, trials: Sequence[Trial], stopwatch: Stopwatch) -> list[Outcome]:
        """Run trials together; memory and errors of our own are outcomes too, of all of them.

        Args:
            job: That they are of.
            trials: Their records.
            stopwatch: Told what their parts take.
        """
        trial = trials[0]
        try:
            cell = self.cell(job.cell, f"cell {short_id(trial.cell)}")
            streams = self.task(trial.task)
            if streams.task.checksum != trial.data:
                raise TaskError(
                    f"{trial.task} has changed since the run began; put it back, or start another run"
                )
            return run_trials(
                trials,
                cell,
                streams,
                alive=lambda step: self.say(Alive(job.number, step)),
                checkpoints=checkpoint_files(job, trials),
                pauses=job.pauses,
                stopwatch=stopwatch,
            )
        except BaseException as error:  # also a task's SystemExit; signals raise nothing here
            return [failed_outcome(error)] * len(trials)


def shares(stopwatch: Stopwatch, seconds: float, trials: int) -> dict[str, float]:
    """Return what the parts of one of several trials took that trained together, the rest of their time included.

    Args:
        stopwatch: What the parts of all took.
        seconds: What all took from beginning to end.
        trials: How many there were.
    """
    rest = max(0.0, seconds - sum(stopwatch.seconds.values()))
    return {part: each / trials for part, each in (*stopwatch.seconds.items(), ("rest", rest))}


def checkpoint_files(job: Job, trials: Sequence[Trial]) -> list[CheckpointFile] | None:
    """Return where the checkpoints of trials lie; None if the job keeps none."""
    if not job.checkpoints:
        return None
    folder = CheckpointFolder(Path(job.checkpoints))
    return [folder.slot(trial) for trial in trials]


def failed_outcome(error: BaseException) -> Outcome:
    """Return the outcome of trials that an error has ended; what a person has to mend is raised again.

    So is an error of CUDA: nothing more can be computed in this process; its end is seen, and the job tried again.
    A compiler that the host has ended is the death of a worker: the trial is tried once more.
    """
    if is_full(error) or (isinstance(error, CompilerEnded) and _is_out_of_space()):
        raise out_of_space(error) from None
    if isinstance(error, CompilerEnded):
        return Outcome("crashed", reason=str(error)[-2000:])
    trace = "".join(traceback.format_exception(error))[-2000:]
    if isinstance(error, BuildError):
        return Outcome("error", reason=str(error)[-2000:])
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return Outcome("oom", reason=str(error)[:500])
    if isinstance(error, ArchsearchError) or (isinstance(error, RuntimeError) and "CUDA error" in str(error)):
        raise error
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return Outcome("oom", reason=trace)  # torch's CPU allocator has no exception of its own
    return Outcome("error", reason=trace)


def out_of_space(error: BaseException) -> NoSpace:
    """Return the error that stops a search, with the fullest of the folders that a worker writes to."""
    said = [line for line in str(error).splitlines() if any(os.strerror(number) in line for number in FULL)]
    words = (said or ["no space left"])[0]
    return no_space(min(_writable(), key=lambda folder: shutil.disk_usage(folder).free), words)


def _is_out_of_space() -> bool:
    """Whether hardly anything can be written: a linker that maps its file is killed there and says nothing of space."""
    return min(shutil.disk_usage(folder).free for folder in _writable()) < LEAST_FREE


def _writable() -> list[Path]:
    """Return the folders of this user's cache and of temporary files, as far as they are there."""
    cache = cache_folder()
    there = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    temporary = Path(os.environ.get("TMPDIR") or tempfile.gettempdir())  # Python leaves a full one out
    return [there, temporary] if temporary.is_dir() else [there]


def missing_engine(device: str) -> str:
    """Return why a worker on a CPU has no native engine; empty if it has, or needs none.

    Raises:
        NoSpace: For want of space.
        CompilerEnded: The host ended the compiler: a fresh worker tries again, so that it binds no run to the interpreter.
    """
    if device != "cpu" or os.environ.get("ARCHSEARCH_ENGINE"):
        return ""
    with warnings.catch_warnings(action="ignore"):
        trouble = native_trouble()
    if trouble is not None and is_full(trouble):
        raise out_of_space(trouble)
    if isinstance(trouble, CompilerEnded):
        raise trouble
    return "" if trouble is None else " ".join(str(trouble).split())[:300]


def chosen_engine(device: str) -> str:
    """Return the engine of a device; ARCHSEARCH_ENGINE says otherwise.

    Raises:
        InputError: There is no such engine, or the processor lacks what it needs.
    """
    if asked := os.environ.get("ARCHSEARCH_ENGINE"):
        if current_name(asked) not in ENGINES:
            raise InputError(f"ARCHSEARCH_ENGINE is {asked!r}; it must be one of {', '.join(ENGINES)}")
        engine = ENGINES[current_name(asked)]
        if engine.title.parts and not engine.works():
            raise InputError(
                f"ARCHSEARCH_ENGINE is {asked!r}, which needs a C++ compiler and a processor with AVX512-BF16"
            )
        return engine.name
    with warnings.catch_warnings(action="ignore"):  # the driver says which engine it is, once
        return default_engine(device)


def task_facts(task: Task) -> TaskFacts:
    """Return what a task says of itself as a record."""
    return TaskFacts(
        name=task.name,
        symbols=task.symbols,
        measure=task.measure,
        floor=float(task.floor),
        ceiling=float(task.ceiling),
        spread=float(task.spread),
        checksum=task.checksum,
    )


def cuda_problem(device: str) -> str | None:
    """Return why a CUDA device cannot be used here; None if it can."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = int(device.partition(":")[2] or 0)
    there = ", ".join(f"cuda:{index}" for index in range(count)) or "none"
    return (
        None
        if number < count
        else f"--device {device}: no such device here (CUDA devices: {there}); cpu always works"
    )


@contextmanager
def as_in_a_worker(device: str = "cpu") -> Iterator[None]:
    """Compute as workers do: on one thread, numbers too small for full precision are zero, the same every time.

    Args:
        device: "cpu" or a CUDA device such as "cuda:0".
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    flushes = float(torch.tensor(1e-40) * 1) == 0
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        if device != "cpu":
            begin_on_cuda(device)
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushes)
        torch.use_deterministic_algorithms(deterministic)


def begin_on_cuda(device: str) -> None:
    """Make this process's computations on a CUDA device the same every time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at the first product
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # all is written once anyway
    torch.cuda.set_device(torch.device(device).index or 0)


def machine_kind(device: str) -> str:
    """Return what decides the bits of a score besides engine and record."""
    kind = (
        torch.cuda.get_device_name(device)
        if device != "cpu"
        else f"cpu {torch.backends.cpu.get_cpu_capability()}"
    )
    return f"torch {torch.__version__}, {kind}, {os.uname().machine}"
