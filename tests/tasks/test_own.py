"""Users' own tasks, good and bad."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from tests.helpers.sources import ROOT
from tests.tasks.samples import take

PARITY = ROOT / "tests" / "tasks" / "parity.py"
HEAD = "import numpy as np\nclass T:\n    symbols = 4\n    "
ZEROS = "np.zeros((unroll, batch), int)"
ONES = "np.ones((unroll, batch), bool)"
GENERATOR = "def windows(self, split, rng, batch, unroll):\n        while True: yield "


def load(tmp_path: Path, text: str) -> tasks.Task:
    path = tmp_path / "mine.py"
    path.write_text(text)
    return tasks.load(f"{path}:T")


def test_the_example_of_the_readme_is_a_task() -> None:
    task = tasks.load(f"{PARITY}:Parity")
    assert (task.symbols, task.measure, task.floor, task.ceiling) == (4, "accuracy", 0.5, 1)
    assert task.name == f"{PARITY}:Parity"
    assert task.checksum == hashlib.sha256(PARITY.read_bytes()).hexdigest()
    windows = take(task, 3)
    bits = np.concatenate([window.inputs for window in windows])
    answers = np.concatenate([window.targets for window in windows])
    assert np.array_equal(answers[1:], 2 + (bits[1:] + bits[:-1]) % 2), "also where a window begins"
    assert all(window.scored.all() for window in windows)
    assert len(PARITY.read_text().splitlines()) <= 20


def test_an_object_with_a_loss_and_resets_is_a_task(tmp_path: Path) -> None:
    text = HEAD.replace("class T", "class U") + (
        f"higher_is_better = False\n    floor = 1.3\n    {GENERATOR}{ZEROS}, {ZEROS}, {ONES}, {ONES}\nT = U()\n"
    )
    task = load(tmp_path, text)
    assert (task.measure, task.floor, task.ceiling) == ("nll", 1.3, 0)
    reset = take(task, 1)[0].reset
    assert reset is not None and reset.all()
    assert task.spread >= 0


def test_a_file_changed_a_moment_ago_is_read_as_it_is_now(tmp_path: Path) -> None:
    text = "class T:\n    symbols = {}\n    windows = print\n"
    assert [load(tmp_path, text.format(symbols)).symbols for symbols in (3, 4, 5)] == [3, 4, 5]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_task_may_be_a_dataclass(tmp_path: Path) -> None:
    text = "from dataclasses import dataclass\n@dataclass\nclass T:\n    symbols: 'int' = 7\n    windows = print\n"
    assert load(tmp_path, text).symbols == 7


def test_validation_may_end(tmp_path: Path) -> None:
    task = load(
        tmp_path,
        f"{HEAD}def windows(self, split, rng, batch, unroll):\n        yield {ZEROS}, {ZEROS}, {ONES}\n",
    )
    assert len(take(task, 9, split="valid")) == 1
    with pytest.raises(
        TaskError, match=r"T, split 'train': windows\(\) ended after 1; training needs an endless"
    ):
        take(task, 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def windows(self, *a): return None", r"windows\(\) returned None; it must `yield`"),
        ("def windows(self, *a): return 3", r"windows\(\) returned 3"),
        ("def windows(self, *a): return []", r"windows\(\) ended without a window"),
        ("def windows(self): pass", "TypeError: .*windows.* takes 1 positional argument"),
        (
            "def windows(self, *a):\n        yield 1 / 0",
            r"ZeroDivisionError: division by zero \(line 5 of .*mine.py\)",
        ),
        ("def windows(self, *a): raise SystemExit(3)", "SystemExit: 3"),
        (f"{GENERATOR}None", "window 1: expected .* got None"),
        (f"{GENERATOR}({ZEROS}, {ZEROS})", r"window 1: expected \(inputs, targets, scored\)"),
        (f"{GENERATOR}({ZEROS}.T, {ZEROS}, {ONES})", r"inputs has shape \(4, 35\); it must be \(T, 4\)"),
        (f"{GENERATOR}({ZEROS}, {ZEROS}[1:], {ONES})", r"targets has shape \(34, 4\), inputs have \(35, 4\)"),
        (f"{GENERATOR}({ZEROS}, {ZEROS}, {ONES}, {ONES}[0])", r"reset has shape \(4,\)"),
        (f"{GENERATOR}({ZEROS}, {ZEROS} + 4, {ONES})", "targets goes from 4 to 4; symbols are 0 to 3"),
        (f"{GENERATOR}({ZEROS} - 1, {ZEROS}, {ONES})", "inputs goes from -1 to -1"),
        (f"{GENERATOR}({ZEROS} * 1.0, {ZEROS}, {ONES})", "inputs must be whole numbers, got float64"),
        (f"{GENERATOR}({ZEROS}, {ZEROS}, {ZEROS})", "scored must be True or False, got int64"),
        (f"{GENERATOR}({ZEROS}, {ZEROS}, None)", "scored"),
        (f"{GENERATOR}([[1], [2, 3]], {ZEROS}, {ONES})", "inputs is no array"),
    ],
)
def test_a_bad_window_is_refused_with_the_split_and_the_reason(
    tmp_path: Path, body: str, message: str
) -> None:
    task = load(tmp_path, f"{HEAD}{body}\n")
    with pytest.raises(TaskError, match=rf"mine.py:T, split 'train'.*{message}"):
        take(task, 1)


def test_a_split_without_a_scored_position_is_refused(tmp_path: Path) -> None:
    task = load(tmp_path, f"{HEAD}{GENERATOR}({ZEROS}, {ZEROS}, ~{ONES})\n")
    with pytest.raises(TaskError, match="split 'train': nothing is scored in the first 100 windows"):
        take(task, 1_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "has no 'T'; it defines x"),
        ("T = 3\n", "T: symbols must be a whole number from 2 to 1,000,000, got None"),
        ("class T:\n    symbols = True\n", "symbols must be a whole number"),
        ("class T:\n    symbols = 1\n", "symbols must be a whole number"),
        ("class T:\n    symbols = 3\n", r"has no method windows\(split, rng, batch, unroll\)"),
        ("class T:\n    def __init__(self, size): pass\n", "TypeError: .*missing 1 required"),
        ("import nothing_like_it\n", r"ModuleNotFoundError: .* \(line 1 of"),
        ("def f(:\n", r"mine.py:1: invalid syntax"),
        (
            "class T:\n    symbols = 3\n    floor = 'x'\n    windows = print\n",
            "floor must be a finite number, got 'x'",
        ),
        (
            "class T:\n    symbols = 3\n    floor = 1\n    windows = print\n",
            "an accuracy needs 0 <= floor < ceiling",
        ),
        (
            "class T:\n    symbols = 3\n    higher_is_better = False\n    windows = print\n",
            "floor must be given",
        ),
        (
            "class T:\n    symbols = 3\n    higher_is_better = False\n    floor = 0\n    windows = print\n",
            "a loss needs floor > ceiling >= 0",
        ),
        (
            "class T:\n    symbols = 3\n    higher_is_better = False\n    floor = 1.1\n    windows = print\n",
            r"floor 1.1 is above math.log\(3\) = 1.0986, what guessing evenly loses",
        ),
        (
            "class T:\n    symbols = 3\n    higher_is_better = 'no'\n    windows = print\n",
            "must be True or False, got 'no'",
        ),
    ],
)
def test_a_file_that_is_no_task_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file; a task of your own is written FILE.py:NAME"):
        tasks.load(f"{tmp_path}/none.py:T")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(TaskError, match="cannot be read: Is a directory"):
        tasks.load(f"{tmp_path}/folder.py:T")


DATA_OF = "from pathlib import Path\nclass T:\n    symbols = 3\n    windows = print\n    files = "


def test_the_files_that_a_task_names_are_part_of_its_checksum(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n2\n")
    alone = load(tmp_path, DATA_OF + "[]\n").checksum
    assert alone == hashlib.sha256((tmp_path / "mine.py").read_bytes()).hexdigest()
    before = load(tmp_path, DATA_OF + "['a.csv', Path('a.csv')]\n").checksum
    (tmp_path / "a.csv").write_text("2\n1\n")
    assert len({alone, before, load(tmp_path, DATA_OF + "['a.csv', Path('a.csv')]\n").checksum}) == 3


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("['b.csv']", "files names 'b.csv', and .*/b.csv is no file"),
        ("'a.csv'", "files must be a list of file names, got 'a.csv'"),
        ("[3]", r"files must be a list of file names, got \[3\]"),
        ("['a\\0b']", "files names|cannot be read"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, files: str, message: str) -> None:
    with pytest.raises(TaskError, match=f"mine.py:T: .*{message}"):
        load(tmp_path, f"{DATA_OF}{files}\n")


def test_another_file_than_the_one_that_may_run_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("raise SystemExit('run')\n")
    with pytest.raises(TaskError, match="was changed a moment ago"):
        tasks.load("mine.py:T", source=tasks.TaskSource(str(path), "0" * 64))


REAL = "np.zeros((unroll, batch, 2))"


def test_the_example_with_real_numbers_is_a_task() -> None:
    task = tasks.load(f"{PARITY.with_name('smoothing.py')}:Smoothing")
    assert (task.symbols, task.measure, task.is_real, task.ceiling) == (1, "mse", True, 0)
    windows = take(task, 200)
    numbers = np.concatenate([window.inputs for window in windows])
    means = np.concatenate([window.targets for window in windows])
    assert np.allclose(means[2:], (numbers[2:] + numbers[1:-1] + numbers[:-2]) / 3)
    assert np.square(means[2:] - numbers[2:] / 3).mean() == pytest.approx(task.floor, rel=0.05)
    assert task.spread == pytest.approx(np.square(means).std(), rel=0.2)


@pytest.mark.parametrize(
    ("real", "yielded", "measure"),
    [
        ("inputs", f"{REAL}, {ZEROS}, {ONES}", "accuracy"),
        ("targets", f"{ZEROS}, {REAL}, {ONES}", "mse"),
        ("both", f"{REAL}, {REAL}, {ONES}, {ONES}", "mse"),
    ],
)
def test_inputs_targets_or_both_may_be_real(tmp_path: Path, real: str, yielded: str, measure: str) -> None:
    task = load(tmp_path, f"{HEAD}real_numbers = '{real}'\n    floor = 0.5\n    {GENERATOR}{yielded}\n")
    window = take(task, 1)[0]
    assert task.measure == measure and task.is_real
    assert (window.inputs.dtype.kind == "f", window.targets.dtype.kind == "f") == (
        real != "targets",
        real != "inputs",
    )


@pytest.mark.parametrize(
    ("yielded", "message"),
    [
        (f"{ZEROS}, {REAL}, {ONES}", r"inputs has shape \(35, 4\); it must be \(T, 4, how many\)"),
        (
            f"np.zeros((unroll, batch, 5)), {REAL}, {ONES}",
            "inputs has 5 numbers a step; symbols allows 1 to 4",
        ),
        (f"{REAL} / 0, {REAL}, {ONES}", "inputs holds a number that is not finite"),
        (f"{REAL}, {REAL}.astype(str), {ONES}", "targets must be real numbers, got <U"),
    ],
)
def test_real_numbers_are_checked(tmp_path: Path, yielded: str, message: str) -> None:
    task = load(tmp_path, f"{HEAD}real_numbers = 'both'\n    floor = 0.5\n    {GENERATOR}{yielded}\n")
    with np.errstate(all="ignore"), pytest.raises(TaskError, match=message):
        take(task, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("real_numbers = 'all'", 'real_numbers must be "inputs", "targets" or "both", got \'all\''),
        ("real_numbers = 'both'", "floor must be given: the squared error of a predictor without memory"),
        ("real_numbers = 'both'\n    higher_is_better = True\n    floor = 1", "so higher is not better"),
    ],
)
def test_what_a_task_says_of_its_real_numbers_is_checked(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load(tmp_path, f"{HEAD}{text}\n    windows = print\n")
