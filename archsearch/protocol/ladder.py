"""Tasks that name their budget, so that one run holds a ladder: `arithmetic@30k` is arithmetic with 30,000 parameters.

Such a task has the rules of its base, with steps that grow as the budget, but for what a table of that very name says.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
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
    return None if base is None or budget is None else _at(base, budget)


def _at(base: TaskRules, budget: int) -> TaskRules:
    """Return the rules of a task at a budget."""
    return replace(scaled(base, budget / max(base.budgets)), budget=budget)


def with_sizes(tasks: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the tables of a preset's tasks, where those that name a budget have from their bases what they do not say.

    What makes no such task is left as it is; who reads the preset finds the fault.

    Args:
        tasks: The tables as a file has them.
        names: Of tasks that name a budget, which may have no table yet; others are passed over.

    Raises:
        PresetError: A name says a budget that is none.
    """
    complete = dict(tasks)
    for name in names:
        base, own = tasks.get(base_of(name)), tasks.get(name, {})
        if "@" not in name or not isinstance(own, dict):
            continue
        budget = named_budget(name) or 0
        try:
            at_budget = msgspec.to_builtins(_at(msgspec.convert(base, TaskRules), budget))
        except (
            msgspec.ValidationError,
            ValueError,
            ArithmeticError,
        ):  # no base, or one with a fault of its own
            continue
        complete[name] = at_budget | own | _grids(at_budget, own)
    return complete


def _grids(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grid of such a task as an entry of its table: its base's, axis by axis, but for what it says itself."""
    grids = [table["grid"] for table in (base, own) if isinstance(table.get("grid"), dict)]
    return {"grid": dict(ChainMap(*reversed(grids)))} if len(grids) > 1 else {}


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
