"""Sums and differences among distractors."""

import re
from collections import Counter

import numpy as np
import pytest

from archsearch import tasks
from archsearch.tasks.arithmetic import ALPHABET, Arithmetic
from tests.tasks.samples import stream, take

SPECS = ["arithmetic:paper", "arithmetic:medium", "arithmetic:small", "arithmetic:tiny"]
PROBLEM = re.compile(r"(-?\d+)([+-]\d+)=(-?\d+)\.$")


def read(problem: str) -> tuple[int, int, int]:
    """Return both operands, the second with the operator's sign, and the answer of a problem."""
    match = PROBLEM.match(re.sub("[a-z]", "", problem))
    assert match, problem
    return int(match[1]), int(match[2]), int(match[3])


def problems(spec: str, steps: int = 100_000) -> list[str]:
    task = tasks.load(spec)
    return [f"{problem}." for problem in tasks.decode(task, stream(task, steps)).split(".")[:-1]]


def test_the_papers_example_has_this_format() -> None:
    assert read("3e36d9-h1h39f94eeh43keg3c=-13991064.") == (3369, -13994433, -13991064)


@pytest.mark.parametrize("spec", SPECS)
def test_answers_are_right(spec: str) -> None:
    for problem in problems(spec):
        first, second, answer = read(problem)
        assert first + second == answer
        assert "-0" not in problem.split("=")[1] and not problem.startswith("-0")


@pytest.mark.parametrize(("spec", "digits"), list(zip(SPECS, (8, 3, 2, 1), strict=True)))
def test_digit_counts_and_signs_are_uniform(spec: str, digits: int) -> None:
    operands = np.array([read(problem)[:2] for problem in problems(spec, 200_000)])
    counts = Counter(len(str(abs(value))) for value in operands.ravel())
    assert {count: share / operands.size for count, share in counts.items()} == pytest.approx(
        {count: 1 / digits for count in range(1, digits + 1)}, abs=0.02
    )
    assert (operands < 0).mean(axis=0) == pytest.approx([0.5 - 0.05 / digits] * 2, abs=0.03)


@pytest.mark.parametrize(
    ("spec", "mean", "most"), list(zip(SPECS, (0.3 / 0.7, 0.5, 0.5, 0.5), (99, 1, 1, 1), strict=True))
)
def test_distractors_follow_every_character_of_the_question(spec: str, mean: float, most: int) -> None:
    questions = "".join(problem.split("=")[0] for problem in problems(spec, 200_000))
    runs = [len(run) for run in re.findall(r"[\d+-]([a-z]*)", questions)]
    assert np.mean(runs) == pytest.approx(mean, abs=0.01)
    assert max(runs) <= most
    assert not any(re.search("=.*[a-z]|^[a-z]", problem) for problem in problems(spec))


def test_the_answer_and_its_stop_are_scored() -> None:
    task = tasks.load("arithmetic:small")
    window = take(task, 1, batch=1, unroll=500)[0]
    answering = False
    for symbol, target, scored in zip(
        window.inputs[:, 0], window.targets[:, 0], window.scored[:, 0], strict=True
    ):
        answering = (answering or ALPHABET[symbol] == "=") and ALPHABET[symbol] != "."
        assert scored == answering, (ALPHABET[symbol], ALPHABET[target])


def test_the_alphabet_has_forty_characters() -> None:
    assert len(ALPHABET) == 40
    assert {tasks.load(spec).symbols for spec in SPECS} == {40}


@pytest.mark.parametrize(("spec", "floor"), list(zip(SPECS, (0.2350, 0.4014, 0.4833, 0.6063), strict=True)))
def test_the_floor_is_the_best_guess_from_position_and_last_symbol(spec: str, floor: float) -> None:
    counts: dict[tuple[int, str], Counter[str]] = {}
    for problem in problems(spec, 400_000):
        answer = problem[problem.index("=") :]
        for position in range(1, len(answer)):
            counts.setdefault((position, answer[position - 1]), Counter())[answer[position]] += 1
    best = sum(max(counter.values()) for counter in counts.values())
    guess = best / sum(counter.total() for counter in counts.values())
    assert tasks.load(spec).floor == pytest.approx(floor, abs=0.0001)
    assert guess == pytest.approx(floor, abs=0.008)


def test_loading_does_not_count_the_floor() -> None:
    task = tasks.load("arithmetic:small")
    assert isinstance(task, Arithmetic) and "floor" not in vars(task)
