"""Who trains a search: workers of this machine or of a cluster, and what people should read of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archsearch.actions.request import EvolveOptions
from archsearch.protocol.plan import RunPlan
from archsearch.tasks import TaskSource
from archsearch.workers.cluster.pool import ClusterPool
from archsearch.workers.pool import WorkerPool


def open_crew(
    options: EvolveOptions,
    data: str | None,
    sources: Mapping[str, TaskSource],
    said: Callable[[str], object] = lambda text: None,
) -> WorkerPool:
    """Return the workers that train, here or on a cluster.

    Args:
        options: What was asked for.
        data: The folder of the tasks' files.
        sources: Where the files of users' own tasks lie.
        said: Takes what people should read of a cluster.
    """
    if options.cluster is None:
        return WorkerPool(list(options.devices), data, sources)
    if warning := options.cluster.warning:
        said(warning)
    return ClusterPool(options.cluster, data, sources, said)


def look_ahead_hint(plan: RunPlan, workers: int) -> str:
    """Return what to say of a plan that looks less far ahead than keeps all workers busy; nothing of one that does not."""
    ahead = plan.preset.search.look_ahead
    if workers <= ahead:
        return ""
    return (
        f"{workers} workers, and the run looks {ahead} steps ahead: some will wait. A run that begins with "
        f"--set search.look_ahead={workers} keeps them busy; it is another run, with other steps"
    )


def cluster_words(options: EvolveOptions, pool: WorkerPool) -> str:
    """Return which workers of a cluster train, in words; nothing where none does."""
    if options.cluster is None:
        return ""
    return f"{len(pool.devices)} worker{'s' * (len(pool.devices) > 1)} on {options.cluster.named}"
