"""`FILE.py:NAME`: a user's own task.

NAME is an object, or a class made without arguments, with

    symbols                   how many symbols there are
    windows(split, rng, batch, unroll)
                              yields (inputs, targets, scored) or (inputs, targets, scored, reset): arrays
                              of shape (T, batch), T at most unroll; `train` never ends
    higher_is_better = True   score by accuracy; False: by negative log likelihood in nats
    floor = 0                 the score without memory; must be given where lower is better, at most log(symbols)
    ceiling = 1               the best possible score; 0 where lower is better
    files = []                the data files that it reads, beside the Python file: part of the checksum
    real_numbers = ""         which are real numbers, arrays of shape (T, batch, how many): "inputs", "targets" or
                              "both"; symbols is then at least as many. Real targets are scored by their squared
                              error, and need a floor

Whatever the file does wrong ends in one TaskError that says where.
"""

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import math
import reprlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.own_windows import Real, checked_window
from archsearch.tasks.source import read_code
from archsearch.tasks.task import Measure, Window, accuracy_spread, fixed_generator, words_checksum
from archsearch.tasks.unigram import unigram

MOST_SYMBOLS = 1_000_000
PATIENCE = 100
"""Windows of a split after which something must have been scored."""


@dataclass(frozen=True, eq=False)
class OwnTask:
    """A user's object behind the task interface; everything it yields is checked."""

    name: str
    path: Path
    user: Any
    """The user's object."""
    symbols: int
    measure: Measure
    floor: float
    ceiling: float
    checksum: str
    """SHA-256 of the file; of it and of the files that it names, where it names some."""

    real: Real = ""
    """Which of a window's arrays hold real numbers."""
    alphabet: None = None

    @property
    def is_real(self) -> bool:
        """Whether inputs or targets are real numbers."""
        return self.real != ""

    @cached_property
    def spread(self) -> float:
        """Standard deviation of one scored position; where lower is better, of the loss of a predictor without memory."""
        if self.measure == "accuracy":
            return accuracy_spread(self.floor, self.ceiling)
        windows = islice(self.windows("valid", fixed_generator("own", "spread"), 20, 35), 20)
        targets = np.concatenate([window.targets[window.scored] for window in windows])
        if self.measure == "mse":
            return float(np.square(targets - targets.mean(axis=0)).sum(axis=1).std())
        return unigram(targets, targets, self.symbols).spread

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield the user's windows, each one checked.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        where = f"{self.name}, split {split!r}"
        with _blamed(self.path, where):
            yielded = self.user.windows(split, rng, batch, unroll)
            if yielded is None:
                raise TaskError(f"{where}: windows() returned None; it must `yield` windows")
            if not hasattr(yielded, "__iter__"):
                raise TaskError(f"{where}: windows() returned {yielded!r}; it must `yield` windows")
            source = iter(yielded)
        count, scored = 0, False
        while True:
            with _blamed(self.path, where):
                given = next(source, _END)
            if given is _END:
                break
            count += 1
            place = f"{where}, window {count}"
            window = checked_window(given, self.symbols, batch, unroll, where=place, real=self.real)
            scored = scored or bool(window.scored.any())
            if count == PATIENCE and not scored:
                raise TaskError(f"{where}: nothing is scored in the first {PATIENCE} windows")
            yield window
        if count == 0:
            raise TaskError(f"{where}: windows() ended without a window")
        if not scored:
            raise TaskError(f"{where}: nothing is scored in any of its {count} windows")
        if split == "train":
            raise TaskError(
                f"{where}: windows() ended after {count}; training needs an endless stream (`while True:`)"
            )


def load(name: str, path: Path, attribute: str, sha256: str = "") -> OwnTask:
    """Return the task that `attribute` of the Python file at `path` is.

    Args:
        name: The task's name.
        path: The file; it is run.
        attribute: The name of the object or class in it.
        sha256: Of the file that may be run; empty for whatever lies there.

    Raises:
        TaskError: There is no such file or name, the file is another or fails, or the object is no task.
    """
    content = read_code(path)
    checksum = hashlib.sha256(content).hexdigest()
    if sha256 not in ("", checksum):
        raise TaskError(f"{name}: {path} was changed a moment ago; give the same command again")
    with _blamed(path, name):
        user = _attribute(_run(path, content, checksum), attribute, path)
        if isinstance(user, type):
            user = user()
        higher, files = getattr(user, "higher_is_better", None), getattr(user, "files", None)
        found = {
            key: getattr(user, key, None)
            for key in ("symbols", "windows", "floor", "ceiling", "real_numbers")
        }
    checksum = _with_files(name, path, checksum, files)
    return _adapted(name, path, user, checksum, higher=higher, found=found)


