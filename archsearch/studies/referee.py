"""How often the referee is fooled, and how soon it sees: simulations in worlds whose truth is known.

Noise is one standard deviation per pair; an edit that changes nothing has pairs around 0. Nothing is trained here: what
chance is follows a law, or is drawn from what `clones` has trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.referee.bets import log_sign, log_t
from archsearch.referee.intervals import mean_interval, median_interval
from archsearch.referee.ledger import level
from archsearch.referee.luck import best_of_clones
from archsearch.studies.ledgers import LedgerRow, ledger_rows

Array = NDArray[np.float64]
Generator = np.random.Generator

EDITS = 100
"""Edits of a session, none of which changes anything."""

PAIRS = 60
"""Pairs after which a claim is given up."""

LOOK = 4
"""Pairs that an adversary gives to each clone before it looks which half to go on with."""

EFFECTS = (0.5, 1.0, 2.0)
"""True differences, in standard deviations of a pair."""

CLAIMS = (1, 10, 100)
"""Places in a ledger at which the power is told."""

Law = Callable[[Generator, tuple[int, ...]], Array]
"""Draws values of mean 0 and standard deviation 1 in a shape."""

LAWS: dict[str, Law] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "heavy tails": lambda rng, shape: rng.standard_t(3, shape),
    "two kinds": lambda rng, shape: rng.standard_normal(shape) * rng.choice([0.3, 2.0], shape),
}
"""Name -> pairs of mean 0."""


@dataclass(frozen=True)
class World:
    """A world in which every cell is the baseline, so that all differences are chance.

    Attributes:
        runs: What a run of a cell has beyond the mean, in standard deviations of a run.
        pairs: The d of a pair, in standard deviations of a pair.
        mean: Of the skill of a run.
        deviation: Standard deviation of the same.
    """

    runs: Law
    pairs: Law
    mean: float
    deviation: float

    def skills(self, rng: Generator, count: int) -> Array:
        """Return the skills of so many runs."""
        return self.mean + self.deviation * self.runs(rng, (count,))


NORMAL = World(LAWS["normal"], LAWS["normal"], mean=0.45, deviation=0.02)
"""Nothing is trained: chance is normal, as large as it is for the GRU in quick."""


class RuleRow(msgspec.Struct, frozen=True):
    """A rule of keeping edits, over sessions of 100 edits that change nothing.

    Attributes:
        rule: In words.
        false_keeps: Mean number of edits kept.
        sessions: Share of sessions that keep one.
        gain: Gain that a session reports at its end, in standard deviations of a run; None where none is claimed.
    """

    rule: str
    false_keeps: float
    sessions: float
    gain: float | None


class PowerRow(msgspec.Struct, frozen=True):
    """How soon a true difference is seen.

    Attributes:
        effect: In standard deviations of a pair.
        claim: The claim's place in the ledger.
        bets: "sign" or "t".
        found: Share that is found within PAIRS pairs.
        median: Pairs that the median needs; None where half are not found.
    """

    effect: float
    claim: int
    bets: str
    found: float
    median: int | None


class CoverageRow(msgspec.Struct, frozen=True):
    """How often a 95 % confidence sequence ever misses within 200 pairs.

    Attributes:
        law: Of the pairs.
        mean: Misses of the t-mixture's interval for the mean.
        median: Misses of the sign bets' interval for the median.
    """

    law: str
    mean: float
    median: float


class Report(msgspec.Struct, frozen=True):
    """All that is simulated.

    Attributes:
        adversaries: Share of adversaries that get one "better" out of clones.
        one_real_task: Share of "better" where one of two tasks is truly better by two deviations and the other is not.
        rules: The referee beside rules of keeping that are in use.
        power: How soon true differences are seen.
        coverage: Of the intervals.
        luck: Share of searches whose best of 300 clones lies below the 95 % line of luck, by number of tasks.
        ledgers: The two controls of a ledger.
    """

    adversaries: float
    one_real_task: float
    rules: list[RuleRow]
    power: list[PowerRow]
    coverage: list[CoverageRow]
    luck: dict[int, float]
    ledgers: list[LedgerRow]


def _unheard(done: int, of: int) -> None:
    """Hear nothing."""


def simulate(
    rng: Generator,
    sessions: int,
    clones: int,
    progressed: Callable[[int, int], None] = _unheard,
    world: World = NORMAL,
) -> Report:
    """Return everything; a minute for 1,000 sessions and 10,000 clones.

    Args:
        rng: The only source of chance.
        sessions: Adversaries, sessions and repetitions of each figure.
        clones: Among which an adversary may choose.
        progressed: Told how many adversaries, which take most of the time, are through, and of how many.
        world: What chance is.
    """
    adversaries = 0
    for done in range(1, sessions + 1):
        adversaries += fooled(rng, clones, world)
        progressed(done, sessions)
    laws = LAWS if world is NORMAL else {"trained": world.pairs}
    return Report(
        adversaries=adversaries / sessions,
        one_real_task=one_real_task(rng, sessions, world),
        rules=list(keep_rules(rng, sessions, world)),
        power=list(power_table(rng, sessions, world)),
        coverage=[coverage(rng, name, law, sessions) for name, law in laws.items()],
        luck={tasks: luck_holds(rng, tasks, sessions, world) for tasks in (1, 2, 3)},
        ledgers=list(ledger_rows(rng, sessions, PAIRS, world.pairs)),
    )


def fooled(rng: Generator, clones: int, world: World = NORMAL) -> bool:
    """Return whether an adversary gets a "better" out of clones by going on with those that look best.

    It looks after every pair, takes the first clone whose fortune reaches its level, and drops the worse half
    after LOOK pairs.

    Args:
        rng: The only source of chance.
        clones: Each a claim of one ledger.
        world: What chance is.
    """
    needed = -np.log([level(claim) for claim in range(1, clones + 1)])
    wins, losses = np.zeros(clones), np.zeros(clones)
    alive, pairs = np.arange(clones), 0
    while pairs < PAIRS:
        for _ in range(LOOK):
            pairs += 1
            values = world.pairs(rng, alive.shape)
            wins[alive] += values > 0
            losses[alive] += values < 0
            if (log_sign(wins[alive], losses[alive]) >= needed[alive]).any():
                return True
        best_first = alive[np.argsort(-wins[alive], kind="stable")]
        alive = best_first[: max(1, len(alive) // 2)]
    return False


def one_real_task(rng: Generator, sessions: int, world: World = NORMAL) -> float:
    """Return the share of false "better" in the least favourable case: of two tasks one is truly better, the other is not.

    Args:
        rng: The only source of chance.
        sessions: How many claims, each the first of its ledger.
        world: What chance is.
    """
    both = np.ones(sessions, dtype=bool)
    for effect in (2.0, 0.0):
        both &= _first_crossing(_sign_path(effect + world.pairs(rng, (sessions, PAIRS))), level(1)) <= PAIRS
    return float(both.mean())


def power_table(rng: Generator, sessions: int, world: World = NORMAL) -> Iterator[PowerRow]:
    """Yield how soon true differences are seen by either kind of bets.

    Args:
        rng: The only source of chance.
        sessions: Claims per row.
        world: What chance is.
    """
    for effect in EFFECTS:
        values = effect + world.pairs(rng, (sessions, PAIRS))
        paths = {"sign": _sign_path(values), "t": _t_path(values)}
        for bets, path in paths.items():
            for claim in CLAIMS:
                crossed = _first_crossing(path, level(claim))
                median = float(np.median(crossed))
                yield PowerRow(
                    effect=effect,
                    claim=claim,
                    bets=bets,
                    found=float(np.mean(crossed <= PAIRS)),
                    median=int(median) if median <= PAIRS else None,
                )


def _sign_path(values: Array) -> Array:
    """Return log E of sign bets after each pair, of the shape (claims, pairs) of the values."""
    return log_sign(np.cumsum(values > 0, axis=1), np.cumsum(values < 0, axis=1))


def _t_path(values: Array) -> Array:
    """Return log E of the t-mixture after each pair, of the shape (claims, pairs) of the values."""
    return np.stack([log_t(values[:, : n + 1]) for n in range(values.shape[1])], axis=1)


def _first_crossing(path: Array, alpha: float) -> NDArray[np.int64]:
    """Return the pair at which each claim reaches 1 / alpha, one more than there are if it never does."""
    crossed = path >= -math.log(alpha)
    first: NDArray[np.int64] = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, path.shape[1] + 1)
    return first


def coverage(rng: Generator, name: str, law: Law, sessions: int, pairs: int = 200) -> CoverageRow:
    """Return how often intervals ever miss the truth, looked at after every eighth pair.

    Args:
        rng: The only source of chance.
        name: What people call the law.
        law: Of the pairs.
        sessions: Sequences of pairs.
        pairs: In each.
    """
    values = law(rng, (sessions, pairs))
    median = float(np.median(law(rng, (400_000,))))
    missed = np.zeros((sessions, 2), dtype=bool)
    for number, row in enumerate(values):
        for n in range(8, pairs + 1, 8):
            mean_at, median_at = mean_interval(row[:n], 0.05), median_interval(row[:n], 0.05)
            missed[number, 0] |= not mean_at.low <= 0 <= mean_at.high
            missed[number, 1] |= not median_at.low <= median <= median_at.high
    return CoverageRow(name, *(float(share) for share in missed.mean(axis=0)))


def luck_holds(
    rng: Generator, tasks: int, sessions: int, world: World = NORMAL, clones: int = 300, draws: int = 9
) -> float:
    """Return how often the best of some clones lies below the 95 % line of luck.

    Args:
        rng: The only source of chance.
        tasks: Over whose worst ratio a fitness is.
        sessions: Searches.
        world: What chance is.
        clones: In each.
        draws: Of the baseline, that the line is made of.
    """
    held = 0
    for _ in range(sessions):
        baseline = {str(task): world.skills(rng, draws) for task in range(tasks)}
        ratios = [world.skills(rng, clones) / skills.mean() for skills in baseline.values()]
        held += np.min(ratios, axis=0).max() <= best_of_clones(baseline, clones, rng, 0.95)
    return float(held) / sessions


def keep_rules(rng: Generator, sessions: int, world: World = NORMAL) -> Iterator[RuleRow]:
    """Yield the rules of keeping that are in use, and the referee, over sessions of EDITS edits that change nothing.

    Args:
        rng: The only source of chance.
        sessions: Per rule.
        world: What chance is.
    """
    yield _kept_by_runs("keep if better", rng, sessions, world.runs, runs=1)
    yield _kept_by_margin(rng, sessions, world.runs)
    yield _kept_by_runs("two runs of the edit beat both of the best", rng, sessions, world.runs, runs=2)
    yield _kept_by_runs("three runs, likewise", rng, sessions, world.runs, runs=3)
    edited, held = (world.runs(rng, (sessions, EDITS, 3)) for _ in range(2))
    z = (edited - held).sum(axis=2) / math.sqrt(6)
    yield _row("three fresh runs of each, z test at 5 % per edit", z > 1.6449, None)
    crossed = [
        _first_crossing(_sign_path(world.pairs(rng, (sessions, PAIRS))), level(j + 1)) for j in range(EDITS)
    ]
    yield _row("the referee: sign bets on fresh pairs, one ledger", np.stack(crossed, axis=1) <= PAIRS, None)


def _row(rule: str, kept: NDArray[np.bool_], gain: float | None) -> RuleRow:
    """Return a rule's row from what it kept, of shape (sessions, edits)."""
    return RuleRow(rule, float(kept.sum(axis=1).mean()), float(kept.any(axis=1).mean()), gain)


