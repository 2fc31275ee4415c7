"""Who solves each task with a length from what people read, without a look at how its sequences are made."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from archsearch.tasks import TASKS, Task, Window, load
from archsearch.tasks.lengths import LengthTask
from tests.tasks.samples import take

Solver = Callable[[list[str]], list[str]]
"""(words read, a step each) -> what is to be answered at each step; anything where nothing is scored."""


def cyclic(order: int) -> Solver:
    def solve(read: list[str]) -> list[str]:
        return [str(sum(map(int, read[: step + 1])) % order) for step in range(len(read))]

    return solve


def permuting(read: list[str]) -> list[str]:
    """Move things about as each element says: who was on place i goes to where the element takes i."""
    places, said = list(range(1, len(read[0]) + 1)), []
    for element in read:
        places = [int(element[place - 1]) for place in places]
        said.append("".join(map(str, places)))
    return said


def evaluating(read: list[str]) -> list[str]:
    """Let Python work the expression out."""
    end = read.index("=")
    return ["?"] * end + [str(eval("".join(read[:end])) % 5)] + ["?"] * (len(read) - end - 1)


def walking(read: list[str]) -> list[str]:
    forward, back = [[read[: step + 1].count(sign) for step in range(len(read))] for sign in "+-"]
    return [str((ahead - behind) % 5) for ahead, behind in zip(forward, back, strict=True)]


def counting_pairs(read: list[str]) -> list[str]:
    changes = [before != after for before, after in pairwise(read)]
    return ["n" if sum(changes[:step]) % 2 else "y" for step in range(len(read))]


def matching(read: list[str]) -> list[str]:
    closes, still_open, said = dict(["()", "[]", "{}", "<>", "/\\"]), list[str](), list[str]()
    for bracket in read:
        if bracket in closes:
            still_open.append(bracket)
        else:
            assert closes[still_open.pop()] == bracket
        said.append(closes[still_open[-1]] if still_open else ".")
    return said


def stacking(read: list[str]) -> list[str]:
    stack, said = list[str](), list[str]()
    for order in read:
        if order in "ab":
            stack.append(order)
        said.append(stack.pop() if stack and order in "-=" else "?")
    return said


def sorting(read: list[str]) -> list[str]:
    digits = sorted(digit for digit in read if digit != "=")
    return ["?"] * len(digits) + digits + ["?"] * (len(read) - 2 * len(digits))


def recalling(read: list[str]) -> list[str]:
    known = {key: value for key, value in pairwise(read) if key.islower() and value.isupper()}
    return [known.get(symbol, "?") for symbol in read]


def copying(read: list[str]) -> list[str]:
    letters = iter([symbol for symbol in read if symbol.isalpha()])
    return [next(letters, "?") if symbol == "=" else "?" for symbol in read]


SOLVERS: dict[str, Solver] = {
    "parity": cyclic(2),
    "z5": cyclic(5),
    "s3": permuting,
    "a5": permuting,
    "s5": permuting,
    "modular": evaluating,
    "cycle": walking,
    "even_pairs": counting_pairs,
    "dyck2": matching,
    "dyck5": matching,
    "stack": stacking,
    "bucket_sort": sorting,
    "mqar": recalling,
    "selective_copy": copying,
}


def sequences(task: Task, split: str, windows: int, batch: int = 4, unroll: int = 32) -> Iterator[Window]:
    """Yield the sequences of the first windows that begin and end in them, one by one, as windows of one stream."""
    taken = take(task, windows, batch=batch, unroll=unroll, split=split)
    fields = ("inputs", "targets", "scored", "reset")
    joined = [np.concatenate([getattr(window, field) for window in taken]) for field in fields]
    starts = np.flatnonzero(joined[3][:, 0])
    for start, end in zip(starts[:-1], starts[1:], strict=True):
        for stream in range(batch):
            yield Window(*(array[start:end, stream : stream + 1] for array in joined))


def wrong_answers(task: LengthTask, window: Window) -> int:
    """Return how many scored steps of one sequence the task's solver answers otherwise."""
    alphabet = task.alphabet
    told = SOLVERS[task.family]([alphabet[symbol] for symbol in window.inputs[:, 0]])
    expected = [alphabet[symbol] for symbol in window.targets[:, 0]]
    return sum(told[step] != expected[step] for step in np.flatnonzero(window.scored[:, 0]))


def long_tasks() -> list[str]:
    """Return the tasks that say how long each split is, in all difficulties."""
    return [f"{name}:{difficulty}" for name in SOLVERS for difficulty in TASKS[name].difficulties]


def loaded(spec: str) -> LengthTask:
    """Return a task with a length."""
    task = load(spec)
    assert isinstance(task, LengthTask)
    return task