def _with_files(name: str, path: Path, checksum: str, files: Any) -> str:
    """Return the checksum of a Python file and the data files that its task names."""
    if not files:
        return checksum
    if not isinstance(files, list | tuple) or not all(isinstance(file, str | Path) for file in files):
        raise TaskError(f"{name}: files must be a list of file names, got {reprlib.repr(files)}")
    return words_checksum(checksum, *(word for file in files for word in (file, _digest(name, path, file))))


def _digest(name: str, path: Path, file: str | Path) -> str:
    """Return the SHA-256 of a data file, which lies beside the Python file unless its name says otherwise."""
    place = path.parent / file
    try:
        if not place.is_file():
            raise TaskError(f"{name}: files names {str(file)!r}, and {place} is no file")
        with place.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise TaskError(f"{name}: {place} cannot be read: {getattr(error, 'strerror', error)}") from None


def _adapted(
    name: str, path: Path, user: Any, checksum: str, *, higher: Any, found: dict[str, Any]
) -> OwnTask:
    symbols = found["symbols"]
    real: Real = found["real_numbers"] or ""
    if real not in get_args(Real):
        raise TaskError(
            f'{name}: real_numbers must be "inputs", "targets" or "both", got {reprlib.repr(real)}'
        )
    least = 1 if real == "both" else 2
    whole = isinstance(symbols, int | np.integer) and not isinstance(symbols, bool)
    if not whole or not least <= symbols <= MOST_SYMBOLS:
        raise TaskError(
            f"{name}: symbols must be a whole number from {least} to {MOST_SYMBOLS:,}, got {symbols!r}"
        )
    if not callable(found["windows"]):
        raise TaskError(f"{name}: it has no method windows(split, rng, batch, unroll)")
    is_error = real in ("targets", "both")
    if higher is None:
        higher = not is_error
    if not isinstance(higher, bool):
        raise TaskError(f"{name}: higher_is_better must be True or False, got {higher!r}")
    if higher and is_error:
        raise TaskError(f"{name}: real targets are scored by their squared error, so higher is not better")
    if not higher and found["floor"] is None:
        loss = "squared error of a predictor without memory" if is_error else "loss without memory, in nats"
        raise TaskError(f"{name}: where lower is better, floor must be given: the {loss}")
    floor = _number(name, "floor", found["floor"], 0.0)
    ceiling = _number(name, "ceiling", found["ceiling"], 1.0 if higher else 0.0)
    if higher and not 0 <= floor < ceiling <= 1:
        raise TaskError(
            f"{name}: an accuracy needs 0 <= floor < ceiling <= 1, got floor {floor} and ceiling {ceiling}"
        )
    if not higher and not floor > ceiling >= 0:
        raise TaskError(f"{name}: a loss needs floor > ceiling >= 0, got floor {floor} and ceiling {ceiling}")
    if not (higher or is_error) and floor > math.log(symbols):
        raise TaskError(
            f"{name}: floor {floor:g} is above math.log({symbols}) = {math.log(symbols):.4f}, what guessing evenly "
            f"loses: guessing would look like skill; give that or less"
        )
    measure: Measure = "accuracy" if higher else "mse" if is_error else "nll"
    return OwnTask(
        name=name,
        path=path,
        user=user,
        symbols=int(symbols),
        measure=measure,
        floor=floor,
        ceiling=ceiling,
        checksum=checksum,
        real=real,
    )


_END = object()


def _number(name: str, key: str, value: Any, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise TaskError(f"{name}: {key} must be a finite number, got {value!r}")
    return float(value)


class _Loader(importlib.abc.SourceLoader):
    """Runs exactly the bytes whose checksum was taken: no compiled file is read or written.

    Attributes:
        path: The file.
        content: Its bytes.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.content = content

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str | bytes) -> bytes:
        return self.content


def _run(path: Path, content: bytes, checksum: str) -> Any:
    """Run the file as a module of its own name, so that two tasks never share one."""
    loader = _Loader(path, content)
    name = f"archsearch_own_task_{checksum[:16]}"
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


def _attribute(module: Any, attribute: str, path: Path) -> Any:
    if not hasattr(module, attribute):
        names = ", ".join(key for key in vars(module) if not key.startswith("_")) or "nothing"
        raise TaskError(f"{path} has no {attribute!r}; it defines {names}")
    return getattr(module, attribute)


@contextmanager
def _blamed(path: Path, where: str) -> Iterator[None]:
    """Turn whatever the user's code raises into a TaskError with its type, text and line."""
    try:
        yield
    except TaskError:
        raise
    except SyntaxError as error:
        raise TaskError(f"{where}: {error.filename}:{error.lineno}: {error.msg}") from error
    except GeneratorExit:
        raise
    except (
        BaseException
    ) as error:  # also KeyboardInterrupt: signals are the driver's, so it is the task's own
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
        at = f" (line {lines[-1]} of {path})" if lines else ""
        raise TaskError(f"{where}: {type(error).__name__}: {error}{at}") from error
