"""Tasks that name their budget, so that one run holds a ladder: `arithmetic@30k` is arithmetic with 30,000 parameters.

Unless a preset has a table of that very name, such a task has the rules of its base, with steps that grow as the budget.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from archsearch.errors import PresetError
from archsearch.protocol.preset import Preset, TaskRules

SIZE = re.compile(r"(\d{1,10}(?:\.\d{1,10})?)([km]?)")
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


def base_of(name: str) -> str:
    """Return the name of a task without its budget."""
    return name.partition("@")[0]


def named_budget(name: str) -> int | None:
    """Return the parameters that the name of a task says; None if it says nothing of them.

    Raises:
        PresetError: What it says is no number of parameters.
    """
    _, at, size = name.partition("@")
    if not at:
        return None
    found = SIZE.fullmatch(size)
    budget = round(float(found[1]) * UNITS[found[2]]) if found else 0
    if budget < 1:
        raise PresetError(
            f"task {name[:80]!r}: {size[:40]!r} is no number of parameters; write it as in {base_of(name)[:40]}@30k, "
            "30000 or 1.5m"
        )
    return budget


def rules_of(preset: Preset, name: str) -> TaskRules | None:
    """Return how a preset trains and judges a task; None if it has none of that name.

    Raises:
        PresetError: The name says a budget that is none.
    """
    if name in preset.tasks:
        return preset.tasks[name]
    base, budget = preset.tasks.get(base_of(name)), named_budget(name)
    if base is None or budget is None:
        return None
    return replace(scaled(base, budget / max(base.budgets)), budget=budget)


def scaled(rules: TaskRules, factor: float) -> TaskRules:
    """Return the rules of a task with so many times the parameters and the steps, and as many validations and rungs."""
    steps, epoch = (max(1, round(count * factor)) for count in (rules.steps, rules.epoch_steps))
    rungs = (rung // rules.epoch_steps * epoch for rung in rules.rungs)
    return replace(
        rules,
        budget=tuple(round(budget * factor) for budget in rules.budgets),
        steps=steps,
        epoch_steps=epoch,
        rungs=tuple(rung for rung in rungs if rung < steps),
    )


def table_of(preset: Preset, name: str) -> str:
    """Return the table of a preset that says how a task is trained, as a file writes it."""
    if name in preset.tasks:
        return f'tasks."{name}"' if "@" in name else f"tasks.{name}"
    base = base_of(name)
    return f"tasks.{base}" if base in preset.tasks else "own"
