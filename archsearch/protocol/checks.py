"""What a preset must hold beyond the types of its keys: each fault is a sentence that names the key."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET

from archsearch.cell import library
from archsearch.errors import PresetError
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.ladder import base_of, named_budget, rules_of
from archsearch.protocol.named_cells import cell_faults
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.protocol.preset import FilterRules, Preset, Rule, SearchRules, TaskRules, TrainingRules
from archsearch.protocol.settings import Grid
from archsearch.tasks import TASKS, TaskName
from archsearch.words import did_you_mean

LARGEST = 2**63 - 1
"""The largest whole number in a run's database."""

MOST = {
    "search.look_ahead": 1_000_000,
    "search.pool": 1_000_000,
    "search.noise_draws": 1_000,
    "search.verdict_settings": 1_000,
    "training.batch": 10_000,
    "training.unroll": 10_000,
    "training.x_width": 10_000,
    "steps": 10**9,
    "epoch_steps": 100_000,
    "validation": 100_000,
    "budget": 10**9,
    "tries": 100_000,
    "G": 100_000,
}
"""The largest numbers, whose work or memory a machine can still be asked for; those without a table are a task's."""

MOST_POSITIONS = 1_000_000
"""Positions of a window, batch times unroll."""

MOST_VALIDATIONS = 100_000
"""Validations of a trial, all of which are kept with it."""

MOST_SETTINGS = 100_000
"""Settings of a grid with its budgets, all of which are listed."""

MOST_LAYERS = 100

MOST_PLACEBO = 0.5
"""The largest share of steps that try clones."""

MOST_NAMES = 1_000
"""Entries of a list of names or rungs."""


def faults(preset: Preset, own: Iterable[str] = ()) -> Iterator[str]:
    """Yield what makes no search; `own` are names of cells that are not in the library."""
    yield from _too_large("", preset)
    yield from _names(preset)
    yield from _too_much(preset)
    yield from _search(preset.search, {*library.names(), *own})
    yield from _searched(preset)
    if preset.training.batch < 1 or preset.training.unroll < 2:
        yield "training.batch is at least 1, training.unroll at least 2"
    yield from _width_of_x(preset.training)
    yield from _filter(preset.filter)
    for name, rules in {**preset.tasks, "own": preset.own}.items():
        yield from _task(name if name == "own" else f"tasks.{name}", rules, preset.search.noise_draws)
        yield from _named(name, rules)
        yield from _grid(*_grid_of(name if name == "own" else f"tasks.{name}", rules, preset.grid))
    if not (0 <= preset.race.trailing < 1 and 0 <= preset.race.behind < 1):
        yield f"race: trailing is {preset.race.trailing} and behind {preset.race.behind}; both lie in [0, 1)"
    if raced := [name for name, rules in preset.tasks.items() if rules.rungs and preset.rule == "published"]:
        yield f"tasks.{raced[0]}: the published rule trains every trial in full; rungs go with rule = 'paired'"
    yield from _grid("filter.grid", preset.filter.grid)
    yield from _max_time(preset.search.max_time)
    yield from _belief(preset.search, preset.rule)


def _names(preset: Preset) -> Iterator[str]:
    """Yield the tasks that archsearch does not have: a preset may come from anybody, so it names no file."""
    named = {f"tasks.{name}": f"{base_of(name)}:{rules.difficulty}" for name, rules in preset.tasks.items()}
    for key, task in {**named, "filter.task": preset.filter.task}.items():
        family, _, difficulty = task.partition(":")
        if family not in TASKS:
            hint = did_you_mean(family, TASKS, " ({})")
            yield f"{key}: no task {family!r}{hint}; a preset has {', '.join(TASKS)}, your own tasks go with --task"
        elif difficulty not in TASKS[family].difficulties:
            there = ", ".join(TASKS[family].difficulties)
            yield f"{key}: task {family!r} has no difficulty {difficulty!r}; there are {there}"


def plan_faults(plan: RunPlan) -> Iterator[str]:
    """Yield what makes no search of a run's plan that was read from its records."""
    yield from _above("the number of its own cells", len(plan.cells), MOST_NAMES)
    yield from cell_faults(plan.cells)
    yield from faults(plan.preset, plan.cells)
    if not plan.tasks or len(plan.task) < len(plan.tasks):
        yield "it needs at least one task, and none twice"
    for task in plan.tasks:
        yield from task_faults(task.name, task.rules, plan.preset.search.noise_draws)
        name, grid = _grid_of(task.name, task.rules, plan.preset.grid)
        yield from _grid_size(name, grid, len(task.rules.budgets))
        yield from _grid(name, grid)
        yield from _facts(task.facts)
    yield from _facts(plan.filter)
    if TaskName.parse(plan.filter.name).is_own:
        yield f"{plan.filter.name}: the filter is a file"


