"""The experiments of Hochreiter and Schmidhuber (1997), each with its task, network, criterion and published figures.

Figures that only summaries of the paper state are taken as published. Where the paper is silent, docs/studies.md says
what is done here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archsearch.studies.lags.criteria import Classified, Criterion, Legal, Recent
from archsearch.studies.lags.data import Draw
from archsearch.studies.lags.memory_blocks import Wiring
from archsearch.tasks.adding import Adding
from archsearch.tasks.noisy_lags import FixedLag, NoisyLag
from archsearch.tasks.reber import draw_reber
from archsearch.tasks.task import Window
from archsearch.tasks.temporal_order import DIFFICULTIES, TemporalOrder
from archsearch.tasks.two_sequences import TARGET_NOISE, TwoSequences


@dataclass(frozen=True)
class Published:
    """What the paper reports.

    Attributes:
        sequences: Training sequences to success, the mean over its runs.
        solved: Share of its runs that succeeded.
        wrong: Share of test sequences that were wrong; None where it is not reported.
        first: Sequences to the weaker criterion ST1, where there are two.
    """

    sequences: int
    solved: float = 1.0
    wrong: float | None = None
    first: int | None = None


@dataclass(frozen=True)
class Experiment:
    """A task with the network that learns it.

    Attributes:
        title: What people call it.
        draw: Makes training sequences.
        wiring: The network.
        rate: The learning rate.
        bound: Initial weights are uniform between plus and minus it.
        criterion: When it is solved.
        published: The paper's figures.
        input_bias: Where the biases of the input gates start; empty: like any weight.
        output_bias: Those of the output gates.
        clean: Makes test sequences, where these are not as those of training.
    """

    title: str
    draw: Draw
    wiring: Wiring
    rate: float
    bound: float
    criterion: Criterion
    published: Published
    input_bias: tuple[float, ...] = ()
    output_bias: tuple[float, ...] = ()
    clean: Draw | None = None

    def tests(self, rng: np.random.Generator, count: int) -> Window:
        """Return test sequences, shape (T, count)."""
        return (self.clean or self.draw)(rng, count)


def _reber(blocks: int, size: int, rate: float, published: Published) -> Experiment:
    return Experiment(
        title=f"1: embedded Reber grammar, {blocks} x {size}, rate {rate:g}",
        draw=draw_reber,
        wiring=Wiring(7, 7, blocks, size),
        rate=rate,
        bound=0.2,
        criterion=Legal(),
        published=published,
        output_bias=(-1, -2, -3, -4)[:blocks],
    )


def _fixed_lag(name: str, is_random: bool, sequences: int) -> Experiment:
    task = FixedLag(100, is_random)
    return Experiment(
        title=f"{name}: lag 100, {'random symbols between' if is_random else 'no noise'}",
        draw=task.draw,
        wiring=Wiring(
            task.symbols,
            task.symbols,
            blocks=1,
            is_recurrent=False,
            has_output_gates=False,
            is_direct=True,
            is_squashed=False,
            gate_bias=False,
        ),
        rate=1.0,
        bound=0.2,
        criterion=Recent(10_000, 0.25, is_dated_back=True),
        published=Published(sequences),
    )


def _noisy_lag(least: int, distractors: int, sequences: int) -> Experiment:
    task = NoisyLag(least, distractors)
    return Experiment(
        title=f"2c: lag of {least} and more, {distractors} distractors",
        draw=task.draw,
        wiring=Wiring(task.symbols, 2, blocks=2, gate_bias=False),
        rate=0.01,
        bound=0.2,
        criterion=Recent(10_000, 0.2, is_dated_back=True),
        published=Published(sequences),
    )


def _two_sequences(kind: str, shortest: int, informative: int, published: Published) -> Experiment:
    task = TwoSequences(shortest, informative, is_noisy=kind != "3a")
    rate, criterion, clean = 1.0, Classified(0.5, 0, 0.01), None
    if kind == "3b":
        criterion = Classified(0.5, 5, 0.04)
    if kind == "3c":
        clean = TwoSequences(shortest, informative, is_noisy=True, targets=(0.2, 0.8)).draw
        task = TwoSequences(
            shortest, informative, is_noisy=True, targets=(0.2, 0.8), target_noise=TARGET_NOISE
        )
        rate, criterion = 0.1, Classified(0.1, 256, 0.015)
    return Experiment(
        title=f"{kind}: two sequences, T = {shortest}, N = {informative}",
        draw=task.draw,
        wiring=Wiring(1, 1, blocks=3, cell_bias=True),
        rate=rate,
        bound=0.1,
        criterion=criterion,
        published=published,
        input_bias=(-1, -3, -5),
        output_bias=(-2, -4, -6),
        clean=clean,
    )


def _adding(shortest: int, published: Published) -> Experiment:
    return Experiment(
        title=f"4: adding, T = {shortest}",
        draw=Adding("", shortest).draw,
        wiring=Wiring(2, 1, blocks=2, size=2, cell_bias=True, output_bias=True),
        rate=0.5,
        bound=0.1,
        criterion=Recent(2_000, 0.04, error=0.01),
        published=published,
        input_bias=(-3, -6),
    )


def _multiplication(wrong: int, published: Published) -> Experiment:
    return Experiment(
        title=f"5: multiplication, T = 100, at most {wrong - 1} of 2,000 wrong",
        draw=Adding("", 100, "product").draw,
        wiring=Wiring(2, 1, blocks=2, size=2, cell_bias=True, output_bias=True),
        rate=0.1,
        bound=0.1,
        criterion=Recent(2_000, 0.04, wrong=wrong - 1),
        published=published,
    )


def _order(name: str, difficulty: str, blocks: int, rate: float, published: Published) -> Experiment:
    task = TemporalOrder(difficulty, *DIFFICULTIES[difficulty])
    return Experiment(
        title=f"{name}: temporal order, {task.classes} classes",
        draw=task.draw,
        wiring=Wiring(task.symbols, task.classes, blocks, size=2, cell_bias=True, output_bias=True),
        rate=rate,
        bound=0.1,
        criterion=Recent(2_000, 0.3, error=0.1),
        published=published,
        input_bias=(-2, -4, -6)[:blocks],
    )


EXPERIMENTS: dict[str, Experiment] = {
    "reber": _reber(3, 2, 0.5, Published(8_440)),
    "reber-4x1": _reber(4, 1, 0.1, Published(39_740)),
    "reber-3x2-0.1": _reber(3, 2, 0.1, Published(21_730)),
    "reber-3x2-0.2": _reber(3, 2, 0.2, Published(14_060, 29 / 30)),
    "reber-4x1-0.5": _reber(4, 1, 0.5, Published(9_500, 29 / 30)),
    "reber-6x1": replace(
        _reber(6, 1, 0.5, Published(8_440)),
        title="1: embedded Reber grammar, 6 x 1 that read cells alone, rate 0.5; not the paper's",
        wiring=Wiring(7, 7, blocks=6, output_bias=True, reads_gates=False),
        output_bias=(),
    ),
    "2a": _fixed_lag("2a", False, 5_040),
    "2b": _fixed_lag("2b", True, 5_680),
    "2c": _noisy_lag(50, 50, 30_000),
    "2c-100": _noisy_lag(100, 100, 31_000),
    "2c-200": _noisy_lag(200, 200, 33_000),
    "2c-500": _noisy_lag(500, 500, 38_000),
    "2c-1000": _noisy_lag(1000, 1000, 49_000),
    "2c-1000-500": _noisy_lag(1000, 500, 49_000),
    "2c-1000-200": _noisy_lag(1000, 200, 75_000),
    "2c-1000-100": _noisy_lag(1000, 100, 135_000),
    "2c-1000-50": _noisy_lag(1000, 50, 203_000),
    "3a": _two_sequences("3a", 100, 3, Published(39_850, 1.0, 0.000195, 27_380)),
    "3a-1": _two_sequences("3a", 100, 1, Published(64_330, 1.0, 0.000117, 58_370)),
    "3a-1000": _two_sequences("3a", 1000, 3, Published(452_460, 1.0, 0.000078, 446_850)),
    "3b": _two_sequences("3b", 100, 3, Published(43_250, 1.0, 0.00828, 41_740)),
    "3b-1": _two_sequences("3b", 100, 1, Published(78_430, 1.0, 0.01500, 74_950)),
    "3b-1000": _two_sequences("3b", 1000, 1, Published(485_080, 1.0, 0.01207, 481_060)),
    "3c": _two_sequences("3c", 100, 3, Published(269_650, 1.0, 0.00558)),
    "3c-1": _two_sequences("3c", 100, 1, Published(565_640, 1.0, 0.00441)),
    "4": _adding(100, Published(74_000, 1.0, 1 / 2_560)),
    "4-500": _adding(500, Published(209_000, 1.0, 0.0)),
    "4-1000": _adding(1000, Published(853_000, 1.0, 1 / 2_560)),
    "5": _multiplication(140, Published(482_000, 1.0, 139 / 2_560)),
    "5-13": _multiplication(13, Published(1_273_000, 1.0, 14 / 2_560)),
    "6a": _order("6a", "paper", 2, 0.5, Published(31_390, 1.0, 1 / 2_560)),
    "6b": _order("6b", "three", 3, 0.1, Published(571_100, 1.0, 2 / 2_560)),
}
"""Name -> experiment, in the order of the paper."""
