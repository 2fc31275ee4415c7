"""The command that makes a run again, from its plan alone."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec

from archsearch.protocol.ladder import with_sizes
from archsearch.protocol.loading import load_preset, preset_names
from archsearch.protocol.plan import RunPlan
from archsearch.reports.material import RunMaterial
from archsearch.store import Session
from archsearch.tasks import TaskName
from archsearch.words import flattened

LIMITS = ("search.max_time", "search.max_candidates")
"""What a session says anew."""


def repeating(material: RunMaterial) -> tuple[str, list[str]]:
    """Return the command that makes a run again, and what it needs besides, in sentences.

    Of a merged run the commands that make each of the runs that it was made of, and merge them.
    """
    if material.board.merged:
        parts = material.board.merged
        searches = [
            _searching(material.plan, part.seed, Session(part.candidates), part.run) for part in parts
        ]
        merging = ["archsearch", "runs", "merge", *(part.run for part in parts), "-o", material.board.run]
        return " && ".join([*searches, shlex.join(merging)]), _needs(material.plan)
    return _searching(material.plan, material.plan.seed, material.session), _needs(material.plan)


def _searching(plan: RunPlan, seed: int, session: Session | None, run: str = "") -> str:
    """Return the command of a search.

    Args:
        plan: Of the run.
        seed: Its seed.
        session: When it is finished; None for what the preset says.
        run: Its name; empty for the next that is free.
    """
    words = ["archsearch", "evolve", *(["--run", run] if run else [])]
    words += ["--preset", _preset(plan), "--strategy", plan.strategy]
    words += ["--space", plan.space.name, "--seed", str(seed)]
    named = [task.name for task in plan.tasks if not TaskName.parse(task.full_name).is_own]
    words += ["--tasks", ",".join(named)] if named else []
    for task in plan.tasks:
        words += ["--task", task.full_name] if TaskName.parse(task.full_name).is_own else []
    for key, value in _changes(plan).items():
        words += ["--set", f"{key}={_toml(value)}"]
    if session is not None and session.max_candidates is not None:
        words += ["--max-candidates", str(session.max_candidates)]
    if session is not None and session.max_seconds is not None:
        words += ["--max-time", f"{session.max_seconds:g}s"]
    return shlex.join(words)


def _preset(plan: RunPlan) -> str:
    return plan.preset_name if plan.preset_name in preset_names() else f"{plan.preset_name}.toml"


def _changes(plan: RunPlan) -> dict[str, Any]:
    """Return what the plan's preset says otherwise than the one of its name; nothing where that is a user's file."""
    if plan.preset_name not in preset_names():
        return {}
    preset, changed = (msgspec.to_builtins(each) for each in (load_preset(plan.preset_name)[1], plan.preset))
    sizes = set(changed["tasks"]) - set(
        preset["tasks"]
    )  # such as xml@30k: what it does not say is said of xml
    bases = {name: task for name, task in changed["tasks"].items() if name not in sizes}
    preset["tasks"] |= {name: task for name, task in with_sizes(bases, sizes).items() if name in sizes}
    named, ours = (
        flattened({key: value for key, value in content.items() if key != "note"})
        for content in (preset, changed)
    )
    own = set(plan.cells)
    changed = {
        key: value
        for key, value in ours.items()
        if key not in LIMITS and named.get(key) != value and value is not None
    }
    return {
        key: value
        for key, value in changed.items()
        if not (own and key in ("search.start", "search.references"))
    }


def _toml(value: Any) -> str:
    """Return a value as a preset's file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return msgspec.json.encode(value).decode()


def _needs(plan: RunPlan) -> list[str]:
    said = [
        f"The same numbers need the same engine, {plan.engine}, on the same kind of machine: {plan.machine}."
    ]
    if plan.preset_name not in preset_names():
        said.append(
            "The preset is a file of whoever searched; run.toml in the run's folder holds all that it says."
        )
    if plan.cells:
        said.append(
            "Some of its first cells are not in the library; run.toml has their texts (--start, --reference)."
        )
    if any(TaskName.parse(task.full_name).is_own for task in plan.tasks):
        said.append("Its own tasks are files, which the run holds the checksums of and not the content.")
    return said