def _kept_by_runs(rule: str, rng: Generator, sessions: int, law: Law, *, runs: int) -> RuleRow:
    """An edit is kept if its worst run beats the best one of the cell that is held; its runs then stand for it."""
    held = law(rng, (sessions, runs))
    first, kept = held.mean(axis=1), np.zeros((sessions, EDITS), dtype=bool)
    for edit in range(EDITS):
        tried = law(rng, (sessions, runs))
        kept[:, edit] = tried.min(axis=1) > held.max(axis=1)
        held = np.where(kept[:, edit, None], tried, held)
    return _row(rule, kept, float((held.mean(axis=1) - first).mean()))


def _kept_by_margin(rng: Generator, sessions: int, law: Law) -> RuleRow:
    """An edit is kept if it is better by twice the difference of two runs of the baseline."""
    baselines = law(rng, (sessions, 2))
    margin = 2 * np.abs(np.diff(baselines, axis=1))[:, 0]
    held = first = baselines.mean(axis=1)
    kept = np.zeros((sessions, EDITS), dtype=bool)
    for edit in range(EDITS):
        tried = law(rng, (sessions,))
        kept[:, edit] = tried > held + margin
        held = np.where(kept[:, edit], tried, held)
    return _row("better by twice the difference of two baselines", kept, float((held - first).mean()))
