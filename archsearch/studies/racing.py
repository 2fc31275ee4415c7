"""How well a trial's score at an epoch foretells its last one, and what racing there would win and lose.

The rule of a preset is chosen from this table: per rung Spearman's rho with the final score, winners lost, steps saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
from scipy.stats import spearmanr

from archsearch.cell import library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import RaceRules
from archsearch.protocol.racing import score_at, survivors
from archsearch.protocol.records import BASELINE, Outcome, Stage
from archsearch.protocol.settings import Setting
from archsearch.store import RunStore

WINNER = 0.9
"""A candidate with this share of the GRU's best skill is one that racing had better not lose."""


@dataclass(frozen=True)
class Heat:
    """One candidate on one task: its trials under the settings of one step, all in full.

    Attributes:
        plan: The run's plan.
        task: What people call the task.
        trials: How the candidate's ended, by setting.
        baseline: How the GRU's ended under the same settings.
    """

    plan: RunPlan
    task: str
    trials: dict[Setting, Outcome]
    baseline: dict[Setting, Outcome]

    def skills(self, outcomes: dict[Setting, Outcome], step: int) -> dict[Setting, float | None]:
        """Return the skill that each trial had at a step."""
        return {setting: self._skill(outcome, step) for setting, outcome in outcomes.items()}

    def _skill(self, outcome: Outcome, step: int) -> float | None:
        return self.plan.skill(self.task, score_at(outcome, step, self.plan.measure(self.task)))


class Rung(msgspec.Struct, frozen=True):
    """What rungs at some steps would have done to the recorded trials of a task.

    Attributes:
        task: The task.
        rungs: The steps.
        trials: Trials that were looked at.
        heats: Candidates that were looked at.
        rho: Spearman's rank correlation of the skills at the last of the rungs with the final ones.
        winners: Candidates among them whose best skill is at least 0.9 of the GRU's.
        lost: Share of the winners whose best setting was stopped.
        cost: What it cost the winners: mean loss of the best skill, as a share of the GRU's best.
        saved: Share of all training steps that were not taken.
    """

    task: str
    rungs: tuple[int, ...]
    trials: int
    heats: int
    rho: float
    winners: int
    lost: float
    cost: float
    saved: float


def heats(store: RunStore) -> Iterator[Heat | None]:
    """Yield what a run has recorded, step by step; None for a stage of which racing stopped a trial."""
    plan, gru = store.facts.plan, library.load(BASELINE).id

    def recorded(cell: str, stage: Stage) -> dict[Setting, Outcome]:
        trials = {setting: plan.trial(cell, stage.task, setting) for setting in stage.settings}
        looked_up = {setting: store.trials.outcome(trial.key) for setting, trial in trials.items()}
        return {setting: outcome for setting, outcome in looked_up.items() if outcome is not None}

    for step, verdict in store.steps.read():
        if verdict is None or step.cell == gru:
            continue
        for stage in step.stages[: verdict.reached]:
            trials = recorded(step.cell, stage)
            if len(trials) < len(stage.settings):
                yield None
            elif any(outcome.status == "done" for outcome in trials.values()):
                yield Heat(plan, stage.task, trials, recorded(gru, stage))


def study(heats_of_runs: Iterable[Heat], race: RaceRules | None = None) -> list[Rung]:
    """Return a row for each task and epoch, and one for the preset's own rungs.

    Args:
        heats_of_runs: Candidates of runs of one preset.
        race: The rule; None takes the preset's.
    """
    by_task: dict[str, list[Heat]] = {}
    for heat in heats_of_runs:
        by_task.setdefault(heat.task, []).append(heat)
    rows = []
    for task, run in by_task.items():
        rules = run[0].plan.task[task].rules
        rule = race or run[0].plan.preset.race
        epochs = range(rules.epoch_steps, rules.steps, rules.epoch_steps)
        chosen = [(step,) for step in epochs] + [rules.rungs] * (len(rules.rungs) > 1)
        rows += [_rung(run, rungs, rule) for rungs in chosen]
    return rows


@dataclass(frozen=True)
class RacedHeat:
    """What rungs would have done to one candidate.

    Attributes:
        skills: Skills at the last rung and in the end, of the settings that have both.
        winner: Whether its best skill is at least 0.9 of the GRU's.
        lost: Whether its best setting would have been stopped.
        cost: Loss of its best skill, as a share of the GRU's; 0 where the GRU has learned nothing.
        saved: Training steps that would not have been taken.
        steps: Training steps that were.
    """

    skills: list[tuple[float, float]]
    winner: bool
    lost: bool
    cost: float
    saved: int
    steps: int


def _rung(run: list[Heat], rungs: tuple[int, ...], rule: RaceRules) -> Rung:
    raced = [_raced(heat, rungs, rule) for heat in run]
    pairs = [pair for heat in raced for pair in heat.skills]
    winners, cost = [heat for heat in raced if heat.winner], 0.0
    for heat in winners:
        cost += heat.cost
    share = 1 / max(1, len(winners))
    return Rung(
        task=run[0].task,
        rungs=rungs,
        trials=len(pairs),
        heats=len(run),
        rho=float(spearmanr(*zip(*pairs, strict=True)).statistic) if len(pairs) > 2 else float("nan"),
        winners=len(winners),
        lost=sum(heat.lost for heat in winners) * share,
        cost=cost * share,
        saved=sum(heat.saved for heat in raced) / sum(heat.steps for heat in raced),
    )


def _raced(heat: Heat, rungs: tuple[int, ...], rule: RaceRules) -> RacedHeat:
    steps = heat.plan.task[heat.task].rules.steps
    early, late = heat.skills(heat.trials, rungs[-1]), heat.skills(heat.trials, steps)
    ends = _ends(heat, rungs, rule)
    best, setting = max((skill, setting) for setting, skill in late.items() if skill is not None)
    kept = _best({s: heat.skills({s: heat.trials[s]}, end)[s] for s, end in ends.items()})
    gru = _best(heat.skills(heat.baseline, steps))
    pairs = [(early[s], skill) for s, skill in late.items()]
    return RacedHeat(
        skills=[(then, now) for then, now in pairs if then is not None and now is not None],
        winner=gru > 0 and best >= WINNER * gru,
        lost=ends[setting] < steps,
        cost=(best - kept) / gru if gru > 0 else 0.0,
        saved=sum(steps - end for end in ends.values()),
        steps=steps * len(ends),
    )


def _best(skills: dict[Setting, float | None]) -> float:
    return max((skill for skill in skills.values() if skill is not None), default=0.0)


def _ends(heat: Heat, rungs: tuple[int, ...], rule: RaceRules) -> dict[Setting, int]:
    """Return how many steps each setting would have been given."""
    ends, running = dict.fromkeys(heat.trials, heat.plan.task[heat.task].rules.steps), list(heat.trials)
    for rung in rungs:
        skills = heat.skills({setting: heat.trials[setting] for setting in running}, rung)
        on = survivors(rule, skills, heat.skills(heat.baseline, rung))
        ends |= {setting: rung for setting in running if setting not in on}
        running = list(on)
    return ends