def _facts(facts: TaskFacts) -> Iterator[str]:
    if facts.symbols < 1:
        yield f"{facts.name}: it has {facts.symbols} symbols"
    if not (math.isfinite(facts.floor) and math.isfinite(facts.ceiling)) or facts.floor == facts.ceiling:
        yield f"{facts.name}: its scores lie between {facts.floor} and {facts.ceiling}"
    if not 0 <= facts.spread < math.inf:
        yield f"{facts.name}: its positions spread by {facts.spread}"


def _too_large(key: str, value: object) -> Iterator[str]:
    """Yield the keys of numbers that no database holds."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _too_large(f"{key}.{name}".lstrip("."), inner)
    if isinstance(value, tuple):
        for inner in value:
            yield from _too_large(key, inner)
    if isinstance(value, int) and abs(value) > LARGEST:
        yield f"{key} has {len(str(abs(value)))} digits; numbers go up to {LARGEST:,}"


def _too_much(preset: Preset) -> Iterator[str]:
    """Yield what would take all time or memory before anything else is said."""
    for key in (
        "search.look_ahead",
        "search.pool",
        "search.noise_draws",
        "search.verdict_settings",
        "training.batch",
        "training.unroll",
    ):
        table, _, name = key.partition(".")
        yield from _above(key, getattr(getattr(preset, table), name), MOST[key])
    yield from _above(
        "training.batch times unroll", preset.training.batch * preset.training.unroll, MOST_POSITIONS
    )
    for key in ("tasks", "start", "references"):
        yield from _above(f"the length of search.{key}", len(getattr(preset.search, key)), MOST_NAMES)
    named = {f"tasks.{name}": rules for name, rules in preset.tasks.items()}
    for name, rules in {**named, "own": preset.own}.items():
        yield from _too_much_of(name, rules)
        yield from _grid_size(*_grid_of(name, rules, preset.grid), len(rules.budgets))
    yield from _too_much_of("filter", preset.filter)
    yield from _grid_size("filter.grid", preset.filter.grid, 1)


def _too_much_of(name: str, rules: TaskRules | FilterRules) -> Iterator[str]:
    numbers = {key: getattr(rules, key, 0) for key in ("steps", "epoch_steps", "validation", "tries", "G")}
    budgets = rules.budgets if isinstance(rules, TaskRules) else (rules.budget,)
    for key, value in {**numbers, "budget": max(budgets, default=0)}.items():
        yield from _above(f"{name}.{key}", value, MOST[key])
    yield from _above(
        f"{name}: steps over epoch_steps", rules.steps // max(1, rules.epoch_steps), MOST_VALIDATIONS
    )
    yield from _above(f"the length of {name}.rungs", len(getattr(rules, "rungs", ())), MOST_NAMES)


def _grid_size(name: str, grid: Grid, budgets: int) -> Iterator[str]:
    size = math.prod(len(getattr(grid, axis)) for axis in grid.__struct_fields__) * budgets
    yield from _above(f"{name}: the number of its settings", size, MOST_SETTINGS)
    yield from _above(f"{name}.layers", max(grid.layers, default=0), MOST_LAYERS)


def _above(what: str, value: int, most: int) -> Iterator[str]:
    if value > most:
        yield f"{what} is {value:,}; it must be at most {most:,}"


def _search(search: SearchRules, known: set[str]) -> Iterator[str]:
    least_of = {"look_ahead": 1, "pool": 1, "noise_draws": 0, "max_candidates": 1, "verdict_settings": 1}
    for key, least in least_of.items():
        value = getattr(search, key)
        if value is not None and value < least:
            yield f"search.{key} is {value}; it must be at least {least}"
    if not search.start:
        yield "search.start is empty; a search starts from at least one cell"
    for key in ("start", "references"):
        for name in getattr(search, key):
            if name not in known:
                yield f"search.{key}: no library cell {name[:80]!r}{did_you_mean(name, known)}"
    if "gru" not in search.references:
        yield "search.references lacks 'gru', the baseline of every ratio"
    if missing := [name for name in search.start if name not in search.references]:
        yield f"start cells must be references too; missing there: {', '.join(missing)}"
    if not search.tasks:
        yield "search.tasks is empty; a search has at least one task"
    if len(set(search.tasks)) < len(search.tasks):
        yield "search.tasks names a task twice"
    if not 0 <= search.reexamine < 1:
        yield f"search.reexamine is {search.reexamine}; it lies in [0, 1)"
    if not 0 <= search.verdict < 1:
        yield f"search.verdict is {search.verdict}; it lies in [0, 1)"
    if not 0 <= search.stability <= 1:
        yield f"search.stability is {search.stability}; it lies in [0, 1]"


def _searched(preset: Preset) -> Iterator[str]:
    """Yield what is wrong with the tasks that a search takes by itself."""
    try:
        planned = {name: rules_of(preset, name) for name in preset.search.tasks}
    except PresetError as error:
        yield f"search.tasks: {error}"
        return
    if unplanned := [name for name, rules in planned.items() if rules is None]:
        yield f"search.tasks names {', '.join(unplanned)}, which has no [tasks.…] table"
    for name, rules in planned.items():
        if rules is not None and name not in preset.tasks:
            yield from task_faults(f"search.tasks: {name}", rules, preset.search.noise_draws)


def _named(name: str, rules: TaskRules) -> Iterator[str]:
    """Yield it if the name of a table says another budget than the table."""
    try:
        budget = named_budget(name)
    except PresetError as error:
        yield f"tasks.{name}: {error}"
        return
    if budget is not None and rules.budgets != (budget,):
        shown = ", ".join(f"{each:,}" for each in rules.budgets)
        yield f"tasks.{name}: its name says {budget:,} parameters, its budget {shown}; let them agree"


def _width_of_x(training: TrainingRules) -> Iterator[str]:
    if training.x_width is UNSET:
        return
    if training.x != "narrow":
        yield 'training.x_width goes with x = "narrow"'
    elif not 1 <= training.x_width <= MOST["training.x_width"]:
        yield f"training.x_width is {training.x_width:,}; it lies between 1 and {MOST['training.x_width']:,}"


def _belief(search: SearchRules, rule: Rule) -> Iterator[str]:
    if not 0 <= search.placebo <= MOST_PLACEBO:
        yield f"search.placebo is {search.placebo}; it lies in [0, {MOST_PLACEBO}]"
    if rule == "published" and (search.placebo or search.reexamination != "random"):
        yield "search.placebo and search.reexamination = 'top-two' go with rule = 'paired'"
    if search.reexamination == "top-two" and search.noise_draws < 1:
        yield "search.reexamination is 'top-two', which needs search.noise_draws of at least 1"


def _max_time(text: str | None) -> Iterator[str]:
    try:
        if text is not None:
            parse_duration(text)
    except PresetError as error:
        yield f"search.max_time: {error}"


def _filter(rules: FilterRules) -> Iterator[str]:
    if min(rules.budget, rules.steps, rules.epoch_steps, rules.validation) < 1 or rules.tries < 0:
        yield "filter: budget, steps, epoch_steps and validation are at least 1, tries at least 0"
    if not 0 < rules.threshold <= 1:
        yield f"filter.threshold is {rules.threshold}; it lies in (0, 1]"


def task_faults(name: str, rules: TaskRules, noise_draws: int) -> Iterator[str]:
    """Yield what makes no task of a search.

    Args:
        name: What the task is called in a fault.
        rules: How it is trained and judged.
        noise_draws: Of the preset.
    """
    yield from _too_much_of(name, rules)
    yield from _task(name, rules, noise_draws)


def _task(name: str, rules: TaskRules, noise_draws: int) -> Iterator[str]:
    if not rules.budgets or len(set(rules.budgets)) < len(rules.budgets):
        yield f"{name}: budget is a number, or a list of different ones"
    if min(rules.steps, rules.epoch_steps, rules.validation, *rules.budgets) < 1:
        yield f"{name}: budget, steps, epoch_steps and validation are at least 1"
    if not 1 <= rules.k <= rules.G:
        yield f"{name}: k is {rules.k} and G {rules.G}; 1 <= k <= G"
    if rules.gate == "noise":
        if noise_draws < 1:
            yield f"{name}: gate is 'noise', which needs search.noise_draws of at least 1"
    elif not 0 <= rules.gate < 1:
        yield f"{name}: gate is {rules.gate}; it lies in [0, 1) or is 'noise'"
    whole_epochs = not any(rung % rules.epoch_steps for rung in rules.rungs)
    growing = all(a < b for a, b in itertools.pairwise((0, *rules.rungs, rules.steps)))
    if not (whole_epochs and growing):
        shown = ", ".join(map(str, rules.rungs))
        yield f"{name}: rungs are {shown}; they grow, are multiples of epoch_steps ({rules.epoch_steps}), and below steps"
    if not 0 < rules.min_skill < 1:
        yield f"{name}: min_skill is {rules.min_skill}; it lies in (0, 1)"


def _grid_of(name: str, rules: TaskRules, grid: Grid) -> tuple[str, Grid]:
    """Return what a task's settings are drawn from, and the key of what says so.

    Args:
        name: The key of the task.
        rules: Of the task.
        grid: Of the preset.
    """
    return ("grid" if rules.grid is UNSET else f"{name}.grid"), rules.grid_over(grid)


def _grid(name: str, grid: Grid) -> Iterator[str]:
    for axis in grid.__struct_fields__:
        values = getattr(grid, axis)
        if not values or len(set(values)) < len(values):
            yield f"{name}.{axis}: it needs at least one value, and none twice"
    if not all(0 < value < math.inf for value in (*grid.rate, *grid.scale, *grid.clip, *grid.layers)):
        yield f"{name}: rates, scales, clips and layers are positive"
    if not all(0 <= p < 1 for p in grid.dropout):
        yield f"{name}: dropout lies in [0, 1)"
