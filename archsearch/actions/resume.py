"""Says where what a person asks for now differs from a run that exists; a run goes on only as it began."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from archsearch.actions.own_tasks import recorded_name
from archsearch.actions.request import NO_LATER_CELL, Request
from archsearch.actions.resolve import ResolvedRequest
from archsearch.actions.tasks import ResolvedTask
from archsearch.cell import load_space
from archsearch.compiler.engine_names import INTERPRETER, find_engine, trains_stacks
from archsearch.errors import InputError
from archsearch.mutations import MUTATIONS, check_mutations
from archsearch.protocol.loading import changed_preset, load_preset
from archsearch.protocol.named_cells import with_cells
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.protocol.preset import Preset
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.references import reference_cells
from archsearch.store import RunStore
from archsearch.words import flattened
from archsearch.workers.messages import Hello

MAY_CHANGE = {"search.max_time", "search.max_candidates", "note"}
"""What a preset's file may say otherwise now."""


def request_of_run(request: Request, plan: RunPlan) -> ResolvedRequest:
    """Return what an existing run was asked for, where the new request says nothing else.

    Args:
        request: The new request.
        plan: The run's plan.

    Raises:
        InputError: It does say something else; the message gives the differences.
    """
    if differences := _request_differences(request, plan):
        words = "; ".join(differences)
        way = f"; {NO_LATER_CELL}" if request.has_cells else ""
        raise InputError(
            f"this run has other settings: {words}. Start another run (--run NAME), or leave them out{way}"
        )
    check_mutations(plan.space, MUTATIONS)
    return ResolvedRequest(
        preset_name=plan.preset_name,
        preset=plan.preset,
        tasks=tuple(ResolvedTask(task.name, task.full_name, task.rules) for task in plan.tasks),
        strategy=plan.strategy,
        space=plan.space.name,
        seed=plan.seed,
    )


def _request_differences(request: Request, plan: RunPlan) -> list[str]:
    differences = []
    name, preset = load_preset(request.preset) if request.preset else (plan.preset_name, plan.preset)
    asked, _ = with_cells(
        changed_preset(name, preset, request.changes), plan.cells, request.start, request.references
    )
    differences += _difference("preset", name, plan.preset_name) or _preset_differences(asked, plan.preset)
    if request.space is not None and load_space(request.space) != plan.space:
        differences += [f"space is {plan.space.name}, asked for {request.space}"]
    differences += _difference("strategy", request.strategy, plan.strategy)
    differences += _difference("seed", request.seed, plan.seed)
    return differences + _task_differences(request, [task.name for task in plan.tasks])


def _task_differences(request: Request, recorded: list[str]) -> list[str]:
    """Return the difference of the tasks; own ones alone need not be all, and may lie elsewhere by now."""
    own = [recorded_name(name, recorded) for name in request.own]
    if request.tasks is None and set(own) <= set(recorded):
        return []
    return _difference("tasks", ", ".join([*(request.tasks or ()), *own]), ", ".join(recorded))


def check_same_measurement(plan: RunPlan, facts: Mapping[str, TaskFacts], hello: Hello) -> None:
    """Refuse to go on with a run whose data, engine or machine are not what they were.

    Args:
        plan: The run's plan.
        facts: What its tasks say of themselves now, by full name.
        hello: What the workers are now.

    Raises:
        InputError: Names the differences.
    """
    differences = _difference("engine", hello.engine, plan.engine)
    differences += _difference("machine", hello.machine, plan.machine)
    for recorded in [*(task.facts for task in plan.tasks), plan.filter]:
        if _with_floor_of(recorded, facts[recorded.name]) != recorded:
            differences.append(f"the data of {recorded.name} have changed")
    if differences:
        words = "; ".join(differences)
        raise InputError(f"scores would not compare with this run's: {words}. {_way_on(plan, hello)}")


def _way_on(plan: RunPlan, hello: Hello) -> str:
    """Return how a run can go on that was begun with another engine."""
    if trains_stacks(hello.engine) and not trains_stacks(plan.engine):
        return "Go on with --device cpu, or start another run here"
    began, now = find_engine(plan.engine), find_engine(hello.engine)
    if began is INTERPRETER and now is not INTERPRETER:
        return "Go on with ARCHSEARCH_ENGINE=interpreter before the command, or start another run, which is faster"
    if hello.trouble and began is not INTERPRETER:
        return f"Mend what keeps it from its engine ({hello.trouble.strip()}), or start another run here"
    return "Start another run here"


def reopen_unused(store: RunStore) -> None:
    """Put the trials back to the queue that the host ended and no told step has used: another time they may go well.

    What told steps have used stays, or the leaderboard would be another; all of them have used the references.
    """
    ended = store.trials.host_ended()
    if not ended or not store.steps.has_told:
        return store.trials.reopen(ended)
    plan = store.facts.plan
    tried = {trial.cell for trial in ended}
    steps = [step for cell in tried for step, verdict in store.steps.of(cell) if verdict is not None]
    used = {trial for step in steps for trial in possible_trials(plan, step)}
    used |= {plan.filter_trial(step.cell, step.filter) for step in steps if step.filter is not None}
    references = {cell.id for cell in reference_cells(plan).values()}
    store.trials.reopen(trial for trial in ended if trial not in used and trial.cell not in references)


def _with_floor_of(recorded: TaskFacts, now: TaskFacts) -> TaskFacts:
    """Return what a task says now, with the recorded floor where that lies above any floor of today; its run keeps it."""
    above = recorded.measure == "nll" and recorded.floor > math.log(recorded.symbols)
    return msgspec.structs.replace(now, floor=recorded.floor) if above else now


def _difference(what: str, asked: Any, recorded: Any) -> list[str]:
    return [] if asked is None or asked == recorded else [f"{what} is {recorded}, asked for {asked}"]


def _preset_differences(asked: Preset, recorded: Preset) -> list[str]:
    """Return what a preset's file says now that it did not say when the run began."""
    now, then = (flattened(msgspec.to_builtins(preset)) for preset in (asked, recorded))
    keys = sorted((now.keys() | then.keys()) - MAY_CHANGE)
    return [
        f"{key} is {then.get(key)}, asked for {now.get(key)}" for key in keys if now.get(key) != then.get(key)
    ]
