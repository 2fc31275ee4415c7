"""Tables 1 and 3 of Jozefowicz et al. (2015) as trials of a preset: accuracies on three tasks, perplexities of three sizes.

Trials are those of a search, so what another run or study has trained is not trained again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from archsearch.errors import InputError
from archsearch.protocol.ladder import rules_of
from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import OwnGrid, shared_settings
from archsearch.studies.instrument import StudyPlan, train_trials
from archsearch.studies.panel import PanelRow
from archsearch.studies.random_search.training import DROPOUTS
from archsearch.studies.table1 import COLUMN, TABLE_1
from archsearch.studies.table3 import COLUMNS_3, TABLE_3
from archsearch.workers.pool import WorkerPool


@dataclass(frozen=True)
class TrialColumn:
    """A column of a table, and what is trained for it.

    Attributes:
        name: What it is called.
        task: The task, as the preset of the trials names it.
        has_dropout: Whether settings draw a rate of dropout.
        validity: The figure by which a setting is chosen, on the validation part; less is better.
        figure: What stands in the table.
        paper: The paper's, by cell.
    """

    name: str
    task: str
    has_dropout: bool
    validity: Callable[[Outcome], float | None]
    figure: Callable[[Outcome], float | None]
    paper: Mapping[str, float]


def accuracy_columns(preset: Preset, has_words: bool) -> list[TrialColumn]:
    """Return the columns of Table 1 whose tasks a preset has: test accuracies.

    Args:
        preset: Where the tasks are trained.
        has_words: Whether the Penn Treebank is there.
    """
    tasks = [task for task in ("arithmetic", "xml", "ptb") if task in preset.tasks]
    return [
        TrialColumn(
            name=task,
            task=task,
            has_dropout=False,
            validity=lambda ended: None if ended.accuracy is None else -ended.accuracy,
            figure=lambda ended: ended.test_accuracy,
            paper={cell: row[COLUMN[task]] for cell, row in TABLE_1.items()},
        )
        for task in tasks
        if task != "ptb" or has_words
    ]


def perplexity_columns(share: float) -> list[TrialColumn]:
    """Return the columns of Table 3: perplexities, those of 10 and 20 million parameters under dropout.

    Args:
        share: Parameters, as a share of the paper's.
    """
    found = []
    for place, (name, (parameters, has_dropout, part)) in enumerate(COLUMNS_3.items()):
        found.append(
            TrialColumn(
                name=name,
                task=f"ptb@{round(share * parameters)}",
                has_dropout=has_dropout,
                validity=lambda ended: ended.nll,
                figure=_test_perplexity if part == "test" else _valid_perplexity,
                paper={cell: math.exp(row[place]) for cell, row in TABLE_3.items()},
            )
        )
    return found


def _test_perplexity(ended: Outcome) -> float | None:
    return _perplexity(ended.test_nll)


def _valid_perplexity(ended: Outcome) -> float | None:
    return _perplexity(ended.nll)


def _perplexity(nll: float | None) -> float | None:
    return None if nll is None or nll > math.log(1e9) else math.exp(nll)


def preset_with(name: str, preset: Preset, columns: Sequence[TrialColumn]) -> Preset:
    """Return a preset that has the tasks of all columns: those of another size with the steps of their base.

    Args:
        name: The preset's, for people.
        preset: The preset.
        columns: Of one table.

    Raises:
        InputError: The preset does not say how to train on words.
    """
    tasks = dict(preset.tasks)
    for column in columns:
        base, _, size = column.task.partition("@")
        if (rules := rules_of(preset, base)) is None:
            raise InputError(f"preset {name} has no table [tasks.{base}], which says how it is trained")
        if size:
            tasks[column.task] = _sized(rules, int(size), column.has_dropout)
    return replace(preset, tasks=tasks)


def _sized(rules: TaskRules, budget: int, has_dropout: bool) -> TaskRules:
    own = OwnGrid() if rules.grid is UNSET else rules.grid
    grid = replace(own, dropout=DROPOUTS) if has_dropout else rules.grid
    return replace(rules, budget=budget, grid=grid)


def trained_columns(
    plan: StudyPlan,
    columns: Sequence[TrialColumn],
    pool: WorkerPool,
    progressed: Callable[[int, int], None],
) -> dict[str, list[PanelRow]]:
    """Train every cell for every column, and return the rows of each, in the order of the cells.

    Args:
        plan: The cells, and the tasks of all columns.
        columns: Of one table.
        pool: Who trains.
        progressed: Told how many trials of how many have ended.
    """
    trials = {
        (column.name, name): _trials(plan, cell.id, plan.run.task[column.task])
        for column in columns
        for name, cell in plan.cells.items()
    }
    ended = train_trials(plan, pool, dict.fromkeys(t for own in trials.values() for t in own), progressed)
    return {
        column.name: [
            column_row(column, name, _ends(trials[column.name, name], ended)) for name in plan.cells
        ]
        for column in columns
    }


def _trials(plan: StudyPlan, cell: str, task: PlannedTask) -> list[Trial]:
    settings = shared_settings(task.full_name, plan.run.grid(task), task.rules.budgets, plan.settings)
    return [plan.run.trial(cell, task.name, setting) for setting in settings]


def _ends(trials: Sequence[Trial], ended: Mapping[Trial, Outcome]) -> list[tuple[Trial, Outcome]]:
    return [(trial, ended[trial]) for trial in trials]


def column_row(column: TrialColumn, cell: str, ended: Sequence[tuple[Trial, Outcome]]) -> PanelRow:
    """Return the row of a cell: the figure of the trial that is best on the validation part.

    Args:
        column: Of the table.
        cell: The cell's name.
        ended: Its trials with how they ended.
    """
    scored = [
        (validity, place)
        for place, (_, outcome) in enumerate(ended)
        if outcome.status == "done" and (validity := column.validity(outcome)) is not None
    ]
    trial, outcome = ended[min(scored)[1]] if scored else (None, None)
    return PanelRow(
        column=column.name,
        cell=cell,
        trials=len(ended),
        diverged=sum(outcome.status == "diverged" for _, outcome in ended),
        test=None if outcome is None else column.figure(outcome),
        dropout=None if trial is None else trial.setting.dropout,
        paper=column.paper.get(cell),
    )
