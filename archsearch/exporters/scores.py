"""What a run found out about a cell, as exports tell it."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.words import escaped


@dataclass(frozen=True, slots=True)
class TaskScore:
    """How the cell did on one task.

    Attributes:
        task: The task and its difficulty, `xml:small`.
        score: The best validation score, in the task's own measure.
        skill: 0 for no memory, 1 for the ceiling.
        ratio: Skill or score over the baseline's.
        setting: The setting of the best trial, in words.
        scale: The initial scale of that setting.
    """

    task: str
    score: float
    skill: float | None = None
    ratio: float | None = None
    setting: str = ""
    scale: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """A leaderboard row.

    Attributes:
        run: Name of the run.
        rank: Place on its leaderboard, None for a reference.
        fitness: The worst task's ratio to the baseline.
        seed: The run's seed.
        tasks: One entry per task, in the run's order.
        noise: What the run says about luck, in one sentence.
    """

    run: str
    rank: int | None
    fitness: float
    seed: int
    tasks: tuple[TaskScore, ...] = ()
    noise: str = ""


def start_lines(scores: Scores | None) -> list[str]:
    """Return the lines of Python that start a layer's weights as the scored ones were; none where that is as always."""
    on: dict[float, list[str]] = {}
    for task in scores.tasks if scores else ():
        if task.scale is not None and task.scale != 1.0:
            on.setdefault(task.scale, []).append(escaped(task.task))
    return [
        f"layer.reset_parameters(scale={scale:g})  # as on {', '.join(tasks)}" for scale, tasks in on.items()
    ]


def score_lines(scores: Scores | None) -> list[str]:
    """Return the scores as lines of plain text without control characters; none without scores."""
    if scores is None:
        return []
    place = "reference" if scores.rank is None else f"rank {scores.rank}"
    lines = [
        f"Run {scores.run} (seed {scores.seed}), {place}: fitness {scores.fitness:.5g}, the worst task's ratio."
    ]
    for task in scores.tasks:
        parts = [f"score {task.score:.6g}"]
        parts += [f"skill {task.skill:.5g}"] if task.skill is not None else []
        parts += [f"ratio {task.ratio:.5g}"] if task.ratio is not None else []
        parts += [task.setting] if task.setting else []
        lines.append(f"  {task.task}: {', '.join(parts)}")
    lines += [scores.noise] if scores.noise else []
    return [escaped(line) for line in lines]
