"""Finds the run that a search goes on with, or makes it: locked, so that nobody else searches in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from archsearch.actions.merged_words import parts_words
from archsearch.actions.request import NO_LATER_CELL, EvolveOptions
from archsearch.errors import InputError, RunLocked, StoreError
from archsearch.protocol.plan import RunPlan
from archsearch.store import Lock, RunStore, free_name, list_runs, make_run
from archsearch.store.run_store import FILE


def locked_run(stack: ExitStack, folder: Path) -> RunStore:
    """Return a run that exists, opened for writing; the stack unlocks and closes it.

    Raises:
        InputError: The folder is no run.
        RunLocked: Another process searches in it.
    """
    if not (folder / FILE).exists():
        raise InputError(f"{folder} is no run: it has no {FILE}; give another name")
    stack.enter_context(Lock(folder))
    store = RunStore.open(folder, write=True)
    stack.callback(store.close)
    return store


def named_run(stack: ExitStack, options: EvolveOptions, folder: Path | None) -> RunStore | None:
    """Return the run that was named, locked, if it exists.

    Args:
        stack: Unlocks and closes the run.
        options: What was asked for.
        folder: Where the named run lies; None if none was named.

    Raises:
        InputError: The folder is no run, or a merged one.
        RunLocked: Another process searches in it; also says what becomes of cells that were given.
    """
    if folder is None or not folder.exists():
        return None
    try:
        store = locked_run(stack, folder)
    except RunLocked as error:
        raise RunLocked(f"{error}; {NO_LATER_CELL}" if options.request.has_cells else str(error)) from None
    check_searched(store)
    return store


def check_searched(store: RunStore) -> None:
    """Refuse a merged run where a search is wanted: it is what several searches found, and none of its own.

    Raises:
        InputError: Says which runs a search goes on in.
    """
    if store.facts.merged:
        raise InputError(
            f"{store.folder.name} is merged of {parts_words(store.facts.merged)} and has no search of its own; go on with "
            "one of those and merge again under another name, or begin a run from its best cells (archsearch evolve "
            f"--from {store.folder.name})"
        )


def run_of_plan(
    stack: ExitStack,
    options: EvolveOptions,
    plan: RunPlan,
    folder: Path | None,
    *,
    check: Callable[[RunPlan], None] | None = None,
) -> tuple[RunStore, bool]:
    """Return the run of a plan, locked, and whether it is new; others may start theirs at the same time.

    Args:
        stack: Unlocks and closes the run.
        options: What was asked for.
        plan: The plan.
        folder: Where the run is to lie, if that was said; it did not exist a moment ago.
        check: Raises where a run of such a plan must not be made; one that exists goes on.

    Raises:
        InputError: The folder exists by now, or fewer candidates were asked for than the run has.
        RunLocked: The run that was named is in use.
    """
    while True:
        if folder is None and (store := _unfinished(stack, options.runs, plan)) is not None:
            check_candidates(options, store)
            return store, False
        if check is not None:
            check(plan)
        place = folder or options.runs / free_name(plan.preset_name, options.runs)
        try:
            make_run(place, plan)
            return locked_run(stack, place), True
        except FileExistsError:
            if folder is not None:
                raise _made_meanwhile(folder) from None
        except RunLocked:
            if folder is not None:
                raise


def _made_meanwhile(folder: Path) -> InputError:
    with ExitStack() as stack:
        locked_run(stack, folder)  # in use, as a rule, which is what to say then
    return InputError(f"{folder} was made by another process just now; give the same command again")


def _unfinished(stack: ExitStack, runs: Path, plan: RunPlan) -> RunStore | None:
    """Return the newest unfinished run with an equal plan, locked, if there is one."""
    for folder in list_runs(runs):
        with (
            contextlib.suppress(StoreError, RunLocked),
            ExitStack() as opened,
        ):  # others' runs, and damaged ones
            store = RunStore.open(folder)
            opened.callback(store.close)
            if not _can_go_on(store, plan):
                continue
            store = locked_run(opened, folder)
            if _can_go_on(store, plan):  # still
                stack.push(opened.pop_all())
                return store
    return None


def _can_go_on(store: RunStore, plan: RunPlan) -> bool:
    return store.facts.ended is None and store.facts.plan.without_limits() == plan.without_limits()


def check_candidates(options: EvolveOptions, store: RunStore) -> None:
    """Refuse a limit that a run is past already.

    Raises:
        InputError: Says how many candidates the run has.
    """
    _, told = store.standings.told_and_candidates()
    if options.max_candidates is not None and options.max_candidates < told:
        asked = f"--max-candidates {options.max_candidates}"
        raise InputError(f"{asked} is below the {told} candidates that the run has; it is the run's total")
