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
from archsearch.protocol.racing import going_on, score_at
from archsearch.protocol.records import BASELINE, Outcome
from archsearch.protocol.settings import Setting
from archsearch.store import RunStore

WINNER = 0.9
"""A candidate with this share of the GRU's best skill is one that racing had better not lose."""


@dataclass(frozen=True)
class Heat:
    """One candidate on one task: its trials under the settings of one step, all in full, and the GRU's under the same."""

    plan: RunPlan
    task: str
    trials: dict[Setting, Outcome]
    baseline: dict[Setting, Outcome]

    def skills(self, of: dict[Setting, Outcome], step: int) -> dict[Setting, float | None]:
        """Return the skill that each trial had at a step."""
        measure = self.plan.measure(self.task)
        scores = {setting: score_at(outcome, step, measure) for setting, outcome in of.items()}
        return {
            setting: None if score is None else self.plan.skill(self.task, score)
            for setting, score in scores.items()
        }


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
    plan, gru = store.plan, library.load(BASELINE).id
    for step, verdict in store.steps():
        if verdict is None or step.cell == gru:
            continue
        for stage in step.stages[: verdict.reached]:
            pairs = {
                setting: tuple(
                    store.outcome(plan.trial(cell, stage.task, setting).key) for cell in (step.cell, gru)
                )
                for setting in stage.settings
            }
            trials = {setting: own for setting, (own, _) in pairs.items() if own is not None}
            if len(trials) < len(stage.settings):
                yield None
            elif any(own.status == "done" for own in trials.values()):
                yield Heat(
                    plan,
                    stage.task,
                    trials,
                    {s: other for s, (_, other) in pairs.items() if other is not None},
                )


def study(found: Iterable[Heat], race: RaceRules | None = None) -> list[Rung]:
    """Return a row for each task and epoch, and one for the preset's own rungs.

    Args:
        found: Candidates of runs of one preset.
        race: The rule; None takes the preset's.
    """
    by_task: dict[str, list[Heat]] = {}
    for heat in found:
        by_task.setdefault(heat.task, []).append(heat)
    rows = []
    for task, of in by_task.items():
        course = of[0].plan.course[task].plan
        rule = race or of[0].plan.preset.race
        epochs = range(course.epoch_steps, course.steps, course.epoch_steps)
        wanted = [(step,) for step in epochs] + [course.rungs] * (len(course.rungs) > 1)
        rows += [_rung(task, rungs, of, rule, course.steps) for rungs in wanted]
    return rows


def _rung(task: str, rungs: tuple[int, ...], of: list[Heat], rule: RaceRules, steps: int) -> Rung:
    early, late = [], []
    winners, lost, cost, saved, total = 0, 0, 0.0, 0, 0
    for heat in of:
        now, then = heat.skills(heat.trials, rungs[-1]), heat.skills(heat.trials, steps)
        for setting, skill in then.items():
            if skill is not None and (before := now[setting]) is not None:
                early.append(before)
                late.append(skill)
        given = _given(heat, rungs, rule, steps)
        best = max((skill, s) for s, skill in then.items() if skill is not None)
        ended = {
            setting: heat.skills({setting: heat.trials[setting]}, end)[setting]
            for setting, end in given.items()
        }
        raced = max((skill for skill in ended.values() if skill is not None), default=0.0)
        gru = max(
            (skill for skill in heat.skills(heat.baseline, steps).values() if skill is not None), default=0.0
        )
        if gru > 0 and best[0] >= WINNER * gru:
            winners += 1
            lost += given[best[1]] < steps
            cost += (best[0] - raced) / gru
        saved += sum(steps - end for end in given.values())
        total += steps * len(given)
    rho = float(spearmanr(early, late).statistic) if len(early) > 2 else float("nan")
    share = 1 / max(1, winners)
    return Rung(task, rungs, len(early), len(of), rho, winners, lost * share, cost * share, saved / total)


def _given(heat: Heat, rungs: tuple[int, ...], rule: RaceRules, steps: int) -> dict[Setting, int]:
    """Return how many steps each setting would have been given."""
    given, running = dict.fromkeys(heat.trials, steps), list(heat.trials)
    for rung in rungs:
        now = heat.skills({setting: heat.trials[setting] for setting in running}, rung)
        on = going_on(rule, now, heat.skills(heat.baseline, rung))
        given |= {setting: rung for setting in running if setting not in on}
        running = list(on)
    return given
